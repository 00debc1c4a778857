/* What a driver's thread takes away, it takes once no core can be in the middle of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

#include <rte_alarm.h>
#include <rte_cycles.h>

#include "dataplane/grace.h"
#include "tests/unit/eal.h"

#define WHILE_MS 30 /* to see that nothing happens */
#define PAGE     4096

static bool done;

static bool is_done(void)
{
	return __atomic_load_n(&done, __ATOMIC_ACQUIRE);
}

static void wait_until_done(void)
{
	while (!is_done())
		rte_delay_us_sleep(100);
}

/* On EAL's interrupt thread, as drivers' events are. */
static void take_away(void *at)
{
	munmap(at, PAGE);
	__atomic_store_n(&done, true, __ATOMIC_RELEASE);
}

static uint8_t *memory(void)
{
	uint8_t *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	return at;
}

static uint8_t *begin_to_take(void)
{
	uint8_t *at = memory();

	done = false;
	assert_int_equal(rte_eal_alarm_set(1, take_away, at), 0);
	return at;
}

static void test_it_waits_for_each_core_that_polls(void **state)
{
	uint8_t *at;

	(void)state;
	zl_grace_enter(0);
	zl_grace_enter(3);
	at = begin_to_take();
	rte_delay_us_sleep(WHILE_MS * 1000);
	assert_false(is_done());
	at[0] = 1; /* still there */
	zl_grace_pass(0);
	rte_delay_us_sleep(WHILE_MS * 1000);
	assert_false(is_done());
	at[0] = 1;
	zl_grace_pass(3);
	wait_until_done();
	zl_grace_leave(0);
	zl_grace_leave(3);
}

static void test_who_sleeps_or_has_ended_is_not_waited_for(void **state)
{
	(void)state;
	begin_to_take();
	wait_until_done();
	zl_grace_enter(1);
	begin_to_take();
	rte_delay_us_sleep(WHILE_MS * 1000);
	assert_false(is_done());
	zl_grace_leave(1);
	wait_until_done();
}

/* What was drawn before it came is no business of its. */
static void test_who_enters_later_need_not_pass(void **state)
{
	(void)state;
	zl_grace_wait();
	zl_grace_enter(2);
	zl_grace_leave(2);
	zl_grace_wait();
	zl_grace_enter(2);
	begin_to_take();
	rte_delay_us_sleep(WHILE_MS * 1000);
	assert_false(is_done());
	zl_grace_pass(2);
	wait_until_done();
	zl_grace_leave(2);
}

static void test_other_threads_wait_for_nobody(void **state)
{
	(void)state;
	zl_grace_enter(0);
	assert_int_equal(munmap(memory(), PAGE), 0);
	zl_grace_leave(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_waits_for_each_core_that_polls),
		cmocka_unit_test(test_who_sleeps_or_has_ended_is_not_waited_for),
		cmocka_unit_test(test_who_enters_later_need_not_pass),
		cmocka_unit_test(test_other_threads_wait_for_nobody),
	};

	return cmocka_run_group_tests(tests, eal_group_setup, NULL);
}
