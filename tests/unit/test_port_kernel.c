/* Ports beside the kernel's own network: tap, af_packet and af_xdp, each in a network namespace
 * that this process makes for itself, against the kernel's ARP, ICMP and UDP. Needs root, and says
 * so when it is skipped. */
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <rte_arp.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "drivers/port/port.h"
#include "tests/unit/eal.h"

#define KERNEL_IP 0x0a090001u
#define OUR_IP    0x0a090002u
#define UDP_PORT  7000
#define PAYLOAD   400
#define SKIPPED   77 /* as meson takes it */

static struct eal_pools pools;
static struct rte_ether_addr kernel_mac;

static int setup(void **state)
{
	(void)state;
	eal_start(256);
	eal_pools_create(&pools, 16383, 255, 255);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	eal_pools_free(&pools);
	return 0;
}

static void shell(const char *command)
{
	if (system(command))
		fail_msg("%s", command);
}

static struct zl_ipc_port config(enum zl_port_kind kind, const char *device)
{
	struct zl_ipc_port cfg = {.name = "p", .kind = kind};

	snprintf(cfg.device, sizeof(cfg.device), "%s", device);
	return cfg;
}

static struct zl_port *open_port(const struct zl_ipc_port *cfg)
{
	char text[ZL_TEXT_MAX] = "";
	struct zl_port *p = zl_port_open(cfg, 1, &pools.frames, NULL, text, sizeof(text));

	if (!p || zl_port_start(p, text, sizeof(text)))
		fail_msg("%s", text);
	return p;
}

static void *start_frame(struct zl_port *p, struct rte_mbuf **m, uint16_t bytes, uint16_t type)
{
	struct rte_ether_hdr *eth;

	*m = rte_pktmbuf_alloc(pools.frames);
	eth = (struct rte_ether_hdr *)rte_pktmbuf_append(*m, RTE_ETHER_HDR_LEN + bytes);
	memset(eth, 0, RTE_ETHER_HDR_LEN + bytes);
	eth->src_addr = zl_port_info(p)->mac;
	eth->dst_addr = kernel_mac;
	eth->ether_type = rte_cpu_to_be_16(type);
	return eth + 1;
}

static void *start_ip(struct zl_port *p, struct rte_mbuf **m, uint16_t bytes, uint8_t proto)
{
	struct rte_ipv4_hdr *ip = start_frame(p, m, sizeof(*ip) + bytes, RTE_ETHER_TYPE_IPV4);

	ip->version_ihl = 0x45;
	ip->total_length = rte_cpu_to_be_16(sizeof(*ip) + bytes);
	ip->time_to_live = 64;
	ip->next_proto_id = proto;
	ip->src_addr = rte_cpu_to_be_32(OUR_IP);
	ip->dst_addr = rte_cpu_to_be_32(KERNEL_IP);
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	return ip + 1;
}

/* Is this an IPv4 frame of that protocol, for us? */
static struct rte_ipv4_hdr *ip_of(struct rte_mbuf *m, uint8_t proto)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(eth + 1);

	if (m->data_len < RTE_ETHER_HDR_LEN + sizeof(*ip) ||
	    eth->ether_type != rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4) ||
	    ip->next_proto_id != proto || ip->dst_addr != rte_cpu_to_be_32(OUR_IP))
		return NULL;
	return ip;
}

static bool is_arp_reply(struct rte_mbuf *m)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	struct rte_arp_hdr *arp = (struct rte_arp_hdr *)(eth + 1);

	if (m->data_len < 42 || eth->ether_type != rte_cpu_to_be_16(RTE_ETHER_TYPE_ARP) ||
	    arp->arp_opcode != rte_cpu_to_be_16(RTE_ARP_OP_REPLY))
		return false;
	kernel_mac = arp->arp_data.arp_sha;
	return true;
}

static bool is_icmp_reply(struct rte_mbuf *m)
{
	struct rte_ipv4_hdr *ip = ip_of(m, IPPROTO_ICMP);

	return ip && ((struct rte_icmp_hdr *)(ip + 1))->icmp_type == RTE_IP_ICMP_ECHO_REPLY;
}

static bool is_udp(struct rte_mbuf *m)
{
	return ip_of(m, IPPROTO_UDP) != NULL;
}

/* The next frame that `is` says yes to, within three seconds; others are freed. */
static struct rte_mbuf *await(struct zl_port *p, bool (*is)(struct rte_mbuf *))
{
	for (unsigned i = 0; i < 30000; i++) {
		struct rte_mbuf *m;

		while (zl_port_rx(p, 0, &m, 1, 0)) {
			if (is(m))
				return m;
			rte_pktmbuf_free(m);
		}
		rte_delay_us_sleep(100);
	}
	fail_msg("no answer from the kernel");
	return NULL;
}

static void send_arp(struct zl_port *p)
{
	struct rte_mbuf *m;
	struct rte_arp_hdr *arp;

	memset(&kernel_mac, 0xff, sizeof(kernel_mac));
	arp = start_frame(p, &m, sizeof(*arp), RTE_ETHER_TYPE_ARP);
	arp->arp_hardware = rte_cpu_to_be_16(RTE_ARP_HRD_ETHER);
	arp->arp_protocol = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	arp->arp_hlen = 6;
	arp->arp_plen = 4;
	arp->arp_opcode = rte_cpu_to_be_16(RTE_ARP_OP_REQUEST);
	arp->arp_data.arp_sha = zl_port_info(p)->mac;
	arp->arp_data.arp_sip = rte_cpu_to_be_32(OUR_IP);
	arp->arp_data.arp_tip = rte_cpu_to_be_32(KERNEL_IP);
	zl_port_tx(p, 0, &m, 1, 0);
}

static void arp_is_answered(struct zl_port *p)
{
	send_arp(p);
	rte_pktmbuf_free(await(p, is_arp_reply));
}

static void ping_is_answered(struct zl_port *p)
{
	struct rte_mbuf *m;
	struct rte_icmp_hdr *icmp = start_ip(p, &m, sizeof(*icmp) + 56, IPPROTO_ICMP);

	icmp->icmp_type = RTE_IP_ICMP_ECHO_REQUEST;
	icmp->icmp_ident = 77;
	icmp->icmp_cksum = (uint16_t)~rte_raw_cksum(icmp, sizeof(*icmp) + 56);
	zl_port_tx(p, 0, &m, 1, 0);
	rte_pktmbuf_free(await(p, is_icmp_reply));
}

static int kernel_socket(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons(UDP_PORT),
				 .sin_addr.s_addr = htonl(KERNEL_IP)};
	struct timeval patience = {.tv_sec = 3};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	return fd;
}

/* Sends PAYLOAD bytes as a chain of header and payload, with the port's checksum offload if it has
 * one; the kernel's socket gets them, and sends them back. Returns the frame that comes back. */
static struct rte_mbuf *udp_echo(struct zl_port *p)
{
	int fd = kernel_socket();
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char bytes[2 * PAYLOAD];
	struct rte_mbuf *m, *tail = rte_pktmbuf_alloc(pools.frames);
	struct rte_udp_hdr *udp = start_ip(p, &m, sizeof(*udp), IPPROTO_UDP);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)udp - 1;

	memset(rte_pktmbuf_append(tail, PAYLOAD), 'z', PAYLOAD);
	rte_pktmbuf_chain(m, tail);
	udp->src_port = udp->dst_port = rte_cpu_to_be_16(UDP_PORT);
	udp->dgram_len = rte_cpu_to_be_16(sizeof(*udp) + PAYLOAD);
	ip->total_length = rte_cpu_to_be_16(sizeof(*ip) + sizeof(*udp) + PAYLOAD);
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	if (zl_port_info(p)->tx_offload & RTE_ETH_TX_OFFLOAD_UDP_CKSUM) {
		m->l2_len = RTE_ETHER_HDR_LEN;
		m->l3_len = sizeof(*ip);
		m->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_UDP_CKSUM;
		udp->dgram_cksum = rte_ipv4_phdr_cksum(ip, m->ol_flags);
	}
	zl_port_tx(p, 0, &m, 1, 0);
	assert_int_equal(recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &len),
			 PAYLOAD);
	assert_int_equal(bytes[PAYLOAD - 1], 'z');
	assert_int_equal(sendto(fd, bytes, PAYLOAD, 0, (struct sockaddr *)&from, len), PAYLOAD);
	close(fd);
	m = await(p, is_udp);
	assert_int_equal(m->pkt_len, RTE_ETHER_HDR_LEN + sizeof(*ip) + sizeof(*udp) + PAYLOAD);
	return m;
}

static bool udp_checksum_is_right(struct rte_mbuf *m)
{
	struct rte_ipv4_hdr *ip = ip_of(m, IPPROTO_UDP);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);
	uint16_t sent = udp->dgram_cksum;

	udp->dgram_cksum = 0;
	return rte_ipv4_udptcp_cksum(ip, udp) == sent;
}

static void kernel_answers(struct zl_port *p)
{
	struct rte_mbuf *m;

	arp_is_answered(p);
	ping_is_answered(p);
	m = udp_echo(p);
	assert_true(udp_checksum_is_right(m));
	rte_pktmbuf_free(m);
}

static void test_tap_talks_to_the_kernel_and_leaves_no_interface_behind(void **state)
{
	struct zl_ipc_port cfg = config(ZL_PORT_TAP, "zt0");
	struct zl_port *p;

	(void)state;
	memcpy(cfg.mac, "\2zltap", 6);
	cfg.mtu = 1400;
	p = open_port(&cfg);
	assert_memory_equal(&zl_port_info(p)->mac, cfg.mac, 6);
	assert_int_equal(zl_port_info(p)->mtu, 1400);
	shell("ip link set zt0 address 02:00:00:00:00:99 && ip addr add 10.9.0.1/24 dev zt0 && "
	      "ip link set zt0 up && ip link show zt0 | grep -q 'mtu 1400'");
	kernel_answers(p);
	zl_port_close(p);
	shell("! ip link show zt0 2>/dev/null");
	assert_true(eal_pools_full(&pools));
}

static void test_tap_with_an_unknown_option_is_refused(void **state)
{
	struct zl_ipc_port cfg = config(ZL_PORT_TAP, "zt2");
	char text[ZL_TEXT_MAX];

	(void)state;
	snprintf(cfg.options, sizeof(cfg.options), "nosuch=1");
	assert_null(zl_port_open(&cfg, 1, &pools.frames, NULL, text, sizeof(text)));
	assert_string_equal(text, "port p (tap zt2): is it in use, CAP_NET_ADMIN missing, or an "
				  "option wrong?");
	assert_int_equal(rte_eth_dev_count_avail(), 0);
}

static void test_tap_wakes_a_core_that_sleeps(void **state)
{
	struct zl_ipc_port cfg = config(ZL_PORT_TAP, "zt1");
	struct zl_port *p = open_port(&cfg);
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC), mark;
	struct epoll_event event;

	(void)state;
	shell("ip link set zt1 address 02:00:00:00:00:99 && ip addr add 10.9.0.1/24 dev zt1 && "
	      "ip link set zt1 up");
	arp_is_answered(p); /* whatever the interface said by itself on coming up is read */
	assert_int_equal(zl_port_intr_add(p, 0, epoll_fd, &mark), 0);
	send_arp(p);
	zl_port_intr_enable(p, 0);
	assert_int_equal(epoll_wait(epoll_fd, &event, 1, 3000), 1);
	assert_ptr_equal(event.data.ptr, &mark);
	zl_port_intr_disable(p, 0);
	rte_pktmbuf_free(await(p, is_arp_reply));
	close(epoll_fd);
	zl_port_close(p);
}

static void veth(const char *offload)
{
	char command[400];

	snprintf(command, sizeof(command),
		 "ip link add za type veth peer name zb && ip addr add 10.9.0.1/24 dev zb && "
		 "ip link set za up && ip link set zb up && ethtool -K zb tx %s >/dev/null",
		 offload);
	shell(command);
}

static void test_af_packet_talks_to_the_kernel_over_veth(void **state)
{
	struct zl_ipc_port cfg = config(ZL_PORT_AF_PACKET, "za");
	struct zl_port *p;

	(void)state;
	veth("off");
	p = open_port(&cfg);
	assert_int_equal(zl_port_intr_add(p, 0, -1, NULL), -ENOTSUP);
	kernel_answers(p);
	zl_port_close(p);
	shell("ip link del za");
	assert_true(eal_pools_full(&pools));
}

/* The driver does not hand on the kernel's TP_STATUS_CSUMNOTREADY, so such a frame cannot be told
 * from a broken one: the peer's checksum offload is to be off. */
static void test_af_packet_sees_unfinished_checksums_of_an_offloading_veth_peer(void **state)
{
	struct zl_ipc_port cfg = config(ZL_PORT_AF_PACKET, "za");
	struct zl_port *p;
	struct rte_mbuf *m;

	(void)state;
	veth("on");
	p = open_port(&cfg);
	arp_is_answered(p);
	m = udp_echo(p);
	assert_false(m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK);
	assert_false(udp_checksum_is_right(m));
	assert_false(zl_port_info(p)->rx_checked);
	rte_pktmbuf_free(m);
	zl_port_close(p);
	shell("ip link del za");
}

/* The driver makes the whole pool its UMEM, keeps what it has put into the fill ring when it closes
 * (2048 frames), and 80 bytes of libxdp's; so this pool is one of its own and is not counted. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:xsk_umem__create";
}

static void test_af_xdp_talks_to_the_kernel_over_veth(void **state)
{
	struct zl_ipc_port cfg = config(ZL_PORT_AF_XDP, "za");
	struct eal_pools others = pools;
	struct zl_port *p;

	(void)state;
	eal_pools_create(&pools, 8191, 1, 1);
	veth("off");
	p = open_port(&cfg);
	kernel_answers(p);
	zl_port_close(p);
	shell("ip link del za");
	eal_pools_free(&pools);
	pools = others;
}

static void test_an_interface_that_is_down_is_named_with_its_remedy(void **state)
{
	struct zl_ipc_port cfg = config(ZL_PORT_AF_PACKET, "za");
	char text[ZL_TEXT_MAX];

	(void)state;
	veth("off");
	shell("ip link set za down");
	assert_null(zl_port_open(&cfg, 1, &pools.frames, NULL, text, sizeof(text)));
	assert_string_equal(text, "port p (af_packet za): the interface is down; run `ip link set "
				  "za up`");
	shell("ip link set za up");
	cfg.mtu = 9000;
	assert_null(zl_port_open(&cfg, 1, &pools.frames, NULL, text, sizeof(text)));
	assert_string_equal(text, "port p (af_packet za): an MTU of 9000 is refused (Invalid "
				  "argument); leave mtu out for 1500");
	assert_int_equal(rte_eth_dev_count_avail(), 0);
	shell("ip link del za");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tap_talks_to_the_kernel_and_leaves_no_interface_behind),
		cmocka_unit_test(test_tap_with_an_unknown_option_is_refused),
		cmocka_unit_test(test_tap_wakes_a_core_that_sleeps),
		cmocka_unit_test(test_af_packet_talks_to_the_kernel_over_veth),
		cmocka_unit_test(
			test_af_packet_sees_unfinished_checksums_of_an_offloading_veth_peer),
		cmocka_unit_test(test_an_interface_that_is_down_is_named_with_its_remedy),
		cmocka_unit_test(test_af_xdp_talks_to_the_kernel_over_veth),
	};

	/* Before the EAL makes threads: they are to live in the namespace as well. */
	if (geteuid() || unshare(CLONE_NEWNET)) {
		fprintf(stderr, "SKIPPED: a network namespace of its own needs root (%s)\n",
			strerror(geteuid() ? EPERM : errno));
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, setup, teardown);
}
