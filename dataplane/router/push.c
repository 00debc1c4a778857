/* PUSH (RFC 30): each message to one PULL, in turn among those with room; holds its user back when
 * there is none, and never drops. Receives nothing. */
#include "dataplane/router/balance.h"
#include "dataplane/router/patterns.h"

#include <errno.h>
#include <stdlib.h>

int zl_push_open(struct zl_socket *s)
{
	struct zl_balance *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	if (zl_balance_open(b, s->pipes_max) < 0) {
		free(b);
		return -ENOMEM;
	}
	s->state = b;
	return 0;
}

void zl_push_close(struct zl_socket *s)
{
	zl_balance_close(s->state);
	free(s->state);
	s->state = NULL;
}

void zl_push_pipe_added(struct zl_socket *s, struct zl_pipe *p)
{
	zl_balance_add(s->state, p);
}

void zl_push_pipe_removed(struct zl_socket *s, struct zl_pipe *p)
{
	zl_balance_forget(s, s->state, p);
}

static int push_send(struct zl_socket *s, const struct zl_msg *msgs, unsigned n, bool local)
{
	(void)local;
	return zl_balance_send(s, s->state, msgs, n);
}

bool zl_push_can_send(const struct zl_socket *s)
{
	return zl_balance_can_send(s, s->state);
}

void zl_push_broken(struct zl_socket *s)
{
	zl_balance_broken(s, s->state);
}

void zl_push_released(struct zl_socket *s, struct zl_pipe *p)
{
	zl_balance_released(s, s->state, p);
}

const struct zl_pattern zl_push_pattern = {
	.type = ZL_PUSH,
	.peers = 1u << ZL_PULL,
	.open = zl_push_open,
	.close = zl_push_close,
	.pipe_added = zl_push_pipe_added,
	.pipe_removed = zl_push_pipe_removed,
	.input = zl_never_receives,
	.send = push_send,
	.can_send = zl_push_can_send,
	.broken = zl_push_broken,
	.released = zl_push_released,
	.subscribe = zl_never_subscribes,
};
