/* Bytes that may lie in several segments, read from front to back. */
#ifndef ZL_ZMTP_CURSOR_H
#define ZL_ZMTP_CURSOR_H

#include <rte_mbuf.h>

#include "dataplane/ring/msg.h"

struct cursor {
	const uint8_t *at;
	uint32_t here; /* up to the end of this segment */
	const struct rte_mbuf *next;
};

static inline struct cursor cursor_of(const struct zl_msg *m)
{
	const struct rte_mbuf *head = (const struct rte_mbuf *)m->buf;
	uint32_t behind = (uint32_t)(rte_pktmbuf_mtod(head, const uint8_t *) + head->data_len -
				     m->data);

	return (struct cursor){.at = m->data, .here = RTE_MIN(behind, m->len), .next = head->next};
}

/* How many of the next n bytes are at c->at: at least one, if there are any. */
static inline uint32_t cursor_run(struct cursor *c, uint32_t n)
{
	while (c->here == 0 && c->next) {
		c->at = rte_pktmbuf_mtod(c->next, const uint8_t *);
		c->here = c->next->data_len;
		c->next = c->next->next;
	}
	return RTE_MIN(c->here, n);
}

static inline void cursor_skip(struct cursor *c, uint32_t n)
{
	c->at += n;
	c->here -= n;
}

#endif
