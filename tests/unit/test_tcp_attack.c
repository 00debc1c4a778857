/* Segments from somebody off the path, and peers that want to exhaust us: RFC 5961, PAWS (RFC 7323
 * 5), bounds on memory. */
#include "tests/unit/tcp_trace.h"

static void test_only_the_exact_sequence_number_resets(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_accept(t, 60000);
	trace_in(t, R, 100, 0, 0, NULL, NULL, 0); /* in the window */
	trace_out(t, A, 1, 1, 0);
	trace_in(t, R, 0, 0, 0, NULL, NULL, 0); /* outside */
	trace_in(t, R, 70000, 0, 0, NULL, NULL, 0);
	trace_silence(t);
	assert_int_equal(trace_count(t, ZL_NET_tcp_tx_challenge_acks), 1);
	assert_null(t->reason);
	trace_in(t, R, 1, 0, 0, NULL, NULL, 0);
	assert_string_equal(t->reason, "reset_by_peer");
	trace_close(t);
}

static void test_data_before_a_reset_is_still_given(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_accept(t, 60000);
	trace_in_more(t, A, 1, 1, 60000, NULL, "abc", 3);
	trace_in(t, R, 4, 0, 0, NULL, NULL, 0);
	assert_int_equal(t->got_n, 3);
	assert_string_equal(t->reason, "reset_by_peer");
	trace_close(t);
}

static void test_syn_on_a_connection_is_challenged_at_a_limited_rate(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_accept(t, 60000);
	for (int i = 0; i < 50; i++)
		trace_in(t, S, 1, 0, 60000, NULL, NULL, 0);
	for (int i = 0; i < 10; i++)
		trace_out(t, A, 1, 1, 0);
	trace_silence(t);
	assert_int_equal(trace_count(t, ZL_NET_tcp_challenge_limited), 40);
	trace_after(t, 1000 * MS);
	trace_in(t, S, 1, 0, 60000, NULL, NULL, 0);
	trace_out(t, A, 1, 1, 0);
	trace_close(t);
}

static void test_acks_of_what_was_never_sent_or_long_ago_are_challenged(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_accept(t, 1000);
	trace_in(t, A, 1, 2, 1000, NULL, "abc", 3);
	trace_out(t, A, 1, 1, 0);
	trace_in(t, A, 1, 1 - 2000u, 1000, NULL, "abc", 3);
	trace_out(t, A, 1, 1, 0);
	assert_int_equal(t->got_n, 0);
	trace_in(t, A, 1, 0, 1000, NULL, "abc", 3); /* old, but within a window */
	assert_int_equal(t->got_n, 3);
	trace_close(t);
}

static void test_old_timestamps_are_dropped_and_acked(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	t->ts = true;
	trace_accept(t, 60000);
	t->ts_val = 2000;
	trace_in(t, A, 1, 1, 60000, NULL, "abc", 3);
	trace_after(t, 50 * MS);
	assert_int_equal(trace_out(t, A, 1, 4, 0).ts_ecr, 2000);
	t->ts_val = 1999;
	trace_in(t, A, 4, 1, 60000, NULL, "def", 3);
	trace_out(t, A, 1, 4, 0);
	assert_int_equal(t->got_n, 3);
	assert_int_equal(trace_count(t, ZL_NET_tcp_drop_paws), 1);
	trace_in(t, A, 4, 1, 60000, "", "def", 3); /* none at all */
	assert_int_equal(t->got_n, 3);
	assert_int_equal(trace_count(t, ZL_NET_tcp_drop_no_timestamp), 1);
	t->ts_val = 2000;
	trace_in(t, A, 4, 1, 60000, NULL, "def", 3);
	assert_int_equal(t->got_n, 6);
	trace_in(t, R, 7, 0, 0, "", NULL, 0); /* a RST needs none */
	assert_string_equal(t->reason, "reset_by_peer");
	trace_close(t);
}

static void test_timestamps_wrap(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	t->ts = true;
	t->ts_val = 1000;
	trace_accept(t, 60000);
	t->ts_val = 0x7fffff00;
	trace_in(t, A, 1, 1, 60000, NULL, "a", 1);
	trace_after(t, 50 * MS);
	t->ts_val = 0xfffffe00;
	trace_in(t, A, 2, 1, 60000, NULL, "b", 1);
	trace_after(t, 50 * MS);
	t->ts_val = 5;
	trace_in(t, A, 3, 1, 60000, NULL, "c", 1);
	assert_int_equal(t->got_n, 3);
	trace_forget(t);
	trace_close(t);
}

static void test_crumbs_out_of_order_cannot_pin_the_pool(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_accept(t, 60000);
	for (uint32_t i = 0; i < 2000; i++) {
		trace_in(t, A, 3 + 2 * i, 1, 60000, NULL, "x", 1);
		trace_forget(t);
	}
	assert_true(trace_count(t, ZL_NET_tcp_drop_ooo_full) > 0);
	assert_true(rte_mempool_avail_count(t->pools.frames) > 511 / 2);
	trace_close(t);
}

static void test_fin_beyond_the_window_and_text_beyond_the_fin_do_nothing(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_accept(t, 60000);
	trace_in(t, F | A, 70000, 1, 60000, NULL, NULL, 0);
	trace_in(t, F | A, 4, 1, 60000, NULL, NULL, 0);
	trace_in(t, A, 4, 1, 60000, NULL, "beyond", 6);
	trace_in(t, A, 1, 1, 60000, NULL, "abcdef", 6);
	assert_int_equal(t->got_n, 3);
	assert_true(t->stream->peer_closed);
	trace_forget(t);
	trace_close(t);
}

static void test_tiny_mss_is_not_obeyed(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_in(t, S, 0, 0, 60000, "02040001", NULL, 0);
	trace_out(t, S | A, 0, 1, 0);
	trace_in(t, A, 1, 1, 60000, NULL, NULL, 0);
	trace_write(t, 'a', 100);
	trace_out(t, A, 1, 1, 64);
	trace_forget(t);
	trace_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_the_exact_sequence_number_resets),
		cmocka_unit_test(test_data_before_a_reset_is_still_given),
		cmocka_unit_test(test_syn_on_a_connection_is_challenged_at_a_limited_rate),
		cmocka_unit_test(test_acks_of_what_was_never_sent_or_long_ago_are_challenged),
		cmocka_unit_test(test_old_timestamps_are_dropped_and_acked),
		cmocka_unit_test(test_timestamps_wrap),
		cmocka_unit_test(test_crumbs_out_of_order_cannot_pin_the_pool),
		cmocka_unit_test(test_fin_beyond_the_window_and_text_beyond_the_fin_do_nothing),
		cmocka_unit_test(test_tiny_mss_is_not_obeyed),
	};

	return cmocka_run_group_tests(tests, eal_group_setup, NULL);
}
