/* Raw IP on one core's stack, for transports that have a protocol number of their own (PGM, RFC
 * 3208): sockets by protocol and local address. As udp.h has it, a socket lives on one core, and
 * the others are told where; what is neither TCP nor UDP comes in on core 0, unless a device thinks
 * otherwise. All calls on the stack's own core. Addresses are in host order. Header of raw.c. */
#ifndef ZL_NET_RAW_H
#define ZL_NET_RAW_H

#include "dataplane/net/net.h"

struct zl_raw;

#define ZL_RAW_SOCKETS_MAX 256 /* of a stack, those that live elsewhere included */

/* A packet for the socket: m's data is what is behind the IP header, perhaps nothing, perhaps a
 * chain; no checksum but the IP header's was looked at. The callee owns m, and may close the
 * socket; of a shared socket's packets others have the same bytes, which are to be left as they
 * are. */
typedef void zl_raw_receive(void *owner, struct rte_mbuf *m, uint32_t remote, uint32_t local);

/* What is sent carries the Router Alert option (RFC 2113), as PGM's SPMs, NCFs, NAKs and RDATA do
 * (RFC 3208 8): routers on the way look at it. */
#define ZL_RAW_ALERT 1u

/* local 0: every unicast address of every port; a group: what is sent to it and comes in on ports
 * where it was joined (zl_group_join). -EPROTONOSUPPORT: the stack itself has that protocol (ICMP,
 * IGMP, TCP, UDP), or it is 0; -EADDRINUSE; -EADDRNOTAVAIL: the address is not ours; -ENOSPC. */
int zl_raw_open(struct zl_net *net, uint8_t proto, uint32_t local, zl_raw_receive *receive,
		void *owner, struct zl_raw **out);
/* As zl_udp_open_shared. */
int zl_raw_open_shared(struct zl_net *net, uint8_t proto, uint32_t group, zl_raw_receive *receive,
		       void *owner, struct zl_raw **out);
/* As zl_udp_elsewhere and zl_udp_elsewhere_shared. */
int zl_raw_elsewhere(struct zl_net *net, uint8_t proto, uint32_t local, unsigned core,
		     struct zl_raw **out);
int zl_raw_elsewhere_shared(struct zl_net *net, uint8_t proto, uint32_t group, unsigned core,
			    struct zl_raw **out);
/* Of either kind. */
void zl_raw_close(struct zl_net *net, struct zl_raw *r);

/* m holds what goes behind the IP header, its checksum made: a chain is fine; the first segment is
 * the caller's alone, with RTE_PKTMBUF_HEADROOM spare. Owns m in any case. -EMSGSIZE: more than
 * 65,515 bytes, or 65,511 with the option; -ENETUNREACH: no port reaches it. Both are counted. */
int zl_raw_send(struct zl_net *net, const struct zl_raw *r, struct rte_mbuf *m, uint32_t remote,
		unsigned flags);
/* To a group, from that port and its address, over at most so many hops, and to our own sockets as
 * zl_udp_send_group has it; otherwise as zl_raw_send. */
int zl_raw_send_group(struct zl_net *net, const struct zl_raw *r, struct rte_mbuf *m, uint16_t port,
		      uint32_t group, uint8_t hops, unsigned flags);
/* As zl_udp_set_loop. */
void zl_raw_set_loop(struct zl_raw *r, bool loop);

#endif
