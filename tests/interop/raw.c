/* Plain TCP and vsock, step by step. */
#include "tests/interop/raw.h"
#include "tests/interop/radio.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include <cmocka.h>

#define GREETING_BYTES 64

/* --- in the child --- */

/* A connected socket, or -1 and errno. */
static int connected(int fd, const void *at, socklen_t bytes)
{
	struct timeval patience = {.tv_sec = lab_patience_ms() / 1000};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, at, bytes) == 0)
		return fd;
	close(fd);
	return -1;
}

static int try(const char *ip, uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

	inet_pton(AF_INET, ip, &at.sin_addr);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	return connected(fd, &at, sizeof(at));
}

static int dial_vsock(struct peer *self, uint32_t port)
{
	struct sockaddr_vm at = {
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_LOCAL, .svm_port = port};
	int fd = connected(socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0), &at, sizeof(at));

	if (fd < 0)
		peer_fail(self, "connect to vsock port %u: %s", port, strerror(errno));
	return fd;
}

static int dial(struct peer *self, const char *ip, uint16_t port)
{
	int fd = try(ip, port);

	if (fd < 0)
		peer_fail(self, "connect to %s port %u: %s", ip, port, strerror(errno));
	return fd;
}

void raw_expect_refused(struct peer *self, uint16_t port)
{
	if (try(LAB_APPLIANCE_IP, port) >= 0 || errno != ECONNREFUSED)
		peer_fail(self, "port %u is not closed", port);
}

void raw_expect_turned_away(struct peer *self, uint16_t port)
{
	char byte;
	int fd = try(LAB_APPLIANCE_IP, port);
	ssize_t n = fd < 0 ? -1 : recv(fd, &byte, 1, 0);

	if (n > 0 || (n < 0 && errno != ECONNRESET))
		peer_fail(self, "port %u lets us in: %s", port,
			  n < 0 ? strerror(errno) : "it speaks");
	if (fd >= 0)
		close(fd);
}

static void receive(struct peer *self, int fd, size_t n)
{
	uint8_t bytes[NOTE_DATA];
	size_t at = 0;

	while (at < n) {
		ssize_t got = recv(fd, bytes + at, n - at, 0);
		if (got <= 0)
			peer_fail(self, "%zu of %zu bytes came: %s", at, n,
				  got ? strerror(errno) : "end of stream");
		at += (size_t)got;
	}
	peer_say_data(self, "got", n, bytes, n);
}

static void expect_close(struct peer *self, int fd)
{
	uint8_t bytes[4096];
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		;
	if (n < 0 && errno != ECONNRESET)
		peer_fail(self, "the connection is still open");
}

static bool step(struct peer *self, int *fd, const struct note *s)
{
	const struct linger reset = {.l_onoff = 1, .l_linger = 0};
	const char *verb = s->what;

	if (strcmp(verb, "end") == 0)
		return false;
	if (strcmp(verb, "receive") == 0) {
		receive(self, *fd, (size_t)s->n);
		return true;
	}
	if (strcmp(verb, "connect") == 0)
		*fd = dial(self, (const char *)s->data, (uint16_t)s->n);
	else if (strcmp(verb, "vsock") == 0)
		*fd = dial_vsock(self, (uint32_t)s->n);
	else if (strcmp(verb, "send") == 0 && send(*fd, s->data, s->bytes, MSG_NOSIGNAL) < 0)
		; /* the other side may have closed already, which a later step will tell */
	else if (strcmp(verb, "radio") == 0)
		radio_send(self, *fd, s);
	else if (strcmp(verb, "dish") == 0)
		dish_check(self, *fd, s);
	else if (strcmp(verb, "close") == 0)
		shutdown(*fd, SHUT_WR);
	else if (strcmp(verb, "reset") == 0)
		setsockopt(*fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	/* Closed with bytes unread, a socket resets: so they are read first. */
	if (strcmp(verb, "closed") == 0 || strcmp(verb, "close") == 0)
		expect_close(self, *fd);
	if (strcmp(verb, "close") == 0 || strcmp(verb, "reset") == 0)
		close(*fd);
	peer_say(self, "ok", 0, 0);
	return true;
}

static void raw_run(struct peer *self, const void *plan)
{
	int fd = -1;

	(void)plan;
	while (step(self, &fd, peer_listen(self, NULL)))
		;
}

/* --- in the test --- */

static void order(struct peer *p, const char *verb, uint64_t n, const void *data, size_t bytes)
{
	peer_tell_data(p, verb, n, data, bytes);
	peer_hear(p, "ok");
}

struct peer *raw_start(const struct lab_net *net, const char *name)
{
	return peer_start(net, name, raw_run, NULL);
}

void raw_connect(struct peer *p, uint16_t port)
{
	raw_connect_to(p, LAB_APPLIANCE_IP, port);
}

void raw_connect_to(struct peer *p, const char *ip, uint16_t port)
{
	order(p, "connect", port, ip, strlen(ip) + 1);
}

void raw_connect_vsock(struct peer *p, uint32_t port)
{
	order(p, "vsock", port, NULL, 0);
}

void raw_send(struct peer *p, const void *bytes, size_t n)
{
	order(p, "send", 0, bytes, n);
}

const uint8_t *raw_receive(struct peer *p, size_t n)
{
	peer_tell(p, "receive", n);
	return peer_hear(p, "got")->data;
}

void raw_expect(struct peer *p, const void *bytes, size_t n)
{
	assert_memory_equal(raw_receive(p, n), bytes, n);
}

void raw_expect_close(struct peer *p)
{
	order(p, "closed", 0, NULL, 0);
}

void raw_close(struct peer *p)
{
	order(p, "close", 0, NULL, 0);
}

void raw_reset(struct peer *p)
{
	order(p, "reset", 0, NULL, 0);
}

void raw_end(struct peer *p)
{
	peer_tell(p, "end", 0);
	peer_done(p);
}

/* RFC 37: signature, version 3.1, mechanism, as-server, filler. */
void raw_greet(struct peer *p)
{
	static const uint8_t greeting[GREETING_BYTES] = {0xff, 0,    0, 0, 0,   0,   0,   0,
							 1,    0x7f, 3, 1, 'N', 'U', 'L', 'L'};

	raw_send(p, greeting, sizeof(greeting));
	raw_receive(p, GREETING_BYTES);
}

/* A short command frame: flags, length, then name and one property. What comes back is left. */
static void say_ready(struct peer *p, const char *type)
{
	uint8_t frame[64] = {4,   0,   5,   'R', 'E', 'A', 'D', 'Y', 11, 'S', 'o', 'c',
			     'k', 'e', 't', '-', 'T', 'y', 'p', 'e', 0,  0,   0};
	size_t n = strlen(type);

	frame[23] = (uint8_t)n;
	memcpy(frame + 24, type, n);
	frame[1] = (uint8_t)(22 + n);
	raw_send(p, frame, 24 + n);
}

void raw_ready(struct peer *p, const char *type)
{
	say_ready(p, type);
	raw_receive(p, raw_receive(p, 2)[1]);
}

struct peer *raw_join(const struct lab_net *net, uint16_t port, const char *ours,
		      const char *theirs)
{
	struct peer *p = raw_start(net, ours);
	uint8_t due[64] = "\5READY\13Socket-Type\0\0\0", m = (uint8_t)strlen(theirs), length;

	raw_connect(p, port);
	raw_greet(p);
	say_ready(p, ours);
	due[21] = m;
	memcpy(due + 22, theirs, m);
	length = raw_receive(p, 2)[1];
	assert_true(length >= 22 + m);
	assert_memory_equal(raw_receive(p, length), due, 22u + m); /* more properties may follow */
	return p;
}
