/* TSDUs into messages (tsdu.h). */
#include "dataplane/tsdu.h"

#define LONG      0xff
#define FLAG_MORE 0x01

void zl_tsdu_reader_init(struct zl_tsdu_reader *r, struct rte_mempool *frames,
			 uint64_t max_msg_bytes)
{
	zl_assembly_init(&r->message, frames, max_msg_bytes);
	r->joined = false;
	r->head_len = 0;
}

void zl_tsdu_reset(struct zl_tsdu_reader *r)
{
	zl_assembly_reset(&r->message);
	r->joined = false;
	r->head_len = 0;
}

/* Bytes of the frame's header that there must be, as far as is known. */
static unsigned head_needs(const struct zl_tsdu_reader *r)
{
	return r->head_len && r->head[0] == LONG ? ZL_TSDU_FRAME_MAX : 2;
}

/* false: its length leaves no room for the flags. */
static bool begin_body(struct zl_tsdu_reader *r, const struct zl_assembly_sink *sink)
{
	uint64_t n = r->head[0];

	if (n == LONG) {
		n = 0;
		for (unsigned i = 1; i < 9; i++)
			n = n << 8 | r->head[i];
	}
	if (n == 0)
		return false;
	zl_assembly_begin(&r->message, n - 1, r->head[r->head_len - 1] & FLAG_MORE, sink);
	r->head_len = 0;
	return true;
}

/* A message of one part that is here whole, with a short header: nearly always. Bytes taken; 0: it
 * is none. */
static size_t take_short(struct zl_tsdu_reader *r, const uint8_t *at, size_t len,
			 struct rte_mbuf *m, const struct zl_assembly_sink *sink)
{
	size_t n;

	if (r->head_len || len < 2 || at[0] == LONG || !at[0] || at[1] & FLAG_MORE)
		return 0;
	n = at[0] - 1u;
	return n <= len - 2 && zl_assembly_single(&r->message, at + 2, n, m, sink) ? 2 + n : 0;
}

static bool take(struct zl_tsdu_reader *r, const uint8_t *at, size_t len, struct rte_mbuf *m,
		 const struct zl_assembly_sink *sink)
{
	while (len || r->message.in_body) {
		size_t n;

		if ((n = take_short(r, at, len, m, sink))) {
			at += n;
			len -= n;
			continue;
		}
		if (r->message.in_body) {
			if (!len && r->message.body_left)
				return true;
			n = zl_assembly_take(&r->message, at, len, m, sink);
			at += n;
			len -= n;
			if (r->message.in_body)
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
		  const struct zl_assembly_sink *sink)
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
