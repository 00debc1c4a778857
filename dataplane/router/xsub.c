/* XSUB (RFC 29): takes whole messages from its publishers, each in its turn, and sends its user's
 * upstream messages to all of them, dropping for one that is full. It does not filter by topic:
 * its publishers do, and what it feeds (an XPUB, an application's SUB) does. Its subscriptions are
 * carried to the publishers by whoever decides policy. */
#include "dataplane/router/fan.h"
#include "dataplane/router/inbox.h"
#include "dataplane/router/patterns.h"

#include <errno.h>
#include <stdlib.h>

struct xsub {
	struct zl_inbox inbox;
	struct zl_fan fan;
};

enum {
	ALL = 1 /* key of the set of all pipes */
};

int zl_xsub_open(struct zl_socket *s)
{
	struct xsub *x = calloc(1, sizeof(*x));

	if (!x)
		return -ENOMEM;
	if (zl_fan_open(&x->fan, s->pipes_max) < 0) {
		free(x);
		return -ENOMEM;
	}
	s->state = x;
	return 0;
}

void zl_xsub_close(struct zl_socket *s)
{
	struct xsub *x = s->state;

	zl_fan_close(&x->fan);
	free(x);
	s->state = NULL;
}

void zl_xsub_pipe_added(struct zl_socket *s, struct zl_pipe *p)
{
	struct xsub *x = s->state;

	(void)p;
	x->fan.key = ZL_FAN_STALE;
}

void zl_xsub_pipe_removed(struct zl_socket *s, struct zl_pipe *p)
{
	struct xsub *x = s->state;

	zl_fan_forget(&x->fan, p);
	zl_inbox_forget(s, &x->inbox, p);
}

void zl_xsub_released(struct zl_socket *s, struct zl_pipe *p)
{
	(void)s;
	(void)p;
}

unsigned zl_xsub_input(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
		       unsigned n)
{
	struct xsub *x = s->state;

	return zl_inbox_take(s, &x->inbox, p, msgs, n);
}

static int xsub_send(struct zl_socket *s, const struct zl_msg *msgs, unsigned n, bool local)
{
	struct xsub *x = s->state;
	struct zl_fan *f = &x->fan;
	unsigned rest = f->mid ? zl_fan_rest(msgs, n) : 0;

	if (f->key != ALL) {
		if (rest)
			zl_fan_write(s, f, msgs, rest, local);
		if (rest == n)
			return (int)n;
		f->n = 0;
		for (uint32_t i = 0; i < s->pipes_used; i++) {
			if (s->pipes[i])
				f->set[f->n++] = s->pipes[i];
		}
		f->key = ALL;
		msgs += rest;
		zl_fan_write(s, f, msgs, n - rest, local);
		return (int)n;
	}
	if (n)
		zl_fan_write(s, f, msgs, n, local);
	return (int)n;
}

void zl_xsub_broken(struct zl_socket *s)
{
	struct xsub *x = s->state;

	zl_fan_broken(s, &x->fan);
}

int zl_xsub_subscribe(struct zl_socket *s, struct zl_pipe *p, bool add, const uint8_t *prefix,
		      uint32_t len)
{
	(void)s;
	(void)p;
	(void)add;
	(void)prefix;
	(void)len;
	return -EOPNOTSUPP;
}

const struct zl_pattern zl_xsub_pattern = {
	.type = ZL_XSUB,
	.peers = 1u << ZL_PUB | 1u << ZL_XPUB,
	.open = zl_xsub_open,
	.close = zl_xsub_close,
	.pipe_added = zl_xsub_pipe_added,
	.pipe_removed = zl_xsub_pipe_removed,
	.input = zl_xsub_input,
	.send = xsub_send,
	.broken = zl_xsub_broken,
	.released = zl_xsub_released,
	.subscribe = zl_xsub_subscribe,
};
