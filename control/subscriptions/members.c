/* The peers of a topic: one is in the topic's own word; more are a set in order, in a block as
 * large as it needs to be. */
#include <errno.h>
#include <string.h>

#include "control/subscriptions/table.h"

struct set {
	uint32_t n, units;
	uint32_t peer[];
};

static uint32_t room_of(uint32_t units)
{
	return (uint32_t)((units * UNIT_BYTES - sizeof(struct set)) / sizeof(uint32_t));
}

static struct set *set_at(const struct zl_subs *s, const struct block *t)
{
	return store_at(&s->sets, t->word);
}

/* The first that is not below `peer`. */
static uint32_t lower_bound(const struct set *m, uint32_t peer)
{
	uint32_t low = 0, high = m->n;

	/* Peers come with ever higher numbers: the end is where most are added. */
	if (high > 0 && m->peer[high - 1] < peer)
		return high;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (m->peer[middle] < peer)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The set moves into a block of so many units. */
static bool move(struct zl_subs *s, struct block *t, uint32_t units)
{
	uint32_t ref = store_get(&s->sets, units);

	if (ref == NONE)
		return false;
	struct set *was = set_at(s, t), *is = store_at(&s->sets, ref);
	*is = (struct set){.n = was->n, .units = units};
	memcpy(is->peer, was->peer, was->n * sizeof(was->peer[0]));
	store_put(&s->sets, t->word, was->units);
	t->word = ref;
	return true;
}

static bool make_set(struct zl_subs *s, struct block *t)
{
	uint32_t ref = store_get(&s->sets, UNITS_MIN);

	if (ref == NONE)
		return false;
	struct set *m = store_at(&s->sets, ref);
	*m = (struct set){.n = 1, .units = UNITS_MIN};
	m->peer[0] = t->word;
	t->word = ref;
	t->kind = TOPIC_MANY;
	return true;
}

static bool beside(const struct set *m, uint32_t at, uint32_t peer)
{
	return at < m->n && peer_core(m->peer[at]) == peer_core(peer);
}

static int add_to_set(struct zl_subs *s, struct block *t, uint32_t peer, bool *alone)
{
	struct set *m = set_at(s, t);
	uint32_t at = lower_bound(m, peer);

	if (at < m->n && m->peer[at] == peer)
		return 0;
	if (m->n == room_of(m->units)) {
		if (!move(s, t, m->units * 2))
			return -ENOMEM;
		m = set_at(s, t);
	}
	*alone = !beside(m, at, peer) && !(at > 0 && beside(m, at - 1, peer));
	memmove(m->peer + at + 1, m->peer + at, (m->n - at) * sizeof(m->peer[0]));
	m->peer[at] = peer;
	m->n++;
	return 1;
}

int member_add(struct zl_subs *s, uint32_t topic, uint32_t peer, bool *alone)
{
	struct block *t = topic_at(s, topic);

	if (t->kind == TOPIC_NOBODYS) {
		t->kind = TOPIC_ONE;
		t->word = peer;
		*alone = true;
		upstream_changed(s, topic, true);
		return 1;
	}
	if (t->kind == TOPIC_ONE) {
		if (t->word == peer)
			return 0;
		if (!make_set(s, t))
			return -ENOMEM;
	}
	return add_to_set(s, t, peer, alone);
}

/* Half of what it has, once three quarters are free; one alone needs no set. A failure to shrink
 * does no harm. */
static void shrink(struct zl_subs *s, struct block *t)
{
	struct set *m = set_at(s, t);

	if (m->n > 1) {
		if (m->units > UNITS_MIN && m->n <= room_of(m->units) / 4)
			move(s, t, m->units / 2);
		return;
	}
	uint32_t last = m->peer[0];
	store_put(&s->sets, t->word, m->units);
	t->word = last;
	t->kind = TOPIC_ONE;
}

int member_remove(struct zl_subs *s, uint32_t topic, uint32_t peer, bool *alone)
{
	struct block *t = topic_at(s, topic);

	if (t->kind == TOPIC_ONE && t->word == peer) {
		t->kind = TOPIC_NOBODYS;
		*alone = true;
		upstream_changed(s, topic, false);
		return 1;
	}
	if (t->kind != TOPIC_MANY)
		return 0;
	struct set *m = set_at(s, t);
	uint32_t at = lower_bound(m, peer);
	if (at == m->n || m->peer[at] != peer)
		return 0;
	m->n--;
	memmove(m->peer + at, m->peer + at + 1, (m->n - at) * sizeof(m->peer[0]));
	*alone = !beside(m, at, peer) && !(at > 0 && beside(m, at - 1, peer));
	shrink(s, t);
	return 1;
}

bool member_has(const struct zl_subs *s, uint32_t topic, uint32_t peer)
{
	const struct block *t = topic_at(s, topic);

	if (t->kind != TOPIC_MANY)
		return t->kind == TOPIC_ONE && t->word == peer;
	const struct set *m = set_at(s, t);
	uint32_t at = lower_bound(m, peer);
	return at < m->n && m->peer[at] == peer;
}

bool member_of_core(const struct zl_subs *s, uint32_t topic, unsigned core)
{
	const struct block *t = topic_at(s, topic);

	if (t->kind != TOPIC_MANY)
		return t->kind == TOPIC_ONE && peer_core(t->word) == core;
	const struct set *m = set_at(s, t);
	return beside(m, lower_bound(m, (uint32_t)core << PEER_CORE_SHIFT),
		      (uint32_t)core << PEER_CORE_SHIFT);
}

uint32_t member_count(const struct zl_subs *s, uint32_t topic)
{
	const struct block *t = topic_at(s, topic);

	if (t->kind != TOPIC_MANY)
		return t->kind == TOPIC_ONE;
	return set_at(s, t)->n;
}
