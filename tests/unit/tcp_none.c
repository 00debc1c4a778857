/* Stands in for net/tcp/ in the tests of what is below it: notes what it is given. */
#include "tests/unit/tcp_none.h"

#include "dataplane/net/stack.h"

struct tcp_seen tcp_seen;

int tcp_create(struct zl_net *net)
{
	(void)net;
	return 0;
}

void tcp_destroy(struct zl_net *net)
{
	(void)net;
}

void tcp_input(struct zl_net *net, uint16_t port, struct rte_mbuf *m, uint32_t src, uint32_t dst)
{
	(void)net;
	tcp_seen.segments++;
	tcp_seen.src = src;
	tcp_seen.dst = dst;
	tcp_seen.len = m->pkt_len;
	tcp_seen.port = port;
	rte_pktmbuf_free(m);
}

void tcp_output_pending(struct zl_net *net)
{
	(void)net;
}

void tcp_unreachable(struct zl_net *net, const struct zl_endpoint_addr *local,
		     const struct zl_endpoint_addr *remote, bool hard)
{
	(void)net;
	tcp_seen.unreachables++;
	tcp_seen.local = *local;
	tcp_seen.remote = *remote;
	tcp_seen.hard = hard;
}
