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
	uint32_t done = 0;

	do {
		uint32_t n;
		uint8_t *to = zl_chain_room(c, pool, msg->len - done, &n);

		if (!to)
			return false;
		zl_msg_copy(msg, done, n, to);
		done += n;
	} while (done < msg->len);
	return true;
}

void zl_msg_copy(const struct zl_msg *msg, uint32_t from, uint32_t n, uint8_t *to)
{
	const struct rte_mbuf *m = (const struct rte_mbuf *)msg->buf;
	const uint8_t *data = msg->data;
	uint32_t here;

	if (!(msg->flags & ZL_MSG_CHAIN)) {
		memcpy(to, data + from, n);
		return;
	}
	here = (uint32_t)(rte_pktmbuf_mtod(m, const uint8_t *) + m->data_len - data);
	while (from > here || (from == here && n)) {
		from -= here;
		m = m->next;
		data = rte_pktmbuf_mtod(m, const uint8_t *);
		here = m->data_len;
	}
	while (n) {
		uint32_t some = RTE_MIN(n, here - from);

		memcpy(to, data + from, some);
		to += some;
		n -= some;
		if (!n)
			break;
		from = 0;
		m = m->next;
		data = rte_pktmbuf_mtod(m, const uint8_t *);
		here = m->data_len;
	}
}

/* Declared in msg.h: each process has its own. */
uint32_t zl_msg_peek(const struct zl_msg *msg, uint8_t *into, uint32_t max)
{
	uint32_t n = max < msg->len ? max : msg->len;

	zl_msg_copy(msg, 0, n, into);
	return n;
}
