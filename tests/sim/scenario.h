/* What one seed means: two stacks, the links between them, and what the programs do. */
#ifndef ZL_TESTS_SIM_SCENARIO_H
#define ZL_TESTS_SIM_SCENARIO_H

#include <stdio.h>

#include "tests/sim/endpoint.h"

#define SCENARIO_CONNS 4

enum pool_size {
	POOLS_AMPLE,
	POOLS_SMALL,
	POOLS_TINY,
	POOL_SIZES,
};

struct scenario_conn {
	bool simultaneous; /* both sides open actively */
	bool refused;      /* nobody accepts */
	bool unheard;      /* nobody even listens */
	bool eager;        /* the opener writes at once */
	bool again;        /* the four-tuple of the connection before, once its opener is done */
	unsigned opener;   /* stack that opens, if not both */
	uint64_t start_ns; /* after the epoch */
	struct endpoint_plan plan[2]; /* of the endpoint on stack 0 and 1 */
};

struct scenario {
	uint64_t seed;
	uint64_t epoch_ns, turn_ns;
	struct link_params link[2]; /* from stack 0, from stack 1 */
	struct {
		uint16_t mtu, rx_segment;
		bool offload, rx_offload;
		enum pool_size pools;
		struct zl_tcp_config tcp;
	} stack[2];
	uint32_t strip; /* kinds of TCP options that no SYN gets through with */
	unsigned conns;
	struct scenario_conn conn[SCENARIO_CONNS];
	bool wraps;          /* sequence numbers of the first connection wrap during it */
	uint64_t wrap_after; /* so many from its first on, about */
	bool aborts;         /* some endpoint may be reset */
	uint64_t stall_ns;   /* without any progress for so long, something is stuck */
};

void scenario_draw(struct scenario *s, uint64_t seed);
/* The same, begun so much later by the clock. */
void scenario_postpone(struct scenario *s, uint64_t ns);
/* On one line, without its end. */
void scenario_print(const struct scenario *s, FILE *f);

#endif
