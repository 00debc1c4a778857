/* bench-feed's state, and its command line. */
#ifndef ZL_TESTS_BENCH_FEED_H
#define ZL_TESTS_BENCH_FEED_H

#include "drivers/port/port.h"
#include "tests/bench/feed_frame.h"

struct feed {
	struct zl_ipc_port wire;
	struct feed_frames frames[2]; /* of each line */
	uint32_t line_b;              /* a second group, which is sent the same; 0: none */
	double lose;                  /* share of each line's packets that are not sent */
	uint32_t heard;               /* group whose packets are counted; 0: none */
	double rate, seconds;
	bool sends, hugepages;
	struct rte_mempool *pool;
	struct zl_port *port;
	uint64_t begun_ns, now_ns;
	uint32_t sqn, spms;
	uint32_t early;      /* of them, sent before the link was known to be up */
	uint32_t whole_from; /* from this one on none is lost */
	/* What came. */
	uint64_t packets, bytes, missing, naks;
	uint64_t first_ns, last_ns;
	uint32_t expected;
	uint64_t dropped; /* by the port, so far, and sent again */
};

/* Ends the process, with what is wrong, if something is. */
void feed_options(struct feed *f, int argc, char **argv);

#endif
