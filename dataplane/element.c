#include "dataplane/element.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "dataplane/flow_pgm.h"
#include "dataplane/lcore.h"
#include "dataplane/net/igmp.h"
#include "dataplane/net/transit.h"
#include "dataplane/pgm/element.h"

#define GROUP_TTL 16 /* of what an element says itself: as far as sources reach by default */
#define HOST_TTL  64

_Static_assert(PGM_ELEMENT_INTERFACES >= ZL_IPC_PORTS_MAX, "a port is an interface");

struct element {
	struct zl_elements *all;
	struct zl_ipc_element at;
	struct pgm_element *pgm;
	void *memory;
	uint16_t port[PGM_ELEMENT_INTERFACES]; /* by interface */
	unsigned interfaces;
	uint64_t due_ns;
};

struct zl_elements {
	struct zl_lcore *core;
	struct zl_timer timer; /* wakes the core for what is due */
	uint64_t due_ns;
	unsigned n;
	struct element element[ZL_ELEMENTS_MAX];
	uint8_t ttl; /* of the packet at hand */
	uint8_t packet[ZL_PGM_TPDU_MAX];
};

/* --- out --- */

/* What others said has one hop less to go; what an element says itself begins here. */
static uint8_t ttl_of(const struct zl_elements *all, const uint8_t *packet, uint32_t to)
{
	switch (packet[4]) {
	case PGM_SPM:
	case PGM_ODATA:
	case PGM_RDATA:
	case PGM_SPMR:
		return (uint8_t)(all->ttl - 1);
	default:
		return zl_is_group(to) ? GROUP_TTL : HOST_TTL;
	}
}

static struct rte_mbuf *bytes_of(struct zl_lcore *c, const uint8_t *at, unsigned len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(c->frames);
	char *to = m ? rte_pktmbuf_append(m, (uint16_t)len) : NULL;

	if (to) {
		memcpy(to, at, len);
		return m;
	}
	rte_pktmbuf_free(m); /* the element counts it */
	return NULL;
}

static bool send_packet(void *ctx, const struct pgm_hop *out, const uint8_t *at, unsigned len,
			bool router_alert)
{
	const struct element *e = ctx;
	struct zl_lcore *c = e->all->core;
	struct rte_mbuf *m = bytes_of(c, at, len);
	const uint32_t to = pgm_load32(out->to.addr);
	const struct zl_transit how = {.port = e->port[out->interface],
				       .ttl = ttl_of(e->all, at, to),
				       .src = pgm_load32(out->from.addr),
				       .dst = to};

	return m && zl_transit_send(c->net, m, &how, router_alert) == 0;
}

static const struct pgm_element_ops element_ops = {.send = send_packet};

/* --- in --- */

static int interface_of(const struct element *e, uint16_t port)
{
	for (unsigned i = 0; i < e->interfaces; i++)
		if (e->port[i] == port)
			return (int)i;
	return -1;
}

/* A port's groups belong to one element each. */
static struct element *of_group(struct zl_elements *all, const struct zl_transit *in)
{
	for (unsigned i = 0; i < all->n; i++) {
		struct element *e = &all->element[i];

		if (zl_ipc_element_has(&e->at, in->dst) && interface_of(e, in->port) >= 0)
			return e;
	}
	return NULL;
}

/* What is for a host is for the element that knows its session. */
static struct element *of_session(struct zl_elements *all, const struct zl_transit *in,
				  const struct pgm_tsi *tsi)
{
	struct pgm_element_path path;

	for (unsigned i = 0; i < all->n; i++) {
		struct element *e = &all->element[i];

		if (interface_of(e, in->port) >= 0 && pgm_element_path(e->pgm, tsi, &path))
			return e;
	}
	return NULL;
}

/* Its own copy, as it is altered on its way. */
static void copy(struct zl_elements *all, const struct rte_mbuf *m)
{
	const void *at = rte_pktmbuf_read(m, 0, m->pkt_len, all->packet);

	if (at != all->packet)
		memcpy(all->packet, at, m->pkt_len);
}

static bool receive(void *owner, struct rte_mbuf *m, const struct zl_transit *in)
{
	struct zl_elements *all = owner;
	const bool group = zl_is_group(in->dst);
	struct element *e = group ? of_group(all, in) : NULL;
	struct pgm_packet packet;
	struct pgm_hop hop = {.from = pgm_nla_ipv4(in->src), .to = pgm_nla_ipv4(in->dst)};

	if (group && !e)
		return false;
	copy(all, m);
	if (pgm_parse(all->packet, m->pkt_len, &packet) != PGM_OK) {
		zl_core_count(all->core, ZL_CORE_drop_element_malformed);
		return group;
	}
	if (!group)
		e = of_session(all, in, &packet.tsi);
	if (!e)
		return false;
	hop.interface = (unsigned)interface_of(e, in->port);
	all->ttl = in->ttl;
	pgm_element_input(e->pgm, all->core->now_ns, &packet, &hop, all->packet, m->pkt_len);
	e->due_ns = 0; /* it may have more to do now, and sooner */
	return true;
}

/* --- its core --- */

static void wake(struct zl_timer *t, uint64_t now_ns)
{
	(void)t;
	(void)now_ns; /* the turn goes on with what is due */
}

void zl_elements_turn(struct zl_lcore *c)
{
	struct zl_elements *all = c->elements;
	uint64_t due_ns = PGM_NEVER;

	if (!all)
		return;
	for (unsigned i = 0; i < all->n; i++) {
		struct element *e = &all->element[i];

		if (e->due_ns <= c->now_ns)
			e->due_ns = pgm_element_turn(e->pgm, c->now_ns);
		due_ns = RTE_MIN(due_ns, e->due_ns);
	}
	if (due_ns == all->due_ns && (due_ns == PGM_NEVER || zl_timer_armed(&all->timer)))
		return;
	all->due_ns = due_ns;
	zl_timer_disarm(&c->timers, &all->timer);
	if (due_ns != PGM_NEVER)
		zl_timer_arm(&c->timers, &all->timer, due_ns);
}

/* --- main thread --- */

static int join(struct zl_lcore *c, const struct element *e)
{
	int error = 0;

	for (unsigned i = 0; i < e->interfaces; i++)
		for (uint32_t g = 0; g < e->at.groups && !error; g++)
			error = zl_group_join(c->net, e->port[i], e->at.group[g], true, c->now_ns);
	return error;
}

static int create(struct zl_elements *all, struct element *e, const struct zl_ipc_element *config)
{
	struct zl_lcore *c = all->core;
	struct pgm_element_config p = {0};

	e->all = all;
	e->at = *config;
	pgm_element_defaults(&p);
	for (uint16_t port = 0; port < ZL_IPC_PORTS_MAX; port++) {
		if (!(config->ports >> port & 1))
			continue;
		e->port[p.interfaces] = port;
		p.nla[p.interfaces++] = pgm_nla_ipv4(zl_net_address(c->net, port));
	}
	e->interfaces = p.interfaces;
	if (getrandom(&p.seed, sizeof(p.seed), 0) != sizeof(p.seed))
		return -errno;
	e->memory = zl_pgm_memory(pgm_element_bytes(&p));
	if (!e->memory)
		return -ENOMEM;
	e->pgm = pgm_element_init(e->memory, &p, &element_ops, e, c->pgm_counter);
	return join(c, e);
}

int zl_elements_create(struct zl_lcore *c, const struct zl_ipc_element *config, unsigned n,
		       unsigned *at)
{
	struct zl_elements *all = n ? calloc(1, sizeof(*all)) : NULL;
	uint32_t ports = 0;
	int error;

	*at = 0;
	if (!all)
		return n ? -ENOMEM : 0;
	c->elements = all;
	all->core = c;
	all->due_ns = PGM_NEVER;
	zl_timer_init(&all->timer, wake);
	for (*at = 0; *at < n; ++*at) {
		error = create(all, &all->element[all->n++], &config[*at]);
		if (error)
			return error;
		ports |= config[*at].ports;
	}
	zl_transit_open(c->net, PGM_PROTOCOL, ports, receive, all);
	return 0;
}

void zl_elements_destroy(struct zl_lcore *c)
{
	if (!c->elements)
		return;
	for (unsigned i = 0; i < c->elements->n; i++)
		free(c->elements->element[i].memory);
	free(c->elements);
	c->elements = NULL;
}
