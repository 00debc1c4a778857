#include <inttypes.h>
#include <string.h>

#include "tests/sim/pgm_tree.h"
#include "tests/sim/random.h"

#define MS UINT64_C(1000000)

static uint32_t loss(struct sim_random *r, uint32_t most)
{
	return sim_chance(r, 500000) ? (uint32_t)sim_scale(r, 1000, most) : 0;
}

void tree_scenario_draw(struct tree_scenario *s, uint64_t seed)
{
	struct sim_random r;

	memset(s, 0, sizeof(*s));
	sim_random_seed(&r, sim_mix(seed));
	s->seed = seed;
	s->element = true;
	s->subnets = (unsigned)sim_range(&r, 2, TREE_SUBNETS);
	s->receivers = (unsigned)sim_scale(&r, 1, 16);
	s->messages = (unsigned)sim_range(&r, 20, 120);
	s->interval_ns = sim_scale(&r, 100000, 10 * MS);
	s->up_ns = sim_scale(&r, 100000, 50 * MS);
	s->down_ns = sim_scale(&r, 50000, 2 * MS);
	s->jitter_ns = sim_chance(&r, 300000) ? sim_scale(&r, 10000, 20 * MS) : 0;
	s->up_loss = loss(&r, 100000);
	s->subnet_loss = loss(&r, 100000);
	s->own_loss = loss(&r, 50000);
	s->nak_loss = sim_chance(&r, 300000) ? (uint32_t)sim_scale(&r, 10000, 300000) : 0;
	s->ncf_loss = sim_chance(&r, 300000) ? (uint32_t)sim_scale(&r, 10000, 300000) : 0;
	s->duplicated = sim_chance(&r, 300000) ? (uint32_t)sim_scale(&r, 1000, 100000) : 0;
	s->tg_size = (uint8_t)(sim_chance(&r, 300000) ? 1u << sim_range(&r, 1, 4) : 0);
	s->ample = sim_chance(&r, 600000);
	s->txw_sqns = s->ample ? 256 : (uint32_t)sim_scale(&r, 32, 128);
	s->element_repairs = s->ample ? 1024 : (uint32_t)sim_scale(&r, 4, 256);
}

void tree_scenario_print(const struct tree_scenario *s, FILE *to)
{
	fprintf(to,
		"seed %" PRIu64 "%s: %u subnets of %u, %u messages every %" PRIu64
		" us, delay %" PRIu64 "+%" PRIu64 "+%" PRIu64
		" us, loss %u/%u/%u nak %u ncf %u, duplicated %u, parity %u, %s: window %u, "
		"repairs %u",
		s->seed, s->element ? "" : " (switch)", s->subnets, s->receivers, s->messages,
		s->interval_ns / 1000, s->up_ns / 1000, s->down_ns / 1000, s->jitter_ns / 1000,
		s->up_loss, s->subnet_loss, s->own_loss, s->nak_loss, s->ncf_loss, s->duplicated,
		s->tg_size, s->ample ? "ample" : "tight", s->txw_sqns, s->element_repairs);
}
