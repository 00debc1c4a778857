/* Topic prefixes to pipes: which pipes want a message that begins with these bytes? One core's (or
 * one application socket's) matcher; no locks. Made for a million prefixes: memory comes from one
 * region reserved at creation and filled as needed, so nothing here calls malloc later. */
#ifndef ZL_ROUTER_MATCHER_H
#define ZL_ROUTER_MATCHER_H

#include <stddef.h>
#include <stdint.h>

struct zl_matcher;

/* Set-up path. slots: pipes are named 0 .. slots-1. NULL: errno. */
struct zl_matcher *zl_matcher_create(size_t max_bytes, uint32_t slots);
void zl_matcher_destroy(struct zl_matcher *m);

/* 0; -EEXIST: the pipe has this prefix already (nothing changes); -ENOMEM: the region is full. */
int zl_matcher_add(struct zl_matcher *m, const uint8_t *prefix, uint32_t len, uint32_t slot);
/* 0; -ENOENT: it had not. */
int zl_matcher_remove(struct zl_matcher *m, const uint8_t *prefix, uint32_t len, uint32_t slot);
/* Everything of a slot, e.g. of a peer that has left. */
void zl_matcher_remove_slot(struct zl_matcher *m, uint32_t slot);

/* The set of slots that a topic matches, each once. `key` names the set: equal keys of one matcher
 * mean equal sets as long as nothing was added or removed in between, so a run of messages with
 * equal keys can be written together. key 0: nobody. Valid until the next call on the matcher. */
struct zl_match {
	uint64_t key;
	const uint32_t *slots;
	uint32_t n;
};
struct zl_match zl_matcher_match(struct zl_matcher *m, const uint8_t *topic, uint32_t len);

/* Every subscription, in no order; stops when visit returns a value other than 0 and returns it.
 * *cursor: 0 to begin; where to go on after a stop, 0 again at the end. Adding and removing between
 * stops may make it miss or repeat an entry that was touched, nothing else. */
typedef int (*zl_matcher_visit)(void *ctx, const uint8_t *prefix, uint32_t len, uint32_t slot);
int zl_matcher_each(struct zl_matcher *m, uint64_t *cursor, zl_matcher_visit visit, void *ctx);

struct zl_matcher_stats {
	uint64_t prefixes, subscriptions, bytes;
};
struct zl_matcher_stats zl_matcher_stats(const struct zl_matcher *m);

#endif
