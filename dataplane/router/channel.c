/* CHANNEL (RFC 52): PAIR for messages of a single part. */
#include "dataplane/router/dealer.h"
#include "dataplane/router/patterns.h"

static unsigned channel_input(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
			      unsigned n)
{
	const struct zl_dealer *d = s->state;

	return p == d->only ? zl_client_input(s, p, msgs, n) : n;
}

const struct zl_pattern zl_channel_pattern = {
	.type = ZL_CHANNEL,
	.peers = 1u << ZL_CHANNEL,
	.open = zl_dealer_open,
	.close = zl_dealer_close,
	.pipe_added = zl_pair_pipe_added,
	.pipe_removed = zl_pair_pipe_removed,
	.input = channel_input,
	.send = zl_client_send,
	.can_send = zl_dealer_can_send,
	.broken = zl_dealer_broken,
	.released = zl_dealer_released,
	.subscribe = zl_never_subscribes,
};
