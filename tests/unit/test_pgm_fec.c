/* The erasure code of parity packets: its matrix against one worked out by hand, and every erasure
 * of small groups. */
#include "dataplane/pgm/fec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define LEN 37 /* bytes of a packet: vectors do most, the rest is done singly */

static void test_multiplies_modulo_the_polynomial(void **state)
{
	(void)state;
	/* x^7 times x is x^8, which is x^4 + x^3 + x^2 + 1. */
	assert_int_equal(pgm_fec_mul(0x80, 2), 0x1d);
	assert_int_equal(pgm_fec_mul(3, 7), 9);
	for (unsigned a = 0; a < 256; a++) {
		unsigned inverses = 0;

		assert_int_equal(pgm_fec_mul((uint8_t)a, 1), a);
		assert_int_equal(pgm_fec_mul((uint8_t)a, 0), 0);
		for (unsigned b = 0; b < 256; b++) {
			uint8_t slow = 0, at = (uint8_t)a;

			for (unsigned bit = 0; bit < 8; bit++) {
				if (b >> bit & 1)
					slow ^= at;
				at = (uint8_t)(at << 1 ^ (at & 0x80 ? 0x1d : 0));
			}
			assert_int_equal(pgm_fec_mul((uint8_t)a, (uint8_t)b), slow);
			inverses += slow == 1;
		}
		assert_int_equal(inverses, a != 0);
	}
}

/* V_kk^-1 times V_nk of Vandermonde matrices over the points 0, 1, a, a^2 and so on, as OpenPGM
 * makes it, inverted by an independent program. */
static void test_rows_are_those_of_the_vandermonde_code(void **state)
{
	static const struct {
		unsigned k, j;
		uint8_t row[8];
	} want[] = {
		{1, 0, {1}},
		{1, 7, {1}},
		{2, 0, {0x03, 0x02}},
		{2, 1, {0x05, 0x04}},
		{2, 2, {0x09, 0x08}},
		{4, 0, {0x77, 0x40, 0x38, 0x0e}},
		{4, 1, {0xc7, 0xa7, 0x0d, 0x6c}},
		{4, 2, {0x53, 0x02, 0x6f, 0x3f}},
		{4, 3, {0xf1, 0x7b, 0x83, 0x08}},
		{8, 0, {0x89, 0x18, 0xd0, 0x7d, 0x92, 0xa4, 0xf5, 0xfe}},
		{8, 1, {0x36, 0xf8, 0xd0, 0xce, 0x25, 0x19, 0xfb, 0x16}},
		{8, 2, {0x5f, 0xcd, 0xa3, 0x40, 0x50, 0x48, 0xf6, 0x9e}},
	};
	uint8_t row[PGM_FEC_K_MAX];
	struct pgm_fec f;

	(void)state;
	for (unsigned i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		pgm_fec_init(&f, want[i].k);
		pgm_fec_row(&f, want[i].j, row);
		assert_memory_equal(row, want[i].row, want[i].k);
	}
}

/* Two packets "AB" and "CD": parity 0 is 3 x 'A' + 2 x 'C', byte by byte. */
static void test_a_parity_packet_by_hand(void **state)
{
	static const uint8_t want[] = {0x41 ^ 0x82 ^ 0x86, 0x42 ^ 0x84 ^ 0x88};
	uint8_t row[PGM_FEC_K_MAX], sum[2] = {0};
	struct pgm_fec f;

	(void)state;
	pgm_fec_init(&f, 2);
	pgm_fec_row(&f, 0, row);
	pgm_fec_add(sum, (const uint8_t *)"AB", 2, row[0]);
	pgm_fec_add(sum, (const uint8_t *)"CD", 2, row[1]);
	assert_memory_equal(sum, want, 2);
}

static void test_adds_any_length_like_byte_by_byte(void **state)
{
	uint8_t from[100], to[100], want[100];

	(void)state;
	for (unsigned len = 0; len <= sizeof(from); len++) {
		uint8_t by = (uint8_t)(len * 37 + 1);

		for (unsigned i = 0; i < sizeof(from); i++) {
			from[i] = (uint8_t)(i * 29 + len);
			to[i] = want[i] = (uint8_t)(i * 7);
			if (i < len)
				want[i] ^= pgm_fec_mul(from[i], by);
		}
		pgm_fec_add(to, from, len, by);
		assert_memory_equal(to, want, sizeof(to));
	}
}

struct block {
	struct pgm_fec f;
	unsigned k, h;
	uint8_t data[16][LEN], parity[16][LEN];
};

static void encode(struct block *b)
{
	uint8_t row[PGM_FEC_K_MAX];

	pgm_fec_init(&b->f, b->k);
	for (unsigned i = 0; i < b->k; i++)
		for (unsigned n = 0; n < LEN; n++)
			b->data[i][n] = (uint8_t)(i * 91 + n * n * 13 + b->k);
	memset(b->parity, 0, sizeof(b->parity));
	for (unsigned j = 0; j < b->h; j++) {
		pgm_fec_row(&b->f, j, row);
		for (unsigned i = 0; i < b->k; i++)
			pgm_fec_add(b->parity[j], b->data[i], LEN, row[i]);
	}
}

static void check_erasure(const struct block *b, unsigned missing_bits, unsigned parity_bits)
{
	static uint8_t of_parity[PGM_FEC_K_MAX][PGM_FEC_K_MAX],
		of_data[PGM_FEC_K_MAX][PGM_FEC_K_MAX];
	uint8_t missing[16], parity[16];
	unsigned n = 0, m = 0;

	for (unsigned i = 0; i < 16; i++) {
		if (missing_bits >> i & 1)
			missing[n++] = (uint8_t)i;
		if (parity_bits >> i & 1)
			parity[m++] = (uint8_t)i;
	}
	if (n != m || !n)
		return;
	pgm_fec_solve(&b->f, n, missing, parity, of_parity, of_data);
	for (unsigned e = 0; e < n; e++) {
		uint8_t got[LEN] = {0};

		for (unsigned j = 0; j < n; j++)
			pgm_fec_add(got, b->parity[parity[j]], LEN, of_parity[e][j]);
		for (unsigned i = 0; i < b->k; i++)
			if (!(missing_bits >> i & 1))
				pgm_fec_add(got, b->data[i], LEN, of_data[e][i]);
		assert_memory_equal(got, b->data[missing[e]], LEN);
	}
}

static void test_every_erasure_of_small_groups_is_rebuilt(void **state)
{
	static const unsigned shapes[][2] = {{1, 2}, {2, 3}, {4, 4}, {5, 3}, {8, 4}};

	(void)state;
	for (unsigned s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
		struct block b = {.k = shapes[s][0], .h = shapes[s][1]};

		encode(&b);
		for (unsigned missing = 0; missing < 1u << b.k; missing++)
			for (unsigned parity = 0; parity < 1u << b.h; parity++)
				check_erasure(&b, missing, parity);
	}
}

/* The largest group, with all of it gone but for the parity with the highest numbers. */
static void test_the_largest_group_is_rebuilt_from_parity_alone(void **state)
{
	static uint8_t of_parity[PGM_FEC_K_MAX][PGM_FEC_K_MAX],
		of_data[PGM_FEC_K_MAX][PGM_FEC_K_MAX], row[PGM_FEC_K_MAX];
	const unsigned k = PGM_FEC_K_MAX, n = PGM_FEC_N_MAX - k;
	uint8_t missing[PGM_FEC_K_MAX], parity[PGM_FEC_K_MAX], sum[PGM_FEC_K_MAX] = {0};
	struct pgm_fec f;

	(void)state;
	pgm_fec_init(&f, k);
	for (unsigned j = 0; j < n; j++) {
		missing[j] = (uint8_t)(j + 1); /* all but the first, as there is one parity less */
		parity[j] = (uint8_t)j;
		pgm_fec_row(&f, j, row);
		for (unsigned i = 0; i < k; i++)
			sum[j] ^= pgm_fec_mul(row[i], (uint8_t)(i * 3 + 1));
	}
	pgm_fec_solve(&f, n, missing, parity, of_parity, of_data);
	for (unsigned e = 0; e < n; e++) {
		uint8_t got = pgm_fec_mul(of_data[e][0], 1);

		for (unsigned j = 0; j < n; j++)
			got ^= pgm_fec_mul(of_parity[e][j], sum[j]);
		assert_int_equal(got, (uint8_t)(missing[e] * 3 + 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_multiplies_modulo_the_polynomial),
		cmocka_unit_test(test_rows_are_those_of_the_vandermonde_code),
		cmocka_unit_test(test_a_parity_packet_by_hand),
		cmocka_unit_test(test_adds_any_length_like_byte_by_byte),
		cmocka_unit_test(test_every_erasure_of_small_groups_is_rebuilt),
		cmocka_unit_test(test_the_largest_group_is_rebuilt_from_parity_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
