/* Slow subscribers: what waits for them, what is dropped or replaced, and that it costs nobody else
 * anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/router/backlog.h"
#include "tests/unit/router_log.h"

static struct router_log l;
static struct zl_ipc_policy policy;

/* Topics end at a dot. A stream takes one message, more only when that was acknowledged; pipe 1 is
 * a fast one. All of them subscribe to everything. */
static void open_log(enum zl_slow slow, uint32_t hwm)
{
	policy.slow.policy = slow;
	policy.slow.topic.until = '.' + 1;
	log_open_with(&l, ZL_XPUB, &policy, NULL, false);
	l.socket.sndhwm = hwm;
	l.socket.sndbuf = 1;
	for (unsigned i = 0; i < 3; i++) {
		log_add(&l, i, ZL_PIPE_PEER);
		log_subscribe(&l, i, "");
	}
	l.pipe[1].sndbuf_bytes = 1 << 20;
}

static int setup(void **state)
{
	(void)state;
	policy = (struct zl_ipc_policy){0};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	log_close(&l);
	assert_int_equal(log_buffers(), 0);
	return 0;
}

/* With buffers of their own, so that what is held shows. */
static void send(const char *text)
{
	struct zl_msg msgs[256];
	unsigned n = log_parse(msgs, text);

	for (unsigned i = 0; i < n; i++)
		msgs[i].buf = l.socket.ops->buffer(&l, msgs[i].data, msgs[i].len, &msgs[i].data);
	assert_int_equal(zl_socket_send(&l.socket, msgs, n), n);
	for (unsigned i = 0; i < n; i++)
		zl_buf_unref(msgs[i].buf, 1);
}

/* The peer acknowledges all that its stream has. */
static void read_on(unsigned i)
{
	zl_socket_released(&l.pipe[i], UINT32_MAX, UINT64_MAX);
}

static void read_all(unsigned i)
{
	while (l.pipe[i].queued_msgs)
		read_on(i);
}

static void test_the_oldest_that_was_not_begun_makes_room(void **state)
{
	(void)state;
	open_log(ZL_SLOW_DROP_OLDEST, 3);
	send("a b c");
	send("d+1 e f");
	assert_string_equal(l.out[0], "a ");
	assert_string_equal(l.out[1], "a b c d+1 e f ");
	assert_int_equal(l.pipe[0].backlog->n, 3);
	assert_int_equal(l.pipe[0].msgs_dropped, 2);
	assert_int_equal(l.pipe[1].msgs_dropped, 0);
	assert_int_equal(l.counter[ZL_ROUTER_dropped_oldest], 4); /* of pipes 0 and 2 */
	read_on(0);
	assert_string_equal(l.out[0], "a d+1 ");
	send("g h");
	assert_int_equal(l.pipe[0].msgs_dropped, 3);
	read_all(0);
	assert_string_equal(l.out[0], "a d+1 f g h ");
	assert_int_equal(l.pipe[0].backlog->bytes, 0);
	send("i");
	read_on(0);
	send("j");
	assert_string_equal(l.out[0], "a d+1 f g h i j ");
	assert_int_equal(l.pipe[0].msgs_out, 8); /* parts */
}

static void test_messages_stay_whole_over_calls_and_drops(void **state)
{
	(void)state;
	open_log(ZL_SLOW_DROP_OLDEST, 2);
	send("a+");
	send("1 b+");
	send("1 c d e+");
	read_on(0); /* what has no end yet goes nowhere */
	assert_string_equal(l.out[0], "a+1 d ");
	read_all(0);
	assert_string_equal(l.out[0], "a+1 d ");
	send("1+2 f");
	assert_string_equal(l.out[0], "a+1 d ");
	read_on(2);
	assert_string_equal(l.out[2], "a+1 e+1+2 ");
}

static void test_past_the_mark_only_the_newest_of_each_topic_waits(void **state)
{
	(void)state;
	policy.slow.mark = 4;
	open_log(ZL_SLOW_CONFLATE, 100);
	send("x.0 a.1 b.1 a.2 c.1");
	assert_int_equal(l.pipe[0].backlog->n, 4); /* not past it yet */
	send("b.2+part");
	assert_int_equal(l.pipe[0].backlog->n, 3);
	assert_int_equal(l.counter[ZL_ROUTER_conflated], 2 * 2);
	send("d.1 a.3 a.4 e.1 c.2");
	assert_int_equal(l.pipe[0].backlog->n, 5);
	read_all(0);
	assert_string_equal(l.out[0], "x.0 b.2+part a.4 c.2 d.1 e.1 ");
	assert_int_equal(l.pipe[0].msgs_dropped, 0);
	assert_string_equal(l.out[1], "x.0 a.1 b.1 a.2 c.1 b.2+part d.1 a.3 a.4 e.1 c.2 ");
}

static void test_a_topic_that_changes_all_the_time_keeps_its_place(void **state)
{
	(void)state;
	open_log(ZL_SLOW_CONFLATE, 100);
	send("x a.1 b.1 a.2 b.2 a.3");
	read_on(0);
	assert_string_equal(l.out[0], "x a.3 ");
	send("a.4 b.3 a.5");
	read_all(0);
	assert_string_equal(l.out[0], "x a.3 b.3 a.5 ");
}

static void test_topics_beyond_the_hwm_drop_the_oldest(void **state)
{
	(void)state;
	open_log(ZL_SLOW_CONFLATE, 3);
	send("x a.1 b.1 c.1 d.1 a.2");
	read_all(0);
	assert_string_equal(l.out[0], "x c.1 d.1 a.2 ");
	assert_int_equal(l.pipe[0].msgs_dropped, 2);
}

static void test_the_rest_of_a_message_belongs_where_it_began(void **state)
{
	(void)state;
	open_log(ZL_SLOW_CONFLATE, 3);
	send("x a.1+");
	zl_socket_broken(&l.socket); /* it waited: nobody has half of it */
	assert_int_equal(l.broken[0], 0);
	assert_int_equal(l.broken[1], 1);
	send("a.2");
	read_all(0);
	assert_string_equal(l.out[0], "x a.2 ");
	send("b.1+"); /* to the stream directly */
	zl_socket_broken(&l.socket);
	assert_int_equal(l.broken[0], 1);
}

static void test_no_pipe_takes_more_than_memory_or_others_leave(void **state)
{
	(void)state;
	policy.slow.waiting = 12;
	open_log(ZL_SLOW_DROP_OLDEST, 100);
	zl_socket_remove_pipe(&l.socket, &l.pipe[2]);
	send("0 1 2 3 4 5 6 7 8 9 a b c d e f");
	assert_int_equal(l.pipe[0].backlog->n, 6); /* half of what there is */
	log_add(&l, 3, ZL_PIPE_PEER);
	log_subscribe(&l, 3, "");
	send("x g");
	send("h i j k");
	assert_int_equal(l.pipe[3].backlog->n, 3); /* half of the rest */
	send("*");
	assert_true(l.pipe[0].backlog->n <= 5); /* and gives way to who began later */
	l.socket.pipe_bytes_max = 2;
	send("l m n o p q r s t");
	assert_true(l.pipe[0].backlog->n <= 2);
	assert_int_equal(l.pipe[0].msgs_dropped + l.pipe[0].backlog->n + 1, 16 + 7 + 9);
	read_all(0);
	assert_string_equal(l.out[0], "0 t ");
}

static void test_a_peer_that_leaves_leaves_nothing(void **state)
{
	(void)state;
	open_log(ZL_SLOW_CONFLATE, 10);
	send("x a.1 b.1 c.1+");
	assert_int_equal(log_buffers(), 3);
	zl_socket_remove_pipe(&l.socket, &l.pipe[0]);
	zl_socket_remove_pipe(&l.socket, &l.pipe[2]);
	assert_int_equal(log_buffers(), 0);
	send("end");
	assert_string_equal(l.out[1], "x a.1 b.1 c.1+end ");
}

static void test_who_is_to_be_closed_for_it_loses_nothing_before(void **state)
{
	(void)state;
	open_log(ZL_SLOW_DISCONNECT, 3);
	send("a b c d e f"); /* the HWM is looked at by who has a clock */
	assert_string_equal(l.out[0], "a b c d e f ");
	assert_string_equal(l.misbehaved, "");
	l.socket.pipe_bytes_max = 8;
	l.pipe[1].queued_bytes = l.pipe[2].queued_bytes = 0;
	send("g h i j");
	assert_string_equal(l.misbehaved, "0:slow_consumer ");
	assert_int_equal(l.counter[ZL_ROUTER_closed_slow], 1);
}

static void test_a_limited_pipe_writes_what_its_credit_allows(void **state)
{
	(void)state;
	policy.out.msgs_per_s = 100;
	open_log(ZL_SLOW_DROP_NEWEST, 3);
	assert_int_equal(l.pipe[1].backlog->msgs_credit, 10); /* a tenth of a second's */
	l.pipe[1].backlog->msgs_credit = 2;
	send("a b c d e f g");
	assert_string_equal(l.out[1], "a b ");
	assert_int_equal(l.pipe[1].backlog->n, 3);
	assert_int_equal(l.pipe[1].msgs_dropped, 2); /* the newest */
	l.pipe[1].backlog->msgs_credit = 1;
	zl_backlog_drain(&l.socket, &l.pipe[1]);
	assert_string_equal(l.out[1], "a b c ");
	l.pipe[1].backlog->msgs_credit = 100;
	zl_backlog_drain(&l.socket, &l.pipe[1]);
	assert_string_equal(l.out[1], "a b c d e ");
}

/* --- at random --- */

enum {
	TOPICS = 8,
	STEPS = 30000
};
static unsigned newest[TOPICS], last[3][TOPICS], delivered[3];
static unsigned last_sent[3];

static void check_pipe(unsigned i, bool conflates)
{
	const char *at = l.out[i];
	unsigned topic, number, part, n;
	int k;

	for (; *at; delivered[i]++) {
		n = 0;
		do {
			assert_int_equal(sscanf(at, "t%u.%u.%u%n", &topic, &number, &part, &k), 3);
			assert_int_equal(part, n++);
			at += k + 1;
		} while (at[-1] == '+');
		assert_int_equal(n, 1 + number % 3);
		assert_true(number > last[i][topic]);
		last[i][topic] = number;
		if (!conflates)
			assert_true(number > last_sent[i]);
		last_sent[i] = number;
	}
	l.out[i][0] = 0;
}

static void at_random(enum zl_slow slow, uint32_t mark)
{
	unsigned number = 0, part = 0, topic = 0;

	policy.slow.mark = mark;
	open_log(slow, 6);
	srandom(11);
	memset(last, 0, sizeof(last));
	memset(newest, 0, sizeof(newest));
	memset(delivered, 0, sizeof(delivered));
	memset(last_sent, 0, sizeof(last_sent));
	for (unsigned step = 0; step < STEPS || part; step++) {
		char text[256] = "";

		for (unsigned k = (unsigned)random() % 6; k-- > 0;) {
			if (!part) {
				topic = (unsigned)random() % TOPICS;
				newest[topic] = ++number;
			}
			sprintf(text + strlen(text), "t%u.%u.%u%s", topic, number, part,
				part < number % 3 ? "+" : " ");
			part = part < number % 3 ? part + 1 : 0;
		}
		if (*text)
			send(text);
		read_all(1);
		if (random() % 3 == 0)
			read_on(0);
		if (random() % 9 == 0)
			read_on(2);
		for (unsigned i = 0; i < 3 && !part; i++)
			check_pipe(i, slow == ZL_SLOW_CONFLATE);
	}
	for (unsigned i = 0; i < 3; i++) {
		read_all(i);
		check_pipe(i, slow == ZL_SLOW_CONFLATE);
		assert_int_equal(l.pipe[i].backlog->n, 0);
	}
	assert_int_equal(delivered[1], number);
	assert_true(delivered[2] < delivered[0] && delivered[0] < number);
}

static void test_no_history_tears_or_reorders_what_is_left(void **state)
{
	(void)state;
	at_random(ZL_SLOW_DROP_OLDEST, 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(delivered[i] + l.pipe[i].msgs_dropped, delivered[1]);
}

static void test_no_history_loses_the_newest_of_a_topic(void **state)
{
	(void)state;
	for (uint32_t mark = 0; mark < 6; mark += 5) {
		if (mark)
			log_close(&l);
		at_random(ZL_SLOW_CONFLATE, mark);
		if (l.pipe[0].msgs_dropped || l.pipe[2].msgs_dropped)
			continue; /* more topics than the HWM */
		for (unsigned i = 0; i < 3; i++)
			assert_memory_equal(last[i], newest, sizeof(newest));
	}
	log_close(&l);
	policy.slow.mark = 2;
	open_log(ZL_SLOW_CONFLATE, 2 * TOPICS);
	for (unsigned i = 0; i < 1000; i++) {
		char text[32];

		newest[i % TOPICS] = i;
		sprintf(text, "t%u.%u.0", i % TOPICS, i);
		send(text);
		l.out[1][0] = l.out[2][0] = 0;
		if (i % 7 == 0)
			read_on(0);
	}
	assert_int_equal(l.pipe[0].msgs_dropped, 0);
	assert_true(l.pipe[0].backlog->n <= TOPICS);
	read_all(0);
	for (unsigned i = 0; i < TOPICS; i++) {
		char text[32];

		sprintf(text, "t%u.%u.0 ", i, newest[i]);
		assert_non_null(strstr(l.out[0], text));
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_the_oldest_that_was_not_begun_makes_room),
		T(test_messages_stay_whole_over_calls_and_drops),
		T(test_past_the_mark_only_the_newest_of_each_topic_waits),
		T(test_a_topic_that_changes_all_the_time_keeps_its_place),
		T(test_topics_beyond_the_hwm_drop_the_oldest),
		T(test_the_rest_of_a_message_belongs_where_it_began),
		T(test_no_pipe_takes_more_than_memory_or_others_leave),
		T(test_a_peer_that_leaves_leaves_nothing),
		T(test_who_is_to_be_closed_for_it_loses_nothing_before),
		T(test_a_limited_pipe_writes_what_its_credit_allows),
		T(test_no_history_tears_or_reorders_what_is_left),
		T(test_no_history_loses_the_newest_of_a_topic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
