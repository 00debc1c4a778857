/* A peer that says again on a second group what a source says on a first: a feed's line B. */
#ifndef ZL_TESTS_INTEROP_LINE_B_H
#define ZL_TESTS_INTEROP_LINE_B_H

#include "tests/interop/peer.h"

struct line_b {
	const char *from, *to; /* groups */
	unsigned port;
};

/* Says "ready"; until told "end". Of the appliance's packets it repeats none. */
void line_b_run(struct peer *self, const void *plan);

#endif
