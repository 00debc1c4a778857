/* Socket addresses as both processes show them, in the form of the endpoint that has them. */
#include "control/ipc/ipc.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <linux/tipc.h>
#include <linux/vm_sockets.h>

#define PATH_AT offsetof(struct sockaddr_un, sun_path)

const char *const zl_carrier_scheme[ZL_CARRIERS] = {
	[ZL_CARRIER_STACK] = "tcp", [ZL_CARRIER_TCP] = "tcp",   [ZL_CARRIER_IPC] = "ipc",
	[ZL_CARRIER_TIPC] = "tipc", [ZL_CARRIER_VMCI] = "vmci", [ZL_CARRIER_UDP] = "udp",
	[ZL_CARRIER_EPGM] = "epgm", [ZL_CARRIER_PGM] = "pgm",   [ZL_CARRIER_NORM] = "norm",
};

bool zl_ipc_flows(enum zl_carrier carrier)
{
	return carrier == ZL_CARRIER_UDP || carrier == ZL_CARRIER_EPGM ||
	       carrier == ZL_CARRIER_PGM || carrier == ZL_CARRIER_NORM;
}

bool zl_ipc_on_ports(enum zl_carrier carrier)
{
	return carrier == ZL_CARRIER_STACK || (zl_ipc_flows(carrier) && carrier != ZL_CARRIER_NORM);
}

static sa_family_t family_of(const void *sockaddr, uint32_t bytes)
{
	sa_family_t family = AF_UNSPEC;

	if (bytes >= sizeof(family))
		memcpy(&family, sockaddr, sizeof(family));
	return family;
}

bool zl_ipc_address_sound(const void *sockaddr, uint32_t bytes)
{
	switch (family_of(sockaddr, bytes)) {
	case AF_INET:
		return bytes == sizeof(struct sockaddr_in);
	case AF_INET6:
		return bytes == sizeof(struct sockaddr_in6);
	case AF_UNIX:
		return bytes >= PATH_AT && bytes <= sizeof(struct sockaddr_un);
	case AF_TIPC:
		return bytes == sizeof(struct sockaddr_tipc);
	case AF_VSOCK:
		return bytes == sizeof(struct sockaddr_vm);
	default:
		return false;
	}
}

static void inet_text(const void *sockaddr, char *text)
{
	struct sockaddr_in a;
	char ip[INET_ADDRSTRLEN];

	memcpy(&a, sockaddr, sizeof(a));
	inet_ntop(AF_INET, &a.sin_addr, ip, sizeof(ip));
	sprintf(text, "%s:%u", ip, ntohs(a.sin_port));
}

static void inet6_text(const void *sockaddr, char *text)
{
	struct sockaddr_in6 a;
	char ip[INET6_ADDRSTRLEN], zone[16] = "";

	memcpy(&a, sockaddr, sizeof(a));
	inet_ntop(AF_INET6, &a.sin6_addr, ip, sizeof(ip));
	if (a.sin6_scope_id)
		sprintf(zone, "%%%u", a.sin6_scope_id);
	sprintf(text, "[%s%s]:%u", ip, zone, ntohs(a.sin6_port));
}

/* An abstract name begins with a zero byte, and is as long as the address says. */
static void unix_text(const void *sockaddr, uint32_t bytes, char *text)
{
	struct sockaddr_un a = {0};
	size_t n = bytes - PATH_AT;

	memcpy(&a, sockaddr, bytes);
	if (n > 0 && a.sun_path[0] == '\0')
		sprintf(text, "@%.*s", (int)(n - 1), a.sun_path + 1);
	else
		sprintf(text, "%.*s", (int)n, a.sun_path);
}

static void tipc_text(const void *sockaddr, char *text)
{
	struct sockaddr_tipc a;
	uint32_t node;

	memcpy(&a, sockaddr, sizeof(a));
	node = a.addr.id.node;
	if (a.addrtype == TIPC_ADDR_ID)
		sprintf(text, "<%u.%u.%u:%u>", node >> 24, node >> 12 & 0xfff, node & 0xfff,
			a.addr.id.ref);
	else if (a.addrtype == TIPC_ADDR_NAME)
		sprintf(text, "{%u,%u}", a.addr.name.name.type, a.addr.name.name.instance);
	else
		sprintf(text, "{%u,%u,%u}", a.addr.nameseq.type, a.addr.nameseq.lower,
			a.addr.nameseq.upper);
}

static void vsock_text(const void *sockaddr, char *text)
{
	struct sockaddr_vm a;

	memcpy(&a, sockaddr, sizeof(a));
	if (a.svm_cid == VMADDR_CID_ANY)
		sprintf(text, "*:%u", a.svm_port);
	else
		sprintf(text, "%u:%u", a.svm_cid, a.svm_port);
}

char *zl_ipc_address_text(const void *sockaddr, uint32_t bytes, char *text)
{
	text[0] = '\0';
	if (!zl_ipc_address_sound(sockaddr, bytes))
		return text;
	switch (family_of(sockaddr, bytes)) {
	case AF_INET:
		inet_text(sockaddr, text);
		break;
	case AF_INET6:
		inet6_text(sockaddr, text);
		break;
	case AF_UNIX:
		unix_text(sockaddr, bytes, text);
		break;
	case AF_TIPC:
		tipc_text(sockaddr, text);
		break;
	case AF_VSOCK:
		vsock_text(sockaddr, text);
		break;
	}
	return text;
}

struct zl_ipc_end zl_ipc_end_ipv4(uint32_t ip, uint16_t port)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(ip)};
	struct zl_ipc_end end = {.bytes = sizeof(a)};

	memcpy(end.at, &a, sizeof(a));
	return end;
}

/* Of a peer of IPv4 at an IPv6 socket as well (RFC 4291 2.5.5.2): rules for it hold however it
 * came.
 */
uint32_t zl_ipc_end_ip(const struct zl_ipc_end *end)
{
	struct sockaddr_in6 six;
	struct sockaddr_in a;
	uint32_t ip;

	if (end->bytes == sizeof(six)) {
		memcpy(&six, end->at, sizeof(six));
		memcpy(&ip, &six.sin6_addr.s6_addr[12], sizeof(ip));
		return six.sin6_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six.sin6_addr)
			       ? ntohl(ip)
			       : 0;
	}
	if (end->bytes != sizeof(a))
		return 0;
	memcpy(&a, end->at, sizeof(a));
	return a.sin_family == AF_INET ? ntohl(a.sin_addr.s_addr) : 0;
}
