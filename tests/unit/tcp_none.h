/* What the stand-in for TCP saw last. Header of tcp_none.c. */
#ifndef ZL_TESTS_UNIT_TCP_NONE_H
#define ZL_TESTS_UNIT_TCP_NONE_H

#include "dataplane/net/net.h"

struct tcp_seen {
	unsigned segments, unreachables;
	uint32_t src, dst, len; /* of the last segment */
	uint16_t port;
	struct zl_endpoint_addr local, remote; /* of the last unreachable */
	bool hard;
};
extern struct tcp_seen tcp_seen;

#endif
