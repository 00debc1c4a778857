/* ROUTER (RFC 28): a message from a peer is received with the peer's routing id before it, and one
 * sent goes to the peer that its first part names. Without ZMQ_ROUTER_MANDATORY it blocks only
 * where there is no HWM and memory is short: what has no peer, or one that is full, is dropped and
 * counted. */
#include "dataplane/router/greet.h"
#include "dataplane/router/named.h"
#include "dataplane/router/patterns.h"

static void router_pipe_added(struct zl_socket *s, struct zl_pipe *p)
{
	struct zl_named *d = s->state;

	if (s->options->router_raw) {
		zl_stream_pipe_added(s, p);
		return;
	}
	if (!zl_named_add(s, p, s->options->router_handover))
		return;
	zl_greet(s, p, true);
	if (s->options->router_notify & ZL_NOTIFY_CONNECT)
		zl_named_note(s, p, NULL, 0);
	zl_notices_hand_up(s, &d->notices, &d->inbox);
}

static void router_pipe_removed(struct zl_socket *s, struct zl_pipe *p)
{
	const struct zl_option_bytes *last = &s->options->disconnect_msg;

	if (s->options->router_raw) {
		zl_stream_pipe_removed(s, p);
		return;
	}
	if (s->options->router_notify & ZL_NOTIFY_DISCONNECT)
		zl_named_note(s, p, NULL, 0);
	if (last->len && !p->dialled)
		zl_named_note(s, p, last->data, last->len);
	zl_named_remove(s, p);
}

static int router_send(struct zl_socket *s, const struct zl_msg *msgs, unsigned n, bool local)
{
	(void)local;
	if (s->options->router_raw)
		return zl_stream_write(s, msgs, n, s->options->router_mandatory);
	return zl_named_send(s, msgs, n, s->options->router_mandatory);
}

static bool router_can_send(const struct zl_socket *s)
{
	const struct zl_named *d = s->state;

	if (!s->options->router_mandatory || d->outbox.mid)
		return true; /* at least to those who are not there */
	for (uint32_t i = 0; i < s->pipes_used; i++)
		if (s->pipes[i] && zl_socket_has_room(s, s->pipes[i]))
			return true;
	return false;
}

const struct zl_pattern zl_router_pattern = {
	.type = ZL_ROUTER,
	.peers = 1u << ZL_REQ | 1u << ZL_DEALER | 1u << ZL_ROUTER,
	.labels = true,
	.open = zl_named_open,
	.close = zl_named_close,
	.pipe_added = router_pipe_added,
	.pipe_removed = router_pipe_removed,
	.input = zl_named_input,
	.send = router_send,
	.can_send = router_can_send,
	.broken = zl_named_broken,
	.released = zl_named_released,
	.subscribe = zl_never_subscribes,
	.turn = zl_named_turn,
};
