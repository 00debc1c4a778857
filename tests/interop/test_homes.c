/* Sockets with one home, on several poll cores (which may share a CPU), with peers of libzmq's
 * proven to be on others: what they say and hear is what it would be on one core. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include <cmocka.h>

#include "tests/interop/appliance.h"
#include "tests/interop/flow.h"
#include "tests/interop/pipeline.h"
#include "tests/interop/remote.h"

#define PEERS_MAX 4
#define TRIES_MAX 40

/* The core of the socket's only device: the first of them. */
#define HOME 0

/* A side of the device and its peers. */
struct side {
	const char *socket;
	peer_run run;
	union {
		struct pusher pusher;
		struct puller puller;
	} plan[PEERS_MAX];
	struct peer *peer[PEERS_MAX];
	unsigned n;
};

static struct side front, back;

/* Peers of the socket on each core. */
static void count_cores(struct appliance *a, const char *socket, unsigned *of)
{
	json_t *peers = appliance_ask(a, "peers"), *p;
	size_t i;

	memset(of, 0, 16 * sizeof(*of));
	json_array_foreach(peers, i, p)
	{
		if (strcmp(json_string_value(json_object_get(p, "socket")), socket) == 0)
			of[json_integer_value(json_object_get(p, "core"))]++;
	}
	json_decref(peers);
}

static bool some_are_away(struct appliance *a, const char *socket)
{
	unsigned of[16], away = 0;

	count_cores(a, socket, of);
	for (unsigned i = 0; i < 16; i++)
		away += i == HOME ? 0 : of[i];
	return away > 0;
}

static void start_one(struct appliance *a, struct side *s, unsigned i)
{
	s->peer[i] = peer_start(&a->net, s->socket, s->run, &s->plan[i]);
	appliance_await_peers(a, front.n + back.n);
}

/* The kernel draws a connection's port, and that decides its core: the last of them tries again
 * until not all are at home. */
static void until_some_are_away(struct appliance *a, struct side *s)
{
	for (unsigned tries = 0; !some_are_away(a, s->socket); tries++) {
		if (tries == TRIES_MAX)
			fail_msg("all peers of %s are on core %d", s->socket, HOME);
		peer_signal(s->peer[s->n - 1], SIGKILL);
		appliance_await_peers(a, front.n + back.n - 1);
		start_one(a, s, s->n - 1);
	}
}

static void add_pullers(struct appliance *a, unsigned n, struct puller plan)
{
	back = (struct side){.socket = "feed.backend", .run = puller_run};
	for (unsigned i = 0; i < n; i++) {
		back.plan[i].puller = plan;
		back.n++;
		start_one(a, &back, i);
	}
	until_some_are_away(a, &back);
}

static void add_pushers(struct appliance *a, unsigned n, struct pusher plan)
{
	front = (struct side){.socket = "feed.frontend", .run = pusher_run};
	for (unsigned i = 0; i < n; i++) {
		plan.id = i;
		front.plan[i].pusher = plan;
		front.n++;
		start_one(a, &front, i);
	}
	until_some_are_away(a, &front);
}

static void go(void)
{
	for (unsigned i = 0; i < front.n; i++)
		peer_tell(front.peer[i], "go", 0);
}

static void sent(void)
{
	for (unsigned i = 0; i < front.n; i++)
		flow_rate("pusher", peer_hear(front.peer[i], "sent"));
}

static void pulled(uint64_t *shares)
{
	struct pusher plan[PEERS_MAX];

	for (unsigned i = 0; i < front.n; i++)
		plan[i] = front.plan[i].pusher;
	pull_all(back.peer, back.n, plan, front.n, shares);
}

static void finish(struct appliance *a)
{
	for (unsigned i = 0; i < front.n; i++) {
		peer_tell(front.peer[i], "end", 0);
		peer_done(front.peer[i]);
	}
	for (unsigned i = 0; i < back.n; i++) {
		peer_tell(back.peer[i], "end", 0);
		peer_done(back.peer[i]);
	}
	appliance_stop(a);
	front = back = (struct side){0};
}

static void stream_through(unsigned cores)
{
	struct appliance *a = appliance_start(
		&(struct appliance_config){.kind = "streamer", .poll_cores = cores});
	uint64_t share[PEERS_MAX], each = lab_scaled(40000);

	front = back = (struct side){0};
	add_pullers(a, 3, (struct puller){.endpoint = BACKEND, .type = ZMQ_PULL});
	add_pushers(a, 3,
		    (struct pusher){.endpoint = FRONTEND,
				    .type = ZMQ_PUSH,
				    .messages = each,
				    .bytes = 64,
				    .parts = 3});
	go();
	sent();
	pulled(share);
	for (unsigned i = 0; i < 3; i++)
		assert_in_range(share[i], each, each); /* of what all three pushed, a third */
	finish(a);
}

static void test_work_is_dealt_out_evenly_over_two_cores(void **state)
{
	(void)state;
	stream_through(2);
}

static void test_work_is_dealt_out_evenly_over_three_cores(void **state)
{
	(void)state;
	stream_through(3);
}

static void test_big_messages_cross(void **state)
{
	struct appliance *a = appliance_start(
		&(struct appliance_config){.kind = "streamer", .poll_cores = 2});

	(void)state;
	front = back = (struct side){0};
	add_pullers(a, 1, (struct puller){.endpoint = BACKEND, .type = ZMQ_PULL});
	add_pushers(a, 2,
		    (struct pusher){.endpoint = FRONTEND,
				    .type = ZMQ_PUSH,
				    .messages = lab_scaled(120),
				    .bytes = 60000,
				    .parts = 4});
	go();
	sent();
	pulled(NULL);
	finish(a);
}

static bool is_held_back(json_t *stats, const void *context)
{
	struct appliance *a = (struct appliance *)(uintptr_t)context;

	(void)stats;
	return appliance_counter(a, "router.stalls_send") > 0 &&
	       appliance_counter(a, "core.stalls_grant") > 0;
}

/* Nobody reads: pushers on any core are held back. Then somebody does: nothing was lost. */
static void test_who_is_full_holds_senders_of_other_cores_back(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){
		.kind = "streamer",
		.poll_cores = 2,
		.frontend = "bind: [\"" FRONTEND "\"], hwm: 100, sndbuf: 16KiB",
		.backend = "bind: [\"" BACKEND "\"], hwm: 100, sndbuf: 16KiB",
		.tcp = "rcvbuf: 64KiB"});

	(void)state;
	front = back = (struct side){0};
	add_pullers(a, 2,
		    (struct puller){
			    .endpoint = BACKEND, .type = ZMQ_PULL, .small = true, .waits = true});
	add_pushers(a, 3,
		    (struct pusher){.endpoint = FRONTEND,
				    .type = ZMQ_PUSH,
				    .messages = 4000,
				    .bytes = 1024,
				    .small = true});
	go();
	appliance_await(a, "stats", is_held_back, a, "the senders are held back");
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(pull_count(back.peer[i]).n, 0);
		peer_tell(back.peer[i], "read", 0);
	}
	sent();
	pulled(NULL);
	finish(a);
}

/* A peer whose stream is not at home: tries until it is drawn. *ready counts it. */
static struct peer *away_peer(struct appliance *a, int type, const char *at, const char *socket,
			      unsigned *ready)
{
	unsigned before[16], after[16];

	count_cores(a, socket, before);
	for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
		struct peer *p = remote_start(&a->net, "peer", type);

		remote_connect(p, at);
		appliance_await_peers(a, *ready + 1);
		count_cores(a, socket, after);
		if (after[HOME] == before[HOME]) {
			++*ready;
			return p;
		}
		remote_end(p);
		appliance_await_peers(a, *ready);
	}
	fail_msg("every peer of %s is on core %d", socket, HOME);
	return NULL;
}

static struct peer *any_peer(struct appliance *a, int type, const char *at, unsigned *ready)
{
	struct peer *p = remote_start(&a->net, "peer", type);

	remote_connect(p, at);
	appliance_await_peers(a, ++*ready);
	return p;
}

static void requests(unsigned cores)
{
	struct appliance *a = appliance_start(
		&(struct appliance_config){.kind = "queue", .poll_cores = cores});
	struct peer *ask[4], *reply[3];
	unsigned ready = 0;

	reply[0] = any_peer(a, ZMQ_REP, BACKEND, &ready);
	for (unsigned i = 1; i < 3; i++)
		reply[i] = away_peer(a, ZMQ_REP, BACKEND, "feed.backend", &ready);
	ask[0] = any_peer(a, ZMQ_REQ, FRONTEND, &ready);
	for (unsigned i = 1; i < 4; i++)
		ask[i] = away_peer(a, ZMQ_REQ, FRONTEND, "feed.frontend", &ready);
	for (unsigned i = 0; i < 240; i++) {
		char text[32];

		snprintf(text, sizeof(text), "question %u", i);
		remote_send(ask[i % 4], text);
		remote_expect(reply[i % 3], text);
		snprintf(text, sizeof(text), "answer %u", i);
		remote_send(reply[i % 3], text);
		remote_expect(ask[i % 4], text);
	}
	for (unsigned i = 0; i < 4; i++)
		remote_end(ask[i]);
	for (unsigned i = 0; i < 3; i++)
		remote_end(reply[i]);
	appliance_stop(a);
}

static void test_requests_of_two_cores_are_answered_from_two(void **state)
{
	(void)state;
	requests(2);
}

static void test_requests_of_three_cores_are_answered_from_three(void **state)
{
	(void)state;
	requests(3);
}

static void both_ways(struct peer *one, struct peer *other, unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		char text[16];

		snprintf(text, sizeof(text), "down %u", i);
		remote_send(one, text);
		remote_expect(other, text);
		snprintf(text, sizeof(text), "up %u", i);
		remote_send(other, text);
		remote_expect(one, text);
	}
}

static void test_pairs_on_another_core_talk_and_are_replaced_when_killed(void **state)
{
	struct appliance *a = appliance_start(
		&(struct appliance_config){.kind = "bridge",
					   .poll_cores = 2,
					   .frontend = "type: PAIR, bind: [\"" FRONTEND "\"]",
					   .backend = "type: PAIR, bind: [\"" BACKEND "\"]"});
	struct peer *one, *other;
	unsigned ready = 0;

	(void)state;
	one = away_peer(a, ZMQ_PAIR, FRONTEND, "feed.frontend", &ready);
	other = away_peer(a, ZMQ_PAIR, BACKEND, "feed.backend", &ready);
	both_ways(one, other, 60);
	for (unsigned i = 0; i < 3; i++) {
		remote_send(one, "last words");
		remote_expect(other, "last words");
		peer_signal(one, SIGKILL);
		appliance_await_peers(a, --ready);
		one = away_peer(a, ZMQ_PAIR, FRONTEND, "feed.frontend", &ready);
		both_ways(one, other, 20);
	}
	remote_end(one);
	remote_end(other);
	appliance_stop(a);
}

static bool have_subscribed(json_t *peers, const void *context)
{
	long long n = 0;
	json_t *p;
	size_t i;

	(void)context;
	json_array_foreach(peers, i, p)
		n += json_integer_value(json_object_get(p, "subscriptions"));
	return n == 4;
}

/* What is pushed on any core is published on every one: a socket with a home before a sharded one.
 */
static void test_what_is_pushed_on_one_core_is_published_on_all(void **state)
{
	struct appliance *a = appliance_start(
		&(struct appliance_config){.kind = "bridge",
					   .poll_cores = 2,
					   .frontend = "type: PULL, bind: [\"" FRONTEND "\"]",
					   .backend = "type: XPUB, bind: [\"" BACKEND "\"]"});
	struct peer *push[2], *sub[4];
	unsigned ready = 0;

	(void)state;
	push[0] = away_peer(a, ZMQ_PUSH, FRONTEND, "feed.frontend", &ready);
	push[1] = any_peer(a, ZMQ_PUSH, FRONTEND, &ready);
	for (unsigned i = 0; i < 4; i++) {
		sub[i] = remote_start(&a->net, "subscriber", ZMQ_SUB);
		remote_subscribe(sub[i], "a");
		remote_connect(sub[i], BACKEND);
		appliance_await_peers(a, ++ready);
	}
	while (!some_are_away(a, "feed.backend")) {
		remote_end(sub[3]);
		appliance_await_peers(a, ready - 1);
		sub[3] = remote_start(&a->net, "subscriber", ZMQ_SUB);
		remote_subscribe(sub[3], "a");
		remote_connect(sub[3], BACKEND);
		appliance_await_peers(a, ready);
	}
	appliance_await(a, "peers", have_subscribed, NULL, "the subscriptions are in force");
	appliance_settle(a);
	for (unsigned i = 0; i < 60; i++) {
		char text[16];

		snprintf(text, sizeof(text), "a%u", i);
		remote_send(push[i % 2], "not for them");
		remote_send(push[i % 2], text);
		for (unsigned k = 0; k < 4; k++)
			remote_expect(sub[k], text);
	}
	for (unsigned i = 0; i < 2; i++)
		remote_end(push[i]);
	for (unsigned i = 0; i < 4; i++)
		remote_end(sub[i]);
	appliance_stop(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_work_is_dealt_out_evenly_over_two_cores),
		LAB_TEST(test_work_is_dealt_out_evenly_over_three_cores),
		LAB_TEST(test_big_messages_cross),
		LAB_TEST(test_who_is_full_holds_senders_of_other_cores_back),
		LAB_TEST(test_requests_of_two_cores_are_answered_from_two),
		LAB_TEST(test_requests_of_three_cores_are_answered_from_three),
		LAB_TEST(test_pairs_on_another_core_talk_and_are_replaced_when_killed),
		LAB_TEST(test_what_is_pushed_on_one_core_is_published_on_all),
	};
	int status = lab_begin();

	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
