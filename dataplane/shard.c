/* A socket's part on one core: where a pattern's hooks meet sessions, lanes and devices. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/lcore.h"
#include "dataplane/ring/chain.h"

#define FAN 64 /* sessions handled at once */

/* What a stream has queued is the truth about its pipe. */
static void settle(struct zl_session *session)
{
	const struct zl_stream *stream = session->stream;
	struct zl_peer *p = session->owner;

	if (!stream)
		return;
	p->pipe.queued_msgs = (uint32_t)stream->sendq.msgs;
	p->pipe.queued_bytes = stream->sendq.bytes;
}

static void write_sessions(struct zl_shard *s, struct zl_session *const *sessions,
			   unsigned n_sessions, const struct zl_msg *msgs, unsigned n)
{
	enum zl_stage was = zl_stage_enter(&s->core->stages, ZL_STAGE_zmtp_out);

	zl_session_write(&s->core->zmtp, sessions, n_sessions, msgs, n);
	for (unsigned i = 0; i < n_sessions; i++)
		settle(sessions[i]);
	zl_stage_leave(&s->core->stages, was);
	s->core->msgs_out += (uint64_t)n * n_sessions;
}

/* What a flow has queued is the truth about its pipe. */
static void write_flow(struct zl_shard *s, struct zl_peer *p, const struct zl_msg *msgs, unsigned n)
{
	enum zl_stage was = zl_stage_enter(&s->core->stages, ZL_STAGE_zmtp_out);

	p->flow->ops->write(p->flow, msgs, n);
	p->pipe.queued_msgs = p->flow->queued_msgs;
	p->pipe.queued_bytes = p->flow->queued_bytes;
	zl_stage_leave(&s->core->stages, was);
	s->core->msgs_out += n;
}

static void on_write(void *ctx, struct zl_pipe *const *pipes, unsigned n_pipes,
		     const struct zl_msg *msgs, unsigned n)
{
	struct zl_shard *s = ctx;
	struct zl_session *sessions[FAN];
	unsigned count = 0;

	for (unsigned i = 0; i < n_pipes; i++) {
		struct zl_peer *p = pipes[i]->end;

		if (pipes[i]->kind == ZL_PIPE_CORE) {
			s->core->counter[ZL_CORE_lane_messages] += n;
			zl_lane_write(&s->core->lane[pipes[i]->id & 0xff], ZL_PARCEL_MSG,
				      s->config.id, msgs, n);
			continue;
		}
		if (p->state != ZL_PEER_READY)
			continue;
		if (p->flow) {
			write_flow(s, p, msgs, n);
			continue;
		}
		sessions[count++] = &p->session;
		if (count == FAN) {
			write_sessions(s, sessions, count, msgs, n);
			count = 0;
		}
	}
	if (count)
		write_sessions(s, sessions, count, msgs, n);
}

static bool is_guest(const struct zl_shard *s, const struct zl_pipe *pipe)
{
	const struct zl_peer *p = pipe->end;

	return p->core != s->core;
}

/* Of a socket that lives here, as its peers may not. */
static void on_write_home(void *ctx, struct zl_pipe *const *pipes, unsigned n_pipes,
			  const struct zl_msg *msgs, unsigned n)
{
	for (unsigned i = 0; i < n_pipes; i++) {
		if (is_guest(ctx, pipes[i]))
			zl_guest_write(ctx, pipes[i], msgs, n);
		else
			on_write(ctx, &pipes[i], 1, msgs, n);
	}
}

static bool on_has_room(void *ctx, unsigned parts)
{
	return zl_shard_may_pass(ctx, parts);
}

static unsigned on_receive(void *ctx, const struct zl_msg *msgs, unsigned n)
{
	struct zl_shard *s = ctx;

	if (!s->device)
		return n; /* a socket of no device has no reader here */
	return zl_device_forward(s->device, &s->socket, msgs, n);
}

static unsigned on_subscriptions(void *ctx, struct zl_pipe *pipe, const struct zl_msg *msgs,
				 unsigned n)
{
	struct zl_peer *p = pipe->end;
	unsigned taken = zl_core_tells(p->core) ? zl_notify_subs(p, msgs, n) : 0;

	(void)ctx;
	if (taken < n) {
		zl_core_count(p->core, ZL_CORE_stalls_control);
		zl_peer_wait_relay(p);
	}
	return taken;
}

/* A part that no letter holds is more than control passes upstream: it is told of one too long. */
static bool on_upstream(void *ctx, struct zl_pipe *pipe, const struct zl_msg *msg)
{
	struct zl_peer *p = pipe->end;

	(void)ctx;
	if (zl_core_tells(p->core) && zl_notify_message(p, msg))
		return true;
	zl_core_count(p->core, ZL_CORE_stalls_control);
	zl_peer_wait_relay(p);
	return false;
}

static void close_end(struct zl_shard *s, struct zl_pipe *pipe, const char *reason)
{
	if (is_guest(s, pipe))
		zl_guest_close(s, pipe->end, reason);
	else
		zl_peer_close(pipe->end, reason, false);
}

/* Half a message is no message: who was sent its beginning is ended, or told. */
static void on_broken(void *ctx, struct zl_pipe *pipe)
{
	struct zl_shard *s = ctx;
	const struct zl_parcel v = {.socket = s->config.id, .kind = ZL_PARCEL_BROKEN};

	if (!pipe) {
		if (s->device)
			zl_device_broken(s->device, &s->socket);
	} else if (pipe->kind == ZL_PIPE_CORE) {
		zl_lane_push(&s->core->lane[pipe->id & 0xff], &v, 1);
	} else {
		close_end(s, pipe, "half_message");
	}
}

/* A chain, if one buffer does not hold them. */
static struct zl_buf *on_buffer(void *ctx, const void *bytes, uint32_t len, const uint8_t **data)
{
	struct zl_shard *s = ctx;
	struct zl_chain chain = {0};

	if (!zl_chain_append(&chain, s->core->frames, bytes, len)) {
		rte_pktmbuf_free(chain.head);
		return NULL;
	}
	*data = rte_pktmbuf_mtod(chain.head, uint8_t *);
	return (struct zl_buf *)chain.head;
}

/* A buffer counts to 65535, and not only these references. */
#define HELD_REFS_MAX 25000
/* A part smaller than this share of its buffer is copied next to others. */
#define SPARSE_SHARE 8

static bool copy_small(struct zl_shard *s, const struct zl_msg *msg, struct zl_msg *held)
{
	uint32_t n = msg->wire + msg->len;

	if (!s->held || rte_pktmbuf_tailroom(s->held) < n) {
		struct rte_mbuf *fresh = rte_pktmbuf_alloc(s->core->frames);

		if (!fresh)
			return false;
		if (s->held)
			zl_buf_unref((struct zl_buf *)s->held, 1);
		s->held = fresh;
	}
	*held = *msg;
	held->buf = (struct zl_buf *)s->held;
	held->data = rte_pktmbuf_mtod_offset(s->held, uint8_t *, s->held->data_len) + msg->wire;
	memcpy(rte_pktmbuf_append(s->held, (uint16_t)n), msg->data - msg->wire, n);
	zl_buf_ref(held->buf, 1);
	return true;
}

static bool on_hold(void *ctx, const struct zl_msg *msg, struct zl_msg *held)
{
	struct rte_mbuf *m = (struct rte_mbuf *)msg->buf;
	uint32_t room = m->buf_len > RTE_PKTMBUF_HEADROOM ? m->buf_len - RTE_PKTMBUF_HEADROOM : 0;
	bool crowded = rte_mbuf_refcnt_read(m) > HELD_REFS_MAX;

	if (!m->next && (crowded || msg->wire + msg->len < room / SPARSE_SHARE))
		return copy_small(ctx, msg, held);
	if (crowded)
		return false;
	*held = *msg;
	zl_buf_ref(msg->buf, 1);
	return true;
}

static void on_misbehaved(void *ctx, struct zl_pipe *pipe, const char *reason)
{
	struct zl_shard *s = ctx;

	zl_core_count(s->core, ZL_CORE_close_misbehaved);
	close_end(s, pipe, reason);
}

static void on_finish(void *ctx, struct zl_pipe *pipe)
{
	struct zl_shard *s = ctx;

	zl_core_count(s->core, ZL_CORE_close_by_user);
	if (is_guest(s, pipe))
		zl_guest_finish(s, pipe->end);
	else
		zl_peer_end(pipe->end, "closed_by_user", true);
}

#define OPS_BUT_WRITE                                                                              \
	.buffer = on_buffer, .hold = on_hold, .misbehaved = on_misbehaved, .finish = on_finish,    \
	.broken = on_broken, .receive = on_receive, .has_room = on_has_room,                       \
	.subscriptions = on_subscriptions, .upstream = on_upstream
static const struct zl_socket_ops shard_ops = {.write = on_write, OPS_BUT_WRITE};
static const struct zl_socket_ops home_ops = {.write = on_write_home, OPS_BUT_WRITE};

struct zl_shard *zl_shard_new(struct zl_lcore *core, const struct zl_ipc_socket *config,
			      size_t matcher_bytes)
{
	struct zl_shard *s = calloc(1, sizeof(*s));
	bool sharded = zl_ipc_sharded(config->type);
	struct zl_socket_config at;
	int error;

	if (!s)
		return NULL;
	s->core = core;
	s->config = *config;
	zl_shard_options(s);
	s->gone.socket = config->id;
	s->away = !sharded && config->home != core->id;
	if (s->away)
		return s;
	at = (struct zl_socket_config){
		.id = config->id,
		.type = config->type,
		.sndhwm = config->sndhwm,
		.rcvhwm = config->rcvhwm,
		.sndbuf = config->sndbuf,
		.max_msg_bytes = config->max_msg_bytes,
		/* its own peers, and its other shards or the peers of all cores */
		.pipes_max = sharded ? core->peers_max + core->cores
				     : core->peers_max * core->cores,
		.matcher_bytes = matcher_bytes,
		.options = &s->options,
		.policy = &s->config.policy,
		.ops = sharded ? &shard_ops : &home_ops,
		.ctx = s,
		.counter = core->router_counter,
	};
	error = zl_socket_open(&s->socket, &at);
	if (error) {
		free(s);
		errno = -error;
		return NULL;
	}
	return s;
}

void zl_shard_free(struct zl_shard *s)
{
	if (!s)
		return;
	if (!s->away) {
		zl_guests_drop(s);
		zl_socket_close(&s->socket);
	}
	if (s->held)
		zl_buf_unref((struct zl_buf *)s->held, 1);
	free(s);
}

void zl_shard_from_core(struct zl_shard *s, const struct zl_msg *msgs, unsigned n)
{
	zl_socket_send_local(&s->socket, msgs, n); /* drops for a pipe that is full, takes all */
}

struct zl_shard *zl_shard_find(struct zl_lcore *c, uint32_t socket)
{
	for (unsigned i = 0; i < ZL_SHARDS_MAX; i++)
		if (c->shard[i] && c->shard[i]->config.id == socket)
			return c->shard[i];
	return NULL;
}
