/* Times that are kept for each packet, small: 2^20 ns a tick. They wrap after 52 days, for which
 * nothing here waits. */
#ifndef ZL_PGM_TICK_H
#define ZL_PGM_TICK_H

#include <stdint.h>

typedef uint32_t pgm_tick;

static inline pgm_tick pgm_tick_of(uint64_t ns)
{
	return (pgm_tick)(ns >> 20);
}

#endif
