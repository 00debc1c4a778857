/* What feed-pub and feed-sub say to each other, through whatever stands between them: a topic frame
 * (the symbol) and one struct feed_tick. Both run on one machine: host byte order, one clock. */
#ifndef ZL_TESTS_FEED_H
#define ZL_TESTS_FEED_H

#include <stdint.h>

enum feed_kind {
	FEED_PROBE = 1, /* before the start, again and again: not counted */
	FEED_TICK,
	FEED_END, /* the last of its symbol: symbol_seq is how many ticks there were */
};

struct feed_tick {
	uint32_t kind;       /* enum feed_kind */
	uint32_t size;       /* shares */
	uint64_t symbol_seq; /* of this symbol, from 1 */
	uint64_t global_seq; /* of all symbols, from 1 */
	uint64_t sent_ns;    /* CLOCK_MONOTONIC */
	int64_t price;       /* hundredths */
};

/* A subscriber that has seen a probe on each of its topics subscribes to this and its name. As
 * subscriptions travel to the publisher, that is how the publisher knows when it may start. */
#define FEED_READY "@ready/"

#define FEED_SYMBOL_MAX 8
struct feed_symbol {
	char name[FEED_SYMBOL_MAX];
	int64_t price; /* to start from */
};
static const struct feed_symbol feed_symbols[] = {
	{"AAPL", 18925}, {"AMZN", 17840}, {"GOOG", 17012}, {"IBM", 16855},  {"INTC", 3410},
	{"META", 50218}, {"MSFT", 41566}, {"NVDA", 87539}, {"ORCL", 12601}, {"TSLA", 17583},
};
#define FEED_SYMBOLS (sizeof(feed_symbols) / sizeof(feed_symbols[0]))

#endif
