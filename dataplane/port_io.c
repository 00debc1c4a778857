/* Frames between ports and the stack. A port with a queue for each core needs no more than that; of
 * a port with one queue, the owning core receives for all and hands each frame to the core that its
 * flow belongs to (software steering), and the others hand it what they send. Where a device has
 * queues for all but a hash of its own, each core does so with what comes to it. */
#include <sys/random.h>

#include "dataplane/lcore.h"
#include "dataplane/net/steer.h"

#define LANE_BURST  64
#define LANE_BUDGET 512 /* parcels of one lane a turn */
#define RX_BURSTS   4 /* of one port a turn, while they are full: a turn costs the same for more, */
#define RX_BYTES    16384 /* up to so many, or caches would hold them no more when they go on */

/* Frames for core `to`; what its lane cannot take is dropped, as a full NIC queue would. */
static void hand_over(struct zl_lcore *c, unsigned to, uint16_t port, enum zl_parcel_kind kind,
		      struct rte_mbuf **frames, unsigned n)
{
	struct zl_parcel v[ZL_NET_BURST];
	unsigned sent;

	for (unsigned i = 0; i < n; i++)
		v[i] = (struct zl_parcel){.frame = frames[i], .port = port, .kind = (uint8_t)kind};
	sent = zl_lane_waiting(&c->lane[to]) ? 0 : zl_lane_offer(&c->lane[to], v, n);
	c->counter[ZL_CORE_frames_steered] += sent;
	c->counter[ZL_CORE_drop_lane_full] += n - sent;
	while (sent < n)
		rte_pktmbuf_free(frames[sent++]);
}

static void steer(struct zl_lcore *c, uint16_t port, struct rte_mbuf **frames, unsigned n)
{
	struct rte_mbuf *to[ZL_POLL_CORES_MAX][ZL_NET_BURST];
	unsigned count[ZL_POLL_CORES_MAX] = {0};

	for (unsigned i = 0; i < n; i++) {
		unsigned core = c->port[port].groups_stay && zl_steer_anywhere(frames[i])
					? c->id
					: zl_steer_frame(frames[i], c->poll_cores);

		to[core][count[core]++] = frames[i];
	}
	for (unsigned core = 0; core < c->poll_cores; core++) {
		if (!count[core])
			continue;
		if (core == c->id)
			zl_net_input(c->net, port, to[core], count[core], c->now_ns);
		else
			hand_over(c, core, port, ZL_PARCEL_RX, to[core], count[core]);
	}
}

static uint64_t bytes_of(struct rte_mbuf *const *frames, unsigned n)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < n; i++)
		bytes += frames[i]->pkt_len;
	return bytes;
}

/* What came, added to *bytes. */
static unsigned receive_burst(struct zl_lcore *c, uint16_t port, uint64_t *bytes)
{
	struct zl_core_port *p = &c->port[port];
	struct rte_mbuf *frames[ZL_NET_BURST];
	unsigned n = zl_port_rx(p->port, p->queue, frames, ZL_NET_BURST, c->now_ns);

	if (!n)
		return 0;
	zl_stage_enter(&c->stages, ZL_STAGE_net_in);
	*bytes += bytes_of(frames, n);
	if (p->steer)
		steer(c, port, frames, n);
	else
		zl_net_input(c->net, port, frames, n, c->now_ns);
	zl_stage_enter(&c->stages, ZL_STAGE_port_rx);
	return n;
}

static unsigned receive_from(struct zl_lcore *c, uint16_t port)
{
	unsigned n, total = 0, bursts = 0;
	uint64_t bytes = 0;

	do {
		n = receive_burst(c, port, &bytes);
		total += n;
	} while (n == ZL_NET_BURST && ++bursts < RX_BURSTS && bytes < RX_BYTES);
	return total;
}

unsigned zl_core_receive(struct zl_lcore *c)
{
	enum zl_stage was = zl_stage_enter(&c->stages, ZL_STAGE_port_rx);
	unsigned work = 0;

	for (uint16_t port = 0; port < c->n_ports; port++)
		if (c->port[port].polled)
			work += receive_from(c, port);
	zl_stage_leave(&c->stages, was);
	return work;
}

static void transmit(void *ctx, uint16_t port, struct rte_mbuf **frames, unsigned n)
{
	struct zl_lcore *c = ctx;
	struct zl_core_port *p = &c->port[port];
	enum zl_stage was = zl_stage_enter(&c->stages, ZL_STAGE_port_tx);

	if (p->polled)
		zl_port_tx(p->port, p->queue, frames, n, c->now_ns);
	else
		hand_over(c, p->owner, port, ZL_PARCEL_TX, frames, n);
	zl_stage_leave(&c->stages, was);
}

/* A core that has no queue of its own looks at the only one. */
static bool tx_waits(void *ctx, uint16_t port)
{
	const struct zl_lcore *c = ctx;
	const struct zl_core_port *p = &c->port[port];

	return zl_port_tx_waits(p->port, p->polled ? p->queue : 0);
}

static void neighbor(void *ctx, uint16_t port, uint32_t ip, const struct rte_ether_addr *mac)
{
	struct zl_lcore *c = ctx;
	struct zl_parcel v = {.port = port, .kind = ZL_PARCEL_NEIGHBOR};

	v.neighbor.ip = ip;
	rte_memcpy(v.neighbor.mac, mac->addr_bytes, sizeof(v.neighbor.mac));
	for (unsigned core = 0; core < c->poll_cores; core++)
		if (core != c->id && !zl_lane_waiting(&c->lane[core]))
			zl_lane_offer(&c->lane[core], &v, 1); /* lost: that core asks by itself */
}

/* A datagram whose socket is elsewhere, whatever queue the device chose. */
static void hand_on(void *ctx, unsigned core, uint16_t port, struct rte_mbuf *packet)
{
	hand_over(ctx, core, port, ZL_PARCEL_PACKET, &packet, 1);
}

static uint64_t draw(void *ctx)
{
	struct zl_lcore *c = ctx;

	if (!c->random_left) {
		size_t got = 0;

		while (got < sizeof(c->random)) {
			ssize_t n = getrandom((char *)c->random + got, sizeof(c->random) - got, 0);

			if (n > 0)
				got += (size_t)n;
		}
		c->random_left = RTE_DIM(c->random);
	}
	return c->random[--c->random_left];
}

static bool lands_here(void *ctx, uint16_t port, const struct zl_endpoint_addr *local,
		       const struct zl_endpoint_addr *remote)
{
	const struct zl_lcore *c = ctx;
	uint32_t hash = zl_flow_hash(remote->ip, local->ip, remote->port, local->port);

	(void)port;
	return zl_steer_core(hash, c->poll_cores) == c->id;
}

const struct zl_net_ops zl_core_net_ops = {
	.transmit = transmit,
	.tx_waits = tx_waits,
	.accept = zl_peer_accept,
	.neighbor = neighbor,
	.hand_on = hand_on,
	.random = draw,
	.lands_here = lands_here,
};

/* A run of parts for one socket; gives their references back. */
static void parts_in(struct zl_lcore *c, uint32_t socket, const struct zl_msg *msgs, unsigned n)
{
	enum zl_stage was = zl_stage_enter(&c->stages, ZL_STAGE_router);
	struct zl_shard *s = zl_shard_find(c, socket);

	if (s)
		zl_shard_from_core(s, msgs, n);
	else
		c->counter[ZL_CORE_lane_parts_lost] += n;
	zl_msgs_unref(msgs, n);
	zl_stage_leave(&c->stages, was);
}

static void neighbor_in(struct zl_lcore *c, const struct zl_parcel *p)
{
	struct rte_ether_addr mac;

	rte_memcpy(mac.addr_bytes, p->neighbor.mac, sizeof(mac.addr_bytes));
	zl_net_neighbor_set(c->net, p->port, p->neighbor.ip, &mac, c->now_ns);
}

static void frames_go(struct zl_lcore *c, const struct zl_parcel *like, struct rte_mbuf **frames,
		      unsigned n)
{
	const struct zl_core_port *p = &c->port[like->port];

	if (like->kind == ZL_PARCEL_RX)
		zl_net_input(c->net, like->port, frames, n, c->now_ns);
	else if (like->kind == ZL_PARCEL_PACKET)
		zl_net_handed_on(c->net, like->port, frames, n, c->now_ns);
	else
		zl_port_tx(p->port, p->queue, frames, n, c->now_ns);
}

/* Frames of one port and direction that lie together go on together. */
static unsigned frames_in(struct zl_lcore *c, const struct zl_parcel *v, unsigned n)
{
	struct rte_mbuf *frames[ZL_NET_BURST];
	enum zl_stage was;
	unsigned run = 0;

	if (v[0].kind == ZL_PARCEL_NEIGHBOR) {
		neighbor_in(c, v);
		return 1;
	}
	while (run < n && run < ZL_NET_BURST && v[run].kind == v[0].kind &&
	       v[run].port == v[0].port) {
		frames[run] = v[run].frame;
		run++;
	}
	was = zl_stage_enter(&c->stages,
			     v[0].kind == ZL_PARCEL_TX ? ZL_STAGE_port_tx : ZL_STAGE_net_in);
	frames_go(c, &v[0], frames, run);
	zl_stage_leave(&c->stages, was);
	return run;
}

static void message_broken(struct zl_lcore *c, uint32_t socket)
{
	struct zl_shard *s = zl_shard_find(c, socket);

	c->mid_lane = -1;
	if (s)
		zl_socket_broken(&s->socket);
}

/* A run of parts ends with the last part of a message where it can: what is cut short leaves the
 * core in the middle of that lane's message, and nothing else is given to sockets until it ends. */
static void parcels_in(struct zl_lcore *c, unsigned from, const struct zl_parcel *v, unsigned n)
{
	struct zl_msg msgs[LANE_BURST];

	for (unsigned i = 0; i < n;) {
		unsigned run = 0;

		if (v[i].kind == ZL_PARCEL_BROKEN) {
			message_broken(c, v[i].socket);
			i++;
			continue;
		}
		if (v[i].kind != ZL_PARCEL_MSG) {
			i += v[i].kind >= ZL_PARCEL_IN ? zl_crossing_in(c, from, v + i, n - i)
						       : frames_in(c, v + i, n - i);
			continue;
		}
		for (; i + run < n && v[i + run].kind == ZL_PARCEL_MSG &&
		       v[i + run].socket == v[i].socket;
		     run++)
			msgs[run] = v[i + run].msg;
		c->mid_lane = msgs[run - 1].flags & ZL_MSG_MORE ? (int)from : -1;
		parts_in(c, v[i].socket, msgs, run);
		i += run;
	}
}

static unsigned pull(struct zl_lcore *c, unsigned from)
{
	struct zl_parcel v[LANE_BURST];
	unsigned n, total = 0;

	do {
		n = zl_lane_pull(c->inbound[from], v, LANE_BURST);
		/* A publisher on another core may answer a subscription that this core is only
		 * about to hear of: what control sent before, it sent first. */
		if (n && c->mid_lane < 0)
			zl_core_orders(c);
		parcels_in(c, from, v, n);
		total += n;
	} while (n && (total < LANE_BUDGET || c->mid_lane == (int)from));
	return total;
}

unsigned zl_core_pull_lanes(struct zl_lcore *c)
{
	unsigned work = 0;

	for (unsigned from = 0; from < c->cores; from++) {
		if (from == c->id || (c->mid_lane >= 0 && c->mid_lane != (int)from))
			continue;
		work += pull(c, from);
	}
	return work;
}

#define DRAIN_NS 10000000 /* at the end: for resets that the device has no room for yet */

void zl_core_drain(struct zl_lcore *c)
{
	uint64_t until = zl_clock_ns() + DRAIN_NS;

	for (uint16_t i = 0; i < c->n_ports; i++) {
		struct zl_core_port *p = &c->port[i];

		while (p->polled && zl_port_tx_waits(p->port, p->queue) && zl_clock_ns() < until)
			zl_port_poll(p->port, p->queue, zl_clock_ns());
	}
}

static void flush_lanes(struct zl_lcore *c)
{
	for (unsigned to = 0; to < c->cores; to++)
		if (to != c->id)
			zl_lane_flush(&c->lane[to]);
}

void zl_core_flush(struct zl_lcore *c)
{
	if (c->dues) {
		flush_lanes(c); /* nothing is reserved from here on */
		zl_dues_say(c);
	}
	flush_lanes(c);
	zl_stage_enter(&c->stages, ZL_STAGE_port_tx);
	for (uint16_t port = 0; port < c->n_ports; port++)
		if (c->port[port].polled)
			zl_port_poll(c->port[port].port, c->port[port].queue, c->now_ns);
	zl_stage_enter(&c->stages, ZL_STAGE_other);
}
