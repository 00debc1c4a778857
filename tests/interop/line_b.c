/* Line B of a feed (line_b.h). OpenPGM's packets are not looped to sockets of their own host, so
 * that they are taken from the wire. */
#include "tests/interop/line_b.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PACKET_MAX    65535
#define RECEIVE_BYTES (64 << 20)

static int open_wire(struct peer *self)
{
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL));
	int bytes = RECEIVE_BYTES;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		peer_fail(self, "the wire: %s", strerror(errno));
	return fd;
}

static int open_group(struct peer *self, const struct line_b *plan)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)plan->port)};
	struct in_addr from;

	inet_pton(AF_INET, plan->to, &to.sin_addr);
	inet_pton(AF_INET, LAB_PEER_IP, &from);
	if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &from, sizeof(from)) ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)))
		peer_fail(self, "group %s: %s", plan->to, strerror(errno));
	return fd;
}

/* The payload of a datagram to that group; NULL: it is something else. */
static const uint8_t *payload_of(const uint8_t *packet, size_t n, const struct line_b *plan,
				 size_t *bytes)
{
	struct iphdr ip;
	struct udphdr udp;
	struct in_addr group;

	if (n < sizeof(ip) + sizeof(udp))
		return NULL;
	memcpy(&ip, packet, sizeof(ip));
	inet_pton(AF_INET, plan->from, &group);
	if (ip.version != 4 || ip.protocol != IPPROTO_UDP || ip.daddr != group.s_addr ||
	    ip.ihl * 4u + sizeof(udp) > n)
		return NULL;
	memcpy(&udp, packet + ip.ihl * 4u, sizeof(udp));
	if (ntohs(udp.dest) != plan->port)
		return NULL;
	*bytes = n - ip.ihl * 4u - sizeof(udp);
	return packet + ip.ihl * 4u + sizeof(udp);
}

static void repeat(struct peer *self, const struct line_b *plan, int wire, int group)
{
	static uint8_t packet[PACKET_MAX];
	struct sockaddr_ll from;
	socklen_t len = sizeof(from);
	const uint8_t *payload;
	ssize_t n;
	size_t bytes;

	while ((n = recvfrom(wire, packet, sizeof(packet), 0, (struct sockaddr *)&from, &len)) >
	       0) {
		payload = payload_of(packet, (size_t)n, plan, &bytes);
		if (payload && from.sll_pkttype == PACKET_OUTGOING &&
		    send(group, payload, bytes, 0) != (ssize_t)bytes)
			peer_fail(self, "line B: %s", strerror(errno));
		len = sizeof(from);
	}
}

void line_b_run(struct peer *self, const void *context)
{
	const struct line_b *plan = context;
	int wire = open_wire(self), group = open_group(self, plan);
	struct pollfd fds[] = {{.fd = wire, .events = POLLIN},
			       {.fd = peer_descriptor(self), .events = POLLIN}};

	peer_say(self, "ready", 0, 0);
	while (!peer_is_told(self)) {
		poll(fds, 2, -1);
		repeat(self, plan, wire, group);
	}
	peer_listen(self, "end");
	close(wire);
	close(group);
}
