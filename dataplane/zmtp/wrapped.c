/* Sessions of GSSAPI (RFC 38): every frame is a MESSAGE, in which a token of gss_wrap() has the
 * flags and the body of the frame that ZMTP would have sent without it. Kerberos numbers its tokens
 * (RFC 4121 4.2.6.2), and a stream loses none: each number must follow the one before, whatever the
 * peer has asked for when it made the context. */
#include "dataplane/zmtp/wrap.h"

#include <stdlib.h>
#include <string.h>

#include <gssapi/gssapi.h>
#include <sodium.h>

#include "dataplane/zmtp/envelope.h"

#define LENGTH   4 /* of a token, before it */
#define HEADER   (ZL_BOX_NAME_BYTES + LENGTH)
#define TOKEN    16 /* what a token begins with */
#define SEQUENCE 8  /* where that has its number */
/* Flags, confounder, the copy of the header, and what ciphers add, which is less. */
#define WRAPPING 128

struct zl_wrap {
	gss_ctx_id_t context;
	uint64_t received; /* the number of the peer's last token */
};

struct zl_wrap *zl_wrap_import(uint8_t *token, uint32_t bytes, uint64_t received)
{
	struct zl_wrap *w = calloc(1, sizeof(*w));
	gss_buffer_desc in = {bytes, token};
	OM_uint32 minor;
	bool good = w && gss_import_sec_context(&minor, &in, &w->context) == GSS_S_COMPLETE;

	sodium_memzero(token, bytes);
	if (!good) {
		free(w);
		return NULL;
	}
	w->received = received;
	return w;
}

void zl_wrap_free(struct zl_wrap *w)
{
	OM_uint32 minor;

	if (!w)
		return;
	gss_delete_sec_context(&minor, &w->context, GSS_C_NO_BUFFER);
	free(w);
}

static void wrap_end(struct zl_session *s)
{
	zl_wrap_free(s->wrap);
	s->wrap = NULL;
}

/* --- opening --- */

/* n bytes in one piece: where they are, or in *copy, to be freed. NULL: no memory. */
static uint8_t *in_one_piece(struct cursor c, uint32_t n, uint8_t **copy)
{
	uint8_t *to;

	*copy = NULL;
	if (cursor_run(&c, n) == n)
		return (uint8_t *)(uintptr_t)c.at;
	to = *copy = malloc(n);
	while (to && n) {
		uint32_t some = cursor_run(&c, n);

		memcpy(to, c.at, some);
		cursor_skip(&c, some);
		to += some;
		n -= some;
	}
	return *copy;
}

static uint64_t number_of(const uint8_t *token)
{
	uint64_t n = 0;

	for (int i = 0; i < 8; i++)
		n = n << 8 | token[SEQUENCE + i];
	return n;
}

static enum zl_zmtp_counter unwrap(struct zl_wrap *w, const gss_buffer_desc *token,
				   gss_buffer_desc *plain)
{
	const uint8_t *at = token->value;
	int encrypted = 0;
	OM_uint32 minor, major;

	/* an old cipher's, or one that is only signed, is of another kind */
	if (at[0] != 5 || at[1] != 4)
		return ZL_ZMTP_wrap_forged;
	major = gss_unwrap(&minor, w->context, (gss_buffer_t)(uintptr_t)token, plain, &encrypted,
			   NULL);
	if (GSS_ERROR(major) || !encrypted)
		return ZL_ZMTP_wrap_forged;
	if (major != GSS_S_COMPLETE || number_of(at) != w->received + 1)
		return ZL_ZMTP_wrap_replayed;
	w->received++;
	return plain->length ? FINE : ZL_ZMTP_wrap_forged;
}

/* Into fresh buffers, of which the first has room for a header before the flags. NULL: no memory.
 */
static struct rte_mbuf *put_apart(struct zl_session *s, const uint8_t *bytes, uint32_t left)
{
	struct rte_mbuf *last = NULL, *head = segment_add(NULL, &last, s->zmtp->frames);

	if (!head)
		return NULL;
	head->data_len = ZL_FRAME_LONG_HEADER;
	head->pkt_len = ZL_FRAME_LONG_HEADER + left;
	s->zmtp->counter[ZL_ZMTP_bytes_copied_in] += left;
	while (left) {
		uint32_t n = RTE_MIN(left, rte_pktmbuf_tailroom(last));

		if (n == 0) {
			if (!segment_add(head, &last, s->zmtp->frames))
				return NULL;
			continue;
		}
		memcpy(rte_pktmbuf_mtod_offset(last, uint8_t *, last->data_len), bytes, n);
		last->data_len += (uint16_t)n;
		bytes += n;
		left -= n;
	}
	return head;
}

static enum zl_zmtp_counter become(struct zl_session *s, struct zl_msg *m,
				   const gss_buffer_desc *plain, uint8_t *flags,
				   struct rte_mbuf **fresh)
{
	uint8_t is = *(const uint8_t *)plain->value, asks = is & (INNER_SUBSCRIBE | INNER_CANCEL);
	uint32_t len = (uint32_t)plain->length - 1;

	if (is & ~(INNER_MORE | INNER_COMMAND | INNER_SUBSCRIBE | INNER_CANCEL) ||
	    (asks && (is != INNER_SUBSCRIBE && is != INNER_CANCEL)))
		return ZL_ZMTP_bad_frame_flags;
	if (len > s->max_msg_bytes - s->msg_bytes)
		return ZL_ZMTP_message_too_long;
	*fresh = put_apart(s, plain->value, 1 + len);
	if (!*fresh)
		return ZL_ZMTP_no_memory;
	*flags = (is & INNER_MORE ? ZL_FRAME_MORE : 0) |
		 (is & INNER_COMMAND ? ZL_FRAME_COMMAND : 0);
	m->buf = buf_of(*fresh);
	part_become(m, rte_pktmbuf_mtod_offset(*fresh, uint8_t *, ZL_FRAME_LONG_HEADER), len,
		    is & INNER_MORE, (*fresh)->next);
	if (asks) {
		m->flags |= asks & INNER_SUBSCRIBE ? ZL_MSG_SUBSCRIBE : ZL_MSG_CANCEL;
		m->wire = 0;
	}
	return FINE;
}

/* Of a frame that is no token the length tells, before anything is allocated. */
static bool is_token(const struct zl_msg *m)
{
	const uint8_t *length = m->data + ZL_BOX_NAME_BYTES;

	return m->len >= HEADER + TOKEN && memcmp(m->data, zl_box_name, ZL_BOX_NAME_BYTES) == 0 &&
	       ((uint32_t)length[0] << 24 | (uint32_t)length[1] << 16 | (uint32_t)length[2] << 8 |
		length[3]) == m->len - HEADER;
}

static enum zl_zmtp_counter wrap_open(struct zl_session *s, struct zl_msg *m, uint8_t *flags,
				      struct rte_mbuf **fresh)
{
	struct cursor c = cursor_of(m);
	gss_buffer_desc token, plain = GSS_C_EMPTY_BUFFER;
	enum zl_zmtp_counter why;
	uint8_t *copy;
	OM_uint32 minor;

	*fresh = NULL;
	if (!is_token(m)) /* a chain's head has more than that (gather.c) */
		return ZL_ZMTP_not_boxed;
	cursor_skip(&c, HEADER);
	token.length = m->len - HEADER;
	token.value = in_one_piece(c, m->len - HEADER, &copy);
	if (!token.value)
		return ZL_ZMTP_no_memory;
	why = unwrap(s->wrap, &token, &plain);
	if (why == FINE)
		why = become(s, m, &plain, flags, fresh);
	gss_release_buffer(&minor, &plain);
	free(copy);
	return why;
}

/* --- wrapping --- */

/* What is to be wrapped, in one piece; to be freed. NULL: no memory. */
static uint8_t *with_flags(uint8_t flags, struct cursor c, uint32_t left)
{
	uint8_t *plain = malloc(1 + (size_t)left), *to = plain;

	if (!plain)
		return NULL;
	*to++ = flags;
	while (left) {
		uint32_t n = cursor_run(&c, left);

		memcpy(to, c.at, n);
		cursor_skip(&c, n);
		to += n;
		left -= n;
	}
	return plain;
}

static bool queue_token(struct zl_session *s, const gss_buffer_desc *token, uint32_t msgs)
{
	uint8_t header[ZL_FRAME_LONG_HEADER + HEADER], *at = header;
	uint32_t n = (uint32_t)token->length;

	at += zl_frame_build(header, 0, token->length + HEADER);
	memcpy(at, zl_box_name, ZL_BOX_NAME_BYTES);
	at += ZL_BOX_NAME_BYTES;
	for (int i = 0; i < LENGTH; i++)
		*at++ = (uint8_t)(n >> (24 - 8 * i));
	s->zmtp->counter[ZL_ZMTP_boxes_out]++;
	return queue_bytes(s, header, (uint32_t)(at - header), 0) &&
	       queue_bytes(s, token->value, n, msgs);
}

static bool wrap_put(struct zl_session *s, uint8_t flags, struct cursor c, uint32_t len,
		     uint32_t msgs)
{
	gss_buffer_desc plain = {1 + (size_t)len, with_flags(flags, c, len)};
	gss_buffer_desc token = GSS_C_EMPTY_BUFFER;
	int encrypted = 0;
	OM_uint32 minor;
	bool good = plain.value &&
		    gss_wrap(&minor, s->wrap->context, 1, GSS_C_QOP_DEFAULT, &plain, &encrypted,
			     &token) == GSS_S_COMPLETE &&
		    encrypted && token.length <= ZL_ZMTP_MSG_MAX && queue_token(s, &token, msgs);

	gss_release_buffer(&minor, &token);
	free(plain.value);
	return good;
}

const struct zl_envelope envelope_wrap = {
	.overhead = HEADER + WRAPPING,
	.open = wrap_open,
	.put = wrap_put,
	.end = wrap_end,
};
