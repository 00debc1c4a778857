/* What NaCl's crypto_box is after its key agreement: Poly1305 under the first 32 bytes of a Salsa20
 * keystream, over what the keystream from there on encrypts. */
#include "dataplane/zmtp/box.h"

#include <string.h>

#include <sodium.h>

#define BLOCK    64
#define TAG_KEY  32 /* bytes of the keystream that the tag's key takes */
#define CONSTANT 16 /* bytes of the nonce that do not change */

const char zl_box_name[ZL_BOX_NAME_BYTES + 1] = "\7MESSAGE";

_Static_assert(sizeof(crypto_onetimeauth_poly1305_state) <= sizeof(((struct zl_box *)0)->tag),
	       "a tag's state has room");

static crypto_onetimeauth_poly1305_state *tag_of(struct zl_box *b)
{
	return (void *)b->tag;
}

void zl_box_key_init(struct zl_box_key *k, const uint8_t key[ZL_BOX_KEY_BYTES], bool by_server,
		     uint64_t nonce)
{
	const char *constant = by_server ? "CurveZMQMESSAGES" : "CurveZMQMESSAGEC";

	crypto_core_hsalsa20(k->key, (const uint8_t *)constant, key, NULL);
	k->nonce = nonce;
}
_Static_assert(CONSTANT == crypto_core_hsalsa20_INPUTBYTES, "what HSalsa20 takes of a nonce");

/* Four blocks are made side by side, for little more than one and less than two. */
void zl_box_begin(struct zl_box *b, const struct zl_box_key *k,
		  const uint8_t nonce[ZL_BOX_NONCE_BYTES], uint32_t len)
{
	b->key = k->key;
	memcpy(b->nonce, nonce, sizeof(b->nonce));
	b->from = 0;
	b->to = TAG_KEY + len > BLOCK ? sizeof(b->stream) : BLOCK;
	crypto_stream_salsa20(b->stream, b->to, b->nonce, b->key);
	b->at = TAG_KEY;
	crypto_onetimeauth_poly1305_init(tag_of(b), b->stream);
}

static void crypt_by(uint8_t *to, const uint8_t *from, const uint8_t *stream, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		to[i] = from[i] ^ stream[i];
}

/* Behind what was made at first, whole blocks need no keystream of their own in memory. */
void zl_box_crypt(struct zl_box *b, uint8_t *to, const uint8_t *from, uint32_t n)
{
	static const uint8_t zero[BLOCK];

	while (n) {
		uint32_t take = n - n % BLOCK;

		if (b->at == b->to && take) {
			crypto_stream_salsa20_xor_ic(to, from, take, b->nonce, b->at / BLOCK,
						     b->key);
			b->from = b->to = b->at + take;
		} else {
			if (b->at == b->to) {
				crypto_stream_salsa20_xor_ic(b->stream, zero, BLOCK, b->nonce,
							     b->at / BLOCK, b->key);
				b->from = b->to;
				b->to += BLOCK;
			}
			take = b->to - b->at;
			take = n < take ? n : take;
			crypt_by(to, from, b->stream + (b->at - b->from), take);
		}
		b->at += take;
		to += take;
		from += take;
		n -= take;
	}
}

void zl_box_authenticate(struct zl_box *b, const uint8_t *encrypted, uint32_t n)
{
	crypto_onetimeauth_poly1305_update(tag_of(b), encrypted, n);
}

void zl_box_tag(struct zl_box *b, uint8_t tag[ZL_BOX_TAG_BYTES])
{
	crypto_onetimeauth_poly1305_final(tag_of(b), tag);
}

bool zl_box_tag_is(struct zl_box *b, const uint8_t tag[ZL_BOX_TAG_BYTES])
{
	uint8_t own[ZL_BOX_TAG_BYTES];

	zl_box_tag(b, own);
	return crypto_verify_16(own, tag) == 0;
}
