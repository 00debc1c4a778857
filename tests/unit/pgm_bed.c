#include "tests/unit/pgm_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const struct pgm_nla bed_source_nla = {.len = 4, .addr = {10, 0, 0, 1}};
const struct pgm_nla bed_group = {.len = 4, .addr = {239, 192, 1, 1}};

static const struct pgm_tsi source_tsi = {.gsi = {1, 2, 3, 4, 5, 6}, .port = 0x1001};

enum {
	DPORT = 7500
};

static void *allocate(size_t n)
{
	void *p = NULL;

	assert_true(n > 0);
	assert_int_equal(posix_memalign(&p, 64, n), 0);
	memset(p, 0xa5, n);
	return p;
}

__attribute__((format(printf, 2, 3))) static void append(char *text, const char *format, ...)
{
	size_t n = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + n, BED_TEXT - n, format, args);
	va_end(args);
}

/* --- the wire --- */

bool bed_put(struct bed_wire *w, const uint8_t *head, unsigned head_len, const uint8_t *body,
	     unsigned body_len, bool router_alert)
{
	struct bed_packet *p = &w->packet[w->n];

	if (w->full)
		return false;
	assert_true(w->n < BED_PACKETS);
	assert_true(head_len + body_len <= BED_PACKET);
	memset(p, 0, sizeof(*p));
	memcpy(p->bytes, head, head_len);
	if (body_len)
		memcpy(p->bytes + head_len, body, body_len);
	p->len = head_len + body_len;
	p->router_alert = router_alert;
	w->n++;
	return true;
}

bool bed_next(struct bed_wire *w, struct pgm_packet *p)
{
	struct bed_packet *b = &w->packet[w->read];

	if (w->read == w->n)
		return false;
	w->read++;
	assert_string_equal(pgm_reason_text(pgm_parse(b->bytes, b->len, p)), "accepted");
	return true;
}

static void write_options(char *text, const struct pgm_options *o)
{
	if (o->has & PGM_HAS_FRAGMENT && !o->encoded)
		append(text, " FRAGMENT %u+%u/%u", o->first_sqn, o->offset, o->apdu_len);
	if (o->has & PGM_HAS_FRAGMENT && o->encoded)
		append(text, " ENCODED");
	if (o->has & PGM_HAS_JOIN)
		append(text, " JOIN %u", o->join_sqn);
	if (o->has & PGM_HAS_PARITY_PRM)
		append(text, " PRM %u:%u", o->tg_size, o->parity);
	if (o->has & PGM_HAS_PARITY_GRP)
		append(text, " GRP %u", o->parity_grp);
	if (o->has & PGM_HAS_CURR_TGSIZE)
		append(text, " SIZE %u", o->curr_tgsize);
	if (o->has & PGM_HAS_SYN)
		append(text, " SYN");
	if (o->has & PGM_HAS_FIN)
		append(text, " FIN");
}

static void write_packet(char *text, const struct pgm_packet *p)
{
	static const char letter[] = {
		[PGM_SPM] = 'S',  [PGM_ODATA] = 'O', [PGM_RDATA] = 'R', [PGM_NAK] = 'N',
		[PGM_NNAK] = 'Z', [PGM_NCF] = 'C',   [PGM_SPMR] = 'Q',
	};

	append(text, "%c%s", letter[p->type], p->flags & PGM_PARITY ? "P" : "");
	if (p->type != PGM_SPMR)
		append(text, "%u", p->sqn);
	for (unsigned i = 0; i < p->options.naks; i++)
		append(text, ",%u", p->options.nak_list[i]);
	if (p->type == PGM_SPM)
		append(text, " %u-%u", p->trail, p->lead);
	if (p->type != PGM_ODATA && p->type != PGM_RDATA) {
		write_options(text, &p->options);
		return;
	}
	append(text, "/%u", p->trail);
	if (p->flags & PGM_PARITY)
		append(text, " [%u]%s", p->tsdu_len, p->flags & PGM_VAR_PKTLEN ? " VAR" : "");
	else
		append(text, " %.*s", p->tsdu_len, (const char *)p->tsdu);
	write_options(text, &p->options);
}

const char *bed_read(struct bed_wire *w)
{
	struct pgm_packet p;

	w->text[0] = 0;
	while (bed_next(w, &p)) {
		const struct bed_packet *b = &w->packet[w->read - 1];

		append(w->text, w->text[0] ? "; " : "");
		write_packet(w->text, &p);
		if (b->unicast)
			append(w->text, " to %u.%u.%u.%u", b->to.addr[0], b->to.addr[1],
			       b->to.addr[2], b->to.addr[3]);
		/* RFC 3208 4, and 6.3 for NAKs. */
		assert_int_equal(b->router_alert, p.type != PGM_ODATA && p.type != PGM_SPMR);
	}
	w->n = w->read = 0;
	return w->text;
}

/* --- a source --- */

static bool source_send(void *ctx, const uint8_t *head, unsigned head_len, const uint8_t *body,
			unsigned body_len, bool router_alert)
{
	struct source_bed *b = ctx;

	return bed_put(&b->wire, head, head_len, body, body_len, router_alert);
}

void source_bed_prepare(struct source_bed *b)
{
	memset(b, 0, sizeof(*b));
	b->now = 5 * SECOND;
	pgm_source_defaults(&b->config, 1000, 1000, 1500, 28);
	b->config.tsi = source_tsi;
	b->config.dport = DPORT;
	b->config.nla = bed_source_nla;
	b->config.group = bed_group;
	b->config.rate = 0;
	b->config.max_tpdu = 256;
	b->config.txw_sqns = 64;
	b->config.txw_bytes = 64 * 256;
}

void source_bed_start(struct source_bed *b)
{
	static const struct pgm_source_ops ops = {.send = source_send};

	b->wire.packet = calloc(BED_PACKETS, sizeof(*b->wire.packet));
	b->memory = allocate(pgm_source_bytes(&b->config));
	b->s = pgm_source_init(b->memory, &b->config, &ops, b, b->counter, b->now);
}

void source_bed_stop(struct source_bed *b)
{
	free(b->memory);
	free(b->wire.packet);
}

bool source_bed_send(struct source_bed *b, const char *tsdu)
{
	return pgm_source_send(b->s, b->now, (const uint8_t *)tsdu, (unsigned)strlen(tsdu));
}

void source_bed_run(struct source_bed *b, uint64_t at)
{
	for (unsigned turns = 0;; turns++) {
		uint64_t due = pgm_source_turn(b->s, b->now);

		assert_true(turns < 100000);
		if (due > at)
			break;
		b->now = due > b->now ? due : b->now;
	}
	b->now = at;
}

struct pgm_packet source_bed_nak(const struct source_bed *b, uint32_t sqn)
{
	return (struct pgm_packet){.type = PGM_NAK,
				   .sport = b->config.dport,
				   .dport = b->config.tsi.port,
				   .tsi = b->config.tsi,
				   .sqn = sqn,
				   .nla = b->config.nla,
				   .group = b->config.group};
}

enum pgm_input source_bed_show(struct source_bed *b, const struct pgm_packet *p)
{
	return pgm_source_input(b->s, b->now, p);
}

/* --- a receiver --- */

static void did(struct receiver_bed *b, const char *what)
{
	append(b->text, "%s%s", b->text[0] ? " " : "", what);
}

static void opened(void *ctx, struct pgm_session *s)
{
	struct receiver_bed *b = ctx;

	b->session = s;
	did(b, "open");
}

static void closed(void *ctx, struct pgm_session *s, enum pgm_session_end why)
{
	static const char *const end[] = {
		[PGM_END_EXPIRED] = "closed expired", [PGM_END_FINISHED] = "closed finished",
		[PGM_END_RESET] = "closed reset",     [PGM_END_EVICTED] = "closed evicted",
		[PGM_END_CLOSED] = "closed closed",
	};

	(void)s;
	did(ctx, end[why]);
}

static bool deliver(void *ctx, struct pgm_session *s, const uint8_t *at, size_t len, void *buffer,
		    uint32_t sqn)
{
	struct receiver_bed *b = ctx;
	char text[512];

	(void)s;
	if (b->refuses)
		return false;
	/* Buffers are told by the TSDU that lies in them. */
	assert_true(!buffer || buffer == at || len == 0);
	snprintf(text, sizeof(text), "%u:%.*s", sqn, (int)len, (const char *)at);
	did(b, text);
	return true;
}

static void lost(void *ctx, struct pgm_session *s, uint32_t first, uint32_t count)
{
	char text[64];

	(void)s;
	snprintf(text, sizeof(text), "-%u+%u", first, count);
	did(ctx, text);
}

static void hold(void *ctx, void *buffer)
{
	struct receiver_bed *b = ctx;

	assert_non_null(buffer);
	b->holds++;
}

static void unhold(void *ctx, void *buffer)
{
	struct receiver_bed *b = ctx;

	assert_non_null(buffer);
	b->holds--;
}

static bool receiver_send(void *ctx, struct pgm_session *s, const struct pgm_nla *to,
			  const uint8_t *at, unsigned len, bool router_alert)
{
	struct receiver_bed *b = ctx;

	(void)s;
	if (!bed_put(&b->wire, at, len, NULL, 0, router_alert))
		return false;
	b->wire.packet[b->wire.n - 1].unicast = to;
	if (to)
		b->wire.packet[b->wire.n - 1].to = *to;
	return true;
}

void receiver_bed_prepare(struct receiver_bed *b)
{
	memset(b, 0, sizeof(*b));
	b->now = 5 * SECOND;
	pgm_receiver_defaults(&b->config, 1000, 1000, 1500, 28);
	b->config.dport = DPORT;
	b->config.group = bed_group;
	b->config.seed = 7;
	b->config.sessions = 2;
	b->config.rxw_sqns = 64;
	b->config.held = 64;
	b->config.rebuilt = 64;
	b->config.max_apdu = 64;
}

void receiver_bed_start(struct receiver_bed *b)
{
	static const struct pgm_receiver_ops ops = {
		.opened = opened,
		.closed = closed,
		.deliver = deliver,
		.lost = lost,
		.hold = hold,
		.unhold = unhold,
		.send = receiver_send,
	};

	b->wire.packet = calloc(BED_PACKETS, sizeof(*b->wire.packet));
	b->memory = allocate(pgm_receiver_bytes(&b->config));
	b->r = pgm_receiver_init(b->memory, &b->config, &ops, b, b->counter);
}

/* Whatever happened, nothing is left over. */
void receiver_bed_stop(struct receiver_bed *b)
{
	assert_int_equal(b->holds, pgm_receiver_held(b->r));
	pgm_receiver_close(b->r);
	assert_int_equal(b->holds, 0);
	assert_int_equal(pgm_receiver_held(b->r), 0);
	free(b->memory);
	free(b->wire.packet);
}

void receiver_bed_run(struct receiver_bed *b, uint64_t at)
{
	for (unsigned turns = 0;; turns++) {
		uint64_t due = pgm_receiver_turn(b->r, b->now);

		assert_true(turns < 100000);
		if (due > at)
			break;
		b->now = due > b->now ? due : b->now;
	}
	b->now = at;
}

struct pgm_packet bed_data(enum pgm_type type, uint32_t sqn, uint32_t trail, const char *tsdu)
{
	return (struct pgm_packet){.type = type,
				   .sport = source_tsi.port,
				   .dport = DPORT,
				   .tsi = source_tsi,
				   .sqn = sqn,
				   .trail = trail,
				   .tsdu = (const uint8_t *)tsdu,
				   .tsdu_len = (uint16_t)strlen(tsdu)};
}

struct pgm_packet bed_spm(uint32_t sqn, uint32_t trail, uint32_t lead)
{
	struct pgm_packet p = bed_data(PGM_SPM, sqn, trail, "");

	p.lead = lead;
	p.nla = bed_source_nla;
	return p;
}

struct pgm_packet bed_ncf(uint32_t sqn)
{
	struct pgm_packet p = bed_data(PGM_NCF, sqn, 0, "");

	p.nla = bed_source_nla;
	p.group = bed_group;
	return p;
}

enum pgm_input receiver_bed_show(struct receiver_bed *b, const struct pgm_packet *p)
{
	return pgm_receiver_input(b->r, b->now, p, &bed_source_nla, b->line,
				  (void *)(uintptr_t)p->tsdu);
}

void receiver_bed_odata(struct receiver_bed *b, uint32_t sqn, const char *tsdu)
{
	struct pgm_packet p = bed_data(PGM_ODATA, sqn, 0, tsdu);

	p.trail = sqn & UINT32_C(0x80000000); /* far behind, and never ahead */
	receiver_bed_show(b, &p);
}

const char *receiver_bed_did(struct receiver_bed *b)
{
	static char text[BED_TEXT];

	memcpy(text, b->text, sizeof(text));
	b->text[0] = 0;
	return text;
}
