/* Heartbeats (RFC 37, "Connection Heartbeating"): PING is a TTL of two bytes and a context, and is
 * answered by PONG with the same context. Timers that send PINGs are not here. */
#include <string.h>

#include "dataplane/zmtp/zmtp.h"

#define TTL_BYTES   2
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
