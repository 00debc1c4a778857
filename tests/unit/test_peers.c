/* A pair of poll cores turned by hand: what control hears and when, what it hears after it was
 * gone, and messages from a publisher on one core to subscribers on both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/core_pair.h"

static int setup(void **state)
{
	(void)state;
	cores_start();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cores_stop();
	return 0;
}

static void subscribe_cores(uint64_t sub0, uint64_t sub1, const char *prefix)
{
	match(&core[0], sub0, prefix);
	match(&core[0], ZL_MATCH_CORE | 1, prefix);
	match(&core[1], sub1, prefix);
	match(&core[1], ZL_MATCH_CORE | 0, prefix);
}

static void test_a_message_reaches_subscribers_of_both_cores(void **state)
{
	static struct wire pub, sub[2];
	struct bytes b = {0};
	uint64_t id[2];

	(void)state;
	peer_join(&core[0], &pub, IN, ZL_PUB);
	for (unsigned i = 0; i < 2; i++)
		id[i] = peer_join(&core[i], &sub[i], OUT, ZL_SUB);
	subscribe_cores(id[0], id[1], "a");
	naive_frame(&b, 1, (const uint8_t *)"abc", 3, false);
	naive_frame(&b, 0, (const uint8_t *)"rest", 4, false);
	peer_say(&core[0], &pub, &b);
	cores_turn(1);
	for (unsigned i = 0; i < 2; i++)
		wire_expect_queued(&sub[i], b.at, b.n, 1);
	bytes_free(&b);
}

/* `parts` parts, with the number of the message in each. */
static void long_message(struct bytes *b, uint32_t number, unsigned parts)
{
	for (unsigned i = 0; i < parts; i++) {
		uint8_t body[9] = {'a'};

		memcpy(body + 1, &number, 4);
		memcpy(body + 5, &i, 4);
		naive_frame(b, i < parts - 1, body, sizeof(body), false);
	}
}

/* Messages of both publishers, whole, in each one's order, and nothing between their parts. */
static void check_whole(const struct bytes *got, const unsigned *parts, unsigned messages)
{
	uint32_t next[2] = {0}, number = 0, expected = 0;
	unsigned whole = 0;

	for (size_t at = 0; at < got->n; at += 11) {
		uint32_t n, part;

		assert_int_equal(got->at[at + 1], 9);
		memcpy(&n, got->at + at + 3, 4);
		memcpy(&part, got->at + at + 7, 4);
		if (expected == 0)
			number = n;
		assert_int_equal(n, number);
		assert_int_equal(part, expected);
		expected++;
		if (got->at[at] & 1)
			continue;
		assert_int_equal(expected, parts[n]);
		assert_int_equal(n >> 1, next[n & 1]++);
		expected = 0;
		whole++;
	}
	assert_int_equal(expected, 0);
	assert_int_equal(whole, messages);
}

static void test_long_messages_of_two_cores_do_not_mix(void **state)
{
	enum {
		MESSAGES = 60
	};
	static struct wire pub[2], sub[2];
	struct bytes got[2] = {0};
	unsigned parts[MESSAGES];
	uint64_t id[2];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		peer_join(&core[i], &pub[i], IN, ZL_PUB);
		id[i] = peer_join(&core[i], &sub[i], OUT, ZL_SUB);
	}
	subscribe_cores(id[0], id[1], "a");
	for (uint32_t m = 0; m < MESSAGES; m++) {
		struct bytes b = {0};

		parts[m] = below(4) ? 1 + below(3000) : 9000 + below(7000);
		long_message(&b, m, parts[m]);
		peer_say(&core[m & 1], &pub[m & 1], &b);
		bytes_free(&b);
		for (unsigned t = below(3); t; t--)
			core_turn(&core[below(2)]);
		for (unsigned i = 0; i < 2; i++)
			peer_reads(&sub[i], &got[i], UINT64_MAX);
	}
	for (unsigned t = 0; t < 400; t++) {
		cores_turn(1);
		for (unsigned i = 0; i < 2; i++)
			peer_reads(&sub[i], &got[i], UINT64_MAX);
	}
	for (unsigned i = 0; i < 2; i++) {
		check_whole(&got[i], parts, MESSAGES);
		bytes_free(&got[i]);
	}
}

static void dump(struct zl_lcore *c)
{
	order_begin(c, ZL_IPC_DUMP);
	order_send(c, 0);
}

static void say_subscribe(struct zl_lcore *c, struct wire *w, const char *prefix)
{
	struct bytes b = {0};

	naive_command(&b, "SUBSCRIBE", prefix, strlen(prefix));
	peer_say(c, w, &b);
	bytes_free(&b);
}

static void test_nothing_is_told_before_the_dump_is_complete(void **state)
{
	static struct wire sub;
	uint64_t id = peer_join(&core[0], &sub, OUT, ZL_SUB);
	struct zl_ipc_stream_state *m;

	(void)state;
	match(&core[0], id, "old");
	control_gone(&core[0]);
	hear(&core[0], ZL_NOTICE_CONTROL_GONE);
	say_subscribe(&core[0], &sub, "while away");
	core_turn(&core[0]);
	hear_nothing(&core[0]);
	dump(&core[0]);
	say_subscribe(&core[0], &sub, "while dumping");
	hear_nothing(&core[0]);
	core_turn(&core[0]);
	m = hear(&core[0], ZL_IPC_STREAM_STATE);
	assert_true(m->open.stream == id);
	assert_int_equal(((struct zl_ipc_match *)hear(&core[0], ZL_IPC_MATCH_STATE))->count, 1);
	hear(&core[0], ZL_IPC_RESULT);
	hear_nothing(&core[0]);
	core_turn(&core[0]);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(((struct zl_ipc_subs *)hear(&core[0], ZL_IPC_STREAM_SUBS))->count,
				 1);
	hear_nothing(&core[0]);
}

static void test_a_peer_that_left_while_control_was_away_is_told_of_and_closed(void **state)
{
	struct zl_ipc_stream_closed *m;
	static struct wire sub;
	uint64_t id = peer_join(&core[0], &sub, OUT, ZL_SUB);

	(void)state;
	match(&core[0], id, "x");
	control_gone(&core[0]);
	hear(&core[0], ZL_NOTICE_CONTROL_GONE);
	wire_fin(&sub);
	core_turn(&core[0]);
	assert_int_equal(core[0].peers_open, 1);
	dump(&core[0]);
	core_turn(&core[0]);
	hear(&core[0], ZL_IPC_STREAM_STATE);
	assert_int_equal(((struct zl_ipc_match *)hear(&core[0], ZL_IPC_MATCH_STATE))->count, 1);
	hear(&core[0], ZL_IPC_RESULT);
	core_turn(&core[0]);
	m = hear(&core[0], ZL_IPC_STREAM_CLOSED);
	assert_true(m->stream == id);
	assert_string_equal(m->reason, "closed_by_peer");
	assert_int_equal(core[0].peers_open, 0);
}

static void test_a_handshake_is_announced_again_only_if_nothing_had_passed(void **state)
{
	struct bytes b = {0};
	static struct wire fresh, begun;
	uint8_t signature[10] = {0xff, [9] = 0x7f};

	(void)state;
	peer_accept(&core[0], &fresh, IN);
	hear(&core[0], ZL_IPC_STREAM_OPEN);
	peer_accept(&core[0], &begun, IN);
	hear(&core[0], ZL_IPC_STREAM_OPEN);
	bytes_add(&b, signature, sizeof(signature));
	peer_say(&core[0], &begun, &b);
	hear(&core[0], ZL_IPC_STREAM_BYTES);
	control_gone(&core[0]);
	hear(&core[0], ZL_NOTICE_CONTROL_GONE);
	core_turn(&core[0]);
	assert_int_equal(begun.aborts, 1);
	assert_int_equal(core[0].peers_open, 1);
	peer_say(&core[0], &fresh, &b);
	dump(&core[0]);
	core_turn(&core[0]);
	while (rte_ring_count(core[0].to_host.ring) > 1)
		hear(&core[0], ZL_IPC_MATCH_STATE);
	hear(&core[0], ZL_IPC_RESULT);
	core_turn(&core[0]);
	hear(&core[0], ZL_IPC_STREAM_OPEN);
	assert_int_equal(((struct zl_ipc_stream_bytes *)hear(&core[0], ZL_IPC_STREAM_BYTES))->bytes,
			 10);
	bytes_free(&b);
}

/* Whoever fills the mailbox with subscriptions must not keep the core from its orders: among them
 * is what makes control read on. */
static void test_orders_are_taken_while_the_mailbox_is_full_of_events(void **state)
{
	static struct wire sub;
	uint64_t id = peer_join(&core[0], &sub, OUT, ZL_SUB);
	unsigned events, told;

	(void)state;
	for (unsigned i = 0; i < 2000; i++)
		say_subscribe(&core[0], &sub, "t");
	events = rte_ring_count(core[0].to_host.ring);
	assert_true(events < 1023 && core[0].waits_relay);
	for (unsigned i = 0; i < 300; i++)
		match(&core[0], id, "t");
	assert_true(rte_ring_empty(core[0].to_core.ring));
	for (told = 0; !rte_ring_empty(core[0].to_host.ring); core_turn(&core[0]))
		while (!rte_ring_empty(core[0].to_host.ring))
			told += ((struct zl_ipc_subs *)hear(&core[0], ZL_IPC_STREAM_SUBS))->count;
	assert_int_equal(told, 2000);
}

/* However many turns a burst takes, all of it counts, and what is ordered after it comes after. */
static void test_a_burst_of_subscriptions_is_taken_in_slices_and_in_order(void **state)
{
	enum {
		RECORDS = 600,
		LETTERS = 10
	};
	static struct wire sub;
	uint64_t id = peer_join(&core[0], &sub, OUT, ZL_SUB);
	struct zl_peer *p = zl_peer_find(&core[0], id);

	(void)state;
	for (unsigned n = 0; n < LETTERS; n++) {
		struct zl_ipc_match *m = order_begin(&core[0], ZL_IPC_MATCH);
		uint8_t *to = (uint8_t *)(m + 1);
		*m = (struct zl_ipc_match){.socket = BACK, .count = RECORDS};
		for (uint32_t i = 0; i < RECORDS; i++) {
			uint32_t name = n < LETTERS - 1 ? n * RECORDS + i
							: i; /* the last cancels */
			struct zl_ipc_match_prefix r = {
				.target = id, .len = 4, .op = n < LETTERS - 1};
			memcpy(to, &r, sizeof(r));
			memcpy(to + sizeof(r), &name, 4);
			to += sizeof(r) + 4;
		}
		m->bytes = (uint32_t)(to - (uint8_t *)(m + 1));
		order_send(&core[0], m->bytes);
	}
	while (core[0].matching.letter || !rte_ring_empty(core[0].to_core.ring))
		core_turn(&core[0]);
	assert_int_equal(p->subscriptions, (LETTERS - 2) * RECORDS);
	assert_int_equal(core[0].counter[ZL_CORE_match_gone], 0);
}

static void test_subscriptions_of_a_stream_that_has_ended_are_no_error(void **state)
{
	static struct wire sub;
	uint64_t id = peer_join(&core[0], &sub, OUT, ZL_SUB);
	uint64_t unknown = core[0].counter[ZL_CORE_orders_unknown];

	(void)state;
	zl_peer_close(zl_peer_find(&core[0], id), "test", false);
	core_turn(&core[0]);
	hear(&core[0], ZL_IPC_STREAM_CLOSED);
	match(&core[0], id, "late");
	assert_int_equal(core[0].counter[ZL_CORE_match_gone], 1);
	assert_int_equal(core[0].counter[ZL_CORE_orders_unknown], unknown);
}

static void test_control_s_own_reason_is_told_back(void **state)
{
	struct zl_ipc_stream_close *close;
	struct zl_ipc_stream_closed *m;
	static struct wire pub;
	uint64_t id = peer_join(&core[0], &pub, IN, ZL_PUB);

	(void)state;
	close = order_begin(&core[0], ZL_IPC_STREAM_CLOSE);
	close->stream = id;
	strcpy(close->reason, "not_welcome");
	order_send(&core[0], 0);
	core_turn(&core[0]);
	m = hear(&core[0], ZL_IPC_STREAM_CLOSED);
	assert_string_equal(m->reason, "not_welcome");
	assert_true(m->stream == id);
	assert_int_equal(core[0].peers_open, 0);
}

/* Control's credit is what its publishers have acknowledged: if that could not be told when it was
 * so, nor at the first try after it, nobody would ever send them anything more. */
static void test_what_a_peer_has_acknowledged_is_told_when_there_are_letters_again(void **state)
{
	static struct zl_letter *taken[2048];
	struct zl_ipc_stream_send *m;
	struct bytes out = {0};
	static struct wire pub;
	uint64_t id = peer_join(&core[0], &pub, IN, ZL_PUB);
	unsigned n = 0;

	(void)state;
	m = order_begin(&core[0], ZL_IPC_STREAM_SEND);
	*m = (struct zl_ipc_stream_send){.stream = id, .bytes = 4};
	memcpy(m + 1, "\0\2\1a", 4);
	order_send(&core[0], 4);
	core_turn(&core[0]);
	while (rte_mempool_avail_count(core[0].letters) >= ZL_LETTERS_KEPT)
		taken[n++] = zl_letter_new(core[0].letters);
	peer_reads(&pub, &out, UINT64_MAX);
	for (unsigned i = 0; i < 3; i++)
		core_turn(&core[0]);
	hear_nothing(&core[0]);
	while (n > 0)
		zl_letter_free(taken[--n]);
	core_turn(&core[0]);
	assert_true(((struct zl_ipc_stream_sent *)hear(&core[0], ZL_IPC_STREAM_SENT))->stream ==
		    id);
	bytes_free(&out);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_a_message_reaches_subscribers_of_both_cores),
		T(test_long_messages_of_two_cores_do_not_mix),
		T(test_nothing_is_told_before_the_dump_is_complete),
		T(test_a_peer_that_left_while_control_was_away_is_told_of_and_closed),
		T(test_a_handshake_is_announced_again_only_if_nothing_had_passed),
		T(test_orders_are_taken_while_the_mailbox_is_full_of_events),
		T(test_a_burst_of_subscriptions_is_taken_in_slices_and_in_order),
		T(test_subscriptions_of_a_stream_that_has_ended_are_no_error),
		T(test_control_s_own_reason_is_told_back),
		T(test_what_a_peer_has_acknowledged_is_told_when_there_are_letters_again),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
