/* The keys of a device and of its two sockets. Endpoints are kept as text here; check.c resolves
 * them when the ports are known, wherever those stand in the file. */
#include "control/config/schema.h"

#include <stdlib.h>
#include <string.h>

#define SOCKET(field) ZL_YAML_AT(struct zl_config_socket, field)
#define DEVICE(field) ZL_YAML_AT(struct zl_config_device, field)

/* The words of zl_device_kind_name, ended as an enum's words must be. */
static bool read_kind(struct zl_yaml *y, yaml_node_t *node, void *field,
		      const struct zl_yaml_key *key)
{
	const char *words[ZL_DEVICE_KINDS + 1] = {0};
	struct zl_yaml_key with = *key;

	memcpy(words, zl_device_kind_name, sizeof(zl_device_kind_name));
	with.more = words;
	return zl_yaml_enum(y, node, field, &with);
}

/* Which types the device joins shows when its kind is known. */
static bool read_type(struct zl_yaml *y, yaml_node_t *node, void *field,
		      const struct zl_yaml_key *key)
{
	struct zl_config_socket *socket = (void *)((char *)field - key->offset);
	const char *s = zl_yaml_text(y, node);
	uint32_t type = 0;

	if (!s)
		return false;
	while (type < ZL_SOCKET_TYPES && strcmp(zl_socket_type_name[type], s) != 0)
		type++;
	if (type == ZL_SOCKET_TYPES)
		return zl_yaml_fail(
			y, zl_yaml_line(node),
			"\"%.80s\" is not a socket type (PULL, PUSH, ROUTER, DEALER, ...)", s);
	socket->type_line = zl_yaml_line(node);
	memcpy(field, &type, sizeof(type));
	return true;
}

/* "0660", as chmod takes it. */
static bool read_mode(struct zl_yaml *y, yaml_node_t *node, void *field,
		      const struct zl_yaml_key *key)
{
	const char *s = zl_yaml_text(y, node);
	uint32_t *mode = field;
	char *end;

	(void)key;
	if (!s)
		return false;
	*mode = (uint32_t)strtoul(s, &end, 8) | ZL_MODE_GIVEN;
	if (strlen(s) < 3 || strlen(s) > 4 || *end || *mode > (ZL_MODE_GIVEN | 0777))
		return zl_yaml_fail(y, zl_yaml_line(node),
				    "\"%.80s\" is not a file's permissions, such as 0660", s);
	return true;
}

static const char *const who_key[ZL_WHOS] = {"ipc_uid", "ipc_gid", "ipc_pid"};

static bool read_filters(struct zl_yaml *y, yaml_node_t *node, void *field,
			 const struct zl_yaml_key *key)
{
	struct zl_config_ipc *ipc = field;
	int n = zl_yaml_items(y, node, true, "numbers");
	uint32_t who = 0;

	while (strcmp(who_key[who], key->name) != 0)
		who++;
	for (int i = 0; i < n; i++) {
		const struct zl_yaml_key id = {.name = key->name, .size = 4, .max = UINT32_MAX - 1};
		size_t was = zl_yaml_enter(y, NULL, i);

		if (ipc->filters == ZL_FILTERS_MAX)
			return zl_yaml_fail(y, zl_yaml_line(node),
					    "is one too many: a socket has at most %d filters",
					    ZL_FILTERS_MAX);
		ipc->filter[ipc->filters].who = who;
		if (!zl_yaml_number(y, zl_yaml_item(y, node, i), &ipc->filter[ipc->filters].id,
				    &id))
			return false;
		ipc->filters++;
		zl_yaml_leave(y, was);
	}
	return n >= 0;
}

static bool grow_endpoints(struct zl_config_socket *socket, unsigned n)
{
	struct zl_config_endpoint *more = realloc(socket->endpoints,
						  (socket->n_endpoints + n) * sizeof(*more));

	if (!more)
		return false;
	memset(more + socket->n_endpoints, 0, n * sizeof(*more));
	socket->endpoints = more;
	return true;
}

static bool read_endpoints(struct zl_yaml *y, yaml_node_t *node, void *field,
			   const struct zl_yaml_key *key)
{
	struct zl_config_socket *socket = (void *)((char *)field - key->offset);
	const struct zl_yaml_key text = {
		.name = key->name, .size = sizeof(socket->endpoints->at.text), .min = 1};
	int n = zl_yaml_items(y, node, true, "endpoints");

	if (n > 0 && !grow_endpoints(socket, (unsigned)n))
		return zl_yaml_fail(y, zl_yaml_line(node), "no memory");
	for (int i = 0; i < n; i++) {
		struct zl_config_endpoint *e = &socket->endpoints[socket->n_endpoints];
		yaml_node_t *item = zl_yaml_item(y, node, i);
		size_t was = zl_yaml_enter(y, NULL, i);

		if (!zl_yaml_string(y, item, e->at.text, &text))
			return false;
		e->at.connect = key->more != NULL;
		e->line = zl_yaml_line(item);
		socket->n_endpoints++;
		zl_yaml_leave(y, was);
	}
	return n >= 0;
}

#define SOCKET_KEYS                                                                                  \
	{                                                                                            \
		{"type", read_type, SOCKET(at.type)},                                                \
			{"name", zl_yaml_string, SOCKET(at.name), .min = 1},                         \
			{"bind", read_endpoints, SOCKET(endpoints)},                                 \
			{"connect", read_endpoints, SOCKET(endpoints), .more = "connect"},           \
			{"hwm", zl_yaml_number, SOCKET(hwm), .max = UINT32_MAX},                     \
			{"sndhwm", zl_yaml_number, SOCKET(sndhwm), .max = UINT32_MAX},               \
			{"rcvhwm", zl_yaml_number, SOCKET(rcvhwm), .max = UINT32_MAX},               \
			{"sndbuf",    zl_yaml_number,  SOCKET(at.sndbuf),     .unit = ZL_UNIT_BYTES, \
			 .min = 4096, .max = 1u << 31, .more = "4KiB to 2GiB"},                      \
			{"max_message",          zl_yaml_number, SOCKET(at.max_msg_bytes),           \
			 .unit = ZL_UNIT_BYTES,  .min = 1,       .max = 1ull << 40,                  \
			 .more = "1B to 1024GiB"},                                                   \
			{"policy", zl_policy, SOCKET(at.policy)},                                    \
			{"security", zl_security_map, SOCKET(secured)},                              \
			{"reconnect", zl_yaml_number, SOCKET(reconnect_ms), .unit = ZL_UNIT_MS,      \
			 .min = 1,    .max = 3600000, .more = "1ms to 1h"},                          \
			{"reconnect_max",    zl_yaml_number, SOCKET(reconnect_max_ms),               \
			 .unit = ZL_UNIT_MS, .min = 1,       .max = 3600000,                         \
			 .more = "1ms to 1h"},                                                       \
			{"ipc_mode", read_mode, SOCKET(ipc.mode)},                                   \
			{"ipc_uid", read_filters, SOCKET(ipc)},                                      \
			{"ipc_gid", read_filters, SOCKET(ipc)},                                      \
			{"ipc_pid", read_filters, SOCKET(ipc)}, {"options", zl_option_map}, {0},     \
	}
static const struct zl_yaml_key socket_keys[] = SOCKET_KEYS;

static bool read_socket(struct zl_yaml *y, yaml_node_t *node, void *field,
			const struct zl_yaml_key *key)
{
	struct zl_config_socket *socket = field;

	socket->line = zl_yaml_line(node);
	return zl_yaml_map(y, node, field, key);
}

/* What gets a copy of every message; PUB unless it says. */
static bool read_capture(struct zl_yaml *y, yaml_node_t *node, void *field,
			 const struct zl_yaml_key *key)
{
	struct zl_config_device *device = (void *)((char *)field - key->offset);

	device->has_capture = true;
	return read_socket(y, node, field, key);
}

static const struct zl_yaml_key device_keys[] = {
	{"name", zl_yaml_string, DEVICE(name), .required = true, .min = 1},
	{"kind", read_kind, DEVICE(kind), .required = true},
	{"frontend", read_socket, DEVICE(frontend), .required = true, .more = socket_keys},
	{"backend", read_socket, DEVICE(backend), .required = true, .more = socket_keys},
	{"capture", read_capture, DEVICE(capture), .more = socket_keys},
	{"last_values", zl_last_values, DEVICE(backend.at.policy)},
	{0},
};

static void socket_defaults(struct zl_config_socket *socket)
{
	*socket = (struct zl_config_socket){
		.at.sndbuf = 256 << 10,
		.at.max_msg_bytes = 128 << 20,
		.hwm = 1000,
		.sndhwm = UINT64_MAX,
		.rcvhwm = UINT64_MAX,
		.reconnect_ms = ZL_RECONNECT_MS,
		.reconnect_max_ms = ZL_RECONNECT_MAX,
	};
	zl_options_not_given(socket);
}

/* One side's type: its kind's, or for a bridge what is given. */
static bool settle_type(struct zl_yaml *y, uint32_t kind, const char *side,
			struct zl_config_socket *socket, enum zl_socket_type only)
{
	size_t was = zl_yaml_enter(y, side, 0);

	if (kind == ZL_BRIDGE && !socket->type_line)
		return zl_yaml_fail(y, socket->line,
				    "a bridge's sockets need a type (PULL, PUSH, DEALER, ...)");
	if (kind != ZL_BRIDGE && !socket->type_line)
		socket->at.type = only;
	zl_yaml_enter(y, "type", 0);
	if (kind != ZL_BRIDGE && socket->at.type != only)
		return zl_yaml_fail(y, socket->type_line,
				    "\"%s\" does not belong here: this side of a %s is %s",
				    zl_socket_type_name[socket->at.type], zl_device_kind_name[kind],
				    zl_socket_type_name[only]);
	zl_yaml_leave(y, was);
	was = zl_yaml_enter(y, side, 0);
	if (!zl_options_settle(y, socket))
		return false;
	zl_yaml_leave(y, was);
	return true;
}

/* Why these two do not fit: what one has that the other has not. */
static const char *mismatch(const struct zl_config_device *d)
{
	if (d->frontend.at.type == ZL_STREAM || d->backend.at.type == ZL_STREAM)
		return "STREAM's messages are [routing id][bytes], which DEALER, PAIR, PUSH, PULL, "
		       "PUB and XPUB pass on";
	if (d->frontend.at.type == ZL_DGRAM || d->backend.at.type == ZL_DGRAM)
		return "DGRAM's messages are [address][body], which DEALER, PAIR, PUSH, PULL, PUB "
		       "and XPUB pass on";
	return "one must send what the other receives, in as many parts";
}

static bool check_types(struct zl_yaml *y, struct zl_config_device *d)
{
	if (!settle_type(y, d->kind, "frontend", &d->frontend, zl_ipc_device_frontend(d->kind)) ||
	    !settle_type(y, d->kind, "backend", &d->backend, zl_ipc_device_backend(d->kind)))
		return false;
	if (zl_ipc_device_joins(d->kind, d->frontend.at.type, d->backend.at.type))
		return true;
	zl_yaml_enter(y, "backend", 0);
	zl_yaml_enter(y, "type", 0);
	return zl_yaml_fail(y, d->backend.type_line, "a bridge cannot join %s and %s: %s",
			    zl_socket_type_name[d->frontend.at.type],
			    zl_socket_type_name[d->backend.at.type], mismatch(d));
}

static bool check_capture(struct zl_yaml *y, struct zl_config_device *d)
{
	struct zl_config_socket *s = &d->capture;

	if (!d->has_capture)
		return true;
	if (!s->type_line)
		s->at.type = ZL_PUB;
	if (zl_ipc_device_captures(s->at.type))
		return true;
	zl_yaml_enter(y, "capture", 0);
	zl_yaml_enter(y, "type", 0);
	return zl_yaml_fail(y, s->type_line,
			    "a capture socket is PUB, PUSH, DEALER or PAIR, not %s",
			    zl_socket_type_name[s->at.type]);
}

bool zl_device_list(struct zl_yaml *y, yaml_node_t *node, void *field,
		    const struct zl_yaml_key *key)
{
	struct zl_config *config = (void *)((char *)field - key->offset);
	int n = zl_yaml_items(y, node, false, "devices");

	if (n <= 0)
		return n == 0;
	config->devices = calloc((size_t)n, sizeof(*config->devices));
	if (!config->devices)
		return zl_yaml_fail(y, zl_yaml_line(node), "no memory");
	for (int i = 0; i < n; i++) {
		struct zl_config_device *device = &config->devices[i];
		yaml_node_t *item = zl_yaml_item(y, node, i);
		size_t was = zl_yaml_enter(y, NULL, i);

		config->n_devices++;
		device->line = zl_yaml_line(item);
		socket_defaults(&device->frontend);
		socket_defaults(&device->backend);
		socket_defaults(&device->capture);
		if (!zl_yaml_read_map(y, item, device, device_keys) || !check_types(y, device) ||
		    !check_capture(y, device))
			return false;
		zl_yaml_leave(y, was);
	}
	return true;
}
