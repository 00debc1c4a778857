/* Patterns in which everybody gets what they asked for, one row a pair of sockets, over each
 * transport, whoever connects: PUB and XPUB to SUB and XSUB, through XSUB and XPUB or SUB and PUB.
 */
#include <poll.h>
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
#include "tests/interop/transport.h"

#define MESSAGES 100000 /* of all publishers */
#define PEERS    3
#define VICTIM   3 /* id of the publisher that is killed */

static const struct row {
	const char *name; /* begins with what the program's first argument picks */
	const char *kind;
	const char *types[2];
	bool pub;  /* not XPUB */
	bool xsub; /* not SUB */
} rows[] = {
	{"PUB to SUB", "forwarder", {NULL, NULL}, true, false},
	{"PUB to XSUB, by SUB and PUB", "bridge", {"SUB", "PUB"}, true, true},
	{"XPUB to SUB", "forwarder", {NULL, NULL}, false, false},
	{"XPUB to XSUB", "forwarder", {NULL, NULL}, false, true},
};

struct market {
	const struct row *row;
	const struct transport *transport;
	bool connects;
	struct flow flow;
	struct appliance *appliance;
	struct publisher publisher_plan[PEERS + 1];
	struct subscriber subscriber_plan[PEERS];
	struct peer *publisher[PEERS + 1], *subscriber[PEERS];
	char side[2][320];
};

static void open_market(struct market *m, const char *more)
{
	printf("%s over %s, %s\n", m->row->name, m->transport->name,
	       m->connects ? "the appliance connects" : "peers connect");
	for (unsigned side = 0; side < 2; side++)
		transport_side(m->side[side], sizeof(m->side[side]), m->transport, m->connects,
			       (enum side)side, PEERS, m->row->types[side], more);
	m->appliance = transport_appliance(m->transport, m->row->kind, m->side[FRONT],
					   m->side[BACK], 0);
}

static void start_subscriber(struct market *m, unsigned i)
{
	m->subscriber_plan[i] = (struct subscriber){
		.flow = &m->flow,
		.endpoint = transport_at(m->transport, m->connects, BACK, i),
		.bind = m->connects,
		.id = i,
		.prefixes = {"A", "D/1"},
		.raw = m->row->xsub,
		.warmed = m->row->pub};
	m->subscriber[i] = peer_start(&m->appliance->net, "subscriber", subscriber_run,
				      &m->subscriber_plan[i]);
}

static void start_publisher(struct market *m, unsigned id, unsigned place)
{
	m->publisher_plan[id] = (struct publisher){
		.flow = &m->flow,
		.endpoint = transport_at(m->transport, m->connects, FRONT, place),
		.bind = m->connects,
		.id = id,
		.subscribers = PEERS,
		.deaf = m->row->pub};
	m->publisher[id] = peer_start(&m->appliance->net, "publisher", publisher_run,
				      &m->publisher_plan[id]);
}

static void all_publishers(struct market *m, const char *tell, const char *hear)
{
	for (unsigned i = 0; tell && i < PEERS; i++)
		peer_tell(m->publisher[i], tell, 0);
	for (unsigned i = 0; hear && i < PEERS; i++)
		peer_hear(m->publisher[i], hear);
}

/* One publisher and one subscriber are killed and replaced; then all subscriptions of all are in
 * force at all publishers. */
static void gather(struct market *m)
{
	for (unsigned i = 0; i < PEERS; i++)
		start_subscriber(m, i);
	start_publisher(m, VICTIM, PEERS - 1);
	appliance_await_peers(m->appliance, PEERS + 1);
	peer_signal(m->publisher[VICTIM], SIGKILL);
	appliance_await_peers(m->appliance, PEERS);
	for (unsigned i = 0; i < PEERS; i++)
		start_publisher(m, i, i);
	all_publishers(m, NULL, "ready");
	for (unsigned i = 0; m->row->pub && i < PEERS; i++)
		peer_hear(m->subscriber[i], "warm");
	appliance_await_peers(m->appliance, 2 * PEERS);
	peer_signal(m->subscriber[0], SIGKILL);
	appliance_await_peers(m->appliance, 2 * PEERS - 1);
	start_subscriber(m, 0);
	all_publishers(m, "again", "ready");
	if (m->row->pub)
		peer_hear(m->subscriber[0], "warm");
}

static void everybody_gets_theirs(struct market *m)
{
	static const char *const topics[] = {"A.", "AB.", "ABC.", "B.", "C.", "D/1.", "D/2."};
	static const uint32_t bytes[] = {40, 0, 300};

	m->flow = (struct flow){.topics = topics,
				.n_topics = 7,
				.bytes = bytes,
				.n_bytes = 3,
				.parts = 3,
				.publishers = PEERS,
				.messages = lab_scaled(MESSAGES) / PEERS + 1};
	open_market(m, "hwm: 0");
	gather(m);
	all_publishers(m, "go", NULL);
	for (unsigned i = 0; i < PEERS; i++)
		flow_rate("publisher", peer_hear(m->publisher[i], "sent"));
	for (unsigned i = 0; i < PEERS; i++) {
		flow_rate("subscriber", peer_hear(m->subscriber[i], "received"));
		peer_tell(m->subscriber[i], "end", 0);
		peer_done(m->subscriber[i]);
	}
	for (unsigned i = 0; i < PEERS; i++) {
		peer_tell(m->publisher[i], "end", 0);
		peer_done(m->publisher[i]);
	}
	appliance_stop(m->appliance);
}

/* --- who does not read --- */

#define SLOW_BYTES 1024
#define LAST       UINT64_MAX

static void fill(uint8_t *buf, uint64_t number)
{
	memcpy(buf, &number, 8);
	memset(buf + 8, (int)(number * 31 + 7), SLOW_BYTES - 8);
}

/* Numbered messages until it is told "stop"; says "sent"; then the last one over and over. */
static void filler_run(struct peer *self, const void *plan)
{
	const struct market *m = *(const struct market *const *)plan;
	struct pollfd told = {.fd = peer_descriptor(self), .events = POLLIN};
	struct talk *t = talk_new(self, LIBZMQ, m->row->pub ? ZMQ_PUB : ZMQ_XPUB);
	uint8_t buf[SLOW_BYTES];
	uint64_t i = 0;

	talk_option(t, ZMQ_SNDHWM, 1000);
	talk_join(t, transport_at(m->transport, m->connects, FRONT, 0), m->connects);
	for (; !peer_is_told(self); i++) {
		fill(buf, i);
		talk_send(t, buf, sizeof(buf), false);
	}
	peer_listen(self, "stop");
	peer_say(self, "sent", i, 0);
	fill(buf, LAST);
	do
		talk_send(t, buf, sizeof(buf), false);
	while (poll(&told, 1, 1) == 0);
	peer_listen(self, "end");
}

/* Reads nothing before it is told "read", then up to the last; says "received". */
static void slow_run(struct peer *self, const void *plan)
{
	const struct market *m = *(const struct market *const *)plan;
	struct talk *t = talk_new(self, LIBZMQ, m->row->xsub ? ZMQ_XSUB : ZMQ_SUB);
	uint8_t buf[SLOW_BYTES], due[SLOW_BYTES];
	uint64_t number, next = 0, n = 0;
	bool more;

	talk_option(t, ZMQ_RCVHWM, 100);
	talk_option(t, ZMQ_RCVBUF, 131072); /* as in pipeline.c */
	talk_subscribe(t, "", 0);
	talk_join(t, transport_at(m->transport, m->connects, BACK, 0), m->connects);
	talk_wait(t, false); /* a bound socket subscribes only inside calls like this */
	peer_listen(self, "read");
	for (;; n++) {
		if (talk_receive(t, buf, sizeof(buf), &more) != SLOW_BYTES || more)
			peer_fail(self, "message %llu: %s", (unsigned long long)n, talk_error(t));
		memcpy(&number, buf, 8);
		fill(due, number);
		if (number < next || memcmp(buf, due, sizeof(buf)) != 0)
			peer_fail(self, "message %llu is damaged or out of order",
				  (unsigned long long)number);
		if (number == LAST)
			break;
		next = number + 1;
	}
	peer_say(self, "received", n, 0);
	peer_listen(self, "end");
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

/* Beyond its HWM a subscriber loses messages, whole ones; once it reads it gets the newest again.
 */
static void who_does_not_read_loses_and_comes_back(struct market *m)
{
	struct peer *filler, *slow;
	uint64_t sent, received;

	open_market(m, "hwm: 100, sndbuf: 16KiB");
	slow = peer_start(&m->appliance->net, "slow", slow_run, &m);
	filler = peer_start(&m->appliance->net, "filler", filler_run, &m);
	appliance_await(m->appliance, "peers", has_dropped, NULL, "the HWM is reached");
	peer_tell(filler, "stop", 0);
	sent = peer_hear(filler, "sent")->n;
	peer_tell(slow, "read", 0);
	received = peer_hear(slow, "received")->n;
	printf("%llu of %llu messages\n", (unsigned long long)received, (unsigned long long)sent);
	assert_in_range(received, 100, sent - 1);
	peer_tell(slow, "end", 0);
	peer_done(slow);
	peer_tell(filler, "end", 0);
	peer_done(filler);
	appliance_stop(m->appliance);
}

static void each_row(bool connects, void (*claim)(struct market *m))
{
	for (unsigned t = 0; t < n_transports; t++)
		for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			struct market m = {
				.row = &rows[i], .transport = &transports[t], .connects = connects};

			if (transport_picks(m.transport, rows[i].name))
				claim(&m);
		}
}

static void test_peers_that_connect_get_theirs_also_when_some_were_replaced(void **state)
{
	(void)state;
	each_row(false, everybody_gets_theirs);
}

static void test_peers_that_bind_get_theirs_also_when_some_were_replaced(void **state)
{
	(void)state;
	each_row(true, everybody_gets_theirs);
}

static void test_peers_that_connect_lose_what_they_do_not_read(void **state)
{
	(void)state;
	each_row(false, who_does_not_read_loses_and_comes_back);
}

static void test_peers_that_bind_lose_what_they_do_not_read(void **state)
{
	(void)state;
	each_row(true, who_does_not_read_loses_and_comes_back);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_peers_that_connect_get_theirs_also_when_some_were_replaced),
		LAB_TEST(test_peers_that_bind_get_theirs_also_when_some_were_replaced),
		LAB_TEST(test_peers_that_connect_lose_what_they_do_not_read),
		LAB_TEST(test_peers_that_bind_lose_what_they_do_not_read),
	};
	int status = lab_begin();

	transport_pick(argc, argv);
	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
