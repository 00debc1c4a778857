/* A device that lives on core 0, with peers whose streams are on both cores: what a peer on the
 * other core says and hears, and when, is what it would be on one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/core_pair.h"

#define HOME (&core[0])
#define FAR  (&core[1])

static struct zl_shard *shard(uint32_t socket)
{
	return zl_shard_find(HOME, socket);
}

static void start(enum zl_device_kind kind, enum zl_socket_type front, enum zl_socket_type back,
		  uint32_t sndhwm, uint32_t sndbuf)
{
	cores_start_device(
		kind, &(struct zl_ipc_socket){.type = front, .sndhwm = sndhwm, .sndbuf = sndbuf},
		&(struct zl_ipc_socket){.type = back, .sndhwm = sndhwm, .sndbuf = sndbuf});
}

static void start_streamer(uint32_t sndhwm)
{
	start(ZL_STREAMER, ZL_PULL, ZL_PUSH, sndhwm, 1);
}

/* Messages from `from` on, each of one part: its number. */
static void numbers(struct bytes *b, uint32_t from, uint32_t n)
{
	for (uint32_t i = from; i < from + n; i++)
		naive_frame(b, 0, (const uint8_t *)&i, sizeof(i), false);
}

static void say_numbers(struct zl_lcore *c, struct wire *w, uint32_t from, uint32_t n)
{
	struct bytes b = {0};

	numbers(&b, from, n);
	peer_say(c, w, &b);
	bytes_free(&b);
}

static void say(struct zl_lcore *c, struct wire *w, const char *text, uint8_t flags)
{
	struct bytes b = {0};

	naive_frame(&b, flags, (const uint8_t *)text, strlen(text), false);
	peer_say(c, w, &b);
	bytes_free(&b);
}

static void expect_text(struct wire *w, const char *text)
{
	struct bytes b = {0};

	naive_frame(&b, 0, (const uint8_t *)text, strlen(text), false);
	wire_expect_queued(w, b.at, b.n, 1);
	bytes_free(&b);
}

/* It gets exactly these, and acknowledges them. */
static void expect_numbers(struct wire *w, uint32_t from, uint32_t n)
{
	struct bytes want = {0};

	numbers(&want, from, n);
	wire_expect_queued(w, want.at, want.n, n);
	bytes_free(&want);
}

/* It reads whatever comes until nothing does: exactly these. */
static void reads_numbers(struct wire *w, uint32_t from, uint32_t n)
{
	struct bytes want = {0}, got = {0};

	numbers(&want, from, n);
	for (unsigned idle = 0; idle < 8;) {
		size_t had = got.n;

		peer_reads(w, &got, UINT64_MAX);
		idle = got.n == had ? idle + 1 : 0;
		cores_turn(1);
	}
	assert_int_equal(got.n, want.n);
	assert_memory_equal(got.at, want.at, want.n);
	bytes_free(&want);
	bytes_free(&got);
}

static uint64_t join(struct zl_lcore *c, struct wire *w, uint32_t endpoint,
		     enum zl_socket_type type)
{
	uint64_t id = peer_join(c, w, endpoint, type);

	cores_turn(2);
	return id;
}

static void test_messages_reach_their_home_and_leave_it_again(void **state)
{
	static struct wire push[CORES], pull;
	uint32_t from = 0;

	(void)state;
	for (unsigned to = 0; to < CORES; to++) {
		start_streamer(1000);
		join(&core[to], &pull, OUT, ZL_PULL);
		for (unsigned i = 0; i < CORES; i++) {
			join(&core[i], &push[i], IN, ZL_PUSH);
			say_numbers(&core[i], &push[i], from, 300);
			cores_turn(3);
			expect_numbers(&pull, from, 300);
			from += 300;
			assert_int_equal(push[i].consumed, push[i].given);
		}
		cores_stop();
	}
}

static void test_a_message_of_more_parts_than_a_lane_holds_crosses_whole(void **state)
{
	enum {
		PARTS = 12000
	};
	static struct wire push, pull;
	struct bytes b = {0};

	(void)state;
	start_streamer(1000);
	join(FAR, &pull, OUT, ZL_PULL);
	join(FAR, &push, IN, ZL_PUSH);
	for (uint32_t i = 0; i < PARTS; i++)
		naive_frame(&b, i < PARTS - 1, (const uint8_t *)&i, sizeof(i), false);
	peer_say(FAR, &push, &b);
	cores_turn(80);
	wire_expect_queued(&pull, b.at, b.n, 1);
	bytes_free(&b);
	cores_stop();
}

static void test_the_hwm_is_exact_across_cores_and_so_is_its_release(void **state)
{
	static struct wire push, pull;

	(void)state;
	start_streamer(10);
	join(FAR, &pull, OUT, ZL_PULL);
	join(HOME, &push, IN, ZL_PUSH);
	say_numbers(HOME, &push, 0, 50);
	for (uint32_t from = 0; from < 50; from += 10) {
		cores_turn(5);
		expect_numbers(&pull, from, 10); /* no more and no less */
	}
	cores_turn(5);
	expect_numbers(&pull, 50, 0);
	assert_int_equal(push.consumed, push.given);
	cores_stop();
}

static void test_what_is_on_its_way_counts_as_queued(void **state)
{
	static struct wire push, pull;
	uint64_t id;

	(void)state;
	start_streamer(10);
	id = join(FAR, &pull, OUT, ZL_PULL);
	join(HOME, &push, IN, ZL_PUSH);
	say_numbers(HOME, &push, 0, 50);
	cores_turn(5);
	expect_numbers(&pull, 0, 10);
	core_turn(FAR);
	core_turn(HOME);                         /* ten more are on the lane */
	zl_away_released(zl_peer_find(FAR, id)); /* and a credit that does not know of them */
	zl_core_flush(FAR);
	core_turn(HOME);
	cores_turn(3);
	expect_numbers(&pull, 10, 10);
	cores_stop();
}

static void test_a_socket_that_takes_nothing_closes_its_far_peers_window(void **state)
{
	enum {
		MESSAGES = 20000
	};
	static struct wire push, pull;
	uint64_t consumed;

	(void)state;
	start_streamer(10);
	join(FAR, &push, IN, ZL_PUSH);
	say_numbers(FAR, &push, 0, MESSAGES);
	cores_turn(20);
	consumed = push.consumed;
	assert_true(consumed < 4096 * 6);
	assert_true(rte_ring_empty(core[1].lane[0].ring));
	assert_null(core[1].lane[0].head);
	assert_true(FAR->counter[ZL_CORE_stalls_grant] > 0);
	cores_turn(20);
	assert_int_equal(push.consumed, consumed);
	join(HOME, &pull, OUT, ZL_PULL);
	reads_numbers(&pull, 0, MESSAGES);
	assert_int_equal(push.consumed, push.given);
	cores_stop();
}

/* One direction of a bridge stands still; the other, over the same lanes, does not. */
static void test_who_is_held_back_holds_nobody_else_back(void **state)
{
	static struct wire stuck, other;

	(void)state;
	start(ZL_BRIDGE, ZL_DEALER, ZL_DEALER, 5, 1);
	join(FAR, &stuck, IN, ZL_DEALER);
	join(FAR, &other, OUT, ZL_DEALER);
	say_numbers(FAR, &stuck, 0, 20000);
	cores_turn(30);
	assert_int_equal(other.stream.sendq.msgs, 5);
	assert_true(stuck.consumed < stuck.given);
	for (unsigned i = 0; i < 1000; i++) {
		say_numbers(FAR, &other, i, 1);
		cores_turn(3);
		expect_numbers(&stuck, i, 1);
	}
	cores_turn(3);
	reads_numbers(&other, 0, 20000);
	cores_stop();
}

static void hear_closed(struct zl_lcore *c, uint64_t id, const char *reason)
{
	struct zl_ipc_stream_closed *m = hear(c, ZL_IPC_STREAM_CLOSED);

	assert_true(m->stream == id);
	assert_string_equal(m->reason, reason);
}

static void test_what_was_sent_before_the_end_is_taken_after_it(void **state)
{
	static struct wire push, pull;
	uint64_t id;

	(void)state;
	start_streamer(1000);
	id = join(FAR, &push, IN, ZL_PUSH);
	say_numbers(FAR, &push, 0, 400);
	wire_fin(&push);
	cores_turn(5);
	hear_nothing(FAR); /* not gone before all of it is taken, as on one core */
	assert_int_equal(FAR->peers_open, 1);
	join(HOME, &pull, OUT, ZL_PULL);
	reads_numbers(&pull, 0, 400);
	hear_closed(FAR, id, "closed_by_peer");
	assert_int_equal(FAR->peers_open, 0);
	cores_stop();
}

static void test_more_than_is_granted_is_taken_after_the_end_as_well(void **state)
{
	static struct wire push, pull;
	uint64_t id;

	(void)state;
	start_streamer(1000);
	id = join(FAR, &push, IN, ZL_PUSH);
	say_numbers(FAR, &push, 0, 5000);
	wire_fin(&push);
	cores_turn(5);
	join(FAR, &pull, OUT, ZL_PULL);
	reads_numbers(&pull, 0, 5000);
	hear_closed(FAR, id, "closed_by_peer");
	cores_stop();
}

static void test_who_is_reset_leaves_at_once_and_what_nobody_took_with_it(void **state)
{
	static struct wire push, next, pull;
	uint64_t id, lost;

	(void)state;
	start_streamer(1000);
	id = join(FAR, &push, IN, ZL_PUSH);
	say_numbers(FAR, &push, 0, 100);
	cores_turn(2);
	push.stream.events->closed(&push.stream, "reset");
	cores_turn(3);
	hear_closed(FAR, id, "reset");
	assert_int_equal(FAR->peers_open, 0);
	lost = HOME->counter[ZL_CORE_lane_parts_lost];
	assert_int_equal(lost, 100);
	join(FAR, &next, IN, ZL_PUSH);
	say_numbers(FAR, &next, 7, 3);
	join(FAR, &pull, OUT, ZL_PULL);
	reads_numbers(&pull, 7, 3);
	cores_stop();
}

/* What is dealt out must not be dealt to one that has gone, even if its last words still wait. */
static void test_who_is_leaving_is_sent_nothing_more(void **state)
{
	static struct wire front, leaving, stays;
	uint64_t id;

	(void)state;
	start(ZL_BRIDGE, ZL_DEALER, ZL_DEALER, 2, 1);
	id = join(FAR, &leaving, OUT, ZL_DEALER);
	join(FAR, &stays, OUT, ZL_DEALER);
	say_numbers(FAR, &leaving, 0, 10); /* nobody to take them */
	wire_fin(&leaving);
	cores_turn(5);
	hear_nothing(FAR);
	join(HOME, &front, IN, ZL_DEALER);
	say_numbers(HOME, &front, 100, 2);
	cores_turn(3);
	expect_numbers(&stays, 100, 2);
	reads_numbers(&front, 0, 10);
	hear_closed(FAR, id, "closed_by_peer");
	cores_stop();
}

static void test_half_a_message_ends_the_peer_that_got_it(void **state)
{
	static struct wire pull;
	struct zl_msg half = {.flags = ZL_MSG_MORE, .len = 2};
	const uint8_t *data;
	uint64_t id;

	(void)state;
	start_streamer(10);
	id = join(FAR, &pull, OUT, ZL_PULL);
	half.buf = shard(BACK)->socket.ops->buffer(shard(BACK), "ab", 2, &data);
	half.data = data;
	assert_int_equal(zl_socket_send(&shard(BACK)->socket, &half, 1), 1);
	zl_buf_unref(half.buf, 1);
	zl_socket_broken(&shard(BACK)->socket);
	cores_turn(4);
	hear_closed(FAR, id, "half_message");
	assert_int_equal(pull.aborts, 1);
	cores_stop();
}

static void test_the_pattern_may_refuse_a_peer_of_another_core(void **state)
{
	static struct wire one, second, other;
	uint64_t id;

	(void)state;
	start(ZL_BRIDGE, ZL_PAIR, ZL_PAIR, 100, 1);
	join(FAR, &other, OUT, ZL_PAIR);
	join(FAR, &one, IN, ZL_PAIR);
	id = join(FAR, &second, IN, ZL_PAIR);
	cores_turn(3);
	hear_closed(FAR, id, "second_peer");
	say(FAR, &one, "still here", 0);
	cores_turn(3);
	expect_text(&other, "still here");
	cores_stop();
}

static void test_a_home_without_room_refuses_and_says_so(void **state)
{
	static struct wire push, again;
	uint64_t id;

	(void)state;
	start_streamer(10);
	shard(FRONT)->socket.pipes_max = shard(FRONT)->socket.pipes_used;
	id = peer_join(FAR, &push, IN, ZL_PUSH);
	say_numbers(FAR, &push, 0, 100); /* on its way before it is refused */
	cores_turn(4);
	hear_closed(FAR, id, "no_pipe");
	assert_int_equal(HOME->counter[ZL_CORE_guests_refused], 1);
	assert_int_equal(FAR->peers_open, 0);
	shard(FRONT)->socket.pipes_max++;
	join(FAR, &again, IN, ZL_PUSH);
	hear_nothing(FAR);
	assert_int_equal(shard(FRONT)->guests[1], 1);
	cores_stop();
}

/* A full lane delays what is to be said about a peer, and loses none of it. */
static void test_what_is_due_waits_for_the_lane(void **state)
{
	static struct wire push, pull;
	struct zl_parcel filler = {.kind = ZL_PARCEL_NEIGHBOR};
	uint64_t id;

	(void)state;
	start_streamer(1000);
	join(HOME, &pull, OUT, ZL_PULL);
	while (zl_lane_offer(&FAR->lane[0], &filler, 1))
		;
	id = peer_join(FAR, &push, IN, ZL_PUSH);
	say_numbers(FAR, &push, 0, 100);
	for (unsigned i = 0; i < 3; i++)
		core_turn(FAR);
	assert_non_null(FAR->dues);
	assert_int_equal(push.consumed, 64 + 6 + 4 + 2); /* the handshake */
	cores_turn(40);
	expect_numbers(&pull, 0, 100);
	while (zl_lane_offer(&FAR->lane[0], &filler, 1))
		;
	wire_fin(&push);
	for (unsigned i = 0; i < 3; i++)
		core_turn(FAR);
	hear_nothing(FAR);
	cores_turn(40);
	hear_closed(FAR, id, "closed_by_peer");
	assert_int_equal(shard(FRONT)->guests[1], 0);
	assert_int_equal(shard(FRONT)->lanes, 0);
	cores_stop();
}

/* Who is leaving is told of to a new control as it was, and then as closed. */
static void test_a_new_control_hears_of_who_is_leaving(void **state)
{
	static struct wire push, pull;
	uint64_t id;

	(void)state;
	start_streamer(1000);
	id = join(FAR, &push, IN, ZL_PUSH);
	say_numbers(FAR, &push, 0, 10);
	wire_fin(&push);
	cores_turn(3);
	control_gone(FAR);
	hear(FAR, ZL_NOTICE_CONTROL_GONE);
	cores_turn(2);
	assert_int_equal(FAR->peers_open, 1);
	order_begin(FAR, ZL_IPC_DUMP);
	order_send(FAR, 0);
	core_turn(FAR);
	assert_true(((struct zl_ipc_stream_state *)hear(FAR, ZL_IPC_STREAM_STATE))->open.stream ==
		    id);
	hear(FAR, ZL_IPC_RESULT);
	cores_turn(2);
	hear_nothing(FAR);
	join(HOME, &pull, OUT, ZL_PULL);
	reads_numbers(&pull, 0, 10);
	hear_closed(FAR, id, "closed_by_peer");
	cores_stop();
}

static void delete (struct zl_lcore *c, enum zl_ipc_type type, uint32_t id)
{
	((struct zl_ipc_id *)order_begin(c, type))->id = id;
	order_send(c, 0);
}

static void delete_all(struct zl_lcore *c)
{
	struct zl_shard *gone[] = {zl_shard_find(c, FRONT), zl_shard_find(c, BACK)};
	struct zl_device *device = gone[0]->device;

	delete (c, ZL_IPC_DEVICE_DEL, DEVICE);
	delete (c, ZL_IPC_SOCKET_DEL, FRONT);
	delete (c, ZL_IPC_SOCKET_DEL, BACK);
	for (unsigned i = 0; i < 2; i++)
		zl_shard_free(gone[i]);
	free(device);
}

static void test_a_socket_goes_in_any_order_of_cores(void **state)
{
	(void)state;
	for (unsigned first = 0; first < CORES; first++) {
		static struct wire push, leaving, local, opening;

		start_streamer(1000);
		join(FAR, &push, IN, ZL_PUSH);
		join(FAR, &leaving, IN, ZL_PUSH);
		join(HOME, &local, IN, ZL_PUSH);
		say_numbers(FAR, &push, 0, 100);
		say_numbers(FAR, &leaving, 0, 100);
		wire_fin(&leaving);
		cores_turn(2);
		say_numbers(FAR, &push, 0, 100); /* on the lane when the socket goes */
		peer_join(FAR, &opening, OUT, ZL_PULL);
		for (unsigned i = 0; i < CORES; i++) {
			control_gone(&core[i]);
			hear(&core[i], ZL_NOTICE_CONTROL_GONE);
		}
		delete_all(&core[first]);
		core_turn(&core[!first]);
		delete_all(&core[!first]);
		cores_turn(4);
		assert_int_equal(FAR->peers_open, 0);
		assert_int_equal(HOME->peers_open, 0);
		cores_stop();
	}
}

static uint32_t seed = 7;

static unsigned rnd(unsigned n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

enum {
	PUSHERS = 6,
	PULLERS = 3,
	STEPS = 4000
};

/* What pushers have said: whose is a message's first word, its number the second, and the part of
 * it the third. */
static struct {
	struct wire push[PUSHERS], pull[PULLERS];
	unsigned core[PUSHERS], life[PUSHERS];
	bool there[PUSHERS];
	uint32_t said[PUSHERS][STEPS]; /* messages, by life */
	uint32_t next[PUSHERS][STEPS][PULLERS];
	uint64_t had[PUSHERS][STEPS];
	struct bytes got[PULLERS];
} m;

static void model_say(unsigned i)
{
	struct bytes b = {0};

	for (unsigned n = 1 + rnd(40); n; n--) {
		unsigned parts = rnd(10) ? 1 : rnd(50) ? 1 + rnd(6) : 1500 + rnd(4000);

		for (uint32_t part = 0; part < parts; part++) {
			uint32_t body[4] = {i, m.life[i], m.said[i][m.life[i]], part};

			naive_frame(&b, part + 1 < parts, (uint8_t *)body, sizeof(body), false);
		}
		m.said[i][m.life[i]]++;
	}
	peer_say(&core[m.core[i]], &m.push[i], &b);
	bytes_free(&b);
}

/* Whole messages, and of one pusher each later than the one before. */
static void model_check(unsigned puller)
{
	struct bytes *got = &m.got[puller];
	size_t at = 0, begin = 0;
	uint32_t expected = 0;

	for (; at + 18 <= got->n; at += 18) {
		uint32_t body[4];

		memcpy(body, got->at + at + 2, sizeof(body));
		assert_int_equal(body[3], expected);
		expected = got->at[at] & 1 ? expected + 1 : 0;
		if (expected)
			continue;
		assert_true(body[2] >= m.next[body[0]][body[1]][puller]);
		m.next[body[0]][body[1]][puller] = body[2] + 1;
		m.had[body[0]][body[1]]++;
		begin = at + 18;
	}
	if (begin)
		memmove(got->at, got->at + begin, got->n - begin);
	got->n -= begin;
}

static void model_step(void)
{
	unsigned i = rnd(PUSHERS), k = rnd(PULLERS);

	if (!m.there[i]) {
		m.core[i] = rnd(CORES);
		m.life[i]++;
		peer_join(&core[m.core[i]], &m.push[i], IN, ZL_PUSH);
		m.there[i] = true;
	} else if (rnd(60) == 0 && m.push[i].consumed == m.push[i].given) {
		wire_fin(&m.push[i]); /* what it said may be on the lane, or at home */
		m.there[i] = false;
	} else if (m.push[i].given - m.push[i].consumed < 200000) {
		model_say(i);
	}
	for (unsigned n = rnd(4); n; n--)
		core_turn(&core[rnd(CORES)]);
	if (rnd(3))
		peer_reads(&m.pull[k], &m.got[k], rnd(2) ? UINT64_MAX : rnd(3000));
	model_check(k);
}

/* Letters that say what the test knows. */
static void forget_mail(void)
{
	for (unsigned i = 0; i < CORES; i++)
		while (!rte_ring_empty(core[i].to_host.ring))
			hear(&core[i], ZL_IPC_STREAM_CLOSED);
}

static void test_no_message_is_lost_doubled_cut_or_overtaken_whatever_comes_and_goes(void **state)
{
	(void)state;
	start(ZL_STREAMER, ZL_PULL, ZL_PUSH, 20, 2000);
	for (unsigned k = 0; k < PULLERS; k++)
		join(&core[k % CORES], &m.pull[k], OUT, ZL_PULL);
	for (unsigned step = 0; step < STEPS; step++) {
		forget_mail();
		model_step();
	}
	for (unsigned turn = 0; turn < 3000; turn++) {
		forget_mail();
		cores_turn(1);
		for (unsigned k = 0; k < PULLERS; k++) {
			peer_reads(&m.pull[k], &m.got[k], UINT64_MAX);
			model_check(k);
		}
	}
	for (unsigned i = 0; i < PUSHERS; i++)
		for (unsigned life = 0; life <= m.life[i]; life++)
			assert_int_equal(m.had[i][life], m.said[i][life]);
	for (unsigned k = 0; k < PULLERS; k++) {
		assert_int_equal(m.got[k].n, 0);
		bytes_free(&m.got[k]);
	}
	cores_stop();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_reach_their_home_and_leave_it_again),
		cmocka_unit_test(test_a_message_of_more_parts_than_a_lane_holds_crosses_whole),
		cmocka_unit_test(test_the_hwm_is_exact_across_cores_and_so_is_its_release),
		cmocka_unit_test(test_what_is_on_its_way_counts_as_queued),
		cmocka_unit_test(test_a_socket_that_takes_nothing_closes_its_far_peers_window),
		cmocka_unit_test(test_who_is_held_back_holds_nobody_else_back),
		cmocka_unit_test(test_what_was_sent_before_the_end_is_taken_after_it),
		cmocka_unit_test(test_more_than_is_granted_is_taken_after_the_end_as_well),
		cmocka_unit_test(test_who_is_reset_leaves_at_once_and_what_nobody_took_with_it),
		cmocka_unit_test(test_who_is_leaving_is_sent_nothing_more),
		cmocka_unit_test(test_half_a_message_ends_the_peer_that_got_it),
		cmocka_unit_test(test_the_pattern_may_refuse_a_peer_of_another_core),
		cmocka_unit_test(test_a_home_without_room_refuses_and_says_so),
		cmocka_unit_test(test_what_is_due_waits_for_the_lane),
		cmocka_unit_test(test_a_new_control_hears_of_who_is_leaving),
		cmocka_unit_test(test_a_socket_goes_in_any_order_of_cores),
		cmocka_unit_test(
			test_no_message_is_lost_doubled_cut_or_overtaken_whatever_comes_and_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
