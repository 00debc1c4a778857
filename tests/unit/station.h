/* One stack below TCP on one port, and the wire it is plugged into, for packet-in packet-out tests.
 * The stack is 10.0.0.1/24 with gateway 10.0.0.254; the peer that tests play is 10.0.0.2. Header
 * of station.c. */
#ifndef ZL_TESTS_UNIT_STATION_H
#define ZL_TESTS_UNIT_STATION_H

#include "dataplane/net/net.h"
#include "tests/unit/eal.h"

#define OUR_IP     0x0a000001u
#define PEER_IP    0x0a000002u
#define GATEWAY_IP 0x0a0000feu
#define SECOND     UINT64_C(1000000000)

#define STATION_SENT_MAX 64

struct station {
	struct zl_net *net;
	struct eal_pools pools;
	uint64_t now_ns;
	struct rte_mbuf *sent[STATION_SENT_MAX];
	unsigned sent_n;
	unsigned neighbor_calls;
	uint32_t neighbor_ip;
};

extern const struct rte_ether_addr our_mac, peer_mac, other_mac, everybody_mac;

/* cmocka setup and teardown of a struct station; the latter asserts that no buffer is lost. */
int station_setup(void **state);
int station_teardown(void **state);

/* An Ethernet frame of n bytes behind the header, given to the stack. */
void station_input(struct station *s, const struct rte_ether_addr *dst,
		   const struct rte_ether_addr *src, uint16_t type, const void *bytes, unsigned n);
/* An IPv4 packet to us with a right header checksum; ip->total_length 0 is filled in. */
void station_ip(struct station *s, uint32_t src, uint32_t dst, uint8_t proto, const void *l4,
		unsigned n);
/* An ARP packet. */
void station_arp(struct station *s, const struct rte_ether_addr *to, uint16_t op,
		 const struct rte_ether_addr *sha, uint32_t sip, const struct rte_ether_addr *tha,
		 uint32_t tip);
/* Run the timers up to that time, then flush. */
void station_advance(struct station *s, uint64_t ns);
/* Forget what was sent. */
void station_forget(struct station *s);
uint64_t station_count(const struct station *s, enum zl_net_counter c);

#endif
