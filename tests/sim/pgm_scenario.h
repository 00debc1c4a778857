/* What one seed of sim_pgm is about: how a source and its receivers are set, and how bad their
 * network is. Probabilities are in a million. */
#ifndef ZL_TESTS_SIM_PGM_SCENARIO_H
#define ZL_TESTS_SIM_PGM_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define PGM_RECEIVERS 50

struct pgm_scenario {
	uint64_t seed;
	unsigned messages;
	uint16_t max_tpdu, message_max; /* bytes */
	uint64_t interval_ns;           /* between messages; they come in bursts */
	unsigned burst;                 /* messages */
	uint32_t apdus;                 /* are sent in fragments */
	uint32_t first_sqn;
	uint64_t rate; /* bytes/s; 0: no limit */
	bool ample;    /* windows hold all, so nothing may be lost */
	uint32_t txw_sqns, rxw_sqns, held;
	uint64_t txw_ns;
	uint64_t bo_ns; /* NAK_BO_IVL; the others are four times that */

	uint8_t tg_size, proactive;
	bool ondemand, short_groups;
	uint32_t join_sqns;

	uint64_t delay_ns, spread_ns; /* of all, and of a receiver at most in addition */
	uint32_t shared_loss, own_loss, nak_loss, ncf_loss, reordered, duplicated;
	uint64_t reorder_ns;
	uint32_t link_full;
	unsigned late;   /* receivers that come while data is sent */
	unsigned slow;   /* and those that take nothing for a while */
	bool peers_hear; /* NAKs and SPMRs to the group reach the other receivers */
};

void pgm_scenario_draw(struct pgm_scenario *s, uint64_t seed);
void pgm_scenario_print(const struct pgm_scenario *s, FILE *to);

#endif
