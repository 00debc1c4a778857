/* XPUB (RFC 29): sends each message to the peers that have subscribed to a prefix of its first
 * part, drops it for a peer whose queue is full, never blocks, and hands what peers send, mostly
 * subscriptions, to its user. A message's subscribers are decided at its first part and hold until
 * its last. Messages of one set of subscribers that follow one another are written as one run. */
#include "dataplane/router/fan.h"
#include "dataplane/router/greet.h"
#include "dataplane/router/last.h"
#include "dataplane/router/matcher.h"
#include "dataplane/router/patterns.h"
#include "dataplane/router/xpub_user.h"

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
	struct zl_xpub_user *user; /* NULL: the owner decides subscriptions */
};

int zl_xpub_open(struct zl_socket *s)
{
	struct xpub *x = calloc(1, sizeof(*x));

	if (!x)
		return -ENOMEM;
	x->gathered = malloc(ZL_PREFIX_MAX);
	if (!s->ops->subscriptions)
		x->user = zl_xpub_user_open(s, s->matcher_bytes);
	if (!x->gathered || (!x->user && !s->ops->subscriptions) ||
	    zl_fan_open(&x->fan, s->pipes_max) < 0) {
		zl_xpub_user_close(x->user);
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
	zl_xpub_user_close(x->user);
	free(x->gathered);
	free(x);
	s->state = NULL;
}

/* Another core that is to answer late subscribers must see everything. If its matcher has no
 * memory for that, the core has none for any subscription. */
void zl_xpub_pipe_added(struct zl_socket *s, struct zl_pipe *p)
{
	struct xpub *x = s->state;

	if (s->last && p->kind == ZL_PIPE_CORE)
		(void)zl_matcher_add(s->matcher, (const uint8_t *)"", 0, p->slot);
	if (s->options->invert_matching)
		x->fan.key = ZL_FAN_STALE; /* it is in every set that it is not in */
	zl_welcome(s, p);
}

void zl_xpub_pipe_removed(struct zl_socket *s, struct zl_pipe *p)
{
	struct xpub *x = s->state;

	zl_fan_forget(&x->fan, p);
	if (s->last)
		zl_late_forget(s->last, p);
	if (x->user)
		zl_xpub_user_forget(s, x->user, p);
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

/* ZMQ_INVERT_MATCHING: the peers that did not subscribe. What another core's have not subscribed
 * to that core knows. */
static void take_others(const struct zl_socket *s, struct zl_fan *f, const struct zl_match *found)
{
	f->n = 0;
	for (uint32_t i = 0; i < found->n; i++)
		s->pipes[found->slots[i]]->matched = true;
	for (uint32_t i = 0; i < s->pipes_used; i++) {
		struct zl_pipe *p = s->pipes[i];

		if (p && (!p->matched || p->kind == ZL_PIPE_CORE))
			f->set[f->n++] = p;
	}
	for (uint32_t i = 0; i < found->n; i++)
		s->pipes[found->slots[i]]->matched = false;
}

static void take_set(const struct zl_socket *s, struct zl_fan *f, const struct zl_match *found)
{
	f->key = found->key;
	if (s->options->invert_matching) {
		take_others(s, f, found);
		return;
	}
	f->n = found->n;
	for (uint32_t i = 0; i < found->n; i++)
		f->set[i] = s->pipes[found->slots[i]];
}

static bool has_room(const struct zl_socket *s, const struct zl_pipe *p)
{
	if (p->kind == ZL_PIPE_CORE || p->hwm_msgs == 0)
		return true;
	return zl_pipe_room(p, 0) > 0 && p->queued_bytes < s->pipe_bytes_max;
}

static bool all_have_room(struct zl_socket *s, const struct zl_fan *f)
{
	for (uint32_t i = 0; i < f->n; i++)
		if (!has_room(s, f->set[i])) {
			s->counter[ZL_ROUTER_stalls_send]++;
			return false;
		}
	return true;
}

/* ZMQ_XPUB_NODROP: message by message, as long as all who are to have one have room for it. Shards
 * on other cores are not seen from here, and what comes from them is taken as ever. */
static int send_nodrop(struct zl_socket *s, const struct zl_msg *msgs, unsigned n)
{
	struct xpub *x = s->state;
	struct zl_fan *f = &x->fan;
	unsigned i = f->mid ? zl_fan_rest(msgs, n) : 0, next;

	x->ahead.next = x->ahead.n;
	if (i)
		zl_fan_write(s, f, msgs, i, false);
	for (; i < n; i = next) {
		struct seen seen;
		struct zl_match found = match(s, &msgs[i], n - i, &seen);

		take_set(s, f, &found);
		if (!all_have_room(s, f))
			break;
		next = i + zl_fan_rest(msgs + i, n - i);
		zl_fan_write(s, f, msgs + i, next - i, false);
	}
	if (s->last && i)
		zl_last_put(s->last, msgs, i);
	return (int)i;
}

/* ZMQ_XPUB_MANUAL_LAST_VALUE: the message is for the one peer that the user heard of last, if that
 * one has subscribed to it. Its length here. */
static unsigned send_last(struct zl_socket *s, const struct zl_msg *msgs, unsigned n)
{
	struct xpub *x = s->state;
	struct zl_fan *f = &x->fan;
	unsigned parts = zl_fan_rest(msgs, n);
	struct seen seen;
	struct zl_match found;

	x->ahead.next = x->ahead.n;
	found = match(s, msgs, n, &seen);
	f->n = 0;
	for (uint32_t i = 0; i < found.n; i++)
		if (s->pipes[found.slots[i]] == x->user->last)
			f->set[f->n++] = x->user->last;
	f->key = ZL_FAN_STALE;
	x->user->last = NULL;
	zl_fan_write(s, f, msgs, parts, false);
	return parts;
}

static bool is_for_last(const struct zl_socket *s)
{
	const struct xpub *x = s->state;

	return s->options->xpub_manual_last_value && x->user && x->user->last && !x->fan.mid;
}

int zl_xpub_send(struct zl_socket *s, const struct zl_msg *msgs, unsigned n, bool local)
{
	struct xpub *x = s->state;
	struct zl_fan *f = &x->fan;
	unsigned from = n && is_for_last(s) ? send_last(s, msgs, n) : 0;
	unsigned i = from;
	struct seen seen = {0};

	if (s->options->xpub_nodrop && !local)
		return (int)from + send_nodrop(s, msgs + from, n - from);
	if (s->last)
		zl_last_put(s->last, msgs + from, n - from);
	if (f->mid && from < n)
		i = from + zl_fan_rest(msgs + from, n - from);
	x->ahead.next = x->ahead.n; /* of a run that is gone */
	for (; i < n; i += zl_fan_rest(msgs + i, n - i)) {
		struct zl_match found;

		if (as_before(&seen, &msgs[i]))
			continue;
		found = match(s, &msgs[i], n - i, &seen);
		if (found.key == f->key)
			continue;
		if (!s->options->invert_matching && same_set(s, f, &found)) {
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
	const struct xpub *x = s->state;

	if (!p)
		p = x->user ? x->user->last : NULL;
	if (!p)
		return 0; /* it has gone since */
	if (s->last && p->kind == ZL_PIPE_CORE)
		return 0; /* it has everything */
	if (add)
		return add_prefix(s, p, prefix, len);
	(void)zl_matcher_remove(s->matcher, prefix, len, p->slot);
	if (s->last)
		zl_late_cancelled(s, p, prefix, len);
	return 0;
}

/* --- what subscribers send --- */

static inline bool is_subscription(const struct zl_msg *m)
{
	return m->flags & (ZL_MSG_SUBSCRIBE | ZL_MSG_CANCEL);
}

/* RADIO takes its peers' words here too, and has no user who hears of them. */
static struct zl_xpub_user *user_of(const struct zl_socket *s)
{
	const struct xpub *x = s->state;

	return s->pattern->type == ZL_RADIO ? NULL : x->user;
}

static unsigned pass_on(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
			unsigned n)
{
	struct zl_xpub_user *user = user_of(s);
	unsigned taken = user ? zl_xpub_user_take(s, user, p, msgs, n)
			      : s->ops->subscriptions(s->ctx, p, msgs, n);

	s->counter[ZL_ROUTER_subscriptions_in] += taken;
	return taken;
}

/* The subscriptions at the front that are a message each. */
static unsigned subscriptions(const struct zl_msg *msgs, unsigned n)
{
	unsigned run = 0;

	while (run < n && is_subscription(&msgs[run]) && !(msgs[run].flags & ZL_MSG_MORE))
		run++;
	return run;
}

/* Part i of a message: a subscription, or for the publishers, as one of the parts that are. */
static bool take_part(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs, unsigned i,
		      unsigned parts)
{
	struct zl_msg m = msgs[i];
	unsigned next = i + 1;

	if (is_subscription(&m))
		return pass_on(s, p, &m, 1) == 1;
	if (s->pattern->type != ZL_XPUB) {
		s->counter[ZL_ROUTER_dropped_upstream]++;
		return true;
	}
	while (next < parts && is_subscription(&msgs[next]))
		next++;
	if (next == parts)
		m.flags &= msgs[parts - 1].flags | (uint8_t)~ZL_MSG_MORE;
	if (s->ops->upstream ? !s->ops->upstream(s->ctx, p, &m)
			     : s->ops->receive(s->ctx, &m, 1) == 0)
		return false;
	p->bytes_in += m.len;
	return true;
}

/* A message, part by part; its length if all of it was taken, else 0, and what was taken is
 * remembered. */
static unsigned take_message(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
			     unsigned n)
{
	unsigned parts = zl_fan_rest(msgs, n), i;

	for (i = p->parts_taken; i < parts; i++) {
		if (!take_part(s, p, msgs, i, parts)) {
			p->parts_taken = i;
			return 0;
		}
	}
	p->parts_taken = 0;
	return parts;
}

unsigned zl_xpub_input(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
		       unsigned n)
{
	unsigned done = 0;

	if (user_of(s))
		zl_xpub_user_flush(s, user_of(s));
	while (done < n) {
		unsigned run = subscriptions(msgs + done, n - done);
		unsigned taken = run ? pass_on(s, p, msgs + done, run)
				     : take_message(s, p, msgs + done, n - done);

		done += taken;
		if (taken < run || taken == 0)
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
	.input = zl_xpub_input,
	.send = zl_xpub_send,
	.broken = zl_xpub_broken,
	.released = zl_xpub_released,
	.subscribe = zl_xpub_subscribe,
};
