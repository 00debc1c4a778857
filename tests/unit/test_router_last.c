/* Newest messages for late subscribers: what they are sent, when, and what that may cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/router/last.h"
#include "tests/unit/router_log.h"

static struct router_log l;
static struct zl_ipc_policy policy;

/* Topics end at a dot. Pipes have room for `sndbuf` bytes, half of them for what is late. */
static void open_log(uint32_t topics, uint64_t bytes, uint32_t message, uint32_t sndbuf)
{
	policy = (struct zl_ipc_policy){
		.last = {.topics = topics, .bytes = bytes, .message_bytes = message},
	};
	policy.last.topic.until = '.' + 1;
	log_open_with(&l, ZL_XPUB, &policy, NULL, false);
	l.socket.sndbuf = sndbuf;
	for (unsigned i = 0; i < 4; i++)
		log_add(&l, i, ZL_PIPE_PEER);
}

static int setup(void **state)
{
	(void)state;
	open_log(100, 1 << 16, 1000, 1 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(log_buffers(), 0);
	log_close(&l);
	return 0;
}

static void turn(void)
{
	zl_socket_sweep(&l.socket, 100);
}

static void reopen(uint32_t topics, uint64_t bytes, uint32_t message, uint32_t sndbuf)
{
	log_close(&l);
	open_log(topics, bytes, message, sndbuf);
}

static void cancel(unsigned i, const char *prefix)
{
	l.socket.pattern->subscribe(&l.socket, &l.pipe[i], false, (const uint8_t *)prefix,
				    (uint32_t)strlen(prefix));
}

static uint64_t counted(enum zl_router_counter k)
{
	return l.counter[k];
}

static void test_a_late_subscriber_gets_the_newest_of_each_topic_it_matches_then_live(void **state)
{
	(void)state;
	log_send(&l, "b.1 a.1 ab.1 c.1 a.2 a.3+part+end");
	log_subscribe(&l, 0, "a");
	assert_string_equal(l.out[0], "a.3+part+end ab.1 ");
	log_send(&l, "a.4 b.2 ab.2");
	assert_string_equal(l.out[0], "a.3+part+end ab.1 a.4 ab.2 ");
	log_subscribe(&l, 1, "");
	assert_string_equal(l.out[1], "a.4 ab.2 b.2 c.1 ");
	log_subscribe(&l, 2, "d");
	assert_string_equal(l.out[2], "");
	assert_int_equal(counted(ZL_ROUTER_last_told), 6);
}

static void test_a_prefix_beyond_the_topic_is_looked_for_in_the_message(void **state)
{
	(void)state;
	log_send(&l, "a.x1 b.y1 ab");
	log_subscribe(&l, 0, "a.x");
	log_subscribe(&l, 1, "b.x");
	log_subscribe(&l, 2, "ab");
	assert_string_equal(l.out[0], "a.x1 ");
	assert_string_equal(l.out[1], "");
	assert_string_equal(l.out[2], "ab ");
}

static void test_overlapping_prefixes_tell_a_topic_once(void **state)
{
	(void)state;
	log_send(&l, "a.1 ab.1 abc.1 b.1");
	log_subscribe(&l, 0, "a");
	log_subscribe(&l, 0, "ab");
	assert_string_equal(l.out[0], "a.1 ab.1 abc.1 ");
	log_subscribe(&l, 1, "ab");
	log_subscribe(&l, 1, "");
	assert_string_equal(l.out[1], "ab.1 abc.1 a.1 b.1 ");
	log_subscribe(&l, 1, ""); /* saying it twice is no error, and tells nothing */
	assert_string_equal(l.out[1], "ab.1 abc.1 a.1 b.1 ");
	cancel(1, "ab");
	log_clear(&l);
	log_subscribe(&l, 1, "ab");
	assert_string_equal(l.out[1], "");
}

/* A pipe is told one at a time if it has no room for more. */
static void read_one(unsigned i)
{
	zl_socket_released(&l.pipe[i], 1, l.pipe[i].queued_bytes);
	turn();
}

static void test_who_has_no_room_is_told_as_it_reads_and_nothing_after_its_successor(void **state)
{
	(void)state;
	reopen(100, 1 << 16, 1000, 0);
	log_send(&l, "a.1 b.1 c.1 d.1");
	log_subscribe(&l, 0, "");
	assert_string_equal(l.out[0], "a.1 ");
	turn();
	assert_string_equal(l.out[0], "a.1 ");
	log_send(&l, "a.2 c.2");
	assert_string_equal(l.out[0], "a.1 a.2 c.2 ");
	for (unsigned i = 0; i < 8; i++)
		read_one(0);
	assert_string_equal(l.out[0], "a.1 a.2 c.2 b.1 d.1 ");
	assert_false(zl_late_waits(l.socket.last));
}

static void test_prefixes_that_overlap_while_being_told_tell_once(void **state)
{
	(void)state;
	reopen(100, 1 << 16, 1000, 0);
	log_send(&l, "a.1 b.1 c.1 d.1");
	log_subscribe(&l, 0, "");
	log_subscribe(&l, 0, "c"); /* of this it has not been told */
	log_subscribe(&l, 0, "a"); /* of this it has */
	log_subscribe(&l, 1, "d");
	log_subscribe(&l, 1, "");
	for (unsigned i = 0; i < 8; i++)
		for (unsigned k = 0; k < 2; k++)
			read_one(k);
	assert_string_equal(l.out[1], "d.1 a.1 b.1 c.1 ");
	assert_int_equal(strlen(l.out[0]), strlen("a.1 b.1 c.1 d.1 "));
	assert_non_null(strstr(l.out[0], "c.1 "));
	log_subscribe(&l, 2, "");
	cancel(2, "");
	for (unsigned i = 0; i < 8; i++)
		read_one(2);
	assert_string_equal(l.out[2], "a.1 ");
	log_subscribe(&l, 3, "");
	zl_socket_remove_pipe(&l.socket, &l.pipe[3]);
	turn();
	assert_false(zl_late_waits(l.socket.last));
}

static void test_who_comes_in_the_middle_of_a_message_gets_it(void **state)
{
	(void)state;
	log_send(&l, "a.1 b.1+");
	log_subscribe(&l, 0, "");
	assert_string_equal(l.out[0], "");
	log_send(&l, "end");
	turn();
	assert_string_equal(l.out[0], "a.1 b.1+end ");
	log_send(&l, "a.2+");
	log_subscribe(&l, 1, "");
	log_send(&l, "end a.3");
	turn();
	assert_string_equal(l.out[1], "a.3 b.1+end ");
	log_send(&l, "a.4+");
	log_subscribe(&l, 2, "a");
	zl_socket_broken(&l.socket);
	turn();
	assert_string_equal(l.out[2], "a.3 ");
	log_send(&l, "0.1+"); /* of a topic that is not there yet, and comes before the others */
	log_subscribe(&l, 3, "");
	log_send(&l, "end");
	turn();
	assert_string_equal(l.out[3], "0.1+end a.3 b.1+end ");
}

static void test_the_topic_published_longest_ago_makes_room(void **state)
{
	(void)state;
	reopen(3, 1 << 16, 1000, 1 << 20);
	log_send(&l, "a.1 b.1 c.1 a.2 d.1");
	assert_int_equal(counted(ZL_ROUTER_last_evicted), 1);
	log_subscribe(&l, 0, "");
	assert_string_equal(l.out[0], "a.2 c.1 d.1 ");
	assert_int_equal(zl_last_topics(l.socket.last), 3);
}

static void test_memory_is_bounded_and_what_is_too_long_leaves_nothing_stale(void **state)
{
	static char text[3000];
	unsigned n = 0;

	(void)state;
	reopen(100, 10 * sizeof(struct zl_chunk), 300, 1 << 20);
	for (unsigned i = 0; i < 20; i++) /* two chunks each */
		n += (unsigned)sprintf(text + n, "t%c.%0120u ", 'a' + i, i);
	log_send(&l, text);
	assert_int_equal(zl_last_topics(l.socket.last), 5);
	assert_int_equal(counted(ZL_ROUTER_last_evicted), 15);
	sprintf(text, "tt.%0300u", 1);
	log_send(&l, text);
	assert_int_equal(counted(ZL_ROUTER_last_too_long), 1);
	assert_int_equal(zl_last_topics(l.socket.last), 4);
	sprintf(text, "%0256u", 1);
	log_send(&l, text);
	assert_int_equal(counted(ZL_ROUTER_last_topic_too_long), 1);
	log_subscribe(&l, 0, "");
	assert_int_equal(counted(ZL_ROUTER_last_told), 4);
	for (unsigned i = 'p'; i < 't'; i++) {
		char topic[8];

		sprintf(topic, "t%c.", i);
		assert_non_null(strstr(l.out[0], topic));
	}
}

static void test_a_topic_may_be_the_first_bytes_or_the_whole(void **state)
{
	(void)state;
	reopen(100, 1 << 16, 1000, 1 << 20);
	l.socket.last->config.topic = (struct zl_ipc_topic){.bytes = 2};
	log_send(&l, "ab1 ab2 a ac1");
	log_subscribe(&l, 0, "ab");
	assert_string_equal(l.out[0], "ab2 ");
	log_subscribe(&l, 1, "ab1");
	assert_string_equal(l.out[1], "");
	reopen(100, 1 << 16, 1000, 1 << 20);
	l.socket.last->config.topic = (struct zl_ipc_topic){0};
	log_send(&l, "ab1 ab2+x a ac1 ab2+y");
	log_subscribe(&l, 0, "ab");
	assert_string_equal(l.out[0], "ab1 ab2+y ");
}

static void test_another_core_gets_everything_whatever_it_subscribes_to(void **state)
{
	(void)state;
	log_add(&l, 4, ZL_PIPE_CORE);
	log_subscribe(&l, 4, "a");
	cancel(4, "a");
	log_send(&l, "a.1 b.1");
	assert_string_equal(l.out[4], "a.1 b.1 ");
	log_send_local(&l, "c.1"); /* from a core: kept, and to none */
	assert_string_equal(l.out[4], "a.1 b.1 ");
	log_subscribe(&l, 0, "c");
	assert_string_equal(l.out[0], "c.1 ");
}

/* Random subscriptions, rooms, evictions and pieces of messages: of each topic a pipe sees numbers
 * that follow one another, from one that is as new as its subscription on. */
enum {
	TOPICS = 12,
	STEPS = 20000
};
struct seen {
	unsigned newest_then, last; /* at the subscription; 0: none yet */
	bool wants;
};
static struct seen seen[4][TOPICS];
static unsigned newest[TOPICS];

static void check_pipe(unsigned i)
{
	const char *at = l.out[i];
	unsigned topic, number;
	int n;

	for (; *at; at += n) {
		assert_int_equal(sscanf(at, "t%u.%u%n", &topic, &number, &n), 2);
		n += at[n] == '+' ? 5 : 1; /* "+end " */
		struct seen *s = &seen[i][topic];
		assert_true(s->wants);
		if (s->last)
			assert_int_equal(number, s->last + 1);
		else
			assert_true(number >= s->newest_then);
		s->last = number;
	}
	l.out[i][0] = 0;
}

static void change_subscription(unsigned i, bool mid)
{
	unsigned topic = (unsigned)random() % TOPICS;
	struct seen *s = &seen[i][topic];
	char prefix[8];

	if (mid && s->wants)
		return; /* what it was written is not whole now, and could not be looked at */
	if (!mid)
		check_pipe(i);
	sprintf(prefix, "t%u.", topic);
	if (s->wants)
		cancel(i, prefix);
	else
		log_subscribe(&l, i, prefix);
	*s = (struct seen){.newest_then = newest[topic], .wants = !s->wants};
}

static void test_no_history_tells_twice_or_leaves_a_gap(void **state)
{
	bool mid = false;

	(void)state;
	reopen(TOPICS, 1 << 16, 1000, 60);
	srandom(7);
	memset(seen, 0, sizeof(seen));
	memset(newest, 0, sizeof(newest));
	for (unsigned i = 0; i < 4; i++)
		l.pipe[i].hwm_msgs = 0; /* what is dropped for a pipe would be a gap */
	for (unsigned step = 0; step < STEPS; step++) {
		char text[64];
		unsigned topic = (unsigned)random() % TOPICS, i = (unsigned)random() % 4;

		if (mid) {
			log_send(&l, "end");
			mid = false;
		} else if (random() % 2) {
			mid = random() % 4 == 0;
			sprintf(text, "t%u.%u%s", topic, ++newest[topic], mid ? "+" : "");
			log_send(&l, text);
		}
		if (random() % 3 == 0)
			zl_socket_released(&l.pipe[i], 2, 20);
		if (random() % 16 == 0)
			change_subscription(i, mid);
		turn();
		for (i = 0; i < 4 && !mid; i++)
			check_pipe(i);
	}
	for (unsigned n = 0; n < 100; n++)
		for (unsigned i = 0; i < 4; i++)
			read_one(i);
	for (unsigned i = 0; i < 4; i++) {
		check_pipe(i);
		for (unsigned topic = 0; topic < TOPICS; topic++)
			if (seen[i][topic].wants)
				assert_int_equal(seen[i][topic].last, newest[topic]);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_a_late_subscriber_gets_the_newest_of_each_topic_it_matches_then_live),
		T(test_a_prefix_beyond_the_topic_is_looked_for_in_the_message),
		T(test_overlapping_prefixes_tell_a_topic_once),
		T(test_who_has_no_room_is_told_as_it_reads_and_nothing_after_its_successor),
		T(test_prefixes_that_overlap_while_being_told_tell_once),
		T(test_who_comes_in_the_middle_of_a_message_gets_it),
		T(test_the_topic_published_longest_ago_makes_room),
		T(test_memory_is_bounded_and_what_is_too_long_leaves_nothing_stale),
		T(test_a_topic_may_be_the_first_bytes_or_the_whole),
		T(test_another_core_gets_everything_whatever_it_subscribes_to),
		T(test_no_history_tells_twice_or_leaves_a_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
