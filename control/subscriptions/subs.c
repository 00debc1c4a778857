/* Peers and their subscriptions. An edge joins a peer and a topic; it is found by hash, so adding
 * and removing take the same time whoever else has the topic, and a leaving peer walks its own
 * edges only. */
#include "control/subscriptions/subs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "control/ipc/ipc.h"
#include "control/subscriptions/table.h"

static uint32_t edge_mix(uint32_t topic, uint32_t peer)
{
	uint64_t x = ((uint64_t)peer << 32 | topic) * 0x9e3779b97f4a7c15ull;

	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9ull;
	return (uint32_t)(x >> 32);
}

static uint32_t edge_hash_of(const void *context, uint32_t i)
{
	const struct edge *e = edge_at(context, i);

	return edge_mix(e->topic, e->peer);
}

struct zl_subs *zl_subs_new(unsigned cores, zl_match_fn *match, void *context)
{
	struct zl_subs *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->cores = cores;
	s->match = match;
	s->context = context;
	s->topics.item_bytes = sizeof(struct topic);
	s->edges.item_bytes = sizeof(struct edge);
	s->peers.item_bytes = sizeof(struct peer);
	s->free_topic = s->free_edge = s->free_peer = NONE;
	if (getrandom(s->key, sizeof(s->key), 0) != sizeof(s->key))
		s->key[0] = (uintptr_t)s;
	return s;
}

static void nobody(void *context, unsigned core, uint64_t target, const uint8_t *prefix,
		   unsigned bytes, bool add)
{
	(void)context, (void)core, (void)target, (void)prefix, (void)bytes, (void)add;
}

/* Emptied as if everybody left: large names are blocks of their own. */
void zl_subs_free(struct zl_subs *s)
{
	if (!s)
		return;
	s->match = nobody;
	zl_subs_settle(s);
	while (s->publishers)
		zl_publisher_leave(s, s->publishers);
	for (uint32_t i = 0; i < s->peers.n; i++)
		if (peer_at(s, i)->stream)
			zl_subs_leave(s, i);
	array_free(&s->topics);
	array_free(&s->edges);
	array_free(&s->peers);
	blocks_free(&s->names);
	free(s->topic_hash.slots);
	free(s->edge_hash.slots);
	free(s->live);
	free(s->notes);
	free(s);
}

uint32_t zl_subs_join(struct zl_subs *s, uint64_t stream, unsigned core)
{
	uint32_t i = s->free_peer;

	if (i != NONE)
		s->free_peer = peer_at(s, i)->next_free;
	else if ((i = array_push(&s->peers)) == NONE)
		return ZL_NO_PEER;
	*peer_at(s, i) = (struct peer){.stream = stream, .first = NONE, .core = core};
	return i;
}

static void tell(struct zl_subs *s, const struct topic *t, unsigned core, uint64_t target, bool add)
{
	if (!s->quiet)
		s->match(s->context, core, target, topic_name(s, t), t->bytes, add);
}

/* The first of a core came, or the last has gone: every other core hears of it. */
static void tell_others(struct zl_subs *s, const struct topic *t, unsigned of, bool add)
{
	for (unsigned core = 0; core < s->cores; core++)
		if (core != of)
			tell(s, t, core, ZL_MATCH_CORE | of, add);
}

static uint32_t edge_find(const struct zl_subs *s, uint32_t topic, uint32_t peer)
{
	uint32_t at = edge_mix(topic, peer), i;

	while ((i = hash_next(&s->edge_hash, &at)) != NONE) {
		const struct edge *e = edge_at(s, i);
		if (e->topic == topic && e->peer == peer)
			return i;
	}
	return NONE;
}

static uint32_t edge_new(struct zl_subs *s)
{
	uint32_t i = s->free_edge;

	if (!hash_reserve(&s->edge_hash, edge_hash_of, s))
		return NONE;
	if (i == NONE)
		return array_push(&s->edges);
	s->free_edge = edge_at(s, i)->next;
	return i;
}

static void edge_put_back(struct zl_subs *s, uint32_t i)
{
	edge_at(s, i)->next = s->free_edge;
	s->free_edge = i;
}

static void edge_link(struct zl_subs *s, uint32_t i, uint32_t topic, uint32_t peer)
{
	struct peer *p = peer_at(s, peer);
	struct edge *e = edge_at(s, i);

	*e = (struct edge){.topic = topic, .peer = peer, .next = p->first, .prev = NONE};
	if (p->first != NONE)
		edge_at(s, p->first)->prev = i;
	p->first = i;
	p->count++;
	s->n_edges++;
	hash_insert(&s->edge_hash, edge_mix(topic, peer), i);
}

static void edge_unlink(struct zl_subs *s, uint32_t i)
{
	struct edge *e = edge_at(s, i);
	struct peer *p = peer_at(s, e->peer);

	hash_remove(&s->edge_hash, edge_mix(e->topic, e->peer), i, edge_hash_of, s);
	if (e->prev != NONE)
		edge_at(s, e->prev)->next = e->next;
	else
		p->first = e->next;
	if (e->next != NONE)
		edge_at(s, e->next)->prev = e->prev;
	p->count--;
	s->n_edges--;
	edge_put_back(s, i);
}

int zl_subs_add(struct zl_subs *s, uint32_t peer, const uint8_t *prefix, unsigned bytes)
{
	struct peer *p = peer_at(s, peer);
	uint32_t topic = topic_find_or_make(s, prefix, bytes);

	if (topic == NONE)
		return -ENOMEM;
	if (edge_find(s, topic, peer) != NONE)
		return 0;
	struct topic *t = topic_at(s, topic);
	uint32_t edge = edge_new(s);
	if (edge == NONE || !topic_increment(s, topic, p->core)) {
		if (edge != NONE)
			edge_put_back(s, edge);
		topic_release(s, topic);
		return -ENOMEM;
	}
	edge_link(s, edge, topic, peer);
	tell(s, t, p->core, p->stream, true);
	if (topic_core_count(t, p->core) == 1)
		tell_others(s, t, p->core, true);
	return 1;
}

static void remove_edge(struct zl_subs *s, uint32_t i)
{
	uint32_t topic = edge_at(s, i)->topic;
	struct peer *p = peer_at(s, edge_at(s, i)->peer);
	struct topic *t = topic_at(s, topic);

	edge_unlink(s, i);
	tell(s, t, p->core, p->stream, false);
	topic_decrement(s, topic, p->core);
	if (topic_core_count(t, p->core) == 0)
		tell_others(s, t, p->core, false);
	topic_release(s, topic);
}

int zl_subs_remove(struct zl_subs *s, uint32_t peer, const uint8_t *prefix, unsigned bytes)
{
	uint32_t topic = topic_find(s, prefix, bytes, keyed_hash(s->key, prefix, bytes));
	uint32_t edge = topic == NONE ? NONE : edge_find(s, topic, peer);

	if (edge == NONE)
		return 0;
	remove_edge(s, edge);
	return 1;
}

void zl_subs_leave(struct zl_subs *s, uint32_t peer)
{
	struct peer *p = peer_at(s, peer);

	while (p->first != NONE)
		remove_edge(s, p->first);
	p->stream = 0;
	p->next_free = s->free_peer;
	s->free_peer = peer;
}

void zl_subs_each(const struct zl_subs *s, zl_subs_each_fn *fn, void *context)
{
	for (uint32_t i = 0; i < s->topics.n; i++) {
		const struct topic *t = topic_at(s, i);
		if (t->count > 0 && !fn(context, topic_name(s, t), t->bytes, t->count))
			return;
	}
}

uint64_t zl_subs_count(const struct zl_subs *s)
{
	return s->n_edges;
}

uint64_t zl_subs_prefixes(const struct zl_subs *s)
{
	return s->n_live;
}

uint32_t zl_subs_peer_count(const struct zl_subs *s, uint32_t peer)
{
	return peer_at(s, peer)->count;
}

static size_t hash_bytes(const struct hash *h)
{
	return h->slots ? ((size_t)h->mask + 1) * sizeof(*h->slots) : 0;
}

size_t zl_subs_bytes(const struct zl_subs *s)
{
	size_t bytes = sizeof(*s) + array_bytes(&s->topics) + array_bytes(&s->edges) +
		       array_bytes(&s->peers) + hash_bytes(&s->topic_hash) +
		       hash_bytes(&s->edge_hash) + s->names.bytes + s->live_words * 8u;

	for (const struct zl_publisher *p = s->publishers; p; p = p->next)
		bytes += sizeof(*p) + p->words * 8u;
	return bytes;
}
