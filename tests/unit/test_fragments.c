/* Datagrams larger than the MTU, out and in, fragment by fragment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_arp.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "dataplane/net/igmp.h"
#include "dataplane/net/raw.h"
#include "dataplane/net/stack.h"
#include "dataplane/net/udp.h"
#include "tests/unit/station.h"
#include "tests/unit/tcp_none.h"

#define PORT    5555
#define PGM     113
#define GROUP   0xef000001u
#define LONGEST 65507
#define LIFE    (2 * SECOND)

static struct {
	unsigned datagrams, len;
	uint8_t bytes[65535];
} got;

static void take(struct rte_mbuf *m)
{
	unsigned at = 0;

	got.datagrams++;
	got.len = m->pkt_len;
	for (const struct rte_mbuf *seg = m; seg; seg = seg->next) {
		memcpy(got.bytes + at, rte_pktmbuf_mtod(seg, void *), seg->data_len);
		at += seg->data_len;
	}
	assert_int_equal(at, m->pkt_len);
	rte_mbuf_sanity_check(m, 1);
	rte_pktmbuf_free(m);
}

static void receive(void *owner, struct rte_mbuf *m, const struct zl_endpoint_addr *remote,
		    const struct zl_endpoint_addr *local)
{
	(void)owner;
	assert_int_equal(remote->port, PORT);
	assert_int_equal(local->port, PORT);
	take(m);
}

static void raw_receive(void *owner, struct rte_mbuf *m, uint32_t remote, uint32_t local)
{
	(void)owner;
	assert_int_not_equal(remote, local);
	take(m);
}

static int setup(void **state)
{
	struct station *s;

	station_setup(state);
	s = *state;
	got.datagrams = 0;
	zl_net_neighbor_set(s->net, 0, PEER_IP, &peer_mac, s->now_ns);
	return 0;
}

static struct zl_udp *open_udp(struct station *s, uint32_t ip)
{
	struct zl_udp *u = NULL;

	assert_int_equal(
		zl_udp_open(s->net, &(struct zl_endpoint_addr){ip, PORT}, receive, NULL, &u), 0);
	return u;
}

static uint8_t byte_of(unsigned n, unsigned i)
{
	return (uint8_t)(i * 7 + i / 256 + n);
}

/* n bytes to send, in segments of 1999. */
static struct rte_mbuf *payload(struct station *s, unsigned n)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(s->pools.frames);

	for (unsigned i = 0; i < n;) {
		struct rte_mbuf *seg = i ? rte_pktmbuf_alloc(s->pools.frames) : m;
		unsigned part = RTE_MIN(n - i, i ? 1999u : 1900u);
		uint8_t *p = (void *)rte_pktmbuf_append(seg, (uint16_t)part);

		for (unsigned k = 0; k < part; k++)
			p[k] = byte_of(n, i + k);
		if (i)
			assert_int_equal(rte_pktmbuf_chain(m, seg), 0);
		i += part;
	}
	return m;
}

static void expect(unsigned datagrams, unsigned n)
{
	assert_int_equal(got.datagrams, datagrams);
	assert_int_equal(got.len, n);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(got.bytes[i], byte_of(n, i));
}

static void send_udp(struct station *s, const struct zl_udp *u, unsigned n)
{
	struct zl_endpoint_addr to = {PEER_IP, PORT};

	assert_int_equal(zl_udp_send(s->net, u, payload(s, n), &to), 0);
	zl_net_output(s->net, s->now_ns);
}

static struct rte_ipv4_hdr *header(const struct rte_mbuf *frame)
{
	return rte_pktmbuf_mtod_offset(frame, struct rte_ipv4_hdr *, 14);
}

/* What was sent is one packet of n bytes behind headers of so many: fragments in order. */
static void check_fragments(const struct station *s, unsigned headers, unsigned n)
{
	unsigned at = 0, room = (1500 - headers) / 8 * 8;

	assert_int_equal(s->sent_n, (n + room - 1) / room);
	for (unsigned i = 0; i < s->sent_n; i++) {
		const struct rte_ipv4_hdr *ip = header(s->sent[i]);
		unsigned part = RTE_MIN(room, n - at);
		uint16_t word = rte_be_to_cpu_16(ip->fragment_offset);

		assert_int_equal(s->sent[i]->pkt_len, 14 + headers + part);
		assert_int_equal(rte_be_to_cpu_16(ip->total_length), headers + part);
		assert_int_equal(ip->packet_id, header(s->sent[0])->packet_id);
		assert_int_equal(ip->version_ihl, 0x40 + headers / 4);
		assert_int_equal(rte_raw_cksum(ip, headers), 0xffff);
		assert_int_equal(word & RTE_IPV4_HDR_OFFSET_MASK, at / 8);
		assert_int_equal(!!(word & RTE_IPV4_HDR_MF_FLAG), i + 1 < s->sent_n);
		assert_false(word & RTE_IPV4_HDR_DF_FLAG);
		assert_true(s->sent[i]->ol_flags == 0);
		rte_mbuf_sanity_check(s->sent[i], 1);
		at += part;
	}
	assert_int_equal(at, n);
}

/* A copy of a frame that was sent, as the peer would send it. */
static struct rte_mbuf *turned(struct station *s, const struct rte_mbuf *frame)
{
	struct rte_mbuf *m = rte_pktmbuf_copy(frame, s->pools.frames, 0, UINT32_MAX);
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	struct rte_ipv4_hdr *ip = header(m);

	eth->dst_addr = our_mac;
	ip->src_addr = RTE_BE32(PEER_IP); /* UDP's sum is that of both */
	ip->dst_addr = RTE_BE32(OUR_IP);
	ip->hdr_checksum = 0;
	ip->hdr_checksum = (uint16_t)~rte_raw_cksum(ip, rte_ipv4_hdr_len(ip));
	return m;
}

static void give(struct station *s, const struct rte_mbuf *frame)
{
	struct rte_mbuf *m = turned(s, frame);

	zl_net_input(s->net, 0, &m, 1, s->now_ns);
}

/* What was sent comes back: 0 in order, 1 in reverse, 2 evens after odds. */
static void give_all(struct station *s, unsigned order)
{
	unsigned n = s->sent_n;

	for (unsigned i = 0; i < n; i++) {
		unsigned odd = 2 * i + 1;

		give(s, s->sent[order == 0   ? i
				: order == 1 ? n - 1 - i
				: odd < n    ? odd
					     : 2 * (i - n / 2)]);
	}
}

static void test_datagrams_of_any_length_go_in_fragments_and_come_back(void **state)
{
	static const unsigned length[] = {1472, 1473, 1480, 2952, 2953, 9000, 20001, LONGEST};
	struct station *s = *state;
	struct zl_udp *u = open_udp(s, 0);
	unsigned n = 0;

	for (unsigned i = 1; i < RTE_DIM(length); i++) {
		send_udp(s, u, length[i]);
		check_fragments(s, 20, 8 + length[i]);
		for (unsigned order = 0; order < 3; order++) {
			give_all(s, order);
			expect(++n, length[i]);
		}
		station_forget(s);
	}
	assert_int_equal(station_count(s, ZL_NET_ip_reassembled), n);
	assert_int_equal(station_count(s, ZL_NET_ip_rx_fragments),
			 3 * station_count(s, ZL_NET_ip_tx_fragments));
	send_udp(s, u, length[0]);
	assert_int_equal(s->sent_n, 1);
	assert_int_equal(header(s->sent[0])->fragment_offset, RTE_BE16(RTE_IPV4_HDR_DF_FLAG));
}

static void test_a_port_that_makes_checksums_gets_fragments_with_theirs(void **state)
{
	struct station *s = *state;
	struct zl_udp *u = open_udp(s, 0);

	s->net->port[0].tx_offload = RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
	send_udp(s, u, 4000);
	check_fragments(s, 20, 4008);
	give_all(s, 0);
	expect(1, 4000);
	assert_int_equal(station_count(s, ZL_NET_udp_drop_checksum), 0);
}

static void test_raw_packets_keep_their_option_in_every_fragment(void **state)
{
	struct station *s = *state;
	struct zl_raw *r;

	assert_int_equal(zl_raw_open(s->net, PGM, 0, raw_receive, NULL, &r), 0);
	assert_int_equal(zl_raw_send(s->net, r, payload(s, 5000), PEER_IP, ZL_RAW_ALERT), 0);
	zl_net_output(s->net, s->now_ns);
	check_fragments(s, 24, 5000);
	for (unsigned i = 0; i < s->sent_n; i++)
		assert_memory_equal(header(s->sent[i]) + 1, ((uint8_t[]){0x94, 4, 0, 0}), 4);
	give_all(s, 2);
	expect(1, 5000);
	station_forget(s);
	assert_int_equal(zl_raw_send_group(s->net, r, payload(s, 65515), 0, GROUP, 3, 0), 0);
	zl_net_output(s->net, s->now_ns);
	check_fragments(s, 20, 65515);
	assert_int_equal(header(s->sent[44])->time_to_live, 3);
	give_all(s, 1);
	expect(2, 65515);
}

static void test_a_datagram_waits_for_its_next_hop_as_one(void **state)
{
	struct station *s = *state;
	struct zl_udp *u = open_udp(s, 0);
	struct zl_endpoint_addr to = {PEER_IP + 1, PORT};

	assert_int_equal(zl_udp_send(s->net, u, payload(s, 30000), &to), 0);
	zl_net_output(s->net, s->now_ns);
	assert_int_equal(s->sent_n, 1);
	station_forget(s);
	station_arp(s, &our_mac, RTE_ARP_OP_REPLY, &other_mac, PEER_IP + 1, &our_mac, OUR_IP);
	check_fragments(s, 20, 30008);
}

static void test_without_buffers_no_fragment_is_sent(void **state)
{
	struct station *s = *state;
	struct zl_udp *u = open_udp(s, 0);
	struct rte_mbuf *all[256], *m = payload(s, 4000);
	struct zl_endpoint_addr to = {PEER_IP, PORT};
	unsigned n = 0;

	while ((all[n] = rte_pktmbuf_alloc(s->pools.indirect)))
		n++;
	rte_pktmbuf_free(all[--n]);
	rte_pktmbuf_free(all[--n]);
	assert_int_equal(zl_udp_send(s->net, u, m, &to), 0);
	zl_net_output(s->net, s->now_ns);
	assert_int_equal(s->sent_n, 0);
	assert_int_equal(station_count(s, ZL_NET_ip_drop_fragment_no_buffer), 1);
	rte_pktmbuf_free_bulk(all, n);
}

static void test_echoes_may_be_larger_than_the_mtu(void **state)
{
	struct station *s = *state;
	uint8_t icmp[4000] = {8, 0, 0, 0, 0x12, 0x34, 0, 7};
	struct rte_ipv4_hdr ip = {.version_ihl = RTE_IPV4_VHL_DEF,
				  .time_to_live = 64,
				  .next_proto_id = IPPROTO_ICMP,
				  .src_addr = RTE_BE32(PEER_IP),
				  .dst_addr = RTE_BE32(OUR_IP)};
	uint16_t sum = (uint16_t)~rte_raw_cksum(icmp, sizeof(icmp));

	memcpy(icmp + 2, &sum, 2);
	for (unsigned at = 0; at < sizeof(icmp); at += 1480) {
		unsigned part = RTE_MIN(1480u, (unsigned)sizeof(icmp) - at);
		uint8_t packet[1500];

		ip.total_length = rte_cpu_to_be_16((uint16_t)(20 + part));
		ip.fragment_offset = rte_cpu_to_be_16(
			(uint16_t)(at / 8 | (at + part < sizeof(icmp) ? 0x2000 : 0)));
		ip.hdr_checksum = 0;
		ip.hdr_checksum = rte_ipv4_cksum(&ip);
		memcpy(packet, &ip, 20);
		memcpy(packet + 20, icmp + at, part);
		station_input(s, &our_mac, &peer_mac, RTE_ETHER_TYPE_IPV4, packet, 20 + part);
	}
	check_fragments(s, 20, sizeof(icmp));
	assert_int_equal(station_count(s, ZL_NET_icmp_tx_echo_reply), 1);
}

/* A fragment by hand: n bytes of `fill` from `from` on. */
struct piece {
	uint32_t src, dst;
	uint16_t id, from;
	bool more;
	uint8_t proto, fill;
	unsigned n;
};

static void give_piece(struct station *s, struct piece p)
{
	uint8_t packet[1500];
	struct rte_ipv4_hdr ip = {
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16((uint16_t)(20 + p.n)),
		.packet_id = rte_cpu_to_be_16(p.id),
		.fragment_offset = rte_cpu_to_be_16((uint16_t)(p.from / 8 | (p.more << 13))),
		.time_to_live = 64,
		.next_proto_id = p.proto ? p.proto : PGM,
		.src_addr = rte_cpu_to_be_32(p.src ? p.src : PEER_IP),
		.dst_addr = rte_cpu_to_be_32(p.dst ? p.dst : OUR_IP)};

	ip.hdr_checksum = rte_ipv4_cksum(&ip);
	memcpy(packet, &ip, 20);
	memset(packet + 20, p.fill, p.n);
	station_input(s, &our_mac, &peer_mac, RTE_ETHER_TYPE_IPV4, packet, 20 + p.n);
}

static void open_raw(struct station *s, uint32_t ip)
{
	struct zl_raw *r;

	assert_int_equal(zl_raw_open(s->net, PGM, ip, raw_receive, NULL, &r), 0);
}

static uint64_t held(const struct station *s)
{
	return s->pools.frames->size - rte_mempool_avail_count(s->pools.frames);
}

static void test_fragments_that_come_twice_are_dropped_once(void **state)
{
	struct station *s = *state;

	open_raw(s, 0);
	for (unsigned i = 0; i < 2; i++)
		give_piece(s,
			   (struct piece){.id = 1, .from = 8, .more = true, .fill = 'b', .n = 8});
	for (unsigned i = 0; i < 2; i++)
		give_piece(s, (struct piece){.id = 1, .from = 16, .fill = 'c', .n = 3});
	give_piece(s, (struct piece){.id = 1, .more = true, .fill = 'a', .n = 8});
	assert_int_equal(got.datagrams, 1);
	assert_int_equal(got.len, 19);
	assert_memory_equal(got.bytes, "aaaaaaaabbbbbbbbccc", 19);
	assert_int_equal(station_count(s, ZL_NET_ip_drop_fragment_twice), 2);
	assert_int_equal(held(s), 0);
}

static void test_fragments_that_overlap_or_disagree_drop_the_datagram(void **state)
{
	static const struct piece wrong[] = {
		{.from = 8, .more = true, .n = 24},   /* into the second from before */
		{.from = 16, .more = true, .n = 16},  /* the same, and ends as it does */
		{.from = 24, .more = true, .n = 24},  /* out of it */
		{.from = 16, .more = true, .n = 8},   /* a part of it */
		{.from = 8, .more = true, .n = 40},   /* around it */
		{.from = 8, .n = 8},                  /* the end, before it */
		{.from = 40, .n = 17},                /* the end, twice, elsewhere */
		{.from = 48, .more = true, .n = 8},   /* more where the end was */
		{.from = 112, .more = true, .n = 16}, /* beyond it */
	};
	struct station *s = *state;

	open_raw(s, 0);
	for (uint16_t i = 0; i < RTE_DIM(wrong); i++) {
		struct piece p = wrong[i];

		p.id = i;
		give_piece(s, (struct piece){.id = i, .from = 16, .more = true, .n = 24});
		give_piece(s, (struct piece){.id = i, .from = 40, .n = 16});
		assert_int_equal(held(s), 2);
		give_piece(s, p);
		assert_int_equal(held(s), 0);
		assert_int_equal(station_count(s, ZL_NET_ip_drop_fragment_wrong), 3 * (i + 1));
	}
	assert_int_equal(got.datagrams, 0);
}

static void test_fragments_that_cannot_be_are_dropped(void **state)
{
	struct station *s = *state;

	open_raw(s, 0);
	give_piece(s, (struct piece){.id = 1, .more = true, .n = 0});
	give_piece(s, (struct piece){.id = 1, .from = 8, .n = 0});
	for (unsigned n = 1; n < 8; n++)
		give_piece(s, (struct piece){.id = 1, .more = true, .n = 8 + n});
	give_piece(s, (struct piece){.id = 1, .from = 65528, .n = 8});
	give_piece(s, (struct piece){.id = 1, .from = 65504, .n = 12});
	assert_int_equal(station_count(s, ZL_NET_ip_drop_fragment_wrong), 11);
	assert_int_equal(held(s), 0);
	give_piece(s, (struct piece){.id = 1, .from = 65504, .n = 11});
	assert_int_equal(held(s), 1);
}

static void test_what_nobody_here_has_is_not_held(void **state)
{
	struct station *s = *state;

	give_piece(s, (struct piece){.id = 1, .more = true, .n = 8});
	give_piece(s, (struct piece){.id = 1, .more = true, .n = 8, .proto = IPPROTO_TCP});
	give_piece(s, (struct piece){.id = 1, .more = true, .n = 8, .proto = IPPROTO_IGMP});
	assert_int_equal(station_count(s, ZL_NET_ip_drop_fragment), 3);
	open_raw(s, GROUP);
	give_piece(s, (struct piece){.id = 1, .more = true, .n = 8, .dst = GROUP});
	assert_int_equal(station_count(s, ZL_NET_ip_drop_group), 1);
	assert_int_equal(zl_group_join(s->net, 0, GROUP, false, s->now_ns), 0);
	give_piece(s, (struct piece){
			      .id = 1, .more = true, .n = 8, .dst = GROUP, .proto = IPPROTO_ICMP});
	assert_int_equal(station_count(s, ZL_NET_ip_drop_fragment), 4);
	assert_int_equal(held(s), 0);
	give_piece(s, (struct piece){.id = 1, .more = true, .n = 8, .dst = GROUP});
	give_piece(s, (struct piece){.id = 1, .from = 8, .n = 1, .dst = GROUP});
	assert_int_equal(got.datagrams, 1);
}

static void test_datagrams_are_told_apart_by_all_that_names_them(void **state)
{
	struct station *s = *state;

	open_raw(s, 0);
	open_raw(s, GROUP);
	assert_int_equal(zl_group_join(s->net, 0, GROUP, false, s->now_ns), 0);
	/* Often enough that each pair shares a bucket once. */
	for (uint16_t id = 0; id < 1000; id += 2) {
		give_piece(s, (struct piece){.id = id, .more = true, .n = 8});
		give_piece(s, (struct piece){.id = id + 1, .from = 8, .n = 8});
		give_piece(s, (struct piece){.id = id, .from = 8, .n = 8, .src = PEER_IP + 1});
		give_piece(s, (struct piece){.id = id, .from = 8, .n = 8, .dst = GROUP});
		give_piece(s, (struct piece){.id = id, .from = 8, .n = 8, .proto = IPPROTO_UDP});
		assert_int_equal(got.datagrams, id / 2);
		give_piece(s, (struct piece){.id = id, .from = 8, .n = 8});
		assert_int_equal(got.datagrams, id / 2 + 1);
	}
}

static void test_the_end_of_a_datagram_is_behind_all_of_it(void **state)
{
	struct station *s = *state;

	open_raw(s, 0);
	give_piece(s, (struct piece){.id = 1, .from = 32, .more = true, .n = 8});
	give_piece(s, (struct piece){.id = 1, .from = 16, .n = 8});
	assert_int_equal(station_count(s, ZL_NET_ip_drop_fragment_wrong), 2);
	assert_int_equal(held(s), 0);
}

static void test_what_is_missing_for_long_is_told_to_the_sender_if_it_can_be(void **state)
{
	struct station *s = *state;
	const uint8_t *icmp;

	open_raw(s, 0);
	open_raw(s, GROUP);
	assert_int_equal(zl_group_join(s->net, 0, GROUP, false, s->now_ns), 0);
	give_piece(s, (struct piece){.id = 1, .more = true, .n = 16, .fill = 'x'});
	give_piece(s, (struct piece){.id = 1, .from = 24, .n = 8});
	give_piece(s, (struct piece){.id = 2, .from = 24, .n = 8});
	give_piece(s, (struct piece){.id = 3, .more = true, .n = 16, .dst = GROUP});
	station_advance(s, LIFE - SECOND / 100);
	assert_int_equal(held(s), 4);
	assert_int_equal(s->sent_n, 0);
	station_advance(s, SECOND / 50);
	assert_int_equal(station_count(s, ZL_NET_ip_drop_fragment_timeout), 4);
	assert_int_equal(station_count(s, ZL_NET_icmp_tx_time_exceeded), 1);
	assert_int_equal(s->sent_n, 1);
	icmp = (const uint8_t *)(header(s->sent[0]) + 1);
	assert_int_equal(s->sent[0]->pkt_len, 14 + 20 + 8 + 20 + 16);
	assert_int_equal(header(s->sent[0])->dst_addr, RTE_BE32(PEER_IP));
	assert_memory_equal(icmp, ((uint8_t[]){11, 1}), 2);
	assert_int_equal(rte_raw_cksum(icmp, 8 + 36), 0xffff);
	assert_int_equal(icmp[8], 0x45);
	assert_int_equal(icmp[8 + 6], 0x20);
	assert_int_equal(icmp[8 + 20], 'x');
	station_forget(s);
	assert_int_equal(held(s), 0);
	/* It begins anew. */
	give_piece(s, (struct piece){.id = 1, .from = 24, .n = 8});
	assert_int_equal(held(s), 1);
}

static void test_a_source_that_begins_many_loses_its_own_oldest(void **state)
{
	struct station *s = *state;

	open_raw(s, 0);
	give_piece(s, (struct piece){.id = 1, .more = true, .n = 8, .src = PEER_IP + 1});
	for (uint16_t id = 0; id < 17; id++)
		give_piece(s, (struct piece){.id = id, .more = true, .n = 8});
	assert_int_equal(held(s), 17);
	assert_int_equal(station_count(s, ZL_NET_ip_drop_fragment_full), 1);
	give_piece(s, (struct piece){.id = 1, .from = 8, .n = 8, .src = PEER_IP + 1});
	give_piece(s, (struct piece){.id = 1, .from = 8, .n = 8});
	assert_int_equal(got.datagrams, 2);
	give_piece(s, (struct piece){.id = 0, .from = 8, .n = 8});
	assert_int_equal(got.datagrams, 2);
}

static void test_many_sources_lose_the_oldest_of_all(void **state)
{
	struct station *s = *state;

	open_raw(s, 0);
	for (unsigned i = 0; i < 63; i++)
		give_piece(s, (struct piece){.more = true, .n = 8, .src = PEER_IP + i});
	/* One is finished and leaves its place; then there is none. */
	give_piece(s, (struct piece){.from = 8, .n = 8, .src = PEER_IP + 7});
	assert_int_equal(got.datagrams, 1);
	give_piece(s, (struct piece){.more = true, .n = 8, .src = PEER_IP + 100});
	give_piece(s, (struct piece){.more = true, .n = 8, .src = PEER_IP + 101});
	assert_int_equal(station_count(s, ZL_NET_ip_drop_fragment_full), 0);
	give_piece(s, (struct piece){.more = true, .n = 8, .src = PEER_IP + 102});
	assert_int_equal(station_count(s, ZL_NET_ip_drop_fragment_full), 1);
	give_piece(s, (struct piece){.from = 8, .n = 8, .src = PEER_IP});
	assert_int_equal(got.datagrams, 1);
	give_piece(s, (struct piece){.from = 8, .n = 8, .src = PEER_IP + 102});
	assert_int_equal(got.datagrams, 2);
}

/* The first n fragments of eight bytes each. */
static void give_row(struct station *s, uint16_t id, uint32_t src, unsigned n)
{
	for (uint16_t i = 0; i < n; i++)
		give_piece(s, (struct piece){
				      .id = id, .from = 8 * i, .more = true, .n = 8, .src = src});
}

static void test_fragments_of_a_datagram_and_buffers_in_all_are_bounded(void **state)
{
	struct station *s = *state;

	open_raw(s, 0);
	give_row(s, 1, PEER_IP, 128);
	assert_int_equal(held(s), 128);
	give_piece(s, (struct piece){.id = 1, .from = 8 * 128, .more = true, .n = 8});
	assert_int_equal(held(s), 0);
	assert_int_equal(station_count(s, ZL_NET_ip_drop_fragment_wrong), 129);

	assert_int_equal(s->pools.frames->size / 4, 255);
	give_row(s, 1, PEER_IP, 128);
	give_row(s, 2, GATEWAY_IP, 127);
	assert_int_equal(held(s), 255);
	assert_int_equal(station_count(s, ZL_NET_ip_drop_fragment_full), 0);
	give_piece(s, (struct piece){.id = 2, .from = 8 * 127, .n = 1, .src = GATEWAY_IP});
	assert_int_equal(station_count(s, ZL_NET_ip_drop_fragment_full), 128);
	assert_int_equal(got.datagrams, 1);
	assert_int_equal(got.len, 8 * 127 + 1);
	assert_int_equal(held(s), 0);
}

static void hand_on(void *ctx, unsigned core, uint16_t port, struct rte_mbuf *packet)
{
	struct station *s = ctx;

	assert_int_equal(core, 1);
	assert_int_equal(port, 0);
	s->sent[s->sent_n++] = packet;
}

static void test_a_socket_elsewhere_gets_the_whole_datagram(void **state)
{
	struct station *s = *state;
	struct zl_udp *u = open_udp(s, 0), *there;
	static struct zl_net_ops ops;
	struct rte_mbuf *packet;
	unsigned n;

	ops = *s->net->config.ops;
	ops.hand_on = hand_on;
	s->net->config.ops = &ops;
	send_udp(s, u, 7000);
	zl_udp_close(s->net, u);
	assert_int_equal(zl_udp_elsewhere(s->net, &(struct zl_endpoint_addr){0, PORT}, 1, &there),
			 0);
	n = s->sent_n;
	for (unsigned i = 0; i < n; i++)
		give(s, s->sent[i]);
	assert_int_equal(s->sent_n, n + 1);
	packet = s->sent[--s->sent_n];
	zl_udp_close(s->net, there);
	open_udp(s, 0);
	zl_net_handed_on(s->net, 0, &packet, 1, s->now_ns);
	expect(1, 7000);
}

static void test_a_datagram_of_fragments_to_no_socket_is_unreachable(void **state)
{
	struct station *s = *state;
	struct zl_udp *u = open_udp(s, 0);

	send_udp(s, u, 3000);
	zl_udp_close(s->net, u);
	give_all(s, 1);
	station_forget(s);
	zl_net_output(s->net, s->now_ns);
	assert_int_equal(s->sent_n, 1);
	assert_int_equal(s->sent[0]->pkt_len, 14 + 576);
	assert_int_equal(station_count(s, ZL_NET_icmp_tx_port_unreachable), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, station_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_datagrams_of_any_length_go_in_fragments_and_come_back),
		TEST(test_a_port_that_makes_checksums_gets_fragments_with_theirs),
		TEST(test_raw_packets_keep_their_option_in_every_fragment),
		TEST(test_a_datagram_waits_for_its_next_hop_as_one),
		TEST(test_without_buffers_no_fragment_is_sent),
		TEST(test_echoes_may_be_larger_than_the_mtu),
		TEST(test_fragments_that_come_twice_are_dropped_once),
		TEST(test_fragments_that_overlap_or_disagree_drop_the_datagram),
		TEST(test_fragments_that_cannot_be_are_dropped),
		TEST(test_what_nobody_here_has_is_not_held),
		TEST(test_datagrams_are_told_apart_by_all_that_names_them),
		TEST(test_the_end_of_a_datagram_is_behind_all_of_it),
		TEST(test_what_is_missing_for_long_is_told_to_the_sender_if_it_can_be),
		TEST(test_a_source_that_begins_many_loses_its_own_oldest),
		TEST(test_many_sources_lose_the_oldest_of_all),
		TEST(test_fragments_of_a_datagram_and_buffers_in_all_are_bounded),
		TEST(test_a_socket_elsewhere_gets_the_whole_datagram),
		TEST(test_a_datagram_of_fragments_to_no_socket_is_unreachable),
	};

	return cmocka_run_group_tests(tests, eal_group_setup, NULL);
}
