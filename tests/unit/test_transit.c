/* Packets that are passed on, one by one: what is looked at, what else happens to it, and how it
 * leaves. */
#include "dataplane/net/transit.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <rte_ip.h>

#include "dataplane/net/igmp.h"
#include "dataplane/net/raw.h"
#include "tests/unit/station.h"

#define PGM       113
#define GROUP     0xefc00901u /* 239.192.9.1 */
#define SOURCE_IP 0x0a010007u /* of another network */
#define OTHER_IP  0x0a0000c8u /* a host beside us */

static struct {
	unsigned packets, len;
	uint8_t bytes[1500];
	struct zl_transit how;
	bool takes;
} seen;
static unsigned at_socket;

static bool look(void *owner, struct rte_mbuf *m, const struct zl_transit *in)
{
	assert_ptr_equal(owner, &seen);
	seen.packets++;
	seen.len = m->pkt_len;
	rte_memcpy(seen.bytes, rte_pktmbuf_mtod(m, void *), m->data_len);
	seen.how = *in;
	return seen.takes;
}

static void at_the_socket(void *owner, struct rte_mbuf *m, uint32_t remote, uint32_t local)
{
	(void)owner;
	assert_int_equal(remote, SOURCE_IP);
	assert_int_equal(local, GROUP);
	assert_int_equal(m->pkt_len, 5);
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), "hello", 5);
	at_socket++;
	rte_pktmbuf_free(m);
}

static int setup(void **state)
{
	int rc = station_setup(state);
	const struct station *s = *state;

	memset(&seen, 0, sizeof(seen));
	seen.takes = true;
	at_socket = 0;
	zl_transit_open(s->net, PGM, 1, look, &seen);
	return rc;
}

/* To ourselves by MAC address: what the port lets in is not the matter here. */
static void give(struct station *s, uint32_t src, uint32_t dst, uint8_t proto, uint16_t fragment)
{
	struct rte_ipv4_hdr ip = {.version_ihl = RTE_IPV4_VHL_DEF,
				  .total_length = rte_cpu_to_be_16(sizeof(ip) + 5),
				  .fragment_offset = rte_cpu_to_be_16(fragment),
				  .time_to_live = 9,
				  .next_proto_id = proto,
				  .src_addr = rte_cpu_to_be_32(src),
				  .dst_addr = rte_cpu_to_be_32(dst)};
	uint8_t packet[60] = {0}; /* padded, as Ethernet has it */

	ip.hdr_checksum = rte_ipv4_cksum(&ip);
	memcpy(packet, &ip, sizeof(ip));
	memcpy(packet + sizeof(ip), "hello", 5);
	station_input(s, &our_mac, &peer_mac, RTE_ETHER_TYPE_IPV4, packet, sizeof(packet));
}

static void test_what_is_for_others_is_looked_at_and_goes_no_further(void **state)
{
	static const uint32_t to[] = {GROUP, OTHER_IP, OUR_IP};
	struct station *s = *state;

	for (unsigned i = 0; i < 3; i++) {
		give(s, SOURCE_IP, to[i], PGM, 0);
		assert_int_equal(seen.packets, i + 1);
		assert_int_equal(seen.len, 5); /* no padding */
		assert_memory_equal(seen.bytes, "hello", 5);
		assert_int_equal(seen.how.port, 0);
		assert_int_equal(seen.how.ttl, 9);
		assert_int_equal(seen.how.src, SOURCE_IP);
		assert_int_equal(seen.how.dst, to[i]);
	}
	assert_int_equal(station_count(s, ZL_NET_transit_rx_packets), 3);
	assert_int_equal(station_count(s, ZL_NET_ip_drop_group), 0);
	assert_int_equal(station_count(s, ZL_NET_ip_drop_not_ours), 0);
	assert_int_equal(station_count(s, ZL_NET_ip_drop_protocol), 0);
}

static void test_a_socket_of_the_group_has_it_too(void **state)
{
	struct station *s = *state;
	struct zl_raw *r;

	assert_int_equal(zl_group_join(s->net, 0, GROUP, false, s->now_ns), 0);
	assert_int_equal(zl_raw_open(s->net, PGM, GROUP, at_the_socket, NULL, &r), 0);
	give(s, SOURCE_IP, GROUP, PGM, 0);
	assert_int_equal(seen.packets, 1);
	assert_int_equal(at_socket, 1);
	zl_raw_close(s->net, r);
}

static void test_what_nobody_takes_is_dropped_for_its_reason(void **state)
{
	struct station *s = *state;

	seen.takes = false;
	give(s, SOURCE_IP, GROUP, PGM, 0);
	assert_int_equal(station_count(s, ZL_NET_ip_drop_group), 1);
	give(s, SOURCE_IP, OTHER_IP, PGM, 0);
	assert_int_equal(station_count(s, ZL_NET_ip_drop_not_ours), 1);
	give(s, SOURCE_IP, OUR_IP, PGM, 0);
	assert_int_equal(station_count(s, ZL_NET_ip_drop_protocol), 1);
	assert_int_equal(seen.packets, 3);
}

static void test_other_protocols_fragments_and_false_sources_are_not_passed_on(void **state)
{
	static const uint32_t wrong[] = {OUR_IP, 0x0a0000ff, 0x7f000001, GROUP, 0};
	struct station *s = *state;

	give(s, SOURCE_IP, OTHER_IP, PGM + 1, 0);
	give(s, SOURCE_IP, GROUP, PGM, RTE_IPV4_HDR_MF_FLAG);
	give(s, SOURCE_IP, GROUP, PGM, 3);
	for (unsigned i = 0; i < RTE_DIM(wrong); i++)
		give(s, wrong[i], GROUP, PGM, 0);
	assert_int_equal(seen.packets, 0);
	assert_int_equal(station_count(s, ZL_NET_ip_drop_source), RTE_DIM(wrong));
	assert_int_equal(station_count(s, ZL_NET_transit_rx_packets), 0);
}

static void test_other_ports_pass_nothing_on(void **state)
{
	struct station *s = *state;

	zl_transit_open(s->net, PGM, 2, look, &seen);
	give(s, SOURCE_IP, GROUP, PGM, 0);
	assert_int_equal(seen.packets, 0);
	assert_int_equal(station_count(s, ZL_NET_ip_drop_group), 1);
}

static struct rte_mbuf *payload(struct station *s)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(s->pools.frames);

	memcpy(rte_pktmbuf_append(m, 5), "hello", 5);
	return m;
}

static void send_from(struct station *s, uint32_t dst, uint8_t ttl, bool alert, int expect)
{
	const struct zl_transit out = {.ttl = ttl, .src = SOURCE_IP, .dst = dst};

	assert_int_equal(zl_transit_send(s->net, payload(s), &out, alert), expect);
	zl_net_output(s->net, s->now_ns);
}

/* The packet that was sent last, behind its Ethernet header. */
static const struct rte_ipv4_hdr *sent_ip(const struct station *s)
{
	return rte_pktmbuf_mtod_offset(s->sent[s->sent_n - 1], const struct rte_ipv4_hdr *,
				       sizeof(struct rte_ether_hdr));
}

static void test_it_leaves_with_the_address_of_who_sent_it(void **state)
{
	struct station *s = *state;
	const struct rte_ipv4_hdr *ip;

	for (unsigned alert = 0; alert < 2; alert++) {
		station_forget(s);
		send_from(s, GROUP, 8, alert, 0);
		assert_int_equal(s->sent_n, 1);
		ip = sent_ip(s);
		assert_int_equal(rte_be_to_cpu_32(ip->src_addr), SOURCE_IP);
		assert_int_equal(rte_be_to_cpu_32(ip->dst_addr), GROUP);
		assert_int_equal(ip->time_to_live, 8);
		assert_int_equal(ip->next_proto_id, PGM);
		assert_int_equal(rte_ipv4_hdr_len(ip), alert ? 24 : 20);
		assert_int_equal(rte_raw_cksum(ip, rte_ipv4_hdr_len(ip)), 0xffff);
		assert_memory_equal((const uint8_t *)ip + rte_ipv4_hdr_len(ip), "hello", 5);
	}
	assert_int_equal(station_count(s, ZL_NET_transit_tx_packets), 2);
}

static void test_a_host_is_sent_to_by_its_route(void **state)
{
	struct station *s = *state;

	station_arp(s, &our_mac, 2, &peer_mac, PEER_IP, &our_mac, OUR_IP);
	station_forget(s);
	send_from(s, PEER_IP, 64, false, 0);
	assert_int_equal(s->sent_n, 1);
	assert_int_equal(rte_be_to_cpu_32(sent_ip(s)->src_addr), SOURCE_IP);
	assert_int_equal(rte_be_to_cpu_32(sent_ip(s)->dst_addr), PEER_IP);
	send_from(s, 0x0a0000ff, 64, false, -ENETUNREACH);
	assert_int_equal(station_count(s, ZL_NET_ip_drop_no_route), 1);
}

static void test_what_has_come_far_enough_is_dropped(void **state)
{
	struct station *s = *state;

	station_forget(s);
	send_from(s, GROUP, 0, false, 0);
	assert_int_equal(s->sent_n, 0);
	assert_int_equal(station_count(s, ZL_NET_ip_drop_ttl), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, station_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_is_for_others_is_looked_at_and_goes_no_further),
		TEST(test_a_socket_of_the_group_has_it_too),
		TEST(test_what_nobody_takes_is_dropped_for_its_reason),
		TEST(test_other_protocols_fragments_and_false_sources_are_not_passed_on),
		TEST(test_other_ports_pass_nothing_on),
		TEST(test_it_leaves_with_the_address_of_who_sent_it),
		TEST(test_a_host_is_sent_to_by_its_route),
		TEST(test_what_has_come_far_enough_is_dropped),
	};

	return cmocka_run_group_tests(tests, eal_group_setup, NULL);
}
