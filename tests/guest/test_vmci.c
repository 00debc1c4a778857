/* vmci:// (AF_VSOCK) on this machine's own CID. libzmq as Debian builds it has no vmci, so its
 * sockets come by ipc through a pump that carries their bytes; beside them a peer of plain AF_VSOCK
 * that speaks ZMTP as RFC 37 has it, and the appliance itself on both ends. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include <cmocka.h>

#include "tests/guest/devices.h"
#include "tests/guest/pump.h"
#include "tests/interop/raw.h"
#include "tests/interop/remote.h"

#define LOCAL(port) "vmci://1:" port /* VMADDR_CID_LOCAL */
#define ANY(port)   "vmci://*:" port

/* One for each side of each device. */
struct pumps {
	struct pump plan[DEVICES][SIDES];
	struct peer *peer[DEVICES][SIDES];
	char path[DEVICES][SIDES][96];
};

/* The devices' sides are at ports first, first + 1, ... */
static void start_pumps(struct pumps *p, struct appliance *a, struct meeting *m, uint32_t first)
{
	char folder[64];

	lab_folder(folder, sizeof(folder));
	for (unsigned kind = 0; kind < DEVICES; kind++)
		for (unsigned side = 0; side < SIDES; side++) {
			char *path = p->path[kind][side];
			struct pump *plan = &p->plan[kind][side];

			snprintf(path, sizeof(p->path[0][0]), "%s/peer%u%u", folder, kind, side);
			snprintf(m->there[kind][side], ENDPOINT_MAX, "ipc://%s", path);
			*plan = (struct pump){.path = path,
					      .port = first + kind * SIDES + side,
					      .from_vsock = m->connects};
			p->peer[kind][side] = pump_start(&a->net, plan);
		}
}

static void end_pumps(struct pumps *p)
{
	for (unsigned kind = 0; kind < DEVICES; kind++)
		for (unsigned side = 0; side < SIDES; side++)
			pump_end(p->peer[kind][side]);
}

/* Starts the appliance first: what it connects to is not there yet. */
static void meet(struct meeting *m, uint32_t first, bool trouble)
{
	struct appliance *a = devices_start(m);
	struct pumps pumps;

	start_pumps(&pumps, a, m, first);
	devices_serve(a, m);
	if (trouble) {
		devices_hold_back(a, m);
		devices_replace_killed(a, m);
	}
	end_pumps(&pumps);
	appliance_stop(a);
}

static void test_peers_connect_to_ports_are_held_back_and_replaced(void **state)
{
	struct meeting m = {.here = {{ANY("5601"), LOCAL("5602")},
				     {ANY("5603"), LOCAL("5604")},
				     {ANY("5605"), LOCAL("5606")}}};

	(void)state;
	meet(&m, 5601, true);
}

static void test_ports_of_peers_are_connected_to_before_they_are_there(void **state)
{
	struct meeting m = {.connects = true,
			    .here = {{LOCAL("5611"), LOCAL("5612")},
				     {LOCAL("5613"), LOCAL("5614")},
				     {LOCAL("5615"), LOCAL("5616")}}};

	(void)state;
	meet(&m, 5611, false);
}

/* Two devices of each kind with vmci between them: both ends of each such stream are ours. */
static void test_the_appliance_speaks_to_itself(void **state)
{
	struct meeting m = {.here = {{ANY("5621"), ANY("5622")},
				     {ANY("5623"), ANY("5624")},
				     {ANY("5625"), ANY("5626")}},
			    .between = {ANY("5631"), ANY("5632"), LOCAL("5633")},
			    .between_peer = {LOCAL("5631"), LOCAL("5632"), LOCAL("5633")}};

	(void)state;
	meet(&m, 5621, false);
}

/* What the wildcard port of forwarder.backend became. */
static uint32_t bound_port(struct appliance *a)
{
	char endpoint[ENDPOINT_MAX];
	unsigned port;

	devices_bound(a, "forwarder.backend", endpoint);
	printf("forwarder.backend is %s\n", endpoint);
	assert_int_equal(sscanf(endpoint, "vmci://*:%u", &port), 1);
	return port;
}

static void port_in_use_is_told_in_one_line(struct appliance *a)
{
	const char *error = appliance_change(a, "bind", "queue.frontend", ANY("5645"));

	assert_non_null(error);
	printf("%s\n", error);
	assert_non_null(strstr(error, "address in use"));
}

/* RFC 37, byte by byte: greeting, READY, SUBSCRIBE; then a message as its frames. */
static void test_a_subscriber_of_plain_vsock_gets_frames_as_the_rfc_has_them(void **state)
{
	static const uint8_t subscribe[] = {4,   14,  9,   'S', 'U', 'B', 'S', 'C',
					    'R', 'I', 'B', 'E', 'n', 'e', 'w', 's'};
	static const uint8_t frames[] = {1, 4, 'n', 'e', 'w', 's', 0, 3, 'o', 'n', 'e'};
	struct meeting m = {.here = {{ANY("5641"), ANY("5642")},
				     {ANY("5643"), ANY("5644")},
				     {ANY("5645"), ANY("*")}}};
	struct appliance *a = devices_start(&m);
	struct pump plan = {.port = 5645};
	struct peer *sub = raw_start(&a->net, "raw"), *pub, *pump;
	char folder[64], path[96], endpoint[128];

	(void)state;
	port_in_use_is_told_in_one_line(a);
	lab_folder(folder, sizeof(folder));
	snprintf(path, sizeof(path), "%s/publisher", folder);
	snprintf(endpoint, sizeof(endpoint), "ipc://%s", path);
	plan.path = path;
	pump = pump_start(&a->net, &plan);
	pub = remote_start(&a->net, "publisher", ZMQ_XPUB);
	remote_connect(pub, endpoint);
	raw_connect_vsock(sub, bound_port(a));
	raw_greet(sub);
	raw_ready(sub, "SUB");
	raw_send(sub, subscribe, sizeof(subscribe));
	remote_expect_subscription(pub, true, "news");
	remote_send_more(pub, "news");
	remote_send(pub, "one");
	assert_memory_equal(raw_receive(sub, sizeof(frames)), frames, sizeof(frames));
	raw_close(sub);
	remote_expect_subscription(pub, false, "news");
	raw_end(sub);
	remote_end(pub);
	pump_end(pump);
	appliance_stop(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_peers_connect_to_ports_are_held_back_and_replaced),
		LAB_TEST(test_ports_of_peers_are_connected_to_before_they_are_there),
		LAB_TEST(test_the_appliance_speaks_to_itself),
		LAB_TEST(test_a_subscriber_of_plain_vsock_gets_frames_as_the_rfc_has_them),
	};
	int status = lab_begin();

	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
