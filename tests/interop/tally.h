/* Counting what comes to a namespace by an interface, by rules of nftables, whether or not anybody
 * there listens to it. */
#ifndef ZL_TESTS_INTEROP_TALLY_H
#define ZL_TESTS_INTEROP_TALLY_H

#include <stdint.h>

/* Each of the n matches is a condition as nft has it ("ip protocol 113 ip ttl 7"), and is counted
 * from now on, apart from the others. Once for each namespace. */
void tally_begin(const char *namespace, const char *const *match, unsigned n);
/* So many packets have fulfilled match i since. */
uint64_t tally(const char *namespace, unsigned i);

#endif
