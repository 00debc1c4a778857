/* The slots that share one prefix: one stands in the node itself (a small one of a leaf in its
 * header), more are a sorted vector. Adding and removing search by halves and move what follows: 40
 * KB at 10,000 slots, about 1 us. */
#include "dataplane/router/tree.h"

#include <errno.h>

enum {
	HEAD = sizeof(struct zl_slot_set) / 4,
	SMALLEST = 2
};

static uint32_t place(const struct zl_slot_set *set, uint32_t slot)
{
	uint32_t low = 0, high = set->n;

	while (low < high) {
		uint32_t mid = (low + high) / 2;

		if (set->slot[mid] < slot)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Move the set to a block with room for `room` slots. */
static int resize(struct zl_matcher *m, struct zl_node *n, uint32_t room)
{
	struct zl_slot_set *set = zl_set_at(m, n->word[0]), *moved;
	uint32_t ref = zl_region_alloc(&m->region, HEAD + room);

	if (ref == 0)
		return -ENOMEM;
	moved = zl_set_at(m, ref);
	moved->n = set->n;
	moved->room = room;
	memcpy(moved->slot, set->slot, set->n * sizeof(set->slot[0]));
	zl_region_free(&m->region, n->word[0], HEAD + set->room);
	n->word[0] = ref;
	return 0;
}

uint32_t zl_set_pair(struct zl_matcher *m, uint32_t a, uint32_t b)
{
	uint32_t ref = zl_region_alloc(&m->region, HEAD + SMALLEST);
	struct zl_slot_set *set;

	if (ref == 0)
		return 0;
	set = zl_set_at(m, ref);
	set->n = 2;
	set->room = SMALLEST;
	set->slot[0] = a < b ? a : b;
	set->slot[1] = a < b ? b : a;
	return ref;
}

void zl_set_free(struct zl_matcher *m, uint32_t ref)
{
	zl_region_free(&m->region, ref, HEAD + zl_set_at(m, ref)->room);
}

/* From the slot in the node's word to a set of two. */
static int begin(struct zl_matcher *m, struct zl_node *n, uint32_t slot)
{
	uint32_t ref = zl_set_pair(m, n->word[0], slot);

	if (ref == 0)
		return -ENOMEM;
	n->word[0] = ref;
	n->value = ZL_VALUE_SET;
	return 0;
}

int zl_set_add(struct zl_matcher *m, struct zl_node *n, uint32_t slot)
{
	struct zl_slot_set *set;
	uint32_t i;

	if (n->value == ZL_VALUE_SLOT)
		return n->word[0] == slot ? -EEXIST : begin(m, n, slot);
	set = zl_set_at(m, n->word[0]);
	i = place(set, slot);
	if (i < set->n && set->slot[i] == slot)
		return -EEXIST;
	if (set->n == set->room) {
		if (resize(m, n, set->room + set->room / 2 + 1) < 0)
			return -ENOMEM;
		set = zl_set_at(m, n->word[0]);
	}
	memmove(set->slot + i + 1, set->slot + i, (set->n - i) * sizeof(set->slot[0]));
	set->slot[i] = slot;
	set->n++;
	return 0;
}

int zl_set_remove(struct zl_matcher *m, struct zl_node *n, uint32_t slot)
{
	struct zl_slot_set *set;
	uint32_t i, ref, room;

	if (n->value == ZL_VALUE_INLINE)
		return n->slot == slot ? 1 : -ENOENT;
	if (n->value == ZL_VALUE_SLOT)
		return n->word[0] == slot ? 1 : -ENOENT;
	ref = n->word[0];
	set = zl_set_at(m, ref);
	i = place(set, slot);
	if (i == set->n || set->slot[i] != slot)
		return -ENOENT;
	set->n--;
	memmove(set->slot + i, set->slot + i + 1, (set->n - i) * sizeof(set->slot[0]));
	room = set->room;
	if (set->n == 1) {
		n->word[0] = set->slot[0];
		n->value = ZL_VALUE_SLOT;
		zl_region_free(&m->region, ref, HEAD + room);
	} else if (set->n < room / 2) {
		(void)resize(m, n, set->n + set->n / 4); /* or it stays where it is */
	}
	return 0;
}
