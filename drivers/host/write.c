/* Slices to a socket where they lie. What the kernel has taken is released, as if the peer had
 * acknowledged it: it is out of our hands. */
#include <errno.h>
#include <sys/uio.h>

#include "drivers/host/state.h"

#define PIECES 128
#define BUDGET (1u << 20) /* bytes of one stream a turn */

static void released(struct kstream *s, uint32_t bytes, uint32_t msgs)
{
	if (bytes)
		s->stream.events->released(&s->stream, bytes, msgs);
}

/* The peer reads no more. What it has said is still read, and says why in the end. */
static void give_up(struct kstream *s)
{
	struct zl_sendq *q = &s->stream.sendq;

	s->write_ended = true;
	s->readable = true;
	stream_activate(s);
	while (q->bytes) {
		uint32_t bytes = (uint32_t)RTE_MIN(q->bytes, (uint64_t)UINT32_MAX);

		s->kernel->counter[ZL_KERNEL_tx_lost_bytes] += bytes;
		released(s, bytes, zl_sendq_ack(q, bytes));
	}
}

/* One call. Bytes taken, 0: no more for now, or never. */
static uint32_t write_once(struct kstream *s)
{
	struct iovec v[PIECES];
	struct msghdr m = {.msg_iov = v, .msg_iovlen = zl_sendq_peek(&s->stream.sendq, v, PIECES)};
	struct zl_kernel *k = s->kernel;
	ssize_t n;

	k->counter[ZL_KERNEL_tx_calls]++;
	do
		n = sendmsg(s->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		k->counter[ZL_KERNEL_tx_bytes] += (uint64_t)n;
		return (uint32_t)n;
	}
	if (n < 0 && errno != EAGAIN && errno != ENOBUFS) {
		s->write_ended = true;
		return 0;
	}
	/* Nobody tells when the kernel has memory again: it is asked in each turn. */
	s->writable = n < 0 && errno == ENOBUFS;
	k->counter[ZL_KERNEL_tx_full]++;
	return 0;
}

void write_some(struct kstream *s)
{
	struct zl_sendq *q = &s->stream.sendq;
	uint32_t bytes = 0, msgs = 0, n = 1;

	while (q->bytes && n && s->writable && !s->write_ended && bytes < BUDGET) {
		n = write_once(s);
		bytes += n;
		msgs += n ? zl_sendq_ack(q, n) : 0;
	}
	if (q->bytes && s->writable && !s->write_ended)
		stream_want_output(s);
	released(s, bytes, msgs);
	if (s->write_ended && s->state != STREAM_DEAD)
		give_up(s);
}
