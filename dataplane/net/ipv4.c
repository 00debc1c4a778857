/* IPv4 inwards, as a host (RFC 791, RFC 1122): no forwarding. A packet is checked, cut to its
 * total length, put together if it is a fragment, and handed to its protocol. */
#include "dataplane/net/ipv4.h"

#include <string.h>

#include <rte_ip.h>
#include <rte_tcp.h>

#include "dataplane/net/igmp.h"
#include "dataplane/net/stack.h"

#define HEADER     sizeof(struct rte_ipv4_hdr)
#define ALL_HOSTS  0xe0000001u
#define FRAGMENTED (RTE_IPV4_HDR_OFFSET_MASK | RTE_IPV4_HDR_MF_FLAG)

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
	    ipv4_header_sum(ip, ihl) != 0xffff)
		return ZL_NET_ip_drop_checksum;
	if (unlikely(!ip->time_to_live))
		return ZL_NET_ip_drop_ttl;
	return ZL_NET_COUNTERS;
}

/* --- whom a feed is from --- */

/* A feed is of few sources and groups: what was found right of a packet from a port, its source and
 * that its group is joined, holds for the next one until groups or ports change. */
static bool known(const struct zl_net *net, uint16_t port, uint32_t src, uint32_t dst)
{
	unsigned at = (src ^ dst) % NET_KNOWN;

	return net->known[at].dst == dst && net->known[at].src == src &&
	       net->known[at].port == port && dst;
}

static void remember(struct zl_net *net, uint16_t port, uint32_t src, uint32_t dst)
{
	unsigned at = (src ^ dst) % NET_KNOWN;

	if (net->origin != FROM_PORT)
		return;
	net->known[at].src = src;
	net->known[at].dst = dst;
	net->known[at].port = port;
}

void ipv4_forget_known(struct zl_net *net)
{
	memset(net->known, 0, sizeof(net->known));
}

/* --- from where, to whom --- */

/* Can somebody have this address who sends to this port? */
static bool source_right(const struct zl_net *net, uint16_t port, uint32_t src)
{
	return unicast(src) && !subnet_special(&net->port[port], src) &&
	       (zl_net_port_of(net, src) < 0 || net->origin != FROM_PORT);
}

/* As check(), of the addresses. Local delivery is for addresses of any port. */
static enum zl_net_counter check_addresses(const struct zl_net *net, uint16_t port, uint32_t src,
					   uint32_t dst)
{
	const struct zl_net_port *p = &net->port[port];

	if (known(net, port, src, dst))
		return ZL_NET_COUNTERS;
	if (unlikely((dst != p->ip || !dst) && zl_net_port_of(net, dst) < 0 && !zl_is_group(dst)))
		return ZL_NET_ip_drop_not_ours;
	if (unlikely(!source_right(net, port, src)))
		return ZL_NET_ip_drop_source;
	return ZL_NET_COUNTERS;
}

/* As check(), of a fragment: is anybody here to have what it is of? TCP sends none, and what a core
 * would put together might be for a connection of another's. */
static enum zl_net_counter check_fragment(const struct zl_net *net, uint16_t port, uint32_t dst,
					  uint8_t proto)
{
	if (zl_is_group(dst) && !igmp_joined(net, port, dst))
		return ZL_NET_ip_drop_group;
	if (proto == IPPROTO_UDP || (proto == IPPROTO_ICMP && !zl_is_group(dst)) ||
	    raw_bound(net, dst, proto))
		return ZL_NET_COUNTERS;
	return ZL_NET_ip_drop_fragment;
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

static bool hears(struct zl_net *net, uint16_t port, uint32_t src, uint32_t group)
{
	if (known(net, port, src, group))
		return true;
	if (!igmp_joined(net, port, group))
		return false;
	remember(net, port, src, group);
	return true;
}

/* Queries go to everybody, and reports that concern us to groups of ours. */
static void deliver_group(struct zl_net *net, uint16_t port, struct rte_mbuf *m, unsigned header,
			  uint32_t src, uint32_t dst, uint8_t proto)
{
	bool joined = hears(net, port, src, dst);

	if (proto == IPPROTO_IGMP && (joined || dst == ALL_HOSTS))
		igmp_input(net, port, m);
	else if (!joined)
		drop(net, m, ZL_NET_ip_drop_group);
	else if (likely(proto == IPPROTO_UDP))
		udp_input(net, port, m, header, src, dst);
	else
		raw_input(net, port, m, header, src, dst, proto);
}

/* m is behind its header. */
static void deliver(struct zl_net *net, uint16_t port, struct rte_mbuf *m, unsigned header,
		    uint32_t src, uint32_t dst, uint8_t proto)
{
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
		raw_input(net, port, m, header, src, dst, proto);
}

/* Is it looked at by whoever passes packets on? Not what we sent ourselves. */
static bool passes(const struct zl_net *net, uint16_t port, uint8_t proto)
{
	return net->transit.ports >> port & 1 && proto == net->transit.proto &&
	       net->origin == FROM_PORT;
}

void ipv4_input(struct zl_net *net, uint16_t port, struct rte_mbuf *m)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *);
	enum zl_net_counter why = check(net, port, m);
	uint32_t src, dst;
	unsigned header;
	uint8_t proto;
	bool fragment;

	count(net, ZL_NET_ip_rx_packets);
	if (unlikely(why != ZL_NET_COUNTERS)) {
		drop(net, m, why);
		return;
	}
	src = rte_be_to_cpu_32(ip->src_addr);
	dst = rte_be_to_cpu_32(ip->dst_addr);
	proto = ip->next_proto_id;
	fragment = ip->fragment_offset & RTE_BE16(FRAGMENTED);
	if (unlikely(passes(net, port, proto)) && !fragment && source_right(net, port, src) &&
	    transit_input(net, port, m))
		return;
	why = check_addresses(net, port, src, dst);
	if (unlikely(fragment && why == ZL_NET_COUNTERS))
		why = check_fragment(net, port, dst, proto);
	if (unlikely(why != ZL_NET_COUNTERS)) {
		drop(net, m, why);
		return;
	}
	/* Ethernet's padding goes. */
	packet_trim(m, rte_be_to_cpu_16(ip->total_length));
	/* Options are skipped: a host may ignore all that it does not use (RFC 1122 3.2.1.8). */
	header = rte_ipv4_hdr_len(ip);
	rte_pktmbuf_adj(m, (uint16_t)header);
	if (unlikely(fragment))
		m = reassembly_input(net, m, &header);
	if (likely(m))
		deliver(net, port, m, header, src, dst, proto);
}
