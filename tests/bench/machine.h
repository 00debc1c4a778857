/* What the load runs on: EAL, packet memory, one port and one stack, all of the thread that calls.
 * A process has one. */
#ifndef ZL_TESTS_BENCH_MACHINE_H
#define ZL_TESTS_BENCH_MACHINE_H

#include <rte_cycles.h>
#include <rte_mbuf.h>

#include "dataplane/net/net.h"
#include "drivers/port/port.h"
#include "tests/bench/options.h"

struct machine {
	struct rte_mempool *frames, *indirect, *blocks;
	struct rte_mempool *laid; /* buffers of LAID_ROOM, for publishers */
	struct zl_port *port;
	struct zl_net *net;
	bool eal;
	bool trusting;      /* frames are taken for good, as if a NIC had checked them */
	uint64_t now_ns;    /* of this turn */
	uint64_t work_ns;   /* when a frame last came */
	uint64_t clock_mul; /* nanoseconds a cycle, 32.32 */
};

/* Of the machine's TSC: comparable between processes. */
static inline uint64_t machine_clock(const struct machine *m)
{
	return (uint64_t)(((unsigned __int128)rte_rdtsc() * m->clock_mul) >> 32);
}

/* Memory for `laid` buffers among the rest. 0, or -1 with one line in text. */
int machine_open(struct machine *m, const struct options *o, unsigned laid, char *text,
		 size_t bytes);
/* The stack is gone, and with it every reference to what it was given to send. */
void machine_stop(struct machine *m);
void machine_close(struct machine *m);
/* Frames in, to the streams' receive queues; what they say is heard in machine_out. */
void machine_in(struct machine *m);
/* Streams' events, then frames out. */
void machine_out(struct machine *m);
/* Nothing to do for a while: sleep for a moment. */
void machine_nap(const struct machine *m);

#endif
