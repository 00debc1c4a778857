/* bench-zmq-blast: what zeroline-blast does, by libzmq's sockets on the kernel's TCP, so that both
 * are loaded and measured alike. One thread a publisher, some for all subscribers (or who is in
 * their place, pattern.h); main() moves from phase to phase. What threads share are the atomics
 * below. */
#ifndef ZL_TESTS_BENCH_ZMQ_BLAST_H
#define ZL_TESTS_BENCH_ZMQ_BLAST_H

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "tests/bench/histogram.h"
#include "tests/bench/ledger.h"
#include "tests/bench/pattern.h"

#define CONNECTIONS_MAX 4096
#define TOPIC_ROOM      32 /* a prefix, and what is laid out for it in a message */
#define SAMPLE          16 /* as fast as taken: each so many'th message is timed */

struct options {
	const struct pattern *pattern;
	const char *publish_to, *subscribe_to;
	uint32_t publishers, subscribers, size;
	uint32_t threads; /* that receive */
	int io_threads, hwm;
	double rate, seconds, warmup;
	/* messages ahead of the slowest subscriber, or under way where each comes to one, or
	 * requests without a reply; 0: no such bound */
	uint64_t window;
	uint32_t subscriptions, during, prefix_min, prefix_max;
	uint64_t seed;
	uint32_t stalled, slow; /* the first so many subscribers, and the next */
	double slow_percent;
	bool verify, json, busy;
};

enum phase {
	PHASE_CONNECT,
	PHASE_SUBSCRIBE,
	PHASE_WARMUP,
	PHASE_MEASURE,
	PHASE_DURING, /* --subscribe-during */
	PHASE_DRAIN,
	PHASE_DONE
};

/* Host byte order: at the beginning of a message; with prefixes, at its end. */
struct stamp {
	uint32_t topic;    /* index of the prefix */
	uint32_t sequence; /* of this publisher, from 0; wraps */
	uint64_t sent;     /* publisher << 48 | nanoseconds modulo 2^48 */
};
_Static_assert(sizeof(struct stamp) == 16, "the smallest message is a stamp");

#define SENT_BITS 48
#define SENT_MASK ((1ull << SENT_BITS) - 1)

struct blast;

struct publisher {
	alignas(64) _Atomic uint64_t sent;
	struct blast *blast;
	uint32_t id;
	pthread_t thread;
	uint8_t *ring; /* of messages; libzmq may read it until its context has ended */
	/* of its replies, if the pattern has them */
	_Atomic uint64_t answered;
	struct histogram *late;
	struct ledger ledger; /* --verify */
	uint64_t repeated, wrong;
};

struct subscriber {
	alignas(64) _Atomic uint64_t received;
	void *socket;
	uint32_t *expected; /* next sequence of each publisher */
	uint64_t lost, repeated, wrong;
};

struct receiver { /* a thread and its subscribers: those whose number modulo threads is its own */
	struct blast *blast;
	uint32_t id;
	pthread_t thread;
	struct histogram quiet, during;
};

/* Distinct random prefixes, none of which begins another. */
struct topics {
	uint32_t n;
	struct topic {
		uint8_t len;
		char text[TOPIC_ROOM - 1];
	} * topic;
};

struct blast {
	struct options options;
	void *context;
	struct topics topics, during;
	uint8_t *pattern; /* of a message's body: each byte by its place */
	struct publisher *publishers;
	struct subscriber *subscribers;
	struct receiver *receivers;
	pthread_t latecomer; /* of --subscribe-during */
	_Atomic int phase;
	_Atomic uint32_t heard[3]; /* marks, by kind, all publishers together */
	_Atomic uint32_t asked;    /* subscribers that have sent all their subscriptions */
	_Atomic uint64_t start_ns; /* of the schedule */
	_Atomic uint64_t from_ns, to_ns, during_from_ns, during_to_ns; /* UINT64_MAX: not yet */
	double subscribe_s, during_s;                                  /* subscriptions a second */
	uint64_t sent[2], received[2];                                 /* at from_ns and to_ns */
	_Atomic bool failed;
};

enum mark {
	MARK_HELLO, /* the subscriber is connected */
	MARK_ASKED, /* all that it subscribes is known */
	MARK_DURING
};

static inline uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Is this one of those whose reading is held back? Nobody waits for it, and it is not counted. */
static inline bool held_back(const struct options *o, uint32_t id)
{
	return id < o->stalled + o->slow;
}

/* Says it once, and ends the run with status 1. */
void blast_fail(struct blast *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* zmq_blast_options.c: exits with a line on stderr if they make no sense */
void blast_options(struct options *o, int argc, char **argv);

/* zmq_blast_topics.c */
int topics_make(struct topics *t, uint32_t n, const struct options *o, char first);
void topics_free(struct topics *t);
/* "@PID/KIND/N" */
int mark_make(char mark[TOPIC_ROOM], enum mark kind, uint32_t id);
/* Which of this process's marks is subscribed by these bytes; -1: none. */
int mark_kind(const uint8_t *bytes, int n);

/* zmq_blast_reply.c: a requester's, of its own thread */
int replies_open(struct publisher *p);
void replies_close(struct publisher *p);
/* A round of those that are here, or waits for one; how many. */
uint64_t replies_take(struct publisher *p, void *socket, bool wait);
/* And a replier's: sends back what it has received. */
void reply_to(struct blast *b, void *socket, void *msg);

/* zmq_blast_publish.c, zmq_blast_receive.c: threads */
void *publisher_main(void *publisher);
void *receiver_main(void *receiver);
void *latecomer_main(void *blast);

/* zmq_blast_report.c: the exit status */
int report(const struct blast *b);

#endif
