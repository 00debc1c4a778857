/* TCP of one core as the rest sees it: made, destroyed, told to listen and to connect. */
#include <errno.h>

#include <rte_malloc.h>

#include "dataplane/net/tcp/tcp.h"

/* RFC 6335's dynamic range begins at 49152, but a box with many sources needs more (RFC 6056 3.2).
 */
#define SOURCE_PORT_MIN 32768
#define SOURCE_PORTS    32768

void zl_tcp_config_default(struct zl_tcp_config *c)
{
	*c = (struct zl_tcp_config){
		.rcvbuf = 1 << 20,
		.min_rto_ms = 200,
		.max_rto_ms = 60000,
		.delayed_ack_ms = 40,
		.msl_ms = 1000,
		.user_timeout_ms = 60000,
		.syn_retries = 5,
		.keepalive_idle_ms = 0,
		.keepalive_interval_ms = 10000,
		.keepalive_probes = 6,
		.backlog = 1024,
		.max_connections = 16384,
	};
}

static uint64_t random64(const struct zl_net *net)
{
	return net->config.ops->random(net->config.ctx);
}

/* Nothing to do itself: that the turn runs is enough. */
static void kick(struct zl_timer *timer, uint64_t now_ns)
{
	(void)timer;
	(void)now_ns;
}

/* The smallest shift with which the window field can say all of rcvbuf (RFC 7323 2.3). */
static uint8_t window_shift(uint32_t rcvbuf)
{
	uint8_t shift = 0;

	while (shift < 14 && 65535u << shift < rcvbuf)
		shift++;
	return shift;
}

int tcp_create(struct zl_net *net)
{
	struct tcp *t = rte_zmalloc_socket("tcp", sizeof(*t), 64, net->config.socket_id);

	if (!t)
		return -ENOMEM;
	t->net = net;
	t->config = &net->config.tcp;
	list_init(&t->events);
	list_init(&t->output);
	list_init(&t->again);
	zl_timer_init(&t->kick, kick);
	t->hash_seed = random64(net);
	t->key[0] = random64(net);
	t->key[1] = random64(net);
	t->rcv_wscale = window_shift(t->config->rcvbuf);
	/* A buffer holds 2 KiB whatever little a segment carries: bound what a window can pin. */
	t->rx_bufs_max = t->config->rcvbuf / 512 + 64;
	t->ooo_bufs_max = RTE_MIN(t->config->rcvbuf / 1024 + 64, 1024u);
	if (table_create(t) < 0) {
		rte_free(t);
		return -ENOMEM;
	}
	net->tcp = t;
	return 0;
}

static void conn_destroy(struct tcp_conn *c)
{
	c->flags &= ~CONN_OWNED;
	conn_reset(c, TCP_REASON_shut_down);
	payload_clear(c);
	zl_sendq_clear(&c->stream.sendq);
}

void tcp_destroy(struct zl_net *net)
{
	struct tcp *t = net->tcp;
	uint32_t i;

	if (!t)
		return;
	for (i = 0; i < t->config->max_connections; i++)
		if (t->conns[i].tcp)
			conn_destroy(&t->conns[i]);
	zl_timer_disarm(&net->timers, &t->kick);
	eth_flush(net);
	table_destroy(t);
	rte_free(t);
	net->tcp = NULL;
}

int zl_tcp_listen(struct zl_net *net, uint32_t ip, uint16_t port, uint64_t cookie)
{
	struct tcp *t = net->tcp;
	uint32_t i, slot = TCP_LISTENERS;

	if (ip && zl_net_port_of(net, ip) < 0)
		return -EADDRNOTAVAIL;
	for (i = 0; i < TCP_LISTENERS; i++) {
		if (!t->listener[i].used)
			slot = RTE_MIN(slot, i);
		else if (t->listener[i].port == port && t->listener[i].ip == ip)
			return -EADDRINUSE;
	}
	if (slot == TCP_LISTENERS)
		return -ENOSPC;
	t->listener[slot] = (struct tcp_listener){.ip = ip,
						  .port = port,
						  .used = true,
						  .id = ++t->next_listener_id,
						  .cookie = cookie};
	t->listeners = RTE_MAX(t->listeners, slot + 1);
	return 0;
}

/* Handshakes under way are reset when they complete. */
void zl_tcp_unlisten(struct zl_net *net, uint32_t ip, uint16_t port)
{
	struct tcp *t = net->tcp;
	uint32_t i;

	for (i = 0; i < t->listeners; i++)
		if (t->listener[i].used && t->listener[i].port == port && t->listener[i].ip == ip)
			t->listener[i].used = false;
	while (t->listeners && !t->listener[t->listeners - 1].used)
		t->listeners--;
}

/* RFC 6056 3.3.1: from a random start, the first that is free and whose segments come to this core.
 */
static int choose_source_port(struct zl_net *net, uint16_t port, struct zl_endpoint_addr *local,
			      const struct zl_endpoint_addr *remote)
{
	const struct zl_net_ops *ops = net->config.ops;
	uint32_t start = (uint32_t)(random64(net) % SOURCE_PORTS), i;

	for (i = 0; i < SOURCE_PORTS; i++) {
		local->port = (uint16_t)(SOURCE_PORT_MIN + (start + i) % SOURCE_PORTS);
		if (table_find(net->tcp, local->ip, local->port, remote->ip, remote->port) ||
		    table_listener(net->tcp, local->ip, local->port))
			continue;
		if (!ops->lands_here || ops->lands_here(net->config.ctx, port, local, remote))
			return 0;
	}
	return -EADDRNOTAVAIL;
}

int zl_tcp_connect(struct zl_net *net, const struct zl_endpoint_addr *remote,
		   const struct zl_stream_events *events, void *owner, struct zl_stream **out,
		   uint64_t now_ns)
{
	struct zl_endpoint_addr local = {0};
	struct tcp_conn *c;
	uint32_t next_hop;
	uint16_t port;

	net->now_ns = now_ns;
	if (ipv4_route(net, remote->ip, &port, &local.ip, &next_hop) < 0)
		return -ENETUNREACH;
	if (choose_source_port(net, port, &local, remote) < 0)
		return -EADDRNOTAVAIL;
	c = conn_open(net->tcp, port, &local, remote);
	if (!c) {
		count(net, ZL_NET_tcp_table_full);
		return -ENOBUFS;
	}
	c->flags |= CONN_OWNED | CONN_ACTIVE;
	c->stream.events = events;
	c->stream.owner = owner;
	c->iss = isn_choose(net->tcp, c);
	c->snd_una = c->snd_nxt = c->snd_max = c->iss;
	c->state = TCP_SYN_SENT;
	count(net, ZL_NET_tcp_active_opens);
	conn_want_output(c);
	*out = &c->stream;
	return 0;
}

uint32_t zl_tcp_srtt_us(const struct zl_stream *s)
{
	const struct tcp_conn *c = (const struct tcp_conn *)((const char *)s -
							     offsetof(struct tcp_conn, stream));

	return c->srtt_us8 / 8;
}

/* RFC 5461: during the handshake a hard error ends it; later it is only a hint. */
void tcp_unreachable(struct zl_net *net, const struct zl_endpoint_addr *local,
		     const struct zl_endpoint_addr *remote, bool hard)
{
	struct tcp_conn *c = table_find(net->tcp, local->ip, local->port, remote->ip, remote->port);

	if (c && hard && (c->state == TCP_SYN_SENT || c->state == TCP_SYN_RCVD))
		conn_close(c, TCP_REASON_unreachable);
}
