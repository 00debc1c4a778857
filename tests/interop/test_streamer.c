/* A streamer between libzmq's PUSHes and PULLs: each message arrives once, whole and in order,
 * work is dealt out evenly, and who is full holds the senders back. */
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

#define PUSHER_BINDS "tcp://" LAB_PEER_IP ":5601"
#define PULLER_BINDS "tcp://" LAB_PEER_IP ":5602"

struct line {
	struct pusher pusher_plan[PUSHERS_MAX];
	struct puller puller_plan[4];
	struct peer *pusher[PUSHERS_MAX], *puller[4];
	unsigned pushers, pullers;
};

static void add_pullers(struct line *l, struct appliance *a, unsigned n, struct puller plan)
{
	for (; n; n--) {
		l->puller_plan[l->pullers] = plan;
		l->puller[l->pullers] = peer_start(&a->net, "puller", puller_run,
						   &l->puller_plan[l->pullers]);
		l->pullers++;
	}
}

static void add_pushers(struct line *l, struct appliance *a, unsigned n, struct pusher plan)
{
	for (; n; n--) {
		plan.id = l->pushers;
		l->pusher_plan[l->pushers] = plan;
		l->pusher[l->pushers] = peer_start(&a->net, "pusher", pusher_run,
						   &l->pusher_plan[l->pushers]);
		l->pushers++;
	}
}

static void go(struct line *l, struct appliance *a)
{
	appliance_await_peers(a, l->pushers + l->pullers);
	for (unsigned i = 0; i < l->pushers; i++)
		peer_tell(l->pusher[i], "go", 0);
}

static void finish(struct line *l, struct appliance *a)
{
	for (unsigned i = 0; i < l->pushers; i++) {
		peer_tell(l->pusher[i], "end", 0);
		peer_done(l->pusher[i]);
	}
	for (unsigned i = 0; i < l->pullers; i++) {
		peer_tell(l->puller[i], "end", 0);
		peer_done(l->puller[i]);
	}
	appliance_stop(a);
}

static void sent(struct line *l)
{
	for (unsigned i = 0; i < l->pushers; i++)
		flow_rate("pusher", peer_hear(l->pusher[i], "sent"));
}

static void exchange(const struct appliance_config *config, unsigned pushers, unsigned pullers,
		     struct pusher push, struct puller pull, bool evenly)
{
	struct appliance *a = appliance_start(config);
	struct line l = {0};
	uint64_t share[4], all = 0;

	add_pullers(&l, a, pullers, pull);
	add_pushers(&l, a, pushers, push);
	go(&l, a);
	sent(&l);
	pull_all(l.puller, pullers, l.pusher_plan, pushers, share);
	all = push.messages * pushers;
	for (unsigned i = 0; evenly && i < pullers; i++)
		assert_in_range(share[i], all / pullers, all / pullers + 1);
	finish(&l, a);
}

static const struct appliance_config streamer = {.kind = "streamer"};
#define PUSHES(...) ((struct pusher){.endpoint = FRONTEND, .type = ZMQ_PUSH, __VA_ARGS__})
#define PULLS(...)  ((struct puller){.endpoint = BACKEND, .type = ZMQ_PULL, __VA_ARGS__})

static void test_messages_arrive_whole_once_and_in_order(void **state)
{
	(void)state;
	exchange(&streamer, 1, 1, PUSHES(.messages = lab_scaled(100000), .bytes = 64), PULLS(0),
		 false);
}

static void test_messages_of_many_and_big_parts_arrive(void **state)
{
	(void)state;
	exchange(&streamer, 1, 2, PUSHES(.messages = lab_scaled(20000), .bytes = 100, .parts = 5),
		 PULLS(0), true);
	exchange(&streamer, 1, 2, PUSHES(.messages = lab_scaled(200), .bytes = 60000, .parts = 3),
		 PULLS(0), true);
	/* more parts than go up in one call */
	exchange(&streamer, 2, 2, PUSHES(.messages = 12, .bytes = 20, .parts = 3000), PULLS(0),
		 true);
}

static void test_three_pullers_have_a_third_each(void **state)
{
	(void)state;
	exchange(&streamer, 1, 3, PUSHES(.messages = lab_scaled(90000), .bytes = 64), PULLS(0),
		 true);
}

static void test_three_pushers_are_all_heard(void **state)
{
	(void)state;
	exchange(&streamer, 3, 3, PUSHES(.messages = lab_scaled(60000), .bytes = 64, .parts = 2),
		 PULLS(0), true);
}

#define SMALL "hwm: 100, sndbuf: 16KiB"
static const struct appliance_config narrow = {
	.kind = "streamer",
	.frontend = "bind: [\"" FRONTEND "\"], " SMALL,
	.backend = "bind: [\"" BACKEND "\"], " SMALL,
	.tcp = "rcvbuf: 64KiB",
};

static bool is_held_back(json_t *stats, const void *context)
{
	(void)stats;
	return appliance_counter((struct appliance *)(uintptr_t)context, "router.stalls_send") > 0;
}

/* Nobody reads: the pushers are held back. Then somebody does: nothing was lost. */
static void test_who_is_full_holds_the_senders_back(void **state)
{
	struct appliance *a = appliance_start(&narrow);
	struct line l = {0};
	uint64_t share[4];

	(void)state;
	add_pullers(&l, a, 2, PULLS(.small = true, .waits = true));
	add_pushers(&l, a, 2, PUSHES(.messages = 10000, .bytes = 1024, .small = true));
	go(&l, a);
	appliance_await(a, "stats", is_held_back, a, "the senders are held back");
	for (unsigned i = 0; i < 2; i++) {
		struct pulled had = pull_count(l.puller[i]);

		assert_int_equal(had.n, 0);
		peer_tell(l.puller[i], "read", 0);
	}
	sent(&l);
	pull_all(l.puller, 2, l.pusher_plan, 2, share);
	finish(&l, a);
}

static void test_without_a_puller_messages_wait_for_one(void **state)
{
	struct appliance *a = appliance_start(&narrow);
	struct line l = {0};

	(void)state;
	add_pushers(&l, a, 1, PUSHES(.messages = 10000, .bytes = 1024, .small = true));
	go(&l, a);
	appliance_await(a, "stats", is_held_back, a, "the sender is held back");
	add_pullers(&l, a, 1, PULLS(0));
	sent(&l);
	pull_all(l.puller, 1, l.pusher_plan, 1, NULL);
	finish(&l, a);
}

static void test_killed_peers_are_replaced(void **state)
{
	struct appliance *a = appliance_start(&streamer);
	struct peer *pull[2], *push = remote_start(&a->net, "pusher", ZMQ_PUSH), *other;

	(void)state;
	pull[0] = remote_start(&a->net, "puller", ZMQ_PULL);
	remote_connect(pull[0], BACKEND);
	appliance_await_peers(a, 1);
	pull[1] = remote_start(&a->net, "killed", ZMQ_PULL);
	remote_connect(pull[1], BACKEND);
	remote_connect(push, FRONTEND);
	appliance_await_peers(a, 3);
	remote_send(push, "a");
	remote_expect(pull[0], "a");
	remote_send(push, "b");
	remote_expect(pull[1], "b");
	peer_signal(pull[1], SIGKILL);
	appliance_await_peers(a, 2);
	for (unsigned i = 0; i < 3; i++) {
		remote_send(push, "c");
		remote_expect(pull[0], "c");
	}
	other = remote_start(&a->net, "puller", ZMQ_PULL);
	remote_connect(other, BACKEND);
	appliance_await_peers(a, 3);
	remote_send(push, "d");
	remote_send(push, "d");
	remote_expect(pull[0], "d");
	remote_expect(other, "d");
	peer_signal(push, SIGKILL);
	appliance_await_peers(a, 2);
	push = remote_start(&a->net, "pusher", ZMQ_PUSH);
	remote_connect(push, FRONTEND);
	remote_send(push, "e");
	remote_send(push, "e");
	remote_expect(pull[0], "e");
	remote_expect(other, "e");
	remote_end(push);
	remote_end(pull[0]);
	remote_end(other);
	appliance_stop(a);
}

static void test_the_appliance_connects_to_both_sides(void **state)
{
	(void)state;
	exchange(&(struct appliance_config){.kind = "streamer",
					    .frontend = "connect: [\"" PUSHER_BINDS "\"]",
					    .backend = "connect: [\"" PULLER_BINDS "\"]"},
		 1, 1,
		 (struct pusher){.endpoint = PUSHER_BINDS,
				 .type = ZMQ_PUSH,
				 .bind = true,
				 .messages = lab_scaled(20000),
				 .bytes = 64},
		 (struct puller){.endpoint = PULLER_BINDS, .type = ZMQ_PULL, .bind = true}, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_messages_arrive_whole_once_and_in_order),
		LAB_TEST(test_messages_of_many_and_big_parts_arrive),
		LAB_TEST(test_three_pullers_have_a_third_each),
		LAB_TEST(test_three_pushers_are_all_heard),
		LAB_TEST(test_who_is_full_holds_the_senders_back),
		LAB_TEST(test_without_a_puller_messages_wait_for_one),
		LAB_TEST(test_killed_peers_are_replaced),
		LAB_TEST(test_the_appliance_connects_to_both_sides),
	};
	int status = lab_begin();

	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
