/* Chunks, and a list of the free blocks of each size. The lists are linked both ways so that those
 * of a chunk that goes back to the system can be taken out. */
#include "control/subscriptions/store.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* A free block: linked through its first word and its rest. */
struct free_block {
	uint32_t next;
	uint16_t units : 14, kind : 2;
	uint16_t reserved;
	uint32_t prev;
};
_Static_assert(sizeof(struct free_block) <= UNITS_MIN * UNIT_BYTES, "fits into the least block");
_Static_assert(UNITS_SMALL < 1u << 14, "fits the units of a free block");

void store_init(struct store *s)
{
	*s = (struct store){.filling = NONE};
	memset(s->free_blocks, 0xff, sizeof(s->free_blocks));
}

static uint32_t places_of(uint32_t units)
{
	return (units + CHUNK_UNITS - 1) / CHUNK_UNITS;
}

static size_t map_bytes(uint32_t units)
{
	return ((size_t)units * UNIT_BYTES + 4095) & ~(size_t)4095;
}

/* `n` places in a row that nobody has, the first of them; NONE: no memory. */
static uint32_t find_places(struct store *s, uint32_t n)
{
	uint32_t run = 0;

	for (uint32_t i = 0; i < s->n_chunks; i++) {
		run = s->chunks[i].units ? 0 : run + 1;
		if (run == n)
			return i + 1 - n;
	}
	uint32_t first = s->n_chunks - run, more = first + n;
	if (more > UINT32_MAX / CHUNK_UNITS)
		return NONE;
	struct chunk *wider = realloc(s->chunks, more * sizeof(*wider));
	if (!wider)
		return NONE;
	memset(wider + s->n_chunks, 0, (more - s->n_chunks) * sizeof(*wider));
	s->chunks = wider;
	s->n_chunks = more;
	return first;
}

/* A mapping is the first of its places'; the others are marked as taken. */
static uint32_t new_chunk(struct store *s, uint32_t units)
{
	uint32_t places = places_of(units), first = find_places(s, places);
	size_t bytes = map_bytes(units);

	if (first == NONE)
		return NONE;
	void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED)
		return NONE;
	for (uint32_t i = 0; i < places; i++)
		s->chunks[first + i].units = units;
	s->chunks[first].base = base;
	s->mapped += bytes;
	return first;
}

static void drop_chunk(struct store *s, uint32_t first)
{
	uint32_t units = s->chunks[first].units;

	munmap(s->chunks[first].base, map_bytes(units));
	s->mapped -= map_bytes(units);
	memset(&s->chunks[first], 0, places_of(units) * sizeof(*s->chunks));
}

void store_free(struct store *s)
{
	for (uint32_t i = 0; i < s->n_chunks; i++)
		if (s->chunks[i].base)
			drop_chunk(s, i);
	free(s->chunks);
	store_init(s);
}

static void link_free(struct store *s, uint32_t ref, uint32_t units)
{
	struct free_block *f = store_at(s, ref);
	uint32_t *head = &s->free_blocks[units];

	*f = (struct free_block){
		.next = *head, .units = (uint16_t)units, .kind = BLOCK_FREE, .prev = NONE};
	if (*head != NONE)
		((struct free_block *)store_at(s, *head))->prev = ref;
	*head = ref;
}

static void unlink_free(struct store *s, uint32_t ref)
{
	struct free_block *f = store_at(s, ref);

	if (f->prev != NONE)
		((struct free_block *)store_at(s, f->prev))->next = f->next;
	else
		s->free_blocks[f->units] = f->next;
	if (f->next != NONE)
		((struct free_block *)store_at(s, f->next))->prev = f->prev;
}

/* Nothing of a chunk is used: all that was handed out of it is free blocks. The one that is being
 * filled is kept, so that a single block that comes and goes costs no system call. */
static void release(struct store *s, uint32_t chunk)
{
	uint32_t first = chunk * CHUNK_UNITS;

	for (uint32_t at = 0, units; at < s->chunks[chunk].handed_out; at += units) {
		units = ((const struct free_block *)store_at(s, first + at))->units;
		unlink_free(s, first + at);
	}
	if (chunk == s->filling)
		s->chunks[chunk].handed_out = 0;
	else
		drop_chunk(s, chunk);
}

static bool fill_another(struct store *s)
{
	uint32_t next = new_chunk(s, CHUNK_UNITS);

	if (next == NONE)
		return false;
	s->filling = next;
	return true;
}

uint32_t store_get(struct store *s, uint32_t units)
{
	uint32_t ref;

	if (units > UNITS_SMALL) {
		uint32_t chunk = new_chunk(s, units);
		if (chunk == NONE)
			return NONE;
		return chunk * CHUNK_UNITS;
	}
	ref = s->free_blocks[units];
	if (ref != NONE) {
		unlink_free(s, ref);
		s->chunks[ref / CHUNK_UNITS].used += units;
		return ref;
	}
	if ((s->filling == NONE || s->chunks[s->filling].handed_out + units > CHUNK_UNITS) &&
	    !fill_another(s))
		return NONE;
	struct chunk *c = &s->chunks[s->filling];
	ref = s->filling * CHUNK_UNITS + c->handed_out;
	c->handed_out += units;
	c->used += units;
	return ref;
}

void store_put(struct store *s, uint32_t ref, uint32_t units)
{
	uint32_t chunk = ref / CHUNK_UNITS;

	if (units > UNITS_SMALL) {
		drop_chunk(s, chunk);
		return;
	}
	link_free(s, ref, units);
	s->chunks[chunk].used -= units;
	if (s->chunks[chunk].used == 0)
		release(s, chunk);
}

uint32_t store_reach(const struct store *s)
{
	return s->n_chunks * CHUNK_UNITS;
}

uint32_t store_walk(const struct store *s, uint32_t ref)
{
	uint32_t chunk = ref / CHUNK_UNITS, at = ref % CHUNK_UNITS;

	/* A full chunk's end is the next one's begin. */
	for (; chunk < s->n_chunks; chunk++, at = 0)
		if (s->chunks[chunk].base && at < s->chunks[chunk].handed_out)
			return chunk * CHUNK_UNITS + at;
	return NONE;
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
