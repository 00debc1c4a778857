/* Moving frames through a port. Without impairment, on a device that takes chains and has room, it
 * costs a few tests a call above the driver's own burst functions. What a device has no room for
 * waits here, in order; as long as some wait the stack makes no more data (zl_net_ops.tx_waits). */
#include "drivers/port/port.h"

#include <string.h>

#include <rte_malloc.h>
#include <rte_mbuf.h>

#include "drivers/port/state.h"

#define BURST         ZL_IMPAIR_BURST
#define TX_RETRY_NS   50000     /* an idle core comes back this often */
#define TX_STALLED_NS 100000000 /* below TCP's least retransmission time-out */

static uint64_t bytes_of(struct rte_mbuf *const *frames, unsigned n)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < n; i++)
		bytes += frames[i]->pkt_len;
	return bytes;
}

static unsigned receive(struct zl_port *p, uint16_t queue, struct rte_mbuf **frames, unsigned n)
{
	struct zl_port_stats *stats = &p->queue[queue].stats;
	unsigned got = rte_eth_rx_burst(p->id, queue, frames, (uint16_t)n);

	stats->rx_frames += got;
	stats->rx_bytes += bytes_of(frames, got);
	return got;
}

/* As many as the device takes now; counted. */
static unsigned offer(struct zl_port *p, uint16_t queue, struct rte_mbuf **frames, unsigned n)
{
	struct zl_port_stats *stats = &p->queue[queue].stats;
	uint64_t bytes = bytes_of(frames, n);
	unsigned sent = 0, more;

	do {
		more = rte_eth_tx_burst(p->id, queue, frames + sent, (uint16_t)(n - sent));
		sent += more;
	} while (more && sent < n);
	if (sent < n)
		bytes -= bytes_of(frames + sent, n - sent);
	stats->tx_frames += sent;
	stats->tx_bytes += bytes;
	return sent;
}

static void drop(struct port_queue *q, struct rte_mbuf **frames, unsigned n)
{
	q->stats.tx_dropped += n;
	rte_pktmbuf_free_bulk(frames, n);
}

/* Other cores look at the number (zl_port_tx_waits). */
static void set_waiting(struct port_queue *q, unsigned n)
{
	__atomic_store_n(&q->waiting_n, n, __ATOMIC_RELAXED);
}

/* The first n of those that wait are gone. */
static void left(struct port_queue *q, unsigned n)
{
	q->waiting_first = (q->waiting_first + n) % TX_WAITING;
	set_waiting(q, q->waiting_n - n);
}

/* Those that lie together in the ring. */
static unsigned waiting_run(const struct port_queue *q)
{
	return RTE_MIN(q->waiting_n, TX_WAITING - q->waiting_first);
}

static void drop_waiting(struct port_queue *q)
{
	while (q->waiting_n) {
		unsigned run = waiting_run(q);

		drop(q, q->waiting + q->waiting_first, run);
		left(q, run);
	}
}

/* A device that has taken nothing for a while has nobody behind it: what waits is too old to be of
 * use, and what comes is not kept until it takes something again. */
static void retry(struct zl_port *p, uint16_t queue, uint64_t now_ns)
{
	struct port_queue *q = &p->queue[queue];
	unsigned sent = 0, run;

	q->tried_ns = now_ns;
	while (q->waiting_n) {
		unsigned n;

		run = waiting_run(q);
		n = offer(p, queue, q->waiting + q->waiting_first, run);
		left(q, n);
		sent += n;
		if (n < run)
			break;
	}
	if (sent) {
		q->taken_ns = now_ns;
	} else if (now_ns - q->taken_ns > TX_STALLED_NS) {
		drop_waiting(q);
		q->stalled = true;
	}
}

/* Behind those that wait already, as far as there is room. */
static void wait(struct port_queue *q, struct rte_mbuf **frames, unsigned n, uint64_t now_ns)
{
	unsigned kept = q->stalled ? 0 : RTE_MIN(n, TX_WAITING - q->waiting_n);

	if (!q->waiting_n)
		q->tried_ns = q->taken_ns = now_ns;
	for (unsigned i = 0; i < kept; i++)
		q->waiting[(q->waiting_first + q->waiting_n + i) % TX_WAITING] = frames[i];
	set_waiting(q, q->waiting_n + kept);
	q->stats.tx_deferred += kept;
	drop(q, frames + kept, n - kept);
}

static void transmit(struct zl_port *p, uint16_t queue, struct rte_mbuf **frames, unsigned n,
		     uint64_t now_ns)
{
	struct port_queue *q = &p->queue[queue];
	unsigned sent = 0;

	if (unlikely(q->waiting_n))
		retry(p, queue, now_ns);
	if (likely(!q->waiting_n))
		sent = offer(p, queue, frames, n);
	if (unlikely(q->stalled && sent))
		q->stalled = false;
	if (unlikely(sent < n))
		wait(q, frames + sent, n - sent, now_ns);
}

static unsigned receive_staged(struct zl_port *p, uint16_t queue, struct rte_mbuf **frames,
			       unsigned n, uint64_t now_ns)
{
	struct port_queue *q = &p->queue[queue];
	struct rte_mbuf *burst[BURST];
	unsigned out = zl_impair_pop(q->rx, frames, n, now_ns), got;

	do {
		got = receive(p, queue, burst, RTE_MIN(n - out, (unsigned)BURST));
		zl_impair_push(q->rx, burst, got, now_ns);
		out += zl_impair_pop(q->rx, frames + out, n - out, now_ns);
	} while (got == BURST && out < n);
	q->stats.rx_impaired = zl_impair_total(q->rx);
	return out;
}

unsigned zl_port_rx(struct zl_port *p, uint16_t queue, struct rte_mbuf **frames, unsigned n,
		    uint64_t now_ns)
{
	if (unlikely(p->rx_staged))
		return receive_staged(p, queue, frames, n, now_ns);
	return receive(p, queue, frames, n);
}

/* A frame that this device can take: the same, its copy, or NULL when there is no memory for one.
 * What is shared is never written. */
static struct rte_mbuf *presentable(const struct zl_port *p, uint16_t queue, struct rte_mbuf *m)
{
	bool private = m->nb_segs == 1 && RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) == 1;
	struct rte_mbuf *copy;

	if (m->nb_segs == 1 ? private || !p->make_private : !p->make_private && !p->make_contiguous)
		return m;
	copy = rte_pktmbuf_copy(m, p->queue[queue].pool, 0, UINT32_MAX);
	if (copy && p->make_contiguous && copy->nb_segs > 1) {
		rte_pktmbuf_free(copy); /* longer than an mbuf: the device could not send it */
		copy = NULL;
	}
	rte_pktmbuf_free(m);
	return copy;
}

static void transmit_presentable(struct zl_port *p, uint16_t queue, struct rte_mbuf **frames,
				 unsigned n, uint64_t now_ns)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = presentable(p, queue, frames[i]);

		if (m)
			frames[kept++] = m;
		else
			p->queue[queue].stats.tx_dropped++;
	}
	transmit(p, queue, frames, kept, now_ns);
}

static void transmit_due(struct zl_port *p, uint16_t queue, uint64_t now_ns)
{
	struct port_queue *q = &p->queue[queue];
	struct rte_mbuf *burst[BURST];
	unsigned n;

	while ((n = zl_impair_pop(q->tx, burst, BURST, now_ns)))
		transmit_presentable(p, queue, burst, n, now_ns);
	q->stats.tx_impaired = zl_impair_total(q->tx);
}

static void transmit_staged(struct zl_port *p, uint16_t queue, struct rte_mbuf **frames, unsigned n,
			    uint64_t now_ns)
{
	struct port_queue *q = &p->queue[queue];

	if (!q->tx) {
		transmit_presentable(p, queue, frames, n, now_ns);
		return;
	}
	transmit_due(p, queue, now_ns);
	for (unsigned i = 0; i < n; i += BURST) {
		zl_impair_push(q->tx, frames + i, RTE_MIN(n - i, (unsigned)BURST), now_ns);
		transmit_due(p, queue, now_ns);
	}
}

void zl_port_tx(struct zl_port *p, uint16_t queue, struct rte_mbuf **frames, unsigned n,
		uint64_t now_ns)
{
	if (unlikely(p->tx_staged))
		transmit_staged(p, queue, frames, n, now_ns);
	else
		transmit(p, queue, frames, n, now_ns);
}

void zl_port_poll(struct zl_port *p, uint16_t queue, uint64_t now_ns)
{
	if (unlikely(p->queue[queue].waiting_n))
		retry(p, queue, now_ns);
	if (p->queue[queue].tx)
		transmit_due(p, queue, now_ns);
}

bool zl_port_tx_waits(const struct zl_port *p, uint16_t queue)
{
	return __atomic_load_n(&p->queue[queue].waiting_n, __ATOMIC_RELAXED);
}

uint64_t zl_port_next_due(const struct zl_port *p, uint16_t queue)
{
	const struct port_queue *q = &p->queue[queue];
	uint64_t rx = q->rx ? zl_impair_next_due(q->rx) : UINT64_MAX;
	uint64_t tx = q->tx ? zl_impair_next_due(q->tx) : UINT64_MAX;

	if (q->waiting_n)
		tx = RTE_MIN(tx, q->tried_ns + TX_RETRY_NS);
	return RTE_MIN(rx, tx);
}

void zl_traffic_clear(struct zl_port *p, uint16_t queue)
{
	if (!p->queue[queue].waiting)
		return;
	drop_waiting(&p->queue[queue]);
	rte_free(p->queue[queue].waiting);
}
