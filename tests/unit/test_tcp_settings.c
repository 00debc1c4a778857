/* What a listener or a connection has of its own: type of service, keepalive, time to connect, time
 * without an acknowledgement, backlog, the port it is heard at, and how long it lingers. */
#include <errno.h>

#include "tests/unit/tcp_trace.h"

static struct trace *listening(const struct zl_tcp_settings *s)
{
	struct trace *t = trace_open(NULL);

	assert_int_equal(zl_tcp_listen_set(t->net, 0, LISTEN_PORT, s), 0);
	return t;
}

static void test_every_segment_of_a_connection_has_its_type_of_service(void **state)
{
	const struct zl_tcp_settings s = {.tos = 0xb8};
	struct trace *t = listening(&s);

	(void)state;
	trace_in(t, S, 0, 0, 1000, NULL, NULL, 0);
	assert_int_equal(trace_out(t, S | A, 0, 1, 0).tos, 0xb8);
	trace_in(t, A, 1, 1, 1000, NULL, NULL, 0);
	trace_write(t, 'a', 10);
	assert_int_equal(trace_out(t, A, 1, 1, 10).tos, 0xb8);
	trace_close(t);
	t = trace_open(NULL);
	t->settings = &s;
	trace_connect(t, 1000);
	trace_write(t, 'a', 10);
	assert_int_equal(trace_out(t, A, 1, 1, 10).tos, 0xb8);
	trace_close(t);
	t = trace_open(NULL);
	trace_accept(t, 1000);
	trace_write(t, 'a', 10);
	assert_int_equal(trace_out(t, A, 1, 1, 10).tos, 0);
	trace_close(t);
}

static void test_keepalive_of_its_own_probes_at_its_times(void **state)
{
	const struct zl_tcp_settings s = {
		.keepalive_idle_ms = 3000, .keepalive_interval_ms = 500, .keepalive_probes = 2};
	struct trace *t = listening(&s);

	(void)state;
	trace_accept(t, 1000);
	trace_after(t, 300 * MS);
	trace_in(t, A, 1, 1, 900, NULL, NULL, 0); /* three seconds from here on */
	trace_after(t, 2990 * MS);
	trace_silence(t);
	trace_after(t, 11 * MS);
	trace_out(t, A, 0, 1, 0);
	trace_after(t, 501 * MS);
	trace_out(t, A, 0, 1, 0);
	trace_after(t, 501 * MS);
	trace_out(t, R | A, 1, 1, 0);
	assert_string_equal(t->reason, "keepalive_timeout");
	trace_close(t);
}

static void alive(struct zl_tcp_config *c)
{
	c->keepalive_idle_ms = 5000;
}

static void test_keepalive_may_be_off_for_one_and_on_for_all(void **state)
{
	const struct zl_tcp_settings off = {.keepalive_off = true};
	const struct zl_tcp_settings on = {.keepalive_on = true};
	struct trace *t = trace_open(alive);

	(void)state;
	assert_int_equal(zl_tcp_listen_set(t->net, 0, LISTEN_PORT, &off), 0);
	trace_accept(t, 1000);
	trace_after(t, 100000 * MS);
	trace_silence(t);
	trace_close(t);
	t = listening(&on); /* nobody said when: after two hours */
	trace_accept(t, 1000);
	trace_after(t, 7199 * 1000 * MS);
	trace_silence(t);
	trace_after(t, 2000 * MS);
	trace_out(t, A, 0, 1, 0);
	trace_close(t);
}

static void test_a_connect_that_takes_too_long_has_failed(void **state)
{
	const struct zl_tcp_settings s = {.connect_timeout_ms = 1500};
	struct trace *t = trace_open(NULL);

	(void)state;
	t->settings = &s;
	trace_dial(t);
	trace_after(t, 1001 * MS);
	trace_out(t, S, 0, 0, 0); /* once more */
	trace_after(t, 490 * MS);
	assert_null(t->reason);
	trace_after(t, 11 * MS);
	assert_string_equal(t->reason, "connect_timed_out");
	trace_close(t);
}

static void test_the_time_without_an_acknowledgement_is_its_own(void **state)
{
	const struct zl_tcp_settings s = {.user_timeout_ms = 2000};
	struct trace *t = listening(&s);

	(void)state;
	trace_accept(t, 1000);
	trace_write(t, 'a', 10);
	trace_after(t, 1990 * MS);
	assert_null(t->reason);
	trace_after(t, 20 * MS);
	assert_string_equal(t->reason, "timed_out");
	trace_close(t);
}

/* The configuration allows two. */
static void test_a_listener_has_a_backlog_of_its_own(void **state)
{
	const struct zl_tcp_settings s = {.backlog = 3};
	struct trace *t = listening(&s);

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		t->peer_port = (uint16_t)(PEER_PORT + i);
		trace_in(t, S, 0, 0, 1000, NULL, NULL, 0);
		trace_out(t, S | A, 0, 1, 0);
	}
	t->peer_port = PEER_PORT + 3;
	assert_int_equal(trace_count(t, ZL_NET_tcp_closed_crowded_out), 0);
	trace_in(t, S, 0, 0, 1000, NULL, NULL, 0);
	trace_out(t, S | A, 0, 1, 0);
	assert_int_equal(trace_count(t, ZL_NET_tcp_closed_crowded_out), 1);
	trace_close(t);
}

static void test_a_listener_of_another_port_is_not_heard(void **state)
{
	const struct zl_tcp_settings other = {.one_port = true, .port = 1};
	const struct zl_tcp_settings this = {.one_port = true, .port = 0};
	struct trace *t = listening(&other);

	(void)state;
	trace_in(t, S, 0, 0, 1000, NULL, NULL, 0);
	trace_out(t, R | A, 0, 1, 0);
	assert_int_equal(trace_count(t, ZL_NET_tcp_drop_no_listener), 1);
	assert_int_equal(zl_tcp_listen_set(t->net, 0, LISTEN_PORT, &this), 0);
	trace_accept(t, 1000);
	assert_int_equal(zl_tcp_listen_set(t->net, 0, LISTEN_PORT + 1, &this), -ENOENT);
	trace_close(t);
}

/* The peer has closed its window, and answers probes for ever. */
static void test_what_is_left_is_dropped_when_the_linger_is_over(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_accept(t, 0);
	trace_write(t, 'a', 10);
	trace_silence(t);
	t->stream->linger_ms = 3000;
	t->stream->ops->shutdown(t->stream);
	trace_turn(t);
	assert_int_equal(zl_tcp_sending(t->net), 1);
	for (unsigned i = 0; i < 28; i++) {
		trace_after(t, 100 * MS);
		trace_forget(t);
		trace_in(t, A, 1, 1, 0, NULL, NULL, 0);
	}
	assert_null(t->reason);
	trace_after(t, 201 * MS);
	assert_string_equal(t->reason, "linger_timeout");
	assert_int_equal(zl_tcp_sending(t->net), 0);
	trace_close(t);
}

static void test_lingering_ends_with_the_last_byte(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_accept(t, 1000);
	trace_write(t, 'a', 10);
	trace_out(t, A, 1, 1, 10);
	t->stream->linger_ms = 1000;
	t->stream->ops->shutdown(t->stream);
	trace_turn(t);
	trace_out(t, F | A, 11, 1, 0);
	trace_in(t, A, 1, 11, 1000, NULL, NULL, 0);
	assert_int_equal(zl_tcp_sending(t->net), 1); /* the end is not acknowledged yet */
	trace_in(t, A, 1, 12, 1000, NULL, NULL, 0);
	assert_int_equal(zl_tcp_sending(t->net), 0);
	trace_after(t, 2000 * MS); /* the peer takes its time to close */
	trace_in(t, F | A, 1, 12, 1000, NULL, NULL, 0);
	assert_string_equal(t->reason, "closed_here");
	trace_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_segment_of_a_connection_has_its_type_of_service),
		cmocka_unit_test(test_keepalive_of_its_own_probes_at_its_times),
		cmocka_unit_test(test_keepalive_may_be_off_for_one_and_on_for_all),
		cmocka_unit_test(test_a_connect_that_takes_too_long_has_failed),
		cmocka_unit_test(test_the_time_without_an_acknowledgement_is_its_own),
		cmocka_unit_test(test_a_listener_has_a_backlog_of_its_own),
		cmocka_unit_test(test_a_listener_of_another_port_is_not_heard),
		cmocka_unit_test(test_what_is_left_is_dropped_when_the_linger_is_over),
		cmocka_unit_test(test_lingering_ends_with_the_last_byte),
	};

	return cmocka_run_group_tests(tests, eal_group_setup, NULL);
}
