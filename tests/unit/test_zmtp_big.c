/* A message of 64 MiB comes in through buffers of every size and goes out by reference. */
#include "tests/unit/test_zmtp_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BIG (64u << 20)

static void test_64_mib_come_in_and_go_out(void **state)
{
	uint8_t *body = malloc(BIG);
	struct bytes in = {0}, expect = {0}, sent = {0};
	struct wire w, out, *to = &out;
	size_t at = 0;

	(void)state;
	wires_start(384, 68000);
	for (unsigned i = 0; i < BIG; i++)
		body[i] = (uint8_t)(i * 2654435761u >> 24);
	naive_frame(&in, 1, (const uint8_t *)"first", 5, false);
	naive_frame(&in, 0, body, BIG, false);
	naive_frame(&in, 0, (const uint8_t *)"after", 5, false);
	log_part(&expect, ZL_MSG_MORE, (const uint8_t *)"first", 5);
	log_part(&expect, 0, body, BIG);
	log_part(&expect, 0, (const uint8_t *)"after", 5);
	wire_open_traffic(&out, 0, false);
	wire_open_traffic(&w, BIG + 5, false);
	w.to = &to;
	w.n_to = 1;
	w.sent = &sent;
	while (at < in.n) {
		size_t n = RTE_MIN(in.n - at, 100000u);

		wire_feed(&w, in.at + at, n, at % 3 ? 1448 : 2048);
		wire_readable(&w);
		at += n;
	}
	assert_int_equal(w.log.n, expect.n);
	assert_memory_equal(w.log.at, expect.at, expect.n);
	assert_int_equal(sent.n, in.n);
	wire_expect_queued(&out, in.at, in.n, 2);
	wire_close(&w);
	wire_close(&out);
	wires_stop();
	bytes_free(&in);
	bytes_free(&expect);
	bytes_free(&sent);
	free(body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_64_mib_come_in_and_go_out),
	};

	return cmocka_run_group_tests_name("zmtp big", tests, NULL, NULL);
}
