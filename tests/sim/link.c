/* Loss, delay, queueing, reordering, duplication and corruption of one direction of a link. */
#include "tests/sim/link.h"

#include <string.h>

/* Preamble, frame check sequence and the gap between frames. */
#define ETHERNET_OVERHEAD 24

/* One burst of at most 15 bits. RFC 1071's checksum adds 16-bit words modulo 65535, where bit n of
 * any word weighs 2^n and 2^16 is 1: flipped bits at k consecutive places change the sum by a
 * rotation of some number d with 0 < |d| < 2^k. For k <= 15 that is never 0 modulo 65535, so each
 * such burst is seen by each checksum that covers a part of it, and a test can demand that it is.
 */
#define BURST_BITS 15

void link_init(struct link *l, const struct link_params *p, uint64_t seed)
{
	memset(l, 0, sizeof(*l));
	l->p = *p;
	if (!l->p.delay_ns)
		l->p.delay_ns = 1;
	sim_random_seed(&l->random, seed);
}

static bool lost(struct link *l)
{
	struct sim_random *r = &l->random;

	if (l->p.burst_enter_ppm) {
		if (sim_chance(r, l->bad ? l->p.burst_leave_ppm : l->p.burst_enter_ppm))
			l->bad = !l->bad;
		if (l->bad && sim_chance(r, l->p.burst_loss_ppm))
			return true;
	}
	return sim_chance(r, l->p.loss_ppm);
}

/* Through the queue and onto the wire. False: the queue is full. */
static bool serialise(struct link *l, uint64_t now_ns, uint32_t len, uint64_t *sent_ns)
{
	uint64_t begin_ns = now_ns, wire_ns;

	*sent_ns = now_ns;
	if (!l->p.rate_bps)
		return true;
	wire_ns = (uint64_t)(len + ETHERNET_OVERHEAD) * 8 * 1000000000 / l->p.rate_bps;
	if (l->busy_until_ns > now_ns) {
		uint64_t queued = (l->busy_until_ns - now_ns) / 8 * (l->p.rate_bps / 1000) /
				  1000000;

		if (l->p.queue_bytes && queued + len > l->p.queue_bytes)
			return false;
		begin_ns = l->busy_until_ns;
	}
	l->busy_until_ns = *sent_ns = begin_ns + wire_ns;
	return true;
}

static void arrive(struct link *l, uint64_t sent_ns, uint32_t len, struct link_arrival *a)
{
	struct sim_random *r = &l->random;

	a->at_ns = sent_ns + l->p.delay_ns;
	a->flip_mask = 0;
	a->flip_first = 0;
	if (l->p.jitter_ns)
		a->at_ns += sim_below(r, l->p.jitter_ns + 1);
	if (a->at_ns < l->last_at_ns)
		a->at_ns = l->last_at_ns;
	if (sim_chance(r, l->p.reorder_ppm)) {
		a->at_ns += 1 + sim_below(r, l->p.reorder_ns + 1);
		l->reordered++;
	} else {
		l->last_at_ns = a->at_ns;
	}
	if (sim_chance(r, l->p.corrupt_ppm)) {
		a->flip_first = (uint32_t)sim_below(r, (uint64_t)len * 8 - BURST_BITS + 1);
		a->flip_mask = (uint16_t)sim_range(r, 1, (1 << BURST_BITS) - 1);
		l->corrupted++;
	}
	l->delivered++;
}

enum link_fate link_carry(struct link *l, uint64_t now_ns, uint32_t len,
			  struct link_arrival arrival[2], unsigned *arrivals)
{
	uint64_t sent_ns;

	*arrivals = 0;
	if (!serialise(l, now_ns, len, &sent_ns)) {
		l->tail_drops++;
		return LINK_TAIL_DROP;
	}
	if (l->p.blackout_ns && now_ns >= l->p.blackout_from_ns &&
	    now_ns - l->p.blackout_from_ns < l->p.blackout_ns) {
		l->lost++;
		return LINK_BLACKOUT;
	}
	if (lost(l)) {
		l->lost++;
		return LINK_LOST;
	}
	arrive(l, sent_ns, len, &arrival[(*arrivals)++]);
	if (sim_chance(&l->random, l->p.duplicate_ppm)) {
		arrive(l, sent_ns, len, &arrival[(*arrivals)++]);
		l->duplicated++;
	}
	return LINK_DELIVERED;
}
