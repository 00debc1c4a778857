/* Matching a topic: one walk down the tree. One subscribed node on the way: its own slots are the
 * answer, nothing is copied. Several: they are merged, and remembered under the deepest node and
 * the generation of the tree, so that the same again costs only the walk. */
#include "dataplane/router/tree.h"

/* What a walk down found. */
struct descent {
	uint32_t nodes; /* subscribed, on the way */
	uint32_t deepest;
	uint32_t decided;
};

/* As memcmp, but for the few bytes that a path mostly has. */
static inline bool same(const uint8_t *a, const uint8_t *b, uint32_t len)
{
	uint64_t x, y;

	for (; len >= 8; len -= 8, a += 8, b += 8) {
		memcpy(&x, a, 8);
		memcpy(&y, b, 8);
		if (x != y)
			return false;
	}
	while (len-- > 0) {
		if (*a++ != *b++)
			return false;
	}
	return true;
}

static struct descent descend(const struct zl_matcher *m, const uint8_t *topic, uint32_t len)
{
	struct descent d = {0};
	uint32_t ref = m->root, at = 0;

	while (ref) {
		const struct zl_node *n = zl_node_at(m, ref);
		const uint32_t *child;

		if (n->path_len > len - at) {
			/* its end decided, unless the bytes differ before; not worth finding out */
			d.decided = len + 1;
			return d;
		}
		if (!same(zl_node_path(n), topic + at, n->path_len)) {
			d.decided = at + n->path_len;
			return d;
		}
		at += n->path_len;
		if (n->value != ZL_VALUE_NONE) {
			d.nodes++;
			d.deepest = ref;
		}
		if (n->children == 0)
			break;
		if (at == len) {
			d.decided = len + 1;
			return d;
		}
		child = zl_node_child(n, topic[at++]);
		ref = child ? *child : 0;
	}
	d.decided = at;
	return d;
}

/* Add the slots of one node to the answer: each once, none that is dead. */
static uint32_t gather(struct zl_matcher *m, const struct zl_node *n, uint32_t *out, uint32_t have)
{
	uint32_t count;
	const uint32_t *slots = zl_set_slots(m, n, &count);

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

struct zl_match zl_matcher_match(struct zl_matcher *m, const uint8_t *topic, uint32_t len)
{
	struct descent d = descend(m, topic, len);
	struct zl_match match = {.decided = d.decided};

	if (d.nodes == 0)
		return match;
	match.key = (uint64_t)m->generation << 32 | d.deepest;
	if (d.nodes > 1 || m->dead_slots)
		return merged(m, topic, match);
	match.slots = zl_set_slots(m, zl_node_at(m, d.deepest), &match.n);
	return match;
}
