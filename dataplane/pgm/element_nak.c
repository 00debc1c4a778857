/* NAKs in a network element (RFC 3208 7.2 to 7.5, 9.3.3 and 11.6): confirmed at once where they
 * come from, forwarded upstream unless the same one is on its way already, and held against NCFs
 * from there. A list counts as that many NAKs, but is confirmed and forwarded as one. */
#include <stddef.h>

#include "dataplane/pgm/element_state.h"

enum {
	NAK_MAX = 512 /* bytes: a full list and IPv6 addresses */
};

static uint32_t key_of(const struct ne_path *path, const struct pgm_packet *p, unsigned i)
{
	uint32_t sqn = element_sqn(p, i);

	return p->flags & PGM_PARITY ? element_group(path, sqn) : sqn;
}

static struct ne_repair *find(const struct pgm_element *e, const struct ne_path *path,
			      const struct pgm_packet *p, unsigned i)
{
	return repair_find(e, path, key_of(path, p, i), p->flags & PGM_PARITY);
}

/* Room for those of a packet that there is no state of yet. */
static bool has_room(const struct pgm_element *e, const struct ne_path *path,
		     const struct pgm_packet *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < element_sqns(p); i++)
		n += !find(e, path, p, i);
	return repair_has_room(e, path, n);
}

/* The session of a packet about missing ones; NULL: dropped, and counted. */
static struct ne_path *session_of(struct pgm_element *e, const struct pgm_packet *p,
				  const struct pgm_hop *in)
{
	struct ne_path *path;

	if (p->type != PGM_NCF && !element_same_nla(&in->to, &e->config.nla[in->interface])) {
		element_count(e, PGM_ne_drop_address);
		return NULL;
	}
	path = path_of(e, p, in);
	if (path && p->flags & PGM_PARITY && !path->tg_size) {
		element_count(e, PGM_ne_drop_parity);
		return NULL;
	}
	return path;
}

/* What goes on from here names the source by its own address, whatever who asks takes for it. */
static void name_source(const struct ne_path *path, const struct pgm_packet *p, uint8_t *at,
			unsigned len)
{
	if (!element_same_nla(&p->nla, &path->source))
		pgm_nak_set_source(at, len, &path->source);
}

static bool is_eliminated(const struct ne_repair *r, uint64_t now_ns)
{
	switch ((enum ne_repair_state)r->state) {
	case NE_PENDING:
		return true;
	case NE_OUTSTANDING:
		return now_ns < r->elim_until;
	case NE_FREE: /* just made */
	case NE_NULLED:
	case NE_STATES:
		break;
	}
	return false;
}

/* Adds an interface to one packet's state; true: its NAK is to be forwarded. */
static bool ask(struct pgm_element *e, uint64_t now_ns, const struct ne_path *path,
		const struct pgm_packet *p, const struct pgm_hop *in, unsigned i)
{
	const bool parity = p->flags & PGM_PARITY;
	const uint8_t packets = parity ? element_packets(path, element_sqn(p, i)) : 0;
	struct ne_repair *r = find(e, path, p, i);
	bool eliminated;

	if (!r)
		r = repair_make(e, path, key_of(path, p, i), parity);
	eliminated = is_eliminated(r, now_ns) && packets <= r->largest;
	r->interfaces |= (uint16_t)(1u << in->interface);
	if (packets > r->known[in->interface]) {
		r->known[in->interface] = packets;
		r->confirmed &= (uint16_t) ~(1u << in->interface);
	}
	if (packets > r->largest)
		r->largest = packets;
	if (eliminated)
		element_count(e, PGM_ne_naks_eliminated);
	else
		repair_pend(e, now_ns, r);
	return !eliminated;
}

/* The same packet the other way, as another type: what was the port of one end is the other's. */
static void turn_round(uint8_t *at, enum pgm_type type)
{
	uint16_t sport = pgm_load16(at);

	pgm_store16(at, pgm_load16(at + 2));
	pgm_store16(at + 2, sport);
	at[4] = (uint8_t)type;
}

/* The first NAK is confirmed at once, and of a storm one now and then (7.2). */
static bool is_confirmed(const struct pgm_element *e, uint64_t now_ns, struct ne_repair *r,
			 unsigned interface)
{
	const pgm_tick now = pgm_tick_of(now_ns);
	const uint16_t bit = (uint16_t)(1u << interface);

	if (now - r->confirmed_at >= pgm_tick_of(e->config.ncf_ivl_ns)) {
		r->confirmed_at = now;
		r->confirmed = 0;
	}
	if (r->confirmed & bit)
		return true;
	r->confirmed |= bit;
	return false;
}

static bool are_confirmed(const struct pgm_element *e, uint64_t now_ns, const struct ne_path *path,
			  const struct pgm_packet *p, unsigned interface)
{
	bool all = true;

	for (unsigned i = 0; i < element_sqns(p); i++)
		all &= is_confirmed(e, now_ns, find(e, path, p, i), interface);
	return all;
}

static void confirm(struct pgm_element *e, uint64_t now_ns, const struct ne_path *path,
		    const struct pgm_packet *p, const struct pgm_hop *in, uint8_t *at, unsigned len)
{
	if (are_confirmed(e, now_ns, path, p, in->interface)) {
		element_count(e, PGM_ne_ncfs_suppressed);
		return;
	}
	turn_round(at, PGM_NCF);
	for (unsigned i = 0; p->flags & PGM_PARITY && i < element_sqns(p); i++) {
		const struct ne_repair *r = find(e, path, p, i);

		element_set_sqn(p, at, i, r->sqn | (r->known[in->interface] - 1u));
	}
	element_seal(at, len);
	if (element_send(e, in->interface, &path->source, &path->group, at, len, true))
		element_count(e, PGM_ne_ncfs);
	turn_round(at, p->type);
}

static bool send_upstream(struct pgm_element *e, const struct ne_path *path, const uint8_t *at,
			  unsigned len)
{
	return element_send(e, path->interface, &e->config.nla[path->interface], &path->upstream,
			    at, len, true);
}

static void forward(struct pgm_element *e, const struct ne_path *path, const struct pgm_packet *p,
		    uint8_t *at, unsigned len)
{
	for (unsigned i = 0; p->flags & PGM_PARITY && i < element_sqns(p); i++) {
		const struct ne_repair *r = find(e, path, p, i);

		element_set_sqn(p, at, i, r->sqn | (r->largest - 1u));
	}
	element_seal(at, len);
	if (send_upstream(e, path, at, len))
		element_count(e, PGM_ne_naks_forwarded);
}

enum pgm_input element_nak(struct pgm_element *e, uint64_t now_ns, const struct pgm_packet *p,
			   const struct pgm_hop *in, uint8_t *at, unsigned len)
{
	const struct ne_path *path = session_of(e, p, in);
	bool news = false;

	if (!path)
		return PGM_DROPPED;
	/* Without state the repair would not come through: better no NCF either (7.6). */
	if (!has_room(e, path, p))
		return element_drop(e, PGM_ne_drop_naks_shed);
	element_count(e, PGM_ne_naks);
	e->counters[PGM_ne_nak_sqns] += element_sqns(p);
	name_source(path, p, at, len);
	for (unsigned i = 0; i < element_sqns(p); i++)
		news |= ask(e, now_ns, path, p, in, i);
	confirm(e, now_ns, path, p, in, at, len);
	if (news)
		forward(e, path, p, at, len);
	return PGM_TAKEN;
}

void element_repeat_nak(struct pgm_element *e, const struct ne_path *path, const uint32_t *sqn,
			unsigned n, bool parity)
{
	uint8_t out[NAK_MAX];
	struct pgm_packet p;

	memset(&p, 0, offsetof(struct pgm_packet, options.nak_list));
	p.type = PGM_NAK;
	p.flags = parity ? PGM_PARITY : 0;
	p.sport = path->dport;
	p.dport = path->tsi.port;
	p.tsi = path->tsi;
	p.nla = path->source;
	p.group = path->group;
	p.sqn = sqn[0];
	if (n > 1) {
		p.options.has = PGM_HAS_NAK_LIST;
		p.options.naks = (uint8_t)(n - 1);
		memcpy(p.options.nak_list, sqn + 1, (n - 1) * sizeof(sqn[0]));
	}
	if (send_upstream(e, path, out, (unsigned)pgm_build(&p, out, sizeof(out))))
		element_count(e, PGM_ne_naks_repeated);
}

/* 9.5.3.2, and for parity 11.6: neither confirmed nor repeated, and no interface is added. */
enum pgm_input element_nnak(struct pgm_element *e, uint64_t now_ns, const struct pgm_packet *p,
			    const struct pgm_hop *in, uint8_t *at, unsigned len)
{
	const bool parity = p->flags & PGM_PARITY;
	const struct ne_path *path = session_of(e, p, in);
	bool news = false;

	if (!path)
		return PGM_DROPPED;
	if (!has_room(e, path, p))
		return element_drop(e, PGM_ne_drop_naks_shed);
	for (unsigned i = 0; i < element_sqns(p); i++) {
		uint8_t packets = parity ? element_packets(path, element_sqn(p, i)) : 0;
		struct ne_repair *r = find(e, path, p, i);

		if (r && (!parity || r->largest > packets))
			continue;
		news = true;
		if (r)
			continue;
		r = repair_make(e, path, key_of(path, p, i), parity);
		r->largest = packets;
		repair_null(e, now_ns, r);
	}
	if (!news)
		return element_drop(e, PGM_ne_drop_nnaks_eliminated);
	name_source(path, p, at, len);
	if (send_upstream(e, path, at, len))
		element_count(e, PGM_ne_nnaks);
	return PGM_TAKEN;
}

/* An NCF for one packet. What nobody downstream has asked for is anticipated: once they do, it is
 * under way already (7.5). */
static void confirmed(struct pgm_element *e, uint64_t now_ns, const struct ne_path *path,
		      const struct pgm_packet *p, unsigned i)
{
	const bool parity = p->flags & PGM_PARITY;
	const uint8_t packets = parity ? element_packets(path, element_sqn(p, i)) : 0;
	struct ne_repair *r = find(e, path, p, i);

	if (r && packets < r->largest) {
		element_count(e, PGM_ne_ncfs_short);
		return;
	}
	if (!r && !repair_has_room(e, path, 1)) {
		element_count(e, PGM_ne_drop_anticipated);
		return;
	}
	if (!r) {
		r = repair_make(e, path, key_of(path, p, i), parity);
		element_count(e, PGM_ne_anticipated);
	} else {
		element_count(e, PGM_ne_confirmed);
	}
	r->largest = packets;
	repair_confirm(e, now_ns, r);
}

enum pgm_input element_ncf(struct pgm_element *e, uint64_t now_ns, const struct pgm_packet *p,
			   const struct pgm_hop *in)
{
	const struct ne_path *path = session_of(e, p, in);

	if (!path)
		return PGM_DROPPED;
	for (unsigned i = 0; i < element_sqns(p); i++)
		confirmed(e, now_ns, path, p, i);
	return PGM_TAKEN;
}
