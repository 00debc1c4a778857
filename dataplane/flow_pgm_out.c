/* Messages to a PGM group: queued as far as the socket's HWM lets them, laid out in TSDUs, as many
 * as one holds, where the source's window is to have them, and sent as fast as its rate allows. A
 * TSDU waits for no more messages than come in the same turn. */
#include <errno.h>

#include <rte_prefetch.h>

#include "dataplane/flow_pgm.h"
#include "dataplane/lcore.h"

#define RUN   64   /* parts laid out at once */
#define AHEAD 2048 /* bytes of the window */

static bool to_group(void *ctx, const uint8_t *head, unsigned head_len, const uint8_t *body,
		     unsigned body_len, bool router_alert)
{
	struct zl_pgm_flow *f = ctx;

	return zl_pgm_send(&f->flow, &(struct zl_pgm_packet){.head = head,
							     .head_len = head_len,
							     .body = body,
							     .body_len = body_len,
							     .hops = f->hops,
							     .router_alert = router_alert,
							     .loop = f->loop});
}

static const struct pgm_source_ops ops = {.send = to_group};

int zl_pgm_out_create(struct zl_pgm_flow *f, struct pgm_source_config *c)
{
	size_t bytes = pgm_source_bytes(c);

	if (!bytes)
		return -EINVAL;
	f->memory = zl_pgm_memory(bytes);
	if (!f->memory)
		return -ENOMEM;
	f->source = pgm_source_init(f->memory, c, &ops, f, f->flow.core->pgm_counter,
				    zl_clock_ns());
	return 0;
}

/* What of the window is written next was last written a whole window ago, and comes from memory:
 * it is fetched for a part some parts before. Behind the window's end that is for nothing. */
static void fetch_ahead(const struct zl_tsdu_writer *w, uint32_t len)
{
	const uint8_t *at = w->at + w->len + AHEAD;

	for (unsigned i = 0; i <= RTE_MIN(len, AHEAD); i += RTE_CACHE_LINE_SIZE)
		rte_prefetch0(at + i);
}

/* The TSDU is complete, or as complete as it gets now. */
static void seal(struct zl_pgm_flow *f)
{
	f->sealed = zl_tsdu_end(&f->writer);
}

static bool send_sealed(struct zl_pgm_flow *f, uint64_t now_ns)
{
	if (f->sealed &&
	    !pgm_source_send(f->source, now_ns, pgm_source_reserve(f->source), f->sealed))
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
			zl_tsdu_begin(&f->writer, pgm_source_reserve(f->source),
				      pgm_source_max_tsdu(f->source));
		fetch_ahead(&f->writer, part->len);
		if (zl_tsdu_put(&f->writer, part))
			return true;
		seal(f);
	}
}

struct amount {
	uint32_t msgs;
	uint64_t bytes;
};

static struct amount amount_of(const struct zl_msg *parts, unsigned n)
{
	struct amount a = {0};

	for (unsigned i = 0; i < n; i++) {
		a.msgs += !(parts[i].flags & ZL_MSG_MORE);
		a.bytes += parts[i].len;
	}
	return a;
}

/* What has been laid out is out of its pipe. */
static void release(struct zl_pgm_flow *f, const struct zl_msg *parts, unsigned n)
{
	const struct amount a = amount_of(parts, n);

	zl_untaken_drop(&f->out, n);
	f->flow.queued_msgs -= a.msgs;
	f->flow.queued_bytes -= a.bytes;
	if (f->flow.peer)
		zl_socket_released(&f->flow.peer->pipe, a.msgs, a.bytes);
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

/* Parts of whole messages at the front. */
static unsigned whole(const struct zl_msg *msgs, unsigned n)
{
	while (n && msgs[n - 1].flags & ZL_MSG_MORE)
		n--;
	return n;
}

static void queue(struct zl_pgm_flow *f, const struct zl_msg *msgs, unsigned n)
{
	struct zl_lcore *c = f->flow.core;
	unsigned kept;
	struct amount a;

	for (unsigned i = 0; i < n; i++)
		zl_buf_ref(msgs[i].buf, 1);
	kept = zl_untaken_push(&f->out, c->blocks, msgs, n);
	a = amount_of(msgs, kept);
	f->flow.queued_msgs += a.msgs;
	f->flow.queued_bytes += a.bytes;
	if (kept == n)
		return;
	/* The pool is dry: the messages that are not whole now are none. */
	zl_msgs_unref(msgs + kept, n - kept);
	zl_core_count(c, ZL_CORE_drop_flow_no_memory);
	zl_peer_end(f->flow.peer, "no_memory", false);
}

/* Where nothing waits, nothing is queued, as long as the rate allows. */
void zl_pgm_out_write(struct zl_pgm_flow *f, const struct zl_msg *msgs, unsigned n)
{
	unsigned now = f->out.n ? 0 : whole(msgs, n), done = 0;

	while (done < now && lay_out(f, &msgs[done], f->flow.core->now_ns))
		done++;
	if (done < n)
		queue(f, msgs + done, n - done);
}

void zl_pgm_out_forget(struct zl_pgm_flow *f)
{
	zl_untaken_drop(&f->out, f->out.n);
	f->flow.queued_msgs = 0;
	f->flow.queued_bytes = 0;
	f->sealed = 0;
	f->writer = (struct zl_tsdu_writer){0};
}

void zl_pgm_out_close(struct zl_pgm_flow *f)
{
	zl_pgm_out_forget(f);
	pgm_source_close(f->source, f->flow.core->now_ns);
}
