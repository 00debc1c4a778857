/* Subscribers: once they have asked (ask.c), they walk from frame header to frame header over what
 * comes, in the buffers that it came in. Only a header or stamp that lies in two buffers is copied.
 */
#include "tests/bench/blast.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* One for each publisher. */
static int open_replies(struct blast *b)
{
	b->replies = calloc(b->options.publishers + 1, sizeof(struct subscriber));
	for (uint32_t i = 0; b->replies && i < b->options.publishers; i++)
		b->replies[i].conn = (struct connection){.blast = b, .id = i, .publisher = true};
	return b->replies ? 0 : -1;
}

static int open_ledgers(struct blast *b)
{
	b->ledgers = calloc(b->options.publishers + 1, sizeof(struct ledger));
	for (uint32_t i = 0; b->ledgers && i < b->options.publishers; i++)
		if (ledger_open(&b->ledgers[i], b->options.publishers))
			return -1;
	return b->ledgers ? 0 : -1;
}

static int open_counts(struct blast *b)
{
	uint32_t n = options_takers(&b->options);

	b->received_by = calloc(n + 1, sizeof(uint64_t));
	b->from.received_by = calloc(n + 1, sizeof(uint64_t));
	b->to.received_by = calloc(n + 1, sizeof(uint64_t));
	return b->received_by && b->from.received_by && b->to.received_by ? 0 : -1;
}

int subscribers_open(struct blast *b)
{
	const struct options *o = &b->options;
	uint32_t n = options_takers(o);

	b->subscribers = calloc(n + 1, sizeof(struct subscriber));
	if (!b->subscribers || open_counts(b) || (o->pattern->replies && open_replies(b)) ||
	    (o->verify && !o->pattern->subscribes && open_ledgers(b)))
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		struct subscriber *s = &b->subscribers[i];

		s->lag = lag_of(&b->options, i);
		s->expected = calloc(o->publishers * o->matches + 1, sizeof(uint32_t));
		if (!s->expected)
			return -1;
	}
	return 0;
}

void subscribers_close(struct blast *b)
{
	for (uint32_t i = 0; b->subscribers && i < options_takers(&b->options); i++)
		free(b->subscribers[i].expected);
	for (uint32_t i = 0; b->ledgers && i < b->options.publishers; i++)
		ledger_close(&b->ledgers[i]);
	free(b->subscribers);
	free(b->replies);
	free(b->ledgers);
	free(b->received_by);
	free(b->from.received_by);
	free(b->to.received_by);
}

uint64_t subscribers_lost(const struct blast *b)
{
	uint64_t lost = 0;

	for (uint32_t i = 0; b->ledgers && i < b->options.publishers; i++)
		lost += b->publishers[i].sent - b->ledgers[i].came;
	return lost;
}

static inline void time_in(const struct subscriber *s, const uint8_t *body)
{
	struct blast *b = s->conn.blast;
	uint64_t sent, late, when;

	memcpy(&sent, body + b->layout.lead + offsetof(struct stamp, sent), sizeof(sent));
	late = (b->heard_ns - sent) & SENT_MASK;
	when = b->heard_ns - late;

	if (s->lag != LAG_NONE || when < b->from.at_ns || when >= b->to.at_ns)
		return;
	histogram_add(&b->latency, late);
	if (b->options.during)
		during_time(&b->during, when, late);
}

/* Does a message of this prefix come here? `k`: in which of its turns this subscriber asked. */
static bool is_dealt(const struct subscriber *s, uint32_t prefix, uint32_t *k)
{
	const struct options *o = &s->conn.blast->options;

	if (prefix >= o->subscriptions)
		return false;
	*k = (s->conn.id + o->subscribers - prefix % o->subscribers) % o->subscribers;
	return *k < o->matches;
}

/* What a message begins with, up to its stamp, or its topic. */
static bool begins_right(const struct subscriber *s, const uint8_t *body, const struct stamp *in,
			 const struct publisher *from)
{
	const struct blast *b = s->conn.blast;
	uint8_t lead[PREFIX_MAX];
	char topic[4];

	if (b->layout.lead) {
		draw_lead(&b->options, &b->layout, in->prefix, lead);
		return memcmp(lead, body, b->layout.lead) == 0;
	}
	/* a sequence that has wrapped says no more which topic it is */
	topic_name(in->sequence % b->options.topics, topic);
	return from->sent > UINT32_MAX || memcmp(topic, in->topic, sizeof(topic)) == 0;
}

/* What comes to all: a gap is a loss. False: it is not new. */
static bool follows(struct subscriber *s, const struct stamp *in, uint32_t *expected)
{
	uint32_t gap = in->sequence - *expected;

	if ((int32_t)gap < 0) {
		s->repeated++;
		return false;
	}
	s->lost += gap;
	*expected = in->sequence + 1;
	return true;
}

/* What comes to one of several comes in order to each, and replies in any to him who asked. False:
 * it is not new. */
static bool is_one_of(struct subscriber *s, const struct stamp *in, uint64_t from)
{
	if (!ledger_add(&s->conn.blast->ledgers[from], in->sequence)) {
		s->repeated++;
		return false;
	}
	if (s->conn.publisher) {
		s->wrong += from != s->conn.id;
		return true;
	}
	s->wrong += (int32_t)(in->sequence - s->expected[from]) < 0;
	s->expected[from] = in->sequence + 1;
	return true;
}

static void check_begin(struct subscriber *s, const uint8_t *body)
{
	const struct blast *b = s->conn.blast;
	struct stamp in;
	uint32_t k = 0;
	uint64_t from;
	bool new;

	if (!b->options.publishers)
		return;
	memcpy(&in, body + b->layout.lead, sizeof(in));
	from = in.sent >> SENT_BITS;
	if (from >= b->options.publishers || (b->layout.lead && !is_dealt(s, in.prefix, &k))) {
		s->wrong++;
		return;
	}
	if (b->options.pattern->subscribes)
		new = follows(s, &in, &s->expected[from * b->options.matches + k]);
	else
		new = is_one_of(s, &in, from);
	if (new && b->options.verify && !begins_right(s, body, &in, &b->publishers[from]))
		s->wrong++;
}

/* What comes to those that lag is counted for itself alone; to who subscribes meanwhile, nothing
 * should. */
static inline void count(struct subscriber *s, uint64_t messages)
{
	struct blast *b = s->conn.blast;

	if (s->conn.publisher) {
		b->received += messages;
		return;
	}
	b->received_by[s->conn.id] += messages;
	if (s->conn.id == b->options.subscribers)
		s->wrong += messages;
	else if (s->lag == LAG_NONE)
		b->received += messages;
}

/* Frames that lie whole in these bytes, of messages of one part: the usual. How many bytes. */
static uint32_t whole_messages(struct subscriber *s, const uint8_t *bytes, uint32_t n)
{
	struct blast *b = s->conn.blast;
	const struct layout *l = &b->layout;
	bool verify = b->options.verify, checked = verify || s->lag != LAG_NONE;
	bool each = checked || b->interval_ns > 0, timed = false;
	uint32_t done = 0, head = l->lead + (uint32_t)sizeof(struct stamp);
	uint64_t messages = 0;

	while (n - done >= l->wire) {
		const uint8_t *p = bytes + done;
		const uint8_t *body = p + l->header_len;

		if (!layout_begins(l, p))
			break;
		if (each || !timed) {
			time_in(s, body);
			timed = true;
		}
		if (checked)
			check_begin(s, body);
		if (verify)
			s->wrong += !layout_matches(l, body + head, l->size - head, head);
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

/* How much of a frame's beginning is wanted at once: its header, and a message's stamp; with an
 * empty part before it, that too. */
static uint32_t wanted(const struct subscriber *s)
{
	const struct layout *l = &s->conn.blast->layout;
	uint32_t header;

	if (s->have < ZL_FRAME_SHORT_HEADER)
		return ZL_FRAME_SHORT_HEADER;
	header = s->begun[0] & ZL_FRAME_LONG ? ZL_FRAME_LONG_HEADER : ZL_FRAME_SHORT_HEADER;
	if (s->part || s->begun[0] & ZL_FRAME_COMMAND)
		return header;
	if (l->delimiter)
		header = l->header_len;
	return header + l->lead + (uint32_t)sizeof(struct stamp);
}

/* The header of the frame that s->begun holds; what came before its body. 0: that is none. */
static uint32_t header_of(const struct subscriber *s, struct zl_frame *f)
{
	const struct layout *l = &s->conn.blast->layout;
	uint32_t before = s->begun[0] & ZL_FRAME_COMMAND ? 0 : l->delimiter;

	if (memcmp(s->begun, l->last, before) != 0 ||
	    zl_frame_parse(s->begun + before, s->have - before, f) <= 0)
		return 0;
	return before + f->header_len;
}

/* s->begun holds what is wanted of a frame. */
static void frame_begin(struct subscriber *s)
{
	struct blast *b = s->conn.blast;
	const struct layout *l = &b->layout;
	struct zl_frame f;
	uint32_t header = header_of(s, &f);

	if (!header) {
		blast_fail(b, "a frame came that is none, or that nobody here sent");
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
	s->where = l->lead + (uint32_t)sizeof(struct stamp);
	s->skip -= s->where;
	time_in(s, s->begun + header);
	if (b->options.verify || s->lag != LAG_NONE)
		check_begin(s, s->begun + header);
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
