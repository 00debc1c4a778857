/* GSSAPI handshakes between two ends of ours with real Kerberos tickets: both come to one context,
 * and nothing that was altered, repeated, cut short, out of turn or made for somebody else gets
 * through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "control/handshake/handshake.h"
#include "tests/unit/kerberos.h"

#define SERVICE "zmq/feed"
#define STEPS   5 /* commands: INITIATE, INITIATE, nothing, READY, READY */

static struct zl_security *server, *client;

static struct zl_security *security(bool is_server, struct zl_gssapi *g)
{
	struct zl_security *s = zl_security_new();

	s->mechanism = ZL_MECHANISM_GSSAPI;
	s->server = is_server;
	s->gssapi = g;
	return s;
}

static struct zl_security *client_as(const char *keytab, const char *principal, const char *service,
				     const char *with, long life_s)
{
	return security(false, kerberos_client(keytab, principal, service, with, life_s));
}

static int set_up(void **state)
{
	(void)state;
	assert_true(sodium_init() >= 0);
	kerberos_begin();
	kerberos_keytab("feed.keytab", SERVICE);
	kerberos_keytab("other.keytab", SERVICE); /* another key of the same name */
	kerberos_keytab("both.keytab", SERVICE);
	kerberos_keytab("shop.keytab", "zmq/shop");
	kerberos_keytab("alice.keytab", "alice");
	kerberos_keytab("bob.keytab", "bob");
	kerberos_write("allowed", "# who may come in\n\nalice@ZL.TEST\n");
	server = security(true, kerberos_server("feed.keytab", SERVICE));
	assert_int_equal(zl_principals_open(&server->principals, kerberos_path("allowed")), 0);
	client = client_as("alice.keytab", "alice", SERVICE, "feed.keytab", 3600);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	zl_security_free(server);
	zl_security_free(client);
	kerberos_end();
	return 0;
}

/* --- two ends --- */

struct pair {
	struct zl_handshake client, server;
};

struct command {
	uint8_t bytes[ZL_HANDSHAKE_OUTPUT];
	size_t n;
};

static struct command take(struct zl_handshake *h)
{
	struct command c;
	size_t head = h->output[0] & 2 ? 9 : 2;

	assert_true(h->output_bytes >= head);
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

/* Greetings, both ways; the client's first command is in its output. The verdict is its own. */
static enum zl_verdict greet(struct pair *p, const struct zl_security *ours,
			     const struct zl_security *theirs)
{
	static const uint8_t g[64] = {0xff, 0, 0, 0,   0,   0,   0,   0,   1,
				      0x7f, 3, 1, 'G', 'S', 'S', 'A', 'P', 'I'};

	zl_handshake_start(&p->client, ZL_DEALER, false, NULL, ours);
	zl_handshake_start(&p->server, ZL_ROUTER, true, NULL, theirs);
	p->client.output_bytes = 0;
	assert_int_equal(zl_handshake_greeting(&p->server, g, 64), ZL_HANDSHAKE_MORE);
	p->server.output_bytes = 0;
	assert_int_equal(zl_handshake_greeting(&p->client, g, 63), ZL_HANDSHAKE_MORE);
	p->client.output_bytes = 0;
	return zl_handshake_greeting(&p->client, g + 63, 1);
}

static struct zl_handshake *receiver(struct pair *p, unsigned step)
{
	return step % 2 ? &p->client : &p->server;
}

/* The first `steps` commands; the next is returned. */
static struct command after(struct pair *p, unsigned steps)
{
	struct command c;

	assert_int_equal(greet(p, client, server), ZL_HANDSHAKE_MORE);
	for (unsigned i = 0;; i++) {
		c = take(i % 2 ? &p->server : &p->client);
		if (i == steps)
			return c;
		assert_int_equal(give(receiver(p, i), &c),
				 i == 3 ? ZL_HANDSHAKE_READY : ZL_HANDSHAKE_MORE);
	}
}

static void wipe(struct pair *p)
{
	zl_handshake_wipe(&p->client);
	zl_handshake_wipe(&p->server);
}

static void expect_refused(struct pair *p, unsigned step, const struct command *c)
{
	struct zl_handshake *h = receiver(p, step);

	assert_int_equal(give(h, c), ZL_HANDSHAKE_REFUSED);
	assert_true(h->reason < ZL_REASONS);
	assert_int_equal(h->boxes.on, 0);
	assert_null(h->gssapi.exported);
	wipe(p);
}

/* --- contexts --- */

static gss_ctx_id_t import(const struct zl_handshake *h)
{
	gss_buffer_desc token = {h->gssapi.exported_bytes, h->gssapi.exported};
	gss_ctx_id_t context = GSS_C_NO_CONTEXT;
	OM_uint32 minor;

	assert_int_equal(gss_import_sec_context(&minor, &token, &context), GSS_S_COMPLETE);
	return context;
}

static void passes(gss_ctx_id_t from, gss_ctx_id_t to)
{
	gss_buffer_desc plain = {5, "hello"}, token, again;
	int encrypted;
	OM_uint32 minor;

	assert_int_equal(gss_wrap(&minor, from, 1, 0, &plain, &encrypted, &token), GSS_S_COMPLETE);
	assert_int_equal(gss_unwrap(&minor, to, &token, &again, &encrypted, NULL), GSS_S_COMPLETE);
	assert_int_equal(again.length, 5);
	assert_memory_equal(again.value, "hello", 5);
	gss_release_buffer(&minor, &token);
	gss_release_buffer(&minor, &again);
}

static void test_both_ends_come_to_one_context_that_travels(void **state)
{
	struct pair p;
	struct command ready = after(&p, 4);
	gss_ctx_id_t ours, theirs;
	OM_uint32 minor;

	(void)state;
	assert_int_equal(give(&p.server, &ready), ZL_HANDSHAKE_READY);
	assert_int_equal(p.client.boxes.on, ZL_BOXES_GSSAPI);
	assert_int_equal(p.server.boxes.on, ZL_BOXES_GSSAPI);
	assert_true(p.server.boxes.server && !p.client.boxes.server);
	assert_string_equal(p.server.user, "alice@ZL.TEST");
	assert_string_equal(p.client.user, "zmq/feed@ZL.TEST");
	assert_int_equal(p.server.peer_type, ZL_DEALER);
	assert_int_equal(p.client.peer_type, ZL_ROUTER);
	ours = import(&p.client);
	theirs = import(&p.server);
	passes(ours, theirs);
	passes(theirs, ours);
	gss_delete_sec_context(&minor, &ours, GSS_C_NO_BUFFER);
	gss_delete_sec_context(&minor, &theirs, GSS_C_NO_BUFFER);
	wipe(&p);
	assert_null(p.server.gssapi.exported);
}

static void test_commands_are_as_libzmq_has_them(void **state)
{
	struct pair p;
	struct command c = after(&p, 0);

	(void)state;
	assert_memory_equal(c.bytes, "\10INITIATE\0\0", 11);
	assert_int_equal(c.bytes[11] << 8 | c.bytes[12], c.n - 13);
	wipe(&p);
	c = after(&p, 1);
	assert_memory_equal(c.bytes, "\10INITIATE\0\0", 11);
	wipe(&p);
	assert_int_equal(after(&p, 2).n, 0);
	wipe(&p);
	for (unsigned step = 3; step < STEPS; step++) {
		c = after(&p, step);
		assert_memory_equal(c.bytes, "\7MESSAGE\0\0", 10);
		assert_int_equal(c.bytes[10] << 8 | c.bytes[11], c.n - 12);
		wipe(&p);
	}
}

static void test_in_the_clear_ready_is_as_it_is_without_a_mechanism(void **state)
{
	struct pair p;
	struct command c;

	(void)state;
	client->plaintext = server->plaintext = true;
	c = after(&p, 3);
	assert_memory_equal(c.bytes, "\5READY\13Socket-Type\0\0\0\6ROUTER", 28);
	wipe(&p);
	c = after(&p, 4);
	assert_memory_equal(c.bytes, "\5READY\13Socket-Type\0\0\0\6DEALER", 28);
	assert_int_equal(give(&p.server, &c), ZL_HANDSHAKE_READY);
	assert_int_equal(p.server.boxes.on, ZL_BOXES_NONE);
	assert_int_equal(p.client.boxes.on, ZL_BOXES_NONE);
	assert_string_equal(p.server.user, "alice@ZL.TEST");
	wipe(&p);
	/* whoever will not, and whoever must */
	server->plaintext = false;
	c = after(&p, 3);
	expect_refused(&p, 3, &c);
	client->plaintext = false;
	server->plaintext = true;
	c = after(&p, 3);
	expect_refused(&p, 3, &c);
	server->plaintext = false;
}

/* --- what is not as it was sent --- */

/* The kind of an AP-REP (RFC 4120 5.5.2), which libkrb5 does not look at: nothing follows from it.
 */
static bool is_looked_at(const struct command *c, size_t i)
{
	return i < 4 || memcmp(c->bytes + i - 4, "\xa1\3\2\1\17", 5) != 0;
}

/* Of a client's INITIATE some bits are nobody's (options that mean nothing): one that has been
 * taken before is the same one then, and that is seen. */
static void test_an_altered_bit_anywhere_is_refused(void **state)
{
	(void)state;
	for (unsigned step = 0; step < STEPS; step++) {
		struct pair p;
		struct command good = after(&p, step), c;

		if (step == 0)
			assert_int_equal(give(&p.server, &good), ZL_HANDSHAKE_MORE);
		wipe(&p);
		for (size_t i = 0; i < good.n; i++) {
			c = after(&p, step);
			if (step == 0)
				c = good;
			if (i >= c.n || !is_looked_at(&c, i)) {
				wipe(&p);
				continue;
			}
			c.bytes[i] ^= (uint8_t)(1u << i % 8);
			expect_refused(&p, step, &c);
		}
	}
}

static void test_a_command_that_is_cut_short_or_longer_is_refused(void **state)
{
	(void)state;
	for (unsigned step = 0; step < STEPS; step++) {
		struct pair p;
		size_t n = after(&p, step).n;

		wipe(&p);
		for (size_t i = 0; i <= n + 1; i++) {
			struct command c = after(&p, step);

			if (i == c.n) {
				wipe(&p);
				continue;
			}
			if (i > c.n)
				c.bytes[c.n] = 0;
			c.n = i;
			expect_refused(&p, step, &c);
		}
	}
}

static void test_a_command_that_comes_again_or_out_of_turn_is_refused(void **state)
{
	struct command commands[STEPS];
	struct pair p;

	(void)state;
	for (unsigned step = 0; step < STEPS; step++) {
		commands[step] = after(&p, step);
		wipe(&p);
	}
	for (unsigned at = 0; at < STEPS; at++)
		for (unsigned step = 0; step < STEPS; step++) {
			after(&p, at);
			if (commands[step].n == 0 && at == 2)
				wipe(&p); /* nothing is nothing */
			else if (step == 0 && at == 0)
				wipe(&p); /* not yet seen */
			else
				expect_refused(&p, at, &commands[step]);
		}
}

static void test_a_recorded_initiate_is_of_no_use(void **state)
{
	struct pair p, copy;
	struct command c = after(&p, 0);

	(void)state;
	greet(&copy, client, server);
	assert_int_equal(give(&p.server, &c), ZL_HANDSHAKE_MORE);
	assert_int_equal(give(&copy.server, &c), ZL_HANDSHAKE_REFUSED);
	assert_int_equal(copy.server.reason, ZL_REASON_gssapi_replay);
	assert_true(copy.server.output_bytes > 0); /* ERROR, so that it knows */
	wipe(&p);
	wipe(&copy);
}

/* --- who comes in --- */

/* The first to refuse, and why; else ZL_REASONS. */
static enum zl_reason outcome(const struct zl_security *ours, const struct zl_security *theirs)
{
	enum zl_reason reason = ZL_REASONS;
	struct pair p;

	if (greet(&p, ours, theirs) == ZL_HANDSHAKE_REFUSED)
		reason = p.client.reason;
	for (unsigned i = 0; i < STEPS && reason == ZL_REASONS; i++) {
		struct command c = take(i % 2 ? &p.server : &p.client);

		if (give(receiver(&p, i), &c) == ZL_HANDSHAKE_REFUSED)
			reason = receiver(&p, i)->reason;
	}
	wipe(&p);
	return reason;
}

static void expect_outcome(struct zl_security *ours, enum zl_reason reason)
{
	assert_int_equal(outcome(ours, server), reason);
	zl_security_free(ours);
}

static void test_whoever_is_not_allowed_in_is_refused_by_name(void **state)
{
	struct zl_security *open = security(true, kerberos_server("feed.keytab", SERVICE));

	(void)state;
	assert_int_equal(outcome(client, server), ZL_REASONS);
	expect_outcome(client_as("bob.keytab", "bob", SERVICE, "feed.keytab", 3600),
		       ZL_REASON_principal_denied);
	expect_outcome(client_as("alice.keytab", "alice", "zmq/shop", "shop.keytab", 3600),
		       ZL_REASON_gssapi_wrong_service);
	expect_outcome(client_as("alice.keytab", "alice", SERVICE, "other.keytab", 3600),
		       ZL_REASON_gssapi_denied); /* a key that it never had */
	assert_int_equal(outcome(client, open), ZL_REASONS);
	zl_security_free(open);
}

/* A client sees by itself that a ticket is over. A server need not trust it. */
static void test_a_ticket_that_is_over_is_not_gone_by(void **state)
{
	struct zl_gssapi *g = kerberos_client("alice.keytab", "alice", SERVICE, "feed.keytab",
					      3600);
	struct zl_security *late = security(false, g);
	struct zl_gssapi_ticket ticket;

	(void)state;
	expect_outcome(client_as("alice.keytab", "alice", SERVICE, "feed.keytab", -1),
		       ZL_REASON_gssapi_no_ticket);
	assert_false(zl_gssapi_due(g, &ticket)); /* half of its life is to come */
	assert_int_equal(outcome(late, server), ZL_REASONS);
	zl_security_free(late);
}

static void test_a_ticket_is_renewed_in_time_and_kept_until_then(void **state)
{
	struct zl_gssapi *g = kerberos_client("alice.keytab", "alice", SERVICE, "feed.keytab", 50);
	struct zl_security *s = security(false, g);
	struct zl_gssapi_ticket ticket;

	(void)state;
	/* more than half is over: as soon as the last try was long enough ago, one is due */
	assert_int_equal(outcome(s, server), ZL_REASONS);
	zl_gssapi_retry(g);
	assert_true(zl_gssapi_due(g, &ticket));
	assert_false(zl_gssapi_due(g, &ticket)); /* it is under way */
	strcpy(ticket.error, "nobody answers");
	assert_false(zl_gssapi_take(g, &ticket)); /* news */
	assert_int_equal(outcome(s, server), ZL_REASONS);
	assert_false(zl_gssapi_due(g, &ticket));
	zl_gssapi_retry(g);
	assert_true(zl_gssapi_due(g, &ticket));
	strcpy(ticket.error, "nobody answers");
	assert_true(zl_gssapi_take(g, &ticket)); /* no news */
	zl_gssapi_retry(g);
	assert_true(zl_gssapi_due(g, &ticket));
	kerberos_mint(&ticket, "feed.keytab", 3600);
	assert_true(zl_gssapi_take(g, &ticket));
	assert_int_equal(outcome(s, server), ZL_REASONS);
	zl_gssapi_retry(g);
	assert_false(zl_gssapi_due(g, &ticket));
	zl_security_free(s);
}

static void test_principals_are_read_again_when_their_file_has_changed(void **state)
{
	struct zl_security *bob = client_as("bob.keytab", "bob", SERVICE, "feed.keytab", 3600);

	(void)state;
	assert_false(zl_security_changed(server, NULL, NULL));
	kerberos_write("allowed", "bob@ZL.TEST\n");
	assert_true(zl_security_changed(server, NULL, NULL));
	assert_false(zl_security_keeps(server, "alice@ZL.TEST"));
	assert_true(zl_security_keeps(server, "bob@ZL.TEST"));
	assert_int_equal(outcome(bob, server), ZL_REASONS);
	assert_int_equal(outcome(client, server), ZL_REASON_principal_denied);
	kerberos_write("allowed", "# who may come in\n\nalice@ZL.TEST\n");
	assert_true(zl_security_changed(server, NULL, NULL));
	assert_int_equal(outcome(bob, server), ZL_REASON_principal_denied);
	zl_security_free(bob);
}

/* Once the ticket is good, and before anything else is said. */
static void test_a_zap_handler_is_told_the_principal_and_decides(void **state)
{
	struct zl_zap_answer good = {.status = 200, .user = "Alice"}, bad = {.status = 400};
	struct pair p;
	struct command c;

	(void)state;
	server->zap = true;
	for (unsigned i = 0; i < 2; i++) {
		c = after(&p, 2);
		assert_int_equal(give(&p.server, &c), ZL_HANDSHAKE_ASK);
		assert_int_equal(p.server.output_bytes, 0);
		assert_int_equal(p.server.credentials, 1);
		assert_int_equal(p.server.credential[0].bytes, 13);
		assert_memory_equal(p.server.credential[0].data, "alice@ZL.TEST", 13);
		if (i == 0) {
			assert_int_equal(zl_handshake_answer(&p.server, &bad),
					 ZL_HANDSHAKE_REFUSED);
			wipe(&p);
		}
	}
	assert_int_equal(zl_handshake_answer(&p.server, &good), ZL_HANDSHAKE_MORE);
	c = take(&p.server);
	assert_int_equal(give(&p.client, &c), ZL_HANDSHAKE_READY);
	c = take(&p.client);
	assert_int_equal(give(&p.server, &c), ZL_HANDSHAKE_READY);
	assert_string_equal(p.server.user, "Alice");
	wipe(&p);
	server->zap = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ends_come_to_one_context_that_travels),
		cmocka_unit_test(test_commands_are_as_libzmq_has_them),
		cmocka_unit_test(test_in_the_clear_ready_is_as_it_is_without_a_mechanism),
		cmocka_unit_test(test_an_altered_bit_anywhere_is_refused),
		cmocka_unit_test(test_a_command_that_is_cut_short_or_longer_is_refused),
		cmocka_unit_test(test_a_command_that_comes_again_or_out_of_turn_is_refused),
		cmocka_unit_test(test_a_recorded_initiate_is_of_no_use),
		cmocka_unit_test(test_whoever_is_not_allowed_in_is_refused_by_name),
		cmocka_unit_test(test_a_ticket_that_is_over_is_not_gone_by),
		cmocka_unit_test(test_a_ticket_is_renewed_in_time_and_kept_until_then),
		cmocka_unit_test(test_a_zap_handler_is_told_the_principal_and_decides),
		cmocka_unit_test(test_principals_are_read_again_when_their_file_has_changed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
