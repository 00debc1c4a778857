/* A set of sequence numbers out of a window no wider than its bits, the oldest of which comes
 * first: all of them, or each 2^shift-th. */
#ifndef ZL_PGM_DUE_H
#define ZL_PGM_DUE_H

#include <stdbool.h>
#include <stdint.h>

struct pgm_due {
	uint64_t *bits;
	uint32_t mask; /* numbers, a power of two of at least 64, less one */
	uint32_t count;
	uint32_t first; /* none is before it */
	uint8_t shift;
};

static inline uint64_t *due_word(const struct pgm_due *d, uint32_t n)
{
	return &d->bits[((n >> d->shift) & d->mask) / 64];
}

static inline uint64_t due_bit(const struct pgm_due *d, uint32_t n)
{
	return UINT64_C(1) << ((n >> d->shift) & 63);
}

static inline bool due_has(const struct pgm_due *d, uint32_t n)
{
	return d->count && *due_word(d, n) & due_bit(d, n);
}

/* false: it was there. */
static inline bool due_add(struct pgm_due *d, uint32_t n)
{
	if (*due_word(d, n) & due_bit(d, n))
		return false;
	*due_word(d, n) |= due_bit(d, n);
	if (!d->count++ || (int32_t)(n - d->first) < 0)
		d->first = n;
	return true;
}

static inline void due_remove(struct pgm_due *d, uint32_t n)
{
	if (!due_has(d, n))
		return;
	*due_word(d, n) &= ~due_bit(d, n);
	d->count--;
}

/* The oldest of at least one; none is before `from`, the window's trailing edge. */
static inline uint32_t due_first(struct pgm_due *d, uint32_t from)
{
	uint32_t n = (int32_t)(d->first - from) < 0 ? from : d->first;
	unsigned skip = (n >> d->shift) & 63; /* of a word's bits */
	uint64_t word = *due_word(d, n) & (~UINT64_C(0) << skip);

	n -= skip << d->shift;
	while (!word) {
		n += UINT32_C(64) << d->shift;
		word = *due_word(d, n);
	}
	d->first = n + ((uint32_t)__builtin_ctzll(word) << d->shift);
	return d->first;
}

#endif
