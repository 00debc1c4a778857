/* What is done about a subscriber that stops reading, by the policy of its socket; beside it one
 * that reads gets everything. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/interop/reader.h"

enum {
	HWM = 200,
	BATCH = 100, /* less than HWM, so that who reads loses nothing */
	BATCHES = 60
};
#define SOCKET(policy)                                                                             \
	"bind: [\"" BACKEND "\"], hwm: 200, sndbuf: 4096, policy: {slow: {" policy "}}"

struct scene {
	struct appliance *a;
	struct peer *numbers, *fast, *slow;
};

static bool has_two_subscriptions(json_t *status, const void *context)
{
	(void)context;
	return json_integer_value(json_object_get(status, "subscriptions")) == 2;
}

static struct scene begin(const char *backend)
{
	struct scene s = {.a = appliance_start(&(struct appliance_config){.backend = backend})};

	s.fast = reader_start(s.a, false);
	s.slow = reader_start(s.a, true);
	appliance_await(s.a, "status", has_two_subscriptions, NULL, "both have subscribed");
	s.numbers = numbers_start(s.a);
	reader_go(s.fast);
	return s;
}

/* Many more messages than the slow one's queue holds; the other one has them all. */
static void flood(struct scene *s)
{
	for (unsigned i = 0; i < BATCHES; i++)
		numbers_pass(s->numbers, s->fast, BATCH);
}

static struct read_numbers read_slow(struct scene *s)
{
	struct read_numbers r;

	reader_await_told(s->a, BATCH * BATCHES);
	reader_go(s->slow);
	reader_await_drained(s->a);
	r = reader_end(s->slow, s->numbers);
	printf("the slow one got %llu: up to %llu, and from %llu to %llu\n",
	       (unsigned long long)r.n, (unsigned long long)r.prefix, (unsigned long long)r.suffix,
	       (unsigned long long)r.last);
	assert_int_equal(r.disconnects, 0);
	return r;
}

static void end(struct scene *s)
{
	struct read_numbers r = reader_end(s->fast, s->numbers);

	assert_int_equal(r.n, BATCH * BATCHES);
	assert_int_equal(r.prefix, BATCH * BATCHES);
	numbers_end(s->numbers);
	appliance_stop(s->a);
}

static void test_drop_newest_keeps_what_came_first(void **state)
{
	struct scene s = begin(SOCKET("do: drop_newest"));
	struct read_numbers r;

	(void)state;
	flood(&s);
	r = read_slow(&s);
	assert_true(r.prefix >= HWM);
	assert_true(r.last < BATCH * BATCHES - 1);
	assert_true(r.n < BATCH * BATCHES / 2);
	end(&s);
}

static void test_drop_oldest_keeps_what_came_last(void **state)
{
	struct scene s = begin(SOCKET("do: drop_oldest"));
	struct read_numbers r;

	(void)state;
	flood(&s);
	assert_true(appliance_counter(s.a, "router.dropped_oldest") > 0);
	r = read_slow(&s);
	assert_int_equal(r.last, BATCH * BATCHES - 1);
	assert_true(r.last - r.suffix + 1 >= HWM); /* what waited */
	assert_true(r.prefix < r.suffix);          /* what was on its way */
	assert_true(r.n < BATCH * BATCHES / 2);
	end(&s);
}

static void test_conflate_keeps_the_newest_of_each_topic(void **state)
{
	struct scene s = begin(SOCKET("do: conflate, mark: 150, topic_until: \".\""));
	struct read_numbers r;

	(void)state;
	flood(&s);
	assert_int_equal(appliance_counter(s.a, "router.dropped_oldest"), 0);
	r = read_slow(&s);
	for (unsigned i = 0; i < READER_TOPICS; i++)
		assert_int_equal(r.of[i], BATCH * BATCHES - READER_TOPICS + i);
	assert_true(r.n <= BATCH * BATCHES / 4);
	assert_int_equal(r.n + appliance_counter(s.a, "router.conflated"), BATCH * BATCHES);
	end(&s);
}

static bool was_closed(json_t *status, const void *context)
{
	(void)context;
	return json_integer_value(
		       json_object_get(json_object_get(status, "closes"), "slow_consumer")) > 0;
}

static void test_disconnect_closes_who_is_over_its_hwm_for_too_long(void **state)
{
	struct scene s = begin(SOCKET("do: disconnect, grace: 200ms"));

	(void)state;
	flood(&s);
	appliance_await(s.a, "status", was_closed, NULL, "the slow one was closed");
	assert_int_equal(appliance_counter(s.a, "router.dropped_hwm"), 0);
	peer_signal(s.slow, SIGKILL);
	end(&s);
}

static void test_disconnect_closes_who_leaves_messages_queued_for_too_long(void **state)
{
	struct scene s = begin("bind: [\"" BACKEND "\"], hwm: 1000000, sndbuf: 4096, "
			       "policy: {slow: {do: disconnect, grace: 200ms}}");

	(void)state;
	flood(&s); /* far fewer than its HWM */
	appliance_await(s.a, "status", was_closed, NULL, "the slow one was closed");
	peer_signal(s.slow, SIGKILL);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_drop_newest_keeps_what_came_first),
		LAB_TEST(test_drop_oldest_keeps_what_came_last),
		LAB_TEST(test_conflate_keeps_the_newest_of_each_topic),
		LAB_TEST(test_disconnect_closes_who_is_over_its_hwm_for_too_long),
		LAB_TEST(test_disconnect_closes_who_leaves_messages_queued_for_too_long),
	};
	int status = lab_begin();

	appliance_is_large();
	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
