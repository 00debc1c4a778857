/* Looking at the wire by a packet socket. */
#include "tests/interop/capture.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define APPLIANCE 0x0a630001 /* LAB_APPLIANCE_IP */

/* Of the next packet that the appliance sent from the port. */
static unsigned next_tos(struct peer *self, int fd, uint16_t port)
{
	uint8_t frame[2048];

	for (;;) {
		ssize_t n = recv(fd, frame, sizeof(frame), 0);
		struct iphdr ip;
		struct tcphdr tcp;

		if (n < 0)
			peer_fail(self, "nothing was sent from port %u", port);
		if ((size_t)n < sizeof(struct ether_header) + sizeof(ip) + sizeof(tcp))
			continue;
		memcpy(&ip, frame + sizeof(struct ether_header), sizeof(ip));
		memcpy(&tcp, frame + sizeof(struct ether_header) + ip.ihl * 4, sizeof(tcp));
		if (ip.saddr == htonl(APPLIANCE) && ip.protocol == IPPROTO_TCP &&
		    tcp.source == htons(port))
			return ip.tos;
	}
}

static void capture_run(struct peer *self, const void *plan)
{
	struct timeval patience = {.tv_sec = lab_patience_ms() / 1000};
	uint16_t port = *(const uint16_t *)plan;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETHERTYPE_IP));

	if (fd < 0)
		peer_fail(self, "no packet socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	peer_say(self, "looking", 0, 0);
	peer_listen(self, "tos");
	peer_say(self, "tos", next_tos(self, fd, port), 0);
	peer_listen(self, "end");
	close(fd);
}

struct peer *capture_start(const struct lab_net *net, uint16_t port)
{
	struct peer *p = peer_start(net, "capture", capture_run, &port);

	peer_hear(p, "looking");
	return p;
}

unsigned capture_tos(struct peer *p)
{
	peer_tell(p, "tos", 0);
	return (unsigned)peer_hear(p, "tos")->n;
}

void capture_end(struct peer *p)
{
	peer_tell(p, "end", 0);
	peer_done(p);
}
