/* Slow start and congestion avoidance as in RFC 5681, with the initial window of RFC 6928 and
 * appropriate byte counting (RFC 3465; L = 8 for a sender that does not pace, as RFC 9406 4.2 has
 * it, because receivers that coalesce acknowledge many segments at once). */
#include <rte_common.h>

#include "dataplane/net/tcp/cc.h"

#define INITIAL_SEGMENTS 10
#define BYTE_COUNT_LIMIT 8
#define CWND_MAX         (1u << 30)

/* RFC 6928 2 */
static uint32_t initial_window(uint32_t mss)
{
	uint32_t bytes = RTE_MAX(2 * mss, 14600u);

	return RTE_MIN(INITIAL_SEGMENTS * mss, bytes);
}

static void newreno_init(struct tcp_cc *cc, uint32_t mss)
{
	cc->mss = mss;
	cc->cwnd = initial_window(mss);
	cc->ssthresh = CWND_MAX;
	cc->acked = 0;
}

/* cwnd grows only while it is what limits the sender (RFC 7661 4.1's reason, its simplest form). */
static void newreno_acked(struct tcp_cc *cc, uint32_t acked, uint32_t flight)
{
	if (cc->cwnd < cc->ssthresh) {
		if (flight >= cc->cwnd / 2)
			cc->cwnd += RTE_MIN(acked, BYTE_COUNT_LIMIT * cc->mss);
	} else if (flight + cc->mss >= cc->cwnd) {
		cc->acked += acked;
		if (cc->acked >= cc->cwnd) {
			cc->acked -= cc->cwnd;
			cc->cwnd += cc->mss;
		}
	}
	cc->cwnd = RTE_MIN(cc->cwnd, CWND_MAX);
}

/* RFC 5681 equation 4 */
static uint32_t newreno_ssthresh(const struct tcp_cc *cc, uint32_t flight)
{
	return RTE_MAX(flight / 2, 2 * cc->mss);
}

/* RFC 5681 4.1 */
static void newreno_idle(struct tcp_cc *cc)
{
	cc->cwnd = RTE_MIN(cc->cwnd, initial_window(cc->mss));
	cc->acked = 0;
}

const struct tcp_cc_ops cc_newreno = {
	.name = "newreno",
	.init = newreno_init,
	.acked = newreno_acked,
	.ssthresh = newreno_ssthresh,
	.idle = newreno_idle,
};
