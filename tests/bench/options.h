/* What the command line asks of zeroline-blast. */
#ifndef ZL_TESTS_BENCH_OPTIONS_H
#define ZL_TESTS_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "control/ipc/ipc.h"
#include "dataplane/net/stream.h"
#include "tests/bench/pattern.h"
#include "tests/bench/prefix.h"

#define CONNECTIONS_MAX 4096 /* of either kind */

struct options {
	const struct pattern *pattern;
	struct zl_ipc_port port;
	struct zl_endpoint_addr publish_to, subscribe_to;
	uint32_t publishers, subscribers;
	uint32_t stalled, slow; /* subscribers: the first ones, the next ones (lag.c) */
	double slow_percent;    /* of the others' rate */
	uint32_t size, parts, topics;
	uint32_t subscriptions; /* prefixes that messages begin with; 0: topics instead */
	uint32_t matches;       /* subscribers that ask for each of them */
	uint32_t during;        /* prefixes subscribed while traffic goes on */
	struct prefixes prefixes, during_prefixes;
	double rate; /* messages a second, all publishers together; 0: as fast as they are taken */
	double seconds, warmup;
	uint32_t queue_bytes; /* of each publisher's stream, at most */
	uint32_t rcvbuf;      /* TCP window of each stream; 0: a share of what the ring holds */
	/* messages ahead of the slowest subscriber, or under way where each comes to one, or
	 * requests without a reply; 0: no such bound */
	uint64_t window;
	bool verify, json, busy, hugepages;
};

/* Subscribers that do not lag on purpose: the last ones. */
static inline uint32_t options_prompt(const struct options *o)
{
	return o->subscribers - o->stalled - o->slow;
}

/* Connections that subscribe: one more subscribes while traffic goes on. */
static inline uint32_t options_takers(const struct options *o)
{
	return o->subscribers + !!o->during;
}

/* Do messages come back to us at all, to be counted? */
static inline bool options_hears(const struct options *o)
{
	return o->subscribers || o->pattern->replies;
}

/* Exits with a line on stderr if they make no sense. */
void blast_options(struct options *o, int argc, char **argv);

#endif
