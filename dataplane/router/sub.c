/* SUB (RFC 29): XSUB whose user only receives. Filtering by topic is its publishers' work; a user
 * that must not see more than it asked for filters what it receives. */
#include "dataplane/router/patterns.h"

#include <errno.h>

static int sub_send(struct zl_socket *s, const struct zl_msg *msgs, unsigned n, bool local)
{
	(void)s;
	(void)msgs;
	(void)n;
	(void)local;
	return -EOPNOTSUPP;
}

const struct zl_pattern zl_sub_pattern = {
	.type = ZL_SUB,
	.peers = 1u << ZL_PUB | 1u << ZL_XPUB,
	.open = zl_xsub_open,
	.close = zl_xsub_close,
	.pipe_added = zl_xsub_pipe_added,
	.pipe_removed = zl_xsub_pipe_removed,
	.input = zl_xsub_input,
	.send = sub_send,
	.broken = zl_xsub_broken,
	.released = zl_xsub_released,
	.subscribe = zl_xsub_subscribe,
};
