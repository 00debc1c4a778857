/* Deciding that something was lost, and recovering: RTO (RFC 6298), fast retransmit and NewReno
 * fast recovery (RFC 5681, 6582), the persist timer (RFC 9293 3.8.6.1), and giving up (3.8.3).
 * After a time-out snd_nxt and the send queue's cursor go back to snd_una and output sends on from
 * there. */
#include <errno.h>

#include "dataplane/net/tcp/tcp.h"

#define INITIAL_RTO_US  1000000 /* RFC 6298 2.1 */
#define BACKOFF_MAX     16
#define DUPACKS_TO_LOSS 3
#define RTT_MAX_US      100000000u
#define CLOCK_US        100u /* G of RFC 6298: a tick of the timer wheel, about */

void retransmit_init(struct tcp_conn *c)
{
	c->cc.ops = &cc_newreno;
	c->rto_us = INITIAL_RTO_US;
}

/* RFC 6298 2.2, 2.3 */
void rtt_sample(struct tcp_conn *c, uint64_t rtt_us)
{
	uint32_t rtt = rtt_us ? (uint32_t)RTE_MIN(rtt_us, RTT_MAX_US) : 1;
	uint32_t min_rto_us = c->tcp->config->min_rto_ms * 1000, var;

	if (c->srtt_us8 == 0) {
		c->srtt_us8 = rtt * 8;
		c->rttvar_us4 = rtt * 2;
	} else {
		uint32_t srtt = c->srtt_us8 / 8;
		uint32_t off = srtt > rtt ? srtt - rtt : rtt - srtt;

		c->rttvar_us4 = c->rttvar_us4 - c->rttvar_us4 / 4 + off;
		c->srtt_us8 = c->srtt_us8 - srtt + rtt;
	}
	var = RTE_MAX(c->rttvar_us4, CLOCK_US);
	c->rto_us = RTE_MAX(c->srtt_us8 / 8 + var, min_rto_us);
}

uint64_t rto_ns(const struct tcp_conn *c)
{
	uint64_t us = (uint64_t)c->rto_us << c->backoff;

	return RTE_MIN(us * 1000, ms_ns(c->tcp->config->max_rto_ms));
}

static bool handshaking(const struct tcp_conn *c)
{
	return c->state == TCP_SYN_SENT || c->state == TCP_SYN_RCVD;
}

static void back_off(struct tcp_conn *c)
{
	c->backoff = (uint8_t)RTE_MIN(c->backoff + 1, BACKOFF_MAX);
}

/* The sooner of the time-out and the end of the user timeout. */
static void timer_start(struct tcp_conn *c)
{
	uint64_t at = conn_now(c) + rto_ns(c);

	if (!handshaking(c))
		at = RTE_MIN(at, c->progress_ns + ms_ns(c->user_timeout_ms));
	else if (c->connect_until_ns)
		at = RTE_MIN(at, c->connect_until_ns);
	timer_set(c, &c->rtx_timer, &c->rtx_deadline_ns, at);
}

void retransmit_arm(struct tcp_conn *c, bool restart)
{
	bool outstanding = c->snd_nxt != c->snd_una;
	bool waiting = !outstanding && c->stream.sendq.unsent && !handshaking(c);
	bool persisting = c->flags & CONN_PERSIST;

	if (!outstanding && !waiting) {
		c->flags &= ~CONN_PERSIST;
		c->rtx_deadline_ns = 0;
		return;
	}
	if (c->rtx_deadline_ns && !restart && persisting == waiting)
		return;
	if (c->rtx_deadline_ns == 0)
		c->progress_ns = conn_now(c);
	if (persisting != waiting) {
		c->flags ^= CONN_PERSIST;
		c->backoff = 0;
	}
	timer_start(c);
}

/* len bytes from snd_una on, and the FIN if it was sent and follows them. */
static int resend(struct tcp_conn *c, uint32_t len)
{
	uint8_t flags = RTE_TCP_ACK_FLAG;

	if (len == c->stream.sendq.bytes && c->snd_max - c->snd_una > len)
		flags |= RTE_TCP_FIN_FLAG;
	return segment_send(c, c->snd_una, flags, len ? PAYLOAD_COPY : PAYLOAD_NONE, len);
}

int retransmit_first(struct tcp_conn *c)
{
	uint32_t sent = c->snd_max - c->snd_una;
	uint32_t len = (uint32_t)RTE_MIN(c->stream.sendq.bytes, (uint64_t)c->snd_mss);

	len = RTE_MIN(len, sent);
	if (sent == 0)
		return 0;
	if (resend(c, len) < 0 && (len <= TCP_SMALL_SEGMENT || resend(c, TCP_SMALL_SEGMENT) < 0))
		return -ENOBUFS;
	c->flags &= ~CONN_RTT_TIMED;
	count(conn_net(c), ZL_NET_tcp_retransmits);
	return 0;
}

/* RFC 6582 3.2 step 2 */
static void enter_recovery(struct tcp_conn *c)
{
	uint32_t flight = c->snd_max - c->snd_una;

	/* RFC 5681 3.2 step 2: without what limited transmit has added */
	flight -= RTE_MIN(flight, c->limited);
	c->cc.ssthresh = c->cc.ops->ssthresh(&c->cc, flight);
	c->cc.cwnd = c->cc.ssthresh + DUPACKS_TO_LOSS * c->snd_mss;
	c->recover = c->snd_max;
	c->flags = (c->flags & ~CONN_PARTIAL_ACK) | CONN_RECOVERY | CONN_RTX_OWED;
	c->limited = 0;
	count(conn_net(c), ZL_NET_tcp_fast_retransmits);
}

void retransmit_duplicate_ack(struct tcp_conn *c)
{
	c->dupacks = (uint8_t)RTE_MIN(c->dupacks + 1, UINT8_MAX);
	count(conn_net(c), ZL_NET_tcp_rx_duplicate_acks);
	if (c->flags & CONN_RECOVERY)
		c->cc.cwnd += c->snd_mss; /* another segment has left the network */
	else if (c->dupacks == DUPACKS_TO_LOSS && seq_lt(c->recover, c->snd_una))
		enter_recovery(c);
	conn_want_output(c);
}

/* RFC 6582 3.2 step 3. The timer is restarted by the first partial ACK only. */
static void partial_ack(struct tcp_conn *c, uint32_t acked)
{
	bool first = !(c->flags & CONN_PARTIAL_ACK);

	c->flags |= CONN_RTX_OWED | CONN_PARTIAL_ACK;
	c->cc.cwnd -= RTE_MIN(acked, c->cc.cwnd - c->snd_mss);
	if (acked >= c->snd_mss)
		c->cc.cwnd += c->snd_mss;
	if (first)
		retransmit_arm(c, true);
}

static void full_ack(struct tcp_conn *c)
{
	uint32_t flight = RTE_MAX(c->snd_max - c->snd_una, (uint32_t)c->snd_mss);

	c->cc.cwnd = RTE_MIN(c->cc.ssthresh, flight + c->snd_mss);
	c->flags &= ~(CONN_RECOVERY | CONN_PARTIAL_ACK | CONN_RTX_OWED);
	c->dupacks = 0;
	retransmit_arm(c, true);
}

/* acked new bytes; `flight` were outstanding before. */
void retransmit_new_ack(struct tcp_conn *c, uint32_t acked, uint32_t flight)
{
	if (c->flags & CONN_RECOVERY) {
		if (seq_lt(c->snd_una, c->recover))
			partial_ack(c, acked);
		else
			full_ack(c);
		return;
	}
	c->dupacks = 0;
	c->limited = 0;
	if (!seq_lt(c->snd_una, c->recover))
		c->flags &= ~CONN_RTO_RECOVERY;
	/* Keeps close behind snd_una, so that it never is half the number space away. */
	if (seq_lt(c->recover, c->snd_una - 1))
		c->recover = c->snd_una - 1;
	c->cc.ops->acked(&c->cc, acked, flight);
	retransmit_arm(c, true);
}

static void handshake_timeout(struct tcp_conn *c)
{
	if (c->syn_resent >= c->tcp->config->syn_retries ||
	    (c->connect_until_ns && conn_now(c) >= c->connect_until_ns)) {
		conn_close(c, TCP_REASON_connect_timed_out);
		return;
	}
	c->syn_resent++;
	c->flags |= CONN_SYN_RESENT;
	c->snd_nxt = c->iss;
	back_off(c);
	timer_start(c);
	count(conn_net(c), ZL_NET_tcp_timeouts);
	conn_want_output(c);
}

/* A closed window is probed with a byte of what comes next; one that is merely small is used after
 * all (RFC 9293 3.8.6.1, 3.8.6.2.1). */
static void persist_timeout(struct tcp_conn *c)
{
	uint32_t len;

	back_off(c);
	timer_start(c);
	c->flags |= CONN_PROBED;
	if (c->snd_wnd == 0) {
		count(conn_net(c), ZL_NET_tcp_window_probes);
		if (segment_send(c, c->snd_una, RTE_TCP_ACK_FLAG, PAYLOAD_COPY, 1) == 0)
			c->snd_max = seq_max(c->snd_max, c->snd_una + 1);
		return;
	}
	len = (uint32_t)RTE_MIN(c->stream.sendq.unsent, c->snd_mss);
	(void)output_segment(c, RTE_MIN(len, c->snd_wnd));
	conn_want_output(c);
}

/* RFC 6298 5.4 to 5.7, RFC 5681 3.1, RFC 6582 4 */
static void rto(struct tcp_conn *c)
{
	uint32_t flight = c->snd_max - c->snd_una;

	if (c->backoff == 0)
		c->cc.ssthresh = c->cc.ops->ssthresh(&c->cc, flight);
	c->cc.cwnd = c->snd_mss;
	c->cc.acked = 0;
	c->recover = c->snd_max;
	c->dupacks = 0;
	c->limited = 0;
	c->flags &= ~(CONN_RECOVERY | CONN_PARTIAL_ACK | CONN_RTX_OWED | CONN_RTT_TIMED);
	c->flags |= CONN_RTO_RECOVERY;
	zl_sendq_rewind(&c->stream.sendq);
	c->snd_nxt = c->snd_una;
	back_off(c);
	timer_start(c);
	count(conn_net(c), ZL_NET_tcp_timeouts);
	conn_want_output(c);
}

void retransmit_timeout(struct tcp_conn *c)
{
	uint64_t user_timeout_ns = ms_ns(c->user_timeout_ms);

	/* As long as the peer answers probes it may keep its window closed: the clock runs from the
	 * first that it did not answer. */
	if (c->flags & CONN_PERSIST && !(c->flags & CONN_PROBED))
		c->progress_ns = conn_now(c);
	if (handshaking(c))
		handshake_timeout(c);
	else if (conn_now(c) - c->progress_ns >= user_timeout_ns)
		conn_reset(c, TCP_REASON_timed_out);
	else if (c->flags & CONN_PERSIST)
		persist_timeout(c);
	else
		rto(c);
}
