/* PLAIN and CURVE with libzmq as the peer, both roles: who has the key or the password comes in,
 * all traffic passes whole, and nobody else does, for a reason that is counted. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

#include "tests/interop/appliance.h"
#include "tests/interop/exchange.h"
#include "tests/interop/pipeline.h"
#include "tests/interop/raw.h"
#include "tests/interop/remote.h"

#define KEY 41 /* Z85, NUL included */

static struct {
	char public_key[KEY], secret_key[KEY];
} own, friend, stranger; /* the appliance's pair, one that it lets in, one that it does not */

static struct peer_security as_friend, as_stranger, as_server;
static char server[320], client[400];

/* --- files --- */

static void path_of(char *path, size_t bytes, const char *name)
{
	char folder[64];

	lab_folder(folder, sizeof(folder));
	snprintf(path, bytes, "%s/%s", folder, name);
}

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	path_of(path, sizeof(path), name);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* As CZMQ writes them. */
static void write_cert(const char *name, const char *public_key, const char *secret_key)
{
	char text[600];
	int n = snprintf(text, sizeof(text),
			 "#   ****  A certificate  ****\n#   for tests\n\nmetadata\n"
			 "    name = \"whatever\"\ncurve\n    public-key = \"%s\"\n",
			 public_key);

	if (secret_key)
		snprintf(text + n, sizeof(text) - (size_t)n, "    secret-key = \"%s\"\n",
			 secret_key);
	write_file(name, text);
}

static void prepare(void)
{
	char folder[64], path[128];

	lab_folder(folder, sizeof(folder));
	zmq_curve_keypair(own.public_key, own.secret_key);
	zmq_curve_keypair(friend.public_key, friend.secret_key);
	zmq_curve_keypair(stranger.public_key, stranger.secret_key);
	path_of(path, sizeof(path), "allowed");
	assert_true(mkdir(path, 0755) == 0 || access(path, W_OK) == 0);
	write_cert("own.cert_secret", own.public_key, own.secret_key);
	write_cert("friend.cert_secret", friend.public_key, friend.secret_key);
	write_cert("allowed/alice.cert", friend.public_key, NULL);
	write_file("users", "# who may come in\nalice:wonderland\nbob:builder\n");
	as_friend = (struct peer_security){.public_key = friend.public_key,
					   .secret_key = friend.secret_key,
					   .server_key = own.public_key};
	as_stranger = (struct peer_security){.public_key = stranger.public_key,
					     .secret_key = stranger.secret_key,
					     .server_key = own.public_key};
	as_server = (struct peer_security){
		.server = true, .public_key = own.public_key, .secret_key = own.secret_key};
	snprintf(server, sizeof(server),
		 ", security: {mechanism: curve, role: server, secret_key: %s/own.cert_secret, "
		 "allow: %s/allowed}",
		 folder, folder);
	snprintf(client, sizeof(client),
		 ", security: {mechanism: curve, role: client, secret_key: "
		 "%s/friend.cert_secret, server_key: \"%s\"}",
		 folder, own.public_key);
}

static struct appliance *start(const char *kind, const char *front, const char *back,
			       const char *security)
{
	static char side[2][700];

	snprintf(side[0], sizeof(side[0]), "%s%s", front, security);
	snprintf(side[1], sizeof(side[1]), "%s%s", back, security);
	return appliance_start(
		&(struct appliance_config){.kind = kind, .frontend = side[0], .backend = side[1]});
}

#define BINDS_FRONT "bind: [\"" FRONTEND "\"], hwm: 0"
#define BINDS_BACK  "bind: [\"" BACKEND "\"], hwm: 0"
#define PUSHES_AT   "tcp://" LAB_PEER_IP ":5700"
#define PULLS_AT    "tcp://" LAB_PEER_IP ":5800"

static void finish(struct appliance *a)
{
	appliance_stop(a);
	peer_secure(NULL);
}

/* --- traffic --- */

static void test_a_forwarder_of_curve_passes_what_each_subscribed_to(void **state)
{
	struct flow flow = exchange_market(lab_scaled(100000));
	struct exchange x = {0};
	struct appliance *a;

	(void)state;
	prepare();
	a = start("forwarder", BINDS_FRONT, BINDS_BACK, server);
	peer_secure(&as_friend);
	exchange_eight(&x, a, &flow);
	exchange_finish(&x);
	finish(a);
}

static void test_messages_of_all_sizes_and_parts_stay_whole(void **state)
{
	static const uint32_t bytes[] = {20,  0,   1,    30, 31,   32,   254,
					 255, 256, 1400, 0,  1448, 3000, 70000};
	struct flow flow = {
		.bytes = bytes, .n_bytes = 14, .parts = 5, .messages = lab_scaled(5000)};
	struct exchange x = {0};
	struct appliance *a;

	(void)state;
	prepare();
	a = start("forwarder", BINDS_FRONT, BINDS_BACK, server);
	peer_secure(&as_friend);
	exchange_subscriber(&x, a, &flow, (const char *[]){"", NULL});
	exchange_subscriber(&x, a, &flow, (const char *[]){"", NULL});
	exchange_publisher(&x, a, &flow);
	exchange_go(&x);
	exchange_finish(&x);
	finish(a);
}

/* Through a streamer, whoever connects; the appliance is the client where it does. */
static void stream(const char *front, const char *back, const char *security,
		   const struct peer_security *peers, bool peers_bind)
{
	struct appliance *a = start("streamer", front, back, security);
	struct pusher push = {.endpoint = peers_bind ? PUSHES_AT : FRONTEND,
			      .type = ZMQ_PUSH,
			      .bind = peers_bind,
			      .messages = lab_scaled(100000),
			      .bytes = 64,
			      .parts = 3};
	struct puller pull = {
		.endpoint = peers_bind ? PULLS_AT : BACKEND, .type = ZMQ_PULL, .bind = peers_bind};

	peer_secure(peers);
	pipeline_pass(a, &push, &pull);
	finish(a);
}

#define DIALS(at) "connect: [\"" at "\"], hwm: 0, reconnect: 50ms, reconnect_max: 100ms"

static void test_curve_works_in_both_roles(void **state)
{
	(void)state;
	prepare();
	stream(BINDS_FRONT, BINDS_BACK, server, &as_friend, false);
	stream(DIALS(PUSHES_AT), DIALS(PULLS_AT), client, &as_server, true);
}

static void test_plain_works_in_both_roles(void **state)
{
	static const struct peer_security alice = {.user = "alice", .password = "wonderland"},
					  plain_server = {.server = true,
							  .user = "alice",
							  .password = "wonderland"};
	char folder[64], users[200];

	(void)state;
	prepare();
	lab_folder(folder, sizeof(folder));
	snprintf(users, sizeof(users),
		 ", security: {mechanism: plain, role: server, users: %s/users}", folder);
	stream(BINDS_FRONT, BINDS_BACK, users, &alice, false);
	stream(DIALS(PUSHES_AT), DIALS(PULLS_AT),
	       ", security: {mechanism: plain, role: client, user: alice, password: wonderland}",
	       &plain_server, true);
}

static void test_curve_works_over_ipc(void **state)
{
	char folder[64], front[128], back[128], at[2][100];
	struct appliance *a;
	struct peer *pub, *sub;

	(void)state;
	prepare();
	lab_folder(folder, sizeof(folder));
	snprintf(at[0], sizeof(at[0]), "ipc://%s/in", folder);
	snprintf(at[1], sizeof(at[1]), "ipc://%s/out", folder);
	snprintf(front, sizeof(front), "bind: [\"%s\"]", at[0]);
	snprintf(back, sizeof(back), "bind: [\"%s\"]", at[1]);
	a = start("forwarder", front, back, server);
	peer_secure(&as_friend);
	pub = remote_start(&a->net, "pub", ZMQ_XPUB);
	sub = remote_start(&a->net, "sub", ZMQ_SUB);
	remote_subscribe(sub, "A");
	remote_connect(sub, at[1]);
	remote_connect(pub, at[0]);
	remote_expect_subscription(pub, true, "A");
	remote_send(pub, "B1");
	remote_send(pub, "A1");
	remote_expect(sub, "A1");
	remote_end(pub);
	remote_end(sub);
	finish(a);
}

static void refused(struct appliance *a, const char *at, const struct peer_security *with,
		    const char *reason)
{
	uint64_t before = appliance_closes(a, reason);
	struct peer *p;

	printf("%s\n", reason);
	peer_secure(with);
	p = remote_start(&a->net, "stranger", ZMQ_SUB);
	remote_option(p, ZMQ_RECONNECT_IVL, -1);
	remote_connect(p, at);
	appliance_await_closes(a, reason, before + 1);
	remote_end(p);
}

static void test_plain_works_over_ipc(void **state)
{
	static const struct peer_security alice = {.user = "alice", .password = "wonderland"},
					  wrong = {.user = "alice", .password = "Wonderland"};
	char folder[64], back[128], users[200], at[100];
	struct appliance *a;
	struct peer *pub, *sub;

	(void)state;
	prepare();
	lab_folder(folder, sizeof(folder));
	snprintf(at, sizeof(at), "ipc://%s/out", folder);
	snprintf(back, sizeof(back), "bind: [\"%s\"]", at);
	snprintf(users, sizeof(users),
		 ", security: {mechanism: plain, role: server, users: %s/users}", folder);
	a = start("forwarder", BINDS_FRONT, back, users);
	refused(a, at, &wrong, "user_denied");
	peer_secure(&alice);
	pub = remote_start(&a->net, "pub", ZMQ_XPUB);
	sub = remote_start(&a->net, "sub", ZMQ_SUB);
	remote_subscribe(sub, "A");
	remote_connect(sub, at);
	remote_connect(pub, FRONTEND);
	remote_expect_subscription(pub, true, "A");
	remote_send(pub, "A1");
	remote_expect(sub, "A1");
	remote_end(pub);
	remote_end(sub);
	finish(a);
}

/* --- names --- */

/* She alone. */
static bool is_in(json_t *peers, const void *name)
{
	json_t *row = json_array_get(peers, 0);

	return json_array_size(peers) == 1 &&
	       strcmp(json_string_value(json_object_get(row, "user")), name) == 0 &&
	       strcmp(json_string_value(json_object_get(row, "mechanism")), "CURVE") == 0;
}

static void test_peers_are_shown_by_the_names_of_their_keys(void **state)
{
	struct appliance *a;
	struct peer *sub;

	(void)state;
	prepare();
	a = start("forwarder", BINDS_FRONT, BINDS_BACK, server);
	peer_secure(&as_friend);
	sub = remote_start(&a->net, "sub", ZMQ_SUB);
	remote_connect(sub, BACKEND);
	appliance_await_peers(a, 1);
	appliance_await(a, "peers", is_in, "alice", "alice is shown");
	lab_kill(&a->control, SIGKILL);
	appliance_start_control(a);
	appliance_ready(a);
	appliance_await(a, "peers", is_in, "alice", "alice is shown by the next control");
	remote_end(sub);
	finish(a);
}

/* --- who does not come in --- */

/* A libzmq that sees that it is not wanted may be gone before it is told: this peer waits. */
static void refused_without_a_mechanism(struct appliance *a)
{
	uint64_t before = appliance_closes(a, "mechanism_mismatch");
	struct peer *p = raw_start(&a->net, "NULL");

	raw_connect(p, 5556);
	raw_greet(p);
	raw_expect_close(p);
	appliance_await_closes(a, "mechanism_mismatch", before + 1);
	raw_end(p);
}

static void test_who_has_no_key_or_password_does_not_come_in(void **state)
{
	static const struct peer_security wrong = {.user = "alice", .password = "Wonderland"},
					  nobody = {.user = "carol", .password = "wonderland"};
	struct peer_security lost = {0};
	char folder[64], users[200];
	struct appliance *a;

	(void)state;
	prepare();
	a = start("forwarder", BINDS_FRONT, BINDS_BACK, server);
	refused(a, BACKEND, &as_stranger, "key_denied");
	lost = as_friend;
	lost.server_key = stranger.public_key;
	refused(a, BACKEND, &lost, "curve_cannot_open");
	refused_without_a_mechanism(a);
	finish(a);
	lab_folder(folder, sizeof(folder));
	snprintf(users, sizeof(users),
		 ", security: {mechanism: plain, role: server, users: %s/users}", folder);
	a = start("forwarder", BINDS_FRONT, BINDS_BACK, users);
	refused(a, BACKEND, &wrong, "user_denied");
	refused(a, BACKEND, &nobody, "user_denied");
	refused_without_a_mechanism(a);
	finish(a);
}

static struct peer *subscriber_as(struct appliance *a, const struct peer_security *as)
{
	struct peer *sub;

	peer_secure(as);
	sub = remote_start(&a->net, "sub", ZMQ_SUB);
	remote_connect(sub, BACKEND);
	return sub;
}

/* The friend's key comes in, and is taken out of the folder; control is there meanwhile, or not. */
static struct appliance *take_away(struct peer **sub, bool control)
{
	struct appliance *a;
	char path[128];

	prepare();
	a = start("forwarder", BINDS_FRONT, BINDS_BACK, server);
	*sub = subscriber_as(a, &as_friend);
	appliance_await_peers(a, 1);
	write_cert("allowed/eve.cert", stranger.public_key, NULL); /* a new one does not disturb */
	if (!control)
		lab_kill(&a->control, SIGKILL);
	path_of(path, sizeof(path), "allowed/alice.cert");
	unlink(path);
	if (!control) {
		appliance_start_control(a);
		appliance_ready(a);
	}
	appliance_await_closes(a, "revoked", 1);
	return a;
}

static void test_a_key_that_is_taken_away_ends_its_sessions(void **state)
{
	struct peer *sub;
	struct appliance *a = take_away(&sub, true);

	(void)state;
	remote_end(sub);
	sub = subscriber_as(a, &as_stranger);
	appliance_await_peers(a, 1);
	remote_end(sub);
	finish(a);
}

/* Its next one looks through what it finds established. */
static void test_a_key_that_is_taken_away_while_control_is_down_ends_its_sessions(void **state)
{
	struct peer *sub;
	struct appliance *a = take_away(&sub, false);

	(void)state;
	remote_end(sub);
	finish(a);
}

/* Who has shown a password, and waits, does not outlast it. */
static void test_a_user_who_is_taken_away_does_not_end_a_handshake(void **state)
{
	static const char greeting[64] = "\xff\0\0\0\0\0\0\0\1\x7f\3\1PLAIN";
	char folder[64], users[200];
	struct appliance *a;
	struct peer *p;

	(void)state;
	prepare();
	lab_folder(folder, sizeof(folder));
	snprintf(users, sizeof(users),
		 ", security: {mechanism: plain, role: server, users: %s/users}", folder);
	a = start("forwarder", BINDS_FRONT, BINDS_BACK, users);
	p = raw_start(&a->net, "alice");
	raw_connect(p, 5556);
	raw_send(p, greeting, sizeof(greeting));
	raw_receive(p, sizeof(greeting));
	RAW_SENDS(p, "\4\27\5HELLO\5alice\12wonderland");
	RAW_EXPECTS(p, "\4\10\7WELCOME");
	write_file("users", "bob:builder\n");
	raw_expect_close(p);
	appliance_await_closes(a, "revoked", 1);
	raw_end(p);
	finish(a);
}

/* --- the command line, from a pair of keys to its end --- */

/* `zeroline keys WORD...` in the folder of the test. */
static void keys(struct appliance *a, const char *const *words)
{
	const char *arguments[8] = {"keys"};
	char *said;

	for (unsigned i = 0; words[i]; i++)
		arguments[i + 1] = words[i];
	if (appliance_cli(a, &said, arguments))
		fail_msg("zeroline keys %s: %s", words[0], said);
	free(said);
}

#define KEYS(a, ...) keys(a, (const char *const[]){__VA_ARGS__, NULL})

/* A key as the file has it, which is how a program without our code takes it. */
static void read_key(char key[KEY], const char *folder, const char *file, const char *what)
{
	char path[160], line[256], text[KEY] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	f = fopen(path, "re");
	assert_non_null(f);
	while (!text[0] && fgets(line, sizeof(line), f)) {
		char *at = strstr(line, what);

		if (at)
			assert_int_equal(sscanf(at + strlen(what), " = \"%40[^\"]\"", text), 1);
	}
	fclose(f);
	assert_int_equal(strlen(text), KEY - 1);
	memcpy(key, text, KEY);
}

/* Alice's end tells that control has looked at the folder, and so at carol's key, too: whom a
 * server has refused, libzmq does not bring again. */
static void test_keys_come_in_and_go_by_the_command_line(void **state)
{
	static char feed[KEY], open[KEY], secret[KEY];
	static const struct peer_security as_carol = {
		.public_key = open, .secret_key = secret, .server_key = feed};
	char made[128], in[128], cert[140], security[400];
	struct appliance *a;
	struct peer *alice, *carol;
	uint64_t denied;

	(void)state;
	prepare();
	path_of(made, sizeof(made), "made");
	path_of(in, sizeof(in), "in");
	assert_int_equal(mkdir(made, 0755) | mkdir(in, 0755), 0);
	write_cert("in/alice.cert", friend.public_key, NULL);
	snprintf(security, sizeof(security),
		 BINDS_BACK ", security: {mechanism: curve, role: server, secret_key: "
			    "%s/feed.cert_secret, allow: %s}",
		 made, in);
	a = appliance_prepare(&(struct appliance_config){.backend = security});
	KEYS(a, "generate", "feed", "--dir", made);
	KEYS(a, "generate", "carol", "--dir", made);
	read_key(feed, made, "feed.cert", "public-key");
	read_key(open, made, "carol.cert", "public-key");
	read_key(secret, made, "carol.cert_secret", "secret-key");
	as_friend.server_key = feed;
	appliance_start_dataplane(a);
	appliance_start_control(a);
	appliance_ready(a);
	refused(a, BACKEND, &as_carol, "key_denied");
	alice = subscriber_as(a, &as_friend);
	appliance_await(a, "peers", is_in, "alice", "alice is shown");
	snprintf(cert, sizeof(cert), "%s/carol.cert", made);
	KEYS(a, "allow", in, cert);
	KEYS(a, "revoke", in, "alice");
	appliance_await_closes(a, "revoked", 1);
	remote_end(alice);
	carol = subscriber_as(a, &as_carol);
	appliance_await(a, "peers", is_in, "carol", "carol is shown");
	denied = appliance_closes(a, "key_denied");
	KEYS(a, "revoke", in, "carol");
	appliance_await_closes(a, "revoked", 2);
	appliance_await_closes(a, "key_denied", denied + 1); /* she has tried again */
	appliance_await_peers(a, 0);
	remote_end(carol);
	finish(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_a_forwarder_of_curve_passes_what_each_subscribed_to),
		LAB_TEST(test_messages_of_all_sizes_and_parts_stay_whole),
		LAB_TEST(test_curve_works_in_both_roles),
		LAB_TEST(test_plain_works_in_both_roles),
		LAB_TEST(test_curve_works_over_ipc),
		LAB_TEST(test_plain_works_over_ipc),
		LAB_TEST(test_peers_are_shown_by_the_names_of_their_keys),
		LAB_TEST(test_who_has_no_key_or_password_does_not_come_in),
		LAB_TEST(test_a_key_that_is_taken_away_ends_its_sessions),
		LAB_TEST(test_a_key_that_is_taken_away_while_control_is_down_ends_its_sessions),
		LAB_TEST(test_a_user_who_is_taken_away_does_not_end_a_handshake),
		LAB_TEST(test_keys_come_in_and_go_by_the_command_line),
	};
	int status = lab_begin();

	appliance_is_small();
	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
