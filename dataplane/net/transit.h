/* Packets that this stack passes on as a router would, of one protocol and between ports that were
 * named: for PGM's network element (RFC 3208 7), which alters what it passes on. Nothing else is
 * forwarded. Own core, as all of net/; a packet that comes in fragments is not looked at, as only
 * its first one would say what it is. */
#ifndef ZL_NET_TRANSIT_H
#define ZL_NET_TRANSIT_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

struct zl_net;

/* How a packet comes, or goes: addresses in host order. */
struct zl_transit {
	uint16_t port;
	uint8_t ttl;
	uint32_t src, dst;
};

/* A packet that came to a group, to an address of ours or to somebody else's, from somebody else. m
 * is borrowed; its data is behind the IP header. false: it is none of his. */
typedef bool zl_transit_receive(void *owner, struct rte_mbuf *m, const struct zl_transit *in);

/* From now on packets of that protocol that come by one of these ports (a bit each) go to `receive`
 * first. A socket of the same address (raw.h) gets them as well; what nobody takes is dropped as
 * it is on other ports. */
void zl_transit_open(struct zl_net *net, uint8_t proto, uint32_t ports, zl_transit_receive *receive,
		     void *owner);

/* m, which is a payload without an IP header: to a group by out->port, to a host by the port that
 * it is reached by; owns it. src is what is said, ours or not. -ENETUNREACH: m is freed and
 * counted. router_alert: with the option of RFC 2113. */
int zl_transit_send(struct zl_net *net, struct rte_mbuf *m, const struct zl_transit *out,
		    bool router_alert);

#endif
