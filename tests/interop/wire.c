/* Plain TCP: bytes in and out, and ZMTP's frames on them. */
#include "tests/interop/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER     65536
#define PREFIXES   8
#define PREFIX_MAX 64

struct wire {
	struct wire_side side;
	int fd, sndbuf, rcvbuf;
	struct {
		uint8_t bytes[PREFIX_MAX];
		size_t n;
	} prefix[PREFIXES];
	unsigned prefixes;
	uint8_t in[BUFFER], out[BUFFER];
	size_t in_at, in_end, out_n;
};

struct wire *wire_new(struct peer *self, enum tongue tongue, int type)
{
	struct wire *w = calloc(1, sizeof(*w));

	w->side = (struct wire_side){.self = self, .tongue = tongue, .type = type};
	w->fd = -1;
	return w;
}

const struct wire_side *wire_side(const struct wire *w)
{
	return &w->side;
}

void wire_buffer(struct wire *w, bool out, int bytes)
{
	*(out ? &w->sndbuf : &w->rcvbuf) = bytes;
}

void wire_identity(struct wire *w, const void *identity, size_t n)
{
	memcpy(w->side.identity, identity, n);
	w->side.identity_bytes = n;
}

int wire_descriptor(struct wire *w)
{
	return w->fd;
}

/* --- bytes --- */

void wire_flush(struct wire *w)
{
	size_t at = 0;

	while (at < w->out_n) {
		ssize_t n = send(w->fd, w->out + at, w->out_n - at, MSG_NOSIGNAL);

		if (n <= 0)
			peer_fail(w->side.self, "send: %s", strerror(errno));
		at += (size_t)n;
	}
	w->out_n = 0;
}

void wire_put(struct wire *w, const void *bytes, size_t n)
{
	const uint8_t *from = bytes;

	while (n) {
		size_t room = BUFFER - w->out_n, k = n < room ? n : room;

		memcpy(w->out + w->out_n, from, k);
		w->out_n += k;
		from += k;
		n -= k;
		if (w->out_n == BUFFER)
			wire_flush(w);
	}
}

/* More bytes are in w->in; false: none came, errno. */
static bool more_in(struct wire *w)
{
	ssize_t n;

	wire_flush(w);
	n = recv(w->fd, w->in, BUFFER, 0);
	if (n == 0)
		errno = ECONNRESET;
	w->in_at = 0;
	w->in_end = n > 0 ? (size_t)n : 0;
	return n > 0;
}

/* `bytes` NULL: passed over. False: errno. */
static bool get(struct wire *w, void *bytes, size_t n)
{
	uint8_t *to = bytes;

	while (n) {
		size_t k = w->in_end - w->in_at;

		if (k == 0 && !more_in(w))
			return false;
		k = w->in_end - w->in_at;
		k = k < n ? k : n;
		if (to) {
			memcpy(to, w->in + w->in_at, k);
			to += k;
		}
		w->in_at += k;
		n -= k;
	}
	return true;
}

void wire_get(struct wire *w, void *bytes, size_t n)
{
	if (!get(w, bytes, n))
		peer_fail(w->side.self, "%zu bytes were to come: %s", n, strerror(errno));
}

bool wire_has(struct wire *w)
{
	struct pollfd readable = {.fd = w->fd, .events = POLLIN};

	return w->in_at < w->in_end || poll(&readable, 1, 0) == 1;
}

/* --- the connection --- */

static int connection(struct wire *w, struct sockaddr_in *at, bool bind_)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), peer, yes = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (w->sndbuf)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &w->sndbuf, sizeof(w->sndbuf));
	if (w->rcvbuf)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &w->rcvbuf, sizeof(w->rcvbuf));
	if (!bind_)
		return connect(fd, (struct sockaddr *)at, sizeof(*at)) ? -1 : fd;
	if (bind(fd, (struct sockaddr *)at, sizeof(*at)) || listen(fd, 1))
		return -1;
	peer = accept(fd, NULL, NULL);
	close(fd);
	return peer;
}

void wire_join(struct wire *w, const char *endpoint, bool bind)
{
	struct timeval patience = {.tv_sec = lab_patience_ms() / 1000};
	struct sockaddr_in at = {.sin_family = AF_INET};
	char ip[32];
	unsigned port;
	int yes = 1;

	if (sscanf(endpoint, "tcp://%31[0-9.]:%u", ip, &port) != 2)
		peer_fail(w->side.self, "endpoint %s", endpoint);
	inet_pton(AF_INET, ip, &at.sin_addr);
	at.sin_port = htons((uint16_t)port);
	w->fd = connection(w, &at, bind);
	if (w->fd < 0)
		peer_fail(w->side.self, "%s: %s", endpoint, strerror(errno));
	setsockopt(w->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(w->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	w->side.eager = bind;
	wire_greet(w);
	for (unsigned i = 0; i < w->prefixes; i++)
		wire_subscribe(w, w->prefix[i].bytes, w->prefix[i].n);
	wire_flush(w);
}

/* --- frames --- */

static void put_u64(uint8_t *p, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (56 - 8 * i));
}

static uint64_t get_u64(struct wire *w, bool *good)
{
	uint8_t p[8];
	uint64_t v = 0;

	*good = *good && get(w, p, 8);
	for (unsigned i = 0; *good && i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

/* RFC 13: a length that counts the flags, 0xff and eight octets from 255 on; flags. */
static void put_header_1(struct wire *w, size_t n, bool more)
{
	uint8_t h[10] = {0xff};

	if (n + 1 < 255) {
		h[0] = (uint8_t)(n + 1);
		h[1] = more;
		wire_put(w, h, 2);
		return;
	}
	put_u64(h + 1, n + 1);
	h[9] = more;
	wire_put(w, h, 10);
}

/* RFC 15, 23, 37: flags (MORE 1, LONG 2, COMMAND 4); a length in one octet or eight. */
static void put_header(struct wire *w, uint8_t flags, size_t n)
{
	uint8_t h[9] = {flags, (uint8_t)n};

	if (n <= 255) {
		wire_put(w, h, 2);
		return;
	}
	h[0] |= 2;
	put_u64(h + 1, n);
	wire_put(w, h, 9);
}

void wire_send(struct wire *w, const void *part, size_t n, bool more)
{
	if (w->side.tongue == ZMTP_1_0)
		put_header_1(w, n, more);
	else
		put_header(w, more, n);
	wire_put(w, part, n);
}

void wire_subscribe(struct wire *w, const void *prefix, size_t n)
{
	if (w->fd < 0) {
		if (w->prefixes == PREFIXES || n > PREFIX_MAX)
			peer_fail(w->side.self, "too many subscriptions, or too long");
		memcpy(w->prefix[w->prefixes].bytes, prefix, n);
		w->prefix[w->prefixes++].n = n;
		return;
	}
	switch (w->side.tongue) {
	case LIBZMQ:
	case ZMTP_1_0:
		return; /* RFC 13: a subscriber shall not send any content */
	case ZMTP_2_0:
	case ZMTP_3_0:
		put_header(w, 0, 1 + n);
		wire_put(w, "\1", 1);
		break;
	case ZMTP_3_1:
		put_header(w, 4, 10 + n);
		wire_put(w, "\11SUBSCRIBE", 10);
		break;
	}
	wire_put(w, prefix, n);
}

/* A frame's header; false: errno. */
static bool get_header(struct wire *w, uint8_t *flags, uint64_t *n)
{
	uint8_t h[2];
	bool good = get(w, h, 1);

	if (good && w->side.tongue == ZMTP_1_0) {
		*n = h[0] == 0xff ? get_u64(w, &good) : h[0];
		good = good && get(w, flags, 1);
		if (good && (*n == 0 || *flags > 1))
			peer_fail(w->side.self, "a frame of length %llu and flags 0x%x came",
				  (unsigned long long)*n, *flags);
		*n -= 1;
		return good;
	}
	*flags = h[0];
	if (good && *flags & ~7)
		peer_fail(w->side.self, "a frame with flags 0x%x came", *flags);
	if (good && !(*flags & 2)) {
		good = get(w, h + 1, 1);
		*n = h[1];
		return good;
	}
	*n = get_u64(w, &good);
	return good;
}

/* A command of ZMTP 3.1 in traffic: a subscription, which becomes a message, or a heartbeat. */
static int command(struct wire *w, uint64_t n, uint8_t *part, size_t max)
{
	uint8_t body[300];

	if (w->side.tongue < ZMTP_3_0 || n > sizeof(body))
		peer_fail(w->side.self, "a command of %llu bytes came", (unsigned long long)n);
	wire_get(w, body, n);
	if (n >= 7 && memcmp(body, "\4PING", 5) == 0) {
		put_header(w, 4, 5 + n - 7);
		wire_put(w, "\4PONG", 5);
		wire_put(w, body + 7, n - 7);
		wire_flush(w);
		return 0;
	}
	size_t name = 1 + body[0];
	bool subscribe = memcmp(body, "\11SUBSCRIBE", 10) == 0;
	if ((!subscribe && memcmp(body, "\6CANCEL", 7) != 0) || w->side.tongue != ZMTP_3_1)
		return 0;
	if (1 + n - name > max)
		peer_fail(w->side.self, "a prefix of %zu bytes came", n - name);
	part[0] = subscribe;
	memcpy(part + 1, body + name, n - name);
	return (int)(1 + n - name);
}

int wire_receive(struct wire *w, void *part, size_t max, bool *more)
{
	uint8_t flags;
	uint64_t n;

	for (;;) {
		if (!get_header(w, &flags, &n))
			return -1;
		if (!(flags & 4))
			break;
		int bytes = command(w, n, part, max);
		*more = false;
		if (bytes)
			return bytes;
	}
	*more = flags & 1;
	wire_get(w, part, n < max ? n : max);
	if (n > max)
		wire_get(w, NULL, n - max);
	return (int)n;
}
