/* PGM options (RFC 3208 9): OPT_LENGTH first, the last one marked. An unknown option is passed
 * over: what its OPX bits ask for is network elements' business. */
#include "dataplane/pgm/packet.h"

enum {
	OPT_LENGTH = 0x00,
	OPT_FRAGMENT = 0x01,
	OPT_NAK_LIST = 0x02,
	OPT_JOIN = 0x03,
	OPT_PARITY_PRM = 0x08,
	OPT_PARITY_GRP = 0x09,
	OPT_CURR_TGSIZE = 0x0a,
	OPT_SYN = 0x0d,
	OPT_FIN = 0x0e,
	OPT_RST = 0x0f,
	OPT_END = 0x80,
	OP_ENCODED = 0x04,
	OPTIONS_MAX = 16,
};

/* type: its bit in has, and its length in bytes. */
static const struct {
	uint16_t has;
	uint8_t len;
} known[16] = {
	[OPT_FRAGMENT] = {PGM_HAS_FRAGMENT, 16}, /* 9.2.4 draws 16 and says 12 */
	[OPT_NAK_LIST] = {PGM_HAS_NAK_LIST, 0},
	[OPT_JOIN] = {PGM_HAS_JOIN, 8},
	[OPT_PARITY_PRM] = {PGM_HAS_PARITY_PRM, 8},
	[OPT_PARITY_GRP] = {PGM_HAS_PARITY_GRP, 8},
	[OPT_CURR_TGSIZE] = {PGM_HAS_CURR_TGSIZE, 8},
	[OPT_SYN] = {PGM_HAS_SYN, 4},
	[OPT_FIN] = {PGM_HAS_FIN, 4},
	[OPT_RST] = {PGM_HAS_RST, 4},
};

/* Network-significant ones go before all others (9.1). */
static const uint8_t order[] = {OPT_NAK_LIST, OPT_PARITY_PRM, OPT_CURR_TGSIZE,
				OPT_FRAGMENT, OPT_JOIN,       OPT_PARITY_GRP,
				OPT_SYN,      OPT_FIN,        OPT_RST};

static uint32_t *number(struct pgm_options *o, unsigned type)
{
	switch (type) {
	case OPT_JOIN:
		return &o->join_sqn;
	case OPT_PARITY_PRM:
		return &o->tg_size;
	case OPT_PARITY_GRP:
		return &o->parity_grp;
	case OPT_CURR_TGSIZE:
		return &o->curr_tgsize;
	default:
		return NULL;
	}
}

static enum pgm_reason option(struct pgm_options *o, const uint8_t *p)
{
	unsigned type = p[0] & ~OPT_END, len = p[1];
	uint32_t *x;

	if (type >= 16 || !known[type].has)
		return PGM_OK;
	if (type == OPT_NAK_LIST ? len < 8 || len % 4 : len != known[type].len)
		return PGM_BAD_OPTION_LENGTH;
	o->has |= known[type].has;
	if ((x = number(o, type)))
		*x = pgm_load32(p + 4);
	if (type == OPT_PARITY_PRM)
		o->parity = p[3] & (PGM_PARITY_ONDEMAND | PGM_PARITY_PROACTIVE);
	if (type == OPT_RST)
		o->rst = p[3] & (PGM_RST_NO_NAKS | PGM_RST_CODE);
	if (type == OPT_NAK_LIST) {
		o->naks = (uint8_t)(len / 4 - 1);
		for (unsigned i = 0; i < o->naks; i++)
			o->nak_list[i] = pgm_load32(p + 4 + 4 * i);
	}
	if (type == OPT_FRAGMENT) {
		o->encoded = p[2] & OP_ENCODED;
		o->fragment = o->encoded ? p[3] : 0;
		o->first_sqn = pgm_load32(p + 4);
		o->offset = pgm_load32(p + 8);
		o->apdu_len = pgm_load32(p + 12);
	}
	return PGM_OK;
}

enum pgm_reason pgm_options_parse(const uint8_t *at, size_t len, struct pgm_options *o,
				  size_t *used)
{
	unsigned options = 1;
	size_t total, n;
	enum pgm_reason bad;
	bool end;

	if (len < 4 || (at[0] & ~OPT_END) != OPT_LENGTH || at[1] != 4)
		return PGM_BAD_OPTIONS_LENGTH;
	total = pgm_load16(at + 2);
	if (total < 4 || total > len)
		return PGM_BAD_OPTIONS_LENGTH;
	end = at[0] & OPT_END;
	for (n = 4; n < total; n += at[n + 1]) {
		if (end)
			return PGM_BAD_OPTION_END;
		if (++options > OPTIONS_MAX)
			return PGM_BAD_OPTIONS_MANY;
		if (total - n < 4 || at[n + 1] < 4 || at[n + 1] > total - n)
			return PGM_BAD_OPTION_LENGTH;
		if ((bad = option(o, at + n)))
			return bad;
		end = at[n] & OPT_END;
	}
	*used = total;
	return end ? PGM_OK : PGM_BAD_OPTION_END;
}

static uint8_t fourth_byte(const struct pgm_options *o, unsigned type)
{
	switch (type) {
	case OPT_RST:
		return o->rst;
	case OPT_PARITY_PRM:
		return o->parity;
	case OPT_FRAGMENT:
		return o->encoded ? o->fragment : 0;
	default:
		return 0;
	}
}

size_t pgm_options_build(const struct pgm_options *o, uint8_t *out, size_t room)
{
	struct pgm_options copy = *o;
	size_t n = 4, last = 0;

	if (o->naks > PGM_NAK_LIST_MAX || (o->has & PGM_HAS_NAK_LIST && !o->naks) || room < 4)
		return 0;
	for (unsigned k = 0; k < sizeof(order); k++) {
		unsigned type = order[k];
		unsigned len = type == OPT_NAK_LIST ? 4 + 4u * o->naks : known[type].len;
		uint32_t *x = number(&copy, type);

		if (!(o->has & known[type].has))
			continue;
		if (room - n < len)
			return 0;
		out[n] = (uint8_t)type;
		out[n + 1] = (uint8_t)len;
		out[n + 2] = type == OPT_FRAGMENT && o->encoded ? OP_ENCODED : 0;
		out[n + 3] = fourth_byte(o, type);
		if (x)
			pgm_store32(out + n + 4, *x);
		for (unsigned i = 0; type == OPT_NAK_LIST && i < o->naks; i++)
			pgm_store32(out + n + 4 + 4 * i, o->nak_list[i]);
		if (type == OPT_FRAGMENT) {
			pgm_store32(out + n + 4, o->first_sqn);
			pgm_store32(out + n + 8, o->offset);
			pgm_store32(out + n + 12, o->apdu_len);
		}
		last = n;
		n += len;
	}
	out[0] = OPT_LENGTH;
	out[1] = 4;
	pgm_store16(out + 2, (uint16_t)n);
	out[last] |= OPT_END;
	return n;
}
