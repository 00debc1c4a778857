/* Message buffers of the dataplane are mbufs. A chain is one buffer: its references are counted on
 * its head, and the chain goes as a whole when the last is given back (rte_pktmbuf_free on a shared
 * head would take a reference from every following segment as well, each time).
 *
 * It follows that nothing may be attached (rte_pktmbuf_attach, clone) to the direct head of a chain
 * that is shared this way: a detach that drops the last reference would free the head alone. Later
 * segments, and heads without a next, may be attached to freely. */
#include <rte_mbuf.h>

#include <string.h>

#include "dataplane/ring/msg.h"

void zl_buf_ref(struct zl_buf *buf, uint16_t n)
{
	struct rte_mbuf *m = (struct rte_mbuf *)buf;

	rte_mbuf_refcnt_update(m, (int16_t)n);
}

void zl_buf_unref(struct zl_buf *buf, uint16_t n)
{
	struct rte_mbuf *m = (struct rte_mbuf *)buf;

	if (rte_mbuf_refcnt_update(m, (int16_t)-n))
		return;
	rte_mbuf_refcnt_set(m, 1);
	rte_pktmbuf_free(m);
}

uint32_t zl_msg_peek(const struct zl_msg *msg, uint8_t *into, uint32_t max)
{
	const struct rte_mbuf *m = (const struct rte_mbuf *)msg->buf;
	const uint8_t *from = msg->data;
	uint32_t want = max < msg->len ? max : msg->len, done = 0;
	uint32_t left = rte_pktmbuf_data_len(m) -
			(uint32_t)(from - rte_pktmbuf_mtod(m, const uint8_t *));

	for (;;) {
		uint32_t n = left < want - done ? left : want - done;

		memcpy(into + done, from, n);
		done += n;
		m = m->next;
		if (done == want || !m)
			return done;
		from = rte_pktmbuf_mtod(m, const uint8_t *);
		left = rte_pktmbuf_data_len(m);
	}
}
