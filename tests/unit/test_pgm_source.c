/* A PGM source: what goes out for what comes in, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/pgm_bed.h"

static struct source_bed b;

static void start(void)
{
	source_bed_start(&b);
	source_bed_run(&b, b.now);
	assert_string_equal(bed_read(&b.wire)[0] == 'S' ? "SPM" : b.wire.text, "SPM");
}

static int setup(void **state)
{
	(void)state;
	source_bed_prepare(&b);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	source_bed_stop(&b);
	return 0;
}

/* So many packets, each with its number as its TSDU. */
static void send_numbered(unsigned n)
{
	char text[16];

	for (unsigned i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "%u", pgm_source_lead(b.s) + 1);
		assert_true(source_bed_send(&b, text));
	}
}

static void test_data_is_numbered_and_the_first_carries_syn(void **state)
{
	(void)state;
	b.config.first_sqn = 100;
	source_bed_start(&b);
	assert_true(pgm_source_turn(b.s, b.now) > b.now);
	assert_string_equal(bed_read(&b.wire), "S0 100-99");
	assert_true(source_bed_send(&b, "abc"));
	assert_true(source_bed_send(&b, ""));
	assert_true(source_bed_send(&b, "de"));
	assert_string_equal(bed_read(&b.wire), "O100/100 abc SYN; O101/100 ; O102/100 de");
	assert_int_equal(b.counter[PGM_src_odata], 3);
	assert_int_equal(b.counter[PGM_src_odata_bytes], 5);
}

/* Byte for byte, checksum included: RFC 3208 8.2. */
static void test_a_packet_on_the_wire(void **state)
{
	static const uint8_t want[] = {
		0x10, 0x01, 0x1d, 0x4c, 0x04, 0x00, 0xd1, 0x02, 1, 2, 3,   4,   5,   6,
		0,    3,    0,    0,    0,    1,    0,    0,    0, 0, 'x', 'y', 'z',
	};
	const struct bed_packet *p;
	struct pgm_packet q;

	(void)state;
	start();
	assert_true(source_bed_send(&b, "first"));
	bed_read(&b.wire);
	assert_true(source_bed_send(&b, "xyz"));
	p = &b.wire.packet[0];
	assert_int_equal(p->len, sizeof(want));
	assert_memory_equal(p->bytes, want, 6);
	assert_memory_equal(p->bytes + 8, want + 8, sizeof(want) - 8);
	assert_true(bed_next(&b.wire, &q)); /* with the right checksum */
}

static void test_heartbeats_follow_data_in_growing_intervals(void **state)
{
	static const unsigned ms[] = {100, 200, 300, 400, 1700, 8700, 24700};
	uint64_t from;

	(void)state;
	b.config.ambient_ns = 1000 * SECOND;
	start();
	source_bed_run(&b, b.now + 50 * MS);
	assert_true(source_bed_send(&b, "x"));
	from = b.now;
	bed_read(&b.wire);
	for (unsigned i = 0; i < sizeof(ms) / sizeof(ms[0]); i++) {
		source_bed_run(&b, from + ms[i] * MS - 1);
		assert_string_equal(bed_read(&b.wire), "");
		source_bed_run(&b, from + ms[i] * MS);
		assert_string_equal(bed_read(&b.wire)[0] == 'S' ? "SPM" : b.wire.text, "SPM");
	}
	/* Data starts them over. */
	assert_true(source_bed_send(&b, "y"));
	bed_read(&b.wire);
	source_bed_run(&b, b.now + 100 * MS);
	assert_string_equal(bed_read(&b.wire), "S8 0-1");
}

static void test_spms_are_interleaved_with_data(void **state)
{
	unsigned spms = 0;
	struct pgm_packet p;

	(void)state;
	b.config.ambient_ns = SECOND;
	start();
	for (unsigned i = 0; i < 500; i++) {
		source_bed_run(&b, b.now + 10 * MS);
		assert_true(source_bed_send(&b, "x"));
	}
	while (bed_next(&b.wire, &p))
		spms += p.type == PGM_SPM;
	assert_int_equal(spms, 5);
}

static void test_a_storm_of_requests_gets_one_spm(void **state)
{
	struct pgm_packet p;

	(void)state;
	start();
	source_bed_run(&b, b.now + SECOND);
	bed_read(&b.wire);
	p = source_bed_nak(&b, 0);
	p.type = PGM_SPMR;
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(source_bed_show(&b, &p), PGM_TAKEN);
	assert_string_equal(bed_read(&b.wire), "S5 0-4294967295");
	assert_int_equal(b.counter[PGM_src_spmrs], 1000);
	/* Those who came after it are answered too, by one. */
	source_bed_run(&b, b.now + 99 * MS);
	assert_string_equal(bed_read(&b.wire), "");
	source_bed_run(&b, b.now + 1 * MS);
	assert_string_equal(bed_read(&b.wire), "S6 0-4294967295");
	source_bed_run(&b, b.now + 300 * MS);
	assert_string_equal(bed_read(&b.wire), "");
	assert_int_equal(b.counter[PGM_src_spms_suppressed], 998);
}

static void test_a_nak_is_confirmed_at_once_and_then_repaired(void **state)
{
	struct pgm_packet nak;

	(void)state;
	start();
	send_numbered(5);
	bed_read(&b.wire);
	nak = source_bed_nak(&b, 3);
	assert_int_equal(source_bed_show(&b, &nak), PGM_TAKEN);
	assert_string_equal(bed_read(&b.wire), "C3");
	pgm_source_turn(b.s, b.now);
	assert_string_equal(bed_read(&b.wire), "R3/0 3");
	/* The first comes with its OPT_SYN again (9.6.2). */
	nak = source_bed_nak(&b, 0);
	source_bed_show(&b, &nak);
	pgm_source_turn(b.s, b.now);
	assert_string_equal(bed_read(&b.wire), "C0; R0/0 0 SYN");
}

static void test_a_list_is_confirmed_by_a_list_and_repaired_oldest_first(void **state)
{
	struct pgm_packet nak;

	(void)state;
	start();
	send_numbered(9);
	bed_read(&b.wire);
	nak = source_bed_nak(&b, 7);
	nak.options.has = PGM_HAS_NAK_LIST;
	nak.options.naks = 3;
	nak.options.nak_list[0] = 2;
	nak.options.nak_list[1] = 8;
	nak.options.nak_list[2] = 4;
	source_bed_show(&b, &nak);
	pgm_source_turn(b.s, b.now);
	assert_string_equal(bed_read(&b.wire), "C7,2,8,4; R2/0 2; R4/0 4; R7/0 7; R8/0 8");
	assert_int_equal(b.counter[PGM_src_nak_sqns], 4);
}

static void test_naks_of_fifty_receivers_get_one_repair(void **state)
{
	struct pgm_packet nak;

	(void)state;
	start();
	send_numbered(3);
	bed_read(&b.wire);
	nak = source_bed_nak(&b, 1);
	for (unsigned i = 0; i < 50; i++)
		source_bed_show(&b, &nak);
	pgm_source_turn(b.s, b.now);
	assert_string_equal(bed_read(&b.wire), "C1; R1/0 1");
	/* They crossed the repair: it is on its way already. */
	source_bed_run(&b, b.now + 5 * MS);
	for (unsigned i = 0; i < 50; i++)
		source_bed_show(&b, &nak);
	pgm_source_turn(b.s, b.now);
	assert_string_equal(bed_read(&b.wire), "");
	assert_int_equal(b.counter[PGM_src_naks_repeated], 99);
	assert_int_equal(b.counter[PGM_src_ncfs_suppressed], 99);
	/* Later, it was lost. */
	source_bed_run(&b, b.now + 25 * MS);
	source_bed_show(&b, &nak);
	pgm_source_turn(b.s, b.now);
	assert_string_equal(bed_read(&b.wire), "C1; R1/0 1");
}

static void test_naks_outside_the_window_are_not_confirmed(void **state)
{
	struct pgm_packet nak;

	(void)state;
	b.config.txw_sqns = 4;
	start();
	send_numbered(10);
	source_bed_run(&b, b.now + SECOND);
	bed_read(&b.wire);
	nak = source_bed_nak(&b, 10);
	source_bed_show(&b, &nak);
	assert_string_equal(bed_read(&b.wire), "");
	assert_int_equal(b.counter[PGM_src_naks_ahead], 1);
	/* Too late: an SPM says so to all, once. */
	nak = source_bed_nak(&b, 5);
	source_bed_show(&b, &nak);
	source_bed_show(&b, &nak);
	assert_string_equal(bed_read(&b.wire), "S5 6-9");
	assert_int_equal(b.counter[PGM_src_naks_too_old], 2);
	nak = source_bed_nak(&b, 6);
	source_bed_show(&b, &nak);
	assert_string_equal(bed_read(&b.wire), "C6");
}

static void test_a_nak_may_name_either_line(void **state)
{
	struct pgm_packet nak;

	(void)state;
	b.config.nla_b = (struct pgm_nla){.len = 4, .addr = {10, 0, 1, 1}};
	b.config.group_b = (struct pgm_nla){.len = 4, .addr = {239, 192, 1, 2}};
	start();
	send_numbered(4);
	bed_read(&b.wire);
	for (uint32_t n = 0; n < 4; n++) { /* the addresses of A, of B, or of one and the other */
		nak = source_bed_nak(&b, n);
		if (n & 1)
			nak.nla = b.config.nla_b;
		if (n & 2)
			nak.group = b.config.group_b;
		assert_int_equal(source_bed_show(&b, &nak), PGM_TAKEN);
	}
	assert_int_equal(b.counter[PGM_src_naks], 4);
	nak.group.addr[3] = 3;
	assert_int_equal(source_bed_show(&b, &nak), PGM_DROPPED);
	assert_int_equal(b.counter[PGM_src_drop_group], 1);
}

static void test_what_is_not_for_this_source_is_left_alone(void **state)
{
	struct pgm_packet p;

	(void)state;
	start();
	send_numbered(3);
	bed_read(&b.wire);
	p = bed_data(PGM_ODATA, 1, 0, "x");
	assert_int_equal(source_bed_show(&b, &p), PGM_NOT_OURS);
	p = bed_spm(1, 0, 1);
	assert_int_equal(source_bed_show(&b, &p), PGM_NOT_OURS);
	p = source_bed_nak(&b, 1);
	p.tsi.gsi[5]++;
	assert_int_equal(source_bed_show(&b, &p), PGM_NOT_OURS);
	p = source_bed_nak(&b, 1);
	p.tsi.port++;
	assert_int_equal(source_bed_show(&b, &p), PGM_NOT_OURS);
	p = source_bed_nak(&b, 1);
	p.sport++;
	assert_int_equal(source_bed_show(&b, &p), PGM_NOT_OURS);
	assert_int_equal(b.counter[PGM_src_drop_not_ours], 5);
	p = source_bed_nak(&b, 1);
	p.nla.addr[3]++;
	assert_int_equal(source_bed_show(&b, &p), PGM_DROPPED);
	p = source_bed_nak(&b, 1);
	p.group.len = 16;
	assert_int_equal(source_bed_show(&b, &p), PGM_DROPPED);
	assert_int_equal(b.counter[PGM_src_drop_group], 2);
	p = source_bed_nak(&b, 1);
	p.flags = PGM_PARITY;
	assert_int_equal(source_bed_show(&b, &p), PGM_DROPPED);
	assert_int_equal(b.counter[PGM_src_drop_parity], 1);
	p = source_bed_nak(&b, 1);
	p.type = PGM_NNAK;
	assert_int_equal(source_bed_show(&b, &p), PGM_TAKEN);
	assert_int_equal(b.counter[PGM_src_nnaks], 1);
	source_bed_run(&b, b.now + 10 * MS);
	assert_string_equal(bed_read(&b.wire), "");
}

static unsigned wire_bytes(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < b.wire.n; i++)
		n += b.wire.packet[i].len + b.config.overhead;
	return n;
}

static void test_the_rate_is_kept_over_every_interval(void **state)
{
	static uint64_t at[BED_PACKETS];
	unsigned seen = 0;
	uint8_t tsdu[200] = {0};

	(void)state;
	b.config.rate = 100000;
	b.config.burst = 1000;
	b.config.ambient_ns = 1000 * SECOND;
	source_bed_start(&b);
	/* As much as it takes, for two seconds. */
	for (uint64_t end = b.now + 2 * SECOND; b.now < end;) {
		uint64_t due;

		while (pgm_source_send(b.s, b.now, tsdu, sizeof(tsdu)))
			continue;
		due = pgm_source_turn(b.s, b.now);
		for (; seen < b.wire.n; seen++)
			at[seen] = b.now;
		assert_true(due > b.now || due == b.now);
		b.now = due > b.now ? due : b.now + 1000;
	}
	assert_true(b.counter[PGM_src_rate_limited] > 100);
	assert_true(wire_bytes() > 195000);
	for (unsigned i = 0; i < seen; i++) {
		uint64_t bytes = 0;

		for (unsigned j = i; j < seen; j++) {
			bytes += b.wire.packet[j].len + b.config.overhead;
			assert_true(bytes <= 1000 + 100 + (at[j] - at[i]) * 100000 / SECOND);
		}
	}
}

static void test_repairs_go_before_data_but_leave_it_a_share(void **state)
{
	unsigned data = 0, repairs = 0;
	struct pgm_packet p;
	uint8_t tsdu[200] = {0};

	(void)state;
	b.config.rate = 100000;
	b.config.burst = 600;
	b.config.repair_share = 50;
	b.config.ambient_ns = 1000 * SECOND;
	b.config.rdata_ivl_ns = b.config.ncf_ivl_ns = 0;
	source_bed_start(&b);
	for (unsigned i = 0; i < 20;) {
		i += pgm_source_send(b.s, b.now, tsdu, sizeof(tsdu));
		b.now += MS;
		pgm_source_turn(b.s, b.now);
	}
	bed_read(&b.wire);
	/* Somebody asks for all there is, all the time. */
	for (unsigned i = 0; i < 2000; i++) {
		uint32_t trail = pgm_source_trail(b.s);

		p = source_bed_nak(&b, trail + i % (pgm_source_lead(b.s) - trail + 1));
		source_bed_show(&b, &p);
		pgm_source_send(b.s, b.now, tsdu, sizeof(tsdu));
		pgm_source_turn(b.s, b.now);
		b.now += MS;
		while (bed_next(&b.wire, &p)) {
			data += p.type == PGM_ODATA;
			repairs += p.type == PGM_RDATA;
		}
		b.wire.n = b.wire.read = 0;
	}
	assert_true(repairs > 100);
	assert_true(data > 100);
	assert_true(b.counter[PGM_src_repairs_first] > 0);
	assert_true(b.counter[PGM_src_ncfs_limited] > 0);
}

static void test_the_window_is_bounded_by_packets_bytes_and_age(void **state)
{
	char text[101];

	(void)state;
	b.config.txw_sqns = 8;
	b.config.txw_bytes = 512;
	b.config.txw_ns = SECOND;
	b.config.ambient_ns = 1000 * SECOND;
	start();
	send_numbered(10);
	assert_int_equal(pgm_source_trail(b.s), 2);
	assert_int_equal(pgm_source_lead(b.s), 9);
	memset(text, 'x', 100);
	text[100] = 0;
	for (unsigned i = 0; i < 5; i++)
		assert_true(source_bed_send(&b, text));
	assert_int_equal(pgm_source_lead(b.s) - pgm_source_trail(b.s) + 1, 4); /* 104 each */
	source_bed_run(&b, b.now + 900 * MS);
	assert_int_equal(pgm_source_lead(b.s) - pgm_source_trail(b.s) + 1, 4);
	source_bed_run(&b, b.now + 110 * MS);
	assert_int_equal(pgm_source_trail(b.s), pgm_source_lead(b.s) + 1);
}

/* Long and short ones, many times around the ring: what is repaired is what was sent. */
static void test_repairs_are_what_was_sent_wherever_the_ring_ends(void **state)
{
	uint8_t tsdu[232];

	(void)state;
	b.config.txw_sqns = 32;
	b.config.txw_bytes = 1000;
	b.config.rdata_ivl_ns = b.config.ncf_ivl_ns = 0;
	b.config.heartbeats = 0;
	b.config.ambient_ns = 1000 * SECOND;
	start();
	for (uint32_t n = 0; n < 5000; n++) {
		struct pgm_packet p;
		unsigned len = n * 7919 % (pgm_source_max_tsdu(b.s) + 1);
		uint32_t ask = pgm_source_trail(b.s) +
			       n % (pgm_source_lead(b.s) - pgm_source_trail(b.s) + 2);

		memset(tsdu, (int)(n & 0xff), len);
		if (n % 3) {
			uint8_t *at = pgm_source_reserve(b.s);

			memcpy(at, tsdu, len);
			assert_true(pgm_source_send(b.s, b.now, at, len));
		} else {
			assert_true(pgm_source_send(b.s, b.now, tsdu, len));
		}
		bed_read(&b.wire);
		p = source_bed_nak(&b, ask);
		source_bed_show(&b, &p);
		pgm_source_turn(b.s, b.now);
		while (bed_next(&b.wire, &p)) {
			if (p.type != PGM_RDATA)
				continue;
			assert_int_equal(p.tsdu_len, p.sqn * 7919 % (pgm_source_max_tsdu(b.s) + 1));
			for (unsigned i = 0; i < p.tsdu_len; i++)
				assert_int_equal(p.tsdu[i], p.sqn & 0xff);
		}
		b.wire.n = b.wire.read = 0;
	}
	assert_true(b.counter[PGM_src_rdata] > 3000);
}

static void test_numbers_go_round(void **state)
{
	struct pgm_packet nak;

	(void)state;
	b.config.first_sqn = UINT32_MAX - 1;
	b.config.txw_sqns = 4;
	start();
	send_numbered(6);
	assert_string_equal(bed_read(&b.wire),
			    "O4294967294/4294967294 4294967294 SYN; "
			    "O4294967295/4294967294 4294967295; O0/4294967294 0; "
			    "O1/4294967294 1; O2/4294967295 2; O3/0 3");
	nak = source_bed_nak(&b, UINT32_MAX);
	source_bed_show(&b, &nak);
	assert_int_equal(b.counter[PGM_src_naks_too_old], 1);
	nak = source_bed_nak(&b, 1);
	source_bed_show(&b, &nak);
	nak = source_bed_nak(&b, 0);
	source_bed_show(&b, &nak);
	pgm_source_turn(b.s, b.now);
	assert_non_null(strstr(bed_read(&b.wire), "C1; C0; R0/0 0; R1/0 1"));
}

/* Repairs that wait on both sides of the wrap go in the order of the stream. */
static void test_repairs_wait_in_order_across_the_wrap(void **state)
{
	struct pgm_packet nak;

	(void)state;
	b.config.first_sqn = UINT32_MAX - 3;
	start();
	send_numbered(8);
	bed_read(&b.wire);
	b.wire.full = true;
	for (uint32_t i = 4; i--;) {
		nak = source_bed_nak(&b, UINT32_MAX - 2 + 2 * i);
		source_bed_show(&b, &nak);
	}
	b.wire.full = false;
	source_bed_run(&b, b.now + MS);
	assert_string_equal(bed_read(&b.wire),
			    "R4294967293/4294967292 4294967293; "
			    "R4294967295/4294967292 4294967295; R1/4294967292 1; "
			    "R3/4294967292 3");
}

static void test_a_full_link_loses_nothing(void **state)
{
	(void)state;
	source_bed_start(&b);
	b.wire.full = true;
	assert_true(pgm_source_turn(b.s, b.now) > b.now); /* the first SPM waits */
	assert_false(source_bed_send(&b, "abc"));
	assert_int_equal(pgm_source_lead(b.s), UINT32_MAX);
	b.wire.full = false;
	assert_true(source_bed_send(&b, "abc"));
	source_bed_run(&b, b.now + MS);
	assert_string_equal(bed_read(&b.wire), "O0/0 abc SYN; S0 0-0");
}

static void test_closing_says_so_and_still_repairs_for_a_while(void **state)
{
	struct pgm_packet nak;

	(void)state;
	b.config.linger_ns = 2 * SECOND;
	start();
	send_numbered(2);
	source_bed_run(&b, b.now + 10 * MS);
	bed_read(&b.wire);
	pgm_source_close(b.s, b.now);
	assert_string_equal(bed_read(&b.wire), "S1 0-1 FIN");
	assert_false(source_bed_send(&b, "x"));
	source_bed_run(&b, b.now + 100 * MS);
	assert_string_equal(bed_read(&b.wire), "S2 0-1 FIN");
	nak = source_bed_nak(&b, 1);
	source_bed_show(&b, &nak);
	pgm_source_turn(b.s, b.now);
	assert_string_equal(bed_read(&b.wire), "C1; R1/0 1");
	assert_false(pgm_source_closed(b.s));
	source_bed_run(&b, b.now + 2 * SECOND);
	assert_true(pgm_source_closed(b.s));
	bed_read(&b.wire);
	assert_int_equal(source_bed_show(&b, &nak), PGM_DROPPED);
	assert_int_equal(pgm_source_turn(b.s, b.now), PGM_NEVER);
	assert_string_equal(bed_read(&b.wire), "");
}

static void test_late_joiners_are_told_how_far_back_they_may_ask(void **state)
{
	(void)state;
	b.config.join_sqns = 3;
	start();
	send_numbered(2);
	source_bed_run(&b, b.now + 100 * MS);
	assert_non_null(strstr(bed_read(&b.wire), "S1 0-1 JOIN 0"));
	send_numbered(8);
	source_bed_run(&b, b.now + 100 * MS);
	assert_non_null(strstr(bed_read(&b.wire), "S2 0-9 JOIN 7"));
}

static void test_an_apdu_goes_in_fragments(void **state)
{
	uint8_t apdu[500];
	const unsigned most = 256 - 24 - 20;
	struct pgm_packet p;
	size_t sent;

	(void)state;
	start();
	assert_true(source_bed_send(&b, "x"));
	bed_read(&b.wire);
	for (unsigned i = 0; i < sizeof(apdu); i++)
		apdu[i] = (uint8_t)i;
	b.wire.full = true;
	sent = pgm_source_send_apdu(b.s, b.now, apdu, sizeof(apdu), 0);
	assert_int_equal(sent, 0);
	b.wire.full = false;
	sent = pgm_source_send_apdu(b.s, b.now, apdu, sizeof(apdu), 0);
	assert_int_equal(sent, sizeof(apdu));
	for (unsigned at = 0, sqn = 1; at < sizeof(apdu); sqn++) {
		unsigned len = sizeof(apdu) - at < most ? sizeof(apdu) - at : most;

		assert_true(bed_next(&b.wire, &p));
		assert_int_equal(p.sqn, sqn);
		assert_int_equal(p.options.first_sqn, 1);
		assert_int_equal(p.options.offset, at);
		assert_int_equal(p.options.apdu_len, sizeof(apdu));
		assert_int_equal(p.tsdu_len, len);
		assert_memory_equal(p.tsdu, apdu + at, len);
		at += len;
	}
	p = source_bed_nak(&b, 2);
	source_bed_show(&b, &p);
	pgm_source_turn(b.s, b.now);
	assert_true(bed_next(&b.wire, &p));
	assert_true(bed_next(&b.wire, &p));
	assert_int_equal(p.type, PGM_RDATA);
	assert_int_equal(p.options.offset, most);
	assert_memory_equal(p.tsdu, apdu + most, p.tsdu_len);
}

static void test_libzmqs_options_become_its_settings(void **state)
{
	struct pgm_source_config c = {0};

	(void)state;
	/* src/pgm_socket.cpp: 100 kbit/s for 10 s, in packets of 1500 bytes. */
	pgm_source_defaults(&c, 100, 10000, 1500, 28);
	assert_int_equal(c.rate, 12500);
	assert_int_equal(c.txw_sqns, 80);
	assert_int_equal(c.max_tpdu, 1472);
	assert_int_equal(c.ambient_ns, SECOND);
	assert_int_equal(c.heartbeats, 9);
	assert_int_equal(c.heartbeat_ns[0], 100 * MS);
	assert_int_equal(c.heartbeat_ns[8], 30 * SECOND);
	source_bed_start(&b); /* for teardown */
}

static void test_what_cannot_be_is_refused(void **state)
{
	const struct pgm_source_config good = b.config;
	struct pgm_source_config c;

	(void)state;
	assert_true(pgm_source_bytes(&good) > 0);
#define REFUSED(change) (c = good, change, assert_int_equal(pgm_source_bytes(&c), 0))
	REFUSED(c.nla.len = 5);
	REFUSED(c.group.len = 0);
	REFUSED(c.max_tpdu = 127);
	REFUSED((c.rate = 1000, c.burst = 255));
	REFUSED(c.repair_share = 0);
	REFUSED(c.repair_share = 101);
	REFUSED(c.txw_sqns = 0);
	REFUSED(c.txw_sqns = (1 << 24) + 1);
	REFUSED(c.txw_bytes = 511);
	REFUSED(c.heartbeats = PGM_HEARTBEATS_MAX + 1);
	REFUSED(c.ambient_ns = 0);
	REFUSED(c.proactive = 1);
	REFUSED((c.tg_size = 6, c.ondemand = true));
	REFUSED(c.tg_size = 8);
	REFUSED((c.tg_size = 64, c.ondemand = true));
	REFUSED((c.tg_size = 32, c.proactive = 255));
#undef REFUSED
	source_bed_start(&b); /* for teardown */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_data_is_numbered_and_the_first_carries_syn),
		TEST(test_a_packet_on_the_wire),
		TEST(test_heartbeats_follow_data_in_growing_intervals),
		TEST(test_spms_are_interleaved_with_data),
		TEST(test_a_storm_of_requests_gets_one_spm),
		TEST(test_a_nak_is_confirmed_at_once_and_then_repaired),
		TEST(test_a_list_is_confirmed_by_a_list_and_repaired_oldest_first),
		TEST(test_naks_of_fifty_receivers_get_one_repair),
		TEST(test_naks_outside_the_window_are_not_confirmed),
		TEST(test_a_nak_may_name_either_line),
		TEST(test_what_is_not_for_this_source_is_left_alone),
		TEST(test_the_rate_is_kept_over_every_interval),
		TEST(test_repairs_go_before_data_but_leave_it_a_share),
		TEST(test_the_window_is_bounded_by_packets_bytes_and_age),
		TEST(test_repairs_are_what_was_sent_wherever_the_ring_ends),
		TEST(test_numbers_go_round),
		TEST(test_repairs_wait_in_order_across_the_wrap),
		TEST(test_a_full_link_loses_nothing),
		TEST(test_closing_says_so_and_still_repairs_for_a_while),
		TEST(test_late_joiners_are_told_how_far_back_they_may_ask),
		TEST(test_an_apdu_goes_in_fragments),
		TEST(test_libzmqs_options_become_its_settings),
		TEST(test_what_cannot_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
