/* What sessions have in common whose every frame is a MESSAGE of their security mechanism: part by
 * part, and frame by frame, into envelopes of their own. */
#include "dataplane/zmtp/envelope.h"

#include <errno.h>
#include <string.h>

struct rte_mbuf *segment_add(struct rte_mbuf *head, struct rte_mbuf **last,
			     struct rte_mempool *frames)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(frames);

	if (!m) {
		rte_pktmbuf_free(head);
		return NULL;
	}
	if (head) {
		(*last)->next = m;
		if (head->nb_segs < UINT16_MAX) /* nobody walks by it */
			head->nb_segs++;
	}
	*last = m;
	return head ? head : m;
}

void part_become(struct zl_msg *m, uint8_t *flags_at, uint32_t len, uint8_t more, bool chain)
{
	uint8_t header[ZL_FRAME_LONG_HEADER];
	unsigned n = zl_frame_build(header, more, len);

	memcpy(flags_at + 1 - n, header, n);
	m->data = flags_at + 1;
	m->len = len;
	m->flags = more | (chain ? ZL_MSG_CHAIN : 0);
	m->wire = (uint8_t)n;
}
_Static_assert((int)INNER_MORE == (int)ZL_MSG_MORE && (int)INNER_MORE == (int)ZL_FRAME_MORE,
	       "flags in an envelope are a part's");

bool envelope_write(struct zl_session *s, const struct zl_msg *msgs, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t more = msgs[i].flags & ZL_MSG_MORE;

		if (!s->envelope->put(s, more, cursor_of(&msgs[i]), msgs[i].len, !more))
			return false;
	}
	return true;
}

int envelope_send(struct zl_session *s, const uint8_t *frames, uint32_t len)
{
	while (len) {
		struct zl_frame f;
		int n = zl_frame_parse(frames, len, &f);
		struct cursor c;
		uint8_t flags;

		if (n <= 0 || f.len > len - f.header_len)
			return -EINVAL;
		c = (struct cursor){.at = frames + n, .here = (uint32_t)f.len};
		flags = (f.flags & ZL_FRAME_MORE ? INNER_MORE : 0) |
			(f.flags & ZL_FRAME_COMMAND ? INNER_COMMAND : 0);
		if (!s->envelope->put(s, flags, c, (uint32_t)f.len, 0))
			return -ENOBUFS;
		frames += f.header_len + f.len;
		len -= (uint32_t)(f.header_len + f.len);
	}
	s->stream->ops->output(s->stream);
	return 0;
}
