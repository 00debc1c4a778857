/* A message part as it travels inside one core: a small descriptor by value, pointing into a
 * reference-counted buffer. Compiled into the dataplane and into the application library, so it
 * knows neither DPDK nor a wire.
 *
 * Descriptors handed upward in a burst are BORROWED: the caller keeps its reference on the buffer
 * until the call returns. Whoever wants the bytes for longer takes references with zl_buf_ref(),
 * as few as it can (one for a run of messages of one buffer, not one a message). */
#ifndef ZL_RING_MSG_H
#define ZL_RING_MSG_H

#include <stdint.h>

/* Opaque here: an rte_mbuf (or chain) in the dataplane, a block of a segment in an application. */
struct zl_buf;

enum {
	ZL_MSG_MORE = 1 << 0,  /* more parts of this message follow */
	ZL_MSG_CHAIN = 1 << 1, /* the body goes on in the following segments of buf */
	ZL_MSG_SUBSCRIBE =
		1 << 2,         /* data is a prefix to subscribe to (SUBSCRIBE, or 0x01 message) */
	ZL_MSG_CANCEL = 1 << 3, /* data is a prefix to cancel (CANCEL, or 0x00 message) */
};

struct zl_msg {
	struct zl_buf *buf;  /* the buffer (head of a chain) that holds the bytes; never NULL */
	const uint8_t *data; /* first byte of the body, in buf's first segment */
	uint32_t len;        /* bytes of the body, over all segments */
	uint8_t flags;       /* ZL_MSG_* */
	uint8_t wire;        /* bytes of ZMTP frame header that stand just before data and describe
			      * this very part (2 or 9), so it can be forwarded as it came; or 0 */
	uint16_t reserved;
};
_Static_assert(sizeof(struct zl_msg) == 24, "a descriptor is three words");

/* Take n further references on buf, or give n back (the last one frees it, chain and all).
 * Any core. Each process links its own: dataplane/ring/buf_mbuf.c, drivers/app. */
void zl_buf_ref(struct zl_buf *buf, uint16_t n);
void zl_buf_unref(struct zl_buf *buf, uint16_t n);

/* One reference of each of these parts is given back, a buffer's run at a time. */
static inline void zl_msgs_unref(const struct zl_msg *msgs, unsigned n)
{
	for (unsigned i = 0, run; i < n; i += run) {
		for (run = 1; i + run < n && msgs[i + run].buf == msgs[i].buf; run++)
			;
		zl_buf_unref(msgs[i].buf, (uint16_t)run);
	}
}

/* Copies the first bytes of a body, over all of its segments, at most `max` of them; how many. For
 * a topic: the first segment of a ZL_MSG_CHAIN may end within it. Each process links its own. */
uint32_t zl_msg_peek(const struct zl_msg *msg, uint8_t *into, uint32_t max);

#endif
