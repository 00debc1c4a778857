/* A second appliance beside the one under test, in the same namespace: a bridge on a tap of its
 * own. The kernel hands packets on between the two, and between it and the peers. */
#ifndef ZL_TESTS_INTEROP_SECOND_H
#define ZL_TESTS_INTEROP_SECOND_H

#include "tests/interop/appliance.h"

#define SECOND_IP   "10.99.0.3"
#define SECOND_PORT 5557
#define SECOND_AT   "tcp://" SECOND_IP ":5557"

struct second {
	char run_dir[96], file[112];
	struct lab_child dataplane, control;
};

/* Ways from one to the other: over each transport, each of them binding. */
#define SECOND_LINKS 6
/* One end of it, of the first appliance or of the second, as the inside of a flow map; valid until
 * the next call for that end. */
const char *second_link(unsigned link, bool first, const char *type, const char *more);

/* `a` has a tap. Its sides are the insides of YAML flow maps. Back when packets find their way. */
void second_start(struct second *s, struct appliance *a, const char *frontend, const char *backend);
/* It must end cleanly. */
void second_end(struct second *s);

#endif
