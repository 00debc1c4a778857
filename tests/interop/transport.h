/* How peers and the appliance reach each other: a row for each transport that the tests of patterns
 * are run over, and the sides of a device in those terms. */
#ifndef ZL_TESTS_INTEROP_TRANSPORT_H
#define ZL_TESTS_INTEROP_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>

#define SIDE_PEERS 4 /* at most, on a side where the appliance connects */

enum side {
	FRONT,
	BACK,
};

struct transport {
	const char *name;
	const char *binds[2];             /* the appliance, by side */
	const char *reach[2];             /* the peers' name for that */
	const char *peers[2][SIDE_PEERS]; /* where peers bind, if the appliance is to connect */
};
extern const struct transport transports[];
extern const unsigned n_transports;

/* Where peer number i of a side binds (connects: the appliance does) or connects to. */
const char *transport_at(const struct transport *t, bool connects, enum side side, unsigned i);
/* The inside of a side's YAML map: "type: PULL, bind: [...], hwm: 0". type NULL: the kind's own. */
void transport_side(char *yaml, size_t bytes, const struct transport *t, bool connects,
		    enum side side, unsigned peers, const char *type, const char *more);

#endif
