/* Parts into messages (assembly.h). */
#include "dataplane/assembly.h"

void zl_assembly_init(struct zl_assembly *a, struct rte_mempool *frames, uint64_t max_msg_bytes)
{
	a->frames = frames;
	a->max_msg_bytes = max_msg_bytes;
	a->dropping = a->in_body = false;
	a->n = 0;
	a->msg_bytes = 0;
	a->body = (struct zl_chain){0};
}

static void forget_parts(struct zl_assembly *a)
{
	zl_msgs_unref(a->part, a->n);
	a->n = 0;
	rte_pktmbuf_free(a->body.head);
	a->body = (struct zl_chain){0};
}

void zl_assembly_reset(struct zl_assembly *a)
{
	forget_parts(a);
	zl_assembly_init(a, a->frames, a->max_msg_bytes);
}

/* The message goes on, and is not wanted any more. */
static void drop(struct zl_assembly *a, const struct zl_assembly_sink *sink, bool too_long)
{
	forget_parts(a);
	a->dropping = true;
	sink->dropped(sink->ctx, too_long);
}

void zl_assembly_begin(struct zl_assembly *a, uint64_t bytes, bool more,
		       const struct zl_assembly_sink *sink)
{
	a->more = more;
	a->body_left = bytes;
	a->msg_bytes += bytes;
	a->in_body = true;
	if (a->dropping)
		return;
	if ((a->max_msg_bytes && a->msg_bytes > a->max_msg_bytes) || bytes > UINT32_MAX / 2 ||
	    a->n == ZL_ASSEMBLY_PARTS)
		drop(a, sink, true);
}

static struct zl_buf *referred_to(struct rte_mbuf *m, const struct zl_assembly_sink *sink)
{
	if (sink->spare && *sink->spare == m)
		*sink->spare = NULL;
	else
		zl_buf_ref((struct zl_buf *)m, 1);
	return (struct zl_buf *)m;
}

/* The part is complete: its last n bytes are at `at`, of m. false: no memory. */
static bool end_part(struct zl_assembly *a, const uint8_t *at, size_t n, struct rte_mbuf *m,
		     const struct zl_assembly_sink *sink)
{
	struct zl_msg *part = &a->part[a->n];

	*part = (struct zl_msg){.flags = a->more ? ZL_MSG_MORE : 0};
	if (m && !a->body.head) {
		part->buf = referred_to(m, sink);
		part->data = at;
		part->len = (uint32_t)n;
	} else {
		if (!zl_chain_append(&a->body, a->frames, at, (uint32_t)n))
			return false;
		part->buf = (struct zl_buf *)a->body.head;
		part->data = rte_pktmbuf_mtod(a->body.head, const uint8_t *);
		part->len = a->body.head->pkt_len;
		part->flags |= a->body.head->next ? ZL_MSG_CHAIN : 0;
		a->body = (struct zl_chain){0};
	}
	a->n++;
	return true;
}

static void end_message(struct zl_assembly *a, const struct zl_assembly_sink *sink)
{
	unsigned n = a->n;

	a->n = 0;
	a->msg_bytes = 0;
	if (!a->dropping)
		sink->message(sink->ctx, a->part, n);
	a->dropping = false;
}

bool zl_assembly_single(struct zl_assembly *a, const uint8_t *at, size_t n, struct rte_mbuf *m,
			const struct zl_assembly_sink *sink)
{
	if (!m || !sink->single || a->in_body || a->n || a->dropping ||
	    (a->max_msg_bytes && n > a->max_msg_bytes))
		return false;
	sink->single(sink->ctx, referred_to(m, sink), at, (uint32_t)n);
	return true;
}

size_t zl_assembly_take(struct zl_assembly *a, const uint8_t *at, size_t len, struct rte_mbuf *m,
			const struct zl_assembly_sink *sink)
{
	size_t n = RTE_MIN((uint64_t)len, a->body_left);
	bool last = n == a->body_left;

	a->body_left -= n;
	if (!a->dropping && !(last ? end_part(a, at, n, m, sink)
				   : zl_chain_append(&a->body, a->frames, at, (uint32_t)n)))
		drop(a, sink, false);
	if (!last)
		return n;
	a->in_body = false;
	if (!a->more)
		end_message(a, sink);
	return n;
}
