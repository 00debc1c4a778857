/* A socket (on the dataplane: one core's shard of it): a pattern instance with its pipes. All calls
 * are made on the core, or by the application thread, that owns it.
 *
 * Messages are borrowed on the way in and on the way out (ring/msg.h). A call hands whole messages:
 * the parts of one message are contiguous, over as many calls as its size takes, with no other
 * pipe's parts between them. */
#ifndef ZL_ROUTER_SOCKET_H
#define ZL_ROUTER_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/ipc/ipc.h" /* socket types by number and name; device kinds */
#include "dataplane/router/options.h"
#include "dataplane/router/pipe.h"

#ifndef EFSM
#define EFSM 156384763 /* ZeroMQ's own errno (zmq.h): not in this state of the socket */
#endif

struct zl_backlogs;
struct zl_conflate;
struct zl_last;
struct zl_matcher;
struct zl_pattern;

/* What the socket hands outward; given at start by whoever wires it (lcore, application). */
struct zl_socket_ops {
	/* Put the same run of parts on each of these pipes: encoded once, queued by reference. The
	 * pattern has already done the accounting of zl_pipe; it must be able to hold what it is
	 * given or end the pipe's peer. */
	void (*write)(void *ctx, struct zl_pipe *const *pipes, unsigned n_pipes,
		      const struct zl_msg *msgs, unsigned n);
	/* Received for the socket's user (an application, a device). Returns how many parts were
	 * taken, at a message boundary; the rest will be offered again. */
	unsigned (*receive)(void *ctx, const struct zl_msg *msgs, unsigned n);
	/* May be NULL: always. Has whoever receives room for so many parts that are of no peer's
	 * input, and that nobody has asked about before? */
	bool (*has_room)(void *ctx, unsigned parts);
	/* Subscriptions and cancellations (flags) that peers sent, for whoever decides policy.
	 * Returns how many were taken. NULL: they come into force at once, or as an XPUB's options
	 * say, and its user receives them (xpub_user.h). */
	unsigned (*subscriptions)(void *ctx, struct zl_pipe *pipe, const struct zl_msg *msgs,
				  unsigned n);
	/* A user message part from a peer that may only subscribe: upstream traffic of XPUB. NULL:
	 * its user receives it. */
	bool (*upstream)(void *ctx, struct zl_pipe *pipe, const struct zl_msg *msg);
	/* May be NULL. A message will have no end, because its sender is gone in the middle of it.
	 * pipe NULL: receive() was given its beginning; the owner passes it on by
	 * zl_socket_broken(). Else this pipe was written its beginning: its peer must be ended, or
	 * the other core's shard be told, for half a message is no message. */
	void (*broken)(void *ctx, struct zl_pipe *pipe);
	/* A buffer of one reference with a copy of these bytes, for a part that a pattern makes
	 * itself (an identity, a delimiter, a message that was kept); *data: where they stand, the
	 * first of them if they are in several pieces. NULL: no memory. */
	struct zl_buf *(*buffer)(void *ctx, const void *bytes, uint32_t len, const uint8_t **data);
	/* May be NULL: a reference is enough. The same part, to be held for long, with a reference
	 * of the caller's: of what would keep a nearly empty buffer, a copy. false: no memory. */
	bool (*hold)(void *ctx, const struct zl_msg *msg, struct zl_msg *held);
	/* May be NULL. The peer has broken the pattern's protocol, or its socket's rules: its
	 * stream is to be closed under this name (a literal), which is counted. */
	void (*misbehaved)(void *ctx, struct zl_pipe *pipe, const char *reason);
	/* May be NULL. The socket's user ends this connection: what was written to the pipe is
	 * still sent, as the socket's linger allows, and then its stream is closed
	 * ("closed_by_user"). */
	void (*finish)(void *ctx, struct zl_pipe *pipe);
};

struct zl_socket {
	const struct zl_pattern *pattern;
	const struct zl_socket_ops *ops;
	void *ctx; /* of ops */
	uint32_t id;
	uint32_t sndhwm, rcvhwm, sndbuf;
	uint64_t max_msg_bytes;
	const struct zl_socket_options *options;
	uint64_t pipe_bytes_max;        /* for a pipe with an HWM, whatever the HWM: what memory
					 * allows now; its owner lowers and raises it */
	struct zl_pipe **pipes;         /* by slot; NULL: free */
	uint32_t pipes_max, pipes_used; /* slots beyond pipes_used were never used */
	struct zl_matcher *matcher;     /* patterns that subscribe */
	struct zl_last *last;           /* newest messages for late subscribers; NULL: not kept */
	struct zl_backlogs *backlogs;   /* of slow pipes; NULL: the policy needs none */
	const struct zl_ipc_policy *policy;
	size_t matcher_bytes;         /* most memory of one */
	uint64_t *counter;            /* ZL_ROUTER_COUNTERS of them, of the core */
	uint32_t *free_slots;         /* a ring of the slots that were used and are free, */
	uint32_t free_first, free_n;  /* the one that has been free for longest first */
	void *state;                  /* the pattern's own, made by its open */
	struct zl_conflate *conflate; /* NULL: everything is kept */
};

/* A pattern: the same hooks in the same order in every file. */
struct zl_pattern {
	enum zl_socket_type type;
	uint32_t peers; /* bit mask of the zl_socket_types it may talk to */
	bool matches;   /* needs a matcher */
	bool labels;    /* a message is received with one part more than its peer sent */
	uint32_t marks; /* bytes of its own before each of the matcher's prefixes */
	/* 0, -ENOMEM; allocates all that the pattern will need. */
	int (*open)(struct zl_socket *s);
	void (*close)(struct zl_socket *s);
	void (*pipe_added)(struct zl_socket *s, struct zl_pipe *p);
	void (*pipe_removed)(struct zl_socket *s, struct zl_pipe *p);
	/* Parts from a peer; returns how many were taken (see receive). */
	unsigned (*input)(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
			  unsigned n);
	/* Parts from the socket's user, or (local) from another core's shard, not to go back to any
	 * core. Returns how many were taken; 0 if nobody has room (ZeroMQ's EAGAIN): the same is to
	 * be offered again. Or it is refused, and nothing was taken: -EFSM, -EHOSTUNREACH, -EINVAL,
	 * -EOPNOTSUPP (the pattern does not send). */
	int (*send)(struct zl_socket *s, const struct zl_msg *msgs, unsigned n, bool local);
	/* Would send() take the first part of a message now (ZMQ_POLLOUT)? NULL: always. */
	bool (*can_send)(const struct zl_socket *s);
	/* The message that send() was given the beginning of will have no end. */
	void (*broken)(struct zl_socket *s);
	/* The peer has acknowledged some: the pipe has more room than before. */
	void (*released)(struct zl_socket *s, struct zl_pipe *p);
	/* Control's (or in an application: one's own) decision on a subscription of p; saying the
	 * same twice is no error. p NULL (XPUB, ZMQ_XPUB_MANUAL): of whom the user heard last. 0,
	 * -ENOMEM, -EMSGSIZE, -EOPNOTSUPP. */
	int (*subscribe)(struct zl_socket *s, struct zl_pipe *p, bool add, const uint8_t *prefix,
			 uint32_t len);
	/* May be NULL. Every turn: goes on with what could not be done at once. */
	void (*turn)(struct zl_socket *s);
};

/* The table (patterns.c): a new pattern is one file and one row here. NULL: no such pattern yet. */
const struct zl_pattern *zl_pattern(enum zl_socket_type type);

struct zl_socket_config {
	uint32_t id;
	enum zl_socket_type type;
	uint32_t sndhwm, rcvhwm, sndbuf;
	uint64_t max_msg_bytes;
	uint32_t pipes_max;
	size_t matcher_bytes;                    /* most memory of its matcher */
	const struct zl_socket_options *options; /* NULL: every one its default */
	const struct zl_ipc_policy *policy;      /* NULL: none; stays with the caller */
	const struct zl_socket_ops *ops;
	void *ctx;
	uint64_t *counter;
};
/* Set-up path, not a poll core's turn: allocates. 0, -ENOMEM, -EPROTONOSUPPORT. */
int zl_socket_open(struct zl_socket *s, const struct zl_socket_config *config);
void zl_socket_close(struct zl_socket *s);

/* p->{end,id,kind,peer_type,dialled,routing_id,routing_id_len} are set by the caller; fills in the
 * rest. The pattern may write to it at once. 0, -ENOSPC (p->socket stays NULL). */
int zl_socket_add_pipe(struct zl_socket *s, struct zl_pipe *p);
/* Forgets the pipe and all of its subscriptions; p->socket is NULL after. */
void zl_socket_remove_pipe(struct zl_socket *s, struct zl_pipe *p);
/* Every turn: give back, some at a time, what the matcher holds of pipes that are gone, and go on
 * with what could not be done at once. true: nothing is left to do. */
bool zl_socket_sweep(struct zl_socket *s, uint32_t budget);

static inline unsigned zl_socket_input(struct zl_pipe *p, const struct zl_msg *msgs, unsigned n);
static inline int zl_socket_send(struct zl_socket *s, const struct zl_msg *msgs, unsigned n)
{
	return s->pattern->send(s, msgs, n, false);
}
/* What another core's shard of the socket sent here: for this core's own pipes. */
static inline int zl_socket_send_local(struct zl_socket *s, const struct zl_msg *msgs, unsigned n)
{
	return s->pattern->send(s, msgs, n, true);
}
static inline bool zl_socket_can_send(const struct zl_socket *s)
{
	return !s->pattern->can_send || s->pattern->can_send(s);
}
/* The sender of the message that zl_socket_send() was given the beginning of is gone. */
static inline void zl_socket_broken(struct zl_socket *s)
{
	s->pattern->broken(s);
}
unsigned zl_conflate_input(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
			   unsigned n);
static inline unsigned zl_socket_input(struct zl_pipe *p, const struct zl_msg *msgs, unsigned n)
{
	if (p->socket->conflate && !p->socket->pattern->matches)
		return zl_conflate_input(p->socket, p, msgs, n);
	return p->socket->pattern->input(p->socket, p, msgs, n);
}
/* Was something taken from p that is still to be received (ZMQ_CONFLATE)? Then zl_socket_input() of
 * nothing is to be called when there may be room. */
bool zl_socket_keeps(const struct zl_pipe *p);
/* Has the pipe room for a message of a pattern that drops none? While memory is short, no more is
 * queued than sndbuf, whatever the HWM. */
static inline bool zl_socket_has_room(const struct zl_socket *s, const struct zl_pipe *p)
{
	if (p->kind == ZL_PIPE_CORE || p->queued_bytes < p->sndbuf_bytes)
		return true;
	return p->queued_bytes < s->pipe_bytes_max &&
	       (p->hwm_msgs == 0 || p->queued_msgs < p->hwm_msgs);
}
/* The carrier has released `msgs` whole messages, `bytes` bytes of what was written to p (never
 * counted below 0: a carrier may have set queued_msgs and queued_bytes to what it truly holds). */
void zl_socket_released(struct zl_pipe *p, uint32_t msgs, uint64_t bytes);

/* The policy is to close who does not keep up, and p does not. */
void zl_socket_too_slow(struct zl_socket *s, struct zl_pipe *p);

enum zl_router_counter {
#define X(name, text) ZL_ROUTER_##name,
#include "dataplane/router/router_counters.def"
#undef X
	ZL_ROUTER_COUNTERS
};
extern const char *const zl_router_counter_name[ZL_ROUTER_COUNTERS];
extern const char *const zl_router_counter_text[ZL_ROUTER_COUNTERS];

#endif
