/* Further networks of an appliance's, where it stands between several: each has a cable from the
 * appliance's namespace to peers of its own, whose default way is the appliance. Number N, from 1
 * on, is port "lanN", its interface "zlN" with the address 10.99.N.1; its peers are 10.99.N.2 and
 * 10.99.N.3. Frames come and go by af_packet. */
#ifndef ZL_TESTS_INTEROP_BRANCH_H
#define ZL_TESTS_INTEROP_BRANCH_H

#include "tests/interop/appliance.h"

#define BRANCHES 2

/* What its ports lose, from eth0 on, the inside of a YAML flow map (NULL: nothing), and further
 * keys of its file. */
struct branch_plan {
	const char *impair[1 + BRANCHES];
	const char *top;
};
/* An appliance on two poll cores with its branches; peers start on net[N - 1]. */
struct appliance *branch_appliance(const struct branch_plan *plan,
				   const struct lab_net *net[BRANCHES]);
#endif
