/* Frame headers and command bodies as RFC 37 has them. */
#include "dataplane/zmtp/codec.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_every_flags_octet_is_accepted_or_refused_as_the_rfc_says(void **state)
{
	(void)state;
	for (unsigned flags = 0; flags < 256; flags++) {
		uint8_t h[9] = {(uint8_t)flags, 7, 0, 0, 0, 0, 0, 0, 9};
		bool good = flags <= 4 || flags == 6;
		struct zl_frame f;
		int n = zl_frame_parse(h, sizeof(h), &f);

		assert_int_equal(n, !good ? -EBADMSG : flags & 2 ? 9 : 2);
		if (good && !(flags & 2))
			assert_int_equal(f.len, 7);
	}
}

static void test_headers_are_read_back_as_they_were_built(void **state)
{
	static const uint64_t lengths[] = {0, 1, 255, 256, 65536, UINT32_MAX, INT64_MAX};

	(void)state;
	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		uint8_t h[9];
		struct zl_frame f;
		unsigned n = zl_frame_build(h, ZL_FRAME_MORE, lengths[i]);

		assert_int_equal(n, lengths[i] < 256 ? 2 : 9);
		for (unsigned k = 0; k < n; k++)
			assert_int_equal(zl_frame_parse(h, k, &f), 0);
		assert_int_equal(zl_frame_parse(h, n, &f), n);
		assert_int_equal(f.len, lengths[i]);
		assert_int_equal(f.flags & ~ZL_FRAME_LONG, ZL_FRAME_MORE);
	}
}

static void test_a_length_over_63_bits_is_refused_and_a_short_long_frame_is_not(void **state)
{
	static const uint8_t huge[9] = {2, 0x80}, small[9] = {2, [8] = 3};
	struct zl_frame f;

	(void)state;
	assert_int_equal(zl_frame_parse(huge, 9, &f), -EMSGSIZE);
	assert_int_equal(zl_frame_parse(small, 9, &f), 9);
	assert_int_equal(f.len, 3);
}

static void test_old_headers_count_the_flags(void **state)
{
	static const uint64_t lengths[] = {0, 1, 253, 254, 255, 65536, UINT32_MAX, INT64_MAX - 1};

	(void)state;
	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		uint8_t h[10];
		struct zl_frame f;
		unsigned n = zl_old_frame_build(h, ZL_FRAME_MORE, lengths[i]);

		assert_int_equal(n, lengths[i] < 254 ? 2 : 10);
		assert_int_equal(h[0], n == 2 ? lengths[i] + 1 : 0xff);
		assert_int_equal(h[n - 1], 1);
		for (unsigned k = 0; k < n; k++)
			assert_int_equal(zl_old_frame_parse(h, k, &f), 0);
		assert_int_equal(zl_old_frame_parse(h, n, &f), n);
		assert_int_equal(f.len, lengths[i]);
		assert_int_equal(f.flags, ZL_FRAME_MORE);
	}
}

static void test_old_flags_beyond_more_are_not_looked_at_and_no_length_is_void(void **state)
{
	static const uint8_t huge[10] = {0xff, 0x80}, small[10] = {0xff, [8] = 4};
	struct zl_frame f;

	(void)state;
	assert_int_equal(zl_old_frame_parse((const uint8_t *)"\3\xfe", 2, &f), 2);
	assert_int_equal(f.flags, 0);
	assert_int_equal(f.len, 2);
	assert_int_equal(zl_old_frame_parse((const uint8_t *)"\0", 1, &f), 1);
	assert_int_equal(f.flags, ZL_FRAME_VOID);
	assert_int_equal(zl_old_frame_parse((const uint8_t *)"\xff\0\0\0\0\0\0\0", 9, &f), 9);
	assert_int_equal(f.flags, ZL_FRAME_VOID);
	assert_int_equal(zl_old_frame_parse(huge, 10, &f), -EMSGSIZE);
	assert_int_equal(zl_old_frame_parse(small, 10, &f), 10);
	assert_int_equal(f.len, 3);
}

static void test_commands_split_into_name_and_data(void **state)
{
	static const uint8_t body[] = "\5READYabc";
	struct zl_command c;

	(void)state;
	assert_true(zl_command_split(body, 9, 9, &c));
	assert_true(zl_command_is(&c, "READY"));
	assert_false(zl_command_is(&c, "READ"));
	assert_int_equal(c.data_at, 6);
	assert_int_equal(c.data_len, 3);
	assert_true(zl_command_split(body, 6, 6, &c));
	assert_int_equal(c.data_len, 0);
	assert_false(zl_command_split(body, 5, 5, &c));
	assert_false(zl_command_split(body, 5, 9, &c));
	assert_false(zl_command_split(body, 0, 0, &c));
	assert_false(zl_command_split((const uint8_t *)"\0ab", 3, 3, &c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_flags_octet_is_accepted_or_refused_as_the_rfc_says),
		cmocka_unit_test(test_headers_are_read_back_as_they_were_built),
		cmocka_unit_test(
			test_a_length_over_63_bits_is_refused_and_a_short_long_frame_is_not),
		cmocka_unit_test(test_old_headers_count_the_flags),
		cmocka_unit_test(
			test_old_flags_beyond_more_are_not_looked_at_and_no_length_is_void),
		cmocka_unit_test(test_commands_split_into_name_and_data),
	};

	return cmocka_run_group_tests_name("zmtp codec", tests, NULL, NULL);
}
