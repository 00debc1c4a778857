/* Tables and numbers as a terminal shows them. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "control/cli/table.h"

static void expect_table(const struct table *t, unsigned width, const char *expected)
{
	char *text;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	table_print(t, out, width);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

static void test_the_widest_text_gives_way_and_numbers_never_do(void **state)
{
	struct table t;

	(void)state;
	table_init(&t);
	table_column(&t, "NAME", false);
	table_column(&t, "COUNT", true);
	table_column(&t, "TEXT", false);
	table_cell(&t, "short");
	table_cell(&t, "1234567890");
	table_cell(&t, "what it says is rather long");
	expect_table(&t, 0,
		     "NAME        COUNT  TEXT\n"
		     "short  1234567890  what it says is rather long\n");
	expect_table(&t, 30,
		     "NAME        COUNT  TEXT\n"
		     "short  1234567890  what it sa\xe2\x80\xa6\n");
	expect_table(&t, 5,
		     "NAME        COUNT  TEXT\n"
		     "short  1234567890  what it\xe2\x80\xa6\n");
	table_free(&t);
}

static void test_columns_are_straight_in_any_script(void **state)
{
	struct table t;

	(void)state;
	table_init(&t);
	table_column(&t, "T", false);
	table_column(&t, "N", true);
	table_cell(&t, "\xe6\x97\xa5\xe6\x9c\xac"); /* two characters, four columns */
	table_cell(&t, "1");
	table_cell(&t, "e\xcc\x81"); /* e and a combining accent: one column */
	table_cell(&t, "2");
	expect_table(&t, 0,
		     "T     N\n"
		     "\xe6\x97\xa5\xe6\x9c\xac  1\n"
		     "e\xcc\x81     2\n");
	table_free(&t);
}

static void test_what_is_not_printable_utf8_is_escaped(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"plain", "plain"},
		{"\x1b[0m", "\\x1b[0m"},
		{"a\nb\x7f", "a\\x0a"
			     "b\\x7f"},
		{"\xff\xc3", "\\xff\\xc3"},
		{"\xc0\x80", "\\xc0\\x80"},          /* overlong */
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"}, /* a surrogate */
		{"\xc2\x9b", "\\xc2\\x9b"},          /* CSI as C1 */
		{"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
		{"\xf0\x9f", "\\xf0\\x9f"}, /* cut short */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = text_printable(cases[i].in);

		assert_string_equal(text, cases[i].out);
		free(text);
	}
}

static void test_numbers_keep_three_digits(void **state)
{
	char s[HUMAN_MAX];

	(void)state;
	assert_string_equal(human_count(0, s), "0");
	assert_string_equal(human_count(9999, s), "9999");
	assert_string_equal(human_count(10000, s), "10.0k");
	assert_string_equal(human_count(999499, s), "999k");
	assert_string_equal(human_count(999500, s), "1.00M");
	assert_string_equal(human_count(1.234e13, s), "12.3T");
	assert_string_equal(human_bytes(999, s), "999 B");
	assert_string_equal(human_bytes(1536, s), "1.50 KiB");
	assert_string_equal(human_bytes(1 << 20, s), "1.00 MiB");
	assert_string_equal(human_usec(55, s), "55 us");
	assert_string_equal(human_usec(1500, s), "1.50 ms");
	assert_string_equal(human_seconds(45, s), "45 s");
	assert_string_equal(human_seconds(192, s), "3m 12s");
	assert_string_equal(human_seconds(7500, s), "2h 05m");
	assert_string_equal(human_seconds(86400 * 3 + 4 * 3600, s), "3d 04h");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_widest_text_gives_way_and_numbers_never_do),
		cmocka_unit_test(test_columns_are_straight_in_any_script),
		cmocka_unit_test(test_what_is_not_printable_utf8_is_escaped),
		cmocka_unit_test(test_numbers_keep_three_digits),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests_name("cli table", tests, NULL, NULL);
}
