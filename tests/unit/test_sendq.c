/* The send queue against a plain array of bytes: random buffers, chains and slices go in, packets
 * come out, and at the end every buffer and block is back in its pool. */
#include "dataplane/net/sendq.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/ring/msg.h"
#include "tests/unit/eal.h"

#define MODEL_MAX (1u << 22)

static struct eal_pools pools;
static uint8_t *model; /* every byte ever appended */
static uint64_t acked, sent, appended;
static uint64_t msgs_in, msgs_out;
static struct rte_mbuf *flight[64]; /* packets that the NIC has not freed yet */
static unsigned flight_n;

static unsigned below(unsigned n)
{
	return (unsigned)random() % n;
}

static void release_flight(unsigned keep)
{
	while (flight_n > keep) {
		unsigned i = below(flight_n);

		rte_pktmbuf_free(flight[i]);
		flight[i] = flight[--flight_n];
	}
}

/* A chain of `segs` segments of random bytes; now and then its head is a clone. */
static struct rte_mbuf *chain(unsigned segs)
{
	struct rte_mbuf *head = NULL, *tail = NULL;

	for (unsigned i = 0; i < segs; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pools.frames);
		unsigned n = 1 + below(below(2) ? 1800 : 300);
		uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, n);

		for (unsigned k = 0; k < n; k++)
			p[k] = (uint8_t)random();
		if (below(4) == 0) {
			struct rte_mbuf *c = rte_pktmbuf_clone(m, pools.indirect);

			rte_pktmbuf_free(m);
			m = c;
		}
		if (tail)
			tail->next = m;
		else
			head = m;
		tail = m;
	}
	return head;
}

/* Appends the bytes of one buffer as slices that follow each other, or leave gaps. */
static void append_some(struct zl_sendq *q)
{
	struct rte_mbuf *head = chain(1 + below(below(3) ? 1 : 6)), *seg = head;
	uint32_t off = below(seg->data_len);

	for (;;) {
		struct zl_slice s = {.head = head, .seg = seg, .off = off, .msgs = below(3)};
		uint32_t left = 0, n;

		for (struct rte_mbuf *m = seg; m; m = m->next)
			left += m->data_len;
		left -= off;
		if (!left)
			break;
		s.len = n = 1 + below(left < 900 || below(8) == 0 ? left : 900);
		if (zl_sendq_append(q, &s))
			break;
		msgs_in += s.msgs;
		while (n) {
			uint32_t piece = RTE_MIN(n, seg->data_len - off);

			memcpy(model + appended, rte_pktmbuf_mtod_offset(seg, uint8_t *, off),
			       piece);
			appended += piece;
			off += piece;
			n -= piece;
			if (off == seg->data_len && seg->next && (n || below(2))) {
				seg = seg->next;
				off = 0;
			}
		}
		if (below(8) == 0)
			break;
	}
	zl_buf_unref((struct zl_buf *)head, 1);
}

static struct rte_mbuf *packet(void)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pools.frames);

	assert_non_null(m);
	if (below(2))
		memset(rte_pktmbuf_append(m, 20), 0xee, 20);
	return m;
}

/* m holds `before` bytes of ours, then n of the stream from `from` on; the NIC has it now. */
static void check_packet(struct rte_mbuf *m, uint32_t before, uint64_t from, uint32_t n)
{
	static uint8_t bytes[70000];
	uint32_t at = 0;
	unsigned segs = 0;

	assert_int_equal(m->pkt_len, before + n);
	for (struct rte_mbuf *s = m; s; s = s->next) {
		memcpy(bytes + at, rte_pktmbuf_mtod(s, void *), s->data_len);
		at += s->data_len;
		segs++;
	}
	assert_int_equal(at, before + n);
	assert_int_equal(m->nb_segs, segs);
	assert_memory_equal(bytes + before, model + from, n);
	if (flight_n == RTE_DIM(flight))
		release_flight(RTE_DIM(flight) / 2);
	flight[flight_n++] = m;
}

static void step(struct zl_sendq *q)
{
	struct rte_mbuf *m;
	uint32_t before, n, from;

	switch (below(8)) {
	case 0:
	case 1:
		if (appended + 40000 < MODEL_MAX && rte_mempool_avail_count(pools.frames) > 600)
			append_some(q);
		break;
	case 2:
	case 3:
		m = packet();
		before = m->pkt_len;
		n = RTE_MIN((uint64_t)below(below(4) ? 1449 : 20000), appended - sent);
		assert_int_equal(zl_sendq_build(q, m, n, pools.indirect), 0);
		check_packet(m, before, sent, n);
		sent += n;
		break;
	case 4:
		m = packet();
		before = m->pkt_len;
		from = below((unsigned)(appended - acked) + 1);
		n = RTE_MIN((uint64_t)below(1449), appended - acked - from);
		assert_int_equal(zl_sendq_copy(q, from, m, n, pools.indirect), 0);
		check_packet(m, before, acked + from, n);
		break;
	case 5:
	case 6:
		n = below((unsigned)(below(4) ? sent - acked : appended - acked) + 1);
		if (below(3) == 0)
			n = (uint32_t)(sent - acked);
		msgs_out += zl_sendq_ack(q, n);
		acked += n;
		sent = RTE_MAX(sent, acked);
		break;
	case 7:
		if (below(4) == 0) {
			zl_sendq_rewind(q);
			sent = acked;
		}
		release_flight(below(flight_n + 1));
		break;
	}
	/* nxt may lag at the end of a slice, but never in one that was given back. */
	if (sent == acked) {
		assert_ptr_equal(q->nxt.block, q->una.block);
		assert_int_equal(q->nxt.idx, q->una.idx);
	}
	assert_int_equal(q->bytes, appended - acked);
	assert_int_equal(q->unsent, appended - sent);
	assert_int_equal(q->msgs, msgs_in - msgs_out);
}

static void test_random_use_yields_the_bytes_in_order_and_returns_every_buffer(void **state)
{
	struct zl_sendq q;

	(void)state;
	for (unsigned round = 1; round <= 150; round++) {
		srandom(round);
		acked = sent = appended = msgs_in = msgs_out = 0;
		zl_sendq_init(&q, pools.blocks);
		for (unsigned i = 0; i < 1500; i++)
			step(&q);
		if (below(2)) {
			msgs_out += zl_sendq_ack(&q, (uint32_t)q.bytes);
			assert_int_equal(msgs_out, msgs_in);
			assert_null(q.una.block);
		}
		zl_sendq_clear(&q);
		release_flight(0);
		assert_true(eal_pools_full(&pools));
	}
}

static void test_slices_that_follow_each_other_share_one_reference(void **state)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pools.frames);
	struct zl_sendq q;

	(void)state;
	rte_pktmbuf_append(m, 2000);
	zl_sendq_init(&q, pools.blocks);
	for (uint32_t off = 0; off < 2000; off += 50) {
		struct zl_slice s = {.head = m, .seg = m, .off = off, .len = 50, .msgs = 1};

		assert_int_equal(zl_sendq_append(&q, &s), 0);
	}
	assert_int_equal(rte_mbuf_refcnt_read(m), 2);
	assert_int_equal(q.msgs, 40);
	assert_int_equal(zl_sendq_ack(&q, 1999), 0);
	assert_int_equal(zl_sendq_ack(&q, 1), 40);
	assert_int_equal(rte_mbuf_refcnt_read(m), 1);
	rte_pktmbuf_free(m);
	assert_true(eal_pools_full(&pools));
}

static void test_a_packet_in_flight_keeps_what_was_acknowledged(void **state)
{
	struct zl_sendq q;

	(void)state;
	for (unsigned segs = 1; segs <= 3; segs++) {
		struct rte_mbuf *head = NULL, *m;
		struct zl_slice s;

		for (unsigned i = 0; i < segs; i++) {
			m = rte_pktmbuf_alloc(pools.frames);
			memset(rte_pktmbuf_append(m, 1000), 'a' + (int)i, 1000);
			m->next = head;
			head = m;
		}
		s = (struct zl_slice){.head = head, .seg = head, .len = segs * 1000, .msgs = 1};
		zl_sendq_init(&q, pools.blocks);
		assert_int_equal(zl_sendq_append(&q, &s), 0);
		zl_buf_unref((struct zl_buf *)head, 1);
		m = rte_pktmbuf_alloc(pools.frames);
		assert_int_equal(zl_sendq_build(&q, m, segs * 1000, pools.indirect), 0);
		assert_int_equal(zl_sendq_ack(&q, segs * 1000), 1);
		assert_int_equal(m->pkt_len, segs * 1000);
		assert_int_equal(*rte_pktmbuf_mtod(rte_pktmbuf_lastseg(m), char *), 'a');
		rte_pktmbuf_free(m);
		assert_true(eal_pools_full(&pools));
	}
}

static void test_dry_pools_change_nothing(void **state)
{
	static void *hog[1024];
	struct rte_mbuf *m = rte_pktmbuf_alloc(pools.frames),
			*out = rte_pktmbuf_alloc(pools.frames);
	struct zl_slice s = {.head = m, .seg = m, .len = 1500, .msgs = 1};
	struct zl_sendq q;
	unsigned n;

	(void)state;
	rte_pktmbuf_append(m, 1500);
	zl_sendq_init(&q, pools.blocks);
	assert_int_equal(zl_sendq_append(&q, &s), 0);
	rte_pktmbuf_append(out, 20);
	n = eal_pool_drain(pools.indirect, hog, RTE_DIM(hog));
	assert_int_equal(zl_sendq_build(&q, out, 1448, pools.indirect), -ENOBUFS);
	assert_int_equal(out->pkt_len, 20);
	assert_int_equal(out->nb_segs, 1);
	assert_int_equal(q.unsent, 1500);
	eal_pool_refill(pools.indirect, hog, n);
	assert_int_equal(zl_sendq_build(&q, out, 1448, pools.indirect), 0);
	assert_int_equal(q.unsent, 52);
	rte_pktmbuf_free(out);
	zl_sendq_clear(&q);
	rte_pktmbuf_free(m);

	m = rte_pktmbuf_alloc(pools.frames);
	rte_pktmbuf_append(m, 100);
	s = (struct zl_slice){.head = m, .seg = m, .len = 100};
	n = eal_pool_drain(pools.blocks, hog, RTE_DIM(hog));
	assert_int_equal(zl_sendq_append(&q, &s), -ENOBUFS);
	assert_int_equal(rte_mbuf_refcnt_read(m), 1);
	assert_int_equal(q.bytes, 0);
	eal_pool_refill(pools.blocks, hog, n);
	rte_pktmbuf_free(m);
	assert_true(eal_pools_full(&pools));
}

static int setup(void **state)
{
	(void)state;
	eal_start(64);
	eal_pools_create(&pools, 4095, 1023, 127);
	model = malloc(MODEL_MAX);
	return !model;
}

static int teardown(void **state)
{
	(void)state;
	free(model);
	eal_pools_free(&pools);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_random_use_yields_the_bytes_in_order_and_returns_every_buffer),
		cmocka_unit_test(test_slices_that_follow_each_other_share_one_reference),
		cmocka_unit_test(test_a_packet_in_flight_keeps_what_was_acknowledged),
		cmocka_unit_test(test_dry_pools_change_nothing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
