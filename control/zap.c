/* ZAP handlers (RFC 27): who may come in is asked of the user's own program, by a request for each
 * handshake that is at ASK, and the handshake goes on when its answer comes. Without an answer
 * nobody comes in.
 *
 * Sockets that name the same endpoint share a connection. What was not answered when it broke is
 * asked again on the next, until its time is over. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "control/control.h"
#include "control/log.h"
#include "control/zap_line.h"

#define IN_FLIGHT_MAX 1024 /* of one handler */

struct zl_zap {
	struct zl_zap *next;
	struct zl_control *control;
	char endpoint[ZL_ENDPOINT_MAX];
	struct zl_zap_line line;
	bool is_there, said_absent;
	struct zl_zap_request *first, **last, *unsent; /* in the order they came */
	unsigned requests;
};

struct zl_zap_request {
	struct zl_zap_request *next, **prev;
	struct zl_zap *zap;
	struct zl_stream *stream;
	struct zl_timer timer;
	uint64_t id;
};

void zl_zap_drop(struct zl_stream *s)
{
	struct zl_zap_request *r = s->asked;
	struct zl_zap *z = r ? r->zap : NULL;

	if (!r)
		return;
	if (z->unsent == r)
		z->unsent = r->next;
	*r->prev = r->next;
	if (r->next)
		r->next->prev = r->prev;
	else
		z->last = r->prev;
	z->requests--;
	zl_timer_stop(&z->control->loop, &r->timer);
	free(r);
	s->asked = NULL;
}

/* --- asking --- */

/* The peer's IP, as RFC 27 has it; of ipc what libzmq tells. */
static void address_of(const struct zl_stream *s, char text[ZL_ENDPOINT_MAX])
{
	const struct zl_ipc_stream_open *o = &s->open;
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		uint8_t bytes[sizeof(o->remote.at)];
	} a = {0};

	if (o->carrier == ZL_CARRIER_IPC) {
		sprintf(text, "localhost:%u:%u:%u", o->uid, o->gid, o->pid);
		return;
	}
	memcpy(a.bytes, o->remote.at, sizeof(a.bytes));
	if (o->remote.bytes && a.any.sa_family == AF_INET)
		inet_ntop(AF_INET, &a.v4.sin_addr, text, ZL_ENDPOINT_MAX);
	else if (o->remote.bytes && a.any.sa_family == AF_INET6)
		inet_ntop(AF_INET6, &a.v6.sin6_addr, text, ZL_ENDPOINT_MAX);
	else
		zl_ipc_address_text(o->remote.at, o->remote.bytes, text);
}

/* As many as the connection takes; more when it is ready again. */
static void pump(void *context)
{
	struct zl_zap *z = context;
	char address[ZL_ENDPOINT_MAX];

	for (struct zl_zap_request *r; (r = z->unsent);) {
		uint8_t *room = zl_zap_line_room(&z->line);

		if (!room)
			return;
		address_of(r->stream, address);
		z->unsent = r->next;
		z->control->counters[ZL_COUNT_zap_requests]++;
		zl_zap_line_send(&z->line,
				 zl_zap_write(room, r->stream->handshake, r->id, address));
	}
}

static void too_late(struct zl_timer *timer)
{
	struct zl_zap_request *r = timer->context;
	struct zl_zap *z = r->zap;

	zl_stream_unanswered(z->control, r->stream,
			     z->line.state == ZL_ZAP_READY ? ZL_REASON_zap_timeout
							   : ZL_REASON_zap_absent);
}

static uint64_t new_id(void)
{
	static uint64_t last;

	/* No other control's, whose replies may still be on their way. */
	if (!last)
		randombytes_buf(&last, sizeof(last));
	last += last == UINT64_MAX ? 2 : 1;
	return last;
}

enum zl_reason zl_zap_ask(struct zl_control *c, struct zl_stream *s)
{
	const struct zl_zap_at *at = &s->socket->security->zap_at;
	struct zl_zap_request *r;
	struct zl_zap *z = c->zaps;

	while (z && strcmp(z->endpoint, at->endpoint) != 0)
		z = z->next;
	if (!z)
		return ZL_REASON_zap_absent;
	if (z->requests == IN_FLIGHT_MAX)
		return ZL_REASON_zap_busy;
	r = malloc(sizeof(*r));
	if (!r)
		return ZL_REASON_no_memory;
	*r = (struct zl_zap_request){
		.prev = z->last,
		.zap = z,
		.stream = s,
		.timer = {.fire = too_late, .context = r},
		.id = new_id(),
	};
	*z->last = r;
	z->last = &r->next;
	z->requests++;
	s->asked = r;
	zl_timer_set(&c->loop, &r->timer, at->timeout_ms);
	if (!z->unsent)
		z->unsent = r;
	pump(z);
	return ZL_REASONS;
}

/* --- the connection --- */

static void ready(void *context)
{
	struct zl_zap *z = context;

	z->control->counters[ZL_COUNT_zap_connections] += !z->is_there;
	z->is_there = true;
	if (z->said_absent)
		zl_log(ZL_INFO, "ZAP handler %s: it is there", z->endpoint);
	z->said_absent = false;
	pump(z);
}

static void down(void *context, const char *why)
{
	struct zl_zap *z = context;

	z->is_there = false;
	z->unsent = z->first;
	if (!z->said_absent)
		zl_log(ZL_WARN,
		       "ZAP handler %s: %s; nobody who needs it is let in until it is "
		       "there",
		       z->endpoint, why);
	z->said_absent = true;
}

static void message(void *context, const struct zl_zap_message *m)
{
	struct zl_zap *z = context;
	struct zl_control *c = z->control;
	uint64_t id = zl_zap_id(m);
	struct zl_zap_request *r = z->first;
	struct zl_zap_answer answer;
	enum zl_reason reason;

	while (r && r->id != id)
		r = r->next;
	if (!r) {
		c->counters[ZL_COUNT_zap_replies_unknown]++;
		return;
	}
	c->counters[ZL_COUNT_zap_replies]++;
	reason = zl_zap_read(m, &answer);
	if (reason == ZL_REASONS)
		zl_stream_answered(c, r->stream, &answer);
	else
		zl_stream_unanswered(c, r->stream, reason);
}

static bool start(struct zl_control *c, const struct zl_zap_at *at)
{
	static const struct zl_zap_line_ops ops = {ready, message, down};
	struct zl_zap *z = c->zaps;

	while (z && strcmp(z->endpoint, at->endpoint) != 0)
		z = z->next;
	if (z)
		return true;
	z = calloc(1, sizeof(*z));
	if (!z)
		return false;
	strcpy(z->endpoint, at->endpoint);
	z->control = c;
	z->last = &z->first;
	z->next = c->zaps;
	c->zaps = z;
	zl_zap_line_open(&z->line, &c->loop, &at->address, &ops, z);
	return true;
}

bool zl_zaps_start(struct zl_control *c)
{
	for (struct zl_socket *s = c->sockets; s; s = s->next)
		if (s->security && s->security->zap && !start(c, &s->security->zap_at))
			return false;
	return true;
}

void zl_zaps_free(struct zl_control *c)
{
	while (c->zaps) {
		struct zl_zap *z = c->zaps;

		c->zaps = z->next;
		zl_zap_line_close(&z->line);
		free(z);
	}
}
