/* ZMTP 3.x frames and commands as bytes (RFC 37, "Framing" and "Commands"), which for messages are
 * those of 2.0 (RFC 15), and frames of ZMTP 1.0 (RFC 13): parse and build, no state, no memory. Any
 * core, any thread. */
#ifndef ZL_ZMTP_CODEC_H
#define ZL_ZMTP_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ZL_FRAME_MORE = 1 << 0,
	ZL_FRAME_LONG = 1 << 1,
	ZL_FRAME_COMMAND = 1 << 2,
	ZL_FRAME_FLAGS = ZL_FRAME_MORE | ZL_FRAME_LONG | ZL_FRAME_COMMAND,
	/* On no wire: a frame of ZMTP 1.0 that has not even flags, to be passed over. */
	ZL_FRAME_VOID = 1 << 7
};

#define ZL_FRAME_SHORT_HEADER 2
#define ZL_FRAME_LONG_HEADER  9
#define ZL_FRAME_SHORT_MAX    255 /* bytes of a short frame's body */

#define ZL_OLD_SHORT_HEADER 2
#define ZL_OLD_LONG_HEADER  10
#define ZL_OLD_SHORT_MAX    253

struct zl_frame {
	uint64_t len;       /* bytes of the body */
	uint8_t flags;      /* ZL_FRAME_* */
	uint8_t header_len; /* 2 or 9; ZMTP 1.0: 2 or 10; void: 1 or 9 */
};

/* Reads a header from the first bytes of a frame. Its length; 0: more bytes are needed; -EBADMSG:
 * reserved flags, or a command with MORE; -EMSGSIZE: a length over 2^63-1. A long frame may have
 * any length, also one that a short frame could say. */
int zl_frame_parse(const uint8_t *p, size_t n, struct zl_frame *f);

/* Writes the header of a body of len bytes, long only where it must be; MORE and COMMAND of `flags`
 * count. Returns the header's length. */
unsigned zl_frame_build(uint8_t out[ZL_FRAME_LONG_HEADER], uint8_t flags, uint64_t len);

/* The same for ZMTP 1.0: a length that counts the flags, and flags, of which only MORE has a
 * meaning and the others are not looked at. A length of 0 makes a void frame. */
int zl_old_frame_parse(const uint8_t *p, size_t n, struct zl_frame *f);
unsigned zl_old_frame_build(uint8_t out[ZL_OLD_LONG_HEADER], uint8_t flags, uint64_t len);

/* A command's body: a name, and data. */
struct zl_command {
	const uint8_t *name;
	uint8_t name_len; /* 1 .. 255 */
	uint64_t data_at; /* offset of the data in the body */
	uint64_t data_len;
};

/* Splits a body of len bytes, of which the first n are at p. False: malformed, or the name does not
 * lie within n (no command that is known has such a name). */
bool zl_command_split(const uint8_t *p, size_t n, uint64_t len, struct zl_command *c);
bool zl_command_is(const struct zl_command *c, const char *name);

#endif
