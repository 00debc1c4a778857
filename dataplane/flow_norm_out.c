/* Messages to a NORM group: queued as far as the socket's HWM lets them, and laid out in the stream
 * as fast as NORM makes room in it. What comes in one turn shares NORM's packets. */
#include "dataplane/flow_norm.h"

#include "dataplane/lcore.h"

#define RUN      64          /* parts laid out at once */
#define RETRY_NS 20000000ull /* whatever libnorm says of room */

/* false: there is no more room. */
static bool lay_out(struct zl_norm_flow *f, const struct zl_msg *part)
{
	struct zl_norm_writer *w = &f->writer;
	unsigned n, took;

	if (!w->done && !w->mid_message)
		zl_norm_mark(f->norm);
	do {
		n = zl_norm_lay_out(w, part, f->piece, sizeof(f->piece));
		took = zl_norm_write(f->norm, f->piece, n);
		f->written |= took > 0;
		if (zl_norm_gone(w, part, took))
			return true;
	} while (took == n);
	return false;
}

/* What has been laid out is out of its pipe, if that is still there. */
static void release(struct zl_norm_flow *f, const struct zl_msg *parts, unsigned n)
{
	unsigned orphans = RTE_MIN(n, f->orphans);
	uint32_t msgs = 0;
	uint64_t bytes = 0;

	for (unsigned i = orphans; i < n; i++) {
		msgs += !(parts[i].flags & ZL_MSG_MORE);
		bytes += parts[i].len;
	}
	f->orphans -= orphans;
	zl_untaken_drop(&f->out, n);
	f->flow.queued_msgs -= msgs;
	f->flow.queued_bytes -= bytes;
	if (f->flow.peer)
		zl_socket_released(&f->flow.peer->pipe, msgs, (uint32_t)bytes);
}

static void lay_out_all(struct zl_norm_flow *f)
{
	struct zl_msg run[RUN];
	unsigned n, i;

	do {
		n = zl_untaken_peek(&f->out, run, RUN);
		for (i = 0; i < n && lay_out(f, &run[i]); i++)
			;
		if (i)
			release(f, run, i);
	} while (n && i == n);
	f->full = i < n;
}

void zl_norm_out_turn(struct zl_norm_flow *f)
{
	lay_out_all(f);
	if (f->full)
		zl_norm_flow_again(f, RETRY_NS);
	else if (f->written)
		zl_norm_flush(f->norm);
	f->written = f->written && f->full;
}

void zl_norm_out_write(struct zl_norm_flow *f, const struct zl_msg *msgs, unsigned n)
{
	struct zl_lcore *c = f->flow.core;
	unsigned kept;

	for (unsigned i = 0; i < n; i++)
		zl_buf_ref(msgs[i].buf, 1);
	kept = zl_untaken_push(&f->out, c->blocks, msgs, n);
	for (unsigned i = 0; i < kept; i++) {
		f->flow.queued_msgs += !(msgs[i].flags & ZL_MSG_MORE);
		f->flow.queued_bytes += msgs[i].len;
	}
	if (!f->full && !f->again) {
		f->again = true;
		zl_norm_flow_again(f, 0); /* if this turn is past flows */
	}
	if (kept == n)
		return;
	/* The pool is dry: the messages that are not whole now are none. */
	zl_msgs_unref(msgs + kept, n - kept);
	zl_core_count(c, ZL_CORE_drop_flow_no_memory);
	zl_peer_end(f->flow.peer, "no_memory", false);
}

/* Half a message in the stream would take what follows for its rest: it is sent to its end. */
void zl_norm_out_forget(struct zl_norm_flow *f)
{
	bool begun = f->writer.done || f->writer.mid_message;

	f->orphans = 0;
	if (begun) {
		zl_untaken_keep_first(&f->out);
		f->orphans = f->out.n;
	} else {
		zl_untaken_drop(&f->out, f->out.n);
	}
	f->flow.queued_msgs = 0;
	f->flow.queued_bytes = 0;
}

void zl_norm_out_close(struct zl_norm_flow *f)
{
	zl_untaken_drop(&f->out, f->out.n);
}
