/* Buckets of a cache line; one that is full is passed, and counts who passed it, so that a search
 * ends at the first bucket that nobody has passed, and removing leaves no tombstones. */
#include "control/subscriptions/index.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BUCKETS_MIN 4u
#define MAP_BYTES   ((size_t)64 << 10) /* from here on memory goes back to the system at once */

static size_t bytes_of(uint32_t n)
{
	return n * sizeof(struct bucket);
}

/* Pages of the usual size: huge ones would save 5 % of the time of adding, and take milliseconds to
 * come. */
static struct buckets buckets_new(uint32_t n)
{
	size_t bytes = bytes_of(n);
	struct bucket *b;

	if (bytes < MAP_BYTES) {
		b = aligned_alloc(sizeof(*b), bytes);
		return (struct buckets){b ? memset(b, 0, bytes) : NULL, b ? n : 0};
	}
	b = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (b == MAP_FAILED)
		return (struct buckets){0};
	return (struct buckets){b, n};
}

static void buckets_free(struct buckets *b)
{
	if (bytes_of(b->n) < MAP_BYTES)
		free(b->at);
	else
		munmap(b->at, bytes_of(b->n));
	*b = (struct buckets){0};
}

static uint32_t next_bucket(const struct buckets *all, uint32_t bucket)
{
	return bucket + 1 == all->n ? 0 : bucket + 1;
}

static void add(const struct buckets *all, uint32_t hash, uint32_t ref)
{
	for (uint32_t i = index_home(all, hash);; i = next_bucket(all, i)) {
		struct bucket *b = &all->at[i];

		for (unsigned k = 0; k < BUCKET_PLACES; k++) {
			if (b->tag[k])
				continue;
			b->tag[k] = index_tag(hash);
			b->ref[k] = ref;
			return;
		}
		b->passed++;
	}
}

/* It is there. */
static void take_out(const struct buckets *all, uint32_t hash, uint32_t ref)
{
	for (uint32_t i = index_home(all, hash);; i = next_bucket(all, i)) {
		struct bucket *b = &all->at[i];

		for (unsigned k = 0; k < BUCKET_PLACES; k++) {
			if (!b->tag[k] || b->ref[k] != ref)
				continue;
			b->tag[k] = 0;
			return;
		}
		b->passed--;
	}
}

static uint32_t next_in(struct index_probe *at, uint8_t tag)
{
	while (at->left > 0) {
		const struct bucket *b = &at->in->at[at->bucket];

		while (at->place < BUCKET_PLACES) {
			unsigned k = at->place++;
			if (b->tag[k] == tag)
				return b->ref[k];
		}
		if (b->passed == 0)
			break;
		at->bucket = next_bucket(at->in, at->bucket);
		at->place = 0;
		at->left--;
	}
	at->left = 0;
	return UINT32_MAX;
}

uint32_t index_next(const struct index *x, uint32_t hash, struct index_probe *at)
{
	uint32_t ref = next_in(at, index_tag(hash));

	if (ref != UINT32_MAX || at->in != &x->now || x->old.n == 0)
		return ref;
	*at = index_begin(&x->old, hash);
	return next_in(at, index_tag(hash));
}

void index_add(struct index *x, uint32_t hash, uint32_t ref)
{
	add(&x->now, hash, ref);
	x->used++;
}

void index_remove(struct index *x, uint32_t hash, uint32_t ref)
{
	struct index_probe at = index_begin(&x->now, hash);

	if (x->old.n > 0)
		while (index_next(x, hash, &at) != ref)
			;
	take_out(at.in, hash, ref);
	x->used--;
}

static bool resize(struct index *x, uint32_t n)
{
	struct buckets other = buckets_new(n);

	if (other.n == 0)
		return false;
	x->old = x->now;
	x->now = other;
	x->moved = 0;
	return true;
}

/* Names lie anywhere: all of a bucket's are on their way while the first is waited for. */
static void move_bucket(struct index *x, const struct index_owner *owner)
{
	struct bucket *b = &x->old.at[x->moved++];

	for (unsigned k = 0; k < BUCKET_PLACES; k++)
		if (b->tag[k])
			owner->prefetch(owner->context, b->ref[k]);
	for (unsigned k = 0; k < BUCKET_PLACES; k++) {
		if (!b->tag[k])
			continue;
		uint32_t ref = b->ref[k], hash = owner->hash(owner->context, ref);
		take_out(&x->old, hash, ref);
		add(&x->now, hash, ref);
	}
}

bool index_fit(struct index *x, const struct index_owner *owner)
{
	uint64_t places = (uint64_t)x->now.n * BUCKET_PLACES;

	/* A bucket a call is soon enough: when that begins at most four of ten places are spoken
	 * for, and it ends a sixth of the places later at most. */
	if (x->moved < x->old.n) {
		move_bucket(x, owner);
		return true;
	}
	if (x->old.n > 0)
		buckets_free(&x->old);
	/* Four of five at most are taken: beyond, too many buckets are passed. */
	if (((uint64_t)x->used + 1) * 5 > places * 4)
		return resize(x, x->now.n ? x->now.n * 2 : BUCKETS_MIN);
	if (x->now.n > BUCKETS_MIN && (uint64_t)x->used * 6 < places)
		resize(x, x->now.n / 2);
	return true;
}

void index_free(struct index *x)
{
	buckets_free(&x->now);
	buckets_free(&x->old);
	*x = (struct index){0};
}

size_t index_bytes(const struct index *x)
{
	return bytes_of(x->now.n) + bytes_of(x->old.n);
}
