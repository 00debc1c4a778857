/* The EAL fixture of tests/unit and tests/sim: rte_eal_init once, with its runtime folder in a
 * temporary one that is
 * removed as soon as the EAL is up. */
#include "tests/unit/eal.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_mbuf.h>

#include "dataplane/net/sendq.h"

static char runtime_dir[] = "/tmp/zl-test-XXXXXX";

static bool keep;

static void eal_stop(void)
{
	if (!keep)
		rte_eal_cleanup();
}

void eal_keep(void)
{
	keep = true;
}

/* The EAL makes folders even where it will put nothing into them. Gone once it is up, they are not
 * left behind by a test that crashes. */
static void remove_runtime_dir(void)
{
	static const char *const made[] = {"/dpdk/rte", "/dpdk", ""};
	char path[64];

	for (unsigned i = 0; i < RTE_DIM(made); i++) {
		snprintf(path, sizeof(path), "%s%s", runtime_dir, made[i]);
		rmdir(path);
	}
}

static void give_up(const char *what)
{
	fprintf(stderr, "tests/unit/eal.c: %s\n", what);
	exit(1);
}

static void init(unsigned mb)
{
	cpu_set_t allowed;
	unsigned first = 0;
	char cpu[16], memory[16];

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		give_up("sched_getaffinity failed");
	while (first < CPU_SETSIZE - 1 && !CPU_ISSET(first, &allowed))
		first++;
	snprintf(cpu, sizeof(cpu), "0@%u", first);
	snprintf(memory, sizeof(memory), "%u", mb);

	char *args[] = {"test",     "--no-huge",      "-m",          memory,
			"--no-pci", "--no-telemetry", "--no-shconf", "--lcores",
			cpu,        "--log-level",    "lib.*:error", NULL};
	if (rte_eal_init(RTE_DIM(args) - 1, args) < 0)
		give_up("rte_eal_init failed");
	/* The EAL pins its main thread; tests that run side by side should share what there is. */
	sched_setaffinity(0, sizeof(allowed), &allowed);
}

void eal_start(unsigned mb)
{
	static bool started;

	if (started)
		return;
	started = true;
	if (!mkdtemp(runtime_dir) || setenv("RUNTIME_DIRECTORY", runtime_dir, 1))
		give_up("no runtime folder under /tmp");
	atexit(eal_stop);
	init(mb);
	remove_runtime_dir();
}

int eal_group_setup(void **state)
{
	(void)state;
	eal_start(64);
	return 0;
}

void eal_pools_create(struct eal_pools *p, unsigned frames, unsigned indirect, unsigned blocks)
{
	static unsigned serial;
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "frames%u", serial);
	p->frames = rte_pktmbuf_pool_create(name, frames, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					    SOCKET_ID_ANY);
	snprintf(name, sizeof(name), "indirect%u", serial);
	p->indirect = rte_pktmbuf_pool_create(name, indirect, 0, 0, 0, SOCKET_ID_ANY);
	snprintf(name, sizeof(name), "blocks%u", serial++);
	p->blocks = rte_mempool_create(name, blocks, ZL_SLICE_BLOCK_SIZE, 0, 0, NULL, NULL, NULL,
				       NULL, SOCKET_ID_ANY, 0);
	if (!p->frames || !p->indirect || !p->blocks)
		give_up("no memory for pools: ask eal_start for more");
}

bool eal_pools_full(const struct eal_pools *p)
{
	return rte_mempool_full(p->frames) && rte_mempool_full(p->indirect) &&
	       rte_mempool_full(p->blocks);
}

void eal_pools_free(struct eal_pools *p)
{
	rte_mempool_free(p->blocks);
	rte_mempool_free(p->indirect);
	rte_mempool_free(p->frames);
}

unsigned eal_pool_drain(struct rte_mempool *pool, void **objects, unsigned max)
{
	unsigned n = 0;

	while (n < max && rte_mempool_get(pool, &objects[n]) == 0)
		n++;
	return n;
}

void eal_pool_refill(struct rte_mempool *pool, void **objects, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		rte_mempool_put(pool, objects[i]);
}
