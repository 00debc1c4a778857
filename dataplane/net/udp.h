/* UDP (RFC 768) on one core's stack: sockets by local address and port. A socket lives on one core;
 * the others are told where (zl_udp_elsewhere), and hand on what the network brings them. All calls
 * on the stack's own core; times are not read. Header of udp.c. */
#ifndef ZL_NET_UDP_H
#define ZL_NET_UDP_H

#include "dataplane/net/net.h"

struct zl_udp;

#define ZL_UDP_SOCKETS_MAX 256 /* of a stack, those that live elsewhere included */

/* A datagram for the socket: m's data is its payload, perhaps none, perhaps a chain. The callee
 * owns m, and may close the socket; of a shared socket's datagrams others have the same bytes,
 * which are to be left as they are. Addresses are in host order and good for the call. */
typedef void zl_udp_receive(void *owner, struct rte_mbuf *m, const struct zl_endpoint_addr *remote,
			    const struct zl_endpoint_addr *local);

/* Of m as its socket got it: what its payload adds up to in one's complement, as a number, 0xffff
 * for 0. Its checksum was found right, and so says it. false: the sender made none. */
bool zl_udp_payload_sum(const struct rte_mbuf *m, const struct zl_endpoint_addr *remote,
			const struct zl_endpoint_addr *local, uint16_t *sum);

/* local->ip 0: every unicast address of every port; a group: what is sent to it and comes in on
 * ports where it was joined (zl_group_join). Port 0: one of the ephemeral ones that no socket here
 * has (zl_udp_port). Where answers to it come in is for RSS to say: the other cores are told
 * (zl_udp_elsewhere), and if one of them has that port already, this socket is closed and another
 * opened. -EADDRINUSE; -EADDRNOTAVAIL: the address is not ours; -ENOSPC. */
int zl_udp_open(struct zl_net *net, const struct zl_endpoint_addr *local, zl_udp_receive *receive,
		void *owner, struct zl_udp **out);
/* As zl_udp_open, of a group, which any number of sockets may have that are all opened so
 * (SO_REUSEADDR): each gets every datagram. -EINVAL also: not a group, or no port. */
int zl_udp_open_shared(struct zl_net *net, const struct zl_endpoint_addr *group,
		       zl_udp_receive *receive, void *owner, struct zl_udp **out);
/* That socket is on another core, below 64: its datagrams go to ops->hand_on. Errors as above;
 * -EINVAL also: the port is 0. What comes from another core is not handed on again: it is dropped
 * if its socket has moved. */
int zl_udp_elsewhere(struct zl_net *net, const struct zl_endpoint_addr *local, unsigned core,
		     struct zl_udp **out);
/* The same of one that is shared, once for each such socket or once for all of that core's: a core
 * gets a datagram once. */
int zl_udp_elsewhere_shared(struct zl_net *net, const struct zl_endpoint_addr *group, unsigned core,
			    struct zl_udp **out);
/* Of any kind. */
void zl_udp_close(struct zl_net *net, struct zl_udp *u);
/* The local one. */
uint16_t zl_udp_port(const struct zl_udp *u);

/* m holds the payload: a chain is fine; the first segment is the caller's alone, with
 * RTE_PKTMBUF_HEADROOM spare. Owns m in any case. What is larger than the port's MTU goes in
 * fragments. -EMSGSIZE: more than 65,507 bytes; -ENETUNREACH: no port reaches it; -ENOBUFS: no
 * headroom. All are counted. */
int zl_udp_send(struct zl_net *net, const struct zl_udp *u, struct rte_mbuf *m,
		const struct zl_endpoint_addr *remote);
/* To a group, from that port and its address, over at most so many hops; otherwise as zl_udp_send.
 * Sockets of ours that are in that group on that port get it as well, at the end of the turn
 * (zl_net_output), the sender's own and those of other cores included: this core's stack has to be
 * in the group, too (zl_group_join). */
int zl_udp_send_group(struct zl_net *net, const struct zl_udp *u, struct rte_mbuf *m, uint16_t port,
		      const struct zl_endpoint_addr *group, uint8_t hops);
/* The same for whoever knows what the payload adds up to in one's complement, as a number: its
 * bytes are not looked at. */
int zl_udp_send_group_summed(struct zl_net *net, const struct zl_udp *u, struct rte_mbuf *m,
			     uint16_t port, const struct zl_endpoint_addr *group, uint8_t hops,
			     uint16_t sum);
/* That, or not (IP_MULTICAST_LOOP). On, at first. */
void zl_udp_set_loop(struct zl_udp *u, bool loop);

#endif
