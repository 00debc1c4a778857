/* Work that is dealt out: pushers whose every message proves who sent it, as which, and that it is
 * whole, and pullers that check that and that each pusher's come in order. What all pullers have
 * had adds up to what was sent, each once. */
#ifndef ZL_TESTS_INTEROP_PIPELINE_H
#define ZL_TESTS_INTEROP_PIPELINE_H

#include "tests/interop/appliance.h"
#include "tests/interop/talk.h"

#define PUSHERS_MAX 4

struct pusher {
	const char *endpoint;
	int type;         /* ZMQ_PUSH, ZMQ_DEALER, ... */
	bool bind, small; /* small: little buffers, a HWM of 100 */
	unsigned id;      /* below PUSHERS_MAX */
	uint64_t messages;
	uint32_t bytes; /* of the first part */
	unsigned parts; /* of every third message; the others have one */
	unsigned begun; /* says "begun" after so many messages, and waits for "on"; 0: does not */
	enum tongue tongue;
};
/* Waits for "go", sends, says "sent", listens for "end". */
void pusher_run(struct peer *self, const void *pusher);

struct puller {
	const char *endpoint;
	int type;
	bool bind, small;
	bool waits; /* reads nothing before it is told "read" */
	enum tongue tongue;
};
/* Receives; told "count" it says "count", with a struct pulled. Told "take" it receives so many
 * more and says "count", and nothing beyond before it is told "read". Ends when told "end". */
void puller_run(struct peer *self, const void *puller);

struct pulled {
	uint64_t n, of[PUSHERS_MAX], sum[PUSHERS_MAX]; /* messages, and a sum over their numbers */
};
struct pulled pull_count(struct peer *puller);
/* What all of them have had, after `take` more each, or (0) as it is. */
struct pulled pull_sum(struct peer *const *pullers, unsigned n_pullers, uint64_t take);
/* Waits until the pullers have had everything of `n` pushers, each message once. shares: how much
 * each has had; may be NULL. */
void pull_all(struct peer *const *pullers, unsigned n_pullers, const struct pusher *pushers,
	      unsigned n, uint64_t *shares);

/* All messages of one pusher to one puller, who both come and go; nobody else is there. */
void pipeline_pass(struct appliance *a, const struct pusher *push, const struct puller *pull);

#endif
