/* Endpoints and addresses: from what a person wrote to what the dataplane takes, with the remedy
 * where it cannot be. Used for the file and for the command line's bind and connect alike. */
#include "control/config/config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

char *zl_ipv4_text(uint32_t ip, char *text)
{
	sprintf(text, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
	return text;
}

/* "10.0.0.1 (eth0), 10.0.1.1 (eth1)": what could have been written. */
static void list_addresses(char *list, size_t max, const struct zl_ipc_port *ports, unsigned n)
{
	char ip[16];
	size_t at = 0;

	list[0] = '\0';
	for (unsigned i = 0; i < n && at < max; i++)
		at += (size_t)snprintf(list + at, max - at, "%s%s (%s)", i ? ", " : "",
				       zl_ipv4_text(ports[i].ip, ip), ports[i].name);
}

static const struct zl_ipc_port *port_named(const struct zl_ipc_port *ports, unsigned n,
					    const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (strcmp(ports[i].name, name) == 0)
			return &ports[i];
	return NULL;
}

static bool port_has(const struct zl_ipc_port *ports, unsigned n, uint32_t ip)
{
	for (unsigned i = 0; i < n; i++)
		if (ports[i].ip == ip)
			return true;
	return false;
}

/* On a port's own network, or beyond a gateway. */
static bool reachable(const struct zl_ipc_port *ports, unsigned n, uint32_t ip)
{
	if (ip >> 24 == 0 || ip >> 24 == 127 || ip >> 28 >= 14)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (ports[i].gateway || (ports[i].ip ^ ip) >> (32 - ports[i].prefix_len) == 0)
			return true;
	return false;
}

/* Takes "tcp://host:port" apart. False if it does not have that form. */
static bool split(const char *text, char *host, size_t host_max, uint16_t *port)
{
	const char *colon = strrchr(text, ':');
	unsigned long value = 0;

	if (strncmp(text, "tcp://", 6) != 0 || colon < text + 7)
		return false;
	size_t n = (size_t)(colon - (text + 6));
	if (n >= host_max || strlen(colon + 1) > 5 || colon[1] == '\0')
		return false;
	for (const char *s = colon + 1; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		value = value * 10 + (unsigned long)(*s - '0');
	}
	if (value == 0 || value > 65535)
		return false;
	memcpy(host, text + 6, n);
	host[n] = '\0';
	*port = (uint16_t)value;
	return true;
}

int zl_endpoint_parse(struct zl_ipc_endpoint *endpoint, const char *text, bool connect,
		      const struct zl_ipc_port *ports, unsigned n_ports, char *error,
		      size_t error_max)
{
	const struct zl_ipc_port *port = NULL;
	char host[128], list[160];
	struct in_addr a;

	*endpoint = (struct zl_ipc_endpoint){.connect = connect};
	list_addresses(list, sizeof(list), ports, n_ports);
	if (strlen(text) >= sizeof(endpoint->text) ||
	    !split(text, host, sizeof(host), &endpoint->port)) {
		snprintf(error, error_max, "\"%.80s\" is not an endpoint, such as tcp://%s:5555",
			 text, connect ? "10.0.0.9" : "*");
		return -EINVAL;
	}
	strcpy(endpoint->text, text);
	if (strcmp(host, "*") == 0 && !connect)
		return 0;
	if (inet_pton(AF_INET, host, &a) == 1) {
		endpoint->ip = ntohl(a.s_addr);
	} else {
		port = port_named(ports, n_ports, host);
		if (!port) {
			snprintf(error, error_max,
				 "\"%s\": %s is neither an IPv4 address nor a port's name; the "
				 "ports are %s",
				 text, host, list);
			return -EINVAL;
		}
		endpoint->ip = port->ip;
	}
	if (!connect && !port_has(ports, n_ports, endpoint->ip)) {
		snprintf(error, error_max, "\"%s\": no port has this address; the addresses are %s",
			 text, list);
		return -EINVAL;
	}
	if (connect && !reachable(ports, n_ports, endpoint->ip)) {
		snprintf(error, error_max,
			 "\"%s\": no port's network has this address and no port has a gateway; "
			 "the ports are %s",
			 text, list);
		return -EINVAL;
	}
	return 0;
}
