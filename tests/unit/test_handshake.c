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

	zl_handshake_start(&h, type, true, NULL, NULL);
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

/* What has been said since the last look. */
static void expect_said(struct zl_handshake *h, const void *bytes, size_t n)
{
	assert_int_equal(h->output_bytes, n);
	if (n)
		assert_memory_equal(h->output, bytes, n);
	h->output_bytes = 0;
}

static void test_our_greeting_follows_the_peers_piece_by_piece(void **state)
{
	static const uint8_t ready[] = "\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04XPUB";
	uint8_t ours[64], theirs[64], last[53 + sizeof(ready) - 1];
	struct zl_handshake h;

	(void)state;
	greeting_of(ours, 3, 1, "NULL");
	greeting_of(theirs, 3, 0, "NULL");
	zl_handshake_start(&h, ZL_XPUB, true, NULL, NULL);
	expect_said(&h, ours, 10);
	assert_int_equal(zl_handshake_greeting(&h, theirs, 9), ZL_HANDSHAKE_MORE);
	expect_said(&h, NULL, 0);
	assert_int_equal(zl_handshake_greeting(&h, theirs + 9, 1), ZL_HANDSHAKE_MORE);
	expect_said(&h, ours + 10, 1);
	assert_int_equal(zl_handshake_greeting(&h, theirs + 10, 1), ZL_HANDSHAKE_MORE);
	expect_said(&h, ours + 11, 53);
	assert_int_equal(zl_handshake_greeting(&h, theirs + 11, 53), ZL_HANDSHAKE_MORE);
	expect_said(&h, ready, sizeof(ready) - 1);
	assert_int_equal(h.zmtp, ZL_ZMTP_V3_0);

	zl_handshake_start(&h, ZL_XPUB, true, NULL, NULL);
	h.output_bytes = 0;
	assert_int_equal(zl_handshake_greeting(&h, theirs, 64), ZL_HANDSHAKE_MORE);
	memcpy(last, ours + 11, 53);
	memcpy(last + 53, ready, sizeof(ready) - 1);
	assert_memory_equal(h.output, ours + 10, 1);
	assert_memory_equal(h.output + 1, last, sizeof(last));
	assert_int_equal(h.output_bytes, 1 + sizeof(last));
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
		assert_int_equal(h.zmtp, ZL_ZMTP_V3_1);
	}
}

/* What the cores say for us: as we would, as far as it is the same for every peer. */
static void test_the_opening_is_what_every_peer_is_told(void **state)
{
	static const char ready[] = "\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04XPUB";
	static const struct zl_security server = {.mechanism = ZL_MECHANISM_PLAIN, .server = true},
					client = {.mechanism = ZL_MECHANISM_PLAIN};
	const struct zl_ipc_options raw = {.router_raw = 1};
	struct zl_ipc_endpoint_set m = {0};
	uint8_t ours[64];

	(void)state;
	greeting_of(ours, 3, 1, "NULL");
	zl_handshake_opening(&m, ZL_XPUB, NULL, NULL);
	assert_int_equal(m.bytes, 64 + sizeof(ready) - 1);
	assert_memory_equal(m.opening, ours, 64);
	assert_memory_equal(m.opening + 64, ready, sizeof(ready) - 1);
	assert_int_equal(m.at_greeting, 0);
	greeting_of(ours, 3, 1, "PLAIN");
	ours[32] = 1;
	zl_handshake_opening(&m, ZL_XPUB, NULL, &server);
	assert_int_equal(m.bytes, 64);
	assert_memory_equal(m.opening, ours, 64);
	assert_int_equal(m.at_greeting, 0);
	zl_handshake_opening(&m, ZL_XPUB, NULL, &client);
	assert_int_equal(m.bytes, 0);
	zl_handshake_opening(&m, ZL_STREAM, NULL, NULL);
	assert_int_equal(m.bytes, 0);
	zl_handshake_opening(&m, ZL_ROUTER, &raw, NULL);
	assert_int_equal(m.bytes, 0);
}

static enum zl_reason refused_by(enum zl_socket_type type, const void *bytes, size_t n)
{
	struct zl_handshake h = started(type);

	assert_int_equal(zl_handshake_greeting(&h, bytes, n), ZL_HANDSHAKE_REFUSED);
	/* Nobody would hear an ERROR before the greeting is over; and no old peer ever. */
	for (unsigned i = 0; i + 5 <= h.output_bytes; i++)
		assert_memory_not_equal(h.output + i, "ERROR", 5);
	return h.reason;
}

static enum zl_reason refused_greeting(const void *bytes, size_t n)
{
	return refused_by(ZL_XPUB, bytes, n);
}

#define SIGNATURE "\xff\0\0\0\0\0\0\0\1\x7f"
#define OLD(text) text, sizeof(text) - 1

static void test_foreign_and_malformed_old_greetings_are_refused(void **state)
{
	static const uint8_t huge[10] = {0xff, [7] = 1, [8] = 1};

	(void)state;
	assert_int_equal(refused_greeting(OLD("GET / HTTP")), ZL_REASON_not_zmtp);
	assert_int_equal(refused_greeting(OLD("\0")), ZL_REASON_not_zmtp);
	assert_int_equal(refused_greeting(OLD("\xff\0\0\0\0\0\0\0\x01\x7d")), ZL_REASON_not_zmtp);
	assert_int_equal(refused_greeting(OLD("\xff\0\0\0\0\0\0\0\0\0")), ZL_REASON_bad_greeting);
	assert_int_equal(refused_greeting(huge, sizeof(huge)), ZL_REASON_identity_too_long);
	assert_int_equal(refused_greeting(OLD("\x03\0ab+")), ZL_REASON_bad_greeting);
	assert_int_equal(refused_greeting(OLD(SIGNATURE "\0\2\0\0")), ZL_REASON_bad_greeting);
	assert_int_equal(refused_greeting(OLD(SIGNATURE "\1\2\1\0")), ZL_REASON_bad_greeting);
	assert_int_equal(refused_greeting(OLD(SIGNATURE "\1\2\0\1ab")), ZL_REASON_bad_greeting);
	assert_int_equal(refused_greeting(OLD(SIGNATURE "\1\x1\0\0")),
			 ZL_REASON_socket_type_mismatch);
	assert_int_equal(refused_greeting(OLD(SIGNATURE "\1\xb\0\0")), ZL_REASON_no_socket_type);
	assert_int_equal(refused_by(ZL_SERVER, OLD("\1\0")), ZL_REASON_too_old);
	assert_int_equal(refused_by(ZL_RADIO, OLD(SIGNATURE "\1")), ZL_REASON_too_old);
}

/* RFC 37: 1.0 and 2.0 know no security, and must be closed at once where there is to be some. */
static void test_old_peers_are_refused_where_there_is_security(void **state)
{
	static const struct zl_security plain = {.mechanism = ZL_MECHANISM_PLAIN, .server = true};
	struct zl_handshake h;

	(void)state;
	zl_handshake_start(&h, ZL_XPUB, true, NULL, &plain);
	assert_int_equal(zl_handshake_greeting(&h, (const uint8_t *)"\5", 1), ZL_HANDSHAKE_REFUSED);
	assert_int_equal(h.reason, ZL_REASON_mechanism_mismatch);
	zl_handshake_start(&h, ZL_XPUB, true, NULL, &plain);
	assert_int_equal(zl_handshake_greeting(&h, (const uint8_t *)SIGNATURE "\1", 11),
			 ZL_HANDSHAKE_REFUSED);
	assert_int_equal(h.reason, ZL_REASON_mechanism_mismatch);
}

/* A byte at a time; `said` is all that comes of it after the signature, and READY with the last. */
static struct zl_handshake old_peer(enum zl_socket_type ours, const void *bytes, size_t n,
				    const void *said, size_t said_bytes)
{
	struct zl_handshake h = started(ours);

	for (size_t i = 0; i < n; i++)
		assert_int_equal(zl_handshake_greeting(&h, (const uint8_t *)bytes + i, 1),
				 i + 1 < n ? ZL_HANDSHAKE_MORE : ZL_HANDSHAKE_READY);
	expect_said(&h, said, said_bytes);
	return h;
}

static void test_zmtp_1_peers_are_known_by_their_identity_and_taken_at_their_word(void **state)
{
	static uint8_t longest[10 + 255] = {0xff, [7] = 1, [10] = 'x', [264] = 'y'};
	struct zl_handshake h = old_peer(ZL_XPUB, OLD("\1\0"), NULL, 0);

	(void)state;
	assert_int_equal(h.zmtp, ZL_ZMTP_V1_0);
	assert_int_equal(h.peer_type, ZL_SUB);
	assert_int_equal(h.identity_bytes, 0);
	h = old_peer(ZL_ROUTER, OLD("\5\0titi"), NULL, 0);
	assert_int_equal(h.peer_type, ZL_DEALER);
	assert_int_equal(h.identity_bytes, 4);
	assert_memory_equal(h.identity, "titi", 4);
	h = old_peer(ZL_PULL, longest, sizeof(longest), NULL, 0);
	assert_int_equal(h.peer_type, ZL_PUSH);
	assert_int_equal(h.identity_bytes, 255);
	assert_memory_equal(h.identity, longest + 10, 255);
	/* an even flags octet is not looked at further in the long form */
	h = old_peer(ZL_XSUB, OLD("\xff\0\0\0\0\0\0\0\2\x40z"), NULL, 0);
	assert_int_equal(h.peer_type, ZL_PUB);
}

static void test_zmtp_2_peers_are_told_our_type_when_they_have_said_their_version(void **state)
{
	struct zl_handshake h;

	(void)state;
	/* XPUB is PUB, XSUB is SUB, for them (RFC 15) */
	h = old_peer(ZL_XPUB, OLD(SIGNATURE "\1\2\0\0"), OLD("\3\1\0\0"));
	assert_int_equal(h.zmtp, ZL_ZMTP_V2_0);
	assert_int_equal(h.peer_type, ZL_SUB);
	h = old_peer(ZL_XSUB, OLD(SIGNATURE "\2\1\0\0"), OLD("\3\2\0\0"));
	assert_int_equal(h.peer_type, ZL_PUB);
	h = old_peer(ZL_XSUB, OLD(SIGNATURE "\1\x9\0\0"), OLD("\3\2\0\0"));
	assert_int_equal(h.peer_type, ZL_XPUB);
	h = old_peer(ZL_ROUTER, OLD(SIGNATURE "\1\3\0\2me"), OLD("\3\6\0\0"));
	assert_int_equal(h.peer_type, ZL_REQ);
	assert_int_equal(h.identity_bytes, 2);
	assert_memory_equal(h.identity, "me", 2);
	/* it may wait for our type before it says its own */
	h = started(ZL_PULL);
	assert_int_equal(zl_handshake_greeting(&h, (const uint8_t *)SIGNATURE "\1", 11),
			 ZL_HANDSHAKE_MORE);
	expect_said(&h, "\3\7\0\0", 4);
}

static enum zl_verdict hears(struct zl_handshake *h, const void *bytes, size_t n)
{
	return zl_handshake_greeting(h, bytes, n);
}

/* RFC 13: a length that counts the flags, flags, the identity; RFC 15: after the type. */
static void test_old_peers_are_told_our_identity(void **state)
{
	static struct zl_ipc_options options = {.routing_id = {.len = 3, .data = "box"}};
	static struct zl_ipc_options longest = {.routing_id = {.len = 255}};
	struct zl_handshake h;

	(void)state;
	zl_handshake_start(&h, ZL_DEALER, true, &options, NULL);
	expect_said(&h, OLD("\xff\0\0\0\0\0\0\0\4\x7f"));
	assert_int_equal(hears(&h, OLD("\1\0")), ZL_HANDSHAKE_READY);
	expect_said(&h, OLD("box"));
	zl_handshake_start(&h, ZL_DEALER, true, &options, NULL);
	expect_said(&h, OLD("\xff\0\0\0\0\0\0\0\4\x7f"));
	assert_int_equal(hears(&h, OLD(SIGNATURE "\1")), ZL_HANDSHAKE_MORE);
	expect_said(&h, OLD("\3\5\0\3box"));
	assert_int_equal(hears(&h, OLD("\6\0\0")), ZL_HANDSHAKE_READY);
	expect_said(&h, NULL, 0);
	memset(longest.routing_id.data, 'i', 255);
	zl_handshake_start(&h, ZL_DEALER, true, &longest, NULL);
	expect_said(&h, OLD("\xff\0\0\0\0\0\0\1\0\x7f"));
	assert_int_equal(hears(&h, OLD("\1\0")), ZL_HANDSHAKE_READY);
	expect_said(&h, longest.routing_id.data, 255);
}

static void test_later_versions_are_spoken_to_in_3_1(void **state)
{
	struct zl_handshake h = started(ZL_XPUB);
	uint8_t g[64];

	(void)state;
	greeting_of(g, 4, 0, "NULL");
	assert_int_equal(zl_handshake_greeting(&h, g, 64), ZL_HANDSHAKE_MORE);
	assert_int_equal(h.zmtp, ZL_ZMTP_V3_1);
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

/* Nothing is said, and nothing is waited for. */
static void test_who_speaks_no_zmtp_is_ready_at_once(void **state)
{
	struct zl_ipc_options options;
	struct zl_handshake h;

	(void)state;
	zl_options_default(&options);
	assert_int_equal(zl_handshake_start(&h, ZL_STREAM, true, &options, NULL),
			 ZL_HANDSHAKE_READY);
	assert_int_equal(h.zmtp, ZL_ZMTP_NONE);
	assert_int_equal(h.peer_type, ZL_STREAM);
	assert_int_equal(h.output_bytes, 0);
	assert_int_equal(zl_handshake_start(&h, ZL_ROUTER, false, &options, NULL),
			 ZL_HANDSHAKE_MORE);
	options.router_raw = 1;
	assert_int_equal(zl_handshake_start(&h, ZL_ROUTER, false, &options, NULL),
			 ZL_HANDSHAKE_READY);
	assert_int_equal(h.output_bytes, 0);
	assert_int_equal(zl_handshake_start(&h, ZL_DEALER, false, &options, NULL),
			 ZL_HANDSHAKE_MORE);
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
		cmocka_unit_test(test_our_greeting_follows_the_peers_piece_by_piece),
		cmocka_unit_test(test_greetings_cut_anywhere_are_the_same),
		cmocka_unit_test(test_the_opening_is_what_every_peer_is_told),
		cmocka_unit_test(test_foreign_and_malformed_old_greetings_are_refused),
		cmocka_unit_test(test_old_peers_are_refused_where_there_is_security),
		cmocka_unit_test(
			test_zmtp_1_peers_are_known_by_their_identity_and_taken_at_their_word),
		cmocka_unit_test(
			test_zmtp_2_peers_are_told_our_type_when_they_have_said_their_version),
		cmocka_unit_test(test_old_peers_are_told_our_identity),
		cmocka_unit_test(test_later_versions_are_spoken_to_in_3_1),
		cmocka_unit_test(test_mechanisms_must_be_well_formed_and_the_same),
		cmocka_unit_test(test_ready_makes_a_peer_of_type_and_identity),
		cmocka_unit_test(test_flawed_commands_are_refused_by_an_error),
		cmocka_unit_test(test_an_identity_has_at_most_255_bytes),
		cmocka_unit_test(test_a_ready_cut_anywhere_is_refused_or_whole),
		cmocka_unit_test(test_random_handshakes_never_lead_outside),
		cmocka_unit_test(test_who_speaks_no_zmtp_is_ready_at_once),
		cmocka_unit_test(test_socket_types_match_both_ways),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
