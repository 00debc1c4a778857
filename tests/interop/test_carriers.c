/* A forwarder whose peers come by every carrier: ipc and the kernel's TCP on the host core, this
 * stack's TCP on a poll core. Whatever a publisher comes by, each subscriber gets exactly its
 * messages, in order, whole. */
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
#include "tests/interop/exchange.h"
#include "tests/interop/pipeline.h"
#include "tests/interop/remote.h"

#define LOCAL_IN  "tcp://127.0.0.1:5565"
#define LOCAL_OUT "tcp://127.0.0.1:5566"
#define MIB       (1u << 20)

/* Files and names of this test's own. */
static char file_in[128], file_out[128], name_out[96], in[512], out[512];

static void name_all(void)
{
	char folder[64];

	lab_folder(folder, sizeof(folder));
	snprintf(file_in, sizeof(file_in), "ipc://%s/in", folder);
	snprintf(file_out, sizeof(file_out), "ipc://%s/out", folder);
	snprintf(name_out, sizeof(name_out), "ipc://@%s/out", folder);
}

/* Binds by every carrier on both sides. */
static struct appliance *start_all(void)
{
	struct appliance_config config = {.carrier = LAB_TAP, .frontend = in, .backend = out};

	name_all();
	snprintf(in, sizeof(in), "bind: [\"" FRONTEND "\", \"" LOCAL_IN "\", \"%s\"], hwm: 0",
		 file_in);
	snprintf(out, sizeof(out),
		 "bind: [\"" BACKEND "\", \"" LOCAL_OUT "\", \"%s\", \"%s\"], hwm: 0", file_out,
		 name_out);
	return appliance_start(&config);
}

static struct subscriber *subscribe_at(struct exchange *x, const struct appliance *a,
				       const struct flow *flow, const char *endpoint,
				       const char *prefix)
{
	struct subscriber *s = exchange_prepare(x, flow, (const char *[]){prefix, NULL});

	s->endpoint = endpoint;
	exchange_start(x, a, s);
	return s;
}

static void publish_at(struct exchange *x, const struct appliance *a, const struct flow *flow,
		       const char *endpoint)
{
	x->publisher_plan.flow = flow;
	x->publisher_plan.endpoint = endpoint;
	x->publisher_plan.subscribers = x->n;
	x->publisher = peer_start(&a->net, "publisher", publisher_run, &x->publisher_plan);
}

/* Four subscribers, one by each carrier. */
static void everywhere(struct appliance *a, const struct flow *flow, const char *publisher)
{
	struct exchange x = {0};

	subscribe_at(&x, a, flow, BACKEND, "");
	subscribe_at(&x, a, flow, LOCAL_OUT, "");
	subscribe_at(&x, a, flow, file_out, "");
	subscribe_at(&x, a, flow, name_out, "");
	publish_at(&x, a, flow, publisher);
	exchange_go(&x);
	exchange_finish(&x);
}

static void test_what_is_published_over_ipc_arrives_by_every_carrier(void **state)
{
	struct appliance *a = start_all();
	struct flow flow = exchange_market(lab_scaled(100000));

	(void)state;
	everywhere(a, &flow, file_in);
	appliance_stop(a);
}

static void test_what_is_published_over_kernel_tcp_arrives_by_every_carrier(void **state)
{
	struct appliance *a = start_all();
	struct flow flow = exchange_market(lab_scaled(100000));

	(void)state;
	everywhere(a, &flow, LOCAL_IN);
	appliance_stop(a);
}

static void test_what_is_published_over_this_stack_arrives_by_every_carrier(void **state)
{
	struct appliance *a = start_all();
	struct flow flow = exchange_market(lab_scaled(100000));

	(void)state;
	everywhere(a, &flow, FRONTEND);
	appliance_stop(a);
}

static void test_multipart_messages_stay_whole_between_carriers(void **state)
{
	static const uint32_t bytes[] = {20, 0, 1, 254, 255, 256, 1400, 0, 1448, 3000, 65};
	struct appliance *a = start_all();
	struct flow flow = {
		.bytes = bytes, .n_bytes = 11, .parts = 5, .messages = lab_scaled(20000)};

	(void)state;
	everywhere(a, &flow, file_in);
	appliance_stop(a);
}

static void test_messages_of_a_mebibyte_stay_whole_between_carriers(void **state)
{
	static const uint32_t bytes[] = {MIB, 70, MIB + 1};
	struct appliance *a = start_all();
	struct flow flow = {.bytes = bytes, .n_bytes = 3, .messages = lab_scaled(150)};

	(void)state;
	everywhere(a, &flow, file_in);
	everywhere(a, &flow, FRONTEND);
	appliance_stop(a);
}

/* The appliance dials: peers bind, by ipc and on the kernel's loopback. */
static void test_the_appliance_connects_to_peers_by_the_kernel(void **state)
{
	struct appliance_config config = {.carrier = LAB_TAP, .frontend = in, .backend = out};
	struct flow flow = exchange_market(lab_scaled(50000));
	struct exchange x = {0};
	struct appliance *a;

	(void)state;
	name_all();
	snprintf(in, sizeof(in), "connect: [\"%s\"], hwm: 0, reconnect: 20ms, reconnect_max: 50ms",
		 file_in);
	snprintf(out, sizeof(out),
		 "connect: [\"" LOCAL_OUT "\", \"%s\"], hwm: 0, reconnect: 20ms, "
		 "reconnect_max: 50ms",
		 name_out);
	a = appliance_start(&config);
	for (unsigned i = 0; i < 2; i++) {
		struct subscriber *s = exchange_prepare(&x, &flow, (const char *[]){"A", NULL});

		s->endpoint = i ? name_out : LOCAL_OUT;
		s->bind = true;
		exchange_start(&x, a, s);
	}
	x.publisher_plan.bind = true;
	publish_at(&x, a, &flow, file_in);
	exchange_go(&x);
	exchange_finish(&x);
	appliance_stop(a);
}

static void say_and_hear(struct peer *pub, struct peer *sub, const char *text)
{
	remote_send(pub, text);
	remote_expect(sub, text);
}

/* A process that is killed leaves its place to the next one; the file stays the appliance's. */
static void test_a_peer_that_is_killed_is_replaced_and_others_notice_nothing(void **state)
{
	struct appliance *a = start_all();
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_XPUB), *next;
	struct peer *stays = remote_start(&a->net, "stays", ZMQ_SUB);
	struct peer *sub = remote_start(&a->net, "subscriber", ZMQ_SUB);

	(void)state;
	remote_connect(pub, file_in);
	remote_subscribe(stays, "t");
	remote_connect(stays, LOCAL_OUT);
	remote_expect_subscription(pub, true, "t");
	remote_subscribe(sub, "u");
	remote_connect(sub, file_out);
	remote_expect_subscription(pub, true, "u");
	say_and_hear(pub, sub, "u1");
	peer_signal(sub, SIGKILL);
	remote_expect_subscription(pub, false, "u");
	say_and_hear(pub, stays, "t1");
	sub = remote_start(&a->net, "subscriber", ZMQ_SUB);
	remote_subscribe(sub, "u");
	remote_connect(sub, file_out);
	remote_expect_subscription(pub, true, "u");
	say_and_hear(pub, sub, "u2");
	peer_signal(pub, SIGKILL);
	next = remote_start(&a->net, "publisher", ZMQ_XPUB);
	remote_connect(next, file_in);
	remote_expect_subscriptions(next, (const char *[]){"+t", "+u", NULL});
	say_and_hear(next, sub, "u3");
	say_and_hear(next, stays, "t2");
	assert_int_equal(remote_disconnects(stays), 0);
	remote_end(next);
	remote_end(sub);
	remote_end(stays);
	appliance_stop(a);
}

static void test_nothing_is_lost_while_control_is_replaced(void **state)
{
	struct appliance *a = start_all();
	struct flow flow = exchange_market(0);
	struct exchange x = {.publisher_plan.blocks = true};
	static const char *const at[] = {NULL, LOCAL_OUT, BACKEND};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct subscriber *s = exchange_prepare(&x, &flow, (const char *[]){"A", NULL});

		s->endpoint = at[i] ? at[i] : file_out;
		s->report = lab_scaled(20000);
		exchange_start(&x, a, s);
	}
	publish_at(&x, a, &flow, file_in);
	exchange_go(&x);
	for (unsigned i = 0; i < 3; i++)
		peer_hear(x.subscriber[i], "reached");
	lab_kill(&a->control, SIGKILL);
	for (unsigned i = 0; i < 3; i++)
		peer_hear(x.subscriber[i], "reached");
	appliance_start_control(a);
	appliance_ready(a);
	appliance_await_peers(a, 4);
	for (unsigned i = 0; i < 3; i++)
		peer_hear(x.subscriber[i], "reached");
	peer_tell(x.publisher, "stop", 0);
	exchange_finish(&x);
	appliance_stop(a);
}

/* This stack chooses a port, too, the same on every core, and says which. */
static void test_a_port_of_the_stacks_own_choice_is_told(void **state)
{
	struct appliance *a = start_all();
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_XPUB);
	struct peer *sub = remote_start(&a->net, "subscriber", ZMQ_SUB);
	json_t *reply = appliance_request(a, json_pack("{s:s, s:s, s:s}", "cmd", "bind", "socket",
						       "feed.backend", "endpoint", "tcp://eth0:*"));
	const char *last = json_string_value(
		json_object_get(json_object_get(reply, "result"), "endpoint"));

	(void)state;
	assert_string_equal(last, "tcp://" LAB_APPLIANCE_IP ":49152");
	remote_connect(pub, file_in);
	remote_subscribe(sub, "t");
	remote_connect(sub, last);
	remote_expect_subscription(pub, true, "t");
	say_and_hear(pub, sub, "t1");
	assert_null(appliance_change(a, "unbind", "feed.backend", last));
	json_decref(reply);
	remote_end(pub);
	remote_end(sub);
	appliance_stop(a);
}

/* Patterns that deal out or address their peers have them all on the host core, for now. */
static void test_work_is_dealt_out_over_the_kernel(void **state)
{
	struct appliance_config config = {
		.carrier = LAB_TAP, .kind = "streamer", .frontend = in, .backend = out};
	struct pusher push[2];
	struct puller pull[3];
	struct peer *pusher[2], *puller[3];
	struct appliance *a;
	const char *error;

	(void)state;
	name_all();
	snprintf(in, sizeof(in), "bind: [\"%s\", \"" LOCAL_IN "\"], hwm: 1000", file_in);
	snprintf(out, sizeof(out), "bind: [\"" LOCAL_OUT "\", \"%s\"], hwm: 1000", name_out);
	a = appliance_start(&config);
	for (unsigned i = 0; i < 3; i++) {
		pull[i] = (struct puller){.endpoint = i ? LOCAL_OUT : name_out, .type = ZMQ_PULL};
		puller[i] = peer_start(&a->net, "puller", puller_run, &pull[i]);
	}
	for (unsigned i = 0; i < 2; i++) {
		push[i] = (struct pusher){.endpoint = i ? LOCAL_IN : file_in,
					  .type = ZMQ_PUSH,
					  .id = i,
					  .messages = lab_scaled(50000),
					  .bytes = 64,
					  .parts = 3};
		pusher[i] = peer_start(&a->net, "pusher", pusher_run, &push[i]);
	}
	appliance_await_peers(a, 5);
	for (unsigned i = 0; i < 2; i++)
		peer_tell(pusher[i], "go", 0);
	for (unsigned i = 0; i < 2; i++)
		flow_rate("pusher", peer_hear(pusher[i], "sent"));
	pull_all(puller, 3, push, 2, NULL);
	error = appliance_change(a, "bind", "feed.backend", BACKEND);
	assert_null(error); /* carriers may be mixed */
	for (unsigned i = 0; i < 5; i++)
		peer_tell(i < 2 ? pusher[i] : puller[i - 2], "end", 0);
	for (unsigned i = 0; i < 5; i++)
		peer_done(i < 2 ? pusher[i] : puller[i - 2]);
	appliance_stop(a);
}

static void test_requests_and_replies_pass_a_queue_over_the_kernel(void **state)
{
	struct appliance_config config = {
		.carrier = LAB_TAP, .kind = "queue", .frontend = in, .backend = out};
	struct peer *req, *rep;
	struct appliance *a;

	(void)state;
	name_all();
	snprintf(in, sizeof(in), "bind: [\"%s\"]", file_in);
	snprintf(out, sizeof(out), "bind: [\"" LOCAL_OUT "\"]");
	a = appliance_start(&config);
	req = remote_start(&a->net, "req", ZMQ_REQ);
	rep = remote_start(&a->net, "rep", ZMQ_REP);
	remote_connect(rep, LOCAL_OUT);
	remote_connect(req, file_in);
	for (unsigned i = 0; i < 50; i++) {
		say_and_hear(req, rep, "question");
		say_and_hear(rep, req, "answer");
	}
	remote_end(req);
	remote_end(rep);
	appliance_stop(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_what_is_published_over_ipc_arrives_by_every_carrier),
		LAB_TEST(test_what_is_published_over_kernel_tcp_arrives_by_every_carrier),
		LAB_TEST(test_what_is_published_over_this_stack_arrives_by_every_carrier),
		LAB_TEST(test_multipart_messages_stay_whole_between_carriers),
		LAB_TEST(test_messages_of_a_mebibyte_stay_whole_between_carriers),
		LAB_TEST(test_the_appliance_connects_to_peers_by_the_kernel),
		LAB_TEST(test_a_peer_that_is_killed_is_replaced_and_others_notice_nothing),
		LAB_TEST(test_nothing_is_lost_while_control_is_replaced),
		LAB_TEST(test_a_port_of_the_stacks_own_choice_is_told),
		LAB_TEST(test_work_is_dealt_out_over_the_kernel),
		LAB_TEST(test_requests_and_replies_pass_a_queue_over_the_kernel),
	};
	int status = lab_begin();

	appliance_is_large();
	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
