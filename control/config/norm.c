/* norm:// endpoints, in the form that libzmq's norm_engine has: [node,][interface;]address:port.
 * The kernel carries them, so that the interface is one of its own, by name; whether there is such
 * a one the dataplane finds out. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config/address.h"
#include "control/config/local.h"

static int bad(const struct zl_ipc_endpoint *e, char *error, size_t error_max, const char *why)
{
	snprintf(error, error_max,
		 "\"%.80s\" is not a NORM endpoint, such as norm://eth1;239.192.1.1:5555: %s",
		 e->text, why);
	return -EINVAL;
}

/* RFC 5740 4.1: neither NORM_NODE_NONE nor NORM_NODE_ANY. */
static bool read_node(const char *text, size_t n, uint32_t *node)
{
	unsigned long long value = 0;

	if (n == 0 || n > 10)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (unsigned long long)(text[i] - '0');
	}
	*node = (uint32_t)value;
	return value > 0 && value < UINT32_MAX;
}

static bool read_device(const char *text, size_t n, char *device)
{
	if (n == 0 || n >= ZL_DEVICE_MAX)
		return false;
	memcpy(device, text, n);
	device[n] = '\0';
	return true;
}

/* What is before the group, which *rest is left at. */
static int read_prefixes(struct zl_ipc_endpoint *e, const char **rest, char *error,
			 size_t error_max)
{
	const char *end = strchr(*rest, ',');

	if (end && !read_node(*rest, (size_t)(end - *rest), &e->node))
		return bad(e, error, error_max,
			   "before the comma belongs a node's number, from 1 to 4294967294");
	*rest = end ? end + 1 : *rest;
	end = strchr(*rest, ';');
	if (end && !read_device(*rest, (size_t)(end - *rest), e->device))
		return bad(e, error, error_max,
			   "before the semicolon belongs an interface of the kernel's");
	*rest = end ? end + 1 : *rest;
	return 0;
}

int local_norm(struct zl_ipc_endpoint *e, char *error, size_t error_max)
{
	const char *rest = e->text + strlen("norm://");
	struct host_port at;
	union inet a;

	e->carrier = ZL_CARRIER_NORM;
	if (read_prefixes(e, &rest, error, error_max))
		return -EINVAL;
	if (!address_split(rest, strlen(rest), false, &at) || !address_numeric(&at, &a) ||
	    a.any.sa_family != AF_INET)
		return bad(e, error, error_max, "it has no IPv4 address and port");
	e->ip = address_ipv4(&a);
	e->port = at.port;
	if (e->ip >> 28 != 0xe)
		return bad(e, error, error_max, "its address is no group's");
	inet_store(&e->address, &a);
	return 0;
}
