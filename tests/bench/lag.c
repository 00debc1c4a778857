/* Subscribers that lag on purpose from when the measurement begins. What comes for them is taken
 * off the stack's hands at once, so that its buffers go on; but the window that it filled opens
 * again only as fast as such a subscriber reads: never if stalled, else at a share of the others'
 * rate. */
#include "tests/bench/blast.h"

enum lag lag_of(const struct options *o, uint32_t id)
{
	if (id < o->stalled)
		return LAG_STALLED;
	return id < o->stalled + o->slow ? LAG_SLOW : LAG_NONE;
}

bool lag_holds(struct subscriber *s, uint32_t bytes)
{
	if (s->lag == LAG_NONE || s->conn.blast->phase < PHASE_MEASURE)
		return false;
	s->held += bytes;
	return true;
}

/* Bytes that a slow one may have read by now, since the measurement began. */
static uint64_t allowance(const struct blast *b)
{
	uint64_t others = b->received - b->from.received;

	return (uint64_t)((double)others / options_prompt(&b->options) * b->layout.wire *
			  b->options.slow_percent / 100);
}

void lag_turn(struct blast *b)
{
	uint32_t end = b->options.stalled + b->options.slow;
	uint64_t may;

	if (!b->options.slow || b->phase < PHASE_MEASURE)
		return;
	may = allowance(b);
	for (uint32_t i = b->options.stalled; i < end; i++) {
		struct subscriber *s = &b->subscribers[i];
		uint64_t n = RTE_MIN(s->held, may - s->read);

		if (!n || s->conn.state != CONN_TRAFFIC)
			continue;
		s->conn.stream->ops->consumed(s->conn.stream, (uint32_t)n);
		s->held -= n;
		s->read += n;
	}
}
