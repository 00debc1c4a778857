/* Which core a flow belongs to: the same Toeplitz hash, key and table that a NIC with RSS is given,
 * so software steering and hardware agree. Pure functions; any core. */
#ifndef ZL_NET_STEER_H
#define ZL_NET_STEER_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#define ZL_RSS_KEY_BYTES 40
extern const uint8_t zl_rss_key[ZL_RSS_KEY_BYTES];

/* The Toeplitz hash itself, of any input with any key of at least len + 4 bytes. */
uint32_t zl_toeplitz(const uint8_t *key, const uint8_t *data, unsigned len);
/* Hash of an IPv4 TCP/UDP flow as it arrives (source is the remote). Host order. */
uint32_t zl_flow_hash(uint32_t src_ip, uint32_t dst_ip, uint16_t src_port, uint16_t dst_port);
/* Hash to core, as the RETA that we program does: hash % cores over 128 entries. */
static inline unsigned zl_steer_core(uint32_t hash, unsigned cores)
{
	return (hash & 127) % cores;
}
/* Core for a received Ethernet frame: TCP/UDP over IPv4 by flow, ICMP errors by the flow they
 * quote, fragments by their addresses, as only the first has ports, everything else (ARP, ICMP
 * echo, IGMP, raw IP) core 0. Never reads past the first segment. */
unsigned zl_steer_frame(const struct rte_mbuf *m, unsigned cores);
/* Is it a whole packet to a group that any core may take in, as each knows where the group's
 * sockets are (zl_udp_elsewhere, zl_raw_elsewhere)? Not IGMP and ICMP, which are core 0's. */
bool zl_steer_anywhere(const struct rte_mbuf *m);

#endif
