/* What all fuzz targets stand on: the input as a row of small choices, and what must hold. An input
 * that has run out gives zeros, so that every input means something, and a prefix of it does. */
#ifndef ZL_TESTS_FUZZ_FEED_H
#define ZL_TESTS_FUZZ_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct feed {
	const uint8_t *at;
	size_t left;
};

/* Not assert(): a broken invariant is a finding in every build. */
#define require(yes) ((yes) ? (void)0 : require_failed(__FILE__, __LINE__, #yes))

static inline void require_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: broken: %s\n", file, line, what);
	abort();
}

static inline uint8_t feed_u8(struct feed *f)
{
	if (!f->left)
		return 0;
	f->left--;
	return *f->at++;
}

static inline uint16_t feed_u16(struct feed *f)
{
	uint16_t high = feed_u8(f);

	return (uint16_t)(high << 8 | feed_u8(f));
}

static inline uint32_t feed_u32(struct feed *f)
{
	uint32_t high = feed_u16(f);

	return high << 16 | feed_u16(f);
}

/* The next n bytes, or as many as there are: how many is returned. They stay where they lie. */
static inline size_t feed_take(struct feed *f, size_t n, const uint8_t **bytes)
{
	n = n < f->left ? n : f->left;
	*bytes = f->at;
	f->at += n;
	f->left -= n;
	return n;
}

/* The same, of a length that the input says in one byte, or in two behind 255. */
static inline size_t feed_some(struct feed *f, const uint8_t **bytes)
{
	size_t n = feed_u8(f);

	return feed_take(f, n == 255 ? feed_u16(f) : n, bytes);
}

/* The next bytes over a struct; what is missing stays as it is. */
static inline void feed_over(struct feed *f, void *to, size_t n)
{
	const uint8_t *bytes;

	n = feed_take(f, n, &bytes);
	memcpy(to, bytes, n);
}

#endif
