/* Messages into NORM's streams, and out of them (norm_stream.h). */
#include "dataplane/norm_stream.h"

#include <string.h>

#define FIRST 0x00
#define LATER 0xff

/* --- out --- */

static unsigned head_of(const struct zl_norm_writer *w, const struct zl_msg *part, uint8_t *head)
{
	head[0] = w->mid_message ? LATER : FIRST;
	return 1 +
	       zl_frame_build(head + 1, part->flags & ZL_MSG_MORE ? ZL_FRAME_MORE : 0, part->len);
}

unsigned zl_norm_lay_out(const struct zl_norm_writer *w, const struct zl_msg *part, uint8_t *at,
			 unsigned room)
{
	uint8_t head[ZL_NORM_HEAD_MAX];
	unsigned head_len = head_of(w, part, head), n = 0;
	struct zl_msg_reader r;
	uint32_t from = w->done, body;

	if (from < head_len) {
		n = RTE_MIN(head_len - from, room);
		memcpy(at, head + from, n);
		from += n;
	}
	if (from < head_len)
		return n;
	body = RTE_MIN(part->len - (from - head_len), room - n);
	zl_msg_read_begin(&r, part);
	zl_msg_skip(&r, from - head_len);
	zl_msg_read(&r, at + n, body);
	return n + body;
}

bool zl_norm_gone(struct zl_norm_writer *w, const struct zl_msg *part, unsigned n)
{
	uint8_t head[ZL_NORM_HEAD_MAX];

	w->done += n;
	if (w->done < (uint64_t)head_of(w, part, head) + part->len)
		return false;
	w->done = 0;
	w->mid_message = part->flags & ZL_MSG_MORE;
	return true;
}

/* --- in --- */

void zl_norm_reader_init(struct zl_norm_reader *r, struct rte_mempool *frames,
			 uint64_t max_msg_bytes)
{
	zl_assembly_init(&r->message, frames, max_msg_bytes);
	r->joined = r->mid_message = false;
	r->head_len = 0;
}

void zl_norm_reader_reset(struct zl_norm_reader *r)
{
	zl_assembly_reset(&r->message);
	r->joined = r->mid_message = false;
	r->head_len = 0;
}

/* Who joins may do so in the middle of a message, whose rest is passed over. */
static bool begin_part(struct zl_norm_reader *r, const struct zl_frame *f,
		       const struct zl_assembly_sink *sink)
{
	bool first = r->head[0] == FIRST;

	if (f->flags & ZL_FRAME_COMMAND)
		return false;
	if (first == r->mid_message) {
		if (r->joined)
			return false;
		r->message.dropping = true;
	}
	r->joined = true;
	r->mid_message = f->flags & ZL_FRAME_MORE;
	r->head_len = 0;
	zl_assembly_begin(&r->message, f->len, r->mid_message, sink);
	return true;
}

bool zl_norm_reader_take(struct zl_norm_reader *r, const uint8_t *at, size_t len,
			 struct rte_mbuf *m, const struct zl_assembly_sink *sink)
{
	struct zl_frame f;
	int got = 0;

	while (len || (r->message.in_body && !r->message.body_left)) {
		if (r->message.in_body) {
			size_t n = zl_assembly_take(&r->message, at, len, m, sink);

			at += n;
			len -= n;
			continue;
		}
		r->head[r->head_len++] = *at++;
		len--;
		if (r->head_len > 1)
			got = zl_frame_parse(r->head + 1, r->head_len - 1, &f);
		if (got < 0 || (got > 0 && !begin_part(r, &f, sink))) {
			zl_norm_reader_reset(r);
			return false;
		}
		got = 0;
	}
	return true;
}
