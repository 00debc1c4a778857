/* What is said to every peer alike, for the cores to say: found by shaking hands with a peer that
 * asks for what the socket has, up to where the answer would depend on what else it says. */
#include <string.h>

#include "control/handshake/handshake.h"

/* A client speaks first, with a key or a token that is for one peer alone. */
static bool is_alike(const struct zl_handshake *h)
{
	return h->as_server || !h->mechanism->has_server;
}

static void greet(struct zl_handshake *h)
{
	uint8_t greeting[ZL_GREETING_BYTES] = {0xff, [9] = 0x7f, 3, 1};

	memcpy(greeting + 12, h->mechanism->name, strlen(h->mechanism->name));
	zl_handshake_greeting(h, greeting, sizeof(greeting));
}

void zl_handshake_opening(struct zl_ipc_endpoint_set *m, enum zl_socket_type type,
			  const struct zl_ipc_options *options, const struct zl_security *security)
{
	struct zl_handshake h;

	m->bytes = 0;
	if (zl_handshake_start(&h, type, true, options, security) == ZL_HANDSHAKE_MORE &&
	    is_alike(&h)) {
		greet(&h);
		m->at_greeting = h.asking; /* NULL, and a ZAP handler: READY is its answer's */
		if (h.output_bytes >= ZL_GREETING_BYTES && h.output_bytes <= sizeof(m->opening)) {
			m->bytes = h.output_bytes;
			memcpy(m->opening, h.output, h.output_bytes);
		}
	}
	zl_handshake_wipe(&h);
}
