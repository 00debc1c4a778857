/* Dials: begun here, and ended by what epoll says of the descriptor. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "drivers/host/state.h"

static int bind_source(int fd, const struct zl_ipc_endpoint *at)
{
	struct sockaddr_storage a = {0};

	if (!at->source.bytes)
		return 0;
	memcpy(&a, at->source.at, at->source.bytes);
	carrier_before_source(fd, at);
	return bind(fd, (struct sockaddr *)&a, at->source.bytes) ? -errno : 0;
}

static int begin(struct kstream *s, const struct zl_ipc_endpoint *at,
		 const struct sockaddr_storage *address, socklen_t bytes)
{
	int error = bind_source(s->fd, at);

	if (error)
		return error;
	if (connect(s->fd, (const struct sockaddr *)address, bytes) == 0)
		stream_activate(s); /* the owner is told when it is ready to hear it */
	else if (errno != EINPROGRESS)
		return -errno;
	return stream_watch(s);
}

int zl_kernel_connect(struct zl_kernel *k, const struct zl_ipc_endpoint *at,
		      const struct zl_tcp_settings *settings, const struct zl_stream_events *events,
		      void *owner, struct zl_stream **out)
{
	struct sockaddr_storage address;
	socklen_t bytes;
	int fd = carrier_socket(at, &address, &bytes), error;
	struct kstream *s;

	if (fd < 0)
		return fd;
	s = stream_new(k, fd, at->carrier);
	if (!s) {
		close(fd);
		return -ENOBUFS;
	}
	s->state = STREAM_CONNECTING;
	s->stream.events = events;
	s->stream.owner = owner;
	stream_settings(k, fd, at->carrier, settings);
	error = begin(s, at, &address, bytes);
	if (error) {
		stream_release(s, reason_of(-error));
		return error;
	}
	if (settings->connect_timeout_ms)
		stream_deadline(s, k->now_ns + settings->connect_timeout_ms * 1000000ull);
	*out = &s->stream;
	return 0;
}

/* The peer has answered, or nobody has; or it was not about that. */
void connect_done(struct kstream *s)
{
	struct sockaddr_storage a;
	socklen_t bytes = sizeof(int), n = sizeof(a);
	int error = 0;

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &bytes))
		error = errno;
	if (!error && getpeername(s->fd, (struct sockaddr *)&a, &n)) {
		if (errno == ENOTCONN)
			return;
		error = errno;
	}
	if (error) {
		stream_end(s, reason_of(error));
		return;
	}
	stream_deadline(s, UINT64_MAX);
	s->state = STREAM_OPEN;
	s->readable = s->writable = true;
	s->kernel->counter[ZL_KERNEL_connected]++;
	s->stream.events->established(&s->stream);
	if (s->state == STREAM_OPEN && s->stream.sendq.bytes)
		stream_want_output(s);
}
