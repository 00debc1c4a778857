/* What control grants and refuses to those outside: peers in their handshake, and clients of the
 * API on control.sock. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/scripted_dataplane.h"

static void test_peers_are_refused_with_a_reason_and_an_error(void **state)
{
	static const char error[] = "\x04\x3a\x05"
				    "ERROR\x33the peer's socket type cannot talk to this socket's";
	(void)state;
	set_up_all();
	open_stream(id_of(0, 1), bed.bind_back, bed.backend);
	give_bytes(id_of(0, 1), ZL_RELAY_GREETING, "GET / HTTP", 10, false);
	expect_close(id_of(0, 1), "not_zmtp");
	give_closed(id_of(0, 1), bed.bind_back, "not_zmtp");

	open_stream(id_of(1, 2), bed.bind_back, bed.backend);
	give_bytes(id_of(1, 2), ZL_RELAY_GREETING, greeting, 64, false);
	receive(ZL_IPC_STREAM_SEND);
	give_bytes(id_of(1, 2), ZL_RELAY_COMMAND, "\x05READY\x0bSocket-Type\0\0\0\x03PUB", 25,
		   false);
	expect_send(id_of(1, 2), error, sizeof(error) - 1);
	expect_close(id_of(1, 2), "socket_type_mismatch");
	/* who has been told may be the first to close */
	give_closed(id_of(1, 2), bed.bind_back, "closed_in_handshake");
	json_t *status = ask("{\"cmd\":\"status\"}\n");
	assert_int_equal(number_at(status, "closes", "not_zmtp"), 1);
	assert_int_equal(number_at(status, "closes", "socket_type_mismatch"), 1);
	assert_int_equal(number_at(status, "peers", "handshaking"), 0);
	json_decref(status);
	open_stream(id_of(0, 3), bed.bind_back, bed.backend);
	fill_open(begin(ZL_IPC_STREAM_OPEN, 0), id_of(0, 4), 999, bed.backend);
	deliver();
	expect_close(id_of(0, 4), "endpoint_gone");
}

/* Its core has said our greeting and READY, and has heard its greeting. */
static void test_a_peer_that_its_core_has_met_is_told_the_rest_alone(void **state)
{
	struct zl_ipc_stream_open *m;
	struct zl_ipc_stream_closed *gone;

	(void)state;
	set_up_all();
	open_stream(id_of(0, 1), bed.bind_back, bed.backend); /* by then all openings are here */
	assert_int_equal(bed.openings, 2);
	assert_int_equal(bed.opening.id, bed.bind_back);
	assert_int_equal(bed.opening.bytes, 64 + 28);
	m = begin(ZL_IPC_STREAM_OPEN, 0);
	fill_open(m, id_of(0, 2), bed.bind_back, bed.backend);
	m->said = bed.opening.bytes;
	m->bytes = 64;
	append(greeting, 64);
	deliver();
	give_bytes(id_of(0, 2), ZL_RELAY_COMMAND, "\x05READY\x0bSocket-Type\0\0\0\x03SUB", 25,
		   false);
	assert_int_equal(((struct zl_ipc_stream_ready *)receive(ZL_IPC_STREAM_READY))->stream,
			 id_of(0, 2));
	m = begin(ZL_IPC_STREAM_OPEN, 0);
	fill_open(m, id_of(0, 3), bed.bind_back, bed.backend);
	m->said = 10;
	m->bytes = 10;
	append(greeting, 10);
	deliver();
	expect_send(id_of(0, 3), greeting + 10, 1);
	gone = begin(ZL_IPC_STREAM_CLOSED, 0);
	gone->endpoint = bed.bind_back;
	gone->count = 500;
	strcpy(gone->reason, "not_zmtp");
	deliver();
	json_t *status = ask("{\"cmd\":\"status\"}\n");
	assert_int_equal(number_at(status, "closes", "not_zmtp"), 500);
	json_decref(status);
}

/* The request waits for the dataplane, so it is made by a child. */
static pid_t ask_later(const char *request, const char *want)
{
	pid_t pid = fork();

	if (pid == 0) {
		json_t *reply = ask(request);
		char *text = json_dumps(reply, JSON_COMPACT | JSON_SORT_KEYS);
		_exit(strstr(text, want) == NULL);
	}
	return pid;
}

static void test_bind_and_unbind_at_run_time(void **state)
{
	(void)state;
	set_up_all();
	pid_t child = ask_later("{\"cmd\":\"bind\",\"socket\":\"feed.backend\",\"endpoint\":"
				"\"tcp://e1:6000\"}\n",
				"\"endpoint\":\"tcp://e1:6000\"");
	uint32_t id;
	expect_endpoint(false, 0x0a000101, 6000, bed.backend, &id);
	assert_int_equal(end_status(child), 0);
	child = ask_later("{\"cmd\":\"bind\",\"socket\":\"feed.backend\",\"endpoint\":"
			  "\"tcp://e1:6001\"}\n",
			  "tcp://e1:6001: the port is taken");
	receive(ZL_IPC_ENDPOINT_ADD);
	answer(-EADDRINUSE, "the port is taken", 0);
	assert_int_equal(end_status(child), 0);

	/* A restarted dataplane gets what was added at run time too. */
	close(bed.sock);
	accept_control(0);
	expect_setup();
	for (int i = 0; i < 2; i++) {
		receive(ZL_IPC_SOCKET_ADD);
		answer(0, "", 0);
	}
	receive(ZL_IPC_DEVICE_ADD);
	answer(0, "", 0);
	for (int i = 0; i < 4; i++) {
		id = ((struct zl_ipc_endpoint *)receive(ZL_IPC_ENDPOINT_ADD))->id;
		answer(0, "", 0);
	}
	expect_dial();
	child = ask_later("{\"cmd\":\"unbind\",\"socket\":\"feed.backend\",\"endpoint\":"
			  "\"tcp://e1:6000\"}\n",
			  "{\"ok\":true,\"result\":{}}");
	assert_int_equal(((struct zl_ipc_id *)receive(ZL_IPC_ENDPOINT_DEL))->id, id);
	answer(0, "", 0);
	assert_int_equal(end_status(child), 0);
}

static void test_the_api_answers_mistakes_and_survives_bad_clients(void **state)
{
	static const char *const bad[][2] = {
		{"nonsense\n", "not JSON"},
		{"{}\n", "no command"},
		{"[1]\n", "no command"},
		{"{\"cmd\":\"dance\"}\n", "is not a command"},
		/* cut within a character */
		{"{\"cmd\":\"a thousand dances, and one more than a thousand of them at a "
		 "ti\xc3\xa9"
		 "\"}\n",
		 "is not a command"},
		{"{\"cmd\":\"bind\"}\n", "give"},
		{"{\"cmd\":\"bind\",\"socket\":\"x\",\"endpoint\":\"y\"}\n",
		 "the sockets are feed."},
		{"{\"cmd\":\"bind\",\"socket\":\"feed.backend\",\"endpoint\":\"y\"}\n",
		 "is not an endpoint"},
		{"{\"cmd\":\"unbind\",\"socket\":\"feed.backend\",\"endpoint\":\"tcp://*:1\"}\n",
		 "no such endpoint"},
		{"{\"cmd\":\"subscriptions\",\"socket\":\"x\"}\n", "no such socket"},
	};
	static const char *const reports[] = {"status", "ports",         "cores", "sockets",
					      "peers",  "subscriptions", "stats", "sources"};
	static char flood[70000];
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int slow[40];

	(void)state;
	set_up_all();
	strcpy(sa.sun_path, path_of("control.sock"));
	memset(flood, 'x', sizeof(flood));
	for (int i = 0; i < 40; i++) { /* they ask and never read, or never end their line */
		slow[i] = socket(AF_UNIX, SOCK_STREAM, 0);
		assert_int_equal(connect(slow[i], (struct sockaddr *)&sa, sizeof(sa)), 0);
		for (int n = 0; n < 2000; n++)
			if (send(slow[i], i % 2 ? flood : "{\"cmd\":\"stats\"}\n",
				 i % 2 ? sizeof(flood) : 16, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
				break;
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *reply = ask(bad[i][0]);
		const char *error = json_string_value(json_object_get(reply, "error"));
		assert_true(json_is_false(json_object_get(reply, "ok")));
		if (!error || !strstr(error, bad[i][1]))
			fail_msg("%s: %s", bad[i][0], error ? error : "no error");
		json_decref(reply);
	}
	for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
		char request[64];
		snprintf(request, sizeof(request), "{\"cmd\":\"%s\"}\n", reports[i]);
		json_t *reply = ask(request);
		assert_true(json_is_true(json_object_get(reply, "ok")));
		json_decref(reply);
	}
	for (int i = 0; i < 40; i++)
		close(slow[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(test_peers_are_refused_with_a_reason_and_an_error),
		CLAIM(test_a_peer_that_its_core_has_met_is_told_the_rest_alone),
		CLAIM(test_bind_and_unbind_at_run_time),
		CLAIM(test_the_api_answers_mistakes_and_survives_bad_clients),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
