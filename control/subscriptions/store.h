/* Inside of subscriptions/: memory for a great many small blocks, without a header each. A block is
 * named by a 32-bit reference, in units of 8 bytes, and never moves. Freed blocks are reused by
 * blocks of their very size, and a chunk of which nothing is used any more goes back to the system,
 * so that a table which shrinks gives its memory back. */
#ifndef ZL_CONTROL_SUBSCRIPTIONS_STORE_H
#define ZL_CONTROL_SUBSCRIPTIONS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NONE        UINT32_MAX
#define UNIT_BYTES  8u
#define CHUNK_UNITS 32768u
#define UNITS_MIN   2u    /* a freed block holds its links */
#define UNITS_SMALL 1040u /* larger blocks have chunks of their own */

/* Every block begins with this; `kind` FREE is the store's, the others are the owner's. */
enum {
	BLOCK_FREE = 0
};
struct block {
	uint32_t word;
	uint16_t bytes : 14, kind : 2; /* of a free one: its units */
	uint8_t rest[];
};

struct chunk {
	char *base;
	uint32_t units;            /* of the mapping that has this place; 0: none */
	uint32_t handed_out, used; /* units of small blocks: so far, and now */
};

struct store {
	struct chunk *chunks;
	uint32_t n_chunks, filling; /* filling: where fresh units come from, or NONE */
	uint32_t free_blocks[UNITS_SMALL + 1];
	uint64_t mapped; /* bytes */
};

void store_init(struct store *s);
void store_free(struct store *s);
/* NONE: no memory. */
uint32_t store_get(struct store *s, uint32_t units);
void store_put(struct store *s, uint32_t block, uint32_t units);
/* Units that references may reach to: the size of a bitmap over all of them. */
uint32_t store_reach(const struct store *s);

static inline void *store_at(const struct store *s, uint32_t ref)
{
	return s->chunks[ref / CHUNK_UNITS].base + (size_t)(ref % CHUNK_UNITS) * UNIT_BYTES;
}

/* Walks all small blocks, free ones too, in the order of their references: at `ref`, or where that
 * is a chunk's end at the next chunk's begin. NONE: the end. The owner knows a block's units. */
uint32_t store_walk(const struct store *s, uint32_t ref);
static inline uint32_t block_free_units(const struct block *b)
{
	return b->bytes;
}

/* Keyed, so that a stranger cannot choose prefixes that collide (SipHash-1-3). */
uint32_t keyed_hash(const uint64_t key[2], const uint8_t *bytes, size_t n);

#endif
