/* The PGM header and what follows it by type (RFC 3208 8). */
#include <string.h>

#include "dataplane/net/sum.h"
#include "dataplane/pgm/packet.h"

enum {
	AFI_IPV4 = 1,
	AFI_IPV6 = 2,
	SPM_PATH_AT = 4 + 4 + 4 + 4, /* after its sequence number, edges and AFI */
	NAK_SOURCE_AT = 4 + 4,       /* after its sequence number and AFI */
};

const char *pgm_reason_text(enum pgm_reason r)
{
	static const char *const text[PGM_REASONS] = {
		[PGM_OK] = "accepted",
#define PGM_REASON(name, words) [PGM_BAD_##name] = words,
#include "dataplane/pgm/pgm_reasons.def"
#undef PGM_REASON
	};

	return text[r];
}

static uint16_t sum(const uint8_t *at, size_t len)
{
	uint16_t s = ones_sum_of(at, (uint32_t)len);
	uint8_t stored[2];

	memcpy(stored, &s, sizeof(s)); /* of words in memory order */
	return pgm_load16(stored);
}

uint16_t pgm_checksum(const uint8_t *at, size_t len)
{
	uint16_t s = (uint16_t)~sum(at, len);

	return s ? s : 0xffff;
}

static bool is_data(enum pgm_type t)
{
	return t == PGM_ODATA || t == PGM_RDATA;
}

static bool to_source(enum pgm_type t)
{
	return t == PGM_NAK || t == PGM_NNAK || t == PGM_SPMR;
}

/* Returns bytes taken; 0 with *bad set. */
static size_t parse_nla(const uint8_t *at, size_t len, struct pgm_nla *nla, enum pgm_reason *bad)
{
	unsigned afi;

	*bad = PGM_BAD_SHORT;
	if (len < 4)
		return 0;
	afi = pgm_load16(at);
	if (afi != AFI_IPV4 && afi != AFI_IPV6) {
		*bad = PGM_BAD_AFI;
		return 0;
	}
	nla->len = afi == AFI_IPV4 ? 4 : 16;
	if (len < 4u + nla->len)
		return 0;
	memcpy(nla->addr, at + 4, nla->len);
	return 4u + nla->len;
}

static enum pgm_reason parse_body(const uint8_t *at, size_t len, struct pgm_packet *p, size_t *n)
{
	size_t fixed = p->type == PGM_SPM ? 12 : is_data(p->type) ? 8 : 4, nla;
	enum pgm_reason bad;

	*n = 0;
	if (p->type == PGM_SPMR)
		return PGM_OK;
	if (len < fixed)
		return PGM_BAD_SHORT;
	p->sqn = pgm_load32(at);
	if (fixed > 4)
		p->trail = pgm_load32(at + 4);
	if (fixed > 8)
		p->lead = pgm_load32(at + 8);
	*n = fixed;
	if (is_data(p->type))
		return PGM_OK;
	if (!(nla = parse_nla(at + *n, len - *n, &p->nla, &bad)))
		return bad;
	*n += nla;
	if (p->type == PGM_SPM)
		return PGM_OK;
	if (!(nla = parse_nla(at + *n, len - *n, &p->group, &bad)))
		return bad;
	*n += nla;
	return PGM_OK;
}

static enum pgm_reason parse_header(const uint8_t *at, size_t len, uint16_t summed,
				    struct pgm_packet *p)
{
	if (len < PGM_HEADER_LEN)
		return PGM_BAD_SHORT;
	if (at[4] >> 6)
		return PGM_BAD_VERSION;
	p->type = at[4] & 0x3f;
	if (p->type == PGM_POLL || p->type == PGM_POLR)
		return PGM_BAD_POLL;
	if (p->type != PGM_SPM && p->type != PGM_NCF && !is_data(p->type) && !to_source(p->type))
		return PGM_BAD_TYPE;
	if (!pgm_load16(at + 6)) {
		if (is_data(p->type))
			return PGM_BAD_NO_CHECKSUM;
	} else if (summed != PGM_SUM) {
		return PGM_BAD_CHECKSUM;
	}
	p->sport = pgm_load16(at);
	p->dport = pgm_load16(at + 2);
	p->flags = at[5];
	memcpy(p->tsi.gsi, at + 8, 6);
	p->tsi.port = to_source(p->type) ? p->dport : p->sport;
	p->tsdu_len = pgm_load16(at + 14);
	return PGM_OK;
}

/* What not every type has. One memset of it all would be a string instruction, which takes longer
 * to begin than these take together. */
static void clear(struct pgm_packet *p)
{
	p->sqn = p->trail = p->lead = 0;
	p->nla = p->group = (struct pgm_nla){0};
	memset(&p->options, 0, offsetof(struct pgm_options, nak_list));
}

enum pgm_reason pgm_parse(const uint8_t *at, size_t len, struct pgm_packet *p)
{
	return pgm_parse_summed(at, len, sum(at, len), p);
}

enum pgm_reason pgm_parse_summed(const uint8_t *at, size_t len, uint16_t summed,
				 struct pgm_packet *p)
{
	const struct pgm_options *o = &p->options;
	size_t n, used;
	enum pgm_reason bad;

	clear(p);
	if ((bad = parse_header(at, len, summed, p)) ||
	    (bad = parse_body(at + PGM_HEADER_LEN, len - PGM_HEADER_LEN, p, &n)))
		return bad;
	n += PGM_HEADER_LEN;
	if (p->flags & PGM_PRESENT) {
		if ((bad = pgm_options_parse(at + n, len - n, &p->options, &used)))
			return bad;
		n += used;
	}
	if (len - n != p->tsdu_len)
		return PGM_BAD_TSDU_LENGTH;
	/* In a parity packet the option's numbers are parity too. */
	if (o->has & PGM_HAS_FRAGMENT && is_data(p->type) && !(p->flags & PGM_PARITY) &&
	    (o->offset > o->apdu_len || p->tsdu_len > o->apdu_len - o->offset))
		return PGM_BAD_FRAGMENT;
	p->tsdu = at + n;
	return PGM_OK;
}

static size_t build_nla(const struct pgm_nla *nla, uint8_t *out)
{
	pgm_store16(out, nla->len == 4 ? AFI_IPV4 : AFI_IPV6);
	pgm_store16(out + 2, 0);
	memcpy(out + 4, nla->addr, nla->len);
	return 4u + nla->len;
}

static bool nla_ok(const struct pgm_nla *nla)
{
	return nla->len == 4 || nla->len == 16;
}

static size_t build_body(const struct pgm_packet *p, uint8_t *out)
{
	size_t n = 4;

	if (p->type == PGM_SPMR)
		return 0;
	pgm_store32(out, p->sqn);
	if (is_data(p->type) || p->type == PGM_SPM) {
		pgm_store32(out + n, p->trail);
		n += 4;
	}
	if (is_data(p->type))
		return n;
	if (p->type == PGM_SPM) {
		pgm_store32(out + n, p->lead);
		n += 4;
	}
	n += build_nla(&p->nla, out + n);
	if (p->type != PGM_SPM)
		n += build_nla(&p->group, out + n);
	return n;
}

static uint8_t option_flags(const struct pgm_packet *p)
{
	uint16_t network = PGM_HAS_NAK_LIST | PGM_HAS_PARITY_PRM;

	if (p->type != PGM_ODATA)
		network |= PGM_HAS_CURR_TGSIZE;
	return (uint8_t)((p->options.has ? PGM_PRESENT : 0) |
			 (p->options.has & network ? PGM_NETWORK : 0));
}

size_t pgm_build(const struct pgm_packet *p, uint8_t *out, size_t room)
{
	uint8_t body[4 + 2 * 20];
	size_t n, opts = 0;
	bool naks = to_source(p->type) || p->type == PGM_NCF;

	if (p->type != PGM_SPMR && !is_data(p->type) &&
	    (!nla_ok(&p->nla) || (naks && !nla_ok(&p->group))))
		return 0;
	n = build_body(p, body);
	if (room < PGM_HEADER_LEN + n)
		return 0;
	memset(out, 0, PGM_HEADER_LEN);
	pgm_store16(out, p->sport);
	pgm_store16(out + 2, p->dport);
	out[4] = (uint8_t)p->type;
	out[5] = (uint8_t)((p->flags & ~(PGM_PRESENT | PGM_NETWORK)) | option_flags(p));
	memcpy(out + 8, p->tsi.gsi, 6);
	pgm_store16(out + 14, p->tsdu_len);
	memcpy(out + PGM_HEADER_LEN, body, n);
	n += PGM_HEADER_LEN;
	if (p->options.has && !(opts = pgm_options_build(&p->options, out + n, room - n)))
		return 0;
	n += opts;
	if (room - n < p->tsdu_len)
		return 0;
	if (p->tsdu_len)
		memcpy(out + n, p->tsdu, p->tsdu_len);
	n += p->tsdu_len;
	pgm_store16(out + 6, pgm_checksum(out, n));
	return n;
}

static void set_nla(uint8_t *packet, size_t len, size_t at, const struct pgm_nla *nla)
{
	memcpy(packet + PGM_HEADER_LEN + at, nla->addr, nla->len);
	pgm_store16(packet + 6, 0);
	pgm_store16(packet + 6, pgm_checksum(packet, len));
}

void pgm_spm_set_path(uint8_t *spm, size_t len, const struct pgm_nla *path)
{
	set_nla(spm, len, SPM_PATH_AT, path);
}

void pgm_nak_set_source(uint8_t *nak, size_t len, const struct pgm_nla *source)
{
	set_nla(nak, len, NAK_SOURCE_AT, source);
}
