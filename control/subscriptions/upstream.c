/* What publishers have been told. The table keeps a bit a topic that has a subscriber, a publisher
 * a bit a topic that it was told of; where they differ there is news. */
#include <stdlib.h>
#include <string.h>

#include "control/subscriptions/table.h"

static uint64_t bit_of(uint32_t topic)
{
	return 1ull << (topic & 63);
}

/* New words are 0. */
static bool grow(uint64_t **bits, uint32_t *words, uint32_t need)
{
	if (need <= *words)
		return true;
	uint64_t *wider = realloc(*bits, need * sizeof(*wider));
	if (!wider)
		return false;
	memset(wider + *words, 0, (need - *words) * sizeof(*wider));
	*bits = wider;
	*words = need;
	return true;
}

/* No publisher's map is smaller than `live`, which is larger than need be so that growing is rare.
 */
bool upstream_reserve(struct zl_subs *s)
{
	uint32_t need = store_reach(&s->topics) / 64;

	if (need <= s->live_words)
		return true;
	need += need / 8;
	for (struct zl_publisher *p = s->publishers; p; p = p->next)
		if (!grow(&p->told, &p->words, need))
			return false;
	return grow(&s->live, &s->live_words, need);
}

static void look_at(struct zl_publisher *p, uint32_t word)
{
	if (word < p->low)
		p->low = word;
	if (word >= p->high)
		p->high = word + 1;
}

void upstream_changed(struct zl_subs *s, uint32_t topic, bool live)
{
	uint32_t word = topic / 64;

	if (live)
		s->live[word] |= bit_of(topic);
	else
		s->live[word] &= ~bit_of(topic);
	s->n_live += live ? 1 : -1ull;
	for (struct zl_publisher *p = s->publishers; p; p = p->next)
		look_at(p, word);
}

void upstream_disown(struct zl_subs *s, uint32_t topic)
{
	for (struct zl_publisher *p = s->publishers; p; p = p->next) {
		p->told[topic / 64] |= bit_of(topic);
		look_at(p, topic / 64);
	}
}

bool upstream_told(const struct zl_subs *s, uint32_t topic)
{
	for (const struct zl_publisher *p = s->publishers; p; p = p->next)
		if (p->told[topic / 64] & bit_of(topic))
			return true;
	return false;
}

struct zl_publisher *zl_publisher_join(struct zl_subs *s)
{
	struct zl_publisher *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	if (!grow(&p->told, &p->words, s->live_words)) {
		free(p);
		return NULL;
	}
	p->high = s->live_words;
	p->next = s->publishers;
	s->publishers = p;
	return p;
}

void zl_publisher_leave(struct zl_subs *s, struct zl_publisher *publisher)
{
	struct zl_publisher **at = &s->publishers;

	while (*at != publisher)
		at = &(*at)->next;
	*at = publisher->next;
	/* Topics that only this one still knew of go now. */
	for (uint32_t w = 0; w < publisher->words && w < s->live_words; w++) {
		uint64_t left = publisher->told[w] & ~s->live[w];
		for (; left; left &= left - 1)
			topic_release(s, w * 64 + (uint32_t)__builtin_ctzll(left));
	}
	free(publisher->told);
	free(publisher);
}

bool zl_publisher_told(const struct zl_subs *s, const struct zl_publisher *p, const uint8_t *prefix,
		       unsigned bytes)
{
	uint32_t topic = topic_find(s, prefix, bytes);

	return topic != NONE && p->told[topic / 64] & bit_of(topic);
}

bool zl_publisher_peek(struct zl_subs *s, struct zl_publisher *p, struct zl_news *news)
{
	for (; p->low < p->high; p->low++) {
		uint64_t differ = s->live[p->low] ^ p->told[p->low];
		if (!differ)
			continue;
		uint32_t topic = p->low * 64 + (uint32_t)__builtin_ctzll(differ);
		const struct block *t = topic_at(s, topic);
		*news = (struct zl_news){
			.topic = topic,
			.subscribe = t->kind != TOPIC_NOBODYS,
			.bytes = t->bytes,
			.prefix = t->rest,
		};
		return true;
	}
	p->low = UINT32_MAX;
	p->high = 0;
	return false;
}

void zl_publisher_done(struct zl_subs *s, struct zl_publisher *p, const struct zl_news *news)
{
	p->told[news->topic / 64] ^= bit_of(news->topic);
	if (!news->subscribe)
		topic_release(s, news->topic);
}
