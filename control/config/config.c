/* Loading the file, and the second look at it: names, addresses and endpoints against each other,
 * which no single key can tell. */
#include "control/config/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "control/config/schema.h"
#include "control/security/security.h"

static bool name_valid(const char *name)
{
	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") ==
	       strlen(name);
}

static bool check_name(struct zl_yaml *y, unsigned line, const char *name)
{
	if (name_valid(name))
		return true;
	return zl_yaml_fail(
		y, line, "\"%s\": a name is of letters, digits, underscore, hyphen and dot", name);
}

static bool check_port(struct zl_yaml *y, const struct zl_config *config, unsigned i)
{
	const struct zl_ipc_port *p = &config->ports[i];
	char ip[16];

	if (!check_name(y, p->config_line, p->name))
		return false;
	if (p->queues > config->setup.poll_cores)
		return zl_yaml_fail(y, p->config_line,
				    "%u queues need as many poll cores, but cores.poll is %u",
				    p->queues, config->setup.poll_cores);
	if (p->gateway && (p->prefix_len == 32 || (p->gateway ^ p->ip) >> (32 - p->prefix_len)))
		return zl_yaml_fail(y, p->config_line,
				    "the gateway %s is not on the port's own network",
				    zl_ipv4_text(p->gateway, ip));
	if (p->gateway == p->ip)
		return zl_yaml_fail(y, p->config_line, "the gateway %s is the port's own address",
				    zl_ipv4_text(p->gateway, ip));
	for (unsigned j = 0; j < i; j++) {
		const struct zl_ipc_port *q = &config->ports[j];
		if (strcmp(p->name, q->name) == 0)
			return zl_yaml_fail(y, p->config_line,
					    "the name \"%s\" is taken by the port of line %u",
					    p->name, q->config_line);
		if (p->ip == q->ip)
			return zl_yaml_fail(y, p->config_line,
					    "the address %s is taken by port \"%s\" of line %u",
					    zl_ipv4_text(p->ip, ip), q->name, q->config_line);
		if (p->kind == q->kind && strcmp(p->device, q->device) == 0)
			return zl_yaml_fail(y, p->config_line,
					    "the device \"%s\" is taken by port \"%s\" of line %u",
					    p->device, q->name, q->config_line);
	}
	return true;
}

/* Binds may not meet: the same port on the same address, or on every address. */
static bool clash(const struct zl_ipc_endpoint *a, const struct zl_ipc_endpoint *b)
{
	if (a->connect || b->connect || a->carrier != b->carrier)
		return false;
	if (!zl_ipc_on_ports(a->carrier)) /* the rest the kernel tells */
		return a->carrier == ZL_CARRIER_IPC && strcmp(a->text, "ipc://*") != 0 &&
		       strcmp(a->text, b->text) == 0;
	if (zl_ipc_flows(a->carrier) && a->ip >> 28 == 0xe)
		return false; /* any number may be in a group */
	return a->port && a->port == b->port && (!a->ip || !b->ip || a->ip == b->ip);
}

static bool check_clash(struct zl_yaml *y, const struct zl_config_endpoint *e,
			const struct zl_config_endpoint *other)
{
	if (e == other || !clash(&e->at, &other->at))
		return true;
	return zl_yaml_fail(y, e->line, "\"%s\" is already bound by \"%s\" of line %u", e->at.text,
			    other->at.text, other->line);
}

static bool check_clashes(struct zl_yaml *y, const struct zl_config *config,
			  const struct zl_config_endpoint *e)
{
	for (unsigned d = 0; d < config->n_devices; d++) {
		const struct zl_config_socket *s[3] = {&config->devices[d].frontend,
						       &config->devices[d].backend,
						       &config->devices[d].capture};
		for (unsigned side = 0; side < 3; side++)
			for (unsigned i = 0; i < s[side]->n_endpoints; i++) {
				const struct zl_config_endpoint *other = &s[side]->endpoints[i];
				if (other == e)
					return true;
				if (!check_clash(y, e, other))
					return false;
			}
	}
	return true;
}

static bool check_socket(struct zl_yaml *y, struct zl_config *config, struct zl_config_socket *s,
			 const char *device, const char *side)
{
	unsigned n_bind = 0, n_connect = 0;
	const struct zl_ports ports = {config->ports, config->n_ports};
	char error[ZL_YAML_ERROR_MAX];
	size_t was = zl_yaml_enter(y, side, 0);

	if (s->at.name[0] == '\0' && snprintf(s->at.name, sizeof(s->at.name), "%s.%s", device,
					      side) >= (int)sizeof(s->at.name))
		return zl_yaml_fail(
			y, s->line,
			"its name \"%s.%s\" is longer than %d characters; give it a name", device,
			side, ZL_NAME_MAX - 1);
	if (!check_name(y, s->line, s->at.name))
		return false;
	s->at.sndhwm = (uint32_t)(s->sndhwm == UINT64_MAX ? s->hwm : s->sndhwm);
	s->at.rcvhwm = (uint32_t)(s->rcvhwm == UINT64_MAX ? s->hwm : s->rcvhwm);
	if (!zl_options_check_config(y, config, s))
		return false;
	if (s->reconnect_max_ms < s->reconnect_ms)
		return zl_yaml_fail(y, s->line,
				    "reconnect_max (%ums) is less than reconnect (%ums)",
				    s->reconnect_max_ms, s->reconnect_ms);
	if (!zl_policy_settle(y, s) || !zl_security_settle(y, config, s))
		return false;
	for (unsigned i = 0; i < s->n_endpoints; i++) {
		struct zl_config_endpoint *e = &s->endpoints[i];
		char text[ZL_ENDPOINT_MAX];
		bool connect = e->at.connect;
		size_t inner = zl_yaml_enter(y, connect ? "connect" : "bind", 0);

		zl_yaml_enter(y, NULL, (int)(connect ? n_connect++ : n_bind++));
		strcpy(text, e->at.text);
		/* The name of a peer may come to be known later, that of a bind must be now. */
		if (zl_endpoint_parse(&e->at, text, connect, &ports, error, sizeof(error)) ||
		    (!connect && zl_endpoint_resolve_now(&e->at, &ports, error, sizeof(error))) ||
		    !zl_endpoint_fits(&e->at, &s->at, s->security, error, sizeof(error)))
			return zl_yaml_fail(y, e->line, "%s", error);
		if (!check_clashes(y, config, e))
			return false;
		zl_yaml_leave(y, inner);
	}
	zl_yaml_leave(y, was);
	return true;
}

static bool socket_name_taken(struct zl_yaml *y, const char *side, const struct zl_config_socket *s,
			      const struct zl_config_socket *other)
{
	if (s == other || strcmp(s->at.name, other->at.name) != 0)
		return false;
	zl_yaml_enter(y, side, 0);
	zl_yaml_fail(y, s->line, "the name \"%s\" is taken by the socket of line %u", s->at.name,
		     other->line);
	return true;
}

/* Are all of its peers on one core, as far as its endpoints tell? */
static bool on_one_core(const struct zl_config *config, const struct zl_config_device *d)
{
	const struct zl_config_socket *side[] = {&d->frontend, &d->backend, &d->capture};
	unsigned stack = 0, kernel = 0;

	for (unsigned i = 0; i < sizeof(side) / sizeof(side[0]); i++)
		for (unsigned j = 0; j < side[i]->n_endpoints; j++)
			if (zl_ipc_on_ports(side[i]->endpoints[j].at.carrier))
				stack++;
			else
				kernel++;
	return kernel ? !stack : config->setup.poll_cores == 1;
}

/* The capture's name among another device's, or its own's other sockets; and its among ours. */
static bool capture_taken(struct zl_yaml *y, const struct zl_config_device *d,
			  const struct zl_config_device *o)
{
	if (d->has_capture && (socket_name_taken(y, "capture", &d->capture, &o->frontend) ||
			       socket_name_taken(y, "capture", &d->capture, &o->backend)))
		return true;
	if (!o->has_capture || o == d)
		return false;
	return socket_name_taken(y, "frontend", &d->frontend, &o->capture) ||
	       socket_name_taken(y, "backend", &d->backend, &o->capture) ||
	       (d->has_capture && socket_name_taken(y, "capture", &d->capture, &o->capture));
}

/* A forwarder is on every core, and so must be what captures from it. */
static bool check_capture(struct zl_yaml *y, const struct zl_config *config,
			  const struct zl_config_device *d)
{
	if (!d->has_capture || zl_ipc_sharded(d->capture.at.type) ||
	    !zl_ipc_sharded(d->frontend.at.type) || !zl_ipc_sharded(d->backend.at.type) ||
	    on_one_core(config, d))
		return true;
	zl_yaml_enter(y, "capture", 0);
	return zl_yaml_fail(y, d->capture.line,
			    "a forwarder's capture that is not PUB runs on one core for now: set "
			    "cores.poll to 1, with all endpoints on ports or all on the kernel");
}

/* What holds publishers back for a subscriber must see it. */
static bool check_nodrop(struct zl_yaml *y, const struct zl_config *config,
			 const struct zl_config_device *d)
{
	if (!d->backend.at.options.xpub_nodrop || on_one_core(config, d))
		return true;
	zl_yaml_enter(y, "backend", 0);
	return zl_yaml_fail(y, d->backend.line,
			    "xpub_nodrop works on one core for now: set cores.poll to 1, with all "
			    "endpoints on ports or all on the kernel");
}

static bool check_device(struct zl_yaml *y, struct zl_config *config, unsigned i)
{
	struct zl_config_device *d = &config->devices[i];

	if (!check_name(y, d->line, d->name))
		return false;
	for (unsigned j = 0; j < i; j++)
		if (strcmp(d->name, config->devices[j].name) == 0)
			return zl_yaml_fail(y, d->line,
					    "the name \"%s\" is taken by the device of line %u",
					    d->name, config->devices[j].line);
	if (!check_socket(y, config, &d->frontend, d->name, "frontend") ||
	    !check_socket(y, config, &d->backend, d->name, "backend") ||
	    (d->has_capture && !check_socket(y, config, &d->capture, d->name, "capture")))
		return false;
	if (!check_capture(y, config, d) || !check_nodrop(y, config, d) ||
	    socket_name_taken(y, "backend", &d->backend, &d->frontend) || capture_taken(y, d, d))
		return false;
	for (unsigned j = 0; j < i; j++) {
		struct zl_config_device *o = &config->devices[j];
		if (socket_name_taken(y, "frontend", &d->frontend, &o->frontend) ||
		    socket_name_taken(y, "frontend", &d->frontend, &o->backend) ||
		    socket_name_taken(y, "backend", &d->backend, &o->frontend) ||
		    socket_name_taken(y, "backend", &d->backend, &o->backend) ||
		    capture_taken(y, d, o))
			return false;
	}
	return true;
}

bool zl_config_check(struct zl_yaml *y, struct zl_config *config)
{
	if (!config->n_ports && !config->n_devices)
		return zl_yaml_fail(y, 1, "there are neither ports nor devices: nothing to do");
	for (unsigned i = 0; i < config->n_ports; i++) {
		size_t was = zl_yaml_enter(y, "ports", 0);
		zl_yaml_enter(y, NULL, (int)i);
		if (!check_port(y, config, i))
			return false;
		zl_yaml_leave(y, was);
	}
	for (unsigned i = 0; i < config->n_elements; i++) {
		const struct zl_ipc_element *e = &config->elements[i].at;
		size_t was = zl_yaml_enter(y, "pgm_elements", 0);
		zl_yaml_enter(y, NULL, (int)i);
		if (!check_name(y, e->config_line, e->name) || !zl_element_check(y, config, i))
			return false;
		zl_yaml_leave(y, was);
	}
	for (unsigned i = 0; i < config->n_devices; i++) {
		size_t was = zl_yaml_enter(y, "devices", 0);
		zl_yaml_enter(y, NULL, (int)i);
		if (!check_device(y, config, i))
			return false;
		zl_yaml_leave(y, was);
	}
	return true;
}

/* FNV-1a over what only a restart of the dataplane can change. */
static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t n)
{
	for (const uint8_t *p = bytes; n-- > 0; p++)
		hash = (hash ^ *p) * 0x100000001b3ull;
	return hash;
}

static uint64_t config_hash(const struct zl_config *config)
{
	uint64_t hash = hash_bytes(0xcbf29ce484222325ull, &config->setup, sizeof(config->setup));

	hash = hash_bytes(hash, &config->hugepages, sizeof(config->hugepages));
	for (unsigned i = 0; i < config->n_ports; i++) {
		struct zl_ipc_port port;
		memcpy(&port, &config->ports[i], sizeof(port));
		port.config_line = 0;
		hash = hash_bytes(hash, &port, sizeof(port));
	}
	for (unsigned i = 0; i < config->n_elements; i++) {
		struct zl_ipc_element element;
		memcpy(&element, &config->elements[i].at, sizeof(element));
		element.config_line = 0;
		hash = hash_bytes(hash, &element, sizeof(element));
	}
	return hash;
}

int zl_config_load(struct zl_config *config, const char *file, char *error, size_t error_max)
{
	struct zl_yaml y;

	memset(config, 0, sizeof(*config));
	bool good = zl_yaml_open(&y, file) && zl_schema_read(&y, config) &&
		    zl_config_check(&y, config);
	snprintf(error, error_max, "%s", y.error);
	if (good) {
		snprintf(config->file, sizeof(config->file), "%s", file);
		config->setup.config_hash = config_hash(config);
	}
	zl_yaml_close(&y);
	return good ? 0 : -EINVAL;
}

static void free_socket(struct zl_config_socket *s)
{
	free(s->endpoints);
	zl_security_free(s->security);
	free(s->users.at);
	sodium_memzero(&s->secured, sizeof(s->secured));
}

void zl_config_free(struct zl_config *config)
{
	for (unsigned i = 0; i < config->n_devices; i++) {
		free_socket(&config->devices[i].frontend);
		free_socket(&config->devices[i].backend);
		free_socket(&config->devices[i].capture);
	}
	free(config->devices);
	config->devices = NULL;
	config->n_devices = 0;
}
