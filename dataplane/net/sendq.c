/* The send queue: blocks of slices, walked by two cursors. A cursor that stands at the end of its
 * slice stays there until it is used: only then does it step to the next, which may not have been
 * there before. una stands at a byte whenever there is one; nxt is never behind una. */
#include "dataplane/net/sendq.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "dataplane/ring/msg.h"

/* A piece this small costs less to copy than to attach: an indirect buffer is two cache lines of
 * its own, one more descriptor for the NIC, and an atomic each way. */
#define COPY_BELOW 256
/* mbuf reference counts have 16 bits; stop well before, other cores count too. */
#define REFS_MAX 60000

void zl_sendq_init(struct zl_sendq *q, struct rte_mempool *blocks)
{
	memset(q, 0, sizeof(*q));
	q->blocks = blocks;
}

static void unref(struct rte_mbuf *head)
{
	zl_buf_unref((struct zl_buf *)head, 1);
}

void zl_sendq_clear(struct zl_sendq *q)
{
	struct zl_slice_block *b = q->una.block;

	while (b) {
		struct zl_slice_block *next = b->next;

		for (uint32_t i = b->first; i < b->count; i++)
			unref(b->slice[i].head);
		rte_mempool_put(q->blocks, b);
		b = next;
	}
	*q = (struct zl_sendq){.blocks = q->blocks, .copies = q->copies};
}

static void cursor_load(struct zl_sendq_cursor *c, struct zl_slice_block *b, uint32_t idx)
{
	const struct zl_slice *s = &b->slice[idx];

	*c = (struct zl_sendq_cursor){
		.block = b, .idx = idx, .seg = s->seg, .off = s->off, .left = s->len};
}

/* To the start of the following slice; false at the end of the queue. */
static bool cursor_next(struct zl_sendq_cursor *c)
{
	if (c->idx + 1 < c->block->count)
		cursor_load(c, c->block, c->idx + 1);
	else if (c->block->next)
		cursor_load(c, c->block->next, c->block->next->first);
	else
		return false;
	return true;
}

/* Past n bytes of the current slice, n <= left. */
static void cursor_move(struct zl_sendq_cursor *c, uint32_t n)
{
	c->left -= n;
	/* The end of a slice may be the end of its chain: never step off it. */
	while (c->left && n >= c->seg->data_len - c->off) {
		n -= c->seg->data_len - c->off;
		c->seg = c->seg->next;
		c->off = 0;
	}
	c->off += n;
}

/* Does s go on where `last` ends, in the same segment? */
static bool continues(const struct zl_slice *last, const struct zl_slice *s)
{
	uint64_t end = (uint64_t)last->off + last->len;

	return last->head == s->head && last->seg == s->seg && end == s->off &&
	       end <= last->seg->data_len && (uint64_t)last->len + s->len <= UINT32_MAX;
}

/* Room for one more slice at the end. */
static int grow(struct zl_sendq *q)
{
	struct zl_slice_block *b;

	if (q->tail && q->tail->count < ZL_SLICES_A_BLOCK)
		return 0;
	if (rte_mempool_get(q->blocks, (void **)&b))
		return -ENOBUFS;
	b->next = NULL;
	b->first = b->count = 0;
	if (q->tail)
		q->tail->next = b;
	q->tail = b;
	return 0;
}

static void extend(struct zl_sendq *q, const struct zl_slice *s)
{
	struct zl_slice_block *b = q->tail;
	uint32_t last = b->count - 1;

	b->slice[last].len += s->len;
	b->slice[last].msgs += s->msgs;
	if (q->una.block == b && q->una.idx == last)
		q->una.left += s->len;
	if (q->nxt.block == b && q->nxt.idx == last)
		q->nxt.left += s->len;
}

int zl_sendq_append(struct zl_sendq *q, const struct zl_slice *s)
{
	if (!s->len)
		return 0;
	if (q->tail && continues(&q->tail->slice[q->tail->count - 1], s)) {
		extend(q, s);
	} else {
		if (rte_mbuf_refcnt_read(s->head) > REFS_MAX || grow(q))
			return -ENOBUFS;
		zl_buf_ref((struct zl_buf *)s->head, 1);
		q->tail->slice[q->tail->count++] = *s;
		if (!q->una.block) {
			cursor_load(&q->una, q->tail, 0);
			q->nxt = q->una;
		}
	}
	q->bytes += s->len;
	q->unsent += s->len;
	q->msgs += s->msgs;
	return 0;
}

/* The slice under una is finished: give it back and stand on the next. */
static void pop(struct zl_sendq *q)
{
	struct zl_slice_block *b = q->una.block;

	unref(b->slice[b->first++].head);
	if (b->first < b->count) {
		cursor_load(&q->una, b, b->first);
		return;
	}
	if (b->next) {
		cursor_load(&q->una, b->next, b->next->first);
	} else {
		memset(&q->una, 0, sizeof(q->una));
		q->tail = NULL;
	}
	rte_mempool_put(q->blocks, b);
}

uint32_t zl_sendq_ack(struct zl_sendq *q, uint32_t n)
{
	uint64_t sent = q->bytes - q->unsent;
	uint32_t msgs = 0, left = n;

	while (left) {
		const struct zl_slice *s = &q->una.block->slice[q->una.idx];

		if (left < q->una.left) {
			cursor_move(&q->una, left);
			break;
		}
		left -= q->una.left;
		msgs += s->msgs;
		pop(q);
	}
	q->bytes -= n;
	q->msgs -= msgs;
	if (n >= sent) {
		q->nxt = q->una;
		q->unsent = q->bytes;
	}
	return msgs;
}

unsigned zl_sendq_peek(const struct zl_sendq *q, struct iovec *v, unsigned n)
{
	struct zl_sendq_cursor c = q->una;
	unsigned pieces = 0;

	while (c.block && pieces < n) {
		uint32_t piece;

		if (!c.left && !cursor_next(&c))
			break;
		while (c.off >= c.seg->data_len) {
			c.off -= c.seg->data_len;
			c.seg = c.seg->next;
		}
		piece = RTE_MIN(c.left, c.seg->data_len - c.off);
		v[pieces++] = (struct iovec){rte_pktmbuf_mtod_offset(c.seg, void *, c.off), piece};
		cursor_move(&c, piece);
	}
	return pieces;
}

void zl_sendq_rewind(struct zl_sendq *q)
{
	q->nxt = q->una;
	q->unsent = q->bytes;
}

/* What is being built: the packet, its last segment, and how it was, for an undo. */
struct build {
	struct rte_mbuf *head, *tail, *first_tail;
	struct rte_mempool *indirect;
	uint32_t pkt_len;
	uint32_t attach_from; /* a piece of so many bytes, or more */
	uint16_t first_tail_len, nb_segs;
};

static void build_start(struct build *b, const struct zl_sendq *q, struct rte_mbuf *head,
			uint32_t n, struct rte_mempool *indirect)
{
	b->attach_from = q->copies && n > COPY_BELOW ? n : COPY_BELOW;
	b->head = head;
	b->tail = b->first_tail = rte_pktmbuf_lastseg(head);
	b->indirect = indirect;
	b->pkt_len = head->pkt_len;
	b->first_tail_len = b->tail->data_len;
	b->nb_segs = head->nb_segs;
}

static void build_undo(struct build *b)
{
	rte_pktmbuf_free(b->first_tail->next);
	b->first_tail->next = NULL;
	b->first_tail->data_len = b->first_tail_len;
	b->head->pkt_len = b->pkt_len;
	b->head->nb_segs = b->nb_segs;
}

static void build_link(struct build *b, struct rte_mbuf *m)
{
	b->tail->next = m;
	b->tail = m;
	b->head->nb_segs++;
}

/* Copies into the tail, or into fresh buffers when it is full or not ours to write to. */
static int build_copy(struct build *b, const uint8_t *data, uint32_t n)
{
	b->head->pkt_len += n;
	while (n) {
		struct rte_mbuf *t = b->tail;
		uint32_t room = 0;

		if (RTE_MBUF_DIRECT(t) && rte_mbuf_refcnt_read(t) == 1)
			room = rte_pktmbuf_tailroom(t);
		if (!room) {
			t = rte_pktmbuf_alloc(b->head->pool);
			if (!t)
				return -ENOBUFS;
			build_link(b, t);
			continue;
		}
		if (room > n)
			room = n;
		memcpy(rte_pktmbuf_mtod_offset(t, uint8_t *, t->data_len), data, room);
		t->data_len += room;
		data += room;
		n -= room;
	}
	return 0;
}

/* What rte_pktmbuf_attach() does, but with an atomic count always: that one counts without where it
 * finds a single reference, which it takes for its caller's own. A segment of a chain has a single
 * one, the chain's, and all cores that hold the chain may attach to it at the same time. Nor is
 * anything taken over that was true of the frame in which the bytes came. */
static void attach(struct rte_mbuf *m, struct rte_mbuf *seg)
{
	if (RTE_MBUF_HAS_EXTBUF(seg)) {
		__atomic_add_fetch(&seg->shinfo->refcnt, 1, __ATOMIC_ACQ_REL);
		m->shinfo = seg->shinfo;
		m->ol_flags = RTE_MBUF_F_EXTERNAL;
	} else {
		__atomic_add_fetch(&rte_mbuf_from_indirect(seg)->refcnt, 1, __ATOMIC_ACQ_REL);
		m->priv_size = seg->priv_size;
		m->ol_flags = RTE_MBUF_F_INDIRECT;
	}
	m->buf_addr = seg->buf_addr;
	m->buf_len = seg->buf_len;
	rte_mbuf_iova_set(m, rte_mbuf_iova_get(seg));
}

static int build_attach(struct build *b, struct rte_mbuf *seg, uint32_t off, uint32_t n)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(b->indirect);

	if (!m)
		return -ENOBUFS;
	attach(m, seg);
	m->data_off = seg->data_off + off;
	m->data_len = n;
	m->pkt_len = n;
	b->head->pkt_len += n;
	build_link(b, m);
	return 0;
}

/* May a reference on seg outlive the chain's? Not on a chain's direct head (ring/buf_mbuf.c). */
static bool attachable(const struct rte_mbuf *seg, const struct rte_mbuf *head)
{
	return seg != head || !seg->next || !RTE_MBUF_DIRECT(seg);
}

/* n bytes from *c on, which must be there, to the end of the packet; moves *c. */
static int emit(struct zl_sendq_cursor *c, struct build *b, uint32_t n)
{
	while (n) {
		while (!c->left)
			cursor_next(c);

		const struct rte_mbuf *head = c->block->slice[c->idx].head;
		uint32_t piece;
		int err;

		while (c->off >= c->seg->data_len) {
			c->off -= c->seg->data_len;
			c->seg = c->seg->next;
		}
		if (c->seg->next)
			rte_prefetch0(c->seg->next);
		piece = RTE_MIN(n, c->left);
		piece = RTE_MIN(piece, c->seg->data_len - c->off);
		if (piece < b->attach_from || !attachable(c->seg, head))
			err = build_copy(b, rte_pktmbuf_mtod_offset(c->seg, uint8_t *, c->off),
					 piece);
		else
			err = build_attach(b, c->seg, c->off, piece);
		if (err)
			return err;
		cursor_move(c, piece);
		n -= piece;
	}
	return 0;
}

int zl_sendq_build(struct zl_sendq *q, struct rte_mbuf *head, uint32_t n,
		   struct rte_mempool *indirect)
{
	struct zl_sendq_cursor c = q->nxt;
	struct build b;

	build_start(&b, q, head, n, indirect);
	if (emit(&c, &b, n)) {
		build_undo(&b);
		return -ENOBUFS;
	}
	q->nxt = c;
	q->unsent -= n;
	return 0;
}

int zl_sendq_copy(const struct zl_sendq *q, uint32_t from, struct rte_mbuf *head, uint32_t n,
		  struct rte_mempool *indirect)
{
	struct zl_sendq_cursor c = q->una;
	struct build b;

	while (from > c.left) {
		from -= c.left;
		cursor_next(&c);
	}
	cursor_move(&c, from);
	build_start(&b, q, head, n, indirect);
	if (emit(&c, &b, n)) {
		build_undo(&b);
		return -ENOBUFS;
	}
	return 0;
}
