/* Strings of bytes of any length in chunks of one size, from memory that is reserved and touched at
 * the start: whatever lengths come and go, as long as chunks are free a string fits. */
#ifndef ZL_ROUTER_CHUNKS_H
#define ZL_ROUTER_CHUNKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZL_CHUNK_DATA 124
#define ZL_CHUNK_NONE UINT32_MAX

struct zl_chunk {
	uint32_t next;
	uint8_t data[ZL_CHUNK_DATA];
};
_Static_assert(sizeof(struct zl_chunk) == 128, "two cache lines");

struct zl_chunks {
	struct zl_chunk *at;
	size_t map_bytes;
	uint32_t n, n_free, free; /* free: the first of those that are */
};

/* A string: grows at its end. */
struct zl_string {
	uint32_t first, last; /* chunks; first NONE: empty */
	uint32_t len;
};
#define ZL_STRING_EMPTY ((struct zl_string){ZL_CHUNK_NONE, ZL_CHUNK_NONE, 0})

/* Set-up path. 0, or a negative errno. */
int zl_chunks_open(struct zl_chunks *c, uint64_t bytes);
void zl_chunks_close(struct zl_chunks *c);

/* Chunks that n more bytes need at the end of s. */
static inline uint32_t zl_chunks_need(const struct zl_string *s, uint32_t n)
{
	uint32_t room = s->first == ZL_CHUNK_NONE ? 0
						  : (ZL_CHUNK_DATA - 1) - (s->len + ZL_CHUNK_DATA -
									   1) % ZL_CHUNK_DATA;

	return n > room ? (n - room + ZL_CHUNK_DATA - 1) / ZL_CHUNK_DATA : 0;
}
/* As many chunks as zl_chunks_need() says must be free. */
void zl_chunks_append(struct zl_chunks *c, struct zl_string *s, const void *bytes, uint32_t n);
void zl_chunks_free(struct zl_chunks *c, struct zl_string *s);
/* n bytes from `from` on, which are there. */
void zl_chunks_read(const struct zl_chunks *c, const struct zl_string *s, uint32_t from, void *into,
		    uint32_t n);
/* As memcmp of n bytes of s, from `from` on, with these. */
int zl_chunks_compare(const struct zl_chunks *c, const struct zl_string *s, uint32_t from,
		      const uint8_t *with, uint32_t n);

#endif
