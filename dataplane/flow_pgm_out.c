/* Messages to a PGM group: queued as far as the socket's HWM lets them, laid out in TSDUs, as many
 * as one holds, and given to the source as fast as its rate allows. A TSDU waits for no more
 * messages than come in the same turn. */
#include "dataplane/flow_pgm.h"
#include "dataplane/lcore.h"

#define RUN 64 /* parts laid out at once */

static bool to_group(void *ctx, const uint8_t *head, unsigned head_len, const uint8_t *body,
		     unsigned body_len, bool router_alert)
{
	struct zl_pgm_flow *f = ctx;

	return zl_pgm_send(&f->flow, &(struct zl_pgm_packet){.head = head,
							     .head_len = head_len,
							     .body = body,
							     .body_len = body_len,
							     .to = f->flow.at.ip,
							     .hops = f->hops,
							     .router_alert = router_alert,
							     .loop = f->loop});
}

static const struct pgm_source_ops ops = {.send = to_group};

void zl_pgm_out_open(struct zl_pgm_flow *f)
{
	struct zl_lcore *c = f->flow.core;

	f->source = pgm_source_init(f->memory, &f->source_config, &ops, f, c->pgm_counter,
				    c->now_ns);
}

/* The TSDU is complete, or as complete as it gets now. */
static void seal(struct zl_pgm_flow *f)
{
	f->sealed = zl_tsdu_end(&f->writer);
}

static bool send_sealed(struct zl_pgm_flow *f, uint64_t now_ns)
{
	if (f->sealed && !pgm_source_send(f->source, now_ns, f->tsdu, f->sealed))
		return false;
	f->sealed = 0;
	return true;
}

/* false: the rate is used up. */
static bool lay_out(struct zl_pgm_flow *f, const struct zl_msg *part, uint64_t now_ns)
{
	for (;;) {
		if (f->sealed && !send_sealed(f, now_ns))
			return false;
		if (!f->writer.at)
			zl_tsdu_begin(&f->writer, f->tsdu, pgm_source_max_tsdu(f->source));
		if (zl_tsdu_put(&f->writer, part))
			return true;
		seal(f);
	}
}

/* What has been laid out is out of its pipe. */
static void release(struct zl_pgm_flow *f, const struct zl_msg *parts, unsigned n)
{
	uint32_t msgs = 0;
	uint64_t bytes = 0;

	for (unsigned i = 0; i < n; i++) {
		msgs += !(parts[i].flags & ZL_MSG_MORE);
		bytes += parts[i].len;
	}
	zl_untaken_drop(&f->out, n);
	if (f->flow.peer)
		zl_socket_released(&f->flow.peer->pipe, msgs, bytes);
}

static void lay_out_all(struct zl_pgm_flow *f, uint64_t now_ns)
{
	struct zl_msg run[RUN];
	unsigned n, i;

	do {
		n = zl_untaken_peek(&f->out, run, RUN);
		for (i = 0; i < n && lay_out(f, &run[i], now_ns); i++)
			;
		if (i)
			release(f, run, i);
	} while (n && i == n);
}

uint64_t zl_pgm_out_turn(struct zl_pgm_flow *f, uint64_t now_ns)
{
	lay_out_all(f, now_ns);
	if (!f->sealed && !zl_tsdu_is_empty(&f->writer))
		seal(f);
	send_sealed(f, now_ns);
	return pgm_source_turn(f->source, now_ns);
}

void zl_pgm_out_write(struct zl_pgm_flow *f, const struct zl_msg *msgs, unsigned n)
{
	struct zl_lcore *c = f->flow.core;
	unsigned kept;

	for (unsigned i = 0; i < n; i++)
		zl_buf_ref(msgs[i].buf, 1);
	kept = zl_untaken_push(&f->out, c->blocks, msgs, n);
	if (kept == n)
		return;
	/* The pool is dry: the messages that are not whole now are none. */
	zl_msgs_unref(msgs + kept, n - kept);
	zl_core_count(c, ZL_CORE_drop_flow_no_memory);
	zl_peer_end(f->flow.peer, "no_memory", false);
}

void zl_pgm_out_forget(struct zl_pgm_flow *f)
{
	zl_untaken_drop(&f->out, f->out.n);
	f->sealed = 0;
	f->writer = (struct zl_tsdu_writer){0};
}

void zl_pgm_out_close(struct zl_pgm_flow *f)
{
	zl_pgm_out_forget(f);
	pgm_source_close(f->source, f->flow.core->now_ns);
}
