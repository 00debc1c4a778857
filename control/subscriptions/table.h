/* Inside of subscriptions/: the table's shape, shared by its files: topics.c keeps the prefixes,
 * members.c which peers have one, subs.c the peers, upstream.c the publishers, adopt.c taking over.
 */
#ifndef ZL_CONTROL_SUBSCRIPTIONS_TABLE_H
#define ZL_CONTROL_SUBSCRIPTIONS_TABLE_H

#include "control/subscriptions/index.h"
#include "control/subscriptions/store.h"
#include "control/subscriptions/subs.h"

/* A prefix, in a block that is named by its reference: a struct block of 6 bytes and the name.
 * `word` is its one peer, or where its set of peers is. */
enum {
	TOPIC_NOBODYS = BLOCK_FREE + 1, /* only publishers still have to forget it */
	TOPIC_ONE,
	TOPIC_MANY
};
#define NAME_MAX_BYTES ((1u << 14) - 1) /* what block.bytes holds */

/* A peer's number begins with its core, so that in a set, which is in order, the peers of a core
 * are neighbours. */
#define PEER_CORE_SHIFT 27
static inline unsigned peer_core(uint32_t peer)
{
	return peer >> PEER_CORE_SHIFT;
}

/* What a peer has: references of topics in the order that they were added. Of one that was removed
 * the reference stays until the list is next put in order, so a reference counts only while a topic
 * of somebody's is there (`live`) that has the peer. */
struct peer {
	uint64_t stream; /* 0: free, or leaving */
	uint32_t *topics;
	uint32_t n, room, count; /* n: of the list; count: that it has */
	uint32_t next;           /* free or leaving */
	uint8_t core;
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
	uint64_t sources; /* a bit a core */
	bool quiet;       /* adopting: the matchers know */
	zl_match_fn *match;
	void *context;
	uint64_t key[2];
	struct store topics, sets;
	struct index by_name;
	struct peer *peers;
	uint32_t n_peers, peers_room, free_peer;
	uint32_t leaving; /* peers that are being forgotten */
	uint64_t n_edges, n_live;
	uint64_t *live; /* a bit a unit of `topics`: a topic with a subscriber begins there */
	uint32_t live_words;
	struct zl_publisher *publishers;
	struct core_note *notes;
	size_t n_notes, notes_max;
};

static inline bool is_source(const struct zl_subs *s, unsigned core)
{
	return s->sources >> core & 1;
}
static inline struct block *topic_at(const struct zl_subs *s, uint32_t ref)
{
	return store_at(&s->topics, ref);
}
static inline bool topic_live(const struct zl_subs *s, uint32_t ref)
{
	return ref / 64 < s->live_words && s->live[ref / 64] >> (ref % 64) & 1;
}

/* topics.c */
uint32_t topic_find(const struct zl_subs *s, const uint8_t *name, unsigned bytes);
uint32_t topic_find_or_make(struct zl_subs *s, const uint8_t *name, unsigned bytes);
void topic_release(struct zl_subs *s, uint32_t topic); /* frees it if nobody has it or was told */
/* Topics in order; NONE to begin and at the end. */
uint32_t topic_walk(const struct zl_subs *s, uint32_t after);

/* members.c: add and remove say whether they changed anything: 1, 0, -ENOMEM. *alone: no other
 * peer of its core has the topic. */
int member_add(struct zl_subs *s, uint32_t topic, uint32_t peer, bool *alone);
int member_remove(struct zl_subs *s, uint32_t topic, uint32_t peer, bool *alone);
bool member_has(const struct zl_subs *s, uint32_t topic, uint32_t peer);
bool member_of_core(const struct zl_subs *s, uint32_t topic, unsigned core);
uint32_t member_count(const struct zl_subs *s, uint32_t topic);

/* upstream.c: a topic's `live` bit changed. */
bool upstream_reserve(struct zl_subs *s);
void upstream_changed(struct zl_subs *s, uint32_t topic, bool live);
void upstream_disown(struct zl_subs *s, uint32_t topic); /* as if all had been told of it */
bool upstream_told(const struct zl_subs *s, uint32_t topic);

#endif
