/* Values on a command line. */
#include "tests/bench/values.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "LEFT<sep>RIGHT": cuts a copy of text in two; RIGHT is "" if there is no separator. */
static const char *cut(char *copy, size_t bytes, const char *text, char separator)
{
	char *at;

	snprintf(copy, bytes, "%s", text);
	at = strchr(copy, separator);
	if (!at)
		return "";
	*at = '\0';
	return at + 1;
}

void value_number(struct argp_state *state, const char *text, double low, double high, double *out)
{
	char *end;

	*out = strtod(text, &end);
	if (end == text || *end || !(*out >= low) || *out > high)
		argp_error(state, "%s: a number from %.0f to %.0f is wanted", text, low, high);
}

uint32_t value_whole(struct argp_state *state, const char *text, uint32_t low, uint32_t high)
{
	double n = 0;

	value_number(state, text, low, high, &n);
	return (uint32_t)n;
}

void value_range(struct argp_state *state, const char *text, uint32_t low, uint32_t high,
		 uint32_t *from, uint32_t *to)
{
	char copy[64];
	const char *rest = cut(copy, sizeof(copy), text, '-');

	*from = value_whole(state, copy, low, high);
	*to = *rest ? value_whole(state, rest, *from, high) : *from;
}

uint32_t value_ip(struct argp_state *state, const char *text)
{
	struct in_addr a = {0};

	if (inet_pton(AF_INET, text, &a) != 1)
		argp_error(state, "%s: an IPv4 address is wanted", text);
	return ntohl(a.s_addr);
}

struct zl_endpoint_addr value_endpoint(struct argp_state *state, const char *text)
{
	struct zl_endpoint_addr a;
	char copy[64];
	const char *port = cut(copy, sizeof(copy), text, ':');

	a.ip = value_ip(state, copy);
	a.port = (uint16_t)value_whole(state, port, 1, UINT16_MAX);
	return a;
}

void value_address(struct argp_state *state, const char *text, struct zl_ipc_port *p)
{
	char copy[64];
	const char *bits = cut(copy, sizeof(copy), text, '/');

	p->ip = value_ip(state, copy);
	p->prefix_len = value_whole(state, bits, 1, 32);
}

void value_port(struct argp_state *state, const char *text, struct zl_ipc_port *p)
{
	char copy[300], device[300];
	const char *rest = cut(copy, sizeof(copy), text, ':');
	const char *more = cut(device, sizeof(device), rest, ',');
	const char *role = "";

	p->kind = 0;
	while (p->kind < ZL_PORT_KINDS && strcmp(zl_port_kind_name[p->kind], copy) != 0)
		p->kind++;
	if (p->kind == ZL_PORT_KINDS)
		argp_error(state, "%s: no such kind of port", copy);
	if (p->kind == ZL_PORT_MEMIF && !strstr(more, "role="))
		role = *more ? ",role=client" : "role=client";
	if ((size_t)snprintf(p->device, sizeof(p->device), "%s", device) >= sizeof(p->device) ||
	    (size_t)snprintf(p->options, sizeof(p->options), "%s%s", more, role) >=
		    sizeof(p->options))
		argp_error(state, "%s: too long", text);
}
