/* Asking for what is missing (RFC 3208 6.3 and 11.5): each missing packet is in BACK-OFF, WAIT-NCF
 * or WAIT-DATA, and in that bucket of a wheel in whose time its timer runs out. */
#include "dataplane/pgm/receiver_state.h"

enum {
	NOT_IN_WHEEL = 0xff,
	NAK_MAX = 512,     /* bytes: a full list and IPv6 addresses */
	PARITY_REFUSED = 3 /* NAKs in vain, and none was ever confirmed: parity is not offered */
};

void nak_init(struct pgm_session *s, uint64_t now_ns)
{
	const uint32_t rate = s->r->config.nak_rate;

	for (unsigned i = 0; i < WHEEL_BUCKETS; i++)
		s->wheel[i] = NO_SLOT;
	memset(s->wheel_has, 0, sizeof(s->wheel_has));
	s->missing = 0;
	bucket_init(&s->naks, rate, rate / 16 + 1, now_ns);
}

static uint32_t index_of(const struct pgm_session *s, const struct rxw_slot *t)
{
	return (uint32_t)(t - s->slot);
}

static uint32_t sqn_of(const struct pgm_session *s, uint32_t index)
{
	uint32_t base = session_base(s);

	return base + ((index - base) & s->r->mask);
}

static void unlink_slot(struct pgm_session *s, struct rxw_slot *t)
{
	uint32_t *head = &s->wheel[t->bucket], i = index_of(s, t);

	if (t->next == i) {
		*head = NO_SLOT;
		s->wheel_has[t->bucket / 64] &= ~(UINT64_C(1) << t->bucket % 64);
	} else {
		s->slot[t->next].prev = t->prev;
		s->slot[t->prev].next = t->next;
		if (*head == i)
			*head = t->next;
	}
	t->bucket = NOT_IN_WHEEL;
	s->missing--;
}

/* At a bucket's tail: what went missing first is asked for first. */
static void link_slot(struct pgm_session *s, struct rxw_slot *t, unsigned bucket)
{
	uint32_t *head = &s->wheel[bucket], i = index_of(s, t);

	if (*head == NO_SLOT) {
		*head = t->prev = t->next = i;
		s->wheel_has[bucket / 64] |= UINT64_C(1) << bucket % 64;
	} else {
		struct rxw_slot *first = &s->slot[*head];

		t->prev = first->prev;
		t->next = *head;
		s->slot[t->prev].next = i;
		first->prev = i;
	}
	t->bucket = (uint8_t)bucket;
	s->missing++;
}

static void put(struct pgm_session *s, uint64_t now_ns, struct rxw_slot *t, enum rxw_state state,
		uint64_t wait_ns)
{
	const uint64_t tick_ns = s->r->tick_ns;
	uint64_t tick = (now_ns + wait_ns) / tick_ns + 1;

	if (t->bucket != NOT_IN_WHEEL && rxw_is_missing(t))
		unlink_slot(s, t);
	if (!s->missing)
		s->wheel_tick = now_ns / tick_ns;
	if (tick <= s->wheel_tick)
		tick = s->wheel_tick + 1;
	if (tick >= s->wheel_tick + WHEEL_BUCKETS)
		tick = s->wheel_tick + WHEEL_BUCKETS - 1;
	t->state = (uint8_t)state;
	link_slot(s, t, tick % WHEEL_BUCKETS);
	receiver_due(s->r, tick * tick_ns);
}

void nak_missing(struct pgm_session *s, uint64_t now_ns, uint32_t sqn, uint64_t wait_ns)
{
	struct rxw_slot *t = rxw_slot(s, sqn);

	t->ncf_retries = t->data_retries = 0;
	t->bucket = NOT_IN_WHEEL;
	receiver_count(s->r, PGM_rcv_missing);
	put(s, now_ns, t, RXW_BACK_OFF, wait_ns);
}

void nak_cancel(struct pgm_session *s, struct rxw_slot *t)
{
	if (t->bucket != NOT_IN_WHEEL)
		unlink_slot(s, t);
}

/* Those whose time has come, until there is a NAK full; and how long those wait that back off
 * again: what was asked for together is asked for together again. */
struct gathered {
	uint64_t wait_ns;
	uint32_t sqn[1 + PGM_NAK_LIST_MAX];
	unsigned n;
};

static bool send_nak(struct pgm_session *s, uint64_t now_ns, const struct gathered *g,
		     uint8_t flags)
{
	struct pgm_receiver *r = s->r;
	uint8_t out[NAK_MAX];
	struct pgm_packet p;

	if (!bucket_has(&s->naks, now_ns, 1)) {
		receiver_count(r, PGM_rcv_naks_limited);
		return false;
	}
	memset(&p, 0, offsetof(struct pgm_packet, options.nak_list));
	p.type = PGM_NAK;
	p.flags = flags;
	p.sport = r->config.dport;
	p.dport = s->tsi.port;
	p.tsi = s->tsi;
	p.nla = s->from;
	p.group = r->config.group;
	p.sqn = g->sqn[0];
	if (g->n > 1) {
		p.options.has = PGM_HAS_NAK_LIST;
		p.options.naks = (uint8_t)(g->n - 1);
		memcpy(p.options.nak_list, g->sqn + 1, (g->n - 1) * sizeof(g->sqn[0]));
	}
	if (!r->ops.send(r->ctx, s, &s->path, out, (unsigned)pgm_build(&p, out, sizeof(out)),
			 true)) {
		receiver_count(r, PGM_rcv_naks_unsent);
		return false;
	}
	bucket_take(&s->naks, 1);
	receiver_count(r, flags & PGM_PARITY ? PGM_rcv_naks_parity : PGM_rcv_naks);
	r->counters[PGM_rcv_nak_sqns] += g->n;
	s->report.naks++;
	return true;
}

/* A list is in order (9.3). */
static void gather(struct gathered *g, uint32_t sqn)
{
	unsigned i = g->n++;

	for (; i && sqn_diff(g->sqn[i - 1], sqn) > 0; i--)
		g->sqn[i] = g->sqn[i - 1];
	g->sqn[i] = sqn;
}

static void ask(struct pgm_session *s, uint64_t now_ns, struct gathered *g)
{
	bool sent = g->n && send_nak(s, now_ns, g, 0);

	for (unsigned i = 0; i < g->n; i++) {
		struct rxw_slot *t = rxw_slot(s, g->sqn[i]);

		if (sent)
			put(s, now_ns, t, RXW_WAIT_NCF, s->r->config.nak_rpt_ns);
		else
			put(s, now_ns, t, RXW_BACK_OFF, g->wait_ns);
	}
	g->n = 0;
}

/* How many packets of a group are wanted: missing, and not made up for by parity. */
static unsigned wanted(const struct pgm_session *s, uint32_t first, unsigned *lacking)
{
	unsigned n = 0;

	*lacking = 0;
	for (uint32_t i = first; i != first + s->k; i++) {
		const struct rxw_slot *t = rxw_slot(s, i);

		if ((rxw_is_missing(t) || t->state == RXW_LOST) && !(t->flags & RXW_PARITY))
			n++;
		*lacking += t->state == RXW_VOID;
	}
	return n;
}

static bool is_in_time(const struct pgm_session *s, uint32_t first)
{
	return s->ondemand && !s->parity_refused && sqn_diff(first, s->trail) >= 0 &&
	       rebuild_is_usable(s, first);
}

static void put_group(struct pgm_session *s, uint64_t now_ns, uint32_t first, enum rxw_state state,
		      uint64_t wait_ns)
{
	for (uint32_t i = first; i != first + s->k; i++)
		if (rxw_is_missing(rxw_slot(s, i)))
			put(s, now_ns, rxw_slot(s, i), state, wait_ns);
}

/* For as many packets as are missing, those included that a short group never had (11.5). */
static void ask_parity(struct pgm_session *s, uint64_t now_ns, uint32_t first, uint64_t wait_ns)
{
	const struct pgm_receiver_config *c = &s->r->config;
	unsigned lacking, n = wanted(s, first, &lacking);
	struct gathered g = {.n = 1};

	if (!n) {
		/* All is here, but no buffer was there to put it in. */
		rebuild_try(s, first);
		put_group(s, now_ns, first, RXW_WAIT_DATA, c->nak_rdata_ns);
		return;
	}
	g.sqn[0] = first | (n + lacking - 1);
	if (send_nak(s, now_ns, &g, PGM_PARITY))
		put_group(s, now_ns, first, RXW_WAIT_NCF, c->nak_rpt_ns);
	else
		put_group(s, now_ns, first, RXW_BACK_OFF, wait_ns);
}

/* What came could not be held. Of a group, all may come at once. */
static bool is_full(const struct pgm_session *s)
{
	return s->r->held + (s->k ? s->k : 1u) > s->r->config.held;
}

static void backed_off(struct pgm_session *s, uint64_t now_ns, uint32_t sqn, struct gathered *g)
{
	const uint32_t first = session_tg_first(s, sqn);
	struct rxw_slot *t = rxw_slot(s, sqn);

	if (s->r->config.passive) {
		rxw_lose(s, t, PGM_rcv_lost_passed);
	} else if (!s->path.len) { /* we would not know where to (6.2) */
		put(s, now_ns, t, RXW_BACK_OFF, g->wait_ns);
	} else if (s->no_naks) {
		rxw_lose(s, t, PGM_rcv_lost_reset);
	} else if (is_full(s) && sqn != s->next) {
		/* There would be no place for it. What is next needs none, and makes some. */
		receiver_count(s->r, PGM_rcv_naks_full);
		put(s, now_ns, t, RXW_BACK_OFF, g->wait_ns);
	} else if (is_full(s) || !is_in_time(s, first) || (s->end - first < s->k && s->idle)) {
		gather(g, sqn);
		if (g->n == sizeof(g->sqn) / sizeof(g->sqn[0]))
			ask(s, now_ns, g);
	} else if (s->end - first < s->k) { /* parity is had once its group is complete */
		put(s, now_ns, t, RXW_BACK_OFF, g->wait_ns);
	} else {
		ask_parity(s, now_ns, first, g->wait_ns);
	}
}

static void unconfirmed(struct pgm_session *s, uint64_t now_ns, uint32_t sqn, uint64_t wait_ns)
{
	struct rxw_slot *t = rxw_slot(s, sqn);

	if (t->ncf_retries++ >= s->r->config.nak_ncf_retries) {
		rxw_lose(s, t, PGM_rcv_lost_ncf);
		return;
	}
	if (t->ncf_retries >= PARITY_REFUSED && !s->parity_confirmed &&
	    is_in_time(s, session_tg_first(s, sqn)))
		s->parity_refused = true;
	put(s, now_ns, t, RXW_BACK_OFF, wait_ns);
}

static void run_out(struct pgm_session *s, uint64_t now_ns, uint32_t sqn, struct gathered *g)
{
	struct rxw_slot *t = rxw_slot(s, sqn);

	switch ((enum rxw_state)t->state) {
	case RXW_BACK_OFF:
		backed_off(s, now_ns, sqn, g);
		break;
	case RXW_WAIT_NCF:
		unconfirmed(s, now_ns, sqn, g->wait_ns);
		break;
	case RXW_WAIT_DATA:
		if (t->data_retries++ >= s->r->config.nak_data_retries)
			rxw_lose(s, t, PGM_rcv_lost_data);
		else
			put(s, now_ns, t, RXW_BACK_OFF, g->wait_ns);
		break;
	case RXW_NONE:
	case RXW_HAVE:
	case RXW_KEPT:
	case RXW_LOST:
	case RXW_VOID: /* not in the wheel */
		break;
	}
}

static uint64_t next_due(const struct pgm_session *s)
{
	for (uint64_t n = 1; s->missing && n <= WHEEL_BUCKETS; n++) {
		unsigned bucket = (s->wheel_tick + n) % WHEEL_BUCKETS;

		if (s->wheel_has[bucket / 64] >> bucket % 64 & 1)
			return (s->wheel_tick + n) * s->r->tick_ns;
	}
	return PGM_NEVER;
}

uint64_t nak_turn(struct pgm_session *s, uint64_t now_ns)
{
	const uint64_t to = now_ns / s->r->tick_ns;
	struct gathered g = {.wait_ns = receiver_random(s->r, s->r->config.nak_bo_ns)};

	if (s->missing && to > s->wheel_tick + WHEEL_BUCKETS)
		s->wheel_tick = to - WHEEL_BUCKETS;
	while (s->missing && s->wheel_tick < to) {
		unsigned bucket = ++s->wheel_tick % WHEEL_BUCKETS;

		while (s->wheel[bucket] != NO_SLOT) {
			uint32_t sqn = sqn_of(s, s->wheel[bucket]);

			unlink_slot(s, rxw_slot(s, sqn));
			run_out(s, now_ns, sqn, &g);
		}
	}
	ask(s, now_ns, &g);
	if (!s->stalled)
		rxw_advance(s, now_ns);
	return next_due(s);
}

/* An NCF, or with `ncf` false another receiver's NAK, for one packet. */
static bool heard_one(struct pgm_session *s, uint64_t now_ns, uint32_t sqn, bool ncf)
{
	const struct pgm_receiver_config *c = &s->r->config;
	struct rxw_slot *t = rxw_slot(s, sqn);

	/* The source has what somebody misses, and so do we. */
	if (ncf && sqn_diff(sqn, s->end) >= 0 && !s->stalled &&
	    sqn + 1 - session_base(s) <= s->r->window)
		rxw_extend(s, now_ns, sqn + 1);
	if (sqn_diff(sqn, s->next) < 0 || sqn_diff(sqn, s->end) >= 0 || !rxw_is_missing(t))
		return false;
	if (t->state == RXW_BACK_OFF)
		receiver_count(s->r, PGM_rcv_naks_suppressed);
	if (ncf || t->state == RXW_WAIT_DATA)
		put(s, now_ns, t, RXW_WAIT_DATA, c->nak_rdata_ns);
	else
		put(s, now_ns, t, RXW_WAIT_NCF, c->nak_rpt_ns);
	return true;
}

/* The same for a group: of use if it asks for as many packets as we want. */
static bool heard_parity(struct pgm_session *s, uint64_t now_ns, uint32_t sqn, bool ncf)
{
	const struct pgm_receiver_config *c = &s->r->config;
	const uint32_t first = session_tg_first(s, sqn);
	unsigned lacking, n;

	if (!s->k || sqn_diff(first + s->k, s->next) <= 0 || sqn_diff(first + s->k, s->end) > 0)
		return false;
	n = wanted(s, first, &lacking);
	if (!n || sqn - first + 1 < n + lacking)
		return false;
	s->parity_confirmed |= ncf;
	if (ncf)
		put_group(s, now_ns, first, RXW_WAIT_DATA, c->nak_rdata_ns);
	else
		put_group(s, now_ns, first, RXW_WAIT_NCF, c->nak_rpt_ns);
	return true;
}

enum pgm_input nak_heard(struct pgm_session *s, uint64_t now_ns, const struct pgm_packet *p)
{
	const bool ncf = p->type == PGM_NCF;
	unsigned used = 0;

	receiver_count(s->r, ncf ? PGM_rcv_ncfs : PGM_rcv_peer_naks);
	for (unsigned i = 0; i <= p->options.naks; i++) {
		uint32_t sqn = i ? p->options.nak_list[i - 1] : p->sqn;

		used += (p->flags & PGM_PARITY ? heard_parity : heard_one)(s, now_ns, sqn, ncf);
	}
	if (used)
		return PGM_TAKEN;
	receiver_count(s->r, PGM_rcv_drop_nak_old);
	return PGM_DROPPED;
}
