/* Chunked arrays, size-class blocks, and the open hash with linear probing and backward-shift
 * removal, so that it never fills with tombstones however long it runs. */
#include "control/subscriptions/store.h"

#include <stdlib.h>
#include <string.h>

#define SLAB_BYTES 65536u

uint32_t array_push(struct array *a)
{
	if (a->n == UINT32_MAX - 1)
		return UINT32_MAX;
	if (a->n == a->n_chunks * CHUNK_ITEMS) {
		char **chunks = realloc(a->chunks, (a->n_chunks + 1) * sizeof(*chunks));
		if (!chunks)
			return UINT32_MAX;
		a->chunks = chunks;
		chunks[a->n_chunks] = calloc(CHUNK_ITEMS, a->item_bytes);
		if (!chunks[a->n_chunks])
			return UINT32_MAX;
		a->n_chunks++;
	}
	return a->n++;
}

void array_free(struct array *a)
{
	for (uint32_t i = 0; i < a->n_chunks; i++)
		free(a->chunks[i]);
	free(a->chunks);
	a->chunks = NULL;
	a->n = a->n_chunks = 0;
}

size_t array_bytes(const struct array *a)
{
	return a->n_chunks * (CHUNK_ITEMS * a->item_bytes + sizeof(*a->chunks));
}

static size_t class_of(size_t bytes)
{
	return (bytes + 7) / 8;
}

static bool new_slab(struct blocks *b)
{
	char *slab = malloc(SLAB_BYTES);

	if (!slab)
		return false;
	memcpy(slab, &b->slabs, sizeof(b->slabs));
	b->slabs = slab;
	b->at = slab + 8;
	b->end = slab + SLAB_BYTES;
	b->bytes += SLAB_BYTES;
	return true;
}

void *blocks_get(struct blocks *b, size_t bytes)
{
	size_t class = class_of(bytes);

	if (bytes > BLOCK_MAX) {
		void *block = malloc(bytes);
		b->bytes += block ? bytes : 0;
		return block;
	}
	void *block = b->free_blocks[class];
	if (block) {
		memcpy(&b->free_blocks[class], block, sizeof(void *));
		return block;
	}
	if ((size_t)(b->end - b->at) < class * 8 && !new_slab(b))
		return NULL;
	block = b->at;
	b->at += class * 8;
	return block;
}

void blocks_put(struct blocks *b, void *block, size_t bytes)
{
	size_t class = class_of(bytes);

	if (bytes > BLOCK_MAX) {
		b->bytes -= bytes;
		free(block);
		return;
	}
	memcpy(block, &b->free_blocks[class], sizeof(void *));
	b->free_blocks[class] = block;
}

void blocks_free(struct blocks *b)
{
	while (b->slabs) {
		void *slab = b->slabs;
		memcpy(&b->slabs, slab, sizeof(void *));
		free(slab);
	}
	memset(b, 0, sizeof(*b));
}

static void place(uint32_t *slots, uint32_t mask, uint32_t hash, uint32_t slot)
{
	while (slots[hash & mask])
		hash++;
	slots[hash & mask] = slot;
}

bool hash_reserve(struct hash *h, hash_of_fn *hash_of, const void *context)
{
	uint64_t size = h->slots ? (uint64_t)h->mask + 1 : 0;

	if ((uint64_t)h->used + 1 <= size - size / 4)
		return true;
	uint64_t more = size ? size * 2 : 64;
	uint32_t *slots = calloc(more, sizeof(*slots));
	if (!slots)
		return false;
	for (uint64_t i = 0; i < size; i++)
		if (h->slots[i])
			place(slots, (uint32_t)(more - 1), hash_of(context, h->slots[i] - 1),
			      h->slots[i]);
	free(h->slots);
	h->slots = slots;
	h->mask = (uint32_t)(more - 1);
	return true;
}

void hash_insert(struct hash *h, uint32_t hash, uint32_t item)
{
	place(h->slots, h->mask, hash, item + 1);
	h->used++;
}

void hash_remove(struct hash *h, uint32_t hash, uint32_t item, hash_of_fn *hash_of,
		 const void *context)
{
	uint32_t hole = hash & h->mask;

	while (h->slots[hole] != item + 1)
		hole = (hole + 1) & h->mask;
	/* Each item after the hole that may move into it without passing its own place does. */
	for (uint32_t i = (hole + 1) & h->mask; h->slots[i]; i = (i + 1) & h->mask) {
		uint32_t home = hash_of(context, h->slots[i] - 1) & h->mask;
		if (((i - home) & h->mask) >= ((i - hole) & h->mask)) {
			h->slots[hole] = h->slots[i];
			hole = i;
		}
	}
	h->slots[hole] = 0;
	h->used--;
}

static inline uint64_t rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

uint32_t keyed_hash(const uint64_t key[2], const uint8_t *bytes, size_t n)
{
	uint64_t v[4] = {key[0] ^ 0x736f6d6570736575ull, key[1] ^ 0x646f72616e646f6dull,
			 key[0] ^ 0x6c7967656e657261ull, key[1] ^ 0x7465646279746573ull};
	uint64_t word, last = (uint64_t)n << 56;

	for (; n >= 8; bytes += 8, n -= 8) {
		memcpy(&word, bytes, 8);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	for (size_t i = 0; i < n; i++)
		last |= (uint64_t)bytes[i] << 8 * i;
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	word = v[0] ^ v[1] ^ v[2] ^ v[3];
	return (uint32_t)(word ^ word >> 32);
}
