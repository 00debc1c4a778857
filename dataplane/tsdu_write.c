/* Messages into TSDUs (tsdu.h). */
#include <string.h>

#include "dataplane/ring/chain.h"
#include "dataplane/tsdu.h"

#define LONG      0xff /* instead of a length: eight bytes follow */
#define SHORT_MAX 253  /* bytes of a body whose length, flags included, one byte tells */
#define FLAG_MORE 0x01

void zl_tsdu_begin(struct zl_tsdu_writer *w, uint8_t *at, unsigned room)
{
	w->at = at;
	w->room = room;
	w->len = ZL_TSDU_HEAD;
	w->first = ZL_TSDU_NONE;
}

unsigned zl_tsdu_end(struct zl_tsdu_writer *w)
{
	w->at[0] = (uint8_t)(w->first >> 8);
	w->at[1] = (uint8_t)w->first;
	w->at = NULL;
	return w->len;
}

/* RFC 13: the length counts the flags. */
static unsigned frame_head(uint8_t *head, const struct zl_msg *part)
{
	uint64_t n = 1 + (uint64_t)part->len;
	unsigned at = 0;

	if (part->len <= SHORT_MAX) {
		head[at++] = (uint8_t)n;
	} else {
		head[at++] = LONG;
		for (int i = 7; i >= 0; i--)
			head[at++] = (uint8_t)(n >> (8 * i));
	}
	head[at++] = part->flags & ZL_MSG_MORE ? FLAG_MORE : 0;
	return at;
}

static uint32_t room_of(const struct zl_tsdu_writer *w)
{
	return w->room - w->len;
}

/* A part that has not begun, short and in one piece, and that there is room for: nearly always. */
static bool put_whole(struct zl_tsdu_writer *w, const struct zl_msg *part)
{
	uint8_t *at = w->at + w->len;

	if (w->done || part->len > SHORT_MAX || part->flags & ZL_MSG_CHAIN ||
	    part->len + 2 > room_of(w))
		return false;
	at[0] = (uint8_t)(1 + part->len);
	at[1] = part->flags & ZL_MSG_MORE ? FLAG_MORE : 0;
	memcpy(at + 2, part->data, part->len);
	w->len += 2 + part->len;
	w->mid_message = part->flags & ZL_MSG_MORE;
	return true;
}

bool zl_tsdu_put(struct zl_tsdu_writer *w, const struct zl_msg *part)
{
	uint8_t head[ZL_TSDU_FRAME_MAX];
	uint32_t head_len, n;

	if (!room_of(w))
		return false;
	if (!w->done && !w->mid_message && w->first == ZL_TSDU_NONE)
		w->first = (uint16_t)(w->len - ZL_TSDU_HEAD);
	if (put_whole(w, part))
		return true;
	head_len = frame_head(head, part);
	if (w->done < head_len) {
		n = RTE_MIN(head_len - w->done, room_of(w));
		memcpy(w->at + w->len, head + w->done, n);
		w->len += n;
		w->done += n;
	}
	if (w->done >= head_len && part->len) {
		if (w->done == head_len)
			zl_msg_read_begin(&w->body, part);
		n = RTE_MIN(part->len - (w->done - head_len), room_of(w));
		zl_msg_read(&w->body, w->at + w->len, n);
		w->len += n;
		w->done += n;
	}
	if (w->done < head_len || w->done - head_len < part->len)
		return false;
	w->done = 0;
	w->mid_message = part->flags & ZL_MSG_MORE;
	return true;
}
