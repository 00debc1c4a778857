/* Endpoints: from what a person wrote to what the dataplane takes, with the remedy where it cannot
 * be. Used for the file and for the command line's bind and connect alike. Which scheme it is
 * decides who reads the rest: tcp is here, datagrams in datagram.c, what only the kernel has in
 * local.c. */
#include "control/config/config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/address.h"
#include "control/config/local.h"

char *zl_ipv4_text(uint32_t ip, char *text)
{
	sprintf(text, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
	return text;
}

/* "10.0.0.1 (eth0), 10.0.1.1 (eth1)": what could have been written. */
void address_list(char *list, size_t max, const struct zl_ipc_port *ports, unsigned n)
{
	char ip[16];
	size_t at = 0;

	snprintf(list, max, "none");
	for (unsigned i = 0; i < n && at < max; i++)
		at += (size_t)snprintf(list + at, max - at, "%s%s (%s)", i ? ", " : "",
				       zl_ipv4_text(ports[i].ip, ip), ports[i].name);
}

const struct zl_ipc_port *address_port_named(const struct zl_ports *ports, const char *name)
{
	for (unsigned i = 0; i < ports->n; i++)
		if (strcmp(ports->at[i].name, name) == 0)
			return &ports->at[i];
	return NULL;
}

bool address_is_of_port(const struct zl_ports *ports, uint32_t ip)
{
	for (unsigned i = 0; i < ports->n; i++)
		if (ports->at[i].ip == ip)
			return true;
	return false;
}

bool address_is_near(const struct zl_ports *ports, uint32_t ip)
{
	for (unsigned i = 0; i < ports->n; i++)
		if ((ports->at[i].ip ^ ip) >> (32 - ports->at[i].prefix_len) == 0)
			return true;
	return false;
}

bool address_has_gateway(const struct zl_ports *ports)
{
	for (unsigned i = 0; i < ports->n; i++)
		if (ports->at[i].gateway)
			return true;
	return false;
}

/* --- taking it apart --- */

static bool read_port(const char *s, bool any, uint16_t *port)
{
	unsigned long value = 0;

	*port = 0;
	if (any && (strcmp(s, "*") == 0 || strcmp(s, "0") == 0))
		return true;
	if (strlen(s) > 5 || !*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		value = value * 10 + (unsigned long)(*s - '0');
	}
	*port = (uint16_t)value;
	return value > 0 && value <= 65535;
}

/* "host:port", "[::1]:port". */
bool address_split(const char *text, size_t n, bool any_port, struct host_port *to)
{
	char copy[sizeof(to->host) + 8], *colon, *host = copy;

	if (n >= sizeof(copy))
		return false;
	memcpy(copy, text, n);
	copy[n] = '\0';
	colon = strrchr(copy, ':');
	if (!colon || !read_port(colon + 1, any_port, &to->port))
		return false;
	*colon = '\0';
	if (host[0] == '[' && colon > host + 2 && colon[-1] == ']') {
		host++;
		colon[-1] = '\0';
	} else if (strchr(host, ':')) {
		return false; /* IPv6 wants its brackets */
	}
	if (!*host || strlen(host) >= sizeof(to->host))
		return false;
	strcpy(to->host, host);
	return true;
}

/* "10.0.0.1", "fe80::1%eth0" */
bool address_numeric(const struct host_port *from, union inet *a)
{
	char host[128], *zone;

	memset(a, 0, sizeof(*a));
	strcpy(host, from->host);
	zone = strchr(host, '%');
	if (zone)
		*zone++ = '\0';
	if (!zone && inet_pton(AF_INET, host, &a->v4.sin_addr) == 1) {
		a->v4.sin_family = AF_INET;
	} else if (inet_pton(AF_INET6, host, &a->v6.sin6_addr) == 1) {
		a->v6.sin6_family = AF_INET6;
		if (zone)
			a->v6.sin6_scope_id = if_nametoindex(zone);
		if (zone && !a->v6.sin6_scope_id)
			a->v6.sin6_scope_id = (uint32_t)strtoul(zone, NULL, 10);
		if (zone && !a->v6.sin6_scope_id)
			return false;
	} else {
		return false;
	}
	a->v4.sin_port = htons(from->port);
	return true;
}

/* --- which carrier --- */

static void by_stack(struct zl_ipc_endpoint *e, uint32_t ip, uint16_t port)
{
	e->carrier = ZL_CARRIER_STACK;
	e->ip = ip;
	e->port = port;
}

static void by_kernel(struct zl_ipc_endpoint *e, const union inet *a)
{
	e->carrier = ZL_CARRIER_TCP;
	e->port = 0;
	inet_store(&e->address, a);
}

uint32_t address_ipv4(const union inet *a)
{
	return a->any.sa_family == AF_INET ? ntohl(a->v4.sin_addr.s_addr) : 0;
}

static int settle_bind(struct zl_ipc_endpoint *e, const union inet *a, const struct zl_ports *ports,
		       char *error, size_t error_max)
{
	char list[160];

	if (address_ipv4(a) && address_is_of_port(ports, address_ipv4(a))) {
		by_stack(e, address_ipv4(a), ntohs(a->v4.sin_port));
		return 0;
	}
	by_kernel(e, a);
	if (kernel_has(a))
		return 0;
	address_list(list, sizeof(list), ports->at, ports->n);
	snprintf(error, error_max,
		 "\"%s\": no port has this address, and no interface of this machine; the ports' "
		 "addresses are %s",
		 e->text, list);
	return -EINVAL;
}

/* A port's own network first, then the kernel's own; what is far goes by a port with a gateway, or
 * else the way that the kernel knows. */
static bool stack_reaches(const struct zl_ports *ports, const union inet *a)
{
	uint32_t ip = address_ipv4(a);

	if (ip >> 24 == 0 || ip >> 24 == 127 || ip >> 28 >= 14)
		return false;
	return address_is_near(ports, ip) || (address_has_gateway(ports) && !kernel_is_near(a));
}

static int settle_connect(struct zl_ipc_endpoint *e, const union inet *a,
			  const struct zl_ports *ports, char *error, size_t error_max)
{
	char list[160];

	/* A source that is the kernel's has decided. */
	if (!e->source.bytes && stack_reaches(ports, a)) {
		by_stack(e, address_ipv4(a), ntohs(a->v4.sin_port));
		return 0;
	}
	by_kernel(e, a);
	if (kernel_reaches(a))
		return 0;
	address_list(list, sizeof(list), ports->at, ports->n);
	snprintf(error, error_max,
		 "\"%s\": no port's network has this address, no port has a gateway, and the "
		 "kernel has no route to it; the ports are %s",
		 e->text, list);
	return -EINVAL;
}

int zl_endpoint_settle(struct zl_ipc_endpoint *e, const void *sockaddr,
		       const struct zl_ports *ports, char *error, size_t error_max)
{
	const struct sockaddr *from = sockaddr;
	uint16_t port = htons(e->port);
	union inet a;

	memset(&a, 0, sizeof(a));
	memcpy(&a, from, from->sa_family == AF_INET ? sizeof(a.v4) : sizeof(a.v6));
	a.v4.sin_port = port;
	if (e->connect)
		return settle_connect(e, &a, ports, error, error_max);
	return settle_bind(e, &a, ports, error, error_max);
}

/* "source;peer": the kernel's own address, or a port's, which its connections have anyway. */
static int read_source(struct zl_ipc_endpoint *e, const char *text, size_t n,
		       const struct zl_ports *ports, char *error, size_t error_max)
{
	const struct zl_ipc_port *port;
	struct host_port source;
	union inet a = {0};

	if (!address_split(text, n, true, &source)) {
		snprintf(error, error_max,
			 "\"%.80s\": before the semicolon belongs a source, such as "
			 "tcp://127.0.0.1:0;127.0.0.1:5555",
			 e->text);
		return -EINVAL;
	}
	port = address_port_named(ports, source.host);
	if (!port && !address_numeric(&source, &a)) {
		a.v4.sin_port = htons(source.port);
		if (!kernel_interface(source.host, &a)) {
			snprintf(error, error_max,
				 "\"%.80s\": the source %.60s is no address, port or interface of "
				 "this machine",
				 e->text, source.host);
			return -EINVAL;
		}
	}
	if ((port || address_is_of_port(ports, address_ipv4(&a))) && source.port) {
		snprintf(error, error_max,
			 "\"%.80s\": a port chooses its connections' source ports itself; give 0",
			 e->text);
		return -EINVAL;
	}
	if (!port && !address_is_of_port(ports, address_ipv4(&a)))
		inet_store(&e->source, &a);
	return 0;
}

/* A name that is neither a port's nor an interface's is a host's: to be resolved. */
static int read_host(struct zl_ipc_endpoint *e, const struct host_port *at,
		     const struct zl_ports *ports, char *error, size_t error_max)
{
	const struct zl_ipc_port *port = address_port_named(ports, at->host);
	union inet a = {0};

	e->port = at->port;
	if (strcmp(at->host, "*") == 0 && !e->connect) {
		if (ports->n) {
			by_stack(e, 0, at->port);
			return 0;
		}
		a.v4.sin_family = AF_INET;
		return zl_endpoint_settle(e, &a, ports, error, error_max);
	}
	if (port && !e->source.bytes) {
		by_stack(e, port->ip, at->port);
		return 0;
	}
	if (address_numeric(at, &a) || (!e->connect && kernel_interface(at->host, &a)))
		return zl_endpoint_settle(e, &a, ports, error, error_max);
	e->carrier = ZL_CARRIER_TCP; /* for now */
	return 0;
}

static int read_tcp(struct zl_ipc_endpoint *e, const struct zl_ports *ports, char *error,
		    size_t error_max)
{
	const char *rest = e->text + strlen("tcp://"), *semicolon = strchr(rest, ';');
	struct host_port at;
	int bad = 0;

	if (semicolon && e->connect) {
		bad = read_source(e, rest, (size_t)(semicolon - rest), ports, error, error_max);
		rest = semicolon + 1;
	}
	if (bad)
		return bad;
	if (!address_split(rest, strlen(rest), !e->connect, &at) ||
	    (e->connect && strcmp(at.host, "*") == 0)) {
		snprintf(error, error_max, "\"%.80s\" is not an endpoint, such as tcp://%s:5555",
			 e->text, e->connect ? "10.0.0.9" : "*");
		return -EINVAL;
	}
	return read_host(e, &at, ports, error, error_max);
}

bool zl_endpoint_host(const struct zl_ipc_endpoint *e, char *host, size_t max)
{
	const char *rest = e->text + strlen("tcp://"), *semicolon = strchr(rest, ';');
	struct host_port at;

	if (e->carrier != ZL_CARRIER_TCP || e->address.bytes)
		return false;
	if (semicolon && e->connect)
		rest = semicolon + 1;
	return address_split(rest, strlen(rest), true, &at) &&
	       snprintf(host, max, "%s", at.host) < (int)max;
}

/* In a log and in a table it is shown as it is. */
static size_t visible(const char *text)
{
	size_t n = 0;

	while ((unsigned char)text[n] >= ' ' && text[n] != '\x7f')
		n++;
	return n;
}

int zl_endpoint_parse(struct zl_ipc_endpoint *e, const char *text, bool connect,
		      const struct zl_ports *ports, char *error, size_t error_max)
{
	*e = (struct zl_ipc_endpoint){.connect = connect};
	if (text[visible(text)]) {
		snprintf(error, error_max,
			 "\"%.*s\": a control character follows, which no endpoint has; take it "
			 "out",
			 (int)(visible(text) < 80 ? visible(text) : 80), text);
		return -EINVAL;
	}
	if (strlen(text) >= sizeof(e->text)) {
		snprintf(error, error_max, "\"%.80s...\" is longer than %zu characters", text,
			 sizeof(e->text) - 1);
		return -EINVAL;
	}
	strcpy(e->text, text);
	if (strncmp(text, "tcp://", 6) == 0)
		return read_tcp(e, ports, error, error_max);
	if (strncmp(text, "udp://", 6) == 0)
		return datagram_udp(e, ports, error, error_max);
	if (strncmp(text, "pgm://", 6) == 0 || strncmp(text, "epgm://", 7) == 0)
		return datagram_pgm(e, ports, error, error_max);
	if (strncmp(text, "ipc://", 6) == 0)
		return local_ipc(e, error, error_max);
	if (strncmp(text, "tipc://", 7) == 0)
		return local_tipc(e, error, error_max);
	if (strncmp(text, "vmci://", 7) == 0)
		return local_vmci(e, error, error_max);
	if (strncmp(text, "norm://", 7) == 0)
		return local_norm(e, error, error_max);
	snprintf(error, error_max,
		 "\"%.80s\" is not an endpoint: it begins with tcp://, udp://, pgm://, "
		 "epgm://, norm://, ipc://, tipc:// or vmci://",
		 text);
	return -EINVAL;
}

int zl_endpoint_resolve_now(struct zl_ipc_endpoint *e, const struct zl_ports *ports, char *error,
			    size_t error_max)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	char host[128], list[160];
	int bad;

	if (!zl_endpoint_host(e, host, sizeof(host)))
		return 0;
	bad = getaddrinfo(host, NULL, &hints, &found);
	if (bad) {
		address_list(list, sizeof(list), ports->at, ports->n);
		snprintf(error, error_max,
			 "\"%s\": %s is no address, no port, no interface and no host (%s); the "
			 "ports are %s",
			 e->text, host, gai_strerror(bad), list);
		return -EINVAL;
	}
	bad = zl_endpoint_settle(e, found->ai_addr, ports, error, error_max);
	freeaddrinfo(found);
	return bad;
}
