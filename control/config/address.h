/* Inside of config/: what endpoints with an address and a port are read with. Header of address.c
 * and datagram.c; the latter reads e->text and fills in carrier and address: 0, or -EINVAL with one
 * line in `error`. */
#ifndef ZL_CONTROL_CONFIG_ADDRESS_H
#define ZL_CONTROL_CONFIG_ADDRESS_H

#include "control/config/config.h"
#include "control/config/interfaces.h"

struct host_port {
	char host[128];
	uint16_t port; /* 0: any */
};

/* "host:port", "[::1]:port"; any_port: "*" or "0" will do for the port. */
bool address_split(const char *text, size_t n, bool any_port, struct host_port *to);
/* "10.0.0.1", "fe80::1%eth0" */
bool address_numeric(const struct host_port *from, union inet *a);
/* Host order; 0: it is not of IPv4. */
uint32_t address_ipv4(const union inet *a);

/* NULL: none has this name. */
const struct zl_ipc_port *address_port_named(const struct zl_ports *ports, const char *name);
bool address_is_of_port(const struct zl_ports *ports, uint32_t ip);
/* Is it on a port's own network? */
bool address_is_near(const struct zl_ports *ports, uint32_t ip);
bool address_has_gateway(const struct zl_ports *ports);
/* "10.0.0.1 (eth0), 10.0.1.1 (eth1)": what could have been written. */
void address_list(char *list, size_t max, const struct zl_ipc_port *ports, unsigned n);

int datagram_udp(struct zl_ipc_endpoint *e, const struct zl_ports *ports, char *error,
		 size_t error_max);
/* pgm:// and epgm:// */
int datagram_pgm(struct zl_ipc_endpoint *e, const struct zl_ports *ports, char *error,
		 size_t error_max);

#endif
