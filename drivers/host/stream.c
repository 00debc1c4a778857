/* A stream's life, and what its owner may do with it (stream.h). Each may be called at any time on
 * the host core, from inside any event of this or of another stream too: nothing here calls back,
 * and a stream's memory stays until the end of the turn. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "drivers/host/state.h"

struct kstream *stream_new(struct zl_kernel *k, int fd, uint32_t carrier)
{
	struct kstream *s = k->free;

	if (!s)
		return NULL;
	k->free = s->next_free;
	k->open++;
	*s = (struct kstream){
		.kind = KIND_STREAM,
		.kernel = k,
		.fd = fd,
		.carrier = carrier,
		.batch = 1,
		.deadline_ns = UINT64_MAX,
		.stream.ops = &kernel_stream_ops,
	};
	zl_sendq_init(&s->stream.sendq, k->config.blocks);
	return s;
}

void stream_deadline(struct kstream *s, uint64_t at_ns)
{
	struct zl_kernel *k = s->kernel;

	k->timed += (at_ns != UINT64_MAX) - (s->deadline_ns != UINT64_MAX);
	s->deadline_ns = at_ns;
	k->expire_at_ns = RTE_MIN(k->expire_at_ns, at_ns);
}

int stream_watch(struct kstream *s)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = s};

	return epoll_ctl(s->kernel->epoll, EPOLL_CTL_ADD, s->fd, &e) ? -errno : 0;
}

void stream_activate(struct kstream *s)
{
	if (s->active)
		return;
	s->active = true;
	s->next_active = s->kernel->active;
	s->kernel->active = s;
}

void stream_want_output(struct kstream *s)
{
	if (s->outputs)
		return;
	s->outputs = true;
	s->next_output = s->kernel->output;
	s->kernel->output = s;
}

/* A TCP peer is to see a reset of what ends without a word of its owner's. */
static void reset_on_close(const struct kstream *s, enum reason reason)
{
	const struct linger at_once = {.l_onoff = 1};

	if (reason == REASON_aborted || reason == REASON_not_accepted ||
	    reason == REASON_shut_down || reason == REASON_fin_timeout ||
	    reason == REASON_linger_timeout)
		setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

void stream_release(struct kstream *s, enum reason reason)
{
	struct zl_kernel *k = s->kernel;

	if (s->state == STREAM_DEAD)
		return;
	k->counter[ZL_KERNEL_closed_closed_here + reason]++;
	stream_deadline(s, UINT64_MAX);
	k->open--;
	reset_on_close(s, reason);
	close(s->fd);
	s->fd = -1;
	zl_sendq_clear(&s->stream.sendq);
	read_drop(s);
	s->state = STREAM_DEAD;
	s->next_free = k->dead;
	k->dead = s;
}

void stream_end(struct kstream *s, enum reason reason)
{
	s->budget = UINT32_MAX; /* what has come in still goes up */
	s->stream.events->closed(&s->stream, reason_name[reason]);
	stream_release(s, reason);
}

static struct rte_mbuf *stream_take(struct zl_stream *stream)
{
	struct kstream *s = kstream_of(stream);

	return s->state == STREAM_OPEN || s->state == STREAM_CLOSING ? read_take(s) : NULL;
}

static void stream_consumed(struct zl_stream *stream, uint32_t bytes)
{
	struct kstream *s = kstream_of(stream);
	bool was_full = s->held >= s->kernel->config.rcvbuf;

	RTE_ASSERT(bytes <= s->held);
	s->held -= bytes;
	if (was_full && s->readable && s->held < s->kernel->config.rcvbuf)
		stream_activate(s);
	if (s->read_ended && !s->held && s->reason != REASON_closed_by_peer)
		stream_activate(s);
}

static void stream_output(struct zl_stream *stream)
{
	struct kstream *s = kstream_of(stream);

	if (s->state == STREAM_OPEN && (s->writable || s->write_ended))
		stream_want_output(s);
}

/* One that never connected has nothing to say. */
static void stream_shutdown(struct zl_stream *stream)
{
	struct kstream *s = kstream_of(stream);

	if (s->state == STREAM_CONNECTING) {
		stream_release(s, REASON_closed_here);
	} else if (s->state == STREAM_OPEN) {
		s->state = STREAM_CLOSING;
		if (stream->linger_ms)
			stream_deadline(s, s->kernel->now_ns + stream->linger_ms * 1000000ull);
		stream_want_output(s);
		stream_activate(s);
	}
}

static void stream_abort(struct zl_stream *stream)
{
	struct kstream *s = kstream_of(stream);

	if (s->state != STREAM_FREE)
		stream_release(s, REASON_aborted);
}

const struct zl_stream_ops kernel_stream_ops = {
	.take = stream_take,
	.consumed = stream_consumed,
	.output = stream_output,
	.shutdown = stream_shutdown,
	.abort = stream_abort,
};
