/* A port: one DPDK ethdev of any kind behind one interface, with the impairment stage in front of
 * it when the configuration asks for one (the stack does not know). A queue pair belongs to one
 * poll core, which alone calls the _rx and _tx functions of that queue; open, start and close are
 * called by the main lcore while no poll core uses the port. */
#ifndef ZL_DRIVERS_PORT_H
#define ZL_DRIVERS_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "control/ipc/ipc.h"

struct zl_port;

struct zl_port_info {
	struct rte_ether_addr mac;
	uint16_t mtu;
	uint16_t queues;     /* pairs in use: as many as cores, or 1 */
	bool spreads;        /* over them by net/steer.h; else that is done in software */
	uint64_t tx_offload; /* RTE_ETH_TX_OFFLOAD_* configured */
	uint64_t rx_checked; /* RTE_MBUF_F_RX_* checksum flags to be trusted */
	bool copies;         /* the device copies each frame that it sends */
};

struct zl_port_stats {
	uint64_t rx_frames, rx_bytes, tx_frames, tx_bytes, tx_dropped;
	uint64_t rx_impaired, tx_impaired;
	uint64_t tx_deferred; /* frames that had to wait for room in the device */
};

/* EAL arguments that the ports as a whole need (physical ports: "-a ADDRESS"; none: "--no-pci").
 * Appends to argv (strings are static or point into cfg); returns how many. */
unsigned zl_port_eal_args(const struct zl_ipc_port *cfg, unsigned n, const char **argv,
			  unsigned room);

/* Create the device if it is virtual, configure its queues, RSS key and table (net/steer.h: the
 * caller passes them), offloads and MTU. pool[i] feeds queue i. NULL: `text` names the port, the
 * device and the remedy in one line, and nothing is left behind. */
struct zl_port *zl_port_open(const struct zl_ipc_port *cfg, unsigned cores,
			     struct rte_mempool *const *pool, const uint8_t *rss_key, char *text,
			     size_t text_bytes);
/* After the last close: may rte_eal_cleanup() be called? Not once there was a memif server: its
 * driver leaves a callback behind that must not lose its memory before the process ends. */
bool zl_port_eal_may_stop(void);
int zl_port_start(struct zl_port *p, char *text, size_t text_bytes);
/* Stops, frees held frames, removes the virtual device. */
void zl_port_close(struct zl_port *p);
const struct zl_port_info *zl_port_info(const struct zl_port *p);

/* Up to n frames; the caller owns them. */
unsigned zl_port_rx(struct zl_port *p, uint16_t queue, struct rte_mbuf **frames, unsigned n,
		    uint64_t now_ns);
/* Owns all of the frames. Those that the device has no room for wait, in order, for zl_port_poll();
 * when too many wait already, or the device has taken nothing for 100 ms, they are dropped and
 * counted. now_ns never goes back. */
void zl_port_tx(struct zl_port *p, uint16_t queue, struct rte_mbuf **frames, unsigned n,
		uint64_t now_ns);
/* Do frames wait for room in the device? Any core. */
bool zl_port_tx_waits(const struct zl_port *p, uint16_t queue);
/* Frames that wait for room are offered again, and those held by the impairment stage that are due
 * are sent. Every turn, if it says it is needed: zl_port_next_due() is when (UINT64_MAX: nothing is
 * held in either direction). */
void zl_port_poll(struct zl_port *p, uint16_t queue, uint64_t now_ns);
uint64_t zl_port_next_due(const struct zl_port *p, uint16_t queue);

/* For the adaptive idle policy: register the queue's receive interrupt with this thread's epoll
 * descriptor (data: what epoll_wait gives back). -ENOTSUP: this kind must be polled by naps. */
int zl_port_intr_add(struct zl_port *p, uint16_t queue, int epoll_fd, void *data);
/* Before sleeping: enable; after waking: disable, and drain what the descriptor signalled. */
void zl_port_intr_enable(struct zl_port *p, uint16_t queue);
void zl_port_intr_disable(struct zl_port *p, uint16_t queue);

/* Of one queue, by its core. */
const struct zl_port_stats *zl_port_stats(const struct zl_port *p, uint16_t queue);

#endif
