/* Ethernet: in, frames to us, to everybody and to groups lose their header and go to ARP or IPv4;
 * out, frames gain theirs and are handed to the port in vectors. */
#include "dataplane/net/stack.h"

#include <rte_prefetch.h>

#define PREFETCH_AHEAD 4

static void input_one(struct zl_net *net, uint16_t port, struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	uint16_t type;

	net->counter[ZL_NET_eth_rx_bytes] += m->pkt_len;
	if (unlikely(m->data_len < RTE_ETHER_HDR_LEN)) {
		drop(net, m, ZL_NET_eth_drop_short);
		return;
	}
	if (!rte_is_same_ether_addr(&eth->dst_addr, &net->port[port].mac) &&
	    !rte_is_multicast_ether_addr(&eth->dst_addr)) {
		drop(net, m, ZL_NET_eth_drop_not_ours);
		return;
	}
	type = eth->ether_type;
	rte_pktmbuf_adj(m, RTE_ETHER_HDR_LEN);
	if (likely(type == RTE_BE16(RTE_ETHER_TYPE_IPV4)))
		ipv4_input(net, port, m);
	else if (type == RTE_BE16(RTE_ETHER_TYPE_ARP))
		arp_input(net, port, m);
	else
		drop(net, m, ZL_NET_eth_drop_type);
}

void eth_input(struct zl_net *net, uint16_t port, struct rte_mbuf **frames, unsigned n)
{
	net->counter[ZL_NET_eth_rx_frames] += n;
	for (unsigned i = 0; i < n && i < PREFETCH_AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(frames[i], const void *));
	for (unsigned i = 0; i < n; i++) {
		if (i + PREFETCH_AHEAD < n)
			rte_prefetch0(rte_pktmbuf_mtod(frames[i + PREFETCH_AHEAD], const void *));
		input_one(net, port, frames[i]);
	}
}

static void look(struct zl_net *net, uint16_t port)
{
	const struct zl_net_ops *ops = net->config.ops;

	net->tx[port].waits = ops->tx_waits && ops->tx_waits(net->config.ctx, port);
}

static void flush_port(struct zl_net *net, uint16_t port)
{
	unsigned n = net->tx[port].n;

	if (!n)
		return;
	net->tx[port].n = 0;
	net->config.ops->transmit(net->config.ctx, port, net->tx[port].frame, n);
	look(net, port);
}

void eth_output(struct zl_net *net, uint16_t port, struct rte_mbuf *m,
		const struct rte_ether_addr *dst, uint16_t ether_type)
{
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)rte_pktmbuf_prepend(m,
										RTE_ETHER_HDR_LEN);

	if (unlikely(!eth)) {
		drop(net, m, ZL_NET_ip_drop_no_buffer);
		return;
	}
	rte_ether_addr_copy(dst, &eth->dst_addr);
	rte_ether_addr_copy(&net->port[port].mac, &eth->src_addr);
	eth->ether_type = rte_cpu_to_be_16(ether_type);
	m->l2_len = RTE_ETHER_HDR_LEN;
	m->port = port;
	net->counter[ZL_NET_eth_tx_frames]++;
	net->counter[ZL_NET_eth_tx_bytes] += m->pkt_len;
	net->tx[port].frame[net->tx[port].n++] = m;
	if (net->tx[port].n == ZL_NET_BURST)
		flush_port(net, port);
}

void eth_flush(struct zl_net *net)
{
	for (uint16_t port = 0; port < net->ports; port++)
		flush_port(net, port);
}

void eth_look(struct zl_net *net)
{
	for (uint16_t port = 0; port < net->ports; port++)
		look(net, port);
}
