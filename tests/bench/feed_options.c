/* bench-feed's command line. */
#include <argp.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/feed.h"
#include "tests/bench/port_option.h"

enum {
	OPT_PORT = 256,
	OPT_KIND,
	OPT_GROUP,
	OPT_LINE_B,
	OPT_LOSE,
	OPT_HEARD,
	OPT_SOURCE,
	OPT_GROUP_PORT,
	OPT_SIZE,
	OPT_TOPICS,
	OPT_RATE,
	OPT_SECONDS,
	OPT_SILENT,
	OPT_HUGEPAGES
};

static const struct argp_option options[] = {
	{"port", OPT_PORT, "KIND:DEVICE", 0, "memif:SOCKET ...; a memif is the client", 0},
	{"kind", OPT_KIND, "NAME", 0, "epgm, pgm or udp (epgm)", 0},
	{"group", OPT_GROUP, "IP", 0, "that it sends to (239.192.7.1)", 0},
	{"line-b", OPT_LINE_B, "IP", 0, "a second group, for the same packets (none)", 0},
	{"lose", OPT_LOSE, "PERCENT", 0, "of each line's packets, by itself (0)", 0},
	{"heard", OPT_HEARD, "IP", 0, "group whose packets it counts (none)", 0},
	{"source", OPT_SOURCE, "IP", 0, "that it sends from (10.9.0.2)", 0},
	{"group-port", OPT_GROUP_PORT, "PORT", 0, "of the group (7500)", 0},
	{"size", OPT_SIZE, "BYTES", 0, "of each message (64)", 0},
	{"topics", OPT_TOPICS, "N", 0, "T000, T001 ..., in turn (16)", 0},
	{"rate", OPT_RATE, "N", 0, "packets a second (as fast as they are taken)", 0},
	{"seconds", OPT_SECONDS, "S", 0, "in all (3)", 0},
	{"silent", OPT_SILENT, 0, 0, "only count", 0},
	{"hugepages", OPT_HUGEPAGES, 0, 0, "memory from hugepages", 0},
	{0},
};

static uint32_t address(struct argp_state *state, const char *text)
{
	struct in_addr in;

	if (inet_pton(AF_INET, text, &in) != 1)
		argp_error(state, "%s: an IPv4 address is wanted", text);
	return ntohl(in.s_addr);
}

static double number(struct argp_state *state, const char *text, double low, double high)
{
	char *end;
	double n = strtod(text, &end);

	if (end == text || *end || !(n >= low) || n > high)
		argp_error(state, "%s: a number from %.0f to %.0f is wanted", text, low, high);
	return n;
}

static void set_kind(struct argp_state *state, const char *text, enum feed_kind *kind)
{
	for (*kind = 0; *kind < FEED_KINDS; (*kind)++)
		if (!strcmp(text, feed_kind_name[*kind]))
			return;
	argp_error(state, "--kind %s: epgm, pgm or udp is wanted", text);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct feed *f = state->input;

	switch (key) {
	case OPT_PORT:
		port_option(state, arg, "role=client", &f->wire);
		return 0;
	case OPT_KIND:
		set_kind(state, arg, &f->frames[0].kind);
		return 0;
	case OPT_GROUP:
		f->frames[0].group = address(state, arg);
		return 0;
	case OPT_LINE_B:
		f->line_b = address(state, arg);
		return 0;
	case OPT_LOSE:
		f->lose = number(state, arg, 0, 100) / 100;
		return 0;
	case OPT_HEARD:
		f->heard = address(state, arg);
		return 0;
	case OPT_SOURCE:
		f->frames[0].source = address(state, arg);
		return 0;
	case OPT_GROUP_PORT:
		f->frames[0].port = (uint16_t)number(state, arg, 1, UINT16_MAX);
		return 0;
	case OPT_SIZE:
		f->frames[0].size = (uint16_t)number(state, arg, 4, 1400);
		return 0;
	case OPT_TOPICS:
		f->frames[0].topics = (uint16_t)number(state, arg, 1, FEED_TOPICS_MAX);
		return 0;
	case OPT_RATE:
		f->rate = number(state, arg, 1, 1e9);
		return 0;
	case OPT_SECONDS:
		f->seconds = number(state, arg, 0.1, 600);
		return 0;
	case OPT_SILENT:
		f->sends = false;
		return 0;
	case OPT_HUGEPAGES:
		f->hugepages = true;
		return 0;
	case ARGP_KEY_END:
		if (!f->wire.device[0])
			argp_error(state, "--port is wanted");
		if (f->line_b && f->frames[0].kind == FEED_UDP)
			argp_error(state, "--line-b: lines are epgm's and pgm's");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

void feed_options(struct feed *f, int argc, char **argv)
{
	static const struct argp argp = {
		options, parse, NULL, "Sends and counts a feed by multicast.", NULL, NULL, NULL};

	argp_parse(&argp, argc, argv, 0, NULL, f);
}
