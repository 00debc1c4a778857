/* Handshake commands that take public-key operations: tens of microseconds each, which any stranger
 * may ask for. They wait here, those of one source behind each other, and at each turn's end the
 * sources have theirs dealt with in turn, for a few milliseconds at most; then whatever else has
 * come is looked at before the next. So a flood of them delays neither subscriptions nor the
 * command line, and who comes from elsewhere waits for one command of each source that floods and
 * no more.
 *
 * Bounded without a limit of its own: a stream has one command here at most, as long as its
 * handshake lasts, and there are so many half-open streams (limits.half_open). */
#include <stdlib.h>
#include <string.h>

#include "control/control.h"

#define TURN_NS 2000000 /* for what is dear, of a turn */

struct zl_dear_source {
	struct zl_ipc_source at;
	struct zl_dear_source *hash_next, *next, *prev; /* in the order of turns */
	struct zl_stream *first, *last;                 /* whose commands wait */
};

static struct zl_dear_source **place_of(struct zl_dear *d, const struct zl_ipc_source *at)
{
	return &d->bucket[zl_ipc_source_hash(at) >> 32 & (ZL_DEAR_BUCKETS - 1)];
}

static void join_turns(struct zl_dear *d, struct zl_dear_source *s)
{
	s->next = NULL;
	s->prev = d->last;
	*(d->last ? &d->last->next : &d->first) = s;
	d->last = s;
}

static void leave_turns(struct zl_dear *d, struct zl_dear_source *s)
{
	*(s->prev ? &s->prev->next : &d->first) = s->next;
	*(s->next ? &s->next->prev : &d->last) = s->prev;
}

static struct zl_dear_source *source_of(struct zl_dear *d, const struct zl_stream *s)
{
	const struct zl_ipc_source at = zl_ipc_source(s->open.carrier, &s->open.remote,
						      s->open.uid);
	struct zl_dear_source **place = place_of(d, &at), *found = *place;

	while (found && !zl_ipc_source_is(&found->at, &at))
		found = found->hash_next;
	if (found)
		return found;
	found = calloc(1, sizeof(*found));
	if (!found)
		return NULL;
	found->at = at;
	found->hash_next = *place;
	*place = found;
	join_turns(d, found);
	return found;
}

static void source_free(struct zl_dear *d, struct zl_dear_source *s)
{
	struct zl_dear_source **at = place_of(d, &s->at);

	while (*at != s)
		at = &(*at)->hash_next;
	*at = s->hash_next;
	leave_turns(d, s);
	free(s);
}

bool zl_dear_add(struct zl_control *c, struct zl_stream *s, const uint8_t *body, size_t n)
{
	struct zl_dear_source *source = NULL;
	uint8_t *copy = malloc(n);

	if (copy)
		source = source_of(&c->dear, s);
	if (!source) {
		free(copy);
		return false;
	}
	memcpy(copy, body, n);
	s->dear = (struct zl_dear_command){
		.source = source, .prev = source->last, .body = copy, .bytes = n};
	*(source->last ? &source->last->dear.next : &source->first) = s;
	source->last = s;
	return true;
}

void zl_dear_drop(struct zl_control *c, struct zl_stream *s)
{
	struct zl_dear_source *source = s->dear.source;

	if (!source)
		return;
	*(s->dear.prev ? &s->dear.prev->dear.next : &source->first) = s->dear.next;
	*(s->dear.next ? &s->dear.next->dear.prev : &source->last) = s->dear.prev;
	free(s->dear.body);
	s->dear = (struct zl_dear_command){0};
	if (!source->first)
		source_free(&c->dear, source);
}

/* The next source's oldest; the source then waits for its next turn behind all others. */
static void take_one(struct zl_control *c)
{
	struct zl_dear_source *source = c->dear.first;
	struct zl_stream *s = source->first;
	struct zl_dear_command command = s->dear;

	leave_turns(&c->dear, source);
	join_turns(&c->dear, source);
	s->dear.body = NULL;
	zl_dear_drop(c, s);
	c->counters[ZL_COUNT_dear_commands]++;
	zl_stream_command(c, s, command.body, command.bytes);
	free(command.body);
}

void zl_dear_step(struct zl_control *c)
{
	uint64_t until_ns;

	if (!c->dear.first)
		return;
	until_ns = zl_now_ns() + TURN_NS;
	do
		take_one(c);
	while (c->dear.first && zl_now_ns() < until_ns);
	if (c->dear.first) {
		c->counters[ZL_COUNT_dear_turns]++;
		c->loop.again = true;
	}
}
