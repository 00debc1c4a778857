/* The command line of zeroline-frames. */
#include "tests/bench/frames/options.h"

#include <argp.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES_A_GROUP 1024
#define COUNT_MAX      16777216u
#define UNICAST_IP     0x0a090001u /* 10.9.0.1 */
#define SOURCE_IP      0x0a090002u
#define MULTICAST_IP   0xefc00101u /* 239.192.1.1 */
#define UNICAST_TTL    64
#define PORT           5555
#define SOURCE_PORT    40000

enum {
	OPT_TO = 256,
	OPT_FROM,
	OPT_DST_MAC,
	OPT_SRC_MAC,
	OPT_TTL,
	OPT_SIZE,
	OPT_COUNT,
	OPT_GROUPS,
	OPT_SPREAD,
	OPT_PREFIX,
	OPT_SPM,
	OPT_SEED,
};

static const struct argp_option options[] = {
	{0, 0, 0, 0, "Addresses:", 1},
	{"to", OPT_TO, "IP[:PORT]", 0,
	 "10.9.0.1:5555; for epgm, pgm and igmp 239.192.1.1:5555. A multicast address has its own "
	 "MAC address",
	 0},
	{"from", OPT_FROM, "IP[:PORT]", 0, "10.9.0.2:40000", 0},
	{"dst-mac", OPT_DST_MAC, "MAC", 0,
	 "of a unicast --to (ff:ff:ff:ff:ff:ff): the port's that is driven", 0},
	{"src-mac", OPT_SRC_MAC, "MAC", 0, "02:00:00:00:00:02", 0},
	{"ttl", OPT_TTL, "N", 0, "1 for multicast, else 64", 0},
	{0, 0, 0, 0, "Frames:", 2},
	{"size", OPT_SIZE, "BYTES[,BYTES...]", 0,
	 "of frames, without the 4 of the checksum that the NIC adds; several are used in turn "
	 "(the least that the kind can have, from 60 on)",
	 0},
	{"count", OPT_COUNT, "N", 0, "data frames (1024 a group)", 0},
	{"groups", OPT_GROUPS, "N", 0,
	 "in turn: names of groups (udp), sources (epgm, pgm), addresses (igmp) (1)", 0},
	{"spread", OPT_SPREAD, 0, 0, "each group goes to an address of its own, from --to on", 0},
	{"prefix", OPT_PREFIX, "NAME", 0, "of the groups' names, before their number (g)", 0},
	{"spm", OPT_SPM, "N", 0, "epgm, pgm: an SPM before each N data frames of a source (none)",
	 0},
	{"seed", OPT_SEED, "N", 0, "of the bodies' bytes (1)", 0},
	{0},
};

static uint64_t whole(struct argp_state *state, const char *text, uint64_t low, uint64_t high)
{
	char *end;
	uint64_t n = strtoull(text, &end, 10);

	if (end == text || *end || *text == '-' || n < low || n > high)
		argp_error(state, "%s: a whole number from %lu to %lu is wanted", text, low, high);
	return n;
}

static void address(struct argp_state *state, const char *text, uint32_t *ip, uint16_t *port)
{
	struct in_addr a = {0};
	char copy[64], *colon;

	snprintf(copy, sizeof(copy), "%s", text);
	colon = strchr(copy, ':');
	if (colon) {
		*colon = '\0';
		*port = (uint16_t)whole(state, colon + 1, 1, UINT16_MAX);
	}
	if (inet_pton(AF_INET, copy, &a) != 1)
		argp_error(state, "%s: an IPv4 address is wanted, or with :PORT", text);
	*ip = ntohl(a.s_addr);
}

static void mac(struct argp_state *state, const char *text, struct rte_ether_addr *out)
{
	if (rte_ether_unformat_addr(text, out))
		argp_error(state, "%s: a MAC address like 02:00:00:00:00:01 is wanted", text);
}

static void sizes(struct argp_state *state, const char *text, struct template *t)
{
	char copy[256], *save = NULL;

	if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy))
		argp_error(state, "%.40s...: %d sizes at most", text, SIZES_MAX);
	t->n_sizes = 0;
	for (char *one = strtok_r(copy, ",", &save); one; one = strtok_r(NULL, ",", &save)) {
		if (t->n_sizes == SIZES_MAX)
			argp_error(state, "%s: %d sizes at most", text, SIZES_MAX);
		t->size[t->n_sizes++] = (uint16_t)whole(state, one, FRAME_MIN, FRAME_MAX);
	}
	if (!t->n_sizes)
		argp_error(state, "--size: a number is wanted");
}

static error_t parse_addresses(int key, char *arg, struct argp_state *state, struct template *t)
{
	switch (key) {
	case OPT_TO:
		address(state, arg, &t->dst_ip, &t->dst_port);
		return 0;
	case OPT_FROM:
		address(state, arg, &t->src_ip, &t->src_port);
		return 0;
	case OPT_DST_MAC:
		mac(state, arg, &t->dst_mac);
		return 0;
	case OPT_SRC_MAC:
		mac(state, arg, &t->src_mac);
		return 0;
	case OPT_TTL:
		t->ttl = (uint8_t)whole(state, arg, 1, UINT8_MAX);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_frames(int key, char *arg, struct argp_state *state, struct template *t)
{
	switch (key) {
	case OPT_SIZE:
		sizes(state, arg, t);
		return 0;
	case OPT_COUNT:
		t->count = (uint32_t)whole(state, arg, 1, COUNT_MAX);
		return 0;
	case OPT_GROUPS:
		t->groups = (uint32_t)whole(state, arg, 1, TEMPLATE_GROUPS);
		return 0;
	case OPT_SPREAD:
		t->spread = true;
		return 0;
	case OPT_PREFIX:
		if (strlen(arg) > GROUP_NAME_MAX - 1)
			argp_error(state, "--prefix %s: longer than %d bytes; shorten it", arg,
				   GROUP_NAME_MAX - 1);
		snprintf(t->prefix, sizeof(t->prefix), "%s", arg);
		return 0;
	case OPT_SPM:
		t->spm_every = (uint32_t)whole(state, arg, 1, COUNT_MAX);
		return 0;
	case OPT_SEED:
		t->seed = whole(state, arg, 0, UINT64_MAX);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void kind(struct argp_state *state, const char *text, struct template *t)
{
	t->kind = 0;
	while (t->kind < TEMPLATE_KINDS && strcmp(template_kind_name[t->kind], text) != 0)
		t->kind++;
	if (t->kind == TEMPLATE_KINDS)
		argp_error(state, "%s: no such kind; there are udp, epgm, pgm and igmp", text);
}

/* What was not said follows from what was. */
static void complete(struct argp_state *state, struct frames_options *o)
{
	struct template *t = &o->template;
	const char *wrong;

	if (!t->dst_ip)
		t->dst_ip = t->kind == TEMPLATE_UDP ? UNICAST_IP : MULTICAST_IP;
	if (!t->ttl)
		t->ttl = ip_is_multicast(t->dst_ip) ? 1 : UNICAST_TTL;
	if (!t->count && t->groups > COUNT_MAX / FRAMES_A_GROUP)
		argp_error(state, "--count is needed with --groups %u", t->groups);
	if (!t->count)
		t->count = t->groups * FRAMES_A_GROUP;
	if (!t->n_sizes) {
		t->size[0] = template_least_size(t);
		t->n_sizes = 1;
	}
	wrong = template_check(t);
	if (wrong)
		argp_error(state, "%s", wrong);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct frames_options *o = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (state->arg_num == 0)
			kind(state, arg, &o->template);
		else if (state->arg_num == 1)
			o->file = arg;
		else
			argp_error(state, "%s: one argument too many", arg);
		return 0;
	case ARGP_KEY_END:
		if (!o->file)
			argp_error(state, "the kind of frames and the file to write are needed");
		complete(state, o);
		return 0;
	default:
		if (parse_addresses(key, arg, state, &o->template) == 0)
			return 0;
		return parse_frames(key, arg, state, &o->template);
	}
}

void frames_options(struct frames_options *o, int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		"KIND FILE.pcap",
		"Writes frames as ZeroMQ's udp://, epgm:// and pgm:// have them to a capture file, "
		"for a "
		"traffic generator to send again and again and zeroline-count to count.\v"
		"KIND: udp (RADIO, unicast or multicast), epgm, pgm, or igmp (IGMPv3 reports that "
		"join "
		"the groups).",
		NULL,
		NULL,
		NULL};

	*o = (struct frames_options){.template = {.dst_mac = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
						  .src_mac = {{0x02, 0, 0, 0, 0, 0x02}},
						  .src_ip = SOURCE_IP,
						  .dst_port = PORT,
						  .src_port = SOURCE_PORT,
						  .prefix = "g",
						  .groups = 1,
						  .seed = 1}};
	argp_parse(&argp, argc, argv, 0, NULL, o);
}
