/* Options in packets that a network element forwards (RFC 3208 9): those that it does not know say
 * by their OPX bits what is to become of them, and the numbers of a NAK list are found to be
 * changed. The packets have been through pgm_parse(), so that their options are in order. */
#include "dataplane/pgm/element_state.h"

enum {
	OPT_NAK_LIST = 0x02,
	OPT_INVALID = 0x7f,
	OPT_END = 0x80,
	OPX = 0x03, /* of an option's third byte */
	OPX_INVALIDATE = 1,
	OPX_DISCARD = 2,
	SQN_AT = PGM_HEADER_LEN,
};

/* FRAGMENT, NAK_LIST, JOIN, PARITY_PRM, PARITY_GRP, CURR_TGSIZE, SYN, FIN and RST, and the length
 * of them all. */
static bool is_known(unsigned type)
{
	return type == OPT_INVALID || (type < 16 && 0xe70f >> type & 1);
}

static size_t body_len(const struct pgm_packet *p)
{
	switch (p->type) {
	case PGM_SPM:
		return 12 + 4u + p->nla.len;
	case PGM_ODATA:
	case PGM_RDATA:
		return 8;
	case PGM_NAK:
	case PGM_NNAK:
	case PGM_NCF:
		return 4 + 4u + p->nla.len + 4u + p->group.len;
	case PGM_SPMR:
	case PGM_POLL:
	case PGM_POLR:
		break;
	}
	return 0;
}

/* Where the options begin and end, which for none is the same. */
static uint8_t *options_of(const struct pgm_packet *p, uint8_t *at, uint8_t **end)
{
	uint8_t *first = at + PGM_HEADER_LEN + body_len(p);

	*end = p->flags & PGM_PRESENT ? first + pgm_load16(first + 2) : first;
	return first;
}

bool element_obey_opx(const struct pgm_packet *p, uint8_t *at, bool *altered)
{
	uint8_t *end, *o = options_of(p, at, &end);

	*altered = false;
	for (; o < end; o += o[1]) {
		if (is_known(o[0] & ~OPT_END & 0xff) || !(o[2] & OPX))
			continue;
		if ((o[2] & OPX) == OPX_DISCARD)
			return false;
		if ((o[2] & OPX) != OPX_INVALIDATE)
			continue;
		o[0] = (uint8_t)((o[0] & OPT_END) | OPT_INVALID);
		*altered = true;
	}
	return true;
}

void element_set_sqn(const struct pgm_packet *p, uint8_t *at, unsigned i, uint32_t sqn)
{
	uint8_t *end, *o = options_of(p, at, &end), *list = NULL;

	if (!i) {
		pgm_store32(at + SQN_AT, sqn);
		return;
	}
	for (; o < end; o += o[1])
		if ((o[0] & ~OPT_END & 0xff) == OPT_NAK_LIST)
			list = o; /* of several, the last is what counted */
	if (list)
		pgm_store32(list + 4u * i, sqn);
}
