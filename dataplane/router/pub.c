/* PUB (RFC 29): XPUB whose user only sends. Subscriptions still go to whoever decides them; what
 * else a subscriber may send is dropped. */
#include "dataplane/router/fan.h"
#include "dataplane/router/patterns.h"

unsigned zl_pub_input(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
			  unsigned n)
{
	unsigned done = 0;

	while (done < n) {
		unsigned run, taken = zl_xpub_subscriptions(s, p, msgs + done, n - done, &run);

		done += taken;
		if (taken < run)
			break;
		if (run)
			continue;
		done++;
		s->counter[ZL_ROUTER_dropped_upstream]++;
	}
	p->msgs_in += done;
	s->counter[ZL_ROUTER_parts_received] += done;
	s->counter[ZL_ROUTER_stalls_receive] += done < n;
	return done;
}

const struct zl_pattern zl_pub_pattern = {
	.type = ZL_PUB,
	.peers = 1u << ZL_SUB | 1u << ZL_XSUB,
	.matches = true,
	.open = zl_xpub_open,
	.close = zl_xpub_close,
	.pipe_added = zl_xpub_pipe_added,
	.pipe_removed = zl_xpub_pipe_removed,
	.input = zl_pub_input,
	.send = zl_xpub_send,
	.broken = zl_xpub_broken,
	.released = zl_xpub_released,
	.subscribe = zl_xpub_subscribe,
};
