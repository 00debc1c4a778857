/* Percentiles from the slots. */
#include "tests/bench/histogram.h"

#include <math.h>

static uint64_t slot_highest(unsigned slot)
{
	unsigned power = slot < 2 * HISTOGRAM_STEPS ? 0 : slot / HISTOGRAM_STEPS - 1;
	uint64_t step = slot - power * HISTOGRAM_STEPS;

	return ((step + 1) << power) - 1;
}

uint64_t histogram_at(const struct histogram *h, double share)
{
	uint64_t want = (uint64_t)ceil(share * (double)h->count), seen = 0;

	for (unsigned i = 0; i < HISTOGRAM_SLOTS; i++) {
		seen += h->slot[i];
		if (seen && seen >= want)
			return slot_highest(i) < h->max ? slot_highest(i) : h->max;
	}
	return h->max;
}
