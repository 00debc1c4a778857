/* What is asked of a device, given what it says of itself. The devices are made up: no hardware. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/net/steer.h"
#include "drivers/port/state.h"
#include "tests/unit/eal.h"

#define FLOWS (RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP)

static struct eal_pools pools;
static const uint8_t rss_key[ZL_RSS_KEY_BYTES] = {0x6d, 0x5a, 1};

static int setup(void **state)
{
	(void)state;
	eal_start(64);
	eal_pools_create(&pools, 63, 1, 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	eal_pools_free(&pools);
	return 0;
}

/* A NIC that can do everything, with that many entries in its table. */
static struct zl_port nic(uint16_t entries)
{
	struct zl_port p = {
		.dev = {.max_rx_queues = 16,
			.max_tx_queues = 16,
			.reta_size = entries,
			.hash_key_size = ZL_RSS_KEY_BYTES,
			.flow_type_rss_offloads = FLOWS | RTE_ETH_RSS_IPV6,
			.rx_offload_capa = UINT64_MAX,
			.tx_offload_capa = UINT64_MAX},
	};

	p.device.driver = &zl_port_drivers[ZL_PORT_PHYSICAL];
	p.queue[0].pool = pools.frames;
	return p;
}

static unsigned queues(const struct zl_port *made, unsigned cores)
{
	struct zl_port p = *made;

	zl_offload_choose(&p, cores, rss_key);
	return p.info.queues;
}

static void test_a_nic_spreads_flows_over_all_cores(void **state)
{
	struct zl_port p = nic(128);

	(void)state;
	zl_offload_choose(&p, 3, rss_key);
	assert_int_equal(p.info.queues, 3);
	assert_true(p.info.spreads);
	assert_int_equal(p.conf.rxmode.mq_mode, RTE_ETH_MQ_RX_RSS);
	assert_int_equal(p.conf.rx_adv_conf.rss_conf.rss_key_len, ZL_RSS_KEY_BYTES);
	assert_memory_equal(p.conf.rx_adv_conf.rss_conf.rss_key, rss_key, ZL_RSS_KEY_BYTES);
	assert_true(p.conf.rx_adv_conf.rss_conf.rss_hf == FLOWS);
}

static void test_a_longer_key_is_ours_and_zeros(void **state)
{
	static const uint8_t zeros[12];
	struct zl_port p = nic(512);

	(void)state;
	p.dev.hash_key_size = 52;
	zl_offload_choose(&p, 4, rss_key);
	assert_int_equal(p.info.queues, 4);
	assert_int_equal(p.conf.rx_adv_conf.rss_conf.rss_key_len, 52);
	assert_memory_equal(p.conf.rx_adv_conf.rss_conf.rss_key + 40, zeros, 12);
}

static void test_a_table_that_disagrees_with_software_steering_is_not_used(void **state)
{
	static const uint16_t sizes[] = {0, 32, 64, 128, 256, 512};

	(void)state;
	for (unsigned s = 0; s < RTE_DIM(sizes); s++)
		for (unsigned cores = 2; cores <= ZL_POLL_CORES_MAX; cores++) {
			struct zl_port p = nic(sizes[s]);
			bool same = sizes[s] != 0;

			for (uint32_t hash = 0; same && hash < 1024; hash++)
				same = (hash % sizes[s]) % 128 % cores ==
				       zl_steer_core(hash, cores);
			assert_int_equal(queues(&p, cores), same ? cores : 1);
		}
}

static void test_what_cannot_spread_gets_one_queue(void **state)
{
	struct zl_port p = nic(128);

	(void)state;
	assert_int_equal(queues(&p, 1), 1);
	p.cfg.queues = 1;
	assert_int_equal(queues(&p, 4), 1);
	p = nic(128);
	p.dev.flow_type_rss_offloads = RTE_ETH_RSS_NONFRAG_IPV4_TCP;
	assert_int_equal(queues(&p, 4), 1);
	p = nic(128);
	p.dev.max_tx_queues = 2;
	assert_int_equal(queues(&p, 4), 1);
	p = nic(128);
	p.device.driver = &zl_port_drivers[ZL_PORT_TAP]; /* spreads by a hash of the kernel's */
	assert_int_equal(queues(&p, 4), 1);
}

static void test_a_tap_gets_queues_for_all_cores_if_they_are_asked_for(void **state)
{
	struct zl_port p = nic(128);

	(void)state;
	p.device.driver = &zl_port_drivers[ZL_PORT_TAP];
	p.cfg.queues = 4;
	assert_int_equal(queues(&p, 4), 4);
	assert_int_equal(queues(&p, 5), 1);
	zl_offload_choose(&p, 4, rss_key);
	assert_false(p.info.spreads);
	assert_int_equal(p.conf.rxmode.mq_mode, RTE_ETH_MQ_RX_NONE);
	p.dev.max_rx_queues = 3;
	assert_int_equal(queues(&p, 4), 1);
	p = nic(128);
	p.device.driver = &zl_port_drivers[ZL_PORT_AF_PACKET];
	p.cfg.queues = 4;
	assert_int_equal(queues(&p, 4), 1);
}

static void test_only_what_the_device_has_and_the_stack_uses_is_asked(void **state)
{
	struct zl_port p = nic(128);

	(void)state;
	zl_offload_choose(&p, 1, rss_key);
	assert_false(p.info.tx_offload & RTE_ETH_TX_OFFLOAD_TCP_TSO);
	assert_true(p.info.tx_offload & RTE_ETH_TX_OFFLOAD_TCP_CKSUM);
	assert_true(p.info.rx_checked ==
		    (RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD));
	assert_false(p.conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_SCATTER);
	assert_false(p.make_contiguous);
	p = nic(128);
	p.cfg.mtu = 9000;
	zl_offload_choose(&p, 1, rss_key);
	assert_true(p.conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_SCATTER);
	p = nic(128);
	p.dev.rx_offload_capa = RTE_ETH_RX_OFFLOAD_TCP_CKSUM; /* but not UDP's */
	p.dev.tx_offload_capa = 0;
	zl_offload_choose(&p, 1, rss_key);
	assert_true(p.info.rx_checked == 0);
	assert_true(p.conf.txmode.offloads == 0);
	assert_true(p.make_contiguous);
	assert_true(p.info.tx_offload == RTE_ETH_TX_OFFLOAD_MULTI_SEGS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_nic_spreads_flows_over_all_cores),
		cmocka_unit_test(test_a_longer_key_is_ours_and_zeros),
		cmocka_unit_test(test_a_table_that_disagrees_with_software_steering_is_not_used),
		cmocka_unit_test(test_what_cannot_spread_gets_one_queue),
		cmocka_unit_test(test_a_tap_gets_queues_for_all_cores_if_they_are_asked_for),
		cmocka_unit_test(test_only_what_the_device_has_and_the_stack_uses_is_asked),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
