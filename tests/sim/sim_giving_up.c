/* When the network or the peer is gone for good, a connection says so, for the right reason, at the
 * right time, and leaves nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/pair.h"

static void test_a_handshake_that_nobody_answers_times_out(void **state)
{
	struct link_params link = {.delay_ns = PAIR_MS, .loss_ppm = 1000000};
	struct zl_tcp_config tcp;
	struct pair p;

	(void)state;
	zl_tcp_config_default(&tcp);
	pair_create(&p, 1, &link, &tcp);
	pair_connect(&p, 2 * PAIR_SEC, 1000);
	pair_run(&p, 1000 * PAIR_SEC);
	assert_true(p.client[0].closed);
	assert_false(p.client[0].established);
	assert_string_equal(p.client[0].reason, "connect_timed_out");
	pair_destroy(&p);
}

static void test_a_handshake_gives_up_after_its_retries_backed_off(void **state)
{
	/* A first connection resolves ARP; nothing comes through afterwards. */
	struct link_params link = {.delay_ns = PAIR_MS,
				   .blackout_from_ns = 3 * PAIR_SEC,
				   .blackout_ns = 10000 * PAIR_SEC};
	struct zl_tcp_config tcp;
	struct pair p;
	uint64_t took, segments;

	(void)state;
	zl_tcp_config_default(&tcp);
	pair_create(&p, 1, &link, &tcp);
	pair_connect(&p, 2 * PAIR_SEC, 1000);
	pair_run(&p, 3 * PAIR_SEC);
	segments = zl_net_counters(world_net(p.world, 0))[ZL_NET_tcp_tx_segments];
	pair_connect(&p, 4 * PAIR_SEC, 1000);
	while (!p.client[1].closed && world_step(p.world, 1000 * PAIR_SEC))
		continue;
	assert_string_equal(p.client[1].reason, "connect_timed_out");
	took = world_now(p.world) - 4 * PAIR_SEC;
	segments = zl_net_counters(world_net(p.world, 0))[ZL_NET_tcp_tx_segments] - segments;
	/* RFC 6298 2.1 and 5.5: 1 s, doubled with each of five retries. */
	assert_in_range(took, 60 * PAIR_SEC, 66 * PAIR_SEC);
	assert_int_equal(segments, 6);
	pair_destroy(&p);
}

static void test_nobody_listening_refuses_at_once(void **state)
{
	struct link_params link = {.delay_ns = PAIR_MS};
	struct zl_tcp_config tcp;
	struct pair p;

	(void)state;
	zl_tcp_config_default(&tcp);
	pair_create(&p, 1, &link, &tcp);
	pair_connect(&p, 2 * PAIR_SEC, 1000);
	zl_tcp_unlisten(world_net(p.world, 1), 0, 5000);
	while (!p.client[0].closed && world_step(p.world, 1000 * PAIR_SEC))
		continue;
	assert_string_equal(p.client[0].reason, "refused");
	assert_true(world_now(p.world) < 2 * PAIR_SEC + 10 * PAIR_MS);
	pair_destroy(&p);
}

static void test_unacknowledged_data_ends_at_the_user_timeout(void **state)
{
	struct link_params link = {.delay_ns = PAIR_MS,
				   .rate_bps = 10000000,
				   .blackout_from_ns = 3 * PAIR_SEC,
				   .blackout_ns = 10000 * PAIR_SEC};
	struct zl_tcp_config tcp;
	struct pair p;

	(void)state;
	zl_tcp_config_default(&tcp);
	tcp.user_timeout_ms = 30000;
	pair_create(&p, 1, &link, &tcp);
	pair_connect(&p, 2 * PAIR_SEC, 10000000);
	while (!p.client[0].closed && world_step(p.world, 1000 * PAIR_SEC))
		continue;
	assert_true(p.client[0].established);
	assert_string_equal(p.client[0].reason, "timed_out");
	/* At the timeout, or with the retransmission that follows it: RTOs double, so that may be
	 * as late again. */
	assert_in_range(world_now(p.world), 32 * PAIR_SEC, 65 * PAIR_SEC);
	pair_destroy(&p);
}

static void test_keepalive_finds_a_peer_that_vanished(void **state)
{
	struct link_params link = {.delay_ns = PAIR_MS,
				   .blackout_from_ns = 20 * PAIR_SEC,
				   .blackout_ns = 10000 * PAIR_SEC};
	struct zl_tcp_config tcp;
	struct pair p;

	(void)state;
	zl_tcp_config_default(&tcp);
	tcp.keepalive_idle_ms = 5000;
	tcp.keepalive_interval_ms = 1000;
	tcp.keepalive_probes = 4;
	pair_create(&p, 1, &link, &tcp);
	pair_connect(&p, 2 * PAIR_SEC, 1000);
	p.client[0].plan.end = END_AFTER_PEER; /* so both sit and wait */
	pair_run(&p, 19 * PAIR_SEC);
	assert_false(p.client[0].closed); /* probed and answered, twice and more */
	assert_in_range(zl_net_counters(world_net(p.world, 0))[ZL_NET_tcp_keepalive_probes], 2, 4);
	pair_run(&p, 1000 * PAIR_SEC);
	assert_string_equal(p.client[0].reason, "keepalive_timeout");
	assert_string_equal(p.server[0].reason, "keepalive_timeout");
	/* Last heard of between 15 and 20 s; then 5 s idle and four probes a second apart. */
	assert_in_range(world_now(p.world), 22 * PAIR_SEC, 32 * PAIR_SEC);
	pair_destroy(&p);
}

static void test_a_lively_peer_that_is_only_quiet_is_kept(void **state)
{
	struct link_params link = {.delay_ns = PAIR_MS, .loss_ppm = 100000};
	struct zl_tcp_config tcp;
	struct pair p;

	(void)state;
	zl_tcp_config_default(&tcp);
	tcp.keepalive_idle_ms = 5000;
	tcp.keepalive_interval_ms = 1000;
	tcp.keepalive_probes = 10;
	pair_create(&p, 1, &link, &tcp);
	pair_connect(&p, 2 * PAIR_SEC, 1000);
	p.client[0].plan.end = END_AFTER_PEER;
	pair_run(&p, 3600 * PAIR_SEC);
	assert_false(p.client[0].closed);
	assert_false(p.server[0].closed);
	assert_int_equal(p.server[0].received, 1000);
	pair_destroy(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_handshake_that_nobody_answers_times_out),
		cmocka_unit_test(test_a_handshake_gives_up_after_its_retries_backed_off),
		cmocka_unit_test(test_nobody_listening_refuses_at_once),
		cmocka_unit_test(test_unacknowledged_data_ends_at_the_user_timeout),
		cmocka_unit_test(test_keepalive_finds_a_peer_that_vanished),
		cmocka_unit_test(test_a_lively_peer_that_is_only_quiet_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
