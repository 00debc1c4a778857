/* zeroline-count: the end of the wire, when a traffic generator drives it. One thread polls one
 * port, counts, and sends back if it is asked to. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

#include "drivers/port/port.h"
#include "tests/bench/count/count.h"
#include "tests/bench/eal.h"

#define MBUFS      8192 /* more than a port's rings hold */
#define MEMORY_MB  64
#define BURST      32
#define IDLE_TURNS 1000
#define NAP_NS     50000
#define S_NS       1e9

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int open_all(struct count *c)
{
	const struct count_options *o = &c->options;
	unsigned room = RTE_MAX((unsigned)RTE_MBUF_DEFAULT_BUF_SIZE,
				o->port.mtu + RTE_ETHER_HDR_LEN + RTE_PKTMBUF_HEADROOM + 0u);
	unsigned memory = MEMORY_MB + (unsigned)((uint64_t)MBUFS * (room + 256) >> 20);

	if (bench_eal_start("zeroline-count", &o->port, memory, o->hugepages, c->failure,
			    sizeof(c->failure)))
		return -1;
	c->eal = true;
	c->pool = bench_pool("frames", MBUFS, room, o->hugepages);
	if (!c->pool || flows_open(&c->flows)) {
		snprintf(c->failure, sizeof(c->failure), "no memory for %u frames", MBUFS);
		return -1;
	}
	c->port = zl_port_open(&o->port, 1, &c->pool, NULL, c->failure, sizeof(c->failure));
	if (!c->port)
		return -1;
	return zl_port_start(c->port, c->failure, sizeof(c->failure));
}

static void close_all(struct count *c)
{
	zl_port_close(c->port);
	if (c->flows.slot)
		flows_close(&c->flows);
	if (!c->eal || !zl_port_eal_may_stop())
		return;
	rte_mempool_free(c->pool);
	rte_eal_cleanup();
}

static void look_at(struct count *c, const struct rte_mbuf *m)
{
	uint8_t copy[FRAME_COPY];
	uint32_t bytes = RTE_MIN(m->pkt_len, (uint32_t)sizeof(copy));
	const uint8_t *frame = rte_pktmbuf_read(m, 0, bytes, copy);
	struct frame_facts facts;

	frame_read(frame, bytes, &facts);
	flows_count(&c->flows, &facts, m->pkt_len);
	if (c->options.verify && !frame_is_right(frame, bytes))
		c->wrong++;
}

static void turn_around(const struct count *c, struct rte_mbuf *m)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);

	eth->dst_addr = eth->src_addr;
	eth->src_addr = zl_port_info(c->port)->mac;
}

static void take(struct count *c, struct rte_mbuf **frames, unsigned n, uint64_t now_ns)
{
	for (unsigned i = 0; i < n; i++) {
		if (i + 4 < n)
			rte_prefetch0(rte_pktmbuf_mtod(frames[i + 4], void *));
		look_at(c, frames[i]);
		if (c->options.reflect)
			turn_around(c, frames[i]);
	}
	if (c->options.reflect)
		zl_port_tx(c->port, 0, frames, n, now_ns);
	else
		rte_pktmbuf_free_bulk(frames, n);
}

static void nap(void)
{
	const struct timespec t = {0, NAP_NS};

	nanosleep(&t, NULL);
}

static bool is_over(const struct count *c, uint64_t now_ns, uint64_t end_ns)
{
	const struct count_options *o = &c->options;

	if (stop || now_ns >= end_ns || (o->frames && c->frames >= o->frames))
		return true;
	return o->idle > 0 && c->frames && (double)(now_ns - c->to_ns) > o->idle * S_NS;
}

/* Until the time is over or the frames are enough; the clock starts with the first frame. */
static void run(struct count *c)
{
	const struct count_options *o = &c->options;
	struct rte_mbuf *frames[BURST];
	uint64_t now_ns = clock_ns(), end_ns = now_ns + (uint64_t)(o->wait * S_NS);
	unsigned idle = 0, n;

	while (!is_over(c, now_ns, end_ns)) {
		now_ns = clock_ns();
		n = BURST;
		if (o->frames)
			n = (unsigned)RTE_MIN(o->frames - c->frames, (uint64_t)BURST);
		n = zl_port_rx(c->port, 0, frames, n, now_ns);
		zl_port_poll(c->port, 0, now_ns);
		idle = n ? 0 : idle + 1;
		if (idle > IDLE_TURNS && !o->busy)
			nap();
		if (!n)
			continue;
		if (!c->frames) {
			c->from_ns = now_ns;
			end_ns = now_ns + (uint64_t)(o->seconds * S_NS);
		}
		c->frames += n;
		c->to_ns = now_ns;
		take(c, frames, n, now_ns);
	}
	/* what is to be sent back goes, or is dropped when nobody has taken it for long enough */
	while (zl_port_tx_waits(c->port, 0))
		zl_port_poll(c->port, 0, clock_ns());
	if (!c->frames)
		snprintf(c->failure, sizeof(c->failure),
			 "no frame came within %g s: is the other end running, and connected?",
			 o->wait);
}

int main(int argc, char **argv)
{
	static struct count c;
	struct sigaction action = {.sa_handler = on_signal};
	int status;

	count_options(&c.options, argc, argv);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (!open_all(&c))
		run(&c);
	status = count_report(&c);
	close_all(&c);
	return status;
}
