/* What Zeroline is measured beside: libzmq's own devices. Two sockets, both bound, and zmq_proxy()
 * between them, until SIGTERM or SIGINT. */
#include <argp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#include "tests/bench/pattern.h"

struct proxy {
	const struct pattern *pattern;
	const char *frontend, *backend, *curve;
	int io_threads, hwm;
	void *context;
};

static const struct argp_option options[] = {
	{"pattern", 'p', "NAME", 0,
	 "pubsub: XSUB and XPUB; pushpull: PULL and PUSH; reqrep: ROUTER and DEALER (pubsub)", 0},
	{"frontend", 'f', "ENDPOINT", 0,
	 "where publishers connect, or PUSHes, or who asks, e.g. tcp://127.0.0.1:5555", 0},
	{"backend", 'b', "ENDPOINT", 0, "where subscribers connect, or PULLs, or who replies", 0},
	{"io-threads", 'i', "N", 0, "libzmq's I/O threads (1)", 0},
	{"curve-secret", 'c', "Z85", 0,
	 "both sockets are CURVE servers with this key; anybody may come", 0},
	{"hwm", 'h', "N", 0, "messages a peer may fall behind; 0: any number (0)", 0},
	{0},
};

static int number(struct argp_state *state, const char *text, long low, long high)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || n < low || n > high)
		argp_error(state, "%s: a number from %ld to %ld is wanted", text, low, high);
	return (int)n;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct proxy *p = state->input;

	switch (key) {
	case 'p':
		p->pattern = pattern_named(arg);
		if (!p->pattern)
			argp_error(state, "--pattern %s: %s is wanted", arg, PATTERN_NAMES);
		return 0;
	case 'f':
		p->frontend = arg;
		return 0;
	case 'b':
		p->backend = arg;
		return 0;
	case 'i':
		p->io_threads = number(state, arg, 1, 64);
		return 0;
	case 'c':
		p->curve = arg;
		return 0;
	case 'h':
		p->hwm = number(state, arg, 0, 1000000000);
		return 0;
	case ARGP_KEY_END:
		if (!p->frontend || !p->backend)
			argp_error(state, "--frontend and --backend are needed");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Ends zmq_proxy() wherever it is. */
static void *await_signal(void *arg)
{
	struct proxy *p = arg;
	sigset_t set;
	int number;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigwait(&set, &number);
	zmq_ctx_shutdown(p->context);
	return NULL;
}

static void *bound(const struct proxy *p, int type, const char *endpoint)
{
	void *socket = zmq_socket(p->context, type);
	int none = 0, server = 1;

	if (!socket)
		return NULL;
	if (p->curve &&
	    (zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &server, sizeof(server)) ||
	     zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, p->curve, strlen(p->curve) + 1))) {
		fprintf(stderr, "bench-zmq-proxy: --curve-secret: %s\n", zmq_strerror(zmq_errno()));
		zmq_close(socket);
		return NULL;
	}
	zmq_setsockopt(socket, ZMQ_SNDHWM, &p->hwm, sizeof(p->hwm));
	zmq_setsockopt(socket, ZMQ_RCVHWM, &p->hwm, sizeof(p->hwm));
	zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof(none));
	if (!zmq_bind(socket, endpoint))
		return socket;
	fprintf(stderr, "bench-zmq-proxy: %s: %s\n", endpoint, zmq_strerror(zmq_errno()));
	zmq_close(socket);
	return NULL;
}

static int frontend_type(const struct pattern *pattern)
{
	if (pattern->replies)
		return ZMQ_ROUTER;
	return pattern->subscribes ? ZMQ_XSUB : ZMQ_PULL;
}

static int backend_type(const struct pattern *pattern)
{
	if (pattern->replies)
		return ZMQ_DEALER;
	return pattern->subscribes ? ZMQ_XPUB : ZMQ_PUSH;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options, .parser = parse, .doc = "libzmq's devices, to measure beside."};
	struct proxy p = {.pattern = pattern_named("pubsub"), .io_threads = 1};
	void *frontend, *backend = NULL;
	pthread_t waiter;
	sigset_t set;

	argp_parse(&argp, argc, argv, 0, NULL, &p);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	p.context = zmq_ctx_new();
	zmq_ctx_set(p.context, ZMQ_IO_THREADS, p.io_threads);
	zmq_ctx_set(p.context, ZMQ_MAX_SOCKETS, 65535);
	frontend = bound(&p, frontend_type(p.pattern), p.frontend);
	if (frontend)
		backend = bound(&p, backend_type(p.pattern), p.backend);
	if (!backend || pthread_create(&waiter, NULL, await_signal, &p)) {
		if (frontend)
			zmq_close(frontend);
		zmq_ctx_term(p.context);
		return EXIT_FAILURE;
	}
	zmq_proxy(frontend, backend, NULL); /* returns when the context is shut down */
	pthread_join(waiter, NULL);
	zmq_close(frontend);
	zmq_close(backend);
	zmq_ctx_term(p.context);
	return EXIT_SUCCESS;
}
