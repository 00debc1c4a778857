/* The catalogue of sockets, devices and endpoints: what may be added and deleted, and why not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/dataplane.h"

static struct zl_dataplane d;
static char text[ZL_TEXT_MAX];

/* main.c's; nothing here is to be said. */
void zl_say(const char *format, ...)
{
	fail_msg("%s", format);
}

static int setup(void **state)
{
	(void)state;
	memset(&d, 0, sizeof(d));
	d.setup.poll_cores = 4;
	return 0;
}

static int check(uint16_t type, const void *body)
{
	text[0] = 0;
	return zl_catalog_check(&d, type, body, text, sizeof(text));
}

static int add(uint16_t type, const void *body)
{
	int error = check(type, body);

	if (!error)
		memcpy(zl_catalog_place(&d.catalog, type), body, zl_ipc_size(type));
	return error;
}

static int add_socket(uint32_t id)
{
	const struct zl_ipc_socket m = {.id = id, .type = ZL_XPUB, .name = "s"};

	return add(ZL_IPC_SOCKET_ADD, &m);
}

static int add_device(uint32_t id, uint32_t frontend, uint32_t backend)
{
	const struct zl_ipc_device m = {
		.id = id, .name = "d", .frontend = frontend, .backend = backend};

	return add(ZL_IPC_DEVICE_ADD, &m);
}

static int add_endpoint(uint32_t id, uint32_t ip, uint16_t port, bool connect)
{
	struct zl_ipc_endpoint m = {.id = id,
				    .socket = 1,
				    .connect = connect,
				    .ip = ip,
				    .port = port,
				    .text = "tcp://x"};

	return add(ZL_IPC_ENDPOINT_ADD, &m);
}

static int del(uint16_t type, uint32_t id)
{
	const struct zl_ipc_id m = {.id = id};
	int error = check(type, &m);

	if (!error)
		zl_catalog_forget(&d.catalog, type, id);
	return error;
}

static void test_what_exists_is_refused_and_what_does_not_is_not_deleted(void **state)
{
	(void)state;
	assert_int_equal(add_socket(1), 0);
	assert_int_equal(add_socket(1), -EEXIST);
	assert_string_equal(text, "object 1 exists already");
	assert_int_equal(del(ZL_IPC_SOCKET_DEL, 2), -ENOENT);
	assert_int_equal(del(ZL_IPC_SOCKET_DEL, 1), 0);
	assert_int_equal(add_socket(1), 0);
	assert_null(zl_catalog_find(&d.catalog, ZL_IPC_SOCKET_ADD, 0));
}

static void test_an_address_is_bound_once_but_connected_to_often(void **state)
{
	(void)state;
	assert_int_equal(add_endpoint(10, 1, 5555, false), -ENOENT); /* no socket 1 */
	assert_int_equal(add_socket(1), 0);
	assert_int_equal(add_endpoint(10, 1, 5555, false), 0);
	assert_int_equal(add_endpoint(11, 1, 5555, false), -EADDRINUSE);
	assert_int_equal(add_endpoint(11, 0, 5555, false), -EADDRINUSE); /* every port's */
	assert_int_equal(add_endpoint(11, 2, 5555, false), 0);
	assert_int_equal(add_endpoint(12, 1, 5555, true), 0);
	assert_int_equal(add_endpoint(13, 1, 5555, true), 0);
	assert_int_equal(del(ZL_IPC_ENDPOINT_DEL, 10), 0);
	assert_int_equal(add_endpoint(14, 1, 5555, false), 0);
}

static void test_a_socket_in_use_stays_and_belongs_to_one_device(void **state)
{
	(void)state;
	for (uint32_t id = 1; id <= 3; id++)
		assert_int_equal(add_socket(id), 0);
	assert_int_equal(add_device(5, 1, 4), -ENOENT);
	assert_int_equal(add_device(5, 1, 2), 0);
	assert_int_equal(add_device(6, 2, 3), -EBUSY);
	assert_int_equal(del(ZL_IPC_SOCKET_DEL, 2), -EBUSY);
	assert_int_equal(del(ZL_IPC_DEVICE_DEL, 5), 0);
	assert_int_equal(add_endpoint(10, 1, 5555, false), 0);
	assert_int_equal(del(ZL_IPC_SOCKET_DEL, 1), -EBUSY);
	assert_int_equal(del(ZL_IPC_SOCKET_DEL, 2), 0);
}

static int add_homed(uint32_t id, enum zl_socket_type type, uint32_t home)
{
	const struct zl_ipc_socket m = {.id = id, .type = type, .name = "s", .home = home};

	return add(ZL_IPC_SOCKET_ADD, &m);
}

static void test_a_home_is_a_core_that_there_is_and_a_device_has_one(void **state)
{
	(void)state;
	assert_int_equal(add_homed(1, ZL_PULL, 5), -EINVAL);
	assert_string_equal(text,
			    "socket s: its home is core 5 of 5; choose one that there is");
	assert_int_equal(add_homed(1, ZL_PULL, 3), 0);
	assert_int_equal(add_homed(2, ZL_PUSH, 2), 0);
	assert_int_equal(add_homed(3, ZL_PUSH, 3), 0);
	assert_int_equal(add_homed(4, ZL_XPUB, 0), 0); /* is on every core */
	assert_int_equal(add_homed(5, ZL_PULL, 1), 0);
	assert_int_equal(add_device(6, 1, 2), -EINVAL);
	assert_string_equal(text,
			    "device d: its sockets live on different cores; give them one home");
	assert_int_equal(add_device(6, 1, 3), 0);
	assert_int_equal(add_device(7, 5, 4), 0);
}

static void test_a_full_catalogue_says_so(void **state)
{
	(void)state;
	for (uint32_t id = 1; id <= ZL_SHARDS_MAX; id++)
		assert_int_equal(add_socket(id), 0);
	assert_int_equal(add_socket(ZL_SHARDS_MAX + 1), -ENOSPC);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup(name, setup)
		T(test_what_exists_is_refused_and_what_does_not_is_not_deleted),
		T(test_an_address_is_bound_once_but_connected_to_often),
		T(test_a_socket_in_use_stays_and_belongs_to_one_device),
		T(test_a_home_is_a_core_that_there_is_and_a_device_has_one),
		T(test_a_full_catalogue_says_so),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
