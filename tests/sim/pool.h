/* Memory pools for simulated stacks. Deterministic (last in, first out), exact about what is out,
 * and under AddressSanitizer every object is out of bounds while it is free: a stack that touches
 * a buffer after giving it back, or gives it back twice, is caught in the act. */
#ifndef ZL_TESTS_SIM_POOL_H
#define ZL_TESTS_SIM_POOL_H

#include <stdbool.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>

/* n mbufs with `room` bytes of data, headroom included; 0: for indirect use only. Aborts the
 * program if there is no memory. */
struct rte_mempool *sim_pool_mbufs(unsigned n, unsigned room);
/* n plain objects of `size` bytes. */
struct rte_mempool *sim_pool_objects(unsigned n, unsigned size);
/* Objects that are out. */
unsigned sim_pool_missing(const struct rte_mempool *pool);
/* The pool is as new, whoever still held objects of it. */
void sim_pool_free(struct rte_mempool *pool);

#endif
