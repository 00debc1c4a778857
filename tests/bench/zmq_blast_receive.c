/* Subscribers, or PULLs, or repliers: a thread has one of them, and then it sleeps in libzmq, or
 * several, and then it goes round and polls when none has anything. */
#include "tests/bench/zmq_blast.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zmq.h>

#define ROUND   64 /* messages of one before the next has its turn */
#define WAIT_MS 10

static int socket_type(const struct blast *b)
{
	if (b->options.pattern->replies)
		return ZMQ_REP;
	return b->options.pattern->subscribes ? ZMQ_SUB : ZMQ_PULL;
}

static void *open_subscriber(struct blast *b)
{
	void *socket = zmq_socket(b->context, socket_type(b));
	int none = 0, wait_ms = WAIT_MS;

	if (!socket)
		return NULL;
	zmq_setsockopt(socket, ZMQ_RCVHWM, &b->options.hwm, sizeof(b->options.hwm));
	/* subscriptions beyond it would be dropped */
	zmq_setsockopt(socket, ZMQ_SNDHWM, &none, sizeof(none));
	zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof(none));
	zmq_setsockopt(socket, ZMQ_RCVTIMEO, &wait_ms, sizeof(wait_ms));
	if (!zmq_connect(socket, b->options.subscribe_to))
		return socket;
	blast_fail(b, "%s: %s", b->options.subscribe_to, zmq_strerror(zmq_errno()));
	zmq_close(socket);
	return NULL;
}

static void subscribe_mark(void *socket, enum mark kind, uint32_t id)
{
	char mark[TOPIC_ROOM];
	int len = mark_make(mark, kind, id);

	zmq_setsockopt(socket, ZMQ_SUBSCRIBE, mark, (size_t)len);
}

/* All topics, or this subscriber's share of the prefixes; the mark comes last. */
static void subscribe(struct blast *b, void *socket, uint32_t id)
{
	if (!b->topics.n)
		zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0);
	for (uint32_t i = id; i < b->topics.n; i += b->options.subscribers)
		zmq_setsockopt(socket, ZMQ_SUBSCRIBE, b->topics.topic[i].text,
			       b->topics.topic[i].len);
	subscribe_mark(socket, MARK_ASKED, id);
}

static void time_in(struct receiver *r, uint64_t sent, uint64_t now)
{
	struct blast *b = r->blast;
	uint64_t late = (now - sent) & SENT_MASK, when = now - late;

	if (when >= atomic_load_explicit(&b->from_ns, memory_order_relaxed) &&
	    when < atomic_load_explicit(&b->to_ns, memory_order_relaxed))
		histogram_add(&r->quiet, late);
	else if (when >= atomic_load_explicit(&b->during_from_ns, memory_order_relaxed) &&
		 when < atomic_load_explicit(&b->during_to_ns, memory_order_relaxed))
		histogram_add(&r->during, late);
}

static bool content_right(const struct blast *b, const uint8_t *m, uint32_t id, uint32_t topic)
{
	uint32_t size = b->options.size;

	if (!b->topics.n)
		return !memcmp(m + sizeof(struct stamp), b->pattern + sizeof(struct stamp),
			       size - sizeof(struct stamp));
	return topic < b->topics.n && topic % b->options.subscribers == id &&
	       !memcmp(m, b->topics.topic[topic].text, TOPIC_ROOM - 1) &&
	       !memcmp(m + TOPIC_ROOM, b->pattern + TOPIC_ROOM,
		       size - sizeof(struct stamp) - TOPIC_ROOM);
}

/* With prefixes, or where messages are dealt out, one has only some of them: gaps are no loss of
 * his. */
static void check(struct blast *b, uint32_t id, const uint8_t *m, const struct stamp *stamp)
{
	struct subscriber *s = &b->subscribers[id];
	uint64_t from = stamp->sent >> SENT_BITS;
	uint32_t gap;

	if (from >= b->options.publishers || !content_right(b, m, id, stamp->topic)) {
		s->wrong++;
		return;
	}
	gap = stamp->sequence - s->expected[from];
	if ((int32_t)gap < 0) {
		s->repeated++;
		return;
	}
	if (!b->topics.n && b->options.pattern->subscribes)
		s->lost += gap;
	s->expected[from] = stamp->sequence + 1;
}

static void message_in(struct receiver *r, uint32_t id, zmq_msg_t *msg)
{
	struct blast *b = r->blast;
	const uint8_t *m = zmq_msg_data(msg);
	struct stamp stamp;

	if (b->options.pattern->replies) {
		reply_to(b, b->subscribers[id].socket, msg);
		return;
	}
	if (zmq_msg_size(msg) != b->options.size) {
		blast_fail(b, "a message came that nobody here sent: %zu bytes", zmq_msg_size(msg));
		return;
	}
	memcpy(&stamp, b->topics.n ? m + b->options.size - sizeof(stamp) : m, sizeof(stamp));
	if (!held_back(&b->options, id) && (b->options.rate > 0 || stamp.sequence % SAMPLE == 0))
		time_in(r, stamp.sent & SENT_MASK, clock_ns());
	if (b->options.verify)
		check(b, id, m, &stamp);
}

static uint64_t received(const struct blast *b, uint32_t id)
{
	return atomic_load_explicit(&b->subscribers[id].received, memory_order_relaxed);
}

/* Is it the time of a subscriber that is to be stalled or slow? */
static bool may_read(const struct blast *b, uint32_t id)
{
	const struct options *o = &b->options;
	uint32_t other = o->subscribers - 1;

	if (!held_back(o, id) ||
	    atomic_load_explicit(&b->phase, memory_order_relaxed) < PHASE_MEASURE)
		return true;
	if (id < o->stalled)
		return false;
	return (double)received(b, id) < (double)received(b, other) * o->slow_percent / 100;
}

/* Up to a round of one subscriber's messages; how many. */
static uint32_t read_some(struct receiver *r, uint32_t id, zmq_msg_t *msg, int flags)
{
	struct subscriber *s = &r->blast->subscribers[id];
	uint32_t n = 0;

	while (n < ROUND && zmq_msg_recv(msg, s->socket, flags) >= 0) {
		message_in(r, id, msg);
		n++;
		if (!flags) /* the first may be waited for, and alone: it is counted at once */
			break;
	}
	if (n)
		atomic_store_explicit(&s->received, received(r->blast, id) + n,
				      memory_order_relaxed);
	return n;
}

static bool over(const struct blast *b)
{
	return atomic_load_explicit(&b->phase, memory_order_relaxed) == PHASE_DONE;
}

static void read_one(struct receiver *r, zmq_msg_t *msg)
{
	int flags = r->blast->options.busy ? ZMQ_DONTWAIT : 0;

	while (!over(r->blast))
		if (!read_some(r, r->id, msg, ZMQ_DONTWAIT))
			read_some(r, r->id, msg, flags);
}

static void read_several(struct receiver *r, zmq_msg_t *msg)
{
	struct blast *b = r->blast;
	uint32_t n = b->options.subscribers, step = b->options.threads, items = 0;
	zmq_pollitem_t *item = calloc(n / step + 1, sizeof(*item));

	for (uint32_t i = r->id; i < n; i += step)
		if (!held_back(&b->options, i))
			item[items++] = (zmq_pollitem_t){.socket = b->subscribers[i].socket,
							 .events = ZMQ_POLLIN};
	while (!over(b)) {
		uint32_t some = 0;

		for (uint32_t i = r->id; i < n; i += step)
			if (may_read(b, i))
				some += read_some(r, i, msg, ZMQ_DONTWAIT);
		if (!some && !b->options.busy)
			zmq_poll(item, (int)items, WAIT_MS);
	}
	free(item);
}

static int open_all(struct receiver *r)
{
	struct blast *b = r->blast;

	for (uint32_t i = r->id; i < b->options.subscribers; i += b->options.threads) {
		struct subscriber *s = &b->subscribers[i];

		s->expected = calloc(b->options.publishers + 1, sizeof(uint32_t));
		s->socket = open_subscriber(b);
		if (!s->expected || !s->socket)
			return -1;
		if (b->options.pattern->subscribes)
			subscribe_mark(s->socket, MARK_HELLO, i);
	}
	return 0;
}

void *receiver_main(void *arg)
{
	struct receiver *r = arg;
	struct blast *b = r->blast;
	uint32_t step = b->options.threads;
	zmq_msg_t msg;

	zmq_msg_init(&msg);
	if (!open_all(r)) {
		while (b->options.pattern->subscribes && atomic_load(&b->phase) < PHASE_SUBSCRIBE)
			usleep(200);
		for (uint32_t i = r->id;
		     b->options.pattern->subscribes && i < b->options.subscribers; i += step)
			subscribe(b, b->subscribers[i].socket, i);
		if (r->id + step < b->options.subscribers || held_back(&b->options, r->id))
			read_several(r, &msg);
		else
			read_one(r, &msg);
	}
	zmq_msg_close(&msg);
	for (uint32_t i = r->id; i < b->options.subscribers; i += step)
		if (b->subscribers[i].socket)
			zmq_close(b->subscribers[i].socket);
	return NULL;
}

/* Subscribes what no message matches while the others' traffic goes on. */
void *latecomer_main(void *arg)
{
	struct blast *b = arg;
	void *socket = open_subscriber(b);

	while (socket && atomic_load(&b->phase) < PHASE_DURING)
		usleep(200);
	for (uint32_t i = 0; socket && i < b->during.n; i++)
		zmq_setsockopt(socket, ZMQ_SUBSCRIBE, b->during.topic[i].text,
			       b->during.topic[i].len);
	if (socket)
		subscribe_mark(socket, MARK_DURING, 0);
	while (!over(b))
		usleep(1000);
	if (socket)
		zmq_close(socket);
	return NULL;
}
