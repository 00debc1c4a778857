/* Bytes come back (mirror.h). */
#include "tests/interop/mirror.h"
#include "tests/interop/plain.h"

#include <string.h>
#include <zmq.h>

#define CONNECTIONS 32
#define ID_BYTES    5
#define QUIT_PIECE  (48u << 10)

struct glass {
	struct peer *self;
	const struct mirror *plan;
	void *socket;
	uint8_t id[CONNECTIONS][ID_BYTES]; /* [0] 1: nobody's */
	bool reads;
};

static unsigned find(const struct glass *g, const uint8_t *id)
{
	unsigned i = 0;

	while (i < CONNECTIONS && memcmp(g->id[i], id, ID_BYTES) != 0)
		i++;
	return i;
}

static void forget(struct glass *g, const uint8_t *id)
{
	g->id[find(g, id)][0] = 1;
}

static void send_to(struct glass *g, const uint8_t *id, const void *bytes, size_t n)
{
	if (zmq_send(g->socket, id, ID_BYTES, ZMQ_SNDMORE) < 0 ||
	    zmq_send(g->socket, bytes, n, 0) < 0)
		peer_fail(g->self, "send: %s", zmq_strerror(zmq_errno()));
}

static void notice(struct glass *g, const uint8_t *id)
{
	unsigned i = find(g, id), free = 0;

	if (i < CONNECTIONS) {
		forget(g, id);
		peer_say_data(g->self, "went", 0, id, ID_BYTES);
		return;
	}
	while (g->id[free][0] == 0)
		free++;
	memcpy(g->id[free], id, ID_BYTES);
	peer_say_data(g->self, "came", 0, id, ID_BYTES);
}

static void quit(struct glass *g, const uint8_t *id)
{
	uint8_t piece[QUIT_PIECE];

	for (uint64_t at = 0; at < QUIT_BYTES; at += QUIT_PIECE) {
		plain_fill(piece, g->plan->quitter, at, QUIT_PIECE);
		send_to(g, id, piece, QUIT_PIECE);
	}
	send_to(g, id, "", 0);
	forget(g, id);
	peer_say(g->self, "closed", 0, 0);
}

static void one_message(struct glass *g)
{
	uint8_t id[ID_BYTES + 1];
	zmq_msg_t body;
	int n = zmq_recv(g->socket, id, sizeof(id), 0);

	if (n != ID_BYTES || id[0] != 0)
		peer_fail(g->self, "a routing id of %d bytes came", n);
	zmq_msg_init(&body);
	if (zmq_msg_recv(&body, g->socket, 0) < 0 || zmq_msg_more(&body))
		peer_fail(g->self, "a message is not of two parts");
	if (zmq_msg_size(&body) == 0) {
		notice(g, id);
	} else if (find(g, id) == CONNECTIONS) {
		peer_fail(g->self, "bytes came of a connection that nobody told of");
	} else if (g->plan->quitter && zmq_msg_size(&body) == 4 &&
		   memcmp(zmq_msg_data(&body), "quit", 4) == 0) {
		quit(g, id);
	} else if (zmq_send(g->socket, id, ID_BYTES, ZMQ_SNDMORE) < 0 ||
		   zmq_msg_send(&body, g->socket, 0) < 0) {
		peer_fail(g->self, "send: %s", zmq_strerror(zmq_errno()));
	}
	zmq_msg_close(&body);
}

/* False: it is to end. */
static bool order(struct glass *g)
{
	const struct note *told = peer_listen(g->self, NULL);

	if (strcmp(told->what, "send") == 0)
		send_to(g, told->data, "x", 1);
	g->reads |= strcmp(told->what, "on") == 0;
	return strcmp(told->what, "end") != 0;
}

void mirror_run(struct peer *self, const void *mirror)
{
	struct glass g = {.self = self, .plan = mirror, .reads = !((struct mirror *)mirror)->waits};
	zmq_pollitem_t items[2];

	for (unsigned i = 0; i < CONNECTIONS; i++)
		g.id[i][0] = 1;
	g.socket = peer_socket(self, g.plan->type ? g.plan->type : ZMQ_DEALER);
	if (g.plan->small) {
		peer_option(self, g.socket, ZMQ_SNDHWM, 100);
		peer_option(self, g.socket, ZMQ_RCVHWM, 100);
		peer_option(self, g.socket, ZMQ_SNDBUF, 131072);
		peer_option(self, g.socket, ZMQ_RCVBUF, 131072);
	}
	if (zmq_connect(g.socket, g.plan->endpoint))
		peer_fail(self, "%s: %s", g.plan->endpoint, zmq_strerror(zmq_errno()));
	for (;;) {
		items[0] = (zmq_pollitem_t){.fd = peer_descriptor(self), .events = ZMQ_POLLIN};
		items[1] = (zmq_pollitem_t){.socket = g.socket, .events = g.reads ? ZMQ_POLLIN : 0};
		if (zmq_poll(items, 2, -1) < 0)
			peer_fail(self, "poll: %s", zmq_strerror(zmq_errno()));
		if (items[0].revents && !order(&g))
			return;
		if (items[1].revents)
			one_message(&g);
	}
}
