/* The keys of a device and of its two sockets. Endpoints are kept as text here; check.c resolves
 * them when the ports are known, wherever those stand in the file. */
#include "control/config/schema.h"

#include <stdlib.h>
#include <string.h>

#define SOCKET(field) ZL_YAML_AT(struct zl_config_socket, field)
#define DEVICE(field) ZL_YAML_AT(struct zl_config_device, field)

static const char *const device_words[] = {[ZL_FORWARDER] = "forwarder", NULL};

/* The types a forwarder joins, as rows for an enum; the holes are numbers of other types. */
static bool read_type(struct zl_yaml *y, yaml_node_t *node, void *field,
		      const struct zl_yaml_key *key)
{
	const char *only = key->more, *s = zl_yaml_text(y, node);
	uint32_t type = 0;

	if (!s)
		return false;
	while (type < ZL_SOCKET_TYPES && strcmp(zl_socket_type_name[type], s) != 0)
		type++;
	if (strcmp(s, only) != 0)
		return zl_yaml_fail(
			y, zl_yaml_line(node),
			type < ZL_SOCKET_TYPES
				? "\"%s\" does not belong here: this side of a forwarder "
				  "is %s"
				: "\"%s\" is not a socket type; this side of a forwarder "
				  "is %s",
			s, only);
	memcpy(field, &type, sizeof(type));
	return true;
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

#define SOCKET_KEYS(only)                                                                            \
	{                                                                                            \
		{"type", read_type, SOCKET(at.type), .more = only},                                  \
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
			{"reconnect", zl_yaml_number, SOCKET(reconnect_ms), .unit = ZL_UNIT_MS,      \
			 .min = 1,    .max = 3600000, .more = "1ms to 1h"},                          \
			{"reconnect_max",    zl_yaml_number, SOCKET(reconnect_max_ms),               \
			 .unit = ZL_UNIT_MS, .min = 1,       .max = 3600000,                         \
			 .more = "1ms to 1h"},                                                       \
			{0},                                                                         \
	}
static const struct zl_yaml_key frontend_keys[] = SOCKET_KEYS("XSUB");
static const struct zl_yaml_key backend_keys[] = SOCKET_KEYS("XPUB");

static bool read_socket(struct zl_yaml *y, yaml_node_t *node, void *field,
			const struct zl_yaml_key *key)
{
	struct zl_config_socket *socket = field;

	socket->line = zl_yaml_line(node);
	return zl_yaml_map(y, node, field, key);
}

static const struct zl_yaml_key device_keys[] = {
	{"name", zl_yaml_string, DEVICE(name), .required = true, .min = 1},
	{"kind", zl_yaml_enum, DEVICE(kind), .required = true, .more = device_words},
	{"frontend", read_socket, DEVICE(frontend), .required = true, .more = frontend_keys},
	{"backend", read_socket, DEVICE(backend), .required = true, .more = backend_keys},
	{0},
};

static void socket_defaults(struct zl_config_socket *socket, enum zl_socket_type type)
{
	*socket = (struct zl_config_socket){
		.at.type = type,
		.at.sndbuf = 256 << 10,
		.at.max_msg_bytes = 128 << 20,
		.hwm = 1000,
		.sndhwm = UINT64_MAX,
		.rcvhwm = UINT64_MAX,
		.reconnect_ms = ZL_RECONNECT_MS,
		.reconnect_max_ms = ZL_RECONNECT_MAX,
	};
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
		socket_defaults(&device->frontend, ZL_XSUB);
		socket_defaults(&device->backend, ZL_XPUB);
		if (!zl_yaml_read_map(y, item, device, device_keys))
			return false;
		zl_yaml_leave(y, was);
	}
	return true;
}
