/* Data in and out of an established connection: order, acknowledgement, windows. */
#include "tests/unit/tcp_trace.h"

#include <string.h>

static char text[8192];

static void fill(void)
{
	for (unsigned i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i % 26);
}

static void data(struct trace *t, uint32_t from, uint32_t len)
{
	trace_in(t, A, 1 + from, 1, 60000, NULL, text + from, len);
}

static void data_more(struct trace *t, uint32_t from, uint32_t len)
{
	trace_in_more(t, A, 1 + from, 1, 60000, NULL, text + from, len);
}

static void got(struct trace *t, uint32_t n)
{
	assert_int_equal(t->got_n, n);
	assert_memory_equal(t->got, text, n);
}

static void test_data_goes_out_in_segments_of_the_mss_and_is_released_when_acked(void **state)
{
	struct trace *t = trace_open(NULL);
	struct trace_segment s;

	(void)state;
	trace_accept(t, 60000);
	trace_write(t, 'a', 2500);
	s = trace_out(t, A, 1, 1, 1000);
	assert_int_equal(s.payload[0], 'a');
	trace_out(t, A, 1001, 1, 1000);
	trace_out(t, A, 2001, 1, 500);
	trace_silence(t);
	trace_in(t, A, 1, 1501, 60000, NULL, NULL, 0);
	assert_int_equal(t->released_bytes, 1500);
	assert_int_equal(t->released_msgs, 0);
	trace_in(t, A, 1, 2501, 60000, NULL, NULL, 0);
	assert_int_equal(t->released_bytes, 2500);
	assert_int_equal(t->released_msgs, 1);
	trace_after(t, 5000 * MS);
	trace_silence(t);
	trace_close(t);
}

static void test_data_waits_while_the_port_has_no_room_but_acks_go(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	fill();
	trace_accept(t, 60000);
	t->port_full = true;
	trace_write(t, 'a', 1500);
	trace_silence(t);
	assert_int_equal(trace_count(t, ZL_NET_tcp_output_held), 1);
	data_more(t, 0, 1000);
	data(t, 1000, 1000);
	trace_out(t, A, 1, 2001, 0);
	trace_turn(t);
	trace_silence(t);
	t->port_full = false;
	trace_turn(t);
	trace_out(t, A, 1, 2001, 1000);
	trace_out(t, A, 1001, 2001, 500);
	trace_silence(t);
	trace_in(t, A, 2001, 1501, 60000, NULL, NULL, 0);
	assert_int_equal(t->released_bytes, 1500);
	assert_int_equal(trace_count(t, ZL_NET_tcp_timeouts), 0);
	trace_close(t);
}

static void test_held_back_for_long_data_goes_when_there_is_room(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_accept(t, 60000);
	trace_write(t, 'a', 1000);
	trace_out(t, A, 1, 1, 1000);
	t->port_full = true;
	trace_write(t, 'b', 1000);
	trace_in(t, A, 1, 1001, 60000, NULL, NULL, 0);
	trace_silence(t);
	t->port_full = false;
	trace_after(t, MS);
	trace_out(t, A, 1001, 1, 1000);
	trace_silence(t);
	trace_close(t);
}

static void test_small_writes_do_not_wait_for_an_ack(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_accept(t, 60000);
	trace_write(t, 'a', 10);
	trace_out(t, A, 1, 1, 10);
	trace_write(t, 'b', 10);
	trace_out(t, A, 11, 1, 10);
	trace_close(t);
}

static void test_ack_is_delayed_for_one_segment_and_sent_for_two(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_accept(t, 60000);
	data(t, 0, 1000);
	got(t, 1000);
	trace_after(t, 39 * MS);
	trace_silence(t);
	trace_after(t, 2 * MS);
	trace_out(t, A, 1, 1001, 0);
	data(t, 1000, 1000);
	trace_silence(t);
	data(t, 2000, 1000);
	trace_out(t, A, 1, 3001, 0);
	trace_after(t, 100 * MS);
	trace_silence(t);
	trace_close(t);
}

static void test_a_burst_is_acked_once_and_an_answer_carries_the_ack(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_accept(t, 60000);
	for (uint32_t i = 0; i < 7; i++)
		data_more(t, i * 1000, 1000);
	trace_turn(t);
	trace_out(t, A, 1, 7001, 0);
	trace_silence(t);
	assert_int_equal(t->readable, 1);
	got(t, 7000);
	data_more(t, 7000, 100);
	trace_write(t, 'a', 5);
	trace_out(t, A, 1, 7101, 5);
	trace_after(t, 100 * MS);
	trace_silence(t);
	trace_close(t);
}

/* PEER_ISN makes this cross 2^32. */
static void test_out_of_order_is_kept_and_each_segment_is_acked_at_once(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_accept(t, 60000);
	data_more(t, 2000, 1000);
	data_more(t, 4000, 1000);
	data_more(t, 3000, 1000);
	trace_turn(t);
	for (int i = 0; i < 3; i++)
		trace_out(t, A, 1, 1, 0);
	trace_silence(t);
	data(t, 0, 1000);
	trace_out(t, A, 1, 1001, 0); /* it does not fill the gap, but makes it smaller */
	data(t, 1000, 1000);
	trace_out(t, A, 1, 5001, 0);
	got(t, 5000);
	trace_close(t);
}

static void test_overlaps_are_trimmed(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_accept(t, 60000);
	data(t, 300, 100); /* [300,400) */
	data(t, 600, 100); /* [600,700) */
	data(t, 250, 400); /* over the first, into the second */
	data(t, 380, 300); /* nothing new */
	data(t, 690, 110); /* [700,800) is new */
	data(t, 240, 700); /* over all, and longer */
	data(t, 0, 260);
	got(t, 940);
	data(t, 900, 100); /* half of it old */
	got(t, 1000);
	data(t, 100, 200); /* all of it old */
	got(t, 1000);
	trace_forget(t);
	trace_after(t, 100 * MS);
	trace_close(t);
}

static void small_buffer(struct zl_tcp_config *c)
{
	c->rcvbuf = 4000;
}

static void test_window_closes_with_what_is_queued_and_its_edge_never_moves_back(void **state)
{
	struct trace *t = trace_open(small_buffer);

	(void)state;
	trace_accept(t, 60000);
	t->hold = true;
	data_more(t, 0, 1000);
	data_more(t, 1000, 1000);
	trace_turn(t);
	assert_int_equal(trace_out(t, A, 1, 2001, 0).wnd, 2000);
	data_more(t, 2000, 1000);
	data_more(t, 3000, 1200); /* 200 too many */
	trace_turn(t);
	assert_int_equal(trace_out(t, A, 1, 4001, 0).wnd, 0);
	data(t, 4000, 1); /* a probe is answered and not taken */
	assert_int_equal(trace_out(t, A, 1, 4001, 0).wnd, 0);
	t->hold = false;
	t->stream->events->readable(t->stream);
	trace_turn(t);
	assert_int_equal(trace_out(t, A, 1, 4001, 0).wnd, 4000);
	got(t, 4000);
	trace_close(t);
}

static void test_no_window_update_for_crumbs(void **state)
{
	struct trace *t = trace_open(small_buffer);

	(void)state;
	trace_accept(t, 60000);
	t->not_consume = true;
	for (uint32_t i = 0; i < 4; i++)
		data_more(t, i * 1000, 1000);
	trace_turn(t);
	assert_int_equal(trace_out(t, A, 1, 4001, 0).wnd, 0);
	t->stream->ops->consumed(t->stream, 1000);
	trace_turn(t);
	trace_silence(t);
	t->stream->ops->consumed(t->stream, 1000);
	trace_turn(t);
	assert_int_equal(trace_out(t, A, 1, 4001, 0).wnd, 2000);
	trace_close(t);
}

static void big_buffer(struct zl_tcp_config *c)
{
	c->rcvbuf = 1 << 20;
}

static void test_scaled_window_edge_never_moves_back_by_rounding(void **state)
{
	struct trace *t = trace_open(big_buffer);
	uint32_t edge, n = 0;

	(void)state;
	trace_in(t, S, 0, 0, 60000, "020405b401030303", NULL, 0);
	trace_out(t, S | A, 0, 1, 0);
	trace_in(t, A, 1, 1, 60000, NULL, NULL, 0);
	edge = 1 + 65535;
	t->not_consume = true;
	for (uint32_t i = 1; i < 100; i++) {
		struct trace_segment s;

		data_more(t, n, 7 * i % 50 + 1);
		n += 7 * i % 50 + 1;
		data_more(t, n, 3);
		n += 3;
		trace_turn(t);
		s = trace_out(t, A, 1, 1 + n, 0);
		assert_true(s.ack + ((uint32_t)s.wnd << 5) > edge - 32); /* RFC 7323 2.4 */
		edge = RTE_MAX(edge, s.ack + ((uint32_t)s.wnd << 5));
		assert_true(edge <= 1 + (1 << 20));
	}
	got(t, n);
	trace_close(t);
}

static void test_many_small_segments_do_not_pin_a_buffer_each(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	fill();
	trace_accept(t, 60000);
	t->hold = true;
	for (uint32_t i = 0; i < 3000; i++)
		data_more(t, i, 1);
	trace_turn(t);
	assert_true(rte_mempool_avail_count(t->pools.frames) > 480);
	t->hold = false;
	t->stream->events->readable(t->stream);
	got(t, 3000);
	trace_forget(t);
	trace_close(t);
}

static void abort_it(struct trace *t)
{
	t->stream->ops->abort(t->stream);
	t->stream = NULL;
}

static void test_abort_inside_readable_resets_and_nothing_follows(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_accept(t, 60000);
	t->on_readable = abort_it;
	trace_in(t, F | A, 1, 1, 60000, NULL, text, 1000);
	trace_out(t, R | A, 1, 1002, 0);
	trace_silence(t);
	assert_null(t->reason);
	trace_after(t, 100 * MS);
	data(t, 1000, 10);
	trace_out(t, R, 1, 0, 0);
	trace_close(t);
}

static void test_output_waits_for_buffers_and_loses_nothing(void **state)
{
	struct trace *t = trace_open(NULL);
	struct rte_mbuf *taken[512];
	unsigned n = 0;

	(void)state;
	trace_accept(t, 60000);
	while ((taken[n] = rte_pktmbuf_alloc(t->pools.frames)))
		n++;
	rte_pktmbuf_free(taken[--n]);
	trace_write(t, 'a', 1500); /* takes the last one */
	trace_silence(t);
	assert_true(trace_count(t, ZL_NET_tcp_no_buffer) > 0);
	while (n)
		rte_pktmbuf_free(taken[--n]);
	trace_after(t, 2 * MS);
	trace_out(t, A, 1, 1, 1000);
	trace_out(t, A, 1001, 1, 500);
	trace_close(t);
}

static void test_dry_pool_refuses_payload_and_takes_it_when_sent_again(void **state)
{
	struct trace *t = trace_open(NULL);
	struct rte_mbuf *taken[512];
	unsigned n = 0;

	(void)state;
	trace_accept(t, 60000);
	while (rte_mempool_avail_count(t->pools.frames) > 20)
		taken[n++] = rte_pktmbuf_alloc(t->pools.frames);
	data(t, 0, 1000); /* comes in; then the pool is seen to be low */
	data(t, 1000, 1000);
	got(t, 1000);
	assert_int_equal(trace_count(t, ZL_NET_tcp_drop_pool_low), 1);
	while (n)
		rte_pktmbuf_free(taken[--n]);
	trace_turn(t);
	data(t, 1000, 1000);
	got(t, 2000);
	trace_forget(t);
	trace_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_data_goes_out_in_segments_of_the_mss_and_is_released_when_acked),
		cmocka_unit_test(test_data_waits_while_the_port_has_no_room_but_acks_go),
		cmocka_unit_test(test_held_back_for_long_data_goes_when_there_is_room),
		cmocka_unit_test(test_small_writes_do_not_wait_for_an_ack),
		cmocka_unit_test(test_ack_is_delayed_for_one_segment_and_sent_for_two),
		cmocka_unit_test(test_a_burst_is_acked_once_and_an_answer_carries_the_ack),
		cmocka_unit_test(test_out_of_order_is_kept_and_each_segment_is_acked_at_once),
		cmocka_unit_test(test_overlaps_are_trimmed),
		cmocka_unit_test(
			test_window_closes_with_what_is_queued_and_its_edge_never_moves_back),
		cmocka_unit_test(test_no_window_update_for_crumbs),
		cmocka_unit_test(test_scaled_window_edge_never_moves_back_by_rounding),
		cmocka_unit_test(test_many_small_segments_do_not_pin_a_buffer_each),
		cmocka_unit_test(test_abort_inside_readable_resets_and_nothing_follows),
		cmocka_unit_test(test_output_waits_for_buffers_and_loses_nothing),
		cmocka_unit_test(test_dry_pool_refuses_payload_and_takes_it_when_sent_again),
	};

	fill();
	return cmocka_run_group_tests(tests, eal_group_setup, NULL);
}
