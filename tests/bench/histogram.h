/* A log-linear histogram of durations (the idea of HdrHistogram): 128 steps to a power of two, so
 * every value is known to 0.8 %, from 1 ns to 18 minutes; what is longer counts in the last step.
 */
#ifndef ZL_TESTS_BENCH_HISTOGRAM_H
#define ZL_TESTS_BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEP_BITS 7
#define HISTOGRAM_STEPS     (1u << HISTOGRAM_STEP_BITS)
#define HISTOGRAM_POWERS    34 /* 2^40 ns */
#define HISTOGRAM_SLOTS     (HISTOGRAM_POWERS * HISTOGRAM_STEPS)

struct histogram {
	uint64_t count, max;
	uint64_t slot[HISTOGRAM_SLOTS];
};

/* Values below two powers' worth of steps have a slot each; above, the leading eight bits name it.
 */
static inline unsigned histogram_slot(uint64_t ns)
{
	unsigned power = ns < HISTOGRAM_STEPS
				 ? 0
				 : 63u - HISTOGRAM_STEP_BITS - (unsigned)__builtin_clzll(ns);
	uint64_t slot = (uint64_t)power * HISTOGRAM_STEPS + (ns >> power);

	return slot < HISTOGRAM_SLOTS ? (unsigned)slot : HISTOGRAM_SLOTS - 1;
}

static inline void histogram_add(struct histogram *h, uint64_t ns)
{
	h->slot[histogram_slot(ns)]++;
	h->count++;
	if (ns > h->max)
		h->max = ns;
}

/* What `share` (0 to 1) of all values did not exceed: the highest value of its step. 0 if empty. */
uint64_t histogram_at(const struct histogram *h, double share);

#endif
