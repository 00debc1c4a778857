/* GATHER (RFC 49): PULL for messages of a single part, from SCATTERs; others are dropped. */
#include "dataplane/router/patterns.h"
#include "dataplane/router/single.h"

#include <errno.h>
#include <stdlib.h>

struct gather {
	struct zl_inbox inbox;
	struct zl_single single;
};

static int gather_open(struct zl_socket *s)
{
	struct gather *g = calloc(1, sizeof(*g));

	if (!g)
		return -ENOMEM;
	if (zl_single_open(&g->single, s->pipes_max) < 0) {
		free(g);
		return -ENOMEM;
	}
	s->state = g;
	return 0;
}

static void gather_close(struct zl_socket *s)
{
	struct gather *g = s->state;

	zl_single_close(&g->single);
	free(g);
	s->state = NULL;
}

static void gather_pipe_added(struct zl_socket *s, struct zl_pipe *p)
{
	(void)s;
	(void)p;
}

static void gather_pipe_removed(struct zl_socket *s, struct zl_pipe *p)
{
	struct gather *g = s->state;

	zl_inbox_forget(s, &g->inbox, p);
	zl_single_forget(&g->single, p);
}

static unsigned gather_input(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
			     unsigned n)
{
	struct gather *g = s->state;

	return zl_single_take(s, &g->single, &g->inbox, p, msgs, n);
}

const struct zl_pattern zl_gather_pattern = {
	.type = ZL_GATHER,
	.peers = 1u << ZL_SCATTER,
	.open = gather_open,
	.close = gather_close,
	.pipe_added = gather_pipe_added,
	.pipe_removed = gather_pipe_removed,
	.input = gather_input,
	.send = zl_never_sends,
	.can_send = zl_can_never_send,
	.broken = zl_never_broken,
	.released = zl_never_waits,
	.subscribe = zl_never_subscribes,
};
