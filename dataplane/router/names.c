/* Pipes by name (names.h). Linear probing at most half full; a removal moves later ones up, so
 * there are no tombstones and a look ends at the first free place. */
#include "dataplane/router/names.h"

#include <errno.h>
#include <stdlib.h>

enum {
	FIRST_SLOTS = 16
};

void zl_names_open(struct zl_names *t)
{
	*t = (struct zl_names){0};
}

void zl_names_close(struct zl_names *t)
{
	for (uint32_t i = 0; t->at && i <= t->mask; i++)
		free(t->at[i].kept);
	free(t->at);
	*t = (struct zl_names){0};
}

static uint64_t mix(uint64_t h, uint64_t word)
{
	h = (h ^ word) * 0xff51afd7ed558ccdull;
	return h ^ h >> 29;
}

/* Up to eight bytes; of four and more, the last four may be some of the first four again. */
static uint64_t word_of(const uint8_t *name, uint32_t len)
{
	uint32_t first, last;
	uint64_t word = 0;

	if (len >= sizeof(first)) {
		memcpy(&first, name, sizeof(first));
		memcpy(&last, name + len - sizeof(last), sizeof(last));
		return (uint64_t)last << 32 | first;
	}
	for (; len; len--)
		word = word << 8 | *name++;
	return word;
}

/* Eight bytes at a time, mixed well: names are often counters, and strangers choose some. */
static uint32_t hash_of(const uint8_t *name, uint32_t len)
{
	uint64_t h = len * 0x9e3779b97f4a7c15ull;

	for (; len > sizeof(uint64_t); name += sizeof(uint64_t), len -= sizeof(uint64_t))
		h = mix(h, word_of(name, sizeof(uint64_t)));
	h = mix(h, word_of(name, len)) * 0xff51afd7ed558ccdull;
	return (uint32_t)(h >> 32);
}

static bool is(const struct zl_name *e, uint32_t hash, const uint8_t *name, uint32_t len)
{
	const uint8_t *have = e->kept ? e->kept : e->pipe->routing_id;
	uint32_t have_len = e->kept ? e->len : e->pipe->routing_id_len;

	return e->hash == hash && have_len == len && zl_name_same(have, name, len);
}

/* Its place, or the free place where it would be; the table is not empty. */
static uint32_t place(const struct zl_names *t, uint32_t hash, const uint8_t *name, uint32_t len)
{
	uint32_t i = hash & t->mask;

	while (t->at[i].pipe && !is(&t->at[i], hash, name, len))
		i = (i + 1) & t->mask;
	return i;
}

struct zl_pipe *zl_names_find(const struct zl_names *t, const uint8_t *name, uint32_t len)
{
	if (t->used == 0 || len > ZL_NAME_BYTES)
		return NULL;
	return t->at[place(t, hash_of(name, len), name, len)].pipe;
}

static int grow(struct zl_names *t)
{
	uint32_t slots = t->at ? t->mask + 1 : 0, more = slots ? slots * 2 : FIRST_SLOTS;
	struct zl_name *was = t->at;

	if (t->used * 2 < slots)
		return 0;
	t->at = calloc(more, sizeof(*t->at));
	if (!t->at) {
		t->at = was;
		return -ENOMEM;
	}
	t->mask = more - 1;
	for (uint32_t i = 0; i < slots; i++) {
		uint32_t to = was[i].hash & t->mask;

		if (!was[i].pipe)
			continue;
		while (t->at[to].pipe)
			to = (to + 1) & t->mask;
		t->at[to] = was[i];
	}
	free(was);
	return 0;
}

static int add(struct zl_names *t, const struct zl_name *new, const uint8_t *name, uint32_t len)
{
	uint32_t i;

	if (grow(t) < 0)
		return -ENOMEM;
	i = place(t, new->hash, name, len);
	if (t->at[i].pipe)
		return -EEXIST;
	t->at[i] = *new;
	t->used++;
	return 0;
}

int zl_names_add(struct zl_names *t, struct zl_pipe *p)
{
	struct zl_name new = {
		.pipe = p,
		.hash = hash_of(p->routing_id, p->routing_id_len),
	};

	return add(t, &new, p->routing_id, p->routing_id_len);
}

int zl_names_add_copy(struct zl_names *t, struct zl_pipe *p, const uint8_t *name, uint32_t len)
{
	struct zl_name new = {
		.pipe = p,
		.hash = hash_of(name, len),
		.len = (uint8_t)len,
		.kept = malloc(len ? len : 1),
	};
	int error;

	if (!new.kept)
		return -ENOMEM;
	memcpy(new.kept, name, len);
	error = add(t, &new, name, len);
	if (error)
		free(new.kept);
	return error;
}

/* Those after the gap that could stand before it move up. */
static void close_gap(struct zl_names *t, uint32_t gap)
{
	for (uint32_t i = (gap + 1) & t->mask; t->at[i].pipe; i = (i + 1) & t->mask) {
		uint32_t home = t->at[i].hash & t->mask;

		if (((i - home) & t->mask) < ((i - gap) & t->mask))
			continue;
		t->at[gap] = t->at[i];
		gap = i;
	}
	t->at[gap] = (struct zl_name){0};
}

bool zl_names_remove(struct zl_names *t, const struct zl_pipe *p, const uint8_t *name, uint32_t len)
{
	uint32_t i;

	if (t->used == 0 || len > ZL_NAME_BYTES)
		return false;
	i = place(t, hash_of(name, len), name, len);
	if (t->at[i].pipe != p)
		return false;
	free(t->at[i].kept);
	t->used--;
	close_gap(t, i);
	return true;
}
