/* The timer wheel against a list that is searched from end to end. */
#include "dataplane/net/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define TICK   (UINT64_C(1) << ZL_TIMER_TICK_SHIFT)
#define TIMERS 200

struct probe {
	struct zl_timer timer;
	uint64_t fired_at;
	unsigned fired;
	bool armed; /* as the model has it */
};

static struct zl_timer_wheel wheel;
static struct probe probe[TIMERS];
static uint64_t seed;

static uint64_t random_u64(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void fire(struct zl_timer *t, uint64_t now_ns)
{
	struct probe *p = (struct probe *)t;

	assert_true(p->armed);
	assert_true(now_ns >= t->deadline_ns);
	assert_false(zl_timer_armed(t));
	p->fired++;
	p->fired_at = now_ns;
	p->armed = false;
}

/* A deadline or a step, of any magnitude up to some days. */
static uint64_t some_time(void)
{
	return random_u64() >> (16 + random_u64() % 44);
}

static void check_model(uint64_t now)
{
	uint64_t due = UINT64_MAX;
	uint32_t armed = 0;

	for (unsigned i = 0; i < TIMERS; i++) {
		struct probe *p = &probe[i];

		assert_int_equal(p->armed, zl_timer_armed(&p->timer));
		if (!p->armed)
			continue;
		armed++;
		/* Due by a whole tick or more, and run at that time: must have fired. Armed since
		 * with a deadline in the past, it fires in the next tick. */
		assert_true(p->timer.deadline_ns + 2 * TICK > now || p->fired_at == now);
		if (p->timer.deadline_ns < due)
			due = p->timer.deadline_ns;
	}
	assert_int_equal(wheel.armed, armed);
	if (due == UINT64_MAX)
		assert_true(zl_timer_next(&wheel) == UINT64_MAX);
	else
		assert_true(zl_timer_next(&wheel) <= (due > now ? due : now) + 2 * TICK);
}

static void step(uint64_t *now)
{
	struct probe *p = &probe[random_u64() % TIMERS];
	uint64_t deadline;

	switch (random_u64() % 8) {
	case 0:
		zl_timer_disarm(&wheel, &p->timer);
		p->armed = false;
		break;
	case 1:
	case 2:
		*now += some_time();
		/* fallthrough */
	case 3:
		zl_timer_run(&wheel, *now);
		for (unsigned i = 0; i < TIMERS; i++)
			assert_false(probe[i].armed && probe[i].timer.deadline_ns + TICK <= *now &&
				     probe[i].fired_at < *now && probe[i].fired_at);
		break;
	default:
		deadline = *now + some_time();
		zl_timer_arm(&wheel, &p->timer, deadline);
		p->armed = true;
		p->fired_at = 0;
		break;
	}
	check_model(*now);
}

static void test_random_arming_fires_all_that_is_due_and_never_early(void **state)
{
	(void)state;
	for (uint64_t round = 1; round <= 40; round++) {
		uint64_t now;

		seed = round * UINT64_C(0x9e3779b97f4a7c15);
		now = random_u64() >> (random_u64() % 48 + 2);
		zl_timer_wheel_init(&wheel, now);
		for (unsigned i = 0; i < TIMERS; i++) {
			probe[i] = (struct probe){0};
			zl_timer_init(&probe[i].timer, fire);
		}
		for (unsigned i = 0; i < 5000; i++)
			step(&now);
	}
}

/* The tick in which a timer fires must be the first that is not before its deadline. */
static void check_exact(uint64_t start, uint64_t ticks, bool in_steps)
{
	struct probe *p = &probe[0];
	uint64_t deadline = start + ticks * TICK, now = start;

	*p = (struct probe){.armed = true};
	zl_timer_init(&p->timer, fire);
	zl_timer_wheel_init(&wheel, start);
	zl_timer_arm(&wheel, &p->timer, deadline);
	while (in_steps && zl_timer_next(&wheel) < deadline) {
		assert_true(zl_timer_next(&wheel) > now);
		now = zl_timer_next(&wheel);
		zl_timer_run(&wheel, now);
		assert_int_equal(p->fired, 0);
	}
	zl_timer_run(&wheel, deadline - 1);
	assert_int_equal(p->fired, 0);
	zl_timer_run(&wheel, deadline);
	assert_int_equal(p->fired, 1);
	zl_timer_run(&wheel, deadline + (UINT64_C(1) << 50));
	assert_int_equal(p->fired, 1);
	assert_true(zl_timer_next(&wheel) == UINT64_MAX);
}

static void test_deadlines_about_the_cascade_boundaries_are_exact(void **state)
{
	(void)state;
	for (unsigned level = 0; level <= ZL_TIMER_LEVELS; level++) {
		for (int near = -3; near <= 3; near++) {
			for (unsigned offset = 0; offset < 520; offset += 37) {
				int64_t ticks = (INT64_C(1) << (8 * level)) + near;

				if (ticks < 1)
					continue;
				check_exact(offset * TICK, ticks, false);
				check_exact(offset * TICK, ticks, true);
			}
		}
	}
}

static void test_a_deadline_within_a_tick_waits_for_the_next(void **state)
{
	(void)state;
	probe[0] = (struct probe){.armed = true};
	zl_timer_init(&probe[0].timer, fire);
	zl_timer_wheel_init(&wheel, 0);
	zl_timer_arm(&wheel, &probe[0].timer, 5 * TICK + 1);
	zl_timer_run(&wheel, 6 * TICK - 1);
	assert_int_equal(probe[0].fired, 0);
	zl_timer_run(&wheel, 6 * TICK);
	assert_int_equal(probe[0].fired, 1);
}

static void fire_and_disarm_the_rest(struct zl_timer *t, uint64_t now_ns)
{
	fire(t, now_ns);
	for (unsigned i = 0; i < TIMERS; i++) {
		zl_timer_disarm(&wheel, &probe[i].timer);
		probe[i].armed = false;
	}
}

static void test_a_timer_may_disarm_others_of_its_tick(void **state)
{
	unsigned fired = 0;

	(void)state;
	zl_timer_wheel_init(&wheel, 0);
	for (unsigned i = 0; i < TIMERS; i++) {
		probe[i] = (struct probe){.armed = true};
		zl_timer_init(&probe[i].timer, fire_and_disarm_the_rest);
		zl_timer_arm(&wheel, &probe[i].timer, 300 * TICK);
	}
	zl_timer_run(&wheel, 1000 * TICK);
	for (unsigned i = 0; i < TIMERS; i++)
		fired += probe[i].fired;
	assert_int_equal(fired, 1);
	assert_int_equal(wheel.armed, 0);
}

static void fire_and_rearm_in_the_past(struct zl_timer *t, uint64_t now_ns)
{
	fire(t, now_ns);
	probe[0].armed = true;
	zl_timer_arm(&wheel, t, 0);
}

static void test_rearming_in_the_past_fires_once_a_tick(void **state)
{
	(void)state;
	probe[0] = (struct probe){.armed = true};
	zl_timer_init(&probe[0].timer, fire_and_rearm_in_the_past);
	zl_timer_wheel_init(&wheel, 0);
	zl_timer_arm(&wheel, &probe[0].timer, TICK);
	for (unsigned tick = 1; tick <= 600; tick++) {
		zl_timer_run(&wheel, tick * TICK);
		zl_timer_run(&wheel, tick * TICK + 1);
		assert_int_equal(probe[0].fired, tick);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_arming_fires_all_that_is_due_and_never_early),
		cmocka_unit_test(test_deadlines_about_the_cascade_boundaries_are_exact),
		cmocka_unit_test(test_a_deadline_within_a_tick_waits_for_the_next),
		cmocka_unit_test(test_a_timer_may_disarm_others_of_its_tick),
		cmocka_unit_test(test_rearming_in_the_past_fires_once_a_tick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
