/* The whole of zeroline-control against a scripted dataplane: a child process runs the real
 * program in a directory of its own, and the test speaks the contract, packet by packet, and the
 * API on control.sock. */
#include <errno.h>
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
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/control.h"

#define WAIT_MS        10000 /* for what must come; nothing waits so long when all is well */
#define ORDER_PREFIXES 2000  /* over many turns of control, and more than a packet's worth */

static const char config_text[] =
	"cores: {poll: 2}\n"
	"memory: {hugepages: no}\n"
	"ports:\n"
	"- {name: e0, kind: tap, device: zl0, address: 10.0.0.1/24}\n"
	"- {name: e1, kind: tap, device: zl1, address: 10.0.1.1/24}\n"
	"devices:\n"
	"- name: feed\n"
	"  kind: forwarder\n"
	"  frontend: {bind: 'tcp://*:5555', connect: 'tcp://10.0.0.9:5557', reconnect: 1ms}\n"
	"  backend: {bind: 'tcp://*:5556'}\n";

struct bed {
	char dir[64];
	int listener, sock, api;
	pid_t control;
	uint64_t packet[ZL_IPC_PACKET_MAX / 8];
	uint32_t frontend, backend, bind_front, dial, bind_back; /* ids, as control chose them */
	uint64_t subs_sent;
};

static struct bed bed;
#define HEADER ((struct zl_ipc_header *)bed.packet)

static char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", bed.dir, name);
	return path;
}

static void write_config(const char *text)
{
	FILE *f = fopen(path_of("c.yaml"), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static pid_t start_control(void)
{
	char config[128], dir[64];
	pid_t pid;

	strcpy(config, path_of("c.yaml"));
	strcpy(dir, bed.dir);
	char *argv[] = {"zeroline-control", "--config", config, "--run-dir", dir,
			"--log-level",      "error",    NULL};
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(bed.listener);
		exit(zl_control_main(7, argv));
	}
	return pid;
}

static int end_status(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void await(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
}

/* --- the scripted dataplane --- */

static void deliver(void)
{
	int err;

	while ((err = zl_ipc_send(bed.sock, bed.packet, HEADER->length, -1)) == -EAGAIN)
		usleep(100);
	assert_int_equal(err, 0);
}

static void *begin(enum zl_ipc_type type, uint64_t seq)
{
	return zl_ipc_begin(bed.packet, type, seq);
}

static void append(const void *bytes, size_t n)
{
	memcpy((char *)bed.packet + HEADER->length, bytes, n);
	HEADER->length += (uint32_t)n;
}

/* The next packet; a HELLO's answer or any other. */
static void *receive(enum zl_ipc_type type)
{
	int fd;

	await(bed.sock);
	long n = zl_ipc_recv(bed.sock, bed.packet, &fd);
	if (n <= 0 || HEADER->type != type)
		fail_msg("want %s, got %s (%ld)", zl_ipc_name((uint16_t)type),
			 n > 0 ? zl_ipc_name(HEADER->type) : "nothing", n);
	return zl_ipc_body(bed.packet);
}

static void answer(int error, const char *text, uint32_t line)
{
	uint64_t seq = HEADER->seq;
	struct zl_ipc_result *r = begin(ZL_IPC_RESULT, seq);

	r->error = error;
	r->config_line = line;
	strcpy(r->text, text);
	deliver();
}

static void accept_control(uint32_t set_up)
{
	await(bed.listener);
	bed.sock = accept(bed.listener, NULL, NULL);
	assert_true(bed.sock >= 0);
	struct zl_ipc_hello *m = begin(ZL_IPC_HELLO, 0);
	m->pid = 42;
	m->set_up = set_up;
	m->poll_cores = set_up ? 2 : 0;
	m->started_ns = 1;
	strcpy(m->version, "fake");
	deliver();
	bed.subs_sent = 0;
}

static void expect_setup(void)
{
	const struct zl_ipc_setup *setup = receive(ZL_IPC_SETUP);
	assert_int_equal(setup->poll_cores, 2);
	assert_int_equal(setup->hugepages, 0);
	answer(0, "", 0);
	assert_string_equal(((struct zl_ipc_port *)receive(ZL_IPC_PORT))->name, "e0");
	answer(0, "", 0);
	assert_string_equal(((struct zl_ipc_port *)receive(ZL_IPC_PORT))->name, "e1");
	answer(0, "", 0);
	receive(ZL_IPC_START);
	answer(0, "", 0);
}

static void expect_endpoint(bool connect, uint32_t ip, uint16_t port, uint32_t socket, uint32_t *id)
{
	const struct zl_ipc_endpoint *e = receive(ZL_IPC_ENDPOINT_ADD);

	assert_int_equal(e->connect, connect);
	assert_int_equal(e->ip, ip);
	assert_int_equal(e->port, port);
	assert_int_equal(e->socket, socket);
	*id = e->id;
	answer(0, "", 0);
}

static void expect_objects(void)
{
	const struct zl_ipc_socket *s = receive(ZL_IPC_SOCKET_ADD);
	assert_string_equal(s->name, "feed.frontend");
	assert_int_equal(s->type, ZL_XSUB);
	bed.frontend = s->id;
	answer(0, "", 0);
	s = receive(ZL_IPC_SOCKET_ADD);
	assert_string_equal(s->name, "feed.backend");
	bed.backend = s->id;
	answer(0, "", 0);
	const struct zl_ipc_device *d = receive(ZL_IPC_DEVICE_ADD);
	assert_int_equal(d->frontend, bed.frontend);
	assert_int_equal(d->backend, bed.backend);
	answer(0, "", 0);
	expect_endpoint(false, 0, 5555, bed.frontend, &bed.bind_front);
	expect_endpoint(true, 0x0a000009, 5557, bed.frontend, &bed.dial);
	expect_endpoint(false, 0, 5556, bed.backend, &bed.bind_back);
}

/* The connect endpoint is dialled; it gets no stream unless a test gives it one. */
static void expect_dial(void)
{
	assert_int_equal(((struct zl_ipc_id *)receive(ZL_IPC_DIAL))->id, bed.dial);
	answer(0, "", 0);
}

static void set_up_all(void)
{
	accept_control(0);
	expect_setup();
	expect_objects();
	expect_dial();
}

static void expect_send(uint64_t stream, const void *bytes, size_t n)
{
	const struct zl_ipc_stream_send *m = receive(ZL_IPC_STREAM_SEND);

	assert_int_equal(m->stream, stream);
	assert_int_equal(m->bytes, n);
	assert_memory_equal(m + 1, bytes, n);
}

static void expect_close(uint64_t stream, const char *reason)
{
	const struct zl_ipc_stream_close *m = receive(ZL_IPC_STREAM_CLOSE);

	assert_int_equal(m->stream, stream);
	assert_string_equal(m->reason, reason);
}

static uint64_t id_of(unsigned core, unsigned n)
{
	return (uint64_t)core << 56 | n;
}

static void fill_open(struct zl_ipc_stream_open *m, uint64_t stream, uint32_t endpoint,
		      uint32_t socket)
{
	m->stream = stream;
	m->endpoint = endpoint;
	m->socket = socket;
	m->outgoing = endpoint == bed.dial;
	m->core = (uint32_t)(stream >> 56);
	m->remote_ip = 0x0a000002;
	m->remote_port = (uint16_t)(4000 + (stream & 0xfff));
}

static void give_bytes(uint64_t stream, enum zl_relay kind, const void *bytes, size_t n, bool more)
{
	struct zl_ipc_stream_bytes *m = begin(ZL_IPC_STREAM_BYTES, 0);

	m->stream = stream;
	m->kind = kind;
	m->bytes = (uint32_t)n;
	m->more = more;
	append(bytes, n);
	deliver();
}

static void give_closed(uint64_t stream, uint32_t endpoint, const char *reason)
{
	struct zl_ipc_stream_closed *m = begin(ZL_IPC_STREAM_CLOSED, 0);

	m->stream = stream;
	m->endpoint = endpoint;
	strcpy(m->reason, reason);
	deliver();
}

static const uint8_t greeting[64] = {
	0xff, [8] = 1, [9] = 0x7f, [10] = 3, [11] = 1, [12] = 'N', 'U', 'L', 'L'};

static void open_stream(uint64_t stream, uint32_t endpoint, uint32_t socket)
{
	fill_open(begin(ZL_IPC_STREAM_OPEN, 0), stream, endpoint, socket);
	deliver();
	expect_send(stream, greeting, 64);
}

/* A whole handshake of a peer. */
static void join(uint64_t stream, uint32_t endpoint, uint32_t socket, enum zl_socket_type type,
		 uint8_t minor)
{
	uint8_t theirs[64], ready[64] = "\x05READY\x0bSocket-Type\0\0\0";
	const char *name = zl_socket_type_name[type];
	size_t n = 6 + 12 + 3;

	memcpy(theirs, greeting, 64);
	theirs[11] = minor;
	ready[n] = (uint8_t)strlen(name);
	memcpy(ready + n + 1, name, strlen(name));
	open_stream(stream, endpoint, socket);
	give_bytes(stream, ZL_RELAY_GREETING, theirs, 10, false);
	give_bytes(stream, ZL_RELAY_GREETING, theirs + 10, 54, false);
	expect_send(stream,
		    socket == bed.backend ? "\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04XPUB"
					  : "\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04XSUB",
		    28);
	give_bytes(stream, ZL_RELAY_COMMAND, ready, n + 1 + strlen(name), false);
	const struct zl_ipc_stream_ready *r = receive(ZL_IPC_STREAM_READY);
	assert_int_equal(r->stream, stream);
	assert_int_equal(r->peer_type, type);
	assert_int_equal(r->zmtp_minor, minor);
}

static void subscribe(uint64_t stream, const char *prefix, uint8_t op)
{
	struct zl_ipc_subs *m = begin(ZL_IPC_STREAM_SUBS, 0);
	struct zl_ipc_prefix r = {.len = (uint16_t)strlen(prefix), .op = op};

	m->stream = stream;
	m->count = 1;
	m->bytes = (uint32_t)sizeof(r) + r.len;
	append(&r, sizeof(r));
	append(prefix, r.len);
	deliver();
	bed.subs_sent++;
}

/* One MATCH with one record. */
static void expect_match(unsigned core, uint64_t target, const char *prefix, uint8_t op)
{
	const struct zl_ipc_match *m = receive(ZL_IPC_MATCH);
	struct zl_ipc_match_prefix r;

	memcpy(&r, m + 1, sizeof(r));
	assert_int_equal(m->core, core);
	assert_int_equal(m->socket, bed.backend);
	assert_int_equal(m->count, 1);
	assert_true(r.target == target);
	assert_int_equal(r.op, op);
	assert_int_equal(r.len, strlen(prefix));
	assert_memory_equal((uint8_t *)(m + 1) + sizeof(r), prefix, r.len);
}

static void expect_ack(void)
{
	assert_int_equal(((struct zl_ipc_subs_ack *)receive(ZL_IPC_SUBS_ACK))->count,
			 bed.subs_sent);
}

/* --- the API --- */

static json_t *ask(const char *request)
{
	static char line[65536];
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	size_t n = 0;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(sa.sun_path, path_of("control.sock"));
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_true(send(fd, request, strlen(request), 0) > 0);
	bed.api = fd;
	while (n == 0 || line[n - 1] != '\n') {
		await(fd);
		ssize_t more = recv(fd, line + n, sizeof(line) - n, 0);
		assert_true(more > 0);
		n += (size_t)more;
	}
	close(fd);
	json_t *reply = json_loadb(line, n, 0, NULL);
	assert_non_null(reply);
	return reply;
}

static json_int_t number_at(json_t *o, const char *a, const char *b)
{
	json_t *v = json_object_get(json_object_get(o, "result"), a);

	return json_integer_value(b ? json_object_get(v, b) : v);
}

/* --- the claims --- */

static int start(void **state)
{
	(void)state;
	memset(&bed, 0, sizeof(bed));
	strcpy(bed.dir, "/tmp/zl-control-XXXXXX");
	if (!mkdtemp(bed.dir))
		return -1;
	write_config(config_text);
	bed.sock = -1;
	bed.listener = zl_ipc_listen(bed.dir);
	bed.control = start_control();
	return bed.listener < 0;
}

static int stop(void **state)
{
	int status = 0;

	(void)state;
	if (bed.control > 0) {
		kill(bed.control, SIGTERM);
		status = end_status(bed.control);
	}
	if (bed.sock >= 0)
		close(bed.sock);
	close(bed.listener);
	unlink(path_of("dataplane.sock"));
	unlink(path_of("control.lock"));
	unlink(path_of("control.sock"));
	unlink(path_of("c.yaml"));
	rmdir(bed.dir);
	return status; /* not 0 too if anything leaked */
}

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
	give_closed(id_of(1, 2), bed.bind_back, "socket_type_mismatch");
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

static void test_subscriptions_reach_cores_and_publishers_exactly(void **state)
{
	const uint64_t a = id_of(0, 1), b = id_of(0, 2), c = id_of(1, 3), pub = id_of(1, 4),
		       old = id_of(0, 5);

	(void)state;
	set_up_all();
	join(a, bed.bind_back, bed.backend, ZL_SUB, 1);
	join(b, bed.bind_back, bed.backend, ZL_XSUB, 0);
	join(c, bed.bind_back, bed.backend, ZL_SUB, 1);
	join(pub, bed.bind_front, bed.frontend, ZL_XPUB, 1);

	subscribe(a, "EUR", 1); /* the first of core 0: core 1 hears, and then upstream */
	expect_match(0, a, "EUR", 1);
	expect_match(1, ZL_MATCH_CORE | 0, "EUR", 1);
	expect_ack();
	expect_send(pub, "\x04\x0d\x09SUBSCRIBEEUR", 15);
	subscribe(a, "EUR", 1); /* again: nothing */
	expect_ack();
	subscribe(b, "EUR", 1); /* the second of core 0 */
	expect_match(0, b, "EUR", 1);
	expect_ack();
	subscribe(c, "EUR", 1); /* the first of core 1 */
	expect_match(0, ZL_MATCH_CORE | 1, "EUR", 1);
	expect_match(1, c, "EUR", 1);
	expect_ack();

	/* A publisher that comes later, of ZMTP 3.0, hears all there is. */
	join(old, bed.bind_front, bed.frontend, ZL_PUB, 0);
	expect_send(old,
		    "\x00\x04\x01"
		    "EUR",
		    6);
	subscribe(a, "EUR", 0);
	expect_match(0, a, "EUR", 0);
	expect_ack();
	give_closed(b, bed.bind_back, "peer_closed"); /* the last of core 0 */
	expect_match(0, b, "EUR", 0);
	expect_match(1, ZL_MATCH_CORE | 0, "EUR", 0);

	/* User messages go to publishers that are XPUB, whole. */
	give_bytes(c, ZL_RELAY_MESSAGE, "up", 2, true);
	give_bytes(c, ZL_RELAY_MESSAGE, "", 0, false);
	expect_send(pub, "\x01\x02up\x00\x00", 6);

	subscribe(c, "EUR", 0); /* the last of all */
	expect_match(0, ZL_MATCH_CORE | 1, "EUR", 0);
	expect_match(1, c, "EUR", 0);
	expect_ack();
	uint64_t first = ((struct zl_ipc_stream_send *)receive(ZL_IPC_STREAM_SEND))->stream;
	uint64_t second = ((struct zl_ipc_stream_send *)receive(ZL_IPC_STREAM_SEND))->stream;
	assert_true((first == pub && second == old) || (first == old && second == pub));
	subscribe(c, "EUR", 0); /* again: nothing, and nothing more was on its way */
	expect_ack();
}

/* Of a burst: which prefixes each core's matcher was told to add, and how many were sent. */
struct order {
	bool matched[2][ORDER_PREFIXES];
	unsigned sent;
};

static unsigned number_of(const uint8_t *prefix)
{
	char digits[9] = {0};

	memcpy(digits, prefix, 8);
	unsigned n = (unsigned)strtoul(digits, NULL, 10);
	assert_true(n < ORDER_PREFIXES);
	return n;
}

static void note_matches(struct order *o, const struct zl_ipc_match *m)
{
	const uint8_t *p = (const uint8_t *)(m + 1), *end = p + m->bytes;
	struct zl_ipc_match_prefix r;

	for (; p < end; p += sizeof(r) + r.len) {
		memcpy(&r, p, sizeof(r));
		assert_int_equal(r.len, 8);
		assert_int_equal(r.op, 1);
		o->matched[m->core][number_of(p + sizeof(r))] = true;
	}
}

static void check_sends(struct order *o, const struct zl_ipc_stream_send *m)
{
	const uint8_t *p = (const uint8_t *)(m + 1), *end = p + m->bytes;

	for (; p < end; p += 2 + 10 + 8, o->sent++) {
		assert_memory_equal(p, "\x04\x12\x09SUBSCRIBE", 12);
		unsigned n = number_of(p + 12);
		if (!o->matched[0][n] || !o->matched[1][n])
			fail_msg("a publisher heard of %u before a matcher", n);
	}
}

/* A publisher may answer a SUBSCRIBE at once, and what it sends must meet the subscription. */
static void test_no_publisher_hears_of_a_prefix_before_the_matchers(void **state)
{
	const uint64_t sub = id_of(0, 1), pub = id_of(1, 2);
	struct order order = {0};
	int fd;

	(void)state;
	set_up_all();
	join(sub, bed.bind_back, bed.backend, ZL_SUB, 1);
	join(pub, bed.bind_front, bed.frontend, ZL_PUB, 1);
	for (unsigned i = 0; i < ORDER_PREFIXES; i++) {
		char name[16];
		snprintf(name, sizeof(name), "%08u", i);
		subscribe(sub, name, 1);
	}
	while (order.sent < ORDER_PREFIXES) {
		await(bed.sock);
		assert_true(zl_ipc_recv(bed.sock, bed.packet, &fd) > 0);
		if (HEADER->type == ZL_IPC_MATCH)
			note_matches(&order, zl_ipc_body(bed.packet));
		else if (HEADER->type == ZL_IPC_STREAM_SEND)
			check_sends(&order, zl_ipc_body(bed.packet));
		else
			assert_int_equal(HEADER->type, ZL_IPC_SUBS_ACK);
	}
}

static void test_upstream_keeps_to_its_credit(void **state)
{
	const uint64_t sub = id_of(0, 1), pub = id_of(0, 2);
	static char prefix[8001];
	uint64_t sent = 64 + 28;
	unsigned frames = 0;

	(void)state;
	set_up_all();
	join(sub, bed.bind_back, bed.backend, ZL_SUB, 1);
	join(pub, bed.bind_front, bed.frontend, ZL_PUB, 1);
	memset(prefix, 'x', 8000);
	for (unsigned i = 0; i < 100; i++) { /* 800 KB; credit is 256 KiB */
		memcpy(prefix, (char[2]){(char)('A' + i / 26), (char)('A' + i % 26)}, 2);
		subscribe(sub, prefix, 1);
	}
	for (int acked = 0; frames < 100;) {
		int fd;
		struct pollfd p = {.fd = bed.sock, .events = POLLIN};
		if (poll(&p, 1, frames < 31 ? WAIT_MS : 200) == 0) {
			/* It has stopped at its credit; go on from there. */
			assert_true(sent - (uint64_t)acked <= 256 << 10);
			struct zl_ipc_stream_sent *m = begin(ZL_IPC_STREAM_SENT, 0);
			m->stream = pub;
			m->total = sent;
			acked = (int)sent;
			deliver();
			continue;
		}
		assert_true(zl_ipc_recv(bed.sock, bed.packet, &fd) > 0);
		const struct zl_ipc_stream_send *m = zl_ipc_body(bed.packet);
		if (HEADER->type != ZL_IPC_STREAM_SEND)
			continue;
		sent += m->bytes;
		frames += m->bytes / 8000;
	}
	assert_int_equal(sent, 64 + 28 + 100 * (9 + 10 + 8000));
}

static void test_a_burst_travels_in_full_packets_and_one_ack(void **state)
{
	const uint64_t sub = id_of(0, 1);
	unsigned records = 0, packets = 0;
	uint64_t acked = 0;

	(void)state;
	set_up_all();
	join(sub, bed.bind_back, bed.backend, ZL_SUB, 1);
	for (unsigned i = 0; i < 100; i++) {
		struct zl_ipc_subs *m = begin(ZL_IPC_STREAM_SUBS, 0);
		m->stream = sub;
		for (unsigned j = 0; j < 500; j++) {
			struct zl_ipc_prefix r = {.len = 8, .op = 1};
			char name[16];
			snprintf(name, sizeof(name), "%08u", i * 500 + j);
			append(&r, sizeof(r));
			append(name, 8);
			m->bytes += 12;
			m->count++;
		}
		deliver();
	}
	while (acked < 100) {
		int fd;
		await(bed.sock);
		assert_true(zl_ipc_recv(bed.sock, bed.packet, &fd) > 0);
		if (HEADER->type == ZL_IPC_MATCH) {
			records += ((struct zl_ipc_match *)zl_ipc_body(bed.packet))->count;
			packets++;
		} else {
			assert_int_equal(HEADER->type, ZL_IPC_SUBS_ACK);
			acked = ((struct zl_ipc_subs_ack *)zl_ipc_body(bed.packet))->count;
		}
	}
	assert_int_equal(records, 2 * 50000); /* both cores */
	assert_true(packets <= 2 * (50000 / 682 + 1) + 2 * 100);
	json_t *list = ask("{\"cmd\":\"subscriptions\",\"limit\":3}\n");
	assert_int_equal(number_at(list, "total", NULL), 50000);
	json_decref(list);
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
	s->ready.zmtp_minor = 1;
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
	/* Core 0: the stale stream, the core's stale prefix, and what it lacked of core 1. */
	unsigned records[2] = {0};
	for (unsigned i = 0; i < 2; i++) {
		const struct zl_ipc_match *match = receive(ZL_IPC_MATCH);
		records[match->core] += match->count;
	}
	assert_int_equal(records[0], 4); /* -gone EUR, -core1 OLD, +core1 USD, +core1 NEW */
	assert_int_equal(records[1], 1); /* +b NEW */
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
					      "peers",  "subscriptions", "stats"};
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

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(test_set_up_comes_in_order_and_waits_for_each_answer),
		CLAIM(test_a_refused_port_ends_control_with_status_1),
		CLAIM(test_a_second_control_on_the_directory_is_refused),
		CLAIM(test_peers_are_refused_with_a_reason_and_an_error),
		CLAIM(test_subscriptions_reach_cores_and_publishers_exactly),
		CLAIM(test_no_publisher_hears_of_a_prefix_before_the_matchers),
		CLAIM(test_upstream_keeps_to_its_credit),
		CLAIM(test_a_burst_travels_in_full_packets_and_one_ack),
		CLAIM(test_a_restarted_control_takes_over_what_runs),
		CLAIM(test_a_restarted_dataplane_gets_everything_again),
		CLAIM(test_lost_connections_are_dialled_again),
		CLAIM(test_bind_and_unbind_at_run_time),
		CLAIM(test_the_api_answers_mistakes_and_survives_bad_clients),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
