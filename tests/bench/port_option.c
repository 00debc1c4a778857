/* --port of a command line. */
#include "tests/bench/port_option.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The comma of a capture's "rx.pcap,tx.pcap" belongs to the device. */
static char *options_of(char *device, enum zl_port_kind kind)
{
	return kind == ZL_PORT_PCAP ? NULL : strchr(device, ',');
}

void port_option(struct argp_state *state, const char *text, const char *memif_role,
		 struct zl_ipc_port *p)
{
	char copy[300], *device, *more;
	bool role;

	if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy))
		argp_error(state, "%.40s...: too long", text);
	device = strchr(copy, ':');
	if (!device || !device[1])
		argp_error(state, "%s: KIND:DEVICE is wanted, like memif:/run/wire.sock", text);
	*device++ = '\0';
	p->kind = 0;
	while (p->kind < ZL_PORT_KINDS && strcmp(zl_port_kind_name[p->kind], copy) != 0)
		p->kind++;
	if (p->kind == ZL_PORT_KINDS)
		argp_error(state, "%s: no such kind of port", copy);
	more = options_of(device, p->kind);
	if (more)
		*more++ = '\0';
	else
		more = device + strlen(device);
	role = p->kind == ZL_PORT_MEMIF && !strstr(more, "role=");
	if ((size_t)snprintf(p->device, sizeof(p->device), "%s", device) >= sizeof(p->device) ||
	    (size_t)snprintf(p->options, sizeof(p->options), "%s%s%s", more,
			     role && *more ? "," : "",
			     role ? memif_role : "") >= sizeof(p->options))
		argp_error(state, "%s: too long", text);
}
