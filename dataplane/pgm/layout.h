/* How sources and receivers lay themselves out in the memory that they are given. */
#ifndef ZL_PGM_LAYOUT_H
#define ZL_PGM_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#define PGM_TPDU_MIN 128 /* bytes */

/* The least that is not below n. */
static inline uint32_t layout_power_of_two(uint32_t n)
{
	uint32_t p = 1;

	while (p < n)
		p *= 2;
	return p;
}

/* To a cache line. */
static inline size_t layout_aligned(size_t n)
{
	return (n + 63) & ~(size_t)63;
}

#endif
