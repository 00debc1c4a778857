/* Counting cycles by stage, on and off, and what the core did meanwhile. It is for a while only: a
 * core counts until the time that control gave is over, and not on when control has gone. */
#include "dataplane/lcore.h"

static void read_all(const struct zl_lcore *c, uint64_t now[ZL_COUNTED])
{
	const uint64_t *net = zl_net_counters(c->net);

	now[ZL_COUNTED_turns] = c->turns - c->idle_turns;
	now[ZL_COUNTED_frames_in] = net[ZL_NET_eth_rx_frames];
	now[ZL_COUNTED_frames_out] = net[ZL_NET_eth_tx_frames];
	now[ZL_COUNTED_msgs_in] = c->zmtp.counter[ZL_ZMTP_parts_in];
	now[ZL_COUNTED_msgs_out] = c->msgs_out;
}

void zl_count_tally(struct zl_lcore *c)
{
	uint64_t now[ZL_COUNTED];

	if (!c->stages.on)
		return;
	read_all(c, now);
	for (unsigned i = 0; i < ZL_COUNTED; i++) {
		c->counted[i] += now[i] - c->counted_from[i];
		c->counted_from[i] = now[i];
	}
}

void zl_count_start(struct zl_lcore *c, uint32_t ms)
{
	uint64_t until = c->now_ns + ms * 1000000ull;

	if (!c->stages.on) {
		read_all(c, c->counted_from);
		zl_stages_on(&c->stages, rte_rdtsc());
		c->count_until_ns = 0;
	}
	if (until > c->count_until_ns)
		c->count_until_ns = until;
	zl_publish(c); /* before control hears that we count */
}

void zl_count_stop(struct zl_lcore *c)
{
	if (!c->stages.on)
		return;
	zl_count_tally(c);
	zl_stages_off(&c->stages, rte_rdtsc());
	zl_publish(c);
}

void zl_count_turn(struct zl_lcore *c, bool worked)
{
	zl_stages_turn(&c->stages, worked, rte_rdtsc());
	if (c->now_ns >= c->count_until_ns)
		zl_count_stop(c);
}
