/* The table of strangers: sources in a hash, each with its silent peers in a list, and on the rung
 * of a ladder by how many those are, so that everything takes the same few steps however many there
 * are. */
#include "dataplane/strangers.h"

#include <errno.h>
#include <stdlib.h>

#include "dataplane/lcore.h"

struct source {
	struct zl_ipc_source at;
	struct source *hash_next;     /* or of those that are free */
	uint32_t n, silent;           /* peers */
	struct zl_peer *first, *last; /* silent ones */
	struct source *up, *down;     /* on its rung */
};

int zl_strangers_open(struct zl_strangers *s, uint32_t most, uint32_t an_address)
{
	*s = (struct zl_strangers){.most = most};
	if (!most)
		return 0;
	s->an_address = an_address && an_address < most ? an_address : most;
	s->mask = rte_align32pow2(most) - 1;
	s->pool = calloc(most, sizeof(*s->pool));
	s->bucket = calloc(s->mask + 1, sizeof(struct source *));
	s->ladder = calloc(s->an_address + 1, sizeof(*s->ladder));
	if (!s->pool || !s->bucket || !s->ladder) {
		zl_strangers_close(s);
		return -ENOMEM;
	}
	for (uint32_t i = most; i-- > 0;) {
		s->pool[i].hash_next = s->free;
		s->free = &s->pool[i];
	}
	return 0;
}

void zl_strangers_close(struct zl_strangers *s)
{
	free(s->pool);
	free(s->bucket);
	free(s->ladder);
	*s = (struct zl_strangers){0};
}

static struct source **place_of(const struct zl_strangers *s, const struct zl_ipc_source *from)
{
	return &s->bucket[(uint32_t)(zl_ipc_source_hash(from) >> 32) & s->mask];
}

static struct source *find(const struct zl_strangers *s, const struct zl_ipc_source *from)
{
	struct source *at = *place_of(s, from);

	while (at && !zl_ipc_source_is(&at->at, from))
		at = at->hash_next;
	return at;
}

static struct source *source_new(struct zl_strangers *s, const struct zl_ipc_source *from)
{
	struct source **place = place_of(s, from), *at = s->free;

	s->free = at->hash_next;
	s->sources++;
	*at = (struct source){.at = *from, .hash_next = *place};
	*place = at;
	return at;
}

static void source_free(struct zl_strangers *s, struct source *source)
{
	struct source **at = place_of(s, &source->at);

	while (*at != source)
		at = &(*at)->hash_next;
	*at = source->hash_next;
	source->hash_next = s->free;
	s->free = source;
	s->sources--;
}

/* --- the ladder --- */

static void step_off(struct zl_strangers *s, struct source *source)
{
	struct ladder *rung = &s->ladder[source->silent];

	if (!source->silent)
		return;
	*(source->up ? &source->up->down : &rung->first) = source->down;
	*(source->down ? &source->down->up : &rung->last) = source->up;
	while (s->top && !s->ladder[s->top].first)
		s->top--;
}

static void step_on(struct zl_strangers *s, struct source *source)
{
	struct ladder *rung = &s->ladder[source->silent];

	if (!source->silent)
		return;
	source->up = rung->last;
	source->down = NULL;
	*(rung->last ? &rung->last->down : &rung->first) = source;
	rung->last = source;
	s->top = RTE_MAX(s->top, source->silent);
}

/* --- peers --- */

static void falls_silent(struct zl_peer *p)
{
	struct zl_stranger *at = &p->stranger;
	struct source *source = at->source;

	at->silent = true;
	at->since_ns = p->core->now_ns;
	at->next = NULL;
	at->prev = source->last;
	*(source->last ? &source->last->stranger.next : &source->first) = p;
	source->last = p;
	step_off(&p->core->strangers, source);
	source->silent++;
	step_on(&p->core->strangers, source);
}

static void breaks_silence(struct zl_peer *p)
{
	struct zl_stranger *at = &p->stranger;
	struct source *source = at->source;

	at->silent = false;
	*(at->prev ? &at->prev->stranger.next : &source->first) = at->next;
	*(at->next ? &at->next->stranger.prev : &source->last) = at->prev;
	step_off(&p->core->strangers, source);
	source->silent--;
	step_on(&p->core->strangers, source);
}

void zl_stranger_begin(struct zl_peer *p, const struct zl_ipc_source *from)
{
	struct zl_strangers *s = &p->core->strangers;

	if (!s->most)
		return;
	p->stranger.source = find(s, from);
	if (!p->stranger.source)
		p->stranger.source = source_new(s, from);
	p->stranger.source->n++;
	s->n++;
	falls_silent(p);
}

void zl_stranger_asked(struct zl_peer *p)
{
	if (p->stranger.source && p->stranger.silent)
		breaks_silence(p);
}

void zl_stranger_answered(struct zl_peer *p)
{
	zl_stranger_asked(p);
	if (p->stranger.source)
		falls_silent(p);
}

void zl_stranger_over(struct zl_peer *p)
{
	struct source *source = p->stranger.source;

	if (!source)
		return;
	if (p->stranger.silent)
		breaks_silence(p);
	p->stranger.source = NULL;
	p->core->strangers.n--;
	if (--source->n == 0)
		source_free(&p->core->strangers, source);
}

/* --- room --- */

static bool has_had_its_time(const struct zl_peer *p, uint64_t now_ns)
{
	return p && now_ns - p->stranger.since_ns >= ZL_STRANGER_GRACE_NS;
}

enum zl_stranger_verdict zl_strangers_room(struct zl_strangers *s, const struct zl_ipc_source *from,
					   uint64_t now_ns, struct zl_peer **out)
{
	const struct source *source, *greediest;
	uint32_t would_be;

	if (!s->most)
		return ZL_STRANGER_WELCOME;
	source = find(s, from);
	if (source && source->n >= s->an_address) {
		*out = source->first;
		return has_had_its_time(*out, now_ns) ? ZL_STRANGER_INSTEAD
						      : ZL_STRANGER_TOO_MANY_HERE;
	}
	if (s->n < s->most)
		return ZL_STRANGER_WELCOME;
	greediest = s->ladder[s->top].first; /* NULL at rung 0 */
	would_be = RTE_MAX(source ? source->silent + 1 : 1u, (uint32_t)ZL_STRANGER_FEW);
	*out = greediest ? greediest->first : NULL;
	if (greediest && (s->top > would_be || has_had_its_time(*out, now_ns)))
		return ZL_STRANGER_INSTEAD;
	return ZL_STRANGER_TOO_MANY;
}
