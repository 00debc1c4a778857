/* What control says to a poll core, one letter each. Requests are answered by a RESULT letter; the
 * host core has checked every packet and puts the answers of all cores together. */
#include <errno.h>
#include <string.h>

#include <sodium.h>

#include "dataplane/lcore.h"
#include "dataplane/zmtp/wrap.h"
#include "drivers/host/kernel.h"

#define ORDERS_A_TURN 16
#define MATCHING_NS   20000 /* of a turn at most for subscriptions: traffic waits for so long */
#define MATCHING_STEP 8     /* records between looks at the clock */

static struct zl_core_endpoint *endpoint_slot(struct zl_lcore *c, uint32_t id)
{
	for (unsigned i = 0; i < ZL_ENDPOINTS_MAX; i++)
		if (c->endpoint[i].at.id == id)
			return &c->endpoint[i];
	return NULL;
}

/* Sharded sockets that send to all who want a message: those may be on another core. */
static bool crosses_cores(enum zl_socket_type type)
{
	return type == ZL_XPUB || type == ZL_PUB || type == ZL_RADIO;
}

/* Every such shard has a pipe to the same socket on each other core. */
static int join_lanes(struct zl_shard *s)
{
	struct zl_lcore *c = s->core;

	if (!crosses_cores(s->config.type))
		return 0;
	for (unsigned to = 0; to < c->cores; to++) {
		struct zl_pipe *p = &s->lane_pipe[to];

		if (to == c->id)
			continue;
		*p = (struct zl_pipe){.id = ZL_MATCH_CORE | to, .kind = ZL_PIPE_CORE};
		if (zl_socket_add_pipe(&s->socket, p))
			return -ENOSPC;
		s->lanes |= 1u << to;
	}
	return 0;
}

static int socket_add(struct zl_lcore *c, struct zl_shard *s)
{
	for (unsigned i = 0; i < ZL_SHARDS_MAX; i++) {
		if (c->shard[i])
			continue;
		s->socket.pipe_bytes_max = c->pipe_bytes_max;
		if (join_lanes(s))
			return -ENOSPC;
		c->shard[i] = s;
		zl_policy_added(c, s);
		return 0;
	}
	return -ENOSPC;
}

static void close_peers(struct zl_lcore *c, const struct zl_shard *s, uint32_t endpoint)
{
	for (uint32_t i = 0; i < c->peers_max; i++) {
		struct zl_peer *p = &c->peers[i];

		if (p->state == ZL_PEER_FREE || (s && p->shard != s) ||
		    (endpoint && p->endpoint != endpoint))
			continue;
		zl_core_count(c, ZL_CORE_close_socket);
		zl_peer_end(p, endpoint ? "disconnected" : "socket_closed", endpoint != 0);
	}
}

/* The flow, if it was here: for the host core to destroy. */
static struct zl_flow *endpoint_forget(struct zl_lcore *c, struct zl_core_endpoint *e)
{
	struct zl_flow *flow = NULL;

	if (zl_ipc_flows(e->at.carrier))
		flow = zl_flow_close(c, e);
	else if (!e->at.connect && e->at.carrier == ZL_CARRIER_STACK)
		zl_tcp_unlisten(c->net, e->at.ip, e->at.port);
	else if (!e->at.connect)
		zl_kernel_unlisten(c->kernel, e->at.id);
	*e = (struct zl_core_endpoint){0};
	return flow;
}

/* The shard goes back to the host core, which frees it and has seen to it that no endpoint or
 * device has it. Its peers end at once, and their pipes. */
static struct zl_shard *socket_del(struct zl_lcore *c, uint32_t id)
{
	struct zl_shard *s = zl_shard_find(c, id);

	if (!s)
		return NULL;
	close_peers(c, s, 0);
	zl_zmtp_poll(&c->zmtp);
	for (uint32_t i = 0; i < c->peers_max; i++)
		if (c->peers[i].state == ZL_PEER_GONE && c->peers[i].shard == s) {
			c->peers[i].shard = NULL; /* its home may not have let go of it yet */
			zl_peer_release(&c->peers[i]);
		}
	if (!s->away)
		zl_guests_shut_out(s);
	for (unsigned i = 0; i < ZL_SHARDS_MAX; i++)
		if (c->shard[i] == s)
			c->shard[i] = NULL;
	zl_policy_removed(c, s);
	return s;
}

/* A device of a socket that lives elsewhere is there alone; *used: it is here. */
static int device_add(struct zl_lcore *c, const struct zl_ipc_device *m, struct zl_device *d,
		      bool *used)
{
	struct zl_shard *front = zl_shard_find(c, m->frontend);
	struct zl_shard *back = zl_shard_find(c, m->backend);
	struct zl_shard *capture = m->capture ? zl_shard_find(c, m->capture) : NULL;
	int error;

	*used = false;
	if (!front || !back || (m->capture && !capture))
		return -ENOENT;
	if (capture && !zl_ipc_device_captures(capture->config.type))
		return -EINVAL;
	if (front->away || back->away)
		return 0;
	if (capture && capture->away)
		capture = NULL; /* of a forwarder: no peers are expected here */
	error = zl_device_open(d, m->kind, &front->socket, &back->socket);
	if (error)
		return error;
	d->id = m->id;
	d->capture = capture ? &capture->socket : NULL;
	d->paused = m->paused;
	front->device = back->device = d;
	*used = true;
	return 0;
}

/* Those who wait are read again in the next turn. */
static int device_set(struct zl_lcore *c, const struct zl_ipc_device_set *m)
{
	int error = -ENOENT;

	for (unsigned i = 0; i < ZL_SHARDS_MAX; i++) {
		struct zl_shard *s = c->shard[i];

		if (!s || !s->device || s->device->id != m->id)
			continue;
		s->device->paused = m->paused;
		error = 0;
	}
	return error;
}

static struct zl_device *device_del(struct zl_lcore *c, uint32_t id)
{
	struct zl_device *d = NULL;

	for (unsigned i = 0; i < ZL_SHARDS_MAX; i++) {
		struct zl_shard *s = c->shard[i];

		if (!s || !s->device || s->device->id != id)
			continue;
		d = s->device;
		s->device = NULL;
	}
	return d;
}

/* Where it listens, if it does, is noted in m->bound. */
static int listen_at(struct zl_lcore *c, const struct zl_shard *s, struct zl_ipc_endpoint *m)
{
	struct zl_tcp_settings settings = zl_options_tcp(&s->config.options);
	struct zl_ipc_end end = zl_ipc_end_ipv4(m->ip, m->port);
	int error;

	if (m->connect)
		return 0;
	if (m->carrier != ZL_CARRIER_STACK)
		return c->kernel ? zl_kernel_listen(c->kernel, m, &settings, m->id, &m->bound)
				 : -EINVAL;
	m->bound.bytes = end.bytes;
	memcpy(m->bound.at, end.at, end.bytes);
	error = zl_tcp_listen(c->net, m->ip, m->port, m->id);
	return error ? error : zl_tcp_listen_set(c->net, m->ip, m->port, &settings);
}

/* The place is taken once the flow is open. */
static int open_flow(struct zl_lcore *c, struct zl_core_endpoint *e, struct zl_ipc_endpoint *m,
		     struct zl_flow *flow)
{
	struct zl_ipc_end end = zl_ipc_end_ipv4(m->ip, m->port);
	int error = zl_flow_open(c, e, flow);

	if (error)
		*e = (struct zl_core_endpoint){0};
	m->bound.bytes = m->connect ? 0 : end.bytes;
	memcpy(m->bound.at, end.at, end.bytes);
	return error;
}

/* flow: made for it by the host core, or NULL. */
static int endpoint_add(struct zl_lcore *c, struct zl_ipc_endpoint *m, struct zl_flow *flow)
{
	struct zl_shard *s = zl_shard_find(c, m->socket);
	struct zl_core_endpoint *e = endpoint_slot(c, 0);
	int error;

	if (!s)
		return -ENOENT;
	if (!e)
		return -ENOSPC;
	*e = (struct zl_core_endpoint){.at = *m, .shard = s};
	if (zl_ipc_flows(m->carrier))
		return open_flow(c, e, m, flow);
	error = listen_at(c, s, m);
	if (error)
		*e = (struct zl_core_endpoint){0};
	else
		e->at = *m; /* with what it is bound to */
	return error;
}

/* A flow's peer ends with it, at once. */
static int endpoint_del(struct zl_lcore *c, uint32_t id, void **give_back)
{
	struct zl_core_endpoint *e = endpoint_slot(c, id);
	bool flow = e && zl_ipc_flows(e->at.carrier);

	if (!e)
		return -ENOENT;
	if (e->at.connect || flow)
		close_peers(c, NULL, id);
	if (flow)
		zl_zmtp_poll(&c->zmtp);
	*give_back = endpoint_forget(c, e);
	return 0;
}

static int dial(struct zl_lcore *c, uint32_t id)
{
	struct zl_core_endpoint *e = endpoint_slot(c, id);

	return e ? zl_peer_dial(c, e) : -ENOENT;
}

static void match(struct zl_lcore *c, struct zl_shard *s, const struct zl_ipc_match_prefix *r,
		  const uint8_t *prefix)
{
	struct zl_peer *p = NULL;
	struct zl_pipe *pipe;

	if ((r->target & ZL_MATCH_CORE) == ZL_MATCH_CORE) {
		pipe = &s->lane_pipe[r->target & 0xff];
	} else {
		p = zl_peer_find(c, r->target);
		pipe = p ? &p->pipe : NULL;
	}
	/* A peer may have gone while control decided: its matcher has forgotten it by itself. */
	if (!pipe || pipe->socket != &s->socket)
		zl_core_count(c, ZL_CORE_match_gone);
	else if (s->socket.pattern->subscribe(&s->socket, pipe, r->op == ZL_SUBSCRIBE, prefix,
					      r->len))
		zl_core_count(c, ZL_CORE_match_refused);
	else if (p && r->op == ZL_SUBSCRIBE)
		p->subscriptions++;
	else if (p && p->subscriptions)
		p->subscriptions--;
}

/* As much of the MATCH at hand as there is time for, so that a burst of subscriptions holds traffic
 * up by some tens of microseconds only. True: all of it. */
static bool match_some(struct zl_lcore *c, uint64_t until_ns)
{
	const struct zl_ipc_match *m = zl_ipc_body(c->matching.letter->packet);
	const uint8_t *tail = zl_ipc_tail(c->matching.letter->packet);
	struct zl_shard *s = zl_shard_find(c, m->socket);
	struct zl_ipc_match_prefix r;

	while (s && c->matching.record < m->count) {
		memcpy(&r, tail + c->matching.at, sizeof(r));
		match(c, s, &r, tail + c->matching.at + sizeof(r));
		c->matching.at += (uint32_t)sizeof(r) + r.len;
		if (++c->matching.record % MATCHING_STEP == 0 && zl_clock_ns() >= until_ns)
			break;
	}
	return !s || c->matching.record == m->count;
}

static void stream_send(struct zl_lcore *c, const struct zl_ipc_stream_send *m, const uint8_t *tail)
{
	struct zl_peer *p = zl_peer_find(c, m->stream);

	if (!p || p->flow || p->state == ZL_PEER_GONE || p->session.state == ZL_SESSION_ENDED) {
		zl_core_count(c, ZL_CORE_orders_late);
		return;
	}
	if (zl_session_send(&p->session, tail, m->bytes)) {
		zl_session_close(&p->session, "no_memory", false);
		return;
	}
	zl_stranger_answered(p);
	p->sent_total += m->bytes;
	p->sent_mark = zl_session_queued_total(&p->session);
}

/* The letter goes back to its pool without the key, or GSSAPI's context. */
static void stream_ready(struct zl_lcore *c, struct zl_letter *letter)
{
	struct zl_ipc_stream_ready *m = zl_ipc_body(letter->packet);
	struct zl_wrap *wrap = m->context_bytes ? letter->object : NULL;

	struct zl_peer *p = zl_peer_find(c, m->stream);

	if (p && p->state == ZL_PEER_HANDSHAKE && p->session.state != ZL_SESSION_ENDED) {
		if (m->context_bytes && !wrap)
			zl_session_close(&p->session, "no_context", false);
		else
			zl_peer_ready(p, m, wrap);
	} else {
		zl_wrap_free(wrap);
		zl_core_count(c, ZL_CORE_orders_late);
	}
	letter->object = NULL;
	sodium_memzero(&m->boxes, sizeof(m->boxes));
}

/* Reasons of control's are its own words: the name is kept with the peer until it is told back. */
static void stream_close(struct zl_lcore *c, const struct zl_ipc_stream_close *m)
{
	struct zl_peer *p = zl_peer_find(c, m->stream);

	if (!p) {
		zl_core_count(c, ZL_CORE_orders_late);
		return;
	}
	zl_core_count(c, ZL_CORE_close_by_control);
	memcpy(p->control_reason, m->reason, sizeof(p->control_reason));
	zl_peer_close(p, p->control_reason, true);
}

/* The request's own letter carries the answer, so an answer never lacks memory. */
static void answer(struct zl_lcore *c, struct zl_letter *letter, int error, void *give_back)
{
	const struct zl_ipc_endpoint *e = zl_ipc_body(letter->packet);
	bool bind = zl_letter_header(letter)->type == ZL_IPC_ENDPOINT_ADD && !error;
	struct zl_ipc_sockaddr bound = bind ? e->bound : (struct zl_ipc_sockaddr){0};
	uint64_t seq = zl_letter_header(letter)->seq;
	struct zl_ipc_result *m = zl_ipc_begin(letter->packet, ZL_IPC_RESULT, seq);

	*m = (struct zl_ipc_result){.error = error, .bound = bound};
	letter->object = give_back;
	zl_mailbox_post(&c->to_host, letter); /* there is always room (zl_mailbox_room) */
}

/* A request: done here, answered at once. False: the letter is still the caller's. */
static bool request(struct zl_lcore *c, struct zl_letter *letter)
{
	const struct zl_ipc_header *h = zl_letter_header(letter);
	void *body = zl_ipc_body(letter->packet), *give_back = NULL;
	const struct zl_ipc_id *id = body;
	bool used;
	int error = 0;

	switch (h->type) {
	case ZL_IPC_SOCKET_ADD:
		error = socket_add(c, letter->object);
		give_back = error ? letter->object : NULL;
		break;
	case ZL_IPC_SOCKET_DEL:
		give_back = socket_del(c, id->id);
		break;
	case ZL_IPC_DEVICE_ADD:
		error = device_add(c, body, letter->object, &used);
		give_back = used ? NULL : letter->object;
		break;
	case ZL_IPC_DEVICE_DEL:
		give_back = device_del(c, id->id);
		break;
	case ZL_IPC_DEVICE_SET:
		error = device_set(c, body);
		break;
	case ZL_IPC_ENDPOINT_SET:
		error = zl_door_set(c, body);
		break;
	case ZL_IPC_ENDPOINT_ADD:
		error = endpoint_add(c, body, letter->object);
		give_back = error ? letter->object : NULL;
		break;
	case ZL_IPC_ENDPOINT_DEL:
		error = endpoint_del(c, id->id, &give_back);
		break;
	case ZL_IPC_DIAL:
		error = dial(c, id->id);
		break;
	case ZL_IPC_COUNT:
		zl_count_start(c, ((struct zl_ipc_count *)body)->ms);
		break;
	default:
		return false;
	}
	answer(c, letter, error, give_back);
	return true;
}

static void order(struct zl_lcore *c, struct zl_letter *letter)
{
	const struct zl_ipc_header *h = zl_letter_header(letter);
	void *body = zl_ipc_body(letter->packet);

	if (h->type == ZL_NOTICE_CONTROL_GONE) {
		zl_peers_control_gone(c);
		zl_count_stop(c);
		zl_mailbox_post(&c->to_host, letter); /* all before it was for who is gone */
		return;
	}
	if (h->type == ZL_IPC_DUMP)
		zl_dump_begin(c, h->seq);
	else if (h->type == ZL_IPC_STREAM_SEND)
		stream_send(c, body, zl_ipc_tail(letter->packet));
	else if (h->type == ZL_IPC_STREAM_READY)
		stream_ready(c, letter);
	else if (h->type == ZL_IPC_STREAM_CLOSE)
		stream_close(c, body);
	else if (request(c, letter))
		return;
	else
		zl_core_count(c, ZL_CORE_orders_unknown);
	zl_letter_free(letter);
}

unsigned zl_core_orders(struct zl_lcore *c)
{
	struct zl_letter *letter = c->matching.letter;
	uint64_t until_ns = 0;

	/* In order, whatever there is: what comes after a MATCH may rely on it. */
	for (unsigned n = 0; n < ORDERS_A_TURN; n++, letter = NULL) {
		if (!letter && !(letter = zl_mailbox_take(&c->to_core)))
			return n;
		if (zl_letter_header(letter)->type != ZL_IPC_MATCH) {
			order(c, letter);
			continue;
		}
		if (!c->matching.letter)
			c->matching.record = c->matching.at = 0;
		c->matching.letter = letter;
		if (!until_ns)
			until_ns = zl_clock_ns() + MATCHING_NS;
		if (!match_some(c, until_ns))
			return n + 1;
		c->matching.letter = NULL;
		zl_letter_free(letter);
	}
	return ORDERS_A_TURN;
}
