/* Last values: a late subscriber first gets the newest message of each topic that it matches, then
 * live traffic, with nothing twice and nothing missing between the two; from whatever core. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include <cmocka.h>

#include "tests/interop/appliance.h"
#include "tests/interop/remote.h"

#define KEEPS "last_values: {topics: 1000, memory: 1MiB, topic_until: \".\"}"

static unsigned cores_used(struct appliance *a)
{
	json_t *peers = appliance_ask(a, "peers"), *p;
	unsigned used = 0;
	size_t i;

	json_array_foreach(peers, i, p)
	{
		if (strcmp(json_string_value(json_object_get(p, "type")), "SUB") == 0)
			used |= 1u << json_integer_value(json_object_get(p, "core"));
	}
	json_decref(peers);
	return used;
}

static void test_a_late_subscriber_gets_the_newest_of_each_topic_then_live(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){.more = KEEPS});
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_XPUB), *sub[2];

	(void)state;
	remote_connect(pub, FRONTEND);
	remote_expect_subscription(pub, true, ""); /* though nobody has subscribed */
	remote_send(pub, "EUR.1");
	remote_send(pub, "USD.1");
	remote_send(pub, "EUR.2");
	remote_send(pub, "EURX.1");
	appliance_await_counter(a, "router.last_kept", 4 * 2); /* the host core keeps its own */
	sub[0] = remote_start(&a->net, "subscriber", ZMQ_SUB);
	remote_subscribe(sub[0], "EUR");
	remote_connect(sub[0], BACKEND);
	remote_expect(sub[0], "EUR.2");
	remote_expect(sub[0], "EURX.1");
	remote_send(pub, "EUR.3");
	remote_expect(sub[0], "EUR.3");
	sub[1] = remote_start(&a->net, "subscriber", ZMQ_SUB);
	remote_connect(sub[1], BACKEND);
	remote_subscribe(sub[1], "EUR.");
	remote_expect(sub[1], "EUR.3");
	remote_subscribe(sub[1], "");
	remote_expect(sub[1], "EURX.1");
	remote_expect(sub[1], "USD.1");
	assert_int_equal(appliance_counter(a, "router.last_evicted"), 0);
	for (unsigned i = 0; i < 2; i++)
		remote_end(sub[i]);
	remote_end(pub);
	appliance_stop(a);
}

#define GROUP "239.192.7.1:7500"

/* A feed by multicast: who comes late is told by the appliance what the group has sent. */
static void test_what_a_group_has_sent_is_there_for_who_comes_late(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){
		.frontend = "connect: [\"epgm://eth0;" GROUP "\"]", .more = KEEPS});
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_PUB), *sub;

	(void)state;
	appliance_await_peers(a, 1); /* the group's end */
	remote_connect(pub, "epgm://" LAB_PEER_IP ";" GROUP);
	remote_send(pub, "EUR.1");
	remote_send(pub, "USD.1");
	remote_send(pub, "EUR.2");
	appliance_await_counter(a, "router.last_kept", 3 * 2);
	sub = remote_start(&a->net, "subscriber", ZMQ_SUB);
	remote_subscribe(sub, "");
	remote_connect(sub, BACKEND);
	remote_expect(sub, "EUR.2");
	remote_expect(sub, "USD.1");
	remote_send(pub, "EUR.3");
	remote_expect(sub, "EUR.3");
	remote_end(sub);
	remote_end(pub);
	appliance_stop(a);
}

/* More subscribers until both cores have some; each is answered by its own core. */
static void test_every_core_answers_from_its_own(void **state)
{
	struct appliance *a = appliance_start(
		&(struct appliance_config){.more = KEEPS, .poll_cores = 2});
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_XPUB), *sub[16];
	unsigned n = 0;

	(void)state;
	remote_connect(pub, FRONTEND);
	remote_expect_subscription(pub, true, "");
	remote_send(pub, "A.1");
	remote_send(pub, "B.1");
	remote_send(pub, "A.2");
	appliance_await_counter(a, "router.last_kept", 3 * 3);
	while (n < 2 || (cores_used(a) != 3 && n < 16)) {
		sub[n] = remote_start(&a->net, "subscriber", ZMQ_SUB);
		remote_subscribe(sub[n], "");
		remote_connect(sub[n], BACKEND);
		remote_expect(sub[n], "A.2");
		remote_expect(sub[n], "B.1");
		n++;
	}
	assert_int_equal(cores_used(a), 3);
	remote_send(pub, "A.3");
	for (unsigned i = 0; i < n; i++) {
		remote_expect(sub[i], "A.3");
		remote_end(sub[i]);
	}
	remote_end(pub);
	appliance_stop(a);
}

static void test_a_message_longer_than_a_packet_buffer_comes_whole(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){.more = KEEPS});
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_XPUB);
	struct peer *sub = remote_start(&a->net, "subscriber", ZMQ_SUB);
	static uint8_t bytes[8000];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	bytes[3] = '.';
	remote_connect(pub, FRONTEND);
	remote_expect_subscription(pub, true, "");
	remote_send_bytes(pub, bytes, sizeof(bytes));
	appliance_await_counter(a, "router.last_kept", 2);
	remote_subscribe(sub, "");
	remote_connect(sub, BACKEND);
	remote_expect_bytes(sub, bytes, sizeof(bytes));
	remote_end(sub);
	remote_end(pub);
	appliance_stop(a);
}

/* --- joining in the middle of traffic --- */

enum {
	MOVING = 40, /* topics that are published again and again, */
	STILL = 400, /* and those that are only once, before everybody comes */
	JOINERS = 6
};

/* About 100,000 messages a second, of topics in turn. */
static void publish_run(struct peer *self, const void *plan)
{
	void *socket = peer_open(self, ZMQ_XPUB, FRONTEND, false);
	char text[64];

	(void)plan;
	if (zmq_recv(socket, text, sizeof(text), 0) != 1)
		peer_fail(self, "the subscription to everything did not come");
	for (unsigned i = 0; i < STILL; i++)
		zmq_send(socket, text, (size_t)sprintf(text, "s%u.1", i), 0);
	for (unsigned number = 1; !peer_is_told(self); number++) {
		for (unsigned i = 0; i < MOVING; i++)
			zmq_send(socket, text, (size_t)sprintf(text, "m%u.%u", i, number), 0);
		if (number == 1)
			peer_say(self, "published", 0, 0);
		if (number % 3 == 0)
			zmq_poll(NULL, 0, 1);
	}
	peer_listen(self, "end");
}

/* Each still topic once; each moving one from some number on, without a gap. */
static void join_run(struct peer *self, const void *plan)
{
	const uint64_t wanted = *(const uint64_t *)plan;
	void *socket = peer_socket(self, ZMQ_SUB);
	unsigned last[MOVING] = {0}, still = 0, topic, number;
	bool seen[STILL] = {0};
	char text[64];

	zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0);
	if (zmq_connect(socket, BACKEND))
		peer_fail(self, "connect: %s", zmq_strerror(zmq_errno()));
	for (uint64_t n = 0; n < wanted || still < STILL; n++) {
		int got = zmq_recv(socket, text, sizeof(text) - 1, 0);

		if (got < 0)
			peer_fail(self, "after %llu messages: %s", (unsigned long long)n,
				  zmq_strerror(zmq_errno()));
		text[got] = '\0';
		if (sscanf(text, "s%u.%u", &topic, &number) == 2) {
			if (seen[topic])
				peer_fail(self, "%s came twice", text);
			seen[topic] = true;
			still++;
		} else if (sscanf(text, "m%u.%u", &topic, &number) == 2) {
			if (last[topic] && number != last[topic] + 1)
				peer_fail(self, "%s came after number %u", text, last[topic]);
			last[topic] = number;
		}
	}
	peer_say(self, "received", 0, 0);
	peer_listen(self, "end");
}

static void join_in_traffic(unsigned cores)
{
	struct appliance *a = appliance_start(
		&(struct appliance_config){.more = KEEPS, .poll_cores = cores});
	struct peer *pub = peer_start(&a->net, "publisher", publish_run, NULL), *sub[JOINERS];
	const uint64_t wanted = lab_scaled(50000);

	peer_hear(pub, "published");
	for (unsigned i = 0; i < JOINERS; i++) {
		sub[i] = peer_start(&a->net, "joiner", join_run, &wanted);
		appliance_await_peers(a, 2 + i);
	}
	for (unsigned i = 0; i < JOINERS; i++)
		peer_hear(sub[i], "received");
	peer_tell(pub, "end", 0);
	peer_done(pub);
	for (unsigned i = 0; i < JOINERS; i++) {
		peer_tell(sub[i], "end", 0);
		peer_done(sub[i]);
	}
	appliance_stop(a);
}

static void test_who_joins_in_traffic_misses_nothing_and_gets_nothing_twice(void **state)
{
	(void)state;
	join_in_traffic(1);
}

static void test_who_joins_in_traffic_of_two_cores_misses_nothing(void **state)
{
	(void)state;
	join_in_traffic(2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_a_late_subscriber_gets_the_newest_of_each_topic_then_live),
		LAB_TEST(test_what_a_group_has_sent_is_there_for_who_comes_late),
		LAB_TEST(test_every_core_answers_from_its_own),
		LAB_TEST(test_a_message_longer_than_a_packet_buffer_comes_whole),
		LAB_TEST(test_who_joins_in_traffic_misses_nothing_and_gets_nothing_twice),
		LAB_TEST(test_who_joins_in_traffic_of_two_cores_misses_nothing),
	};
	int status = lab_begin();

	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
