/* Matching a topic: one walk down the tree. One subscribed node on the way: its own slots are the
 * answer, nothing is copied. Several: they are merged, and remembered under the deepest node and
 * the generation of the tree, so that the same again costs only the walk. */
#include "dataplane/router/tree.h"

/* A lookup under way: at this node, having passed so many bytes. */
struct place {
	const struct zl_node *node;
	const uint32_t *link; /* not NULL: what refers to the node is still to be read */
	uint32_t ref, at;
};

static inline uint64_t eight(const uint8_t *at)
{
	uint64_t x;

	memcpy(&x, at, 8);
	return x;
}

/* Are these bytes the topic's, from `at` on? As memcmp, but for the few that a path mostly has: the
 * last less than eight are compared together with what precedes them, which is readable on both
 * sides, and is shifted out. */
static inline bool same(const uint8_t *path, const uint8_t *topic, uint32_t at, uint32_t len)
{
	topic += at;
	at += len;
	for (; len >= 8; len -= 8, path += 8, topic += 8) {
		if (eight(path) != eight(topic))
			return false;
	}
	if (len == 0)
		return true;
	if (at >= 8)
		return (eight(path + len - 8) ^ eight(topic + len - 8)) >> (64 - 8 * len) == 0;
	while (len-- > 0) {
		if (*path++ != *topic++)
			return false;
	}
	return true;
}

/* Past one node. Where the reference of the next stands; NULL: that was all. The header is copied
 * and looked at once: all of the work of a match is here. */
static inline const uint32_t *pass(const struct zl_node *n, uint32_t ref, uint32_t *at,
				   struct zl_lookup *l)
{
	const struct zl_node head = *n;
	const uint32_t count = zl_node_count(&head), path_len = head.path_len;
	const uint32_t here = *at, end = here + path_len, len = l->len;
	const uint32_t *child;

	if (path_len > len - here) {
		/* its end decided, unless the bytes differ before; not worth finding out */
		l->decided = len + 1;
		return NULL;
	}
	l->decided = end;
	if (path_len && !same(zl_node_path(n), l->topic, here, path_len))
		return NULL;
	if (head.value != ZL_VALUE_NONE) {
		l->nodes++;
		l->deepest = ref;
	}
	if (count == 0)
		return NULL;
	if (end == len) {
		l->decided = len + 1;
		return NULL;
	}
	child = zl_node_child(n, l->topic[end]);
	*at = l->decided = end + 1;
	return child;
}

static void begin(const struct zl_matcher *m, struct zl_lookup *l)
{
	l->nodes = 0;
	l->deepest = 0;
	l->decided = 0;
	l->generation = m->generation;
}

static void descend(const struct zl_matcher *m, struct zl_lookup *l)
{
	uint32_t ref = m->root, at = 0;

	begin(m, l);
	while (ref) {
		const uint32_t *link = pass(zl_node_at(m, ref), ref, &at, l);

		ref = link ? *link : 0;
	}
}

/* Go to a node: ask for what a small one consists of. */
static inline void approach(const struct zl_matcher *m, struct place *p, uint32_t ref)
{
	p->ref = ref;
	p->node = zl_node_at(m, ref);
	p->link = NULL;
	__builtin_prefetch(p->node);
	__builtin_prefetch((const uint8_t *)p->node + ZL_LINE);
}

/* One step of one lookup, as far as it goes without waiting. false: it has ended. */
static inline bool step(const struct zl_matcher *m, struct place *p, struct zl_lookup *l)
{
	if (!p->link) {
		p->link = pass(p->node, p->ref, &p->at, l);
		if (!p->link)
			return false;
		if ((uintptr_t)p->link / ZL_LINE > (uintptr_t)p->node / ZL_LINE + 1) {
			__builtin_prefetch(p->link); /* in a wide node, further on */
			return true;
		}
	}
	if (*p->link == 0)
		return false;
	approach(m, p, *p->link);
	return true;
}

/* A lookup has ended: ask for the slots that zl_matcher_result() will hand out. */
static inline void foresee(const struct zl_matcher *m, const struct zl_lookup *l)
{
	const struct zl_node *n = zl_node_at(m, l->deepest);

	if (l->nodes && n->value == ZL_VALUE_SET)
		__builtin_prefetch(zl_set_at(m, n->word[0]));
}

bool zl_matcher_large(const struct zl_matcher *m)
{
	return m->region.in_use > ZL_LARGE_WORDS;
}

void zl_matcher_lookup(const struct zl_matcher *m, struct zl_lookup *lookup, unsigned n)
{
	struct place place[ZL_LOOKUPS];
	uint8_t going[ZL_LOOKUPS];
	unsigned left = 0;

	for (unsigned i = 0; i < n; i++) {
		begin(m, &lookup[i]);
		place[i] = (struct place){.node = zl_node_at(m, m->root), .ref = m->root};
		going[i] = (uint8_t)i;
	}
	if (m->root)
		left = n;
	while (left > 0) {
		unsigned kept = 0;

		for (unsigned i = 0; i < left; i++) {
			unsigned k = going[i];

			if (step(m, &place[k], &lookup[k]))
				going[kept++] = (uint8_t)k;
			else
				foresee(m, &lookup[k]);
		}
		left = kept;
	}
}

/* Add the slots of one node to the answer: each once, none that is dead. */
static uint32_t gather(struct zl_matcher *m, const struct zl_node *n, uint32_t *out, uint32_t have)
{
	uint32_t one, count;
	const uint32_t *slots = zl_set_slots(m, n, &one, &count);

	for (uint32_t i = 0; i < count; i++) {
		uint64_t bit = UINT64_C(1) << (slots[i] % 64), *seen = &m->seen[slots[i] / 64];

		if ((*seen | m->dead[slots[i] / 64]) & bit)
			continue;
		*seen |= bit;
		out[have++] = slots[i];
	}
	return have;
}

/* The slots of every subscribed node on the way, into scratch. */
static uint32_t merge(struct zl_matcher *m, const uint8_t *topic, uint32_t deepest, uint32_t *out)
{
	uint32_t ref = m->root, at = 0, have = 0;

	for (;;) {
		const struct zl_node *n = zl_node_at(m, ref);

		at += n->path_len;
		if (n->value != ZL_VALUE_NONE)
			have = gather(m, n, out, have);
		if (ref == deepest)
			break;
		ref = *zl_node_child(n, topic[at++]);
	}
	for (uint32_t i = 0; i < have; i++)
		m->seen[out[i] / 64] = 0;
	return have;
}

static struct zl_match merged(struct zl_matcher *m, const uint8_t *topic, struct zl_match match)
{
	struct zl_memo *memo =
		&m->memo[(match.key * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - ZL_MEMO_BITS)];

	if (memo->key != match.key) {
		if (m->scratch_size - m->scratch_used < m->slots) {
			m->scratch_used = 0; /* what stood there is forgotten */
			memset(m->memo, 0, sizeof(m->memo));
		}
		memo->key = match.key;
		memo->at = m->scratch_used;
		memo->n = merge(m, topic, (uint32_t)match.key, m->scratch + memo->at);
		m->scratch_used += memo->n;
	}
	match.slots = m->scratch + memo->at;
	match.n = memo->n;
	if (match.n == 0)
		match.key = 0;
	return match;
}

static struct zl_match result(struct zl_matcher *m, const struct zl_lookup *l)
{
	struct zl_match match = {.decided = l->decided};

	if (l->nodes == 0)
		return match;
	match.key = (uint64_t)m->generation << 32 | l->deepest;
	if (l->nodes > 1 || m->dead_slots)
		return merged(m, l->topic, match);
	match.slots = zl_set_slots(m, zl_node_at(m, l->deepest), &m->one, &match.n);
	return match;
}

struct zl_match zl_matcher_result(struct zl_matcher *m, const struct zl_lookup *lookup)
{
	if (lookup->generation != m->generation)
		return zl_matcher_match(m, lookup->topic, lookup->len);
	return result(m, lookup);
}

struct zl_match zl_matcher_match(struct zl_matcher *m, const uint8_t *topic, uint32_t len)
{
	struct zl_lookup l = {.topic = topic, .len = len};

	descend(m, &l);
	return result(m, &l);
}

static bool has_slot(const struct zl_matcher *m, const struct zl_node *n, uint32_t slot)
{
	uint32_t one, count, low = 0, high;
	const uint32_t *slots = zl_set_slots(m, n, &one, &count);

	for (high = count; low < high;) {
		uint32_t mid = (low + high) / 2;

		if (slots[mid] < slot)
			low = mid + 1;
		else
			high = mid;
	}
	return low < count && slots[low] == slot;
}

int64_t zl_matcher_longest_of(const struct zl_matcher *m, const uint8_t *topic, uint32_t len,
			      uint32_t slot)
{
	uint32_t ref = m->root, at = 0;
	int64_t longest = -1;

	while (ref) {
		const struct zl_node *n = zl_node_at(m, ref);
		const uint32_t *link;

		if (n->path_len > len - at || memcmp(zl_node_path(n), topic + at, n->path_len) != 0)
			break;
		at += n->path_len;
		if (n->value != ZL_VALUE_NONE && has_slot(m, n, slot))
			longest = at;
		if (at == len || zl_node_count(n) == 0)
			break;
		link = zl_node_child(n, topic[at++]);
		ref = link ? *link : 0;
	}
	return longest;
}
