/* What a connection has to send at the end of a turn: its SYN, the ACKs it owes, as much of its
 * send queue as both windows allow, its FIN. */
#include "dataplane/net/tcp/tcp.h"

#define SEGMENTS_A_TURN 64      /* then others get their turn */
#define RETRY_NS        1000000 /* when there was no buffer */

uint32_t window_free(const struct tcp_conn *c)
{
	uint32_t rcvbuf = c->tcp->config->rcvbuf;
	uint32_t free_bytes = rcvbuf > c->rx_bytes ? rcvbuf - c->rx_bytes : 0;

	return RTE_MIN(free_bytes, 65535u << c->rcv_wscale);
}

/* Two segments' worth when the peer is running out of window; else a quarter of it, so that an
 * owner who consumes steadily causes few. */
bool window_update_due(const struct tcp_conn *c)
{
	uint32_t rcvbuf = RTE_MIN(c->tcp->config->rcvbuf, 65535u << c->rcv_wscale);
	uint32_t wnd = conn_rcv_wnd(c), open = window_free(c);
	uint32_t low = RTE_MIN(2u * c->rcv_mss, rcvbuf / 2);
	uint32_t worth = wnd < rcvbuf / 4 ? low : rcvbuf / 4;

	if (c->state != TCP_ESTABLISHED && c->state != TCP_FIN_WAIT_1 && c->state != TCP_FIN_WAIT_2)
		return false;
	return open > wnd && open - wnd >= worth;
}

static void time_segment(struct tcp_conn *c)
{
	if (c->flags & CONN_RTT_TIMED)
		return;
	c->flags |= CONN_RTT_TIMED;
	c->rtt_seq = c->snd_nxt;
	c->rtt_sent_ns = conn_now(c);
}

static void output_syn(struct tcp_conn *c)
{
	uint8_t flags = RTE_TCP_SYN_FLAG | (c->state == TCP_SYN_RCVD ? RTE_TCP_ACK_FLAG : 0);

	if (c->snd_nxt != c->iss)
		return;
	if (segment_send(c, c->iss, flags, PAYLOAD_NONE, 0) < 0) {
		conn_output_again(c, RETRY_NS);
		return;
	}
	c->snd_nxt = c->iss + 1;
	if (c->snd_max == c->iss) {
		c->snd_max = c->snd_nxt;
		time_segment(c);
	} else {
		c->flags &= ~CONN_RTT_TIMED;
	}
	retransmit_arm(c, false);
}

/* Payload bytes of the next segment: RFC 9293 3.8.6.2.1 without Nagle's delay, RFC 5681 3.1, and
 * one more segment for each of the first two duplicate ACKs (RFC 3042). */
static uint32_t sendable(const struct tcp_conn *c)
{
	uint32_t flight = conn_flight(c), cwnd = c->cc.cwnd;
	uint32_t wnd_left = c->snd_wnd > flight ? c->snd_wnd - flight : 0;
	uint32_t len = (uint32_t)RTE_MIN(c->stream.sendq.unsent, (uint64_t)c->snd_mss);

	if (!(c->flags & (CONN_RECOVERY | CONN_RTO_RECOVERY)) && c->dupacks < 3)
		cwnd += c->dupacks * c->snd_mss;
	if (len > wnd_left) {
		if (wnd_left < c->snd_mss && wnd_left < RTE_MAX(c->max_snd_wnd / 2, 1u))
			return 0;
		len = wnd_left;
	}
	return flight + len <= cwnd ? len : 0;
}

/* All data was sent, the FIN was not, or has to be again. */
static bool fin_due(const struct tcp_conn *c)
{
	return (c->flags & (CONN_FIN_WANTED | CONN_FIN_ACKED)) == CONN_FIN_WANTED &&
	       c->stream.sendq.unsent == 0 &&
	       c->snd_nxt == c->snd_una + (uint32_t)c->stream.sendq.bytes;
}

int output_segment(struct tcp_conn *c, uint32_t len)
{
	uint8_t flags = RTE_TCP_ACK_FLAG;
	bool last = len == c->stream.sendq.unsent;
	bool fin = last && c->flags & CONN_FIN_WANTED;

	if (last && len)
		flags |= RTE_TCP_PSH_FLAG;
	if (fin)
		flags |= RTE_TCP_FIN_FLAG;
	if (segment_send(c, c->snd_nxt, flags, len ? PAYLOAD_NEXT : PAYLOAD_NONE, len) < 0)
		return -1;
	if (seq_lt(c->snd_nxt, c->snd_max))
		count(conn_net(c), ZL_NET_tcp_retransmits);
	c->snd_nxt += len + fin;
	if (seq_lt(c->snd_max, c->snd_nxt)) {
		if (c->dupacks && !(c->flags & CONN_RECOVERY))
			c->limited += len;
		time_segment(c);
		c->snd_max = c->snd_nxt;
	}
	c->last_sent_ns = conn_now(c);
	return 0;
}

/* False: a buffer was lacking. What the port has no room for stays in the send queue, where it may
 * grow to full segments and be dropped by the owner's rules; the next turn tries again. */
static bool output_data(struct tcp_conn *c)
{
	unsigned n;
	uint32_t len;

	if (c->snd_nxt == c->snd_una && c->stream.sendq.unsent &&
	    conn_now(c) - c->last_sent_ns > rto_ns(c))
		c->cc.ops->idle(&c->cc);
	for (n = 0; n < SEGMENTS_A_TURN; n++) {
		len = sendable(c);
		if (len == 0 && !fin_due(c))
			return true;
		if (unlikely(conn_net(c)->tx[c->port].waits)) {
			count(conn_net(c), ZL_NET_tcp_output_held);
			break;
		}
		if (output_segment(c, len) < 0 &&
		    (len <= TCP_SMALL_SEGMENT || output_segment(c, TCP_SMALL_SEGMENT) < 0))
			return false;
	}
	conn_output_again(c, 0);
	return true;
}

/* One ACK for what came in order, and one for each segment that did not (RFC 5681 4.2). */
static bool output_duplicate_acks(struct tcp_conn *c)
{
	unsigned n = c->dup_owed + !!(c->flags & (CONN_ACK_NOW | CONN_ACK_DELAYED));

	if (c->dup_owed == 0)
		return true;
	while (n-- > 0)
		if (segment_ack(c) < 0)
			return false;
	c->dup_owed = 0;
	return true;
}

/* RFC 9293 3.8.6.3: at the latest every second segment, a burst counting as one. */
static bool output_ack(struct tcp_conn *c)
{
	if (c->flags & CONN_ACK_DELAYED && c->acks_owed_segs >= 2)
		c->flags |= CONN_ACK_NOW;
	if (c->flags & CONN_ACK_NOW)
		return segment_ack(c) == 0;
	if (c->flags & CONN_ACK_DELAYED && c->ack_deadline_ns == 0)
		timer_set(c, &c->ack_timer, &c->ack_deadline_ns,
			  conn_now(c) + ms_ns(c->tcp->config->delayed_ack_ms));
	return true;
}

/* False: a buffer was lacking. */
static bool output_retransmission(struct tcp_conn *c)
{
	if (!(c->flags & CONN_RTX_OWED))
		return true;
	if (retransmit_first(c) < 0)
		return false;
	c->flags &= ~CONN_RTX_OWED;
	return true;
}

/* What cannot be sent for want of buffers must not keep back the ACK of what was received. */
static bool output_all(struct tcp_conn *c)
{
	bool sent = output_duplicate_acks(c) && output_retransmission(c) && output_data(c);

	return output_ack(c) && sent;
}

void conn_output(struct tcp_conn *c)
{
	switch ((enum tcp_state)c->state) {
	case TCP_CLOSED:
		break;
	case TCP_SYN_SENT:
	case TCP_SYN_RCVD:
		output_syn(c);
		break;
	case TCP_ESTABLISHED:
	case TCP_FIN_WAIT_1:
	case TCP_CLOSE_WAIT:
	case TCP_CLOSING:
	case TCP_LAST_ACK:
		if (!output_all(c))
			conn_output_again(c, RETRY_NS);
		retransmit_arm(c, false);
		break;
	case TCP_FIN_WAIT_2:
	case TCP_TIME_WAIT:
		if (!output_duplicate_acks(c) || !output_ack(c))
			conn_output_again(c, RETRY_NS);
		break;
	}
}
