/* Subscribers: they ask for every topic, then walk from frame header to frame header over what
 * comes, in the buffers that it came in. Only a header or stamp that lies in two buffers is copied.
 */
#include "tests/bench/blast.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ASK_BYTES 65536 /* of SUBSCRIBE commands queued */

int subscribers_open(struct blast *b)
{
	b->subscribers = calloc(b->options.subscribers + 1, sizeof(struct subscriber));
	b->received_by = calloc(b->options.subscribers + 1, sizeof(uint64_t));
	if (!b->subscribers || !b->received_by)
		return -1;
	for (uint32_t i = 0; i < b->options.subscribers; i++) {
		struct subscriber *s = &b->subscribers[i];

		s->lag = lag_of(&b->options, i);
		s->expected = calloc(b->options.publishers + 1, sizeof(uint32_t));
		if (!s->expected)
			return -1;
	}
	return 0;
}

void subscribers_close(struct blast *b)
{
	for (uint32_t i = 0; b->subscribers && i < b->options.subscribers; i++)
		free(b->subscribers[i].expected);
	free(b->subscribers);
	free(b->received_by);
}

uint8_t subscriber_mark(char mark[32], uint32_t id)
{
	return (uint8_t)snprintf(mark, 32, "@%d/%u", getpid(), id);
}

/* The mark comes last: whoever hears it knows that the topics went before. */
static int ask(struct subscriber *s)
{
	uint32_t topics = s->conn.blast->options.topics;
	char mark[32], topic[4];

	if (s->subscribed == topics)
		return connection_subscribe(&s->conn, mark, subscriber_mark(mark, s->conn.id));
	topic_name(s->subscribed, topic);
	return connection_subscribe(&s->conn, topic, sizeof(topic));
}

void subscribers_ask(struct blast *b)
{
	for (uint32_t i = 0; i < b->options.subscribers; i++) {
		struct subscriber *s = &b->subscribers[i];

		if (s->conn.state != CONN_TRAFFIC)
			continue;
		while (s->subscribed <= b->options.topics &&
		       s->conn.stream->sendq.bytes < ASK_BYTES && !ask(s))
			s->subscribed++;
	}
}

static inline void time_in(const struct subscriber *s, uint64_t sent)
{
	struct blast *b = s->conn.blast;
	uint64_t late = (b->heard_ns - sent) & SENT_MASK;
	uint64_t when = b->heard_ns - late;

	if (s->lag == LAG_NONE && when >= b->from.at_ns && when < b->to.at_ns)
		histogram_add(&b->latency, late);
}

static void check_stamp(struct subscriber *s, const struct stamp *in)
{
	const struct blast *b = s->conn.blast;
	uint64_t from = in->sent >> SENT_BITS;
	uint32_t gap;
	char topic[4];

	if (!b->options.publishers)
		return;
	if (from >= b->options.publishers) {
		s->wrong++;
		return;
	}
	gap = in->sequence - s->expected[from];
	if ((int32_t)gap < 0) {
		s->repeated++;
		return;
	}
	s->lost += gap;
	s->expected[from] = in->sequence + 1;
	/* a sequence that has wrapped says no more which topic it is */
	topic_name(in->sequence % b->options.topics, topic);
	if (b->publishers[from].sent <= UINT32_MAX && memcmp(topic, in->topic, sizeof(topic)) != 0)
		s->wrong++;
}

/* What comes to those that lag is counted for itself alone. */
static inline void count(struct subscriber *s, uint64_t messages)
{
	struct blast *b = s->conn.blast;

	b->received_by[s->conn.id] += messages;
	if (s->lag == LAG_NONE)
		b->received += messages;
}

/* Frames that lie whole in these bytes, of messages of one part: the usual. How many bytes. */
static uint32_t whole_messages(struct subscriber *s, const uint8_t *bytes, uint32_t n)
{
	struct blast *b = s->conn.blast;
	const struct layout *l = &b->layout;
	bool verify = b->options.verify, checked = verify || s->lag != LAG_NONE;
	bool each = checked || b->interval_ns > 0, timed = false;
	uint32_t done = 0;
	uint64_t messages = 0;

	while (n - done >= l->wire) {
		const uint8_t *p = bytes + done;
		struct stamp in;

		if (p[0] != l->last[0] || p[1] != l->last[1] ||
		    (l->header_len > 2 && memcmp(p, l->last, l->header_len) != 0))
			break;
		if (each || !timed) {
			memcpy(&in, p + l->header_len, sizeof(in));
			time_in(s, in.sent);
			timed = true;
		}
		if (checked)
			check_stamp(s, &in);
		if (verify)
			s->wrong += !layout_matches(l, p + l->header_len + sizeof(in),
						    l->size - sizeof(in), sizeof(in));
		messages++;
		done += l->wire;
	}
	count(s, messages);
	return done;
}

static void frame_end(struct subscriber *s)
{
	if (s->foreign || ++s->part < s->conn.blast->layout.parts)
		return;
	s->part = 0;
	count(s, 1);
}

/* How much of a frame's beginning is wanted at once: its header, and a message's stamp. */
static uint32_t wanted(const struct subscriber *s)
{
	uint32_t header;

	if (s->have < ZL_FRAME_SHORT_HEADER)
		return ZL_FRAME_SHORT_HEADER;
	header = s->begun[0] & ZL_FRAME_LONG ? ZL_FRAME_LONG_HEADER : ZL_FRAME_SHORT_HEADER;
	if (s->part || s->begun[0] & ZL_FRAME_COMMAND)
		return header;
	return header + sizeof(struct stamp);
}

/* s->begun holds what is wanted of a frame. */
static void frame_begin(struct subscriber *s)
{
	struct blast *b = s->conn.blast;
	const struct layout *l = &b->layout;
	struct zl_frame f;
	struct stamp in;

	if (zl_frame_parse(s->begun, s->have, &f) <= 0) {
		blast_fail(b, "a frame came that is none");
		return;
	}
	s->have = 0;
	s->foreign = f.flags & ZL_FRAME_COMMAND;
	s->skip = (uint32_t)f.len;
	s->where = 0;
	if (s->foreign)
		return;
	if (f.len != l->size || !(f.flags & ZL_FRAME_MORE) != (s->part == l->parts - 1)) {
		blast_fail(b, "a message came that nobody here sent: %lu bytes", f.len);
		return;
	}
	if (s->part)
		return;
	memcpy(&in, s->begun + f.header_len, sizeof(in));
	s->skip -= sizeof(in);
	s->where = sizeof(in);
	time_in(s, in.sent);
	if (b->options.verify || s->lag != LAG_NONE)
		check_stamp(s, &in);
}

static uint32_t pass_over(struct subscriber *s, const uint8_t *bytes, uint32_t n)
{
	const struct blast *b = s->conn.blast;
	uint32_t piece = RTE_MIN(n, s->skip);

	if (b->options.verify && !s->foreign)
		s->wrong += !layout_matches(&b->layout, bytes, piece, s->where);
	s->where += piece;
	s->skip -= piece;
	if (!s->skip)
		frame_end(s);
	return piece;
}

/* More of a frame's beginning. How many bytes. */
static uint32_t begin(struct subscriber *s, const uint8_t *bytes, uint32_t n)
{
	uint32_t done = 0, want;

	while ((want = wanted(s)) > s->have) {
		uint32_t piece = RTE_MIN(n - done, want - s->have);

		if (!piece)
			return done;
		memcpy(s->begun + s->have, bytes + done, piece);
		s->have = (uint8_t)(s->have + piece);
		done += piece;
	}
	frame_begin(s);
	if (!s->skip)
		frame_end(s);
	return done;
}

void subscriber_input(struct subscriber *s, const uint8_t *bytes, uint32_t n)
{
	struct blast *b = s->conn.blast;
	uint32_t done = 0;

	if (s->lag == LAG_STALLED && b->phase >= PHASE_MEASURE)
		return;
	b->heard_ns = machine_clock(&b->machine);
	while (done < n && !b->failure[0]) {
		uint32_t piece = 0;

		if (s->skip)
			piece = pass_over(s, bytes + done, n - done);
		else if (!s->have && !s->part && b->layout.parts == 1)
			piece = whole_messages(s, bytes + done, n - done);
		done += piece ? piece : begin(s, bytes + done, n - done);
	}
}
