/* The impairment stage: one direction of one queue of a port, as a bad network would treat it. It
 * takes frames, and gives back what is left of them when they are due. Everything it does follows
 * from the seed, the frames' lengths and order, and the clock readings it is given; nothing else.
 *
 * In this order a frame may be lost, duplicated, corrupted, wait for the link (rate), be dropped
 * at a full queue, be delayed, be reordered. Bytes that somebody else may hold are never written:
 * duplicates are deep copies, and what is corrupted is copied first unless it is ours alone.
 *
 * Owned by the queue's poll core; made and freed by the main lcore while that core is not using
 * the port. */
#ifndef ZL_DRIVERS_IMPAIR_H
#define ZL_DRIVERS_IMPAIR_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "control/ipc/ipc.h"

#define ZL_IMPAIR_BURST      32   /* frames given to one zl_impair_push() at most */
#define ZL_IMPAIR_QUEUE      1024 /* queue_frames when the configuration says 0 */
#define ZL_IMPAIR_REORDER_US 1000 /* reorder_us when the configuration says 0 */

/* X(name, help) */
#define ZL_IMPAIR_COUNTS(X)                                                                        \
	X(lost, "frames dropped by the configured loss")                                           \
	X(duplicated, "copies of frames added")                                                    \
	X(corrupted, "frames with a burst of bits flipped")                                        \
	X(reordered, "frames held back so that later ones overtake them")                          \
	X(queue_full, "frames dropped because queue_frames were held already")                     \
	X(no_memory, "frames not duplicated or corrupted because the pool was dry")

struct zl_impair_counts {
#define X(name, help) uint64_t name;
	ZL_IMPAIR_COUNTS(X)
#undef X
};

struct zl_impairment;

/* Does this configuration do anything at all? */
bool zl_impair_wanted(const struct zl_impair *cfg);
/* stream tells the queues and directions of one seed apart; copies come from `copies` (with data
 * room). NULL: no memory. */
struct zl_impairment *zl_impair_create(const struct zl_impair *cfg, uint64_t stream,
				       struct rte_mempool *copies);
/* Frees what is held. */
void zl_impair_free(struct zl_impairment *s);

/* Takes n <= ZL_IMPAIR_BURST frames that arrive at now_ns; call zl_impair_pop() until it is empty
 * handed before and after. now_ns never goes back. */
void zl_impair_push(struct zl_impairment *s, struct rte_mbuf **frames, unsigned n, uint64_t now_ns);
/* Up to `room` frames that are due at now_ns, in order; the caller owns them. */
unsigned zl_impair_pop(struct zl_impairment *s, struct rte_mbuf **frames, unsigned room,
		       uint64_t now_ns);
/* When the next held frame is due; UINT64_MAX: none is held. */
uint64_t zl_impair_next_due(const struct zl_impairment *s);
const struct zl_impair_counts *zl_impair_counts(const struct zl_impairment *s);
/* All of the counts added up. */
uint64_t zl_impair_total(const struct zl_impairment *s);

#endif
