/* One source, its receivers and their network, for one scenario; and what must hold: each receiver
 * gets what was sent, in order and unaltered, or is told what it does not get. */
#ifndef ZL_TESTS_SIM_PGM_WORLD_H
#define ZL_TESTS_SIM_PGM_WORLD_H

#include "tests/sim/pgm_scenario.h"

struct pgm_tally {
	uint64_t packets;  /* that the source sent */
	uint64_t odata;    /* of them, original data */
	uint64_t lost;     /* original data packets that some receiver did not get at first */
	uint64_t missed;   /* packets found missing, by all receivers together */
	uint64_t naks;     /* packets, by all receivers together */
	uint64_t asked;    /* sequence numbers or groups in them */
	uint64_t worst_ms; /* NAK packets in the worst ten milliseconds */
	uint64_t repairs;
	uint64_t given_up; /* losses told, by all receivers together */
	uint64_t rebuilt;
	uint64_t hash; /* of all that happened */
};

/* Runs it to its end. what: the first thing that was wrong, or "". */
void pgm_world_run(const struct pgm_scenario *s, bool sabotage, struct pgm_tally *t, char *what,
		   unsigned size);

#endif
