/* Real libzmq over vsock, which it does not speak: a process that carries bytes between ipc, which
 * it does, and vsock on this machine's own CID. It knows nothing of what it carries. */
#ifndef ZL_TESTS_GUEST_PUMP_H
#define ZL_TESTS_GUEST_PUMP_H

#include "tests/interop/peer.h"

struct pump {
	const char *path; /* of the AF_UNIX socket; ipc://PATH to libzmq */
	uint32_t port;    /* of the AF_VSOCK socket */
	/* false: listens at the path, and each connection is one more to the port; true: the other
	 * way round. What cannot be connected through is closed. */
	bool from_vsock;
};

/* Back when it listens. `plan` must outlive it. End it by pump_end. */
struct peer *pump_start(const struct lab_net *net, const struct pump *plan);
void pump_end(struct peer *pump);

#endif
