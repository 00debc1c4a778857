/* The matcher's tree, inside: a compressed radix tree (as in ART, Leis et al. 2013) of nodes that
 * are just as large as what they hold. Used by matcher.c, match.c, walk.c, node.c and set.c.
 *
 * A node in the region: a header, its value if it has one, the key bytes of its children (not in a
 * direct node), its piece of path, and, on the next word, the children. */
#ifndef ZL_ROUTER_TREE_H
#define ZL_ROUTER_TREE_H

#include <string.h>

#include "dataplane/router/matcher.h"
#include "dataplane/router/region.h"

enum zl_value {
	ZL_VALUE_NONE,
	ZL_VALUE_INLINE, /* a leaf with one slot, which stands in the header: most nodes */
	ZL_VALUE_SLOT,   /* the word is the one slot */
	ZL_VALUE_SET,    /* the word refers to a zl_slot_set */
};
enum {
	ZL_PATH_MAX = 255,      /* of one node; longer pieces are a chain of nodes */
	ZL_LISTED_MAX = 64,     /* children by sorted key bytes; more: a direct table of 256 */
	ZL_DIRECT_MIN = 48,     /* fewer again: back to a list */
	ZL_LINE = 64,           /* bytes of a cache line */
	ZL_LARGE_WORDS = 65536, /* a tree of more does not stay in the near caches */
};

struct zl_node {
	uint8_t path_len;
	uint8_t value : 2; /* enum zl_value */
	uint8_t direct : 1;
	uint8_t reserved : 5;
	union {
		uint16_t children;
		uint16_t slot; /* ZL_VALUE_INLINE: there are no children */
	};
	uint32_t word[]; /* the value if not in the header, then bytes and children */
};
_Static_assert(sizeof(struct zl_node) == 4, "a header is one word");

struct zl_slot_set {
	uint32_t n, room;
	uint32_t slot[]; /* ascending */
};

/* A node taken apart, to be changed and put together again. */
struct zl_node_parts {
	enum zl_value value;
	uint32_t word; /* of the value */
	uint32_t path_len, children;
	uint8_t path[ZL_PATH_MAX];
	uint8_t key[256];
	uint32_t child[256];
};

/* Merged sets, remembered until something changes. */
enum {
	ZL_MEMO_BITS = 10,
	ZL_MEMO = 1 << ZL_MEMO_BITS
};
struct zl_memo {
	uint64_t key;
	uint32_t at, n; /* in scratch */
};

/* A walk over all prefixes, in their order. */
struct zl_cursor {
	uint64_t serial; /* 0: free */
	uint8_t *key;    /* the last prefix visited; ZL_PREFIX_MAX + 1 bytes */
	uint32_t len;
	uint32_t slot; /* of it, the slot last visited */
	bool begun;
};
enum {
	ZL_CURSORS = 4
};

struct zl_matcher {
	struct zl_region region;
	uint32_t root;
	uint32_t generation; /* of the sets; never 0 */
	uint32_t slots, longest;
	uint64_t prefixes, subscriptions;

	uint32_t *count; /* subscriptions of each slot */
	uint64_t *dead;  /* a bit a slot that is being swept */
	uint32_t dead_slots;
	uint64_t *seen; /* a bit a slot; all 0 between calls */

	uint32_t one;      /* the answer when it is one slot */
	uint32_t *scratch; /* merged sets */
	uint32_t scratch_used, scratch_size;
	struct zl_memo memo[ZL_MEMO];

	struct zl_cursor cursor[ZL_CURSORS], sweep;
	uint64_t serial;
	uint8_t *key_bytes; /* of the cursors */
	size_t key_map;
};

static inline struct zl_node *zl_node_at(const struct zl_matcher *m, uint32_t ref)
{
	return zl_region_at(&m->region, ref);
}
static inline struct zl_slot_set *zl_set_at(const struct zl_matcher *m, uint32_t ref)
{
	return zl_region_at(&m->region, ref);
}
static inline bool zl_bit(const uint64_t *bits, uint32_t i)
{
	return bits[i / 64] >> (i % 64) & 1;
}

/* node.c: room for how many children a list has when it holds n. */
extern const uint8_t zl_node_room[ZL_LISTED_MAX + 1];

static inline uint32_t zl_node_count(const struct zl_node *n)
{
	return n->value == ZL_VALUE_INLINE ? 0 : n->children;
}
static inline uint32_t zl_node_value_words(const struct zl_node *n)
{
	return n->value >= ZL_VALUE_SLOT;
}
static inline const uint8_t *zl_node_keys(const struct zl_node *n)
{
	return (const uint8_t *)&n->word[zl_node_value_words(n)];
}
static inline uint32_t zl_node_key_room(const struct zl_node *n)
{
	return n->direct ? 0 : zl_node_room[zl_node_count(n)];
}
static inline const uint8_t *zl_node_path(const struct zl_node *n)
{
	return zl_node_keys(n) + zl_node_key_room(n);
}
static inline uint32_t *zl_node_children(const struct zl_node *n)
{
	uint32_t bytes = zl_node_key_room(n) + n->path_len;

	return (uint32_t *)(uintptr_t)&n->word[zl_node_value_words(n) + (bytes + 3) / 4];
}

/* Where the reference of the child by that byte stands; NULL: no such child. */
static inline uint32_t *zl_node_child(const struct zl_node *n, uint8_t byte)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	const uint8_t *keys = zl_node_keys(n);
	uint32_t *children = zl_node_children(n);

	if (n->direct)
		return children[byte] ? &children[byte] : NULL;
	/* Eight keys at a time: the lowest zero byte of x is where the key stands. */
	for (uint32_t i = 0, count = zl_node_count(n); i < count; i += 8) {
		uint64_t x;

		memcpy(&x, keys + i, 8); /* may look past the node; the region has slack */
		x ^= ones * byte;
		x = (x - ones) & ~x & (ones << 7);
		if (x) {
			i += (uint32_t)__builtin_ctzll(x) / 8;
			return i < count ? &children[i] : NULL;
		}
	}
	return NULL;
}

/* The first child whose byte is at least `from` (0 .. 256); *byte: its byte. 0: none. */
uint32_t zl_node_child_from(const struct zl_node *n, unsigned from, uint8_t *byte);

void zl_node_take_apart(const struct zl_matcher *m, uint32_t ref, struct zl_node_parts *p);
/* A new node of these; 0: no memory. */
uint32_t zl_node_make(struct zl_matcher *m, const struct zl_node_parts *p);
void zl_node_free(struct zl_matcher *m, uint32_t ref);
/* Add a child to, or drop it from, the node that *link refers to, which may move. 0, -ENOMEM. */
int zl_node_add_child(struct zl_matcher *m, uint32_t *link, uint8_t byte, uint32_t child);
void zl_node_drop_child(struct zl_matcher *m, uint32_t *link, uint8_t byte);
/* A node without a value that has one child, and that child, become one, if they can. */
void zl_node_merge(struct zl_matcher *m, uint32_t *link);

/* set.c: a set of two slots; 0: no memory. */
uint32_t zl_set_pair(struct zl_matcher *m, uint32_t a, uint32_t b);
void zl_set_free(struct zl_matcher *m, uint32_t ref);
/* A node that has a value not in its header takes one more slot. 0, -EEXIST, -ENOMEM. */
int zl_set_add(struct zl_matcher *m, struct zl_node *n, uint32_t slot);
/* 0, -ENOENT; 1: that was its last, and the node's value is to be removed. */
int zl_set_remove(struct zl_matcher *m, struct zl_node *n, uint32_t slot);
/* The slots of a node that has a value; *one is where a slot is put that stands in its header. */
static inline const uint32_t *zl_set_slots(const struct zl_matcher *m, const struct zl_node *n,
					   uint32_t *one, uint32_t *count)
{
	const struct zl_slot_set *set;

	if (n->value == ZL_VALUE_INLINE) {
		*count = 1;
		*one = n->slot;
		return one;
	}
	if (n->value == ZL_VALUE_SLOT) {
		*count = 1;
		return &n->word[0];
	}
	set = zl_set_at(m, n->word[0]);
	*count = set->n;
	return set->slot;
}

/* matcher.c: sets have changed. */
void zl_matcher_changed(struct zl_matcher *m);
/* walk.c: advance to the next prefix after the cursor's; its node, 0: the end. *cost goes up by
 * the nodes that were looked at. */
uint32_t zl_cursor_next(const struct zl_matcher *m, struct zl_cursor *c, uint32_t *cost);

#endif
