/* tipc:// with real libzmq as the peer, by service names and by port addresses, whoever binds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include <cmocka.h>

#include "tests/guest/devices.h"
#include "tests/interop/remote.h"

#define SERVICE(type)     "tipc://{" type ",0,9}"
#define INSTANCE(type, i) "tipc://{" type "," i "}@0.0.0"

static void test_peers_connect_to_services_are_held_back_and_replaced(void **state)
{
	static const struct meeting services = {
		.here = {{SERVICE("5601"), SERVICE("5602")},
			 {SERVICE("5603"), SERVICE("5604")},
			 {SERVICE("5605"), SERVICE("5606")}},
		.there = {{INSTANCE("5601", "0"), INSTANCE("5602", "9")},
			  {INSTANCE("5603", "3"), INSTANCE("5604", "4")},
			  {INSTANCE("5605", "5"), INSTANCE("5606", "6")}},
	};
	struct appliance *a = devices_start(&services);

	(void)state;
	devices_serve(a, &services);
	devices_hold_back(a, &services);
	devices_replace_killed(a, &services);
	appliance_stop(a);
}

/* The appliance connects when it starts, the peers bind when they come, and again others. */
static void test_services_of_peers_are_connected_to_before_they_are_there(void **state)
{
	static const struct meeting services = {
		.connects = true,
		.here = {{INSTANCE("5611", "0"), INSTANCE("5612", "9")},
			 {INSTANCE("5613", "3"), "tipc://{5614,4}"},
			 {INSTANCE("5615", "5"), "tipc://{5616,6}"}},
		.there = {{SERVICE("5611"), SERVICE("5612")},
			  {SERVICE("5613"), SERVICE("5614")},
			  {SERVICE("5615"), SERVICE("5616")}},
	};
	struct appliance *a = devices_start(&services);

	(void)state;
	devices_serve(a, &services);
	appliance_stop(a);
}

static const char *const socket_name[DEVICES][SIDES] = {
	{"streamer.frontend", "streamer.backend"},
	{"queue.frontend", "queue.backend"},
	{"forwarder.frontend", "forwarder.backend"},
};

/* "<*>" is told as the port that it became. */
static void test_peers_connect_to_ports(void **state)
{
	struct meeting ports = {.here = {{"tipc://<*>", "tipc://<*>"},
					 {"tipc://<*>", "tipc://<*>"},
					 {"tipc://<*>", "tipc://<*>"}}};
	struct appliance *a = devices_start(&ports);

	(void)state;
	for (unsigned kind = 0; kind < DEVICES; kind++)
		for (unsigned side = 0; side < SIDES; side++) {
			devices_bound(a, socket_name[kind][side], ports.there[kind][side]);
			printf("%s is %s\n", socket_name[kind][side], ports.there[kind][side]);
		}
	devices_serve(a, &ports);
	appliance_stop(a);
}

/* A port's address is known when its owner has it: the appliance is told then. */
static struct peer *on_a_port(struct appliance *a, int type, const char *socket)
{
	struct peer *p = remote_start(&a->net, "peer", type);
	char endpoint[ENDPOINT_MAX];
	const char *refused;

	remote_bind(p, "tipc://<*>");
	remote_endpoint(p, endpoint, sizeof(endpoint));
	refused = appliance_change(a, "connect", socket, endpoint);
	if (refused)
		fail_msg("%s", refused);
	return p;
}

static void test_ports_of_peers_are_connected_to(void **state)
{
	static const struct meeting services = {.here = {{SERVICE("5621"), SERVICE("5622")},
							 {SERVICE("5623"), SERVICE("5624")},
							 {SERVICE("5625"), SERVICE("5626")}}};
	struct appliance *a = devices_start(&services);
	struct peer *push = on_a_port(a, ZMQ_PUSH, "streamer.frontend");
	struct peer *pull = on_a_port(a, ZMQ_PULL, "streamer.backend");
	struct peer *req = on_a_port(a, ZMQ_REQ, "queue.frontend");
	struct peer *rep = on_a_port(a, ZMQ_REP, "queue.backend");
	struct peer *pub = on_a_port(a, ZMQ_XPUB, "forwarder.frontend");
	struct peer *sub = on_a_port(a, ZMQ_SUB, "forwarder.backend");
	char text[32];

	(void)state;
	remote_subscribe(sub, "news");
	remote_expect_subscription(pub, true, "news");
	for (unsigned i = 0; i < lab_scaled(20); i++) {
		snprintf(text, sizeof(text), "news %u", i);
		remote_send(push, text);
		remote_expect(pull, text);
		remote_send(req, text);
		remote_expect(rep, text);
		remote_send(rep, "noted");
		remote_expect(req, "noted");
		remote_send(pub, "other");
		remote_send(pub, text);
		remote_expect(sub, text);
	}
	for (struct peer **p = (struct peer *[]){push, pull, req, rep, pub, sub, NULL}; *p; p++)
		remote_end(*p);
	appliance_stop(a);
}

static void bind_late(struct appliance *a, const char *socket, const char *endpoint)
{
	const char *refused = appliance_change(a, "bind", socket, endpoint);

	if (refused)
		fail_msg("%s", refused);
}

static void test_peers_that_come_before_the_appliance_binds_are_served_when_it_does(void **state)
{
	static const struct meeting services = {.here = {{SERVICE("5631"), SERVICE("5632")},
							 {SERVICE("5633"), SERVICE("5634")},
							 {SERVICE("5635"), SERVICE("5636")}}};
	struct appliance *a = devices_start(&services);
	struct peer *push = remote_start(&a->net, "pusher", ZMQ_PUSH);
	struct peer *pull = remote_start(&a->net, "puller", ZMQ_PULL);

	(void)state;
	remote_connect(push, INSTANCE("5641", "1"));
	remote_connect(pull, INSTANCE("5642", "2"));
	remote_send(push, "early");
	bind_late(a, "streamer.frontend", SERVICE("5641"));
	bind_late(a, "streamer.backend", SERVICE("5642"));
	remote_expect(pull, "early");
	/* and what is no longer bound takes no new peers, while old ones stay */
	assert_null(appliance_change(a, "unbind", "streamer.frontend", SERVICE("5641")));
	remote_send(push, "late");
	remote_expect(pull, "late");
	remote_end(push);
	remote_end(pull);
	appliance_stop(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_peers_connect_to_services_are_held_back_and_replaced),
		LAB_TEST(test_services_of_peers_are_connected_to_before_they_are_there),
		LAB_TEST(test_peers_connect_to_ports),
		LAB_TEST(test_ports_of_peers_are_connected_to),
		LAB_TEST(test_peers_that_come_before_the_appliance_binds_are_served_when_it_does),
	};
	int status = lab_begin();

	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
