/* Frame headers and command bodies, byte by byte as RFC 37 and (the old ones) RFC 13 have them. */
#include "dataplane/zmtp/codec.h"

#include <errno.h>
#include <string.h>

static uint64_t get_u64(const uint8_t *p)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

static void put_u64(uint8_t *p, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (56 - 8 * i));
}

int zl_frame_parse(const uint8_t *p, size_t n, struct zl_frame *f)
{
	if (n == 0)
		return 0;
	f->flags = p[0];
	if (p[0] & ~ZL_FRAME_FLAGS || (p[0] & ZL_FRAME_COMMAND && p[0] & ZL_FRAME_MORE))
		return -EBADMSG;
	f->header_len = p[0] & ZL_FRAME_LONG ? ZL_FRAME_LONG_HEADER : ZL_FRAME_SHORT_HEADER;
	if (n < f->header_len)
		return 0;
	f->len = f->flags & ZL_FRAME_LONG ? get_u64(p + 1) : p[1];
	return f->len > INT64_MAX ? -EMSGSIZE : f->header_len;
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
	put_u64(out + 1, len);
	return ZL_FRAME_LONG_HEADER;
}

#define OLD_LONG 0xff /* in the place of a short length: eight bytes of it follow */

int zl_old_frame_parse(const uint8_t *p, size_t n, struct zl_frame *f)
{
	unsigned at = n && p[0] == OLD_LONG ? 9 : 1; /* of the flags */
	uint64_t counted;

	if (n < at)
		return 0;
	counted = at > 1 ? get_u64(p + 1) : p[0];
	if (counted == 0) {
		*f = (struct zl_frame){.flags = ZL_FRAME_VOID, .header_len = (uint8_t)at};
		return (int)at;
	}
	if (counted > INT64_MAX)
		return -EMSGSIZE;
	if (n == at)
		return 0;
	f->len = counted - 1;
	f->flags = p[at] & ZL_FRAME_MORE;
	f->header_len = (uint8_t)(at + 1);
	return f->header_len;
}

unsigned zl_old_frame_build(uint8_t out[ZL_OLD_LONG_HEADER], uint8_t flags, uint64_t len)
{
	flags &= ZL_FRAME_MORE;
	if (len <= ZL_OLD_SHORT_MAX) {
		out[0] = (uint8_t)(len + 1);
		out[1] = flags;
		return ZL_OLD_SHORT_HEADER;
	}
	out[0] = OLD_LONG;
	put_u64(out + 1, len + 1);
	out[9] = flags;
	return ZL_OLD_LONG_HEADER;
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
