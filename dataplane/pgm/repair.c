/* Repairs of a PGM source (RFC 3208 5.2 and 5.3): NAKs are confirmed at once and answered from the
 * window, oldest first, as the rate allows. */
#include <string.h>

#include "dataplane/pgm/source_state.h"

static bool within(pgm_tick now, pgm_tick at, uint64_t ns)
{
	return now - at < pgm_tick_of(ns);
}

static bool same_nla(const struct pgm_nla *a, const struct pgm_nla *b)
{
	return a->len == b->len && !memcmp(a->addr, b->addr, a->len);
}

/* The sequence numbers of a NAK that are worth an NCF, and whether some have left the window. */
struct confirmed {
	uint32_t sqn[1 + PGM_NAK_LIST_MAX];
	unsigned n;
	bool too_old;
};

static void confirm(struct pgm_source *s, struct confirmed *c, uint32_t sqn, bool again_so_soon)
{
	if (again_so_soon)
		source_count(s, PGM_src_ncfs_suppressed);
	else
		c->sqn[c->n++] = sqn;
}

static bool is_asked_for(struct pgm_source *s, struct confirmed *c, uint32_t sqn)
{
	if (txw_has(&s->txw, sqn))
		return true;
	c->too_old |= (int32_t)(sqn - s->txw.trail) < 0;
	source_count(s, c->too_old ? PGM_src_naks_too_old : PGM_src_naks_ahead);
	return false;
}

static void ask(struct pgm_source *s, uint64_t now_ns, struct confirmed *c, uint32_t sqn)
{
	const pgm_tick now = pgm_tick_of(now_ns);
	struct txw_slot *t;
	uint32_t of = sqn;

	if (!is_asked_for(s, c, sqn))
		return;
	t = txw_slot(&s->txw, sqn);
	confirm(s, c, sqn,
		t->flags & TXW_CONFIRMED && within(now, t->confirmed_at, s->config.ncf_ivl_ns));
	if (!(t->flags & TXW_CONFIRMED) || !within(now, t->confirmed_at, s->config.ncf_ivl_ns)) {
		t->flags |= TXW_CONFIRMED;
		t->confirmed_at = now;
	}
	/* There never was such a packet: the last of its group tells why. */
	if (t->flags & TXW_VOID)
		of = source_tg_first(s, sqn) + source_group(s, sqn)->size - 1u;
	if (!txw_has(&s->txw, of))
		return;
	t = txw_slot(&s->txw, of);
	if ((t->flags & TXW_REPAIRED && within(now, t->repaired_at, s->config.rdata_ivl_ns)) ||
	    !due_add(&s->repairs, of))
		source_count(s, PGM_src_naks_repeated);
}

/* The low bits are the number of packets wanted, less one (11.3.1). */
static void ask_parity(struct pgm_source *s, uint64_t now_ns, struct confirmed *c, uint32_t sqn)
{
	const uint32_t first = source_tg_first(s, sqn);
	const uint8_t packets = (uint8_t)(sqn - first + 1);
	const pgm_tick now = pgm_tick_of(now_ns);
	struct txw_group *g = source_group(s, sqn);
	bool again;

	if (!is_asked_for(s, c, first))
		return;
	again = g->confirmed >= packets && within(now, g->confirmed_at, s->config.ncf_ivl_ns);
	confirm(s, c, sqn, again);
	if (!again) {
		g->confirmed = packets;
		g->confirmed_at = now;
	}
	source_parity_ask(s, now_ns, first, packets);
}

static void send_ncf(struct pgm_source *s, uint64_t now_ns, const struct confirmed *c,
		     bool is_parity)
{
	struct pgm_packet p;
	uint32_t bytes;

	/* They cannot wait, but must leave something for the repairs that they promise. */
	if (!bucket_has(&s->ncf_rate, now_ns, 0)) {
		source_count(s, PGM_src_ncfs_limited);
		return;
	}
	memset(&p, 0, offsetof(struct pgm_packet, options.nak_list));
	p.type = PGM_NCF;
	p.flags = is_parity ? PGM_PARITY : 0;
	p.sport = s->config.tsi.port;
	p.dport = s->config.dport;
	p.tsi = s->config.tsi;
	p.nla = s->config.nla;
	p.group = s->config.group;
	p.sqn = c->sqn[0];
	if (c->n > 1) {
		p.options.has = PGM_HAS_NAK_LIST;
		p.options.naks = (uint8_t)(c->n - 1);
		memcpy(p.options.nak_list, c->sqn + 1, (c->n - 1) * sizeof(c->sqn[0]));
	}
	bytes = source_send_control(s, &p);
	bucket_take(&s->ncf_rate, bytes);
	source_count(s, bytes ? PGM_src_ncfs : PGM_src_link_full);
}

/* A receiver of two lines may have heard of them by either. */
static bool names_us(const struct pgm_source *s, const struct pgm_packet *p)
{
	const struct pgm_source_config *c = &s->config;

	return (same_nla(&p->nla, &c->nla) || (c->nla_b.len && same_nla(&p->nla, &c->nla_b))) &&
	       (same_nla(&p->group, &c->group) ||
		(c->group_b.len && same_nla(&p->group, &c->group_b)));
}

enum pgm_input source_nak(struct pgm_source *s, uint64_t now_ns, const struct pgm_packet *p)
{
	const bool is_parity = p->flags & PGM_PARITY;
	struct confirmed c = {.n = 0};

	if (!names_us(s, p)) {
		source_count(s, PGM_src_drop_group);
		return PGM_DROPPED;
	}
	/* A repairer's word that it has sent what was missing asks for nothing, and network
	 * elements do not confirm it either (9.5.3.2). */
	if (p->type == PGM_NNAK) {
		source_count(s, PGM_src_nnaks);
		return PGM_TAKEN;
	}
	if (is_parity && !s->config.tg_size) {
		source_count(s, PGM_src_drop_parity);
		return PGM_DROPPED;
	}
	source_count(s, is_parity ? PGM_src_naks_parity : PGM_src_naks);
	s->counters[PGM_src_nak_sqns] += 1u + p->options.naks;
	for (unsigned i = 0; i <= p->options.naks; i++)
		(is_parity ? ask_parity : ask)(s, now_ns, &c,
					       i ? p->options.nak_list[i - 1] : p->sqn);
	if (c.n)
		send_ncf(s, now_ns, &c, is_parity);
	/* The trailing edge says it to all that are still waiting. */
	if (c.too_old)
		source_spm_asked(s, now_ns);
	return PGM_TAKEN;
}

enum outcome {
	SENT,
	NO_SHARE, /* repairs have had their part of the rate: data may go */
	NO_RATE,
	NO_LINK,
};

static enum outcome may(struct pgm_source *s, uint64_t now_ns, uint32_t bytes, bool is_repair)
{
	if (is_repair && !bucket_has(&s->repair_rate, now_ns, bytes))
		return NO_SHARE;
	return bucket_has(&s->rate, now_ns, bytes) ? SENT : NO_RATE;
}

static void charge(struct pgm_source *s, uint64_t now_ns, uint32_t bytes, bool is_repair)
{
	bucket_take(&s->rate, bytes);
	if (is_repair)
		bucket_take(&s->repair_rate, bytes);
	source_spm_data_sent(s, now_ns);
}

static enum outcome repair(struct pgm_source *s, uint64_t now_ns, uint32_t sqn, uint32_t *bytes)
{
	struct txw_slot *t = txw_slot(&s->txw, sqn);
	bool tells_size = source_parity_is_last_of_short(s, sqn);
	enum outcome o;

	*bytes = source_wire_bytes(s, PGM_DATA_HEADER + t->options_len + t->len);
	if ((o = may(s, now_ns, *bytes, true)))
		return o;
	if (!(tells_size ? source_parity_emit_last(s, sqn) : source_emit(s, PGM_RDATA, sqn)))
		return NO_LINK;
	charge(s, now_ns, *bytes, true);
	t->flags |= TXW_REPAIRED;
	t->repaired_at = pgm_tick_of(now_ns);
	due_remove(&s->repairs, sqn);
	source_count(s, PGM_src_rdata);
	s->counters[PGM_src_rdata_bytes] += t->len;
	return SENT;
}

static enum outcome parity(struct pgm_source *s, uint64_t now_ns, uint32_t first, uint32_t *bytes)
{
	bool is_repair = !source_parity_is_proactive(s, first);
	enum outcome o;

	*bytes = source_wire_bytes(s, source_parity_bytes(s, first));
	if ((o = may(s, now_ns, *bytes, is_repair)))
		return o;
	if (!source_parity_send(s, now_ns, first))
		return NO_LINK;
	charge(s, now_ns, *bytes, is_repair);
	return SENT;
}

/* The oldest, as it leaves the window first. */
static enum outcome oldest(struct pgm_source *s, uint64_t now_ns, uint32_t *bytes)
{
	const uint32_t trail = s->txw.trail;
	uint32_t sqn = 0, first = 0;

	if (s->repairs.count)
		sqn = due_first(&s->repairs, trail);
	if (!s->parity.count)
		return repair(s, now_ns, sqn, bytes);
	first = due_first(&s->parity, source_tg_first(s, trail));
	if (s->repairs.count && (int32_t)(sqn - first) < 0)
		return repair(s, now_ns, sqn, bytes);
	return parity(s, now_ns, first, bytes);
}

bool source_repair_turn(struct pgm_source *s, uint64_t now_ns, uint64_t *due)
{
	uint32_t bytes;

	*due = PGM_NEVER;
	for (unsigned n = 0; s->repairs.count + s->parity.count; n++) {
		if (n == REPAIRS_A_TURN) {
			*due = now_ns;
			return false;
		}
		switch (oldest(s, now_ns, &bytes)) {
		case SENT:
			break;
		case NO_SHARE:
			*due = bucket_when(&s->repair_rate, bytes);
			return true;
		case NO_RATE:
			*due = bucket_when(&s->rate, bytes);
			return false;
		case NO_LINK:
			*due = now_ns + LINK_RETRY_NS;
			source_count(s, PGM_src_link_full);
			return false;
		}
	}
	return true;
}
