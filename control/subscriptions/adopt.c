/* Taking over a running dataplane's matchers: what they have is believed, and only what is
 * missing or stale is told, because a matcher that is told twice would have to forget twice. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/ipc/ipc.h"
#include "control/subscriptions/table.h"

int zl_subs_adopt(struct zl_subs *s, uint32_t peer, const uint8_t *prefix, unsigned bytes)
{
	s->quiet = true;
	int changed = zl_subs_add(s, peer, prefix, bytes);
	s->quiet = false;
	return changed;
}

int zl_subs_adopt_core(struct zl_subs *s, unsigned core, unsigned of, const uint8_t *prefix,
		       unsigned bytes)
{
	if (core >= s->cores || of >= s->cores || core == of)
		return 0;
	if (s->n_notes == s->notes_max) {
		size_t max = s->notes_max ? s->notes_max * 2 : 1024;
		struct core_note *more = realloc(s->notes, max * sizeof(*more));
		if (!more)
			return -ENOMEM;
		s->notes = more;
		s->notes_max = max;
	}
	/* The peer that stands behind the note may come after it, or never. */
	uint32_t topic = topic_find_or_make(s, prefix, bytes);
	if (topic == NONE)
		return -ENOMEM;
	s->notes[s->n_notes++] = (struct core_note){topic, (uint8_t)core, (uint8_t)of};
	return 1;
}

static int by_topic(const void *a, const void *b)
{
	const struct core_note *x = a, *y = b;

	if (x->topic != y->topic)
		return x->topic < y->topic ? -1 : 1;
	return (x->core * ZL_CORES_MAX + x->of) - (y->core * ZL_CORES_MAX + y->of);
}

/* Tells what a topic's cores lack of each other. `notes` are this topic's n. */
static void settle_topic(struct zl_subs *s, uint32_t topic, const struct core_note *notes, size_t n)
{
	const struct block *t = topic_at(s, topic);

	for (unsigned core = 0; core < s->cores; core++)
		for (unsigned of = 0; of < s->cores; of++) {
			bool want = core != of && is_source(s, core) &&
				    member_of_core(s, topic, of);
			bool have = false;
			for (size_t i = 0; i < n; i++)
				have |= notes[i].core == core && notes[i].of == of;
			if (want != have)
				s->match(s->context, core, ZL_MATCH_CORE | of, t->rest, t->bytes,
					 want);
		}
}

int zl_subs_settle(struct zl_subs *s)
{
	uint32_t next = NONE;
	size_t at = 0;

	if (s->cores == 1)
		return 0; /* which has nobody to know of */
	if (s->n_notes > 0)
		qsort(s->notes, s->n_notes, sizeof(*s->notes), by_topic);
	for (uint32_t i = topic_walk(s, NONE); i != NONE; i = next) {
		size_t first = at;
		while (at < s->n_notes && s->notes[at].topic == i)
			at++;
		settle_topic(s, i, at > first ? s->notes + first : NULL, at - first);
		next = topic_walk(s, i);
		topic_release(s, i);
	}
	free(s->notes);
	s->notes = NULL;
	s->n_notes = s->notes_max = 0;
	return 0;
}

int zl_subs_disown(struct zl_subs *s, const uint8_t *prefix, unsigned bytes)
{
	uint32_t topic = topic_find_or_make(s, prefix, bytes);

	if (topic == NONE)
		return -ENOMEM;
	if (topic_at(s, topic)->kind == TOPIC_NOBODYS)
		upstream_disown(s, topic);
	topic_release(s, topic);
	return 0;
}
