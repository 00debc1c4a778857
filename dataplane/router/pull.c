/* PULL (RFC 30): takes messages from its PUSHes, each in its turn. Sends nothing. */
#include "dataplane/router/inbox.h"
#include "dataplane/router/patterns.h"

#include <errno.h>
#include <stdlib.h>

int zl_pull_open(struct zl_socket *s)
{
	s->state = calloc(1, sizeof(struct zl_inbox));
	return s->state ? 0 : -ENOMEM;
}

void zl_pull_close(struct zl_socket *s)
{
	free(s->state);
	s->state = NULL;
}

void zl_pull_pipe_added(struct zl_socket *s, struct zl_pipe *p)
{
	(void)s;
	(void)p;
}

void zl_pull_pipe_removed(struct zl_socket *s, struct zl_pipe *p)
{
	zl_inbox_forget(s, s->state, p);
}

static unsigned pull_input(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
			   unsigned n)
{
	return zl_inbox_take(s, s->state, p, msgs, n);
}

const struct zl_pattern zl_pull_pattern = {
	.type = ZL_PULL,
	.peers = 1u << ZL_PUSH,
	.open = zl_pull_open,
	.close = zl_pull_close,
	.pipe_added = zl_pull_pipe_added,
	.pipe_removed = zl_pull_pipe_removed,
	.input = pull_input,
	.send = zl_never_sends,
	.can_send = zl_can_never_send,
	.broken = zl_never_broken,
	.released = zl_never_waits,
	.subscribe = zl_never_subscribes,
};
