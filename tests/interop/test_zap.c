/* A ZAP handler (RFC 27) of libzmq's decides who comes in, by NULL, PLAIN and CURVE, over ipc and
 * the kernel's TCP; what it is told, what comes of each of its words, and of its absence. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

#include "tests/interop/appliance.h"
#include "tests/interop/remote.h"

#define KEY 41 /* Z85, NUL included */

static char handler_at[128], folder[64];

/* A forwarder whose backend has this security and asks the handler at `handler_at`. */
static struct appliance *start(const char *security, const char *bind, const char *timeout)
{
	static char back[700];

	snprintf(back, sizeof(back),
		 "bind: [\"%s\"], hwm: 0, security: {%s, zap: {endpoint: \"%s\", domain: lab, "
		 "timeout: %s}}",
		 bind, security, handler_at, timeout);
	return appliance_start(&(struct appliance_config){.carrier = LAB_TAP, .backend = back});
}

static void by_ipc(void)
{
	lab_folder(folder, sizeof(folder));
	snprintf(handler_at, sizeof(handler_at), "ipc://%s/zap", folder);
}

static void finish(struct appliance *a)
{
	appliance_stop(a);
	peer_secure(NULL);
}

/* --- the handler, and its peers --- */

static struct peer *handler_start(struct appliance *a)
{
	struct peer *z;

	peer_secure(NULL);
	z = remote_start(&a->net, "zap", ZMQ_REP);
	remote_bind(z, handler_at);
	return z;
}

/* The parts of a request, up to the mechanism; its id is kept. */
static void expect_request(struct peer *z, char *id, const char *address, const char *mechanism)
{
	const struct note *got;

	remote_expect(z, "1.0");
	peer_tell(z, "receive", 0);
	got = peer_hear(z, "got");
	assert_in_range(got->bytes, 1, 63);
	memcpy(id, got->data, got->bytes);
	id[got->bytes] = '\0';
	remote_expect(z, "lab");
	remote_expect(z, address);
	remote_expect(z, "");
	remote_expect(z, mechanism);
}

static void reply(struct peer *z, const char *id, const char *status, const char *user)
{
	remote_send_more(z, "1.0");
	remote_send_more(z, id);
	remote_send_more(z, status);
	remote_send_more(z, "as it is");
	remote_send_more(z, user);
	remote_send(z, "");
}

static struct peer *subscriber(struct appliance *a, const char *at)
{
	struct peer *sub = remote_start(&a->net, "sub", ZMQ_SUB);

	remote_option(sub, ZMQ_RECONNECT_IVL, -1);
	remote_option(sub, ZMQ_LINGER, 0); /* the subscription of who is refused */
	remote_subscribe(sub, "");
	remote_connect(sub, at);
	return sub;
}

struct who {
	const char *user, *mechanism;
};

static bool is_in(json_t *peers, const void *context)
{
	const struct who *who = context;
	json_t *row;
	size_t i;

	json_array_foreach(peers, i, row)
	{
		if (strcmp(json_string_value(json_object_get(row, "user")), who->user) == 0 &&
		    strcmp(json_string_value(json_object_get(row, "mechanism")), who->mechanism) ==
			    0 &&
		    strcmp(json_string_value(json_object_get(row, "state")), "ready") == 0)
			return true;
	}
	return false;
}

static void expect_in(struct appliance *a, const char *user, const char *mechanism)
{
	const struct who who = {user, mechanism};

	appliance_await(a, "peers", is_in, &who, "the user is in");
}

/* Messages come to who is in. */
static void expect_traffic(struct appliance *a, struct peer *sub)
{
	struct peer *pub;

	peer_secure(NULL);
	pub = remote_start(&a->net, "pub", ZMQ_XPUB);
	remote_connect(pub, FRONTEND);
	remote_expect_subscription(pub, true, "");
	remote_send(pub, "A1");
	remote_expect(sub, "A1");
	remote_end(pub);
}

/* --- claims --- */

static void test_null_asks_and_does_as_it_is_told(void **state)
{
	struct appliance *a;
	struct peer *z, *sub, *other;
	char id[64];

	(void)state;
	by_ipc();
	a = start("mechanism: \"null\"", BACKEND, "1h");
	z = handler_start(a);
	sub = subscriber(a, BACKEND);
	expect_request(z, id, LAB_PEER_IP, "NULL");
	other = subscriber(a, BACKEND); /* waits behind it */
	reply(z, id, "200", "alice");
	expect_in(a, "alice", "NULL");
	expect_request(z, id, LAB_PEER_IP, "NULL");
	reply(z, id, "400", "");
	appliance_await_closes(a, "zap_denied", 1);
	remote_end(other);
	expect_traffic(a, sub);
	remote_end(sub);
	remote_end(z);
	finish(a);
}

static struct peer_security alice = {.user = "alice", .password = "wonderland"};

static void test_plain_asks_over_tcp(void **state)
{
	static const struct {
		const char *status, *reason;
	} no[] = {{"300", "zap_temporary"}, {"400", "zap_denied"}, {"500", "zap_error"}};
	struct appliance *a;
	struct peer *z, *sub;
	char id[64];

	(void)state;
	strcpy(handler_at, "tcp://127.0.0.1:9900");
	a = start("mechanism: plain, role: server", BACKEND, "1h");
	z = handler_start(a);
	peer_secure(&alice);
	for (unsigned i = 0; i < 3; i++) {
		sub = subscriber(a, BACKEND);
		expect_request(z, id, LAB_PEER_IP, "PLAIN");
		remote_expect(z, "alice");
		remote_expect(z, "wonderland");
		reply(z, id, no[i].status, "alice");
		appliance_await_closes(a, no[i].reason, 1);
		remote_end(sub);
	}
	sub = subscriber(a, BACKEND);
	expect_request(z, id, LAB_PEER_IP, "PLAIN");
	remote_expect(z, "alice");
	remote_expect(z, "wonderland");
	reply(z, id, "200", "Alice Liddell");
	expect_in(a, "Alice Liddell", "PLAIN");
	expect_traffic(a, sub);
	remote_end(sub);
	remote_end(z);
	finish(a);
}

static void test_plain_over_ipc_is_asked_for_by_uid_and_pid(void **state)
{
	char bind[128], id[64], address[256];
	struct appliance *a;
	struct peer *z, *sub;

	(void)state;
	by_ipc();
	snprintf(bind, sizeof(bind), "ipc://%s/out", folder);
	a = start("mechanism: plain, role: server", bind, "1h");
	z = handler_start(a);
	peer_secure(&alice);
	sub = subscriber(a, bind);
	remote_expect(z, "1.0");
	peer_tell(z, "receive", 0);
	const struct note *got = peer_hear(z, "got");
	snprintf(id, sizeof(id), "%.*s", (int)got->bytes, (const char *)got->data);
	remote_expect(z, "lab");
	peer_tell(z, "receive", 0);
	got = peer_hear(z, "got");
	snprintf(address, sizeof(address), "%.*s", (int)got->bytes, (const char *)got->data);
	assert_memory_equal(address, "localhost:0:0:", 14);
	remote_expect(z, "");
	remote_expect(z, "PLAIN");
	remote_expect(z, "alice");
	remote_expect(z, "wonderland");
	reply(z, id, "200", "alice");
	expect_in(a, "alice", "PLAIN");
	expect_traffic(a, sub);
	remote_end(sub);
	remote_end(z);
	finish(a);
}

static void test_curve_shows_the_peers_key(void **state)
{
	char own[2][KEY], hers[2][KEY], security[256], id[64];
	struct peer_security with = {
		.public_key = hers[0], .secret_key = hers[1], .server_key = own[0]};
	struct appliance *a;
	struct peer *z, *sub;
	uint8_t key[32];
	FILE *f;

	(void)state;
	by_ipc();
	zmq_curve_keypair(own[0], own[1]);
	zmq_curve_keypair(hers[0], hers[1]);
	zmq_z85_decode(key, hers[0]);
	snprintf(security, sizeof(security), "%s/own.cert_secret", folder);
	f = fopen(security, "we");
	assert_non_null(f);
	fprintf(f, "curve\n    public-key = \"%s\"\n    secret-key = \"%s\"\n", own[0], own[1]);
	fclose(f);
	snprintf(security, sizeof(security),
		 "mechanism: curve, role: server, secret_key: %s/own.cert_secret", folder);
	a = start(security, BACKEND, "1h");
	z = handler_start(a);
	peer_secure(&with);
	sub = subscriber(a, BACKEND);
	expect_request(z, id, LAB_PEER_IP, "CURVE");
	remote_expect_bytes(z, key, sizeof(key));
	reply(z, id, "400", "");
	appliance_await_closes(a, "zap_denied", 1);
	remote_end(sub);
	sub = subscriber(a, BACKEND);
	expect_request(z, id, LAB_PEER_IP, "CURVE");
	remote_expect_bytes(z, key, sizeof(key));
	reply(z, id, "200", "alice");
	expect_in(a, "alice", "CURVE");
	expect_traffic(a, sub);
	remote_end(sub);
	remote_end(z);
	finish(a);
}

/* It dies with the question, and the next one is asked it. */
static void test_a_handler_that_is_killed_is_asked_again(void **state)
{
	struct appliance *a;
	struct peer *z, *sub;
	char id[64], again[64];

	(void)state;
	by_ipc();
	a = start("mechanism: plain, role: server", BACKEND, "1h");
	z = handler_start(a);
	peer_secure(&alice);
	sub = subscriber(a, BACKEND);
	expect_request(z, id, LAB_PEER_IP, "PLAIN");
	peer_signal(z, SIGKILL);
	z = handler_start(a);
	expect_request(z, again, LAB_PEER_IP, "PLAIN");
	remote_expect(z, "alice");
	remote_expect(z, "wonderland");
	assert_string_equal(id, again);
	reply(z, again, "200", "alice");
	expect_in(a, "alice", "PLAIN");
	/* And who is in needs it no more. */
	peer_signal(z, SIGKILL);
	expect_traffic(a, sub);
	remote_end(sub);
	finish(a);
}

static void test_without_a_handler_nobody_comes_in(void **state)
{
	struct appliance *a;
	struct peer *z, *sub;
	char id[64];

	(void)state;
	by_ipc();
	a = start("mechanism: plain, role: server", BACKEND, "100ms");
	peer_secure(&alice);
	sub = subscriber(a, BACKEND);
	appliance_await_closes(a, "zap_absent", 1);
	remote_end(sub);
	z = handler_start(a);
	appliance_await_counter(a, "control.zap_connections", 1);
	peer_secure(&alice);
	sub = subscriber(a, BACKEND);
	expect_request(z, id, LAB_PEER_IP, "PLAIN");
	remote_expect(z, "alice");
	remote_expect(z, "wonderland");
	appliance_await_closes(a, "zap_timeout", 1);
	reply(z, id, "200", "alice");
	appliance_await_counter(a, "control.zap_replies_unknown", 1);
	appliance_await_peers(a, 0);
	remote_end(sub);
	remote_end(z);
	finish(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_null_asks_and_does_as_it_is_told),
		LAB_TEST(test_plain_asks_over_tcp),
		LAB_TEST(test_plain_over_ipc_is_asked_for_by_uid_and_pid),
		LAB_TEST(test_curve_shows_the_peers_key),
		LAB_TEST(test_a_handler_that_is_killed_is_asked_again),
		LAB_TEST(test_without_a_handler_nobody_comes_in),
	};
	int status = lab_begin();

	appliance_is_small();
	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
