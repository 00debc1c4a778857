/* A token bucket over bytes (RFC 3208 5.1.2). */
#ifndef ZL_PGM_BUCKET_H
#define ZL_PGM_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/rate.h"

struct pgm_bucket {
	uint64_t rate; /* bytes/s; 0: no limit */
	uint64_t rest, at_ns;
	int64_t credit, most; /* bytes; credit is below 0 after what could not wait */
};

static inline void bucket_init(struct pgm_bucket *b, uint64_t rate, uint32_t most, uint64_t now_ns)
{
	*b = (struct pgm_bucket){.rate = rate, .at_ns = now_ns, .credit = most, .most = most};
}

/* Credit is brought up to date when it is short, or this old: what was not credited in time cannot
 * be cut off at the brim, so that a burst may have that much more. */
#define BUCKET_STALE_NS 4000

static inline bool bucket_has(struct pgm_bucket *b, uint64_t now_ns, uint32_t bytes)
{
	if (!b->rate)
		return true;
	if (now_ns > b->at_ns &&
	    (b->credit < (int64_t)bytes || now_ns - b->at_ns >= BUCKET_STALE_NS)) {
		zl_rate_add_credit(&b->credit, zl_rate_earned(b->rate, now_ns - b->at_ns, &b->rest),
				   b->most);
		b->at_ns = now_ns;
	}
	return b->credit >= (int64_t)bytes;
}

static inline void bucket_take(struct pgm_bucket *b, uint32_t bytes)
{
	if (b->rate)
		b->credit -= bytes;
}

/* When it will have that many, asked right after bucket_has() has said no. */
static inline uint64_t bucket_when(const struct pgm_bucket *b, uint32_t bytes)
{
	uint64_t missing = (uint64_t)(bytes - b->credit);

	return b->at_ns + missing / b->rate * ZL_RATE_S_NS +
	       (missing % b->rate * ZL_RATE_S_NS) / b->rate + 1;
}

#endif
