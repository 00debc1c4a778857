/* EAL, memory, port and stack of one thread, up and down, and their part of each turn. */
#include "tests/bench/machine.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include <rte_eal.h>

#include "dataplane/net/steer.h"
#include "tests/bench/eal.h"
#include "tests/bench/message.h"

#define FRAMES        32768
#define SLICES_A_LAID 4 /* blocks of slices: a stream has few, unless messages are huge */
#define FIXED_MB      96
#define IDLE_NS       50000 /* without a frame for so long: nap */
#define NAP_NS        50000
#define CHECKED       (RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD)

static unsigned frame_room(const struct options *o)
{
	unsigned need = o->port.mtu + RTE_ETHER_HDR_LEN + RTE_PKTMBUF_HEADROOM;

	return RTE_MAX((unsigned)RTE_MBUF_DEFAULT_BUF_SIZE, RTE_ALIGN_CEIL(need, 64u));
}

static unsigned blocks_wanted(const struct options *o, unsigned laid)
{
	return 1024 + 2 * (o->publishers + o->subscribers) + laid * SLICES_A_LAID;
}

static unsigned memory_mb(const struct options *o, unsigned laid)
{
	uint64_t each = frame_room(o) + 2 * sizeof(struct rte_mbuf) + 256;
	uint64_t all = FRAMES * each + (uint64_t)laid * (LAID_ROOM + 1024) +
		       (uint64_t)blocks_wanted(o, laid) * (ZL_SLICE_BLOCK_SIZE + 128) +
		       (uint64_t)(o->publishers + o->subscribers) * 4096;

	return FIXED_MB + (unsigned)(all * 9 / 8 >> 20);
}

static int make_pools(struct machine *m, const struct options *o, unsigned laid)
{
	m->frames = bench_pool("frames", FRAMES, frame_room(o), o->hugepages);
	m->indirect = bench_pool("indirect", FRAMES, 0, o->hugepages);
	m->laid = bench_pool("laid", laid, RTE_PKTMBUF_HEADROOM + LAID_ROOM, o->hugepages);
	m->blocks = rte_mempool_create("blocks", blocks_wanted(o, laid), ZL_SLICE_BLOCK_SIZE, 64, 0,
				       NULL, NULL, NULL, NULL, SOCKET_ID_ANY,
				       o->hugepages ? 0 : RTE_MEMPOOL_F_NO_IOVA_CONTIG);
	return m->frames && m->indirect && m->laid && m->blocks ? 0 : -ENOMEM;
}

static void transmit(void *ctx, uint16_t port, struct rte_mbuf **frames, unsigned n)
{
	struct machine *m = ctx;

	(void)port;
	zl_port_tx(m->port, 0, frames, n, m->now_ns);
}

static bool tx_waits(void *ctx, uint16_t port)
{
	struct machine *m = ctx;

	(void)port;
	return zl_port_tx_waits(m->port, 0);
}

static bool accept_none(void *ctx, uint64_t cookie, struct zl_stream *s)
{
	(void)ctx;
	(void)cookie;
	(void)s;
	return false;
}

static void neighbor(void *ctx, uint16_t port, uint32_t ip, const struct rte_ether_addr *mac)
{
	(void)ctx;
	(void)port;
	(void)ip;
	(void)mac;
}

static uint64_t draw(void *ctx)
{
	uint64_t n = 0;

	(void)ctx;
	while (getrandom(&n, sizeof(n), 0) != sizeof(n))
		;
	return n;
}

static const struct zl_net_ops net_ops = {
	.transmit = transmit, .tx_waits = tx_waits, .accept = accept_none, .neighbor = neighbor, .random = draw};

static int make_stack(struct machine *m, const struct options *o)
{
	struct zl_net_config config = {.ops = &net_ops,
				       .ctx = m,
				       .frames = m->frames,
				       .indirect = m->indirect,
				       .blocks = m->blocks,
				       .socket_id = SOCKET_ID_ANY};

	zl_tcp_config_default(&config.tcp);
	config.tcp.rcvbuf = o->rcvbuf;
	config.tcp.max_connections = o->publishers + o->subscribers + 16;
	m->clock_mul = (uint64_t)(((unsigned __int128)1000000000u << 32) / rte_get_tsc_hz());
	m->now_ns = machine_clock(m);
	m->net = zl_net_create(&config);
	return m->net ? 0 : -errno;
}

static int open_port(struct machine *m, const struct options *o, char *text, size_t bytes)
{
	const struct zl_port_info *info;

	m->port = zl_port_open(&o->port, 1, &m->frames, zl_rss_key, text, bytes);
	if (!m->port)
		return -1;
	info = zl_port_info(m->port);
	struct zl_net_port at = {.mac = info->mac,
				 .mtu = info->mtu,
				 .tx_offload = info->tx_offload,
				 .rx_checked = m->trusting ? CHECKED : info->rx_checked,
				 .copies = info->copies,
				 .ip = o->port.ip,
				 .prefix_len = (uint8_t)o->port.prefix_len,
				 .gateway = o->port.gateway};
	if (zl_net_port_add(m->net, 0, &at)) {
		snprintf(text, bytes, "--address: cannot be used");
		return -1;
	}
	if (zl_port_start(m->port, text, bytes))
		return -1;
	zl_net_announce(m->net, m->now_ns);
	return 0;
}

int machine_open(struct machine *m, const struct options *o, unsigned laid, char *text,
		 size_t bytes)
{
	*m = (struct machine){.trusting = !o->verify};
	if (bench_eal_start("zeroline-blast", &o->port, memory_mb(o, laid), o->hugepages, text,
			    bytes))
		return -1;
	m->eal = true;
	if (make_pools(m, o, laid) || make_stack(m, o)) {
		snprintf(text, bytes, "no memory for %u connections; ask for fewer",
			 o->publishers + o->subscribers);
		return -1;
	}
	return open_port(m, o, text, bytes);
}

void machine_stop(struct machine *m)
{
	if (m->net)
		zl_net_destroy(m->net);
	m->net = NULL;
}

void machine_close(struct machine *m)
{
	if (!m->eal)
		return;
	zl_port_close(m->port);
	rte_mempool_free(m->frames);
	rte_mempool_free(m->indirect);
	rte_mempool_free(m->laid);
	rte_mempool_free(m->blocks);
	rte_eal_cleanup();
}

void machine_in(struct machine *m)
{
	struct rte_mbuf *frames[ZL_NET_BURST];
	unsigned n;

	m->now_ns = machine_clock(m);
	n = zl_port_rx(m->port, 0, frames, ZL_NET_BURST, m->now_ns);
	if (n) {
		m->work_ns = m->now_ns;
		for (unsigned i = 0; m->trusting && i < n; i++)
			frames[i]->ol_flags |= CHECKED;
		zl_net_input(m->net, 0, frames, n, m->now_ns);
	}
	zl_net_timers(m->net, m->now_ns);
}

void machine_out(struct machine *m)
{
	zl_net_output(m->net, m->now_ns);
	zl_port_poll(m->port, 0, m->now_ns);
}

void machine_nap(const struct machine *m)
{
	const struct timespec nap = {0, NAP_NS};

	if (m->now_ns - m->work_ns > IDLE_NS)
		nanosleep(&nap, NULL);
}
