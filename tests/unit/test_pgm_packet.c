/* PGM packets against bytes laid out by hand from RFC 3208 8 and 9, there and back, and every
 * reason to refuse one. */
#include "dataplane/pgm/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ODATA 7, trail 3, OPT_FRAGMENT (first 6, offset 2, APDU of 5 bytes), TSDU "abc". */
static const uint8_t odata[] = {
	0x10, 0x01, 0x1d, 0x4c, 0x04, 0x01, 0, 0, 1, 2, 3, 4, 5, 6, 0, 3, /* header */
	0,    0,    0,    7,    0,    0,    0, 3,                         /* sqn, trail */
	0x00, 4,    0,    20,                                             /* OPT_LENGTH */
	0x81, 16,   0,    0,    0,    0,    0, 6, 0, 0, 0, 2, 0, 0, 0, 5, 'a', 'b', 'c',
};
/* NAK of 9, 10 and 12 to 10.0.0.1 for 239.192.1.1. */
static const uint8_t nak[] = {
	0x1d, 0x4c, 0x10, 0x01, 0x08, 0x03, 0,  0, 1, 2, 3, 4,  5, 6, 0,   0,   0, 0,
	0,    9,    0,    1,    0,    0,    10, 0, 0, 1, 0, 1,  0, 0, 239, 192, 1, 1,
	0x00, 4,    0,    16,   0x82, 12,   0,  0, 0, 0, 0, 10, 0, 0, 0,   12,
};

static enum pgm_reason parse(const void *at, size_t len, struct pgm_packet *p)
{
	/* Of its exact size, so that a sanitizer sees a read beyond it. */
	static uint8_t *copy;

	free(copy);
	copy = malloc(len ? len : 1);
	memcpy(copy, at, len);
	if (len >= PGM_HEADER_LEN) {
		pgm_store16(copy + 6, 0);
		pgm_store16(copy + 6, pgm_checksum(copy, len));
	}
	return pgm_parse(copy, len, p);
}

static void test_parses_what_the_rfc_lays_out(void **state)
{
	struct pgm_packet p;

	(void)state;
	assert_int_equal(parse(odata, sizeof(odata), &p), PGM_OK);
	assert_int_equal(p.type, PGM_ODATA);
	assert_int_equal(p.tsi.port, 0x1001);
	assert_int_equal(p.sqn, 7);
	assert_int_equal(p.trail, 3);
	assert_int_equal(p.options.has, PGM_HAS_FRAGMENT);
	assert_int_equal(p.options.first_sqn, 6);
	assert_int_equal(p.options.offset, 2);
	assert_int_equal(p.options.apdu_len, 5);
	assert_int_equal(p.tsdu_len, 3);
	assert_memory_equal(p.tsdu, "abc", 3);

	assert_int_equal(parse(nak, sizeof(nak), &p), PGM_OK);
	assert_int_equal(p.tsi.port, 0x1001);
	assert_int_equal(p.sqn, 9);
	assert_int_equal(p.options.naks, 2);
	assert_int_equal(p.options.nak_list[1], 12);
	assert_memory_equal(p.nla.addr, "\x0a\0\0\x01", 4);
	assert_memory_equal(p.group.addr, "\xef\xc0\x01\x01", 4);
}

static void test_builds_the_same_bytes(void **state)
{
	uint8_t out[256], want[64];
	struct pgm_packet p;

	(void)state;
	assert_int_equal(parse(odata, sizeof(odata), &p), PGM_OK);
	memcpy(want, odata, sizeof(odata));
	pgm_store16(want + 6, pgm_checksum(odata, sizeof(odata)));
	assert_int_equal(pgm_build(&p, out, sizeof(out)), sizeof(odata));
	assert_memory_equal(out, want, sizeof(odata));
	for (size_t room = 0; room < sizeof(odata); room++)
		assert_int_equal(pgm_build(&p, out, room), 0);

	assert_int_equal(parse(nak, sizeof(nak), &p), PGM_OK);
	p.flags &= (uint8_t)~PGM_PRESENT;
	assert_int_equal(pgm_build(&p, out, sizeof(out)), sizeof(nak));
	assert_memory_equal(out + 16, nak + 16, sizeof(nak) - 16);
	assert_int_equal(out[5], 0x03);
}

static void assert_options_equal(const struct pgm_options *a, const struct pgm_options *b)
{
	size_t from = offsetof(struct pgm_options, first_sqn);

	assert_int_equal(a->has, b->has);
	assert_int_equal(a->rst, b->rst);
	assert_int_equal(a->parity, b->parity);
	assert_int_equal(a->encoded, b->encoded);
	assert_int_equal(a->fragment, b->fragment);
	assert_int_equal(a->naks, b->naks);
	assert_memory_equal((const char *)a + from, (const char *)b + from,
			    offsetof(struct pgm_options, nak_list[b->naks]) - from);
}

static void test_every_type_and_option_comes_back(void **state)
{
	static const uint8_t types[] = {PGM_SPM, PGM_RDATA, PGM_NAK, PGM_NNAK, PGM_NCF, PGM_SPMR};
	uint8_t out[512];
	struct pgm_packet q;

	(void)state;
	for (unsigned i = 0; i < sizeof(types); i++) {
		struct pgm_packet p = {.type = types[i],
				       .sport = 1,
				       .dport = 2,
				       .sqn = 0xfffffffe,
				       .trail = 5,
				       .lead = 6,
				       .nla = {.len = 16, .addr = {0x20, 1}},
				       .group = {.len = 4, .addr = {239, 1, 2, 3}}};
		struct pgm_options *o = &p.options;

		*o = (struct pgm_options){.has = 0x1fd,
					  .encoded = true,
					  .fragment = PGM_FRAGMENT_NULL | 1,
					  .apdu_len = 9,
					  .join_sqn = 3,
					  .parity = 3,
					  .tg_size = 8,
					  .parity_grp = 16,
					  .curr_tgsize = 7,
					  .rst = 0x21};
		assert_true(pgm_build(&p, out, sizeof(out)));
		assert_int_equal(parse(out, pgm_build(&p, out, sizeof(out)), &q), PGM_OK);
		assert_int_equal(q.type, p.type);
		assert_options_equal(&q.options, o);
		assert_int_equal(q.sqn, types[i] == PGM_SPMR ? 0 : p.sqn);
		assert_int_equal(q.lead, types[i] == PGM_SPM ? 6 : 0);
		if (types[i] == PGM_SPM)
			assert_memory_equal(&q.nla, &p.nla, sizeof(p.nla));
	}
}

static void test_no_cut_packet_is_accepted(void **state)
{
	struct pgm_packet p;

	(void)state;
	for (size_t n = 0; n < sizeof(odata); n++)
		assert_int_not_equal(parse(odata, n, &p), PGM_OK);
	for (size_t n = 0; n < sizeof(nak); n++)
		assert_int_not_equal(parse(nak, n, &p), PGM_OK);
}

static void test_each_fault_has_its_reason(void **state)
{
	static const struct {
		const uint8_t *of;
		size_t len;
		unsigned at;
		uint8_t byte;
		enum pgm_reason why;
	} fault[] = {
		{odata, 15, 0, 0, PGM_BAD_SHORT},
		{odata, sizeof(odata), 4, 0x44, PGM_BAD_VERSION},
		{odata, sizeof(odata), 4, 3, PGM_BAD_TYPE},
		{odata, sizeof(odata), 4, PGM_POLL, PGM_BAD_POLL},
		{odata, sizeof(odata), 4, PGM_POLR, PGM_BAD_POLL},
		{odata, sizeof(odata), 15, 4, PGM_BAD_TSDU_LENGTH},
		{odata, sizeof(odata), 27, 200, PGM_BAD_OPTIONS_LENGTH},
		{odata, sizeof(odata), 29, 15, PGM_BAD_OPTION_LENGTH},
		{odata, sizeof(odata), 29, 0, PGM_BAD_OPTION_LENGTH},
		{odata, sizeof(odata), 28, 0x01, PGM_BAD_OPTION_END},
		{odata, sizeof(odata), 24, 0x80, PGM_BAD_OPTION_END},
		{odata, sizeof(odata), 39, 3, PGM_BAD_FRAGMENT},
		{nak, sizeof(nak), 21, 3, PGM_BAD_AFI},
		{nak, sizeof(nak), 29, 3, PGM_BAD_AFI},
	};
	struct pgm_packet p;

	(void)state;
	for (unsigned i = 0; i < sizeof(fault) / sizeof(fault[0]); i++) {
		uint8_t b[64];

		memcpy(b, fault[i].of, fault[i].len);
		b[fault[i].at] = fault[i].byte;
		assert_string_equal(pgm_reason_text(parse(b, fault[i].len, &p)),
				    pgm_reason_text(fault[i].why));
	}
}

/* Only network elements heed the OPX bits (RFC 3208 9). */
static void test_unknown_options_are_passed_over(void **state)
{
	uint8_t b[sizeof(odata)];
	struct pgm_packet p;

	(void)state;
	memcpy(b, odata, sizeof(b));
	b[28] = 0x80 | 0x55;
	for (uint8_t opx = 0; opx < 4; opx++) {
		b[30] = opx;
		assert_int_equal(parse(b, sizeof(b), &p), PGM_OK);
		assert_int_equal(p.options.has, 0);
	}
}

static void test_there_are_sixteen_options_at_most(void **state)
{
	uint8_t b[PGM_HEADER_LEN + 17 * 4] = {0, 1, 0, 2, PGM_SPMR, PGM_PRESENT};
	struct pgm_packet p;

	(void)state;
	for (unsigned n = 15; n <= 17; n++) {
		b[PGM_HEADER_LEN] = 0;
		for (unsigned i = 0; i < n; i++) {
			uint8_t *o = b + PGM_HEADER_LEN + 4 * i;

			o[0] = i == 0 ? 0 : i + 1 < n ? 0x55 : 0x80 | 0x55;
			o[1] = 4;
		}
		pgm_store16(b + PGM_HEADER_LEN + 2, (uint16_t)(4 * n));
		assert_int_equal(parse(b, PGM_HEADER_LEN + 4 * n, &p),
				 n <= 16 ? PGM_OK : PGM_BAD_OPTIONS_MANY);
	}
}

/* 11.8: an SPM's parity parameters, of a group of 8 that has 5, and OPT_JOIN, which no network
 * element cares about and so comes last. */
static void test_options_for_the_network_come_first_and_show_in_the_flags(void **state)
{
	static const uint8_t want[] = {
		0x00, 4, 0, 28,                      /* OPT_LENGTH */
		0x08, 8, 0, 3,  0,    0,    0, 8,    /* OPT_PARITY_PRM, P and O */
		0x0a, 8, 0, 0,  0,    0,    0, 5,    /* OPT_CURR_TGSIZE */
		0x83, 8, 0, 0,  0xff, 0xff, 0, 0x10, /* OPT_JOIN */
	};
	struct pgm_packet p = {.type = PGM_SPM, .nla = {.len = 4}};
	uint8_t out[128];

	(void)state;
	p.options = (struct pgm_options){
		.has = PGM_HAS_PARITY_PRM | PGM_HAS_CURR_TGSIZE | PGM_HAS_JOIN,
		.parity = PGM_PARITY_ONDEMAND | PGM_PARITY_PROACTIVE,
		.tg_size = 8,
		.curr_tgsize = 5,
		.join_sqn = 0xffff0010,
	};
	assert_int_equal(pgm_build(&p, out, sizeof(out)), PGM_HEADER_LEN + 20 + sizeof(want));
	assert_memory_equal(out + PGM_HEADER_LEN + 20, want, sizeof(want));
	assert_int_equal(out[5], PGM_PRESENT | PGM_NETWORK);
	pgm_spm_set_path(out, PGM_HEADER_LEN + 20 + sizeof(want),
			 &(struct pgm_nla){.len = 4, .addr = {10, 0, 0, 2}});
	assert_int_equal(parse(out, PGM_HEADER_LEN + 20 + sizeof(want), &p), PGM_OK);
	assert_memory_equal(p.nla.addr, ((uint8_t[]){10, 0, 0, 2}), 4);

	p = (struct pgm_packet){.type = PGM_ODATA};
	p.options.has = PGM_HAS_CURR_TGSIZE;
	pgm_build(&p, out, sizeof(out));
	assert_int_equal(out[5], PGM_PRESENT);
	p.type = PGM_RDATA;
	pgm_build(&p, out, sizeof(out));
	assert_int_equal(out[5], PGM_PRESENT | PGM_NETWORK);
}

/* 11.2: all of the option but its first three bytes is parity, OP_ENCODED says so. */
static void test_a_parity_packet_carries_encoded_fragment_options(void **state)
{
	static const uint8_t want[] = {
		0x00, 4, 0, 20, 0x81, 16, 4, 0x93, 0xde, 0xad, 0, 1, 0, 0, 0, 2, 0xbe, 0xef, 0, 3,
	};
	struct pgm_packet p = {.type = PGM_RDATA, .flags = PGM_PARITY}, q;
	uint8_t out[64];

	(void)state;
	p.options = (struct pgm_options){.has = PGM_HAS_FRAGMENT,
					 .encoded = true,
					 .fragment = 0x93,
					 .first_sqn = 0xdead0001,
					 .offset = 2,
					 .apdu_len = 0xbeef0003};
	assert_int_equal(pgm_build(&p, out, sizeof(out)), 24 + sizeof(want));
	assert_memory_equal(out + 24, want, sizeof(want));
	assert_int_equal(parse(out, 24 + sizeof(want), &q), PGM_OK);
	assert_options_equal(&q.options, &p.options);
}

static void test_data_needs_a_checksum_and_a_nak_may_lack_it(void **state)
{
	uint8_t b[sizeof(odata)];
	struct pgm_packet p;

	(void)state;
	assert_int_equal(pgm_parse(odata, sizeof(odata), &p), PGM_BAD_NO_CHECKSUM);
	assert_int_equal(pgm_parse(nak, sizeof(nak), &p), PGM_OK);
	memcpy(b, odata, sizeof(b));
	pgm_store16(b + 6, (uint16_t)(pgm_checksum(b, sizeof(b)) ^ 1));
	assert_int_equal(pgm_parse(b, sizeof(b), &p), PGM_BAD_CHECKSUM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parses_what_the_rfc_lays_out),
		cmocka_unit_test(test_builds_the_same_bytes),
		cmocka_unit_test(test_every_type_and_option_comes_back),
		cmocka_unit_test(test_no_cut_packet_is_accepted),
		cmocka_unit_test(test_each_fault_has_its_reason),
		cmocka_unit_test(test_unknown_options_are_passed_over),
		cmocka_unit_test(test_there_are_sixteen_options_at_most),
		cmocka_unit_test(test_options_for_the_network_come_first_and_show_in_the_flags),
		cmocka_unit_test(test_a_parity_packet_carries_encoded_fragment_options),
		cmocka_unit_test(test_data_needs_a_checksum_and_a_nak_may_lack_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
