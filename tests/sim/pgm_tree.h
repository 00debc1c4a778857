/* A PGM source, a network element, and subnets of receivers behind it, in virtual time; or with a
 * switch in the element's place, which forwards all to everyone. What must hold: each receiver gets
 * what was sent, in order and unaltered, or is told what it does not get; and behind an element,
 * no subnet gets a repair that nobody there has asked for. */
#ifndef ZL_TESTS_SIM_PGM_TREE_H
#define ZL_TESTS_SIM_PGM_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define TREE_SUBNETS   6
#define TREE_RECEIVERS 64 /* of a subnet */

/* Probabilities are in a million. */
struct tree_scenario {
	uint64_t seed;
	bool element;                /* or a switch */
	unsigned subnets, receivers; /* of each */
	unsigned messages;
	uint64_t interval_ns; /* between messages */
	uint64_t up_ns;       /* from the source to the element, and back */
	uint64_t down_ns;     /* from the element to a receiver, and back */
	uint64_t jitter_ns;   /* at most, in addition, of each packet to a receiver */
	uint32_t up_loss;     /* of all receivers' */
	uint32_t subnet_loss; /* of one subnet's */
	uint32_t own_loss;    /* of one receiver's */
	uint32_t nak_loss, ncf_loss, duplicated;
	uint8_t tg_size; /* parity on demand; 0: none */
	bool ample;      /* windows and tables hold all, so nothing may be lost */
	uint32_t txw_sqns, element_repairs;
};

struct tree_tally {
	uint64_t odata;
	uint64_t lost;      /* original packets that some receiver did not get at first */
	uint64_t naks;      /* packets that receivers sent */
	uint64_t naks_up;   /* and that reached the source, */
	uint64_t asked_up;  /* for so many packets or groups */
	uint64_t rdata;     /* repairs that the source sent */
	uint64_t copies;    /* of them, on subnets */
	uint64_t unasked;   /* of these, where nobody had asked */
	uint64_t shed;      /* NAKs that the element had no room for */
	uint64_t delivered; /* packets, by all receivers together */
	uint64_t given_up;
	uint64_t hash; /* of all that happened */
};

void tree_scenario_draw(struct tree_scenario *s, uint64_t seed);
void tree_scenario_print(const struct tree_scenario *s, FILE *to);

/* Runs it to its end. sabotage: the element gets each NAK from another subnet as well. what: the
 * first thing that was wrong, or "". */
void tree_run(const struct tree_scenario *s, bool sabotage, struct tree_tally *t, char *what,
	      unsigned size);

#endif
