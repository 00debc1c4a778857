/* The life of a frame on a poll core, from top to bottom of zl_core_turn(): taken from a port in a
 * vector, handed to the core that its flow belongs to, through the stack to streams, from streams
 * through sessions to messages, through a socket's pattern to the pipes that want them, and out
 * again. */
#include <rte_cycles.h>
#include <rte_lcore.h>

#include "dataplane/element.h"
#include "dataplane/grace.h"
#include "dataplane/lcore.h"
#include "drivers/host/kernel.h"

#define SPIN_NS       50000ull       /* idle this long before the core sleeps */
#define SWEEP_BUDGET  64             /* tree nodes a turn */
#define LINGER_MAX_NS 30000000000ull /* at the end, for peers that never read */

uint64_t zl_clock_ns(void)
{
	static uint64_t mult; /* ns per cycle, 32.32; the same from every core */

	if (!mult)
		mult = (uint64_t)(((unsigned __int128)1000000000u << 32) / rte_get_tsc_hz());
	return (uint64_t)(((unsigned __int128)rte_rdtsc() * mult) >> 32);
}

/* What matchers hold of peers that are gone is given back a little at a time, and what sockets
 * could not do at once they do now. */
static void sweep(struct zl_lcore *c)
{
	for (unsigned i = 0; i < ZL_SHARDS_MAX; i++)
		if (c->shard[i])
			zl_socket_sweep(&c->shard[i]->socket, SWEEP_BUDGET);
}

static void stage(struct zl_lcore *c, enum zl_stage next)
{
	zl_stage_enter(&c->stages, next);
}

/* The host core's ports, as it were: the kernel's sockets. */
static unsigned sockets_in(struct zl_lcore *c)
{
	enum zl_stage was = zl_stage_enter(&c->stages, ZL_STAGE_port_rx);
	unsigned n = zl_kernel_input(c->kernel, c->now_ns);

	zl_stage_leave(&c->stages, was);
	return n;
}

static unsigned sockets_out(struct zl_lcore *c)
{
	enum zl_stage was = zl_stage_enter(&c->stages, ZL_STAGE_port_tx);
	unsigned n = zl_kernel_output(c->kernel, c->now_ns);

	zl_stage_leave(&c->stages, was);
	return n;
}

bool zl_core_turn(struct zl_lcore *c)
{
	unsigned work;

	if (!zl_core_is_host(c))
		zl_grace_pass(c->id);
	work = zl_core_receive(c); /* ports: Ethernet to streams' receive queues */
	if (c->kernel)
		work += sockets_in(c);
	work += zl_core_pull_lanes(c); /* other cores: frames, message parts */
	work += zl_core_orders(c);     /* control: sockets, endpoints, verdicts, subscriptions */
	stage(c, ZL_STAGE_net_out);
	zl_net_timers(c->net, c->now_ns);
	stage(c, ZL_STAGE_zmtp_in);
	zl_timer_run(&c->timers, c->now_ns);
	zl_peers_resume(c);
	stage(c, ZL_STAGE_other);
	sweep(c);
	zl_flows_turn(c); /* datagrams, as messages */
	zl_elements_turn(c);
	stage(c, ZL_STAGE_net_out);
	/* readable streams to sessions, messages to pipes, pipes to streams, streams to frames */
	zl_net_output(c->net, c->now_ns);
	if (c->kernel)
		work += sockets_out(c);
	stage(c, ZL_STAGE_other);
	zl_zmtp_poll(&c->zmtp);
	zl_core_flush(c);
	if (c->dump.active)
		work += zl_dump_step(c);
	zl_pressure_watch(c);
	if (c->stages.on)
		zl_count_turn(c, work);
	return work;
}

static void account(struct zl_lcore *c, bool worked, uint64_t cycles)
{
	c->turns++;
	if (worked) {
		c->busy_cycles += cycles;
		c->idle_since_ns = 0;
		return;
	}
	c->idle_turns++;
	c->idle_cycles += cycles;
	if (!c->idle_since_ns)
		c->idle_since_ns = c->now_ns;
}

static void run(struct zl_lcore *c)
{
	uint64_t start = rte_rdtsc(), spin_ns = zl_core_is_host(c) ? 0 : SPIN_NS;

	while (!__atomic_load_n(c->stop, __ATOMIC_RELAXED)) {
		uint64_t end;
		bool worked;

		c->now_ns = zl_clock_ns();
		worked = zl_core_turn(c);
		end = rte_rdtsc();
		account(c, worked, end - start);
		start = end;
		if (c->now_ns >= c->publish_at_ns) {
			zl_publish(c);
			c->publish_at_ns = c->now_ns + ZL_PUBLISH_NS;
		}
		zl_publish_peers(c);
		if (!worked && !c->busy_poll && c->now_ns - c->idle_since_ns >= spin_ns) {
			stage(c, ZL_STAGE_idle);
			zl_idle_sleep(c);
			stage(c, ZL_STAGE_other);
			start = rte_rdtsc();
		}
	}
}

static bool all_have_settled(const struct zl_lcore *c)
{
	for (unsigned i = 0; c->all && i < c->cores; i++)
		if (!__atomic_load_n(&c->all[i]->settled, __ATOMIC_ACQUIRE))
			return false;
	return true;
}

/* What sockets with a linger have queued is still sent, for as long as they say. What a port has
 * for one core may come in by another's queue, so that each turns until all have settled. */
static void linger(struct zl_lcore *c)
{
	uint64_t until_ns = zl_clock_ns() + LINGER_MAX_NS;

	for (c->now_ns = zl_clock_ns(); c->now_ns < until_ns; c->now_ns = zl_clock_ns()) {
		if (!zl_tcp_sending(c->net) && !(c->kernel && zl_kernel_sending(c->kernel)))
			__atomic_store_n(&c->settled, true, __ATOMIC_RELEASE);
		if (all_have_settled(c))
			return;
		zl_core_turn(c);
	}
	__atomic_store_n(&c->settled, true, __ATOMIC_RELEASE);
}

/* Every peer is reset, unless its socket lingers: what restarts in our place answers for none of
 * these streams. */
static void end_streams(struct zl_lcore *c)
{
	for (uint32_t i = 0; i < c->peers_max; i++)
		if (c->peers[i].state != ZL_PEER_FREE && c->peers[i].state != ZL_PEER_GONE)
			zl_peer_end(&c->peers[i], "shut_down", false);
	c->control = false; /* nobody is told any more */
	if (c->matching.letter)
		zl_letter_free(c->matching.letter);
	c->matching.letter = NULL;
	zl_zmtp_poll(&c->zmtp);
	for (uint32_t i = 0; i < c->peers_max; i++)
		if (c->peers[i].state == ZL_PEER_GONE)
			zl_peer_release(&c->peers[i]);
	zl_flows_end(c);
	zl_net_output(c->net, zl_clock_ns());
	if (c->kernel)
		zl_kernel_output(c->kernel, zl_clock_ns());
	zl_core_flush(c);
	linger(c);
	zl_core_drain(c);
	zl_publish(c);
}

int zl_lcore_run(void *lcore)
{
	struct zl_lcore *c = lcore;

	zl_idle_own_signals(c);
	if (!zl_core_is_host(c))
		zl_grace_enter(c->id);
	run(c);
	end_streams(c);
	if (!zl_core_is_host(c))
		zl_grace_leave(c->id);
	return 0;
}
