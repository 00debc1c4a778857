/* Messages that wait in front of a subscriber's queue, where its stream's own may not grow
 * (sndbuf): what has not been handed to a stream can still be dropped or replaced. For sockets
 * whose policy drops the oldest, conflates, or limits the rate; others have none, and pay nothing.
 *
 * Messages are held by reference. How many all pipes of the socket may hold is reserved when it is
 * opened; no pipe holds more than its HWM, what memory allows a pipe, or as many as are left for
 * others, so there is always room for who starts to fall behind. */
#ifndef ZL_ROUTER_BACKLOG_H
#define ZL_ROUTER_BACKLOG_H

#include "dataplane/router/socket.h"

/* One message; its parts are a list. */
struct zl_waiting {
	uint64_t bytes;
	uint32_t next, prev;  /* in its pipe's queue; 0: none */
	uint32_t first, last; /* parts */
	uint32_t hash, chain; /* conflate: the next in the bucket */
	uint32_t slot;        /* of the pipe */
	uint16_t topic_len;
	bool indexed; /* the newest of its topic, found by its hash */
	bool old;     /* a newer one of its topic waits behind it */
};

struct zl_held_part {
	struct zl_msg msg; /* with a reference */
	uint32_t next, reserved;
};

/* What waits for one pipe. */
struct zl_backlog {
	uint32_t first, last, n; /* messages; 0: none */
	uint32_t open;           /* the one whose last part has not come; 0: none */
	uint32_t olds;           /* that have a newer one of their topic behind them */
	bool losing;             /* the rest of a message is dropped */
	bool limited;            /* the credit counts; it is filled up by who has a clock */
	uint64_t bytes;
	struct zl_ipc_rate rate;           /* the socket's, or its own */
	int64_t msgs_credit, bytes_credit; /* may be written now; bytes may be overdrawn once */
	uint64_t msgs_rest, bytes_rest;    /* of that credit, in parts of 10^9 */
};

/* Of one socket. */
struct zl_backlogs {
	const struct zl_ipc_policy *policy;
	struct zl_backlog *of; /* by slot */
	struct zl_waiting *msg;
	struct zl_held_part *part;
	uint32_t *bucket, mask; /* conflate */
	uint32_t free_msg, free_part, n_free, n_free_parts;
};

/* Set-up path. Does this policy need any? NULL: errno. */
bool zl_backlogs_wanted(const struct zl_ipc_policy *policy);
struct zl_backlogs *zl_backlogs_open(const struct zl_ipc_policy *policy, uint32_t hwm,
				     uint32_t pipes_max);
void zl_backlogs_close(struct zl_backlogs *b);

/* What a rate lets pass at once: a tenth of a second's. */
static inline int64_t zl_rate_burst(uint64_t per_s)
{
	return per_s > 10 ? (int64_t)(per_s / 10) : 1;
}

/* A pipe joins with nothing; and leaves, and what waited is dropped. */
void zl_backlog_join(struct zl_socket *s, struct zl_pipe *p);
void zl_backlog_leave(struct zl_socket *s, struct zl_pipe *p);
/* From now on at this rate, with a burst to begin with. */
void zl_backlog_limit(struct zl_backlog *of, const struct zl_ipc_rate *rate);

/* How many messages of about so many bytes may go to the pipe's stream directly. */
uint32_t zl_backlog_room(const struct zl_socket *s, const struct zl_pipe *p, uint32_t bytes_a_msg);
/* So much was written. */
static inline void zl_backlog_spend(struct zl_pipe *p, uint32_t msgs, uint64_t bytes)
{
	p->backlog->msgs_credit -= msgs;
	p->backlog->bytes_credit -= (int64_t)bytes;
}
/* Does the rest of the message under way belong here? */
static inline bool zl_backlog_mid(const struct zl_pipe *p)
{
	return p->backlog->open || p->backlog->losing;
}
/* Parts that have to wait, or are dropped by the socket's policy. */
void zl_backlog_put(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs, unsigned n);
/* The message under way will have no end. True: its beginning was here. */
bool zl_backlog_broken(struct zl_socket *s, struct zl_pipe *p);
/* The pipe may have room: what waits is written, as far as it has. */
void zl_backlog_drain(struct zl_socket *s, struct zl_pipe *p);

#endif
