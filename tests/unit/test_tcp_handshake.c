/* Opening: RFC 9293 3.5, options of RFC 7323, bounds on what is half open. */
#include "tests/unit/tcp_trace.h"

#include <errno.h>

#include "dataplane/net/tcp/siphash.h"

static void big_window(struct zl_tcp_config *c)
{
	c->rcvbuf = 1 << 20;
}

static void few_retries(struct zl_tcp_config *c)
{
	c->syn_retries = 2;
}

static void test_siphash_gives_the_reference_vectors(void **state)
{
	const uint64_t key[2] = {0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull};
	uint8_t message[15];

	(void)state;
	for (uint8_t i = 0; i < sizeof(message); i++)
		message[i] = i;
	assert_true(siphash24(key, message, 15) == 0xa129ca6149be45e5ull);
	assert_true(siphash24(key, message, 0) == 0x726fdb47dd0e0e31ull);
}

static void test_passive_open_answers_each_option_that_was_offered(void **state)
{
	struct trace *t = trace_open(big_window);
	struct trace_segment s;

	(void)state;
	trace_in(t, S, 0, 0, 1000, "020405b401030307010180ff", NULL, 0);
	trace_silence(t); /* malformed: dropped */
	assert_int_equal(trace_count(t, ZL_NET_tcp_drop_header), 1);
	trace_in(t, S, 0, 0, 1000, "020405b4010303070101080a000003e800000000", NULL, 0);
	s = trace_out(t, S | A, 0, 1, 0);
	assert_int_equal(s.mss, 1460);
	assert_int_equal(s.wscale, 5);
	assert_true(s.has_ts && s.ts_ecr == 1000);
	assert_int_equal(s.wnd, 65535); /* never scaled in a SYN */
	t->ts = true;
	trace_in(t, A, 1, 1, 10, NULL, NULL, 0);
	assert_int_equal(t->accepted, 1);
	trace_write(t, 'a', 1280); /* 10 << 7 */
	trace_out(t, A, 1, 1, 1280);
	trace_close(t);
}

static void test_passive_open_without_options_assumes_the_defaults(void **state)
{
	struct trace *t = trace_open(big_window);
	struct trace_segment s;

	(void)state;
	trace_in(t, S, 0, 0, 1000, NULL, NULL, 0);
	s = trace_out(t, S | A, 0, 1, 0);
	assert_int_equal(s.wscale, -1);
	assert_false(s.has_ts);
	trace_in(t, A, 1, 1, 1000, NULL, NULL, 0);
	trace_write(t, 'a', 600);
	trace_out(t, A, 1, 1, 536);
	trace_out(t, A, 537, 1, 64);
	trace_close(t);
}

static void test_active_open_offers_everything_and_is_established_by_the_answer(void **state)
{
	struct trace *t = trace_open(big_window);
	struct zl_endpoint_addr far = {.ip = 0x0b000001, .port = 1};
	struct zl_stream *s;

	(void)state;
	assert_int_equal(zl_tcp_connect(t->net, &far, NULL, NULL, &s, t->now_ns), -ENETUNREACH);
	trace_connect(t, 5000);
	trace_write(t, 'a', 10);
	trace_out(t, A, 1, 1, 10);
	trace_after(t, 3 * MS);
	trace_in(t, A, 1, 11, 5000, NULL, NULL, 0);
	assert_int_equal(t->released_bytes, 10);
	assert_int_equal(t->released_msgs, 1);
	trace_close(t);
}

static void test_refused_connect_is_closed_with_that_reason(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_dial(t);
	trace_in(t, R | A, 0, 5, 0, NULL, NULL, 0); /* not for our SYN */
	trace_silence(t);
	assert_null(t->reason);
	trace_in(t, R | A, 0, 1, 0, NULL, NULL, 0);
	assert_string_equal(t->reason, "refused");
	trace_close(t);
}

static void test_syn_is_sent_again_with_back_off_then_given_up(void **state)
{
	struct trace *t = trace_open(few_retries);

	(void)state;
	trace_dial(t);
	trace_after(t, 1001 * MS);
	trace_out(t, S, 0, 0, 0);
	trace_after(t, 1990 * MS);
	trace_silence(t);
	trace_after(t, 12 * MS);
	trace_out(t, S, 0, 0, 0);
	trace_after(t, 4001 * MS);
	trace_silence(t);
	assert_string_equal(t->reason, "connect_timed_out");
	trace_close(t);
}

static void test_simultaneous_open_is_established_on_both_sides(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	trace_dial(t);
	trace_in(t, S, 0, 0, 1000, "020403e8", NULL, 0);
	trace_out(t, S | A, 0, 1, 0);
	assert_int_equal(t->established, 0);
	trace_in(t, S | A, 0, 1, 1000, "020403e8", NULL, 0);
	assert_int_equal(t->established, 1);
	trace_forget(t);
	trace_in(t, A, 1, 1, 1000, NULL, "hello", 5);
	assert_int_equal(t->got_n, 5);
	trace_close(t);
}

static void knock(struct trace *t, uint16_t port, unsigned crowded_out)
{
	t->peer_port = port;
	trace_in(t, S, 0, 0, 1000, NULL, NULL, 0);
	trace_out(t, S | A, 0, 1, 0);
	assert_int_equal(trace_count(t, ZL_NET_tcp_closed_crowded_out), crowded_out);
}

/* RFC 4987 3.4. Whose SYN comes again is known still, and opens nothing. */
static void test_in_a_full_backlog_the_oldest_makes_room_for_the_newest(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	knock(t, 1, 0);
	knock(t, 2, 0);
	knock(t, 3, 1);
	knock(t, 2, 1);
	knock(t, 3, 1);
	assert_int_equal(trace_count(t, ZL_NET_tcp_passive_opens), 3);
	assert_int_equal(trace_count(t, ZL_NET_tcp_drop_backlog), 0);
	trace_in(t, A, 1, 1, 1000, NULL, NULL, 0);
	assert_int_equal(t->accepted, 1); /* and is in the way no more */
	knock(t, 4, 1);
	knock(t, 2, 1);
	knock(t, 5, 2);
	knock(t, 4, 2);
	assert_int_equal(trace_count(t, ZL_NET_tcp_passive_opens), 5);
	trace_close(t);
}

/* Until it has been answered nobody is the one that waits. */
static void test_more_syns_in_one_turn_than_the_backlog_are_dropped(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	for (t->peer_port = 1; t->peer_port <= 3; t->peer_port++)
		trace_in_more(t, S, 0, 0, 1000, NULL, NULL, 0);
	trace_turn(t);
	assert_int_equal(trace_count(t, ZL_NET_tcp_drop_backlog), 1);
	trace_out(t, S | A, 0, 1, 0);
	trace_out(t, S | A, 0, 1, 0);
	trace_silence(t);
	trace_close(t);
}

static void test_half_open_connection_ends_by_itself(void **state)
{
	struct trace *t = trace_open(few_retries);

	(void)state;
	trace_in(t, S, 0, 0, 1000, NULL, NULL, 0);
	trace_out(t, S | A, 0, 1, 0);
	trace_in(t, S, 0, 0, 1000, NULL, NULL, 0); /* the peer did not see it */
	trace_out(t, S | A, 0, 1, 0);
	trace_after(t, 20000 * MS);
	assert_int_equal(t->sent_n, 2);
	trace_forget(t);
	trace_in(t, A, 1, 1, 1000, NULL, NULL, 0);
	trace_out(t, R, 1, 0, 0);
	trace_close(t);
}

static void test_what_nobody_wants_is_reset(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	t->our_port = 99;
	trace_in(t, S, 0, 0, 1000, NULL, NULL, 0);
	trace_out(t, R | A, 0 - t->our_isn, 1, 0);
	trace_in(t, A, 7, 9, 1000, NULL, NULL, 0);
	trace_out(t, R, 9, 0, 0);
	trace_in(t, R, 7, 9, 1000, NULL, NULL, 0);
	trace_silence(t);
	t->our_port = LISTEN_PORT;
	t->refuse = true;
	trace_in(t, S, 0, 0, 1000, NULL, NULL, 0);
	trace_out(t, S | A, 0, 1, 0);
	trace_in(t, A, 1, 1, 1000, NULL, NULL, 0);
	trace_out(t, R | A, 1, 1, 0);
	assert_int_equal(trace_count(t, ZL_NET_tcp_closed_not_accepted), 1);
	assert_null(t->reason);
	trace_close(t);
}

static void test_listening_says_what_is_wrong(void **state)
{
	struct trace *t = trace_open(NULL);

	(void)state;
	assert_int_equal(zl_tcp_listen(t->net, 0, LISTEN_PORT, 1), -EADDRINUSE);
	assert_int_equal(zl_tcp_listen(t->net, 0x01010101, 1, 1), -EADDRNOTAVAIL);
	trace_in(t, S, 0, 0, 1000, NULL, NULL, 0);
	trace_out(t, S | A, 0, 1, 0);
	zl_tcp_unlisten(t->net, 0, LISTEN_PORT);
	trace_in(t, A, 1, 1, 1000, NULL, NULL, 0);
	trace_out(t, R | A, 1, 1, 0);
	assert_int_equal(trace_count(t, ZL_NET_tcp_closed_unlistened), 1);
	assert_int_equal(zl_tcp_listen(t->net, OUR_IP, LISTEN_PORT, 1), 0);
	trace_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_siphash_gives_the_reference_vectors),
		cmocka_unit_test(test_passive_open_answers_each_option_that_was_offered),
		cmocka_unit_test(test_passive_open_without_options_assumes_the_defaults),
		cmocka_unit_test(
			test_active_open_offers_everything_and_is_established_by_the_answer),
		cmocka_unit_test(test_refused_connect_is_closed_with_that_reason),
		cmocka_unit_test(test_syn_is_sent_again_with_back_off_then_given_up),
		cmocka_unit_test(test_simultaneous_open_is_established_on_both_sides),
		cmocka_unit_test(test_in_a_full_backlog_the_oldest_makes_room_for_the_newest),
		cmocka_unit_test(test_more_syns_in_one_turn_than_the_backlog_are_dropped),
		cmocka_unit_test(test_half_open_connection_ends_by_itself),
		cmocka_unit_test(test_what_nobody_wants_is_reset),
		cmocka_unit_test(test_listening_says_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, eal_group_setup, NULL);
}
