/* The strictest use of what an XPUB hears: a publisher that sends a message the moment that it
 * hears of a subscription to it, and subscribers that ask for one topic after the other, and must
 * get each. Fails if a publisher is told of a subscription before the appliance acts on it. */
#ifndef ZL_TESTS_INTEROP_ECHO_H
#define ZL_TESTS_INTEROP_ECHO_H

#include "tests/interop/appliance.h"

/* So many subscribers at once, so many topics each. */
void echo_all(struct appliance *a, unsigned subscribers, unsigned topics);

#endif
