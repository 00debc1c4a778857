/* Ethernet and IPv4 packet by packet. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "dataplane/net/stack.h"
#include "tests/unit/station.h"
#include "tests/unit/tcp_none.h"

#define SEGMENT 26 /* a TCP header and six bytes */

/* A right packet with room for four bytes of options and 20 of padding; returns its length. */
struct packet {
	uint8_t bytes[20 + 4 + SEGMENT + 20];
	unsigned len;
};

static void seal(struct packet *p)
{
	struct rte_ipv4_hdr *ip = (void *)p->bytes;

	ip->hdr_checksum = 0;
	ip->hdr_checksum = (uint16_t)~rte_raw_cksum(ip, rte_ipv4_hdr_len(ip));
}

static struct packet make(unsigned options)
{
	struct packet p = {.len = 20 + options + SEGMENT};
	struct rte_ipv4_hdr *ip = (void *)p.bytes;
	struct rte_tcp_hdr *tcp = (void *)(p.bytes + 20 + options);

	memset(p.bytes + 20, 1, options);
	*ip = (struct rte_ipv4_hdr){.version_ihl = (uint8_t)(0x45 + options / 4),
				    .total_length = rte_cpu_to_be_16((uint16_t)p.len),
				    .time_to_live = 1,
				    .next_proto_id = IPPROTO_TCP,
				    .src_addr = RTE_BE32(PEER_IP),
				    .dst_addr = RTE_BE32(OUR_IP)};
	memcpy(tcp + 1, "sixby", 6);
	/* The pseudo header covers the segment alone, whatever options there are. */
	ip->total_length = RTE_BE16(20 + SEGMENT);
	ip->version_ihl = 0x45;
	tcp->cksum = rte_ipv4_udptcp_cksum(ip, tcp);
	ip->version_ihl = (uint8_t)(0x45 + options / 4);
	ip->total_length = rte_cpu_to_be_16((uint16_t)p.len);
	seal(&p);
	return p;
}

static void input(struct station *s, const struct packet *p, unsigned padding)
{
	station_input(s, &our_mac, &peer_mac, RTE_ETHER_TYPE_IPV4, p->bytes, p->len + padding);
}

static void test_padding_and_options_do_not_reach_tcp(void **state)
{
	struct station *s = *state;
	struct packet plain = make(0), options = make(4);

	for (unsigned padding = 0; padding <= 20; padding++) {
		tcp_seen = (struct tcp_seen){0};
		input(s, &plain, padding);
		assert_int_equal(tcp_seen.len, SEGMENT);
		input(s, &options, padding);
		assert_int_equal(tcp_seen.len, SEGMENT);
		assert_int_equal(tcp_seen.segments, 2);
		assert_int_equal(tcp_seen.src, PEER_IP);
		assert_int_equal(tcp_seen.dst, OUR_IP);
	}
}

static void test_any_flipped_bit_is_noticed(void **state)
{
	struct station *s = *state;

	tcp_seen = (struct tcp_seen){0};
	for (unsigned bit = 0; bit < (20 + SEGMENT) * 8; bit++) {
		struct packet p = make(0);

		p.bytes[bit / 8] ^= 1 << (bit % 8);
		input(s, &p, 0);
	}
	assert_int_equal(tcp_seen.segments, 0);
	assert_int_equal(station_count(s, ZL_NET_tcp_drop_checksum), SEGMENT * 8);
}

static void test_a_verdict_of_the_port_is_trusted_only_if_good(void **state)
{
	struct station *s = *state;
	uint64_t good = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	uint64_t flags[] = {good, RTE_MBUF_F_RX_IP_CKSUM_NONE | RTE_MBUF_F_RX_L4_CKSUM_NONE,
			    RTE_MBUF_F_RX_IP_CKSUM_BAD | RTE_MBUF_F_RX_L4_CKSUM_BAD};

	for (unsigned i = 0; i < RTE_DIM(flags); i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(s->pools.frames);
		struct packet p = make(0);
		struct rte_ether_hdr *eth = (void *)rte_pktmbuf_append(m, sizeof(*eth));

		tcp_seen = (struct tcp_seen){0};
		p.bytes[10] ^= 1;
		p.bytes[40] ^= 1;
		*eth = (struct rte_ether_hdr){.dst_addr = our_mac,
					      .ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4)};
		memcpy(rte_pktmbuf_append(m, (uint16_t)p.len), p.bytes, p.len);
		m->ol_flags = flags[i];
		zl_net_input(s->net, 0, &m, 1, s->now_ns);
		assert_int_equal(tcp_seen.segments, i == 0);
	}
}

/* The packet after one change, sealed again, must be counted under `why` and go no further. */
#define EXPECT_DROP(why, change)                                                                   \
	do {                                                                                       \
		struct packet p = make(0);                                                         \
		struct rte_ipv4_hdr *ip = (void *)p.bytes;                                         \
		uint64_t before = station_count(s, why);                                           \
		change;                                                                            \
		seal(&p);                                                                          \
		input(s, &p, 0);                                                                   \
		assert_int_equal(station_count(s, why), before + 1);                               \
		assert_int_equal(tcp_seen.segments, 0);                                            \
	} while (0)

static void test_impossible_headers_are_dropped_by_reason(void **state)
{
	struct station *s = *state;

	tcp_seen = (struct tcp_seen){0};
	EXPECT_DROP(ZL_NET_ip_drop_header, ip->version_ihl = 0x65);
	EXPECT_DROP(ZL_NET_ip_drop_header, ip->version_ihl = 0x44);
	EXPECT_DROP(ZL_NET_ip_drop_header, ip->total_length = RTE_BE16(19));
	EXPECT_DROP(ZL_NET_ip_drop_header, ip->total_length = RTE_BE16(47));
	EXPECT_DROP(ZL_NET_ip_drop_header, (void)ip; p.len = 19);
	EXPECT_DROP(ZL_NET_ip_drop_ttl, ip->time_to_live = 0);
	EXPECT_DROP(ZL_NET_ip_drop_fragment, ip->fragment_offset = RTE_BE16(0x2000));
	EXPECT_DROP(ZL_NET_ip_drop_fragment, ip->fragment_offset = RTE_BE16(1));
	EXPECT_DROP(ZL_NET_ip_drop_protocol, ip->next_proto_id = 253);
	EXPECT_DROP(ZL_NET_ip_drop_not_ours, ip->dst_addr = RTE_BE32(PEER_IP));
	EXPECT_DROP(ZL_NET_ip_drop_not_ours, ip->dst_addr = 0);
	EXPECT_DROP(ZL_NET_tcp_drop_header, ip->total_length = RTE_BE16(39); p.len = 39);
}

static void test_impossible_sources_are_dropped(void **state)
{
	struct station *s = *state;
	static const uint32_t wrong[] = {0,          0xffffffff, 0x7f000001, 0xe0000001,
					 0xf0000001, OUR_IP,     0x0a0000ff, 0x0a000000};

	tcp_seen = (struct tcp_seen){0};
	for (unsigned i = 0; i < RTE_DIM(wrong); i++)
		EXPECT_DROP(ZL_NET_ip_drop_source, ip->src_addr = rte_cpu_to_be_32(wrong[i]));
}

static void test_ethernet_takes_what_is_ours_or_everybodys(void **state)
{
	struct station *s = *state;
	const struct rte_ether_addr group = {{1, 0, 0x5e, 0, 0, 1}};
	struct packet p = make(0);
	struct rte_mbuf *m = rte_pktmbuf_alloc(s->pools.frames);

	tcp_seen = (struct tcp_seen){0};
	station_input(s, &everybody_mac, &peer_mac, RTE_ETHER_TYPE_IPV4, p.bytes, p.len);
	station_input(s, &group, &peer_mac, RTE_ETHER_TYPE_IPV4, p.bytes, p.len);
	assert_int_equal(tcp_seen.segments, 2);
	station_input(s, &other_mac, &peer_mac, RTE_ETHER_TYPE_IPV4, p.bytes, p.len);
	assert_int_equal(station_count(s, ZL_NET_eth_drop_not_ours), 1);
	station_input(s, &our_mac, &peer_mac, RTE_ETHER_TYPE_IPV6, p.bytes, p.len);
	assert_int_equal(station_count(s, ZL_NET_eth_drop_type), 1);
	rte_pktmbuf_append(m, 13);
	zl_net_input(s->net, 0, &m, 1, s->now_ns);
	assert_int_equal(station_count(s, ZL_NET_eth_drop_short), 1);
	assert_int_equal(tcp_seen.segments, 2);
}

static void test_routes_follow_the_longest_prefix_then_the_gateway(void **state)
{
	struct station *s = *state;
	struct zl_net_port wide = {.mac = other_mac, .ip = 0x0a000101, .prefix_len = 8};
	uint32_t src, hop;
	uint16_t port;

	assert_int_equal(zl_net_port_add(s->net, 3, &wide), 0);
	assert_int_equal(zl_net_port_of(s->net, 0x0a000101), 3);
	assert_int_equal(ipv4_route(s->net, PEER_IP, &port, &src, &hop), 0);
	assert_int_equal(port, 0);
	assert_int_equal(hop, PEER_IP);
	assert_int_equal(ipv4_route(s->net, 0x0a020202, &port, &src, &hop), 0);
	assert_int_equal(port, 3);
	assert_int_equal(src, 0x0a000101);
	assert_int_equal(ipv4_route(s->net, 0x08080808, &port, &src, &hop), 0);
	assert_int_equal(port, 0);
	assert_int_equal(hop, GATEWAY_IP);
	assert_int_equal(ipv4_route(s->net, 0xe0000001, &port, &src, &hop), -ENETUNREACH);
	assert_int_equal(ipv4_route(s->net, 0x0a0000ff, &port, &src, &hop), -ENETUNREACH);
	assert_int_equal(ipv4_route(s->net, OUR_IP, &port, &src, &hop), -ENETUNREACH);
}

/* What the checksum of a TCP segment should be. */
static uint16_t sum_of(const struct rte_ipv4_hdr *ip, const struct rte_tcp_hdr *tcp)
{
	uint8_t copy[SEGMENT];

	memcpy(copy, tcp, sizeof(copy));
	memset(copy + offsetof(struct rte_tcp_hdr, cksum), 0, 2);
	return rte_ipv4_udptcp_cksum(ip, copy);
}

/* Sends a TCP segment and returns the frame. */
static struct rte_mbuf *output(struct station *s)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(s->pools.frames);

	memset(rte_pktmbuf_append(m, SEGMENT), 0, SEGMENT);
	memcpy(rte_pktmbuf_mtod_offset(m, void *, 20), "sixby", 6);
	station_forget(s);
	assert_int_equal(ipv4_output(s->net, m, OUR_IP, PEER_IP, IPPROTO_TCP), 0);
	zl_net_output(s->net, s->now_ns);
	assert_int_equal(s->sent_n, 1);
	return s->sent[0];
}

static void test_checksums_are_completed_here_or_left_to_the_port(void **state)
{
	struct station *s = *state;
	struct rte_ipv4_hdr *ip;
	struct rte_tcp_hdr *tcp;
	struct rte_mbuf *m;

	zl_net_neighbor_set(s->net, 0, PEER_IP, &peer_mac, s->now_ns);
	m = output(s);
	ip = rte_pktmbuf_mtod_offset(m, void *, 14);
	tcp = (void *)(ip + 1);
	assert_int_equal(rte_raw_cksum(ip, 20), 0xffff);
	assert_int_equal(sum_of(ip, tcp), tcp->cksum);
	assert_int_equal(rte_be_to_cpu_16(ip->total_length), 20 + SEGMENT);
	assert_int_equal(m->ol_flags, 0);

	s->net->port[0].tx_offload = RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM;
	m = output(s);
	ip = rte_pktmbuf_mtod_offset(m, void *, 14);
	tcp = (void *)(ip + 1);
	assert_int_equal(ip->hdr_checksum, 0);
	assert_int_equal(tcp->cksum, rte_ipv4_phdr_cksum(ip, 0));
	assert_true(m->ol_flags ==
		    (RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_CKSUM));
	assert_int_equal(m->l2_len, 14);
	assert_int_equal(m->l3_len, 20);
}

static void test_without_a_route_the_packet_is_freed_and_counted(void **state)
{
	struct station *s = *state;

	assert_int_equal(
		ipv4_output(s->net, rte_pktmbuf_alloc(s->pools.frames), OUR_IP, 0xe0000001, 253),
		-ENETUNREACH);
	assert_int_equal(station_count(s, ZL_NET_ip_drop_no_route), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, station_setup, station_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_padding_and_options_do_not_reach_tcp),
		TEST(test_any_flipped_bit_is_noticed),
		TEST(test_a_verdict_of_the_port_is_trusted_only_if_good),
		TEST(test_impossible_headers_are_dropped_by_reason),
		TEST(test_impossible_sources_are_dropped),
		TEST(test_ethernet_takes_what_is_ours_or_everybodys),
		TEST(test_routes_follow_the_longest_prefix_then_the_gateway),
		TEST(test_checksums_are_completed_here_or_left_to_the_port),
		TEST(test_without_a_route_the_packet_is_freed_and_counted),
	};

	return cmocka_run_group_tests(tests, eal_group_setup, NULL);
}
