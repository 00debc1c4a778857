/* NORM sessions (RFC 5740) by libnorm, as libzmq's norm_engine has them: a source's one stream, or
 * the streams of whoever sends to the group. What is in them is the caller's (norm_stream.h).
 *
 * libnorm does its work on a thread of its own, one a session, without capabilities. Between
 * zl_norm_begin() and zl_norm_end() that thread stands still, and everything else here is called
 * between them; to begin waits for as long as it takes to handle the packets that are at hand.
 * Nothing else waits.
 *
 * Memory: a source has buffer_bytes for repairs and twice as much for its stream; a receiver has
 * buffer_bytes for each source, and twice what the source says of its stream, which libnorm does
 * not limit: a group is to be trusted as far as that.
 *
 * The files: norm.c a session, from its beginning to its end; norm_in.c what is heard. */
#ifndef ZL_DRIVERS_HOST_NORM_H
#define ZL_DRIVERS_HOST_NORM_H

#include <stdbool.h>
#include <stdint.h>

#include "control/ipc/ipc.h"

#define ZL_NORM_SOURCES 32 /* that a session receives at once, at most */

struct zl_norm;

/* By libzmq's numbers (ZMQ_NORM_MODE). */
enum zl_norm_mode {
	ZL_NORM_FIXED,
	ZL_NORM_CC, /* TCP-friendly: RFC 4654 */
	ZL_NORM_CCL /* which tolerates loss */
};

struct zl_norm_config {
	uint32_t ip; /* a group's; host order */
	uint16_t port;
	char device[ZL_DEVICE_MAX]; /* the interface, or "": as the kernel routes */
	uint32_t node;              /* what this end is called; 0: a number is drawn */
	bool sends;                 /* else it receives */
	bool loop;                  /* what it sends is heard on this machine */
	bool unicast_nack;
	uint8_t hops, tos;
	enum zl_norm_mode mode;
	uint64_t rate_bits; /* a second; FIXED */
	uint32_t buffer_bytes;
	uint16_t segment_bytes;
	uint8_t block, parity; /* packets */
	unsigned sources;      /* ZL_NORM_SOURCES at most */
};

/* Of a receiver, called from zl_norm_begin() and zl_norm_read(). `source` is below `sources`. */
struct zl_norm_ops {
	/* It has a stream now, which is read from a message's beginning. */
	void (*opened)(void *ctx, unsigned source);
	/* Something is missing: what comes next is some message's beginning again. */
	void (*lost)(void *ctx, unsigned source);
	/* It has none any more. */
	void (*closed)(void *ctx, unsigned source);
	/* There are too many, and none of them is silent. */
	void (*refused)(void *ctx);
};

/* On the main thread. NULL: errno (ENODEV: no such interface, or it has no address). */
struct zl_norm *zl_norm_create(const struct zl_norm_config *config, const struct zl_norm_ops *ops,
			       void *ctx);
/* Likewise; what has not been sent is lost. NULL: none. */
void zl_norm_destroy(struct zl_norm *n);

/* Readable while it has something to say. */
int zl_norm_fd(const struct zl_norm *n);

/* Hears what libnorm has to say, and holds it. */
void zl_norm_begin(struct zl_norm *n);
void zl_norm_end(struct zl_norm *n);

/* --- of a source --- */
/* How many bytes it took; fewer than len: there is room again when it says so, or soon. */
unsigned zl_norm_write(struct zl_norm *n, const uint8_t *at, unsigned len);
/* What is written next is a message's beginning, where who has joined may begin. */
void zl_norm_mark(struct zl_norm *n);
/* What was written goes out, and is asked for if it is missed, though nothing follows. */
void zl_norm_flush(struct zl_norm *n);

/* --- of a receiver --- */
/* A source that may have something to be read: from number `from` on, round and round; -1: none. */
int zl_norm_next(const struct zl_norm *n, unsigned from);
/* Of a source that has a stream. */
bool zl_norm_hears(const struct zl_norm *n);
/* libnorm tells of what comes next in order, but not that a hole before it has become too old to be
 * filled: while sources are heard, each may have something, which is to be looked for now and then.
 */
void zl_norm_look(struct zl_norm *n);
/* Bytes of a source's stream; 0: no more now. */
unsigned zl_norm_read(struct zl_norm *n, unsigned source, uint8_t *at, unsigned room);
/* What was read is no message: what is read next is some message's beginning. */
void zl_norm_resync(struct zl_norm *n, unsigned source);

#endif
