/* Peers without ZMTP on poll cores: a STREAM that lives on core 0 in front of a DEALER there, and
 * connections on either core. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/core_pair.h"

#define MS UINT64_C(1000000)
#define ID "\0\1\2\3\4"

static struct wire raw, worker;
static uint64_t stream;

static int setup(void **state)
{
	struct zl_ipc_socket front = {.type = ZL_STREAM, .sndhwm = 10, .sndbuf = 1};
	struct zl_ipc_socket back = {.type = ZL_DEALER, .sndhwm = 10, .sndbuf = 1};

	(void)state;
	zl_options_default(&front.options);
	zl_options_default(&back.options);
	cores_start_device(ZL_BRIDGE, &front, &back);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cores_stop();
	return 0;
}

static void accept_raw(struct zl_lcore *c)
{
	peer_accept(c, &raw, IN);
	stream = ((struct zl_ipc_stream_open *)hear(c, ZL_IPC_STREAM_OPEN))->stream;
}

/* Control's verdict, without a word from the peer. */
static void let_in(struct zl_lcore *c)
{
	struct zl_ipc_stream_ready *ready = order_begin(c, ZL_IPC_STREAM_READY);

	ready->stream = stream;
	ready->peer_type = ZL_STREAM;
	ready->zmtp = ZL_ZMTP_NONE;
	ready->identity_len = 5;
	memcpy(ready->identity, ID, 5);
	order_send(c, 0);
	cores_turn(3);
}

static void says(struct zl_lcore *c, struct wire *w, const char *text, size_t n)
{
	(void)c;
	wire_give(w, (const uint8_t *)text, (unsigned)n, 0);
	wire_readable(w);
	cores_turn(3);
}
#define SAYS(c, w, text)     says(c, w, text, sizeof(text) - 1)
#define HEARS(w, text, msgs) wire_expect_queued(w, (const uint8_t *)(text), sizeof(text) - 1, msgs)

/* Frames of [routing id][bytes], as the worker has them. */
#define TO_WORKER(len, bytes) "\1\5" ID "\0" len bytes

static void conversation(struct zl_lcore *at, struct zl_lcore *worker_at)
{
	peer_join(worker_at, &worker, OUT, ZL_DEALER);
	cores_turn(2);
	accept_raw(at);
	SAYS(at, &raw, "early");
	HEARS(&worker, "", 0);
	let_in(at);
	HEARS(&worker, TO_WORKER("\0", "") TO_WORKER("\5", "early"), 2);
	SAYS(at, &raw, "GET /");
	HEARS(&worker, TO_WORKER("\5", "GET /"), 1);
	SAYS(worker_at, &worker, TO_WORKER("\2", "ok"));
	HEARS(&raw, "ok", 1);
	cores_turn(2);
	/* an answer, and the order to close behind it: it is still sent */
	SAYS(worker_at, &worker, TO_WORKER("\3", "bye") TO_WORKER("\0", ""));
	assert_int_equal(raw.aborts, 0);
	assert_int_equal(raw.shutdowns, 1);
	assert_int_equal(raw.stream.sendq.bytes, 3);
	zl_sendq_clear(&raw.stream.sendq);
	cores_turn(3);
	assert_string_equal(((struct zl_ipc_stream_closed *)hear(at, ZL_IPC_STREAM_CLOSED))->reason,
			    "closed_by_user");
	HEARS(&worker, "", 0);
	assert_int_equal(core[0].counter[ZL_CORE_close_by_user], 1);
	assert_int_equal(core[0].counter[ZL_CORE_close_misbehaved], 0);
}

static void test_a_connection_speaks_with_a_worker_and_is_closed_by_it(void **state)
{
	(void)state;
	conversation(&core[0], &core[0]);
}

static void test_the_same_from_another_core(void **state)
{
	(void)state;
	conversation(&core[1], &core[0]);
}

static void test_the_same_with_a_worker_on_another_core(void **state)
{
	(void)state;
	conversation(&core[0], &core[1]);
}

static void test_a_peer_that_goes_is_told_of_behind_what_it_said(void **state)
{
	(void)state;
	peer_join(&core[0], &worker, OUT, ZL_DEALER);
	accept_raw(&core[1]);
	let_in(&core[1]);
	wire_give(&raw, (const uint8_t *)"last", 4, 0);
	wire_fin(&raw);
	cores_turn(4);
	HEARS(&worker, TO_WORKER("\0", "") TO_WORKER("\4", "last") TO_WORKER("\0", ""), 3);
	assert_string_equal(
		((struct zl_ipc_stream_closed *)hear(&core[1], ZL_IPC_STREAM_CLOSED))->reason,
		"closed_by_peer");
}

/* There is no handshake that it could be late with; a new control hears of it anew. */
static void test_a_peer_waits_for_control_as_long_as_it_takes(void **state)
{
	(void)state;
	accept_raw(&core[0]);
	SAYS(&core[0], &raw, "early");
	control_gone(&core[0]);
	hear(&core[0], ZL_NOTICE_CONTROL_GONE);
	core[0].now_ns += 3600 * 1000 * MS;
	core_turn(&core[0]);
	assert_null(raw.closed);
	assert_int_equal(core[0].counter[ZL_CORE_close_handshake_timeout], 0);
	order_begin(&core[0], ZL_IPC_DUMP);
	order_send(&core[0], 0);
	core_turn(&core[0]);
	for (unsigned i = 0; i < 2; i++) /* of the DEALER's and the STREAM's matchers: none */
		if (core[0].dump.active)
			core_turn(&core[0]);
	hear(&core[0], ZL_IPC_RESULT);
	core_turn(&core[0]);
	assert_int_equal(((struct zl_ipc_stream_open *)hear(&core[0], ZL_IPC_STREAM_OPEN))->stream,
			 stream);
	let_in(&core[0]);
	assert_int_equal(core[0].counter[ZL_CORE_streams_ready], 1);
}

/* Nobody reads at first: all waits with its peer, notices too. */
static void test_everything_waits_for_a_worker(void **state)
{
	(void)state;
	accept_raw(&core[0]);
	let_in(&core[0]);
	SAYS(&core[0], &raw, "hello");
	assert_int_equal(raw.consumed, 0);
	peer_join(&core[0], &worker, OUT, ZL_DEALER);
	cores_turn(3);
	HEARS(&worker, TO_WORKER("\0", "") TO_WORKER("\5", "hello"), 2);
	assert_int_equal(raw.consumed, 5);
}

static void test_a_connection_that_says_nothing_is_told_of_once_there_is_a_worker(void **state)
{
	(void)state;
	accept_raw(&core[0]);
	let_in(&core[0]);
	peer_join(&core[0], &worker, OUT, ZL_DEALER);
	cores_turn(2);
	HEARS(&worker, TO_WORKER("\0", ""), 1);
}

/* More than a lane holds, while its reader stands still: those who send wait, and nobody is closed.
 */
static void test_a_full_lane_to_a_worker_holds_back_and_loses_nothing(void **state)
{
	enum {
		PIECES = 6000
	};
	static struct wire other;
	struct bytes got = {0};
	struct zl_ipc_stream_ready *ready;

	(void)state;
	zl_shard_find(&core[0], BACK)->socket.sndhwm = 0;
	peer_join(&core[1], &worker, OUT, ZL_DEALER);
	cores_turn(2);
	accept_raw(&core[0]);
	let_in(&core[0]);
	for (unsigned i = 0; i < PIECES; i++) { /* to the last place of the lane */
		wire_give(&raw, (const uint8_t *)"x", 1, 0);
		wire_readable(&raw);
	}
	for (unsigned i = 0; i < 100; i++)
		core_turn(&core[0]);
	assert_true(core[0].counter[ZL_CORE_stalls_lane] > 0);
	/* one more comes meanwhile, and is told of when there is room */
	peer_accept(&core[0], &other, IN);
	stream = ((struct zl_ipc_stream_open *)hear(&core[0], ZL_IPC_STREAM_OPEN))->stream;
	ready = order_begin(&core[0], ZL_IPC_STREAM_READY);
	ready->stream = stream;
	ready->peer_type = ZL_STREAM;
	ready->identity_len = 5;
	memcpy(ready->identity, "\0\1\2\3\5", 5);
	order_send(&core[0], 0);
	for (unsigned i = 0; i < 100; i++)
		core_turn(&core[0]);
	for (unsigned i = 0; i < 200; i++) {
		cores_turn(1);
		peer_reads(&worker, &got, UINT64_MAX);
	}
	assert_int_equal(core[0].counter[ZL_CORE_close_lane_full], 0);
	assert_null(worker.closed);
	/* frames: of the name 2 + 5; of a byte 3, of nothing 2 */
	assert_int_equal(got.n, PIECES * (7 + 3) + 2 * (7 + 2));
	bytes_free(&got);
}

#define CLAIM(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(test_a_connection_speaks_with_a_worker_and_is_closed_by_it),
		CLAIM(test_the_same_from_another_core),
		CLAIM(test_the_same_with_a_worker_on_another_core),
		CLAIM(test_a_peer_that_goes_is_told_of_behind_what_it_said),
		CLAIM(test_a_peer_waits_for_control_as_long_as_it_takes),
		CLAIM(test_everything_waits_for_a_worker),
		CLAIM(test_a_full_lane_to_a_worker_holds_back_and_loses_nothing),
		CLAIM(test_a_connection_that_says_nothing_is_told_of_once_there_is_a_worker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
