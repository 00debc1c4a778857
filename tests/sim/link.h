/* One direction of a simulated link: what it does to a frame, and when the frame arrives. Knows
 * nothing of what is in a frame. Probabilities are in parts per million. */
#ifndef ZL_TESTS_SIM_LINK_H
#define ZL_TESTS_SIM_LINK_H

#include <stdint.h>

#include "tests/sim/random.h"

struct link_params {
	uint64_t delay_ns;    /* propagation; at least 1 */
	uint64_t jitter_ns;   /* added, uniform in [0, jitter]; order is kept all the same */
	uint64_t rate_bps;    /* bits a second; 0: infinitely fast */
	uint32_t queue_bytes; /* in front of the wire, tail drop; 0: unbounded */
	uint32_t loss_ppm;
	/* Gilbert-Elliott: chances, a frame, of going into the bad state, of leaving it, and of
	 * being lost in it */
	uint32_t burst_enter_ppm, burst_leave_ppm, burst_loss_ppm;
	uint32_t reorder_ppm; /* held back by up to reorder_ns while later ones pass */
	uint64_t reorder_ns;
	uint32_t duplicate_ppm;
	uint32_t corrupt_ppm;
	/* Nothing passes from `blackout_from_ns` (of virtual time) for blackout_ns; 0: never. */
	uint64_t blackout_from_ns, blackout_ns;
};

enum link_fate {
	LINK_DELIVERED,
	LINK_LOST,      /* by chance or burst */
	LINK_TAIL_DROP, /* the queue was full */
	LINK_BLACKOUT,
};

struct link_arrival {
	uint64_t at_ns;
	/* Bits [flip_first, flip_first + 15) of the frame are XORed with flip_mask, its first bit
	 * being the mask's lowest; 0: intact. */
	uint32_t flip_first;
	uint16_t flip_mask;
};

struct link {
	struct link_params p;
	struct sim_random random;
	bool bad;               /* Gilbert-Elliott */
	uint64_t busy_until_ns; /* when the wire is free */
	uint64_t last_at_ns;    /* arrival of the last frame that was not held back */
	uint64_t delivered, lost, tail_drops, reordered, duplicated, corrupted;
};

void link_init(struct link *l, const struct link_params *p, uint64_t seed);
/* A frame of `len` bytes goes in at now_ns: fills in its arrivals (none, one, or two) and returns
 * its fate. */
enum link_fate link_carry(struct link *l, uint64_t now_ns, uint32_t len,
			  struct link_arrival arrival[2], unsigned *arrivals);

#endif
