/* Message buffers of the dataplane are mbufs. A chain is one buffer: its references are counted on
 * its head, and the chain goes as a whole when the last is given back (rte_pktmbuf_free on a shared
 * head would take a reference from every following segment as well, each time).
 *
 * It follows that nothing may be attached (rte_pktmbuf_attach, clone) to the direct head of a chain
 * that is shared this way: a detach that drops the last reference would free the head alone. Later
 * segments, and heads without a next, may be attached to freely. */
#include <rte_mbuf.h>

#include "dataplane/ring/msg.h"

void zl_buf_ref(struct zl_buf *buf, uint16_t n)
{
	struct rte_mbuf *m = (struct rte_mbuf *)buf;

	rte_mbuf_refcnt_update(m, (int16_t)n);
}

void zl_buf_unref(struct zl_buf *buf, uint16_t n)
{
	struct rte_mbuf *m = (struct rte_mbuf *)buf;

	/* Who has all that there are need not count down: nobody else can come by one. */
	if (rte_mbuf_refcnt_read(m) != n && rte_mbuf_refcnt_update(m, (int16_t)-n))
		return;
	__atomic_thread_fence(__ATOMIC_ACQUIRE); /* what others did with it is done */
	rte_mbuf_refcnt_set(m, 1);
	rte_pktmbuf_free(m);
}
