/* Received buffers that are just as large as what is in them, on the heap: AddressSanitizer sees
 * who reads a byte before or behind, which it does not in a pool's buffers. */
#ifndef ZL_TESTS_FUZZ_EXACT_H
#define ZL_TESTS_FUZZ_EXACT_H

#include <rte_mbuf.h>

#include "tests/fuzz/feed.h"

struct exact {
	struct rte_mbuf_ext_shared_info shared;
	void *bytes;
};

static inline void exact_free(void *bytes, void *exact)
{
	free(bytes);
	free(exact);
}

/* A segment of its own with a copy of these bytes, by a buffer of the pool. */
static inline struct rte_mbuf *exact_segment(struct rte_mempool *pool, const void *bytes, size_t n)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct exact *e = calloc(1, sizeof(*e));

	require(m && e && n <= UINT16_MAX);
	e->bytes = malloc(n ? n : 1);
	require(e->bytes);
	if (n)
		memcpy(e->bytes, bytes, n);
	e->shared.free_cb = exact_free;
	e->shared.fcb_opaque = e;
	rte_mbuf_ext_refcnt_set(&e->shared, 1);
	rte_pktmbuf_attach_extbuf(m, e->bytes, 0, (uint16_t)n, &e->shared);
	m->data_off = 0;
	m->data_len = (uint16_t)n;
	m->pkt_len = (uint32_t)n;
	return m;
}

/* The same in two segments, of which the first has `cut` bytes; cut >= n: in one. */
static inline struct rte_mbuf *exact_frame(struct rte_mempool *pool, const uint8_t *bytes, size_t n,
					   size_t cut)
{
	struct rte_mbuf *m = exact_segment(pool, bytes, cut < n ? cut : n);

	if (cut >= n)
		return m;
	m->next = exact_segment(pool, bytes + cut, n - cut);
	m->nb_segs = 2;
	m->pkt_len = (uint32_t)n;
	return m;
}

#endif
