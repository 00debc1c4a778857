/* Sets of subscriptions in the shapes that a matcher meets, for bench_matcher.c. The same count
 * gives the same bytes every time. */
#ifndef TESTS_BENCH_SHAPES_H
#define TESTS_BENCH_SHAPES_H

#include <stdbool.h>
#include <stdint.h>

/* Byte strings one after another. */
struct strings {
	uint8_t *bytes;
	uint64_t *at; /* count + 1 of them */
	uint32_t *id; /* which of the shape's it is */
	uint32_t count;
};
static inline const uint8_t *strings_at(const struct strings *s, uint32_t i, uint32_t *len)
{
	*len = (uint32_t)(s->at[i + 1] - s->at[i]);
	return s->bytes + s->at[i];
}

struct shape {
	const char *name, *text;
	uint32_t subscribers;                          /* of each prefix */
	uint32_t matches;                              /* of each topic */
	uint32_t (*prefix)(uint8_t *into, uint32_t i); /* the i-th; its length */
	uint32_t (*topic)(uint8_t *into, uint32_t i);  /* NULL: prefix */
};
#define SHAPES 6
extern const struct shape shapes[SHAPES];

/* The first `count` prefixes in a random order. */
struct strings shape_prefixes(const struct shape *s, uint32_t count);
/* `topics` topics that begin with any of these prefixes and end in a few bytes more. */
struct strings shape_topics(const struct shape *s, uint32_t count, uint32_t topics);
void strings_free(struct strings *s);

#endif
