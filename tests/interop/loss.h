/* What the kernel loses on its way to a port, where no impairment stage of the appliance's is: by
 * a rule of nftables in the namespace. */
#ifndef ZL_TESTS_INTEROP_LOSS_H
#define ZL_TESTS_INTEROP_LOSS_H

#include <stdint.h>

#include "tests/interop/lab.h"

/* In the appliance's namespace, from now on each `nth` datagram of UDP to that port is lost, the
 * first after half as many: 1 is all of them, 0 none. */
void loss_begin(const struct lab_net *net, uint16_t port, unsigned nth);
/* So are those that nft's expression says, for good. */
void loss_of(const struct lab_net *net, uint16_t port, const char *which);
/* So many have been lost since. */
uint64_t loss_count(const struct lab_net *net);

#endif
