/* The one's complement sum of the Internet checksum (RFC 1071) over bytes in one piece: as wide as
 * this machine's vectors allow, chosen once at start. Any core. */
#ifndef ZL_NET_SUM_H
#define ZL_NET_SUM_H

#include <stdint.h>
#include <string.h>

typedef uint16_t ones_sum_fn(const void *bytes, uint32_t len);

/* Sum of 16-bit words in memory order, carries folded in; an odd last byte counts as if a zero
 * followed it. Any alignment; at most 64 KiB. 0 only if all bytes are zero. */
extern ones_sum_fn *ones_sum;

/* Every machine has the first. sum_x86.c, or sum_any.c: all that this one has, the best one last;
 * how many. */
#define ONES_SUMS_MAX 4
uint16_t ones_sum_portable(const void *bytes, uint32_t len);
unsigned ones_sums(ones_sum_fn *all[ONES_SUMS_MAX]);

/* 2^16, 2^32 and 2^48 are 1 modulo 2^16 - 1, so wide words may be added up as they are, and their
 * halves to each other, as long as nothing overflows (RFC 1071 2(C)). */
static inline uint16_t ones_fold(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)sum;
}

/* Below, vectors cost more than what they do. */
#define ONES_SHORT 64

/* Words that are not folded yet, of whatever is left over when vectors do not fit any more. */
static inline uint64_t ones_words(const uint8_t *p, uint32_t n)
{
	uint64_t sum = 0, word;
	uint32_t half;
	uint16_t pair;

	for (; n >= sizeof(word); n -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		sum += (word & UINT32_MAX) + (word >> 32);
	}
	if (n & 4) {
		memcpy(&half, p, sizeof(half));
		sum += half;
		p += sizeof(half);
	}
	if (n & 2) {
		memcpy(&pair, p, sizeof(pair));
		sum += pair;
		p += sizeof(pair);
	}
	if (n & 1) {
		pair = 0;
		memcpy(&pair, p, 1);
		sum += pair;
	}
	return sum;
}

/* As ones_sum(), whichever way is the shorter. */
static inline uint16_t ones_sum_of(const uint8_t *bytes, uint32_t len)
{
	return len < ONES_SHORT ? ones_fold(ones_words(bytes, len)) : ones_sum(bytes, len);
}

#endif
