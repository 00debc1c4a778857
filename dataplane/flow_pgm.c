/* pgm:// and epgm://: a PUB or XPUB is a source, a SUB or XSUB receives whoever sends to its group.
 * Bind and connect are the same (zmq_pgm). PGM itself is in pgm/, what is in its packets in tsdu.h.
 */
#include "dataplane/flow_pgm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "dataplane/lcore.h"

/* --- host core --- */

void *zl_pgm_memory(size_t bytes)
{
	void *memory = aligned_alloc(64, RTE_ALIGN_CEIL(bytes, 64));

	if (memory)
		memset(memory, 0, bytes);
	return memory;
}

static int create_source(struct zl_pgm_flow *f, const struct zl_ipc_endpoint *at,
			 const struct zl_ipc_options *o)
{
	struct pgm_source_config c = {0};

	pgm_source_defaults(&c, o->rate, o->recovery_ivl, o->multicast_maxtpdu,
			    (uint16_t)zl_pgm_overhead(at->carrier));
	c.dport = at->port;
	c.nla = pgm_nla_ipv4(at->via);
	c.group = pgm_nla_ipv4(at->ip);
	if (at->b.ip) {
		c.nla_b = pgm_nla_ipv4(at->b.via);
		c.group_b = pgm_nla_ipv4(at->b.ip);
	}
	getrandom(c.tsi.gsi, sizeof(c.tsi.gsi), 0);
	getrandom(&c.tsi.port, sizeof(c.tsi.port), 0);
	getrandom(&c.first_sqn, sizeof(c.first_sqn), 0);
	c.tsi.port |= 1; /* not 0 */
	c.tg_size = (uint8_t)o->pgm_fec_group;
	c.proactive = (uint8_t)o->pgm_fec_proactive;
	c.ondemand = o->pgm_fec_ondemand;
	return zl_pgm_out_create(f, &c);
}

static int create_receiver(struct zl_pgm_flow *f, const struct zl_ipc_endpoint *at,
			   const struct zl_ipc_options *o)
{
	struct pgm_receiver_config c = {0};

	pgm_receiver_defaults(&c, o->rate, o->recovery_ivl, o->multicast_maxtpdu,
			      (uint16_t)zl_pgm_overhead(at->carrier));
	c.dport = at->port;
	c.group = pgm_nla_ipv4(at->ip);
	c.lines = at->b.ip ? 2 : 1;
	c.passive = !o->pgm_naks;
	c.nak_bo_ns = o->pgm_nak_ivl * UINT64_C(1000000);
	getrandom(&c.seed, sizeof(c.seed), 0);
	return zl_pgm_in_create(f, &c);
}

static struct zl_flow *create(struct zl_lcore *c, const struct zl_ipc_endpoint *at,
			      const struct zl_ipc_socket *socket)
{
	const struct zl_ipc_options *o = &socket->options;
	struct zl_pgm_flow *f = calloc(1, sizeof(*f));
	int error;

	if (!f)
		return NULL;
	f->flow.core = c;
	f->sends = socket->type == ZL_PUB || socket->type == ZL_XPUB;
	f->loop = o->multicast_loop;
	f->hops = (uint8_t)o->multicast_hops;
	f->max_msg_bytes = socket->max_msg_bytes;
	error = f->sends ? create_source(f, at, o) : create_receiver(f, at, o);
	if (!error)
		return &f->flow;
	free(f);
	errno = -error;
	return NULL;
}

static void destroy(struct zl_flow *flow)
{
	struct zl_pgm_flow *f = zl_pgm_flow_of(flow);

	free(f->memory);
	free(f);
}

static bool hears(const struct zl_flow *flow)
{
	return !((const struct zl_pgm_flow *)flow)->sends;
}

/* --- its core --- */

static void wake(struct zl_timer *t, uint64_t now_ns)
{
	(void)t;
	(void)now_ns; /* the turn goes on with what is due */
}

static void turn(struct zl_flow *flow, uint64_t now_ns)
{
	struct zl_pgm_flow *f = zl_pgm_flow_of(flow);
	struct zl_timer_wheel *timers = &flow->core->timers;
	uint64_t due_ns = f->sends ? zl_pgm_out_turn(f, now_ns)
				   : pgm_receiver_turn(f->receiver, now_ns);

	if (due_ns == f->due_ns && (due_ns == PGM_NEVER || zl_timer_armed(&f->timer)))
		return;
	f->due_ns = due_ns;
	zl_timer_disarm(timers, &f->timer);
	if (due_ns != PGM_NEVER)
		zl_timer_arm(timers, &f->timer, due_ns);
}

static int open_here(struct zl_flow *flow)
{
	struct zl_pgm_flow *f = zl_pgm_flow_of(flow);

	zl_timer_init(&f->timer, wake);
	f->due_ns = PGM_NEVER;
	return zl_pgm_path_open(flow->core, &flow->at, flow->core->id, !f->sends, f->own);
}

static void close_here(struct zl_flow *flow)
{
	struct zl_pgm_flow *f = zl_pgm_flow_of(flow);

	if (f->sends)
		zl_pgm_out_close(f);
	else
		zl_pgm_in_close(f);
	zl_timer_disarm(&flow->core->timers, &f->timer);
	zl_pgm_path_close(flow->core, &flow->at, !f->sends);
}

static int open_elsewhere(struct zl_lcore *c, struct zl_core_endpoint *e, unsigned core)
{
	int error = zl_pgm_path_open(c, &e->at, core, false, NULL);

	e->elsewhere = !error;
	return error;
}

static void close_elsewhere(struct zl_lcore *c, struct zl_core_endpoint *e)
{
	if (e->elsewhere)
		zl_pgm_path_close(c, &e->at, false);
}

bool zl_flow_pgm_input(struct zl_flow *flow, const struct pgm_packet *p, struct rte_mbuf *m,
		       const struct pgm_nla *from, unsigned line, bool give)
{
	struct zl_pgm_flow *f = zl_pgm_flow_of(flow);
	bool kept;

	if (f->sends) {
		pgm_source_input(f->source, flow->core->now_ns, p);
		return false;
	}
	f->spare = give ? m : NULL;
	pgm_receiver_input(f->receiver, flow->core->now_ns, p, from, line, m);
	kept = give && !f->spare;
	f->spare = NULL;
	return kept;
}

static void write_parts(struct zl_flow *flow, const struct zl_msg *msgs, unsigned n)
{
	if (zl_pgm_flow_of(flow)->sends)
		zl_pgm_out_write(zl_pgm_flow_of(flow), msgs, n);
}

static void broken(struct zl_flow *flow)
{
	if (zl_pgm_flow_of(flow)->sends)
		zl_pgm_out_forget(zl_pgm_flow_of(flow));
}

static unsigned sources(struct zl_flow *flow, struct zl_stats_source *to, unsigned room)
{
	struct zl_pgm_flow *f = zl_pgm_flow_of(flow);

	return f->sends ? 0 : zl_pgm_in_sources(f, to, room);
}

static void resume(struct zl_flow *flow)
{
	struct zl_pgm_flow *f = zl_pgm_flow_of(flow);

	if (!f->sends)
		pgm_receiver_resume(f->receiver, flow->core->now_ns);
}

const struct zl_flow_ops zl_flow_pgm = {
	.create = create,
	.destroy = destroy,
	.hears = hears,
	.open = open_here,
	.close = close_here,
	.keeps = true,
	.turn = turn,
	.resume = resume,
	.open_elsewhere = open_elsewhere,
	.close_elsewhere = close_elsewhere,
	.sources = sources,
	.write = write_parts,
	.broken = broken,
};
