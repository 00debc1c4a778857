/* DEALER, PAIR, and the patterns of a single part: CLIENT, SCATTER, GATHER, CHANNEL. */
#include "tests/unit/router_log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct router_log l;

static void open_with(enum zl_socket_type type, unsigned peers)
{
	log_open(&l, type);
	for (unsigned i = 0; i < peers; i++)
		log_add(&l, i, ZL_PIPE_PEER);
}

static void test_a_dealer_sends_in_turn_and_receives_whole_messages(void **state)
{
	(void)state;
	open_with(ZL_DEALER, 2);
	assert_int_equal(log_send(&l, "a+b c d"), 4);
	assert_string_equal(l.out[0], "a+b d ");
	assert_string_equal(l.out[1], "c ");
	assert_int_equal(log_input(&l, 0, "x y+"), 2);
	assert_int_equal(log_input(&l, 1, "q"), 0);
	assert_int_equal(log_input(&l, 0, "z"), 1);
	assert_int_equal(log_input(&l, 1, "q"), 1);
	assert_string_equal(l.received, "x y+z q ");
	log_close(&l);
}

static void test_a_dealer_without_room_takes_nothing(void **state)
{
	(void)state;
	open_with(ZL_DEALER, 1);
	l.pipe[0].queued_msgs = 9;
	assert_int_equal(log_send(&l, "a b"), 1);
	assert_false(zl_socket_can_send(&l.socket));
	assert_int_equal(log_send(&l, "b"), 0);
	zl_socket_released(&l.pipe[0], 1, 1);
	assert_int_equal(log_send(&l, "b"), 1);
	log_close(&l);
}

static void test_a_dealer_greets_and_probes_who_is_new(void **state)
{
	const struct zl_socket_options options = {.probe_router = true,
						  .hello_msg = {(const uint8_t *)"hello", 5}};

	(void)state;
	log_open(&l, ZL_DEALER);
	l.socket.options = &options;
	log_add(&l, 0, ZL_PIPE_PEER);
	assert_string_equal(l.out[0], "hello  ");
	assert_int_equal(log_buffers(), 0);
	log_close(&l);
}

static void test_the_user_hears_that_a_peer_that_was_dialled_has_gone(void **state)
{
	const struct zl_socket_options options = {.hiccup_msg = {(const uint8_t *)"gone", 4}};

	(void)state;
	log_open(&l, ZL_DEALER);
	l.socket.options = &options;
	log_add(&l, 0, ZL_PIPE_PEER);
	log_add(&l, 1, ZL_PIPE_PEER);
	l.pipe[1].dialled = true;
	zl_socket_remove_pipe(&l.socket, &l.pipe[0]);
	assert_string_equal(l.received, "");
	zl_socket_remove_pipe(&l.socket, &l.pipe[1]);
	assert_string_equal(l.received, "gone ");
	assert_int_equal(log_buffers(), 0);
	log_close(&l);
}

static void test_a_pair_has_one_peer_and_refuses_a_second(void **state)
{
	(void)state;
	open_with(ZL_PAIR, 2);
	assert_string_equal(l.misbehaved, "1:second_peer ");
	assert_int_equal(l.counter[ZL_ROUTER_pipes_second], 1);
	assert_int_equal(log_send(&l, "a b+c"), 3);
	assert_string_equal(l.out[0], "a b+c ");
	assert_string_equal(l.out[1], "");
	assert_int_equal(log_input(&l, 1, "x"), 1);
	assert_int_equal(log_input(&l, 0, "y+z"), 2);
	assert_string_equal(l.received, "y+z ");
	zl_socket_remove_pipe(&l.socket, &l.pipe[1]);
	assert_int_equal(log_send(&l, "d"), 1);
	assert_string_equal(l.out[0], "a b+c d ");
	zl_socket_remove_pipe(&l.socket, &l.pipe[0]);
	assert_int_equal(log_send(&l, "e"), 0);
	log_add(&l, 2, ZL_PIPE_PEER);
	assert_int_equal(log_send(&l, "e"), 1);
	assert_string_equal(l.out[2], "e ");
	log_close(&l);
}

static void sends_single_parts_only(enum zl_socket_type type)
{
	open_with(type, 1);
	assert_int_equal(log_send(&l, "a b c+d e"), 2);
	assert_int_equal(log_send(&l, "c+d e"), -EINVAL);
	assert_int_equal(log_send(&l, "e"), 1);
	assert_string_equal(l.out[0], "a b e ");
	l.pipe[0].queued_msgs = 10;
	assert_int_equal(log_send(&l, "f"), 0);
	assert_int_equal(log_send(&l, "c+d"), -EINVAL);
	log_close(&l);
}

static void receives_single_parts_only(enum zl_socket_type type)
{
	open_with(type, 1);
	assert_int_equal(log_input(&l, 0, "a b+c d e+"), 5);
	assert_int_equal(log_input(&l, 0, "f+"), 1);
	assert_int_equal(log_input(&l, 0, "g h"), 2);
	assert_string_equal(l.received, "a d h ");
	assert_int_equal(l.counter[ZL_ROUTER_dropped_multipart], 2);
	l.accept = 1;
	assert_int_equal(log_input(&l, 0, "i j+k l"), 3);
	assert_int_equal(log_input(&l, 0, "l"), 0);
	log_close(&l);
}

static void test_client_scatter_and_channel_send_single_parts_only(void **state)
{
	(void)state;
	sends_single_parts_only(ZL_CLIENT);
	sends_single_parts_only(ZL_SCATTER);
	sends_single_parts_only(ZL_CHANNEL);
}

static void test_client_gather_and_channel_receive_single_parts_only(void **state)
{
	(void)state;
	receives_single_parts_only(ZL_CLIENT);
	receives_single_parts_only(ZL_GATHER);
	receives_single_parts_only(ZL_CHANNEL);
}

static void test_a_peer_that_leaves_within_a_dropped_message_leaves_nothing_behind(void **state)
{
	(void)state;
	open_with(ZL_GATHER, 1);
	assert_int_equal(log_input(&l, 0, "a+"), 1);
	zl_socket_remove_pipe(&l.socket, &l.pipe[0]);
	log_add(&l, 0, ZL_PIPE_PEER);
	assert_int_equal(log_input(&l, 0, "b"), 1);
	assert_string_equal(l.received, "b ");
	assert_int_equal(log_send(&l, "c"), -EOPNOTSUPP);
	log_close(&l);
}

static void test_a_channel_refuses_a_second_peer(void **state)
{
	(void)state;
	open_with(ZL_CHANNEL, 2);
	assert_string_equal(l.misbehaved, "1:second_peer ");
	assert_int_equal(log_input(&l, 1, "x"), 1);
	assert_string_equal(l.received, "");
	log_close(&l);
}

static void test_a_scatter_deals_out_and_takes_nothing(void **state)
{
	(void)state;
	open_with(ZL_SCATTER, 2);
	assert_int_equal(log_send(&l, "a b c d"), 4);
	assert_string_equal(l.out[0], "a c ");
	assert_string_equal(l.out[1], "b d ");
	assert_int_equal(log_input(&l, 0, "x"), 1);
	assert_int_equal(l.counter[ZL_ROUTER_dropped_one_way], 1);
	log_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_dealer_sends_in_turn_and_receives_whole_messages),
		cmocka_unit_test(test_a_dealer_without_room_takes_nothing),
		cmocka_unit_test(test_a_dealer_greets_and_probes_who_is_new),
		cmocka_unit_test(test_the_user_hears_that_a_peer_that_was_dialled_has_gone),
		cmocka_unit_test(test_a_pair_has_one_peer_and_refuses_a_second),
		cmocka_unit_test(test_client_scatter_and_channel_send_single_parts_only),
		cmocka_unit_test(test_client_gather_and_channel_receive_single_parts_only),
		cmocka_unit_test(
			test_a_peer_that_leaves_within_a_dropped_message_leaves_nothing_behind),
		cmocka_unit_test(test_a_channel_refuses_a_second_peer),
		cmocka_unit_test(test_a_scatter_deals_out_and_takes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
