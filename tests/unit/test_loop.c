/* What is sent to a group is heard by our own sockets in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "dataplane/net/igmp.h"
#include "dataplane/net/raw.h"
#include "dataplane/net/stack.h"
#include "dataplane/net/udp.h"
#include "tests/unit/station.h"

#define GROUP  0xef000001u
#define PORT   5555
#define SENDER 40000
#define PGM    113

static struct station *at;
static struct zl_net_ops ops;
static unsigned heard, transmitted, handed_n;
static bool answers;
static uint16_t heard_from;
static struct rte_mbuf *handed;
static const struct zl_endpoint_addr group = {GROUP, PORT};

static void send_from(const struct zl_udp *u)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(at->pools.frames);

	memcpy(rte_pktmbuf_append(m, 5), "hello", 5);
	assert_int_equal(zl_udp_send_group(at->net, u, m, 0, &group, 1), 0);
}

/* The owner is the socket that it answers from, if it does. */
static void receive(void *owner, struct rte_mbuf *m, const struct zl_endpoint_addr *remote,
		    const struct zl_endpoint_addr *local)
{
	struct zl_udp **u = owner;

	heard++;
	heard_from = remote->port;
	assert_int_equal(remote->ip, OUR_IP);
	assert_int_equal(local->ip, GROUP);
	assert_int_equal(local->port, PORT);
	assert_int_equal(m->pkt_len, 5);
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), "hello", 5);
	rte_pktmbuf_free(m);
	if (answers)
		send_from(*u);
}

static void transmit(void *ctx, uint16_t port, struct rte_mbuf **frames, unsigned n)
{
	(void)ctx;
	(void)port;
	transmitted += n;
	rte_pktmbuf_free_bulk(frames, n);
}

static void hand_on(void *ctx, unsigned core, uint16_t port, struct rte_mbuf *packet)
{
	(void)ctx;
	assert_int_equal(port, 0);
	assert_int_equal(core, 2);
	handed_n++;
	handed = packet;
}

static int setup(void **state)
{
	station_setup(state);
	at = *state;
	ops = *at->net->config.ops;
	ops.hand_on = hand_on;
	at->net->config.ops = &ops;
	heard = transmitted = handed_n = 0;
	answers = false;
	return zl_group_join(at->net, 0, GROUP, false, at->now_ns);
}

static struct zl_udp *open_at(uint32_t ip, uint16_t port, struct zl_udp **self)
{
	struct zl_endpoint_addr local = {ip, port};

	if (zl_is_group(ip))
		assert_int_equal(zl_udp_open_shared(at->net, &local, receive, self, self), 0);
	else
		assert_int_equal(zl_udp_open(at->net, &local, receive, self, self), 0);
	return *self;
}

static void turn(void)
{
	zl_net_output(at->net, at->now_ns);
}

static void test_all_sockets_of_the_group_hear_it_once_the_turn_ends(void **state)
{
	struct zl_udp *sender, *member[3];

	(void)state;
	open_at(0, SENDER, &sender);
	open_at(GROUP, PORT, &member[0]);
	open_at(GROUP, PORT, &member[1]);
	open_at(GROUP, PORT + 1, &member[2]);
	send_from(sender);
	assert_int_equal(heard, 0);
	turn();
	assert_int_equal(heard, 2);
	assert_int_equal(heard_from, SENDER);
	assert_int_equal(at->sent_n, 1);
	send_from(member[0]);
	turn();
	assert_int_equal(heard, 4);
	assert_int_equal(heard_from, PORT);
	assert_int_equal(at->sent_n, 2);
	turn();
	assert_int_equal(heard, 4);
}

static void test_it_is_not_heard_if_not_wanted_or_not_joined(void **state)
{
	struct zl_udp *sender, *member;

	(void)state;
	open_at(0, SENDER, &sender);
	open_at(GROUP, PORT, &member);
	zl_udp_set_loop(sender, false);
	send_from(sender);
	turn();
	assert_int_equal(heard, 0);
	zl_udp_set_loop(sender, true);
	zl_group_leave(at->net, 0, GROUP, at->now_ns);
	send_from(sender);
	turn();
	assert_int_equal(heard, 0);
	assert_int_equal(station_count(at, ZL_NET_ip_drop_group), 1);
	assert_int_equal(at->sent_n, 2);
}

static void test_a_port_that_makes_checksums_gets_those_made(void **state)
{
	struct zl_udp *sender, *member;
	const struct rte_ipv4_hdr *ip;
	uint32_t sum;

	(void)state;
	at->net->port[0].tx_offload = RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
	open_at(0, SENDER, &sender);
	open_at(GROUP, PORT, &member);
	send_from(sender);
	turn();
	assert_int_equal(heard, 1);
	assert_int_equal(at->sent_n, 1);
	assert_true(at->sent[0]->ol_flags == 0);
	ip = rte_pktmbuf_mtod_offset(at->sent[0], void *, 14);
	assert_int_equal(rte_raw_cksum(ip, 20), 0xffff);
	sum = rte_raw_cksum(ip + 1, 8 + 5) + rte_ipv4_phdr_cksum(ip, 0);
	assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
	zl_udp_close(at->net, member);
	send_from(sender);
	turn();
	assert_true(at->sent[1]->ol_flags ==
		    (RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_CKSUM));
}

static void test_who_answers_himself_does_so_once_a_turn(void **state)
{
	struct zl_udp *member;

	(void)state;
	ops.transmit = transmit;
	open_at(GROUP, PORT, &member);
	answers = true;
	assert_true(zl_net_next_timer(at->net) == UINT64_MAX);
	send_from(member);
	for (unsigned i = 1; i <= 100; i++) {
		assert_true(zl_net_next_timer(at->net) <= at->now_ns);
		turn();
		assert_int_equal(heard, i);
		assert_int_equal(transmitted, i + 1);
	}
	answers = false;
	turn();
	assert_true(zl_net_next_timer(at->net) == UINT64_MAX);
	send_from(member); /* the stack ends with it */
}

static void test_more_than_a_turn_takes_is_counted(void **state)
{
	struct eal_pools few = at->pools;
	struct zl_udp *member;

	(void)state;
	ops.transmit = transmit;
	open_at(GROUP, PORT, &member);
	for (unsigned i = 0; i < 256; i++)
		send_from(member);
	turn();
	assert_int_equal(heard, 255); /* as many as there are indirect buffers */
	assert_int_equal(station_count(at, ZL_NET_datagram_drop_no_clone), 1);

	eal_pools_create(&at->pools, LOOP_MAX + 10, LOOP_MAX + 10, 1);
	at->net->config.indirect = at->pools.indirect;
	for (unsigned i = 0; i < LOOP_MAX + 3; i++)
		send_from(member);
	turn();
	assert_int_equal(heard, 255 + LOOP_MAX);
	assert_int_equal(transmitted, 256 + LOOP_MAX + 3);
	assert_int_equal(station_count(at, ZL_NET_loop_drop_full), 3);
	assert_true(eal_pools_full(&at->pools));
	eal_pools_free(&at->pools);
	at->pools = few;
	at->net->config.indirect = few.indirect;
}

static void test_other_cores_hear_it_and_hand_it_no_further(void **state)
{
	struct zl_udp *sender, *there, *here;

	(void)state;
	open_at(0, SENDER, &sender);
	assert_int_equal(zl_udp_elsewhere_shared(at->net, &group, 2, &there), 0);
	send_from(sender);
	turn();
	assert_int_equal(handed_n, 1);
	/* That core knows of a socket here, and has one. */
	open_at(GROUP, PORT, &here);
	zl_net_handed_on(at->net, 0, &handed, 1, at->now_ns);
	assert_int_equal(heard, 1);
	assert_int_equal(handed_n, 1);
}

static void raw_receive(void *owner, struct rte_mbuf *m, uint32_t remote, uint32_t local)
{
	(void)owner;
	heard++;
	assert_int_equal(remote, OUR_IP);
	assert_int_equal(local, GROUP);
	assert_int_equal(m->pkt_len, 3);
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), "pgm", 3);
	rte_pktmbuf_free(m);
}

static void raw_send(const struct zl_raw *r, unsigned flags)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(at->pools.frames);

	memcpy(rte_pktmbuf_append(m, 3), "pgm", 3);
	assert_int_equal(zl_raw_send_group(at->net, r, m, 0, GROUP, 1, flags), 0);
	turn();
}

static void test_raw_packets_are_heard_as_well(void **state)
{
	struct zl_raw *sender, *member;

	(void)state;
	assert_int_equal(zl_raw_open(at->net, PGM, 0, raw_receive, NULL, &sender), 0);
	raw_send(sender, 0);
	assert_int_equal(heard, 0);
	assert_int_equal(zl_raw_open(at->net, PGM, GROUP, raw_receive, NULL, &member), 0);
	raw_send(sender, 0);
	raw_send(member, ZL_RAW_ALERT);
	assert_int_equal(heard, 2);
	zl_raw_set_loop(sender, false);
	raw_send(sender, 0);
	assert_int_equal(heard, 2);
	assert_int_equal(at->sent_n, 4);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, station_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_all_sockets_of_the_group_hear_it_once_the_turn_ends),
		TEST(test_it_is_not_heard_if_not_wanted_or_not_joined),
		TEST(test_a_port_that_makes_checksums_gets_those_made),
		TEST(test_who_answers_himself_does_so_once_a_turn),
		TEST(test_more_than_a_turn_takes_is_counted),
		TEST(test_other_cores_hear_it_and_hand_it_no_further),
		TEST(test_raw_packets_are_heard_as_well),
	};

	return cmocka_run_group_tests(tests, eal_group_setup, NULL);
}
