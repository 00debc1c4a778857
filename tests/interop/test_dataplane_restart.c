/* zeroline-dataplane is killed: its peers reconnect to the next one, which control sets up again
 * without being asked. A subscriber that only listens cannot know that the box has died, so it has
 * ZMTP heartbeats on, as such a program should. */
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
#include "tests/interop/remote.h"

#define PUBLISHER "tcp://" LAB_PEER_IP ":7001"
#define EXTRA     "tcp://" LAB_APPLIANCE_IP ":6000"

static struct peer *start_alert(struct appliance *a, const char *name, int type)
{
	struct peer *p = remote_start(&a->net, name, type);

	remote_option(p, ZMQ_HEARTBEAT_IVL, 200);
	remote_option(p, ZMQ_HEARTBEAT_TIMEOUT, 1000);
	/* libzmq keeps what a lost connection that it dialled itself had subscribed; verbose, it
	 * tells of the same subscription on the next one. */
	if (type == ZMQ_XPUB)
		remote_option(p, ZMQ_XPUB_VERBOSE, 1);
	return p;
}

static void restart_dataplane(struct appliance *a)
{
	lab_kill(&a->dataplane, SIGKILL);
	appliance_start_dataplane(a);
	printf("the next dataplane is set up after %llu ms\n",
	       (unsigned long long)appliance_ready(a));
}

static void carries(struct peer *pub, struct peer *sub, const char *text)
{
	remote_send(pub, text);
	remote_expect(sub, text);
}

static void killed(enum lab_carrier carrier)
{
	struct appliance *a = appliance_start(&(struct appliance_config){.carrier = carrier});
	struct peer *pub = start_alert(a, "publisher", ZMQ_XPUB);
	struct peer *sub = start_alert(a, "subscriber", ZMQ_SUB);

	remote_connect(pub, FRONTEND);
	remote_subscribe(sub, "x");
	remote_connect(sub, BACKEND);
	remote_expect_subscription(pub, true, "x");
	carries(pub, sub, "x1");
	for (unsigned i = 0; i < 2; i++) {
		restart_dataplane(a);
		remote_expect_subscription(pub, true, "x");
		carries(pub, sub, "x2");
	}
	appliance_await_peers(a, 2);
	remote_end(sub);
	remote_end(pub);
	appliance_stop(a);
}

static void test_peers_come_back_to_a_restarted_dataplane(void **state)
{
	(void)state;
	killed(LAB_TAP);
}

static void test_peers_come_back_to_a_restarted_dataplane_on_af_packet(void **state)
{
	(void)state;
	killed(LAB_AF_PACKET);
}

static void test_control_sets_up_what_was_added_at_run_time_as_well(void **state)
{
	struct appliance *a = appliance_start(
		&(struct appliance_config){.frontend = "hwm: 0, reconnect: 20ms"});
	struct peer *pub = start_alert(a, "publisher", ZMQ_XPUB);
	struct peer *sub = start_alert(a, "subscriber", ZMQ_SUB);

	(void)state;
	assert_null(appliance_change(a, "bind", "feed.backend", EXTRA));
	assert_null(appliance_change(a, "connect", "feed.frontend", PUBLISHER));
	remote_bind(pub, PUBLISHER);
	remote_subscribe(sub, "x");
	remote_connect(sub, EXTRA);
	remote_expect_subscription(pub, true, "x");
	restart_dataplane(a);
	remote_expect_subscription(pub, false, "x");
	remote_expect_subscription(pub, true, "x");
	carries(pub, sub, "x1");
	remote_end(sub);
	remote_end(pub);
	appliance_stop(a);
}

static void test_control_may_start_first_and_end_last(void **state)
{
	struct appliance *a = appliance_prepare(&(struct appliance_config){0});

	(void)state;
	appliance_start_control(a);
	appliance_await_served(a);
	appliance_start_dataplane(a);
	appliance_ready(a);
	lab_kill(&a->dataplane, SIGTERM);
	assert_int_equal(lab_wait(&a->dataplane, lab_patience_ms()), 0);
	appliance_start_dataplane(a);
	appliance_ready(a);
	appliance_stop(a);
}

static void test_both_are_killed_and_both_come_back(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){0});
	struct peer *pub = start_alert(a, "publisher", ZMQ_XPUB);
	struct peer *sub = start_alert(a, "subscriber", ZMQ_SUB);

	(void)state;
	remote_connect(pub, FRONTEND);
	remote_subscribe(sub, "x");
	remote_connect(sub, BACKEND);
	remote_expect_subscription(pub, true, "x");
	lab_kill(&a->control, SIGKILL);
	lab_kill(&a->dataplane, SIGKILL);
	appliance_start_dataplane(a);
	appliance_start_control(a);
	appliance_ready(a);
	remote_expect_subscription(pub, true, "x");
	carries(pub, sub, "x1");
	remote_end(sub);
	remote_end(pub);
	appliance_stop(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_peers_come_back_to_a_restarted_dataplane),
		LAB_TEST(test_peers_come_back_to_a_restarted_dataplane_on_af_packet),
		LAB_TEST(test_control_sets_up_what_was_added_at_run_time_as_well),
		LAB_TEST(test_control_may_start_first_and_end_last),
		LAB_TEST(test_both_are_killed_and_both_come_back),
	};
	int status = lab_begin();

	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
