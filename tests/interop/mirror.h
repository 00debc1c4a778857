/* The worker behind a STREAM: a DEALER of libzmq that sends back what each connection sends, and
 * keeps the list of connections that the notices give. */
#ifndef ZL_TESTS_INTEROP_MIRROR_H
#define ZL_TESTS_INTEROP_MIRROR_H

#include "tests/interop/peer.h"

struct mirror {
	const char *endpoint;
	int type;   /* 0: ZMQ_DEALER */
	bool small; /* little buffers, a HWM of 100 */
	bool waits; /* reads nothing before it is told "on" */
	unsigned
		quitter; /* the seed of what "quit" is answered with, QUIT_BYTES, and then closed */
};
#define QUIT_BYTES (3u << 20)

/* Says "came" and "went", with the routing id, at each notice; "closed" when it has closed a
 * connection. Told "send" it sends a byte to the routing id that is given. Ends when told "end". */
void mirror_run(struct peer *self, const void *mirror);

#endif
