/* Numbered messages of ten topics, in batches, and subscribers that read when they are told to:
 * what a slow one has got in the end says what was done for it meanwhile. */
#ifndef ZL_TESTS_INTEROP_READER_H
#define ZL_TESTS_INTEROP_READER_H

#include "tests/interop/appliance.h"
#include "tests/interop/peer.h"

enum {
	READER_TOPICS = 10
};

/* An XPUB at FRONTEND; back when it has heard of a subscription. */
struct peer *numbers_start(struct appliance *a);
/* The next n messages: number i is "t<i % 10>.<i>.xxx", 100 bytes long. */
void numbers_send(struct peer *p, unsigned n);
/* The same; back when they have come to this reader, who reads and gets all of them. */
void numbers_pass(struct peer *p, struct peer *reader, unsigned n);
void numbers_end(struct peer *p);

/* A SUB at BACKEND to everything. `slow`: little buffers, and nothing is read before it is told. */
struct peer *reader_start(struct appliance *a, bool slow);
void reader_go(struct peer *p);

struct read_numbers {
	uint64_t n;      /* messages */
	uint64_t prefix; /* 0 .. prefix - 1 all came */
	uint64_t suffix; /* suffix .. last all came */
	uint64_t last;
	uint64_t of[READER_TOPICS]; /* the last of each topic */
	uint64_t disconnects;
};
/* What control knows of peers is no older than the n-th message to one of them. */
void reader_await_told(struct appliance *a, unsigned n);
/* All queues are empty. */
void reader_await_drained(struct appliance *a);
/* The publisher says that it was all, and the reader, who reads, what it was. */
struct read_numbers reader_end(struct peer *reader, struct peer *numbers);

#endif
