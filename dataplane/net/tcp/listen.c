/* Segments for no connection (RFC 9293 3.10.7.1, 3.10.7.2): a SYN to a listener opens one, half;
 * all else is answered with a reset. Half-open connections are bounded by listener: whoever floods
 * it with SYNs takes the places of his own, and a peer that answers within the time that it takes
 * him to send `backlog` of them gets in. */
#include "dataplane/net/tcp/tcp.h"

#define PEER_MSS_MIN 64 /* a peer that asks for less wants to burn our cycles */

void syn_options(struct tcp_conn *c, const struct tcp_segment *s)
{
	uint16_t mss = s->opt.has_mss ? s->opt.mss : TCP_DEFAULT_MSS;

	if (s->opt.has_ts) {
		c->flags |= CONN_TS;
		c->ts_recent = s->opt.ts_val;
		c->ts_recent_ns = conn_now(c);
	}
	if (s->opt.has_wscale) {
		c->flags |= CONN_WSCALE;
		c->snd_wscale = s->opt.wscale;
		c->rcv_wscale = c->tcp->rcv_wscale;
	}
	mss = RTE_MAX(mss, PEER_MSS_MIN);
	mss = RTE_MIN(mss, c->rcv_mss);
	c->snd_mss = mss - (c->flags & CONN_TS ? 12 : 0);
}

/* RFC 9293 3.10.7.2, third: the SYN-ACK goes out at the end of the turn. */
static void passive_open(struct tcp *t, uint16_t port, struct tcp_listener *l,
			 const struct tcp_segment *s, const struct zl_endpoint_addr *local,
			 const struct zl_endpoint_addr *remote, uint32_t iss_min)
{
	struct tcp_conn *c = conn_open(t, port, local, remote);

	if (!c) {
		count(t->net, ZL_NET_tcp_table_full);
		return;
	}
	conn_half_open(c, l);
	settings_apply(c, &l->settings);
	c->irs = s->seq;
	c->rcv_nxt = c->rcv_adv = s->seq + 1;
	c->iss = isn_choose(t, c);
	if (iss_min && seq_lt(c->iss, iss_min))
		c->iss = iss_min;
	c->snd_una = c->snd_nxt = c->snd_max = c->iss;
	c->snd_wnd = c->max_snd_wnd = s->wnd;
	c->snd_wl1 = s->seq;
	c->state = TCP_SYN_RCVD;
	syn_options(c, s);
	count(t->net, ZL_NET_tcp_passive_opens);
	conn_want_output(c);
}

static uint32_t backlog(const struct tcp *t, const struct tcp_listener *l)
{
	return l->settings.backlog ? l->settings.backlog : t->config->backlog;
}

void input_no_connection(struct tcp *t, uint16_t port, struct tcp_segment *s,
			 const struct zl_endpoint_addr *local,
			 const struct zl_endpoint_addr *remote, uint32_t iss_min)
{
	struct tcp_listener *l;

	if (s->flags & RTE_TCP_RST_FLAG)
		return;
	if (s->flags & RTE_TCP_ACK_FLAG || !(s->flags & RTE_TCP_SYN_FLAG)) {
		count(t->net, ZL_NET_tcp_drop_no_connection);
		segment_rst_reply(t, s, local, remote);
		return;
	}
	l = table_listener(t, local->ip, local->port);
	if (l && l->settings.one_port && l->settings.port != port)
		l = NULL;
	if (!l) {
		count(t->net, ZL_NET_tcp_drop_no_listener);
		segment_rst_reply(t, s, local, remote);
	} else if (l->half_open >= backlog(t, l) && !conn_half_open_recycle(t, l)) {
		count(t->net, ZL_NET_tcp_drop_backlog);
	} else if (t->pool_low) {
		count(t->net, ZL_NET_tcp_drop_pool_low);
	} else {
		passive_open(t, port, l, s, local, remote, iss_min);
	}
}
