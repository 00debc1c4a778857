/* ZAP as bytes (RFC 27): what a handler is told of each mechanism's peer, each flaw that its reply
 * can have, and what a handshake does with its word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "control/handshake/zap.h"

#define ID   0x1122334455667788
#define ID_S "1122334455667788"

static struct zl_security security(enum zl_mechanism_kind mechanism)
{
	return (struct zl_security){
		.mechanism = mechanism, .server = true, .zap = true, .zap_at = {.domain = "lab"}};
}

/* A XPUB that binds, and has heard the peer's greeting: the last verdict. */
static enum zl_verdict greet(struct zl_handshake *h, const struct zl_security *s, const char *name)
{
	uint8_t g[64] = {0xff, [8] = 1, [9] = 0x7f, [10] = 3, [11] = 1};
	enum zl_verdict verdict;

	memcpy(g + 12, name, strlen(name));
	zl_handshake_start(h, ZL_XPUB, true, NULL, s);
	verdict = zl_handshake_greeting(h, g, 64);
	h->output_bytes = 0;
	return verdict;
}

#define TOLD(h, text) told(h, text, sizeof(text) - 1)
static void told(const struct zl_handshake *h, const char *text, size_t n)
{
	uint8_t bytes[ZL_ZAP_REQUEST_MAX];

	assert_int_equal(zl_zap_write(bytes, h, ID, "10.0.0.2"), n);
	assert_memory_equal(bytes, text, n);
}

#define SAID(h, text) said(h, text, sizeof(text) - 1)
static void said(struct zl_handshake *h, const char *text, size_t n)
{
	assert_int_equal(h->output_bytes, n);
	assert_memory_equal(h->output, text, n);
	h->output_bytes = 0;
}

#define HEARS(h, text) zl_handshake_command(h, (const uint8_t *)text, sizeof(text) - 1)
#define SUB            "\x0bSocket-Type\0\0\0\x03SUB"
#define XPUB           "\x0bSocket-Type\0\0\0\x04XPUB"

static const struct zl_zap_answer yes = {.status = 200, .user = "alice"};

/* --- requests --- */

#define FRONT                                                                                      \
	"\1\0\1\3"                                                                                 \
	"1.0\1\x10" ID_S "\1\3lab\1\10"                                                            \
	"10.0.0.2\1\0"

static void test_a_handler_is_told_what_each_mechanism_shows(void **state)
{
	const struct zl_security null = security(ZL_MECHANISM_NULL),
				 plain = security(ZL_MECHANISM_PLAIN);
	struct zl_handshake h;

	(void)state;
	assert_int_equal(greet(&h, &null, "NULL"), ZL_HANDSHAKE_ASK);
	TOLD(&h, FRONT "\0\4NULL");
	assert_int_equal(greet(&h, &plain, "PLAIN"), ZL_HANDSHAKE_MORE);
	assert_int_equal(HEARS(&h, "\5HELLO\5alice\3abc"), ZL_HANDSHAKE_ASK);
	SAID(&h, "");
	TOLD(&h, FRONT "\1\5PLAIN\1\5alice\0\3abc");
}

static void test_the_longest_request_has_room(void **state)
{
	struct zl_security plain = security(ZL_MECHANISM_PLAIN);
	uint8_t hello[6 + 2 * 256] = "\5HELLO", bytes[ZL_ZAP_REQUEST_MAX];
	struct zl_handshake h;

	(void)state;
	memset(plain.zap_at.domain, 'd', ZL_DOMAIN_MAX);
	memset(hello + 6, 0xff, 2 * 256);
	greet(&h, &plain, "PLAIN");
	assert_int_equal(zl_handshake_command(&h, hello, sizeof(hello)), ZL_HANDSHAKE_ASK);
	h.identity_bytes = 255;
	assert_int_equal(zl_zap_write(bytes, &h, ID, "10.0.0.2"),
			 2 + 5 + 18 + 257 + 10 + 257 + 7 + 257 + 257);
}

/* --- replies --- */

static enum zl_reason reads(const char *const *part, unsigned n, struct zl_zap_answer *answer)
{
	struct zl_zap_message m = {0};

	for (unsigned i = 0; i < n; i++)
		zl_zap_add_part(&m, (const uint8_t *)part[i], strlen(part[i]));
	return zl_zap_read(&m, answer);
}

#define LONG_64 "0123456789012345678901234567890123456789012345678901234567890123"

static const struct {
	const char *part[9];
	enum zl_reason reason;
} flawed[] = {
	{{""}, ZL_REASON_zap_malformed},
	{{"", "1.0", ID_S, "200", "OK", "alice"}, ZL_REASON_zap_malformed},
	{{"", "1.0", ID_S, "200", "OK", "alice", "", ""}, ZL_REASON_zap_malformed},
	{{"x", "1.0", ID_S, "200", "OK", "alice", ""}, ZL_REASON_zap_malformed},
	{{"", "1.1", ID_S, "200", "OK", "alice", ""}, ZL_REASON_zap_version},
	{{"", "1.00", ID_S, "200", "OK", "alice", ""}, ZL_REASON_zap_version},
	{{"", "", ID_S, "200", "OK", "alice", ""}, ZL_REASON_zap_version},
	{{"", "1.0", ID_S, "201", "OK", "alice", ""}, ZL_REASON_zap_status},
	{{"", "1.0", ID_S, "600", "OK", "alice", ""}, ZL_REASON_zap_status},
	{{"", "1.0", ID_S, "2000", "OK", "alice", ""}, ZL_REASON_zap_status},
	{{"", "1.0", ID_S, "", "OK", "alice", ""}, ZL_REASON_zap_status},
	{{"", "1.0", ID_S, "200", "", LONG_64 LONG_64 LONG_64 LONG_64, ""}, ZL_REASON_zap_user},
	{{"", "1.0", ID_S, "200", "OK", "alice", "x"}, ZL_REASON_zap_metadata},
	{{"", "1.0", ID_S, "200", "OK", "alice", "\1a\1\1\1\2x"}, ZL_REASON_zap_metadata},
	{{"", "1.0", ID_S, "400", "no", "", "\1"}, ZL_REASON_zap_metadata},
};

static void test_every_flaw_of_a_reply_has_its_name(void **state)
{
	struct zl_zap_answer answer;

	(void)state;
	for (size_t i = 0; i < sizeof(flawed) / sizeof(flawed[0]); i++) {
		unsigned n = 0;

		while (n < 9 && flawed[i].part[n])
			n++;
		if (reads(flawed[i].part, n, &answer) != flawed[i].reason)
			fail_msg("reply %zu", i);
	}
}

static void test_a_user_with_a_zero_in_it_is_no_other_user(void **state)
{
	static const char *const part[] = {"", "1.0", ID_S, "200", "OK"};
	struct zl_zap_message m = {0};
	struct zl_zap_answer answer;

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		zl_zap_add_part(&m, (const uint8_t *)part[i], strlen(part[i]));
	zl_zap_add_part(&m, (const uint8_t *)"alice\0x", 7);
	zl_zap_add_part(&m, (const uint8_t *)"", 0);
	assert_int_equal(zl_zap_read(&m, &answer), ZL_REASON_zap_user);
}

static void test_a_reply_too_long_is_refused_under_its_own_id(void **state)
{
	static const uint8_t much[ZL_ZAP_REPLY_MAX];
	static const char *const part[] = {"", "1.0", ID_S, "200"};
	struct zl_zap_message m = {0};
	struct zl_zap_answer answer;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		zl_zap_add_part(&m, (const uint8_t *)part[i], strlen(part[i]));
	for (unsigned i = 0; i < 3; i++)
		zl_zap_add_part(&m, much, sizeof(much));
	assert_true(zl_zap_id(&m) == ID);
	assert_int_equal(zl_zap_read(&m, &answer), ZL_REASON_zap_malformed);
}

static void test_only_what_we_may_have_said_is_an_id(void **state)
{
	static const char *const others[] = {"",
					     "1",
					     "112233445566778",
					     "11223344556677889",
					     "112233445566778G",
					     "112233445566778F",
					     " 12233445566778",
					     "-122334455667788"};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct zl_zap_message m = {0};

		zl_zap_add_part(&m, (const uint8_t *)"", 0);
		zl_zap_add_part(&m, (const uint8_t *)"1.0", 3);
		assert_true(zl_zap_id(&m) == 0);
		zl_zap_add_part(&m, (const uint8_t *)others[i], strlen(others[i]));
		assert_true(zl_zap_id(&m) == 0);
	}
}

static void test_each_status_comes_with_its_user(void **state)
{
	static const char *const status[] = {"200", "300", "400", "500"};
	struct zl_zap_answer answer;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		const char *part[] = {"", "1.0", ID_S, status[i], "text", "alice", "\1a"};
		struct zl_zap_message m = {0};

		for (unsigned j = 0; j < 6; j++)
			zl_zap_add_part(&m, (const uint8_t *)part[j], strlen(part[j]));
		zl_zap_add_part(&m, (const uint8_t *)"\1a\0\0\0\2xy", 8);
		assert_int_equal(zl_zap_read(&m, &answer), ZL_REASONS);
		assert_int_equal(answer.status, 200 + 100 * i);
		assert_string_equal(answer.user, "alice");
		assert_int_equal(answer.properties.bytes, 8);
		assert_memory_equal(answer.properties.data, "\1a\0\0\0\2xy", 8);
	}
}

/* --- a handshake's answer --- */

static void test_null_holds_its_ready_until_the_answer(void **state)
{
	const struct zl_security null = security(ZL_MECHANISM_NULL);
	struct zl_handshake h;

	(void)state;
	greet(&h, &null, "NULL");
	assert_int_equal(zl_handshake_answer(&h, &yes), ZL_HANDSHAKE_MORE);
	SAID(&h, "\4\x1a\5READY" XPUB);
	assert_int_equal(HEARS(&h, "\5READY" SUB), ZL_HANDSHAKE_READY);
	assert_string_equal(h.user, "alice");

	greet(&h, &null, "NULL");
	assert_int_equal(HEARS(&h, "\5READY" SUB), ZL_HANDSHAKE_MORE);
	SAID(&h, "");
	assert_int_equal(zl_handshake_answer(&h, &yes), ZL_HANDSHAKE_READY);
	SAID(&h, "\4\x1a\5READY" XPUB);
	assert_int_equal(h.peer_type, ZL_SUB);

	greet(&h, &null, "NULL");
	HEARS(&h, "\5READY" SUB);
	assert_int_equal(HEARS(&h, "\5READY" SUB), ZL_HANDSHAKE_REFUSED);
	assert_int_equal(h.reason, ZL_REASON_unexpected_command);
}

static void test_plain_says_welcome_when_it_is_let_in(void **state)
{
	const struct zl_security plain = security(ZL_MECHANISM_PLAIN);
	struct zl_zap_answer known = yes;
	struct zl_handshake h;

	(void)state;
	known.properties.bytes = 8;
	memcpy(known.properties.data, "\1a\0\0\0\2xy", 8);
	greet(&h, &plain, "PLAIN");
	HEARS(&h, "\5HELLO\5alice\3abc");
	assert_int_equal(zl_handshake_answer(&h, &known), ZL_HANDSHAKE_MORE);
	SAID(&h, "\4\10\7WELCOME");
	assert_true(sodium_is_zero((const uint8_t *)h.credential, sizeof(h.credential)));
	assert_int_equal(HEARS(&h, "\10INITIATE" SUB "\1b\0\0\0\1z"), ZL_HANDSHAKE_READY);
	assert_string_equal(h.user, "alice");
	assert_int_equal(h.properties.bytes, 15);
	assert_memory_equal(h.properties.data, "\1a\0\0\0\2xy\1b\0\0\0\1z", 15);
}

static void test_who_does_not_wait_for_the_answer_is_refused(void **state)
{
	const struct zl_security plain = security(ZL_MECHANISM_PLAIN);
	struct zl_handshake h;

	(void)state;
	greet(&h, &plain, "PLAIN");
	HEARS(&h, "\5HELLO\5alice\3abc");
	assert_int_equal(HEARS(&h, "\5HELLO\5alice\3abd"), ZL_HANDSHAKE_REFUSED);
	assert_int_equal(h.reason, ZL_REASON_unexpected_command);
}

static void test_a_refusal_is_told_by_its_status_unless_it_is_temporary(void **state)
{
	static const struct {
		unsigned status;
		enum zl_reason reason;
		const char *said;
		size_t n;
	} table[] = {
		{300, ZL_REASON_zap_temporary, "", 0},
		{400, ZL_REASON_zap_denied,
		 "\4\12\5ERROR\3"
		 "400",
		 12},
		{500, ZL_REASON_zap_error,
		 "\4\12\5ERROR\3"
		 "500",
		 12},
	};
	const struct zl_security null = security(ZL_MECHANISM_NULL);

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		const struct zl_zap_answer no = {.status = table[i].status, .user = "alice"};
		struct zl_handshake h;

		greet(&h, &null, "NULL");
		assert_int_equal(zl_handshake_answer(&h, &no), ZL_HANDSHAKE_REFUSED);
		assert_int_equal(h.reason, table[i].reason);
		assert_string_equal(h.user, "");
		said(&h, table[i].said, table[i].n);
	}
}

/* RFC 37: they have no way to be asked. */
static void test_old_peers_do_not_come_in_unasked(void **state)
{
	const struct zl_security null = security(ZL_MECHANISM_NULL);
	struct zl_handshake h;

	(void)state;
	zl_handshake_start(&h, ZL_XPUB, true, NULL, &null);
	assert_int_equal(zl_handshake_greeting(&h, (const uint8_t *)"\1\0", 2),
			 ZL_HANDSHAKE_REFUSED);
	assert_int_equal(h.reason, ZL_REASON_mechanism_mismatch);
}

/* --- CURVE --- */

static void pass(struct zl_handshake *from, struct zl_handshake *to, enum zl_verdict due)
{
	size_t head = from->output[0] & 2 ? 9 : 2;

	assert_int_equal(zl_handshake_command(to, from->output + head, from->output_bytes - head),
			 due);
	from->output_bytes = 0;
}

static void test_curve_shows_its_key_and_its_boxes_go_on_after_the_answer(void **state)
{
	struct zl_security server = security(ZL_MECHANISM_CURVE),
			   client = {.mechanism = ZL_MECHANISM_CURVE};
	uint8_t g[64] = {0xff,       [8] = 1,    [9] = 0x7f, [10] = 3,   [11] = 1,
			 [12] = 'C', [13] = 'U', [14] = 'R', [15] = 'V', [16] = 'E'};
	struct zl_handshake s, c;

	(void)state;
	crypto_box_keypair(server.public_key, server.secret_key);
	crypto_box_keypair(client.public_key, client.secret_key);
	memcpy(client.server_key, server.public_key, ZL_KEY_BYTES);
	assert_int_equal(greet(&s, &server, "CURVE"), ZL_HANDSHAKE_MORE);
	zl_handshake_start(&c, ZL_SUB, false, NULL, &client);
	zl_handshake_greeting(&c, g, 63);
	c.output_bytes = 0;
	zl_handshake_greeting(&c, g + 63, 1);
	pass(&c, &s, ZL_HANDSHAKE_MORE);
	pass(&s, &c, ZL_HANDSHAKE_MORE);
	pass(&c, &s, ZL_HANDSHAKE_ASK);
	SAID(&s, "");
	assert_int_equal(s.credentials, 1);
	assert_int_equal(s.credential[0].bytes, ZL_KEY_BYTES);
	assert_memory_equal(s.credential[0].data, client.public_key, ZL_KEY_BYTES);
	assert_int_equal(zl_handshake_answer(&s, &yes), ZL_HANDSHAKE_READY);
	assert_string_equal(s.user, "alice");
	pass(&s, &c, ZL_HANDSHAKE_READY);
	assert_memory_equal(s.boxes.key, c.boxes.key, ZL_IPC_KEY_BYTES);
	assert_int_equal(s.boxes.sent, c.boxes.received);
	assert_int_equal(c.boxes.sent, s.boxes.received);
}

static int set_up(void **state)
{
	(void)state;
	return sodium_init() < 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_handler_is_told_what_each_mechanism_shows),
		cmocka_unit_test(test_the_longest_request_has_room),
		cmocka_unit_test(test_every_flaw_of_a_reply_has_its_name),
		cmocka_unit_test(test_a_user_with_a_zero_in_it_is_no_other_user),
		cmocka_unit_test(test_a_reply_too_long_is_refused_under_its_own_id),
		cmocka_unit_test(test_only_what_we_may_have_said_is_an_id),
		cmocka_unit_test(test_each_status_comes_with_its_user),
		cmocka_unit_test(test_null_holds_its_ready_until_the_answer),
		cmocka_unit_test(test_plain_says_welcome_when_it_is_let_in),
		cmocka_unit_test(test_who_does_not_wait_for_the_answer_is_refused),
		cmocka_unit_test(test_a_refusal_is_told_by_its_status_unless_it_is_temporary),
		cmocka_unit_test(test_old_peers_do_not_come_in_unasked),
		cmocka_unit_test(test_curve_shows_its_key_and_its_boxes_go_on_after_the_answer),
	};

	return cmocka_run_group_tests_name("zap", tests, set_up, NULL);
}
