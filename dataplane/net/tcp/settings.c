/* What a listener or a connection has of its own instead of what the stack's configuration says. A
 * listener's settings go to the connections that it opens. */
#include <errno.h>

#include "dataplane/net/tcp/tcp.h"

#define TWO_HOURS_MS 7200000

static void linger_fire(struct zl_timer *t, uint64_t now_ns)
{
	struct tcp_conn *c = (struct tcp_conn *)((char *)t -
						 offsetof(struct tcp_conn, linger_timer));

	(void)now_ns;
	if (!(c->flags & CONN_FIN_ACKED))
		conn_reset(c, TCP_REASON_linger_timeout);
}

void settings_init(struct tcp_conn *c)
{
	const struct zl_tcp_config *config = c->tcp->config;

	c->keepalive_idle_ms = config->keepalive_idle_ms;
	c->keepalive_interval_ms = config->keepalive_interval_ms;
	c->keepalive_probes = config->keepalive_probes;
	c->user_timeout_ms = config->user_timeout_ms;
	zl_timer_init(&c->linger_timer, linger_fire);
}

void settings_apply(struct tcp_conn *c, const struct zl_tcp_settings *s)
{
	if (s->keepalive_idle_ms)
		c->keepalive_idle_ms = s->keepalive_idle_ms;
	if (s->keepalive_interval_ms)
		c->keepalive_interval_ms = s->keepalive_interval_ms;
	if (s->keepalive_probes)
		c->keepalive_probes = s->keepalive_probes;
	if (s->keepalive_on && !c->keepalive_idle_ms)
		c->keepalive_idle_ms = TWO_HOURS_MS; /* RFC 9293 3.8.4 */
	if (s->keepalive_off)
		c->keepalive_idle_ms = 0;
	if (s->user_timeout_ms)
		c->user_timeout_ms = s->user_timeout_ms;
	if (s->connect_timeout_ms && c->state == TCP_SYN_SENT)
		c->connect_until_ns = conn_now(c) + ms_ns(s->connect_timeout_ms);
	c->tos = s->tos;
}

void settings_linger(struct tcp_conn *c)
{
	if (c->stream.linger_ms && c->stream.sendq.bytes)
		zl_timer_arm(&conn_net(c)->timers, &c->linger_timer,
			     conn_now(c) + ms_ns(c->stream.linger_ms));
}

void zl_tcp_set(struct zl_stream *s, const struct zl_tcp_settings *settings)
{
	settings_apply(conn_of(s), settings);
}

int zl_tcp_listen_set(struct zl_net *net, uint32_t ip, uint16_t port,
		      const struct zl_tcp_settings *settings)
{
	struct tcp *t = net->tcp;

	for (uint32_t i = 0; i < t->listeners; i++) {
		struct tcp_listener *l = &t->listener[i];

		if (!l->used || l->ip != ip || l->port != port)
			continue;
		l->settings = *settings;
		return 0;
	}
	return -ENOENT;
}

uint32_t zl_tcp_sending(const struct zl_net *net)
{
	const struct tcp *t = net->tcp;
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->config->max_connections; i++) {
		const struct tcp_conn *c = &t->conns[i];

		n += c->tcp && c->state != TCP_CLOSED &&
		     (c->flags & (CONN_FIN_WANTED | CONN_FIN_ACKED)) == CONN_FIN_WANTED;
	}
	return n;
}
