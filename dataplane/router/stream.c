/* STREAM: raw connections by routing id. What a peer sends is received as [routing id][bytes], and
 * [routing id][empty] when it has come and when it has gone. Bytes are sent likewise; an empty part
 * closes the connection. It is also what ROUTER does with ZMQ_ROUTER_RAW. */
#include "dataplane/router/named.h"
#include "dataplane/router/patterns.h"

static void stream_pipe_added(struct zl_socket *s, struct zl_pipe *p)
{
	struct zl_named *d = s->state;

	if (!zl_named_add(s, p, false))
		return;
	zl_named_note(s, p, NULL, 0);
	zl_notices_hand_up(s, &d->notices, &d->inbox);
}

static void stream_pipe_removed(struct zl_socket *s, struct zl_pipe *p)
{
	zl_named_note(s, p, NULL, 0);
	zl_named_remove(s, p);
}

/* Bytes for the peer that was chosen, or the order to close it. */
static void raw_part(struct zl_socket *s, struct zl_outbox *o, const struct zl_msg *part)
{
	struct zl_msg alone = *part;
	struct zl_pipe *to;

	alone.flags &= (uint8_t)~ZL_MSG_MORE;
	alone.wire = 0;
	if (part->len || !o->to) {
		zl_outbox_part(s, o, &alone);
	} else {
		zl_outbox_flush(s, o);
		to = o->to;
		o->to = NULL;
		if (to && s->ops->misbehaved)
			s->ops->misbehaved(s->ctx, to, "closed_by_user");
	}
	o->mid = part->flags & ZL_MSG_MORE;
}

int zl_stream_write(struct zl_socket *s, const struct zl_msg *msgs, unsigned n, bool strict)
{
	struct zl_named *d = s->state;
	struct zl_outbox *o = &d->outbox;
	int chosen = 1;
	unsigned i = 0;

	for (; i < n; i++) {
		if (o->mid) {
			raw_part(s, o, &msgs[i]);
			continue;
		}
		chosen = zl_named_choose(s, &msgs[i], strict);
		if (chosen <= 0)
			break;
	}
	zl_outbox_flush(s, o);
	return i == 0 ? (chosen < 0 ? chosen : 0) : (int)i;
}

static int stream_send(struct zl_socket *s, const struct zl_msg *msgs, unsigned n, bool local)
{
	(void)local;
	return zl_stream_write(s, msgs, n, true);
}

const struct zl_pattern zl_stream_pattern = {
	.type = ZL_STREAM,
	.open = zl_named_open,
	.close = zl_named_close,
	.pipe_added = stream_pipe_added,
	.pipe_removed = stream_pipe_removed,
	.input = zl_named_input,
	.send = stream_send,
	.broken = zl_named_broken,
	.released = zl_named_released,
	.subscribe = zl_never_subscribes,
};
