/* REQ and REP over libzmq, which makes and takes off envelopes, and over plain TCP, where they are
 * made here (RFC 28: an empty part before the question; all before and with it goes back). */
#include "tests/interop/ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define PART_MAX 200000
#define PARTS    2
#define STACK    8 /* parts of an envelope */

/* A part of a question: its own bytes, all of them. */
static uint32_t question(const struct asker *a, uint64_t number, unsigned part, uint8_t *buf)
{
	uint32_t n = part + 1 < PARTS ? 16 : a->bytes, x = (uint32_t)number * 2654435761u + a->id;

	for (uint32_t i = 0; i < n; i++, x = x * 1664525u + 1013904223u)
		buf[i] = (uint8_t)(x >> 24);
	return n;
}

static void answer(uint8_t *buf, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		buf[i] ^= 0xa5;
}

static void ask(struct talk *t, const struct asker *a, uint64_t number, uint8_t *buf)
{
	if (a->tongue != LIBZMQ)
		talk_send(t, "", 0, true);
	for (unsigned k = 0; k < PARTS; k++)
		talk_send(t, buf, question(a, number, k, buf), k + 1 < PARTS);
}

static void hear(struct peer *self, struct talk *t, const struct asker *a, uint64_t number,
		 uint8_t *buf)
{
	static uint8_t due[PART_MAX];
	bool more = true;

	if (a->tongue != LIBZMQ && talk_receive(t, buf, PART_MAX, &more) != 0)
		peer_fail(self, "no empty part before the answer");
	for (unsigned k = 0; k < PARTS; k++) {
		int n = more ? talk_receive(t, buf, PART_MAX, &more) : -1;
		uint32_t bytes = question(a, number, k, due);

		answer(due, bytes);
		if (n != (int)bytes || memcmp(buf, due, bytes) != 0)
			peer_fail(self, "question %llu, part %u: another answer (%d bytes: %s)",
				  (unsigned long long)number, k, n, talk_error(t));
	}
	if (more)
		peer_fail(self, "the answer has too many parts");
}

void asker_run(struct peer *self, const void *plan)
{
	static uint8_t buf[PART_MAX];
	const struct asker *a = plan;
	struct talk *t = talk_new(self, a->tongue, ZMQ_REQ);
	char identity[256];
	int n = snprintf(identity, sizeof(identity), "asker %u", a->id);

	memset(identity + n, '.', sizeof(identity) - (size_t)n);
	talk_identity(t, identity, a->identity_bytes ? a->identity_bytes : (size_t)n);
	talk_join(t, a->endpoint, a->bind);
	peer_listen(self, "go");
	for (uint64_t i = 0; i < a->questions; i++) {
		ask(t, a, i, buf);
		hear(self, t, a, i, buf);
	}
	peer_say(self, "answered", a->questions, 0);
	peer_listen(self, "end");
}

struct envelope {
	unsigned n;
	struct {
		uint8_t bytes[256];
		size_t n;
	} part[STACK];
};

/* All up to the empty part. */
static void open_envelope(struct peer *self, struct talk *t, struct envelope *e)
{
	bool more = true;
	int n;

	e->n = 0;
	do {
		if (e->n == STACK || !more)
			peer_fail(self, "an envelope without an end");
		n = talk_receive(t, e->part[e->n].bytes, sizeof(e->part[0].bytes), &more);
		if (n < 0 || n > (int)sizeof(e->part[0].bytes))
			peer_fail(self, "a part of %d bytes in an envelope", n);
		e->part[e->n++].n = (size_t)n;
	} while (n > 0);
	if (e->n < 2 || memcmp(e->part[0].bytes, "asker ", 6) != 0)
		peer_fail(self, "the envelope does not begin with the asker's identity");
}

static void reply(struct peer *self, struct talk *t, enum tongue tongue, uint8_t *buf)
{
	struct envelope e = {.n = 0};
	bool more = true;

	if (tongue != LIBZMQ)
		open_envelope(self, t, &e);
	struct {
		uint8_t *bytes;
		int n;
	} part[PARTS] = {{buf, 0}, {buf + PART_MAX, 0}};
	for (unsigned k = 0; k < PARTS; k++) {
		part[k].n = more ? talk_receive(t, part[k].bytes, PART_MAX, &more) : -1;
		if (part[k].n < 0 || part[k].n > PART_MAX)
			peer_fail(self, "part %u of a question has %d bytes", k, part[k].n);
		answer(part[k].bytes, (uint32_t)part[k].n);
	}
	for (unsigned i = 0; i < e.n; i++)
		talk_send(t, e.part[i].bytes, e.part[i].n, true);
	for (unsigned k = 0; k < PARTS; k++)
		talk_send(t, part[k].bytes, (size_t)part[k].n, k + 1 < PARTS);
}

void answerer_run(struct peer *self, const void *plan)
{
	static uint8_t buf[PARTS * PART_MAX];
	const struct answerer *a = plan;
	struct talk *t = talk_new(self, a->tongue, ZMQ_REP);
	uint64_t n = 0;

	talk_join(t, a->endpoint, a->bind);
	while (!peer_is_told(self))
		if (talk_wait(t, true)) {
			reply(self, t, a->tongue, buf);
			n++;
		}
	peer_listen(self, "end");
	peer_say(self, "answers", n, 0);
}
