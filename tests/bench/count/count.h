/* zeroline-count: one run. */
#ifndef ZL_TESTS_BENCH_COUNT_COUNT_H
#define ZL_TESTS_BENCH_COUNT_COUNT_H

#include "drivers/port/port.h"
#include "tests/bench/count/flows.h"
#include "tests/bench/count/options.h"

#define FRAME_COPY 16400 /* of a frame in several segments, at most */

struct count {
	struct count_options options;
	bool eal;
	struct rte_mempool *pool;
	struct zl_port *port;
	struct flows flows;
	uint64_t frames, wrong;  /* wrong: checksums, found by --verify */
	uint64_t from_ns, to_ns; /* of the first and the last frames */
	char failure[256];       /* "": none */
};

/* report.c: the exit status. */
int count_report(const struct count *c);

#endif
