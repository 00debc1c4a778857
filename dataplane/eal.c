/* DPDK's environment abstraction up and down: memory and lcores, as control's SETUP asked. */
#include <errno.h>
#include <glob.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <rte_memory.h>

#include "dataplane/dataplane.h"

#define ARGS_MAX 64

/* EAL keeps pointers to its arguments. */
struct eal_args {
	const char *argv[ARGS_MAX];
	unsigned n;
	char lcores[2048], main_lcore[8], memory[16], prefix[32];
};

static void cpus_allowed(char *out, size_t bytes)
{
	cpu_set_t set;
	size_t used = 0;

	sched_getaffinity(0, sizeof(set), &set);
	for (unsigned cpu = 0; cpu < CPU_SETSIZE && used + 8 < bytes; cpu++)
		if (CPU_ISSET(cpu, &set))
			used += (size_t)snprintf(out + used, bytes - used, "%s%u", used ? "," : "(",
						 cpu);
	snprintf(out + used, bytes - used, ")");
}

static void lcore_map(const struct zl_ipc_setup *s, char *out, size_t bytes)
{
	char any[1024];
	size_t used = 0;

	cpus_allowed(any, sizeof(any));
	/* poll cores, the host core, and the main thread, which sleeps beside it */
	for (unsigned i = 0; i <= zl_ipc_cores(s->poll_cores) && used < bytes; i++) {
		int cpu = i < s->poll_cores ? s->cpu[i] : s->host_cpu;

		if (cpu >= 0)
			used += (size_t)snprintf(out + used, bytes - used, "%s%u@%d", i ? "," : "",
						 i, cpu);
		else
			used += (size_t)snprintf(out + used, bytes - used, "%s%u@%s", i ? "," : "",
						 i, any);
	}
}

/* EAL remembers these for the drivers that it has yet to load. A refusal's own line says what a
 * person needs, so drivers are heard at info and debug alone. */
static void log_levels(const char *level, struct eal_args *a)
{
	static const char *const quiet[] = {"--log-level", "lib.*:error", "--log-level",
					    "pmd.*:critical"};

	rte_log_set_global_level(!strcmp(level, "debug")  ? RTE_LOG_DEBUG
				 : !strcmp(level, "info") ? RTE_LOG_INFO
							  : RTE_LOG_WARNING);
	for (unsigned i = 0; !strcmp(level, "error") && i < RTE_DIM(quiet); i++)
		a->argv[a->n++] = quiet[i];
}

/* Of all sizes, in MB. */
static uint64_t hugepages_free(void)
{
	glob_t found;
	uint64_t kb = 0;

	if (glob("/sys/kernel/mm/hugepages/hugepages-*kB/free_hugepages", 0, NULL, &found))
		return 0;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *size = strstr(found.gl_pathv[i], "hugepages-");
		FILE *f = fopen(found.gl_pathv[i], "r");
		unsigned long pages;

		if (f && fscanf(f, "%lu", &pages) == 1)
			kb += pages * strtoul(size + strlen("hugepages-"), NULL, 10);
		if (f)
			fclose(f);
	}
	globfree(&found);
	return kb >> 10;
}

/* Called by EAL instead of libc's. For --no-huge it would map a file in memory, to which kernels
 * give large pages only where an administrator has said so; without one it maps anonymous memory,
 * to which they do when asked. */
int memfd_create(const char *name, unsigned int flags)
{
	if (strcmp(name, "nohuge") == 0) {
		errno = ENOSYS;
		return -1;
	}
	return (int)syscall(SYS_memfd_create, name, flags);
}

/* In large pages, if there are any. The pools will fill it all: in one call that is some
 * microseconds less for each page than a fault is. Kernels before 5.14 do not know of it. */
static int populate(const struct rte_memseg_list *list, void *unused)
{
	(void)unused;
	madvise(list->base_va, list->len, MADV_HUGEPAGE);
	madvise(list->base_va, list->len, MADV_POPULATE_WRITE);
	return 0;
}

int zl_eal_start(struct zl_dataplane *d, char *text, size_t bytes)
{
	static struct eal_args a;
	const struct zl_ipc_setup *s = &d->setup;

	/* asked before EAL, which would speak past us */
	if (s->hugepages && hugepages_free() < s->memory_mb) {
		snprintf(
			text, bytes,
			"memory.hugepages: %u MB are wanted and %lu MB free; run scripts/hugepages "
			"reserve %u, or set memory.hugepages: no",
			s->memory_mb, hugepages_free(), s->memory_mb);
		return -ENOMEM;
	}
	lcore_map(s, a.lcores, sizeof(a.lcores));
	snprintf(a.main_lcore, sizeof(a.main_lcore), "%u", zl_ipc_cores(s->poll_cores));
	snprintf(a.memory, sizeof(a.memory), "%u", s->memory_mb);
	snprintf(a.prefix, sizeof(a.prefix), "zl%d", getpid());
	const char *const fixed[] = {"zeroline-dataplane",
				     "--no-telemetry",
				     "--no-shconf",
				     "--lcores",
				     a.lcores,
				     "--main-lcore",
				     a.main_lcore,
				     "-m",
				     a.memory,
				     "--file-prefix",
				     a.prefix,
				     s->hugepages ? "--huge-unlink" : "--no-huge"};
	for (unsigned i = 0; i < RTE_DIM(fixed); i++)
		a.argv[a.n++] = fixed[i];
	/* By physical address each buffer would have a page of its own. */
	if (!s->hugepages)
		a.argv[a.n++] = "--iova-mode=va";
	log_levels(d->log_level, &a);
	a.n += zl_port_eal_args(d->port_config, d->n_ports, a.argv + a.n, ARGS_MAX - a.n);
	setenv("RUNTIME_DIRECTORY", d->run_dir, 1);
	if (rte_eal_init((int)a.n, (char **)(uintptr_t)a.argv) < 0) {
		snprintf(text, bytes,
			 s->hugepages
				 ? "DPDK did not start with %u MB of hugepages (%s); run "
				   "scripts/hugepages, or set memory.hugepages: no"
				 : "DPDK did not start with %u MB of memory (%s); set a smaller "
				   "memory.megabytes",
			 s->memory_mb, rte_strerror(rte_errno));
		return -ENOMEM;
	}
	d->eal = true;
	if (!s->hugepages)
		rte_memseg_list_walk(populate, NULL);
	return 0;
}

void zl_eal_stop(struct zl_dataplane *d)
{
	char path[4096];

	if (!d->eal)
		return;
	if (zl_port_eal_may_stop())
		rte_eal_cleanup();
	snprintf(path, sizeof(path), "%s/dpdk/zl%d", d->run_dir, getpid());
	rmdir(path);
	snprintf(path, sizeof(path), "%s/dpdk", d->run_dir);
	rmdir(path);
}
