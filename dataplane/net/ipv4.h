/* What an IPv4 address is to a port: for ipv4.c and ipv4_output.c. Addresses in host order. */
#ifndef ZL_NET_IPV4_H
#define ZL_NET_IPV4_H

#include "dataplane/net/net.h"
#include "dataplane/net/sum.h"

static inline uint32_t prefix_mask(uint8_t len)
{
	return len ? UINT32_MAX << (32 - len) : 0;
}

static inline bool on_link(const struct zl_net_port *p, uint32_t ip)
{
	return p->ip && !((p->ip ^ ip) & prefix_mask(p->prefix_len));
}

/* The subnet's own address or its broadcast address; a /31 has neither (RFC 3021). */
static inline bool subnet_special(const struct zl_net_port *p, uint32_t ip)
{
	uint32_t host = ~prefix_mask(p->prefix_len);

	return p->prefix_len < 31 && on_link(p, ip) && ((ip & host) == 0 || (ip & host) == host);
}

/* Can this be one station's address? Not 0/8, loopback, multicast, reserved or broadcast. */
static inline bool unicast(uint32_t ip)
{
	return ip >> 24 != 0 && ip >> 24 != 127 && ip < 0xe0000000;
}

/* What a header of so many bytes adds up to, in memory order. Nearly always it has no options, and
 * needs no loop. */
static inline uint16_t ipv4_header_sum(const void *header, unsigned len)
{
	return ones_fold(len == 20 ? ones_words(header, 20) : ones_words(header, len));
}

#endif
