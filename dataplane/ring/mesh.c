/* Lanes of the core-to-core mesh. */
#include <errno.h>

#include "dataplane/ring/doorbell.h"
#include "dataplane/ring/mesh.h"

#define WRITE_RUN 64 /* parts handled at once */

_Static_assert(sizeof(struct zl_parcel_block) <= 2048, "fits the core's block pool");

static bool spare_add(struct zl_lane *l)
{
	void *b;

	if (rte_mempool_get(l->blocks, &b))
		return false;
	*(struct zl_parcel_block *)b = (struct zl_parcel_block){.next = l->spare};
	l->spare = b;
	l->spare_blocks++;
	return true;
}

int zl_lane_open(struct zl_lane *l, const char *name, struct rte_mempool *blocks,
		 struct zl_doorbell *reader, int numa)
{
	*l = (struct zl_lane){.blocks = blocks, .reader = reader};
	l->ring = rte_ring_create_elem(name, sizeof(struct zl_parcel), ZL_LANE_SLOTS, numa,
				       RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (!l->ring)
		return -ENOMEM;
	return spare_add(l) ? 0 : -ENOMEM;
}

static void parcel_drop(const struct zl_parcel *p)
{
	if (p->kind == ZL_PARCEL_MSG || p->kind == ZL_PARCEL_IN || p->kind == ZL_PARCEL_OUT)
		zl_buf_unref(p->msg.buf, 1);
	else if (p->kind == ZL_PARCEL_RX || p->kind == ZL_PARCEL_TX || p->kind == ZL_PARCEL_PACKET)
		rte_pktmbuf_free(p->frame);
}

static void blocks_free(struct zl_lane *l, struct zl_parcel_block *b)
{
	while (b) {
		struct zl_parcel_block *next = b->next;

		while (b->first < b->count)
			parcel_drop(&b->parcel[b->first++]);
		rte_mempool_put(l->blocks, b);
		b = next;
	}
}

void zl_lane_close(struct zl_lane *l)
{
	struct zl_parcel p;

	if (!l->ring)
		return;
	while (zl_lane_pull(l->ring, &p, 1))
		parcel_drop(&p);
	blocks_free(l, l->head);
	blocks_free(l, l->spare);
	rte_ring_free(l->ring);
	*l = (struct zl_lane){0};
}

bool zl_lane_reserve(struct zl_lane *l, uint32_t n)
{
	uint32_t room, blocks;

	l->promised = 0;
	if (l->head)
		return false;
	room = rte_ring_free_count(l->ring);
	l->reserved = RTE_MIN(n, room);
	if (n <= room) {
		l->promised = n;
		return true;
	}
	if (n < ZL_LANE_SLOTS / 2)
		return false; /* fits the ring once the reader has caught up */
	blocks = (n - room + ZL_PARCELS_A_BLOCK - 1) / ZL_PARCELS_A_BLOCK;
	while (l->spare_blocks <= blocks)
		if (!spare_add(l))
			return false;
	l->promised = n;
	return true;
}

static struct zl_parcel_block *tail_block(struct zl_lane *l)
{
	struct zl_parcel_block *b = l->tail;

	if (b && b->count < ZL_PARCELS_A_BLOCK)
		return b;
	b = l->spare;
	l->spare = b->next;
	l->spare_blocks--;
	b->next = NULL;
	if (l->tail)
		l->tail->next = b;
	else
		l->head = b;
	l->tail = b;
	return b;
}

static uint32_t enqueue(struct zl_lane *l, const struct zl_parcel *v, uint32_t n)
{
	uint32_t sent = rte_ring_sp_enqueue_burst_elem(l->ring, v, sizeof(*v), n, NULL);

	l->rang |= sent > 0;
	return sent;
}

void zl_lane_push(struct zl_lane *l, const struct zl_parcel *v, uint32_t n)
{
	uint32_t sent = l->head ? 0 : enqueue(l, v, n);

	l->reserved -= RTE_MIN(sent, l->reserved);
	l->promised -= RTE_MIN(n, l->promised);
	for (; sent < n; sent++) {
		struct zl_parcel_block *b = tail_block(l);

		b->parcel[b->count++] = v[sent];
	}
}

void zl_lane_write(struct zl_lane *l, enum zl_parcel_kind kind, uint32_t to,
		   const struct zl_msg *msgs, uint32_t n)
{
	struct zl_parcel v[WRITE_RUN];

	for (uint32_t i = 0, run; i < n; i += run) {
		for (run = 0; run < WRITE_RUN && i + run < n && msgs[i + run].buf == msgs[i].buf;
		     run++)
			v[run] = (struct zl_parcel){
				.msg = msgs[i + run],
				.socket = to,
				.kind = (uint8_t)kind,
			};
		zl_buf_ref(msgs[i].buf, (uint16_t)run);
		zl_lane_push(l, v, run);
	}
}

uint32_t zl_lane_offer(struct zl_lane *l, const struct zl_parcel *v, uint32_t n)
{
	uint32_t room = rte_ring_free_count(l->ring);

	room = l->head || room < l->reserved ? 0 : room - l->reserved;
	return enqueue(l, v, RTE_MIN(n, room));
}

void zl_lane_flush(struct zl_lane *l)
{
	while (l->head) {
		struct zl_parcel_block *b = l->head;

		b->first += enqueue(l, b->parcel + b->first, b->count - b->first);
		if (b->first < b->count)
			break;
		l->head = b->next;
		if (!l->head)
			l->tail = NULL;
		rte_mempool_put(l->blocks, b);
	}
	l->reserved = l->promised = 0;
	while (!l->spare && spare_add(l))
		;
	while (!l->head && l->spare_blocks > 1) { /* reserved more than it took */
		struct zl_parcel_block *b = l->spare;

		l->spare = b->next;
		l->spare_blocks--;
		rte_mempool_put(l->blocks, b);
	}
	if (l->rang) {
		l->rang = false;
		zl_doorbell_ring(l->reader);
	}
}
