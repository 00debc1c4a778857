/* A feed's frames. What a sequence number changes is a sum of words, which is patched: PGM's
 * checksum makes the whole packet sum to nothing, so that UDP's around it is always the same. */
#include "tests/bench/feed_frame.h"

#include <stdio.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "tests/bench/frames/pgm.h"

#define SOURCE_PORT 40000
#define GROUP_NAME  "feed" /* of RADIO's */
#define TOPIC_LEN   4
#define TTL         16
#define L3          sizeof(struct rte_ether_hdr)
#define L4          (L3 + sizeof(struct rte_ipv4_hdr))
#define UDP         sizeof(struct rte_udp_hdr)

const char *const feed_kind_name[FEED_KINDS] = {"epgm", "pgm", "udp"};

static struct pgm_source source_of(const struct feed_frames *f)
{
	return (struct pgm_source){.gsi = {'z', 'l', 'f', 'e', 'e', 'd'},
				   .source_port = f->session,
				   .destination_port = f->port};
}

static void put_ether(const struct feed_frames *f, uint8_t *out)
{
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)out;

	*eth = (struct rte_ether_hdr){.dst_addr = {{0x01, 0x00, 0x5e, f->group >> 16 & 0x7f,
						    f->group >> 8 & 0xff, f->group & 0xff}},
				      .src_addr = {{0x02, 0x7a, 0x6c, 0x66, 0x00, 0x01}},
				      .ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4)};
}

/* Headers around `bytes` of payload that lie in their place already. */
static uint16_t put_headers(const struct feed_frames *f, uint8_t *out, uint16_t bytes)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(out + L3);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(out + L4);
	const bool in_udp = f->kind != FEED_PGM;
	uint16_t len = (uint16_t)(sizeof(*ip) + (in_udp ? UDP : 0) + bytes);

	put_ether(f, out);
	*ip = (struct rte_ipv4_hdr){.version_ihl = RTE_IPV4_VHL_DEF,
				    .total_length = rte_cpu_to_be_16(len),
				    .time_to_live = TTL,
				    .next_proto_id = in_udp ? IPPROTO_UDP : PGM_IP_PROTOCOL,
				    .src_addr = rte_cpu_to_be_32(f->source),
				    .dst_addr = rte_cpu_to_be_32(f->group)};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	if (in_udp) {
		*udp = (struct rte_udp_hdr){.src_port = rte_cpu_to_be_16(SOURCE_PORT),
					    .dst_port = rte_cpu_to_be_16(f->port),
					    .dgram_len = rte_cpu_to_be_16(UDP + bytes)};
		udp->dgram_cksum = rte_ipv4_udptcp_cksum(ip, udp);
	}
	return (uint16_t)(L3 + len);
}

static unsigned payload_at(const struct feed_frames *f)
{
	return L4 + (f->kind == FEED_PGM ? 0 : UDP);
}

static void put_body(const struct feed_frames *f, unsigned topic, uint8_t *at)
{
	char name[TOPIC_LEN + 1];

	snprintf(name, sizeof(name), "T%03u", topic % 1000);
	memset(at, 'x', f->size);
	memcpy(at, name, TOPIC_LEN);
}

static uint16_t put_datagram(const struct feed_frames *f, unsigned topic, uint8_t *at)
{
	const uint8_t name_len = sizeof(GROUP_NAME) - 1;

	at[0] = name_len;
	memcpy(at + 1, GROUP_NAME, name_len);
	put_body(f, topic, at + 1 + name_len);
	return (uint16_t)(1 + name_len + f->size);
}

static uint16_t put_data(const struct feed_frames *f, unsigned topic, uint8_t *at)
{
	const struct pgm_source from = source_of(f);
	uint8_t *tsdu = at + sizeof(struct pgm_data);
	uint32_t head = pgm_put_zmq(tsdu, f->size);

	put_body(f, topic, tsdu + head);
	return (uint16_t)pgm_put_odata(at, &from, 0, 0, (uint16_t)(head + f->size));
}

static void know_sum(struct feed_frames *f, unsigned topic)
{
	struct pgm_data *data = (struct pgm_data *)(f->frame[topic] + f->pgm);

	data->header.checksum = 0;
	f->sum[topic] = rte_raw_cksum(data, f->len - f->pgm);
}

bool feed_frames_make(struct feed_frames *f)
{
	f->pgm = (uint16_t)payload_at(f);
	if (f->size < TOPIC_LEN || f->size > FEED_FRAME_MAX - 80 || !f->topics ||
	    f->topics > FEED_TOPICS_MAX)
		return false;
	for (unsigned topic = 0; topic < f->topics; topic++) {
		uint8_t *at = f->frame[topic] + f->pgm;
		uint16_t bytes = f->kind == FEED_UDP ? put_datagram(f, topic, at)
						     : put_data(f, topic, at);

		f->len = put_headers(f, f->frame[topic], bytes);
		if (f->kind != FEED_UDP)
			know_sum(f, topic);
	}
	return true;
}

static uint32_t words(rte_be32_t x)
{
	return (x >> 16) + (x & 0xffff);
}

void feed_frame_data(const struct feed_frames *f, uint32_t sqn, uint8_t *out)
{
	const unsigned topic = sqn % f->topics;
	struct pgm_data *data = (struct pgm_data *)(out + f->pgm);
	uint32_t sum;

	memcpy(out, f->frame[topic], f->len);
	if (f->kind == FEED_UDP)
		return;
	data->sequence = rte_cpu_to_be_32(sqn);
	data->trail = rte_cpu_to_be_32(sqn < FEED_WINDOW ? 0 : sqn - FEED_WINDOW + 1);
	sum = f->sum[topic] + words(data->sequence) + words(data->trail);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
	data->header.checksum = (rte_be16_t)(sum ? sum : 0xffff);
}

uint16_t feed_frame_spm(const struct feed_frames *f, uint32_t n, uint32_t sqn, uint8_t *out)
{
	const struct pgm_source from = source_of(f);
	uint32_t trail = sqn < FEED_WINDOW ? 0 : sqn - FEED_WINDOW;

	if (f->kind == FEED_UDP)
		return 0;
	return put_headers(
		f, out, (uint16_t)pgm_put_spm(out + f->pgm, &from, n, trail, sqn - 1, f->source));
}
