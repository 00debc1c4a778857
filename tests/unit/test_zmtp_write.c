/* What zl_session_write queues: the naive encoding, on every session, in as few slices as can be
 * and without pinning buffers for the sake of a few bytes. */
#include "tests/unit/test_zmtp_wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct wire wires[600];
static struct zl_session *sessions[600];

static int setup(void **state)
{
	(void)state;
	wires_start(64, 8000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	wires_stop();
	return 0;
}

static void open_old(unsigned from, unsigned n)
{
	for (unsigned i = from; i < from + n; i++) {
		wire_open_version(&wires[i], 0, false, ZL_ZMTP_V1_0);
		sessions[i] = &wires[i].session;
	}
}

static void open_all(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		wire_open_traffic(&wires[i], 0, false);
		sessions[i] = &wires[i].session;
	}
}

static void close_all(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		wire_close(&wires[i]);
}

static unsigned slices(const struct wire *w)
{
	unsigned n = 0;

	for (const struct zl_slice_block *b = w->stream.sendq.una.block; b; b = b->next)
		n += b->count - b->first;
	return n;
}

/* A buffer of short frames of `len` bytes, as descriptors that say how they came. */
static struct rte_mbuf *wire_buffer(struct zl_msg *msgs, unsigned n, unsigned len,
				    struct bytes *naive)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pools.frames);

	for (unsigned i = 0; i < n; i++) {
		uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(2 + len));

		p[0] = i & 1;
		p[1] = (uint8_t)len;
		memset(p + 2, (int)i, len);
		msgs[i] = (struct zl_msg){.buf = (struct zl_buf *)m,
					  .data = p + 2,
					  .len = len,
					  .flags = i & 1 ? ZL_MSG_MORE : 0,
					  .wire = 2};
		bytes_add(naive, p, 2 + len);
	}
	return m;
}

static void test_a_run_on_the_wire_is_one_slice_that_copies_nothing(void **state)
{
	struct bytes naive = {0};
	struct zl_msg msgs[20];
	struct rte_mbuf *m = wire_buffer(msgs, 20, 64, &naive);
	uint64_t copied = zmtp.counter[ZL_ZMTP_bytes_copied_out];

	(void)state;
	open_all(64);
	zl_session_write(&zmtp, sessions, 64, msgs, 20);
	assert_int_equal(zmtp.counter[ZL_ZMTP_bytes_copied_out], copied);
	assert_int_equal(rte_mbuf_refcnt_read(m), 65);
	for (unsigned i = 0; i < 64; i++) {
		assert_int_equal(slices(&wires[i]), 1);
		assert_int_equal(wires[i].outputs, 1);
		wire_expect_queued(&wires[i], naive.at, naive.n, 10);
	}
	assert_int_equal(rte_mbuf_refcnt_read(m), 1);
	rte_pktmbuf_free(m);
	close_all(64);
	bytes_free(&naive);
}

static void test_few_bytes_are_copied_and_pin_no_buffer(void **state)
{
	struct bytes naive = {0};
	struct zl_msg msgs[4];
	struct rte_mbuf *m = wire_buffer(msgs, 4, 20, &naive);

	(void)state;
	open_all(2);
	for (unsigned i = 0; i < 4; i++)
		zl_session_write(&zmtp, sessions, 2, &msgs[i], 1);
	assert_int_equal(rte_mbuf_refcnt_read(m), 1);
	rte_pktmbuf_free(m);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(slices(&wires[i]), 1);
		wire_expect_queued(&wires[i], naive.at, naive.n, 2);
	}
	close_all(2);
	bytes_free(&naive);
}

static void test_bodies_without_a_header_get_one(void **state)
{
	static const unsigned sizes[] = {0, 1, 255, 256, 1023, 1024, 2000};
	struct bytes naive = {0};

	(void)state;
	open_all(3);
	for (unsigned k = 0; k < 40; k++) {
		unsigned len = sizes[k % RTE_DIM(sizes)];
		struct rte_mbuf *m = rte_pktmbuf_alloc(pools.frames);
		uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)len);
		struct zl_msg msg = {.buf = (struct zl_buf *)m,
				     .data = p,
				     .len = len,
				     .flags = k % 3 ? ZL_MSG_MORE : 0};

		memset(p, (int)k, len);
		naive_frame(&naive, k % 3 ? 1 : 0, p, len, false);
		zl_session_write(&zmtp, sessions, 3, &msg, 1);
		assert_int_equal(rte_mbuf_refcnt_read(m), len >= 1024 ? 4 : 1);
		rte_pktmbuf_free(m);
	}
	for (unsigned i = 0; i < 3; i++)
		wire_expect_queued(&wires[i], naive.at, naive.n, 14);
	close_all(3);
	bytes_free(&naive);
}

static void test_a_buffer_that_many_hold_is_copied_rather_than_overflowed(void **state)
{
	struct bytes naive = {0}, all = {0};
	struct zl_msg msgs[20];
	struct rte_mbuf *m = wire_buffer(msgs, 20, 90, &naive);

	(void)state;
	open_all(600);
	for (unsigned k = 0; k < 150; k++) {
		/* whole buffer, then its first half: the next cannot extend the slice */
		zl_session_write(&zmtp, sessions, 600, msgs, k & 1 ? 10 : 20);
		bytes_add(&all, naive.at, k & 1 ? naive.n / 2 : naive.n);
	}
	assert_true(rte_mbuf_refcnt_read(m) < 60000);
	rte_pktmbuf_free(m);
	for (unsigned i = 0; i < 600; i++) {
		assert_null(wires[i].closed);
		assert_int_equal(wires[i].session.state, ZL_SESSION_TRAFFIC);
		wire_expect_queued(&wires[i], all.at, all.n, 75 * 15);
	}
	close_all(600);
	bytes_free(&naive);
	bytes_free(&all);
}

static void test_a_session_that_cannot_queue_is_ended_and_the_others_go_on(void **state)
{
	struct bytes naive = {0}, all = {0};
	struct zl_msg msgs[20];
	struct rte_mbuf *m = wire_buffer(msgs, 20, 64, &naive);
	void *blocks[4096];
	unsigned n;

	(void)state;
	open_all(2);
	zl_session_write(&zmtp, sessions, 1, msgs, 20); /* it has a block; the other has none */
	n = eal_pool_drain(pools.blocks, blocks, RTE_DIM(blocks));
	zl_session_write(&zmtp, sessions, 2, msgs, 20);
	eal_pool_refill(pools.blocks, blocks, n);
	bytes_add(&all, naive.at, naive.n);
	bytes_add(&all, naive.at, naive.n);
	wire_expect_queued(&wires[0], all.at, all.n, 20);
	wire_expect_closed(&wires[1], "no_memory");
	assert_int_equal(wires[1].aborts, 1);
	wire_close(&wires[0]);
	rte_pktmbuf_free(m);
	bytes_free(&naive);
	bytes_free(&all);
}

static void test_controls_bytes_are_queued_whole_or_not_at_all(void **state)
{
	uint8_t *bytes = malloc(16000);
	struct rte_mbuf *all[8000];
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 16000; i++)
		bytes[i] = (uint8_t)random();
	open_all(1);
	assert_int_equal(zl_session_send(sessions[0], bytes, 16000), 0);
	wire_expect_queued(&wires[0], bytes, 16000, 0);
	while (n < 8000 && (all[n] = rte_pktmbuf_alloc(pools.frames)))
		n++;
	rte_pktmbuf_free_bulk(all, 3);
	assert_int_equal(zl_session_send(sessions[0], bytes, 16000), -ENOBUFS);
	wire_expect_queued(&wires[0], NULL, 0, 0);
	rte_pktmbuf_free_bulk(all + 3, n - 3);
	close_all(1);
	free(bytes);
}

/* However many they are and in whatever order: one encoding for those of ZMTP 1.0, the frames as
 * they came for the others. */
static void test_old_sessions_share_an_encoding_of_their_own(void **state)
{
	enum {
		PARTS = 20,
		SESSIONS = 40,
		OLD_BYTES = PARTS * (2 + 64)
	};
	struct bytes naive = {0}, old = {0};
	struct zl_msg msgs[PARTS];
	struct zl_session *mixed[SESSIONS];
	struct rte_mbuf *m = wire_buffer(msgs, PARTS, 64, &naive);
	uint64_t copied;

	(void)state;
	open_all(SESSIONS / 2);
	open_old(SESSIONS / 2, SESSIONS / 2);
	for (unsigned i = 0; i < PARTS; i++)
		naive_old_frame(&old, i & 1, msgs[i].data, msgs[i].len, false);
	for (unsigned i = 0; i < SESSIONS; i++)
		mixed[i] = &wires[i % 2 ? i / 2 : SESSIONS / 2 + i / 2].session;
	copied = zmtp.counter[ZL_ZMTP_bytes_copied_out];
	zl_session_write(&zmtp, mixed, SESSIONS, msgs, PARTS);
	assert_int_equal(zmtp.counter[ZL_ZMTP_bytes_copied_out] - copied, OLD_BYTES);
	assert_int_equal(zmtp.counter[ZL_ZMTP_parts_out_old], PARTS);
	for (unsigned i = 0; i < SESSIONS; i++) {
		const struct bytes *due = i < SESSIONS / 2 ? &naive : &old;

		assert_in_range(slices(&wires[i]), 1, 2); /* the tail may have been near its end */
		wire_expect_queued(&wires[i], due->at, due->n, PARTS / 2);
	}
	close_all(SESSIONS);
	assert_int_equal(zmtp.apart_sessions, 0);
	rte_pktmbuf_free(m);
	bytes_free(&naive);
	bytes_free(&old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_run_on_the_wire_is_one_slice_that_copies_nothing),
		cmocka_unit_test(test_few_bytes_are_copied_and_pin_no_buffer),
		cmocka_unit_test(test_bodies_without_a_header_get_one),
		cmocka_unit_test(test_a_buffer_that_many_hold_is_copied_rather_than_overflowed),
		cmocka_unit_test(test_a_session_that_cannot_queue_is_ended_and_the_others_go_on),
		cmocka_unit_test(test_controls_bytes_are_queued_whole_or_not_at_all),
		cmocka_unit_test(test_old_sessions_share_an_encoding_of_their_own),
	};

	return cmocka_run_group_tests_name("zmtp write", tests, setup, teardown);
}
