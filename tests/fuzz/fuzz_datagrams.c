/* What comes in to UDP and raw sockets and groups: UDP, raw and IGMP messages made of the input's
 * bytes, whole or in fragments, right but for what it changes, in one segment or two, while sockets
 * open and close, groups are joined and left, and something is sent, to ourselves too. */
#include <netinet/in.h>

#include <rte_udp.h>

#include "dataplane/net/igmp.h"
#include "dataplane/net/raw.h"
#include "dataplane/net/udp.h"
#include "tests/fuzz/net_bed.h"

#define SOCKETS 4
#define GROUPS  4
#define GROUP   0xef000001u
#define LONGEST 65515 /* behind an IP header */

static uint8_t frame[sizeof(struct rte_ether_hdr) + 1500];
static struct zl_udp *sockets[2 * SOCKETS]; /* the second half is shared */
static struct zl_raw *raws[SOCKETS];
static unsigned joins[GROUPS];

static uint32_t some_local(struct feed *f)
{
	uint8_t which = feed_u8(f) % (GROUPS + 2);

	return which < GROUPS ? GROUP + which : which == GROUPS ? OUR_IP : 0;
}

static void check_got(const struct rte_mbuf *m, uint32_t local, const void *self)
{
	net_check_chain(m);
	require(self && m->pkt_len <= LONGEST);
	require(local == OUR_IP || (zl_is_group(local) && joins[(local - GROUP) % GROUPS]));
}

/* NULL: buffers are held elsewhere. */
static struct rte_mbuf *copy_of(const struct rte_mbuf *m)
{
	return m->pkt_len ? rte_pktmbuf_copy(m, net_frames, 0, UINT32_MAX)
			  : rte_pktmbuf_alloc(net_frames);
}

static void receive(void *owner, struct rte_mbuf *m, const struct zl_endpoint_addr *remote,
		    const struct zl_endpoint_addr *local)
{
	struct zl_udp **self = owner;

	check_got(m, local->ip, *self);
	/* Half of them answer, some close. */
	if (remote->port % 4 == 0) {
		zl_udp_close(net, *self);
		*self = NULL;
	} else if (remote->port & 1) {
		struct rte_mbuf *copy = copy_of(m);

		if (copy)
			zl_udp_send(net, *self, copy, remote);
	}
	rte_pktmbuf_free(m);
}

static void raw_receive(void *owner, struct rte_mbuf *m, uint32_t remote, uint32_t local)
{
	struct zl_raw **self = owner;
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint8_t how = m->data_len ? p[0] : 0;

	check_got(m, local, *self);
	if (how % 4 == 1) {
		zl_raw_close(net, *self);
		*self = NULL;
	} else if (how % 4 == 2) {
		struct rte_mbuf *copy = copy_of(m);

		if (copy)
			zl_raw_send(net, *self, copy, remote, how & 4 ? ZL_RAW_ALERT : 0);
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
		(void)zl_udp_elsewhere(net, &local, NET_OTHER_CORE, u);
	} else {
		(void)zl_udp_open(net, &local, receive, u, u);
	}
}

static void share_or_close(struct feed *f)
{
	uint8_t which = feed_u8(f);
	struct zl_udp **u = &sockets[SOCKETS + which % SOCKETS];
	struct zl_endpoint_addr group = {some_local(f), (uint16_t)(feed_u8(f) % 4)};

	if (*u) {
		zl_udp_close(net, *u);
		*u = NULL;
	} else if (which & 8) {
		(void)zl_udp_elsewhere_shared(net, &group, NET_OTHER_CORE, u);
	} else {
		(void)zl_udp_open_shared(net, &group, receive, u, u);
	}
}

static void raw_open_or_close(struct feed *f)
{
	uint8_t which = feed_u8(f);
	struct zl_raw **r = &raws[which % SOCKETS];
	uint32_t local = some_local(f);

	if (*r) {
		zl_raw_close(net, *r);
		*r = NULL;
	} else if ((which >> 2) % 4 == 0) {
		(void)zl_raw_open(net, NET_RAW, local, raw_receive, r, r);
	} else if ((which >> 2) % 4 == 1) {
		(void)zl_raw_open_shared(net, NET_RAW, local, raw_receive, r, r);
	} else if ((which >> 2) % 4 == 2) {
		(void)zl_raw_elsewhere(net, NET_RAW, local, NET_OTHER_CORE, r);
	} else {
		(void)zl_raw_elsewhere_shared(net, NET_RAW, local, NET_OTHER_CORE, r);
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

static void raw_packet(struct feed *f)
{
	uint32_t dst = some_local(f);
	const uint8_t *bytes;
	unsigned n = (unsigned)feed_some(f, &bytes);

	n = RTE_MIN(n, 1400u);
	memcpy(frame + NET_HEADERS, bytes, n);
	give(f, dst, NET_RAW, n);
}

/* Of a datagram that others may be of, too; eights of bytes, unless the input wants it otherwise.
 */
static void fragment(struct feed *f)
{
	static const uint8_t protos[] = {IPPROTO_UDP, NET_RAW, IPPROTO_ICMP, IPPROTO_TCP};
	struct rte_ipv4_hdr *ip = (void *)(frame + sizeof(struct rte_ether_hdr));
	uint8_t how = feed_u8(f), cut = feed_u8(f);
	uint32_t dst = some_local(f);
	uint16_t from = feed_u16(f);
	const uint8_t *bytes;
	unsigned n = (unsigned)feed_some(f, &bytes), len;

	n = RTE_MIN(n, 1400u);
	n = how & 1 && !(how & 2) ? n & ~7u : n;
	memcpy(frame + NET_HEADERS, bytes, n);
	len = net_wrap(frame, PEER_IP + (how >> 6), dst, protos[how >> 4 & 3], n);
	memcpy(frame + NET_HEADERS, bytes, n); /* the checksum is in what the input says */
	ip->packet_id = how & 12;
	ip->fragment_offset = rte_cpu_to_be_16((uint16_t)(from & 0x1fff) |
					       (how & 1 ? RTE_IPV4_HDR_MF_FLAG : 0));
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	net_give(frame, len, cut & 1 ? cut : len, cut & 2);
}

/* Bytes to send, of which there may be more than in a frame. */
static struct rte_mbuf *message(struct feed *f)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(net_frames);
	const uint8_t *bytes;
	unsigned n = (unsigned)feed_some(f, &bytes), more = feed_u8(f) % 4;

	if (!m)
		return NULL;
	n = RTE_MIN(n, 1400u);
	memcpy(rte_pktmbuf_append(m, (uint16_t)n), bytes, n);
	while (more--) {
		struct rte_mbuf *seg = rte_pktmbuf_alloc(net_frames);

		if (!seg)
			break;
		memset(rte_pktmbuf_append(seg, 1000), 'm', 1000);
		require(rte_pktmbuf_chain(m, seg) == 0);
	}
	return m;
}

static void send_udp(struct feed *f)
{
	struct zl_udp *u = sockets[feed_u8(f) % (2 * SOCKETS)];
	struct zl_endpoint_addr to = {some_local(f), (uint16_t)(feed_u8(f) % 4)};
	struct rte_mbuf *m = u ? message(f) : NULL;

	if (!m)
		return;
	if (zl_is_group(to.ip))
		zl_udp_send_group(net, u, m, 0, &to, 1);
	else
		zl_udp_send(net, u, m, &(struct zl_endpoint_addr){PEER_IP, to.port});
}

static void send_raw(struct feed *f)
{
	uint8_t how = feed_u8(f);
	struct zl_raw *r = raws[how % SOCKETS];
	uint32_t to = some_local(f);
	struct rte_mbuf *m = r ? message(f) : NULL;

	if (!m)
		return;
	if (zl_is_group(to))
		zl_raw_send_group(net, r, m, 0, to, 1, how & 4 ? ZL_RAW_ALERT : 0);
	else
		zl_raw_send(net, r, m, PEER_IP, how & 4 ? ZL_RAW_ALERT : 0);
}

static void set_loop(struct feed *f)
{
	uint8_t how = feed_u8(f);

	if (how & 1 && sockets[(how >> 2) % (2 * SOCKETS)])
		zl_udp_set_loop(sockets[(how >> 2) % (2 * SOCKETS)], how & 2);
	else if (!(how & 1) && raws[(how >> 2) % SOCKETS])
		zl_raw_set_loop(raws[(how >> 2) % SOCKETS], how & 2);
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
	static void (*const steps[])(struct feed *
				     f) = {open_or_close,  join_or_leave,     datagram,   datagram,
					   membership,     membership,        turn,       wait_some,
					   share_or_close, raw_open_or_close, raw_packet, fragment,
					   fragment,       send_udp,          send_raw,   set_loop};
	struct feed f = {data, n};

	net_begin(refuse, NULL);
	memset(sockets, 0, sizeof(sockets));
	memset(raws, 0, sizeof(raws));
	memset(joins, 0, sizeof(joins));
	while (f.left)
		steps[feed_u8(&f) % RTE_DIM(steps)](&f);
	net_turn();
	net_end();
	return 0;
}
