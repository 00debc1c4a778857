/* Messages from a NORM group: each source's stream in order, its messages whole, one after the
 * other to the socket. While the socket has no room nothing is read, and NORM's buffers keep what
 * comes. */
#include "dataplane/flow_norm.h"

#include "dataplane/lcore.h"

#define BUDGET   (256u << 10) /* bytes of a source a turn, so that others get theirs */
#define DRY_PART 16           /* below this part of memory nothing is read */
#define DRY_NS   1000000ull
#define LOOK_NS  100000000ull /* a hole that is not filled holds a stream up for so long at most */

static void on_opened(void *ctx, unsigned source)
{
	struct zl_norm_flow *f = ctx;

	zl_norm_reader_reset(&f->reader[source]);
	zl_core_count(f->flow.core, ZL_CORE_norm_streams);
}

static void on_lost(void *ctx, unsigned source)
{
	struct zl_norm_flow *f = ctx;

	zl_norm_reader_reset(&f->reader[source]);
	zl_core_count(f->flow.core, ZL_CORE_norm_lost);
}

static void on_closed(void *ctx, unsigned source)
{
	struct zl_norm_flow *f = ctx;

	zl_norm_reader_reset(&f->reader[source]);
}

static void on_refused(void *ctx)
{
	struct zl_norm_flow *f = ctx;

	zl_core_count(f->flow.core, ZL_CORE_norm_refused);
}

const struct zl_norm_ops zl_norm_in_ops = {
	.opened = on_opened,
	.lost = on_lost,
	.closed = on_closed,
	.refused = on_refused,
};

static void on_message(void *ctx, const struct zl_msg *parts, unsigned n)
{
	struct zl_norm_flow *f = ctx;

	zl_flow_in(&f->flow, parts, n);
}

static void on_dropped(void *ctx, bool too_long)
{
	struct zl_norm_flow *f = ctx;

	zl_core_count(f->flow.core,
		      too_long ? ZL_CORE_drop_flow_too_long : ZL_CORE_drop_flow_no_memory);
}

/* What fits into a buffer. How much; 0: there is no more now. */
static unsigned read_some(struct zl_norm_flow *f, unsigned source, struct rte_mbuf *m)
{
	const struct zl_assembly_sink sink = {on_message, NULL, on_dropped, f, NULL};
	uint16_t room = rte_pktmbuf_tailroom(m);
	uint8_t *at = (uint8_t *)rte_pktmbuf_append(m, room);
	unsigned n = zl_norm_read(f->norm, source, at, room);

	rte_pktmbuf_trim(m, (uint16_t)(room - n));
	if (n && !zl_norm_reader_take(&f->reader[source], at, n, m, &sink)) {
		zl_core_count(f->flow.core, ZL_CORE_drop_flow_malformed);
		zl_norm_resync(f->norm, source);
	}
	return n;
}

static bool memory_is_short(const struct rte_mempool *pool)
{
	return rte_mempool_avail_count(pool) < pool->size / DRY_PART;
}

/* false: there is no memory. */
static bool read_source(struct zl_norm_flow *f, unsigned source)
{
	struct rte_mempool *pool = f->flow.core->frames;
	unsigned n = 1;

	for (uint32_t done = 0; n && done < BUDGET && !zl_flow_stalled(&f->flow); done += n) {
		struct rte_mbuf *m = memory_is_short(pool) ? NULL : rte_pktmbuf_alloc(pool);

		if (!m)
			return false;
		n = read_some(f, source, m);
		rte_pktmbuf_free(m);
	}
	return true;
}

static void look(struct zl_norm_flow *f)
{
	uint64_t now_ns = f->flow.core->now_ns;

	if (now_ns - f->looked_ns < LOOK_NS)
		return;
	f->looked_ns = now_ns;
	zl_norm_look(f->norm);
}

/* Each source that has something once; who is not done is read again in the next turn. */
void zl_norm_in_turn(struct zl_norm_flow *f)
{
	bool memory = true;
	int source;

	look(f);
	for (unsigned i = 0; i < ZL_NORM_SOURCES && memory && !zl_flow_stalled(&f->flow); i++) {
		source = zl_norm_next(f->norm, f->next);
		if (source < 0) {
			if (zl_norm_hears(f->norm))
				zl_norm_flow_again(f, LOOK_NS);
			return;
		}
		f->next = (unsigned)source + 1;
		memory = read_source(f, (unsigned)source);
	}
	if (!zl_flow_stalled(&f->flow)) /* else it is resumed */
		zl_norm_flow_again(f, memory ? 0 : DRY_NS);
}

void zl_norm_in_close(struct zl_norm_flow *f)
{
	for (unsigned i = 0; i < ZL_NORM_SOURCES; i++)
		zl_norm_reader_reset(&f->reader[i]);
}
