/* A flow with its publishers and subscribers as processes: from their start to the count of what
 * each has received. The plans live in the struct; it must outlive the peers. */
#ifndef ZL_TESTS_INTEROP_EXCHANGE_H
#define ZL_TESTS_INTEROP_EXCHANGE_H

#include "tests/interop/appliance.h"
#include "tests/interop/flow.h"

#define EXCHANGE_MAX 64

struct exchange {
	struct publisher publisher_plan;
	struct peer *publisher;
	struct subscriber plan[EXCHANGE_MAX];
	struct peer *subscriber[EXCHANGE_MAX];
	unsigned n;
	uint64_t sent;
};

/* Messages of 64 bytes under topics that overlap. */
struct flow exchange_market(uint64_t messages);

/* Its id is its place. Options of plan[id] may be set between prepare and start. */
struct subscriber *exchange_prepare(struct exchange *x, const struct flow *flow,
				    const char *const *prefixes);
void exchange_start(struct exchange *x, const struct appliance *a, struct subscriber *s);
void exchange_subscriber(struct exchange *x, const struct appliance *a, const struct flow *flow,
			 const char *const *prefixes);
/* Connects to FRONTEND; set x->publisher_plan's options before. Returns at once. */
void exchange_publisher(struct exchange *x, const struct appliance *a, const struct flow *flow);
/* Waits until the publisher has heard of all subscriptions, and lets it go. */
void exchange_go(struct exchange *x);
/* Everybody has all that was theirs: prints the rates, ends the peers. */
void exchange_finish(struct exchange *x);

/* A publisher and eight subscribers with different, overlapping, empty and no matching topics, on
 * their way. */
void exchange_eight(struct exchange *x, const struct appliance *a, const struct flow *flow);

#endif
