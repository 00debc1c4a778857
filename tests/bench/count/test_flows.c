/* What zeroline-count says is missing, held against sequences with known holes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/bench/count/flows.h"

static struct flows f;

static struct frame_facts stamped(uint16_t group, uint32_t sequence, uint32_t count)
{
	return (struct frame_facts){.dst_ip = 0xefc00101,
				    .dst_port = 5555,
				    .proto = 17,
				    .stamped = true,
				    .stamp = {group, sequence, count}};
}

static void come(uint16_t group, uint32_t sequence, uint32_t count)
{
	struct frame_facts about = stamped(group, sequence, count);

	flows_count(&f, &about, 100);
}

static void expect(uint64_t frames, uint64_t lost, uint64_t late, uint64_t repeated)
{
	struct flow sum = flows_sum(&f);

	assert_int_equal(sum.frames, frames);
	assert_int_equal(sum.bytes, frames * 100);
	assert_int_equal(sum.lost, lost);
	assert_int_equal(sum.late, late);
	assert_int_equal(sum.repeated, repeated);
}

static int start(void **state)
{
	(void)state;
	return flows_open(&f);
}

static int end(void **state)
{
	(void)state;
	flows_close(&f);
	return 0;
}

static void test_a_template_that_repeats_has_no_holes(void **state)
{
	(void)state;
	for (uint32_t count = 1; count < 70; count++)
		for (uint32_t i = 5; i < 5 + 3 * count; i++)
			come((uint16_t)count, i % count, count);
	expect(3 * 69 * 70 / 2, 0, 0, 0);
	assert_int_equal(f.used, 69);
}

static void test_what_is_passed_over_is_lost_also_across_the_end(void **state)
{
	uint64_t lost = 0;

	(void)state;
	come(0, 0, 1000);
	for (uint32_t gap = 1, at = 0; gap < 499; gap += 7) {
		at = (at + gap + 1) % 1000;
		lost += gap;
		come(0, at, 1000);
	}
	expect(73, lost, 0, 0);
}

static void test_what_comes_late_is_not_lost(void **state)
{
	(void)state;
	come(0, 0, 1000);
	come(0, 60, 1000);
	expect(2, 59, 0, 0);
	for (uint32_t i = 59; i > 0; i--)
		come(0, i, 1000);
	expect(61, 0, 59, 0);
	come(0, 61, 1000);
	expect(62, 0, 59, 0);
}

static void test_what_comes_twice_is_repeated(void **state)
{
	(void)state;
	come(0, 998, 1000);
	come(0, 999, 1000);
	come(0, 999, 1000);
	come(0, 0, 1000);
	come(0, 998, 1000);
	come(0, 1, 1000);
	expect(6, 0, 0, 2);
}

static void test_groups_and_destinations_are_told_apart(void **state)
{
	struct frame_facts other = stamped(3, 7, 100),
			   plain = {.dst_ip = 0xefc00101, .dst_port = 5555};
	const struct flow **all;

	(void)state;
	other.dst_ip++;
	come(3, 1, 100);
	flows_count(&f, &other, 100);
	come(4, 50, 100);
	come(3, 2, 100);
	flows_count(&f, &plain, 100);
	flows_count(&f, &(struct frame_facts){0}, 100);
	expect(6, 0, 0, 0);
	assert_int_equal(f.used, 5);
	all = flows_sorted(&f);
	assert_non_null(all);
	for (uint32_t i = 1; i < f.used; i++)
		assert_true(all[i - 1]->key < all[i]->key);
	free(all);
}

static void test_more_flows_than_there_is_room_for_are_counted_together(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < FLOWS_MAX + 10; i++) {
		struct frame_facts about = {.dst_ip = 0x0a000000 + i, .dst_port = 1};

		flows_count(&f, &about, 100);
	}
	expect(FLOWS_MAX + 10, 0, 0, 0);
	assert_int_equal(f.used, FLOWS_MAX);
	assert_int_equal(f.over.frames, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_template_that_repeats_has_no_holes, start,
						end),
		cmocka_unit_test_setup_teardown(
			test_what_is_passed_over_is_lost_also_across_the_end, start, end),
		cmocka_unit_test_setup_teardown(test_what_comes_late_is_not_lost, start, end),
		cmocka_unit_test_setup_teardown(test_what_comes_twice_is_repeated, start, end),
		cmocka_unit_test_setup_teardown(test_groups_and_destinations_are_told_apart, start,
						end),
		cmocka_unit_test_setup_teardown(
			test_more_flows_than_there_is_room_for_are_counted_together, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
