/* Devices as zmq_proxy_steerable has them: a capture socket, pause, resume and statistics. */
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
#include "tests/interop/remote.h"

#define CAPTURE "tcp://" LAB_APPLIANCE_IP ":5557"

static void cli(struct appliance *a, const char *command, const char *expected)
{
	char *output = NULL;
	int status = appliance_cli(a, &output, (const char *[]){command, "feed", NULL});

	if (status != 0 || !strstr(output, expected))
		fail_msg("zeroline %s feed: status %d, \"%s\"", command, status, output);
	free(output);
}

static const char *state_of(struct appliance *a)
{
	static char state[16];
	json_t *devices = appliance_ask(a, "devices");

	snprintf(state, sizeof(state), "%s",
		 json_string_value(json_object_get(json_array_get(devices, 0), "state")));
	json_decref(devices);
	return state;
}

static json_int_t passed(json_t *devices, const char *member)
{
	return json_integer_value(json_object_get(json_array_get(devices, 0), member));
}

static bool has_stalled(json_t *stats, const void *context)
{
	json_t *row;
	size_t i;

	(void)context;
	json_array_foreach(stats, i, row)
	{
		if (strcmp(json_string_value(json_object_get(row, "name")),
			   "router.stalls_receive") == 0)
			return json_integer_value(json_object_get(row, "total")) > 0;
	}
	return false;
}

static bool has_passed_one(json_t *devices, const void *context)
{
	(void)context;
	return passed(devices, "msgs_down") == 1;
}

static bool has_passed_three(json_t *devices, const void *context)
{
	(void)context;
	return passed(devices, "msgs_down") == 3 && passed(devices, "msgs_sent_down") == 3;
}

static void test_a_paused_device_holds_senders_back_and_loses_nothing(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){0});
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_XPUB);
	struct peer *sub = remote_start(&a->net, "subscriber", ZMQ_SUB);

	(void)state;
	remote_subscribe(sub, "");
	remote_connect(sub, BACKEND);
	remote_connect(pub, FRONTEND);
	remote_expect_subscription(pub, true, "");
	remote_send(pub, "A1");
	remote_expect(sub, "A1");
	cli(a, "pause", "feed: paused");
	remote_send(pub, "A2");
	remote_send(pub, "A3");
	appliance_await(a, "stats", has_stalled, NULL, "the publisher was held back");
	lab_kill(&a->control, SIGKILL); /* who paused it is gone; it stays so */
	appliance_start_control(a);
	appliance_ready(a);
	assert_string_equal(state_of(a), "paused");
	appliance_await(a, "devices", has_passed_one, NULL, "one of three has passed");
	cli(a, "resume", "feed: running");
	remote_expect(sub, "A2");
	remote_expect(sub, "A3");
	assert_string_equal(state_of(a), "running");
	appliance_await(a, "devices", has_passed_three, NULL, "statistics say so");
	remote_end(sub);
	remote_end(pub);
	appliance_stop(a);
}

static void test_a_device_that_is_not_there_is_an_error_with_a_remedy(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){0});
	char *output = NULL;

	(void)state;
	assert_int_equal(appliance_cli(a, &output, (const char *[]){"pause", "fed", NULL}), 1);
	assert_non_null(strstr(output, "device \"fed\": there is no such device; the devices are "
				       "feed"));
	free(output);
	assert_int_equal(
		appliance_cli(a, &output, (const char *[]){"devices", "--delay", "0.1", NULL}), 0);
	assert_non_null(strstr(output, "forwarder"));
	assert_non_null(strstr(output, "running"));
	free(output);
	assert_int_equal(
		appliance_cli(a, &output,
			      (const char *[]){"sockets", "--rates", "--delay", "0.1", NULL}),
		0);
	assert_non_null(strstr(output, "MSGS IN/s"));
	free(output);
	appliance_stop(a);
}

static void test_a_capture_gets_a_copy_of_both_directions(void **state)
{
	struct appliance *a = appliance_start(
		&(struct appliance_config){.kind = "bridge",
					   .frontend = "type: PAIR, bind: [\"" FRONTEND "\"]",
					   .backend = "type: PAIR, bind: [\"" BACKEND "\"]",
					   .more = "capture: {bind: [\"" CAPTURE "\"]}"});
	struct peer *one = remote_start(&a->net, "one", ZMQ_PAIR);
	struct peer *other = remote_start(&a->net, "other", ZMQ_PAIR);
	struct peer *spy = remote_start(&a->net, "spy", ZMQ_SUB);
	json_t *status;

	(void)state;
	remote_connect(one, FRONTEND);
	remote_connect(other, BACKEND);
	remote_subscribe(spy, "");
	remote_connect(spy, CAPTURE);
	appliance_await_peers(a, 3);
	do { /* the subscription is in force when control has heard of it, and the core after that
	      */
		status = appliance_ask(a, "status");
	} while (json_integer_value(json_object_get(status, "subscriptions")) != 1 &&
		 (json_decref(status), true));
	json_decref(status);
	remote_send(one, "down1");
	remote_expect(other, "down1");
	remote_expect(spy, "down1");
	remote_send(other, "up1");
	remote_expect(one, "up1");
	remote_expect(spy, "up1");
	remote_end(one);
	remote_end(other);
	remote_end(spy);
	appliance_stop(a);
}

static void test_a_capture_of_a_forwarder_on_two_cores(void **state)
{
	struct appliance *a = appliance_start(&(struct appliance_config){
		.poll_cores = 2, .more = "capture: {type: PUB, bind: [\"" CAPTURE "\"]}"});
	struct peer *pub = remote_start(&a->net, "publisher", ZMQ_XPUB);
	struct peer *sub = remote_start(&a->net, "subscriber", ZMQ_SUB), *spy[6];

	(void)state;
	remote_subscribe(sub, "A");
	remote_connect(sub, BACKEND);
	for (unsigned i = 0; i < 6; i++) {
		spy[i] = remote_start(&a->net, "spy", ZMQ_SUB);
		remote_subscribe(spy[i], "");
		remote_connect(spy[i], CAPTURE);
	}
	appliance_await_peers(a, 7);
	remote_connect(pub, FRONTEND);
	remote_expect_subscription(pub, true, "A");
	remote_send(pub, "A1");
	remote_expect(sub, "A1");
	for (unsigned i = 0; i < 6; i++) {
		remote_expect(spy[i], "A1");
		remote_end(spy[i]);
	}
	remote_end(sub);
	remote_end(pub);
	appliance_stop(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_a_paused_device_holds_senders_back_and_loses_nothing),
		LAB_TEST(test_a_device_that_is_not_there_is_an_error_with_a_remedy),
		LAB_TEST(test_a_capture_gets_a_copy_of_both_directions),
		LAB_TEST(test_a_capture_of_a_forwarder_on_two_cores),
	};
	int status = lab_begin();

	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
