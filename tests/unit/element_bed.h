/* A PGM network element between the source of pgm_bed.h and three subnets: interface UP, where the
 * source is, and A, B and C. Each interface's wire is read as pgm_bed.h says. */
#ifndef ZL_TESTS_UNIT_ELEMENT_BED_H
#define ZL_TESTS_UNIT_ELEMENT_BED_H

#include "dataplane/pgm/element.h"
#include "tests/unit/pgm_bed.h"

enum {
	UP,
	A,
	B,
	C,
	ELEMENT_BED_INTERFACES
};

struct element_bed {
	struct pgm_element_config config;
	struct pgm_element *e;
	void *memory;
	uint64_t counter[PGM_COUNTERS], now;
	struct bed_wire wire[ELEMENT_BED_INTERFACES];
	/* Of packets shown: the IP addresses, where they are not what they ought to be. */
	const struct pgm_nla *from, *to;
	/* Bytes that go in as they are, instead of those built of a packet. */
	const uint8_t *bytes;
	unsigned len;
};

/* Interface i is 10.i.0.254; the times are the defaults, but that NAKs are repeated
 * every 50 ms. */
void element_bed_prepare(struct element_bed *b);
void element_bed_start(struct element_bed *b);
void element_bed_stop(struct element_bed *b);
void element_bed_run(struct element_bed *b, uint64_t at);

/* A packet comes in by an interface: from the source, or if it goes upstream from a receiver to the
 * element. */
enum pgm_input element_bed_show(struct element_bed *b, unsigned interface, struct pgm_packet p);
/* Upstream packets for the source. */
struct pgm_packet element_bed_nak(uint32_t sqn);
struct pgm_packet element_bed_list(enum pgm_type type, unsigned n, const uint32_t *sqn);

/* What went out since it was last asked, by interface: "UP: ... | A: ...", or "". */
const char *element_bed_sent(struct element_bed *b);

#endif
