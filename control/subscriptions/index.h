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

struct buckets {
	struct bucket *at;
	uint32_t n;
};

/* While it grows or shrinks there are two sets of buckets, and references go over from one to the
 * other a bucket at a time, so that no single step takes long, however many there are. */
struct index {
	struct buckets now, old; /* old.n: 0 unless there are two */
	uint32_t moved;          /* buckets of `old` that are done with */
	uint32_t used;
};

/* What the index does not keep: the hash of a reference, and a hint that it will be asked for. */
struct index_owner {
	uint32_t (*hash)(const void *context, uint32_t ref);
	void (*prefetch)(const void *context, uint32_t ref);
	const void *context;
};

/* Before every index_add() and after every index_remove(): sees to it that there is room for one
 * more, and that there is not far too much, by moving at most one bucket. False: no memory, as it
 * was. */
bool index_fit(struct index *x, const struct index_owner *owner);
void index_add(struct index *x, uint32_t hash, uint32_t ref); /* there is room (index_fit) */
void index_remove(struct index *x, uint32_t hash, uint32_t ref);
void index_free(struct index *x);
size_t index_bytes(const struct index *x);

/* Walks the candidates of a hash. */
struct index_probe {
	const struct buckets *in;
	uint32_t bucket, place, left;
};
static inline uint32_t index_home(const struct buckets *b, uint32_t hash)
{
	return (uint32_t)((uint64_t)hash * b->n >> 32);
}
static inline uint8_t index_tag(uint32_t hash)
{
	return (uint8_t)(1 + (hash & 0xff) % 255);
}
static inline void index_prefetch(const struct index *x, uint32_t hash)
{
	if (x->now.n > 0)
		__builtin_prefetch(&x->now.at[index_home(&x->now, hash)], 1);
	if (x->old.n > 0)
		__builtin_prefetch(&x->old.at[index_home(&x->old, hash)], 1);
}
static inline struct index_probe index_begin(const struct buckets *b, uint32_t hash)
{
	return (struct index_probe){.in = b, .bucket = index_home(b, hash), .left = b->n};
}
/* UINT32_MAX: no more. */
uint32_t index_next(const struct index *x, uint32_t hash, struct index_probe *at);

#endif
