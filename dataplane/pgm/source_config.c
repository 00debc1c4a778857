/* How a PGM source is set, and laid out in the memory that it is given. */
#include <assert.h>
#include <string.h>

#include "dataplane/pgm/layout.h"
#include "dataplane/pgm/source_state.h"

enum {
	/* What a parity packet has more than the data: lengths, OPT_LENGTH, OPT_FRAGMENT,
	 * OPT_PARITY_GRP, OPT_CURR_TGSIZE. */
	PARITY_LEN = 2 + 4 + 16 + 8 + 8,
	TXW_SQNS_MAX = 1 << 24,
	BITS_MIN = 64,
};

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
	/* No heartbeat comes while data does. Until a receiver has an SPM it cannot ask for
	 * repairs, and OpenPGM's gives up what it would ask for: 30 s, as there, is too long. */
	c->ambient_ns = 1000 * ms;
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
	       c->max_tpdu >= PGM_TPDU_MIN && (!c->rate || c->rate >= 1000) &&
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
	struct layout l = {.slot_count = layout_power_of_two(c->txw_sqns),
			   .slots = sizeof(struct pgm_source)};

	if (l.slot_count < BITS_MIN)
		l.slot_count = BITS_MIN;
	if (c->tg_size)
		l.group_count = layout_power_of_two(2 * (l.slot_count / c->tg_size));
	if (l.group_count < BITS_MIN && c->tg_size)
		l.group_count = BITS_MIN;
	l.at_one = txw_aligned(c->max_tpdu - PGM_DATA_HEADER + PGM_SYN_LEN);
	l.slots = layout_aligned(l.slots);
	l.repairs = layout_aligned(l.slots + l.slot_count * sizeof(struct txw_slot));
	l.parity = layout_aligned(l.repairs + l.slot_count / 8);
	l.groups = layout_aligned(l.parity + l.group_count / 8);
	l.parity_tsdu = layout_aligned(l.groups + l.group_count * sizeof(struct txw_group));
	l.parity_packet = layout_aligned(l.parity_tsdu + (c->tg_size ? c->max_tpdu : 0));
	l.bytes = layout_aligned(l.parity_packet + (c->tg_size ? c->max_tpdu : 0));
	l.end = layout_aligned(l.bytes + txw_ring(c->txw_bytes, l.at_one));
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
