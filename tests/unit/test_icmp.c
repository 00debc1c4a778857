/* ICMP packet by packet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <rte_ip.h>

#include "tests/unit/station.h"
#include "tests/unit/tcp_none.h"

static void finish(uint8_t *icmp, unsigned n)
{
	uint16_t sum;

	memset(icmp + 2, 0, 2);
	sum = (uint16_t)~rte_raw_cksum(icmp, n);
	memcpy(icmp + 2, &sum, 2);
}

static void test_echo_comes_back_with_its_payload(void **state)
{
	struct station *s = *state;

	zl_net_neighbor_set(s->net, 0, PEER_IP, &peer_mac, s->now_ns);
	for (unsigned n = 8; n <= 1480; n += 23) {
		uint8_t icmp[1480] = {8, 0, 0, 0, 0x12, 0x34, 0, 7};
		const struct rte_ipv4_hdr *ip;
		const uint8_t *reply;

		for (unsigned i = 8; i < n; i++)
			icmp[i] = (uint8_t)(i * n);
		finish(icmp, n);
		station_ip(s, PEER_IP, OUR_IP, IPPROTO_ICMP, icmp, n);
		assert_int_equal(s->sent_n, 1);
		assert_int_equal(s->sent[0]->pkt_len, 34 + n);
		ip = rte_pktmbuf_mtod_offset(s->sent[0], void *, 14);
		reply = (const uint8_t *)(ip + 1);
		assert_int_equal(rte_raw_cksum(ip, 20), 0xffff);
		assert_int_equal(rte_be_to_cpu_32(ip->src_addr), OUR_IP);
		assert_int_equal(rte_be_to_cpu_32(ip->dst_addr), PEER_IP);
		assert_int_equal(rte_raw_cksum(reply, n), 0xffff);
		assert_int_equal(reply[0], 0);
		assert_memory_equal(reply + 4, icmp + 4, n - 4);
		station_forget(s);
	}
	assert_int_equal(station_count(s, ZL_NET_icmp_rx_echo),
			 station_count(s, ZL_NET_icmp_tx_echo_reply));
}

static void test_a_bad_checksum_or_type_is_dropped(void **state)
{
	struct station *s = *state;
	uint8_t icmp[8] = {8};

	finish(icmp, 8);
	icmp[5] ^= 1;
	station_ip(s, PEER_IP, OUR_IP, IPPROTO_ICMP, icmp, 8);
	station_ip(s, PEER_IP, OUR_IP, IPPROTO_ICMP, icmp, 7);
	icmp[0] = 13;
	finish(icmp, 8);
	station_ip(s, PEER_IP, OUR_IP, IPPROTO_ICMP, icmp, 8);
	assert_int_equal(station_count(s, ZL_NET_icmp_drop), 3);
	assert_int_equal(s->sent_n, 0);
}

/* Destination unreachable that quotes a segment from `src` port 5555 to PEER_IP port 40000. */
static void unreachable(struct station *s, uint8_t code, uint32_t src, unsigned n)
{
	uint8_t icmp[36] = {3, code};
	struct rte_ipv4_hdr ip = {.version_ihl = RTE_IPV4_VHL_DEF,
				  .next_proto_id = IPPROTO_TCP,
				  .src_addr = rte_cpu_to_be_32(src),
				  .dst_addr = RTE_BE32(PEER_IP)};

	memcpy(icmp + 8, &ip, sizeof(ip));
	memcpy(icmp + 28, (uint8_t[]){5555 >> 8, 5555 & 255, 40000 >> 8, 40000 & 255}, 4);
	finish(icmp, n);
	station_ip(s, GATEWAY_IP, OUR_IP, IPPROTO_ICMP, icmp, n);
}

static void test_unreachable_reaches_tcp_hard_only_for_port_and_protocol(void **state)
{
	struct station *s = *state;

	for (uint8_t code = 0; code < 16; code++) {
		tcp_seen = (struct tcp_seen){0};
		unreachable(s, code, OUR_IP, 36);
		assert_int_equal(tcp_seen.unreachables, 1);
		assert_int_equal(tcp_seen.hard, code == 2 || code == 3);
		assert_int_equal(tcp_seen.local.ip, OUR_IP);
		assert_int_equal(tcp_seen.local.port, 5555);
		assert_int_equal(tcp_seen.remote.ip, PEER_IP);
		assert_int_equal(tcp_seen.remote.port, 40000);
	}
	assert_int_equal(station_count(s, ZL_NET_icmp_rx_unreachable), 16);
}

static void test_unreachable_of_no_flow_of_ours_is_dropped(void **state)
{
	struct station *s = *state;

	tcp_seen = (struct tcp_seen){0};
	unreachable(s, 3, PEER_IP, 36);
	for (unsigned n = 8; n < 36; n++)
		unreachable(s, 3, OUR_IP, n);
	assert_int_equal(tcp_seen.unreachables, 0);
	assert_int_equal(station_count(s, ZL_NET_icmp_drop), 29);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, station_setup, station_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_echo_comes_back_with_its_payload),
		TEST(test_a_bad_checksum_or_type_is_dropped),
		TEST(test_unreachable_reaches_tcp_hard_only_for_port_and_protocol),
		TEST(test_unreachable_of_no_flow_of_ours_is_dropped),
	};

	return cmocka_run_group_tests(tests, eal_group_setup, NULL);
}
