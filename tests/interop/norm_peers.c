#include "tests/interop/norm_peers.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/interop/flow.h"

#define SIZES 199
#define BATCH 500 /* at once: a packet each, where libzmq sends them */

const char *const norm_by_tcp[2] = {BACKEND, BACKEND};
const char *const norm_by_group[2] = {NORM_HIS(2), NORM_HIS(3)};

/* Small and large, from what its number takes to 60 KiB; most are small. */
static struct flow mixed(uint64_t messages, uint32_t most)
{
	static const char *const topics[] = {"A.", "B.", "C."};
	static uint32_t sizes[SIZES];

	for (unsigned i = 0; i < SIZES; i++)
		sizes[i] = 16 + i % 50;
	sizes[10] = 1390;
	sizes[50] = 1400; /* what a packet holds */
	sizes[51] = 1401;
	sizes[90] = 9000;
	sizes[150] = 61440;
	for (unsigned i = 0; i < SIZES; i++)
		sizes[i] = sizes[i] < most ? sizes[i] : most;
	return (struct flow){.topics = topics,
			     .n_topics = 3,
			     .bytes = sizes,
			     .n_bytes = SIZES,
			     .messages = messages,
			     .batch = BATCH};
}

struct appliance *norm_start(unsigned poll_cores, const char *frontend, const char *backend)
{
	return appliance_start(&(struct appliance_config){.carrier = LAB_TAP,
							  .poll_cores = poll_cores,
							  .frontend = frontend,
							  .backend = backend});
}

void norm_leave(struct peer *p)
{
	peer_signal(p, SIGKILL);
}

static unsigned joined(const struct lab_net *net)
{
	char line[128];
	unsigned group, users, n = 0;
	FILE *f;

	snprintf(line, sizeof(line), "ip netns exec %s cat /proc/net/igmp", net->peer);
	f = popen(line, "r");
	if (!f)
		fail_msg("failed: %s", line);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "\t\t\t\t%8X %u", &group, &users) == 2 &&
		    ntohl(group) == NORM_GROUP_IP)
			n = users;
	pclose(f);
	return n;
}

void norm_await_joined(struct appliance *a, unsigned n)
{
	const uint64_t end = lab_now_ms() + (uint64_t)LAB_PATIENCE_MS;

	while (joined(&a->net) < n)
		if (lab_now_ms() > end)
			fail_msg("%u have joined " NORM_GROUP ", and not %u", joined(&a->net), n);
}

/* None of them can say that it is there, so that the publisher warms up until everybody has heard
 * it. It is never further ahead than NORM's buffers reach: what they no longer have cannot be
 * repaired. */
void norm_carry(struct appliance *a, const char *from, const char *const to[2], uint64_t messages)
{
	const struct flow flow = mixed(messages, to == norm_by_tcp ? NORM_LIBZMQ_MOST : UINT32_MAX);
	struct publisher source = {.flow = &flow, .endpoint = from, .subscribers = 2, .deaf = true};
	struct subscriber sink[2];
	struct peer *publisher, *subscriber[2];

	for (unsigned i = 0; i < 2; i++) {
		sink[i] = (struct subscriber){.flow = &flow,
					      .endpoint = to[i],
					      .id = i,
					      .prefixes = {""},
					      .report = BATCH,
					      .warmed = true};
		subscriber[i] = peer_start(&a->net, "subscriber", subscriber_run, &sink[i]);
	}
	publisher = peer_start(&a->net, "publisher", publisher_run, &source);
	peer_hear(publisher, "ready");
	for (unsigned i = 0; i < 2; i++)
		peer_hear(subscriber[i], "warm");
	peer_tell(publisher, "go", 0);
	for (uint64_t sent = BATCH; sent <= flow.messages; sent += BATCH) {
		for (unsigned i = 0; i < 2; i++)
			peer_hear(subscriber[i], "reached");
		if (sent < flow.messages)
			peer_tell(publisher, "next", 0);
	}
	flow_rate("publisher", peer_hear(publisher, "sent"));
	for (unsigned i = 0; i < 2; i++)
		flow_rate("subscriber", peer_hear(subscriber[i], "received"));
	for (unsigned i = 0; i < 2; i++)
		norm_leave(subscriber[i]);
	norm_leave(publisher);
	assert_int_equal(appliance_counter(a, "core.norm_lost"), 0);
}
