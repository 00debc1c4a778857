/* PAIR (RFC 31): one peer, both ways. Others are refused while it is there. */
#include "dataplane/router/dealer.h"
#include "dataplane/router/patterns.h"

void zl_pair_pipe_added(struct zl_socket *s, struct zl_pipe *p)
{
	struct zl_dealer *d = s->state;

	if (d->only) {
		s->counter[ZL_ROUTER_pipes_second]++;
		if (s->ops->misbehaved)
			s->ops->misbehaved(s->ctx, p, "second_peer");
		return;
	}
	d->only = p;
	zl_balance_add(&d->balance, p);
}

void zl_pair_pipe_removed(struct zl_socket *s, struct zl_pipe *p)
{
	struct zl_dealer *d = s->state;

	if (d->only == p)
		d->only = NULL;
	zl_balance_forget(s, &d->balance, p);
	zl_inbox_forget(s, &d->inbox, p);
	zl_single_forget(&d->single, p);
}

/* One that was refused may have said something before it heard of it. */
static unsigned pair_input(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
			   unsigned n)
{
	const struct zl_dealer *d = s->state;

	return p == d->only ? zl_dealer_input(s, p, msgs, n) : n;
}

const struct zl_pattern zl_pair_pattern = {
	.type = ZL_PAIR,
	.peers = 1u << ZL_PAIR,
	.open = zl_dealer_open,
	.close = zl_dealer_close,
	.pipe_added = zl_pair_pipe_added,
	.pipe_removed = zl_pair_pipe_removed,
	.input = pair_input,
	.send = zl_dealer_send,
	.can_send = zl_dealer_can_send,
	.broken = zl_dealer_broken,
	.released = zl_dealer_released,
	.subscribe = zl_never_subscribes,
};
