/* A session's life: it takes over a stream, hears its events, and ends. Memory that callers up the
 * stack may still be reading is given back in zl_zmtp_poll, where the end is reported. */
#include <errno.h>
#include <string.h>

#include <sodium.h>

#include "dataplane/ring/msg.h"
#include "dataplane/zmtp/envelope.h"
#include "dataplane/zmtp/wrap.h"

static struct zl_stages uncounted; /* never on, never written */

void zl_zmtp_init(struct zl_zmtp *z, const struct zl_session_ops *ops, struct rte_mempool *frames,
		  struct rte_mempool *indirect)
{
	memset(z, 0, sizeof(*z));
	z->ops = ops;
	z->frames = frames;
	z->indirect = indirect;
	z->stages = &uncounted;
}

void zl_zmtp_fini(struct zl_zmtp *z)
{
	if (z->tail)
		zl_buf_unref(buf_of(z->tail), 1);
	z->tail = NULL;
}

/* Has it frames that are not everybody's? */
static bool apart(const struct zl_session *s)
{
	return s->framing != ZL_FRAMING_ZMTP || s->envelope;
}

static void give_back(struct zl_session *s)
{
	gather_clear(s);
	parts_clear(s);
	if (s->envelope && s->envelope->end)
		s->envelope->end(s);
	if (s->rx)
		zl_buf_unref(buf_of(s->rx), 1);
	s->rx = NULL;
}

void zl_zmtp_poll(struct zl_zmtp *z)
{
	struct zl_session *s = z->ended;

	z->ended = NULL;
	while (s) {
		struct zl_session *next = s->next;

		give_back(s);
		z->ops->closed(s, s->reason);
		s = next;
	}
}

/* A stream whose session is over and which is still sending: what comes in is thrown away. */
static void orphan_readable(struct zl_stream *stream)
{
	struct rte_mbuf *m;

	while ((m = stream->ops->take(stream))) {
		uint32_t n = m->data_len;

		zl_buf_unref(buf_of(m), 1);
		stream->ops->consumed(stream, n);
	}
}

static void orphan_event(struct zl_stream *stream)
{
	(void)stream;
}

static void orphan_released(struct zl_stream *stream, uint32_t bytes, uint32_t msgs)
{
	(void)stream;
	(void)bytes;
	(void)msgs;
}

static void orphan_closed(struct zl_stream *stream, const char *reason)
{
	(void)stream;
	(void)reason;
}

static const struct zl_stream_events orphan_events = {
	.established = orphan_event,
	.readable = orphan_readable,
	.released = orphan_released,
	.closed = orphan_closed,
};

static void leave_stream(struct zl_session *s, bool flush)
{
	struct zl_stream *stream = s->stream;

	s->stream = NULL;
	if (!stream || s->stream_gone)
		return;
	stream->owner = NULL;
	stream->events = &orphan_events;
	if (!flush) {
		stream->ops->abort(stream);
		return;
	}
	/* The peer's window must stay open for its FIN. */
	if (s->unconsumed)
		stream->ops->consumed(stream, s->unconsumed);
	s->unconsumed = 0;
	orphan_readable(stream);
	stream->ops->shutdown(stream);
}

void zl_session_close(struct zl_session *s, const char *reason, bool flush)
{
	enum zl_session_state was = s->state;

	if (was == ZL_SESSION_ENDED)
		return;
	s->state = ZL_SESSION_ENDED;
	if (was == ZL_SESSION_TRAFFIC)
		s->zmtp->apart_sessions -= apart(s);
	sodium_memzero(&s->open, sizeof(s->open));
	sodium_memzero(&s->seal, sizeof(s->seal));
	if (s->envelope == &envelope_box) {
		zl_keystream_wipe(&s->zmtp->opening);
		zl_keystream_wipe(&s->zmtp->sealing);
	}
	s->reason = reason;
	leave_stream(s, flush);
	s->next = s->zmtp->ended;
	s->zmtp->ended = s;
}

void session_end(struct zl_session *s, enum zl_zmtp_counter reason, bool flush)
{
	if (s->state == ZL_SESSION_ENDED)
		return;
	s->zmtp->counter[reason]++;
	zl_session_close(s, zl_zmtp_counter_name[reason], flush);
}

void zl_session_open(struct zl_session *s, struct zl_zmtp *z, struct zl_stream *stream, void *owner,
		     uint64_t max_msg_bytes)
{
	memset(s, 0, sizeof(*s));
	s->zmtp = z;
	s->stream = stream;
	s->owner = owner;
	s->state = ZL_SESSION_SIGNATURE;
	s->max_msg_bytes = RTE_MIN(max_msg_bytes ? max_msg_bytes : UINT64_MAX, ZL_ZMTP_MSG_MAX);
	stream->owner = s;
	stream->events = &zl_session_events;
}

/* A subscriber of ZMTP 1.0 sends nothing and filters by itself (RFC 13, "Broadcast Content"): it
 * is sent everything, as libzmq does. */
static void subscribe_to_all(struct zl_session *s)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(s->zmtp->frames);
	enum zl_zmtp_counter why = ZL_ZMTP_no_memory;

	if (m) {
		struct zl_msg all = {.buf = buf_of(m),
				     .data = rte_pktmbuf_mtod(m, const uint8_t *),
				     .flags = ZL_MSG_SUBSCRIBE};

		why = parts_push(s, &all, 1);
		zl_buf_unref(all.buf, 1);
	}
	if (why != FINE)
		session_end(s, why, false);
	else
		s->zmtp->counter[ZL_ZMTP_subscriptions_assumed]++;
}

void zl_session_box(struct zl_session *s, const struct zl_ipc_boxes *boxes)
{
	if (boxes->on != ZL_BOXES_CURVE || s->state == ZL_SESSION_ENDED)
		return;
	s->envelope = &envelope_box;
	zl_box_key_init(&s->open, boxes->key, !boxes->server, boxes->received);
	zl_box_key_init(&s->seal, boxes->key, boxes->server, boxes->sent);
}

void zl_session_wrap(struct zl_session *s, struct zl_wrap *wrap)
{
	if (s->state == ZL_SESSION_ENDED) {
		zl_wrap_free(wrap);
		return;
	}
	s->envelope = &envelope_wrap;
	s->wrap = wrap;
}

void zl_session_hold(struct zl_session *s)
{
	s->held = true;
}

static enum zl_framing framing_of(enum zl_zmtp_version version)
{
	switch (version) {
	case ZL_ZMTP_NONE:
		return ZL_FRAMING_NONE;
	case ZL_ZMTP_V1_0:
		return ZL_FRAMING_OLD;
	case ZL_ZMTP_V2_0:
	case ZL_ZMTP_V3_0:
	case ZL_ZMTP_V3_1:
		break;
	}
	return ZL_FRAMING_ZMTP;
}

void zl_session_begin(struct zl_session *s, bool takes_subscriptions, enum zl_zmtp_version version)
{
	if (s->state == ZL_SESSION_ENDED)
		return;
	s->takes_subscriptions = takes_subscriptions;
	s->version = (uint16_t)version;
	s->framing = framing_of(version);
	s->zmtp->apart_sessions += apart(s);
	s->state = ZL_SESSION_TRAFFIC;
	s->held = false;
	if (s->framing == ZL_FRAMING_OLD && takes_subscriptions)
		subscribe_to_all(s);
}

void zl_session_ready(struct zl_session *s, bool takes_subscriptions, enum zl_zmtp_version version)
{
	zl_session_begin(s, takes_subscriptions, version);
	zl_session_input(s);
}

uint64_t zl_session_queued_total(const struct zl_session *s)
{
	return s->queued_bytes;
}

uint64_t zl_session_acked_total(const struct zl_session *s)
{
	return s->acked_bytes;
}

static void stream_established(struct zl_stream *stream)
{
	struct zl_session *s = stream->owner;

	s->zmtp->ops->established(s);
}

static void stream_readable(struct zl_stream *stream)
{
	struct zl_session *s = stream->owner;
	struct zl_stages *stages = s->zmtp->stages;
	enum zl_stage was = zl_stage_enter(stages, ZL_STAGE_zmtp_in);

	zl_session_input(s);
	zl_stage_leave(stages, was);
}

static void stream_released(struct zl_stream *stream, uint32_t bytes, uint32_t msgs)
{
	struct zl_session *s = stream->owner;

	s->acked_bytes += bytes;
	s->zmtp->ops->released(s, msgs, bytes);
}

/* What has come in by now still goes up, as far as the owner takes it. */
static void stream_closed(struct zl_stream *stream, const char *reason)
{
	struct zl_session *s = stream->owner;

	s->stream_gone = true;
	zl_session_input(s);
	zl_session_close(s, reason, false);
	s->stream = NULL;
}

const struct zl_stream_events zl_session_events = {
	.established = stream_established,
	.readable = stream_readable,
	.released = stream_released,
	.closed = stream_closed,
};
