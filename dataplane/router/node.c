/* Nodes of the matcher's tree: find, make, grow, shrink, merge. What a change needs is allocated
 * before anything is touched, so a full region leaves the tree as it was. */
#include "dataplane/router/tree.h"

#include <assert.h>
#include <errno.h>

/* Steps that waste little where a million nodes are small, and move rarely where they are not. */
const uint8_t zl_node_room[ZL_LISTED_MAX + 1] = {
	0,  1,  2,  3,  4,  6,  6,  8,  8,  10, 10, 12, 12, 14, 14, 16, 16, 20, 20, 20, 20, 24,
	24, 24, 24, 28, 28, 28, 28, 32, 32, 32, 32, 40, 40, 40, 40, 40, 40, 40, 40, 48, 48, 48,
	48, 48, 48, 48, 48, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
};

static uint32_t node_words(const struct zl_node *n)
{
	uint32_t bytes = zl_node_key_room(n) + n->path_len;
	uint32_t room = n->direct ? 256 : zl_node_room[zl_node_count(n)];

	return 1 + zl_node_value_words(n) + (bytes + 3) / 4 + room;
}

uint32_t zl_node_child_from(const struct zl_node *n, unsigned from, uint8_t *byte)
{
	const uint32_t *children = zl_node_children(n);
	const uint8_t *keys = zl_node_keys(n);

	if (n->direct) {
		while (from < 256 && children[from] == 0)
			from++;
		*byte = (uint8_t)from;
		return from < 256 ? children[from] : 0;
	}
	for (uint32_t i = 0, count = zl_node_count(n); i < count; i++) {
		if (keys[i] >= from) {
			*byte = keys[i];
			return children[i];
		}
	}
	return 0;
}

void zl_node_take_apart(const struct zl_matcher *m, uint32_t ref, struct zl_node_parts *p)
{
	const struct zl_node *n = zl_node_at(m, ref);
	const uint32_t *children = zl_node_children(n);

	p->value = (enum zl_value)n->value;
	p->word = zl_node_value_words(n) ? n->word[0] : 0;
	if (p->value == ZL_VALUE_INLINE) {
		p->value = ZL_VALUE_SLOT;
		p->word = n->slot;
	}
	p->path_len = n->path_len;
	memcpy(p->path, zl_node_path(n), n->path_len);
	p->children = 0;
	if (!n->direct) {
		p->children = zl_node_count(n);
		memcpy(p->key, zl_node_keys(n), p->children);
		memcpy(p->child, children, p->children * sizeof(*children));
		return;
	}
	for (unsigned b = 0; b < 256; b++) {
		if (children[b]) {
			p->key[p->children] = (uint8_t)b;
			p->child[p->children++] = children[b];
		}
	}
}

uint32_t zl_node_make(struct zl_matcher *m, const struct zl_node_parts *p)
{
	struct zl_node head = {
		.path_len = (uint8_t)p->path_len,
		.value = p->value,
		.direct = p->children > ZL_LISTED_MAX,
		.children = (uint16_t)p->children,
	};
	uint32_t ref, *children;
	struct zl_node *n;

	if (p->children == 0 && p->value == ZL_VALUE_SLOT && p->word <= UINT16_MAX) {
		head.value = ZL_VALUE_INLINE;
		head.slot = (uint16_t)p->word;
	}
	ref = zl_region_alloc(&m->region, node_words(&head));
	if (ref == 0)
		return 0;
	n = zl_node_at(m, ref);
	*n = head;
	if (zl_node_value_words(n))
		n->word[0] = p->word;
	memcpy((uint8_t *)(uintptr_t)zl_node_path(n), p->path, p->path_len);
	children = zl_node_children(n);
	if (!n->direct) {
		memcpy((uint8_t *)(uintptr_t)zl_node_keys(n), p->key, p->children);
		memcpy(children, p->child, p->children * sizeof(*children));
		return ref;
	}
	memset(children, 0, 256 * sizeof(*children));
	for (uint32_t i = 0; i < p->children; i++)
		children[p->key[i]] = p->child[i];
	return ref;
}

void zl_node_free(struct zl_matcher *m, uint32_t ref)
{
	zl_region_free(&m->region, ref, node_words(zl_node_at(m, ref)));
}

/* Where `byte` stands or belongs in a sorted list. */
static uint32_t place(const uint8_t *key, uint32_t n, uint8_t byte)
{
	uint32_t i = 0;

	while (i < n && key[i] < byte)
		i++;
	return i;
}

static void insert(uint8_t *key, uint32_t *child, uint32_t n, uint8_t byte, uint32_t ref)
{
	uint32_t i = place(key, n, byte);

	memmove(key + i + 1, key + i, n - i);
	memmove(child + i + 1, child + i, (n - i) * sizeof(*child));
	key[i] = byte;
	child[i] = ref;
}

static void erase(uint8_t *key, uint32_t *child, uint32_t n, uint8_t byte)
{
	uint32_t i = place(key, n, byte);

	memmove(key + i, key + i + 1, n - i - 1);
	memmove(child + i, child + i + 1, (n - i - 1) * sizeof(*child));
}

int zl_node_add_child(struct zl_matcher *m, uint32_t *link, uint8_t byte, uint32_t child)
{
	struct zl_node *n = zl_node_at(m, *link);
	struct zl_node_parts p;
	uint32_t ref, count = zl_node_count(n);

	if (n->direct) {
		zl_node_children(n)[byte] = child;
		n->children++;
		return 0;
	}
	if (count < ZL_LISTED_MAX && zl_node_room[count] > count) {
		insert((uint8_t *)(uintptr_t)zl_node_keys(n), zl_node_children(n), count, byte,
		       child);
		n->children++;
		return 0;
	}
	zl_node_take_apart(m, *link, &p);
	insert(p.key, p.child, p.children++, byte, child);
	ref = zl_node_make(m, &p);
	if (ref == 0)
		return -ENOMEM;
	zl_node_free(m, *link);
	*link = ref;
	return 0;
}

void zl_node_drop_child(struct zl_matcher *m, uint32_t *link, uint8_t byte)
{
	struct zl_node *n = zl_node_at(m, *link);
	struct zl_node_parts p;

	if (n->direct && n->children > ZL_DIRECT_MIN) {
		zl_node_children(n)[byte] = 0;
		n->children--;
		return;
	}
	if (!n->direct && zl_node_room[n->children - 1] == zl_node_room[n->children]) {
		erase((uint8_t *)(uintptr_t)zl_node_keys(n), zl_node_children(n), n->children,
		      byte);
		n->children--;
		return;
	}
	zl_node_take_apart(m, *link, &p);
	erase(p.key, p.child, p.children--, byte);
	zl_node_free(m, *link);
	*link = zl_node_make(m, &p); /* smaller than what was freed: does not fail */
	assert(*link);
}

void zl_node_merge(struct zl_matcher *m, uint32_t *link)
{
	const struct zl_node *n = zl_node_at(m, *link), *child;
	struct zl_node_parts p;
	uint8_t path[ZL_PATH_MAX], byte;
	uint32_t lower, ref, head;

	if (n->value != ZL_VALUE_NONE || n->children != 1)
		return;
	lower = zl_node_child_from(n, 0, &byte);
	child = zl_node_at(m, lower);
	head = n->path_len + 1u;
	if (head + child->path_len > ZL_PATH_MAX)
		return;
	memcpy(path, zl_node_path(n), n->path_len);
	path[n->path_len] = byte;
	zl_node_take_apart(m, lower, &p);
	memmove(p.path + head, p.path, p.path_len);
	memcpy(p.path, path, head);
	p.path_len += head;
	ref = zl_node_make(m, &p);
	if (ref == 0)
		return; /* two nodes say the same */
	zl_node_free(m, lower);
	zl_node_free(m, *link);
	*link = ref;
}
