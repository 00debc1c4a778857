/* What is sent to a group that is heard here, too (IP_MULTICAST_LOOP): packets wait for the end of
 * the turn, so that no receiver is called while somebody sends, and then come in as if a port had
 * them, for sockets here and on other cores. */
#include "dataplane/net/stack.h"

void loop_output(struct zl_net *net, uint16_t port, struct rte_mbuf *m)
{
	struct rte_mbuf *clone;

	if (net->loop.n == LOOP_MAX) {
		count(net, ZL_NET_loop_drop_full);
		return;
	}
	clone = rte_pktmbuf_clone(m, net->config.indirect);
	if (!clone) {
		count(net, ZL_NET_datagram_drop_no_clone);
		return;
	}
	net->loop.packet[net->loop.n] = clone;
	net->loop.port[net->loop.n++] = port;
}

void loop_input(struct zl_net *net)
{
	unsigned n = net->loop.n; /* what receivers send meanwhile is for the next turn */

	if (likely(!n))
		return;
	net->origin = FROM_SELF;
	for (unsigned i = 0; i < n; i++)
		ipv4_input(net, net->loop.port[i], net->loop.packet[i]);
	net->origin = FROM_PORT;
	net->loop.n -= n;
	memmove(net->loop.packet, net->loop.packet + n, net->loop.n * sizeof(net->loop.packet[0]));
	memmove(net->loop.port, net->loop.port + n, net->loop.n * sizeof(net->loop.port[0]));
}

void loop_destroy(struct zl_net *net)
{
	rte_pktmbuf_free_bulk(net->loop.packet, net->loop.n);
}
