/* Sessions of a PGM receiver: found by their TSI, begun with the first packet, ended when the
 * source says so or is no longer heard. */
#include "dataplane/pgm/receiver_state.h"

#define SPMR_IVL_MAX_NS UINT64_C(30000000000)

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

	if (s->path.len && p->sqn == s->spm_sqn && s->r->config.lines > 1)
		return PGM_TAKEN; /* the other line's */
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
		return session_begin(r, now_ns, p, from, first_of(r, p, p->lead + 1));
	if (p->type == PGM_ODATA && !(p->flags & PGM_PARITY))
		return session_begin(r, now_ns, p, from, first_of(r, p, p->sqn));
	receiver_count(r, PGM_rcv_drop_unknown);
	return NULL;
}

static enum pgm_input downstream(struct pgm_session *s, uint64_t now_ns, const struct pgm_packet *p,
				 const struct pgm_nla *from, unsigned line, void *buffer)
{
	enum pgm_input done;

	if (p->type == PGM_SPM)
		return spm(s, now_ns, p, from);
	if (p->type == PGM_NCF)
		return nak_heard(s, now_ns, p);
	receiver_count(s->r, p->type == PGM_ODATA ? PGM_rcv_odata : PGM_rcv_rdata);
	if (p->flags & PGM_PARITY)
		return rebuild_parity(s, now_ns, p, buffer);
	done = rxw_data(s, now_ns, p, buffer);
	if (s->r->config.lines == 1 && !s->r->config.passive)
		return done;
	if (p->type == PGM_ODATA)
		line_heard(s, now_ns, line, p->sqn, done == PGM_TAKEN);
	if (s->r->config.passive)
		lines_give_up(s, now_ns);
	return done;
}

/* What other receivers say to the source, where the network lets us hear it. */
static enum pgm_input of_a_peer(struct pgm_receiver *r, uint64_t now_ns, const struct pgm_packet *p)
{
	struct pgm_session *s = session_find(r, &p->tsi);

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
				  unsigned line, void *buffer)
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
	s = session_find(r, &p->tsi);
	if (!s && !(s = try_to_begin(r, now_ns, p, from)))
		return PGM_DROPPED;
	if (s->ended) {
		receiver_count(r, PGM_rcv_drop_ended);
		return PGM_DROPPED;
	}
	s->heard_at = now_ns;
	return downstream(s, now_ns, p, from, line, buffer);
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
		session_vacate(s);
		return;
	}
	if (now_ns < at) {
		s->expiry_at = at;
		return;
	}
	rxw_lose_all(s);
	rxw_advance(s, now_ns);
	rx_session_end(s, now_ns, PGM_END_EXPIRED);
	session_vacate(s);
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
		session_vacate(&r->session[i]);
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

bool pgm_receiver_report(const struct pgm_receiver *r, unsigned i, struct pgm_session_report *to)
{
	const struct pgm_session *s = r->session + i;

	if (i >= r->config.sessions || !s->used)
		return false;
	*to = s->report;
	to->tsi = s->tsi;
	to->from = s->from;
	to->heard_ns = s->heard_at;
	to->missing = s->missing;
	return true;
}
