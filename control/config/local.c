/* ipc, tipc and vmci endpoints, in the forms that libzmq's zmq_ipc, zmq_tipc and zmq_vmci manuals
 * have them. */
#include "control/config/local.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/tipc.h>
#include <linux/vm_sockets.h>

static int __attribute__((format(printf, 3, 4)))
fail(char *error, size_t max, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, max, format, args);
	va_end(args);
	return -EINVAL;
}

static void store(struct zl_ipc_endpoint *e, enum zl_carrier carrier, const void *sockaddr,
		  size_t bytes)
{
	e->carrier = carrier;
	e->address.bytes = (uint32_t)bytes;
	memcpy(e->address.at, sockaddr, bytes);
}

/* A path, "@name" in the abstract namespace, or for a bind "*". */
int local_ipc(struct zl_ipc_endpoint *e, char *error, size_t error_max)
{
	const char *path = e->text + strlen("ipc://");
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	size_t n = strlen(path);
	bool any = !e->connect && strcmp(path, "*") == 0;

	if (n == 0 || strcmp(path, "@") == 0)
		return fail(error, error_max,
			    "\"%s\" has no path; such as ipc:///run/feed or ipc://@feed", e->text);
	if (n >= sizeof(a.sun_path))
		return fail(error, error_max,
			    "\"%.40s...\": the path is %zu characters long, and at most %zu are "
			    "possible; choose a shorter one",
			    e->text, n, sizeof(a.sun_path) - 1);
	if (path[0] != '/' && path[0] != '@' && !any)
		return fail(error, error_max,
			    "\"%s\": the path is relative, and to what nobody knows; begin it with "
			    "/, or with @ for a name that is no file",
			    e->text);
	memcpy(a.sun_path, path, n);
	if (path[0] == '@')
		a.sun_path[0] = '\0';
	store(e, ZL_CARRIER_IPC, &a, offsetof(struct sockaddr_un, sun_path) + n + (path[0] != '@'));
	return 0;
}

static uint32_t node_number(unsigned zone, unsigned cluster, unsigned node)
{
	return zone << 24 | cluster << 12 | node;
}

/* {type,lower,upper} to bind; {type,instance} or {type,instance}@z.c.n to connect; <z.c.n:ref> to
 * connect, <*> to bind. */
static bool tipc_bind(const char *s, struct sockaddr_tipc *a)
{
	unsigned type, lower, upper;
	int end = 0;

	if (strcmp(s, "<*>") == 0) {
		a->addrtype = TIPC_ADDR_ID;
		return true;
	}
	if (sscanf(s, "{%u,%u,%u}%n", &type, &lower, &upper, &end) != 3 || !end || s[end])
		return false;
	a->addrtype = TIPC_ADDR_NAMESEQ;
	a->scope = TIPC_ZONE_SCOPE;
	a->addr.nameseq = (struct tipc_name_seq){type, lower, upper};
	return type >= TIPC_RESERVED_TYPES && lower <= upper;
}

static bool tipc_connect(const char *s, struct sockaddr_tipc *a)
{
	unsigned z = 1, c = 0, n = 0, type, instance, ref;
	int end = 0;

	if (sscanf(s, "<%u.%u.%u:%u>%n", &z, &c, &n, &ref, &end) == 4 && end && !s[end]) {
		a->addrtype = TIPC_ADDR_ID;
		a->addr.id.node = node_number(z, c, n);
		a->addr.id.ref = ref;
		return true;
	}
	z = 1, c = 0, n = 0, end = 0;
	if (sscanf(s, "{%u,%u}%n", &type, &instance, &end) != 2 || !end)
		return false;
	s += end;
	end = 0;
	if (*s && (sscanf(s, "@%u.%u.%u%n", &z, &c, &n, &end) != 3 || s[end]))
		return false;
	a->addrtype = TIPC_ADDR_NAME;
	a->addr.name.name = (struct tipc_name){type, instance};
	a->addr.name.domain = *s ? node_number(z, c, n) : 0;
	return type >= TIPC_RESERVED_TYPES;
}

int local_tipc(struct zl_ipc_endpoint *e, char *error, size_t error_max)
{
	const char *rest = e->text + strlen("tipc://");
	struct sockaddr_tipc a = {.family = AF_TIPC};

	if (!(e->connect ? tipc_connect(rest, &a) : tipc_bind(rest, &a)))
		return fail(error, error_max,
			    "\"%s\" is not a TIPC endpoint, such as tipc://%s, with a type from %d "
			    "on",
			    e->text, e->connect ? "{5555,0}" : "{5555,0,100}", TIPC_RESERVED_TYPES);
	store(e, ZL_CARRIER_TIPC, &a, sizeof(a));
	return 0;
}

static bool number(const char *s, uint32_t *value)
{
	char *end;
	unsigned long long n = strtoull(s, &end, 10);

	*value = (uint32_t)n;
	return *s >= '0' && *s <= '9' && !*end && n < UINT32_MAX;
}

static bool local_cid(uint32_t *cid)
{
	int fd = open("/dev/vsock", O_RDONLY | O_CLOEXEC);
	bool known = fd >= 0 && ioctl(fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, cid) == 0;

	if (fd >= 0)
		close(fd);
	return known;
}

/* cid:port; "@" is this machine's own cid, and a bind may have "*" for either. */
int local_vmci(struct zl_ipc_endpoint *e, char *error, size_t error_max)
{
	struct sockaddr_vm a = {
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = VMADDR_PORT_ANY};
	char cid[64];
	const char *rest = e->text + strlen("vmci://"), *colon = strrchr(rest, ':');
	bool any = !e->connect, good = colon && colon - rest < (long)sizeof(cid);

	snprintf(cid, sizeof(cid), "%.*s", good ? (int)(colon - rest) : 0, rest);
	if (good && strcmp(cid, "@") == 0) {
		if (!local_cid(&a.svm_cid))
			return fail(error, error_max,
				    "\"%s\": this kernel has no vsock to ask for its own CID; load "
				    "it: modprobe vsock_loopback",
				    e->text);
	} else if (good && !(any && strcmp(cid, "*") == 0)) {
		good = number(cid, &a.svm_cid);
	}
	if (good && !(any && strcmp(colon + 1, "*") == 0))
		good = number(colon + 1, &a.svm_port);
	if (!good)
		return fail(error, error_max,
			    "\"%s\" is not a VMCI endpoint, such as vmci://%s:5555", e->text,
			    e->connect ? "2" : "*");
	store(e, ZL_CARRIER_VMCI, &a, sizeof(a));
	return 0;
}
