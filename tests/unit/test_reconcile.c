/* Control brings the dataplane to what the config says: at set-up, after either of the two
 * restarts, and when a connection is lost. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/scripted_dataplane.h"

static void test_set_up_comes_in_order_and_waits_for_each_answer(void **state)
{
	(void)state;
	set_up_all();
	json_t *status = ask("{\"cmd\":\"status\"}\n");
	assert_true(json_is_true(json_object_get(status, "ok")));
	assert_int_equal(number_at(status, "dataplane", "pid"), 42);
	assert_int_equal(number_at(status, "ports", NULL), 2);
	assert_int_equal(number_at(status, "sockets", NULL), 2);
	json_decref(status);
}

static void test_a_refused_port_ends_control_with_status_1(void **state)
{
	(void)state;
	accept_control(0);
	receive(ZL_IPC_SETUP);
	answer(0, "", 0);
	receive(ZL_IPC_PORT);
	answer(-ENODEV, "ports[0]: no such device \"zl0\"", 4);
	int status = end_status(bed.control);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	bed.control = 0;
}

static void test_a_second_control_on_the_directory_is_refused(void **state)
{
	(void)state;
	set_up_all();
	int status = end_status(start_control());
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	json_t *reply = ask("{\"cmd\":\"cores\"}\n"); /* and the first is unharmed */
	json_decref(reply);
}

static void dump_endpoint(uint64_t seq, uint32_t id, uint32_t socket, uint32_t ip, uint16_t port,
			  bool connect)
{
	struct zl_ipc_endpoint *e = begin(ZL_IPC_ENDPOINT_ADD, seq);

	e->id = id;
	e->socket = socket;
	e->ip = ip;
	e->port = port;
	e->connect = connect;
	snprintf(e->text, sizeof(e->text), "tcp://dumped:%u", port);
	deliver();
}

static void dump_stream(uint64_t seq, uint64_t stream, uint32_t endpoint, uint32_t socket,
			enum zl_socket_type type)
{
	struct zl_ipc_stream_state *s = begin(ZL_IPC_STREAM_STATE, seq);

	fill_open(&s->open, stream, endpoint, socket);
	s->ready.stream = stream;
	s->ready.peer_type = type;
	s->ready.zmtp = ZL_ZMTP_V3_1;
	s->sent_total = 500;
	deliver();
}

static void dump_match(uint64_t seq, unsigned core, uint64_t target, const char *prefix)
{
	struct zl_ipc_match *m = begin(ZL_IPC_MATCH_STATE, seq);
	struct zl_ipc_match_prefix r = {.target = target, .len = (uint16_t)strlen(prefix), .op = 1};

	m->core = core;
	m->socket = bed.backend;
	m->count = 1;
	m->bytes = (uint32_t)sizeof(r) + r.len;
	append(&r, sizeof(r));
	append(prefix, r.len);
	deliver();
}

static void dump_objects(uint64_t seq)
{
	struct zl_ipc_socket *s = begin(ZL_IPC_SOCKET_ADD, seq);

	*s = (struct zl_ipc_socket){.id = bed.frontend, .type = ZL_XSUB, .name = "feed.frontend"};
	s->sndhwm = s->rcvhwm = 1000;
	s->sndbuf = 256 << 10;
	s->max_msg_bytes = 128 << 20;
	deliver();
	s = begin(ZL_IPC_SOCKET_ADD, seq);
	*s = (struct zl_ipc_socket){.id = bed.backend, .type = ZL_XPUB, .name = "feed.backend"};
	s->sndhwm = s->rcvhwm = 1000;
	s->sndbuf = 256 << 10;
	s->max_msg_bytes = 128 << 20;
	deliver();
	struct zl_ipc_device *d = begin(ZL_IPC_DEVICE_ADD, seq);
	*d = (struct zl_ipc_device){.id = 9, .frontend = bed.frontend, .backend = bed.backend};
	strcpy(d->name, "feed");
	deliver();
}

/* What the dataplane has: all of the config but the backend's bind, an endpoint that was added at
 * run time, a subscriber on each core, a publisher, and matches with one missing and two stale. */
static void test_a_restarted_control_takes_over_what_runs(void **state)
{
	const uint64_t a = id_of(0, 1), b = id_of(1, 2), pub = id_of(0, 3), gone = id_of(0, 9);

	(void)state;
	bed.frontend = 101;
	bed.backend = 102;
	bed.bind_front = 103;
	bed.dial = 104;
	accept_control(1);
	subscribe(b, "NEW", 1); /* an event before the dump's answer waits for it */
	receive(ZL_IPC_DUMP);
	uint64_t seq = HEADER->seq;
	dump_match(seq, 0, a, "EUR"); /* the order of the kinds does not matter */
	dump_objects(seq);
	dump_endpoint(seq, bed.bind_front, bed.frontend, 0, 5555, false);
	dump_endpoint(seq, bed.dial, bed.frontend, 0x0a000009, 5557, true);
	dump_endpoint(seq, 200, bed.backend, 0x0a000001, 7777, false);
	dump_stream(seq, a, 200, bed.backend, ZL_SUB);
	dump_stream(seq, b, 200, bed.backend, ZL_SUB);
	dump_stream(seq, pub, bed.dial, bed.frontend, ZL_PUB);
	dump_match(seq, 1, b, "USD");
	dump_match(seq, 1, ZL_MATCH_CORE | 0, "EUR");
	dump_match(seq, 0, ZL_MATCH_CORE | 1, "OLD"); /* nobody has it */
	dump_match(seq, 0, gone, "EUR");              /* a stream that is not there */
	HEADER->seq = seq;
	answer(0, "", 0);

	/* Missing endpoints are added; the connect has its stream, so it is not dialled. */
	const struct zl_ipc_endpoint *e = receive(ZL_IPC_ENDPOINT_ADD);
	assert_int_equal(e->port, 5556);
	assert_int_equal(e->socket, bed.backend);
	assert_true(e->id > 200);
	answer(0, "", 0);
	/* Core 0: the core's stale prefix, and what it lacked of core 1; not the stale stream,
	 * which its matcher forgets by itself. */
	unsigned records[2] = {0};
	for (unsigned i = 0; i < 2; i++) {
		const struct zl_ipc_match *match = receive(ZL_IPC_MATCH);
		records[match->core] += match->count;
	}
	assert_int_equal(records[0], 3); /* -core1 OLD, +core1 USD, +core1 NEW */
	assert_int_equal(records[1], 2); /* +b NEW, -core0 EUR: no publisher is there */
	expect_ack();
	/* Only then every publisher hears every prefix again. */
	const struct zl_ipc_stream_send *m = receive(ZL_IPC_STREAM_SEND);
	assert_int_equal(m->stream, pub);
	assert_int_equal(m->bytes, 3 * 15);

	json_t *status = ask("{\"cmd\":\"status\"}\n");
	assert_int_equal(number_at(status, "peers", "ready"), 3);
	assert_int_equal(number_at(status, "subscriptions", NULL), 3);
	json_t *endpoints = json_object_get(json_object_get(status, "result"), "endpoints");
	assert_int_equal(json_array_size(endpoints), 4);
	json_decref(status);

	/* A cancel that an earlier control may not have passed on. */
	subscribe(a, "GONE", 0);
	expect_ack();
	expect_send(pub,
		    "\x04\x0b\x06"
		    "CANCELGONE",
		    13);
	subscribe(a, "EUR", 1); /* it has it: nothing, and nothing more was on its way */
	expect_ack();
}

static void test_a_restarted_dataplane_gets_everything_again(void **state)
{
	(void)state;
	set_up_all();
	join(id_of(0, 1), bed.bind_back, bed.backend, ZL_SUB, 1);
	subscribe(id_of(0, 1), "EUR", 1);
	expect_match(0, id_of(0, 1), "EUR", 1);
	close(bed.sock);
	set_up_all();
	/* Its streams are forgotten: the same id is a new stream with nothing subscribed. */
	join(id_of(0, 1), bed.bind_back, bed.backend, ZL_SUB, 1);
	subscribe(id_of(0, 1), "EUR", 1);
	expect_match(0, id_of(0, 1), "EUR", 1);
}

static void test_lost_connections_are_dialled_again(void **state)
{
	(void)state;
	set_up_all();
	for (unsigned i = 0; i < 3; i++) {
		give_closed(0, bed.dial, "refused");
		expect_dial();
	}
	open_stream(id_of(1, 7), bed.dial, bed.frontend);
	fill_open(begin(ZL_IPC_STREAM_OPEN, 0), id_of(1, 8), bed.dial, bed.frontend);
	deliver();
	expect_close(id_of(1, 8), "endpoint_busy");
	give_closed(id_of(1, 8), bed.dial,
		    "endpoint_busy"); /* the other's end is not the first's */
	give_closed(id_of(1, 7), bed.dial, "reset");
	expect_dial();
	/* A malformed packet ends the connection, not control. */
	begin(ZL_IPC_HELLO, 0);
	HEADER->version = 99;
	deliver();
	close(bed.sock);
	set_up_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(test_set_up_comes_in_order_and_waits_for_each_answer),
		CLAIM(test_a_refused_port_ends_control_with_status_1),
		CLAIM(test_a_second_control_on_the_directory_is_refused),
		CLAIM(test_a_restarted_control_takes_over_what_runs),
		CLAIM(test_a_restarted_dataplane_gets_everything_again),
		CLAIM(test_lost_connections_are_dialled_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
