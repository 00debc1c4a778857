/* Prefixes: found by a keyed hash, kept while a peer subscribes to them or a publisher still
 * believes so. */
#include <stdlib.h>
#include <string.h>

#include "control/subscriptions/table.h"

uint32_t topic_hash_of(const void *context, uint32_t topic)
{
	return topic_at(context, topic)->hash;
}

static size_t counts_bytes(const struct zl_subs *s, const struct topic *t)
{
	return t->counted ? s->cores * sizeof(uint32_t) : 0;
}

static bool in_place(const struct topic *t)
{
	return !t->counted && t->bytes <= sizeof(t->here);
}

const uint8_t *topic_name(const struct zl_subs *s, const struct topic *t)
{
	return in_place(t) ? t->here : t->block + counts_bytes(s, t);
}

uint32_t topic_find(const struct zl_subs *s, const uint8_t *name, unsigned bytes, uint32_t hash)
{
	uint32_t at = hash, i;

	while ((i = hash_next(&s->topic_hash, &at)) != NONE) {
		const struct topic *t = topic_at(s, i);
		if (t->hash == hash && t->bytes == bytes &&
		    (bytes == 0 || memcmp(topic_name(s, t), name, bytes) == 0))
			return i;
	}
	return NONE;
}

static uint32_t topic_new(struct zl_subs *s)
{
	uint32_t i = s->free_topic;

	if (i == NONE)
		return array_push(&s->topics);
	s->free_topic = topic_at(s, i)->next_free;
	return i;
}

static void topic_drop(struct zl_subs *s, uint32_t i)
{
	struct topic *t = topic_at(s, i);

	if (!in_place(t))
		blocks_put(&s->names, t->block, counts_bytes(s, t) + t->bytes);
	memset(t, 0, sizeof(*t));
	t->next_free = s->free_topic;
	s->free_topic = i;
}

uint32_t topic_find_or_make(struct zl_subs *s, const uint8_t *name, unsigned bytes)
{
	uint32_t hash = keyed_hash(s->key, name, bytes);
	uint32_t i = topic_find(s, name, bytes, hash);

	if (i != NONE)
		return i;
	if (!hash_reserve(&s->topic_hash, topic_hash_of, s))
		return NONE;
	i = topic_new(s);
	if (i == NONE)
		return NONE;
	struct topic *t = topic_at(s, i);
	*t = (struct topic){.hash = hash, .bytes = (uint16_t)bytes};
	uint8_t *to = t->here;
	if (!in_place(t))
		to = t->block = blocks_get(&s->names, bytes);
	if (!to || !upstream_reserve(s)) {
		if (!to)
			t->bytes = 0;
		topic_drop(s, i);
		return NONE;
	}
	if (bytes > 0)
		memcpy(to, name, bytes);
	hash_insert(&s->topic_hash, hash, i);
	return i;
}

void topic_release(struct zl_subs *s, uint32_t i)
{
	struct topic *t = topic_at(s, i);

	if (t->count > 0 || upstream_told(s, i))
		return;
	hash_remove(&s->topic_hash, t->hash, i, topic_hash_of, s);
	topic_drop(s, i);
}

uint32_t topic_core_count(const struct topic *t, unsigned core)
{
	uint32_t count;

	if (!t->counted)
		return t->core == core ? t->count : 0;
	memcpy(&count, t->block + core * sizeof(count), sizeof(count));
	return count;
}

static void set_core_count(struct topic *t, unsigned core, uint32_t count)
{
	memcpy(t->block + core * sizeof(count), &count, sizeof(count));
}

/* Makes room for a count of each core before the name. */
static bool start_counting(struct zl_subs *s, struct topic *t)
{
	size_t counts = s->cores * sizeof(uint32_t);
	uint8_t *block = blocks_get(&s->names, counts + t->bytes);

	if (!block)
		return false;
	memset(block, 0, counts);
	if (t->bytes > 0)
		memcpy(block + counts, topic_name(s, t), t->bytes);
	if (!in_place(t))
		blocks_put(&s->names, t->block, t->bytes);
	t->block = block;
	t->counted = 1;
	set_core_count(t, t->core, t->count);
	return true;
}

bool topic_increment(struct zl_subs *s, uint32_t i, unsigned core)
{
	struct topic *t = topic_at(s, i);

	/* Peers of one core alone need no counts. */
	if (!t->counted && t->count > 0 && t->core != core && !start_counting(s, t))
		return false;
	if (t->counted)
		set_core_count(t, core, topic_core_count(t, core) + 1);
	else
		t->core = (uint8_t)core;
	if (t->count++ == 0)
		upstream_changed(s, i, true);
	return true;
}

void topic_decrement(struct zl_subs *s, uint32_t i, unsigned core)
{
	struct topic *t = topic_at(s, i);

	if (t->counted)
		set_core_count(t, core, topic_core_count(t, core) - 1);
	if (--t->count == 0)
		upstream_changed(s, i, false);
}
