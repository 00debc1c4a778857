/* Packets rebuilt from parity (RFC 3208 11.2 and 11.5). A parity packet is held in the slot of a
 * packet that is missing from its group; when no slot of the group is empty any more, all is
 * computed at once. What is delivered of a group is kept until the group is through, as parity is
 * over all of it. A packet that a short group lacks counts as zeros. */
#include "dataplane/pgm/receiver_state.h"

enum {
	OPTION_BYTES = 13 /* of OPT_FRAGMENT, that are encoded */
};

void rebuild_learn(struct pgm_session *s, const struct pgm_options *o)
{
	const uint32_t k = o->tg_size;

	if (!(o->has & PGM_HAS_PARITY_PRM) || s->k)
		return;
	if (k < 2 || k > PGM_FEC_K_MAX || k & (k - 1) || 2 * k > s->r->window)
		return;
	s->tg_size = (uint8_t)k;
	if (!s->r->config.rebuilt || 2 * k > s->r->config.held)
		return;
	/* The window now begins where the group does: if that is too much, at the next SPM. */
	if (s->end - (s->next & ~(k - 1)) > s->r->window)
		return;
	s->k = (uint8_t)k;
	s->parity_from = session_tg_first(s, s->end + k - 1);
	s->ondemand = o->parity & PGM_PARITY_ONDEMAND;
	pgm_fec_init(&s->fec, k);
}

bool rebuild_is_usable(const struct pgm_session *s, uint32_t first)
{
	if (!s->k || sqn_diff(first, s->parity_from) < 0)
		return false;
	for (uint32_t n = first; n != first + s->k && sqn_diff(n, s->next) < 0; n++)
		if (rxw_slot(s, n)->state != RXW_KEPT && rxw_slot(s, n)->state != RXW_VOID)
			return false;
	return true;
}

void rebuild_return(struct pgm_receiver *r, const uint8_t *at)
{
	r->rebuilt_free[r->rebuilt_free_count++] = (uint32_t)((size_t)(at - r->rebuilt) /
							      r->config.max_tpdu);
}

static bool is_empty(const struct rxw_slot *t)
{
	return (rxw_is_missing(t) || t->state == RXW_LOST) && !(t->flags & RXW_PARITY);
}

static struct rxw_slot *find_empty(struct pgm_session *s, uint32_t first, uint32_t but)
{
	for (uint32_t n = first; n != first + s->k; n++)
		if (n != but && sqn_diff(n, s->next) >= 0 && is_empty(rxw_slot(s, n)))
			return rxw_slot(s, n);
	return NULL;
}

void rebuild_displace(struct pgm_session *s, uint32_t sqn, struct rxw_slot *t)
{
	struct rxw_slot *to = find_empty(s, session_tg_first(s, sqn), sqn);

	if (!to) {
		rxw_let_go(s, t);
		return;
	}
	to->buffer = t->buffer;
	to->at = t->at;
	to->len = t->len;
	to->flags = t->flags;
	to->parity = t->parity;
	to->fragment = t->fragment;
	to->first_sqn = t->first_sqn;
	to->offset = t->offset;
	to->apdu_len = t->apdu_len;
	t->buffer = NULL;
	t->flags = 0;
}

void rebuild_short(struct pgm_session *s, uint64_t now_ns, uint32_t sqn, uint32_t size)
{
	const uint32_t k = s->tg_size, first = sqn & ~(k - 1);

	if (k && size && size < k && sqn_diff(first + k, s->next) > 0)
		rxw_void(s, now_ns, first + size, first + k);
}

/* A group as the code sees it. */
struct group {
	uint32_t first;
	unsigned n; /* missing, as many as there are parity packets */
	uint8_t missing[PGM_FEC_K_MAX], parity[PGM_FEC_K_MAX];
	uint16_t len; /* of the parity packets */
	bool varied, fragments;
};

static struct rxw_slot *missing_slot(const struct pgm_session *s, const struct group *g, unsigned m)
{
	return rxw_slot(s, g->first + g->missing[m]);
}

/* false: some are still missing, or nothing is. */
static bool look_at(const struct pgm_session *s, uint32_t first, struct group *g)
{
	g->first = first;
	g->n = 0;
	for (unsigned i = 0; i < s->k; i++) {
		const struct rxw_slot *t = rxw_slot(s, first + i);

		if (is_empty(t))
			return false;
		if (!(t->flags & RXW_PARITY))
			continue;
		g->missing[g->n] = (uint8_t)i;
		g->parity[g->n++] = t->parity;
		g->len = t->len;
		g->varied = t->flags & RXW_VARIED;
		g->fragments = t->flags & RXW_FRAGMENT;
	}
	return g->n;
}

static uint16_t longest(const struct group *g)
{
	return (uint16_t)(g->len - (g->varied ? 2 : 0));
}

/* Do the parity packets agree, and can the others be of their group? */
static bool fits(const struct pgm_session *s, const struct group *g)
{
	for (unsigned i = 0; i < s->k; i++) {
		const struct rxw_slot *t = rxw_slot(s, g->first + i);
		bool varied = t->flags & RXW_VARIED, fragments = t->flags & RXW_FRAGMENT;

		if (t->state == RXW_VOID)
			continue;
		if (t->flags & RXW_PARITY
			    ? t->len != g->len || varied != g->varied || fragments != g->fragments
			    : t->len > longest(g) || (!g->varied && t->len != g->len))
			return false;
	}
	return true;
}

static void option_bytes(const struct rxw_slot *t, uint8_t out[OPTION_BYTES])
{
	if (!(t->flags & RXW_FRAGMENT)) {
		memset(out, 0, OPTION_BYTES);
		out[0] = PGM_FRAGMENT_NULL;
		return;
	}
	out[0] = t->fragment;
	pgm_store32(out + 1, t->first_sqn);
	pgm_store32(out + 5, t->offset);
	pgm_store32(out + 9, t->apdu_len);
}

/* What comes out of the code for one packet. */
struct rebuilt {
	uint8_t *at;
	uint8_t len[2], option[OPTION_BYTES];
};

static void add_data(const struct group *g, struct rebuilt *b, const struct rxw_slot *t, uint8_t by)
{
	uint8_t len[2], option[OPTION_BYTES];

	pgm_store16(len, t->len);
	option_bytes(t, option);
	pgm_fec_add(b->at, t->at, t->len, by);
	if (g->varied)
		pgm_fec_add(b->len, len, sizeof(len), by);
	if (g->fragments)
		pgm_fec_add(b->option, option, sizeof(option), by);
}

static void add_parity(const struct group *g, struct rebuilt *b, const struct rxw_slot *t,
		       uint8_t by)
{
	uint8_t option[OPTION_BYTES];

	option_bytes(t, option);
	pgm_fec_add(b->at, t->at, longest(g), by);
	if (g->varied)
		pgm_fec_add(b->len, t->at + longest(g), sizeof(b->len), by);
	if (g->fragments)
		pgm_fec_add(b->option, option, sizeof(option), by);
}

static void compute(const struct pgm_session *s, const struct group *g, struct rebuilt *b)
{
	uint8_t of_parity[PGM_FEC_K_MAX][PGM_FEC_K_MAX], of_data[PGM_FEC_K_MAX][PGM_FEC_K_MAX];

	pgm_fec_solve(&s->fec, g->n, g->missing, g->parity, of_parity, of_data);
	for (unsigned m = 0; m < g->n; m++) {
		memset(b[m].at, 0, longest(g));
		memset(b[m].len, 0, sizeof(b[m].len));
		memset(b[m].option, 0, sizeof(b[m].option));
		for (unsigned j = 0; j < g->n; j++)
			add_parity(g, &b[m], missing_slot(s, g, j), of_parity[m][j]);
		for (unsigned i = 0; i < s->k; i++) {
			const struct rxw_slot *t = rxw_slot(s, g->first + i);

			if (t->state == RXW_HAVE || t->state == RXW_KEPT)
				add_data(g, &b[m], t, of_data[m][i]);
		}
	}
}

static bool makes_sense(const struct group *g, const struct rebuilt *b)
{
	uint32_t len = g->varied ? pgm_load16(b->len) : g->len;
	uint32_t offset = pgm_load32(b->option + 5), apdu_len = pgm_load32(b->option + 9);

	if (len > longest(g))
		return false;
	if (!g->fragments || b->option[0] & PGM_FRAGMENT_NULL)
		return true;
	return offset <= apdu_len && len <= apdu_len - offset;
}

static void fill(struct pgm_session *s, const struct group *g, struct rxw_slot *t,
		 const struct rebuilt *b)
{
	if (rxw_is_missing(t))
		nak_cancel(s, t);
	rxw_let_go(s, t);
	t->state = RXW_HAVE;
	t->flags = RXW_REBUILT;
	t->at = b->at;
	t->len = g->varied ? pgm_load16(b->len) : g->len;
	if (g->fragments && !(b->option[0] & PGM_FRAGMENT_NULL)) {
		t->flags |= RXW_FRAGMENT;
		t->fragment = 0;
		t->first_sqn = pgm_load32(b->option + 1);
		t->offset = pgm_load32(b->option + 5);
		t->apdu_len = pgm_load32(b->option + 9);
	}
	receiver_count(s->r, PGM_rcv_rebuilt);
}

/* The parity packets of a group are of no use. */
static void drop_parity(struct pgm_session *s, const struct group *g, enum pgm_counter why)
{
	for (unsigned m = 0; m < g->n; m++)
		rxw_let_go(s, missing_slot(s, g, m));
	s->r->counters[why] += g->n;
}

void rebuild_try(struct pgm_session *s, uint32_t first)
{
	struct pgm_receiver *r = s->r;
	struct rebuilt b[PGM_FEC_K_MAX];
	struct group g;
	bool sense = true;

	if (sqn_diff(first + s->k, s->end) > 0 || !rebuild_is_usable(s, first) ||
	    !look_at(s, first, &g))
		return;
	if (!fits(s, &g)) {
		drop_parity(s, &g, PGM_rcv_drop_parity_form);
		return;
	}
	if (g.n > r->rebuilt_free_count) {
		receiver_count(r, PGM_rcv_drop_rebuilt);
		return;
	}
	for (unsigned m = 0; m < g.n; m++)
		b[m].at = r->rebuilt +
			  (size_t)r->rebuilt_free[--r->rebuilt_free_count] * r->config.max_tpdu;
	compute(s, &g, b);
	for (unsigned m = 0; m < g.n; m++)
		sense &= makes_sense(&g, &b[m]);
	if (sense) {
		for (unsigned m = 0; m < g.n; m++)
			fill(s, &g, missing_slot(s, &g, m), &b[m]);
		return;
	}
	for (unsigned m = 0; m < g.n; m++)
		rebuild_return(r, b[m].at);
	receiver_count(r, PGM_rcv_drop_rebuilt);
	drop_parity(s, &g, PGM_rcv_drop_parity_form);
}

static bool is_here(const struct pgm_session *s, uint32_t first, unsigned number)
{
	for (uint32_t n = first; n != first + s->k; n++)
		if (rxw_slot(s, n)->flags & RXW_PARITY && rxw_slot(s, n)->parity == number)
			return true;
	return false;
}

static enum pgm_input drop(struct pgm_session *s, enum pgm_counter why)
{
	receiver_count(s->r, why);
	return PGM_DROPPED;
}

/* The number of a parity packet in its group; more than can be if it is not one. */
static uint32_t number_of(const struct pgm_session *s, const struct pgm_packet *p)
{
	uint32_t group = p->options.has & PGM_HAS_PARITY_GRP ? p->options.parity_grp : 0;

	return group > PGM_FEC_N_MAX ? PGM_FEC_N_MAX
				     : (p->sqn & (s->k - 1u)) + group * (uint32_t)s->k;
}

static bool form_is_good(const struct pgm_session *s, const struct pgm_packet *p)
{
	bool fragment = p->options.has & PGM_HAS_FRAGMENT;

	return number_of(s, p) < (uint32_t)PGM_FEC_N_MAX - s->k &&
	       p->tsdu_len <= s->r->config.max_tpdu &&
	       p->tsdu_len >= (p->flags & PGM_VAR_PKTLEN ? 2 : 0) &&
	       (!fragment || p->options.encoded) &&
	       (!(p->options.has & PGM_HAS_CURR_TGSIZE) ||
		(p->options.curr_tgsize && p->options.curr_tgsize <= s->k));
}

/* Makes the window reach over the group, which is complete: parity is sent after it. */
static bool reach(struct pgm_session *s, uint64_t now_ns, const struct pgm_packet *p,
		  uint32_t first)
{
	uint32_t size = p->options.has & PGM_HAS_CURR_TGSIZE ? p->options.curr_tgsize : s->k;

	return rxw_void(s, now_ns, first + size, first + s->k) &&
	       rxw_extend(s, now_ns, first + s->k);
}

static enum pgm_input attach(struct pgm_session *s, const struct pgm_packet *p, uint32_t first,
			     void *buffer)
{
	struct rxw_slot *t;

	if (!rebuild_is_usable(s, first))
		return drop(s, PGM_rcv_drop_parity);
	if (is_here(s, first, number_of(s, p)))
		return drop(s, PGM_rcv_drop_duplicate);
	if (!(t = find_empty(s, first, first + s->k)))
		return drop(s, PGM_rcv_drop_parity);
	if (!rxw_hold(s, t, p, buffer))
		return PGM_DROPPED;
	t->flags |= RXW_PARITY | (p->flags & PGM_VAR_PKTLEN ? RXW_VARIED : 0);
	t->parity = (uint8_t)number_of(s, p);
	s->parities++;
	rebuild_try(s, first);
	return PGM_TAKEN;
}

enum pgm_input rebuild_parity(struct pgm_session *s, uint64_t now_ns, const struct pgm_packet *p,
			      void *buffer)
{
	uint32_t first;
	enum pgm_input in;

	receiver_count(s->r, PGM_rcv_parity);
	rxw_trail(s, now_ns, p->trail);
	first = session_tg_first(s, p->sqn);
	if (s->ended || !s->k || sqn_diff(first + s->k, s->next) <= 0)
		return drop(s, PGM_rcv_drop_parity);
	if (!form_is_good(s, p))
		return drop(s, PGM_rcv_drop_parity_form);
	if (!reach(s, now_ns, p, first))
		return drop(s, PGM_rcv_drop_window);
	in = attach(s, p, first, buffer);
	if (!s->stalled)
		rxw_advance(s, now_ns);
	return in;
}
