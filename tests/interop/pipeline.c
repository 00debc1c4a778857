/* Work that is dealt out (pipeline.h). */
#include "tests/interop/pipeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include <cmocka.h>

#define PART_MAX 200000

struct head {
	uint32_t pusher, part;
	uint64_t number;
};

/* Every byte of a part follows from whose it is. */
static uint32_t fill(uint8_t *buf, const struct head *h, uint32_t bytes)
{
	uint32_t x = (uint32_t)h->number * 2654435761u + h->pusher * 40503u + h->part;

	memcpy(buf, h, sizeof(*h));
	for (uint32_t i = sizeof(*h); i < bytes; i++) {
		x = x * 1664525u + 1013904223u;
		buf[i] = (uint8_t)(x >> 24);
	}
	return bytes;
}

static uint64_t mix(uint64_t number)
{
	return (number + 1) * 0x9e3779b97f4a7c15ull ^ number >> 3;
}

static void join(struct talk *t, bool small, const char *endpoint, bool bind)
{
	if (small) {
		talk_option(t, ZMQ_SNDHWM, 100);
		talk_option(t, ZMQ_RCVHWM, 100);
		/* No less: by the loopback, segments of 64 KiB wait for a window that holds one. */
		talk_option(t, ZMQ_SNDBUF, 131072);
		talk_option(t, ZMQ_RCVBUF, 131072);
	}
	talk_join(t, endpoint, bind);
}

void pusher_run(struct peer *self, const void *plan)
{
	const struct pusher *p = plan;
	struct talk *t = talk_new(self, p->tongue, p->type);
	uint8_t buf[PART_MAX];
	double began;

	join(t, p->small, p->endpoint, p->bind);
	peer_listen(self, "go");
	began = peer_clock();
	for (uint64_t i = 0; i < p->messages; i++) {
		unsigned parts = p->parts && i % 3 == 2 ? p->parts : 1;

		for (unsigned k = 0; k < parts; k++) {
			uint32_t n = fill(buf, &(struct head){p->id, k, i}, p->bytes + k % 7);

			talk_send(t, buf, n, k + 1 < parts);
		}
		if (p->begun && i + 1 == p->begun) {
			peer_say(self, "begun", i, 0);
			peer_listen(self, "on");
		}
	}
	talk_flush(t);
	peer_say(self, "sent", p->messages, peer_clock() - began);
	peer_listen(self, "end");
}

/* One message, whole; the next of its pusher that comes this way. */
static void check(struct peer *self, struct talk *t, struct pulled *had, uint64_t *next)
{
	struct head first = {0}, h;
	uint8_t buf[PART_MAX], due[PART_MAX];
	bool more = true;

	for (uint32_t part = 0; more; part++) {
		int n = talk_receive(t, buf, sizeof(buf), &more);

		if (n < (int)sizeof(h) || n > PART_MAX)
			peer_fail(self, "%d bytes came: %s", n, talk_error(t));
		memcpy(&h, buf, sizeof(h));
		fill(due, &h, (uint32_t)n);
		if (part == 0)
			first = h;
		if (h.pusher >= PUSHERS_MAX || h.part != part || h.pusher != first.pusher ||
		    h.number != first.number || memcmp(buf, due, (size_t)n) != 0)
			peer_fail(self, "part %u of pusher %u's message %llu is damaged", part,
				  h.pusher, (unsigned long long)h.number);
	}
	if (first.number < next[first.pusher])
		peer_fail(self, "pusher %u's message %llu came after %llu", first.pusher,
			  (unsigned long long)first.number,
			  (unsigned long long)next[first.pusher] - 1);
	next[first.pusher] = first.number + 1;
	had->n++;
	had->of[first.pusher]++;
	had->sum[first.pusher] += mix(first.number);
}

void puller_run(struct peer *self, const void *plan)
{
	const struct puller *p = plan;
	struct talk *t = talk_new(self, p->tongue, p->type);
	uint64_t next[PUSHERS_MAX] = {0};
	struct pulled had = {0};
	bool reads = !p->waits;

	join(t, p->small, p->endpoint, p->bind);
	for (;;) {
		for (unsigned i = 0; i < 100 && talk_wait(t, reads); i++)
			check(self, t, &had, next);
		if (!peer_is_told(self))
			continue;
		const struct note *told = peer_listen(self, NULL);
		if (strcmp(told->what, "end") == 0)
			return;
		if (strcmp(told->what, "read") == 0) {
			reads = true;
			continue;
		}
		for (uint64_t left = told->n; left; left--)
			check(self, t, &had, next);
		peer_say_data(self, "count", had.n, &had, sizeof(had));
	}
}

static struct pulled hear_count(struct peer *puller)
{
	struct pulled had;

	memcpy(&had, peer_hear(puller, "count")->data, sizeof(had));
	return had;
}

struct pulled pull_count(struct peer *puller)
{
	peer_tell(puller, "count", 0);
	return hear_count(puller);
}

struct pulled pull_sum(struct peer *const *pullers, unsigned n_pullers, uint64_t take)
{
	struct pulled all = {0};

	for (unsigned i = 0; i < n_pullers; i++)
		peer_tell(pullers[i], take ? "take" : "count", take);
	for (unsigned i = 0; i < n_pullers; i++) {
		struct pulled had = hear_count(pullers[i]);

		all.n += had.n;
		for (unsigned k = 0; k < PUSHERS_MAX; k++)
			all.of[k] += had.of[k];
	}
	return all;
}

void pull_all(struct peer *const *pullers, unsigned n_pullers, const struct pusher *pushers,
	      unsigned n, uint64_t *shares)
{
	uint64_t deadline = lab_now_ms() + (uint64_t)lab_patience_ms(), due = 0;
	struct pulled all;

	for (unsigned i = 0; i < n; i++)
		due += pushers[i].messages;
	do {
		all = (struct pulled){0};
		for (unsigned i = 0; i < n_pullers; i++) {
			struct pulled had = pull_count(pullers[i]);

			all.n += had.n;
			for (unsigned k = 0; k < PUSHERS_MAX; k++) {
				all.of[k] += had.of[k];
				all.sum[k] += had.sum[k];
			}
			if (shares)
				shares[i] = had.n;
		}
		if (all.n < due)
			nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	} while (all.n < due && lab_now_ms() < deadline);
	assert_int_equal(all.n, due);
	for (unsigned i = 0; i < n; i++) {
		uint64_t sum = 0;

		for (uint64_t k = 0; k < pushers[i].messages; k++)
			sum += mix(k);
		assert_int_equal(all.of[pushers[i].id], pushers[i].messages);
		assert_true(all.sum[pushers[i].id] == sum);
	}
}

void pipeline_pass(struct appliance *a, const struct pusher *push, const struct puller *pull)
{
	struct peer *puller = peer_start(&a->net, "puller", puller_run, pull);
	struct peer *pusher = peer_start(&a->net, "pusher", pusher_run, push);

	appliance_await_peers(a, 2);
	peer_tell(pusher, "go", 0);
	peer_hear(pusher, "sent");
	pull_all(&puller, 1, push, 1, NULL);
	peer_tell(pusher, "end", 0);
	peer_done(pusher);
	peer_tell(puller, "end", 0);
	peer_done(puller);
}
