/* A PGM network element: its sessions. What it learns of their paths, what it passes on, and how
 * many it may have. Repairs are in test_pgm_element_repair.c. */
#include "tests/unit/element_verbs.h"

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

/* --- SPMRs (13), and what is for nobody --- */

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_copy_of_an_spm_names_the_interface_that_it_leaves_by),
		T(an_spm_out_of_sequence_is_not_forwarded),
		T(a_newer_spm_moves_the_path),
		T(only_an_spm_makes_a_session_known),
		T(data_comes_from_where_its_spms_do),
		T(an_spm_of_another_family_or_to_one_address_is_dropped),
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
