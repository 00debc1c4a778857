/* The simulated program: events in, takes and appends out. */
#include "tests/sim/endpoint.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define RETRY_NS        5000000 /* after a pool was dry */
#define OPEN_RETRY_NS   500000000
#define OPEN_WAITS_MOST 1200 /* ten minutes of them */
#define WRITE_BURST     32   /* appends, then the gap */
#define LEAD_MOST       64   /* bytes of a buffer in front of a slice */
#define LEAD_FILL       0xee /* must never be seen by the peer */
#define SEGMENT_MOST    2048

__attribute__((format(printf, 2, 3))) static void fault(struct endpoint *e, const char *format, ...)
{
	va_list args;

	if (e->fault[0])
		return;
	va_start(args, format);
	vsnprintf(e->fault, sizeof(e->fault), format, args);
	va_end(args);
}

/* Byte i of a sequence is byte i % 8 of the mix of its key and i / 8. */
static void sequence_fill(uint64_t key, uint64_t at, uint8_t *p, uint32_t n)
{
	while (n) {
		uint64_t word = sim_mix(key + at / 8);
		uint32_t skip = at % 8, k = n < 8 - skip ? n : 8 - skip;

		memcpy(p, (const uint8_t *)&word + skip, k);
		p += k, at += k, n -= k;
	}
}

/* True if p holds bytes [at, at + n). */
static bool sequence_is(uint64_t key, uint64_t at, const uint8_t *p, uint32_t n)
{
	while (n) {
		uint64_t word = sim_mix(key + at / 8);
		uint32_t skip = at % 8, k = n < 8 - skip ? n : 8 - skip;

		if (memcmp(p, (const uint8_t *)&word + skip, k) != 0)
			return false;
		p += k, at += k, n -= k;
	}
	return true;
}

static void resume_write(void *arg);
static void resume_read(void *arg);

static void later(struct endpoint *e, bool *pending, uint64_t after_ns, void (*fn)(void *arg))
{
	if (*pending)
		return;
	*pending = true;
	world_call(e->world, e->stack, world_now(e->world) + after_ns, fn, e);
}

static void maybe_abort(struct endpoint *e)
{
	if (e->plan.end != END_ABORT || !e->stream || e->sent + e->received < e->plan.abort_at)
		return;
	e->stream->ops->abort(e->stream);
	e->stream = NULL;
	e->aborted = true;
}

static void maybe_shut_down(struct endpoint *e)
{
	bool due = false;

	/* Before it is established, closing is giving up (RFC 9293 3.10.4). */
	if (!e->stream || !e->established || e->shut_down || e->sent < e->plan.bytes)
		return;
	switch (e->plan.end) {
	case END_WHEN_SENT:
		due = true;
		break;
	case END_AFTER_PEER:
		due = e->eof;
		break;
	case END_WHEN_DONE:
		due = e->eof || e->received == e->peer_bytes;
		break;
	case END_ABORT:
		due = e->eof; /* the peer was first */
		break;
	}
	if (!due)
		return;
	e->shut_down = true;
	e->stream->ops->shutdown(e->stream);
}

/* A chain of `lead` bytes that are not the peer's business and n that are. NULL: pool dry. */
static struct rte_mbuf *chain(struct endpoint *e, uint32_t lead, uint32_t n)
{
	struct rte_mbuf *head = NULL, **next = &head;
	uint64_t at = e->sent;

	do {
		struct rte_mbuf *m = rte_pktmbuf_alloc(e->payload);
		uint32_t k = n < SEGMENT_MOST - lead ? n : SEGMENT_MOST - lead;

		if (!m) {
			rte_pktmbuf_free(head);
			return NULL;
		}
		*next = m;
		next = &m->next;
		if (m != head)
			head->nb_segs++;
		memset(rte_pktmbuf_append(m, (uint16_t)lead), LEAD_FILL, lead);
		sequence_fill(e->key, at, (uint8_t *)rte_pktmbuf_append(m, (uint16_t)k), k);
		if (m != head)
			head->pkt_len += m->data_len;
		at += k, n -= k, lead = 0;
	} while (n);
	return head;
}

/* Gives up this program's own reference: the chain goes when its head does. */
static void chain_release(struct rte_mbuf *head)
{
	if (rte_mbuf_refcnt_update(head, -1))
		return;
	rte_mbuf_refcnt_set(head, 1);
	rte_pktmbuf_free(head);
}

/* One buffer, appended as one slice or as two that follow each other. */
static bool write_once(struct endpoint *e)
{
	uint64_t left = e->plan.bytes - e->sent;
	uint32_t n = (uint32_t)sim_range(&e->random, e->plan.write_min, e->plan.write_max);
	uint32_t lead = (uint32_t)sim_below(&e->random, LEAD_MOST), first;
	struct rte_mbuf *head;
	struct zl_slice s;
	bool done;

	n = n < left ? n : (uint32_t)left;
	first = n > 1 && sim_chance(&e->random, 200000) ? (uint32_t)sim_range(&e->random, 1, n - 1)
							: n;
	head = chain(e, lead, n);
	if (!head)
		return false;
	s = (struct zl_slice){.head = head, .seg = head, .off = lead, .len = first, .msgs = 1};
	done = zl_sendq_append(&e->stream->sendq, &s) == 0;
	if (done) {
		e->sent += first;
		e->msgs_sent++;
		s.off += first;
		s.len = n - first;
		if (s.len && zl_sendq_append(&e->stream->sendq, &s) == 0) {
			e->sent += s.len;
			e->msgs_sent++;
		}
	}
	chain_release(head);
	return done;
}

static void pump_write(struct endpoint *e)
{
	unsigned writes = 0;

	if (e->write_later)
		return;
	while (e->stream && e->sent < e->plan.bytes &&
	       e->stream->sendq.bytes < e->plan.queue_bytes) {
		if (!write_once(e)) {
			later(e, &e->write_later, RETRY_NS, resume_write);
			break;
		}
		if (++writes == WRITE_BURST && e->plan.write_gap_ns) {
			later(e, &e->write_later, e->plan.write_gap_ns, resume_write);
			break;
		}
	}
	if (writes)
		e->stream->ops->output(e->stream);
	maybe_abort(e);
	maybe_shut_down(e);
}

static void resume_write(void *arg)
{
	struct endpoint *e = arg;

	e->write_later = false;
	if (e->stream)
		pump_write(e);
}

static void consume(void *arg)
{
	struct endpoint *e = arg;
	uint32_t n = (uint32_t)e->unconsumed;

	e->consume_later = false;
	e->unconsumed = 0;
	if (e->stream && n)
		e->stream->ops->consumed(e->stream, n);
}

static void check(struct endpoint *e, struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t n = m->data_len;

	if (m->next || m->nb_segs != 1 || !n || m->pkt_len != n)
		fault(e, "take() gave %u segments, %u bytes of %u", m->nb_segs, n, m->pkt_len);
	if (e->received + n > e->peer_bytes)
		fault(e, "received %lu bytes, more than the %lu that were sent", e->received + n,
		      e->peer_bytes);
	else if (!sequence_is(e->peer_key, e->received, p, n))
		fault(e, "wrong content in bytes %lu to %lu", e->received, e->received + n);
	if (!e->received)
		e->first_ns = world_now(e->world);
	e->last_ns = world_now(e->world);
	e->received += n;
}

/* Everything, or read_bytes of it. False: the queue was emptied. */
static bool read_some(struct endpoint *e, uint32_t most)
{
	uint32_t got = 0;
	struct rte_mbuf *m;

	while ((!most || got < most) && (m = e->stream->ops->take(e->stream))) {
		check(e, m);
		got += m->data_len;
		rte_pktmbuf_free(m);
	}
	e->unconsumed += got;
	return most && got >= most;
}

static void check_eof(struct endpoint *e)
{
	if (!e->stream->peer_closed || e->eof)
		return;
	e->eof = true;
	if (e->received != e->peer_bytes)
		fault(e, "the peer's end after %lu of %lu bytes", e->received, e->peer_bytes);
}

static void pump_read(struct endpoint *e)
{
	bool more;

	if (e->read_later)
		return;
	more = read_some(e, e->plan.read_bytes);
	if (!e->plan.hold_ns)
		consume(e);
	else if (e->unconsumed)
		later(e, &e->consume_later, e->plan.hold_ns, consume);
	if (more)
		later(e, &e->read_later, e->plan.read_pause_ns, resume_read);
	else
		check_eof(e);
	maybe_abort(e);
	maybe_shut_down(e);
}

static void resume_read(void *arg)
{
	struct endpoint *e = arg;

	e->read_later = false;
	if (e->stream)
		pump_read(e);
}

static void on_established(struct zl_stream *s)
{
	struct endpoint *e = s->owner;

	if (e->established)
		fault(e, "established twice");
	e->established = true;
	pump_write(e);
}

static void on_readable(struct zl_stream *s)
{
	struct endpoint *e = s->owner;

	if (!e->established)
		fault(e, "readable before established");
	pump_read(e);
}

static void on_released(struct zl_stream *s, uint32_t bytes, uint32_t msgs)
{
	struct endpoint *e = s->owner;

	e->released += bytes;
	e->msgs_released += msgs;
	if (e->released > e->sent || e->msgs_released > e->msgs_sent)
		fault(e, "released %lu bytes, %lu messages, of %lu, %lu", e->released,
		      e->msgs_released, e->sent, e->msgs_sent);
	pump_write(e);
}

static void on_closed(struct zl_stream *s, const char *reason)
{
	struct endpoint *e = s->owner;

	if (e->closed || e->aborted)
		fault(e, "closed again: %s", reason);
	read_some(e, 0); /* the last chance to read what was acknowledged */
	check_eof(e);
	e->closed = true;
	e->reason = reason;
	e->stream = NULL;
}

static const struct zl_stream_events events = {
	.established = on_established,
	.readable = on_readable,
	.released = on_released,
	.closed = on_closed,
};

void endpoint_connect(void *arg)
{
	struct endpoint *e = arg;
	uint64_t now = world_now(e->world);
	int err;

	if (e->after && ((!e->after->closed && !e->after->aborted) ||
			 (!e->after_peer->opened && e->waits++ < OPEN_WAITS_MOST))) {
		world_call(e->world, e->stack, now + OPEN_RETRY_NS, endpoint_connect, e);
		return;
	}
	world_source_port(e->world, e->stack, e->source_port);
	err = zl_tcp_connect(world_net(e->world, e->stack), &e->remote, &events, e, &e->stream,
			     now);
	world_source_port(e->world, e->stack, 0);
	e->opened = !err;
	if (!err) {
		if (e->eager && e->plan.bytes)
			pump_write(e);
		return;
	}
	e->stream = NULL;
	/* The table is full, or the four-tuple is still in TIME-WAIT. */
	if (err == -ENOBUFS || (err == -EADDRNOTAVAIL && e->source_port))
		world_call(e->world, e->stack, now + OPEN_RETRY_NS, endpoint_connect, e);
	else
		fault(e, "connect: %s", strerror(-err));
}

void endpoint_accept(struct endpoint *e, struct zl_stream *s)
{
	if (e->opened)
		fault(e, "accepted twice");
	e->opened = true;
	e->established = true;
	e->stream = s;
	s->events = &events;
	s->owner = e;
	pump_write(e);
}

uint64_t endpoint_progress(const struct endpoint *e)
{
	return e->sent + e->received + e->released + e->opened + e->established + e->eof +
	       e->shut_down + e->aborted + e->closed;
}

bool endpoint_complete(const struct endpoint *e)
{
	return e->closed && e->eof && e->shut_down && e->received == e->peer_bytes &&
	       e->sent == e->plan.bytes && e->released == e->sent &&
	       e->msgs_released == e->msgs_sent;
}
