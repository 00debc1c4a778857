/* ARP (RFC 826) for each port's subnet. A next hop that is not known is asked for by broadcast, a
 * second apart, three times, while a few packets wait. What is known is confirmed by a unicast
 * request before it expires, if it was used meanwhile, and is used until the answer fails to come.
 *
 * Mappings are made only by packets aimed at us, from a sender of the port's own subnet; whatever
 * else is heard (gratuitous announcements) updates mappings that exist. Answers arrive at one core
 * whichever core asked, so that one tells the others each time (ops->neighbor), not only of news.
 */
#include "dataplane/net/stack.h"

#include <errno.h>

#include <rte_arp.h>
#include <rte_jhash.h>
#include <rte_malloc.h>

#define ENTRIES     4096
#define BUCKETS     4096
#define WAITING_MAX 8
#define TRIES       3
#define SECOND_NS   UINT64_C(1000000000)
#define RETRY_NS    SECOND_NS
#define LIFETIME_NS (300 * SECOND_NS)

enum state {
	RESOLVING, /* asked by broadcast; packets wait */
	KNOWN,     /* mac is valid until the timer says otherwise */
	PROBING,   /* mac is still used, and asked to confirm by unicast */
};

struct entry {
	struct zl_timer timer; /* first: the timer is the entry */
	struct zl_net *net;
	struct entry *next; /* in its bucket, or among the free */
	uint32_t ip;
	uint16_t port;
	uint8_t state; /* enum state */
	uint8_t tries;
	bool used; /* since it was last confirmed */
	uint8_t waiting_n;
	struct rte_ether_addr mac;
	struct rte_mbuf *waiting[WAITING_MAX]; /* oldest first */
};

struct arp {
	struct entry *free;
	struct entry *bucket[BUCKETS];
	struct entry entry[ENTRIES];
};

static void expire(struct zl_timer *t, uint64_t now_ns);

int arp_create(struct zl_net *net)
{
	struct arp *arp = rte_zmalloc_socket("zl_arp", sizeof(*arp), RTE_CACHE_LINE_SIZE,
					     net->config.socket_id);

	if (!arp)
		return -ENOMEM;
	for (unsigned i = 0; i < ENTRIES; i++) {
		struct entry *e = &arp->entry[i];

		zl_timer_init(&e->timer, expire);
		e->net = net;
		e->next = arp->free;
		arp->free = e;
	}
	net->arp = arp;
	return 0;
}

void arp_destroy(struct zl_net *net)
{
	for (unsigned i = 0; i < ENTRIES; i++) {
		struct entry *e = &net->arp->entry[i];

		zl_timer_disarm(&net->timers, &e->timer);
		rte_pktmbuf_free_bulk(e->waiting, e->waiting_n);
	}
	rte_free(net->arp);
	net->arp = NULL;
}

static struct entry **bucket_of(struct arp *arp, uint16_t port, uint32_t ip)
{
	return &arp->bucket[rte_jhash_2words(ip, port, 0) % BUCKETS];
}

static struct entry *find(struct arp *arp, uint16_t port, uint32_t ip)
{
	struct entry *e = *bucket_of(arp, port, ip);

	while (e && (e->ip != ip || e->port != port))
		e = e->next;
	return e;
}

/* A new entry, in no state yet; NULL, counted, if there are too many. */
static struct entry *make(struct zl_net *net, uint16_t port, uint32_t ip)
{
	struct entry **bucket = bucket_of(net->arp, port, ip);
	struct entry *e = net->arp->free;

	if (!e) {
		count(net, ZL_NET_arp_drop_table_full);
		return NULL;
	}
	net->arp->free = e->next;
	e->next = *bucket;
	*bucket = e;
	e->ip = ip;
	e->port = port;
	e->tries = 0;
	e->used = false;
	return e;
}

static void forget(struct entry *e)
{
	struct zl_net *net = e->net;
	struct entry **at = bucket_of(net->arp, e->port, e->ip);

	net->counter[ZL_NET_arp_drop_unresolved] += e->waiting_n;
	rte_pktmbuf_free_bulk(e->waiting, e->waiting_n);
	e->waiting_n = 0;
	zl_timer_disarm(&net->timers, &e->timer);
	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	e->next = net->arp->free;
	net->arp->free = e;
}

/* `to` is the Ethernet destination; `tha` what the packet says of the target. */
static void send_packet(struct zl_net *net, uint16_t port, uint16_t op, uint32_t tip,
			const struct rte_ether_addr *to, const struct rte_ether_addr *tha)
{
	const struct zl_net_port *p = &net->port[port];
	struct rte_mbuf *m = rte_pktmbuf_alloc(net->config.frames);
	struct rte_arp_hdr *arp;

	if (!m) {
		count(net, ZL_NET_ip_drop_no_buffer);
		return;
	}
	arp = (struct rte_arp_hdr *)rte_pktmbuf_append(m, sizeof(*arp));
	*arp = (struct rte_arp_hdr){
		.arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER),
		.arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4),
		.arp_hlen = RTE_ETHER_ADDR_LEN,
		.arp_plen = sizeof(uint32_t),
		.arp_opcode = rte_cpu_to_be_16(op),
		.arp_data = {.arp_sha = p->mac,
			     .arp_sip = rte_cpu_to_be_32(p->ip),
			     .arp_tha = *tha,
			     .arp_tip = rte_cpu_to_be_32(tip)},
	};
	count(net, op == RTE_ARP_OP_REQUEST ? ZL_NET_arp_tx_requests : ZL_NET_arp_tx_replies);
	eth_output(net, port, m, to, RTE_ETHER_TYPE_ARP);
}

static const struct rte_ether_addr everybody = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
static const struct rte_ether_addr unknown;

/* Ask, and wait for the answer. */
static void ask(struct entry *e)
{
	struct zl_net *net = e->net;

	send_packet(net, e->port, RTE_ARP_OP_REQUEST, e->ip,
		    e->state == PROBING ? &e->mac : &everybody, &unknown);
	e->tries++;
	zl_timer_arm(&net->timers, &e->timer, net->now_ns + RETRY_NS);
}

static void expire(struct zl_timer *t, uint64_t now_ns)
{
	struct entry *e = (struct entry *)t;

	(void)now_ns; /* is net->now_ns */
	switch ((enum state)e->state) {
	case KNOWN:
		if (!e->used) {
			forget(e);
			return;
		}
		e->state = PROBING;
		e->tries = 0;
		break;
	case RESOLVING:
	case PROBING:
		if (e->tries == TRIES) {
			forget(e);
			return;
		}
		break;
	}
	ask(e);
}

/* The mapping is so, as of now: send what waited for it. */
static void confirm(struct entry *e, const struct rte_ether_addr *mac)
{
	unsigned n = e->waiting_n;

	e->mac = *mac;
	e->state = KNOWN;
	e->used = n > 0;
	e->waiting_n = 0;
	zl_timer_arm(&e->net->timers, &e->timer, e->net->now_ns + LIFETIME_NS);
	for (unsigned i = 0; i < n; i++)
		ipv4_transmit(e->net, e->port, e->waiting[i], &e->mac);
}

static void wait(struct entry *e, struct rte_mbuf *m)
{
	if (e->waiting_n == WAITING_MAX) {
		drop(e->net, e->waiting[0], ZL_NET_arp_drop_queue_full);
		e->waiting_n--;
		memmove(&e->waiting[0], &e->waiting[1], e->waiting_n * sizeof(e->waiting[0]));
	}
	e->waiting[e->waiting_n++] = m;
}

void arp_output(struct zl_net *net, uint16_t port, struct rte_mbuf *m, uint32_t next_hop)
{
	struct entry *e = find(net->arp, port, next_hop);

	if (likely(e && e->state != RESOLVING)) {
		e->used = true;
		ipv4_transmit(net, port, m, &e->mac);
		return;
	}
	if (e) {
		wait(e, m);
		return;
	}
	e = make(net, port, next_hop);
	if (!e) {
		rte_pktmbuf_free(m); /* make() has counted it */
		return;
	}
	e->state = RESOLVING;
	wait(e, m);
	ask(e);
}

/* Is this a station of the port's subnet, and not its network or broadcast address? */
static bool neighbor(const struct zl_net_port *p, uint32_t ip)
{
	uint32_t host = p->prefix_len ? (uint32_t)((UINT64_C(1) << (32 - p->prefix_len)) - 1)
				      : UINT32_MAX;

	if (!p->ip || ip == p->ip || (ip ^ p->ip) & ~host)
		return false;
	return p->prefix_len >= 31 || ((ip & host) != 0 && (ip & host) != host);
}

void arp_set(struct zl_net *net, uint16_t port, uint32_t ip, const struct rte_ether_addr *mac)
{
	struct entry *e;

	if (!neighbor(&net->port[port], ip))
		return;
	e = find(net->arp, port, ip);
	if (!e)
		e = make(net, port, ip);
	if (e)
		confirm(e, mac);
}

void arp_announce(struct zl_net *net, uint16_t port)
{
	send_packet(net, port, RTE_ARP_OP_REQUEST, net->port[port].ip, &everybody, &unknown);
}

/* RFC 826's merge, within the limits that the head of this file sets. */
static void learn(struct zl_net *net, uint16_t port, const struct rte_arp_ipv4 *a, bool to_us,
		  bool reply)
{
	uint32_t ip = rte_be_to_cpu_32(a->arp_sip);
	struct entry *e = find(net->arp, port, ip);
	bool news = !e || e->state == RESOLVING || !rte_is_same_ether_addr(&e->mac, &a->arp_sha);

	if (!e && to_us)
		e = make(net, port, ip);
	if (!e)
		return;
	confirm(e, &a->arp_sha);
	if ((news || (reply && to_us)) && net->config.ops->neighbor)
		net->config.ops->neighbor(net->config.ctx, port, ip, &a->arp_sha);
}

static bool well_formed(const struct rte_mbuf *m)
{
	const struct rte_arp_hdr *arp = rte_pktmbuf_mtod(m, const struct rte_arp_hdr *);

	return m->data_len >= sizeof(*arp) && arp->arp_hardware == RTE_BE16(RTE_ARP_HRD_ETHER) &&
	       arp->arp_protocol == RTE_BE16(RTE_ETHER_TYPE_IPV4) &&
	       arp->arp_hlen == RTE_ETHER_ADDR_LEN && arp->arp_plen == sizeof(uint32_t) &&
	       (arp->arp_opcode == RTE_BE16(RTE_ARP_OP_REQUEST) ||
		arp->arp_opcode == RTE_BE16(RTE_ARP_OP_REPLY)) &&
	       rte_is_unicast_ether_addr(&arp->arp_data.arp_sha) &&
	       !rte_is_zero_ether_addr(&arp->arp_data.arp_sha);
}

void arp_input(struct zl_net *net, uint16_t port, struct rte_mbuf *m)
{
	const struct zl_net_port *p = &net->port[port];
	const struct rte_arp_hdr *arp = rte_pktmbuf_mtod(m, const struct rte_arp_hdr *);
	const struct rte_arp_ipv4 *a = &arp->arp_data;

	if (!well_formed(m)) {
		drop(net, m, ZL_NET_arp_drop_malformed);
		return;
	}

	bool reply = arp->arp_opcode == RTE_BE16(RTE_ARP_OP_REPLY);
	uint32_t sip = rte_be_to_cpu_32(a->arp_sip);
	bool to_us = p->ip && rte_be_to_cpu_32(a->arp_tip) == p->ip;

	count(net, reply ? ZL_NET_arp_rx_replies : ZL_NET_arp_rx_requests);
	if (!rte_is_same_ether_addr(&a->arp_sha, &p->mac)) {
		if (sip && zl_net_port_of(net, sip) == port)
			count(net, ZL_NET_arp_conflicts);
		else if (neighbor(p, sip))
			learn(net, port, a, to_us, reply);
		/* A sender of 0.0.0.0 probes whether the address is free (RFC 5227): it is not. */
		if (to_us && !reply && sip != p->ip)
			send_packet(net, port, RTE_ARP_OP_REPLY, sip, &a->arp_sha, &a->arp_sha);
	}
	rte_pktmbuf_free(m);
}
