/* Closing: RFC 9293 3.6, TIME-WAIT and its reuse (RFC 6191), keepalive (RFC 1122 4.2.3.6). */
#include "tests/unit/tcp_trace.h"

static void test_we_close_first_and_wait_out_time_wait(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_accept(t, 60000);
	trace_write(t, 'a', 1500);
	trace_forget(t);
	t->stream->ops->shutdown(t->stream);
	trace_turn(t);
	trace_out(t, F | A, 1501, 1, 0);
	trace_in(t, A, 1, 1502, 60000, NULL, NULL, 0);
	assert_int_equal(t->released_bytes, 1500);
	assert_null(t->reason);
	trace_in(t, A, 1, 1502, 60000, NULL, "late", 4); /* half-closed: still taken */
	assert_int_equal(t->got_n, 4);
	trace_in(t, F | A, 5, 1502, 60000, NULL, NULL, 0);
	assert_string_equal(t->reason, "closed_here");
	trace_out(t, A, 1502, 6, 0);
	trace_in(t, F | A, 5, 1502, 60000, NULL, NULL, 0); /* our ACK was lost */
	trace_out(t, A, 1502, 6, 0);
	trace_in(t, R, 6, 1502, 0, NULL, NULL, 0); /* RFC 1337 */
	trace_after(t, 1900 * MS);
	trace_in(t, F | A, 5, 1502, 60000, NULL, NULL, 0);
	trace_out(t, A, 1502, 6, 0);
	trace_after(t, 2001 * MS);
	trace_in(t, F | A, 5, 1502, 60000, NULL, NULL, 0);
	trace_out(t, R, 1502, 0, 0); /* now it is gone */
	trace_close(t);
}

static void test_peer_closes_first_and_we_may_go_on_sending(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_accept(t, 60000);
	trace_in(t, F | A, 1, 1, 60000, NULL, "bye", 3);
	assert_true(t->stream->peer_closed);
	assert_int_equal(t->got_n, 3);
	trace_out(t, A, 1, 5, 0);
	trace_write(t, 'a', 100);
	trace_out(t, A, 1, 5, 100);
	t->stream->ops->shutdown(t->stream);
	trace_turn(t);
	trace_out(t, F | A, 101, 5, 0);
	trace_in(t, A, 5, 101, 60000, NULL, NULL, 0);
	assert_null(t->reason);
	trace_in(t, A, 5, 102, 60000, NULL, NULL, 0);
	assert_string_equal(t->reason, "closed_by_peer");
	assert_int_equal(t->released_bytes, 100);
	trace_close(t);
}

static void test_simultaneous_close_ends_in_time_wait(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_accept(t, 60000);
	t->stream->ops->shutdown(t->stream);
	trace_turn(t);
	trace_out(t, F | A, 1, 1, 0);
	trace_in(t, F | A, 1, 1, 60000, NULL, NULL, 0);
	trace_out(t, A, 2, 2, 0);
	assert_null(t->reason);
	trace_in(t, A, 2, 2, 60000, NULL, NULL, 0);
	assert_string_equal(t->reason, "closed_here");
	assert_int_equal(trace_count(t, ZL_NET_tcp_time_waits), 1);
	trace_close(t);
}

static void test_shutdown_sends_all_that_is_queued_first(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_accept(t, 1000);
	trace_write(t, 'a', 2500);
	t->stream->ops->shutdown(t->stream);
	trace_turn(t);
	trace_out(t, A, 1, 1, 1000);
	trace_silence(t);
	trace_in(t, A, 1, 1001, 60000, NULL, NULL, 0);
	trace_out(t, A, 1001, 1, 1000);
	trace_out(t, F | A, 2001, 1, 500);
	trace_after(t, 210 * MS); /* the FIN is sent again with the data */
	trace_out(t, A, 1001, 1, 1000);
	trace_in(t, A, 1, 2001, 60000, NULL, NULL, 0);
	trace_out(t, F | A, 2001, 1, 500);
	trace_in(t, F | A, 1, 2502, 60000, NULL, NULL, 0);
	trace_out(t, A, 2502, 2, 0);
	assert_string_equal(t->reason, "closed_here");
	trace_close(t);
}

static void test_fin_out_of_order_waits_for_the_gap(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_accept(t, 60000);
	trace_in(t, F | A, 4, 1, 60000, NULL, "def", 3);
	trace_out(t, A, 1, 1, 0);
	assert_false(t->stream->peer_closed);
	trace_in(t, A, 1, 1, 60000, NULL, "abc", 3);
	trace_out(t, A, 1, 8, 0);
	assert_true(t->stream->peer_closed);
	assert_memory_equal(t->got, "abcdef", 6);
	trace_close(t);
}

static void test_closed_waits_until_the_owner_has_taken_everything(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_accept(t, 60000);
	t->hold = true;
	trace_in(t, A, 1, 1, 60000, NULL, "abc", 3);
	t->stream->ops->shutdown(t->stream);
	trace_turn(t);
	trace_in(t, F | A, 4, 2, 60000, NULL, NULL, 0);
	assert_null(t->reason);
	t->hold = false;
	t->stream->events->readable(t->stream);
	trace_turn(t);
	assert_int_equal(t->got_n, 3);
	assert_string_equal(t->reason, "closed_here");
	trace_forget(t);
	trace_close(t);
}

static void to_time_wait(struct trace *t)
{
	trace_accept(t, 60000);
	t->stream->ops->shutdown(t->stream);
	trace_turn(t);
	trace_out(t, F | A, 1, 1, 0);
	trace_in(t, F | A, 1, 2, 60000, NULL, NULL, 0);
	trace_out(t, A, 2, 2, 0);
	assert_string_equal(t->reason, "closed_here");
	t->reason = NULL;
}

static void test_time_wait_is_reused_by_a_syn_with_a_higher_sequence_number(void **state)
{
	struct trace *t = trace_open(NULL);
	uint32_t old_isn;

	(void)state;
	to_time_wait(t);
	trace_in(t, S, 1, 0, 60000, NULL, NULL, 0); /* not higher: an old duplicate */
	trace_out(t, A, 2, 2, 0);
	old_isn = t->our_isn;
	trace_in(t, S, 5000, 0, 60000, NULL, NULL, 0);
	trace_out(t, S | A, 0, 5001, 0);
	assert_true((int32_t)(t->our_isn - old_isn) > 65536);
	trace_in(t, A, 5001, 1, 60000, NULL, NULL, 0);
	assert_int_equal(t->accepted, 2);
	trace_close(t);
}

static void test_time_wait_is_reused_by_a_syn_with_a_later_timestamp(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	t->ts = true;
	to_time_wait(t);
	trace_in(t, S, 5000, 0, 60000, "0101080a000003e700000000", NULL, 0); /* 999: older */
	trace_out(t, A, 2, 2, 0);
	trace_in(t, S, 0, 0, 60000, "0101080a000003e900000000", NULL, 0); /* 1001 */
	trace_out(t, S | A, 0, 1, 0);
	assert_int_equal(trace_count(t, ZL_NET_tcp_time_wait_reused), 1);
	trace_close(t);
}

static void test_full_table_recycles_the_oldest_time_wait(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		t->peer_port = (uint16_t)(1000 + i);
		to_time_wait(t);
	}
	assert_int_equal(trace_count(t, ZL_NET_tcp_closed_recycled), 4);
	assert_int_equal(trace_count(t, ZL_NET_tcp_table_full), 0);
	trace_close(t);
}

static void test_peer_that_never_closes_is_reset(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_accept(t, 60000);
	t->stream->ops->shutdown(t->stream);
	trace_turn(t);
	trace_out(t, F | A, 1, 1, 0);
	trace_in(t, A, 1, 2, 60000, NULL, NULL, 0);
	trace_after(t, 10001 * MS);
	trace_out(t, R | A, 2, 1, 0);
	assert_string_equal(t->reason, "fin_timeout");
	trace_close(t);
}

static void alive(struct zl_tcp_config *c)
{
	c->keepalive_idle_ms = 5000;
	c->keepalive_interval_ms = 1000;
	c->keepalive_probes = 2;
}

static void test_keepalive_probes_an_idle_peer_and_ends_a_dead_one(void **state)
{
	struct trace *t = trace_open(alive);

	(void)state;
	trace_accept(t, 60000);
	trace_after(t, 5001 * MS);
	trace_out(t, A, 0, 1, 0);
	trace_in(t, A, 1, 1, 60000, NULL, NULL, 0);
	trace_after(t, 4900 * MS);
	trace_silence(t);
	trace_after(t, 1200 * MS);
	trace_out(t, A, 0, 1, 0);
	trace_after(t, 1001 * MS);
	trace_out(t, A, 0, 1, 0);
	trace_after(t, 1001 * MS);
	trace_out(t, R | A, 1, 1, 0);
	assert_string_equal(t->reason, "keepalive_timeout");
	trace_close(t);
}

static void test_keepalive_probe_of_the_peer_is_answered(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_accept(t, 60000);
	trace_in(t, A, 0, 1, 60000, NULL, NULL, 0);
	trace_out(t, A, 1, 1, 0);
	trace_in(t, A, 0, 1, 60000, NULL, "x", 1); /* with a byte, as old ones do */
	trace_out(t, A, 1, 1, 0);
	assert_int_equal(t->got_n, 0);
	trace_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_we_close_first_and_wait_out_time_wait),
		cmocka_unit_test(test_peer_closes_first_and_we_may_go_on_sending),
		cmocka_unit_test(test_simultaneous_close_ends_in_time_wait),
		cmocka_unit_test(test_shutdown_sends_all_that_is_queued_first),
		cmocka_unit_test(test_fin_out_of_order_waits_for_the_gap),
		cmocka_unit_test(test_closed_waits_until_the_owner_has_taken_everything),
		cmocka_unit_test(test_time_wait_is_reused_by_a_syn_with_a_higher_sequence_number),
		cmocka_unit_test(test_time_wait_is_reused_by_a_syn_with_a_later_timestamp),
		cmocka_unit_test(test_full_table_recycles_the_oldest_time_wait),
		cmocka_unit_test(test_peer_that_never_closes_is_reset),
		cmocka_unit_test(test_keepalive_probes_an_idle_peer_and_ends_a_dead_one),
		cmocka_unit_test(test_keepalive_probe_of_the_peer_is_answered),
	};

	return cmocka_run_group_tests(tests, eal_group_setup, NULL);
}
