/* Peers and their subscriptions. A topic knows its peers and a peer its topics, as a list that is
 * put in order only now and then: removing one leaves its reference there, which then counts for
 * nothing. A peer that leaves is forgotten step by step, however much it had. */
#include "control/subscriptions/subs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "control/ipc/ipc.h"
#include "control/subscriptions/table.h"

#define PEER_INDEX  ((1u << PEER_CORE_SHIFT) - 1)
#define LIST_SHRINK 1024 /* longer lists give memory back when most of it is of no use */

struct zl_subs *zl_subs_new(unsigned cores, zl_match_fn *match, void *context)
{
	struct zl_subs *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->cores = cores;
	s->sources = UINT64_MAX;
	s->match = match;
	s->context = context;
	store_init(&s->topics);
	store_init(&s->sets);
	s->free_peer = s->leaving = NONE;
	if (getrandom(s->key, sizeof(s->key), 0) != sizeof(s->key))
		s->key[0] = (uintptr_t)s;
	return s;
}

void zl_subs_free(struct zl_subs *s)
{
	if (!s)
		return;
	for (struct zl_publisher *p = s->publishers, *next; p; p = next) {
		next = p->next;
		free(p->told);
		free(p);
	}
	for (uint32_t i = 0; i < s->n_peers; i++)
		free(s->peers[i].topics);
	free(s->peers);
	store_free(&s->topics);
	store_free(&s->sets);
	index_free(&s->by_name);
	free(s->live);
	free(s->notes);
	free(s);
}

static struct peer *peer_at(const struct zl_subs *s, uint32_t peer)
{
	return &s->peers[peer & PEER_INDEX];
}

static bool more_peers(struct zl_subs *s)
{
	uint32_t room = s->peers_room ? s->peers_room * 2 : 16;
	struct peer *wider = realloc(s->peers, room * sizeof(*wider));

	if (!wider)
		return false;
	s->peers = wider;
	s->peers_room = room;
	return true;
}

uint32_t zl_subs_join(struct zl_subs *s, uint64_t stream, unsigned core)
{
	uint32_t i = s->free_peer;

	if (i != NONE)
		s->free_peer = s->peers[i].next;
	else if (s->n_peers < PEER_INDEX && (s->n_peers < s->peers_room || more_peers(s)))
		i = s->n_peers++;
	else
		return ZL_NO_PEER;
	s->peers[i] = (struct peer){.stream = stream, .next = NONE, .core = (uint8_t)core};
	return (uint32_t)core << PEER_CORE_SHIFT | i;
}

static void tell(struct zl_subs *s, uint32_t topic, unsigned core, uint64_t target, bool add)
{
	const struct block *t = topic_at(s, topic);

	if (!s->quiet)
		s->match(s->context, core, target, t->rest, t->bytes, add);
}

/* The first of a core came, or the last has gone: every other core hears of it that has messages
 * to pass on. */
static void tell_others(struct zl_subs *s, uint32_t topic, unsigned of, bool add)
{
	for (unsigned core = 0; core < s->cores; core++)
		if (core != of && is_source(s, core))
			tell(s, topic, core, ZL_MATCH_CORE | of, add);
}

void zl_subs_no_source(struct zl_subs *s, unsigned core)
{
	s->sources &= ~(UINT64_C(1) << core);
}

void zl_subs_source(struct zl_subs *s, unsigned core)
{
	if (is_source(s, core))
		return;
	s->sources |= UINT64_C(1) << core;
	for (uint32_t topic = topic_walk(s, NONE); topic != NONE; topic = topic_walk(s, topic))
		for (unsigned of = 0; of < s->cores; of++)
			if (of != core && member_of_core(s, topic, of))
				tell(s, topic, core, ZL_MATCH_CORE | of, true);
}

/* --- a peer's list --- */

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static bool has(const struct zl_subs *s, uint32_t topic, uint32_t peer)
{
	return topic_live(s, topic) && member_has(s, topic, peer);
}

/* Leaves each topic that the peer has, once. */
static void put_in_order(struct zl_subs *s, uint32_t peer)
{
	struct peer *p = peer_at(s, peer);
	uint32_t kept = 0;

	qsort(p->topics, p->n, sizeof(p->topics[0]), by_number);
	for (uint32_t i = 0; i < p->n; i++)
		if ((kept == 0 || p->topics[kept - 1] != p->topics[i]) &&
		    has(s, p->topics[i], peer))
			p->topics[kept++] = p->topics[i];
	p->n = kept;
}

static bool list_resize(struct peer *p, uint32_t room)
{
	uint32_t *other = realloc(p->topics, room * sizeof(*other));

	if (!other)
		return false;
	p->topics = other;
	p->room = room;
	return true;
}

/* Room for one more. */
static bool list_reserve(struct zl_subs *s, uint32_t peer)
{
	struct peer *p = peer_at(s, peer);

	if (p->n < p->room)
		return true;
	if (p->n > 2 * p->count + 8) {
		put_in_order(s, peer);
		return true;
	}
	return list_resize(p, p->room + p->room / 4 + 6);
}

static void list_removed(struct zl_subs *s, uint32_t peer)
{
	struct peer *p = peer_at(s, peer);

	if (p->count == 0) {
		free(p->topics);
		p->topics = NULL;
		p->n = p->room = 0;
		return;
	}
	if (p->room <= LIST_SHRINK || p->count > p->room / 4)
		return;
	put_in_order(s, peer);
	list_resize(p, p->count + p->count / 4 + 6);
}

/* --- subscriptions --- */

int zl_subs_add(struct zl_subs *s, uint32_t peer, const uint8_t *prefix, unsigned bytes)
{
	struct peer *p = peer_at(s, peer);
	uint32_t topic = topic_find_or_make(s, prefix, bytes);
	bool alone;

	if (topic == NONE)
		return -ENOMEM;
	int changed = list_reserve(s, peer) ? member_add(s, topic, peer, &alone) : -ENOMEM;
	if (changed <= 0) {
		topic_release(s, topic);
		return changed;
	}
	p->topics[p->n++] = topic;
	p->count++;
	s->n_edges++;
	tell(s, topic, p->core, p->stream, true);
	if (alone)
		tell_others(s, topic, p->core, true);
	return 1;
}

int zl_subs_remove(struct zl_subs *s, uint32_t peer, const uint8_t *prefix, unsigned bytes)
{
	struct peer *p = peer_at(s, peer);
	uint32_t topic = topic_find(s, prefix, bytes);
	bool alone;

	if (topic == NONE || member_remove(s, topic, peer, &alone) == 0)
		return 0;
	p->count--;
	s->n_edges--;
	tell(s, topic, p->core, p->stream, false);
	if (alone)
		tell_others(s, topic, p->core, false);
	topic_release(s, topic);
	list_removed(s, peer);
	return 1;
}

bool zl_subs_has(const struct zl_subs *s, uint32_t peer, const uint8_t *prefix, unsigned bytes)
{
	uint32_t topic = topic_find(s, prefix, bytes);

	return topic != NONE && has(s, topic, peer);
}

/* --- leaving --- */

void zl_subs_leave(struct zl_subs *s, uint32_t peer)
{
	struct peer *p = peer_at(s, peer);

	s->n_edges -= p->count;
	p->stream = 0;
	p->next = s->leaving;
	s->leaving = peer & PEER_INDEX;
}

static void forget(struct zl_subs *s, uint32_t topic, uint32_t peer)
{
	bool alone;

	if (!topic_live(s, topic) || member_remove(s, topic, peer, &alone) == 0)
		return;
	if (alone)
		tell_others(s, topic, peer_core(peer), false);
	topic_release(s, topic);
}

bool zl_subs_step(struct zl_subs *s, uint32_t budget)
{
	while (s->leaving != NONE) {
		uint32_t i = s->leaving;
		struct peer *p = &s->peers[i];

		for (; p->n > 0 && budget > 0; budget--)
			forget(s, p->topics[--p->n], (uint32_t)p->core << PEER_CORE_SHIFT | i);
		if (p->n > 0)
			return true;
		free(p->topics);
		s->leaving = p->next;
		*p = (struct peer){.next = s->free_peer};
		s->free_peer = i;
	}
	return false;
}

/* --- for people and tests --- */

void zl_subs_each(const struct zl_subs *s, zl_subs_each_fn *fn, void *context)
{
	for (uint32_t i = topic_walk(s, NONE); i != NONE; i = topic_walk(s, i)) {
		const struct block *t = topic_at(s, i);
		if (t->kind != TOPIC_NOBODYS && !fn(context, t->rest, t->bytes, member_count(s, i)))
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

size_t zl_subs_bytes(const struct zl_subs *s)
{
	size_t bytes = sizeof(*s) + s->topics.mapped + s->sets.mapped + index_bytes(&s->by_name) +
		       s->peers_room * sizeof(*s->peers) + s->live_words * sizeof(*s->live);

	for (uint32_t i = 0; i < s->n_peers; i++)
		bytes += s->peers[i].room * sizeof(*s->peers[i].topics);
	for (const struct zl_publisher *p = s->publishers; p; p = p->next)
		bytes += sizeof(*p) + p->words * sizeof(*p->told);
	return bytes;
}
