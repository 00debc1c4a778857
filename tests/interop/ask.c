/* REQ and REP over libzmq, which makes and takes off envelopes, and over plain TCP, where they are
 * made here (RFC 28: an empty part before the question; all before and with it goes back), as they
 * are for DEALER and ROUTER. */
#include "tests/interop/ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define PART_MAX 1600000
#define PARTS    2
#define STACK    8 /* parts of an envelope */

/* A part of a question: its own bytes, all of them; first which question it is. */
static uint32_t question(const struct asker *a, uint64_t number, unsigned part, uint8_t *buf)
{
	uint32_t n = part + 1 < PARTS ? 16 : a->bytes, x = (uint32_t)number * 2654435761u + a->id;

	if (part == 0) {
		memcpy(buf, &number, 8);
		memcpy(buf + 8, &(uint64_t){a->id}, 8);
		return n;
	}
	for (uint32_t i = 0; i < n; i++, x = x * 1664525u + 1013904223u)
		buf[i] = (uint8_t)(x >> 24);
	return n;
}

static void answer(uint8_t *buf, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		buf[i] ^= 0xa5;
}

/* libzmq's REQ and REP make envelopes and take them off. */
static bool makes_envelopes(enum tongue tongue, int type)
{
	return tongue == LIBZMQ && (type == ZMQ_REQ || type == ZMQ_REP);
}

static void ask(struct talk *t, const struct asker *a, uint64_t number, uint8_t *buf)
{
	if (a->type == ZMQ_ROUTER)
		talk_send_to(t, ASKED, strlen(ASKED));
	if (!makes_envelopes(a->tongue, a->type))
		talk_send(t, "", 0, true);
	for (unsigned k = 0; k < PARTS; k++)
		talk_send(t, buf, question(a, number, k, buf), k + 1 < PARTS);
}

static void expect_part(struct peer *self, struct talk *t, const char *part, uint8_t *buf)
{
	bool more;
	int n = talk_receive(t, buf, PART_MAX, &more);

	if (n != (int)strlen(part) || memcmp(buf, part, strlen(part)) != 0)
		peer_fail(self, "\"%s\" is not before the answer, but %d bytes: %s", part, n,
			  talk_error(t));
}

/* The first part of an answer says to what, and has its asker's id. */
static uint64_t number_of(struct peer *self, struct talk *t, const struct asker *a, uint8_t *buf,
			  bool *more)
{
	int n = talk_receive(t, buf, PART_MAX, more);
	uint64_t head[2];

	if (n != sizeof(head))
		peer_fail(self, "%d bytes where an answer was due: %s", n, talk_error(t));
	answer(buf, sizeof(head));
	memcpy(head, buf, sizeof(head));
	if (head[1] != a->id || head[0] >= a->questions)
		peer_fail(self, "an answer to question %llu of asker %llu",
			  (unsigned long long)head[0], (unsigned long long)head[1]);
	return head[0];
}

/* The question that was answered. */
static uint64_t hear(struct peer *self, struct talk *t, const struct asker *a, uint8_t *buf)
{
	static uint8_t due[PART_MAX];
	uint64_t number;
	bool more;

	if (a->type == ZMQ_ROUTER)
		expect_part(self, t, ASKED, buf);
	if (!makes_envelopes(a->tongue, a->type))
		expect_part(self, t, "", buf);
	number = number_of(self, t, a, buf, &more);
	for (unsigned k = 1; k < PARTS; k++) {
		int n = more ? talk_receive(t, buf, PART_MAX, &more) : -1;
		uint32_t bytes = question(a, number, k, due);

		answer(due, bytes);
		if (n != (int)bytes || memcmp(buf, due, bytes) != 0)
			peer_fail(self, "question %llu, part %u: a wrong answer of %d bytes",
				  (unsigned long long)number, k, n);
	}
	if (more)
		peer_fail(self, "the answer has too many parts");
	return number;
}

/* Its identity is "asker ID SOCKET", made longer by dots. */
static struct talk *open_asker(struct peer *self, const struct asker *a, unsigned socket)
{
	struct talk *t = talk_new(self, a->tongue, a->type);
	char identity[256];
	int n = snprintf(identity, sizeof(identity), "asker %u %u", a->id, socket);

	memset(identity + n, '.', sizeof(identity) - (size_t)n);
	talk_identity(t, identity, a->identity_bytes ? a->identity_bytes : (size_t)n);
	if (a->type == ZMQ_ROUTER && !a->bind)
		talk_name(t, ASKED, strlen(ASKED));
	talk_join(t, a->bind && socket ? a->more[socket - 1] : a->endpoint, a->bind);
	return t;
}

void asker_run(struct peer *self, const void *plan)
{
	static uint8_t buf[PART_MAX];
	const struct asker *a = plan;
	unsigned ahead = a->ahead ? a->ahead : 1, sockets = a->type == ZMQ_REQ ? ahead : 1;
	bool *answered = calloc(a->questions, 1);
	struct talk *t[ASKER_SOCKETS];

	for (unsigned i = 0; i < sockets; i++)
		t[i] = open_asker(self, a, i);
	peer_listen(self, "go");
	for (uint64_t i = 0; i < a->questions + ahead; i++) {
		/* Several answerers may change the order, but not of one REQ's answers. */
		if (i >= ahead) {
			uint64_t number = hear(self, t[(i - ahead) % sockets], a, buf);

			if (answered[number] || (a->type == ZMQ_REQ && number != i - ahead))
				peer_fail(self, "question %llu was answered twice, or out of turn",
					  (unsigned long long)number);
			answered[number] = true;
		}
		if (i < a->questions)
			ask(t[i % sockets], a, i, buf);
	}
	free(answered);
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
	/* A ROUTER's begins with what it calls the appliance. */
	if (e->n < 2 || memcmp(e->part[e->n - 2].bytes, "asker ", 6) != 0)
		peer_fail(self, "the asker's identity is not in the envelope");
}

static void reply(struct peer *self, struct talk *t, const struct answerer *a, uint8_t *buf)
{
	struct envelope e = {.n = 0};
	bool more = true;

	if (!makes_envelopes(a->tongue, a->type))
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
	struct talk *t = talk_new(self, a->tongue, a->type);
	bool holds = a->waits;
	uint64_t n = 0;

	if (a->hwm) {
		talk_option(t, ZMQ_RCVHWM, (int)a->hwm);
		talk_option(t, ZMQ_RCVBUF, 131072); /* as in pipeline.c */
	}
	talk_join(t, a->endpoint, a->bind);
	for (;;) {
		if (talk_wait(t, !holds)) {
			reply(self, t, a, buf);
			n++;
		}
		if (!peer_is_told(self))
			continue;
		const struct note *told = peer_listen(self, NULL);
		if (strcmp(told->what, "end") == 0)
			break;
		holds = strcmp(told->what, "hold") == 0;
	}
	peer_say(self, "answers", n, 0);
}
