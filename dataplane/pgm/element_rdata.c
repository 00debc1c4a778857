/* Repairs in a network element (RFC 3208 7.8 and 11.6): forwarded where they were asked for, and
 * nowhere else. */
#include "dataplane/pgm/element_state.h"

static void forward(struct pgm_element *e, const struct ne_repair *r, const struct pgm_hop *in,
		    const uint8_t *at, unsigned len)
{
	element_count(e, r->interfaces ? PGM_ne_rdata : PGM_ne_drop_rdata);
	for (unsigned i = 0; i < e->config.interfaces; i++)
		if (r->interfaces >> i & 1 && i != in->interface &&
		    element_send(e, i, &in->from, &in->to, at, len, true))
			element_count(e, PGM_ne_rdata_copies);
}

/* Nobody on those interfaces lacks any more. */
static void satisfy(struct ne_repair *r)
{
	for (unsigned i = 0; i < PGM_ELEMENT_INTERFACES; i++)
		if (r->known[i] <= r->offset)
			r->interfaces &= (uint16_t) ~(1u << i);
}

static void one_less(struct ne_repair *r)
{
	r->largest -= r->largest > 0;
	for (unsigned i = 0; i < PGM_ELEMENT_INTERFACES; i++)
		r->known[i] -= r->known[i] > 0;
	satisfy(r);
}

static void set_size(const struct ne_path *path, struct ne_repair *r, uint32_t size)
{
	if (size && size < path->tg_size)
		r->offset = (uint8_t)(path->tg_size - size);
}

/* One parity packet makes up for one missing packet on each of the interfaces. */
static void parity(struct pgm_element *e, const struct ne_path *path, struct ne_repair *r,
		   const struct pgm_packet *p, const struct pgm_hop *in, const uint8_t *at,
		   unsigned len)
{
	const bool asked = r->interfaces;

	if (p->options.has & PGM_HAS_CURR_TGSIZE)
		set_size(path, r, p->options.curr_tgsize);
	forward(e, r, in, at, len);
	one_less(r);
	if (!r->interfaces && (asked || r->largest <= r->offset))
		repair_free(e, r);
}

enum pgm_input element_rdata(struct pgm_element *e, const struct pgm_packet *p,
			     const struct pgm_hop *in, const uint8_t *at, unsigned len)
{
	const bool is_parity = p->flags & PGM_PARITY;
	const struct ne_path *path = path_of(e, p, in);
	struct ne_repair *r;
	bool asked;

	if (!path)
		return PGM_DROPPED;
	if (is_parity && !path->tg_size)
		return element_drop(e, PGM_ne_drop_parity);
	r = repair_find(e, path, is_parity ? element_group(path, p->sqn) : p->sqn, is_parity);
	if (!r)
		return element_drop(e, PGM_ne_drop_rdata);
	asked = r->interfaces;
	if (is_parity) {
		parity(e, path, r, p, in, at, len);
	} else {
		forward(e, r, in, at, len);
		repair_free(e, r);
	}
	return asked ? PGM_TAKEN : PGM_DROPPED;
}

/* What is awaited of it may be had with the next parity packet sooner (11.6). */
void element_short_group(struct pgm_element *e, const struct ne_path *path, uint32_t sqn,
			 uint32_t size)
{
	struct ne_repair *r = path->tg_size ? repair_find(e, path, element_group(path, sqn), true)
					    : NULL;

	if (r)
		set_size(path, r, size);
}
