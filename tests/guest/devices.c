/* Three devices and their peers (devices.h). Counts are what software emulation does in seconds. */
#include "tests/guest/devices.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include <cmocka.h>

#include "tests/interop/exchange.h"
#include "tests/interop/pipeline.h"
#include "tests/interop/remote.h"

static const char *const kind_name[DEVICES] = {"streamer", "queue", "forwarder"};

#define PEERS_MAX 3

/* --- the appliance --- */

/* A streamer and a queue hold back who sends at the mark; a forwarder would drop. */
static int side(char *text, size_t bytes, unsigned kind, const char *name, bool connects,
		const char *endpoint)
{
	return snprintf(text, bytes,
			"name: %s, %s: [\"%s\"], hwm: %u, reconnect: 20ms, reconnect_max: 100ms",
			name, connects ? "connect" : "bind", endpoint, kind == FORWARDER ? 0 : 100);
}

/* One device as flow maps: frontend and backend. */
static void describe(const struct meeting *m, unsigned kind, bool second, char front[256],
		     char back[256])
{
	char name[48];
	bool chained = m->between[kind];

	snprintf(name, sizeof(name), "%s.%s", kind_name[kind], second ? "inner" : "frontend");
	side(front, 256, kind, name, second || m->connects,
	     second ? m->between_peer[kind] : m->here[kind][FRONT]);
	snprintf(name, sizeof(name), "%s.%s", kind_name[kind],
		 chained && !second ? "outer" : "backend");
	if (chained && !second)
		side(back, 256, kind, name, false, m->between[kind]);
	else
		side(back, 256, kind, name, m->connects, m->here[kind][BACK]);
}

struct appliance *devices_start(const struct meeting *m)
{
	static char front[256], back[256], more[4096];
	struct appliance_config config = {.carrier = LAB_TAP,
					  .portless = true,
					  .megabytes = 96,
					  .limits = "streams: 64",
					  .kind = kind_name[STREAMER],
					  .frontend = front,
					  .backend = back,
					  .devices = more};
	size_t used = 0;

	more[0] = '\0';
	for (unsigned kind = 0; kind < DEVICES; kind++)
		for (unsigned second = 0; second <= (m->between[kind] ? 1 : 0); second++) {
			describe(m, kind, second, front, back);
			if (kind != STREAMER || second)
				used += (size_t)snprintf(
					more + used, sizeof(more) - used,
					"  - name: %s%u\n    kind: %s\n    frontend: {%s}\n"
					"    backend: {%s}\n",
					kind_name[kind], second, kind_name[kind], front, back);
		}
	describe(m, STREAMER, false, front, back);
	return appliance_start(&config);
}

void devices_bound(struct appliance *a, const char *socket, char *endpoint)
{
	json_t *sockets = appliance_ask(a, "sockets"), *s;
	size_t i;

	endpoint[0] = '\0';
	json_array_foreach(sockets, i, s)
	{
		json_t *at = json_array_get(json_object_get(s, "endpoints"), 0);

		if (strcmp(json_string_value(json_object_get(s, "name")), socket) == 0 && at)
			snprintf(endpoint, ENDPOINT_MAX, "%s", json_string_value(at));
	}
	json_decref(sockets);
	if (!endpoint[0])
		fail_msg("%s has no endpoint", socket);
}

/* The peers that are there when `n` of the test's are: links within are two each. */
static void await_peers(struct appliance *a, const struct meeting *m, unsigned n)
{
	for (unsigned kind = 0; kind < DEVICES; kind++)
		n += m->between[kind] ? 2 : 0;
	appliance_await_peers(a, n);
}

static unsigned peers_a_side(const struct meeting *m, unsigned most)
{
	return m->connects ? 1 : most;
}

/* --- PUSH, PULL --- */

static bool is_held_back(json_t *stats, const void *context)
{
	(void)stats;
	return appliance_counter((struct appliance *)(uintptr_t)context, "router.stalls_send") > 0;
}

static void exchange_work(struct appliance *a, const struct meeting *m, const struct pusher *like,
			  bool held_back)
{
	struct puller pull = {.endpoint = m->there[STREAMER][BACK],
			      .type = ZMQ_PULL,
			      .bind = m->connects,
			      .small = held_back,
			      .waits = held_back};
	unsigned n = peers_a_side(m, PEERS_MAX);
	struct pusher push[PEERS_MAX];
	struct peer *pusher[PEERS_MAX], *puller[PEERS_MAX];

	for (unsigned i = 0; i < n; i++) {
		push[i] = *like;
		push[i].id = i;
		puller[i] = peer_start(&a->net, "puller", puller_run, &pull);
		pusher[i] = peer_start(&a->net, "pusher", pusher_run, &push[i]);
	}
	await_peers(a, m, 2 * n);
	for (unsigned i = 0; i < n; i++)
		peer_tell(pusher[i], "go", 0);
	if (held_back)
		appliance_await(a, "stats", is_held_back, a, "the senders are held back");
	for (unsigned i = 0; i < n && held_back; i++) {
		assert_int_equal(pull_count(puller[i]).n, 0);
		peer_tell(puller[i], "read", 0);
	}
	for (unsigned i = 0; i < n; i++)
		flow_rate("pusher", peer_hear(pusher[i], "sent"));
	pull_all(puller, n, push, n, NULL);
	for (unsigned i = 0; i < n; i++) {
		peer_tell(pusher[i], "end", 0);
		peer_done(pusher[i]);
		peer_tell(puller[i], "end", 0);
		peer_done(puller[i]);
	}
	await_peers(a, m, 0);
}

static struct pusher pusher_like(const struct meeting *m)
{
	return (struct pusher){.endpoint = m->there[STREAMER][FRONT],
			       .type = ZMQ_PUSH,
			       .bind = m->connects,
			       .messages = lab_scaled(5000),
			       .bytes = 64,
			       .parts = 3};
}

void devices_push_and_pull(struct appliance *a, const struct meeting *m)
{
	struct pusher like = pusher_like(m);

	exchange_work(a, m, &like, false);
	like.messages = lab_scaled(30);
	like.bytes = 60000; /* more than a packet of TIPC's or of vsock's */
	exchange_work(a, m, &like, false);
}

void devices_hold_back(struct appliance *a, const struct meeting *m)
{
	struct pusher like = pusher_like(m);

	like.messages = 3000; /* more than all that can be under way */
	like.bytes = 2048;
	like.parts = 1;
	like.small = true;
	exchange_work(a, m, &like, true);
}

/* --- REQ, REP --- */

static struct peer *join(struct appliance *a, const struct meeting *m, int type, unsigned kind,
			 unsigned which)
{
	struct peer *p = remote_start(&a->net, "peer", type);

	if (m->connects)
		remote_bind(p, m->there[kind][which]);
	else
		remote_connect(p, m->there[kind][which]);
	return p;
}

static void ask(struct peer *asks, const char *question, struct peer *answers, const char *answer)
{
	remote_send(asks, question);
	remote_expect(answers, question);
	remote_send(answers, answer);
	remote_expect(asks, answer);
}

void devices_ask_and_answer(struct appliance *a, const struct meeting *m)
{
	struct peer *answers = join(a, m, ZMQ_REP, QUEUE, BACK), *asks[PEERS_MAX];
	unsigned n = peers_a_side(m, 3);
	char question[64], answer[64];

	for (unsigned i = 0; i < n; i++)
		asks[i] = join(a, m, ZMQ_REQ, QUEUE, FRONT);
	await_peers(a, m, 1 + n);
	for (unsigned i = 0; i < lab_scaled(30); i++) {
		snprintf(question, sizeof(question), "question %u of %u", i, i % n);
		snprintf(answer, sizeof(answer), "answer to %u, for %u alone", i, i % n);
		ask(asks[i % n], question, answers, answer);
	}
	for (unsigned i = 0; i < n; i++)
		remote_end(asks[i]);
	remote_end(answers);
	await_peers(a, m, 0);
}

/* --- PUB, SUB --- */

void devices_publish_and_subscribe(struct appliance *a, const struct meeting *m)
{
	static const char *const prefixes[PEERS_MAX][3] = {{"A", "D/1"}, {""}, {"AB", "ABC"}};
	struct flow flow = exchange_market(lab_scaled(5000));
	struct exchange x = {.publisher_plan = {.flow = &flow,
						.endpoint = m->there[FORWARDER][FRONT],
						.bind = m->connects}};
	unsigned n = peers_a_side(m, PEERS_MAX);

	flow.parts = 2;
	for (unsigned i = 0; i < n; i++) {
		struct subscriber *s = exchange_prepare(&x, &flow, prefixes[i]);

		s->endpoint = m->there[FORWARDER][BACK];
		s->bind = m->connects;
		exchange_start(&x, a, s);
	}
	x.publisher_plan.subscribers = n;
	x.publisher = peer_start(&a->net, "publisher", publisher_run, &x.publisher_plan);
	exchange_go(&x);
	exchange_finish(&x);
	await_peers(a, m, 0);
}

void devices_serve(struct appliance *a, const struct meeting *m)
{
	devices_push_and_pull(a, m);
	devices_ask_and_answer(a, m);
	devices_publish_and_subscribe(a, m);
}

/* --- killed peers --- */

static void replace_workers(struct appliance *a, const struct meeting *m)
{
	struct peer *push = join(a, m, ZMQ_PUSH, STREAMER, FRONT);
	struct peer *pull[2] = {join(a, m, ZMQ_PULL, STREAMER, BACK)};

	await_peers(a, m, 2);
	pull[1] = join(a, m, ZMQ_PULL, STREAMER, BACK);
	await_peers(a, m, 3);
	remote_send(push, "a");
	remote_expect(pull[0], "a");
	peer_signal(pull[1], SIGKILL);
	await_peers(a, m, 2);
	remote_send(push, "b");
	remote_expect(pull[0], "b");
	peer_signal(push, SIGKILL);
	await_peers(a, m, 1);
	push = join(a, m, ZMQ_PUSH, STREAMER, FRONT);
	remote_send(push, "c");
	remote_expect(pull[0], "c");
	remote_end(push);
	remote_end(pull[0]);
	await_peers(a, m, 0);
}

static void replace_repliers(struct appliance *a, const struct meeting *m)
{
	struct peer *req = join(a, m, ZMQ_REQ, QUEUE, FRONT);
	struct peer *rep = join(a, m, ZMQ_REP, QUEUE, BACK);

	await_peers(a, m, 2);
	ask(req, "who?", rep, "the first");
	peer_signal(rep, SIGKILL);
	await_peers(a, m, 1);
	rep = join(a, m, ZMQ_REP, QUEUE, BACK);
	ask(req, "who?", rep, "the second");
	peer_signal(req, SIGKILL);
	await_peers(a, m, 1);
	req = join(a, m, ZMQ_REQ, QUEUE, FRONT);
	ask(req, "who?", rep, "the second still");
	remote_end(req);
	remote_end(rep);
	await_peers(a, m, 0);
}

static void replace_readers(struct appliance *a, const struct meeting *m)
{
	struct peer *pub = join(a, m, ZMQ_XPUB, FORWARDER, FRONT), *sub;

	for (unsigned i = 0; i < 2; i++) {
		sub = join(a, m, ZMQ_SUB, FORWARDER, BACK);
		remote_subscribe(sub, "t");
		remote_expect_subscription(pub, true, "t");
		remote_send(pub, "t1");
		remote_expect(sub, "t1");
		if (i > 0)
			break;
		peer_signal(sub, SIGKILL);
		remote_expect_subscription(pub, false, "t");
	}
	peer_signal(pub, SIGKILL);
	await_peers(a, m, 1);
	pub = join(a, m, ZMQ_XPUB, FORWARDER, FRONT);
	remote_expect_subscription(pub, true, "t");
	remote_send(pub, "t2");
	remote_expect(sub, "t2");
	remote_end(pub);
	remote_end(sub);
	await_peers(a, m, 0);
}

void devices_replace_killed(struct appliance *a, const struct meeting *m)
{
	replace_workers(a, m);
	replace_repliers(a, m);
	replace_readers(a, m);
}
