/* Poly1305 (RFC 8439 2.5) over bytes that come in pieces: a number modulo 2^130 - 5 in three limbs,
 * and long runs side by side in the vectors of this machine. Its time does not depend on what is in
 * key or message. */
#ifndef ZL_ZMTP_POLY1305_H
#define ZL_ZMTP_POLY1305_H

#include <stddef.h>
#include <stdint.h>

#define ZL_POLY1305_KEY_BYTES 32
#define ZL_POLY1305_TAG_BYTES 16
#define ZL_POLY1305_BLOCK     16

/* Of 44, 44 and 42 bits, the lowest first; the second may have one bit more. */
struct zl_poly1305_number {
	uint64_t limb[3];
};

#define ZL_POLY1305_LIMBS 5 /* of 26 bits, in vectors */
#define ZL_POLY1305_LANES 8 /* at most */

struct zl_poly1305 {
	struct zl_poly1305_number r, sum;
	uint64_t pad[2];
	uint32_t held; /* bytes of a block that is not whole yet */
	uint8_t block[ZL_POLY1305_BLOCK];
	/* Powers of r, once a long run has needed them: what each lane's blocks are multiplied by
	 * in the end, and all of them before. */
	uint32_t has_powers;
	uint64_t power[ZL_POLY1305_LIMBS][ZL_POLY1305_LANES], highest[ZL_POLY1305_LIMBS];
};

/* A key is for one message. */
void zl_poly1305_init(struct zl_poly1305 *p, const uint8_t key[ZL_POLY1305_KEY_BYTES]);
void zl_poly1305_update(struct zl_poly1305 *p, const uint8_t *bytes, size_t n);
/* Nothing of the key is left in *p. */
void zl_poly1305_final(struct zl_poly1305 *p, uint8_t tag[ZL_POLY1305_TAG_BYTES]);

/* a times b, of which b's second limb has no bit more. */
struct zl_poly1305_number zl_poly1305_times(struct zl_poly1305_number a,
					    struct zl_poly1305_number b);
/* Some of these bytes, in whole blocks: how many is returned. */
typedef size_t zl_poly1305_fn(struct zl_poly1305 *p, const uint8_t *bytes, size_t n);
extern zl_poly1305_fn *zl_poly1305_long;

/* Every machine has the first, which takes none. poly1305_x86.c, or poly1305_any.c: all that this
 * one has, the best one last; how many. */
#define ZL_POLY1305S_MAX 3
zl_poly1305_fn zl_poly1305_portable;
unsigned zl_poly1305s(zl_poly1305_fn *all[ZL_POLY1305S_MAX]);

#endif
