/* Where control lets sockets live that have one home: each device on one poll core, in turn, or on
 * the host core if all of its peers are the kernel's; and in what runs already, where the rest of
 * the device is. */
#include <string.h>

#include "tests/unit/scripted_dataplane.h"

enum {
	NOWHERE = 99 /* each core has its own part: the home is of no meaning */
};

static const char config[] =
	"cores: {poll: 3}\n"
	"memory: {hugepages: no}\n"
	"ports: [{name: e0, kind: tap, device: zl0, address: 10.0.0.1/24}]\n"
	"devices:\n"
	"- {name: market, kind: forwarder, frontend: {bind: 'tcp://*:5001'}, backend: {}}\n"
	"- {name: first, kind: streamer, frontend: {bind: 'tcp://*:5002'}, backend: {}}\n"
	"- {name: local, kind: streamer, frontend: {bind: 'ipc://@zl-homes'},\n"
	"   backend: {bind: 'tcp://127.0.0.1:5003'}}\n"
	"- {name: second, kind: queue, frontend: {bind: 'tcp://*:5004'}, backend: {}}\n"
	"- {name: mixed, kind: queue, frontend: {bind: 'tcp://*:5005'},\n"
	"   backend: {bind: 'ipc://@zl-homes-too'}}\n"
	"- {name: fourth, kind: streamer, frontend: {}, backend: {bind: 'tcp://*:5006'},\n"
	"   capture: {type: PUSH, bind: 'tcp://*:5007'}}\n";

#define SOCKETS 13

struct home {
	const char *device;
	uint32_t core;
};

static const struct home spread[] = {
	{"market.", NOWHERE}, {"first.", 0}, {"local.", 3},
	{"second.", 1},       {"mixed.", 2}, {"fourth.", 0},
};

static int start(void **state)
{
	bed_config = config;
	return bed_start(state);
}

static int stop(void **state)
{
	bed_config = NULL;
	return bed_stop(state);
}

static void expect_home(const struct zl_ipc_socket *s, const struct home *of, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (strncmp(s->name, of[i].device, strlen(of[i].device)) == 0) {
			if (of[i].core != NOWHERE && s->home != of[i].core)
				fail_msg("%s lives on core %u, not %u", s->name, s->home,
					 of[i].core);
			return;
		}
	fail_msg("%s was not expected", s->name);
}

/* Control's next requests are for so many sockets. */
static void expect_homes(unsigned sockets, const struct home *of, unsigned n)
{
	for (unsigned i = 0; i < sockets; i++) {
		expect_home(receive(ZL_IPC_SOCKET_ADD), of, n);
		answer(0, "", 0);
	}
}

static void test_devices_with_a_home_are_spread_over_the_poll_cores(void **state)
{
	static const enum zl_ipc_type setup[] = {ZL_IPC_SETUP, ZL_IPC_PORT, ZL_IPC_START};

	(void)state;
	accept_control(0);
	for (unsigned i = 0; i < 3; i++) {
		receive(setup[i]);
		answer(0, "", 0);
	}
	expect_homes(SOCKETS, spread, sizeof(spread) / sizeof(spread[0]));
}

static void dump_socket(uint64_t seq, uint32_t id, enum zl_socket_type type, uint32_t home,
			const char *name)
{
	struct zl_ipc_socket *s = begin(ZL_IPC_SOCKET_ADD, seq);

	*s = (struct zl_ipc_socket){.id = id, .type = type, .home = home};
	strcpy(s->name, name);
	s->sndhwm = s->rcvhwm = 1000;
	s->sndbuf = 256 << 10;
	s->max_msg_bytes = 128 << 20;
	deliver();
}

/* A dataplane of one poll core and the host core, 1, that has one side of a device. */
static void test_what_is_missing_lives_where_the_rest_of_it_does(void **state)
{
	static const struct home settled[] = {
		{"mixed.backend", 1}, {"market.", NOWHERE}, {"first.", 0},
		{"local.", 1},        {"second.", 0},       {"fourth.", 0},
	};

	(void)state;
	accept_control(1);
	receive(ZL_IPC_DUMP);
	uint64_t seq = HEADER->seq;
	dump_socket(seq, 101, ZL_ROUTER, 1, "mixed.frontend"); /* the config says 2 */
	HEADER->seq = seq;
	answer(0, "", 0);
	expect_homes(SOCKETS - 1, settled, sizeof(settled) / sizeof(settled[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)
		T(test_devices_with_a_home_are_spread_over_the_poll_cores),
		T(test_what_is_missing_lives_where_the_rest_of_it_does),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
