/* Who a datagram is for: the sockets of one transport by local address and key, which is a port of
 * UDP's or a protocol of raw IP's. A socket lives on one core; the others' tables say where. udp.c
 * and raw.c have a table each; nobody else includes this. Header of sockets.c. */
#ifndef ZL_NET_SOCKETS_H
#define ZL_NET_SOCKETS_H

#include "dataplane/net/igmp.h"
#include "dataplane/net/raw.h"
#include "dataplane/net/stack.h"
#include "dataplane/net/udp.h"

#define SOCKET_BUCKETS 256

struct net_socket {
	uint32_t ip;  /* host order; 0: every unicast address of ours; or a group */
	uint16_t key; /* 0: not in use */
	bool here;    /* else it lives on `core` */
	bool shared;  /* others may have the address too */
	bool loop;    /* what it sends to a group is heard here as well */
	unsigned core;
	void *owner;
	union {
		zl_udp_receive *udp;
		zl_raw_receive *raw;
	} receive;
	struct net_socket *next; /* of its bucket, or among the free */
};

struct sockets {
	struct net_socket *bucket[SOCKET_BUCKETS];
	struct net_socket *unused;
	struct net_socket *following; /* sockets_take_next */
	unsigned n;
	struct net_socket socket[];
};

/* NULL: no memory. */
struct sockets *sockets_create(const struct zl_net *net, const char *name, unsigned n);
/* -EADDRNOTAVAIL: the address is not ours; -EINVAL: shared, and not a group; -EADDRINUSE: another
 * has it, and not both are shared; -ENOSPC. It is here, and without a receiver, until the caller
 * says otherwise. */
int sockets_open(const struct zl_net *net, struct sockets *t, uint32_t ip, uint16_t key,
		 bool shared, struct net_socket **out);
/* The same for a socket of another core's. -EINVAL also: no such core. */
int sockets_elsewhere(const struct zl_net *net, struct sockets *t, uint32_t ip, uint16_t key,
		      bool shared, unsigned core, struct net_socket **out);
void sockets_close(struct sockets *t, struct net_socket *s);
bool sockets_key_in_use(const struct sockets *t, uint16_t key);

/* m, whose data is behind its IP header, for the core that s lives on; owns it. */
void sockets_hand_on(struct zl_net *net, uint16_t port, struct rte_mbuf *m,
		     const struct net_socket *s, unsigned ip_header);
/* A clone of m for each other core that has a socket of first's address. */
void sockets_hand_on_clones(struct zl_net *net, uint16_t port, struct rte_mbuf *m,
			    struct net_socket *first, unsigned ip_header);
/* The sockets of first's address that live here, one after the other, each with the packet that it
 * gets: a clone, or for the last *packet itself. NULL: no more, and *packet has an owner. Between
 * two calls sockets may be opened and closed; no other datagram may be given out. */
void sockets_take_first(struct sockets *t, struct net_socket *first);
struct net_socket *sockets_take_next(struct zl_net *net, struct sockets *t,
				     struct rte_mbuf **packet, struct rte_mbuf **m);

static inline struct net_socket **sockets_bucket(struct sockets *t, uint32_t ip, uint16_t key)
{
	return &t->bucket[(key ^ ip ^ ip >> 8) % SOCKET_BUCKETS];
}

/* The first of that address and key from s on. */
static inline struct net_socket *sockets_match(struct net_socket *s, uint32_t ip, uint16_t key)
{
	while (s && (s->key != key || s->ip != ip))
		s = s->next;
	return s;
}

static inline struct net_socket *sockets_find(struct sockets *t, uint32_t ip, uint16_t key)
{
	return sockets_match(*sockets_bucket(t, ip, key), ip, key);
}

/* The socket that a datagram to this address is for: one of the address itself goes first. */
static inline struct net_socket *sockets_find_for(struct sockets *t, uint32_t ip, uint16_t key)
{
	struct net_socket *s = sockets_find(t, ip, key);

	return s || zl_is_group(ip) ? s : sockets_find(t, 0, key);
}

/* Is a datagram that is for s for others, too? */
static inline bool sockets_several(const struct net_socket *s)
{
	return s->shared && sockets_match(s->next, s->ip, s->key);
}

#endif
