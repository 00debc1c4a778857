/* UDP (RFC 768, RFC 1122 4.1). In, a datagram is checked and given to the socket of its port; out,
 * it gains its header. Nothing is kept: there is no queue in here. */
#include "dataplane/net/udp.h"

#include <errno.h>

#include <rte_ip.h>
#include <rte_malloc.h>
#include <rte_udp.h>

#include "dataplane/net/igmp.h"
#include "dataplane/net/stack.h"

#define HEADER  sizeof(struct rte_udp_hdr)
#define BUCKETS 256 /* by the low bits of the port */

struct zl_udp {
	struct zl_endpoint_addr local;
	zl_udp_receive *receive; /* NULL: the socket lives on `core` */
	void *owner;
	unsigned core;
	struct zl_udp *next; /* of its bucket, or among the free */
};

struct udp {
	struct zl_udp *bucket[BUCKETS];
	struct zl_udp *unused;
	struct zl_udp socket[ZL_UDP_SOCKETS_MAX];
};

int udp_create(struct zl_net *net)
{
	struct udp *t = rte_zmalloc_socket("udp", sizeof(*t), RTE_CACHE_LINE_SIZE,
					   net->config.socket_id);

	if (!t)
		return -ENOMEM;
	for (unsigned i = ZL_UDP_SOCKETS_MAX; i--;) {
		t->socket[i].next = t->unused;
		t->unused = &t->socket[i];
	}
	net->udp = t;
	return 0;
}

void udp_destroy(struct zl_net *net)
{
	rte_free(net->udp);
}

static struct zl_udp **bucket_of(struct udp *t, uint16_t port)
{
	return &t->bucket[port % BUCKETS];
}

static struct zl_udp *find(struct udp *t, uint32_t ip, uint16_t port)
{
	struct zl_udp *u = *bucket_of(t, port);

	while (u && (u->local.port != port || u->local.ip != ip))
		u = u->next;
	return u;
}

/* The socket that a datagram to this address is for: one of the address itself goes first. */
static struct zl_udp *find_for(struct udp *t, uint32_t ip, uint16_t port)
{
	struct zl_udp *u = find(t, ip, port);

	return u || zl_is_group(ip) ? u : find(t, 0, port);
}

bool udp_bound(const struct zl_net *net, const struct zl_endpoint_addr *local)
{
	return find_for(net->udp, local->ip, local->port);
}

static int take_place(struct zl_net *net, const struct zl_endpoint_addr *local, struct zl_udp **out)
{
	struct udp *t = net->udp;
	struct zl_udp *u, **bucket = bucket_of(t, local->port);

	if (!local->port)
		return -EINVAL;
	if (local->ip && !zl_is_group(local->ip) && zl_net_port_of(net, local->ip) < 0)
		return -EADDRNOTAVAIL;
	if (find(t, local->ip, local->port))
		return -EADDRINUSE;
	u = t->unused;
	if (!u)
		return -ENOSPC;
	t->unused = u->next;
	*u = (struct zl_udp){.local = *local, .next = *bucket};
	*bucket = u;
	*out = u;
	return 0;
}

int zl_udp_open(struct zl_net *net, const struct zl_endpoint_addr *local, zl_udp_receive *receive,
		void *owner, struct zl_udp **out)
{
	int rc = take_place(net, local, out);

	if (rc)
		return rc;
	(*out)->receive = receive;
	(*out)->owner = owner;
	return 0;
}

int zl_udp_elsewhere(struct zl_net *net, const struct zl_endpoint_addr *local, unsigned core,
		     struct zl_udp **out)
{
	int rc = take_place(net, local, out);

	if (!rc)
		(*out)->core = core;
	return rc;
}

void zl_udp_close(struct zl_net *net, struct zl_udp *u)
{
	struct udp *t = net->udp;
	struct zl_udp **at = bucket_of(t, u->local.port);

	while (*at != u)
		at = &(*at)->next;
	*at = u->next;
	u->next = t->unused;
	t->unused = u;
}

/* The frame as it came, for the core that its socket lives on; that core looks at the checksum. */
static void hand_on(struct zl_net *net, uint16_t port, struct rte_mbuf *m, unsigned core,
		    unsigned ip_header)
{
	if (!net->config.ops->hand_on) {
		drop(net, m, ZL_NET_udp_drop_no_socket);
		return;
	}
	/* What was cut off in front is still there. */
	rte_pktmbuf_prepend(m, (uint16_t)(RTE_ETHER_HDR_LEN + ip_header));
	count(net, ZL_NET_udp_handed_on);
	net->config.ops->hand_on(net->config.ctx, core, port, m);
}

void udp_input(struct zl_net *net, uint16_t port, struct rte_mbuf *m, unsigned ip_header,
	       uint32_t src, uint32_t dst)
{
	const struct rte_udp_hdr *h = rte_pktmbuf_mtod(m, const struct rte_udp_hdr *);
	struct zl_endpoint_addr remote, local;
	const struct zl_udp *u;
	unsigned len;

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
	u = find_for(net->udp, dst, local.port);
	if (u && !u->receive) {
		hand_on(net, port, m, u->core, ip_header);
		return;
	}
	packet_trim(m, len);
	/* Zero: the sender made none. */
	if (h->dgram_cksum && !l4_right(net, port, m, src, dst, IPPROTO_UDP)) {
		drop(net, m, ZL_NET_udp_drop_checksum);
		return;
	}
	if (!u) {
		count(net, ZL_NET_udp_drop_no_socket);
		if (zl_is_group(dst))
			rte_pktmbuf_free(m);
		else
			icmp_port_unreachable(net, m, ip_header, src, dst);
		return;
	}
	count(net, ZL_NET_udp_rx_datagrams);
	net->counter[ZL_NET_udp_rx_bytes] += len - HEADER;
	rte_pktmbuf_adj(m, HEADER);
	u->receive(u->owner, m, &remote, &local);
}

/* Puts the header before the payload; if it cannot be, m is freed and counted. */
static int add_header(struct zl_net *net, const struct zl_udp *u, struct rte_mbuf *m, uint16_t port,
		      uint16_t to)
{
	uint32_t len = m->pkt_len + HEADER;
	struct rte_udp_hdr *h;

	if (unlikely(len + sizeof(struct rte_ipv4_hdr) > net->port[port].mtu)) {
		drop(net, m, ZL_NET_udp_drop_too_big);
		return -EMSGSIZE;
	}
	h = (struct rte_udp_hdr *)rte_pktmbuf_prepend(m, HEADER);
	if (unlikely(!h)) {
		drop(net, m, ZL_NET_ip_drop_no_buffer);
		return -ENOBUFS;
	}
	*h = (struct rte_udp_hdr){.src_port = rte_cpu_to_be_16(u->local.port),
				  .dst_port = rte_cpu_to_be_16(to),
				  .dgram_len = rte_cpu_to_be_16((uint16_t)len)};
	count(net, ZL_NET_udp_tx_datagrams);
	net->counter[ZL_NET_udp_tx_bytes] += len - HEADER;
	return 0;
}

int zl_udp_send(struct zl_net *net, const struct zl_udp *u, struct rte_mbuf *m,
		const struct zl_endpoint_addr *remote)
{
	bool own = u->local.ip && !zl_is_group(u->local.ip);
	uint32_t src, next_hop;
	uint16_t port;
	int rc;

	if (unlikely(ipv4_route(net, remote->ip, &port, &src, &next_hop))) {
		drop(net, m, ZL_NET_ip_drop_no_route);
		return -ENETUNREACH;
	}
	rc = add_header(net, u, m, port, remote->port);
	if (rc)
		return rc;
	return ipv4_output(net, m, own ? u->local.ip : src, remote->ip, IPPROTO_UDP);
}

int zl_udp_send_group(struct zl_net *net, const struct zl_udp *u, struct rte_mbuf *m, uint16_t port,
		      const struct zl_endpoint_addr *group, uint8_t hops)
{
	int rc;

	if (port >= net->ports || !net->port_up[port] || !net->port[port].ip) {
		drop(net, m, ZL_NET_ip_drop_no_route);
		return -ENETUNREACH;
	}
	rc = add_header(net, u, m, port, group->port);
	if (!rc)
		ipv4_output_group(net, port, m, group->ip, IPPROTO_UDP, hops);
	return rc;
}
