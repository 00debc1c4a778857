/* bench-curve-blast: a publisher and a subscriber of CURVE (RFC 26) on the kernel's TCP that cost
 * next to nothing themselves: all messages are sealed before the first is sent, and what comes is
 * counted by its bytes; so the device between them is what is measured. With --verify each box is
 * opened and its number looked at. With --handshakes: how many a second, one after the other on as
 * many connections as --window says, of a client that works out only what each server key of its
 * own makes it. */
#include <argp.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/curve_client.h"

#define BUDGET   (400u << 20) /* bytes sealed ahead */
#define STEP     (256u << 10) /* of one send or receive */
#define PATIENCE 10           /* seconds in which something must come */

struct options {
	struct sockaddr_in publish_to, subscribe_to;
	uint8_t server_key[CURVE_KEY];
	uint32_t size, window;
	double seconds;
	bool verify, handshakes;
};

static const struct argp_option table[] = {
	{"publish-to", 'p', "IP:PORT", 0, "where the publisher connects", 0},
	{"subscribe-to", 's', "IP:PORT", 0, "where the subscriber does", 0},
	{"server-key", 'k', "Z85", 0, "the device's public key", 0},
	{"size", 'n', "BYTES", 0, "of a message, at least 8 (64)", 0},
	{"window", 'w', "N", 0, "messages ahead of the subscriber, at most (10000)", 0},
	{"seconds", 't', "S", 0, "at most, as far as what is sealed ahead lasts (1)", 0},
	{"verify", 'v', 0, 0, "open each box that comes, and check it", 0},
	{"handshakes", 'h', 0, 0, "count handshakes instead", 0},
	{0},
};

static double number(struct argp_state *state, const char *text, double low, double high)
{
	char *end;
	double n = strtod(text, &end);

	if (end == text || *end || !(n >= low) || n > high)
		argp_error(state, "%s: a number from %.0f to %.0f is wanted", text, low, high);
	return n;
}

static struct sockaddr_in address(struct argp_state *state, const char *text)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	const char *colon = strchr(text, ':');
	char ip[32];

	snprintf(ip, sizeof(ip), "%.*s", colon ? (int)(colon - text) : 0, text);
	if (!colon || inet_pton(AF_INET, ip, &at.sin_addr) != 1)
		argp_error(state, "%s: an address such as 127.0.0.1:5555 is wanted", text);
	at.sin_port = htons((uint16_t)number(state, colon + 1, 1, 65535));
	return at;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'p':
		o->publish_to = address(state, arg);
		return 0;
	case 's':
		o->subscribe_to = address(state, arg);
		return 0;
	case 'k':
		if (!zl_z85_decode(o->server_key, arg))
			argp_error(state, "%s: a key of 40 characters of Z85 is wanted", arg);
		return 0;
	case 'n':
		o->size = (uint32_t)number(state, arg, 8, 1 << 24);
		return 0;
	case 'w':
		o->window = (uint32_t)number(state, arg, 1, 1e6);
		return 0;
	case 't':
		o->seconds = number(state, arg, 0.1, 60);
		return 0;
	case 'v':
		o->verify = true;
		return 0;
	case 'h':
		o->handshakes = true;
		return 0;
	case ARGP_KEY_END:
		if (!o->publish_to.sin_port || (!o->handshakes && !o->subscribe_to.sin_port))
			argp_error(state, "--publish-to and --subscribe-to are needed");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void die(const char *what)
{
	fprintf(stderr, "bench-curve-blast: %s: %s\n", what,
		errno ? strerror(errno) : "not as due");
	exit(EXIT_FAILURE);
}

/* Tries again for a while: the device may only be about to listen. */
static int connected(const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
	struct timeval patience = {.tv_sec = PATIENCE};
	const struct timespec pause = {.tv_nsec = 10000000};
	double begun = now_s();

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	while (connect(fd, (const struct sockaddr *)to, sizeof(*to))) {
		if (errno != ECONNREFUSED || now_s() - begun > PATIENCE)
			die("connect");
		nanosleep(&pause, NULL);
	}
	return fd;
}

/* --- traffic --- */

struct run {
	const struct options *o;
	struct curve_session pub, sub;
	uint8_t *sealed, *in;
	size_t frame, total, sent, got; /* bytes */
	uint64_t wrong;
};

static void seal_all(struct run *r)
{
	uint8_t *body = calloc(1, r->o->size);
	uint64_t n = BUDGET / r->frame;

	r->total = (size_t)n * r->frame;
	r->sealed = malloc(r->total);
	if (!body || !r->sealed)
		die("memory for what is sealed ahead");
	for (uint64_t i = 0; i < n; i++) {
		memcpy(body, &i, sizeof(i));
		curve_seal(&r->pub, r->sealed + i * r->frame, 0, body, r->o->size);
	}
	free(body);
}

static void send_some(struct run *r)
{
	size_t ahead = r->sent - r->got, window = (size_t)r->o->window * r->frame;
	size_t n = ahead < window ? window - ahead : 0;
	ssize_t took;

	n = n < STEP ? n : STEP;
	n = n < r->total - r->sent ? n : r->total - r->sent;
	if (!n)
		return;
	took = send(r->pub.fd, r->sealed + r->sent, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (took < 0 && errno != EAGAIN)
		die("the publisher's connection");
	r->sent += took > 0 ? (size_t)took : 0;
}

/* What has come is kept to its end only where it is to be opened. */
static void check(struct run *r, size_t n)
{
	uint8_t *body = malloc(r->o->size + 1);
	static size_t have;
	size_t at = 0;

	have += n;
	for (; have - at >= r->frame; at += r->frame) {
		static uint64_t due;
		uint64_t number;

		if (!curve_open(&r->sub, r->in + at, r->frame, body))
			r->wrong++;
		memcpy(&number, body + 1, sizeof(number));
		r->wrong += number != due++;
	}
	memmove(r->in, r->in + at, have -= at);
	free(body);
}

static size_t receive_some(struct run *r, size_t kept)
{
	ssize_t n = recv(r->sub.fd, r->in + kept, STEP, MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN))
		die("the subscriber's connection");
	if (n > 0 && r->o->verify)
		check(r, (size_t)n);
	r->got += n > 0 ? (size_t)n : 0;
	return n > 0 ? (size_t)n : 0;
}

static void traffic(struct run *r)
{
	double begun = now_s(), from = 0, to = 0, last = begun;
	size_t at = 0, end;

	while (now_s() - begun < r->o->seconds * 1.1 && r->sent < r->total) {
		send_some(r);
		if (receive_some(r, r->o->verify ? r->got % r->frame : 0))
			last = now_s();
		if (!from && now_s() - begun > r->o->seconds * 0.1) {
			from = now_s();
			at = r->got;
		}
		if (now_s() - last > PATIENCE)
			break;
	}
	to = now_s();
	end = r->got;
	for (last = now_s(); r->got < r->sent && now_s() - last < PATIENCE;) {
		if (r->sent % r->frame)
			send_some(r);
		if (receive_some(r, r->o->verify ? r->got % r->frame : 0))
			last = now_s();
	}
	printf("{\"delivered_s\": %.0f, \"sent\": %zu, \"missing\": %zu, \"wrong\": %lu, "
	       "\"seconds\": %.3f}\n",
	       (double)(end - at) / (double)r->frame / (to - from), r->sent / r->frame,
	       (r->sent - r->got) / r->frame, r->wrong, to - from);
}

static int measure(const struct options *o)
{
	struct curve_client client;
	struct run r = {.o = o, .frame = curve_frame_bytes(o->size)};

	curve_client_init(&client, o->server_key);
	if (!curve_handshake(&r.sub, &client, connected(&o->subscribe_to), "SUB") ||
	    !curve_handshake(&r.pub, &client, connected(&o->publish_to), "PUB"))
		die("a handshake");
	if (!curve_subscribe(&r.sub) || !curve_hears_subscription(&r.pub))
		die("the subscription");
	r.in = malloc(STEP + r.frame);
	if (!r.in)
		die("memory");
	seal_all(&r);
	traffic(&r);
	free(r.sealed);
	free(r.in);
	return r.sent == r.got && !r.wrong ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* --- handshakes --- */

/* Several at once, so that the server never waits for the client. */
static int handshakes(const struct options *o)
{
	struct curve_client client;
	uint32_t n = o->window < 64 ? o->window : 64;
	struct curve_session *s = calloc(n, sizeof(*s));
	double begun = now_s(), took;
	uint64_t done = 0;

	if (!s)
		die("memory");
	curve_client_init(&client, o->server_key);
	while ((took = now_s() - begun) < o->seconds) {
		for (uint32_t i = 0; i < n; i++)
			if (!curve_greet(&s[i], &client, connected(&o->publish_to)))
				die("a greeting");
		for (uint32_t i = 0; i < n; i++)
			if (!curve_initiate(&s[i], &client, "PUB"))
				die("WELCOME");
		for (uint32_t i = 0; i < n; i++) {
			if (!curve_ready(&s[i]))
				die("READY");
			close(s[i].fd);
		}
		done += n;
	}
	free(s);
	printf("{\"handshakes_s\": %.1f, \"handshakes\": %lu, \"seconds\": %.3f}\n",
	       (double)done / took, done, took);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {.options = table, .parser = parse};
	struct options o = {.size = 64, .window = 10000, .seconds = 1};

	argp_parse(&argp, argc, argv, 0, NULL, &o);
	if (sodium_init() < 0)
		die("libsodium");
	return o.handshakes ? handshakes(&o) : measure(&o);
}
