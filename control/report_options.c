/* The command "options": each option that a socket has, what it is, and what it would be if nobody
 * had said anything. Values read as they are written in the configuration. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "control/report.h"

#define KEEPALIVE_PROBES 6 /* as zl_tcp_config_default has them */
#define KEEPALIVE_MS     10000

static void put_ms(char *out, size_t max, int64_t ms)
{
	if (ms <= 0)
		snprintf(out, max, "%" PRId64, ms);
	else if (ms % 3600000 == 0)
		snprintf(out, max, "%" PRId64 "h", ms / 3600000);
	else if (ms % 1000 == 0)
		snprintf(out, max, "%" PRId64 "s", ms / 1000);
	else
		snprintf(out, max, "%" PRId64 "ms", ms);
}

static void put_bits(char *out, size_t max, int32_t bits, const char *const *words)
{
	size_t at = 0;

	out[0] = '\0';
	for (unsigned i = 0; words[i] && at < max; i++)
		if (bits >> i & 1)
			at += (size_t)snprintf(out + at, max - at, "%s%s", at ? ", " : "",
					       words[i]);
}

/* What the appliance does where the socket says nothing. */
static int64_t in_force(const struct zl_control *c, const struct zl_ipc_options *o,
			enum zl_option_id id, int32_t value)
{
	const struct zl_ipc_setup *setup = &c->config.setup;

	if (value != zl_option_table[id].def)
		return value;
	switch (id) {
	case ZL_OPTION_ID_handshake_ivl:
		return setup->handshake_ms;
	case ZL_OPTION_ID_heartbeat_timeout:
		return o->heartbeat_ivl;
	case ZL_OPTION_ID_backlog:
		return setup->backlog;
	case ZL_OPTION_ID_tcp_keepalive:
		return setup->keepalive_idle_ms > 0;
	case ZL_OPTION_ID_tcp_keepalive_idle:
		return setup->keepalive_idle_ms;
	case ZL_OPTION_ID_tcp_keepalive_intvl:
		return KEEPALIVE_MS;
	case ZL_OPTION_ID_tcp_keepalive_cnt:
		return KEEPALIVE_PROBES;
	case ZL_OPTION_ID_tcp_maxrt:
		return setup->user_timeout_ms;
	default:
		return value;
	}
}

static json_t *number(const struct zl_control *c, const struct zl_ipc_options *o,
		      enum zl_option_id id, int32_t raw)
{
	static const char *const stops[] = {"conn_refused", "handshake_failed", "after_disconnect",
					    "always", NULL};
	static const char *const notes[] = {"connect", "disconnect", NULL};
	int64_t value = in_force(c, o, id, raw);
	char text[96];

	switch (zl_option_table[id].kind) {
	case ZL_OPTION_FLAG:
	case ZL_OPTION_SWITCH:
		return json_string(value ? "yes" : "no");
	case ZL_OPTION_MS:
		if (id == ZL_OPTION_ID_linger && value == ZL_LINGER_UNSET)
			return json_string("");
		put_ms(text, sizeof(text), value);
		break;
	case ZL_OPTION_STOPS:
		put_bits(text, sizeof(text), (int32_t)value, stops);
		break;
	case ZL_OPTION_NOTES:
		put_bits(text, sizeof(text), (int32_t)value, notes);
		break;
	case ZL_OPTION_COUNT:
	case ZL_OPTION_BYTES_KIND:
	case ZL_OPTION_LIST:
		snprintf(text, sizeof(text), "%" PRId64, value);
		break;
	}
	return json_string(text);
}

/* --- lists --- */

static void append(json_t *list, json_t *text)
{
	json_array_append_new(list, text);
}

static json_t *filters(const struct zl_ipc_options *o)
{
	json_t *list = json_array();
	char text[32], ip[16];

	for (unsigned i = 0; i < o->accept_filters && i < ZL_ACCEPT_FILTERS; i++) {
		snprintf(text, sizeof(text), "%s/%u", zl_ipv4_text(o->tcp_accept_filter[i].ip, ip),
			 o->tcp_accept_filter[i].prefix_len);
		append(list, json_string(text));
	}
	return list;
}

static json_t *connect_ids(struct zl_control *c, const struct zl_socket *s)
{
	json_t *list = json_array();

	for (struct zl_endpoint *e = c->endpoints; e; e = e->next)
		if (e->socket == s && e->routing_id.len)
			append(list, report_printable(e->routing_id.data, e->routing_id.len));
	return list;
}

json_t *report_properties(const struct zl_ipc_properties *p)
{
	const uint8_t *at = p->data, *end = p->data + p->bytes;
	json_t *all = json_object();

	while (at < end) {
		size_t name_bytes = *at++;
		const char *name = (const char *)at;

		at += name_bytes;
		size_t n = (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
		at += 4;
		json_object_setn_new(all, name, name_bytes, report_printable(at, (unsigned)n));
		at += n;
	}
	return all;
}

static json_t *metadata(const struct zl_ipc_options *o)
{
	json_t *all = report_properties(&o->metadata), *list = json_array(), *value;
	const char *name;
	char text[600];

	json_object_foreach(all, name, value)
	{
		snprintf(text, sizeof(text), "%s: %s", name, json_string_value(value));
		append(list, json_string(text));
	}
	json_decref(all);
	return list;
}

static json_t *list_value(struct zl_control *c, const struct zl_socket *s, enum zl_option_id id)
{
	const struct zl_ipc_options *o = &s->at.options;

	if (id == ZL_OPTION_ID_tcp_accept_filter)
		return filters(o);
	if (id == ZL_OPTION_ID_connect_routing_id)
		return connect_ids(c, s);
	if (id == ZL_OPTION_ID_metadata)
		return metadata(o);
	if (o->bindtodevice == 0 || o->bindtodevice > c->config.n_ports)
		return json_string("");
	return json_string(c->config.ports[o->bindtodevice - 1].name);
}

/* --- rows --- */

static void row(json_t *list, const char *name, json_t *value, json_t *def, const char *text)
{
	bool set = !json_equal(value, def);

	append(list, json_pack("{s:s, s:o, s:o, s:s, s:s}", "option", name, "value", value,
			       "default", def, "set", set ? "set" : "", "text", text));
}

static void add_option(struct zl_control *c, struct zl_socket *s, enum zl_option_id id,
		       json_t *list)
{
	const struct zl_option *o = &zl_option_table[id];
	json_t *value, *def = json_string("");

	if (o->kind == ZL_OPTION_LIST) {
		value = list_value(c, s, id);
		if (json_is_array(value)) {
			json_decref(def);
			def = json_array();
		}
	} else if (o->kind == ZL_OPTION_BYTES_KIND) {
		const struct zl_ipc_option_bytes *b = zl_option_bytes(&s->at.options, id);
		value = report_printable(b->data, b->len);
	} else {
		json_decref(def);
		value = number(c, &s->at.options, id, *zl_option_number(&s->at.options, id));
		def = number(c, &s->at.options, id, o->def);
	}
	row(list, o->name, value, def, o->text);
}

static json_t *count_text(uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	return json_string(text);
}

static json_t *ms_text(uint64_t ms)
{
	char text[32];

	put_ms(text, sizeof(text), (int64_t)ms);
	return json_string(text);
}

/* What a socket's own keys say, by libzmq's names. */
static void add_others(const struct zl_socket *s, json_t *list)
{
	bool never = s->at.options.reconnect_stop & ZL_STOP_ALWAYS;

	row(list, "sndhwm", count_text(s->at.sndhwm), count_text(1000),
	    "messages that may be queued for a peer; 0: no limit");
	row(list, "rcvhwm", count_text(s->at.rcvhwm), count_text(1000),
	    "messages that a peer may be ahead; 0: no limit");
	row(list, "maxmsgsize",
	    s->at.max_msg_bytes ? count_text(s->at.max_msg_bytes) : json_string("-1"),
	    count_text(128 << 20),
	    "bytes of a message; a longer one closes its peer; -1: no limit");
	row(list, "reconnect_ivl", never ? json_string("-1") : ms_text(s->reconnect_ms),
	    ms_text(ZL_RECONNECT_MS), "first wait before connecting again; -1: never again");
	row(list, "reconnect_ivl_max", ms_text(s->reconnect_max_ms), ms_text(ZL_RECONNECT_MAX),
	    "waits double up to this");
}

json_t *report_options(struct zl_control *c, json_t *request, char *error)
{
	const char *name = json_string_value(json_object_get(request, "socket"));
	struct zl_socket *s = name ? zl_socket_by_name(c, name) : NULL;
	json_t *list;

	if (!s) {
		snprintf(error, ZL_API_ERROR_MAX,
			 "socket \"%.64s\": there is no such socket; `zeroline sockets` lists them",
			 name ? name : "");
		return NULL;
	}
	list = json_array();
	add_others(s, list);
	for (unsigned id = 0; id < ZL_OPTION_IDS; id++)
		if (zl_option_table[id].types >> s->at.type & 1)
			add_option(c, s, id, list);
	return list;
}
