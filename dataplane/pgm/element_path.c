/* Source path state of a network element (RFC 3208 7.1): for each session, where it comes from and
 * where its NAKs go. Only an SPM makes it, and only SPMs keep it. */
#include "dataplane/pgm/element_state.h"

_Static_assert(sizeof(struct pgm_tsi) == 8, "compared and hashed as it lies");

static uint32_t *bucket_of(const struct pgm_element *e, const struct pgm_tsi *tsi)
{
	uint64_t x;

	memcpy(&x, tsi, sizeof(x));
	return &e->path_hash[element_hash(e, x) & e->path_mask];
}

struct ne_path *path_find(const struct pgm_element *e, const struct pgm_tsi *tsi)
{
	uint32_t i = *bucket_of(e, tsi);

	while (i != NE_NONE && memcmp(&e->path[i].tsi, tsi, sizeof(*tsi)))
		i = e->path[i].hash_next;
	return i == NE_NONE ? NULL : &e->path[i];
}

static void forget(struct pgm_element *e, struct ne_path *path)
{
	uint32_t i = (uint32_t)(path - e->path), *at = bucket_of(e, &path->tsi);

	repairs_forget(e, path);
	while (*at != i)
		at = &e->path[*at].hash_next;
	*at = path->hash_next;
	ne_list_remove(&e->paths, e->path_link, i);
	ne_list_append(&e->paths_free, e->path_link, i);
	e->path_count--;
}

/* The place of the one that was silent for longest, if long enough. */
static bool make_room(struct pgm_element *e, uint64_t now_ns)
{
	struct ne_path *oldest;

	if (e->paths_free.head != NE_NONE)
		return true;
	oldest = &e->path[e->paths.head];
	if (now_ns - oldest->heard_at < e->config.evict_ns)
		return false;
	forget(e, oldest);
	element_count(e, PGM_ne_paths_evicted);
	return true;
}

static struct ne_path *begin(struct pgm_element *e, uint64_t now_ns, const struct pgm_packet *p)
{
	struct ne_path *path;
	uint32_t i, *bucket;

	if (!make_room(e, now_ns)) {
		element_count(e, PGM_ne_drop_paths);
		return NULL;
	}
	i = e->paths_free.head;
	ne_list_remove(&e->paths_free, e->path_link, i);
	ne_list_append(&e->paths, e->path_link, i);
	path = &e->path[i];
	bucket = bucket_of(e, &p->tsi);
	*path = (struct ne_path){.tsi = p->tsi, .hash_next = *bucket};
	*bucket = i;
	e->path_count++;
	element_count(e, PGM_ne_paths);
	return path;
}

/* A group's packets are told by the low bits of their numbers. */
static uint8_t group_size(const struct pgm_options *o)
{
	bool can_be = o->tg_size >= 2 && o->tg_size <= 128 && !(o->tg_size & (o->tg_size - 1));

	return o->has & PGM_HAS_PARITY_PRM && can_be ? (uint8_t)o->tg_size : 0;
}

struct ne_path *path_learn(struct pgm_element *e, uint64_t now_ns, const struct pgm_packet *p,
			   const struct pgm_hop *in)
{
	struct ne_path *path = path_find(e, &p->tsi);
	uint8_t tg_size = group_size(&p->options);
	uint32_t i;

	if (path && (int32_t)(p->sqn - path->spm_sqn) <= 0) {
		element_count(e, PGM_ne_drop_spm_old);
		return NULL;
	}
	if (path && path->interface != in->interface)
		element_count(e, PGM_ne_paths_moved);
	/* What was asked for by groups of another size cannot be told apart any more. */
	if (path && path->tg_size != tg_size)
		repairs_forget(e, path);
	if (!path && !(path = begin(e, now_ns, p)))
		return NULL;
	path->spm_sqn = p->sqn;
	path->interface = (uint8_t)in->interface;
	path->upstream = p->nla;
	path->source = in->from;
	path->group = in->to;
	path->dport = p->dport;
	path->tg_size = tg_size;
	path->heard_at = now_ns;
	i = (uint32_t)(path - e->path);
	ne_list_remove(&e->paths, e->path_link, i);
	ne_list_append(&e->paths, e->path_link, i);
	return path;
}

/* Receivers of OpenPGM's have the source's name from the path in its SPMs, where the name is ours.
 */
static bool names_source(const struct ne_path *path, const struct pgm_packet *p,
			 const struct pgm_hop *in, bool upstream)
{
	return element_same_nla(&p->nla, &path->source) ||
	       (upstream && element_same_nla(&p->nla, &in->to));
}

static bool names_it(const struct ne_path *path, const struct pgm_packet *p,
		     const struct pgm_hop *in, bool upstream)
{
	bool names = p->type == PGM_NAK || p->type == PGM_NNAK || p->type == PGM_NCF;

	return (upstream ? p->sport : p->dport) == path->dport &&
	       (upstream || element_same_nla(&in->to, &path->group)) &&
	       (!names ||
		(names_source(path, p, in, upstream) && element_same_nla(&p->group, &path->group)));
}

struct ne_path *path_of(struct pgm_element *e, const struct pgm_packet *p, const struct pgm_hop *in)
{
	bool upstream = p->type == PGM_NAK || p->type == PGM_NNAK || p->type == PGM_SPMR;
	struct ne_path *path = path_find(e, &p->tsi);

	if (!path)
		element_count(e, PGM_ne_drop_unknown);
	else if (upstream && in->interface == path->interface)
		element_count(e, PGM_ne_drop_from_upstream);
	else if (!upstream && in->interface != path->interface)
		element_count(e, PGM_ne_drop_not_upstream);
	else if (!names_it(path, p, in, upstream))
		element_count(e, PGM_ne_drop_names);
	else
		return path;
	return NULL;
}

uint64_t paths_turn(struct pgm_element *e, uint64_t now_ns)
{
	while (e->paths.head != NE_NONE) {
		struct ne_path *path = &e->path[e->paths.head];

		if (now_ns - path->heard_at < e->config.expiry_ns)
			return path->heard_at + e->config.expiry_ns;
		forget(e, path);
		element_count(e, PGM_ne_paths_expired);
	}
	return PGM_NEVER;
}

unsigned pgm_element_paths(const struct pgm_element *e)
{
	return e->path_count;
}

bool pgm_element_path(const struct pgm_element *e, const struct pgm_tsi *tsi,
		      struct pgm_element_path *to)
{
	const struct ne_path *path = path_find(e, tsi);

	if (!path)
		return false;
	*to = (struct pgm_element_path){.source = path->source,
					.group = path->group,
					.upstream = {.interface = path->interface,
						     .from = e->config.nla[path->interface],
						     .to = path->upstream},
					.spm_sqn = path->spm_sqn,
					.repairs = path->repairs,
					.heard_ns = path->heard_at};
	return true;
}
