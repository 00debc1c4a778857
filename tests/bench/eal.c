/* EAL as a program with one thread needs it, with nothing left behind in the file system. */
#include "tests/bench/eal.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>

#include "drivers/port/port.h"

#define POOL_CACHE 256

/* The poll thread is this one, on the CPUs that it may use (taskset). */
static void lcore_map(char *out, size_t bytes)
{
	cpu_set_t set;
	size_t used = (size_t)snprintf(out, bytes, "0@");

	sched_getaffinity(0, sizeof(set), &set);
	for (unsigned cpu = 0, n = 0; cpu < CPU_SETSIZE && used + 8 < bytes; cpu++)
		if (CPU_ISSET(cpu, &set))
			used += (size_t)snprintf(out + used, bytes - used, "%s%u", n++ ? "," : "(",
						 cpu);
	snprintf(out + used, bytes - used, ")");
}

/* EAL makes folders even where it will put nothing into them: they are gone once it is up. */
static int eal_init(int argc, char **argv, const char *prefix)
{
	char dir[] = "/tmp/zeroline-bench-XXXXXX", path[96];
	int rc = -1;

	if (!mkdtemp(dir))
		return -1;
	if (!setenv("RUNTIME_DIRECTORY", dir, 1))
		rc = rte_eal_init(argc, argv);
	snprintf(path, sizeof(path), "%s/dpdk/%s", dir, prefix);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/dpdk", dir);
	rmdir(path);
	rmdir(dir);
	return rc;
}

int bench_eal_start(const char *program, const struct zl_ipc_port *port, unsigned memory_mb,
		    bool hugepages, char *text, size_t bytes)
{
	static char lcores[4096], memory[16], prefix[32];
	const char *argv[24] = {program,          "--no-telemetry",
				"--no-shconf",    "--lcores",
				lcores,           "-m",
				memory,           "--file-prefix",
				prefix,           "--log-level",
				"lib.*:error",    "--log-level",
				"pmd.*:critical", hugepages ? "--huge-unlink" : "--no-huge"};
	unsigned n = 14;

	lcore_map(lcores, sizeof(lcores));
	snprintf(memory, sizeof(memory), "%u", memory_mb);
	snprintf(prefix, sizeof(prefix), "zlbench%d", getpid());
	/* By physical address each buffer would have a page of its own. */
	if (!hugepages)
		argv[n++] = "--iova-mode=va";
	n += zl_port_eal_args(port, 1, argv + n, RTE_DIM(argv) - n);
	if (eal_init((int)n, (char **)(uintptr_t)argv, prefix) >= 0)
		return 0;
	snprintf(text, bytes, "DPDK did not start with %s MB of memory (%s)%s", memory,
		 rte_strerror(rte_errno), hugepages ? "; leave --hugepages out?" : "");
	return -1;
}

/* Objects may lie across pages where nothing needs them contiguous by physical address. */
struct rte_mempool *bench_pool(const char *name, unsigned n, unsigned room, bool hugepages)
{
	struct rte_pktmbuf_pool_private about = {.mbuf_data_room_size = (uint16_t)room};
	struct rte_mempool *p = rte_mempool_create_empty(
		name, n, sizeof(struct rte_mbuf) + room, n > 4096 ? POOL_CACHE : 0, sizeof(about),
		SOCKET_ID_ANY, hugepages ? 0 : RTE_MEMPOOL_F_NO_IOVA_CONTIG);

	if (!p)
		return NULL;
	rte_mempool_set_ops_byname(p, rte_mbuf_best_mempool_ops(), NULL);
	rte_pktmbuf_pool_init(p, &about);
	if (rte_mempool_populate_default(p) < 0) {
		rte_mempool_free(p);
		return NULL;
	}
	rte_mempool_obj_iter(p, rte_pktmbuf_init, NULL);
	return p;
}
