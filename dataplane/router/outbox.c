/* One peer at a time (outbox.h). */
#include "dataplane/router/outbox.h"

void zl_outbox_flush(struct zl_socket *s, struct zl_outbox *o)
{
	struct zl_pipe *to = o->to;
	unsigned n = o->n;

	o->n = 0;
	if (n == 0 || !to)
		return;
	s->counter[ZL_ROUTER_deliveries] += n;
	s->ops->write(s->ctx, &to, 1, o->run, n);
}

void zl_outbox_begin(struct zl_socket *s, struct zl_outbox *o, struct zl_pipe *to)
{
	if (o->to != to)
		zl_outbox_flush(s, o);
	o->to = to;
	o->mid = true;
	s->counter[ZL_ROUTER_messages_sent]++;
	if (to)
		to->queued_msgs++;
}

void zl_outbox_part(struct zl_socket *s, struct zl_outbox *o, const struct zl_msg *part)
{
	o->mid = part->flags & ZL_MSG_MORE;
	if (!o->to)
		return;
	if (o->n == ZL_OUTBOX_PARTS) {
		zl_outbox_flush(s, o);
		if (!o->to)
			return;
	}
	o->run[o->n++] = *part;
	o->to->queued_bytes += part->len;
	o->to->msgs_out++;
	o->to->bytes_out += part->len;
}

void zl_outbox_forget(struct zl_socket *s, struct zl_outbox *o, const struct zl_pipe *p)
{
	if (o->to != p)
		return;
	o->to = NULL;
	o->n = 0;
	s->counter[ZL_ROUTER_broken_messages] += o->mid;
}

void zl_outbox_broken(struct zl_socket *s, struct zl_outbox *o)
{
	struct zl_pipe *to = o->to;

	if (!o->mid)
		return;
	o->mid = false;
	o->to = NULL;
	s->counter[ZL_ROUTER_broken_messages]++;
	if (to && s->ops->broken)
		s->ops->broken(s->ctx, to);
}
