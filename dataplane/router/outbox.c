/* One peer at a time (outbox.h). */
#include "dataplane/router/outbox.h"
#include "dataplane/router/fan.h" /* zl_fan_rest */

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

/* As many parts as there is space for; how many. */
static unsigned put(struct zl_outbox *o, const struct zl_msg *parts, unsigned n)
{
	unsigned space = ZL_OUTBOX_PARTS - o->n;
	uint64_t bytes = 0;

	n = n < space ? n : space;
	for (unsigned i = 0; i < n; i++) {
		bytes += parts[i].len;
		o->run[o->n + i] = parts[i];
	}
	o->n += n;
	o->to->queued_bytes += bytes;
	o->to->msgs_out += n;
	o->to->bytes_out += bytes;
	return n;
}

unsigned zl_outbox_parts(struct zl_socket *s, struct zl_outbox *o, const struct zl_msg *parts,
			 unsigned n)
{
	unsigned rest = zl_fan_rest(parts, n), done = 0;

	o->mid = parts[rest - 1].flags & ZL_MSG_MORE;
	while (done < rest && o->to) {
		if (o->n == ZL_OUTBOX_PARTS)
			zl_outbox_flush(s, o); /* the pipe may go by that */
		else
			done += put(o, parts + done, rest - done);
	}
	return rest;
}

void zl_outbox_part(struct zl_socket *s, struct zl_outbox *o, const struct zl_msg *part)
{
	zl_outbox_parts(s, o, part, 1);
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
