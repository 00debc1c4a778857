/* feed-pub: a publisher of something like market data, on plain libzmq. It starts only when it
 * knows that every subscriber listens, never drops, and ends each symbol with the number of ticks
 * that went before, so a subscriber can prove that it got exactly what it should. */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <zmq.h>

#include "tests/interop/feed/feed.h"

#define MS_NS    1000000ull
#define S_NS     1000000000ull
#define PROBE_MS 50

struct options {
	const char *endpoint;
	bool bind;
	double rate, seconds, timeout;
	unsigned subscribers;
};

struct feed {
	void *socket;
	uint64_t random;
	uint64_t sent;
	uint64_t symbol_seq[FEED_SYMBOLS];
	int64_t price[FEED_SYMBOLS];
	unsigned ready;
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = stop + 1;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * S_NS + (uint64_t)t.tv_nsec;
}

static void sleep_until(uint64_t at)
{
	struct timespec t = {(time_t)(at / S_NS), (long)(at % S_NS)};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* xorshift64*: the same prices in every run. */
static uint64_t draw(struct feed *f)
{
	f->random ^= f->random >> 12;
	f->random ^= f->random << 25;
	f->random ^= f->random >> 27;
	return f->random * 0x2545f4914f6cdd1dull;
}

/* Waits for room rather than dropping (ZMQ_XPUB_NODROP). The first signal only ends the feed, in
 * good order; the second ends the waiting, too. */
static int send_frame(struct feed *f, const void *bytes, size_t n, int flags)
{
	int rc;

	do
		rc = zmq_send(f->socket, bytes, n, flags);
	while (rc < 0 && errno == EINTR && stop < 2);
	return rc < 0 ? -errno : 0;
}

static int send_tick(struct feed *f, unsigned symbol, const struct feed_tick *tick)
{
	const char *name = feed_symbols[symbol].name;
	int err = send_frame(f, name, strlen(name), ZMQ_SNDMORE);

	return err < 0 ? err : send_frame(f, tick, sizeof(*tick), 0);
}

/* Every subscription that has come so far; counts those that say "ready". */
static void take_subscriptions(struct feed *f)
{
	char text[256];
	int n;

	while ((n = zmq_recv(f->socket, text, sizeof(text), ZMQ_DONTWAIT)) >= 0)
		if (n > (int)sizeof(FEED_READY) - 1 && text[0] == 1 &&
		    memcmp(text + 1, FEED_READY, sizeof(FEED_READY) - 1) == 0) {
			f->ready++;
			printf("feed-pub: subscriber %.*s is ready\n", n - (int)sizeof(FEED_READY),
			       text + sizeof(FEED_READY));
		}
}

static int wait_ready(struct feed *f, const struct options *o)
{
	uint64_t deadline = now_ns() + (uint64_t)(o->timeout * S_NS);
	struct feed_tick probe = {.kind = FEED_PROBE};

	while (f->ready < o->subscribers && !stop) {
		if (now_ns() > deadline) {
			fprintf(stderr,
				"feed-pub: %u of %u subscribers ready after %.0f s: are they "
				"running, and is %s the right end?\n",
				f->ready, o->subscribers, o->timeout, o->endpoint);
			return -ETIMEDOUT;
		}
		for (unsigned i = 0; i < FEED_SYMBOLS; i++) {
			int err = send_tick(f, i, &probe);
			if (err < 0)
				return err;
		}
		sleep_until(now_ns() + PROBE_MS * MS_NS);
		take_subscriptions(f);
	}
	return stop ? -EINTR : 0;
}

static int send_next(struct feed *f)
{
	uint64_t r = draw(f);
	unsigned symbol = (unsigned)(r >> 33) % FEED_SYMBOLS;
	int64_t step = (int64_t)(r % 7) - 3;

	if (f->price[symbol] + step > 0)
		f->price[symbol] += step;
	struct feed_tick tick = {
		.kind = FEED_TICK,
		.size = 1 + (uint32_t)(r >> 8) % 1000,
		.symbol_seq = ++f->symbol_seq[symbol],
		.global_seq = ++f->sent,
		.sent_ns = now_ns(),
		.price = f->price[symbol],
	};
	return send_tick(f, symbol, &tick);
}

/* As many each millisecond as the rate asks for by then. */
static int run(struct feed *f, const struct options *o)
{
	uint64_t start = now_ns(), end = start + (uint64_t)(o->seconds * S_NS), now = start;
	int err = 0;

	for (; now < end && !stop && err == 0; now = now_ns()) {
		uint64_t due = (uint64_t)((double)(now - start) / S_NS * o->rate);

		while (f->sent < due && err == 0 && !stop)
			err = send_next(f);
		sleep_until(now + MS_NS);
	}
	return err;
}

static int finish(struct feed *f)
{
	for (unsigned i = 0; i < FEED_SYMBOLS; i++) {
		struct feed_tick end = {.kind = FEED_END,
					.symbol_seq = f->symbol_seq[i],
					.global_seq = f->sent,
					.sent_ns = now_ns()};
		int err = send_tick(f, i, &end);
		if (err < 0)
			return err;
	}
	return 0;
}

static int publish(void *context, const struct options *o)
{
	struct feed f = {.socket = zmq_socket(context, ZMQ_XPUB), .random = 20260101};
	int one = 1, hwm = 100000, linger = 10000;
	uint64_t start;

	for (unsigned i = 0; i < FEED_SYMBOLS; i++)
		f.price[i] = feed_symbols[i].price;
	zmq_setsockopt(f.socket, ZMQ_XPUB_NODROP, &one, sizeof(one));
	zmq_setsockopt(f.socket, ZMQ_SNDHWM, &hwm, sizeof(hwm));
	zmq_setsockopt(f.socket, ZMQ_LINGER, &linger, sizeof(linger));
	int err = o->bind ? zmq_bind(f.socket, o->endpoint) : zmq_connect(f.socket, o->endpoint);
	if (err < 0) {
		fprintf(stderr, "feed-pub: %s: %s\n", o->endpoint, zmq_strerror(errno));
		zmq_close(f.socket);
		return -EINVAL;
	}
	err = wait_ready(&f, o);
	start = now_ns();
	if (err == 0)
		err = run(&f, o);
	double took = (double)(now_ns() - start) / S_NS;
	if (err == 0)
		err = finish(&f);
	if (err < 0 && err != -ETIMEDOUT)
		fprintf(stderr, "feed-pub: %s: %s\n", o->endpoint, zmq_strerror(-err));
	else if (err == 0)
		printf("feed-pub: sent %llu messages of %zu symbols in %.1f s\n",
		       (unsigned long long)f.sent, FEED_SYMBOLS, took);
	zmq_close(f.socket);
	return err;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'b':
		o->bind = true;
		return 0;
	case 'r':
		o->rate = strtod(arg, NULL);
		return 0;
	case 's':
		o->seconds = strtod(arg, NULL);
		return 0;
	case 'w':
		o->subscribers = (unsigned)strtoul(arg, NULL, 10);
		return 0;
	case 't':
		o->timeout = strtod(arg, NULL);
		return 0;
	case ARGP_KEY_ARG:
		if (o->endpoint)
			argp_usage(state);
		o->endpoint = arg;
		return 0;
	case ARGP_KEY_END:
		if (o->endpoint == NULL)
			argp_usage(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"bind", 'b', NULL, 0, "bind instead of connect", 0},
		{"rate", 'r', "N", 0, "messages a second (10000)", 0},
		{"seconds", 's', "S", 0, "how long (10)", 0},
		{"wait", 'w', "N", 0, "start when N subscribers are ready (1)", 0},
		{"timeout", 't', "S", 0, "give up waiting for them after S seconds (30)", 0},
		{NULL, 0, NULL, 0, NULL, 0},
	};
	static const struct argp argp = {
		options, parse, "ENDPOINT", "Publishes something like market data.",
		NULL,    NULL,  NULL};
	struct options o = {.rate = 10000, .seconds = 10, .timeout = 30, .subscribers = 1};
	struct sigaction action = {.sa_handler = on_signal};

	argp_parse(&argp, argc, argv, 0, NULL, &o);
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	void *context = zmq_ctx_new();
	int err = publish(context, &o);
	zmq_ctx_term(context);
	return err == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
