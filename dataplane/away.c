/* A peer that is away from its socket: its session's messages go home over the lane, as many as the
 * home has granted, and what comes from home is written to its stream. */
#include <string.h>

#include "dataplane/lcore.h"
#include "dataplane/router/fan.h" /* zl_fan_rest */

/* Crossed and not taken: far more than cross while one grant comes back. */
#define WINDOW_PARTS 512

uint32_t zl_away_window(const struct zl_shard *s)
{
	uint32_t hwm = s->config.rcvhwm;

	return hwm && hwm < WINDOW_PARTS ? hwm : WINDOW_PARTS;
}

static struct zl_lane *lane_home(struct zl_peer *p)
{
	return &p->core->lane[p->away.due.to];
}

void zl_away_begin(struct zl_peer *p)
{
	p->away = (struct zl_away){
		.state = ZL_AWAY_OPENING,
		.due = {.peer = p, .to = (uint8_t)p->shard->config.home},
	};
	zl_due_add(p->core, &p->away.due, ZL_PARCEL_OPEN);
}

static void wait_lane(struct zl_peer *p)
{
	if (p->away.waits_lane)
		return;
	p->away.waits_lane = true;
	p->away.next_lane = p->core->waits_lane;
	p->core->waits_lane = p;
}

void zl_away_resume(struct zl_lcore *c)
{
	struct zl_peer *p = c->waits_lane, *next;

	c->waits_lane = NULL;
	for (; p; p = next) {
		next = p->away.next_lane;
		p->away.waits_lane = false;
		zl_session_input(&p->session);
	}
}

static void lane_remove(struct zl_peer *p)
{
	for (struct zl_peer **at = &p->core->waits_lane; p->away.waits_lane && *at;
	     at = &(*at)->away.next_lane)
		if (*at == p) {
			*at = p->away.next_lane;
			break;
		}
	p->away.waits_lane = false;
}

/* Parts at the front that are granted, whole messages or the beginning of one. */
static unsigned granted(const struct zl_peer *p, const struct zl_msg *msgs, unsigned n)
{
	uint32_t parts = p->away.sent_parts - p->away.taken_parts;
	uint64_t bytes = p->away.sent_bytes - p->away.taken_bytes;
	uint32_t window = zl_away_window(p->shard);
	unsigned i = 0;

	while (i < n && parts < window && bytes < ZL_AWAY_BYTES) {
		do {
			parts++;
			bytes += msgs[i].len;
		} while (msgs[i++].flags & ZL_MSG_MORE && i < n);
	}
	return i;
}

static void cross(struct zl_peer *p, const struct zl_msg *msgs, unsigned n)
{
	zl_lane_write(lane_home(p), ZL_PARCEL_IN, p->index, msgs, n);
	p->core->counter[ZL_CORE_lane_messages] += n;
	p->away.sent_parts += n;
	for (unsigned i = 0; i < n; i++)
		p->away.sent_bytes += msgs[i].len;
	p->away.mid = msgs[n - 1].flags & ZL_MSG_MORE;
}

unsigned zl_away_deliver(struct zl_peer *p, const struct zl_msg *msgs, unsigned n, uint32_t parts)
{
	unsigned rest = p->away.mid ? zl_fan_rest(msgs, n) : 0;
	unsigned now = rest + granted(p, msgs + rest, n - rest);

	if (now < n) {
		p->away.wants_grant = true;
		zl_core_count(p->core, ZL_CORE_stalls_grant);
		parts = now; /* what is granted ends with a message */
	}
	if (now == 0)
		return 0;
	if (!p->away.mid &&
	    (p->away.state == ZL_AWAY_OPENING || !zl_lane_reserve(lane_home(p), parts))) {
		zl_core_count(p->core, ZL_CORE_stalls_lane);
		wait_lane(p);
		return 0;
	}
	cross(p, msgs, now);
	return now;
}

void zl_away_granted(struct zl_peer *p, uint32_t parts, uint64_t bytes)
{
	p->away.taken_parts = parts;
	p->away.taken_bytes = bytes;
	if (!p->away.wants_grant)
		return;
	p->away.wants_grant = false;
	zl_session_input(&p->session);
}

void zl_away_released(struct zl_peer *p)
{
	if (p->away.state != ZL_AWAY_CLOSED)
		zl_due_add(p->core, &p->away.due, ZL_PARCEL_CREDIT);
}

void zl_away_write(struct zl_peer *p, const struct zl_msg *msgs, unsigned n)
{
	struct zl_session *session = &p->session;

	for (unsigned i = 0; i < n; i++) {
		p->away.got_msgs += !(msgs[i].flags & ZL_MSG_MORE);
		p->away.got_bytes += msgs[i].len;
	}
	if (p->state == ZL_PEER_READY && session->state == ZL_SESSION_TRAFFIC) {
		enum zl_stage was = zl_stage_enter(&p->core->stages, ZL_STAGE_zmtp_out);

		zl_session_write(&p->core->zmtp, &session, 1, msgs, n);
		p->core->msgs_out += n;
		zl_stage_leave(&p->core->stages, was);
	}
	zl_msgs_unref(msgs, n);
}

bool zl_away_end(struct zl_peer *p)
{
	lane_remove(p);
	zl_due_cancel(&p->away.due);
	p->away.wants_grant = false;
	if (p->away.state == ZL_AWAY_OPENING) {
		/* its place may be another's before the list of what is due is gone through */
		for (struct zl_due **at = &p->core->dues; *at; at = &(*at)->next)
			if (*at == &p->away.due) {
				*at = p->away.due.next;
				break;
			}
		p->away.state = ZL_AWAY_NOT;
		return false;
	}
	p->away.state = ZL_AWAY_CLOSED;
	zl_due_add(p->core, &p->away.due, ZL_PARCEL_CLOSED);
	return true;
}

void zl_away_left(struct zl_peer *p)
{
	p->away.state = ZL_AWAY_NOT;
	zl_peer_over(p);
}

/* Did the stream end where its peer ended it, with all that came before handed on? */
static bool ended_whole(const struct zl_peer *p)
{
	return p->reason == zl_zmtp_counter_name[ZL_ZMTP_closed_by_peer] ||
	       p->reason == zl_zmtp_counter_name[ZL_ZMTP_truncated];
}

bool zl_away_parcel(struct zl_peer *p, struct zl_parcel *v)
{
	const struct zl_stream *stream = p->session.stream;

	if (v->kind == ZL_PARCEL_OPEN) {
		v->joins = p->shard->config.id;
	} else if (v->kind == ZL_PARCEL_CLOSED) {
		v->whole = ended_whole(p);
	} else if (stream) {
		v->credit = (struct zl_credit){
			.queued_bytes = stream->sendq.bytes,
			.queued_msgs = (uint32_t)stream->sendq.msgs,
			.got_bytes = p->away.got_bytes,
			.got_msgs = p->away.got_msgs,
		};
	} else {
		return false; /* CLOSED follows */
	}
	return true;
}
