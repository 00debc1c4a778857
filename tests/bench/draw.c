/* Drawing ahead what messages are about. */
#include "tests/bench/draw.h"

#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#define DRAWS_MIN (1u << 16)
#define DRAWS_MAX (1u << 20)

void draw_lead(const struct options *o, const struct layout *l, uint32_t prefix, uint8_t *out)
{
	uint8_t whole[PREFIX_MAX];
	uint32_t n = prefix_write(&o->prefixes, prefix, whole);

	memcpy(out, whole, n);
	memcpy(out + n, l->pattern + n, l->lead - n);
}

/* xorshift64* */
static uint32_t draw_below(uint64_t *state, uint32_t n)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (uint32_t)(((*state * 0x2545f4914f6cdd1du) >> 32) * n >> 32);
}

/* Of the group's subscribers, those that do not lag. */
static uint32_t prompt_of(const struct options *o, uint32_t group)
{
	uint32_t n = 0;

	for (uint32_t k = 0; k < o->matches; k++)
		n += (group + k) % o->subscribers >= o->stalled + o->slow;
	return n;
}

int draws_make(struct draws *d, const struct options *o, const struct layout *l)
{
	uint32_t want = RTE_MAX(DRAWS_MIN, RTE_MIN(DRAWS_MAX, o->subscriptions));
	uint64_t state = 0x9e3779b97f4a7c15u * (o->prefixes.seed + 1ull) | 1;

	d->count = rte_align32pow2(want);
	/* a lead may be copied in pieces of 32 bytes */
	d->stride = sizeof(struct draw) + RTE_ALIGN_CEIL(l->lead, 32u);
	d->draw = calloc(d->count, d->stride);
	d->prompt = calloc(d->count + 1u, sizeof(uint64_t));
	if (!d->draw || !d->prompt)
		return -1;
	for (uint32_t i = 0; i < d->count; i++) {
		struct draw *at = (struct draw *)(d->draw + (size_t)i * d->stride);

		at->prefix = draw_below(&state, o->subscriptions);
		at->group = at->prefix % o->subscribers;
		draw_lead(o, l, at->prefix, at->lead);
		d->prompt[i + 1] = d->prompt[i] + prompt_of(o, at->group);
	}
	return 0;
}

void draws_free(struct draws *d)
{
	free(d->draw);
	free(d->prompt);
}

uint64_t draws_start(const struct draws *d, const struct options *o, uint32_t publisher)
{
	return (uint64_t)d->count * publisher / o->publishers;
}

uint64_t draws_prompt(const struct draws *d, uint64_t start, uint64_t n)
{
	uint64_t end = start + n;

	return end / d->count * d->prompt[d->count] + d->prompt[end % d->count] - d->prompt[start];
}
