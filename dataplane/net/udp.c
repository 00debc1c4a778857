/* UDP (RFC 768, RFC 1122 4.1). In, a datagram is checked and given to the socket of its port; out,
 * it gains its header. Nothing is kept: there is no queue in here. */
#include "dataplane/net/udp.h"

#include <errno.h>

#include <rte_ip.h>
#include <rte_malloc.h>
#include <rte_udp.h>

#include "dataplane/net/sockets.h"
#include "dataplane/net/sum.h"

#define HEADER          sizeof(struct rte_udp_hdr)
#define EPHEMERAL_FIRST 49152u /* RFC 6335 6 */
#define EPHEMERAL_PORTS 16384u

struct zl_udp {
	struct net_socket s; /* first: the socket is it */
};

int udp_create(struct zl_net *net)
{
	net->udp = sockets_create(net, "udp", ZL_UDP_SOCKETS_MAX);
	return net->udp ? 0 : -ENOMEM;
}

void udp_destroy(struct zl_net *net)
{
	rte_free(net->udp);
}

bool udp_bound(const struct zl_net *net, const struct zl_endpoint_addr *local)
{
	return sockets_find_for(net->udp, local->ip, local->port);
}

/* One that nobody has, at whatever address: there are more of them than sockets. */
static uint16_t free_port(struct zl_net *net)
{
	uint32_t at = (uint32_t)net->config.ops->random(net->config.ctx);
	uint16_t port;

	do
		port = (uint16_t)(EPHEMERAL_FIRST + at++ % EPHEMERAL_PORTS);
	while (sockets_key_in_use(net->udp, port));
	return port;
}

static int open_here(struct zl_net *net, const struct zl_endpoint_addr *local, bool shared,
		     zl_udp_receive *receive, void *owner, struct zl_udp **out)
{
	uint16_t key = local->port || shared ? local->port : free_port(net);
	struct net_socket *s;
	int rc = key ? sockets_open(net, net->udp, local->ip, key, shared, &s) : -EINVAL;

	if (rc)
		return rc;
	s->receive.udp = receive;
	s->owner = owner;
	*out = (struct zl_udp *)s;
	return 0;
}

int zl_udp_open(struct zl_net *net, const struct zl_endpoint_addr *local, zl_udp_receive *receive,
		void *owner, struct zl_udp **out)
{
	return open_here(net, local, false, receive, owner, out);
}

int zl_udp_open_shared(struct zl_net *net, const struct zl_endpoint_addr *group,
		       zl_udp_receive *receive, void *owner, struct zl_udp **out)
{
	return open_here(net, group, true, receive, owner, out);
}

static int open_elsewhere(struct zl_net *net, const struct zl_endpoint_addr *local, bool shared,
			  unsigned core, struct zl_udp **out)
{
	struct net_socket *s;
	int rc = local->port ? sockets_elsewhere(net, net->udp, local->ip, local->port, shared,
						 core, &s)
			     : -EINVAL;

	if (!rc)
		*out = (struct zl_udp *)s;
	return rc;
}

int zl_udp_elsewhere(struct zl_net *net, const struct zl_endpoint_addr *local, unsigned core,
		     struct zl_udp **out)
{
	return open_elsewhere(net, local, false, core, out);
}

int zl_udp_elsewhere_shared(struct zl_net *net, const struct zl_endpoint_addr *group, unsigned core,
			    struct zl_udp **out)
{
	return open_elsewhere(net, group, true, core, out);
}

uint16_t zl_udp_port(const struct zl_udp *u)
{
	return u->s.key;
}

void zl_udp_set_loop(struct zl_udp *u, bool loop)
{
	u->s.loop = loop;
}

void zl_udp_close(struct zl_net *net, struct zl_udp *u)
{
	sockets_close(net->udp, &u->s);
}

/* To nobody here; m's data is the UDP header. */
static void refuse(struct zl_net *net, struct rte_mbuf *m, unsigned ip_header, uint32_t src,
		   uint32_t dst)
{
	count(net, ZL_NET_udp_drop_no_socket);
	if (zl_is_group(dst))
		rte_pktmbuf_free(m);
	else
		icmp_port_unreachable(net, m, ip_header, src, dst);
}

static void give(struct zl_net *net, const struct net_socket *s, struct rte_mbuf *m,
		 const struct zl_endpoint_addr *remote, const struct zl_endpoint_addr *local)
{
	count(net, ZL_NET_udp_rx_datagrams);
	net->counter[ZL_NET_udp_rx_bytes] += m->pkt_len;
	s->receive.udp(s->owner, m, remote, local);
}

static void give_each(struct zl_net *net, struct net_socket *first, struct rte_mbuf *m,
		      const struct zl_endpoint_addr *remote, const struct zl_endpoint_addr *local)
{
	struct rte_mbuf *part;
	struct net_socket *s;

	sockets_take_first(net->udp, first);
	while ((s = sockets_take_next(net, net->udp, &m, &part)))
		give(net, s, part, remote, local);
}

/* The header is where it was: before the payload. With it and the pseudo header all adds up to
 * 0xffff. */
bool zl_udp_payload_sum(const struct rte_mbuf *m, const struct zl_endpoint_addr *remote,
			const struct zl_endpoint_addr *local, uint16_t *sum)
{
	const struct rte_udp_hdr *h = rte_pktmbuf_mtod_offset(m, const struct rte_udp_hdr *,
							      -(int)HEADER);
	uint64_t others = (uint64_t)remote->ip + local->ip + IPPROTO_UDP +
			  2 * (m->pkt_len + HEADER) + remote->port + local->port +
			  rte_be_to_cpu_16(h->dgram_cksum);
	uint16_t rest = (uint16_t)~ones_fold(others);

	*sum = rest ? rest : 0xffff;
	return h->dgram_cksum;
}

void udp_input(struct zl_net *net, uint16_t port, struct rte_mbuf *m, unsigned ip_header,
	       uint32_t src, uint32_t dst)
{
	const struct rte_udp_hdr *h = rte_pktmbuf_mtod(m, const struct rte_udp_hdr *);
	struct zl_endpoint_addr remote, local;
	struct net_socket *s;
	unsigned len;
	bool several;

	if (unlikely(m->data_len < HEADER)) {
		drop(net, m, ZL_NET_udp_drop_header);
		return;
	}
	len = rte_be_to_cpu_16(h->dgram_len);
	if (unlikely(len < HEADER || len > m->pkt_len)) {
		drop(net, m, ZL_NET_udp_drop_header);
		return;
	}
	remote = (struct zl_endpoint_addr){.ip = src, .port = rte_be_to_cpu_16(h->src_port)};
	local = (struct zl_endpoint_addr){.ip = dst, .port = rte_be_to_cpu_16(h->dst_port)};
	s = sockets_find_for(net->udp, dst, local.port);
	several = s && sockets_several(s);
	if (unlikely(several))
		sockets_hand_on_clones(net, port, m, s, ip_header);
	else if (s && !s->here) {
		sockets_hand_on(net, port, m, s, ip_header);
		return;
	}
	packet_trim(m, len);
	/* Zero: the sender made none. */
	if (h->dgram_cksum && !l4_right(net, port, m, src, dst, IPPROTO_UDP)) {
		drop(net, m, ZL_NET_udp_drop_checksum);
		return;
	}
	if (!s) {
		refuse(net, m, ip_header, src, dst);
		return;
	}
	rte_pktmbuf_adj(m, HEADER);
	if (likely(!several))
		give(net, s, m, &remote, &local);
	else
		give_each(net, s, m, &remote, &local);
}

/* Puts the header before the payload; if it cannot be, m is freed and counted. */
static int add_header(struct zl_net *net, const struct zl_udp *u, struct rte_mbuf *m, uint16_t to)
{
	uint32_t len = m->pkt_len + HEADER;
	struct rte_udp_hdr *h;

	if (unlikely(len + sizeof(struct rte_ipv4_hdr) > UINT16_MAX)) {
		drop(net, m, ZL_NET_udp_drop_too_big);
		return -EMSGSIZE;
	}
	h = (struct rte_udp_hdr *)rte_pktmbuf_prepend(m, HEADER);
	if (unlikely(!h)) {
		drop(net, m, ZL_NET_ip_drop_no_buffer);
		return -ENOBUFS;
	}
	*h = (struct rte_udp_hdr){.src_port = rte_cpu_to_be_16(u->s.key),
				  .dst_port = rte_cpu_to_be_16(to),
				  .dgram_len = rte_cpu_to_be_16((uint16_t)len)};
	count(net, ZL_NET_udp_tx_datagrams);
	net->counter[ZL_NET_udp_tx_bytes] += len - HEADER;
	return 0;
}

int zl_udp_send(struct zl_net *net, const struct zl_udp *u, struct rte_mbuf *m,
		const struct zl_endpoint_addr *remote)
{
	bool own = u->s.ip && !zl_is_group(u->s.ip);
	uint32_t src, next_hop;
	uint16_t port;
	int rc;

	if (unlikely(ipv4_route(net, remote->ip, &port, &src, &next_hop))) {
		drop(net, m, ZL_NET_ip_drop_no_route);
		return -ENETUNREACH;
	}
	rc = add_header(net, u, m, remote->port);
	if (rc)
		return rc;
	return ipv4_output(net, m, own ? u->s.ip : src, remote->ip, IPPROTO_UDP);
}

/* What the header adds up to, without its checksum, and with the payload that it is for. */
static uint16_t header_sum(const struct zl_udp *u, uint16_t to, uint32_t len, uint16_t payload)
{
	return ones_fold((uint64_t)u->s.key + to + len + payload);
}

static int send_group(struct zl_net *net, const struct zl_udp *u, struct rte_mbuf *m, uint16_t port,
		      const struct zl_endpoint_addr *group, struct ipv4_how *how)
{
	int rc;

	how->proto = IPPROTO_UDP;
	how->loop = u->s.loop && sockets_find(net->udp, group->ip, group->port);
	if (port >= net->ports || !net->port_up[port] || !net->port[port].ip) {
		drop(net, m, ZL_NET_ip_drop_no_route);
		return -ENETUNREACH;
	}
	rc = add_header(net, u, m, group->port);
	if (rc)
		return rc;
	if (how->summed)
		how->sum = header_sum(u, group->port, m->pkt_len, how->sum);
	ipv4_send_group(net, port, m, net->port[port].ip, group->ip, how);
	return 0;
}

int zl_udp_send_group(struct zl_net *net, const struct zl_udp *u, struct rte_mbuf *m, uint16_t port,
		      const struct zl_endpoint_addr *group, uint8_t hops)
{
	return send_group(net, u, m, port, group, &(struct ipv4_how){.ttl = hops});
}

int zl_udp_send_group_summed(struct zl_net *net, const struct zl_udp *u, struct rte_mbuf *m,
			     uint16_t port, const struct zl_endpoint_addr *group, uint8_t hops,
			     uint16_t sum)
{
	return send_group(net, u, m, port, group,
			  &(struct ipv4_how){.ttl = hops, .summed = true, .sum = sum});
}
