/* Messages from nothing to 64 MiB, and the kernel's TCP as the peer of ours in big transfers both
 * ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/interop/appliance.h"
#include "tests/interop/exchange.h"

#define KIB 1024u
#define MIB (1024u * 1024u)

/* A flow of these sizes, in turn, to two subscribers of everything. */
static void carry(const struct appliance_config *config, const uint32_t *bytes, unsigned n,
		  unsigned parts, uint64_t messages)
{
	static const char *const everything[] = {"", NULL};
	struct appliance *a = appliance_start(config);
	struct flow flow = {.bytes = bytes, .n_bytes = n, .parts = parts, .messages = messages};
	struct exchange x = {0};

	exchange_subscriber(&x, a, &flow, everything);
	exchange_subscriber(&x, a, &flow, everything);
	exchange_publisher(&x, a, &flow);
	exchange_go(&x);
	exchange_finish(&x);
	appliance_stop(a);
}

static void test_messages_of_0_and_1_bytes(void **state)
{
	static const uint32_t bytes[] = {0, 1, 0, 0, 1, 1};

	(void)state;
	carry(&(struct appliance_config){0}, bytes, 6, 1, lab_scaled(100000));
}

/* Around what ends a short frame, a segment, a packet buffer. */
static void test_messages_at_the_edges(void **state)
{
	static const uint32_t bytes[] = {254,  255,  256,  257,  1023, 1024, 1025,  1437,  1438,
					 1439, 1446, 1447, 1448, 1449, 1460, 2047,  2048,  2049,
					 2176, 4095, 4096, 4097, 8191, 8192, 16384, 65535, 65536};

	(void)state;
	carry(&(struct appliance_config){0}, bytes, 27, 1, lab_scaled(27 * 400));
}

static void test_messages_of_1_mib(void **state)
{
	static const uint32_t bytes[] = {MIB, MIB - 9, MIB + 1};

	(void)state;
	carry(&(struct appliance_config){0}, bytes, 3, 1, lab_scaled(100));
}

static void test_messages_of_1_mib_over_af_packet(void **state)
{
	static const uint32_t bytes[] = {MIB, 17};

	(void)state;
	carry(&(struct appliance_config){.carrier = LAB_AF_PACKET}, bytes, 2, 1, lab_scaled(100));
}

static void test_messages_of_64_mib(void **state)
{
	static const uint32_t bytes[] = {64 * MIB, 0, 64 * MIB - 1};

	(void)state;
	carry(&(struct appliance_config){.megabytes = 1024}, bytes, 3, 1, 3);
}

static void test_a_message_of_big_and_empty_parts(void **state)
{
	static const uint32_t bytes[] = {MIB, 0, 1, 300 * KIB, 255};

	(void)state;
	carry(&(struct appliance_config){0}, bytes, 5, 5, lab_scaled(50));
}

/* In over the publisher's connection, out over the subscriber's, at the same time: ours is the
 * receiver of one and the sender of the other. */
static void test_big_transfers_both_ways_against_the_kernels_tcp(void **state)
{
	static const uint32_t bytes[] = {256 * KIB, 3, 100 * KIB + 7};

	(void)state;
	carry(&(struct appliance_config){.carrier = LAB_AF_PACKET}, bytes, 3, 1, lab_scaled(1500));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_messages_of_0_and_1_bytes),
		LAB_TEST(test_messages_at_the_edges),
		LAB_TEST(test_messages_of_1_mib),
		LAB_TEST(test_messages_of_1_mib_over_af_packet),
		LAB_TEST(test_messages_of_64_mib),
		LAB_TEST(test_a_message_of_big_and_empty_parts),
		LAB_TEST(test_big_transfers_both_ways_against_the_kernels_tcp),
	};
	int status = lab_begin();

	appliance_is_large();
	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
