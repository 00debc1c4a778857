/* CurveZMQ's boxes (RFC 26, "MESSAGE"): XSalsa20 and Poly1305, the pieces that NaCl's box is made
 * of, so that a message may lie in several buffers and be opened where it is.
 *
 * The first two thirds of a nonce are the same for all messages of a direction: what XSalsa20 makes
 * of them and the session's key is computed once, which leaves Salsa20 by the rest of the nonce
 * (keystream.h). */
#ifndef ZL_ZMTP_BOX_H
#define ZL_ZMTP_BOX_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/zmtp/keystream.h"
#include "dataplane/zmtp/poly1305.h"

#define ZL_BOX_KEY_BYTES   32
#define ZL_BOX_TAG_BYTES   ZL_POLY1305_TAG_BYTES
#define ZL_BOX_NONCE_BYTES 8 /* of the nonce, the part that travels */
/* "\7MESSAGE", the nonce and the tag stand before what is encrypted, which begins with the flags.
 */
#define ZL_BOX_NAME_BYTES   8
#define ZL_BOX_HEADER_BYTES (ZL_BOX_NAME_BYTES + ZL_BOX_NONCE_BYTES + ZL_BOX_TAG_BYTES)
#define ZL_BOX_OVERHEAD     (ZL_BOX_HEADER_BYTES + 1)
extern const char zl_box_name[ZL_BOX_NAME_BYTES + 1];

/* One direction of a session. */
struct zl_box_key {
	uint8_t key[ZL_BOX_KEY_BYTES];
	uint64_t nonce; /* the last one: each is greater than those before it */
};

/* `key` is crypto_box_beforenm()'s; by_server: the server's messages go in this direction. nonce:
 * the last of the handshake. */
void zl_box_key_init(struct zl_box_key *k, const uint8_t key[ZL_BOX_KEY_BYTES], bool by_server,
		     uint64_t nonce);

/* A message's keystream and its tag, piece by piece. */
struct zl_box {
	struct zl_keystream *keystream;
	const uint8_t *key;
	uint64_t nonce;
	uint32_t at, end;  /* bytes of the keystream used, and needed */
	uint32_t to;       /* what is there of it ends here */
	const uint8_t *is; /* the byte that `at` is, unless at == to */
	struct zl_poly1305 tag;
};
/* len: of all that is to be encrypted or deciphered. `keystream` is this box's alone from here to
 * its end. */
void zl_box_begin(struct zl_box *b, const struct zl_box_key *k, struct zl_keystream *keystream,
		  uint64_t nonce, uint32_t len);
/* `to` may be `from`; else they do not overlap. */
void zl_box_crypt(struct zl_box *b, uint8_t *to, const uint8_t *from, uint32_t n);
/* The tag is over what is encrypted: before it is opened, after it was sealed. */
void zl_box_authenticate(struct zl_box *b, const uint8_t *encrypted, uint32_t n);
void zl_box_tag(struct zl_box *b, uint8_t tag[ZL_BOX_TAG_BYTES]);
bool zl_box_tag_is(struct zl_box *b, const uint8_t tag[ZL_BOX_TAG_BYTES]); /* in constant time */

#endif
