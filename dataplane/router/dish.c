/* DISH (RFC 48): receives [group][body] of the groups that its user has joined, which are carried
 * to the RADIOs as subscriptions are. Until its user joins a first group it receives all that
 * comes, for the RADIOs have chosen already: that is what a device wants, where others do the
 * joining. */
#include "dataplane/router/fan.h" /* zl_fan_rest */
#include "dataplane/router/inbox.h"
#include "dataplane/router/names.h"
#include "dataplane/router/patterns.h"

#include <errno.h>
#include <stdlib.h>

struct dish {
	struct zl_inbox inbox;
	struct zl_names groups; /* joined: all are `joined`'s */
	struct zl_pipe joined;
	bool filters;
	bool *skips; /* by slot: parts are passed over until the message's last */
};

static int dish_open(struct zl_socket *s)
{
	struct dish *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->skips = calloc(s->pipes_max, sizeof(*d->skips));
	if (!d->skips) {
		free(d);
		return -ENOMEM;
	}
	zl_names_open(&d->groups);
	s->state = d;
	return 0;
}

static void dish_close(struct zl_socket *s)
{
	struct dish *d = s->state;

	zl_names_close(&d->groups);
	free(d->skips);
	free(d);
	s->state = NULL;
}

static void dish_pipe_added(struct zl_socket *s, struct zl_pipe *p)
{
	struct dish *d = s->state;

	d->skips[p->slot] = false;
}

static void dish_pipe_removed(struct zl_socket *s, struct zl_pipe *p)
{
	struct dish *d = s->state;

	zl_inbox_forget(s, &d->inbox, p);
}

static bool wanted(const struct dish *d, const struct zl_msg *group)
{
	uint8_t name[ZL_NAME_BYTES];

	if (!(group->flags & ZL_MSG_MORE) || group->len > ZL_NAME_BYTES)
		return false;
	if (!d->filters)
		return true;
	zl_msg_peek(group, name, group->len);
	return zl_names_find(&d->groups, name, group->len) != NULL;
}

/* Messages at the front that go up: of joined groups, and of two parts. One that ends with the call
 * may come to its end in the next. */
static unsigned wanted_run(const struct dish *d, const struct zl_msg *msgs, unsigned n)
{
	unsigned k = 0;

	while (k < n && wanted(d, &msgs[k])) {
		if (k + 1 < n && (msgs[k + 1].flags & ZL_MSG_MORE))
			break;
		k += 2;
	}
	return k < n ? k : n;
}

static unsigned pass_over(struct zl_socket *s, struct dish *d, const struct zl_pipe *p,
			  const struct zl_msg *msgs, unsigned n)
{
	unsigned rest = zl_fan_rest(msgs, n);

	s->counter[ZL_ROUTER_dropped_group] += !d->skips[p->slot];
	d->skips[p->slot] = msgs[rest - 1].flags & ZL_MSG_MORE;
	return rest;
}

static unsigned dish_input(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
			   unsigned n)
{
	struct dish *d = s->state;
	unsigned done = 0;

	while (done < n) {
		bool mid = d->inbox.mid == p;
		unsigned run = 0, taken;

		if (mid && (msgs[done].flags & ZL_MSG_MORE)) {
			zl_inbox_forget(s, &d->inbox, p); /* a third part will follow */
			mid = false;
			d->skips[p->slot] = true;
		}
		if (!d->skips[p->slot])
			run = mid + wanted_run(d, msgs + done + mid, n - done - mid);
		if (run == 0) {
			done += pass_over(s, d, p, msgs + done, n - done);
			continue;
		}
		taken = zl_inbox_take(s, &d->inbox, p, msgs + done, run);
		done += taken;
		if (taken < run)
			break;
	}
	return done;
}

/* p NULL: the user's own joins. */
static int dish_subscribe(struct zl_socket *s, struct zl_pipe *p, bool add, const uint8_t *group,
			  uint32_t len)
{
	struct dish *d = s->state;
	int error;

	if (p)
		return -EOPNOTSUPP;
	if (len > ZL_NAME_BYTES)
		return -EMSGSIZE;
	if (!add) {
		zl_names_remove(&d->groups, &d->joined, group, len);
		return 0;
	}
	d->filters = true;
	error = zl_names_add_copy(&d->groups, &d->joined, group, len);
	return error == -EEXIST ? 0 : error;
}

const struct zl_pattern zl_dish_pattern = {
	.type = ZL_DISH,
	.peers = 1u << ZL_RADIO,
	.open = dish_open,
	.close = dish_close,
	.pipe_added = dish_pipe_added,
	.pipe_removed = dish_pipe_removed,
	.input = dish_input,
	.send = zl_never_sends,
	.can_send = zl_can_never_send,
	.broken = zl_never_broken,
	.released = zl_never_waits,
	.subscribe = dish_subscribe,
};
