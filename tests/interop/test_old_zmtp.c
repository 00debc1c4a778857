/* Publishers and subscribers of ZMTP 1.0, 2.0 and 3.0, as their RFCs have them, together with
 * libzmq's on the same sockets, whoever connects: each gets what it is to get, exactly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include <cmocka.h>

#include "tests/interop/appliance.h"
#include "tests/interop/flow.h"
#include "tests/interop/raw.h"
#include "tests/interop/remote.h"
#include "tests/interop/transport.h"

/* 1.0 first: what it is taken to want is wanted before anybody's mark. */
static const enum tongue tongues[] = {ZMTP_1_0, ZMTP_2_0, ZMTP_3_0, LIBZMQ};
#define N 4

static struct appliance *appliance(const char *kind, bool connects)
{
	char side[2][320];

	for (unsigned i = 0; i < 2; i++)
		transport_side(side[i], sizeof(side[i]), transports, connects, (enum side)i, N,
			       NULL, "hwm: 0");
	return appliance_start(
		&(struct appliance_config){.kind = kind, .frontend = side[0], .backend = side[1]});
}

static const char *at(bool connects, enum side side, unsigned i)
{
	return transport_at(transports, connects, side, i);
}

static void end(struct peer *p)
{
	peer_tell(p, "end", 0);
	peer_done(p);
}

/* --- publish and subscribe --- */

struct market {
	struct publisher publisher_plan[N];
	struct subscriber subscriber_plan[N];
	struct peer *publisher[N], *subscriber[N];
};

static bool one_wants_all(json_t *peers, const void *context)
{
	json_t *p;
	size_t i;

	(void)context;
	json_array_foreach(peers, i, p) if (json_integer_value(json_object_get(
						    p, "subscriptions")) > 0) return true;
	return false;
}

static void start_market(struct market *m, struct appliance *a, const struct flow *flow,
			 bool connects)
{
	for (unsigned i = 0; i < N; i++) {
		m->subscriber_plan[i] = (struct subscriber){.flow = flow,
							    .endpoint = at(connects, BACK, i),
							    .bind = connects,
							    .id = i,
							    .prefixes = {"A", i % 2 ? "D/" : "B"},
							    .tongue = tongues[i]};
		if (tongues[i] == ZMTP_1_0)
			m->subscriber_plan[i].prefixes[0] = ""; /* it cannot choose */
		m->subscriber[i] = peer_start(&a->net, tongue_name[tongues[i]], subscriber_run,
					      &m->subscriber_plan[i]);
		if (tongues[i] == ZMTP_1_0)
			appliance_await(a, "peers", one_wants_all, NULL,
					"who cannot subscribe gets all");
	}
	for (unsigned i = 0; i < N; i++) {
		m->publisher_plan[i] = (struct publisher){.flow = flow,
							  .endpoint = at(connects, FRONT, i),
							  .bind = connects,
							  .id = i,
							  .subscribers = N,
							  .mute = 1,
							  .tongue = tongues[i]};
		m->publisher[i] = peer_start(&a->net, tongue_name[tongues[i]], publisher_run,
					     &m->publisher_plan[i]);
	}
}

/* A peer of each version on each side, and libzmq's are of 3.1. */
static void expect_versions(struct appliance *a)
{
	unsigned had[4] = {0};
	json_t *peers = appliance_ask(a, "peers"), *p;
	size_t i;

	json_array_foreach(peers, i, p)
	{
		const char *zmtp = json_string_value(json_object_get(p, "zmtp"));

		for (unsigned k = 0; k < N; k++)
			had[k] += strcmp(zmtp, tongues[k] == LIBZMQ ? "3.1"
								    : tongue_name[tongues[k]]) == 0;
	}
	for (unsigned k = 0; k < N; k++)
		assert_int_equal(had[k], 2);
	json_decref(peers);
}

static void trade(const struct flow *flow, bool connects)
{
	struct appliance *a = appliance("forwarder", connects);
	struct market m = {0};

	start_market(&m, a, flow, connects);
	for (unsigned i = 0; i < N; i++)
		peer_hear(m.publisher[i], "ready");
	appliance_await_peers(a, 2 * N);
	expect_versions(a);
	for (unsigned i = 0; i < N; i++)
		peer_tell(m.publisher[i], "go", 0);
	for (unsigned i = 0; i < N; i++)
		flow_rate(tongue_name[tongues[i]], peer_hear(m.publisher[i], "sent"));
	for (unsigned i = 0; i < N; i++)
		flow_rate(tongue_name[tongues[i]], peer_hear(m.subscriber[i], "received"));
	for (unsigned i = 0; i < N; i++) {
		end(m.publisher[i]);
		end(m.subscriber[i]);
	}
	appliance_stop(a);
}

static const char *const topics[] = {"A.", "AB.", "ABC.", "B.", "BA.", "C.", "D/1.", "D/2."};
#define FLOW(...)                                                                                  \
	(struct flow)                                                                              \
	{                                                                                          \
		.topics = topics, .n_topics = 8, .publishers = N, __VA_ARGS__                      \
	}

static void test_publishers_and_subscribers_of_all_versions_trade(void **state)
{
	static const uint32_t bytes[] = {20, 252, 253, 254, 255, 256, 64, 1400};

	(void)state;
	trade(&FLOW(.bytes = bytes, .n_bytes = 8, .messages = lab_scaled(6000)), false);
	trade(&FLOW(.bytes = bytes, .n_bytes = 8, .messages = lab_scaled(6000)), true);
}

static void test_long_frames_and_many_parts_are_published(void **state)
{
	static const uint32_t bytes[] = {300, 0, 70000, 40, 1, 3000, 200000};

	(void)state;
	trade(&FLOW(.bytes = (const uint32_t[]){64, 0, 70000, 300, 253, 1}, .n_bytes = 6,
		    .parts = 3, .messages = lab_scaled(100)),
	      false);
	trade(&FLOW(.bytes = bytes, .n_bytes = 7, .parts = 7, .messages = lab_scaled(20)), true);
}

/* --- byte by byte --- */

static void expect_bytes(struct peer *p, const void *bytes, size_t n)
{
	assert_memory_equal(raw_receive(p, n), bytes, n);
}
#define SENDS(p, text)   raw_send(p, text, sizeof(text) - 1)
#define EXPECTS(p, text) expect_bytes(p, text, sizeof(text) - 1)

static void test_old_wires_are_as_the_rfcs_have_them(void **state)
{
	struct appliance *a = appliance("forwarder", false);
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_XPUB);
	struct peer *one = raw_start(&a->net, "1.0"), *two = raw_start(&a->net, "2.0");

	(void)state;
	remote_connect(pub, FRONTEND);
	appliance_await_peers(a, 1);
	raw_connect(one, 5556);
	EXPECTS(one, "\xff\0\0\0\0\0\0\0\1\x7f"); /* before it has said anything */
	SENDS(one, "\1\0");
	remote_expect_subscription(pub, true, "");
	raw_connect(two, 5556);
	EXPECTS(two, "\xff\0\0\0\0\0\0\0\1\x7f");
	SENDS(two, "\xff\0\0\0\0\0\0\0\1\x7f");
	EXPECTS(two, "\3"); /* once it is clear that it is no 1.0 */
	SENDS(two, "\1");
	EXPECTS(two, "\1\0\0"); /* PUB, anonymous */
	SENDS(two, "\2\0\0");
	SENDS(two, "\0\2\1h");
	remote_expect_subscription(pub, true, "h");
	remote_send(pub, "hi");
	remote_send(pub, "no");
	remote_send(pub, "ho");
	EXPECTS(one, "\3\0hi\3\0no\3\0ho");
	EXPECTS(two, "\0\2hi\0\2ho");
	SENDS(two, "\0\2\0h");
	remote_expect_subscription(pub, false, "h");
	raw_close(one);
	remote_expect_subscription(pub, false, "");
	raw_end(one);
	raw_end(two);
	remote_end(pub);
	appliance_stop(a);
}

/* As libzmq of those days would have it from us: a ROUTER knows us by it. */
static void test_old_peers_are_told_our_routing_id(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){
		.kind = "bridge",
		.frontend = "type: DEALER, bind: [\"" FRONTEND "\"]",
		.backend = "type: DEALER, bind: [\"" BACKEND "\"], options: {routing_id: box}"});
	struct peer *dealer = remote_start(&a->net, "dealer", ZMQ_DEALER);
	struct peer *one = raw_start(&a->net, "1.0"), *two = raw_start(&a->net, "2.0");

	(void)state;
	raw_connect(one, 5556);
	EXPECTS(one, "\xff\0\0\0\0\0\0\0\4\x7f");
	SENDS(one, "\1\0");
	EXPECTS(one, "box");
	remote_connect(dealer, FRONTEND);
	remote_send(dealer, "hi");
	EXPECTS(one, "\3\0hi"); /* traffic begins behind it */
	raw_close(one);
	raw_end(one);
	appliance_await_peers(a, 1);
	raw_connect(two, 5556);
	EXPECTS(two, "\xff\0\0\0\0\0\0\0\4\x7f");
	SENDS(two, "\xff\0\0\0\0\0\0\0\1\x7f\1");
	EXPECTS(two, "\3\5\0\3box");
	SENDS(two, "\6\0\0"); /* ROUTER, anonymous */
	remote_send(dealer, "ho");
	EXPECTS(two, "\0\2ho");
	raw_close(two);
	raw_end(two);
	remote_end(dealer);
	appliance_stop(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_old_wires_are_as_the_rfcs_have_them),
		LAB_TEST(test_old_peers_are_told_our_routing_id),
		LAB_TEST(test_publishers_and_subscribers_of_all_versions_trade),
		LAB_TEST(test_long_frames_and_many_parts_are_published),
	};
	int status = lab_begin();

	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
