/* The bytes that a stream has yet to send or to have acknowledged, as slices of reference-counted
 * buffers: nothing is copied, and a run that many streams share is shared by reference.
 *
 * Two cursors walk it: `una` (first unacknowledged byte) and `nxt` (first unsent byte). A slice may
 * begin in any segment of its buffer's chain and run over the following ones. Slice storage comes
 * from the core's block pool; nothing here calls malloc. One core only. */
#ifndef ZL_NET_SENDQ_H
#define ZL_NET_SENDQ_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>

struct zl_slice {
	struct rte_mbuf *head; /* carries the reference: a buffer, or the head of a chain */
	struct rte_mbuf *seg;  /* segment of head's chain in which the slice begins */
	uint32_t off;          /* first byte, from seg's data start */
	uint32_t len;          /* bytes, over the segments from seg on */
	uint32_t msgs;         /* messages whose last byte is in this slice (HWM credit) */
	uint32_t reserved;
};

#define ZL_SLICES_A_BLOCK 62

/* A block of slices; its memory is an object of the core's block pool (ZL_SLICE_BLOCK_SIZE). */
struct zl_slice_block {
	struct zl_slice_block *next;
	uint32_t first, count; /* live slices: [first, count) */
	struct zl_slice slice[ZL_SLICES_A_BLOCK];
};
#define ZL_SLICE_BLOCK_SIZE sizeof(struct zl_slice_block)

/* A position in the queue: slice `idx` of `block`, `off` bytes into segment `seg` (from its data
 * start), `left` bytes of the slice still ahead. */
struct zl_sendq_cursor {
	struct zl_slice_block *block;
	uint32_t idx;
	struct rte_mbuf *seg;
	uint32_t off;
	uint32_t left;
};

struct zl_sendq {
	struct rte_mempool *blocks;
	struct zl_slice_block *tail;
	struct zl_sendq_cursor una, nxt;
	uint64_t bytes;  /* from una to the end */
	uint64_t unsent; /* from nxt to the end */
	uint64_t msgs;   /* messages that end in [una, end) */
	/* Set by whoever sends: the device copies what it is given, so that a chain gains nothing.
	 * Only what is the whole payload of a packet is attached. */
	bool copies;
};

void zl_sendq_init(struct zl_sendq *q, struct rte_mempool *blocks);
/* Drops every slice and its reference. */
void zl_sendq_clear(struct zl_sendq *q);

/* Append; takes ONE new reference on s->head if the slice is stored by itself, none when it extends
 * the last one (begins in the same segment where that ends). 0, or -ENOBUFS with nothing changed:
 * no block, or head has nearly as many references as can be counted. */
int zl_sendq_append(struct zl_sendq *q, const struct zl_slice *s);

/* The first n bytes from una are acknowledged (n <= bytes; nxt moves along if it was behind).
 * Returns how many messages were completed by it, which is known by whole slices; drops the
 * references of finished slices. */
uint32_t zl_sendq_ack(struct zl_sendq *q, uint32_t n);

/* What the first unacknowledged bytes lie in, as up to n pieces, for a kernel that takes them from
 * there; moves nothing. Returns how many pieces. */
struct iovec;
unsigned zl_sendq_peek(const struct zl_sendq *q, struct iovec *v, unsigned n);

/* nxt back to una: everything unacknowledged counts as unsent again (RFC 6298 5.4). */
void zl_sendq_rewind(struct zl_sendq *q);

/* Put the next n unsent bytes (n <= unsent) behind `head` as packet data and move nxt on: small
 * pieces are copied into head's tailroom (or further buffers of its pool), big ones attached by
 * reference (indirect buffers of `indirect`). 0, or -ENOBUFS with the cursor and head unchanged. */
int zl_sendq_build(struct zl_sendq *q, struct rte_mbuf *head, uint32_t n,
		   struct rte_mempool *indirect);

/* As zl_sendq_build, from byte `from` after una, moving no cursor: retransmission. */
int zl_sendq_copy(const struct zl_sendq *q, uint32_t from, struct rte_mbuf *head, uint32_t n,
		  struct rte_mempool *indirect);

#endif
