/* Questions and answers: askers whose every question is another and who know what its answer is, so
 * that an answer to another's question, or to an earlier one, is found out. */
#ifndef ZL_TESTS_INTEROP_ASK_H
#define ZL_TESTS_INTEROP_ASK_H

#include "tests/interop/talk.h"

#define ASKER_SOCKETS 8

struct asker {
	const char *endpoint;
	const char *more[ASKER_SOCKETS - 1]; /* if it binds, where its further sockets do */
	enum tongue tongue;
	bool bind;
	unsigned id;             /* told in its identity, "asker ID" */
	unsigned identity_bytes; /* so long is it made; 0: as long as it is */
	uint64_t questions;
	uint32_t bytes; /* of the last part */
	int type;       /* ZMQ_REQ; ZMQ_DEALER, ZMQ_ROUTER: the envelope is made here */
	unsigned ahead; /* so many questions before the first answer; REQ: of so many sockets. 0: 1
			 */
};
/* What a ROUTER calls the appliance. */
#define ASKED "zl"

/* Waits for "go", asks and hears, says "answered", listens for "end". To a ROUTER that binds
 * the appliance must say that it is ASKED. */
void asker_run(struct peer *self, const void *asker);

struct answerer {
	const char *endpoint;
	enum tongue tongue;
	bool bind;
	int type;     /* ZMQ_REP; ZMQ_DEALER, ZMQ_ROUTER */
	unsigned hwm; /* little buffers and this HWM; 0: none */
	bool waits;   /* as if it had been told "hold" */
};
/* Ends when told "end", and says "answers" before (n: how many). Told "hold" it answers nothing
 * until it is told "on". Where it can see the envelope (all but libzmq's REP) there must be an
 * asker's identity in it. */
void answerer_run(struct peer *self, const void *answerer);

#endif
