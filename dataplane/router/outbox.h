/* Sending to one chosen peer at a time: the parts of a message go to the pipe that was chosen at
 * its first part, over as many calls as that takes; messages that follow one another to the same
 * pipe are written as one. A pipe may go away at any write. */
#ifndef ZL_ROUTER_OUTBOX_H
#define ZL_ROUTER_OUTBOX_H

#include "dataplane/router/socket.h"

#define ZL_OUTBOX_PARTS 256 /* written at once at most */

struct zl_outbox {
	struct zl_pipe *to; /* that the parts go to; NULL: they are dropped */
	bool mid;           /* the message has more parts */
	unsigned n;         /* parts that wait to be written to `to` before the call ends */
	struct zl_msg run[ZL_OUTBOX_PARTS];
};

/* A message begins, to this pipe or (NULL) to nobody. */
void zl_outbox_begin(struct zl_socket *s, struct zl_outbox *o, struct zl_pipe *to);
/* One part of it. */
void zl_outbox_part(struct zl_socket *s, struct zl_outbox *o, const struct zl_msg *part);
/* Its next parts, up to its end or the end of these; how many. */
unsigned zl_outbox_parts(struct zl_socket *s, struct zl_outbox *o, const struct zl_msg *parts,
			 unsigned n);
/* Before send() returns: what waits is written. */
void zl_outbox_flush(struct zl_socket *s, struct zl_outbox *o);
/* The pipe is gone, perhaps in the middle of a message: what comes of that is dropped. */
void zl_outbox_forget(struct zl_socket *s, struct zl_outbox *o, const struct zl_pipe *p);
/* The message that was begun will have no end. */
void zl_outbox_broken(struct zl_socket *s, struct zl_outbox *o);

#endif
