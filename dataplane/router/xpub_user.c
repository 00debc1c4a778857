/* The user's side of subscriptions (xpub_user.h). */
#include "dataplane/router/xpub_user.h"
#include "dataplane/router/matcher.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIRST_WORDS = 8
};

static bool manual(const struct zl_socket *s)
{
	return s->options->xpub_manual || s->options->xpub_manual_last_value;
}

struct zl_xpub_user *zl_xpub_user_open(const struct zl_socket *s, size_t matcher_bytes)
{
	struct zl_xpub_user *u = calloc(1, sizeof(*u));

	if (!u || !manual(s))
		return u;
	u->asked = zl_matcher_create(matcher_bytes, s->pipes_max);
	if (u->asked)
		return u;
	free(u);
	return NULL;
}

void zl_xpub_user_close(struct zl_xpub_user *u)
{
	if (!u)
		return;
	for (uint32_t i = 0; i < u->n; i++)
		free(u->word[(u->first + i) % u->max].bytes);
	zl_matcher_destroy(u->asked);
	free(u->word);
	free(u);
}

/* --- words --- */

static bool grow(struct zl_xpub_user *u)
{
	uint32_t max = u->max ? u->max * 2 : FIRST_WORDS;
	struct zl_xpub_word *more;

	if (u->n < u->max)
		return true;
	more = malloc(max * sizeof(*more));
	if (!more)
		return false;
	for (uint32_t i = 0; i < u->n; i++)
		more[i] = u->word[(u->first + i) % u->max];
	free(u->word);
	u->word = more;
	u->first = 0;
	u->max = max;
	return true;
}

/* u->topic holds the topic from its second byte on. */
static void tell(struct zl_socket *s, struct zl_xpub_user *u, struct zl_pipe *p, bool add,
		 uint32_t len)
{
	uint8_t *bytes = grow(u) ? malloc(1 + len) : NULL;

	if (!bytes) {
		s->counter[ZL_ROUTER_dropped_notices]++;
		return;
	}
	u->topic[0] = add;
	memcpy(bytes, u->topic, 1 + len);
	u->word[(u->first + u->n++) % u->max] = (struct zl_xpub_word){p, bytes, 1 + len};
}

void zl_xpub_user_flush(struct zl_socket *s, struct zl_xpub_user *u)
{
	while (u->n) {
		struct zl_xpub_word *w = &u->word[u->first];
		struct zl_msg msg = {.len = w->len};
		unsigned taken;

		msg.buf = s->ops->buffer(s->ctx, w->bytes, w->len, &msg.data);
		if (!msg.buf)
			return;
		taken = s->ops->receive(s->ctx, &msg, 1);
		zl_buf_unref(msg.buf, 1);
		if (!taken)
			return;
		u->last = w->pipe;
		free(w->bytes);
		u->first = (u->first + 1) % u->max;
		u->n--;
	}
}

/* --- subscriptions --- */

/* Did it change which topics there are? */
static bool change(struct zl_socket *s, struct zl_matcher *m, const struct zl_pipe *p, bool add,
		   const uint8_t *topic, uint32_t len)
{
	uint64_t before = zl_matcher_stats(m).prefixes;
	int error = add ? zl_matcher_add(m, topic, len, p->slot)
			: zl_matcher_remove(m, topic, len, p->slot);

	s->counter[ZL_ROUTER_subscriptions_refused] += add && error == -ENOMEM;
	return zl_matcher_stats(m).prefixes != before;
}

static bool is_heard(const struct zl_socket *s, bool add, bool changed)
{
	if (changed || manual(s) || s->options->xpub_verboser)
		return true;
	return add && s->options->xpub_verbose;
}

unsigned zl_xpub_user_take(struct zl_socket *s, struct zl_xpub_user *u, struct zl_pipe *p,
			   const struct zl_msg *msgs, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		bool add = msgs[i].flags & ZL_MSG_SUBSCRIBE, changed;
		uint32_t len = msgs[i].len < ZL_PREFIX_MAX ? msgs[i].len : ZL_PREFIX_MAX;

		zl_msg_peek(&msgs[i], u->topic + 1, len);
		changed = change(s, manual(s) ? u->asked : s->matcher, p, add, u->topic + 1, len);
		if (s->pattern->type == ZL_XPUB && is_heard(s, add, changed))
			tell(s, u, p, add, len);
	}
	zl_xpub_user_flush(s, u);
	return n;
}

/* --- going --- */

struct going {
	uint32_t slot, at;
	struct zl_xpub_user *u;
};

/* The next topic of the slot from where the walk stands. */
static int find(void *ctx, const uint8_t *prefix, uint32_t len, uint32_t slot)
{
	struct going *g = ctx;

	if (slot != g->slot)
		return 0;
	memcpy(g->u->topic + 1, prefix, len);
	g->at = len;
	return 1;
}

void zl_xpub_user_forget(struct zl_socket *s, struct zl_xpub_user *u, struct zl_pipe *p)
{
	struct zl_matcher *m = manual(s) ? u->asked : s->matcher;
	struct going g = {.slot = p->slot, .u = u};
	uint64_t cursor = 0;

	if (u->last == p)
		u->last = NULL;
	for (uint32_t i = 0; i < u->n; i++)
		if (u->word[(u->first + i) % u->max].pipe == p)
			u->word[(u->first + i) % u->max].pipe = NULL;
	while (zl_matcher_each(m, &cursor, find, &g) > 0) {
		bool changed = change(s, m, p, false, u->topic + 1, g.at);

		if (s->pattern->type == ZL_XPUB && is_heard(s, false, changed))
			tell(s, u, NULL, false, g.at);
	}
	zl_xpub_user_flush(s, u);
}
