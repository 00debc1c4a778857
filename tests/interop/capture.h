/* A peer that looks at the wire: what the appliance sends from one of its TCP ports. */
#ifndef ZL_TESTS_INTEROP_CAPTURE_H
#define ZL_TESTS_INTEROP_CAPTURE_H

#include "tests/interop/peer.h"

/* Looks from when it returns. */
struct peer *capture_start(const struct lab_net *net, uint16_t port);
/* The type of service of the next packet, which must come. */
unsigned capture_tos(struct peer *p);
void capture_end(struct peer *p);

#endif
