/* XPUB (RFC 29): sends each message to the peers that have subscribed to a prefix of its first
 * part, drops it for a peer whose queue is full, never blocks, and hands what peers send, mostly
 * subscriptions, to its user. A message's subscribers are decided at its first part and hold until
 * its last. Messages of one set of subscribers that follow one another are written as one run. */
#include "dataplane/router/fan.h"
#include "dataplane/router/last.h"
#include "dataplane/router/matcher.h"
#include "dataplane/router/patterns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Messages of the run whose topics were looked up side by side; from `next` on, still to come. */
struct ahead {
	struct zl_lookup lookup[ZL_LOOKUPS];
	const struct zl_msg *msg[ZL_LOOKUPS];
	unsigned n, next, used;
	unsigned want; /* at most so many next time; fewer if most were for nothing */
};

struct xpub {
	struct zl_fan fan;
	struct ahead ahead;
	uint8_t *gathered; /* the beginning of a body in several pieces: ZL_PREFIX_MAX bytes */
};

int zl_xpub_open(struct zl_socket *s)
{
	struct xpub *x = calloc(1, sizeof(*x));

	if (!x)
		return -ENOMEM;
	x->gathered = malloc(ZL_PREFIX_MAX);
	if (!x->gathered || zl_fan_open(&x->fan, s->pipes_max) < 0) {
		free(x->gathered);
		free(x);
		return -ENOMEM;
	}
	x->ahead.want = 1;
	s->state = x;
	return 0;
}

void zl_xpub_close(struct zl_socket *s)
{
	struct xpub *x = s->state;

	zl_fan_close(&x->fan);
	free(x->gathered);
	free(x);
	s->state = NULL;
}

/* Another core that is to answer late subscribers must see everything. If its matcher has no
 * memory for that, the core has none for any subscription. */
void zl_xpub_pipe_added(struct zl_socket *s, struct zl_pipe *p)
{
	if (s->last && p->kind == ZL_PIPE_CORE)
		(void)zl_matcher_add(s->matcher, (const uint8_t *)"", 0, p->slot);
}

void zl_xpub_pipe_removed(struct zl_socket *s, struct zl_pipe *p)
{
	struct xpub *x = s->state;

	zl_fan_forget(&x->fan, p);
	if (s->last)
		zl_late_forget(s->last, p);
}

void zl_xpub_released(struct zl_socket *s, struct zl_pipe *p)
{
	(void)s; /* the next send looks at the pipe's room: nobody waits for it */
	(void)p;
}

/* The topic of the message before, as far as it decided. */
struct seen {
	const uint8_t *topic; /* NULL: not known */
	uint32_t len, decided;
};

static inline bool as_before(const struct seen *seen, const struct zl_msg *first)
{
	if (!seen->topic || (first->flags & ZL_MSG_CHAIN))
		return false;
	if (seen->decided <= seen->len)
		return first->len >= seen->decided &&
		       memcmp(first->data, seen->topic, seen->decided) == 0;
	return first->len == seen->len && memcmp(first->data, seen->topic, seen->len) == 0;
}

/* Look up the topics of this message and of the next ones in the run. How many are worth it shows:
 * a topic may turn out to be decided by the one before, which is known for less than a lookup. */
static void look_ahead(struct zl_socket *s, struct ahead *a, const struct zl_msg *msgs, unsigned n)
{
	if (a->used == a->n && a->want < ZL_LOOKUPS)
		a->want *= 2;
	else if (a->used * 2 < a->n)
		a->want /= 2;
	a->n = a->next = a->used = 0;
	for (unsigned i = 0; i < n && a->n < a->want; i += zl_fan_rest(msgs + i, n - i)) {
		if (msgs[i].flags & ZL_MSG_CHAIN)
			break;
		a->msg[a->n] = &msgs[i];
		a->lookup[a->n].topic = msgs[i].data;
		a->lookup[a->n++].len = msgs[i].len;
	}
	zl_matcher_lookup(s->matcher, a->lookup, a->n);
}

/* The match of the first of msgs, which is in one piece. */
static struct zl_match match_in_run(struct zl_socket *s, struct ahead *a, const struct zl_msg *msgs,
				    unsigned n)
{
	if (!zl_matcher_large(s->matcher))
		return zl_matcher_match(s->matcher, msgs->data, msgs->len);
	while (a->next < a->n && a->msg[a->next] != msgs)
		a->next++;
	if (a->next == a->n)
		look_ahead(s, a, msgs, n);
	a->used++;
	return zl_matcher_result(s->matcher, &a->lookup[a->next++]);
}

static struct zl_match match(struct zl_socket *s, const struct zl_msg *first, unsigned n,
			     struct seen *seen)
{
	struct xpub *x = s->state;
	struct zl_match found;

	if (first->flags & ZL_MSG_CHAIN) {
		uint32_t longest = zl_matcher_longest(s->matcher);
		uint32_t len = longest < first->len ? longest : first->len;

		len = zl_msg_peek(first, x->gathered, len);
		seen->topic = NULL;
		return zl_matcher_match(s->matcher, x->gathered, len);
	}
	found = match_in_run(s, &x->ahead, first, n);
	*seen = (struct seen){first->data, first->len, found.decided};
	return found;
}

/* Does another prefix have the same set? The look costs less than the write that it saves. */
static bool same_set(const struct zl_socket *s, const struct zl_fan *f,
		     const struct zl_match *found)
{
	if (f->n != found->n || f->key == ZL_FAN_STALE)
		return false;
	for (uint32_t i = 0; i < f->n; i++) {
		if (f->set[i] != s->pipes[found->slots[i]])
			return false;
	}
	return true;
}

static void take_set(const struct zl_socket *s, struct zl_fan *f, const struct zl_match *found)
{
	f->key = found->key;
	f->n = found->n;
	for (uint32_t i = 0; i < found->n; i++)
		f->set[i] = s->pipes[found->slots[i]];
}

int zl_xpub_send(struct zl_socket *s, const struct zl_msg *msgs, unsigned n, bool local)
{
	struct xpub *x = s->state;
	struct zl_fan *f = &x->fan;
	unsigned from = 0, i = f->mid ? zl_fan_rest(msgs, n) : 0;
	struct seen seen = {0};

	if (s->last)
		zl_last_put(s->last, msgs, n);
	x->ahead.next = x->ahead.n; /* of a run that is gone */
	for (; i < n; i += zl_fan_rest(msgs + i, n - i)) {
		struct zl_match found;

		if (as_before(&seen, &msgs[i]))
			continue;
		found = match(s, &msgs[i], n - i, &seen);
		if (found.key == f->key)
			continue;
		if (same_set(s, f, &found)) {
			f->key = found.key;
			continue;
		}
		if (i > from)
			zl_fan_write(s, f, msgs + from, i - from, local);
		take_set(s, f, &found);
		from = i;
	}
	if (n > from)
		zl_fan_write(s, f, msgs + from, n - from, local);
	return (int)n;
}

void zl_xpub_broken(struct zl_socket *s)
{
	struct xpub *x = s->state;

	zl_fan_broken(s, &x->fan);
	if (s->last)
		zl_last_broken(s->last);
}

static int add_prefix(struct zl_socket *s, struct zl_pipe *p, const uint8_t *prefix, uint32_t len)
{
	int64_t before = s->last ? zl_late_before(s, p, prefix, len) : 0;
	int error = zl_matcher_add(s->matcher, prefix, len, p->slot);

	if (error == -EEXIST)
		return 0;
	if (error < 0)
		s->counter[ZL_ROUTER_subscriptions_refused]++;
	else if (s->last)
		zl_late_subscribed(s, p, prefix, len, before);
	return error;
}

int zl_xpub_subscribe(struct zl_socket *s, struct zl_pipe *p, bool add, const uint8_t *prefix,
		      uint32_t len)
{
	if (s->last && p->kind == ZL_PIPE_CORE)
		return 0; /* it has everything */
	if (add)
		return add_prefix(s, p, prefix, len);
	(void)zl_matcher_remove(s->matcher, prefix, len, p->slot);
	if (s->last)
		zl_late_cancelled(s, p, prefix, len);
	return 0;
}

unsigned zl_xpub_subscriptions(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
			       unsigned n, unsigned *run)
{
	unsigned taken;

	for (*run = 0; *run < n; ++*run) {
		if (!(msgs[*run].flags & (ZL_MSG_SUBSCRIBE | ZL_MSG_CANCEL)))
			break;
	}
	taken = *run ? s->ops->subscriptions(s->ctx, p, msgs, *run) : 0;
	s->counter[ZL_ROUTER_subscriptions_in] += taken;
	return taken;
}

/* A user's message for the publishers, part by part; its length if all of it was taken, else 0,
 * and what was taken is remembered. */
static unsigned upstream(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
			 unsigned n)
{
	unsigned parts = zl_fan_rest(msgs, n), i;

	for (i = p->parts_taken; i < parts; i++) {
		if (!s->ops->upstream(s->ctx, p, &msgs[i])) {
			p->parts_taken = i;
			return 0;
		}
		p->bytes_in += msgs[i].len;
	}
	p->parts_taken = 0;
	return parts;
}

static unsigned xpub_input(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
			   unsigned n)
{
	unsigned done = 0;

	while (done < n) {
		unsigned run, taken = zl_xpub_subscriptions(s, p, msgs + done, n - done, &run);

		done += taken;
		if (taken < run)
			break;
		if (run)
			continue;
		taken = upstream(s, p, msgs + done, n - done);
		done += taken;
		if (taken == 0)
			break;
	}
	p->msgs_in += done;
	s->counter[ZL_ROUTER_parts_received] += done;
	s->counter[ZL_ROUTER_stalls_receive] += done < n;
	return done;
}

const struct zl_pattern zl_xpub_pattern = {
	.type = ZL_XPUB,
	.peers = 1u << ZL_SUB | 1u << ZL_XSUB,
	.matches = true,
	.open = zl_xpub_open,
	.close = zl_xpub_close,
	.pipe_added = zl_xpub_pipe_added,
	.pipe_removed = zl_xpub_pipe_removed,
	.input = xpub_input,
	.send = zl_xpub_send,
	.broken = zl_xpub_broken,
	.released = zl_xpub_released,
	.subscribe = zl_xpub_subscribe,
};
