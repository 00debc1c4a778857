/* Inside of subscriptions/: from a hash to references. A bucket is a cache line of twelve places:
 * a byte of the hash decides nearly always whether the reference is worth following, so that
 * finding out that a prefix is new costs one cache miss. */
#ifndef ZL_CONTROL_SUBSCRIPTIONS_INDEX_H
#define ZL_CONTROL_SUBSCRIPTIONS_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUCKET_PLACES 12u

struct bucket {
	uint8_t tag[BUCKET_PLACES]; /* 0: free */
	uint32_t passed;            /* references that had to go on to a later bucket */
	uint32_t ref[BUCKET_PLACES];
};
_Static_assert(sizeof(struct bucket) == 64, "a cache line");

struct index {
	struct bucket *buckets;
	uint32_t n; /* of them */
	uint32_t used;
};

/* The next (hash, reference) to be put into a new set of buckets: false at the end. *at: 0 first,
 * then the walker's. */
typedef bool index_walk_fn(void *context, uint64_t *at, uint32_t *hash, uint32_t *ref);

/* Makes room for one more, or gives up room when there is far too much. False: no memory, as it
 * was. `walk` goes over all that the index holds. */
bool index_fit(struct index *x, index_walk_fn *walk, void *context);
void index_add(struct index *x, uint32_t hash, uint32_t ref); /* there is room (index_fit) */
void index_remove(struct index *x, uint32_t hash, uint32_t ref);
void index_free(struct index *x);
size_t index_bytes(const struct index *x);

/* Walks the candidates of a hash. */
struct index_probe {
	uint32_t bucket, place, left;
};
static inline uint32_t index_home(const struct index *x, uint32_t hash)
{
	return (uint32_t)((uint64_t)hash * x->n >> 32);
}
static inline uint8_t index_tag(uint32_t hash)
{
	return (uint8_t)(1 + (hash & 0xff) % 255);
}
static inline void index_prefetch(const struct index *x, uint32_t hash)
{
	if (x->n > 0)
		__builtin_prefetch(&x->buckets[index_home(x, hash)], 1);
}
static inline struct index_probe index_begin(const struct index *x, uint32_t hash)
{
	return (struct index_probe){.bucket = index_home(x, hash), .left = x->n};
}
/* UINT32_MAX: no more. */
uint32_t index_next(const struct index *x, uint32_t hash, struct index_probe *at);

#endif
