/* Packet memory that runs short. Frames cross cores with the messages in them, so the pool that
 * runs short may be another core's: that of the core that reads the port. Below a quarter of the
 * pool sockets stop queueing beyond what their peers' windows take, and publishers of sockets that
 * may drop nothing are not read while peers have something to read. Below a sixteenth the stack
 * takes no payload at all; that ends by itself as peers acknowledge, unless what holds the memory
 * is messages that cannot be finished for want of it: then the largest of them is given up, with
 * its peer. */
#include "dataplane/lcore.h"

#define LOOK_TURNS   16 /* between looks at the pool, which walk its per-lcore caches */
#define SQUEEZE_PART 4
#define STARVE_PART  16 /* as tcp/ has it */
#define STARVE_NS    1000000000ull

static void squeeze(struct zl_lcore *c, bool squeezed)
{
	c->squeezed = squeezed;
	for (unsigned i = 0; i < ZL_SHARDS_MAX; i++)
		if (c->shard[i])
			c->shard[i]->socket.pressure = squeezed;
}

static uint64_t unfinished(const struct zl_peer *p)
{
	return p->state == ZL_PEER_READY && p->session.state == ZL_SESSION_TRAFFIC
		       ? p->session.msg_bytes + p->session.frame.have
		       : 0;
}

static void give_up_largest(struct zl_lcore *c)
{
	struct zl_peer *largest = NULL;

	for (uint32_t i = 0; i < c->peers_max; i++)
		if (unfinished(&c->peers[i]) > (largest ? unfinished(largest) : 0))
			largest = &c->peers[i];
	if (!largest)
		return;
	zl_core_count(c, ZL_CORE_close_starved);
	zl_session_close(&largest->session, "no_memory", false);
}

/* One that ran dry could not even receive the acknowledgements that would give it back. */
static bool any_short(const struct zl_lcore *c)
{
	for (unsigned i = 0; c->all && i < c->cores; i++)
		if (__atomic_load_n(&c->all[i]->own_short, __ATOMIC_RELAXED))
			return true;
	return c->own_short;
}

static bool queued(const struct zl_shard *s)
{
	for (uint32_t i = 0; i < s->socket.pipes_used; i++)
		if (s->socket.pipes[i] && s->socket.pipes[i]->kind == ZL_PIPE_PEER &&
		    s->socket.pipes[i]->queued_bytes)
			return true;
	return false;
}

/* Does this core hold anything for peers that may lose nothing? Their reading it gives memory back.
 */
static bool owes(const struct zl_lcore *c)
{
	for (unsigned i = 0; i < ZL_SHARDS_MAX; i++)
		if (c->shard[i] && c->shard[i]->config.sndhwm == 0 && queued(c->shard[i]))
			return true;
	for (unsigned to = 0; to < c->cores; to++)
		if (to != c->id &&
		    (zl_lane_waiting(&c->lane[to]) || !rte_ring_empty(c->lane[to].ring)))
			return true;
	return false;
}

bool zl_pressure_holds_back(const struct zl_shard *out)
{
	const struct zl_lcore *c = out->core;

	if (!c->squeezed || out->config.sndhwm)
		return false;
	if (queued(out))
		return true;
	for (unsigned i = 0; c->all && i < c->cores; i++)
		if (__atomic_load_n(&c->all[i]->owes, __ATOMIC_RELAXED))
			return true;
	return false;
}

static bool is_short(const struct rte_mempool *pool, unsigned left, unsigned part)
{
	return left < pool->size / part;
}

void zl_pressure_watch(struct zl_lcore *c)
{
	unsigned left;
	bool squeezed;

	if (c->turns % LOOK_TURNS)
		return;
	left = rte_mempool_avail_count(c->frames);
	__atomic_store_n(
		&c->own_short,
		is_short(c->frames, left, SQUEEZE_PART) ||
			is_short(c->blocks, rte_mempool_avail_count(c->blocks), SQUEEZE_PART),
		__ATOMIC_RELAXED);
	squeezed = any_short(c);
	if (squeezed != c->squeezed)
		squeeze(c, squeezed);
	__atomic_store_n(&c->owes, squeezed && owes(c), __ATOMIC_RELAXED);
	if (!is_short(c->frames, left, STARVE_PART)) {
		c->starved_since_ns = 0;
	} else if (!c->starved_since_ns) {
		c->starved_since_ns = c->now_ns;
	} else if (c->now_ns - c->starved_since_ns > STARVE_NS) {
		give_up_largest(c);
		c->starved_since_ns = c->now_ns;
	}
}
