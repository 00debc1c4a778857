/* The door: what a core says by itself, when control hears of a peer, and that it hears in sums of
 * those who went before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/core_pair.h"

#define SAYS    (ZL_GREETING_BYTES + sizeof(ready))
#define SUM_NS  UINT64_C(110000000) /* a sum is no older than this */
#define WIRES   8
#define PEER_AT 16

static const uint8_t null_3_1[64] = {0xff, [9] = 0x7f, [10] = 3, 1, 'N', 'U', 'L', 'L'};
static const uint8_t ready[] = {4, 6, 5, 'R', 'E', 'A', 'D', 'Y'};
static const uint8_t plain_3_1[64] = {0xff, [9] = 0x7f, [10] = 3, 1, 'P', 'L', 'A', 'I', 'N'};

static struct wire wire[WIRES];
static unsigned wires;

static void set_opening(bool at_greeting, uint32_t bytes)
{
	struct zl_ipc_endpoint_set *m = order_begin(&core[0], ZL_IPC_ENDPOINT_SET);

	m->id = OUT;
	m->at_greeting = at_greeting;
	m->bytes = bytes;
	memcpy(m->opening, null_3_1, ZL_GREETING_BYTES);
	memcpy(m->opening + ZL_GREETING_BYTES, ready, sizeof(ready));
	order_send(&core[0], 0);
	assert_int_equal(((struct zl_ipc_result *)hear(&core[0], ZL_IPC_RESULT))->error, 0);
}

static int setup(void **state)
{
	(void)state;
	cores_start();
	assert_int_equal(zl_strangers_open(&core[0].strangers, WIRES, 0), 0);
	wires = 0;
	set_opening(false, SAYS);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cores_stop();
	assert_int_equal(core[0].strangers.n, 0);
	assert_int_equal(core[0].door.waiting, 0);
	zl_strangers_close(&core[0].strangers);
	return 0;
}

static struct wire *comes(void)
{
	struct wire *w = &wire[wires++];

	assert_true(wires <= WIRES);
	peer_accept(&core[0], w, OUT);
	return w;
}

static void says(struct wire *w, const void *bytes, uint32_t n)
{
	wire_give(w, bytes, n, PEER_AT);
	wire_readable(w);
}

static void goes(struct wire *w, const char *reason)
{
	w->stream.events->closed(&w->stream, reason);
	zl_sendq_clear(&w->stream.sendq);
}

/* It has been told so much of the opening in all. */
static void was_told(struct wire *w, size_t n)
{
	struct bytes all = {0};

	wire_queued(w, &all);
	assert_int_equal(all.n, n);
	assert_memory_equal(all.at, null_3_1, n < ZL_GREETING_BYTES ? n : ZL_GREETING_BYTES);
	if (n > ZL_GREETING_BYTES)
		assert_memory_equal(all.at + ZL_GREETING_BYTES, ready, n - ZL_GREETING_BYTES);
	bytes_free(&all);
}

/* Control is told of a peer, which has been told and has said so much. */
static void is_announced(uint32_t said, const uint8_t *greeting, uint32_t bytes)
{
	const struct zl_ipc_stream_open *m = hear(&core[0], ZL_IPC_STREAM_OPEN);

	assert_int_equal(m->endpoint, OUT);
	assert_int_equal(m->said, said);
	assert_int_equal(m->bytes, bytes);
	assert_memory_equal(m + 1, greeting, bytes);
}

static void is_passed_on(enum zl_relay kind, const void *bytes, uint32_t n)
{
	const struct zl_ipc_stream_bytes *m = hear(&core[0], ZL_IPC_STREAM_BYTES);

	assert_int_equal(m->kind, kind);
	assert_int_equal(m->bytes, n);
	assert_memory_equal(m + 1, bytes, n);
}

static void time_passes(uint64_t ns)
{
	core[0].now_ns += ns;
	core_turn(&core[0]);
}

static void sum_is(const char *reason, uint32_t count)
{
	const struct zl_ipc_stream_closed *m = hear(&core[0], ZL_IPC_STREAM_CLOSED);

	assert_int_equal(m->stream, 0);
	assert_int_equal(m->endpoint, OUT);
	assert_string_equal(m->reason, reason);
	assert_int_equal(m->count, count);
}

static void test_each_piece_has_its_answer_and_control_hears_of_a_command(void **state)
{
	struct wire *w = comes();

	(void)state;
	was_told(w, 10);
	says(w, null_3_1, 9);
	was_told(w, 10);
	says(w, null_3_1 + 9, 1);
	was_told(w, 11);
	says(w, null_3_1 + 10, 1);
	was_told(w, 64);
	says(w, null_3_1 + 11, 52);
	was_told(w, 64);
	says(w, null_3_1 + 63, 1);
	was_told(w, SAYS);
	says(w, ready, 5);
	hear_nothing(&core[0]);
	assert_int_equal(core[0].door.waiting, 1);
	says(w, ready + 5, 3);
	assert_int_equal(core[0].door.waiting, 0);
	is_announced(SAYS, null_3_1, 64);
	is_passed_on(ZL_RELAY_COMMAND, ready + 2, 6);
	hear_nothing(&core[0]);
	was_told(w, SAYS);
}

static void test_all_at_once_is_as_good(void **state)
{
	struct wire *w = comes();
	uint8_t all[SAYS];

	(void)state;
	memcpy(all, null_3_1, 64);
	memcpy(all + 64, ready, sizeof(ready));
	says(w, all, sizeof(all));
	was_told(w, SAYS);
	is_announced(SAYS, null_3_1, 64);
	is_passed_on(ZL_RELAY_COMMAND, ready + 2, 6);
}

static void test_where_control_is_to_answer_the_greeting_it_hears_of_it(void **state)
{
	struct wire *w;

	(void)state;
	set_opening(true, ZL_GREETING_BYTES);
	w = comes();
	says(w, null_3_1, 63);
	hear_nothing(&core[0]);
	says(w, null_3_1 + 63, 1);
	was_told(w, 64);
	is_announced(64, null_3_1, 11);
	is_passed_on(ZL_RELAY_GREETING, null_3_1 + 11, 53);
}

static void test_who_asks_for_another_mechanism_is_for_control_to_judge(void **state)
{
	struct wire *w = comes();

	(void)state;
	says(w, plain_3_1, 64);
	was_told(w, 64);
	is_announced(64, plain_3_1, 11);
	is_passed_on(ZL_RELAY_GREETING, plain_3_1 + 11, 53);
}

static void test_old_peers_are_controls(void **state)
{
	static const uint8_t of_2[] = {0xff, [9] = 0x7f, 1, 1, 0, 0};
	static const uint8_t of_1[] = {3, 0, 'm', 'e'};
	struct wire *two = comes(), *one;

	(void)state;
	says(two, of_2, 10);
	was_told(two, 11);
	says(two, of_2 + 10, 4);
	was_told(two, 11);
	is_announced(11, of_2, 10);
	is_passed_on(ZL_RELAY_GREETING, of_2 + 10, 1);
	is_passed_on(ZL_RELAY_GREETING, of_2 + 11, 3);
	one = comes();
	says(one, of_1, sizeof(of_1));
	was_told(one, 10);
	is_announced(10, of_1, 0);
	is_passed_on(ZL_RELAY_GREETING, of_1, sizeof(of_1));
}

static void test_what_is_no_greeting_is_shown_out_and_told_in_a_sum(void **state)
{
	static const char *const first[] = {"GET / HTTP/1.1", "\x16\3\1\2", "SSH-2.0-x"};
	static const uint8_t signed_wrong[] = {0xff, [9] = 0x7d};

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(first); i++) {
		struct wire *w = comes();

		says(w, first[i], 4);
		core_turn(&core[0]);
		assert_int_equal(w->aborts, 1);
	}
	says(comes(), signed_wrong, sizeof(signed_wrong));
	core_turn(&core[0]);
	hear_nothing(&core[0]);
	time_passes(SUM_NS);
	sum_is("not_zmtp", 4);
	time_passes(SUM_NS);
	hear_nothing(&core[0]);
}

static void test_each_reason_has_a_sum_of_its_own(void **state)
{
	struct wire *w[] = {comes(), comes(), comes()};

	(void)state;
	goes(w[0], "reset_by_peer");
	says(w[1], null_3_1, 64);
	goes(w[1], "timeout");
	goes(w[2], "reset_by_peer");
	core_turn(&core[0]);
	hear_nothing(&core[0]);
	time_passes(SUM_NS);
	sum_is("timeout", 1);
	sum_is("reset_by_peer", 2);
}

static void test_the_sums_wait_for_a_control(void **state)
{
	struct wire *w = comes();

	(void)state;
	control_gone(&core[0]);
	hear(&core[0], ZL_NOTICE_CONTROL_GONE);
	goes(w, "reset_by_peer");
	core_turn(&core[0]);
	time_passes(SUM_NS);
	hear_nothing(&core[0]);
	core[0].control = true;
	time_passes(SUM_NS);
	sum_is("reset_by_peer", 1);
}

/* Nobody at the door minds that control changes; who asks waits for the next one. */
static void test_without_a_control_the_door_goes_on(void **state)
{
	struct wire *w = comes();

	(void)state;
	control_gone(&core[0]);
	hear(&core[0], ZL_NOTICE_CONTROL_GONE);
	says(w, null_3_1, 64);
	was_told(w, SAYS);
	says(w, ready, 8);
	hear_nothing(&core[0]);
	assert_int_equal(core[0].peers_open, 1);
	core[0].control = true;
	core_turn(&core[0]);
	is_announced(SAYS, null_3_1, 64);
	is_passed_on(ZL_RELAY_COMMAND, ready + 2, 6);
}

static void test_an_endpoint_that_goes_leaves_who_came_to_control(void **state)
{
	struct wire *w = comes();

	(void)state;
	says(w, null_3_1, 11);
	((struct zl_ipc_id *)order_begin(&core[0], ZL_IPC_ENDPOINT_DEL))->id = OUT;
	order_send(&core[0], 0);
	says(w, null_3_1 + 11, 53);
	was_told(w, 64);
	is_announced(64, null_3_1, 11);
	is_passed_on(ZL_RELAY_GREETING, null_3_1 + 11, 53);
}

static void test_an_opening_can_be_taken_back(void **state)
{
	(void)state;
	set_opening(false, 0);
	was_told(comes(), 0);
	is_announced(0, NULL, 0);
}

static void test_there_is_no_opening_for_what_is_not_there(void **state)
{
	(void)state;
	((struct zl_ipc_endpoint_set *)order_begin(&core[0], ZL_IPC_ENDPOINT_SET))->id = 99;
	order_send(&core[0], 0);
	assert_int_equal(((struct zl_ipc_result *)hear(&core[0], ZL_IPC_RESULT))->error, -ENOENT);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_each_piece_has_its_answer_and_control_hears_of_a_command),
		T(test_all_at_once_is_as_good),
		T(test_where_control_is_to_answer_the_greeting_it_hears_of_it),
		T(test_who_asks_for_another_mechanism_is_for_control_to_judge),
		T(test_old_peers_are_controls),
		T(test_what_is_no_greeting_is_shown_out_and_told_in_a_sum),
		T(test_each_reason_has_a_sum_of_its_own),
		T(test_the_sums_wait_for_a_control),
		T(test_without_a_control_the_door_goes_on),
		T(test_an_endpoint_that_goes_leaves_who_came_to_control),
		T(test_an_opening_can_be_taken_back),
		T(test_there_is_no_opening_for_what_is_not_there),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
