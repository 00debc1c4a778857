/* Inside of subscriptions/: the table's shape, shared by its three files: topics.c keeps the
 * prefixes, subs.c the peers and their edges to them, upstream.c the publishers. */
#ifndef ZL_CONTROL_SUBSCRIPTIONS_TABLE_H
#define ZL_CONTROL_SUBSCRIPTIONS_TABLE_H

#include "control/subscriptions/store.h"
#include "control/subscriptions/subs.h"

#define NONE UINT32_MAX

/* A prefix. While one peer at most has it, `core` is that peer's and names to 8 bytes are in place;
 * from the second on, counts of each core stand before the name in its block. */
struct topic {
	uint32_t hash;
	uint32_t count; /* peers; 0: only publishers still have to forget it */
	uint16_t bytes;
	uint8_t core;
	uint8_t counted; /* the block begins with uint32_t [cores] */
	uint32_t next_free;
	union {
		uint8_t here[8];
		uint8_t *block;
	};
};
_Static_assert(sizeof(struct topic) == 24, "what subs.h says a prefix costs");

/* One peer's subscription to one topic, in the list of its peer. */
struct edge {
	uint32_t topic, peer;
	uint32_t next, prev; /* of the same peer; a free edge: the next free one */
};
_Static_assert(sizeof(struct edge) == 16, "what subs.h says a subscription costs");

struct peer {
	uint64_t stream; /* 0: free */
	uint32_t first, count, next_free;
	uint32_t core;
};

struct zl_publisher {
	struct zl_publisher *next;
	uint64_t *told; /* a bit a topic */
	uint32_t words;
	uint32_t low, high; /* no word outside [low, high) differs from `live` */
};

/* What a core's matcher was seen to have, until settle(). */
struct core_note {
	uint32_t topic;
	uint8_t core, of;
};

struct zl_subs {
	unsigned cores;
	bool quiet; /* adopting: the matchers know */
	zl_match_fn *match;
	void *context;
	uint64_t key[2];
	struct array topics, edges, peers;
	struct hash topic_hash, edge_hash;
	struct blocks names;
	uint32_t free_topic, free_edge, free_peer;
	uint64_t n_edges, n_live;
	uint64_t *live; /* a bit a topic: it has a subscriber */
	uint32_t live_words;
	struct zl_publisher *publishers;
	struct core_note *notes;
	size_t n_notes, notes_max;
};

static inline struct topic *topic_at(const struct zl_subs *s, uint32_t i)
{
	return array_at(&s->topics, i);
}
static inline struct edge *edge_at(const struct zl_subs *s, uint32_t i)
{
	return array_at(&s->edges, i);
}
static inline struct peer *peer_at(const struct zl_subs *s, uint32_t i)
{
	return array_at(&s->peers, i);
}

/* topics.c */
const uint8_t *topic_name(const struct zl_subs *s, const struct topic *t);
uint32_t topic_find(const struct zl_subs *s, const uint8_t *name, unsigned bytes, uint32_t hash);
uint32_t topic_find_or_make(struct zl_subs *s, const uint8_t *name, unsigned bytes);
void topic_release(struct zl_subs *s, uint32_t topic); /* frees it if nobody has it or was told */
/* Peers of a core; increments and decrements say what it was before and is after. False: no
 * memory, nothing changed. */
uint32_t topic_core_count(const struct topic *t, unsigned core);
bool topic_increment(struct zl_subs *s, uint32_t topic, unsigned core);
void topic_decrement(struct zl_subs *s, uint32_t topic, unsigned core);
uint32_t topic_hash_of(const void *context, uint32_t topic);

/* upstream.c: a topic's `live` bit changed. */
bool upstream_reserve(struct zl_subs *s);
void upstream_changed(struct zl_subs *s, uint32_t topic, bool live);
void upstream_disown(struct zl_subs *s, uint32_t topic); /* as if all had been told of it */
bool upstream_told(const struct zl_subs *s, uint32_t topic);

#endif
