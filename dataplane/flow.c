/* What all flows have in common: where they live, and how what they receive reaches their socket, a
 * vector at a time. */
#include "dataplane/flow.h"

#include <errno.h>

#include "dataplane/lcore.h"
#include "dataplane/net/igmp.h"

static const struct zl_flow_ops *ops_of(enum zl_carrier carrier)
{
	if (carrier == ZL_CARRIER_NORM)
		return &zl_flow_norm;
	return carrier == ZL_CARRIER_UDP ? &zl_flow_udp : &zl_flow_pgm;
}

/* The kernel's are on the host core. A socket with a home has it there; of one that is on every
 * core any would do. Flows of PGM that share a local address share a core. */
unsigned zl_flow_core(const struct zl_ipc_endpoint *at, const struct zl_ipc_socket *socket,
		      unsigned poll_cores)
{
	if (!zl_ipc_on_ports(at->carrier))
		return zl_ipc_host_core(poll_cores);
	if (!zl_ipc_sharded(socket->type))
		return socket->home < poll_cores ? socket->home : 0;
	if (at->carrier == ZL_CARRIER_PGM)
		return at->via % poll_cores;
	return (at->via + at->port) % poll_cores;
}

struct zl_flow *zl_flow_create(struct zl_lcore *c, const struct zl_ipc_endpoint *at,
			       const struct zl_ipc_socket *socket)
{
	const struct zl_flow_ops *ops = ops_of(at->carrier);
	struct zl_flow *f = ops->create(c, at, socket);

	if (!f)
		return NULL;
	f->ops = ops;
	f->core = c;
	f->at = *at;
	zl_flow_rules_make(f);
	return f;
}

void zl_flow_destroy(struct zl_flow *f)
{
	if (!f)
		return;
	zl_flow_rules_drop(f);
	f->ops->destroy(f);
}

int zl_flow_open(struct zl_lcore *c, struct zl_core_endpoint *e, struct zl_flow *f)
{
	unsigned core = zl_flow_core(&e->at, &e->shard->config, c->poll_cores);
	int error;

	if (!f)
		return ops_of(e->at.carrier)->open_elsewhere(c, e, core);
	error = f->ops->open(f);
	if (error)
		return error;
	zl_flow_rules_count(f);
	e->flow = f;
	f->next = c->flows;
	c->flows = f;
	return 0;
}

static void forget_input(struct zl_flow *f)
{
	zl_msgs_unref(f->in, f->n_in);
	f->n_in = 0;
	zl_untaken_drop(&f->waiting, f->waiting.n);
}

struct zl_flow *zl_flow_close(struct zl_lcore *c, struct zl_core_endpoint *e)
{
	struct zl_flow *f = e->flow, **at = &c->flows;

	if (!f) {
		ops_of(e->at.carrier)->close_elsewhere(c, e);
		return NULL;
	}
	f->ops->close(f);
	forget_input(f);
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	return f;
}

static void resumed(struct zl_flow *f)
{
	if (f->ops->resume && !zl_flow_stalled(f))
		f->ops->resume(f);
}

void zl_flow_join(struct zl_flow *f, struct zl_peer *p)
{
	f->peer = p;
	resumed(f);
}

void zl_flow_leave(struct zl_flow *f)
{
	f->peer = NULL;
	forget_input(f);
	f->ops->broken(f);
}

static void drop(struct zl_flow *f, const struct zl_msg *msgs, unsigned n, enum zl_core_counter why)
{
	for (unsigned i = 0; i < n; i++)
		if (!(msgs[i].flags & ZL_MSG_MORE))
			zl_core_count(f->core, why);
	zl_msgs_unref(msgs, n);
}

/* What its socket did not take: whole messages. */
static void keep(struct zl_flow *f, const struct zl_msg *msgs, unsigned n)
{
	unsigned kept = 0;

	if (!n)
		return;
	if (!f->ops->keeps) {
		drop(f, msgs, n, ZL_CORE_drop_flow_full);
		return;
	}
	if (!f->waiting.n)
		zl_core_count(f->core, ZL_CORE_stalls_flow);
	kept = zl_untaken_push(&f->waiting, f->core->blocks, msgs, n);
	drop(f, msgs + kept, n - kept, ZL_CORE_drop_flow_no_memory);
}

/* Whole messages. */
static void hand_in(struct zl_flow *f, const struct zl_msg *msgs, unsigned n)
{
	struct zl_lcore *c = f->core;
	enum zl_stage was = zl_stage_enter(&c->stages, ZL_STAGE_router);
	unsigned taken = 0;

	if (!zl_flow_stalled(f))
		taken = zl_peer_take(f->peer, msgs, n, n);
	c->flow_parts += taken;
	zl_msgs_unref(msgs, taken);
	keep(f, msgs + taken, n - taken);
	zl_stage_leave(&c->stages, was);
}

static void deliver(struct zl_flow *f)
{
	unsigned n = f->n_in;

	f->n_in = 0;
	if (n)
		hand_in(f, f->in, n);
}

struct zl_msg *zl_flow_room_for_two(struct zl_flow *f)
{
	if (f->n_in + 2 > ZL_FLOW_PARTS)
		deliver(f);
	return &f->in[f->n_in];
}

void zl_flow_single_in(struct zl_flow *f, struct zl_buf *buf, const uint8_t *data, uint32_t len)
{
	if (f->n_in == ZL_FLOW_PARTS)
		deliver(f);
	f->in[f->n_in++] = (struct zl_msg){.buf = buf, .data = data, .len = len};
}

void zl_flow_in(struct zl_flow *f, const struct zl_msg *parts, unsigned n)
{
	if (f->n_in + n > ZL_FLOW_PARTS)
		deliver(f);
	if (n > ZL_FLOW_PARTS) {
		hand_in(f, parts, n);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		f->in[f->n_in++] = parts[i];
}

/* A message of more parts than are handed on at once comes in several calls. */
void zl_flow_resume(struct zl_flow *f)
{
	struct zl_msg run[ZL_FLOW_MSG_PARTS];

	while (f->peer && f->waiting.n) {
		unsigned n = zl_untaken_peek(&f->waiting, run, RTE_DIM(run));
		unsigned taken = zl_peer_take(f->peer, run, n, n);

		f->core->flow_parts += taken;
		zl_untaken_drop(&f->waiting, taken);
		if (taken < n)
			return;
	}
	resumed(f);
}

void zl_flows_turn(struct zl_lcore *c)
{
	for (struct zl_flow *f = c->flows; f; f = f->next) {
		if (f->ops->turn)
			f->ops->turn(f, c->now_ns);
		deliver(f);
	}
}

void zl_flows_end(struct zl_lcore *c)
{
	for (struct zl_flow *f = c->flows; f; f = f->next) {
		forget_input(f);
		f->ops->close(f);
	}
	/* The core turns on, until what others have queued is sent, and hears control. */
	for (unsigned i = 0; i < ZL_ENDPOINTS_MAX; i++)
		if (c->endpoint[i].flow)
			c->endpoint[i] = (struct zl_core_endpoint){0};
	c->flows_ended = c->flows;
	c->flows = NULL;
}

/* Groups are joined on every core that a datagram may come to; one reports them. */
int zl_flow_join_group(struct zl_lcore *c, uint32_t via, uint32_t group)
{
	int port = zl_net_port_of(c->net, via);

	if (port < 0)
		return -EADDRNOTAVAIL;
	return zl_group_join(c->net, (uint16_t)port, group, c->id == 0, c->now_ns);
}

void zl_flow_leave_group(struct zl_lcore *c, uint32_t via, uint32_t group)
{
	zl_group_leave(c->net, (uint16_t)zl_net_port_of(c->net, via), group, c->now_ns);
}
