/* What came, by where it went: a flow is a destination, and where frames are stamped a group of
 * it. Sequences repeat, as templates are sent again and again. */
#ifndef ZL_TESTS_BENCH_COUNT_FLOWS_H
#define ZL_TESTS_BENCH_COUNT_FLOWS_H

#include <stdint.h>

#include "tests/bench/frames/read.h"

#define FLOWS_MAX 65536u

struct flow {
	uint64_t key; /* 0: free */
	struct frame_facts about;
	uint64_t frames, bytes;
	uint64_t lost;     /* numbers that were passed over, and have not come late */
	uint64_t late;     /* came after a later one */
	uint64_t repeated; /* came twice, or so late that there is no telling */
	uint32_t expected;
	uint64_t seen; /* the 64 before it: bit 0 is expected - 1 */
};

struct flows {
	struct flow *slot; /* a power of two of them, at most half in use */
	uint32_t used;
	struct flow over; /* all that come when there are FLOWS_MAX already, without sequences */
};

/* -ENOMEM. */
int flows_open(struct flows *f);
void flows_close(struct flows *f);
/* A gap is counted right if it is less than half as long as the template has frames of the group;
 * a template of one frame shows none. */
void flows_count(struct flows *f, const struct frame_facts *about, uint32_t bytes);
struct flow flows_sum(const struct flows *f);
/* Ordered by destination and group; `used` of them, the caller frees. NULL: no memory, or none. */
const struct flow **flows_sorted(const struct flows *f);

#endif
