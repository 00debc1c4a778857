/* Toeplitz hash of a flow, and the core for a frame. The key repeats every 16 bits, which makes the
 * hash the same in both directions of a flow, and lets it be computed from the exclusive or of the
 * input's 16-bit words alone: bit i of the input selects the key rotated by i mod 16. */
#include "dataplane/net/steer.h"

#include <string.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_icmp.h>
#include <rte_ip.h>

#define KEY_WORD 0x6d5a

const uint8_t zl_rss_key[ZL_RSS_KEY_BYTES] = {
	0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a,
	0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a,
	0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a,
};

uint32_t zl_toeplitz(const uint8_t *key, const uint8_t *data, unsigned len)
{
	uint32_t hash = 0, window;

	memcpy(&window, key, sizeof(window));
	window = rte_be_to_cpu_32(window);
	for (unsigned i = 0; i < len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			if (data[i] & (0x80 >> bit))
				hash ^= window;
			window = window << 1 | ((key[i + 4] >> (7 - bit)) & 1);
		}
	}
	return hash;
}

uint32_t zl_flow_hash(uint32_t src_ip, uint32_t dst_ip, uint16_t src_port, uint16_t dst_port)
{
	uint32_t ips = src_ip ^ dst_ip;
	uint32_t word = (ips >> 16 ^ ips ^ src_port ^ dst_port) & 0xffff;
	uint32_t window = KEY_WORD, hash = 0;

	for (unsigned bit = 0; bit < 16; bit++) {
		hash ^= window & -(word >> (15 - bit) & 1);
		window = (window << 1 | window >> 15) & 0xffff;
	}
	return hash << 16 | hash;
}

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

/* p is an IPv4 header. */
static bool fragment(const uint8_t *p)
{
	return be16(p + 6) & (RTE_IPV4_HDR_OFFSET_MASK | RTE_IPV4_HDR_MF_FLAG);
}

/* The flow of a TCP or UDP packet at p; false if it has none, or less of it is there. */
static bool flow_of(const uint8_t *p, unsigned len, uint32_t *hash)
{
	unsigned ihl;

	if (len < 20 || p[0] >> 4 != 4)
		return false;
	ihl = (p[0] & 15) * 4;
	if (ihl < 20 || len < ihl + 4 || (p[9] != IPPROTO_TCP && p[9] != IPPROTO_UDP))
		return false;
	if (fragment(p))
		return false;
	*hash = zl_flow_hash(be32(p + 12), be32(p + 16), be16(p + ihl), be16(p + ihl + 2));
	return true;
}

static bool icmp_error(uint8_t type)
{
	/* Unreachable, source quench, redirect, time exceeded, parameter problem (RFC 792). */
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

/* The IPv4 header of a frame that is long enough for one; else NULL. */
static const uint8_t *ipv4_of(const struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);

	if (m->data_len < RTE_ETHER_HDR_LEN + 20 || be16(p + 12) != RTE_ETHER_TYPE_IPV4)
		return NULL;
	return p + RTE_ETHER_HDR_LEN;
}

bool zl_steer_anywhere(const struct rte_mbuf *m)
{
	const uint8_t *p = ipv4_of(m);

	return p && p[16] >> 4 == 0xe && !fragment(p) && p[9] != IPPROTO_IGMP &&
	       p[9] != IPPROTO_ICMP;
}

unsigned zl_steer_frame(const struct rte_mbuf *m, unsigned cores)
{
	const uint8_t *p = ipv4_of(m);
	unsigned len, ihl;
	uint32_t hash;

	if (!p)
		return 0;
	len = m->data_len - RTE_ETHER_HDR_LEN;
	if (flow_of(p, len, &hash))
		return zl_steer_core(hash, cores);
	if (fragment(p))
		return zl_steer_core(zl_flow_hash(be32(p + 12), be32(p + 16), 0, 0), cores);
	ihl = (p[0] & 15) * 4;
	if (p[9] != IPPROTO_ICMP || ihl < 20 || len < ihl + 8 || !icmp_error(p[ihl]))
		return 0;
	/* The quoted packet is one that we sent; the hash is the same in both directions. */
	if (flow_of(p + ihl + 8, len - ihl - 8, &hash))
		return zl_steer_core(hash, cores);
	return 0;
}
