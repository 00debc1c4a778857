/* A connection's life apart from its segments: opened, established, put on the turn's lists, closed
 * for a reason, released. Releasing is always left to the end of the turn (pending.c), so that
 * nobody on the way there holds a connection that is gone. */
#include "dataplane/net/tcp/tcp.h"

static void append(struct tcp_list *l, struct tcp_conn *c, struct tcp_conn **link)
{
	*link = NULL;
	*l->tail = c;
	l->tail = link;
}

void list_init(struct tcp_list *l)
{
	l->head = NULL;
	l->tail = &l->head;
}

void conn_want_events(struct tcp_conn *c, uint32_t ev)
{
	c->flags |= ev;
	if (c->flags & CONN_ON_EVENTS)
		return;
	c->flags |= CONN_ON_EVENTS;
	append(&c->tcp->events, c, &c->ev_next);
}

void conn_want_output(struct tcp_conn *c)
{
	if (c->flags & (CONN_ON_OUTPUT | CONN_ON_AGAIN))
		return;
	c->flags |= CONN_ON_OUTPUT;
	append(&c->tcp->output, c, &c->out_next);
}

void conn_output_again(struct tcp_conn *c, uint64_t delay_ns)
{
	struct tcp *t = c->tcp;

	if (c->flags & (CONN_ON_OUTPUT | CONN_ON_AGAIN))
		return;
	c->flags |= CONN_ON_AGAIN;
	append(&t->again, c, &c->out_next);
	if (!zl_timer_armed(&t->kick))
		zl_timer_arm(&t->net->timers, &t->kick, t->net->now_ns + delay_ns);
}

static bool recycle_oldest(struct tcp *t)
{
	struct tcp_conn *c;

	/* One that waits to be released, or whose owner still has to hear, is no gain. */
	for (c = t->tw_head; c; c = c->tw_next) {
		if (c->flags & (CONN_OWNED | CONN_ON_EVENTS | CONN_ON_OUTPUT | CONN_ON_AGAIN))
			continue;
		conn_close(c, TCP_REASON_recycled);
		return true;
	}
	return false;
}

/* A recycled connection is on no list but that of the dead, so it can be taken at once. */
static struct tcp_conn *alloc(struct tcp *t)
{
	struct tcp_conn *c = table_alloc(t);

	if (c || !recycle_oldest(t))
		return c;
	dead_release(t);
	return table_alloc(t);
}

struct tcp_conn *conn_open(struct tcp *t, uint16_t port, const struct zl_endpoint_addr *local,
			   const struct zl_endpoint_addr *remote)
{
	struct tcp_conn *c = alloc(t);

	if (!c)
		return NULL;
	c->local_ip = local->ip;
	c->local_port = local->port;
	c->remote_ip = remote->ip;
	c->remote_port = remote->port;
	c->port = port;
	c->stream.ops = &tcp_stream_ops;
	c->stream.local = *local;
	c->stream.remote = *remote;
	zl_sendq_init(&c->stream.sendq, t->net->config.blocks);
	c->stream.sendq.copies = t->net->port[port].copies;
	timers_init(c);
	settings_init(c);
	c->rcv_mss = (uint16_t)(t->net->port[port].mtu - TCP_IP_HEADERS);
	c->snd_mss = TCP_DEFAULT_MSS;
	c->ts_offset = timestamp_offset(t, c);
	c->progress_ns = c->last_rcvd_ns = c->last_sent_ns = t->net->now_ns;
	retransmit_init(c);
	table_insert(c);
	return c;
}

void conn_half_open(struct tcp_conn *c, struct tcp_listener *l)
{
	struct tcp_half_open *list = &c->tcp->half_open[l - c->tcp->listener];

	c->listener = (uint16_t)(l - c->tcp->listener);
	c->listener_id = l->id;
	c->flags |= CONN_HALF_OPEN;
	l->half_open++;
	c->half_next = NULL;
	c->half_pprev = list->tail ? list->tail : &list->head;
	*c->half_pprev = c;
	list->tail = &c->half_next;
}

void conn_half_open_done(struct tcp_conn *c)
{
	struct tcp_listener *l = &c->tcp->listener[c->listener];

	if (!(c->flags & CONN_HALF_OPEN))
		return;
	c->flags &= ~CONN_HALF_OPEN;
	*c->half_pprev = c->half_next;
	*(c->half_next ? &c->half_next->half_pprev
		       : &c->tcp->half_open[c->listener].tail) = c->half_pprev;
	if (l->used && l->id == c->listener_id)
		l->half_open--;
}

/* RFC 4987 3.4. Its SYN-ACK must have gone out: it has had its chance. */
bool conn_half_open_recycle(struct tcp *t, struct tcp_listener *l)
{
	struct tcp_conn *c = t->half_open[l - t->listener].head;

	while (c && c->flags & (CONN_ON_EVENTS | CONN_ON_OUTPUT | CONN_ON_AGAIN | CONN_BUSY))
		c = c->half_next;
	if (!c)
		return false;
	conn_close(c, TCP_REASON_crowded_out);
	return true;
}

/* RFC 9293 3.10.7.4, fifth, SYN-RECEIVED; or SYN-SENT whose SYN was acknowledged. */
void conn_established(struct tcp_conn *c)
{
	c->state = c->flags & CONN_FIN_WANTED ? TCP_FIN_WAIT_1 : TCP_ESTABLISHED;
	c->cc.ops->init(&c->cc, c->snd_mss);
	if (c->flags & CONN_SYN_RESENT && c->srtt_us8 == 0)
		c->rto_us = 3000000; /* RFC 6298 5.7 */
	c->backoff = 0;
	c->recover = c->iss;
	c->progress_ns = conn_now(c);
	c->rtx_deadline_ns = 0;
	count(conn_net(c), ZL_NET_tcp_established);
	keepalive_start(c);
	conn_want_output(c);
	if (c->flags & CONN_ACTIVE) {
		conn_want_events(c, CONN_EV_ESTABLISHED);
		return;
	}
	conn_half_open_done(c);
	conn_want_events(c, CONN_EV_ACCEPT);
}

/* Both FINs are through and ours went first (RFC 9293 3.6.1). The owner is told at once, or when it
 * has taken the last of what came in; 2 MSL at the most. */
void conn_time_wait(struct tcp_conn *c)
{
	if (c->state != TCP_TIME_WAIT) {
		c->state = TCP_TIME_WAIT;
		c->reason = TCP_REASON_closed_here;
		c->rtx_deadline_ns = 0;
		table_time_wait_add(c);
		count(conn_net(c), ZL_NET_tcp_time_waits);
		if (c->flags & CONN_OWNED)
			conn_want_events(c, CONN_EV_CLOSED);
	}
	slow_timer_after_ms(c, 2 * (uint64_t)c->tcp->config->msl_ms);
}

void conn_close(struct tcp_conn *c, enum tcp_reason reason)
{
	struct tcp *t = c->tcp;

	if (c->state == TCP_CLOSED)
		return;
	conn_half_open_done(c);
	table_time_wait_remove(c);
	table_remove(c);
	timers_stop(c);
	zl_sendq_clear(&c->stream.sendq);
	count(t->net, (enum zl_net_counter)tcp_reason_counter[reason]);
	c->state = TCP_CLOSED;
	c->reason = (uint8_t)reason;
	c->flags &= ~(CONN_EV_ACCEPT | CONN_EV_ESTABLISHED | CONN_RTX_OWED | CONN_ACK_NOW |
		      CONN_ACK_DELAYED);
	if (c->flags & CONN_OWNED)
		conn_want_events(c, CONN_EV_CLOSED);
	conn_want_release(c);
}

void conn_want_release(struct tcp_conn *c)
{
	if (c->state != TCP_CLOSED || c->flags & (CONN_OWNED | CONN_ON_DEAD))
		return;
	c->flags |= CONN_ON_DEAD;
	c->hash_next = c->tcp->dead;
	c->tcp->dead = c;
}

void conn_reset(struct tcp_conn *c, enum tcp_reason reason)
{
	switch ((enum tcp_state)c->state) {
	case TCP_CLOSED:
		return;
	case TCP_SYN_SENT:
	case TCP_TIME_WAIT:
		break;
	case TCP_SYN_RCVD:
	case TCP_ESTABLISHED:
	case TCP_FIN_WAIT_1:
	case TCP_FIN_WAIT_2:
	case TCP_CLOSE_WAIT:
	case TCP_CLOSING:
	case TCP_LAST_ACK:
		segment_rst(c);
		break;
	}
	conn_close(c, reason);
}
