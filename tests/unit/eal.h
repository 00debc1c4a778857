/* DPDK's EAL for test programs: small, without hugepages, PCI or telemetry, and leaving no file
 * behind, so that many run side by side, as root or not. Header of eal.c. */
#ifndef ZL_TESTS_UNIT_EAL_H
#define ZL_TESTS_UNIT_EAL_H

#include <stdbool.h>

#include <rte_mempool.h>

/* Starts the EAL with `mb` MiB of memory for pools; the first call decides, later ones do nothing.
 * Aborts the program on failure. Everything is undone at exit. */
void eal_start(unsigned mb);
/* Do not clean up at exit: a driver does not allow it (zl_port_eal_may_stop). */
void eal_keep(void);
/* As a cmocka group setup: eal_start(64). */
int eal_group_setup(void **state);

/* Pools without per-core caches, so that their fill level is exact at all times. */
struct eal_pools {
	struct rte_mempool
		*frames; /* RTE_MBUF_DEFAULT_BUF_SIZE: 128 bytes headroom, 2048 of data */
	struct rte_mempool *indirect; /* no data room */
	struct rte_mempool *blocks;   /* slice blocks for sendq */
};
/* Makes the three with so many objects each; names are made unique. */
void eal_pools_create(struct eal_pools *p, unsigned frames, unsigned indirect, unsigned blocks);
/* Is every object back? */
bool eal_pools_full(const struct eal_pools *p);
void eal_pools_free(struct eal_pools *p);
/* Takes all that a pool has, up to `max` objects; how many. And gives them back. */
unsigned eal_pool_drain(struct rte_mempool *pool, void **objects, unsigned max);
void eal_pool_refill(struct rte_mempool *pool, void **objects, unsigned n);

#endif
