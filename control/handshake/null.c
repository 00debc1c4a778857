/* The NULL mechanism (RFC 37): each side says READY with its metadata, and that is all. Where a ZAP
 * handler is asked, ours waits for its answer; the peer's may come before. */
#include "control/handshake/handshake.h"

#include <string.h>

enum {
	WAITS_FOR_READY,
	HAS_HEARD_READY
};

static enum zl_verdict say_ready(struct zl_handshake *h)
{
	uint8_t data[ZL_METADATA_MAX];

	zl_handshake_say(h, "READY", data, zl_metadata_write(h, data, sizeof(data)));
	return h->step == HAS_HEARD_READY ? ZL_HANDSHAKE_READY : ZL_HANDSHAKE_MORE;
}

static enum zl_verdict null_start(struct zl_handshake *h)
{
	return zl_handshake_asks(h) ? zl_handshake_ask(h) : say_ready(h);
}

static enum zl_verdict null_command(struct zl_handshake *h, const char *name, const uint8_t *data,
				    size_t bytes)
{
	if (strcmp(name, "READY") != 0 || h->step == HAS_HEARD_READY)
		return zl_handshake_refuse(h, ZL_REASON_unexpected_command);
	if (!zl_metadata_read(h, data, bytes))
		return zl_handshake_refuse(h, h->reason);
	h->step = HAS_HEARD_READY;
	return h->asking ? ZL_HANDSHAKE_MORE : ZL_HANDSHAKE_READY;
}

const struct zl_mechanism zl_mechanism_null = {
	.name = "NULL",
	.start = null_start,
	.command = null_command,
	.let_in = say_ready,
};
