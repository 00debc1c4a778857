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

/* Reads a body from its beginning on; the message must stay. */
struct zl_msg_reader {
	const struct rte_mbuf *m;
	const uint8_t *at;
	uint32_t here; /* bytes from there on in m */
};
void zl_msg_read_begin(struct zl_msg_reader *r, const struct zl_msg *msg);
/* The next n bytes, which it has; or past them. */
void zl_msg_read(struct zl_msg_reader *r, uint8_t *to, uint32_t n);
void zl_msg_skip(struct zl_msg_reader *r, uint32_t n);

/* The first n bytes of a body, which it has. */
void zl_msg_copy(const struct zl_msg *msg, uint8_t *to, uint32_t n);

#endif
