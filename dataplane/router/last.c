/* Keeping the newest message of each topic (last.h): found by a hash of the topic when it is
 * published, walked in order of topics by a skip list when somebody subscribes, and given up in
 * order of publication. */
#include "dataplane/router/last.h"
#include "dataplane/router/topic.h"

#include <errno.h>
#include <stdlib.h>

#define PART_HEAD 4 /* bytes: twice a part's length, and 1 if more follow */
#define SEED      0x5bf03635d2a54f1bull

static int allocate(struct zl_last *l)
{
	uint32_t buckets = 16;
	int error = zl_chunks_open(&l->chunks, l->config.bytes);

	if (error)
		return error;
	while (buckets < l->config.topics)
		buckets *= 2;
	l->mask = buckets - 1;
	l->entry = calloc((size_t)l->config.topics + 1, sizeof(*l->entry));
	l->bucket = calloc(buckets, sizeof(*l->bucket));
	l->scratch = malloc(l->config.message_bytes);
	if (!l->entry || !l->bucket || !l->scratch)
		return -ENOMEM;
	return zl_late_open(l);
}

struct zl_last *zl_last_open(const struct zl_ipc_last *config, uint64_t *counter)
{
	struct zl_last *l = calloc(1, sizeof(*l));
	int error;

	if (!l)
		return NULL;
	l->config = *config;
	l->counter = counter;
	l->value = ZL_STRING_EMPTY;
	l->draw = 1;
	error = allocate(l);
	if (error == 0)
		return l;
	zl_last_close(l);
	errno = -error;
	return NULL;
}

void zl_last_close(struct zl_last *l)
{
	if (!l)
		return;
	zl_late_close(l);
	zl_chunks_close(&l->chunks);
	free(l->entry);
	free(l->bucket);
	free(l->scratch);
	free(l);
}

uint32_t zl_last_topics(const struct zl_last *l)
{
	uint32_t n = 0;

	for (uint32_t e = l->entry[0].next[0]; e; e = l->entry[e].next[0])
		n++;
	return n;
}

/* --- by topic --- */

int zl_last_compare(const struct zl_last *l, uint32_t entry, const uint8_t *topic, uint32_t len)
{
	const struct zl_last_entry *e = &l->entry[entry];
	uint32_t n = e->key_len < len ? e->key_len : len;
	int differ = zl_chunks_compare(&l->chunks, &e->value, PART_HEAD, topic, n);

	return differ ? differ : (int)e->key_len - (int)len;
}

/* On each level the last entry whose topic is before the key. */
static void before(const struct zl_last *l, const uint8_t *key, uint32_t len,
		   uint32_t at[ZL_LAST_LEVELS])
{
	uint32_t e = 0, next;

	for (unsigned level = ZL_LAST_LEVELS; level-- > 0; at[level] = e)
		while ((next = l->entry[e].next[level]) && zl_last_compare(l, next, key, len) < 0)
			e = next;
}

uint32_t zl_last_seek(const struct zl_last *l, const uint8_t *topic, uint32_t len)
{
	uint32_t at[ZL_LAST_LEVELS];

	before(l, topic, len, at);
	return l->entry[at[0]].next[0];
}

bool zl_last_under(const struct zl_last *l, uint32_t entry, const uint8_t *topic, uint32_t len)
{
	const struct zl_last_entry *e = &l->entry[entry];

	return e->key_len >= len &&
	       zl_chunks_compare(&l->chunks, &e->value, PART_HEAD, topic, len) == 0;
}

static uint32_t find(const struct zl_last *l, const uint8_t *key, uint32_t len, uint32_t hash)
{
	uint32_t e = l->bucket[hash & l->mask];

	while (e && (l->entry[e].hash != hash || l->entry[e].key_len != len ||
		     zl_chunks_compare(&l->chunks, &l->entry[e].value, PART_HEAD, key, len) != 0))
		e = l->entry[e].hash_next;
	return e;
}

/* --- by publication --- */

static void unlink_age(struct zl_last *l, uint32_t e)
{
	l->entry[l->entry[e].older].newer = l->entry[e].newer;
	l->entry[l->entry[e].newer].older = l->entry[e].older;
}

static void make_newest(struct zl_last *l, uint32_t e)
{
	l->entry[e].older = l->entry[0].older;
	l->entry[e].newer = 0;
	l->entry[l->entry[0].older].newer = e;
	l->entry[0].older = e;
}

/* --- coming and going --- */

static void remove_entry(struct zl_last *l, uint32_t e)
{
	struct zl_last_entry *entry = &l->entry[e];
	uint32_t at[ZL_LAST_LEVELS], *link = &l->bucket[entry->hash & l->mask];
	uint8_t key[ZL_TOPIC_KEY_MAX];

	zl_late_removed(l, e);
	zl_chunks_read(&l->chunks, &entry->value, PART_HEAD, key, entry->key_len);
	before(l, key, entry->key_len, at);
	for (unsigned level = 0; level < entry->levels; level++)
		l->entry[at[level]].next[level] = entry->next[level];
	while (*link != e)
		link = &l->entry[*link].hash_next;
	*link = entry->hash_next;
	unlink_age(l, e);
	zl_chunks_free(&l->chunks, &entry->value);
	entry->hash_next = l->free;
	l->free = e;
}

static void evict_oldest(struct zl_last *l)
{
	l->counter[ZL_ROUTER_last_evicted]++;
	remove_entry(l, l->entry[0].newer);
}

static uint8_t draw_levels(struct zl_last *l)
{
	uint8_t levels = 1;

	l->draw ^= l->draw << 13;
	l->draw ^= l->draw >> 17;
	l->draw ^= l->draw << 5;
	for (uint32_t x = l->draw; levels < ZL_LAST_LEVELS && (x & 3) == 0; x >>= 2)
		levels++;
	return levels;
}

static uint32_t free_entry(struct zl_last *l)
{
	uint32_t e;

	if (!l->free && l->used < l->config.topics)
		return ++l->used;
	if (!l->free)
		evict_oldest(l);
	e = l->free;
	l->free = l->entry[e].hash_next;
	return e;
}

/* A topic that was not there; it has no value yet. */
static uint32_t add_entry(struct zl_last *l)
{
	uint32_t e = free_entry(l), at[ZL_LAST_LEVELS], *bucket = &l->bucket[l->hash & l->mask];
	struct zl_last_entry *entry = &l->entry[e];

	before(l, l->key, l->key_len, at);
	*entry = (struct zl_last_entry){
		.value = ZL_STRING_EMPTY,
		.hash = l->hash,
		.hash_next = *bucket,
		.key_len = (uint8_t)l->key_len,
		.levels = draw_levels(l),
	};
	*bucket = e;
	for (unsigned level = 0; level < entry->levels; level++) {
		entry->next[level] = l->entry[at[level]].next[level];
		l->entry[at[level]].next[level] = e;
	}
	make_newest(l, e);
	return e;
}

/* --- publishing --- */

/* The message is not kept, so what was kept of its topic is not the newest any more. */
static void refuse(struct zl_last *l, enum zl_router_counter why)
{
	uint32_t e = find(l, l->key, l->key_len, l->hash);

	l->counter[why]++;
	zl_chunks_free(&l->chunks, &l->value);
	l->taking = false;
	if (e)
		remove_entry(l, e);
}

static void begin(struct zl_last *l, const struct zl_msg *first)
{
	uint8_t start[ZL_TOPIC_KEY_MAX + 1];
	uint32_t n = first->len < sizeof(start) ? first->len : (uint32_t)sizeof(start);
	const uint8_t *bytes = first->data;

	if (first->flags & ZL_MSG_CHAIN) {
		n = zl_msg_peek(first, start, n);
		bytes = start;
	}
	l->seq++;
	l->parts = 0;
	l->key_len = zl_topic_len(&l->config.topic, bytes, n);
	l->taking = l->key_len <= ZL_TOPIC_KEY_MAX;
	if (!l->taking) {
		l->counter[ZL_ROUTER_last_topic_too_long]++;
		return;
	}
	memcpy(l->key, bytes, l->key_len);
	l->hash = zl_topic_hash(l->key, l->key_len, SEED);
}

static bool make_room(struct zl_last *l, uint32_t chunks)
{
	while (l->chunks.n_free < chunks && l->entry[0].newer)
		evict_oldest(l);
	return l->chunks.n_free >= chunks;
}

static void add_part(struct zl_last *l, const struct zl_msg *m)
{
	uint32_t head = m->len << 1 | ((m->flags & ZL_MSG_MORE) != 0);
	uint64_t bytes = (uint64_t)l->value.len + PART_HEAD + m->len;
	const uint8_t *body = m->data;

	if (bytes > l->config.message_bytes || ++l->parts > ZL_LAST_PARTS ||
	    !make_room(l, zl_chunks_need(&l->value, PART_HEAD + m->len))) {
		refuse(l, ZL_ROUTER_last_too_long);
		return;
	}
	if (m->flags & ZL_MSG_CHAIN) {
		zl_msg_peek(m, l->scratch, m->len);
		body = l->scratch;
	}
	zl_chunks_append(&l->chunks, &l->value, &head, PART_HEAD);
	zl_chunks_append(&l->chunks, &l->value, body, m->len);
}

static void keep(struct zl_last *l)
{
	uint32_t e = find(l, l->key, l->key_len, l->hash);

	if (e) {
		unlink_age(l, e);
		make_newest(l, e);
	} else {
		e = add_entry(l);
	}
	zl_chunks_free(&l->chunks, &l->entry[e].value);
	l->entry[e].value = l->value;
	l->entry[e].seq = l->seq;
	l->value = ZL_STRING_EMPTY;
	l->taking = false;
	l->counter[ZL_ROUTER_last_kept]++;
}

void zl_last_put(struct zl_last *l, const struct zl_msg *msgs, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (!l->mid)
			begin(l, &msgs[i]);
		if (l->taking)
			add_part(l, &msgs[i]);
		l->mid = msgs[i].flags & ZL_MSG_MORE;
		if (!l->mid && l->taking)
			keep(l);
	}
}

void zl_last_broken(struct zl_last *l)
{
	l->mid = l->taking = false;
	zl_chunks_free(&l->chunks, &l->value);
}
