/* Publishers. Messages lie encoded in a ring of big buffers for each publisher; to send some is to
 * write their stamps and to append a reference to the stream. A buffer is used again when the stack
 * has given back every reference to it, so the ring bounds what is queued. */
#include "tests/bench/blast.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TURN_BYTES 65536 /* of one publisher at most, so that nobody waits long for his turn */

/* What is under way may hold the buffer before the one in use. */
static uint32_t ring_size(const struct options *o, const struct layout *l)
{
	uint32_t messages = o->queue_bytes / l->wire + 1;
	uint32_t a_buffer = LAID_ROOM / l->laid;

	return messages / a_buffer + 3;
}

unsigned publishers_buffers(const struct options *o, const struct layout *l)
{
	return o->publishers * ring_size(o, l) + 1;
}

static struct rte_mbuf *lay(struct blast *b)
{
	const struct layout *l = &b->layout;
	struct rte_mbuf *m = rte_pktmbuf_alloc(b->machine.laid);
	char *room = m ? rte_pktmbuf_append(m, (uint16_t)(LAID_ROOM / l->laid * l->laid)) : NULL;

	for (uint32_t i = 0; room && i < LAID_ROOM / l->laid; i++)
		layout_lay(l, (uint8_t *)room + i * l->laid);
	return m;
}

static int open_one(struct blast *b, uint32_t id)
{
	struct publisher *p = &b->publishers[id];

	if (b->options.subscriptions) {
		p->draw = draws_start(&b->draws, &b->options, id);
		p->ordinal = calloc(b->options.subscribers, sizeof(uint32_t));
		if (!p->ordinal)
			return -1;
	}
	p->buffers = ring_size(&b->options, &b->layout);
	p->ring = calloc(p->buffers, sizeof(struct rte_mbuf *));
	for (uint32_t i = 0; p->ring && i < p->buffers; i++) {
		p->ring[i] = lay(b);
		if (!p->ring[i])
			return -1;
	}
	return p->ring ? 0 : -1;
}

int publishers_open(struct blast *b)
{
	char *room;

	b->publishers = calloc(b->options.publishers + 1, sizeof(struct publisher));
	b->filler = rte_pktmbuf_alloc(b->machine.laid);
	room = b->filler ? rte_pktmbuf_append(b->filler, FILLER) : NULL;
	if (!b->publishers || !room)
		return -1;
	memcpy(room, b->layout.pattern, FILLER);
	for (uint32_t i = 0; i < b->options.publishers; i++)
		if (open_one(b, i))
			return -1;
	return 0;
}

/* After the stack is gone: the last references are ours. */
void publishers_close(struct blast *b)
{
	for (uint32_t i = 0; b->publishers && i < b->options.publishers; i++) {
		struct publisher *p = &b->publishers[i];

		for (uint32_t k = 0; p->ring && k < p->buffers; k++)
			rte_pktmbuf_free(p->ring[k]);
		free(p->ring);
		free(p->ordinal);
	}
	free(b->publishers);
	rte_pktmbuf_free(b->filler);
}

void publisher_command(struct publisher *p, const struct zl_command *command)
{
	char mark[32];
	uint8_t len = subscriber_mark(mark, 0);

	len = (uint8_t)(strchr(mark, '/') + 1 - mark);
	if (!zl_command_is(command, "SUBSCRIBE"))
		return;
	p->told++;
	/* Without subscribers of our own, anybody's will do. */
	if (!p->conn.blast->options.subscribers ||
	    (command->data_len > len &&
	     memcmp(command->name - 1 + command->data_at, mark, len) == 0))
		p->heard++;
}

bool publishers_ready(const struct blast *b)
{
	if (!b->options.pattern->subscribes)
		return true;
	for (uint32_t i = 0; i < b->options.publishers; i++) {
		const struct publisher *p = &b->publishers[i];

		if (p->conn.state != CONN_TRAFFIC || p->heard < RTE_MAX(b->options.subscribers, 1u))
			return false;
	}
	return true;
}

/* The time by which the publisher's message number n is to be sent. */
static uint64_t scheduled(const struct blast *b, const struct publisher *p, uint64_t n)
{
	double turn = (double)(n * b->options.publishers + p->conn.id);

	return b->start_ns + (uint64_t)(turn * b->interval_ns);
}

static uint64_t due(const struct blast *b, const struct publisher *p)
{
	double turns;

	if (b->interval_ns == 0)
		return TURN_BYTES / b->layout.wire + 1;
	turns = (double)(b->machine.now_ns - b->start_ns) / b->interval_ns;
	if (turns < p->conn.id)
		return 0;
	return (uint64_t)((turns - p->conn.id) / b->options.publishers) + 1 - p->sent;
}

uint64_t publishers_expect(const struct blast *b)
{
	uint64_t n = 0;

	if (!b->options.pattern->subscribes)
		return options_hears(&b->options) ? b->sent : 0;
	if (!b->options.subscriptions)
		return b->sent * options_prompt(&b->options);
	for (uint32_t i = 0; i < b->options.publishers; i++) {
		const struct publisher *p = &b->publishers[i];

		n += draws_prompt(&b->draws, p->draw - p->sent, p->sent);
	}
	return n;
}

/* Each takes a share of what is sent: all together stand for the slowest. */
static uint64_t share_received(const struct blast *b)
{
	const struct options *o = &b->options;
	double each = (double)o->matches * options_prompt(o) / o->subscribers;
	uint64_t under_way = publishers_expect(b) - b->received;

	return b->sent - RTE_MIN(b->sent, (uint64_t)((double)under_way / each));
}

static uint64_t slowest(const struct blast *b)
{
	uint64_t received = UINT64_MAX;

	if (!b->options.pattern->subscribes)
		return b->received;
	if (b->options.subscriptions)
		return share_received(b);
	for (uint32_t i = b->options.stalled + b->options.slow; i < b->options.subscribers; i++)
		received = RTE_MIN(received, b->received_by[i]);
	return received;
}

/* It opens by a quarter at least: messages that trickle out one by one would be sent, and
 * forwarded, one by one. */
static uint64_t window_left(struct blast *b)
{
	uint64_t window = b->options.window, open = window - window / 4;

	if (!window || !options_hears(&b->options))
		return UINT64_MAX;
	/* to look at each of them costs: only when it may matter */
	if (b->sent - b->slowest >= open)
		b->slowest = slowest(b);
	return b->sent - b->slowest <= open ? window - (b->sent - b->slowest) : 0;
}

/* Messages for which there is room in the queue and in the buffer in use. */
static uint32_t room(struct blast *b, struct publisher *p)
{
	uint32_t wire = b->layout.wire, a_buffer = LAID_ROOM / b->layout.laid;
	uint64_t queued = p->conn.stream->sendq.bytes;
	uint64_t queue = b->options.queue_bytes > queued ? b->options.queue_bytes - queued : 0;

	if (queue < wire && queued)
		return 0;
	if (p->used == a_buffer) {
		uint32_t next = (p->at + 1) % p->buffers;

		if (rte_mbuf_refcnt_read(p->ring[next]) > 1)
			return 0;
		p->at = next;
		p->used = 0;
	}
	return (uint32_t)RTE_MIN(a_buffer - p->used, RTE_MAX(queue / wire, 1u));
}

static void stamp(const struct blast *b, const struct publisher *p, uint32_t n)
{
	const struct layout *l = &b->layout;
	uint8_t *at = rte_pktmbuf_mtod_offset(p->ring[p->at], uint8_t *,
					      p->used * l->laid + l->header_len);
	uint64_t who = (uint64_t)p->conn.id << SENT_BITS;
	uint64_t now = machine_clock(&b->machine);
	struct stamp s;

	topic_name((uint32_t)(p->sent % b->options.topics), s.topic);
	for (uint32_t i = 0; i < n; i++, at += l->laid) {
		if (b->options.topics > 1)
			topic_name((uint32_t)((p->sent + i) % b->options.topics), s.topic);
		if (b->interval_ns > 0)
			now = scheduled(b, p, p->sent + i);
		s.sequence = (uint32_t)(p->sent + i);
		s.sent = who | (now & SENT_MASK);
		memcpy(at, &s, sizeof(s));
	}
}

/* As stamp, with the prefixes that are next. */
static void stamp_drawn(const struct blast *b, struct publisher *p, uint32_t n)
{
	const struct layout *l = &b->layout;
	uint8_t *at = rte_pktmbuf_mtod_offset(p->ring[p->at], uint8_t *,
					      p->used * l->laid + l->header_len);
	uint64_t who = (uint64_t)p->conn.id << SENT_BITS;
	uint64_t now = machine_clock(&b->machine);
	bool piece = l->lead >= 16 && l->lead <= 32; /* the stamp covers what is too much */
	struct stamp s;

	for (uint32_t i = 0; i < n; i++, at += l->laid) {
		const struct draw *d = draw_at(&b->draws, p->draw++);

		if (piece)
			memcpy(at, d->lead, 32);
		else
			memcpy(at, d->lead, l->lead);
		if (b->interval_ns > 0)
			now = scheduled(b, p, p->sent + i);
		s.prefix = d->prefix;
		s.sequence = p->ordinal[d->group]++;
		s.sent = who | (now & SENT_MASK);
		memcpy(at + l->lead, &s, sizeof(s));
	}
}

static int append_filler(struct blast *b, struct zl_sendq *q, uint32_t where, uint32_t n, bool ends)
{
	while (n) {
		uint32_t off = where % FILLER, piece = RTE_MIN(n, FILLER - off);
		struct zl_slice slice = {.head = b->filler,
					 .seg = b->filler,
					 .off = off,
					 .len = piece,
					 .msgs = ends && piece == n};

		if (zl_sendq_append(q, &slice))
			return -1;
		where += piece;
		n -= piece;
	}
	return 0;
}

/* Messages that have a tail: each frame's beginning, then its filler. */
static int append_long(struct blast *b, struct publisher *p, uint32_t n)
{
	const struct layout *l = &b->layout;
	struct rte_mbuf *m = p->ring[p->at];
	struct zl_sendq *q = &p->conn.stream->sendq;

	for (uint32_t frame = 0; frame < n * l->parts; frame++) {
		struct zl_slice slice = {.head = m,
					 .seg = m,
					 .off = p->used * l->laid + frame * l->laid_frame,
					 .len = l->laid_frame};

		if (zl_sendq_append(q, &slice) ||
		    append_filler(b, q, l->laid_frame - l->header_len, l->tail,
				  frame % l->parts == l->parts - 1))
			return -1;
	}
	return 0;
}

static int append(struct blast *b, struct publisher *p, uint32_t n)
{
	const struct layout *l = &b->layout;
	struct rte_mbuf *m = p->ring[p->at];
	struct zl_slice slice = {
		.head = m, .seg = m, .off = p->used * l->laid, .len = n * l->laid, .msgs = n};

	return l->tail ? append_long(b, p, n) : zl_sendq_append(&p->conn.stream->sendq, &slice);
}

/* At most `most` messages; how many. */
static uint64_t publish(struct blast *b, struct publisher *p, uint64_t most)
{
	uint64_t done = 0;

	while (done < most) {
		uint32_t n = (uint32_t)RTE_MIN(room(b, p), most - done);

		if (!n)
			break;
		if (b->options.subscriptions)
			stamp_drawn(b, p, n);
		else
			stamp(b, p, n);
		if (append(b, p, n)) {
			blast_fail(b, "no memory to queue a message in");
			break;
		}
		p->used += n;
		p->sent += n;
		done += n;
	}
	if (done)
		p->conn.stream->ops->output(p->conn.stream);
	return done;
}

/* Of the window. Where it is all that bounds them, publishers have even parts. */
static uint64_t part(const struct blast *b, uint64_t left, uint32_t publishers)
{
	if (b->options.pattern->subscribes || left == UINT64_MAX)
		return left;
	return (left + publishers - 1) / publishers;
}

void publishers_turn(struct blast *b)
{
	uint64_t left = window_left(b);
	uint32_t n = b->options.publishers;

	for (uint32_t i = 0; i < n && !b->failure[0]; i++) {
		struct publisher *p = &b->publishers[(b->first + i) % n];
		uint64_t sent = publish(b, p, RTE_MIN(due(b, p), part(b, left, n - i)));

		left -= sent;
		b->sent += sent;
	}
	b->first += !b->options.pattern->subscribes;
}
