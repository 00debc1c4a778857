/* Every length comes from outside, and is checked before it is believed. */
#include "tests/bench/frames/read.h"

#include <netinet/in.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "tests/bench/frames/pgm.h"

#define ZMTP1_LONG 0xff

/* What lies in an IPv4 packet. */
struct inside {
	const struct rte_ipv4_hdr *ip;
	uint32_t header_bytes;
	const uint8_t *at;
	uint32_t bytes;
};

static bool open_ip(const uint8_t *frame, uint32_t bytes, struct inside *in)
{
	const struct rte_ether_hdr *eth = (const struct rte_ether_hdr *)frame;
	uint32_t total;

	if (bytes < sizeof(*eth) + sizeof(*in->ip) ||
	    eth->ether_type != rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4))
		return false;
	in->ip = (const struct rte_ipv4_hdr *)(eth + 1);
	in->header_bytes = rte_ipv4_hdr_len(in->ip);
	total = rte_be_to_cpu_16(in->ip->total_length);
	if (in->ip->version_ihl >> 4 != 4 || in->header_bytes < sizeof(*in->ip) ||
	    total < in->header_bytes || total > bytes - sizeof(*eth))
		return false;
	in->at = (const uint8_t *)in->ip + in->header_bytes;
	in->bytes = total - in->header_bytes;
	return true;
}

static bool stamp_at(const uint8_t *at, uint32_t bytes, uint32_t offset, struct stamp *s)
{
	return bytes >= offset + STAMP_BYTES && stamp_get(at + offset, s);
}

/* In ODATA, after libzmq's offset and the header of the first frame. */
static bool read_pgm(const uint8_t *at, uint32_t bytes, struct stamp *s)
{
	const struct pgm_header *h = (const struct pgm_header *)at;
	uint32_t tsdu = sizeof(struct pgm_data);

	if (bytes <= tsdu + 2 || (h->type != PGM_ODATA && h->type != PGM_RDATA))
		return false;
	return stamp_at(at, bytes, tsdu + (at[tsdu + 2] == ZMTP1_LONG ? 12 : 4), s);
}

/* In a datagram, after the group's name. */
static bool read_radio(const uint8_t *at, uint32_t bytes, struct stamp *s)
{
	return bytes && stamp_at(at, bytes, 1u + at[0], s);
}

static void read_udp(const struct inside *in, struct frame_facts *facts)
{
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)in->at;
	const uint8_t *body = in->at + sizeof(*udp);

	if (in->bytes < sizeof(*udp))
		return;
	facts->dst_port = rte_be_to_cpu_16(udp->dst_port);
	facts->stamped = read_radio(body, in->bytes - sizeof(*udp), &facts->stamp) ||
			 read_pgm(body, in->bytes - sizeof(*udp), &facts->stamp);
}

void frame_read(const uint8_t *frame, uint32_t bytes, struct frame_facts *facts)
{
	struct inside in;

	*facts = (struct frame_facts){0};
	if (!open_ip(frame, bytes, &in))
		return;
	facts->dst_ip = rte_be_to_cpu_32(in.ip->dst_addr);
	facts->proto = in.ip->next_proto_id;
	if (facts->proto == IPPROTO_UDP) {
		read_udp(&in, facts);
	} else if (facts->proto == PGM_IP_PROTOCOL && in.bytes >= sizeof(struct pgm_header)) {
		const struct pgm_header *h = (const struct pgm_header *)in.at;

		facts->dst_port = rte_be_to_cpu_16(h->destination_port);
		facts->stamped = read_pgm(in.at, in.bytes, &facts->stamp);
	}
}

/* The sum over all with its checksum in it is all ones. */
static bool sums_up(const void *at, uint32_t bytes)
{
	return rte_raw_cksum(at, bytes) == 0xffff;
}

static bool udp_is_right(const struct inside *in)
{
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)in->at;
	const uint8_t *body = in->at + sizeof(*udp);
	struct stamp s;

	if (in->bytes < sizeof(*udp) || rte_be_to_cpu_16(udp->dgram_len) != in->bytes)
		return false;
	if (udp->dgram_cksum) {
		uint32_t sum = rte_ipv4_phdr_cksum(in->ip, 0) + 0u;

		sum += rte_raw_cksum(udp, in->bytes);
		if ((sum & 0xffff) + (sum >> 16) != 0xffff)
			return false;
	}
	if (read_radio(body, in->bytes - sizeof(*udp), &s) ||
	    !read_pgm(body, in->bytes - sizeof(*udp), &s))
		return true;
	return sums_up(body, in->bytes - sizeof(*udp));
}

bool frame_is_right(const uint8_t *frame, uint32_t bytes)
{
	const struct rte_ether_hdr *eth = (const struct rte_ether_hdr *)frame;
	struct inside in;

	if (!open_ip(frame, bytes, &in))
		return bytes < sizeof(*eth) ||
		       eth->ether_type != rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	if (!sums_up(in.ip, in.header_bytes))
		return false;
	if (in.ip->fragment_offset & ~rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG))
		return true;
	switch (in.ip->next_proto_id) {
	case IPPROTO_UDP:
		return udp_is_right(&in);
	case PGM_IP_PROTOCOL:
	case IPPROTO_IGMP:
	case IPPROTO_ICMP:
		return sums_up(in.at, in.bytes);
	default:
		return true;
	}
}
