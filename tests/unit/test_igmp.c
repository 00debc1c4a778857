/* IGMP packet by packet, and what comes and goes to groups. */
#include "dataplane/net/igmp.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "dataplane/net/stack.h"
#include "dataplane/net/udp.h"
#include "tests/unit/station.h"

#define GROUP       0xef810203u /* 239.129.2.3, whose MAC address is that of 239.1.2.3 */
#define OTHER       0xef000001u
#define ALL_HOSTS   0xe0000001u
#define ALL_ROUTERS 0xe0000002u
#define V3_ROUTERS  0xe0000016u

#define IS_INCLUDE 1
#define IS_EXCLUDE 2
#define TO_INCLUDE 3
#define TO_EXCLUDE 4

static uint64_t drawn; /* what the stack gets for random bits */

static uint64_t draw(void *ctx)
{
	(void)ctx;
	return drawn;
}

static struct zl_net_ops ops;

static int setup(void **state)
{
	struct station *s;

	station_setup(state);
	s = *state;
	ops = *s->net->config.ops;
	ops.random = draw;
	s->net->config.ops = &ops;
	drawn = SECOND / 2;
	return 0;
}

/* The IGMP message that was sent, alone, to `to`; checks all around it. */
static const uint8_t *sent(struct station *s, uint32_t to, unsigned len)
{
	const struct rte_ether_hdr *eth;
	const struct rte_ipv4_hdr *ip;
	const uint8_t *igmp;

	assert_int_equal(s->sent_n, 1);
	eth = rte_pktmbuf_mtod(s->sent[0], void *);
	ip = (const void *)(eth + 1);
	igmp = (const uint8_t *)(ip + 1) + 4;
	assert_int_equal(s->sent[0]->pkt_len, 14 + 24 + len);
	assert_memory_equal(eth->dst_addr.addr_bytes, ((uint8_t[]){1, 0, 0x5e}), 3);
	assert_int_equal(eth->dst_addr.addr_bytes[3], to >> 16 & 0x7f);
	assert_int_equal(eth->dst_addr.addr_bytes[4], to >> 8 & 0xff);
	assert_int_equal(eth->dst_addr.addr_bytes[5], to & 0xff);
	assert_int_equal(ip->version_ihl, 0x46);
	assert_int_equal(rte_raw_cksum(ip, 24), 0xffff);
	assert_memory_equal(ip + 1, ((uint8_t[]){0x94, 4, 0, 0}), 4);
	assert_int_equal(ip->time_to_live, 1);
	assert_int_equal(ip->type_of_service, 0xc0);
	assert_int_equal(rte_be_to_cpu_32(ip->src_addr), OUR_IP);
	assert_int_equal(rte_be_to_cpu_32(ip->dst_addr), to);
	assert_int_equal(rte_raw_cksum(igmp, len), 0xffff);
	return igmp;
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* One report of version 3 with one record, which is forgotten. */
static void expect_record(struct station *s, uint8_t type, uint32_t group, unsigned sources)
{
	const uint8_t *igmp = sent(s, V3_ROUTERS, 16 + 4 * sources);

	assert_int_equal(igmp[0], 0x22);
	assert_int_equal(be32(igmp + 4), 1);
	assert_int_equal(igmp[8], type);
	assert_int_equal(igmp[9], 0);
	assert_int_equal(igmp[10] << 8 | igmp[11], sources);
	assert_int_equal(be32(igmp + 12), group);
	for (unsigned i = 0; i < sources; i++)
		assert_int_equal(be32(igmp + 16 + 4 * i), PEER_IP + i);
	station_forget(s);
}

static void expect_old(struct station *s, uint8_t type, uint32_t to, uint32_t group)
{
	const uint8_t *igmp = sent(s, to, 8);

	assert_int_equal(igmp[0], type);
	assert_int_equal(igmp[1], 0);
	assert_int_equal(be32(igmp + 4), group);
	station_forget(s);
}

static void expect_nothing(struct station *s, uint64_t ns)
{
	station_advance(s, ns);
	assert_int_equal(s->sent_n, 0);
}

static void join(struct station *s, uint32_t group)
{
	assert_int_equal(zl_group_join(s->net, 0, group, true, s->now_ns), 0);
	zl_net_output(s->net, s->now_ns);
}

static void leave(struct station *s, uint32_t group)
{
	zl_group_leave(s->net, 0, group, s->now_ns);
	zl_net_output(s->net, s->now_ns);
}

/* Joined, and nothing more to say about that. */
static void be_in(struct station *s, uint32_t group)
{
	join(s, group);
	station_advance(s, 60 * SECOND);
	station_forget(s);
}

static void seal(uint8_t *igmp, unsigned n)
{
	uint16_t sum;

	memset(igmp + 2, 0, 2);
	sum = (uint16_t)~rte_raw_cksum(igmp, n);
	memcpy(igmp + 2, &sum, 2);
}

static void put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* A query of version 3 with robustness 2 and an interval of 125 s. */
static void query(struct station *s, uint8_t code, uint32_t group, unsigned sources)
{
	uint8_t igmp[12 + 4 * 32] = {0x11, code, [8] = 2, [9] = 125, [11] = (uint8_t)sources};

	put32(igmp + 4, group);
	for (unsigned i = 0; i < sources; i++)
		put32(igmp + 12 + 4 * i, PEER_IP + i);
	seal(igmp, 12 + 4 * sources);
	station_ip(s, PEER_IP, group ? group : ALL_HOSTS, IPPROTO_IGMP, igmp, 12 + 4 * sources);
}

static void old_message(struct station *s, uint8_t type, uint8_t code, uint32_t group)
{
	uint8_t igmp[8] = {type, code};

	put32(igmp + 4, group);
	seal(igmp, 8);
	station_ip(s, PEER_IP, group ? group : ALL_HOSTS, IPPROTO_IGMP, igmp, 8);
}

static void test_joins_and_leaves_are_said_twice(void **state)
{
	struct station *s = *state;

	join(s, GROUP);
	expect_record(s, TO_EXCLUDE, GROUP, 0);
	expect_nothing(s, SECOND / 2);
	station_advance(s, 1000000);
	expect_record(s, TO_EXCLUDE, GROUP, 0);
	expect_nothing(s, 100 * SECOND);
	join(s, GROUP);
	leave(s, GROUP);
	expect_nothing(s, 100 * SECOND);
	leave(s, GROUP);
	expect_record(s, TO_INCLUDE, GROUP, 0);
	station_advance(s, SECOND);
	expect_record(s, TO_INCLUDE, GROUP, 0);
	expect_nothing(s, 100 * SECOND);
	assert_int_equal(station_count(s, ZL_NET_igmp_tx_reports), 4);
}

static void test_a_join_while_a_leave_is_said_goes_before_it(void **state)
{
	struct station *s = *state;

	be_in(s, GROUP);
	leave(s, GROUP);
	expect_record(s, TO_INCLUDE, GROUP, 0);
	join(s, GROUP);
	expect_record(s, TO_EXCLUDE, GROUP, 0);
	station_advance(s, SECOND);
	expect_record(s, TO_EXCLUDE, GROUP, 0);
	expect_nothing(s, 100 * SECOND);
}

static void test_bad_joins_are_refused_and_places_come_back(void **state)
{
	struct station *s = *state;

	assert_int_equal(zl_group_join(s->net, 0, PEER_IP, true, s->now_ns), -EINVAL);
	assert_int_equal(zl_group_join(s->net, 3, GROUP, true, s->now_ns), -ENODEV);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < ZL_GROUPS_MAX; i++)
			assert_int_equal(zl_group_join(s->net, 0, GROUP + i, false, s->now_ns), 0);
		assert_int_equal(zl_group_join(s->net, 0, OTHER, false, s->now_ns), -ENOSPC);
		for (unsigned i = 0; i < ZL_GROUPS_MAX; i++)
			zl_group_leave(s->net, 0, GROUP + i, s->now_ns);
	}
	query(s, 100, 0, 0);
	expect_nothing(s, 100 * SECOND);
	assert_int_equal(zl_group_join(s->net, 0, ALL_HOSTS, true, s->now_ns), 0);
	expect_nothing(s, 100 * SECOND);
}

static void test_a_general_query_is_answered_for_all_groups_within_its_time(void **state)
{
	struct station *s = *state;
	const uint8_t *igmp;

	be_in(s, GROUP);
	be_in(s, OTHER);
	drawn = UINT64_C(9999999999); /* the last moment of ten seconds */
	query(s, 100, 0, 0);
	expect_nothing(s, 9900000000);
	station_advance(s, 100000000 + 65536);
	igmp = sent(s, V3_ROUTERS, 24);
	assert_int_equal(be32(igmp + 4), 2);
	assert_int_equal(igmp[8], IS_EXCLUDE);
	assert_int_equal(igmp[16], IS_EXCLUDE);
	assert_true(be32(igmp + 12) + be32(igmp + 20) == GROUP + OTHER);
	station_forget(s);
	expect_nothing(s, 100 * SECOND);

	/* A code of 128 and more is a floating number: 0x8f is 31 << 3 tenths of a second. */
	drawn = 24799999999;
	query(s, 0x8f, 0, 0);
	expect_nothing(s, 24700000000);
	station_advance(s, SECOND);
	assert_int_equal(s->sent_n, 1);
}

static void test_many_groups_take_several_reports(void **state)
{
	struct station *s = *state;
	unsigned records = 0;

	for (unsigned i = 0; i < 200; i++) {
		join(s, GROUP + i);
		station_advance(s, SECOND / 100);
		station_forget(s);
	}
	for (unsigned i = 0; i < 200; i++) {
		station_advance(s, SECOND / 100);
		station_forget(s);
	}
	query(s, 1, 0, 0);
	station_advance(s, SECOND);
	assert_int_equal(s->sent_n, 4);
	for (unsigned i = 0; i < 4; i++) {
		const uint8_t *igmp = rte_pktmbuf_mtod_offset(s->sent[i], void *, 14 + 24);

		records += be32(igmp + 4);
		assert_int_equal(s->sent[i]->pkt_len, 14 + 24 + 8 + 8 * be32(igmp + 4));
	}
	assert_int_equal(records, 200);
}

static void test_group_and_source_queries_are_answered_for_what_they_ask(void **state)
{
	struct station *s = *state;

	be_in(s, GROUP);
	be_in(s, OTHER);
	query(s, 10, GROUP, 0);
	station_advance(s, SECOND);
	expect_record(s, IS_EXCLUDE, GROUP, 0);
	query(s, 10, GROUP, 3);
	station_advance(s, SECOND);
	expect_record(s, IS_INCLUDE, GROUP, 3);
	query(s, 10, GROUP, 17);
	station_advance(s, SECOND);
	expect_record(s, IS_EXCLUDE, GROUP, 0);
	/* Asked twice before the answer: for the whole group if either was. */
	query(s, 10, GROUP, 0);
	query(s, 10, GROUP, 3);
	station_advance(s, SECOND);
	expect_record(s, IS_EXCLUDE, GROUP, 0);
	query(s, 10, GROUP, 3);
	query(s, 10, GROUP, 0);
	station_advance(s, SECOND);
	expect_record(s, IS_EXCLUDE, GROUP, 0);
	expect_nothing(s, 100 * SECOND);
}

static void test_an_older_querier_is_answered_in_its_version_until_it_is_gone(void **state)
{
	struct station *s = *state;

	be_in(s, GROUP);
	old_message(s, 0x11, 10, 0);
	station_advance(s, SECOND);
	expect_old(s, 0x16, GROUP, GROUP);
	join(s, OTHER);
	expect_old(s, 0x16, OTHER, OTHER);
	station_advance(s, 10 * SECOND);
	expect_old(s, 0x16, OTHER, OTHER);
	leave(s, OTHER);
	expect_old(s, 0x17, ALL_ROUTERS, OTHER);
	expect_nothing(s, 20 * SECOND);
	/* Another host was faster. */
	old_message(s, 0x11, 10, GROUP);
	old_message(s, 0x16, 0, GROUP);
	expect_nothing(s, 2 * SECOND);
	/* Version 1 has no leave. */
	old_message(s, 0x11, 0, 0);
	station_advance(s, 10 * SECOND);
	expect_old(s, 0x12, GROUP, GROUP);
	/* Twice 125 seconds and its response time later they are forgotten. */
	station_advance(s, 251 * SECOND);
	assert_int_equal(s->sent_n, 0);
	query(s, 10, 0, 0);
	station_advance(s, SECOND);
	expect_record(s, IS_EXCLUDE, GROUP, 0);
}

static void test_malformed_messages_are_dropped(void **state)
{
	struct station *s = *state;
	uint8_t igmp[16] = {0x11, 10, [8] = 2, [9] = 125};

	be_in(s, GROUP);
	for (unsigned n = 0; n < 12; n++) {
		seal(igmp, n > 4 ? n : 4);
		if (n != 8)
			station_ip(s, PEER_IP, ALL_HOSTS, IPPROTO_IGMP, igmp, n);
	}
	igmp[11] = 2; /* sources, of which there is one */
	seal(igmp, 16);
	station_ip(s, PEER_IP, ALL_HOSTS, IPPROTO_IGMP, igmp, 16);
	igmp[11] = 1;
	station_ip(s, PEER_IP, ALL_HOSTS, IPPROTO_IGMP, igmp, 16); /* checksum */
	igmp[0] = 0x13;
	seal(igmp, 16);
	station_ip(s, PEER_IP, ALL_HOSTS, IPPROTO_IGMP, igmp, 16);
	assert_int_equal(station_count(s, ZL_NET_igmp_drop), 14);
	expect_nothing(s, 100 * SECOND);
}

static unsigned datagrams;

static void receive(void *owner, struct rte_mbuf *m, const struct zl_endpoint_addr *remote,
		    const struct zl_endpoint_addr *local)
{
	(void)owner;
	(void)remote;
	assert_int_equal(local->ip, GROUP);
	assert_int_equal(m->pkt_len, 2);
	rte_pktmbuf_free(m);
	datagrams++;
}

static void test_datagrams_come_from_joined_groups_only(void **state)
{
	struct station *s = *state;
	uint8_t l4[10] = {1, 1, 5555 >> 8, 5555 & 255, 0, 10, 0, 0, 'h', 'i'};
	struct zl_udp *any, *group;

	assert_int_equal(
		zl_udp_open(s->net, &(struct zl_endpoint_addr){GROUP, 5555}, receive, NULL, &group),
		0);
	assert_int_equal(
		zl_udp_open(s->net, &(struct zl_endpoint_addr){0, 5555}, receive, NULL, &any), 0);
	station_ip(s, PEER_IP, GROUP, IPPROTO_UDP, l4, sizeof(l4));
	assert_int_equal(station_count(s, ZL_NET_ip_drop_group), 1);
	be_in(s, GROUP);
	station_ip(s, PEER_IP, GROUP, IPPROTO_UDP, l4, sizeof(l4));
	assert_int_equal(datagrams, 1);
	zl_udp_close(s->net, group);
	station_ip(s, PEER_IP, GROUP, IPPROTO_UDP, l4, sizeof(l4));
	assert_int_equal(station_count(s, ZL_NET_udp_drop_no_socket), 1);
	station_ip(s, PEER_IP, GROUP, IPPROTO_TCP, l4, sizeof(l4));
	leave(s, GROUP);
	station_forget(s);
	station_ip(s, PEER_IP, GROUP, IPPROTO_UDP, l4, sizeof(l4));
	assert_int_equal(station_count(s, ZL_NET_ip_drop_group), 3);
	assert_int_equal(datagrams, 1);
	assert_int_equal(s->sent_n, 0);
}

static void test_a_datagram_to_a_group_needs_no_arp(void **state)
{
	struct station *s = *state;
	struct rte_mbuf *m = rte_pktmbuf_alloc(s->pools.frames);
	struct zl_endpoint_addr to = {GROUP, 5555};
	const struct rte_ether_hdr *eth;
	const struct rte_ipv4_hdr *ip;
	struct zl_udp *u;
	uint32_t sum;

	assert_int_equal(
		zl_udp_open(s->net, &(struct zl_endpoint_addr){0, 40000}, receive, NULL, &u), 0);
	memcpy(rte_pktmbuf_append(m, 2), "hi", 2);
	assert_int_equal(zl_udp_send_group(s->net, u, m, 0, &to, 7), 0);
	zl_net_output(s->net, s->now_ns);
	assert_int_equal(s->sent_n, 1);
	eth = rte_pktmbuf_mtod(s->sent[0], void *);
	ip = (const void *)(eth + 1);
	assert_memory_equal(eth->dst_addr.addr_bytes, ((uint8_t[]){1, 0, 0x5e, 1, 2, 3}), 6);
	assert_int_equal(ip->version_ihl, 0x45);
	assert_int_equal(ip->time_to_live, 7);
	assert_int_equal(rte_be_to_cpu_32(ip->src_addr), OUR_IP);
	assert_int_equal(rte_be_to_cpu_32(ip->dst_addr), GROUP);
	assert_int_equal(rte_raw_cksum(ip, 20), 0xffff);
	sum = rte_raw_cksum(ip + 1, 10) + rte_ipv4_phdr_cksum(ip, 0);
	assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
	m = rte_pktmbuf_alloc(s->pools.frames);
	memcpy(rte_pktmbuf_append(m, 2), "hi", 2);
	assert_int_equal(zl_udp_send_group_summed(s->net, u, m, 0, &to, 7, 'h' << 8 | 'i'), 0);
	zl_net_output(s->net, s->now_ns);
	assert_int_equal(s->sent_n, 2);
	assert_memory_equal(rte_pktmbuf_mtod_offset(s->sent[1], void *, 34), ip + 1, 10);
	m = rte_pktmbuf_alloc(s->pools.frames);
	assert_int_equal(zl_udp_send_group(s->net, u, m, 5, &to, 1), -ENETUNREACH);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, station_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_joins_and_leaves_are_said_twice),
		TEST(test_a_join_while_a_leave_is_said_goes_before_it),
		TEST(test_bad_joins_are_refused_and_places_come_back),
		TEST(test_a_general_query_is_answered_for_all_groups_within_its_time),
		TEST(test_many_groups_take_several_reports),
		TEST(test_group_and_source_queries_are_answered_for_what_they_ask),
		TEST(test_an_older_querier_is_answered_in_its_version_until_it_is_gone),
		TEST(test_malformed_messages_are_dropped),
		TEST(test_datagrams_come_from_joined_groups_only),
		TEST(test_a_datagram_to_a_group_needs_no_arp),
	};

	return cmocka_run_group_tests(tests, eal_group_setup, NULL);
}
