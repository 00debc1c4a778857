/* Sending to one peer of many (RFC 30, 28, 49): message by message to the next pipe with room,
 * strictly in turn; all parts of a message to the same pipe, over as many calls as that takes.
 * Nothing is dropped for want of room: what no pipe has room for is not taken. */
#ifndef ZL_ROUTER_BALANCE_H
#define ZL_ROUTER_BALANCE_H

#include "dataplane/router/socket.h"

/* Parts of a run that are dealt out at once. */
#define ZL_BALANCE_RUN 1024

/* What a pipe gets of a run. */
struct zl_balance_share {
	struct zl_pipe *pipe;
	uint32_t first, parts; /* in zl_balance.dealt */
};

struct zl_balance {
	struct zl_pipe **turn; /* the first n of all may have room; the others are full */
	uint32_t n, all;
	uint32_t next;       /* whose turn it is: less than n, or 0 */
	uint32_t *place;     /* in turn, by slot; UINT32_MAX: not there */
	struct zl_pipe *mid; /* gets the rest of the message that was begun */
	bool passing;        /* it has gone: the rest is passed over */
	uint32_t *share_of;  /* by slot, while a run is dealt: index in share, or UINT32_MAX */
	struct zl_balance_share *share;
	uint16_t *owner; /* of each part of the run: index in share */
	uint16_t *start; /* of each message of the run: its first part, and behind them the end */
	struct zl_msg *dealt;
};

/* 0, -ENOMEM. */
int zl_balance_open(struct zl_balance *b, uint32_t pipes_max);
void zl_balance_close(struct zl_balance *b);
void zl_balance_add(struct zl_balance *b, struct zl_pipe *p);
/* The pipe is gone, perhaps in the middle of a message: what comes of that is passed over. */
void zl_balance_forget(struct zl_socket *s, struct zl_balance *b, const struct zl_pipe *p);
/* How many parts were taken (zl_pattern.send). */
int zl_balance_send(struct zl_socket *s, struct zl_balance *b, const struct zl_msg *msgs,
		    unsigned n);
bool zl_balance_can_send(const struct zl_socket *s, const struct zl_balance *b);
/* The message that was begun will have no end. */
void zl_balance_broken(struct zl_socket *s, struct zl_balance *b);
/* The pipe has more room than before. */
void zl_balance_released(const struct zl_socket *s, struct zl_balance *b, struct zl_pipe *p);

#endif
