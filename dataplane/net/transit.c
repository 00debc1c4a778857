#include "dataplane/net/transit.h"

#include <errno.h>

#include <rte_ip.h>

#include "dataplane/net/igmp.h"
#include "dataplane/net/stack.h"

void zl_transit_open(struct zl_net *net, uint8_t proto, uint32_t ports, zl_transit_receive *receive,
		     void *owner)
{
	net->transit.proto = proto;
	net->transit.ports = ports;
	net->transit.receive = receive;
	net->transit.owner = owner;
}

bool transit_input(struct zl_net *net, uint16_t port, struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *);
	const struct zl_transit in = {.port = port,
				      .ttl = ip->time_to_live,
				      .src = rte_be_to_cpu_32(ip->src_addr),
				      .dst = rte_be_to_cpu_32(ip->dst_addr)};
	const uint16_t header = rte_ipv4_hdr_len(ip);
	const uint8_t proto = ip->next_proto_id;

	count(net, ZL_NET_transit_rx_packets);
	packet_trim(m, rte_be_to_cpu_16(ip->total_length));
	rte_pktmbuf_adj(m, header);
	if (net->transit.receive(net->transit.owner, m, &in) && !raw_bound(net, in.dst, proto)) {
		rte_pktmbuf_free(m);
		return true;
	}
	rte_pktmbuf_prepend(m, header);
	return false;
}

int zl_transit_send(struct zl_net *net, struct rte_mbuf *m, const struct zl_transit *out,
		    bool router_alert)
{
	const struct ipv4_how how = {
		.proto = net->transit.proto, .ttl = out->ttl, .alert = router_alert};

	if (!out->ttl) {
		drop(net, m, ZL_NET_ip_drop_ttl);
		return 0;
	}
	count(net, ZL_NET_transit_tx_packets);
	if (!zl_is_group(out->dst))
		return ipv4_send(net, m, out->src, out->dst, &how);
	ipv4_send_group(net, out->port, m, out->src, out->dst, &how);
	return 0;
}
