/* From control's SETUP and PORTs to running poll cores, and back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mbuf_pool_ops.h>

#include "dataplane/dataplane.h"
#include "dataplane/element.h"
#include "dataplane/net/steer.h"
#include "drivers/host/kernel.h"

/* What a frame's worth of traffic needs besides its buffer: an indirect buffer to attach it with,
 * and its part of a block of slices. */
#define FRAMES_A_BLOCK 4
#define INDIRECT_BYTES (sizeof(struct rte_mbuf) + 64)
#define BLOCK_BYTES    (ZL_SLICE_BLOCK_SIZE + 64)
#define FIXED_MB       48         /* letters, what the drivers take */
#define CORE_BYTES     (2u << 20) /* of a poll core, but for what its streams take */
#define PORT_BYTES     (4u << 20) /* without which DPDK does not refuse a device, but aborts */
#define FRAMES_MIN     4096
#define HOST_MIN       2048
#define HOST_PART      8 /* of packet memory for the host core, where there are ports */
#define POOL_CACHE     256
#define MAILBOX_SLOTS  256
#define EVENT_SLOTS    1024 /* of them ZL_MAIL_ANSWERS for answers */

/* Of a poll core: those in TIME_WAIT or half open have no peer yet, or no more. */
static uint32_t connections(const struct zl_dataplane *d)
{
	return d->setup.max_streams * 2;
}

/* Bytes of a frame's buffer: what the largest MTU needs in one piece. */
static uint16_t frame_room(const struct zl_dataplane *d)
{
	uint32_t room = RTE_MBUF_DEFAULT_BUF_SIZE;

	for (unsigned i = 0; i < d->n_ports; i++) {
		uint32_t need = d->port_config[i].mtu + RTE_ETHER_HDR_LEN + RTE_PKTMBUF_HEADROOM;

		room = need > room ? RTE_ALIGN_CEIL(need, 64) : room;
	}
	return (uint16_t)room;
}

/* What was freed last is taken next, as the CPU still has it at hand: DPDK's rings go round all of
 * a pool, which is memory that no cache and no TLB holds. Unless a device or EAL's caller says what
 * it must be. */
static void set_ops(struct rte_mempool *pool)
{
	const char *best = rte_mbuf_best_mempool_ops();

	if (strcmp(best, RTE_MBUF_DEFAULT_MEMPOOL_OPS) ||
	    rte_mempool_set_ops_byname(pool, "lf_stack", NULL))
		rte_mempool_set_ops_byname(pool, best, NULL);
}

/* As rte_pktmbuf_pool_create, but objects may lie across 4 KiB pages where nothing needs them
 * contiguous by physical address: without hugepages each would else have a page of its own. */
static struct rte_mempool *frame_pool(const char *kind, unsigned core, unsigned n, uint16_t room,
				      unsigned flags)
{
	struct rte_pktmbuf_pool_private about = {.mbuf_data_room_size = room};
	struct rte_mempool *pool;
	char name[32];

	snprintf(name, sizeof(name), "%s%u", kind, core);
	pool = rte_mempool_create_empty(name, n, sizeof(struct rte_mbuf) + room, POOL_CACHE,
					sizeof(about), SOCKET_ID_ANY, flags);
	if (!pool)
		return NULL;
	set_ops(pool);
	rte_pktmbuf_pool_init(pool, &about);
	if (rte_mempool_populate_default(pool) < 0) {
		rte_mempool_free(pool);
		return NULL;
	}
	rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
	return pool;
}

/* What is taken before there is a frame. */
static uint64_t fixed_mb(const struct zl_dataplane *d)
{
	uint64_t core = CORE_BYTES + (uint64_t)d->setup.max_streams * sizeof(struct zl_peer) +
			zl_tcp_bytes(connections(d));
	uint64_t cores = zl_ipc_cores(d->setup.poll_cores);
	uint64_t lane = ZL_LANE_SLOTS * (sizeof(struct zl_parcel) + sizeof(void *));

	return FIXED_MB + ((d->setup.poll_cores * core + cores * (cores - 1) * lane) >> 20);
}

/* How many frames of `each` bytes a core gets: of a machine without ports the host core has nearly
 * all, else the poll cores. 0: too few. */
static uint64_t share(const struct zl_dataplane *d, bool host, uint64_t each)
{
	uint64_t fixed = fixed_mb(d);
	uint64_t memory = d->setup.memory_mb > fixed ? d->setup.memory_mb - fixed : 0;
	uint64_t all = (memory << 20) * 9 / 10 / each, cores = d->setup.poll_cores;
	uint64_t kernel;

	if (all < HOST_MIN + FRAMES_MIN * cores)
		return 0;
	kernel = all - FRAMES_MIN * cores; /* at most */
	if (d->n_ports)
		kernel = RTE_MIN(kernel, RTE_MAX(all / HOST_PART, HOST_MIN));
	return host ? kernel : (all - kernel) / cores;
}

static int make_pools(struct zl_dataplane *d, struct zl_lcore *c, char *text, size_t bytes)
{
	uint16_t room = frame_room(d);
	uint64_t each = sizeof(struct rte_mbuf) + 64 + room + INDIRECT_BYTES +
			BLOCK_BYTES / FRAMES_A_BLOCK;
	unsigned flags = d->setup.hugepages ? 0 : RTE_MEMPOOL_F_NO_IOVA_CONTIG;
	uint64_t frames = share(d, zl_core_is_host(c), each);
	uint64_t least = HOST_MIN + FRAMES_MIN * (uint64_t)d->setup.poll_cores;
	char name[32];

	if (!frames) {
		snprintf(text, bytes,
			 "memory.megabytes: %u is too little for %u poll cores; set at least %u",
			 d->setup.memory_mb, d->setup.poll_cores,
			 (unsigned)(fixed_mb(d) + ((least * each * 10 / 9) >> 20) + 1));
		return -ENOMEM;
	}
	c->frames = frame_pool("frames", c->id, (unsigned)frames, room, flags);
	c->indirect = frame_pool("indirect", c->id, (unsigned)frames, 0, flags);
	snprintf(name, sizeof(name), "blocks%u", c->id);
	c->blocks = rte_mempool_create(name, (unsigned)(frames / FRAMES_A_BLOCK),
				       ZL_SLICE_BLOCK_SIZE, 64, 0, NULL, NULL, NULL, NULL,
				       SOCKET_ID_ANY, flags);
	if (c->frames && c->indirect && c->blocks)
		return 0;
	snprintf(text, bytes, "memory.megabytes: %u could not be had (%s); set fewer",
		 d->setup.memory_mb, rte_strerror(rte_errno));
	return -ENOMEM;
}

/* Sessions have their keys in there: not swapped out, where the limits of the process allow it, nor
 * written into a core file. Pages are locked as they are used. */
static void lock_keys(void *at, size_t bytes)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	const uintptr_t from = RTE_ALIGN_FLOOR((uintptr_t)at, page);
	const size_t n = RTE_ALIGN_CEIL((uintptr_t)at + bytes, page) - from;

	mlock2((void *)from, n, MLOCK_ONFAULT);
	madvise((void *)from, n, MADV_DONTDUMP);
}

static int core_alloc(struct zl_dataplane *d, unsigned id, char *text, size_t bytes)
{
	struct zl_lcore *c = rte_zmalloc("lcore", sizeof(*c), RTE_CACHE_LINE_SIZE);
	char name[32];

	if (!c) {
		snprintf(text, bytes, "no memory for core %u; set more memory.megabytes", id);
		return -ENOMEM;
	}
	d->core[id] = c;
	c->id = id;
	c->poll_cores = d->setup.poll_cores;
	c->cores = zl_ipc_cores(d->setup.poll_cores);
	c->all = d->core;
	c->stop = &d->stop;
	c->busy_poll = d->setup.idle == ZL_IDLE_BUSY && !zl_core_is_host(c);
	c->handshake_ms = d->setup.handshake_ms;
	c->pipe_bytes_max = UINT64_MAX;
	c->mid_lane = -1;
	c->epoll = -1;
	c->bell.fd = -1;
	c->control = true;
	c->letters = d->letters;
	c->peers_max = d->setup.max_streams;
	/* The host core's are of the kernel's memory: packet memory is for what ports need. */
	c->peers = zl_core_is_host(c) ? calloc(c->peers_max, sizeof(*c->peers))
				      : rte_zmalloc("peers", sizeof(*c->peers) * c->peers_max,
						    RTE_CACHE_LINE_SIZE);
	if (!c->peers || zl_doorbell_open(&c->bell)) {
		snprintf(text, bytes, "limits.streams: no memory for %u streams a core; set fewer",
			 c->peers_max);
		return -ENOMEM;
	}
	lock_keys(c->peers, sizeof(*c->peers) * c->peers_max);
	if (zl_strangers_open(&c->strangers, d->setup.half_open, d->setup.half_open_an_address)) {
		snprintf(text, bytes, "limits.half_open: no memory for %u a core; set fewer",
			 d->setup.half_open);
		return -ENOMEM;
	}
	for (uint32_t i = c->peers_max; i-- > 0;) {
		c->peers[i].index = i;
		c->peers[i].next_free = c->free_peers;
		c->free_peers = &c->peers[i];
	}
	snprintf(name, sizeof(name), "to_core%u", id);
	if (zl_mailbox_open(&c->to_core, name, MAILBOX_SLOTS, &c->bell))
		return -ENOMEM;
	snprintf(name, sizeof(name), "to_host%u", id);
	return zl_mailbox_open(&c->to_host, name, EVENT_SLOTS, &d->bell);
}

static int make_lanes(struct zl_dataplane *d, struct zl_lcore *c)
{
	char name[32];

	for (unsigned to = 0; to < c->cores; to++) {
		if (to == c->id)
			continue;
		snprintf(name, sizeof(name), "lane%uto%u", c->id, to);
		if (zl_lane_open(&c->lane[to], name, c->blocks, &d->core[to]->bell, SOCKET_ID_ANY))
			return -ENOMEM;
		d->core[to]->inbound[c->id] = c->lane[to].ring;
	}
	return 0;
}

static int make_stack(struct zl_dataplane *d, struct zl_lcore *c)
{
	struct zl_net_config config = {
		.ops = &zl_core_net_ops,
		.ctx = c,
		.frames = c->frames,
		.indirect = c->indirect,
		.blocks = c->blocks,
		.socket_id = SOCKET_ID_ANY,
	};
	const struct zl_ipc_setup *s = &d->setup;

	zl_tcp_config_default(&config.tcp);
	config.tcp.rcvbuf = s->rcvbuf_bytes;
	config.tcp.min_rto_ms = s->min_rto_ms;
	config.tcp.user_timeout_ms = s->user_timeout_ms;
	config.tcp.keepalive_idle_ms = s->keepalive_idle_ms;
	config.tcp.backlog = s->backlog;
	config.tcp.max_connections = zl_core_is_host(c) ? 1 : connections(d);
	c->now_ns = zl_clock_ns();
	c->net = zl_net_create(&config);
	if (!c->net)
		return -errno;
	zl_timer_wheel_init(&c->timers, c->now_ns);
	zl_door_init(&c->door);
	zl_zmtp_init(&c->zmtp, &zl_core_session_ops, c->frames, c->indirect);
	c->zmtp.stages = &c->stages;
	return 0;
}

/* The kernel's sockets, of the host core. */
static int make_kernel(struct zl_dataplane *d, struct zl_lcore *c)
{
	const struct zl_kernel_config config = {
		.accept = zl_peer_accept,
		.ctx = c,
		.frames = c->frames,
		.blocks = c->blocks,
		.max_streams = d->setup.max_streams,
		.backlog = d->setup.backlog,
		.rcvbuf = d->setup.rcvbuf_bytes,
		.user_timeout_ms = d->setup.user_timeout_ms,
		.keepalive_idle_ms = d->setup.keepalive_idle_ms,
		.directory = d->run_dir,
	};

	c->kernel = zl_kernel_create(&config);
	return c->kernel ? 0 : -errno;
}

static int make_cores(struct zl_dataplane *d, char *text, size_t bytes)
{
	unsigned n = zl_ipc_cores(d->setup.poll_cores);
	int error = 0;

	d->letters = zl_letter_pool(ZL_LETTERS);
	for (unsigned i = 0; i < n && !error; i++)
		error = d->letters ? core_alloc(d, i, text, bytes) : -ENOMEM;
	for (unsigned i = 0; i < n && !error; i++)
		error = make_pools(d, d->core[i], text, bytes);
	for (unsigned i = 0; i < n && !error; i++)
		error = make_lanes(d, d->core[i]);
	for (unsigned i = 0; i < n && !error; i++)
		error = make_stack(d, d->core[i]);
	if (!error)
		error = make_kernel(d, d->core[zl_ipc_host_core(d->setup.poll_cores)]);
	if (error && !text[0])
		snprintf(text, bytes,
			 "memory.megabytes: %u is too little for %u poll cores of %u streams; set "
			 "more, or a smaller limits.streams",
			 d->setup.memory_mb, d->setup.poll_cores, d->setup.max_streams);
	return error;
}

/* Hugepages are had as they are needed. */
static bool has_memory(const struct zl_dataplane *d)
{
	struct rte_malloc_socket_stats stats;
	uint64_t most = 0;

	for (unsigned i = 0; i < rte_socket_count(); i++)
		if (rte_malloc_get_socket_stats(rte_socket_id_by_idx(i), &stats) == 0)
			most = RTE_MAX(most, (uint64_t)stats.greatest_free_size);
	return d->setup.hugepages || most >= PORT_BYTES;
}

static int open_port(struct zl_dataplane *d, unsigned id, char *text, size_t bytes)
{
	const struct zl_ipc_port *config = &d->port_config[id];
	struct rte_mempool *pools[ZL_POLL_CORES_MAX];
	const struct zl_port_info *info;
	struct zl_net_port at;
	unsigned cores = d->setup.poll_cores;

	for (unsigned i = 0; i < cores; i++)
		pools[i] = d->core[i]->frames;
	if (!has_memory(d)) {
		snprintf(text, bytes,
			 "port %.31s: memory.megabytes: %u leaves too little for it; set more",
			 config->name, d->setup.memory_mb);
		return -ENOMEM;
	}
	d->port[id] = zl_port_open(config, cores, pools, zl_rss_key, text, bytes);
	if (!d->port[id])
		return -ENODEV;
	info = zl_port_info(d->port[id]);
	at = (struct zl_net_port){
		.mac = info->mac,
		.mtu = info->mtu,
		.tx_offload = info->tx_offload,
		.rx_checked = info->rx_checked,
		.copies = info->copies,
		.ip = config->ip,
		.prefix_len = (uint8_t)config->prefix_len,
		.gateway = config->gateway,
	};
	for (unsigned i = 0; i < cores; i++) {
		struct zl_lcore *c = d->core[i];

		c->port[id] = (struct zl_core_port){
			.port = d->port[id],
			.polled = info->queues == cores || i == id % cores,
			.queue = info->queues == cores ? (uint16_t)i : 0,
			.owner = id % cores,
			.steer = cores > 1 && !info->spreads,
			.groups_stay = info->queues == cores,
		};
		c->n_ports = id + 1;
		if (zl_net_port_add(c->net, (uint16_t)id, &at)) {
			snprintf(text, bytes, "ports.%s: its address could not be added",
				 config->name);
			return -EINVAL;
		}
	}
	return zl_port_start(d->port[id], text, bytes);
}

static void describe_port(const struct zl_dataplane *d, unsigned id, struct zl_stats_port *at)
{
	const struct zl_port_info *info = zl_port_info(d->port[id]);

	snprintf(at->name, sizeof(at->name), "%s", d->port_config[id].name);
	memcpy(at->mac, &info->mac, sizeof(info->mac));
	at->mtu = info->mtu;
	at->queues = info->queues;
}

/* A poll core asks the kernel for nothing that takes a right. */
static int run_core(void *lcore)
{
	const struct zl_lcore *c = lcore;

	if (!c->kernel && zl_confine_thread(0))
		zl_say("core %u keeps its capabilities", c->id);
	return zl_lcore_run(lcore);
}

static int launch(struct zl_dataplane *d, char *text, size_t bytes)
{
	unsigned cores = zl_ipc_cores(d->setup.poll_cores);

	d->stats_fd = zl_publish_create(cores, d->n_ports, d->setup.max_streams, &d->stats);
	if (d->stats_fd < 0) {
		snprintf(text, bytes, "no memory for counters (%s); set a smaller limits.streams",
			 strerror(-d->stats_fd));
		return d->stats_fd;
	}
	for (unsigned i = 0; i < d->n_ports; i++)
		for (unsigned core = 0; core < cores; core++)
			describe_port(d, i, zl_stats_port(d->stats, core, i));
	zl_net_announce(d->core[0]->net, zl_clock_ns());
	for (unsigned i = 0; i < cores; i++) {
		d->core[i]->stats = d->stats;
		if (zl_idle_open(d->core[i])) {
			snprintf(text, bytes, "core %u: %s", i, strerror(errno));
			return -errno;
		}
	}
	for (unsigned i = 0; i < cores; i++)
		rte_eal_remote_launch(run_core, d->core[i], i);
	d->running = true;
	return 0;
}

static int make_elements(struct zl_dataplane *d, char *text, size_t bytes, uint32_t *line)
{
	unsigned at;
	int error = zl_elements_create(d->core[0], d->element_config, d->n_elements, &at);
	uint32_t ports = 0;

	for (unsigned i = 0; i < d->n_elements; i++)
		ports |= d->element_config[i].ports;
	for (unsigned i = 0; i < d->setup.poll_cores; i++)
		for (unsigned id = 0; id < d->n_ports; id++) {
			d->core[i]->port[id].element = ports >> id & 1;
			d->core[i]->port[id].groups_stay &= !(ports >> id & 1);
		}
	if (!error)
		return 0;
	snprintf(text, bytes, "pgm_elements: %.31s: %s", d->element_config[at].name,
		 error == -ENOSPC ? "all ports together can be in no more groups; name fewer"
				  : strerror(-error));
	*line = d->element_config[at].config_line;
	return error;
}

int zl_dataplane_start(struct zl_dataplane *d, char *text, size_t bytes, uint32_t *line)
{
	int error;

	text[0] = '\0';
	*line = 0;
	error = zl_eal_start(d, text, bytes);
	if (!error)
		error = make_cores(d, text, bytes);
	for (unsigned i = 0; i < d->n_ports && !error; i++) {
		error = open_port(d, i, text, bytes);
		if (error)
			*line = d->port_config[i].config_line;
	}
	if (!error)
		error = make_elements(d, text, bytes, line);
	return error ? error : launch(d, text, bytes);
}

/* Of all cores before anything else of any: a socket's pipes lie with the peers of every core. */
static void shards_free(struct zl_lcore *c)
{
	for (unsigned i = 0; i < ZL_SHARDS_MAX; i++) {
		/* a device is found at both of its sockets */
		if (c->shard[i] && c->shard[i]->device &&
		    c->shard[i]->device->backend == &c->shard[i]->socket)
			free(c->shard[i]->device);
	}
	for (unsigned i = 0; i < ZL_SHARDS_MAX; i++)
		if (c->shard[i])
			c->shard[i]->device = NULL;
	for (unsigned i = 0; i < ZL_SHARDS_MAX; i++)
		zl_shard_free(c->shard[i]);
	for (struct zl_flow *next; c->flows_ended; c->flows_ended = next) {
		next = c->flows_ended->next;
		zl_flow_destroy(c->flows_ended);
	}
}

static void core_free(struct zl_lcore *c)
{
	if (!c)
		return;
	zl_idle_close(c);
	zl_kernel_destroy(c->kernel);
	zl_elements_destroy(c);
	if (c->net)
		zl_net_destroy(c->net);
	if (c->zmtp.ops)
		zl_zmtp_fini(&c->zmtp);
	zl_mailbox_close(&c->to_core);
	zl_mailbox_close(&c->to_host);
	zl_doorbell_close(&c->bell);
	zl_strangers_close(&c->strangers);
	if (zl_core_is_host(c))
		free(c->peers);
	else
		rte_free(c->peers);
}

/* The reverse of the start: cores, then what holds their frames, then ports, then pools. */
void zl_dataplane_stop(struct zl_dataplane *d)
{
	__atomic_store_n(&d->stop, true, __ATOMIC_RELEASE);
	for (unsigned i = 0; d->running && i < zl_ipc_cores(d->setup.poll_cores); i++)
		zl_doorbell_ring(&d->core[i]->bell);
	if (d->running)
		rte_eal_mp_wait_lcore();
	for (unsigned i = 0; i < ZL_CORES_MAX; i++)
		if (d->core[i])
			shards_free(d->core[i]);
	for (unsigned i = 0; i < ZL_CORES_MAX; i++)
		core_free(d->core[i]);
	for (unsigned i = 0; i < ZL_CORES_MAX; i++)
		for (unsigned to = 0; d->core[i] && to < ZL_CORES_MAX; to++)
			zl_lane_close(&d->core[i]->lane[to]);
	for (unsigned i = 0; i < d->n_ports; i++)
		if (d->port[i])
			zl_port_close(d->port[i]);
	for (unsigned i = 0; i < ZL_CORES_MAX; i++) {
		if (!d->core[i])
			continue;
		rte_mempool_free(d->core[i]->frames);
		rte_mempool_free(d->core[i]->indirect);
		rte_mempool_free(d->core[i]->blocks);
		rte_free(d->core[i]);
		d->core[i] = NULL;
	}
	rte_mempool_free(d->letters);
	if (d->stats_fd >= 0)
		close(d->stats_fd);
	if (d->stats)
		zl_stats_unmap(d->stats);
	zl_eal_stop(d);
}
