/* Which rules a device is asked for, and what becomes of an endpoint with and without them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/net/stack.h"
#include "drivers/port/rules.h"
#include "tests/unit/core_pair.h"
#include "tests/unit/rule_device.h"

#define OUR_IP   0x0a000001u
#define OUR_IP_B 0x0a000101u
#define GROUP    0xefc00101u
#define GROUP_B  0xefc00102u
#define PORT     5555
#define PGM      113

static int setup(void **state)
{
	(void)state;
	device_reset(CORES);
	return 0;
}

static struct zl_net_ops ops;

/* IGMP's reports. */
static void transmit(void *ctx, uint16_t port, struct rte_mbuf **frames, unsigned n)
{
	(void)ctx;
	(void)port;
	rte_pktmbuf_free_bulk(frames, n);
}

static int setup_cores(void **state)
{
	cores_start();
	setup(state);
	ops = zl_core_net_ops;
	ops.transmit = transmit;
	ops.tx_waits = NULL;
	for (unsigned i = 0; i < CORES; i++) {
		struct zl_net_port at = {.mtu = 1500, .ip = OUR_IP, .prefix_len = 24};

		core[i].net->config.ops = &ops;
		core[i].n_ports = DEVICE_PORTS;
		assert_int_equal(zl_net_port_add(core[i].net, 0, &at), 0);
		at.ip = OUR_IP_B;
		assert_int_equal(zl_net_port_add(core[i].net, 1, &at), 0);
		for (unsigned n = 0; n < DEVICE_PORTS; n++)
			core[i].port[n] = (struct zl_core_port){.port = device_port(n),
								.queue = (uint16_t)i};
	}
	return 0;
}

static int teardown_cores(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CORES; i++)
		core[i].n_ports = 0;
	cores_stop();
	return 0;
}

static const struct zl_port_rule udp = {.group = GROUP, .udp_port = PORT, .protocol = IPPROTO_UDP};
static const struct zl_port_rule pgm = {.group = GROUP, .protocol = PGM};

static void test_a_rule_by_port_says_that_fragments_are_not_meant(void **state)
{
	(void)state;
	assert_int_equal(zl_port_rule_add(device_port(0), &udp, 1), 0);
	assert_int_equal(device.asked, 1);
	assert_int_equal(device.port, DEVICE_ID);
	assert_int_equal(device.queue, 1);
	assert_int_equal(device.ip.hdr.dst_addr, rte_cpu_to_be_32(GROUP));
	assert_int_equal(device.ip_mask.hdr.dst_addr, UINT32_MAX);
	assert_int_equal(device.ip.hdr.fragment_offset, 0);
	assert_int_equal(device.ip_mask.hdr.fragment_offset, rte_cpu_to_be_16(0x3fff));
	assert_true(device.udp);
	assert_int_equal(device.udp_port, PORT);
}

static void test_a_device_that_cannot_tell_fragments_is_asked_again(void **state)
{
	(void)state;
	device.takes_no_fragment_mask = true;
	assert_int_equal(zl_port_rule_add(device_port(0), &udp, 0), 0);
	assert_int_equal(device.asked, 2);
	assert_int_equal(device.made, 1);
	assert_int_equal(device.ip_mask.hdr.fragment_offset, 0);
}

static void test_a_rule_for_pgm_is_by_protocol_fragments_and_all(void **state)
{
	(void)state;
	assert_int_equal(zl_port_rule_add(device_port(0), &pgm, 0), 0);
	assert_false(device.udp);
	assert_int_equal(device.ip.hdr.next_proto_id, PGM);
	assert_int_equal(device.ip_mask.hdr.next_proto_id, 0xff);
	assert_int_equal(device.ip_mask.hdr.fragment_offset, 0);
}

static void test_a_refusal_is_told_and_leaves_nothing(void **state)
{
	(void)state;
	device.refuses = true;
	assert_int_equal(zl_port_rule_add(device_port(0), &udp, 0), -ENOTSUP);
	assert_int_equal(zl_port_rule_add(device_port(0), &pgm, 0), -ENOTSUP);
	zl_port_rule_del(device_port(0), &udp);
	assert_int_equal(device.made, 0);
	assert_int_equal(device.destroyed, 0);
	device.refuses = false;
	assert_int_equal(zl_port_rule_add(device_port(0), &udp, 0), 0);
}

static void test_receivers_share_a_rule_until_the_last_has_gone(void **state)
{
	(void)state;
	assert_int_equal(zl_port_rule_add(device_port(0), &udp, 1), 0);
	assert_int_equal(zl_port_rule_add(device_port(0), &udp, 1), 0);
	assert_int_equal(zl_port_rule_add(device_port(0), &udp, 0), -EEXIST);
	assert_int_equal(device.made, 1);
	zl_port_rule_del(device_port(0), &udp);
	assert_int_equal(device.destroyed, 0);
	zl_port_rule_del(device_port(0), &udp);
	assert_int_equal(device.destroyed, 1);
	assert_int_equal(zl_port_rule_add(device_port(0), &udp, 0), 0);
	assert_int_equal(device.made, 2);
}

static void test_there_are_so_many_rules_and_no_more(void **state)
{
	struct zl_port_rule one = udp;

	(void)state;
	for (unsigned i = 0; i < ZL_PORT_RULES_MAX; i++) {
		one.udp_port = (uint16_t)(PORT + i);
		assert_int_equal(zl_port_rule_add(device_port(0), &one, 0), 0);
	}
	one.udp_port++;
	assert_int_equal(zl_port_rule_add(device_port(0), &one, 0), -ENOSPC);
	zl_port_rule_del(device_port(0), &udp);
	assert_int_equal(zl_port_rule_add(device_port(0), &one, 0), 0);
}

/* --- endpoints --- */

static struct zl_core_endpoint endpoint;

static struct zl_ipc_endpoint at(enum zl_carrier carrier)
{
	return (struct zl_ipc_endpoint){.id = 9,
					.socket = FRONT,
					.carrier = carrier,
					.ip = GROUP,
					.port = PORT,
					.via = OUR_IP};
}

static struct zl_ipc_socket receiver(enum zl_socket_type type)
{
	struct zl_ipc_socket s = {.type = type, .max_msg_bytes = 1 << 20};

	s.options.rate = 1000;
	s.options.recovery_ivl = 100;
	s.options.multicast_maxtpdu = 1500;
	s.options.multicast_hops = 1;
	s.options.pgm_nak_ivl = 50;
	return s;
}

/* As the main thread makes it, and its core opens it. */
static struct zl_flow *open_flow(struct zl_lcore *c, const struct zl_ipc_endpoint *e,
				 enum zl_socket_type type)
{
	const struct zl_ipc_socket socket = receiver(type);
	struct zl_flow *f = zl_flow_create(c, e, &socket);

	assert_non_null(f);
	endpoint = (struct zl_core_endpoint){.at = *e, .shard = zl_shard_find(c, FRONT)};
	assert_int_equal(zl_flow_open(c, &endpoint, f), 0);
	return f;
}

static void close_flow(struct zl_lcore *c)
{
	zl_flow_destroy(zl_flow_close(c, &endpoint));
}

static void counted(const struct zl_lcore *c, uint64_t rules, uint64_t refused)
{
	assert_int_equal(c->counter[ZL_CORE_steer_rules], rules);
	assert_int_equal(c->counter[ZL_CORE_steer_refused], refused);
}

static void test_a_groups_datagrams_are_led_to_the_core_that_receives_them(void **state)
{
	const struct zl_ipc_endpoint e = at(ZL_CARRIER_UDP);

	(void)state;
	open_flow(&core[1], &e, ZL_DISH);
	assert_int_equal(device.made, 1);
	assert_int_equal(device.port, DEVICE_ID);
	assert_int_equal(device.queue, 1);
	assert_int_equal(device.udp_port, PORT);
	counted(&core[1], 1, 0);
	close_flow(&core[1]);
	assert_int_equal(device.destroyed, 1);
}

static void test_both_lines_of_a_pgm_endpoint_are_led_there(void **state)
{
	struct zl_ipc_endpoint e = at(ZL_CARRIER_EPGM);

	(void)state;
	e.b = (struct zl_ipc_line){GROUP_B, OUR_IP_B};
	open_flow(&core[0], &e, ZL_SUB);
	assert_int_equal(device.made, 2);
	assert_int_equal(device.port, DEVICE_ID + 1);
	assert_int_equal(device.ip.hdr.dst_addr, rte_cpu_to_be_32(GROUP_B));
	counted(&core[0], 2, 0);
	close_flow(&core[0]);
	assert_int_equal(device.destroyed, 2);
}

static void test_pgm_is_led_there_by_its_protocol(void **state)
{
	const struct zl_ipc_endpoint e = at(ZL_CARRIER_PGM);

	(void)state;
	open_flow(&core[0], &e, ZL_SUB);
	assert_int_equal(device.made, 1);
	assert_int_equal(device.ip.hdr.next_proto_id, PGM);
	assert_false(device.udp);
	close_flow(&core[0]);
	assert_int_equal(device.destroyed, 1);
}

static void test_who_sends_to_a_group_or_has_an_address_needs_no_rule(void **state)
{
	struct zl_ipc_endpoint e = at(ZL_CARRIER_UDP);

	(void)state;
	e.connect = true;
	open_flow(&core[0], &e, ZL_RADIO);
	close_flow(&core[0]);
	e = at(ZL_CARRIER_UDP);
	e.ip = OUR_IP;
	open_flow(&core[0], &e, ZL_DISH);
	close_flow(&core[0]);
	e = at(ZL_CARRIER_EPGM);
	open_flow(&core[0], &e, ZL_PUB);
	close_flow(&core[0]);
	assert_int_equal(device.asked, 0);
	counted(&core[0], 0, 0);
}

static void test_a_port_of_one_queue_is_asked_for_nothing(void **state)
{
	const struct zl_ipc_endpoint e = at(ZL_CARRIER_UDP);

	(void)state;
	device_reset(1);
	open_flow(&core[1], &e, ZL_DISH);
	assert_int_equal(device.asked, 0);
	counted(&core[1], 0, 0);
	close_flow(&core[1]);
}

static void test_a_refused_endpoint_opens_all_the_same_and_is_counted(void **state)
{
	const struct zl_ipc_endpoint e = at(ZL_CARRIER_UDP);

	(void)state;
	device.refuses = true;
	open_flow(&core[1], &e, ZL_DISH);
	counted(&core[1], 0, 1);
	close_flow(&core[1]);
	assert_int_equal(device.destroyed, 0);
}

/* What its core could not open comes back to be destroyed. */
static void test_a_flow_that_never_opened_takes_its_rule_along(void **state)
{
	const struct zl_ipc_endpoint e = at(ZL_CARRIER_UDP);
	const struct zl_ipc_socket socket = receiver(ZL_DISH);

	(void)state;
	zl_flow_destroy(zl_flow_create(&core[0], &e, &socket));
	assert_int_equal(device.made, 1);
	assert_int_equal(device.destroyed, 1);
	counted(&core[0], 0, 0);
}

int main(void)
{
#define CORES_TEST(f) cmocka_unit_test_setup_teardown(f, setup_cores, teardown_cores)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_rule_by_port_says_that_fragments_are_not_meant,
				       setup),
		cmocka_unit_test_setup(test_a_device_that_cannot_tell_fragments_is_asked_again,
				       setup),
		cmocka_unit_test_setup(test_a_rule_for_pgm_is_by_protocol_fragments_and_all, setup),
		cmocka_unit_test_setup(test_a_refusal_is_told_and_leaves_nothing, setup),
		cmocka_unit_test_setup(test_receivers_share_a_rule_until_the_last_has_gone, setup),
		cmocka_unit_test_setup(test_there_are_so_many_rules_and_no_more, setup),
		CORES_TEST(test_a_groups_datagrams_are_led_to_the_core_that_receives_them),
		CORES_TEST(test_both_lines_of_a_pgm_endpoint_are_led_there),
		CORES_TEST(test_pgm_is_led_there_by_its_protocol),
		CORES_TEST(test_who_sends_to_a_group_or_has_an_address_needs_no_rule),
		CORES_TEST(test_a_port_of_one_queue_is_asked_for_nothing),
		CORES_TEST(test_a_refused_endpoint_opens_all_the_same_and_is_counted),
		CORES_TEST(test_a_flow_that_never_opened_takes_its_rule_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
