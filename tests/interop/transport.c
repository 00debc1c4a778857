/* The transports that patterns are tested over: a new one is a row. */
#include "tests/interop/transport.h"

#include <stdio.h>

#include "tests/interop/appliance.h"

#define FOUR(prefix)                                                                               \
	{                                                                                          \
		prefix "0", prefix "1", prefix "2", prefix "3"                                     \
	}

const struct transport transports[] = {
	{"tcp by our stack",
	 {FRONTEND, BACKEND},
	 {FRONTEND, BACKEND},
	 {FOUR("tcp://" LAB_PEER_IP ":570"), FOUR("tcp://" LAB_PEER_IP ":580")}},
};
const unsigned n_transports = sizeof(transports) / sizeof(transports[0]);

const char *transport_at(const struct transport *t, bool connects, enum side side, unsigned i)
{
	return connects ? t->peers[side][i] : t->reach[side];
}

void transport_side(char *yaml, size_t bytes, const struct transport *t, bool connects,
		    enum side side, unsigned peers, const char *type, const char *more)
{
	int n = 0;

	if (type)
		n = snprintf(yaml, bytes, "type: %s, ", type);
	n += snprintf(yaml + n, bytes - (size_t)n, "%s: [", connects ? "connect" : "bind");
	if (!connects)
		n += snprintf(yaml + n, bytes - (size_t)n, "\"%s\"", t->binds[side]);
	for (unsigned i = 0; connects && i < peers; i++)
		n += snprintf(yaml + n, bytes - (size_t)n, "%s\"%s\"", i ? ", " : "",
			      t->peers[side][i]);
	snprintf(yaml + n, bytes - (size_t)n, "], %s", more);
}
