/* EAL and packet memory of a program with one port and one thread, on the CPUs that it may use
 * (taskset). A process has one. */
#ifndef ZL_TESTS_BENCH_EAL_H
#define ZL_TESTS_BENCH_EAL_H

#include <stdbool.h>
#include <stddef.h>

#include <rte_mempool.h>

#include "control/ipc/ipc.h"

/* 0, or -1 with one line in text. */
int bench_eal_start(const char *program, const struct zl_ipc_port *port, unsigned memory_mb,
		    bool hugepages, char *text, size_t bytes);
/* n mbufs with `room` bytes each, headroom included; 0: indirect ones. NULL: no memory. */
struct rte_mempool *bench_pool(const char *name, unsigned n, unsigned room, bool hugepages);

#endif
