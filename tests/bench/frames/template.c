/* Frames from the inside out: the body with its stamp, then the headers in front of it. */
#include "tests/bench/frames/template.h"

#include <stdio.h>
#include <string.h>

#include <netinet/in.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "tests/bench/frames/pgm.h"
#include "tests/bench/frames/stamp.h"

#define IGMP_ROUTERS       0xe0000016u /* 224.0.0.22 (RFC 3376 4.2.14) */
#define IGMP_REPORT        0x22
#define IGMP_TO_EXCLUDE    4           /* of no source: joins (RFC 3376 4.2.12) */
#define TOS_NETWORK        0xc0        /* internetwork control, likewise */
#define ROUTER_ALERT       0x94040000u /* RFC 2113 */
#define ROUTER_ALERT_BYTES 4u
#define LENGTH_GROWS       8   /* bytes, when a length of ZMTP 1.0 no longer fits into one */
#define SHORT_BODY_MAX     253 /* as long as it does */

const char *const template_kind_name[TEMPLATE_KINDS] = {
	[TEMPLATE_UDP] = "udp",
	[TEMPLATE_EPGM] = "epgm",
	[TEMPLATE_PGM] = "pgm",
	[TEMPLATE_IGMP] = "igmp",
};

struct igmp_record {
	uint8_t type, aux_bytes;
	rte_be16_t sources;
	rte_be32_t group;
} __attribute__((packed));

struct igmp_report {
	uint8_t type, reserved;
	rte_be16_t checksum, reserved2, records;
	struct igmp_record record[];
} __attribute__((packed));

/* One packet under way: what goes into its headers. */
struct packet {
	uint32_t dst;
	uint8_t proto, ttl, tos;
	bool router_alert;
	uint16_t id;
};

bool ip_is_multicast(uint32_t ip)
{
	return ip >> 28 == 14;
}

static uint32_t group_ip(const struct template *t, uint32_t group)
{
	return t->spread || t->kind == TEMPLATE_IGMP ? t->dst_ip + group : t->dst_ip;
}

static uint32_t put_name(const struct template *t, uint32_t group, char *name)
{
	return (uint32_t)snprintf(name, GROUP_NAME_MAX + 12, "%s%u", t->prefix, group);
}

static uint32_t ip_header(const struct packet *p)
{
	return sizeof(struct rte_ipv4_hdr) + (p->router_alert ? ROUTER_ALERT_BYTES : 0);
}

/* RFC 1112 6.4 */
static void multicast_mac(uint32_t ip, struct rte_ether_addr *mac)
{
	*mac = (struct rte_ether_addr){
		{0x01, 0x00, 0x5e, (uint8_t)(ip >> 16 & 0x7f), (uint8_t)(ip >> 8), (uint8_t)ip}};
}

/* Ethernet and IPv4 in front of `payload` bytes, which lie where they belong. The frame's length,
 * padded to the least. */
static uint32_t put_packet(const struct template *t, const struct packet *p, uint32_t payload,
			   uint8_t *frame)
{
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)frame;
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(eth + 1);
	uint32_t header = ip_header(p), bytes = sizeof(*eth) + header + payload;
	rte_be32_t alert = rte_cpu_to_be_32(ROUTER_ALERT);

	eth->dst_addr = t->dst_mac;
	if (ip_is_multicast(p->dst))
		multicast_mac(p->dst, &eth->dst_addr);
	eth->src_addr = t->src_mac;
	eth->ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	*ip = (struct rte_ipv4_hdr){.version_ihl = (uint8_t)(RTE_IPV4_VHL_DEF - 5 + header / 4),
				    .type_of_service = p->tos,
				    .total_length = rte_cpu_to_be_16((uint16_t)(header + payload)),
				    .packet_id = rte_cpu_to_be_16(p->id),
				    .fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG),
				    .time_to_live = p->ttl,
				    .next_proto_id = p->proto,
				    .src_addr = rte_cpu_to_be_32(t->src_ip),
				    .dst_addr = rte_cpu_to_be_32(p->dst)};
	if (p->router_alert)
		memcpy(ip + 1, &alert, sizeof(alert));
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	if (bytes < FRAME_MIN) {
		memset(frame + bytes, 0, FRAME_MIN - bytes);
		bytes = FRAME_MIN;
	}
	return bytes;
}

/* The same with UDP. The checksum needs the IP header only for its addresses and length. */
static uint32_t put_datagram(const struct template *t, const struct packet *p, uint32_t payload,
			     uint8_t *frame)
{
	uint8_t *ip = frame + sizeof(struct rte_ether_hdr);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + ip_header(p));
	uint32_t bytes;

	*udp = (struct rte_udp_hdr){
		.src_port = rte_cpu_to_be_16(t->src_port),
		.dst_port = rte_cpu_to_be_16(t->dst_port),
		.dgram_len = rte_cpu_to_be_16((uint16_t)(sizeof(*udp) + payload))};
	bytes = put_packet(t, p, (uint32_t)sizeof(*udp) + payload, frame);
	udp->dgram_cksum = rte_ipv4_udptcp_cksum((const struct rte_ipv4_hdr *)ip, udp);
	return bytes;
}

/* splitmix64, a word at a time: the same body for the same frame of the same seed. */
static void fill(uint64_t seed, uint32_t i, uint8_t *at, uint32_t bytes)
{
	uint64_t state = seed + ((uint64_t)i << 32), z = 0;

	for (uint32_t n = 0; n < bytes; n++) {
		if (n % 8 == 0) {
			z = state += 0x9e3779b97f4a7c15u;
			z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
			z = (z ^ z >> 27) * 0x94d049bb133111ebu;
			z ^= z >> 31;
		}
		at[n] = (uint8_t)z;
		z >>= 8;
	}
}

/* Bytes of all headers in front of the body of `size` bytes of frame. */
static uint32_t overhead(const struct template *t, uint32_t group, uint32_t size)
{
	char name[GROUP_NAME_MAX + 12];
	uint32_t n = sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr);

	if (t->kind != TEMPLATE_PGM)
		n += sizeof(struct rte_udp_hdr);
	if (t->kind == TEMPLATE_UDP)
		return n + 1 + put_name(t, group, name);
	n += sizeof(struct pgm_data);
	return n + pgm_zmq_header(size > n + pgm_zmq_header(0) ? size - n - pgm_zmq_header(0) : 0);
}

static struct pgm_source source_of(const struct template *t, uint32_t group)
{
	struct pgm_source s = {.source_port = (uint16_t)(t->src_port + group),
			       .destination_port = t->dst_port};

	/* From the address, so that it is the host's own. */
	for (unsigned i = 0; i < 4; i++)
		s.gsi[i] = (uint8_t)(t->src_ip >> (24 - 8 * i));
	s.gsi[4] = 'z';
	s.gsi[5] = 'l';
	return s;
}

static uint32_t put_data(const struct template *t, uint32_t n, uint8_t *frame)
{
	uint32_t group = n % t->groups, sequence = n / t->groups;
	uint32_t size = t->size[sequence % t->n_sizes], headers = overhead(t, group, size);
	uint32_t body = size - headers,
		 at = sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr);
	struct stamp stamp = {(uint16_t)group, sequence, t->count / t->groups};
	struct packet p = {group_ip(t, group), IPPROTO_UDP, t->ttl, 0, false, (uint16_t)n};
	struct pgm_source from = source_of(t, group);
	char name[GROUP_NAME_MAX + 12];
	uint32_t name_len;

	stamp_put(frame + headers, &stamp);
	fill(t->seed, n, frame + headers + STAMP_BYTES, body - STAMP_BYTES);
	if (t->kind == TEMPLATE_UDP) {
		at += sizeof(struct rte_udp_hdr);
		name_len = put_name(t, group, name);
		frame[at] = (uint8_t)name_len;
		memcpy(frame + at + 1, name, name_len);
		return put_datagram(t, &p, 1 + name_len + body, frame);
	}
	at += t->kind == TEMPLATE_EPGM ? sizeof(struct rte_udp_hdr) : 0;
	pgm_put_zmq(frame + at + sizeof(struct pgm_data), body);
	size = pgm_put_odata(frame + at, &from, sequence, 0,
			     (uint16_t)(size - at - sizeof(struct pgm_data)));
	if (t->kind == TEMPLATE_EPGM)
		return put_datagram(t, &p, size, frame);
	p.proto = PGM_IP_PROTOCOL;
	return put_packet(t, &p, size, frame);
}

/* Before ODATA `next` of its source. The lead of one that has sent nothing is one behind the trail
 * (RFC 3208 8.1). On IP it asks routers to look at it (RFC 2113). */
static uint32_t put_spm(const struct template *t, uint32_t group, uint32_t next, uint8_t *frame)
{
	struct packet p = {group_ip(t, group), IPPROTO_UDP, t->ttl, 0, false, 0};
	struct pgm_source from = source_of(t, group);
	uint32_t at = sizeof(struct rte_ether_hdr);

	if (t->kind == TEMPLATE_PGM) {
		p.proto = PGM_IP_PROTOCOL;
		p.router_alert = true;
	}
	at += ip_header(&p) + (t->kind == TEMPLATE_EPGM ? sizeof(struct rte_udp_hdr) : 0);
	pgm_put_spm(frame + at, &from, next / t->spm_every, 0, next - 1, t->src_ip);
	if (t->kind == TEMPLATE_EPGM)
		return put_datagram(t, &p, sizeof(struct pgm_spm), frame);
	return put_packet(t, &p, sizeof(struct pgm_spm), frame);
}

static uint32_t put_report(const struct template *t, uint32_t i, uint8_t *frame)
{
	struct packet p = {IGMP_ROUTERS, IPPROTO_IGMP, 1, TOS_NETWORK, true, (uint16_t)i};
	struct igmp_report *r = (struct igmp_report *)(frame + sizeof(struct rte_ether_hdr) +
						       ip_header(&p));
	uint32_t first = i * REPORT_RECORDS, n = RTE_MIN(t->groups - first, REPORT_RECORDS + 0u);
	uint32_t bytes = sizeof(*r) + n * sizeof(r->record[0]);

	*r = (struct igmp_report){.type = IGMP_REPORT, .records = rte_cpu_to_be_16((uint16_t)n)};
	for (uint32_t k = 0; k < n; k++)
		r->record[k] = (struct igmp_record){
			.type = IGMP_TO_EXCLUDE, .group = rte_cpu_to_be_32(group_ip(t, first + k))};
	r->checksum = (uint16_t)~rte_raw_cksum(r, bytes);
	return put_packet(t, &p, bytes, frame);
}

static bool has_spm(const struct template *t)
{
	return t->spm_every && (t->kind == TEMPLATE_EPGM || t->kind == TEMPLATE_PGM);
}

uint32_t template_frames(const struct template *t)
{
	uint32_t each = t->count / t->groups;

	if (t->kind == TEMPLATE_IGMP)
		return (t->groups + REPORT_RECORDS - 1) / REPORT_RECORDS;
	if (!has_spm(t))
		return t->count;
	return t->count + (each + t->spm_every - 1) / t->spm_every * t->groups;
}

/* With SPMs the file is made of blocks: an SPM of each group, then spm_every data frames of each
 * (in the last block what is left). */
uint32_t template_frame(const struct template *t, uint32_t i, uint8_t *frame)
{
	uint32_t block_frames, block, in;

	if (t->kind == TEMPLATE_IGMP)
		return put_report(t, i, frame);
	if (!has_spm(t))
		return put_data(t, i, frame);
	block_frames = (1 + t->spm_every) * t->groups;
	block = i / block_frames;
	in = i % block_frames;
	if (in < t->groups)
		return put_spm(t, in, block * t->spm_every, frame);
	return put_data(t, block * t->spm_every * t->groups + in - t->groups, frame);
}

uint16_t template_least_size(const struct template *t)
{
	uint32_t need = overhead(t, t->groups - 1, 0) + STAMP_BYTES;

	return (uint16_t)RTE_MAX(need, (uint32_t)FRAME_MIN);
}

/* Where the message's length begins to take 9 bytes a few sizes cannot be made. */
static bool fits_one_message(const struct template *t, uint32_t size)
{
	uint32_t headers = overhead(t, 0, size);

	return t->kind == TEMPLATE_UDP ||
	       pgm_zmq_header(size - headers) - pgm_zmq_header(0) == headers - overhead(t, 0, 0);
}

static const char *check_sizes(const struct template *t)
{
	static char text[160];
	uint32_t need = template_least_size(t);

	for (unsigned i = 0; i < t->n_sizes; i++) {

		if (t->size[i] < need) {
			snprintf(text, sizeof(text),
				 "--size %u: too small for %s with its stamp; give at least %u",
				 t->size[i], template_kind_name[t->kind], need);
			return text;
		}
		if (!fits_one_message(t, t->size[i])) {
			snprintf(text, sizeof(text),
				 "--size %u: no message of ZMTP 1.0 comes out so long, as its "
				 "length takes 1 byte or 9; give %u or %u",
				 t->size[i], overhead(t, 0, 0) + SHORT_BODY_MAX,
				 overhead(t, 0, 0) + SHORT_BODY_MAX + 1 + LENGTH_GROWS);
			return text;
		}
	}
	return NULL;
}

const char *template_check(const struct template *t)
{
	static char text[160];
	char name[GROUP_NAME_MAX + 12];
	uint32_t last = t->dst_ip + (t->spread || t->kind == TEMPLATE_IGMP ? t->groups - 1 : 0);

	if (t->kind != TEMPLATE_UDP && !ip_is_multicast(t->dst_ip))
		return "--to: this kind goes to a multicast address (224.0.0.0 to 239.255.255.255)";
	if (last < t->dst_ip || ip_is_multicast(last) != ip_is_multicast(t->dst_ip))
		return "--groups: the addresses from --to on leave the range; give fewer";
	if (put_name(t, t->groups - 1, name) > GROUP_NAME_MAX) {
		snprintf(text, sizeof(text),
			 "--prefix %s: \"%s\" is longer than a group's name may be (%d bytes); "
			 "shorten it",
			 t->prefix, name, GROUP_NAME_MAX);
		return text;
	}
	if (t->kind == TEMPLATE_IGMP)
		return NULL;
	if (t->kind != TEMPLATE_UDP && t->src_port + t->groups - 1 > UINT16_MAX)
		return "--groups: each is a source with a port of its own, from that of --from on, "
		       "up to 65535; give fewer, or a lower port";
	if (t->count % t->groups) {
		snprintf(text, sizeof(text),
			 "--count %u: not a multiple of --groups %u; each group has as many frames",
			 t->count, t->groups);
		return text;
	}
	return check_sizes(t);
}
