/* Inside of drivers/host: the object, its listeners and its streams. */
#ifndef ZL_DRIVERS_HOST_STATE_H
#define ZL_DRIVERS_HOST_STATE_H

#include <sys/epoll.h>
#include <sys/socket.h>

#include "drivers/host/kernel.h"

#define LISTENERS_MAX 256
#define CLOSING_NS    30000000000ull /* for the peer to end after us */
#define BATCH_MAX     32             /* buffers that one read fills */

enum reason {
#define X(name, error) REASON_##name,
#include "drivers/host/kernel_reasons.def"
#undef X
	REASONS
};
extern const char *const reason_name[REASONS];
/* What a failed call means. */
enum reason reason_of(int error);

/* What an epoll event is about: the first member of both. */
enum kind {
	KIND_LISTENER,
	KIND_STREAM
};

struct listener {
	enum kind kind;
	int fd; /* -1: free */
	uint64_t cookie;
	struct zl_ipc_endpoint at;
	struct zl_tcp_settings settings;
	bool paused;
	uint64_t resume_ns;
	/* ipc: the file is removed if it is still this one */
	char path[108];
	uint64_t device, inode;
};

enum stream_state {
	STREAM_FREE,
	STREAM_CONNECTING,
	STREAM_OPEN,
	STREAM_CLOSING, /* the owner has said its last: what is queued goes out, then FIN */
	STREAM_DEAD     /* its place is free at the end of the turn */
};

struct kstream {
	enum kind kind;
	enum stream_state state;
	int fd;
	struct zl_stream stream;
	struct zl_kernel *kernel;
	uint32_t carrier;
	/* What the kernel last said, edge by edge: true until a call says EAGAIN. */
	bool readable, writable;
	bool read_ended, write_ended; /* end of file or an error; nothing more can be sent */
	bool fin_sent;
	bool awaits_end;               /* CLOSING, and all has been sent */
	uint8_t batch;                 /* buffers that the next read is given */
	enum reason reason;            /* why it ends, once read_ended */
	uint32_t budget;               /* bytes that take() may still read this turn */
	uint32_t held;                 /* bytes taken and not consumed */
	struct rte_mbuf *rx, *rx_last; /* read and not taken: chained by `next` */
	uint64_t deadline_ns; /* of a dial; of what lingers; of the peer's end after ours */
	struct kstream *next_active, *next_output, *next_free;
	bool active, outputs; /* on those lists */
};

struct zl_kernel {
	struct zl_kernel_config config;
	int epoll;
	uint64_t now_ns, expire_at_ns;
	struct listener listener[LISTENERS_MAX];
	struct kstream *streams, *free;
	struct kstream *active; /* have something for their owner */
	struct kstream *output; /* have something to write */
	struct kstream *dead;
	uint32_t open, timed, paused; /* timed: those with a deadline */
	bool dry;                     /* packet memory is short: nothing is read this turn */
	struct rte_mbuf *spare[BATCH_MAX];
	unsigned spares;
	uint64_t counter[ZL_KERNEL_COUNTERS];
};

static inline struct kstream *kstream_of(const struct zl_stream *s)
{
	return (struct kstream *)((uintptr_t)s - offsetof(struct kstream, stream));
}

/* stream.c */
extern const struct zl_stream_ops kernel_stream_ops;
struct kstream *stream_new(struct zl_kernel *k, int fd, uint32_t carrier);
/* Hears of its descriptor from now on. 0 or -errno. */
int stream_watch(struct kstream *s);
void stream_activate(struct kstream *s);
void stream_want_output(struct kstream *s);
/* The end: its descriptor is closed now, its place is given back at the end of the turn. No event.
 */
void stream_release(struct kstream *s, enum reason reason);
/* The same with events->closed first. */
void stream_end(struct kstream *s, enum reason reason);

/* read.c */
struct rte_mbuf *read_take(struct kstream *s);
void read_drop(struct kstream *s);
void read_spares_free(struct zl_kernel *k);

/* write.c */
void write_some(struct kstream *s);

/* listen.c */
void listener_accept(struct zl_kernel *k, struct listener *l);
void listeners_resume(struct zl_kernel *k);
void listener_close(struct listener *l);

/* connect.c */
void connect_done(struct kstream *s);

/* carriers.c */
int carrier_socket(const struct zl_ipc_endpoint *at, struct sockaddr_storage *address,
		   socklen_t *bytes);
void carrier_before_bind(int fd, const struct zl_ipc_endpoint *at);
void carrier_before_source(int fd, const struct zl_ipc_endpoint *at);
/* TIPC: a bind without a service gets a name with its socket; one with a service is known by that.
 */
bool carrier_names_itself(const struct zl_ipc_endpoint *at);
bool carrier_keeps_name(const struct zl_ipc_endpoint *at);

/* settings.c */
/* Before it binds or connects, or once it has been accepted. */
void stream_settings(const struct zl_kernel *k, int fd, uint32_t carrier,
		     const struct zl_tcp_settings *settings);
/* Are bytes of it with this kernel that its peer has not acknowledged? */
bool stream_unsent(const struct kstream *s);
/* UINT64_MAX: none. */
void stream_deadline(struct kstream *s, uint64_t at_ns);

/* unix.c */
/* Before and after bind(): a stale file is removed, permissions are set, the file is remembered. */
int unix_before_bind(const struct zl_kernel *k, struct sockaddr_storage *address, socklen_t *bytes);
int unix_after_bind(struct listener *l, const struct sockaddr_storage *address, socklen_t bytes);
void unix_remove(const struct listener *l);
bool unix_lets_in(const struct zl_ipc_endpoint *at, int fd);

#endif
