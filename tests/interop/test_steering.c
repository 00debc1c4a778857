/* A tap with a queue for each of two cores, whose kernel chooses among them: a group's packets come
 * to the core that receives it by a rule of the device's, or else from core to core. With the
 * argument "rules" the kernel is one that must take the rule (tests/guest); else either will do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/interop/appliance.h"
#include "tests/interop/exchange.h"
#include "tests/interop/gram.h"
#include "tests/interop/group.h"
#include "tests/interop/raw.h"
#include "tests/interop/remote.h"

#define CORES       2
#define GROUP       "239.192.7.1"
#define UDP_PORT    7777
#define GRAM_PORT   7778 /* of the first sender */
#define SENDERS     8    /* at least; each port a flow, which the kernel gives to one queue */
#define SENDERS_MAX 64
#define RADIO_PORT  5556
#define HANDED_ON   "net.datagram_handed_on"

static bool must_rule;

static bool was_asked(json_t *stats, const void *context)
{
	json_int_t asked = 0;
	json_t *counter;
	size_t i;

	(void)context;
	json_array_foreach(stats, i, counter)
	{
		const char *name = json_string_value(json_object_get(counter, "name"));

		if (!strcmp(name, "core.steer_rules") || !strcmp(name, "core.steer_refused"))
			asked += json_integer_value(json_object_get(counter, "total"));
	}
	return asked == 1;
}

/* What became of the one group's rule. */
static bool ruled(struct appliance *a)
{
	bool is;

	appliance_await(a, "stats", was_asked, NULL, "the device was asked for a rule");
	is = appliance_counter(a, "core.steer_rules");
	assert_true(is || !must_rule);
	return is;
}

static struct appliance *receiver(void)
{
	return appliance_start(&(struct appliance_config){
		.carrier = LAB_TAP,
		.kind = "bridge",
		.poll_cores = CORES,
		.queues = CORES,
		.frontend = "type: DISH, bind: [\"udp://eth0;" GROUP ":7777\"]",
		.backend = "type: RADIO, bind: [\"" BACKEND "\"], hwm: 0"});
}

static bool has_joined(json_t *peers, const void *context)
{
	json_t *peer;
	size_t i;

	(void)context;
	json_array_foreach(peers, i, peer)
	{
		if (json_integer_value(json_object_get(peer, "subscriptions")))
			return true;
	}
	return false;
}

/* From one port after another: all of it comes, whichever core it comes to. */
static void test_datagrams_of_a_group_come_to_its_core(void **state)
{
	struct appliance *a = receiver();
	struct peer *dish = raw_join(&a->net, RADIO_PORT, "DISH", "RADIO");
	const bool by_rule = ruled(a);
	unsigned n = 0;

	(void)state;
	RAW_SENDS(dish, "\4\6\4JOINa");
	appliance_await(a, "peers", has_joined, NULL, "the group was joined");
	appliance_settle(a);
	while (n < SENDERS || (!by_rule && !appliance_counter(a, HANDED_ON))) {
		char name[16];
		struct peer *gram;

		if (n == SENDERS_MAX)
			fail_msg("%u senders, and all come to the core of the group", n);
		snprintf(name, sizeof(name), "gram%u", n);
		gram = gram_start(&a->net, name, GRAM_PORT + n++, NULL);
		GRAM_SENDS(gram, GROUP, UDP_PORT, "\1aone");
		RAW_EXPECTS(dish, "\1\1a\0\3one");
		gram_end(gram);
	}
	if (by_rule)
		assert_int_equal(appliance_counter(a, HANDED_ON), 0);
	raw_end(dish);
	appliance_stop(a);
}

/* The rule goes with its endpoint, and another comes with the next one. */
static void test_a_rule_comes_and_goes_with_its_endpoint(void **state)
{
	static const char *const endpoint = "udp://eth0;" GROUP ":7777";
	struct appliance *a = receiver();
	const char *counter = ruled(a) ? "core.steer_rules" : "core.steer_refused";

	(void)state;
	for (unsigned i = 2; i < 5; i++) {
		assert_null(appliance_change(a, "unbind", "feed.frontend", endpoint));
		assert_null(appliance_change(a, "bind", "feed.frontend", endpoint));
		appliance_await_counter(a, counter, i);
		assert_int_equal(appliance_counter(a, counter), i);
	}
	appliance_stop(a);
}

static void carry(const char *scheme)
{
	static const struct peer_multicast fast = {.rate_kbits = 100000, .recovery_ms = 5000};
	struct flow flow = group_mixed(lab_scaled(must_rule ? 2000 : 20000));
	char from[96], frontend[160];
	struct appliance *a;
	bool by_rule;

	snprintf(from, sizeof(from), "%s://" LAB_PEER_IP ";" GROUP ":7500", scheme);
	snprintf(frontend, sizeof(frontend),
		 "connect: [\"%s://eth0;" GROUP ":7500\"], hwm: 0, "
		 "options: {rate: 100000, recovery_ivl: 5s}",
		 scheme);
	peer_multicast(&fast);
	a = appliance_start(&(struct appliance_config){
		.carrier = LAB_TAP, .poll_cores = CORES, .queues = CORES, .frontend = frontend});
	by_rule = ruled(a);
	group_carry(a, &flow, from, (const char *const[]){BACKEND, BACKEND}, 0);
	if (by_rule)
		assert_int_equal(appliance_counter(a, HANDED_ON), 0);
	appliance_stop(a);
}

static void test_a_source_of_epgm_comes_to_its_core(void **state)
{
	(void)state;
	carry("epgm");
}

static void test_a_source_of_pgm_comes_to_its_core(void **state)
{
	(void)state;
	carry("pgm");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_datagrams_of_a_group_come_to_its_core),
		LAB_TEST(test_a_rule_comes_and_goes_with_its_endpoint),
		LAB_TEST(test_a_source_of_epgm_comes_to_its_core),
		LAB_TEST(test_a_source_of_pgm_comes_to_its_core),
	};
	int skipped = lab_begin();

	if (skipped)
		return skipped;
	must_rule = argc > 1 && strcmp(argv[1], "rules") == 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
