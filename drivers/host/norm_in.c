/* What libnorm has to say of sources, and what they have sent. A source that has gone silent stays
 * what it is, so that it is not read once more when it goes on; it gives way to a new one. */
#include <string.h>

#include "drivers/host/norm_state.h"

static unsigned number_of(const struct zl_norm *n, const struct norm_source *s)
{
	return (unsigned)(s - n->source);
}

static struct norm_source *find(struct zl_norm *n, NormNodeHandle node)
{
	for (unsigned i = 0; i < n->config.sources; i++)
		if (n->source[i].node == node)
			return &n->source[i];
	return NULL;
}

static void close_stream(struct zl_norm *n, struct norm_source *s)
{
	if (s->stream)
		n->ops->closed(n->ctx, number_of(n, s));
	s->stream = NULL;
	s->readable = s->in_step = false;
}

/* --- coming and going --- */

static void forget(struct zl_norm *n, struct norm_source *s)
{
	NormNodeHandle node = s->node;

	close_stream(n, s);
	s->node = NULL;
	NormNodeDelete(node);
}

/* The one that has been silent for longest. */
static struct norm_source *silent_one(struct zl_norm *n)
{
	struct norm_source *silent = NULL;

	for (unsigned i = 0; i < n->config.sources; i++) {
		struct norm_source *s = &n->source[i];

		if (!s->active && (!silent || s->active_at < silent->active_at))
			silent = s;
	}
	return silent;
}

static struct norm_source *place(struct zl_norm *n)
{
	struct norm_source *s = find(n, NULL);

	if (!s) {
		s = silent_one(n);
		if (s)
			forget(n, s);
	}
	return s;
}

/* NULL: it has been refused, and is no more. */
static struct norm_source *heard_of(struct zl_norm *n, NormNodeHandle node)
{
	struct norm_source *s = find(n, node);

	if (!s) {
		s = place(n);
		if (!s) {
			n->ops->refused(n->ctx);
			NormNodeDelete(node);
			return NULL;
		}
		*s = (struct norm_source){.node = node};
	}
	if (!s->active)
		s->active_at = ++n->activations;
	s->active = true;
	return s;
}

static void open_stream(struct zl_norm *n, NormNodeHandle node, NormObjectHandle stream)
{
	struct norm_source *s;

	if (NormObjectGetType(stream) != NORM_OBJECT_STREAM)
		return;
	s = heard_of(n, node);
	if (!s)
		return;
	close_stream(n, s);
	s->stream = stream;
	s->readable = true;
	n->ops->opened(n->ctx, number_of(n, s));
}

/* Of this stream, and not of an earlier one. */
static struct norm_source *reading(struct zl_norm *n, const NormEvent *e)
{
	struct norm_source *s = find(n, e->sender);

	return s && s->stream == e->object ? s : NULL;
}

void norm_event(struct zl_norm *n, const NormEvent *e)
{
	struct norm_source *s = e->sender ? find(n, e->sender) : NULL;

	switch (e->type) {
	case NORM_REMOTE_SENDER_NEW:
	case NORM_REMOTE_SENDER_ACTIVE:
		heard_of(n, e->sender);
		break;
	case NORM_REMOTE_SENDER_INACTIVE:
		if (s) {
			s->active = false;
			s->readable = s->stream; /* what is behind a hole that nobody fills now */
		}
		break;
	case NORM_REMOTE_SENDER_RESET: /* it has started again, with nothing of before */
		if (s)
			close_stream(n, s);
		break;
	case NORM_RX_OBJECT_NEW:
		open_stream(n, e->sender, e->object);
		break;
	case NORM_RX_OBJECT_UPDATED:
		s = reading(n, e);
		if (s)
			s->readable = true;
		break;
	case NORM_RX_OBJECT_COMPLETED:
	case NORM_RX_OBJECT_ABORTED:
		s = reading(n, e);
		if (s)
			close_stream(n, s);
		break;
	default: /* room for what is sent is tried for; the rest is for others */
		break;
	}
}

/* --- reading --- */

int zl_norm_next(const struct zl_norm *n, unsigned from)
{
	for (unsigned i = 0; i < n->config.sources; i++) {
		unsigned at = (from + i) % n->config.sources;

		if (n->source[at].readable)
			return (int)at;
	}
	return -1;
}

bool zl_norm_hears(const struct zl_norm *n)
{
	for (unsigned i = 0; i < n->config.sources; i++)
		if (n->source[i].active && n->source[i].stream)
			return true;
	return false;
}

void zl_norm_look(struct zl_norm *n)
{
	for (unsigned i = 0; i < n->config.sources; i++)
		n->source[i].readable |= n->source[i].active && n->source[i].stream;
}

void zl_norm_resync(struct zl_norm *n, unsigned source)
{
	n->source[source].in_step = false;
}

/* Where a message begins, of what there is. */
static bool fall_in_step(struct norm_source *s)
{
	s->in_step = s->in_step || NormStreamSeekMsgStart(s->stream);
	return s->in_step;
}

/* libnorm tells of more only once less has been read than was asked for. */
unsigned zl_norm_read(struct zl_norm *n, unsigned source, uint8_t *at, unsigned room)
{
	struct norm_source *s = &n->source[source];

	while (s->readable) {
		unsigned got = room;

		if (!fall_in_step(s)) {
			s->readable = false;
			break;
		}
		if (!NormStreamRead(s->stream, (char *)at, &got)) {
			s->in_step = false;
			n->ops->lost(n->ctx, source);
			continue;
		}
		s->readable = got == room;
		return got;
	}
	return 0;
}
