/* ICMP (RFC 792): echo requests to us are answered; destination unreachable for a TCP segment of
 * ours is passed to TCP. The rest is counted. */
#include "dataplane/net/stack.h"

#include <rte_icmp.h>
#include <rte_ip.h>

#define HEADER            8
#define TYPE_ECHO_REPLY   0
#define TYPE_UNREACHABLE  3
#define TYPE_ECHO         8
#define CODE_PROTOCOL     2
#define CODE_PORT         3
#define CODE_MAX          15
#define QUOTED_L4_MINIMUM 8

static void echo(struct zl_net *net, struct rte_mbuf *m, uint32_t src, uint32_t dst)
{
	struct rte_mbuf *reply;
	struct rte_icmp_hdr *icmp;

	count(net, ZL_NET_icmp_rx_echo);
	/* A copy: the request's buffer may be shared, and its headroom is anybody's guess. */
	reply = rte_pktmbuf_copy(m, net->config.frames, 0, m->pkt_len);
	rte_pktmbuf_free(m);
	if (!reply) {
		count(net, ZL_NET_ip_drop_no_buffer);
		return;
	}
	icmp = rte_pktmbuf_mtod(reply, struct rte_icmp_hdr *);
	icmp->icmp_type = TYPE_ECHO_REPLY;
	icmp->icmp_cksum = 0;
	icmp->icmp_cksum = packet_checksum(reply);
	count(net, ZL_NET_icmp_tx_echo_reply);
	ipv4_output(net, reply, dst, src, IPPROTO_ICMP);
}

/* The flow of the quoted packet, which we must have sent; it has to lie in the first segment. */
static bool quoted_flow(const struct zl_net *net, const struct rte_mbuf *m,
			struct zl_endpoint_addr *local, struct zl_endpoint_addr *remote)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *,
								HEADER);
	const rte_be16_t *ports;
	unsigned ihl;

	if (m->data_len < HEADER + sizeof(*ip))
		return false;
	ihl = rte_ipv4_hdr_len(ip);
	if (ip->version_ihl >> 4 != 4 || ihl < sizeof(*ip) || ip->next_proto_id != IPPROTO_TCP ||
	    ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK) ||
	    m->data_len < HEADER + ihl + QUOTED_L4_MINIMUM)
		return false;
	ports = (const rte_be16_t *)((const uint8_t *)ip + ihl);
	local->ip = rte_be_to_cpu_32(ip->src_addr);
	local->port = rte_be_to_cpu_16(ports[0]);
	remote->ip = rte_be_to_cpu_32(ip->dst_addr);
	remote->port = rte_be_to_cpu_16(ports[1]);
	return zl_net_port_of(net, local->ip) >= 0;
}

static void unreachable(struct zl_net *net, struct rte_mbuf *m, uint8_t code)
{
	struct zl_endpoint_addr local, remote;

	if (code > CODE_MAX || !quoted_flow(net, m, &local, &remote)) {
		drop(net, m, ZL_NET_icmp_drop);
		return;
	}
	count(net, ZL_NET_icmp_rx_unreachable);
	/* RFC 1122 4.2.3.9: these say that there is nobody; all others may pass. */
	tcp_unreachable(net, &local, &remote, code == CODE_PROTOCOL || code == CODE_PORT);
	rte_pktmbuf_free(m);
}

void icmp_input(struct zl_net *net, uint16_t port, struct rte_mbuf *m, uint32_t src, uint32_t dst)
{
	const struct rte_icmp_hdr *icmp = rte_pktmbuf_mtod(m, const struct rte_icmp_hdr *);

	(void)port;
	if (m->data_len < HEADER || packet_checksum(m))
		drop(net, m, ZL_NET_icmp_drop);
	else if (icmp->icmp_type == TYPE_ECHO && icmp->icmp_code == 0)
		echo(net, m, src, dst);
	else if (icmp->icmp_type == TYPE_UNREACHABLE)
		unreachable(net, m, icmp->icmp_code);
	else
		drop(net, m, ZL_NET_icmp_drop);
}
