/* Which keystream is there already, libsodium's, and the choice at start (as net/sum.c makes
 * its). */
#include "dataplane/zmtp/keystream.h"

#include <string.h>

#include <sodium.h>

zl_keystream_fn *zl_keystream_make = zl_keystream_portable;

static bool has(const struct zl_keystream_blocks *b, const uint8_t *key, uint64_t nonce,
		uint32_t from, uint32_t len)
{
	return nonce - b->first < b->n && from == b->from && len <= b->each &&
	       crypto_verify_32(b->key, key) == 0;
}

static unsigned blocks_of(uint32_t len)
{
	unsigned blocks = 1;

	while (blocks < ZL_KEYSTREAM_BLOCKS && blocks * ZL_KEYSTREAM_BLOCK < len)
		blocks *= 2;
	return blocks;
}

const uint8_t *zl_keystream_get(struct zl_keystream *k, const uint8_t key[ZL_KEYSTREAM_KEY_BYTES],
				uint64_t nonce, uint32_t from, uint32_t len, uint32_t *have)
{
	struct zl_keystream_blocks *b = from ? &k->rest : &k->begin;

	len = len < ZL_KEYSTREAM_BYTES ? len : ZL_KEYSTREAM_BYTES;
	if (!has(b, key, nonce, from, len)) {
		unsigned blocks = blocks_of(len);

		b->n = zl_keystream_make(b->bytes, key, nonce, from / ZL_KEYSTREAM_BLOCK, blocks);
		b->each = blocks * ZL_KEYSTREAM_BLOCK;
		b->first = nonce;
		b->from = from;
		memcpy(b->key, key, sizeof(b->key));
	}
	*have = b->each;
	return b->bytes + (nonce - b->first) * b->each;
}

void zl_keystream_wipe(struct zl_keystream *k)
{
	sodium_memzero(k, sizeof(*k));
}

unsigned zl_keystream_portable(uint8_t to[ZL_KEYSTREAM_BYTES],
			       const uint8_t key[ZL_KEYSTREAM_KEY_BYTES], uint64_t nonce,
			       uint64_t block, unsigned each)
{
	uint8_t travels[8];

	for (int i = 7; i >= 0; i--, nonce >>= 8)
		travels[i] = (uint8_t)nonce;
	memset(to, 0, each * ZL_KEYSTREAM_BLOCK);
	crypto_stream_salsa20_xor_ic(to, to, each * ZL_KEYSTREAM_BLOCK, travels, block, key);
	return 1;
}

static __attribute__((constructor)) void choose(void)
{
	zl_keystream_fn *all[ZL_KEYSTREAMS_MAX];

	zl_keystream_make = all[zl_keystreams(all) - 1];
}
