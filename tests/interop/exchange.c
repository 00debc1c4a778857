/* One publisher, many subscribers. */
#include "tests/interop/exchange.h"

#include <stdio.h>
#include <string.h>

struct flow exchange_market(uint64_t messages)
{
	static const char *const topics[] = {"A.",  "AB.", "ABC.", "B.",
					     "BA.", "C.",  "D/1.", "D/2."};
	static const uint32_t bytes[] = {64};

	return (struct flow){.topics = topics,
			     .n_topics = 8,
			     .bytes = bytes,
			     .n_bytes = 1,
			     .messages = messages};
}

struct subscriber *exchange_prepare(struct exchange *x, const struct flow *flow,
				    const char *const *prefixes)
{
	struct subscriber *s = &x->plan[x->n];

	*s = (struct subscriber){.flow = flow, .endpoint = BACKEND, .id = x->n++};
	for (unsigned i = 0; prefixes[i]; i++)
		s->prefixes[i] = prefixes[i];
	return s;
}

void exchange_start(struct exchange *x, const struct appliance *a, struct subscriber *s)
{
	char name[32];

	snprintf(name, sizeof(name), "subscriber %u", s->id);
	x->subscriber[s->id] = peer_start(&a->net, name, subscriber_run, s);
}

void exchange_subscriber(struct exchange *x, const struct appliance *a, const struct flow *flow,
			 const char *const *prefixes)
{
	exchange_start(x, a, exchange_prepare(x, flow, prefixes));
}

void exchange_publisher(struct exchange *x, const struct appliance *a, const struct flow *flow)
{
	x->publisher_plan.flow = flow;
	x->publisher_plan.endpoint = FRONTEND;
	x->publisher_plan.subscribers = x->n;
	x->publisher = peer_start(&a->net, "publisher", publisher_run, &x->publisher_plan);
}

void exchange_go(struct exchange *x)
{
	peer_hear(x->publisher, "ready");
	peer_tell(x->publisher, "go", 0);
}

void exchange_finish(struct exchange *x)
{
	const struct note *note = peer_hear(x->publisher, "sent");
	uint64_t deliveries = 0;
	double longest = 0;

	x->sent = note->n;
	flow_rate("publisher", note);
	for (unsigned i = 0; i < x->n; i++) {
		note = peer_hear_past(x->subscriber[i], "reached", "received");
		deliveries += note->n;
		longest = note->seconds > longest ? note->seconds : longest;
	}
	printf("%u subscribers: %llu messages, exact, in %.2f s: %.0f deliveries/s\n", x->n,
	       (unsigned long long)deliveries, longest,
	       longest > 0 ? (double)deliveries / longest : 0.0);
	for (unsigned i = 0; i < x->n; i++) {
		peer_tell(x->subscriber[i], "end", 0);
		peer_done(x->subscriber[i]);
	}
	peer_tell(x->publisher, "end", 0);
	peer_done(x->publisher);
}

void exchange_eight(struct exchange *x, const struct appliance *a, const struct flow *flow)
{
	static const char *const prefixes[8][4] = {
		{""},        {"A"},        {"AB", "ABC"}, {"A", "AB"},
		{"B", "C."}, {"D/1", "D"}, {"Z"},         {"", "A", "D/2"},
	};

	memset(x, 0, sizeof(*x));
	for (unsigned i = 0; i < 8; i++)
		exchange_subscriber(x, a, flow, prefixes[i]);
	exchange_publisher(x, a, flow);
	exchange_go(x);
}
