/* A poll core's counters, copied into the segment that control reads (control/ipc/stats.h). */
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_lcore.h>

#include "dataplane/lcore.h"
#include "drivers/host/kernel.h"

static const struct {
	const char *name, *text;
} core_counter[ZL_CORE_COUNTERS] = {
#define X(name, text) {#name, text},
#include "dataplane/core_counters.def"
#undef X
};

/* Both grow only while the core counts; "cycles.idle", "counted.turns". */
static const char *const stage_name[ZL_STAGES] = {
#define X(name, text) #name,
#include "dataplane/stages.def"
#undef X
};
static const char *const stage_text[ZL_STAGES] = {
#define X(name, text) text,
#include "dataplane/stages.def"
#undef X
};
static const char *const counted_name[ZL_COUNTED] = {
#define X(name, text) #name,
#include "dataplane/counted.def"
#undef X
};
static const char *const counted_text[ZL_COUNTED] = {
#define X(name, text) text,
#include "dataplane/counted.def"
#undef X
};

struct layer {
	const char *name;
	unsigned n;
	const char *const *names, *const *texts;
};

static const struct layer layers[] = {
	{"net", ZL_NET_COUNTERS, zl_net_counter_name, zl_net_counter_text},
	{"zmtp", ZL_ZMTP_COUNTERS, zl_zmtp_counter_name, zl_zmtp_counter_text},
	{"router", ZL_ROUTER_COUNTERS, zl_router_counter_name, zl_router_counter_text},
	{"pgm", PGM_COUNTERS, pgm_counter_name, pgm_counter_text},
	{"kernel", ZL_KERNEL_COUNTERS, zl_kernel_counter_name, zl_kernel_counter_text},
	{"cycles", ZL_STAGES, stage_name, stage_text},
	{"counted", ZL_COUNTED, counted_name, counted_text},
};

static void name_one(struct zl_stats_counter *at, const char *layer, const char *name,
		     const char *text)
{
	snprintf(at->name, sizeof(at->name), "%s.%s", layer, name);
	snprintf(at->text, sizeof(at->text), "%s", text);
}

static void name_all(const struct zl_stats_header *h)
{
	struct zl_stats_counter *at = zl_stats_counters(h);

	for (unsigned l = 0; l < RTE_DIM(layers); l++)
		for (unsigned i = 0; i < layers[l].n; i++)
			name_one(at++, layers[l].name, layers[l].names[i], layers[l].texts[i]);
	for (unsigned i = 0; i < ZL_CORE_COUNTERS; i++)
		name_one(at++, "core", core_counter[i].name, core_counter[i].text);
}

int zl_publish_create(unsigned cores, unsigned ports, unsigned peers,
		      const struct zl_stats_header **stats)
{
	struct zl_stats_header shape = {
		.cores = cores,
		.ports = ports,
		.peers = peers,
		.tsc_hz = rte_get_tsc_hz(),
		.counters = ZL_NET_COUNTERS + ZL_ZMTP_COUNTERS + ZL_ROUTER_COUNTERS + PGM_COUNTERS +
			    ZL_KERNEL_COUNTERS + ZL_STAGES + ZL_COUNTED + ZL_CORE_COUNTERS,
	};
	void *base;
	int fd = zl_stats_create(&shape, &base);

	if (fd < 0)
		return fd;
	*stats = base;
	name_all(*stats);
	return fd;
}

static void publish_ports(struct zl_lcore *c)
{
	for (unsigned i = 0; i < c->n_ports; i++) {
		struct zl_stats_port *at = zl_stats_port(c->stats, c->id, i);
		const struct zl_port_stats *from;

		if (!c->port[i].polled)
			continue;
		from = zl_port_stats(c->port[i].port, c->port[i].queue);
		at->rx_frames = from->rx_frames;
		at->rx_bytes = from->rx_bytes;
		at->tx_frames = from->tx_frames;
		at->tx_bytes = from->tx_bytes;
		at->tx_dropped = from->tx_dropped;
		at->tx_deferred = from->tx_deferred;
		at->rx_impaired = from->rx_impaired;
		at->tx_impaired = from->tx_impaired;
	}
}

static void publish_core(struct zl_lcore *c)
{
	struct zl_stats_core *at = zl_stats_core(c->stats, c->id);

	at->cpu = (uint32_t)sched_getcpu();
	at->turns = c->turns;
	at->idle_turns = c->idle_turns;
	at->sleeps = c->sleeps;
	at->busy_cycles = c->busy_cycles;
	at->idle_cycles = c->idle_cycles;
	at->msgs_in = c->zmtp.counter[ZL_ZMTP_parts_in] + c->flow_parts;
	at->msgs_out = c->msgs_out;
	at->streams = c->peers_open;
	at->at_door = c->door.waiting;
	at->frames_free = rte_mempool_avail_count(c->frames);
	at->frames_total = c->frames->size;
	__atomic_store_n(&at->counting, c->stages.on, __ATOMIC_RELEASE);
}

void zl_publish(struct zl_lcore *c)
{
	uint64_t *row = zl_stats_values(c->stats, c->id);

	zl_count_tally(c);
	memcpy(row, zl_net_counters(c->net), ZL_NET_COUNTERS * sizeof(*row));
	row += ZL_NET_COUNTERS;
	memcpy(row, c->zmtp.counter, sizeof(c->zmtp.counter));
	row += ZL_ZMTP_COUNTERS;
	memcpy(row, c->router_counter, sizeof(c->router_counter));
	row += ZL_ROUTER_COUNTERS;
	memcpy(row, c->pgm_counter, sizeof(c->pgm_counter));
	row += PGM_COUNTERS;
	if (c->kernel)
		memcpy(row, zl_kernel_counters(c->kernel), ZL_KERNEL_COUNTERS * sizeof(*row));
	row += ZL_KERNEL_COUNTERS;
	memcpy(row, c->stages.cycles, sizeof(c->stages.cycles));
	row += ZL_STAGES;
	memcpy(row, c->counted, sizeof(c->counted));
	row += ZL_COUNTED;
	memcpy(row, c->counter, sizeof(c->counter));
	publish_core(c);
	publish_ports(c);
	zl_publish_sockets(c);
	zl_publish_sources(c);
	zl_publish_round(c);
}
