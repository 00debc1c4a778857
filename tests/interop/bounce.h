/* Messages that come back: through patterns that answer whoever asked by a name of four bytes
 * (SERVER, PEER), with a DEALER of libzmq's at each end. */
#ifndef ZL_TESTS_INTEROP_BOUNCE_H
#define ZL_TESTS_INTEROP_BOUNCE_H

#include "tests/interop/peer.h"

#define BOUNCE_HELLO "hello"

struct bounce {
	const char *endpoint; /* of the appliance */
	uint64_t messages;
	bool named; /* it first hears BOUNCE_HELLO from who has a name, and then writes to that */
};
/* Waits for "go"; each message that it sends comes back once, whole and in order, its bytes turned
 * round; then it says "answered", and listens for "end". */
void bounce_ask_run(struct peer *self, const void *bounce);
/* Whatever comes goes back, after the name that it must begin with. Ends when told "end". */
void bounce_back_run(struct peer *self, const void *bounce);

#endif
