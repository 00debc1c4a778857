/* Inside of subscriptions/: memory without per-object headers. Arrays that grow by chunks and
 * never move, small blocks by size class, and an open hash of 32-bit indices. All count their
 * bytes, and give nothing back to the system before they are freed as a whole. */
#ifndef ZL_CONTROL_SUBSCRIPTIONS_STORE_H
#define ZL_CONTROL_SUBSCRIPTIONS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHUNK_ITEMS 4096u
#define BLOCK_MAX   256u /* larger ones come from malloc */

struct array {
	char **chunks;
	uint32_t n_chunks, n; /* n: items ever used; indices are below it */
	size_t item_bytes;
};
/* The index of one more item, zeroed; UINT32_MAX: no memory. */
uint32_t array_push(struct array *a);
void array_free(struct array *a);
size_t array_bytes(const struct array *a);
static inline void *array_at(const struct array *a, uint32_t i)
{
	return a->chunks[i / CHUNK_ITEMS] + (i % CHUNK_ITEMS) * a->item_bytes;
}

struct blocks {
	void *free_blocks[BLOCK_MAX / 8 + 1];
	void *slabs; /* chained by their first word */
	char *at, *end;
	size_t bytes;
};
void *blocks_get(struct blocks *b, size_t bytes);
void blocks_put(struct blocks *b, void *block, size_t bytes);
/* Large blocks must have been put back. */
void blocks_free(struct blocks *b);

/* Slots hold index + 1. The caller compares; hash_of recomputes an item's hash for moves. */
struct hash {
	uint32_t *slots;
	uint32_t mask, used;
};
typedef uint32_t hash_of_fn(const void *context, uint32_t item);
bool hash_reserve(struct hash *h, hash_of_fn *hash_of, const void *context);
void hash_insert(struct hash *h, uint32_t hash, uint32_t item);
void hash_remove(struct hash *h, uint32_t hash, uint32_t item, hash_of_fn *hash_of,
		 const void *context);
/* Walks the candidates of a hash: start with *at = hash, ends with UINT32_MAX. */
static inline uint32_t hash_next(const struct hash *h, uint32_t *at)
{
	if (!h->slots)
		return UINT32_MAX;
	return h->slots[(*at)++ & h->mask] - 1;
}

/* Keyed, so that a stranger cannot choose prefixes that collide (SipHash-1-3). */
uint32_t keyed_hash(const uint64_t key[2], const uint8_t *bytes, size_t n);

#endif
