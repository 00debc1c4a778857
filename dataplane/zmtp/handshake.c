/* Before traffic: the greeting and the handshake's commands are framed here and judged by whoever
 * they are relayed to. Nothing of this is hot: bytes are copied until a piece is complete. */
#include "dataplane/zmtp/zmtp.h"

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

/* After what is over but for the verdict (an old greeting, which is all of its handshake, or none
 * at all) nothing is read: what follows is traffic, in frames that the verdict tells. */
static bool relay_greeting(struct zl_session *s, const uint8_t *g, uint32_t n, bool over)
{
	bool commands = over && greeting_of_3(g, n);

	s->held = over && !commands;
	s->takes_turns = commands && greeting_asks_for(g, "GSSAPI");
	if (!relay(s, ZL_RELAY_GREETING, g + s->relayed, n - s->relayed)) {
		s->held = false;
		return false;
	}
	s->relayed = (uint16_t)n;
	if (over)
		gather_clear(s);
	if (s->state < ZL_SESSION_HANDSHAKE) /* no verdict has been given at once */
		s->state = commands ? ZL_SESSION_HANDSHAKE : ZL_SESSION_GREETING;
	return true;
}

/* All that was waited for is here: what follows from it, or what else to wait for. */
static bool greeting_step(struct zl_session *s)
{
	const uint8_t *g = rte_pktmbuf_mtod(s->frame.head, const uint8_t *);
	uint32_t n = (uint32_t)s->frame.have, need = greeting_need(g, n);

	if (need == n || (greeting_wants_answer(g, n) && s->relayed < n))
		return relay_greeting(s, g, n, need == n);
	s->frame.want = need;
	return true;
}

static bool greeting_input(struct zl_session *s, enum zl_zmtp_counter *why)
{
	uint32_t want = s->frame.head ? (uint32_t)s->frame.want : greeting_need(NULL, 0);

	if (!gather_complete(s)) {
		if (!next_buffer(s))
			return false;
		*why = gather_plain(s, want);
		buffer_done(s);
		if (*why != FINE)
			return false;
	}
	return !gather_complete(s) || greeting_step(s);
}

/* The whole body, contiguous: where it lies, or copied to `room`. */
static const uint8_t *command_bytes(const struct zl_session *s, uint8_t room[COMMAND_MAX])
{
	return rte_pktmbuf_read(s->frame.head, s->frame.header_len, (uint32_t)s->frame.want, room);
}

/* READY is its sender's last word in every mechanism, and INITIATE a client's (RFC 37, 24, 25), but
 * for GSSAPI's, where MESSAGE has READY in it. What follows is traffic, and must not be taken for
 * the handshake while the verdict is on its way. */
static bool is_last_word(const struct zl_session *s, const struct zl_command *c)
{
	return zl_command_is(c, "READY") ||
	       zl_command_is(c, s->takes_turns ? "MESSAGE" : "INITIATE");
}

static bool relay_command(struct zl_session *s, enum zl_zmtp_counter *why)
{
	uint8_t room[COMMAND_MAX];
	const uint8_t *bytes = command_bytes(s, room);
	uint32_t n = (uint32_t)s->frame.want;
	struct zl_command c;

	if (n == 0 && s->takes_turns) {
		c = (struct zl_command){0};
	} else if (!zl_command_split(bytes, n, n, &c)) {
		*why = ZL_ZMTP_bad_command;
		return false;
	}
	s->held = is_last_word(s, &c);
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

bool zl_session_greeting_asks(const struct zl_session *s, uint32_t len)
{
	return s->state < ZL_SESSION_HANDSHAKE && s->frame.head &&
	       greeting_wants_answer(rte_pktmbuf_mtod(s->frame.head, const uint8_t *),
				     s->relayed + len);
}

bool handshake_input(struct zl_session *s, enum zl_zmtp_counter *why)
{
	if (s->state == ZL_SESSION_HANDSHAKE)
		return handshake_command(s, why);
	return greeting_input(s, why);
}
