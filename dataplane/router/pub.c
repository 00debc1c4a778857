/* PUB (RFC 29): XPUB whose user only sends. Subscriptions still go to whoever decides them; what
 * else a subscriber may send is dropped. */
#include "dataplane/router/patterns.h"

const struct zl_pattern zl_pub_pattern = {
	.type = ZL_PUB,
	.peers = 1u << ZL_SUB | 1u << ZL_XSUB,
	.matches = true,
	.open = zl_xpub_open,
	.close = zl_xpub_close,
	.pipe_added = zl_xpub_pipe_added,
	.pipe_removed = zl_xpub_pipe_removed,
	.input = zl_xpub_input,
	.send = zl_xpub_send,
	.broken = zl_xpub_broken,
	.released = zl_xpub_released,
	.subscribe = zl_xpub_subscribe,
};
