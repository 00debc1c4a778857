/* Bytes to messages. Frames that lie whole in a buffer are cut where they lie, as descriptors into
 * a batch that may cover many buffers; the rest goes through gather.c. A batch goes up in one call,
 * and the references that the session holds on its buffers are dropped after it. What the owner
 * does not take, and the parts of a message that is not whole, move to parts.c. */
#include <string.h>

#include "dataplane/zmtp/envelope.h"

#define BATCH     128 /* parts that are worth a call; a message that is open goes on beyond */
#define BATCH_MAX ZL_ZMTP_PARTS_A_CALL

struct batch {
	unsigned n, bufs;
	struct zl_msg msg[BATCH_MAX];
	struct rte_mbuf *buf[BATCH_MAX]; /* used up, to be let go after the call */
};

bool next_buffer(struct zl_session *s)
{
	if (s->rx)
		return true;
	s->rx = s->stream->ops->take(s->stream);
	if (!s->rx)
		return false;
	s->rx_off = 0;
	s->rx_cut = false;
	s->inputs++;
	s->unconsumed += s->rx->data_len;
	return true;
}

void buffer_done(struct zl_session *s)
{
	if (!s->rx || s->rx_off < s->rx->data_len)
		return;
	zl_buf_unref(buf_of(s->rx), 1);
	s->rx = NULL;
}

/* As buffer_done, where descriptors of the batch may point into the buffer. */
static void batch_buffer_done(struct zl_session *s, struct batch *b)
{
	if (!s->rx || s->rx_off < s->rx->data_len)
		return;
	if (s->rx_cut) {
		b->buf[b->bufs++] = s->rx;
		s->rx = NULL;
	} else {
		buffer_done(s);
	}
}

/* In the middle of a message at the end of the batch? */
static bool in_message(const struct zl_session *s, const struct batch *b)
{
	return b->n ? b->msg[b->n - 1].flags & ZL_MSG_MORE : parts_unfinished(s);
}

/* Parts up to the end of the last whole message. */
static unsigned whole_parts(const struct batch *b, unsigned from)
{
	unsigned n = b->n;

	while (n > from && b->msg[n - 1].flags & ZL_MSG_MORE)
		n--;
	return n;
}

/* The batch's first parts belong behind what is kept, if that is unfinished: how many did. */
static unsigned finish_kept(struct zl_session *s, struct batch *b, enum zl_zmtp_counter *why)
{
	unsigned n = 0;

	if (!s->parts.n)
		return 0;
	while (n < b->n && b->msg[n++].flags & ZL_MSG_MORE)
		;
	*why = parts_push(s, b->msg, n);
	if (*why == FINE && !parts_deliver(s))
		s->stalled = true;
	return n;
}

static void let_go(struct batch *b)
{
	for (unsigned i = 0; i < b->bufs; i++)
		zl_buf_unref(buf_of(b->buf[i]), 1);
	b->n = b->bufs = 0;
}

/* Everything in the batch goes up or is kept. */
static enum zl_zmtp_counter flush(struct zl_session *s, struct batch *b)
{
	enum zl_zmtp_counter why = FINE;
	unsigned from, whole;

	if (!b->n) {
		let_go(b);
		return FINE;
	}
	from = finish_kept(s, b, &why);
	whole = whole_parts(b, from);
	s->zmtp->counter[ZL_ZMTP_parts_in] += b->n;
	if (why == FINE && !s->stalled && whole > from && s->state != ZL_SESSION_ENDED) {
		unsigned taken = s->zmtp->ops->deliver(s, b->msg + from, whole - from);

		RTE_ASSERT(taken <= whole - from);
		from += taken;
		s->stalled = from < whole;
	}
	if (s->stalled)
		s->zmtp->counter[ZL_ZMTP_stalls]++;
	if (why == FINE && s->state != ZL_SESSION_ENDED)
		why = parts_push(s, b->msg + from, b->n - from);
	else
		s->zmtp->counter[ZL_ZMTP_parts_lost] += b->n - from;
	let_go(b);
	return why;
}

/* The loop that all of this is for: short message frames that lie whole in the buffer. */
static void cut_short(struct zl_session *s, struct batch *b, unsigned limit)
{
	struct rte_mbuf *m = s->rx;
	const uint8_t *start = rte_pktmbuf_mtod(m, const uint8_t *);
	const uint8_t *p = start + s->rx_off, *end = start + m->data_len;
	struct zl_msg *out = b->msg + b->n, *stop = b->msg + limit;
	uint64_t bytes = s->msg_bytes, max = s->max_msg_bytes;

	while (out < stop && end - p >= ZL_FRAME_SHORT_HEADER) {
		uint32_t len = p[1];
		uint8_t flags = p[0];

		if (flags & ~ZL_FRAME_MORE || end - p - ZL_FRAME_SHORT_HEADER < len ||
		    bytes + len > max)
			break;
		*out++ = (struct zl_msg){.buf = buf_of(m),
					 .data = p + ZL_FRAME_SHORT_HEADER,
					 .len = len,
					 .flags = flags,
					 .wire = ZL_FRAME_SHORT_HEADER};
		bytes = flags ? bytes + len : 0;
		p += ZL_FRAME_SHORT_HEADER + len;
	}
	if (out > b->msg + b->n)
		s->rx_cut = true;
	b->n = (unsigned)(out - b->msg);
	s->rx_off = (uint32_t)(p - start);
	s->msg_bytes = bytes;
}
_Static_assert((int)ZL_FRAME_MORE == (int)ZL_MSG_MORE, "a short frame's flags are a part's");

/* One frame, whole: a part, or a command. Its buffer stays until the batch has gone up. */
static enum zl_zmtp_counter one_frame(struct zl_session *s, struct batch *b, struct zl_msg *m,
				      uint8_t flags)
{
	enum zl_zmtp_counter why = FINE;
	struct rte_mbuf *fresh;

	if (s->envelope) {
		why = s->envelope->open(s, m, &flags, &fresh);
		if (fresh)
			b->buf[b->bufs++] = fresh;
		if (why != FINE)
			return why;
		if (m->len > s->max_msg_bytes - s->msg_bytes)
			return ZL_ZMTP_message_too_long;
	}
	if (m->flags & (ZL_MSG_SUBSCRIBE | ZL_MSG_CANCEL)) {
		if (in_message(s, b))
			return ZL_ZMTP_bad_command;
		if (!s->takes_subscriptions) {
			s->zmtp->counter[ZL_ZMTP_commands_ignored]++;
			return FINE;
		}
		s->zmtp->counter[ZL_ZMTP_subscriptions_in]++;
	} else if (flags & ZL_FRAME_COMMAND) {
		if (!command_input(s, m, in_message(s, b), &why))
			return why;
		s->zmtp->counter[ZL_ZMTP_subscriptions_in]++;
	} else {
		s->msg_bytes = m->flags & ZL_MSG_MORE ? s->msg_bytes + m->len : 0;
	}
	b->msg[b->n++] = *m;
	return FINE;
}

static enum zl_zmtp_counter gather_one(struct zl_session *s, struct batch *b)
{
	enum zl_zmtp_counter why = gather(s);

	batch_buffer_done(s, b);
	if (why == FINE && gather_complete(s)) {
		uint8_t flags = s->frame.flags;
		struct zl_msg m;

		gather_take(s, &m);
		b->buf[b->bufs++] = mbuf_of(&m);
		why = one_frame(s, b, &m, flags);
	}
	return why;
}

/* At rx_off is something else than cut_short knows: a long frame, a command, a frame that does not
 * end in this buffer, or nonsense. */
static enum zl_zmtp_counter cut_other(struct zl_session *s, struct batch *b)
{
	const uint8_t *p = rte_pktmbuf_mtod_offset(s->rx, const uint8_t *, s->rx_off);
	uint32_t left = s->rx->data_len - s->rx_off;
	struct zl_frame f;
	int n = zl_frame_parse(p, left, &f);
	enum zl_zmtp_counter why = frame_check(s, n, &f);
	struct zl_msg m;

	if (why != FINE)
		return why;
	if (n == 0 || f.len > left - f.header_len)
		return gather_one(s, b);
	m = (struct zl_msg){.buf = buf_of(s->rx),
			    .data = p + f.header_len,
			    .len = (uint32_t)f.len,
			    .flags = f.flags & ZL_FRAME_MORE,
			    .wire = f.header_len};
	s->rx_off += f.header_len + (uint32_t)f.len;
	s->rx_cut = true;
	return one_frame(s, b, &m, f.flags);
}

/* Frames of ZMTP 1.0 that lie whole in the buffer. Their headers are of use to nobody else, so the
 * parts have none. */
static void cut_whole_old(struct zl_session *s, struct batch *b, unsigned limit)
{
	struct rte_mbuf *m = s->rx;
	struct zl_frame f;
	int n;

	while (b->n < limit && s->rx_off < m->data_len) {
		const uint8_t *p = rte_pktmbuf_mtod_offset(m, const uint8_t *, s->rx_off);
		uint32_t left = m->data_len - s->rx_off;

		n = zl_old_frame_parse(p, left, &f);
		if (n <= 0 || f.flags & ZL_FRAME_VOID || f.len > left - f.header_len ||
		    s->msg_bytes + f.len > s->max_msg_bytes)
			return;
		b->msg[b->n++] = (struct zl_msg){
			.buf = buf_of(m), .data = p + n, .len = (uint32_t)f.len, .flags = f.flags};
		s->msg_bytes = f.flags ? s->msg_bytes + f.len : 0;
		s->rx_off += f.header_len + (uint32_t)f.len;
		s->rx_cut = true;
	}
}

static enum zl_zmtp_counter cut_old(struct zl_session *s, struct batch *b, unsigned limit)
{
	enum zl_zmtp_counter why;
	struct zl_frame f;
	int n;

	cut_whole_old(s, b, limit);
	if (s->rx_off == s->rx->data_len || b->n == limit)
		return FINE;
	n = zl_old_frame_parse(rte_pktmbuf_mtod_offset(s->rx, const uint8_t *, s->rx_off),
			       s->rx->data_len - s->rx_off, &f);
	why = frame_check(s, n, &f);
	if (why != FINE)
		return why;
	if (n == 0 || !(f.flags & ZL_FRAME_VOID))
		return gather_one(s, b);
	s->rx_off += f.header_len;
	s->zmtp->counter[ZL_ZMTP_frames_void]++;
	return FINE;
}

/* Goes on to the end of an open message, so that it need not be kept. */
static bool batch_full(const struct zl_session *s, const struct batch *b)
{
	return b->n >= BATCH_MAX - 1 || b->bufs >= BATCH_MAX - 3 ||
	       (b->n >= BATCH && !in_message(s, b));
}

/* Bytes without frames: what is in the buffer is a message. */
static void cut_raw(struct zl_session *s, struct batch *b)
{
	b->msg[b->n++] = (struct zl_msg){
		.buf = buf_of(s->rx),
		.data = rte_pktmbuf_mtod_offset(s->rx, const uint8_t *, s->rx_off),
		.len = s->rx->data_len - s->rx_off,
	};
	s->rx_off = s->rx->data_len;
	s->rx_cut = true;
}

static enum zl_zmtp_counter cut_new(struct zl_session *s, struct batch *b, unsigned limit)
{
	if (!s->envelope)
		cut_short(s, b, limit);
	return s->rx_off < s->rx->data_len && !batch_full(s, b) ? cut_other(s, b) : FINE;
}

/* Frames that begin in the buffer, and end there if they are short. */
static enum zl_zmtp_counter cut_frames(struct zl_session *s, struct batch *b)
{
	unsigned limit = b->n < BATCH ? BATCH : b->n + 1;

	switch (s->framing) {
	case ZL_FRAMING_OLD:
		return cut_old(s, b, limit);
	case ZL_FRAMING_NONE:
		cut_raw(s, b);
		return FINE;
	case ZL_FRAMING_ZMTP:
	case ZL_FRAMINGS:
		break;
	}
	return cut_new(s, b, limit);
}

/* A PUB or XPUB takes a part that begins with 1 or 0 for a subscription, as ZMTP 2.0 and 3.0 peers
 * send it and as libzmq's XPUB takes it from any; ZMQ_ONLY_FIRST_SUBSCRIBE: the first part decides.
 */
static void mark_subscriptions(struct zl_session *s, struct batch *b, unsigned from, bool inside)
{
	for (unsigned i = from; i < b->n; i++) {
		struct zl_msg *m = &b->msg[i];
		bool first = !inside, one = m->len && m->data[0] <= 1;

		inside = m->flags & ZL_MSG_MORE;
		if (m->flags & (ZL_MSG_SUBSCRIBE | ZL_MSG_CANCEL))
			continue;
		if (first)
			s->subscribing = one || !s->only_first_subscribes;
		if (!one || !s->subscribing)
			continue;
		m->flags |= m->data[0] ? ZL_MSG_SUBSCRIBE : ZL_MSG_CANCEL;
		m->data++;
		m->len--;
		m->wire = 0;
		s->zmtp->counter[ZL_ZMTP_subscriptions_in]++;
	}
}

/* One buffer, or what is left of it. */
static enum zl_zmtp_counter cut_buffer(struct zl_session *s, struct batch *b)
{
	enum zl_zmtp_counter why = FINE;
	unsigned from = b->n;
	bool inside = in_message(s, b);

	if (gathering(s)) {
		why = gather_one(s, b);
	} else {
		why = cut_frames(s, b);
		if (why == FINE)
			batch_buffer_done(s, b);
	}
	if (s->takes_subscriptions)
		mark_subscriptions(s, b, from, inside);
	if (why == FINE && batch_full(s, b))
		why = flush(s, b);
	return why;
}

/* The peer has closed, and everything that came before has gone up. */
static void end_of_stream(struct zl_session *s)
{
	switch (s->state) {
	case ZL_SESSION_SIGNATURE:
	case ZL_SESSION_GREETING:
		session_end(s, ZL_ZMTP_half_greeting, true);
		return;
	case ZL_SESSION_HANDSHAKE:
		session_end(s, ZL_ZMTP_closed_in_handshake, true);
		return;
	case ZL_SESSION_TRAFFIC:
		session_end(s,
			    gathering(s) || parts_unfinished(s) ? ZL_ZMTP_truncated
								: ZL_ZMTP_closed_by_peer,
			    true);
		return;
	case ZL_SESSION_ENDED:
		return;
	}
}

static bool reads(const struct zl_session *s)
{
	return s->state != ZL_SESSION_ENDED && !s->stalled && !s->held;
}

static enum zl_zmtp_counter receive(struct zl_session *s, struct batch *b)
{
	enum zl_zmtp_counter why = FINE, flushed;

	while (why == FINE && reads(s)) {
		if (s->state != ZL_SESSION_TRAFFIC) {
			if (!handshake_input(s, &why))
				break;
		} else {
			if (!next_buffer(s))
				break;
			why = cut_buffer(s, b);
		}
	}
	flushed = flush(s, b);
	return why == FINE ? flushed : why;
}

void zl_session_input(struct zl_session *s)
{
	enum zl_zmtp_counter why;
	struct batch b;

	if (s->reading || s->state == ZL_SESSION_ENDED || s->held)
		return;
	s->reading = true;
	s->stalled = !parts_deliver(s);
	b.n = b.bufs = 0;
	why = receive(s, &b);
	s->reading = false;
	if (why != FINE)
		session_end(s, why, false);
	if (!reads(s))
		return;
	if (s->unconsumed)
		s->stream->ops->consumed(s->stream, s->unconsumed);
	s->unconsumed = 0;
	if (s->stream->peer_closed && !s->stream_gone)
		end_of_stream(s);
}
