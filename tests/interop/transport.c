/* The transports that patterns are tested over: a new one is a row. */
#include "tests/interop/transport.h"

#include <stdio.h>
#include <string.h>

const struct transport transports[] = {
	{.name = "tcp by our stack",
	 .key = "stack",
	 .bind = {FRONTEND, BACKEND},
	 .peers = {"tcp://" LAB_PEER_IP ":57", "tcp://" LAB_PEER_IP ":58"}},
	{.name = "tcp by the kernel",
	 .key = "kernel",
	 .bind = {"tcp://127.0.0.1:5555", "tcp://127.0.0.1:5556"},
	 .peers = {"tcp://127.0.0.1:57", "tcp://127.0.0.1:58"},
	 .carrier = LAB_TAP,
	 .portless = true},
	{.name = "ipc",
	 .key = "ipc",
	 .bind = {"ipc://%s/front", "ipc://%s/back"},
	 .peers = {"ipc://%s/front", "ipc://%s/back"},
	 .carrier = LAB_TAP,
	 .portless = true},
};
const unsigned n_transports = sizeof(transports) / sizeof(transports[0]);

static const char *row_begins = "", *key = "";

void transport_pick(int argc, char **argv)
{
	row_begins = argc > 1 ? argv[1] : "";
	key = argc > 2 ? argv[2] : "";
}

bool transport_picks(const struct transport *t, const char *row)
{
	return strncmp(row, row_begins, strlen(row_begins)) == 0 &&
	       (!key[0] || strcmp(t->key, key) == 0);
}

/* Writes a name with the folder in its place, if it has one. */
static size_t write_name(char *name, size_t bytes, const char *pattern)
{
	const char *place = strstr(pattern, "%s");
	char folder[64];

	if (!place)
		return (size_t)snprintf(name, bytes, "%s", pattern);
	lab_folder(folder, sizeof(folder));
	return (size_t)snprintf(name, bytes, "%.*s%s%s", (int)(place - pattern), pattern, folder,
				place + 2);
}

const char *transport_at(const struct transport *t, bool connects, enum side side, unsigned i)
{
	static char names[2][SIDE_PEERS + 1][128]; /* the last is where the appliance binds */
	char *name = names[side][connects ? i : SIDE_PEERS];
	size_t n = write_name(name, sizeof(names[0][0]), connects ? t->peers[side] : t->bind[side]);

	if (connects)
		snprintf(name + n, sizeof(names[0][0]) - n, "%02u", i);
	return name;
}

void transport_side(char *yaml, size_t bytes, const struct transport *t, bool connects,
		    enum side side, unsigned peers, const char *type, const char *more)
{
	int n = 0;

	if (type)
		n = snprintf(yaml, bytes, "type: %s, ", type);
	n += snprintf(yaml + n, bytes - (size_t)n, "%s: [", connects ? "connect" : "bind");
	for (unsigned i = 0; i < (connects ? peers : 1); i++)
		n += snprintf(yaml + n, bytes - (size_t)n, "%s\"%s\"", i ? ", " : "",
			      transport_at(t, connects, side, i));
	snprintf(yaml + n, bytes - (size_t)n, "], %s", more);
}

struct appliance *transport_appliance(const struct transport *t, const char *kind,
				      const char *front, const char *back, unsigned megabytes)
{
	return appliance_start(&(struct appliance_config){.carrier = t->carrier,
							  .portless = t->portless,
							  .megabytes = megabytes,
							  .kind = kind,
							  .frontend = front,
							  .backend = back});
}
