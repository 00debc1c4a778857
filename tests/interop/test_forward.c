/* Publishers and subscribers of libzmq with the appliance between them: each subscriber gets
 * exactly its messages, in order, whole. */
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

static void million(enum lab_carrier carrier, uint64_t messages)
{
	struct appliance *a = appliance_start(&(struct appliance_config){.carrier = carrier});
	struct flow flow = exchange_market(lab_scaled(messages));
	struct exchange x;

	exchange_eight(&x, a, &flow);
	exchange_finish(&x);
	appliance_stop(a);
}

static void test_eight_subscribers_get_exactly_their_messages_of_a_million(void **state)
{
	(void)state;
	million(LAB_DEFAULT, 1000000);
}

static void test_eight_subscribers_get_exactly_their_messages_over_af_packet(void **state)
{
	(void)state;
	million(LAB_AF_PACKET, 200000);
}

static void test_multipart_messages_stay_whole(void **state)
{
	static const uint32_t bytes[] = {20, 0, 1, 254, 255, 256, 1400, 0, 1448, 3000, 65};
	struct appliance *a = appliance_start(&(struct appliance_config){0});
	struct flow flow = {
		.bytes = bytes, .n_bytes = 11, .parts = 5, .messages = lab_scaled(50000)};
	struct exchange x = {0};

	(void)state;
	exchange_subscriber(&x, a, &flow, (const char *[]){"", NULL});
	exchange_subscriber(&x, a, &flow, (const char *[]){"", NULL});
	exchange_publisher(&x, a, &flow);
	exchange_go(&x);
	exchange_finish(&x);
	appliance_stop(a);
}

static void test_a_batch_of_one_message_is_forwarded_at_once(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){0});
	struct peer *sub = remote_start(&a->net, "subscriber", ZMQ_SUB);
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_XPUB);

	(void)state;
	remote_connect(pub, FRONTEND);
	remote_subscribe(sub, "t");
	remote_connect(sub, BACKEND);
	remote_expect_subscription(pub, true, "t");
	for (unsigned i = 0; i < 100; i++) {
		char text[32];
		snprintf(text, sizeof(text), "t%u", i);
		remote_send(pub, text);
		remote_expect(sub, text);
	}
	remote_end(pub);
	remote_end(sub);
	appliance_stop(a);
}

static void test_unsubscribing_stops_the_traffic_and_nothing_else(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){0});
	struct peer *sub = remote_start(&a->net, "subscriber", ZMQ_SUB);
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_XPUB);

	(void)state;
	remote_connect(pub, FRONTEND);
	remote_connect(sub, BACKEND);
	remote_subscribe(sub, "A");
	remote_subscribe(sub, "B");
	remote_expect_subscription(pub, true, "A");
	remote_expect_subscription(pub, true, "B");
	remote_send(pub, "A1");
	remote_expect(sub, "A1");
	remote_unsubscribe(sub, "A");
	remote_expect_subscription(pub, false, "A");
	remote_send(pub, "A2");
	remote_send(pub, "B1");
	remote_expect(sub, "B1");
	remote_subscribe(sub, "A");
	remote_expect_subscription(pub, true, "A");
	remote_send(pub, "A3");
	remote_expect(sub, "A3");
	remote_end(pub);
	remote_end(sub);
	appliance_stop(a);
}

static void test_a_publisher_hears_each_subscription_once_and_its_cancel_with_the_last(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){0});
	struct peer *one = remote_start(&a->net, "one", ZMQ_SUB);
	struct peer *two = remote_start(&a->net, "two", ZMQ_SUB);
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_XPUB);

	(void)state;
	remote_connect(pub, FRONTEND);
	remote_connect(one, BACKEND);
	remote_connect(two, BACKEND);
	remote_subscribe(one, "A");
	remote_expect_subscription(pub, true, "A");
	remote_subscribe(two, "A");
	remote_subscribe(two, "mark1"); /* after it, "A" has been heard of a second time */
	remote_expect_subscription(pub, true, "mark1");
	remote_send(pub, "A1");
	remote_expect(one, "A1");
	remote_expect(two, "A1");
	remote_unsubscribe(one, "A");
	remote_subscribe(one, "mark2");
	remote_expect_subscription(pub, true, "mark2"); /* and no cancel of "A" before */
	remote_send(pub, "A2");
	remote_send(pub, "mark2");
	remote_expect(two, "A2");
	remote_expect(one, "mark2");
	remote_end(two); /* leaves with "A" and "mark1" */
	remote_expect_subscription(pub, false, "A");
	remote_expect_subscription(pub, false, "mark1");
	remote_end(pub);
	remote_end(one);
	appliance_stop(a);
}

static void test_a_publisher_that_joins_late_hears_the_subscriptions_in_force(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){0});
	struct peer *sub = remote_start(&a->net, "subscriber", ZMQ_SUB);
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_XPUB);

	(void)state;
	remote_subscribe(sub, "A");
	remote_connect(sub, BACKEND);
	appliance_await_peers(a, 1);
	remote_connect(pub, FRONTEND);
	remote_expect_subscription(pub, true, "A");
	remote_send(pub, "A1");
	remote_expect(sub, "A1");
	remote_end(pub);
	remote_end(sub);
	appliance_stop(a);
}

static void test_what_a_publisher_has_heard_of_is_in_force(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){0});

	(void)state;
	echo_all(a, 6, (unsigned)lab_scaled(1000));
	appliance_stop(a);
}

static void test_an_xsub_subscribes_and_talks_back_to_the_publisher(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){0});
	struct peer *sub = remote_start(&a->net, "subscriber", ZMQ_XSUB);
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_XPUB);

	(void)state;
	remote_connect(pub, FRONTEND);
	remote_connect(sub, BACKEND);
	remote_send_bytes(sub, "\1A", 2);
	remote_expect_subscription(pub, true, "A");
	remote_send(pub, "A1");
	remote_expect(sub, "A1");
	remote_send(sub, "thanks");
	remote_expect(pub, "thanks");
	remote_end(pub);
	remote_end(sub);
	appliance_stop(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_a_batch_of_one_message_is_forwarded_at_once),
		LAB_TEST(test_unsubscribing_stops_the_traffic_and_nothing_else),
		LAB_TEST(
			test_a_publisher_hears_each_subscription_once_and_its_cancel_with_the_last),
		LAB_TEST(test_a_publisher_that_joins_late_hears_the_subscriptions_in_force),
		LAB_TEST(test_what_a_publisher_has_heard_of_is_in_force),
		LAB_TEST(test_an_xsub_subscribes_and_talks_back_to_the_publisher),
		LAB_TEST(test_multipart_messages_stay_whole),
		LAB_TEST(test_eight_subscribers_get_exactly_their_messages_of_a_million),
		LAB_TEST(test_eight_subscribers_get_exactly_their_messages_over_af_packet),
	};
	int status = lab_begin();

	appliance_is_large();
	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
