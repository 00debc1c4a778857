/* `zeroline cores --cycles` while traffic runs: every stage is there, the traffic shows in those
 * that it goes through, and nothing is counted any more afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/interop/appliance.h"
#include "tests/interop/exchange.h"

static const char *const stages[] = {"idle",     "port rx", "net in",  "zmtp in", "router",
				     "zmtp out", "net out", "port tx", "other"};
#define STAGES (sizeof(stages) / sizeof(stages[0]))

static json_int_t number(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	if (!json_is_integer(value))
		fail_msg("there is no number %s", name);
	return json_integer_value(value);
}

/* Every stage in its order; the cycles of all of them. */
static json_int_t sum_of_stages(const json_t *core)
{
	const json_t *list = json_object_get(core, "stages");
	json_int_t sum = 0;

	assert_int_equal(json_array_size(list), STAGES);
	for (size_t i = 0; i < STAGES; i++) {
		const json_t *stage = json_array_get(list, i);

		assert_string_equal(json_string_value(json_object_get(stage, "stage")), stages[i]);
		sum += number(stage, "cycles");
	}
	return sum;
}

static bool all_stopped(json_t *result, const void *context)
{
	const json_t *core;
	size_t i;

	(void)context;
	json_array_foreach(
		json_object_get(result, "cores"), i,
		core) if (!json_is_false(json_object_get(core, "counting"))) return false;
	return true;
}

static json_int_t counted_so_far(struct appliance *a)
{
	json_t *result = appliance_ask(a, "cycles");
	const json_t *core;
	json_int_t sum = 0;
	size_t i;

	json_array_foreach(json_object_get(result, "cores"), i, core) sum += sum_of_stages(core);
	json_decref(result);
	return sum;
}

static json_t *measure(struct appliance *a)
{
	char *output;
	int status = appliance_cli(
		a, &output, (const char *[]){"cores", "--cycles", "--for", "0.3", "--json", NULL});
	json_t *result = json_loads(output, 0, NULL);

	if (status != 0 || !result)
		fail_msg("zeroline cores --cycles: status %d: %s", status, output);
	free(output);
	return result;
}

static void test_cycles_of_traffic_are_told_by_stage_and_the_counting_ends(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){.poll_cores = 2});
	struct flow flow = exchange_market(0);
	struct exchange x = {.publisher_plan.blocks = true};
	json_int_t out = 0, router = 0, before;
	const json_t *core;
	json_t *result;
	size_t i;

	(void)state;
	exchange_prepare(&x, &flow, (const char *[]){"A", NULL})->report = lab_scaled(20000);
	exchange_start(&x, a, &x.plan[0]);
	exchange_publisher(&x, a, &flow);
	exchange_go(&x);
	peer_hear(x.subscriber[0], "reached");
	before = counted_so_far(a);
	assert_int_equal(before, 0);
	result = measure(a);
	json_array_foreach(json_object_get(result, "cores"), i, core)
	{
		assert_int_equal(number(core, "core"), i);
		assert_int_equal(sum_of_stages(core), number(core, "cycles"));
		assert_true(number(core, "cycles") > 0);
		assert_true(number(core, "tsc_hz") > 0);
		out += number(core, "messages_out");
		router += number(json_array_get(json_object_get(core, "stages"), 4), "cycles");
		before += number(core, "cycles");
	}
	assert_int_equal(i, 3); /* two poll cores and the host core */
	assert_true(out > 0);
	assert_true(router > 0);
	json_decref(result);
	/* Over: the traffic goes on, and no cycle is added to what was told. */
	appliance_await(a, "cycles", all_stopped, NULL, "no core counts");
	peer_hear(x.subscriber[0], "reached");
	peer_hear(x.subscriber[0], "reached");
	assert_int_equal(counted_so_far(a), before);
	peer_tell(x.publisher, "stop", 0);
	exchange_finish(&x);
	appliance_stop(a);
}

static void refuses(struct appliance *a, json_int_t ms)
{
	json_t *reply = appliance_request(a, json_pack("{s:s, s:I}", "cmd", "count", "ms", ms));

	assert_true(json_is_false(json_object_get(reply, "ok")));
	assert_string_equal(json_string_value(json_object_get(reply, "error")),
			    "count: give \"ms\", 1 to 5000");
	json_decref(reply);
}

static void test_counting_without_a_time_or_for_too_long_is_refused(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){0});

	(void)state;
	refuses(a, 0);
	refuses(a, -1);
	refuses(a, 5001);
	refuses(a, 0x100000001);
	assert_int_equal(counted_so_far(a), 0);
	appliance_stop(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_cycles_of_traffic_are_told_by_stage_and_the_counting_ends),
		LAB_TEST(test_counting_without_a_time_or_for_too_long_is_refused),
	};
	int status = lab_begin();

	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
