/* The handshake byte by byte: greetings of every ZMTP version, READY with every kind of flaw, and
 * the table of socket types. A refusal has its reason and, where the peer can hear it, an ERROR. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/handshake/handshake.h"

static void greeting_of(uint8_t *g, uint8_t major, uint8_t minor, const char *mechanism)
{
	memset(g, 0, 64);
	g[0] = 0xff;
	g[8] = 1;
	g[9] = 0x7f;
	g[10] = major;
	g[11] = minor;
	memcpy(g + 12, mechanism, strlen(mechanism));
}

static struct zl_handshake started(enum zl_socket_type type)
{
	struct zl_handshake h;

	zl_handshake_start(&h, &zl_mechanism_null, type, true);
	h.output_bytes = 0;
	return h;
}

static struct zl_handshake greeted(enum zl_socket_type type)
{
	struct zl_handshake h = started(type);
	uint8_t g[64];

	greeting_of(g, 3, 1, "NULL");
	assert_int_equal(zl_handshake_greeting(&h, g, 64), ZL_HANDSHAKE_MORE);
	h.output_bytes = 0;
	return h;
}

static void test_our_greeting_is_zmtp_3_1_null(void **state)
{
	struct zl_handshake h;
	uint8_t g[64];

	(void)state;
	zl_handshake_start(&h, &zl_mechanism_null, ZL_XPUB, true);
	greeting_of(g, 3, 1, "NULL");
	assert_int_equal(h.output_bytes, 64);
	assert_memory_equal(h.output, g, 64);
}

static void test_our_ready_follows_the_peers_greeting(void **state)
{
	static const uint8_t ready[] = "\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04XPUB";
	struct zl_handshake h = started(ZL_XPUB);
	uint8_t g[64];

	(void)state;
	greeting_of(g, 3, 0, "NULL");
	assert_int_equal(zl_handshake_greeting(&h, g, 10), ZL_HANDSHAKE_MORE);
	assert_int_equal(h.output_bytes, 0);
	assert_int_equal(zl_handshake_greeting(&h, g + 10, 54), ZL_HANDSHAKE_MORE);
	assert_int_equal(h.zmtp_minor, 0);
	assert_int_equal(h.output_bytes, sizeof(ready) - 1);
	assert_memory_equal(h.output, ready, sizeof(ready) - 1);
}

static void test_greetings_cut_anywhere_are_the_same(void **state)
{
	uint8_t g[64];

	(void)state;
	greeting_of(g, 3, 1, "NULL");
	for (unsigned cut = 1; cut < 64; cut++) {
		struct zl_handshake h = started(ZL_XSUB);
		assert_int_equal(zl_handshake_greeting(&h, g, cut), ZL_HANDSHAKE_MORE);
		assert_int_equal(zl_handshake_greeting(&h, g + cut, 64 - cut), ZL_HANDSHAKE_MORE);
		assert_true(h.greeted);
		assert_int_equal(h.zmtp_minor, 1);
	}
}

static enum zl_reason refused_greeting(const void *bytes, size_t n)
{
	struct zl_handshake h = started(ZL_XPUB);

	assert_int_equal(zl_handshake_greeting(&h, bytes, n), ZL_HANDSHAKE_REFUSED);
	assert_int_equal(h.output_bytes, 0); /* before the greeting is over nobody would hear it */
	return h.reason;
}

static void test_old_and_foreign_peers_are_told_apart(void **state)
{
	uint8_t g[64];

	(void)state;
	assert_int_equal(refused_greeting("\x01\x00", 2), ZL_REASON_zmtp_1_peer);
	assert_int_equal(refused_greeting("\x05\x00titi", 6), ZL_REASON_zmtp_1_peer);
	assert_int_equal(refused_greeting("\xff\0\0\0\0\0\0\0\x05\0", 10), ZL_REASON_zmtp_1_peer);
	greeting_of(g, 1, 8, "NULL");
	assert_int_equal(refused_greeting(g, 12), ZL_REASON_zmtp_2_peer);
	greeting_of(g, 0, 0, "NULL");
	assert_int_equal(refused_greeting(g, 64), ZL_REASON_zmtp_2_peer);
	assert_int_equal(refused_greeting("GET / HTTP", 10), ZL_REASON_not_zmtp);
	assert_int_equal(refused_greeting("\xff\0\0\0\0\0\0\0\x01\x7d", 10), ZL_REASON_not_zmtp);
}

static void test_later_versions_are_spoken_to_in_3_1(void **state)
{
	struct zl_handshake h = started(ZL_XPUB);
	uint8_t g[64];

	(void)state;
	greeting_of(g, 4, 0, "NULL");
	assert_int_equal(zl_handshake_greeting(&h, g, 64), ZL_HANDSHAKE_MORE);
	assert_int_equal(h.zmtp_minor, 1);
}

static void test_mechanisms_must_be_well_formed_and_the_same(void **state)
{
	uint8_t g[64];

	(void)state;
	greeting_of(g, 3, 1, "CURVE");
	assert_int_equal(refused_greeting(g, 64), ZL_REASON_mechanism_mismatch);
	greeting_of(g, 3, 1, "NULLX");
	assert_int_equal(refused_greeting(g, 64), ZL_REASON_mechanism_mismatch);
	greeting_of(g, 3, 1, "");
	assert_int_equal(refused_greeting(g, 64), ZL_REASON_bad_greeting);
	greeting_of(g, 3, 1, "null");
	assert_int_equal(refused_greeting(g, 64), ZL_REASON_bad_greeting);
	greeting_of(g, 3, 1, "NULL");
	g[20] = 'X'; /* after the padding began */
	assert_int_equal(refused_greeting(g, 64), ZL_REASON_bad_greeting);
	greeting_of(g, 3, 1, "NULL");
	g[32] = 2;
	assert_int_equal(refused_greeting(g, 64), ZL_REASON_bad_greeting);
	uint8_t more[65] = {0};
	memcpy(more, g, 64);
	assert_int_equal(refused_greeting(more, 65), ZL_REASON_bad_greeting);
}

#define READY(props) "\x05READY" props, sizeof("\x05READY" props) - 1
#define TYPE(n, t)   "\x0bSocket-Type\0\0\0" n t

static void test_ready_makes_a_peer_of_type_and_identity(void **state)
{
	struct zl_handshake h = greeted(ZL_XPUB);

	(void)state;
	assert_int_equal(zl_handshake_command(&h, (const uint8_t *)READY(TYPE(
							  "\x03", "SUB") "\x08"
									 "Identity\0\0\0\x02me"
									 "\x08Resource\0\0\0\0"
									 "\x03X-a\0\0\0\x01\xff")),
			 ZL_HANDSHAKE_READY);
	assert_int_equal(h.peer_type, ZL_SUB);
	assert_int_equal(h.identity_bytes, 2);
	assert_memory_equal(h.identity, "me", 2);
	h = greeted(ZL_XSUB);
	assert_int_equal(zl_handshake_command(&h, (const uint8_t *)READY("\x0bsocket-TYPE\0\0\0\x03"
									 "PUB")),
			 ZL_HANDSHAKE_READY);
}

static void refused(const char *body, size_t n, enum zl_reason reason)
{
	struct zl_handshake h = greeted(ZL_XPUB);
	uint8_t *copy = malloc(n ? n : 1);

	memcpy(copy, body, n);
	assert_int_equal(zl_handshake_command(&h, copy, n), ZL_HANDSHAKE_REFUSED);
	free(copy);
	assert_string_equal(zl_reason_name[h.reason], zl_reason_name[reason]);
	if (reason == ZL_REASON_peer_error) {
		assert_int_equal(h.output_bytes, 0);
		return;
	}
	size_t text = strlen(zl_reason_text[reason]);
	assert_int_equal(h.output_bytes, 2 + 6 + 1 + text);
	assert_int_equal(h.output[0], 0x04);
	assert_int_equal(h.output[1], 6 + 1 + text);
	assert_memory_equal(h.output + 2,
			    "\x05"
			    "ERROR",
			    6);
	assert_int_equal(h.output[8], text);
	assert_memory_equal(h.output + 9, zl_reason_text[reason], text);
}

static void test_flawed_commands_are_refused_by_an_error(void **state)
{
	(void)state;
	refused("", 0, ZL_REASON_bad_command);
	refused("\0", 1, ZL_REASON_bad_command);
	refused("\x06READY", 6, ZL_REASON_bad_command);
	refused("\x05RE DY", 6, ZL_REASON_bad_command);
	refused("\x05HELLO", 6, ZL_REASON_unexpected_command);
	refused("\x09SUBSCRIBE", 10, ZL_REASON_unexpected_command);
	refused(READY(""), ZL_REASON_no_socket_type);
	refused(READY("\x08Identity\0\0\0\0"), ZL_REASON_no_socket_type);
	refused(READY(TYPE("\x03", "BUS")), ZL_REASON_no_socket_type);
	refused(READY(TYPE("\x03", "sub")), ZL_REASON_no_socket_type);
	refused(READY(TYPE("\x03", "PUB")), ZL_REASON_socket_type_mismatch);
	refused(READY(TYPE("\x04", "SUB")), ZL_REASON_bad_property);
	refused(READY(TYPE("\x03", "SUB") TYPE("\x03", "SUB")), ZL_REASON_bad_property);
	refused(READY("\0\0\0\0\0"), ZL_REASON_bad_property);
	refused(READY("\x01 \0\0\0\0"), ZL_REASON_bad_property);
	refused(READY("\x01"
		      "A\xff\xff\xff\xff"),
		ZL_REASON_bad_property);
	refused(READY("\x05"
		      "AB"),
		ZL_REASON_bad_property);
	refused("\x05"
		"ERROR\x02no",
		9, ZL_REASON_peer_error);
	refused("\x05"
		"ERROR\x03no",
		9, ZL_REASON_bad_command);
	refused("\x05"
		"ERROR",
		6, ZL_REASON_bad_command);
}

static void test_an_identity_has_at_most_255_bytes(void **state)
{
	static uint8_t body[400];
	size_t at = sizeof("\x05READY\x08Identity") - 1;

	(void)state;
	memcpy(body, "\x05READY\x08Identity", at);
	body[at + 2] = 1;
	refused((char *)body, at + 4 + 256, ZL_REASON_identity_too_long);
	struct zl_handshake h = greeted(ZL_XPUB);
	body[at + 2] = 0;
	body[at + 3] = 255;
	memcpy(body + at + 4 + 255, TYPE("\x03", "SUB"), sizeof(TYPE("\x03", "SUB")) - 1);
	assert_int_equal(
		zl_handshake_command(&h, body, at + 4 + 255 + sizeof(TYPE("\x03", "SUB")) - 1),
		ZL_HANDSHAKE_READY);
	assert_int_equal(h.identity_bytes, 255);
}

static void test_a_ready_cut_anywhere_is_refused_or_whole(void **state)
{
	static const char whole[] = "\x05READY" TYPE("\x03", "SUB") "\x08Identity\0\0\0\x02me";
	const size_t typed = sizeof("\x05READY" TYPE("\x03", "SUB")) - 1;

	(void)state;
	for (size_t n = 0; n <= sizeof(whole) - 1; n++) {
		struct zl_handshake h = greeted(ZL_XPUB);
		uint8_t *copy = malloc(n ? n : 1);
		memcpy(copy, whole, n);
		assert_int_equal(zl_handshake_command(&h, copy, n) == ZL_HANDSHAKE_READY,
				 n == typed || n == sizeof(whole) - 1);
		free(copy);
	}
}

static void test_random_handshakes_never_lead_outside(void **state)
{
	uint64_t seed = 1234567;

	(void)state;
	for (unsigned round = 0; round < 100000; round++) {
		struct zl_handshake h = greeted(ZL_XPUB);
		uint8_t body[64] = "\x05READY" TYPE("\x03", "SUB") "\x08Identity\0\0\0\x02me";
		seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
		size_t n = 20 + (seed >> 40) % 25;
		body[(seed >> 8) % 44] = (uint8_t)(seed >> 24);
		body[(seed >> 16) % 44] = (uint8_t)(seed >> 32);
		uint8_t *copy = malloc(n);
		memcpy(copy, body, n);
		zl_handshake_command(&h, copy, n);
		free(copy);
	}
}

static void test_socket_types_match_both_ways(void **state)
{
	(void)state;
	for (unsigned a = 0; a < ZL_SOCKET_TYPES; a++)
		for (unsigned b = 0; b < ZL_SOCKET_TYPES; b++)
			assert_int_equal(zl_socket_types_match(a, b), zl_socket_types_match(b, a));
	assert_true(zl_socket_types_match(ZL_XSUB, ZL_PUB));
	assert_true(zl_socket_types_match(ZL_XSUB, ZL_XPUB));
	assert_true(zl_socket_types_match(ZL_XPUB, ZL_SUB));
	assert_true(zl_socket_types_match(ZL_XPUB, ZL_XSUB));
	assert_false(zl_socket_types_match(ZL_XSUB, ZL_SUB));
	assert_false(zl_socket_types_match(ZL_XPUB, ZL_PUB));
	assert_false(zl_socket_types_match(ZL_STREAM, ZL_STREAM));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_our_greeting_is_zmtp_3_1_null),
		cmocka_unit_test(test_our_ready_follows_the_peers_greeting),
		cmocka_unit_test(test_greetings_cut_anywhere_are_the_same),
		cmocka_unit_test(test_old_and_foreign_peers_are_told_apart),
		cmocka_unit_test(test_later_versions_are_spoken_to_in_3_1),
		cmocka_unit_test(test_mechanisms_must_be_well_formed_and_the_same),
		cmocka_unit_test(test_ready_makes_a_peer_of_type_and_identity),
		cmocka_unit_test(test_flawed_commands_are_refused_by_an_error),
		cmocka_unit_test(test_an_identity_has_at_most_255_bytes),
		cmocka_unit_test(test_a_ready_cut_anywhere_is_refused_or_whole),
		cmocka_unit_test(test_random_handshakes_never_lead_outside),
		cmocka_unit_test(test_socket_types_match_both_ways),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
