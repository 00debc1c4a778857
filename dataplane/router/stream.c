/* STREAM: raw connections by routing id. What a peer sends is received as [routing id][bytes], and
 * [routing id][empty] when it has come and when it has gone (ZMQ_STREAM_NOTIFY). Bytes are sent
 * likewise; an empty part closes the connection, behind what was sent before, and no more is heard
 * of it. It is also what ROUTER does with ZMQ_ROUTER_RAW. */
#include "dataplane/router/named.h"
#include "dataplane/router/patterns.h"

static void note(struct zl_socket *s, const struct zl_pipe *p)
{
	if (!s->options->stream_quiet)
		zl_named_note(s, p, NULL, 0);
}

void zl_stream_pipe_added(struct zl_socket *s, struct zl_pipe *p)
{
	struct zl_named *d = s->state;

	if (!zl_named_add(s, p, s->options->router_handover))
		return;
	note(s, p);
	zl_notices_hand_up(s, &d->notices, &d->inbox);
}

void zl_stream_pipe_removed(struct zl_socket *s, struct zl_pipe *p)
{
	note(s, p);
	zl_named_remove(s, p);
}

static void close_connection(struct zl_socket *s, struct zl_outbox *o)
{
	struct zl_pipe *to;

	zl_outbox_flush(s, o);
	to = o->to;
	o->to = NULL;
	if (!to)
		return; /* it went by that */
	zl_named_dismiss(s, to);
	if (s->ops->finish)
		s->ops->finish(s->ctx, to);
}

/* Bytes for the peer that was chosen, or the order to close it. */
static void raw_part(struct zl_socket *s, struct zl_outbox *o, const struct zl_msg *part)
{
	struct zl_msg alone = *part;

	alone.flags &= (uint8_t)~ZL_MSG_MORE;
	alone.wire = 0;
	if (part->len || !o->to)
		zl_outbox_part(s, o, &alone);
	else
		close_connection(s, o);
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
	.labels = true,
	.open = zl_named_open,
	.close = zl_named_close,
	.pipe_added = zl_stream_pipe_added,
	.pipe_removed = zl_stream_pipe_removed,
	.input = zl_named_input,
	.send = stream_send,
	.broken = zl_named_broken,
	.released = zl_named_released,
	.subscribe = zl_never_subscribes,
	.turn = zl_named_turn,
};
