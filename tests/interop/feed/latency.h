/* A histogram of durations from nanoseconds to minutes, true to about 3 %. */
#ifndef ZL_TESTS_LATENCY_H
#define ZL_TESTS_LATENCY_H

#include <stdint.h>
#include <string.h>

#define LATENCY_STEPS 32 /* to a power of two */
#define LATENCY_SLOTS (40 * LATENCY_STEPS)

struct latency {
	uint64_t count;
	uint32_t slot[LATENCY_SLOTS];
};

static inline void latency_add(struct latency *l, uint64_t ns)
{
	unsigned power = ns < LATENCY_STEPS ? 0 : 58 - (unsigned)__builtin_clzll(ns);
	unsigned slot = power * LATENCY_STEPS + (unsigned)(ns >> power);

	l->slot[slot < LATENCY_SLOTS ? slot : LATENCY_SLOTS - 1]++;
	l->count++;
}

/* The duration, in microseconds, that `share` of all did not exceed. */
static inline double latency_us(const struct latency *l, double share)
{
	uint64_t want = (uint64_t)(share * (double)l->count), seen = 0;

	for (unsigned i = 0; i < LATENCY_SLOTS; i++) {
		seen += l->slot[i];
		if (seen > want || (seen == l->count && seen > 0)) {
			unsigned power = i < 2 * LATENCY_STEPS ? 0 : i / LATENCY_STEPS - 1;
			uint64_t at = i - power * LATENCY_STEPS;

			return (double)(at << power) / 1000.0;
		}
	}
	return 0;
}

static inline void latency_clear(struct latency *l)
{
	memset(l, 0, sizeof(*l));
}

#endif
