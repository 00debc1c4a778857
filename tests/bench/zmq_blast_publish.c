/* A publisher's thread. Where a window bounds what is under way, messages lie in a ring that is
 * longer than it and are sent without a copy (zmq_send_const); else libzmq copies them. */
#include "tests/bench/zmq_blast.h"

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <zmq.h>

#define BURST  64    /* messages between looks at the window and at subscriptions */
#define NAP_NS 20000 /* while the window is shut */

struct feed {
	struct publisher *p;
	void *socket;
	uint64_t slots;
	uint64_t sent, slowest;
	uint64_t random;
	double interval_ns;
};

static void nap_until(const struct feed *f, uint64_t ns)
{
	struct timespec t = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};

	if (!f->p->blast->options.busy)
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* What subscribers have said; the proxy tells it on. */
static void hear(struct feed *f, int flags)
{
	zmq_msg_t msg;

	zmq_msg_init(&msg);
	for (int i = 0; i < BURST && zmq_msg_recv(&msg, f->socket, flags) >= 0; i++) {
		int kind = mark_kind(zmq_msg_data(&msg), (int)zmq_msg_size(&msg));

		if (kind >= MARK_HELLO && kind <= MARK_DURING)
			atomic_fetch_add(&f->p->blast->heard[kind], 1);
	}
	zmq_msg_close(&msg);
}

static uint64_t slowest(const struct blast *b)
{
	uint64_t least = UINT64_MAX, all = 0;

	for (uint32_t i = 0; i < b->options.subscribers; i++) {
		uint64_t n = atomic_load_explicit(&b->subscribers[i].received,
						  memory_order_relaxed);

		all += n;
		if (!held_back(&b->options, i) && n < least)
			least = n;
	}
	return b->options.subscriptions || !b->options.pattern->subscribes ? all : least;
}

static uint64_t sent_by_all(const struct feed *f)
{
	const struct blast *b = f->p->blast;
	uint64_t all = f->sent;

	for (uint32_t i = 0; i < b->options.publishers; i++)
		if (i != f->p->id)
			all += atomic_load_explicit(&b->publishers[i].sent, memory_order_relaxed);
	return all;
}

/* Messages that may be sent now. All publishers look at one window: each leaves room for a burst
 * of all the others. */
static uint64_t window_left(struct feed *f)
{
	const struct blast *b = f->p->blast;
	uint64_t window = b->options.window, ahead = (b->options.publishers - 1) * BURST;
	uint64_t sent;

	if (!window || !b->options.subscribers)
		return UINT64_MAX;
	if (b->options.pattern->replies) /* each his part, as the last reply has left it */
		return window / b->options.publishers -
		       (f->sent - atomic_load_explicit(&f->p->answered, memory_order_relaxed));
	sent = sent_by_all(f) + ahead;
	if (sent - f->slowest >= window)
		f->slowest = slowest(b);
	return sent - f->slowest < window ? window - (sent - f->slowest) : 0;
}

/* The time by which message n of this publisher is to be sent. */
static uint64_t scheduled(const struct feed *f, uint64_t n)
{
	const struct blast *b = f->p->blast;
	double turn = (double)(n * b->options.publishers + f->p->id);

	return atomic_load_explicit(&b->start_ns, memory_order_relaxed) +
	       (uint64_t)(turn * f->interval_ns);
}

static uint64_t due(const struct feed *f, uint64_t now)
{
	uint64_t n = 0;

	if (f->interval_ns == 0)
		return BURST;
	while (n < BURST && scheduled(f, f->sent + n) <= now)
		n++;
	return n;
}

/* Lays the next message into its slot. */
static uint8_t *next(struct feed *f, uint64_t now)
{
	const struct blast *b = f->p->blast;
	uint8_t *m = f->p->ring + f->sent % f->slots * b->options.size, *at = m;
	struct stamp stamp = {.sequence = (uint32_t)f->sent};

	if (b->topics.n) {
		f->random = f->random * 6364136223846793005u + 1442695040888963407u;
		stamp.topic = (uint32_t)((f->random >> 32) * b->topics.n >> 32);
		memcpy(m, b->topics.topic[stamp.topic].text, TOPIC_ROOM - 1);
		at = m + b->options.size - sizeof(stamp);
	}
	if (f->interval_ns > 0)
		now = scheduled(f, f->sent);
	stamp.sent = (uint64_t)f->p->id << SENT_BITS | (now & SENT_MASK);
	memcpy(at, &stamp, sizeof(stamp));
	return m;
}

/* A request has an empty part before it, as REQ sends it. */
static int send_one(struct feed *f, const uint8_t *m)
{
	const struct options *o = &f->p->blast->options;

	if (o->pattern->replies && zmq_send_const(f->socket, "", 0, ZMQ_SNDMORE) < 0)
		return -1;
	if (o->window && o->subscribers)
		return zmq_send_const(f->socket, m, o->size, 0);
	return zmq_send(f->socket, m, o->size, 0);
}

static void publish(struct feed *f, uint64_t n, uint64_t now)
{
	struct blast *b = f->p->blast;

	for (uint64_t i = 0; i < n; i++) {
		if (f->interval_ns == 0 && f->sent % SAMPLE == 0)
			now = clock_ns();
		if (send_one(f, next(f, now)) < 0) {
			blast_fail(b, "zmq_send: %s", zmq_strerror(zmq_errno()));
			return;
		}
		f->sent++;
	}
	atomic_store_explicit(&f->p->sent, f->sent, memory_order_relaxed);
}

static void turn_of_requester(struct feed *f)
{
	uint64_t left = window_left(f);

	if (left)
		publish(f, left < BURST ? left : BURST, clock_ns());
	if (!replies_take(f->p, f->socket, false) && !left)
		replies_take(f->p, f->socket, !f->p->blast->options.busy);
}

static void turn(struct feed *f)
{
	uint64_t now = clock_ns(), n = due(f, now), left = window_left(f);

	if (!n)
		nap_until(f, scheduled(f, f->sent));
	else if (!left)
		nap_until(f, now + NAP_NS);
	else
		publish(f, n < left ? n : left, now);
	if (f->p->blast->options.during)
		hear(f, ZMQ_DONTWAIT);
}

/* At a rate, what was due in the measured time is sent even when that is over, for as long again:
 * else a forwarder that cannot keep up would be forgiven just what it was late with. */
static bool going(const struct feed *f)
{
	const struct blast *b = f->p->blast;
	uint64_t end;

	if (atomic_load_explicit(&b->phase, memory_order_relaxed) < PHASE_DRAIN)
		return true;
	end = atomic_load_explicit(&b->to_ns, memory_order_relaxed);
	return f->interval_ns > 0 && end != UINT64_MAX && scheduled(f, f->sent) < end &&
	       clock_ns() < end + (uint64_t)(b->options.seconds * 1e9);
}

static int socket_type(const struct blast *b)
{
	if (b->options.pattern->replies)
		return ZMQ_DEALER;
	return b->options.pattern->subscribes ? ZMQ_XPUB : ZMQ_PUSH;
}

static int open_feed(struct feed *f, struct publisher *p)
{
	struct blast *b = p->blast;
	int none = 0, wait_ms = 20;

	*f = (struct feed){.p = p, .random = b->options.seed + p->id};
	f->slots = b->options.window && b->options.subscribers ? b->options.window + BURST : 1;
	f->p->ring = malloc(f->slots * b->options.size);
	f->socket = zmq_socket(b->context, socket_type(b));
	if (!f->p->ring || !f->socket) {
		blast_fail(b, "no memory for %lu messages under way: ask for a smaller --window",
			   f->slots);
		return -1;
	}
	for (uint64_t i = 0; i < f->slots; i++)
		memcpy(f->p->ring + i * b->options.size, b->pattern, b->options.size);
	if (b->options.rate > 0)
		f->interval_ns = 1e9 / b->options.rate;
	zmq_setsockopt(f->socket, ZMQ_SNDHWM, &b->options.hwm, sizeof(b->options.hwm));
	zmq_setsockopt(f->socket, ZMQ_RCVHWM, &none, sizeof(none));
	zmq_setsockopt(f->socket, ZMQ_LINGER, &none, sizeof(none));
	zmq_setsockopt(f->socket, ZMQ_RCVTIMEO, &wait_ms, sizeof(wait_ms));
	if (zmq_connect(f->socket, b->options.publish_to)) {
		blast_fail(b, "%s: %s", b->options.publish_to, zmq_strerror(zmq_errno()));
		return -1;
	}
	return 0;
}

void *publisher_main(void *arg)
{
	struct publisher *p = arg;
	struct blast *b = p->blast;
	struct feed f;

	prctl(PR_SET_TIMERSLACK, 1);
	if (!open_feed(&f, p)) {
		while (b->options.pattern->subscribes && atomic_load(&b->phase) < PHASE_WARMUP)
			hear(&f, 0);
		while (going(&f))
			if (b->options.pattern->replies)
				turn_of_requester(&f);
			else
				turn(&f);
	}
	while (atomic_load(&b->phase) < PHASE_DONE)
		if (!b->options.pattern->replies || !replies_take(p, f.socket, true))
			usleep(1000);
	if (f.socket)
		zmq_close(f.socket);
	return NULL;
}
