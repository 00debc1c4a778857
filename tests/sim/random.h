/* The simulation's only source of chance: xoshiro256** seeded through splitmix64, written out here
 * so that a seed means the same thing on every machine and for ever. */
#ifndef ZL_TESTS_SIM_RANDOM_H
#define ZL_TESTS_SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct sim_random {
	uint64_t s[4];
};

/* One step of splitmix64: also a good mixer of a counter into 64 bits. */
static inline uint64_t sim_mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static inline void sim_random_seed(struct sim_random *r, uint64_t seed)
{
	for (unsigned i = 0; i < 4; i++)
		r->s[i] = sim_mix(seed + i * UINT64_C(0x9e3779b97f4a7c15));
}

static inline uint64_t sim_rotl(uint64_t x, unsigned k)
{
	return x << k | x >> (64 - k);
}

static inline uint64_t sim_random(struct sim_random *r)
{
	uint64_t result = sim_rotl(r->s[1] * 5, 7) * 9, t = r->s[1] << 17;

	r->s[2] ^= r->s[0];
	r->s[3] ^= r->s[1];
	r->s[1] ^= r->s[2];
	r->s[0] ^= r->s[3];
	r->s[2] ^= t;
	r->s[3] = sim_rotl(r->s[3], 45);
	return result;
}

/* Uniform in [0, n); n > 0. */
static inline uint64_t sim_below(struct sim_random *r, uint64_t n)
{
	return (uint64_t)((unsigned __int128)sim_random(r) * n >> 64);
}

/* Uniform in [lo, hi]. */
static inline uint64_t sim_range(struct sim_random *r, uint64_t lo, uint64_t hi)
{
	return lo + sim_below(r, hi - lo + 1);
}

/* True with a probability of ppm in a million. */
static inline bool sim_chance(struct sim_random *r, uint32_t ppm)
{
	return ppm && sim_below(r, 1000000) < ppm;
}

/* Every power of two between lo and hi is as likely as another; 0 < lo <= hi. */
static inline uint64_t sim_scale(struct sim_random *r, uint64_t lo, uint64_t hi)
{
	unsigned low = 63 - __builtin_clzll(lo), high = 63 - __builtin_clzll(hi);
	unsigned bits = sim_range(r, low, high);
	uint64_t x = sim_range(r, UINT64_C(1) << bits, (UINT64_C(2) << bits) - 1);

	return x < lo ? lo : x > hi ? hi : x;
}

#endif
