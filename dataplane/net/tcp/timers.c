/* A connection's three timers: retransmission (or persist), delayed ACK, and the slow one, which is
 * keepalive, FIN-WAIT-2 or TIME-WAIT by the state. Deadlines mostly move later, with every ACK; so
 * the wheel is left alone then, and a timer that fires early arms itself again. */
#include "dataplane/net/tcp/tcp.h"

#define CONN_OF(timer, member)                                                                     \
	((struct tcp_conn *)((char *)(timer)-offsetof(struct tcp_conn, member)))

void timer_set(struct tcp_conn *c, struct zl_timer *t, uint64_t *deadline_ns, uint64_t at_ns)
{
	*deadline_ns = at_ns;
	if (!zl_timer_armed(t) || t->deadline_ns > at_ns)
		zl_timer_arm(&conn_net(c)->timers, t, at_ns);
}

/* True: the deadline has come (and is cleared). */
static bool due(struct tcp_conn *c, struct zl_timer *t, uint64_t *deadline_ns, uint64_t now_ns)
{
	if (*deadline_ns == 0)
		return false;
	if (*deadline_ns > now_ns) {
		zl_timer_arm(&conn_net(c)->timers, t, *deadline_ns);
		return false;
	}
	*deadline_ns = 0;
	return true;
}

static void rtx_fire(struct zl_timer *t, uint64_t now_ns)
{
	struct tcp_conn *c = CONN_OF(t, rtx_timer);

	if (due(c, t, &c->rtx_deadline_ns, now_ns))
		retransmit_timeout(c);
}

static void ack_fire(struct zl_timer *t, uint64_t now_ns)
{
	struct tcp_conn *c = CONN_OF(t, ack_timer);

	if (!due(c, t, &c->ack_deadline_ns, now_ns) || !(c->flags & CONN_ACK_DELAYED))
		return;
	count(conn_net(c), ZL_NET_tcp_delayed_acks);
	c->flags |= CONN_ACK_NOW;
	conn_want_output(c);
}

void slow_timer_after_ms(struct tcp_conn *c, uint64_t ms)
{
	timer_set(c, &c->slow_timer, &c->slow_deadline_ns, conn_now(c) + ms_ns(ms));
}

void keepalive_start(struct tcp_conn *c)
{
	c->probes = 0;
	if (c->keepalive_idle_ms)
		slow_timer_after_ms(c, c->keepalive_idle_ms);
}

/* RFC 9293 3.8.4: only an idle connection is probed, with a segment the peer must answer. */
static void keepalive(struct tcp_conn *c)
{
	uint64_t idle_until = c->last_rcvd_ns + ms_ns(c->keepalive_idle_ms);
	uint64_t later = conn_now(c) + ms_ns(c->keepalive_interval_ms);

	if (c->keepalive_idle_ms == 0)
		return;
	if (idle_until > conn_now(c) || c->rtx_deadline_ns) {
		c->probes = 0;
		timer_set(c, &c->slow_timer, &c->slow_deadline_ns,
			  c->rtx_deadline_ns ? RTE_MAX(idle_until, later) : idle_until);
		return;
	}
	if (c->probes >= c->keepalive_probes) {
		conn_reset(c, TCP_REASON_keepalive_timeout);
		return;
	}
	c->probes++;
	count(conn_net(c), ZL_NET_tcp_keepalive_probes);
	(void)segment_send(c, c->snd_nxt - 1, RTE_TCP_ACK_FLAG, PAYLOAD_NONE, 0);
	slow_timer_after_ms(c, c->keepalive_interval_ms);
}

/* The peer acknowledged our FIN and has gone quiet: it must close within the user timeout. */
static void fin_wait(struct tcp_conn *c)
{
	uint64_t until = c->last_rcvd_ns + ms_ns(c->user_timeout_ms);

	if (until > conn_now(c))
		timer_set(c, &c->slow_timer, &c->slow_deadline_ns, until);
	else
		conn_reset(c, TCP_REASON_fin_timeout);
}

static void slow_fire(struct zl_timer *t, uint64_t now_ns)
{
	struct tcp_conn *c = CONN_OF(t, slow_timer);

	if (!due(c, t, &c->slow_deadline_ns, now_ns))
		return;
	switch ((enum tcp_state)c->state) {
	case TCP_CLOSED:
	case TCP_SYN_SENT:
	case TCP_SYN_RCVD:
		break;
	case TCP_ESTABLISHED:
	case TCP_FIN_WAIT_1:
	case TCP_CLOSE_WAIT:
	case TCP_CLOSING:
	case TCP_LAST_ACK:
		keepalive(c);
		break;
	case TCP_FIN_WAIT_2:
		fin_wait(c);
		break;
	case TCP_TIME_WAIT:
		conn_close(c, TCP_REASON_closed_here);
		break;
	}
}

void timers_init(struct tcp_conn *c)
{
	zl_timer_init(&c->rtx_timer, rtx_fire);
	zl_timer_init(&c->ack_timer, ack_fire);
	zl_timer_init(&c->slow_timer, slow_fire);
}

void timers_stop(struct tcp_conn *c)
{
	struct zl_timer_wheel *w = &conn_net(c)->timers;

	zl_timer_disarm(w, &c->rtx_timer);
	zl_timer_disarm(w, &c->ack_timer);
	zl_timer_disarm(w, &c->slow_timer);
	zl_timer_disarm(w, &c->linger_timer);
	c->rtx_deadline_ns = c->ack_deadline_ns = c->slow_deadline_ns = 0;
}
