/* bench-flood: strangers, on the kernel's TCP, from as many addresses as are asked for. Half-open
 * ones connect, say nothing or the beginning of a handshake, and stay; those with garbage say
 * something that no peer would, and are gone when they are closed. Each connects once, or again and
 * again; what became of them is told at the end. */
#include <argp.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BURST    32 /* connects between looks at what has come */
#define PAUSE_MS 1
#define MAX      50000
/* Bytes, each group of which has zeros after it up to a length. */
struct words {
	struct group {
		const char *bytes;
		uint16_t n, to;
	} group[3];
};
#define GROUP(text, up_to)                                                                         \
	{                                                                                          \
		(text), sizeof(text) - 1, (up_to)                                                  \
	}
#define SIGNATURE "\xff\0\0\0\0\0\0\0\1\x7f"
#define NULL_3_1  GROUP(SIGNATURE "\3\1NULL", 64)
#define CURVE_3_1 GROUP(SIGNATURE "\3\1CURVE", 64)

static const struct words half[] = {
	{{GROUP("", 0)}},
	{{GROUP(SIGNATURE, 10)}},
	{{NULL_3_1}},
	{{NULL_3_1, GROUP("\4\x19\5REA", 6)}},
};
static const struct words half_curve[] = {
	{{GROUP("", 0)}},
	{{GROUP(SIGNATURE, 10)}},
	{{CURVE_3_1}},
	{{CURVE_3_1, GROUP("\4\xc8\5HELLO\1", 100)}},
};
static const struct words garbage[] = {
	{{GROUP("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27)}},
	{{GROUP("\x16\3\1\2\0\1\0\1\xfc\3\3\x8a\x91\x1b\x7e\xe2\x04", 17)}},
	{{CURVE_3_1}},
	{{NULL_3_1, GROUP("\6\x10\0\0\0\0\0\0\0\5READY", 15)}},
};
/* The last are what costs most: a HELLO that only opening its box shows to be none. */
static const struct words garbage_curve[] = {
	{{GROUP("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27)}},
	{{NULL_3_1}},
	{{CURVE_3_1, GROUP("\4\xc8\5HELLO\1", 82),
	  GROUP("whose key this is nobody knows..\1", 120)}},
	{{CURVE_3_1, GROUP("\4\xc8\5HELLO\1", 82),
	  GROUP("and whose this is still less ...\1", 120)}},
};
#define KINDS 4

struct options {
	struct sockaddr_in to;
	uint32_t from, sources; /* the first address, host order; and how many follow */
	uint32_t half_open, garbage;
	double seconds; /* 0: until SIGTERM */
	double rate;    /* connects a second, at most; 0: as fast as it goes */
	double then;    /* the same, when each has come once */
	bool again, curve;
};

struct stranger {
	int fd; /* -1: none */
	bool connecting;
};

static struct {
	uint64_t tried, connected, refused, closed;
} counts;
static struct stranger *strangers;
static int epoll_fd;
static volatile sig_atomic_t stop;

static const struct argp_option table[] = {
	{"to", 't', "IP:PORT", 0, "where they connect", 0},
	{"from", 'f', "IP", 0, "their first address; default: what the kernel chooses", 0},
	{"sources", 's', "N", 0, "addresses, one after the other from --from on (1)", 0},
	{"half-open", 'h', "N", 0, "that many stay half open (0)", 0},
	{"garbage", 'g', "N", 0, "that many send garbage (0)", 0},
	{"again", 'a', 0, 0, "who is closed connects again", 0},
	{"rate", 'r', "N", 0, "connects a second at most; 0: no limit (0)", 0},
	{"then", 'n', "N", 0, "the same, when each has come once; 0: as --rate (0)", 0},
	{"curve", 'c', 0, 0, "of a socket that demands CURVE", 0},
	{"seconds", 'd', "S", 0, "how long; 0: until SIGTERM (0)", 0},
	{0},
};

static double number(struct argp_state *state, const char *text, double high)
{
	char *end;
	double n = strtod(text, &end);

	if (end == text || *end || !(n >= 0) || n > high)
		argp_error(state, "%s: a number from 0 to %.0f is wanted", text, high);
	return n;
}

static uint32_t ip_of(struct argp_state *state, const char *text)
{
	struct in_addr at;

	if (inet_pton(AF_INET, text, &at) != 1)
		argp_error(state, "%s: an address such as 127.0.0.1 is wanted", text);
	return ntohl(at.s_addr);
}

static void target(struct argp_state *state, const char *text, struct sockaddr_in *to)
{
	const char *colon = strchr(text, ':');
	char ip[32];

	if (!colon)
		argp_error(state, "%s: an address such as 127.0.0.1:5555 is wanted", text);
	snprintf(ip, sizeof(ip), "%.*s", (int)(colon - text), text);
	to->sin_family = AF_INET;
	to->sin_addr.s_addr = htonl(ip_of(state, ip));
	to->sin_port = htons((uint16_t)number(state, colon + 1, 65535));
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 't':
		target(state, arg, &o->to);
		return 0;
	case 'f':
		o->from = ip_of(state, arg);
		return 0;
	case 's':
		o->sources = (uint32_t)number(state, arg, 65536);
		return 0;
	case 'h':
		o->half_open = (uint32_t)number(state, arg, MAX);
		return 0;
	case 'g':
		o->garbage = (uint32_t)number(state, arg, MAX);
		return 0;
	case 'a':
		o->again = true;
		return 0;
	case 'r':
		o->rate = number(state, arg, 1e9);
		return 0;
	case 'n':
		o->then = number(state, arg, 1e9);
		return 0;
	case 'c':
		o->curve = true;
		return 0;
	case 'd':
		o->seconds = number(state, arg, 86400);
		return 0;
	case ARGP_KEY_END:
		if (!o->to.sin_port)
			argp_error(state, "--to is wanted");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Resets, so that no port waits for its time to pass. */
static void hang_up(struct stranger *s)
{
	const struct linger at_once = {.l_onoff = 1};

	setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(s->fd);
	s->fd = -1;
}

/* False: there are no more descriptors now. */
static bool knock(const struct options *o, uint32_t i)
{
	struct stranger *s = &strangers[i];
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP, .data.u32 = i};
	struct sockaddr_in from = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(o->from + i % o->sources)};
	const int yes = 1;

	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return false;
	counts.tried++;
	setsockopt(s->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes));
	if (o->from && bind(s->fd, (struct sockaddr *)&from, sizeof(from))) {
		fprintf(stderr, "bench-flood: %s: %s; is it an address of this machine?\n",
			inet_ntoa(from.sin_addr), strerror(errno));
		exit(1);
	}
	s->connecting = true;
	if ((connect(s->fd, (const struct sockaddr *)&o->to, sizeof(o->to)) &&
	     errno != EINPROGRESS) ||
	    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, s->fd, &e)) {
		counts.refused++;
		hang_up(s);
	}
	return true;
}

static void speak(const struct options *o, uint32_t i)
{
	uint8_t bytes[512] = {0};
	const struct words *w;
	size_t n = 0;

	if (i < o->half_open)
		w = &(o->curve ? half_curve : half)[i % KINDS];
	else
		w = &(o->curve ? garbage_curve : garbage)[i % KINDS];
	for (const struct group *g = w->group; g < w->group + 3; n += g++->to)
		memcpy(bytes + n, g->bytes ? g->bytes : "", g->n);
	if (n)
		send(strangers[i].fd, bytes, n, MSG_NOSIGNAL);
}

static void event(const struct options *o, uint32_t i, uint32_t events)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP, .data.u32 = i};
	struct stranger *s = &strangers[i];
	char rest[4096];

	if (s->fd < 0)
		return;
	if (s->connecting && events & (EPOLLERR | EPOLLHUP)) {
		counts.refused++;
		hang_up(s);
		return;
	}
	if (s->connecting && events & EPOLLOUT) {
		counts.connected++;
		s->connecting = false;
		epoll_ctl(epoll_fd, EPOLL_CTL_MOD, s->fd, &e);
		speak(o, i);
	}
	while (recv(s->fd, rest, sizeof(rest), 0) > 0)
		;
	if (events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) {
		counts.closed++;
		hang_up(s);
	}
}

static void look(const struct options *o, int ms)
{
	struct epoll_event events[256];
	int n = epoll_wait(epoll_fd, events, 256, ms);

	for (int i = 0; i < n; i++)
		event(o, events[i].data.u32, events[i].events);
}

/* So many more may connect by now; *first_s: when each had come once, or 0. */
static double allowed(const struct options *o, uint64_t turn, double began_s, double *first_s)
{
	const uint32_t all = o->half_open + o->garbage;

	if (turn < all || !o->then)
		return o->rate ? (now() - began_s) * o->rate : 1e18;
	if (!*first_s)
		*first_s = now();
	return all + (now() - *first_s) * o->then;
}

/* Half-open ones and those with garbage by turns; each once, and then those who were closed. */
static void flood(const struct options *o)
{
	const uint32_t all = o->half_open + o->garbage;
	const double began = now();
	bool said = false;
	double first = 0;
	uint64_t turn = 0;

	while (!stop && (!o->seconds || now() - began < o->seconds)) {
		bool more = o->again || turn < all;
		double may = allowed(o, turn, began, &first);

		for (uint32_t n = 0; all && more && n < BURST && (double)counts.tried < may; n++) {
			uint32_t i = (uint32_t)(turn * 7919 % all);

			if (strangers[i].fd < 0 && !knock(o, i))
				break;
			turn++;
			more = o->again || turn < all;
		}
		if (!said && turn >= all && counts.connected + counts.refused >= all) {
			fprintf(stderr, "each has come once\n");
			said = true;
		}
		look(o, more && (double)counts.tried < may ? 0 : PAUSE_MS);
	}
}

/* As many as are wanted, or at least as many as may be had without asking. */
static void allow_files(rlim_t n)
{
	struct rlimit files = {n, n};

	if (setrlimit(RLIMIT_NOFILE, &files) == 0 || getrlimit(RLIMIT_NOFILE, &files))
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

static void stopped(int signal)
{
	(void)signal;
	stop = 1;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {.options = table,
					 .parser = parse,
					 .doc = "Strangers that connect and prove nothing."};
	struct options o = {.sources = 1};
	uint32_t held = 0;

	if (argp_parse(&argp, argc, argv, 0, NULL, &o))
		return 1;
	const uint32_t all = o.half_open + o.garbage;
	allow_files(all + 100);
	signal(SIGTERM, stopped);
	signal(SIGINT, stopped);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	strangers = malloc((all + 1) * sizeof(*strangers));
	if (epoll_fd < 0 || !strangers)
		return 1;
	for (uint32_t i = 0; i < all; i++)
		strangers[i].fd = -1;
	flood(&o);
	for (uint32_t i = 0; i < all; i++)
		held += strangers[i].fd >= 0 && !strangers[i].connecting;
	printf("{\"tried\": %llu, \"connected\": %llu, \"refused\": %llu, \"closed\": %llu, "
	       "\"held\": %u}\n",
	       (unsigned long long)counts.tried, (unsigned long long)counts.connected,
	       (unsigned long long)counts.refused, (unsigned long long)counts.closed, held);
	free(strangers);
	return 0;
}
