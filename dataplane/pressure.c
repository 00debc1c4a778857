/* Packet memory that runs short. Frames cross cores with the messages in them, so the pool that
 * runs short may be another core's: that of the core that reads the port.
 *
 * A peer with a high-water mark may have no more queued than an eighth of what is free beyond a
 * sixteenth of the pool (dynamic queue length thresholds: Choudhury and Hahne, 1998). Who stops
 * reading is therefore held to an eighth of memory, n of them together to n of n + 8 parts of it,
 * and there is always room for those that read. Below a quarter of the pool publishers of sockets
 * that may drop nothing are not read while peers have something to read. Below a sixteenth the
 * stack takes no payload at all; that ends by itself as peers acknowledge, unless what holds the
 * memory is messages that cannot be finished for want of it, or queues that nobody reads: then the
 * largest of them is given up, with its peer. */
#include "dataplane/lcore.h"
#include "dataplane/router/backlog.h"

#define WATCH_TURNS  16 /* between looks at who holds what */
#define SQUEEZE_PART 4
#define STARVE_PART  16 /* as tcp/ has it */
#define PIPE_PART    8
#define PARTS        256 /* that a pool's use is told in */
#define STARVE_NS    1000000000ull

static void allow(struct zl_lcore *c, uint64_t pipe_bytes_max)
{
	if (c->pipe_bytes_max == pipe_bytes_max)
		return;
	c->pipe_bytes_max = pipe_bytes_max;
	for (unsigned i = 0; i < ZL_SHARDS_MAX; i++)
		if (c->shard[i])
			c->shard[i]->socket.pipe_bytes_max = pipe_bytes_max;
}

/* Bytes that go with the peer. One that may lose nothing is not ended for what it has queued: its
 * publishers are held back before it can starve others. */
static uint64_t held(const struct zl_peer *p)
{
	const struct zl_session *s = &p->session;

	uint64_t queued = p->pipe.backlog ? p->pipe.backlog->bytes : 0;

	if (p->state != ZL_PEER_READY || s->state != ZL_SESSION_TRAFFIC)
		return 0;
	return s->msg_bytes + s->frame.have + queued +
	       (p->shard->config.sndhwm ? s->stream->sendq.bytes : 0);
}

static void give_up_largest(struct zl_lcore *c)
{
	struct zl_peer *largest = NULL;

	for (uint32_t i = 0; i < c->peers_max; i++)
		if (held(&c->peers[i]) > (largest ? held(largest) : 0))
			largest = &c->peers[i];
	if (!largest)
		return;
	zl_core_count(c, ZL_CORE_close_starved);
	zl_session_close(&largest->session, "no_memory", false);
}

/* Objects that are free. Those in cores' caches are left out unless it is tight: to sum them up
 * takes a look at as many cache lines as there may be cores. */
static unsigned available(const struct rte_mempool *pool)
{
	unsigned n = rte_mempool_get_ops(pool->ops_index)->get_count(pool);

	return n >= pool->size / SQUEEZE_PART ? n : rte_mempool_avail_count(pool);
}

static uint32_t parts_used(const struct rte_mempool *pool)
{
	return PARTS - (uint32_t)((uint64_t)available(pool) * PARTS / pool->size);
}

/* One that ran dry could not even receive the acknowledgements that would give it back. */
static uint32_t most_used(const struct zl_lcore *c)
{
	uint32_t most = c->own_used;

	for (unsigned i = 0; c->all && i < c->cores; i++)
		most = RTE_MAX(most, __atomic_load_n(&c->all[i]->own_used, __ATOMIC_RELAXED));
	return most;
}

static uint64_t fair_share(const struct zl_lcore *c, uint32_t parts_free)
{
	uint64_t bytes = (uint64_t)c->frames->size * rte_pktmbuf_data_room_size(c->frames);
	uint32_t reserve = PARTS / STARVE_PART;

	return parts_free > reserve ? bytes / PIPE_PART * (parts_free - reserve) / PARTS : 0;
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

/* A run of messages to a thousand peers takes a thousand places in queues: what a turn may use is a
 * good part of a pool, so this is asked before each run. */
void zl_pressure_look(struct zl_lcore *c)
{
	uint32_t own = RTE_MAX(parts_used(c->frames), parts_used(c->blocks)), used;

	if (own != c->own_used)
		__atomic_store_n(&c->own_used, own, __ATOMIC_RELAXED);
	used = most_used(c);
	c->squeezed = PARTS - used < PARTS / SQUEEZE_PART;
	allow(c, fair_share(c, PARTS - used));
}

bool zl_pressure_is_high(const struct zl_lcore *c)
{
	return PARTS - c->own_used < PARTS / SQUEEZE_PART;
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

void zl_pressure_watch(struct zl_lcore *c)
{
	/* The host core sleeps between turns: what it says must not grow old with it. */
	if (c->turns % WATCH_TURNS && !zl_core_is_host(c))
		return;
	zl_pressure_look(c);
	__atomic_store_n(&c->owes, c->squeezed && owes(c), __ATOMIC_RELAXED);
	if (PARTS - c->own_used >= PARTS / STARVE_PART) {
		c->starved_since_ns = 0;
	} else if (!c->starved_since_ns) {
		c->starved_since_ns = c->now_ns;
	} else if (c->now_ns - c->starved_since_ns > STARVE_NS) {
		give_up_largest(c);
		c->starved_since_ns = c->now_ns;
	}
}
