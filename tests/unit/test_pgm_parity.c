/* Parity from a PGM source to a receiver (RFC 3208 11): what is sent when, what is asked for, and
 * that each loss that can be made up for is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/pgm_bed.h"

static struct source_bed src;
static struct receiver_bed rcv;

static int setup(void **state)
{
	(void)state;
	source_bed_prepare(&src);
	src.config.tg_size = 4;
	src.config.proactive = 2;
	src.config.ondemand = true;
	receiver_bed_prepare(&rcv);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	source_bed_stop(&src);
	receiver_bed_stop(&rcv);
	return 0;
}

static void start(void)
{
	source_bed_start(&src);
	receiver_bed_start(&rcv);
	pgm_source_turn(src.s, src.now);
}

/* Shows the receiver what the source has sent, but for what `drops` has a bit for, the first packet
 * being bit 0. Returns how many packets there were. */
static unsigned carry(uint64_t drops)
{
	struct pgm_packet p;
	unsigned n = 0;

	rcv.now = src.now;
	for (; bed_next(&src.wire, &p); n++)
		if (n >= 64 || !(drops >> n & 1))
			receiver_bed_show(&rcv, &p);
	return n;
}

/* And the source what the receiver has. */
static void carry_back(void)
{
	struct pgm_packet p;

	while (bed_next(&rcv.wire, &p))
		source_bed_show(&src, &p);
	pgm_source_turn(src.s, src.now);
}

static void run_ms(unsigned ms)
{
	source_bed_run(&src, src.now + ms * MS);
	receiver_bed_run(&rcv, src.now);
}

static void send(const char *const *tsdus)
{
	for (; *tsdus; tsdus++)
		assert_true(source_bed_send(&src, *tsdus));
	pgm_source_turn(src.s, src.now);
}

static const char *const fixed[] = {"aa", "bb", "cc", "dd", NULL};
static const char *const varied[] = {"a", "bbbb", "", "ddd", NULL};

static void test_spms_offer_it_and_it_follows_each_group(void **state)
{
	(void)state;
	start();
	send(fixed);
	send(varied);
	assert_string_equal(bed_read(&src.wire),
			    "S0 0-4294967295 PRM 4:3; O0/0 aa SYN; O1/0 bb; O2/0 cc; O3/0 dd; "
			    "OP0/0 [2]; OP1/0 [2]; O4/0 a; O5/0 bbbb; O6/0 ; O7/0 ddd; "
			    "OP4/0 [6] VAR; OP5/0 [6] VAR");
	assert_int_equal(src.counter[PGM_src_parity], 4);
}

/* The first parity packet of "aa" to "dd", by the matrix of test_pgm_fec.c: 77 40 38 0e. */
static void test_parity_is_what_the_matrix_says(void **state)
{
	static const uint8_t row[] = {0x77, 0x40, 0x38, 0x0e};
	struct pgm_packet p;
	uint8_t want = 0;

	(void)state;
	start();
	send(fixed);
	for (unsigned i = 0; i < 4; i++) {
		uint8_t x = (uint8_t)('a' + i);

		for (unsigned bit = 0; bit < 8; bit++) {
			if (row[i] >> bit & 1)
				want ^= x;
			x = (uint8_t)(x << 1 ^ (x & 0x80 ? 0x1d : 0));
		}
	}
	while (bed_next(&src.wire, &p) && !(p.flags & PGM_PARITY))
		continue;
	assert_int_equal(p.tsdu[0], want);
	assert_int_equal(p.tsdu[1], want);
}

static void test_on_demand_parity_is_counted_and_never_sent_twice(void **state)
{
	struct pgm_packet nak;

	(void)state;
	start();
	send(fixed);
	bed_read(&src.wire);
	nak = source_bed_nak(&src, 0 | 1); /* two of group 0: 0-based (11.3.1) */
	nak.flags = PGM_PARITY;
	source_bed_show(&src, &nak);
	pgm_source_turn(src.s, src.now);
	assert_string_equal(bed_read(&src.wire), "CP1; RP2/0 [2]; RP3/0 [2]");
	/* The same from another receiver, and one that misses more. */
	source_bed_show(&src, &nak);
	nak.sqn = 2;
	source_bed_show(&src, &nak);
	pgm_source_turn(src.s, src.now);
	assert_string_equal(bed_read(&src.wire), "CP2; RP0/0 [2] GRP 1");
	run_ms(50);
	source_bed_show(&src, &nak);
	pgm_source_turn(src.s, src.now);
	assert_string_equal(bed_read(&src.wire),
			    "CP2; RP1/0 [2] GRP 1; RP2/0 [2] GRP 1; RP3/0 [2] GRP 1");
	/* A selective NAK gets what it asks for. */
	nak = source_bed_nak(&src, 2);
	source_bed_show(&src, &nak);
	pgm_source_turn(src.s, src.now);
	assert_string_equal(bed_read(&src.wire), "C2; R2/0 cc");
}

static void test_parity_waits_for_its_group_and_leaves_with_its_beginning(void **state)
{
	struct pgm_packet nak;

	(void)state;
	src.config.proactive = 0;
	src.config.txw_sqns = 8;
	start();
	assert_true(source_bed_send(&src, "aa"));
	assert_true(source_bed_send(&src, "bb"));
	bed_read(&src.wire);
	nak = source_bed_nak(&src, 0);
	nak.flags = PGM_PARITY;
	source_bed_show(&src, &nak);
	pgm_source_turn(src.s, src.now);
	assert_string_equal(bed_read(&src.wire), "CP0");
	assert_true(source_bed_send(&src, "cc"));
	assert_true(source_bed_send(&src, "dd"));
	pgm_source_turn(src.s, src.now);
	assert_string_equal(bed_read(&src.wire), "O2/0 cc; O3/0 dd; RP0/0 [2]");
	send(fixed);
	assert_true(source_bed_send(&src, "x"));
	source_bed_run(&src, src.now + 90 * MS);
	bed_read(&src.wire);
	source_bed_show(&src, &nak);
	source_bed_run(&src, src.now + 20 * MS);
	assert_string_equal(bed_read(&src.wire), "S1 1-8 PRM 4:1");
	assert_int_equal(src.counter[PGM_src_naks_too_old], 1);
}

/* Which of a group's four packets and six parity packets arrive: all is delivered if four do. */
static void check_erasure(const char *const *tsdus, unsigned drops)
{
	char want[64] = "";
	void *none = NULL;

	setup(&none);
	src.config.proactive = 6;
	src.config.first_sqn = UINT32_MAX - 3;
	start();
	carry(0);
	for (unsigned i = 0; i < 4; i++)
		snprintf(want + strlen(want), sizeof(want) - strlen(want), "%s%u:%s", i ? " " : "",
			 UINT32_MAX - 3 + i, tsdus[i]);
	send(tsdus);
	assert_string_equal(receiver_bed_did(&rcv), "open");
	assert_int_equal(carry(drops), 10);
	if (10 - __builtin_popcount(drops) >= 4) {
		assert_string_equal(receiver_bed_did(&rcv), want);
		assert_int_equal(rcv.holds, 0);
	} else {
		assert_true(strlen(receiver_bed_did(&rcv)) < strlen(want));
	}
	teardown(&none);
}

static void test_any_four_of_ten_do(void **state)
{
	(void)state;
	for (unsigned drops = 0; drops < 1 << 10; drops++) {
		check_erasure(fixed, drops);
		check_erasure(varied, drops);
	}
	setup(state);
	start();
}

/* One packet with OPT_FRAGMENT among three without, of which any may be lost. */
static void test_fragments_are_rebuilt_with_their_options(void **state)
{
	static const uint8_t apdu[] = "0123456789012345678901234567890123456789";
	void *none = NULL;

	(void)state;
	for (unsigned drops = 0; drops < 1 << 6; drops++) {
		setup(&none);
		src.config.max_tpdu = 128; /* 46 bytes of a fragment */
		start();
		carry(0);
		assert_true(source_bed_send(&src, "first"));
		assert_true(source_bed_send(&src, "second"));
		assert_int_equal(pgm_source_send_apdu(src.s, src.now, apdu, 40, 0), 40);
		assert_true(source_bed_send(&src, "last"));
		pgm_source_turn(src.s, src.now);
		assert_int_equal(carry(drops), 6);
		if (__builtin_popcount(drops) <= 2)
			assert_string_equal(receiver_bed_did(&rcv),
					    "open 0:first 1:second "
					    "2:0123456789012345678901234567890123456789 3:last");
		teardown(&none);
	}
	setup(state);
	start();
}

static void test_an_apdu_of_many_fragments_is_put_together_from_parity(void **state)
{
	uint8_t apdu[100];

	(void)state;
	src.config.max_tpdu = 128;
	rcv.config.max_apdu = 100;
	start();
	carry(0);
	memset(apdu, 'z', sizeof(apdu));
	apdu[99] = '!';
	assert_int_equal(pgm_source_send_apdu(src.s, src.now, apdu, 100, 0), 100);
	assert_true(source_bed_send(&src, "1"));
	assert_true(source_bed_send(&src, "2"));
	pgm_source_turn(src.s, src.now);
	carry(1 << 1 | 1 << 0);
	assert_int_equal(rcv.counter[PGM_rcv_rebuilt], 2);
	assert_int_equal(rcv.counter[PGM_rcv_apdus], 1);
	assert_int_equal(rcv.counter[PGM_rcv_delivered_bytes], src.counter[PGM_src_odata_bytes]);
}

static void test_a_receiver_asks_for_as_many_as_are_missing(void **state)
{
	(void)state;
	src.config.proactive = 0;
	start();
	carry(0);
	send(fixed);
	carry(1 << 1 | 1 << 2);
	assert_string_equal(receiver_bed_did(&rcv), "open 0:aa");
	run_ms(60);
	assert_string_equal(bed_read(&rcv.wire), "NP1 to 10.0.0.1");
	assert_int_equal(rcv.counter[PGM_rcv_naks_parity], 1);
	/* It is confirmed, and comes. */
	run_ms(200);
	carry_back();
	carry(0);
	assert_string_equal(receiver_bed_did(&rcv), "1:bb 2:cc 3:dd");
	assert_int_equal(rcv.holds, 0);
	run_ms(1000);
	assert_string_equal(bed_read(&rcv.wire), "");
}

static void test_an_ncf_for_fewer_does_not_suppress(void **state)
{
	struct pgm_packet ncf = bed_ncf(0);

	(void)state;
	src.config.proactive = 0;
	start();
	carry(0);
	send(fixed);
	carry(1 << 1 | 1 << 2);
	ncf.flags = PGM_PARITY;
	assert_int_equal(receiver_bed_show(&rcv, &ncf), PGM_DROPPED);
	run_ms(60);
	assert_string_equal(bed_read(&rcv.wire), "NP1 to 10.0.0.1");
	run_ms(250);
	bed_read(&rcv.wire);
	ncf.sqn = 1;
	assert_int_equal(receiver_bed_show(&rcv, &ncf), PGM_TAKEN);
	run_ms(190);
	assert_string_equal(bed_read(&rcv.wire), "");
}

static void test_nothing_is_asked_for_before_the_group_is_complete(void **state)
{
	(void)state;
	src.config.proactive = 0;
	start();
	carry(0);
	assert_true(source_bed_send(&src, "aa"));
	assert_true(source_bed_send(&src, "bb"));
	assert_true(source_bed_send(&src, "cc"));
	carry(1 << 1);
	receiver_bed_run(&rcv, rcv.now + 200 * MS);
	assert_string_equal(bed_read(&rcv.wire), "");
	/* Unless the source has stopped where it is: then for the packet itself (11.5). */
	source_bed_run(&src, src.now + 200 * MS);
	carry(0);
	run_ms(60);
	assert_string_equal(bed_read(&rcv.wire), "N1 to 10.0.0.1");
}

/* A source that never confirms them, as it has the two flags the other way round. */
static void test_unconfirmed_parity_naks_turn_into_selective_ones(void **state)
{
	bool selective = false;

	(void)state;
	src.config.proactive = 0;
	start();
	carry(0);
	send(fixed);
	carry(1 << 1);
	for (unsigned i = 0; i < 20 && !selective; i++) {
		receiver_bed_run(&rcv, rcv.now + 100 * MS);
		selective = !strcmp(bed_read(&rcv.wire), "N1 to 10.0.0.1");
	}
	assert_true(selective);
}

static void test_a_short_group_says_how_short_it_is(void **state)
{
	(void)state;
	src.config.short_group_ns = 20 * MS;
	src.config.proactive = 1;
	start();
	assert_true(source_bed_send(&src, "aa"));
	assert_true(source_bed_send(&src, "bb"));
	source_bed_run(&src, src.now + 20 * MS);
	assert_true(source_bed_send(&src, "next"));
	source_bed_run(&src, src.now + 1 * MS);
	assert_string_equal(bed_read(&src.wire),
			    "S0 0-4294967295 PRM 4:3; O0/0 aa SYN; O1/0 bb; "
			    "S1 0-1 PRM 4:3 SIZE 2; OP0/0 [2] SIZE 2; O4/0 next");
	assert_int_equal(src.counter[PGM_src_groups_short], 1);
}

/* Of a group of two, any two of its two packets and one parity packet do; and the numbers that it
 * lacks are neither lost nor asked for. */
static void test_short_groups_are_rebuilt_and_nothing_else_is_missing(void **state)
{
	void *none = NULL;

	(void)state;
	for (unsigned lost = 0; lost < 4; lost++) {
		setup(&none);
		src.config.short_group_ns = 20 * MS;
		src.config.proactive = 1;
		src.config.heartbeats = 0;
		start();
		carry(0);
		assert_true(source_bed_send(&src, "aa"));
		assert_true(source_bed_send(&src, "b"));
		source_bed_run(&src, src.now + 20 * MS);
		assert_true(source_bed_send(&src, "next"));
		/* Data, data, SPM, parity, data: one of the first three that matter is lost. */
		carry(lost == 0 ? 1 : lost == 1 ? 2 : lost == 2 ? 4 : 8);
		assert_string_equal(receiver_bed_did(&rcv), "open 0:aa 1:b 4:next");
		run_ms(300);
		assert_string_equal(bed_read(&rcv.wire), "");
		teardown(&none);
	}
	setup(state);
	start();
}

/* All that would have told of the short group is lost, so numbers are asked for that never were:
 * with parity, and by themselves. */
static void test_numbers_that_never_were_are_cleared_up_by_repairs(void **state)
{
	void *none = NULL;

	(void)state;
	for (unsigned offers = 0; offers < 2; offers++) {
		setup(&none);
		src.config.short_group_ns = 20 * MS;
		src.config.proactive = !offers;
		src.config.ondemand = offers;
		start();
		carry(0);
		assert_true(source_bed_send(&src, "aa"));
		assert_true(source_bed_send(&src, "bb"));
		source_bed_run(&src, src.now + 20 * MS);
		assert_true(source_bed_send(&src, "next"));
		carry(1 << 1 | 1 << 2 | (offers ? 0 : 1 << 3));
		assert_string_equal(receiver_bed_did(&rcv), "open 0:aa");
		run_ms(60);
		carry_back();
		carry(0);
		assert_string_equal(receiver_bed_did(&rcv), "1:bb 4:next");
		assert_int_equal(rcv.counter[PGM_rcv_lost], 0);
		teardown(&none);
	}
	setup(state);
	start();
}

/* Found by the simulation: groups are not numbered modulo 2^32. */
static void test_parity_waits_in_order_across_the_wrap(void **state)
{
	struct pgm_packet nak;

	(void)state;
	src.config.tg_size = 2;
	src.config.proactive = 0;
	src.config.first_sqn = UINT32_MAX - 7;
	start();
	for (unsigned i = 0; i < 16; i++)
		assert_true(source_bed_send(&src, "aa"));
	bed_read(&src.wire);
	src.wire.full = true;
	for (uint32_t i = 8; i--;) {
		nak = source_bed_nak(&src, UINT32_MAX - 7 + 2 * i);
		nak.flags = PGM_PARITY;
		source_bed_show(&src, &nak);
	}
	src.wire.full = false;
	source_bed_run(&src, src.now + MS);
	assert_string_equal(bed_read(&src.wire),
			    "RP4294967288/4294967288 [2]; RP4294967290/4294967288 [2]; "
			    "RP4294967292/4294967288 [2]; RP4294967294/4294967288 [2]; "
			    "RP0/4294967288 [2]; RP2/4294967288 [2]; RP4/4294967288 [2]; "
			    "RP6/4294967288 [2]");
}

/* Found by the simulation: what is lost on both sides of numbers that never were. */
static void test_losses_around_a_short_group_are_told_in_full(void **state)
{
	struct pgm_packet spm = bed_spm(1, 0, 0), p;

	(void)state;
	source_bed_start(&src);
	receiver_bed_start(&rcv);
	spm.options.has = PGM_HAS_PARITY_PRM;
	spm.options.tg_size = 4;
	spm.options.parity = PGM_PARITY_ONDEMAND;
	receiver_bed_odata(&rcv, 0, "a");
	receiver_bed_show(&rcv, &spm);
	receiver_bed_odata(&rcv, 9, "x");
	p = bed_data(PGM_RDATA, 5, 0, "y"); /* 6 and 7 never were */
	p.options.has = PGM_HAS_CURR_TGSIZE;
	p.options.curr_tgsize = 2;
	receiver_bed_show(&rcv, &p);
	p = bed_data(PGM_ODATA, 10, 9, "z");
	receiver_bed_show(&rcv, &p);
	assert_string_equal(receiver_bed_did(&rcv), "open 0:a -1+4 5:y -8+1 9:x 10:z");
}

static void test_a_receiver_without_parity_knows_short_groups(void **state)
{
	(void)state;
	src.config.short_group_ns = 20 * MS;
	rcv.config.rebuilt = 0;
	start();
	carry(0);
	assert_true(source_bed_send(&src, "aa"));
	source_bed_run(&src, src.now + 20 * MS);
	assert_true(source_bed_send(&src, "next"));
	carry(0);
	assert_string_equal(receiver_bed_did(&rcv), "open 0:aa 4:next");
	receiver_bed_run(&rcv, rcv.now + 300 * MS);
	assert_string_equal(bed_read(&rcv.wire), "");
}

static void test_a_receiver_that_joins_within_a_group_uses_parity_from_the_next(void **state)
{
	(void)state;
	start();
	send(fixed);
	send(varied);
	/* From the third packet on, and the SPM only then. */
	carry(0x7);
	assert_string_equal(receiver_bed_did(&rcv), "open 2:cc 3:dd 4:a 5:bbbb 6: 7:ddd");
	source_bed_run(&src, src.now + 100 * MS);
	carry(0);
	assert_int_equal(rcv.holds, 0);
	send(fixed);
	carry(1 << 1 | 1 << 3);
	assert_string_equal(receiver_bed_did(&rcv), "8:aa 9:bb 10:cc 11:dd");
}

static struct pgm_packet take_parity(void)
{
	struct pgm_packet p;

	while (bed_next(&src.wire, &p) && !(p.flags & PGM_PARITY))
		continue;
	assert_true(p.flags & PGM_PARITY);
	return p;
}

static void test_parity_that_does_not_fit_is_dropped(void **state)
{
	struct pgm_packet good, p;

	(void)state;
	src.config.proactive = 3;
	start();
	carry(0);
	send(fixed);
	for (unsigned i = 0; i < 4; i++) {
		assert_true(bed_next(&src.wire, &p));
		if (i < 2)
			receiver_bed_show(&rcv, &p);
	}
	good = take_parity();
	p = good;
	p.options.has |= PGM_HAS_PARITY_GRP;
	p.options.parity_grp = 63; /* there are 251 at most */
	assert_int_equal(receiver_bed_show(&rcv, &p), PGM_DROPPED);
	p.options.parity_grp = UINT32_MAX;
	assert_int_equal(receiver_bed_show(&rcv, &p), PGM_DROPPED);
	p = good;
	p.options.has |= PGM_HAS_CURR_TGSIZE;
	p.options.curr_tgsize = 5;
	assert_int_equal(receiver_bed_show(&rcv, &p), PGM_DROPPED);
	p.options.curr_tgsize = 0;
	assert_int_equal(receiver_bed_show(&rcv, &p), PGM_DROPPED);
	p = good;
	p.flags |= PGM_VAR_PKTLEN;
	p.tsdu_len = 1;
	assert_int_equal(receiver_bed_show(&rcv, &p), PGM_DROPPED);
	p = good;
	p.options.has |= PGM_HAS_FRAGMENT;
	assert_int_equal(receiver_bed_show(&rcv, &p), PGM_DROPPED);
	assert_int_equal(rcv.counter[PGM_rcv_drop_parity_form], 6);
	/* Two that do not agree, and one that disagrees with the data. */
	assert_int_equal(receiver_bed_show(&rcv, &good), PGM_TAKEN);
	assert_int_equal(receiver_bed_show(&rcv, &good), PGM_DROPPED);
	p = take_parity();
	p.tsdu_len--;
	receiver_bed_show(&rcv, &p);
	assert_int_equal(rcv.counter[PGM_rcv_drop_parity_form], 8);
	assert_string_equal(receiver_bed_did(&rcv), "open 0:aa 1:bb");
	/* The right ones still do. */
	receiver_bed_show(&rcv, &good);
	p.tsdu_len++;
	receiver_bed_show(&rcv, &p);
	assert_string_equal(receiver_bed_did(&rcv), "2:cc 3:dd");
	assert_int_equal(receiver_bed_show(&rcv, &good), PGM_DROPPED);
	assert_int_equal(rcv.counter[PGM_rcv_drop_parity], 1);
}

static void test_a_repair_takes_the_place_of_parity(void **state)
{
	struct pgm_packet p, q;

	(void)state;
	start();
	carry(0);
	send(fixed);
	for (unsigned i = 0; i < 4; i++) {
		assert_true(bed_next(&src.wire, &p));
		if (i < 2)
			receiver_bed_show(&rcv, &p);
	}
	q = take_parity();
	receiver_bed_show(&rcv, &q); /* lies in the place of 2 */
	assert_int_equal(rcv.holds, 3);
	p = bed_data(PGM_RDATA, 2, 0, "cc");
	receiver_bed_show(&rcv, &p);
	assert_string_equal(receiver_bed_did(&rcv), "open 0:aa 1:bb 2:cc 3:dd");
	assert_int_equal(rcv.counter[PGM_rcv_rebuilt], 1);
	assert_int_equal(rcv.holds, 0);
}

static void test_without_buffers_nothing_is_rebuilt_and_repairs_still_help(void **state)
{
	struct pgm_packet p;

	(void)state;
	rcv.config.rebuilt = 1;
	start();
	carry(0);
	send(fixed);
	carry(1 << 1 | 1 << 2);
	assert_string_equal(receiver_bed_did(&rcv), "open 0:aa");
	assert_int_equal(rcv.counter[PGM_rcv_drop_rebuilt], 1);
	p = bed_data(PGM_RDATA, 1, 0, "bb");
	receiver_bed_show(&rcv, &p);
	assert_string_equal(receiver_bed_did(&rcv), "1:bb 2:cc 3:dd");
}

static void test_a_receiver_without_parity_takes_data_alone(void **state)
{
	(void)state;
	rcv.config.rebuilt = 0;
	start();
	carry(0);
	send(fixed);
	carry(1 << 1);
	run_ms(60);
	assert_string_equal(bed_read(&rcv.wire), "N1 to 10.0.0.1");
	assert_int_equal(rcv.counter[PGM_rcv_drop_parity], 2);
	assert_int_equal(rcv.holds, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_spms_offer_it_and_it_follows_each_group),
		TEST(test_parity_is_what_the_matrix_says),
		TEST(test_on_demand_parity_is_counted_and_never_sent_twice),
		TEST(test_parity_waits_for_its_group_and_leaves_with_its_beginning),
		cmocka_unit_test_teardown(test_any_four_of_ten_do, teardown),
		cmocka_unit_test_teardown(test_fragments_are_rebuilt_with_their_options, teardown),
		TEST(test_an_apdu_of_many_fragments_is_put_together_from_parity),
		TEST(test_a_receiver_asks_for_as_many_as_are_missing),
		TEST(test_an_ncf_for_fewer_does_not_suppress),
		TEST(test_nothing_is_asked_for_before_the_group_is_complete),
		TEST(test_unconfirmed_parity_naks_turn_into_selective_ones),
		TEST(test_a_short_group_says_how_short_it_is),
		cmocka_unit_test_teardown(test_short_groups_are_rebuilt_and_nothing_else_is_missing,
					  teardown),
		cmocka_unit_test_teardown(test_numbers_that_never_were_are_cleared_up_by_repairs,
					  teardown),
		TEST(test_parity_waits_in_order_across_the_wrap),
		TEST(test_losses_around_a_short_group_are_told_in_full),
		TEST(test_a_receiver_without_parity_knows_short_groups),
		TEST(test_a_receiver_that_joins_within_a_group_uses_parity_from_the_next),
		TEST(test_parity_that_does_not_fit_is_dropped),
		TEST(test_a_repair_takes_the_place_of_parity),
		TEST(test_without_buffers_nothing_is_rebuilt_and_repairs_still_help),
		TEST(test_a_receiver_without_parity_takes_data_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
