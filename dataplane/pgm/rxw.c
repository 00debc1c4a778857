/* The receive window (RFC 3208 6.1): what came ahead of a gap is held, what is in order delivered,
 * and what will not come any more told of in its place. */
#include "dataplane/pgm/receiver_state.h"

static void note_fragment(struct rxw_slot *t, const struct pgm_packet *p)
{
	if (!(p->options.has & PGM_HAS_FRAGMENT))
		return;
	t->flags |= RXW_FRAGMENT;
	t->fragment = p->options.fragment;
	t->first_sqn = p->options.first_sqn;
	t->offset = p->options.offset;
	t->apdu_len = p->options.apdu_len;
}

bool rxw_hold(struct pgm_session *s, struct rxw_slot *t, const struct pgm_packet *p, void *buffer)
{
	struct pgm_receiver *r = s->r;

	if (r->held >= r->config.held) {
		receiver_count(r, PGM_rcv_drop_held);
		return false;
	}
	r->held++;
	r->ops.hold(r->ctx, buffer);
	receiver_count(r, PGM_rcv_held);
	t->buffer = buffer;
	t->at = p->tsdu;
	t->len = p->tsdu_len;
	t->flags = 0;
	note_fragment(t, p);
	return true;
}

/* A slot's buffer, if it has one, parity's included. */
void rxw_let_go(struct pgm_session *s, struct rxw_slot *t)
{
	struct pgm_receiver *r = s->r;

	if (t->flags & RXW_REBUILT) {
		rebuild_return(r, t->at);
	} else if (t->buffer) {
		r->held--;
		r->ops.unhold(r->ctx, t->buffer);
	}
	if (t->flags & RXW_PARITY)
		s->parities--;
	t->buffer = NULL;
	t->flags = 0;
}

static void forget(struct pgm_session *s, uint32_t sqn)
{
	struct rxw_slot *t = rxw_slot(s, sqn);

	if (rxw_is_missing(t))
		nak_cancel(s, t);
	rxw_let_go(s, t);
	t->state = RXW_NONE;
}

void rxw_lose(struct pgm_session *s, struct rxw_slot *t, enum pgm_counter why)
{
	if (rxw_is_missing(t))
		nak_cancel(s, t);
	t->state = RXW_LOST;
	t->why = (uint8_t)(why - PGM_rcv_lost);
}

void rxw_lose_all(struct pgm_session *s)
{
	for (uint32_t n = s->next; n != s->end; n++)
		if (rxw_is_missing(rxw_slot(s, n)))
			rxw_lose(s, rxw_slot(s, n), PGM_rcv_lost_reset);
}

static void tell_lost(struct pgm_session *s, uint32_t first, uint32_t count)
{
	if (!count)
		return;
	apdu_abandon(s);
	s->r->counters[PGM_rcv_lost] += count;
	s->report.lost += count;
	s->r->ops.lost(s->r->ctx, s, first, count);
}

void rxw_let_all_go(struct pgm_session *s)
{
	uint32_t first = s->next, count = s->end - s->next;

	for (uint32_t n = session_base(s); n != s->end; n++)
		forget(s, n);
	s->next = s->end;
	s->r->counters[PGM_rcv_lost_reset] += count;
	tell_lost(s, first, count);
}

/* next is to go on: its slot is let go, or kept until its group is through. */
static void pass(struct pgm_session *s)
{
	struct rxw_slot *t = rxw_slot(s, s->next);
	uint32_t before = session_base(s);

	if (t->state == RXW_HAVE && s->k && sqn_diff(before, s->parity_from) >= 0) {
		t->state = RXW_KEPT;
	} else if (t->state != RXW_VOID) {
		rxw_let_go(s, t);
		t->state = RXW_NONE;
	}
	s->next++;
	for (; before != session_base(s); before++)
		forget(s, before);
}

/* The source's window has left behind even what we never heard of. */
static void jump(struct pgm_session *s, uint32_t to, enum pgm_counter why)
{
	uint32_t first = s->end, count = to - s->end, base = session_base(s);

	s->r->counters[why] += count;
	for (; base != s->end; base++)
		forget(s, base);
	s->next = s->end = to;
	for (base = session_base(s); base != to; base++)
		rxw_slot(s, base)->state = RXW_NONE;
	tell_lost(s, first, count);
}

/* Goes on from next as far as it can. Returns whether that is to what is missing. */
static bool advance(struct pgm_session *s)
{
	uint32_t first = s->next, lost = 0;

	while (s->next != s->end) {
		struct rxw_slot *t = rxw_slot(s, s->next);

		if (t->state == RXW_LOST) {
			if (!lost++)
				first = s->next;
			receiver_count(s->r, PGM_rcv_lost + t->why);
			pass(s);
			continue;
		}
		tell_lost(s, first, lost);
		lost = 0;
		if (t->state == RXW_VOID) {
			pass(s);
			continue;
		}
		if (t->state != RXW_HAVE)
			return true;
		if (!apdu_deliver(s, s->next, t)) {
			s->stalled = true;
			receiver_count(s->r, PGM_rcv_stalls);
			return false;
		}
		pass(s);
	}
	tell_lost(s, first, lost);
	return false;
}

/* For how long what came was kept back by what did not. */
static void note_wait(struct pgm_session *s, uint64_t now_ns, uint32_t was_next, bool waits)
{
	struct pgm_session_report *r = &s->report;

	if (s->waits && (!waits || was_next != s->next)) {
		uint64_t ns = now_ns - s->waits_since;

		r->gap_ns += ns;
		r->gap_max_ns = ns > r->gap_max_ns ? ns : r->gap_max_ns;
		s->waits = false;
	}
	if (waits && !s->waits) {
		s->waits = true;
		s->waits_since = now_ns;
		r->gaps++;
	}
}

void rxw_advance(struct pgm_session *s, uint64_t now_ns)
{
	uint32_t was_next = s->next;

	if (s->ended)
		return;
	s->stalled = false;
	note_wait(s, now_ns, was_next, advance(s));
	if (s->stalled)
		return;
	if (s->next == s->end && sqn_diff(s->trail, s->end) > 0)
		jump(s, s->trail, PGM_rcv_lost_trail);
	if (s->stopping && sqn_diff(s->next, s->stop) >= 0)
		rx_session_end(s, now_ns, s->why);
}

/* Room for slots up to `end`. What is missing for longest is given up for it; not what an owner has
 * no room for. */
static bool make_room(struct pgm_session *s, uint64_t now_ns, uint32_t end)
{
	const uint32_t window = s->r->window;
	/* Where next has to be, so that its group begins within a window of end. */
	const uint32_t to = s->k ? session_tg_first(s, end - window + s->k - 1) : end - window;

	if (end - session_base(s) <= window)
		return true;
	if (s->stalled)
		return false;
	for (uint32_t n = s->next; n != s->end && n != to; n++)
		if (rxw_is_missing(rxw_slot(s, n)))
			rxw_lose(s, rxw_slot(s, n), PGM_rcv_lost_window);
	rxw_advance(s, now_ns);
	if (s->stalled || s->ended)
		return false;
	if (sqn_diff(to, s->end) > 0)
		jump(s, to, PGM_rcv_lost_window);
	return true;
}

static void begin_slot(struct pgm_session *s, uint32_t sqn)
{
	struct rxw_slot *t = rxw_slot(s, sqn);

	t->state = RXW_NONE;
	t->buffer = NULL;
	t->flags = 0;
}

bool rxw_extend(struct pgm_session *s, uint64_t now_ns, uint32_t end)
{
	uint64_t wait_ns;

	if (sqn_diff(end, s->end) <= 0)
		return true;
	if (!make_room(s, now_ns, end))
		return false;
	/* Packets of one gap are asked for together. */
	wait_ns = s->r->config.passive ? s->r->config.nak_bo_ns
				       : receiver_random(s->r, s->r->config.nak_bo_ns);
	for (; s->end != end; s->end++) {
		begin_slot(s, s->end);
		if (sqn_diff(s->end, s->trail) < 0)
			rxw_lose(s, rxw_slot(s, s->end), PGM_rcv_lost_trail);
		else
			nak_missing(s, now_ns, s->end, wait_ns);
	}
	return true;
}

/* The same, with a place for sqn after them. */
static bool append(struct pgm_session *s, uint64_t now_ns, uint32_t sqn)
{
	if (sqn_diff(sqn, s->end) < 0)
		return true;
	if (!make_room(s, now_ns, sqn + 1) || !rxw_extend(s, now_ns, sqn))
		return false;
	begin_slot(s, sqn);
	s->end++;
	return true;
}

bool rxw_void(struct pgm_session *s, uint64_t now_ns, uint32_t from, uint32_t to)
{
	if (sqn_diff(to, s->end) > 0 && (!make_room(s, now_ns, to) || !rxw_extend(s, now_ns, from)))
		return false;
	for (uint32_t n = from; n != to; n++) {
		struct rxw_slot *t = rxw_slot(s, n);

		if (sqn_diff(n, s->next) < 0)
			continue;
		if (n == s->end) {
			begin_slot(s, n);
			s->end++;
		} else if (rxw_is_missing(t) || t->state == RXW_LOST) {
			if (t->flags & RXW_PARITY)
				rebuild_displace(s, n, t);
			if (rxw_is_missing(t))
				nak_cancel(s, t);
		} else {
			continue;
		}
		t->state = RXW_VOID;
	}
	return true;
}

void rxw_trail(struct pgm_session *s, uint64_t now_ns, uint32_t trail)
{
	/* What is behind the old one was lost when it was passed. */
	uint32_t from = sqn_diff(s->trail, s->next) > 0 ? s->trail : s->next;

	if (sqn_diff(trail, s->trail) <= 0)
		return;
	s->trail = trail;
	if (sqn_diff(trail, s->next) <= 0)
		return;
	for (; sqn_diff(from, s->end) < 0 && from != trail; from++)
		if (rxw_is_missing(rxw_slot(s, from)))
			rxw_lose(s, rxw_slot(s, from), PGM_rcv_lost_trail);
	if (!s->stalled)
		rxw_advance(s, now_ns);
}

/* The last packet of its group. Even one that we have, sent again for this sake: numbers were asked
 * for that the group never had. */
static void note_size(struct pgm_session *s, uint64_t now_ns, const struct pgm_packet *p)
{
	if (!(p->options.has & PGM_HAS_CURR_TGSIZE))
		return;
	rebuild_short(s, now_ns, p->sqn, p->options.curr_tgsize);
	if (!s->stalled)
		rxw_advance(s, now_ns);
}

static bool deliver(struct pgm_session *s, const struct pgm_packet *p, void *buffer)
{
	struct rxw_slot t;

	t.buffer = buffer;
	t.at = p->tsdu;
	t.len = p->tsdu_len;
	t.flags = 0;
	note_fragment(&t, p);
	return apdu_deliver(s, p->sqn, &t);
}

/* The next in order need not be held, unless its group's parity wants it. If there is no more to be
 * held, its owner gets it all the same. */
static bool goes_through(const struct pgm_session *s, uint32_t sqn)
{
	return sqn == s->next && !s->stalled && (!s->k || s->r->held >= s->r->config.held);
}

/* With two lines each packet comes twice. */
static enum pgm_input is_here(struct pgm_session *s, enum pgm_counter why)
{
	receiver_count(s->r, s->r->config.lines > 1 ? PGM_rcv_second : why);
	return PGM_DROPPED;
}

/* Into its slot, which is in the window. */
static enum pgm_input store(struct pgm_session *s, uint64_t now_ns, const struct pgm_packet *p,
			    void *buffer)
{
	struct rxw_slot *t = rxw_slot(s, p->sqn);

	if (t->state != RXW_NONE && t->state != RXW_LOST && !rxw_is_missing(t))
		return is_here(s, PGM_rcv_drop_duplicate);
	s->report.late += rxw_is_missing(t);
	if (t->flags & RXW_PARITY)
		rebuild_displace(s, p->sqn, t);
	if (goes_through(s, p->sqn) && deliver(s, p, buffer)) {
		if (rxw_is_missing(t))
			nak_cancel(s, t);
		t->state = RXW_NONE;
		pass(s);
		rxw_advance(s, now_ns);
		return PGM_TAKEN;
	}
	if (!rxw_hold(s, t, p, buffer)) {
		if (t->state == RXW_NONE && sqn_diff(p->sqn, s->trail) < 0)
			rxw_lose(s, t, PGM_rcv_lost_trail);
		else if (t->state == RXW_NONE)
			nak_missing(s, now_ns, p->sqn, s->r->config.nak_bo_ns);
		return PGM_DROPPED;
	}
	if (rxw_is_missing(t))
		nak_cancel(s, t);
	t->state = RXW_HAVE;
	if (s->parities)
		rebuild_try(s, session_tg_first(s, p->sqn));
	if (!s->stalled)
		rxw_advance(s, now_ns);
	return PGM_TAKEN;
}

enum pgm_input rxw_data(struct pgm_session *s, uint64_t now_ns, const struct pgm_packet *p,
			void *buffer)
{
	rxw_trail(s, now_ns, p->trail);
	note_size(s, now_ns, p);
	if (s->ended)
		return PGM_TAKEN;
	if (sqn_diff(p->sqn, s->end) >= 0)
		s->idle = false;
	/* Nothing is missing: most packets go by here. */
	if (p->sqn == s->end && !s->k && goes_through(s, p->sqn) && deliver(s, p, buffer)) {
		s->next = ++s->end;
		if (s->stopping)
			rxw_advance(s, now_ns);
		return PGM_TAKEN;
	}
	if (sqn_diff(p->sqn, s->next) < 0)
		return is_here(s, PGM_rcv_drop_old);
	if (!append(s, now_ns, p->sqn)) {
		receiver_count(s->r, PGM_rcv_drop_window);
		return PGM_DROPPED;
	}
	return store(s, now_ns, p, buffer);
}
