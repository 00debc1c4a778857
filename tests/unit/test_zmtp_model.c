/* Random messages, encoded naively, cut anywhere, taken reluctantly and passed on to several
 * sessions, of any versions of ZMTP: what comes up and what goes out is what went in, and every
 * buffer comes back. */
#include "tests/unit/test_zmtp_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OUT 3

static uint8_t noise[1 << 18];

static size_t random_size(void)
{
	switch (below(16)) {
	case 0:
		return 0;
	case 1:
		return 250 + below(12);
	case 2:
		return 2030 + below(30);
	case 3:
		return below(200000);
	case 4:
	case 5:
		return below(6000);
	default:
		return below(120);
	}
}

static const enum zl_zmtp_version versions[] = {ZL_ZMTP_V1_0, ZL_ZMTP_V2_0, ZL_ZMTP_V3_0,
						ZL_ZMTP_V3_1};
static enum zl_zmtp_version speaks; /* who sends */

static void random_part(struct bytes *in, struct bytes *expect, uint8_t flags, size_t n)
{
	const uint8_t *body = noise + below(sizeof(noise) - (unsigned)n);

	if (speaks == ZL_ZMTP_V1_0 && below(30) == 0) /* void frames */
		bytes_add(in, "\0\xff\0\0\0\0\0\0\0\0", below(2) ? 1 : 10);
	if (speaks == ZL_ZMTP_V1_0)
		naive_old_frame(in, flags, body, n, below(10) == 0);
	else
		naive_frame(in, flags, body, n, below(10) == 0);
	log_part(expect, flags, body, n);
}

static void random_message(struct bytes *in, struct bytes *expect)
{
	unsigned parts = below(5) ? 1 : 1 + below(below(20) ? 6 : 1000);
	bool small = parts > 6 || below(2);

	for (unsigned i = 0; i < parts; i++)
		random_part(in, expect, i + 1 < parts, small ? below(80) : random_size());
	if (below(20) == 0 && speaks >= ZL_ZMTP_V3_0)
		naive_command(in, "WHATEVER", noise, below(600));
}

struct out {
	struct wire wire[OUT], *to[OUT];
	struct bytes sent, sent_old;
};

static void out_open(struct out *o)
{
	memset(o, 0, sizeof(*o));
	for (unsigned i = 0; i < OUT; i++) {
		wire_open_version(&o->wire[i], 0, false, versions[below(4)]);
		o->to[i] = &o->wire[i];
	}
}

static void out_check(struct out *o, struct wire *w)
{
	for (unsigned i = 0; i < OUT; i++) {
		const struct bytes *due = o->wire[i].session.framing == ZL_FRAMING_OLD
						  ? &o->sent_old
						  : &o->sent;

		wire_expect_queued(&o->wire[i], due->at, due->n, w->sent_msgs);
	}
	w->sent_msgs = 0;
	o->sent.n = o->sent_old.n = 0;
}

static void out_close(struct out *o)
{
	for (unsigned i = 0; i < OUT; i++)
		wire_close(&o->wire[i]);
	bytes_free(&o->sent);
	bytes_free(&o->sent_old);
}

/* Until everything fed so far has been taken, a little at a time. */
static void take_all(struct wire *w, struct out *o, bool reluctant)
{
	w->take = reluctant ? below(200) : UINT32_MAX;
	wire_readable(w);
	while (w->session.stalled) {
		struct rte_mbuf *left = w->rx;

		bool nothing = below(4) == 0;

		w->take = nothing ? 0 : 1 + below(1500);
		zl_session_input(&w->session);
		if (nothing) /* a stalled session takes no more from its stream */
			assert_ptr_equal(w->rx, left);
		if (below(4) == 0)
			out_check(o, w);
	}
	out_check(o, w);
	assert_int_equal(w->consumed, w->given);
}

static void one_seed(unsigned seed)
{
	struct bytes in = {0}, expect = {0};
	struct out out;
	struct wire w;
	size_t at = 0;
	unsigned most;

	srandom(seed);
	most = (unsigned[]){1, 20, 1448, 2048}[below(4)];
	out_open(&out);
	speaks = versions[below(4)];
	wire_open_version(&w, 0, false, speaks);
	w.to = out.to;
	w.n_to = OUT;
	w.sent = &out.sent;
	w.sent_old = &out.sent_old;
	w.strip = below(2);
	while (in.n < (most == 1 ? 4000u : most == 20 ? 40000u : 400000u))
		random_message(&in, &expect);
	while (at < in.n) {
		size_t n = RTE_MIN(in.n - at, 1 + below(most * 60));

		wire_feed(&w, in.at + at, n, most);
		at += n;
		take_all(&w, &out, seed % 3 == 0);
	}
	assert_int_equal(w.log.n, expect.n);
	assert_memory_equal(w.log.at, expect.at, expect.n);
	wire_fin(&w);
	assert_int_equal(w.shutdowns, 1);
	wire_expect_closed(&w, "closed_by_peer");
	out_close(&out);
	bytes_free(&in);
	bytes_free(&expect);
}

static void test_what_goes_in_comes_up_and_goes_out(void **state)
{
	unsigned seeds = getenv("ZL_SEEDS") ? (unsigned)atoi(getenv("ZL_SEEDS")) : 400;

	(void)state;
	for (unsigned i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)random();
	wires_start(256, 20000);
	for (unsigned seed = 1; seed <= seeds; seed++) {
		unsigned tail = zmtp.tail ? 1 : 0;

		print_message("seed %u\r", seed);
		one_seed(seed);
		tail = zmtp.tail ? 1 : 0;
		assert_int_equal(rte_mempool_in_use_count(pools.frames), tail);
		assert_int_equal(rte_mempool_in_use_count(pools.indirect), 0);
		assert_int_equal(rte_mempool_in_use_count(pools.blocks), 0);
	}
	wires_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_goes_in_comes_up_and_goes_out),
	};

	return cmocka_run_group_tests_name("zmtp model", tests, NULL, NULL);
}
