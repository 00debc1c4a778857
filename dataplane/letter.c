/* Letters and mailboxes between the host core and the poll cores. */
#include <errno.h>

#include <rte_lcore.h>

#include "dataplane/letter.h"

/* Last in, first out, without a lock: a letter is 16 KiB, and only as many of them become resident
 * as are ever under way together. A ring would go through them all. */
struct rte_mempool *zl_letter_pool(unsigned letters)
{
	struct rte_mempool *pool = rte_mempool_create_empty(
		"letters", letters, sizeof(struct zl_letter), 0, 0, SOCKET_ID_ANY,
		RTE_MEMPOOL_F_NO_IOVA_CONTIG);

	if (!pool)
		return NULL;
	if (rte_mempool_set_ops_byname(pool, "lf_stack", NULL) == 0 &&
	    rte_mempool_populate_default(pool) > 0)
		return pool;
	rte_mempool_free(pool);
	return NULL;
}

int zl_mailbox_open(struct zl_mailbox *m, const char *name, unsigned slots,
		    struct zl_doorbell *reader)
{
	m->reader = reader;
	m->ring = rte_ring_create(name, slots, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return m->ring ? 0 : -ENOMEM;
}

void zl_mailbox_close(struct zl_mailbox *m)
{
	struct zl_letter *letter;

	if (!m->ring)
		return;
	while ((letter = zl_mailbox_take(m)))
		zl_letter_free(letter);
	rte_ring_free(m->ring);
	m->ring = NULL;
}

bool zl_mailbox_post(struct zl_mailbox *m, struct zl_letter *letter)
{
	if (rte_ring_sp_enqueue(m->ring, letter))
		return false;
	zl_doorbell_ring(m->reader);
	return true;
}

struct zl_letter *zl_mailbox_take(struct zl_mailbox *m)
{
	void *letter;

	return rte_ring_sc_dequeue(m->ring, &letter) == 0 ? letter : NULL;
}
