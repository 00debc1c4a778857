/* Frame headers and command bodies, byte by byte as RFC 37 has them. */
#include "dataplane/zmtp/codec.h"

#include <errno.h>
#include <string.h>

int zl_frame_parse(const uint8_t *p, size_t n, struct zl_frame *f)
{
	uint64_t len = 0;

	if (n == 0)
		return 0;
	f->flags = p[0];
	if (p[0] & ~ZL_FRAME_FLAGS || (p[0] & ZL_FRAME_COMMAND && p[0] & ZL_FRAME_MORE))
		return -EBADMSG;
	f->header_len = p[0] & ZL_FRAME_LONG ? ZL_FRAME_LONG_HEADER : ZL_FRAME_SHORT_HEADER;
	if (n < f->header_len)
		return 0;
	for (unsigned i = 1; i < f->header_len; i++)
		len = len << 8 | p[i];
	if (len > INT64_MAX)
		return -EMSGSIZE;
	f->len = len;
	return f->header_len;
}

unsigned zl_frame_build(uint8_t out[ZL_FRAME_LONG_HEADER], uint8_t flags, uint64_t len)
{
	flags &= ZL_FRAME_MORE | ZL_FRAME_COMMAND;
	if (len <= ZL_FRAME_SHORT_MAX) {
		out[0] = flags;
		out[1] = (uint8_t)len;
		return ZL_FRAME_SHORT_HEADER;
	}
	out[0] = flags | ZL_FRAME_LONG;
	for (unsigned i = 0; i < 8; i++)
		out[1 + i] = (uint8_t)(len >> (56 - 8 * i));
	return ZL_FRAME_LONG_HEADER;
}

bool zl_command_split(const uint8_t *p, size_t n, uint64_t len, struct zl_command *c)
{
	if (n == 0 || p[0] == 0 || len < 1u + p[0] || n < 1u + p[0])
		return false;
	c->name = p + 1;
	c->name_len = p[0];
	c->data_at = 1u + p[0];
	c->data_len = len - c->data_at;
	return true;
}

bool zl_command_is(const struct zl_command *c, const char *name)
{
	return c->name_len == strlen(name) && memcmp(c->name, name, c->name_len) == 0;
}
