/* Parts that are here and that the owner does not have yet: those of an unfinished message, and
 * those of whole messages that it refused. Only descriptors are kept, in blocks from the frame
 * pool, each with a reference on its buffer; a part that would pin a nearly empty buffer is copied
 * next to others of its kind. */
#include <string.h>

#include "dataplane/zmtp/zmtp.h"

/* A run of parts smaller than this share of its buffer is copied out of it. */
#define SPARSE_SHARE 8

static struct zl_msg *descriptors(struct rte_mbuf *block)
{
	return rte_pktmbuf_mtod(block, struct zl_msg *);
}

static uint32_t block_room(const struct rte_mbuf *block)
{
	return room_of(block) / sizeof(struct zl_msg);
}

static uint32_t block_count(const struct rte_mbuf *block)
{
	return block->data_len / sizeof(struct zl_msg);
}

static bool store(struct zl_session *s, const struct zl_msg *m)
{
	struct rte_mbuf *last = s->parts.last;

	if (!last || block_count(last) == block_room(last)) {
		struct rte_mbuf *block = rte_pktmbuf_alloc(s->zmtp->frames);

		if (!block)
			return false;
		if (last)
			last->next = block;
		else
			s->parts.first = block;
		s->parts.last = last = block;
	}
	descriptors(last)[block_count(last)] = *m;
	last->data_len += sizeof(*m);
	s->parts.n++;
	if (!(m->flags & ZL_MSG_MORE))
		s->parts.whole = s->parts.n;
	return true;
}

/* A copy of the part, its frame header with it, in a buffer that it shares with others. */
static bool move_out(struct zl_session *s, const struct zl_msg *m, struct zl_msg *moved)
{
	uint32_t n = m->wire + m->len;
	struct rte_mbuf *copy = s->parts.copy;
	uint8_t *to;

	if (!copy || rte_pktmbuf_tailroom(copy) < n) {
		struct rte_mbuf *fresh = rte_pktmbuf_alloc(s->zmtp->frames);

		if (!fresh)
			return false;
		if (copy)
			zl_buf_unref(buf_of(copy), 1);
		s->parts.copy = copy = fresh;
	}
	to = (uint8_t *)rte_pktmbuf_append(copy, (uint16_t)n);
	memcpy(to, m->data - m->wire, n);
	s->zmtp->counter[ZL_ZMTP_bytes_copied_in] += n;
	*moved = *m;
	moved->buf = buf_of(copy);
	moved->data = to + m->wire;
	return true;
}

/* msgs[0..n) lie in one buffer. */
static bool push_run(struct zl_session *s, const struct zl_msg *msgs, unsigned n)
{
	const struct rte_mbuf *m = mbuf_of(msgs);
	uint32_t bytes = 0;
	bool sparse;

	for (unsigned i = 0; i < n; i++)
		bytes += msgs[i].wire + msgs[i].len;
	sparse = !m->next && bytes < room_of(m) / SPARSE_SHARE;
	for (unsigned i = 0; i < n; i++) {
		struct zl_msg part = msgs[i];

		if (sparse && !move_out(s, &msgs[i], &part))
			return false;
		if (!store(s, &part))
			return false;
		zl_buf_ref(part.buf, 1);
	}
	return true;
}

enum zl_zmtp_counter parts_push(struct zl_session *s, const struct zl_msg *msgs, unsigned n)
{
	while (n) {
		unsigned run = 1;

		while (run < n && msgs[run].buf == msgs->buf)
			run++;
		if (!push_run(s, msgs, run))
			return ZL_ZMTP_no_memory;
		msgs += run;
		n -= run;
	}
	return s->parts.n - s->parts.whole > ZL_ZMTP_PARTS_MAX ? ZL_ZMTP_too_many_parts : FINE;
}

/* Copies up to `max` descriptors of whole messages, ending with a message if one ends there. */
static unsigned peek(const struct zl_session *s, struct zl_msg *out, unsigned max)
{
	const struct rte_mbuf *block = s->parts.first;
	uint32_t i = s->parts.skip;
	unsigned n = 0, end = 0;

	max = RTE_MIN(max, s->parts.whole);
	while (n < max) {
		if (i == block_count(block)) {
			block = block->next;
			i = 0;
		}
		out[n] = descriptors((struct rte_mbuf *)block)[i++];
		if (!(out[n++].flags & ZL_MSG_MORE))
			end = n;
	}
	return end ? end : n;
}

static void drop_block(struct zl_session *s)
{
	struct rte_mbuf *block = s->parts.first;

	s->parts.first = block->next;
	if (!block->next)
		s->parts.last = NULL;
	s->parts.skip = 0;
	block->next = NULL;
	rte_pktmbuf_free(block);
}

/* The first n parts are gone. */
static void drop(struct zl_session *s, unsigned n)
{
	s->parts.n -= n;
	s->parts.whole -= RTE_MIN(n, s->parts.whole);
	while (n) {
		zl_buf_unref(descriptors(s->parts.first)[s->parts.skip++].buf, 1);
		n--;
		if (s->parts.skip == block_count(s->parts.first))
			drop_block(s);
	}
	if (!s->parts.n && s->parts.copy) {
		zl_buf_unref(buf_of(s->parts.copy), 1);
		s->parts.copy = NULL;
	}
}

bool parts_deliver(struct zl_session *s)
{
	struct zl_msg run[ZL_ZMTP_PARTS_A_CALL];

	while (s->parts.whole && s->state != ZL_SESSION_ENDED) {
		unsigned n = peek(s, run, ZL_ZMTP_PARTS_A_CALL);
		unsigned taken = s->zmtp->ops->deliver(s, run, n);

		RTE_ASSERT(taken <= n);
		drop(s, taken);
		if (taken < n)
			return false;
	}
	return true;
}

void parts_clear(struct zl_session *s)
{
	s->zmtp->counter[ZL_ZMTP_parts_lost] += s->parts.n;
	if (s->parts.n)
		drop(s, s->parts.n);
	/* Left by a part that could not be stored. */
	if (s->parts.copy)
		zl_buf_unref(buf_of(s->parts.copy), 1);
	s->parts.copy = NULL;
}
