/* The stream that tests of zmtp/ play, and the owner of its session. */
#include "tests/unit/test_zmtp_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct eal_pools pools;
struct zl_zmtp zmtp;

unsigned below(unsigned n)
{
	return (unsigned)random() % n;
}

void bytes_add(struct bytes *b, const void *p, size_t n)
{
	if (!n)
		return;
	if (b->n + n > b->room) {
		b->room = (b->n + n) * 2;
		b->at = realloc(b->at, b->room);
		assert_non_null(b->at);
	}
	memcpy(b->at + b->n, p, n);
	b->n += n;
}

void bytes_free(struct bytes *b)
{
	free(b->at);
	memset(b, 0, sizeof(*b));
}

void log_part(struct bytes *b, uint8_t flags, const uint8_t *body, size_t n)
{
	uint32_t len = (uint32_t)n;

	bytes_add(b, &flags, 1);
	bytes_add(b, &len, sizeof(len));
	bytes_add(b, body, n);
}

void naive_frame(struct bytes *b, uint8_t flags, const uint8_t *body, size_t n, bool force_long)
{
	uint8_t head[9] = {flags, (uint8_t)n};

	if (n < 256 && !force_long) {
		bytes_add(b, head, 2);
	} else {
		head[0] |= 2;
		for (unsigned i = 0; i < 8; i++)
			head[8 - i] = (uint8_t)((uint64_t)n >> (8 * i));
		bytes_add(b, head, 9);
	}
	bytes_add(b, body, n);
}

void naive_old_frame(struct bytes *b, bool more, const uint8_t *body, size_t n, bool force_long)
{
	uint8_t head[10] = {(uint8_t)(n + 1), more};

	if (n + 1 < 255 && !force_long) {
		bytes_add(b, head, 2);
	} else {
		for (unsigned i = 0; i < 8; i++)
			head[8 - i] = (uint8_t)((uint64_t)(n + 1) >> (8 * i));
		head[0] = 0xff;
		head[9] = more;
		bytes_add(b, head, 10);
	}
	bytes_add(b, body, n);
}

void naive_command(struct bytes *b, const char *name, const void *data, size_t n)
{
	struct bytes body = {0};
	uint8_t len = (uint8_t)strlen(name);

	bytes_add(&body, &len, 1);
	bytes_add(&body, name, len);
	bytes_add(&body, data, n);
	naive_frame(b, 4, body.at, body.n, false);
	bytes_free(&body);
}

/* The stream. */

static struct wire *wire_of(struct zl_stream *s)
{
	return (struct wire *)((char *)s - offsetof(struct wire, stream));
}

static struct rte_mbuf *fake_take(struct zl_stream *s)
{
	struct wire *w = wire_of(s);
	struct rte_mbuf *m = w->rx;

	if (!m)
		return NULL;
	w->rx = m->next;
	if (!w->rx)
		w->rx_last = NULL;
	m->next = NULL;
	return m;
}

static void fake_consumed(struct zl_stream *s, uint32_t n)
{
	wire_of(s)->consumed += n;
	assert_true(wire_of(s)->consumed <= wire_of(s)->given);
}

static void fake_output(struct zl_stream *s)
{
	wire_of(s)->outputs++;
}

static void fake_shutdown(struct zl_stream *s)
{
	wire_of(s)->shutdowns++;
}

static void drop_all(struct wire *w)
{
	struct rte_mbuf *m;

	while ((m = fake_take(&w->stream)))
		rte_pktmbuf_free(m);
	zl_sendq_clear(&w->stream.sendq);
}

static void fake_abort(struct zl_stream *s)
{
	wire_of(s)->aborts++;
	drop_all(wire_of(s));
}

static const struct zl_stream_ops fake_ops = {
	.take = fake_take,
	.consumed = fake_consumed,
	.output = fake_output,
	.shutdown = fake_shutdown,
	.abort = fake_abort,
};

/* The owner. */

static bool owner_relay(struct zl_session *s, enum zl_relay kind, const uint8_t *bytes,
			uint32_t len)
{
	struct wire *w = s->owner;

	if (w->relay_refuses)
		return false;
	log_part(&w->relayed, (uint8_t)kind, bytes, len);
	if (w->relay_readies && kind == ZL_RELAY_COMMAND && len > 5 && bytes[1] == 'R')
		zl_session_ready(s, w->takes_subscriptions, ZL_ZMTP_V3_1);
	return true;
}

static void read_body(const struct zl_msg *m, struct bytes *out)
{
	const struct rte_mbuf *seg = (const struct rte_mbuf *)m->buf;
	uint32_t off = (uint32_t)(m->data - rte_pktmbuf_mtod(seg, const uint8_t *)), left = m->len;

	if (!(m->flags & ZL_MSG_CHAIN)) {
		assert_true(off + left <= seg->data_len);
		bytes_add(out, m->data, left);
		return;
	}
	while (left) {
		uint32_t n = RTE_MIN(left, seg->data_len - off);

		bytes_add(out, rte_pktmbuf_mtod_offset(seg, const uint8_t *, off), n);
		left -= n;
		seg = seg->next;
		off = 0;
	}
	assert_null(seg);
}

/* A header that is said to stand before the part describes it. */
static void check_wire(const struct zl_msg *m)
{
	const uint8_t *h = m->data - m->wire;
	uint64_t len = 0;

	if (!m->wire)
		return;
	assert_int_equal(m->wire, h[0] & 2 ? 9 : 2);
	assert_int_equal(h[0] & ~2, m->flags & ZL_MSG_MORE);
	for (unsigned i = 1; i < m->wire; i++)
		len = len << 8 | h[i];
	assert_int_equal(len, m->len);
}

static void expect_sent(struct wire *w, const struct zl_msg *m, const uint8_t *body)
{
	if (m->wire) {
		bytes_add(w->sent, m->data - m->wire, m->wire);
		bytes_add(w->sent, body, m->len);
	} else {
		naive_frame(w->sent, m->flags & ZL_MSG_MORE, body, m->len, false);
	}
	if (w->sent_old)
		naive_old_frame(w->sent_old, m->flags & ZL_MSG_MORE, body, m->len, false);
	w->sent_msgs += !(m->flags & ZL_MSG_MORE);
}

static void pass_on(struct wire *w, const struct zl_msg *msgs, unsigned n)
{
	struct zl_msg *copy = malloc(n * sizeof(*copy));
	struct zl_session *to[512];
	unsigned from = 0;

	memcpy(copy, msgs, n * sizeof(*copy));
	for (unsigned i = 0; i < n; i++) {
		struct bytes body = {0};

		if (w->strip && below(3) == 0)
			copy[i].wire = 0;
		read_body(&copy[i], &body);
		expect_sent(w, &copy[i], body.at);
		bytes_free(&body);
	}
	for (unsigned i = 0; i < w->n_to; i++)
		to[i] = &w->to[i]->session;
	while (from < n) {
		unsigned k = 1 + below(n - from);

		zl_session_write(&zmtp, to, w->n_to, copy + from, k);
		from += k;
	}
	free(copy);
}

static unsigned owner_deliver(struct zl_session *s, const struct zl_msg *msgs, unsigned n)
{
	struct wire *w = s->owner;
	unsigned taken = 0;

	assert_true(n > 0 && n <= ZL_ZMTP_PARTS_A_CALL);
	assert_null(w->closed);
	w->calls++;
	w->longest_call = RTE_MAX(w->longest_call, n);
	for (unsigned i = 0; i < n && i < w->take; i++)
		if (!(msgs[i].flags & ZL_MSG_MORE) || (n == ZL_ZMTP_PARTS_A_CALL && i == n - 1))
			taken = i + 1;
	for (unsigned i = 0; i < taken; i++) {
		struct bytes body = {0};

		check_wire(&msgs[i]);
		read_body(&msgs[i], &body);
		log_part(&w->log, msgs[i].flags & ~ZL_MSG_CHAIN, body.at, body.n);
		bytes_free(&body);
	}
	w->parts += taken;
	w->take -= w->take == UINT32_MAX ? 0 : taken;
	if (w->n_to && taken)
		pass_on(w, msgs, taken);
	if (w->close_in_deliver)
		zl_session_close(s, w->close_in_deliver, false);
	return taken;
}

static void owner_released(struct zl_session *s, uint32_t msgs, uint32_t bytes)
{
	struct wire *w = s->owner;

	w->released_msgs += msgs;
	w->released_bytes += bytes;
}

static void owner_established(struct zl_session *s)
{
	((struct wire *)s->owner)->established++;
}

static void owner_expected(struct zl_session *s)
{
	((struct wire *)s->owner)->expected++;
}

static void owner_closed(struct zl_session *s, const char *reason)
{
	struct wire *w = s->owner;

	assert_null(w->closed);
	assert_null(s->stream);
	w->closed = reason;
}

static const struct zl_session_ops owner_ops = {
	.relay = owner_relay,
	.deliver = owner_deliver,
	.released = owner_released,
	.established = owner_established,
	.expected = owner_expected,
	.closed = owner_closed,
};

void wires_start(unsigned mb, unsigned frames)
{
	eal_start(mb);
	eal_pools_create(&pools, frames, frames, 4096);
	zl_zmtp_init(&zmtp, &owner_ops, pools.frames, pools.indirect);
}

void wires_stop(void)
{
	zl_zmtp_fini(&zmtp);
	assert_true(eal_pools_full(&pools));
	eal_pools_free(&pools);
}

void wire_open(struct wire *w, uint64_t max_msg_bytes)
{
	memset(w, 0, sizeof(*w));
	w->take = UINT32_MAX;
	w->stream.ops = &fake_ops;
	zl_sendq_init(&w->stream.sendq, pools.blocks);
	zl_session_open(&w->session, &zmtp, &w->stream, w, max_msg_bytes);
	assert_ptr_equal(w->stream.owner, &w->session);
}

void wire_open_traffic(struct wire *w, uint64_t max_msg_bytes, bool takes_subscriptions)
{
	uint8_t greeting[64] = {0xff, [9] = 0x7f, [10] = 3, 1, 'N', 'U', 'L', 'L'};
	struct bytes b = {0};

	wire_open(w, max_msg_bytes);
	bytes_add(&b, greeting, sizeof(greeting));
	naive_command(&b, "READY", "meta", 4);
	w->relay_readies = true;
	w->takes_subscriptions = takes_subscriptions;
	wire_feed(w, b.at, b.n, 100);
	wire_readable(w);
	assert_int_equal(w->session.state, ZL_SESSION_TRAFFIC);
	bytes_free(&b);
}

void wire_open_version(struct wire *w, uint64_t max_msg_bytes, bool takes_subscriptions,
		       enum zl_zmtp_version version)
{
	static const uint8_t of_1[] = {1, 0};
	static const uint8_t of_2[14] = {0xff, [8] = 1, [9] = 0x7f, [10] = 1, 2};

	if (version >= ZL_ZMTP_V3_0) {
		wire_open_traffic(w, max_msg_bytes, takes_subscriptions);
		w->session.version = (uint16_t)version;
		return;
	}
	wire_open(w, max_msg_bytes);
	w->takes_subscriptions = takes_subscriptions;
	if (version == ZL_ZMTP_V1_0)
		wire_feed(w, of_1, sizeof(of_1), 100);
	else
		wire_feed(w, of_2, sizeof(of_2), 100);
	wire_readable(w);
	assert_true(w->session.held);
	zl_session_ready(&w->session, takes_subscriptions, version);
	assert_int_equal(w->session.state, ZL_SESSION_TRAFFIC);
}

void wire_give(struct wire *w, const uint8_t *bytes, unsigned n, unsigned at)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pools.frames);

	assert_non_null(m);
	assert_true(at + n <= 2048);
	m->data_off += at;
	memcpy(rte_pktmbuf_append(m, (uint16_t)n), bytes, n);
	if (below(8) == 0) {
		struct rte_mbuf *clone = rte_pktmbuf_clone(m, pools.indirect);

		rte_pktmbuf_free(m);
		m = clone;
	}
	if (w->rx_last)
		w->rx_last->next = m;
	else
		w->rx = m;
	w->rx_last = m;
	w->given += n;
}

void wire_feed(struct wire *w, const uint8_t *bytes, size_t n, unsigned most)
{
	while (n) {
		unsigned k = (unsigned)RTE_MIN(n, 1 + below(most));

		wire_give(w, bytes, k, k < 1900 ? below(100) : 0);
		bytes += k;
		n -= k;
	}
}

void wire_readable(struct wire *w)
{
	w->stream.events->readable(&w->stream);
}

void wire_fin(struct wire *w)
{
	w->stream.peer_closed = true;
	wire_readable(w);
}

static void read_queue(const struct zl_sendq *q, struct bytes *out, unsigned *msgs)
{
	for (struct zl_slice_block *b = q->una.block; b; b = b->next) {
		for (uint32_t i = b->first; i < b->count; i++) {
			const struct zl_slice *s = &b->slice[i];
			const struct rte_mbuf *seg = s->seg;
			uint32_t off = s->off, left = s->len;

			*msgs += s->msgs;
			while (left) {
				uint32_t n = RTE_MIN(left, seg->data_len - off);

				bytes_add(out, rte_pktmbuf_mtod_offset(seg, uint8_t *, off), n);
				left -= n;
				seg = seg->next;
				off = 0;
			}
		}
	}
}

void wire_queued(const struct wire *w, struct bytes *out)
{
	unsigned msgs = 0;

	read_queue(&w->stream.sendq, out, &msgs);
}

void wire_expect_queued(struct wire *w, const uint8_t *bytes, size_t n, unsigned msgs)
{
	struct zl_sendq *q = &w->stream.sendq;
	struct bytes got = {0};
	unsigned got_msgs = 0;

	read_queue(q, &got, &got_msgs);
	assert_int_equal(got.n, n);
	assert_int_equal(q->bytes, n);
	if (n)
		assert_memory_equal(got.at, bytes, n);
	assert_int_equal(got_msgs, msgs);
	assert_int_equal(q->msgs, msgs);
	if (n) {
		assert_true(w->outputs > 0);
		assert_int_equal(zl_sendq_ack(q, (uint32_t)n), msgs);
		w->stream.events->released(&w->stream, (uint32_t)n, msgs);
	}
	assert_int_equal(zl_session_queued_total(&w->session), zl_session_acked_total(&w->session));
	bytes_free(&got);
}

void wire_expect_closed(struct wire *w, const char *reason)
{
	assert_null(w->closed);
	zl_zmtp_poll(&zmtp);
	assert_non_null(w->closed);
	assert_string_equal(w->closed, reason);
	drop_all(w);
	bytes_free(&w->log);
	bytes_free(&w->relayed);
}

void wire_close(struct wire *w)
{
	zl_session_close(&w->session, "test", false);
	wire_expect_closed(w, "test");
}
