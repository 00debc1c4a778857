/* How the kinds of socket differ: families, options, names. What they have in common is all else.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/tipc.h>
#include <linux/vm_sockets.h>

#include "drivers/host/state.h"

#define VMCI_FAMILY 1976 /* ioctl of VMware's module: the number its family was given */

/* Linux has AF_VSOCK; VMware's own module, where it is loaded in its place, tells its number. */
static int vsock_family(void)
{
	static const char *const devices[] = {"/dev/vsock", "/dev/vmci"};
	int family = -1;

	for (unsigned i = 0; i < RTE_DIM(devices) && family < 0; i++) {
		int fd = open(devices[i], O_RDONLY | O_CLOEXEC), number = -1;

		if (fd < 0)
			continue;
		if (ioctl(fd, VMCI_FAMILY, &number) >= 0)
			family = number;
		close(fd);
	}
	return family > 0 ? family : AF_VSOCK;
}

int carrier_socket(const struct zl_ipc_endpoint *at, struct sockaddr_storage *address,
		   socklen_t *bytes)
{
	int fd;

	memset(address, 0, sizeof(*address));
	memcpy(address, at->address.at, at->address.bytes);
	*bytes = at->address.bytes;
	if (at->carrier == ZL_CARRIER_VMCI)
		address->ss_family = (sa_family_t)vsock_family();
	fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

static void set(int fd, int level, int option, int value)
{
	setsockopt(fd, level, option, &value, sizeof(value));
}

/* [::] is every address, IPv4 included, whatever the machine's default is. */
void carrier_before_bind(int fd, const struct zl_ipc_endpoint *at)
{
	const struct sockaddr_in6 *a = (const void *)at->address.at;

	if (at->carrier != ZL_CARRIER_TCP)
		return;
	set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (a->sin6_family == AF_INET6)
		set(fd, IPPROTO_IPV6, IPV6_V6ONLY, !IN6_IS_ADDR_UNSPECIFIED(&a->sin6_addr));
}

/* A source without a port gets one when the peer is known, so that ports are not used up. */
void carrier_before_source(int fd, const struct zl_ipc_endpoint *at)
{
	const struct sockaddr_in *a = (const void *)at->source.at; /* the port is there in both */

	set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (!a->sin_port)
		set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
}

bool carrier_names_itself(const struct zl_ipc_endpoint *at)
{
	const struct sockaddr_tipc *a = (const void *)at->address.at;

	return at->carrier == ZL_CARRIER_TIPC && a->addrtype == TIPC_ADDR_ID;
}

bool carrier_keeps_name(const struct zl_ipc_endpoint *at)
{
	return at->carrier == ZL_CARRIER_TIPC && !carrier_names_itself(at);
}

static struct zl_ipc_end end_of(const struct kstream *s,
				int (*name)(int fd, struct sockaddr *at, socklen_t *bytes))
{
	struct sockaddr_storage a = {0};
	socklen_t bytes = sizeof(a);
	struct zl_ipc_end end = {0};

	if (s->fd < 0 || s->carrier == ZL_CARRIER_IPC || name(s->fd, (struct sockaddr *)&a, &bytes))
		return end;
	if (s->carrier == ZL_CARRIER_VMCI)
		a.ss_family = AF_VSOCK;
	if (bytes > sizeof(end.at) || !zl_ipc_address_sound(&a, bytes))
		return end;
	end.bytes = bytes;
	memcpy(end.at, &a, bytes);
	return end;
}

static int local_name(int fd, struct sockaddr *at, socklen_t *bytes)
{
	return getsockname(fd, at, bytes);
}

static int remote_name(int fd, struct sockaddr *at, socklen_t *bytes)
{
	return getpeername(fd, at, bytes);
}

void zl_kernel_describe(const struct zl_stream *stream, struct zl_ipc_stream_open *m)
{
	const struct kstream *s = kstream_of(stream);
	struct ucred who = {0};
	socklen_t bytes = sizeof(who);

	m->carrier = s->carrier;
	m->local = end_of(s, local_name);
	m->remote = end_of(s, remote_name);
	if (s->carrier != ZL_CARRIER_IPC || s->fd < 0 ||
	    getsockopt(s->fd, SOL_SOCKET, SO_PEERCRED, &who, &bytes))
		return;
	m->pid = (uint32_t)who.pid;
	m->uid = who.uid;
	m->gid = who.gid;
}

uint32_t zl_kernel_rtt_us(const struct zl_stream *stream)
{
	const struct kstream *s = kstream_of(stream);
	struct tcp_info info = {0};
	socklen_t bytes = sizeof(info);

	if (s->carrier != ZL_CARRIER_TCP || s->fd < 0 ||
	    getsockopt(s->fd, IPPROTO_TCP, TCP_INFO, &info, &bytes))
		return 0;
	return info.tcpi_rtt;
}
