/* The fixture of the small simulations: two stacks with ample pools, one link each way, and
 * programs on stack 0 that connect to programs on stack 1. */
#ifndef ZL_TESTS_SIM_PAIR_H
#define ZL_TESTS_SIM_PAIR_H

#include "tests/sim/endpoint.h"

#define PAIR_CONNS 4
#define PAIR_SEC   UINT64_C(1000000000)
#define PAIR_MS    UINT64_C(1000000)

struct pair {
	struct world *world;
	struct {
		struct rte_mempool *frames, *indirect, *blocks, *payload;
	} pools[2];
	unsigned conns;
	struct endpoint client[PAIR_CONNS], server[PAIR_CONNS];
};

/* Starts the EAL if need be. Same link both ways; the clock begins at 1 s. */
void pair_create(struct pair *p, uint64_t seed, const struct link_params *link,
		 const struct zl_tcp_config *tcp);
/* A listener on stack 1 and, at start_ns, a connection to it from stack 0, which sends `bytes` and
 * is answered by nothing; both close in good order. Returns its number. */
unsigned pair_connect(struct pair *p, uint64_t start_ns, uint64_t bytes);
/* Until until_ns or, if earlier, until all have closed. */
void pair_run(struct pair *p, uint64_t until_ns);
/* Fails the test on any fault; destroys everything and checks that no buffer is missing. */
void pair_destroy(struct pair *p);

#endif
