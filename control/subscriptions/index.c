/* Buckets of a cache line; one that is full is passed, and counts who passed it, so that a search
 * ends at the first bucket that nobody has passed, and removing leaves no tombstones. */
#include "control/subscriptions/index.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BUCKETS_MIN 4u
#define MAP_BYTES   ((size_t)64 << 10) /* from here on memory goes back to the system at once */
#define AHEAD       16u /* references whose buckets are on their way while a new index is filled */

static size_t bytes_of(uint32_t n)
{
	return n * sizeof(struct bucket);
}

/* Every look lands somewhere else: with small pages each would miss the TLB, too. */
static struct bucket *buckets_new(uint32_t n)
{
	size_t bytes = bytes_of(n);
	struct bucket *b;

	if (bytes < MAP_BYTES) {
		b = aligned_alloc(sizeof(*b), bytes);
		return b ? memset(b, 0, bytes) : NULL;
	}
	b = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (b == MAP_FAILED)
		return NULL;
	madvise(b, bytes, MADV_HUGEPAGE);
	return b;
}

static void buckets_free(struct bucket *b, uint32_t n)
{
	if (bytes_of(n) < MAP_BYTES)
		free(b);
	else
		munmap(b, bytes_of(n));
}

static uint32_t next_bucket(const struct index *x, uint32_t bucket)
{
	return bucket + 1 == x->n ? 0 : bucket + 1;
}

void index_add(struct index *x, uint32_t hash, uint32_t ref)
{
	for (uint32_t i = index_home(x, hash);; i = next_bucket(x, i)) {
		struct bucket *b = &x->buckets[i];

		for (unsigned k = 0; k < BUCKET_PLACES; k++) {
			if (b->tag[k])
				continue;
			b->tag[k] = index_tag(hash);
			b->ref[k] = ref;
			x->used++;
			return;
		}
		b->passed++;
	}
}

void index_remove(struct index *x, uint32_t hash, uint32_t ref)
{
	for (uint32_t i = index_home(x, hash);; i = next_bucket(x, i)) {
		struct bucket *b = &x->buckets[i];

		for (unsigned k = 0; k < BUCKET_PLACES; k++) {
			if (!b->tag[k] || b->ref[k] != ref)
				continue;
			b->tag[k] = 0;
			x->used--;
			return;
		}
		b->passed--;
	}
}

uint32_t index_next(const struct index *x, uint32_t hash, struct index_probe *at)
{
	uint8_t tag = index_tag(hash);

	while (at->left > 0) {
		const struct bucket *b = &x->buckets[at->bucket];

		while (at->place < BUCKET_PLACES) {
			unsigned k = at->place++;
			if (b->tag[k] == tag)
				return b->ref[k];
		}
		if (b->passed == 0)
			break;
		at->bucket = next_bucket(x, at->bucket);
		at->place = 0;
		at->left--;
	}
	return UINT32_MAX;
}

static bool resize(struct index *x, uint32_t n, index_walk_fn *walk, void *context)
{
	struct index more = {.buckets = buckets_new(n), .n = n};
	uint32_t hash[AHEAD], ref[AHEAD], got;
	uint64_t at = 0;

	if (!more.buckets)
		return false;
	do {
		for (got = 0; got < AHEAD && walk(context, &at, &hash[got], &ref[got]); got++)
			index_prefetch(&more, hash[got]);
		for (uint32_t i = 0; i < got; i++)
			index_add(&more, hash[i], ref[i]);
	} while (got == AHEAD);
	buckets_free(x->buckets, x->n);
	*x = more;
	return true;
}

bool index_fit(struct index *x, index_walk_fn *walk, void *context)
{
	uint64_t places = (uint64_t)x->n * BUCKET_PLACES;

	/* Four of five at most are taken: beyond, too many buckets are passed. */
	if (((uint64_t)x->used + 1) * 5 > places * 4)
		return resize(x, x->n ? x->n * 2 : BUCKETS_MIN, walk, context);
	if (x->n > BUCKETS_MIN && (uint64_t)x->used * 6 < places)
		resize(x, x->n / 2, walk, context);
	return true;
}

void index_free(struct index *x)
{
	buckets_free(x->buckets, x->n);
	*x = (struct index){0};
}

size_t index_bytes(const struct index *x)
{
	return bytes_of(x->n);
}
