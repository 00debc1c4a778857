/* Prefixes: found by a keyed hash, kept while a peer subscribes to them or a publisher still
 * believes so. */
#include <string.h>

#include "control/ipc/ipc.h"
#include "control/subscriptions/table.h"

_Static_assert(ZL_CORES_MAX <= 1u << (32 - PEER_CORE_SHIFT), "a peer's number holds its core");

static uint32_t units_of(unsigned bytes)
{
	uint32_t units = (uint32_t)((sizeof(struct block) + bytes + UNIT_BYTES - 1) / UNIT_BYTES);

	return units < UNITS_MIN ? UNITS_MIN : units;
}

static uint32_t hash_of(const struct zl_subs *s, const struct block *t)
{
	return keyed_hash(s->key, t->rest, t->bytes);
}

static uint32_t find(const struct zl_subs *s, const uint8_t *name, unsigned bytes, uint32_t hash)
{
	struct index_probe at = index_begin(&s->by_name.now, hash);
	uint32_t ref;

	while ((ref = index_next(&s->by_name, hash, &at)) != NONE) {
		const struct block *t = topic_at(s, ref);
		if (t->bytes == bytes && (bytes == 0 || memcmp(t->rest, name, bytes) == 0))
			return ref;
	}
	return NONE;
}

uint32_t topic_find(const struct zl_subs *s, const uint8_t *name, unsigned bytes)
{
	return find(s, name, bytes, keyed_hash(s->key, name, bytes));
}

void zl_subs_expect(const struct zl_subs *s, const uint8_t *prefix, unsigned bytes)
{
	index_prefetch(&s->by_name, keyed_hash(s->key, prefix, bytes));
}

uint32_t topic_walk(const struct zl_subs *s, uint32_t after)
{
	uint32_t ref = 0;

	for (;; after = ref) {
		const struct block *t = after == NONE ? NULL : topic_at(s, after);
		if (t)
			ref = after +
			      (t->kind == BLOCK_FREE ? block_free_units(t) : units_of(t->bytes));
		ref = store_walk(&s->topics, ref);
		if (ref == NONE || topic_at(s, ref)->kind != BLOCK_FREE)
			return ref;
	}
}

static uint32_t hash_ref(const void *context, uint32_t ref)
{
	const struct zl_subs *s = context;

	return hash_of(s, topic_at(s, ref));
}

static void prefetch_ref(const void *context, uint32_t ref)
{
	__builtin_prefetch(topic_at(context, ref));
}

static bool fit(struct zl_subs *s)
{
	const struct index_owner owner = {hash_ref, prefetch_ref, s};

	return index_fit(&s->by_name, &owner);
}

uint32_t topic_find_or_make(struct zl_subs *s, const uint8_t *name, unsigned bytes)
{
	uint32_t hash = keyed_hash(s->key, name, bytes);
	uint32_t ref = find(s, name, bytes, hash);

	if (ref != NONE)
		return ref;
	if (bytes > NAME_MAX_BYTES || !fit(s))
		return NONE;
	ref = store_get(&s->topics, units_of(bytes));
	if (ref == NONE)
		return NONE;
	if (!upstream_reserve(s)) {
		store_put(&s->topics, ref, units_of(bytes));
		return NONE;
	}
	struct block *t = topic_at(s, ref);
	t->word = 0;
	t->bytes = bytes & NAME_MAX_BYTES;
	t->kind = TOPIC_NOBODYS;
	if (bytes > 0)
		memcpy(t->rest, name, bytes);
	index_add(&s->by_name, hash, ref);
	return ref;
}

void topic_release(struct zl_subs *s, uint32_t ref)
{
	const struct block *t = topic_at(s, ref);

	if (t->kind != TOPIC_NOBODYS || upstream_told(s, ref))
		return;
	index_remove(&s->by_name, hash_of(s, t), ref);
	store_put(&s->topics, ref, units_of(t->bytes));
	fit(s);
}
