/* Datagrams on two cores: those that come to one and are for sockets of the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "dataplane/net/igmp.h"
#include "dataplane/net/raw.h"
#include "dataplane/net/stack.h"
#include "dataplane/net/steer.h"
#include "dataplane/net/udp.h"
#include "tests/unit/core_pair.h"

#define OUR_IP  0x0a000001u
#define PEER_IP 0x0a000002u
#define GROUP   0xef000001u
#define PORT    5555
#define PGM     113

static struct zl_net_ops ops;
static unsigned sent, got[CORES];
static unsigned got_len;

static void transmit(void *ctx, uint16_t port, struct rte_mbuf **frames, unsigned n)
{
	(void)ctx;
	(void)port;
	sent += n;
	rte_pktmbuf_free_bulk(frames, n);
}

static void take(unsigned *count, struct rte_mbuf *m)
{
	++*count;
	got_len = m->pkt_len;
	rte_pktmbuf_free(m);
}

/* The owner is the core's count. */
static void receive(void *owner, struct rte_mbuf *m, const struct zl_endpoint_addr *remote,
		    const struct zl_endpoint_addr *local)
{
	(void)remote;
	(void)local;
	take(owner, m);
}

static void raw_receive(void *owner, struct rte_mbuf *m, uint32_t remote, uint32_t local)
{
	(void)remote;
	(void)local;
	take(owner, m);
}

static int setup(void **state)
{
	const struct zl_net_port port = {
		.mac = {{2, 0, 0, 0, 0, 1}}, .mtu = 1500, .ip = OUR_IP, .prefix_len = 24};

	(void)state;
	cores_start();
	ops = zl_core_net_ops;
	ops.transmit = transmit;
	ops.tx_waits = NULL;
	sent = got[0] = got[1] = 0;
	for (unsigned i = 0; i < CORES; i++) {
		core[i].net->config.ops = &ops;
		assert_int_equal(zl_net_port_add(core[i].net, 0, &port), 0);
		assert_int_equal(zl_group_join(core[i].net, 0, GROUP, false, core[i].now_ns), 0);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cores_stop();
	return 0;
}

/* A packet with n bytes behind its IP header, of which `from` were sent before. */
static struct rte_mbuf *frame(uint32_t dst, uint8_t proto, const uint8_t *bytes, unsigned n,
			      unsigned from, bool more)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pools.frames);
	struct rte_ether_hdr *eth = (void *)rte_pktmbuf_append(m, sizeof(*eth));
	struct rte_ipv4_hdr *ip = (void *)rte_pktmbuf_append(m, sizeof(*ip));

	*eth = (struct rte_ether_hdr){.dst_addr = {{2, 0, 0, 0, 0, 1}},
				      .ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4)};
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16((uint16_t)(20 + n)),
		.fragment_offset = rte_cpu_to_be_16((uint16_t)(from / 8 | (more << 13))),
		.time_to_live = 64,
		.next_proto_id = proto,
		.src_addr = RTE_BE32(PEER_IP),
		.dst_addr = rte_cpu_to_be_32(dst)};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	memcpy(rte_pktmbuf_append(m, (uint16_t)n), bytes, n);
	return m;
}

static void give(unsigned to, struct rte_mbuf *m)
{
	zl_net_input(core[to].net, 0, &m, 1, core[to].now_ns);
}

static void give_datagram(unsigned to, uint32_t dst, uint16_t from_port, uint16_t to_port)
{
	uint8_t l4[8 + 4] = {[5] = sizeof(l4)};

	memcpy(l4, &(rte_be16_t){rte_cpu_to_be_16(from_port)}, 2);
	memcpy(l4 + 2, &(rte_be16_t){rte_cpu_to_be_16(to_port)}, 2);
	give(to, frame(dst, IPPROTO_UDP, l4, sizeof(l4), 0, false));
}

static void expect(unsigned first, unsigned second)
{
	cores_turn(5);
	assert_int_equal(got[0], first);
	assert_int_equal(got[1], second);
}

static void test_a_datagram_finds_the_core_of_its_socket(void **state)
{
	struct zl_endpoint_addr local = {OUR_IP, PORT};
	struct zl_udp *u, *there;

	(void)state;
	assert_int_equal(zl_udp_open(core[1].net, &local, receive, &got[1], &u), 0);
	assert_int_equal(zl_udp_elsewhere(core[0].net, &local, 1, &there), 0);
	give_datagram(0, OUR_IP, 1, PORT);
	assert_int_equal(got[1], 0);
	expect(0, 1);
	assert_int_equal(got_len, 4);
	give_datagram(1, OUR_IP, 1, PORT);
	expect(0, 2);
	/* The socket is closed, and the other core does not know yet. */
	zl_udp_close(core[1].net, u);
	give_datagram(0, OUR_IP, 1, PORT);
	expect(0, 2);
	assert_int_equal(zl_net_counters(core[1].net)[ZL_NET_icmp_tx_port_unreachable], 1);
	/* It moves, and for a moment each takes the other to have it. */
	assert_int_equal(zl_udp_elsewhere(core[1].net, &local, 0, &u), 0);
	give_datagram(0, OUR_IP, 1, PORT);
	expect(0, 2);
	assert_int_equal(zl_net_counters(core[1].net)[ZL_NET_datagram_drop_elsewhere], 1);
}

static void share(unsigned at)
{
	const struct zl_endpoint_addr group = {GROUP, PORT};
	struct zl_udp *u;

	assert_int_equal(zl_udp_open_shared(core[at].net, &group, receive, &got[at], &u), 0);
	assert_int_equal(zl_udp_elsewhere_shared(core[!at].net, &group, at, &u), 0);
}

static void test_a_group_is_heard_on_both_cores_whichever_gets_the_frame(void **state)
{
	(void)state;
	share(0);
	share(1);
	share(1);
	give_datagram(0, GROUP, 1, PORT);
	expect(1, 2);
	give_datagram(1, GROUP, 1, PORT);
	expect(2, 4);
	assert_int_equal(zl_net_counters(core[0].net)[ZL_NET_datagram_handed_on], 1);
	assert_int_equal(zl_net_counters(core[1].net)[ZL_NET_datagram_handed_on], 1);
}

static void test_what_one_core_sends_to_a_group_both_hear(void **state)
{
	const struct zl_endpoint_addr any = {0, 40000}, group = {GROUP, PORT};
	struct zl_udp *u;

	(void)state;
	share(0);
	share(1);
	assert_int_equal(zl_udp_open(core[1].net, &any, receive, NULL, &u), 0);
	for (unsigned i = 1; i <= 3; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pools.frames);

		memset(rte_pktmbuf_append(m, 6), 'x', 6);
		assert_int_equal(zl_udp_send_group(core[1].net, u, m, 0, &group, 1), 0);
		expect(i, i);
		assert_int_equal(got_len, 6);
		assert_int_equal(sent, i);
	}
}

static void test_a_raw_packet_comes_to_the_first_core_and_is_handed_on(void **state)
{
	struct zl_raw *r, *there;
	uint8_t bytes[40] = {0};
	struct rte_mbuf *m;

	(void)state;
	assert_int_equal(zl_raw_open_shared(core[1].net, PGM, GROUP, raw_receive, &got[1], &r), 0);
	assert_int_equal(zl_raw_elsewhere_shared(core[0].net, PGM, GROUP, 1, &there), 0);
	m = frame(GROUP, PGM, bytes, sizeof(bytes), 0, false);
	assert_int_equal(zl_steer_frame(m, CORES), 0);
	give(0, m);
	expect(0, 1);
	assert_int_equal(got_len, sizeof(bytes));
}

static void test_fragments_meet_on_one_core_and_the_datagram_goes_to_its_socket(void **state)
{
	static uint8_t l4[8 + 3000];
	struct zl_endpoint_addr local = {0, PORT};
	struct zl_udp *u, *there;
	unsigned steered = CORES;

	(void)state;
	memcpy(l4 + 2, &(rte_be16_t){RTE_BE16(PORT)}, 2);
	memcpy(l4 + 4, &(rte_be16_t){RTE_BE16(sizeof(l4))}, 2);
	for (unsigned home = 0; home < CORES; home++) {
		assert_int_equal(zl_udp_open(core[home].net, &local, receive, &got[home], &u), 0);
		assert_int_equal(zl_udp_elsewhere(core[!home].net, &local, home, &there), 0);
		for (unsigned at = 0; at < sizeof(l4); at += 1480) {
			unsigned n = RTE_MIN(1480u, (unsigned)sizeof(l4) - at);
			struct rte_mbuf *m = frame(OUR_IP, IPPROTO_UDP, l4 + at, n, at,
						   at + n < sizeof(l4));

			if (steered == CORES)
				steered = zl_steer_frame(m, CORES);
			assert_int_equal(zl_steer_frame(m, CORES), steered);
			give(steered, m);
		}
		expect(1, home);
		assert_int_equal(got_len, 3000);
		zl_udp_close(core[home].net, u);
		zl_udp_close(core[!home].net, there);
	}
	assert_int_equal(zl_net_counters(core[steered].net)[ZL_NET_datagram_handed_on], 1);
}

static void test_answers_to_a_chosen_port_arrive_whichever_core_gets_them(void **state)
{
	struct zl_endpoint_addr local = {OUR_IP, 0};
	struct zl_udp *u, *there;
	unsigned total = 0, other = 0;

	(void)state;
	assert_int_equal(zl_udp_open(core[0].net, &local, receive, &got[0], &u), 0);
	local.port = zl_udp_port(u);
	assert_int_equal(zl_udp_elsewhere(core[1].net, &local, 0, &there), 0);
	for (uint16_t from = 1000; from < 1040; from++) {
		unsigned to = zl_steer_core(zl_flow_hash(PEER_IP, OUR_IP, from, local.port), CORES);

		give_datagram(to, OUR_IP, from, local.port);
		other += to;
		expect(++total, 0);
	}
	assert_in_range(other, 1, 39);
	assert_int_equal(zl_net_counters(core[1].net)[ZL_NET_datagram_handed_on], other);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_datagram_finds_the_core_of_its_socket),
		TEST(test_a_group_is_heard_on_both_cores_whichever_gets_the_frame),
		TEST(test_what_one_core_sends_to_a_group_both_hear),
		TEST(test_a_raw_packet_comes_to_the_first_core_and_is_handed_on),
		TEST(test_fragments_meet_on_one_core_and_the_datagram_goes_to_its_socket),
		TEST(test_answers_to_a_chosen_port_arrive_whichever_core_gets_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
