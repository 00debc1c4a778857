/* Raw IP packet by packet. */
#include "dataplane/net/raw.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <rte_ip.h>

#include "dataplane/net/igmp.h"
#include "dataplane/net/stack.h"
#include "tests/unit/station.h"

#define PGM   113
#define GROUP 0xef810203u /* 239.129.2.3, whose MAC address is that of 239.1.2.3 */
#define OTHER 0xef000001u

static struct {
	unsigned packets, len;
	uint8_t bytes[1500];
	uint32_t remote, local;
} got;

static struct {
	unsigned packets, core;
	struct rte_mbuf *last;
} handed;

static void receive(void *owner, struct rte_mbuf *m, uint32_t remote, uint32_t local)
{
	(void)owner;
	got.packets++;
	got.len = m->pkt_len;
	memcpy(got.bytes, rte_pktmbuf_mtod(m, void *), m->data_len);
	got.remote = remote;
	got.local = local;
	rte_pktmbuf_free(m);
}

static struct zl_raw *open_at(struct station *s, uint8_t proto, uint32_t ip)
{
	struct zl_raw *r = NULL;

	got.packets = 0;
	assert_int_equal(zl_raw_open(s->net, proto, ip, receive, NULL, &r), 0);
	return r;
}

static void join(struct station *s, uint32_t group)
{
	assert_int_equal(zl_group_join(s->net, 0, group, false, s->now_ns), 0);
}

static void give(struct station *s, uint32_t dst, uint8_t proto, unsigned n)
{
	uint8_t bytes[1480];

	for (unsigned i = 0; i < n; i++)
		bytes[i] = (uint8_t)(i * 3 + n);
	station_ip(s, PEER_IP, dst, proto, bytes, n);
}

static void test_packets_reach_the_socket_of_their_protocol_and_address(void **state)
{
	struct station *s = *state;

	open_at(s, PGM, 0);
	for (unsigned n = 0; n <= 1480; n += 37) {
		give(s, OUR_IP, PGM, n);
		assert_int_equal(got.len, n);
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(got.bytes[i], (uint8_t)(i * 3 + n));
		assert_int_equal(got.remote, PEER_IP);
		assert_int_equal(got.local, OUR_IP);
	}
	assert_int_equal(station_count(s, ZL_NET_raw_rx_packets), 41);
	assert_int_equal(station_count(s, ZL_NET_raw_rx_bytes), 40 * 41 / 2 * 37);
	give(s, OUR_IP, PGM + 1, 8);
	assert_int_equal(station_count(s, ZL_NET_ip_drop_protocol), 1);
	join(s, GROUP);
	give(s, GROUP, PGM, 8);
	assert_int_equal(station_count(s, ZL_NET_ip_drop_group), 1);
	assert_int_equal(got.packets, 41);
	assert_int_equal(s->sent_n, 0);
}

static void test_the_address_itself_goes_before_any_and_closing_frees_it(void **state)
{
	struct station *s = *state;
	struct zl_raw *any = open_at(s, PGM, 0), *own = open_at(s, PGM, OUR_IP), *out;

	assert_int_equal(zl_raw_open(s->net, PGM, OUR_IP, receive, NULL, &out), -EADDRINUSE);
	zl_raw_close(s->net, any);
	give(s, OUR_IP, PGM, 8);
	assert_int_equal(got.packets, 1);
	zl_raw_close(s->net, own);
	give(s, OUR_IP, PGM, 8);
	assert_int_equal(got.packets, 1);
	assert_int_equal(station_count(s, ZL_NET_ip_drop_protocol), 1);
	own = open_at(s, PGM, OUR_IP);
	give(s, OUR_IP, PGM, 8);
	assert_int_equal(got.packets, 1);
}

static void test_what_cannot_be_opened_says_why(void **state)
{
	static const uint8_t ours[] = {0, IPPROTO_ICMP, IPPROTO_IGMP, IPPROTO_TCP, IPPROTO_UDP};
	struct station *s = *state;
	struct zl_raw *r;
	int rc;

	for (unsigned i = 0; i < RTE_DIM(ours); i++) {
		rc = zl_raw_open(s->net, ours[i], 0, receive, NULL, &r);
		assert_int_equal(rc, -EPROTONOSUPPORT);
		assert_int_equal(zl_raw_elsewhere(s->net, ours[i], 0, 1, &r), -EPROTONOSUPPORT);
	}
	assert_int_equal(zl_raw_open(s->net, PGM, PEER_IP, receive, NULL, &r), -EADDRNOTAVAIL);
	assert_int_equal(zl_raw_open_shared(s->net, PGM, 0, receive, NULL, &r), -EINVAL);
	assert_int_equal(zl_raw_elsewhere(s->net, PGM, 0, 64, &r), -EINVAL);
	for (unsigned i = 0; i < ZL_RAW_SOCKETS_MAX; i++)
		open_at(s, PGM, GROUP + i);
	assert_int_equal(zl_raw_open(s->net, PGM, 0, receive, NULL, &r), -ENOSPC);
}

static void test_groups_are_heard_where_they_were_joined(void **state)
{
	struct station *s = *state;

	open_at(s, PGM, GROUP);
	give(s, GROUP, PGM, 8);
	assert_int_equal(got.packets, 0);
	assert_int_equal(station_count(s, ZL_NET_ip_drop_group), 1);
	join(s, GROUP);
	join(s, OTHER);
	give(s, GROUP, PGM, 8);
	assert_int_equal(got.packets, 1);
	assert_int_equal(got.local, GROUP);
	give(s, OTHER, PGM, 8);
	give(s, OUR_IP, PGM, 8);
	assert_int_equal(got.packets, 1);
}

static void test_each_shared_socket_gets_the_packet(void **state)
{
	struct station *s = *state;
	struct zl_raw *r[3];

	join(s, GROUP);
	got.packets = 0;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(zl_raw_open_shared(s->net, PGM, GROUP, receive, NULL, &r[i]), 0);
	give(s, GROUP, PGM, 8);
	assert_int_equal(got.packets, 3);
	zl_raw_close(s->net, r[1]);
	give(s, GROUP, PGM, 8);
	assert_int_equal(got.packets, 5);
}

static void take(void *ctx, unsigned core, uint16_t port, struct rte_mbuf *packet)
{
	(void)ctx;
	assert_int_equal(port, 0);
	handed.packets++;
	handed.core = core;
	handed.last = packet;
}

static void test_a_socket_elsewhere_gets_the_packet_as_it_came(void **state)
{
	struct station *s = *state;
	static struct zl_net_ops ops;
	struct zl_raw *there;

	ops = *s->net->config.ops;
	ops.hand_on = take;
	s->net->config.ops = &ops;
	handed.packets = 0;
	assert_int_equal(zl_raw_elsewhere(s->net, PGM, 0, 2, &there), 0);
	give(s, OUR_IP, PGM, 99);
	assert_int_equal(handed.packets, 1);
	assert_int_equal(handed.core, 2);
	assert_int_equal(handed.last->pkt_len, 20 + 99);
	zl_raw_close(s->net, there);
	open_at(s, PGM, 0);
	zl_net_handed_on(s->net, 0, &handed.last, 1, s->now_ns);
	assert_int_equal(got.packets, 1);
	assert_int_equal(got.len, 99);
}

/* n bytes to send, in segments of 1900. */
static struct rte_mbuf *payload(struct station *s, unsigned n)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(s->pools.frames);

	memset(rte_pktmbuf_append(m, (uint16_t)RTE_MIN(n, 1900u)), 'x', RTE_MIN(n, 1900u));
	while (n > m->pkt_len) {
		struct rte_mbuf *more = rte_pktmbuf_alloc(s->pools.frames);
		unsigned part = RTE_MIN(n - m->pkt_len, 1900u);

		memset(rte_pktmbuf_append(more, (uint16_t)part), 'x', part);
		assert_int_equal(rte_pktmbuf_chain(m, more), 0);
	}
	return m;
}

/* The packet that was sent, alone. */
static const struct rte_ipv4_hdr *sent(struct station *s, unsigned header, unsigned n)
{
	const struct rte_ipv4_hdr *ip;

	zl_net_output(s->net, s->now_ns);
	assert_int_equal(s->sent_n, 1);
	ip = rte_pktmbuf_mtod_offset(s->sent[0], void *, 14);
	assert_int_equal(s->sent[0]->pkt_len, 14 + header + n);
	assert_int_equal(rte_be_to_cpu_16(ip->total_length), header + n);
	assert_int_equal(ip->version_ihl, 0x40 + header / 4);
	assert_int_equal(ip->next_proto_id, PGM);
	assert_int_equal(ip->fragment_offset, RTE_BE16(RTE_IPV4_HDR_DF_FLAG));
	assert_int_equal(rte_raw_cksum(ip, header), 0xffff);
	assert_int_equal(rte_be_to_cpu_32(ip->src_addr), OUR_IP);
	if (header > 20)
		assert_memory_equal(ip + 1, ((uint8_t[]){0x94, 4, 0, 0}), 4);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(((const uint8_t *)ip)[header + i], 'x');
	return ip;
}

static void test_what_is_sent_has_its_header_and_the_option_if_asked_for(void **state)
{
	struct station *s = *state;
	struct zl_raw *r = open_at(s, PGM, 0);
	const struct rte_ipv4_hdr *ip;

	zl_net_neighbor_set(s->net, 0, PEER_IP, &peer_mac, s->now_ns);
	for (unsigned n = 0; n <= 1476; n += 123) {
		for (unsigned alert = 0; alert < 2; alert++) {
			unsigned header = 20 + 4 * alert, flags = alert ? ZL_RAW_ALERT : 0;

			assert_int_equal(zl_raw_send(s->net, r, payload(s, n), PEER_IP, flags), 0);
			ip = sent(s, header, n);
			assert_int_equal(rte_be_to_cpu_32(ip->dst_addr), PEER_IP);
			assert_int_equal(ip->time_to_live, 64);
			station_forget(s);
			assert_int_equal(
				zl_raw_send_group(s->net, r, payload(s, n), 0, GROUP, 5, flags), 0);
			ip = sent(s, header, n);
			assert_int_equal(rte_be_to_cpu_32(ip->dst_addr), GROUP);
			assert_int_equal(ip->time_to_live, 5);
			assert_memory_equal(rte_pktmbuf_mtod(s->sent[0], void *),
					    ((uint8_t[]){1, 0, 0x5e, 1, 2, 3}), 6);
			station_forget(s);
		}
	}
	assert_int_equal(station_count(s, ZL_NET_raw_tx_packets), 4 * 13);
	assert_int_equal(station_count(s, ZL_NET_raw_tx_bytes), 4 * 12 * 13 / 2 * 123);
}

static void test_what_cannot_be_sent_is_freed_and_counted(void **state)
{
	struct station *s = *state;
	struct zl_raw *r = open_at(s, PGM, GROUP);
	int rc;

	assert_int_equal(zl_raw_send(s->net, r, payload(s, 8), 0x0a0000ff, 0), -ENETUNREACH);
	rc = zl_raw_send_group(s->net, r, payload(s, 8), 5, GROUP, 1, 0);
	assert_int_equal(rc, -ENETUNREACH);
	rc = zl_raw_send_group(s->net, r, payload(s, 8), 0, PEER_IP, 1, 0);
	assert_int_equal(rc, -ENETUNREACH);
	assert_int_equal(station_count(s, ZL_NET_ip_drop_no_route), 3);
	assert_int_equal(zl_raw_send(s->net, r, payload(s, 65516), PEER_IP, 0), -EMSGSIZE);
	rc = zl_raw_send_group(s->net, r, payload(s, 65512), 0, GROUP, 1, ZL_RAW_ALERT);
	assert_int_equal(rc, -EMSGSIZE);
	assert_int_equal(station_count(s, ZL_NET_raw_drop_too_big), 2);
	assert_int_equal(station_count(s, ZL_NET_raw_tx_packets), 0);
	zl_net_output(s->net, s->now_ns);
	assert_int_equal(s->sent_n, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, station_setup, station_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_packets_reach_the_socket_of_their_protocol_and_address),
		TEST(test_the_address_itself_goes_before_any_and_closing_frees_it),
		TEST(test_what_cannot_be_opened_says_why),
		TEST(test_groups_are_heard_where_they_were_joined),
		TEST(test_each_shared_socket_gets_the_packet),
		TEST(test_a_socket_elsewhere_gets_the_packet_as_it_came),
		TEST(test_what_is_sent_has_its_header_and_the_option_if_asked_for),
		TEST(test_what_cannot_be_sent_is_freed_and_counted),
	};

	return cmocka_run_group_tests(tests, eal_group_setup, NULL);
}
