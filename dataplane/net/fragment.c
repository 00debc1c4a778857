/* Packets larger than their port's MTU, cut in fragments as they leave (RFC 791 3.2). That is once
 * the next hop's MAC address is known: until then a packet waits as one. */
#include <rte_ip.h>
#include <rte_ip_frag.h>

#include "dataplane/net/ipv4.h"
#include "dataplane/net/stack.h"

#define FRAGMENTS_MAX 128 /* of the longest packet, at an MTU of 576 */

void fragment_output(struct zl_net *net, uint16_t port, struct rte_mbuf *m,
		     const struct rte_ether_addr *dst)
{
	const struct rte_ipv4_hdr *whole = rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *);
	struct rte_mbuf *fragment[FRAGMENTS_MAX];
	int n;

	/* TCP's are for the device to cut. */
	if (whole->fragment_offset & RTE_BE16(RTE_IPV4_HDR_DF_FLAG)) {
		eth_output(net, port, m, dst, RTE_ETHER_TYPE_IPV4);
		return;
	}
	n = rte_ipv4_fragment_packet(m, fragment, FRAGMENTS_MAX, net->port[port].mtu,
				     net->config.frames, net->config.indirect);
	if (n < 0) {
		drop(net, m, ZL_NET_ip_drop_fragment_no_buffer);
		return;
	}
	rte_pktmbuf_free(m); /* they refer to what is in it */
	for (int i = 0; i < n; i++) {
		struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod(fragment[i], struct rte_ipv4_hdr *);

		ip->hdr_checksum = 0;
		ip->hdr_checksum = (uint16_t)~ipv4_header_sum(ip, rte_ipv4_hdr_len(ip));
		count(net, ZL_NET_ip_tx_fragments);
		eth_output(net, port, fragment[i], dst, RTE_ETHER_TYPE_IPV4);
	}
}
