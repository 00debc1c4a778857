/* zeroline-blast: loads a device through a network stack of its own and measures what comes
 * through: connect, subscribe, warm up, measure, wait for what is under way, report. */
#include "tests/bench/blast.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S_NS        1000000000ull
#define CONNECT_NS  (15 * S_NS)
#define DURING_NS   (60 * S_NS)
#define STILL_NS    (2 * S_NS) /* draining: nothing has come for so long, so nothing will */
#define OPEN_A_TURN 8
#define PART_NS     (S_NS / 2) /* for connections to close in good order */

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

void blast_fail(struct blast *b, const char *format, ...)
{
	va_list args;

	if (b->failure[0])
		return;
	va_start(args, format);
	vsnprintf(b->failure, sizeof(b->failure), format, args);
	va_end(args);
}

static int open_all(struct blast *b)
{
	unsigned laid;

	layout_make(&b->layout, b->options.size, b->options.parts,
		    b->options.subscriptions ? b->options.prefixes.max : 0,
		    b->options.pattern->replies);
	if (b->options.subscriptions && draws_make(&b->draws, &b->options, &b->layout)) {
		blast_fail(b, "no memory to draw prefixes in");
		return -1;
	}
	laid = publishers_buffers(&b->options, &b->layout);
	if (machine_open(&b->machine, &b->options, laid, b->failure, sizeof(b->failure)))
		return -1;
	if (b->options.rate > 0)
		b->interval_ns = (double)S_NS / b->options.rate;
	if (subscribers_open(b) || publishers_open(b)) {
		blast_fail(b, "no memory for so many connections");
		return -1;
	}
	return 0;
}

static void enter(struct blast *b, enum phase phase, double seconds)
{
	b->phase = phase;
	b->phase_ends_ns = b->machine.now_ns + (uint64_t)(seconds * (double)S_NS);
}

static void take_reading(const struct blast *b, struct reading *r)
{
	r->at_ns = b->machine.now_ns;
	r->sent = b->sent;
	r->received = b->received;
	memcpy(r->received_by, b->received_by,
	       options_takers(&b->options) * sizeof(*r->received_by));
}

static uint32_t connections(const struct blast *b)
{
	return b->options.publishers + options_takers(&b->options);
}

/* Subscribers first. */
static struct connection *connection(struct blast *b, uint32_t i)
{
	uint32_t takers = options_takers(&b->options);

	return i < takers ? &b->subscribers[i].conn : &b->publishers[i - takers].conn;
}

/* One goes ahead, so that the link is up and the next hop known before the others come: their SYNs
 * would be lost, and sent again only after a second. */
static void open_more(struct blast *b)
{
	uint32_t n = b->opened + OPEN_A_TURN, takers = options_takers(&b->options);

	if (b->opened && connection(b, 0)->state == CONN_OPENING)
		return;
	n = b->opened ? RTE_MIN(n, connections(b)) : 1;
	for (; b->opened < n; b->opened++) {
		bool publisher = b->opened >= takers;
		uint32_t id = b->opened - (publisher ? takers : 0);

		if (connection_open(connection(b, b->opened), b, publisher, id)) {
			blast_fail(b, "no connection can be opened: are --address and --gateway "
				      "right for --publish-to and --subscribe-to?");
			return;
		}
	}
}

/* Has every subscriber asked for everything? None begins before all are connected. */
static bool ask_all(struct blast *b)
{
	bool done = true;

	for (uint32_t i = 0; i < connections(b); i++)
		if (connection(b, i)->state != CONN_TRAFFIC)
			return false;
	if (!b->options.pattern->subscribes)
		return true;
	if (!b->ask_ns)
		b->ask_ns = b->machine.now_ns;
	for (uint32_t i = 0; i < b->options.subscribers; i++) {
		ask(&b->subscribers[i], ASK_BYTES, UINT32_MAX);
		done &= ask_done(&b->subscribers[i]);
	}
	return done;
}

static uint64_t progress(struct blast *b)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < connections(b); i++)
		n += connection(b, i)->state;
	for (uint32_t i = 0; i < b->options.subscribers; i++)
		n += b->subscribers[i].asking.n;
	for (uint32_t i = 0; i < b->options.publishers; i++)
		n += b->publishers[i].told;
	return n;
}

static void connecting(struct blast *b)
{
	uint64_t now = progress(b);

	open_more(b);
	if (now != b->progress) {
		b->progress = now;
		enter(b, PHASE_CONNECT, (double)CONNECT_NS / (double)S_NS);
	}
	if (ask_all(b) && publishers_ready(b)) {
		b->start_ns = b->asked_ns = b->machine.now_ns;
		enter(b, PHASE_WARMUP, b->options.warmup);
	} else if (b->machine.now_ns > b->phase_ends_ns) {
		blast_fail(b,
			   "not connected and subscribed, and nothing more for %llu s: are --port, "
			   "--address, --publish-to and --subscribe-to right?",
			   CONNECT_NS / S_NS);
	}
}

/* Everything sent has come, or nothing comes any more. */
static void draining(struct blast *b)
{
	bool all = b->received == publishers_expect(b);

	if (b->received != b->moved) {
		b->moved = b->received;
		b->moved_ns = b->machine.now_ns;
	}
	if ((all && b->options.publishers) || b->machine.now_ns - b->moved_ns > STILL_NS)
		b->phase = PHASE_DONE;
}

static void measuring(struct blast *b)
{
	bool subscribed = during_turn(b);

	if ((b->machine.now_ns >= b->phase_ends_ns && subscribed) || stop) {
		take_reading(b, &b->to);
		b->moved_ns = b->machine.now_ns;
		enter(b, PHASE_DRAIN, 0);
		return;
	}
	if (b->machine.now_ns >= b->phase_ends_ns + DURING_NS)
		blast_fail(b,
			   "--subscribe-during %u: not effective %llu s after the measurement; ask "
			   "for fewer",
			   b->options.during, DURING_NS / S_NS);
	publishers_turn(b);
}

static void phase_turn(struct blast *b)
{
	switch (b->phase) {
	case PHASE_CONNECT:
		connecting(b);
		break;
	case PHASE_WARMUP:
		if (b->machine.now_ns >= b->phase_ends_ns) {
			take_reading(b, &b->from);
			enter(b, PHASE_MEASURE, b->options.seconds);
		}
		publishers_turn(b);
		break;
	case PHASE_MEASURE:
		measuring(b);
		break;
	case PHASE_DRAIN:
		draining(b);
		break;
	case PHASE_DONE:
		break;
	}
}

static void turn(struct blast *b)
{
	machine_in(&b->machine);
	phase_turn(b);
	lag_turn(b);
	machine_out(&b->machine);
	if (!b->options.busy)
		machine_nap(&b->machine);
}

static void run(struct blast *b)
{
	during_init(b);
	b->from.at_ns = b->to.at_ns = UINT64_MAX;
	b->machine.now_ns = machine_clock(&b->machine);
	enter(b, PHASE_CONNECT, (double)CONNECT_NS / (double)S_NS);
	while (b->phase != PHASE_DONE && !b->failure[0] && (!stop || b->phase >= PHASE_MEASURE))
		turn(b);
	if (b->phase < PHASE_DRAIN)
		blast_fail(b, "interrupted");
	b->phase = PHASE_DONE;
}

/* Who lags cannot be told that all is over: what is queued for him goes before. */
static void part(struct connection *c)
{
	if (c->publisher || ((struct subscriber *)c)->lag == LAG_NONE) {
		c->stream->ops->shutdown(c->stream);
		return;
	}
	c->stream->ops->abort(c->stream);
	c->state = CONN_CLOSED;
}

/* Ends all connections; how many are not over yet. */
static uint32_t part_all(struct blast *b, bool begin)
{
	uint32_t open = 0;

	for (uint32_t i = 0; i < b->opened; i++) {
		struct connection *c = connection(b, i);

		if (!c->stream || c->state == CONN_CLOSED)
			continue;
		open++;
		if (begin)
			part(c);
	}
	return open;
}

static void close_all(struct blast *b)
{
	uint64_t end = b->machine.now_ns + PART_NS;

	if (part_all(b, true))
		while (b->machine.now_ns < end && part_all(b, false))
			turn(b);
	machine_stop(&b->machine);
	publishers_close(b);
	subscribers_close(b);
	draws_free(&b->draws);
	machine_close(&b->machine);
}

int main(int argc, char **argv)
{
	static struct blast b;
	struct sigaction action = {.sa_handler = on_signal};
	int status;

	blast_options(&b.options, argc, argv);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (!open_all(&b))
		run(&b);
	status = report(&b);
	close_all(&b);
	return status;
}
