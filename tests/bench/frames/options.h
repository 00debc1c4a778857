/* What the command line asks of zeroline-frames. */
#ifndef ZL_TESTS_BENCH_FRAMES_OPTIONS_H
#define ZL_TESTS_BENCH_FRAMES_OPTIONS_H

#include "tests/bench/frames/template.h"

struct frames_options {
	struct template template;
	const char *file;
};

/* Exits with a line on stderr if they make no sense. */
void frames_options(struct frames_options *o, int argc, char **argv);

#endif
