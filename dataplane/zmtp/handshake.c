/* Before traffic: the greeting and the handshake's commands are framed here and judged by whoever
 * they are relayed to. Nothing of this is hot: bytes are copied until a piece is complete. */
#include "dataplane/zmtp/zmtp.h"

#define SIGNATURE_FIRST 0xff
#define SIGNATURE_LAST  0x7f
#define MAJOR_VERSION   3 /* the first byte after the signature: from here on, frames as in 3.0 */

static bool relay(struct zl_session *s, enum zl_relay kind, const uint8_t *bytes, uint32_t n)
{
	if (s->zmtp->ops->relay(s, kind, bytes, n)) {
		s->zmtp->counter[ZL_ZMTP_relayed]++;
		return true;
	}
	s->zmtp->counter[ZL_ZMTP_stalls]++;
	s->stalled = true;
	return false;
}

/* A peer of another protocol is held after what shows it to be one: control will close it. */
static bool relay_greeting(struct zl_session *s)
{
	bool first = s->state == ZL_SESSION_SIGNATURE;
	uint32_t n = (uint32_t)s->frame.have;
	const uint8_t *bytes = rte_pktmbuf_mtod(s->frame.head, const uint8_t *);
	bool other = first ? bytes[0] != SIGNATURE_FIRST ||
				     bytes[SIGNATURE_BYTES - 1] != SIGNATURE_LAST
			   : bytes[0] < MAJOR_VERSION;

	if (!relay(s, ZL_RELAY_GREETING, bytes, n))
		return false;
	gather_clear(s);
	if (s->state == ZL_SESSION_ENDED || s->state == ZL_SESSION_TRAFFIC)
		return false;
	s->held = other;
	s->state = first ? ZL_SESSION_GREETING : ZL_SESSION_HANDSHAKE;
	return true;
}

static bool greeting_complete(const struct zl_session *s)
{
	if (gather_complete(s))
		return true;
	return s->state == ZL_SESSION_GREETING && s->frame.head && s->frame.have &&
	       *rte_pktmbuf_mtod(s->frame.head, const uint8_t *) < MAJOR_VERSION;
}

static bool greeting_input(struct zl_session *s, enum zl_zmtp_counter *why)
{
	uint32_t want = s->state == ZL_SESSION_SIGNATURE ? SIGNATURE_BYTES : GREETING_REST;

	if (!greeting_complete(s)) {
		if (!next_buffer(s))
			return false;
		*why = gather_plain(s, want);
		buffer_done(s);
		if (*why != FINE)
			return false;
	}
	return !greeting_complete(s) || relay_greeting(s);
}

/* The whole body, contiguous: where it lies, or copied to `room`. */
static const uint8_t *command_bytes(const struct zl_session *s, uint8_t room[COMMAND_MAX])
{
	return rte_pktmbuf_read(s->frame.head, s->frame.header_len, (uint32_t)s->frame.want, room);
}

static bool relay_command(struct zl_session *s, enum zl_zmtp_counter *why)
{
	uint8_t room[COMMAND_MAX];
	const uint8_t *bytes = command_bytes(s, room);
	uint32_t n = (uint32_t)s->frame.want;
	struct zl_command c;

	if (!zl_command_split(bytes, n, n, &c)) {
		*why = ZL_ZMTP_bad_command;
		return false;
	}
	/* READY is its sender's last word in every mechanism (RFC 37, 24, 25, 38). What follows is
	 * traffic, and must not be taken for the handshake while the verdict is on its way. */
	s->held = zl_command_is(&c, "READY");
	if (!relay(s, ZL_RELAY_COMMAND, bytes, n)) {
		s->held = false;
		return false;
	}
	gather_clear(s);
	return true;
}

static bool handshake_command(struct zl_session *s, enum zl_zmtp_counter *why)
{
	if (!gather_complete(s)) {
		if (!next_buffer(s))
			return false;
		*why = gather(s);
		buffer_done(s);
		if (*why != FINE)
			return false;
	}
	return !gather_complete(s) || relay_command(s, why);
}

bool handshake_input(struct zl_session *s, enum zl_zmtp_counter *why)
{
	if (s->state == ZL_SESSION_HANDSHAKE)
		return handshake_command(s, why);
	return greeting_input(s, why);
}
