/* GSSAPI with libzmq as the peer, both roles, by tickets of a KDC that the test starts: who is
 * allowed comes in by name, all traffic passes whole, wrapped and in the clear, and nobody else
 * does, for a reason that is counted. Nothing else waits while a KDC does not answer.
 *
 * libzmq up to 4.3.5 says its SUB sockets' subscriptions without what marks them, where it wraps
 * them: subscribers here are XSUB, whose own are messages. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_krb5.h>

#include "tests/interop/appliance.h"
#include "tests/interop/pipeline.h"
#include "tests/interop/raw.h"
#include "tests/interop/realm.h"
#include "tests/interop/remote.h"

#define BINDS_FRONT "bind: [\"" FRONTEND "\"], hwm: 0"
#define BINDS_BACK  "bind: [\"" BACKEND "\"], hwm: 0"
#define PUSHES_AT   "tcp://" LAB_PEER_IP ":5700"
#define PULLS_AT    "tcp://" LAB_PEER_IP ":5800"
#define DIALS(at)   "connect: [\"" at "\"], hwm: 0, reconnect: 50ms, reconnect_max: 100ms"

static const struct peer_security alice = {.principal = "alice", .service = "zmq/feed"},
				  bob = {.principal = "bob", .service = "zmq/feed"},
				  astray = {.principal = "alice", .service = "zmq/other"},
				  peer_server = {.server = true, .principal = "zmq/peer"};
static char server[320], client[320], folder[64];

/* --- the appliance and its realm --- */

static void allow(const char *names)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/allowed", folder);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(names, f);
	fclose(f);
}

static void prepare(void)
{
	lab_folder(folder, sizeof(folder));
	realm_make();
	allow("# who may come in\nalice@ZL.TEST\n");
	snprintf(server, sizeof(server),
		 ", security: {mechanism: gssapi, role: server, keytab: %s/feed.keytab, principal: "
		 "zmq/feed, allow: %s/allowed}",
		 folder, folder);
	snprintf(client, sizeof(client),
		 ", security: {mechanism: gssapi, role: client, keytab: %s/box.keytab, principal: "
		 "zeroline/box, service: zmq/peer}",
		 folder);
}

static struct appliance *prepare_appliance(const char *kind, const char *front, const char *back,
					   const char *security)
{
	static char side[2][700];
	struct appliance *a;

	snprintf(side[0], sizeof(side[0]), "%s%s", front, security);
	snprintf(side[1], sizeof(side[1]), "%s%s", back, security);
	a = appliance_prepare(
		&(struct appliance_config){.kind = kind, .frontend = side[0], .backend = side[1]});
	realm_start(&a->net);
	return a;
}

static void go(struct appliance *a)
{
	appliance_start_dataplane(a);
	appliance_start_control(a);
	appliance_ready(a);
}

static struct appliance *start(const char *kind, const char *front, const char *back,
			       const char *security)
{
	struct appliance *a = prepare_appliance(kind, front, back, security);

	go(a);
	return a;
}

static void finish(struct appliance *a)
{
	realm_signal(SIGKILL);
	appliance_stop(a);
	peer_secure(NULL);
}

/* `security` with one more key. */
static const char *with(const char *security, const char *key)
{
	static char text[400];

	snprintf(text, sizeof(text), "%.*s, %s}", (int)strlen(security) - 1, security, key);
	return text;
}

/* --- traffic --- */

static const uint32_t sizes[] = {1,   2,    30,   180,  181,  182,   183,    254,
				 255, 1400, 1448, 3000, 8192, 70000, 300000, 1 << 20};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* What every byte of a part is made of. */
static uint8_t byte_of(unsigned part, uint32_t at)
{
	return (uint8_t)(part * 31 + at * 7 + (at >> 8));
}

static void push_sizes(struct peer *self, const void *plan)
{
	static uint8_t part[1 << 20];
	void *socket = peer_open(self, ZMQ_PUSH, plan, false);

	for (unsigned i = 0; i < 2 * SIZES; i++) {
		uint32_t n = sizes[i % SIZES];

		for (uint32_t at = 0; at < n; at++)
			part[at] = byte_of(i, at);
		if (zmq_send(socket, part, n, i % 3 < 2 && i + 1 < 2 * SIZES ? ZMQ_SNDMORE : 0) < 0)
			peer_fail(self, "send: %s", zmq_strerror(zmq_errno()));
	}
	peer_listen(self, "end");
}

static void pull_sizes(struct peer *self, const void *plan)
{
	static uint8_t part[(1 << 20) + 1];
	void *socket = peer_open(self, ZMQ_PULL, plan, false);

	for (unsigned i = 0; i < 2 * SIZES; i++) {
		int n = zmq_recv(socket, part, sizeof(part), 0), more;
		size_t bytes = sizeof(more);

		zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &bytes);
		if (n != (int)sizes[i % SIZES] || more != (i % 3 < 2 && i + 1 < 2 * SIZES))
			peer_fail(self, "part %u has %d bytes, more %d", i, n, more);
		for (uint32_t at = 0; at < (uint32_t)n; at++)
			if (part[at] != byte_of(i, at))
				peer_fail(self, "part %u differs at %u", i, at);
	}
}

static void test_messages_of_all_sizes_and_parts_stay_whole(void **state)
{
	static const char *const clear[] = {"plaintext: no", "plaintext: yes"};
	struct peer_security as = alice;

	(void)state;
	prepare();
	for (unsigned i = 0; i < 2; i++) {
		struct appliance *a = start("streamer", BINDS_FRONT, BINDS_BACK,
					    with(server, clear[i]));
		struct peer *from, *to;

		as.plaintext = i;
		peer_secure(&as);
		to = peer_start(&a->net, "puller", pull_sizes, BACKEND);
		from = peer_start(&a->net, "pusher", push_sizes, FRONTEND);
		peer_done(to);
		peer_tell(from, "end", 0);
		peer_done(from);
		assert_true((appliance_counter(a, "zmtp.boxes_out") > 0) == (i == 0));
		finish(a);
	}
}

/* Through a streamer, whoever connects; the appliance is the client where it does. */
static void stream(const char *front, const char *back, const char *security,
		   const struct peer_security *peers, bool peers_bind)
{
	struct appliance *a = start("streamer", front, back, security);
	struct pusher push = {.endpoint = peers_bind ? PUSHES_AT : FRONTEND,
			      .type = ZMQ_PUSH,
			      .bind = peers_bind,
			      .messages = lab_scaled(50000),
			      .bytes = 64,
			      .parts = 3};
	struct puller pull = {
		.endpoint = peers_bind ? PULLS_AT : BACKEND, .type = ZMQ_PULL, .bind = peers_bind};

	peer_secure(peers);
	pipeline_pass(a, &push, &pull);
	finish(a);
}

static void test_gssapi_works_in_both_roles_wrapped_and_in_the_clear(void **state)
{
	struct peer_security as_server = peer_server;

	(void)state;
	prepare();
	stream(BINDS_FRONT, BINDS_BACK, server, &alice, false);
	stream(DIALS(PUSHES_AT), DIALS(PULLS_AT), client, &peer_server, true);
	as_server.plaintext = true;
	stream(DIALS(PUSHES_AT), DIALS(PULLS_AT), with(client, "plaintext: yes"), &as_server, true);
}

/* XSUB: what it says is a message of its own. */
static void subscribe(struct peer *sub, const char *prefix)
{
	char text[32];

	snprintf(text, sizeof(text), "\1%s", prefix);
	remote_send(sub, text);
}

static void publish_and_subscribe(struct appliance *a, const char *in, const char *out)
{
	struct peer *pub = remote_start(&a->net, "pub", ZMQ_XPUB);
	struct peer *sub = remote_start(&a->net, "sub", ZMQ_XSUB);

	remote_connect(sub, out);
	subscribe(sub, "A");
	remote_connect(pub, in);
	remote_expect_subscription(pub, true, "A");
	remote_send(pub, "B1");
	remote_send(pub, "A1");
	remote_expect(sub, "A1");
	subscribe(sub, "B");
	remote_expect_subscription(pub, true, "B");
	remote_send(pub, "B2");
	remote_expect(sub, "B2");
	remote_send_bytes(sub, "\0A", 2);
	remote_expect_subscription(pub, false, "A");
	remote_send(pub, "A3");
	remote_send(pub, "B3");
	remote_expect(sub, "B3");
	remote_end(pub);
	remote_end(sub);
}

static void test_subscriptions_go_up_and_topics_come_down(void **state)
{
	char front[128], back[128], at[2][100];
	struct appliance *a;

	(void)state;
	prepare();
	peer_secure(&alice);
	a = start("forwarder", BINDS_FRONT, BINDS_BACK, server);
	publish_and_subscribe(a, FRONTEND, BACKEND);
	finish(a);
	snprintf(at[0], sizeof(at[0]), "ipc://%s/in", folder);
	snprintf(at[1], sizeof(at[1]), "ipc://%s/out", folder);
	snprintf(front, sizeof(front), "bind: [\"%s\"]", at[0]);
	snprintf(back, sizeof(back), "bind: [\"%s\"]", at[1]);
	peer_secure(&alice);
	a = start("forwarder", front, back, server);
	publish_and_subscribe(a, at[0], at[1]);
	finish(a);
}

/* --- names, and control --- */

static bool is_alice(json_t *peers, const void *name)
{
	json_t *row = json_array_get(peers, 0);

	return json_array_size(peers) == 1 &&
	       strcmp(json_string_value(json_object_get(row, "user")), name) == 0 &&
	       strcmp(json_string_value(json_object_get(row, "mechanism")), "GSSAPI") == 0;
}

static void test_traffic_goes_on_without_control_and_names_are_shown_by_the_next(void **state)
{
	struct appliance *a;
	struct peer *in, *out;

	(void)state;
	prepare();
	a = prepare_appliance("streamer", BINDS_FRONT, BINDS_BACK, server);
	go(a);
	peer_secure(&alice);
	out = remote_start(&a->net, "out", ZMQ_PULL);
	remote_connect(out, BACKEND);
	appliance_await(a, "peers", is_alice, "alice@ZL.TEST", "alice is shown");
	in = remote_start(&a->net, "in", ZMQ_PUSH);
	remote_connect(in, FRONTEND);
	remote_send(in, "1");
	remote_expect(out, "1");
	lab_kill(&a->control, SIGKILL);
	remote_send(in, "2");
	remote_expect(out, "2");
	appliance_start_control(a);
	appliance_ready(a);
	appliance_await_peers(a, 2);
	remote_send(in, "3");
	remote_expect(out, "3");
	assert_int_equal(remote_disconnects(in) + remote_disconnects(out), 0);
	remote_end(in);
	appliance_await(a, "peers", is_alice, "alice@ZL.TEST", "alice is shown by the next");
	allow("bob@ZL.TEST\n");
	appliance_await_closes(a, "revoked", 1);
	remote_end(out);
	finish(a);
}

/* --- who does not come in --- */

static void refused(struct appliance *a, const struct peer_security *as, const char *reason)
{
	uint64_t before = appliance_closes(a, reason);
	struct peer *p;

	printf("%s\n", reason);
	peer_secure(as);
	p = remote_start(&a->net, "stranger", ZMQ_PULL);
	remote_option(p, ZMQ_RECONNECT_IVL, -1);
	remote_connect(p, BACKEND);
	appliance_await_closes(a, reason, before + 1);
	remote_end(p);
}

static void test_whoever_is_not_allowed_does_not_come_in(void **state)
{
	struct peer_security in_the_clear = alice;
	struct appliance *a;

	(void)state;
	prepare();
	a = start("streamer", BINDS_FRONT, BINDS_BACK, server);
	refused(a, &bob, "principal_denied");
	refused(a, &astray, "gssapi_wrong_service");
	in_the_clear.plaintext = true;
	refused(a, &in_the_clear, "closed_in_handshake"); /* libzmq sees it first */
	finish(a);
}

/* In a child: what alice's library says first, as the body of a command. */
static void say_initiate(struct peer *self, const void *plan)
{
	gss_buffer_desc text = {8, "zmq/feed"}, token = GSS_C_EMPTY_BUFFER;
	gss_ctx_id_t context = GSS_C_NO_CONTEXT;
	gss_name_t name;
	OM_uint32 minor;
	uint8_t body[4096] = "\10INITIATE";

	(void)plan;
	if (gss_import_name(&minor, &text, (gss_OID)GSS_KRB5_NT_PRINCIPAL_NAME, &name) ||
	    gss_init_sec_context(&minor, GSS_C_NO_CREDENTIAL, &context, name, GSS_C_NO_OID,
				 GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG, 0, NULL, NULL, NULL, &token,
				 NULL, NULL) != GSS_S_CONTINUE_NEEDED ||
	    token.length > sizeof(body) - 13)
		peer_fail(self, "no token");
	body[11] = (uint8_t)(token.length >> 8);
	body[12] = (uint8_t)token.length;
	memcpy(body + 13, token.value, token.length);
	peer_say_data(self, "initiate", 0, body, 13 + token.length);
}

struct initiate {
	uint8_t frame[9 + 4096];
	size_t n;
};

static struct initiate initiate(struct appliance *a)
{
	struct peer *p = peer_start(&a->net, "alice", say_initiate, NULL);
	const struct note *said = peer_hear(p, "initiate");
	struct initiate in = {.frame = {6}, .n = 9 + said->bytes};

	in.frame[7] = (uint8_t)(said->bytes >> 8);
	in.frame[8] = (uint8_t)said->bytes;
	memcpy(in.frame + 9, said->data, said->bytes);
	peer_done(p);
	return in;
}

static void says(struct peer *p, const struct initiate *in)
{
	static const char greeting[64] = "\xff\0\0\0\0\0\0\0\1\x7f\3\1GSSAPI";

	raw_connect(p, 5556);
	raw_send(p, greeting, sizeof(greeting));
	raw_receive(p, sizeof(greeting));
	raw_send(p, in->frame, in->n);
}

/* One bit of each byte of what alice said, after the frame's header: of all but what nobody reads
 * the ticket tells that it was altered, and of that the server knows that it was said before. */
static void test_what_was_recorded_or_altered_is_refused(void **state)
{
	struct appliance *a;
	struct initiate in;
	uint64_t refused;
	struct peer *p;

	(void)state;
	prepare();
	a = start("streamer", BINDS_FRONT, BINDS_BACK, server);
	p = raw_start(&a->net, "alice");
	in = initiate(a);
	says(p, &in);
	RAW_EXPECTS(p, "\4");
	says(p, &in);
	raw_expect_close(p);
	appliance_await_closes(a, "gssapi_replay", 1);
	/* the next control has not forgotten */
	lab_kill(&a->control, SIGKILL);
	appliance_start_control(a);
	appliance_ready(a);
	says(p, &in);
	raw_expect_close(p);
	appliance_await_closes(a, "gssapi_replay", 1);
	refused = appliance_counter(a, "control.streams_refused");
	for (size_t i = 9; i < in.n; i += 5) {
		in.frame[i] ^= (uint8_t)(1u << i % 8);
		says(p, &in);
		raw_expect_close(p);
		in.frame[i] ^= (uint8_t)(1u << i % 8);
		refused++;
	}
	assert_true(appliance_counter(a, "control.streams_refused") == refused);
	raw_end(p);
	finish(a);
}

/* --- a KDC that does not answer --- */

static void awaits_failure(struct appliance *a)
{
	appliance_await_closes(a, "gssapi_no_ticket", 1);
}

/* How many the KDC has given. */
static unsigned tickets_of_box(void)
{
	unsigned n = 0;
	char *log = realm_log();

	for (char *line = strtok(log, "\n"); line; line = strtok(NULL, "\n"))
		n += strstr(line, "TGS_REQ") && strstr(line, "ISSUE") &&
		     strstr(line, "zeroline/box@ZL.TEST for zmq/peer@ZL.TEST");
	free(log);
	return n;
}

/* A server at PULLS_AT that greets whoever comes, and asks no KDC: libzmq's may, before it has
 * greeted. */
static void greeter_run(struct peer *self, const void *plan)
{
	char greeting[64] = "\xff\0\0\0\0\0\0\0\1\x7f\3\1GSSAPI";
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(5800)};
	struct pollfd come = {.events = POLLIN};
	int yes = 1, fd;
	char rest[256];

	(void)plan;
	greeting[32] = 1; /* as a server */
	come.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(come.fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(come.fd, (struct sockaddr *)&at, sizeof(at)) || listen(come.fd, 10))
		peer_fail(self, "bind to port 5800: %s", strerror(errno));
	peer_say(self, "bound", 0, 0);
	while (!peer_is_told(self)) {
		if (poll(&come, 1, 50) < 1)
			continue;
		fd = accept4(come.fd, NULL, NULL, SOCK_CLOEXEC);
		if (send(fd, greeting, sizeof(greeting), MSG_NOSIGNAL) == sizeof(greeting))
			while (recv(fd, rest, sizeof(rest), 0) > 0)
				;
		close(fd);
	}
	peer_listen(self, "end");
	close(come.fd);
}

static void test_nothing_waits_for_a_kdc(void **state)
{
	struct appliance *a;
	struct peer *in, *out, *greeter;
	char back[500];

	(void)state;
	prepare();
	snprintf(back, sizeof(back), DIALS(PULLS_AT) "%s", client);
	a = appliance_prepare(&(struct appliance_config){
		.kind = "streamer", .frontend = BINDS_FRONT, .backend = back});
	realm_start(&a->net);
	realm_signal(SIGSTOP);
	greeter = peer_start(&a->net, "greeter", greeter_run, NULL);
	peer_hear(greeter, "bound");
	go(a);
	awaits_failure(a);
	/* while a thread waits, others are served */
	peer_secure(NULL);
	in = remote_start(&a->net, "in", ZMQ_PUSH);
	remote_connect(in, FRONTEND);
	appliance_await_peers(a, 1);
	remote_send(in, "1");
	peer_tell(greeter, "end", 0);
	peer_done(greeter);
	realm_signal(SIGCONT);
	peer_secure(&peer_server);
	out = remote_start(&a->net, "out", ZMQ_PULL);
	remote_bind(out, PULLS_AT);
	remote_expect(out, "1");
	/* and the one ticket is for all connections */
	remote_end(out);
	appliance_await_peers(a, 1);
	peer_secure(&peer_server);
	out = remote_start(&a->net, "out", ZMQ_PULL);
	remote_bind(out, PULLS_AT);
	remote_send(in, "2");
	remote_expect(out, "2");
	assert_int_equal(tickets_of_box(), 1);
	remote_end(in);
	remote_end(out);
	finish(a);
}

static bool has_failed(json_t *stats, const void *context)
{
	json_t *row;
	size_t i;

	(void)context;
	json_array_foreach(stats, i, row)
	{
		if (strcmp(json_string_value(json_object_get(row, "name")),
			   "control.tickets_failed") == 0)
			return json_integer_value(json_object_get(row, "total")) > 0;
	}
	return false;
}

/* A key that is not the principal's any more. */
static void test_without_a_good_key_there_is_no_ticket(void **state)
{
	char security[320];
	struct appliance *a;
	struct peer *out;
	char *log;

	(void)state;
	prepare();
	snprintf(security, sizeof(security),
		 ", security: {mechanism: gssapi, role: client, keytab: %s/stale.keytab, "
		 "principal: zeroline/box, service: zmq/peer}",
		 folder);
	a = prepare_appliance("streamer", DIALS(PUSHES_AT), DIALS(PULLS_AT), security);
	go(a);
	peer_secure(&peer_server);
	out = remote_start(&a->net, "out", ZMQ_PULL);
	remote_bind(out, PULLS_AT);
	appliance_await(a, "stats", has_failed, NULL, "a ticket could not be fetched");
	awaits_failure(a);
	log = lab_log(&a->control);
	assert_non_null(strstr(log, "no ticket of zeroline/box for zmq/peer: "));
	free(log);
	remote_end(out);
	finish(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LAB_TEST(test_messages_of_all_sizes_and_parts_stay_whole),
		LAB_TEST(test_gssapi_works_in_both_roles_wrapped_and_in_the_clear),
		LAB_TEST(test_subscriptions_go_up_and_topics_come_down),
		LAB_TEST(test_traffic_goes_on_without_control_and_names_are_shown_by_the_next),
		LAB_TEST(test_whoever_is_not_allowed_does_not_come_in),
		LAB_TEST(test_what_was_recorded_or_altered_is_refused),
		LAB_TEST(test_nothing_waits_for_a_kdc),
		LAB_TEST(test_without_a_good_key_there_is_no_ticket),
	};
	int status = lab_begin();

	appliance_is_small();
	if (!status && !realm_possible()) {
		printf("SKIPPED: no KDC; scripts/setup installs krb5-kdc and krb5-admin-server\n");
		status = LAB_SKIPPED;
	}
	return status ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
