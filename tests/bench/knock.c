/* bench-knock: libzmq subscribers, one after the other: how long from connect to the end of each
 * one's handshake, whatever else goes on, reconnects included. */
#include <argp.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#define MAX      10000
#define PATIENCE 20000 /* ms: who is not in by then has failed */

struct options {
	const char *to, *server_key;
	unsigned count, every_ms;
	double seconds;
};

static const struct argp_option table[] = {
	{"to", 't', "ENDPOINT", 0, "tcp://IP:PORT", 0},
	{"count", 'n', "N", 0, "clients, at most (20)", 0},
	{"every", 'e', "MS", 0, "at most one client in so long (0)", 0},
	{"seconds", 'd', "S", 0, "no new client after that (1)", 0},
	{"server-key", 'k', "Z85", 0, "the device demands CURVE, and this is its public key", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 't':
		o->to = arg;
		return 0;
	case 'n':
		o->count = (unsigned)strtoul(arg, NULL, 10);
		if (o->count == 0 || o->count > MAX)
			argp_error(state, "--count: %s is not from 1 to %d", arg, MAX);
		return 0;
	case 'e':
		o->every_ms = (unsigned)strtoul(arg, NULL, 10);
		return 0;
	case 'd':
		o->seconds = strtod(arg, NULL);
		return 0;
	case 'k':
		if (strlen(arg) != 40)
			argp_error(state, "--server-key: %s is not 40 characters of Z85", arg);
		o->server_key = arg;
		return 0;
	case ARGP_KEY_END:
		if (!o->to)
			argp_error(state, "--to is wanted");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void must(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "bench-knock: %s: %s\n", what, zmq_strerror(errno));
	exit(1);
}

static void secure(void *socket, const struct options *o)
{
	char public_key[41], secret_key[41];

	if (!o->server_key)
		return;
	must(zmq_curve_keypair(public_key, secret_key), "a pair of keys");
	zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, public_key, 41);
	zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, secret_key, 41);
	must(zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, o->server_key, 41), "--server-key");
}

/* Milliseconds; -1: it did not get in. */
static double knock(void *context, const struct options *o)
{
	void *socket = zmq_socket(context, ZMQ_SUB), *monitor = zmq_socket(context, ZMQ_PAIR);
	const int none = 0, patience = PATIENCE;
	double began, took = -1;
	static unsigned serial; /* the one before may not be gone yet */
	uint8_t event[6], address[256];
	char at[32];

	zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof(none));
	zmq_setsockopt(monitor, ZMQ_LINGER, &none, sizeof(none));
	zmq_setsockopt(monitor, ZMQ_RCVTIMEO, &patience, sizeof(patience));
	secure(socket, o);
	snprintf(at, sizeof(at), "inproc://knock%u", serial++);
	must(zmq_socket_monitor(socket, at, ZMQ_EVENT_HANDSHAKE_SUCCEEDED), "a monitor");
	must(zmq_connect(monitor, at), "a monitor");
	began = now_ms();
	must(zmq_connect(socket, o->to), o->to);
	if (zmq_recv(monitor, event, sizeof(event), 0) == sizeof(event) &&
	    zmq_recv(monitor, address, sizeof(address), 0) >= 0)
		took = now_ms() - began;
	zmq_socket_monitor(socket, NULL, 0);
	zmq_close(monitor);
	zmq_close(socket);
	return took;
}

static int by_size(const void *a, const void *b)
{
	return *(const double *)a < *(const double *)b ? -1
						       : *(const double *)a > *(const double *)b;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = table, .parser = parse, .doc = "How long clients take to get in."};
	static double took[MAX];
	struct options o = {.count = 20, .seconds = 1};
	unsigned n = 0, failed = 0;

	if (argp_parse(&argp, argc, argv, 0, NULL, &o))
		return 1;
	void *context = zmq_ctx_new();
	const double began = now_ms(), until = began + o.seconds * 1e3;
	while (n + failed < o.count && (n + failed == 0 || now_ms() < until)) {
		const double due = began + (double)o.every_ms * (n + failed),
			     early = due - now_ms();
		double ms;

		if (early > 0)
			usleep((useconds_t)(early * 1e3));
		ms = knock(context, &o);
		if (ms >= 0)
			took[n++] = ms;
		else
			failed++;
	}
	zmq_ctx_term(context);
	qsort(took, n, sizeof(took[0]), by_size);
	printf("{\"clients\": %u, \"failed\": %u, \"p50_ms\": %.3f, \"max_ms\": %.3f}\n", n, failed,
	       n ? took[n / 2] : -1.0, n ? took[n - 1] : -1.0);
	return failed ? 1 : 0;
}
