/* Traffic that proves itself: every byte of message i follows from i, so that a subscriber can tell
 * which message has to come next and whether it is whole. The publisher is an XPUB, which hears
 * when subscriptions have arrived: a subscriber's last one is to its own mark, "~id", and what a
 * stream asks for is done in order, so that a mark says that all before it is in force. The last
 * message of the flow goes to each mark. A publisher of ZMTP 1.0 hears nothing, and waits for
 * nobody. */
#ifndef ZL_TESTS_INTEROP_FLOW_H
#define ZL_TESTS_INTEROP_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/interop/talk.h"

struct flow {
	const char *const *topics; /* message i has one of them; NULL: none */
	unsigned n_topics;
	const uint32_t *bytes; /* of the parts, in turn; one with a topic is as long at least */
	unsigned n_bytes;
	unsigned parts;      /* of each message; 0: 1 */
	uint64_t messages;   /* 0: until the publisher is told "stop" */
	uint64_t batch;      /* 0: all at once; else it waits to be told "next" before each more */
	uint32_t publishers; /* 0: 1; several interleave, and a flow is checked of each */
};

struct publisher {
	const struct flow *flow;
	const char *endpoint;
	bool bind;
	unsigned id;          /* among the publishers */
	unsigned subscribers; /* whose marks it waits for: ids 0 .. subscribers - 1 */
	bool blocks;          /* HWM 10,000, and sending waits for room */
	bool twice_ok;        /* subscriptions may be heard again (after a reconnect) */
	enum tongue tongue;
	bool deaf;     /* a PUB, which hears nothing: it warms up instead */
	unsigned mute; /* of the subscribers, who do not subscribe to their marks (ZMTP 1.0) */
};
/* Says "ready" (n: subscriptions heard) when it has heard all, listens for "go", sends, says "sent"
 * (n: messages, and seconds), listens for "end". Told "again" in the place of "go", after a
 * subscriber has left: "ready" once all are back. One that is deaf is ready at once, and sends to
 * FLOW_WARM until it is told either. */
void publisher_run(struct peer *self, const void *publisher);

struct subscriber {
	const struct flow *flow;
	const char *endpoint;
	bool bind;
	unsigned id;
	const char *prefixes[4]; /* up to the first NULL */
	uint64_t report;         /* says "reached" at every so many messages received; 0: never */
	unsigned heartbeat_ms;   /* 0: none */
	bool reconnects;         /* it may lose its connection; else that fails */
	enum tongue tongue;
	bool raw;    /* an XSUB, which subscribes by messages */
	bool warmed; /* says "warm" when it has heard all publishers warm up: FLOW_WARM is its last
		      * subscription, so all of its others are in force by then */
};
/* Behind all topics and marks in libzmq's order of subscriptions. */
#define FLOW_WARM "\177"
/* Receives until its mark comes, says "received" (n: messages, and seconds). Each message it is to
 * get, once, whole, in order; none else. */
void subscriber_run(struct peer *self, const void *subscriber);

/* Prints "label: 1234567 msg/s (...)". */
void flow_rate(const char *label, const struct note *note);

/* The pieces, for peers of other kinds. */
uint32_t flow_part(const struct flow *f, unsigned publisher, uint64_t i, unsigned part,
		   uint8_t *buf);
bool flow_matches(const struct flow *f, uint64_t i, const char *const *prefixes);
uint32_t flow_bytes_max(const struct flow *f);

#endif
