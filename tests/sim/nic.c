/* Frames between mbufs and the simulated wire. */
#include "tests/sim/nic.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#define FRAME_LEAST 60 /* IEEE 802.3, without the frame check sequence */
#define PADDING     0x5a

struct rte_ether_addr nic_station_mac(unsigned station)
{
	return (struct rte_ether_addr){{0x02, 0, 0, 0, 0x51, (uint8_t)station}};
}

int nic_frame_station(const struct nic_frame *f)
{
	return f->data[0] & 1 ? -1 : f->data[5];
}

static struct nic_frame *frame_alloc(uint32_t len)
{
	struct nic_frame *f = malloc(sizeof(*f) + (len < FRAME_LEAST ? FRAME_LEAST : len));

	if (!f)
		abort();
	f->len = len;
	f->corrupted = false;
	f->part = WIRE_PADDING;
	return f;
}

struct nic_frame *nic_frame_copy(const struct nic_frame *f)
{
	struct nic_frame *copy = frame_alloc(f->len);

	memcpy(copy, f, sizeof(*f) + f->len);
	return copy;
}

static struct rte_ipv4_hdr *ip_of(const struct nic_frame *f)
{
	return (struct rte_ipv4_hdr *)(uintptr_t)(f->data + sizeof(struct rte_ether_hdr));
}

static struct rte_tcp_hdr *tcp_of(const struct nic_frame *f)
{
	return (struct rte_tcp_hdr *)(ip_of(f) + 1);
}

static void checksum_tcp(struct nic_frame *f)
{
	struct rte_ipv4_hdr *ip = ip_of(f);
	struct rte_tcp_hdr *tcp = tcp_of(f);

	tcp->cksum = 0;
	tcp->cksum = rte_ipv4_udptcp_cksum(ip, tcp);
}

/* What the driver does with a packet's offload flags. False: not a thing that the port can do. */
static bool offload(struct nic_frame *f, uint64_t flags, uint64_t tx_offload)
{
	uint64_t l4 = flags & RTE_MBUF_F_TX_L4_MASK;

	if (flags & RTE_MBUF_F_TX_TCP_SEG)
		return false;
	if (l4) {
		if (l4 != RTE_MBUF_F_TX_TCP_CKSUM || !(tx_offload & RTE_ETH_TX_OFFLOAD_TCP_CKSUM))
			return false;
		checksum_tcp(f);
	}
	if (flags & RTE_MBUF_F_TX_IP_CKSUM) {
		if (!(tx_offload & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM))
			return false;
		ip_of(f)->hdr_checksum = 0;
		ip_of(f)->hdr_checksum = rte_ipv4_cksum(ip_of(f));
	}
	return true;
}

struct nic_frame *nic_frame_take(struct rte_mbuf *m, uint64_t tx_offload)
{
	struct nic_frame *f = frame_alloc(m->pkt_len);
	uint32_t at = 0;
	unsigned segs = 0;
	bool good = true;

	for (const struct rte_mbuf *s = m; s && good; s = s->next, segs++) {
		good = at + s->data_len <= f->len;
		if (good)
			memcpy(f->data + at, rte_pktmbuf_mtod(s, const void *), s->data_len);
		at += s->data_len;
	}
	good = good && at == f->len && segs == m->nb_segs && at >= sizeof(struct rte_ether_hdr) &&
	       offload(f, m->ol_flags, tx_offload);
	rte_pktmbuf_free(m);
	if (good)
		return f;
	free(f);
	return NULL;
}

struct rte_mbuf *nic_frame_give(const struct nic_frame *f, struct rte_mempool *pool,
				uint16_t segment)
{
	struct rte_mbuf *head = NULL, **next = &head;

	for (uint32_t at = 0, n; at < f->len; at += n) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

		if (!m) {
			rte_pktmbuf_free(head);
			return NULL;
		}
		n = rte_pktmbuf_tailroom(m);
		if (segment && segment < n)
			n = segment;
		n = RTE_MIN(n, f->len - at);
		memcpy(rte_pktmbuf_append(m, (uint16_t)n), f->data + at, n);
		*next = m;
		next = &m->next;
		if (m == head) {
			m->pkt_len = f->len;
			m->nb_segs = 0;
		}
		head->nb_segs++;
	}
	return head;
}

void nic_frame_pad(struct nic_frame *f)
{
	if (f->len >= FRAME_LEAST)
		return;
	memset(f->data + f->len, PADDING, FRAME_LEAST - f->len);
	f->len = FRAME_LEAST;
}

void nic_frame_flip(struct nic_frame *f, uint32_t first_bit, uint16_t mask)
{
	if (!mask)
		return;
	f->corrupted = true;
	f->part = wire_part_hit(f->data, f->len, first_bit + (unsigned)__builtin_ctz(mask));
	for (uint32_t bit = first_bit; mask; bit++, mask >>= 1)
		if (mask & 1)
			f->data[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
}

void nic_frame_strip(struct nic_frame *f, uint32_t kinds)
{
	struct rte_tcp_hdr *tcp = tcp_of(f);
	uint8_t *o = (uint8_t *)(tcp + 1), *end = (uint8_t *)tcp + (tcp->data_off >> 4) * 4;

	if (!kinds || f->data[12] != 0x08 || f->data[13] ||
	    ip_of(f)->next_proto_id != IPPROTO_TCP || !(tcp->tcp_flags & RTE_TCP_SYN_FLAG))
		return;
	while (o < end && *o != 0) {
		uint8_t len = *o == 1 ? 1 : o[1];

		if (*o < 32 && kinds >> *o & 1)
			memset(o, 1, len);
		o += len ? len : 1;
	}
	checksum_tcp(f);
}

static uint32_t payload_at(const struct nic_frame *f)
{
	return (uint32_t)((const uint8_t *)tcp_of(f) - f->data) + (tcp_of(f)->data_off >> 4) * 4u;
}

bool nic_frame_has_payload(const struct nic_frame *f)
{
	return f->data[12] == 0x08 && f->data[13] == 0 && ip_of(f)->next_proto_id == IPPROTO_TCP &&
	       sizeof(struct rte_ether_hdr) + rte_be_to_cpu_16(ip_of(f)->total_length) >
		       payload_at(f);
}

void nic_frame_sabotage(struct nic_frame *f)
{
	f->data[payload_at(f)] ^= 0x20;
	checksum_tcp(f);
}
