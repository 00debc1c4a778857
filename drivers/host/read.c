/* Bytes from a socket, when the owner asks for them: one call fills as many buffers as the last
 * ones made likely, and what the owner does not take stays in the kernel. */
#include <errno.h>
#include <sys/uio.h>

#include "drivers/host/state.h"

void read_spares_free(struct zl_kernel *k)
{
	if (k->spares)
		rte_pktmbuf_free_bulk(k->spare, k->spares);
	k->spares = 0;
}

void read_drop(struct kstream *s)
{
	while (s->rx) {
		struct rte_mbuf *m = s->rx;

		s->rx = m->next;
		m->next = NULL;
		rte_pktmbuf_free(m);
	}
}

/* Buffers to read into, n at most: how many there are. */
static unsigned buffers(struct zl_kernel *k, unsigned n)
{
	if (k->dry)
		return 0;
	if (k->spares < n &&
	    !rte_pktmbuf_alloc_bulk(k->config.frames, k->spare + k->spares, n - k->spares))
		k->spares = n;
	return RTE_MIN(n, k->spares);
}

/* From the end of the spares, so that those that stay are in their place. */
static void keep(struct kstream *s, uint32_t bytes, unsigned n)
{
	struct zl_kernel *k = s->kernel;
	unsigned used = 0;

	for (; bytes; used++) {
		struct rte_mbuf *m = k->spare[k->spares - n + used];
		uint16_t part = (uint16_t)RTE_MIN(bytes, rte_pktmbuf_tailroom(m));

		m->data_len = part;
		m->pkt_len = part;
		bytes -= part;
		if (s->rx)
			s->rx_last->next = m;
		else
			s->rx = m;
		s->rx_last = m;
	}
	for (unsigned i = used; i < n; i++)
		k->spare[k->spares - n + i - used] = k->spare[k->spares - n + i];
	k->spares -= used;
	if (used == n)
		s->batch = (uint8_t)RTE_MIN(2u * s->batch, (unsigned)BATCH_MAX);
	else if (used < s->batch / 2u)
		s->batch /= 2;
}

static void ended(struct kstream *s, enum reason reason)
{
	s->readable = false;
	s->read_ended = true;
	s->reason = reason;
	if (reason == REASON_closed_by_peer) {
		s->stream.peer_closed = true;
		return;
	}
	s->write_ended = true;
	stream_activate(s); /* the owner hears of it when it has had what came before */
}

static bool read_some(struct kstream *s)
{
	struct zl_kernel *k = s->kernel;
	unsigned n = buffers(k, s->batch);
	struct iovec v[BATCH_MAX];
	ssize_t got;

	if (!n) {
		k->counter[ZL_KERNEL_rx_no_memory]++;
		k->dry = true;
		stream_activate(s);
		return false;
	}
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = k->spare[k->spares - n + i];

		v[i] = (struct iovec){rte_pktmbuf_mtod(m, void *), rte_pktmbuf_tailroom(m)};
	}
	k->counter[ZL_KERNEL_rx_calls]++;
	do
		got = readv(s->fd, v, (int)n);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN)
		s->readable = false;
	else if (got <= 0)
		ended(s, got ? reason_of(errno) : REASON_closed_by_peer);
	if (got <= 0)
		return false;
	k->counter[ZL_KERNEL_rx_bytes] += (uint64_t)got;
	s->budget -= RTE_MIN(s->budget, (uint32_t)got);
	keep(s, (uint32_t)got, n);
	return true;
}

static bool may_read(struct kstream *s)
{
	if (s->read_ended) {
		if (s->reason != REASON_closed_by_peer || s->state == STREAM_CLOSING)
			stream_activate(s);
		return false;
	}
	if (!s->readable || s->held >= s->kernel->config.rcvbuf)
		return false;
	if (!s->budget)
		stream_activate(s);
	return s->budget > 0;
}

struct rte_mbuf *read_take(struct kstream *s)
{
	struct rte_mbuf *m;

	if (!s->rx && !(may_read(s) && read_some(s)))
		return NULL;
	m = s->rx;
	s->rx = m->next;
	m->next = NULL;
	s->held += m->data_len;
	return m;
}
