/* Topic prefixes to pipes: which pipes want a message that begins with these bytes? One core's (or
 * one application socket's) matcher; no locks. Made for a million prefixes: memory comes from one
 * region reserved at creation and filled as needed, so nothing here calls malloc later.
 *
 * Bounds, whatever the prefixes: a match reads no more than the topic's bytes (or the longest
 * prefix's) and a node for each prefix or parting of prefixes among them, and if several prefixes
 * match, their slots. Adding and removing walk down likewise, and copy at most a few nodes of up to
 * 1.3 KB, a prefix longer than 255 bytes in pieces, and the slots of one prefix. */
#ifndef ZL_ROUTER_MATCHER_H
#define ZL_ROUTER_MATCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zl_matcher;

#define ZL_PREFIX_MAX UINT32_C(65535) /* bytes of a prefix */

/* Set-up path. max_bytes: at most 16 GiB are used. slots: pipes are named 0 .. slots-1. NULL:
 * errno. */
struct zl_matcher *zl_matcher_create(size_t max_bytes, uint32_t slots);
void zl_matcher_destroy(struct zl_matcher *m);

/* 0; -EEXIST: the pipe has this prefix already (nothing changes); -ENOMEM: the region is full;
 * -EMSGSIZE: longer than ZL_PREFIX_MAX; -EBUSY: the slot is being swept. */
int zl_matcher_add(struct zl_matcher *m, const uint8_t *prefix, uint32_t len, uint32_t slot);
/* 0; -ENOENT: it had not. */
int zl_matcher_remove(struct zl_matcher *m, const uint8_t *prefix, uint32_t len, uint32_t slot);

/* Everything of a slot, e.g. of a peer that has left: from here on it matches nothing. What it
 * still had is given back by zl_matcher_sweep(), and until then the slot takes no new prefix.
 * Constant time. */
void zl_matcher_remove_slot(struct zl_matcher *m, uint32_t slot);
/* Is nothing left of the slot, so that it may be given to another pipe? */
bool zl_matcher_slot_clean(const struct zl_matcher *m, uint32_t slot);
/* Sweep on: visits about `budget` tree nodes (some 100 ns each). true: nothing is left to sweep.
 * Call every turn; costs nothing when there is nothing to do. */
bool zl_matcher_sweep(struct zl_matcher *m, uint32_t budget);

/* The set of slots that a topic matches, each once. `key` names the set: equal keys of one matcher
 * mean equal sets as long as nothing was added or removed in between, so a run of messages with
 * equal keys can be written together. key 0: nobody. Valid until the next call on the matcher.
 *
 * `decided`: the first so many bytes alone decided: a topic at least as long that begins with the
 * same has the same set. More than the topic's length: its end decided, and only an equal topic is
 * known to have the same set. */
struct zl_match {
	uint64_t key;
	const uint32_t *slots;
	uint32_t n;
	uint32_t decided;
};
struct zl_match zl_matcher_match(struct zl_matcher *m, const uint8_t *topic, uint32_t len);

/* Matching a run of topics: in a large tree a match is a handful of reads from memory, each of
 * which must wait for the one before, and these waits are most of its cost; looking up some topics
 * side by side, they wait together. zl_matcher_lookup() finds the way of each through the tree, and
 * zl_matcher_result() gives, one at a time, what zl_matcher_match() would at that moment: if
 * prefixes came or went since, it looks that one up anew. The topics must stay as they are until
 * then. Costs more than zl_matcher_match() if few are looked up, or if the tree fits in the near
 * caches, which zl_matcher_large() tells. */
enum {
	ZL_LOOKUPS = 16 /* more at a time gain nothing */
};
struct zl_lookup {
	const uint8_t *topic; /* given */
	uint32_t len;
	uint32_t nodes, deepest, decided, generation; /* the matcher's */
};
bool zl_matcher_large(const struct zl_matcher *m);
void zl_matcher_lookup(const struct zl_matcher *m, struct zl_lookup *lookup, unsigned n);
struct zl_match zl_matcher_result(struct zl_matcher *m, const struct zl_lookup *lookup);

/* The longest prefix of the slot that these bytes begin with: its length, or -1. */
int64_t zl_matcher_longest_of(const struct zl_matcher *m, const uint8_t *topic, uint32_t len,
			      uint32_t slot);

/* No prefix is longer than this (it never shrinks): what of a topic is worth gathering. */
uint32_t zl_matcher_longest(const struct zl_matcher *m);

/* Every subscription, in no order; stops when visit returns a value other than 0 and returns it.
 * *cursor: 0 to begin; where to go on after a stop, with the very entry that visit stopped at; 0
 * again at the end. Adding and removing between
 * stops may make it miss or repeat an entry that was touched, nothing else; visit itself must not
 * change the matcher. Four walks may be under way: a fifth ends the oldest, whose next call returns
 * -ESTALE (and sets *cursor to 0). */
typedef int (*zl_matcher_visit)(void *ctx, const uint8_t *prefix, uint32_t len, uint32_t slot);
int zl_matcher_each(struct zl_matcher *m, uint64_t *cursor, zl_matcher_visit visit, void *ctx);

struct zl_matcher_stats {
	uint64_t prefixes, subscriptions;
	uint64_t bytes;         /* in use by them */
	uint64_t bytes_touched; /* of the region, ever since it was last empty */
};
struct zl_matcher_stats zl_matcher_stats(const struct zl_matcher *m);

#endif
