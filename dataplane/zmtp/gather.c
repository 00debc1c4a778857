/* Frames that are spread over buffers. One that fits a buffer is copied into a fresh one, header in
 * front, so that it can be forwarded as it came. A longer one becomes a chain that belongs to its
 * message alone: a head of ours with the header and the first bytes, which is all that anybody
 * compares with, then the peer's buffers as they are, or an indirect to the piece of a buffer that
 * holds other frames as well. Pieces that fill less than half of their buffer are moved together,
 * so that a stranger who sends tiny segments cannot pin the pool. */
#include <errno.h>
#include <string.h>

#include "dataplane/zmtp/envelope.h"

/* Header and first bytes in a chain's own head. Not more: a send queue may attach to later segments
 * but must copy a chain's head (ring/buf_mbuf.c), and copies pieces below 256 anyway. */
#define HEAD_BYTES 255

bool gathering(const struct zl_session *s)
{
	return s->frame.head || s->frame.header_len;
}

bool gather_complete(const struct zl_session *s)
{
	return s->frame.head && s->frame.have == s->frame.want;
}

void gather_clear(struct zl_session *s)
{
	if (s->frame.head)
		zl_buf_unref(buf_of(s->frame.head), 1);
	memset(&s->frame, 0, sizeof(s->frame));
}

enum zl_zmtp_counter frame_check(const struct zl_session *s, int parsed, const struct zl_frame *f)
{
	const struct zl_envelope *e = s->state == ZL_SESSION_TRAFFIC ? s->envelope : NULL;

	if (parsed == -EBADMSG)
		return ZL_ZMTP_bad_frame_flags;
	if (parsed < 0)
		return ZL_ZMTP_frame_too_long;
	if (parsed == 0)
		return FINE;
	if (f->flags & ZL_FRAME_COMMAND && s->version && s->version < ZL_ZMTP_V3_0)
		return ZL_ZMTP_bad_frame_flags;
	if (e && f->flags & ZL_FRAME_MORE)
		return ZL_ZMTP_not_boxed;
	if (e) /* what is in it is looked at when it is open */
		return f->len > s->max_msg_bytes - s->msg_bytes + e->overhead ||
				       f->len > ZL_ZMTP_MSG_MAX
			       ? ZL_ZMTP_frame_too_long
			       : FINE;
	if (f->flags & ZL_FRAME_COMMAND)
		return f->len > COMMAND_MAX ? ZL_ZMTP_command_too_long : FINE;
	if (s->state != ZL_SESSION_TRAFFIC)
		return ZL_ZMTP_handshake_not_command;
	if (f->len > s->max_msg_bytes)
		return ZL_ZMTP_frame_too_long;
	return f->len > s->max_msg_bytes - s->msg_bytes ? ZL_ZMTP_message_too_long : FINE;
}

static uint32_t rx_left(const struct zl_session *s)
{
	return s->rx->data_len - s->rx_off;
}

static const uint8_t *rx_at(const struct zl_session *s)
{
	return rte_pktmbuf_mtod_offset(s->rx, const uint8_t *, s->rx_off);
}

static void append(struct zl_session *s, struct rte_mbuf *to, const uint8_t *bytes, uint32_t n)
{
	memcpy(rte_pktmbuf_mtod_offset(to, uint8_t *, to->data_len), bytes, n);
	to->data_len += (uint16_t)n;
	s->frame.head->pkt_len += n;
}

static void count_in(struct zl_session *s, uint32_t n)
{
	s->rx_off += n;
	s->frame.have += n;
}

static enum zl_zmtp_counter start(struct zl_session *s, uint8_t flags, uint64_t want)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(s->zmtp->frames);

	if (!m)
		return ZL_ZMTP_no_memory;
	s->frame.head = s->frame.last = m;
	s->frame.flags = flags;
	s->frame.want = want;
	s->frame.have = 0;
	append(s, m, s->frame.header, s->frame.header_len);
	return FINE;
}

/* The header, a byte at a time if need be; the frame has a head once it is complete. */
static enum zl_zmtp_counter header(struct zl_session *s)
{
	while (rx_left(s)) {
		struct zl_frame f;
		enum zl_zmtp_counter why;
		int n;

		s->frame.header[s->frame.header_len++] = *rx_at(s);
		s->rx_off++;
		n = (s->framing == ZL_FRAMING_OLD ? zl_old_frame_parse : zl_frame_parse)(
			s->frame.header, s->frame.header_len, &f);
		why = frame_check(s, n, &f);
		if (why != FINE)
			return why;
		if (n > 0 && f.flags & ZL_FRAME_VOID) {
			s->frame.header_len = 0;
			s->zmtp->counter[ZL_ZMTP_frames_void]++;
		} else if (n > 0) {
			return start(s, f.flags, f.len);
		}
	}
	return FINE;
}

static bool fits_one_buffer(const struct zl_session *s)
{
	return s->frame.header_len + s->frame.want <= room_of(s->frame.head);
}

static void link_segment(struct zl_session *s, struct rte_mbuf *m)
{
	struct rte_mbuf *head = s->frame.head;

	if (s->frame.last == head)
		s->zmtp->counter[ZL_ZMTP_frames_chained]++;
	s->frame.last->next = m;
	s->frame.last = m;
	head->pkt_len += m->data_len;
	if (head->nb_segs < UINT16_MAX) /* nobody walks by it; a frame may have more */
		head->nb_segs++;
}

/* rx is ours alone and the frame goes on to its end. */
static void link_whole(struct zl_session *s)
{
	struct rte_mbuf *m = s->rx;
	uint32_t n = rx_left(s);

	m->data_off += (uint16_t)s->rx_off;
	m->data_len = (uint16_t)n;
	m->pkt_len = n;
	m->nb_segs = 1;
	link_segment(s, m);
	s->frame.have += n;
	s->rx = NULL;
}

static bool link_piece(struct zl_session *s, uint32_t n)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(s->zmtp->indirect);

	if (!m)
		return false;
	rte_pktmbuf_attach(m, s->rx);
	m->ol_flags &= RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;
	m->data_off = (uint16_t)(s->rx->data_off + s->rx_off);
	m->data_len = (uint16_t)n;
	m->pkt_len = n;
	link_segment(s, m);
	count_in(s, n);
	return true;
}

/* To the end of the chain, in buffers that hold nothing but copies or are otherwise ours alone. */
static enum zl_zmtp_counter copy_piece(struct zl_session *s, uint32_t n)
{
	s->zmtp->counter[ZL_ZMTP_bytes_copied_in] += n;
	while (n) {
		struct rte_mbuf *last = s->frame.last;
		uint32_t room = 0;

		if (last != s->frame.head && RTE_MBUF_DIRECT(last) &&
		    rte_mbuf_refcnt_read(last) == 1)
			room = RTE_MIN(rte_pktmbuf_tailroom(last), n);
		if (!room) {
			struct rte_mbuf *m = rte_pktmbuf_alloc(s->zmtp->frames);

			if (!m)
				return ZL_ZMTP_no_memory;
			link_segment(s, m);
			continue;
		}
		append(s, last, rx_at(s), room);
		count_in(s, room);
		n -= room;
	}
	return FINE;
}

static enum zl_zmtp_counter body(struct zl_session *s)
{
	uint32_t n = (uint32_t)RTE_MIN((uint64_t)rx_left(s), s->frame.want - s->frame.have);
	uint32_t in_head = s->frame.head->data_len;

	if (fits_one_buffer(s) || in_head < HEAD_BYTES) {
		if (!fits_one_buffer(s))
			n = RTE_MIN(n, HEAD_BYTES - in_head);
		s->zmtp->counter[ZL_ZMTP_bytes_copied_in] += n;
		append(s, s->frame.head, rx_at(s), n);
		count_in(s, n);
		return FINE;
	}
	if (n < room_of(s->rx) / 2)
		return copy_piece(s, n);
	if (n == rx_left(s) && !s->rx_cut && rte_mbuf_refcnt_read(s->rx) == 1) {
		link_whole(s);
		return FINE;
	}
	return link_piece(s, n) ? FINE : copy_piece(s, n);
}

static enum zl_zmtp_counter fill(struct zl_session *s)
{
	enum zl_zmtp_counter why = FINE;

	while (why == FINE && s->rx && rx_left(s) && s->frame.have < s->frame.want)
		why = body(s);
	return why;
}

enum zl_zmtp_counter gather(struct zl_session *s)
{
	if (!s->frame.head) {
		enum zl_zmtp_counter why = header(s);

		if (why != FINE || !s->frame.head)
			return why;
	}
	return fill(s);
}

enum zl_zmtp_counter gather_plain(struct zl_session *s, uint32_t want)
{
	if (!s->frame.head) {
		enum zl_zmtp_counter why = start(s, 0, want);

		if (why != FINE)
			return why;
	}
	s->frame.want = want;
	return fill(s);
}

void gather_take(struct zl_session *s, struct zl_msg *m)
{
	struct rte_mbuf *head = s->frame.head;

	if (!head->next)
		s->zmtp->counter[ZL_ZMTP_frames_gathered]++;
	*m = (struct zl_msg){
		.buf = buf_of(head),
		.data = rte_pktmbuf_mtod_offset(head, const uint8_t *, s->frame.header_len),
		.len = (uint32_t)s->frame.want,
		.flags = (s->frame.flags & ZL_FRAME_MORE ? ZL_MSG_MORE : 0) |
			 (head->next ? ZL_MSG_CHAIN : 0),
		.wire = s->framing == ZL_FRAMING_OLD ? 0 : s->frame.header_len,
	};
	memset(&s->frame, 0, sizeof(s->frame));
}
