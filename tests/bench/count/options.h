/* What the command line asks of zeroline-count. */
#ifndef ZL_TESTS_BENCH_COUNT_OPTIONS_H
#define ZL_TESTS_BENCH_COUNT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "control/ipc/ipc.h"

struct count_options {
	struct zl_ipc_port port;
	double seconds;  /* from the first frame on */
	double wait;     /* for the first one, at most */
	double idle;     /* end when nothing has come for so long; 0: no such end */
	uint64_t frames; /* enough; 0: no such bound */
	bool verify, reflect, json, busy, hugepages;
};

/* Exits with a line on stderr if they make no sense. */
void count_options(struct count_options *o, int argc, char **argv);

#endif
