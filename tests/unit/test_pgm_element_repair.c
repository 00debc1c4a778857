/* A PGM network element: repairs. Which NAKs it confirms, forwards, repeats and forgets, and when,
 * and where what they bring goes. */
#include "tests/unit/element_verbs.h"

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

/* --- NNAKs (9.5.3.2) --- */

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
