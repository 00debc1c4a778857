/* Draws scenarios from benign to brutal. Sizes are chosen so that a seed costs some ten
 * milliseconds: what is slow in virtual time costs nothing. */
#include "tests/sim/scenario.h"

#include <string.h>

#define US UINT64_C(1000)
#define MS UINT64_C(1000000)
#define S  UINT64_C(1000000000)

/* 0, or with chance ppm something between lo and hi. */
static uint64_t perhaps(struct sim_random *r, uint32_t ppm, uint64_t lo, uint64_t hi)
{
	return sim_chance(r, ppm) ? sim_scale(r, lo, hi) : 0;
}

static void draw_link(struct sim_random *r, struct link_params *l, const struct scenario *s,
		      uint16_t mtu)
{
	memset(l, 0, sizeof(*l));
	l->delay_ns = sim_scale(r, 10 * US, 300 * MS);
	if (sim_chance(r, 600000)) {
		uint64_t second;

		l->rate_bps = sim_scale(r, 200000, 10000000000);
		second = l->rate_bps / 8;
		l->queue_bytes = (uint32_t)sim_scale(r, 4 * mtu, 1 << 20);
		if (l->queue_bytes > second)
			l->queue_bytes = (uint32_t)(second > 4u * mtu ? second : 4u * mtu);
	}
	if (s->seed % 4 == 0)
		return;
	l->jitter_ns = perhaps(r, 500000, US, 20 * MS);
	l->loss_ppm = (uint32_t)perhaps(r, 600000, 100, 300000);
	if (sim_chance(r, 150000)) {
		l->burst_enter_ppm = (uint32_t)sim_scale(r, 100, 20000);
		l->burst_leave_ppm = (uint32_t)sim_range(r, 200000, 500000);
		l->burst_loss_ppm = (uint32_t)sim_range(r, 500000, 1000000);
	}
	l->reorder_ppm = (uint32_t)perhaps(r, 400000, 1000, 500000);
	l->reorder_ns = sim_scale(r, US, 50 * MS);
	l->duplicate_ppm = (uint32_t)perhaps(r, 300000, 1000, 200000);
	l->corrupt_ppm = (uint32_t)perhaps(r, 400000, 1000, 50000);
	if (sim_chance(r, 100000)) {
		l->blackout_from_ns = s->epoch_ns + sim_scale(r, MS, 5 * S);
		l->blackout_ns = sim_scale(r, 50 * MS, 20 * S);
	}
}

static void draw_stack(struct sim_random *r, struct scenario *s, unsigned i)
{
	static const uint16_t mtus[] = {576, 1280, 1500, 1500, 1500, 9000};
	struct zl_tcp_config *t = &s->stack[i].tcp;

	s->stack[i].mtu = mtus[sim_below(r, sizeof(mtus) / sizeof(mtus[0]))];
	if (i && sim_chance(r, 700000))
		s->stack[i].mtu = s->stack[0].mtu;
	s->stack[i].offload = sim_chance(r, 300000);
	s->stack[i].rx_offload = sim_chance(r, 300000);
	s->stack[i].pools = sim_chance(r, 800000)
				    ? POOLS_AMPLE
				    : (enum pool_size)sim_range(r, POOLS_SMALL, POOLS_TINY);
	/* Not with few buffers: a frame that takes a good part of the pool may never get in. */
	if (s->stack[i].pools == POOLS_AMPLE && sim_chance(r, 150000))
		s->stack[i].rx_segment = (uint16_t)sim_range(r, 54, 600);
	zl_tcp_config_default(t);
	t->rcvbuf = (uint32_t)(sim_chance(r, 300000) ? sim_scale(r, 4096, 65536)
						     : sim_scale(r, 65536, 1 << 20));
	t->min_rto_ms = (uint32_t)sim_scale(r, 20, 200);
	t->max_rto_ms = (uint32_t)sim_scale(r, 1000, 8000);
	t->delayed_ack_ms = (uint32_t)sim_range(r, 1, 40);
	/* Nothing may give up: what the links do is bad luck, never the end of a connection. */
	t->user_timeout_ms = 20000000;
	t->syn_retries = 100;
	/* TIME-WAIT outlives a good many losses of the last ACK. */
	t->msl_ms = 8 * t->max_rto_ms;
	t->backlog = 8;
	t->max_connections = (uint32_t)sim_scale(r, SCENARIO_CONNS, 32);
}

static void draw_plan(struct sim_random *r, struct endpoint_plan *p, uint32_t mtu)
{
	uint64_t most;

	memset(p, 0, sizeof(*p));
	switch (sim_below(r, 4)) {
	case 0:
		p->write_min = 1;
		p->write_max = 64;
		break;
	case 1:
		p->write_min = (uint32_t)sim_scale(r, 1000, 65536);
		p->write_max = p->write_min;
		break;
	default:
		p->write_min = 1;
		p->write_max = (uint32_t)sim_scale(r, 64, 32768);
		break;
	}
	most = (p->write_max < mtu ? p->write_max : mtu) * UINT64_C(4000);
	most = most < 8000000 ? most : 8000000;
	p->bytes = sim_chance(r, 100000)   ? 0
		   : sim_chance(r, 400000) ? sim_scale(r, most / 64, most)
					   : sim_scale(r, 1, most);
	p->queue_bytes = (uint32_t)sim_scale(r, 4096, 1 << 20);
	p->write_gap_ns = perhaps(r, 250000, 10 * US, 20 * MS);
	if (sim_chance(r, 400000)) { /* a slow reader */
		p->read_bytes = (uint32_t)sim_scale(r, 1 + p->bytes / 64, 2 + p->bytes);
		p->read_pause_ns = sim_scale(r, 100 * US, 5 * S);
	}
	p->hold_ns = perhaps(r, 200000, 10 * US, 500 * MS);
	p->end = (enum endpoint_end)sim_below(r, 3);
}

static void draw_conn(struct sim_random *r, struct scenario *s, struct scenario_conn *c)
{
	memset(c, 0, sizeof(*c));
	c->opener = (unsigned)sim_below(r, 2);
	c->start_ns = sim_scale(r, 1, 200 * MS);
	for (unsigned i = 0; i < 2; i++)
		draw_plan(r, &c->plan[i], s->stack[0].mtu);
	/* Not so slow that a reader needs thousands of pauses. */
	for (unsigned i = 0; i < 2; i++)
		if (c->plan[i].read_bytes && c->plan[i].read_bytes < c->plan[!i].bytes / 64)
			c->plan[i].read_bytes = (uint32_t)(c->plan[!i].bytes / 64);
	if (c->plan[0].end == END_AFTER_PEER && c->plan[1].end == END_AFTER_PEER)
		c->plan[sim_below(r, 2)].end = END_WHEN_SENT;
	if (sim_chance(r, 80000)) {
		struct endpoint_plan *p = &c->plan[sim_below(r, 2)];

		p->end = END_ABORT;
		p->abort_at = sim_below(r, c->plan[0].bytes + c->plan[1].bytes + 1);
		s->aborts = true;
	} else if (sim_chance(r, 30000)) {
		c->refused = true;
		c->unheard = sim_chance(r, 500000);
		s->aborts = true;
	} else {
		c->simultaneous = sim_chance(r, 80000);
	}
	c->eager = sim_chance(r, 200000);
}

void scenario_draw(struct scenario *s, uint64_t seed)
{
	/* Where 32-bit microseconds, milliseconds and 4 us ticks wrap. */
	static const uint64_t epochs[] = {1, 4294967296 * US - S, 4294967296 * MS - S,
					  4294967296 * 4000 - S, 12345678901234567};
	struct sim_random r;

	memset(s, 0, sizeof(*s));
	sim_random_seed(&r, seed);
	s->seed = seed;
	s->epoch_ns = epochs[sim_below(&r, sizeof(epochs) / sizeof(epochs[0]))];
	s->turn_ns = sim_scale(&r, 1, 100 * US);
	for (unsigned i = 0; i < 2; i++)
		draw_stack(&r, s, i);
	for (unsigned i = 0; i < 2; i++)
		draw_link(&r, &s->link[i], s, s->stack[i].mtu);
	s->conns = (unsigned)sim_range(&r, 1, SCENARIO_CONNS);
	for (unsigned i = 0; i < s->conns; i++)
		draw_conn(&r, s, &s->conn[i]);
	for (unsigned i = 1; i < s->conns; i++) {
		struct scenario_conn *a = &s->conn[i - 1], *b = &s->conn[i];

		if (a->simultaneous || b->simultaneous || a->refused || b->refused)
			continue;
		b->again = sim_chance(&r, 250000);
		if (b->again)
			b->opener = a->opener;
	}
	s->wraps = sim_chance(&r, 300000);
	s->wrap_after = sim_scale(&r, 1, 1 + s->conn[0].plan[s->conn[0].opener].bytes);
	/* MSS, window scale, timestamps */
	if (sim_chance(&r, 200000))
		s->strip = (uint32_t)sim_random(&r) & (1 << 2 | 1 << 3 | 1 << 8);
	for (unsigned i = 0; i < 2; i++) {
		struct zl_tcp_config *t = &s->stack[i].tcp;

		s->stall_ns = 300 * MS * (s->stack[0].tcp.max_rto_ms + s->stack[1].tcp.max_rto_ms);
		if (!s->aborts)
			continue;
		/* A lost reset is found out in no other way than by these. */
		t->keepalive_idle_ms = 10000;
		t->keepalive_interval_ms = 2000;
		t->keepalive_probes = 50;
		/* FIN-WAIT-2 ends by the user timeout; a peer that only waits for buffers must not.
		 */
		s->stall_ns += 30000 * S;
	}
}

void scenario_postpone(struct scenario *s, uint64_t ns)
{
	s->epoch_ns += ns;
	for (unsigned i = 0; i < 2; i++)
		s->link[i].blackout_from_ns += ns;
}

static void print_link(const struct link_params *l, const struct scenario *s, FILE *f)
{
	fprintf(f, " delay=%.3fms jitter=%.3fms", (double)l->delay_ns / 1e6,
		(double)l->jitter_ns / 1e6);
	if (l->rate_bps)
		fprintf(f, " rate=%.1fMbit/s queue=%u", (double)l->rate_bps / 1e6, l->queue_bytes);
	fprintf(f, " loss=%.2f%% reorder=%.1f%%/%.3fms dup=%.1f%% corrupt=%.2f%%",
		l->loss_ppm / 1e4, l->reorder_ppm / 1e4,
		l->reorder_ppm ? (double)l->reorder_ns / 1e6 : 0.0, l->duplicate_ppm / 1e4,
		l->corrupt_ppm / 1e4);
	if (l->burst_enter_ppm)
		fprintf(f, " burst=%.2f/%.0f/%.0f%%", l->burst_enter_ppm / 1e4,
			l->burst_leave_ppm / 1e4, l->burst_loss_ppm / 1e4);
	if (l->blackout_ns)
		fprintf(f, " blackout=%.0f+%.0fms",
			(double)(l->blackout_from_ns - s->epoch_ns) / 1e6,
			(double)l->blackout_ns / 1e6);
}

static void print_plan(const struct endpoint_plan *p, FILE *f)
{
	static const char *const ends[] = {"when-sent", "after-peer", "when-done", "abort"};

	fprintf(f, " {%lu bytes by %u-%u queue=%u", p->bytes, p->write_min, p->write_max,
		p->queue_bytes);
	if (p->write_gap_ns)
		fprintf(f, " gap=%.3fms", (double)p->write_gap_ns / 1e6);
	if (p->read_bytes)
		fprintf(f, " read=%u/%.1fms", p->read_bytes, (double)p->read_pause_ns / 1e6);
	if (p->hold_ns)
		fprintf(f, " hold=%.3fms", (double)p->hold_ns / 1e6);
	fprintf(f, " end=%s", ends[p->end]);
	if (p->end == END_ABORT)
		fprintf(f, "@%lu", p->abort_at);
	fputc('}', f);
}

void scenario_print(const struct scenario *s, FILE *f)
{
	static const char *const pools[POOL_SIZES] = {"", " small-pools", " tiny-pools"};

	fprintf(f, "turn=%luns strip=%#x", s->turn_ns, s->strip);
	for (unsigned i = 0; i < 2; i++) {
		const struct zl_tcp_config *t = &s->stack[i].tcp;

		fprintf(f, "; stack%u: mtu=%u rcvbuf=%u rto=%u-%ums conns=%u%s%s%s", i,
			s->stack[i].mtu, t->rcvbuf, t->min_rto_ms, t->max_rto_ms,
			t->max_connections, s->stack[i].offload ? " tx-offload" : "",
			s->stack[i].rx_offload ? " rx-offload" : "", pools[s->stack[i].pools]);
		if (s->stack[i].rx_segment)
			fprintf(f, " rx-segment=%u", s->stack[i].rx_segment);
		print_link(&s->link[i], s, f);
	}
	for (unsigned i = 0; i < s->conns; i++) {
		const struct scenario_conn *c = &s->conn[i];

		fprintf(f, "; conn%u:%s%s %s", i, c->again ? " again" : "",
			c->eager ? " eager" : "",
			c->unheard        ? "unheard"
			: c->refused      ? "refused"
			: c->simultaneous ? "simultaneous"
			: c->opener       ? "opened by 1"
					  : "opened by 0");
		print_plan(&c->plan[0], f);
		print_plan(&c->plan[1], f);
	}
}
