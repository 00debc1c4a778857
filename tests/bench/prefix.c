/* Prefixes by number. */
#include "tests/bench/prefix.h"

#define UNIQUE      8 /* characters of six bits */
#define UNIQUE_MASK ((1ull << (6 * UNIQUE)) - 1)
#define DRAWN       10 /* characters of one random number */

static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* SplitMix64's finalizer. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

/* One to one on 48 bits: a shift to the right and a product with an odd number can be undone. */
static uint64_t scatter(uint64_t x)
{
	x &= UNIQUE_MASK;
	x = ((x ^ x >> 25) * 0x9e3779b97f4bu) & UNIQUE_MASK;
	x = ((x ^ x >> 23) * 0xd1342543de83u) & UNIQUE_MASK;
	return x ^ x >> 24;
}

static uint8_t *put(uint8_t *out, uint64_t bits, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++, bits >>= 6)
		*out++ = (uint8_t)digit[bits & 63];
	return out;
}

uint8_t prefix_write(const struct prefixes *set, uint32_t i, uint8_t out[PREFIX_MAX])
{
	uint64_t unique = scatter(i + mix(set->seed + 0x9e3779b97f4a7c15u));
	uint64_t more = mix(unique);
	uint32_t len = set->min + (uint32_t)((more >> 32) * (set->max - set->min + 1) >> 32);
	uint8_t *end = out + len;

	if (set->first)
		*out++ = (uint8_t)set->first;
	for (out = put(out, unique, UNIQUE); out < end;) {
		uint32_t n = (uint32_t)(end - out);

		more = mix(more + 0x9e3779b97f4a7c15u);
		out = put(out, more, n < DRAWN ? n : DRAWN);
	}
	return (uint8_t)len;
}
