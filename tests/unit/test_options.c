/* The table of socket options, and what of it the contract lets through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "control/ipc/ipc.h"

static struct zl_ipc_options defaults(void)
{
	struct zl_ipc_options o;

	zl_options_default(&o);
	return o;
}

static void test_options_are_found_by_name_and_have_their_defaults(void **state)
{
	struct zl_ipc_options o = defaults();

	(void)state;
	assert_int_equal(zl_option_find("linger"), ZL_OPTION_ID_linger);
	assert_int_equal(zl_option_find("metadata"), ZL_OPTION_ID_metadata);
	assert_int_equal(zl_option_find("nothing"), ZL_OPTION_IDS);
	assert_int_equal(o.immediate, 1);
	assert_int_equal(o.handshake_ivl, -1);
	assert_int_equal(o.linger, ZL_LINGER_UNSET);
	assert_int_equal(o.tos, 0);
	assert_int_equal(o.routing_id.len, 0);
	assert_true(zl_options_check(&o));
	memset(&o, 0, sizeof(o));
	assert_true(zl_options_check(&o));
}

/* Each number at both ends of its range, and one beyond. */
static void test_numbers_are_held_to_their_ranges(void **state)
{
	(void)state;
	for (unsigned id = 0; id < ZL_OPTION_IDS; id++) {
		const struct zl_option *row = &zl_option_table[id];
		struct zl_ipc_options o = defaults();

		if (!zl_option_is_number(id))
			continue;
		*zl_option_number(&o, id) = row->least;
		assert_true(zl_options_check(&o));
		*zl_option_number(&o, id) = row->most;
		assert_true(zl_options_check(&o));
		*zl_option_number(&o, id) = row->most + 1;
		assert_false(zl_options_check(&o));
		*zl_option_number(&o, id) = -3;
		assert_false(zl_options_check(&o));
	}
}

static void test_lengths_are_held_to_their_arrays(void **state)
{
	struct zl_ipc_options o = defaults();

	(void)state;
	o.hello_msg.len = ZL_OPTION_BYTES;
	assert_true(zl_options_check(&o));
	o.hello_msg.len++;
	assert_false(zl_options_check(&o));
	o = defaults();
	o.accept_filters = ZL_ACCEPT_FILTERS + 1;
	assert_false(zl_options_check(&o));
	o = defaults();
	o.accept_filters = 1;
	o.tcp_accept_filter[0].prefix_len = 33;
	assert_false(zl_options_check(&o));
	o = defaults();
	o.bindtodevice = ZL_IPC_PORTS_MAX + 1;
	assert_false(zl_options_check(&o));
}

static bool good(const void *bytes, uint32_t n)
{
	struct zl_ipc_properties p = {.bytes = n};

	memcpy(p.data, bytes, n);
	return zl_properties_check(&p);
}

static void test_properties_are_whole(void **state)
{
	struct zl_ipc_properties p = {.bytes = ZL_PROPERTIES_BYTES + 1};

	(void)state;
	assert_true(good("", 0));
	assert_true(good("\3X-a\0\0\0\1b\3X-c\0\0\0\0", 17));
	assert_false(good("\3X-a\0\0\0\1", 8));
	assert_false(good("\3X-a\0\0\0", 7));
	assert_false(good("\3X", 2));
	assert_false(good("\3X-a\377\377\377\377b", 9));
	assert_false(zl_properties_check(&p));
}

static void test_filters_admit_their_networks_and_none_admits_all(void **state)
{
	struct zl_ipc_options o = defaults();

	(void)state;
	assert_true(zl_options_admit(&o, 0x01020304));
	o.accept_filters = 2;
	o.tcp_accept_filter[0] = (struct zl_ipc_network){0x0a000100, 24};
	o.tcp_accept_filter[1] = (struct zl_ipc_network){0x0a000201, 32};
	assert_true(zl_options_admit(&o, 0x0a0001fe));
	assert_true(zl_options_admit(&o, 0x0a000201));
	assert_false(zl_options_admit(&o, 0x0a000202));
	assert_false(zl_options_admit(&o, 0x0a000001));
	o.tcp_accept_filter[1].prefix_len = 0;
	assert_true(zl_options_admit(&o, 0x7f000001));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options_are_found_by_name_and_have_their_defaults),
		cmocka_unit_test(test_numbers_are_held_to_their_ranges),
		cmocka_unit_test(test_lengths_are_held_to_their_arrays),
		cmocka_unit_test(test_properties_are_whole),
		cmocka_unit_test(test_filters_admit_their_networks_and_none_admits_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
