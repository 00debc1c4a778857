/* Replies: a requester takes those to what it has asked, in whatever order they come; a replier
 * sends each request back as its reply (libzmq's REP keeps the envelope). */
#include "tests/bench/zmq_blast.h"

#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#define ROUND 64 /* replies before more requests have their turn */

int replies_open(struct publisher *p)
{
	const struct options *o = &p->blast->options;

	p->late = calloc(1, sizeof(*p->late));
	if (o->verify && ledger_open(&p->ledger, o->publishers))
		return -1;
	return p->late ? 0 : -1;
}

void replies_close(struct publisher *p)
{
	free(p->late);
	ledger_close(&p->ledger);
}

static void time_in(struct publisher *p, uint64_t sent)
{
	struct blast *b = p->blast;
	uint64_t now = clock_ns(), late = (now - sent) & SENT_MASK, when = now - late;

	if (when >= atomic_load_explicit(&b->from_ns, memory_order_relaxed) &&
	    when < atomic_load_explicit(&b->to_ns, memory_order_relaxed))
		histogram_add(p->late, late);
}

static void check(struct publisher *p, const uint8_t *m, const struct stamp *stamp)
{
	const struct blast *b = p->blast;

	if (stamp->sent >> SENT_BITS != p->id ||
	    memcmp(m + sizeof(*stamp), b->pattern + sizeof(*stamp),
		   b->options.size - sizeof(*stamp)) != 0)
		p->wrong++;
	else if (!ledger_add(&p->ledger, stamp->sequence))
		p->repeated++;
}

static void reply_in(struct publisher *p, zmq_msg_t *msg)
{
	const uint8_t *m = zmq_msg_data(msg);
	struct stamp stamp;

	if (zmq_msg_size(msg) != p->blast->options.size || zmq_msg_more(msg)) {
		blast_fail(p->blast, "a reply came that nobody here asked for: %zu bytes",
			   zmq_msg_size(msg));
		return;
	}
	memcpy(&stamp, m, sizeof(stamp));
	if (stamp.sequence % SAMPLE == 0)
		time_in(p, stamp.sent & SENT_MASK);
	if (p->blast->options.verify)
		check(p, m, &stamp);
}

/* The empty part, then the reply. */
static bool take_one(struct publisher *p, void *socket, zmq_msg_t *msg, int flags)
{
	if (zmq_msg_recv(msg, socket, flags) < 0)
		return false;
	if (zmq_msg_size(msg) || !zmq_msg_more(msg) || zmq_msg_recv(msg, socket, 0) < 0) {
		blast_fail(p->blast, "a reply came without an empty part before it");
		return false;
	}
	reply_in(p, msg);
	return true;
}

uint64_t replies_take(struct publisher *p, void *socket, bool wait)
{
	uint64_t n = 0;
	zmq_msg_t msg;

	zmq_msg_init(&msg);
	while (n < ROUND && take_one(p, socket, &msg, wait && !n ? 0 : ZMQ_DONTWAIT))
		n++;
	zmq_msg_close(&msg);
	if (n)
		atomic_store_explicit(&p->answered,
				      atomic_load_explicit(&p->answered, memory_order_relaxed) + n,
				      memory_order_relaxed);
	return n;
}

void reply_to(struct blast *b, void *socket, void *msg)
{
	if (zmq_msg_send(msg, socket, 0) < 0)
		blast_fail(b, "zmq_msg_send: %s", zmq_strerror(zmq_errno()));
}
