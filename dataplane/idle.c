/* The adaptive idle policy: a core that has had nothing to do for a while sleeps in epoll until its
 * doorbell rings, a port that has receive interrupts gets a frame, or a timer is due. A port
 * without interrupts is looked at by naps, which grow from a twentieth to half a millisecond. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "dataplane/grace.h"
#include "dataplane/lcore.h"
#include "drivers/host/kernel.h"

#define NAP_MIN_NS   50000ull
#define NAP_MAX_NS   500000ull
#define NAP_PART     8            /* of how long the core has been idle */
#define SLEEP_MAX_NS 100000000ull /* so that counters stay fresh */

int zl_idle_open(struct zl_lcore *c)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};

	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (c->epoll >= 0 && c->kernel) {
		/* readable while any of the kernel's sockets has something to say */
		struct epoll_event inner = {.events = EPOLLIN, .data.ptr = c->kernel};

		if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, zl_kernel_fd(c->kernel), &inner))
			return -errno;
	}
	if (c->epoll < 0)
		return -errno;
	if (epoll_ctl(c->epoll, EPOLL_CTL_ADD, c->bell.fd, &e))
		return -errno;
	for (unsigned i = 0; i < c->n_ports; i++) {
		struct zl_core_port *p = &c->port[i];

		p->interrupts = p->polled && !zl_port_intr_add(p->port, p->queue, c->epoll, p);
	}
	return 0;
}

void zl_idle_close(struct zl_lcore *c)
{
	if (c->epoll >= 0)
		close(c->epoll);
	c->epoll = -1;
}

void zl_idle_own_signals(const struct zl_lcore *c)
{
	sigset_t set;

	sigemptyset(&set);
	for (int rt = SIGRTMIN; rt <= SIGRTMAX; rt++)
		sigaddset(&set, rt);
	for (unsigned i = 0; i < c->n_ports; i++)
		if (c->port[i].polled) {
			pthread_sigmask(SIG_UNBLOCK, &set, NULL);
			return;
		}
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* A reader does not tell when its ring has room. */
static bool lanes_wait(const struct zl_lcore *c)
{
	for (unsigned to = 0; to < c->cores; to++)
		if (zl_lane_waiting(&c->lane[to]))
			return true;
	return false;
}

static uint64_t wake_at(const struct zl_lcore *c)
{
	uint64_t idle = c->now_ns - c->idle_since_ns;
	uint64_t nap = idle / NAP_PART, at = c->now_ns + SLEEP_MAX_NS;

	nap = nap < NAP_MIN_NS ? NAP_MIN_NS : nap > NAP_MAX_NS ? NAP_MAX_NS : nap;
	at = earliest(at, zl_net_next_timer(c->net));
	at = earliest(at, zl_timer_next(&c->timers));
	if (c->kernel)
		at = earliest(at, zl_kernel_next_timer(c->kernel));
	/* What was done last is told before a long sleep. */
	if (c->idle_since_ns + ZL_PUBLISH_NS >= c->publish_at_ns)
		at = earliest(at, c->publish_at_ns);
	if (c->stages.on)
		at = earliest(at, c->count_until_ns);
	for (unsigned i = 0; i < c->n_ports; i++) {
		const struct zl_core_port *p = &c->port[i];

		if (!p->polled)
			continue;
		at = earliest(at, zl_port_next_due(p->port, p->queue));
		if (!p->interrupts)
			at = earliest(at, c->now_ns + nap);
	}
	if (c->waits_relay || c->waits_deliver || c->waits_lane || c->dues || c->dump.active ||
	    lanes_wait(c) || zl_pressure_is_high(c))
		at = earliest(at, c->now_ns + nap);
	return at;
}

static bool something_came(const struct zl_lcore *c)
{
	if (!rte_ring_empty(c->to_core.ring))
		return true;
	for (unsigned from = 0; from < c->cores; from++)
		if (from != c->id && !rte_ring_empty(c->inbound[from]))
			return true;
	return false;
}

static void interrupts(struct zl_lcore *c, void (*set)(struct zl_port *, uint16_t))
{
	for (unsigned i = 0; i < c->n_ports; i++)
		if (c->port[i].interrupts)
			set(c->port[i].port, c->port[i].queue);
}

void zl_idle_sleep(struct zl_lcore *c)
{
	struct epoll_event events[4];
	uint64_t at = wake_at(c), now = zl_clock_ns();
	struct timespec left;

	if (at <= now)
		return;
	left.tv_sec = (time_t)((at - now) / 1000000000u);
	left.tv_nsec = (long)((at - now) % 1000000000u);
	interrupts(c, zl_port_intr_enable);
	zl_doorbell_sleep(&c->bell);
	if (!something_came(c) && !__atomic_load_n(c->stop, __ATOMIC_RELAXED)) {
		uint64_t from = rte_rdtsc();

		c->sleeps++;
		if (!zl_core_is_host(c))
			zl_grace_leave(c->id);
		epoll_pwait2(c->epoll, events, RTE_DIM(events), &left, NULL);
		if (!zl_core_is_host(c))
			zl_grace_enter(c->id);
		c->idle_cycles += rte_rdtsc() - from;
	}
	zl_doorbell_awake(&c->bell);
	interrupts(c, zl_port_intr_disable);
}
