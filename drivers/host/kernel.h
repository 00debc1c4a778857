/* The kernel's byte streams as streams of the dataplane (dataplane/net/stream.h): TCP on the
 * kernel's addresses, ipc (AF_UNIX), TIPC, vsock. One object, of the host core: every function is
 * called on that core alone, none waits, and system calls are what this folder is for.
 *
 * Receiving: nothing is read ahead of the owner. take() reads from the socket, up to a budget a
 * turn, so that an owner under back-pressure leaves its peer's bytes in the kernel, which holds the
 * peer. Sending: slices go to the kernel where they lie; what it has accepted is released. A peer
 * that closes with bytes of ours unread ends our sending, but what it sent before is still read.
 *
 * The files: kernel.c the object and its turn; listen.c binds; connect.c dials; stream.c what an
 * owner may do; read.c, write.c bytes; carriers.c how the kinds of socket differ; unix.c files of
 * ipc, and whom they let in; explain.c what a person is told; settings.c the options
 * of a socket. */
#ifndef ZL_DRIVERS_HOST_KERNEL_H
#define ZL_DRIVERS_HOST_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/ipc/ipc.h"
#include "dataplane/net/stream.h"

struct zl_kernel;

struct zl_kernel_config {
	/* As zl_net_ops.accept: fill s->events and s->owner and return true, or have it reset. */
	bool (*accept)(void *ctx, uint64_t cookie, struct zl_stream *s);
	void *ctx;
	struct rte_mempool *frames; /* what is received */
	struct rte_mempool *blocks; /* of send queues */
	uint32_t max_streams;
	uint32_t backlog;           /* of each listener */
	uint32_t rcvbuf;            /* bytes that an owner may have taken and not consumed */
	uint32_t user_timeout_ms;   /* TCP: unacknowledged for so long, 0: the kernel's */
	uint32_t keepalive_idle_ms; /* TCP; 0: never */
	const char *directory;      /* for "ipc://" "*" */
};

/* Start-up only. NULL: errno. */
struct zl_kernel *zl_kernel_create(const struct zl_kernel_config *config);
/* Closes everything without a word to owners; removes the files of what still listens. NULL: none.
 */
void zl_kernel_destroy(struct zl_kernel *k);

/* Readable while zl_kernel_input has something to do. */
int zl_kernel_fd(const struct zl_kernel *k);
uint64_t zl_kernel_next_timer(const struct zl_kernel *k);
/* Each turn, first: accepts, and tells owners what is readable, connected, or over. Returns how
 * much there was. */
unsigned zl_kernel_input(struct zl_kernel *k, uint64_t now_ns);
/* Each turn, last: writes what was queued. Returns how many streams are not done with this turn. */
unsigned zl_kernel_output(struct zl_kernel *k, uint64_t now_ns);

/* A bind: listens, and says where; `cookie` is given to accept. Its streams have `settings` too.
 * 0 or -errno (explain.c). */
int zl_kernel_listen(struct zl_kernel *k, const struct zl_ipc_endpoint *at,
		     const struct zl_tcp_settings *settings, uint64_t cookie,
		     struct zl_ipc_sockaddr *bound);
/* Its streams stay. */
void zl_kernel_unlisten(struct zl_kernel *k, uint64_t cookie);
/* events->established or ->closed follows, never from within. 0 or -errno. */
int zl_kernel_connect(struct zl_kernel *k, const struct zl_ipc_endpoint *at,
		      const struct zl_tcp_settings *settings, const struct zl_stream_events *events,
		      void *owner, struct zl_stream **out);

/* How many streams were shut down here and have something that is not on its way yet: looks at all.
 */
uint32_t zl_kernel_sending(const struct zl_kernel *k);

/* Fills in carrier, ends and credentials as they are now. */
void zl_kernel_describe(const struct zl_stream *s, struct zl_ipc_stream_open *m);
/* TCP's smoothed round-trip time in microseconds, 0 for others. */
uint32_t zl_kernel_rtt_us(const struct zl_stream *s);

/* Any thread: one line about what zl_kernel_listen or zl_kernel_connect said of this endpoint. */
void zl_kernel_explain(const struct zl_ipc_endpoint *at, int error, char *text, size_t bytes);

/* Counters (kernel_counters.def), written on the host core. */
enum zl_kernel_counter {
#define X(name, text) ZL_KERNEL_##name,
#include "drivers/host/kernel_counters.def"
#undef X
	ZL_KERNEL_COUNTERS
};
extern const char *const zl_kernel_counter_name[ZL_KERNEL_COUNTERS];
extern const char *const zl_kernel_counter_text[ZL_KERNEL_COUNTERS];
const uint64_t *zl_kernel_counters(const struct zl_kernel *k);

#endif
