/* How peers and the appliance reach each other: a row for each transport that the tests of patterns
 * are run over, and the sides of a device in those terms. */
#ifndef ZL_TESTS_INTEROP_TRANSPORT_H
#define ZL_TESTS_INTEROP_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/interop/appliance.h"

#define SIDE_PEERS 24 /* places at most, on a side where the appliance connects */

enum side {
	FRONT,
	BACK,
};

struct transport {
	const char *name;
	const char *key;      /* what a program's argument picks it by */
	const char *bind[2];  /* the appliance, by side; "%s" is the test's own folder */
	const char *peers[2]; /* the same, to which the number of the peer that binds is added */
	enum lab_carrier carrier;
	bool portless; /* nothing but the kernel's sockets */
};
extern const struct transport transports[];
extern const unsigned n_transports;

/* A program's arguments: how the names of rows begin, and a transport's key. What is left out is
 * all. */
void transport_pick(int argc, char **argv);
bool transport_picks(const struct transport *t, const char *row);

/* Where peer number i of a side binds (connects: the appliance does) or connects to. Good for as
 * long as the test. */
const char *transport_at(const struct transport *t, bool connects, enum side side, unsigned i);
/* The inside of a side's YAML map: "type: PULL, bind: [...], hwm: 0". type NULL: the kind's own. */
void transport_side(char *yaml, size_t bytes, const struct transport *t, bool connects,
		    enum side side, unsigned peers, const char *type, const char *more);
/* A device of this kind between the two sides. `megabytes` as in struct appliance_config. */
struct appliance *transport_appliance(const struct transport *t, const char *kind,
				      const char *front, const char *back, unsigned megabytes);

#endif
