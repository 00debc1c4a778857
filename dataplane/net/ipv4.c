/* IPv4 as a host (RFC 791, RFC 1122): no forwarding and no reassembly. In, a packet is checked,
 * cut to its total length and handed to its protocol; out, it is routed by the ports' prefixes and
 * gateways, and its checksums are completed, by the port where that offers to. */
#include "dataplane/net/igmp.h"
#include "dataplane/net/stack.h"

#include <errno.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#define HEADER     sizeof(struct rte_ipv4_hdr)
#define TTL        64
#define ALL_HOSTS  0xe0000001u
#define ALERT      RTE_BE32(0x94040000) /* the option of RFC 2113 */
#define TOS_IGMP   0xc0                 /* RFC 3376 4 */
#define FRAGMENTED (RTE_IPV4_HDR_OFFSET_MASK | RTE_IPV4_HDR_MF_FLAG)

static uint32_t prefix_mask(uint8_t len)
{
	return len ? UINT32_MAX << (32 - len) : 0;
}

static bool on_link(const struct zl_net_port *p, uint32_t ip)
{
	return p->ip && !((p->ip ^ ip) & prefix_mask(p->prefix_len));
}

/* The subnet's own address or its broadcast address; a /31 has neither (RFC 3021). */
static bool subnet_special(const struct zl_net_port *p, uint32_t ip)
{
	uint32_t host = ~prefix_mask(p->prefix_len);

	return p->prefix_len < 31 && on_link(p, ip) && ((ip & host) == 0 || (ip & host) == host);
}

/* Can this be one station's address? Not 0/8, loopback, multicast, reserved or broadcast. */
static bool unicast(uint32_t ip)
{
	return ip >> 24 != 0 && ip >> 24 != 127 && ip < 0xe0000000;
}

void packet_trim(struct rte_mbuf *m, uint32_t len)
{
	struct rte_mbuf *seg = m;
	uint16_t segs = 1;

	if (m->pkt_len == len)
		return;
	m->pkt_len = len;
	while (seg->data_len < len) {
		len -= seg->data_len;
		seg = seg->next;
		segs++;
	}
	seg->data_len = len;
	rte_pktmbuf_free(seg->next);
	seg->next = NULL;
	m->nb_segs = segs;
}

/* Has the port found a checksum good, and is its word taken? Both bits of a mask together mean
 * something else: that it could not tell. */
static bool trusted(const struct zl_net_port *p, const struct rte_mbuf *m, uint64_t mask,
		    uint64_t good)
{
	return (m->ol_flags & mask) == good && p->rx_checked & good;
}

/* Is the header well formed and right? If not, why not; ZL_NET_COUNTERS if it is. */
static enum zl_net_counter check(const struct zl_net *net, uint16_t port, const struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *);
	unsigned ihl, total;

	if (unlikely(m->data_len < HEADER))
		return ZL_NET_ip_drop_header;
	ihl = rte_ipv4_hdr_len(ip);
	total = rte_be_to_cpu_16(ip->total_length);
	if (unlikely(ip->version_ihl >> 4 != 4 || ihl < HEADER || ihl > m->data_len ||
		     total < ihl || total > m->pkt_len))
		return ZL_NET_ip_drop_header;
	if (!trusted(&net->port[port], m, RTE_MBUF_F_RX_IP_CKSUM_MASK,
		     RTE_MBUF_F_RX_IP_CKSUM_GOOD) &&
	    rte_raw_cksum(ip, ihl) != 0xffff)
		return ZL_NET_ip_drop_checksum;
	if (unlikely(!ip->time_to_live))
		return ZL_NET_ip_drop_ttl;
	if (unlikely(ip->fragment_offset & RTE_BE16(FRAGMENTED)))
		return ZL_NET_ip_drop_fragment;
	return ZL_NET_COUNTERS;
}

/* As check(), of the addresses. Local delivery is for addresses of any port. */
static enum zl_net_counter check_addresses(const struct zl_net *net, uint16_t port, uint32_t src,
					   uint32_t dst)
{
	const struct zl_net_port *p = &net->port[port];

	if (unlikely((dst != p->ip || !dst) && zl_net_port_of(net, dst) < 0 && !zl_is_group(dst)))
		return ZL_NET_ip_drop_not_ours;
	if (unlikely(!unicast(src) || subnet_special(p, src) || zl_net_port_of(net, src) >= 0))
		return ZL_NET_ip_drop_source;
	return ZL_NET_COUNTERS;
}

bool l4_right(const struct zl_net *net, uint16_t port, const struct rte_mbuf *m, uint32_t src,
	      uint32_t dst, uint8_t proto)
{
	uint16_t sum;

	if (trusted(&net->port[port], m, RTE_MBUF_F_RX_L4_CKSUM_MASK, RTE_MBUF_F_RX_L4_CKSUM_GOOD))
		return true;
	sum = l4_checksum(m, src, dst, proto);
	return sum == (proto == IPPROTO_UDP ? 0xffff : 0); /* UDP has the other zero */
}

/* m starts at the TCP header. */
static void deliver_tcp(struct zl_net *net, uint16_t port, struct rte_mbuf *m, uint32_t src,
			uint32_t dst)
{
	if (unlikely(m->data_len < sizeof(struct rte_tcp_hdr))) {
		drop(net, m, ZL_NET_tcp_drop_header);
		return;
	}
	if (!l4_right(net, port, m, src, dst, IPPROTO_TCP)) {
		drop(net, m, ZL_NET_tcp_drop_checksum);
		return;
	}
	tcp_input(net, port, m, src, dst);
}

/* Queries go to everybody, and reports that concern us to groups of ours. */
static void deliver_group(struct zl_net *net, uint16_t port, struct rte_mbuf *m, unsigned header,
			  uint32_t src, uint32_t dst, uint8_t proto)
{
	bool joined = igmp_joined(net, port, dst);

	if (proto == IPPROTO_UDP && joined)
		udp_input(net, port, m, header, src, dst);
	else if (proto == IPPROTO_IGMP && (joined || dst == ALL_HOSTS))
		igmp_input(net, port, m);
	else
		drop(net, m, ZL_NET_ip_drop_group);
}

void ipv4_input(struct zl_net *net, uint16_t port, struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *);
	enum zl_net_counter why = check(net, port, m);
	uint32_t src, dst;
	unsigned header;
	uint8_t proto;

	count(net, ZL_NET_ip_rx_packets);
	if (unlikely(why != ZL_NET_COUNTERS)) {
		drop(net, m, why);
		return;
	}
	src = rte_be_to_cpu_32(ip->src_addr);
	dst = rte_be_to_cpu_32(ip->dst_addr);
	proto = ip->next_proto_id;
	why = check_addresses(net, port, src, dst);
	if (unlikely(why != ZL_NET_COUNTERS)) {
		drop(net, m, why);
		return;
	}
	/* Ethernet's padding goes. */
	packet_trim(m, rte_be_to_cpu_16(ip->total_length));
	/* Options are skipped: a host may ignore all that it does not use (RFC 1122 3.2.1.8). */
	header = rte_ipv4_hdr_len(ip);
	rte_pktmbuf_adj(m, (uint16_t)header);
	if (unlikely(zl_is_group(dst)))
		deliver_group(net, port, m, header, src, dst, proto);
	else if (likely(proto == IPPROTO_TCP))
		deliver_tcp(net, port, m, src, dst);
	else if (proto == IPPROTO_UDP)
		udp_input(net, port, m, header, src, dst);
	else if (proto == IPPROTO_ICMP)
		icmp_input(net, port, m, src, dst);
	else if (proto == IPPROTO_IGMP)
		igmp_input(net, port, m);
	else
		drop(net, m, ZL_NET_ip_drop_protocol);
}

int ipv4_route(const struct zl_net *net, uint32_t dst, uint16_t *port, uint32_t *src,
	       uint32_t *next_hop)
{
	int best = -1, gateway = -1;

	if (!unicast(dst))
		return -ENETUNREACH;
	for (int i = 0; i < net->ports; i++) {
		const struct zl_net_port *p = &net->port[i];

		if (!net->port_up[i] || !p->ip)
			continue;
		if (p->ip == dst || subnet_special(p, dst))
			return -ENETUNREACH;
		if (on_link(p, dst) && (best < 0 || p->prefix_len > net->port[best].prefix_len))
			best = i;
		if (p->gateway && gateway < 0)
			gateway = i;
	}
	if (best < 0 && gateway < 0)
		return -ENETUNREACH;
	*port = best >= 0 ? best : gateway;
	*src = net->port[*port].ip;
	*next_hop = best >= 0 ? dst : net->port[gateway].gateway;
	return 0;
}

static void set_l4_checksum(void *l4, uint8_t proto, uint16_t sum)
{
	if (proto == IPPROTO_TCP)
		((struct rte_tcp_hdr *)l4)->cksum = sum;
	else if (proto == IPPROTO_UDP)
		((struct rte_udp_hdr *)l4)->dgram_cksum = sum;
}

/* The flag that has the port complete proto's checksum, or 0. */
static uint64_t l4_flag(const struct zl_net_port *p, uint8_t proto)
{
	if (proto == IPPROTO_TCP && p->tx_offload & RTE_ETH_TX_OFFLOAD_TCP_CKSUM)
		return RTE_MBUF_F_TX_TCP_CKSUM;
	if (proto == IPPROTO_UDP && p->tx_offload & RTE_ETH_TX_OFFLOAD_UDP_CKSUM)
		return RTE_MBUF_F_TX_UDP_CKSUM;
	return 0;
}

/* Fills in the header in front of m's data, and both checksums. */
static void complete(struct zl_net *net, const struct zl_net_port *p, struct rte_mbuf *m,
		     struct rte_ipv4_hdr *ip, uint8_t header, uint8_t proto, uint8_t tos,
		     uint8_t ttl, uint16_t l4_sum)
{
	uint64_t flags = l4_flag(p, proto);

	m->l3_len = header;
	ip->version_ihl = (uint8_t)(IPVERSION << 4 | header / 4);
	ip->type_of_service = tos;
	ip->total_length = rte_cpu_to_be_16((uint16_t)m->pkt_len);
	ip->packet_id = rte_cpu_to_be_16(net->ip_id++);
	ip->fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
	ip->time_to_live = ttl;
	ip->next_proto_id = proto;
	ip->hdr_checksum = 0;
	if (p->tx_offload & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM)
		flags |= RTE_MBUF_F_TX_IP_CKSUM;
	else
		ip->hdr_checksum = (uint16_t)~rte_raw_cksum(ip, header);
	if (flags)
		m->ol_flags |= flags | RTE_MBUF_F_TX_IPV4;
	if (flags & RTE_MBUF_F_TX_L4_MASK)
		l4_sum = rte_ipv4_phdr_cksum(ip, m->ol_flags);
	set_l4_checksum(ip + 1, proto, l4_sum);
}

int ipv4_output_tos(struct zl_net *net, struct rte_mbuf *m, uint32_t src, uint32_t dst,
		    uint8_t proto, uint8_t tos)
{
	const struct zl_net_port *p;
	struct rte_ipv4_hdr *ip;
	uint32_t port_ip, next_hop;
	uint16_t port, l4_sum = 0;

	if (unlikely(ipv4_route(net, dst, &port, &port_ip, &next_hop))) {
		drop(net, m, ZL_NET_ip_drop_no_route);
		return -ENETUNREACH;
	}
	p = &net->port[port];
	/* Flags of a frame that was received would be read as requests to the port. */
	m->ol_flags &= RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_TX_TCP_SEG;
	if ((proto == IPPROTO_TCP || proto == IPPROTO_UDP) && !l4_flag(p, proto))
		l4_sum = l4_checksum(m, src, dst, proto);
	ip = (struct rte_ipv4_hdr *)rte_pktmbuf_prepend(m, HEADER);
	if (unlikely(!ip || m->pkt_len > UINT16_MAX)) {
		drop(net, m, ZL_NET_ip_drop_no_buffer);
		return 0;
	}
	ip->src_addr = rte_cpu_to_be_32(src);
	ip->dst_addr = rte_cpu_to_be_32(dst);
	complete(net, p, m, ip, HEADER, proto, tos, TTL, l4_sum);
	count(net, ZL_NET_ip_tx_packets);
	arp_output(net, port, m, next_hop);
	return 0;
}

/* RFC 1112 6.4: the low 23 bits. */
static struct rte_ether_addr group_mac(uint32_t group)
{
	return (struct rte_ether_addr){
		{0x01, 0x00, 0x5e, group >> 16 & 0x7f, group >> 8 & 0xff, group & 0xff}};
}

void ipv4_output_group(struct zl_net *net, uint16_t port, struct rte_mbuf *m, uint32_t group,
		       uint8_t proto, uint8_t ttl)
{
	const struct zl_net_port *p = &net->port[port];
	struct rte_ether_addr mac = group_mac(group);
	uint8_t header = HEADER + (proto == IPPROTO_IGMP ? sizeof(rte_be32_t) : 0);
	struct rte_ipv4_hdr *ip;
	uint16_t l4_sum = 0;

	m->ol_flags &= RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;
	if (proto == IPPROTO_UDP && !l4_flag(p, proto))
		l4_sum = l4_checksum(m, p->ip, group, proto);
	ip = (struct rte_ipv4_hdr *)rte_pktmbuf_prepend(m, header);
	if (unlikely(!ip || m->pkt_len > UINT16_MAX)) {
		drop(net, m, ZL_NET_ip_drop_no_buffer);
		return;
	}
	if (proto == IPPROTO_IGMP)
		memcpy(ip + 1, &(rte_be32_t){ALERT}, sizeof(rte_be32_t));
	ip->src_addr = rte_cpu_to_be_32(p->ip);
	ip->dst_addr = rte_cpu_to_be_32(group);
	complete(net, p, m, ip, header, proto, proto == IPPROTO_IGMP ? TOS_IGMP : 0, ttl, l4_sum);
	count(net, ZL_NET_ip_tx_packets);
	eth_output(net, port, m, &mac, RTE_ETHER_TYPE_IPV4);
}
