/* The sockets below PGM (pgm_path.h): two an address, the group's and our own, shared by flows. */
#include <errno.h>
#include <string.h>

#include "dataplane/flow_pgm.h"
#include "dataplane/lcore.h"
#include "dataplane/net/igmp.h"
#include "dataplane/net/raw.h"
#include "dataplane/net/udp.h"
#include "dataplane/pgm_path.h"

/* All ports of protocol 113 come to one socket. */
static uint16_t port_of(const struct zl_ipc_endpoint *at)
{
	return at->carrier == ZL_CARRIER_EPGM ? at->port : 0;
}

static unsigned lines_of(const struct zl_ipc_endpoint *at)
{
	return at->b.ip ? 2 : 1;
}

static struct zl_ipc_line line_of(const struct zl_ipc_endpoint *at, unsigned line)
{
	return line ? at->b : (struct zl_ipc_line){at->ip, at->via};
}

static struct zl_pgm_place *find(struct zl_lcore *c, const struct zl_ipc_endpoint *at, uint32_t via,
				 uint32_t ip)
{
	for (unsigned i = 0; i < ZL_PGM_PLACES; i++) {
		struct zl_pgm_place *p = &c->pgm_place[i];

		if (p->refs && p->carrier == at->carrier && p->local.ip == ip && p->via == via &&
		    p->local.port == port_of(at))
			return p;
	}
	return NULL;
}

static struct zl_pgm_place *unused(struct zl_lcore *c)
{
	for (unsigned i = 0; i < ZL_PGM_PLACES; i++)
		if (!c->pgm_place[i].refs)
			return &c->pgm_place[i];
	return NULL;
}

/* --- in --- */

/* The line of that flow by which what came to this place comes to it; -1: it does not. */
static int leads_to(const struct zl_pgm_place *p, const struct zl_flow *f)
{
	if (f->at.carrier != p->carrier || port_of(&f->at) != p->local.port)
		return -1;
	for (unsigned i = 0; i < lines_of(&f->at); i++) {
		const struct zl_ipc_line line = line_of(&f->at, i);

		if (line.via == p->via && (line.ip == p->local.ip || line.via == p->local.ip))
			return (int)i;
	}
	return -1;
}

/* In one piece, for whoever keeps it: what was put together of fragments is not. Others may have
 * the same bytes, so that they stay as they are. NULL: too long for a buffer, or no memory. */
static struct rte_mbuf *in_one_piece(struct rte_mempool *pool, struct rte_mbuf *m)
{
	const uint32_t len = m->pkt_len;
	struct rte_mbuf *whole;
	char *to = NULL;

	if (likely(!m->next))
		return m;
	whole = rte_pktmbuf_alloc(pool);
	if (whole && len <= UINT16_MAX)
		to = rte_pktmbuf_append(whole, (uint16_t)len);
	if (to)
		rte_pktmbuf_read(m, 0, len, to);
	rte_pktmbuf_free(m);
	if (to)
		return whole;
	rte_pktmbuf_free(whole);
	return NULL;
}

static enum pgm_reason parse(const struct rte_mbuf *m, const uint16_t *summed,
			     struct pgm_packet *packet)
{
	const uint8_t *at = rte_pktmbuf_mtod(m, const uint8_t *);

	return summed ? pgm_parse_summed(at, m->data_len, *summed, packet)
		      : pgm_parse(at, m->data_len, packet);
}

/* To each flow that it is for; the last one may keep it. */
static void give(const struct zl_pgm_place *p, const struct pgm_packet *packet, struct rte_mbuf *m,
		 const struct pgm_nla *from)
{
	struct zl_flow *to = NULL;
	int to_line = 0;

	for (struct zl_flow *f = p->core->flows; f; f = f->next) {
		int line = leads_to(p, f);

		if (line < 0)
			continue;
		if (to)
			zl_flow_pgm_input(to, packet, m, from, (unsigned)to_line, false);
		to = f;
		to_line = line;
	}
	if (!to || !zl_flow_pgm_input(to, packet, m, from, (unsigned)to_line, true))
		rte_pktmbuf_free(m);
}

/* summed: what the packet's bytes add up to, if that is known. */
static void input(const struct zl_pgm_place *p, struct rte_mbuf *m, uint32_t remote,
		  const uint16_t *summed)
{
	struct zl_lcore *c = p->core;
	struct pgm_packet packet;
	struct pgm_nla from;

	m = in_one_piece(c->frames, m);
	if (!m) {
		zl_core_count(c, ZL_CORE_drop_flow_no_memory);
		return;
	}
	if (parse(m, summed, &packet) != PGM_OK) {
		zl_core_count(c, ZL_CORE_drop_flow_malformed);
		rte_pktmbuf_free(m);
		return;
	}
	pgm_nla_set_ipv4(&from, remote);
	give(p, &packet, m, &from);
}

static void on_udp(void *owner, struct rte_mbuf *m, const struct zl_endpoint_addr *remote,
		   const struct zl_endpoint_addr *local)
{
	uint16_t sum;
	bool summed = zl_udp_payload_sum(m, remote, local, &sum);

	input(owner, m, remote->ip, summed ? &sum : NULL);
}

static void on_raw(void *owner, struct rte_mbuf *m, uint32_t remote, uint32_t local)
{
	(void)local;
	input(owner, m, remote, NULL);
}

/* --- open and close --- */

static int open_socket(struct zl_pgm_place *p, unsigned core)
{
	struct zl_net *net = p->core->net;
	bool here = core == p->core->id, group = zl_is_group(p->local.ip);

	if (p->carrier == ZL_CARRIER_PGM) {
		if (group)
			return here ? zl_raw_open_shared(net, PGM_PROTOCOL, p->local.ip, on_raw, p,
							 &p->raw)
				    : zl_raw_elsewhere_shared(net, PGM_PROTOCOL, p->local.ip, core,
							      &p->raw);
		return here ? zl_raw_open(net, PGM_PROTOCOL, p->local.ip, on_raw, p, &p->raw)
			    : zl_raw_elsewhere(net, PGM_PROTOCOL, p->local.ip, core, &p->raw);
	}
	if (group)
		return here ? zl_udp_open_shared(net, &p->local, on_udp, p, &p->udp)
			    : zl_udp_elsewhere_shared(net, &p->local, core, &p->udp);
	return here ? zl_udp_open(net, &p->local, on_udp, p, &p->udp)
		    : zl_udp_elsewhere(net, &p->local, core, &p->udp);
}

static void close_socket(struct zl_pgm_place *p)
{
	if (p->raw)
		zl_raw_close(p->core->net, p->raw);
	if (p->udp)
		zl_udp_close(p->core->net, p->udp);
}

static int make(struct zl_lcore *c, const struct zl_ipc_endpoint *at, uint32_t via, uint32_t ip,
		unsigned core, struct zl_pgm_place **made)
{
	struct zl_pgm_place *p = unused(c);
	int error;

	if (!p)
		return -ENOSPC;
	*p = (struct zl_pgm_place){.core = c,
				   .carrier = at->carrier,
				   .local = {.ip = ip, .port = port_of(at)},
				   .via = via,
				   .port = (uint16_t)zl_net_port_of(c->net, via)};
	error = open_socket(p, core);
	if (error)
		return error;
	error = zl_is_group(ip) ? zl_flow_join_group(c, via, ip) : 0;
	if (error)
		close_socket(p);
	*made = p;
	return error;
}

static int take(struct zl_lcore *c, const struct zl_ipc_endpoint *at, uint32_t via, uint32_t ip,
		unsigned core, bool receives, struct zl_pgm_place **taken)
{
	struct zl_pgm_place *p = find(c, at, via, ip);
	int error = p ? 0 : make(c, at, via, ip, core, &p);

	if (error)
		return error;
	p->refs++;
	p->receivers += receives;
	*taken = p;
	return 0;
}

static void leave(struct zl_lcore *c, const struct zl_ipc_endpoint *at, uint32_t via, uint32_t ip,
		  bool receives)
{
	struct zl_pgm_place *p = find(c, at, via, ip);

	if (!p)
		return;
	p->receivers -= receives;
	if (--p->refs)
		return;
	if (zl_is_group(ip))
		zl_flow_leave_group(c, via, ip);
	close_socket(p);
}

static void leave_line(struct zl_lcore *c, const struct zl_ipc_endpoint *at, unsigned i,
		       bool receives)
{
	const struct zl_ipc_line line = line_of(at, i);

	leave(c, at, line.via, line.via, receives);
	leave(c, at, line.via, line.ip, receives);
}

/* The group, and the address that answers come to. */
static int take_line(struct zl_lcore *c, const struct zl_ipc_endpoint *at, unsigned i,
		     unsigned core, bool receives, struct zl_pgm_place **own)
{
	const struct zl_ipc_line line = line_of(at, i);
	struct zl_pgm_place *group;
	int error = take(c, at, line.via, line.ip, core, receives, &group);

	if (error)
		return error;
	error = take(c, at, line.via, line.via, core, receives, own);
	if (error)
		leave(c, at, line.via, line.ip, receives);
	return error;
}

int zl_pgm_path_open(struct zl_lcore *c, const struct zl_ipc_endpoint *at, unsigned core,
		     bool receives, struct zl_pgm_place *own[ZL_PGM_LINES])
{
	struct zl_pgm_place *place[ZL_PGM_LINES] = {NULL};

	for (unsigned i = 0; i < lines_of(at); i++) {
		int error = take_line(c, at, i, core, receives, &place[i]);

		if (!error)
			continue;
		while (i-- > 0)
			leave_line(c, at, i, receives);
		return error;
	}
	if (own)
		memcpy(own, place, sizeof(place));
	return 0;
}

void zl_pgm_path_close(struct zl_lcore *c, const struct zl_ipc_endpoint *at, bool receives)
{
	for (unsigned i = lines_of(at); i-- > 0;)
		leave_line(c, at, i, receives);
}

/* --- out --- */

unsigned zl_pgm_overhead(enum zl_carrier carrier)
{
	return carrier == ZL_CARRIER_EPGM ? 20 + 8 : 20 + 4; /* with Router Alert */
}

static struct rte_mbuf *bytes_of(struct rte_mempool *pool, const struct zl_pgm_packet *packet)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint8_t *at;

	if (!m)
		return NULL;
	at = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(packet->head_len + packet->body_len));
	if (!at) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	memcpy(at, packet->head, packet->head_len);
	if (packet->body_len)
		memcpy(at + packet->head_len, packet->body, packet->body_len);
	return m;
}

static void send_udp(const struct zl_flow *f, const struct zl_pgm_place *own, struct rte_mbuf *m,
		     uint32_t ip, const struct zl_pgm_packet *packet)
{
	const struct zl_endpoint_addr to = {.ip = ip, .port = f->at.port};
	struct zl_net *net = f->core->net;

	zl_udp_set_loop(own->udp, packet->loop && own->receivers);
	if (zl_is_group(ip))
		zl_udp_send_group_summed(net, own->udp, m, own->port, &to, packet->hops, PGM_SUM);
	else
		zl_udp_send(net, own->udp, m, &to);
}

static void send_raw(const struct zl_flow *f, const struct zl_pgm_place *own, struct rte_mbuf *m,
		     uint32_t ip, const struct zl_pgm_packet *packet)
{
	unsigned flags = packet->router_alert ? ZL_RAW_ALERT : 0;
	struct zl_net *net = f->core->net;

	zl_raw_set_loop(own->raw, packet->loop && own->receivers);
	if (zl_is_group(ip))
		zl_raw_send_group(net, own->raw, m, own->port, ip, packet->hops, flags);
	else
		zl_raw_send(net, own->raw, m, ip, flags);
}

/* An SPM says by which of our addresses its source is reached: on each line by that line's. */
static void name_path(struct rte_mbuf *m, uint32_t via)
{
	uint8_t *at = rte_pktmbuf_mtod(m, uint8_t *);
	struct pgm_nla path = {.len = 4};

	if (at[4] != PGM_SPM)
		return;
	pgm_store32(path.addr, via);
	pgm_spm_set_path(at, m->data_len, &path);
}

/* Our own sockets hear it only where one of them receives: it would cost as much as to receive. */
static bool send_on(struct zl_flow *f, unsigned line, uint32_t ip,
		    const struct zl_pgm_packet *packet)
{
	const struct zl_pgm_place *own = zl_pgm_flow_of(f)->own[line];
	struct rte_mbuf *m = bytes_of(f->core->frames, packet);

	if (!m) {
		zl_core_count(f->core, ZL_CORE_drop_flow_no_memory);
		return false;
	}
	if (line)
		name_path(m, own->via);
	if (own->udp)
		send_udp(f, own, m, ip, packet);
	else
		send_raw(f, own, m, ip, packet);
	return true;
}

/* The line whose port that host is reached by. */
static unsigned line_to(struct zl_flow *f, uint32_t ip)
{
	return lines_of(&f->at) > 1 &&
	       zl_net_route(f->core->net, ip) == zl_pgm_flow_of(f)->own[1]->port;
}

/* On both lines or on none, as far as memory goes: what line B has lost line A has. */
bool zl_pgm_send(struct zl_flow *f, const struct zl_pgm_packet *packet)
{
	if (packet->to)
		return send_on(f, line_to(f, packet->to), packet->to, packet);
	if (!send_on(f, 0, f->at.ip, packet))
		return false;
	if (lines_of(&f->at) > 1)
		send_on(f, 1, f->at.b.ip, packet);
	return true;
}
