/* A dataplane that follows a script, and the control process that talks to it. See
 * scripted_dataplane.h. */
#include "tests/unit/scripted_dataplane.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/control.h"

struct bed bed;
const char *bed_config;

static const char config_text[] =
	"cores: {poll: 1}\n"
	"memory: {hugepages: no}\n"
	"ports:\n"
	"- {name: e0, kind: tap, device: zl0, address: 10.0.0.1/24}\n"
	"- {name: e1, kind: tap, device: zl1, address: 10.0.1.1/24}\n"
	"devices:\n"
	"- name: feed\n"
	"  kind: forwarder\n"
	"  frontend: {bind: 'tcp://*:5555', connect: 'tcp://10.0.0.9:5557', reconnect: 1ms}\n"
	"  backend: {bind: 'tcp://*:5556'}\n";

char *path_of(const char *name)
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

pid_t start_control(void)
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

int end_status(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

void await(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
}

/* --- the scripted dataplane --- */

void deliver(void)
{
	int err;

	while ((err = zl_ipc_send(bed.sock, bed.packet, HEADER->length, -1)) == -EAGAIN)
		usleep(100);
	assert_int_equal(err, 0);
}

void *begin(enum zl_ipc_type type, uint64_t seq)
{
	return zl_ipc_begin(bed.packet, type, seq);
}

void append(const void *bytes, size_t n)
{
	memcpy((char *)bed.packet + HEADER->length, bytes, n);
	HEADER->length += (uint32_t)n;
}

static long receive_any(void)
{
	int fd;

	await(bed.sock);
	return zl_ipc_recv(bed.sock, bed.packet, &fd);
}

/* What is to be said at endpoints comes whenever one is there: it is kept, and granted. */
static void grant_opening(void)
{
	bed.opening = *(struct zl_ipc_endpoint_set *)zl_ipc_body(bed.packet);
	bed.openings++;
	answer(0, "", 0);
}

void *receive(enum zl_ipc_type type)
{
	long n;

	while ((n = receive_any()) > 0 && HEADER->type == ZL_IPC_ENDPOINT_SET)
		grant_opening();
	if (n <= 0 || HEADER->type != type)
		fail_msg("want %s, got %s (%ld)", zl_ipc_name((uint16_t)type),
			 n > 0 ? zl_ipc_name(HEADER->type) : "nothing", n);
	return zl_ipc_body(bed.packet);
}

void answer(int error, const char *text, uint32_t line)
{
	uint64_t seq = HEADER->seq;
	struct zl_ipc_result *r = begin(ZL_IPC_RESULT, seq);

	r->error = error;
	r->config_line = line;
	strcpy(r->text, text);
	deliver();
}

void accept_control(uint32_t set_up)
{
	await(bed.listener);
	bed.sock = accept(bed.listener, NULL, NULL);
	assert_true(bed.sock >= 0);
	struct zl_ipc_hello *m = begin(ZL_IPC_HELLO, 0);
	m->pid = 42;
	m->set_up = set_up;
	m->poll_cores = set_up ? 1 : 0; /* and the host core */
	m->started_ns = 1;
	strcpy(m->version, "fake");
	deliver();
	bed.subs_sent = 0;
}

void expect_setup(void)
{
	const struct zl_ipc_setup *setup = receive(ZL_IPC_SETUP);
	assert_int_equal(setup->poll_cores, 1);
	assert_int_equal(setup->hugepages, 0);
	answer(0, "", 0);
	assert_string_equal(((struct zl_ipc_port *)receive(ZL_IPC_PORT))->name, "e0");
	answer(0, "", 0);
	assert_string_equal(((struct zl_ipc_port *)receive(ZL_IPC_PORT))->name, "e1");
	answer(0, "", 0);
	receive(ZL_IPC_START);
	answer(0, "", 0);
}

void expect_endpoint(bool connect, uint32_t ip, uint16_t port, uint32_t socket, uint32_t *id)
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

void expect_dial(void)
{
	assert_int_equal(((struct zl_ipc_id *)receive(ZL_IPC_DIAL))->id, bed.dial);
	answer(0, "", 0);
}

void set_up_all(void)
{
	accept_control(0);
	expect_setup();
	expect_objects();
	expect_dial();
}

void expect_send(uint64_t stream, const void *bytes, size_t n)
{
	const struct zl_ipc_stream_send *m = receive(ZL_IPC_STREAM_SEND);

	assert_int_equal(m->stream, stream);
	assert_int_equal(m->bytes, n);
	assert_memory_equal(m + 1, bytes, n);
}

void expect_close(uint64_t stream, const char *reason)
{
	const struct zl_ipc_stream_close *m = receive(ZL_IPC_STREAM_CLOSE);

	assert_int_equal(m->stream, stream);
	assert_string_equal(m->reason, reason);
}

uint64_t id_of(unsigned core, unsigned n)
{
	return (uint64_t)core << 56 | n;
}

void fill_open(struct zl_ipc_stream_open *m, uint64_t stream, uint32_t endpoint, uint32_t socket)
{
	m->stream = stream;
	m->endpoint = endpoint;
	m->socket = socket;
	m->outgoing = endpoint == bed.dial;
	m->core = (uint32_t)(stream >> 56);
	m->remote = zl_ipc_end_ipv4(0x0a000002, (uint16_t)(4000 + (stream & 0xfff)));
}

void give_bytes(uint64_t stream, enum zl_relay kind, const void *bytes, size_t n, bool more)
{
	struct zl_ipc_stream_bytes *m = begin(ZL_IPC_STREAM_BYTES, 0);

	m->stream = stream;
	m->kind = kind;
	m->bytes = (uint32_t)n;
	m->more = more;
	append(bytes, n);
	deliver();
}

void give_closed(uint64_t stream, uint32_t endpoint, const char *reason)
{
	struct zl_ipc_stream_closed *m = begin(ZL_IPC_STREAM_CLOSED, 0);

	m->stream = stream;
	m->endpoint = endpoint;
	strcpy(m->reason, reason);
	deliver();
}

const uint8_t greeting[64] = {
	0xff, [8] = 1, [9] = 0x7f, [10] = 3, [11] = 1, [12] = 'N', 'U', 'L', 'L'};

void open_stream(uint64_t stream, uint32_t endpoint, uint32_t socket)
{
	uint8_t signature[10];

	fill_open(begin(ZL_IPC_STREAM_OPEN, 0), stream, endpoint, socket);
	deliver();
	memcpy(signature, greeting, sizeof(signature));
	signature[8] = (uint8_t)(1 + bed.name_bytes);
	expect_send(stream, signature, sizeof(signature));
}

void join(uint64_t stream, uint32_t endpoint, uint32_t socket, enum zl_socket_type type,
	  uint8_t minor)
{
	uint8_t theirs[64], ours[53 + 28], ready[64] = "\x05READY\x0bSocket-Type\0\0\0";
	const char *name = zl_socket_type_name[type];
	size_t n = 6 + 12 + 3;

	memcpy(theirs, greeting, 64);
	theirs[11] = minor;
	ready[n] = (uint8_t)strlen(name);
	memcpy(ready + n + 1, name, strlen(name));
	open_stream(stream, endpoint, socket);
	give_bytes(stream, ZL_RELAY_GREETING, theirs, 10, false);
	expect_send(stream, greeting + 10, 1);
	give_bytes(stream, ZL_RELAY_GREETING, theirs + 10, 54, false);
	memcpy(ours, greeting + 11, 53);
	memcpy(ours + 53,
	       socket == bed.backend ? "\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04XPUB"
				     : "\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04XSUB",
	       28);
	expect_send(stream, ours, sizeof(ours));
	give_bytes(stream, ZL_RELAY_COMMAND, ready, n + 1 + strlen(name), false);
	const struct zl_ipc_stream_ready *r = receive(ZL_IPC_STREAM_READY);
	assert_int_equal(r->stream, stream);
	assert_int_equal(r->peer_type, type);
	assert_int_equal(r->zmtp, ZL_ZMTP_V3_0 + minor);
}

void subscribe(uint64_t stream, const char *prefix, uint8_t op)
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

void expect_match(unsigned core, uint64_t target, const char *prefix, uint8_t op)
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

void expect_ack(void)
{
	assert_int_equal(((struct zl_ipc_subs_ack *)receive(ZL_IPC_SUBS_ACK))->count,
			 bed.subs_sent);
}

/* --- the API --- */

json_t *ask(const char *request)
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

json_int_t number_at(json_t *o, const char *a, const char *b)
{
	json_t *v = json_object_get(json_object_get(o, "result"), a);

	return json_integer_value(b ? json_object_get(v, b) : v);
}

/* --- each claim's own --- */

int bed_start(void **state)
{
	(void)state;
	memset(&bed, 0, sizeof(bed));
	strcpy(bed.dir, "/tmp/zl-control-XXXXXX");
	if (!mkdtemp(bed.dir))
		return -1;
	write_config(bed_config ? bed_config : config_text);
	bed.sock = -1;
	bed.listener = zl_ipc_listen(bed.dir);
	bed.control = start_control();
	return bed.listener < 0;
}

int bed_stop(void **state)
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
