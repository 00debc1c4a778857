/* A device that has rules: a tap of two queues, for which the kernel chooses by a hash of its own
 * but where a rule of net_tap's (tc flower) says otherwise. The kernel is who sends. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <rte_bus_vdev.h>
#include <rte_cycles.h>
#include <rte_ip.h>

#include "drivers/port/rules.h"
#include "drivers/port/state.h"
#include "tests/unit/eal.h"

#define KERNEL_IP 0x0a090001u
#define GROUP     0xefc00101u
#define OTHER     0xefc00102u
#define PORT      7500
#define PGM       113
#define SENDERS   8 /* source ports, which the kernel spreads */
#define FROM_PORT 6000
#define QUEUES    2
#define PATIENCE  30 /* s */
#define BYTES     100
#define FRAGMENTS 4000 /* bytes that take several */

static struct eal_pools pools;
static struct zl_port port;

static const struct zl_port_rule udp = {.group = GROUP, .udp_port = PORT, .protocol = IPPROTO_UDP};
static const struct zl_port_rule pgm = {.group = GROUP, .protocol = PGM};

static void shell(const char *command)
{
	if (system(command))
		fail_msg("%s", command);
}

static int setup(void **state)
{
	struct rte_eth_conf conf = {0};

	(void)state;
	eal_start(128);
	eal_pools_create(&pools, 8191, 255, 255);
	assert_int_equal(rte_vdev_init("net_tap0", "iface=zl0"), 0);
	assert_int_equal(rte_eth_dev_get_port_by_name("net_tap0", &port.id), 0);
	assert_int_equal(rte_eth_dev_configure(port.id, QUEUES, QUEUES, &conf), 0);
	for (uint16_t q = 0; q < QUEUES; q++) {
		assert_int_equal(rte_eth_rx_queue_setup(port.id, q, 512, 0, NULL, pools.frames), 0);
		assert_int_equal(rte_eth_tx_queue_setup(port.id, q, 512, 0, NULL), 0);
	}
	assert_int_equal(rte_eth_dev_start(port.id), 0);
	shell("ip addr add 10.9.0.1/24 dev zl0");
	shell("ip link set zl0 up");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rte_eth_dev_stop(port.id);
	rte_eth_dev_close(port.id);
	rte_vdev_uninit("net_tap0");
	eal_pools_free(&pools);
	return 0;
}

static struct sockaddr_in address(uint32_t ip, uint16_t to)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(ip), .sin_port = htons(to)};
}

/* From that port, or of PGM (from 0). */
static void kernel_sends(uint16_t from, uint32_t group, uint16_t to_port, size_t bytes)
{
	static const uint8_t payload[FRAGMENTS];
	const struct sockaddr_in to = address(group, to_port), own = address(KERNEL_IP, from);
	const struct in_addr via = own.sin_addr;
	int s = from ? socket(AF_INET, SOCK_DGRAM, 0) : socket(AF_INET, SOCK_RAW, PGM);

	assert_true(s >= 0);
	assert_int_equal(bind(s, (const struct sockaddr *)&own, sizeof(own)), 0);
	assert_int_equal(setsockopt(s, IPPROTO_IP, IP_MULTICAST_IF, &via, sizeof(via)), 0);
	assert_int_equal(sendto(s, payload, bytes, 0, (const struct sockaddr *)&to, sizeof(to)),
			 (int)bytes);
	close(s);
}

static bool is_to(const struct rte_mbuf *m, uint32_t group, uint8_t protocol)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *,
								RTE_ETHER_HDR_LEN);

	return m->data_len >= RTE_ETHER_HDR_LEN + sizeof(*ip) &&
	       ip->dst_addr == rte_cpu_to_be_32(group) && ip->next_proto_id == protocol;
}

/* The queue that the next n such packets come to, all of them the same; no other comes meanwhile.
 */
static unsigned queue_of(uint32_t group, uint8_t protocol, unsigned n)
{
	uint64_t until = rte_get_timer_cycles() + PATIENCE * rte_get_timer_hz();
	unsigned got[QUEUES] = {0};

	while (got[0] + got[1] < n && rte_get_timer_cycles() < until)
		for (uint16_t q = 0; q < QUEUES; q++) {
			struct rte_mbuf *m;

			if (!rte_eth_rx_burst(port.id, q, &m, 1))
				continue;
			got[q] += is_to(m, group, protocol);
			rte_pktmbuf_free(m);
		}
	assert_int_equal(got[0] + got[1], n);
	assert_true(!got[0] || !got[1]);
	return got[1] > 0;
}

static unsigned sender_queue(unsigned i, uint32_t group, uint16_t to_port)
{
	kernel_sends((uint16_t)(FROM_PORT + i), group, to_port, BYTES);
	return queue_of(group, IPPROTO_UDP, 1);
}

static void test_a_group_comes_to_the_queue_of_its_rule_and_to_any_without(void **state)
{
	unsigned free[SENDERS], sum = 0;

	(void)state;
	for (unsigned i = 0; i < SENDERS; i++)
		sum += free[i] = sender_queue(i, GROUP, PORT);
	for (uint16_t q = 0; q < QUEUES; q++) {
		assert_int_equal(zl_port_rule_add(&port, &udp, q), 0);
		for (unsigned i = 0; i < SENDERS; i++)
			assert_int_equal(sender_queue(i, GROUP, PORT), q);
		zl_port_rule_del(&port, &udp);
	}
	for (unsigned i = 0; i < SENDERS; i++)
		assert_int_equal(sender_queue(i, GROUP, PORT), free[i]);
	assert_in_range(sum, 1, SENDERS - 1); /* or there was nothing to see */
}

static void test_other_ports_and_groups_go_on_as_they_were(void **state)
{
	unsigned by_port[SENDERS], by_group[SENDERS];

	(void)state;
	for (unsigned i = 0; i < SENDERS; i++) {
		by_port[i] = sender_queue(i, GROUP, PORT + 1);
		by_group[i] = sender_queue(i, OTHER, PORT);
	}
	for (uint16_t q = 0; q < QUEUES; q++) {
		assert_int_equal(zl_port_rule_add(&port, &udp, q), 0);
		for (unsigned i = 0; i < SENDERS; i++) {
			assert_int_equal(sender_queue(i, GROUP, PORT + 1), by_port[i]);
			assert_int_equal(sender_queue(i, OTHER, PORT), by_group[i]);
		}
		zl_port_rule_del(&port, &udp);
	}
}

static void test_pgm_comes_to_the_queue_of_its_rule(void **state)
{
	(void)state;
	for (uint16_t q = 0; q < QUEUES; q++) {
		assert_int_equal(zl_port_rule_add(&port, &pgm, q), 0);
		kernel_sends(0, GROUP, 0, BYTES);
		assert_int_equal(queue_of(GROUP, PGM, 1), q);
		zl_port_rule_del(&port, &pgm);
	}
}

/* The first has UDP's ports, the others have not. */
static void test_fragments_stay_together(void **state)
{
	(void)state;
	for (uint16_t q = 0; q < QUEUES; q++) {
		assert_int_equal(zl_port_rule_add(&port, &udp, q), 0);
		for (unsigned i = 0; i < SENDERS; i++) {
			kernel_sends((uint16_t)(FROM_PORT + i), GROUP, PORT, FRAGMENTS);
			queue_of(GROUP, IPPROTO_UDP, 3);
		}
		zl_port_rule_del(&port, &udp);
	}
}

static void test_receivers_on_one_core_share_a_rule(void **state)
{
	(void)state;
	assert_int_equal(zl_port_rule_add(&port, &udp, 0), 0);
	assert_int_equal(zl_port_rule_add(&port, &udp, 0), 0);
	assert_int_equal(zl_port_rule_add(&port, &udp, 1), -EEXIST);
	zl_port_rule_del(&port, &udp);
	for (unsigned i = 0; i < SENDERS; i++)
		assert_int_equal(sender_queue(i, GROUP, PORT), 0);
	zl_port_rule_del(&port, &udp);
	assert_int_equal(zl_port_rule_add(&port, &udp, 1), 0);
	for (unsigned i = 0; i < SENDERS; i++)
		assert_int_equal(sender_queue(i, GROUP, PORT), 1);
	zl_port_rule_del(&port, &udp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_group_comes_to_the_queue_of_its_rule_and_to_any_without),
		cmocka_unit_test(test_other_ports_and_groups_go_on_as_they_were),
		cmocka_unit_test(test_pgm_comes_to_the_queue_of_its_rule),
		cmocka_unit_test(test_fragments_stay_together),
		cmocka_unit_test(test_receivers_on_one_core_share_a_rule),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
