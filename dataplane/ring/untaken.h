/* Message parts that came over a lane and that nobody could take yet, in order. Only descriptors
 * are kept, in blocks of a core's pool, each with the reference that came with it. One core only.
 */
#ifndef ZL_RING_UNTAKEN_H
#define ZL_RING_UNTAKEN_H

#include <stdint.h>

#include <rte_mempool.h>

#include "dataplane/ring/msg.h"

#define ZL_UNTAKEN_A_BLOCK 80
struct zl_untaken_block {
	struct zl_untaken_block *next;
	uint32_t first, count;
	struct zl_msg msg[ZL_UNTAKEN_A_BLOCK];
};

struct zl_untaken {
	struct zl_untaken_block *head, *tail;
	uint32_t n, whole; /* parts in all, and of whole messages */
};

/* Takes over the parts and their references. How many: fewer than n if the pool, of objects of at
 * least sizeof(struct zl_untaken_block), is dry. */
unsigned zl_untaken_push(struct zl_untaken *b, struct rte_mempool *blocks,
			 const struct zl_msg *msgs, unsigned n);
/* Copies up to `max` descriptors of whole messages, ending with a message if one ends there. */
unsigned zl_untaken_peek(const struct zl_untaken *b, struct zl_msg *out, unsigned max);
/* The first n parts are gone, and their references given back. */
void zl_untaken_drop(struct zl_untaken *b, unsigned n);
/* What is behind the first message is gone likewise: that one is whole, or what is left of one. */
void zl_untaken_keep_first(struct zl_untaken *b);

#endif
