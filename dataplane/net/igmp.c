/* IGMP as a host (RFC 3376): tells routers and switches which groups this machine hears. A change
 * is said at once and again, as reports get lost; a query is answered within the time it allows, at
 * random, so that not all hosts speak at once. Where a querier of version 1 or 2 was heard lately,
 * its version is spoken (7.2.1). Without source filters a group is EXCLUDE of nobody or nothing. */
#include "dataplane/net/igmp.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_malloc.h>

#include "dataplane/net/stack.h"

#define ALL_HOSTS   0xe0000001u /* 224.0.0.1: joined by all, reported by nobody */
#define ALL_ROUTERS 0xe0000002u
#define V3_ROUTERS  0xe0000016u

#define QUERY     0x11
#define REPORT_V1 0x12
#define REPORT_V2 0x16
#define LEAVE_V2  0x17
#define REPORT_V3 0x22

#define IS_INCLUDE 1 /* record types (4.2.12) */
#define IS_EXCLUDE 2
#define TO_INCLUDE 3
#define TO_EXCLUDE 4

#define TOS 0xc0 /* RFC 3376 4 */

#define SHORT_BYTES 8  /* of versions 1 and 2, and a version 3 report's header */
#define QUERY_BYTES 12 /* of version 3, before the sources */
#define RECORD      8

#define TENTH_NS          UINT64_C(100000000)
#define SECOND_NS         UINT64_C(1000000000)
#define ROBUSTNESS        2                /* 8.1 */
#define INTERVAL_S        125              /* 8.2 */
#define V1_RESPONSE_NS    (10 * SECOND_NS) /* 8.3 */
#define UNSOLICITED_NS    SECOND_NS        /* 8.11 */
#define UNSOLICITED_V2_NS (10 * SECOND_NS) /* RFC 2236 8.10 */

#define BUCKETS     256
#define SOURCES_MAX 16 /* kept of a query; one of more is answered for the whole group */
#define RECORDS_MAX 64 /* of a report */

struct group {
	struct zl_net *net;
	uint32_t ip;
	uint16_t port;
	uint32_t joins; /* 0: left, and only here to say so */
	bool reports;
	uint8_t changes_left;           /* reports of the last change that are owed */
	struct zl_timer change, answer; /* what is said of ourselves, and to a query */
	unsigned sources_n;             /* that the query asked for; 0: the whole group */
	uint32_t source[SOURCES_MAX];
	struct group *next;
};

struct querier {
	struct zl_net *net;
	uint16_t port;
	uint8_t robustness;
	uint32_t interval_s;
	uint64_t v1_until_ns, v2_until_ns;
	struct zl_timer general; /* the answer to a general query */
};

struct igmp {
	struct group *bucket[BUCKETS];
	struct group *unused;
	struct querier querier[ZL_PORTS_MAX];
	struct group group[ZL_GROUPS_MAX];
};

/* On the wire, where what is behind an Ethernet header is aligned to two bytes only. */
struct record {
	uint8_t type, aux_words;
	rte_be16_t sources;
	rte_be32_t group;
	rte_be32_t source[];
} __rte_packed __rte_aligned(2);

struct message {
	uint8_t type, code;
	rte_be16_t checksum;
	rte_be32_t group; /* of a version 3 report: 16 bits reserved, 16 of how many records */
} __rte_packed __rte_aligned(2);

static struct group **bucket_of(struct igmp *t, uint32_t ip)
{
	return &t->bucket[(ip ^ ip >> 8) % BUCKETS];
}

static struct group *find(struct igmp *t, uint16_t port, uint32_t ip)
{
	struct group *g = *bucket_of(t, ip);

	while (g && (g->ip != ip || g->port != port))
		g = g->next;
	return g;
}

bool igmp_joined(const struct zl_net *net, uint16_t port, uint32_t ip)
{
	const struct group *g = find(net->igmp, port, ip);

	return g && g->joins;
}

static unsigned version(const struct zl_net *net, const struct querier *q)
{
	if (net->now_ns < q->v1_until_ns)
		return 1;
	return net->now_ns < q->v2_until_ns ? 2 : 3;
}

/* A time up to `most`, not 0. */
static uint64_t within(struct zl_net *net, uint64_t most)
{
	return 1 + net->config.ops->random(net->config.ctx) % most;
}

static void send_message(struct zl_net *net, uint16_t port, struct rte_mbuf *m, uint32_t to)
{
	struct message *h = rte_pktmbuf_mtod(m, struct message *);

	h->checksum = 0;
	h->checksum = packet_checksum(m);
	count(net, ZL_NET_igmp_tx_reports);
	ipv4_send_group(
		net, port, m, net->port[port].ip, to,
		&(struct ipv4_how){.proto = IPPROTO_IGMP, .tos = TOS, .ttl = 1, .alert = true});
}

/* A message of n bytes behind its header; NULL, counted. */
static struct message *make(struct zl_net *net, unsigned n, struct rte_mbuf **m)
{
	struct message *h;

	*m = rte_pktmbuf_alloc(net->config.frames);
	h = *m ? (struct message *)rte_pktmbuf_append(*m, (uint16_t)(sizeof(*h) + n)) : NULL;
	if (!h) {
		rte_pktmbuf_free(*m);
		count(net, ZL_NET_ip_drop_no_buffer);
	}
	return h;
}

/* Versions 1 and 2 have a message a group. */
static void say_old(struct group *g, uint8_t type, uint32_t to)
{
	struct rte_mbuf *m;
	struct message *h = make(g->net, 0, &m);

	if (!h)
		return;
	*h = (struct message){.type = type, .group = rte_cpu_to_be_32(g->ip)};
	send_message(g->net, g->port, m, to);
}

static void say_record(struct group *g, uint8_t type, unsigned sources)
{
	struct rte_mbuf *m;
	struct message *h = make(g->net, RECORD + 4 * sources, &m);
	struct record *r = (struct record *)(h + 1);

	if (!h)
		return;
	*h = (struct message){.type = REPORT_V3, .group = RTE_BE32(1)};
	*r = (struct record){.type = type,
			     .sources = rte_cpu_to_be_16((uint16_t)sources),
			     .group = rte_cpu_to_be_32(g->ip)};
	for (unsigned i = 0; i < sources; i++)
		r->source[i] = rte_cpu_to_be_32(g->source[i]);
	send_message(g->net, g->port, m, V3_ROUTERS);
}

/* That this machine is in the group, as an answer or, in version 3, as news. */
static void say_member(struct group *g, uint8_t record, unsigned sources)
{
	unsigned v = version(g->net, &g->net->igmp->querier[g->port]);

	if (v == 3)
		say_record(g, record, sources);
	else
		say_old(g, v == 2 ? REPORT_V2 : REPORT_V1, g->ip);
}

static void say_left(struct group *g)
{
	unsigned v = version(g->net, &g->net->igmp->querier[g->port]);

	if (v == 3)
		say_record(g, TO_INCLUDE, 0);
	else if (v == 2)
		say_old(g, LEAVE_V2, ALL_ROUTERS);
}

static void forget(struct group *g)
{
	struct igmp *t = g->net->igmp;
	struct group **at = bucket_of(t, g->ip);

	zl_timer_disarm(&g->net->timers, &g->change);
	zl_timer_disarm(&g->net->timers, &g->answer);
	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	g->next = t->unused;
	t->unused = g;
}

/* Says the group's last change, once of as many times as are owed. */
static void say_change(struct group *g)
{
	struct zl_net *net = g->net;
	unsigned v = version(net, &net->igmp->querier[g->port]);

	if (g->joins)
		say_member(g, TO_EXCLUDE, 0);
	else
		say_left(g);
	g->changes_left = !g->joins && v < 3 ? 0 : g->changes_left - 1;
	if (g->changes_left)
		zl_timer_arm(&net->timers, &g->change,
			     net->now_ns +
				     within(net, v == 3 ? UNSOLICITED_NS : UNSOLICITED_V2_NS));
	else if (!g->joins)
		forget(g);
}

static void change_due(struct zl_timer *timer, uint64_t now_ns)
{
	(void)now_ns;
	say_change((struct group *)((char *)timer - offsetof(struct group, change)));
}

static void answer_due(struct zl_timer *timer, uint64_t now_ns)
{
	struct group *g = (struct group *)((char *)timer - offsetof(struct group, answer));

	(void)now_ns;
	/* 5.2: of the sources asked for, EXCLUDE of nobody hears all. */
	say_member(g, g->sources_n ? IS_INCLUDE : IS_EXCLUDE, g->sources_n);
	g->sources_n = 0;
}

static bool is_answered(const struct group *g, uint16_t port)
{
	return g->joins && g->reports && g->port == port;
}

static void general_due(struct zl_timer *timer, uint64_t now_ns)
{
	struct querier *q = (struct querier *)((char *)timer - offsetof(struct querier, general));
	struct zl_net *net = q->net;
	struct group *told[RECORDS_MAX];
	unsigned i = 0, n;

	(void)now_ns;
	while (i < ZL_GROUPS_MAX) {
		struct rte_mbuf *m;
		struct message *h;
		struct record *r;

		for (n = 0; i < ZL_GROUPS_MAX && n < RECORDS_MAX; i++)
			if (is_answered(&net->igmp->group[i], q->port))
				told[n++] = &net->igmp->group[i];
		h = n ? make(net, n * RECORD, &m) : NULL;
		if (!h)
			return;
		*h = (struct message){.type = REPORT_V3, .group = rte_cpu_to_be_32(n)};
		r = (struct record *)(h + 1);
		for (unsigned k = 0; k < n; k++)
			r[k] = (struct record){.type = IS_EXCLUDE,
					       .group = rte_cpu_to_be_32(told[k]->ip)};
		send_message(net, q->port, m, V3_ROUTERS);
	}
}

/* 4.1.1, 4.1.7: eight bits, of which the upper half of the numbers are floating. */
static uint32_t code_value(uint8_t code)
{
	return code < 128 ? code : (uint32_t)((code & 15) | 16) << ((code >> 4 & 7) + 3);
}

static void answer_group(struct group *g, uint64_t due_ns, const uint8_t *source, unsigned n)
{
	bool waits = zl_timer_armed(&g->answer);

	/* 5.2, 3 to 5: the whole group if either asks for it, and by the earlier time. */
	if (!n || n + g->sources_n > SOURCES_MAX || (waits && !g->sources_n))
		g->sources_n = 0;
	else
		for (; n; n--, source += 4) {
			rte_be32_t ip;

			memcpy(&ip, source, sizeof(ip));
			g->source[g->sources_n++] = rte_be_to_cpu_32(ip);
		}
	if (!waits || due_ns < g->answer.deadline_ns)
		zl_timer_arm(&g->net->timers, &g->answer, due_ns);
}

/* To each group by itself, as versions 1 and 2 have it. */
static void answer_all(struct zl_net *net, uint16_t port, uint64_t most_ns)
{
	for (unsigned i = 0; i < ZL_GROUPS_MAX; i++)
		if (is_answered(&net->igmp->group[i], port))
			answer_group(&net->igmp->group[i], net->now_ns + within(net, most_ns), NULL,
				     0);
}

/* 7.2.1: what was about to be said in another version is not. */
static void older_querier(struct zl_net *net, struct querier *q, unsigned v, uint64_t most_ns)
{
	unsigned was = version(net, q);
	uint64_t until = net->now_ns + q->robustness * q->interval_s * SECOND_NS + most_ns;

	*(v == 1 ? &q->v1_until_ns : &q->v2_until_ns) = until;
	if (version(net, q) == was)
		return;
	zl_timer_disarm(&net->timers, &q->general);
	for (unsigned i = 0; i < ZL_GROUPS_MAX; i++) {
		struct group *g = &net->igmp->group[i];

		if (g->port != q->port || !g->reports)
			continue;
		zl_timer_disarm(&net->timers, &g->answer);
		g->sources_n = 0;
	}
}

static void query(struct zl_net *net, struct querier *q, const struct rte_mbuf *m)
{
	const struct message *h = rte_pktmbuf_mtod(m, const struct message *);
	const uint8_t *more = (const uint8_t *)(h + 1);
	uint32_t ip = rte_be_to_cpu_32(h->group);
	uint64_t most_ns = code_value(h->code) * TENTH_NS, due_ns;
	unsigned sources = 0;
	struct group *g;

	if (m->pkt_len >= QUERY_BYTES) {
		sources = (unsigned)(more[2] << 8 | more[3]);
		q->robustness = more[0] & 7 ? more[0] & 7 : ROBUSTNESS;
		q->interval_s = more[1] ? code_value(more[1]) : INTERVAL_S;
	} else {
		most_ns = h->code ? h->code * TENTH_NS : V1_RESPONSE_NS;
		older_querier(net, q, h->code ? 2 : 1, most_ns);
	}
	most_ns = most_ns ? most_ns : 1;
	due_ns = net->now_ns + within(net, most_ns);
	if (!ip && version(net, q) < 3) {
		answer_all(net, q->port, most_ns);
		return;
	}
	if (zl_timer_armed(&q->general) && q->general.deadline_ns <= due_ns)
		return; /* says it all */
	if (!ip) {
		zl_timer_arm(&net->timers, &q->general, due_ns);
		return;
	}
	g = find(net->igmp, q->port, ip);
	if (g && is_answered(g, q->port))
		answer_group(g, due_ns, more + 4, sources);
}

/* Is all that it says there? Then it lies in the first segment. */
static bool well_formed(const struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);

	if (m->data_len != m->pkt_len || m->pkt_len < SHORT_BYTES || packet_checksum(m))
		return false;
	if (p[0] != QUERY || m->pkt_len == SHORT_BYTES)
		return true;
	return m->pkt_len >= QUERY_BYTES &&
	       m->pkt_len >= QUERY_BYTES + 4 * (unsigned)(p[10] << 8 | p[11]);
}

void igmp_input(struct zl_net *net, uint16_t port, struct rte_mbuf *m)
{
	const struct message *h = rte_pktmbuf_mtod(m, const struct message *);
	struct querier *q = &net->igmp->querier[port];
	struct group *g;

	if (!well_formed(m)) {
		drop(net, m, ZL_NET_igmp_drop);
		return;
	}
	if (h->type == QUERY) {
		count(net, ZL_NET_igmp_rx_queries);
		query(net, q, m);
	} else if (h->type == REPORT_V1 || h->type == REPORT_V2) {
		/* Another host has said it for the querier of that version (RFC 2236 3). */
		g = find(net->igmp, port, rte_be_to_cpu_32(h->group));
		count(net, ZL_NET_igmp_rx_reports);
		if (g && version(net, q) < 3)
			zl_timer_disarm(&net->timers, &g->answer);
	} else {
		count(net, ZL_NET_igmp_drop);
	}
	rte_pktmbuf_free(m);
}

static void changed(struct group *g)
{
	struct zl_net *net = g->net;

	zl_timer_disarm(&net->timers, &g->change);
	if (!g->joins) {
		zl_timer_disarm(&net->timers, &g->answer);
		g->sources_n = 0;
	}
	if (g->reports && g->ip != ALL_HOSTS) {
		g->changes_left = net->igmp->querier[g->port].robustness;
		say_change(g);
	} else if (!g->joins) {
		forget(g);
	}
}

int zl_group_join(struct zl_net *net, uint16_t port, uint32_t group, bool report, uint64_t now_ns)
{
	struct igmp *t = net->igmp;
	struct group *g, **bucket = bucket_of(t, group);

	net->now_ns = now_ns;
	if (!zl_is_group(group))
		return -EINVAL;
	if (port >= ZL_PORTS_MAX || !net->port_up[port] || !net->port[port].ip)
		return -ENODEV;
	g = find(t, port, group);
	if (!g) {
		g = t->unused;
		if (!g)
			return -ENOSPC;
		t->unused = g->next;
		g->ip = group;
		g->port = port;
		g->joins = 0;
		g->sources_n = 0;
		g->next = *bucket;
		*bucket = g;
	}
	g->reports = report && group != ALL_HOSTS;
	if (!g->joins++)
		changed(g);
	return 0;
}

void zl_group_leave(struct zl_net *net, uint16_t port, uint32_t group, uint64_t now_ns)
{
	struct group *g = find(net->igmp, port, group);

	net->now_ns = now_ns;
	if (!g || !g->joins || --g->joins)
		return;
	ipv4_forget_known(net);
	changed(g);
}

int igmp_create(struct zl_net *net)
{
	struct igmp *t = rte_zmalloc_socket("igmp", sizeof(*t), RTE_CACHE_LINE_SIZE,
					    net->config.socket_id);

	if (!t)
		return -ENOMEM;
	for (unsigned i = ZL_GROUPS_MAX; i--;) {
		struct group *g = &t->group[i];

		g->net = net;
		zl_timer_init(&g->change, change_due);
		zl_timer_init(&g->answer, answer_due);
		g->next = t->unused;
		t->unused = g;
	}
	for (uint16_t port = 0; port < ZL_PORTS_MAX; port++) {
		t->querier[port] = (struct querier){.net = net,
						    .port = port,
						    .robustness = ROBUSTNESS,
						    .interval_s = INTERVAL_S};
		zl_timer_init(&t->querier[port].general, general_due);
	}
	net->igmp = t;
	return 0;
}

void igmp_destroy(struct zl_net *net)
{
	rte_free(net->igmp);
}
