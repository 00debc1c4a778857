/* Repliers. A reply goes back along the envelope of its request (RFC 28), which lies before it: so
 * the bytes of a message are its reply's, and go out again in the buffers that they came in. Only
 * frame headers are looked at, to leave out commands and to count. */
#include "tests/bench/blast.h"

#include <string.h>

/* Messages' short frames that lie whole in these bytes: the usual. How many bytes. */
static uint32_t whole_frames(const uint8_t *bytes, uint32_t n, uint64_t *messages)
{
	uint32_t done = 0;

	while (n - done >= ZL_FRAME_SHORT_HEADER) {
		const uint8_t *p = bytes + done;
		uint32_t len = ZL_FRAME_SHORT_HEADER + p[1];

		if (p[0] & ~ZL_FRAME_MORE || len > n - done)
			break;
		*messages += !p[0];
		done += len;
	}
	return done;
}

/* More of a frame's header. How many bytes. */
static uint32_t header(struct subscriber *s, const uint8_t *bytes, uint32_t n)
{
	struct echo *e = &s->echo;
	struct zl_frame f;
	uint32_t done = 0;

	while (done < n) {
		int len;

		e->header[e->have++] = bytes[done++];
		len = zl_frame_parse(e->header, e->have, &f);
		if (len < 0) {
			blast_fail(s->conn.blast, "a frame came that is none");
			return n;
		}
		if (len == 0)
			continue;
		e->have = 0;
		e->skip = f.len;
		e->more = f.flags & ZL_FRAME_MORE;
		e->inside = true;
		break;
	}
	return done;
}

/* More of a frame, up to its end; how many bytes. */
static uint32_t frame(struct subscriber *s, const uint8_t *bytes, uint32_t n, uint64_t *messages)
{
	struct echo *e = &s->echo;
	uint32_t done = 0;

	if (!e->inside) {
		if (!e->have)
			e->foreign = bytes[0] & ZL_FRAME_COMMAND;
		done = header(s, bytes, n);
	}
	if (!e->inside)
		return done;
	n = (uint32_t)RTE_MIN((uint64_t)n - done, e->skip);
	e->skip -= n;
	if (e->skip)
		return done + n;
	e->inside = false;
	*messages += !e->foreign && !e->more;
	return done + n;
}

static void send_back(struct subscriber *s, struct rte_mbuf *m, uint32_t from, uint32_t to)
{
	struct zl_slice slice = {.head = m, .seg = m, .off = from, .len = to - from};

	if (zl_sendq_append(&s->conn.stream->sendq, &slice))
		blast_fail(s->conn.blast, "no memory to queue a reply in");
}

void replier_input(struct subscriber *s, struct rte_mbuf *m, uint32_t from)
{
	const uint8_t *bytes = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct echo *e = &s->echo;
	uint32_t n = m->data_len, done = from;
	uint64_t messages = 0;

	while (done < n && !s->conn.blast->failure[0]) {
		uint32_t begun = done;

		if (!e->inside && !e->have)
			done += whole_frames(bytes + done, n - done, &messages);
		if (done > begun || done == n)
			continue;
		done += frame(s, bytes + done, n - done, &messages);
		if (e->foreign) {
			send_back(s, m, from, begun);
			from = done;
		}
	}
	send_back(s, m, from, done);
	s->conn.blast->received_by[s->conn.id] += messages;
	s->conn.stream->ops->output(s->conn.stream);
}
