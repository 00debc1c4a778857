/* A PGM network element, packet by packet: what it forwards, confirms, repeats and forgets, and
 * when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/element_bed.h"

#define LIST(type, ...)                                                                            \
	element_bed_list(type, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t),         \
			 (const uint32_t[]){__VA_ARGS__})

static struct element_bed b;

static int setup(void **state)
{
	(void)state;
	element_bed_prepare(&b);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	element_bed_stop(&b);
	return 0;
}

static enum pgm_input show(unsigned interface, struct pgm_packet p)
{
	return element_bed_show(&b, interface, p);
}

static void nak(unsigned interface, uint32_t sqn)
{
	assert_int_equal(show(interface, element_bed_nak(sqn)), PGM_TAKEN);
}

static void ncf(uint32_t sqn)
{
	assert_int_equal(show(UP, bed_ncf(sqn)), PGM_TAKEN);
}

static enum pgm_input rdata(uint32_t sqn)
{
	return show(UP, bed_data(PGM_RDATA, sqn, 0, "r"));
}

static void sent(const char *text)
{
	assert_string_equal(element_bed_sent(&b), text);
}

static void run_ms(unsigned ms)
{
	element_bed_run(&b, b.now + ms * MS);
}

/* A session is known. */
static void begin(void)
{
	element_bed_start(&b);
	assert_int_equal(show(UP, bed_spm(1, 0, 9)), PGM_TAKEN);
	sent("A: S1 0-9 | B: S1 0-9 | C: S1 0-9");
}

static struct pgm_tsi tsi(void)
{
	return bed_spm(0, 0, 0).tsi;
}

/* --- source path state (RFC 3208 7.1) --- */

static void test_each_copy_of_an_spm_names_the_interface_that_it_leaves_by(void **state)
{
	struct pgm_element_path path;
	const struct pgm_tsi of = tsi();

	(void)state;
	element_bed_start(&b);
	show(UP, bed_spm(7, 3, 9));
	assert_int_equal(b.wire[UP].n, 0);
	for (unsigned i = A; i <= C; i++) {
		struct pgm_packet p;

		assert_true(bed_next(&b.wire[i], &p)); /* its checksum is right */
		assert_memory_equal(&p.nla, &b.config.nla[i], sizeof(p.nla));
		assert_int_equal(p.sqn, 7);
		assert_int_equal(p.trail, 3);
		assert_int_equal(p.lead, 9);
		assert_false(bed_next(&b.wire[i], &p));
	}
	assert_true(pgm_element_path(b.e, &of, &path));
	assert_int_equal(path.upstream.interface, UP);
	assert_memory_equal(&path.upstream.to, &bed_source_nla, sizeof(path.upstream.to));
	assert_memory_equal(&path.group, &bed_group, sizeof(path.group));
	assert_int_equal(path.spm_sqn, 7);
	assert_int_equal(pgm_element_paths(b.e), 1);
}

static void test_an_spm_out_of_sequence_is_not_forwarded(void **state)
{
	(void)state;
	element_bed_start(&b);
	show(UP, bed_spm(UINT32_MAX, 0, 9));
	element_bed_sent(&b);
	assert_int_equal(show(UP, bed_spm(UINT32_MAX, 0, 9)), PGM_DROPPED);
	assert_int_equal(show(A, bed_spm(UINT32_MAX - 1, 0, 9)), PGM_DROPPED);
	sent("");
	assert_int_equal(b.counter[PGM_ne_drop_spm_old], 2);
	show(UP, bed_spm(0, 0, 9));
	sent("A: S0 0-9 | B: S0 0-9 | C: S0 0-9");
}

static void test_a_newer_spm_moves_the_path(void **state)
{
	struct pgm_packet spm = bed_spm(2, 0, 9);
	struct pgm_nla other = {.len = 4, .addr = {10, 2, 0, 9}};

	(void)state;
	begin();
	spm.nla = other;
	show(B, spm);
	sent("UP: S2 0-9 | A: S2 0-9 | C: S2 0-9");
	assert_int_equal(b.counter[PGM_ne_paths_moved], 1);
	assert_int_equal(show(UP, bed_data(PGM_ODATA, 1, 0, "o")), PGM_DROPPED);
	b.from = &other; /* the NAK goes out on another interface, with its address */
	nak(A, 5);
	sent("A: C5 | B: N5 to 10.2.0.9");
}

static void test_only_an_spm_makes_a_session_known(void **state)
{
	(void)state;
	element_bed_start(&b);
	assert_int_equal(show(A, element_bed_nak(1)), PGM_DROPPED);
	assert_int_equal(show(UP, bed_ncf(1)), PGM_DROPPED);
	assert_int_equal(rdata(1), PGM_DROPPED);
	assert_int_equal(show(A, (struct pgm_packet){.type = PGM_SPMR, .sport = 7500}),
			 PGM_DROPPED);
	assert_int_equal(b.counter[PGM_ne_drop_unknown], 4);
	sent("");
	/* Data is switched whether a session is known or not. */
	assert_int_equal(show(UP, bed_data(PGM_ODATA, 1, 0, "o")), PGM_TAKEN);
	sent("A: O1/0 o | B: O1/0 o | C: O1/0 o");
	assert_int_equal(pgm_element_paths(b.e), 0);
}

static void test_data_comes_from_where_its_spms_do(void **state)
{
	(void)state;
	begin();
	assert_int_equal(show(A, bed_data(PGM_ODATA, 1, 0, "o")), PGM_DROPPED);
	assert_int_equal(b.counter[PGM_ne_drop_not_upstream], 1);
	sent("");
	assert_int_equal(show(UP, bed_data(PGM_ODATA, 1, 0, "o")), PGM_TAKEN);
	sent("A: O1/0 o | B: O1/0 o | C: O1/0 o");
}

static void test_an_spm_of_another_family_or_to_one_address_is_dropped(void **state)
{
	struct pgm_packet spm = bed_spm(1, 0, 9);

	(void)state;
	element_bed_start(&b);
	spm.nla.len = 16;
	assert_int_equal(show(UP, spm), PGM_DROPPED);
	assert_int_equal(b.counter[PGM_ne_drop_family], 1);
	b.to = &b.config.nla[UP];
	assert_int_equal(show(UP, bed_spm(1, 0, 9)), PGM_DROPPED);
	assert_int_equal(show(UP, bed_data(PGM_ODATA, 1, 0, "o")), PGM_DROPPED);
	assert_int_equal(b.counter[PGM_ne_drop_address], 2);
	assert_int_equal(pgm_element_paths(b.e), 0);
}

/* --- NAKs (7.2 and 7.3) --- */

static void test_a_nak_is_confirmed_at_once_and_forwarded(void **state)
{
	struct pgm_packet was = LIST(PGM_NAK, 5, 7, 8), p;

	(void)state;
	begin();
	show(A, was);
	assert_true(bed_next(&b.wire[A], &p));
	assert_int_equal(p.type, PGM_NCF);
	assert_int_equal(p.sport, was.dport);
	assert_int_equal(p.dport, was.sport);
	assert_memory_equal(&p.tsi, &was.tsi, sizeof(p.tsi));
	assert_memory_equal(&p.nla, &was.nla, sizeof(p.nla));
	assert_memory_equal(&p.group, &was.group, sizeof(p.group));
	b.wire[A].read = 0;
	sent("UP: N5,7,8 to 10.0.0.1 | A: C5,7,8");
	assert_int_equal(pgm_element_repairs(b.e), 3);
	assert_int_equal(b.counter[PGM_ne_nak_sqns], 3);
}

static void test_a_nak_is_repeated_until_it_is_given_up(void **state)
{
	uint64_t from;

	(void)state;
	begin();
	from = b.now;
	nak(A, 5);
	sent("UP: N5 to 10.0.0.1 | A: C5");
	for (unsigned n = 1; n < 20; n++) {
		element_bed_run(&b, from + n * 50 * MS - 1);
		sent("");
		element_bed_run(&b, from + n * 50 * MS);
		sent("UP: N5 to 10.0.0.1");
	}
	element_bed_run(&b, from + 1000 * MS - 1);
	assert_int_equal(pgm_element_repairs(b.e), 1);
	element_bed_run(&b, from + 1000 * MS);
	sent("");
	assert_int_equal(pgm_element_repairs(b.e), 0);
	assert_int_equal(b.counter[PGM_ne_naks_repeated], 19);
	assert_int_equal(b.counter[PGM_ne_repairs_unconfirmed], 1);
	/* The next NAK begins anew. */
	nak(B, 5);
	sent("UP: N5 to 10.0.0.1 | B: C5");
}

static void test_an_ncf_ends_the_repeating(void **state)
{
	(void)state;
	begin();
	nak(A, 5);
	run_ms(120);
	sent("UP: N5 to 10.0.0.1; N5 to 10.0.0.1; N5 to 10.0.0.1 | A: C5");
	ncf(5);
	run_ms(900);
	sent("");
	assert_int_equal(b.counter[PGM_ne_confirmed], 1);
}

static void test_what_is_due_together_is_repeated_in_one_list(void **state)
{
	(void)state;
	begin();
	nak(A, 1);
	nak(B, UINT32_MAX);
	show(C, LIST(PGM_NAK, 3, 4));
	element_bed_sent(&b);
	ncf(3);
	run_ms(50);
	sent("UP: N4294967295,1,4 to 10.0.0.1");
}

static void test_a_list_is_repeated_whole(void **state)
{
	uint32_t sqn[1 + PGM_NAK_LIST_MAX];
	struct pgm_packet p;

	(void)state;
	for (uint32_t i = 0; i < sizeof(sqn) / sizeof(sqn[0]); i++)
		sqn[i] = i;
	begin();
	show(A, element_bed_list(PGM_NAK, sizeof(sqn) / sizeof(sqn[0]), sqn));
	nak(A, 100);
	element_bed_sent(&b);
	run_ms(50);
	assert_true(bed_next(&b.wire[UP], &p));
	assert_int_equal(p.options.naks, PGM_NAK_LIST_MAX);
	b.wire[UP].read = b.wire[UP].n - 1;
	sent("UP: N100 to 10.0.0.1");
}

static void test_of_a_storm_one_nak_now_and_then_is_confirmed(void **state)
{
	(void)state;
	begin();
	nak(A, 5);
	element_bed_sent(&b);
	nak(A, 5);
	run_ms(10);
	nak(A, 5);
	sent("");
	assert_int_equal(b.counter[PGM_ne_ncfs_suppressed], 2);
	nak(B, 5); /* another subnet has not heard it */
	show(A, LIST(PGM_NAK, 5, 6));
	sent("UP: N5,6 to 10.0.0.1 | A: C5,6 | B: C5");
	run_ms(20);
	nak(A, 5);
	sent("A: C5");
}

static void expect_named(struct bed_wire *wire, enum pgm_type type)
{
	struct pgm_packet p;

	assert_true(bed_next(wire, &p));
	assert_int_equal(p.type, type);
	assert_int_equal(p.nla.len, bed_source_nla.len);
	assert_memory_equal(p.nla.addr, bed_source_nla.addr, bed_source_nla.len);
}

/* OpenPGM's receivers, and so libzmq's, take the path in an SPM for the source's name. */
static void test_a_nak_that_names_us_for_its_source_goes_on_by_the_sources_name(void **state)
{
	struct pgm_packet p = element_bed_nak(5);

	(void)state;
	begin();
	p.nla = b.config.nla[A];
	assert_int_equal(show(A, p), PGM_TAKEN);
	expect_named(&b.wire[UP], PGM_NAK);
	expect_named(&b.wire[A], PGM_NCF);
	p.type = PGM_NNAK;
	p.sqn = 6;
	assert_int_equal(show(A, p), PGM_TAKEN);
	expect_named(&b.wire[UP], PGM_NNAK);
	p.nla = b.config.nla[B]; /* which is not where it came in */
	assert_int_equal(show(A, p), PGM_DROPPED);
	assert_int_equal(b.counter[PGM_ne_drop_names], 1);
	element_bed_sent(&b);
}

static void test_a_nak_that_is_not_for_us_is_dropped(void **state)
{
	struct pgm_packet p = element_bed_nak(5);

	(void)state;
	begin();
	b.to = &b.config.nla[B];
	assert_int_equal(show(A, p), PGM_DROPPED);
	b.to = &bed_group;
	assert_int_equal(show(A, p), PGM_DROPPED);
	assert_int_equal(b.counter[PGM_ne_drop_address], 2);
	b.to = NULL;
	assert_int_equal(show(UP, p), PGM_DROPPED);
	assert_int_equal(b.counter[PGM_ne_drop_from_upstream], 1);
	p.sport++;
	assert_int_equal(show(A, p), PGM_DROPPED);
	p.sport--;
	p.nla.addr[3]++;
	assert_int_equal(show(A, p), PGM_DROPPED);
	p.nla.addr[3]--;
	p.group.addr[3]++;
	assert_int_equal(show(A, p), PGM_DROPPED);
	assert_int_equal(b.counter[PGM_ne_drop_names], 3);
	p.tsi.gsi[0]++;
	assert_int_equal(show(A, p), PGM_DROPPED);
	assert_int_equal(b.counter[PGM_ne_drop_unknown], 1);
	sent("");
	assert_int_equal(pgm_element_repairs(b.e), 0);
}

static void test_a_full_link_delays_a_nak(void **state)
{
	(void)state;
	begin();
	b.wire[UP].full = b.wire[A].full = true;
	nak(A, 5);
	show(UP, bed_data(PGM_ODATA, 1, 0, "o"));
	sent("B: O1/0 o | C: O1/0 o");
	assert_int_equal(b.counter[PGM_ne_link_full], 3);
	assert_int_equal(b.counter[PGM_ne_ncfs], 0);
	assert_int_equal(b.counter[PGM_ne_naks_forwarded], 0);
	b.wire[UP].full = false;
	run_ms(50);
	sent("UP: N5 to 10.0.0.1");
}

/* --- repairs (7.8) --- */

static void test_a_repair_goes_only_where_it_was_asked_for(void **state)
{
	(void)state;
	begin();
	nak(A, 5);
	nak(C, 5);
	sent("UP: N5 to 10.0.0.1 | A: C5 | C: C5");
	ncf(5);
	assert_int_equal(rdata(5), PGM_TAKEN);
	sent("A: R5/0 r | C: R5/0 r");
	assert_int_equal(pgm_element_repairs(b.e), 0);
	assert_int_equal(b.counter[PGM_ne_rdata], 1);
	assert_int_equal(b.counter[PGM_ne_rdata_copies], 2);
	/* State is gone with it. */
	assert_int_equal(rdata(5), PGM_DROPPED);
	assert_int_equal(rdata(6), PGM_DROPPED);
	sent("");
	assert_int_equal(b.counter[PGM_ne_drop_rdata], 2);
	run_ms(2000);
	sent("");
}

static void test_a_repair_ends_a_nak_that_was_not_confirmed(void **state)
{
	(void)state;
	begin();
	nak(B, 5);
	element_bed_sent(&b);
	assert_int_equal(rdata(5), PGM_TAKEN);
	sent("B: R5/0 r");
	run_ms(2000);
	sent("");
}

static void test_original_data_does_not_end_a_nak(void **state)
{
	(void)state;
	begin();
	nak(B, 5);
	show(UP, bed_data(PGM_ODATA, 5, 0, "o"));
	element_bed_sent(&b);
	run_ms(50);
	sent("UP: N5 to 10.0.0.1");
}

static void test_a_repair_from_elsewhere_is_dropped(void **state)
{
	struct pgm_nla other = {.len = 4, .addr = {239, 192, 1, 2}};

	(void)state;
	begin();
	nak(B, 5);
	element_bed_sent(&b);
	assert_int_equal(show(A, bed_data(PGM_RDATA, 5, 0, "r")), PGM_DROPPED);
	assert_int_equal(b.counter[PGM_ne_drop_not_upstream], 1);
	b.to = &other;
	assert_int_equal(rdata(5), PGM_DROPPED);
	assert_int_equal(b.counter[PGM_ne_drop_names], 1);
	sent("");
}

static void test_state_is_discarded_when_the_repair_does_not_come(void **state)
{
	uint64_t from;

	(void)state;
	begin();
	nak(A, 5);
	run_ms(40);
	from = b.now;
	ncf(5);
	element_bed_sent(&b);
	element_bed_run(&b, from + 1000 * MS - 1);
	assert_int_equal(pgm_element_repairs(b.e), 1);
	element_bed_run(&b, from + 1000 * MS);
	assert_int_equal(pgm_element_repairs(b.e), 0);
	assert_int_equal(b.counter[PGM_ne_repairs_unanswered], 1);
	assert_int_equal(rdata(5), PGM_DROPPED);
	sent(""); /* and it is for the receivers to ask again */
}

static void test_each_ncf_restarts_the_wait(void **state)
{
	(void)state;
	begin();
	nak(A, 5);
	ncf(5);
	element_bed_sent(&b);
	run_ms(999);
	ncf(5);
	run_ms(999);
	assert_int_equal(rdata(5), PGM_TAKEN);
	sent("A: R5/0 r");
}

/* --- elimination and anticipation (7.4 and 7.5) --- */

static void test_duplicates_of_a_pending_nak_are_not_forwarded(void **state)
{
	(void)state;
	begin();
	nak(A, 5);
	run_ms(45);
	element_bed_sent(&b);
	nak(A, 5);
	nak(B, 5);
	sent("A: C5 | B: C5"); /* but confirmed */
	assert_int_equal(b.counter[PGM_ne_naks_eliminated], 2);
	rdata(5);
	sent("A: R5/0 r | B: R5/0 r");
}

static void test_an_outstanding_nak_is_eliminated_for_nak_elim_ivl(void **state)
{
	uint64_t from;

	(void)state;
	begin();
	nak(A, 5);
	from = b.now;
	ncf(5);
	element_bed_sent(&b);
	element_bed_run(&b, from + 100 * MS - 1);
	nak(B, 5);
	sent("B: C5");
	element_bed_run(&b, from + 100 * MS);
	nak(C, 5);
	sent("UP: N5 to 10.0.0.1 | C: C5");
	/* Which is pending again, and once confirmed outstanding again. */
	run_ms(49);
	nak(C, 5);
	sent("C: C5");
	run_ms(1);
	sent("UP: N5 to 10.0.0.1");
	ncf(5);
	run_ms(99);
	nak(A, 5);
	sent("A: C5");
	rdata(5);
	sent("A: R5/0 r | B: R5/0 r | C: R5/0 r");
}

static void test_a_nak_is_anticipated(void **state)
{
	uint64_t from;

	(void)state;
	begin();
	from = b.now;
	show(UP, LIST(PGM_NCF, 5, 6));
	sent(""); /* NCFs are not forwarded */
	assert_int_equal(b.counter[PGM_ne_anticipated], 2);
	element_bed_run(&b, from + 100 * MS - 1);
	nak(A, 5);
	sent("A: C5");
	rdata(5);
	sent("A: R5/0 r");
	/* What nobody asks for goes nowhere, and is over with it. */
	assert_int_equal(rdata(6), PGM_DROPPED);
	sent("");
	assert_int_equal(pgm_element_repairs(b.e), 0);
}

static void test_anticipation_holds_for_nak_elim_ivl(void **state)
{
	(void)state;
	begin();
	ncf(5);
	run_ms(100);
	nak(A, 5);
	sent("UP: N5 to 10.0.0.1 | A: C5");
}

static void test_an_ncf_from_downstream_anticipates_nothing(void **state)
{
	(void)state;
	begin();
	assert_int_equal(show(B, bed_ncf(5)), PGM_DROPPED);
	assert_int_equal(pgm_element_repairs(b.e), 0);
	nak(A, 5);
	show(B, bed_ncf(5));
	element_bed_sent(&b);
	run_ms(50);
	sent("UP: N5 to 10.0.0.1");
	assert_int_equal(b.counter[PGM_ne_drop_not_upstream], 2);
}

/* --- NAK lists (9.3.3) --- */

static void test_a_list_is_forwarded_intact_if_any_of_it_is_new(void **state)
{
	(void)state;
	begin();
	nak(A, 5);
	ncf(5);
	nak(A, 6);
	element_bed_sent(&b);
	show(B, LIST(PGM_NAK, 5, 6));
	sent("B: C5,6");
	show(B, LIST(PGM_NAK, 5, 6, 7));
	sent("UP: N5,6,7 to 10.0.0.1 | B: C5,6,7");
	assert_int_equal(b.counter[PGM_ne_naks_eliminated], 4);
	/* What was outstanding stays so, and only the others are repeated. */
	run_ms(50);
	sent("UP: N6,7 to 10.0.0.1");
	rdata(5);
	rdata(7);
	sent("A: R5/0 r | B: R5/0 r; R7/0 r");
}

/* --- NNAKs (9.5.3.2) and SPMRs (13) --- */

static struct pgm_packet nnak(uint32_t sqn)
{
	struct pgm_packet p = element_bed_nak(sqn);

	p.type = PGM_NNAK;
	return p;
}

static void test_a_null_nak_is_forwarded_once_and_not_confirmed(void **state)
{
	uint64_t from;

	(void)state;
	begin();
	from = b.now;
	assert_int_equal(show(A, nnak(5)), PGM_TAKEN);
	sent("UP: Z5 to 10.0.0.1");
	assert_int_equal(show(A, nnak(5)), PGM_DROPPED);
	assert_int_equal(b.counter[PGM_ne_drop_nnaks_eliminated], 1);
	element_bed_run(&b, from + 100 * MS - 1);
	sent(""); /* nor repeated */
	assert_int_equal(pgm_element_repairs(b.e), 1);
	element_bed_run(&b, from + 100 * MS);
	assert_int_equal(pgm_element_repairs(b.e), 0);
	assert_int_equal(b.counter[PGM_ne_repairs_nulled], 1);
}

static void test_a_nak_after_a_null_nak_is_forwarded(void **state)
{
	(void)state;
	begin();
	show(A, nnak(5));
	element_bed_sent(&b);
	nak(B, 5);
	sent("UP: N5 to 10.0.0.1 | B: C5");
	/* The null NAK has added no interface. */
	rdata(5);
	sent("B: R5/0 r");
	nak(B, 6);
	element_bed_sent(&b);
	assert_int_equal(show(A, nnak(6)), PGM_DROPPED);
	sent("");
}

static struct pgm_packet spmr(void)
{
	struct pgm_packet p = element_bed_nak(0);

	p.type = PGM_SPMR;
	return p;
}

static void test_spm_requests_pass_one_at_a_time(void **state)
{
	uint64_t from;

	(void)state;
	begin();
	from = b.now;
	assert_int_equal(show(A, spmr()), PGM_TAKEN);
	sent("UP: Q to 10.0.0.1");
	element_bed_run(&b, from + 100 * MS - 1);
	assert_int_equal(show(B, spmr()), PGM_DROPPED);
	assert_int_equal(b.counter[PGM_ne_drop_spmrs_suppressed], 1);
	element_bed_run(&b, from + 100 * MS);
	assert_int_equal(show(B, spmr()), PGM_TAKEN);
	sent("UP: Q to 10.0.0.1");
	assert_int_equal(show(UP, spmr()), PGM_DROPPED);
	b.to = &bed_group; /* to the receivers of its subnet */
	assert_int_equal(show(A, spmr()), PGM_DROPPED);
	assert_int_equal(b.counter[PGM_ne_drop_address], 1);
	sent("");
}

static void test_a_request_that_had_no_room_may_come_again(void **state)
{
	(void)state;
	begin();
	b.wire[UP].full = true;
	assert_int_equal(show(A, spmr()), PGM_DROPPED);
	b.wire[UP].full = false;
	assert_int_equal(show(A, spmr()), PGM_TAKEN);
	sent("UP: Q to 10.0.0.1");
}

static void test_other_types_are_dropped(void **state)
{
	struct pgm_packet poll = bed_ncf(1);

	(void)state;
	begin();
	poll.type = PGM_POLL;
	assert_int_equal(show(UP, poll), PGM_DROPPED);
	assert_int_equal(b.counter[PGM_ne_drop_type], 1);
	sent("");
}

/* --- options (9) --- */

/* A NAK with an option of that type, the last one, and these OPX bits. */
static enum pgm_input show_opx(uint8_t type, uint8_t opx)
{
	const uint8_t options[12] = {0, 4, 0, 12, 0x80 | type, 8};
	struct pgm_packet p = element_bed_nak(5);
	uint8_t bytes[64];
	enum pgm_input done;

	b.len = (unsigned)pgm_build(&p, bytes, sizeof(bytes));
	memcpy(bytes + b.len, options, sizeof(options));
	bytes[b.len + 6] = opx;
	b.len += sizeof(options);
	bytes[5] |= PGM_PRESENT;
	pgm_store16(bytes + 6, 0);
	pgm_store16(bytes + 6, pgm_checksum(bytes, b.len));
	b.bytes = bytes;
	done = show(A, p);
	b.bytes = NULL;
	return done;
}

static uint8_t type_of_option_sent(void)
{
	const struct bed_packet *p = &b.wire[UP].packet[b.wire[UP].n - 1];

	return p->bytes[p->len - 8];
}

static void test_an_unknown_option_says_what_becomes_of_it(void **state)
{
	(void)state;
	begin();
	assert_int_equal(show_opx(0x20, 0), PGM_TAKEN);
	assert_int_equal(type_of_option_sent(), 0xa0);
	sent("UP: N5 to 10.0.0.1 | A: C5");
	rdata(5);
	element_bed_sent(&b);
	assert_int_equal(show_opx(0x20, 1), PGM_TAKEN);
	assert_int_equal(type_of_option_sent(), 0xff);
	sent("UP: N5 to 10.0.0.1 | A: C5");
	assert_int_equal(show_opx(0x20, 2), PGM_DROPPED);
	/* OPT_NBR_UNREACH, which RFC 3208 has and we have not; and OPT_JOIN, which we know. */
	assert_int_equal(show_opx(0x0b, 2), PGM_DROPPED);
	assert_int_equal(b.counter[PGM_ne_drop_option], 2);
	assert_int_equal(show_opx(0x03, 2), PGM_TAKEN);
	sent(""); /* it was confirmed a moment ago */
}

/* --- bounds --- */

static struct pgm_packet spm_of(uint16_t port)
{
	struct pgm_packet p = bed_spm(1, 0, 9);

	p.sport = p.tsi.port = port;
	return p;
}

static void test_sessions_are_as_many_as_may_be(void **state)
{
	struct pgm_tsi of = tsi();
	struct pgm_element_path path;

	(void)state;
	b.config.paths = 2;
	element_bed_start(&b);
	show(UP, spm_of(1));
	run_ms(1000);
	show(UP, spm_of(2));
	element_bed_sent(&b);
	assert_int_equal(show(UP, spm_of(3)), PGM_DROPPED);
	assert_int_equal(b.counter[PGM_ne_drop_paths], 1);
	sent("");
	/* The one that was silent for longest makes room once it was for long enough. */
	run_ms(59000);
	assert_int_equal(show(UP, spm_of(3)), PGM_TAKEN);
	assert_int_equal(show(UP, spm_of(4)), PGM_DROPPED);
	assert_int_equal(b.counter[PGM_ne_paths_evicted], 1);
	assert_int_equal(pgm_element_paths(b.e), 2);
	of.port = 1;
	assert_false(pgm_element_path(b.e, &of, &path));
	of.port = 2;
	assert_true(pgm_element_path(b.e, &of, &path));
}

static void test_a_silent_session_is_forgotten_with_its_repairs(void **state)
{
	uint64_t from;

	(void)state;
	b.config.nak_rpt_ns = 1000 * SECOND;
	b.config.nak_repeat_ns = 200 * SECOND;
	begin();
	from = b.now;
	nak(A, 5);
	element_bed_sent(&b);
	element_bed_run(&b, from + 300 * SECOND - 1);
	sent("UP: N5 to 10.0.0.1");
	b.now = from + 300 * SECOND;
	assert_int_equal(pgm_element_turn(b.e, b.now), PGM_NEVER);
	assert_int_equal(pgm_element_paths(b.e), 0);
	assert_int_equal(pgm_element_repairs(b.e), 0);
	assert_int_equal(b.counter[PGM_ne_paths_expired], 1);
	assert_int_equal(b.counter[PGM_ne_repairs_forgotten], 1);
	assert_int_equal(show(A, element_bed_nak(5)), PGM_DROPPED);
}

static void test_each_spm_keeps_the_session(void **state)
{
	(void)state;
	begin();
	show(UP, spm_of(9));
	element_bed_run(&b, b.now + 299 * SECOND);
	show(UP, bed_spm(2, 0, 9));
	element_bed_run(&b, b.now + SECOND);
	assert_int_equal(pgm_element_paths(b.e), 1); /* the other has had no more */
	element_bed_run(&b, b.now + 298 * SECOND);
	assert_int_equal(pgm_element_paths(b.e), 1);
	assert_int_equal(show(A, element_bed_nak(5)), PGM_TAKEN);
}

static void test_naks_that_there_is_no_room_for_are_not_confirmed(void **state)
{
	(void)state;
	b.config.repairs = 3;
	begin();
	show(A, LIST(PGM_NAK, 5, 6));
	element_bed_sent(&b);
	assert_int_equal(show(A, LIST(PGM_NAK, 6, 7, 8)), PGM_DROPPED);
	assert_int_equal(b.counter[PGM_ne_drop_naks_shed], 1);
	sent("");
	assert_int_equal(show(A, LIST(PGM_NAK, 5, 6, 7)), PGM_TAKEN);
	sent("UP: N5,6,7 to 10.0.0.1 | A: C5,6,7");
	assert_int_equal(show(UP, LIST(PGM_NCF, 7, 8)), PGM_TAKEN);
	assert_int_equal(b.counter[PGM_ne_drop_anticipated], 1);
	assert_int_equal(show(A, nnak(8)), PGM_DROPPED);
	rdata(5);
	element_bed_sent(&b);
	nak(A, 8);
	sent("UP: N8 to 10.0.0.1 | A: C8");
}

static void test_one_session_cannot_take_all_repairs(void **state)
{
	struct pgm_packet other = element_bed_nak(1);

	(void)state;
	b.config.repairs = 3;
	b.config.path_repairs = 2;
	begin();
	show(UP, spm_of(9));
	other.dport = other.tsi.port = 9;
	show(A, LIST(PGM_NAK, 5, 6));
	assert_int_equal(show(A, element_bed_nak(7)), PGM_DROPPED);
	assert_int_equal(show(A, other), PGM_TAKEN);
	assert_int_equal(pgm_element_repairs(b.e), 3);
}

static void test_what_cannot_be_is_refused(void **state)
{
	struct pgm_element_config c;

	(void)state;
	element_bed_start(&b);
	c = b.config;
	c.interfaces = 1;
	assert_int_equal(pgm_element_bytes(&c), 0);
	c.interfaces = PGM_ELEMENT_INTERFACES + 1;
	assert_int_equal(pgm_element_bytes(&c), 0);
	c = b.config;
	c.nla[C].len = 16;
	assert_int_equal(pgm_element_bytes(&c), 0);
	c = b.config;
	c.nak_elim_ns = c.nak_rdata_ns;
	assert_int_equal(pgm_element_bytes(&c), 0);
	c = b.config;
	c.paths = 0;
	assert_int_equal(pgm_element_bytes(&c), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_copy_of_an_spm_names_the_interface_that_it_leaves_by),
		T(an_spm_out_of_sequence_is_not_forwarded),
		T(a_newer_spm_moves_the_path),
		T(only_an_spm_makes_a_session_known),
		T(data_comes_from_where_its_spms_do),
		T(an_spm_of_another_family_or_to_one_address_is_dropped),
		T(a_nak_is_confirmed_at_once_and_forwarded),
		T(a_nak_is_repeated_until_it_is_given_up),
		T(an_ncf_ends_the_repeating),
		T(what_is_due_together_is_repeated_in_one_list),
		T(a_list_is_repeated_whole),
		T(of_a_storm_one_nak_now_and_then_is_confirmed),
		T(a_nak_that_names_us_for_its_source_goes_on_by_the_sources_name),
		T(a_nak_that_is_not_for_us_is_dropped),
		T(a_full_link_delays_a_nak),
		T(a_repair_goes_only_where_it_was_asked_for),
		T(a_repair_ends_a_nak_that_was_not_confirmed),
		T(original_data_does_not_end_a_nak),
		T(a_repair_from_elsewhere_is_dropped),
		T(state_is_discarded_when_the_repair_does_not_come),
		T(each_ncf_restarts_the_wait),
		T(duplicates_of_a_pending_nak_are_not_forwarded),
		T(an_outstanding_nak_is_eliminated_for_nak_elim_ivl),
		T(a_nak_is_anticipated),
		T(anticipation_holds_for_nak_elim_ivl),
		T(an_ncf_from_downstream_anticipates_nothing),
		T(a_list_is_forwarded_intact_if_any_of_it_is_new),
		T(a_null_nak_is_forwarded_once_and_not_confirmed),
		T(a_nak_after_a_null_nak_is_forwarded),
		T(spm_requests_pass_one_at_a_time),
		T(a_request_that_had_no_room_may_come_again),
		T(other_types_are_dropped),
		T(an_unknown_option_says_what_becomes_of_it),
		T(sessions_are_as_many_as_may_be),
		T(a_silent_session_is_forgotten_with_its_repairs),
		T(each_spm_keeps_the_session),
		T(naks_that_there_is_no_room_for_are_not_confirmed),
		T(one_session_cannot_take_all_repairs),
		T(what_cannot_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
