/* Peers of ZMTP 1.0, 2.0 and 3.0, as their RFCs have them, together with libzmq's on the same
 * sockets, whoever connects: work that is dealt out, pairs, questions and answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <zmq.h>

#include <cmocka.h>

#include "tests/interop/ask.h"
#include "tests/interop/line.h"

static const enum tongue tongues[] = {ZMTP_1_0, ZMTP_2_0, ZMTP_3_0, LIBZMQ};
#define N 4

static void end(struct peer *p)
{
	peer_tell(p, "end", 0);
	peer_done(p);
}

/* --- push and pull --- */

static void push(struct pusher plan, bool connects)
{
	static const char *const own[2];
	struct line l = {.transport = transports, .connects = connects, .peers = N};
	uint64_t share[N];

	plan.type = ZMQ_PUSH;
	line_start(&l, "streamer", own, "hwm: 0");
	for (unsigned i = 0; i < N; i++) {
		line_puller(&l, i, (struct puller){.type = ZMQ_PULL, .tongue = tongues[i]});
		plan.tongue = tongues[i];
		line_pusher(&l, i, plan);
	}
	line_go(&l);
	line_arrives(&l, share);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(share[i], plan.messages);
	line_end(&l);
}

static void test_work_is_dealt_out_among_all_versions(void **state)
{
	(void)state;
	push((struct pusher){.messages = lab_scaled(6000), .bytes = 250, .parts = 4}, false);
	push((struct pusher){.messages = lab_scaled(6000), .bytes = 250, .parts = 4}, true);
	push((struct pusher){.messages = lab_scaled(40), .bytes = 70000, .parts = 3}, false);
}

/* --- pairs and dealers --- */

static void bridge(int type, enum tongue from, enum tongue to, bool connects)
{
	static const char *const pair[2] = {"PAIR", "PAIR"}, *const dealer[2] = {"DEALER",
										 "DEALER"};
	struct line l = {.transport = transports, .connects = connects, .peers = 1};

	line_start(&l, "bridge", type == ZMQ_PAIR ? pair : dealer, "hwm: 0");
	line_puller(&l, 0, (struct puller){.type = type, .tongue = to});
	line_pusher(&l, 0,
		    (struct pusher){.type = type,
				    .tongue = from,
				    .messages = lab_scaled(5000),
				    .bytes = 253,
				    .parts = 3});
	line_go(&l);
	line_arrives(&l, NULL);
	line_end(&l);
}

static void test_pairs_and_dealers_of_different_versions_meet(void **state)
{
	(void)state;
	bridge(ZMQ_PAIR, ZMTP_1_0, ZMTP_2_0, false);
	bridge(ZMQ_PAIR, ZMTP_2_0, ZMTP_1_0, true);
	bridge(ZMQ_PAIR, LIBZMQ, ZMTP_1_0, false);
	bridge(ZMQ_DEALER, ZMTP_1_0, LIBZMQ, true);
	bridge(ZMQ_DEALER, ZMTP_2_0, ZMTP_3_0, false);
}

static struct appliance *queue(bool connects)
{
	char side[2][320];

	for (unsigned i = 0; i < 2; i++)
		transport_side(side[i], sizeof(side[i]), transports, connects, (enum side)i, N,
			       NULL, "hwm: 0");
	return appliance_start(&(struct appliance_config){
		.kind = "queue", .frontend = side[0], .backend = side[1]});
}

static const char *at(bool connects, enum side side, unsigned i)
{
	return transport_at(transports, connects, side, i);
}

/* --- questions and answers --- */

static void question_all(bool connects)
{
	struct appliance *a = queue(connects);
	struct asker asker_plan[N];
	struct answerer answerer_plan[N];
	struct peer *asker[N], *answerer[N];
	uint64_t answers = 0;

	for (unsigned i = 0; i < N; i++) {
		answerer_plan[i] = (struct answerer){.endpoint = at(connects, BACK, i),
						     .bind = connects,
						     .type = ZMQ_REP,
						     .tongue = tongues[i]};
		answerer[i] = peer_start(&a->net, tongue_name[tongues[i]], answerer_run,
					 &answerer_plan[i]);
		asker_plan[i] = (struct asker){.endpoint = at(connects, FRONT, i),
					       .bind = connects,
					       .tongue = tongues[i],
					       .id = i,
					       .type = ZMQ_REQ,
					       .questions = lab_scaled(400),
					       .bytes = i % 2 ? 300 : 70000};
		if (tongues[i] == ZMTP_1_0 && connects)
			asker_plan[i].identity_bytes = 254; /* in a long frame */
		if (tongues[i] == ZMTP_2_0 && connects)
			asker_plan[i].identity_bytes = 255;
		asker[i] = peer_start(&a->net, tongue_name[tongues[i]], asker_run, &asker_plan[i]);
	}
	appliance_await_peers(a, 2 * N);
	for (unsigned i = 0; i < N; i++)
		peer_tell(asker[i], "go", 0);
	for (unsigned i = 0; i < N; i++)
		peer_hear(asker[i], "answered");
	for (unsigned i = 0; i < N; i++) {
		end(asker[i]);
		peer_tell(answerer[i], "end", 0);
		answers += peer_hear(answerer[i], "answers")->n;
		peer_done(answerer[i]);
	}
	assert_int_equal(answers, N * lab_scaled(400));
	appliance_stop(a);
}

static void test_questions_of_all_versions_are_answered_by_all(void **state)
{
	(void)state;
	question_all(false);
	question_all(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_work_is_dealt_out_among_all_versions),
		LAB_TEST(test_pairs_and_dealers_of_different_versions_meet),
		LAB_TEST(test_questions_of_all_versions_are_answered_by_all),
	};
	int status = lab_begin();

	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
