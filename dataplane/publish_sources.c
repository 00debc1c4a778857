/* Sources that flows hear, for control: each endpoint's after the other's. */
#include "dataplane/flow.h"
#include "dataplane/lcore.h"

static void give(struct zl_stats_source *at, uint64_t stream)
{
	__atomic_store_n(&at->stream, stream, __ATOMIC_RELEASE);
}

void zl_publish_sources(struct zl_lcore *c)
{
	struct zl_stats_source *at = zl_stats_source(c->stats, c->id, 0);
	unsigned n = 0;

	for (struct zl_flow *f = c->flows; f; f = f->next) {
		unsigned to = n;

		if (f->peer && f->ops->sources)
			to += f->ops->sources(f, at + n, ZL_STATS_SOURCES - n);
		for (; n < to; n++)
			give(&at[n], f->peer->id);
	}
	for (; n < ZL_STATS_SOURCES && at[n].stream; n++)
		give(&at[n], 0);
}
