/* The Internet checksum (RFC 1071) over chains of segments of any lengths. */
#include "dataplane/net/stack.h"

#include <netinet/in.h>

#include <rte_byteorder.h>

#include "dataplane/net/sum.h"

/* One's complement sum in memory order; a segment that begins at an odd offset of the packet has
 * its bytes in the other halves of the words (RFC 1071 2(B)). */
static uint32_t chain_sum(const struct rte_mbuf *m)
{
	uint32_t sum = 0;
	bool odd = false;

	for (; m; m = m->next) {
		uint16_t part = ones_sum_of(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len);

		sum += odd ? rte_bswap16(part) : part;
		odd ^= m->data_len & 1;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

static uint16_t finish(uint32_t sum)
{
	return (uint16_t)~ones_fold(sum);
}

uint16_t packet_checksum(const struct rte_mbuf *m)
{
	return finish(chain_sum(m));
}

/* RFC 768: zero says "none was computed"; the other zero goes on the wire. */
static uint16_t not_none(uint16_t sum, uint8_t proto)
{
	return proto == IPPROTO_UDP && sum == 0 ? 0xffff : sum;
}

/* The length field has 16 bits; a packet longer than that could not have been sent. */
static uint64_t pseudo(uint32_t len, uint32_t src, uint32_t dst, uint8_t proto)
{
	return (uint64_t)src + dst + proto + (len & 0xffff);
}

uint16_t l4_checksum(const struct rte_mbuf *m, uint32_t src, uint32_t dst, uint8_t proto)
{
	uint16_t before = ones_fold(pseudo(m->pkt_len, src, dst, proto));

	return not_none(finish(chain_sum(m) + rte_cpu_to_be_16(before)), proto);
}

uint16_t l4_checksum_of(uint16_t sum, uint32_t len, uint32_t src, uint32_t dst, uint8_t proto)
{
	uint16_t all = (uint16_t)~ones_fold(pseudo(len, src, dst, proto) + sum);

	return not_none(rte_cpu_to_be_16(all), proto);
}
