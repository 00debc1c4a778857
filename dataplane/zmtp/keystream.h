/* Salsa20's keystream for boxes, made ahead: sixteen blocks side by side cost little more than one
 * in the vectors of this machine. They are those of the nonces that come next, since a session's
 * messages count them up, or of one nonce if its message is long. A core has one of each
 * direction. */
#ifndef ZL_ZMTP_KEYSTREAM_H
#define ZL_ZMTP_KEYSTREAM_H

#include <stdbool.h>
#include <stdint.h>

#define ZL_KEYSTREAM_KEY_BYTES 32
#define ZL_KEYSTREAM_BLOCK     64
#define ZL_KEYSTREAM_BLOCKS    16
#define ZL_KEYSTREAM_BYTES     (ZL_KEYSTREAM_BLOCK * ZL_KEYSTREAM_BLOCKS)

/* Blocks of nonces first .. first + n - 1. */
struct zl_keystream_blocks {
	uint8_t key[ZL_KEYSTREAM_KEY_BYTES];
	uint64_t first;
	uint32_t n, each; /* bytes of each nonce */
	uint32_t from;    /* the byte of their keystreams that they begin with */
	_Alignas(64) uint8_t bytes[ZL_KEYSTREAM_BYTES];
};
struct zl_keystream {
	struct zl_keystream_blocks begin, rest; /* of messages: of long ones, what is needed now */
};

/* This nonce's keystream from byte `from` on, 0 or a multiple of ZL_KEYSTREAM_BYTES, of which `len`
 * are needed: how many there are is in *have. They are there until the next call. */
const uint8_t *zl_keystream_get(struct zl_keystream *k, const uint8_t key[ZL_KEYSTREAM_KEY_BYTES],
				uint64_t nonce, uint32_t from, uint32_t len, uint32_t *have);
/* Nothing of it is left: whoever's it was is gone. */
void zl_keystream_wipe(struct zl_keystream *k);

/* `each` blocks, a power of two, from number `block` on, of as many nonces from this one on as
 * there is room for, or of fewer: how many is returned. */
typedef unsigned zl_keystream_fn(uint8_t to[ZL_KEYSTREAM_BYTES],
				 const uint8_t key[ZL_KEYSTREAM_KEY_BYTES], uint64_t nonce,
				 uint64_t block, unsigned each);
extern zl_keystream_fn *zl_keystream_make;

/* Every machine has the first, libsodium's. keystream_x86.c, or keystream_any.c: all that this one
 * has, the best one last; how many. */
#define ZL_KEYSTREAMS_MAX 3
zl_keystream_fn zl_keystream_portable;
unsigned zl_keystreams(zl_keystream_fn *all[ZL_KEYSTREAMS_MAX]);

#endif
