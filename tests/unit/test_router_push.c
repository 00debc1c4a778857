/* PUSH, PULL and what they share: one peer of many in turn, nothing dropped for want of room. */
#include "dataplane/router/device.h"
#include "tests/unit/router_log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct router_log front, back;
static struct zl_device device;

static void open_with(unsigned peers)
{
	log_open(&back, ZL_PUSH);
	for (unsigned i = 0; i < peers; i++)
		log_add(&back, i, ZL_PIPE_PEER);
}

static void test_messages_go_to_peers_in_turn_and_a_run_is_one_write_each(void **state)
{
	(void)state;
	open_with(3);
	assert_int_equal(log_send(&back, "a b c d e f g"), 7);
	assert_string_equal(back.out[0], "a d g ");
	assert_string_equal(back.out[1], "b e ");
	assert_string_equal(back.out[2], "c f ");
	assert_int_equal(back.writes, 3);
	assert_int_equal(log_send(&back, "h i"), 2);
	assert_string_equal(back.out[1], "b e h ");
	assert_string_equal(back.out[2], "c f i ");
	assert_int_equal(back.pipe[0].queued_msgs, 3);
	assert_int_equal(back.counter[ZL_ROUTER_messages_sent], 9);
	log_close(&back);
}

static void test_a_run_to_the_only_peer_is_one_write_as_it_is(void **state)
{
	(void)state;
	open_with(1);
	assert_int_equal(log_send(&back, "a b+c d"), 4);
	assert_string_equal(back.out[0], "a b+c d ");
	assert_int_equal(back.writes, 1);
	assert_int_equal(back.pipe[0].queued_msgs, 3);
	log_close(&back);
}

static void test_all_parts_of_a_message_go_to_one_peer_over_several_calls(void **state)
{
	(void)state;
	open_with(2);
	assert_int_equal(log_send(&back, "a+b c d+"), 4);
	assert_true(zl_socket_can_send(&back.socket));
	assert_int_equal(log_send(&back, "e+"), 1);
	assert_int_equal(log_send(&back, "f g"), 2);
	assert_string_equal(back.out[0], "a+b d+e+f ");
	assert_string_equal(back.out[1], "c g ");
	log_close(&back);
}

static void test_a_full_peer_is_passed_by_and_nothing_is_dropped(void **state)
{
	(void)state;
	open_with(3);
	assert_int_equal(log_send(&back, "a b c"), 3);
	back.pipe[1].queued_msgs = 10;
	assert_int_equal(log_send(&back, "d e f g"), 4);
	assert_string_equal(back.out[0], "a d f ");
	assert_string_equal(back.out[1], "b ");
	assert_string_equal(back.out[2], "c e g ");
	back.pipe[0].queued_msgs = back.pipe[2].queued_msgs = 9;
	assert_int_equal(log_send(&back, "h i j k"), 2);
	assert_false(zl_socket_can_send(&back.socket));
	assert_int_equal(log_send(&back, "j k"), 0);
	assert_int_equal(back.counter[ZL_ROUTER_dropped_hwm], 0);
	assert_int_equal(back.counter[ZL_ROUTER_stalls_send], 2);
	zl_socket_released(&back.pipe[1], 2, 2);
	assert_true(zl_socket_can_send(&back.socket));
	assert_int_equal(log_send(&back, "j k l"), 2);
	assert_string_equal(back.out[1], "b j k ");
	log_close(&back);
}

static void test_bytes_below_sndbuf_are_room_whatever_the_count(void **state)
{
	(void)state;
	open_with(1);
	back.pipe[0].sndbuf_bytes = 100;
	back.pipe[0].queued_msgs = 50;
	back.pipe[0].queued_bytes = 98;
	assert_int_equal(log_send(&back, "ab cd"), 1);
	zl_socket_released(&back.pipe[0], 42, 0);
	assert_int_equal(log_send(&back, "cd"), 1);
	back.socket.pipe_bytes_max = 0; /* memory is short: nothing beyond sndbuf */
	assert_int_equal(log_send(&back, "ef"), 0);
	back.pipe[0].hwm_msgs = 0;
	assert_int_equal(log_send(&back, "ef"), 0);
	back.socket.pipe_bytes_max = UINT64_MAX;
	zl_socket_released(&back.pipe[0], 1, 1);
	assert_int_equal(log_send(&back, "ef"), 1);
	log_close(&back);
}

static void test_without_peers_nothing_is_taken(void **state)
{
	(void)state;
	open_with(0);
	assert_false(zl_socket_can_send(&back.socket));
	assert_int_equal(log_send(&back, "a"), 0);
	log_add(&back, 0, ZL_PIPE_PEER);
	assert_true(zl_socket_can_send(&back.socket));
	assert_int_equal(log_send(&back, "a"), 1);
	zl_socket_remove_pipe(&back.socket, &back.pipe[0]);
	assert_int_equal(log_send(&back, "b"), 0);
	log_close(&back);
}

static void test_a_peer_that_leaves_within_a_message_takes_the_rest_of_it(void **state)
{
	(void)state;
	open_with(2);
	assert_int_equal(log_send(&back, "a+"), 1);
	zl_socket_remove_pipe(&back.socket, &back.pipe[0]);
	assert_true(zl_socket_can_send(&back.socket));
	assert_int_equal(log_send(&back, "b+"), 1);
	assert_int_equal(log_send(&back, "c d"), 2);
	assert_string_equal(back.out[1], "d ");
	assert_int_equal(back.counter[ZL_ROUTER_broken_messages], 1);
	assert_int_equal(back.broken[0], 0);
	log_close(&back);
}

static void test_a_sender_that_leaves_within_a_message_ends_who_got_its_beginning(void **state)
{
	(void)state;
	open_with(2);
	assert_int_equal(log_send(&back, "a b+"), 2);
	zl_socket_broken(&back.socket);
	assert_int_equal(back.broken[0], 0);
	assert_int_equal(back.broken[1], 1);
	assert_int_equal(log_send(&back, "c"), 1);
	zl_socket_broken(&back.socket); /* at the end of a message: nothing to tell */
	assert_int_equal(back.broken[0] + back.broken[1], 1);
	log_close(&back);
}

/* Peers come, go, fill and drain in every order; each message goes out exactly once. */
static void test_every_message_goes_out_once_while_peers_come_and_go(void **state)
{
	uint32_t random = 1, sent = 0;
	bool there[8] = {0};

	(void)state;
	open_with(0);
	for (unsigned step = 0; step < 20000; step++) {
		unsigned i = (random = random * 1103515245 + 12345) >> 16 & 7;
		unsigned what = random >> 20 & 7;

		if (what == 0 && there[i]) {
			zl_socket_remove_pipe(&back.socket, &back.pipe[i]);
			there[i] = false;
		} else if (what == 1 && !there[i]) {
			log_add(&back, i, ZL_PIPE_PEER);
			there[i] = true;
		} else if (what < 5 && there[i]) {
			zl_socket_released(&back.pipe[i], 4, 8);
		} else {
			unsigned n = 0, room = 0;
			int taken;

			for (unsigned k = 0; k < 8; k++)
				room += there[k] ? 10 - back.pipe[k].queued_msgs : 0;
			taken = log_send(&back, "aa+b aa+b aa+b aa+b aa+b aa+b aa+b aa+b aa+b");
			assert_int_equal(taken, 2 * (room < 9 ? room : 9));
			sent += (unsigned)taken / 2;
			for (unsigned k = 0; k < 8; k++)
				n += (unsigned)strlen(back.out[k]) / 5;
			assert_int_equal(n, taken / 2);
			log_clear(&back);
		}
	}
	assert_int_equal(back.counter[ZL_ROUTER_messages_sent], sent);
	assert_true(sent > 10000);
	log_close(&back);
}

static void test_a_push_takes_nothing_from_its_peers(void **state)
{
	(void)state;
	open_with(1);
	assert_int_equal(log_input(&back, 0, "a b"), 2);
	assert_int_equal(back.counter[ZL_ROUTER_dropped_one_way], 2);
	assert_string_equal(back.received, "");
	log_close(&back);
}

static void test_a_pull_takes_whole_messages_and_sends_none(void **state)
{
	(void)state;
	log_open(&front, ZL_PULL);
	log_add(&front, 0, ZL_PIPE_PEER);
	log_add(&front, 1, ZL_PIPE_PEER);
	assert_int_equal(log_input(&front, 0, "a b+"), 2);
	assert_int_equal(log_input(&front, 1, "x"), 0);
	assert_int_equal(log_input(&front, 0, "c"), 1);
	assert_int_equal(log_input(&front, 1, "x"), 1);
	assert_string_equal(front.received, "a b+c x ");
	assert_int_equal(log_send(&front, "a"), -EOPNOTSUPP);
	assert_false(zl_socket_can_send(&front.socket));
	log_input(&front, 0, "d+");
	zl_socket_remove_pipe(&front.socket, &front.pipe[0]);
	assert_int_equal(front.broken_receive, 1);
	log_close(&front);
}

static unsigned to_device(void *ctx, const struct zl_msg *msgs, unsigned n)
{
	return zl_device_forward(&device, &((struct router_log *)ctx)->socket, msgs, n);
}

static void test_a_streamer_holds_its_senders_back_until_there_is_room(void **state)
{
	struct zl_socket_ops ops;

	(void)state;
	open_with(1);
	log_open(&front, ZL_PULL);
	log_add(&front, 0, ZL_PIPE_PEER);
	ops = *front.socket.ops;
	ops.receive = to_device;
	front.socket.ops = &ops;
	assert_int_equal(zl_device_open(&device, ZL_STREAMER, &back.socket, &front.socket),
			 -EINVAL);
	assert_int_equal(zl_device_open(&device, ZL_STREAMER, &front.socket, &back.socket), 0);
	back.pipe[0].queued_msgs = 8;
	assert_int_equal(log_input(&front, 0, "a b c"), 2);
	assert_true(zl_device_blocked(&device, &front.socket));
	assert_int_equal(log_input(&front, 0, "c"), 0);
	zl_socket_released(&back.pipe[0], 1, 1);
	assert_false(zl_device_blocked(&device, &front.socket));
	assert_int_equal(log_input(&front, 0, "c"), 1);
	assert_string_equal(back.out[0], "a b c ");
	assert_int_equal(device.parts_down, 3);
	assert_false(zl_device_blocked(&device, &back.socket)); /* PULL refuses, it is not full */
	log_close(&front);
	log_close(&back);
}

/* A long message that is refused is passed over to its end, over as many calls as that takes. */
static void test_a_device_passes_over_all_of_a_message_that_is_refused(void **state)
{
	struct zl_msg msgs[4];

	(void)state;
	log_open(&back, ZL_PULL);
	log_open(&front, ZL_PUSH);
	device = (struct zl_device){.frontend = &front.socket, .backend = &back.socket};
	assert_int_equal(zl_device_forward(&device, &front.socket, msgs, log_parse(msgs, "a b+")),
			 2);
	assert_true(device.passing[0]);
	assert_int_equal(zl_device_forward(&device, &front.socket, msgs, log_parse(msgs, "c+")), 1);
	assert_int_equal(zl_device_forward(&device, &front.socket, msgs, log_parse(msgs, "d e")),
			 2);
	assert_false(device.passing[0]);
	assert_int_equal(back.counter[ZL_ROUTER_dropped_refused], 3);
	log_close(&front);
	log_close(&back);
}

static void test_devices_join_what_fits(void **state)
{
	(void)state;
	assert_true(zl_ipc_device_joins(ZL_FORWARDER, ZL_XSUB, ZL_XPUB));
	assert_true(zl_ipc_device_joins(ZL_QUEUE, ZL_ROUTER, ZL_DEALER));
	assert_false(zl_ipc_device_joins(ZL_QUEUE, ZL_DEALER, ZL_ROUTER));
	assert_true(zl_ipc_device_joins(ZL_BRIDGE, ZL_PULL, ZL_PUB));
	assert_true(zl_ipc_device_joins(ZL_BRIDGE, ZL_PUSH, ZL_PULL));
	assert_true(zl_ipc_device_joins(ZL_BRIDGE, ZL_PAIR, ZL_PAIR));
	assert_true(zl_ipc_device_joins(ZL_BRIDGE, ZL_GATHER, ZL_SCATTER));
	assert_true(zl_ipc_device_joins(ZL_BRIDGE, ZL_CLIENT, ZL_CHANNEL));
	assert_true(zl_ipc_device_joins(ZL_BRIDGE, ZL_SUB, ZL_PUB));
	assert_false(zl_ipc_device_joins(ZL_BRIDGE, ZL_SUB, ZL_PUSH));
	assert_false(zl_ipc_device_joins(ZL_BRIDGE, ZL_PULL, ZL_PULL));
	assert_false(zl_ipc_device_joins(ZL_BRIDGE, ZL_PUSH, ZL_PUB));
	assert_false(zl_ipc_device_joins(ZL_BRIDGE, ZL_ROUTER, ZL_CLIENT));
	assert_false(zl_ipc_device_joins(ZL_BRIDGE, ZL_REQ, ZL_REP));
}

static void test_a_stream_is_joined_to_who_passes_its_messages_on(void **state)
{
	static const enum zl_socket_type fits[] = {ZL_DEALER, ZL_PAIR, ZL_PUSH,
						   ZL_PULL,   ZL_PUB,  ZL_XPUB};

	(void)state;
	for (enum zl_socket_type t = 0; t < ZL_SOCKET_TYPES; t++) {
		bool fit = false;

		for (unsigned i = 0; i < sizeof(fits) / sizeof(fits[0]); i++)
			fit |= fits[i] == t;
		assert_int_equal(zl_ipc_device_joins(ZL_BRIDGE, ZL_STREAM, t), fit);
		assert_int_equal(zl_ipc_device_joins(ZL_BRIDGE, t, ZL_STREAM), fit);
	}
	assert_false(zl_ipc_device_joins(ZL_QUEUE, ZL_STREAM, ZL_DEALER));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_go_to_peers_in_turn_and_a_run_is_one_write_each),
		cmocka_unit_test(test_a_run_to_the_only_peer_is_one_write_as_it_is),
		cmocka_unit_test(test_all_parts_of_a_message_go_to_one_peer_over_several_calls),
		cmocka_unit_test(test_a_full_peer_is_passed_by_and_nothing_is_dropped),
		cmocka_unit_test(test_bytes_below_sndbuf_are_room_whatever_the_count),
		cmocka_unit_test(test_without_peers_nothing_is_taken),
		cmocka_unit_test(test_a_peer_that_leaves_within_a_message_takes_the_rest_of_it),
		cmocka_unit_test(
			test_a_sender_that_leaves_within_a_message_ends_who_got_its_beginning),
		cmocka_unit_test(test_every_message_goes_out_once_while_peers_come_and_go),
		cmocka_unit_test(test_a_push_takes_nothing_from_its_peers),
		cmocka_unit_test(test_a_pull_takes_whole_messages_and_sends_none),
		cmocka_unit_test(test_a_streamer_holds_its_senders_back_until_there_is_room),
		cmocka_unit_test(test_a_device_passes_over_all_of_a_message_that_is_refused),
		cmocka_unit_test(test_devices_join_what_fits),
		cmocka_unit_test(test_a_stream_is_joined_to_who_passes_its_messages_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
