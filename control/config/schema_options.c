/* The keys under a socket's `options`: libzmq's names in lower case, by the table of
 * control/ipc/options.def. Which options its type has shows when the type is known: settle. */
#include "control/config/schema.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const stop_words[] = {"conn_refused", "handshake_failed", "after_disconnect",
					 NULL};
static const char *const note_words[] = {"connect", "disconnect", NULL};

static bool fail_at(struct zl_yaml *y, yaml_node_t *node, const char *format, const char *text)
	__attribute__((format(printf, 3, 0)));
static bool fail_at(struct zl_yaml *y, yaml_node_t *node, const char *format, const char *text)
{
	return zl_yaml_fail(y, zl_yaml_line(node), format, text);
}

/* --- numbers --- */

static const char *ms_words(int32_t ms, char out[24])
{
	if (ms == 0 || ms == -1)
		sprintf(out, "%" PRId32, ms);
	else if (ms % 3600000 == 0)
		sprintf(out, "%" PRId32 "h", ms / 3600000);
	else if (ms % 1000 == 0)
		sprintf(out, "%" PRId32 "s", ms / 1000);
	else
		sprintf(out, "%" PRId32 "ms", ms);
	return out;
}

static bool read_ms(struct zl_yaml *y, yaml_node_t *node, const struct zl_option *row,
		    const char *s, int32_t *to)
{
	char least[24], most[24];
	uint64_t value = 0;

	if (row->least == -1 && strcmp(s, "-1") == 0) {
		*to = -1;
		return true;
	}
	int err = zl_unit_parse(ZL_UNIT_MS, s, &value);
	if (err == -EINVAL)
		return zl_yaml_fail(y, zl_yaml_line(node), "\"%.80s\" is not %s%s", s,
				    zl_unit_words(ZL_UNIT_MS), row->least == -1 ? ", nor -1" : "");
	if (err || value > (uint64_t)row->most || (int64_t)value < row->least)
		return zl_yaml_fail(y, zl_yaml_line(node), "\"%.80s\" is out of range: %s to %s", s,
				    ms_words(row->least, least), ms_words(row->most, most));
	*to = (int32_t)value;
	return true;
}

static bool read_count(struct zl_yaml *y, yaml_node_t *node, const struct zl_option *row,
		       const char *s, int32_t *to)
{
	uint64_t value;

	if (zl_unit_parse(ZL_UNIT_COUNT, s, &value) || (int64_t)value < row->least ||
	    value > (uint64_t)row->most)
		return zl_yaml_fail(y, zl_yaml_line(node),
				    "\"%.80s\" is not a number from %" PRId32 " to %" PRId32, s,
				    row->least, row->most);
	*to = (int32_t)value;
	return true;
}

static bool read_flag(struct zl_yaml *y, yaml_node_t *node, const char *s, int32_t *to)
{
	if (strcmp(s, "yes") != 0 && strcmp(s, "no") != 0)
		return fail_at(y, node, "\"%.80s\" is not one of yes, no", s);
	*to = strcmp(s, "yes") == 0;
	return true;
}

/* A list of words, or one of them: a bit each. */
static bool read_bits(struct zl_yaml *y, yaml_node_t *node, const char *const *words, int32_t *to)
{
	const struct zl_yaml_key with = {.more = words, .size = sizeof(uint32_t)};
	int n = zl_yaml_items(y, node, true, "words");

	for (int i = 0; i < n; i++) {
		uint32_t bit;
		size_t was = zl_yaml_enter(y, NULL, i);

		if (!zl_yaml_enum(y, zl_yaml_item(y, node, i), &bit, &with))
			return false;
		*to |= 1 << bit;
		zl_yaml_leave(y, was);
	}
	return n >= 0;
}

static bool read_number(struct zl_yaml *y, yaml_node_t *node, const struct zl_option *row,
			int32_t *to)
{
	if (row->kind == ZL_OPTION_STOPS)
		return read_bits(y, node, stop_words, to);
	if (row->kind == ZL_OPTION_NOTES)
		return read_bits(y, node, note_words, to);
	const char *s = zl_yaml_text(y, node);
	if (!s)
		return false;
	if (row->kind == ZL_OPTION_MS)
		return read_ms(y, node, row, s, to);
	if (row->kind == ZL_OPTION_COUNT)
		return read_count(y, node, row, s, to);
	return read_flag(y, node, s, to);
}

/* --- bytes and lists --- */

/* Zero bytes may be among them ("\0" in double quotes). */
static bool read_bytes(struct zl_yaml *y, yaml_node_t *node, struct zl_ipc_option_bytes *to)
{
	if (node->type != YAML_SCALAR_NODE)
		return zl_yaml_text(y, node) != NULL;
	size_t n = node->data.scalar.length;
	if (n == 0 || n > ZL_OPTION_BYTES)
		return zl_yaml_fail(y, zl_yaml_line(node), "has %zu bytes; it may have 1 to %d", n,
				    ZL_OPTION_BYTES);
	to->len = (uint32_t)n;
	memcpy(to->data, node->data.scalar.value, n);
	return true;
}

/* RFC 28: names that begin with a zero byte are those that are made up. */
static bool read_routing_id(struct zl_yaml *y, yaml_node_t *node, struct zl_ipc_option_bytes *to)
{
	if (!read_bytes(y, node, to))
		return false;
	return to->data[0] != 0 ||
	       zl_yaml_fail(y, zl_yaml_line(node),
			    "begins with a zero byte, as only made-up routing ids do");
}

static bool read_connect_ids(struct zl_yaml *y, yaml_node_t *node, struct zl_config_options *given)
{
	int n = zl_yaml_items(y, node, true, "routing ids");

	if (n > ZL_CONNECT_IDS)
		return zl_yaml_fail(y, zl_yaml_line(node), "has %d routing ids; there may be %d", n,
				    ZL_CONNECT_IDS);
	for (int i = 0; i < n; i++) {
		size_t was = zl_yaml_enter(y, NULL, i);

		if (!read_routing_id(y, zl_yaml_item(y, node, i), &given->connect_id[i]))
			return false;
		zl_yaml_leave(y, was);
	}
	given->connect_ids = n < 0 ? 0 : (unsigned)n;
	return n >= 0;
}

static bool read_network(struct zl_yaml *y, yaml_node_t *node, struct zl_ipc_network *to)
{
	const char *s = zl_yaml_text(y, node);
	const char *slash = s ? strchr(s, '/') : NULL;
	uint64_t len = 32;
	struct in_addr a;
	char ip[16] = "";

	if (!s)
		return false;
	snprintf(ip, sizeof(ip), "%.*s", slash ? (int)(slash - s) : 15, s);
	if (inet_pton(AF_INET, ip, &a) != 1 || (!slash && strlen(s) > 15) ||
	    (slash && (zl_unit_parse(ZL_UNIT_COUNT, slash + 1, &len) || len > 32)))
		return fail_at(y, node, "\"%.80s\" is not an IPv4 network, such as 10.0.0.0/24", s);
	*to = (struct zl_ipc_network){.ip = ntohl(a.s_addr), .prefix_len = (uint32_t)len};
	if (len < 32 && to->ip << len)
		return fail_at(y, node, "\"%.80s\" has address bits beyond its prefix length", s);
	return true;
}

static bool read_filters(struct zl_yaml *y, yaml_node_t *node, struct zl_ipc_options *o)
{
	int n = zl_yaml_items(y, node, true, "networks");

	if (n > ZL_ACCEPT_FILTERS)
		return zl_yaml_fail(y, zl_yaml_line(node), "has %d networks; there may be %d", n,
				    ZL_ACCEPT_FILTERS);
	for (int i = 0; i < n; i++) {
		size_t was = zl_yaml_enter(y, NULL, i);

		if (!read_network(y, zl_yaml_item(y, node, i), &o->tcp_accept_filter[i]))
			return false;
		zl_yaml_leave(y, was);
	}
	o->accept_filters = n < 0 ? 0 : (uint32_t)n;
	return n >= 0;
}

/* RFC 37: property-name = 1*255( ALPHA | DIGIT | "-" | "_" | "." | "+" ), an application's: X-. */
static bool property_name(const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.+";
	size_t n = strlen(s);

	return strncmp(s, "X-", 2) == 0 && n > 2 && n <= 255 && strspn(s, letters) == n;
}

static bool add_property(struct zl_ipc_properties *p, const char *name, const void *value, size_t n)
{
	size_t name_bytes = strlen(name), need = 1 + name_bytes + 4 + n;
	uint8_t *to = p->data + p->bytes;

	if (need > ZL_PROPERTIES_BYTES - p->bytes)
		return false;
	*to++ = (uint8_t)name_bytes;
	memcpy(to, name, name_bytes);
	to += name_bytes;
	for (int i = 0; i < 4; i++)
		*to++ = (uint8_t)(n >> (24 - 8 * i));
	memcpy(to, value, n);
	p->bytes += (uint32_t)need;
	return true;
}

static bool read_metadata(struct zl_yaml *y, yaml_node_t *node, struct zl_ipc_properties *to)
{
	if (node->type != YAML_MAPPING_NODE)
		return zl_yaml_fail(y, zl_yaml_line(node),
				    "is not a mapping of properties, such as {X-site: north}");
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
	     p++) {
		yaml_node_t *value = yaml_document_get_node(&y->doc, p->value);
		const char *name = zl_yaml_text(y, yaml_document_get_node(&y->doc, p->key));

		if (!name)
			return false;
		if (!property_name(name))
			return fail_at(
				y, node,
				"\"%.80s\" is not a property's name: X- and letters, digits, "
				"- _ . +",
				name);
		if (!zl_yaml_text(y, value))
			return false;
		if (!add_property(to, name, value->data.scalar.value, value->data.scalar.length))
			return zl_yaml_fail(y, zl_yaml_line(node),
					    "is longer than %d bytes in all, 5 for each property",
					    ZL_PROPERTIES_BYTES);
	}
	return true;
}

static bool read_list(struct zl_yaml *y, yaml_node_t *node, enum zl_option_id id,
		      struct zl_config_socket *s)
{
	const struct zl_yaml_key name = {.size = sizeof(s->given.bindtodevice), .min = 1};

	if (id == ZL_OPTION_ID_connect_routing_id)
		return read_connect_ids(y, node, &s->given);
	if (id == ZL_OPTION_ID_tcp_accept_filter)
		return read_filters(y, node, &s->at.options);
	if (id == ZL_OPTION_ID_metadata)
		return read_metadata(y, node, &s->at.options.metadata);
	return zl_yaml_string(y, node, s->given.bindtodevice, &name);
}

static bool read_option(struct zl_yaml *y, yaml_node_t *node, void *field,
			const struct zl_yaml_key *key)
{
	struct zl_config_socket *s = field;
	enum zl_option_id id = zl_option_find(key->name);
	const struct zl_option *row = &zl_option_table[id];

	s->given.line[id] = zl_yaml_line(node);
	if (row->kind == ZL_OPTION_LIST)
		return read_list(y, node, id, s);
	if (id == ZL_OPTION_ID_routing_id)
		return read_routing_id(y, node, &s->at.options.routing_id);
	if (row->kind == ZL_OPTION_BYTES_KIND)
		return read_bytes(y, node, zl_option_bytes(&s->at.options, id));
	return read_number(y, node, row, zl_option_number(&s->at.options, id));
}

/* libzmq's names for what the socket's own keys say; -1 is libzmq's, too. */
static bool read_or_none(struct zl_yaml *y, yaml_node_t *node, void *field,
			 const struct zl_yaml_key *key)
{
	const char *s = zl_yaml_text(y, node);
	const int64_t none = -1;

	if (!s)
		return false;
	if (strcmp(s, "-1") != 0)
		return zl_yaml_number(y, node, field, key);
	memcpy(field, &none, sizeof(none));
	return true;
}

#define GIVEN(field) ZL_YAML_AT(struct zl_config_socket, given.field)

static const struct zl_yaml_key others[] = {
	{"sndhwm", zl_yaml_number, GIVEN(sndhwm), .max = UINT32_MAX},
	{"rcvhwm", zl_yaml_number, GIVEN(rcvhwm), .max = UINT32_MAX},
	{"maxmsgsize", read_or_none, GIVEN(maxmsgsize), .unit = ZL_UNIT_BYTES, .min = 1,
	 .max = 1ull << 40, .more = "-1 (no limit), 1B to 1024GiB"},
	{"reconnect_ivl", read_or_none, GIVEN(reconnect_ivl), .unit = ZL_UNIT_MS, .min = 1,
	 .max = 3600000, .more = "-1 (never), 1ms to 1h"},
	{"reconnect_ivl_max", zl_yaml_number, GIVEN(reconnect_ivl_max), .unit = ZL_UNIT_MS,
	 .max = 3600000, .more = "0 (reconnect_ivl) to 1h"},
};
#define OTHERS (sizeof(others) / sizeof(others[0]))

static const struct zl_yaml_key *option_keys(void)
{
	static struct zl_yaml_key keys[OTHERS + ZL_OPTION_IDS + 1];

	if (keys[0].name)
		return keys;
	memcpy(keys, others, sizeof(others));
	for (unsigned id = 0; id < ZL_OPTION_IDS; id++)
		keys[OTHERS + id] = (struct zl_yaml_key){.name = zl_option_table[id].name,
							 .read = read_option};
	return keys;
}

bool zl_option_map(struct zl_yaml *y, yaml_node_t *node, void *field, const struct zl_yaml_key *key)
{
	(void)key;
	return zl_yaml_read_map(y, node, field, option_keys());
}

void zl_options_not_given(struct zl_config_socket *s)
{
	zl_options_default(&s->at.options);
	s->given.sndhwm = s->given.rcvhwm = s->given.maxmsgsize = ZL_NOT_GIVEN;
	s->given.reconnect_ivl = s->given.reconnect_ivl_max = ZL_NOT_GIVEN;
}

/* --- settling --- */

/* What needs an application to mean anything: a device would have nobody to do its part. */
static const char *unfit(enum zl_option_id id)
{
	switch (id) {
	case ZL_OPTION_ID_xpub_manual:
	case ZL_OPTION_ID_xpub_manual_last_value:
		return "needs an application that answers subscriptions, and a device has none; "
		       "remove it";
	default:
		return NULL;
	}
}

static bool lacks(struct zl_yaml *y, unsigned line, const struct zl_option *row, uint32_t type)
{
	char list[128] = "";

	for (unsigned t = 0; t < ZL_SOCKET_TYPES; t++) {
		size_t n = strlen(list);
		if (row->types >> t & 1)
			snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "",
				 zl_socket_type_name[t]);
	}
	return zl_yaml_fail(y, line, "is no option of %s, but of %s", zl_socket_type_name[type],
			    list);
}

static bool settle_one(struct zl_yaml *y, const struct zl_config_socket *s, enum zl_option_id id)
{
	const struct zl_option *row = &zl_option_table[id];
	unsigned line = s->given.line[id];

	if (!line)
		return true;
	zl_yaml_enter(y, row->name, 0);
	if (!(row->types >> s->at.type & 1))
		return lacks(y, line, row, s->at.type);
	if (unfit(id) && *zl_option_number((struct zl_ipc_options *)(uintptr_t)&s->at.options, id))
		return zl_yaml_fail(y, line, "%s", unfit(id));
	if (id == ZL_OPTION_ID_immediate && !s->at.options.immediate)
		return zl_yaml_fail(y, line,
				    "\"no\": a device queues nothing for a peer that is not "
				    "ready, its senders wait; remove it");
	return true;
}

static bool given(int64_t value)
{
	return value != ZL_NOT_GIVEN;
}

static void settle_others(struct zl_config_socket *s)
{
	const struct zl_config_options *g = &s->given;

	if (given(g->sndhwm))
		s->sndhwm = (uint64_t)g->sndhwm;
	if (given(g->rcvhwm))
		s->rcvhwm = (uint64_t)g->rcvhwm;
	if (given(g->maxmsgsize))
		s->at.max_msg_bytes = g->maxmsgsize < 0 ? 0 : (uint64_t)g->maxmsgsize;
	if (g->reconnect_ivl == -1)
		s->at.options.reconnect_stop |= ZL_STOP_ALWAYS;
	else if (given(g->reconnect_ivl))
		s->reconnect_ms = (uint32_t)g->reconnect_ivl;
	if (given(g->reconnect_ivl_max))
		s->reconnect_max_ms = g->reconnect_ivl_max ? (uint32_t)g->reconnect_ivl_max
							   : s->reconnect_ms;
}

bool zl_options_settle(struct zl_yaml *y, struct zl_config_socket *s)
{
	size_t was = zl_yaml_enter(y, "options", 0);

	for (unsigned id = 0; id < ZL_OPTION_IDS; id++) {
		size_t inner = strlen(y->path);

		if (!settle_one(y, s, id))
			return false;
		zl_yaml_leave(y, inner);
	}
	settle_others(s);
	zl_yaml_leave(y, was);
	return true;
}

/* `connect` may stand after `options`, and ports after devices. */
static bool check_connect_ids(struct zl_yaml *y, struct zl_config_socket *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n_endpoints; i++)
		if (s->endpoints[i].at.connect && n < s->given.connect_ids)
			s->endpoints[i].routing_id = s->given.connect_id[n++];
	return n == s->given.connect_ids ||
	       zl_yaml_fail(y, s->given.line[ZL_OPTION_ID_connect_routing_id],
			    "options.connect_routing_id: has %u routing ids for %u connects",
			    s->given.connect_ids, n);
}

static bool check_port(struct zl_yaml *y, const struct zl_config *config,
		       struct zl_config_socket *s)
{
	const char *name = s->given.bindtodevice;

	if (!*name)
		return true;
	for (unsigned i = 0; i < config->n_ports; i++)
		if (strcmp(config->ports[i].name, name) == 0)
			s->at.options.bindtodevice = i + 1;
	return s->at.options.bindtodevice ||
	       zl_yaml_fail(y, s->given.line[ZL_OPTION_ID_bindtodevice],
			    "options.bindtodevice: \"%s\" is not a port's name; `ports` has them",
			    name);
}

/* A full subscriber on another core is not seen from here. */
static bool check_cores(struct zl_yaml *y, const struct zl_config *config,
			const struct zl_config_socket *s)
{
	if (!s->at.options.xpub_nodrop || config->setup.poll_cores == 1)
		return true;
	return zl_yaml_fail(y, s->given.line[ZL_OPTION_ID_xpub_nodrop],
			    "options.xpub_nodrop: works on one core for now: set cores.poll to 1");
}

bool zl_options_check_config(struct zl_yaml *y, const struct zl_config *config,
			     struct zl_config_socket *s)
{
	return check_connect_ids(y, s) && check_port(y, config, s) && check_cores(y, config, s) &&
	       zl_pgm_check(y, s);
}
