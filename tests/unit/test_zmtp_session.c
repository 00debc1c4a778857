/* A session's life, from greeting to end: what is relayed, what is held, what is answered, and
 * under which name each end is reported. */
#include "tests/unit/test_zmtp_wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t greeting[64] = {0xff, [9] = 0x7f, [10] = 3, 1, 'N', 'U', 'L', 'L'};

static int setup(void **state)
{
	(void)state;
	wires_start(64, 8000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	wires_stop();
	return 0;
}

static void feed(struct wire *w, const struct bytes *b, unsigned most)
{
	wire_feed(w, b->at, b->n, most);
	wire_readable(w);
}

static void expect_log(const struct bytes *log, const struct bytes *expect)
{
	assert_int_equal(log->n, expect->n);
	if (expect->n)
		assert_memory_equal(log->at, expect->at, expect->n);
}

static void test_greeting_and_commands_are_relayed_piece_by_piece(void **state)
{
	struct bytes in = {0}, expect = {0}, ready = {0};
	uint8_t long_data[5000] = {1, 2, 3};

	(void)state;
	bytes_add(&in, greeting, 64);
	naive_command(&in, "HELLO", long_data, sizeof(long_data));
	naive_command(&in, "READY", "x", 1);
	log_part(&expect, ZL_RELAY_GREETING, greeting, 10);
	log_part(&expect, ZL_RELAY_GREETING, greeting + 10, 1);
	log_part(&expect, ZL_RELAY_GREETING, greeting + 11, 53);
	bytes_add(&ready, "\5HELLO", 6);
	bytes_add(&ready, long_data, sizeof(long_data));
	log_part(&expect, ZL_RELAY_COMMAND, ready.at, ready.n);
	log_part(&expect, ZL_RELAY_COMMAND, (const uint8_t *)"\5READYx", 7);
	for (unsigned most = 1; most <= 2048; most *= 2) {
		struct wire w;

		wire_open(&w, 0);
		feed(&w, &in, most);
		expect_log(&w.relayed, &expect);
		wire_close(&w);
		assert_int_equal(w.aborts, 1);
	}
	bytes_free(&in);
	bytes_free(&expect);
	bytes_free(&ready);
}

static void test_relay_that_has_no_room_is_offered_the_same_again(void **state)
{
	struct bytes in = {0}, expect = {0};
	struct wire w;

	(void)state;
	wire_open(&w, 0);
	bytes_add(&in, greeting, 64);
	naive_command(&in, "READY", "x", 1);
	w.relay_refuses = true;
	feed(&w, &in, 7);
	assert_true(w.session.stalled);
	assert_int_equal(w.relayed.n, 0);
	zl_session_input(&w.session);
	assert_int_equal(w.relayed.n, 0);
	w.relay_refuses = false;
	zl_session_input(&w.session);
	log_part(&expect, ZL_RELAY_GREETING, greeting, 10);
	log_part(&expect, ZL_RELAY_GREETING, greeting + 10, 1);
	log_part(&expect, ZL_RELAY_GREETING, greeting + 11, 53);
	log_part(&expect, ZL_RELAY_COMMAND, (const uint8_t *)"\5READYx", 7);
	expect_log(&w.relayed, &expect);
	wire_close(&w);
	bytes_free(&in);
	bytes_free(&expect);
}

/* However the bytes are cut, what is relayed of a greeting that is no ZMTP 3's, in its pieces; then
 * nothing more is read. */
static void expect_pieces(const void *bytes, size_t n, const char *const *pieces,
			  const size_t *lengths)
{
	struct bytes in = {0}, expect = {0};

	bytes_add(&in, bytes, n);
	bytes_add(&in, "what follows", 12);
	for (; *pieces; pieces++, lengths++)
		log_part(&expect, ZL_RELAY_GREETING, (const uint8_t *)*pieces, *lengths);
	for (unsigned most = 1; most <= 512; most *= 2) {
		struct wire w;

		wire_open(&w, 0);
		feed(&w, &in, most);
		expect_log(&w.relayed, &expect);
		assert_true(w.session.held);
		wire_close(&w);
	}
	bytes_free(&in);
	bytes_free(&expect);
}
#define PIECE(bytes) bytes, sizeof(bytes) - 1
#define SIGNATURE    "\xff\0\0\0\0\0\0\0\1\x7f"

static void test_an_old_greeting_is_relayed_whole_and_its_sender_held(void **state)
{
	static uint8_t longest[10 + 255] = {0xff, [7] = 1, [10] = 'x'};

	(void)state;
	/* ZMTP 1.0: anonymous; with an identity; the same in the long form */
	expect_pieces(PIECE("\1\0"), (const char *const[]){"\1\0", NULL}, (size_t[]){2});
	expect_pieces(PIECE("\5\0titi"), (const char *const[]){"\5\0titi", NULL}, (size_t[]){6});
	expect_pieces(PIECE("\xff\0\0\0\0\0\0\0\5\0titi"),
		      (const char *const[]){"\xff\0\0\0\0\0\0\0\5\0titi", NULL}, (size_t[]){14});
	expect_pieces(longest, sizeof(longest), (const char *const[]){(char *)longest, NULL},
		      (size_t[]){sizeof(longest)});
	/* 2.0: signature, version, then type and identity: each may wait for our answer */
	expect_pieces(PIECE(SIGNATURE "\1\2\0\0"),
		      (const char *const[]){SIGNATURE, "\1", "\2\0\0", NULL}, (size_t[]){10, 1, 3});
	expect_pieces(PIECE(SIGNATURE "\2\5\0\3abc"),
		      (const char *const[]){SIGNATURE, "\2", "\5\0\3abc", NULL},
		      (size_t[]){10, 1, 6});
}

static void test_what_is_no_greeting_is_relayed_as_far_as_it_shows(void **state)
{
	(void)state;
	expect_pieces(PIECE("GET / HTTP/1.1\r\n"), (const char *const[]){"GE", NULL},
		      (size_t[]){2});
	expect_pieces(PIECE("\0\1hello"), (const char *const[]){"\0", NULL}, (size_t[]){1});
	/* identities of no bytes, not even flags, and of too many */
	expect_pieces(PIECE("\xff\0\0\0\0\0\0\0\0\0"),
		      (const char *const[]){"\xff\0\0\0\0\0\0\0\0\0", NULL}, (size_t[]){10});
	expect_pieces(PIECE("\xff\0\0\0\0\0\0\1\1\0"),
		      (const char *const[]){"\xff\0\0\0\0\0\0\1\1\0", NULL}, (size_t[]){10});
	expect_pieces(PIECE("\xff\0\0\0\0\0\0\0\1\x7d"),
		      (const char *const[]){"\xff\0\0\0\0\0\0\0\1\x7d", NULL}, (size_t[]){10});
	expect_pieces(PIECE(SIGNATURE "\0"), (const char *const[]){SIGNATURE, "\0", NULL},
		      (size_t[]){10, 1});
	expect_pieces(PIECE(SIGNATURE "\1\2\1\0"),
		      (const char *const[]){SIGNATURE, "\1", "\2\1\0", NULL}, (size_t[]){10, 1, 3});
}

static void what_follows_waits(const char *last)
{
	struct bytes in = {0}, expect = {0};
	struct wire w;

	wire_open(&w, 0);
	bytes_add(&in, greeting, 64);
	naive_command(&in, last, "", 0);
	naive_command(&in, "SUBSCRIBE", "topic", 5);
	naive_frame(&in, 0, (const uint8_t *)"\0topic", 6, false);
	naive_frame(&in, 0, (const uint8_t *)"up", 2, false);
	feed(&w, &in, 2000);
	wire_fin(&w); /* it said all that it had to say */
	assert_int_equal(w.parts, 0);
	assert_int_equal(w.session.state, ZL_SESSION_HANDSHAKE);
	zl_session_ready(&w.session, true, ZL_ZMTP_V3_1);
	log_part(&expect, ZL_MSG_SUBSCRIBE, (const uint8_t *)"topic", 5);
	log_part(&expect, ZL_MSG_CANCEL, (const uint8_t *)"topic", 5);
	log_part(&expect, 0, (const uint8_t *)"up", 2);
	expect_log(&w.log, &expect);
	wire_expect_closed(&w, "closed_by_peer");
	bytes_free(&in);
	bytes_free(&expect);
}

static void test_what_follows_ready_waits_for_the_verdict(void **state)
{
	(void)state;
	what_follows_waits("READY");
	what_follows_waits("INITIATE"); /* a client's last word */
}

/* A RADIO is told by commands alone: a message that looks like a subscription is none. */
static void test_joins_are_told_from_messages(void **state)
{
	struct bytes in = {0}, expect = {0};
	struct wire w;

	(void)state;
	wire_open(&w, 0);
	w.session.takes_joins = true;
	bytes_add(&in, greeting, 64);
	naive_command(&in, "READY", "", 0);
	naive_command(&in, "JOIN", "group", 5);
	naive_command(&in, "SUBSCRIBE", "topic", 5);
	naive_command(&in, "LEAVE", "", 0);
	naive_frame(&in, 0, (const uint8_t *)"\1topic", 6, false);
	naive_frame(&in, 1, (const uint8_t *)"begun", 5, false);
	naive_command(&in, "JOIN", "inside", 6);
	feed(&w, &in, 2000);
	zl_session_ready(&w.session, false, ZL_ZMTP_V3_1);
	log_part(&expect, ZL_MSG_SUBSCRIBE, (const uint8_t *)"group", 5);
	log_part(&expect, ZL_MSG_CANCEL, NULL, 0);
	log_part(&expect, 0, (const uint8_t *)"\1topic", 6);
	expect_log(&w.log, &expect);
	wire_expect_closed(&w, "bad_command");
	bytes_free(&in);
	bytes_free(&expect);
}

static void test_subscriptions_are_told_from_messages(void **state)
{
	struct bytes in = {0}, expect = {0};
	uint8_t prefix[3000];

	(void)state;
	memset(prefix, 1, sizeof(prefix));
	naive_frame(&in, 0, (const uint8_t *)"\1", 1, false);
	naive_frame(&in, 1, (const uint8_t *)"\1more", 5, false);
	naive_frame(&in, 0, (const uint8_t *)"\1last", 5, false);
	naive_frame(&in, 0, NULL, 0, false);
	naive_frame(&in, 0, (const uint8_t *)"\2", 1, false);
	naive_frame(&in, 0, prefix, sizeof(prefix), false);
	naive_command(&in, "SUBSCRIBE", prefix, sizeof(prefix));
	naive_command(&in, "CANCEL", "", 0);
	log_part(&expect, ZL_MSG_SUBSCRIBE, NULL, 0);
	log_part(&expect, ZL_MSG_SUBSCRIBE | ZL_MSG_MORE, (const uint8_t *)"more", 4);
	log_part(&expect, ZL_MSG_SUBSCRIBE, (const uint8_t *)"last", 4);
	log_part(&expect, 0, NULL, 0);
	log_part(&expect, 0, (const uint8_t *)"\2", 1);
	log_part(&expect, ZL_MSG_SUBSCRIBE, prefix, sizeof(prefix) - 1);
	log_part(&expect, ZL_MSG_SUBSCRIBE, prefix, sizeof(prefix));
	log_part(&expect, ZL_MSG_CANCEL, NULL, 0);
	for (unsigned most = 1; most <= 2048; most *= 2) {
		struct wire w;

		wire_open_traffic(&w, 0, true);
		w.take = most % 3;
		feed(&w, &in, most);
		while (w.session.stalled) {
			w.take = 3;
			zl_session_input(&w.session);
		}
		expect_log(&w.log, &expect);
		wire_close(&w);
	}
	bytes_free(&in);
	bytes_free(&expect);
}

/* ZMQ_ONLY_FIRST_SUBSCRIBE: a user's message may have parts that look like subscriptions. */
static void only_first(bool set, uint8_t flags, unsigned skip)
{
	struct bytes in = {0}, expect = {0};

	naive_frame(&in, 1, (const uint8_t *)"user", 4, false);
	naive_frame(&in, 0, (const uint8_t *)"\1a", 2, false);
	naive_frame(&in, 1, (const uint8_t *)"\1b", 2, false);
	naive_frame(&in, 0, (const uint8_t *)"\0c", 2, false);
	log_part(&expect, ZL_MSG_MORE, (const uint8_t *)"user", 4);
	log_part(&expect, flags, (const uint8_t *)"\1a" + skip, 2 - skip);
	log_part(&expect, ZL_MSG_SUBSCRIBE | ZL_MSG_MORE, (const uint8_t *)"b", 1);
	log_part(&expect, ZL_MSG_CANCEL, (const uint8_t *)"c", 1);
	for (unsigned most = 1; most <= 64; most *= 2) {
		struct wire w;

		wire_open_traffic(&w, 0, true);
		w.session.only_first_subscribes = set;
		feed(&w, &in, most);
		expect_log(&w.log, &expect);
		wire_close(&w);
	}
	bytes_free(&in);
	bytes_free(&expect);
}

static void test_only_a_first_part_subscribes_if_it_is_said(void **state)
{
	(void)state;
	only_first(false, ZL_MSG_SUBSCRIBE, 1);
	only_first(true, 0, 0);
}

static void test_sockets_that_take_no_subscriptions_ignore_them(void **state)
{
	struct bytes in = {0}, expect = {0};
	struct wire w;

	(void)state;
	wire_open_traffic(&w, 0, false);
	naive_command(&in, "SUBSCRIBE", "a", 1);
	naive_frame(&in, 0, (const uint8_t *)"\1a", 2, false);
	feed(&w, &in, 100);
	log_part(&expect, 0, (const uint8_t *)"\1a", 2);
	expect_log(&w.log, &expect);
	wire_close(&w);
	bytes_free(&in);
	bytes_free(&expect);
}

static void test_an_old_subscriber_is_taken_to_want_everything(void **state)
{
	struct bytes in = {0}, expect = {0};
	struct wire w;

	(void)state;
	log_part(&expect, ZL_MSG_SUBSCRIBE, NULL, 0);
	wire_open_version(&w, 0, true, ZL_ZMTP_V1_0);
	expect_log(&w.log, &expect);
	/* one that does subscribe is heard as well */
	naive_old_frame(&in, false, (const uint8_t *)"\1a", 2, false);
	naive_old_frame(&in, false, (const uint8_t *)"\0a", 2, true);
	feed(&w, &in, 3);
	log_part(&expect, ZL_MSG_SUBSCRIBE, (const uint8_t *)"a", 1);
	log_part(&expect, ZL_MSG_CANCEL, (const uint8_t *)"a", 1);
	expect_log(&w.log, &expect);
	wire_close(&w);
	wire_open_version(&w, 0, true, ZL_ZMTP_V2_0);
	assert_int_equal(w.parts, 0);
	wire_close(&w);
	wire_open_version(&w, 0, false, ZL_ZMTP_V1_0);
	assert_int_equal(w.parts, 0);
	wire_close(&w);
	bytes_free(&in);
	bytes_free(&expect);
}

static void test_zmtp_2_has_no_commands(void **state)
{
	struct bytes in = {0};
	struct wire w;

	(void)state;
	naive_frame(&in, 1, (const uint8_t *)"part", 4, false);
	naive_frame(&in, 0, (const uint8_t *)"last", 4, true);
	naive_command(&in, "SUBSCRIBE", "a", 1);
	for (unsigned most = 1; most <= 64; most *= 8) {
		wire_open_version(&w, 0, true, ZL_ZMTP_V2_0);
		feed(&w, &in, most);
		assert_int_equal(w.parts, 2);
		wire_expect_closed(&w, "bad_frame_flags");
	}
	bytes_free(&in);
}

static void test_old_frames_are_bounded_as_new_ones_are(void **state)
{
	static const uint8_t part[300] = {7};
	struct bytes in = {0};
	struct wire w;

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		naive_old_frame(&in, i < 9, part, i % 2 ? sizeof(part) : 100, false);
	for (unsigned most = 1; most <= 1000; most *= 10) {
		wire_open_version(&w, 2000, false, ZL_ZMTP_V1_0);
		feed(&w, &in, most);
		assert_int_equal(w.parts, 10);
		wire_close(&w);
		wire_open_version(&w, 1999, false, ZL_ZMTP_V1_0);
		feed(&w, &in, most);
		wire_expect_closed(&w, "message_too_long");
		wire_open_version(&w, 299, false, ZL_ZMTP_V1_0);
		feed(&w, &in, most);
		wire_expect_closed(&w, "frame_too_long");
	}
	wire_open_version(&w, 0, false, ZL_ZMTP_V1_0);
	wire_feed(&w, in.at, in.n - 1, 100);
	wire_fin(&w);
	wire_expect_closed(&w, "truncated");
	bytes_free(&in);
}

static void test_ping_is_answered_with_its_context(void **state)
{
	struct bytes in = {0}, pong = {0};
	struct wire w;

	(void)state;
	wire_open_traffic(&w, 0, false);
	naive_command(&in, "PING", "\0\12", 2);
	naive_frame(&in, 1, (const uint8_t *)"a", 1, false); /* libzmq sends PINGs between parts */
	naive_command(&in, "PING", "\0\12sixteen octets..", 18);
	naive_command(&in, "PONG", "", 0);
	naive_frame(&in, 0, (const uint8_t *)"b", 1, false);
	feed(&w, &in, 3);
	naive_command(&pong, "PONG", "", 0);
	naive_command(&pong, "PONG", "sixteen octets..", 16);
	wire_expect_queued(&w, pong.at, pong.n, 0);
	assert_int_equal(w.parts, 2);
	wire_close(&w);
	bytes_free(&in);
	bytes_free(&pong);
}

static void test_a_peer_that_reads_nothing_gets_few_pongs(void **state)
{
	struct bytes in = {0}, pong = {0};
	struct wire w;

	(void)state;
	wire_open_traffic(&w, 0, false);
	for (unsigned i = 0; i < 1000; i++)
		naive_command(&in, "PING", "\0\12", 2);
	for (unsigned i = 0; i < 64; i++)
		naive_command(&pong, "PONG", "", 0);
	feed(&w, &in, 1000);
	wire_expect_queued(&w, pong.at, pong.n, 0);
	feed(&w, &in, 1000);
	wire_expect_queued(&w, pong.at, pong.n, 0);
	wire_close(&w);
	bytes_free(&in);
	bytes_free(&pong);
}

/* What ends a session in traffic, and with which name. */
struct bad {
	const char *reason;
	unsigned n;
	const char *bytes;
};
#define BAD(reason, literal)                                                                       \
	{                                                                                          \
		reason, sizeof(literal) - 1, literal                                               \
	}
static const struct bad traffic[] = {
	BAD("bad_frame_flags", "\x08\x01x"),
	BAD("bad_frame_flags", "\x80\x01x"),
	BAD("bad_frame_flags", "\x05\x01\x01"),
	BAD("frame_too_long", "\x02\x00\x00\x00\x00\x00\x01\x00\x00"),
	BAD("frame_too_long", "\x02\xff\xff\xff\xff\xff\xff\xff\xff"),
	BAD("command_too_long", "\x06\x00\x00\x00\x00\x00\x00\xff\xff"),
	BAD("bad_command", "\x04\x00"),
	BAD("bad_command", "\x04\x01\x00"),
	BAD("bad_command", "\x04\x03\x05PI"),
	BAD("bad_command", "\x04\x06\x04PING\x00"),
	BAD("bad_command", "\x04\x18\x04PING\x00\x01"
			   "0123456789abcdefg"),
	BAD("bad_command", "\x04\x16\x04PONG"
			   "0123456789abcdefg"),
	BAD("bad_command", "\x01\x01x\x04\x0a\x09SUBSCRIBE"),
	BAD("peer_error", "\x04\x0a\x05"
			  "ERROR\x03"
			  "bad"),
};

static void test_malformed_traffic_ends_by_name_after_what_came_before(void **state)
{
	(void)state;
	for (unsigned i = 0; i < RTE_DIM(traffic); i++) {
		for (unsigned most = 1; most <= 64; most *= 8) {
			struct bytes in = {0};
			uint64_t before;
			struct wire w;

			wire_open_traffic(&w, 5000, true);
			naive_frame(&in, 0, (const uint8_t *)"good", 4, false);
			bytes_add(&in, traffic[i].bytes, traffic[i].n);
			naive_frame(&in, 0, (const uint8_t *)"never", 5, false);
			before = zmtp.counter[ZL_ZMTP_closed_by_peer];
			feed(&w, &in, most);
			assert_int_equal(w.parts, 1);
			assert_int_equal(w.aborts, 1);
			wire_expect_closed(&w, traffic[i].reason);
			assert_int_equal(zmtp.counter[ZL_ZMTP_closed_by_peer], before);
			bytes_free(&in);
		}
	}
}

static void test_messages_are_bounded_as_a_whole_and_in_parts(void **state)
{
	struct bytes in = {0};
	uint8_t part[100] = {0};
	struct wire w;

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		naive_frame(&in, i < 9, part, sizeof(part), i & 1);
	wire_open_traffic(&w, 1000, false);
	feed(&w, &in, 300);
	assert_int_equal(w.parts, 10);
	wire_close(&w);
	wire_open_traffic(&w, 999, false);
	feed(&w, &in, 300);
	assert_int_equal(w.parts, 0);
	wire_expect_closed(&w, "message_too_long");

	in.n = 0;
	for (unsigned i = 0; i < ZL_ZMTP_PARTS_MAX + 2000; i++)
		naive_frame(&in, 1, NULL, 0, false);
	wire_open_traffic(&w, 0, false);
	feed(&w, &in, 2000);
	wire_expect_closed(&w, "too_many_parts");
	bytes_free(&in);
}

static void test_handshakes_take_commands_only(void **state)
{
	struct bytes in = {0};
	struct wire w;

	(void)state;
	bytes_add(&in, greeting, 64);
	naive_frame(&in, 0, (const uint8_t *)"hello", 5, false);
	wire_open(&w, 0);
	feed(&w, &in, 100);
	wire_expect_closed(&w, "handshake_not_command");

	in.n = 64;
	naive_frame(&in, 4, NULL, 0, false);
	wire_open(&w, 0);
	feed(&w, &in, 100);
	wire_expect_closed(&w, "bad_command");

	in.n = 64;
	bytes_add(&in, "\6\0\0\0\0\0\1\0\0", 9);
	wire_open(&w, 0);
	feed(&w, &in, 100);
	wire_expect_closed(&w, "command_too_long");
	bytes_free(&in);
}

static void expect_fin(const struct bytes *in, unsigned n, const char *reason)
{
	struct wire w;

	wire_open(&w, 0);
	w.relay_readies = true;
	wire_feed(&w, in->at, n, 20);
	wire_fin(&w);
	wire_expect_closed(&w, reason);
	assert_int_equal(w.shutdowns, 1);
	assert_int_equal(w.aborts, 0);
}

static void test_a_fin_is_named_by_where_it_falls(void **state)
{
	struct bytes in = {0};
	size_t ready, one;

	(void)state;
	bytes_add(&in, greeting, 64);
	naive_command(&in, "READY", "", 0);
	ready = in.n;
	naive_frame(&in, 0, (const uint8_t *)"whole", 5, false);
	one = in.n;
	naive_frame(&in, 1, (const uint8_t *)"part", 4, false);
	for (unsigned n = 0; n <= in.n; n++) {
		const char *reason = n < 64                   ? "half_greeting"
				     : n < ready              ? "closed_in_handshake"
				     : n == ready || n == one ? "closed_by_peer"
							      : "truncated";

		expect_fin(&in, n, reason);
	}
	bytes_free(&in);
}

static void test_a_fin_waits_until_the_owner_has_taken_everything(void **state)
{
	struct bytes in = {0};
	struct wire w;

	(void)state;
	wire_open_traffic(&w, 0, false);
	for (unsigned i = 0; i < 500; i++)
		naive_frame(&in, 0, (const uint8_t *)"last words", 10, false);
	w.take = 3;
	wire_feed(&w, in.at, in.n, 1448);
	wire_fin(&w);
	assert_int_equal(w.shutdowns, 0);
	for (unsigned taken = 3; taken < 500; taken++) {
		assert_int_equal(w.parts, taken);
		zl_zmtp_poll(&zmtp);
		assert_null(w.closed);
		w.take = 1;
		zl_session_input(&w.session);
	}
	assert_int_equal(w.shutdowns, 1);
	wire_expect_closed(&w, "closed_by_peer");
	bytes_free(&in);
}

static void test_a_stream_that_ends_first_gives_its_own_reason(void **state)
{
	struct bytes in = {0};
	struct wire w;

	(void)state;
	wire_open_traffic(&w, 0, false);
	naive_frame(&in, 0, (const uint8_t *)"last", 4, false);
	bytes_add(&in, "\0\7half", 6);
	wire_feed(&w, in.at, in.n, 1448);
	w.stream.events->closed(&w.stream, "reset_by_peer");
	assert_int_equal(w.parts, 1);
	wire_expect_closed(&w, "reset_by_peer");
	assert_int_equal(w.aborts + w.shutdowns, 0);
	bytes_free(&in);
}

static void test_closing_with_flush_leaves_the_stream_to_finish(void **state)
{
	uint8_t error[3000] = {4, 7};
	struct wire w;

	(void)state;
	wire_open(&w, 0);
	assert_int_equal(zl_session_send(&w.session, error, sizeof(error)), 0);
	assert_int_equal(zl_session_queued_total(&w.session), sizeof(error));
	zl_session_close(&w.session, "not_welcome", true);
	assert_int_equal(w.shutdowns, 1);
	assert_int_equal(zl_session_send(&w.session, error, 1), -ENOTCONN);
	assert_int_equal(w.stream.sendq.bytes, sizeof(error));
	wire_give(&w, (const uint8_t *)"more", 4, 0); /* it is thrown away */
	wire_readable(&w);
	assert_int_equal(w.consumed, 4);
	w.stream.events->released(&w.stream, 1, 0);
	w.stream.events->closed(&w.stream, "closed_here");
	wire_expect_closed(&w, "not_welcome");
}

static void test_the_owner_may_close_from_within(void **state)
{
	struct bytes in = {0};
	struct wire w;

	(void)state;
	for (unsigned i = 0; i < 300; i++)
		naive_frame(&in, i % 3 < 2, (const uint8_t *)"0123456789", 10, false);
	for (unsigned take = 0; take < 400; take += 40) {
		wire_open_traffic(&w, 0, false);
		w.close_in_deliver = "enough";
		w.take = take;
		feed(&w, &in, 1000);
		assert_int_equal(w.calls, 1);
		wire_expect_closed(&w, "enough");
	}
	bytes_free(&in);
}

static void test_a_dry_pool_ends_the_session_and_loses_no_buffer(void **state)
{
	struct rte_mbuf *all[8000];
	unsigned n = 0;
	struct bytes in = {0};
	uint8_t body[20] = {0};
	struct wire w;

	(void)state;
	wire_open_traffic(&w, 0, false);
	naive_frame(&in, 0, body, sizeof(body), false);
	wire_give(&w, in.at, 10, 0);
	while (n < 8000 && (all[n] = rte_pktmbuf_alloc(pools.frames)))
		n++;
	wire_readable(&w);
	wire_expect_closed(&w, "no_memory");
	rte_pktmbuf_free_bulk(all, n);
	bytes_free(&in);
}

static void test_tiny_segments_do_not_pin_the_pool(void **state)
{
	uint8_t *body = calloc(1, 100000);
	struct bytes in = {0};
	struct wire w;

	(void)state;
	naive_frame(&in, 1, body, 100000, false);
	for (unsigned i = 0; i < 500; i++)
		naive_frame(&in, 1, body, 5, false);
	wire_open_traffic(&w, 0, false);
	for (size_t at = 0; at < in.n; at += 7) {
		wire_give(&w, in.at + at, RTE_MIN(7, in.n - at), 0);
		wire_readable(&w);
	}
	/* 50 of the long frame, 6 of descriptors, and what the short parts need */
	assert_true(rte_mempool_in_use_count(pools.frames) < 70);
	wire_close(&w);
	bytes_free(&in);
	free(body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_greeting_and_commands_are_relayed_piece_by_piece),
		cmocka_unit_test(test_relay_that_has_no_room_is_offered_the_same_again),
		cmocka_unit_test(test_an_old_greeting_is_relayed_whole_and_its_sender_held),
		cmocka_unit_test(test_what_is_no_greeting_is_relayed_as_far_as_it_shows),
		cmocka_unit_test(test_what_follows_ready_waits_for_the_verdict),
		cmocka_unit_test(test_subscriptions_are_told_from_messages),
		cmocka_unit_test(test_joins_are_told_from_messages),
		cmocka_unit_test(test_only_a_first_part_subscribes_if_it_is_said),
		cmocka_unit_test(test_sockets_that_take_no_subscriptions_ignore_them),
		cmocka_unit_test(test_an_old_subscriber_is_taken_to_want_everything),
		cmocka_unit_test(test_zmtp_2_has_no_commands),
		cmocka_unit_test(test_old_frames_are_bounded_as_new_ones_are),
		cmocka_unit_test(test_ping_is_answered_with_its_context),
		cmocka_unit_test(test_a_peer_that_reads_nothing_gets_few_pongs),
		cmocka_unit_test(test_malformed_traffic_ends_by_name_after_what_came_before),
		cmocka_unit_test(test_messages_are_bounded_as_a_whole_and_in_parts),
		cmocka_unit_test(test_handshakes_take_commands_only),
		cmocka_unit_test(test_a_fin_is_named_by_where_it_falls),
		cmocka_unit_test(test_a_fin_waits_until_the_owner_has_taken_everything),
		cmocka_unit_test(test_a_stream_that_ends_first_gives_its_own_reason),
		cmocka_unit_test(test_closing_with_flush_leaves_the_stream_to_finish),
		cmocka_unit_test(test_the_owner_may_close_from_within),
		cmocka_unit_test(test_a_dry_pool_ends_the_session_and_loses_no_buffer),
		cmocka_unit_test(test_tiny_segments_do_not_pin_the_pool),
	};

	return cmocka_run_group_tests_name("zmtp session", tests, setup, teardown);
}
