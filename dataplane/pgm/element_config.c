/* How a PGM network element is set, and laid out in the memory that it is given. */
#include <assert.h>

#include "dataplane/pgm/element_state.h"
#include "dataplane/pgm/layout.h"

enum {
	PATHS_MAX = 65536,
	REPAIRS_MAX = 1 << 24,
};

void pgm_element_defaults(struct pgm_element_config *c)
{
	const uint64_t ms = 1000000;

	c->paths = 256;
	c->repairs = 16384;
	c->path_repairs = 8192;
	/* No sooner than a source a continent away can have answered. */
	c->nak_repeat_ns = 200 * ms;
	c->nak_rpt_ns = 1000 * ms;
	c->nak_rdata_ns = 1000 * ms;
	/* Receivers ask again after NAK_RDATA_IVL, 200 ms: that NAK must get through. */
	c->nak_elim_ns = 100 * ms;
	c->ncf_ivl_ns = 20 * ms;
	c->spmr_ivl_ns = 100 * ms;
	c->expiry_ns = 300000 * ms;
	c->evict_ns = 60000 * ms;
}

static bool addresses_can_be(const struct pgm_element_config *c)
{
	for (unsigned i = 0; i < c->interfaces; i++)
		if (c->nla[i].len != c->nla[0].len)
			return false;
	return c->nla[0].len == 4 || c->nla[0].len == 16;
}

static bool can_be(const struct pgm_element_config *c)
{
	return c->interfaces >= 2 && c->interfaces <= PGM_ELEMENT_INTERFACES &&
	       addresses_can_be(c) && c->paths && c->paths <= PATHS_MAX && c->repairs &&
	       c->repairs <= REPAIRS_MAX && c->path_repairs && c->nak_repeat_ns && c->nak_rpt_ns &&
	       c->nak_rdata_ns && c->nak_elim_ns && c->nak_elim_ns < c->nak_rdata_ns &&
	       c->expiry_ns;
}

struct layout {
	size_t paths, path_links, path_hash, repairs, repair_links, repair_hash, end;
	uint32_t path_hash_size, repair_hash_size;
};

static struct layout layout_of(const struct pgm_element_config *c)
{
	struct layout l = {.path_hash_size = layout_power_of_two(2 * c->paths),
			   .repair_hash_size = layout_power_of_two(2 * c->repairs)};

	l.paths = layout_aligned(sizeof(struct pgm_element));
	l.path_links = layout_aligned(l.paths + c->paths * sizeof(struct ne_path));
	l.path_hash = layout_aligned(l.path_links + c->paths * sizeof(struct ne_link));
	l.repairs = layout_aligned(l.path_hash + l.path_hash_size * sizeof(uint32_t));
	l.repair_links = layout_aligned(l.repairs + c->repairs * sizeof(struct ne_repair));
	l.repair_hash = layout_aligned(l.repair_links + c->repairs * sizeof(struct ne_link));
	l.end = layout_aligned(l.repair_hash + l.repair_hash_size * sizeof(uint32_t));
	return l;
}

size_t pgm_element_bytes(const struct pgm_element_config *c)
{
	return can_be(c) ? layout_of(c).end : 0;
}

static void empty_tables(struct pgm_element *e)
{
	ne_list_init(&e->paths);
	ne_list_init(&e->paths_free);
	for (unsigned i = 0; i < NE_STATES; i++)
		ne_list_init(&e->repairs[i]);
	for (uint32_t i = 0; i < e->config.paths; i++)
		ne_list_append(&e->paths_free, e->path_link, i);
	for (uint32_t i = 0; i < e->config.repairs; i++)
		ne_list_append(&e->repairs[NE_FREE], e->repair_link, i);
	memset(e->path_hash, 0xff, ((size_t)e->path_mask + 1) * sizeof(uint32_t));
	memset(e->repair_hash, 0xff, ((size_t)e->repair_mask + 1) * sizeof(uint32_t));
}

struct pgm_element *pgm_element_init(void *memory, const struct pgm_element_config *c,
				     const struct pgm_element_ops *ops, void *ctx,
				     uint64_t *counters)
{
	const struct layout l = layout_of(c);
	struct pgm_element *e = memory;
	uint8_t *at = memory;

	assert(can_be(c) && !((uintptr_t)memory & 63));
	memset(memory, 0, l.end);
	e->config = *c;
	e->ops = *ops;
	e->ctx = ctx;
	e->counters = counters;
	e->path = (struct ne_path *)(at + l.paths);
	e->path_link = (struct ne_link *)(at + l.path_links);
	e->path_hash = (uint32_t *)(at + l.path_hash);
	e->path_mask = l.path_hash_size - 1;
	e->repair = (struct ne_repair *)(at + l.repairs);
	e->repair_link = (struct ne_link *)(at + l.repair_links);
	e->repair_hash = (uint32_t *)(at + l.repair_hash);
	e->repair_mask = l.repair_hash_size - 1;
	empty_tables(e);
	return e;
}
