/* Interfaces, by getifaddrs(); routes, by a datagram socket that sends nothing. */
#include "control/config/interfaces.h"

#include <ifaddrs.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool loopback(const union inet *a)
{
	if (a->any.sa_family == AF_INET)
		return ntohl(a->v4.sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
}

static bool wildcard(const union inet *a)
{
	if (a->any.sa_family == AF_INET)
		return a->v4.sin_addr.s_addr == 0;
	return IN6_IS_ADDR_UNSPECIFIED(&a->v6.sin6_addr);
}

/* Equal in all the bits that are set in `mask`; all bits where there is none. */
static bool equal(const union inet *a, const struct sockaddr *other, const struct sockaddr *mask)
{
	const uint8_t *x, *y, *m = NULL;
	size_t n = a->any.sa_family == AF_INET ? 4 : 16;

	if (!other || other->sa_family != a->any.sa_family)
		return false;
	if (n == 4) {
		x = (const uint8_t *)&a->v4.sin_addr;
		y = (const uint8_t *)&((const struct sockaddr_in *)(const void *)other)->sin_addr;
		if (mask)
			m = (const uint8_t *)&((const struct sockaddr_in *)(const void *)mask)
				    ->sin_addr;
	} else {
		x = (const uint8_t *)&a->v6.sin6_addr;
		y = (const uint8_t *)&((const struct sockaddr_in6 *)(const void *)other)->sin6_addr;
		if (mask)
			m = (const uint8_t *)&((const struct sockaddr_in6 *)(const void *)mask)
				    ->sin6_addr;
	}
	for (size_t i = 0; i < n; i++)
		if ((x[i] ^ y[i]) & (m ? m[i] : 0xff))
			return false;
	return true;
}

static bool some_interface(const union inet *a, bool network)
{
	struct ifaddrs *all, *i;
	bool found = false;

	if (getifaddrs(&all))
		return false;
	for (i = all; i && !found; i = i->ifa_next)
		found = equal(a, i->ifa_addr, network ? i->ifa_netmask : NULL);
	freeifaddrs(all);
	return found;
}

bool kernel_has(const union inet *a)
{
	return loopback(a) || wildcard(a) || some_interface(a, false);
}

bool kernel_is_near(const union inet *a)
{
	return loopback(a) || some_interface(a, true);
}

bool kernel_reaches(const union inet *a)
{
	socklen_t bytes = a->any.sa_family == AF_INET ? sizeof(a->v4) : sizeof(a->v6);
	int fd = socket(a->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool yes = fd >= 0 && connect(fd, &a->any, bytes) == 0;

	if (fd >= 0)
		close(fd);
	return yes;
}

bool kernel_interface(const char *name, union inet *a)
{
	uint16_t port = a->v4.sin_port;
	struct ifaddrs *all, *i, *best = NULL;

	if (getifaddrs(&all))
		return false;
	for (i = all; i; i = i->ifa_next) {
		if (!i->ifa_addr || strcmp(i->ifa_name, name) != 0)
			continue;
		if (i->ifa_addr->sa_family == AF_INET &&
		    (!best || best->ifa_addr->sa_family != AF_INET))
			best = i;
		else if (i->ifa_addr->sa_family == AF_INET6 && !best)
			best = i;
	}
	if (best)
		memcpy(a, best->ifa_addr,
		       best->ifa_addr->sa_family == AF_INET ? sizeof(a->v4) : sizeof(a->v6));
	a->v4.sin_port = port;
	freeifaddrs(all);
	return best != NULL;
}

void inet_store(struct zl_ipc_sockaddr *to, const union inet *from)
{
	to->bytes = from->any.sa_family == AF_INET ? sizeof(from->v4) : sizeof(from->v6);
	memcpy(to->at, from, to->bytes);
}
