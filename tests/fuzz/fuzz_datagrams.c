/* What comes in to UDP sockets and groups: UDP and IGMP messages made of the input's bytes, right
 * but for what it changes, in one segment or two, while sockets open and close and groups are
 * joined and left. */
#include <netinet/in.h>

#include <rte_udp.h>

#include "dataplane/net/igmp.h"
#include "dataplane/net/udp.h"
#include "tests/fuzz/net_bed.h"

#define SOCKETS 4
#define GROUPS  4
#define GROUP   0xef000001u

static uint8_t frame[sizeof(struct rte_ether_hdr) + 1500];
static struct zl_udp *sockets[SOCKETS];
static unsigned joins[GROUPS];

static uint32_t some_local(struct feed *f)
{
	uint8_t which = feed_u8(f) % (GROUPS + 2);

	return which < GROUPS ? GROUP + which : which == GROUPS ? OUR_IP : 0;
}

static void receive(void *owner, struct rte_mbuf *m, const struct zl_endpoint_addr *remote,
		    const struct zl_endpoint_addr *local)
{
	struct zl_udp **self = owner;

	require(m->pkt_len <= 1472 && *self);
	require(local->ip == OUR_IP ||
		(zl_is_group(local->ip) && joins[(local->ip - GROUP) % GROUPS]));
	/* Half of them answer, some close. */
	if (remote->port % 4 == 0) {
		zl_udp_close(net, *self);
		*self = NULL;
	} else if (remote->port & 1) {
		struct rte_mbuf *copy = m->pkt_len ? rte_pktmbuf_copy(m, net_frames, 0, UINT32_MAX)
						   : rte_pktmbuf_alloc(net_frames);

		require(copy);
		zl_udp_send(net, *self, copy, remote);
	}
	rte_pktmbuf_free(m);
}

static void open_or_close(struct feed *f)
{
	struct zl_udp **u = &sockets[feed_u8(f) % SOCKETS];
	struct zl_endpoint_addr local = {some_local(f), (uint16_t)(feed_u8(f) % 4)};

	if (*u) {
		zl_udp_close(net, *u);
		*u = NULL;
	} else if (local.port == 3) {
		(void)zl_udp_elsewhere(net, &local, 1, u);
	} else {
		(void)zl_udp_open(net, &local, receive, u, u);
	}
}

static void join_or_leave(struct feed *f)
{
	uint8_t how = feed_u8(f), which = feed_u8(f) % GROUPS;

	if (how & 1 && !zl_group_join(net, 0, GROUP + which, how & 2, now_ns))
		joins[which]++;
	else if (joins[which]) {
		joins[which]--;
		zl_group_leave(net, 0, GROUP + which, now_ns);
	}
}

static void give(struct feed *f, uint32_t dst, uint8_t proto, unsigned n)
{
	uint8_t cut = feed_u8(f);
	unsigned len = net_wrap(frame, PEER_IP, dst, proto, n);

	net_give(frame, len, cut & 1 ? feed_u8(f) : len, cut & 2);
}

static void datagram(struct feed *f)
{
	struct rte_ipv4_hdr *ip = (void *)(frame + sizeof(struct rte_ether_hdr));
	struct rte_udp_hdr *h = (void *)(frame + NET_HEADERS);
	uint32_t dst = some_local(f);
	uint8_t wrong = feed_u8(f);
	const uint8_t *bytes;
	unsigned n;

	*h = (struct rte_udp_hdr){.src_port = rte_cpu_to_be_16(feed_u8(f)),
				  .dst_port = rte_cpu_to_be_16(feed_u8(f) % 4)};
	n = (unsigned)feed_some(f, &bytes);
	n = RTE_MIN(n, 1400u);
	memcpy(h + 1, bytes, n);
	n += sizeof(*h);
	h->dgram_len = rte_cpu_to_be_16((uint16_t)(wrong & 1 ? feed_u16(f) : n));
	if (!(wrong & 3)) {
		net_wrap(frame, PEER_IP, dst, IPPROTO_UDP, n);
		h->dgram_cksum = rte_ipv4_udptcp_cksum(ip, h);
	}
	if (wrong & 4)
		h->dgram_cksum ^= 1;
	give(f, dst, IPPROTO_UDP, wrong & 8 ? n % 9 : n);
}

static void membership(struct feed *f)
{
	static const uint8_t type[] = {0x11, 0x11, 0x11, 0x12, 0x16, 0x17, 0x22, 0};
	uint8_t *igmp = frame + NET_HEADERS, how = feed_u8(f);
	uint32_t dst = how & 8 ? some_local(f) : 0xe0000001u;
	const uint8_t *bytes;
	uint16_t sum;
	unsigned n;

	n = (unsigned)feed_some(f, &bytes);
	n = RTE_MIN(n, 1400u);
	memcpy(igmp, bytes, n);
	if (n >= 8) {
		igmp[0] = type[how % 8];
		if (how & 16)
			memcpy(igmp + 4, &(rte_be32_t){rte_cpu_to_be_32(GROUP + igmp[7] % GROUPS)},
			       4);
		memset(igmp + 2, 0, 2);
		sum = (uint16_t)~rte_raw_cksum(igmp, n);
		memcpy(igmp + 2, &sum, 2);
	}
	give(f, dst, IPPROTO_IGMP, n);
}

static void turn(struct feed *f)
{
	(void)f;
	net_turn();
}

static void wait_some(struct feed *f)
{
	net_wait((uint64_t)feed_u8(f) * 37 * MS);
}

static bool refuse(void *ctx, uint64_t cookie, struct zl_stream *s)
{
	(void)ctx, (void)cookie, (void)s;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static void (*const steps[])(struct feed * f) = {open_or_close, join_or_leave, datagram,
							 datagram,      membership,    membership,
							 turn,          wait_some};
	struct feed f = {data, n};

	net_begin(refuse, NULL);
	memset(sockets, 0, sizeof(sockets));
	memset(joins, 0, sizeof(joins));
	while (f.left)
		steps[feed_u8(&f) % RTE_DIM(steps)](&f);
	net_turn();
	net_end();
	return 0;
}
