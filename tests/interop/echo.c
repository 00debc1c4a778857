/* One publisher that answers subscriptions, subscribers that make them. */
#include "tests/interop/echo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include <cmocka.h>

#include "tests/interop/peer.h"

#define SUBSCRIBERS_MAX 16

struct asker {
	unsigned id, topics;
};

static void answer(struct peer *self, void *socket)
{
	uint8_t msg[64];
	int n;

	while ((n = zmq_recv(socket, msg, sizeof(msg), ZMQ_DONTWAIT)) > 0)
		if (msg[0] == 1 && zmq_send(socket, msg + 1, (size_t)n - 1, 0) < 0)
			peer_fail(self, "zmq_send: %s", zmq_strerror(zmq_errno()));
}

static void publisher_run(struct peer *self, const void *plan)
{
	void *socket = peer_open(self, ZMQ_XPUB, FRONTEND, false);
	zmq_pollitem_t items[] = {{socket, 0, ZMQ_POLLIN, 0},
				  {NULL, peer_descriptor(self), ZMQ_POLLIN, 0}};

	(void)plan;
	while (!items[1].revents) {
		zmq_poll(items, 2, -1);
		answer(self, socket);
	}
	peer_listen(self, "end");
}

static void subscriber_run(struct peer *self, const void *plan)
{
	const struct asker *p = plan;
	void *socket = peer_open(self, ZMQ_SUB, BACKEND, false);
	char topic[32], msg[32];

	for (unsigned i = 0; i < p->topics; i++) {
		int n = snprintf(topic, sizeof(topic), "%u.%u.", p->id, i), got;

		zmq_setsockopt(socket, ZMQ_SUBSCRIBE, topic, (size_t)n);
		got = zmq_recv(socket, msg, sizeof(msg), 0);
		if (got != n || memcmp(msg, topic, (size_t)n) != 0)
			peer_fail(self, "%s: %s", topic,
				  got < 0 ? "its message has not come" : "another message came");
	}
}

void echo_all(struct appliance *a, unsigned subscribers, unsigned topics)
{
	struct asker plan[SUBSCRIBERS_MAX];
	struct peer *sub[SUBSCRIBERS_MAX];
	struct peer *pub = peer_start(&a->net, "publisher", publisher_run, NULL);

	assert_true(subscribers <= SUBSCRIBERS_MAX);
	appliance_await_peers(a, 1);
	for (unsigned i = 0; i < subscribers; i++) {
		plan[i] = (struct asker){.id = i, .topics = topics};
		sub[i] = peer_start(&a->net, "subscriber", subscriber_run, &plan[i]);
	}
	for (unsigned i = 0; i < subscribers; i++)
		peer_done(sub[i]);
	peer_tell(pub, "end", 0);
	peer_done(pub);
}
