/* Receiving from many peers, a message at a time (inbox.h). */
#include "dataplane/router/inbox.h"

void zl_inbox_took(struct zl_socket *s, struct zl_inbox *in, struct zl_pipe *p,
		   const struct zl_msg *msgs, unsigned taken, unsigned n)
{
	uint64_t bytes = 0;

	s->counter[ZL_ROUTER_stalls_receive] += taken < n;
	if (taken == 0)
		return;
	in->mid = msgs[taken - 1].flags & ZL_MSG_MORE ? p : NULL;
	for (unsigned i = 0; i < taken; i++)
		bytes += msgs[i].len;
	p->msgs_in += taken;
	p->bytes_in += bytes;
	s->counter[ZL_ROUTER_parts_received] += taken;
}

unsigned zl_inbox_take(struct zl_socket *s, struct zl_inbox *in, struct zl_pipe *p,
		       const struct zl_msg *msgs, unsigned n)
{
	unsigned taken;

	if (!zl_inbox_turn_of(s, in, p))
		return 0;
	taken = s->ops->receive(s->ctx, msgs, n);
	zl_inbox_took(s, in, p, msgs, taken, n);
	return taken;
}

void zl_inbox_forget(struct zl_socket *s, struct zl_inbox *in, const struct zl_pipe *p)
{
	if (in->mid != p)
		return;
	in->mid = NULL;
	s->counter[ZL_ROUTER_broken_messages]++;
	if (s->ops->broken)
		s->ops->broken(s->ctx, NULL);
}
