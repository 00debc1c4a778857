/* Errors of the kernel in the words of whoever wrote the endpoint: what is wrong, and what to do.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "drivers/host/kernel.h"

#define ANY ZL_CARRIERS

/* The first that fits. */
static const struct {
	enum zl_carrier carrier;
	int error;
	const char *text, *connecting; /* connecting: where a connect is told something else */
} words[] = {
	{ZL_CARRIER_IPC, EADDRINUSE,
	 "another process listens on it; stop that, or choose another path"},
	{ANY, EADDRINUSE, "address in use; stop whoever has it, or choose another port"},
	{ZL_CARRIER_IPC, EACCES,
	 "permission denied to the dataplane; choose a directory that it may write to",
	 "permission denied to the dataplane; see the permissions of the file and its directory"},
	{ANY, EACCES, "permission denied to the dataplane; choose a port above 1023"},
	{ANY, EPERM, "the kernel does not permit it to the dataplane"},
	{ZL_CARRIER_IPC, ENOENT, "no such file or directory; create the directory first",
	 "nobody has bound it"},
	{ZL_CARRIER_IPC, ENOTDIR, "part of the path is not a directory; choose another path"},
	{ZL_CARRIER_IPC, EEXIST,
	 "there is a file that is not a socket; remove it, or choose another path"},
	{ZL_CARRIER_IPC, ENAMETOOLONG,
	 "the path is longer than 107 characters; choose a shorter one"},
	{ZL_CARRIER_IPC, EROFS, "the file system is read-only; choose another path"},
	{ZL_CARRIER_IPC, ECONNREFUSED, "nobody listens on it"},
	{ZL_CARRIER_IPC, EAGAIN, "its listener is behind"},
	{ZL_CARRIER_NORM, ENODEV,
	 "there is no such interface, or it has no IPv4 address; give it one, or name another"},
	{ZL_CARRIER_NORM, ENETUNREACH,
	 "the kernel has no route to it; name an interface before it, as in "
	 "norm://eth1;239.192.1.1:5555"},
	{ZL_CARRIER_NORM, EAFNOSUPPORT,
	 "no interface of this machine has an IPv4 address but its loopback, while some have "
	 "IPv6's, and libnorm goes by those; give one an IPv4 address"},
	{ANY, EADDRNOTAVAIL,
	 "no interface of this machine has that address; use one that has, or a "
	 "port's"},
	{ANY, ENETUNREACH, "the kernel has no route to it; add one, or a gateway to a port"},
	{ANY, ECONNREFUSED, "nobody listens there"},
	{ZL_CARRIER_TIPC, EAFNOSUPPORT, "this kernel has no TIPC; load it: modprobe tipc"},
	{ZL_CARRIER_TIPC, EHOSTUNREACH, "nobody has bound it"},
	{ZL_CARRIER_VMCI, EAFNOSUPPORT,
	 "this kernel has no vsock; load it: modprobe vsock_loopback, "
	 "or vmw_vsock_vmci_transport in a guest"},
	{ZL_CARRIER_VMCI, ENODEV,
	 "this kernel has no vsock transport to that CID; load one: "
	 "modprobe vsock_loopback"},
	{ANY, EAFNOSUPPORT, "this kernel has no IPv6; use an IPv4 address"},
	{ANY, EMFILE, "the dataplane has no more descriptors; raise its limit (ulimit -n)"},
	{ANY, ENOBUFS, "the host core has as many streams as limits.streams says; raise it"},
};

void zl_kernel_explain(const struct zl_ipc_endpoint *at, int error, char *text, size_t bytes)
{
	const char *why = strerror(-error);

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].error == -error &&
		    (words[i].carrier == ANY || words[i].carrier == at->carrier)) {
			why = words[i].text;
			if (at->connect && words[i].connecting)
				why = words[i].connecting;
			break;
		}
	snprintf(text, bytes, "endpoint %.130s: %s", at->text, why);
}
