/* Single segments: header, options, payload by reference. What to send and when is decided
 * elsewhere (output.c, retransmit.c). */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <rte_byteorder.h>

#include "dataplane/net/tcp/tcp.h"

#define RESETS_A_SECOND          1000
#define CONN_CHALLENGES_A_SECOND 10
#define CHALLENGES_A_SECOND      500
#define WINDOW_FIELD_MAX         65535u

/* RFC 9293 3.8.6.2.2 and RFC 7323 2.3: the window to put into the header. The right edge moves on
 * only when it is worth while, and never back, except that the scale cannot say its last few bytes:
 * rcv_adv, which is what segments are held against, keeps them (RFC 7323 2.4). Duplicate ACKs leave
 * the window alone, so that the peer knows them for what they are (RFC 5681 2). */
static uint16_t window_field(struct tcp_conn *c, uint8_t flags)
{
	uint32_t rcvbuf = c->tcp->config->rcvbuf;
	uint32_t open = window_free(c), wnd = conn_rcv_wnd(c), field;

	if (flags & RTE_TCP_SYN_FLAG) {
		field = RTE_MIN(rcvbuf, WINDOW_FIELD_MAX);
		/* Sent again, it cannot say what ACKs from SYN-RCVD may have said since. */
		c->rcv_adv = seq_max(c->rcv_adv, c->rcv_nxt + field);
		return (uint16_t)field;
	}
	if (open > wnd && open - wnd >= RTE_MIN(rcvbuf / 2, c->rcv_mss) &&
	    (!c->dup_owed || wnd == 0))
		wnd = open & ~((1u << c->rcv_wscale) - 1);
	field = RTE_MIN(wnd >> c->rcv_wscale, WINDOW_FIELD_MAX);
	c->rcv_adv = seq_max(c->rcv_adv, c->rcv_nxt + (field << c->rcv_wscale));
	return (uint16_t)field;
}

/* The segment acknowledges all that is owed. */
static void acknowledged(struct tcp_conn *c)
{
	c->last_ack_sent = c->rcv_nxt;
	c->flags &= ~(CONN_ACK_NOW | CONN_ACK_DELAYED);
	c->acks_owed_segs = 0;
	c->ack_deadline_ns = 0;
}

static int add_payload(struct tcp_conn *c, struct rte_mbuf *m, enum payload_from from, uint32_t len)
{
	struct zl_net *net = conn_net(c);

	switch (from) {
	case PAYLOAD_NONE:
		return 0;
	case PAYLOAD_NEXT:
		return zl_sendq_build(&c->stream.sendq, m, len, net->config.indirect);
	case PAYLOAD_COPY:
		return zl_sendq_copy(&c->stream.sendq, 0, m, len, net->config.indirect);
	}
	return 0;
}

int segment_send(struct tcp_conn *c, uint32_t seq, uint8_t flags, enum payload_from from,
		 uint32_t len)
{
	struct zl_net *net = conn_net(c);
	struct rte_mbuf *m = rte_pktmbuf_alloc(net->config.frames);
	uint8_t options[TCP_OPTIONS_MAX];
	unsigned n = options_build(c, flags, options);
	struct rte_tcp_hdr *h;

	if (!m)
		goto no_buffer;
	h = (struct rte_tcp_hdr *)rte_pktmbuf_append(m, (uint16_t)(sizeof(*h) + n));
	if (!h || add_payload(c, m, from, len) != 0)
		goto no_buffer;
	h->src_port = rte_cpu_to_be_16(c->local_port);
	h->dst_port = rte_cpu_to_be_16(c->remote_port);
	h->sent_seq = rte_cpu_to_be_32(seq);
	h->recv_ack = flags & RTE_TCP_ACK_FLAG ? rte_cpu_to_be_32(c->rcv_nxt) : 0;
	h->data_off = (uint8_t)((sizeof(*h) + n) / 4 << 4);
	h->tcp_flags = flags;
	h->rx_win = rte_cpu_to_be_16(window_field(c, flags));
	h->tcp_urp = 0;
	memcpy(h + 1, options, n);
	h->cksum = 0; /* ipv4_output completes it */
	if (flags & RTE_TCP_ACK_FLAG)
		acknowledged(c);
	count(net, ZL_NET_tcp_tx_segments);
	net->counter[ZL_NET_tcp_tx_bytes] += len;
	/* Without a route it is as if lost on the way: the timers have the last word. */
	(void)ipv4_output_tos(net, m, c->local_ip, c->remote_ip, IPPROTO_TCP, c->tos);
	return 0;
no_buffer:
	rte_pktmbuf_free(m);
	count(net, ZL_NET_tcp_no_buffer);
	return -ENOBUFS;
}

int segment_ack(struct tcp_conn *c)
{
	uint32_t edge = c->snd_una + c->snd_wnd;

	/* Acceptable to the peer: after a time-out snd_nxt has gone back and would be taken for
	 * old, and past the window it would be dropped (RFC 9293 3.4). */
	return segment_send(c, seq_lt(edge, c->snd_max) ? edge : c->snd_max, RTE_TCP_ACK_FLAG,
			    PAYLOAD_NONE, 0);
}

void segment_rst(struct tcp_conn *c)
{
	count(conn_net(c), ZL_NET_tcp_tx_resets);
	(void)segment_send(c, c->snd_nxt, RTE_TCP_RST_FLAG | RTE_TCP_ACK_FLAG, PAYLOAD_NONE, 0);
}

/* A new second: new allowances. The limit is random so that it is no side channel. */
static void limits_refresh(struct tcp *t)
{
	uint32_t second = (uint32_t)(t->net->now_ns / 1000000000);

	if (second == t->limit_second && t->challenge_limit)
		return;
	t->limit_second = second;
	t->challenges = 0;
	t->resets = 0;
	t->challenge_limit = CHALLENGES_A_SECOND +
			     (uint32_t)(t->net->config.ops->random(t->net->config.ctx) %
					CHALLENGES_A_SECOND);
}

void challenge_ack(struct tcp_conn *c)
{
	struct tcp *t = c->tcp;

	limits_refresh(t);
	if (c->challenge_second != t->limit_second) {
		c->challenge_second = t->limit_second;
		c->challenges = 0;
	}
	if (c->challenges >= CONN_CHALLENGES_A_SECOND || t->challenges >= t->challenge_limit) {
		count(t->net, ZL_NET_tcp_challenge_limited);
		return;
	}
	c->challenges++;
	t->challenges++;
	count(t->net, ZL_NET_tcp_tx_challenge_acks);
	(void)segment_ack(c);
}

/* RFC 9293 3.10.7.1: believable to the peer, because it echoes its own numbers. */
static void rst_numbers(struct rte_tcp_hdr *h, const struct tcp_segment *s)
{
	uint32_t len = s->len + !!(s->flags & RTE_TCP_SYN_FLAG) + !!(s->flags & RTE_TCP_FIN_FLAG);

	if (s->flags & RTE_TCP_ACK_FLAG) {
		h->sent_seq = rte_cpu_to_be_32(s->ack);
		h->tcp_flags = RTE_TCP_RST_FLAG;
	} else {
		h->recv_ack = rte_cpu_to_be_32(s->seq + len);
		h->tcp_flags = RTE_TCP_RST_FLAG | RTE_TCP_ACK_FLAG;
	}
}

void segment_rst_reply(struct tcp *t, const struct tcp_segment *s,
		       const struct zl_endpoint_addr *local, const struct zl_endpoint_addr *remote)
{
	struct zl_net *net = t->net;
	struct rte_mbuf *m;
	struct rte_tcp_hdr *h;

	if (s->flags & RTE_TCP_RST_FLAG)
		return;
	limits_refresh(t);
	if (t->resets >= RESETS_A_SECOND) {
		count(net, ZL_NET_tcp_reset_limited);
		return;
	}
	m = rte_pktmbuf_alloc(net->config.frames);
	if (!m) {
		count(net, ZL_NET_tcp_no_buffer);
		return;
	}
	h = (struct rte_tcp_hdr *)rte_pktmbuf_append(m, sizeof(*h));
	memset(h, 0, sizeof(*h));
	h->src_port = rte_cpu_to_be_16(local->port);
	h->dst_port = rte_cpu_to_be_16(remote->port);
	h->data_off = sizeof(*h) / 4 << 4;
	rst_numbers(h, s);
	t->resets++;
	count(net, ZL_NET_tcp_tx_segments);
	count(net, ZL_NET_tcp_tx_resets);
	(void)ipv4_output(net, m, local->ip, remote->ip, IPPROTO_TCP);
}
