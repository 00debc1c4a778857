/* Streams, from STREAM_OPEN through the handshake to STREAM_CLOSED. A refused stream is told why,
 * closed, and kept until the dataplane says that it is gone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "control/control.h"
#include "control/log.h"

static uint32_t slot_of(const struct zl_control *c, uint64_t id)
{
	return (uint32_t)((id * 0x9e3779b97f4a7c15ull) >> 32) & c->stream_mask;
}

struct zl_stream *zl_stream_find(struct zl_control *c, uint64_t id)
{
	struct zl_stream *s = c->streams ? c->streams[slot_of(c, id)] : NULL;

	while (s && s->open.stream != id)
		s = s->hash_next;
	return s;
}

void zl_streams_each(struct zl_control *c, zl_stream_fn *fn, void *context)
{
	for (uint32_t i = 0; c->streams && i <= c->stream_mask; i++)
		for (struct zl_stream *s = c->streams[i], *next; s; s = next) {
			next = s->hash_next;
			fn(context, s);
		}
}

static bool grow(struct zl_control *c)
{
	struct zl_stream **was = c->streams;
	uint32_t slots = was ? c->stream_mask + 1 : 0, more = slots ? slots * 2 : 64;

	if (c->n_streams < slots)
		return true;
	c->streams = calloc(more, sizeof(struct zl_stream *));
	if (!c->streams) {
		c->streams = was;
		return was != NULL;
	}
	c->stream_mask = more - 1;
	for (uint32_t i = 0; i < slots; i++)
		for (struct zl_stream *s = was[i], *next; s; s = next) {
			next = s->hash_next;
			struct zl_stream **at = &c->streams[slot_of(c, s->open.stream)];
			s->hash_next = *at;
			*at = s;
		}
	free(was);
	return true;
}

static struct zl_stream *stream_new(struct zl_control *c, const struct zl_ipc_stream_open *open)
{
	struct zl_stream *s = grow(c) ? calloc(1, sizeof(*s)) : NULL;

	if (!s)
		return NULL;
	s->open = *open;
	s->unsaid = open->said;
	s->subscriber = ZL_NO_PEER;
	struct zl_stream **at = &c->streams[slot_of(c, open->stream)];
	s->hash_next = *at;
	*at = s;
	c->n_streams++;
	return s;
}

/* There may be keys in it. */
static void free_handshake(struct zl_control *c, struct zl_stream *s)
{
	zl_dear_drop(c, s);
	zl_zap_drop(s);
	if (s->handshake)
		zl_handshake_wipe(s->handshake);
	free(s->handshake);
	s->handshake = NULL;
}

/* The memory alone: what the stream takes part in must have been left. */
static void stream_free(struct zl_control *c, struct zl_stream *s)
{
	struct zl_stream **at = &c->streams[slot_of(c, s->open.stream)];

	zl_identity_give(c, s);
	zl_limits_give(c, s);
	while (*at != s)
		at = &(*at)->hash_next;
	*at = s->hash_next;
	c->n_streams--;
	if (s->state == ZL_STREAM_READY)
		c->n_ready--;
	free_handshake(c, s);
	free(s->identity);
	free(s->properties);
	free(s->message);
	free(s->path);
	free(s);
}

static void forget(void *context, struct zl_stream *s)
{
	stream_free(context, s);
}

void zl_streams_free(struct zl_control *c)
{
	zl_streams_each(c, forget, c);
	zl_identities_free(c);
	zl_limits_free(c);
	free(c->streams);
	c->streams = NULL;
	c->stream_mask = 0;
	c->publishers = NULL;
}

/* An ipc peer has no name of its own: it is known by what it connected to, and by who it is. */
char *zl_stream_address(const struct zl_stream *s, char *text)
{
	const struct zl_ipc_stream_open *o = &s->open;
	char *to = text;

	if (o->carrier == ZL_CARRIER_IPC) {
		sprintf(text, "ipc:%s pid %u uid %u", s->path ? s->path : "", o->pid, o->uid);
		return text;
	}
	if (o->carrier != ZL_CARRIER_STACK && o->carrier != ZL_CARRIER_TCP)
		to += sprintf(text, "%s:", zl_carrier_scheme[o->carrier]);
	zl_ipc_address_text(o->remote.at, o->remote.bytes, to);
	return text;
}

/* Kept, because its endpoint may go before it. */
static void note_path(struct zl_stream *s, const struct zl_endpoint *e)
{
	char last[ZL_ENDPOINT_MAX + 8];

	if (e && s->open.carrier == ZL_CARRIER_IPC)
		s->path = strdup(zl_endpoint_last(e, last) + strlen("ipc://"));
}

void zl_stream_send(struct zl_control *c, struct zl_stream *s, const void *bytes, size_t n)
{
	uint64_t packet[ZL_IPC_PACKET_MAX / 8];
	struct zl_ipc_header *h = (void *)packet;
	struct zl_ipc_stream_send *m = zl_ipc_begin(packet, ZL_IPC_STREAM_SEND, 0);

	if (n == 0 || s->state == ZL_STREAM_CLOSING)
		return;
	m->stream = s->open.stream;
	m->bytes = (uint32_t)n;
	memcpy(m + 1, bytes, n);
	h->length += (uint32_t)n;
	s->sent += n;
	zl_dataplane_send(c, packet);
}

static void send_close(struct zl_control *c, uint64_t stream, enum zl_reason reason)
{
	uint64_t packet[(sizeof(struct zl_ipc_header) + sizeof(struct zl_ipc_stream_close)) / 8];
	struct zl_ipc_stream_close *m = zl_ipc_begin(packet, ZL_IPC_STREAM_CLOSE, 0);

	m->stream = stream;
	strcpy(m->reason, zl_reason_name[reason]);
	zl_dataplane_send(c, packet);
}

void zl_stream_close(struct zl_control *c, struct zl_stream *s, enum zl_reason reason)
{
	char address[ZL_ENDPOINT_MAX + 64];

	if (s->state == ZL_STREAM_CLOSING)
		return;
	zl_log(ZL_DEBUG, "closing %s: %s", zl_stream_address(s, address), zl_reason_text[reason]);
	if (s->state == ZL_STREAM_READY)
		c->n_ready--;
	zl_subscribe_leave(c, s);
	zl_limits_give(c, s);
	s->state = ZL_STREAM_CLOSING;
	s->closing = zl_reason_name[reason];
	free_handshake(c, s);
	send_close(c, s->open.stream, reason);
}

/* --- handshake --- */

static void send_ready(struct zl_control *c, const struct zl_stream *s,
		       const struct zl_handshake *handshake, const struct zl_user_rule *rule)
{
	const struct zl_gss *gssapi = &handshake->gssapi;
	uint64_t packet[ZL_IPC_PACKET_MAX / 8];
	struct zl_ipc_header *h = (void *)packet;
	struct zl_ipc_stream_ready *m = zl_ipc_begin(packet, ZL_IPC_STREAM_READY, 0);

	m->stream = s->open.stream;
	m->peer_type = s->peer_type;
	m->zmtp = s->zmtp;
	m->identity_len = s->identity_bytes;
	if (s->identity_bytes > 0)
		memcpy(m->identity, s->identity, s->identity_bytes);
	if (s->properties)
		m->properties = *s->properties;
	m->boxes = handshake->boxes;
	memcpy(m->user, s->user, sizeof(m->user));
	m->in = rule->in;
	m->out = rule->out;
	if (m->boxes.on == ZL_BOXES_GSSAPI) {
		m->context_bytes = gssapi->exported_bytes;
		memcpy(m + 1, gssapi->exported, gssapi->exported_bytes);
		h->length += gssapi->exported_bytes;
	}
	zl_dataplane_send(c, packet);
	sodium_memzero(packet, h->length);
}

static bool keep_identity(struct zl_stream *s, const uint8_t *identity, unsigned n)
{
	if (n == 0)
		return true;
	s->identity = malloc(n);
	if (!s->identity)
		return false;
	memcpy(s->identity, identity, n);
	s->identity_bytes = n;
	return true;
}

static bool keep_properties(struct zl_stream *s, const struct zl_ipc_properties *properties)
{
	if (properties->bytes == 0)
		return true;
	s->properties = malloc(sizeof(*s->properties));
	if (!s->properties)
		return false;
	*s->properties = *properties;
	return true;
}

/* Its own name for itself, or (connect_routing_id) ours for whoever is there. */
static bool keep_name(struct zl_stream *s, const struct zl_endpoint *e)
{
	const struct zl_handshake *h = s->handshake;

	if (e && s->open.outgoing && e->routing_id.len)
		return keep_identity(s, e->routing_id.data, e->routing_id.len);
	return keep_identity(s, h->identity, h->identity_bytes);
}

static void become_ready(struct zl_control *c, struct zl_stream *s)
{
	struct zl_handshake *h = s->handshake;
	struct zl_endpoint *e = zl_endpoint_by_id(c, s->open.endpoint);
	const struct zl_user_rule *rule;
	enum zl_reason reason;

	if (!keep_name(s, e) || !keep_properties(s, &h->properties)) {
		zl_stream_close(c, s, ZL_REASON_no_memory);
		return;
	}
	memcpy(s->user, h->user, sizeof(s->user));
	rule = zl_rights_of(s, e, &reason);
	if (rule)
		reason = zl_identity_take(c, s);
	if (reason != ZL_REASONS) {
		c->counters[ZL_COUNT_streams_refused]++;
		zl_stream_close(c, s, reason);
		return;
	}
	s->peer_type = h->peer_type;
	s->zmtp = h->zmtp;
	s->state = ZL_STREAM_READY;
	s->was_ready = true;
	c->n_ready++;
	c->counters[ZL_COUNT_streams_ready]++;
	zl_subscribe_source(c, s);
	send_ready(c, s, h, rule);
	free_handshake(c, s);
	if (e && s->open.outgoing)
		zl_endpoint_connected(c, e);
	if (!zl_subscribe_join(c, s))
		zl_stream_close(c, s, ZL_REASON_no_memory);
}

/* But for what its core has said before us. */
static void say(struct zl_control *c, struct zl_stream *s, struct zl_handshake *h)
{
	uint32_t n = h->output_bytes < s->unsaid ? h->output_bytes : s->unsaid;

	s->unsaid -= n;
	zl_stream_send(c, s, h->output + n, h->output_bytes - n);
	h->output_bytes = 0;
}

static void step(struct zl_control *c, struct zl_stream *s, enum zl_verdict verdict)
{
	struct zl_handshake *h = s->handshake;
	enum zl_reason reason;

	say(c, s, h);
	switch (verdict) {
	case ZL_HANDSHAKE_MORE:
		break;
	case ZL_HANDSHAKE_READY:
		become_ready(c, s);
		break;
	case ZL_HANDSHAKE_REFUSED:
		c->counters[ZL_COUNT_streams_refused]++;
		zl_stream_close(c, s, h->reason);
		break;
	case ZL_HANDSHAKE_ASK:
		reason = zl_zap_ask(c, s);
		if (reason != ZL_REASONS)
			zl_stream_unanswered(c, s, reason);
		break;
	}
}

void zl_stream_answered(struct zl_control *c, struct zl_stream *s,
			const struct zl_zap_answer *answer)
{
	zl_zap_drop(s);
	step(c, s, zl_handshake_answer(s->handshake, answer));
}

void zl_stream_unanswered(struct zl_control *c, struct zl_stream *s, enum zl_reason reason)
{
	c->counters[ZL_COUNT_streams_refused]++;
	zl_stream_close(c, s, reason);
}

static void stream_open(struct zl_control *c, const struct zl_ipc_stream_open *m)
{
	struct zl_endpoint *e = zl_endpoint_by_id(c, m->endpoint);
	struct zl_socket *socket = zl_socket_by_id(c, m->socket);
	enum zl_reason reason;

	if (zl_stream_find(c, m->stream))
		return;
	struct zl_stream *s = stream_new(c, m);
	if (!s) {
		send_close(c, m->stream, ZL_REASON_no_memory);
		return;
	}
	c->counters[ZL_COUNT_streams_opened]++;
	s->socket = socket;
	note_path(s, e);
	if (!socket || !e) {
		zl_stream_close(c, s, ZL_REASON_endpoint_gone);
		return;
	}
	if (m->outgoing && !zl_endpoint_opened(c, e, m->stream)) {
		zl_stream_close(c, s, ZL_REASON_endpoint_busy);
		return;
	}
	reason = zl_limits_take(c, s);
	if (reason != ZL_REASONS) {
		c->counters[ZL_COUNT_streams_refused]++;
		zl_stream_close(c, s, reason);
		return;
	}
	s->handshake = malloc(sizeof(*s->handshake));
	if (!s->handshake) {
		zl_stream_close(c, s, ZL_REASON_no_memory);
		return;
	}
	if (zl_ipc_flows(m->carrier)) {
		step(c, s, zl_handshake_none(s->handshake, socket->at.type));
		return;
	}
	step(c, s,
	     zl_handshake_start(s->handshake, socket->at.type, !m->outgoing, &socket->at.options,
				socket->security));
	if (s->state == ZL_STREAM_HANDSHAKE && m->bytes)
		step(c, s, zl_handshake_greeting(s->handshake, (const uint8_t *)(m + 1), m->bytes));
}

void zl_stream_command(struct zl_control *c, struct zl_stream *s, const uint8_t *body, size_t n)
{
	step(c, s, zl_handshake_command(s->handshake, body, n));
}

/* Who says more before the last has been answered does not keep to any mechanism. */
static void command(struct zl_control *c, struct zl_stream *s, const uint8_t *body, size_t n)
{
	if (s->dear.source)
		step(c, s, zl_handshake_refuse(s->handshake, ZL_REASON_unexpected_command));
	else if (!zl_handshake_is_dear(s->handshake, body, n))
		zl_stream_command(c, s, body, n);
	else if (!zl_dear_add(c, s, body, n))
		zl_stream_close(c, s, ZL_REASON_no_memory);
}

static void stream_bytes(struct zl_control *c, struct zl_stream *s,
			 const struct zl_ipc_stream_bytes *m)
{
	const uint8_t *tail = (const uint8_t *)(m + 1);

	if (s->state == ZL_STREAM_HANDSHAKE) {
		if (m->kind == ZL_RELAY_GREETING)
			step(c, s, zl_handshake_greeting(s->handshake, tail, m->bytes));
		else if (m->kind == ZL_RELAY_COMMAND)
			command(c, s, tail, m->bytes);
		else
			step(c, s, zl_handshake_refuse(s->handshake, ZL_REASON_unexpected_command));
	} else if (s->state == ZL_STREAM_READY && m->kind == ZL_RELAY_MESSAGE) {
		zl_subscribe_message(c, s, tail, m->bytes, m->more);
	}
	/* RFC 37: a command in traffic that is not known is ignored. */
}

static void count_close(struct zl_control *c, const char *reason, uint32_t n)
{
	const unsigned max = sizeof(c->closes) / sizeof(c->closes[0]);
	unsigned i = 0;

	while (i < c->n_closes && strcmp(c->closes[i].reason, reason) != 0)
		i++;
	if (i == max)
		i--;
	else if (i == c->n_closes)
		strcpy(c->closes[c->n_closes++].reason, i == max - 1 ? "other" : reason);
	c->closes[i].count += n;
}

/* What reconnect_stop goes by. */
static int32_t stop_case(const struct zl_stream *s, const char *reason)
{
	if (!s)
		return strcmp(reason, "refused") == 0 ? ZL_STOP_CONN_REFUSED : 0;
	return s->was_ready ? 0 : ZL_STOP_HANDSHAKE_FAILED;
}

static void stream_closed(struct zl_control *c, const struct zl_ipc_stream_closed *m)
{
	struct zl_stream *s = m->stream ? zl_stream_find(c, m->stream) : NULL;
	struct zl_endpoint *e = zl_endpoint_by_id(c, s ? s->open.endpoint : m->endpoint);
	bool dialled = s ? s->open.outgoing : m->stream == 0;
	int32_t why = stop_case(s, m->reason);

	/* A peer that has been told ERROR may close before it is closed. */
	count_close(c, s && s->closing ? s->closing : m->reason, m->count ? m->count : 1);
	if (s) {
		zl_subscribe_leave(c, s);
		stream_free(c, s);
	}
	if (e && dialled) {
		if (e->state == ZL_ENDPOINT_CONNECTED || e->tries == 1)
			zl_log(ZL_INFO, "connect to %s: %s; trying again", e->at.text, m->reason);
		zl_endpoint_lost(c, e, m->stream, why);
	}
}

void zl_stream_event(struct zl_control *c, void *packet)
{
	const struct zl_ipc_header *h = packet;
	const void *body = zl_ipc_body(packet);
	struct zl_stream *s;

	if (h->type == ZL_IPC_STREAM_OPEN) {
		stream_open(c, body);
		return;
	}
	if (h->type == ZL_IPC_STREAM_CLOSED) {
		stream_closed(c, body);
		return;
	}
	/* Every other stream packet begins with the stream's id. */
	s = zl_stream_find(c, *(const uint64_t *)body);
	if (!s)
		return;
	if (h->type == ZL_IPC_STREAM_BYTES) {
		stream_bytes(c, s, body);
	} else if (h->type == ZL_IPC_STREAM_SUBS) {
		if (s->state == ZL_STREAM_READY)
			zl_subscribe_records(c, s, body);
	} else if (h->type == ZL_IPC_STREAM_SENT) {
		const struct zl_ipc_stream_sent *m = body;
		if (m->total > s->acked && m->total <= s->sent)
			s->acked = m->total;
	}
}

bool zl_stream_adopt(struct zl_control *c, const struct zl_ipc_stream_state *state)
{
	const struct zl_ipc_stream_ready *r = &state->ready;
	struct zl_endpoint *e = zl_endpoint_by_id(c, state->open.endpoint);
	struct zl_socket *socket = zl_socket_by_id(c, state->open.socket);
	struct zl_stream *s = zl_stream_find(c, state->open.stream) ? NULL
								    : stream_new(c, &state->open);
	enum zl_reason reason;

	if (!s)
		return false;
	s->socket = socket;
	note_path(s, e);
	s->state = ZL_STREAM_READY;
	s->was_ready = true;
	c->n_ready++;
	s->peer_type = r->peer_type;
	s->zmtp = r->zmtp;
	memcpy(s->user, r->user, sizeof(s->user));
	/* What is not acknowledged of an earlier control's bytes is not counted against this one.
	 */
	s->sent = s->acked = state->sent_total;
	if (!keep_identity(s, r->identity, r->identity_len) || !keep_properties(s, &r->properties))
		return false;
	if (!socket) {
		zl_stream_close(c, s, ZL_REASON_endpoint_gone);
		return true;
	}
	if (zl_revoked(s))
		reason = ZL_REASON_revoked;
	else if (zl_rights_of(s, e, &reason))
		reason = zl_identity_take(c, s);
	if (reason == ZL_REASONS)
		reason = zl_limits_take(c, s);
	if (reason != ZL_REASONS) {
		zl_stream_close(c, s, reason);
		return true;
	}
	if (e && s->open.outgoing && zl_endpoint_opened(c, e, s->open.stream))
		zl_endpoint_connected(c, e);
	zl_subscribe_source(c, s);
	return zl_subscribe_join(c, s);
}
