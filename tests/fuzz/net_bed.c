#include "tests/fuzz/net_bed.h"

#include <netinet/in.h>

#include <rte_udp.h>

#include "tests/fuzz/exact.h"
#include "tests/unit/eal.h"

struct zl_net *net;
uint64_t now_ns;
struct rte_mempool *net_frames;
const struct rte_ether_addr our_mac = {{2, 0, 0, 0, 0, 1}}, peer_mac = {{2, 0, 0, 0, 0, 2}};

static struct eal_pools pools;
static struct rte_mbuf *vector[ZL_NET_BURST];
static unsigned vector_n;
static struct rte_mbuf *handed[ZL_NET_BURST];
static unsigned handed_n;
static uint64_t random_state;
static bool port_full;
static void (*look)(const uint8_t *frame, unsigned n);

static bool udp_sum_right(const struct rte_ipv4_hdr *ip)
{
	struct rte_udp_hdr *h = (void *)(uintptr_t)(ip + 1);
	uint16_t sent = h->dgram_cksum, right;

	h->dgram_cksum = 0;
	right = rte_ipv4_udptcp_cksum(ip, h);
	h->dgram_cksum = sent;
	return sent && right == sent;
}

/* Of a packet in one piece. */
static void check_l4(const struct rte_ipv4_hdr *ip, const void *l4, unsigned n)
{
	if (ip->next_proto_id == IPPROTO_TCP)
		require(n >= sizeof(struct rte_tcp_hdr) &&
			(uint16_t)(rte_ipv4_udptcp_cksum(ip, l4) + 1) <= 1);
	else if (ip->next_proto_id == IPPROTO_UDP)
		require(n >= sizeof(struct rte_udp_hdr) && udp_sum_right(ip));
	else
		require(ip->next_proto_id == NET_RAW ||
			((ip->next_proto_id == IPPROTO_ICMP || ip->next_proto_id == IPPROTO_IGMP) &&
			 rte_raw_cksum(l4, n) == 0xffff));
}

static void check_ipv4(const struct rte_ipv4_hdr *ip, unsigned n)
{
	unsigned header = rte_ipv4_hdr_len(ip);
	uint16_t word = rte_be_to_cpu_16(ip->fragment_offset);

	require(n >= sizeof(*ip) && rte_be_to_cpu_16(ip->total_length) == n && n >= header);
	/* IGMP has an option, and raw packets may. */
	require(ip->version_ihl == RTE_IPV4_VHL_DEF + (ip->next_proto_id == IPPROTO_IGMP) ||
		(ip->next_proto_id == NET_RAW && ip->version_ihl == RTE_IPV4_VHL_DEF + 1));
	require(rte_raw_cksum(ip, header) == 0xffff);
	require(rte_be_to_cpu_32(ip->src_addr) == OUR_IP);
	if (word & RTE_IPV4_HDR_DF_FLAG) {
		require(word == RTE_IPV4_HDR_DF_FLAG);
		check_l4(ip, (const uint8_t *)ip + header, n - header);
	} else {
		require(ip->next_proto_id != IPPROTO_TCP && ip->next_proto_id != IPPROTO_IGMP);
		require(word & (RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK));
		require(n > header && (!(word & RTE_IPV4_HDR_MF_FLAG) || !((n - header) % 8)));
	}
}

static void check(const uint8_t *frame, unsigned n)
{
	const struct rte_ether_hdr *eth = (const void *)frame;
	const struct rte_arp_hdr *arp = (const void *)(eth + 1);

	require(n >= sizeof(*eth) && n <= sizeof(*eth) + 1500);
	require(rte_is_same_ether_addr(&eth->src_addr, &our_mac));
	if (eth->ether_type == RTE_BE16(RTE_ETHER_TYPE_ARP))
		require(n >= sizeof(*eth) + sizeof(*arp) &&
			arp->arp_data.arp_sip == RTE_BE32(OUR_IP) &&
			rte_is_same_ether_addr(&arp->arp_data.arp_sha, &our_mac));
	else
		check_ipv4((const void *)(eth + 1), n - (unsigned)sizeof(*eth));
}

static void transmit(void *ctx, uint16_t port, struct rte_mbuf **frames, unsigned n)
{
	uint8_t copy[2048];

	(void)ctx;
	require(port == 0);
	for (unsigned i = 0; i < n; i++) {
		unsigned bytes = frames[i]->pkt_len;
		const uint8_t *at;

		rte_mbuf_sanity_check(frames[i], 1);
		require(bytes <= sizeof(copy));
		at = rte_pktmbuf_read(frames[i], 0, bytes, copy);
		require(at);
		if (at != copy)
			memcpy(copy, at, bytes);
		check(copy, bytes);
		if (look)
			look(copy, bytes);
		rte_pktmbuf_free(frames[i]);
	}
}

void net_check_chain(const struct rte_mbuf *m)
{
	uint32_t bytes = 0;
	unsigned n = 0;

	for (const struct rte_mbuf *seg = m; seg; seg = seg->next, n++)
		bytes += seg->data_len;
	require(bytes == m->pkt_len && n == m->nb_segs);
}

/* As if the other core were this one again. */
static void hand_on(void *ctx, unsigned core, uint16_t port, struct rte_mbuf *packet)
{
	(void)ctx;
	require(core == NET_OTHER_CORE && port == 0);
	net_check_chain(packet);
	if (handed_n == RTE_DIM(handed))
		rte_pktmbuf_free(packet);
	else
		handed[handed_n++] = packet;
}

static bool tx_waits(void *ctx, uint16_t port)
{
	(void)ctx, (void)port;
	return port_full;
}

static uint64_t random_bits(void *ctx)
{
	(void)ctx;
	return (random_state += 0x9e3779b97f4a7c15ull) * 0xbf58476d1ce4e5b9ull;
}

void net_begin(bool (*accept)(void *ctx, uint64_t cookie, struct zl_stream *s),
	       void (*sent)(const uint8_t *frame, unsigned n))
{
	static struct zl_net_ops ops = {.transmit = transmit,
					.tx_waits = tx_waits,
					.hand_on = hand_on,
					.random = random_bits};
	const struct zl_net_port port = {
		.mac = our_mac, .mtu = 1500, .ip = OUR_IP, .prefix_len = 24, .gateway = GATEWAY_IP};
	struct zl_net_config config = {.ops = &ops, .socket_id = SOCKET_ID_ANY};

	if (!net_frames) {
		eal_start(64);
		eal_pools_create(&pools, 4095, 1023, 255);
		net_frames = pools.frames;
	}
	ops.accept = accept;
	look = sent;
	random_state = 1;
	port_full = false;
	config.frames = pools.frames;
	config.indirect = pools.indirect;
	config.blocks = pools.blocks;
	zl_tcp_config_default(&config.tcp);
	config.tcp.rcvbuf = 65535;
	config.tcp.user_timeout_ms = 10000;
	config.tcp.keepalive_idle_ms = 5000;
	config.tcp.backlog = 2;
	config.tcp.max_connections = 6;
	now_ns = 1000 * MS;
	net = zl_net_create(&config);
	require(net && zl_net_port_add(net, 0, &port) == 0);
	zl_net_neighbor_set(net, 0, PEER_IP, &peer_mac, now_ns);
	require(zl_tcp_listen(net, 0, LISTEN_PORT, 77) == 0);
}

void net_end(void)
{
	rte_pktmbuf_free_bulk(vector, vector_n);
	vector_n = 0;
	rte_pktmbuf_free_bulk(handed, handed_n);
	handed_n = 0;
	zl_net_destroy(net);
	require(eal_pools_full(&pools));
}

unsigned net_wrap(uint8_t *frame, uint32_t src, uint32_t dst, uint8_t proto, unsigned n)
{
	struct rte_ether_hdr *eth = (void *)frame;
	struct rte_ipv4_hdr *ip = (void *)(eth + 1);

	*eth = (struct rte_ether_hdr){our_mac, peer_mac, RTE_BE16(RTE_ETHER_TYPE_IPV4)};
	*ip = (struct rte_ipv4_hdr){.version_ihl = RTE_IPV4_VHL_DEF,
				    .total_length = rte_cpu_to_be_16((uint16_t)(sizeof(*ip) + n)),
				    .time_to_live = 64,
				    .next_proto_id = proto,
				    .src_addr = rte_cpu_to_be_32(src),
				    .dst_addr = rte_cpu_to_be_32(dst)};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	if (proto == IPPROTO_TCP) {
		struct rte_tcp_hdr *tcp = (void *)(ip + 1);

		tcp->cksum = 0;
		tcp->cksum = rte_ipv4_udptcp_cksum(ip, tcp);
	} else if (proto == IPPROTO_ICMP && n >= sizeof(struct rte_icmp_hdr)) {
		struct rte_icmp_hdr *icmp = (void *)(ip + 1);

		icmp->icmp_cksum = 0;
		icmp->icmp_cksum = (uint16_t)~rte_raw_cksum(icmp, n);
	}
	return (unsigned)(NET_HEADERS + n);
}

static void flush(void)
{
	if (vector_n)
		zl_net_input(net, 0, vector, vector_n, now_ns);
	vector_n = 0;
}

void net_give(const uint8_t *frame, unsigned n, unsigned cut, bool more)
{
	vector[vector_n++] = exact_frame(net_frames, frame, n, cut);
	if (!more || vector_n == RTE_DIM(vector))
		flush();
}

void net_turn(void)
{
	flush();
	zl_net_handed_on(net, 0, handed, handed_n, now_ns);
	handed_n = 0;
	zl_net_output(net, now_ns);
}

void net_wait(uint64_t ns)
{
	uint64_t until = now_ns + ns;

	for (unsigned i = 0; now_ns < until && i < 2000; i++) {
		uint64_t next = RTE_MAX(zl_net_next_timer(net), now_ns + 1);

		now_ns = RTE_MIN(until, next);
		zl_net_timers(net, now_ns);
		net_turn();
	}
}

void net_set_port_full(bool full)
{
	port_full = full;
}
