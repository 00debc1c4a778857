/* Subscribing while traffic goes on: from the middle of the measurement on, one more connection
 * asks for prefixes that no message begins with, until publishers know of its mark. It asks in
 * small pieces, so that those who publish and receive on this thread wait no longer for it. */
#include "tests/bench/blast.h"

#define PACED_QUEUED 16384 /* bytes; at a rate latency is what counts */

void during_init(struct blast *b)
{
	b->during.from_ns = b->during.to_ns = UINT64_MAX;
}

static bool all_told(const struct blast *b)
{
	for (uint32_t i = 0; i < b->options.publishers; i++)
		if (b->publishers[i].heard <= b->options.subscribers)
			return false;
	return true;
}

bool during_turn(struct blast *b)
{
	struct subscriber *s = &b->subscribers[b->options.subscribers];
	uint64_t half_ns = (uint64_t)(b->options.seconds * 0.5e9);
	bool paced = b->interval_ns > 0;

	if (!b->options.during || b->during.to_ns != UINT64_MAX)
		return true;
	if (b->machine.now_ns < b->from.at_ns + half_ns)
		return false;
	if (b->during.from_ns == UINT64_MAX)
		b->during.from_ns = b->machine.now_ns;
	ask(s, paced ? PACED_QUEUED : ASK_BYTES, paced ? 1 : 16);
	if (!all_told(b))
		return false;
	b->during.to_ns = b->machine.now_ns;
	return true;
}

void during_time(struct during *d, uint64_t when, uint64_t late)
{
	if (when < d->from_ns)
		histogram_add(&d->quiet, late);
	else if (when < d->to_ns)
		histogram_add(&d->busy, late);
}
