/* PGM network elements (pgm/element.h) on core 0: what ports have for the groups of the
 * configuration goes on by the other ports of its element, raw PGM alone (protocol 113). An element
 * keeps no packets; what it passes on has its source's address still, and a TTL less by one.
 * Packets of our own sources are not passed on: they leave by the port that they are bound to. */
#ifndef ZL_DATAPLANE_ELEMENT_H
#define ZL_DATAPLANE_ELEMENT_H

#include "control/ipc/ipc.h"

struct zl_lcore;

/* Main thread, before cores run: ports are open. Each element's groups are joined on each of its
 * ports. 0, -errno (ENOMEM; ENOSPC: too many groups), and *at the one that it failed at. */
int zl_elements_create(struct zl_lcore *c, const struct zl_ipc_element *config, unsigned n,
		       unsigned *at);
/* Likewise, once they no longer do. */
void zl_elements_destroy(struct zl_lcore *c);

/* Own core, each turn: NAKs that are to be repeated, and what has run out. */
void zl_elements_turn(struct zl_lcore *c);

#endif
