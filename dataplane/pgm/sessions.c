/* Sessions of a PGM receiver: found by their TSI, in a table that does not grow. */
#include "dataplane/pgm/receiver_state.h"

/* Field by field, as they were written just before: a load of both would have to wait. */
static bool same_tsi(const struct pgm_tsi *a, const struct pgm_tsi *b)
{
	return a->port == b->port && pgm_load32(a->gsi) == pgm_load32(b->gsi) &&
	       pgm_load16(a->gsi + 4) == pgm_load16(b->gsi + 4);
}

_Static_assert(sizeof(struct pgm_tsi) == 8, "hashed as it lies");

static uint32_t *bucket_of(struct pgm_receiver *r, const struct pgm_tsi *tsi)
{
	uint64_t x;

	memcpy(&x, tsi, sizeof(x));
	x = (x ^ r->config.seed) * UINT64_C(0x9e3779b97f4a7c15);
	return &r->hash[(x >> 40) & r->hash_mask];
}

struct pgm_session *session_find(struct pgm_receiver *r, const struct pgm_tsi *tsi)
{
	if (r->last && same_tsi(&r->last->tsi, tsi))
		return r->last;
	for (uint32_t i = *bucket_of(r, tsi); i != NO_SLOT; i = r->session[i].hash_next) {
		if (!same_tsi(&r->session[i].tsi, tsi))
			continue;
		r->last = &r->session[i];
		return r->last;
	}
	return NULL;
}

void session_vacate(struct pgm_session *s)
{
	struct pgm_receiver *r = s->r;
	uint32_t *i = bucket_of(r, &s->tsi);

	while (&r->session[*i] != s)
		i = &r->session[*i].hash_next;
	*i = s->hash_next;
	if (r->last == s)
		r->last = NULL;
	s->used = false;
	r->sessions--;
}

void rx_session_end(struct pgm_session *s, uint64_t now_ns, enum pgm_session_end why)
{
	static const enum pgm_counter counter[] = {
		[PGM_END_EXPIRED] = PGM_rcv_sessions_expired,
		[PGM_END_FINISHED] = PGM_rcv_sessions_finished,
		[PGM_END_RESET] = PGM_rcv_sessions_reset,
		[PGM_END_EVICTED] = PGM_rcv_sessions_evicted,
	};
	struct pgm_receiver *r = s->r;

	if (s->ended)
		return;
	s->ended = true;
	s->stalled = false;
	rxw_let_all_go(s);
	apdu_abandon(s);
	if (why != PGM_END_CLOSED)
		receiver_count(r, counter[why]);
	r->ops.closed(r->ctx, s, why);
	/* Its last packets are still about, and must not begin it anew. */
	s->expiry_at = now_ns + r->config.finished_ns;
	receiver_due(r, s->expiry_at);
}

/* The one that was silent for longest, if long enough; ended ones count as that. */
static struct pgm_session *evictable(struct pgm_receiver *r, uint64_t now_ns)
{
	struct pgm_session *oldest = NULL;

	for (unsigned i = 0; i < r->config.sessions; i++) {
		struct pgm_session *s = &r->session[i];

		if (s->ended)
			return s;
		if (now_ns - s->heard_at >= r->config.evict_ns &&
		    (!oldest || s->heard_at < oldest->heard_at))
			oldest = s;
	}
	return oldest;
}

static struct pgm_session *find_place(struct pgm_receiver *r, uint64_t now_ns)
{
	struct pgm_session *s;

	if (r->sessions < r->config.sessions) {
		for (s = r->session; s->used; s++)
			continue;
		return s;
	}
	if (!(s = evictable(r, now_ns)))
		return NULL;
	rx_session_end(s, now_ns, PGM_END_EVICTED);
	session_vacate(s);
	return s;
}

struct pgm_session *session_begin(struct pgm_receiver *r, uint64_t now_ns,
				  const struct pgm_packet *p, const struct pgm_nla *from,
				  uint32_t next)
{
	struct pgm_session *s = find_place(r, now_ns);
	struct rxw_slot *slot;
	uint8_t *apdu;
	uint32_t *bucket;

	if (!s) {
		receiver_count(r, PGM_rcv_drop_sessions);
		return NULL;
	}
	slot = s->slot;
	apdu = s->apdu;
	memset(s, 0, sizeof(*s));
	s->slot = slot;
	s->apdu = apdu;
	s->r = r;
	s->tsi = p->tsi;
	s->used = true;
	s->next = s->end = s->trail = next;
	s->from = *from;
	s->heard_at = now_ns;
	s->expiry_at = now_ns + r->config.expiry_ns;
	s->spmr_ivl = r->config.spmr_spm_ns;
	s->spmr_at = r->config.passive ? PGM_NEVER
				       : now_ns + receiver_random(r, r->config.spmr_bo_ns);
	nak_init(s, now_ns);
	bucket = bucket_of(r, &p->tsi);
	s->hash_next = *bucket;
	*bucket = (uint32_t)(s - r->session);
	r->last = s;
	r->sessions++;
	receiver_due(r, s->spmr_at < s->expiry_at ? s->spmr_at : s->expiry_at);
	receiver_count(r, PGM_rcv_sessions);
	r->ops.opened(r->ctx, s);
	return s;
}
