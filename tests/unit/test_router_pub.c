/* XPUB and PUB: who gets what, in how many writes, and what a full pipe costs whom. */
#include "tests/unit/router_log.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct router_log l;

static int setup(void **state)
{
	(void)state;
	log_open(&l, ZL_XPUB);
	for (unsigned i = 0; i < 4; i++)
		log_add(&l, i, ZL_PIPE_PEER);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	log_close(&l);
	return 0;
}

static void test_prefixes_decide_and_overlapping_ones_deliver_once(void **state)
{
	(void)state;
	log_subscribe(&l, 0, "a");
	log_subscribe(&l, 0, "ab");
	log_subscribe(&l, 1, "ab");
	log_subscribe(&l, 2, "");
	assert_int_equal(log_send(&l, "abc b a+part ab"), 5);
	assert_string_equal(l.out[0], "abc a+part ab ");
	assert_string_equal(l.out[1], "abc ab ");
	assert_string_equal(l.out[2], "abc b a+part ab ");
	assert_string_equal(l.out[3], "");
	assert_int_equal(l.socket.pattern->subscribe(&l.socket, &l.pipe[2], false, NULL, 0), 0);
	log_clear(&l);
	log_send(&l, "zzz");
	assert_string_equal(l.out[2], "");
	assert_int_equal(l.counter[ZL_ROUTER_messages_unmatched], 1);
}

static void test_a_run_of_one_set_is_one_write(void **state)
{
	(void)state;
	log_subscribe(&l, 0, "q");
	log_subscribe(&l, 1, "q");
	log_subscribe(&l, 2, "r.1");
	log_subscribe(&l, 2, "r.2");
	log_send(&l, "q1 q2+x+y q3 q4");
	assert_int_equal(l.writes, 1);
	log_clear(&l);
	log_send(&l, "r.1 r.2 r.1 r.2"); /* other prefixes, but the same subscriber */
	assert_int_equal(l.writes, 1);
	assert_string_equal(l.out[2], "r.1 r.2 r.1 r.2 ");
	log_clear(&l);
	log_send(&l, "q1 r.1 q2");
	assert_int_equal(l.writes, 3);
}

static void test_a_full_pipe_loses_its_own_messages_only(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		log_subscribe(&l, i, "");
	l.pipe[1].queued_msgs = 8;
	l.pipe[2].queued_msgs = 10;
	log_send(&l, "a b+b c d");
	assert_string_equal(l.out[0], "a b+b c d ");
	assert_string_equal(l.out[1], "a b+b ");
	assert_string_equal(l.out[2], "");
	assert_int_equal(l.pipe[0].msgs_dropped, 0);
	assert_int_equal(l.pipe[1].msgs_dropped, 2);
	assert_int_equal(l.pipe[2].msgs_dropped, 4);
	assert_int_equal(l.counter[ZL_ROUTER_dropped_hwm], 6);
	assert_int_equal(l.pipe[0].queued_msgs, 4);
	assert_int_equal(l.pipe[0].queued_bytes, 5);
	assert_int_equal(l.pipe[0].msgs_out, 5);
	assert_int_equal(l.pipe[1].queued_msgs, 10);
	assert_int_equal(l.pipe[1].bytes_out, 3);
	assert_int_equal(l.writes, 2);
	zl_socket_released(&l.pipe[2], 1, 0);
	log_clear(&l);
	log_send(&l, "e f");
	assert_string_equal(l.out[1], "");
	assert_string_equal(l.out[2], "e ");
}

static void test_sndbuf_is_room_beyond_the_hwm(void **state)
{
	(void)state;
	log_subscribe(&l, 0, "");
	log_subscribe(&l, 1, "");
	l.pipe[0].sndbuf_bytes = l.pipe[1].sndbuf_bytes = 10;
	l.pipe[0].queued_msgs = 10;
	l.pipe[0].queued_bytes = 9;
	l.pipe[1].hwm_msgs = 0;
	log_send(&l, "a b");
	assert_string_equal(l.out[0], "a ");
}

static void test_memory_bounds_a_pipe_whatever_its_hwm_and_sndbuf(void **state)
{
	(void)state;
	log_subscribe(&l, 0, "");
	log_subscribe(&l, 1, "");
	log_subscribe(&l, 2, "");
	l.pipe[0].sndbuf_bytes = 100;
	l.pipe[0].queued_bytes = 9;
	l.pipe[1].hwm_msgs = 0;
	l.socket.pipe_bytes_max = 10;
	log_send(&l, "abc d e");
	assert_string_equal(l.out[0], "abc "); /* while below the bound, one more */
	assert_int_equal(l.pipe[0].msgs_dropped, 2);
	assert_string_equal(l.out[1], "abc d e "); /* a pipe without a limit may drop nothing */
	assert_string_equal(l.out[2], "abc d e ");
	l.socket.pipe_bytes_max = 0;
	log_clear(&l);
	log_send(&l, "f");
	assert_string_equal(l.out[0], "");
	assert_string_equal(l.out[1], "f ");
	assert_string_equal(l.out[2], "");
	l.socket.pipe_bytes_max = UINT64_MAX;
	log_send(&l, "g");
	assert_string_equal(l.out[0], "g ");
}

static void test_a_multipart_message_is_whole_over_calls_and_drops(void **state)
{
	(void)state;
	log_subscribe(&l, 0, "m");
	log_subscribe(&l, 1, "m");
	l.pipe[1].queued_msgs = 10;
	log_send(&l, "m1+x+");
	assert_true(l.pipe[1].skipping);
	l.pipe[1].queued_msgs = 0; /* room again, in the middle of what it does not get */
	log_subscribe(&l, 2, "");  /* too late for this one */
	log_send(&l, "n+");
	log_send(&l, "y m2");
	assert_string_equal(l.out[0], "m1+x+n+y m2 ");
	assert_string_equal(l.out[1], "m2 ");
	assert_string_equal(l.out[2], "m2 ");
	assert_false(l.pipe[1].skipping);
	assert_int_equal(l.pipe[1].msgs_dropped, 1);
	assert_int_equal(l.pipe[0].queued_msgs, 2);
}

static void test_a_message_begun_is_finished_on_a_pipe_that_fills_up(void **state)
{
	(void)state;
	log_subscribe(&l, 0, "");
	l.pipe[0].queued_msgs = 9;
	log_send(&l, "a+");
	log_send(&l, "b c d+");
	log_send(&l, "e f");
	assert_string_equal(l.out[0], "a+b ");
	assert_int_equal(l.pipe[0].msgs_dropped, 3);
	assert_false(l.pipe[0].skipping);
	zl_socket_released(&l.pipe[0], 10, 100);
	assert_int_equal(l.pipe[0].queued_msgs, 0);
	assert_int_equal(l.pipe[0].queued_bytes, 0);
	log_send(&l, "g");
	assert_string_equal(l.out[0], "a+b g ");
}

static void test_a_pipe_may_go_in_the_middle_of_a_message(void **state)
{
	(void)state;
	log_subscribe(&l, 0, "");
	log_subscribe(&l, 1, "");
	log_send(&l, "a+");
	zl_socket_remove_pipe(&l.socket, &l.pipe[0]);
	assert_null(l.pipe[0].socket);
	log_add(&l, 5, ZL_PIPE_PEER);
	log_send(&l, "b c");
	assert_string_equal(l.out[0], "a+");
	assert_string_equal(l.out[1], "a+b c ");
	assert_string_equal(l.out[5], "");
}

static void test_a_slot_is_given_again_once_it_is_swept(void **state)
{
	uint32_t slot = l.pipe[0].slot;

	(void)state;
	log_subscribe(&l, 0, "old");
	zl_socket_remove_pipe(&l.socket, &l.pipe[0]);
	log_add(&l, 5, ZL_PIPE_PEER);
	assert_true(l.pipe[5].slot != slot);
	log_send(&l, "old");
	assert_string_equal(l.out[5], "");
	assert_true(zl_socket_sweep(&l.socket, 100));
	log_add(&l, 6, ZL_PIPE_PEER);
	assert_int_equal(l.pipe[6].slot, slot);
	log_send(&l, "old");
	assert_string_equal(l.out[6], "");
	for (unsigned i = 7; l.socket.pipes_used < LOG_PIPES; i++)
		log_add(&l, i < LOG_PIPES ? i : 0, ZL_PIPE_PEER);
	struct zl_pipe more = {0};
	assert_int_equal(zl_socket_add_pipe(&l.socket, &more), -ENOSPC);
	assert_null(more.socket);
}

static void test_other_cores_get_every_run_but_what_came_from_one(void **state)
{
	(void)state;
	log_add(&l, 5, ZL_PIPE_CORE);
	log_subscribe(&l, 0, "");
	log_subscribe(&l, 5, "");
	l.pipe[5].queued_msgs = 1000000;
	log_send(&l, "a b");
	assert_int_equal(l.writes, 1);
	log_send_local(&l, "c+");
	log_send_local(&l, "d e");
	assert_string_equal(l.out[0], "a b c+d e ");
	assert_string_equal(l.out[5], "a b ");
}

static void test_half_a_message_that_has_no_end_ends_those_that_have_it(void **state)
{
	(void)state;
	log_subscribe(&l, 0, "");
	log_subscribe(&l, 1, "");
	l.pipe[1].queued_msgs = 10;
	log_send(&l, "a");
	zl_socket_broken(&l.socket); /* at a boundary nothing is broken */
	assert_int_equal(l.broken[0], 0);
	log_send(&l, "b+");
	zl_socket_broken(&l.socket);
	assert_int_equal(l.broken[0], 1);
	assert_int_equal(l.broken[1], 0);
	l.pipe[1].queued_msgs = 0;
	log_send(&l, "c");
	assert_string_equal(l.out[1], "c ");
}

static void test_topics_in_pieces_match(void **state)
{
	struct zl_msg msg = {.data = (const uint8_t *)"topic", .len = 5, .flags = ZL_MSG_CHAIN};

	(void)state;
	log_subscribe(&l, 0, "top");
	log_subscribe(&l, 1, "topics");
	zl_socket_send(&l.socket, &msg, 1);
	assert_string_equal(l.out[0], "topic ");
	assert_string_equal(l.out[1], "");
}

static void test_input_goes_where_it_belongs_and_waits_when_that_is_full(void **state)
{
	(void)state;
	assert_int_equal(log_input(&l, 0, "S:a S:b up+stream C:a"), 5);
	assert_string_equal(l.subs, "S:a S:b C:a ");
	assert_string_equal(l.upstream, "up+stream ");
	log_clear(&l);
	l.accept = 2;
	assert_int_equal(log_input(&l, 0, "S:a up+stream x"), 1);
	assert_string_equal(l.upstream, "up+");
	l.accept = 1000;
	assert_int_equal(log_input(&l, 0, "up+stream x"), 3);
	assert_string_equal(l.upstream, "up+stream x "); /* nothing twice */
	l.accept = 1;
	assert_int_equal(log_input(&l, 0, "S:a S:b"), 1);
}

static void test_pub_takes_subscriptions_and_nothing_else(void **state)
{
	static struct router_log pub;

	(void)state;
	log_open(&pub, ZL_PUB);
	log_add(&pub, 0, ZL_PIPE_PEER);
	assert_int_equal(log_input(&pub, 0, "S:a junk+more C:b"), 4);
	assert_string_equal(pub.subs, "S:a C:b ");
	assert_string_equal(pub.upstream, "");
	assert_int_equal(pub.counter[ZL_ROUTER_dropped_upstream], 2);
	log_subscribe(&pub, 0, "t");
	log_send(&pub, "t u");
	assert_string_equal(pub.out[0], "t ");
	log_close(&pub);
}

/* Whatever is cut, full, joins or leaves: each pipe sees whole messages, in order, each once. */
static void test_no_history_tears_a_message(void **state)
{
	unsigned next = 0, part = 0;

	(void)state;
	srandom(42);
	for (unsigned i = 0; i < 4; i++) {
		log_subscribe(&l, i, i % 2 ? "k" : "");
		l.pipe[i].hwm_msgs = i + 1;
	}
	for (unsigned turn = 0; turn < 3000; turn++) {
		char text[256] = "";
		unsigned parts = 1 + (unsigned)random() % 6;

		for (unsigned i = 0; i < parts; i++) {
			bool more = random() % 2 && part < 5;
			char one[24];

			snprintf(one, sizeof(one), "%c%u.%u%c", part || next % 3 ? 'k' : 'j', next,
				 part, more ? '+' : ' ');
			strcat(text, one);
			part = more ? part + 1 : 0;
			next += !more;
		}
		log_send(&l, text);
		for (unsigned i = 0; i < 4; i++) {
			unsigned id, sub;
			const char *at = l.out[i], *plus;

			if (random() % 4 == 0)
				zl_socket_released(&l.pipe[i], 1, 8);
			if (part) /* look when all is closed */
				continue;
			while (*at) {
				unsigned want_id = 0;

				for (unsigned want = 0;; want++) {
					assert_int_equal(sscanf(at + 1, "%u.%u", &id, &sub), 2);
					assert_int_equal(sub, want);
					if (want)
						assert_int_equal(id, want_id);
					want_id = id;
					plus = at + strcspn(at, "+ ");
					at = plus + 1;
					if (*plus == ' ')
						break;
				}
			}
			l.out[i][0] = 0;
		}
	}
	assert_true(l.pipe[0].msgs_dropped > 100);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_prefixes_decide_and_overlapping_ones_deliver_once),
		T(test_a_run_of_one_set_is_one_write),
		T(test_a_full_pipe_loses_its_own_messages_only),
		T(test_sndbuf_is_room_beyond_the_hwm),
		T(test_memory_bounds_a_pipe_whatever_its_hwm_and_sndbuf),
		T(test_a_multipart_message_is_whole_over_calls_and_drops),
		T(test_a_message_begun_is_finished_on_a_pipe_that_fills_up),
		T(test_a_pipe_may_go_in_the_middle_of_a_message),
		T(test_a_slot_is_given_again_once_it_is_swept),
		T(test_other_cores_get_every_run_but_what_came_from_one),
		T(test_half_a_message_that_has_no_end_ends_those_that_have_it),
		T(test_topics_in_pieces_match),
		T(test_input_goes_where_it_belongs_and_waits_when_that_is_full),
		T(test_pub_takes_subscriptions_and_nothing_else),
		T(test_no_history_tears_a_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
