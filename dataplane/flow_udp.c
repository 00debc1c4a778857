/* udp://: each message a datagram of our own stack, each datagram a message. A bind receives, and
 * as DGRAM sends to whoever its messages name; a connect (RADIO) sends to one address or group. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/datagram.h"
#include "dataplane/flow.h"
#include "dataplane/lcore.h"
#include "dataplane/net/igmp.h"
#include "dataplane/net/udp.h"

struct udp_flow {
	struct zl_flow flow;
	struct zl_udp *udp;
	bool addressed; /* DGRAM: each message says where to, and where from */
	uint8_t hops;   /* to a group */
	bool loop;      /* to our own sockets in it, too */
	/* The message that is being written: */
	bool begun, skipping;
	uint8_t head[ZL_DATAGRAM_HEAD_MAX];
	unsigned head_len;
	struct zl_endpoint_addr to;
};

static struct udp_flow *of(struct zl_flow *f)
{
	return (struct udp_flow *)f;
}

static struct zl_flow *create(struct zl_lcore *c, const struct zl_ipc_endpoint *at,
			      const struct zl_ipc_socket *socket)
{
	struct udp_flow *u = calloc(1, sizeof(*u));

	(void)c;
	if (!u)
		return NULL;
	u->addressed = socket->type == ZL_DGRAM;
	u->hops = (uint8_t)socket->options.multicast_hops;
	u->loop = socket->options.multicast_loop;
	u->to = (struct zl_endpoint_addr){.ip = at->ip, .port = at->port};
	return &u->flow;
}

static void destroy(struct zl_flow *f)
{
	free(of(f));
}

/* --- in --- */

static void on_datagram(void *owner, struct rte_mbuf *m, const struct zl_endpoint_addr *remote,
			const struct zl_endpoint_addr *local)
{
	struct udp_flow *u = owner;
	struct zl_msg *parts = zl_flow_room_for_two(&u->flow);

	(void)local;
	if (u->addressed ? zl_datagram_addressed(u->flow.core->frames, m, remote, parts)
			 : zl_datagram_grouped(m, parts)) {
		zl_flow_two_in(&u->flow);
		return;
	}
	zl_core_count(u->flow.core,
		      u->addressed ? ZL_CORE_drop_flow_no_memory : ZL_CORE_drop_flow_malformed);
	rte_pktmbuf_free(m);
}

/* Nobody has anything to say to a RADIO. */
static void on_answer(void *owner, struct rte_mbuf *m, const struct zl_endpoint_addr *remote,
		      const struct zl_endpoint_addr *local)
{
	struct udp_flow *u = owner;

	(void)remote;
	(void)local;
	zl_core_count(u->flow.core, ZL_CORE_drop_flow_malformed);
	rte_pktmbuf_free(m);
}

/* Does it receive what a group is sent? */
static bool joins(const struct zl_ipc_endpoint *at)
{
	return !at->connect && zl_is_group(at->ip);
}

static bool hears(const struct zl_flow *f)
{
	return joins(&f->at);
}

static int join(struct zl_lcore *c, const struct zl_ipc_endpoint *at)
{
	return joins(at) ? zl_flow_join_group(c, at->via, at->ip) : 0;
}

static void leave(struct zl_lcore *c, const struct zl_ipc_endpoint *at)
{
	if (joins(at))
		zl_flow_leave_group(c, at->via, at->ip);
}

/* A group may be others' too. */
static int open_socket(struct udp_flow *u)
{
	const struct zl_ipc_endpoint *at = &u->flow.at;
	const struct zl_endpoint_addr from = {.port = at->via_port};
	const struct zl_endpoint_addr local = {.ip = at->ip, .port = at->port};
	struct zl_net *net = u->flow.core->net;

	if (at->connect)
		return zl_udp_open(net, &from, on_answer, u, &u->udp);
	if (zl_is_group(at->ip))
		return zl_udp_open_shared(net, &local, on_datagram, u, &u->udp);
	return zl_udp_open(net, &local, on_datagram, u, &u->udp);
}

static int open_here(struct zl_flow *f)
{
	const struct zl_ipc_endpoint *at = &f->at;
	struct udp_flow *u = of(f);
	int error = open_socket(u);

	if (error)
		return error;
	zl_udp_set_loop(u->udp, u->loop);
	error = join(f->core, at);
	if (error)
		zl_udp_close(f->core->net, u->udp);
	return error;
}

static void close_here(struct zl_flow *f)
{
	leave(f->core, &f->at);
	zl_udp_close(f->core->net, of(f)->udp);
}

static int open_elsewhere(struct zl_lcore *c, struct zl_core_endpoint *e, unsigned core)
{
	const struct zl_endpoint_addr local = {.ip = e->at.ip, .port = e->at.port};
	int error;

	if (e->at.connect)
		return 0;
	error = zl_is_group(e->at.ip) ? zl_udp_elsewhere_shared(c->net, &local, core, &e->udp)
				      : zl_udp_elsewhere(c->net, &local, core, &e->udp);
	if (error)
		return error;
	error = join(c, &e->at);
	if (error)
		zl_udp_close(c->net, e->udp);
	return error;
}

static void close_elsewhere(struct zl_lcore *c, struct zl_core_endpoint *e)
{
	if (!e->udp)
		return;
	leave(c, &e->at);
	zl_udp_close(c->net, e->udp);
}

/* --- out --- */

/* Group, or address: what the datagram begins with, or where it goes. */
static bool begin(struct udp_flow *u, const struct zl_msg *part)
{
	if (u->addressed)
		return zl_datagram_address(part, &u->to);
	if (part->len >= sizeof(u->head))
		return false;
	u->head[0] = (uint8_t)part->len;
	u->head_len = 1 + zl_msg_peek(part, u->head + 1, part->len);
	return true;
}

static void send_message(struct udp_flow *u, const struct zl_msg *body)
{
	struct zl_lcore *c = u->flow.core;
	struct rte_mbuf *m;
	uint16_t sum;
	int port;

	if (u->head_len + (uint64_t)body->len > ZL_DATAGRAM_MAX) {
		zl_core_count(c, ZL_CORE_drop_flow_too_long);
		return;
	}
	m = zl_datagram_make(c->frames, u->head, u->head_len, body);
	if (!m) {
		zl_core_count(c, ZL_CORE_drop_flow_no_memory);
		return;
	}
	if (!zl_is_group(u->to.ip)) {
		zl_udp_send(c->net, u->udp, m, &u->to);
		return;
	}
	/* A DGRAM may name a group: it goes out by the port that it is bound to, or the first. */
	port = zl_net_port_of(c->net, u->flow.at.via ? u->flow.at.via : u->flow.at.ip);
	if (port < 0)
		port = 0;
	if (zl_datagram_sum(u->head, u->head_len, body, &sum))
		zl_udp_send_group_summed(c->net, u->udp, m, (uint16_t)port, &u->to, u->hops, sum);
	else
		zl_udp_send_group(c->net, u->udp, m, (uint16_t)port, &u->to, u->hops);
}

/* Each message has two parts, or else none of it is sent. */
static void write_parts(struct zl_flow *f, const struct zl_msg *msgs, unsigned n)
{
	struct udp_flow *u = of(f);

	for (unsigned i = 0; i < n; i++) {
		bool more = msgs[i].flags & ZL_MSG_MORE;

		if (u->skipping) {
			u->skipping = more;
		} else if (!u->begun) {
			u->begun = more && begin(u, &msgs[i]);
			u->skipping = more && !u->begun;
			if (!u->begun)
				zl_core_count(f->core, ZL_CORE_drop_flow_malformed);
		} else {
			u->begun = false;
			u->skipping = more;
			if (more)
				zl_core_count(f->core, ZL_CORE_drop_flow_malformed);
			else
				send_message(u, &msgs[i]);
		}
	}
}

static void broken(struct zl_flow *f)
{
	of(f)->begun = of(f)->skipping = false;
}

const struct zl_flow_ops zl_flow_udp = {
	.create = create,
	.destroy = destroy,
	.hears = hears,
	.open = open_here,
	.close = close_here,
	.open_elsewhere = open_elsewhere,
	.close_elsewhere = close_elsewhere,
	.write = write_parts,
	.broken = broken,
};
