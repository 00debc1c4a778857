/* bench-zmq-blast: threads up, from phase to phase, threads down. */
#include "tests/bench/zmq_blast.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <zmq.h>

#define CONNECT_S     15
#define SUBSCRIBE_MIN 5000 /* subscriptions a second: fewer is a failure */
#define DURING_MAX_S  60
#define STILL_NS      8000000000u
#define SETTLED_NS    50000000u /* everything has come, and no publisher is in a burst */
#define LOOK_US       500

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

void blast_fail(struct blast *b, const char *format, ...)
{
	va_list args;

	if (stop)
		format = "interrupted";
	if (atomic_exchange(&b->failed, true))
		return;
	va_start(args, format);
	fprintf(stderr, "bench-zmq-blast: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
}

static int make(struct blast *b)
{
	const struct options *o = &b->options;

	b->from_ns = b->to_ns = b->during_from_ns = b->during_to_ns = UINT64_MAX;
	b->pattern = malloc(o->size);
	b->publishers = aligned_alloc(64, o->publishers * sizeof(struct publisher));
	b->subscribers = aligned_alloc(64, o->subscribers * sizeof(struct subscriber));
	b->receivers = calloc(o->threads, sizeof(struct receiver));
	if (!b->pattern || !b->publishers || !b->subscribers || !b->receivers ||
	    topics_make(&b->topics, o->subscriptions, o, '=') ||
	    topics_make(&b->during, o->during, o, '~'))
		return -1;
	for (uint32_t i = 0; i < o->size; i++)
		b->pattern[i] = (uint8_t)(i * 167 + (i >> 8) * 13);
	for (uint32_t i = 0; i < o->publishers; i++)
		b->publishers[i] = (struct publisher){.blast = b, .id = i};
	for (uint32_t i = 0; o->pattern->replies && i < o->publishers; i++)
		if (replies_open(&b->publishers[i]))
			return -1;
	for (uint32_t i = 0; i < o->subscribers; i++)
		b->subscribers[i] = (struct subscriber){.received = 0};
	for (uint32_t i = 0; i < o->threads; i++)
		b->receivers[i] = (struct receiver){.blast = b, .id = i};
	b->context = zmq_ctx_new();
	if (!b->context)
		return -1;
	zmq_ctx_set(b->context, ZMQ_IO_THREADS, o->io_threads);
	zmq_ctx_set(b->context, ZMQ_MAX_SOCKETS, 65535);
	return 0;
}

static void start(pthread_t *thread, void *(*main)(void *), void *arg)
{
	if (!pthread_create(thread, NULL, main, arg))
		return;
	fprintf(stderr, "bench-zmq-blast: no further thread can be made\n");
	exit(EXIT_FAILURE);
}

static void start_all(struct blast *b)
{
	for (uint32_t i = 0; i < b->options.threads; i++)
		start(&b->receivers[i].thread, receiver_main, &b->receivers[i]);
	for (uint32_t i = 0; i < b->options.publishers; i++)
		start(&b->publishers[i].thread, publisher_main, &b->publishers[i]);
	if (b->options.during)
		start(&b->latecomer, latecomer_main, b);
}

static void join_all(struct blast *b)
{
	for (uint32_t i = 0; i < b->options.threads; i++)
		pthread_join(b->receivers[i].thread, NULL);
	for (uint32_t i = 0; i < b->options.publishers; i++)
		pthread_join(b->publishers[i].thread, NULL);
	if (b->options.during)
		pthread_join(b->latecomer, NULL);
}

static void unmake(struct blast *b)
{
	zmq_ctx_term(b->context);
	for (uint32_t i = 0; i < b->options.publishers; i++) {
		free(b->publishers[i].ring);
		replies_close(&b->publishers[i]);
	}
	for (uint32_t i = 0; i < b->options.subscribers; i++)
		free(b->subscribers[i].expected);
	topics_free(&b->topics);
	topics_free(&b->during);
	free(b->pattern);
	free(b->publishers);
	free(b->subscribers);
	free(b->receivers);
}

static bool ended(const struct blast *b)
{
	return stop || atomic_load(&b->failed);
}

static void pass(const struct blast *b, double seconds)
{
	uint64_t end = clock_ns() + (uint64_t)(seconds * 1e9);

	while (!ended(b) && clock_ns() < end)
		usleep(LOOK_US);
}

/* Waits until so many marks have been heard; false if not within the time. */
static bool heard(struct blast *b, enum mark kind, uint32_t wanted, double seconds)
{
	uint64_t end = clock_ns() + (uint64_t)(seconds * 1e9);

	while (!ended(b) && atomic_load(&b->heard[kind]) < wanted) {
		if (clock_ns() > end)
			return false;
		usleep(LOOK_US);
	}
	return !ended(b);
}

static uint64_t take_reading(struct blast *b, unsigned at)
{
	const struct options *o = &b->options;

	b->sent[at] = b->received[at] = 0;
	for (uint32_t i = 0; i < o->publishers; i++) {
		b->sent[at] += atomic_load(&b->publishers[i].sent);
		b->received[at] += atomic_load(&b->publishers[i].answered);
	}
	for (uint32_t i = o->stalled + o->slow; !o->pattern->replies && i < o->subscribers; i++)
		b->received[at] += atomic_load(&b->subscribers[i].received);
	return clock_ns();
}

static bool connect_and_subscribe(struct blast *b)
{
	const struct options *o = &b->options;
	uint32_t marks = o->publishers * o->subscribers;
	uint64_t begun;

	if (!heard(b, MARK_HELLO, marks, CONNECT_S)) {
		blast_fail(b, "not connected after %d s: is a forwarder at %s and %s?", CONNECT_S,
			   o->publish_to, o->subscribe_to);
		return false;
	}
	begun = clock_ns();
	atomic_store(&b->phase, PHASE_SUBSCRIBE);
	if (!heard(b, MARK_ASKED, marks, CONNECT_S + (double)o->subscriptions / SUBSCRIBE_MIN)) {
		blast_fail(b, "not subscribed: below %d subscriptions a second", SUBSCRIBE_MIN);
		return false;
	}
	b->subscribe_s = o->subscriptions / ((double)(clock_ns() - begun) / 1e9);
	return true;
}

/* Nobody says that he is there: so traffic has begun, and each is waited for to have some. */
static bool all_have_some(const struct blast *b)
{
	const struct options *o = &b->options;

	for (uint32_t i = 0; i < o->subscribers; i++)
		if (!atomic_load(&b->subscribers[i].received))
			return false;
	for (uint32_t i = 0; o->pattern->replies && i < o->publishers; i++)
		if (!atomic_load(&b->publishers[i].answered))
			return false;
	return true;
}

static bool connect_all(struct blast *b)
{
	uint64_t end = clock_ns() + (uint64_t)(CONNECT_S * 1e9);

	while (!ended(b) && !all_have_some(b)) {
		if (clock_ns() > end)
			blast_fail(b,
				   "nothing has come to some after %d s: is a proxy at %s and %s?",
				   CONNECT_S, b->options.publish_to, b->options.subscribe_to);
		usleep(LOOK_US);
	}
	return !ended(b);
}

static void subscribe_during(struct blast *b)
{
	uint64_t begun = clock_ns();

	atomic_store(&b->during_from_ns, begun);
	atomic_store(&b->phase, PHASE_DURING);
	if (!heard(b, MARK_DURING, b->options.publishers, DURING_MAX_S))
		blast_fail(b, "--subscribe-during: not effective after %d s", DURING_MAX_S);
	atomic_store(&b->during_to_ns, clock_ns());
	b->during_s = b->options.during / ((double)(b->during_to_ns - begun) / 1e9);
}

/* Until everything sent has come, or nothing comes any more. */
static void drain(struct blast *b)
{
	const struct options *o = &b->options;
	bool all = o->pattern->subscribes && !o->subscriptions;
	uint64_t copies = all ? o->subscribers - o->stalled - o->slow : 1;
	uint64_t moved = 0, moved_ns = clock_ns();
	uint64_t keep_sent[2] = {b->sent[0], b->sent[1]};
	uint64_t keep_received[2] = {b->received[0], b->received[1]};

	atomic_store(&b->phase, PHASE_DRAIN);
	while (clock_ns() - moved_ns < STILL_NS) {
		take_reading(b, 0);
		if (b->received[0] != moved)
			moved_ns = clock_ns();
		moved = b->received[0];
		/* a publisher may be in the middle of a burst: look a second time */
		if (moved >= b->sent[0] * copies && clock_ns() - moved_ns > SETTLED_NS)
			break;
		usleep(LOOK_US);
	}
	for (unsigned i = 0; i < 2; i++) {
		b->sent[i] = keep_sent[i];
		b->received[i] = keep_received[i];
	}
}

static void run(struct blast *b)
{
	if (b->options.pattern->subscribes ? !connect_and_subscribe(b) : !connect_all(b))
		return;
	if (b->options.pattern->subscribes)
		atomic_store(&b->start_ns, clock_ns());
	atomic_store(&b->phase, PHASE_WARMUP);
	pass(b, b->options.warmup);
	atomic_store(&b->from_ns, take_reading(b, 0));
	atomic_store(&b->phase, PHASE_MEASURE);
	pass(b, b->options.seconds);
	atomic_store(&b->to_ns, take_reading(b, 1));
	if (b->options.during && !ended(b))
		subscribe_during(b);
	drain(b);
}

int main(int argc, char **argv)
{
	static struct blast b;
	struct sigaction action = {.sa_handler = on_signal};
	int status;

	blast_options(&b.options, argc, argv);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (make(&b)) {
		fprintf(stderr, "bench-zmq-blast: no memory for that many\n");
		return EXIT_FAILURE;
	}
	atomic_store(&b.start_ns, clock_ns());
	start_all(&b);
	run(&b);
	if (b.to_ns == UINT64_MAX)
		blast_fail(&b, "interrupted");
	atomic_store(&b.phase, PHASE_DONE);
	join_all(&b);
	status = report(&b);
	unmake(&b);
	return status;
}
