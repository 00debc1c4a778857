/* Parity of a PGM source (RFC 3208 11): packets computed over whole groups of the window, some sent
 * after each group, others when NAKs ask for them; and groups closed before they are full. A packet
 * that a short group lacks counts as zeros, its length and options included. */
#include <string.h>

#include "dataplane/pgm/source_state.h"

enum {
	FRAGMENT_AT = 7, /* from where on they are encoded: all but three bytes of the option */
	FRAGMENT_ENCODED = 13, /* bytes */
	OPTIONS_MAX_LEN = 4 + 16 + 8 + 8,
};

void source_parity_begin(struct pgm_source *s, uint32_t first)
{
	*source_group(s, first) = (struct txw_group){.size = 0};
}

void source_parity_complete(struct pgm_source *s, uint32_t first, uint32_t size)
{
	struct txw_group *g = source_group(s, first);

	g->size = (uint8_t)size;
	if (!txw_has(&s->txw, first))
		return;
	g->proactive = s->config.proactive;
	if (g->proactive || g->wanted)
		due_add(&s->parity, first);
}

void source_parity_left(struct pgm_source *s, uint32_t first)
{
	due_remove(&s->parity, first);
}

void source_parity_ask(struct pgm_source *s, uint64_t now_ns, uint32_t first, unsigned packets)
{
	const pgm_tick now = pgm_tick_of(now_ns);
	struct txw_group *g = source_group(s, first);
	unsigned lacking = g->size ? s->config.tg_size - g->size : 0;

	/* Receivers count what a short group lacks (11.4). One packet at least, as it says so. */
	packets = packets > lacking ? packets - lacking : 1;
	if (g->recent && now - g->repaired_at >= pgm_tick_of(s->config.rdata_ivl_ns))
		g->recent = 0;
	if (packets <= (unsigned)g->recent + g->wanted) {
		source_count(s, PGM_src_naks_repeated);
		return;
	}
	g->wanted = (uint8_t)(packets - g->recent);
	if (g->size)
		due_add(&s->parity, first);
	else
		source_count(s, PGM_src_parity_incomplete);
}

bool source_parity_is_proactive(const struct pgm_source *s, uint32_t first)
{
	return s->group[(first / s->config.tg_size) & s->group_mask].proactive;
}

static const struct txw_slot *packet(const struct pgm_source *s, uint32_t sqn, const uint8_t **tsdu)
{
	const struct txw_slot *t = txw_slot(&s->txw, sqn);

	*tsdu = s->txw.bytes + t->at + t->options_len;
	return t;
}

/* What the packets of a group have in common. */
struct shape {
	uint16_t longest; /* bytes */
	bool varied, fragments;
};

static struct shape shape_of(const struct pgm_source *s, uint32_t first)
{
	unsigned size = s->group[(first / s->config.tg_size) & s->group_mask].size;
	struct shape shape = {.longest = txw_slot(&s->txw, first)->len};

	for (unsigned i = 0; i < size; i++) {
		const struct txw_slot *t = txw_slot(&s->txw, first + i);

		shape.varied |= t->len != shape.longest;
		shape.fragments |= t->options_len == PGM_FRAGMENT_LEN;
		if (t->len > shape.longest)
			shape.longest = t->len;
	}
	return shape;
}

uint32_t source_parity_bytes(const struct pgm_source *s, uint32_t first)
{
	return PGM_DATA_HEADER + OPTIONS_MAX_LEN + 2u + shape_of(s, first).longest;
}

static void encode_options(const struct pgm_source *s, uint32_t first, unsigned size,
			   const uint8_t *row, struct pgm_options *o)
{
	static const uint8_t none[FRAGMENT_ENCODED] = {PGM_FRAGMENT_NULL};
	uint8_t sum[FRAGMENT_ENCODED] = {0};

	for (unsigned i = 0; i < size; i++) {
		const struct txw_slot *t = txw_slot(&s->txw, first + i);

		pgm_fec_add(sum,
			    t->options_len == PGM_FRAGMENT_LEN ? s->txw.bytes + t->at + FRAGMENT_AT
							       : none,
			    sizeof(sum), row[i]);
	}
	o->has |= PGM_HAS_FRAGMENT;
	o->encoded = true;
	o->fragment = sum[0];
	o->first_sqn = pgm_load32(sum + 1);
	o->offset = pgm_load32(sum + 5);
	o->apdu_len = pgm_load32(sum + 9);
}

/* Into parity_tsdu; its length. Lengths in network order follow where they differ. */
static uint16_t encode(struct pgm_source *s, uint32_t first, unsigned size,
		       const struct shape *shape, const uint8_t *row)
{
	uint8_t *sum = s->parity_tsdu;
	const uint8_t *tsdu;

	memset(sum, 0, shape->longest + 2u);
	for (unsigned i = 0; i < size; i++) {
		const struct txw_slot *t = packet(s, first + i, &tsdu);
		uint8_t len[2];

		pgm_fec_add(sum, tsdu, t->len, row[i]);
		pgm_store16(len, t->len);
		if (shape->varied)
			pgm_fec_add(sum + shape->longest, len, sizeof(len), row[i]);
	}
	return (uint16_t)(shape->longest + (shape->varied ? 2 : 0));
}

static void prepare(const struct pgm_source *s, struct pgm_packet *p, enum pgm_type type,
		    uint32_t sqn)
{
	memset(p, 0, offsetof(struct pgm_packet, options.nak_list));
	p->type = type;
	p->sport = s->config.tsi.port;
	p->dport = s->config.dport;
	p->tsi = s->config.tsi;
	p->sqn = sqn;
	p->trail = s->txw.trail;
}

static bool send_built(struct pgm_source *s, const struct pgm_packet *p)
{
	size_t n = pgm_build(p, s->parity_packet, s->config.max_tpdu);

	return s->ops.send(s->ctx, s->parity_packet, (unsigned)n, NULL, 0, p->type == PGM_RDATA);
}

static void set_options(const struct pgm_source *s, struct pgm_options *o, unsigned size,
			unsigned number)
{
	if (size < s->config.tg_size) {
		o->has |= PGM_HAS_CURR_TGSIZE;
		o->curr_tgsize = size;
	}
	if (number >= s->config.tg_size) {
		o->has |= PGM_HAS_PARITY_GRP;
		o->parity_grp = number / s->config.tg_size;
	}
}

bool source_parity_send(struct pgm_source *s, uint64_t now_ns, uint32_t first)
{
	const uint32_t k = s->config.tg_size;
	struct txw_group *g = source_group(s, first);
	const struct shape shape = shape_of(s, first);
	uint8_t row[PGM_FEC_K_MAX];
	struct pgm_packet p;

	prepare(s, &p, g->proactive ? PGM_ODATA : PGM_RDATA, first + g->next % k);
	p.flags = PGM_PARITY | (shape.varied ? PGM_VAR_PKTLEN : 0);
	pgm_fec_row(&s->fec, g->next, row);
	set_options(s, &p.options, g->size, g->next);
	if (shape.fragments)
		encode_options(s, first, g->size, row, &p.options);
	p.tsdu_len = encode(s, first, g->size, &shape, row);
	p.tsdu = s->parity_tsdu;
	if (!send_built(s, &p))
		return false;
	g->next = (uint8_t)((g->next + 1u) % (PGM_FEC_N_MAX - k));
	if (g->proactive) {
		g->proactive--;
		source_count(s, PGM_src_parity);
	} else {
		g->wanted--;
		g->recent++;
		g->repaired_at = pgm_tick_of(now_ns);
		source_count(s, PGM_src_parity_repairs);
		s->counters[PGM_src_rdata_bytes] += p.tsdu_len;
	}
	if (!g->proactive && !g->wanted)
		due_remove(&s->parity, first);
	return true;
}

bool source_parity_is_last_of_short(const struct pgm_source *s, uint32_t sqn)
{
	const uint32_t k = s->config.tg_size;
	unsigned size;

	if (!k)
		return false;
	size = s->group[(sqn / k) & s->group_mask].size;
	return size && size < k && sqn == source_tg_first(s, sqn) + size - 1;
}

bool source_parity_emit_last(struct pgm_source *s, uint32_t sqn)
{
	const uint8_t *tsdu;
	const struct txw_slot *t = packet(s, sqn, &tsdu);
	struct pgm_packet p;
	size_t used;

	prepare(s, &p, PGM_RDATA, sqn);
	if (t->options_len)
		pgm_options_parse(tsdu - t->options_len, t->options_len, &p.options, &used);
	set_options(s, &p.options, source_group(s, sqn)->size, 0);
	p.tsdu = tsdu;
	p.tsdu_len = t->len;
	return send_built(s, &p);
}

static void close_short(struct pgm_source *s, uint64_t now_ns)
{
	const uint32_t k = s->config.tg_size, first = source_tg_first(s, s->txw.next);
	const uint32_t size = s->txw.next - first;

	while (s->txw.next != first + k) {
		source_make_room(s, 0);
		*txw_slot(&s->txw, s->txw.next++) = (struct txw_slot){
			.flags = TXW_VOID, .sent_at = pgm_tick_of(now_ns)};
	}
	s->short_len = (uint16_t)size;
	source_count(s, PGM_src_groups_short);
	source_parity_complete(s, first, size);
	source_spm_at_once(s, now_ns);
}

/* Closes a group that has waited long enough; when the next will have. */
uint64_t source_parity_turn(struct pgm_source *s, uint64_t now_ns)
{
	const uint64_t wait = s->config.short_group_ns;

	if (!wait || s->txw.next == source_tg_first(s, s->txw.next))
		return PGM_NEVER;
	if (now_ns - s->data_at < wait && !s->closing)
		return s->data_at + wait;
	close_short(s, now_ns);
	return PGM_NEVER;
}
