/* A feed by multicast on a port of its own, and the count of what comes back: it sends original
 * data with rolling sequence numbers, or datagrams, at a rate or as fast as the port takes them,
 * and repairs nothing. One thread. Prints one JSON object. bench-feed --port=memif:SOCKET
 * --kind=epgm --group=239.192.7.1 ... */
#include <argp.h>
#include <arpa/inet.h>
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

#include "drivers/port/port.h"
#include "tests/bench/eal.h"
#include "tests/bench/feed_frame.h"
#include "tests/bench/frames/pgm.h"
#include "tests/bench/port_option.h"

#define MBUFS     16384
#define MEMORY_MB 96
#define BURST     32
#define SPM_EVERY 4096 /* data packets */
#define S_NS      1000000000u
#define LINK_NS   (5ull * S_NS)
#define DRAIN_NS  (S_NS / 5) /* for what the other end has not taken yet */
#define PGM_NAK   8          /* RFC 3208 8 */

struct feed {
	struct zl_ipc_port wire;
	struct feed_frames frames;
	uint32_t heard; /* group whose packets are counted; 0: none */
	double rate, seconds;
	bool sends, hugepages;
	struct rte_mempool *pool;
	struct zl_port *port;
	uint64_t begun_ns, now_ns;
	uint32_t sqn, spms;
	uint32_t early; /* of them, sent before the link was known to be up */
	/* What came. */
	uint64_t packets, bytes, missing, naks;
	uint64_t first_ns, last_ns;
	uint32_t expected;
	uint64_t dropped; /* by the port, so far, and sent again */
};

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

	if (m->data_len < f->frames.pgm + sizeof(*data) ||
	    ((const struct rte_ether_hdr *)frame)->ether_type !=
		    rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4) ||
	    ip->next_proto_id != (f->frames.kind == FEED_PGM ? PGM_IP_PROTOCOL : IPPROTO_UDP))
		return;
	data = (const void *)(frame + f->frames.pgm);
	if (f->frames.kind != FEED_UDP && data->header.type == PGM_NAK)
		f->naks++;
	if (ip->dst_addr != rte_cpu_to_be_32(f->heard) ||
	    (f->frames.kind != FEED_UDP && data->header.type != PGM_ODATA))
		return;
	if (f->frames.kind != FEED_UDP)
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

static void transmit(struct feed *f, unsigned n)
{
	struct rte_mbuf *frames[BURST + 1];
	unsigned used = 0;

	if (rte_pktmbuf_alloc_bulk(f->pool, frames, n + 1))
		return;
	if (f->sqn % SPM_EVERY < n) {
		uint16_t len = feed_frame_spm(&f->frames, f->spms++, f->sqn,
					      rte_pktmbuf_mtod(frames[0], uint8_t *));

		frames[0]->data_len = len;
		frames[0]->pkt_len = len;
		used = len ? 1 : 0;
	}
	for (unsigned i = 0; i < n; i++, used++) {
		feed_frame_data(&f->frames, f->sqn++, rte_pktmbuf_mtod(frames[used], uint8_t *));
		frames[used]->data_len = f->frames.len;
		frames[used]->pkt_len = f->frames.len;
	}
	if (used == n)
		rte_pktmbuf_free(frames[n]);
	zl_port_tx(f->port, 0, frames, used, f->now_ns);
}

/* What the port has dropped, because the other end took nothing for a while, is the newest: it is
 * sent again, so that every gap is the other end's. An SPM among it makes one packet come twice. */
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
	for (end = f->now_ns + DRAIN_NS; !stop && f->now_ns < end; f->now_ns = clock_ns()) {
		take(f);
		zl_port_poll(f->port, 0, f->now_ns);
	}
	rewind_dropped(f);
}

/* --- command line --- */

enum {
	OPT_PORT = 256,
	OPT_KIND,
	OPT_GROUP,
	OPT_HEARD,
	OPT_SOURCE,
	OPT_GROUP_PORT,
	OPT_SIZE,
	OPT_TOPICS,
	OPT_RATE,
	OPT_SECONDS,
	OPT_SILENT,
	OPT_HUGEPAGES
};

static const struct argp_option options[] = {
	{"port", OPT_PORT, "KIND:DEVICE", 0, "memif:SOCKET ...; a memif is the client", 0},
	{"kind", OPT_KIND, "NAME", 0, "epgm, pgm or udp (epgm)", 0},
	{"group", OPT_GROUP, "IP", 0, "that it sends to (239.192.7.1)", 0},
	{"heard", OPT_HEARD, "IP", 0, "group whose packets it counts (none)", 0},
	{"source", OPT_SOURCE, "IP", 0, "that it sends from (10.9.0.2)", 0},
	{"group-port", OPT_GROUP_PORT, "PORT", 0, "of the group (7500)", 0},
	{"size", OPT_SIZE, "BYTES", 0, "of each message (64)", 0},
	{"topics", OPT_TOPICS, "N", 0, "T000, T001 ..., in turn (16)", 0},
	{"rate", OPT_RATE, "N", 0, "packets a second (as fast as they are taken)", 0},
	{"seconds", OPT_SECONDS, "S", 0, "in all (3)", 0},
	{"silent", OPT_SILENT, 0, 0, "only count", 0},
	{"hugepages", OPT_HUGEPAGES, 0, 0, "memory from hugepages", 0},
	{0},
};

static uint32_t address(struct argp_state *state, const char *text)
{
	struct in_addr in;

	if (inet_pton(AF_INET, text, &in) != 1)
		argp_error(state, "%s: an IPv4 address is wanted", text);
	return ntohl(in.s_addr);
}

static double number(struct argp_state *state, const char *text, double low, double high)
{
	char *end;
	double n = strtod(text, &end);

	if (end == text || *end || !(n >= low) || n > high)
		argp_error(state, "%s: a number from %.0f to %.0f is wanted", text, low, high);
	return n;
}

static void set_kind(struct argp_state *state, const char *text, enum feed_kind *kind)
{
	for (*kind = 0; *kind < FEED_KINDS; (*kind)++)
		if (!strcmp(text, feed_kind_name[*kind]))
			return;
	argp_error(state, "--kind %s: epgm, pgm or udp is wanted", text);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct feed *f = state->input;

	switch (key) {
	case OPT_PORT:
		port_option(state, arg, "role=client", &f->wire);
		return 0;
	case OPT_KIND:
		set_kind(state, arg, &f->frames.kind);
		return 0;
	case OPT_GROUP:
		f->frames.group = address(state, arg);
		return 0;
	case OPT_HEARD:
		f->heard = address(state, arg);
		return 0;
	case OPT_SOURCE:
		f->frames.source = address(state, arg);
		return 0;
	case OPT_GROUP_PORT:
		f->frames.port = (uint16_t)number(state, arg, 1, UINT16_MAX);
		return 0;
	case OPT_SIZE:
		f->frames.size = (uint16_t)number(state, arg, 4, 1400);
		return 0;
	case OPT_TOPICS:
		f->frames.topics = (uint16_t)number(state, arg, 1, FEED_TOPICS_MAX);
		return 0;
	case OPT_RATE:
		f->rate = number(state, arg, 1, 1e9);
		return 0;
	case OPT_SECONDS:
		f->seconds = number(state, arg, 0.1, 600);
		return 0;
	case OPT_SILENT:
		f->sends = false;
		return 0;
	case OPT_HUGEPAGES:
		f->hugepages = true;
		return 0;
	case ARGP_KEY_END:
		if (!f->wire.device[0])
			argp_error(state, "--port is wanted");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
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

static void report(const struct feed *f)
{
	const struct zl_port_stats *s = zl_port_stats(f->port, 0);

	printf("{\"sent\": %u, \"early\": %u, \"tx_dropped\": %llu, \"frame_bytes\": %u, "
	       "\"packets\": %llu, "
	       "\"bytes\": %llu, \"missing\": %llu, \"naks\": %llu, \"seconds\": %.6f}\n",
	       f->sqn, f->early, (unsigned long long)s->tx_dropped, f->frames.len,
	       (unsigned long long)f->packets, (unsigned long long)f->bytes,
	       (unsigned long long)f->missing, (unsigned long long)f->naks,
	       (double)(f->last_ns - f->first_ns) / S_NS);
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		options, parse, NULL, "Sends and counts a feed by multicast.", NULL, NULL, NULL};
	static struct feed f = {.wire = {.mtu = 1500},
				.frames = {.source = RTE_IPV4(10, 9, 0, 2),
					   .group = RTE_IPV4(239, 192, 7, 1),
					   .port = 7500,
					   .size = 64,
					   .topics = 16},
				.seconds = 3,
				.sends = true};
	char text[256] = "the message does not fit";

	f.frames.session = (uint16_t)getpid();
	argp_parse(&argp, argc, argv, 0, NULL, &f);
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	if (!feed_frames_make(&f.frames) || open_port(&f, text, sizeof(text))) {
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
