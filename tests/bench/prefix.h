/* Random prefixes to subscribe, each told by its number, so that none need be kept: a set is given
 * by its seed. Letters, digits, '+' and '/'; the first eight of them differ from prefix to prefix,
 * so that none begins another. */
#ifndef ZL_TESTS_BENCH_PREFIX_H
#define ZL_TESTS_BENCH_PREFIX_H

#include <stdint.h>

#define PREFIX_MIN 9
#define PREFIX_MAX 200

struct prefixes {
	uint32_t min, max; /* bytes: PREFIX_MIN to PREFIX_MAX */
	uint32_t seed;
	char first; /* that each begins with, which no other set has; 0: none */
};

/* Number i. Its length. */
uint8_t prefix_write(const struct prefixes *set, uint32_t i, uint8_t out[PREFIX_MAX]);

#endif
