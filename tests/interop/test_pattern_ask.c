/* Patterns of questions and answers, one row a pair of sockets, through a queue, over each
 * transport, whoever connects: REQ and DEALER ask REP and ROUTER, ROUTER asks DEALER. */
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
#include "tests/interop/ask.h"
#include "tests/interop/transport.h"

#define MESSAGES 100000 /* questions and answers */
#define PEERS    3

static const struct row {
	const char *name; /* begins with what the program's first argument picks */
	int asks, answers;
	unsigned ahead;
} rows[] = {
	/* A REQ has one question at a time: it is many of them that a HWM holds back. */
	{"REQ to REP", ZMQ_REQ, ZMQ_REP, 8},
	{"REQ to ROUTER", ZMQ_REQ, ZMQ_ROUTER, 8},
	{"DEALER to REP", ZMQ_DEALER, ZMQ_REP, 100},
	{"DEALER to ROUTER", ZMQ_DEALER, ZMQ_ROUTER, 100},
	{"ROUTER to DEALER", ZMQ_ROUTER, ZMQ_DEALER, 100},
};

struct office {
	const struct row *row;
	const struct transport *transport;
	bool connects, fills; /* fills: the answerers wait, and hold little */
	struct appliance *appliance;
	struct asker asker_plan[PEERS];
	struct answerer answerer_plan[PEERS];
	struct peer *asker[PEERS], *answerer[PEERS];
	char side[2][1024];
};

/* A REQ of which several are asked at once is as many sockets. */
static unsigned sockets_of(const struct office *o, unsigned askers)
{
	return askers * (o->row->asks == ZMQ_REQ ? o->row->ahead : 1);
}

static void start_asker(struct office *o, unsigned i, struct asker plan)
{
	unsigned each = sockets_of(o, 1), first = i * each;

	plan.id = i;
	plan.type = o->row->asks;
	plan.bind = o->connects;
	plan.endpoint = transport_at(o->transport, plan.bind, FRONT, first);
	for (unsigned k = 1; plan.bind && k < each; k++)
		plan.more[k - 1] = transport_at(o->transport, true, FRONT, first + k);
	o->asker_plan[i] = plan;
	o->asker[i] = peer_start(&o->appliance->net, "asker", asker_run, &o->asker_plan[i]);
}

static void start_answerer(struct office *o, unsigned i)
{
	o->answerer_plan[i] = (struct answerer){
		.endpoint = transport_at(o->transport, o->connects, BACK, i),
		.bind = o->connects,
		.type = o->row->answers,
		.hwm = !o->fills                 ? 0
		       : o->row->asks == ZMQ_REQ ? 1
						 : 100,
		.waits = o->fills};
	o->answerer[i] = peer_start(&o->appliance->net, "answerer", answerer_run,
				    &o->answerer_plan[i]);
}

/* A REQ's few questions are big, where they are to fill what the answerers have: 36 MB. */
static unsigned megabytes(const struct office *o)
{
	if (!o->fills || o->row->asks != ZMQ_REQ)
		return 0;
	return o->transport->portless ? 256 : 512;
}

/* `more` is for the side of the answerers: answers to an asker who is full would be dropped. */
static void open_office(struct office *o, const char *more, struct asker plan)
{
	printf("%s over %s, %s\n", o->row->name, o->transport->name,
	       o->connects ? "the appliance connects" : "peers connect");
	if (!plan.ahead)
		plan.ahead = o->row->ahead;
	transport_side(o->side[FRONT], sizeof(o->side[FRONT]), o->transport, o->connects, FRONT,
		       sockets_of(o, PEERS), NULL,
		       "hwm: 0, options: {routing_id: " ASKED "}"); /* to ROUTERs that bind */
	transport_side(o->side[BACK], sizeof(o->side[BACK]), o->transport, o->connects, BACK, PEERS,
		       NULL, more);
	o->appliance = transport_appliance(o->transport, "queue", o->side[FRONT], o->side[BACK],
					   megabytes(o));
	for (unsigned i = 0; i < PEERS; i++)
		start_answerer(o, i);
	for (unsigned i = 0; i < PEERS; i++)
		start_asker(o, i, plan);
	appliance_await_peers(o->appliance, PEERS + sockets_of(o, PEERS));
}

static void each_asker_is_told(struct office *o, const char *what)
{
	for (unsigned i = 0; i < PEERS; i++)
		peer_tell(o->asker[i], what, 0);
}

/* What the answerers have answered, each. */
static void close_office(struct office *o, uint64_t *answers)
{
	for (unsigned i = 0; i < PEERS; i++)
		peer_hear(o->asker[i], "answered");
	each_asker_is_told(o, "end");
	for (unsigned i = 0; i < PEERS; i++) {
		peer_done(o->asker[i]);
		peer_tell(o->answerer[i], "end", 0);
		answers[i] = peer_hear(o->answerer[i], "answers")->n;
		peer_done(o->answerer[i]);
	}
	appliance_stop(o->appliance);
}

/* Each question is answered, to who asked; the answerers have even shares. */
static void all_are_answered(struct office *o)
{
	uint64_t each = lab_scaled(MESSAGES) / 2 / PEERS + 1;
	uint64_t answers[PEERS], all = 0;

	open_office(o, "hwm: 0", (struct asker){.questions = each, .bytes = 40});
	each_asker_is_told(o, "go");
	close_office(o, answers);
	for (unsigned i = 0; i < PEERS; i++) {
		all += answers[i];
		assert_in_range(answers[i], each - 1, each + 1);
	}
	assert_int_equal(all, each * PEERS);
}

static bool is_held_back(json_t *stats, const void *context)
{
	(void)stats;
	return appliance_counter((struct appliance *)(uintptr_t)context, "router.stalls_send") > 0;
}

static void replace_one_of_each(struct office *o)
{
	unsigned all = PEERS + sockets_of(o, PEERS);

	peer_signal(o->answerer[0], SIGKILL);
	appliance_await_peers(o->appliance, all - 1);
	start_answerer(o, 0);
	appliance_await_peers(o->appliance, all);
	peer_signal(o->asker[PEERS - 1], SIGKILL);
	appliance_await_peers(o->appliance, all - sockets_of(o, 1));
	start_asker(o, PEERS - 1, o->asker_plan[PEERS - 1]);
	appliance_await_peers(o->appliance, all);
}

/* Whoever is killed before there are questions is replaced. Then nobody answers until
 * the askers are held back, and all is answered once somebody does. */
static void killed_filled_and_released(struct office *o)
{
	/* Few questions, but more than the kernel's buffers for a peer take (4 MiB). */
	bool req = o->row->asks == ZMQ_REQ;
	struct asker plan = {.questions = req ? 8 : 2000,
			     .ahead = req ? o->row->ahead : 2000,
			     .bytes = req ? 1500000 : 3000};
	uint64_t answers[PEERS];

	o->fills = true;
	open_office(o, req ? "hwm: 1, sndbuf: 16KiB" : "hwm: 100, sndbuf: 16KiB", plan);
	replace_one_of_each(o);
	each_asker_is_told(o, "go");
	appliance_await(o->appliance, "stats", is_held_back, o->appliance,
			"the askers are held back");
	for (unsigned i = 0; i < PEERS; i++)
		peer_tell(o->answerer[i], "on", 0);
	close_office(o, answers);
	for (unsigned i = 0; i < PEERS; i++)
		assert_true(answers[i] > 0);
}

static void each_row(bool connects, void (*claim)(struct office *o))
{
	for (unsigned t = 0; t < n_transports; t++)
		for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			struct office o = {
				.row = &rows[i], .transport = &transports[t], .connects = connects};

			if (transport_picks(o.transport, rows[i].name))
				claim(&o);
		}
}

static void test_peers_that_connect_are_all_answered(void **state)
{
	(void)state;
	each_row(false, all_are_answered);
}

static void test_peers_that_bind_are_all_answered(void **state)
{
	(void)state;
	each_row(true, all_are_answered);
}

static void test_peers_that_connect_are_replaced_and_held_back(void **state)
{
	(void)state;
	each_row(false, killed_filled_and_released);
}

static void test_peers_that_bind_are_replaced_and_held_back(void **state)
{
	(void)state;
	each_row(true, killed_filled_and_released);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_peers_that_connect_are_all_answered),
		LAB_TEST(test_peers_that_bind_are_all_answered),
		LAB_TEST(test_peers_that_connect_are_replaced_and_held_back),
		LAB_TEST(test_peers_that_bind_are_replaced_and_held_back),
	};
	int status = lab_begin();

	transport_pick(argc, argv);
	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
