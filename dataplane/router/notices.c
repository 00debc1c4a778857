/* Messages of a pattern's own (notices.h). */
#include "dataplane/router/notices.h"

#include <stdlib.h>

enum {
	FIRST_SLOTS = 8
};

static void let_go(struct zl_notice *m)
{
	for (unsigned i = 0; i < m->parts; i++)
		zl_buf_unref(m->part[i].buf, 1);
}

void zl_notices_close(struct zl_notices *q)
{
	for (uint32_t i = 0; i < q->n; i++)
		let_go(&q->at[(q->first + i) % q->max]);
	free(q->at);
	*q = (struct zl_notices){0};
}

static bool grow(struct zl_notices *q)
{
	uint32_t max = q->max ? q->max * 2 : FIRST_SLOTS;
	struct zl_notice *more;

	if (q->n < q->max)
		return true;
	more = malloc(max * sizeof(*more));
	if (!more)
		return false;
	for (uint32_t i = 0; i < q->n; i++)
		more[i] = q->at[(q->first + i) % q->max];
	free(q->at);
	q->at = more;
	q->first = 0;
	q->max = max;
	return true;
}

void zl_notices_add(struct zl_socket *s, struct zl_notices *q, const struct zl_msg *label,
		    const uint8_t *bytes, size_t len)
{
	struct zl_notice *m;
	const uint8_t *data;
	struct zl_buf *buf = NULL;

	if (grow(q))
		buf = s->ops->buffer(s->ctx, bytes ? bytes : (const uint8_t *)"", (uint32_t)len,
				     &data);
	if (!buf) {
		s->counter[ZL_ROUTER_dropped_notices]++;
		return;
	}
	m = &q->at[(q->first + q->n++) % q->max];
	m->parts = 0;
	if (label) {
		zl_buf_ref(label->buf, 1);
		m->part[m->parts++] = *label;
	}
	m->part[m->parts++] = (struct zl_msg){.buf = buf, .data = data, .len = (uint32_t)len};
}

void zl_notices_flush(struct zl_socket *s, struct zl_notices *q, const struct zl_inbox *in)
{
	while (q->n && !in->mid) {
		struct zl_notice *m = &q->at[q->first];

		if (s->ops->has_room && !s->ops->has_room(s->ctx, m->parts))
			return;
		if (s->ops->receive(s->ctx, m->part, m->parts) == 0)
			return;
		let_go(m);
		q->first = (q->first + 1) % q->max;
		q->n--;
	}
}
