/* Heartbeats (RFC 37, "Connection Heartbeating"): PING is a TTL of two bytes and a context, and is
 * answered by PONG with the same context. Whatever a peer sends shows that it is there. The clock
 * is the owner's. */
#include <string.h>

#include "dataplane/zmtp/zmtp.h"

#define TTL_BYTES   2
#define TTL_UNIT_MS 100
#define CONTEXT_MAX 16
#define NAME_BYTES  5 /* a length byte and PONG */

/* A peer that sends PINGs and reads nothing must not fill memory with the answers. */
#define PONGS_MAX 64

static bool may_answer(struct zl_session *s)
{
	if (s->acked_bytes >= s->pong_end)
		s->pongs = 0;
	return s->pongs < PONGS_MAX;
}

enum zl_zmtp_counter heartbeat_ping(struct zl_session *s, const uint8_t *data, uint64_t len)
{
	uint8_t pong[ZL_FRAME_SHORT_HEADER + NAME_BYTES + CONTEXT_MAX];
	uint64_t context = len - TTL_BYTES;
	unsigned n;

	s->zmtp->counter[ZL_ZMTP_pings_in]++;
	if (len < TTL_BYTES || context > CONTEXT_MAX)
		return ZL_ZMTP_bad_command;
	s->beat.peer_ttl_ms = (data[0] << 8 | data[1]) * TTL_UNIT_MS;
	if (s->beat.peer_ttl_ms && !s->beat.peer_by_ns && s->zmtp->ops->expected)
		s->zmtp->ops->expected(s);
	n = zl_frame_build(pong, ZL_FRAME_COMMAND, NAME_BYTES + context);
	memcpy(pong + n, "\4PONG", NAME_BYTES);
	memcpy(pong + n + NAME_BYTES, data + TTL_BYTES, context);
	n += NAME_BYTES + (unsigned)context;
	if (!may_answer(s) || zl_session_send(s, pong, n)) {
		s->zmtp->counter[ZL_ZMTP_pongs_withheld]++;
		return FINE;
	}
	s->pongs++;
	s->pong_end = s->queued_bytes;
	s->zmtp->counter[ZL_ZMTP_pongs_out]++;
	return FINE;
}

enum zl_zmtp_counter heartbeat_pong(struct zl_session *s, uint64_t len)
{
	s->zmtp->counter[ZL_ZMTP_pongs_in]++;
	return len > CONTEXT_MAX ? ZL_ZMTP_bad_command : FINE;
}

static uint64_t after(uint64_t now_ns, uint32_t ms)
{
	return ms ? now_ns + ms * 1000000ull : 0;
}

/* A peer that does not even read PINGs is sent no more of them. */
static void send_ping(struct zl_session *s, uint64_t now_ns)
{
	uint16_t ttl = s->beat.ours.ttl_ds;
	uint8_t ping[] = {ZL_FRAME_COMMAND,
			  NAME_BYTES + TTL_BYTES,
			  4,
			  'P',
			  'I',
			  'N',
			  'G',
			  (uint8_t)(ttl >> 8),
			  (uint8_t)ttl};

	s->beat.ping_at_ns = after(now_ns, s->beat.ours.interval_ms);
	if (!s->beat.answer_by_ns)
		s->beat.answer_by_ns = after(now_ns, s->beat.ours.timeout_ms);
	if (s->acked_bytes < s->beat.ping_end || zl_session_send(s, ping, sizeof(ping))) {
		s->zmtp->counter[ZL_ZMTP_pings_withheld]++;
		return;
	}
	s->beat.ping_end = s->queued_bytes;
	s->zmtp->counter[ZL_ZMTP_pings_out]++;
}

void zl_session_heartbeats(struct zl_session *s, const struct zl_heartbeats *ours, uint64_t now_ns)
{
	s->beat.ours = *ours;
	s->beat.heard = s->inputs;
	s->beat.ping_at_ns = after(now_ns, ours->interval_ms);
}

static void look(struct zl_session *s, uint64_t now_ns)
{
	bool heard = s->inputs != s->beat.heard || s->stalled;

	s->beat.heard = s->inputs;
	if (heard)
		s->beat.answer_by_ns = 0;
	if (heard || !s->beat.peer_by_ns)
		s->beat.peer_by_ns = after(now_ns, s->beat.peer_ttl_ms);
}

static uint64_t sooner(uint64_t due_ns, uint64_t at_ns)
{
	return at_ns && at_ns < due_ns ? at_ns : due_ns;
}

uint64_t zl_session_heartbeat(struct zl_session *s, uint64_t now_ns)
{
	if (s->state != ZL_SESSION_TRAFFIC)
		return UINT64_MAX;
	look(s, now_ns);
	if (s->beat.answer_by_ns && now_ns >= s->beat.answer_by_ns) {
		session_end(s, ZL_ZMTP_heartbeat_timeout, false);
		return UINT64_MAX;
	}
	if (s->beat.peer_by_ns && now_ns >= s->beat.peer_by_ns) {
		session_end(s, ZL_ZMTP_heartbeat_ttl, false);
		return UINT64_MAX;
	}
	if (s->beat.ping_at_ns && now_ns >= s->beat.ping_at_ns)
		send_ping(s, now_ns);
	return sooner(sooner(sooner(UINT64_MAX, s->beat.ping_at_ns), s->beat.answer_by_ns),
		      s->beat.peer_by_ns);
}
