/* XSUB, SUB and the forwarder: publishers take turns by whole messages. */
#include "dataplane/router/device.h"
#include "tests/unit/router_log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct router_log front, back;
static struct zl_device device;

static unsigned to_device(void *ctx, const struct zl_msg *msgs, unsigned n)
{
	return zl_device_forward(&device, &((struct router_log *)ctx)->socket, msgs, n);
}

static void to_device_broken(void *ctx, struct zl_pipe *pipe)
{
	struct router_log *l = ctx;

	if (pipe)
		l->broken[pipe - l->pipe]++;
	else
		zl_device_broken(&device, &l->socket);
}

static void test_publishers_take_turns_by_whole_messages(void **state)
{
	(void)state;
	log_open(&front, ZL_XSUB);
	log_add(&front, 0, ZL_PIPE_PEER);
	log_add(&front, 1, ZL_PIPE_PEER);
	assert_int_equal(log_input(&front, 0, "a b+"), 2);
	assert_int_equal(log_input(&front, 1, "x"), 0);
	assert_int_equal(log_input(&front, 0, "c"), 1);
	assert_int_equal(log_input(&front, 1, "x"), 1);
	assert_string_equal(front.received, "a b+c x ");
	assert_int_equal(front.pipe[0].msgs_in, 3);
	assert_int_equal(front.pipe[0].bytes_in, 3);
	log_close(&front);
}

static void test_what_the_receiver_refuses_stays_with_the_peer(void **state)
{
	(void)state;
	log_open(&front, ZL_XSUB);
	log_add(&front, 0, ZL_PIPE_PEER);
	front.accept = 2;
	assert_int_equal(log_input(&front, 0, "a b+c d"), 1);
	assert_int_equal(log_input(&front, 0, "b+c d"), 0);
	assert_int_equal(front.counter[ZL_ROUTER_stalls_receive], 2);
	front.accept = 10;
	assert_int_equal(log_input(&front, 0, "b+c d"), 3);
	assert_string_equal(front.received, "a b+c d ");
	log_close(&front);
}

static void test_a_publisher_that_leaves_within_a_message_is_told_of(void **state)
{
	(void)state;
	log_open(&front, ZL_XSUB);
	log_add(&front, 0, ZL_PIPE_PEER);
	log_add(&front, 1, ZL_PIPE_PEER);
	log_input(&front, 0, "a+");
	zl_socket_remove_pipe(&front.socket, &front.pipe[0]);
	assert_int_equal(front.broken_receive, 1);
	assert_int_equal(log_input(&front, 1, "x"), 1);
	log_close(&front);
}

static void test_upstream_messages_go_to_every_publisher_with_room(void **state)
{
	(void)state;
	log_open(&front, ZL_XSUB);
	for (unsigned i = 0; i < 3; i++)
		log_add(&front, i, ZL_PIPE_PEER);
	front.pipe[1].queued_msgs = 9;
	assert_int_equal(log_send(&front, "a b+"), 2);
	log_add(&front, 3, ZL_PIPE_PEER); /* not for the message that is under way */
	assert_int_equal(log_send(&front, "c d"), 2);
	assert_string_equal(front.out[0], "a b+c d ");
	assert_string_equal(front.out[1], "a ");
	assert_string_equal(front.out[3], "d ");
	assert_int_equal(front.pipe[1].msgs_dropped, 2);
	log_close(&front);
	log_open(&front, ZL_SUB);
	assert_int_equal(log_send(&front, "a"), -EOPNOTSUPP);
	log_close(&front);
}

static void test_a_forwarder_joins_xsub_and_xpub(void **state)
{
	struct zl_socket_ops ops;

	(void)state;
	log_open(&front, ZL_XSUB);
	log_open(&back, ZL_XPUB);
	ops = *front.socket.ops;
	ops.receive = to_device;
	ops.broken = to_device_broken;
	front.socket.ops = &ops;
	back.socket.ops = &ops;
	device.id = 9;
	assert_int_equal(zl_device_open(&device, ZL_QUEUE, &front.socket, &back.socket), -EINVAL);
	assert_int_equal(zl_device_open(&device, ZL_FORWARDER, &back.socket, &front.socket),
			 -EINVAL);
	assert_int_equal(zl_device_open(&device, ZL_FORWARDER, &front.socket, &back.socket), 0);
	assert_int_equal(device.id, 9);
	log_add(&front, 0, ZL_PIPE_PEER);
	log_add(&back, 0, ZL_PIPE_PEER);
	log_subscribe(&back, 0, "t");
	assert_int_equal(log_input(&front, 0, "t1 u t2+x"), 4);
	assert_string_equal(back.out[0], "t1 t2+x ");
	assert_int_equal(device.parts_down, 4);
	log_input(&front, 0, "t3+");
	zl_socket_remove_pipe(&front.socket, &front.pipe[0]);
	assert_int_equal(back.broken[0], 1);
	log_close(&front);
	log_close(&back);
}

static void test_what_there_is_not_yet_is_said(void **state)
{
	struct zl_socket s;
	struct zl_socket_config config = {.type = ZL_SOCKET_TYPES, .pipes_max = 1};

	(void)state;
	assert_int_equal(zl_socket_open(&s, &config), -EPROTONOSUPPORT);
	assert_null(zl_pattern((enum zl_socket_type)ZL_SOCKET_TYPES));
	for (unsigned i = 0; i < ZL_ROUTER_COUNTERS; i++) {
		assert_true(strlen(zl_router_counter_name[i]) > 0);
		assert_true(strlen(zl_router_counter_text[i]) > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_publishers_take_turns_by_whole_messages),
		cmocka_unit_test(test_what_the_receiver_refuses_stays_with_the_peer),
		cmocka_unit_test(test_a_publisher_that_leaves_within_a_message_is_told_of),
		cmocka_unit_test(test_upstream_messages_go_to_every_publisher_with_room),
		cmocka_unit_test(test_a_forwarder_joins_xsub_and_xpub),
		cmocka_unit_test(test_what_there_is_not_yet_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
