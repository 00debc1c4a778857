/* Who is connected, through which socket, with how much traffic and which subscriptions. A peer's
 * numbers are in a slot of the shared segment; slots are found by one pass over them. */
#include <stdio.h>
#include <string.h>

#include "control/report.h"

#define STALLED_MS 1000
#define LIST_LIMIT 1000 /* prefixes in an answer, unless the request says otherwise */

struct slot { /* a stream and its numbers, sorted by stream */
	uint64_t stream;
	const struct zl_stats_peer *peer;
};

struct slots {
	struct slot *list;
	size_t n;
};

static int by_stream(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;

	return x->stream < y->stream ? -1 : x->stream > y->stream;
}

static struct slots slots_find(struct zl_control *c)
{
	const struct zl_stats_header *stats = zl_dataplane_stats(c);
	struct slots slots = {calloc(c->n_streams + 1, sizeof(struct slot)), 0};

	for (unsigned core = 0; stats && slots.list && core < stats->cores; core++)
		for (unsigned i = 0; i < stats->peers && slots.n < c->n_streams; i++) {
			const struct zl_stats_peer *p = zl_stats_peer(stats, core, i);
			uint64_t stream = p->stream;
			if (stream && zl_stream_find(c, stream))
				slots.list[slots.n++] = (struct slot){stream, p};
		}
	if (slots.n > 0)
		qsort(slots.list, slots.n, sizeof(struct slot), by_stream);
	return slots;
}

static struct zl_stats_peer slot_of(const struct slots *slots, uint64_t stream)
{
	const struct slot key = {.stream = stream}, *found = NULL;

	if (slots->n > 0)
		found = bsearch(&key, slots->list, slots->n, sizeof(key), by_stream);
	return found ? *found->peer : (struct zl_stats_peer){0};
}

json_t *report_printable(const uint8_t *bytes, unsigned n)
{
	char *text = malloc((size_t)n * 4 + 1);
	size_t at = 0;

	for (unsigned i = 0; text && i < n; i++) {
		if (bytes[i] >= ' ' && bytes[i] <= '~' && bytes[i] != '\\')
			text[at++] = (char)bytes[i];
		else
			at += (size_t)sprintf(text + at, "\\x%02x", bytes[i]);
	}
	json_t *value = text ? json_stringn(text, at) : json_null();
	free(text);
	return value;
}

static const char *state_name(enum zl_stream_state state)
{
	switch (state) {
	case ZL_STREAM_HANDSHAKE:
		return "handshake";
	case ZL_STREAM_READY:
		return "ready";
	case ZL_STREAM_CLOSING:
		return "closing";
	}
	return "?";
}

struct peers_context {
	json_t *stalled, *slow, *others; /* those who cost messages come first */
	struct slots slots;
};

/* A peer that keeps what is queued for it, or that messages are dropped for. */
static const char *pace_of(const struct zl_stats_peer *n)
{
	if (n->silent_ms >= STALLED_MS)
		return "stalled";
	return n->dropping ? "slow" : "";
}

static json_t *properties(const struct zl_stream *s)
{
	static const struct zl_ipc_properties none = {0};

	return report_properties(s->properties ? s->properties : &none);
}

/* What the socket demands of everybody. */
static const char *mechanism_name(const struct zl_stream *s)
{
	static const char *const name[] = {[ZL_MECHANISM_NULL] = "NULL",
					   [ZL_MECHANISM_PLAIN] = "PLAIN",
					   [ZL_MECHANISM_CURVE] = "CURVE",
					   [ZL_MECHANISM_GSSAPI] = "GSSAPI"};

	return name[s->socket && s->socket->security ? s->socket->security->mechanism
						     : ZL_MECHANISM_NULL];
}

static void add_peer(void *context, struct zl_stream *s)
{
	struct peers_context *p = context;
	struct zl_stats_peer n = slot_of(&p->slots, s->open.stream);
	char address[ZL_ENDPOINT_MAX + 64], id[24], version[8];
	bool ready = s->state == ZL_STREAM_READY;
	uint64_t subscriptions = 0;

	if (s->subscriber != ZL_NO_PEER)
		subscriptions = zl_subs_peer_count(s->socket->subs, s->subscriber);
	zl_stream_address(s, address);
	snprintf(id, sizeof(id), "%llx", (unsigned long long)s->open.stream);
	if (s->zmtp == ZL_ZMTP_NONE)
		strcpy(version, "none");
	else
		snprintf(version, sizeof(version), "%u.%u", s->zmtp >> 8 & 0xffu, s->zmtp & 0xffu);
	json_t *row = json_pack(
		"{s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:o, s:s}", "stream", id, "socket",
		s->socket ? s->socket->at.name : "", "address", address, "direction",
		s->open.outgoing ? "out" : "in", "core", (int)s->open.core, "type",
		ready ? zl_socket_type_name[s->peer_type] : "", "zmtp", ready ? version : "",
		"identity", report_printable(s->identity, s->identity_bytes), "state",
		state_name(s->state));
	const char *pace = pace_of(&n);
	json_t *more = json_pack(
		"{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o}", "pace",
		pace, "silent_ms", report_number(n.silent_ms), "msgs_in", report_number(n.msgs_in),
		"bytes_in", report_number(n.bytes_in), "msgs_out", report_number(n.msgs_out),
		"bytes_out", report_number(n.bytes_out), "dropped", report_number(n.msgs_dropped),
		"queued_msgs", report_number(n.queued_msgs), "queued_bytes",
		report_number(n.queued_bytes), "rtt_us", report_number(n.srtt_us), "subscriptions",
		report_number(subscriptions), "properties", properties(s), "mechanism",
		mechanism_name(s), "user",
		report_printable((const uint8_t *)s->user, (unsigned)strlen(s->user)));
	json_object_update(row, more);
	json_decref(more);
	json_array_append_new(!*pace                 ? p->others
			      : strcmp(pace, "slow") ? p->stalled
						     : p->slow,
			      row);
}

json_t *report_peers(struct zl_control *c, json_t *request, char *error)
{
	struct peers_context p = {json_array(), json_array(), json_array(), slots_find(c)};

	(void)request, (void)error;
	zl_streams_each(c, add_peer, &p);
	free(p.slots.list);
	json_array_extend(p.stalled, p.slow);
	json_array_extend(p.stalled, p.others);
	json_decref(p.slow);
	json_decref(p.others);
	return p.stalled;
}

struct sum_context {
	const struct zl_socket *socket;
	const struct slots *slots;
	uint64_t peers;
	struct zl_stats_peer sum;
};

static void add_up(void *context, struct zl_stream *s)
{
	struct sum_context *x = context;

	if (s->socket != x->socket || s->state != ZL_STREAM_READY)
		return;
	struct zl_stats_peer n = slot_of(x->slots, s->open.stream);
	x->peers++;
	x->sum.msgs_in += n.msgs_in;
	x->sum.bytes_in += n.bytes_in;
	x->sum.msgs_out += n.msgs_out;
	x->sum.bytes_out += n.bytes_out;
	x->sum.msgs_dropped += n.msgs_dropped;
}

static void add_gone(const struct zl_stats_header *stats, struct sum_context *x)
{
	for (unsigned core = 0; stats && core < stats->cores; core++)
		for (unsigned i = 0; i < ZL_STATS_SOCKETS; i++) {
			const struct zl_stats_socket *at = zl_stats_socket(stats, core, i);

			if (at->socket != x->socket->at.id)
				continue;
			x->sum.msgs_in += at->msgs_in;
			x->sum.bytes_in += at->bytes_in;
			x->sum.msgs_out += at->msgs_out;
			x->sum.bytes_out += at->bytes_out;
			x->sum.msgs_dropped += at->msgs_dropped;
		}
}

/* Totals are those of all peers that there were since the dataplane started. */
static json_t *socket_row(struct zl_control *c, struct zl_socket *s, const struct slots *slots)
{
	struct sum_context x = {.socket = s, .slots = slots};
	json_t *endpoints = json_array();
	char last[ZL_ENDPOINT_MAX + 8];

	zl_streams_each(c, add_up, &x);
	add_gone(zl_dataplane_stats(c), &x);
	for (struct zl_endpoint *e = c->endpoints; e; e = e->next)
		if (e->socket == s)
			json_array_append_new(endpoints, json_string(zl_endpoint_last(e, last)));
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "name", s->at.name, "type", zl_socket_type_name[s->at.type], "device",
			 s->device ? s->device->at.name : "", "sndhwm", report_number(s->at.sndhwm),
			 "rcvhwm", report_number(s->at.rcvhwm), "endpoints", endpoints, "peers",
			 report_number(x.peers), "msgs_in", report_number(x.sum.msgs_in),
			 "bytes_in", report_number(x.sum.bytes_in), "msgs_out",
			 report_number(x.sum.msgs_out), "bytes_out", report_number(x.sum.bytes_out),
			 "dropped", report_number(x.sum.msgs_dropped), "subscriptions",
			 report_number(s->subs ? zl_subs_count(s->subs) : 0), "home",
			 zl_ipc_sharded(s->at.type) ? json_null() : report_number(s->at.home));
}

json_t *report_totals(struct zl_control *c, const struct zl_socket *s)
{
	struct slots slots = slots_find(c);
	struct sum_context x = {.socket = s, .slots = &slots};

	zl_streams_each(c, add_up, &x);
	add_gone(zl_dataplane_stats(c), &x);
	free(slots.list);
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "peers", report_number(x.peers),
			 "msgs_in", report_number(x.sum.msgs_in), "bytes_in",
			 report_number(x.sum.bytes_in), "msgs_out", report_number(x.sum.msgs_out),
			 "bytes_out", report_number(x.sum.bytes_out), "dropped",
			 report_number(x.sum.msgs_dropped));
}

json_t *report_sockets(struct zl_control *c, json_t *request, char *error)
{
	struct slots slots = slots_find(c);
	json_t *list = json_array();

	(void)request, (void)error;
	for (struct zl_socket *s = c->sockets; s; s = s->next)
		json_array_append_new(list, socket_row(c, s, &slots));
	free(slots.list);
	return list;
}

struct prefixes_context {
	json_t *list;
	const char *socket;
	json_int_t left;
};

static bool add_prefix(void *context, const uint8_t *prefix, unsigned bytes, uint32_t peers)
{
	struct prefixes_context *x = context;

	if (x->left <= 0)
		return false;
	x->left--;
	json_array_append_new(x->list, json_pack("{s:s, s:o, s:o}", "socket", x->socket, "prefix",
						 report_printable(prefix, bytes), "peers",
						 report_number(peers)));
	return true;
}

json_t *report_subscriptions(struct zl_control *c, json_t *request, char *error)
{
	const char *filter = json_string_value(json_object_get(request, "socket"));
	json_t *limit = json_object_get(request, "limit");
	struct prefixes_context x = {.left = LIST_LIMIT};
	uint64_t total = 0;

	if (filter && !zl_socket_by_name(c, filter)) {
		snprintf(error, ZL_API_ERROR_MAX,
			 "socket \"%.64s\": there is no such socket; `zeroline sockets` lists them",
			 filter);
		return NULL;
	}
	if (json_is_integer(limit))
		x.left = json_integer_value(limit);
	x.list = json_array();
	for (struct zl_socket *s = c->sockets; s; s = s->next) {
		if (!s->subs || (filter && strcmp(filter, s->at.name) != 0))
			continue;
		x.socket = s->at.name;
		total += zl_subs_prefixes(s->subs);
		zl_subs_each(s->subs, add_prefix, &x);
	}
	return json_pack("{s:o, s:o}", "total", report_number(total), "list", x.list);
}
