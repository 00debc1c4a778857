/* Options of PUB and XPUB, and conflation around any pattern: each claim fails without its option.
 * Those of ROUTER, REQ and the like are in their patterns' own tests. */
#include "tests/unit/router_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct router_log l;
static struct zl_socket_options options;

static void open_with(enum zl_socket_type type, unsigned peers)
{
	log_open_with(&l, type, NULL, &options, false);
	for (unsigned i = 0; i < peers; i++)
		log_add(&l, i, ZL_PIPE_PEER);
}

static int setup(void **state)
{
	(void)state;
	memset(&options, 0, sizeof(options));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	log_close(&l);
	return log_buffers() != 0;
}

/* --- PUB, XPUB --- */

static void test_a_welcome_goes_to_each_new_subscriber_at_once(void **state)
{
	(void)state;
	options.welcome_msg = (struct zl_option_bytes){(const uint8_t *)"hello", 5};
	open_with(ZL_XPUB, 2);
	log_add(&l, 2, ZL_PIPE_CORE);
	assert_string_equal(l.out[0], "hello ");
	assert_string_equal(l.out[1], "hello ");
	assert_string_equal(l.out[2], "");
	assert_int_equal(l.pipe[0].queued_msgs, 1);
}

static void test_inverted_matching_sends_to_who_did_not_subscribe(void **state)
{
	(void)state;
	options.invert_matching = true;
	open_with(ZL_XPUB, 3);
	log_subscribe(&l, 0, "a");
	log_subscribe(&l, 1, "b");
	log_send(&l, "a1 b1+x c1");
	assert_string_equal(l.out[0], "b1+x c1 ");
	assert_string_equal(l.out[1], "a1 c1 ");
	assert_string_equal(l.out[2], "a1 b1+x c1 ");
	log_clear(&l);
	log_add(&l, 3, ZL_PIPE_PEER); /* and who comes later */
	log_send(&l, "a2");
	assert_string_equal(l.out[3], "a2 ");
	zl_socket_remove_pipe(&l.socket, &l.pipe[2]);
	log_clear(&l);
	log_send(&l, "a3");
	assert_string_equal(l.out[1], "a3 ");
	assert_string_equal(l.out[2], "");
}

/* Each core knows its own peers, so every core gets everything. */
static void test_inverted_matching_asks_every_core(void **state)
{
	(void)state;
	options.invert_matching = true;
	open_with(ZL_PUB, 1);
	log_add(&l, 1, ZL_PIPE_CORE);
	log_subscribe(&l, 0, "a");
	log_subscribe(&l, 1, "a");
	log_send(&l, "a1");
	assert_string_equal(l.out[0], "");
	assert_string_equal(l.out[1], "a1 ");
	log_clear(&l);
	log_send_local(&l, "b1");
	assert_string_equal(l.out[0], "b1 ");
	assert_string_equal(l.out[1], "");
}

static void test_nodrop_takes_nothing_while_a_subscriber_that_wants_it_is_full(void **state)
{
	(void)state;
	options.xpub_nodrop = true;
	open_with(ZL_PUB, 2);
	log_subscribe(&l, 0, "");
	log_subscribe(&l, 1, "a");
	l.pipe[1].queued_msgs = 9;
	assert_int_equal(log_send(&l, "b a1+x a2 b2"), 3); /* a2 waits, and what is behind it */
	assert_string_equal(l.out[0], "b a1+x ");
	assert_string_equal(l.out[1], "a1+x ");
	assert_int_equal(l.pipe[1].msgs_dropped, 0);
	assert_int_equal(l.counter[ZL_ROUTER_stalls_send], 1);
	assert_int_equal(log_send(&l, "a2 b2"), 0);
	assert_int_equal(log_send(&l, "b2"), 1); /* nobody who is full wants it */
	zl_socket_released(&l.pipe[1], 1, 0);
	assert_int_equal(log_send(&l, "a2 b3"), 2);
	assert_string_equal(l.out[1], "a1+x a2 ");
}

static void test_nodrop_holds_back_whole_messages_only(void **state)
{
	(void)state;
	options.xpub_nodrop = true;
	open_with(ZL_XPUB, 1);
	log_subscribe(&l, 0, "");
	l.pipe[0].queued_msgs = 9;
	assert_int_equal(log_send(&l, "a+"), 1);
	assert_int_equal(log_send(&l, "b+c d"), 2);
	assert_string_equal(l.out[0], "a+b+c ");
	assert_int_equal(log_send_local(&l, "d"), 1); /* another core's: dropped */
	assert_int_equal(l.counter[ZL_ROUTER_dropped_hwm], 1);
}

/* What comes with subscriptions in its middle: the session has marked them (only_first_subscribe
 * says which). */
static void test_subscriptions_within_a_message_are_taken_out_of_it(void **state)
{
	(void)state;
	open_with(ZL_XPUB, 1);
	assert_int_equal(log_input(&l, 0, "S:a+up+S:b+more+C:c S:d"), 6);
	assert_string_equal(l.subs, "S:a+S:b+C:c S:d ");
	assert_string_equal(l.upstream, "up+more "); /* the last part that goes up ends it */
	log_clear(&l);
	l.accept = 2; /* and where it stopped it goes on */
	assert_int_equal(log_input(&l, 0, "S:a+up+S:b"), 0);
	l.accept = 1;
	assert_int_equal(log_input(&l, 0, "S:a+up+S:b"), 3);
	assert_string_equal(l.subs, "S:a+S:b ");
	assert_string_equal(l.upstream, "up ");
}

static void test_pub_takes_subscriptions_and_drops_the_rest(void **state)
{
	(void)state;
	open_with(ZL_PUB, 1);
	assert_int_equal(log_input(&l, 0, "S:a+up+S:b x S:c"), 5);
	assert_string_equal(l.subs, "S:a+S:b S:c ");
	assert_string_equal(l.upstream, "");
	assert_int_equal(l.counter[ZL_ROUTER_dropped_upstream], 2);
}

/* --- conflation --- */

static void test_a_conflating_pub_keeps_the_newest_for_each_peer(void **state)
{
	(void)state;
	options.conflate = true;
	open_with(ZL_PUB, 2);
	log_subscribe(&l, 0, "");
	log_subscribe(&l, 1, "b");
	assert_int_equal(log_send(&l, "a1 a2"), 2);
	assert_string_equal(l.out[0], "a2 "); /* of a run, too */
	log_send(&l, "b1");
	log_send(&l, "a3");
	assert_string_equal(l.out[0], "a2 ");
	assert_string_equal(l.out[1], "b1 ");
	assert_int_equal(l.pipe[0].queued_msgs, 1);
	assert_int_equal(l.pipe[0].msgs_dropped, 2);
	zl_socket_released(&l.pipe[0], 1, 2);
	assert_string_equal(l.out[0], "a2 a3 ");
	assert_int_equal(l.pipe[0].queued_msgs, 1);
	zl_socket_released(&l.pipe[0], 1, 2);
	assert_int_equal(l.pipe[0].queued_msgs, 0);
	log_send(&l, "a4");
	assert_string_equal(l.out[0], "a2 a3 a4 ");
	assert_int_equal(l.counter[ZL_ROUTER_dropped_conflated], 2);
}

/* However far behind its peer is: without conflation it would be full. */
static void test_a_conflating_push_is_never_full(void **state)
{
	(void)state;
	options.conflate = true;
	open_with(ZL_PUSH, 1);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(log_send(&l, i < 49 ? "x" : "last"), 1);
	zl_socket_released(&l.pipe[0], 1, 1);
	assert_string_equal(l.out[0], "x last ");
}

static void test_messages_of_several_parts_are_not_conflated_but_dropped(void **state)
{
	(void)state;
	options.conflate = true;
	open_with(ZL_DEALER, 1);
	assert_int_equal(log_send(&l, "a+b+c"), 3);
	assert_string_equal(l.out[0], "");
	assert_int_equal(l.pipe[0].queued_msgs, 0);
	assert_int_equal(l.pipe[0].queued_bytes, 0);
	assert_int_equal(log_send(&l, "d"), 1);
	assert_string_equal(l.out[0], "d ");
}

static void test_a_conflating_pull_keeps_the_newest_from_each_peer(void **state)
{
	(void)state;
	options.conflate = true;
	open_with(ZL_PULL, 2);
	assert_int_equal(log_input(&l, 0, "a1 a2 a3"), 3);
	assert_string_equal(l.received, "a3 ");
	l.accept = 0; /* nobody receives */
	assert_int_equal(log_input(&l, 0, "a4 a5"), 2);
	assert_true(zl_socket_keeps(&l.pipe[0]));
	assert_int_equal(log_input(&l, 0, "a6"), 1);
	assert_int_equal(log_input(&l, 1, "b1"), 1);
	l.accept = 10;
	zl_socket_input(&l.pipe[0], NULL, 0);
	zl_socket_input(&l.pipe[1], NULL, 0);
	assert_string_equal(l.received, "a3 a6 b1 ");
	assert_false(zl_socket_keeps(&l.pipe[0]));
	assert_int_equal(l.counter[ZL_ROUTER_dropped_conflated], 4);
}

static void test_what_is_kept_goes_with_its_peer(void **state)
{
	(void)state;
	options.conflate = true;
	open_with(ZL_DEALER, 1);
	log_send(&l, "a");
	log_send(&l, "b");
	l.accept = 0;
	log_input(&l, 0, "c");
	zl_socket_remove_pipe(&l.socket, &l.pipe[0]);
	log_add(&l, 0, ZL_PIPE_PEER);
	log_clear(&l);
	l.accept = 10;
	zl_socket_input(&l.pipe[0], NULL, 0);
	log_send(&l, "d");
	assert_string_equal(l.out[0], "d ");
	assert_string_equal(l.received, "");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_a_welcome_goes_to_each_new_subscriber_at_once),
		T(test_inverted_matching_sends_to_who_did_not_subscribe),
		T(test_inverted_matching_asks_every_core),
		T(test_nodrop_takes_nothing_while_a_subscriber_that_wants_it_is_full),
		T(test_nodrop_holds_back_whole_messages_only),
		T(test_subscriptions_within_a_message_are_taken_out_of_it),
		T(test_pub_takes_subscriptions_and_drops_the_rest),
		T(test_a_conflating_pub_keeps_the_newest_for_each_peer),
		T(test_a_conflating_push_is_never_full),
		T(test_messages_of_several_parts_are_not_conflated_but_dropped),
		T(test_a_conflating_pull_keeps_the_newest_from_each_peer),
		T(test_what_is_kept_goes_with_its_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
