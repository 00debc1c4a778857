/* Losses and how they are repaired: RFC 6298, 5681, 6582, 3042; and the closed window. */
#include "tests/unit/tcp_trace.h"

static void ack(struct trace *t, uint32_t n)
{
	trace_in(t, A, 1, n, 60000, NULL, NULL, 0);
}

static void test_rto_backs_off_and_gives_up_after_user_timeout(void **state)
{
	struct trace *t = trace_open(NULL);
	uint64_t rto = 1000;

	(void)state;
	trace_accept(t, 60000);
	trace_write(t, 'a', 3000);
	trace_forget(t);
	rto = 200; /* measured by the handshake: the least */
	for (int i = 0; i < 5; i++, rto *= 2) {
		trace_after(t, (rto - 1) * MS);
		trace_silence(t);
		trace_after(t, 2 * MS);
		trace_out(t, A, 1, 1, 1000); /* one segment: cwnd is one */
		trace_silence(t);
		trace_after(t, 0);
		t->now_ns -= MS;
	}
	trace_after(t, 10000 * MS);
	assert_string_equal(t->reason, "timed_out");
	assert_int_equal(trace_count(t, ZL_NET_tcp_closed_timed_out), 1);
	trace_close(t);
}

static void test_after_a_timeout_slow_start_goes_over_what_was_sent(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_accept(t, 60000);
	trace_write(t, 'a', 4000);
	trace_forget(t);
	trace_after(t, 201 * MS);
	trace_out(t, A, 1, 1, 1000);
	ack(t, 1001);
	trace_out(t, A, 1001, 1, 1000);
	trace_out(t, A, 2001, 1, 1000);
	ack(t, 4001); /* the rest had come through */
	trace_silence(t);
	assert_int_equal(t->released_bytes, 4000);
	trace_after(t, 3000 * MS);
	trace_silence(t);
	trace_close(t);
}

static void test_third_duplicate_ack_retransmits_and_partial_acks_go_on(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_accept(t, 60000);
	trace_write(t, 'a', 10000);
	for (uint32_t i = 0; i < 10; i++)
		trace_out(t, A, 1 + i * 1000, 1, 1000);
	ack(t, 1001);
	ack(t, 1001);
	ack(t, 1001);
	trace_silence(t);
	ack(t, 1001);
	trace_out(t, A, 1001, 1, 1000); /* fast retransmit */
	trace_silence(t);
	ack(t, 1001);
	ack(t, 1001);
	trace_silence(t);
	ack(t, 5001); /* partial: the next hole at once */
	trace_out(t, A, 5001, 1, 1000);
	trace_silence(t);
	ack(t, 10001);
	trace_silence(t);
	assert_int_equal(trace_count(t, ZL_NET_tcp_fast_retransmits), 1);
	assert_int_equal(trace_count(t, ZL_NET_tcp_timeouts), 0);
	assert_int_equal(t->released_bytes, 10000);
	trace_close(t);
}

static void test_limited_transmit_sends_new_data_on_the_first_two_duplicates(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_accept(t, 60000);
	trace_write(t, 'a', 20000);
	for (uint32_t i = 0; i < 10; i++)
		trace_out(t, A, 1 + i * 1000, 1, 1000);
	trace_silence(t);
	ack(t, 1);
	trace_out(t, A, 10001, 1, 1000);
	ack(t, 1);
	trace_out(t, A, 11001, 1, 1000);
	trace_silence(t);
	ack(t, 1);
	trace_out(t, A, 1, 1, 1000);
	trace_close(t);
}

static void test_loss_of_the_retransmission_is_found_by_the_timer_alone(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_accept(t, 60000);
	trace_write(t, 'a', 5000);
	trace_forget(t);
	for (int i = 0; i < 3; i++)
		ack(t, 1);
	trace_out(t, A, 1, 1, 1000);
	trace_after(t, 202 * MS);
	trace_out(t, A, 1, 1, 1000);
	ack(t, 1); /* duplicates of what went before must not start another recovery */
	ack(t, 1);
	ack(t, 1);
	trace_silence(t);
	trace_close(t);
}

static void test_closed_window_is_probed_for_ever_as_long_as_the_peer_answers(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_accept(t, 1000);
	trace_write(t, 'a', 3000);
	trace_out(t, A, 1, 1, 1000);
	trace_in(t, A, 1, 1001, 0, NULL, NULL, 0);
	for (int i = 0; i < 40; i++) {
		while (t->sent_n == 0)
			trace_after(t, 10 * MS);
		trace_out(t, A, 1001, 1, 1);
		trace_in(t, A, 1, 1001, 0, NULL, NULL, 0);
	}
	assert_null(t->reason);
	assert_true(t->now_ns > 60000 * MS);
	assert_int_equal(trace_count(t, ZL_NET_tcp_fast_retransmits), 0);
	trace_in(t, A, 1, 1001, 5000, NULL, NULL, 0);
	trace_out(t, A, 1001, 1, 1000);
	trace_out(t, A, 2001, 1, 1000);
	trace_in(t, A, 1, 3001, 5000, NULL, NULL, 0);
	assert_int_equal(t->released_bytes, 3000);
	trace_close(t);
}

static void test_closed_window_of_a_dead_peer_ends_by_user_timeout(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_accept(t, 1000);
	trace_write(t, 'a', 3000);
	trace_in(t, A, 1, 1001, 0, NULL, NULL, 0);
	trace_after(t, 30000 * MS);
	assert_string_equal(t->reason, "timed_out");
	trace_forget(t);
	trace_close(t);
}

static void test_probe_that_is_taken_counts_as_sent(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_accept(t, 1000);
	trace_write(t, 'a', 2000);
	trace_out(t, A, 1, 1, 1000);
	trace_in(t, A, 1, 1001, 0, NULL, NULL, 0);
	trace_after(t, 202 * MS);
	trace_out(t, A, 1001, 1, 1);
	trace_in(t, A, 1, 1002, 1000, NULL, NULL, 0);
	assert_int_equal(trace_out(t, A, 1002, 1, 999).payload[0], (char)('a' + 1001));
	trace_close(t);
}

static void test_rtt_is_not_taken_from_what_was_sent_twice(void **state)
{
	struct trace *t = trace_open(NULL);
	uint32_t before;

	(void)state;
	trace_accept(t, 60000);
	trace_write(t, 'a', 100);
	trace_after(t, 10 * MS);
	ack(t, 101);
	before = zl_tcp_srtt_us(t->stream);
	assert_true(before > 0 && before <= 10000);
	trace_write(t, 'a', 100);
	trace_after(t, 5000 * MS);
	ack(t, 201);
	assert_int_equal(zl_tcp_srtt_us(t->stream), before);
	trace_forget(t);
	trace_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rto_backs_off_and_gives_up_after_user_timeout),
		cmocka_unit_test(test_after_a_timeout_slow_start_goes_over_what_was_sent),
		cmocka_unit_test(test_third_duplicate_ack_retransmits_and_partial_acks_go_on),
		cmocka_unit_test(test_limited_transmit_sends_new_data_on_the_first_two_duplicates),
		cmocka_unit_test(test_loss_of_the_retransmission_is_found_by_the_timer_alone),
		cmocka_unit_test(test_closed_window_is_probed_for_ever_as_long_as_the_peer_answers),
		cmocka_unit_test(test_closed_window_of_a_dead_peer_ends_by_user_timeout),
		cmocka_unit_test(test_probe_that_is_taken_counts_as_sent),
		cmocka_unit_test(test_rtt_is_not_taken_from_what_was_sent_twice),
	};

	return cmocka_run_group_tests(tests, eal_group_setup, NULL);
}
