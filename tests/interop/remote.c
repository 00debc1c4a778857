/* Steps as notes: the verb is what the note is called, its argument the data. Answered by "ok", by
 * "got" and a message, or by the peer's failure. */
#include "tests/interop/remote.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include <cmocka.h>

/* --- in the child --- */

static void must(struct peer *self, int rc, const struct note *step)
{
	if (rc < 0)
		peer_fail(self, "%s \"%.*s\": %s", step->what, (int)step->bytes,
			  (const char *)step->data, zmq_strerror(zmq_errno()));
}

static void receive(struct peer *self, void *socket, const struct note *step)
{
	uint8_t buf[NOTE_DATA];
	int n = zmq_recv(socket, buf, sizeof(buf), 0);

	if (n < 0)
		peer_fail(self, "nothing came where \"%.*s\" was expected: %s", (int)step->bytes,
			  (const char *)step->data, zmq_strerror(zmq_errno()));
	if (n > NOTE_DATA)
		peer_fail(self, "a message of %d bytes came", n);
	peer_say_data(self, "got", (uint64_t)n, buf, (size_t)n);
}

/* Where it is bound or connected to, wildcards filled in. */
static void tell_endpoint(struct peer *self, void *socket, const struct note *step)
{
	char endpoint[256];
	size_t size = sizeof(endpoint);

	must(self, zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size), step);
	peer_say_data(self, "got", 0, endpoint, size);
}

static bool step(struct peer *self, void *socket, const struct note *s)
{
	const char *verb = s->what, *text = (const char *)s->data;

	if (strcmp(verb, "end") == 0)
		return false;
	if (strcmp(verb, "receive") == 0) {
		receive(self, socket, s);
		return true;
	}
	if (strcmp(verb, "endpoint") == 0) {
		tell_endpoint(self, socket, s);
		return true;
	}
	if (strcmp(verb, "text") == 0)
		must(self, zmq_setsockopt(socket, (int)s->n, text, s->bytes), s);
	else if (strcmp(verb, "option") == 0)
		peer_option(self, socket, (int)(s->n >> 32), (int)(uint32_t)s->n);
	else if (strcmp(verb, "bind") == 0)
		must(self, zmq_bind(socket, text), s);
	else if (strcmp(verb, "connect") == 0)
		must(self, zmq_connect(socket, text), s);
	else if (strcmp(verb, "unbind") == 0)
		must(self, zmq_unbind(socket, text), s);
	else if (strcmp(verb, "disconnect") == 0)
		must(self, zmq_disconnect(socket, text), s);
	else if (strcmp(verb, "subscribe") == 0)
		must(self, zmq_setsockopt(socket, ZMQ_SUBSCRIBE, text, s->bytes), s);
	else if (strcmp(verb, "unsubscribe") == 0)
		must(self, zmq_setsockopt(socket, ZMQ_UNSUBSCRIBE, text, s->bytes), s);
	else if (strcmp(verb, "send") == 0)
		must(self, zmq_send(socket, text, s->bytes, (int)s->n), s);
	else if (strcmp(verb, "disconnects") != 0)
		peer_fail(self, "step \"%s\" is not known", verb);
	peer_say(self, "ok", peer_disconnects(self, socket), 0);
	return true;
}

/* libzmq goes on with what was asked of it (a disconnect, say) only inside calls on the socket, so
 * its descriptor is waited for as well; looking at its events is such a call. */
static const struct note *next_step(struct peer *self, void *socket)
{
	struct pollfd wait[2] = {{.fd = peer_descriptor(self), .events = POLLIN},
				 {.events = POLLIN}};
	size_t size = sizeof(wait[1].fd);
	int events;

	zmq_getsockopt(socket, ZMQ_FD, &wait[1].fd, &size);
	do {
		size = sizeof(events);
		zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size);
	} while (poll(wait, 2, -1) > 0 && !(wait[0].revents));
	return peer_listen(self, NULL);
}

static void remote_run(struct peer *self, const void *plan)
{
	void *socket = peer_socket(self, *(const int *)plan);

	while (step(self, socket, next_step(self, socket)))
		;
}

/* --- in the test --- */

struct peer *remote_start(const struct lab_net *net, const char *name, int type)
{
	return peer_start(net, name, remote_run, &type);
}

static uint64_t order(struct peer *p, const char *verb, uint64_t n, const void *data, size_t bytes)
{
	peer_tell_data(p, verb, n, data, bytes);
	return peer_hear(p, "ok")->n;
}

void remote_option(struct peer *p, int option, int value)
{
	order(p, "option", (uint64_t)option << 32 | (uint32_t)value, NULL, 0);
}

void remote_option_text(struct peer *p, int option, const char *value)
{
	order(p, "text", (uint64_t)option, value, strlen(value));
}

void remote_bind(struct peer *p, const char *endpoint)
{
	order(p, "bind", 0, endpoint, strlen(endpoint) + 1);
}

void remote_connect(struct peer *p, const char *endpoint)
{
	order(p, "connect", 0, endpoint, strlen(endpoint) + 1);
}

void remote_unbind(struct peer *p, const char *endpoint)
{
	order(p, "unbind", 0, endpoint, strlen(endpoint) + 1);
}

void remote_disconnect(struct peer *p, const char *endpoint)
{
	order(p, "disconnect", 0, endpoint, strlen(endpoint) + 1);
}

void remote_endpoint(struct peer *p, char *endpoint, size_t bytes)
{
	peer_tell(p, "endpoint", 0);
	snprintf(endpoint, bytes, "%s", (const char *)peer_hear(p, "got")->data);
}

void remote_subscribe(struct peer *p, const char *prefix)
{
	order(p, "subscribe", 0, prefix, strlen(prefix));
}

void remote_unsubscribe(struct peer *p, const char *prefix)
{
	order(p, "unsubscribe", 0, prefix, strlen(prefix));
}

void remote_send(struct peer *p, const char *text)
{
	order(p, "send", 0, text, strlen(text));
}

void remote_send_more(struct peer *p, const char *text)
{
	order(p, "send", ZMQ_SNDMORE, text, strlen(text));
}

void remote_send_bytes(struct peer *p, const void *bytes, size_t n)
{
	order(p, "send", 0, bytes, n);
}

void remote_expect_bytes(struct peer *p, const void *bytes, size_t n)
{
	const struct note *got;

	peer_tell_data(p, "receive", 0, bytes, n);
	got = peer_hear(p, "got");
	if (got->bytes != n || memcmp(got->data, bytes, n) != 0)
		fail_msg("\"%.*s\" came where \"%.*s\" was expected", (int)got->bytes,
			 (const char *)got->data, (int)n, (const char *)bytes);
}

void remote_expect(struct peer *p, const char *text)
{
	remote_expect_bytes(p, text, strlen(text));
}

void remote_expect_subscription(struct peer *p, bool subscribe, const char *prefix)
{
	char msg[256];
	int n = snprintf(msg, sizeof(msg), "%c%s", subscribe ? 1 : 0, prefix);

	remote_expect_bytes(p, msg, (size_t)n);
}

void remote_expect_subscriptions(struct peer *p, const char *const *changes)
{
	bool heard[16] = {false};
	unsigned n = 0, i;

	while (changes[n])
		n++;
	for (unsigned received = 0; received < n; received++) {
		const struct note *got;
		char change[256];

		peer_tell(p, "receive", 0);
		got = peer_hear(p, "got");
		snprintf(change, sizeof(change), "%c%.*s", got->data[0] ? '+' : '-',
			 (int)got->bytes - 1, (const char *)got->data + 1);
		for (i = 0; i < n && (heard[i] || strcmp(changes[i], change) != 0); i++)
			;
		if (i == n)
			fail_msg("\"%s\" is not one of the changes expected", change);
		heard[i] = true;
	}
}

uint64_t remote_disconnects(struct peer *p)
{
	return order(p, "disconnects", 0, NULL, 0);
}

void remote_end(struct peer *p)
{
	peer_tell(p, "end", 0);
	peer_done(p);
}
