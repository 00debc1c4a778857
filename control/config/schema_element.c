/* `pgm_elements`: PGM network elements, each with its ports' names and its groups. */
#include "control/config/schema.h"

#include <string.h>

#define ELEMENT(field) ZL_YAML_AT(struct zl_config_element, field)

static bool read_port_names(struct zl_yaml *y, yaml_node_t *node, void *field,
			    const struct zl_yaml_key *key)
{
	struct zl_config_element *e = (void *)((char *)field - key->offset);
	const struct zl_yaml_key name = {.name = key->name, .size = ZL_NAME_MAX, .min = 1};
	int n = zl_yaml_items(y, node, false, "names of ports");

	if (n > ZL_IPC_PORTS_MAX)
		return zl_yaml_fail(y, zl_yaml_line(node), "has %d ports; at most %d are possible",
				    n, ZL_IPC_PORTS_MAX);
	for (int i = 0; i < n; i++) {
		size_t was = zl_yaml_enter(y, NULL, i);

		if (!zl_yaml_string(y, zl_yaml_item(y, node, i), e->port[i], &name))
			return false;
		zl_yaml_leave(y, was);
	}
	e->n_ports = n > 0 ? (unsigned)n : 0;
	return n >= 0;
}

static bool read_group(struct zl_yaml *y, yaml_node_t *node, uint32_t *group)
{
	char ip[16];

	if (!zl_yaml_ipv4(y, node, group, NULL))
		return false;
	if (*group >> 28 != 0xe || *group >> 8 == 0xe00000)
		return zl_yaml_fail(y, zl_yaml_line(node),
				    "%s is no group that routers pass on, such as 239.192.1.1",
				    zl_ipv4_text(*group, ip));
	return true;
}

static bool read_groups(struct zl_yaml *y, yaml_node_t *node, void *field,
			const struct zl_yaml_key *key)
{
	struct zl_ipc_element *e = &((struct zl_config_element *)((char *)field - key->offset))->at;
	int n = zl_yaml_items(y, node, true, "groups");

	if (n == 0 || n > ZL_ELEMENT_GROUPS)
		return zl_yaml_fail(y, zl_yaml_line(node), "has %d groups; 1 to %d are possible", n,
				    ZL_ELEMENT_GROUPS);
	for (int i = 0; i < n; i++) {
		size_t was = zl_yaml_enter(y, NULL, i);

		if (!read_group(y, zl_yaml_item(y, node, i), &e->group[i]))
			return false;
		zl_yaml_leave(y, was);
	}
	e->groups = n > 0 ? (uint32_t)n : 0;
	return n > 0;
}

static const struct zl_yaml_key element_keys[] = {
	{"name", zl_yaml_string, ELEMENT(at.name), .required = true, .min = 1},
	{"ports", read_port_names, ELEMENT(port), .required = true},
	{"groups", read_groups, ELEMENT(at.group), .required = true},
	{0},
};

bool zl_element_list(struct zl_yaml *y, yaml_node_t *node, void *field,
		     const struct zl_yaml_key *key)
{
	struct zl_config *config = (void *)((char *)field - key->offset);
	int n = zl_yaml_items(y, node, false, "PGM network elements");

	if (n > ZL_ELEMENTS_MAX)
		return zl_yaml_fail(y, zl_yaml_line(node),
				    "has %d elements; at most %d are possible", n, ZL_ELEMENTS_MAX);
	for (int i = 0; i < n; i++) {
		yaml_node_t *item = zl_yaml_item(y, node, i);
		size_t was = zl_yaml_enter(y, NULL, i);

		if (!zl_yaml_read_map(y, item, &config->elements[i], element_keys))
			return false;
		config->elements[i].at.config_line = zl_yaml_line(item);
		zl_yaml_leave(y, was);
	}
	config->n_elements = n > 0 ? (unsigned)n : 0;
	return n >= 0;
}

/* --- against the ports, and each other --- */

static bool settle_ports(struct zl_yaml *y, const struct zl_config *config,
			 struct zl_config_element *e)
{
	for (unsigned i = 0; i < e->n_ports; i++) {
		unsigned p = 0;

		while (p < config->n_ports && strcmp(config->ports[p].name, e->port[i]))
			p++;
		if (p == config->n_ports)
			return zl_yaml_fail(y, e->at.config_line,
					    "there is no port \"%s\"; name one of `ports`",
					    e->port[i]);
		if (e->at.ports >> p & 1)
			return zl_yaml_fail(y, e->at.config_line, "port \"%s\" is named twice",
					    e->port[i]);
		e->at.ports |= 1u << p;
	}
	if (e->n_ports < 2)
		return zl_yaml_fail(y, e->at.config_line,
				    "a network element stands between ports: name two or more");
	return true;
}

/* What came to a group that both have would go on twice. */
static bool apart(struct zl_yaml *y, const struct zl_ipc_element *e, const struct zl_ipc_element *o)
{
	char ip[16];

	if (strcmp(e->name, o->name) == 0)
		return zl_yaml_fail(y, e->config_line,
				    "the name \"%s\" is taken by the element of line %u", e->name,
				    o->config_line);
	for (uint32_t i = 0; e->ports & o->ports && i < e->groups; i++)
		if (zl_ipc_element_has(o, e->group[i]))
			return zl_yaml_fail(y, e->config_line,
					    "element \"%s\" of line %u has %s on one of these "
					    "ports already",
					    o->name, o->config_line, zl_ipv4_text(e->group[i], ip));
	return true;
}

bool zl_element_check(struct zl_yaml *y, struct zl_config *config, unsigned i)
{
	if (!settle_ports(y, config, &config->elements[i]))
		return false;
	for (unsigned j = 0; j < i; j++)
		if (!apart(y, &config->elements[i].at, &config->elements[j].at))
			return false;
	return true;
}
