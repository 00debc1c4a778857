/* The command line of zeroline-count. */
#include "tests/bench/count/options.h"

#include <argp.h>
#include <stdlib.h>

#include "tests/bench/port_option.h"

enum {
	OPT_PORT = 256,
	OPT_MTU,
	OPT_SECONDS,
	OPT_WAIT,
	OPT_IDLE,
	OPT_FRAMES,
	OPT_VERIFY,
	OPT_REFLECT,
	OPT_JSON,
	OPT_BUSY,
	OPT_HUGEPAGES,
};

static const struct argp_option options[] = {
	{"port", OPT_PORT, "KIND:DEVICE[,OPTIONS]", 0,
	 "memif:SOCKET, physical:ADDRESS, tap:NAME, pcap:FILE ...; a memif is the server unless "
	 "role=client",
	 0},
	{"mtu", OPT_MTU, "BYTES", 0, "IP bytes a frame (the device's)", 0},
	{"seconds", OPT_SECONDS, "S", 0, "counted, from the first frame on (5)", 0},
	{"wait", OPT_WAIT, "S", 0, "for the first frame, at most (30)", 0},
	{"idle", OPT_IDLE, "S", 0, "end when nothing has come for so long", 0},
	{"frames", OPT_FRAMES, "N", 0, "end when so many have come", 0},
	{"verify", OPT_VERIFY, 0, 0,
	 "check the checksums of all that comes; exit 1 if any is wrong, or anything stamped was "
	 "lost or came twice",
	 0},
	{"reflect", OPT_REFLECT, 0, 0, "send each frame back to the MAC address that it is from",
	 0},
	{"json", OPT_JSON, 0, 0, "one JSON object instead of a table", 0},
	{"busy", OPT_BUSY, 0, 0, "never nap", 0},
	{"hugepages", OPT_HUGEPAGES, 0, 0, "memory from hugepages", 0},
	{0},
};

static double number(struct argp_state *state, const char *text, double low, double high)
{
	char *end;
	double n = strtod(text, &end);

	if (end == text || *end || !(n >= low) || n > high)
		argp_error(state, "%s: a number from %g to %g is wanted", text, low, high);
	return n;
}

static error_t parse_flags(int key, struct count_options *o)
{
	switch (key) {
	case OPT_VERIFY:
		o->verify = true;
		return 0;
	case OPT_REFLECT:
		o->reflect = true;
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
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct count_options *o = state->input;

	switch (key) {
	case OPT_PORT:
		port_option(state, arg, "role=server", &o->port);
		return 0;
	case OPT_MTU:
		o->port.mtu = (uint16_t)number(state, arg, 576, 16384);
		return 0;
	case OPT_SECONDS:
		o->seconds = number(state, arg, 0.001, 86400);
		return 0;
	case OPT_WAIT:
		o->wait = number(state, arg, 0.001, 86400);
		return 0;
	case OPT_IDLE:
		o->idle = number(state, arg, 0.001, 86400);
		return 0;
	case OPT_FRAMES:
		o->frames = (uint64_t)number(state, arg, 1, 1e15);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "%s: no such argument", arg);
		return 0;
	case ARGP_KEY_END:
		if (!o->port.device[0])
			argp_error(state, "--port is needed");
		return 0;
	default:
		return parse_flags(key, o);
	}
}

void count_options(struct count_options *o, int argc, char **argv)
{
	static const struct argp argp = {options,
					 parse,
					 NULL,
					 "Counts the frames that come to a port, by destination "
					 "and group, and what is missing of "
					 "templates that zeroline-frames made.",
					 NULL,
					 NULL,
					 NULL};

	*o = (struct count_options){.port = {.name = "count", .kind = 0}, .seconds = 5, .wait = 30};
	argp_parse(&argp, argc, argv, 0, NULL, o);
}
