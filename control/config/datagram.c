/* Endpoints of datagrams, which ports carry: "udp://10.0.0.1:5555", and of groups with the port
 * that they are reached by before them: "udp://eth0;239.192.1.1:5555" (zmq_udp), and so for epgm://
 * and pgm:// (zmq_pgm). What the kernel's addresses would carry is not there, and said. */
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
static int settle_group(struct zl_ipc_endpoint *e, const struct zl_ports *ports, char *error,
			size_t error_max)
{
	if (e->via)
		return 0;
	if (ports->n > 1)
		return bad(e, error, error_max,
			   "a group is reached by one port: name it before the group, as in "
			   "eth0;239.192.1.1:5555",
			   ports);
	e->via = ports->at[0].ip;
	return 0;
}

static int settle(struct zl_ipc_endpoint *e, const struct zl_ports *ports, char *error,
		  size_t error_max)
{
	if (is_group(e->ip))
		return settle_group(e, ports, error, error_max);
	if (e->via)
		return bad(e, error, error_max, "a port's name belongs before a group only", ports);
	if (!e->connect && e->ip && !address_is_of_port(ports, e->ip))
		return bad(e, error, error_max, "no port has this address", ports);
	if (e->connect && !address_is_near(ports, e->ip) && !address_has_gateway(ports))
		return bad(e, error, error_max,
			   "no port's network has this address, and no port has a gateway", ports);
	return 0;
}

/* "via;host:port" into ip, port and via, in whatever form this carrier has. */
static int read_endpoint(struct zl_ipc_endpoint *e, const struct zl_ports *ports,
			 const char *example, char *error, size_t error_max)
{
	const char *rest = strstr(e->text, "://") + 3, *semicolon = strchr(rest, ';');
	struct host_port at;

	if (!ports->n) {
		snprintf(error, error_max,
			 "\"%.80s\": %s:// is carried by ports, and there are none; add one to "
			 "`ports`",
			 e->text, zl_carrier_scheme[e->carrier]);
		return -EINVAL;
	}
	if (semicolon && !read_via(rest, (size_t)(semicolon - rest), ports, &e->via))
		return bad(e, error, error_max, "before the semicolon belongs a port", ports);
	if (semicolon)
		rest = semicolon + 1;
	if (!address_split(rest, strlen(rest), false, &at) ||
	    !read_address(e, &at, ports, &e->ip)) {
		snprintf(error, error_max, "\"%.80s\" is not an endpoint, such as %s", e->text,
			 example);
		return -EINVAL;
	}
	e->port = at.port;
	return 0;
}

int datagram_udp(struct zl_ipc_endpoint *e, const struct zl_ports *ports, char *error,
		 size_t error_max)
{
	e->carrier = ZL_CARRIER_UDP;
	if (read_endpoint(e, ports,
			  e->connect ? "udp://10.0.0.9:5555 or udp://239.192.1.1:5555"
				     : "udp://*:5555 or udp://239.192.1.1:5555",
			  error, error_max))
		return -EINVAL;
	return settle(e, ports, error, error_max);
}

int datagram_pgm(struct zl_ipc_endpoint *e, const struct zl_ports *ports, char *error,
		 size_t error_max)
{
	e->carrier = strncmp(e->text, "epgm", 4) == 0 ? ZL_CARRIER_EPGM : ZL_CARRIER_PGM;
	if (read_endpoint(e, ports, "epgm://eth0;239.192.1.1:5555", error, error_max))
		return -EINVAL;
	if (is_group(e->ip))
		return settle_group(e, ports, error, error_max);
	snprintf(error, error_max,
		 "\"%.80s\": PGM goes to a group, such as epgm://eth0;239.192.1.1:5555", e->text);
	return -EINVAL;
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
