/* Initial sequence numbers that a stranger off the path cannot guess (RFC 6528 3), and timestamp
 * offsets that do not give away the uptime but stay monotonic for a pair of addresses (RFC 7323 5.4
 * and 5.8), which is what makes reuse of a connection in TIME-WAIT by timestamp work. */
#include "dataplane/net/tcp/siphash.h"
#include "dataplane/net/tcp/tcp.h"

#define ISN_TICK_NS 4000 /* M of RFC 6528: one every four microseconds */

uint32_t isn_choose(const struct tcp *t, const struct tcp_conn *c)
{
	uint32_t tuple[4] = {c->local_ip, c->remote_ip,
			     (uint32_t)c->local_port << 16 | c->remote_port, 'I'};

	return (uint32_t)(t->net->now_ns / ISN_TICK_NS) +
	       (uint32_t)siphash24(t->key, tuple, sizeof(tuple));
}

uint32_t timestamp_offset(const struct tcp *t, const struct tcp_conn *c)
{
	uint32_t pair[3] = {c->local_ip, c->remote_ip, 'T'};

	return (uint32_t)siphash24(t->key, pair, sizeof(pair));
}
