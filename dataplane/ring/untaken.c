/* Parts that wait (untaken.h). */
#include "dataplane/ring/untaken.h"

_Static_assert(sizeof(struct zl_untaken_block) <= 2000, "fits the core's block pool");

static struct zl_untaken_block *block_add(struct zl_untaken *b, struct rte_mempool *blocks)
{
	struct zl_untaken_block *block;
	void *memory;

	if (rte_mempool_get(blocks, &memory))
		return NULL;
	block = memory;
	block->next = NULL;
	block->first = block->count = 0;
	if (b->tail)
		b->tail->next = block;
	else
		b->head = block;
	b->tail = block;
	return block;
}

unsigned zl_untaken_push(struct zl_untaken *b, struct rte_mempool *blocks,
			 const struct zl_msg *msgs, unsigned n)
{
	struct zl_untaken_block *block = b->tail;

	for (unsigned i = 0; i < n; i++) {
		if (!block || block->count == ZL_UNTAKEN_A_BLOCK)
			block = block_add(b, blocks);
		if (!block)
			return i;
		block->msg[block->count++] = msgs[i];
		b->n++;
		if (!(msgs[i].flags & ZL_MSG_MORE))
			b->whole = b->n;
	}
	return n;
}

unsigned zl_untaken_peek(const struct zl_untaken *b, struct zl_msg *out, unsigned max)
{
	const struct zl_untaken_block *block = b->head;
	uint32_t i = block ? block->first : 0;
	unsigned n = 0, end = 0;

	max = max < b->whole ? max : b->whole;
	while (n < max) {
		if (i == block->count) {
			block = block->next;
			i = block->first;
		}
		out[n] = block->msg[i++];
		if (!(out[n++].flags & ZL_MSG_MORE))
			end = n;
	}
	return end ? end : n;
}

void zl_untaken_drop(struct zl_untaken *b, unsigned n)
{
	b->n -= n;
	b->whole -= n < b->whole ? n : b->whole;
	while (n) {
		struct zl_untaken_block *block = b->head;
		uint32_t here = block->count - block->first;

		here = here < n ? here : n;
		zl_msgs_unref(block->msg + block->first, here);
		block->first += here;
		n -= here;
		if (block->first < block->count)
			return;
		b->head = block->next;
		if (!b->head)
			b->tail = NULL;
		rte_mempool_put(rte_mempool_from_obj(block), block);
	}
}

static void free_from(struct zl_untaken_block *block)
{
	while (block) {
		struct zl_untaken_block *next = block->next;

		zl_msgs_unref(block->msg + block->first, block->count - block->first);
		rte_mempool_put(rte_mempool_from_obj(block), block);
		block = next;
	}
}

void zl_untaken_keep_first(struct zl_untaken *b)
{
	struct zl_untaken_block *block = b->head;
	uint32_t end = block->first;

	b->n = 1;
	while (block->msg[end++].flags & ZL_MSG_MORE) {
		b->n++;
		if (end == block->count) {
			block = block->next;
			end = block->first;
		}
	}
	zl_msgs_unref(block->msg + end, block->count - end);
	block->count = end;
	free_from(block->next);
	block->next = NULL;
	b->tail = block;
	b->whole = b->n;
}
