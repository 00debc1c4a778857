/* Chains of buffers (chain.h). */
#include "dataplane/ring/chain.h"

#include <string.h>

static bool grow(struct zl_chain *c, struct rte_mempool *pool)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	if (!m)
		return false;
	if (c->head) {
		c->last->next = m;
		c->head->nb_segs++;
	} else {
		c->head = m;
	}
	c->last = m;
	return true;
}

uint8_t *zl_chain_room(struct zl_chain *c, struct rte_mempool *pool, uint32_t want, uint32_t *got)
{
	uint8_t *at;

	if ((!c->head || (want && !rte_pktmbuf_tailroom(c->last))) && !grow(c, pool))
		return NULL;
	*got = RTE_MIN(want, (uint32_t)rte_pktmbuf_tailroom(c->last));
	at = rte_pktmbuf_mtod_offset(c->last, uint8_t *, c->last->data_len);
	c->last->data_len = (uint16_t)(c->last->data_len + *got);
	c->head->pkt_len += *got;
	return at;
}

bool zl_chain_append(struct zl_chain *c, struct rte_mempool *pool, const void *bytes, uint32_t len)
{
	const uint8_t *from = bytes;

	do {
		uint32_t n;
		uint8_t *to = zl_chain_room(c, pool, len, &n);

		if (!to)
			return false;
		memcpy(to, from, n);
		from += n;
		len -= n;
	} while (len);
	return true;
}

bool zl_chain_append_body(struct zl_chain *c, struct rte_mempool *pool, const struct zl_msg *msg)
{
	struct zl_msg_reader r;
	uint32_t left = msg->len;

	zl_msg_read_begin(&r, msg);
	do {
		uint32_t n;
		uint8_t *to = zl_chain_room(c, pool, left, &n);

		if (!to)
			return false;
		zl_msg_read(&r, to, n);
		left -= n;
	} while (left);
	return true;
}

void zl_msg_read_begin(struct zl_msg_reader *r, const struct zl_msg *msg)
{
	r->m = (const struct rte_mbuf *)msg->buf;
	r->at = msg->data;
	r->here = msg->len;
	if (msg->flags & ZL_MSG_CHAIN)
		r->here = (uint32_t)(rte_pktmbuf_mtod(r->m, const uint8_t *) + r->m->data_len -
				     msg->data);
}

/* Past n bytes of those at hand, and on to the next buffer if more than they are wanted. */
static void step(struct zl_msg_reader *r, uint32_t n, bool more)
{
	r->at += n;
	r->here -= n;
	if (r->here || !more)
		return;
	r->m = r->m->next;
	r->at = rte_pktmbuf_mtod(r->m, const uint8_t *);
	r->here = r->m->data_len;
}

void zl_msg_read(struct zl_msg_reader *r, uint8_t *to, uint32_t n)
{
	while (n) {
		uint32_t some = RTE_MIN(n, r->here);

		memcpy(to, r->at, some);
		to += some;
		n -= some;
		step(r, some, n);
	}
}

void zl_msg_skip(struct zl_msg_reader *r, uint32_t n)
{
	while (n) {
		uint32_t some = RTE_MIN(n, r->here);

		n -= some;
		step(r, some, n);
	}
}

void zl_msg_copy(const struct zl_msg *msg, uint8_t *to, uint32_t n)
{
	struct zl_msg_reader r;

	zl_msg_read_begin(&r, msg);
	zl_msg_read(&r, to, n);
}

/* Declared in msg.h: each process has its own. */
uint32_t zl_msg_peek(const struct zl_msg *msg, uint8_t *into, uint32_t max)
{
	uint32_t n = max < msg->len ? max : msg->len;

	zl_msg_copy(msg, into, n);
	return n;
}
