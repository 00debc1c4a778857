/* The command line of bench-zmq-blast: zeroline-blast's, as far as libzmq has the thing. */
#include "tests/bench/zmq_blast.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>

#define REQUESTS 1000 /* that are outstanding, unless another --window is asked for */

enum {
	OPT_PATTERN = 256,
	OPT_PUBLISH_TO,
	OPT_SUBSCRIBE_TO,
	OPT_SIZE,
	OPT_RATE,
	OPT_WINDOW,
	OPT_SUBSCRIPTIONS,
	OPT_DURING,
	OPT_PREFIX_BYTES,
	OPT_SEED,
	OPT_STALLED,
	OPT_SLOW,
	OPT_SLOW_PERCENT,
	OPT_SECONDS,
	OPT_WARMUP,
	OPT_VERIFY,
	OPT_JSON,
	OPT_BUSY,
	OPT_THREADS,
	OPT_IO_THREADS,
	OPT_HWM,
};

static const struct argp_option options[] = {
	{0, 0, 0, 0, "The connections:", 1},
	{"pattern", OPT_PATTERN, "NAME", 0,
	 "pubsub; pushpull: PUSHes and PULLs; reqrep: DEALERs and REPs (pubsub)", 0},
	{"publish-to", OPT_PUBLISH_TO, "ENDPOINT", 0, "where publishers connect, PUSHes, DEALERs",
	 0},
	{"subscribe-to", OPT_SUBSCRIBE_TO, "ENDPOINT", 0, "where subscribers connect, PULLs, REPs",
	 0},
	{"publishers", 'p', "N", 0, "how many, each with a thread (1)", 0},
	{"subscribers", 's', "N", 0, "how many (1)", 0},
	{"hwm", OPT_HWM, "N", 0, "of each socket, in messages; 0: none (0)", 0},
	{0, 0, 0, 0, "The messages:", 2},
	{"size", OPT_SIZE, "BYTES", 0, "at least 16, with prefixes 48 (64)", 0},
	{"rate", OPT_RATE, "N", 0, "messages a second, each at its own time (as fast as taken)", 0},
	{"window", OPT_WINDOW, "N", 0,
	 "messages ahead of the slowest subscriber, at most; pushpull: under way; reqrep: "
	 "requests outstanding (1000)",
	 0},
	{"subscriptions", OPT_SUBSCRIPTIONS, "N", 0,
	 "random prefixes dealt over the subscribers, and messages that match one each", 0},
	{"subscribe-during", OPT_DURING, "N", 0,
	 "prefixes that a further subscriber asks for after the measurement; measures on", 0},
	{"prefix-bytes", OPT_PREFIX_BYTES, "MIN-MAX", 0, "their lengths (12-30)", 0},
	{"seed", OPT_SEED, "N", 0, "of what is random (1)", 0},
	{"stalled", OPT_STALLED, "N", 0, "the first N subscribers stop reading", 0},
	{"slow", OPT_SLOW, "N", 0, "the next N read slower than the others", 0},
	{"slow-percent", OPT_SLOW_PERCENT, "P", 0, "at P percent of their rate (1)", 0},
	{0, 0, 0, 0, "The run:", 3},
	{"seconds", OPT_SECONDS, "S", 0, "measured (5)", 0},
	{"warmup", OPT_WARMUP, "S", 0, "before that (0.5)", 0},
	{"verify", OPT_VERIFY, 0, 0, "check sequence and content; exit 1 on loss", 0},
	{"json", OPT_JSON, 0, 0, "one JSON object instead of a table", 0},
	{"busy", OPT_BUSY, 0, 0, "threads of ours spin instead of sleeping", 0},
	{"threads", OPT_THREADS, "N", 0, "that subscribers share (1)", 0},
	{"io-threads", OPT_IO_THREADS, "N", 0, "of libzmq (1)", 0},
	{0},
};

static double number(struct argp_state *state, const char *text, double low, double high)
{
	char *end;
	double n = strtod(text, &end);

	if (end == text || *end || !(n >= low) || n > high)
		argp_error(state, "%s: a number from %.0f to %.0f is wanted", text, low, high);
	return n;
}

static void lengths(struct argp_state *state, char *text, struct options *o)
{
	char *dash = strchr(text, '-');

	if (!dash)
		argp_error(state, "%s: MIN-MAX is wanted", text);
	*dash = '\0';
	o->prefix_min = (uint32_t)number(state, text, 8, TOPIC_ROOM - 2);
	o->prefix_max = (uint32_t)number(state, dash + 1, o->prefix_min, TOPIC_ROOM - 2);
}

static error_t parse_load(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'p':
		o->publishers = (uint32_t)number(state, arg, 1, 64);
		return 0;
	case 's':
		o->subscribers = (uint32_t)number(state, arg, 1, CONNECTIONS_MAX);
		return 0;
	case OPT_PATTERN:
		o->pattern = pattern_named(arg);
		if (!o->pattern)
			argp_error(state, "--pattern %s: %s is wanted", arg, PATTERN_NAMES);
		return 0;
	case OPT_PUBLISH_TO:
		o->publish_to = arg;
		return 0;
	case OPT_SUBSCRIBE_TO:
		o->subscribe_to = arg;
		return 0;
	case OPT_SIZE:
		o->size = (uint32_t)number(state, arg, sizeof(struct stamp), 1u << 30);
		return 0;
	case OPT_RATE:
		o->rate = number(state, arg, 1, 1e9);
		return 0;
	case OPT_WINDOW:
		o->window = (uint64_t)number(state, arg, 1, 1e9);
		return 0;
	case OPT_SUBSCRIPTIONS:
		o->subscriptions = (uint32_t)number(state, arg, 0, 1e8);
		return 0;
	case OPT_DURING:
		o->during = (uint32_t)number(state, arg, 0, 1e8);
		return 0;
	case OPT_PREFIX_BYTES:
		lengths(state, arg, o);
		return 0;
	case OPT_SEED:
		o->seed = (uint64_t)number(state, arg, 0, 1e15);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_slow(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case OPT_STALLED:
		o->stalled = (uint32_t)number(state, arg, 0, CONNECTIONS_MAX);
		return 0;
	case OPT_SLOW:
		o->slow = (uint32_t)number(state, arg, 0, CONNECTIONS_MAX);
		return 0;
	case OPT_SLOW_PERCENT:
		o->slow_percent = number(state, arg, 0, 100);
		return 0;
	default:
		return parse_load(key, arg, state);
	}
}

/* What only those can do to whom every message comes. */
static void check_pattern(struct argp_state *state, struct options *o)
{
	if (o->pattern->subscribes)
		return;
	if (o->subscriptions || o->during || o->stalled || o->slow)
		argp_error(state,
			   "--pattern %s: nobody subscribes: leave out --subscriptions, "
			   "--subscribe-during, --stalled and --slow",
			   o->pattern->name);
	if (o->pattern->replies && o->rate > 0)
		argp_error(state, "--pattern %s: bounded by --window: leave out --rate",
			   o->pattern->name);
	if (o->pattern->replies && !o->window)
		o->window = REQUESTS;
	if (o->pattern->replies && o->window < o->publishers)
		argp_error(state, "--window: at least one for each of the %u requesters",
			   o->publishers);
}

static void check(struct argp_state *state, struct options *o)
{
	check_pattern(state, o);
	if (!o->publish_to || !o->subscribe_to)
		argp_error(state, "--publish-to and --subscribe-to are needed");
	if (o->subscriptions && o->size < TOPIC_ROOM + sizeof(struct stamp))
		argp_error(state, "--size: at least %zu with --subscriptions",
			   TOPIC_ROOM + sizeof(struct stamp));
	if (o->stalled + o->slow >= o->subscribers)
		argp_error(state, "--stalled and --slow: nobody is left to measure");
	if (o->threads > o->subscribers)
		o->threads = o->subscribers;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case OPT_SECONDS:
		o->seconds = number(state, arg, 0, 86400);
		return 0;
	case OPT_WARMUP:
		o->warmup = number(state, arg, 0, 3600);
		return 0;
	case OPT_THREADS:
		o->threads = (uint32_t)number(state, arg, 1, 1024);
		return 0;
	case OPT_IO_THREADS:
		o->io_threads = (int)number(state, arg, 1, 64);
		return 0;
	case OPT_HWM:
		o->hwm = (int)number(state, arg, 0, 1e9);
		return 0;
	case OPT_VERIFY:
		o->verify = true;
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_BUSY:
		o->busy = true;
		return 0;
	case ARGP_KEY_END:
		check(state, o);
		return 0;
	default:
		return parse_slow(key, arg, state);
	}
}

void blast_options(struct options *o, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Publishes and subscribes through a forwarder, or loads another proxy, "
		       "with libzmq on the kernel's TCP, and measures what comes through and how "
		       "late."};

	*o = (struct options){.pattern = pattern_named("pubsub"),
			      .publishers = 1,
			      .subscribers = 1,
			      .size = 64,
			      .threads = 1,
			      .io_threads = 1,
			      .seconds = 5,
			      .warmup = 0.5,
			      .prefix_min = 12,
			      .prefix_max = 30,
			      .seed = 1,
			      .slow_percent = 1};
	argp_parse(&argp, argc, argv, 0, NULL, o);
}
