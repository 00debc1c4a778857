/* Telling late subscribers (last.h). Each subscription tells the topics of which it is the longest
 * prefix that the pipe has subscribed to, so topics of two prefixes come once. What a pipe has no
 * room for now waits as a position in the order of topics, in a list that every turn goes on with.
 */
#include "dataplane/router/backlog.h"
#include "dataplane/router/last.h"
#include "dataplane/router/matcher.h"
#include "dataplane/router/topic.h"

#include <errno.h>
#include <stdlib.h>

enum {
	LATE_MAX = 4096,               /* subscriptions that wait */
	PREFIX_BYTES = 1 << 20,        /* of their prefixes */
	FIRST_MAX = ZL_PREFIX_MAX + 1, /* of a first part that a prefix is looked for in */
	TOLD = 32,                     /* messages at once */
	LOOKED_AT = 256,               /* entries at once */
	LATE_A_TURN = 16,
};
#define UNSOUGHT                                                                                   \
	UINT32_MAX /* a position that is not known before the message under way has ended */

int zl_late_open(struct zl_last *l)
{
	int error = zl_chunks_open(&l->prefixes, PREFIX_BYTES);

	l->waiting.next = l->waiting.prev = &l->waiting;
	if (error)
		return error;
	l->late = calloc(LATE_MAX, sizeof(*l->late));
	l->prefix = malloc(ZL_PREFIX_MAX);
	l->first = malloc(FIRST_MAX);
	if (!l->late || !l->prefix || !l->first)
		return -ENOMEM;
	for (unsigned i = LATE_MAX; i-- > 0;) {
		l->late[i].next = l->free_late;
		l->free_late = &l->late[i];
	}
	return 0;
}

void zl_late_close(struct zl_last *l)
{
	zl_chunks_close(&l->prefixes);
	free(l->late);
	free(l->prefix);
	free(l->first);
}

static void put_last(struct zl_last *l, struct zl_late *r)
{
	r->next = &l->waiting;
	r->prev = l->waiting.prev;
	r->prev->next = r->next->prev = r;
}

static void take_out(struct zl_late *r)
{
	r->prev->next = r->next;
	r->next->prev = r->prev;
}

static void end(struct zl_last *l, struct zl_late *r)
{
	take_out(r);
	zl_chunks_free(&l->prefixes, &r->prefix);
	r->next = l->free_late;
	l->free_late = r;
}

/* Half of what a subscriber may have queued is for what is live. */
static bool has_room(const struct zl_socket *s, const struct zl_pipe *p)
{
	uint64_t most = p->sndbuf_bytes < s->pipe_bytes_max ? p->sndbuf_bytes : s->pipe_bytes_max;

	if (p->backlog && !zl_backlog_room(s, p, 0))
		return false;
	return p->queued_msgs == 0 || p->queued_bytes < most / 2;
}

/* The parts of a value that stands in l->scratch; 0: no memory. */
static unsigned make_parts(struct zl_socket *s, uint32_t len, struct zl_msg *msgs)
{
	const uint8_t *at = s->last->scratch, *stop = at + len;
	unsigned n = 0;

	for (; at < stop; n++) {
		uint32_t head;

		memcpy(&head, at, sizeof(head));
		at += sizeof(head);
		msgs[n] = (struct zl_msg){.len = head >> 1, .flags = head & 1 ? ZL_MSG_MORE : 0};
		msgs[n].buf = s->ops->buffer(s->ctx, at, head >> 1, &msgs[n].data);
		if (!msgs[n].buf)
			break;
		at += head >> 1;
	}
	if (at == stop)
		return n;
	while (n > 0)
		zl_buf_unref(msgs[--n].buf, 1);
	return 0;
}

static bool write_value(struct zl_socket *s, struct zl_pipe *p, const struct zl_last_entry *e)
{
	struct zl_msg msgs[ZL_LAST_PARTS];
	uint64_t bytes = 0;
	unsigned n;

	zl_chunks_read(&s->last->chunks, &e->value, 0, s->last->scratch, e->value.len);
	n = make_parts(s, e->value.len, msgs);
	if (n == 0)
		return false;
	for (unsigned i = 0; i < n; i++)
		bytes += msgs[i].len;
	p->queued_msgs++;
	p->queued_bytes += bytes;
	p->msgs_out += n;
	p->bytes_out += bytes;
	if (p->backlog)
		zl_backlog_spend(p, 1, bytes);
	s->counter[ZL_ROUTER_deliveries] += n;
	s->counter[ZL_ROUTER_last_told]++;
	s->ops->write(s->ctx, &p, 1, msgs, n);
	for (unsigned i = 0; i < n; i++)
		zl_buf_unref(msgs[i].buf, 1);
	return true;
}

/* Is the entry this subscription's to tell? */
static bool due(const struct zl_socket *s, const struct zl_late *r, const uint8_t *prefix)
{
	const struct zl_last *l = s->last;
	const struct zl_last_entry *e = &l->entry[r->at];
	uint32_t longest = zl_matcher_longest(s->matcher), head, len = r->prefix.len, n;

	if (e->seq > r->upto)
		return false;
	zl_chunks_read(&l->chunks, &e->value, 0, &head, sizeof(head));
	if (head >> 1 < len ||
	    zl_chunks_compare(&l->chunks, &e->value, sizeof(head), prefix, len) != 0)
		return false;
	n = head >> 1 < longest ? head >> 1 : longest;
	if (n <= len)
		return true;
	zl_chunks_read(&l->chunks, &e->value, sizeof(head), l->first, n);
	return zl_matcher_longest_of(s->matcher, l->first, n, r->pipe->slot) <= (int64_t)len;
}

/* A step further; true: all was told. */
static bool tell(struct zl_socket *s, struct zl_late *r, const uint8_t *prefix)
{
	struct zl_last *l = s->last;
	unsigned told = 0;

	for (unsigned looked = 0; r->at && zl_last_under(l, r->at, prefix, r->key_len); looked++) {
		if (looked == LOOKED_AT || told == TOLD)
			return false;
		if (due(s, r, prefix)) {
			if (!has_room(s, r->pipe) || !write_value(s, r->pipe, &l->entry[r->at]))
				return false;
			told++;
		}
		r->at = l->entry[r->at].next[0];
	}
	return true;
}

static void wait(struct zl_last *l, const struct zl_late *from, const uint8_t *prefix)
{
	struct zl_late *r = l->free_late;
	uint32_t len = from->prefix.len;

	if (!r || l->prefixes.n_free < zl_chunks_need(&ZL_STRING_EMPTY, len)) {
		l->counter[ZL_ROUTER_last_untold]++;
		return;
	}
	l->free_late = r->next;
	*r = *from;
	r->prefix = ZL_STRING_EMPTY;
	zl_chunks_append(&l->prefixes, &r->prefix, prefix, len);
	put_last(l, r);
}

int64_t zl_late_before(const struct zl_socket *s, const struct zl_pipe *p, const uint8_t *prefix,
		       uint32_t len)
{
	return zl_matcher_longest_of(s->matcher, prefix, len, p->slot);
}

static struct zl_late *waiting_of(struct zl_last *l, const struct zl_pipe *p, const uint8_t *prefix,
				  uint32_t len)
{
	for (struct zl_late *r = l->waiting.next; r != &l->waiting; r = r->next)
		if (r->pipe == p && r->prefix.len == len &&
		    zl_chunks_compare(&l->prefixes, &r->prefix, 0, prefix, len) == 0)
			return r;
	return NULL;
}

/* What a shorter prefix of the pipe has not told yet is now this one's, as far as it covers it.
 * False: nothing. */
static bool inherit(struct zl_last *l, struct zl_late *r, const uint8_t *prefix, int64_t before)
{
	const struct zl_late *shorter = waiting_of(l, r->pipe, prefix, (uint32_t)before);

	if (!shorter)
		return false; /* all of it was told, or is live */
	r->upto = shorter->upto;
	if (shorter->at == UNSOUGHT)
		r->at = UNSOUGHT;
	else if (!shorter->at)
		r->at = 0;
	else if (zl_last_compare(l, shorter->at, prefix, r->key_len) >= 0)
		r->at = shorter->at; /* in what it covers, or past all of it */
	return r->at != 0;
}

void zl_late_subscribed(struct zl_socket *s, struct zl_pipe *p, const uint8_t *prefix, uint32_t len,
			int64_t before)
{
	struct zl_last *l = s->last;
	struct zl_late r = {.pipe = p, .upto = l->seq, .prefix.len = len};

	r.key_len = zl_topic_len(&l->config.topic, prefix, len);
	/* the message that is under way may be of a topic that is not there yet */
	r.at = l->mid ? UNSOUGHT : zl_last_seek(l, prefix, r.key_len);
	if (before >= 0 && !inherit(l, &r, prefix, before))
		return;
	if (l->mid || r.at == UNSOUGHT || !tell(s, &r, prefix))
		wait(l, &r, prefix);
}

void zl_late_cancelled(struct zl_socket *s, const struct zl_pipe *p, const uint8_t *prefix,
		       uint32_t len)
{
	struct zl_late *r = waiting_of(s->last, p, prefix, len);

	if (r)
		end(s->last, r);
}

void zl_late_forget(struct zl_last *l, const struct zl_pipe *p)
{
	for (struct zl_late *r = l->waiting.next, *next; r != &l->waiting; r = next) {
		next = r->next;
		if (r->pipe == p)
			end(l, r);
	}
}

void zl_late_removed(struct zl_last *l, uint32_t entry)
{
	for (struct zl_late *r = l->waiting.next; r != &l->waiting; r = r->next)
		if (r->at == entry)
			r->at = l->entry[entry].next[0];
}

void zl_late_turn(struct zl_socket *s)
{
	struct zl_last *l = s->last;

	for (unsigned n = 0; n < LATE_A_TURN && zl_late_waits(l) && !l->mid; n++) {
		struct zl_late *r = l->waiting.next;

		zl_chunks_read(&l->prefixes, &r->prefix, 0, l->prefix, r->prefix.len);
		if (r->at == UNSOUGHT)
			r->at = zl_last_seek(l, l->prefix, r->key_len);
		if (tell(s, r, l->prefix)) {
			end(l, r);
		} else {
			take_out(r);
			put_last(l, r);
		}
	}
}
