/* feed-sub: a subscriber to feed-pub, on plain libzmq. Once a second it says what came and how
 * late; at the end it holds what came against what the publisher says it sent, message by message,
 * and exits 0 only if nothing was lost, came twice, out of turn or uncalled for. */
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
#include "tests/interop/feed/latency.h"

#define S_NS       1000000000ull
#define TOPICS_MAX 16
#define POLL_MS    50

/* Of PGM, whose own defaults are for dial-up lines; as configs/multicast.yaml has them. */
#define RATE_KBITS  100000
#define RECOVERY_MS 2000

struct options {
	const char *name, *endpoint, *report, *ready;
	const char *topic[TOPICS_MAX];
	unsigned topics;
	double timeout;
};

struct symbol {
	bool wanted, ended;
	uint64_t last_seq; /* of the last tick that came */
	uint64_t ticks;
	int64_t price;
};

struct subscriber {
	const struct options *o;
	void *socket;
	void *teller; /* by which it says that it is ready, if a group cannot carry that; or NULL */
	bool ready;
	bool probed[TOPICS_MAX];
	struct symbol symbol[FEED_SYMBOLS];
	uint64_t ticks, lost, duplicated, reordered, strange;
	uint64_t second_ticks, second_at; /* of the line printed once a second */
	uint64_t last_ns;                 /* when something came */
	struct latency second, all;
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * S_NS + (uint64_t)t.tv_nsec;
}

static bool starts_with(const char *name, const char *topic)
{
	return strncmp(name, topic, strlen(topic)) == 0;
}

static int find_symbol(const char *name)
{
	for (unsigned i = 0; i < FEED_SYMBOLS; i++)
		if (strcmp(feed_symbols[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* Once every topic has proved that it works, tells the publisher so. */
static void probe(struct subscriber *s, const char *name)
{
	char text[128];
	unsigned proved = 0;

	for (unsigned i = 0; i < s->o->topics; i++) {
		s->probed[i] |= starts_with(name, s->o->topic[i]);
		proved += s->probed[i];
	}
	if (s->ready || proved < s->o->topics)
		return;
	s->ready = true;
	snprintf(text, sizeof(text), "%s%s", FEED_READY, s->o->name);
	zmq_setsockopt(s->teller ? s->teller : s->socket, ZMQ_SUBSCRIBE, text, strlen(text));
}

static void tick(struct subscriber *s, struct symbol *y, const struct feed_tick *t, uint64_t now)
{
	if (t->symbol_seq == y->last_seq + 1)
		y->last_seq = t->symbol_seq;
	else if (t->symbol_seq == y->last_seq)
		s->duplicated++;
	else if (t->symbol_seq < y->last_seq)
		s->reordered++;
	else {
		s->lost += t->symbol_seq - y->last_seq - 1;
		y->last_seq = t->symbol_seq;
	}
	y->ticks++;
	y->price = t->price;
	s->ticks++;
	s->second_ticks++;
	latency_add(&s->second, now - t->sent_ns);
	latency_add(&s->all, now - t->sent_ns);
}

static void end(struct subscriber *s, struct symbol *y, const struct feed_tick *t)
{
	if (y->ended)
		s->duplicated++;
	y->ended = true;
	if (t->symbol_seq > y->last_seq)
		s->lost += t->symbol_seq - y->last_seq;
	else if (t->symbol_seq < y->last_seq)
		s->strange++;
}

static void message(struct subscriber *s, const char *name, const struct feed_tick *t, uint64_t now)
{
	int i = find_symbol(name);

	if (i < 0 || !s->symbol[i].wanted) {
		s->strange++;
		return;
	}
	switch ((enum feed_kind)t->kind) {
	case FEED_PROBE:
		probe(s, name);
		return;
	case FEED_TICK:
		/* A tick after the end, or before this end said it was ready, was uncalled for. */
		if (s->symbol[i].ended || !s->ready)
			s->strange++;
		else
			tick(s, &s->symbol[i], t, now);
		return;
	case FEED_END:
		end(s, &s->symbol[i], t);
		return;
	}
	s->strange++;
}

/* One whole message. False: there was none. */
static bool take(struct subscriber *s)
{
	char name[FEED_SYMBOL_MAX + 1];
	struct feed_tick t;
	int more = 0;
	size_t size = sizeof(more);
	int n = zmq_recv(s->socket, name, sizeof(name), ZMQ_DONTWAIT);

	if (n < 0)
		return false;
	s->last_ns = now_ns();
	zmq_getsockopt(s->socket, ZMQ_RCVMORE, &more, &size);
	int bytes = more ? zmq_recv(s->socket, &t, sizeof(t), 0) : 0;
	zmq_getsockopt(s->socket, ZMQ_RCVMORE, &more, &size);
	if (n >= (int)sizeof(name) || bytes != (int)sizeof(t) || more) {
		s->strange++;
		for (; more; zmq_getsockopt(s->socket, ZMQ_RCVMORE, &more, &size))
			zmq_recv(s->socket, &t, sizeof(t), 0);
		return true;
	}
	name[n] = '\0';
	message(s, name, &t, s->last_ns);
	return true;
}

static void ticker(struct subscriber *s)
{
	uint64_t now = now_ns();
	double seconds = (double)(now - s->second_at) / S_NS;
	unsigned shown = 0;

	if (seconds < 1)
		return;
	if (s->second_ticks > 0) {
		printf("%-8s %7.0f msg/s  p50 %6.0f us  p99 %6.0f us ", s->o->name,
		       (double)s->second_ticks / seconds, latency_us(&s->second, 0.50),
		       latency_us(&s->second, 0.99));
		for (unsigned i = 0; i < FEED_SYMBOLS && shown < 4; i++)
			if (s->symbol[i].ticks > 0) {
				printf("  %s %.2f", feed_symbols[i].name,
				       (double)s->symbol[i].price / 100);
				shown++;
			}
		putchar('\n');
	}
	s->second_at = now;
	s->second_ticks = 0;
	latency_clear(&s->second);
}

static bool all_ended(const struct subscriber *s)
{
	for (unsigned i = 0; i < FEED_SYMBOLS; i++)
		if (s->symbol[i].wanted && !s->symbol[i].ended)
			return false;
	return true;
}

static void run(struct subscriber *s)
{
	zmq_pollitem_t item = {.socket = s->socket, .events = ZMQ_POLLIN};

	s->second_at = s->last_ns = now_ns();
	while (!stop && !all_ended(s)) {
		zmq_poll(&item, 1, POLL_MS);
		for (unsigned i = 0; i < 1000 && take(s); i++)
			;
		ticker(s);
		if (now_ns() - s->last_ns > (uint64_t)(s->o->timeout * S_NS)) {
			fprintf(stderr, "feed-sub %s: nothing came for %.0f s from %s\n",
				s->o->name, s->o->timeout, s->o->endpoint);
			break;
		}
	}
	/* Whatever comes after the end should not have come. */
	for (zmq_poll(&item, 1, 2 * POLL_MS); take(s);)
		;
}

static void write_report(const struct subscriber *s)
{
	FILE *out = s->o->report ? fopen(s->o->report, "w") : NULL;

	if (out == NULL)
		return;
	fprintf(out, "%llu %llu\n", (unsigned long long)s->ticks, (unsigned long long)s->lost);
	fclose(out);
}

static int verdict(const struct subscriber *s)
{
	unsigned symbols = 0, open = 0;

	for (unsigned i = 0; i < FEED_SYMBOLS; i++) {
		symbols += s->symbol[i].wanted;
		open += s->symbol[i].wanted && !s->symbol[i].ended;
	}
	bool exact = open == 0 && symbols > 0 && s->ticks > 0 &&
		     s->lost + s->duplicated + s->reordered + s->strange == 0;
	if (open > 0)
		fprintf(stderr, "feed-sub %s: %u of %u symbols have not ended\n", s->o->name, open,
			symbols);
	printf("feed-sub %s: %s, %llu messages of %u symbols, %llu lost, %llu duplicated, "
	       "%llu reordered, %llu unexpected, p50 %.0f us, p99 %.0f us\n",
	       s->o->name, exact ? "exact" : "NOT EXACT", (unsigned long long)s->ticks, symbols,
	       (unsigned long long)s->lost, (unsigned long long)s->duplicated,
	       (unsigned long long)s->reordered, (unsigned long long)s->strange,
	       latency_us(&s->all, 0.50), latency_us(&s->all, 0.99));
	return exact ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void *new_socket(void *context)
{
	void *socket = zmq_socket(context, ZMQ_SUB);
	int hwm = 0, linger = 0, rate = RATE_KBITS, recovery = RECOVERY_MS;

	zmq_setsockopt(socket, ZMQ_RCVHWM, &hwm, sizeof(hwm));
	zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof(linger));
	zmq_setsockopt(socket, ZMQ_RATE, &rate, sizeof(rate));
	zmq_setsockopt(socket, ZMQ_RECOVERY_IVL, &recovery, sizeof(recovery));
	return socket;
}

static int subscribe(void *context, const struct options *o)
{
	static struct subscriber s;

	s.o = o;
	s.socket = new_socket(context);
	if (o->ready) {
		s.teller = new_socket(context);
		zmq_connect(s.teller, o->ready);
	}
	for (unsigned i = 0; i < o->topics; i++) {
		zmq_setsockopt(s.socket, ZMQ_SUBSCRIBE, o->topic[i], strlen(o->topic[i]));
		for (unsigned y = 0; y < FEED_SYMBOLS; y++)
			s.symbol[y].wanted |= starts_with(feed_symbols[y].name, o->topic[i]);
	}
	int status = EXIT_FAILURE;
	if (zmq_connect(s.socket, o->endpoint) < 0) {
		fprintf(stderr, "feed-sub %s: %s: %s\n", o->name, o->endpoint, zmq_strerror(errno));
	} else {
		run(&s);
		status = verdict(&s);
		write_report(&s);
	}
	zmq_close(s.socket);
	if (s.teller)
		zmq_close(s.teller);
	return status;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'n':
		o->name = arg;
		return 0;
	case 'o':
		o->report = arg;
		return 0;
	case 'r':
		o->ready = arg;
		return 0;
	case 't':
		o->timeout = strtod(arg, NULL);
		return 0;
	case ARGP_KEY_ARG:
		if (o->endpoint == NULL)
			o->endpoint = arg;
		else if (o->topics < TOPICS_MAX)
			o->topic[o->topics++] = arg;
		else
			argp_usage(state);
		return 0;
	case ARGP_KEY_END:
		if (o->topics == 0)
			argp_usage(state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"name", 'n', "NAME", 0, "what to call itself; must be unique", 0},
		{"ready", 'r', "ENDPOINT", 0,
		 "say there that it is ready: to a group nothing can be said", 0},
		{"report", 'o', "FILE", 0, "write \"MESSAGES LOST\" there at the end", 0},
		{"timeout", 't', "S", 0, "give up when nothing came for S seconds (30)", 0},
		{NULL, 0, NULL, 0, NULL, 0},
	};
	static const struct argp argp = {
		options, parse, "ENDPOINT TOPIC...", "Checks what feed-pub publishes.", NULL,
		NULL,    NULL};
	struct options o = {.name = "sub", .timeout = 30};
	struct sigaction action = {.sa_handler = on_signal};

	argp_parse(&argp, argc, argv, 0, NULL, &o);
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	void *context = zmq_ctx_new();
	int status = subscribe(context, &o);
	zmq_ctx_term(context);
	return status;
}
