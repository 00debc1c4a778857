/* A stack, 10.0.0.1/24 with a gateway, on a wire that the fuzzer plays; random numbers and the
 * clock are the input's. What the stack sends is checked and kept until it is looked at. */
#ifndef ZL_TESTS_FUZZ_NET_BED_H
#define ZL_TESTS_FUZZ_NET_BED_H

#include <rte_arp.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "dataplane/net/net.h"
#include "tests/fuzz/feed.h"

#define OUR_IP      0x0a000001u
#define PEER_IP     0x0a000002u
#define GATEWAY_IP  0x0a0000feu
#define LISTEN_PORT 5555
#define MS          UINT64_C(1000000)

#define NET_RAW        113 /* the protocol that raw packets may have */
#define NET_OTHER_CORE 1   /* what is handed on to it comes in again at the next turn */

extern struct zl_net *net;
extern uint64_t now_ns;
extern const struct rte_ether_addr our_mac, peer_mac;
extern struct rte_mempool *net_frames;

/* For each input. `accept` as of zl_net_ops, and who looks at each frame that is sent: the bytes
 * are in one piece, and checked. Listens on LISTEN_PORT. */
void net_begin(bool (*accept)(void *ctx, uint64_t cookie, struct zl_stream *s),
	       void (*sent)(const uint8_t *frame, unsigned n));
/* Every buffer must be back. */
void net_end(void);

/* Headers before `n` bytes at `l4`, which has room for them; checksums are right. The frame's
 * length. */
#define NET_HEADERS (sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr))
unsigned net_wrap(uint8_t *frame, uint32_t src, uint32_t dst, uint8_t proto, unsigned n);
/* The frame comes in, cut in two segments at `cut`; a vector of its own, or with those before. */
void net_give(const uint8_t *frame, unsigned n, unsigned cut, bool more);
/* A packet's lengths must agree. */
void net_check_chain(const struct rte_mbuf *m);
/* The end of the turn. */
void net_turn(void);
/* Time goes on, timers run when they are due. */
void net_wait(uint64_t ns);
void net_set_port_full(bool full);

#endif
