/* Heartbeats of our own (RFC 37): PINGs with a TTL at an interval, a peer that does not answer, and
 * one whose own TTL runs out. The clock is the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/test_zmtp_wire.h"

#define S UINT64_C(1000000000)

static int setup(void **state)
{
	(void)state;
	wires_start(32, 1000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	wires_stop();
	return 0;
}

static void begin(struct wire *w, uint32_t interval_ms, uint32_t timeout_ms, uint16_t ttl_ds)
{
	const struct zl_heartbeats ours = {interval_ms, timeout_ms, ttl_ds};

	wire_open_traffic(w, 0, false);
	zl_session_heartbeats(&w->session, &ours, 0);
}

static void say(struct wire *w, const char *name, const void *data, size_t n)
{
	struct bytes b = {0};

	naive_command(&b, name, data, n);
	wire_feed(w, b.at, b.n, 100);
	wire_readable(w);
	bytes_free(&b);
}

static void say_x(struct wire *w)
{
	wire_feed(w, (const uint8_t *)"\0\1x", 3, 10);
	wire_readable(w);
}

static void expect_ping(struct wire *w, const char *ttl)
{
	struct bytes b = {0};

	naive_command(&b, "PING", ttl, 2);
	wire_expect_queued(w, b.at, b.n, 0);
	bytes_free(&b);
}

static void test_a_ping_goes_out_at_every_interval_with_its_ttl(void **state)
{
	struct wire w;

	(void)state;
	begin(&w, 1000, 5000, 300);
	assert_int_equal(zl_session_heartbeat(&w.session, 0), S);
	wire_expect_queued(&w, NULL, 0, 0);
	assert_int_equal(zl_session_heartbeat(&w.session, S), 2 * S);
	expect_ping(&w, "\1\54");
	say(&w, "PONG", "", 0);
	assert_int_equal(zl_session_heartbeat(&w.session, 2 * S), 3 * S);
	expect_ping(&w, "\1\54");
	wire_close(&w);
}

static void test_without_an_interval_nothing_is_sent_or_missed(void **state)
{
	struct wire w;

	(void)state;
	begin(&w, 0, 1000, 0);
	assert_true(zl_session_heartbeat(&w.session, 0) == UINT64_MAX);
	assert_true(zl_session_heartbeat(&w.session, 100 * S) == UINT64_MAX);
	wire_expect_queued(&w, NULL, 0, 0);
	wire_close(&w);
}

static void test_a_peer_that_sends_nothing_after_a_ping_is_closed(void **state)
{
	struct wire w;

	(void)state;
	begin(&w, 1000, 2500, 0);
	assert_int_equal(zl_session_heartbeat(&w.session, S), 2 * S);
	assert_int_equal(zl_session_heartbeat(&w.session, 2 * S), 3 * S);
	/* the first PING is what counts, and the last of them is due after the timeout */
	assert_int_equal(zl_session_heartbeat(&w.session, 3 * S), 3 * S + S / 2);
	assert_true(zl_session_heartbeat(&w.session, 3 * S + S / 2) == UINT64_MAX);
	wire_expect_closed(&w, "heartbeat_timeout");
}

static void test_whatever_a_peer_sends_shows_that_it_is_there(void **state)
{
	struct wire w;

	(void)state;
	begin(&w, 1000, 1500, 0);
	for (unsigned i = 1; i < 10; i++) {
		zl_session_heartbeat(&w.session, i * S);
		say_x(&w);
	}
	assert_null(w.closed);
	assert_int_equal(w.parts, 9);
	wire_close(&w);
}

static void test_without_a_timeout_a_silent_peer_stays_and_is_not_flooded(void **state)
{
	struct wire w;

	(void)state;
	begin(&w, 1000, 0, 0);
	for (unsigned i = 1; i < 100; i++)
		zl_session_heartbeat(&w.session, i * S);
	expect_ping(&w, "\0\0"); /* one: it has not acknowledged it */
	zl_session_heartbeat(&w.session, 100 * S);
	expect_ping(&w, "\0\0");
	wire_close(&w);
}

/* We do not read, so we do not know. */
static void test_a_peer_that_is_held_back_is_not_missed(void **state)
{
	struct wire w;

	(void)state;
	begin(&w, 1000, 1500, 0);
	w.take = 0;
	say_x(&w);
	assert_true(w.session.stalled);
	for (unsigned i = 1; i < 10; i++)
		zl_session_heartbeat(&w.session, i * S);
	assert_null(w.closed);
	w.take = 1;
	zl_session_input(&w.session);
	zl_session_heartbeat(&w.session, 10 * S);
	zl_session_heartbeat(&w.session, 11 * S);
	zl_session_heartbeat(&w.session, 12 * S);
	wire_expect_closed(&w, "heartbeat_timeout");
}

static void test_a_peer_that_is_silent_longer_than_its_ttl_is_closed(void **state)
{
	struct wire w;

	(void)state;
	begin(&w, 0, 0, 0);
	say(&w, "PING", "\0\12", 2); /* one second */
	assert_int_equal(w.expected, 1);
	assert_int_equal(zl_session_heartbeat(&w.session, S), 2 * S);
	say(&w, "PING", "\0\12", 2);
	assert_int_equal(zl_session_heartbeat(&w.session, 2 * S), 3 * S);
	assert_true(zl_session_heartbeat(&w.session, 3 * S) == UINT64_MAX);
	wire_expect_closed(&w, "heartbeat_ttl");
}

#define T(f) cmocka_unit_test(f)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_a_ping_goes_out_at_every_interval_with_its_ttl),
		T(test_without_an_interval_nothing_is_sent_or_missed),
		T(test_a_peer_that_sends_nothing_after_a_ping_is_closed),
		T(test_whatever_a_peer_sends_shows_that_it_is_there),
		T(test_without_a_timeout_a_silent_peer_stays_and_is_not_flooded),
		T(test_a_peer_that_is_held_back_is_not_missed),
		T(test_a_peer_that_is_silent_longer_than_its_ttl_is_closed),
	};

	return cmocka_run_group_tests_name("zmtp heartbeat", tests, setup, teardown);
}
