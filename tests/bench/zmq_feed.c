/* One end of a libzmq feed: PUB or SUB over epgm:// or pgm:// beside the appliance, or a SUB that
 * takes one topic from it. Topics are bench-feed's. Prints one JSON object.
 *   bench-zmq-feed publish ENDPOINT SECONDS KBITS [SIZE [TOPICS]]
 *   bench-zmq-feed subscribe ENDPOINT SECONDS KBITS [PREFIX] */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#define RECOVERY_MS 100
#define WAIT_MS     100
#define BODY_MAX    1400

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *open_socket(void *context, int type, const char *endpoint, int kbits)
{
	void *s = zmq_socket(context, type);
	int recovery = RECOVERY_MS, wait = WAIT_MS, none = 0;

	zmq_setsockopt(s, ZMQ_RATE, &kbits, sizeof(kbits));
	zmq_setsockopt(s, ZMQ_RECOVERY_IVL, &recovery, sizeof(recovery));
	zmq_setsockopt(s, ZMQ_RCVTIMEO, &wait, sizeof(wait));
	zmq_setsockopt(s, ZMQ_LINGER, &none, sizeof(none));
	zmq_setsockopt(s, ZMQ_RCVHWM, &none, sizeof(none));
	if (!zmq_connect(s, endpoint))
		return s;
	fprintf(stderr, "bench-zmq-feed: %s: %s\n", endpoint, zmq_strerror(errno));
	exit(EXIT_FAILURE);
}

static void publish(void *s, double seconds, unsigned size, unsigned topics)
{
	char body[BODY_MAX + 1], name[8];
	const double end = now_s() + seconds;
	uint64_t n = 0;

	memset(body, 'x', sizeof(body));
	while (!stop && now_s() < end)
		for (unsigned i = 0; i < 64; i++) {
			snprintf(name, sizeof(name), "T%03u", (unsigned)(n % topics) % 1000);
			memcpy(body, name, 4);
			/* With the default HWM, what a full pipe does not take is dropped here. */
			n += zmq_send(s, body, size, ZMQ_DONTWAIT) >= 0;
		}
	printf("{\"sent\": %llu}\n", (unsigned long long)n);
}

static void subscribe(void *s, double seconds, const char *prefix)
{
	const double end = now_s() + seconds;
	double first = 0, last = 0, now = now_s();
	char body[BODY_MAX + 1];
	uint64_t n = 0;

	zmq_setsockopt(s, ZMQ_SUBSCRIBE, prefix, strlen(prefix));
	while (!stop && now < end) {
		if (zmq_recv(s, body, sizeof(body), 0) < 0) {
			now = now_s();
			continue;
		}
		if (!(n++ & 63))
			now = last = now_s();
		if (n == 1)
			first = now;
	}
	printf("{\"messages\": %llu, \"seconds\": %.6f}\n", (unsigned long long)n, last - first);
}

int main(int argc, char **argv)
{
	const bool publishes = argc > 1 && !strcmp(argv[1], "publish");
	void *context, *s;
	double seconds;
	unsigned size, topics;

	if (argc < 5 || (!publishes && strcmp(argv[1], "subscribe") != 0)) {
		fprintf(stderr, "bench-zmq-feed: publish or subscribe, an endpoint, seconds and "
				"kbit/s are wanted\n");
		return EXIT_FAILURE;
	}
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	seconds = strtod(argv[3], NULL);
	size = publishes && argc > 5 ? (unsigned)strtoul(argv[5], NULL, 10) : 64;
	topics = publishes && argc > 6 ? (unsigned)strtoul(argv[6], NULL, 10) : 16;
	if (size < 4 || size > BODY_MAX || !topics) {
		fprintf(stderr, "bench-zmq-feed: messages of 4 to %d bytes are wanted\n", BODY_MAX);
		return EXIT_FAILURE;
	}
	context = zmq_ctx_new();
	s = open_socket(context, publishes ? ZMQ_PUB : ZMQ_SUB, argv[2], atoi(argv[4]));
	if (publishes)
		publish(s, seconds, size, topics);
	else
		subscribe(s, seconds, argc > 5 ? argv[5] : "");
	zmq_close(s);
	zmq_ctx_term(context);
	return EXIT_SUCCESS;
}
