/* SCATTER (RFC 49): PUSH for messages of a single part, to GATHERs. */
#include "dataplane/router/balance.h"
#include "dataplane/router/patterns.h"
#include "dataplane/router/single.h"

#include <errno.h>

static int scatter_send(struct zl_socket *s, const struct zl_msg *msgs, unsigned n, bool local)
{
	unsigned run = zl_single_run(msgs, n);

	(void)local;
	return n && !run ? -EINVAL : zl_balance_send(s, s->state, msgs, run);
}

const struct zl_pattern zl_scatter_pattern = {
	.type = ZL_SCATTER,
	.peers = 1u << ZL_GATHER,
	.open = zl_push_open,
	.close = zl_push_close,
	.pipe_added = zl_push_pipe_added,
	.pipe_removed = zl_push_pipe_removed,
	.input = zl_never_receives,
	.send = scatter_send,
	.can_send = zl_push_can_send,
	.broken = zl_push_broken,
	.released = zl_push_released,
	.subscribe = zl_never_subscribes,
};
