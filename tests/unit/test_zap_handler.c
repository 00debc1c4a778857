/* Control and a ZAP handler that follows a script, byte by byte: a peer waits for its word, and
 * comes in by nothing else, whatever the handler does or fails to do. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/scripted_dataplane.h"

#define PEER   id_of(0, 7)
#define OTHER  id_of(0, 8)
#define DIGITS 16

static char config[900], handler_name[64];
static int listener = -1, handler = -1;

static struct sockaddr_un address(socklen_t *bytes)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	memcpy(a.sun_path + 1, handler_name, strlen(handler_name));
	*bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(handler_name));
	return a;
}

static void handler_listen(void)
{
	socklen_t bytes;
	struct sockaddr_un a = address(&bytes);

	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&a, bytes), 0);
	assert_int_equal(listen(listener, 8), 0);
}

static int start_with(void **state, const char *timeout, bool listens)
{
	snprintf(handler_name, sizeof(handler_name), "zl-test-zap-%d", (int)getpid());
	snprintf(config, sizeof(config),
		 "cores: {poll: 1}\nmemory: {hugepages: no}\nports:\n"
		 "- {name: e0, kind: tap, device: zl0, address: 10.0.0.1/24}\n"
		 "- {name: e1, kind: tap, device: zl1, address: 10.0.1.1/24}\n"
		 "devices:\n- name: feed\n  kind: forwarder\n"
		 "  frontend: {bind: 'tcp://*:5555', connect: 'tcp://10.0.0.9:5557', reconnect: "
		 "1ms}\n"
		 "  backend: {bind: 'tcp://*:5556', security: {mechanism: plain, role: server, "
		 "zap: {endpoint: 'ipc://@%s', domain: lab, timeout: %s}}, policy: {users: "
		 "[{connect: deny, user: mallory, endpoint: 'tcp://*:5556'}, {connect: allow, "
		 "user: alice, rate_in: {messages: 7}}, {connect: allow}]}}\n",
		 handler_name, timeout);
	bed_config = config;
	listener = handler = -1;
	if (listens)
		handler_listen();
	return bed_start(state);
}

static int start(void **state)
{
	return start_with(state, "1h", true);
}

static int start_hasty(void **state)
{
	return start_with(state, "20ms", true);
}

static int start_alone(void **state)
{
	return start_with(state, "20ms", false);
}

static void hang_up(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int stop(void **state)
{
	hang_up(&handler);
	hang_up(&listener);
	bed_config = NULL;
	return bed_stop(state);
}

/* --- the handler --- */

static void hear(void *bytes, size_t n)
{
	size_t got = 0;

	while (got < n) {
		await(handler);
		ssize_t more = recv(handler, (char *)bytes + got, n - got, 0);
		assert_true(more > 0);
		got += (size_t)more;
	}
}

#define EXPECT(text)                                                                               \
	do {                                                                                       \
		char bytes_[sizeof(text) - 1];                                                     \
		hear(bytes_, sizeof(bytes_));                                                      \
		assert_memory_equal(bytes_, text, sizeof(bytes_));                                 \
	} while (0)
#define SAY(text) assert_int_equal(send(handler, text, sizeof(text) - 1, 0), sizeof(text) - 1)

/* As a REP. */
static void handler_accept(void)
{
	uint8_t theirs[64];

	await(listener);
	handler = accept(listener, NULL, NULL);
	assert_true(handler >= 0);
	assert_int_equal(send(handler, greeting, 64, 0), 64);
	SAY("\4\x19\5READY\x0bSocket-Type\0\0\0\3REP");
	hear(theirs, 64);
	assert_memory_equal(theirs, greeting, 64);
	EXPECT("\4\x29\5READY\x0bSocket-Type\0\0\0\6DEALER\x08Identity\0\0\0\0");
}

static void expect_request(char id[DIGITS + 1], const char *user)
{
	char rest[64];
	size_t n = (size_t)snprintf(rest, sizeof(rest), "%c%s%c%c%s", (int)strlen(user), user, 0, 3,
				    "abc");
	char heard[64];

	EXPECT("\1\0\1\3"
	       "1.0\1\x10");
	hear(id, DIGITS);
	id[DIGITS] = '\0';
	EXPECT("\1\3lab\1\10"
	       "10.0.0.2\1\0\1\5PLAIN\1");
	hear(heard, n);
	assert_memory_equal(heard, rest, n);
}

static void reply(const char *version, const char *id, const char *status, const char *user,
		  const char *metadata)
{
	const char *part[] = {"", version, id, status, "", user, metadata};
	char bytes[256];
	size_t at = 0;

	for (unsigned i = 0; i < 7; i++) {
		bytes[at++] = i < 6;
		bytes[at++] = (char)strlen(part[i]);
		memcpy(bytes + at, part[i], strlen(part[i]));
		at += strlen(part[i]);
	}
	assert_int_equal(send(handler, bytes, at, 0), at);
}

/* --- the peer --- */

static void say_hello(uint64_t stream, const char *user)
{
	uint8_t g[64] = {0xff, [8] = 1, [9] = 0x7f, [10] = 3, [11] = 1};
	uint8_t rest[53] = {1};
	char hello[64];
	int n = snprintf(hello, sizeof(hello), "\5HELLO%c%s\3abc", (int)strlen(user), user);

	memcpy(g + 12, "PLAIN", 5);
	memcpy(rest, g + 11, 53);
	rest[32 - 11] = 1; /* as server */
	open_stream(stream, bed.bind_back, bed.backend);
	give_bytes(stream, ZL_RELAY_GREETING, g, 10, false);
	expect_send(stream, g + 10, 1);
	give_bytes(stream, ZL_RELAY_GREETING, g + 10, 54, false);
	expect_send(stream, rest, sizeof(rest));
	give_bytes(stream, ZL_RELAY_COMMAND, hello, (size_t)n, false);
}

#define WELCOME "\4\10\7WELCOME"
static void expect_welcome(uint64_t stream)
{
	expect_send(stream, WELCOME, sizeof(WELCOME) - 1);
}

/* --- claims --- */

/* The whole handshake of "al", whom the handler calls `name`. */
static void come_in(uint64_t stream, const char *name)
{
	static const uint8_t initiate[] = "\x08INITIATE\x0bSocket-Type\0\0\0\3SUB";
	char id[DIGITS + 1];

	say_hello(stream, "al");
	expect_request(id, "al");
	reply("1.0", id, "200", name, "");
	expect_welcome(stream);
	give_bytes(stream, ZL_RELAY_COMMAND, initiate, sizeof(initiate) - 1, false);
	receive(ZL_IPC_STREAM_SEND);
}

/* And so with the rights of that name. */
static void test_a_peer_comes_in_under_the_name_that_the_handler_gives_it(void **state)
{
	const struct zl_ipc_stream_ready *r;

	(void)state;
	set_up_all();
	handler_accept();
	come_in(PEER, "alice");
	r = receive(ZL_IPC_STREAM_READY);
	assert_int_equal(r->stream, PEER);
	assert_string_equal(r->user, "alice");
	assert_int_equal(r->in.msgs_per_s, 7);
	assert_int_equal(r->out.msgs_per_s, 0);
	come_in(OTHER, "bob");
	r = receive(ZL_IPC_STREAM_READY);
	assert_string_equal(r->user, "bob");
	assert_int_equal(r->in.msgs_per_s, 0);
}

static void test_a_user_who_may_not_use_the_endpoint_is_closed(void **state)
{
	(void)state;
	set_up_all();
	handler_accept();
	come_in(PEER, "mallory");
	expect_close(PEER, "endpoint_denied");
}

/* By the rules of the control that finds it there. */
static void test_who_is_there_already_must_still_be_allowed(void **state)
{
	struct zl_ipc_socket *socket;
	struct zl_ipc_endpoint *e;
	struct zl_ipc_stream_state *s;

	(void)state;
	accept_control(1);
	receive(ZL_IPC_DUMP);
	uint64_t seq = HEADER->seq;
	socket = begin(ZL_IPC_SOCKET_ADD, seq);
	*socket = (struct zl_ipc_socket){.id = 102, .type = ZL_XPUB};
	strcpy(socket->name, "feed.backend");
	deliver();
	e = begin(ZL_IPC_ENDPOINT_ADD, seq);
	*e = (struct zl_ipc_endpoint){.id = 105, .socket = 102, .port = 5556};
	strcpy(e->text, "tcp://*:5556");
	deliver();
	for (unsigned i = 0; i < 2; i++) {
		s = begin(ZL_IPC_STREAM_STATE, seq);
		fill_open(&s->open, i ? PEER : OTHER, 105, 102);
		s->ready.stream = s->open.stream;
		s->ready.peer_type = ZL_SUB;
		s->ready.zmtp = ZL_ZMTP_V3_1;
		strcpy(s->ready.user, i ? "mallory" : "bob");
		deliver();
	}
	HEADER->seq = seq;
	answer(0, "", 0);
	expect_close(PEER, "endpoint_denied");
}

static void test_answers_may_come_in_any_order(void **state)
{
	char first[DIGITS + 1], second[DIGITS + 1];

	(void)state;
	set_up_all();
	handler_accept();
	say_hello(PEER, "al");
	say_hello(OTHER, "bob");
	expect_request(first, "al");
	expect_request(second, "bob");
	assert_string_not_equal(first, second);
	reply("1.0", second, "200", "", "");
	expect_welcome(OTHER);
	reply("1.0", first, "400", "", "");
	expect_send(PEER,
		    "\4\12\5ERROR\3"
		    "400",
		    12);
	expect_close(PEER, "zap_denied");
}

static void test_a_malformed_reply_refuses_its_peer_by_name(void **state)
{
	static const struct {
		const char *version, *status, *user, *metadata, *reason;
	} table[] = {
		{"1.1", "200", "", "", "zap_version"},
		{"1.0", "299", "", "", "zap_status"},
		{"1.0", "200", "", "x", "zap_metadata"},
	};
	char id[DIGITS + 1];

	(void)state;
	set_up_all();
	handler_accept();
	for (unsigned i = 0; i < 3; i++) {
		say_hello(id_of(0, 20 + i), "al");
		expect_request(id, "al");
		reply(table[i].version, id, table[i].status, table[i].user, table[i].metadata);
		expect_close(id_of(0, 20 + i), table[i].reason);
	}
}

/* And the connection stays good for who comes after. */
static void test_another_requests_reply_lets_nobody_in(void **state)
{
	char id[DIGITS + 1], wrong[DIGITS + 1];
	json_int_t unknown = 0;
	json_t *stats, *row;
	size_t i;

	(void)state;
	set_up_all();
	handler_accept();
	say_hello(PEER, "al");
	expect_request(id, "al");
	strcpy(wrong, id);
	wrong[0] = id[0] == '0' ? '1' : '0';
	reply("1.0", wrong, "200", "alice", "");
	reply("1.0", "1", "200", "alice", "");
	reply("1.0", id, "500", "", "");
	expect_send(PEER,
		    "\4\12\5ERROR\3"
		    "500",
		    12);
	expect_close(PEER, "zap_error");
	stats = ask("{\"cmd\": \"stats\"}\n");
	json_array_foreach(json_object_get(stats, "result"), i, row)
	{
		if (strcmp(json_string_value(json_object_get(row, "name")),
			   "control.zap_replies_unknown") == 0)
			unknown = json_integer_value(json_object_get(row, "total"));
	}
	assert_int_equal(unknown, 2);
	json_decref(stats);
}

static void test_a_handler_that_says_nothing_has_its_time(void **state)
{
	char id[DIGITS + 1];

	(void)state;
	set_up_all();
	handler_accept();
	say_hello(PEER, "al");
	expect_request(id, "al");
	expect_close(PEER, "zap_timeout");
	reply("1.0", id, "200", "alice", ""); /* too late for it */
	say_hello(OTHER, "bob");
	expect_request(id, "bob");
	expect_close(OTHER, "zap_timeout");
}

static void test_without_a_handler_nobody_comes_in(void **state)
{
	(void)state;
	set_up_all();
	say_hello(PEER, "al");
	expect_close(PEER, "zap_absent");
}

static void test_a_handler_that_comes_back_is_asked_again(void **state)
{
	char id[DIGITS + 1], again[DIGITS + 1];

	(void)state;
	set_up_all();
	handler_accept();
	say_hello(PEER, "al");
	expect_request(id, "al");
	hang_up(&handler);
	handler_accept();
	expect_request(again, "al");
	assert_string_equal(id, again);
	reply("1.0", again, "200", "alice", "");
	expect_welcome(PEER);
}

static void test_a_peer_that_leaves_is_not_waited_for(void **state)
{
	char id[DIGITS + 1];

	(void)state;
	set_up_all();
	handler_accept();
	say_hello(PEER, "al");
	expect_request(id, "al");
	give_closed(PEER, bed.bind_back, "reset");
	say_hello(OTHER, "bob");
	reply("1.0", id, "200", "alice", "");
	expect_request(id, "bob");
	reply("1.0", id, "200", "bob", "");
	expect_welcome(OTHER);
}

/* What is no ZMTP, too old, or a frame without end costs a connection; the next is as good. */
static void test_a_broken_handler_costs_its_connection_alone(void **state)
{
	static const char *const broken[] = {"HTTP/1.1 400 Bad Request\r\n", "\1\1x"};
	char id[DIGITS + 1], byte;

	(void)state;
	set_up_all();
	for (unsigned i = 0; i < 2; i++) {
		await(listener);
		handler = accept(listener, NULL, NULL);
		assert_true(send(handler, broken[i], strlen(broken[i]), 0) > 0);
		do
			await(handler);
		while (recv(handler, &byte, 1, 0) > 0);
		hang_up(&handler);
	}
	handler_accept();
	say_hello(PEER, "al");
	expect_request(id, "al");
	SAY("\2\0\0\0\0\1\0\0\0");
	do
		await(handler);
	while (recv(handler, &byte, 1, 0) > 0);
	hang_up(&handler);
	handler_accept();
	expect_request(id, "al");
	SAY("\4\x0b\4PING\0\1abcd");
	EXPECT("\4\x09\4PONGabcd");
	reply("1.0", id, "200", "", "");
	expect_welcome(PEER);
}

#define WITH(test, start) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_a_peer_comes_in_under_the_name_that_the_handler_gives_it, start),
		WITH(test_a_user_who_may_not_use_the_endpoint_is_closed, start),
		WITH(test_who_is_there_already_must_still_be_allowed, start),
		WITH(test_answers_may_come_in_any_order, start),
		WITH(test_a_malformed_reply_refuses_its_peer_by_name, start),
		WITH(test_another_requests_reply_lets_nobody_in, start),
		WITH(test_a_handler_that_says_nothing_has_its_time, start_hasty),
		WITH(test_without_a_handler_nobody_comes_in, start_alone),
		WITH(test_a_handler_that_comes_back_is_asked_again, start),
		WITH(test_a_peer_that_leaves_is_not_waited_for, start),
		WITH(test_a_broken_handler_costs_its_connection_alone, start),
	};

	return cmocka_run_group_tests_name("zap_handler", tests, NULL, NULL);
}
