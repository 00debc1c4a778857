/* Peers without ZMTP (plain.h). */
#include "tests/interop/plain.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#define PIECE_MAX  (1u << 20)
#define AHEAD      (256u << 10) /* a ZMQ_STREAM sends no further before it has had them back */
#define BUFFERS    (64 << 10)   /* the kernel's, each way, so that little is enough to fill them */
#define NAME_BYTES 256

struct end {
	struct peer *self;
	const struct plain *plan;
	int fd;
	void *socket; /* ZMQ_STREAM */
	uint8_t name[NAME_BYTES];
	size_t name_bytes;
	uint64_t sent, had;
	uint8_t *out, *in, *due;
};

void plain_fill(uint8_t *to, unsigned seed, uint64_t at, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t x = ((at + i) / 8 + 1) * 0x9e3779b97f4a7c15ull +
			     seed * 0xbf58476d1ce4e5b9ull;

		x ^= x >> 29;
		x *= 0x94d049bb133111ebull;
		to[i] = (uint8_t)(x >> (8 * ((at + i) % 8)));
	}
}

/* --- in the child --- */

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_un un;
};

static socklen_t address_of(struct peer *self, const char *endpoint, union address *a)
{
	char ip[64];
	unsigned port;

	memset(a, 0, sizeof(*a));
	if (sscanf(endpoint, "tcp://%63[0-9.]:%u", ip, &port) == 2) {
		a->in.sin_family = AF_INET;
		a->in.sin_port = htons((uint16_t)port);
		inet_pton(AF_INET, ip, &a->in.sin_addr);
		return sizeof(a->in);
	}
	if (strncmp(endpoint, "ipc://", 6) != 0)
		peer_fail(self, "%s is no endpoint of a plain socket", endpoint);
	a->un.sun_family = AF_UNIX;
	snprintf(a->un.sun_path, sizeof(a->un.sun_path), "%s", endpoint + 6);
	return sizeof(a->un);
}

static int new_socket(const union address *a)
{
	int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), size = BUFFERS, yes = 1;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (a->any.sa_family == AF_INET)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	return fd;
}

static int join(struct peer *self, const struct plain *plan)
{
	union address a;
	socklen_t n = address_of(self, plan->endpoint, &a);
	int fd = new_socket(&a), one, yes = 1;

	if (!plan->binds) {
		if (connect(fd, &a.any, n))
			peer_fail(self, "connect to %s: %s", plan->endpoint, strerror(errno));
		return fd;
	}
	if (a.any.sa_family == AF_UNIX)
		unlink(a.un.sun_path);
	if (bind(fd, &a.any, n) || listen(fd, 1))
		peer_fail(self, "bind to %s: %s", plan->endpoint, strerror(errno));
	one = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	close(fd);
	if (one < 0)
		peer_fail(self, "accept at %s: %s", plan->endpoint, strerror(errno));
	if (a.any.sa_family == AF_INET)
		setsockopt(one, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	return one;
}

static void check(struct end *e, size_t n)
{
	plain_fill(e->due, e->plan->seed, e->had, n);
	if (memcmp(e->in, e->due, n) != 0)
		peer_fail(e->self, "of the %zu bytes after the %llu-th some are not what was sent",
			  n, (unsigned long long)e->had);
	e->had += n;
}

/* The piece at the front of what is still to be sent. */
static size_t next_piece(struct end *e, uint64_t until, uint32_t piece)
{
	size_t n = until - e->sent < piece ? until - e->sent : piece;

	plain_fill(e->out, e->plan->seed, e->sent, n);
	return n;
}

/* As much of a piece as the socket takes. */
static void send_some(struct end *e, uint64_t until, uint32_t piece)
{
	size_t n = next_piece(e, until, piece);
	ssize_t sent = send(e->fd, e->out, n, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (sent < 0 && errno != EAGAIN)
		peer_fail(e->self, "send after %llu bytes: %s", (unsigned long long)e->sent,
			  strerror(errno));
	e->sent += sent > 0 ? (uint64_t)sent : 0;
}

static void receive_some(struct end *e)
{
	ssize_t n = recv(e->fd, e->in, PIECE_MAX, MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN))
		peer_fail(e->self, "the connection ended after %llu bytes: %s",
			  (unsigned long long)e->had, n ? strerror(errno) : "by a FIN");
	if (n > 0)
		check(e, (size_t)n);
}

static void pump_plain(struct end *e, uint64_t until, uint32_t piece, bool reads)
{
	while (e->had < until) {
		struct pollfd p[2] = {{.fd = e->fd}, {.fd = peer_descriptor(e->self)}};

		p[0].events = (short)((reads ? POLLIN : 0) | (e->sent < until ? POLLOUT : 0));
		p[1].events = reads ? 0 : POLLIN;
		if (poll(p, 2, lab_patience_ms()) <= 0)
			peer_fail(e->self, "%llu bytes were sent and %llu have come back, no more",
				  (unsigned long long)e->sent, (unsigned long long)e->had);
		if (p[1].revents & POLLIN) {
			peer_listen(e->self, "read");
			reads = true;
		}
		if (p[0].revents & POLLOUT)
			send_some(e, until, piece);
		if (reads && p[0].revents & (POLLIN | POLLHUP | POLLERR))
			receive_some(e);
	}
}

/* [name][bytes] of the one connection that there is; how many. */
static int stream_receive(struct end *e, int flags)
{
	int n = zmq_recv(e->socket, e->name, sizeof(e->name), flags);

	if (n < 0 && zmq_errno() == EAGAIN && flags)
		return -1;
	e->name_bytes = (size_t)n;
	n = n < 0 ? n : zmq_recv(e->socket, e->in, PIECE_MAX, 0);
	if (n < 0)
		peer_fail(e->self, "nothing more comes after %llu bytes: %s",
			  (unsigned long long)e->had, zmq_strerror(zmq_errno()));
	return n;
}

static void pump_stream(struct end *e, uint64_t until, uint32_t piece)
{
	while (e->had < until) {
		bool sends = e->sent < until && e->sent - e->had < AHEAD;
		int n;

		if (sends) {
			size_t k = next_piece(e, until, piece);

			if (zmq_send(e->socket, e->name, e->name_bytes, ZMQ_SNDMORE) < 0 ||
			    zmq_send(e->socket, e->out, k, 0) < 0)
				peer_fail(e->self, "send: %s", zmq_strerror(zmq_errno()));
			e->sent += k;
		}
		n = stream_receive(e, sends ? ZMQ_DONTWAIT : 0);
		if (n == 0)
			peer_fail(e->self, "the connection ended after %llu bytes",
				  (unsigned long long)e->had);
		if (n > 0)
			check(e, (size_t)n);
	}
}

static void pump(struct end *e, const struct note *told, bool reads)
{
	uint32_t piece;

	memcpy(&piece, told->data, sizeof(piece));
	if (e->socket)
		pump_stream(e, e->sent + told->n, piece);
	else
		pump_plain(e, e->sent + told->n, piece, reads);
	peer_say(e->self, "echoed", e->had, 0);
}

/* `wanted`, or (NULL) what plain_fill() makes. */
static void hear(struct end *e, const uint8_t *wanted, uint64_t bytes)
{
	for (uint64_t at = 0; at < bytes;) {
		size_t most = bytes - at < PIECE_MAX ? bytes - at : PIECE_MAX;
		ssize_t n = recv(e->fd, e->in, most, 0);

		if (n <= 0)
			peer_fail(e->self, "%llu of %llu bytes came: %s", (unsigned long long)at,
				  (unsigned long long)bytes, n ? strerror(errno) : "FIN");
		if (wanted)
			memcpy(e->due, wanted + at, (size_t)n);
		else
			plain_fill(e->due, e->plan->seed, at, (size_t)n);
		if (memcmp(e->in, e->due, (size_t)n) != 0)
			peer_fail(e->self, "other bytes came after %llu", (unsigned long long)at);
		at += (uint64_t)n;
	}
}

static bool step(struct end *e, const struct note *told)
{
	ssize_t n;

	if (strcmp(told->what, "go") == 0 || strcmp(told->what, "deaf") == 0) {
		pump(e, told, told->what[0] == 'g');
		return true;
	}
	if (strcmp(told->what, "say") == 0) {
		if (send(e->fd, told->data, told->bytes, MSG_NOSIGNAL) != (ssize_t)told->bytes)
			peer_fail(e->self, "send: %s", strerror(errno));
	} else if (strcmp(told->what, "hear") == 0) {
		hear(e, told->bytes ? told->data : NULL, told->n);
	} else if (strcmp(told->what, "over") == 0) {
		n = recv(e->fd, e->in, PIECE_MAX, 0);
		if (n)
			peer_fail(e->self, "no FIN came, but %zd bytes: %s", n,
				  n < 0 ? strerror(errno) : "");
	} else {
		return false;
	}
	peer_say(e->self, "ok", 0, 0);
	return true;
}

static void join_stream(struct end *e)
{
	e->socket = peer_open(e->self, ZMQ_STREAM, e->plan->endpoint, e->plan->binds);
	if (stream_receive(e, 0) != 0)
		peer_fail(e->self, "bytes came before the notice of a connection");
}

void plain_run(struct peer *self, const void *plain)
{
	struct timeval patience = {.tv_sec = lab_patience_ms() / 1000};
	struct end e = {.self = self, .plan = plain, .fd = -1};

	e.out = malloc(PIECE_MAX);
	e.in = malloc(PIECE_MAX);
	e.due = malloc(PIECE_MAX);
	if (e.plan->stream) {
		join_stream(&e);
	} else {
		e.fd = join(self, e.plan);
		setsockopt(e.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	}
	peer_say(self, "joined", 0, 0);
	while (step(&e, peer_listen(self, NULL)))
		;
	if (e.fd >= 0)
		close(e.fd);
	free(e.out);
	free(e.in);
	free(e.due);
}

/* --- in the test --- */

void plain_go(struct peer *p, uint64_t bytes, uint32_t piece)
{
	peer_tell_data(p, "go", bytes, &piece, sizeof(piece));
}

void plain_go_deaf(struct peer *p, uint64_t bytes, uint32_t piece)
{
	peer_tell_data(p, "deaf", bytes, &piece, sizeof(piece));
}

void plain_reads(struct peer *p)
{
	peer_tell(p, "read", 0);
}

void plain_echoed(struct peer *p)
{
	peer_hear(p, "echoed");
}

static void told(struct peer *p, const char *what, uint64_t n, const char *text)
{
	peer_tell_data(p, what, n, text, text ? strlen(text) : 0);
	peer_hear(p, "ok");
}

void plain_says(struct peer *p, const char *text)
{
	told(p, "say", 0, text);
}

void plain_hears(struct peer *p, const char *text)
{
	told(p, "hear", strlen(text), text);
}

void plain_hears_fill(struct peer *p, uint64_t bytes)
{
	told(p, "hear", bytes, NULL);
}

void plain_is_over(struct peer *p)
{
	told(p, "over", 0, NULL);
}

void plain_end(struct peer *p)
{
	peer_tell(p, "end", 0);
	peer_done(p);
}
