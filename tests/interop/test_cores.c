/* Two poll cores (which may share a CPU): the same traffic, with peers on both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include <cmocka.h>

#include "tests/interop/appliance.h"
#include "tests/interop/echo.h"
#include "tests/interop/exchange.h"
#include "tests/interop/remote.h"

/* Which cores have subscribers, as bits. */
static unsigned cores_used(struct appliance *a)
{
	json_t *peers = appliance_ask(a, "peers"), *p;
	unsigned used = 0;
	size_t i;

	json_array_foreach(peers, i,
			   p) if (strcmp(json_string_value(json_object_get(p, "type")), "SUB") == 0)
		used |= 1u << json_integer_value(json_object_get(p, "core"));
	json_decref(peers);
	return used;
}

/* Eight subscribers, and more until both cores have some: a connection's ports decide where it
 * lives, and the kernel draws them. */
static void gather(struct exchange *x, struct appliance *a, const struct flow *flow)
{
	static const char *const prefixes[8][4] = {
		{""},        {"A"},        {"AB", "ABC"}, {"A", "AB"},
		{"B", "C."}, {"D/1", "D"}, {"Z"},         {"", "A", "D/2"},
	};

	while (x->n < 8 || (lab_standin() == LAB_REAL && cores_used(a) != 3)) {
		if (x->n == EXCHANGE_MAX)
			fail_msg("%u subscribers, and all are on one core", x->n);
		exchange_subscriber(x, a, flow, prefixes[x->n % 8]);
		appliance_await_peers(a, x->n);
	}
}

static void both_cores(enum lab_carrier carrier, uint64_t messages)
{
	struct appliance *a = appliance_start(
		&(struct appliance_config){.carrier = carrier, .poll_cores = 2});
	struct flow flow = exchange_market(lab_scaled(messages));
	struct exchange x = {0};

	gather(&x, a, &flow);
	exchange_publisher(&x, a, &flow);
	exchange_go(&x);
	exchange_finish(&x);
	appliance_stop(a);
}

static void test_each_subscriber_gets_exactly_its_messages_from_two_cores(void **state)
{
	(void)state;
	both_cores(LAB_DEFAULT, 1000000);
}

static void test_each_subscriber_gets_exactly_its_messages_from_two_cores_on_af_packet(void **state)
{
	(void)state;
	both_cores(LAB_AF_PACKET, 200000);
}

/* Publishers are spread as well: what several send meets in order of each. */
static void test_four_publishers_on_two_cores_keep_their_order(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){.poll_cores = 2});
	struct flow flow = exchange_market(lab_scaled(100000));
	struct publisher plan[4];
	struct peer *pub[4];
	struct exchange x = {0};

	(void)state;
	flow.publishers = 4;
	gather(&x, a, &flow);
	for (unsigned i = 0; i < 4; i++) {
		plan[i] = (struct publisher){
			.flow = &flow, .endpoint = FRONTEND, .id = i, .subscribers = x.n};
		pub[i] = peer_start(&a->net, "publisher", publisher_run, &plan[i]);
	}
	for (unsigned i = 0; i < 4; i++)
		peer_hear(pub[i], "ready");
	for (unsigned i = 0; i < 4; i++)
		peer_tell(pub[i], "go", 0);
	x.publisher = pub[0];
	for (unsigned i = 1; i < 4; i++)
		flow_rate("publisher", peer_hear(pub[i], "sent"));
	exchange_finish(&x);
	for (unsigned i = 1; i < 4; i++) {
		peer_tell(pub[i], "end", 0);
		peer_done(pub[i]);
	}
	appliance_stop(a);
}

static void test_big_messages_cross_from_core_to_core(void **state)
{
	static const uint32_t bytes[] = {1 << 20, 0, 70000, 1, 1448};
	struct appliance *a = appliance_start(&(struct appliance_config){.poll_cores = 2});
	struct flow flow = {.topics = (const char *[]){""},
			    .n_topics = 1,
			    .bytes = bytes,
			    .n_bytes = 5,
			    .parts = 3,
			    .messages = lab_scaled(300)};
	struct exchange x = {0};

	(void)state;
	while (x.n < 2 || (lab_standin() == LAB_REAL && cores_used(a) != 3 && x.n < 16)) {
		exchange_subscriber(&x, a, &flow, (const char *[]){"", NULL});
		appliance_await_peers(a, x.n);
	}
	exchange_publisher(&x, a, &flow);
	exchange_go(&x);
	exchange_finish(&x);
	appliance_stop(a);
}

static void test_subscriptions_are_cancelled_on_both_cores(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){.poll_cores = 2});
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_XPUB);
	struct peer *sub[16];
	unsigned n = 0;

	(void)state;
	remote_connect(pub, FRONTEND);
	while (n < 2 || (lab_standin() == LAB_REAL && cores_used(a) != 3 && n < 16)) {
		char own[16];

		snprintf(own, sizeof(own), "own%c", 'a' + n);
		sub[n] = remote_start(&a->net, "subscriber", ZMQ_SUB);
		remote_subscribe(sub[n], "A");
		remote_subscribe(sub[n], own);
		remote_connect(sub[n], BACKEND);
		if (n == 0)
			remote_expect_subscription(pub, true, "A");
		remote_expect_subscription(pub, true, own);
		n++;
	}
	remote_send(pub, "A1");
	for (unsigned i = 0; i < n; i++)
		remote_expect(sub[i], "A1");
	for (unsigned i = 0; i < n; i++) {
		char own[16];

		snprintf(own, sizeof(own), "own%c", 'a' + i);
		remote_unsubscribe(sub[i], "A");
		remote_unsubscribe(sub[i], own);
		if (i == n - 1)
			remote_expect_subscription(pub, false, "A");
		remote_expect_subscription(pub, false, own);
		remote_send(pub, "A2");
		for (unsigned j = i + 1; j < n; j++)
			remote_expect(sub[j], "A2");
	}
	for (unsigned i = 0; i < n; i++)
		remote_end(sub[i]);
	remote_end(pub);
	appliance_stop(a);
}

static void test_what_a_publisher_has_heard_of_is_in_force_on_both_cores(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){.poll_cores = 2});

	(void)state;
	echo_all(a, 12, (unsigned)lab_scaled(500));
	appliance_stop(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_what_a_publisher_has_heard_of_is_in_force_on_both_cores),
		LAB_TEST(test_subscriptions_are_cancelled_on_both_cores),
		LAB_TEST(test_big_messages_cross_from_core_to_core),
		LAB_TEST(test_four_publishers_on_two_cores_keep_their_order),
		LAB_TEST(test_each_subscriber_gets_exactly_its_messages_from_two_cores),
		LAB_TEST(
			test_each_subscriber_gets_exactly_its_messages_from_two_cores_on_af_packet),
	};
	int status = lab_begin();

	appliance_is_large();
	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
