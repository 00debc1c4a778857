/* A raw session: no greeting, no frames; buffers are messages, and bodies are what goes out. */
#include "tests/unit/test_zmtp_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state)
{
	(void)state;
	wires_start(64, 8000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	wires_stop();
	return 0;
}

static void open_raw(struct wire *w, uint64_t max_msg_bytes)
{
	wire_open(w, max_msg_bytes);
	zl_session_hold(&w->session);
	zl_session_ready(&w->session, false, ZL_ZMTP_NONE);
	assert_int_equal(w->session.state, ZL_SESSION_TRAFFIC);
}

static void give(struct wire *w, const char *text)
{
	wire_give(w, (const uint8_t *)text, (unsigned)strlen(text), 0);
}

/* What came up, one behind the other. */
static void expect_parts(struct wire *w, const char *const *parts)
{
	struct bytes expect = {0};

	for (; *parts; parts++)
		log_part(&expect, 0, (const uint8_t *)*parts, strlen(*parts));
	assert_int_equal(w->log.n, expect.n);
	if (expect.n)
		assert_memory_equal(w->log.at, expect.at, expect.n);
	bytes_free(&expect);
}
#define PARTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_nothing_is_read_before_the_verdict_and_nothing_is_relayed(void **state)
{
	struct wire w;

	(void)state;
	wire_open(&w, 0);
	zl_session_hold(&w.session);
	give(&w, "GET / HTTP/1.0\r\n");
	wire_readable(&w);
	assert_non_null(w.rx);
	zl_session_input(&w.session);
	assert_int_equal(w.parts, 0);
	zl_session_ready(&w.session, false, ZL_ZMTP_NONE);
	assert_int_equal(w.relayed.n, 0);
	expect_parts(&w, PARTS("GET / HTTP/1.0\r\n"));
	wire_expect_queued(&w, NULL, 0, 0);
	wire_close(&w);
}

/* Whatever they look like: a greeting, commands, frames with nonsense for flags. */
static void test_each_buffer_is_a_message_where_it_lies(void **state)
{
	uint64_t copied = zmtp.counter[ZL_ZMTP_bytes_copied_in];
	struct wire w;

	(void)state;
	open_raw(&w, 3); /* no limit on a message is for it */
	give(&w, "\4\5\4PING");
	give(&w, "\377\377");
	wire_readable(&w);
	give(&w, "one longer than three");
	wire_readable(&w);
	expect_parts(&w, PARTS("\4\5\4PING", "\377\377", "one longer than three"));
	assert_int_equal(zmtp.counter[ZL_ZMTP_bytes_copied_in], copied);
	assert_int_equal(w.consumed, w.given);
	wire_expect_queued(&w, NULL, 0, 0); /* no PONG */
	wire_close(&w);
}

static void test_any_bytes_come_up_in_order_however_they_are_taken(void **state)
{
	struct bytes in = {0}, got = {0};

	(void)state;
	for (unsigned i = 0; i < 300000; i++)
		bytes_add(&in, &(uint8_t){(uint8_t)(random() >> 8)}, 1);
	for (unsigned most = 1; most <= 2048; most *= 4) {
		size_t n = RTE_MIN(in.n, (size_t)most * 1500);
		struct wire w;

		open_raw(&w, 0);
		w.take = 0;
		wire_feed(&w, in.at, n, most);
		wire_readable(&w);
		while (w.consumed < w.given || w.session.parts.n) {
			w.take = 1 + below(20);
			zl_session_input(&w.session);
		}
		got.n = 0;
		for (size_t at = 0; at < w.log.n;) {
			uint32_t len;

			memcpy(&len, w.log.at + at + 1, sizeof(len));
			bytes_add(&got, w.log.at + at + 5, len);
			at += 5 + len;
		}
		assert_int_equal(got.n, n);
		assert_memory_equal(got.at, in.at, n);
		wire_close(&w);
	}
	bytes_free(&in);
	bytes_free(&got);
}

static void test_who_takes_nothing_stops_the_reading_and_the_end_comes_after_all(void **state)
{
	struct wire w;

	(void)state;
	open_raw(&w, 0);
	w.take = 1;
	give(&w, "a");
	give(&w, "b");
	wire_fin(&w);
	expect_parts(&w, PARTS("a"));
	give(&w, "c");
	wire_readable(&w);
	assert_true(w.session.stalled);
	assert_int_equal(w.consumed, 0);
	assert_int_equal(w.shutdowns, 0);
	w.take = UINT32_MAX;
	zl_session_input(&w.session);
	expect_parts(&w, PARTS("a", "b", "c"));
	assert_int_equal(w.shutdowns, 1);
	wire_expect_closed(&w, "closed_by_peer");
}

/* The same run to a raw session and to one with frames: bodies alone, whatever header they came
 * with, and small and big ones. */
static void test_bodies_alone_go_out(void **state)
{
	static const uint32_t lengths[] = {1, 200, 0, 255, 256, 1023, 1024, 1900, 70000, 3};
	struct bytes in = {0}, bodies = {0}, framed = {0};
	struct wire from, raw, other, *to[] = {&raw, &other};
	static uint8_t body[70000 + RTE_DIM(lengths)];

	(void)state;
	for (unsigned i = 0; i < sizeof(body); i++)
		body[i] = (uint8_t)(random() >> 8);
	wire_open_traffic(&from, 0, false);
	open_raw(&raw, 0);
	wire_open_traffic(&other, 0, false);
	for (unsigned i = 0; i < RTE_DIM(lengths); i++) {
		naive_frame(&in, 0, body + i, lengths[i], false);
		bytes_add(&bodies, body + i, lengths[i]);
	}
	from.to = to;
	from.n_to = 2;
	from.strip = true;
	from.sent = &framed;
	wire_feed(&from, in.at, in.n, 1500);
	wire_readable(&from);
	wire_expect_queued(&raw, bodies.at, bodies.n, RTE_DIM(lengths) - 1); /* one is nothing */
	wire_expect_queued(&other, framed.at, framed.n, RTE_DIM(lengths));
	wire_close(&from);
	wire_close(&raw);
	wire_close(&other);
	bytes_free(&in);
	bytes_free(&bodies);
	bytes_free(&framed);
	assert_int_equal(zmtp.apart_sessions, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_nothing_is_read_before_the_verdict_and_nothing_is_relayed, setup,
			teardown),
		cmocka_unit_test_setup_teardown(test_each_buffer_is_a_message_where_it_lies, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			test_any_bytes_come_up_in_order_however_they_are_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_who_takes_nothing_stops_the_reading_and_the_end_comes_after_all, setup,
			teardown),
		cmocka_unit_test_setup_teardown(test_bodies_alone_go_out, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
