/* The command line of zeroline-blast. */
#include "tests/bench/options.h"

#include <argp.h>

#include <rte_common.h>

#include "tests/bench/message.h"
#include "tests/bench/values.h"

#define SUBSCRIPTIONS_MAX 100000000
#define REQUESTS          1000 /* that are outstanding, unless another --window is asked for */

enum {
	OPT_PORT = 256,
	OPT_ADDRESS,
	OPT_GATEWAY,
	OPT_MTU,
	OPT_PATTERN,
	OPT_PUBLISH_TO,
	OPT_SUBSCRIBE_TO,
	OPT_SIZE,
	OPT_PARTS,
	OPT_TOPICS,
	OPT_SUBSCRIPTIONS,
	OPT_DURING,
	OPT_PREFIX_BYTES,
	OPT_MATCHES,
	OPT_SEED,
	OPT_RATE,
	OPT_SECONDS,
	OPT_WARMUP,
	OPT_QUEUE,
	OPT_WINDOW,
	OPT_RCVBUF,
	OPT_STALLED,
	OPT_SLOW,
	OPT_SLOW_PERCENT,
	OPT_VERIFY,
	OPT_JSON,
	OPT_BUSY,
	OPT_HUGEPAGES,
};

static const struct argp_option options[] = {
	{0, 0, 0, 0, "The wire:", 1},
	{"port", OPT_PORT, "KIND:DEVICE[,OPTIONS]", 0,
	 "memif:SOCKET, tap:NAME, af_packet:NAME ...; a memif is the client unless role=server", 0},
	{"address", OPT_ADDRESS, "IP/BITS", 0, "its address, e.g. 10.0.0.2/24", 0},
	{"gateway", OPT_GATEWAY, "IP", 0, "for what is outside of that network", 0},
	{"mtu", OPT_MTU, "BYTES", 0, "IP bytes a frame (the device's)", 0},
	{0, 0, 0, 0, "The connections:", 2},
	{"pattern", OPT_PATTERN, "NAME", 0,
	 "pubsub: PUB and SUB, through a forwarder. pushpull: PUSH and PULL, through a streamer; "
	 "each message comes to one. reqrep: DEALER, each message a request, and REP, through a "
	 "queue; what counts as received is replies, and latency is the round trip (pubsub)",
	 0},
	{"publish-to", OPT_PUBLISH_TO, "IP:PORT", 0,
	 "where publishers connect, or PUSHes, or DEALERs", 0},
	{"subscribe-to", OPT_SUBSCRIBE_TO, "IP:PORT", 0,
	 "where subscribers connect, or PULLs, or REPs", 0},
	{"publishers", 'p', "N", 0, "how many (1)", 0},
	{"subscribers", 's', "N", 0, "how many (1); each takes every topic", 0},
	{"stalled", OPT_STALLED, "K", 0,
	 "the first K subscribers stop reading when the measurement begins", 0},
	{"slow", OPT_SLOW, "K", 0, "the next K then read at a share of the others' rate", 0},
	{"slow-percent", OPT_SLOW_PERCENT, "P", 0, "that share (10)", 0},
	{0, 0, 0, 0, "The messages:", 3},
	{"size", OPT_SIZE, "BYTES", 0, "of each part: at least 16 (64)", 0},
	{"parts", OPT_PARTS, "N", 0, "frames a message (1)", 0},
	{"topics", OPT_TOPICS, "N", 0, "used in turn (1)", 0},
	{"subscriptions", OPT_SUBSCRIPTIONS, "N", 0,
	 "random prefixes instead of topics, dealt to the subscribers in turn; each message begins "
	 "with one of them",
	 0},
	{"subscribe-during", OPT_DURING, "N", 0,
	 "one more connection subscribes N prefixes, of which no message comes, from the middle of "
	 "the measurement on, which lasts until they are effective",
	 0},
	{"prefix-bytes", OPT_PREFIX_BYTES, "MIN-MAX", 0, "their length (12-30)", 0},
	{"matches", OPT_MATCHES, "M", 0, "subscribers that ask for each prefix (1)", 0},
	{"seed", OPT_SEED, "S", 0, "of what is random (1)", 0},
	{"rate", OPT_RATE, "N", 0,
	 "messages a second, all publishers together, each at its own time whatever became of "
	 "those "
	 "before it; latency counts from that time (as fast as they are taken)",
	 0},
	{"queue", OPT_QUEUE, "BYTES", 0,
	 "of each publisher's stream, at most (512 KiB, or two messages)", 0},
	{"rcvbuf", OPT_RCVBUF, "BYTES", 0,
	 "TCP window offered by each subscriber (1 MiB shared by all, at least 16 KiB each)", 0},
	{"window", OPT_WINDOW, "N", 0,
	 "messages ahead of the slowest subscriber, at most; pushpull: under way; reqrep: requests "
	 "outstanding (1000), all together",
	 0},
	{0, 0, 0, 0, "The run:", 4},
	{"seconds", OPT_SECONDS, "S", 0, "measured (5)", 0},
	{"warmup", OPT_WARMUP, "S", 0, "before that (0.5)", 0},
	{"verify", OPT_VERIFY, 0, 0,
	 "check sequence, content and checksums of all that comes; exit 1 on loss", 0},
	{"json", OPT_JSON, 0, 0, "one JSON object instead of a table", 0},
	{"busy", OPT_BUSY, 0, 0, "never nap", 0},
	{"hugepages", OPT_HUGEPAGES, 0, 0, "memory from hugepages", 0},
	{0},
};

static error_t parse_wire(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case OPT_PORT:
		value_port(state, arg, &o->port);
		return 0;
	case OPT_ADDRESS:
		value_address(state, arg, &o->port);
		return 0;
	case OPT_GATEWAY:
		o->port.gateway = value_ip(state, arg);
		return 0;
	case OPT_MTU:
		o->port.mtu = (uint16_t)value_whole(state, arg, 576, 16384);
		return 0;
	case OPT_PATTERN:
		o->pattern = pattern_named(arg);
		if (!o->pattern)
			argp_error(state, "--pattern %s: %s is wanted", arg, PATTERN_NAMES);
		return 0;
	case OPT_PUBLISH_TO:
		o->publish_to = value_endpoint(state, arg);
		return 0;
	case OPT_SUBSCRIBE_TO:
		o->subscribe_to = value_endpoint(state, arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_load(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;
	double n = 0;

	switch (key) {
	case 'p':
		o->publishers = value_whole(state, arg, 0, CONNECTIONS_MAX);
		return 0;
	case 's':
		o->subscribers = value_whole(state, arg, 0, CONNECTIONS_MAX);
		return 0;
	case OPT_STALLED:
		o->stalled = value_whole(state, arg, 0, CONNECTIONS_MAX);
		return 0;
	case OPT_SLOW:
		o->slow = value_whole(state, arg, 0, CONNECTIONS_MAX);
		return 0;
	case OPT_SLOW_PERCENT:
		value_number(state, arg, 0.01, 100, &o->slow_percent);
		return 0;
	case OPT_SIZE:
		o->size = value_whole(state, arg, sizeof(struct stamp), BODY_MAX);
		return 0;
	case OPT_PARTS:
		o->parts = value_whole(state, arg, 1, PARTS_MAX);
		return 0;
	case OPT_TOPICS:
		o->topics = value_whole(state, arg, 1, TOPICS_MAX);
		return 0;
	case OPT_SUBSCRIPTIONS:
		o->subscriptions = value_whole(state, arg, 0, SUBSCRIPTIONS_MAX);
		return 0;
	case OPT_DURING:
		o->during = value_whole(state, arg, 0, SUBSCRIPTIONS_MAX);
		return 0;
	case OPT_PREFIX_BYTES:
		value_range(state, arg, PREFIX_MIN, PREFIX_MAX, &o->prefixes.min, &o->prefixes.max);
		return 0;
	case OPT_MATCHES:
		o->matches = value_whole(state, arg, 1, CONNECTIONS_MAX);
		return 0;
	case OPT_SEED:
		o->prefixes.seed = value_whole(state, arg, 0, UINT32_MAX);
		return 0;
	case OPT_RATE:
		value_number(state, arg, 1, 1e9, &o->rate);
		return 0;
	case OPT_QUEUE:
		o->queue_bytes = value_whole(state, arg, LAID_ROOM, 1u << 30);
		return 0;
	case OPT_RCVBUF:
		o->rcvbuf = value_whole(state, arg, 4096, 1u << 30);
		return 0;
	case OPT_WINDOW:
		value_number(state, arg, 1, 1e12, &n);
		o->window = (uint64_t)n;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void check_subscriptions(struct argp_state *state, const struct options *o)
{
	uint32_t need = o->prefixes.max + (uint32_t)sizeof(struct stamp);

	if (o->during && (!o->publishers || !o->subscribers))
		argp_error(state, "--subscribe-during needs publishers and subscribers");
	if (!o->subscriptions)
		return;
	if (!o->publishers || !o->subscribers || o->topics > 1)
		argp_error(state, "--subscriptions needs publishers and subscribers, and takes the "
				  "place of --topics");
	if (o->matches > o->subscribers)
		argp_error(state, "--matches %u: there are only %u subscribers", o->matches,
			   o->subscribers);
	if (o->size < need)
		argp_error(state, "--size %u: prefixes of up to %u bytes need at least %u", o->size,
			   o->prefixes.max, need);
}

/* What only those can do to whom every message comes. */
static void check_pattern(struct argp_state *state, const struct options *o)
{
	if (o->pattern->subscribes)
		return;
	if (o->topics > 1 || o->subscriptions || o->during || o->stalled || o->slow)
		argp_error(state,
			   "--pattern %s: nobody subscribes: leave out --topics, "
			   "--subscriptions, --subscribe-during, --stalled and --slow",
			   o->pattern->name);
	if (o->pattern->replies && o->parts > 1)
		argp_error(state, "--pattern %s: a request has one part: leave out --parts",
			   o->pattern->name);
}

static void check(struct argp_state *state, const struct options *o)
{
	if (o->port.kind == ZL_PORT_KINDS || !o->port.device[0] || !o->port.ip)
		argp_error(state, "--port and --address are needed");
	if (!o->publishers && !o->subscribers)
		argp_error(state, "nobody publishes or subscribes");
	if (o->publishers && !o->publish_to.port)
		argp_error(state, "--publish-to is needed, or --publishers 0");
	if (o->subscribers && !o->subscribe_to.port)
		argp_error(state, "--subscribe-to is needed, or --subscribers 0");
	if (o->stalled + o->slow && o->stalled + o->slow >= o->subscribers)
		argp_error(state,
			   "--stalled %u and --slow %u leave no other subscriber: ask for more "
			   "--subscribers",
			   o->stalled, o->slow);
	check_subscriptions(state, o);
	check_pattern(state, o);
	if ((uint64_t)o->size * o->parts > BODY_MAX)
		argp_error(state, "--size times --parts is to be below 1 GiB");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case OPT_SECONDS:
		value_number(state, arg, 0, 86400, &o->seconds);
		return 0;
	case OPT_WARMUP:
		value_number(state, arg, 0, 3600, &o->warmup);
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
	case OPT_HUGEPAGES:
		o->hugepages = true;
		return 0;
	case ARGP_KEY_END:
		check(state, o);
		return 0;
	default:
		if (parse_wire(key, arg, state) == 0)
			return 0;
		return parse_load(key, arg, state);
	}
}

void blast_options(struct options *o, int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		NULL,
		"Publishes and subscribes through a forwarder, or loads another device, on a "
		"network stack of its own, and measures what comes through and how late.",
		NULL,
		NULL,
		NULL};

	*o = (struct options){.pattern = pattern_named("pubsub"),
			      .port = {.name = "blast", .kind = 0},
			      .publishers = 1,
			      .subscribers = 1,
			      .size = 64,
			      .parts = 1,
			      .topics = 1,
			      .matches = 1,
			      .prefixes = {.min = 12, .max = 30, .seed = 1},
			      .slow_percent = 10,
			      .seconds = 5,
			      .warmup = 0.5};
	argp_parse(&argp, argc, argv, 0, NULL, o);
	/* '~' is no topic's and no other prefix's */
	o->during_prefixes = o->prefixes;
	o->during_prefixes.first = '~';
	/* with room for one message only, each would wait for the one before to be acknowledged */
	if (!o->queue_bytes)
		o->queue_bytes = (uint32_t)RTE_MAX(512ull << 10, 2ull * o->parts * (o->size + 9));
	if (o->pattern->replies && !o->window && o->rate == 0)
		o->window = REQUESTS;
	/* about what a ring of 1024 frames holds: more would only be dropped in it */
	if (!o->rcvbuf)
		o->rcvbuf = RTE_MAX((1u << 20) / RTE_MAX(o->subscribers, 1u), 16u << 10);
}
