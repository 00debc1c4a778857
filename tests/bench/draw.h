/* The prefixes that messages begin with, drawn ahead: publishers go round them, each from a place
 * of its own. Prefix i is asked for by `matches` subscribers, i % subscribers the first of them;
 * that number is its group, and a publisher's messages of a group have a sequence of their own. */
#ifndef ZL_TESTS_BENCH_DRAW_H
#define ZL_TESTS_BENCH_DRAW_H

#include <stdint.h>

#include "tests/bench/message.h"
#include "tests/bench/options.h"

struct draw {
	uint32_t prefix, group;
	uint8_t lead[]; /* what a message begins with, up to its stamp */
};

struct draws {
	uint32_t count; /* a power of two */
	uint32_t stride;
	uint8_t *draw;
	uint64_t *prompt; /* [i]: deliveries of the first i to subscribers that do not lag */
};

static inline const struct draw *draw_at(const struct draws *d, uint64_t i)
{
	return (const struct draw *)(d->draw + (i & (d->count - 1)) * d->stride);
}

/* -1: no memory. */
int draws_make(struct draws *d, const struct options *o, const struct layout *l);
void draws_free(struct draws *d);
/* Where a publisher begins. */
uint64_t draws_start(const struct draws *d, const struct options *o, uint32_t publisher);
/* Deliveries of n messages from there to subscribers that do not lag. */
uint64_t draws_prompt(const struct draws *d, uint64_t start, uint64_t n);
/* What a message of this prefix begins with: l->lead bytes. */
void draw_lead(const struct options *o, const struct layout *l, uint32_t prefix, uint8_t *out);

#endif
