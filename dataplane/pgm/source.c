/* Data of a PGM source: into the window, out with the next sequence number. */
#include <assert.h>
#include <endian.h>
#include <string.h>

#include "dataplane/net/sum.h"
#include "dataplane/pgm/source_state.h"

enum {
	SYN_LEN = 8,       /* OPT_LENGTH and OPT_SYN */
	FRAGMENT_LEN = 20, /* OPT_LENGTH and OPT_FRAGMENT */
	/* What a parity packet has more than the data: lengths, OPT_LENGTH, OPT_FRAGMENT,
	 * OPT_PARITY_GRP, OPT_CURR_TGSIZE. */
	PARITY_LEN = 2 + 4 + 16 + 8 + 8,
	TPDU_MIN = 128,
	TXW_SQNS_MAX = 1 << 24,
	BITS_MIN = 64,
};

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

static uint32_t aligned8(uint32_t n)
{
	return (n + 7) & ~7u;
}

void pgm_source_defaults(struct pgm_source_config *c, uint32_t rate_kbits, uint32_t recovery_ivl_ms,
			 uint16_t max_tpdu, uint16_t overhead)
{
	static const unsigned heartbeat_ms[] = {100,  100,   100,   100,  1300,
						7000, 16000, 25000, 30000};
	const uint64_t ms = 1000000;
	uint64_t sqns = (uint64_t)recovery_ivl_ms * (rate_kbits / 8) / max_tpdu;

	c->max_tpdu = (uint16_t)(max_tpdu - overhead);
	c->overhead = overhead;
	c->rate = (uint64_t)rate_kbits * 1000 / 8;
	/* A millisecond's worth, or where that is less than a packet a second's: as OpenPGM. */
	c->burst = (uint32_t)(c->rate / 1000 >= max_tpdu ? c->rate / 1000 : c->rate);
	if (c->burst < max_tpdu)
		c->burst = max_tpdu;
	c->repair_share = 80;
	c->txw_sqns = (uint32_t)(sqns < 2 ? 2 : sqns > TXW_SQNS_MAX ? TXW_SQNS_MAX : sqns);
	sqns = (uint64_t)c->txw_sqns * max_tpdu;
	c->txw_bytes = (uint32_t)(sqns > UINT32_MAX / 2 ? UINT32_MAX / 2 : sqns);
	c->txw_ns = 0;
	c->ambient_ns = 30000 * ms;
	c->heartbeats = sizeof(heartbeat_ms) / sizeof(heartbeat_ms[0]);
	for (unsigned i = 0; i < c->heartbeats; i++)
		c->heartbeat_ns[i] = heartbeat_ms[i] * ms;
	c->spm_min_ns = heartbeat_ms[0] * ms;
	c->ncf_ivl_ns = 20 * ms;
	c->rdata_ivl_ns = 20 * ms;
	c->linger_ns = recovery_ivl_ms * ms;
	c->first_sqn = 0;
	c->join_sqns = 0;
	c->tg_size = 0;
	c->proactive = 0;
	c->ondemand = false;
	c->short_group_ns = 0;
}

static bool parity_can_be(const struct pgm_source_config *c)
{
	if (!c->tg_size)
		return !c->proactive && !c->ondemand && !c->short_group_ns;
	return c->tg_size >= 2 && c->tg_size <= PGM_TG_SIZE_MAX &&
	       !(c->tg_size & (c->tg_size - 1)) && (c->proactive || c->ondemand) &&
	       c->proactive <= PGM_FEC_N_MAX - c->tg_size && c->txw_sqns >= 2u * c->tg_size;
}

static bool can_be(const struct pgm_source_config *c)
{
	return (c->nla.len == 4 || c->nla.len == 16) && (c->group.len == 4 || c->group.len == 16) &&
	       c->max_tpdu >= TPDU_MIN && (!c->rate || c->rate >= 1000) &&
	       (!c->rate || c->burst >= (uint32_t)c->max_tpdu + c->overhead) && c->repair_share &&
	       c->repair_share <= 100 && c->txw_sqns && c->txw_sqns <= TXW_SQNS_MAX &&
	       c->txw_bytes >= 2u * c->max_tpdu && c->txw_bytes <= UINT32_MAX - 4u * UINT16_MAX &&
	       c->heartbeats <= PGM_HEARTBEATS_MAX && c->ambient_ns && parity_can_be(c);
}

/* Where everything lies, from the source's beginning on. */
struct layout {
	size_t slots, repairs, parity, groups, parity_tsdu, parity_packet, bytes, end;
	uint32_t slot_count, group_count, at_one;
};

static struct layout layout_of(const struct pgm_source_config *c)
{
	struct layout l = {.slot_count = power_of_two(c->txw_sqns),
			   .slots = sizeof(struct pgm_source)};

	if (l.slot_count < BITS_MIN)
		l.slot_count = BITS_MIN;
	if (c->tg_size)
		l.group_count = power_of_two(2 * (l.slot_count / c->tg_size));
	if (l.group_count < BITS_MIN && c->tg_size)
		l.group_count = BITS_MIN;
	l.at_one = aligned8(c->max_tpdu - PGM_DATA_HEADER + SYN_LEN);
	l.slots = aligned(l.slots);
	l.repairs = aligned(l.slots + l.slot_count * sizeof(struct txw_slot));
	l.parity = aligned(l.repairs + l.slot_count / 8);
	l.groups = aligned(l.parity + l.group_count / 8);
	l.parity_tsdu = aligned(l.groups + l.group_count * sizeof(struct txw_group));
	l.parity_packet = aligned(l.parity_tsdu + (c->tg_size ? c->max_tpdu : 0));
	l.bytes = aligned(l.parity_packet + (c->tg_size ? c->max_tpdu : 0));
	l.end = aligned(l.bytes + txw_ring(c->txw_bytes, l.at_one));
	return l;
}

size_t pgm_source_bytes(const struct pgm_source_config *c)
{
	return can_be(c) ? layout_of(c).end : 0;
}

static void init_window(struct pgm_source *s, uint8_t *memory, const struct layout *l)
{
	const struct pgm_source_config *c = &s->config;
	uint32_t first = c->tg_size ? c->first_sqn & ~(c->tg_size - 1u) : c->first_sqn;

	s->txw = (struct txw){
		.slot = (struct txw_slot *)(memory + l->slots),
		.bytes = memory + l->bytes,
		.mask = l->slot_count - 1,
		.trail = first,
		.next = first,
		.sqns_max = c->txw_sqns,
		.used_max = c->txw_bytes,
		.ring = (uint32_t)txw_ring(c->txw_bytes, l->at_one),
		.at_one = l->at_one,
	};
	s->lead = first - 1;
	s->repairs = (struct pgm_due){.bits = (uint64_t *)(memory + l->repairs),
				      .mask = l->slot_count - 1};
	memset(memory + l->repairs, 0, l->slot_count / 8);
	if (!c->tg_size)
		return;
	s->parity = (struct pgm_due){.bits = (uint64_t *)(memory + l->parity),
				     .mask = l->group_count - 1,
				     .shift = (uint8_t)__builtin_ctz(c->tg_size)};
	memset(memory + l->parity, 0, l->group_count / 8);
	s->group = (struct txw_group *)(memory + l->groups);
	s->group_mask = l->group_count - 1;
	memset(s->group, 0, l->group_count * sizeof(struct txw_group));
	s->parity_tsdu = memory + l->parity_tsdu;
	s->parity_packet = memory + l->parity_packet;
	pgm_fec_init(&s->fec, c->tg_size);
}

struct pgm_source *pgm_source_init(void *memory, const struct pgm_source_config *c,
				   const struct pgm_source_ops *ops, void *ctx, uint64_t *counters,
				   uint64_t now_ns)
{
	const uint64_t share = c->rate / 100 * c->repair_share;
	const struct layout l = layout_of(c);
	struct pgm_source *s = memory;

	assert(can_be(c) && !((uintptr_t)memory & 63));
	memset(s, 0, sizeof(*s));
	s->config = *c;
	s->ops = *ops;
	s->ctx = ctx;
	s->counters = counters;
	s->syn = true;
	s->spm_asked_at = now_ns;
	s->data_at = now_ns;
	s->max_tsdu = (uint16_t)(c->max_tpdu - PGM_DATA_HEADER - (c->tg_size ? PARITY_LEN : 0));
	bucket_init(&s->rate, c->rate, c->burst, now_ns);
	bucket_init(&s->repair_rate, share - share / 4, c->burst, now_ns);
	bucket_init(&s->ncf_rate, share / 4, c->burst, now_ns);
	s->head[0] = (uint64_t)c->tsi.port << 48 | (uint64_t)c->dport << 32;
	s->head[1] = (uint64_t)pgm_load32(c->tsi.gsi) << 32 | (uint64_t)pgm_load16(c->tsi.gsi + 4)
								      << 16;
	init_window(s, memory, &l);
	source_spm_data_sent(s, now_ns);
	return s;
}

unsigned pgm_source_max_tsdu(const struct pgm_source *s)
{
	return s->max_tsdu;
}

uint32_t pgm_source_lead(const struct pgm_source *s)
{
	return s->lead;
}

uint32_t pgm_source_trail(const struct pgm_source *s)
{
	return s->txw.trail;
}

static uint64_t halves(uint64_t x)
{
	return (x & UINT32_MAX) + (x >> 32);
}

/* The header is made in registers and stored whole, as whoever copies it loads it whole. */
bool source_emit(struct pgm_source *s, enum pgm_type type, uint32_t sqn)
{
	const struct txw_slot *t = txw_slot(&s->txw, sqn);
	uint64_t first = s->head[0] | (uint64_t)type << 24 |
			 (t->options_len ? (uint64_t)PGM_PRESENT << 16 : 0);
	uint64_t second = s->head[1] | t->len, third = (uint64_t)sqn << 32 | s->txw.trail;
	/* What follows has been added up once, and all lengths before it are even. */
	uint16_t sum = (uint16_t)~ones_fold(halves(first) + halves(second) + halves(third) +
					    t->sum);
	uint64_t head[3];

	head[0] = htobe64(first | (sum ? sum : 0xffff));
	head[1] = htobe64(second);
	head[2] = htobe64(third);
	return s->ops.send(s->ctx, (const uint8_t *)head, sizeof(head), s->txw.bytes + t->at,
			   (unsigned)t->options_len + t->len, type == PGM_RDATA);
}

static void advance_trail(struct pgm_source *s)
{
	struct txw *w = &s->txw;
	const struct txw_slot *t = txw_slot(w, w->trail);

	if (!(t->flags & TXW_VOID))
		w->used -= aligned8((uint32_t)t->options_len + t->len);
	if (s->repairs.count)
		due_remove(&s->repairs, w->trail);
	if (s->parity.count && w->trail == source_tg_first(s, w->trail))
		source_parity_left(s, w->trail);
	w->trail++;
}

void source_make_room(struct pgm_source *s, uint32_t bytes)
{
	struct txw *w = &s->txw;

	while (w->next != w->trail &&
	       (txw_count(w) >= w->sqns_max || w->used + bytes > w->used_max))
		advance_trail(s);
}

/* May a packet of so many bytes go now? */
static bool admit(struct pgm_source *s, uint64_t now_ns, uint32_t wire_bytes)
{
	uint64_t due;

	if (s->repairs.count + s->parity.count && !source_repair_turn(s, now_ns, &due)) {
		source_count(s, PGM_src_repairs_first);
		return false;
	}
	if (bucket_has(&s->rate, now_ns, wire_bytes))
		return true;
	source_count(s, PGM_src_rate_limited);
	s->refused = wire_bytes;
	return false;
}

static void sent(struct pgm_source *s, uint64_t now_ns, uint32_t wire_bytes, unsigned len)
{
	struct txw *w = &s->txw;
	const struct txw_slot *t = txw_slot(w, w->next);
	uint32_t bytes = aligned8((uint32_t)t->options_len + t->len);

	bucket_take(&s->rate, wire_bytes);
	w->put = t->at + bytes;
	w->used += bytes;
	s->lead = w->next++;
	s->short_len = 0;
	s->syn = false;
	s->refused = 0;
	s->data_at = now_ns;
	source_spm_data_sent(s, now_ns);
	source_count(s, PGM_src_odata);
	s->counters[PGM_src_odata_bytes] += len;
	if (s->config.tg_size && w->next == source_tg_first(s, w->next))
		source_parity_complete(s, w->next - s->config.tg_size, s->config.tg_size);
}

/* The packet's options and TSDU lie at `at`, in the room that txw_put() has found. */
static bool send_placed(struct pgm_source *s, uint64_t now_ns, const uint8_t *at,
			unsigned options_len, unsigned len)
{
	struct txw *w = &s->txw;
	uint32_t body = options_len + len, wire = source_wire_bytes(s, PGM_DATA_HEADER + body);
	struct txw_slot *t;

	if (!admit(s, now_ns, wire))
		return false;
	source_make_room(s, aligned8(body));
	if (s->config.tg_size && w->next == source_tg_first(s, w->next))
		source_parity_begin(s, w->next);
	t = txw_slot(w, w->next);
	*t = (struct txw_slot){.at = (uint32_t)(at - w->bytes),
			       .len = (uint16_t)len,
			       .sum = be16toh(ones_fold(ones_words(at, body))),
			       .options_len = (uint8_t)options_len,
			       .sent_at = pgm_tick_of(now_ns)};
	if (!source_emit(s, PGM_ODATA, w->next)) {
		source_count(s, PGM_src_link_full);
		return false;
	}
	sent(s, now_ns, wire, len);
	return true;
}

uint8_t *pgm_source_reserve(struct pgm_source *s)
{
	return txw_put(&s->txw) + (s->syn ? SYN_LEN : 0);
}

bool pgm_source_send(struct pgm_source *s, uint64_t now_ns, const uint8_t *tsdu, unsigned len)
{
	static const uint8_t syn[SYN_LEN] = {0, 4, 0, SYN_LEN, 0x80 | 0x0d, 4, 0, 0};
	uint8_t *at = pgm_source_reserve(s);
	unsigned options_len = 0;

	assert(len <= s->max_tsdu);
	if (s->closing || len > s->max_tsdu)
		return false;
	if (tsdu != at && len)
		memcpy(at, tsdu, len);
	if (s->syn && PGM_DATA_HEADER + SYN_LEN + len <= s->config.max_tpdu) {
		options_len = SYN_LEN;
		at -= SYN_LEN;
		memcpy(at, syn, SYN_LEN);
	}
	return send_placed(s, now_ns, at, options_len, len);
}

size_t pgm_source_send_apdu(struct pgm_source *s, uint64_t now_ns, const uint8_t *apdu, size_t len,
			    size_t so_far)
{
	const size_t most = s->max_tsdu - FRAGMENT_LEN;

	while (so_far < len && !s->closing) {
		size_t piece = len - so_far > most ? most : len - so_far;
		uint8_t *at = txw_put(&s->txw);
		struct pgm_options o;

		if (!so_far)
			s->apdu_first = s->txw.next;
		memset(&o, 0, offsetof(struct pgm_options, nak_list));
		o.has = PGM_HAS_FRAGMENT;
		o.first_sqn = s->apdu_first;
		o.offset = (uint32_t)so_far;
		o.apdu_len = (uint32_t)len;
		pgm_options_build(&o, at, FRAGMENT_LEN);
		memcpy(at + FRAGMENT_LEN, apdu + so_far, piece);
		if (!send_placed(s, now_ns, at, FRAGMENT_LEN, (unsigned)piece))
			break;
		so_far += piece;
	}
	return so_far;
}

enum pgm_input pgm_source_input(struct pgm_source *s, uint64_t now_ns, const struct pgm_packet *p)
{
	bool upstream = p->type == PGM_NAK || p->type == PGM_NNAK || p->type == PGM_SPMR;

	if (!upstream || p->sport != s->config.dport || p->tsi.port != s->config.tsi.port ||
	    memcmp(p->tsi.gsi, s->config.tsi.gsi, sizeof(p->tsi.gsi))) {
		source_count(s, PGM_src_drop_not_ours);
		return PGM_NOT_OURS;
	}
	if (s->closed) {
		source_count(s, PGM_src_drop_closed);
		return PGM_DROPPED;
	}
	if (p->type != PGM_SPMR)
		return source_nak(s, now_ns, p);
	source_count(s, PGM_src_spmrs);
	source_spm_asked(s, now_ns);
	return PGM_TAKEN;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Lets go of what is too old; when the next will be. */
static uint64_t age(struct pgm_source *s, uint64_t now_ns)
{
	const pgm_tick now = pgm_tick_of(now_ns), most = pgm_tick_of(s->config.txw_ns);
	struct txw *w = &s->txw;

	if (!s->config.txw_ns)
		return PGM_NEVER;
	while (w->next != w->trail && now - txw_slot(w, w->trail)->sent_at > most)
		advance_trail(s);
	if (w->next == w->trail)
		return PGM_NEVER;
	return now_ns + ((uint64_t)(most + 1 - (now - txw_slot(w, w->trail)->sent_at)) << 20);
}

uint64_t pgm_source_turn(struct pgm_source *s, uint64_t now_ns)
{
	uint64_t due, repairs;

	if (s->closed)
		return PGM_NEVER;
	if (s->closing && now_ns >= s->closed_at) {
		s->closed = true;
		return PGM_NEVER;
	}
	due = age(s, now_ns);
	due = earlier(due, source_parity_turn(s, now_ns));
	due = earlier(due, source_spm_turn(s, now_ns));
	source_repair_turn(s, now_ns, &repairs);
	due = earlier(due, repairs);
	if (s->refused) {
		if (bucket_has(&s->rate, now_ns, s->refused))
			s->refused = 0, due = now_ns;
		else
			due = earlier(due, bucket_when(&s->rate, s->refused));
	}
	return s->closing ? earlier(due, s->closed_at) : due;
}

void pgm_source_close(struct pgm_source *s, uint64_t now_ns)
{
	if (s->closing)
		return;
	s->closing = true;
	s->closed_at = now_ns + s->config.linger_ns;
	source_spm_data_sent(s, now_ns);
	source_parity_turn(s, now_ns);
	source_spm_at_once(s, now_ns);
	source_spm_turn(s, now_ns);
}

bool pgm_source_closed(const struct pgm_source *s)
{
	return s->closed;
}
