/* Data of a PGM source: into the window, out with the next sequence number. */
#include <assert.h>
#include <endian.h>
#include <string.h>

#include "dataplane/net/sum.h"
#include "dataplane/pgm/source_state.h"

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
		w->used -= txw_aligned((uint32_t)t->options_len + t->len);
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
	uint32_t bytes = txw_aligned((uint32_t)t->options_len + t->len);

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
	source_make_room(s, txw_aligned(body));
	if (s->config.tg_size && w->next == source_tg_first(s, w->next))
		source_parity_begin(s, w->next);
	t = txw_slot(w, w->next);
	*t = (struct txw_slot){.at = (uint32_t)(at - w->bytes),
			       .len = (uint16_t)len,
			       .sum = be16toh(ones_sum_of(at, body)),
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
	return txw_put(&s->txw) + (s->syn ? PGM_SYN_LEN : 0);
}

bool pgm_source_send(struct pgm_source *s, uint64_t now_ns, const uint8_t *tsdu, unsigned len)
{
	static const uint8_t syn[PGM_SYN_LEN] = {0, 4, 0, PGM_SYN_LEN, 0x80 | 0x0d, 4, 0, 0};
	uint8_t *at = pgm_source_reserve(s);
	unsigned options_len = 0;

	assert(len <= s->max_tsdu);
	if (s->closing || len > s->max_tsdu)
		return false;
	if (tsdu != at && len)
		memcpy(at, tsdu, len);
	if (s->syn && PGM_DATA_HEADER + PGM_SYN_LEN + len <= s->config.max_tpdu) {
		options_len = PGM_SYN_LEN;
		at -= PGM_SYN_LEN;
		memcpy(at, syn, PGM_SYN_LEN);
	}
	return send_placed(s, now_ns, at, options_len, len);
}

size_t pgm_source_send_apdu(struct pgm_source *s, uint64_t now_ns, const uint8_t *apdu, size_t len,
			    size_t so_far)
{
	const size_t most = s->max_tsdu - PGM_FRAGMENT_LEN;

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
		pgm_options_build(&o, at, PGM_FRAGMENT_LEN);
		memcpy(at + PGM_FRAGMENT_LEN, apdu + so_far, piece);
		if (!send_placed(s, now_ns, at, PGM_FRAGMENT_LEN, (unsigned)piece))
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
