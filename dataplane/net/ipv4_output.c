/* IPv4 outwards (RFC 791, RFC 1122): a packet is routed by the ports' prefixes and gateways, gains
 * its header, and its checksums are completed, by the port where that offers to. */
#include <errno.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "dataplane/net/ipv4.h"
#include "dataplane/net/stack.h"

#define HEADER sizeof(struct rte_ipv4_hdr)
#define TTL    64
#define ALERT  0x94040000u /* the option of RFC 2113 */

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

int zl_net_route(const struct zl_net *net, uint32_t ip)
{
	uint32_t src, next_hop;
	uint16_t port;

	return ipv4_route(net, ip, &port, &src, &next_hop) ? -1 : port;
}

static void set_l4_checksum(void *l4, uint8_t proto, uint16_t sum)
{
	if (proto == IPPROTO_TCP)
		((struct rte_tcp_hdr *)l4)->cksum = sum;
	else if (proto == IPPROTO_UDP)
		((struct rte_udp_hdr *)l4)->dgram_cksum = sum;
}

/* The flag that has a port with these offloads complete proto's checksum, or 0. */
static uint64_t l4_flag(uint64_t offload, uint8_t proto)
{
	if (proto == IPPROTO_TCP && offload & RTE_ETH_TX_OFFLOAD_TCP_CKSUM)
		return RTE_MBUF_F_TX_TCP_CKSUM;
	if (proto == IPPROTO_UDP && offload & RTE_ETH_TX_OFFLOAD_UDP_CKSUM)
		return RTE_MBUF_F_TX_UDP_CKSUM;
	return 0;
}

static uint16_t sum_of(const struct rte_mbuf *m, uint32_t src, uint32_t dst,
		       const struct ipv4_how *how)
{
	return how->summed ? l4_checksum_of(how->sum, m->pkt_len, src, dst, how->proto)
			   : l4_checksum(m, src, dst, how->proto);
}

unsigned ipv4_header_bytes(const struct ipv4_how *how)
{
	return HEADER + (how->alert ? sizeof(rte_be32_t) : 0);
}

static void store32(void *at, unsigned word, uint32_t x)
{
	rte_be32_t be = rte_cpu_to_be_32(x);

	memcpy((uint8_t *)at + word * sizeof(be), &be, sizeof(be));
}

/* Made of whole words in registers: what is stored in bytes would have to be waited for before it
 * is added up. fragment: the field of that name; summed: with its checksum. */
static void store_header(struct rte_ipv4_hdr *ip, uint32_t len, uint16_t id, uint16_t fragment,
			 const struct ipv4_how *how, uint32_t src, uint32_t dst, bool summed)
{
	uint32_t words = ipv4_header_bytes(how) / 4, alert = how->alert ? ALERT : 0;
	uint32_t first = (IPVERSION << 4 | words) << 24 | (uint32_t)how->tos << 16 | len;
	uint32_t second = (uint32_t)id << 16 | fragment;
	uint32_t third = (uint32_t)how->ttl << 24 | (uint32_t)how->proto << 16;

	if (summed)
		third |= (uint16_t)~ones_fold((uint64_t)first + second + third + src + dst + alert);
	store32(ip, 0, first);
	store32(ip, 1, second);
	store32(ip, 2, third);
	store32(ip, 3, src);
	store32(ip, 4, dst);
	if (alert)
		store32(ip, 5, alert);
}

/* The header before m's data, and both checksums. false: it cannot be; m is as it was, or longer.
 */
static bool add_header(struct zl_net *net, const struct zl_net_port *p, struct rte_mbuf *m,
		       uint32_t src, uint32_t dst, const struct ipv4_how *how)
{
	uint8_t header = (uint8_t)ipv4_header_bytes(how);
	bool whole = how->proto == IPPROTO_TCP || m->pkt_len + header <= p->mtu;
	/* Who hears it here has no port, and a port sees one fragment at a time. */
	uint64_t offload = whole && !how->loop ? p->tx_offload : 0;
	uint64_t flags = l4_flag(offload, how->proto);
	bool l4 = how->proto == IPPROTO_TCP || how->proto == IPPROTO_UDP;
	uint16_t l4_sum = l4 && !flags ? sum_of(m, src, dst, how) : 0;
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)rte_pktmbuf_prepend(m, header);

	if (unlikely(!ip || m->pkt_len > UINT16_MAX))
		return false;
	m->l3_len = header;
	if (offload & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM)
		flags |= RTE_MBUF_F_TX_IP_CKSUM;
	store_header(ip, m->pkt_len, whole ? net->ip_id++ : net->fragment_id++,
		     whole ? RTE_IPV4_HDR_DF_FLAG : 0, how, src, dst,
		     !(flags & RTE_MBUF_F_TX_IP_CKSUM));
	/* Flags of a frame that was received would be read as requests to the port. */
	m->ol_flags &= RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_TX_TCP_SEG;
	if (flags)
		m->ol_flags |= flags | RTE_MBUF_F_TX_IPV4;
	if (flags & RTE_MBUF_F_TX_L4_MASK)
		l4_sum = rte_ipv4_phdr_cksum(ip, m->ol_flags);
	set_l4_checksum((uint8_t *)ip + header, how->proto, l4_sum);
	count(net, ZL_NET_ip_tx_packets);
	return true;
}

int ipv4_send(struct zl_net *net, struct rte_mbuf *m, uint32_t src, uint32_t dst,
	      const struct ipv4_how *how)
{
	uint32_t port_ip, next_hop;
	uint16_t port;

	if (unlikely(ipv4_route(net, dst, &port, &port_ip, &next_hop))) {
		drop(net, m, ZL_NET_ip_drop_no_route);
		return -ENETUNREACH;
	}
	if (likely(add_header(net, &net->port[port], m, src, dst, how)))
		arp_output(net, port, m, next_hop);
	else
		drop(net, m, ZL_NET_ip_drop_no_buffer);
	return 0;
}

int ipv4_output_tos(struct zl_net *net, struct rte_mbuf *m, uint32_t src, uint32_t dst,
		    uint8_t proto, uint8_t tos)
{
	return ipv4_send(net, m, src, dst,
			 &(struct ipv4_how){.proto = proto, .tos = tos, .ttl = TTL});
}

/* RFC 1112 6.4: the low 23 bits. */
static struct rte_ether_addr group_mac(uint32_t group)
{
	return (struct rte_ether_addr){
		{0x01, 0x00, 0x5e, group >> 16 & 0x7f, group >> 8 & 0xff, group & 0xff}};
}

void ipv4_send_group(struct zl_net *net, uint16_t port, struct rte_mbuf *m, uint32_t src,
		     uint32_t group, const struct ipv4_how *how)
{
	const struct zl_net_port *p = &net->port[port];
	struct rte_ether_addr mac = group_mac(group);

	if (unlikely(!add_header(net, p, m, src, group, how))) {
		drop(net, m, ZL_NET_ip_drop_no_buffer);
		return;
	}
	if (how->loop)
		loop_output(net, port, m);
	ipv4_transmit(net, port, m, &mac);
}
