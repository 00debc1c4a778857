/* A flow between a group and TCP (group.h). */
#include "tests/interop/group.h"

#include "tests/interop/peer.h"

#define SIZES 199

struct flow group_mixed(uint64_t messages)
{
	static const char *const topics[] = {"A.", "B.", "C."};
	static uint32_t sizes[SIZES];

	for (unsigned i = 0; i < SIZES; i++)
		sizes[i] = 16 + i % 50;
	sizes[10] = 1400;
	sizes[50] = 1460; /* about what a packet holds */
	sizes[51] = 1461;
	sizes[90] = 9000;
	sizes[150] = 61440;

	return (struct flow){.topics = topics,
			     .n_topics = 3,
			     .bytes = sizes,
			     .n_bytes = SIZES,
			     .messages = messages};
}

void group_carry(struct appliance *a, const struct flow *flow, const char *from,
		 const char *const to[GROUP_SUBSCRIBERS], unsigned spms)
{
	struct publisher source = {.flow = flow, .endpoint = from, .subscribers = 2, .deaf = true};
	struct subscriber sink[GROUP_SUBSCRIBERS];
	struct peer *publisher, *subscriber[GROUP_SUBSCRIBERS];

	for (unsigned i = 0; i < GROUP_SUBSCRIBERS; i++) {
		sink[i] = (struct subscriber){.flow = flow,
					      .endpoint = to[i],
					      .id = i,
					      .prefixes = {i ? "A" : ""},
					      .warmed = true};
		subscriber[i] = peer_start(&a->net, "subscriber", subscriber_run, &sink[i]);
	}
	publisher = peer_start(&a->net, "publisher", publisher_run, &source);
	peer_hear(publisher, "ready");
	for (unsigned i = 0; i < GROUP_SUBSCRIBERS; i++)
		peer_hear(subscriber[i], "warm");
	if (spms)
		appliance_await_more(a, "pgm.src_spms", spms);
	peer_tell(publisher, "go", 0);
	flow_rate("publisher", peer_hear(publisher, "sent"));
	for (unsigned i = 0; i < GROUP_SUBSCRIBERS; i++)
		flow_rate("subscriber", peer_hear(subscriber[i], "received"));
	for (unsigned i = 0; i < GROUP_SUBSCRIBERS; i++) {
		peer_tell(subscriber[i], "end", 0);
		peer_done(subscriber[i]);
	}
	peer_tell(publisher, "end", 0);
	peer_done(publisher);
}
