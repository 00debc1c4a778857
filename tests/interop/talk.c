/* One interface over libzmq and plain TCP (talk.h). */
#include "tests/interop/talk.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "tests/interop/wire.h"

struct talk {
	struct peer *self;
	void *socket; /* libzmq's, or NULL */
	int type;
	struct wire *wire; /* else */
};

const char *const tongue_name[] = {"libzmq", "1.0", "2.0", "3.0", "3.1"};

struct talk *talk_new(struct peer *self, enum tongue tongue, int type)
{
	struct talk *t = calloc(1, sizeof(*t));

	t->self = self;
	t->type = type;
	if (tongue == LIBZMQ)
		t->socket = peer_socket(self, type);
	else
		t->wire = wire_new(self, tongue, type);
	return t;
}

void talk_option(struct talk *t, int option, int value)
{
	if (t->socket)
		peer_option(t->self, t->socket, option, value);
	else if (option == ZMQ_SNDBUF || option == ZMQ_RCVBUF)
		wire_buffer(t->wire, option == ZMQ_SNDBUF, value);
}

void talk_identity(struct talk *t, const void *identity, size_t n)
{
	if (t->socket)
		zmq_setsockopt(t->socket, ZMQ_ROUTING_ID, identity, n);
	else
		wire_identity(t->wire, identity, n);
}

void talk_name(struct talk *t, const void *name, size_t n)
{
	if (!t->socket)
		peer_fail(t->self, "plain TCP has one peer and no name for it");
	zmq_setsockopt(t->socket, ZMQ_CONNECT_ROUTING_ID, name, n);
}

void talk_subscribe(struct talk *t, const void *prefix, size_t n)
{
	uint8_t message[64] = {1};

	if (t->socket && t->type == ZMQ_XSUB && n < sizeof(message)) {
		memcpy(message + 1, prefix, n);
		talk_send(t, message, 1 + n, false);
	} else if (t->socket)
		zmq_setsockopt(t->socket, ZMQ_SUBSCRIBE, prefix, n);
	else
		wire_subscribe(t->wire, prefix, n);
}

void talk_join(struct talk *t, const char *endpoint, bool bind)
{
	if (t->wire)
		wire_join(t->wire, endpoint, bind);
	else if (bind ? zmq_bind(t->socket, endpoint) : zmq_connect(t->socket, endpoint))
		peer_fail(t->self, "%s: %s", endpoint, zmq_strerror(zmq_errno()));
}

void talk_send(struct talk *t, const void *part, size_t n, bool more)
{
	if (t->wire)
		wire_send(t->wire, part, n, more);
	else if (zmq_send(t->socket, part, n, more ? ZMQ_SNDMORE : 0) < 0)
		peer_fail(t->self, "zmq_send: %s", zmq_strerror(zmq_errno()));
}

void talk_send_to(struct talk *t, const void *name, size_t n)
{
	zmq_pollitem_t wait = {.socket = t->socket, .events = ZMQ_POLLIN};

	talk_option(t, ZMQ_ROUTER_MANDATORY, 1);
	while (zmq_send(t->socket, name, n, ZMQ_SNDMORE) < 0) {
		/* Nothing says that a name is known: it is asked for again. */
		if (zmq_errno() != EHOSTUNREACH || zmq_poll(&wait, 1, 1) < 0)
			peer_fail(t->self, "zmq_send: %s", zmq_strerror(zmq_errno()));
	}
}

void talk_flush(struct talk *t)
{
	if (t->wire)
		wire_flush(t->wire);
}

int talk_receive(struct talk *t, void *part, size_t max, bool *more)
{
	size_t size = sizeof(int);
	int n, rcvmore = 0;

	if (t->wire)
		return wire_receive(t->wire, part, max, more);
	n = zmq_recv(t->socket, part, max, 0);
	zmq_getsockopt(t->socket, ZMQ_RCVMORE, &rcvmore, &size);
	*more = rcvmore;
	return n;
}

const char *talk_error(const struct talk *t)
{
	return t->wire ? strerror(errno) : zmq_strerror(zmq_errno());
}

static bool can_receive(struct talk *t)
{
	size_t size = sizeof(int);
	int events = 0;

	if (t->wire)
		return wire_has(t->wire);
	zmq_getsockopt(t->socket, ZMQ_EVENTS, &events, &size);
	return events & ZMQ_POLLIN;
}

/* Until a note waits. libzmq goes on with what was asked of it only inside calls on the socket; a
 * look at its events is one (as in remote.c). */
static void wait_for_note(struct talk *t)
{
	struct pollfd wait[2] = {{.fd = peer_descriptor(t->self), .events = POLLIN},
				 {.fd = -1, .events = POLLIN}};
	size_t size = sizeof(wait[1].fd);

	if (t->socket)
		zmq_getsockopt(t->socket, ZMQ_FD, &wait[1].fd, &size);
	do {
		if (t->socket)
			can_receive(t);
	} while (poll(wait, 2, -1) > 0 && !wait[0].revents);
}

bool talk_wait(struct talk *t, bool reads)
{
	zmq_pollitem_t wait[2] = {{.fd = peer_descriptor(t->self), .events = ZMQ_POLLIN},
				  {.socket = t->socket, .events = ZMQ_POLLIN}};

	talk_flush(t);
	if (t->wire)
		wait[1].fd = wire_descriptor(t->wire);
	if (!reads) {
		wait_for_note(t);
		return false;
	}
	if (can_receive(t))
		return true;
	if (zmq_poll(wait, 2, -1) < 0)
		peer_fail(t->self, "zmq_poll: %s", zmq_strerror(zmq_errno()));
	return wait[1].revents && (t->wire || can_receive(t));
}

void talk_expect_silence(struct talk *t)
{
	if (can_receive(t))
		peer_fail(t->self, "something has come, where nothing was to");
}

unsigned talk_disconnects(struct talk *t)
{
	return t->socket ? peer_disconnects(t->self, t->socket) : 0;
}
