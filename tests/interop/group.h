/* A flow between a group and TCP, with libzmq at both ends (test_multicast, test_lines). */
#ifndef ZL_TESTS_INTEROP_GROUP_H
#define ZL_TESTS_INTEROP_GROUP_H

#include "tests/interop/appliance.h"
#include "tests/interop/flow.h"

#define GROUP_SUBSCRIBERS 2

/* Small and large, from what its number takes to 60 KiB; most are small. */
struct flow group_mixed(uint64_t messages);

/* One libzmq publishes, two subscribe, and all is as it was sent. None of them can say that it is
 * there, so that the publisher warms up until everybody has heard it, and until as many of our SPMs
 * have gone out as are asked for. The appliance still runs. */
void group_carry(struct appliance *a, const struct flow *flow, const char *from,
		 const char *const to[GROUP_SUBSCRIBERS], unsigned spms);

#endif
