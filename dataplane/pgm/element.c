/* A PGM network element: what becomes of each packet that comes in (RFC 3208 7). */
#include "dataplane/pgm/element.h"

#include <assert.h>

#include "dataplane/pgm/element_state.h"

void element_seal(uint8_t *at, unsigned len)
{
	pgm_store16(at + 6, 0);
	pgm_store16(at + 6, pgm_checksum(at, len));
}

bool element_send(struct pgm_element *e, unsigned interface, const struct pgm_nla *from,
		  const struct pgm_nla *to, const uint8_t *at, unsigned len, bool router_alert)
{
	struct pgm_hop out = {.interface = interface, .from = *from, .to = *to};

	if (e->ops.send(e->ctx, &out, at, len, router_alert))
		return true;
	element_count(e, PGM_ne_link_full);
	return false;
}

/* Each copy says where NAKs are to go: to the interface that it leaves by (7.1). */
static enum pgm_input spm(struct pgm_element *e, uint64_t now_ns, const struct pgm_packet *p,
			  const struct pgm_hop *in, uint8_t *at, unsigned len)
{
	struct ne_path *path;

	if (p->nla.len != e->config.nla[0].len || in->from.len != p->nla.len)
		return element_drop(e, PGM_ne_drop_family);
	if (!element_is_multicast(&in->to))
		return element_drop(e, PGM_ne_drop_address);
	if (!(path = path_learn(e, now_ns, p, in)))
		return PGM_DROPPED;
	element_count(e, PGM_ne_spms);
	if (p->options.has & PGM_HAS_CURR_TGSIZE)
		element_short_group(e, path, p->lead, p->options.curr_tgsize);
	for (unsigned i = 0; i < e->config.interfaces; i++) {
		if (i == in->interface)
			continue;
		pgm_spm_set_path(at, len, &e->config.nla[i]);
		element_send(e, i, &in->from, &in->to, at, len, true);
	}
	return PGM_TAKEN;
}

/* Switched without regard to what it is (7.3), as long as it comes from where its SPMs do. */
static enum pgm_input odata(struct pgm_element *e, const struct pgm_packet *p,
			    const struct pgm_hop *in, const uint8_t *at, unsigned len)
{
	const struct ne_path *path = path_find(e, &p->tsi);

	if (!element_is_multicast(&in->to))
		return element_drop(e, PGM_ne_drop_address);
	if (path && path->interface != in->interface)
		return element_drop(e, PGM_ne_drop_not_upstream);
	element_count(e, PGM_ne_odata);
	for (unsigned i = 0; i < e->config.interfaces; i++)
		if (i != in->interface)
			element_send(e, i, &in->from, &in->to, at, len, false);
	return PGM_TAKEN;
}

/* It is unicast to the source (13.6), so that elements have no part in it but to let it pass if
 * they are on its way; and as the SPM serves all who ask, one of them will do. */
static enum pgm_input spmr(struct pgm_element *e, uint64_t now_ns, const struct pgm_packet *p,
			   const struct pgm_hop *in, const uint8_t *at, unsigned len)
{
	struct ne_path *path;

	if (element_is_multicast(&in->to)) /* to the other receivers of its subnet */
		return element_drop(e, PGM_ne_drop_address);
	if (!(path = path_of(e, p, in)))
		return PGM_DROPPED;
	if (path->spmr_sent && now_ns - path->spmr_at < e->config.spmr_ivl_ns)
		return element_drop(e, PGM_ne_drop_spmrs_suppressed);
	if (!element_send(e, path->interface, &in->from, &path->source, at, len, false))
		return PGM_DROPPED;
	path->spmr_sent = true;
	path->spmr_at = now_ns;
	element_count(e, PGM_ne_spmrs);
	return PGM_TAKEN;
}

enum pgm_input pgm_element_input(struct pgm_element *e, uint64_t now_ns, const struct pgm_packet *p,
				 const struct pgm_hop *in, uint8_t *at, unsigned len)
{
	bool altered;

	assert(in->interface < e->config.interfaces);
	if (p->type == PGM_ODATA)
		return odata(e, p, in, at, len);
	if (!element_obey_opx(p, at, &altered))
		return element_drop(e, PGM_ne_drop_option);
	if (altered)
		element_seal(at, len);
	switch (p->type) {
	case PGM_SPM:
		return spm(e, now_ns, p, in, at, len);
	case PGM_RDATA:
		return element_rdata(e, p, in, at, len);
	case PGM_NAK:
		return element_nak(e, now_ns, p, in, at, len);
	case PGM_NNAK:
		return element_nnak(e, now_ns, p, in, at, len);
	case PGM_NCF:
		return element_ncf(e, now_ns, p, in);
	case PGM_SPMR:
		return spmr(e, now_ns, p, in, at, len);
	case PGM_ODATA:
	case PGM_POLL:
	case PGM_POLR:
		break;
	}
	return element_drop(e, PGM_ne_drop_type);
}

uint64_t pgm_element_turn(struct pgm_element *e, uint64_t now_ns)
{
	/* First what takes its repairs with it. */
	uint64_t paths = paths_turn(e, now_ns), repairs = repairs_turn(e, now_ns);

	return repairs < paths ? repairs : paths;
}
