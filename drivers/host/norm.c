/* A session of libnorm's: its thread, its sockets, what it sends. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/confine/confine.h"
#include "drivers/host/norm_state.h"

/* A source that has nothing more tells so this often, two round trips apart (RFC 5740 5.3.2.1): who
 * has lost the end, and then its repair, has no other way to know. libnorm's 20 have gone in 40 ms
 * on a fast network, before a receiver that waits for a CPU has asked. */
#define FLUSHES 200
/* The round trip in seconds that a source goes by until somebody has answered it. */
#define FIRST_RTT 0.02

/* --- its beginning --- */

/* What libnorm would say in its log alone: that the interface is not there, or no way to the group.
 */
static int look_for_way(const struct zl_norm_config *c)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(c->port), .sin_addr.s_addr = htonl(c->ip)};
	struct ifreq r = {.ifr_addr.sa_family = AF_INET};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), error = 0;

	if (fd < 0)
		return -errno;
	memcpy(r.ifr_name, c->device, sizeof(r.ifr_name));
	if (c->device[0] ? ioctl(fd, SIOCGIFADDR, &r) : connect(fd, (void *)&to, sizeof(to)))
		error = c->device[0] ? -ENODEV : -errno;
	close(fd);
	return error;
}

/* libnorm asks getaddrinfo() for the group's number, which makes it one of IPv6 on a host that has
 * only such addresses beside 127.0.0.1: a session of that is mute. */
static bool stays_ipv4(const char *group)
{
	struct addrinfo *found = NULL;
	bool stays = !getaddrinfo(group, NULL, NULL, &found) && found->ai_family == AF_INET;

	if (found)
		freeaddrinfo(found);
	return stays;
}

/* The thread that libnorm makes has what this one has left. Strangers may make it talk: it talks to
 * nobody. */
static void *make_instance(void *norm)
{
	struct zl_norm *n = norm;

	if (zl_confine_thread(0))
		return NULL;
	n->instance = NormCreateInstance(false);
	return NULL;
}

static char *refuse_memory(size_t bytes)
{
	(void)bytes;
	return NULL;
}

static void no_memory(char *bytes)
{
	(void)bytes;
}

static int open_instance(struct zl_norm *n)
{
	static bool silent;
	pthread_t maker;
	int error = pthread_create(&maker, NULL, make_instance, n);

	if (error)
		return -error;
	pthread_join(maker, NULL);
	if (!n->instance)
		return -ENOMEM;
	if (!silent)
		silent = NormOpenDebugLog(n->instance, "/dev/null");
	/* Data objects, which are as large as their senders say, are not for ZeroMQ. */
	NormSetAllocationFunctions(n->instance, refuse_memory, no_memory);
	return 0;
}

/* By numbers that are drawn, sources and receivers of one machine are told apart: libnorm's own are
 * those of its address. */
static NormNodeId node_of(const struct zl_norm_config *c)
{
	uint32_t node = c->node;

	while (node == 0 || node == UINT32_MAX)
		if (getrandom(&node, sizeof(node), 0) != sizeof(node))
			node = 0;
	return node;
}

static void set_up(struct zl_norm *n, const char *address)
{
	const struct zl_norm_config *c = &n->config;

	NormSetTOS(n->session, c->tos);
	NormSetDefaultUnicastNack(n->session, c->unicast_nack);
	NormSetTTL(n->session, c->hops);
	NormSetRxPortReuse(n->session, true, address, NULL, 0);
	/* Whoever misses something asks in the group, too. */
	NormSetMulticastLoopback(n->session, c->loop || !c->sends);
	if (c->device[0])
		NormSetMulticastInterface(n->session, c->device);
}

/* As TCP begins: ten packets a round trip (RFC 6928). */
static double first_rate(const struct zl_norm_config *c)
{
	return 10 * 8 * c->segment_bytes / FIRST_RTT;
}

static bool start_source(struct zl_norm *n)
{
	const struct zl_norm_config *c = &n->config;
	NormSessionId id;

	if (getrandom(&id, sizeof(id), 0) != sizeof(id) ||
	    !NormStartSender(n->session, id, c->buffer_bytes, c->segment_bytes, c->block, c->parity,
			     0))
		return false;
	NormSetTxRobustFactor(n->session, FLUSHES);
	if (c->mode != ZL_NORM_FIXED)
		NormSetCongestionControl(n->session, true, true);
	NormSetTxRate(n->session, c->mode == ZL_NORM_FIXED ? (double)c->rate_bits : first_rate(c));
	NormSetGrttEstimate(n->session, FIRST_RTT);
	if (c->mode == ZL_NORM_CCL)
		NormSetEcnSupport(n->session, false, false, true);
	n->stream = NormStreamOpen(n->session, c->buffer_bytes, NULL, 0);
	return n->stream;
}

/* As libzmq's receivers do: what a source still has is asked for, too. What comes while libnorm's
 * thread waits for a CPU is in the socket, as far as the kernel lets it (net.core.rmem_max). */
static bool start_receiver(struct zl_norm *n)
{
	NormSetDefaultSyncPolicy(n->session, NORM_SYNC_STREAM);
	if (!NormStartReceiver(n->session, n->config.buffer_bytes))
		return false;
	NormSetRxSocketBuffer(n->session, n->config.buffer_bytes);
	return true;
}

static int open_session(struct zl_norm *n)
{
	const struct zl_norm_config *c = &n->config;
	const struct in_addr ip = {.s_addr = htonl(c->ip)};
	char address[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &ip, address, sizeof(address));
	if (!stays_ipv4(address))
		return -EAFNOSUPPORT;
	n->session = NormCreateSession(n->instance, address, c->port, node_of(c));
	if (!n->session)
		return -ENOMEM;
	set_up(n, address);
	errno = 0;
	if (c->sends ? start_source(n) : start_receiver(n))
		return 0;
	return errno ? -errno : -EIO;
}

struct zl_norm *zl_norm_create(const struct zl_norm_config *config, const struct zl_norm_ops *ops,
			       void *ctx)
{
	struct zl_norm *n = calloc(1, sizeof(*n));
	int error;

	if (!n)
		return NULL;
	n->config = *config;
	n->ops = ops;
	n->ctx = ctx;
	error = look_for_way(config);
	if (!error)
		error = open_instance(n);
	if (!error)
		error = open_session(n);
	if (!error)
		return n;
	zl_norm_destroy(n);
	errno = -error;
	return NULL;
}

/* --- its end --- */

void zl_norm_destroy(struct zl_norm *n)
{
	if (!n)
		return;
	if (n->session)
		NormDestroySession(n->session);
	if (n->instance) {
		NormStopInstance(n->instance);
		NormDestroyInstance(n->instance);
	}
	free(n);
}

/* --- its own core --- */

int zl_norm_fd(const struct zl_norm *n)
{
	return NormGetDescriptor(n->instance);
}

void zl_norm_begin(struct zl_norm *n)
{
	NormEvent e;

	NormSuspendInstance(n->instance);
	while (NormGetNextEvent(n->instance, &e, false))
		norm_event(n, &e);
}

void zl_norm_end(struct zl_norm *n)
{
	NormResumeInstance(n->instance);
}

unsigned zl_norm_write(struct zl_norm *n, const uint8_t *at, unsigned len)
{
	return NormStreamWrite(n->stream, (const char *)at, len);
}

void zl_norm_mark(struct zl_norm *n)
{
	NormStreamMarkEom(n->stream);
}

void zl_norm_flush(struct zl_norm *n)
{
	NormStreamFlush(n->stream, false, NORM_FLUSH_ACTIVE);
}
