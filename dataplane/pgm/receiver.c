/* Sessions of a PGM receiver: found by their TSI, begun with the first packet, ended when the
 * source says so or is no longer heard. */
#include <assert.h>

#include "dataplane/pgm/receiver_state.h"

enum {
	SESSIONS_MAX = 4096,
	WINDOW_MIN = 16,
	WINDOW_MAX = 1 << 22,
	WHEEL_SPAN = WHEEL_BUCKETS / 2, /* ticks of the longest wait */
	TPDU_MIN = 128,
};

#define SPMR_IVL_MAX_NS UINT64_C(30000000000)

static uint32_t power_of_two(uint32_t n)
{
	uint32_t p = 1;

	while (p < n)
		p *= 2;
	return p;
}

static size_t aligned(size_t n)
{
	return (n + 63) & ~(size_t)63;
}

void pgm_receiver_defaults(struct pgm_receiver_config *c, uint32_t rate_kbits,
			   uint32_t recovery_ivl_ms, uint16_t max_tpdu, uint16_t overhead)
{
	const uint64_t ms = 1000000;
	uint64_t sqns = (uint64_t)recovery_ivl_ms * (rate_kbits / 8) / max_tpdu;

	c->sessions = 16;
	c->rxw_sqns = (uint32_t)(sqns < WINDOW_MIN   ? WINDOW_MIN
				 : sqns > WINDOW_MAX ? WINDOW_MAX
						     : sqns);
	c->held = 4 * c->rxw_sqns;
	c->max_tpdu = (uint16_t)(max_tpdu - overhead);
	c->rebuilt = 2 * PGM_FEC_K_MAX;
	c->max_apdu = UINT16_MAX;
	c->nak_rate = 1000;
	c->join = true;
	c->nak_bo_ns = 50 * ms;
	c->nak_rpt_ns = 200 * ms;
	c->nak_rdata_ns = 200 * ms;
	c->nak_ncf_retries = 50;
	c->nak_data_retries = 50;
	c->spmr_bo_ns = 25 * ms;
	c->spmr_spm_ns = 250 * ms;
	c->expiry_ns = 300000 * ms;
	c->evict_ns = 60000 * ms; /* two ambient SPMs of libzmq's were missed */
	c->finished_ns = recovery_ivl_ms * ms;
}

static bool can_be(const struct pgm_receiver_config *c)
{
	return (c->group.len == 4 || c->group.len == 16) && c->sessions &&
	       c->sessions <= SESSIONS_MAX && c->rxw_sqns && c->rxw_sqns <= WINDOW_MAX &&
	       c->max_tpdu >= TPDU_MIN && c->rebuilt <= UINT16_MAX && c->nak_rate && c->nak_bo_ns &&
	       c->nak_rpt_ns && c->nak_rdata_ns && c->spmr_bo_ns && c->spmr_spm_ns && c->expiry_ns;
}

struct layout {
	size_t sessions, hash, slots, apdus, free, rebuilt, end;
	uint32_t window, hash_size;
};

static struct layout layout_of(const struct pgm_receiver_config *c)
{
	struct layout l = {.hash_size = power_of_two(2 * c->sessions)};

	l.window = power_of_two(c->rxw_sqns < WINDOW_MIN ? WINDOW_MIN : c->rxw_sqns);
	l.sessions = aligned(sizeof(struct pgm_receiver));
	l.hash = aligned(l.sessions + c->sessions * sizeof(struct pgm_session));
	l.slots = aligned(l.hash + l.hash_size * sizeof(uint32_t));
	l.apdus = aligned(l.slots + (size_t)c->sessions * l.window * sizeof(struct rxw_slot));
	l.free = aligned(l.apdus + (size_t)c->sessions * c->max_apdu);
	l.rebuilt = aligned(l.free + c->rebuilt * sizeof(uint32_t));
	l.end = aligned(l.rebuilt + (size_t)c->rebuilt * c->max_tpdu);
	return l;
}

size_t pgm_receiver_bytes(const struct pgm_receiver_config *c)
{
	return can_be(c) ? layout_of(c).end : 0;
}

static uint64_t longest_wait(const struct pgm_receiver_config *c)
{
	uint64_t most = c->nak_bo_ns > c->nak_rpt_ns ? c->nak_bo_ns : c->nak_rpt_ns;

	return most > c->nak_rdata_ns ? most : c->nak_rdata_ns;
}

struct pgm_receiver *pgm_receiver_init(void *memory, const struct pgm_receiver_config *c,
				       const struct pgm_receiver_ops *ops, void *ctx,
				       uint64_t *counters)
{
	const struct layout l = layout_of(c);
	struct pgm_receiver *r = memory;
	uint8_t *at = memory;

	assert(can_be(c) && !((uintptr_t)memory & 63));
	memset(memory, 0, l.apdus);
	r->config = *c;
	r->ops = *ops;
	r->ctx = ctx;
	r->counters = counters;
	r->window = l.window;
	r->mask = l.window - 1;
	r->due_at = PGM_NEVER;
	r->random = c->seed * 2 + 1;
	r->tick_ns = longest_wait(c) / WHEEL_SPAN + 1;
	r->session = (struct pgm_session *)(at + l.sessions);
	r->hash = (uint32_t *)(at + l.hash);
	r->hash_mask = l.hash_size - 1;
	for (uint32_t i = 0; i < l.hash_size; i++)
		r->hash[i] = NO_SLOT;
	for (unsigned i = 0; i < c->sessions; i++) {
		r->session[i].slot = (struct rxw_slot *)(at + l.slots) + (size_t)i * l.window;
		r->session[i].apdu = at + l.apdus + (size_t)i * c->max_apdu;
	}
	r->rebuilt_free = (uint32_t *)(at + l.free);
	r->rebuilt = at + l.rebuilt;
	for (uint32_t i = 0; i < c->rebuilt; i++)
		r->rebuilt_free[r->rebuilt_free_count++] = i;
	return r;
}

static bool same_tsi(const struct pgm_tsi *a, const struct pgm_tsi *b)
{
	return !memcmp(a, b, sizeof(*a));
}

_Static_assert(sizeof(struct pgm_tsi) == 8, "compared and hashed as it lies");

static uint32_t *bucket_of(struct pgm_receiver *r, const struct pgm_tsi *tsi)
{
	uint64_t x;

	memcpy(&x, tsi, sizeof(x));
	x = (x ^ r->config.seed) * UINT64_C(0x9e3779b97f4a7c15);
	return &r->hash[(x >> 40) & r->hash_mask];
}

static struct pgm_session *find(struct pgm_receiver *r, const struct pgm_tsi *tsi)
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

/* The place is free; its session has ended. */
static void vacate(struct pgm_session *s)
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
	vacate(s);
	return s;
}

static struct pgm_session *begin(struct pgm_receiver *r, uint64_t now_ns,
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
	s->spmr_at = now_ns + receiver_random(r, r->config.spmr_bo_ns);
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

/* 6.1: with what a session begins; OPT_JOIN lets it begin earlier, as far as there is a window. */
static uint32_t first_of(const struct pgm_receiver *r, const struct pgm_packet *p, uint32_t next)
{
	uint32_t join = p->options.join_sqn;

	if (!r->config.join || !(p->options.has & PGM_HAS_JOIN) || next - join >= r->window / 2)
		return next;
	return sqn_diff(join, p->trail) < 0 ? p->trail : join;
}

/* An SPM of a source without a window says nothing of it (8.1). */
static bool has_window(const struct pgm_packet *p)
{
	return p->trail || p->lead != UINT32_C(0x80000000);
}

static void learn_path(struct pgm_session *s, const struct pgm_packet *p,
		       const struct pgm_nla *from)
{
	s->spm_sqn = p->sqn;
	s->path = p->nla;
	s->from = *from;
	s->spmr_at = PGM_NEVER;
}

/* OPT_FIN, OPT_RST: it ends once all up to its leading edge is delivered or lost. */
static void learn_end(struct pgm_session *s, const struct pgm_packet *p)
{
	const struct pgm_options *o = &p->options;

	if (!(o->has & (PGM_HAS_FIN | PGM_HAS_RST)))
		return;
	s->stop = p->lead + 1;
	s->why = o->has & PGM_HAS_RST ? PGM_END_RESET : PGM_END_FINISHED;
	s->stopping = true;
	if (s->why == PGM_END_RESET) {
		s->reset_code = o->rst & PGM_RST_CODE;
		s->no_naks |= !!(o->rst & PGM_RST_NO_NAKS);
		rxw_lose_all(s);
	}
}

static enum pgm_input spm(struct pgm_session *s, uint64_t now_ns, const struct pgm_packet *p,
			  const struct pgm_nla *from)
{
	struct pgm_receiver *r = s->r;

	if (s->path.len && sqn_diff(p->sqn, s->spm_sqn) <= 0) {
		receiver_count(r, PGM_rcv_drop_spm_old);
		return PGM_DROPPED;
	}
	receiver_count(r, PGM_rcv_spms);
	learn_path(s, p, from);
	rebuild_learn(s, &p->options);
	if (has_window(p)) {
		s->idle = p->lead + 1 == s->end;
		rxw_trail(s, now_ns, p->trail);
		rxw_extend(s, now_ns, p->lead + 1);
	}
	if (p->options.has & PGM_HAS_CURR_TGSIZE)
		rebuild_short(s, now_ns, p->lead, p->options.curr_tgsize);
	learn_end(s, p);
	if (!s->stalled)
		rxw_advance(s, now_ns);
	return PGM_TAKEN;
}

static bool edges_are_sane(const struct pgm_packet *p)
{
	if (p->type == PGM_NCF)
		return true;
	if (p->type == PGM_SPM)
		return !has_window(p) || sqn_diff(p->lead + 1, p->trail) >= 0;
	/* A parity packet is numbered from its group's beginning, which may be behind the trail. */
	return sqn_diff(p->flags & PGM_PARITY ? p->sqn | (PGM_FEC_K_MAX - 1) : p->sqn, p->trail) >=
	       0;
}

/* The first packet of a session: an SPM, or original data. */
static struct pgm_session *try_to_begin(struct pgm_receiver *r, uint64_t now_ns,
					const struct pgm_packet *p, const struct pgm_nla *from)
{
	bool ends = p->options.has & (PGM_HAS_FIN | PGM_HAS_RST);

	if (p->type == PGM_SPM && has_window(p) && !ends)
		return begin(r, now_ns, p, from, first_of(r, p, p->lead + 1));
	if (p->type == PGM_ODATA && !(p->flags & PGM_PARITY))
		return begin(r, now_ns, p, from, first_of(r, p, p->sqn));
	receiver_count(r, PGM_rcv_drop_unknown);
	return NULL;
}

static enum pgm_input downstream(struct pgm_session *s, uint64_t now_ns, const struct pgm_packet *p,
				 const struct pgm_nla *from, void *buffer)
{
	if (p->type == PGM_SPM)
		return spm(s, now_ns, p, from);
	if (p->type == PGM_NCF)
		return nak_heard(s, now_ns, p);
	receiver_count(s->r, p->type == PGM_ODATA ? PGM_rcv_odata : PGM_rcv_rdata);
	if (p->flags & PGM_PARITY)
		return rebuild_parity(s, now_ns, p, buffer);
	return rxw_data(s, now_ns, p, buffer);
}

/* What other receivers say to the source, where the network lets us hear it. */
static enum pgm_input of_a_peer(struct pgm_receiver *r, uint64_t now_ns, const struct pgm_packet *p)
{
	struct pgm_session *s = find(r, &p->tsi);

	if (!s || s->ended || (p->type != PGM_NAK && p->type != PGM_SPMR)) {
		receiver_count(r, PGM_rcv_drop_not_ours);
		return PGM_NOT_OURS;
	}
	if (p->type == PGM_NAK)
		return nak_heard(s, now_ns, p);
	if (s->spmr_at != PGM_NEVER) {
		receiver_count(r, PGM_rcv_spmrs_suppressed);
		s->spmr_at = now_ns + s->spmr_ivl + receiver_random(r, r->config.spmr_bo_ns);
		receiver_due(r, s->spmr_at);
	}
	return PGM_TAKEN;
}

enum pgm_input pgm_receiver_input(struct pgm_receiver *r, uint64_t now_ns,
				  const struct pgm_packet *p, const struct pgm_nla *from,
				  void *buffer)
{
	bool upstream = p->type == PGM_NAK || p->type == PGM_NNAK || p->type == PGM_SPMR;
	struct pgm_session *s;

	if ((upstream ? p->sport : p->dport) != r->config.dport) {
		receiver_count(r, PGM_rcv_drop_not_ours);
		return PGM_NOT_OURS;
	}
	if (upstream)
		return of_a_peer(r, now_ns, p);
	if (!edges_are_sane(p)) {
		receiver_count(r, PGM_rcv_drop_trail);
		return PGM_DROPPED;
	}
	s = find(r, &p->tsi);
	if (!s && !(s = try_to_begin(r, now_ns, p, from)))
		return PGM_DROPPED;
	if (s->ended) {
		receiver_count(r, PGM_rcv_drop_ended);
		return PGM_DROPPED;
	}
	s->heard_at = now_ns;
	return downstream(s, now_ns, p, from, buffer);
}

/* Data, but no SPM: to the others first, so that they need not (13.5). */
static void send_spmr(struct pgm_session *s, uint64_t now_ns)
{
	struct pgm_receiver *r = s->r;
	uint8_t out[PGM_HEADER_LEN];
	struct pgm_packet p;
	unsigned n;

	memset(&p, 0, offsetof(struct pgm_packet, options.nak_list));
	p.type = PGM_SPMR;
	p.sport = r->config.dport;
	p.dport = s->tsi.port;
	p.tsi = s->tsi;
	n = (unsigned)pgm_build(&p, out, sizeof(out));
	r->ops.send(r->ctx, s, NULL, out, n, false);
	if (r->ops.send(r->ctx, s, &s->from, out, n, false))
		receiver_count(r, PGM_rcv_spmrs);
	s->spmr_at = now_ns + s->spmr_ivl + receiver_random(r, r->config.spmr_bo_ns);
	s->spmr_ivl = s->spmr_ivl < SPMR_IVL_MAX_NS / 2 ? 2 * s->spmr_ivl : SPMR_IVL_MAX_NS;
}

static void expire(struct pgm_session *s, uint64_t now_ns)
{
	uint64_t at = s->heard_at + s->r->config.expiry_ns;

	if (s->ended) {
		vacate(s);
		return;
	}
	if (now_ns < at) {
		s->expiry_at = at;
		return;
	}
	rxw_lose_all(s);
	rxw_advance(s, now_ns);
	rx_session_end(s, now_ns, PGM_END_EXPIRED);
	vacate(s);
}

static void turn(struct pgm_session *s, uint64_t now_ns)
{
	struct pgm_receiver *r = s->r;

	if (!s->ended) {
		receiver_due(r, nak_turn(s, now_ns));
		if (!s->ended && now_ns >= s->spmr_at)
			send_spmr(s, now_ns);
	}
	if (now_ns >= s->expiry_at)
		expire(s, now_ns);
	if (!s->used)
		return;
	receiver_due(r, s->expiry_at);
	if (!s->ended)
		receiver_due(r, s->spmr_at);
}

uint64_t pgm_receiver_turn(struct pgm_receiver *r, uint64_t now_ns)
{
	if (now_ns < r->due_at)
		return r->due_at;
	r->due_at = PGM_NEVER;
	for (unsigned i = 0; i < r->config.sessions; i++)
		if (r->session[i].used)
			turn(&r->session[i], now_ns);
	return r->due_at;
}

void pgm_receiver_resume(struct pgm_receiver *r, uint64_t now_ns)
{
	for (unsigned i = 0; i < r->config.sessions; i++)
		if (r->session[i].used && r->session[i].stalled)
			rxw_advance(&r->session[i], now_ns);
}

void pgm_receiver_close(struct pgm_receiver *r)
{
	for (unsigned i = 0; i < r->config.sessions; i++) {
		if (!r->session[i].used)
			continue;
		rx_session_end(&r->session[i], 0, PGM_END_CLOSED);
		vacate(&r->session[i]);
	}
	r->due_at = PGM_NEVER;
}

uint32_t pgm_receiver_held(const struct pgm_receiver *r)
{
	return r->held;
}

const struct pgm_tsi *pgm_session_tsi(const struct pgm_session *s)
{
	return &s->tsi;
}

void *pgm_session_user(const struct pgm_session *s)
{
	return s->user;
}

void pgm_session_set_user(struct pgm_session *s, void *user)
{
	s->user = user;
}

unsigned pgm_session_reset_code(const struct pgm_session *s)
{
	return s->reset_code;
}
