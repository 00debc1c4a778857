/* Opening, starting and closing a port. */
#include "drivers/port/port.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <rte_malloc.h>
#include <rte_mbuf.h>

#include "drivers/port/state.h"

#define RX_DESCRIPTORS 1024
#define TX_DESCRIPTORS 1024
#define FRAME_OVERHEAD (0u + RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN)
#define BURST          ZL_IMPAIR_BURST

static void say(const struct zl_ipc_port *cfg, char *text, size_t bytes, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* "port NAME (KIND DEVICE): ...": one line. */
static void say(const struct zl_ipc_port *cfg, char *text, size_t bytes, const char *format, ...)
{
	const char *kind = cfg->kind < ZL_PORT_KINDS ? zl_port_kind_name[cfg->kind] : "?";
	int n = snprintf(text, bytes, "port %s (%s%s%s): ", cfg->name, kind,
			 cfg->device[0] ? " " : "", cfg->device);
	va_list args;

	if (n < 0 || (size_t)n >= bytes)
		return;
	va_start(args, format);
	vsnprintf(text + n, bytes - (size_t)n, format, args);
	va_end(args);
}

/* Drivers return a bare -1 where they have no errno. */
static const char *cause(int rc)
{
	return rc == -1 ? "the driver gives no reason" : strerror(-rc);
}

unsigned zl_port_eal_args(const struct zl_ipc_port *cfg, unsigned n, const char **argv,
			  unsigned room)
{
	unsigned used = 0;

	for (unsigned i = 0; i < n && used + 2 <= room; i++) {
		if (cfg[i].kind != ZL_PORT_PHYSICAL)
			continue;
		argv[used++] = "-a";
		argv[used++] = cfg[i].device;
	}
	if (!used && room)
		argv[used++] = "--no-pci";
	return used;
}

static int setup_queues(struct zl_port *p, const char **step)
{
	uint16_t rx = RX_DESCRIPTORS, tx = TX_DESCRIPTORS;
	int socket = rte_eth_dev_socket_id(p->id), rc;
	struct rte_eth_txconf txconf = p->dev.default_txconf;
	struct rte_eth_rxconf rxconf = p->dev.default_rxconf;

	*step = "descriptor counts";
	rc = rte_eth_dev_adjust_nb_rx_tx_desc(p->id, &rx, &tx);
	txconf.offloads = p->conf.txmode.offloads;
	rxconf.offloads = p->conf.rxmode.offloads;
	for (uint16_t q = 0; !rc && q < p->info.queues; q++) {
		*step = "receive queue";
		rc = rte_eth_rx_queue_setup(p->id, q, rx, (unsigned)socket, &rxconf,
					    p->queue[q].pool);
		if (rc)
			break;
		*step = "transmit queue";
		rc = rte_eth_tx_queue_setup(p->id, q, tx, (unsigned)socket, &txconf);
	}
	return rc;
}

int zl_port_configure(struct zl_port *p, const char **step)
{
	int rc;

	*step = "configuration";
	rc = rte_eth_dev_configure(p->id, p->info.queues, p->info.queues, &p->conf);
	return rc ? rc : setup_queues(p, step);
}

/* 0, or -1 with the reason in text. */
static int set_mtu(struct zl_port *p, char *text, size_t bytes)
{
	uint32_t longest = p->device.driver->frame_max ? p->device.driver->frame_max
						       : p->dev.max_rx_pktlen;
	uint16_t wanted = p->cfg.mtu, lower;
	int rc;

	rte_eth_dev_get_mtu(p->id, &p->info.mtu);
	lower = p->cfg.kind == ZL_PORT_AF_PACKET || p->cfg.kind == ZL_PORT_AF_XDP
			? zl_interface_mtu(p->cfg.device)
			: 0;
	if (lower && lower < p->info.mtu)
		p->info.mtu = lower;
	if (!wanted || wanted == p->info.mtu)
		return 0;
	rc = rte_eth_dev_set_mtu(p->id, wanted);
	/* Software devices have no such operation, and take what their longest frame allows. */
	if (rc == -ENOTSUP && wanted + FRAME_OVERHEAD <= longest)
		rc = 0;
	if (rc) {
		say(&p->cfg, text, bytes, "an MTU of %u is refused (%s); leave mtu out for %u",
		    wanted, cause(rc), p->info.mtu);
		return -1;
	}
	p->info.mtu = wanted;
	return 0;
}

/* The device's address is that of the kernel's end of the tap; this end is another station. */
static void set_tap_mac(struct zl_port *p)
{
	struct rte_ether_addr *mac = &p->info.mac;

	memcpy(mac, p->cfg.mac, sizeof(*mac));
	if (!rte_is_zero_ether_addr(mac))
		return;
	rte_eth_macaddr_get(p->id, mac);
	mac->addr_bytes[0] |= RTE_ETHER_LOCAL_ADMIN_ADDR;
	mac->addr_bytes[5] ^= 1;
}

static void set_mac(struct zl_port *p)
{
	struct rte_ether_addr mac;

	if (p->cfg.kind == ZL_PORT_TAP) {
		set_tap_mac(p);
		return;
	}
	memcpy(&mac, p->cfg.mac, sizeof(mac));
	rte_eth_macaddr_get(p->id, &p->info.mac);
	if (rte_is_zero_ether_addr(&mac) && rte_is_zero_ether_addr(&p->info.mac)) {
		/* A device without one: locally administered, the same in each run. */
		mac = (struct rte_ether_addr){{0x02, 'z', 'l', 0, 0, (uint8_t)p->id}};
	}
	if (rte_is_zero_ether_addr(&mac) || rte_is_same_ether_addr(&mac, &p->info.mac))
		return;
	p->info.mac = mac;
	/* A device that cannot change its address is made to take every frame. */
	if (rte_eth_dev_default_mac_addr_set(p->id, &mac))
		rte_eth_promiscuous_enable(p->id);
}

static int make_impairments(struct zl_port *p)
{
	for (uint16_t q = 0; q < p->info.queues; q++) {
		struct port_queue *queue = &p->queue[q];

		if (zl_impair_wanted(&p->cfg.rx)) {
			queue->rx = zl_impair_create(&p->cfg.rx, 2u * q, queue->pool);
			p->rx_staged = true;
		}
		if (zl_impair_wanted(&p->cfg.tx)) {
			queue->tx = zl_impair_create(&p->cfg.tx, 2u * q + 1, queue->pool);
			p->tx_staged = true;
		}
		if ((p->rx_staged && !queue->rx) || (zl_impair_wanted(&p->cfg.tx) && !queue->tx))
			return -ENOMEM;
	}
	return 0;
}

static int make_waiting_rooms(struct zl_port *p)
{
	for (uint16_t q = 0; q < p->info.queues; q++) {
		p->queue[q].waiting = rte_malloc("port_waiting",
						 TX_WAITING * sizeof(struct rte_mbuf *), 0);
		if (!p->queue[q].waiting)
			return -ENOMEM;
	}
	return 0;
}

/* The device exists; make it a port. 0, or -1 with the reason in text. */
static int set_up(struct zl_port *p, unsigned cores, const uint8_t *rss_key, char *text,
		  size_t bytes)
{
	const char *step = "inquiry";
	int rc = rte_eth_dev_info_get(p->id, &p->dev);

	if (!rc) {
		zl_offload_choose(p, cores, rss_key);
		if (p->cfg.queues > 1 && p->cfg.queues != p->info.queues) {
			say(&p->cfg, text, bytes,
			    "this device spreads flows over %u queue%s, not %u; leave queues out",
			    p->info.queues, p->info.queues == 1 ? "" : "s", p->cfg.queues);
			return -1;
		}
		rc = zl_port_configure(p, &step);
	}
	if (rc && p->conf.intr_conf.rxq) {
		/* Some bind to drivers without interrupts of a queue: naps will do. */
		p->conf.intr_conf.rxq = 0;
		rc = zl_port_configure(p, &step);
	}
	p->intr = p->conf.intr_conf.rxq;
	if (!rc) {
		step = "impairment stage";
		rc = make_impairments(p);
	}
	if (!rc) {
		step = "queue of frames that wait";
		rc = make_waiting_rooms(p);
	}
	if (rc) {
		say(&p->cfg, text, bytes, "%s refused (%s); the log above says why", step,
		    cause(rc));
		return -1;
	}
	p->tx_staged |= p->make_private || p->make_contiguous;
	set_mac(p);
	return set_mtu(p, text, bytes);
}

struct zl_port *zl_port_open(const struct zl_ipc_port *cfg, unsigned cores,
			     struct rte_mempool *const *pool, const uint8_t *rss_key, char *text,
			     size_t text_bytes)
{
	struct zl_port *p;
	char why[ZL_TEXT_MAX] = "";

	if (cfg->kind >= ZL_PORT_KINDS || !cores || cores > ZL_POLL_CORES_MAX) {
		say(cfg, text, text_bytes, "kind %u for %u cores is none that there is", cfg->kind,
		    cores);
		return NULL;
	}
	p = rte_zmalloc("port", sizeof(*p), RTE_CACHE_LINE_SIZE);
	if (!p) {
		say(cfg, text, text_bytes, "out of memory; raise memory_mb");
		return NULL;
	}
	p->cfg = *cfg;
	for (unsigned i = 0; i < ZL_POLL_CORES_MAX; i++) {
		p->queue[i].pool = i < cores ? pool[i] : NULL;
		p->queue[i].intr_fd = -1;
	}
	if (zl_device_create(cfg, &p->device, why, sizeof(why))) {
		say(cfg, text, text_bytes, "%s", why);
		rte_free(p);
		return NULL;
	}
	p->id = p->device.id;
	if (!set_up(p, cores, rss_key, text, text_bytes))
		return p;
	zl_port_close(p);
	return NULL;
}

int zl_port_start(struct zl_port *p, char *text, size_t text_bytes)
{
	const char *step = "start";
	int rc = rte_eth_dev_start(p->id);

	if (rc && p->conf.intr_conf.rxq) {
		p->conf.intr_conf.rxq = 0;
		p->intr = false;
		rc = zl_port_configure(p, &step);
		step = rc ? step : "start";
		rc = rc ? rc : rte_eth_dev_start(p->id);
	}
	if (!rc) {
		p->started = true;
		step = "redirection table";
		rc = zl_offload_steer(p);
	}
	if (rc) {
		say(&p->cfg, text, text_bytes, "%s refused (%s); %s", step, cause(rc),
		    p->device.driver->remedy);
		return rc;
	}
	/* PGM and IGMP groups are sorted out above; what cannot filter by group takes all. */
	if (rte_eth_allmulticast_enable(p->id))
		rte_eth_promiscuous_enable(p->id);
	return 0;
}

/* What the device still holds of our pools: frames that came and were not asked for. */
static void drain(struct zl_port *p)
{
	struct rte_mbuf *frames[BURST];
	uint16_t n;

	for (uint16_t q = 0; q < p->info.queues; q++)
		for (unsigned round = 0; round < 256; round++) {
			n = rte_eth_rx_burst(p->id, q, frames, BURST);
			if (!n)
				break;
			rte_pktmbuf_free_bulk(frames, n);
		}
}

void zl_port_close(struct zl_port *p)
{
	if (!p)
		return;
	for (unsigned q = 0; q < ZL_POLL_CORES_MAX; q++) {
		zl_traffic_clear(p, (uint16_t)q);
		zl_impair_free(p->queue[q].rx);
		zl_impair_free(p->queue[q].tx);
	}
	if (p->started) {
		if (p->make_private)
			drain(p);
		zl_device_settle();
		rte_eth_dev_stop(p->id);
	}
	zl_device_settle();
	zl_device_remove(&p->device);
	rte_free(p);
}

const struct zl_port_info *zl_port_info(const struct zl_port *p)
{
	return &p->info;
}

const struct zl_port_stats *zl_port_stats(const struct zl_port *p, uint16_t queue)
{
	return &p->queue[queue].stats;
}
