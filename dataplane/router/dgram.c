/* DGRAM: datagrams of one carrier, both ways, as libzmq has them: each message is [address][body],
 * and who sends one of any other shape is refused. There is one pipe, whose other end knows what
 * an address is; others are refused while it is there. A message that waits for it is not taken. */
#include "dataplane/router/dealer.h"
#include "dataplane/router/fan.h" /* zl_fan_rest */
#include "dataplane/router/patterns.h"

#include <errno.h>

/* Parts at the front that are messages of two, the last of which may end in the next call; mid:
 * the first part is such an end. */
static unsigned pairs(const struct zl_msg *msgs, unsigned n, bool mid)
{
	unsigned k = 0;

	if (mid && n) {
		if (msgs[0].flags & ZL_MSG_MORE)
			return 0;
		k = 1;
	}
	while (k < n && msgs[k].flags & ZL_MSG_MORE) {
		if (k + 1 < n && msgs[k + 1].flags & ZL_MSG_MORE)
			break;
		k += 2;
	}
	return k < n ? k : n;
}

/* A message of another shape, or what of it is here. */
static unsigned drop(struct zl_socket *s, bool *dropping, const struct zl_msg *msgs, unsigned n)
{
	unsigned rest = zl_fan_rest(msgs, n);

	s->counter[ZL_ROUTER_dropped_shape] += !*dropping;
	*dropping = msgs[rest - 1].flags & ZL_MSG_MORE;
	return rest;
}

static unsigned dgram_input(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
			    unsigned n)
{
	struct zl_dealer *d = s->state;
	bool *dropping = &d->single.dropping[p->slot];
	unsigned done = 0;

	if (p != d->only)
		return n; /* what it said before it heard that it is refused */
	while (done < n) {
		bool mid = d->inbox.mid == p;
		unsigned run = *dropping ? 0 : pairs(msgs + done, n - done, mid), taken;

		if (!run) {
			if (mid && !*dropping) {
				zl_inbox_forget(s, &d->inbox, p); /* a third part follows */
				*dropping = true;
			}
			done += drop(s, dropping, msgs + done, n - done);
			continue;
		}
		taken = zl_inbox_take(s, &d->inbox, p, msgs + done, run);
		done += taken;
		if (taken < run)
			break;
	}
	return done;
}

static int dgram_send(struct zl_socket *s, const struct zl_msg *msgs, unsigned n, bool local)
{
	const struct zl_dealer *d = s->state;
	unsigned run = pairs(msgs, n, d->balance.mid || d->balance.passing);

	return n && !run ? -EINVAL : zl_dealer_send(s, msgs, run, local);
}

const struct zl_pattern zl_dgram_pattern = {
	.type = ZL_DGRAM,
	.open = zl_dealer_open,
	.close = zl_dealer_close,
	.pipe_added = zl_pair_pipe_added,
	.pipe_removed = zl_pair_pipe_removed,
	.input = dgram_input,
	.send = dgram_send,
	.can_send = zl_dealer_can_send,
	.broken = zl_dealer_broken,
	.released = zl_dealer_released,
	.subscribe = zl_never_subscribes,
};
