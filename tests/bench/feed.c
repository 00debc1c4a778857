/* A feed by multicast on a port of its own, and the count of what comes back: it sends original
 * data with rolling sequence numbers, or datagrams, at a rate or as fast as the port takes them,
 * and repairs nothing. One thread. Prints one JSON object. bench-feed --port=memif:SOCKET
 * --kind=epgm --group=239.192.7.1 ... */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_udp.h>

#include "tests/bench/eal.h"
#include "tests/bench/feed.h"
#include "tests/bench/frames/pgm.h"

#define MBUFS     16384
#define MEMORY_MB 96
#define BURST     32
#define SPM_EVERY 4096 /* data packets */
#define S_NS      1000000000u
#define LINK_NS   (5ull * S_NS)
#define DRAIN_NS  (S_NS / 5) /* for what the other end has not taken yet */
#define PGM_NAK   8          /* RFC 3208 8 */

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
	return (uint64_t)t.tv_sec * S_NS + (uint64_t)t.tv_nsec;
}

/* --- in --- */

static void count_data(struct feed *f, const struct pgm_data *data)
{
	uint32_t sqn = rte_be_to_cpu_32(data->sequence);

	if (f->packets && (int32_t)(sqn - f->expected) > 0)
		f->missing += sqn - f->expected;
	f->expected = sqn + 1;
}

/* Of IPv4 without options, in one piece: what the appliance sends. */
static void look_at(struct feed *f, const struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct rte_ipv4_hdr *ip = (const void *)(frame + sizeof(struct rte_ether_hdr));
	const struct pgm_data *data;

	if (m->data_len < f->frames[0].pgm + sizeof(*data) ||
	    ((const struct rte_ether_hdr *)frame)->ether_type !=
		    rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4) ||
	    ip->next_proto_id != (f->frames[0].kind == FEED_PGM ? PGM_IP_PROTOCOL : IPPROTO_UDP))
		return;
	data = (const void *)(frame + f->frames[0].pgm);
	if (f->frames[0].kind != FEED_UDP && data->header.type == PGM_NAK)
		f->naks++;
	if (ip->dst_addr != rte_cpu_to_be_32(f->heard) ||
	    (f->frames[0].kind != FEED_UDP && data->header.type != PGM_ODATA))
		return;
	if (f->frames[0].kind != FEED_UDP)
		count_data(f, data);
	if (!f->packets++)
		f->first_ns = f->now_ns;
	f->last_ns = f->now_ns;
	f->bytes += m->pkt_len;
}

static void take(struct feed *f)
{
	struct rte_mbuf *frames[BURST];
	unsigned n = zl_port_rx(f->port, 0, frames, BURST, f->now_ns);

	for (unsigned i = 0; i < n; i++)
		look_at(f, frames[i]);
	rte_pktmbuf_free_bulk(frames, n);
}

/* --- out --- */

static unsigned due(const struct feed *f)
{
	double all = f->early + f->rate * (double)(f->now_ns - f->begun_ns) / S_NS;

	if (!f->rate)
		return BURST;
	return all <= f->sqn ? 0 : all - f->sqn < BURST ? (unsigned)(all - f->sqn) : BURST;
}

/* By its number alone, so that what is sent again is lost again (SplitMix64). */
static bool is_lost(const struct feed *f, unsigned line, uint32_t sqn)
{
	uint64_t x = ((uint64_t)sqn << 1 | line) + 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	x ^= x >> 31;
	return sqn < f->whole_from && (double)(x >> 11) < f->lose * (double)(1ull << 53);
}

struct burst {
	struct rte_mbuf *frame[2 * (BURST + 1)];
	unsigned n;
};

static uint8_t *next_frame(struct burst *b)
{
	return rte_pktmbuf_mtod(b->frame[b->n], uint8_t *);
}

static void add(struct burst *b, uint16_t len)
{
	b->frame[b->n]->data_len = len;
	b->frame[b->n]->pkt_len = len;
	b->n += len > 0;
}

static unsigned lines(const struct feed *f)
{
	return f->line_b ? 2 : 1;
}

/* On every line the same, in the same order. */
static void transmit(struct feed *f, unsigned n)
{
	const unsigned room = lines(f) * (n + 1);
	struct burst b = {.n = 0};

	if (rte_pktmbuf_alloc_bulk(f->pool, b.frame, room))
		return;
	if (f->sqn % SPM_EVERY < n) {
		for (unsigned line = 0; line < lines(f); line++)
			add(&b, feed_frame_spm(&f->frames[line], f->spms, f->sqn, next_frame(&b)));
		f->spms++;
	}
	for (unsigned i = 0; i < n; i++, f->sqn++)
		for (unsigned line = 0; line < lines(f); line++)
			if (!f->lose || !is_lost(f, line, f->sqn)) {
				feed_frame_data(&f->frames[line], f->sqn, next_frame(&b));
				add(&b, f->frames[line].len);
			}
	rte_pktmbuf_free_bulk(b.frame + b.n, room - b.n);
	zl_port_tx(f->port, 0, b.frame, b.n, f->now_ns);
}

/* What the port has dropped, because the other end took nothing for a while, is the newest: it is
 * sent again, so that every gap is the other end's. An SPM among it makes one packet come twice,
 * and a second line as many as were dropped at most. */
static void rewind_dropped(struct feed *f)
{
	const uint64_t all = zl_port_stats(f->port, 0)->tx_dropped;

	f->sqn -= (uint32_t)RTE_MIN(all - f->dropped, (uint64_t)f->sqn);
	f->dropped = all;
}

/* Until the other end has taken one: what is sent before that is lost. */
static void await_link(struct feed *f)
{
	const struct timespec nap = {0, 1000000};
	const uint64_t end = clock_ns() + LINK_NS;

	do {
		f->now_ns = clock_ns();
		zl_port_poll(f->port, 0, f->now_ns);
		if (!zl_port_tx_waits(f->port, 0))
			transmit(f, 1);
		nanosleep(&nap, NULL);
	} while (!stop && !zl_port_stats(f->port, 0)->tx_frames && f->now_ns < end);
	rewind_dropped(f);
	f->early = f->sqn;
}

static void run(struct feed *f)
{
	uint64_t end;

	if (f->sends)
		await_link(f);
	f->whole_from = UINT32_MAX;
	end = clock_ns() + (uint64_t)(f->seconds * S_NS);
	f->begun_ns = clock_ns();
	for (f->now_ns = f->begun_ns; !stop && f->now_ns < end; f->now_ns = clock_ns()) {
		take(f);
		if (f->sends && !zl_port_tx_waits(f->port, 0)) {
			unsigned n = due(f);

			if (n)
				transmit(f, n);
		}
		zl_port_poll(f->port, 0, f->now_ns);
		rewind_dropped(f);
	}
	/* What is lost shows by what comes after it. */
	f->whole_from = f->sqn;
	for (end = f->now_ns + DRAIN_NS; !stop && f->now_ns < end; f->now_ns = clock_ns()) {
		take(f);
		if (f->lose > 0 && f->sqn < f->whole_from + BURST && !zl_port_tx_waits(f->port, 0))
			transmit(f, BURST);
		zl_port_poll(f->port, 0, f->now_ns);
		rewind_dropped(f);
	}
}

/* What no line has brought, of what was sent when the link was up. */
static uint32_t lost_on_all(const struct feed *f)
{
	uint32_t n = 0;

	for (uint32_t sqn = f->early; f->lose > 0 && sqn < f->whole_from; sqn++)
		n += is_lost(f, 0, sqn) && (!f->line_b || is_lost(f, 1, sqn));
	return n;
}

static int open_port(struct feed *f, char *text, size_t bytes)
{
	if (bench_eal_start("bench-feed", &f->wire, MEMORY_MB, f->hugepages, text, bytes))
		return -1;
	f->pool = bench_pool("frames", MBUFS, RTE_MBUF_DEFAULT_BUF_SIZE, f->hugepages);
	if (!f->pool) {
		snprintf(text, bytes, "no memory for %u frames", MBUFS);
		return -1;
	}
	f->port = zl_port_open(&f->wire, 1, &f->pool, NULL, text, bytes);
	return f->port ? zl_port_start(f->port, text, bytes) : -1;
}

static bool make_frames(struct feed *f, char *text, size_t bytes)
{
	f->frames[1] = f->frames[0];
	f->frames[1].group = f->line_b;
	snprintf(text, bytes, "the message does not fit");
	return feed_frames_make(&f->frames[0]) && feed_frames_make(&f->frames[1]);
}

static void report(const struct feed *f)
{
	const struct zl_port_stats *s = zl_port_stats(f->port, 0);

	printf("{\"sent\": %u, \"early\": %u, \"tx_dropped\": %llu, \"frame_bytes\": %u, "
	       "\"packets\": %llu, "
	       "\"bytes\": %llu, \"missing\": %llu, \"naks\": %llu, \"lost\": %u, "
	       "\"seconds\": %.6f}\n",
	       f->sqn, f->early, (unsigned long long)s->tx_dropped, f->frames[0].len,
	       (unsigned long long)f->packets, (unsigned long long)f->bytes,
	       (unsigned long long)f->missing, (unsigned long long)f->naks, lost_on_all(f),
	       (double)(f->last_ns - f->first_ns) / S_NS);
}

int main(int argc, char **argv)
{
	static struct feed f = {.wire = {.mtu = 1500},
				.frames[0] = {.source = RTE_IPV4(10, 9, 0, 2),
					      .group = RTE_IPV4(239, 192, 7, 1),
					      .port = 7500,
					      .size = 64,
					      .topics = 16},
				.seconds = 3,
				.sends = true};
	char text[256];

	f.frames[0].session = (uint16_t)getpid();
	feed_options(&f, argc, argv);
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	if (!make_frames(&f, text, sizeof(text)) || open_port(&f, text, sizeof(text))) {
		fprintf(stderr, "bench-feed: %s\n", text);
		return EXIT_FAILURE;
	}
	run(&f);
	report(&f);
	zl_port_close(f.port);
	if (zl_port_eal_may_stop())
		rte_eal_cleanup();
	return EXIT_SUCCESS;
}
