/* Sessions of CURVE (RFC 26): every frame is a MESSAGE, in which a box has the flags and the body
 * of the frame that ZMTP would have sent without it. libzmq sends them as frames of messages,
 * whatever is in them; as commands they are taken, too.
 *
 * Opening: the tag is checked over all of it before any of it is deciphered. A short message is
 * opened where it lies, and its ZMTP header written before it, over what is no longer needed, so
 * that it can be forwarded as it came. Sealing: into the core's tail buffer if it fits, else into a
 * chain of its own; nothing of it can be shared with other peers. */
#include <string.h>

#include "dataplane/zmtp/envelope.h"

static void put_nonce(uint8_t *to, uint64_t nonce)
{
	for (int i = ZL_BOX_NONCE_BYTES - 1; i >= 0; i--, nonce >>= 8)
		to[i] = (uint8_t)nonce;
}

static uint64_t get_nonce(const uint8_t *from)
{
	uint64_t nonce = 0;

	for (int i = 0; i < ZL_BOX_NONCE_BYTES; i++)
		nonce = nonce << 8 | from[i];
	return nonce;
}

/* --- opening --- */

/* The tag of all that is encrypted. */
static void authenticate(struct zl_box *box, struct cursor c, uint32_t left)
{
	while (left) {
		uint32_t n = cursor_run(&c, left);

		zl_box_authenticate(box, c.at, n);
		cursor_skip(&c, n);
		left -= n;
	}
}

/* Deciphers `left` bytes into fresh buffers, of which the first has room for a header before them.
 * NULL: no memory. */
static struct rte_mbuf *open_apart(struct zl_session *s, struct zl_box *box, struct cursor c,
				   uint32_t left)
{
	struct rte_mbuf *last = NULL, *head = segment_add(NULL, &last, s->zmtp->frames);

	if (!head)
		return NULL;
	head->data_len = ZL_FRAME_LONG_HEADER;
	head->pkt_len = ZL_FRAME_LONG_HEADER;
	while (left) {
		uint32_t n = RTE_MIN(cursor_run(&c, left), rte_pktmbuf_tailroom(last));

		if (n == 0) {
			if (!segment_add(head, &last, s->zmtp->frames))
				return NULL;
			continue;
		}
		zl_box_crypt(box, rte_pktmbuf_mtod_offset(last, uint8_t *, last->data_len), c.at,
			     n);
		last->data_len += (uint16_t)n;
		head->pkt_len += n;
		cursor_skip(&c, n);
		left -= n;
	}
	s->zmtp->counter[ZL_ZMTP_bytes_copied_in] += head->pkt_len - ZL_FRAME_LONG_HEADER;
	return head;
}

static enum zl_zmtp_counter check_header(const struct zl_session *s, const struct zl_msg *m)
{
	if (m->len < ZL_BOX_OVERHEAD || memcmp(m->data, zl_box_name, ZL_BOX_NAME_BYTES) != 0)
		return ZL_ZMTP_not_boxed;
	if (get_nonce(m->data + ZL_BOX_NAME_BYTES) <= s->open.nonce)
		return ZL_ZMTP_box_replayed;
	return FINE;
}

static enum zl_zmtp_counter box_open(struct zl_session *s, struct zl_msg *m, uint8_t *flags,
				     struct rte_mbuf **fresh)
{
	enum zl_zmtp_counter why = check_header(s, m);
	uint32_t left = m->len - ZL_BOX_HEADER_BYTES;
	const uint8_t *nonce = m->data + ZL_BOX_NAME_BYTES;
	struct cursor c;
	struct zl_box box;
	uint8_t *at;

	*fresh = NULL;
	if (why != FINE)
		return why;
	c = cursor_of(m);
	cursor_skip(&c, ZL_BOX_HEADER_BYTES); /* a chain's head has more than that (gather.c) */
	zl_box_begin(&box, &s->open, &s->zmtp->opening, get_nonce(nonce), left);
	authenticate(&box, c, left);
	if (!zl_box_tag_is(&box, nonce + ZL_BOX_NONCE_BYTES))
		return ZL_ZMTP_box_forged;
	s->open.nonce = get_nonce(nonce);
	if (!(m->flags & ZL_MSG_CHAIN) && RTE_MBUF_DIRECT(mbuf_of(m))) {
		at = (uint8_t *)(uintptr_t)c.at;
		zl_box_crypt(&box, at, c.at, left);
	} else {
		*fresh = open_apart(s, &box, c, left);
		if (!*fresh)
			return ZL_ZMTP_no_memory;
		at = rte_pktmbuf_mtod_offset(*fresh, uint8_t *, ZL_FRAME_LONG_HEADER);
		m->buf = buf_of(*fresh);
	}
	if (*at & ~(INNER_MORE | INNER_COMMAND))
		return ZL_ZMTP_bad_frame_flags;
	*flags = (*at & INNER_MORE ? ZL_FRAME_MORE : 0) |
		 (*at & INNER_COMMAND ? ZL_FRAME_COMMAND : 0);
	part_become(m, at, left - 1, *at & INNER_MORE, *fresh && (*fresh)->next);
	return FINE;
}

/* --- sealing --- */

/* Where the next bytes of a frame go: the core's tail buffer, or a chain of the frame's own. */
struct frame {
	struct rte_mbuf *head, *last;
	struct rte_mempool *frames;
};

/* The frame's header and the box's, which has no tag yet; where the tag belongs. */
static uint8_t *put_headers(struct zl_session *s, uint8_t *to, uint32_t body, unsigned *n)
{
	*n = zl_frame_build(to, 0, body + ZL_BOX_HEADER_BYTES);
	memcpy(to + *n, zl_box_name, ZL_BOX_NAME_BYTES);
	*n += ZL_BOX_NAME_BYTES;
	put_nonce(to + *n, ++s->seal.nonce);
	*n += ZL_BOX_NONCE_BYTES + ZL_BOX_TAG_BYTES;
	return to + *n - ZL_BOX_TAG_BYTES;
}

/* The tag of all that is in this buffer from there on. */
static void authenticate_rest(struct zl_box *box, const struct rte_mbuf *m, const uint8_t *from)
{
	const uint8_t *end = rte_pktmbuf_mtod_offset(m, const uint8_t *, m->data_len);

	zl_box_authenticate(box, from, (uint32_t)(end - from));
}

/* Behind what is in the buffer, as much as there is room for. */
static uint32_t seal_some(struct zl_box *box, struct rte_mbuf *into, struct cursor *c,
			  uint32_t left)
{
	uint8_t *at = rte_pktmbuf_mtod_offset(into, uint8_t *, into->data_len);
	uint32_t n = RTE_MIN(cursor_run(c, left), rte_pktmbuf_tailroom(into));

	zl_box_crypt(box, at, c->at, n);
	into->data_len += (uint16_t)n;
	cursor_skip(c, n);
	return n;
}

/* One frame of `left` bytes at the cursor into f, which grows as need be. The bytes it takes; 0: no
 * memory. */
static uint32_t seal(struct zl_session *s, struct frame *f, uint8_t flags, struct cursor c,
		     uint32_t left)
{
	uint8_t *start = rte_pktmbuf_mtod_offset(f->last, uint8_t *, f->last->data_len), *tag;
	const uint8_t *sealed;
	uint32_t bytes = 1 + left;
	struct zl_box box;
	unsigned n;

	tag = put_headers(s, start, bytes, &n);
	zl_box_begin(&box, &s->seal, &s->zmtp->sealing, s->seal.nonce, bytes);
	sealed = start + n;
	zl_box_crypt(&box, start + n, &flags, 1);
	f->last->data_len += (uint16_t)(n + 1);
	bytes += n;
	while (left) {
		uint32_t took = seal_some(&box, f->last, &c, left);

		left -= took;
		if (left && took == 0) {
			authenticate_rest(&box, f->last, sealed);
			if (!segment_add(f->head, &f->last, f->frames))
				return 0;
			sealed = rte_pktmbuf_mtod(f->last, const uint8_t *);
		}
	}
	authenticate_rest(&box, f->last, sealed);
	zl_box_tag(&box, tag);
	return bytes;
}

/* Headers, flags and some of the body must be in one piece. */
#define AT_ONCE (ZL_FRAME_LONG_HEADER + ZL_BOX_OVERHEAD)

static bool box_put(struct zl_session *s, uint8_t flags, struct cursor c, uint32_t len,
		    uint32_t msgs)
{
	struct zl_zmtp *z = s->zmtp;
	uint32_t total = AT_ONCE + len;
	bool fits = total + RTE_PKTMBUF_HEADROOM <= rte_pktmbuf_data_room_size(z->frames), good;
	struct zl_slice slice = {.msgs = msgs};
	struct frame f = {.frames = z->frames};

	if (fits && !tail_has(z, total) && !tail_renew(z))
		return false;
	f.head = fits ? z->tail : segment_add(NULL, &f.last, z->frames);
	if (!f.head)
		return false;
	f.last = f.head;
	slice.head = slice.seg = f.head;
	slice.off = f.head->data_len;
	slice.len = seal(s, &f, flags, c, len);
	if (slice.len == 0)
		return false; /* segment_add() has freed the chain */
	f.head->pkt_len += slice.len;
	good = queue_slices(s, &slice, 1);
	if (!fits)
		zl_buf_unref(buf_of(f.head), 1);
	z->counter[ZL_ZMTP_boxes_out]++;
	return good;
}

const struct zl_envelope envelope_box = {
	.overhead = ZL_BOX_OVERHEAD,
	.open = box_open,
	.put = box_put,
};
