/* The master table of one XPUB socket's subscriptions: which peer subscribes to which prefix, and
 * from that, what each poll core's matcher and each upstream publisher must be told.
 *
 * A peer's subscriptions are a set, as libzmq's XPUB has it: a second SUBSCRIBE to the same prefix
 * changes nothing and one CANCEL removes it. A peer's own core hears (stream, prefix); when the
 * first peer of a core subscribes to a prefix every other core hears (that core, prefix), and of
 * the last one's leaving likewise. The table is one thread's, and calls out only through `match`.
 *
 * Memory: a prefix costs its name and 6 bytes, rounded up to 8, 7 to 10 of index, and a bit for
 * every 8 bytes for each publisher; a subscription 4 to 6 with its peer, and 4 to 8 more where
 * others have the prefix, too. tests/bench/bench_subscriptions measures it. */
#ifndef ZL_CONTROL_SUBSCRIPTIONS_SUBS_H
#define ZL_CONTROL_SUBSCRIPTIONS_SUBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZL_NO_PEER UINT32_MAX

struct zl_subs;
struct zl_publisher;

/* One record for one core's matcher: target is a stream, or ZL_MATCH_CORE | core (ipc.h). The
 * prefix is borrowed for the call. */
typedef void zl_match_fn(void *context, unsigned core, uint64_t target, const uint8_t *prefix,
			 unsigned bytes, bool add);

/* NULL: no memory. */
struct zl_subs *zl_subs_new(unsigned cores, zl_match_fn *match, void *context);
void zl_subs_free(struct zl_subs *subs);

/* A core's matcher has to know what the peers of other cores subscribe to only if messages enter
 * there. All cores count as such sources but those named before the first peer joins;
 * zl_subs_source() makes one a source again and tells its matcher all there is, at some 100 ns a
 * prefix. To do so twice does nothing. */
void zl_subs_no_source(struct zl_subs *subs, unsigned core);
void zl_subs_source(struct zl_subs *subs, unsigned core);

/* A subscriber's stream joins, ZL_NO_PEER: no memory. */
uint32_t zl_subs_join(struct zl_subs *subs, uint64_t stream, unsigned core);
/* Its stream is ending, and it leaves with all of its subscriptions. Its own core is not told,
 * whose matcher forgets a stream that ends; everybody else is, by zl_subs_step(), which forgets
 * about `budget` subscriptions of peers that have left (some 200 ns each) and says whether more are
 * left.
 */
void zl_subs_leave(struct zl_subs *subs, uint32_t peer);
bool zl_subs_step(struct zl_subs *subs, uint32_t budget);

/* 1: it changed the peer's set, 0: it did not, -ENOMEM. */
int zl_subs_add(struct zl_subs *subs, uint32_t peer, const uint8_t *prefix, unsigned bytes);
int zl_subs_remove(struct zl_subs *subs, uint32_t peer, const uint8_t *prefix, unsigned bytes);

bool zl_subs_has(const struct zl_subs *subs, uint32_t peer, const uint8_t *prefix, unsigned bytes);

/* A prefix is soon to be added or removed: has what is known of it fetched meanwhile. Costs a hash,
 * and saves the wait for memory, which is far longer once there are many prefixes. */
void zl_subs_expect(const struct zl_subs *subs, const uint8_t *prefix, unsigned bytes);

/* Reconciliation with a dataplane that has matches already. adopt() is add() without a word to the
 * matchers; adopt_core() notes that `core` knows (of, prefix); at the end settle() tells the
 * matchers the difference between what they have of cores and what they should have. */
int zl_subs_adopt(struct zl_subs *subs, uint32_t peer, const uint8_t *prefix, unsigned bytes);
int zl_subs_adopt_core(struct zl_subs *subs, unsigned core, unsigned of, const uint8_t *prefix,
		       unsigned bytes);
int zl_subs_settle(struct zl_subs *subs);
/* Publishers may believe in this prefix from an earlier control: unless a peer has it, all of them
 * are told that it is cancelled. 0 or -ENOMEM. */
int zl_subs_disown(struct zl_subs *subs, const uint8_t *prefix, unsigned bytes);

/* Upstream publishers, each told of the socket's prefixes at its own pace. peek() gives the next
 * prefix that this publisher has not been told of, or has and should not any more; done() says
 * that it now has been. There are no queues: what is left to tell is the difference of two
 * bitmaps, so a slow publisher costs one bit a prefix and skips what came and went. */
struct zl_publisher *zl_publisher_join(struct zl_subs *subs);
void zl_publisher_leave(struct zl_subs *subs, struct zl_publisher *publisher);
/* Has it been told of this prefix? */
bool zl_publisher_told(const struct zl_subs *subs, const struct zl_publisher *publisher,
		       const uint8_t *prefix, unsigned bytes);
struct zl_news {
	uint32_t topic;
	bool subscribe;
	unsigned bytes;
	const uint8_t *prefix; /* until done() */
};
bool zl_publisher_peek(struct zl_subs *subs, struct zl_publisher *publisher, struct zl_news *news);
void zl_publisher_done(struct zl_subs *subs, struct zl_publisher *publisher,
		       const struct zl_news *news);

/* For people and tests. each() walks distinct prefixes and stops where `fn` returns false. */
typedef bool zl_subs_each_fn(void *context, const uint8_t *prefix, unsigned bytes, uint32_t peers);
void zl_subs_each(const struct zl_subs *subs, zl_subs_each_fn *fn, void *context);
uint64_t
zl_subs_count(const struct zl_subs *subs); /* (peer, prefix) pairs of peers that are there */
uint64_t
zl_subs_prefixes(const struct zl_subs *subs); /* distinct, with a subscriber, even a leaving one */
uint32_t zl_subs_peer_count(const struct zl_subs *subs, uint32_t peer);
size_t zl_subs_bytes(const struct zl_subs *subs); /* of memory, all in */

#endif
