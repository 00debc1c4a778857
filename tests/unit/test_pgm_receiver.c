/* A PGM receiver: what it delivers, asks for and gives up, packet by packet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/pgm_bed.h"

static struct receiver_bed b;

static int setup(void **state)
{
	(void)state;
	receiver_bed_prepare(&b);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	receiver_bed_stop(&b);
	return 0;
}

static enum pgm_input show(struct pgm_packet p)
{
	return receiver_bed_show(&b, &p);
}

static void odata(uint32_t sqn)
{
	static const char *const letter[] = {"a", "b", "c", "d", "e", "f", "g", "h"};

	show(bed_data(PGM_ODATA, sqn, 0, letter[sqn % 8]));
}

/* A session that has begun with packet 0, and knows where to send NAKs. */
static void begin(void)
{
	receiver_bed_start(&b);
	odata(0);
	show(bed_spm(1, 0, 0));
	assert_string_equal(receiver_bed_did(&b), "open 0:a");
}

static void run_ms(unsigned ms)
{
	receiver_bed_run(&b, b.now + ms * MS);
}

static void test_data_in_order_goes_straight_through(void **state)
{
	(void)state;
	begin();
	for (uint32_t n = 1; n < 4; n++)
		odata(n);
	assert_string_equal(receiver_bed_did(&b), "1:b 2:c 3:d");
	run_ms(1000);
	assert_string_equal(bed_read(&b.wire), "");
	assert_int_equal(b.counter[PGM_rcv_held], 0);
	assert_int_equal(b.counter[PGM_rcv_delivered], 4);
}

static void test_what_is_ahead_of_a_gap_waits(void **state)
{
	(void)state;
	begin();
	odata(2);
	odata(4);
	odata(3);
	assert_string_equal(receiver_bed_did(&b), "");
	assert_int_equal(b.holds, 3);
	odata(1);
	assert_string_equal(receiver_bed_did(&b), "1:b 2:c 3:d 4:e");
	assert_int_equal(b.holds, 0);
	/* Simple reordering is over before anything is asked for. */
	run_ms(1000);
	assert_string_equal(bed_read(&b.wire), "");
}

static void test_duplicates_and_old_packets_are_dropped(void **state)
{
	(void)state;
	begin();
	odata(2);
	odata(2);
	odata(0);
	show(bed_data(PGM_RDATA, 2, 0, "c"));
	assert_int_equal(b.counter[PGM_rcv_drop_duplicate], 2);
	assert_int_equal(b.counter[PGM_rcv_drop_old], 1);
	odata(1);
	assert_string_equal(receiver_bed_did(&b), "1:b 2:c");
}

/* BACK-OFF, WAIT-NCF, BACK-OFF, ... (RFC 3208 6.3) */
static void test_naks_go_out_after_a_back_off_until_confirmed(void **state)
{
	uint64_t from;
	unsigned naks = 0;

	(void)state;
	begin();
	odata(3);
	from = b.now;
	while (!b.wire.n && b.now < from + 200 * MS)
		run_ms(1);
	assert_true(b.now - from <= 55 * MS);
	assert_string_equal(bed_read(&b.wire), "N1,2 to 10.0.0.1");
	/* Not confirmed: about every 200 to 250 ms again. */
	run_ms(195);
	assert_string_equal(bed_read(&b.wire), "");
	run_ms(2000);
	for (const char *t = bed_read(&b.wire); *t; t++)
		naks += *t == 'N';
	assert_in_range(naks, 7, 11);
	show(bed_data(PGM_RDATA, 2, 0, "c"));
	show(bed_data(PGM_RDATA, 1, 0, "b"));
	assert_string_equal(receiver_bed_did(&b), "1:b 2:c 3:d");
	run_ms(2000);
	assert_string_equal(bed_read(&b.wire), "");
}

static void test_an_ncf_suppresses_our_nak(void **state)
{
	(void)state;
	begin();
	odata(2);
	show(bed_ncf(1));
	run_ms(190);
	assert_string_equal(bed_read(&b.wire), "");
	assert_int_equal(b.counter[PGM_rcv_naks_suppressed], 1);
	/* The repair never came: we ask ourselves. */
	run_ms(80);
	assert_string_equal(bed_read(&b.wire), "N1 to 10.0.0.1");
}

static void test_each_ncf_restarts_the_wait_for_data(void **state)
{
	(void)state;
	begin();
	odata(2);
	for (unsigned i = 0; i < 10; i++) {
		show(bed_ncf(1));
		run_ms(150);
	}
	assert_string_equal(bed_read(&b.wire), "");
}

static void test_another_receivers_nak_suppresses_ours(void **state)
{
	struct pgm_packet nak = bed_ncf(1);

	(void)state;
	begin();
	odata(2);
	nak.type = PGM_NAK;
	nak.dport = nak.sport;
	nak.sport = 7500;
	assert_int_equal(show(nak), PGM_TAKEN);
	run_ms(150);
	assert_string_equal(bed_read(&b.wire), "");
	run_ms(120);
	assert_string_equal(bed_read(&b.wire), "N1 to 10.0.0.1");
}

static void test_an_ncf_tells_of_packets_that_we_have_not_seen(void **state)
{
	(void)state;
	begin();
	show(bed_ncf(2));
	run_ms(100);
	assert_string_equal(bed_read(&b.wire), "N1 to 10.0.0.1");
	assert_int_equal(b.counter[PGM_rcv_missing], 2);
}

static void test_an_spm_tells_of_lost_packets_at_the_end(void **state)
{
	(void)state;
	begin();
	show(bed_spm(2, 0, 2));
	run_ms(100);
	assert_string_equal(bed_read(&b.wire), "N1,2 to 10.0.0.1");
}

static void test_many_missing_packets_are_asked_for_in_lists(void **state)
{
	struct pgm_packet p;
	uint32_t next = 1;

	(void)state;
	b.config.rxw_sqns = 256;
	begin();
	odata(131);
	run_ms(100);
	for (unsigned lists = 0; bed_next(&b.wire, &p); lists++) {
		assert_int_equal(p.sqn, next++);
		assert_int_equal(p.options.naks, lists < 2 ? 62 : 3);
		for (unsigned i = 0; i < p.options.naks; i++)
			assert_int_equal(p.options.nak_list[i], next++);
	}
	assert_int_equal(next, 131);
}

static void test_no_nak_goes_out_before_an_spm_and_one_is_asked_for(void **state)
{
	(void)state;
	receiver_bed_start(&b);
	odata(5);
	odata(7);
	run_ms(1);
	assert_string_equal(bed_read(&b.wire), "");
	run_ms(25);
	assert_string_equal(bed_read(&b.wire), "Q; Q to 10.0.0.1");
	run_ms(300);
	assert_string_equal(bed_read(&b.wire), "Q; Q to 10.0.0.1");
	show(bed_spm(1, 0, 7));
	run_ms(100);
	assert_string_equal(bed_read(&b.wire), "N6 to 10.0.0.1");
	run_ms(150);
	assert_int_equal(b.counter[PGM_rcv_spmrs], 2);
}

static void test_another_receivers_spmr_suppresses_ours(void **state)
{
	struct pgm_packet p = bed_ncf(0);

	(void)state;
	receiver_bed_start(&b);
	odata(5);
	p.type = PGM_SPMR;
	p.dport = p.sport;
	p.sport = 7500;
	assert_int_equal(show(p), PGM_TAKEN);
	run_ms(240);
	assert_string_equal(bed_read(&b.wire), "");
	assert_int_equal(b.counter[PGM_rcv_spmrs_suppressed], 1);
	run_ms(40);
	assert_string_equal(bed_read(&b.wire), "Q; Q to 10.0.0.1");
}

static void test_retries_run_out_and_the_loss_is_told_in_its_place(void **state)
{
	(void)state;
	b.config.nak_ncf_retries = 3;
	begin();
	odata(2);
	odata(4);
	odata(5);
	run_ms(2000);
	assert_string_equal(receiver_bed_did(&b), "-1+1 2:c -3+1 4:e 5:f");
	assert_int_equal(b.counter[PGM_rcv_lost], 2);
	assert_int_equal(b.counter[PGM_rcv_lost_ncf], 2);
	odata(6);
	assert_string_equal(receiver_bed_did(&b), "6:g");
}

static void test_confirmed_but_never_repaired_is_lost_in_the_end(void **state)
{
	(void)state;
	b.config.nak_data_retries = 2;
	begin();
	odata(2);
	for (unsigned i = 0; i < 40; i++) {
		run_ms(50);
		if (bed_read(&b.wire)[0])
			show(bed_ncf(1));
	}
	assert_string_equal(receiver_bed_did(&b), "-1+1 2:c");
	assert_int_equal(b.counter[PGM_rcv_lost_data], 1);
}

static void test_what_the_trail_has_passed_is_lost(void **state)
{
	(void)state;
	begin();
	odata(3);
	odata(5);
	show(bed_data(PGM_ODATA, 6, 2, "g"));
	assert_string_equal(receiver_bed_did(&b), "-1+1");
	show(bed_spm(2, 5, 6));
	assert_string_equal(receiver_bed_did(&b), "-2+1 3:d -4+1 5:f 6:g");
	/* Also what was never heard of. */
	show(bed_spm(3, 100, 101));
	assert_string_equal(receiver_bed_did(&b), "-7+93");
	odata(101);
	odata(100);
	assert_string_equal(receiver_bed_did(&b), "100:e 101:f");
	assert_int_equal(b.counter[PGM_rcv_lost_trail], 96);
}

static void test_a_full_window_gives_up_what_is_oldest(void **state)
{
	(void)state;
	b.config.rxw_sqns = 16;
	begin();
	odata(2);
	odata(16);
	assert_string_equal(receiver_bed_did(&b), "");
	odata(17);
	assert_string_equal(receiver_bed_did(&b), "-1+1 2:c");
	odata(1000);
	assert_string_equal(receiver_bed_did(&b), "-3+13 16:a 17:b -18+967");
	assert_int_equal(b.holds, 1);
	assert_int_equal(b.counter[PGM_rcv_lost_window], 1 + 13 + 967);
}

static void test_no_more_is_held_than_may_be(void **state)
{
	(void)state;
	b.config.held = 3;
	begin();
	for (uint32_t n = 2; n < 8; n++)
		odata(n);
	assert_int_equal(b.holds, 3);
	assert_int_equal(b.counter[PGM_rcv_drop_held], 3);
	/* What is next needs no holding; the rest is asked for. */
	odata(1);
	assert_string_equal(receiver_bed_did(&b), "1:b 2:c 3:d 4:e");
	run_ms(100);
	assert_string_equal(bed_read(&b.wire), "N5,6,7 to 10.0.0.1");
}

/* Found by the simulation: what could not be held was asked for again and again. */
static void test_with_no_room_only_what_is_next_is_asked_for(void **state)
{
	(void)state;
	b.config.held = 2;
	begin();
	odata(2);
	odata(4);
	show(bed_spm(2, 0, 9));
	run_ms(1000);
	for (const char *t = bed_read(&b.wire); *t; t++)
		if (*t == 'N')
			assert_memory_equal(t, "N1 to", 5);
	assert_true(b.counter[PGM_rcv_naks_full] > 0);
	show(bed_data(PGM_RDATA, 1, 0, "b"));
	assert_string_equal(receiver_bed_did(&b), "1:b 2:c");
	run_ms(60);
	assert_string_equal(bed_read(&b.wire), "N3,5,6,7,8,9 to 10.0.0.1");
}

static void test_a_slow_owner_holds_up_its_session_and_nothing_is_lost(void **state)
{
	(void)state;
	b.config.rxw_sqns = 16;
	begin();
	b.refuses = true;
	for (uint32_t n = 1; n < 20; n++)
		odata(n);
	assert_string_equal(receiver_bed_did(&b), "");
	assert_int_equal(b.holds, 16);
	assert_int_equal(b.counter[PGM_rcv_drop_window], 3);
	run_ms(1000);
	assert_string_equal(receiver_bed_did(&b), "");
	b.refuses = false;
	pgm_receiver_resume(b.r, b.now);
	assert_string_equal(receiver_bed_did(&b), "1:b 2:c 3:d 4:e 5:f 6:g 7:h 8:a 9:b 10:c 11:d "
						  "12:e 13:f 14:g 15:h 16:a");
	show(bed_spm(2, 0, 19));
	run_ms(100);
	assert_string_equal(bed_read(&b.wire), "N17,18,19 to 10.0.0.1");
}

static void test_late_joiners_begin_with_what_comes_first(void **state)
{
	(void)state;
	receiver_bed_start(&b);
	show(bed_spm(9, 100, 120));
	assert_string_equal(receiver_bed_did(&b), "open");
	show(bed_data(PGM_RDATA, 110, 100, "x"));
	assert_string_equal(receiver_bed_did(&b), "");
	show(bed_data(PGM_ODATA, 122, 100, "z"));
	show(bed_data(PGM_ODATA, 121, 100, "y"));
	assert_string_equal(receiver_bed_did(&b), "121:y 122:z");
	run_ms(500);
	assert_string_equal(bed_read(&b.wire), "");
}

static void test_a_repair_begins_no_session(void **state)
{
	(void)state;
	receiver_bed_start(&b);
	assert_int_equal(show(bed_data(PGM_RDATA, 1, 0, "x")), PGM_DROPPED);
	assert_int_equal(show(bed_ncf(1)), PGM_DROPPED);
	assert_int_equal(b.counter[PGM_rcv_drop_unknown], 2);
	assert_string_equal(receiver_bed_did(&b), "");
}

static void test_opt_join_lets_us_ask_for_history(void **state)
{
	struct pgm_packet p = bed_spm(9, 90, 99);

	(void)state;
	p.options.has = PGM_HAS_JOIN;
	p.options.join_sqn = 97;
	receiver_bed_start(&b);
	show(p);
	run_ms(100);
	assert_string_equal(bed_read(&b.wire), "N97,98,99 to 10.0.0.1");
	show(bed_data(PGM_RDATA, 97, 90, "x"));
	assert_string_equal(receiver_bed_did(&b), "open 97:x");
}

static void test_old_spms_are_ignored(void **state)
{
	(void)state;
	begin();
	show(bed_spm(5, 0, 0));
	assert_int_equal(show(bed_spm(4, 0, 3)), PGM_DROPPED);
	assert_int_equal(show(bed_spm(5, 0, 3)), PGM_DROPPED);
	assert_int_equal(b.counter[PGM_rcv_drop_spm_old], 2);
	/* One without a window says where the source is, no more (8.1). */
	assert_int_equal(show(bed_spm(6, 0, 0x80000000)), PGM_TAKEN);
	run_ms(100);
	assert_string_equal(bed_read(&b.wire), "");
}

static void test_impossible_edges_are_dropped(void **state)
{
	(void)state;
	begin();
	assert_int_equal(show(bed_data(PGM_ODATA, 5, 6, "x")), PGM_DROPPED);
	assert_int_equal(show(bed_spm(2, 6, 4)), PGM_DROPPED);
	assert_int_equal(b.counter[PGM_rcv_drop_trail], 2);
	assert_string_equal(receiver_bed_did(&b), "");
}

static void test_numbers_go_round(void **state)
{
	(void)state;
	receiver_bed_start(&b);
	show(bed_data(PGM_ODATA, UINT32_MAX - 2, UINT32_MAX - 10, "a"));
	show(bed_spm(1, UINT32_MAX - 10, UINT32_MAX - 2));
	show(bed_data(PGM_ODATA, 2, UINT32_MAX - 10, "f"));
	run_ms(100);
	assert_string_equal(bed_read(&b.wire), "N4294967294,4294967295,0,1 to 10.0.0.1");
	show(bed_data(PGM_RDATA, 0, UINT32_MAX, "d"));
	assert_string_equal(receiver_bed_did(&b), "open 4294967293:a -4294967294+1");
	show(bed_spm(2, 1, 2));
	assert_string_equal(receiver_bed_did(&b), "-4294967295+1 0:d");
	show(bed_data(PGM_RDATA, 1, 1, "e"));
	assert_string_equal(receiver_bed_did(&b), "1:e 2:f");
}

static struct pgm_packet fragment(uint32_t sqn, uint32_t first, uint32_t offset, uint32_t len,
				  const char *tsdu)
{
	struct pgm_packet p = bed_data(PGM_ODATA, sqn, 0, tsdu);

	p.options.has = PGM_HAS_FRAGMENT;
	p.options.first_sqn = first;
	p.options.offset = offset;
	p.options.apdu_len = len;
	return p;
}

static void test_fragments_are_put_together(void **state)
{
	(void)state;
	begin();
	show(fragment(1, 1, 0, 7, "abc"));
	show(fragment(3, 1, 5, 7, "fg"));
	show(fragment(2, 1, 3, 7, "de"));
	odata(4);
	assert_string_equal(receiver_bed_did(&b), "1:abcdefg 4:e");
	/* One that is whole needs no putting together. */
	show(fragment(5, 5, 0, 2, "hi"));
	assert_string_equal(receiver_bed_did(&b), "5:hi");
	assert_int_equal(b.counter[PGM_rcv_apdus], 1);
	assert_int_equal(b.counter[PGM_rcv_drop_fragment], 0);
}

static void test_an_apdu_waits_for_a_slow_owner_too(void **state)
{
	(void)state;
	begin();
	show(fragment(1, 1, 0, 5, "abc"));
	b.refuses = true;
	show(fragment(2, 1, 3, 5, "de"));
	assert_string_equal(receiver_bed_did(&b), "");
	b.refuses = false;
	pgm_receiver_resume(b.r, b.now);
	assert_string_equal(receiver_bed_did(&b), "1:abcde");
}

static void test_apdus_with_a_hole_are_dropped_whole(void **state)
{
	(void)state;
	begin();
	show(fragment(1, 1, 0, 9, "abc"));
	show(fragment(3, 1, 6, 9, "ghi"));
	show(bed_spm(2, 3, 3));
	odata(4);
	assert_string_equal(receiver_bed_did(&b), "-2+1 4:e");
	/* Beginnings missed, strange offsets, and what is too long. */
	show(fragment(5, 4, 3, 9, "xyz"));
	show(fragment(6, 6, 0, 4, "ab"));
	show(fragment(7, 6, 3, 4, "d"));
	show(fragment(8, 8, 0, 65, "ab"));
	odata(9);
	assert_string_equal(receiver_bed_did(&b), "9:b");
	assert_true(b.counter[PGM_rcv_drop_fragment] >= 5);
}

static void test_a_finished_session_ends_when_all_is_delivered(void **state)
{
	struct pgm_packet fin = bed_spm(2, 0, 2);

	(void)state;
	begin();
	odata(2);
	fin.options.has = PGM_HAS_FIN;
	show(fin);
	assert_string_equal(receiver_bed_did(&b), "");
	odata(1);
	assert_string_equal(receiver_bed_did(&b), "1:b 2:c closed finished");
	/* Its last packets do not begin it again. */
	fin.sqn = 3;
	assert_int_equal(show(fin), PGM_DROPPED);
	odata(2);
	assert_int_equal(b.counter[PGM_rcv_drop_ended], 2);
	assert_string_equal(receiver_bed_did(&b), "");
	/* A source of the same name later does. */
	run_ms(1100);
	odata(2);
	assert_string_equal(receiver_bed_did(&b), "open 2:c");
}

static void test_a_reset_ends_it_with_what_there_is(void **state)
{
	struct pgm_packet rst = bed_spm(2, 0, 4);

	(void)state;
	begin();
	odata(2);
	rst.options.has = PGM_HAS_RST;
	rst.options.rst = PGM_RST_NO_NAKS | 5;
	show(rst);
	assert_string_equal(receiver_bed_did(&b), "-1+1 2:c -3+2 closed reset");
	assert_int_equal(pgm_session_reset_code(b.session), 5);
	assert_int_equal(b.counter[PGM_rcv_lost_reset], 3);
	run_ms(300);
	assert_string_equal(bed_read(&b.wire), "");
}

static void test_a_silent_session_expires_and_tells_of_its_gap(void **state)
{
	(void)state;
	b.config.expiry_ns = 10 * SECOND;
	begin();
	run_ms(5000);
	odata(1);
	run_ms(9990);
	odata(3); /* heard just in time */
	assert_string_equal(receiver_bed_did(&b), "1:b");
	run_ms(9990);
	assert_string_equal(receiver_bed_did(&b), "");
	run_ms(20);
	assert_string_equal(receiver_bed_did(&b), "-2+1 3:d closed expired");
	odata(9);
	assert_string_equal(receiver_bed_did(&b), "open 9:b");
}

static void other_source(uint8_t which, uint32_t sqn)
{
	struct pgm_packet p = bed_data(PGM_ODATA, sqn, 0, "o");

	p.tsi.gsi[0] = which;
	show(p);
}

static void test_sessions_are_apart_and_no_more_than_may_be(void **state)
{
	(void)state;
	begin();
	other_source(77, 500);
	odata(1);
	other_source(77, 501);
	assert_string_equal(receiver_bed_did(&b), "open 500:o 1:b 501:o");
	/* Both places are taken by sources that are alive. */
	other_source(78, 9);
	assert_string_equal(receiver_bed_did(&b), "");
	assert_int_equal(b.counter[PGM_rcv_drop_sessions], 1);
	/* One has been silent for so long that it makes way. */
	receiver_bed_run(&b, b.now + 30 * SECOND);
	other_source(77, 502);
	receiver_bed_run(&b, b.now + 31 * SECOND);
	other_source(78, 10);
	assert_string_equal(receiver_bed_did(&b), "502:o closed evicted open 10:o");
	other_source(77, 503);
	assert_string_equal(receiver_bed_did(&b), "503:o");
}

static void test_other_ports_and_directions_are_left_alone(void **state)
{
	struct pgm_packet p = bed_data(PGM_ODATA, 1, 0, "x");

	(void)state;
	begin();
	p.dport++;
	assert_int_equal(show(p), PGM_NOT_OURS);
	p = bed_ncf(1);
	p.type = PGM_NNAK;
	p.sport = 7500;
	assert_int_equal(show(p), PGM_NOT_OURS);
	p.type = PGM_SPMR;
	p.tsi.port++;
	assert_int_equal(show(p), PGM_NOT_OURS);
	assert_int_equal(b.counter[PGM_rcv_drop_not_ours], 3);
}

static void test_naks_are_bounded_in_rate(void **state)
{
	(void)state;
	b.config.nak_rate = 10;
	b.config.rxw_sqns = 1024;
	b.config.held = 1024;
	begin();
	for (uint32_t n = 2; n < 600; n += 2) {
		odata(n);
		run_ms(10);
	}
	run_ms(2000);
	/* Five seconds or so at ten a second, and lists in them. */
	assert_in_range(b.counter[PGM_rcv_naks], 20, 60);
	assert_true(b.counter[PGM_rcv_naks_limited] > 0);
}

static void test_a_full_link_delays_naks(void **state)
{
	(void)state;
	begin();
	odata(2);
	b.wire.full = true;
	run_ms(300);
	assert_true(b.counter[PGM_rcv_naks_unsent] > 1);
	b.wire.full = false;
	run_ms(60);
	assert_string_equal(bed_read(&b.wire), "N1 to 10.0.0.1");
}

static void test_libzmqs_options_become_its_settings(void **state)
{
	struct pgm_receiver_config c = {0};

	(void)state;
	/* src/pgm_socket.cpp */
	pgm_receiver_defaults(&c, 100, 10000, 1500, 28);
	assert_int_equal(c.rxw_sqns, 80);
	assert_int_equal(c.nak_bo_ns, 50 * MS);
	assert_int_equal(c.nak_rpt_ns, 200 * MS);
	assert_int_equal(c.nak_rdata_ns, 200 * MS);
	assert_int_equal(c.nak_ncf_retries, 50);
	assert_int_equal(c.nak_data_retries, 50);
	assert_int_equal(c.expiry_ns, 300 * SECOND);
	assert_int_equal(c.spmr_bo_ns, 25 * MS);
	assert_int_equal(pgm_receiver_bytes(&c), 0); /* no group yet */
	receiver_bed_start(&b);                      /* for teardown */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_data_in_order_goes_straight_through),
		TEST(test_what_is_ahead_of_a_gap_waits),
		TEST(test_duplicates_and_old_packets_are_dropped),
		TEST(test_naks_go_out_after_a_back_off_until_confirmed),
		TEST(test_an_ncf_suppresses_our_nak),
		TEST(test_each_ncf_restarts_the_wait_for_data),
		TEST(test_another_receivers_nak_suppresses_ours),
		TEST(test_an_ncf_tells_of_packets_that_we_have_not_seen),
		TEST(test_an_spm_tells_of_lost_packets_at_the_end),
		TEST(test_many_missing_packets_are_asked_for_in_lists),
		TEST(test_no_nak_goes_out_before_an_spm_and_one_is_asked_for),
		TEST(test_another_receivers_spmr_suppresses_ours),
		TEST(test_retries_run_out_and_the_loss_is_told_in_its_place),
		TEST(test_confirmed_but_never_repaired_is_lost_in_the_end),
		TEST(test_what_the_trail_has_passed_is_lost),
		TEST(test_a_full_window_gives_up_what_is_oldest),
		TEST(test_no_more_is_held_than_may_be),
		TEST(test_with_no_room_only_what_is_next_is_asked_for),
		TEST(test_a_slow_owner_holds_up_its_session_and_nothing_is_lost),
		TEST(test_late_joiners_begin_with_what_comes_first),
		TEST(test_a_repair_begins_no_session),
		TEST(test_opt_join_lets_us_ask_for_history),
		TEST(test_old_spms_are_ignored),
		TEST(test_impossible_edges_are_dropped),
		TEST(test_numbers_go_round),
		TEST(test_fragments_are_put_together),
		TEST(test_an_apdu_waits_for_a_slow_owner_too),
		TEST(test_apdus_with_a_hole_are_dropped_whole),
		TEST(test_a_finished_session_ends_when_all_is_delivered),
		TEST(test_a_reset_ends_it_with_what_there_is),
		TEST(test_a_silent_session_expires_and_tells_of_its_gap),
		TEST(test_sessions_are_apart_and_no_more_than_may_be),
		TEST(test_other_ports_and_directions_are_left_alone),
		TEST(test_naks_are_bounded_in_rate),
		TEST(test_a_full_link_delays_naks),
		TEST(test_libzmqs_options_become_its_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
