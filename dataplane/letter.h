/* What the host core and a poll core send each other: one packet of control/ipc in a block of the
 * shared pool, over one single-producer single-consumer ring each way. Whoever takes a letter from
 * a ring owns it and gives it back with zl_letter_free() or sends it on. */
#ifndef ZL_DATAPLANE_LETTER_H
#define ZL_DATAPLANE_LETTER_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mempool.h>
#include <rte_ring.h>

#include "control/ipc/ipc.h"
#include "dataplane/ring/doorbell.h"

struct zl_letter {
	struct zl_letter *next; /* for the owner */
	void *object; /* host to core: what was allocated for the core, e.g. a shard; core to
		       * host: what the host is to free */
	uint8_t packet[ZL_IPC_PACKET_MAX];
};

/* Notices of the host core to the poll cores beyond the contract with control. */
enum {
	ZL_NOTICE_CONTROL_GONE = ZL_IPC_TYPE_COUNT
};

/* One way of a mailbox. The reader may sleep on `doorbell` (an eventfd) after setting `asleep`. */
struct zl_mailbox {
	struct rte_ring *ring;
	struct zl_doorbell *reader;
};

#define ZL_MAIL_ANSWERS 320 /* ZL_REQUESTS_MAX, and notices that come back */
#define ZL_LETTERS_KEPT 512 /* of the pool, that events leave to the host core */

struct rte_mempool *zl_letter_pool(unsigned letters);
int zl_mailbox_open(struct zl_mailbox *m, const char *name, unsigned slots,
		    struct zl_doorbell *reader);
void zl_mailbox_close(struct zl_mailbox *m);

static inline struct zl_letter *zl_letter_new(struct rte_mempool *pool)
{
	void *letter;

	return rte_mempool_get(pool, &letter) == 0 ? letter : NULL;
}
static inline void zl_letter_free(struct zl_letter *letter)
{
	rte_mempool_put(rte_mempool_from_obj(letter), letter);
}
static inline struct zl_ipc_header *zl_letter_header(struct zl_letter *letter)
{
	return (struct zl_ipc_header *)letter->packet;
}
/* Is there room for one more event? Only the writer may rely on a yes. The last places are for the
 * answers to requests: a core must always be able to take its orders, for among what control says
 * is what makes room for events again. */
static inline bool zl_mailbox_room(const struct zl_mailbox *m)
{
	return rte_ring_free_count(m->ring) > ZL_MAIL_ANSWERS;
}
/* false: the ring is full and the letter still the caller's. */
bool zl_mailbox_post(struct zl_mailbox *m, struct zl_letter *letter);
struct zl_letter *zl_mailbox_take(struct zl_mailbox *m);

#endif
