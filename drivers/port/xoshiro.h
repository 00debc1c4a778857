/* xoshiro256** of Blackman and Vigna (public domain algorithm), seeded through splitmix64: the
 * impairment stage's own generator, so that a seed means the same frames on every machine. Not for
 * anything that an attacker must not guess. */
#ifndef ZL_DRIVERS_XOSHIRO_H
#define ZL_DRIVERS_XOSHIRO_H

#include <stdint.h>

struct zl_xoshiro {
	uint64_t s[4];
};

static inline uint64_t zl_xoshiro_rotl(uint64_t x, unsigned by)
{
	return (x << by) | (x >> (64 - by));
}

static inline void zl_xoshiro_seed(struct zl_xoshiro *r, uint64_t seed)
{
	for (unsigned i = 0; i < 4; i++) {
		uint64_t z = (seed += 0x9e3779b97f4a7c15ull);

		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
		r->s[i] = z ^ (z >> 31);
	}
}

static inline uint64_t zl_xoshiro_next(struct zl_xoshiro *r)
{
	uint64_t *s = r->s;
	uint64_t result = zl_xoshiro_rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = zl_xoshiro_rotl(s[3], 45);
	return result;
}

/* Uniform in [0, bound), bound < 2^32 (multiply and shift: the bias is below bound / 2^32). */
static inline uint32_t zl_xoshiro_below(struct zl_xoshiro *r, uint32_t bound)
{
	return (uint32_t)(((zl_xoshiro_next(r) >> 32) * bound) >> 32);
}

#endif
