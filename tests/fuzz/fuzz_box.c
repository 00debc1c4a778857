/* Boxes against libsodium's crypto_box: messages of several sessions that share a core's
 * keystreams, in pieces, in place and apart, sealed and opened, by each way that this machine has
 * of making keystreams and tags. Buffers are as large as what is in them. */
#include <sodium.h>

#include "dataplane/zmtp/box.h"
#include "tests/fuzz/feed.h"

#define LEN_MAX  6000
#define SESSIONS 2

static struct session {
	uint8_t key[32];
	struct zl_box_key seal;
	uint64_t nonce;
	bool by_server;
} sessions[SESSIONS];
static struct zl_keystream sealing, opening;

/* What the next piece takes: mostly what the input says, at last the rest. */
static uint32_t piece(struct feed *f, uint32_t left)
{
	uint8_t how = feed_u8(f);
	uint32_t n = how & 0x80 ? (how & 0x7fu) * 33 : how;

	return !n || n > left ? left : n;
}

static uint8_t *copy_of(const uint8_t *bytes, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	require(copy);
	memcpy(copy, bytes, n);
	return copy;
}

static void fill(struct feed *f, uint8_t *to, uint32_t n)
{
	uint8_t byte = feed_u8(f);

	for (uint32_t i = 0; i < n; i++)
		to[i] = (uint8_t)(byte + i * (byte | 1));
	feed_over(f, to, n < 16 ? n : 16);
}

/* As boxed.c seals: each piece is deciphered, and goes into the tag. */
static void seal(struct feed *f, const struct session *s, const uint8_t *plain, uint32_t n,
		 const uint8_t *expect)
{
	bool in_place = feed_u8(f) & 1;
	uint8_t *from = copy_of(plain, n), *to = in_place ? from : malloc(n), tag[16];
	struct zl_box box;

	require(to);
	zl_box_begin(&box, &s->seal, &sealing, s->nonce, n);
	for (uint32_t at = 0, k; at < n; at += k) {
		k = piece(f, n - at);
		zl_box_crypt(&box, to + at, from + at, k);
		zl_box_authenticate(&box, to + at, k);
	}
	zl_box_tag(&box, tag);
	require(memcmp(tag, expect, 16) == 0);
	require(memcmp(to, expect + 16, n) == 0);
	if (!in_place)
		free(to);
	free(from);
}

/* As it opens: the tag first, over all of it. */
static void open_again(struct feed *f, const struct session *s, const uint8_t *plain, uint32_t n,
		       const uint8_t *sealed)
{
	bool in_place = feed_u8(f) & 1;
	uint8_t wrong = feed_u8(f), tag[16];
	uint8_t *from = copy_of(sealed + 16, n), *to = in_place ? from : malloc(n);
	struct zl_box box;

	require(to);
	zl_box_begin(&box, &s->seal, &opening, s->nonce, n);
	for (uint32_t at = 0, k; at < n; at += k) {
		k = piece(f, n - at);
		zl_box_authenticate(&box, from + at, k);
	}
	memcpy(tag, sealed, 16);
	tag[wrong & 15] ^= wrong >> 4;
	require(zl_box_tag_is(&box, tag) == (wrong >> 4 == 0));
	for (uint32_t at = 0, k; at < n; at += k) {
		k = piece(f, n - at);
		zl_box_crypt(&box, to + at, from + at, k);
	}
	require(memcmp(to, plain, n) == 0);
	if (!in_place)
		free(to);
	free(from);
}

static void message(struct feed *f)
{
	static uint8_t plain[LEN_MAX], sealed[LEN_MAX + 16];
	uint8_t how = feed_u8(f), nonce[24] = "CurveZMQMESSAGEC";
	struct session *s = &sessions[how & 1];
	uint32_t n = 1 + (how & 2 ? feed_u16(f) % (LEN_MAX - 1) : feed_u8(f));

	s->nonce += how & 4 ? feed_u8(f) * (how & 8 ? 0x01000000ull : 1) : 1;
	nonce[15] = s->by_server ? 'S' : 'C';
	for (unsigned i = 0; i < 8; i++)
		nonce[16 + i] = (uint8_t)(s->nonce >> (56 - 8 * i));
	fill(f, plain, n);
	require(crypto_box_easy_afternm(sealed, plain, n, nonce, s->key) == 0);
	if (how & 0x10)
		seal(f, s, plain, n, sealed);
	if (how & 0x20)
		open_again(f, s, plain, n, sealed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	zl_keystream_fn *streams[ZL_KEYSTREAMS_MAX];
	zl_poly1305_fn *tags[ZL_POLY1305S_MAX];
	struct feed f = {data, n};
	uint8_t how = feed_u8(&f);

	require(sodium_init() >= 0);
	zl_keystream_make = streams[how % zl_keystreams(streams)];
	zl_poly1305_long = tags[(how >> 2) % zl_poly1305s(tags)];
	for (unsigned i = 0; i < SESSIONS; i++) {
		struct session *s = &sessions[i];

		memset(s->key, how, 32);
		feed_over(&f, s->key, 32);
		s->by_server = how >> 4 & 1;
		s->nonce = how & 0x80 ? UINT64_MAX - 300 : 1;
		zl_box_key_init(&s->seal, s->key, s->by_server, s->nonce);
	}
	zl_keystream_wipe(&sealing);
	zl_keystream_wipe(&opening);
	while (f.left)
		message(&f);
	return 0;
}
