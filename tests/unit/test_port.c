/* Ports that need no kernel network: rings, captures, memif; the impairment stage in its place; and
 * what a person is told when a device is wrong. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "drivers/port/port.h"
#include "tests/unit/eal.h"

static struct eal_pools pools;
static char folder[] = "/tmp/zl-port-XXXXXX";

static int setup(void **state)
{
	(void)state;
	eal_start(128);
	eal_pools_create(&pools, 4095, 255, 255);
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	eal_pools_free(&pools);
	return rmdir(folder);
}

static struct zl_ipc_port config(enum zl_port_kind kind, const char *device)
{
	struct zl_ipc_port cfg = {.name = "p", .kind = kind};

	snprintf(cfg.device, sizeof(cfg.device), "%s", device);
	return cfg;
}

static struct zl_port *open_port(const struct zl_ipc_port *cfg)
{
	char text[ZL_TEXT_MAX] = "";
	struct zl_port *p = zl_port_open(cfg, 1, &pools.frames, NULL, text, sizeof(text));

	if (!p || zl_port_start(p, text, sizeof(text)))
		fail_msg("%s", text);
	return p;
}

static struct rte_mbuf *frame(uint8_t number, uint16_t bytes)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pools.frames);

	memset(rte_pktmbuf_append(m, RTE_MIN(bytes, 2000)), number, RTE_MIN(bytes, 2000));
	if (bytes > 2000)
		rte_pktmbuf_chain(m, frame(number, (uint16_t)(bytes - 2000)));
	return m;
}

static void send_one(struct zl_port *p, struct rte_mbuf *m, uint64_t now)
{
	zl_port_tx(p, 0, &m, 1, now);
}

/* The next frame within two seconds, or NULL. */
static struct rte_mbuf *receive_one(struct zl_port *p)
{
	struct rte_mbuf *m = NULL;

	for (unsigned i = 0; i < 20000 && !zl_port_rx(p, 0, &m, 1, 0); i++)
		rte_delay_us_sleep(100);
	return m;
}

static void test_ring_port_hears_itself(void **state)
{
	struct zl_ipc_port cfg = config(ZL_PORT_RING, "loopback");
	struct zl_port *p = open_port(&cfg);
	struct rte_mbuf *m;

	(void)state;
	assert_int_equal(zl_port_info(p)->queues, 1);
	assert_int_equal(zl_port_info(p)->mtu, 1500);
	assert_false(rte_is_zero_ether_addr(&zl_port_info(p)->mac));
	assert_true(zl_port_next_due(p, 0) == UINT64_MAX);
	assert_int_equal(zl_port_intr_add(p, 0, -1, NULL), -ENOTSUP);
	send_one(p, frame(7, 64), 0);
	m = receive_one(p);
	assert_int_equal(m->pkt_len, 64);
	assert_int_equal(*rte_pktmbuf_mtod(m, uint8_t *), 7);
	rte_pktmbuf_free(m);
	assert_int_equal(zl_port_stats(p, 0)->tx_frames, 1);
	assert_int_equal(zl_port_stats(p, 0)->rx_bytes, 64);
	send_one(p, frame(8, 64), 0);
	zl_port_close(p);
	assert_true(eal_pools_full(&pools)); /* the unread one as well */
	assert_int_equal(rte_eth_dev_count_avail(), 0);
}

#define RING_ROOM    1023 /* DPDK's rings leave one slot free */
#define WAITING_ROOM 1024

/* Frames numbered by their length, so that order shows. */
static void send_numbered(struct zl_port *p, unsigned from, unsigned to, uint64_t now)
{
	for (unsigned i = from; i < to; i++)
		send_one(p, frame(1, (uint16_t)(64 + i % 1000)), now);
}

static void receive_numbered(struct zl_port *p, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		struct rte_mbuf *m = NULL;

		assert_int_equal(zl_port_rx(p, 0, &m, 1, 0), 1);
		assert_int_equal(m->pkt_len, 64 + i % 1000);
		rte_pktmbuf_free(m);
	}
}

static void test_what_the_ring_cannot_take_waits_in_order(void **state)
{
	struct zl_ipc_port cfg = config(ZL_PORT_RING, "");
	struct zl_port *p = open_port(&cfg);
	const struct zl_port_stats *stats = zl_port_stats(p, 0);

	(void)state;
	send_numbered(p, 0, RING_ROOM, 1000);
	assert_false(zl_port_tx_waits(p, 0));
	assert_true(zl_port_next_due(p, 0) == UINT64_MAX);
	send_numbered(p, RING_ROOM, 1200, 1000);
	assert_int_equal(stats->tx_frames, RING_ROOM);
	assert_int_equal(stats->tx_deferred, 1200 - RING_ROOM);
	assert_true(zl_port_tx_waits(p, 0));
	assert_in_range(zl_port_next_due(p, 0), 1000, 100000);
	/* Room for ten: the oldest go, and newer ones stay behind them. */
	receive_numbered(p, 0, 10);
	send_numbered(p, 1200, 1201, 2000);
	assert_int_equal(stats->tx_frames, RING_ROOM + 10);
	assert_true(zl_port_tx_waits(p, 0));
	receive_numbered(p, 10, 800);
	zl_port_poll(p, 0, 3000);
	assert_false(zl_port_tx_waits(p, 0));
	assert_true(zl_port_next_due(p, 0) == UINT64_MAX);
	receive_numbered(p, 800, 1201);
	assert_int_equal(stats->tx_dropped, 0);
	zl_port_close(p);
	assert_true(eal_pools_full(&pools));
}

static void test_only_so_many_frames_wait(void **state)
{
	struct zl_ipc_port cfg = config(ZL_PORT_RING, "");
	struct zl_port *p = open_port(&cfg);
	unsigned all = RING_ROOM + WAITING_ROOM + 7;

	(void)state;
	send_numbered(p, 0, all, 0);
	assert_int_equal(zl_port_stats(p, 0)->tx_deferred, WAITING_ROOM);
	assert_int_equal(zl_port_stats(p, 0)->tx_dropped, 7);
	receive_numbered(p, 0, RING_ROOM);
	zl_port_poll(p, 0, 0);
	receive_numbered(p, RING_ROOM, 2 * RING_ROOM);
	assert_true(zl_port_tx_waits(p, 0));
	zl_port_close(p);
	assert_true(eal_pools_full(&pools)); /* the last one as well */
}

static void test_nothing_waits_for_a_device_that_takes_nothing(void **state)
{
	struct zl_ipc_port cfg = config(ZL_PORT_RING, "");
	struct zl_port *p = open_port(&cfg);
	const struct zl_port_stats *stats = zl_port_stats(p, 0);
	uint64_t ms = 1000000;

	(void)state;
	send_numbered(p, 0, RING_ROOM + 5, ms);
	zl_port_poll(p, 0, 100 * ms);
	assert_true(zl_port_tx_waits(p, 0));
	zl_port_poll(p, 0, 102 * ms);
	assert_false(zl_port_tx_waits(p, 0));
	assert_int_equal(stats->tx_dropped, 5);
	send_numbered(p, 0, 3, 103 * ms);
	assert_int_equal(stats->tx_dropped, 8);
	assert_false(zl_port_tx_waits(p, 0));
	/* It takes one: from then on they wait again. */
	receive_numbered(p, 0, 1);
	send_numbered(p, 0, 2, 104 * ms);
	assert_int_equal(stats->tx_dropped, 8);
	assert_true(zl_port_tx_waits(p, 0));
	zl_port_close(p);
	assert_true(eal_pools_full(&pools)); /* the one that waited as well */
}

static void test_a_named_ring_joins_two_ports_and_no_third(void **state)
{
	struct zl_ipc_port cfg = config(ZL_PORT_RING, "w");
	struct zl_port *a = open_port(&cfg), *b = open_port(&cfg);
	char text[ZL_TEXT_MAX];
	struct rte_mbuf *m;

	(void)state;
	assert_null(zl_port_open(&cfg, 1, &pools.frames, NULL, text, sizeof(text)));
	assert_string_equal(text,
			    "port p (ring w): that ring joins two ports already; name another");
	send_one(a, frame(1, 100), 0);
	send_one(b, frame(2, 200), 0);
	m = receive_one(b);
	assert_int_equal(m->pkt_len, 100);
	rte_pktmbuf_free(m);
	m = receive_one(a);
	assert_int_equal(m->pkt_len, 200);
	rte_pktmbuf_free(m);
	send_one(a, frame(3, 100), 0);
	zl_port_close(a);
	zl_port_close(b);
	assert_true(eal_pools_full(&pools));
	assert_int_equal(rte_eth_dev_count_avail(), 0);
}

static void test_a_shared_chain_reaches_the_ring_as_a_copy(void **state)
{
	struct zl_ipc_port cfg = config(ZL_PORT_RING, "");
	struct zl_port *p = open_port(&cfg);
	struct rte_mbuf *kept = frame(9, 500), *head = frame(1, 54), *m;

	(void)state;
	rte_pktmbuf_chain(head, rte_pktmbuf_clone(kept, pools.indirect));
	send_one(p, head, 0);
	m = receive_one(p);
	assert_int_equal(m->pkt_len, 554);
	assert_int_equal(m->nb_segs, 1);
	assert_int_equal(rte_mbuf_refcnt_read(kept), 1);
	memset(rte_pktmbuf_mtod(m, void *), 0, 554);
	assert_int_equal(*rte_pktmbuf_mtod(kept, uint8_t *), 9);
	rte_pktmbuf_free(m);
	rte_pktmbuf_free(kept);
	zl_port_close(p);
	assert_true(eal_pools_full(&pools));
}

static void test_impairment_sits_in_front_of_both_directions(void **state)
{
	struct zl_ipc_port cfg = config(ZL_PORT_RING, "");
	struct zl_port *p;
	struct rte_mbuf *m;

	(void)state;
	cfg.tx.delay_us = 10;
	cfg.rx.delay_us = 100;
	cfg.rx.duplicate_ppm = 1000000;
	p = open_port(&cfg);
	send_one(p, frame(1, 64), 0);
	assert_int_equal(zl_port_next_due(p, 0), 10000);
	assert_int_equal(zl_port_rx(p, 0, &m, 1, 9999), 0);
	zl_port_poll(p, 0, 10000);
	assert_int_equal(zl_port_stats(p, 0)->tx_frames, 1);
	assert_int_equal(zl_port_rx(p, 0, &m, 1, 20000), 0);
	assert_int_equal(zl_port_next_due(p, 0), 120000);
	assert_int_equal(zl_port_rx(p, 0, &m, 1, 120000), 1);
	rte_pktmbuf_free(m);
	assert_int_equal(zl_port_rx(p, 0, &m, 1, 120000), 1);
	rte_pktmbuf_free(m);
	assert_int_equal(zl_port_stats(p, 0)->rx_impaired, 1);
	send_one(p, frame(2, 64), 130000);
	zl_port_close(p);
	assert_true(eal_pools_full(&pools)); /* the one held as well */
}

static void test_a_capture_that_was_written_can_be_read(void **state)
{
	struct zl_ipc_port cfg;
	char device[128], path[64];
	struct zl_port *p;
	struct rte_mbuf *m, *kept = frame(0x77, 300);

	(void)state;
	snprintf(path, sizeof(path), "%s/t.pcap", folder);
	snprintf(device, sizeof(device), ",%s", path);
	cfg = config(ZL_PORT_PCAP, device);
	p = open_port(&cfg);
	send_one(p, frame(1, 60), 0);
	m = frame(2, 54);
	rte_pktmbuf_chain(m, kept);
	send_one(p, m, 0);
	zl_port_close(p);

	cfg = config(ZL_PORT_PCAP, path);
	p = open_port(&cfg);
	m = receive_one(p);
	assert_int_equal(m->pkt_len, 60);
	rte_pktmbuf_free(m);
	m = receive_one(p);
	assert_int_equal(m->pkt_len, 354);
	assert_int_equal(rte_pktmbuf_mtod(m, uint8_t *)[353], 0x77);
	rte_pktmbuf_free(m);
	zl_port_close(p);
	unlink(path);
	assert_true(eal_pools_full(&pools));
}

/* Repeats the frame until one arrives: as long as the two ends are connecting, the wire loses. */
static void carries(struct zl_port *from, struct zl_port *to, uint16_t bytes)
{
	struct rte_mbuf *m = NULL;

	for (unsigned i = 0; i < 20000 && !m; i++) {
		send_one(from, frame(3, bytes), 0);
		rte_delay_us_sleep(100);
		zl_port_rx(to, 0, &m, 1, 0);
	}
	assert_non_null(m);
	assert_int_equal(m->pkt_len, bytes);
	rte_pktmbuf_free(m);
}

/* A server and a client in one process: the control channel runs on the EAL's interrupt thread. */
static void test_memif_ports_find_each_other(void **state)
{
	char path[64];
	struct zl_ipc_port cfg;
	struct zl_port *server, *client;

	(void)state;
	snprintf(path, sizeof(path), "%s/m.sock", folder);
	cfg = config(ZL_PORT_MEMIF, path);
	memcpy(cfg.mac, "\2zlzl1", 6);
	server = open_port(&cfg);
	assert_memory_equal(&zl_port_info(server)->mac, cfg.mac, 6);
	cfg = config(ZL_PORT_MEMIF, path);
	snprintf(cfg.options, sizeof(cfg.options), "role=client");
	client = open_port(&cfg);
	carries(client, server, 90);
	carries(server, client, 91);
	assert_true(zl_port_eal_may_stop());
	zl_port_close(client);
	zl_port_close(server);
	assert_int_equal(access(path, F_OK), -1);
	assert_false(zl_port_eal_may_stop());
	eal_keep();
	assert_true(eal_pools_full(&pools));
}

static void test_memif_carries_jumbo_frames(void **state)
{
	char path[64];
	struct zl_ipc_port cfg;
	struct zl_port *server, *client;

	(void)state;
	snprintf(path, sizeof(path), "%s/j.sock", folder);
	cfg = config(ZL_PORT_MEMIF, path);
	cfg.mtu = 9000;
	server = open_port(&cfg);
	assert_int_equal(zl_port_info(server)->mtu, 9000);
	snprintf(cfg.options, sizeof(cfg.options), "role=client");
	client = open_port(&cfg);
	carries(client, server, 9014);
	carries(server, client, 9014);
	zl_port_close(client);
	zl_port_close(server);
	assert_true(eal_pools_full(&pools));
}

static void refused(const struct zl_ipc_port *cfg, const char *line)
{
	char text[ZL_TEXT_MAX] = "";

	assert_null(zl_port_open(cfg, 1, &pools.frames, NULL, text, sizeof(text)));
	assert_string_equal(text, line);
	assert_int_equal(rte_eth_dev_count_avail(), 0);
	assert_true(eal_pools_full(&pools));
}

static void test_a_wrong_device_is_named_with_its_remedy(void **state)
{
	struct zl_ipc_port cfg = config(ZL_PORT_AF_PACKET, "nosuch0");

	(void)state;
	refused(&cfg, "port p (af_packet nosuch0): there is no such interface; `ip link` lists "
		      "those there are");
	cfg = config(ZL_PORT_AF_XDP, "nosuch0");
	refused(&cfg, "port p (af_xdp nosuch0): there is no such interface; `ip link` lists those "
		      "there are");
	cfg = config(ZL_PORT_PHYSICAL, "0000:fe:1d.7");
	refused(&cfg, "port p (physical 0000:fe:1d.7): there is no such PCI device; "
		      "`scripts/bind-nic status` lists them");
	cfg = config(ZL_PORT_PHYSICAL, "eth0");
	refused(&cfg, "port p (physical eth0): a PCI address looks like 0000:03:00.0; "
		      "`scripts/bind-nic status` lists the devices");
	cfg = config(ZL_PORT_PCAP, "/nosuch/in.pcap");
	refused(&cfg, "port p (pcap /nosuch/in.pcap): /nosuch/in.pcap: No such file or directory; "
		      "name a capture file to read");
	cfg = config(ZL_PORT_PCAP, "/dev/null");
	refused(&cfg, "port p (pcap /dev/null): is the file to read a capture (pcap, Ethernet)?");
	cfg = config(ZL_PORT_PCAP, ",/nosuch/out.pcap");
	refused(&cfg, "port p (pcap ,/nosuch/out.pcap): folder /nosuch/: No such file or "
		      "directory; frames sent cannot be written there");
	cfg = config(ZL_PORT_TAP, "a-name-too-long-for-linux");
	refused(&cfg, "port p (tap a-name-too-long-for-linux): an interface name has 1 to 15 "
		      "characters");
	cfg = config(ZL_PORT_TAP, "lo");
	refused(&cfg, "port p (tap lo): an interface of that name exists and is no tap; choose "
		      "another name");
	cfg = config(ZL_PORT_MEMIF, "/nosuch/m.sock");
	refused(&cfg, "port p (memif /nosuch/m.sock): folder /nosuch/: No such file or directory; "
		      "create it");
	cfg = config(ZL_PORT_MEMIF, "/tmp/nosuch.sock");
	snprintf(cfg.options, sizeof(cfg.options), "role=client");
	refused(&cfg, "port p (memif /tmp/nosuch.sock): no server listens there; start the other "
		      "side first");
	cfg = config(ZL_PORT_RING, "");
	cfg.queues = 4;
	refused(&cfg, "port p (ring): this device spreads flows over 1 queue, not 4; leave queues "
		      "out");
}

static void test_the_eal_is_told_of_physical_devices_only(void **state)
{
	struct zl_ipc_port cfg[2] = {config(ZL_PORT_TAP, "t"), config(ZL_PORT_PHYSICAL, "03:00.0")};
	const char *argv[4];

	(void)state;
	assert_int_equal(zl_port_eal_args(cfg, 1, argv, 4), 1);
	assert_string_equal(argv[0], "--no-pci");
	assert_int_equal(zl_port_eal_args(cfg, 2, argv, 4), 2);
	assert_string_equal(argv[0], "-a");
	assert_string_equal(argv[1], "03:00.0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ring_port_hears_itself),
		cmocka_unit_test(test_what_the_ring_cannot_take_waits_in_order),
		cmocka_unit_test(test_only_so_many_frames_wait),
		cmocka_unit_test(test_nothing_waits_for_a_device_that_takes_nothing),
		cmocka_unit_test(test_a_named_ring_joins_two_ports_and_no_third),
		cmocka_unit_test(test_a_shared_chain_reaches_the_ring_as_a_copy),
		cmocka_unit_test(test_impairment_sits_in_front_of_both_directions),
		cmocka_unit_test(test_a_capture_that_was_written_can_be_read),
		cmocka_unit_test(test_a_wrong_device_is_named_with_its_remedy),
		cmocka_unit_test(test_the_eal_is_told_of_physical_devices_only),
		/* last: a memif server's device stays */
		cmocka_unit_test(test_memif_ports_find_each_other),
		cmocka_unit_test(test_memif_carries_jumbo_frames),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
