/* ZMQ_CONFLATE: of what is queued for a peer only the newest message is kept, and of what has come
 * from it and was not received. Around any pattern: it stands between the pattern and its owner's
 * write(), and before the pattern's input(). Messages of several parts are dropped (libzmq has them
 * undefined). */
#ifndef ZL_ROUTER_CONFLATE_H
#define ZL_ROUTER_CONFLATE_H

#include "dataplane/router/socket.h"

struct zl_conflated {
	struct zl_msg out, in; /* a reference is held; data NULL: none */
	bool busy;             /* something was written and is not released */
};

struct zl_conflate {
	struct zl_socket_ops ops; /* the owner's, but for write */
	const struct zl_socket_ops *owner;
	struct zl_conflated *at; /* by slot */
};

/* s->ops and s->conflate are set. 0, -ENOMEM. */
int zl_conflate_open(struct zl_socket *s);
void zl_conflate_close(struct zl_socket *s);
void zl_conflate_forget(struct zl_socket *s, const struct zl_pipe *p);
/* Nothing that was written to p is queued any more. */
void zl_conflate_released(struct zl_socket *s, struct zl_pipe *p);
/* zl_conflate_input (socket.h): as zl_pattern.input, but takes all; n 0: only offers again what is
 * kept. */

#endif
