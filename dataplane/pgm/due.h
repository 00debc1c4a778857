/* A set of numbers out of a window no wider than its bits, the oldest of which comes first. */
#ifndef ZL_PGM_DUE_H
#define ZL_PGM_DUE_H

#include <stdbool.h>
#include <stdint.h>

struct pgm_due {
	uint64_t *bits;
	uint32_t mask; /* numbers, a power of two of at least 64, less one */
	uint32_t count;
	uint32_t first; /* none is before it */
};

static inline uint64_t due_bit(uint32_t n)
{
	return UINT64_C(1) << (n & 63);
}

static inline bool due_has(const struct pgm_due *d, uint32_t n)
{
	return d->count && d->bits[(n & d->mask) / 64] & due_bit(n);
}

/* false: it was there. */
static inline bool due_add(struct pgm_due *d, uint32_t n)
{
	uint64_t *word = &d->bits[(n & d->mask) / 64];

	if (*word & due_bit(n))
		return false;
	*word |= due_bit(n);
	if (!d->count++ || (int32_t)(n - d->first) < 0)
		d->first = n;
	return true;
}

static inline void due_remove(struct pgm_due *d, uint32_t n)
{
	if (!due_has(d, n))
		return;
	d->bits[(n & d->mask) / 64] &= ~due_bit(n);
	d->count--;
}

/* The oldest of at least one; none is before `from`, the window's trailing edge. */
static inline uint32_t due_first(struct pgm_due *d, uint32_t from)
{
	uint32_t n = (int32_t)(d->first - from) < 0 ? from : d->first;
	uint64_t word = d->bits[(n & d->mask) / 64] & (~UINT64_C(0) << (n & 63));

	while (!word) {
		n = (n | 63) + 1;
		word = d->bits[(n & d->mask) / 64];
	}
	d->first = (n & ~UINT32_C(63)) + (uint32_t)__builtin_ctzll(word);
	return d->first;
}

#endif
