/* TSDUs into messages (tsdu.h). What lies whole in one is borrowed from it; what runs on is put
 * together in buffers of our own. */
#include <string.h>

#include "dataplane/tsdu.h"

#define LONG      0xff
#define FLAG_MORE 0x01

void zl_tsdu_reader_init(struct zl_tsdu_reader *r, struct rte_mempool *frames,
			 uint64_t max_msg_bytes)
{
	r->frames = frames;
	r->max_msg_bytes = max_msg_bytes;
	r->joined = r->dropping = r->in_body = false;
	r->head_len = r->n = 0;
	r->msg_bytes = 0;
	r->body = (struct zl_chain){0};
}

static void forget_parts(struct zl_tsdu_reader *r)
{
	zl_msgs_unref(r->part, r->n);
	r->n = 0;
	rte_pktmbuf_free(r->body.head);
	r->body = (struct zl_chain){0};
}

void zl_tsdu_reset(struct zl_tsdu_reader *r)
{
	forget_parts(r);
	zl_tsdu_reader_init(r, r->frames, r->max_msg_bytes);
}

/* The message goes on, and is not wanted any more. */
static void drop(struct zl_tsdu_reader *r, const struct zl_tsdu_sink *sink, bool too_long)
{
	forget_parts(r);
	r->dropping = true;
	sink->dropped(sink->ctx, too_long);
}

/* Bytes of the frame's header that there must be, as far as is known. */
static unsigned head_needs(const struct zl_tsdu_reader *r)
{
	return r->head_len && r->head[0] == LONG ? ZL_TSDU_FRAME_MAX : 2;
}

/* false: its length leaves no room for the flags. */
static bool begin_body(struct zl_tsdu_reader *r, const struct zl_tsdu_sink *sink)
{
	uint64_t n = r->head[0];

	if (n == LONG) {
		n = 0;
		for (unsigned i = 1; i < 9; i++)
			n = n << 8 | r->head[i];
	}
	if (n == 0)
		return false;
	r->more = r->head[r->head_len - 1] & FLAG_MORE;
	r->head_len = 0;
	r->body_left = n - 1;
	r->msg_bytes += r->body_left;
	r->in_body = true;
	if (r->dropping)
		return true;
	if ((r->max_msg_bytes && r->msg_bytes > r->max_msg_bytes) ||
	    r->body_left > UINT32_MAX / 2 || r->n == ZL_TSDU_PARTS)
		drop(r, sink, true);
	return true;
}

/* The part is complete: its last n bytes are at `at`, of m. false: no memory. */
static bool end_part(struct zl_tsdu_reader *r, const uint8_t *at, size_t n, struct rte_mbuf *m)
{
	struct zl_msg *part = &r->part[r->n];

	*part = (struct zl_msg){.flags = r->more ? ZL_MSG_MORE : 0};
	if (m && !r->body.head) {
		part->buf = (struct zl_buf *)m;
		part->data = at;
		part->len = (uint32_t)n;
		zl_buf_ref(part->buf, 1);
	} else {
		if (!zl_chain_append(&r->body, r->frames, at, (uint32_t)n))
			return false;
		part->buf = (struct zl_buf *)r->body.head;
		part->data = rte_pktmbuf_mtod(r->body.head, const uint8_t *);
		part->len = r->body.head->pkt_len;
		part->flags |= r->body.head->next ? ZL_MSG_CHAIN : 0;
		r->body = (struct zl_chain){0};
	}
	r->n++;
	return true;
}

static void end_message(struct zl_tsdu_reader *r, const struct zl_tsdu_sink *sink)
{
	unsigned n = r->n;

	r->n = 0;
	r->msg_bytes = 0;
	if (!r->dropping)
		sink->message(sink->ctx, r->part, n);
	r->dropping = false;
}

/* Bytes of the body at hand that are here. */
static size_t take_body(struct zl_tsdu_reader *r, const uint8_t *at, size_t len, struct rte_mbuf *m,
			const struct zl_tsdu_sink *sink)
{
	size_t n = RTE_MIN((uint64_t)len, r->body_left);
	bool last = n == r->body_left;

	r->body_left -= n;
	if (!r->dropping &&
	    !(last ? end_part(r, at, n, m) : zl_chain_append(&r->body, r->frames, at, (uint32_t)n)))
		drop(r, sink, false);
	if (!last)
		return n;
	r->in_body = false;
	if (!r->more)
		end_message(r, sink);
	return n;
}

static bool take(struct zl_tsdu_reader *r, const uint8_t *at, size_t len, struct rte_mbuf *m,
		 const struct zl_tsdu_sink *sink)
{
	while (len || r->in_body) {
		size_t n;

		if (r->in_body) {
			if (!len && r->body_left)
				return true;
			n = take_body(r, at, len, m, sink);
			at += n;
			len -= n;
			if (r->in_body)
				return true;
			continue;
		}
		r->head[r->head_len++] = *at++;
		len--;
		if (r->head_len == head_needs(r) && !begin_body(r, sink))
			return false;
	}
	return true;
}

bool zl_tsdu_read(struct zl_tsdu_reader *r, const uint8_t *at, size_t len, struct rte_mbuf *m,
		  const struct zl_tsdu_sink *sink)
{
	uint16_t first;

	if (len < ZL_TSDU_HEAD) {
		zl_tsdu_reset(r);
		return false;
	}
	first = (uint16_t)(at[0] << 8 | at[1]);
	at += ZL_TSDU_HEAD;
	len -= ZL_TSDU_HEAD;
	if (!r->joined) {
		if (first == ZL_TSDU_NONE)
			return true;
		if (first > len)
			return false;
		at += first;
		len -= first;
		r->joined = true;
	}
	if (take(r, at, len, m, sink))
		return true;
	zl_tsdu_reset(r);
	return false;
}
