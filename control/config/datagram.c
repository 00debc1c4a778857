/* Endpoints of datagrams, which ports carry: "udp://10.0.0.1:5555", and of groups with the port
 * that they are reached by before them: "udp://eth0;239.192.1.1:5555" (zmq_udp), and so for epgm://
 * and pgm:// (zmq_pgm), which may have two lines. What the kernel's addresses would carry is not
 * there, and said. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/config/address.h"

static bool is_group(uint32_t ip)
{
	return ip >> 28 == 0xe;
}

static int bad(const struct zl_ipc_endpoint *e, char *error, size_t error_max, const char *why,
	       const struct zl_ports *ports)
{
	char list[160];

	address_list(list, sizeof(list), ports->at, ports->n);
	snprintf(error, error_max, "\"%.80s\": %s; the ports are %s", e->text, why, list);
	return -EINVAL;
}

/* "eth0" or "10.0.0.1", a port's. False: it is none's. */
static bool read_via(const char *text, size_t n, const struct zl_ports *ports, uint32_t *via)
{
	struct host_port at = {0};
	const struct zl_ipc_port *port;
	union inet a;

	if (n >= sizeof(at.host))
		return false;
	memcpy(at.host, text, n);
	port = address_port_named(ports, at.host);
	if (port)
		*via = port->ip;
	else if (address_numeric(&at, &a) && address_is_of_port(ports, address_ipv4(&a)))
		*via = address_ipv4(&a);
	else
		return false;
	return true;
}

/* A bind's address: of a port, every port's, or a group; a connect's: where it goes. */
static bool read_address(const struct zl_ipc_endpoint *e, const struct host_port *at,
			 const struct zl_ports *ports, uint32_t *ip)
{
	const struct zl_ipc_port *port = address_port_named(ports, at->host);
	union inet a;

	*ip = 0;
	if (strcmp(at->host, "*") == 0)
		return !e->connect;
	if (port)
		*ip = port->ip;
	else if (address_numeric(at, &a))
		*ip = address_ipv4(&a);
	return *ip && *ip >> 24 != 127 && *ip != UINT32_MAX;
}

/* Which port a group is reached by. */
static int settle_group(const struct zl_ipc_endpoint *e, uint32_t *via,
			const struct zl_ports *ports, char *error, size_t error_max)
{
	if (*via)
		return 0;
	if (ports->n > 1)
		return bad(e, error, error_max,
			   "a group is reached by one port: name it before the group, as in "
			   "eth0;239.192.1.1:5555",
			   ports);
	*via = ports->at[0].ip;
	return 0;
}

static int settle(struct zl_ipc_endpoint *e, const struct zl_ports *ports, char *error,
		  size_t error_max)
{
	if (is_group(e->ip))
		return settle_group(e, &e->via, ports, error, error_max);
	if (e->via)
		return bad(e, error, error_max, "a port's name belongs before a group only", ports);
	if (!e->connect && e->ip && !address_is_of_port(ports, e->ip))
		return bad(e, error, error_max, "no port has this address", ports);
	if (e->connect && !address_is_near(ports, e->ip) && !address_has_gateway(ports))
		return bad(e, error, error_max,
			   "no port's network has this address, and no port has a gateway", ports);
	return 0;
}

/* One line of an endpoint, "via;host:port", of n bytes. */
static int read_line(const struct zl_ipc_endpoint *e, const char *text, size_t n,
		     const struct zl_ports *ports, const char *example, struct zl_ipc_line *line,
		     uint16_t *port, char *error, size_t error_max)
{
	const char *semicolon = memchr(text, ';', n), *rest = semicolon ? semicolon + 1 : text;
	struct host_port at;

	if (semicolon && !read_via(text, (size_t)(semicolon - text), ports, &line->via))
		return bad(e, error, error_max, "before the semicolon belongs a port", ports);
	if (!address_split(rest, n - (size_t)(rest - text), false, &at) ||
	    !read_address(e, &at, ports, &line->ip)) {
		snprintf(error, error_max, "\"%.80s\" is not an endpoint, such as %s", e->text,
			 example);
		return -EINVAL;
	}
	*port = at.port;
	return 0;
}

/* Into ip, port and via. */
static int read_endpoint(struct zl_ipc_endpoint *e, size_t n, const struct zl_ports *ports,
			 const char *example, char *error, size_t error_max)
{
	struct zl_ipc_line line = {0};

	if (!ports->n) {
		snprintf(error, error_max,
			 "\"%.80s\": %s:// is carried by ports, and there are none; add one to "
			 "`ports`",
			 e->text, zl_carrier_scheme[e->carrier]);
		return -EINVAL;
	}
	if (read_line(e, strstr(e->text, "://") + 3, n, ports, example, &line, &e->port, error,
		      error_max))
		return -EINVAL;
	e->ip = line.ip;
	e->via = line.via;
	return 0;
}

int datagram_udp(struct zl_ipc_endpoint *e, const struct zl_ports *ports, char *error,
		 size_t error_max)
{
	e->carrier = ZL_CARRIER_UDP;
	if (read_endpoint(e, strlen(strstr(e->text, "://") + 3), ports,
			  e->connect ? "udp://10.0.0.9:5555 or udp://239.192.1.1:5555"
				     : "udp://*:5555 or udp://239.192.1.1:5555",
			  error, error_max))
		return -EINVAL;
	return settle(e, ports, error, error_max);
}

#define PGM_EXAMPLE "epgm://eth0;239.192.1.1:5555"

static int settle_line(const struct zl_ipc_endpoint *e, struct zl_ipc_line *line,
		       const struct zl_ports *ports, char *error, size_t error_max)
{
	if (is_group(line->ip))
		return settle_group(e, &line->via, ports, error, error_max);
	snprintf(error, error_max, "\"%.80s\": PGM goes to a group, such as " PGM_EXAMPLE, e->text);
	return -EINVAL;
}

/* "LINE|LINE": the second is line B, another group or port's, with the same content. */
static int read_line_b(struct zl_ipc_endpoint *e, const char *text, const struct zl_ports *ports,
		       char *error, size_t error_max)
{
	const char *why = NULL;
	uint16_t port;

	if (read_line(e, text, strlen(text), ports, PGM_EXAMPLE "|eth1;239.192.2.1:5555", &e->b,
		      &port, error, error_max) ||
	    settle_line(e, &e->b, ports, error, error_max))
		return -EINVAL;
	if (port != e->port)
		why = "lines A and B have one port number";
	else if (e->b.ip == e->ip && e->b.via == e->via)
		why = "lines A and B are the same; give B a group of its own, or another port";
	if (why)
		return bad(e, error, error_max, why, ports);
	return 0;
}

int datagram_pgm(struct zl_ipc_endpoint *e, const struct zl_ports *ports, char *error,
		 size_t error_max)
{
	const char *rest = strstr(e->text, "://") + 3, *bar = strchr(rest, '|');
	struct zl_ipc_line a;

	e->carrier = strncmp(e->text, "epgm", 4) == 0 ? ZL_CARRIER_EPGM : ZL_CARRIER_PGM;
	if (read_endpoint(e, bar ? (size_t)(bar - rest) : strlen(rest), ports, PGM_EXAMPLE, error,
			  error_max))
		return -EINVAL;
	a = (struct zl_ipc_line){e->ip, e->via};
	if (settle_line(e, &a, ports, error, error_max))
		return -EINVAL;
	e->via = a.via;
	return bar ? read_line_b(e, bar + 1, ports, error, error_max) : 0;
}

#define TYPE(t) (1u << ZL_##t)

/* Which types say what datagrams carry, and how they may have it: as libzmq. */
static const struct {
	uint32_t bind, connect;
	const char *rule;
} carried[ZL_CARRIERS] = {
	[ZL_CARRIER_UDP] = {TYPE(DISH) | TYPE(DGRAM), TYPE(RADIO),
			    "a RADIO connects, a DISH or DGRAM binds"},
	[ZL_CARRIER_EPGM] = {TYPE(PUB) | TYPE(XPUB) | TYPE(SUB) | TYPE(XSUB),
			     TYPE(PUB) | TYPE(XPUB) | TYPE(SUB) | TYPE(XSUB),
			     "PUB, XPUB, SUB and XSUB do"},
	[ZL_CARRIER_PGM] = {TYPE(PUB) | TYPE(XPUB) | TYPE(SUB) | TYPE(XSUB),
			    TYPE(PUB) | TYPE(XPUB) | TYPE(SUB) | TYPE(XSUB),
			    "PUB, XPUB, SUB and XSUB do"},
	[ZL_CARRIER_NORM] = {TYPE(PUB) | TYPE(XPUB) | TYPE(SUB) | TYPE(XSUB),
			     TYPE(PUB) | TYPE(XPUB) | TYPE(SUB) | TYPE(XSUB),
			     "PUB, XPUB, SUB and XSUB do"},
};

bool zl_endpoint_fits(const struct zl_ipc_endpoint *e, const struct zl_ipc_socket *socket,
		      bool secured, char *error, size_t error_max)
{
	uint32_t types = e->connect ? carried[e->carrier].connect : carried[e->carrier].bind;
	const char *scheme = zl_carrier_scheme[e->carrier];

	if (!zl_ipc_flows(e->carrier))
		return true;
	if (!(types & 1u << socket->type))
		snprintf(error, error_max, "\"%.80s\": %s does not %s to %s://; %s", e->text,
			 zl_socket_type_name[socket->type], e->connect ? "connect" : "bind", scheme,
			 carried[e->carrier].rule);
	else if (secured)
		snprintf(error, error_max,
			 "\"%.80s\": %s:// has no handshake, and so no security; take out the "
			 "socket's `security`, or the endpoint",
			 e->text, scheme);
	else
		return true;
	return false;
}
