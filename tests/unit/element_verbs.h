/* What tests of a network element say, packet by packet, of the one element bed that they have.
 * Included by a test's main file alone. */
#ifndef ZL_TESTS_UNIT_ELEMENT_VERBS_H
#define ZL_TESTS_UNIT_ELEMENT_VERBS_H

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

static inline int setup(void **state)
{
	(void)state;
	element_bed_prepare(&b);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	element_bed_stop(&b);
	return 0;
}

static inline enum pgm_input show(unsigned interface, struct pgm_packet p)
{
	return element_bed_show(&b, interface, p);
}

static inline void nak(unsigned interface, uint32_t sqn)
{
	assert_int_equal(show(interface, element_bed_nak(sqn)), PGM_TAKEN);
}

static inline struct pgm_packet nnak(uint32_t sqn)
{
	struct pgm_packet p = element_bed_nak(sqn);

	p.type = PGM_NNAK;
	return p;
}

static inline void ncf(uint32_t sqn)
{
	assert_int_equal(show(UP, bed_ncf(sqn)), PGM_TAKEN);
}

static inline enum pgm_input rdata(uint32_t sqn)
{
	return show(UP, bed_data(PGM_RDATA, sqn, 0, "r"));
}

static inline void sent(const char *text)
{
	assert_string_equal(element_bed_sent(&b), text);
}

static inline void run_ms(unsigned ms)
{
	element_bed_run(&b, b.now + ms * MS);
}

/* A session is known. */
static inline void begin(void)
{
	element_bed_start(&b);
	assert_int_equal(show(UP, bed_spm(1, 0, 9)), PGM_TAKEN);
	sent("A: S1 0-9 | B: S1 0-9 | C: S1 0-9");
}

static inline struct pgm_tsi tsi(void)
{
	return bed_spm(0, 0, 0).tsi;
}

#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

#endif
