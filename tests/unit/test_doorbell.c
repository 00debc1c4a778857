/* Doorbells: a system call only for a reader that sleeps, and no ring is ever lost. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>

#include <cmocka.h>

#include "dataplane/ring/doorbell.h"

#define ROUNDS 2000

static struct zl_doorbell there, back;

static bool rung(const struct zl_doorbell *b)
{
	struct pollfd p = {.fd = b->fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void test_only_a_sleeper_is_rung_for(void **state)
{
	(void)state;
	assert_int_equal(zl_doorbell_open(&there), 0);
	zl_doorbell_ring(&there);
	assert_false(rung(&there));
	zl_doorbell_sleep(&there);
	assert_false(rung(&there));
	zl_doorbell_ring(&there);
	zl_doorbell_ring(&there);
	assert_true(rung(&there));
	zl_doorbell_awake(&there);
	assert_false(rung(&there));
	zl_doorbell_ring(&there);
	assert_false(rung(&there));
	zl_doorbell_close(&there);
	assert_int_equal(there.fd, -1);
}

/* As a core does: say that one sleeps, look once more, sleep. */
static void wait_for(struct zl_doorbell *b, const uint32_t *value, uint32_t wanted)
{
	struct pollfd p = {.fd = b->fd, .events = POLLIN};

	while (__atomic_load_n(value, __ATOMIC_RELAXED) != wanted) {
		zl_doorbell_sleep(b);
		if (__atomic_load_n(value, __ATOMIC_RELAXED) != wanted)
			poll(&p, 1, -1);
		zl_doorbell_awake(b);
	}
}

static uint32_t ping, pong;

static void *answer(void *arg)
{
	for (uint32_t i = 1; i <= ROUNDS; i++) {
		wait_for(&there, &ping, i);
		__atomic_store_n(&pong, i, __ATOMIC_RELAXED);
		zl_doorbell_ring(&back);
	}
	return arg;
}

/* A lost ring would leave both asleep for ever: the test's own time limit. */
static void test_two_threads_never_miss_each_other(void **state)
{
	pthread_t thread;

	(void)state;
	assert_int_equal(zl_doorbell_open(&there), 0);
	assert_int_equal(zl_doorbell_open(&back), 0);
	assert_int_equal(pthread_create(&thread, NULL, answer, NULL), 0);
	for (uint32_t i = 1; i <= ROUNDS; i++) {
		__atomic_store_n(&ping, i, __ATOMIC_RELAXED);
		zl_doorbell_ring(&there);
		wait_for(&back, &pong, i);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(pong, ROUNDS);
	zl_doorbell_close(&there);
	zl_doorbell_close(&back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_a_sleeper_is_rung_for),
		cmocka_unit_test(test_two_threads_never_miss_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
