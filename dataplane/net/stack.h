/* What the files of net/ share with each other and with nobody else: the per-core stack and the
 * prototypes, grouped under the file that defines them. Others include net.h. */
#ifndef ZL_NET_STACK_H
#define ZL_NET_STACK_H

#include "dataplane/net/net.h"
#include "dataplane/net/timer.h"
#include "dataplane/net/transit.h"

struct tcp;     /* tcp/tcp.h */
struct arp;     /* arp.c */
struct igmp;    /* igmp.c */
struct sockets; /* sockets.h */
struct reassembly;

/* Where the packets of the call in progress come from. */
enum net_origin {
	FROM_PORT, /* somebody on the network sent them */
	FROM_CORE, /* another core, that had them from a port or from itself */
	FROM_SELF, /* we did, to a group that is heard here */
};

#define LOOP_MAX 256 /* packets of a turn */

#define NET_KNOWN 8 /* sources of feeds, each where its and its group's address say */

struct zl_net {
	struct zl_net_config config;
	uint64_t now_ns; /* of the call in progress */
	enum net_origin origin;
	struct zl_timer_wheel timers;
	struct zl_net_port port[ZL_PORTS_MAX];
	bool port_up[ZL_PORTS_MAX];
	uint16_t ports; /* one more than the highest that is up */
	struct {
		unsigned n;
		bool waits; /* the port has frames that its device has no room for: hold data back
			     */
		struct rte_mbuf *frame[ZL_NET_BURST];
	} tx[ZL_PORTS_MAX];
	struct arp *arp;
	struct igmp *igmp;
	struct sockets *udp, *raw;
	struct reassembly *reassembly;
	struct tcp *tcp;
	uint16_t ip_id;       /* of packets in one piece, where it says nothing (RFC 6864), */
	uint16_t fragment_id; /* and of others, so that it comes round as late as it can */
	uint64_t icmp_errors_since_ns; /* icmp.c: the second that is counted, */
	unsigned icmp_errors;          /* and how many were sent in it */
	struct {
		unsigned n;
		struct rte_mbuf *packet[LOOP_MAX];
		uint16_t port[LOOP_MAX];
	} loop; /* loop.c */
	struct {
		zl_transit_receive *receive;
		void *owner;
		uint32_t ports; /* a bit each */
		uint8_t proto;
	} transit; /* transit.c */
	struct {
		uint32_t src, dst; /* 0: none */
		uint16_t port;
	} known[NET_KNOWN]; /* ipv4.c */
	uint64_t counter[ZL_NET_COUNTERS];
};

static inline void count(struct zl_net *net, enum zl_net_counter c)
{
	net->counter[c]++;
}
/* Free a frame for a named reason. */
static inline void drop(struct zl_net *net, struct rte_mbuf *m, enum zl_net_counter why)
{
	net->counter[why]++;
	rte_pktmbuf_free(m);
}

/* ethernet.c */
/* A vector of frames of a port that is up; owns them. */
void eth_input(struct zl_net *net, uint16_t port, struct rte_mbuf **frames, unsigned n);
/* Prepends the Ethernet header and queues the frame for the port; owns m. */
void eth_output(struct zl_net *net, uint16_t port, struct rte_mbuf *m,
		const struct rte_ether_addr *dst, uint16_t ether_type);
void eth_flush(struct zl_net *net);
/* Start of an output phase: which ports have room? */
void eth_look(struct zl_net *net);

/* arp.c */
int arp_create(struct zl_net *net);
void arp_destroy(struct zl_net *net);
void arp_input(struct zl_net *net, uint16_t port, struct rte_mbuf *m);
/* Sends an IPv4 packet to next hop `ip`; resolves first if need be (a few packets wait, the oldest
 * is dropped and counted); owns m. */
void arp_output(struct zl_net *net, uint16_t port, struct rte_mbuf *m, uint32_t next_hop);
/* Another core's knowledge: entered here without calling ops->neighbor. */
void arp_set(struct zl_net *net, uint16_t port, uint32_t ip, const struct rte_ether_addr *mac);
/* Gratuitous request for the port's own address (RFC 5227 3). */
void arp_announce(struct zl_net *net, uint16_t port);

/* ipv4.c */
/* A packet past its Ethernet header, received on `port`; owns m. */
void ipv4_input(struct zl_net *net, uint16_t port, struct rte_mbuf *m);
/* A group was left, or a port came: what was found right is looked at again. */
void ipv4_forget_known(struct zl_net *net);
/* Cuts what follows the first `len` bytes, which must be there. */
void packet_trim(struct rte_mbuf *m, uint32_t len);
/* Is the checksum of the TCP segment or UDP datagram at m's data right? By the port's word where
 * that is taken. A datagram that has none is for the caller to see. */
bool l4_right(const struct zl_net *net, uint16_t port, const struct rte_mbuf *m, uint32_t src,
	      uint32_t dst, uint8_t proto);

/* ipv4_output.c */
/* How a packet is sent, but for where to. */
struct ipv4_how {
	uint8_t proto, tos, ttl;
	bool alert;   /* with the Router Alert option (RFC 2113) */
	bool loop;    /* to a group: our own sockets get it as well */
	bool summed;  /* what m, as it is given, adds up to is known: */
	uint16_t sum; /* in one's complement, as a number */
};
/* m holds the transport header and payload (a chain is fine; the first segment is ours alone,
 * direct or not, with RTE_PKTMBUF_HEADROOM spare before the header). Prepends the IPv4 header,
 * routes and sends; owns m. DF is set, unless it is larger than the port's MTU and not TCP's: then
 * it goes in fragments. src must be an address of ours. -ENETUNREACH: m freed and counted.
 *
 * Checksums are filled in HERE, since only here is the port known: the transport leaves its TCP or
 * UDP checksum field ZERO, and this completes it, by the port's offload (flags and pseudo-header
 * sum) or by l4_checksum(). The transport header must lie whole in the first segment. For TSO the
 * caller sets RTE_MBUF_F_TX_TCP_SEG, tso_segsz and l4_len beforehand, and only if the port that
 * ipv4_route names has RTE_ETH_TX_OFFLOAD_TCP_TSO; the packet is still at most 65535 bytes. */
int ipv4_send(struct zl_net *net, struct rte_mbuf *m, uint32_t src, uint32_t dst,
	      const struct ipv4_how *how);
/* As ipv4_send, to a group, from that port; nobody is asked for a MAC address
 * (RFC 1112 6.4). */
void ipv4_send_group(struct zl_net *net, uint16_t port, struct rte_mbuf *m, uint32_t src,
		     uint32_t group, const struct ipv4_how *how);
unsigned ipv4_header_bytes(const struct ipv4_how *how);
int ipv4_output_tos(struct zl_net *net, struct rte_mbuf *m, uint32_t src, uint32_t dst,
		    uint8_t proto, uint8_t tos);
static inline int ipv4_output(struct zl_net *net, struct rte_mbuf *m, uint32_t src, uint32_t dst,
			      uint8_t proto)
{
	return ipv4_output_tos(net, m, src, dst, proto, 0);
}
/* Port and source address by which dst is reached. -ENETUNREACH. */
int ipv4_route(const struct zl_net *net, uint32_t dst, uint16_t *port, uint32_t *src,
	       uint32_t *next_hop);

/* fragment.c */
/* A packet that is larger than the port's MTU: in fragments, if that is allowed. Owns m. */
void fragment_output(struct zl_net *net, uint16_t port, struct rte_mbuf *m,
		     const struct rte_ether_addr *dst);
/* An IPv4 packet to that station; owns m. */
static inline void ipv4_transmit(struct zl_net *net, uint16_t port, struct rte_mbuf *m,
				 const struct rte_ether_addr *dst)
{
	if (unlikely(m->pkt_len > net->port[port].mtu))
		fragment_output(net, port, m, dst);
	else
		eth_output(net, port, m, dst, RTE_ETHER_TYPE_IPV4);
}

/* reassembly.c */
int reassembly_create(struct zl_net *net);
void reassembly_destroy(struct zl_net *net);
/* A fragment, m's data being behind its IP header of *header bytes, which was checked. Owns it. The
 * whole datagram behind its header, which is right for it, once all are here; else NULL. */
struct rte_mbuf *reassembly_input(struct zl_net *net, struct rte_mbuf *m, unsigned *header);

/* loop.c */
/* An IPv4 packet that is about to leave by that port, headers complete, is to be heard here as
 * well; m stays the caller's, and what is in it now may not change any more. */
void loop_output(struct zl_net *net, uint16_t port, struct rte_mbuf *m);
void loop_input(struct zl_net *net);
void loop_destroy(struct zl_net *net);

/* icmp.c */
void icmp_input(struct zl_net *net, uint16_t port, struct rte_mbuf *m, uint32_t src, uint32_t dst);
/* For a datagram that came to dst, an address of ours, and that nobody takes. m's data is behind
 * its IP header, which is still there in front, as is the Ethernet header. Not more than so many a
 * second (RFC 1812 4.3.2.8); none in answer to a frame to many (RFC 1122 3.2.2). Owns m. */
void icmp_port_unreachable(struct zl_net *net, struct rte_mbuf *m, unsigned ip_header, uint32_t src,
			   uint32_t dst);

/* For a datagram whose other fragments did not come: m is the first. Otherwise the same. */
void icmp_reassembly_timeout(struct zl_net *net, struct rte_mbuf *m, unsigned ip_header,
			     uint32_t src, uint32_t dst);

/* igmp.c */
int igmp_create(struct zl_net *net);
void igmp_destroy(struct zl_net *net);
/* As icmp_input; dst may be a group. */
void igmp_input(struct zl_net *net, uint16_t port, struct rte_mbuf *m);
bool igmp_joined(const struct zl_net *net, uint16_t port, uint32_t ip);

/* udp.c */
int udp_create(struct zl_net *net);
void udp_destroy(struct zl_net *net);
/* m's data is behind the IP header, of ip_header bytes; addresses as for tcp_input. Owns m. */
void udp_input(struct zl_net *net, uint16_t port, struct rte_mbuf *m, unsigned ip_header,
	       uint32_t src, uint32_t dst);
/* Has any socket this address, here or on another core? */
bool udp_bound(const struct zl_net *net, const struct zl_endpoint_addr *local);

/* raw.c */
int raw_create(struct zl_net *net);
void raw_destroy(struct zl_net *net);
/* As udp_input, of any other protocol. */
void raw_input(struct zl_net *net, uint16_t port, struct rte_mbuf *m, unsigned ip_header,
	       uint32_t src, uint32_t dst, uint8_t proto);
/* Has any socket this address and protocol, here or on another core? */
bool raw_bound(const struct zl_net *net, uint32_t dst, uint8_t proto);

/* transit.c */
/* A packet at its IP header, which was checked, of the protocol and one of the ports of
 * zl_transit_open(). true: nobody else is to have it, and it is freed. */
bool transit_input(struct zl_net *net, uint16_t port, struct rte_mbuf *m);

/* checksum.c */
/* Checksum of everything from m's data on, over the whole chain, in network order. Zero if the
 * checksum in it is right. */
uint16_t packet_checksum(const struct rte_mbuf *m);
/* TCP/UDP checksum of a packet whose transport header starts at m's data; whole chain. Host order
 * addresses; result as it goes into the header (network order), given that the field is zero. */
uint16_t l4_checksum(const struct rte_mbuf *m, uint32_t src, uint32_t dst, uint8_t proto);
/* The same of a packet of so many bytes that add up to `sum`, as a number. */
uint16_t l4_checksum_of(uint16_t sum, uint32_t len, uint32_t src, uint32_t dst, uint8_t proto);

/* tcp/ */
int tcp_create(struct zl_net *net);
void tcp_destroy(struct zl_net *net);
/* m's data starts at the TCP header, its length (pkt_len) is the TCP segment's, and ipv4_input has
 * verified the checksum (bad ones are counted as tcp_drop_checksum and never come here) and that
 * the 20 fixed bytes of the header lie in the first segment; options and payload may not. src is a
 * possible unicast address, dst an address of ours. Owns m. */
void tcp_input(struct zl_net *net, uint16_t port, struct rte_mbuf *m, uint32_t src, uint32_t dst);
/* End of a vector / turn: readable events, ACKs, data. */
void tcp_output_pending(struct zl_net *net);
/* ICMP destination unreachable for a segment that we sent (host order); hard: connection refused
 * for a handshake in progress, else noted only (RFC 5461). */
void tcp_unreachable(struct zl_net *net, const struct zl_endpoint_addr *local,
		     const struct zl_endpoint_addr *remote, bool hard);

#endif
