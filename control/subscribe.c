/* Between streams and the subscription tables: records from subscribers in, records for matchers
 * out, and SUBSCRIBE and CANCEL for the publishers of the same device, as far as their credit
 * reaches. A publisher is owed the difference between what it was told and what is wanted now, so
 * nothing is queued for it. */
#include <stdlib.h>
#include <string.h>

#include "control/control.h"
#include "control/log.h"

#define CREDIT_BYTES (256u << 10) /* unacknowledged bytes of control's on one stream */
#define FRAME_MAX    (9 + 10 + ZL_PREFIX_MAX)
#define SEND_MAX                                                                                   \
	(ZL_IPC_PACKET_MAX - sizeof(struct zl_ipc_header) - sizeof(struct zl_ipc_stream_send))
#define MESSAGE_MAX  (64u << 10) /* a user message upstream, all parts */
#define QUEUE_PAUSE  (4u << 20)  /* bytes waiting for the dataplane: publishers wait their turn */
#define LEAVE_STEP   4096        /* subscriptions a turn: about a millisecond */
#define AHEAD        8           /* records whose prefixes are looked up meanwhile */
#define FLAG_MORE    0x01
#define FLAG_LONG    0x02
#define FLAG_COMMAND 0x04

static bool has_subscribers(const struct zl_socket *socket)
{
	return socket && (socket->at.type == ZL_XPUB || socket->at.type == ZL_PUB ||
			  socket->at.type == ZL_RADIO);
}

/* The tables of a socket's matches go out under its id of the moment. */
struct match_context {
	struct zl_control *control;
	struct zl_socket *socket;
};

static void match(void *context, unsigned core, uint64_t target, const uint8_t *prefix,
		  unsigned bytes, bool add)
{
	struct match_context *m = context;

	zl_dataplane_match(m->control, core, m->socket->at.id, target, prefix, bytes, add);
}

/* What is kept for late subscribers must come before they do: publishers are told of a subscriber
 * to everything, which matchers know nothing of. */
static bool take_all(struct zl_subs *subs)
{
	uint32_t nobody = zl_subs_join(subs, 0, 0);

	return nobody != ZL_NO_PEER && zl_subs_adopt(subs, nobody, (const uint8_t *)"", 0) >= 0;
}

static bool start_socket(struct zl_control *c, struct zl_socket *socket, unsigned cores)
{
	struct match_context *m = malloc(sizeof(*m));

	if (!m)
		return false;
	*m = (struct match_context){c, socket};
	socket->subs = zl_subs_new(cores, match, m);
	if (socket->subs)
		zl_subs_no_source(socket->subs, cores - 1); /* the host core has no peers yet */
	else
		free(m);
	socket->match_context = socket->subs ? m : NULL;
	return socket->subs != NULL && (!socket->at.policy.last.topics || take_all(socket->subs));
}

bool zl_subscribe_start(struct zl_control *c, unsigned cores)
{
	for (struct zl_socket *s = c->sockets; s; s = s->next)
		if (has_subscribers(s) && !s->subs && !start_socket(c, s, cores))
			return false;
	return true;
}

void zl_subscribe_stop(struct zl_control *c)
{
	for (struct zl_socket *s = c->sockets; s; s = s->next) {
		zl_subs_free(s->subs);
		free(s->match_context);
		s->subs = NULL;
		s->match_context = NULL;
	}
	c->publishers = NULL;
}

static bool publishes(enum zl_socket_type type)
{
	return type == ZL_PUB || type == ZL_XPUB || type == ZL_RADIO;
}

/* The longest prefix, or name of a group (RFC 48), that a peer may ask for. */
static unsigned longest(const struct zl_socket *socket)
{
	return socket->at.type == ZL_RADIO ? ZL_GROUP_MAX : ZL_PREFIX_MAX;
}

/* The table that a publisher on this socket is to be told of, or NULL. */
static struct zl_subs *downstream(const struct zl_socket *socket)
{
	const struct zl_device *d = socket->device;

	if (!d || d->frontend != socket || !d->backend)
		return NULL;
	return d->backend->subs;
}

/* A side that inverts matching cannot be served by the sum of what its subscribers ask for. A
 * publisher that inverts sends everything to whoever asks for nothing; for a backend that does, the
 * others are asked for everything. */
static bool inverted(struct zl_control *c, struct zl_stream *s)
{
	static const uint8_t all_3_1[] = "\004\012\011SUBSCRIBE", all_3_0[] = "\0\1\1";

	if (s->socket->at.options.invert_matching)
		return true;
	if (!s->socket->device->backend->at.options.invert_matching)
		return false;
	if (s->zmtp >= ZL_ZMTP_V3_1)
		zl_stream_send(c, s, all_3_1, sizeof(all_3_1) - 1);
	else
		zl_stream_send(c, s, all_3_0, sizeof(all_3_0) - 1);
	return true;
}

static bool join_publisher(struct zl_control *c, struct zl_stream *s, struct zl_subs *subs)
{
	s->publisher = zl_publisher_join(subs);
	if (!s->publisher)
		return false;
	s->next_publisher = c->publishers;
	s->prev_publisher = &c->publishers;
	if (s->next_publisher)
		s->next_publisher->prev_publisher = &s->next_publisher;
	c->publishers = s;
	return true;
}

void zl_subscribe_source(struct zl_control *c, const struct zl_stream *s)
{
	const struct zl_device *d = s->socket->device;
	struct zl_socket *const others[] = {d ? d->frontend : NULL, d ? d->backend : NULL,
					    d ? d->capture : NULL};
	unsigned core = zl_ipc_sharded(s->socket->at.type) ? s->open.core : s->socket->at.home;

	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (others[i] && others[i] != s->socket && others[i]->subs)
			zl_subs_source(others[i]->subs, core);
	zl_dataplane_flush_matches(c);
}

/* Who listens to datagrams cannot say what for: all is sent. */
static bool subscribe_to_all(struct zl_control *c, struct zl_stream *s)
{
	static const uint8_t all[ZL_ALL_GROUPS];
	unsigned bytes = s->socket->at.type == ZL_RADIO ? ZL_ALL_GROUPS : 0;

	if (zl_subs_add(s->socket->subs, s->subscriber, all, bytes) < 0)
		return false;
	c->counters[ZL_COUNT_subscriptions_added]++;
	return true;
}

bool zl_subscribe_join(struct zl_control *c, struct zl_stream *s)
{
	struct zl_subs *subs = downstream(s->socket);
	bool flow = zl_ipc_flows(s->open.carrier);

	if (s->socket->subs) {
		s->subscriber = zl_subs_join(s->socket->subs, s->open.stream, s->open.core);
		return s->subscriber != ZL_NO_PEER && (!flow || subscribe_to_all(c, s));
	}
	/* RFC 13: to a publisher of ZMTP 1.0 a subscriber sends nothing; all comes from it anyway.
	 */
	if (subs && !flow && s->zmtp != ZL_ZMTP_V1_0 && publishes(s->peer_type))
		return inverted(c, s) || join_publisher(c, s, subs);
	return true;
}

void zl_subscribe_leave(struct zl_control *c, struct zl_stream *s)
{
	(void)c;
	if (s->subscriber != ZL_NO_PEER)
		zl_subs_leave(s->socket->subs, s->subscriber);
	s->subscriber = ZL_NO_PEER;
	if (!s->publisher)
		return;
	zl_publisher_leave(downstream(s->socket), s->publisher);
	s->publisher = NULL;
	*s->prev_publisher = s->next_publisher;
	if (s->next_publisher)
		s->next_publisher->prev_publisher = s->prev_publisher;
}

void zl_subscribe_step(struct zl_control *c)
{
	if (zl_dataplane_queued(c) >= QUEUE_PAUSE)
		return; /* until the dataplane has taken some of it */
	for (struct zl_socket *s = c->sockets; s; s = s->next)
		if (s->subs && zl_subs_step(s->subs, LEAVE_STEP))
			c->loop.again = true;
}

static int change(struct zl_control *c, struct zl_stream *s, const struct zl_ipc_prefix *r,
		  const uint8_t *prefix)
{
	struct zl_subs *subs = s->socket->subs;

	if (r->op == ZL_SUBSCRIBE)
		return zl_subs_add(subs, s->subscriber, prefix, r->len);
	int changed = zl_subs_remove(subs, s->subscriber, prefix, r->len), error = 0;
	/* An earlier control may have told the publishers, of what it told the matcher after it or
	 * not at all, and of what this one has adopted and had no time to tell them again. */
	if (changed >= 0 && zl_dataplane_took_over(c))
		error = zl_subs_disown(subs, prefix, r->len);
	return error < 0 ? error : changed;
}

/* One record further. A prefix that is too long will close its peer: it is not looked up. */
static const uint8_t *expect(const struct zl_subs *subs, const uint8_t *p, const uint8_t *end)
{
	struct zl_ipc_prefix r;

	if (!subs || p >= end)
		return end;
	memcpy(&r, p, sizeof(r));
	if (r.len <= ZL_PREFIX_MAX)
		zl_subs_expect(subs, p + sizeof(r), r.len);
	return p + sizeof(r) + r.len;
}

/* xpub_verbose: those who know the prefix are told again, of each subscription to it, as far as
 * their credit goes. The others are told first of what came before this one. */
static void repeat(struct zl_control *c, struct zl_subs *subs, const uint8_t *prefix,
		   unsigned bytes);

static bool is_verbose(const struct zl_socket *socket)
{
	return socket->at.options.xpub_verbose || socket->at.options.xpub_verboser;
}

void zl_subscribe_records(struct zl_control *c, struct zl_stream *s, const struct zl_ipc_subs *m)
{
	const uint8_t *p = (const uint8_t *)(m + 1), *end = p + m->bytes, *ahead = p;
	struct zl_ipc_prefix r;

	for (int i = 0; i < AHEAD; i++)
		ahead = expect(s->socket->subs, ahead, end);
	for (; p < end && s->subscriber != ZL_NO_PEER; p += sizeof(r) + r.len) {
		memcpy(&r, p, sizeof(r));
		if (r.len > longest(s->socket)) {
			zl_stream_close(c, s, ZL_REASON_prefix_too_long);
			return;
		}
		if (is_verbose(s->socket) && r.op == ZL_SUBSCRIBE)
			repeat(c, s->socket->subs, p + sizeof(r), r.len);
		ahead = expect(s->socket->subs, ahead, end);
		if (r.op == ZL_SUBSCRIBE && !zl_limits_subscribe(c, s, p + sizeof(r), r.len))
			continue;
		int changed = change(c, s, &r, p + sizeof(r));
		if (changed < 0)
			zl_stream_close(c, s, ZL_REASON_no_memory);
		else if (changed == 0)
			c->counters[ZL_COUNT_subscriptions_unchanged]++;
		else if (r.op == ZL_SUBSCRIBE)
			c->counters[ZL_COUNT_subscriptions_added]++;
		else
			c->counters[ZL_COUNT_subscriptions_removed]++;
	}
}

/* --- reconciliation --- */

static void adopt_record(struct zl_control *c, const struct zl_ipc_match *m,
			 const struct zl_ipc_match_prefix *r, const uint8_t *prefix)
{
	struct zl_socket *socket = zl_socket_by_id(c, m->socket);
	int err = 0;

	if (!socket || !socket->subs)
		return;
	if ((r->target & ZL_MATCH_CORE) == ZL_MATCH_CORE) {
		err = zl_subs_adopt_core(socket->subs, m->core, (uint32_t)r->target, prefix,
					 r->len);
	} else {
		struct zl_stream *s = zl_stream_find(c, r->target);
		/* Of a stream that has gone since, its matcher forgets all by itself. */
		if (s && s->socket == socket && s->subscriber != ZL_NO_PEER)
			err = zl_subs_adopt(socket->subs, s->subscriber, prefix, r->len);
	}
	if (err < 0)
		zl_log(ZL_ERROR, "no memory to take over the subscriptions of \"%s\"",
		       socket->at.name);
}

void zl_subscribe_adopt(struct zl_control *c, const struct zl_ipc_match *m)
{
	const uint8_t *p = (const uint8_t *)(m + 1), *end = p + m->bytes;
	struct zl_ipc_match_prefix r;

	for (; p < end; p += sizeof(r) + r.len) {
		memcpy(&r, p, sizeof(r));
		adopt_record(c, m, &r, p + sizeof(r));
	}
}

void zl_subscribe_settle(struct zl_control *c)
{
	for (struct zl_socket *s = c->sockets; s; s = s->next)
		if (s->subs)
			zl_subs_settle(s->subs);
}

/* --- upstream --- */

static size_t put_head(uint8_t *to, uint8_t flags, uint64_t body)
{
	if (body <= 255) {
		to[0] = flags;
		to[1] = (uint8_t)body;
		return 2;
	}
	to[0] = flags | FLAG_LONG;
	for (int i = 0; i < 8; i++)
		to[1 + i] = (uint8_t)(body >> (56 - 8 * i));
	return 9;
}

/* 3.1: the commands SUBSCRIBE and CANCEL (RFC 37); 3.0 and 2.0: messages of 0x01 or 0x00 and the
 * prefix (RFC 23, 15). A RADIO is told by JOIN and LEAVE, for want of anything older. */
static size_t put_news(uint8_t *to, const struct zl_news *news, const struct zl_stream *s)
{
	bool joins = s->peer_type == ZL_RADIO, command = joins || s->zmtp >= ZL_ZMTP_V3_1;
	const char *name = joins ? (news->subscribe ? "\004JOIN" : "\005LEAVE")
				 : (news->subscribe ? "\011SUBSCRIBE" : "\006CANCEL");
	size_t name_bytes = command ? strlen(name) : 1;
	size_t at = put_head(to, command ? FLAG_COMMAND : 0, name_bytes + news->bytes);

	if (command)
		memcpy(to + at, name, name_bytes);
	else
		to[at] = news->subscribe;
	if (news->bytes > 0)
		memcpy(to + at + name_bytes, news->prefix, news->bytes);
	return at + name_bytes + news->bytes;
}

static size_t credit(const struct zl_stream *s)
{
	uint64_t out = s->sent - s->acked;

	return out < CREDIT_BYTES ? CREDIT_BYTES - (size_t)out : 0;
}

static void pump(struct zl_control *c, struct zl_stream *s)
{
	struct zl_subs *subs = downstream(s->socket);
	uint8_t bytes[SEND_MAX];
	struct zl_news news;
	size_t n = 0;

	while (credit(s) >= n + FRAME_MAX && zl_publisher_peek(subs, s->publisher, &news)) {
		if (s->peer_type == ZL_RADIO && news.bytes == ZL_ALL_GROUPS) {
			zl_publisher_done(subs, s->publisher, &news); /* JOIN has no word for it */
			continue;
		}
		if (n + 9 + 10 + news.bytes > sizeof(bytes)) {
			zl_stream_send(c, s, bytes, n);
			n = 0;
			continue;
		}
		n += put_news(bytes + n, &news, s);
		zl_publisher_done(subs, s->publisher, &news);
		c->counters[ZL_COUNT_upstream_frames]++;
	}
	zl_stream_send(c, s, bytes, n);
}

void zl_subscribe_pump(struct zl_control *c)
{
	struct zl_stream *s = c->publishers;

	for (; s && zl_dataplane_queued(c) < QUEUE_PAUSE; s = s->next_publisher)
		pump(c, s);
}

static void repeat(struct zl_control *c, struct zl_subs *subs, const uint8_t *prefix,
		   unsigned bytes)
{
	const struct zl_news news = {.subscribe = true, .bytes = bytes, .prefix = prefix};
	uint8_t frame[FRAME_MAX];

	zl_subscribe_pump(c);
	for (struct zl_stream *p = c->publishers; p; p = p->next_publisher) {
		if (downstream(p->socket) != subs ||
		    !zl_publisher_told(subs, p->publisher, prefix, bytes) || credit(p) < FRAME_MAX)
			continue;
		zl_stream_send(c, p, frame, put_news(frame, &news, p));
		c->counters[ZL_COUNT_upstream_frames]++;
	}
}

/* --- user messages upstream --- */

static bool append_part(struct zl_stream *s, const uint8_t *part, size_t n, bool more)
{
	uint8_t *wider = realloc(s->message, s->message_bytes + 9 + n);

	if (!wider)
		return false;
	s->message = wider;
	s->message_bytes += put_head(wider + s->message_bytes, more ? FLAG_MORE : 0, n);
	if (n > 0)
		memcpy(wider + s->message_bytes, part, n);
	s->message_bytes += n;
	return true;
}

static size_t frame_bytes(const uint8_t *frame)
{
	size_t n = 0;

	if (!(frame[0] & FLAG_LONG))
		return 2 + (size_t)frame[1];
	for (int i = 0; i < 8; i++)
		n = n << 8 | frame[1 + i];
	return 9 + n;
}

/* All parts or none, in packets that end where frames end. */
static void pass_on(struct zl_control *c, const struct zl_stream *from, struct zl_stream *to)
{
	size_t start = 0, end = 0;

	if (credit(to) < from->message_bytes) {
		c->counters[ZL_COUNT_upstream_dropped]++;
		return;
	}
	while (end < from->message_bytes) {
		size_t n = frame_bytes(from->message + end);
		if (end + n - start > SEND_MAX) {
			zl_stream_send(c, to, from->message + start, end - start);
			start = end;
		}
		end += n;
	}
	zl_stream_send(c, to, from->message + start, end - start);
	c->counters[ZL_COUNT_upstream_messages]++;
}

void zl_subscribe_message(struct zl_control *c, struct zl_stream *s, const uint8_t *part, size_t n,
			  bool more)
{
	if (s->message_bytes + n > MESSAGE_MAX || 9 + n > SEND_MAX ||
	    !append_part(s, part, n, more))
		s->message_too_long = true;
	if (more)
		return;
	if (s->message_too_long)
		c->counters[ZL_COUNT_upstream_dropped]++;
	for (struct zl_stream *p = c->publishers; p && !s->message_too_long; p = p->next_publisher)
		if (p->peer_type == ZL_XPUB && downstream(p->socket) == s->socket->subs)
			pass_on(c, s, p);
	free(s->message);
	s->message = NULL;
	s->message_bytes = 0;
	s->message_too_long = false;
}
