/* Peers' numbers for control, some peers a turn so that no message waits for all of them, and what
 * those that are gone leave to their socket's totals. */
#include "dataplane/lcore.h"
#include "dataplane/router/backlog.h"
#include "drivers/host/kernel.h"

#define ROUND_NS     100000000ull /* how old a peer's numbers may get */
#define PEERS_A_TURN 16
#define SLOW_NS      1000000000ull /* so long after a drop a peer counts as slow */

/* Has it acknowledged anything, and was anything dropped for it, since the last look? */
static void look(struct zl_peer *p, uint64_t now_ns)
{
	uint64_t acked = p->flow ? p->pipe.bytes_out : zl_session_acked_total(&p->session);

	if (acked != p->pace.acked || !p->pipe.queued_bytes)
		p->pace.acked_ns = now_ns;
	if (p->pipe.msgs_dropped != p->pace.dropped)
		p->pace.dropped_ns = now_ns;
	p->pace.acked = acked;
	p->pace.dropped = p->pipe.msgs_dropped;
}

static uint64_t round_trip_us(const struct zl_peer *p)
{
	if (!p->session.stream)
		return 0;
	return p->carrier == ZL_CARRIER_STACK ? zl_tcp_srtt_us(p->session.stream)
					      : zl_kernel_rtt_us(p->session.stream);
}

/* The pipe's numbers may be another core's, which goes on counting: each is told as it is. */
static void publish_peer(struct zl_stats_peer *at, struct zl_peer *p, uint64_t now_ns)
{
	look(p, now_ns);
	at->msgs_in = p->pipe.msgs_in;
	at->bytes_in = p->pipe.bytes_in;
	at->msgs_out = p->pipe.msgs_out;
	at->bytes_out = p->pipe.bytes_out;
	at->msgs_dropped = p->pipe.msgs_dropped;
	at->queued_msgs = p->pipe.queued_msgs;
	at->queued_bytes = p->pipe.queued_bytes;
	at->srtt_us = round_trip_us(p);
	if (p->pipe.backlog) {
		at->queued_msgs += p->pipe.backlog->n;
		at->queued_bytes += p->pipe.backlog->bytes;
	}
	at->subscriptions = p->subscriptions;
	at->silent_ms = (now_ns - p->pace.acked_ns) / 1000000;
	at->dropping = p->pace.dropped_ns && now_ns - p->pace.dropped_ns < SLOW_NS;
	__atomic_store_n(&at->stream, p->id, __ATOMIC_RELEASE);
}

void zl_publish_peers(struct zl_lcore *c)
{
	for (unsigned n = 0; n < PEERS_A_TURN && c->publish_peer < c->peers_used; n++) {
		struct zl_stats_peer *at = zl_stats_peer(c->stats, c->id, c->publish_peer);
		struct zl_peer *p = &c->peers[c->publish_peer++];

		if (p->state == ZL_PEER_READY || p->state == ZL_PEER_HANDSHAKE)
			publish_peer(at, p, c->now_ns);
		else if (at->stream)
			__atomic_store_n(&at->stream, 0, __ATOMIC_RELEASE);
	}
}

void zl_publish_round(struct zl_lcore *c)
{
	if (c->now_ns < c->peers_publish_at_ns)
		return;
	c->publish_peer = 0;
	c->peers_publish_at_ns = c->now_ns + ROUND_NS;
}

void zl_publish_sockets(const struct zl_lcore *c)
{
	for (unsigned i = 0; i < ZL_SHARDS_MAX; i++) {
		struct zl_stats_socket *at = zl_stats_socket(c->stats, c->id, i);

		if (c->shard[i])
			*at = c->shard[i]->gone;
		else
			at->socket = 0;
	}
}

void zl_shard_keep(struct zl_shard *s, const struct zl_pipe *p)
{
	s->gone.peers++;
	s->gone.msgs_in += p->msgs_in;
	s->gone.bytes_in += p->bytes_in;
	s->gone.msgs_out += p->msgs_out;
	s->gone.bytes_out += p->bytes_out;
	s->gone.msgs_dropped += p->msgs_dropped;
}
