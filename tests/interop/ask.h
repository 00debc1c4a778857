/* Questions and answers: askers whose every question is another and who know what its answer is, so
 * that an answer to another's question, or to an earlier one, is found out. */
#ifndef ZL_TESTS_INTEROP_ASK_H
#define ZL_TESTS_INTEROP_ASK_H

#include "tests/interop/talk.h"

struct asker {
	const char *endpoint;
	enum tongue tongue;
	bool bind;
	unsigned id;             /* told in its identity, "asker ID" */
	unsigned identity_bytes; /* so long is it made; 0: as long as it is */
	uint64_t questions;
	uint32_t bytes; /* of the last part */
};
/* A REQ. Waits for "go", asks and hears, says "answered", listens for "end". */
void asker_run(struct peer *self, const void *asker);

struct answerer {
	const char *endpoint;
	enum tongue tongue;
	bool bind;
};
/* A REP. Ends when told "end", and says "answers" before (n: how many). Where it can see the
 * envelope (plain TCP) it must begin with an asker's identity. */
void answerer_run(struct peer *self, const void *answerer);

#endif
