/* Peers that come late, leave, come back, are killed or stop reading; endpoints that come and go
 * while the appliance runs. */
#include <setjmp.h>
#include <signal.h>
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
#include "tests/interop/raw.h"
#include "tests/interop/remote.h"

#define PUBLISHER_A "tcp://" LAB_PEER_IP ":7001"
#define PUBLISHER_B "tcp://" LAB_PEER_IP ":7002"

static void test_a_subscriber_joins_late_leaves_and_comes_back(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){0});
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_XPUB);
	struct peer *stays = remote_start(&a->net, "stays", ZMQ_SUB);
	struct peer *late = remote_start(&a->net, "late", ZMQ_SUB);

	(void)state;
	remote_connect(pub, FRONTEND);
	remote_subscribe(stays, "A");
	remote_connect(stays, BACKEND);
	remote_expect_subscription(pub, true, "A");
	remote_send(pub, "A1");
	remote_expect(stays, "A1");
	/* joins late: hears what is sent from now on */
	remote_subscribe(late, "A");
	remote_subscribe(late, "late");
	remote_connect(late, BACKEND);
	remote_expect_subscription(pub, true, "late");
	remote_send(pub, "A2");
	remote_expect(stays, "A2");
	remote_expect(late, "A2");
	/* leaves */
	remote_disconnect(late, BACKEND);
	remote_expect_subscription(pub, false, "late");
	remote_send(pub, "A3");
	remote_expect(stays, "A3");
	/* comes back */
	remote_connect(late, BACKEND);
	remote_expect_subscription(pub, true, "late");
	remote_send(pub, "A4");
	remote_expect(stays, "A4");
	remote_expect(late, "A4");
	assert_int_equal(remote_disconnects(stays), 0);
	remote_end(late);
	remote_end(stays);
	remote_end(pub);
	appliance_stop(a);
}

static bool endpoint_is(json_t *status, const void *context)
{
	const char *const *want = context; /* endpoint, state */
	json_t *e;
	size_t i;

	json_array_foreach(
		json_object_get(status, "endpoints"), i,
		e) if (strcmp(json_string_value(json_object_get(e, "endpoint")), want[0]) ==
		       0) return strcmp(json_string_value(json_object_get(e, "state")), want[1]) ==
		0;
	return strcmp(want[1], "gone") == 0;
}

static void await_endpoint(struct appliance *a, const char *endpoint, const char *state)
{
	const char *want[2] = {endpoint, state};
	char what[128];

	snprintf(what, sizeof(what), "%s is %s", endpoint, state);
	appliance_await(a, "status", endpoint_is, want, what);
}

static void test_the_appliance_connects_to_two_publishers_that_bind_when_they_like(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){
		.frontend = "connect: [\"" PUBLISHER_A "\", \"" PUBLISHER_B "\"], hwm: 0, "
			    "reconnect: 20ms, reconnect_max: 100ms"});
	struct peer *sub = remote_start(&a->net, "subscriber", ZMQ_SUB);
	struct peer *pub_a = remote_start(&a->net, "publisher A", ZMQ_XPUB);
	struct peer *pub_b = remote_start(&a->net, "publisher B", ZMQ_XPUB);

	(void)state;
	remote_subscribe(sub, "x");
	remote_connect(sub, BACKEND);
	await_endpoint(a, PUBLISHER_A, "waiting");
	remote_bind(pub_a, PUBLISHER_A);
	remote_expect_subscription(pub_a, true, "x");
	remote_send(pub_a, "x from A");
	remote_expect(sub, "x from A");
	remote_bind(pub_b, PUBLISHER_B);
	remote_expect_subscription(pub_b, true, "x");
	remote_send(pub_b, "x from B");
	remote_expect(sub, "x from B");
	/* one goes away for a while; the other does not notice */
	remote_end(pub_a);
	remote_send(pub_b, "x alone");
	remote_expect(sub, "x alone");
	await_endpoint(a, PUBLISHER_A, "waiting");
	pub_a = remote_start(&a->net, "publisher A again", ZMQ_XPUB);
	remote_bind(pub_a, PUBLISHER_A);
	remote_expect_subscription(pub_a, true, "x");
	remote_send(pub_a, "x again");
	remote_expect(sub, "x again");
	assert_int_equal(remote_disconnects(pub_b), 0);
	remote_end(pub_a);
	remote_end(pub_b);
	remote_end(sub);
	appliance_stop(a);
}

static void test_a_killed_subscriber_takes_its_subscriptions_with_it(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){0});
	struct flow flow = exchange_market(0);
	struct peer *victim = remote_start(&a->net, "victim", ZMQ_SUB);
	struct exchange x = {.publisher_plan.blocks = true};

	(void)state;
	remote_subscribe(victim, "");
	remote_connect(victim, BACKEND);
	appliance_await_peers(a, 1);
	exchange_prepare(&x, &flow, (const char *[]){"A", NULL})->report = lab_scaled(50000);
	exchange_start(&x, a, &x.plan[0]);
	exchange_publisher(&x, a, &flow);
	exchange_go(&x);
	peer_hear(x.subscriber[0], "reached");
	peer_signal(victim, SIGKILL);
	appliance_await_peers(a, 2);
	peer_hear(x.subscriber[0], "reached");
	peer_tell(x.publisher, "stop", 0);
	exchange_finish(&x);
	appliance_stop(a);
}

static void test_a_killed_publisher_is_replaced_and_the_other_goes_on(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){0});
	struct peer *sub = remote_start(&a->net, "subscriber", ZMQ_SUB);
	struct peer *other = remote_start(&a->net, "other", ZMQ_XPUB);
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_XPUB);

	(void)state;
	remote_subscribe(sub, "x");
	remote_connect(sub, BACKEND);
	remote_connect(other, FRONTEND);
	remote_connect(pub, FRONTEND);
	remote_expect_subscription(other, true, "x");
	remote_expect_subscription(pub, true, "x");
	remote_send(pub, "x1");
	remote_expect(sub, "x1");
	peer_signal(pub, SIGKILL);
	appliance_await_peers(a, 2);
	remote_send(other, "x2");
	remote_expect(sub, "x2");
	pub = remote_start(&a->net, "publisher again", ZMQ_XPUB);
	remote_connect(pub, FRONTEND);
	remote_expect_subscription(pub, true, "x");
	remote_send(pub, "x3");
	remote_expect(sub, "x3");
	assert_int_equal(remote_disconnects(sub) + remote_disconnects(other), 0);
	remote_end(other);
	remote_end(pub);
	remote_end(sub);
	appliance_stop(a);
}

static void knock(struct peer *self, const void *plan)
{
	raw_expect_refused(self, *(const uint16_t *)plan);
}

/* Nobody listens on this port of the appliance. */
static void refuses(struct appliance *a, uint16_t port)
{
	peer_done(peer_start(&a->net, "who knocks", knock, &port));
}

static void test_endpoints_come_and_go_by_the_api(void **state)
{
	static const char extra[] = "tcp://" LAB_APPLIANCE_IP ":6000";
	struct appliance *a = appliance_start(&(struct appliance_config){
		.frontend = "hwm: 0, reconnect: 20ms, reconnect_max: 100ms"});
	struct peer *sub = remote_start(&a->net, "subscriber", ZMQ_SUB);
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_XPUB);

	(void)state;
	remote_bind(pub, PUBLISHER_A);
	assert_null(appliance_change(a, "bind", "feed.backend", extra));
	remote_subscribe(sub, "x");
	remote_connect(sub, extra);
	assert_null(appliance_change(a, "connect", "feed.frontend", PUBLISHER_A));
	remote_expect_subscription(pub, true, "x");
	remote_send(pub, "x1");
	remote_expect(sub, "x1");
	assert_null(appliance_change(a, "disconnect", "feed.frontend", PUBLISHER_A));
	remote_expect_subscription(pub, false, "x");
	await_endpoint(a, PUBLISHER_A, "gone");
	appliance_await_peers(a, 1);
	assert_null(appliance_change(a, "connect", "feed.frontend", PUBLISHER_A));
	remote_expect_subscription(pub, true, "x");
	remote_send(pub, "x2");
	remote_expect(sub, "x2");
	/* As with libzmq, an unbind leaves the peers that there are; no more can come. */
	assert_null(appliance_change(a, "unbind", "feed.backend", extra));
	await_endpoint(a, extra, "gone");
	remote_send(pub, "x3");
	remote_expect(sub, "x3");
	refuses(a, 6000);
	remote_end(pub);
	remote_end(sub);
	appliance_stop(a);
}

static void cli(struct appliance *a, const char *const *arguments, const char *says)
{
	char *output;
	int status = appliance_cli(a, &output, arguments);

	if (status != 0 || (says && !strstr(output, says)))
		fail_msg("zeroline %s: status %d: %s", arguments[0], status, output);
	free(output);
}

static void test_endpoints_come_and_go_by_the_command_line(void **state)
{
	static const char extra[] = "tcp://eth0:6000";
	struct appliance *a = appliance_start(&(struct appliance_config){.frontend = "hwm: 0"});
	struct peer *sub = remote_start(&a->net, "subscriber", ZMQ_SUB);
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_XPUB);

	(void)state;
	remote_bind(pub, PUBLISHER_A);
	cli(a, (const char *[]){"bind", "feed.backend", extra, NULL}, NULL);
	cli(a, (const char *[]){"connect", "feed.frontend", PUBLISHER_A, NULL}, NULL);
	remote_subscribe(sub, "x");
	remote_connect(sub, "tcp://" LAB_APPLIANCE_IP ":6000");
	remote_expect_subscription(pub, true, "x");
	remote_send(pub, "x1");
	remote_expect(sub, "x1");
	cli(a, (const char *[]){"status", NULL}, "feed");
	cli(a, (const char *[]){"sockets", NULL}, "feed.backend");
	cli(a, (const char *[]){"peers", NULL}, LAB_PEER_IP);
	cli(a, (const char *[]){"subscriptions", NULL}, "x");
	cli(a, (const char *[]){"ports", NULL}, LAB_APPLIANCE_IP);
	cli(a, (const char *[]){"cores", NULL}, NULL);
	cli(a, (const char *[]){"stats", NULL}, NULL);
	cli(a, (const char *[]){"disconnect", "feed.frontend", PUBLISHER_A, NULL}, NULL);
	remote_expect_subscription(pub, false, "x");
	cli(a, (const char *[]){"unbind", "feed.backend", extra, NULL}, NULL);
	refuses(a, 6000);
	remote_end(pub);
	remote_end(sub);
	appliance_stop(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_a_subscriber_joins_late_leaves_and_comes_back),
		LAB_TEST(test_the_appliance_connects_to_two_publishers_that_bind_when_they_like),
		LAB_TEST(test_a_killed_subscriber_takes_its_subscriptions_with_it),
		LAB_TEST(test_a_killed_publisher_is_replaced_and_the_other_goes_on),
		LAB_TEST(test_endpoints_come_and_go_by_the_api),
		LAB_TEST(test_endpoints_come_and_go_by_the_command_line),
	};
	int status = lab_begin();

	appliance_is_small();
	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
