#include "tests/sim/pgm_scenario.h"

#include <inttypes.h>
#include <string.h>

#include "tests/sim/random.h"

#define MS UINT64_C(1000000)

static void draw_source(struct pgm_scenario *s, struct sim_random *r)
{
	s->messages = (unsigned)sim_scale(r, 20, 400);
	s->max_tpdu = (uint16_t)(sim_chance(r, 700000) ? sim_range(r, 128, 300) : 1472);
	s->message_max = (uint16_t)sim_range(r, 4, s->max_tpdu - 24 - 38);
	s->burst = (unsigned)sim_scale(r, 1, 64);
	s->interval_ns = sim_scale(r, 10000, 10 * MS);
	s->apdus = sim_chance(r, 250000) ? 300000 : 0;
	s->first_sqn = sim_chance(r, 500000) ? (uint32_t)-sim_below(r, 300)
					     : (uint32_t)sim_random(r);
	if (sim_chance(r, 400000))
		s->rate = sim_scale(r, 50000, 5000000);
	s->bo_ns = sim_range(r, 5, 50) * MS;
	s->join_sqns = sim_chance(r, 200000) ? (uint32_t)sim_range(r, 1, 50) : 0;
}

static void draw_windows(struct pgm_scenario *s, struct sim_random *r)
{
	s->ample = sim_chance(r, 600000);
	if (s->ample) {
		/* Short groups use up numbers; and each message has four packets at most. */
		s->txw_sqns = s->messages * (s->apdus ? 4 : 1) * (s->short_groups ? s->tg_size : 1);
		s->txw_sqns += 128;
		s->rxw_sqns = s->held = s->txw_sqns;
		return;
	}
	s->txw_sqns = (uint32_t)sim_scale(r, 16, 1024);
	s->rxw_sqns = (uint32_t)sim_scale(r, 16, 1024);
	s->held = (uint32_t)sim_scale(r, 4, 1024);
	if (s->txw_sqns < 2u * s->tg_size)
		s->txw_sqns = 2u * s->tg_size;
	s->txw_ns = sim_chance(r, 300000) ? sim_scale(r, 20 * MS, 2000 * MS) : 0;
}

static void draw_parity(struct pgm_scenario *s, struct sim_random *r)
{
	if (!sim_chance(r, 500000))
		return;
	s->tg_size = (uint8_t)(1u << sim_range(r, 1, 5));
	s->proactive = (uint8_t)(sim_chance(r, 600000) ? sim_range(r, 1, s->tg_size) : 0);
	s->ondemand = !s->proactive || sim_chance(r, 500000);
	s->short_groups = sim_chance(r, 500000);
}

/* Half of all networks are good ones. */
static void draw_network(struct pgm_scenario *s, struct sim_random *r)
{
	s->delay_ns = sim_scale(r, 20000, 2 * MS);
	s->spread_ns = sim_chance(r, 500000) ? sim_scale(r, 1000, s->bo_ns / 4) : 0;
	s->shared_loss = sim_chance(r, 600000) ? (uint32_t)sim_scale(r, 1000, 100000) : 0;
	s->own_loss = sim_chance(r, 600000) ? (uint32_t)sim_scale(r, 1000, 100000) : 0;
	s->nak_loss = sim_chance(r, 400000) ? (uint32_t)sim_scale(r, 10000, 300000) : 0;
	s->ncf_loss = sim_chance(r, 400000) ? (uint32_t)sim_scale(r, 10000, 300000) : 0;
	s->reordered = sim_chance(r, 400000) ? (uint32_t)sim_scale(r, 1000, 200000) : 0;
	s->reorder_ns = sim_scale(r, 10000, s->bo_ns);
	s->duplicated = sim_chance(r, 300000) ? (uint32_t)sim_scale(r, 1000, 200000) : 0;
	s->link_full = sim_chance(r, 300000) ? (uint32_t)sim_scale(r, 1000, 300000) : 0;
	s->late = sim_chance(r, 500000) ? (unsigned)sim_range(r, 1, 20) : 0;
	s->slow = sim_chance(r, 300000) ? (unsigned)sim_range(r, 1, 5) : 0;
	s->peers_hear = sim_chance(r, 500000);
}

void pgm_scenario_draw(struct pgm_scenario *s, uint64_t seed)
{
	struct sim_random r;

	memset(s, 0, sizeof(*s));
	s->seed = seed;
	sim_random_seed(&r, sim_mix(seed));
	draw_source(s, &r);
	draw_parity(s, &r);
	draw_windows(s, &r);
	draw_network(s, &r);
}

void pgm_scenario_print(const struct pgm_scenario *s, FILE *to)
{
	fprintf(to,
		"seed %" PRIu64 ": %u messages of %u in %u every %" PRIu64
		" us, apdus %u, from %u, "
		"rate %" PRIu64 ", windows %s %u/%u held %u age %" PRIu64 " ms, backoff %" PRIu64
		" ms, parity %u+%u%s%s, join %u, delay %" PRIu64 "+%" PRIu64
		" us, loss %u/%u nak %u ncf %u, reordered %u by %" PRIu64
		" us, duplicated %u, full %u, late %u, slow %u%s",
		s->seed, s->messages, s->message_max, s->burst, s->interval_ns / 1000, s->apdus,
		s->first_sqn, s->rate, s->ample ? "ample" : "tight", s->txw_sqns, s->rxw_sqns,
		s->held, s->txw_ns / MS, s->bo_ns / MS, s->tg_size, s->proactive,
		s->ondemand ? " on demand" : "", s->short_groups ? " short" : "", s->join_sqns,
		s->delay_ns / 1000, s->spread_ns / 1000, s->shared_loss, s->own_loss, s->nak_loss,
		s->ncf_loss, s->reordered, s->reorder_ns / 1000, s->duplicated, s->link_full,
		s->late, s->slow, s->peers_hear ? ", peers hear" : "");
}
