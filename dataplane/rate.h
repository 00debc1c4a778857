/* Rates as credit: what time earns, up to a burst. Whole messages and bytes; fractions are carried
 * on, so that a slow rate is kept however often it is looked at. */
#ifndef ZL_DATAPLANE_RATE_H
#define ZL_DATAPLANE_RATE_H

#include <stdint.h>

#define ZL_RATE_S_NS 1000000000ull

/* What a rate gives for the time since the last tick; what is left of it counts in the next. */
static inline int64_t zl_rate_earned(uint64_t per_s, uint64_t ns, uint64_t *rest)
{
	uint64_t whole = per_s * (ns / ZL_RATE_S_NS), part = per_s * (ns % ZL_RATE_S_NS);

	part += *rest;
	*rest = part % ZL_RATE_S_NS;
	return (int64_t)(whole + part / ZL_RATE_S_NS);
}

static inline void zl_rate_add_credit(int64_t *credit, int64_t more, int64_t most)
{
	*credit = more > most - *credit ? most : *credit + more;
}

#endif
