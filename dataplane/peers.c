/* Streams that became peers: accepted or dialled, announced to control, shaken hands with, joined
 * to their socket by a pipe, and let go. A peer's place in the table and its serial make its id. */
#include <string.h>

#include <sodium.h>

#include "dataplane/lcore.h"
#include "dataplane/router/backlog.h"
#include "drivers/host/kernel.h"

#define ID_CORE_SHIFT   56
#define ID_SERIAL_SHIFT 20
#define ID_INDEX_MASK   ((1u << ID_SERIAL_SHIFT) - 1)

static void look_at_heartbeats(struct zl_peer *p, uint64_t now_ns)
{
	uint64_t due_ns = zl_session_heartbeat(&p->session, now_ns);

	if (due_ns != UINT64_MAX)
		zl_timer_arm(&p->core->timers, &p->deadline, due_ns);
}

static void on_deadline(struct zl_timer *t, uint64_t now_ns)
{
	struct zl_peer *p = (struct zl_peer *)((char *)t - offsetof(struct zl_peer, deadline));

	if (p->state == ZL_PEER_READY) {
		look_at_heartbeats(p, now_ns);
		return;
	}
	zl_core_count(p->core, ZL_CORE_close_handshake_timeout);
	zl_session_close(&p->session, "handshake_timeout", false);
}

/* It speaks no ZMTP. */
static bool is_raw(const struct zl_peer *p)
{
	return zl_ipc_flows(p->carrier) ||
	       zl_ipc_raw(p->shard->config.type, &p->shard->config.options);
}

/* ZMQ_HANDSHAKE_IVL, or what holds for all; 0: it may take as long as it likes. An outgoing stream
 * has as long to connect, and then again to shake hands. Whom nothing is asked of, but to wait for
 * control, cannot be late. */
static void expect_handshake(struct zl_peer *p)
{
	const struct zl_ipc_options *o = &p->shard->config.options;
	uint64_t ms = o->handshake_ivl < 0 ? p->core->handshake_ms : (uint32_t)o->handshake_ivl;

	if (p->state == ZL_PEER_CONNECTING && ms)
		ms = RTE_MAX(ms, (uint64_t)o->connect_timeout);
	else if (is_raw(p))
		ms = 0;
	zl_timer_disarm(&p->core->timers, &p->deadline);
	if (ms)
		zl_timer_arm(&p->core->timers, &p->deadline, p->core->now_ns + ms * 1000000);
}

static struct zl_peer *peer_new(struct zl_lcore *c, const struct zl_core_endpoint *e)
{
	struct zl_peer *p = c->free_peers;

	if (!p) {
		zl_core_count(c, ZL_CORE_drop_no_peer);
		return NULL;
	}
	c->free_peers = p->next_free;
	c->peers_open++;
	c->peers_used = RTE_MAX(c->peers_used, p->index + 1);
	*p = (struct zl_peer){
		.core = c,
		.shard = e->shard,
		.index = p->index,
		.endpoint = e->at.id,
		.carrier = e->at.carrier,
		.serial = ++c->next_serial,
		.pace.acked_ns = c->now_ns,
	};
	p->id = (uint64_t)c->id << ID_CORE_SHIFT | (uint64_t)p->serial << ID_SERIAL_SHIFT |
		p->index;
	zl_timer_init(&p->deadline, on_deadline);
	zl_admit_new(p);
	expect_handshake(p);
	return p;
}

static void relay_remove(struct zl_peer *p);
static void deliver_remove(struct zl_peer *p);

void zl_peer_unjoin(struct zl_peer *p)
{
	deliver_remove(p);
	if (!p->pipe.socket)
		return;
	zl_shard_keep(p->pipe.socket->ctx, &p->pipe);
	zl_socket_remove_pipe(p->pipe.socket, &p->pipe);
}

void zl_peer_release(struct zl_peer *p)
{
	struct zl_lcore *c = p->core;

	if (p->away.state != ZL_AWAY_NOT)
		return; /* once its home has let go of it */
	zl_peer_unjoin(p);
	zl_timer_disarm(&c->timers, &p->deadline);
	zl_stranger_over(p);
	zl_admit_gone(p);
	relay_remove(p);
	zl_door_leave(p);
	p->state = ZL_PEER_FREE;
	p->next_free = c->free_peers;
	c->free_peers = p;
	c->peers_open--;
}

struct zl_peer *zl_peer_find(struct zl_lcore *c, uint64_t id)
{
	uint32_t index = id & ID_INDEX_MASK;

	if (index >= c->peers_max || c->peers[index].id != id ||
	    c->peers[index].state == ZL_PEER_FREE)
		return NULL;
	return &c->peers[index];
}

static struct zl_ipc_stream_open ends_of(const struct zl_stream *stream, enum zl_carrier carrier)
{
	struct zl_ipc_stream_open m = {0};

	if (carrier == ZL_CARRIER_STACK) {
		m.local = zl_ipc_end_ipv4(stream->local.ip, stream->local.port);
		m.remote = zl_ipc_end_ipv4(stream->remote.ip, stream->remote.port);
	} else {
		zl_kernel_describe(stream, &m);
	}
	return m;
}

/* Kept with the peer, which may be told of when its stream is gone. */
static void note_ends(struct zl_peer *p, const struct zl_ipc_stream_open *ends)
{
	p->local = ends->local;
	p->remote = ends->remote;
	p->pid = ends->pid;
	p->uid = ends->uid;
	p->gid = ends->gid;
}

static void begin(struct zl_peer *p, struct zl_stream *stream,
		  const struct zl_ipc_stream_open *ends)
{
	note_ends(p, ends);
	zl_session_open(&p->session, &p->core->zmtp, stream, p, p->shard->config.max_msg_bytes);
	if (is_raw(p))
		zl_session_hold(&p->session);
	p->session.takes_joins = p->shard->config.type == ZL_RADIO;
	p->session.only_first_subscribes = p->shard->config.options.only_first_subscribe;
}

/* Control hears of it now, or when it can. */
static void announce(struct zl_peer *p)
{
	zl_door_leave(p);
	p->state = ZL_PEER_NEW;
	if (zl_core_tells(p->core) && zl_notify_open(p)) {
		p->state = ZL_PEER_HANDSHAKE;
		p->announced = true;
	} else {
		zl_peer_wait_relay(p);
	}
}

static struct zl_core_endpoint *endpoint_find(struct zl_lcore *c, uint64_t id)
{
	for (unsigned i = 0; i < ZL_ENDPOINTS_MAX; i++)
		if (c->endpoint[i].at.id == id)
			return &c->endpoint[i];
	return NULL;
}

/* ZMQ_TCP_ACCEPT_FILTER is of TCP, whoever carries it; and the socket's policy has addresses. */
static bool admitted(struct zl_lcore *c, const struct zl_core_endpoint *e,
		     const struct zl_ipc_stream_open *ends)
{
	bool tcp = e->at.carrier == ZL_CARRIER_STACK || e->at.carrier == ZL_CARRIER_TCP;
	const struct zl_ipc_socket *socket = &e->shard->config;
	uint32_t ip = zl_ipc_end_ip(&ends->remote);

	if (tcp && !zl_options_admit(&socket->options, ip)) {
		zl_core_count(c, ZL_CORE_drop_filtered);
		return false;
	}
	if (!zl_policy_lets_in(&socket->policy, ip)) {
		zl_core_count(c, ZL_CORE_drop_address);
		zl_door_gone(c, e->at.id, "address_denied");
		return false;
	}
	return true;
}

/* Whoever is put out for a new one leaves its place with the core at the end of the turn, and among
 * strangers at once. */
static void put_out(struct zl_peer *p)
{
	zl_core_count(p->core, ZL_CORE_close_half_open);
	zl_stranger_over(p);
	zl_session_close(&p->session, "half_open", false);
}

static bool has_room(struct zl_lcore *c, const struct zl_ipc_source *from)
{
	struct zl_peer *other;

	switch (zl_strangers_room(&c->strangers, from, c->now_ns, &other)) {
	case ZL_STRANGER_WELCOME:
		return true;
	case ZL_STRANGER_INSTEAD:
		put_out(other);
		return true;
	case ZL_STRANGER_TOO_MANY:
		zl_core_count(c, ZL_CORE_drop_half_open);
		return false;
	case ZL_STRANGER_TOO_MANY_HERE:
		zl_core_count(c, ZL_CORE_drop_half_open_address);
		return false;
	}
	return false;
}

bool zl_peer_accept(void *ctx, uint64_t cookie, struct zl_stream *stream)
{
	struct zl_lcore *c = ctx;
	struct zl_core_endpoint *e = endpoint_find(c, cookie);
	struct zl_ipc_stream_open ends;
	struct zl_ipc_source from;
	struct zl_peer *p;

	/* At the end nobody would end a new one. */
	if (!e || __atomic_load_n(c->stop, __ATOMIC_RELAXED)) {
		zl_core_count(c, ZL_CORE_drop_no_endpoint);
		return false;
	}
	ends = ends_of(stream, e->at.carrier);
	if (!admitted(c, e, &ends))
		return false;
	from = zl_ipc_source(e->at.carrier, &ends.remote, ends.uid);
	if (!has_room(c, &from))
		return false;
	p = peer_new(c, e);
	if (!p)
		return false;
	stream->events = &zl_session_events;
	stream->owner = &p->session;
	begin(p, stream, &ends);
	zl_stranger_begin(p, &from);
	zl_core_count(c, ZL_CORE_streams_accepted);
	if (is_raw(p) || !zl_door_meet(p, e))
		announce(p);
	return true;
}

static int open_stream(struct zl_lcore *c, const struct zl_ipc_endpoint *at, struct zl_peer *p,
		       struct zl_stream **stream)
{
	const struct zl_endpoint_addr to = {.ip = at->ip, .port = at->port};
	const struct zl_tcp_settings settings = zl_options_tcp(&p->shard->config.options);
	int error;

	if (at->carrier != ZL_CARRIER_STACK)
		return zl_kernel_connect(c->kernel, at, &settings, &zl_session_events, &p->session,
					 stream);
	error = zl_tcp_connect(c->net, &to, &zl_session_events, &p->session, stream, c->now_ns);
	if (!error)
		zl_tcp_set(*stream, &settings);
	return error;
}

/* Its session is there for the sake of its end alone. */
static void begin_flow(struct zl_peer *p, struct zl_flow *f)
{
	const struct zl_ipc_endpoint *at = &f->at;

	p->flow = f;
	p->session = (struct zl_session){.zmtp = &p->core->zmtp, .owner = p};
	p->local = zl_ipc_end_ipv4(at->connect ? at->via : at->ip,
				   at->connect ? at->via_port : at->port);
	p->remote = at->connect ? zl_ipc_end_ipv4(at->ip, at->port) : p->local;
	zl_core_count(p->core, ZL_CORE_streams_dialled);
	announce(p);
}

int zl_peer_dial(struct zl_lcore *c, struct zl_core_endpoint *e)
{
	struct zl_ipc_stream_open ends;
	struct zl_stream *stream;
	struct zl_peer *p;
	int error;

	if (e->flow && e->flow->peer)
		return -EALREADY;
	p = peer_new(c, e);
	if (!p)
		return -ENOBUFS;
	p->outgoing = true;
	if (e->flow) {
		begin_flow(p, e->flow);
		return 0;
	}
	p->state = ZL_PEER_CONNECTING;
	expect_handshake(p);
	error = open_stream(c, &e->at, p, &stream);
	if (error) {
		zl_peer_release(p);
		return error;
	}
	ends = ends_of(stream, e->at.carrier);
	begin(p, stream, &ends);
	zl_core_count(c, ZL_CORE_streams_dialled);
	return 0;
}

static void established(struct zl_session *s)
{
	struct zl_peer *p = s->owner;
	const struct zl_ipc_stream_open ends = ends_of(s->stream, p->carrier);

	note_ends(p, &ends);
	announce(p);
	expect_handshake(p);
}

bool zl_peer_describe(const struct zl_peer *p, struct zl_ipc_stream_open *m)
{
	*m = (struct zl_ipc_stream_open){
		.stream = p->id,
		.endpoint = p->endpoint,
		.socket = p->shard->config.id,
		.outgoing = p->outgoing,
		.core = p->core->id,
		.carrier = p->carrier,
		.pid = p->pid,
		.uid = p->uid,
		.gid = p->gid,
		.local = p->local,
		.remote = p->remote,
	};
	return true;
}

static bool relay(struct zl_session *s, enum zl_relay kind, const uint8_t *bytes, uint32_t len)
{
	struct zl_peer *p = s->owner;

	if (p->state == ZL_PEER_DOOR) {
		if (zl_door_hear(p, kind, bytes, len) == ZL_DOOR_WAITS)
			return true;
		announce(p);
	}
	if (zl_core_tells(p->core) && p->state >= ZL_PEER_HANDSHAKE &&
	    zl_notify_bytes(p, kind, bytes, len, false)) {
		if (kind == ZL_RELAY_COMMAND || zl_session_greeting_asks(s, len))
			zl_stranger_asked(p);
		else
			zl_stranger_answered(p);
		return true;
	}
	zl_core_count(p->core, ZL_CORE_stalls_control);
	zl_peer_wait_relay(p);
	return false;
}

int zl_peer_join(struct zl_peer *p, struct zl_shard *home)
{
	p->pipe = (struct zl_pipe){
		.end = p,
		.id = p->id,
		.kind = ZL_PIPE_PEER,
		.peer_type = (uint8_t)p->ready.peer_type,
		.dialled = p->outgoing,
		.routing_id = p->ready.identity,
		.routing_id_len = (uint8_t)p->ready.identity_len,
	};
	return zl_socket_add_pipe(&home->socket, &p->pipe);
}

static void count_ready(struct zl_peer *p)
{
	zl_timer_disarm(&p->core->timers, &p->deadline);
	zl_stranger_over(p);
	zl_core_count(p->core, ZL_CORE_streams_ready);
}

static void flow_ready(struct zl_peer *p)
{
	if (zl_peer_join(p, p->shard)) {
		p->state = ZL_PEER_HANDSHAKE;
		zl_session_close(&p->session, "no_pipe", false);
		return;
	}
	zl_flow_join(p->flow, p);
	count_ready(p);
}

void zl_peer_ready(struct zl_peer *p, const struct zl_ipc_stream_ready *m, struct zl_wrap *wrap)
{
	struct zl_shard *s = p->shard;
	bool takes_subs = s->config.type == ZL_XPUB || s->config.type == ZL_PUB;
	struct zl_heartbeats beats = {0};

	p->ready = *m;
	sodium_memzero(&p->ready.boxes, sizeof(p->ready.boxes));
	p->ready.context_bytes = 0;
	zl_admit_ready(p);
	/* The pattern may have something to say to it at once. */
	p->state = ZL_PEER_READY;
	if (p->flow) {
		flow_ready(p);
		return;
	}
	zl_session_box(&p->session, &m->boxes);
	if (wrap)
		zl_session_wrap(&p->session, wrap);
	zl_session_begin(&p->session, takes_subs, m->zmtp);
	if (s->away) {
		zl_away_begin(p);
	} else if (zl_peer_join(p, s)) {
		p->state = ZL_PEER_HANDSHAKE;
		zl_session_close(&p->session, "no_pipe", false);
		return;
	}
	if (p->pipe.backlog && (m->out.msgs_per_s || m->out.bytes_per_s))
		zl_backlog_limit(p->pipe.backlog, &m->out);
	count_ready(p);
	/* Before ZMTP 3, and in none, there are no commands. */
	if (m->zmtp >= ZL_ZMTP_V3_0)
		beats = zl_options_heartbeats(&s->config.options);
	zl_session_heartbeats(&p->session, &beats, p->core->now_ns);
	zl_session_input(&p->session);
	look_at_heartbeats(p, p->core->now_ns);
}

/* Room on every lane for what may have to cross, before the pattern sees any of it: for the whole
 * of a message that comes in several calls, so that it is never refused in its middle, where
 * another core's parts would come between. */
static bool lanes_have_room(struct zl_lcore *c, uint32_t lanes, uint32_t n)
{
	if (c->mid_lane >= 0)
		return false;
	for (; lanes; lanes &= lanes - 1)
		if (!zl_lane_reserve(&c->lane[__builtin_ctz(lanes)], n))
			return false;
	return true;
}

/* The shard that the parts will leave by: of the device's other socket, if there is one. */
static struct zl_shard *outlet(struct zl_shard *s)
{
	struct zl_socket *other;

	if (!s->device)
		return s;
	other = s->device->frontend == &s->socket ? s->device->backend : s->device->frontend;
	return other->ctx;
}

bool zl_shard_may_pass(struct zl_shard *s, uint32_t parts)
{
	struct zl_shard *out = outlet(s);
	const struct zl_shard *capture = s->device && s->device->capture ? s->device->capture->ctx
									 : NULL;
	uint32_t copies = capture ? capture->lanes : 0;

	if (out != s && zl_pressure_holds_back(out)) {
		zl_core_count(s->core, ZL_CORE_stalls_pressure);
		return false;
	}
	if (!lanes_have_room(s->core, out->lanes | copies, copies ? 2 * parts : parts)) {
		zl_core_count(s->core, ZL_CORE_stalls_lane);
		return false;
	}
	return true;
}

/* Those who have waited for room go first. */
static bool in_turn(const struct zl_shard *s, const struct zl_peer *p)
{
	return !s->waits_first || s->resuming == p;
}

unsigned zl_peer_offer(struct zl_peer *p, const struct zl_msg *msgs, unsigned n, uint32_t parts)
{
	struct zl_shard *s = p->pipe.socket->ctx;
	unsigned taken = 0;

	zl_pressure_look(s->core);
	if (s->socket.pattern->labels)
		parts *= 2; /* one for each message, which has one part at least */
	if (p->mid_message || (in_turn(s, p) && zl_shard_may_pass(s, parts)))
		taken = zl_socket_input(&p->pipe, msgs, n);
	if (taken)
		p->mid_message = msgs[taken - 1].flags & ZL_MSG_MORE;
	if (taken < n || zl_socket_keeps(&p->pipe))
		zl_peer_wait_deliver(p);
	return taken;
}

unsigned zl_peer_hand_on(struct zl_peer *p, const struct zl_msg *msgs, unsigned n, uint32_t parts)
{
	return p->away.state == ZL_AWAY_NOT ? zl_peer_offer(p, msgs, n, parts)
					    : zl_away_deliver(p, msgs, n, parts);
}

unsigned zl_peer_take(struct zl_peer *p, const struct zl_msg *msgs, unsigned n, uint32_t parts)
{
	if (likely(!p->shard->checks_input))
		return zl_peer_hand_on(p, msgs, n, parts);
	return zl_admit_input(p, msgs, n, parts);
}

static unsigned deliver(struct zl_session *s, const struct zl_msg *msgs, unsigned n)
{
	struct zl_peer *p = s->owner;
	enum zl_stage was = zl_stage_enter(&p->core->stages, ZL_STAGE_router);
	uint32_t parts = msgs[n - 1].flags & ZL_MSG_MORE ? s->parts.whole : n;
	unsigned taken = zl_peer_take(p, msgs, n, parts);

	zl_stage_leave(&p->core->stages, was);
	return taken;
}

void zl_peer_read(struct zl_peer *p)
{
	if (p->flow)
		zl_flow_resume(p->flow);
	else
		zl_session_input(&p->session);
}

/* Control has credit for so much: that the peer has all of it must reach it, sooner or later. */
static void tell_sent(struct zl_peer *p)
{
	if (p->sent_told >= p->sent_total || zl_session_acked_total(&p->session) < p->sent_mark)
		return;
	if (zl_core_tells(p->core) && zl_notify_sent(p))
		p->sent_told = p->sent_total;
	else
		zl_peer_wait_relay(p);
}

static void released(struct zl_session *s, uint32_t msgs, uint32_t bytes)
{
	struct zl_peer *p = s->owner;
	enum zl_stage was;

	tell_sent(p);
	if (p->away.state != ZL_AWAY_NOT) {
		zl_away_released(p);
		return;
	}
	if (!p->pipe.socket)
		return;
	was = zl_stage_enter(&p->core->stages, ZL_STAGE_router);
	/* what the stream has queued is the truth: control's bytes and frame headers are in it */
	p->pipe.queued_msgs = (uint32_t)s->stream->sendq.msgs + msgs;
	p->pipe.queued_bytes = s->stream->sendq.bytes + bytes;
	zl_socket_released(&p->pipe, msgs, bytes);
	zl_stage_leave(&p->core->stages, was);
}

/* Releases the peer once control has been told. */
static bool tell_closed(struct zl_peer *p)
{
	struct zl_lcore *c = p->core;

	if (!zl_core_tells(c) ||
	    !zl_notify_closed(c, p->announced ? p->id : 0, p->endpoint, p->reason, 1))
		return false;
	zl_peer_release(p);
	return true;
}

static void closed(struct zl_session *s, const char *reason)
{
	struct zl_peer *p = s->owner;
	struct zl_lcore *c = p->core;

	zl_timer_disarm(&c->timers, &p->deadline);
	zl_stranger_over(p);
	zl_admit_gone(p);
	relay_remove(p);
	p->reason = reason;
	if (p->flow && p->flow->peer == p)
		zl_flow_leave(p->flow);
	p->flow = NULL;
	if (p->away.state != ZL_AWAY_NOT) {
		p->state = ZL_PEER_GONE;
		if (zl_away_end(p))
			return; /* its home knows of it, and lets go of it first */
	} else if (p->pipe.socket && !p->pipe.socket->matcher) {
		/* What is dealt out among peers must not be dealt to one that has gone. */
		zl_peer_unjoin(p);
	} else {
		deliver_remove(p);
	}
	zl_peer_over(p);
}

void zl_peer_over(struct zl_peer *p)
{
	struct zl_lcore *c = p->core;

	if (!p->announced && (!p->outgoing || !c->control)) {
		if (!p->outgoing)
			zl_door_gone(c, p->endpoint, p->reason);
		zl_peer_release(p); /* nobody knew of it, or whoever did has gone */
		return;
	}
	/* A ready peer's subscriptions must not vanish unseen: they stay until control has been
	 * told, so that it can cancel upstream what nobody else wants. */
	if (tell_closed(p))
		return;
	if (!p->shard) {
		zl_peer_release(p); /* its socket went before it */
		return;
	}
	p->state = ZL_PEER_GONE;
	zl_peer_wait_relay(p);
}

/* It may be in the middle of its input: the look comes at the next turn of the wheel. */
static void expected(struct zl_session *s)
{
	struct zl_peer *p = s->owner;

	zl_timer_arm(&p->core->timers, &p->deadline, p->core->now_ns);
}

const struct zl_session_ops zl_core_session_ops = {
	.relay = relay,
	.expected = expected,
	.deliver = deliver,
	.released = released,
	.established = established,
	.closed = closed,
};

void zl_peer_close(struct zl_peer *p, const char *reason, bool flush)
{
	if (p->state != ZL_PEER_FREE && p->state != ZL_PEER_GONE)
		zl_session_close(&p->session, reason, flush);
}

void zl_peer_end(struct zl_peer *p, const char *reason, bool flush)
{
	int32_t linger = p->shard->config.options.linger;

	if (linger != ZL_LINGER_UNSET) {
		flush = linger != 0;
		if (p->session.stream)
			p->session.stream->linger_ms = linger > 0 ? (uint32_t)linger : 0;
	}
	zl_peer_close(p, reason, flush);
}

/* Of a handshake another control knows neither what was said to the peer nor what it has said. */
static void forget_handshake(struct zl_peer *p)
{
	p->announced = false;
	if (p->sent_total || p->session.state != ZL_SESSION_SIGNATURE) {
		zl_core_count(p->core, ZL_CORE_close_control_restart);
		zl_session_close(&p->session, "control_restart", false);
	} else {
		p->state = ZL_PEER_NEW;
		zl_peer_wait_relay(p);
	}
}

void zl_peers_control_gone(struct zl_lcore *c)
{
	c->control = false;
	c->dump.active = false;
	for (uint32_t i = 0; i < c->peers_max; i++) {
		struct zl_peer *p = &c->peers[i];

		if (p->state == ZL_PEER_HANDSHAKE)
			forget_handshake(p);
		else if (p->state == ZL_PEER_GONE && !zl_peer_joined(p))
			zl_peer_release(p); /* never ready: only who has gone knew of it */
		else if (p->state == ZL_PEER_READY && p->away.state == ZL_AWAY_NOT)
			p->pipe.parts_taken = 0; /* the next control hears a message from its
						  * first part */
	}
}

void zl_peer_wait_relay(struct zl_peer *p)
{
	if (p->waits_relay)
		return;
	p->waits_relay = true;
	p->next_relay = p->core->waits_relay;
	p->core->waits_relay = p;
}

void zl_peer_wait_deliver(struct zl_peer *p)
{
	struct zl_shard *s = p->pipe.socket->ctx;

	if (p->waits_deliver)
		return;
	p->waits_deliver = true;
	p->next_deliver = NULL;
	if (s->waits_first)
		s->waits_last->next_deliver = p;
	else
		s->waits_first = p;
	s->waits_last = p;
	s->core->waits_deliver++;
}

/* Lists are short (peers under back-pressure) and leaving them is rare. */
static void relay_remove(struct zl_peer *p)
{
	for (struct zl_peer **at = &p->core->waits_relay; p->waits_relay && *at;
	     at = &(*at)->next_relay)
		if (*at == p) {
			*at = p->next_relay;
			break;
		}
	p->waits_relay = false;
}

static void deliver_remove(struct zl_peer *p)
{
	struct zl_peer **at, *before = NULL;
	struct zl_shard *s;

	if (!p->waits_deliver)
		return;
	s = p->pipe.socket->ctx;
	p->waits_deliver = false;
	s->core->waits_deliver--;
	for (at = &s->waits_first; *at != p; at = &(*at)->next_deliver)
		before = *at;
	*at = p->next_deliver;
	if (s->waits_last == p)
		s->waits_last = before;
}

static void resume_relay(struct zl_peer *p)
{
	if (p->state == ZL_PEER_GONE) {
		if (p->away.state == ZL_AWAY_NOT && !tell_closed(p))
			zl_peer_wait_relay(p);
		return;
	}
	if (p->state == ZL_PEER_NEW)
		announce(p);
	if (p->state != ZL_PEER_DOOR && p->state < ZL_PEER_HANDSHAKE)
		return;
	tell_sent(p);
	zl_peer_read(p);
}

/* What a socket that conflates has taken from p and could not pass on. */
static void offer_kept(struct zl_peer *p)
{
	if (!zl_socket_keeps(&p->pipe))
		return;
	zl_socket_input(&p->pipe, NULL, 0);
	if (zl_socket_keeps(&p->pipe))
		zl_peer_wait_deliver(p);
}

/* Each who waits once, as long as there is room: who finds none, or not enough, waits behind the
 * others from then on. */
static void resume_deliver(struct zl_shard *s)
{
	struct zl_peer *p, *last = s->waits_last;

	while ((p = s->waits_first) && !(s->device && zl_device_blocked(s->device, &s->socket))) {
		s->waits_first = p->next_deliver;
		p->waits_deliver = false;
		s->core->waits_deliver--;
		s->resuming = p;
		offer_kept(p);
		if (p->core == s->core)
			zl_peer_read(p);
		else
			zl_guest_deliver(p);
		s->resuming = NULL;
		if (p == last)
			return;
	}
}

void zl_peers_resume(struct zl_lcore *c)
{
	struct zl_peer *p, *next;

	if (c->waits_relay && zl_core_tells(c)) {
		p = c->waits_relay;
		c->waits_relay = NULL;
		for (; p; p = next) {
			next = p->next_relay;
			p->waits_relay = false;
			if (zl_mailbox_room(&c->to_host))
				resume_relay(p);
			else
				zl_peer_wait_relay(p);
		}
	}
	for (unsigned i = 0; c->waits_deliver && i < ZL_SHARDS_MAX; i++)
		if (c->shard[i])
			resume_deliver(c->shard[i]);
	if (c->waits_lane)
		zl_away_resume(c);
}
