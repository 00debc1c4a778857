/* What the kernel of this machine knows of addresses: its interfaces, and where it routes to. Asks
 * the kernel each time; nothing waits. */
#ifndef ZL_CONTROL_CONFIG_INTERFACES_H
#define ZL_CONTROL_CONFIG_INTERFACES_H

#include <netinet/in.h>
#include <stdbool.h>

#include "control/ipc/ipc.h"

/* An IPv4 or IPv6 address and port. */
union inet {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Has an interface this address? Every loopback and wildcard address is had. */
bool kernel_has(const union inet *a);
/* Is it on an interface's own network? */
bool kernel_is_near(const union inet *a);
/* Would the kernel know where to send? */
bool kernel_reaches(const union inet *a);
/* An interface's first IPv4 address, or else its first IPv6 one; the port is kept. */
bool kernel_interface(const char *name, union inet *a);

void inet_store(struct zl_ipc_sockaddr *to, const union inet *from);

#endif
