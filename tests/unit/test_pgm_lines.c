/* Two lines with the same packets, and a receiver that asks nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/pgm_bed.h"

enum {
	A,
	B
};

static struct receiver_bed b;

static int setup(void **state)
{
	(void)state;
	receiver_bed_prepare(&b);
	b.config.lines = 2;
	return 0;
}

static int setup_passive(void **state)
{
	setup(state);
	b.config.passive = true;
	return 0;
}

static int setup_one_passive(void **state)
{
	setup_passive(state);
	b.config.lines = 1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	receiver_bed_stop(&b);
	return 0;
}

static void on(unsigned line, uint32_t sqn)
{
	static const char *const letter[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
	struct pgm_packet p = bed_data(PGM_ODATA, sqn, 0, letter[sqn % 8]);

	b.line = line;
	receiver_bed_show(&b, &p);
}

static void spm_on(unsigned line, uint32_t sqn, uint32_t lead)
{
	struct pgm_packet p = bed_spm(sqn, 0, lead);

	b.line = line;
	receiver_bed_show(&b, &p);
}

#define DID(text) assert_string_equal(receiver_bed_did(&b), text)

static void test_the_first_copy_wins(void **state)
{
	(void)state;
	receiver_bed_start(&b);
	on(A, 0);
	on(B, 0);
	on(B, 1);
	on(A, 1);
	on(A, 2);
	DID("open 0:a 1:b 2:c");
	assert_int_equal(b.counter[PGM_rcv_second], 2);
	assert_int_equal(b.counter[PGM_rcv_drop_old], 0);
	assert_int_equal(b.counter[PGM_rcv_line_a], 3);
	assert_int_equal(b.counter[PGM_rcv_line_a_first], 2);
	assert_int_equal(b.counter[PGM_rcv_line_b], 2);
	assert_int_equal(b.counter[PGM_rcv_line_b_first], 1);
}

static void test_a_gap_is_filled_by_the_other_line(void **state)
{
	(void)state;
	receiver_bed_start(&b);
	on(A, 0);
	spm_on(A, 1, 0);
	on(B, 0);
	on(A, 2);
	on(A, 3);
	DID("open 0:a");
	on(B, 1);
	DID("1:b 2:c 3:d");
	receiver_bed_run(&b, b.now + SECOND);
	assert_string_equal(bed_read(&b.wire), ""); /* nothing was asked for */
	assert_int_equal(b.counter[PGM_rcv_line_a_missed], 1);
	assert_int_equal(b.counter[PGM_rcv_line_b_missed], 0);
	assert_int_equal(b.counter[PGM_rcv_lost], 0);
}

static void test_what_no_line_brings_is_asked_for(void **state)
{
	(void)state;
	receiver_bed_start(&b);
	on(A, 0);
	spm_on(A, 1, 0);
	on(B, 0);
	on(A, 2);
	on(B, 2);
	receiver_bed_run(&b, b.now + 60 * MS);
	assert_string_equal(bed_read(&b.wire), "N1 to 10.0.0.1");
}

static void test_an_spm_of_both_lines_is_one(void **state)
{
	(void)state;
	receiver_bed_start(&b);
	spm_on(A, 1, 5);
	spm_on(B, 1, 5);
	assert_int_equal(b.counter[PGM_rcv_spms], 1);
	assert_int_equal(b.counter[PGM_rcv_drop_spm_old], 0);
	spm_on(B, 0, 5);
	assert_int_equal(b.counter[PGM_rcv_drop_spm_old], 1);
}

/* Three may come out of order. */
static void test_one_that_asks_nobody_gives_up_what_both_have_passed(void **state)
{
	(void)state;
	receiver_bed_start(&b);
	on(A, 0);
	on(B, 0);
	for (uint32_t n = 2; n < 8; n++)
		on(A, n);
	DID("open 0:a");
	on(B, 2);
	on(B, 3);
	DID("");
	on(B, 4);
	DID("-1+1 2:c 3:d 4:e 5:f 6:g 7:h");
	on(A, 1); /* too late */
	DID("");
	assert_int_equal(b.counter[PGM_rcv_lost_passed], 1);
	assert_int_equal(b.counter[PGM_rcv_second], 5);
	assert_string_equal(bed_read(&b.wire), "");
}

static void test_a_line_that_is_silent_is_not_waited_for(void **state)
{
	(void)state;
	receiver_bed_start(&b);
	on(A, 0);
	on(B, 0);
	receiver_bed_run(&b, b.now + 51 * MS);
	on(A, 1);
	on(A, 3);
	on(A, 4);
	DID("open 0:a 1:b");
	on(A, 5);
	DID("-2+1 3:d 4:e 5:f");
}

static void test_one_that_asks_nobody_waits_no_longer_than_it_was_told(void **state)
{
	(void)state;
	receiver_bed_start(&b);
	on(A, 0);
	on(A, 2);
	receiver_bed_run(&b, b.now + 49 * MS);
	DID("open 0:a");
	receiver_bed_run(&b, b.now + 5 * MS);
	DID("-1+1 2:c");
	receiver_bed_run(&b, b.now + 10 * SECOND);
	assert_string_equal(bed_read(&b.wire), ""); /* nor an SPM */
}

static void test_of_one_line_it_knows_at_once(void **state)
{
	(void)state;
	receiver_bed_start(&b);
	on(0, 0);
	on(0, 3);
	on(0, 2);
	DID("open 0:a");
	on(0, 4);
	DID("-1+1 2:c 3:d 4:e");
	assert_int_equal(b.counter[PGM_rcv_line_a], 0); /* there is no other */
}

/* Delivery waits from the gap on until the other line fills it, or until it is given up. */
static void test_a_source_is_reported_with_what_it_cost(void **state)
{
	struct pgm_session_report r;

	(void)state;
	receiver_bed_start(&b);
	assert_false(pgm_receiver_report(b.r, 0, &r));
	on(A, 0);
	on(B, 0);
	on(A, 2);
	receiver_bed_run(&b, b.now + 4 * MS);
	on(B, 1);
	on(A, 4); /* 3 is missed by both */
	assert_true(pgm_receiver_report(b.r, 0, &r));
	assert_int_equal(r.missing, 1);
	receiver_bed_run(&b, b.now + 60 * MS);
	DID("open 0:a 1:b 2:c -3+1 4:e");
	assert_true(pgm_receiver_report(b.r, 0, &r));
	assert_int_equal(r.tsdus, 4);
	assert_int_equal(r.bytes, 4);
	assert_int_equal(r.late, 1);
	assert_int_equal(r.lost, 1);
	assert_int_equal(r.missing, 0);
	assert_int_equal(r.naks, 0);
	assert_int_equal(r.gaps, 2);
	assert_in_range(r.gap_max_ns, 50 * MS, 55 * MS);
	assert_int_equal(r.gap_ns, r.gap_max_ns + 4 * MS);
	assert_int_equal(r.line[A], 3);
	assert_int_equal(r.line[B], 2);
	assert_int_equal(r.line_missed[A], 2);
	assert_int_equal(r.line_missed[B], 0);
	assert_int_equal(b.now - r.heard_ns, 60 * MS);
	assert_false(pgm_receiver_report(b.r, 1, &r));
	assert_false(pgm_receiver_report(b.r, 1000, &r));
}

/* --- a feed of a million packets, each of which each line loses one time in twenty --- */

static uint32_t draw(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

#define FEED 1000000u
#define SKEW 7 /* packets that line B is behind */

static uint32_t next_due, lost_due;
static uint8_t *got;

static bool takes(void *ctx, struct pgm_session *s, const uint8_t *at, size_t len, void *buffer,
		  uint32_t sqn)
{
	(void)ctx, (void)s, (void)at, (void)len, (void)buffer;
	assert_int_equal(sqn, next_due);
	assert_true(got[sqn]);
	next_due++;
	return true;
}

static void loses(void *ctx, struct pgm_session *s, uint32_t first, uint32_t count)
{
	(void)ctx, (void)s;
	assert_int_equal(first, next_due);
	for (uint32_t i = 0; i < count; i++)
		assert_false(got[first + i]);
	next_due += count;
	lost_due += count;
}

static void opens(void *ctx, struct pgm_session *s)
{
	(void)ctx, (void)s;
}

static void closes(void *ctx, struct pgm_session *s, enum pgm_session_end why)
{
	(void)ctx, (void)s, (void)why;
}

static void holds(void *ctx, void *buffer)
{
	(void)ctx, (void)buffer;
}

static bool sends(void *ctx, struct pgm_session *s, const struct pgm_nla *to, const uint8_t *at,
		  unsigned len, bool router_alert)
{
	(void)ctx, (void)s, (void)to, (void)at, (void)len, (void)router_alert;
	fail_msg("it asks");
	return true;
}

static void test_what_is_lost_is_what_both_lines_have_lost(void **state)
{
	static const struct pgm_receiver_ops ops = {opens, closes, takes, loses,
						    holds, holds,  sends};
	static uint64_t counter[PGM_COUNTERS];
	static uint8_t *on_line[2];
	uint32_t seed = 20261128, lost[3] = {0};
	struct pgm_receiver_config c = b.config;
	struct pgm_receiver *r;
	void *memory;

	(void)state;
	c.rxw_sqns = 1024;
	c.held = 1024;
	receiver_bed_start(&b);
	memory = aligned_alloc(64, (pgm_receiver_bytes(&c) + 63) / 64 * 64);
	r = pgm_receiver_init(memory, &c, &ops, NULL, counter);
	got = calloc(FEED, 1);
	for (unsigned line = 0; line < 2; line++)
		on_line[line] = calloc(FEED, 1);
	for (uint32_t n = 0; n < FEED; n++) {
		bool spared = n == 0 || n + SKEW >= FEED; /* each begins and ends in time */

		for (unsigned line = 0; line < 2; line++)
			on_line[line][n] = spared || draw(&seed) % 20;
		got[n] = on_line[A][n] | on_line[B][n];
		lost[A] += !on_line[A][n];
		lost[B] += !on_line[B][n];
		lost[2] += !got[n];
	}
	for (uint32_t n = 0; n < FEED + SKEW; n++) {
		for (unsigned line = 0; line < 2; line++) {
			uint32_t sqn = n - line * SKEW;
			struct pgm_packet p = bed_data(PGM_ODATA, sqn, 0, "x");

			if (sqn < FEED && on_line[line][sqn])
				pgm_receiver_input(r, n, &p, &bed_source_nla, line, &p);
		}
	}
	assert_int_equal(next_due, FEED);
	assert_int_equal(lost_due, lost[2]);
	assert_in_range(lost[2], FEED / 400 * 9 / 10, FEED / 400 * 11 / 10);
	assert_int_equal(counter[PGM_rcv_lost_passed], lost[2]);
	assert_int_equal(counter[PGM_rcv_lost], lost[2]);
	assert_int_equal(counter[PGM_rcv_line_a_missed], lost[A]);
	assert_int_equal(counter[PGM_rcv_line_b_missed], lost[B]);
	assert_int_equal(counter[PGM_rcv_line_a_first] + counter[PGM_rcv_line_b_first],
			 FEED - lost[2]);
	pgm_receiver_close(r);
	free(memory);
	free(got);
	free(on_line[A]);
	free(on_line[B]);
}

#define TEST(name, how) cmocka_unit_test_setup_teardown(name, how, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_first_copy_wins, setup),
		TEST(test_a_gap_is_filled_by_the_other_line, setup),
		TEST(test_what_no_line_brings_is_asked_for, setup),
		TEST(test_an_spm_of_both_lines_is_one, setup),
		TEST(test_one_that_asks_nobody_gives_up_what_both_have_passed, setup_passive),
		TEST(test_a_line_that_is_silent_is_not_waited_for, setup_passive),
		TEST(test_one_that_asks_nobody_waits_no_longer_than_it_was_told, setup_passive),
		TEST(test_of_one_line_it_knows_at_once, setup_one_passive),
		TEST(test_a_source_is_reported_with_what_it_cost, setup_passive),
		TEST(test_what_is_lost_is_what_both_lines_have_lost, setup_passive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
