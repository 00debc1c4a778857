/* What a port is made of: for the files of this folder only. */
#ifndef ZL_DRIVERS_STATE_H
#define ZL_DRIVERS_STATE_H

#include <rte_ethdev.h>

#include "drivers/port/impair.h"
#include "drivers/port/kinds.h"
#include "drivers/port/port.h"
#include "drivers/port/rules.h"

#define TX_WAITING 1024 /* frames that the device has no room for, of each queue */

struct port_queue {
	struct zl_port_stats stats;
	struct rte_mbuf **waiting; /* a ring of TX_WAITING */
	unsigned waiting_first, waiting_n;
	uint64_t tried_ns;             /* they were offered last */
	uint64_t taken_ns;             /* the device took one last, or the first began to wait */
	bool stalled;                  /* it takes nothing: nothing waits for it */
	struct zl_impairment *rx, *tx; /* NULL: none */
	struct rte_mempool *pool;
	int intr_fd; /* -1: not registered */
} __rte_cache_aligned;

/* refs 0: free */
struct port_rule {
	struct zl_port_rule what;
	uint16_t queue;
	unsigned refs; /* receivers */
	struct rte_flow *flow;
};

struct zl_port {
	/* The hot line. */
	uint16_t id;
	bool rx_staged; /* received frames pass an impairment */
	bool tx_staged; /* sent ones do, or are made contiguous or private first */
	bool make_private;
	bool make_contiguous;

	bool started;
	bool intr;
	struct zl_device device;
	struct zl_port_info info;
	struct zl_ipc_port cfg;
	struct rte_eth_dev_info dev;
	struct rte_eth_conf conf;
	struct port_queue queue[ZL_POLL_CORES_MAX];
	struct port_rule rule[ZL_PORT_RULES_MAX]; /* the main thread's */
};

/* offload.c: what to ask of the device; fills in p->conf, and p->info but for mac and mtu. */
void zl_offload_choose(struct zl_port *p, unsigned cores, const uint8_t *rss_key);
/* Programs the redirection table, after the device has started. */
int zl_offload_steer(struct zl_port *p);
/* traffic.c: drops and frees what waits, and the room for it. */
void zl_traffic_clear(struct zl_port *p, uint16_t queue);
/* port.c: (re)applies p->conf. */
int zl_port_configure(struct zl_port *p, const char **step);

#endif
