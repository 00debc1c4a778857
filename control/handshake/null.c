/* The NULL mechanism (RFC 37): each side says READY with its metadata, and that is all. */
#include "control/handshake/handshake.h"

#include <string.h>

static enum zl_verdict null_start(struct zl_handshake *h)
{
	uint8_t data[ZL_METADATA_MAX];

	zl_handshake_say(h, "READY", data, zl_metadata_write(h, data, sizeof(data)));
	return ZL_HANDSHAKE_MORE;
}

static enum zl_verdict null_command(struct zl_handshake *h, const char *name, const uint8_t *data,
				    size_t bytes)
{
	if (strcmp(name, "READY") != 0)
		return zl_handshake_refuse(h, ZL_REASON_unexpected_command);
	if (!zl_metadata_read(h, data, bytes))
		return zl_handshake_refuse(h, h->reason);
	return ZL_HANDSHAKE_READY;
}

const struct zl_mechanism zl_mechanism_null = {
	.name = "NULL",
	.start = null_start,
	.command = null_command,
};
