/* Receiving from many peers. Fair: what arrives first goes first, and nobody is interrupted within
 * a message, over as many calls as that takes. Who must wait offers the same again. */
#ifndef ZL_ROUTER_INBOX_H
#define ZL_ROUTER_INBOX_H

#include "dataplane/router/socket.h"

struct zl_inbox {
	struct zl_pipe *mid; /* whose message has not been received to its end */
};

/* May p's parts be received now? If not, that is counted. */
static inline bool zl_inbox_turn_of(struct zl_socket *s, const struct zl_inbox *in,
				    const struct zl_pipe *p)
{
	if (!in->mid || in->mid == p)
		return true;
	s->counter[ZL_ROUTER_stalls_turn]++;
	return false;
}
/* So many of the n parts that p offered were received. */
void zl_inbox_took(struct zl_socket *s, struct zl_inbox *in, struct zl_pipe *p,
		   const struct zl_msg *msgs, unsigned taken, unsigned n);
/* The parts go up as they are; how many were taken. */
unsigned zl_inbox_take(struct zl_socket *s, struct zl_inbox *in, struct zl_pipe *p,
		       const struct zl_msg *msgs, unsigned n);
/* The pipe is gone, perhaps in the middle of a message. */
void zl_inbox_forget(struct zl_socket *s, struct zl_inbox *in, const struct zl_pipe *p);

#endif
