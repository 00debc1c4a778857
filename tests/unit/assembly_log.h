/* What is put together from frames, as text: "a+b " is a message of two parts. */
#ifndef ZL_TESTS_UNIT_ASSEMBLY_LOG_H
#define ZL_TESTS_UNIT_ASSEMBLY_LOG_H

#include "dataplane/assembly.h"

/* Cleared by the test. */
extern struct assembly_log {
	char text[4096];
	unsigned messages, singles, too_long, no_memory;
	uint64_t bytes;
	bool quiet; /* no text */
} got;

extern const struct zl_assembly_sink sink; /* writes there */

#endif
