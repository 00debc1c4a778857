/* Messages to bytes, once for all sessions that take the same run. Parts that came from a ZMTP wire
 * and lie one behind the other are one slice, headers included; what is small or would pin a nearly
 * empty buffer is copied into a tail buffer that all sessions of the core share; big bodies are
 * attached by reference. The slices are made in a local array and then appended to each send queue,
 * so that no message is looked at twice. */
#include <errno.h>
#include <string.h>

#include "dataplane/zmtp/envelope.h"

#define SLICES 64
/* A run of fewer bytes than this share of its buffer is copied: one message to a slow peer should
 * not keep 2 KiB out of the pool for the sake of 64 bytes. */
#define SPARSE_SHARE 8
/* A body without a wire header is attached from here on; below, the copy costs less than a slice
 * for every session and an indirect buffer for every segment. */
#define ATTACH_FROM 1024
/* Reference counts have 16 bits (sendq.c stops at 60000): a buffer that has as many as REFS_MANY is
 * given no more, and one array of slices to one group of sessions adds at most SLICES * GROUP. */
#define REFS_MANY 25000
#define GROUP     512

struct writer {
	struct zl_zmtp *z;
	enum zl_framing framing; /* of the sessions */
	struct zl_session *const *sessions;
	unsigned n_sessions, n;
	bool failed; /* a buffer was lacking: the sessions cannot go on */
	struct zl_slice
		run; /* parts on the wire, one behind the other in one buffer; len 0: none */
	struct zl_slice slice[SLICES];
};

static bool crowded(const struct rte_mbuf *m)
{
	return rte_mbuf_refcnt_read(m) > REFS_MANY;
}

/* z->tail has room for n bytes more, or for as many as a buffer holds. */
bool tail_has(const struct zl_zmtp *z, uint32_t n)
{
	return z->tail && !crowded(z->tail) &&
	       rte_pktmbuf_tailroom(z->tail) >= RTE_MIN(n, room_of(z->tail));
}

bool tail_renew(struct zl_zmtp *z)
{
	if (z->tail)
		zl_buf_unref(buf_of(z->tail), 1);
	z->tail = rte_pktmbuf_alloc(z->frames);
	return z->tail;
}

static struct zl_slice tail_put(struct zl_zmtp *z, const uint8_t *bytes, uint32_t n)
{
	struct zl_slice slice = {.head = z->tail, .seg = z->tail, .off = z->tail->data_len};

	slice.len = n;
	memcpy(rte_pktmbuf_append(z->tail, (uint16_t)n), bytes, n);
	z->counter[ZL_ZMTP_bytes_copied_out] += n;
	return slice;
}

bool queue_slices(struct zl_session *s, const struct zl_slice *slice, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (zl_sendq_append(&s->stream->sendq, &slice[i]))
			return false;
		s->queued_bytes += slice[i].len;
	}
	return true;
}

/* What was made so far goes to every session. */
static void flush(struct writer *w)
{
	for (unsigned i = 0; i < w->n_sessions; i++) {
		struct zl_session *s = w->sessions[i];

		if (s->state == ZL_SESSION_TRAFFIC && !queue_slices(s, w->slice, w->n))
			session_end(s, ZL_ZMTP_no_memory, false);
	}
	w->z->counter[ZL_ZMTP_slices_out] += w->n;
	w->n = 0;
}

static void add(struct writer *w, const struct zl_slice *slice)
{
	if (w->n) {
		struct zl_slice *last = &w->slice[w->n - 1];

		if (last->seg == slice->seg && last->off + last->len == slice->off &&
		    slice->off <= last->seg->data_len) {
			last->len += slice->len;
			last->msgs += slice->msgs;
			return;
		}
	}
	if (w->n == SLICES)
		flush(w);
	w->slice[w->n++] = *slice;
}

static bool tail_for(struct writer *w, uint32_t n)
{
	if (tail_has(w->z, n))
		return true;
	flush(w); /* the slices borrow the tail's reference */
	if (!tail_renew(w->z))
		w->failed = true;
	return !w->failed;
}

/* Where the last slice ends with the tail, and there is room behind it, as there is for one small
 * part after another, no slice is made: where to write n bytes that are counted already, or NULL.
 */
static inline uint8_t *extend(struct writer *w, uint32_t n, uint32_t msgs)
{
	struct rte_mbuf *tail = w->z->tail;
	struct zl_slice *last;
	uint8_t *at;

	if (!w->n)
		return NULL;
	last = &w->slice[w->n - 1];
	if (last->seg != tail || last->off + last->len != tail->data_len ||
	    rte_pktmbuf_tailroom(tail) < n)
		return NULL;
	at = rte_pktmbuf_mtod_offset(tail, uint8_t *, tail->data_len);
	tail->data_len += (uint16_t)n;
	tail->pkt_len += n;
	last->len += n;
	last->msgs += msgs;
	w->z->counter[ZL_ZMTP_bytes_copied_out] += n;
	return at;
}

/* `msgs` messages end with the last of these bytes. */
static void copy(struct writer *w, const uint8_t *bytes, uint32_t n, uint32_t msgs)
{
	uint8_t *at = extend(w, n, msgs);

	if (at) {
		memcpy(at, bytes, n);
		return;
	}
	while (n) {
		struct zl_slice slice;

		if (!tail_for(w, n))
			return;
		slice = tail_put(w->z, bytes, RTE_MIN(n, rte_pktmbuf_tailroom(w->z->tail)));
		bytes += slice.len;
		n -= slice.len;
		slice.msgs = n ? 0 : msgs;
		add(w, &slice);
	}
}

/* The bytes of a slice, which may run over segments. */
static void copy_slice(struct writer *w, const struct zl_slice *slice)
{
	const struct rte_mbuf *seg = slice->seg;
	uint32_t off = slice->off, left = slice->len;

	while (left && !w->failed) {
		uint32_t n = RTE_MIN(left, seg->data_len - off);

		left -= n;
		copy(w, rte_pktmbuf_mtod_offset(seg, const uint8_t *, off), n,
		     left ? 0 : slice->msgs);
		seg = seg->next;
		off = 0;
	}
}

static void close_run(struct writer *w)
{
	if (!w->run.len)
		return;
	if (w->run.len < room_of(w->run.head) / SPARSE_SHARE || crowded(w->run.head))
		copy_slice(w, &w->run);
	else
		add(w, &w->run);
	w->run.len = 0;
}

static struct zl_slice slice_of(const struct zl_msg *m)
{
	struct rte_mbuf *head = mbuf_of(m);

	return (struct zl_slice){
		.head = head,
		.seg = head,
		.off = (uint32_t)(m->data - m->wire - rte_pktmbuf_mtod(head, uint8_t *)),
		.len = m->wire + m->len,
		.msgs = !(m->flags & ZL_MSG_MORE),
	};
}

/* A part as it came: it joins the run if it lies behind it. */
static void forward(struct writer *w, const struct zl_msg *m)
{
	struct rte_mbuf *head = mbuf_of(m);
	uint32_t off = (uint32_t)(m->data - m->wire - rte_pktmbuf_mtod(head, uint8_t *));

	if (w->run.len && w->run.head == head && w->run.off + w->run.len == off) {
		w->run.len += m->wire + m->len;
		w->run.msgs += !(m->flags & ZL_MSG_MORE);
	} else {
		close_run(w);
		/* field by field: a slice made in one place and moved to another at once waits for
		 * the stores that made it */
		w->run.head = w->run.seg = head;
		w->run.off = off;
		w->run.len = m->wire + m->len;
		w->run.msgs = !(m->flags & ZL_MSG_MORE);
	}
	/* Nothing lies behind a part that runs over segments. */
	if (m->flags & ZL_MSG_CHAIN)
		close_run(w);
}

/* A short part in one piece, header and all, where it needs no slice. False: else. */
static inline bool encode_short(struct writer *w, const struct zl_msg *m, const uint8_t *header,
				unsigned n)
{
	uint8_t *at = NULL;

	if (n == ZL_FRAME_SHORT_HEADER && !(m->flags & ZL_MSG_CHAIN))
		at = extend(w, n + m->len, !(m->flags & ZL_MSG_MORE));
	if (!at)
		return false;
	memcpy(at, header, ZL_FRAME_SHORT_HEADER);
	memcpy(at + n, m->data, m->len);
	return true;
}

/* A part that has no header, behind the n bytes of one. */
static void encode(struct writer *w, const struct zl_msg *m, const uint8_t *header, unsigned n)
{
	struct zl_slice body = slice_of(m);
	bool attach = m->len >= ATTACH_FROM && !crowded(body.head);

	close_run(w);
	if (encode_short(w, m, header, n))
		return;
	if (!tail_for(w, attach ? n : n + m->len))
		return;
	copy(w, header, n, m->len ? 0 : body.msgs);
	if (attach)
		add(w, &body);
	else
		copy_slice(w, &body);
}

_Static_assert((int)ZL_FRAME_MORE == (int)ZL_MSG_MORE, "a part's flags make a frame's");

static void put(struct writer *w, const struct zl_msg *msgs, unsigned n)
{
	uint8_t header[ZL_FRAME_LONG_HEADER];

	for (unsigned i = 0; i < n && !w->failed; i++) {
		if (msgs[i].wire)
			forward(w, &msgs[i]);
		else
			encode(w, &msgs[i], header,
			       zl_frame_build(header, msgs[i].flags & ZL_FRAME_MORE, msgs[i].len));
	}
}

/* Whatever header a part came with is none of ZMTP 1.0. */
static void put_old(struct writer *w, const struct zl_msg *msgs, unsigned n)
{
	uint8_t header[ZL_OLD_LONG_HEADER];

	for (unsigned i = 0; i < n && !w->failed; i++) {
		struct zl_msg bare = msgs[i];

		bare.wire = 0;
		encode(w, &bare, header, zl_old_frame_build(header, bare.flags, bare.len));
	}
	w->z->counter[ZL_ZMTP_parts_out_old] += n;
}

/* Bodies without headers. An empty one is nothing. */
static void put_raw(struct writer *w, const struct zl_msg *msgs, unsigned n)
{
	for (unsigned i = 0; i < n && !w->failed; i++) {
		struct zl_msg bare = msgs[i];

		bare.wire = 0;
		if (bare.len)
			encode(w, &bare, bare.data, 0); /* behind no bytes of a header */
	}
}

static void put_framed(struct writer *w, const struct zl_msg *msgs, unsigned n)
{
	switch (w->framing) {
	case ZL_FRAMING_OLD:
		put_old(w, msgs, n);
		return;
	case ZL_FRAMING_NONE:
		put_raw(w, msgs, n);
		return;
	case ZL_FRAMING_ZMTP:
	case ZL_FRAMINGS:
		break;
	}
	put(w, msgs, n);
}

static void write_group(struct writer *w, const struct zl_msg *msgs, unsigned n)
{
	put_framed(w, msgs, n);
	close_run(w);
	flush(w);
	for (unsigned i = 0; i < w->n_sessions; i++) {
		struct zl_session *s = w->sessions[i];

		if (w->failed)
			session_end(s, ZL_ZMTP_no_memory, false);
		if (s->state == ZL_SESSION_TRAFFIC)
			s->stream->ops->output(s->stream);
	}
}

static void write_to(struct zl_zmtp *z, enum zl_framing framing, struct zl_session *const *sessions,
		     unsigned n_sessions, const struct zl_msg *msgs, unsigned n)
{
	struct writer w;

	w.z = z;
	w.framing = framing;
	w.sessions = sessions;
	w.n_sessions = n_sessions;
	w.n = 0;
	w.failed = false;
	w.run.len = 0;
	if (n_sessions)
		write_group(&w, msgs, n);
}

static void write_enveloped(struct zl_session *s, const struct zl_msg *msgs, unsigned n)
{
	if (s->state != ZL_SESSION_TRAFFIC)
		return;
	if (!envelope_write(s, msgs, n))
		session_end(s, ZL_ZMTP_no_memory, false);
	else
		s->stream->ops->output(s->stream);
}

/* There are sessions on this core whose frames are not everybody's: those of one framing share an
 * encoding, and envelopes are made for each. */
static void write_apart(struct zl_zmtp *z, struct zl_session *const *sessions, unsigned n_sessions,
			const struct zl_msg *msgs, unsigned n)
{
	struct zl_session *apart[ZL_FRAMINGS][GROUP];
	unsigned count[ZL_FRAMINGS] = {0};

	for (unsigned i = 0; i < n_sessions; i++) {
		enum zl_framing framing = sessions[i]->framing;

		if (sessions[i]->envelope)
			write_enveloped(sessions[i], msgs, n);
		else
			apart[framing][count[framing]++] = sessions[i];
	}
	for (enum zl_framing k = 0; k < ZL_FRAMINGS; k++)
		write_to(z, k, apart[k], count[k], msgs, n);
}

void zl_session_write(struct zl_zmtp *z, struct zl_session *const *sessions, unsigned n_sessions,
		      const struct zl_msg *msgs, unsigned n)
{
	z->counter[ZL_ZMTP_parts_out] += n;
	for (unsigned i = 0; i < n_sessions; i += GROUP) {
		unsigned group = RTE_MIN(n_sessions - i, (unsigned)GROUP);

		if (z->apart_sessions)
			write_apart(z, sessions + i, group, msgs, n);
		else
			write_to(z, ZL_FRAMING_ZMTP, sessions + i, group, msgs, n);
	}
}

/* A chain of fresh buffers with these bytes, or NULL. */
static struct rte_mbuf *copy_chain(struct rte_mempool *frames, const uint8_t *bytes, uint32_t len)
{
	struct rte_mbuf *head = NULL, *last = NULL;

	while (len) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(frames);
		uint32_t n;

		if (!m) {
			rte_pktmbuf_free(head);
			return NULL;
		}
		n = RTE_MIN(len, rte_pktmbuf_tailroom(m));
		memcpy(rte_pktmbuf_append(m, (uint16_t)n), bytes, n);
		if (last) {
			last->next = m;
			if (head->nb_segs < UINT16_MAX) /* nobody walks by it */
				head->nb_segs++;
			head->pkt_len += n;
		} else {
			head = m;
		}
		last = m;
		bytes += n;
		len -= n;
	}
	return head;
}

bool queue_bytes(struct zl_session *s, const uint8_t *bytes, uint32_t len, uint32_t msgs)
{
	struct zl_zmtp *z = s->zmtp;
	struct zl_slice slice = {.len = len, .msgs = msgs};
	bool good;

	if (len + RTE_PKTMBUF_HEADROOM <= rte_pktmbuf_data_room_size(z->frames)) {
		if (!tail_has(z, len) && !tail_renew(z))
			return false;
		slice = tail_put(z, bytes, len);
		slice.msgs = msgs;
		return queue_slices(s, &slice, 1);
	}
	slice.head = slice.seg = copy_chain(z->frames, bytes, len);
	if (!slice.head)
		return false;
	good = queue_slices(s, &slice, 1);
	zl_buf_unref(buf_of(slice.head), 1);
	return good;
}

int zl_session_send(struct zl_session *s, const uint8_t *bytes, uint32_t len)
{
	if (s->state == ZL_SESSION_ENDED)
		return -ENOTCONN;
	if (len == 0)
		return 0;
	if (s->envelope && s->state == ZL_SESSION_TRAFFIC)
		return envelope_send(s, bytes, len);
	if (!queue_bytes(s, bytes, len, 0))
		return -ENOBUFS;
	s->stream->ops->output(s->stream);
	return 0;
}
