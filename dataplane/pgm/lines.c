/* The same packets on two lines, A and B, as feeds are sent: whichever copy comes first is taken,
 * and what one line has lost is had from the other. Each line is counted by itself. A receiver that
 * asks nobody (pgm_receiver_config.passive) knows a packet for lost once every line that it still
 * hears has gone past it. */
#include "dataplane/pgm/receiver_state.h"

enum {
	REORDERED = 3 /* packets that a network may change the order of, as RFC 5681 has it */
};

static const struct {
	enum pgm_counter heard, first, missed;
} counter[PGM_LINES] = {
	{PGM_rcv_line_a, PGM_rcv_line_a_first, PGM_rcv_line_a_missed},
	{PGM_rcv_line_b, PGM_rcv_line_b_first, PGM_rcv_line_b_missed},
};

void line_heard(struct pgm_session *s, uint64_t now_ns, unsigned line, uint32_t sqn, bool first)
{
	struct pgm_receiver *r = s->r;
	struct pgm_line *l = &s->line[line];
	int32_t ahead = sqn_diff(sqn, l->next);

	if (r->config.lines > 1) {
		uint32_t missed = l->heard && ahead > 0 ? (uint32_t)ahead : 0;

		receiver_count(r, counter[line].heard);
		r->counters[counter[line].first] += first;
		r->counters[counter[line].missed] += missed;
		s->report.line[line]++;
		s->report.line_missed[line] += missed;
	}
	if (!l->heard || ahead >= 0)
		l->next = sqn + 1;
	l->heard = true;
	l->heard_at = now_ns;
}

/* Up to where every line has been that is still heard. */
static uint32_t passed_by_all(const struct pgm_session *s, uint64_t now_ns)
{
	uint32_t to = s->end;

	for (unsigned i = 0; i < s->r->config.lines; i++) {
		const struct pgm_line *l = &s->line[i];

		if (l->heard && now_ns - l->heard_at < s->r->config.nak_bo_ns &&
		    sqn_diff(l->next - REORDERED, to) < 0)
			to = l->next - REORDERED;
	}
	/* A group's parity comes after it, and before the end of the next. */
	return s->k ? session_tg_first(s, to) - s->k : to;
}

void lines_give_up(struct pgm_session *s, uint64_t now_ns)
{
	uint32_t to;

	if (s->ended || s->stalled || !s->missing)
		return;
	to = passed_by_all(s, now_ns);
	if (sqn_diff(to, s->next) <= 0)
		return;
	for (uint32_t n = s->next; n != to; n++)
		if (rxw_is_missing(rxw_slot(s, n)))
			rxw_lose(s, rxw_slot(s, n), PGM_rcv_lost_passed);
	rxw_advance(s, now_ns);
}
