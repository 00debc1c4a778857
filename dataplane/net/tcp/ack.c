/* What a segment's ACK field and window say (RFC 9293 3.10.7.4, fifth check): what the peer has is
 * let go, round trips are measured, and our half of closing moves on. */
#include "dataplane/net/tcp/tcp.h"

/* RFC 9293 3.10.7.4: only a segment that is no older than the last that told. One that acknowledges
 * something new is not, even if it was sent again: else the window would move on with snd_una. */
void window_input(struct tcp_conn *c, const struct tcp_segment *s)
{
	if (seq_lt(c->snd_una, s->ack) || seq_lt(c->snd_wl1, s->seq) ||
	    (c->snd_wl1 == s->seq && seq_le(c->snd_wl2, s->ack))) {
		uint32_t wnd = (uint32_t)s->wnd << c->snd_wscale;

		if (wnd > c->snd_wnd)
			conn_want_output(c);
		c->snd_wnd = wnd;
		c->max_snd_wnd = RTE_MAX(c->max_snd_wnd, wnd);
		c->snd_wl1 = s->seq;
		c->snd_wl2 = s->ack;
	}
}

/* One timed segment a round trip, never one that was sent twice (RFC 6298 3); where there is none,
 * the echoed timestamp, coarse but unambiguous (RFC 7323 4.1). */
static void measure_rtt(struct tcp_conn *c, const struct tcp_segment *s)
{
	if (c->flags & CONN_RTT_TIMED) {
		if (seq_le(c->rtt_seq, s->ack)) {
			c->flags &= ~CONN_RTT_TIMED;
			rtt_sample(c, (conn_now(c) - c->rtt_sent_ns) / 1000);
		}
	} else if (c->flags & CONN_TS && s->opt.has_ts && s->opt.ts_ecr) {
		uint32_t ms = timestamp_now(c) - s->opt.ts_ecr;

		if (ms <= c->tcp->config->max_rto_ms)
			rtt_sample(c, RTE_MAX(ms * 1000ull, 500ull));
	}
}

void ack_advance(struct tcp_conn *c, const struct tcp_segment *s)
{
	uint32_t acked = s->ack - c->snd_una, flight = conn_flight(c);
	uint32_t data = (uint32_t)RTE_MIN((uint64_t)acked, c->stream.sendq.bytes);

	if (data) {
		c->released_msgs += zl_sendq_ack(&c->stream.sendq, data);
		c->released_bytes += data;
		conn_want_events(c, 0);
	}
	if (acked > data)
		c->flags |= CONN_FIN_ACKED;
	c->snd_una = s->ack;
	c->snd_nxt = seq_max(c->snd_nxt, s->ack);
	c->progress_ns = conn_now(c);
	c->backoff = 0;
	measure_rtt(c, s);
	retransmit_new_ack(c, acked, flight);
	if (c->stream.sendq.unsent || c->flags & (CONN_FIN_WANTED | CONN_RTX_OWED))
		conn_want_output(c);
}

/* Our SYN is acknowledged, alone: nothing else was sent yet. */
void syn_acked(struct tcp_conn *c, const struct tcp_segment *s)
{
	measure_rtt(c, s);
	c->snd_una = c->iss + 1;
	c->snd_nxt = seq_max(c->snd_nxt, c->snd_una);
	conn_established(c);
}

/* RFC 5681 2: what counts as a duplicate. */
static bool duplicate(const struct tcp_conn *c, const struct tcp_segment *s)
{
	return !(c->flags & CONN_PERSIST) && s->ack == c->snd_una && s->len == 0 &&
	       !(s->flags & RTE_TCP_FIN_FLAG) && c->snd_max != c->snd_una &&
	       ((uint32_t)s->wnd << c->snd_wscale) == c->snd_wnd;
}

/* RFC 9293 3.10.7.4, our FIN having been acknowledged. False: the connection is over. */
static bool fin_acked(struct tcp_conn *c)
{
	switch ((enum tcp_state)c->state) {
	case TCP_FIN_WAIT_1:
		c->state = TCP_FIN_WAIT_2;
		slow_timer_after_ms(c, c->user_timeout_ms);
		return true;
	case TCP_CLOSING:
		conn_time_wait(c);
		return true;
	case TCP_LAST_ACK:
		conn_close(c, TCP_REASON_closed_by_peer);
		return false;
	case TCP_CLOSED:
	case TCP_SYN_SENT:
	case TCP_SYN_RCVD:
	case TCP_ESTABLISHED:
	case TCP_FIN_WAIT_2:
	case TCP_CLOSE_WAIT:
	case TCP_TIME_WAIT:
		return true;
	}
	return true;
}

bool ack_input(struct tcp_conn *c, struct tcp_segment *s)
{
	if (c->state == TCP_SYN_RCVD) {
		if (!seq_lt(c->snd_una, s->ack) || seq_lt(c->snd_max, s->ack)) {
			segment_rst_reply(c->tcp, s, &c->stream.local, &c->stream.remote);
			return false;
		}
		c->snd_wl1 = s->seq - 1; /* from here on windows are scaled */
		syn_acked(c, s);
	}
	/* RFC 5961 5.2: not sent yet, or older than any window we ever had */
	if (seq_lt(c->snd_max, s->ack) || seq_lt(s->ack, c->snd_una - c->max_snd_wnd)) {
		challenge_ack(c);
		return false;
	}
	if (seq_lt(s->ack, c->snd_una))
		return true;
	if (duplicate(c, s))
		retransmit_duplicate_ack(c);
	window_input(c, s);
	if (c->snd_wnd == 0 || c->flags & CONN_PERSIST) {
		c->progress_ns = conn_now(c); /* closed, but there (RFC 9293 3.8.6.1) */
		c->flags &= ~CONN_PROBED;
	}
	if (s->ack != c->snd_una)
		ack_advance(c, s);
	return c->flags & CONN_FIN_ACKED ? fin_acked(c) : true;
}
