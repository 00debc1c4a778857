/* The handshakes of CURVE and PLAIN, client against server, command by command: what they agree on,
 * and that nothing that was altered, repeated, cut short or made with another key gets through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "control/handshake/handshake.h"

static struct zl_security *server, *client;
static char folder[64];

/* --- keys --- */

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void skipped(void *context, const char *file, const char *why)
{
	(void)file, (void)why;
	++*(unsigned *)context;
}

/* The client's key in a keyring of one. */
static struct zl_keyring *keyring_of(const uint8_t *key)
{
	char text[128], z85[ZL_Z85_KEY + 1];
	struct zl_keyring *k;
	unsigned bad = 0;

	zl_z85_encode(z85, key);
	snprintf(text, sizeof(text), "curve\n    public-key = \"%s\"\n", z85);
	write_file("alice.key", text);
	assert_int_equal(zl_keyring_open(&k, folder, skipped, &bad), 0);
	assert_int_equal(bad, 0);
	return k;
}

static int set_up(void **state)
{
	(void)state;
	assert_true(sodium_init() >= 0);
	snprintf(folder, sizeof(folder), "/tmp/zl-curve-XXXXXX");
	assert_non_null(mkdtemp(folder));
	server = zl_security_new();
	client = zl_security_new();
	server->mechanism = client->mechanism = ZL_MECHANISM_CURVE;
	server->server = true;
	crypto_box_keypair(server->public_key, server->secret_key);
	crypto_box_keypair(client->public_key, client->secret_key);
	memcpy(client->server_key, server->public_key, ZL_KEY_BYTES);
	server->keyring = keyring_of(client->public_key);
	return 0;
}

static int tear_down(void **state)
{
	char path[128];

	(void)state;
	zl_security_free(server);
	zl_security_free(client);
	snprintf(path, sizeof(path), "%s/alice.key", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/users", folder);
	unlink(path);
	rmdir(folder);
	return 0;
}

/* --- two ends --- */

struct pair {
	struct zl_handshake client, server;
};

/* A command's frame as the other end is given it: the body. */
struct command {
	uint8_t bytes[ZL_HANDSHAKE_OUTPUT];
	size_t n;
};

static struct command take(struct zl_handshake *h)
{
	struct command c;
	size_t head = h->output[0] & 2 ? 9 : 2;

	assert_true(h->output_bytes > head);
	assert_int_equal(h->output[0] & 4, 4);
	c.n = h->output_bytes - head;
	memcpy(c.bytes, h->output + head, c.n);
	h->output_bytes = 0;
	return c;
}

static enum zl_verdict give(struct zl_handshake *h, const struct command *c)
{
	return zl_handshake_command(h, c->bytes, c->n);
}

/* Greetings, both ways; the client's first command is in its output. */
static void greet(struct pair *p, const struct zl_security *ours, const struct zl_security *theirs)
{
	uint8_t g[64] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1};

	strcpy((char *)g + 12, ours->mechanism == ZL_MECHANISM_CURVE ? "CURVE" : "PLAIN");
	zl_handshake_start(&p->client, ZL_DEALER, false, NULL, ours);
	zl_handshake_start(&p->server, ZL_ROUTER, true, NULL, theirs);
	p->client.output_bytes = 0;
	assert_int_equal(zl_handshake_greeting(&p->server, g, 64), ZL_HANDSHAKE_MORE);
	p->server.output_bytes = 0;
	assert_int_equal(zl_handshake_greeting(&p->client, g, 10), ZL_HANDSHAKE_MORE);
	assert_int_equal(zl_handshake_greeting(&p->client, g + 10, 53), ZL_HANDSHAKE_MORE);
	p->client.output_bytes = 0;
	assert_int_equal(zl_handshake_greeting(&p->client, g + 63, 1), ZL_HANDSHAKE_MORE);
}

/* The first `steps` of HELLO, WELCOME, INITIATE, READY; the next is returned. */
static struct command after(struct pair *p, unsigned steps)
{
	struct command c;

	greet(p, client, server);
	for (unsigned i = 0;; i++) {
		struct zl_handshake *to = i % 2 ? &p->client : &p->server;
		enum zl_verdict due = i == 2 ? ZL_HANDSHAKE_READY : ZL_HANDSHAKE_MORE;

		c = take(i % 2 ? &p->server : &p->client);
		if (i == steps)
			return c;
		assert_int_equal(give(to, &c), due);
	}
}

static struct zl_handshake *receiver(struct pair *p, unsigned step)
{
	return step % 2 ? &p->client : &p->server;
}

static void wipe(struct pair *p)
{
	zl_handshake_wipe(&p->client);
	zl_handshake_wipe(&p->server);
}

/* --- CURVE --- */

static void test_both_ends_come_to_the_same_key(void **state)
{
	struct pair p;
	struct command ready = after(&p, 3);

	(void)state;
	assert_int_equal(give(&p.client, &ready), ZL_HANDSHAKE_READY);
	assert_true(p.client.boxes.on && p.server.boxes.on);
	assert_true(p.server.boxes.server && !p.client.boxes.server);
	assert_memory_equal(p.client.boxes.key, p.server.boxes.key, ZL_KEY_BYTES);
	assert_true(p.client.boxes.sent == p.server.boxes.received);
	assert_true(p.server.boxes.sent == p.client.boxes.received);
	assert_string_equal(p.server.user, "alice");
	assert_int_equal(p.server.peer_type, ZL_DEALER);
	assert_int_equal(p.client.peer_type, ZL_ROUTER);
	wipe(&p);
}

/* RFC 26: HELLO is of 200 bytes, WELCOME of 168, and a command says which it is. */
static void test_commands_have_the_sizes_that_the_rfc_gives(void **state)
{
	struct pair p;
	struct command c = after(&p, 0);

	(void)state;
	assert_int_equal(c.n, 200);
	assert_memory_equal(c.bytes, "\5HELLO\1\0", 8);
	c = after(&p, 1);
	assert_int_equal(c.n, 168);
	assert_memory_equal(c.bytes, "\7WELCOME", 8);
	c = after(&p, 2);
	assert_memory_equal(c.bytes, "\10INITIATE", 9);
	c = after(&p, 3);
	assert_memory_equal(c.bytes, "\5READY", 6);
	wipe(&p);
}

/* One bit of each byte of each command, but the highest, which in a key means nothing. HELLO's
 * padding is for the server to pass over. */
static void test_an_altered_bit_anywhere_is_refused(void **state)
{
	(void)state;
	for (unsigned step = 0; step < 4; step++) {
		struct pair p;
		size_t n = after(&p, step).n;

		for (size_t i = 0; i < n; i++) {
			struct command c = after(&p, step);

			if (step == 0 && i >= 8 && i < 80)
				continue;
			c.bytes[i] ^= (uint8_t)(1u << i % 7);
			assert_int_equal(give(receiver(&p, step), &c), ZL_HANDSHAKE_REFUSED);
			assert_int_equal(receiver(&p, step)->boxes.on, 0);
			wipe(&p);
		}
	}
}

static void test_a_command_that_is_cut_short_or_longer_is_refused(void **state)
{
	(void)state;
	for (unsigned step = 0; step < 4; step++) {
		struct pair p;
		size_t n = after(&p, step).n;

		for (size_t i = 1; i <= n + 1; i++) {
			struct command c = after(&p, step);

			if (i == n)
				continue;
			c.bytes[n] = 0;
			c.n = i;
			assert_int_equal(give(receiver(&p, step), &c), ZL_HANDSHAKE_REFUSED);
			wipe(&p);
		}
	}
}

static void test_a_command_that_comes_again_or_too_early_is_refused(void **state)
{
	struct command commands[4];
	struct pair p;

	(void)state;
	for (unsigned step = 0; step < 4; step++)
		commands[step] = after(&p, step);
	for (unsigned at = 0; at < 4; at++)
		for (unsigned step = 0; step < 4; step++) {
			/* a command of another connection, or of another step */
			after(&p, at);
			assert_int_equal(give(receiver(&p, at), &commands[step]),
					 at == 0 && step == 0 ? ZL_HANDSHAKE_MORE
							      : ZL_HANDSHAKE_REFUSED);
			wipe(&p);
		}
}

/* A cookie is good for the stream that it was made for: who has recorded a whole handshake, and all
 * that followed, cannot play it again. */
static void test_a_handshake_cannot_be_played_again_on_another_stream(void **state)
{
	struct command hello, welcome, initiate;
	struct pair p, copy;

	(void)state;
	hello = after(&p, 0);
	greet(&copy, client, server);
	assert_int_equal(give(&p.server, &hello), ZL_HANDSHAKE_MORE);
	assert_int_equal(give(&copy.server, &hello), ZL_HANDSHAKE_MORE);
	welcome = take(&p.server);
	assert_int_equal(give(&p.client, &welcome), ZL_HANDSHAKE_MORE);
	initiate = take(&p.client);
	assert_int_equal(give(&copy.server, &initiate), ZL_HANDSHAKE_REFUSED);
	assert_int_equal(copy.server.reason, ZL_REASON_curve_cookie);
	assert_int_equal(give(&p.server, &initiate), ZL_HANDSHAKE_READY);
	wipe(&p);
	wipe(&copy);
}

static enum zl_reason refused_at(const struct zl_security *ours, const struct zl_security *theirs)
{
	struct pair p;

	greet(&p, ours, theirs);
	for (unsigned i = 0; i < 4; i++) {
		struct command c = take(i % 2 ? &p.server : &p.client);
		struct zl_handshake *h = receiver(&p, i);
		enum zl_verdict verdict = give(h, &c);
		enum zl_reason reason = h->reason;

		if (verdict == ZL_HANDSHAKE_REFUSED) {
			assert_true(h->output_bytes > 0); /* ERROR, so that it knows */
			wipe(&p);
			return reason;
		}
	}
	wipe(&p);
	return ZL_REASONS;
}

static void test_other_keys_are_refused_by_name(void **state)
{
	struct zl_security *other = zl_security_new();

	(void)state;
	*other = *client;
	crypto_box_keypair(other->public_key, other->secret_key);
	assert_int_equal(refused_at(other, server), ZL_REASON_key_denied);
	*other = *client; /* the key of another server */
	crypto_box_keypair(other->server_key, other->secret_key);
	memcpy(other->secret_key, client->secret_key, ZL_KEY_BYTES);
	assert_int_equal(refused_at(other, server), ZL_REASON_curve_cannot_open);
	*other = *client; /* somebody who knows alice's public key, and has another secret one */
	crypto_box_keypair(other->public_key, other->secret_key);
	memcpy(other->public_key, client->public_key, ZL_KEY_BYTES);
	assert_int_equal(refused_at(other, server), ZL_REASON_curve_vouch);
	*other = (struct zl_security){0};
	zl_security_free(other);
	assert_int_equal(refused_at(client, server), ZL_REASONS);
}

static void test_a_server_that_asks_nobody_lets_all_in_without_a_name(void **state)
{
	struct zl_security *open = zl_security_new();
	struct pair p;

	(void)state;
	*open = *server;
	open->keyring = NULL;
	greet(&p, client, open);
	for (unsigned i = 0; i < 3; i++) {
		struct command c = take(i % 2 ? &p.server : &p.client);

		assert_int_not_equal(give(receiver(&p, i), &c), ZL_HANDSHAKE_REFUSED);
	}
	assert_string_equal(p.server.user, "");
	assert_true(p.server.boxes.on);
	wipe(&p);
	zl_security_free(open);
}

/* --- PLAIN --- */

static void test_plain_compares_name_and_password(void **state)
{
	struct zl_security *in = zl_security_new(), *at = zl_security_new();
	char path[128];
	unsigned line;
	struct pair p;
	struct command c;

	(void)state;
	write_file("users", "# they\n\nalice:wonderland\nbob:\n");
	snprintf(path, sizeof(path), "%s/users", folder);
	in->mechanism = at->mechanism = ZL_MECHANISM_PLAIN;
	at->server = true;
	assert_int_equal(zl_users_open(&at->users, path, &line), 0);
	strcpy(in->user, "alice");
	strcpy(in->password, "wonderland");
	assert_int_equal(refused_at(in, at), ZL_REASONS);
	greet(&p, in, at);
	c = take(&p.client);
	assert_int_equal(c.n, 6 + 1 + 5 + 1 + 10);
	assert_memory_equal(c.bytes, "\5HELLO\5alice\12wonderland", c.n);
	wipe(&p);
	strcpy(in->password, "wonderlan");
	assert_int_equal(refused_at(in, at), ZL_REASON_user_denied);
	strcpy(in->user, "bob");
	assert_int_equal(refused_at(in, at), ZL_REASON_user_denied);
	strcpy(in->password, "");
	assert_int_equal(refused_at(in, at), ZL_REASONS);
	zl_security_free(in);
	zl_security_free(at);
}

/* --- files --- */

/* RFC 32's example, four times. */
static void test_z85_is_the_rfcs(void **state)
{
	static const char text[] = "HelloWorldHelloWorldHelloWorldHelloWorld";
	static const uint8_t bytes[] = {0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b};
	uint8_t key[ZL_KEY_BYTES];
	char back[ZL_Z85_KEY + 1];

	(void)state;
	assert_true(zl_z85_decode(key, text));
	for (unsigned i = 0; i < 4; i++)
		assert_memory_equal(key + 8 * i, bytes, 8);
	zl_z85_encode(back, key);
	assert_string_equal(back, text);
	assert_false(zl_z85_decode(key, "too short"));
	assert_false(zl_z85_decode(key, "HelloWorldHelloWorldHelloWorldHelloWorl~"));
	assert_false(zl_z85_decode(key, "#####WorldHelloWorldHelloWorldHelloWorld")); /* > 2^32 */
}

static void test_a_certificate_whose_keys_do_not_belong_together_is_refused(void **state)
{
	char text[300], mine[ZL_Z85_KEY + 1], other[ZL_Z85_KEY + 1], path[128];
	struct zl_cert cert;

	(void)state;
	zl_z85_encode(mine, client->public_key);
	zl_z85_encode(other, server->secret_key);
	snprintf(text, sizeof(text),
		 "metadata\n    public-key = \"no\"\ncurve\n    public-key = \"%s\"\n"
		 "    secret-key = \"%s\"\n",
		 mine, other);
	write_file("users", text);
	snprintf(path, sizeof(path), "%s/users", folder);
	assert_true(zl_cert_load(&cert, path) < 0);
	zl_z85_encode(other, client->secret_key);
	snprintf(text, sizeof(text),
		 "metadata\n    public-key = \"no\"\ncurve\n    public-key = \"%s\"\n"
		 "    secret-key = '%s'\n",
		 mine, other);
	write_file("users", text);
	assert_int_equal(zl_cert_load(&cert, path), 0);
	assert_memory_equal(cert.secret_key, client->secret_key, ZL_KEY_BYTES);
	zl_cert_wipe(&cert);
	write_file("users", "curve\n    public-key = \"short\"\n");
	assert_true(zl_cert_load(&cert, path) < 0);
	write_file("users", "nothing here\n");
	assert_true(zl_cert_load(&cert, path) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ends_come_to_the_same_key),
		cmocka_unit_test(test_commands_have_the_sizes_that_the_rfc_gives),
		cmocka_unit_test(test_an_altered_bit_anywhere_is_refused),
		cmocka_unit_test(test_a_command_that_is_cut_short_or_longer_is_refused),
		cmocka_unit_test(test_a_command_that_comes_again_or_too_early_is_refused),
		cmocka_unit_test(test_a_handshake_cannot_be_played_again_on_another_stream),
		cmocka_unit_test(test_other_keys_are_refused_by_name),
		cmocka_unit_test(test_a_server_that_asks_nobody_lets_all_in_without_a_name),
		cmocka_unit_test(test_plain_compares_name_and_password),
		cmocka_unit_test(test_z85_is_the_rfcs),
		cmocka_unit_test(test_a_certificate_whose_keys_do_not_belong_together_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
