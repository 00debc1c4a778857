/* Options that control acts on: what our READY says and what is kept of the peer's, what a peer is
 * called, when a connect is not tried again, what publishers are told. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/scripted_dataplane.h"

#define PORTS                                                                                      \
	"cores: {poll: 1}\nmemory: {hugepages: no}\n"                                              \
	"ports: [{name: e0, kind: tap, device: zl0, address: 10.0.0.1/24}]\n"
/* One socket of interest, in front; what is behind it has no endpoints. */
#define FRONT(kind, front, back)                                                                   \
	PORTS "devices:\n- {name: d, kind: " kind ", frontend: {" front "}, backend: {" back "}}"  \
	      "\n"

static uint32_t frontend, backend, endpoint;
static struct zl_ipc_socket front;

static const void *take(enum zl_ipc_type type)
{
	const void *body = receive(type);

	answer(0, "", 0);
	return body;
}

static uint32_t id_in(enum zl_ipc_type type)
{
	uint32_t id = *(const uint32_t *)receive(type);

	answer(0, "", 0);
	return id;
}

/* Up to its sockets, and one endpoint. */
static void set_up(void)
{
	accept_control(0);
	take(ZL_IPC_SETUP);
	take(ZL_IPC_PORT);
	take(ZL_IPC_START);
	memcpy(&front, receive(ZL_IPC_SOCKET_ADD), sizeof(front));
	frontend = front.id;
	answer(0, "", 0);
	backend = id_in(ZL_IPC_SOCKET_ADD);
	take(ZL_IPC_DEVICE_ADD);
	endpoint = id_in(ZL_IPC_ENDPOINT_ADD);
}

static void set_up_connect(void)
{
	set_up();
	bed.dial = endpoint;
	assert_int_equal(id_in(ZL_IPC_DIAL), endpoint);
}

static int with(const char *config, void **state)
{
	bed_config = config;
	return bed_start(state);
}

/* A handshake up to our READY, which is `ours`, and the peer's: its type, and `more` behind it. */
static void shake(uint64_t stream, const void *ours, size_t n, const char *type, const void *more,
		  size_t more_n)
{
	uint8_t ready[128] = "\x05READY\x0bSocket-Type\0\0\0";
	uint8_t said[53 + 256];
	size_t at = 6 + 12 + 3;

	if (ours)
		memcpy(said + 53, ours, n);
	ready[at++] = (uint8_t)strlen(type);
	memcpy(ready + at, type, strlen(type));
	at += strlen(type);
	memcpy(ready + at, more, more_n);
	open_stream(stream, endpoint, frontend);
	give_bytes(stream, ZL_RELAY_GREETING, greeting, 10, false);
	expect_send(stream, greeting + 10, 1);
	give_bytes(stream, ZL_RELAY_GREETING, greeting + 10, 54, false);
	memcpy(said, greeting + 11, 53);
	if (ours)
		expect_send(stream, said, 53 + n);
	else
		receive(ZL_IPC_STREAM_SEND);
	give_bytes(stream, ZL_RELAY_COMMAND, ready, at + more_n, false);
}

static void silence(void)
{
	struct pollfd p = {.fd = bed.sock, .events = POLLIN};

	assert_int_equal(poll(&p, 1, 50), 0);
}

static const char *endpoint_state(void)
{
	static char state[32];
	json_t *reply = ask("{\"cmd\": \"status\"}\n");
	json_t *list = json_object_get(json_object_get(reply, "result"), "endpoints");

	snprintf(state, sizeof(state), "%s",
		 json_string_value(json_object_get(json_array_get(list, 0), "state")));
	json_decref(reply);
	return state;
}

/* --- handshakes --- */

static int with_names(void **state)
{
	return with(FRONT("bridge",
			  "type: DEALER, bind: ['tcp://*:1'], options: {routing_id: box, tos: 8, "
			  "metadata: {X-site: ny}}",
			  "type: DEALER"),
		    state);
}

static void test_ready_says_who_we_are_and_keeps_what_the_peer_says(void **state)
{
	static const char ours[] = "\x04\x39\x05READY\x0bSocket-Type\0\0\0\x06"
				   "DEALER\x08Identity\0\0\0\x03"
				   "box\x06X-site\0\0\0\x02ny";
	static const char theirs[] = "\x06X-rack\0\0\0\x01"
				     "7\x08Identity\0\0\0\x01q\x05"
				     "Other\0\0\0\0";
	const struct zl_ipc_stream_ready *r;

	(void)state;
	set_up();
	assert_int_equal(front.options.tos, 8);
	bed.name_bytes = 3;
	shake(id_of(0, 1), ours, sizeof(ours) - 1, "REP", theirs, sizeof(theirs) - 1);
	r = receive(ZL_IPC_STREAM_READY);
	assert_int_equal(r->identity_len, 1);
	assert_int_equal(r->properties.bytes, 22);
	assert_memory_equal(r->properties.data,
			    "\x06X-rack\0\0\0\x01"
			    "7\x05Other\0\0\0\0",
			    22);
	json_t *reply = ask("{\"cmd\": \"peers\"}\n");
	json_t *peer = json_array_get(json_object_get(reply, "result"), 0);
	json_t *p = json_object_get(peer, "properties");
	assert_string_equal(json_string_value(json_object_get(p, "X-rack")), "7");
	assert_string_equal(json_string_value(json_object_get(p, "Other")), "");
	json_decref(reply);
}

static int with_router(void **state)
{
	return with(FRONT("bridge",
			  "type: ROUTER, connect: 'tcp://10.0.0.9:1', reconnect: 1ms, "
			  "options: {connect_routing_id: far}",
			  "type: DEALER"),
		    state);
}

static void test_a_peer_that_we_connect_to_is_called_what_we_say(void **state)
{
	const struct zl_ipc_stream_ready *r;

	(void)state;
	set_up_connect();
	shake(id_of(0, 1), NULL, 0, "DEALER", "\x08Identity\0\0\0\x03own", 16);
	r = receive(ZL_IPC_STREAM_READY);
	assert_int_equal(r->identity_len, 3);
	assert_memory_equal(r->identity, "far", 3);
}

static int with_stream(void **state)
{
	return with(FRONT("bridge", "type: STREAM, bind: 'tcp://*:1', policy: {limits: {peers: 2}}",
			  "type: DEALER"),
		    state);
}

static void come(uint64_t stream)
{
	fill_open(begin(ZL_IPC_STREAM_OPEN, 0), stream, endpoint, frontend);
	deliver();
}

static void test_who_speaks_no_zmtp_is_let_in_counted_and_named(void **state)
{
	const struct zl_ipc_stream_ready *r;
	uint8_t first[5];

	(void)state;
	set_up();
	assert_int_equal(front.type, ZL_STREAM);
	assert_int_equal(front.options.stream_notify, 1);
	come(id_of(0, 1));
	r = receive(ZL_IPC_STREAM_READY);
	assert_int_equal(r->zmtp, ZL_ZMTP_NONE);
	assert_int_equal(r->peer_type, ZL_STREAM);
	assert_int_equal(r->identity_len, 5);
	assert_int_equal(r->identity[0], 0);
	memcpy(first, r->identity, 5);
	json_t *reply = ask("{\"cmd\": \"peers\"}\n");
	json_t *peer = json_array_get(json_object_get(reply, "result"), 0);
	assert_string_equal(json_string_value(json_object_get(peer, "zmtp")), "none");
	assert_string_equal(json_string_value(json_object_get(peer, "type")), "STREAM");
	assert_string_equal(json_string_value(json_object_get(peer, "state")), "ready");
	json_decref(reply);
	come(id_of(0, 2));
	r = receive(ZL_IPC_STREAM_READY);
	assert_memory_not_equal(r->identity, first, 5);
	come(id_of(0, 3));
	expect_close(id_of(0, 3), "too_many_peers");
}

static int with_handover(void **state)
{
	return with(FRONT("bridge",
			  "type: ROUTER, bind: 'tcp://*:1', options: {router_handover: yes}",
			  "type: DEALER"),
		    state);
}

static void test_a_new_peer_takes_the_name_of_an_old_one(void **state)
{
	const struct zl_ipc_stream_ready *r;

	(void)state;
	set_up();
	assert_int_equal(front.options.router_handover, 1);
	shake(id_of(0, 1), NULL, 0, "DEALER",
	      "\x08Identity\0\0\0\x03"
	      "bob",
	      16);
	receive(ZL_IPC_STREAM_READY);
	shake(id_of(0, 2), NULL, 0, "DEALER",
	      "\x08Identity\0\0\0\x03"
	      "bob",
	      16);
	expect_close(id_of(0, 1), "handover");
	r = receive(ZL_IPC_STREAM_READY);
	assert_int_equal(r->stream, id_of(0, 2));
	give_closed(id_of(0, 1), endpoint, "handover"); /* and keeps it */
	shake(id_of(0, 3), NULL, 0, "DEALER",
	      "\x08Identity\0\0\0\x03"
	      "bob",
	      16);
	expect_close(id_of(0, 2), "handover");
	receive(ZL_IPC_STREAM_READY);
}

/* --- reconnect_stop --- */

#define STOPPING(options)                                                                          \
	FRONT("streamer", "connect: 'tcp://10.0.0.9:1', reconnect: 1ms, options: {" options "}", "")

static int with_stop_refused(void **state)
{
	return with(STOPPING("reconnect_stop: conn_refused"), state);
}

static void test_a_refused_connect_is_not_tried_again_until_somebody_says_so(void **state)
{
	(void)state;
	set_up_connect();
	give_closed(0, endpoint, "connect_timed_out"); /* not refused */
	assert_int_equal(id_in(ZL_IPC_DIAL), endpoint);
	give_closed(0, endpoint, "refused");
	silence();
	assert_string_equal(endpoint_state(), "stopped");
	json_t *reply = ask("{\"cmd\": \"connect\", \"socket\": \"d.frontend\", "
			    "\"endpoint\": \"tcp://10.0.0.9:1\"}\n");
	assert_true(json_is_true(json_object_get(reply, "ok")));
	json_decref(reply);
	assert_int_equal(id_in(ZL_IPC_DIAL), endpoint);
}

static int with_stop_handshake(void **state)
{
	return with(STOPPING("reconnect_stop: handshake_failed"), state);
}

static void test_a_failed_handshake_stops_and_a_lost_connection_does_not(void **state)
{
	(void)state;
	set_up_connect();
	give_closed(0, endpoint, "refused");
	assert_int_equal(id_in(ZL_IPC_DIAL), endpoint);
	shake(id_of(0, 1), NULL, 0, "PUSH", "", 0);
	receive(ZL_IPC_STREAM_READY);
	give_closed(id_of(0, 1), endpoint, "closed_by_peer");
	assert_int_equal(id_in(ZL_IPC_DIAL), endpoint);
	open_stream(id_of(0, 2), endpoint, frontend);
	give_closed(id_of(0, 2), endpoint, "half_greeting");
	silence();
	assert_string_equal(endpoint_state(), "stopped");
}

static int with_never(void **state)
{
	return with(STOPPING("reconnect_ivl: -1"), state);
}

static void test_without_an_interval_a_lost_connection_stays_lost(void **state)
{
	(void)state;
	set_up_connect();
	shake(id_of(0, 1), NULL, 0, "PUSH", "", 0);
	receive(ZL_IPC_STREAM_READY);
	give_closed(id_of(0, 1), endpoint, "closed_by_peer");
	silence();
	assert_string_equal(endpoint_state(), "stopped");
}

static int with_stop_disconnect(void **state)
{
	return with(STOPPING("reconnect_stop: after_disconnect"), state);
}

static void test_what_was_disconnected_is_not_dialled_again(void **state)
{
	(void)state;
	set_up_connect();
	give_closed(0, endpoint, "refused"); /* that alone does not stop it */
	assert_int_equal(id_in(ZL_IPC_DIAL), endpoint);
	shake(id_of(0, 1), NULL, 0, "PUSH", "", 0);
	receive(ZL_IPC_STREAM_READY);
	/* the answer to the request comes when the dataplane has answered: from a child */
	if (fork() == 0) {
		json_decref(ask("{\"cmd\": \"disconnect\", \"socket\": \"d.frontend\", "
				"\"endpoint\": \"tcp://10.0.0.9:1\"}\n"));
		_exit(0);
	}
	assert_int_equal(id_in(ZL_IPC_ENDPOINT_DEL), endpoint);
	expect_close(id_of(0, 1), "endpoint_removed");
	give_closed(id_of(0, 1), endpoint, "disconnected");
	silence();
}

/* --- subscriptions --- */

#define FEED(front, back)                                                                          \
	"cores: {poll: 1}\nmemory: {hugepages: no}\n"                                              \
	"ports:\n"                                                                                 \
	"- {name: e0, kind: tap, device: zl0, address: 10.0.0.1/24}\n"                             \
	"- {name: e1, kind: tap, device: zl1, address: 10.0.1.1/24}\n"                             \
	"devices:\n"                                                                               \
	"- {name: feed, kind: forwarder, frontend: {bind: 'tcp://*:5555', connect: "               \
	"'tcp://10.0.0.9:5557', options: {" front "}}, backend: {bind: 'tcp://*:5556', options: "  \
	"{" back "}}}\n"

static int with_verbose(void **state)
{
	return with(FEED("", "xpub_verbose: yes"), state);
}

static void test_verbose_passes_on_every_subscription_and_the_last_cancellation(void **state)
{
	const uint64_t a = id_of(0, 1), b = id_of(0, 2), pub = id_of(1, 4);
	static const char again[] = "\x04\x0d\x09SUBSCRIBEEUR";

	(void)state;
	set_up_all();
	join(a, bed.bind_back, bed.backend, ZL_SUB, 1);
	join(b, bed.bind_back, bed.backend, ZL_SUB, 1);
	join(pub, bed.bind_front, bed.frontend, ZL_XPUB, 1);
	subscribe(a, "EUR", 1);
	expect_match(0, a, "EUR", 1);
	expect_match(1, ZL_MATCH_CORE | 0, "EUR", 1);
	expect_ack();
	expect_send(pub, again, 15);
	subscribe(b, "EUR", 1);
	expect_send(pub, again, 15);
	expect_match(0, b, "EUR", 1);
	expect_ack();
	subscribe(b, "EUR", 0);
	expect_match(0, b, "EUR", 0);
	expect_ack();
	subscribe(a, "EUR", 0);
	expect_match(0, a, "EUR", 0);
	expect_match(1, ZL_MATCH_CORE | 0, "EUR", 0);
	expect_ack();
	expect_send(pub,
		    "\x04\x0a\x06"
		    "CANCELEUR",
		    12);
}

static int with_invert(void **state)
{
	return with(FEED("", "invert_matching: yes"), state);
}

static void test_an_inverted_backend_asks_publishers_for_everything(void **state)
{
	const uint64_t a = id_of(0, 1), pub = id_of(1, 4), old = id_of(1, 5);

	(void)state;
	set_up_all();
	join(pub, bed.bind_front, bed.frontend, ZL_PUB, 1);
	expect_send(pub, "\x04\x0a\x09SUBSCRIBE", 12);
	join(old, bed.bind_front, bed.frontend, ZL_PUB, 0);
	expect_send(old, "\x00\x01\x01", 3);
	join(a, bed.bind_back, bed.backend, ZL_SUB, 1);
	subscribe(a, "EUR", 1); /* what a does not want others may */
	expect_match(0, a, "EUR", 1);
	expect_match(1, ZL_MATCH_CORE | 0, "EUR", 1);
	expect_ack();
	silence();
}

static int with_plain(void **state)
{
	bed_config = NULL;
	return bed_start(state);
}

static void test_options_are_listed_with_those_that_are_set(void **state)
{
	(void)state;
	set_up_all();
	json_t *reply = ask("{\"cmd\": \"options\", \"socket\": \"feed.frontend\"}\n"), *row;
	size_t i, seen = 0;

	json_array_foreach(json_object_get(reply, "result"), i, row)
	{
		const char *name = json_string_value(json_object_get(row, "option"));
		const char *value = json_string_value(json_object_get(row, "value"));
		const char *set = json_string_value(json_object_get(row, "set"));

		assert_null(strstr(name, "xpub"));
		if (strcmp(name, "reconnect_ivl") == 0 && ++seen) {
			assert_string_equal(value, "1ms");
			assert_string_equal(set, "set");
		} else if (strcmp(name, "handshake_ivl") == 0 && ++seen) {
			assert_string_equal(value, "30s"); /* limits.handshake */
			assert_string_equal(set, "");
		} else if (strcmp(name, "tcp_keepalive_idle") == 0 && ++seen) {
			assert_string_equal(value, "60s");
		}
	}
	assert_int_equal(seen, 3);
	json_decref(reply);
	reply = ask("{\"cmd\": \"options\", \"socket\": \"none\"}\n");
	assert_string_equal(json_string_value(json_object_get(reply, "error")),
			    "socket \"none\": there is no such socket; `zeroline sockets` lists "
			    "them");
	json_decref(reply);
}

#define T(with, test) cmocka_unit_test_setup_teardown(test, with, bed_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(with_names, test_ready_says_who_we_are_and_keeps_what_the_peer_says),
		T(with_router, test_a_peer_that_we_connect_to_is_called_what_we_say),
		T(with_stream, test_who_speaks_no_zmtp_is_let_in_counted_and_named),
		T(with_handover, test_a_new_peer_takes_the_name_of_an_old_one),
		T(with_stop_refused,
		  test_a_refused_connect_is_not_tried_again_until_somebody_says_so),
		T(with_stop_handshake,
		  test_a_failed_handshake_stops_and_a_lost_connection_does_not),
		T(with_never, test_without_an_interval_a_lost_connection_stays_lost),
		T(with_stop_disconnect, test_what_was_disconnected_is_not_dialled_again),
		T(with_verbose,
		  test_verbose_passes_on_every_subscription_and_the_last_cancellation),
		T(with_invert, test_an_inverted_backend_asks_publishers_for_everything),
		T(with_plain, test_options_are_listed_with_those_that_are_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
