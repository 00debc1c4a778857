/* ZMTP 3 over a kernel socket, the little that a client of one handler needs: NULL, as a DEALER;
 * messages both ways, and PONG to who asks. Whatever is wrong ends the connection, and after a
 * while the next one begins. */
#include "control/zap_line.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sodium.h>

#include "control/log.h"

#define TRY_MS       2000 /* for TCP's handshake and ZMTP's */
#define RETRY_MS     100  /* and double that each time, up to */
#define RETRY_MAX_MS 1000

#define FLAG_MORE    0x01
#define FLAG_LONG    0x02
#define FLAG_COMMAND 0x04

static void down(struct zl_zap_line *l, const char *why)
{
	if (l->watch.fd >= 0) {
		zl_loop_remove(l->loop, &l->watch);
		close(l->watch.fd);
	}
	l->watch.fd = -1;
	l->state = ZL_ZAP_WAITING;
	l->in_bytes = l->out_at = l->out_bytes = 0;
	sodium_memzero(l->out, sizeof(l->out));
	zl_timer_set(l->loop, &l->timer, l->retry_ms);
	l->retry_ms = l->retry_ms * 2 < RETRY_MAX_MS ? l->retry_ms * 2 : RETRY_MAX_MS;
	l->ops->down(l->context, why);
}

/* --- out --- */

/* False: it is down. What has been sent is not left in memory: there may be passwords in it. */
static bool flush(struct zl_zap_line *l)
{
	while (l->out_at < l->out_bytes) {
		ssize_t n = send(l->watch.fd, l->out + l->out_at, l->out_bytes - l->out_at,
				 MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			zl_loop_change(l->loop, &l->watch, EPOLLIN | EPOLLOUT);
			return true;
		}
		if (n < 0) {
			down(l, strerror(errno));
			return false;
		}
		sodium_memzero(l->out + l->out_at, (size_t)n);
		l->out_at += (size_t)n;
	}
	l->out_at = l->out_bytes = 0;
	return true;
}

static bool say(struct zl_zap_line *l, const void *bytes, size_t n)
{
	if (n > sizeof(l->out) - l->out_bytes) {
		down(l, "it does not read");
		return false;
	}
	memcpy(l->out + l->out_bytes, bytes, n);
	l->out_bytes += n;
	return flush(l);
}

uint8_t *zl_zap_line_room(struct zl_zap_line *l)
{
	if (l->state != ZL_ZAP_READY || sizeof(l->out) - l->out_bytes < ZL_ZAP_REQUEST_MAX)
		return NULL;
	return l->out + l->out_bytes;
}

void zl_zap_line_send(struct zl_zap_line *l, size_t bytes)
{
	l->out_bytes += bytes;
	flush(l);
}

/* --- in --- */

/* Our part of the handshake. False: it is down. */
static bool step(struct zl_zap_line *l, enum zl_verdict verdict)
{
	struct zl_handshake *h = &l->handshake;
	size_t n = h->output_bytes;

	h->output_bytes = 0;
	if (!say(l, h->output, n))
		return false;
	if (verdict == ZL_HANDSHAKE_REFUSED) {
		down(l, zl_reason_text[h->reason]);
		return false;
	}
	if (verdict == ZL_HANDSHAKE_READY && h->zmtp < ZL_ZMTP_V3_0) {
		down(l, "it speaks a ZMTP older than 3.0");
		return false;
	}
	if (verdict == ZL_HANDSHAKE_READY) {
		l->state = ZL_ZAP_READY;
		l->retry_ms = RETRY_MS;
		memset(&l->message, 0, sizeof(l->message));
		zl_timer_stop(l->loop, &l->timer);
		l->ops->ready(l->context);
	}
	return l->state != ZL_ZAP_WAITING;
}

/* RFC 37: PING, a time to live of two bytes, a context of at most 16; PONG and the context. */
static bool command(struct zl_zap_line *l, const uint8_t *body, size_t n)
{
	uint8_t pong[2 + 5 + 16] = {FLAG_COMMAND, 5, 4, 'P', 'O', 'N', 'G'};

	if (l->state != ZL_ZAP_READY)
		return step(l, zl_handshake_command(&l->handshake, body, n));
	if (n < 7 || n > 7 + 16 || memcmp(body, "\4PING", 5) != 0)
		return true;
	pong[1] = (uint8_t)(5 + n - 7);
	memcpy(pong + 7, body + 7, n - 7);
	return say(l, pong, n);
}

static bool part(struct zl_zap_line *l, const uint8_t *body, size_t n, bool more)
{
	if (l->state != ZL_ZAP_READY) {
		down(l, "it sends messages before its handshake is over");
		return false;
	}
	zl_zap_add_part(&l->message, body, n);
	if (more)
		return true;
	l->ops->message(l->context, &l->message);
	memset(&l->message, 0, sizeof(l->message));
	return l->state == ZL_ZAP_READY;
}

/* What one frame takes of the front; 0: it is not there as a whole, or the line is down. */
static size_t frame(struct zl_zap_line *l, const uint8_t *at, size_t n)
{
	uint8_t flags = n > 0 ? at[0] : 0;
	size_t head = flags & FLAG_LONG ? 9 : 2, bytes = 0;

	if (n < head)
		return 0;
	for (size_t i = 1; i < head; i++)
		bytes = bytes << 8 | at[i];
	if (flags & ~(FLAG_MORE | FLAG_LONG | FLAG_COMMAND) || bytes > sizeof(l->in) - head) {
		down(l, "it sends a frame that is malformed, or too long");
		return 0;
	}
	if (n - head < bytes)
		return 0;
	if (flags & FLAG_COMMAND ? !command(l, at + head, bytes)
				 : !part(l, at + head, bytes, flags & FLAG_MORE))
		return 0;
	return head + bytes;
}

static void take(struct zl_zap_line *l)
{
	size_t at = 0, n;

	/* A byte at a time, so that what comes after the greeting is not taken for it. */
	while (at < l->in_bytes && l->state == ZL_ZAP_HANDSHAKE && !l->handshake.greeted)
		if (!step(l, zl_handshake_greeting(&l->handshake, l->in + at++, 1)))
			return;
	do {
		n = frame(l, l->in + at, l->in_bytes - at);
		if (l->state == ZL_ZAP_WAITING)
			return;
		at += n;
	} while (n > 0);
	memmove(l->in, l->in + at, l->in_bytes - at);
	l->in_bytes -= at;
}

/* --- the connection --- */

static void connected(struct zl_zap_line *l)
{
	int error = 0;
	socklen_t bytes = sizeof(error);

	getsockopt(l->watch.fd, SOL_SOCKET, SO_ERROR, &error, &bytes);
	if (error) {
		down(l, strerror(error));
		return;
	}
	l->state = ZL_ZAP_HANDSHAKE;
	zl_handshake_start(&l->handshake, ZL_DEALER, false, NULL, NULL);
	step(l, ZL_HANDSHAKE_MORE);
}

static void ready(struct zl_watch *watch, uint32_t events)
{
	struct zl_zap_line *l = watch->context;
	bool writes = events & EPOLLOUT;
	ssize_t n;

	if (writes)
		zl_loop_change(l->loop, watch, EPOLLIN);
	if (l->state == ZL_ZAP_CONNECTING) {
		connected(l);
		return;
	}
	if (writes && !flush(l))
		return;
	if (writes && l->state == ZL_ZAP_READY)
		l->ops->ready(l->context);
	if (l->state == ZL_ZAP_WAITING || !(events & ~(uint32_t)EPOLLOUT))
		return;
	n = recv(watch->fd, l->in + l->in_bytes, sizeof(l->in) - l->in_bytes, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		down(l, n < 0 ? strerror(errno) : "it closed the connection");
		return;
	}
	l->in_bytes += (size_t)n;
	take(l);
}

static void try_connect(struct zl_zap_line *l)
{
	const struct sockaddr *to = (const void *)l->address.at;
	int fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || (connect(fd, to, l->address.bytes) < 0 && errno != EINPROGRESS)) {
		const char *why = strerror(errno);

		if (fd >= 0)
			close(fd);
		down(l, why);
		return;
	}
	l->watch.fd = fd;
	l->state = ZL_ZAP_CONNECTING;
	if (zl_loop_add(l->loop, &l->watch, EPOLLIN | EPOLLOUT) < 0) {
		close(fd);
		l->watch.fd = -1;
		down(l, "no memory");
		return;
	}
	zl_timer_set(l->loop, &l->timer, TRY_MS);
}

static void timer(struct zl_timer *t)
{
	struct zl_zap_line *l = t->context;

	if (l->state == ZL_ZAP_WAITING)
		try_connect(l);
	else
		down(l, "its handshake takes too long");
}

void zl_zap_line_open(struct zl_zap_line *l, struct zl_loop *loop,
		      const struct zl_ipc_sockaddr *address, const struct zl_zap_line_ops *ops,
		      void *context)
{
	l->loop = loop;
	l->address = *address;
	l->ops = ops;
	l->context = context;
	l->retry_ms = RETRY_MS;
	l->watch = (struct zl_watch){.fd = -1, .ready = ready, .context = l};
	l->timer = (struct zl_timer){.fire = timer, .context = l};
	try_connect(l);
}

void zl_zap_line_close(struct zl_zap_line *l)
{
	if (l->watch.fd >= 0) {
		zl_loop_remove(l->loop, &l->watch);
		close(l->watch.fd);
	}
	l->watch.fd = -1;
	zl_timer_stop(l->loop, &l->timer);
	sodium_memzero(l->out, sizeof(l->out));
}
