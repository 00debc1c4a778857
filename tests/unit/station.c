/* A stack with a clock that tests turn by hand, and a port whose frames they can read. */
#include "tests/unit/station.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_arp.h>
#include <rte_ip.h>

const struct rte_ether_addr our_mac = {{2, 0, 0, 0, 0, 1}};
const struct rte_ether_addr peer_mac = {{2, 0, 0, 0, 0, 2}};
const struct rte_ether_addr other_mac = {{2, 0, 0, 0, 0, 3}};
const struct rte_ether_addr everybody_mac = {{255, 255, 255, 255, 255, 255}};

static void transmit(void *ctx, uint16_t port, struct rte_mbuf **frames, unsigned n)
{
	struct station *s = ctx;

	assert_int_equal(port, 0);
	assert_true(s->sent_n + n <= STATION_SENT_MAX);
	memcpy(&s->sent[s->sent_n], frames, n * sizeof(frames[0]));
	s->sent_n += n;
}

static void neighbor(void *ctx, uint16_t port, uint32_t ip, const struct rte_ether_addr *mac)
{
	struct station *s = ctx;

	(void)port;
	(void)mac;
	s->neighbor_calls++;
	s->neighbor_ip = ip;
}

static uint64_t random_bits(void *ctx)
{
	(void)ctx;
	return 4711;
}

int station_setup(void **state)
{
	static const struct zl_net_ops ops = {
		.transmit = transmit, .neighbor = neighbor, .random = random_bits};
	struct zl_net_port port = {.mac = our_mac,
				   .mtu = 1500,
				   .rx_checked = RTE_MBUF_F_RX_IP_CKSUM_GOOD |
						 RTE_MBUF_F_RX_L4_CKSUM_GOOD,
				   .ip = OUR_IP,
				   .prefix_len = 24,
				   .gateway = GATEWAY_IP};
	struct station *s = calloc(1, sizeof(*s));
	struct zl_net_config config = {.ops = &ops, .ctx = s, .socket_id = SOCKET_ID_ANY};

	eal_pools_create(&s->pools, 1023, 255, 15);
	config.frames = s->pools.frames;
	config.indirect = s->pools.indirect;
	config.blocks = s->pools.blocks;
	s->net = zl_net_create(&config);
	assert_non_null(s->net);
	assert_int_equal(zl_net_port_add(s->net, 0, &port), 0);
	station_advance(s, SECOND);
	*state = s;
	return 0;
}

int station_teardown(void **state)
{
	struct station *s = *state;

	station_forget(s);
	zl_net_destroy(s->net);
	assert_true(eal_pools_full(&s->pools));
	eal_pools_free(&s->pools);
	free(s);
	return 0;
}

void station_input(struct station *s, const struct rte_ether_addr *dst,
		   const struct rte_ether_addr *src, uint16_t type, const void *bytes, unsigned n)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(s->pools.frames);
	struct rte_ether_hdr *eth = (void *)rte_pktmbuf_append(m, sizeof(*eth));

	eth->dst_addr = *dst;
	eth->src_addr = *src;
	eth->ether_type = rte_cpu_to_be_16(type);
	memcpy(rte_pktmbuf_append(m, n), bytes, n);
	zl_net_input(s->net, 0, &m, 1, s->now_ns);
	zl_net_output(s->net, s->now_ns);
}

void station_ip(struct station *s, uint32_t src, uint32_t dst, uint8_t proto, const void *l4,
		unsigned n)
{
	uint8_t packet[1500];
	struct rte_ipv4_hdr ip = {.version_ihl = RTE_IPV4_VHL_DEF,
				  .total_length = rte_cpu_to_be_16(sizeof(ip) + n),
				  .time_to_live = 64,
				  .next_proto_id = proto,
				  .src_addr = rte_cpu_to_be_32(src),
				  .dst_addr = rte_cpu_to_be_32(dst)};

	ip.hdr_checksum = rte_ipv4_cksum(&ip);
	memcpy(packet, &ip, sizeof(ip));
	memcpy(packet + sizeof(ip), l4, n);
	station_input(s, &our_mac, &peer_mac, RTE_ETHER_TYPE_IPV4, packet, sizeof(ip) + n);
}

void station_arp(struct station *s, const struct rte_ether_addr *to, uint16_t op,
		 const struct rte_ether_addr *sha, uint32_t sip, const struct rte_ether_addr *tha,
		 uint32_t tip)
{
	struct rte_arp_hdr arp = {.arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER),
				  .arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4),
				  .arp_hlen = RTE_ETHER_ADDR_LEN,
				  .arp_plen = 4,
				  .arp_opcode = rte_cpu_to_be_16(op),
				  .arp_data = {.arp_sha = *sha,
					       .arp_sip = rte_cpu_to_be_32(sip),
					       .arp_tha = *tha,
					       .arp_tip = rte_cpu_to_be_32(tip)}};

	station_input(s, to, sha, RTE_ETHER_TYPE_ARP, &arp, sizeof(arp));
}

void station_advance(struct station *s, uint64_t ns)
{
	s->now_ns += ns;
	zl_net_timers(s->net, s->now_ns);
	zl_net_output(s->net, s->now_ns);
}

void station_forget(struct station *s)
{
	rte_pktmbuf_free_bulk(s->sent, s->sent_n);
	s->sent_n = 0;
}

uint64_t station_count(const struct station *s, enum zl_net_counter c)
{
	return zl_net_counters(s->net)[c];
}
