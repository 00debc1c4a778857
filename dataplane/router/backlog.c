/* Messages that wait (backlog.h): a queue for each pipe out of two pools, of messages and of parts,
 * and for conflation an index by pipe and topic. */
#include "dataplane/router/backlog.h"
#include "dataplane/router/topic.h"

#include <errno.h>
#include <stdlib.h>

enum {
	WAITING = 65536, /* messages at least, unless the policy says */
	WAITING_MAX = 1 << 20,
	RUN = 64, /* parts written at once */
};
#define SEED 0x7b1fa2c34d5e6f81ull

bool zl_backlogs_wanted(const struct zl_ipc_policy *policy)
{
	return policy->slow.policy == ZL_SLOW_DROP_OLDEST ||
	       policy->slow.policy == ZL_SLOW_CONFLATE || policy->out.msgs_per_s ||
	       policy->out.bytes_per_s || policy->own_out;
}

/* Free lists; index 0 is nobody. Parts are twice as many as messages. */
static void fill(struct zl_backlogs *b, uint32_t messages)
{
	for (uint32_t i = messages; i > 0; i--) {
		b->msg[i].next = b->free_msg;
		b->free_msg = i;
	}
	for (uint32_t i = 2 * messages; i > 0; i--) {
		b->part[i].next = b->free_part;
		b->free_part = i;
	}
	b->n_free = messages;
	b->n_free_parts = 2 * messages;
}

/* For two pipes at their HWM at least, or what the policy says. */
static uint32_t how_many(const struct zl_ipc_policy *policy, uint32_t hwm)
{
	uint32_t two = hwm < WAITING_MAX / 2 ? 2 * hwm : WAITING_MAX;

	if (policy->slow.waiting)
		return policy->slow.waiting;
	return two > WAITING ? two : WAITING;
}

struct zl_backlogs *zl_backlogs_open(const struct zl_ipc_policy *policy, uint32_t hwm,
				     uint32_t pipes_max)
{
	uint32_t messages = how_many(policy, hwm), buckets = 16;
	struct zl_backlogs *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	while (buckets < messages)
		buckets *= 2;
	b->policy = policy;
	b->mask = buckets - 1;
	b->of = calloc(pipes_max, sizeof(*b->of));
	b->msg = calloc((size_t)messages + 1, sizeof(*b->msg));
	b->part = calloc(2 * (size_t)messages + 1, sizeof(*b->part));
	b->bucket = calloc(buckets, sizeof(*b->bucket));
	if (b->of && b->msg && b->part && b->bucket) {
		fill(b, messages);
		return b;
	}
	zl_backlogs_close(b);
	errno = ENOMEM;
	return NULL;
}

void zl_backlogs_close(struct zl_backlogs *b)
{
	if (!b)
		return;
	free(b->of);
	free(b->msg);
	free(b->part);
	free(b->bucket);
	free(b);
}

/* --- one topic's newest --- */

static uint32_t *bucket_of(struct zl_backlogs *b, uint32_t hash)
{
	return &b->bucket[hash & b->mask];
}

/* The topic of a first part; `into` is for one in several pieces. Longer than ZL_TOPIC_KEY_MAX: no
 * topic that could come again. */
static uint32_t topic_of(const struct zl_backlogs *b, const struct zl_msg *first, uint8_t *into,
			 const uint8_t **topic)
{
	uint32_t n = first->len < ZL_TOPIC_KEY_MAX + 1 ? first->len : ZL_TOPIC_KEY_MAX + 1;

	*topic = first->data;
	if (first->flags & ZL_MSG_CHAIN) {
		n = zl_msg_peek(first, into, n);
		*topic = into;
	}
	return zl_topic_len(&b->policy->slow.topic, *topic, n);
}

static void unindex(struct zl_backlogs *b, uint32_t i)
{
	uint32_t *link = bucket_of(b, b->msg[i].hash);

	if (!b->msg[i].indexed)
		return;
	while (*link != i)
		link = &b->msg[*link].chain;
	*link = b->msg[i].chain;
	b->msg[i].indexed = false;
}

static void put_in_index(struct zl_backlogs *b, uint32_t i, uint32_t hash, uint32_t topic_len)
{
	uint32_t *bucket = bucket_of(b, hash);

	b->msg[i].hash = hash;
	b->msg[i].topic_len = (uint16_t)topic_len;
	b->msg[i].chain = *bucket;
	b->msg[i].indexed = true;
	*bucket = i;
}

static uint32_t newest_of(struct zl_backlogs *b, uint32_t slot, const uint8_t *topic, uint32_t len,
			  uint32_t hash)
{
	uint8_t bytes[ZL_TOPIC_KEY_MAX + 1];
	const uint8_t *have;

	for (uint32_t i = *bucket_of(b, hash); i; i = b->msg[i].chain) {
		const struct zl_waiting *w = &b->msg[i];

		if (w->slot != slot || w->hash != hash || w->topic_len != len)
			continue;
		topic_of(b, &b->part[w->first].msg, bytes, &have);
		if (memcmp(have, topic, len) == 0)
			return i;
	}
	return 0;
}

/* --- a pipe's queue --- */

static void free_parts(struct zl_backlogs *b, struct zl_backlog *of, struct zl_waiting *w)
{
	for (uint32_t k = w->first, next; k; k = next) {
		next = b->part[k].next;
		zl_buf_unref(b->part[k].msg.buf, 1);
		b->part[k].next = b->free_part;
		b->free_part = k;
		b->n_free_parts++;
	}
	of->bytes -= w->bytes;
	w->first = w->last = 0;
	w->bytes = 0;
}

static void append(struct zl_backlogs *b, struct zl_backlog *of, uint32_t slot)
{
	uint32_t i = b->free_msg;

	b->free_msg = b->msg[i].next;
	b->n_free--;
	b->msg[i] = (struct zl_waiting){.prev = of->last, .slot = slot};
	if (of->last)
		b->msg[of->last].next = i;
	else
		of->first = i;
	of->last = i;
	of->open = i;
	of->n++;
}

static void take_out(struct zl_backlogs *b, struct zl_backlog *of, uint32_t i)
{
	struct zl_waiting *w = &b->msg[i];

	unindex(b, i);
	free_parts(b, of, w);
	*(w->prev ? &b->msg[w->prev].next : &of->first) = w->next;
	*(w->next ? &b->msg[w->next].prev : &of->last) = w->prev;
	of->olds -= w->old;
	of->n--;
	if (of->open == i)
		of->open = 0;
	w->next = b->free_msg;
	b->free_msg = i;
	b->n_free++;
}

void zl_backlog_limit(struct zl_backlog *of, const struct zl_ipc_rate *rate)
{
	of->rate = *rate;
	of->limited = rate->msgs_per_s || rate->bytes_per_s;
	of->msgs_credit = zl_rate_burst(rate->msgs_per_s);
	of->bytes_credit = zl_rate_burst(rate->bytes_per_s);
}

void zl_backlog_join(struct zl_socket *s, struct zl_pipe *p)
{
	p->backlog = &s->backlogs->of[p->slot];
	*p->backlog = (struct zl_backlog){0};
	zl_backlog_limit(p->backlog, &s->policy->out);
}

void zl_backlog_leave(struct zl_socket *s, struct zl_pipe *p)
{
	while (p->backlog->first)
		take_out(s->backlogs, p->backlog, p->backlog->first);
	p->backlog = NULL;
}

/* --- room --- */

static uint64_t stream_bytes(const struct zl_socket *s, const struct zl_pipe *p)
{
	return p->sndbuf_bytes < s->pipe_bytes_max ? p->sndbuf_bytes : s->pipe_bytes_max;
}

static bool has_credit(const struct zl_backlog *of)
{
	return !of->limited || ((!of->rate.msgs_per_s || of->msgs_credit > 0) &&
				(!of->rate.bytes_per_s || of->bytes_credit > 0));
}

uint32_t zl_backlog_room(const struct zl_socket *s, const struct zl_pipe *p, uint32_t bytes_a_msg)
{
	const struct zl_backlog *of = p->backlog;
	uint32_t room;

	if (of->n || !has_credit(of))
		return 0;
	room = zl_pipe_room_bytes(p, stream_bytes(s, p), bytes_a_msg);
	if (!room && !p->queued_msgs)
		room = 1;
	if (of->rate.msgs_per_s && of->msgs_credit < room)
		room = (uint32_t)of->msgs_credit;
	if (of->rate.bytes_per_s && of->bytes_credit / (bytes_a_msg + 1ll) < room)
		room = (uint32_t)(of->bytes_credit / (bytes_a_msg + 1ll)) + 1;
	return room;
}

/* May no more wait for this pipe? */
static bool is_full(const struct zl_socket *s, const struct zl_pipe *p)
{
	const struct zl_backlogs *b = s->backlogs;
	const struct zl_backlog *of = p->backlog;
	bool by_hwm = s->policy->slow.policy != ZL_SLOW_DISCONNECT && p->hwm_msgs;

	return of->n >= b->n_free || 2 * of->n >= b->n_free_parts ||
	       (by_hwm && of->n >= p->hwm_msgs) ||
	       (of->n && p->queued_bytes + of->bytes >= s->pipe_bytes_max);
}

/* --- taking --- */

static void drop_oldest(struct zl_socket *s, struct zl_pipe *p)
{
	take_out(s->backlogs, p->backlog, p->backlog->first);
	p->msgs_dropped++;
	s->counter[ZL_ROUTER_dropped_oldest]++;
}

/* A message has come that there is no room for. True: now there is. */
static bool make_room(struct zl_socket *s, struct zl_pipe *p)
{
	struct zl_backlog *of = p->backlog;

	switch ((enum zl_slow)s->policy->slow.policy) {
	case ZL_SLOW_DROP_OLDEST:
	case ZL_SLOW_CONFLATE:
		while (is_full(s, p) && of->first && of->first != of->open)
			drop_oldest(s, p);
		break;
	case ZL_SLOW_DISCONNECT:
		zl_socket_too_slow(s, p);
		break;
	case ZL_SLOW_DROP_NEWEST:
	case ZL_SLOWS:
		break;
	}
	return !is_full(s, p);
}

static void drop_olds(struct zl_socket *s, struct zl_pipe *p)
{
	struct zl_backlogs *b = s->backlogs;

	for (uint32_t i = p->backlog->first, next; i; i = next) {
		next = b->msg[i].next;
		if (!b->msg[i].old)
			continue;
		take_out(b, p->backlog, i);
		s->counter[ZL_ROUTER_conflated]++;
	}
}

/* The newest message of a topic takes the place of the one before it, so that a topic that changes
 * all the time gets to the front as any other does. */
static bool conflate(struct zl_socket *s, struct zl_pipe *p, uint32_t newest)
{
	struct zl_backlog *of = p->backlog;

	if (of->n < s->policy->slow.mark)
		return false;
	if (of->olds)
		drop_olds(s, p);
	if (!newest)
		return false;
	free_parts(s->backlogs, of, &s->backlogs->msg[newest]);
	of->open = newest;
	s->counter[ZL_ROUTER_conflated]++;
	return true;
}

static void begin_conflated(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *first)
{
	struct zl_backlogs *b = s->backlogs;
	struct zl_backlog *of = p->backlog;
	uint8_t bytes[ZL_TOPIC_KEY_MAX + 1];
	const uint8_t *topic;
	uint32_t len = topic_of(b, first, bytes, &topic), hash, newest;

	hash = zl_topic_hash(topic, len, SEED + p->slot);
	newest = len <= ZL_TOPIC_KEY_MAX ? newest_of(b, p->slot, topic, len, hash) : 0;
	if (conflate(s, p, newest))
		return;
	if (is_full(s, p)) {
		if (!make_room(s, p))
			return;
		newest = newest_of(b, p->slot, topic, len, hash); /* it may have had to go */
	}
	if (newest) {
		unindex(b, newest);
		b->msg[newest].old = true;
		of->olds++;
	}
	append(b, of, p->slot);
	if (len <= ZL_TOPIC_KEY_MAX)
		put_in_index(b, of->open, hash, len);
}

/* p->backlog->open is the new message after it; 0: there is no room. */
static void begin(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *first)
{
	if (s->policy->slow.policy == ZL_SLOW_CONFLATE)
		begin_conflated(s, p, first);
	else if (!is_full(s, p) || make_room(s, p))
		append(s->backlogs, p->backlog, p->slot);
	if (p->backlog->open)
		s->counter[ZL_ROUTER_waited]++;
}

static bool hold(struct zl_socket *s, const struct zl_msg *m, struct zl_msg *held)
{
	if (s->ops->hold)
		return s->ops->hold(s->ctx, m, held);
	*held = *m;
	zl_buf_ref(m->buf, 1);
	return true;
}

static bool add_part(struct zl_socket *s, struct zl_backlog *of, const struct zl_msg *m)
{
	struct zl_backlogs *b = s->backlogs;
	struct zl_waiting *w = &b->msg[of->open];
	uint32_t k = b->free_part;

	if (!k || !hold(s, m, &b->part[k].msg))
		return false;
	b->free_part = b->part[k].next;
	b->n_free_parts--;
	b->part[k].next = 0;
	if (w->last)
		b->part[w->last].next = k;
	else
		w->first = k;
	w->last = k;
	w->bytes += m->len;
	of->bytes += m->len;
	return true;
}

/* The message under way cannot be held. */
static void lose(struct zl_socket *s, struct zl_pipe *p)
{
	if (p->backlog->open)
		take_out(s->backlogs, p->backlog, p->backlog->open);
	p->backlog->losing = true;
	p->msgs_dropped++;
	s->counter[ZL_ROUTER_dropped_hwm]++;
}

void zl_backlog_put(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs, unsigned n)
{
	struct zl_backlog *of = p->backlog;

	for (unsigned i = 0; i < n; i++) {
		if (!of->losing && !of->open) {
			begin(s, p, &msgs[i]);
			if (!of->open)
				lose(s, p);
		}
		if (!of->losing && !add_part(s, of, &msgs[i]))
			lose(s, p);
		if (!(msgs[i].flags & ZL_MSG_MORE)) {
			of->open = 0;
			of->losing = false;
		}
	}
}

bool zl_backlog_broken(struct zl_socket *s, struct zl_pipe *p)
{
	struct zl_backlog *of = p->backlog;
	bool here = zl_backlog_mid(p);

	if (of->open)
		take_out(s->backlogs, of, of->open);
	of->losing = false;
	return here;
}

/* --- writing --- */

/* Messages at the front, as many as there is room for and a run holds; their parts, which the
 * caller owns. A message of more parts than a run holds comes alone and in pieces: *more. */
static unsigned take_run(struct zl_socket *s, struct zl_pipe *p, struct zl_msg *run)
{
	struct zl_backlogs *b = s->backlogs;
	struct zl_backlog *of = p->backlog;
	struct zl_waiting *w = &b->msg[of->first];
	unsigned n = 0;

	while (w->first && n < RUN) {
		uint32_t k = w->first;

		run[n++] = b->part[k].msg;
		w->bytes -= b->part[k].msg.len;
		of->bytes -= b->part[k].msg.len;
		w->first = b->part[k].next;
		b->part[k].next = b->free_part;
		b->free_part = k;
		b->n_free_parts++;
	}
	if (!w->first)
		take_out(b, of, of->first);
	return n;
}

/* The message at the front goes, whatever its size. */
static void write_first(struct zl_socket *s, struct zl_pipe *p)
{
	struct zl_msg run[RUN];
	bool more = true;

	/* its topic is not to be found by what is left of it */
	unindex(s->backlogs, p->backlog->first);
	p->queued_msgs++;
	zl_backlog_spend(p, 1, 0);
	while (more) {
		unsigned n = take_run(s, p, run);
		uint64_t bytes = 0;

		more = run[n - 1].flags & ZL_MSG_MORE;
		for (unsigned i = 0; i < n; i++)
			bytes += run[i].len;
		p->queued_bytes += bytes;
		p->msgs_out += n;
		p->bytes_out += bytes;
		zl_backlog_spend(p, 0, bytes);
		s->counter[ZL_ROUTER_deliveries] += n;
		s->ops->write(s->ctx, &p, 1, run, n);
		for (unsigned i = 0; i < n; i++)
			zl_buf_unref(run[i].buf, 1);
	}
}

void zl_backlog_drain(struct zl_socket *s, struct zl_pipe *p)
{
	struct zl_backlog *of = p->backlog;

	while (of->first && of->first != of->open && has_credit(of) &&
	       (p->queued_bytes < stream_bytes(s, p) || !p->queued_msgs))
		write_first(s, p);
}
