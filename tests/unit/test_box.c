/* What a box is made of, by each way that this machine has: the same as libsodium's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "dataplane/zmtp/box.h"

#define MANY 5000

static uint64_t seed = 1;

static uint32_t below(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % n);
}

static void random_bytes(uint8_t *to, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)below(256);
}

/* --- keystream --- */

/* Blocks of one nonce, as libsodium has them. */
static void expect_blocks(const uint8_t *is, const uint8_t key[32], uint64_t nonce, uint64_t block,
			  uint32_t len)
{
	uint8_t travels[8], expect[ZL_KEYSTREAM_BYTES] = {0};

	for (int i = 7; i >= 0; i--, nonce >>= 8)
		travels[i] = (uint8_t)nonce;
	crypto_stream_salsa20_xor_ic(expect, expect, len, travels, block, key);
	assert_memory_equal(is, expect, len);
}

static void test_each_way_makes_the_same_keystream(void **state)
{
	/* where a nonce's and a block number's halves are carried into each other, and wrap */
	static const uint64_t edges[] = {0, 1, 0xfffffff8, 0xfffffffffffffff8, 0x0123456789abcdef};
	zl_keystream_fn *all[ZL_KEYSTREAMS_MAX];
	unsigned n = zl_keystreams(all);
	_Alignas(64) uint8_t is[ZL_KEYSTREAM_BYTES];
	uint8_t key[32];

	(void)state;
	assert_true(n >= 1 && all[0] == zl_keystream_portable);
	for (unsigned round = 0; round < 5 * 5 * 5 * n; round++) {
		uint64_t nonce = edges[round % 5], block = edges[round / 5 % 5];
		unsigned each = 1u << round / 25 % 5, made;

		random_bytes(key, sizeof(key));
		made = all[round / 125](is, key, nonce, block, each);
		assert_true(made >= 1 && made * each <= ZL_KEYSTREAM_BLOCKS);
		for (unsigned i = 0; i < made; i++)
			expect_blocks(is + i * each * ZL_KEYSTREAM_BLOCK, key, nonce + i, block,
				      each * ZL_KEYSTREAM_BLOCK);
	}
}

/* Two sessions take turns on one core, and count their nonces up, now and then by more than one;
 * lengths change, and long ones come back for more. */
static void test_what_is_there_already_is_the_right_one(void **state)
{
	static struct zl_keystream k;
	uint64_t nonce[2] = {1, 1};
	uint8_t key[2][32];

	(void)state;
	random_bytes(key[0], sizeof(key));
	for (unsigned i = 0; i < MANY; i++) {
		unsigned who = below(20) == 0;
		uint32_t len = below(4) ? 97 : 1 + below(3000), from = 0, have = 0;

		for (; from < len; from += have) {
			const uint8_t *is = zl_keystream_get(&k, key[who], nonce[who], from,
							     len - from, &have);

			assert_true(have >= len - from || have == ZL_KEYSTREAM_BYTES);
			expect_blocks(is, key[who], nonce[who], from / ZL_KEYSTREAM_BLOCK, have);
		}
		nonce[who] += below(10) ? 1 : 1 + below(20);
		if (below(100) == 0) { /* a new session, whose nonces begin again */
			random_bytes(key[who], sizeof(key[who]));
			nonce[who] = 1;
		}
	}
}

static void test_nothing_is_left_when_it_is_wiped(void **state)
{
	static const struct zl_keystream none;
	static struct zl_keystream k;
	uint8_t key[32] = "a key that somebody has";
	uint32_t have;

	(void)state;
	zl_keystream_get(&k, key, 1, 0, 2000, &have);
	zl_keystream_get(&k, key, 1, ZL_KEYSTREAM_BYTES, 1000, &have);
	zl_keystream_wipe(&k);
	assert_memory_equal(&k, &none, sizeof(k));
}

/* --- tags --- */

static uint8_t message[70000];

static void expect_tag(const uint8_t key[32], size_t len, uint32_t piece)
{
	struct zl_poly1305 p = {0};
	static const struct zl_poly1305 none;
	uint8_t is[16], expect[16];

	crypto_onetimeauth_poly1305(expect, message, len, key);
	zl_poly1305_init(&p, key);
	for (size_t at = 0, n; at < len; at += n) {
		n = 1 + below(piece);
		n = n < len - at ? n : len - at;
		zl_poly1305_update(&p, message + at, n);
	}
	zl_poly1305_final(&p, is);
	assert_memory_equal(is, expect, sizeof(is));
	assert_memory_equal(&p, &none, sizeof(p));
}

/* Numbers at the edge: all bits set, and sums next to the modulus. */
static void choose(uint8_t key[32], size_t len)
{
	random_bytes(key, 32);
	switch (below(6)) {
	case 0: /* sums of 2^130 - 5 and near it, not multiplied */
		memset(key, 0, 16);
		key[0] = 1;
		memset(message, 255, len);
		message[0] = (uint8_t)(0xf0 + below(16));
		break;
	case 1:
		memset(key, 255, 32);
		memset(message, 255, len);
		break;
	case 2:
		memset(message, 0, len);
		break;
	default:
		random_bytes(message, len < 3000 ? len : 3000);
	}
}

static void test_each_way_makes_the_same_tag(void **state)
{
	zl_poly1305_fn *all[ZL_POLY1305S_MAX], *was = zl_poly1305_long;
	unsigned n = zl_poly1305s(all);
	uint8_t key[32];

	(void)state;
	assert_true(n >= 1 && all[0] == zl_poly1305_portable);
	for (unsigned i = 0; i < n * MANY; i++) {
		size_t len = i % 50 == 0 ? below(sizeof(message)) : below(i % 3 ? 130 : 2500);

		zl_poly1305_long = all[i % n];
		choose(key, len);
		expect_tag(key, len, i % 2 ? 40 : 2500);
	}
	zl_poly1305_long = was;
}

static void put_limbs(uint8_t *block, uint64_t low, uint64_t middle, uint64_t high)
{
	unsigned __int128 n = (unsigned __int128)high << 88 | (unsigned __int128)middle << 44 | low;

	memcpy(block, &n, 16); /* a little endian, or the test is not of what it says */
}

/* Once in 2^44 messages a limb has a bit more after a product, here with r = 3 and two blocks: the
 * sum is a third of a limb's highest value in each limb, and the last one's overflow comes back
 * to the first. Whoever reads it next must carry on, through all of them. */
static void test_a_carry_goes_all_the_way(void **state)
{
	const uint64_t third = ((1ull << 44) - 1) / 3, high = 0x12000000000, above = 1ull << 40;
	const uint8_t key[32] = {3};
	zl_poly1305_fn *all[ZL_POLY1305S_MAX], *was = zl_poly1305_long;
	unsigned n = zl_poly1305s(all);

	(void)state;
	memset(message, 0, sizeof(message));
	put_limbs(message, 0, 0, high - above);
	put_limbs(message + 16, third, third, third - 3 * high - above);
	for (unsigned i = 0; i < n; i++) {
		zl_poly1305_long = all[i];
		expect_tag(key, 32, 1);                             /* read by the end */
		for (unsigned rest = 16; rest < 3000; rest += 16) { /* or by vectors */
			struct zl_poly1305 p;
			uint8_t is[16], expect[16];

			crypto_onetimeauth_poly1305(expect, message, 32 + rest, key);
			zl_poly1305_init(&p, key);
			zl_poly1305_update(&p, message, 32);
			assert_int_equal(p.sum.limb[1], 1ull << 44);
			zl_poly1305_update(&p, message + 32, rest);
			zl_poly1305_final(&p, is);
			assert_memory_equal(is, expect, sizeof(is));
		}
	}
	zl_poly1305_long = was;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_way_makes_the_same_keystream),
		cmocka_unit_test(test_what_is_there_already_is_the_right_one),
		cmocka_unit_test(test_nothing_is_left_when_it_is_wiped),
		cmocka_unit_test(test_each_way_makes_the_same_tag),
		cmocka_unit_test(test_a_carry_goes_all_the_way),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
