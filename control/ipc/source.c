/* One source of strangers, told by the address that a peer comes from. */
#include "control/ipc/ipc.h"

#include <linux/tipc.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define SITE_BYTES 8 /* of an IPv6 address (RFC 4291 2.5.1, RFC 6177) */

static struct zl_ipc_source of_ipv4(uint32_t ip)
{
	return (struct zl_ipc_source){.at = ip, .family = AF_INET};
}

static struct zl_ipc_source of_ipv6(const struct in6_addr *a)
{
	struct zl_ipc_source s = {.family = AF_INET6};
	uint32_t ip;

	if (IN6_IS_ADDR_V4MAPPED(a)) {
		memcpy(&ip, &a->s6_addr[12], sizeof(ip));
		return of_ipv4(ntohl(ip));
	}
	memcpy(&s.at, a->s6_addr, SITE_BYTES);
	return s;
}

struct zl_ipc_source zl_ipc_source(enum zl_carrier carrier, const struct zl_ipc_end *remote,
				   uint32_t uid)
{
	union {
		sa_family_t family;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_tipc tipc;
		struct sockaddr_vm vm;
	} a = {0};

	memcpy(&a, remote->at, remote->bytes < sizeof(a) ? remote->bytes : sizeof(a));
	switch (carrier) {
	case ZL_CARRIER_STACK:
	case ZL_CARRIER_TCP:
	case ZL_CARRIER_UDP:
	case ZL_CARRIER_EPGM:
	case ZL_CARRIER_PGM:
	case ZL_CARRIER_NORM:
		return a.family == AF_INET6 ? of_ipv6(&a.in6.sin6_addr)
					    : of_ipv4(ntohl(a.in.sin_addr.s_addr));
	case ZL_CARRIER_IPC:
		return (struct zl_ipc_source){.at = uid, .family = AF_UNIX};
	case ZL_CARRIER_TIPC:
		return (struct zl_ipc_source){.at = a.tipc.addr.id.node, .family = AF_TIPC};
	case ZL_CARRIER_VMCI:
		return (struct zl_ipc_source){.at = a.vm.svm_cid, .family = AF_VSOCK};
	case ZL_CARRIERS:
		break;
	}
	return (struct zl_ipc_source){0};
}
