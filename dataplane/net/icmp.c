/* ICMP (RFC 792): echo requests to us are answered; destination unreachable for a TCP segment of
 * ours is passed to TCP, and for a datagram of ours counted; port unreachable is sent for datagrams
 * that no socket is for, and time exceeded for those of which fragments are missing. The rest is
 * counted. */
#include "dataplane/net/stack.h"

#include <rte_icmp.h>
#include <rte_ip.h>

#define HEADER            8
#define TYPE_ECHO_REPLY   0
#define TYPE_UNREACHABLE  3
#define TYPE_ECHO         8
#define TYPE_EXCEEDED     11
#define CODE_PROTOCOL     2
#define CODE_PORT         3
#define CODE_REASSEMBLY   1 /* of TYPE_EXCEEDED */
#define CODE_MAX          15
#define QUOTED_L4_MINIMUM 8

#define ERROR_BYTES_MAX 576 /* of the whole packet (RFC 1812 4.3.2.3) */
#define ERRORS_A_SECOND 100
#define SECOND_NS       UINT64_C(1000000000)

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
static bool quoted_flow(const struct zl_net *net, const struct rte_mbuf *m, uint8_t *proto,
			struct zl_endpoint_addr *local, struct zl_endpoint_addr *remote)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *,
								HEADER);
	const rte_be16_t *ports;
	unsigned ihl;

	if (m->data_len < HEADER + sizeof(*ip))
		return false;
	ihl = rte_ipv4_hdr_len(ip);
	*proto = ip->next_proto_id;
	if (ip->version_ihl >> 4 != 4 || ihl < sizeof(*ip) ||
	    (*proto != IPPROTO_TCP && *proto != IPPROTO_UDP) ||
	    ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK) ||
	    m->data_len < HEADER + ihl + QUOTED_L4_MINIMUM)
		return false;
	ports = (const rte_be16_t *)((const uint8_t *)ip + ihl);
	local->ip = rte_be_to_cpu_32(ip->src_addr);
	local->port = rte_be_to_cpu_16(ports[0]);
	remote->ip = rte_be_to_cpu_32(ip->dst_addr);
	remote->port = rte_be_to_cpu_16(ports[1]);
	return zl_net_port_of(net, local->ip) >= 0 &&
	       (*proto == IPPROTO_TCP || udp_bound(net, local));
}

static void unreachable(struct zl_net *net, struct rte_mbuf *m, uint8_t code)
{
	struct zl_endpoint_addr local, remote;
	uint8_t proto;

	if (code > CODE_MAX || !quoted_flow(net, m, &proto, &local, &remote)) {
		drop(net, m, ZL_NET_icmp_drop);
		return;
	}
	count(net, ZL_NET_icmp_rx_unreachable);
	/* RFC 1122 4.2.3.9: these say that there is nobody; all others may pass. */
	if (proto == IPPROTO_TCP)
		tcp_unreachable(net, &local, &remote, code == CODE_PROTOCOL || code == CODE_PORT);
	rte_pktmbuf_free(m);
}

/* One more in this second? Counts it if so. */
static bool may_send_error(struct zl_net *net)
{
	if (net->now_ns - net->icmp_errors_since_ns >= SECOND_NS) {
		net->icmp_errors_since_ns = net->now_ns;
		net->icmp_errors = 0;
	}
	if (net->icmp_errors >= ERRORS_A_SECOND) {
		count(net, ZL_NET_icmp_errors_limited);
		return false;
	}
	net->icmp_errors++;
	return true;
}

/* Owns m, which is what is told of; counted as `sent`. */
static void send_error(struct zl_net *net, struct rte_mbuf *m, unsigned ip_header, uint32_t src,
		       uint32_t dst, struct rte_icmp_hdr what, enum zl_net_counter sent)
{
	const struct rte_ether_hdr *eth;
	struct rte_icmp_hdr *icmp;
	struct rte_mbuf *error;
	uint32_t quoted;

	eth = (const void *)rte_pktmbuf_prepend(m, (uint16_t)(RTE_ETHER_HDR_LEN + ip_header));
	if (rte_is_multicast_ether_addr(&eth->dst_addr) || !may_send_error(net)) {
		rte_pktmbuf_free(m);
		return;
	}
	quoted = RTE_MIN(m->pkt_len - RTE_ETHER_HDR_LEN,
			 ERROR_BYTES_MAX - HEADER - (uint32_t)sizeof(struct rte_ipv4_hdr));
	error = rte_pktmbuf_copy(m, net->config.frames, RTE_ETHER_HDR_LEN, quoted);
	rte_pktmbuf_free(m);
	icmp = error ? (struct rte_icmp_hdr *)rte_pktmbuf_prepend(error, HEADER) : NULL;
	if (!icmp) {
		rte_pktmbuf_free(error);
		count(net, ZL_NET_ip_drop_no_buffer);
		return;
	}
	*icmp = what;
	icmp->icmp_cksum = packet_checksum(error);
	count(net, sent);
	ipv4_output(net, error, dst, src, IPPROTO_ICMP);
}

void icmp_port_unreachable(struct zl_net *net, struct rte_mbuf *m, unsigned ip_header, uint32_t src,
			   uint32_t dst)
{
	send_error(net, m, ip_header, src, dst,
		   (struct rte_icmp_hdr){.icmp_type = TYPE_UNREACHABLE, .icmp_code = CODE_PORT},
		   ZL_NET_icmp_tx_port_unreachable);
}

void icmp_reassembly_timeout(struct zl_net *net, struct rte_mbuf *m, unsigned ip_header,
			     uint32_t src, uint32_t dst)
{
	send_error(net, m, ip_header, src, dst,
		   (struct rte_icmp_hdr){.icmp_type = TYPE_EXCEEDED, .icmp_code = CODE_REASSEMBLY},
		   ZL_NET_icmp_tx_time_exceeded);
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
