/* ARP packet by packet, with a clock that stands still until it is moved. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <rte_arp.h>

#include "dataplane/net/stack.h"
#include "tests/unit/station.h"

static const struct rte_ether_addr nobody;

/* Something for the stack to send to ip; `mark` tells it again. */
static void send_to(struct station *s, uint32_t ip, uint8_t mark)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(s->pools.frames);

	*(uint8_t *)rte_pktmbuf_append(m, 1) = mark;
	ipv4_output(s->net, m, OUR_IP, ip, 253);
	zl_net_output(s->net, s->now_ns);
}

static void expect_arp(const struct rte_mbuf *m, uint16_t op, const struct rte_ether_addr *to,
		       uint32_t tip)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, void *);
	const struct rte_arp_hdr *arp = (const void *)(eth + 1);

	assert_int_equal(m->pkt_len, 42);
	assert_int_equal(rte_be_to_cpu_16(eth->ether_type), RTE_ETHER_TYPE_ARP);
	assert_true(rte_is_same_ether_addr(&eth->dst_addr, to));
	assert_true(rte_is_same_ether_addr(&eth->src_addr, &our_mac));
	assert_int_equal(rte_be_to_cpu_16(arp->arp_opcode), op);
	assert_true(rte_is_same_ether_addr(&arp->arp_data.arp_sha, &our_mac));
	assert_int_equal(rte_be_to_cpu_32(arp->arp_data.arp_sip), OUR_IP);
	assert_int_equal(rte_be_to_cpu_32(arp->arp_data.arp_tip), tip);
}

static void expect_data(const struct rte_mbuf *m, const struct rte_ether_addr *to, uint8_t mark)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, void *);

	assert_int_equal(rte_be_to_cpu_16(eth->ether_type), RTE_ETHER_TYPE_IPV4);
	assert_true(rte_is_same_ether_addr(&eth->dst_addr, to));
	assert_int_equal(*rte_pktmbuf_mtod_offset(m, uint8_t *, 34), mark);
}

static void answer(struct station *s, const struct rte_ether_addr *mac)
{
	station_arp(s, &our_mac, RTE_ARP_OP_REPLY, mac, PEER_IP, &our_mac, OUR_IP);
}

static void test_packets_wait_for_the_answer_the_oldest_giving_way(void **state)
{
	struct station *s = *state;

	for (uint8_t i = 0; i < 10; i++)
		send_to(s, PEER_IP, i);
	assert_int_equal(s->sent_n, 1);
	expect_arp(s->sent[0], RTE_ARP_OP_REQUEST, &everybody_mac, PEER_IP);
	station_forget(s);
	assert_int_equal(station_count(s, ZL_NET_arp_drop_queue_full), 2);
	answer(s, &peer_mac);
	assert_int_equal(s->sent_n, 8);
	for (uint8_t i = 0; i < 8; i++)
		expect_data(s->sent[i], &peer_mac, i + 2);
	assert_int_equal(s->neighbor_calls, 1);
	assert_int_equal(s->neighbor_ip, PEER_IP);
}

static void test_three_requests_a_second_apart_and_then_it_is_unresolved(void **state)
{
	struct station *s = *state;

	send_to(s, PEER_IP, 1);
	send_to(s, PEER_IP, 2);
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(s->sent_n, i);
		station_advance(s, SECOND - SECOND / 100);
		assert_int_equal(s->sent_n, i);
		station_advance(s, SECOND / 50);
	}
	assert_int_equal(s->sent_n, 3);
	assert_int_equal(station_count(s, ZL_NET_arp_drop_unresolved), 2);
	assert_true(zl_net_next_timer(s->net) == UINT64_MAX);
	station_forget(s);
	send_to(s, PEER_IP, 3);
	expect_arp(s->sent[0], RTE_ARP_OP_REQUEST, &everybody_mac, PEER_IP);
}

static void test_beyond_the_subnet_the_gateway_is_asked_for(void **state)
{
	struct station *s = *state;

	send_to(s, 0x08080808, 1);
	expect_arp(s->sent[0], RTE_ARP_OP_REQUEST, &everybody_mac, GATEWAY_IP);
}

static void test_a_used_mapping_is_confirmed_by_unicast_and_serves_meanwhile(void **state)
{
	struct station *s = *state;

	send_to(s, PEER_IP, 1);
	answer(s, &peer_mac);
	station_forget(s);
	station_advance(s, 301 * SECOND);
	assert_int_equal(s->sent_n, 1);
	expect_arp(s->sent[0], RTE_ARP_OP_REQUEST, &peer_mac, PEER_IP);
	send_to(s, PEER_IP, 2);
	expect_data(s->sent[1], &peer_mac, 2);
	answer(s, &peer_mac);
	assert_int_equal(s->neighbor_calls, 2);
	station_forget(s);

	/* Not used again: it goes in silence. */
	station_advance(s, 301 * SECOND);
	assert_int_equal(s->sent_n, 0);
	assert_true(zl_net_next_timer(s->net) == UINT64_MAX);
}

static void test_a_mapping_that_is_not_confirmed_goes_after_three_probes(void **state)
{
	struct station *s = *state;

	send_to(s, PEER_IP, 1);
	answer(s, &peer_mac);
	station_forget(s);
	station_advance(s, 301 * SECOND);
	for (unsigned i = 0; i < 3; i++) {
		expect_arp(s->sent[i], RTE_ARP_OP_REQUEST, &peer_mac, PEER_IP);
		station_advance(s, SECOND + SECOND / 100);
	}
	station_forget(s);
	send_to(s, PEER_IP, 2);
	expect_arp(s->sent[0], RTE_ARP_OP_REQUEST, &everybody_mac, PEER_IP);
}

static void test_a_request_for_us_is_answered_and_learned_from(void **state)
{
	struct station *s = *state;

	station_arp(s, &everybody_mac, RTE_ARP_OP_REQUEST, &peer_mac, PEER_IP, &nobody, OUR_IP);
	assert_int_equal(s->sent_n, 1);
	expect_arp(s->sent[0], RTE_ARP_OP_REPLY, &peer_mac, PEER_IP);
	assert_int_equal(s->neighbor_calls, 1);
	send_to(s, PEER_IP, 1);
	expect_data(s->sent[1], &peer_mac, 1);
}

static void test_requests_for_others_and_announcements_only_update(void **state)
{
	struct station *s = *state;

	station_arp(s, &everybody_mac, RTE_ARP_OP_REQUEST, &peer_mac, PEER_IP, &nobody, PEER_IP);
	station_arp(s, &everybody_mac, RTE_ARP_OP_REQUEST, &peer_mac, PEER_IP, &nobody, 0x0a000009);
	assert_int_equal(s->sent_n, 0);
	assert_int_equal(s->neighbor_calls, 0);
	send_to(s, PEER_IP, 1);
	answer(s, &peer_mac);
	assert_int_equal(s->neighbor_calls, 1);
	station_forget(s);
	station_arp(s, &everybody_mac, RTE_ARP_OP_REQUEST, &other_mac, PEER_IP, &nobody, PEER_IP);
	assert_int_equal(s->neighbor_calls, 2);
	send_to(s, PEER_IP, 2);
	expect_data(s->sent[0], &other_mac, 2);
}

static void test_nothing_is_learned_from_strangers_to_the_subnet(void **state)
{
	struct station *s = *state;

	station_arp(s, &everybody_mac, RTE_ARP_OP_REQUEST, &peer_mac, 0x0b000002, &nobody, OUR_IP);
	station_arp(s, &everybody_mac, RTE_ARP_OP_REQUEST, &peer_mac, 0x0a0000ff, &nobody, OUR_IP);
	assert_int_equal(s->neighbor_calls, 0);
	assert_true(zl_net_next_timer(s->net) == UINT64_MAX);
	station_forget(s);

	/* A probe for our address (RFC 5227) is answered all the same. */
	station_arp(s, &everybody_mac, RTE_ARP_OP_REQUEST, &peer_mac, 0, &nobody, OUR_IP);
	expect_arp(s->sent[0], RTE_ARP_OP_REPLY, &peer_mac, 0);
}

static void test_another_claim_to_our_address_is_counted_and_changes_nothing(void **state)
{
	struct station *s = *state;

	station_arp(s, &everybody_mac, RTE_ARP_OP_REQUEST, &other_mac, OUR_IP, &nobody, OUR_IP);
	assert_int_equal(station_count(s, ZL_NET_arp_conflicts), 1);
	assert_int_equal(s->neighbor_calls, 0);
	assert_int_equal(s->sent_n, 0);
	/* Our own announcement, come back. */
	station_arp(s, &everybody_mac, RTE_ARP_OP_REQUEST, &our_mac, OUR_IP, &nobody, OUR_IP);
	assert_int_equal(station_count(s, ZL_NET_arp_conflicts), 1);
}

static void test_impossible_packets_are_dropped(void **state)
{
	struct station *s = *state;
	uint8_t bytes[28] = {0, 1, 8, 0, 6, 4, 0, 1, 2};

	for (unsigned i = 0; i <= 8; i++) {
		uint8_t wrong[28];

		memcpy(wrong, bytes, sizeof(wrong));
		wrong[i] ^= i == 8 ? 3 : 0x40;
		station_input(s, &everybody_mac, &peer_mac, RTE_ETHER_TYPE_ARP, wrong,
			      sizeof(wrong));
		assert_int_equal(station_count(s, ZL_NET_arp_drop_malformed), i + 1);
	}
	station_input(s, &everybody_mac, &peer_mac, RTE_ETHER_TYPE_ARP, bytes, 27);
	assert_int_equal(station_count(s, ZL_NET_arp_drop_malformed), 10);
}

static void test_what_another_core_learned_is_used_and_not_told_again(void **state)
{
	struct station *s = *state;

	send_to(s, PEER_IP, 1);
	zl_net_neighbor_set(s->net, 0, PEER_IP, &peer_mac, s->now_ns);
	zl_net_output(s->net, s->now_ns);
	expect_data(s->sent[1], &peer_mac, 1);
	assert_int_equal(s->neighbor_calls, 0);
}

static void test_announcing_sends_a_gratuitous_request(void **state)
{
	struct station *s = *state;

	zl_net_announce(s->net, s->now_ns);
	zl_net_output(s->net, s->now_ns);
	expect_arp(s->sent[0], RTE_ARP_OP_REQUEST, &everybody_mac, OUR_IP);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, station_setup, station_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_packets_wait_for_the_answer_the_oldest_giving_way),
		TEST(test_three_requests_a_second_apart_and_then_it_is_unresolved),
		TEST(test_beyond_the_subnet_the_gateway_is_asked_for),
		TEST(test_a_used_mapping_is_confirmed_by_unicast_and_serves_meanwhile),
		TEST(test_a_mapping_that_is_not_confirmed_goes_after_three_probes),
		TEST(test_a_request_for_us_is_answered_and_learned_from),
		TEST(test_requests_for_others_and_announcements_only_update),
		TEST(test_nothing_is_learned_from_strangers_to_the_subnet),
		TEST(test_another_claim_to_our_address_is_counted_and_changes_nothing),
		TEST(test_impossible_packets_are_dropped),
		TEST(test_what_another_core_learned_is_used_and_not_told_again),
		TEST(test_announcing_sends_a_gratuitous_request),
	};

	return cmocka_run_group_tests(tests, eal_group_setup, NULL);
}
