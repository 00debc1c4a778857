/* Lists of the entries of a table, by their numbers; an entry is in one of them at a time. As each
 * timer of an element runs for one and the same time from when it is set, a list to whose tail its
 * entries are put is in the order in which they run out, and no other queue is needed. */
#ifndef ZL_PGM_ELEMENT_LIST_H
#define ZL_PGM_ELEMENT_LIST_H

#include <stdint.h>

#define NE_NONE UINT32_MAX

struct ne_link {
	uint32_t prev, next;
};

struct ne_list {
	uint32_t head, tail;
};

static inline void ne_list_init(struct ne_list *l)
{
	l->head = l->tail = NE_NONE;
}

static inline void ne_list_append(struct ne_list *l, struct ne_link *link, uint32_t i)
{
	link[i].prev = l->tail;
	link[i].next = NE_NONE;
	if (l->tail == NE_NONE)
		l->head = i;
	else
		link[l->tail].next = i;
	l->tail = i;
}

static inline void ne_list_remove(struct ne_list *l, struct ne_link *link, uint32_t i)
{
	if (link[i].prev == NE_NONE)
		l->head = link[i].next;
	else
		link[link[i].prev].next = link[i].next;
	if (link[i].next == NE_NONE)
		l->tail = link[i].prev;
	else
		link[link[i].next].prev = link[i].prev;
}

#endif
