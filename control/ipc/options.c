/* The table of socket options, their defaults, and what values they may have (options.h). */
#include "control/ipc/options.h"

#include <string.h>

#include "control/ipc/ipc.h"

#define T(type)  (1u << ZL_##type)
#define ANY      UINT32_MAX
#define AT(name) offsetof(struct zl_ipc_options, name)

const struct zl_option zl_option_table[ZL_OPTION_IDS] = {
#define N(name, kind, def, least, most, types, text)                                               \
	{#name, text, ZL_OPTION_##kind, def, least, most, AT(name), types},
#define B(name, types, text) {#name, text, ZL_OPTION_BYTES_KIND, 0, 0, 0, AT(name), types},
#define L(name, types, text) {#name, text, ZL_OPTION_LIST, 0, 0, 0, 0, types},
#include "control/ipc/options.def"
#undef N
#undef B
#undef L
};

enum zl_option_id zl_option_find(const char *name)
{
	unsigned id = 0;

	while (id < ZL_OPTION_IDS && strcmp(zl_option_table[id].name, name) != 0)
		id++;
	return (enum zl_option_id)id;
}

void zl_options_default(struct zl_ipc_options *o)
{
	memset(o, 0, sizeof(*o));
	for (unsigned id = 0; id < ZL_OPTION_IDS; id++)
		if (zl_option_is_number(id))
			*zl_option_number(o, id) = zl_option_table[id].def;
}

static bool check_one(const struct zl_ipc_options *o, enum zl_option_id id)
{
	struct zl_ipc_options *at = (struct zl_ipc_options *)(uintptr_t)o;
	const struct zl_option *row = &zl_option_table[id];

	if (row->kind == ZL_OPTION_LIST)
		return true;
	if (row->kind == ZL_OPTION_BYTES_KIND)
		return zl_option_bytes(at, id)->len <= ZL_OPTION_BYTES;
	int32_t value = *zl_option_number(at, id);
	return value == 0 || value == row->def || (value >= row->least && value <= row->most);
}

bool zl_options_check(const struct zl_ipc_options *o)
{
	for (unsigned id = 0; id < ZL_OPTION_IDS; id++)
		if (!check_one(o, id))
			return false;
	if (o->accept_filters > ZL_ACCEPT_FILTERS)
		return false;
	for (unsigned i = 0; i < o->accept_filters; i++)
		if (o->tcp_accept_filter[i].prefix_len > 32)
			return false;
	return o->bindtodevice <= ZL_IPC_PORTS_MAX && zl_properties_check(&o->metadata);
}

bool zl_properties_check(const struct zl_ipc_properties *p)
{
	size_t left = p->bytes;
	const uint8_t *at = p->data;

	if (left > ZL_PROPERTIES_BYTES)
		return false;
	while (left > 0) {
		size_t name = at[0], value;

		if (left < 1 + name + 4)
			return false;
		at += 1 + name;
		value = (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
		left -= 1 + name + 4;
		if (left < value)
			return false;
		at += 4 + value;
		left -= value;
	}
	return true;
}

bool zl_options_admit(const struct zl_ipc_options *o, uint32_t ip)
{
	for (unsigned i = 0; i < o->accept_filters; i++) {
		const struct zl_ipc_network *n = &o->tcp_accept_filter[i];

		if (n->prefix_len == 0 || (ip ^ n->ip) >> (32 - n->prefix_len) == 0)
			return true;
	}
	return o->accept_filters == 0;
}
