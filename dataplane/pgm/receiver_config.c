/* How a PGM receiver is set, and laid out in the memory that it is given. */
#include <assert.h>

#include "dataplane/pgm/layout.h"
#include "dataplane/pgm/receiver_state.h"

enum {
	SESSIONS_MAX = 4096,
	WINDOW_MIN = 16,
	WINDOW_MAX = 1 << 22,
	WHEEL_SPAN = WHEEL_BUCKETS / 2, /* ticks of the longest wait */
};

void pgm_receiver_defaults(struct pgm_receiver_config *c, uint32_t rate_kbits,
			   uint32_t recovery_ivl_ms, uint16_t max_tpdu, uint16_t overhead)
{
	const uint64_t ms = 1000000;
	uint64_t sqns = (uint64_t)recovery_ivl_ms * (rate_kbits / 8) / max_tpdu;

	c->sessions = 16;
	c->rxw_sqns = (uint32_t)(sqns < WINDOW_MIN   ? WINDOW_MIN
				 : sqns > WINDOW_MAX ? WINDOW_MAX
						     : sqns);
	c->held = 4 * c->rxw_sqns;
	c->max_tpdu = (uint16_t)(max_tpdu - overhead);
	c->rebuilt = 2 * PGM_FEC_K_MAX;
	c->max_apdu = UINT16_MAX;
	c->nak_rate = 1000;
	c->join = true;
	c->lines = 1;
	c->passive = false;
	c->nak_bo_ns = 50 * ms;
	c->nak_rpt_ns = 200 * ms;
	c->nak_rdata_ns = 200 * ms;
	c->nak_ncf_retries = 50;
	c->nak_data_retries = 50;
	c->spmr_bo_ns = 25 * ms;
	c->spmr_spm_ns = 250 * ms;
	c->expiry_ns = 300000 * ms;
	c->evict_ns = 60000 * ms; /* two ambient SPMs of libzmq's were missed */
	c->finished_ns = recovery_ivl_ms * ms;
}

static bool can_be(const struct pgm_receiver_config *c)
{
	return (c->group.len == 4 || c->group.len == 16) && c->sessions &&
	       c->sessions <= SESSIONS_MAX && c->rxw_sqns && c->rxw_sqns <= WINDOW_MAX &&
	       c->lines >= 1 && c->lines <= PGM_LINES && c->max_tpdu >= PGM_TPDU_MIN &&
	       c->rebuilt <= UINT16_MAX && c->nak_rate && c->nak_bo_ns && c->nak_rpt_ns &&
	       c->nak_rdata_ns && c->spmr_bo_ns && c->spmr_spm_ns && c->expiry_ns;
}

struct layout {
	size_t sessions, hash, slots, apdus, free, rebuilt, end;
	uint32_t window, hash_size;
};

static struct layout layout_of(const struct pgm_receiver_config *c)
{
	struct layout l = {.hash_size = layout_power_of_two(2 * c->sessions)};

	l.window = layout_power_of_two(c->rxw_sqns < WINDOW_MIN ? WINDOW_MIN : c->rxw_sqns);
	l.sessions = layout_aligned(sizeof(struct pgm_receiver));
	l.hash = layout_aligned(l.sessions + c->sessions * sizeof(struct pgm_session));
	l.slots = layout_aligned(l.hash + l.hash_size * sizeof(uint32_t));
	l.apdus = layout_aligned(l.slots +
				 (size_t)c->sessions * l.window * sizeof(struct rxw_slot));
	l.free = layout_aligned(l.apdus + (size_t)c->sessions * c->max_apdu);
	l.rebuilt = layout_aligned(l.free + c->rebuilt * sizeof(uint32_t));
	l.end = layout_aligned(l.rebuilt + (size_t)c->rebuilt * c->max_tpdu);
	return l;
}

size_t pgm_receiver_bytes(const struct pgm_receiver_config *c)
{
	return can_be(c) ? layout_of(c).end : 0;
}

static uint64_t longest_wait(const struct pgm_receiver_config *c)
{
	uint64_t most = c->nak_bo_ns > c->nak_rpt_ns ? c->nak_bo_ns : c->nak_rpt_ns;

	return most > c->nak_rdata_ns ? most : c->nak_rdata_ns;
}

struct pgm_receiver *pgm_receiver_init(void *memory, const struct pgm_receiver_config *c,
				       const struct pgm_receiver_ops *ops, void *ctx,
				       uint64_t *counters)
{
	const struct layout l = layout_of(c);
	struct pgm_receiver *r = memory;
	uint8_t *at = memory;

	assert(can_be(c) && !((uintptr_t)memory & 63));
	memset(memory, 0, l.apdus);
	r->config = *c;
	r->ops = *ops;
	r->ctx = ctx;
	r->counters = counters;
	r->window = l.window;
	r->mask = l.window - 1;
	r->due_at = PGM_NEVER;
	r->random = c->seed * 2 + 1;
	r->tick_ns = longest_wait(c) / WHEEL_SPAN + 1;
	r->session = (struct pgm_session *)(at + l.sessions);
	r->hash = (uint32_t *)(at + l.hash);
	r->hash_mask = l.hash_size - 1;
	for (uint32_t i = 0; i < l.hash_size; i++)
		r->hash[i] = NO_SLOT;
	for (unsigned i = 0; i < c->sessions; i++) {
		r->session[i].slot = (struct rxw_slot *)(at + l.slots) + (size_t)i * l.window;
		r->session[i].apdu = at + l.apdus + (size_t)i * c->max_apdu;
	}
	r->rebuilt_free = (uint32_t *)(at + l.free);
	r->rebuilt = at + l.rebuilt;
	for (uint32_t i = 0; i < c->rebuilt; i++)
		r->rebuilt_free[r->rebuilt_free_count++] = i;
	return r;
}
