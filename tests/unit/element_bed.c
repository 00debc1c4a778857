#include "tests/unit/element_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool is_downstream(enum pgm_type t)
{
	return t == PGM_SPM || t == PGM_ODATA || t == PGM_RDATA || t == PGM_NCF;
}

/* 7.2: what goes downstream is the source's; a NAK is ours, an SPMR whose it was. */
static bool element_sends(void *ctx, const struct pgm_hop *out, const uint8_t *at, unsigned len,
			  bool router_alert)
{
	struct element_bed *b = ctx;
	struct bed_wire *w = &b->wire[out->interface];
	const struct pgm_nla *from = is_downstream(at[4]) ? &bed_source_nla : &b->config.nla[UP];

	assert_true(out->interface < ELEMENT_BED_INTERFACES);
	if (!bed_put(w, at, len, NULL, 0, router_alert))
		return false;
	if (at[4] != PGM_SPMR && !b->from)
		assert_memory_equal(&out->from, from, sizeof(*from));
	w->packet[w->n - 1].unicast = !is_downstream(at[4]);
	w->packet[w->n - 1].to = out->to;
	if (is_downstream(at[4]) && !b->to)
		assert_memory_equal(&out->to, &bed_group, sizeof(out->to));
	return true;
}

void element_bed_prepare(struct element_bed *b)
{
	memset(b, 0, sizeof(*b));
	b->now = 5 * SECOND;
	pgm_element_defaults(&b->config);
	b->config.nak_repeat_ns = 50 * MS;
	b->config.seed = 7;
	b->config.interfaces = ELEMENT_BED_INTERFACES;
	for (unsigned i = 0; i < ELEMENT_BED_INTERFACES; i++)
		b->config.nla[i] = (struct pgm_nla){.len = 4, .addr = {10, (uint8_t)i, 0, 254}};
}

void element_bed_start(struct element_bed *b)
{
	static const struct pgm_element_ops ops = {.send = element_sends};
	size_t n = pgm_element_bytes(&b->config);

	assert_true(n > 0);
	assert_int_equal(posix_memalign(&b->memory, 64, n), 0);
	memset(b->memory, 0xa5, n);
	for (unsigned i = 0; i < ELEMENT_BED_INTERFACES; i++)
		b->wire[i].packet = calloc(BED_PACKETS, sizeof(struct bed_packet));
	b->e = pgm_element_init(b->memory, &b->config, &ops, b, b->counter);
}

void element_bed_stop(struct element_bed *b)
{
	free(b->memory);
	for (unsigned i = 0; i < ELEMENT_BED_INTERFACES; i++)
		free(b->wire[i].packet);
}

void element_bed_run(struct element_bed *b, uint64_t at)
{
	for (unsigned turns = 0;; turns++) {
		uint64_t due = pgm_element_turn(b->e, b->now);

		assert_true(turns < 100000);
		if (due > at)
			break;
		assert_true(due > b->now); /* all that was due is done */
		b->now = due;
	}
	b->now = at;
}

enum pgm_input element_bed_show(struct element_bed *b, unsigned interface, struct pgm_packet p)
{
	const struct pgm_nla receiver = {.len = 4, .addr = {10, (uint8_t)interface, 0, 77}};
	struct pgm_hop in = {.interface = interface};
	unsigned len = b->len;
	uint8_t *at = malloc(BED_PACKET), *exact;
	enum pgm_input done;

	if (b->bytes)
		memcpy(at, b->bytes, len);
	else
		len = (unsigned)pgm_build(&p, at, BED_PACKET);
	assert_true(len > 0);
	exact = realloc(at, len); /* so that a sanitizer sees who reads behind it */
	assert_non_null(exact);
	if (p.type != PGM_POLL)
		assert_string_equal(pgm_reason_text(pgm_parse(exact, len, &p)), "accepted");
	in.from = is_downstream(p.type) ? bed_source_nla : receiver;
	in.to = is_downstream(p.type) ? bed_group
		: p.type == PGM_SPMR  ? bed_source_nla
				      : b->config.nla[interface];
	if (b->from)
		in.from = *b->from;
	if (b->to)
		in.to = *b->to;
	done = pgm_element_input(b->e, b->now, &p, &in, exact, len);
	free(exact);
	return done;
}

struct pgm_packet element_bed_nak(uint32_t sqn)
{
	struct pgm_packet p = bed_ncf(sqn);

	p.type = PGM_NAK;
	p.dport = p.sport;
	p.sport = bed_ncf(sqn).dport;
	return p;
}

struct pgm_packet element_bed_list(enum pgm_type type, unsigned n, const uint32_t *sqn)
{
	struct pgm_packet p = type == PGM_NCF ? bed_ncf(sqn[0]) : element_bed_nak(sqn[0]);

	p.type = type;
	if (n > 1)
		p.options.has = PGM_HAS_NAK_LIST;
	p.options.naks = (uint8_t)(n - 1);
	for (unsigned i = 1; i < n; i++)
		p.options.nak_list[i - 1] = sqn[i];
	return p;
}

const char *element_bed_sent(struct element_bed *b)
{
	static const char *const name[] = {[UP] = "UP", [A] = "A", [B] = "B", [C] = "C"};
	static char text[BED_TEXT];
	size_t n = 0;

	text[0] = 0;
	for (unsigned i = 0; i < ELEMENT_BED_INTERFACES; i++) {
		const char *sent = bed_read(&b->wire[i]);

		if (*sent)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s: %s",
					      n ? " | " : "", name[i], sent);
	}
	return text;
}
