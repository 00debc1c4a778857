/* Sessions of CURVE: boxes that libsodium's own crypto_box makes are opened, however their bytes
 * come, and what a session seals crypto_box opens. Anything altered ends it by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "tests/unit/test_zmtp_wire.h"

#define HEADER 32 /* name, nonce and tag */

static const struct zl_ipc_boxes server = {
	.on = 1, .server = 1, .sent = 1, .received = 2, .key = "a key of two pairs, precomputed"};

/* A box as crypto_box makes it, with what stands before it. */
static void naive_box(struct bytes *b, bool by_server, uint64_t nonce, uint8_t flags,
		      const uint8_t *body, size_t n)
{
	uint8_t full[24] = "CurveZMQMESSAGEC", *plain = malloc(n + 1);
	uint8_t *frame = malloc(HEADER + n + 1);

	full[15] = by_server ? 'S' : 'C';
	for (int i = 0; i < 8; i++)
		full[16 + i] = (uint8_t)(nonce >> (56 - 8 * i));
	plain[0] = flags;
	if (n)
		memcpy(plain + 1, body, n);
	memcpy(frame, "\7MESSAGE", 8);
	memcpy(frame + 8, full + 16, 8);
	crypto_box_easy_afternm(frame + 16, plain, n + 1, full, server.key);
	naive_frame(b, 0, frame, HEADER + n + 1, false);
	free(plain);
	free(frame);
}

static void open_boxed(struct wire *w, uint64_t max, bool subscriptions)
{
	wire_open_traffic(w, max, subscriptions);
	zl_session_box(&w->session, &server);
	zmtp.apart_sessions++; /* as zl_session_begin() has it */
}

static void random_bytes(uint8_t *to, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)below(256);
}

static void expect_log(const struct bytes *log, const struct bytes *expect)
{
	assert_int_equal(log->n, expect->n);
	if (expect->n)
		assert_memory_equal(log->at, expect->at, expect->n);
}

static void test_boxes_are_opened_however_their_bytes_come(void **state)
{
	static const size_t sizes[] = {0,   1,   30,  31,  32,   33,   63,   64,   65,   95,
				       222, 223, 255, 256, 1000, 2000, 2100, 5000, 70000};
	static uint8_t body[70000];

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		struct bytes in = {0}, expect = {0};
		uint64_t nonce = 2;
		struct wire w;

		open_boxed(&w, 0, false);
		for (unsigned i = 0; i < 12; i++) {
			/* not the longest in tiny pieces: buffers are few */
			size_t n =
				sizes[below(sizeof(sizes) / sizeof(sizes[0]) - (round % 4 == 0))];
			bool more = i < 11 && below(3) == 0;

			random_bytes(body, n < 300 ? n : 300);
			naive_box(&in, false, nonce += 1 + below(3), more, body, n);
			log_part(&expect, more ? ZL_MSG_MORE : 0, body, n);
		}
		wire_feed(&w, in.at, in.n, round % 4 == 0 ? 40 : round % 4 == 1 ? 1448 : 1900);
		wire_readable(&w);
		expect_log(&w.log, &expect);
		wire_close(&w);
		bytes_free(&in);
		bytes_free(&expect);
	}
}

static void test_commands_in_boxes_are_commands(void **state)
{
	struct bytes in = {0}, expect = {0}, pong = {0};
	struct wire w;

	(void)state;
	open_boxed(&w, 0, true);
	naive_box(&in, false, 3, 2, (const uint8_t *)"\11SUBSCRIBEtopic", 15);
	naive_box(&in, false, 4, 2, (const uint8_t *)"\6CANCELtopic", 12);
	naive_box(&in, false, 5, 0, (const uint8_t *)"\1old", 4);
	naive_box(&in, false, 6, 2, (const uint8_t *)"\4PING\0\0ctx", 10);
	wire_feed(&w, in.at, in.n, 500);
	wire_readable(&w);
	log_part(&expect, ZL_MSG_SUBSCRIBE, (const uint8_t *)"topic", 5);
	log_part(&expect, ZL_MSG_CANCEL, (const uint8_t *)"topic", 5);
	log_part(&expect, ZL_MSG_SUBSCRIBE, (const uint8_t *)"old", 3);
	expect_log(&w.log, &expect);
	naive_box(&pong, true, 2, 2, (const uint8_t *)"\4PONGctx", 8);
	wire_expect_queued(&w, pong.at, pong.n, 0);
	wire_close(&w);
	bytes_free(&in);
	bytes_free(&expect);
	bytes_free(&pong);
}

/* Each byte of a message, one after another. */
static void test_an_altered_byte_ends_the_session(void **state)
{
	struct bytes in = {0};

	(void)state;
	naive_box(&in, false, 3, 0, (const uint8_t *)"a message", 9);
	for (size_t i = 2; i < in.n; i++) {
		struct wire w;

		open_boxed(&w, 0, false);
		in.at[i] ^= 0x10;
		wire_feed(&w, in.at, in.n, 1000);
		wire_readable(&w);
		in.at[i] ^= 0x10;
		assert_int_equal(w.parts, 0);
		/* a nonce with other high bytes is a greater one, and another */
		wire_expect_closed(&w, i < 10 ? "not_boxed" : "box_forged");
	}
	bytes_free(&in);
}

static void ends_by(const struct bytes *in, uint64_t max, unsigned parts, const char *reason)
{
	struct wire w;

	open_boxed(&w, max, false);
	wire_feed(&w, in->at, in->n, 1000);
	wire_readable(&w);
	assert_int_equal(w.parts, parts);
	wire_expect_closed(&w, reason);
}

static void test_what_is_not_the_next_box_ends_the_session(void **state)
{
	static const uint8_t body[5000];
	struct bytes replay = {0}, old = {0}, plain = {0}, brief = {0}, more = {0}, flags = {0},
		     apart = {0}, longest = {0};

	(void)state;
	naive_box(&replay, false, 3, 0, body, 5);
	naive_box(&replay, false, 3, 0, body, 5);
	ends_by(&replay, 0, 1, "box_replayed");
	naive_box(&old, false, 2, 0, body, 5); /* INITIATE's */
	ends_by(&old, 0, 0, "box_replayed");
	naive_frame(&plain, 0, body, 50, false);
	ends_by(&plain, 0, 0, "not_boxed");
	naive_frame(&brief, 0, (const uint8_t *)"\7MESSAGE", 8, false);
	ends_by(&brief, 0, 0, "not_boxed");
	naive_frame(&more, 1, body, 50, false);
	ends_by(&more, 0, 0, "not_boxed");
	naive_box(&flags, false, 3, 4, body, 5);
	ends_by(&flags, 0, 0, "bad_frame_flags");
	naive_box(&apart, false, 3, 4, body, sizeof(body)); /* opened into buffers of its own */
	ends_by(&apart, 0, 0, "bad_frame_flags");
	naive_box(&longest, false, 3, 0, body, 100);
	naive_box(&longest, false, 4, 0, body, 101);
	ends_by(&longest, 100, 1, "frame_too_long");
	bytes_free(&replay);
	bytes_free(&old);
	bytes_free(&plain);
	bytes_free(&brief);
	bytes_free(&more);
	bytes_free(&flags);
	bytes_free(&apart);
	bytes_free(&longest);
}

/* The peer's own messages do not open as ours: the directions have keys of their own. */
static void test_a_message_that_is_sent_back_is_no_message(void **state)
{
	struct bytes in = {0};

	(void)state;
	naive_box(&in, true, 9, 0, (const uint8_t *)"mirror", 6);
	ends_by(&in, 0, 0, "box_forged");
	bytes_free(&in);
}

/* What comes out of one boxed session goes to another, and (`bare`) to one that is not. */
static void test_messages_are_sealed_for_each_session_by_itself(void **state)
{
	static uint8_t body[70000];

	(void)state;
	for (unsigned round = 0; round < 50; round++) {
		struct bytes in = {0}, sealed = {0}, bare = {0};
		uint64_t nonce = 2, ours = 1;
		struct wire w, out[2];
		struct wire *to[2] = {&out[0], &out[1]};
		unsigned messages = 0;

		open_boxed(&w, 0, false);
		open_boxed(&out[0], 0, false);
		wire_open_traffic(&out[1], 0, false);
		w.to = to;
		w.n_to = 2;
		w.sent = &bare;
		for (unsigned i = 0; i < 8; i++) {
			size_t n = below(4) ? below(300) : below(sizeof(body));
			bool more = i < 7 && below(3) == 0;

			random_bytes(body, n < 300 ? n : 300);
			naive_box(&in, false, ++nonce, more, body, n);
			naive_box(&sealed, true, ++ours, more, body, n);
			messages += !more;
		}
		wire_feed(&w, in.at, in.n, 1448);
		wire_readable(&w);
		wire_expect_queued(&out[0], sealed.at, sealed.n, messages);
		wire_expect_queued(&out[1], bare.at, bare.n, messages);
		wire_close(&w);
		wire_close(&out[0]);
		wire_close(&out[1]);
		bytes_free(&in);
		bytes_free(&sealed);
		bytes_free(&bare);
	}
}

static void test_controls_frames_are_sealed_one_by_one(void **state)
{
	struct bytes frames = {0}, sealed = {0};
	struct wire w;

	(void)state;
	open_boxed(&w, 0, false);
	naive_command(&frames, "SUBSCRIBE", "a", 1);
	naive_frame(&frames, 1, (const uint8_t *)"user", 4, false);
	naive_frame(&frames, 0, (const uint8_t *)"message", 7, true);
	assert_int_equal(zl_session_send(&w.session, frames.at, (uint32_t)frames.n), 0);
	naive_box(&sealed, true, 2, 2, (const uint8_t *)"\11SUBSCRIBEa", 11);
	naive_box(&sealed, true, 3, 1, (const uint8_t *)"user", 4);
	naive_box(&sealed, true, 4, 0, (const uint8_t *)"message", 7);
	wire_expect_queued(&w, sealed.at, sealed.n, 0);
	wire_close(&w);
	bytes_free(&frames);
	bytes_free(&sealed);
}

static int start(void **state)
{
	(void)state;
	if (sodium_init() < 0)
		return -1;
	wires_start(64, 8192);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	wires_stop();
	return 0;
}

/* Each with pools of its own, that must be full at its end: cmocka does not count a group's. */
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(test_boxes_are_opened_however_their_bytes_come),
		CLAIM(test_commands_in_boxes_are_commands),
		CLAIM(test_an_altered_byte_ends_the_session),
		CLAIM(test_what_is_not_the_next_box_ends_the_session),
		CLAIM(test_a_message_that_is_sent_back_is_no_message),
		CLAIM(test_messages_are_sealed_for_each_session_by_itself),
		CLAIM(test_controls_frames_are_sealed_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
