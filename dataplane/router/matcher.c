/* The matcher: add and remove prefixes, forget slots. A tree of prefixes to slots (tree.h); what a
 * change needs is allocated before anything is touched. Matching is match.c; walks and the sweep
 * of slots that are gone, walk.c. */
#include "dataplane/router/tree.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

enum {
	KEY_BYTES = 65536 + 64, /* of a cursor */
	SCRATCH_MIN = 16384
};

static int create_keys(struct zl_matcher *m)
{
	m->key_map = (size_t)KEY_BYTES * (ZL_CURSORS + 1);
	m->key_bytes = mmap(NULL, m->key_map, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (m->key_bytes == MAP_FAILED) {
		m->key_bytes = NULL;
		return -errno;
	}
	for (unsigned i = 0; i < ZL_CURSORS; i++)
		m->cursor[i].key = m->key_bytes + (size_t)i * KEY_BYTES;
	m->sweep.key = m->key_bytes + (size_t)ZL_CURSORS * KEY_BYTES;
	return 0;
}

struct zl_matcher *zl_matcher_create(size_t max_bytes, uint32_t slots)
{
	struct zl_matcher *m = calloc(1, sizeof(*m));
	size_t words = slots / 64 + 1;
	int error;

	if (!m)
		return NULL;
	m->slots = slots;
	m->generation = 1;
	m->scratch_size = 2 * slots > SCRATCH_MIN ? 2 * slots : SCRATCH_MIN;
	m->count = calloc(slots ? slots : 1, sizeof(*m->count));
	m->dead = calloc(words, sizeof(*m->dead));
	m->seen = calloc(words, sizeof(*m->seen));
	m->scratch = calloc(m->scratch_size, sizeof(*m->scratch));
	error = m->count && m->dead && m->seen && m->scratch ? 0 : -ENOMEM;
	if (error == 0)
		error = create_keys(m);
	if (error == 0)
		error = zl_region_open(&m->region, max_bytes);
	if (error < 0) {
		zl_matcher_destroy(m);
		errno = -error;
		return NULL;
	}
	return m;
}

void zl_matcher_destroy(struct zl_matcher *m)
{
	if (!m)
		return;
	zl_region_close(&m->region);
	if (m->key_bytes)
		munmap(m->key_bytes, m->key_map);
	free(m->scratch);
	free(m->seen);
	free(m->dead);
	free(m->count);
	free(m);
}

void zl_matcher_changed(struct zl_matcher *m)
{
	if (++m->generation == 0) {
		m->generation = 1;
		memset(m->memo, 0, sizeof(m->memo));
	}
}

static void free_chain(struct zl_matcher *m, uint32_t ref)
{
	while (ref) {
		uint8_t byte;
		uint32_t next = zl_node_child_from(zl_node_at(m, ref), 0, &byte);

		zl_node_free(m, ref);
		ref = next;
	}
}

/* A new branch that ends in one slot: one node, or a chain of them if it is long. 0: no memory. */
static uint32_t make_branch(struct zl_matcher *m, const uint8_t *bytes, uint32_t len, uint32_t slot)
{
	struct zl_node_parts p = {.value = ZL_VALUE_SLOT, .word = slot};
	uint32_t ref = 0;

	for (;;) {
		uint32_t made;

		p.path_len = len < ZL_PATH_MAX ? len : ZL_PATH_MAX;
		len -= p.path_len;
		memcpy(p.path, bytes + len, p.path_len);
		made = zl_node_make(m, &p);
		if (made == 0) {
			free_chain(m, ref);
			return 0;
		}
		ref = made;
		if (len == 0)
			return ref;
		p.value = ZL_VALUE_NONE; /* the rest stands above, and leads here by one byte */
		p.children = 1;
		p.key[0] = bytes[--len];
		p.child[0] = ref;
	}
}

/* The key leaves the path of *link after `common` bytes: a new node above, with what is left of
 * the old below it and the new branch or value. `rest`: the key from where the path begins. */
static int split(struct zl_matcher *m, uint32_t *link, uint32_t common, const uint8_t *rest,
		 uint32_t len, uint32_t slot)
{
	struct zl_node_parts p, upper = {.path_len = common};
	uint32_t lower, branch = 0, ref;
	unsigned at = 0;

	zl_node_take_apart(m, *link, &p);
	memcpy(upper.path, p.path, common);
	upper.key[0] = p.path[common];
	upper.children = 1;
	p.path_len -= common + 1;
	memmove(p.path, p.path + common + 1, p.path_len);
	lower = zl_node_make(m, &p);
	if (lower == 0)
		return -ENOMEM;
	if (len == common) {
		upper.value = ZL_VALUE_SLOT;
		upper.word = slot;
	} else {
		branch = make_branch(m, rest + common + 1, len - common - 1, slot);
		if (branch == 0)
			goto no_branch;
		at = rest[common] < upper.key[0];
		upper.key[at] = upper.key[0];
		upper.key[1 - at] = rest[common];
		upper.child[1 - at] = branch;
		upper.children = 2;
	}
	upper.child[at] = lower;
	ref = zl_node_make(m, &upper);
	if (ref == 0)
		goto no_upper;
	zl_node_free(m, *link);
	*link = ref;
	return 0;
no_upper:
	free_chain(m, branch);
no_branch:
	zl_node_free(m, lower);
	return -ENOMEM;
}

/* Another slot for a leaf that has one in its header: it becomes a set. */
static int add_to_inline(struct zl_matcher *m, uint32_t *link, uint32_t slot)
{
	struct zl_node_parts p;
	uint32_t ref, set;

	zl_node_take_apart(m, *link, &p);
	if (p.word == slot)
		return -EEXIST;
	set = zl_set_pair(m, p.word, slot);
	if (set == 0)
		return -ENOMEM;
	p.value = ZL_VALUE_SET;
	p.word = set;
	ref = zl_node_make(m, &p);
	if (ref == 0) {
		zl_set_free(m, set);
		return -ENOMEM;
	}
	zl_node_free(m, *link);
	*link = ref;
	return 0;
}

/* The prefix ends at this node. */
static int add_here(struct zl_matcher *m, uint32_t *link, uint32_t slot)
{
	struct zl_node *n = zl_node_at(m, *link);
	struct zl_node_parts p;
	uint32_t ref;

	if (n->value == ZL_VALUE_INLINE)
		return add_to_inline(m, link, slot);
	if (n->value != ZL_VALUE_NONE)
		return zl_set_add(m, n, slot);
	zl_node_take_apart(m, *link, &p);
	p.value = ZL_VALUE_SLOT;
	p.word = slot;
	ref = zl_node_make(m, &p);
	if (ref == 0)
		return -ENOMEM;
	zl_node_free(m, *link);
	*link = ref;
	m->prefixes++;
	return 0;
}

static uint32_t common_bytes(const uint8_t *a, const uint8_t *b, uint32_t len)
{
	uint32_t i = 0;

	while (i < len && a[i] == b[i])
		i++;
	return i;
}

static int add_branch(struct zl_matcher *m, uint32_t *link, const uint8_t *rest, uint32_t len,
		      uint32_t slot)
{
	uint32_t branch = make_branch(m, rest + 1, len - 1, slot);

	if (branch == 0)
		return -ENOMEM;
	if (zl_node_add_child(m, link, rest[0], branch) < 0) {
		free_chain(m, branch);
		return -ENOMEM;
	}
	m->prefixes++;
	return 0;
}

static int tree_add(struct zl_matcher *m, const uint8_t *rest, uint32_t len, uint32_t slot)
{
	uint32_t *link = &m->root;

	if (*link == 0) {
		*link = make_branch(m, rest, len, slot);
		m->prefixes += *link != 0;
		return *link ? 0 : -ENOMEM;
	}
	for (;;) {
		struct zl_node *n = zl_node_at(m, *link);
		uint32_t least = len < n->path_len ? len : n->path_len;
		uint32_t common = common_bytes(zl_node_path(n), rest, least), *child;

		if (common < n->path_len) {
			int error = split(m, link, common, rest, len, slot);

			m->prefixes += error == 0;
			return error;
		}
		rest += common;
		len -= common;
		if (len == 0)
			return add_here(m, link, slot);
		child = zl_node_child(n, rest[0]);
		if (!child)
			return add_branch(m, link, rest, len, slot);
		rest++;
		len--;
		link = child;
	}
}

int zl_matcher_add(struct zl_matcher *m, const uint8_t *prefix, uint32_t len, uint32_t slot)
{
	int error;

	assert(slot < m->slots);
	if (len > ZL_PREFIX_MAX)
		return -EMSGSIZE;
	if (len == 0)
		prefix = (const uint8_t *)""; /* NULL will do */
	if (m->dead_slots && zl_bit(m->dead, slot))
		return -EBUSY;
	error = tree_add(m, prefix, len, slot);
	if (error < 0)
		return error;
	m->subscriptions++;
	m->count[slot]++;
	if (len > m->longest)
		m->longest = len;
	zl_matcher_changed(m);
	return 0;
}

/* The node at *link has lost its value. What is now of no use goes: the node itself, and above it
 * those that only led to it, up to the last that has more, at *keep, which led here by `byte`. */
static void prune(struct zl_matcher *m, uint32_t *link, uint32_t *keep, uint8_t byte)
{
	struct zl_node_parts p;

	m->prefixes--;
	if (zl_node_count(zl_node_at(m, *link)) == 0) {
		if (!keep) {
			free_chain(m, m->root);
			m->root = 0;
			return;
		}
		free_chain(m, *zl_node_child(zl_node_at(m, *keep), byte));
		zl_node_drop_child(m, keep, byte);
		zl_node_merge(m, keep);
		return;
	}
	zl_node_take_apart(m, *link, &p);
	p.value = ZL_VALUE_NONE;
	zl_node_free(m, *link);
	*link = zl_node_make(m, &p); /* smaller than what was freed: does not fail */
	assert(*link);
	zl_node_merge(m, link);
}

int zl_matcher_remove(struct zl_matcher *m, const uint8_t *prefix, uint32_t len, uint32_t slot)
{
	uint32_t *link = &m->root, *keep = NULL;
	uint8_t keep_byte = 0;
	struct zl_node *n;
	int left;

	if (len == 0)
		prefix = (const uint8_t *)"";
	for (;;) {
		if (!link || *link == 0)
			return -ENOENT;
		n = zl_node_at(m, *link);
		if (n->path_len > len || memcmp(zl_node_path(n), prefix, n->path_len) != 0)
			return -ENOENT;
		prefix += n->path_len;
		len -= n->path_len;
		if (len == 0)
			break;
		if (n->value != ZL_VALUE_NONE || n->children > 1) {
			keep = link;
			keep_byte = prefix[0];
		}
		link = zl_node_child(n, prefix[0]);
		prefix++;
		len--;
	}
	left = n->value == ZL_VALUE_NONE ? -ENOENT : zl_set_remove(m, n, slot);
	if (left < 0)
		return left;
	if (left > 0)
		prune(m, link, keep, keep_byte);
	m->subscriptions--;
	if (--m->count[slot] == 0 && zl_bit(m->dead, slot)) {
		m->dead[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
		m->dead_slots--;
	}
	zl_matcher_changed(m);
	return 0;
}

void zl_matcher_remove_slot(struct zl_matcher *m, uint32_t slot)
{
	if (m->count[slot] == 0 || zl_bit(m->dead, slot))
		return;
	m->dead[slot / 64] |= UINT64_C(1) << (slot % 64);
	m->dead_slots++;
	zl_matcher_changed(m);
}

bool zl_matcher_slot_clean(const struct zl_matcher *m, uint32_t slot)
{
	return !zl_bit(m->dead, slot);
}

uint32_t zl_matcher_longest(const struct zl_matcher *m)
{
	return m->longest;
}

struct zl_matcher_stats zl_matcher_stats(const struct zl_matcher *m)
{
	return (struct zl_matcher_stats){
		.prefixes = m->prefixes,
		.subscriptions = m->subscriptions,
		.bytes = m->region.in_use * 4,
		.bytes_touched = m->region.top * 4,
	};
}
