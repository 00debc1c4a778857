/* A subscriber that stops reading costs its own messages and nobody else's. */
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
#include "tests/interop/exchange.h"

#define HWM 1000
/* Fast readers must find room for whatever the publisher may send before it hears from them. */
#define BATCH   10000
#define SNDHWM  30000
#define ROOM    "bind: [\"" BACKEND "\"], sndhwm: 30000, rcvhwm: 0, sndbuf: 64KiB"
#define BATCHES (lab_sanitized() ? 12 : 50) /* many more messages than SNDHWM */

/* Subscribes to everything with small buffers, and reads only when told to, until a mark comes;
 * what comes is in order and whole. */
struct stalled {
	const struct flow *flow;
};

static uint64_t number_of(const struct flow *flow, const uint8_t *msg, int n, uint64_t from,
			  uint64_t to)
{
	uint8_t due[64];

	for (uint64_t i = from; i < to; i++)
		if (flow_part(flow, 0, i, 0, due) == (uint32_t)n && memcmp(msg, due, 64) == 0)
			return i;
	return UINT64_MAX;
}

static void stalled_run(struct peer *self, const void *plan)
{
	const struct stalled *p = plan;
	void *socket = peer_socket(self, ZMQ_SUB);
	uint64_t next = 0, received = 0;
	double began;
	uint8_t msg[64];
	int n;

	peer_option(self, socket, ZMQ_RCVHWM, HWM);
	peer_option(self, socket, ZMQ_RCVBUF, 32768);
	zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0);
	if (zmq_connect(socket, BACKEND))
		peer_fail(self, "connect: %s", zmq_strerror(zmq_errno()));
	peer_listen(self, "read");
	began = peer_clock();
	for (;; received++) {
		n = zmq_recv(socket, msg, sizeof(msg), 0);
		if (n < 0)
			peer_fail(self, "after %llu messages: %s", (unsigned long long)received,
				  zmq_strerror(zmq_errno()));
		if (n > 1 && msg[0] == '~')
			break;
		next = number_of(p->flow, msg, n, next, p->flow->messages);
		if (next++ == UINT64_MAX)
			peer_fail(self, "message %llu is out of order or damaged",
				  (unsigned long long)received);
	}
	if (peer_disconnects(self, socket))
		peer_fail(self, "the connection was lost");
	peer_say(self, "received", received, peer_clock() - began);
	peer_listen(self, "end");
}

/* The publisher sends a further batch when both readers have the last. */
static void hear_batch(struct exchange *x)
{
	for (unsigned i = 0; i < x->n; i++)
		peer_hear(x->subscriber[i], "reached");
}

static void run_batches(struct exchange *x, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		hear_batch(x);
		peer_tell(x->publisher, "next", 0);
	}
}

static void start_readers(struct exchange *x, const struct appliance *a, const struct flow *flow)
{
	for (unsigned i = 0; i < 2; i++) {
		struct subscriber *s = exchange_prepare(x, flow, (const char *[]){"", NULL});
		s->report = BATCH;
		exchange_start(x, a, s);
	}
	exchange_publisher(x, a, flow);
}

static bool is_drained(json_t *peers, const void *context)
{
	long long queued = 0;
	json_t *p;
	size_t i;

	(void)context;
	json_array_foreach(peers, i, p)
		queued += json_integer_value(json_object_get(p, "queued_msgs"));
	return queued == 0;
}

static bool has_dropped(json_t *peers, const void *context)
{
	json_t *p;
	size_t i;

	(void)context;
	json_array_foreach(peers, i, p) if (json_integer_value(json_object_get(p, "dropped")) >
					    0) return true;
	return false;
}

/* Of all peers but one nothing was dropped, and that one has bounded queues. */
static void only_one_lost(struct appliance *a)
{
	json_t *peers, *p;
	unsigned losers = 0;
	size_t i;

	appliance_await(a, "peers", has_dropped, NULL, "the stalled one has lost messages");
	peers = appliance_ask(a, "peers");
	json_array_foreach(peers, i, p)
	{
		long long dropped = json_integer_value(json_object_get(p, "dropped"));
		long long queued = json_integer_value(json_object_get(p, "queued_msgs"));
		if (dropped == 0)
			continue;
		losers++;
		printf("the stalled subscriber: %lld messages dropped, %lld queued\n", dropped,
		       queued);
		assert_true(queued <= SNDHWM + 64);
	}
	json_decref(peers);
	assert_int_equal(losers, 1);
}

static void test_others_go_on_at_full_rate_beside_a_subscriber_that_stops_reading(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){.backend = ROOM});
	struct flow flow = exchange_market((uint64_t)BATCHES * BATCH);
	struct stalled plan = {.flow = &flow};
	struct exchange alone = {0}, beside = {0};
	struct peer *stalled;

	(void)state;
	flow.batch = BATCH;
	printf("without it:\n");
	start_readers(&alone, a, &flow);
	exchange_go(&alone);
	run_batches(&alone, BATCHES - 1);
	exchange_finish(&alone);
	appliance_await_peers(a, 0);
	stalled = peer_start(&a->net, "stalled", stalled_run, &plan);
	appliance_await_peers(a, 1);
	printf("beside it:\n");
	start_readers(&beside, a, &flow);
	exchange_go(&beside);
	run_batches(&beside, BATCHES - 2);
	hear_batch(&beside);
	only_one_lost(a);
	/* It reads on: what it gets is in order, and it is up to date again at the end. */
	peer_tell(stalled, "read", 0);
	appliance_await(a, "peers", is_drained, NULL, "all queues are empty");
	peer_tell(beside.publisher, "next", 0);
	exchange_finish(&beside);
	flow_rate("the stalled subscriber, later", peer_hear(stalled, "received"));
	peer_tell(stalled, "end", 0);
	peer_done(stalled);
	appliance_stop(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_others_go_on_at_full_rate_beside_a_subscriber_that_stops_reading),
	};
	int status = lab_begin();

	appliance_is_large();
	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
