/* Raw IP (RFC 791): in, a packet is given to the sockets of its protocol and address; out, it gains
 * its IP header. What protocol it is and whether its bytes are right is for the owner to know. */
#include "dataplane/net/raw.h"

#include <errno.h>
#include <netinet/in.h>

#include <rte_ip.h>
#include <rte_malloc.h>

#include "dataplane/net/sockets.h"

#define TTL 64

struct zl_raw {
	struct net_socket s; /* first: the socket is it */
};

int raw_create(struct zl_net *net)
{
	net->raw = sockets_create(net, "raw", ZL_RAW_SOCKETS_MAX);
	return net->raw ? 0 : -ENOMEM;
}

void raw_destroy(struct zl_net *net)
{
	rte_free(net->raw);
}

static bool of_the_stack(uint8_t proto)
{
	return proto == 0 || proto == IPPROTO_ICMP || proto == IPPROTO_IGMP ||
	       proto == IPPROTO_TCP || proto == IPPROTO_UDP;
}

static int open_here(struct zl_net *net, uint8_t proto, uint32_t local, bool shared,
		     zl_raw_receive *receive, void *owner, struct zl_raw **out)
{
	struct net_socket *s;
	int rc = of_the_stack(proto) ? -EPROTONOSUPPORT
				     : sockets_open(net, net->raw, local, proto, shared, &s);

	if (rc)
		return rc;
	s->receive.raw = receive;
	s->owner = owner;
	*out = (struct zl_raw *)s;
	return 0;
}

int zl_raw_open(struct zl_net *net, uint8_t proto, uint32_t local, zl_raw_receive *receive,
		void *owner, struct zl_raw **out)
{
	return open_here(net, proto, local, false, receive, owner, out);
}

int zl_raw_open_shared(struct zl_net *net, uint8_t proto, uint32_t group, zl_raw_receive *receive,
		       void *owner, struct zl_raw **out)
{
	return open_here(net, proto, group, true, receive, owner, out);
}

static int open_elsewhere(struct zl_net *net, uint8_t proto, uint32_t local, bool shared,
			  unsigned core, struct zl_raw **out)
{
	struct net_socket *s;
	int rc = of_the_stack(proto)
			 ? -EPROTONOSUPPORT
			 : sockets_elsewhere(net, net->raw, local, proto, shared, core, &s);

	if (!rc)
		*out = (struct zl_raw *)s;
	return rc;
}

int zl_raw_elsewhere(struct zl_net *net, uint8_t proto, uint32_t local, unsigned core,
		     struct zl_raw **out)
{
	return open_elsewhere(net, proto, local, false, core, out);
}

int zl_raw_elsewhere_shared(struct zl_net *net, uint8_t proto, uint32_t group, unsigned core,
			    struct zl_raw **out)
{
	return open_elsewhere(net, proto, group, true, core, out);
}

void zl_raw_set_loop(struct zl_raw *r, bool loop)
{
	r->s.loop = loop;
}

void zl_raw_close(struct zl_net *net, struct zl_raw *r)
{
	sockets_close(net->raw, &r->s);
}

static void give(struct zl_net *net, const struct net_socket *s, struct rte_mbuf *m, uint32_t src,
		 uint32_t dst)
{
	count(net, ZL_NET_raw_rx_packets);
	net->counter[ZL_NET_raw_rx_bytes] += m->pkt_len;
	s->receive.raw(s->owner, m, src, dst);
}

void raw_input(struct zl_net *net, uint16_t port, struct rte_mbuf *m, unsigned ip_header,
	       uint32_t src, uint32_t dst, uint8_t proto)
{
	struct net_socket *s = sockets_find_for(net->raw, dst, proto);
	struct rte_mbuf *part;

	if (!s) {
		drop(net, m, zl_is_group(dst) ? ZL_NET_ip_drop_group : ZL_NET_ip_drop_protocol);
		return;
	}
	if (likely(!sockets_several(s))) {
		if (s->here)
			give(net, s, m, src, dst);
		else
			sockets_hand_on(net, port, m, s, ip_header);
		return;
	}
	sockets_hand_on_clones(net, port, m, s, ip_header);
	sockets_take_first(net->raw, s);
	while ((s = sockets_take_next(net, net->raw, &m, &part)))
		give(net, s, part, src, dst);
}

bool raw_bound(const struct zl_net *net, uint32_t dst, uint8_t proto)
{
	return sockets_find_for(net->raw, dst, proto);
}

/* How it is sent; if it cannot be, m is freed and counted. */
static int prepare(struct zl_net *net, const struct zl_raw *r, struct rte_mbuf *m, uint8_t ttl,
		   unsigned flags, struct ipv4_how *how)
{
	*how = (struct ipv4_how){
		.proto = (uint8_t)r->s.key, .ttl = ttl, .alert = flags & ZL_RAW_ALERT};
	if (unlikely(m->pkt_len + ipv4_header_bytes(how) > UINT16_MAX)) {
		drop(net, m, ZL_NET_raw_drop_too_big);
		return -EMSGSIZE;
	}
	count(net, ZL_NET_raw_tx_packets);
	net->counter[ZL_NET_raw_tx_bytes] += m->pkt_len;
	return 0;
}

int zl_raw_send(struct zl_net *net, const struct zl_raw *r, struct rte_mbuf *m, uint32_t remote,
		unsigned flags)
{
	bool own = r->s.ip && !zl_is_group(r->s.ip);
	uint32_t src, next_hop;
	struct ipv4_how how;
	uint16_t port;
	int rc;

	if (unlikely(ipv4_route(net, remote, &port, &src, &next_hop))) {
		drop(net, m, ZL_NET_ip_drop_no_route);
		return -ENETUNREACH;
	}
	rc = prepare(net, r, m, TTL, flags, &how);
	return rc ? rc : ipv4_send(net, m, own ? r->s.ip : src, remote, &how);
}

int zl_raw_send_group(struct zl_net *net, const struct zl_raw *r, struct rte_mbuf *m, uint16_t port,
		      uint32_t group, uint8_t hops, unsigned flags)
{
	struct ipv4_how how;
	int rc;

	if (!zl_is_group(group) || port >= net->ports || !net->port_up[port] ||
	    !net->port[port].ip) {
		drop(net, m, ZL_NET_ip_drop_no_route);
		return -ENETUNREACH;
	}
	rc = prepare(net, r, m, hops, flags, &how);
	how.loop = r->s.loop && sockets_find(net->raw, group, how.proto);
	if (!rc)
		ipv4_send_group(net, port, m, net->port[port].ip, group, &how);
	return rc;
}
