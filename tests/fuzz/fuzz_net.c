/* What comes in below TCP: Ethernet, ARP, IPv4 and ICMP. The input is a row of frames, some of them
 * bytes as they are, most of them right but for what the input changes, in one segment or two; and
 * connections that we open, so that ARP has something to wait for and ICMP something to end. */
#include <netinet/in.h>

#include "tests/fuzz/net_bed.h"

#define FRAME_MAX (sizeof(struct rte_ether_hdr) + 1500)

static uint8_t frame[FRAME_MAX];
static uint16_t dialled[4];
static unsigned dials;

static void nothing(struct zl_stream *s)
{
	(void)s;
}

static void released(struct zl_stream *s, uint32_t bytes, uint32_t msgs)
{
	(void)s, (void)bytes, (void)msgs;
}

static void closed(struct zl_stream *s, const char *reason)
{
	(void)s;
	require(reason);
}

static bool refuse(void *ctx, uint64_t cookie, struct zl_stream *s)
{
	(void)ctx, (void)s;
	require(cookie == 77);
	return false;
}

static const struct zl_stream_events events = {
	.established = nothing, .readable = nothing, .released = released, .closed = closed};

static void give(struct feed *f, unsigned n)
{
	uint8_t how = feed_u8(f);

	net_give(frame, n, how & 1 ? feed_u8(f) : n, how & 2);
}

static void as_it_is(struct feed *f)
{
	const uint8_t *bytes;
	size_t n = feed_some(f, &bytes);

	n = n < FRAME_MAX ? n : FRAME_MAX;
	memcpy(frame, bytes, n);
	give(f, (unsigned)n);
}

static uint32_t some_ip(struct feed *f)
{
	static const uint32_t ip[] = {PEER_IP,    OUR_IP,     GATEWAY_IP, 0x0a000009, 0x0a0000ff,
				      0x0a000000, 0xc0a80001, 0xffffffff, 0,          0xe0000001};
	uint8_t which = feed_u8(f);

	return which < RTE_DIM(ip) ? ip[which] : feed_u32(f);
}

static void arp(struct feed *f)
{
	struct rte_ether_hdr *eth = (void *)frame;
	struct rte_arp_hdr *a = (void *)(eth + 1);
	unsigned n = sizeof(*eth) + sizeof(*a), pad = feed_u8(f) % 32;

	memset(frame, 0, sizeof(frame));
	*eth = (struct rte_ether_hdr){our_mac, peer_mac, RTE_BE16(RTE_ETHER_TYPE_ARP)};
	*a = (struct rte_arp_hdr){.arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER),
				  .arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4),
				  .arp_hlen = RTE_ETHER_ADDR_LEN,
				  .arp_plen = 4,
				  .arp_opcode = rte_cpu_to_be_16(1 + feed_u8(f) % 3)};
	a->arp_data.arp_sip = rte_cpu_to_be_32(some_ip(f));
	a->arp_data.arp_tip = rte_cpu_to_be_32(some_ip(f));
	a->arp_data.arp_sha = peer_mac;
	a->arp_data.arp_sha.addr_bytes[5] = feed_u8(f);
	if (feed_u8(f) & 1) /* a byte of it is wrong, or it is short */
		frame[feed_u8(f) % n] = feed_u8(f);
	give(f, feed_u8(f) & 1 ? n + pad : n - RTE_MIN(pad, n));
}

static void ipv4(struct feed *f)
{
	struct rte_ipv4_hdr *ip = (void *)(frame + sizeof(struct rte_ether_hdr));
	uint8_t proto = feed_u8(f), wrong = feed_u8(f);
	uint32_t src = some_ip(f), dst = some_ip(f);
	const uint8_t *bytes;
	unsigned n = (unsigned)feed_some(f, &bytes), total;

	n = RTE_MIN(n, 1400u);
	memset(frame, 0, sizeof(frame));
	memcpy(frame + NET_HEADERS, bytes, n);
	proto = proto % 4 == 0 ? IPPROTO_TCP : proto % 4 == 1 ? IPPROTO_ICMP : proto;
	total = net_wrap(frame, src, dst, proto == IPPROTO_TCP && n < 20 ? 17 : proto, n);
	ip->next_proto_id = proto;
	if (wrong & 1)
		ip->version_ihl = feed_u8(f);
	if (wrong & 2)
		ip->total_length = rte_cpu_to_be_16(feed_u16(f));
	if (wrong & 4)
		ip->fragment_offset = rte_cpu_to_be_16(feed_u16(f));
	if (wrong & 8)
		ip->time_to_live = feed_u8(f);
	ip->hdr_checksum = 0;
	ip->hdr_checksum = (uint16_t)~rte_raw_cksum(ip, (size_t)(ip->version_ihl & 15) * 4);
	if (wrong & 16)
		ip->hdr_checksum ^= 1;
	give(f, RTE_MIN(total + (wrong >> 5), (unsigned)FRAME_MAX));
}

static void icmp(struct feed *f)
{
	uint8_t *l4 = frame + NET_HEADERS;
	const uint8_t *bytes;
	unsigned n = (unsigned)feed_some(f, &bytes);

	n = RTE_MIN(n, 1480u);
	memcpy(l4, bytes, n);
	give(f, net_wrap(frame, some_ip(f), OUR_IP, IPPROTO_ICMP, n));
}

/* Destination unreachable, of a segment that we may have sent. */
static void unreachable(struct feed *f)
{
	uint8_t *l4 = frame + NET_HEADERS, which = feed_u8(f);
	struct rte_ipv4_hdr *ip = (void *)(l4 + 8);
	uint8_t *ports = (uint8_t *)(ip + 1);
	unsigned n = 8 + sizeof(*ip) + 8;
	uint16_t port = dialled[which % RTE_DIM(dialled)];

	memset(l4, 0, n);
	l4[0] = 3;
	l4[1] = feed_u8(f) % 17;
	*ip = (struct rte_ipv4_hdr){.version_ihl = RTE_IPV4_VHL_DEF,
				    .total_length = RTE_BE16(40),
				    .time_to_live = 64,
				    .next_proto_id = IPPROTO_TCP,
				    .src_addr = RTE_BE32(OUR_IP),
				    .dst_addr = rte_cpu_to_be_32(some_ip(f))};
	memcpy(ports, &(rte_be16_t){rte_cpu_to_be_16(port)}, 2);
	memcpy(ports + 2, &(rte_be16_t){RTE_BE16(7777)}, 2);
	feed_over(f, ports + 4, 4);
	if (feed_u8(f) & 1)
		l4[8 + feed_u8(f) % (n - 8)] = feed_u8(f);
	give(f,
	     net_wrap(frame, PEER_IP, OUR_IP, IPPROTO_ICMP, feed_u8(f) & 1 ? n : feed_u8(f) % n));
}

static void dial(struct feed *f)
{
	struct zl_endpoint_addr remote = {.ip = some_ip(f), .port = 7777};
	struct zl_stream *s;

	if (zl_tcp_connect(net, &remote, &events, NULL, &s, now_ns) == 0)
		dialled[dials++ % RTE_DIM(dialled)] = s->local.port;
}

static void turn(struct feed *f)
{
	(void)f;
	net_turn();
}

static void wait_some(struct feed *f)
{
	net_wait((uint64_t)feed_u8(f) * 37 * MS);
}

static void announce(struct feed *f)
{
	uint32_t ip = some_ip(f);

	if (feed_u8(f) & 1)
		zl_net_announce(net, now_ns);
	else
		zl_net_neighbor_set(net, 0, ip, &peer_mac, now_ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static void (*const steps[])(struct feed * f) = {
		as_it_is, arp, arp, ipv4, ipv4, icmp, unreachable, dial, turn, wait_some, announce};
	struct feed f = {data, n};

	net_begin(refuse, NULL);
	memset(dialled, 0, sizeof(dialled));
	dials = 0;
	while (f.left)
		steps[feed_u8(&f) % RTE_DIM(steps)](&f);
	net_turn();
	net_end();
	return 0;
}
