/* Several UDP sockets in one group, here and on other cores. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/net/igmp.h"
#include "dataplane/net/stack.h"
#include "dataplane/net/udp.h"
#include "tests/unit/station.h"

#define GROUP   0xef000001u
#define PORT    5555
#define SOCKETS 4

struct member {
	struct zl_udp *u;
	unsigned got, len;
	struct member *closes; /* at its next datagram */
	bool opens;
};

static struct station *at;
static struct member member[SOCKETS + 1];
static const struct zl_endpoint_addr group = {GROUP, PORT};

static struct {
	unsigned n;
	unsigned core[8];
	struct rte_mbuf *packet[8];
} handed;

static void receive(void *owner, struct rte_mbuf *m, const struct zl_endpoint_addr *remote,
		    const struct zl_endpoint_addr *local);

static void open_member(struct member *x)
{
	assert_int_equal(zl_udp_open_shared(at->net, &group, receive, x, &x->u), 0);
}

static void receive(void *owner, struct rte_mbuf *m, const struct zl_endpoint_addr *remote,
		    const struct zl_endpoint_addr *local)
{
	struct member *x = owner;

	assert_int_equal(remote->ip, PEER_IP);
	assert_int_equal(local->ip, GROUP);
	assert_int_equal(local->port, PORT);
	x->got++;
	x->len = m->pkt_len;
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), "several", m->pkt_len);
	rte_pktmbuf_free(m);
	if (x->closes && x->closes->u) {
		zl_udp_close(at->net, x->closes->u);
		x->closes->u = NULL;
	}
	if (x->opens)
		open_member(&member[SOCKETS]);
	x->opens = false;
}

static void hand_on(void *ctx, unsigned core, uint16_t port, struct rte_mbuf *packet)
{
	(void)ctx;
	assert_int_equal(port, 0);
	handed.core[handed.n] = core;
	handed.packet[handed.n++] = packet;
}

static struct zl_net_ops ops;

static int setup(void **state)
{
	station_setup(state);
	at = *state;
	ops = *at->net->config.ops;
	ops.hand_on = hand_on;
	at->net->config.ops = &ops;
	memset(member, 0, sizeof(member));
	handed.n = 0;
	return zl_group_join(at->net, 0, GROUP, false, at->now_ns);
}

static void give(void)
{
	uint8_t l4[8 + 7] = {1, 1, PORT >> 8, PORT & 255, 0, sizeof(l4)};

	memcpy(l4 + 8, "several", 7);
	station_ip(at, PEER_IP, GROUP, IPPROTO_UDP, l4, sizeof(l4));
}

static void expect(unsigned a, unsigned b, unsigned c, unsigned d)
{
	assert_int_equal(member[0].got, a);
	assert_int_equal(member[1].got, b);
	assert_int_equal(member[2].got, c);
	assert_int_equal(member[3].got, d);
}

static void test_each_gets_the_datagram(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SOCKETS; i++)
		open_member(&member[i]);
	give();
	expect(1, 1, 1, 1);
	assert_int_equal(station_count(at, ZL_NET_udp_rx_datagrams), SOCKETS);
	assert_int_equal(station_count(at, ZL_NET_udp_rx_bytes), SOCKETS * 7);
	for (unsigned i = 0; i < SOCKETS; i++) {
		assert_int_equal(member[i].len, 7);
		zl_udp_close(at->net, member[i].u);
	}
	give();
	expect(1, 1, 1, 1);
	assert_int_equal(station_count(at, ZL_NET_udp_drop_no_socket), 1);
}

static void test_a_receiver_may_close_any_of_them_and_open_more(void **state)
{
	(void)state;
	for (unsigned who = 0; who < SOCKETS; who++)
		for (unsigned whom = 0; whom < SOCKETS; whom++) {
			unsigned total = 0;

			memset(member, 0, sizeof(member));
			for (unsigned i = 0; i < SOCKETS; i++)
				open_member(&member[i]);
			member[who].closes = &member[whom];
			give();
			for (unsigned i = 0; i < SOCKETS; i++) {
				assert_true(i == whom || member[i].got == 1);
				total += member[i].got;
			}
			/* It has it, if its turn came before it was closed. */
			assert_true(total == SOCKETS || total == SOCKETS - 1);
			for (unsigned i = 0; i < SOCKETS; i++)
				if (member[i].u)
					zl_udp_close(at->net, member[i].u);
		}
	memset(member, 0, sizeof(member));
	open_member(&member[0]);
	open_member(&member[1]);
	member[0].opens = true;
	give();
	assert_int_equal(member[SOCKETS].got, 0);
	give();
	expect(2, 2, 0, 0);
	assert_int_equal(member[SOCKETS].got, 1);
}

static void test_those_who_share_and_those_who_do_not_keep_apart(void **state)
{
	struct zl_endpoint_addr any = {0, PORT}, own = {OUR_IP, PORT};
	struct zl_udp *u, *v;

	(void)state;
	assert_int_equal(zl_udp_open_shared(at->net, &any, receive, NULL, &u), -EINVAL);
	assert_int_equal(zl_udp_open_shared(at->net, &own, receive, NULL, &u), -EINVAL);
	assert_int_equal(zl_udp_elsewhere_shared(at->net, &own, 1, &u), -EINVAL);
	assert_int_equal(zl_udp_open(at->net, &group, receive, NULL, &u), 0);
	assert_int_equal(zl_udp_open_shared(at->net, &group, receive, NULL, &v), -EADDRINUSE);
	assert_int_equal(zl_udp_elsewhere_shared(at->net, &group, 1, &v), -EADDRINUSE);
	zl_udp_close(at->net, u);
	assert_int_equal(zl_udp_elsewhere_shared(at->net, &group, 1, &u), 0);
	assert_int_equal(zl_udp_open(at->net, &group, receive, NULL, &v), -EADDRINUSE);
	assert_int_equal(zl_udp_elsewhere(at->net, &group, 1, &v), -EADDRINUSE);
	assert_int_equal(zl_udp_open_shared(at->net, &group, receive, NULL, &v), 0);
}

static void test_without_buffers_the_last_has_it_and_the_others_are_counted(void **state)
{
	struct rte_mbuf *all[256];
	unsigned n = 0, total = 0;

	(void)state;
	for (unsigned i = 0; i < SOCKETS; i++)
		open_member(&member[i]);
	while ((all[n] = rte_pktmbuf_alloc(at->pools.indirect)))
		n++;
	give();
	for (unsigned i = 0; i < SOCKETS; i++)
		total += member[i].got;
	assert_int_equal(total, 1);
	assert_int_equal(station_count(at, ZL_NET_datagram_drop_no_clone), SOCKETS - 1);
	rte_pktmbuf_free_bulk(all, n);
	give();
	assert_int_equal(station_count(at, ZL_NET_datagram_drop_no_clone), SOCKETS - 1);
}

static void test_every_core_with_such_sockets_gets_it_once(void **state)
{
	static const unsigned core[] = {1, 3, 1, 63, 3};
	struct zl_udp *there[RTE_DIM(core)], *out;
	unsigned seen = 0;

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(core); i++)
		assert_int_equal(zl_udp_elsewhere_shared(at->net, &group, core[i], &there[i]), 0);
	assert_int_equal(zl_udp_elsewhere_shared(at->net, &group, 64, &out), -EINVAL);
	for (unsigned here = 0; here < 2; here++) {
		handed.n = 0;
		give();
		assert_int_equal(handed.n, 3);
		for (unsigned i = 0; i < handed.n; i++)
			seen += handed.core[i];
		assert_int_equal(seen, (1 + 3 + 63) * (here + 1));
		expect(here, here, 0, 0);
		/* There it is for that core's own sockets alone, though it knows of ours. */
		for (unsigned i = 0; i < handed.n; i++)
			zl_net_handed_on(at->net, 0, &handed.packet[i], 1, at->now_ns);
		assert_int_equal(handed.n, 3);
		assert_int_equal(station_count(at, ZL_NET_datagram_drop_elsewhere), 0);
		expect(here * 4, here * 4, 0, 0);
		open_member(&member[0]);
		open_member(&member[1]);
	}
	zl_udp_close(at->net, there[1]);
	zl_udp_close(at->net, there[3]);
	zl_udp_close(at->net, there[2]);
	handed.n = 0;
	give();
	assert_int_equal(handed.n, 2);
	rte_pktmbuf_free_bulk(handed.packet, 2);
}

/* What was found right of a feed ends with its group, and where a port has its source's address. */
static void test_a_feed_is_looked_at_again_once_groups_or_ports_change(void **state)
{
	const struct zl_net_port another = {
		.mac.addr_bytes = {2, 0, 0, 0, 0, 9}, .ip = PEER_IP, .prefix_len = 24};

	(void)state;
	open_member(&member[0]);
	give();
	give();
	expect(2, 0, 0, 0);
	zl_group_leave(at->net, 0, GROUP, at->now_ns);
	give();
	expect(2, 0, 0, 0);
	assert_int_equal(station_count(at, ZL_NET_ip_drop_group), 1);
	assert_int_equal(zl_group_join(at->net, 0, GROUP, false, at->now_ns), 0);
	give();
	expect(3, 0, 0, 0);
	assert_int_equal(zl_net_port_add(at->net, 1, &another), 0);
	give();
	expect(3, 0, 0, 0);
	assert_int_equal(station_count(at, ZL_NET_ip_drop_source), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, station_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_each_gets_the_datagram),
		TEST(test_a_receiver_may_close_any_of_them_and_open_more),
		TEST(test_those_who_share_and_those_who_do_not_keep_apart),
		TEST(test_without_buffers_the_last_has_it_and_the_others_are_counted),
		TEST(test_every_core_with_such_sockets_gets_it_once),
		TEST(test_a_feed_is_looked_at_again_once_groups_or_ports_change),
	};

	return cmocka_run_group_tests(tests, eal_group_setup, NULL);
}
