/* Bytes into chains of buffers, and out of messages that lie in them. Any core; the pool is the
 * caller's. Header of chain.c. */
#ifndef ZL_RING_CHAIN_H
#define ZL_RING_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane/ring/msg.h"

/* All zero: nothing yet. What it holds is freed by rte_pktmbuf_free(head). */
struct zl_chain {
	struct rte_mbuf *head, *last;
};

/* A place behind what there is, for up to `want` bytes, which count as written from here on: *got
 * of them, at least one if any are wanted. NULL: no memory, and the chain is as it was. */
uint8_t *zl_chain_room(struct zl_chain *c, struct rte_mempool *pool, uint32_t want, uint32_t *got);

/* false: no memory; some of the bytes may be there. Of no bytes: an empty buffer, if there was
 * none. */
bool zl_chain_append(struct zl_chain *c, struct rte_mempool *pool, const void *bytes, uint32_t len);
bool zl_chain_append_body(struct zl_chain *c, struct rte_mempool *pool, const struct zl_msg *msg);

/* Bytes from..from+n of a body, which has so many. */
void zl_msg_copy(const struct zl_msg *msg, uint32_t from, uint32_t n, uint8_t *to);

#endif
