/* Bridges and queues between libzmq's peers: both directions of a device, pairs of unlike sockets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <zmq.h>

#include <cmocka.h>

#include "tests/interop/appliance.h"
#include "tests/interop/remote.h"

#define SIDE(type, at) "type: " type ", bind: [\"" at "\"]"

static struct appliance *bridge(const char *frontend, const char *backend)
{
	return appliance_start(&(struct appliance_config){
		.kind = "bridge", .frontend = frontend, .backend = backend});
}

static struct peer *joined(struct appliance *a, int type, const char *at, unsigned n)
{
	struct peer *p = remote_start(&a->net, "peer", type);

	remote_connect(p, at);
	appliance_await_peers(a, n);
	return p;
}

static void both_ways(struct peer *one, struct peer *other)
{
	for (unsigned i = 0; i < 100; i++) {
		char text[16];

		snprintf(text, sizeof(text), "down %u", i);
		remote_send(one, text);
		remote_expect(other, text);
		snprintf(text, sizeof(text), "up %u", i);
		remote_send(other, text);
		remote_expect(one, text);
	}
}

static void test_pairs_talk_both_ways_and_a_second_peer_is_closed(void **state)
{
	struct appliance *a = bridge(SIDE("PAIR", FRONTEND), SIDE("PAIR", BACKEND));
	struct peer *one = joined(a, ZMQ_PAIR, FRONTEND, 1);
	struct peer *other = joined(a, ZMQ_PAIR, BACKEND, 2);
	struct peer *second = remote_start(&a->net, "second", ZMQ_PAIR);

	(void)state;
	both_ways(one, other);
	remote_connect(second, FRONTEND);
	while (remote_disconnects(second) == 0)
		both_ways(one, other);
	assert_true(appliance_counter(a, "router.pipes_second") > 0);
	remote_end(second);
	both_ways(one, other);
	remote_end(one);
	remote_end(other);
	appliance_stop(a);
}

static void test_dealers_talk_both_ways(void **state)
{
	struct appliance *a = bridge(SIDE("DEALER", FRONTEND), SIDE("DEALER", BACKEND));
	struct peer *one = joined(a, ZMQ_DEALER, FRONTEND, 1);
	struct peer *other = joined(a, ZMQ_DEALER, BACKEND, 2);

	(void)state;
	both_ways(one, other);
	remote_end(one);
	remote_end(other);
	appliance_stop(a);
}

static bool has_subscribed(json_t *peers, const void *context)
{
	long long n = 0;
	json_t *p;
	size_t i;

	(void)context;
	json_array_foreach(peers, i, p)
		n += json_integer_value(json_object_get(p, "subscriptions"));
	return n > 0;
}

static void test_what_is_pushed_is_published(void **state)
{
	struct appliance *a = bridge(SIDE("PULL", FRONTEND), SIDE("XPUB", BACKEND));
	struct peer *push = joined(a, ZMQ_PUSH, FRONTEND, 1), *sub;

	(void)state;
	sub = remote_start(&a->net, "subscriber", ZMQ_XSUB);
	remote_connect(sub, BACKEND);
	remote_send(sub, "\001a");
	appliance_await_peers(a, 2);
	appliance_await(a, "peers", has_subscribed, NULL, "the subscription is in force");
	appliance_settle(a);
	remote_send(push, "b");
	remote_send(push, "a1");
	remote_expect(sub, "a1");
	remote_end(push);
	remote_end(sub);
	appliance_stop(a);
}

static void test_requests_are_answered_through_a_queue(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){.kind = "queue"});
	struct peer *ask[2], *answer = joined(a, ZMQ_REP, BACKEND, 1);

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		ask[i] = joined(a, ZMQ_REQ, FRONTEND, 2 + i);
	for (unsigned i = 0; i < 100; i++) {
		remote_send(ask[i % 2], "question");
		remote_expect(answer, "question");
		remote_send(answer, "answer");
		remote_expect(ask[i % 2], "answer");
	}
	remote_end(ask[0]);
	remote_end(ask[1]);
	remote_end(answer);
	appliance_stop(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_pairs_talk_both_ways_and_a_second_peer_is_closed),
		LAB_TEST(test_dealers_talk_both_ways),
		LAB_TEST(test_what_is_pushed_is_published),
		LAB_TEST(test_requests_are_answered_through_a_queue),
	};
	int status = lab_begin();

	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
