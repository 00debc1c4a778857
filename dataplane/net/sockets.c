/* Sockets of datagrams: opened and closed, found by hash, and several of one group in turn. */
#include "dataplane/net/sockets.h"

#include <errno.h>

#include <rte_malloc.h>

#define CORES_MAX 64 /* as many as a mask of them has bits */

struct sockets *sockets_create(const struct zl_net *net, const char *name, unsigned n)
{
	struct sockets *t = rte_zmalloc_socket(name, sizeof(*t) + n * sizeof(t->socket[0]),
					       RTE_CACHE_LINE_SIZE, net->config.socket_id);

	if (!t)
		return NULL;
	t->n = n;
	for (unsigned i = n; i--;) {
		t->socket[i].next = t->unused;
		t->unused = &t->socket[i];
	}
	return t;
}

int sockets_open(const struct zl_net *net, struct sockets *t, uint32_t ip, uint16_t key,
		 bool shared, struct net_socket **out)
{
	struct net_socket *s = sockets_find(t, ip, key), **bucket = sockets_bucket(t, ip, key);

	if (shared && !zl_is_group(ip))
		return -EINVAL;
	if (ip && !zl_is_group(ip) && zl_net_port_of(net, ip) < 0)
		return -EADDRNOTAVAIL;
	if (s && !(shared && s->shared))
		return -EADDRINUSE;
	s = t->unused;
	if (!s)
		return -ENOSPC;
	t->unused = s->next;
	*s = (struct net_socket){.ip = ip,
				 .key = key,
				 .here = true,
				 .shared = shared,
				 .loop = true,
				 .next = *bucket};
	*bucket = s;
	*out = s;
	return 0;
}

int sockets_elsewhere(const struct zl_net *net, struct sockets *t, uint32_t ip, uint16_t key,
		      bool shared, unsigned core, struct net_socket **out)
{
	int rc = core < CORES_MAX ? sockets_open(net, t, ip, key, shared, out) : -EINVAL;

	if (rc)
		return rc;
	(*out)->here = false;
	(*out)->core = core;
	return 0;
}

/* The first of s's address that lives here, from `from` on. */
static struct net_socket *next_here(const struct net_socket *s, struct net_socket *from)
{
	from = sockets_match(from, s->ip, s->key);
	while (from && !from->here)
		from = sockets_match(from->next, s->ip, s->key);
	return from;
}

void sockets_close(struct sockets *t, struct net_socket *s)
{
	struct net_socket **at = sockets_bucket(t, s->ip, s->key);

	if (t->following == s)
		t->following = next_here(s, s->next);
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	s->key = 0;
	s->next = t->unused;
	t->unused = s;
}

bool sockets_key_in_use(const struct sockets *t, uint16_t key)
{
	for (unsigned i = 0; i < t->n; i++)
		if (t->socket[i].key == key)
			return true;
	return false;
}

/* That core looks at the transport's checksum. */
void sockets_hand_on(struct zl_net *net, uint16_t port, struct rte_mbuf *m,
		     const struct net_socket *s, unsigned ip_header)
{
	/* What comes from a core that took it to be ours is not sent on: it might go in circles. */
	if (!net->config.ops->hand_on || net->origin == FROM_CORE) {
		drop(net, m, ZL_NET_datagram_drop_elsewhere);
		return;
	}
	/* What was cut off in front is still there. */
	rte_pktmbuf_prepend(m, (uint16_t)ip_header);
	count(net, ZL_NET_datagram_handed_on);
	net->config.ops->hand_on(net->config.ctx, s->core, port, m);
}

void sockets_hand_on_clones(struct zl_net *net, uint16_t port, struct rte_mbuf *m,
			    struct net_socket *first, unsigned ip_header)
{
	uint64_t done = 0;

	/* The core that it came from has told all. */
	if (net->origin == FROM_CORE)
		return;
	for (struct net_socket *s = first; s; s = sockets_match(s->next, s->ip, s->key)) {
		struct rte_mbuf *clone;

		if (s->here || done >> s->core & 1)
			continue;
		done |= UINT64_C(1) << s->core;
		clone = rte_pktmbuf_clone(m, net->config.indirect);
		if (clone)
			sockets_hand_on(net, port, clone, s, ip_header);
		else
			count(net, ZL_NET_datagram_drop_no_clone);
	}
}

void sockets_take_first(struct sockets *t, struct net_socket *first)
{
	t->following = next_here(first, first);
}

struct net_socket *sockets_take_next(struct zl_net *net, struct sockets *t,
				     struct rte_mbuf **packet, struct rte_mbuf **m)
{
	struct net_socket *s;

	while ((s = t->following)) {
		t->following = next_here(s, s->next);
		if (!t->following) {
			*m = *packet;
			*packet = NULL;
			return s;
		}
		*m = rte_pktmbuf_clone(*packet, net->config.indirect);
		if (*m)
			return s;
		count(net, ZL_NET_datagram_drop_no_clone);
	}
	/* The last one was closed by one before it. */
	rte_pktmbuf_free(*packet);
	*packet = NULL;
	return NULL;
}
