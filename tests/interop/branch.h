/* Further networks of an appliance's, where it stands between several: each has a cable from the
 * appliance's namespace to peers of its own, whose default way is the appliance. */
#ifndef ZL_TESTS_INTEROP_BRANCH_H
#define ZL_TESTS_INTEROP_BRANCH_H

#include "tests/interop/lab.h"

#define BRANCHES 4

/* The appliance's end is zl1, zl2, ... and 10.99.N.1; peers are 10.99.N.2 and 10.99.N.3. Number N
 * is 1 or more; `net` is the lab's own, over af_packet. Peers start on what is returned. */
const struct lab_net *branch_open(const struct lab_net *net, unsigned number);
#endif
