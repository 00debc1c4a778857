/* Options of a socket as the kernel has them: which call says what. What it does not take (an old
 * kernel, a family without it) stays as the kernel has it.
 *
 * A user timeout makes Linux count no keepalive probes (tcp(7), TCP_USER_TIMEOUT). Where their
 * number was asked for and tcp_maxrt was not, the timeout is the time that so many take. */
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

#include "drivers/host/state.h"

#define INTERVAL_MS  10000 /* as zl_tcp_config_default has them */
#define PROBES       6
#define TWO_HOURS_MS 7200000
#define SECONDS_MAX  32767 /* what Linux takes for a time of keepalive's */

static void set(int fd, int level, int option, uint32_t value)
{
	int v = (int)value;

	setsockopt(fd, level, option, &v, sizeof(v));
}

/* Whole seconds, and at least one. */
static uint32_t seconds(uint32_t ms)
{
	return RTE_MIN(RTE_MAX(ms / 1000, 1u), (uint32_t)SECONDS_MAX);
}

static uint32_t idle_ms(const struct zl_kernel_config *c, const struct zl_tcp_settings *s)
{
	if (s->keepalive_off)
		return 0;
	if (s->keepalive_idle_ms)
		return s->keepalive_idle_ms;
	if (c->keepalive_idle_ms)
		return c->keepalive_idle_ms;
	return s->keepalive_on ? TWO_HOURS_MS : 0;
}

static void keepalive(int fd, uint32_t idle_ms, uint32_t interval_ms, uint32_t probes)
{
	set(fd, SOL_SOCKET, SO_KEEPALIVE, idle_ms != 0);
	if (!idle_ms)
		return;
	set(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds(idle_ms));
	set(fd, IPPROTO_TCP, TCP_KEEPINTVL, seconds(interval_ms));
	set(fd, IPPROTO_TCP, TCP_KEEPCNT, probes);
}

void stream_settings(const struct zl_kernel *k, int fd, uint32_t carrier,
		     const struct zl_tcp_settings *s)
{
	uint32_t idle = idle_ms(&k->config, s), maxrt = k->config.user_timeout_ms;
	uint32_t interval = s->keepalive_interval_ms ? s->keepalive_interval_ms : INTERVAL_MS;
	uint32_t probes = s->keepalive_probes ? s->keepalive_probes : PROBES;

	if (carrier != ZL_CARRIER_TCP)
		return;
	set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	keepalive(fd, idle, interval, probes);
	if (idle && s->keepalive_probes)
		maxrt = (seconds(idle) + probes * seconds(interval)) * 1000;
	if (s->user_timeout_ms)
		maxrt = s->user_timeout_ms;
	if (maxrt)
		set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, maxrt);
	if (!s->tos)
		return;
	set(fd, IPPROTO_IP, IP_TOS, s->tos); /* of IPv4 peers on an IPv6 socket too */
	set(fd, IPPROTO_IPV6, IPV6_TCLASS, s->tos);
}

/* What a socket of another family was given is with its peer, or as good as that. */
bool stream_unsent(const struct kstream *s)
{
	int bytes = 0;

	return s->carrier == ZL_CARRIER_TCP && s->fd >= 0 && !ioctl(s->fd, SIOCOUTQ, &bytes) &&
	       bytes > 0;
}
