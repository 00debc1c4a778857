/* DGRAM: one carrier, and messages of an address and a body. */
#include "tests/unit/router_log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct router_log l;

static void open_with(unsigned pipes)
{
	log_open(&l, ZL_DGRAM);
	for (unsigned i = 0; i < pipes; i++)
		log_add(&l, i, ZL_PIPE_PEER);
}

static void test_an_address_and_a_body_are_sent_and_nothing_else(void **state)
{
	(void)state;
	open_with(1);
	assert_int_equal(log_send(&l, "to+a to+b"), 4);
	assert_int_equal(log_send(&l, "to+c lone"), 2);
	assert_int_equal(log_send(&l, "lone"), -EINVAL);
	assert_int_equal(log_send(&l, "to+d to+e+f"), 2);
	assert_int_equal(log_send(&l, "to+e+f"), -EINVAL);
	assert_string_equal(l.out[0], "to+a to+b to+c to+d ");
	log_close(&l);
}

/* As zmq_send() has it, part by part. */
static void test_a_second_part_that_is_not_the_last_is_refused(void **state)
{
	(void)state;
	open_with(1);
	assert_int_equal(log_send(&l, "to+"), 1);
	assert_int_equal(log_send(&l, "a+"), -EINVAL);
	assert_int_equal(log_send(&l, "a"), 1);
	assert_string_equal(l.out[0], "to+a ");
	assert_int_equal(log_send(&l, "to+b"), 2);
	log_close(&l);
}

static void test_what_has_no_room_waits(void **state)
{
	(void)state;
	open_with(0);
	assert_int_equal(log_send(&l, "to+a"), 0);
	log_add(&l, 0, ZL_PIPE_PEER);
	l.pipe[0].queued_msgs = 10;
	assert_int_equal(log_send(&l, "to+a"), 0);
	assert_int_equal(log_send(&l, "lone"), -EINVAL); /* whatever room there is */
	log_close(&l);
}

static void test_only_an_address_and_a_body_are_received(void **state)
{
	(void)state;
	open_with(1);
	assert_int_equal(log_input(&l, 0, "f+a lone f+b+c f+d"), 8);
	assert_string_equal(l.received, "f+a f+d ");
	assert_int_equal(l.counter[ZL_ROUTER_dropped_shape], 2);
	assert_int_equal(log_input(&l, 0, "f+"), 1);
	assert_int_equal(log_input(&l, 0, "e f+"), 2);
	assert_int_equal(log_input(&l, 0, "g"), 1);
	assert_string_equal(l.received, "f+a f+d f+e f+g ");
	log_close(&l);
}

static void test_a_message_that_goes_on_too_long_is_broken_off(void **state)
{
	(void)state;
	open_with(1);
	assert_int_equal(log_input(&l, 0, "f+"), 1);
	assert_int_equal(log_input(&l, 0, "a+"), 1);
	assert_int_equal(l.broken_receive, 1);
	assert_int_equal(log_input(&l, 0, "b f+c"), 3);
	assert_string_equal(l.received, "f+f+c ");
	log_close(&l);
}

static void test_what_the_receiver_refuses_stays_with_the_carrier(void **state)
{
	(void)state;
	open_with(1);
	l.accept = 2;
	assert_int_equal(log_input(&l, 0, "f+a f+b"), 2);
	l.accept = 100;
	assert_int_equal(log_input(&l, 0, "f+b"), 2);
	assert_string_equal(l.received, "f+a f+b ");
	log_close(&l);
}

static void test_there_is_one_carrier_until_it_goes(void **state)
{
	(void)state;
	open_with(2);
	assert_string_equal(l.misbehaved, "1:second_peer ");
	assert_int_equal(log_input(&l, 1, "f+x"), 2);
	assert_string_equal(l.received, "");
	zl_socket_remove_pipe(&l.socket, &l.pipe[1]);
	zl_socket_remove_pipe(&l.socket, &l.pipe[0]);
	log_add(&l, 2, ZL_PIPE_PEER);
	assert_int_equal(log_send(&l, "to+a"), 2);
	assert_string_equal(l.out[2], "to+a ");
	log_close(&l);
}

static void test_the_rest_of_a_message_whose_carrier_has_gone_is_passed_over(void **state)
{
	(void)state;
	open_with(1);
	assert_int_equal(log_send(&l, "to+"), 1);
	zl_socket_remove_pipe(&l.socket, &l.pipe[0]);
	log_add(&l, 1, ZL_PIPE_PEER);
	assert_int_equal(log_send(&l, "a to+b"), 3);
	assert_string_equal(l.out[1], "to+b ");
	log_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_address_and_a_body_are_sent_and_nothing_else),
		cmocka_unit_test(test_a_second_part_that_is_not_the_last_is_refused),
		cmocka_unit_test(test_what_has_no_room_waits),
		cmocka_unit_test(test_only_an_address_and_a_body_are_received),
		cmocka_unit_test(test_a_message_that_goes_on_too_long_is_broken_off),
		cmocka_unit_test(test_what_the_receiver_refuses_stays_with_the_carrier),
		cmocka_unit_test(test_there_is_one_carrier_until_it_goes),
		cmocka_unit_test(test_the_rest_of_a_message_whose_carrier_has_gone_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
