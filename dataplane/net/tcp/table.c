/* Where connections and listeners are found. All memory is taken at start: an array of connections,
 * a hash table of chains over it, and a small table of listeners. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_malloc.h>

#include "dataplane/net/tcp/tcp.h"

static uint64_t buckets_for(uint32_t connections)
{
	return rte_align64pow2(2 * (uint64_t)connections);
}

size_t zl_tcp_bytes(uint32_t connections)
{
	return buckets_for(connections) * sizeof(struct tcp_conn *) +
	       (size_t)connections * sizeof(struct tcp_conn);
}

int table_create(struct tcp *t)
{
	uint64_t buckets = buckets_for(t->config->max_connections);
	int socket = t->net->config.socket_id;
	uint32_t i;

	t->bucket = rte_zmalloc_socket("tcp_buckets", buckets * sizeof(*t->bucket), 64, socket);
	t->conns = rte_zmalloc_socket(
		"tcp_conns", (size_t)t->config->max_connections * sizeof(*t->conns), 64, socket);
	if (!t->bucket || !t->conns) {
		table_destroy(t);
		return -ENOMEM;
	}
	t->bucket_mask = buckets - 1;
	for (i = t->config->max_connections; i-- > 0;) {
		t->conns[i].hash_next = t->free;
		t->free = &t->conns[i];
	}
	t->tw_tail = &t->tw_head;
	return 0;
}

void table_destroy(struct tcp *t)
{
	rte_free(t->conns);
	rte_free(t->bucket);
}

/* Seeded, so that a stranger cannot aim for one chain. */
static uint64_t tuple_hash(const struct tcp *t, uint32_t local_ip, uint16_t local_port,
			   uint32_t remote_ip, uint16_t remote_port)
{
	uint64_t x = (uint64_t)remote_ip << 32 | (uint32_t)remote_port << 16 | local_port;

	x = (x ^ t->hash_seed) * 0x9e3779b97f4a7c15ull;
	x ^= x >> 32 ^ local_ip;
	x = (x ^ t->hash_seed >> 7) * 0xd6e8feb86659fd93ull;
	return x ^ x >> 32;
}

static struct tcp_conn **bucket_of(const struct tcp_conn *c)
{
	struct tcp *t = c->tcp;

	return &t->bucket[tuple_hash(t, c->local_ip, c->local_port, c->remote_ip, c->remote_port) &
			  t->bucket_mask];
}

struct tcp_conn *table_find(const struct tcp *t, uint32_t local_ip, uint16_t local_port,
			    uint32_t remote_ip, uint16_t remote_port)
{
	uint64_t hash = tuple_hash(t, local_ip, local_port, remote_ip, remote_port);
	struct tcp_conn *c;

	for (c = t->bucket[hash & t->bucket_mask]; c; c = c->hash_next)
		if (c->remote_ip == remote_ip && c->remote_port == remote_port &&
		    c->local_port == local_port && c->local_ip == local_ip)
			return c;
	return NULL;
}

struct tcp_conn *table_alloc(struct tcp *t)
{
	struct tcp_conn *c = t->free;

	if (!c)
		return NULL;
	t->free = c->hash_next;
	t->connections++;
	memset(c, 0, sizeof(*c));
	c->tcp = t;
	return c;
}

void table_insert(struct tcp_conn *c)
{
	struct tcp_conn **head = bucket_of(c);

	c->hash_next = *head;
	*head = c;
}

void table_remove(struct tcp_conn *c)
{
	struct tcp_conn **p = bucket_of(c);

	while (*p != c)
		p = &(*p)->hash_next;
	*p = c->hash_next;
	c->hash_next = NULL;
}

void table_free(struct tcp_conn *c)
{
	struct tcp *t = c->tcp;

	c->hash_next = t->free;
	t->free = c;
	t->connections--;
}

/* An exact address goes before the wildcard. */
struct tcp_listener *table_listener(struct tcp *t, uint32_t ip, uint16_t port)
{
	struct tcp_listener *any = NULL;
	uint32_t i;

	for (i = 0; i < t->listeners; i++) {
		struct tcp_listener *l = &t->listener[i];

		if (!l->used || l->port != port)
			continue;
		if (l->ip == ip)
			return l;
		if (l->ip == 0)
			any = l;
	}
	return any;
}

void table_time_wait_add(struct tcp_conn *c)
{
	struct tcp *t = c->tcp;

	c->tw_next = NULL;
	c->tw_pprev = t->tw_tail;
	*t->tw_tail = c;
	t->tw_tail = &c->tw_next;
}

void table_time_wait_remove(struct tcp_conn *c)
{
	if (!c->tw_pprev)
		return;
	*c->tw_pprev = c->tw_next;
	if (c->tw_next)
		c->tw_next->tw_pprev = c->tw_pprev;
	else
		c->tcp->tw_tail = c->tw_pprev;
	c->tw_pprev = NULL;
}
