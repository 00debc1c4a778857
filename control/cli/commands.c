/* The table of commands: what each is called, takes, says in its manual, and how its answer is
 * shown. The names of JSON members are control.sock's. */
#include "control/cli/cli.h"

#include <stdlib.h>
#include <string.h>

#define END                                                                                        \
	{                                                                                          \
		NULL, NULL, FMT_TEXT                                                               \
	}

static const struct column ports[] = {
	{"PORT", "name", FMT_TEXT},
	{"KIND", "kind", FMT_TEXT},
	{"DEVICE", "device", FMT_TEXT},
	{"ADDRESS", "ip", FMT_TEXT},
	{"MAC", "mac", FMT_TEXT},
	{"MTU", "mtu", FMT_NUMBER},
	{"QUEUES", "queues", FMT_NUMBER},
	{"RX FRAMES", "rx_frames", FMT_COUNT},
	{"RX BYTES", "rx_bytes", FMT_BYTES},
	{"TX FRAMES", "tx_frames", FMT_COUNT},
	{"TX BYTES", "tx_bytes", FMT_BYTES},
	{"TX DROPPED", "tx_dropped", FMT_COUNT},
	{"TX DEFERRED", "tx_deferred", FMT_COUNT},
	{"IMPAIRED", "impaired", FMT_COUNT},
	END,
};

static const struct column cores[] = {
	{"CORE", "core", FMT_NUMBER},
	{"", "kind", FMT_TEXT},
	{"CPU", "cpu", FMT_NUMBER},
	{"BUSY %", "busy_pct", FMT_PERCENT},
	{"STREAMS", "streams", FMT_NUMBER},
	{"MSGS IN", "msgs_in", FMT_COUNT},
	{"MSGS OUT", "msgs_out", FMT_COUNT},
	{"TURNS", "turns", FMT_COUNT},
	{"IDLE TURNS", "idle_turns", FMT_COUNT},
	{"SLEEPS", "sleeps", FMT_COUNT},
	{"POOL FREE", "pool_free", FMT_NUMBER},
	{"OF", "pool_total", FMT_NUMBER},
	END,
};

static const struct column sockets[] = {
	{"SOCKET", "name", FMT_TEXT},
	{"TYPE", "type", FMT_TEXT},
	{"DEVICE", "device", FMT_TEXT},
	{"HOME", "home", FMT_NUMBER},
	{"PEERS", "peers", FMT_NUMBER},
	{"SUBSCRIPTIONS", "subscriptions", FMT_COUNT},
	{"MSGS IN", "msgs_in", FMT_COUNT},
	{"BYTES IN", "bytes_in", FMT_BYTES},
	{"MSGS OUT", "msgs_out", FMT_COUNT},
	{"BYTES OUT", "bytes_out", FMT_BYTES},
	{"DROPPED", "dropped", FMT_COUNT},
	{"SNDHWM", "sndhwm", FMT_NUMBER},
	{"RCVHWM", "rcvhwm", FMT_NUMBER},
	{"ENDPOINTS", "endpoints", FMT_LIST},
	END,
};

static const struct column peers[] = {
	{"ADDRESS", "address", FMT_TEXT},
	{"", "direction", FMT_TEXT},
	{"SOCKET", "socket", FMT_TEXT},
	{"TYPE", "type", FMT_TEXT},
	{"ZMTP", "zmtp", FMT_TEXT},
	{"STATE", "state", FMT_TEXT},
	{"PACE", "pace", FMT_TEXT},
	{"CORE", "core", FMT_NUMBER},
	{"IDENTITY", "identity", FMT_TEXT},
	{"USER", "user", FMT_TEXT},
	{"SUBS", "subscriptions", FMT_COUNT},
	{"MSGS IN", "msgs_in", FMT_COUNT},
	{"MSGS OUT", "msgs_out", FMT_COUNT},
	{"BYTES OUT", "bytes_out", FMT_BYTES},
	{"DROPPED", "dropped", FMT_COUNT},
	{"QUEUED", "queued_msgs", FMT_COUNT},
	{"QUEUED BYTES", "queued_bytes", FMT_BYTES},
	{"RTT", "rtt_us", FMT_USEC},
	{"PROPERTIES", "properties", FMT_TEXT},
	END,
};

static const struct column sources[] = {
	{"SOURCE", "source", FMT_TEXT},
	{"TSI", "tsi", FMT_TEXT},
	{"SOCKET", "socket", FMT_TEXT},
	{"ENDPOINT", "endpoint", FMT_TEXT},
	{"CORE", "core", FMT_NUMBER},
	{"TSDUS", "tsdus", FMT_COUNT},
	{"BYTES", "bytes", FMT_BYTES},
	{"LATE", "late", FMT_COUNT},
	{"LOST", "lost", FMT_COUNT},
	{"MISSING", "missing", FMT_COUNT},
	{"NAKS", "naks", FMT_COUNT},
	{"GAPS", "gaps", FMT_COUNT},
	{"MEAN", "gap_mean_us", FMT_USEC},
	{"LONGEST", "gap_max_us", FMT_USEC},
	{"A", "line_a", FMT_COUNT},
	{"A MISSED", "line_a_missed", FMT_COUNT},
	{"B", "line_b", FMT_COUNT},
	{"B MISSED", "line_b_missed", FMT_COUNT},
	{"SILENT MS", "silent_ms", FMT_NUMBER},
	END,
};

static const struct column options[] = {
	{"OPTION", "option", FMT_TEXT},   {"VALUE", "value", FMT_TEXT},  {"", "set", FMT_TEXT},
	{"DEFAULT", "default", FMT_TEXT}, {"MEANING", "text", FMT_TEXT}, END,
};

static const struct column subscriptions[] = {
	{"PREFIX", "prefix", FMT_TEXT},
	{"SOCKET", "socket", FMT_TEXT},
	{"PEERS", "peers", FMT_NUMBER},
	END,
};

const struct column top_cores[] = {
	{"CORE", "core", FMT_NUMBER},
	{"CPU", "cpu", FMT_NUMBER},
	{"BUSY %", "busy_pct", FMT_PERCENT},
	{"STREAMS", "streams", FMT_NUMBER},
	{"MSGS IN/s", "msgs_in_per_s", FMT_RATE},
	{"MSGS OUT/s", "msgs_out_per_s", FMT_RATE},
	{"SLEEPS/s", "sleeps_per_s", FMT_RATE},
	{"POOL FREE", "pool_free", FMT_NUMBER},
	END,
};

const struct column top_ports[] = {
	{"PORT", "name", FMT_TEXT},
	{"RX FRAMES/s", "rx_frames_per_s", FMT_RATE},
	{"RX BIT/s", "rx_bytes_per_s", FMT_BITRATE},
	{"TX FRAMES/s", "tx_frames_per_s", FMT_RATE},
	{"TX BIT/s", "tx_bytes_per_s", FMT_BITRATE},
	{"TX DROPPED/s", "tx_dropped_per_s", FMT_RATE},
	END,
};

const struct column top_sockets[] = {
	{"SOCKET", "name", FMT_TEXT},
	{"TYPE", "type", FMT_TEXT},
	{"PEERS", "peers", FMT_NUMBER},
	{"MSGS IN/s", "msgs_in_per_s", FMT_RATE},
	{"BIT IN/s", "bytes_in_per_s", FMT_BITRATE},
	{"MSGS OUT/s", "msgs_out_per_s", FMT_RATE},
	{"BIT OUT/s", "bytes_out_per_s", FMT_BITRATE},
	{"DROPPED/s", "dropped_per_s", FMT_RATE},
	END,
};

const struct column top_peers[] = {
	{"PEER", "address", FMT_TEXT},
	{"SOCKET", "socket", FMT_TEXT},
	{"TYPE", "type", FMT_TEXT},
	{"MSGS IN/s", "msgs_in_per_s", FMT_RATE},
	{"BIT IN/s", "bytes_in_per_s", FMT_BITRATE},
	{"MSGS OUT/s", "msgs_out_per_s", FMT_RATE},
	{"BIT OUT/s", "bytes_out_per_s", FMT_BITRATE},
	{"QUEUED", "queued_msgs", FMT_COUNT},
	{"DROPPED/s", "dropped_per_s", FMT_RATE},
	{"DROPPED", "dropped", FMT_COUNT},
	{"RTT", "rtt_us", FMT_USEC},
	END,
};

static const struct column devices[] = {
	{"DEVICE", "name", FMT_TEXT},
	{"KIND", "kind", FMT_TEXT},
	{"STATE", "state", FMT_TEXT},
	{"FRONTEND", "frontend", FMT_TEXT},
	{"BACKEND", "backend", FMT_TEXT},
	{"CAPTURE", "capture", FMT_TEXT},
	{"DOWN/s", "msgs_down_per_s", FMT_RATE},
	{"BIT DOWN/s", "bytes_down_per_s", FMT_BITRATE},
	{"UP/s", "msgs_up_per_s", FMT_RATE},
	{"BIT UP/s", "bytes_up_per_s", FMT_BITRATE},
	{"MSGS DOWN", "msgs_down", FMT_COUNT},
	{"BYTES DOWN", "bytes_down", FMT_BYTES},
	{"MSGS UP", "msgs_up", FMT_COUNT},
	{"BYTES UP", "bytes_up", FMT_BYTES},
	END,
};

static const struct column keys[] = {
	{"NAME", "name", FMT_TEXT},
	{"PUBLIC KEY", "public_key", FMT_TEXT},
	{"FILE", "file", FMT_TEXT},
	END,
};

static const char *const device_args[] = {"device"};
static const char *const endpoint_args[] = {"socket", "endpoint"};
static const char *const socket_args[] = {"socket"};

#define ENDPOINT_COMMAND(verb, text, about, example)                                               \
	{                                                                                          \
		.name = verb, .args = "SOCKET ENDPOINT", .summary = text, .description = about,    \
		.nargs = 2, .arg = endpoint_args, .examples = example, .show = show_endpoint       \
	}

const struct command commands[] = {
	{
		.name = "status",
		.args = "",
		.summary = "is it running, and what does it hold",
		.description =
			"Shows both processes, how many ports, sockets, peers and subscriptions\n"
			"there are, each device, each endpoint with its state, and why peers were\n"
			"closed. An endpoint is listening (a bind), connected, connecting, or\n"
			"waiting to try again.",
		.examples = "zeroline status\tone screen\n"
			    "zeroline --json status | jq .peers.ready\thow many peers are ready\n",
		.show = show_status,
	},
	{
		.name = "ports",
		.args = "",
		.summary = "the network ports and their traffic",
		.description =
			"Lists each port of the configuration: its kind (physical, tap, "
			"af_packet,\n"
			"...), address and traffic since the dataplane started. TX DROPPED counts\n"
			"frames that the device did not take; TX DEFERRED, those that had to wait\n"
			"until it did; IMPAIRED, those that the port's impairment stage lost,\n"
			"corrupted, duplicated or reordered on purpose.",
		.examples = "zeroline ports\tall of them\n",
		.show = show_list,
		.columns = ports,
		.none = "no ports: name one under 'ports' in the configuration",
	},
	{
		.name = "cores",
		.args = "",
		.summary = "the cores and how busy they are",
		.description =
			"Lists each poll core, which carries the ports' traffic, and the host "
			"core,\n"
			"which sleeps and carries the kernel's sockets (ipc, tcp on the kernel's "
			"own\n"
			"addresses, tipc, vmci, norm). BUSY % is the part of its time, since the "
			"start,\n"
			"in which a turn of the loop found something to do; for the last second, "
			"see\n"
			"'zeroline top'. POOL FREE says how many packet buffers the core has "
			"left.\n"
			"\n"
			"With --cycles the cores count their cycles (of the TSC) by stage for a "
			"while,\n"
			"and then stop. A stage is a layer's part of the work, in a message's "
			"order:\n"
			"\n"
			"  port rx   the ports' drivers, frames in\n"
			"  net in    Ethernet, IP, TCP, up to streams' receive queues\n"
			"  zmtp in   bytes to messages\n"
			"  router    patterns, topic matching, peers' credit, other cores\n"
			"  zmtp out  messages to the send queues of peers\n"
			"  net out   send queues to frames: TCP, checksums, timers\n"
			"  port tx   the ports' drivers, frames out\n"
			"  other     control's orders, counters, the loop itself\n"
			"\n"
			"Busy is their sum, idle the turns of the loop in which nothing came, and "
			"sleep.\n"
			"A MESSAGE divides by the message parts that went out (a part that goes to "
			"ten\n"
			"peers counts ten), or by those that came in where none went out. A turn "
			"is "
			"one\n"
			"pass of the loop in which something came. While cores count they read "
			"the\n"
			"clock wherever two stages meet, so they are slower then; a core stops "
			"when\n"
			"the time is over or the control process ends.",
		.options = OPT_CYCLES | OPT_FOR,
		.examples = "zeroline cores\tall of them\n"
			    "zeroline cores --cycles --for 5\twhere the time goes, by message\n"
			    "zeroline cores --cycles --json | jq '.cores[].messages_per_turn'\t"
			    "for a program\n",
		.run = run_cycles,
		.run_with = OPT_CYCLES,
		.show = show_list,
		.columns = cores,
		.none = "no poll cores: the dataplane is not set up yet",
	},
	{
		.name = "sockets",
		.args = "",
		.summary = "the ZeroMQ sockets, their peers and traffic",
		.description =
			"Lists each socket of the appliance: its ZeroMQ type, the device that it\n"
			"belongs to, its peers, and messages and bytes since the start. DROPPED\n"
			"counts messages that a peer's high-water mark kept from that peer.\n"
			"With --rates it measures for a second (or --delay), and shows messages\n"
			"and bits of a second.",
		.options = OPT_RATES | OPT_DELAY,
		.examples = "zeroline sockets\tall of them\n"
			    "zeroline sockets --rates\twhat they do in a second\n",
		.run = run_rates,
		.run_with = OPT_RATES,
		.rates = top_sockets,
		.show = show_list,
		.columns = sockets,
		.none = "no sockets: name one under 'sockets' in the configuration",
	},
	{
		.name = "options",
		.args = "SOCKET",
		.summary = "a socket's options, and which of them are set",
		.description =
			"Lists each option that the socket has, by libzmq's names, as they are\n"
			"written under 'options' in the configuration: its value, 'set' if that "
			"is\n"
			"not the default, and the default. Where a socket says nothing, what the\n"
			"whole appliance is configured to do is the default.",
		.nargs = 1,
		.arg = socket_args,
		.examples =
			"zeroline options feed.backend\tall of them\n"
			"zeroline --json options feed.backend | jq '.[] | select(.set != \"\")'\t"
			"those that are not at their default\n",
		.show = show_list,
		.columns = options,
		.none = "no options",
	},
	{
		.name = "peers",
		.args = "",
		.summary = "who is connected",
		.description = "Lists each connection: the peer's address, whether it came in or "
			       "was dialled\n"
			       "(out), its ZeroMQ type, ZMTP version and identity, its traffic, "
			       "what waits\n"
			       "in its queue, what was dropped for it, and TCP's round-trip time.\n"
			       "PACE is slow while messages are dropped for the peer, stalled when "
			       "it has\n"
			       "acknowledged nothing of its queue for a second; such peers come "
			       "first.\n"
			       "PROPERTIES are those that the peer told in its handshake besides "
			       "its type and\n"
			       "identity.\n"
			       "With --rates it measures for a second (or --delay), and shows "
			       "messages and\n"
			       "bits of a second.",
		.options = OPT_RATES | OPT_DELAY,
		.run = run_rates,
		.run_with = OPT_RATES,
		.rates = top_peers,
		.examples = "zeroline peers\tall of them\n"
			    "zeroline peers --rates\twhat they do in a second\n"
			    "zeroline --json peers | jq -r '.[] | select(.pace != \"\").address'\t"
			    "who is too slow\n",
		.show = show_list,
		.columns = peers,
		.none = "no peers are connected",
	},
	{
		.name = "sources",
		.args = "",
		.summary = "who sends to the groups that are received",
		.description =
			"Lists each PGM source that an endpoint hears, by its address and its\n"
			"transport session (TSI): what was delivered of it, how many packets came\n"
			"late (after later ones: repairs, line B's copies, reordered ones), how "
			"many\n"
			"are lost for good and how many missing now, and the NAKs sent. GAPS is "
			"how\n"
			"often delivery waited for a missing packet, with the mean and the "
			"longest\n"
			"time. Of an endpoint of two lines A and B, what came on each and what it\n"
			"missed. SILENT MS is how long ago the source was last heard.",
		.examples = "zeroline sources\tall of them\n"
			    "zeroline --json sources | jq '.[] | select(.lost > 0)'\tthose that "
			    "have lost packets\n",
		.show = show_list,
		.columns = sources,
		.none = "no source is heard",
	},
	{
		.name = "subscriptions",
		.args = "",
		.summary = "which topics are wanted, by how many",
		.description =
			"Lists the prefixes that subscribers asked for, with the number of peers "
			"that\n"
			"want each. Bytes of a prefix that are not printable are written \\xNN.",
		.options = OPT_SOCKET | OPT_LIMIT,
		.examples =
			"zeroline subscriptions --limit 20\tthe first twenty\n"
			"zeroline subscriptions --socket out\tthose of the socket named 'out'\n",
		.show = show_subscriptions,
		.columns = subscriptions,
		.none = "no subscriptions",
	},
	{
		.name = "devices",
		.args = "",
		.summary = "the devices, what they pass on and whether they do",
		.description =
			"Lists each device, whether it is running or paused, and the messages and\n"
			"bytes that it has received from either side since the start: down, from "
			"the\n"
			"frontend to the backend; up, the other way. It measures for a second (or\n"
			"--delay) to show rates, too. With --json there is also what was sent to "
			"the\n"
			"peers of either side.",
		.options = OPT_DELAY,
		.examples = "zeroline devices\tall of them\n"
			    "zeroline --json devices | jq '.[] | {(.name): .state}'\t"
			    "for a program\n",
		.run = run_rates,
		.columns = devices,
		.none = "no devices: name one under 'devices' in the configuration",
	},
	{
		.name = "pause",
		.args = "DEVICE",
		.summary = "a device passes nothing on, and loses nothing",
		.description =
			"Its senders are held back, by TCP, until 'zeroline resume'. What it has\n"
			"passed on by then is still delivered, and subscriptions still go "
			"through.\n"
			"It stays paused when the control process restarts.",
		.nargs = 1,
		.arg = device_args,
		.examples = "zeroline pause feed\n",
		.show = show_device,
	},
	{
		.name = "resume",
		.args = "DEVICE",
		.summary = "a device that was paused passes messages on again",
		.description = "Takes back 'zeroline pause'.",
		.nargs = 1,
		.arg = device_args,
		.examples = "zeroline resume feed\n",
		.show = show_device,
	},
	{
		.name = "stats",
		.args = "",
		.summary = "every counter, with what it counts",
		.description =
			"Lists the counters of all layers: each drop and each close has a reason, "
			"and\n"
			"each reason a counter. Those that are zero are left out unless --all is\n"
			"given; with several poll cores each has a column.",
		.options = OPT_ALL,
		.examples = "zeroline stats\twhat has happened so far\n"
			    "zeroline stats --all\twhat could happen, too\n"
			    "zeroline --json stats | jq '.[] | {(.name): .total}'\tfor a program\n",
		.show = show_stats,
		.none = "every counter is zero",
	},
	ENDPOINT_COMMAND(
		"bind", "make a socket listen on an endpoint",
		"Listens on an address of a Zeroline port, or of the kernel's. Until the\n"
		"appliance restarts: what is to last belongs in the configuration. Endpoints\n"
		"are tcp://ADDRESS:PORT, tcp://NAME:PORT (of a port, an interface or a host),\n"
		"tcp://*:PORT (all ports; without ports all of the kernel's),\n"
		"tcp://0.0.0.0:PORT and tcp://[::]:PORT (all of the kernel's), ipc:///PATH,\n"
		"ipc://@NAME, ipc://*, tipc://{TYPE,LOWER,UPPER}, vmci://CID:PORT. PORT may\n"
		"be *: the answer says which it is. A DISH or DGRAM binds to udp://ADDRESS:PORT\n"
		"or udp://*:PORT of ports, or to a group: udp://NAME;GROUP:PORT. PUB, XPUB,\n"
		"SUB and XSUB have groups by PGM: epgm://NAME;GROUP:PORT, pgm://NAME;GROUP:PORT,\n"
		"and by NORM, of the kernel's interfaces: norm://NAME;GROUP:PORT.",
		"zeroline bind in tcp://10.77.0.1:5557\tone more way in\n"
		"zeroline bind in ipc:///run/feed\tfor programs on this machine\n"
		"zeroline bind in tcp://127.0.0.1:*\tany free port\n"),
	ENDPOINT_COMMAND("unbind", "stop listening on an endpoint",
			 "Takes back a bind. Peers that are connected stay connected.",
			 "zeroline unbind in tcp://10.77.0.1:5557\n"),
	ENDPOINT_COMMAND("connect", "make a socket dial an endpoint",
			 "Dials, and dials again whenever the connection ends, until\n"
			 "'zeroline disconnect' or until the appliance restarts. A source address\n"
			 "may come first: tcp://SOURCE:0;HOST:PORT.",
			 "zeroline connect in tcp://10.77.0.2:6000\ttake a publisher's feed\n"),
	ENDPOINT_COMMAND("disconnect", "close a connection that was dialled",
			 "Takes back a connect and closes its connection.",
			 "zeroline disconnect in tcp://10.77.0.2:6000\n"),
	{
		.name = "keys",
		.args = "generate|list|allow|revoke ARGUMENT...",
		.summary = "make CURVE keys, and say whose may come in",
		.description =
			"  generate NAME [--dir DIR]  makes a pair of keys: DIR/NAME.cert is "
			"public,\n"
			"                             DIR/NAME.cert_secret is for NAME alone\n"
			"  list DIR                   shows whose keys a folder has\n"
			"  allow DIR FILE [NAME]      copies FILE's public key to DIR/NAME.cert;\n"
			"                             without NAME, by the name that FILE has\n"
			"  revoke DIR NAME            removes NAME's certificates from DIR\n"
			"\n"
			"DIR is the folder that a socket's 'security' names as 'allow': who has "
			"a key\n"
			"in it may connect, and 'zeroline peers' shows it by the name of its "
			"file, up\n"
			"to the first dot. A running appliance looks at it every second: who is "
			"allowed\n"
			"may connect from then on, and who is revoked is closed. (libzmq does "
			"not dial\n"
			"again where it was refused: connect after that second.)\n"
			"\n"
			"Certificates are those of CZMQ's zcert. A name is of letters, digits,\n"
			"underscore and hyphen. No file is ever overwritten, and no secret key is\n"
			"copied.",
		.nargs = 1,
		.nargs_most = 4,
		.options = OPT_DIR,
		.examples = "zeroline keys generate feed --dir /etc/zeroline\tthe appliance's own "
			    "keys\n"
			    "zeroline keys generate alice\ta client's, where that client is\n"
			    "zeroline keys allow /etc/zeroline/allowed alice.cert\tlet alice in\n"
			    "zeroline keys list /etc/zeroline/allowed\twho may come in?\n"
			    "zeroline keys revoke /etc/zeroline/allowed alice\tno more\n",
		.run = run_keys,
		.columns = keys,
		.none = "no keys: 'zeroline keys allow' adds one",
	},
	{
		.name = "top",
		.args = "",
		.summary = "rates, refreshed once a second",
		.description =
			"Shows how busy each core is and the rates of cores, ports, sockets and\n"
			"peers, the busiest peers first. On a terminal it refreshes in place until "
			"q\n"
			"or Ctrl-C; elsewhere it prints one plain sample after another. With "
			"--json\n"
			"each sample is one line.",
		.options = OPT_COUNT | OPT_DELAY,
		.examples = "zeroline top\tuntil q\n"
			    "zeroline top --once\tone sample of one second, for a log\n"
			    "zeroline top -n 10 -d 0.5\tten samples, half a second each\n",
		.run = run_top,
	},
	{.name = NULL},
};

const struct command *command_find(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

#define NAME_MAX_COMPARED 32

/* Edits between two words: a character more, less or other, or two neighbours swapped. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[3][NAME_MAX_COMPARED + 1];
	size_t n = strlen(b);

	for (size_t j = 0; j <= n; j++)
		row[1][j] = (unsigned)j;
	for (size_t i = 1; a[i - 1]; i++) {
		unsigned *now = row[2], *above = row[1];

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= n; j++) {
			unsigned best = above[j - 1] + (a[i - 1] != b[j - 1]);

			if (above[j] + 1 < best)
				best = above[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    row[0][j - 2] + 1 < best)
				best = row[0][j - 2] + 1;
			now[j] = best;
		}
		memcpy(row[0], row[1], sizeof(row[0]));
		memcpy(row[1], row[2], sizeof(row[1]));
	}
	return row[1][n];
}

const char *command_nearest(const char *name)
{
	const char *nearest = NULL;
	unsigned least = 3;

	if (strlen(name) > NAME_MAX_COMPARED || strlen(name) < 2)
		return NULL;
	for (const struct command *c = commands; c->name; c++) {
		unsigned d = strncmp(c->name, name, strlen(name)) == 0 ? 1
								       : distance(name, c->name);

		if (d < least) {
			least = d;
			nearest = c->name;
		}
	}
	return nearest;
}
