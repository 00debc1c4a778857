/* What a run is of: a row for each --pattern. A pattern is two kinds of connection to a device in
 * the middle: publishers, or who else sends messages of his own, and subscribers, or who else takes
 * what comes. */
#ifndef ZL_TESTS_BENCH_PATTERN_H
#define ZL_TESTS_BENCH_PATTERN_H

#include <stdbool.h>

struct pattern {
	const char *name;
	const char *sends, *takes;  /* what both say that they are: socket types */
	const char *sender, *taker; /* and what people call them */
	const char *sent, *came;    /* and their messages */
	bool subscribes;            /* a message comes to all who have asked for it; else to one */
	bool replies;               /* who sends it back, and is counted where it came from */
};

/* NULL: no such pattern. */
const struct pattern *pattern_named(const char *name);
#define PATTERN_NAMES "pubsub, pushpull or reqrep"

#endif
