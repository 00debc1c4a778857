/* Options that a poll core acts on for each peer: what it is sent as it joins, heartbeats, the
 * deadline of its handshake, who may connect, and what is left when it is ended from here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/core_pair.h"

#define MS UINT64_C(1000000)

static struct zl_ipc_options *options;
static struct wire w;

static int setup(void **state)
{
	(void)state;
	cores_start();
	options = &zl_shard_find(&core[0], BACK)->config.options;
	zl_options_default(options);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cores_stop();
	return 0;
}

static void after(uint64_t ms)
{
	core[0].now_ns += ms * MS;
	core_turn(&core[0]);
}

static void test_a_new_subscriber_is_welcomed(void **state)
{
	(void)state;
	options->xpub_welcome_msg = (struct zl_ipc_option_bytes){.len = 2, .data = "hi"};
	zl_shard_options(zl_shard_find(&core[0], BACK));
	peer_join(&core[0], &w, OUT, ZL_SUB);
	wire_expect_queued(&w, (const uint8_t *)"\0\2hi", 4, 1);
}

static void test_a_peer_is_pinged_and_closed_if_it_does_not_answer(void **state)
{
	static const uint8_t ping[] = "\4\7\4PING\0\12";

	(void)state;
	options->heartbeat_ivl = 1000;
	options->heartbeat_timeout = 300;
	options->heartbeat_ttl = 1000;
	peer_join(&core[0], &w, OUT, ZL_SUB);
	after(990);
	wire_expect_queued(&w, NULL, 0, 0);
	after(11);
	wire_expect_queued(&w, ping, 9, 0);
	after(310);
	core_turn(&core[0]);
	assert_string_equal(
		((struct zl_ipc_stream_closed *)hear(&core[0], ZL_IPC_STREAM_CLOSED))->reason,
		"heartbeat_timeout");
}

static void test_a_peer_whose_own_ttl_runs_out_is_closed(void **state)
{
	struct bytes b = {0};

	(void)state;
	peer_join(&core[0], &w, OUT, ZL_SUB);
	naive_command(&b, "PING", "\0\5", 2); /* half a second */
	peer_say(&core[0], &w, &b);
	bytes_free(&b);
	after(1);
	after(490);
	hear_nothing(&core[0]);
	after(20);
	core_turn(&core[0]);
	assert_string_equal(
		((struct zl_ipc_stream_closed *)hear(&core[0], ZL_IPC_STREAM_CLOSED))->reason,
		"heartbeat_ttl");
}

static void expect_timeout(uint64_t closes)
{
	core_turn(&core[0]);
	assert_string_equal(
		((struct zl_ipc_stream_closed *)hear(&core[0], ZL_IPC_STREAM_CLOSED))->reason,
		"handshake_timeout");
	assert_int_equal(core[0].counter[ZL_CORE_close_handshake_timeout], closes);
}

/* A byte now and then is no handshake. */
static void test_who_greets_and_says_no_more_gains_no_time(void **state)
{
	struct bytes b = {0};

	(void)state;
	options->handshake_ivl = 500;
	peer_accept(&core[0], &w, OUT);
	hear(&core[0], ZL_IPC_STREAM_OPEN);
	for (unsigned i = 0; i < 4; i++) {
		b.n = 0;
		bytes_add(&b, i ? "\0" : "\xff", 1);
		peer_say(&core[0], &w, &b);
		after(120);
		hear_nothing(&core[0]);
	}
	bytes_free(&b);
	after(21);
	expect_timeout(1);
}

static void test_a_handshake_has_as_long_as_its_socket_says(void **state)
{
	static struct wire other, third;

	(void)state;
	core[0].handshake_ms = 100;
	options->handshake_ivl = 500;
	peer_accept(&core[0], &w, OUT);
	hear(&core[0], ZL_IPC_STREAM_OPEN);
	after(490);
	hear_nothing(&core[0]);
	assert_int_equal(core[0].counter[ZL_CORE_close_handshake_timeout], 0);
	after(11);
	expect_timeout(1);
	options->handshake_ivl = -1; /* as all have it */
	peer_accept(&core[0], &third, OUT);
	hear(&core[0], ZL_IPC_STREAM_OPEN);
	after(90);
	hear_nothing(&core[0]);
	after(11);
	expect_timeout(2);
	options->handshake_ivl = 0;
	peer_accept(&core[0], &other, OUT);
	hear(&core[0], ZL_IPC_STREAM_OPEN);
	after(3600 * 1000);
	hear_nothing(&core[0]);
}

static void test_only_who_passes_the_filter_is_let_in(void **state)
{
	(void)state;
	options->accept_filters = 1;
	options->tcp_accept_filter[0] = (struct zl_ipc_network){0x0a000100, 24};
	wire_open(&w, 0);
	w.stream.remote.ip = 0x0a000201;
	assert_false(zl_peer_accept(&core[0], OUT, &w.stream));
	assert_int_equal(core[0].counter[ZL_CORE_drop_filtered], 1);
	w.stream.remote.ip = 0x0a000107;
	assert_true(zl_peer_accept(&core[0], OUT, &w.stream));
}

/* Is what is queued for it sent, and for how long? */
static void ends(int32_t linger, bool flush, bool sent, uint32_t for_ms)
{
	uint64_t id = peer_join(&core[0], &w, OUT, ZL_SUB);

	options->linger = linger;
	zl_peer_end(zl_peer_find(&core[0], id), "ended", flush);
	assert_int_equal(w.shutdowns, sent);
	assert_int_equal(w.aborts, !sent);
	assert_int_equal(w.stream.linger_ms, for_ms);
	core_turn(&core[0]);
	hear(&core[0], ZL_IPC_STREAM_CLOSED);
}

static void test_linger_decides_what_is_left_when_a_peer_is_ended_here(void **state)
{
	(void)state;
	ends(ZL_LINGER_UNSET, true, true, 0);
	ends(ZL_LINGER_UNSET, false, false, 0);
	ends(0, true, false, 0);
	ends(-1, false, true, 0);
	ends(700, false, true, 700);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_a_new_subscriber_is_welcomed),
		T(test_a_peer_is_pinged_and_closed_if_it_does_not_answer),
		T(test_a_peer_whose_own_ttl_runs_out_is_closed),
		T(test_a_handshake_has_as_long_as_its_socket_says),
		T(test_who_greets_and_says_no_more_gains_no_time),
		T(test_only_who_passes_the_filter_is_let_in),
		T(test_linger_decides_what_is_left_when_a_peer_is_ended_here),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
