/* A streamer, a queue and a forwarder in one appliance without ports, and real libzmq's PUSH and
 * PULL, REQ and REP, PUB and SUB at their two sides, every message checked. Which transport the
 * sides speak, and who binds, is what a test says. */
#ifndef ZL_TESTS_GUEST_DEVICES_H
#define ZL_TESTS_GUEST_DEVICES_H

#include "tests/interop/appliance.h"

enum {
	STREAMER,
	QUEUE,
	FORWARDER,
	DEVICES
};
enum {
	FRONT,
	BACK,
	SIDES
};

#define ENDPOINT_MAX 128

struct meeting {
	const char *here[DEVICES][SIDES]; /* the devices' own endpoints */
	bool connects;                    /* they connect to them, and each side has one peer */
	/* Not NULL: two devices of each kind, the first of which binds this and the second of which
	 * connects to `between_peer`. */
	const char *between[DEVICES], *between_peer[DEVICES];
	char there[DEVICES][SIDES][ENDPOINT_MAX]; /* the peers' endpoints */
};

/* Sockets are called KIND.frontend and KIND.backend. */
struct appliance *devices_start(const struct meeting *m);
/* What the socket is bound to, as `sockets` tells it. */
void devices_bound(struct appliance *a, const char *socket, char *endpoint);

/* Each leaves the appliance as it found it. */
void devices_push_and_pull(struct appliance *a, const struct meeting *m);
void devices_ask_and_answer(struct appliance *a, const struct meeting *m);
void devices_publish_and_subscribe(struct appliance *a, const struct meeting *m);
void devices_serve(struct appliance *a, const struct meeting *m); /* all three */
/* Pullers that do not read hold the pushers back, and nothing is lost. */
void devices_hold_back(struct appliance *a, const struct meeting *m);
/* Of each kind a peer is killed, others go on, and a new one takes its place. Peers connect. */
void devices_replace_killed(struct appliance *a, const struct meeting *m);

#endif
