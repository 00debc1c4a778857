/* Walks over all prefixes in their order. A cursor is the last prefix visited, so whatever changes
 * between two steps, a walk goes on where it was. The sweep of dead slots is such a walk, round and
 * round until none of theirs is left. */
#include "dataplane/router/tree.h"

#include <errno.h>

/* Down to the first prefix at or below ref; the cursor's key holds what leads to ref. */
static uint32_t first_below(const struct zl_matcher *m, struct zl_cursor *c, uint32_t ref,
			    uint32_t *cost)
{
	for (;;) {
		const struct zl_node *n = zl_node_at(m, ref);
		uint8_t byte;

		++*cost;
		memcpy(c->key + c->len, zl_node_path(n), n->path_len);
		c->len += n->path_len;
		if (n->value != ZL_VALUE_NONE)
			return ref;
		ref = zl_node_child_from(n, 0, &byte);
		c->key[c->len++] = byte;
	}
}

/* Where a search for what follows the key has come to. */
struct search {
	uint32_t ref, at;        /* here, and so many bytes lead here */
	uint32_t branch, before; /* the last branch to something greater: its child, bytes before */
	uint8_t byte;
};

/* One node down along the key. true: all of what is below follows the key. */
static bool follow(const struct zl_matcher *m, const struct zl_cursor *c, struct search *s)
{
	const struct zl_node *n = zl_node_at(m, s->ref);
	const uint32_t left = c->len - s->at;
	const uint32_t least = left < n->path_len ? left : n->path_len;
	const int order = memcmp(zl_node_path(n), c->key + s->at, least);
	uint32_t greater, *child;
	unsigned from = 0;
	uint8_t byte;

	if (order > 0 || (order == 0 && left < n->path_len))
		return true;
	s->ref = 0;
	if (order < 0)
		return false;
	s->at += n->path_len;
	if (s->at < c->len)
		from = c->key[s->at] + 1u;
	greater = zl_node_child_from(n, from, &byte);
	if (greater) {
		s->branch = greater;
		s->before = s->at;
		s->byte = byte;
	}
	if (s->at < c->len) {
		child = zl_node_child(n, c->key[s->at++]);
		s->ref = child ? *child : 0;
	}
	return false;
}

uint32_t zl_cursor_next(const struct zl_matcher *m, struct zl_cursor *c, uint32_t *cost)
{
	struct search s = {.ref = m->root};

	if (!c->begun) {
		c->begun = true;
		c->len = 0;
		return m->root ? first_below(m, c, m->root, cost) : 0;
	}
	while (s.ref) {
		++*cost;
		if (follow(m, c, &s)) {
			c->len = s.at;
			return first_below(m, c, s.ref, cost);
		}
	}
	if (s.branch == 0)
		return 0;
	c->len = s.before;
	c->key[c->len++] = s.byte;
	return first_below(m, c, s.branch, cost);
}

/* The node of exactly the cursor's key, if it is still there. */
static uint32_t find(const struct zl_matcher *m, const struct zl_cursor *c)
{
	uint32_t ref = m->root, at = 0, *child;

	while (ref) {
		const struct zl_node *n = zl_node_at(m, ref);

		if (n->path_len > c->len - at ||
		    memcmp(zl_node_path(n), c->key + at, n->path_len) != 0)
			return 0;
		at += n->path_len;
		if (at == c->len)
			return n->value != ZL_VALUE_NONE ? ref : 0;
		child = zl_node_child(n, c->key[at++]);
		ref = child ? *child : 0;
	}
	return 0;
}

/* Visit the live slots of a node, from `from` on. */
static int visit_node(struct zl_matcher *m, struct zl_cursor *c, uint32_t ref, uint32_t from,
		      zl_matcher_visit visit, void *ctx)
{
	uint32_t one, count;
	const uint32_t *slots = zl_set_slots(m, zl_node_at(m, ref), &one, &count);

	for (uint32_t i = 0; i < count; i++) {
		int stop;

		if (slots[i] < from || zl_bit(m->dead, slots[i]))
			continue;
		c->slot = slots[i];
		stop = visit(ctx, c->key, c->len, slots[i]);
		if (stop)
			return stop;
	}
	return 0;
}

/* A cursor's number: its serial above its place. */
static struct zl_cursor *cursor_of(struct zl_matcher *m, uint64_t *number)
{
	struct zl_cursor *c = &m->cursor[0];

	if (*number) {
		c = &m->cursor[*number % ZL_CURSORS];
		return c->serial == *number / ZL_CURSORS ? c : NULL;
	}
	for (unsigned i = 1; i < ZL_CURSORS; i++) {
		if (m->cursor[i].serial < c->serial)
			c = &m->cursor[i];
	}
	c->serial = ++m->serial;
	c->begun = false;
	*number = c->serial * ZL_CURSORS + (uint64_t)(c - m->cursor);
	return c;
}

int zl_matcher_each(struct zl_matcher *m, uint64_t *cursor, zl_matcher_visit visit, void *ctx)
{
	struct zl_cursor *c = cursor_of(m, cursor);
	uint32_t ref, cost = 0;
	int stop;

	if (!c) {
		*cursor = 0;
		return -ESTALE;
	}
	if (c->begun) { /* from the entry that it stopped at, if it is still there */
		ref = find(m, c);
		stop = ref ? visit_node(m, c, ref, c->slot, visit, ctx) : 0;
		if (stop)
			return stop;
	}
	while ((ref = zl_cursor_next(m, c, &cost)) != 0) {
		stop = visit_node(m, c, ref, 0, visit, ctx);
		if (stop)
			return stop;
	}
	c->serial = 0;
	*cursor = 0;
	return 0;
}

/* Remove the dead slots of the cursor's node, some at a time: it may have very many. true: done. */
static bool sweep_node(struct zl_matcher *m, uint32_t ref, uint32_t *cost)
{
	enum {
		AT_A_TIME = 64
	};
	const struct zl_cursor *c = &m->sweep;
	uint32_t one, count, dead[AT_A_TIME], n = 0;
	const uint32_t *slots = zl_set_slots(m, zl_node_at(m, ref), &one, &count);

	for (uint32_t i = 0; i < count && n < AT_A_TIME; i++) {
		if (zl_bit(m->dead, slots[i]))
			dead[n++] = slots[i];
	}
	*cost += count / 64;
	for (uint32_t i = 0; i < n; i++) {
		(void)zl_matcher_remove(m, c->key, c->len, dead[i]);
		*cost += 2 + count / 256;
	}
	return n < AT_A_TIME;
}

bool zl_matcher_sweep(struct zl_matcher *m, uint32_t budget)
{
	struct zl_cursor *c = &m->sweep;
	uint32_t cost = 0, ref;

	while (m->dead_slots) {
		if (cost >= budget)
			return false;
		ref = zl_cursor_next(m, c, &cost);
		if (ref == 0) {
			c->begun = false; /* round again: a slot may have died behind us */
			continue;
		}
		while (ref && !sweep_node(m, ref, &cost))
			ref = find(m, c);
	}
	return true;
}
