/* Strings in chunks (chunks.h): a list of free ones, and each string a list of its own. */
#include "dataplane/router/chunks.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

int zl_chunks_open(struct zl_chunks *c, uint64_t bytes)
{
	*c = (struct zl_chunks){.free = ZL_CHUNK_NONE};
	if (bytes / sizeof(struct zl_chunk) == 0 ||
	    bytes / sizeof(struct zl_chunk) >= ZL_CHUNK_NONE)
		return -EINVAL;
	c->map_bytes = bytes;
	c->at = mmap(NULL, c->map_bytes, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (c->at == MAP_FAILED) {
		c->at = NULL;
		return -errno;
	}
	c->n = c->n_free = (uint32_t)(bytes / sizeof(struct zl_chunk));
	for (uint32_t i = c->n; i-- > 0;) {
		c->at[i].next = c->free;
		c->free = i;
	}
	return 0;
}

void zl_chunks_close(struct zl_chunks *c)
{
	if (c->at)
		munmap(c->at, c->map_bytes);
	*c = (struct zl_chunks){0};
}

/* One more, empty, at the end of s. */
static void extend(struct zl_chunks *c, struct zl_string *s)
{
	uint32_t chunk = c->free;

	c->free = c->at[chunk].next;
	c->n_free--;
	c->at[chunk].next = ZL_CHUNK_NONE;
	if (s->first == ZL_CHUNK_NONE)
		s->first = chunk;
	else
		c->at[s->last].next = chunk;
	s->last = chunk;
}

void zl_chunks_append(struct zl_chunks *c, struct zl_string *s, const void *bytes, uint32_t n)
{
	const uint8_t *from = bytes;

	while (n) {
		uint32_t at = s->len % ZL_CHUNK_DATA, k = ZL_CHUNK_DATA - at;

		if (at == 0)
			extend(c, s);
		k = k < n ? k : n;
		memcpy(c->at[s->last].data + at, from, k);
		s->len += k;
		from += k;
		n -= k;
	}
}

void zl_chunks_free(struct zl_chunks *c, struct zl_string *s)
{
	if (s->first != ZL_CHUNK_NONE) {
		c->n_free += (s->len + ZL_CHUNK_DATA - 1) / ZL_CHUNK_DATA;
		c->at[s->last].next = c->free;
		c->free = s->first;
	}
	*s = ZL_STRING_EMPTY;
}

static const struct zl_chunk *seek(const struct zl_chunks *c, const struct zl_string *s,
				   uint32_t *from)
{
	const struct zl_chunk *chunk = &c->at[s->first];

	for (; *from >= ZL_CHUNK_DATA; *from -= ZL_CHUNK_DATA)
		chunk = &c->at[chunk->next];
	return chunk;
}

void zl_chunks_read(const struct zl_chunks *c, const struct zl_string *s, uint32_t from, void *into,
		    uint32_t n)
{
	uint8_t *to = into;

	if (n == 0)
		return;
	for (const struct zl_chunk *chunk = seek(c, s, &from);; chunk = &c->at[chunk->next]) {
		uint32_t k = ZL_CHUNK_DATA - from < n ? ZL_CHUNK_DATA - from : n;

		memcpy(to, chunk->data + from, k);
		to += k;
		n -= k;
		from = 0;
		if (n == 0)
			return;
	}
}

int zl_chunks_compare(const struct zl_chunks *c, const struct zl_string *s, uint32_t from,
		      const uint8_t *with, uint32_t n)
{
	if (n == 0)
		return 0;
	for (const struct zl_chunk *chunk = seek(c, s, &from);; chunk = &c->at[chunk->next]) {
		uint32_t k = ZL_CHUNK_DATA - from < n ? ZL_CHUNK_DATA - from : n;
		int differ = memcmp(chunk->data + from, with, k);

		with += k;
		n -= k;
		from = 0;
		if (differ || n == 0)
			return differ;
	}
}
