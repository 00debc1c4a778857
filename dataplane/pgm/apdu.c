/* From packets in order to what is delivered: whole TSDUs as they are, fragments (RFC 3208 9.2)
 * once their APDU is complete. */
#include "dataplane/pgm/receiver_state.h"

static bool deliver(struct pgm_session *s, const uint8_t *at, size_t len, void *buffer,
		    uint32_t sqn)
{
	struct pgm_receiver *r = s->r;

	if (!r->ops.deliver(r->ctx, s, at, len, buffer, sqn))
		return false;
	receiver_count(r, PGM_rcv_delivered);
	r->counters[PGM_rcv_delivered_bytes] += len;
	s->report.tsdus++;
	s->report.bytes += len;
	return true;
}

void apdu_abandon(struct pgm_session *s)
{
	if (s->apdu_have)
		receiver_count(s->r, PGM_rcv_drop_fragment);
	s->apdu_have = 0;
}

static bool begins(struct pgm_session *s, uint32_t sqn, const struct rxw_slot *t)
{
	apdu_abandon(s);
	s->apdu_sqn = sqn;
	s->apdu_first = t->first_sqn;
	s->apdu_len = t->apdu_len;
	return t->len && t->apdu_len <= s->r->config.max_apdu;
}

static bool goes_on(const struct pgm_session *s, const struct rxw_slot *t)
{
	return s->apdu_have && t->first_sqn == s->apdu_first && t->apdu_len == s->apdu_len &&
	       t->offset == s->apdu_have;
}

static bool add(struct pgm_session *s, uint32_t sqn, const struct rxw_slot *t)
{
	if (!(t->offset ? goes_on(s, t) : begins(s, sqn, t))) {
		apdu_abandon(s);
		receiver_count(s->r, PGM_rcv_drop_fragment);
		return true;
	}
	memcpy(s->apdu + t->offset, t->at, t->len);
	if (t->offset + t->len < t->apdu_len) {
		s->apdu_have = t->offset + t->len;
		return true;
	}
	/* Refused, it is put in place and offered again. */
	if (!deliver(s, s->apdu, s->apdu_len, NULL, s->apdu_sqn))
		return false;
	s->apdu_have = 0;
	receiver_count(s->r, PGM_rcv_apdus);
	return true;
}

bool apdu_deliver(struct pgm_session *s, uint32_t sqn, const struct rxw_slot *t)
{
	void *buffer = t->flags & RXW_REBUILT ? NULL : t->buffer;

	if (t->flags & RXW_FRAGMENT && t->len != t->apdu_len)
		return add(s, sqn, t);
	apdu_abandon(s);
	return deliver(s, t->at, t->len, buffer, sqn);
}
