/* Peers of udp:// (gram.h). */
#include "tests/interop/gram.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/interop/plain.h" /* plain_fill */

#define RECEIVE_BYTES (4 << 20)

struct plan {
	unsigned port;
	const char *group;
};

size_t gram_body(uint64_t number, uint32_t max, uint8_t *to)
{
	size_t n = 8 + (number * 37) % (max - 8);

	for (unsigned i = 0; i < 8; i++)
		to[i] = (uint8_t)(number >> (8 * i));
	plain_fill(to + 8, (unsigned)number, 0, n - 8);
	return n;
}

/* --- in the child --- */

static int open_socket(struct peer *self, const struct plan *plan)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), yes = 1, bytes = RECEIVE_BYTES;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)plan->port)};
	struct ip_mreq group;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &yes, sizeof(yes));
	inet_pton(AF_INET, LAB_PEER_IP, &group.imr_interface);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)))
		peer_fail(self, "bind to %u: %s", plan->port, strerror(errno));
	setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &group.imr_interface,
		   sizeof(group.imr_interface));
	if (!plan->group)
		return fd;
	inet_pton(AF_INET, plan->group, &group.imr_multiaddr);
	if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)))
		peer_fail(self, "group %s: %s", plan->group, strerror(errno));
	return fd;
}

static struct sockaddr_in address_of(const char *text)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	char ip[32];
	unsigned port;

	sscanf(text, "%31[0-9.]:%u", ip, &port);
	inet_pton(AF_INET, ip, &a.sin_addr);
	a.sin_port = htons((uint16_t)port);
	return a;
}

static void send_bytes(struct peer *self, int fd, const struct sockaddr_in *to, const void *bytes,
		       size_t n)
{
	if (sendto(fd, bytes, n, 0, (const struct sockaddr *)to, sizeof(*to)) != (ssize_t)n)
		peer_fail(self, "send of %zu bytes: %s", n, strerror(errno));
}

static size_t receive(struct peer *self, int fd, uint8_t *bytes, size_t room,
		      struct sockaddr_in *from, int *ttl)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	char control[64];
	struct iovec iov = {bytes, room};
	struct msghdr h = {.msg_name = from,
			   .msg_namelen = sizeof(*from),
			   .msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	ssize_t n;

	if (poll(&ready, 1, LAB_PATIENCE_MS) != 1)
		peer_fail(self, "no datagram came");
	n = recvmsg(fd, &h, 0);
	if (n < 0)
		peer_fail(self, "receive: %s", strerror(errno));
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); c; c = CMSG_NXTHDR(&h, c))
		if (c->cmsg_type == IP_TTL)
			memcpy(ttl, CMSG_DATA(c), sizeof(*ttl));
	return (size_t)n;
}

static void expect(struct peer *self, int fd, const struct note *what, int *ttl)
{
	struct sockaddr_in from;
	uint8_t bytes[65536];
	size_t n = receive(self, fd, bytes, sizeof(bytes), &from, ttl);
	char text[64], ip[32];

	if (n != what->bytes || memcmp(bytes, what->data, n) != 0)
		peer_fail(
			self,
			"a datagram of %zu bytes came (%02x %02x %02x...), and not the %u expected",
			n, bytes[0], bytes[1], bytes[2], what->bytes);
	snprintf(text, sizeof(text), "%s:%u", inet_ntop(AF_INET, &from.sin_addr, ip, sizeof(ip)),
		 ntohs(from.sin_port));
	peer_say_data(self, "came", n, text, strlen(text) + 1);
}

/* The group's name is after what there is before it: an address, or nothing. */
struct burst {
	char to[32], group[32];
	uint32_t max;
	uint64_t from;
};

static size_t lay_out(uint8_t *to, const struct burst *b, uint64_t number)
{
	to[0] = (uint8_t)strlen(b->group);
	memcpy(to + 1, b->group, to[0]);
	return 1u + to[0] + gram_body(number, b->max, to + 1 + to[0]);
}

static void burst(struct peer *self, int fd, const struct note *what)
{
	struct burst b;
	struct sockaddr_in to;
	uint8_t bytes[GRAM_BODY_MAX + 256];

	memcpy(&b, what->data, sizeof(b));
	to = address_of(b.to);
	for (uint64_t i = 0; i < what->n; i++)
		send_bytes(self, fd, &to, bytes, lay_out(bytes, &b, b.from + i));
	peer_say(self, "sent", what->n, 0);
}

static void check(struct peer *self, int fd, const struct note *what)
{
	struct burst b;
	struct sockaddr_in from;
	uint8_t bytes[GRAM_BODY_MAX + 256], due[GRAM_BODY_MAX + 256];
	int ttl;

	memcpy(&b, what->data, sizeof(b));
	for (uint64_t i = 0; i < what->n; i++) {
		size_t n = receive(self, fd, bytes, sizeof(bytes), &from, &ttl);

		if (n != lay_out(due, &b, b.from + i) || memcmp(bytes, due, n) != 0)
			peer_fail(self, "message %llu is not what was sent",
				  (unsigned long long)(b.from + i));
	}
	peer_say(self, "checked", what->n, 0);
}

static void run(struct peer *self, const void *plan)
{
	int fd = open_socket(self, plan), ttl = 0;
	const struct note *what;

	peer_say(self, "bound", 0, 0);
	while (strcmp((what = peer_listen(self, NULL))->what, "end") != 0) {
		if (strcmp(what->what, "send") == 0) {
			struct sockaddr_in to = address_of((const char *)what->data);

			send_bytes(self, fd, &to, what->data + 32, what->bytes - 32);
			peer_say(self, "sent", 1, 0);
		} else if (strcmp(what->what, "expect") == 0) {
			expect(self, fd, what, &ttl);
		} else if (strcmp(what->what, "hops") == 0) {
			peer_say(self, "hops", (uint64_t)ttl, 0);
		} else if (strcmp(what->what, "burst") == 0) {
			burst(self, fd, what);
		} else if (strcmp(what->what, "check") == 0) {
			check(self, fd, what);
		}
	}
	close(fd);
}

/* --- in the test --- */

struct peer *gram_start(const struct lab_net *net, const char *name, unsigned port,
			const char *group)
{
	const struct plan plan = {.port = port, .group = group};
	struct peer *p = peer_start(net, name, run, &plan);

	peer_hear(p, "bound");
	return p;
}

void gram_send(struct peer *p, const char *ip, unsigned port, const void *bytes, size_t n)
{
	uint8_t data[NOTE_DATA] = {0};

	snprintf((char *)data, 32, "%s:%u", ip, port);
	memcpy(data + 32, bytes, n);
	peer_tell_data(p, "send", 0, data, 32 + n);
	peer_hear(p, "sent");
}

const char *gram_expect(struct peer *p, const void *bytes, size_t n)
{
	peer_tell_data(p, "expect", 0, bytes, n);
	return (const char *)peer_hear(p, "came")->data;
}

unsigned gram_hops(struct peer *p)
{
	peer_tell(p, "hops", 0);
	return (unsigned)peer_hear(p, "hops")->n;
}

static void tell_burst(struct peer *p, const char *what, const char *to, const char *group,
		       uint32_t max, uint64_t from, unsigned n)
{
	struct burst b = {.from = from, .max = max};

	snprintf(b.to, sizeof(b.to), "%s", to);
	snprintf(b.group, sizeof(b.group), "%s", group);
	peer_tell_data(p, what, n, &b, sizeof(b));
}

void gram_burst(struct peer *p, const char *ip, unsigned port, const char *group, uint32_t max,
		uint64_t from, unsigned n)
{
	char to[32];

	snprintf(to, sizeof(to), "%s:%u", ip, port);
	tell_burst(p, "burst", to, group, max, from, n);
	peer_hear(p, "sent");
}

void gram_check(struct peer *p, const char *group, uint32_t max, uint64_t from, unsigned n)
{
	tell_burst(p, "check", "", group, max, from, n);
	peer_hear(p, "checked");
}

void gram_end(struct peer *p)
{
	peer_tell(p, "end", 0);
	peer_done(p);
}
