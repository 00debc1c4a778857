/* The end of a core's turn: owners hear what has happened to their streams, then every connection
 * with something to send sends it, and so on until nothing is left; a bound on the rounds keeps one
 * turn finite whatever owners do. What is over is released last. */
#include "dataplane/net/tcp/tcp.h"

#define ROUNDS_MAX 8

static void event_accept(struct tcp_conn *c)
{
	struct zl_net *net = conn_net(c);
	struct tcp_listener *l = &c->tcp->listener[c->listener];

	if (!l->used || l->id != c->listener_id) {
		conn_reset(c, TCP_REASON_unlistened);
		return;
	}
	c->flags |= CONN_OWNED;
	if (net->config.ops->accept(net->config.ctx, l->cookie, &c->stream))
		return;
	c->flags &= ~CONN_OWNED;
	conn_reset(c, TCP_REASON_not_accepted);
	conn_want_release(c);
}

static void event_released(struct tcp_conn *c)
{
	uint32_t bytes = c->released_bytes, msgs = c->released_msgs;

	c->released_bytes = c->released_msgs = 0;
	c->stream.events->released(&c->stream, bytes, msgs);
}

/* Its owner has no more to do with it. What it did not take is lost to it. */
static void event_closed(struct tcp_conn *c)
{
	/* Closed in good order, but the owner has still to take the last of it. */
	if (c->state == TCP_TIME_WAIT && c->rx_head)
		return;
	c->flags &= ~(CONN_EV_CLOSED | CONN_OWNED);
	c->stream.events->closed(&c->stream, tcp_reason_name[c->reason]);
	payload_clear(c);
	conn_want_release(c);
}

/* Any of these may abort the stream: then it has no owner and hears no more. */
static void deliver_events(struct tcp_conn *c)
{
	if (c->flags & CONN_EV_ACCEPT) {
		c->flags &= ~CONN_EV_ACCEPT;
		event_accept(c);
	}
	if (c->flags & CONN_EV_ESTABLISHED && c->flags & CONN_OWNED) {
		c->flags &= ~CONN_EV_ESTABLISHED;
		c->stream.events->established(&c->stream);
	}
	if (c->released_bytes && c->flags & CONN_OWNED)
		event_released(c);
	if (c->flags & CONN_EV_READABLE && c->flags & CONN_OWNED) {
		c->flags &= ~CONN_EV_READABLE;
		c->stream.events->readable(&c->stream);
	}
	if (c->flags & CONN_EV_CLOSED && c->flags & CONN_OWNED)
		event_closed(c);
}

static void run_events(struct tcp *t)
{
	struct tcp_conn *c = t->events.head;

	list_init(&t->events); /* what events cause goes on a new list: the next round */
	while (c) {
		struct tcp_conn *next = c->ev_next;

		c->flags = (c->flags & ~CONN_ON_EVENTS) | CONN_BUSY;
		deliver_events(c);
		c->flags &= ~CONN_BUSY;
		c = next;
	}
}

static void run_output(struct tcp *t)
{
	struct tcp_conn *c = t->output.head;

	list_init(&t->output);
	while (c) {
		struct tcp_conn *next = c->out_next;

		c->flags &= ~CONN_ON_OUTPUT;
		conn_output(c);
		c = next;
	}
}

/* What could not go out in an earlier turn. */
static void run_again(struct tcp *t)
{
	struct tcp_conn *c = t->again.head;

	list_init(&t->again);
	while (c) {
		struct tcp_conn *next = c->out_next;

		c->flags &= ~CONN_ON_AGAIN;
		conn_want_output(c);
		c = next;
	}
}

void dead_release(struct tcp *t)
{
	struct tcp_conn *c = t->dead;

	t->dead = NULL;
	while (c) {
		struct tcp_conn *next = c->hash_next;

		c->flags &= ~CONN_ON_DEAD;
		if (c->flags & (CONN_ON_EVENTS | CONN_ON_OUTPUT | CONN_ON_AGAIN | CONN_BUSY)) {
			conn_want_release(c); /* a list still names it: the next turn */
		} else {
			payload_clear(c);
			zl_sendq_clear(&c->stream.sendq);
			table_free(c);
		}
		c = next;
	}
}

/* Caches are left out unless it is tight: to sum them up takes a look at every core. */
static bool pool_is_low(const struct rte_mempool *pool)
{
	unsigned low = pool->size / 16;

	return rte_mempool_get_ops(pool->ops_index)->get_count(pool) < low &&
	       rte_mempool_avail_count(pool) < low;
}

/* Once a turn, and only when it can have changed. What waits behind gaps is given up first: it
 * could keep the very segments from coming in that fill the gaps. */
static void look_at_pool(struct tcp *t)
{
	struct rte_mempool *pool = t->net->config.frames;

	if (!t->received && !t->pool_low)
		return;
	t->received = false;
	while ((t->pool_low = pool_is_low(pool)) && t->gaps) {
		count(t->net, ZL_NET_tcp_reassembly_pruned);
		reassembly_clear(t->gaps);
	}
}

void tcp_output_pending(struct zl_net *net)
{
	struct tcp *t = net->tcp;
	unsigned round;

	run_again(t);
	for (round = 0; round < ROUNDS_MAX && (t->events.head || t->output.head); round++) {
		run_events(t);
		run_output(t);
	}
	if ((t->events.head || t->output.head) && !zl_timer_armed(&t->kick))
		zl_timer_arm(&net->timers, &t->kick, net->now_ns);
	dead_release(t);
	look_at_pool(t);
}
