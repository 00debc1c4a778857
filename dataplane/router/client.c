/* CLIENT (RFC 41, 47): DEALER for messages of a single part, to SERVERs. */
#include "dataplane/router/dealer.h"
#include "dataplane/router/greet.h"
#include "dataplane/router/patterns.h"

#include <errno.h>

static void client_pipe_added(struct zl_socket *s, struct zl_pipe *p)
{
	struct zl_dealer *d = s->state;

	zl_greet(s, p, false);
	zl_balance_add(&d->balance, p);
}

unsigned zl_client_input(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
			 unsigned n)
{
	struct zl_dealer *d = s->state;

	zl_notices_hand_up(s, &d->notices, &d->inbox);
	return zl_single_take(s, &d->single, &d->inbox, p, msgs, n);
}

int zl_client_send(struct zl_socket *s, const struct zl_msg *msgs, unsigned n, bool local)
{
	unsigned run = zl_single_run(msgs, n);

	return n && !run ? -EINVAL : zl_dealer_send(s, msgs, run, local);
}

const struct zl_pattern zl_client_pattern = {
	.type = ZL_CLIENT,
	.peers = 1u << ZL_SERVER,
	.open = zl_dealer_open,
	.close = zl_dealer_close,
	.pipe_added = client_pipe_added,
	.pipe_removed = zl_dealer_pipe_removed,
	.input = zl_client_input,
	.send = zl_client_send,
	.can_send = zl_dealer_can_send,
	.broken = zl_dealer_broken,
	.released = zl_dealer_released,
	.subscribe = zl_never_subscribes,
};
