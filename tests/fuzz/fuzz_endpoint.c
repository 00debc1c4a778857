/* Endpoints as a person or the command line writes them. The first byte says whether it is to bind
 * or to connect, and which ports there are; the rest is the text. What is accepted is a packet that
 * the dataplane accepts, too, and is shown as it was written; what is not has one line that says
 * why. No host is asked for: a name becomes one of a few addresses. */
#include <arpa/inet.h>

#include "control/config/config.h"
#include "tests/fuzz/feed.h"

static const struct zl_ipc_port port[] = {
	{.name = "eth0", .ip = 0x0a000001, .prefix_len = 24, .gateway = 0x0a0000fe},
	{.name = "eth1", .ip = 0x0a000101, .prefix_len = 16},
};

static void check_line(const char *error, size_t max)
{
	require(memchr(error, '\0', max) && error[0] && !strchr(error, '\n'));
	require(strlen(error) < max - 1); /* what it ends with is the remedy */
}

static void check_packet(const struct zl_ipc_endpoint *e)
{
	uint64_t packet[ZL_IPC_PACKET_MAX / 8];
	struct zl_ipc_endpoint *m = zl_ipc_begin(packet, ZL_IPC_ENDPOINT_ADD, 1);
	char text[ZL_ENDPOINT_MAX];

	*m = *e;
	m->id = m->socket = 1;
	require(zl_ipc_check(packet, ((struct zl_ipc_header *)packet)->length) == 0);
	zl_ipc_address_text(e->address.at, e->address.bytes, text);
	zl_ipc_address_text(e->source.at, e->source.bytes, text);
}

static void settle(struct zl_ipc_endpoint *e, const struct zl_ports *ports, uint8_t which)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr.s6_addr[15] = 1};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000001)};
	char error[512] = "";

	if (which & 1)
		four.sin_addr.s_addr = htonl(which & 2 ? 0x7f000001 : 0x0a000009);
	if (zl_endpoint_settle(e, which & 4 ? (void *)&six : (void *)&four, ports, error,
			       sizeof(error)))
		check_line(error, sizeof(error));
	else
		check_packet(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct feed f = {data, n};
	uint8_t how = feed_u8(&f);
	const struct zl_ports ports = {port, (how >> 1) % 3};
	char text[400], host[128], error[512] = "";
	struct zl_ipc_endpoint e;
	const uint8_t *bytes;

	n = feed_take(&f, sizeof(text) - 1, &bytes);
	memcpy(text, bytes, n);
	text[n] = '\0';
	if (strlen(text) != n)
		return -1;
	if (zl_endpoint_parse(&e, text, how & 1, &ports, error, sizeof(error))) {
		check_line(error, sizeof(error));
		return 0;
	}
	require(strcmp(e.text, text) == 0 && e.connect == (how & 1));
	if (zl_endpoint_host(&e, host, sizeof(host))) {
		require(host[0] && !strchr(host, '\n'));
		settle(&e, &ports, how >> 3);
	} else {
		check_packet(&e);
	}
	return 0;
}
