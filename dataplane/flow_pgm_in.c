/* Messages from a PGM group: each source's TSDUs in order, its messages whole, one after the other
 * to the socket. While the socket has no room PGM's windows keep what comes. */
#include <errno.h>
#include <string.h>

#include "dataplane/flow_pgm.h"
#include "dataplane/lcore.h"

#define HELD_PART    4
#define SESSIONS_MIN 4
#define WINDOWS_MAX  (64u << 20) /* bytes that the windows of more than those may take */

static void on_message(void *ctx, const struct zl_msg *parts, unsigned n)
{
	struct zl_pgm_flow *f = ctx;

	zl_flow_in(&f->flow, parts, n);
}

static void on_single(void *ctx, struct zl_buf *buf, const uint8_t *data, uint32_t len)
{
	struct zl_pgm_flow *f = ctx;

	zl_flow_single_in(&f->flow, buf, data, len);
}

static void on_dropped(void *ctx, bool too_long)
{
	struct zl_pgm_flow *f = ctx;

	zl_core_count(f->flow.core,
		      too_long ? ZL_CORE_drop_flow_too_long : ZL_CORE_drop_flow_no_memory);
}

static void opened(void *ctx, struct pgm_session *s)
{
	struct zl_pgm_flow *f = ctx;
	struct zl_tsdu_reader *r = f->unused[--f->n_unused]; /* as many as sessions */

	zl_tsdu_reader_init(r, f->flow.core->frames, f->max_msg_bytes);
	pgm_session_set_user(s, r);
}

static void closed(void *ctx, struct pgm_session *s, enum pgm_session_end why)
{
	struct zl_pgm_flow *f = ctx;
	struct zl_tsdu_reader *r = pgm_session_user(s);

	(void)why; /* counted */
	zl_tsdu_reset(r);
	f->unused[f->n_unused++] = r;
}

static bool deliver(void *ctx, struct pgm_session *s, const uint8_t *at, size_t len, void *buffer,
		    uint32_t sqn)
{
	struct zl_pgm_flow *f = ctx;
	const struct zl_assembly_sink sink = {on_message, on_single, on_dropped, f, &f->spare};

	(void)sqn;
	if (zl_flow_stalled(&f->flow))
		return false;
	if (!zl_tsdu_read(pgm_session_user(s), at, len, buffer, &sink))
		zl_core_count(f->flow.core, ZL_CORE_drop_flow_malformed);
	return true;
}

/* What was begun has no end; what comes next has to begin somewhere. */
static void lost(void *ctx, struct pgm_session *s, uint32_t first, uint32_t count)
{
	(void)ctx;
	(void)first;
	(void)count; /* counted */
	zl_tsdu_reset(pgm_session_user(s));
}

static void hold(void *ctx, void *buffer)
{
	(void)ctx;
	zl_buf_ref(buffer, 1);
}

static void unhold(void *ctx, void *buffer)
{
	(void)ctx;
	zl_buf_unref(buffer, 1);
}

static bool send_packet(void *ctx, struct pgm_session *s, const struct pgm_nla *to,
			const uint8_t *at, unsigned len, bool router_alert)
{
	struct zl_pgm_flow *f = ctx;

	(void)s;
	if (to && to->len != 4) {
		zl_core_count(f->flow.core, ZL_CORE_drop_flow_malformed);
		return true; /* a path that IPv4 does not lead to */
	}
	return zl_pgm_send(&f->flow, &(struct zl_pgm_packet){
					     .head = at,
					     .head_len = len,
					     .to = to ? pgm_load32(to->addr) : 0,
					     .hops = to ? f->hops : 1,
					     .router_alert = router_alert,
				     });
}

static const struct pgm_receiver_ops ops = {
	.opened = opened,
	.closed = closed,
	.deliver = deliver,
	.lost = lost,
	.hold = hold,
	.unhold = unhold,
	.send = send_packet,
};

/* As many sources as memory allows, and a few whatever it takes. What is held leaves the most of
 * packet memory for what comes next. */
int zl_pgm_in_create(struct zl_pgm_flow *f, struct pgm_receiver_config *c)
{
	c->held = RTE_MIN(c->held, f->flow.core->frames->size / HELD_PART);
	for (c->sessions = ZL_PGM_SESSIONS; c->sessions > SESSIONS_MIN; c->sessions /= 2)
		if (pgm_receiver_bytes(c) <= WINDOWS_MAX)
			break;
	if (!pgm_receiver_bytes(c))
		return -EINVAL;
	f->memory = zl_pgm_memory(pgm_receiver_bytes(c));
	if (!f->memory)
		return -ENOMEM;
	for (unsigned i = 0; i < ZL_PGM_SESSIONS; i++)
		f->unused[f->n_unused++] = &f->reader[i];
	f->receiver = pgm_receiver_init(f->memory, c, &ops, f, f->flow.core->pgm_counter);
	return 0;
}

void zl_pgm_in_close(struct zl_pgm_flow *f)
{
	pgm_receiver_close(f->receiver);
}

/* --- who is heard --- */

static void tell(const struct zl_pgm_flow *f, const struct pgm_session_report *r,
		 struct zl_stats_source *at)
{
	memcpy(at->tsi, r->tsi.gsi, sizeof(r->tsi.gsi));
	pgm_store16(at->tsi + sizeof(r->tsi.gsi), r->tsi.port);
	at->ip = r->from.len == 4 ? pgm_load32(r->from.addr) : 0;
	at->missing = r->missing;
	at->tsdus = r->tsdus;
	at->bytes = r->bytes;
	at->late = r->late;
	at->lost = r->lost;
	at->gaps = r->gaps;
	at->gap_us = r->gap_ns / 1000;
	at->gap_max_us = r->gap_max_ns / 1000;
	at->naks = r->naks;
	for (unsigned i = 0; i < PGM_LINES; i++) {
		at->line[i] = r->line[i];
		at->line_missed[i] = r->line_missed[i];
	}
	at->silent_ms = (f->flow.core->now_ns - r->heard_ns) / 1000000;
}

unsigned zl_pgm_in_sources(struct zl_pgm_flow *f, struct zl_stats_source *to, unsigned room)
{
	struct pgm_session_report report;
	unsigned n = 0;

	for (unsigned i = 0; i < ZL_PGM_SESSIONS && n < room; i++)
		if (pgm_receiver_report(f->receiver, i, &report))
			tell(f, &report, &to[n++]);
	return n;
}
