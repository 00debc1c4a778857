/* Sessions of GSSAPI: what libgssapi wraps at the other end is opened, however its bytes come, and
 * what a session wraps opens there. Anything altered, repeated, left out or out of order ends it by
 * name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "dataplane/zmtp/wrap.h"
#include "tests/unit/kerberos.h"
#include "tests/unit/test_zmtp_wire.h"

#define SERVICE "zmq/feed"

static struct zl_gssapi *client, *server;
static gss_ctx_id_t peer; /* the client's end, of the session that was last opened */

/* A message that both ends have had, as READY is; its number, as its header has it. */
static uint64_t first_number(gss_ctx_id_t here)
{
	gss_buffer_desc text = {5, "READY"}, token, open;
	uint64_t n = 0;
	OM_uint32 minor;
	int encrypted;

	assert_int_equal(gss_wrap(&minor, peer, 1, 0, &text, &encrypted, &token), GSS_S_COMPLETE);
	assert_int_equal(gss_unwrap(&minor, here, &token, &open, &encrypted, NULL), GSS_S_COMPLETE);
	for (int i = 8; i < 16; i++)
		n = n << 8 | ((uint8_t *)token.value)[i];
	gss_release_buffer(&minor, &token);
	gss_release_buffer(&minor, &open);
	return n;
}

static struct zl_wrap *travel(gss_ctx_id_t *context, uint64_t received)
{
	gss_buffer_desc token;
	struct zl_wrap *w;
	OM_uint32 minor;

	assert_int_equal(gss_export_sec_context(&minor, context, &token), GSS_S_COMPLETE);
	w = zl_wrap_import(token.value, (uint32_t)token.length, received);
	assert_non_null(w);
	assert_true(sodium_is_zero(token.value, token.length));
	gss_release_buffer(&minor, &token);
	return w;
}

/* A server's end, whose client asked for `flags`. */
static void open_with(struct wire *w, uint64_t max, bool subscriptions, OM_uint32 flags)
{
	gss_ctx_id_t here;
	uint64_t received;

	kerberos_contexts(client, server, flags, &peer, &here);
	received = first_number(here);
	wire_open_traffic(w, max, subscriptions);
	zl_session_wrap(&w->session, travel(&here, received));
	zmtp.apart_sessions++; /* as zl_session_begin() has it */
}

static void open_wrapped(struct wire *w, uint64_t max, bool subscriptions)
{
	open_with(w, max, subscriptions, KERBEROS_LIBZMQ);
}

static void close_wrapped(struct wire *w)
{
	OM_uint32 minor;

	wire_close(w);
	gss_delete_sec_context(&minor, &peer, GSS_C_NO_BUFFER);
}

/* As libzmq has it. */
static void naive_wrap(struct bytes *b, uint8_t flags, const void *body, size_t n)
{
	uint8_t *plain = malloc(1 + n), *frame;
	gss_buffer_desc in = {1 + n, plain}, out;
	OM_uint32 minor;
	int encrypted;

	plain[0] = flags;
	if (n)
		memcpy(plain + 1, body, n);
	assert_int_equal(gss_wrap(&minor, peer, 1, 0, &in, &encrypted, &out), GSS_S_COMPLETE);
	frame = malloc(12 + out.length);
	memcpy(frame, "\7MESSAGE", 8);
	for (int i = 0; i < 4; i++)
		frame[8 + i] = (uint8_t)(out.length >> (24 - 8 * i));
	memcpy(frame + 12, out.value, out.length);
	naive_frame(b, 0, frame, 12 + out.length, false);
	gss_release_buffer(&minor, &out);
	free(plain);
	free(frame);
}

static void expect_log(const struct bytes *log, const struct bytes *expect)
{
	assert_int_equal(log->n, expect->n);
	if (expect->n)
		assert_memory_equal(log->at, expect->at, expect->n);
}

static void random_bytes(uint8_t *to, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)below(256);
}

static void test_messages_are_opened_however_their_bytes_come(void **state)
{
	static const size_t sizes[] = {0,   1,   30,   100,  180,  181,  182,  183,  184,
				       255, 256, 1000, 1900, 2000, 2100, 5000, 70000};
	static uint8_t body[70000];

	(void)state;
	for (unsigned round = 0; round < 60; round++) {
		struct bytes in = {0}, expect = {0};
		struct wire w;

		open_wrapped(&w, 0, false);
		for (unsigned i = 0; i < 12; i++) {
			/* not the longest in tiny pieces: buffers are few */
			size_t n =
				sizes[below(sizeof(sizes) / sizeof(sizes[0]) - (round % 4 == 0))];
			bool more = i < 11 && below(3) == 0;

			random_bytes(body, n < 300 ? n : 300);
			naive_wrap(&in, more, body, n);
			log_part(&expect, more ? ZL_MSG_MORE : 0, body, n);
		}
		wire_feed(&w, in.at, in.n, round % 4 == 0 ? 40 : round % 4 == 1 ? 1448 : 1900);
		wire_readable(&w);
		expect_log(&w.log, &expect);
		close_wrapped(&w);
		bytes_free(&in);
		bytes_free(&expect);
	}
}

static void test_subscriptions_come_as_flags_as_commands_and_as_messages(void **state)
{
	struct bytes in = {0}, expect = {0};
	struct wire w;

	(void)state;
	open_wrapped(&w, 0, true);
	naive_wrap(&in, 4, "topic", 5);
	naive_wrap(&in, 8, "topic", 5);
	naive_wrap(&in, 2, "\11SUBSCRIBEtopic", 15);
	naive_wrap(&in, 2, "\6CANCELtopic", 12);
	naive_wrap(&in, 0, "\1old", 4);
	naive_wrap(&in, 4, "\1", 1); /* it is the topic */
	wire_feed(&w, in.at, in.n, 500);
	wire_readable(&w);
	for (unsigned i = 0; i < 2; i++) {
		log_part(&expect, ZL_MSG_SUBSCRIBE, (const uint8_t *)"topic", 5);
		log_part(&expect, ZL_MSG_CANCEL, (const uint8_t *)"topic", 5);
	}
	log_part(&expect, ZL_MSG_SUBSCRIBE, (const uint8_t *)"old", 3);
	log_part(&expect, ZL_MSG_SUBSCRIBE, (const uint8_t *)"\1", 1);
	expect_log(&w.log, &expect);
	close_wrapped(&w);
	bytes_free(&in);
	bytes_free(&expect);
}

static void ends(struct wire *w, const struct bytes *in, unsigned parts, const char *reason)
{
	wire_feed(w, in->at, in->n, 1000);
	wire_readable(w);
	assert_int_equal(w->parts, parts);
	wire_expect_closed(w, reason);
}

/* Each byte of a message, one after another. */
static void test_an_altered_byte_ends_the_session(void **state)
{
	size_t n = 200;
	OM_uint32 minor;

	(void)state;
	for (size_t i = 2; i < n; i++) {
		struct bytes in = {0};
		struct wire w;

		open_wrapped(&w, 0, false);
		naive_wrap(&in, 0, "a message", 9);
		n = in.n;
		in.at[i] ^= (uint8_t)(1u << i % 8);
		ends(&w, &in, 0, i < 14 ? "not_boxed" : "wrap_forged");
		gss_delete_sec_context(&minor, &peer, GSS_C_NO_BUFFER);
		bytes_free(&in);
	}
	assert_in_range(n, 60, 199);
}

/* The tokens of `order`, "0021": each is one of three that follow each other. */
static void comes(const char *order, OM_uint32 flags, unsigned parts, const char *reason)
{
	struct bytes token[3] = {0}, in = {0};
	OM_uint32 minor;
	struct wire w;

	open_with(&w, 0, false, flags);
	for (unsigned i = 0; i < 3; i++)
		naive_wrap(&token[i], 0, "message", 7);
	for (const char *at = order; *at; at++)
		bytes_add(&in, token[*at - '0'].at, token[*at - '0'].n);
	if (reason) {
		ends(&w, &in, parts, reason);
		gss_delete_sec_context(&minor, &peer, GSS_C_NO_BUFFER);
	} else {
		wire_feed(&w, in.at, in.n, 1000);
		wire_readable(&w);
		assert_int_equal(w.parts, parts);
		close_wrapped(&w);
	}
	for (unsigned i = 0; i < 3; i++)
		bytes_free(&token[i]);
	bytes_free(&in);
}

static void test_only_the_next_message_is_taken_whatever_the_peer_asked_for(void **state)
{
	static const OM_uint32 asked[] = {GSS_C_MUTUAL_FLAG, KERBEROS_LIBZMQ,
					  KERBEROS_LIBZMQ | GSS_C_SEQUENCE_FLAG};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		comes("012", asked[i], 3, NULL);
		comes("00", asked[i], 1, "wrap_replayed");
		comes("010", asked[i], 2, "wrap_replayed");
		comes("02", asked[i], 1, "wrap_replayed"); /* one is missing */
		comes("1", asked[i], 0, "wrap_replayed");
		comes("10", asked[i], 0, "wrap_replayed");
	}
}

static void ends_by(void (*put)(struct bytes *in), uint64_t max, unsigned parts, const char *reason)
{
	struct bytes in = {0};
	OM_uint32 minor;
	struct wire w;

	open_wrapped(&w, max, true);
	put(&in);
	ends(&w, &in, parts, reason);
	gss_delete_sec_context(&minor, &peer, GSS_C_NO_BUFFER);
	bytes_free(&in);
}

static const uint8_t body[400];

static void plain(struct bytes *in)
{
	naive_frame(in, 0, body, 50, false);
}

static void brief(struct bytes *in)
{
	naive_frame(in, 0, (const uint8_t *)"\7MESSAGE\0\0\0\2ab", 14, false);
}

static void more(struct bytes *in)
{
	naive_frame(in, 1, body, 50, false);
}

static void unknown_flag(struct bytes *in)
{
	naive_wrap(in, 16, body, 5);
}

static void two_things_at_once(struct bytes *in)
{
	naive_wrap(in, 4 | 8, body, 5);
}

static void subscribes_and_more(struct bytes *in)
{
	naive_wrap(in, 4 | 1, body, 5);
}

static void subscribes_within_a_message(struct bytes *in)
{
	naive_wrap(in, 1, body + 1, 0);
	naive_wrap(in, 4, body, 5);
}

static void one_byte_too_many(struct bytes *in)
{
	naive_wrap(in, 0, "2", 1);
	naive_wrap(in, 0, body, 101);
}

static void many_bytes_too_many(struct bytes *in)
{
	naive_wrap(in, 0, "2", 1);
	naive_wrap(in, 0, body, 300);
}

static void only_signed(struct bytes *in)
{
	gss_buffer_desc text = {8, "\0message"}, out;
	uint8_t frame[400] = "\7MESSAGE";
	OM_uint32 minor;
	int encrypted;

	assert_int_equal(gss_wrap(&minor, peer, 0, 0, &text, &encrypted, &out), GSS_S_COMPLETE);
	frame[11] = (uint8_t)out.length;
	memcpy(frame + 12, out.value, out.length);
	naive_frame(in, 0, frame, 12 + out.length, false);
	gss_release_buffer(&minor, &out);
}

static void nothing_in_it(struct bytes *in)
{
	gss_buffer_desc text = {0, NULL}, out;
	uint8_t frame[400] = "\7MESSAGE";
	OM_uint32 minor;
	int encrypted;

	assert_int_equal(gss_wrap(&minor, peer, 1, 0, &text, &encrypted, &out), GSS_S_COMPLETE);
	frame[11] = (uint8_t)out.length;
	memcpy(frame + 12, out.value, out.length);
	naive_frame(in, 0, frame, 12 + out.length, false);
	gss_release_buffer(&minor, &out);
}

static void test_what_is_no_message_ends_the_session(void **state)
{
	(void)state;
	ends_by(plain, 0, 0, "not_boxed");
	ends_by(brief, 0, 0, "not_boxed");
	ends_by(more, 0, 0, "not_boxed");
	ends_by(unknown_flag, 0, 0, "bad_frame_flags");
	ends_by(two_things_at_once, 0, 0, "bad_frame_flags");
	ends_by(subscribes_and_more, 0, 0, "bad_frame_flags");
	ends_by(subscribes_within_a_message, 0, 0, "bad_command");
	ends_by(one_byte_too_many, 100, 1, "message_too_long");
	ends_by(many_bytes_too_many, 100, 1, "frame_too_long");
	ends_by(only_signed, 0, 0, "wrap_forged");
	ends_by(nothing_in_it, 0, 0, "wrap_forged");
}

/* Opens what has been queued, at the client's end. */
static void expect_opens(const struct bytes *queued, const struct bytes *expect)
{
	struct bytes got = {0};
	size_t at = 0;

	while (at < queued->n) {
		const uint8_t *f = queued->at + at;
		bool longer = f[0] & 2;
		size_t n = f[1];
		gss_buffer_desc token, open;
		OM_uint32 minor;
		int encrypted;

		if (longer)
			n = (size_t)f[5] << 24 | (size_t)f[6] << 16 | (size_t)f[7] << 8 | f[8];
		f += longer ? 9 : 2;
		assert_memory_equal(f, "\7MESSAGE", 8);
		token = (gss_buffer_desc){n - 12, (void *)(uintptr_t)(f + 12)};
		assert_int_equal((size_t)f[8] << 24 | (size_t)f[9] << 16 | (size_t)f[10] << 8 |
					 f[11],
				 n - 12);
		assert_int_equal(gss_unwrap(&minor, peer, &token, &open, &encrypted, NULL),
				 GSS_S_COMPLETE);
		assert_true(encrypted);
		log_part(&got, *(uint8_t *)open.value, (uint8_t *)open.value + 1, open.length - 1);
		gss_release_buffer(&minor, &open);
		at += n + (longer ? 9 : 2);
	}
	expect_log(&got, expect);
	bytes_free(&got);
}

static void test_what_is_written_opens_at_the_other_end(void **state)
{
	static uint8_t text[70000];

	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		struct bytes in = {0}, expect = {0}, queued = {0}, bare = {0};
		struct wire w, out, *to[1] = {&out};
		unsigned messages = 0;

		wire_open_traffic(&w, 0, false);
		open_wrapped(&out, 0, false);
		w.to = to;
		w.n_to = 1;
		w.sent = &bare;
		for (unsigned i = 0; i < 8; i++) {
			size_t n = below(4) ? below(300) : below(sizeof(text));
			bool goes_on = i < 7 && below(3) == 0;

			random_bytes(text, n < 300 ? n : 300);
			naive_frame(&in, goes_on, text, n, false);
			log_part(&expect, goes_on, text, n);
			messages += !goes_on;
		}
		wire_feed(&w, in.at, in.n, 1448);
		wire_readable(&w);
		wire_queued(&out, &queued);
		expect_opens(&queued, &expect);
		wire_expect_queued(&out, queued.at, queued.n, messages);
		wire_close(&w);
		close_wrapped(&out);
		bytes_free(&bare);
		bytes_free(&in);
		bytes_free(&expect);
		bytes_free(&queued);
	}
}

static void test_controls_frames_are_wrapped_one_by_one(void **state)
{
	struct bytes frames = {0}, expect = {0}, queued = {0};
	struct wire w;

	(void)state;
	open_wrapped(&w, 0, false);
	naive_command(&frames, "SUBSCRIBE", "a", 1);
	naive_frame(&frames, 1, (const uint8_t *)"user", 4, false);
	naive_frame(&frames, 0, (const uint8_t *)"message", 7, true);
	assert_int_equal(zl_session_send(&w.session, frames.at, (uint32_t)frames.n), 0);
	log_part(&expect, 2, (const uint8_t *)"\11SUBSCRIBEa", 11);
	log_part(&expect, 1, (const uint8_t *)"user", 4);
	log_part(&expect, 0, (const uint8_t *)"message", 7);
	wire_queued(&w, &queued);
	expect_opens(&queued, &expect);
	wire_expect_queued(&w, queued.at, queued.n, 0);
	close_wrapped(&w);
	bytes_free(&frames);
	bytes_free(&expect);
	bytes_free(&queued);
}

static void test_what_is_no_context_is_not_imported(void **state)
{
	uint8_t token[] = "what control would never send";

	(void)state;
	assert_null(zl_wrap_import(token, sizeof(token), 0));
	assert_true(sodium_is_zero(token, sizeof(token)));
	zl_wrap_free(NULL);
}

static int start(void **state)
{
	(void)state;
	if (sodium_init() < 0)
		return -1;
	kerberos_begin();
	kerberos_keytab("feed.keytab", SERVICE);
	kerberos_keytab("alice.keytab", "alice");
	server = kerberos_server("feed.keytab", SERVICE);
	client = kerberos_client("alice.keytab", "alice", SERVICE, "feed.keytab", 3600);
	wires_start(64, 8192);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	wires_stop();
	zl_gssapi_close(client);
	zl_gssapi_close(server);
	kerberos_end();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_are_opened_however_their_bytes_come),
		cmocka_unit_test(test_subscriptions_come_as_flags_as_commands_and_as_messages),
		cmocka_unit_test(test_an_altered_byte_ends_the_session),
		cmocka_unit_test(test_only_the_next_message_is_taken_whatever_the_peer_asked_for),
		cmocka_unit_test(test_what_is_no_message_ends_the_session),
		cmocka_unit_test(test_what_is_written_opens_at_the_other_end),
		cmocka_unit_test(test_controls_frames_are_wrapped_one_by_one),
		cmocka_unit_test(test_what_is_no_context_is_not_imported),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
