/* Parity in a PGM network element (RFC 3208 11.6): repairs of transmission groups, counted in
 * packets. Groups of eight here: sequence number 16 + n asks for n + 1 packets of group 16. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/element_bed.h"

static struct element_bed b;

static struct pgm_packet spm(uint32_t sqn, uint32_t tg_size)
{
	struct pgm_packet p = bed_spm(sqn, 0, 23);

	p.options.has = tg_size ? PGM_HAS_PARITY_PRM : 0;
	p.options.parity = PGM_PARITY_ONDEMAND;
	p.options.tg_size = tg_size;
	return p;
}

static int setup(void **state)
{
	(void)state;
	element_bed_prepare(&b);
	element_bed_start(&b);
	element_bed_show(&b, UP, spm(1, 8));
	element_bed_sent(&b);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	element_bed_stop(&b);
	return 0;
}

static struct pgm_packet parity(struct pgm_packet p)
{
	p.flags = PGM_PARITY;
	return p;
}

static enum pgm_input nak(unsigned interface, uint32_t sqn)
{
	return element_bed_show(&b, interface, parity(element_bed_nak(sqn)));
}

static enum pgm_input ncf(uint32_t sqn)
{
	return element_bed_show(&b, UP, parity(bed_ncf(sqn)));
}

static enum pgm_input rdata(uint32_t sqn)
{
	return element_bed_show(&b, UP, parity(bed_data(PGM_RDATA, sqn, 0, "p")));
}

static void sent(const char *text)
{
	assert_string_equal(element_bed_sent(&b), text);
}

static void run_ms(unsigned ms)
{
	element_bed_run(&b, b.now + ms * MS);
}

static void test_only_more_packets_are_asked_for_again(void **state)
{
	(void)state;
	nak(A, 16 + 1);
	sent("UP: NP17 to 10.0.0.1 | A: CP17");
	nak(B, 16 + 0);
	sent("B: CP16"); /* of what is known of that interface */
	nak(A, 16 + 0);
	sent(""); /* which was confirmed a moment ago, for more */
	nak(B, 16 + 2);
	sent("UP: NP18 to 10.0.0.1 | B: CP18");
	assert_int_equal(b.counter[PGM_ne_naks_eliminated], 2);
	assert_int_equal(pgm_element_repairs(b.e), 1);
	run_ms(40);
	nak(A, 16 + 0);
	sent("A: CP17");
	run_ms(10);
	sent("UP: NP18 to 10.0.0.1");
}

static void test_after_nak_elim_ivl_the_largest_count_is_asked_for(void **state)
{
	(void)state;
	nak(A, 16 + 3);
	ncf(16 + 3);
	element_bed_sent(&b);
	run_ms(99);
	nak(B, 16 + 1);
	sent("B: CP17");
	run_ms(1);
	nak(B, 16 + 1);
	sent("UP: NP19 to 10.0.0.1");
}

static void test_each_repair_makes_up_for_one_on_every_interface(void **state)
{
	(void)state;
	nak(A, 16 + 1);
	nak(B, 16 + 0);
	ncf(16 + 1);
	element_bed_sent(&b);
	assert_int_equal(rdata(16 + 0), PGM_TAKEN);
	sent("A: RP16/0 [1] | B: RP16/0 [1]");
	assert_int_equal(rdata(16 + 1), PGM_TAKEN);
	sent("A: RP17/0 [1]");
	assert_int_equal(pgm_element_repairs(b.e), 0);
	assert_int_equal(rdata(16 + 2), PGM_DROPPED);
	sent("");
	assert_int_equal(b.counter[PGM_ne_rdata_copies], 3);
	assert_int_equal(b.counter[PGM_ne_drop_rdata], 1);
}

static void test_packets_and_their_group_are_repaired_apart(void **state)
{
	(void)state;
	nak(A, 16);
	element_bed_show(&b, B, element_bed_nak(16));
	sent("UP: NP16 to 10.0.0.1; N16 to 10.0.0.1 | A: CP16 | B: C16");
	run_ms(50);
	sent("UP: NP16 to 10.0.0.1; N16 to 10.0.0.1");
	element_bed_show(&b, UP, bed_data(PGM_RDATA, 16, 0, "r"));
	sent("B: R16/0 r");
	rdata(16);
	sent("A: RP16/0 [1]");
}

static void test_an_ncf_for_fewer_packets_does_not_confirm(void **state)
{
	(void)state;
	nak(A, 16 + 2);
	element_bed_sent(&b);
	ncf(16 + 1);
	run_ms(50);
	sent("UP: NP18 to 10.0.0.1");
	assert_int_equal(b.counter[PGM_ne_ncfs_short], 1);
	ncf(16 + 2);
	run_ms(100);
	sent("");
}

static void test_an_ncf_for_more_packets_anticipates_them(void **state)
{
	(void)state;
	nak(A, 16 + 0);
	ncf(16 + 2);
	element_bed_sent(&b);
	nak(B, 16 + 2);
	sent("B: CP18");
	nak(B, 16 + 3);
	sent("UP: NP19 to 10.0.0.1 | B: CP19");
	/* The same with nothing asked for before. */
	ncf(8 + 1);
	nak(C, 8 + 1);
	sent("C: CP9");
	nak(C, 8 + 2);
	sent("UP: NP10 to 10.0.0.1 | C: CP10");
}

static void test_what_is_anticipated_only_is_used_up(void **state)
{
	(void)state;
	ncf(16 + 1);
	assert_int_equal(rdata(16 + 0), PGM_DROPPED);
	assert_int_equal(pgm_element_repairs(b.e), 1);
	assert_int_equal(rdata(16 + 1), PGM_DROPPED);
	assert_int_equal(pgm_element_repairs(b.e), 0);
	sent("");
}

/* A group of six lacks two packets, for which no parity is needed: whoever misses one asks for
 * three. */
static void test_a_short_group_needs_less(void **state)
{
	struct pgm_packet p = parity(bed_data(PGM_RDATA, 16, 0, "p"));

	(void)state;
	nak(A, 16 + 2);
	nak(B, 16 + 3);
	element_bed_sent(&b);
	p.options.has = PGM_HAS_CURR_TGSIZE;
	p.options.curr_tgsize = 6;
	element_bed_show(&b, UP, p);
	sent("A: RP16/0 [1] SIZE 6 | B: RP16/0 [1] SIZE 6");
	p.sqn++;
	element_bed_show(&b, UP, p);
	sent("B: RP17/0 [1] SIZE 6");
	assert_int_equal(pgm_element_repairs(b.e), 0);
}

static void test_an_spm_tells_of_a_short_group(void **state)
{
	struct pgm_packet p = spm(2, 8);

	(void)state;
	nak(A, 16 + 1);
	p.options.has |= PGM_HAS_CURR_TGSIZE;
	p.options.curr_tgsize = 7;
	element_bed_show(&b, UP, p);
	element_bed_sent(&b);
	rdata(16);
	sent("A: RP16/0 [1]");
	assert_int_equal(pgm_element_repairs(b.e), 0);
}

static void test_lists_are_brought_up_to_what_is_known(void **state)
{
	struct pgm_packet p = parity(element_bed_list(PGM_NAK, 2, (const uint32_t[]){8, 16}));

	(void)state;
	nak(A, 16 + 4);
	nak(B, 8 + 2);
	element_bed_sent(&b);
	element_bed_show(&b, A, p);
	sent("A: CP8,20"); /* group 8 was not asked for on A before */
	p.options.nak_list[0] = 24;
	p.sqn = 8 + 1;
	element_bed_show(&b, A, p);
	sent("UP: NP10,24 to 10.0.0.1 | A: CP9,24");
}

static void test_parity_is_dropped_where_none_is_offered(void **state)
{
	(void)state;
	nak(A, 16);
	element_bed_show(&b, UP, spm(2, 0));
	element_bed_sent(&b);
	assert_int_equal(b.counter[PGM_ne_repairs_forgotten], 1);
	assert_int_equal(nak(A, 16), PGM_DROPPED);
	assert_int_equal(ncf(16), PGM_DROPPED);
	assert_int_equal(rdata(16), PGM_DROPPED);
	assert_int_equal(b.counter[PGM_ne_drop_parity], 3);
	/* Groups of a size that none can have are none. */
	element_bed_show(&b, UP, spm(3, 12));
	assert_int_equal(nak(A, 16), PGM_DROPPED);
	element_bed_sent(&b);
}

static void test_null_naks_count_too(void **state)
{
	struct pgm_packet p = parity(element_bed_nak(16 + 1));

	(void)state;
	p.type = PGM_NNAK;
	assert_int_equal(element_bed_show(&b, A, p), PGM_TAKEN);
	sent("UP: ZP17 to 10.0.0.1");
	p.sqn = 16;
	assert_int_equal(element_bed_show(&b, A, p), PGM_DROPPED);
	nak(B, 16);
	sent("UP: NP17 to 10.0.0.1 | B: CP16");
}

static void test_proactive_parity_is_data(void **state)
{
	(void)state;
	element_bed_show(&b, UP, parity(bed_data(PGM_ODATA, 16, 0, "p")));
	sent("A: OP16/0 [1] | B: OP16/0 [1] | C: OP16/0 [1]");
}

#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(only_more_packets_are_asked_for_again),
		T(after_nak_elim_ivl_the_largest_count_is_asked_for),
		T(each_repair_makes_up_for_one_on_every_interface),
		T(packets_and_their_group_are_repaired_apart),
		T(an_ncf_for_fewer_packets_does_not_confirm),
		T(an_ncf_for_more_packets_anticipates_them),
		T(what_is_anticipated_only_is_used_up),
		T(a_short_group_needs_less),
		T(an_spm_tells_of_a_short_group),
		T(lists_are_brought_up_to_what_is_known),
		T(parity_is_dropped_where_none_is_offered),
		T(null_naks_count_too),
		T(proactive_parity_is_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
