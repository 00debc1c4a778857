/* Numbered messages and those who read them (reader.h). */
#include "tests/interop/reader.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include <cmocka.h>

#define BYTES 100
#define END   "~end"

/* --- in the publisher --- */

static void numbers_run(struct peer *self, const void *plan)
{
	void *socket = peer_open(self, ZMQ_XPUB, FRONTEND, false);
	const struct note *note;
	uint64_t next = 0;
	char text[BYTES + 1];

	(void)plan;
	if (zmq_recv(socket, text, sizeof(text), 0) < 0)
		peer_fail(self, "no subscription came");
	peer_say(self, "ready", 0, 0);
	while (note = peer_listen(self, NULL), strcmp(note->what, "send") == 0) {
		for (uint64_t to = next + note->n; next < to; next++) {
			memset(text, 'x', BYTES);
			text[snprintf(text, BYTES, "t%u.%llu.", (unsigned)(next % READER_TOPICS),
				      (unsigned long long)next)] = 'x';
			zmq_send(socket, text, BYTES, 0);
		}
	}
	while (strcmp(note->what, "finish") == 0) {
		zmq_send(socket, END, strlen(END), 0);
		note = peer_listen(self, NULL);
	}
}

/* --- in a subscriber --- */

static bool read_one(struct peer *self, void *socket, struct read_numbers *r)
{
	char text[BYTES + 1];
	unsigned topic;
	unsigned long long number;
	int n = zmq_recv(socket, text, BYTES, 0);

	if (n < 0)
		peer_fail(self, "after %llu messages: %s", (unsigned long long)r->n,
			  zmq_strerror(zmq_errno()));
	text[n] = '\0';
	if (strcmp(text, END) == 0)
		return false;
	if (n != BYTES || sscanf(text, "t%u.%llu.xx", &topic, &number) != 2 ||
	    topic != number % READER_TOPICS)
		peer_fail(self, "\"%s\" is damaged", text);
	if (r->of[topic] >= number && number >= READER_TOPICS)
		peer_fail(self, "number %llu of topic %u came after number %llu", number, topic,
			  (unsigned long long)r->of[topic]);
	r->n++;
	r->of[topic] = number;
	r->prefix += r->prefix == number;
	if (number != r->last + 1)
		r->suffix = number;
	r->last = number;
	return true;
}

static void reader_run(struct peer *self, const void *plan)
{
	const bool slow = *(const bool *)plan;
	void *socket = peer_socket(self, ZMQ_SUB);
	struct read_numbers r = {0};
	uint64_t wanted = 0;

	if (slow) {
		peer_option(self, socket, ZMQ_RCVHWM, 5);
		peer_option(self, socket, ZMQ_RCVBUF, 2048);
	}
	zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0);
	if (zmq_connect(socket, BACKEND))
		peer_fail(self, "connect: %s", zmq_strerror(zmq_errno()));
	peer_listen(self, "go");
	while (read_one(self, socket, &r)) {
		if (!slow && peer_is_told(self))
			wanted += peer_listen(self, "await")->n;
		if (wanted && r.n == wanted)
			peer_say(self, "reached", 0, 0);
	}
	r.disconnects = peer_disconnects(self, socket);
	peer_say_data(self, "read", 0, &r, sizeof(r));
}

/* --- in the test --- */

struct peer *numbers_start(struct appliance *a)
{
	struct peer *p = peer_start(&a->net, "numbers", numbers_run, NULL);

	peer_hear(p, "ready");
	return p;
}

void numbers_send(struct peer *p, unsigned n)
{
	peer_tell(p, "send", n);
}

void numbers_end(struct peer *p)
{
	peer_tell(p, "end", 0);
	peer_done(p);
}

struct peer *reader_start(struct appliance *a, bool slow)
{
	return peer_start(&a->net, slow ? "slow reader" : "reader", reader_run, &slow);
}

void reader_go(struct peer *p)
{
	peer_tell(p, "go", 0);
}

/* It is told before the first of them is sent, and looks for notes when it has got one. */
void numbers_pass(struct peer *p, struct peer *reader, unsigned n)
{
	peer_tell(reader, "await", n);
	numbers_send(p, n);
	peer_hear(reader, "reached");
}

static bool has_sent(json_t *peers, const void *context)
{
	json_t *p;
	size_t i;

	json_array_foreach(peers, i, p)
	{
		if (json_integer_value(json_object_get(p, "msgs_out")) ==
		    *(const unsigned *)context)
			return true;
	}
	return false;
}

static bool is_drained(json_t *peers, const void *context)
{
	long long queued = 0;
	json_t *p;
	size_t i;

	(void)context;
	json_array_foreach(peers, i, p)
	{
		queued += json_integer_value(json_object_get(p, "queued_msgs"));
	}
	return queued == 0;
}

/* What is told of peers may be a tenth of a second old. */
void reader_await_told(struct appliance *a, unsigned n)
{
	appliance_await(a, "peers", has_sent, &n, "one peer has been given everything");
}

void reader_await_drained(struct appliance *a)
{
	appliance_await(a, "peers", is_drained, NULL, "all queues are empty");
}

struct read_numbers reader_end(struct peer *reader, struct peer *numbers)
{
	struct read_numbers r;

	peer_tell(numbers, "finish", 0);
	memcpy(&r, peer_hear(reader, "read")->data, sizeof(r));
	peer_done(reader);
	return r;
}
