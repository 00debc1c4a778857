#include "tests/fuzz/control_bed.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <fcntl.h>
#include <unistd.h>

#include <sodium.h>

#include "control/log.h"
#include "tests/fuzz/fixed_random.h"
#include "tests/fuzz/memory_file.h"

struct zl_control control;
struct bed_client client[CLIENTS];
uint32_t socket_id[SOCKETS], endpoint_id[ENDPOINTS];
unsigned sockets, endpoints;
int answer_with;
bool answers;

static struct zl_config config;
static char folder[] = "/tmp/zl-fuzz-XXXXXX";
static int listener = -1, dataplane = -1;
static bool stopping;
static struct zl_users *users; /* what holds it lies where no leak checker looks */

static const char config_text[] =
	"cores: {poll: 2}\n"
	"memory: {hugepages: no}\n"
	"ports:\n"
	"- {name: e0, kind: tap, device: zl0, address: 10.0.0.1/24, gateway: 10.0.0.254}\n"
	"devices:\n"
	"- name: feed\n"
	"  kind: forwarder\n"
	"  frontend: {bind: 'tcp://*:1', connect: 'tcp://10.0.0.9:2',\n"
	"    policy: {limits: {peers: 5, peers_an_address: 2}, addresses: [deny 10.0.0.66/32],\n"
	"      topics: [{publish: deny, prefix: x}]}}\n"
	"  backend: {bind: ['tcp://*:3', 'ipc:///tmp/f'], options: {xpub_verbose: yes},\n"
	"    policy: {limits: {subscriptions: 40, subscriptions_a_peer: 20, over: close},\n"
	"      topics: [{subscribe: deny, prefix: secret}]}}\n"
	"- name: work\n"
	"  kind: queue\n"
	"  frontend: {bind: 'tcp://*:4', connect: 'tcp://10.0.0.9:5',\n"
	"    options: {router_handover: yes, connect_routing_id: [abc]}}\n"
	"  backend: {bind: 'tcp://*:6', options: {routing_id: me, metadata: {X-a: b}},\n"
	"    security: {mechanism: plain, role: server, users: %s/users}}\n"
	"- name: curve\n"
	"  kind: streamer\n"
	"  frontend: {bind: 'tcp://*:11',\n"
	"    security: {mechanism: curve, role: server, secret_key: %s/cert, allow: any}}\n"
	"  backend: {bind: 'tcp://*:12'}\n"
	"- name: radio\n"
	"  kind: bridge\n"
	"  frontend: {type: DISH, bind: 'tcp://*:7'}\n"
	"  backend: {type: RADIO, bind: 'tcp://*:8'}\n"
	"- name: late\n"
	"  kind: bridge\n"
	"  frontend: {type: SUB, connect: 'tcp://10.0.0.9:9', options: {reconnect_stop: "
	"[handshake_failed]}}\n"
	"  backend: {type: PUB, bind: 'tcp://*:10'}\n"
	"  last_values: {topics: 10, memory: 1MiB}\n";

/* --- in the place of parts of control (ld --wrap) --- */

void __wrap_zl_log(enum zl_log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
bool __wrap_zl_resolve_add(struct zl_control *c, const struct zl_ipc_endpoint *at,
			   zl_result_fn *done, uint64_t argument);

void __wrap_zl_log(enum zl_log_level level, const char *format, ...)
{
	char line[1024];
	va_list args;

	(void)level;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
}

bool __wrap_zl_resolve_add(struct zl_control *c, const struct zl_ipc_endpoint *at,
			   zl_result_fn *done, uint64_t argument)
{
	(void)c, (void)at, (void)done, (void)argument;
	return false;
}

/* --- start and end --- */

static void forget_folder(void)
{
	static const char *const made[] = {"/dataplane.sock", "/control.sock", "/users", "/cert",
					   ""};
	char path[64];

	for (unsigned i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "%s%s", folder, made[i]);
		if (unlink(path))
			rmdir(path);
	}
}

static void write_files(void)
{
	struct zl_cert cert;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/users", folder);
	f = fopen(path, "w");
	require(f && fputs("alice:secret\nb\xff:b\n", f) >= 0 && fclose(f) == 0);
	snprintf(path, sizeof(path), "%s/cert", folder);
	require(zl_cert_generate(&cert) == 0 && zl_cert_create(path, &cert, "fuzz", true) == 0);
}

static void start(void)
{
	static char text[sizeof(config_text) + 2 * sizeof(folder)];
	char error[512] = "";

	fixed_random_use();
	require(sodium_init() >= 0 && mkdtemp(folder));
	atexit(forget_folder);
	write_files();
	snprintf(text, sizeof(text), config_text, folder, folder);
	if (zl_config_load(&config, memory_file(text, strlen(text)), error, sizeof(error)))
		fprintf(stderr, "%s\n", error);
	require(!error[0]);
	users = config.devices[1].backend.security->users;
	strcpy(config.file, "zeroline.yaml");
	strcpy(config.run_dir, folder);
	listener = zl_ipc_listen(folder);
	require(listener >= 0);
	for (unsigned i = 0; i < CLIENTS; i++)
		client[i].fd = -1;
}

static void turn_once(void *context)
{
	zl_control_turn(context);
	stopping = control.loop.stop; /* somebody wants it to end */
	control.loop.stop = true;
}

void bed_begin(void)
{
	if (listener < 0)
		start();
	fixed_random_begin();
	memset(&control, 0, sizeof(control));
	control.config = config;
	control.started_ns = zl_now_ns();
	require(zl_loop_init(&control.loop) == 0);
	zl_loop_remove(&control.loop, &control.loop.clock);
	control.loop.turn = turn_once;
	control.loop.context = &control;
	require(zl_objects_load(&control) == 0);
	zl_revoke_start(&control);
	require(zl_api_start(&control) == 0);
	require(zl_dataplane_start(&control) == 0);
	sockets = endpoints = 0;
	memset(socket_id, 0, sizeof(socket_id));
	memset(endpoint_id, 0, sizeof(endpoint_id));
	answers = true;
	answer_with = 0;
	stopping = false;
}

void bed_end(void)
{
	for (unsigned i = 0; i < CLIENTS; i++)
		bed_hang_up(i);
	control.loop.stop = true;
	zl_dataplane_free(&control);
	zl_api_free(&control);
	zl_resolver_free(&control);
	zl_objects_free(&control);
	zl_loop_close(&control.loop);
	bed_detach();
	/* One that came just before the end. */
	for (int fd; (fd = accept(listener, NULL, NULL)) >= 0;)
		close(fd);
}

/* --- the dataplane --- */

bool bed_attached(void)
{
	return dataplane >= 0;
}

void bed_detach(void)
{
	if (dataplane >= 0)
		close(dataplane);
	dataplane = -1;
}

void bed_send(const void *packet, size_t length, int fd)
{
	if (dataplane >= 0)
		zl_ipc_send(dataplane, packet, length, fd);
}

void bed_attach(bool set_up)
{
	uint64_t packet[ZL_IPC_PACKET_MAX / 8];
	struct zl_ipc_hello *m = zl_ipc_begin(packet, ZL_IPC_HELLO, 0);

	if (dataplane < 0)
		dataplane = accept(listener, NULL, NULL);
	m->pid = 42;
	m->set_up = set_up;
	m->poll_cores = set_up ? 2 : 0;
	m->started_ns = 1;
	strcpy(m->version, "fuzz");
	bed_send(packet, ((struct zl_ipc_header *)packet)->length, -1);
}

static void note(const struct zl_ipc_header *h, const void *body)
{
	if (h->type == ZL_IPC_SOCKET_ADD && sockets < SOCKETS)
		socket_id[sockets++] = ((const struct zl_ipc_socket *)body)->id;
	if (h->type == ZL_IPC_ENDPOINT_ADD && endpoints < ENDPOINTS)
		endpoint_id[endpoints++] = ((const struct zl_ipc_endpoint *)body)->id;
}

static bool is_request(uint16_t type)
{
	switch (type) {
#define X(name, st, dir)                                                                           \
	case ZL_IPC_##name:                                                                        \
		return #dir[0] == 'C' && #dir[1] == 'R';
		ZL_IPC_TYPES(X)
#undef X
	default:
		return false;
	}
}

static bool take_packets(void)
{
	uint64_t packet[ZL_IPC_PACKET_MAX / 8], answer[ZL_IPC_PACKET_MAX / 8];
	const struct zl_ipc_header *h = (void *)packet;
	bool any = false;
	long n;
	int fd;

	while (dataplane >= 0 && (n = zl_ipc_recv(dataplane, packet, &fd)) != -EAGAIN) {
		struct zl_ipc_result *m = zl_ipc_begin(answer, ZL_IPC_RESULT, h->seq);

		require(n != -EBADMSG && fd < 0);
		if (n <= 0) {
			bed_detach();
			return true;
		}
		any = true;
		note(h, zl_ipc_body(packet));
		require(is_request(h->type) == (h->seq != 0));
		if (!h->seq || !answers)
			continue;
		m->error = answer_with;
		strcpy(m->text, answer_with ? "no" : "");
		bed_send(answer, ((struct zl_ipc_header *)answer)->length, -1);
	}
	return any;
}

void bed_turn(void)
{
	bool any = true;

	for (unsigned i = 0; (i < 2 || any) && i < 60 && !stopping; i++) {
		control.loop.stop = false;
		control.loop.again = true; /* does not wait */
		require(zl_loop_run(&control.loop) == 0);
		any = take_packets();
	}
	for (unsigned i = 0; i < CLIENTS; i++)
		bed_hear(i);
}

void bed_tick(void)
{
	struct zl_timer *timer = control.loop.timers ? control.loop.heap[1] : NULL;

	if (!timer)
		return;
	zl_timer_stop(&control.loop, timer);
	timer->fire(timer);
}

void bed_send_stats(struct feed *f)
{
	uint64_t packet[ZL_IPC_PACKET_MAX / 8];
	struct zl_ipc_hello *m = zl_ipc_begin(packet, ZL_IPC_HELLO, 0);
	struct zl_stats_header shape = {.magic = ZL_STATS_MAGIC, .version = ZL_STATS_VERSION};
	int fd = memfd_create("stats", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	uint8_t how = feed_u8(f);
	const uint8_t *bytes;
	size_t n;

	shape.cores = how & 3;
	shape.ports = how >> 2 & 1;
	shape.counters = how >> 3 & 3;
	shape.peers = how >> 5 & 3;
	shape.tsc_hz = 1000000000;
	zl_stats_layout(&shape);
	require(fd >= 0 && ftruncate(fd, (off_t)shape.bytes) == 0);
	if (feed_u8(f) == 1)
		feed_over(f, &shape, sizeof(shape));
	require(pwrite(fd, &shape, sizeof(shape), 0) == sizeof(shape));
	while ((n = feed_some(f, &bytes)))
		require(pwrite(fd, bytes, n, (off_t)sizeof(shape) + feed_u16(f) % 3000) >= 0);
	fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	m->poll_cores = 2;
	m->set_up = 1;
	bed_send(packet, ((struct zl_ipc_header *)packet)->length, fd);
	close(fd);
}

/* --- clients --- */

void bed_ask(unsigned i, const void *bytes, size_t n)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct bed_client *c = &client[i];

	if (c->fd < 0) {
		c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/control.sock", folder);
		require(connect(c->fd, (struct sockaddr *)&sa, sizeof(sa)) == 0);
		c->asked = c->answered = 0;
		c->n = 0;
	}
	if (send(c->fd, bytes, n, MSG_NOSIGNAL) != (ssize_t)n)
		return;
	for (size_t k = 0; k < n; k++)
		c->asked += ((const char *)bytes)[k] == '\n';
}

static void check_answer(const char *line, size_t n)
{
	json_error_t error;
	json_t *answer = json_loadb(line, n, JSON_REJECT_DUPLICATES, &error);
	json_t *ok = json_object_get(answer, "ok");

	require(json_is_boolean(ok));
	require(json_is_true(ok) ? json_object_get(answer, "result") != NULL
				 : json_string_length(json_object_get(answer, "error")) > 0);
	json_decref(answer);
}

void bed_hear(unsigned i)
{
	struct bed_client *c = &client[i];
	ssize_t n;
	char *end;

	while (c->fd >= 0 && c->n < sizeof(c->partial) &&
	       (n = recv(c->fd, c->partial + c->n, sizeof(c->partial) - c->n, 0)) > 0) {
		c->n += (size_t)n;
		while ((end = memchr(c->partial, '\n', c->n))) {
			size_t line = (size_t)(end - c->partial) + 1;

			check_answer(c->partial, line);
			c->answered++;
			c->n -= line;
			memmove(c->partial, end + 1, c->n);
		}
		require(c->n < sizeof(c->partial));
	}
}

void bed_hang_up(unsigned i)
{
	if (client[i].fd >= 0)
		close(client[i].fd);
	client[i].fd = -1;
}
