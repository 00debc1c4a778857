/* DEALER (RFC 28): sends to its peers in turn, receives from each in its turn, and changes no
 * message. It may greet a new peer, and probe it for a ROUTER's sake. */
#include "dataplane/router/balance.h"
#include "dataplane/router/dealer.h"
#include "dataplane/router/greet.h"
#include "dataplane/router/patterns.h"

#include <errno.h>
#include <stdlib.h>

int zl_dealer_open(struct zl_socket *s)
{
	struct zl_dealer *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	if (zl_balance_open(&d->balance, s->pipes_max) < 0 ||
	    zl_single_open(&d->single, s->pipes_max) < 0) {
		zl_balance_close(&d->balance);
		free(d);
		return -ENOMEM;
	}
	s->state = d;
	return 0;
}

void zl_dealer_close(struct zl_socket *s)
{
	struct zl_dealer *d = s->state;

	zl_balance_close(&d->balance);
	zl_single_close(&d->single);
	zl_notices_close(&d->notices);
	free(d);
	s->state = NULL;
}

static void dealer_pipe_added(struct zl_socket *s, struct zl_pipe *p)
{
	struct zl_dealer *d = s->state;

	zl_greet(s, p, true);
	zl_balance_add(&d->balance, p);
}

void zl_dealer_pipe_removed(struct zl_socket *s, struct zl_pipe *p)
{
	struct zl_dealer *d = s->state;

	zl_balance_forget(s, &d->balance, p);
	zl_inbox_forget(s, &d->inbox, p);
	zl_single_forget(&d->single, p);
	if (p->dialled && s->options->hiccup_msg.len)
		zl_notices_add(s, &d->notices, NULL, s->options->hiccup_msg.data,
			       s->options->hiccup_msg.len);
	zl_notices_hand_up(s, &d->notices, &d->inbox);
}

unsigned zl_dealer_input(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
			 unsigned n)
{
	struct zl_dealer *d = s->state;

	zl_notices_hand_up(s, &d->notices, &d->inbox);
	return zl_inbox_take(s, &d->inbox, p, msgs, n);
}

int zl_dealer_send(struct zl_socket *s, const struct zl_msg *msgs, unsigned n, bool local)
{
	struct zl_dealer *d = s->state;

	(void)local;
	return zl_balance_send(s, &d->balance, msgs, n);
}

bool zl_dealer_can_send(const struct zl_socket *s)
{
	const struct zl_dealer *d = s->state;

	return zl_balance_can_send(s, &d->balance);
}

void zl_dealer_broken(struct zl_socket *s)
{
	struct zl_dealer *d = s->state;

	zl_balance_broken(s, &d->balance);
}

void zl_dealer_released(struct zl_socket *s, struct zl_pipe *p)
{
	struct zl_dealer *d = s->state;

	zl_balance_released(s, &d->balance, p);
	zl_notices_hand_up(s, &d->notices, &d->inbox);
}

const struct zl_pattern zl_dealer_pattern = {
	.type = ZL_DEALER,
	.peers = 1u << ZL_ROUTER | 1u << ZL_REP | 1u << ZL_DEALER,
	.open = zl_dealer_open,
	.close = zl_dealer_close,
	.pipe_added = dealer_pipe_added,
	.pipe_removed = zl_dealer_pipe_removed,
	.input = zl_dealer_input,
	.send = zl_dealer_send,
	.can_send = zl_dealer_can_send,
	.broken = zl_dealer_broken,
	.released = zl_dealer_released,
	.subscribe = zl_never_subscribes,
};
