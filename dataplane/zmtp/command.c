/* Commands in traffic (RFC 37): subscriptions and joins become parts, heartbeats are answered,
 * ERROR ends the session, and what nobody knows is passed over. */
#include "dataplane/zmtp/zmtp.h"

static bool subscription(struct zl_msg *m, const struct zl_command *c, uint8_t flag)
{
	m->data += c->data_at;
	m->len = (uint32_t)c->data_len;
	m->flags = (m->flags & ZL_MSG_CHAIN) | flag;
	m->wire = 0;
	return true;
}

/* What it asks of an end that is asked so, as a part's flag; 0: nothing. */
static uint8_t asked(const struct zl_session *s, const struct zl_command *c)
{
	if (s->takes_subscriptions ? zl_command_is(c, "SUBSCRIBE")
				   : s->takes_joins && zl_command_is(c, "JOIN"))
		return ZL_MSG_SUBSCRIBE;
	if (s->takes_subscriptions ? zl_command_is(c, "CANCEL")
				   : s->takes_joins && zl_command_is(c, "LEAVE"))
		return ZL_MSG_CANCEL;
	return 0;
}

bool command_input(struct zl_session *s, struct zl_msg *m, bool in_message,
		   enum zl_zmtp_counter *why)
{
	const struct rte_mbuf *head = mbuf_of(m);
	size_t here = rte_pktmbuf_mtod(head, const uint8_t *) + head->data_len - m->data;
	struct zl_command c;

	/* A name that runs out of a chain's head (gather.c) is none that is known here. */
	if (!zl_command_split(m->data, RTE_MIN(here, m->len), m->len, &c)) {
		*why = ZL_ZMTP_bad_command;
	} else if (zl_command_is(&c, "PING")) {
		*why = heartbeat_ping(s, m->data + c.data_at, c.data_len);
	} else if (zl_command_is(&c, "PONG")) {
		*why = heartbeat_pong(s, c.data_len);
	} else if (zl_command_is(&c, "ERROR")) {
		*why = ZL_ZMTP_peer_error;
	} else if (asked(s, &c)) {
		if (!in_message)
			return subscription(m, &c, asked(s, &c));
		*why = ZL_ZMTP_bad_command;
	} else {
		s->zmtp->counter[ZL_ZMTP_commands_ignored]++;
	}
	return false;
}
