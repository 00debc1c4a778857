/* Messages that come back (bounce.h). */
#include "tests/interop/bounce.h"

#include <string.h>
#include <zmq.h>

#include "tests/interop/talk.h"

#define NAME  4
#define BODY  40
#define AHEAD 1000 /* messages under way */
#define TURN  0xa5

static void fill(uint8_t *body, uint64_t number, uint8_t turn)
{
	memcpy(body, &number, 8);
	memset(body + 8, (int)(number * 31 + 7), BODY - 8);
	for (unsigned i = 0; i < BODY; i++)
		body[i] ^= turn;
}

/* A name, before more. */
static void hear_name(struct peer *self, struct talk *t, uint8_t *name)
{
	static const uint8_t none[NAME];
	bool more;
	int n = talk_receive(t, name, NAME, &more);

	if (n != NAME || !more || memcmp(name, none, NAME) == 0)
		peer_fail(self, "%d bytes in the place of a name: %s", n, talk_error(t));
}

static void expect(struct peer *self, struct talk *t, const void *due, int bytes)
{
	uint8_t part[64];
	bool more;
	int n = talk_receive(t, part, sizeof(part), &more);

	if (n != bytes || more || memcmp(part, due, (size_t)bytes) != 0)
		peer_fail(self, "a wrong message of %d bytes: %s", n, talk_error(t));
}

void bounce_ask_run(struct peer *self, const void *plan)
{
	const struct bounce *b = plan;
	struct talk *t = talk_new(self, LIBZMQ, ZMQ_DEALER);
	uint8_t body[BODY], name[NAME], other[NAME];

	talk_join(t, b->endpoint, false);
	if (b->named) {
		hear_name(self, t, other);
		expect(self, t, BOUNCE_HELLO, sizeof(BOUNCE_HELLO) - 1);
	}
	peer_listen(self, "go");
	for (uint64_t i = 0; i < b->messages + AHEAD; i++) {
		if (i >= AHEAD && b->named) {
			hear_name(self, t, name);
			if (memcmp(name, other, NAME) != 0)
				peer_fail(self, "an answer from somebody else");
		}
		if (i >= AHEAD) {
			fill(body, i - AHEAD, TURN);
			expect(self, t, body, BODY);
		}
		if (i >= b->messages)
			continue;
		if (b->named)
			talk_send(t, other, NAME, true);
		fill(body, i, 0);
		talk_send(t, body, BODY, false);
	}
	peer_say(self, "answered", b->messages, 0);
	peer_listen(self, "end");
}

void bounce_back_run(struct peer *self, const void *plan)
{
	const struct bounce *b = plan;
	struct talk *t = talk_new(self, LIBZMQ, ZMQ_DEALER);
	uint8_t name[NAME], body[64];

	talk_join(t, b->endpoint, false);
	while (!peer_is_told(self)) {
		bool more;
		int n;

		if (!talk_wait(t, true))
			continue;
		hear_name(self, t, name);
		n = talk_receive(t, body, sizeof(body), &more);
		if (n < 0 || n > (int)sizeof(body) || more)
			peer_fail(self, "a message of %d bytes: %s", n, talk_error(t));
		for (int i = 0; i < n; i++)
			body[i] ^= TURN;
		talk_send(t, name, NAME, true);
		talk_send(t, body, (size_t)n, false);
	}
	peer_listen(self, "end");
}
