/* What NaCl's crypto_box is after its key agreement: Poly1305 under the first 32 bytes of a Salsa20
 * keystream, over what the keystream from there on encrypts. */
#include "dataplane/zmtp/box.h"

#include <string.h>

#include <sodium.h>

#define TAG_KEY  32 /* bytes of the keystream that the tag's key takes */
#define CONSTANT 16 /* bytes of the nonce that do not change */

const char zl_box_name[ZL_BOX_NAME_BYTES + 1] = "\7MESSAGE";

void zl_box_key_init(struct zl_box_key *k, const uint8_t key[ZL_BOX_KEY_BYTES], bool by_server,
		     uint64_t nonce)
{
	const char *constant = by_server ? "CurveZMQMESSAGES" : "CurveZMQMESSAGEC";

	crypto_core_hsalsa20(k->key, (const uint8_t *)constant, key, NULL);
	k->nonce = nonce;
}
_Static_assert(CONSTANT == crypto_core_hsalsa20_INPUTBYTES, "what HSalsa20 takes of a nonce");

void zl_box_begin(struct zl_box *b, const struct zl_box_key *k, struct zl_keystream *keystream,
		  uint64_t nonce, uint32_t len)
{
	const uint8_t *first = zl_keystream_get(keystream, k->key, nonce, 0, TAG_KEY + len, &b->to);

	b->keystream = keystream;
	b->key = k->key;
	b->nonce = nonce;
	b->at = TAG_KEY;
	b->end = TAG_KEY + len;
	b->is = first + TAG_KEY;
	zl_poly1305_init(&b->tag, first);
}

static void crypt_by(uint8_t *to, const uint8_t *from, const uint8_t *stream, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		to[i] = from[i] ^ stream[i];
}

void zl_box_crypt(struct zl_box *b, uint8_t *to, const uint8_t *from, uint32_t n)
{
	while (n) {
		uint32_t take;

		if (b->at == b->to) {
			b->is = zl_keystream_get(b->keystream, b->key, b->nonce, b->at,
						 b->end - b->at, &take);
			b->to += take;
		}
		take = b->to - b->at;
		take = n < take ? n : take;
		crypt_by(to, from, b->is, take);
		b->at += take;
		b->is += take;
		to += take;
		from += take;
		n -= take;
	}
}

void zl_box_authenticate(struct zl_box *b, const uint8_t *encrypted, uint32_t n)
{
	zl_poly1305_update(&b->tag, encrypted, n);
}

void zl_box_tag(struct zl_box *b, uint8_t tag[ZL_BOX_TAG_BYTES])
{
	zl_poly1305_final(&b->tag, tag);
}

bool zl_box_tag_is(struct zl_box *b, const uint8_t tag[ZL_BOX_TAG_BYTES])
{
	uint8_t own[ZL_BOX_TAG_BYTES];

	zl_box_tag(b, own);
	return crypto_verify_16(own, tag) == 0;
}
