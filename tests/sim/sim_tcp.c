/* sim_tcp: two stacks, a bad network, and one scenario a seed; checks that what TCP promises is
 * kept, and that nothing is left over. A failing seed is printed with the command that replays it.
 *
 *   sim_tcp [--seeds N] [--first S] [--seed S] [--pcap FILE] [--verbose] [--sabotage] */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>

#include "tests/sim/pool.h"
#include "tests/sim/scenario.h"
#include "tests/unit/eal.h"

#define SEEDS_DEFAULT 2000
#define ISN_TICK_NS   4000    /* initial sequence numbers go up by one in each (RFC 6528) */
#define FRAMES_MOST   4000000 /* more in one seed is a storm */
#define PORT_BASE     5000
#define SOURCE_BASE   45000

/* Of one stack. Made once and used by seed after seed: all are full in between. */
struct pools {
	struct rte_mempool *frames, *indirect, *blocks, *payload;
};

static struct {
	const char *program, *pcap;
	bool verbose, sabotage;
	struct pools pools[POOL_SIZES][2]; /* by size, by stack */
} options;

/* Small pools still hold what the largest segment needs (9000 bytes in slices of 256), or nothing
 * could move. */
static const unsigned pool_objects[POOL_SIZES][4] = {
	[POOLS_AMPLE] = {8192, 8192, 4096, 8192},
	[POOLS_SMALL] = {192, 128, 24, 96},
	[POOLS_TINY] = {96, 48, 8, 64},
};

static void pools_create(struct pools *p, enum pool_size size)
{
	const unsigned *n = pool_objects[size];

	p->frames = sim_pool_mbufs(n[0], RTE_MBUF_DEFAULT_BUF_SIZE);
	p->indirect = sim_pool_mbufs(n[1], 0);
	p->blocks = sim_pool_objects(n[2], ZL_SLICE_BLOCK_SIZE);
	p->payload = sim_pool_mbufs(n[3], RTE_MBUF_DEFAULT_BUF_SIZE);
}

static void pools_free(struct pools *p)
{
	sim_pool_free(p->frames);
	sim_pool_free(p->indirect);
	sim_pool_free(p->blocks);
	sim_pool_free(p->payload);
}

/* One seed's run. */
struct run {
	struct scenario scenario;
	struct world *world;
	struct endpoint end[SCENARIO_CONNS][2];
	char fault[400];
};

__attribute__((format(printf, 2, 3))) static void fault(struct run *r, const char *format, ...)
{
	va_list args;

	if (r->fault[0])
		return;
	va_start(args, format);
	vsnprintf(r->fault, sizeof(r->fault), format, args);
	va_end(args);
}

/* The cookie says which endpoint a listener waits for. */
static bool accept_stream(void *ctx, uint64_t cookie, struct zl_stream *s)
{
	struct run *r = ctx;
	unsigned i = (unsigned)(cookie / 2), k = cookie % 2;

	if (r->scenario.conn[i].refused)
		return false;
	/* Of connections that follow each other on a four-tuple, the one whose time it is. */
	while (i + 1 < r->scenario.conns && r->scenario.conn[i + 1].again &&
	       r->end[i + 1][!k].opened)
		i++;
	endpoint_accept(&r->end[i][k], s);
	return true;
}

static void add_stack(struct run *r, unsigned i)
{
	const struct scenario *s = &r->scenario;
	const struct pools *p = &options.pools[s->stack[i].pools][i];
	struct world_stack config = {
		.mtu = s->stack[i].mtu,
		.rx_segment = s->stack[i].rx_segment,
		.frames = p->frames,
		.indirect = p->indirect,
		.blocks = p->blocks,
		.tcp = s->stack[i].tcp,
		.rx_offload = s->stack[i].rx_offload,
		.strip = s->strip,
		.accept = accept_stream,
		.ctx = r,
	};

	if (s->stack[i].offload)
		config.tx_offload = RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM;
	world_add(r->world, &config);
}

static void add_endpoint(struct run *r, unsigned i, unsigned k)
{
	const struct scenario_conn *c = &r->scenario.conn[i];
	struct endpoint *e = &r->end[i][k];
	uint64_t key = sim_mix(r->scenario.seed * 64 + i);
	unsigned first = i;

	while (r->scenario.conn[first].again)
		first--;
	e->world = r->world;
	e->stack = k;
	e->payload = options.pools[r->scenario.stack[k].pools][k].payload;
	e->plan = c->plan[k];
	e->key = sim_mix(key + k);
	e->peer_key = sim_mix(key + !k);
	e->peer_bytes = c->plan[!k].bytes;
	sim_random_seed(&e->random, e->key);
	if (c->simultaneous) {
		e->source_port = (uint16_t)(SOURCE_BASE + 2 * i + k);
		e->remote.port = (uint16_t)(SOURCE_BASE + 2 * i + !k);
	} else {
		e->remote.port = (uint16_t)(PORT_BASE + first);
		e->source_port = (uint16_t)(SOURCE_BASE + 2 * first);
	}
	if (c->again) {
		e->after = &r->end[i - 1][k];
		e->after_peer = &r->end[i - 1][!k];
	}
	e->eager = c->eager;
	e->remote.ip = world_ip(!k);
	if (c->simultaneous || c->opener == k)
		world_call(r->world, k, r->scenario.epoch_ns + c->start_ns, endpoint_connect, e);
	else if (!c->unheard && !c->again &&
		 zl_tcp_listen(world_net(r->world, k), 0, e->remote.port, i * 2 + k))
		fault(r, "listen on port %u failed", e->remote.port);
}

static void run_create(struct run *r)
{
	const struct scenario *s = &r->scenario;
	struct world_config c = {
		.seed = s->seed,
		.epoch_ns = s->epoch_ns,
		.turn_ns = s->turn_ns,
		.trace = options.verbose,
		.pcap = options.pcap,
	};

	r->world = world_create(&c);
	for (unsigned i = 0; i < 2; i++)
		add_stack(r, i);
	for (unsigned i = 0; i < 2; i++)
		world_link(r->world, i, !i, &s->link[i]);
	for (unsigned i = 0; i < s->conns; i++)
		for (unsigned k = 0; k < 2; k++)
			add_endpoint(r, i, k);
	if (options.sabotage)
		world_sabotage(r->world, 3);
}

/* Nothing more will happen to this endpoint, as far as one can ask. */
static bool ended(const struct run *r, unsigned i, unsigned k)
{
	const struct endpoint *e = &r->end[i][k], *peer = &r->end[i][!k];

	if (e->closed || e->aborted || e->fault[0])
		return true;
	/* The other side went away before this one was ever accepted. */
	return !e->opened && (peer->closed || peer->aborted);
}

static bool all_ended(const struct run *r)
{
	for (unsigned i = 0; i < r->scenario.conns; i++)
		for (unsigned k = 0; k < 2; k++)
			if (!ended(r, i, k))
				return false;
	return true;
}

static uint64_t progress(const struct run *r)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < r->scenario.conns; i++)
		sum += endpoint_progress(&r->end[i][0]) + endpoint_progress(&r->end[i][1]);
	return sum;
}

static void find_faults(struct run *r)
{
	if (world_fault(r->world))
		fault(r, "on the wire: %s", world_fault(r->world));
	for (unsigned i = 0; i < r->scenario.conns; i++)
		for (unsigned k = 0; k < 2; k++)
			if (r->end[i][k].fault[0])
				fault(r, "conn%u at stack %u: %s", i, k, r->end[i][k].fault);
}

static void stalled(struct run *r)
{
	for (unsigned i = 0; i < r->scenario.conns; i++)
		for (unsigned k = 0; k < 2; k++) {
			const struct endpoint *e = &r->end[i][k];
			const struct pools *p = &options.pools[r->scenario.stack[k].pools][k];

			if (ended(r, i, k))
				continue;
			fault(r,
			      "stalled: conn%u at stack %u%s%s%s%s: sent %lu of %lu, released %lu, "
			      "received %lu of %lu; out of its pools are %u of %u frames, %u of %u "
			      "indirect, %u of %u blocks",
			      i, k, e->opened ? " opened" : "",
			      e->established ? " established" : "", e->eof ? " eof" : "",
			      e->shut_down ? " shut-down" : "", e->sent, e->plan.bytes, e->released,
			      e->received, e->peer_bytes, sim_pool_missing(p->frames),
			      p->frames->size, sim_pool_missing(p->indirect), p->indirect->size,
			      sim_pool_missing(p->blocks), p->blocks->size);
		}
}

/* Until everything has ended, or something is wrong. */
static void run_transfers(struct run *r)
{
	uint64_t last = 0, since = world_now(r->world);

	while (!all_ended(r)) {
		uint64_t p;

		if (!world_step(r->world, since + r->scenario.stall_ns)) {
			stalled(r);
			return;
		}
		find_faults(r);
		if (r->fault[0])
			return;
		p = progress(r);
		if (p != last)
			since = world_now(r->world);
		last = p;
		if (world_now(r->world) - since > r->scenario.stall_ns) {
			stalled(r);
			return;
		}
		if (world_frames(r->world) > FRAMES_MOST)
			fault(r, "a storm: more than %u frames", FRAMES_MOST);
	}
}

/* How this endpoint ought to have ended. */
static void check_end(struct run *r, unsigned i, unsigned k)
{
	const struct endpoint *e = &r->end[i][k], *peer = &r->end[i][!k];
	const struct scenario_conn *c = &r->scenario.conn[i];
	bool orderly;

	if (e->aborted || !e->opened)
		return;
	if (c->refused) {
		if (strcmp(e->reason, "refused") && strcmp(e->reason, "reset_by_peer"))
			fault(r, "conn%u: refused, but closed for %s", i, e->reason);
		return;
	}
	if (peer->aborted)
		return;
	orderly = !strcmp(e->reason, "closed_here") || !strcmp(e->reason, "closed_by_peer") ||
		  !strcmp(e->reason, "shut_down");
	/* The last acknowledgments may be lost for as long as TIME-WAIT lasts: then the peer, which
	 * knows that all is well, answers with a reset (RFC 9293 3.6). */
	if (!orderly && !strcmp(e->reason, "reset_by_peer") && endpoint_complete(peer) && e->eof)
		return;
	if (!orderly || !endpoint_complete(e))
		fault(r,
		      "conn%u at stack %u: closed for %s; sent %lu of %lu, released %lu (%lu of "
		      "%lu "
		      "messages), received %lu of %lu%s",
		      i, k, e->reason, e->sent, e->plan.bytes, e->released, e->msgs_released,
		      e->msgs_sent, e->received, e->peer_bytes, e->eof ? "" : ", no end seen");
}

static void check_pools(struct run *r, const char *when)
{
	for (unsigned k = 0; k < 2; k++) {
		const struct pools *p = &options.pools[r->scenario.stack[k].pools][k];
		unsigned frames = sim_pool_missing(p->frames);
		unsigned indirect = sim_pool_missing(p->indirect);
		unsigned blocks = sim_pool_missing(p->blocks);
		unsigned payload = sim_pool_missing(p->payload);

		if (frames || indirect || blocks || payload)
			fault(r,
			      "stack %u leaks %s: %u frames, %u indirect, %u blocks, %u of the "
			      "program's buffers",
			      k, when, frames, indirect, blocks, payload);
	}
}

/* All is closed: let TIME-WAIT pass, and look at what is left. */
static void run_afterwards(struct run *r)
{
	const struct scenario *s = &r->scenario;
	uint64_t wait_ms = 10000 + 2 * (s->stack[0].tcp.msl_ms + s->stack[1].tcp.msl_ms);
	uint64_t until = world_now(r->world) + wait_ms * 1000000;

	while (world_step(r->world, until) && world_frames(r->world) < FRAMES_MOST)
		continue;
	for (unsigned i = 0; i < s->conns; i++)
		for (unsigned k = 0; k < 2; k++)
			check_end(r, i, k);
	find_faults(r);
	if (world_check_counters(r->world))
		fault(r, "%s", world_check_counters(r->world));
	if (!s->aborts)
		check_pools(r, "with every connection closed");
}

/* Moves the epoch so that sequence numbers wrap in the first connection: a trial run shows where
 * they would begin, and they move with the clock. */
static void wrap_soon(struct run *r)
{
	struct scenario *s = &r->scenario;
	bool verbose = options.verbose;
	uint32_t isn = 0;

	if (!s->wraps)
		return;
	options.verbose = false;
	run_create(r);
	while (!world_first_isn(r->world, &isn) &&
	       world_step(r->world, s->epoch_ns + UINT64_C(60000000000)))
		continue;
	world_destroy(r->world);
	options.verbose = verbose;
	memset(r->end, 0, sizeof(r->end));
	scenario_postpone(s, (uint64_t)(uint32_t)(-isn - (uint32_t)s->wrap_after) * ISN_TICK_NS);
}

static uint64_t run_seed(uint64_t seed, char *what, size_t size)
{
	struct run *r = calloc(1, sizeof(*r));
	uint64_t hash;

	if (!r)
		abort();
	scenario_draw(&r->scenario, seed);
	if (options.verbose) {
		scenario_print(&r->scenario, stdout);
		putchar('\n');
	}
	wrap_soon(r);
	run_create(r);
	run_transfers(r);
	if (!r->fault[0])
		run_afterwards(r);
	hash = world_hash(r->world);
	if (options.verbose)
		printf("%lu frames, hash %016lx\n", world_frames(r->world), hash);
	world_destroy(r->world);
	check_pools(r, "after teardown");
	snprintf(what, size, "%s", r->fault);
	if (what[0]) /* whatever is out stays out of the next seed's way */
		for (unsigned i = 0; i < POOL_SIZES * 2; i++) {
			pools_free(&options.pools[i / 2][i % 2]);
			pools_create(&options.pools[i / 2][i % 2], i / 2);
		}
	free(r);
	return hash;
}

static void report(uint64_t seed, const char *what)
{
	struct scenario s;

	scenario_draw(&s, seed);
	printf("FAILED seed %lu: %s\n  scenario: ", seed, what);
	scenario_print(&s, stdout);
	printf("\n  replay: %s --seed %lu --verbose --pcap /tmp/seed-%lu.pcap%s\n", options.program,
	       seed, seed, options.sabotage ? " --sabotage" : "");
	fflush(stdout);
}

static int run_seeds(uint64_t first, uint64_t n)
{
	char what[400];
	uint64_t failed = 0;

	for (uint64_t seed = first; seed < first + n; seed++) {
		uint64_t hash = run_seed(seed, what, sizeof(what));

		/* A seed now and then is run twice: it must be the same run to the last bit. */
		if (!what[0] && seed % 64 == 0 && !options.pcap &&
		    run_seed(seed, what, sizeof(what)) != hash && !what[0])
			snprintf(what, sizeof(what), "two runs of this seed differ");
		if (!what[0])
			continue;
		failed++;
		report(seed, what);
	}
	printf("%lu seeds from %lu on: %lu failed\n", n, first, failed);
	return failed ? 1 : 0;
}

static void usage(void)
{
	fprintf(stderr,
		"usage: %s [--seeds N] [--first S] [--seed S] [--pcap FILE] [--verbose] "
		"[--sabotage]\n",
		options.program);
	exit(2);
}

int main(int argc, char **argv)
{
	uint64_t first = 0, seeds = SEEDS_DEFAULT;
	int rc;

	options.program = argv[0];
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (!strcmp(argv[i], "--verbose")) {
			options.verbose = true;
			continue;
		}
		if (!strcmp(argv[i], "--sabotage")) {
			options.sabotage = true;
			continue;
		}
		if (!value)
			usage();
		if (!strcmp(argv[i], "--seeds"))
			seeds = strtoull(value, NULL, 0);
		else if (!strcmp(argv[i], "--first"))
			first = strtoull(value, NULL, 0);
		else if (!strcmp(argv[i], "--seed"))
			first = strtoull(value, NULL, 0), seeds = 1;
		else if (!strcmp(argv[i], "--pcap"))
			options.pcap = value;
		else
			usage();
		i++;
	}
	eal_start(192);
	for (unsigned i = 0; i < POOL_SIZES * 2; i++)
		pools_create(&options.pools[i / 2][i % 2], i / 2);
	rc = run_seeds(first, seeds);
	for (unsigned i = 0; i < POOL_SIZES * 2; i++)
		pools_free(&options.pools[i / 2][i % 2]);
	return rc;
}
