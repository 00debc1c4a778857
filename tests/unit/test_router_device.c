/* What a device may be told: to pause, at a message's end, and to give a third socket a copy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/router/device.h"
#include "tests/unit/router_log.h"

static struct router_log front, back, copy;
static struct zl_device d;

static int setup(void **state)
{
	(void)state;
	log_open(&front, ZL_PAIR);
	log_open(&back, ZL_PAIR);
	log_open(&copy, ZL_PUSH);
	log_add(&front, 0, ZL_PIPE_PEER);
	log_add(&back, 0, ZL_PIPE_PEER);
	log_add(&copy, 0, ZL_PIPE_PEER);
	return zl_device_open(&d, ZL_BRIDGE, &front.socket, &back.socket);
}

static int teardown(void **state)
{
	(void)state;
	log_close(&front);
	log_close(&back);
	log_close(&copy);
	return 0;
}

/* How many parts of the text were taken. */
static unsigned pass(struct router_log *from, const char *text)
{
	struct zl_msg msgs[64];
	unsigned n = log_parse(msgs, text);

	return zl_device_forward(&d, &from->socket, msgs, n);
}

static void test_a_paused_device_takes_nothing_but_the_rest_of_a_message(void **state)
{
	(void)state;
	assert_int_equal(pass(&front, "a b+"), 2);
	d.paused = true;
	assert_false(zl_device_blocked(&d, &front.socket));
	assert_true(zl_device_blocked(&d, &back.socket));
	assert_int_equal(pass(&back, "x"), 0);
	assert_int_equal(pass(&front, "1+2 c d"), 2);
	assert_true(zl_device_blocked(&d, &front.socket));
	assert_int_equal(pass(&front, "c d"), 0);
	assert_string_equal(back.out[0], "a b+1+2 ");
	assert_string_equal(front.out[0], "");
	d.paused = false;
	assert_int_equal(pass(&front, "c d"), 2);
	assert_int_equal(pass(&back, "x"), 1);
	assert_string_equal(back.out[0], "a b+1+2 c d ");
}

static void test_pausing_in_the_middle_of_a_message_that_breaks_pauses(void **state)
{
	(void)state;
	pass(&front, "a+");
	d.paused = true;
	zl_device_broken(&d, &front.socket);
	assert_true(zl_device_blocked(&d, &front.socket));
	assert_int_equal(pass(&front, "b"), 0);
}

static void test_a_capture_gets_what_was_passed_on_both_ways(void **state)
{
	(void)state;
	d.capture = &copy.socket;
	back.pipe[0].hwm_msgs = 2;
	assert_int_equal(pass(&front, "a b+1 c"), 3); /* c has no room, and is no copy yet */
	assert_int_equal(pass(&back, "x"), 1);
	assert_string_equal(copy.out[0], "a b+1 x ");
	zl_socket_released(&back.pipe[0], 2, 100);
	assert_int_equal(pass(&front, "c"), 1);
	assert_string_equal(copy.out[0], "a b+1 x c ");
}

static void test_traffic_does_not_wait_for_a_capture(void **state)
{
	(void)state;
	d.capture = &copy.socket;
	copy.pipe[0].hwm_msgs = 1;
	assert_int_equal(pass(&front, "a b+1 c"), 4);
	assert_string_equal(back.out[0], "a b+1 c ");
	assert_string_equal(copy.out[0], "a ");
	assert_int_equal(copy.counter[ZL_ROUTER_uncaptured], 2);
	pass(&front, "d+");
	zl_socket_released(&copy.pipe[0], 1, 100);
	pass(&front, "1 e"); /* half a message is no copy */
	assert_string_equal(copy.out[0], "a e ");
}

static void test_copies_of_both_sides_do_not_mix_within_a_message(void **state)
{
	(void)state;
	d.capture = &copy.socket;
	pass(&front, "a+");
	pass(&back, "x y");
	pass(&front, "1");
	pass(&back, "z");
	assert_string_equal(front.out[0], "x y z ");
	assert_string_equal(copy.out[0], "a+1 z ");
	assert_int_equal(copy.counter[ZL_ROUTER_uncaptured], 2);
	pass(&front, "b+");
	zl_device_broken(&d, &front.socket);
	assert_int_equal(copy.broken[0], 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_paused_device_takes_nothing_but_the_rest_of_a_message),
		T(test_pausing_in_the_middle_of_a_message_that_breaks_pauses),
		T(test_a_capture_gets_what_was_passed_on_both_ways),
		T(test_traffic_does_not_wait_for_a_capture),
		T(test_copies_of_both_sides_do_not_mix_within_a_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
