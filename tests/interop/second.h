/* A second appliance beside the one under test, in the same namespace, on a tap of its own, and
 * bridges of both that are joined. The kernel hands packets on between the two, and between the
 * second and the peers. */
#ifndef ZL_TESTS_INTEROP_SECOND_H
#define ZL_TESTS_INTEROP_SECOND_H

#include "tests/interop/appliance.h"

#define SECOND_IP "10.99.0.3"

/* Ways from one to the other: over each transport, each of them binding. A bridge of each is on
 * every way, so that a pair of appliances is enough for all. */
#define SECOND_WAYS 6

/* Peers, the first's `front` and `near`, the second's `far` and `back`, peers: each the inside of a
 * YAML flow map, without endpoints. */
struct second_plan {
	const char *front, *near, *far, *back;
};

struct second {
	struct appliance *first;
	char run_dir[96], file[112], side[2][256], devices[2048];
	struct lab_child dataplane, control;
};

/* Where peers of a way connect: to the first at its own address, to the second at SECOND_IP. */
#define SECOND_FRONT(way) (uint16_t)(5600 + (way))
#define SECOND_BACK(way)  (uint16_t)(5610 + (way))
/* The same as endpoints, valid as long as the program runs. */
const char *second_front(unsigned way);
const char *second_back(unsigned way);
/* "ipc, the second binds" */
const char *second_name(unsigned way);

/* Both; back when they are joined on all ways: the first has a peer for each. */
void second_start(struct second *s, const struct second_plan *plan);
/* It must end cleanly. The first is appliance_stop()'s. */
void second_end(struct second *s);

#endif
