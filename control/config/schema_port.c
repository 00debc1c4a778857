/* The keys of one port, and of its impairment stage. */
#include "control/config/schema.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT(field)   ZL_YAML_AT(struct zl_ipc_port, field)
#define IMPAIR(field) ZL_YAML_AT(struct zl_impair, field)
#define MINUTE_US     60000000

/* "10.0.0.1/24": a host's address, with how much of it is the network. */
static bool read_address(struct zl_yaml *y, yaml_node_t *node, void *field,
			 const struct zl_yaml_key *key)
{
	struct zl_ipc_port *port = (void *)((char *)field - key->offset);
	const char *s = zl_yaml_text(y, node);
	char ip[16];
	unsigned bits;
	int end = -1;
	struct in_addr a;

	if (!s)
		return false;
	if (sscanf(s, "%15[0-9.]/%2u%n", ip, &bits, &end) != 2 || end != (int)strlen(s) ||
	    inet_pton(AF_INET, ip, &a) != 1 || bits < 1 || bits > 32)
		return zl_yaml_fail(
			y, zl_yaml_line(node),
			"\"%.80s\" is not an IPv4 address and prefix length, such as 10.0.0.1/24",
			s);
	uint32_t host = bits == 32 ? 0 : 0xffffffffu >> bits, addr = ntohl(a.s_addr);
	if (addr >> 28 >= 14 || addr >> 24 == 0 || addr >> 24 == 127)
		return zl_yaml_fail(y, zl_yaml_line(node),
				    "\"%.80s\" is not an address a port can have", s);
	if (bits < 31 && ((addr & host) == 0 || (addr & host) == host))
		return zl_yaml_fail(
			y, zl_yaml_line(node),
			"\"%.80s\" is the address of the network itself or its broadcast", s);
	port->ip = addr;
	port->prefix_len = bits;
	return true;
}

static bool read_mac(struct zl_yaml *y, yaml_node_t *node, void *field,
		     const struct zl_yaml_key *key)
{
	const char *s = zl_yaml_text(y, node);
	uint8_t *mac = field;
	int end = -1;

	(void)key;
	if (!s)
		return false;
	if (sscanf(s, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2], &mac[3],
		   &mac[4], &mac[5], &end) != 6 ||
	    end != 17 || s[end] != '\0' || (mac[0] & 1))
		return zl_yaml_fail(
			y, zl_yaml_line(node),
			"\"%.80s\" is not a station's Ethernet address, such as 02:00:00:00:00:01",
			s);
	return true;
}

static const struct zl_yaml_key impair_keys[] = {
	{"loss", zl_yaml_number, IMPAIR(loss_ppm), .unit = ZL_UNIT_FRACTION, .max = 1000000,
	 .more = "0 to 100%"},
	{"duplicate", zl_yaml_number, IMPAIR(duplicate_ppm), .unit = ZL_UNIT_FRACTION,
	 .max = 1000000, .more = "0 to 100%"},
	{"corrupt", zl_yaml_number, IMPAIR(corrupt_ppm), .unit = ZL_UNIT_FRACTION, .max = 1000000,
	 .more = "0 to 100%"},
	{"reorder", zl_yaml_number, IMPAIR(reorder_ppm), .unit = ZL_UNIT_FRACTION, .max = 1000000,
	 .more = "0 to 100%"},
	{"reorder_delay", zl_yaml_number, IMPAIR(reorder_us), .unit = ZL_UNIT_US, .max = MINUTE_US,
	 .more = "0 to 1min"},
	{"delay", zl_yaml_number, IMPAIR(delay_us), .unit = ZL_UNIT_US, .max = MINUTE_US,
	 .more = "0 to 1min"},
	{"jitter", zl_yaml_number, IMPAIR(jitter_us), .unit = ZL_UNIT_US, .max = MINUTE_US,
	 .more = "0 to 1min"},
	{"rate", zl_yaml_number, IMPAIR(rate_kbps), .unit = ZL_UNIT_RATE, .max = 400000000,
	 .more = "0 (unlimited) to 400Gbit"},
	{"queue", zl_yaml_number, IMPAIR(queue_frames), .min = 1, .max = 1 << 20},
	{"seed", zl_yaml_number, IMPAIR(seed), .max = UINT64_MAX},
	{0},
};

static const struct zl_yaml_key direction_keys[] = {
	{"rx", zl_yaml_map, PORT(rx), .more = impair_keys},
	{"tx", zl_yaml_map, PORT(tx), .more = impair_keys},
	{0},
};

/* The words of zl_port_kind_name, ended as an enum's words must be. */
static bool read_kind(struct zl_yaml *y, yaml_node_t *node, void *field,
		      const struct zl_yaml_key *key)
{
	const char *words[ZL_PORT_KINDS + 1] = {0};
	struct zl_yaml_key e = *key;

	memcpy(words, zl_port_kind_name, ZL_PORT_KINDS * sizeof(words[0]));
	e.more = words;
	return zl_yaml_enum(y, node, field, &e);
}

static const struct zl_yaml_key port_keys[] = {
	{"name", zl_yaml_string, PORT(name), .required = true, .min = 1},
	{"kind", read_kind, PORT(kind), .required = true},
	{"device", zl_yaml_string, PORT(device), .required = true, .min = 1},
	{"address", read_address, PORT(ip), .required = true},
	{"gateway", zl_yaml_ipv4, PORT(gateway)},
	{"mac", read_mac, PORT(mac)},
	{"mtu", zl_yaml_number, PORT(mtu), .min = 576, .max = 9600},
	{"queues", zl_yaml_number, PORT(queues), .min = 1, .max = ZL_POLL_CORES_MAX},
	{"options", zl_yaml_string, PORT(options)},
	{"impair", zl_yaml_map, .more = direction_keys},
	{0},
};

static void impair_defaults(struct zl_impair *impair)
{
	*impair = (struct zl_impair){.reorder_us = 1000, .queue_frames = 1000, .seed = 1};
}

bool zl_port_list(struct zl_yaml *y, yaml_node_t *node, void *field, const struct zl_yaml_key *key)
{
	struct zl_config *config = (void *)((char *)field - key->offset);
	int n = zl_yaml_items(y, node, false, "ports");

	if (n > ZL_IPC_PORTS_MAX)
		return zl_yaml_fail(y, zl_yaml_line(node), "has %d ports; at most %d are possible",
				    n, ZL_IPC_PORTS_MAX);
	for (int i = 0; i < n; i++) {
		struct zl_ipc_port *port = &config->ports[i];
		yaml_node_t *item = zl_yaml_item(y, node, i);
		size_t was = zl_yaml_enter(y, NULL, i);

		impair_defaults(&port->rx);
		impair_defaults(&port->tx);
		if (!zl_yaml_read_map(y, item, port, port_keys))
			return false;
		port->config_line = zl_yaml_line(item);
		zl_yaml_leave(y, was);
	}
	config->n_ports = (unsigned)(n > 0 ? n : 0);
	return n >= 0;
}
