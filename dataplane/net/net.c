/* One core's stack as a whole: its life, its ports, and the three calls of a turn (input, timers,
 * output). The layers are in their own files. */
#include "dataplane/net/stack.h"

#include <errno.h>

#include <rte_malloc.h>

struct zl_net *zl_net_create(const struct zl_net_config *config)
{
	struct zl_net *net;
	uint64_t random;
	int err;

	net = rte_zmalloc_socket("zl_net", sizeof(*net), RTE_CACHE_LINE_SIZE, config->socket_id);
	if (!net) {
		errno = ENOMEM;
		return NULL;
	}
	net->config = *config;
	random = config->ops->random(config->ctx);
	net->ip_id = (uint16_t)random;
	net->fragment_id = (uint16_t)(random >> 16);
	zl_timer_wheel_init(&net->timers, 0);
	err = arp_create(net);
	if (err)
		goto no_arp;
	err = udp_create(net);
	if (err)
		goto no_udp;
	err = raw_create(net);
	if (err)
		goto no_raw;
	err = reassembly_create(net);
	if (err)
		goto no_reassembly;
	err = igmp_create(net);
	if (err)
		goto no_igmp;
	err = tcp_create(net);
	if (err)
		goto no_tcp;
	return net;

no_tcp:
	igmp_destroy(net);
no_igmp:
	reassembly_destroy(net);
no_reassembly:
	raw_destroy(net);
no_raw:
	udp_destroy(net);
no_udp:
	arp_destroy(net);
no_arp:
	rte_free(net);
	errno = -err;
	return NULL;
}

void zl_net_destroy(struct zl_net *net)
{
	if (!net)
		return;
	loop_destroy(net);
	tcp_destroy(net);
	igmp_destroy(net);
	reassembly_destroy(net);
	raw_destroy(net);
	udp_destroy(net);
	arp_destroy(net);
	for (unsigned port = 0; port < ZL_PORTS_MAX; port++)
		rte_pktmbuf_free_bulk(net->tx[port].frame, net->tx[port].n);
	rte_free(net);
}

int zl_net_port_add(struct zl_net *net, uint16_t port, const struct zl_net_port *p)
{
	if (port >= ZL_PORTS_MAX || p->prefix_len > 32 || !rte_is_unicast_ether_addr(&p->mac))
		return -EINVAL;
	if (net->port_up[port])
		return -EEXIST;
	if (p->ip && zl_net_port_of(net, p->ip) >= 0)
		return -EADDRINUSE;
	ipv4_forget_known(net);
	net->port[port] = *p;
	net->port_up[port] = true;
	if (net->ports <= port)
		net->ports = port + 1;
	return 0;
}

uint32_t zl_net_address(const struct zl_net *net, uint16_t port)
{
	return net->port[port].ip;
}

int zl_net_port_of(const struct zl_net *net, uint32_t ip)
{
	if (!ip)
		return -1;
	for (int port = 0; port < net->ports; port++) {
		if (net->port_up[port] && net->port[port].ip == ip)
			return port;
	}
	return -1;
}

void zl_net_input(struct zl_net *net, uint16_t port, struct rte_mbuf **frames, unsigned n,
		  uint64_t now_ns)
{
	net->now_ns = now_ns;
	if (port >= ZL_PORTS_MAX || !net->port_up[port]) {
		net->counter[ZL_NET_eth_rx_frames] += n;
		net->counter[ZL_NET_eth_drop_not_ours] += n;
		rte_pktmbuf_free_bulk(frames, n);
		return;
	}
	eth_input(net, port, frames, n);
}

void zl_net_handed_on(struct zl_net *net, uint16_t port, struct rte_mbuf **packets, unsigned n,
		      uint64_t now_ns)
{
	net->now_ns = now_ns;
	net->origin = FROM_CORE;
	for (unsigned i = 0; i < n; i++)
		ipv4_input(net, port, packets[i]);
	net->origin = FROM_PORT;
}

void zl_net_timers(struct zl_net *net, uint64_t now_ns)
{
	net->now_ns = now_ns;
	zl_timer_run(&net->timers, now_ns);
}

void zl_net_output(struct zl_net *net, uint64_t now_ns)
{
	net->now_ns = now_ns;
	eth_look(net);
	loop_input(net);
	tcp_output_pending(net);
	eth_flush(net);
}

uint64_t zl_net_next_timer(const struct zl_net *net)
{
	return net->loop.n ? net->now_ns : zl_timer_next(&net->timers);
}

void zl_net_neighbor_set(struct zl_net *net, uint16_t port, uint32_t ip,
			 const struct rte_ether_addr *mac, uint64_t now_ns)
{
	net->now_ns = now_ns;
	if (port < ZL_PORTS_MAX && net->port_up[port])
		arp_set(net, port, ip, mac);
}

void zl_net_announce(struct zl_net *net, uint64_t now_ns)
{
	net->now_ns = now_ns;
	for (uint16_t port = 0; port < net->ports; port++) {
		if (net->port_up[port] && net->port[port].ip)
			arp_announce(net, port);
	}
}

const uint64_t *zl_net_counters(const struct zl_net *net)
{
	return net->counter;
}
