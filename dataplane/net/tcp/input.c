/* A received segment, as RFC 9293 3.10.7 has it, step by step; first the short way for what nearly
 * every segment is. Nothing is answered here but by marking what is owed; resets and challenges
 * excepted. */
#include <rte_byteorder.h>

#include "dataplane/net/tcp/tcp.h"

#define CONTROL_FLAGS                                                                              \
	(RTE_TCP_FIN_FLAG | RTE_TCP_SYN_FLAG | RTE_TCP_RST_FLAG | RTE_TCP_ACK_FLAG |               \
	 RTE_TCP_URG_FLAG)
/* A timestamp this old says nothing any more (RFC 7323 5.5). */
#define TS_RECENT_LIFE_NS (24ull * 86400 * 1000000000)
#define REUSE_ISS_STEP    65536 /* beyond all that the old incarnation may have sent */

/* Takes m over if it is a segment. The header may run over several buffers, as may the payload. */
static bool parse(struct rte_mbuf *m, struct tcp_segment *s)
{
	const struct rte_tcp_hdr *h = rte_pktmbuf_mtod(m, const struct rte_tcp_hdr *);
	unsigned header_len = (unsigned)(h->data_off >> 4) * 4;
	uint8_t copy[sizeof(*h) + TCP_OPTIONS_MAX];

	if (header_len < sizeof(*h) || header_len > m->pkt_len)
		return false;
	h = rte_pktmbuf_read(m, 0, header_len, copy);
	if (!options_parse(h, header_len, &s->opt))
		return false;
	s->ack = rte_be_to_cpu_32(h->recv_ack);
	s->wnd = rte_be_to_cpu_16(h->rx_win);
	s->flags = h->tcp_flags;
	s->seq = rte_be_to_cpu_32(h->sent_seq) - header_len;
	s->m = m;
	s->len = m->pkt_len;
	payload_trim_head(s, header_len);
	return true;
}

/* RFC 7323 4.3 */
static void ts_recent_update(struct tcp_conn *c, const struct tcp_segment *s)
{
	if (s->opt.has_ts && c->flags & CONN_TS && seq_le(c->ts_recent, s->opt.ts_val) &&
	    seq_le(s->seq, c->last_ack_sent)) {
		c->ts_recent = s->opt.ts_val;
		c->ts_recent_ns = conn_now(c);
	}
}

static void heard_from(struct tcp_conn *c)
{
	c->last_rcvd_ns = conn_now(c);
	c->probes = 0;
}

/* Header prediction: the next segment of an established connection where nothing is amiss. False:
 * it needs a closer look; nothing was changed. */
static bool predicted(struct tcp_conn *c, struct tcp_segment *s)
{
	if (c->state != TCP_ESTABLISHED || (s->flags & CONTROL_FLAGS) != RTE_TCP_ACK_FLAG ||
	    s->seq != c->rcv_nxt || c->ooo_head || s->len > conn_rcv_wnd(c) ||
	    c->flags & (CONN_RECOVERY | CONN_RTO_RECOVERY | CONN_PERSIST | CONN_PEER_FIN))
		return false;
	if (c->flags & CONN_TS && (!s->opt.has_ts || seq_lt(s->opt.ts_val, c->ts_recent)))
		return false;
	if (seq_lt(s->ack, c->snd_una) || seq_lt(c->snd_max, s->ack) ||
	    (s->len == 0 && s->ack == c->snd_una) || (s->len && c->tcp->pool_low))
		return false;
	heard_from(c);
	ts_recent_update(c, s);
	window_input(c, s);
	if (s->ack != c->snd_una)
		ack_advance(c, s);
	if (s->len)
		payload_deliver(c, s);
	return true;
}

/* RFC 9293 3.10.7.3 */
static void syn_sent(struct tcp_conn *c, struct tcp_segment *s)
{
	bool acked = false;

	if (s->flags & RTE_TCP_ACK_FLAG) {
		acked = seq_lt(c->iss, s->ack) && seq_le(s->ack, c->snd_max);
		if (!acked) {
			segment_rst_reply(c->tcp, s, &c->stream.local, &c->stream.remote);
			return;
		}
	}
	if (s->flags & RTE_TCP_RST_FLAG) {
		if (acked)
			conn_close(c, TCP_REASON_refused);
		return;
	}
	if (!(s->flags & RTE_TCP_SYN_FLAG))
		return;
	c->irs = s->seq;
	c->rcv_nxt = s->seq + 1;
	c->rcv_adv = c->rcv_nxt + RTE_MIN(c->tcp->config->rcvbuf, 65535u); /* as our SYN said */
	syn_options(c, s);
	c->snd_wnd = c->max_snd_wnd = s->wnd;
	c->snd_wl1 = s->seq;
	c->snd_wl2 = s->ack;
	heard_from(c);
	if (acked) {
		syn_acked(c, s);
		c->flags |= CONN_ACK_NOW;
	} else { /* simultaneous open: our SYN again, with an ACK */
		c->state = TCP_SYN_RCVD;
		c->snd_nxt = c->iss;
	}
	conn_want_output(c);
}

/* A SYN for a connection in TIME-WAIT opens it anew if it cannot be an old duplicate: RFC 6191 by
 * timestamp, RFC 9293 3.6.1 by sequence number. */
static bool time_wait_reuse(struct tcp_conn *c, struct tcp_segment *s)
{
	struct zl_endpoint_addr local = c->stream.local, remote = c->stream.remote;
	uint32_t iss_min = c->snd_max + REUSE_ISS_STEP;
	struct tcp *t = c->tcp;
	bool newer = seq_lt(c->rcv_nxt, s->seq);

	if (c->flags & CONN_TS && s->opt.has_ts && s->opt.ts_val != c->ts_recent)
		newer = seq_lt(c->ts_recent, s->opt.ts_val);
	if (s->flags & RTE_TCP_ACK_FLAG || !newer || !table_listener(t, local.ip, local.port))
		return false;
	count(t->net, ZL_NET_tcp_time_wait_reused);
	conn_close(c, TCP_REASON_closed_here);
	input_no_connection(t, c->port, s, &local, &remote, iss_min ? iss_min : 1);
	return true;
}

/* RFC 1337: a RST does not end TIME-WAIT. Text or FIN means that our last ACK was lost. */
static void time_wait(struct tcp_conn *c, struct tcp_segment *s)
{
	if (s->flags & RTE_TCP_RST_FLAG)
		return;
	if (s->flags & RTE_TCP_SYN_FLAG) {
		if (!time_wait_reuse(c, s))
			challenge_ack(c);
		return;
	}
	if (s->len || s->flags & RTE_TCP_FIN_FLAG) {
		c->flags |= CONN_ACK_NOW;
		conn_want_output(c);
		conn_time_wait(c);
	}
}

/* RFC 7323 5.3 R1: an old duplicate shows by its timestamp. RSTs are exempt. */
static bool timestamp_check(struct tcp_conn *c, const struct tcp_segment *s)
{
	if (!(c->flags & CONN_TS) || s->flags & RTE_TCP_RST_FLAG)
		return true;
	if (!s->opt.has_ts) { /* RFC 7323 3.2 */
		count(conn_net(c), ZL_NET_tcp_drop_no_timestamp);
		return false;
	}
	if (seq_le(c->ts_recent, s->opt.ts_val) ||
	    conn_now(c) - c->ts_recent_ns > TS_RECENT_LIFE_NS)
		return true;
	count(conn_net(c), ZL_NET_tcp_drop_paws);
	if (s->len)
		c->flags |= CONN_ACK_NOW;
	else
		challenge_ack(c);
	conn_want_output(c);
	return false;
}

/* First check: RFC 9293 3.10.7.4. A bare ACK at the very edge comes from a peer that has filled the
 * window and lost a part; a closed window lets through what it takes no room for. */
static bool sequence_check(struct tcp_conn *c, const struct tcp_segment *s)
{
	uint32_t wnd = conn_rcv_wnd(c), edge = c->rcv_nxt + wnd;
	uint32_t len = s->len + !!(s->flags & RTE_TCP_FIN_FLAG);
	bool ok;

	if (len == 0)
		ok = seq_le(c->rcv_nxt, s->seq) && seq_le(s->seq, edge);
	else if (wnd == 0)
		ok = s->seq == c->rcv_nxt;
	else
		ok = seq_lt(s->seq, edge) && seq_lt(c->rcv_nxt, s->seq + len);
	if (ok)
		return true;
	if (len) {
		count(conn_net(c), seq_lt(s->seq, c->rcv_nxt) ? ZL_NET_tcp_rx_duplicate
							      : ZL_NET_tcp_rx_beyond_window);
		c->flags |= CONN_ACK_NOW;
		conn_want_output(c);
	} else {
		count(conn_net(c), ZL_NET_tcp_rx_unacceptable);
		challenge_ack(c);
	}
	return false;
}

/* Second check: RFC 5961 3.2. Only the exact number resets. */
static void reset_input(struct tcp_conn *c, const struct tcp_segment *s)
{
	uint32_t edge = c->rcv_nxt + conn_rcv_wnd(c);

	if (s->seq == c->rcv_nxt)
		conn_close(c, c->state == TCP_SYN_RCVD && c->flags & CONN_ACTIVE
				      ? TCP_REASON_refused
				      : TCP_REASON_reset_by_peer);
	else if (seq_lt(c->rcv_nxt, s->seq) && seq_lt(s->seq, edge))
		challenge_ack(c);
	else
		count(conn_net(c), ZL_NET_tcp_drop_reset);
}

/* The peer's SYN again. False: it was a repetition, which asks for our SYN-ACK again. */
static bool repeated_syn(struct tcp_conn *c, struct tcp_segment *s)
{
	if (!(s->flags & RTE_TCP_SYN_FLAG) || s->seq != c->irs || s->flags & RTE_TCP_RST_FLAG)
		return true;
	if (s->flags & RTE_TCP_ACK_FLAG) { /* simultaneous open: it acknowledges our SYN */
		s->flags &= (uint8_t)~RTE_TCP_SYN_FLAG;
		s->seq++;
		return true;
	}
	c->snd_nxt = c->iss;
	conn_want_output(c);
	return false;
}

/* Eighth: all that the peer had to say is here. */
static void fin_input(struct tcp_conn *c)
{
	c->rcv_nxt++;
	c->dup_owed = 0;
	c->stream.peer_closed = true;
	c->flags |= CONN_ACK_NOW;
	conn_want_output(c);
	conn_want_events(c, CONN_EV_READABLE);
	switch ((enum tcp_state)c->state) {
	case TCP_ESTABLISHED:
		c->state = TCP_CLOSE_WAIT;
		break;
	case TCP_FIN_WAIT_1:
		c->state = TCP_CLOSING;
		break;
	case TCP_FIN_WAIT_2:
		conn_time_wait(c);
		break;
	case TCP_CLOSED:
	case TCP_SYN_SENT:
	case TCP_SYN_RCVD:
	case TCP_CLOSE_WAIT:
	case TCP_CLOSING:
	case TCP_LAST_ACK:
	case TCP_TIME_WAIT:
		break;
	}
}

/* Seventh and eighth; a peer that has sent its FIN has no more text. */
static void text_input(struct tcp_conn *c, struct tcp_segment *s)
{
	if (c->state != TCP_ESTABLISHED && c->state != TCP_FIN_WAIT_1 && c->state != TCP_FIN_WAIT_2)
		return;
	if (s->len || s->flags & RTE_TCP_FIN_FLAG)
		payload_input(c, s);
	if (c->flags & CONN_PEER_FIN && c->rcv_nxt == c->fin_seq)
		fin_input(c);
}

/* RFC 9293 3.10.7.4 */
static void synchronized(struct tcp_conn *c, struct tcp_segment *s)
{
	if (c->state == TCP_SYN_RCVD && !repeated_syn(c, s))
		return;
	if (s->flags & RTE_TCP_RST_FLAG) {
		reset_input(c, s);
		return;
	}
	if (s->flags & RTE_TCP_SYN_FLAG) { /* RFC 5961 4.2 */
		challenge_ack(c);
		return;
	}
	if (!timestamp_check(c, s) || !sequence_check(c, s) || !(s->flags & RTE_TCP_ACK_FLAG))
		return;
	heard_from(c);
	ts_recent_update(c, s);
	if (ack_input(c, s))
		text_input(c, s);
}

static void connection_input(struct tcp_conn *c, struct tcp_segment *s)
{
	switch ((enum tcp_state)c->state) {
	case TCP_SYN_SENT:
		syn_sent(c, s);
		break;
	case TCP_TIME_WAIT:
		time_wait(c, s);
		break;
	case TCP_SYN_RCVD:
	case TCP_ESTABLISHED:
	case TCP_FIN_WAIT_1:
	case TCP_FIN_WAIT_2:
	case TCP_CLOSE_WAIT:
	case TCP_CLOSING:
	case TCP_LAST_ACK:
		synchronized(c, s);
		break;
	case TCP_CLOSED: /* not in the table */
		break;
	}
}

void tcp_input(struct zl_net *net, uint16_t port, struct rte_mbuf *m, uint32_t src, uint32_t dst)
{
	const struct rte_tcp_hdr *h = rte_pktmbuf_mtod(m, const struct rte_tcp_hdr *);
	struct zl_endpoint_addr local = {.ip = dst, .port = rte_be_to_cpu_16(h->dst_port)};
	struct zl_endpoint_addr remote = {.ip = src, .port = rte_be_to_cpu_16(h->src_port)};
	struct tcp_segment s;
	struct tcp_conn *c;

	count(net, ZL_NET_tcp_rx_segments);
	net->tcp->received = true;
	if (!parse(m, &s)) {
		drop(net, m, ZL_NET_tcp_drop_header);
		return;
	}
	c = table_find(net->tcp, local.ip, local.port, remote.ip, remote.port);
	if (!c)
		input_no_connection(net->tcp, port, &s, &local, &remote, 0);
	else if (!predicted(c, &s))
		connection_input(c, &s);
	rte_pktmbuf_free(s.m);
}
