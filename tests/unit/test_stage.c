/* Cycles by stage: sums are exact, nested stages keep to their own, nothing is counted while off;
 * and a core that was told to count stops by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/core_pair.h"

static uint64_t sum(const struct zl_stages *s)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < ZL_STAGES; i++)
		all += s->cycles[i];
	return all;
}

static void test_each_stage_has_its_own_cycles_and_not_those_of_stages_within(void **state)
{
	struct zl_stages s = {.current = ZL_STAGE_other};

	(void)state;
	zl_stages_on(&s, 1000);
	zl_stage_switch(&s, ZL_STAGE_net_out, 1010);
	zl_stage_switch(&s, ZL_STAGE_zmtp_in, 1110); /* from within net out */
	zl_stage_switch(&s, ZL_STAGE_router, 1140);
	zl_stage_switch(&s, ZL_STAGE_zmtp_in, 1190);
	zl_stage_switch(&s, ZL_STAGE_net_out, 1193); /* and back */
	zl_stages_turn(&s, true, 1200);
	assert_int_equal(s.cycles[ZL_STAGE_other], 10);
	assert_int_equal(s.cycles[ZL_STAGE_net_out], 100 + 7);
	assert_int_equal(s.cycles[ZL_STAGE_zmtp_in], 30 + 3);
	assert_int_equal(s.cycles[ZL_STAGE_router], 50);
	assert_int_equal(sum(&s), 200);
}

static void test_a_turn_in_which_nothing_came_is_idle_whatever_it_looked_at(void **state)
{
	struct zl_stages s = {.current = ZL_STAGE_other};

	(void)state;
	zl_stages_on(&s, 500);
	zl_stage_switch(&s, ZL_STAGE_port_rx, 501);
	zl_stages_turn(&s, false, 600);
	assert_int_equal(s.cycles[ZL_STAGE_idle], 100);
	zl_stage_switch(&s, ZL_STAGE_port_rx, 601);
	zl_stages_turn(&s, true, 650);
	assert_int_equal(s.cycles[ZL_STAGE_idle], 100);
	assert_int_equal(s.cycles[ZL_STAGE_other], 1);
	assert_int_equal(s.cycles[ZL_STAGE_port_rx], 49);
	zl_stages_off(&s, 700);
	assert_int_equal(sum(&s), 200);
}

/* Stages entered and left at random, by the real clock: not a cycle is lost or counted twice. */
static void test_all_stages_have_the_cycles_from_on_to_off(void **state)
{
	struct zl_stages s = {.current = ZL_STAGE_other};
	uint64_t random = 88172645463325252ull, from = rte_rdtsc(), to;

	(void)state;
	zl_stages_on(&s, from);
	for (unsigned i = 0; i < 10000; i++) {
		enum zl_stage outer, inner;

		random = random * 6364136223846793005ull + 1442695040888963407ull;
		outer = zl_stage_enter(&s, random >> 33 & 7);
		inner = zl_stage_enter(&s, random >> 40 & 7);
		assert_int_equal(inner, random >> 33 & 7);
		zl_stage_leave(&s, inner);
		zl_stage_leave(&s, outer);
		if (random >> 60 == 0)
			zl_stages_turn(&s, random >> 50 & 1, rte_rdtsc());
	}
	to = rte_rdtsc();
	zl_stages_off(&s, to);
	assert_int_equal(sum(&s), to - from);
}

static void test_off_counts_nothing(void **state)
{
	struct zl_stages s = {.current = ZL_STAGE_other}, before = s;
	enum zl_stage was;

	(void)state;
	was = zl_stage_enter(&s, ZL_STAGE_router);
	zl_stage_leave(&s, was);
	assert_memory_equal(&s, &before, sizeof(s));
	/* switched on within a stage, and off within another */
	was = zl_stage_enter(&s, ZL_STAGE_router);
	zl_stages_on(&s, rte_rdtsc());
	zl_stage_leave(&s, was);
	assert_int_equal(s.current, ZL_STAGE_other);
	was = zl_stage_enter(&s, ZL_STAGE_net_in);
	zl_stages_off(&s, rte_rdtsc());
	zl_stage_leave(&s, was);
	before = s;
	was = zl_stage_enter(&s, ZL_STAGE_router);
	zl_stage_leave(&s, was);
	assert_memory_equal(&s, &before, sizeof(s));
	assert_int_equal(s.current, ZL_STAGE_other);
}

/* --- a core --- */

static const struct zl_stats_header *stats;
static int stats_fd;

static int setup(void **state)
{
	(void)state;
	cores_start();
	stats_fd = zl_publish_create(CORES, 0, core[0].peers_max, &stats);
	assert_true(stats_fd >= 0);
	for (unsigned i = 0; i < CORES; i++) {
		core[i].stats = stats;
		core[i].zmtp.stages = &core[i].stages;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cores_stop();
	zl_stats_unmap(stats);
	close(stats_fd);
	return 0;
}

static uint64_t published(const char *name)
{
	for (unsigned i = 0; i < stats->counters; i++)
		if (strcmp(zl_stats_counters(stats)[i].name, name) == 0)
			return zl_stats_values(stats, 0)[i];
	fail_msg("there is no counter %s", name);
	return 0;
}

static bool counting(void)
{
	return zl_stats_core(stats, 0)->counting;
}

static void count_for(uint32_t ms)
{
	((struct zl_ipc_count *)order_begin(&core[0], ZL_IPC_COUNT))->ms = ms;
	order_send(&core[0], 0);
	assert_int_equal(((struct zl_ipc_result *)hear(&core[0], ZL_IPC_RESULT))->error, 0);
	assert_true(counting());
}

static void say(struct wire *pub)
{
	struct bytes b = {0};

	naive_frame(&b, 0, (const uint8_t *)"abc", 3, false);
	peer_say(&core[0], pub, &b);
	bytes_free(&b);
}

/* A message, and a turn. To the core all of its turns here are idle: no frame came. */
static void exchange(struct wire *pub)
{
	say(pub);
	core_turn(&core[0]);
}

static void test_a_core_counts_while_it_was_told_to_and_what_it_did_meanwhile(void **state)
{
	static struct wire pub, sub[2];
	uint64_t idle;

	(void)state;
	peer_join(&core[0], &pub, IN, ZL_PUB);
	for (unsigned i = 0; i < 2; i++)
		match(&core[0], peer_join(&core[0], &sub[i], OUT, ZL_SUB), "a");
	exchange(&pub);
	assert_int_equal(published("cycles.other") + published("counted.msgs_out"), 0);
	count_for(5);
	exchange(&pub);
	say(&pub);
	assert_int_not_equal(core[0].stages.turn[ZL_STAGE_zmtp_in], 0);
	assert_int_not_equal(core[0].stages.turn[ZL_STAGE_router], 0);
	assert_int_not_equal(core[0].stages.turn[ZL_STAGE_zmtp_out], 0);
	assert_true(core[0].stages.on);
	core[0].now_ns += 5000000;
	core_turn(&core[0]);
	assert_false(core[0].stages.on);
	assert_false(counting());
	assert_int_equal(published("counted.msgs_in"), 2);
	assert_int_equal(published("counted.msgs_out"), 4);
	assert_int_not_equal(published("cycles.idle"), 0);
	/* and not a cycle or a message more */
	idle = published("cycles.idle");
	exchange(&pub);
	zl_publish(&core[0]);
	assert_int_equal(published("cycles.idle"), idle);
	assert_int_equal(published("counted.msgs_out"), 4);
}

static void test_asking_again_makes_a_core_go_on_and_never_stop_earlier(void **state)
{
	(void)state;
	count_for(100);
	core[0].now_ns += 99000000;
	count_for(50);
	core[0].now_ns += 2000000;
	count_for(1);
	core_turn(&core[0]);
	assert_true(core[0].stages.on);
	core[0].now_ns += 48000000;
	core_turn(&core[0]);
	assert_false(core[0].stages.on);
}

static void test_a_core_stops_counting_when_control_goes_away(void **state)
{
	(void)state;
	count_for(ZL_COUNT_MS_MAX);
	core_turn(&core[0]);
	assert_true(core[0].stages.on);
	control_gone(&core[0]);
	assert_false(core[0].stages.on);
	assert_false(counting());
	hear(&core[0], ZL_NOTICE_CONTROL_GONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_stage_has_its_own_cycles_and_not_those_of_stages_within),
		cmocka_unit_test(test_a_turn_in_which_nothing_came_is_idle_whatever_it_looked_at),
		cmocka_unit_test(test_all_stages_have_the_cycles_from_on_to_off),
		cmocka_unit_test(test_off_counts_nothing),
		cmocka_unit_test_setup_teardown(
			test_a_core_counts_while_it_was_told_to_and_what_it_did_meanwhile, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			test_asking_again_makes_a_core_go_on_and_never_stop_earlier, setup,
			teardown),
		cmocka_unit_test_setup_teardown(test_a_core_stops_counting_when_control_goes_away,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
