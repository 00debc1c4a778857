/* UDP datagram by datagram. */
#include "dataplane/net/udp.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "dataplane/net/stack.h"
#include "tests/unit/station.h"

#define PORT   5555
#define SENDER 40000
#define MTU    1500
#define MOST   (MTU - 28)

static struct {
	unsigned datagrams, len;
	uint8_t bytes[MTU];
	struct zl_endpoint_addr remote, local;
	bool summed; /* by its header, */
	uint16_t sum;
} got;

static struct {
	unsigned frames, core, port;
} handed;

static void receive(void *owner, struct rte_mbuf *m, const struct zl_endpoint_addr *remote,
		    const struct zl_endpoint_addr *local)
{
	(void)owner;
	got.datagrams++;
	got.len = m->pkt_len;
	memcpy(got.bytes, rte_pktmbuf_mtod(m, void *), m->data_len);
	got.remote = *remote;
	got.local = *local;
	got.summed = zl_udp_payload_sum(m, remote, local, &got.sum);
	rte_pktmbuf_free(m);
}

static struct zl_udp *open_at(struct station *s, uint32_t ip, uint16_t port)
{
	struct zl_udp *u = NULL;

	got.datagrams = 0;
	assert_int_equal(
		zl_udp_open(s->net, &(struct zl_endpoint_addr){ip, port}, receive, NULL, &u), 0);
	return u;
}

/* A datagram from the peer with n bytes of text in it, at `l4`; `sum` makes its checksum right. */
static void make(uint8_t *l4, unsigned n, uint16_t to, bool sum)
{
	struct rte_udp_hdr *h = (void *)l4;
	struct rte_ipv4_hdr ip = {.version_ihl = RTE_IPV4_VHL_DEF,
				  .total_length = rte_cpu_to_be_16(sizeof(ip) + 8 + n),
				  .next_proto_id = IPPROTO_UDP,
				  .src_addr = RTE_BE32(PEER_IP),
				  .dst_addr = RTE_BE32(OUR_IP)};

	*h = (struct rte_udp_hdr){.src_port = RTE_BE16(SENDER),
				  .dst_port = rte_cpu_to_be_16(to),
				  .dgram_len = rte_cpu_to_be_16((uint16_t)(8 + n))};
	for (unsigned i = 0; i < n; i++)
		l4[8 + i] = (uint8_t)(i * 7 + n);
	if (sum)
		h->dgram_cksum = rte_ipv4_udptcp_cksum(&ip, h);
}

static void give(struct station *s, unsigned n, uint16_t to)
{
	uint8_t l4[MTU];

	make(l4, n, to, true);
	station_ip(s, PEER_IP, OUR_IP, IPPROTO_UDP, l4, 8 + n);
}

static void test_datagrams_of_every_length_reach_their_socket(void **state)
{
	struct station *s = *state;
	uint8_t l4[MTU];

	open_at(s, 0, PORT);
	for (unsigned n = 0; n <= MOST; n += n < 64 ? 1 : 31) {
		make(l4, n, PORT, true);
		give(s, n, PORT);
		assert_int_equal(got.len, n);
		assert_memory_equal(got.bytes, l4 + 8, n);
		assert_int_equal(got.remote.ip, PEER_IP);
		assert_int_equal(got.remote.port, SENDER);
		assert_int_equal(got.local.ip, OUR_IP);
		assert_int_equal(got.local.port, PORT);
	}
	assert_int_equal(station_count(s, ZL_NET_udp_rx_datagrams), got.datagrams);
	assert_int_equal(s->sent_n, 0);
}

/* One's complement, 16 bits at a time; 0xffff for 0. */
static uint16_t added_up(const uint8_t *bytes, unsigned n)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum ? (uint16_t)sum : 0xffff;
}

static void test_the_header_says_what_the_payload_adds_up_to(void **state)
{
	struct station *s = *state;
	uint8_t l4[MTU];

	open_at(s, 0, PORT);
	for (unsigned n = 0; n < 300; n++) {
		give(s, n, PORT);
		assert_true(got.summed);
		assert_int_equal(got.sum, added_up(got.bytes, n));
	}
	make(l4, 6, PORT, false);
	station_ip(s, PEER_IP, OUR_IP, IPPROTO_UDP, l4, 14);
	assert_false(got.summed);
}

static void test_a_flipped_bit_is_noticed_and_no_checksum_is_none(void **state)
{
	struct station *s = *state;
	uint8_t l4[8 + 6];

	open_at(s, 0, PORT);
	for (unsigned bit = 0; bit < sizeof(l4) * 8; bit++) {
		make(l4, 6, PORT, true);
		l4[bit / 8] ^= 1 << (bit % 8);
		station_ip(s, PEER_IP, OUR_IP, IPPROTO_UDP, l4, sizeof(l4));
	}
	assert_int_equal(got.datagrams, 0);
	assert_int_equal(s->sent_n, 0);
	assert_int_equal(station_count(s, ZL_NET_udp_drop_checksum) +
				 station_count(s, ZL_NET_udp_drop_header),
			 sizeof(l4) * 8);
	make(l4, 6, PORT, false);
	station_ip(s, PEER_IP, OUR_IP, IPPROTO_UDP, l4, sizeof(l4));
	assert_int_equal(got.datagrams, 1);
}

static void test_lengths_that_cannot_be_are_dropped_and_what_follows_is_cut(void **state)
{
	struct station *s = *state;
	uint8_t l4[8 + 6 + 4] = {0};

	open_at(s, 0, PORT);
	for (unsigned n = 0; n < 8; n++) {
		make(l4, 6, PORT, false);
		station_ip(s, PEER_IP, OUR_IP, IPPROTO_UDP, l4, n);
		l4[5] = (uint8_t)n;
		station_ip(s, PEER_IP, OUR_IP, IPPROTO_UDP, l4, 14);
	}
	l4[5] = 15;
	station_ip(s, PEER_IP, OUR_IP, IPPROTO_UDP, l4, 14);
	assert_int_equal(station_count(s, ZL_NET_udp_drop_header), 17);
	assert_int_equal(got.datagrams, 0);

	make(l4, 6, PORT, true);
	memset(l4 + 14, 0xee, 4);
	station_ip(s, PEER_IP, OUR_IP, IPPROTO_UDP, l4, 18);
	assert_int_equal(got.datagrams, 1);
	assert_int_equal(got.len, 6);
}

static void test_the_address_itself_goes_before_any_and_ports_of_one_bucket_apart(void **state)
{
	struct station *s = *state;
	struct zl_udp *any = open_at(s, 0, PORT), *own = open_at(s, OUR_IP, PORT);
	struct zl_udp *far, *out;
	int rc;

	far = open_at(s, 0, PORT + 256);
	give(s, 4, PORT);
	zl_udp_close(s->net, own);
	give(s, 4, PORT);
	assert_int_equal(got.datagrams, 2);
	zl_udp_close(s->net, any);
	give(s, 4, PORT);
	assert_int_equal(got.datagrams, 2);
	assert_int_equal(station_count(s, ZL_NET_udp_drop_no_socket), 1);
	give(s, 4, PORT + 256);
	assert_int_equal(got.datagrams, 3);

	rc = zl_udp_open(s->net, &(struct zl_endpoint_addr){0, PORT + 256}, receive, NULL, &out);
	assert_int_equal(rc, -EADDRINUSE);
	rc = zl_udp_open(s->net, &(struct zl_endpoint_addr){PEER_IP, 1}, receive, NULL, &out);
	assert_int_equal(rc, -EADDRNOTAVAIL);
	rc = zl_udp_elsewhere(s->net, &(struct zl_endpoint_addr){0, 0}, 1, &out);
	assert_int_equal(rc, -EINVAL);
	rc = zl_udp_open_shared(s->net, &(struct zl_endpoint_addr){0xef000001, 0}, receive, NULL,
				&out);
	assert_int_equal(rc, -EINVAL);
	for (uint16_t i = 1; i < ZL_UDP_SOCKETS_MAX; i++)
		open_at(s, 0, i);
	rc = zl_udp_open(s->net, &(struct zl_endpoint_addr){0, PORT}, receive, NULL, &out);
	assert_int_equal(rc, -ENOSPC);
	zl_udp_close(s->net, far);
	open_at(s, 0, PORT);
}

static void test_a_port_is_chosen_that_nobody_has(void **state)
{
	struct station *s = *state;
	struct zl_udp *u, *away;
	uint16_t port, next;

	u = open_at(s, 0, 0);
	port = zl_udp_port(u);
	assert_true(port >= 49152);
	give(s, 7, port);
	assert_int_equal(got.datagrams, 1);
	assert_int_equal(got.local.port, port);
	/* The same random number is drawn each time. */
	next = port == UINT16_MAX ? 49152 : port + 1;
	assert_int_equal(
		zl_udp_elsewhere(s->net, &(struct zl_endpoint_addr){OUR_IP, next}, 1, &away), 0);
	assert_int_equal(zl_udp_port(open_at(s, OUR_IP, 0)), next == UINT16_MAX ? 49152 : next + 1);
	zl_udp_close(s->net, u);
	assert_int_equal(zl_udp_port(open_at(s, OUR_IP, 0)), port);
	assert_int_equal(zl_udp_port(open_at(s, 0, PORT)), PORT);
}

static void test_a_closed_port_is_unreachable_and_the_datagram_quoted(void **state)
{
	struct station *s = *state;

	zl_net_neighbor_set(s->net, 0, PEER_IP, &peer_mac, s->now_ns);
	for (unsigned n = 0; n <= MOST; n += 92) {
		unsigned quoted = n + 28 < 576 - 28 ? n + 28 : 576 - 28;
		const struct rte_ipv4_hdr *ip;
		const uint8_t *icmp;
		uint8_t l4[MTU];

		make(l4, n, PORT, true);
		give(s, n, PORT);
		assert_int_equal(s->sent_n, 1);
		assert_int_equal(s->sent[0]->pkt_len, 14 + 20 + 8 + quoted);
		ip = rte_pktmbuf_mtod_offset(s->sent[0], void *, 14);
		icmp = (const uint8_t *)(ip + 1);
		assert_int_equal(ip->next_proto_id, IPPROTO_ICMP);
		assert_int_equal(rte_be_to_cpu_32(ip->src_addr), OUR_IP);
		assert_int_equal(rte_be_to_cpu_32(ip->dst_addr), PEER_IP);
		assert_int_equal(rte_raw_cksum(icmp, 8 + quoted), 0xffff);
		assert_memory_equal(icmp, ((uint8_t[]){3, 3}), 2);
		assert_memory_equal(icmp + 4, ((uint8_t[]){0, 0, 0, 0}), 4);
		assert_int_equal(icmp[8], 0x45);
		assert_memory_equal(icmp + 28, l4, quoted - 20);
		station_forget(s);
	}
}

static void test_unreachables_are_limited_and_never_answer_a_frame_to_many(void **state)
{
	struct station *s = *state;
	uint8_t packet[28] = {0};
	struct rte_ipv4_hdr *ip = (void *)packet;

	zl_net_neighbor_set(s->net, 0, PEER_IP, &peer_mac, s->now_ns);
	for (unsigned second = 1; second <= 2; second++) {
		for (unsigned i = 0; i < 150; i++) {
			give(s, 4, PORT);
			station_forget(s);
		}
		assert_int_equal(station_count(s, ZL_NET_icmp_tx_port_unreachable), 100 * second);
		assert_int_equal(station_count(s, ZL_NET_icmp_errors_limited), 50 * second);
		station_advance(s, SECOND);
	}
	*ip = (struct rte_ipv4_hdr){.version_ihl = RTE_IPV4_VHL_DEF,
				    .total_length = RTE_BE16(28),
				    .time_to_live = 1,
				    .next_proto_id = IPPROTO_UDP,
				    .src_addr = RTE_BE32(PEER_IP),
				    .dst_addr = RTE_BE32(OUR_IP)};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	make(packet + 20, 0, PORT, true);
	station_input(s, &everybody_mac, &peer_mac, RTE_ETHER_TYPE_IPV4, packet, 28);
	assert_int_equal(s->sent_n, 0);
	station_input(s, &our_mac, &peer_mac, RTE_ETHER_TYPE_IPV4, packet, 28);
	assert_int_equal(s->sent_n, 1);
}

/* Sends n bytes to the peer and returns the frame. */
static struct rte_mbuf *output(struct station *s, struct zl_udp *u, unsigned n)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(s->pools.frames);

	memset(rte_pktmbuf_append(m, (uint16_t)n), 'x', n);
	station_forget(s);
	assert_int_equal(zl_udp_send(s->net, u, m, &(struct zl_endpoint_addr){PEER_IP, SENDER}), 0);
	zl_net_output(s->net, s->now_ns);
	assert_int_equal(s->sent_n, 1);
	return s->sent[0];
}

static void test_what_is_sent_has_its_ports_length_and_checksum(void **state)
{
	struct station *s = *state;
	struct zl_udp *u = open_at(s, 0, PORT);
	const struct rte_ipv4_hdr *ip;
	const struct rte_udp_hdr *h;
	struct rte_mbuf *m;
	uint32_t sum;

	zl_net_neighbor_set(s->net, 0, PEER_IP, &peer_mac, s->now_ns);
	for (unsigned n = 0; n <= MOST; n += 46) {
		m = output(s, u, n);
		ip = rte_pktmbuf_mtod_offset(m, void *, 14);
		h = (const void *)(ip + 1);
		assert_int_equal(m->pkt_len, 14 + 28 + n);
		assert_int_equal(rte_be_to_cpu_32(ip->src_addr), OUR_IP);
		assert_int_equal(rte_be_to_cpu_16(h->src_port), PORT);
		assert_int_equal(rte_be_to_cpu_16(h->dst_port), SENDER);
		assert_int_equal(rte_be_to_cpu_16(h->dgram_len), 8 + n);
		assert_int_not_equal(h->dgram_cksum, 0);
		sum = rte_raw_cksum(h, 8 + n) + rte_ipv4_phdr_cksum(ip, 0);
		assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
	}
	s->net->port[0].tx_offload = RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
	m = output(s, u, 6);
	ip = rte_pktmbuf_mtod_offset(m, void *, 14);
	h = (const void *)(ip + 1);
	assert_true(m->ol_flags == (RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_UDP_CKSUM));
	assert_int_equal(h->dgram_cksum, rte_ipv4_phdr_cksum(ip, 0));
}

static void test_what_cannot_be_sent_is_freed_and_counted(void **state)
{
	struct station *s = *state;
	struct zl_udp *u = open_at(s, 0, PORT);
	struct rte_mbuf *m = rte_pktmbuf_alloc(s->pools.frames);
	struct zl_endpoint_addr to = {PEER_IP, SENDER};

	assert_non_null(rte_pktmbuf_append(m, 65508 - 36 * 1800));
	for (unsigned i = 0; i < 36; i++) {
		struct rte_mbuf *more = rte_pktmbuf_alloc(s->pools.frames);

		assert_non_null(rte_pktmbuf_append(more, 1800));
		assert_int_equal(rte_pktmbuf_chain(m, more), 0);
	}
	assert_int_equal(zl_udp_send(s->net, u, m, &to), -EMSGSIZE);
	assert_int_equal(station_count(s, ZL_NET_udp_drop_too_big), 1);
	to.ip = 0x0a0000ff;
	m = rte_pktmbuf_alloc(s->pools.frames);
	assert_int_equal(zl_udp_send(s->net, u, m, &to), -ENETUNREACH);
	assert_int_equal(station_count(s, ZL_NET_ip_drop_no_route), 1);
	assert_int_equal(station_count(s, ZL_NET_udp_tx_datagrams), 0);
}

static void home(void *ctx, unsigned core, uint16_t port, struct rte_mbuf *packet)
{
	struct station *s = ctx;

	handed.frames++;
	handed.core = core;
	handed.port = port;
	s->sent[s->sent_n++] = packet;
}

static void test_a_socket_elsewhere_gets_the_packet_as_it_came(void **state)
{
	struct station *s = *state;
	struct zl_net_ops ops = *s->net->config.ops;
	const struct zl_net_ops *plain = s->net->config.ops;
	struct rte_mbuf *packet;
	struct zl_udp *there;

	ops.hand_on = home;
	s->net->config.ops = &ops;
	handed.frames = 0;
	assert_int_equal(zl_udp_elsewhere(s->net, &(struct zl_endpoint_addr){0, PORT}, 3, &there),
			 0);
	give(s, 33, PORT);
	assert_int_equal(handed.frames, 1);
	assert_int_equal(handed.core, 3);
	assert_int_equal(handed.port, 0);
	assert_int_equal(station_count(s, ZL_NET_datagram_handed_on), 1);
	assert_int_equal(s->sent_n, 1);
	packet = s->sent[--s->sent_n];
	assert_int_equal(packet->pkt_len, 20 + 8 + 33);

	/* There it is delivered: here, that is, once the socket has moved. */
	zl_udp_close(s->net, there);
	open_at(s, 0, PORT);
	zl_net_handed_on(s->net, 0, &packet, 1, s->now_ns);
	assert_int_equal(got.datagrams, 1);
	assert_int_equal(got.len, 33);
	s->net->config.ops = plain;
}

static void test_what_was_handed_on_is_not_handed_on_again(void **state)
{
	struct station *s = *state;
	struct zl_net_ops ops = *s->net->config.ops;
	const struct zl_net_ops *plain = s->net->config.ops;
	struct rte_mbuf *packet;
	struct zl_udp *there;

	ops.hand_on = home;
	s->net->config.ops = &ops;
	handed.frames = 0;
	assert_int_equal(zl_udp_elsewhere(s->net, &(struct zl_endpoint_addr){0, PORT}, 3, &there),
			 0);
	give(s, 33, PORT);
	packet = s->sent[--s->sent_n];
	zl_net_handed_on(s->net, 0, &packet, 1, s->now_ns);
	assert_int_equal(handed.frames, 1);
	assert_int_equal(station_count(s, ZL_NET_datagram_drop_elsewhere), 1);
	s->net->config.ops = plain;
	give(s, 33, PORT);
	assert_int_equal(station_count(s, ZL_NET_datagram_drop_elsewhere), 2);
}

/* Port unreachable from the peer about a datagram from `from` of ours. */
static void unreachable(struct station *s, uint16_t from)
{
	uint8_t icmp[36] = {3, 3};
	struct rte_ipv4_hdr ip = {.version_ihl = RTE_IPV4_VHL_DEF,
				  .next_proto_id = IPPROTO_UDP,
				  .src_addr = RTE_BE32(OUR_IP),
				  .dst_addr = RTE_BE32(PEER_IP)};
	uint16_t sum;

	memcpy(icmp + 8, &ip, sizeof(ip));
	memcpy(icmp + 28, (uint8_t[]){(uint8_t)(from >> 8), (uint8_t)from, 1, 2}, 4);
	sum = (uint16_t)~rte_raw_cksum(icmp, sizeof(icmp));
	memcpy(icmp + 2, &sum, 2);
	station_ip(s, PEER_IP, OUR_IP, IPPROTO_ICMP, icmp, sizeof(icmp));
}

static void test_unreachables_about_our_datagrams_are_counted_and_others_dropped(void **state)
{
	struct station *s = *state;

	open_at(s, 0, PORT);
	unreachable(s, PORT);
	assert_int_equal(station_count(s, ZL_NET_icmp_rx_unreachable), 1);
	unreachable(s, PORT + 1);
	assert_int_equal(station_count(s, ZL_NET_icmp_rx_unreachable), 1);
	assert_int_equal(station_count(s, ZL_NET_icmp_drop), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, station_setup, station_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_datagrams_of_every_length_reach_their_socket),
		TEST(test_the_header_says_what_the_payload_adds_up_to),
		TEST(test_a_flipped_bit_is_noticed_and_no_checksum_is_none),
		TEST(test_lengths_that_cannot_be_are_dropped_and_what_follows_is_cut),
		TEST(test_the_address_itself_goes_before_any_and_ports_of_one_bucket_apart),
		TEST(test_a_port_is_chosen_that_nobody_has),
		TEST(test_a_closed_port_is_unreachable_and_the_datagram_quoted),
		TEST(test_unreachables_are_limited_and_never_answer_a_frame_to_many),
		TEST(test_what_is_sent_has_its_ports_length_and_checksum),
		TEST(test_what_cannot_be_sent_is_freed_and_counted),
		TEST(test_a_socket_elsewhere_gets_the_packet_as_it_came),
		TEST(test_what_was_handed_on_is_not_handed_on_again),
		TEST(test_unreachables_about_our_datagrams_are_counted_and_others_dropped),
	};

	return cmocka_run_group_tests(tests, eal_group_setup, NULL);
}
