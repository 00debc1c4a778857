/* zeroline.yaml: whatever is in it, it is taken, or one line says what is wrong. The first byte may
 * say that the rest is a piece of a good file, in a place where it is read. Nobody is asked for a
 * host's name; "@D" is a folder with keys. */
#include <arpa/inet.h>
#include <netdb.h>
#include <sys/stat.h>

#include <sodium.h>

#include "control/config/config.h"
#include "control/security/security.h"
#include "tests/fuzz/fixed_random.h"
#include "tests/fuzz/memory_file.h"

/* In the place of the C library's: names that begin with "h" are hosts. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		struct addrinfo **found)
{
	static struct sockaddr_in at = {.sin_family = AF_INET};
	static struct addrinfo one = {.ai_family = AF_INET,
				      .ai_socktype = SOCK_STREAM,
				      .ai_addrlen = sizeof(at),
				      .ai_addr = (struct sockaddr *)&at};

	(void)service, (void)hints;
	at.sin_addr.s_addr = htonl(name && name[0] == 'h' && name[1] == '1' ? 0x0a000009
									    : 0x7f000001);
	*found = &one;
	return name && name[0] == 'h' ? 0 : EAI_NONAME;
}

void freeaddrinfo(struct addrinfo *found)
{
	(void)found;
}

static char folder[] = "/tmp/zl-fuzz-XXXXXX";

static const char *in_folder(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s%s", folder, name);
	return path;
}

static void forget_folder(void)
{
	unlink(in_folder("/keys/alice.cert"));
	unlink(in_folder("/keys/alice.cert_secret"));
	rmdir(in_folder("/keys"));
	unlink(in_folder("/users"));
	rmdir(folder);
}

static void start(void)
{
	static bool started;
	struct zl_cert cert;
	char keys[64];
	FILE *f;

	if (started)
		return;
	started = true;
	fixed_random_use();
	require(sodium_init() >= 0 && mkdtemp(folder));
	atexit(forget_folder);
	snprintf(keys, sizeof(keys), "%s", in_folder("/keys"));
	require(mkdir(keys, 0700) == 0 && zl_cert_generate(&cert) == 0);
	require(zl_cert_create(in_folder("/keys/alice.cert_secret"), &cert, "alice", true) == 0);
	require(zl_cert_publish(keys, &cert, "alice") == 0);
	f = fopen(in_folder("/users"), "w");
	require(f && fputs("alice:secret\n", f) >= 0 && fclose(f) == 0);
}

/* Each has one place for the input, of which the lines are indented by so much. */
static const struct {
	const char *before, *after;
	unsigned indent;
} frames[] = {
	{"", "", 0},
	{"ports:\n- {name: e0, kind: tap, device: zl0, address: 10.0.0.1/24}\ndevices:\n- name: "
	 "d\n",
	 "", 2},
	{"devices:\n- name: d\n  kind: bridge\n  backend: {type: PUSH, bind: 'ipc:///b'}\n"
	 "  frontend:\n    type: PULL\n    bind: 'ipc:///a'\n",
	 "", 4},
	{"devices:\n- name: d\n  kind: forwarder\n  frontend: {bind: 'ipc:///a'}\n  backend:\n"
	 "    bind: 'ipc:///b'\n    options:\n",
	 "", 6},
	{"devices:\n- name: d\n  kind: queue\n  backend: {bind: 'ipc:///b'}\n  frontend:\n"
	 "    bind: 'ipc:///a'\n    security:\n",
	 "", 6},
	{"devices:\n- name: d\n  kind: forwarder\n  frontend: {bind: 'ipc:///a'}\n  backend:\n"
	 "    bind: 'ipc:///b'\n    policy:\n",
	 "", 6},
	{"ports:\n- name: e0\n  device: zl0\n", "", 2},
	{"devices:\n- name: d\n  kind: queue\n  frontend: {bind: 'ipc:///a'}\n  backend:\n"
	 "    connect: \"",
	 "\"\n", 0},
};

static size_t put(char *text, size_t at, size_t max, const void *bytes, size_t n)
{
	n = n < max - at ? n : max - at;
	memcpy(text + at, bytes, n);
	return at + n;
}

static size_t frame(char *text, size_t max, unsigned which, struct feed *f)
{
	size_t at = put(text, 0, max, frames[which].before, strlen(frames[which].before));

	while (f->left) {
		const uint8_t *end = memchr(f->at, '\n', f->left), *line;
		size_t n = end ? (size_t)(end - f->at) + 1 : f->left;

		at = put(text, at, max, "        ", frames[which].indent);
		n = feed_take(f, n, &line);
		while (n && (end = memmem(line, n, "@D", 2))) {
			at = put(text, at, max, line, (size_t)(end - line));
			at = put(text, at, max, folder, strlen(folder));
			n -= (size_t)(end - line) + 2;
			line = end + 2;
		}
		at = put(text, at, max, line, n);
	}
	return put(text, at, max, frames[which].after, strlen(frames[which].after));
}

/* What control would tell the dataplane is what the dataplane takes. */
static void check_packet(enum zl_ipc_type type, const void *body)
{
	uint64_t packet[ZL_IPC_PACKET_MAX / 8];

	memcpy(zl_ipc_begin(packet, type, 1), body, zl_ipc_size((uint16_t)type));
	require(zl_ipc_check(packet, ((struct zl_ipc_header *)packet)->length) == 0);
}

static void check_socket(const struct zl_config_socket *s)
{
	struct zl_ipc_socket at = s->at;

	at.id = 1;
	check_packet(ZL_IPC_SOCKET_ADD, &at);
	for (unsigned i = 0; i < s->n_endpoints; i++) {
		struct zl_ipc_endpoint e = s->endpoints[i].at;
		char host[128];

		e.id = e.socket = 1;
		e.mode = s->ipc.mode;
		e.filters = s->ipc.filters;
		memcpy(e.filter, s->ipc.filter, sizeof(e.filter));
		if (!zl_endpoint_host(&e, host, sizeof(host)))
			check_packet(ZL_IPC_ENDPOINT_ADD, &e);
	}
}

static void check(const struct zl_config *c)
{
	require(c->n_ports <= ZL_IPC_PORTS_MAX);
	check_packet(ZL_IPC_SETUP, &c->setup);
	for (unsigned i = 0; i < c->n_ports; i++)
		check_packet(ZL_IPC_PORT, &c->ports[i]);
	for (unsigned i = 0; i < c->n_elements; i++) {
		check_packet(ZL_IPC_ELEMENT, &c->elements[i].at);
		require(!(c->elements[i].at.ports >> c->n_ports));
	}
	for (unsigned i = 0; i < c->n_devices; i++) {
		const struct zl_config_device *d = &c->devices[i];

		check_socket(&d->frontend);
		check_socket(&d->backend);
		if (d->has_capture)
			check_socket(&d->capture);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static char text[65536];
	static struct zl_config config;
	struct feed f = {data, n};
	char error[512] = "";

	start();
	fixed_random_begin();
	n = frame(text, sizeof(text), feed_u8(&f) % (sizeof(frames) / sizeof(frames[0])), &f);
	if (zl_config_load(&config, memory_file(text, n), error, sizeof(error))) {
		require(error[0] && !strchr(error, '\n') && !strchr(error, '\r'));
		require(strlen(error) < sizeof(error) - 1); /* what it ends with is the remedy */
	} else {
		require(!error[0]);
		check(&config);
	}
	zl_config_free(&config);
	return 0;
}
