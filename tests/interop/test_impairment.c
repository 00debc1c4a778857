/* A bad network on the port, in both directions: TCP recovers, and content is never wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/interop/appliance.h"
#include "tests/interop/exchange.h"

static uint64_t impaired(struct appliance *a)
{
	json_t *ports = appliance_ask(a, "ports");
	json_t *n = json_object_get(json_array_get(ports, 0), "impaired");
	uint64_t frames = (uint64_t)json_integer_value(n);

	json_decref(ports);
	return frames;
}

static void survive(const char *impair, const struct flow *flow)
{
	struct appliance *a = appliance_start(
		&(struct appliance_config){.impair = impair, .tcp = "min_rto: 20ms"});
	struct exchange x = {0};

	exchange_subscriber(&x, a, flow, (const char *[]){"", NULL});
	exchange_subscriber(&x, a, flow,
			    flow->n_topics > 1 ? (const char *[]){"A", "D/", NULL}
					       : (const char *[]){"", NULL});
	exchange_publisher(&x, a, flow);
	exchange_go(&x);
	exchange_finish(&x);
	if (lab_standin() == LAB_REAL)
		printf("%llu frames were harmed\n", (unsigned long long)impaired(a));
	appliance_stop(a);
}

static void test_loss_reordering_duplicates_and_damage_lose_nothing(void **state)
{
	struct flow flow = exchange_market(lab_scaled(50000));

	(void)state;
	survive("rx: {loss: 1%, reorder: 1%, reorder_delay: 2ms, duplicate: 1%, corrupt: 0.5%, "
		"seed: 1}, "
		"tx: {loss: 1%, reorder: 1%, reorder_delay: 2ms, duplicate: 1%, corrupt: 0.5%, "
		"seed: 2}",
		&flow);
}

static void test_big_messages_survive_loss(void **state)
{
	static const uint32_t bytes[] = {64, 100000, 1, 30000, 1448};
	struct flow flow = {.topics = (const char *[]){""},
			    .n_topics = 1,
			    .bytes = bytes,
			    .n_bytes = 5,
			    .messages = lab_scaled(1000)};

	(void)state;
	survive("rx: {loss: 1%, seed: 3}, tx: {loss: 1%, corrupt: 0.1%, seed: 4}", &flow);
}

static void test_delay_and_jitter_change_nothing_but_time(void **state)
{
	struct flow flow = exchange_market(lab_scaled(50000));

	(void)state;
	survive("rx: {delay: 2ms, jitter: 2ms, seed: 5}, tx: {delay: 2ms, seed: 6}", &flow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_loss_reordering_duplicates_and_damage_lose_nothing),
		LAB_TEST(test_big_messages_survive_loss),
		LAB_TEST(test_delay_and_jitter_change_nothing_but_time),
	};
	int status = lab_begin();

	appliance_is_large();
	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
