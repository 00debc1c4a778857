/* One core's network stack: ports' addresses, ARP, IPv4, ICMP, IGMP, UDP, raw IP, TCP. Shared
 * nothing: every function is called on the owning core only. The stack is a function of what it is
 * given: frames, a clock reading (now_ns, monotonic, any epoch) and random numbers; it reads no
 * clock and calls no ethdev, which is what lets tests/sim run it in virtual time. No ZeroMQ in
 * here. */
#ifndef ZL_NET_NET_H
#define ZL_NET_NET_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "dataplane/net/stream.h"

struct zl_net;

#define ZL_PORTS_MAX 16
#define ZL_NET_BURST 32

/* What the stack hands upward and outward; given at start. */
struct zl_net_ops {
	/* Frames to send, complete with Ethernet header; the callee owns them. */
	void (*transmit)(void *ctx, uint16_t port, struct rte_mbuf **frames, unsigned n);
	/* Do frames wait at the port because its device has no room? As long as they do,
	 * connections send no new data: it would only wait behind them, and be dropped in the end.
	 * NULL: never. */
	bool (*tx_waits)(void *ctx, uint16_t port);
	/* A passive open reached ESTABLISHED. Fill s->events and s->owner and return true, or
	 * return false to have it reset. `cookie` is what zl_tcp_listen was given. */
	bool (*accept)(void *ctx, uint64_t cookie, struct zl_stream *s);
	/* An ARP mapping was learned or changed here; tell the other cores (zl_net_neighbor_set).
	 */
	void (*neighbor)(void *ctx, uint16_t port, uint32_t ip, const struct rte_ether_addr *mac);
	/* An IPv4 packet of that port's for a socket of that core (zl_udp_elsewhere,
	 * zl_raw_elsewhere), m's data being its IP header: to be given to that core's
	 * zl_net_handed_on. The callee owns it; its bytes are not to be changed. NULL: dropped. */
	void (*hand_on)(void *ctx, unsigned core, uint16_t port, struct rte_mbuf *packet);
	/* Random bits for ISNs, source ports, IP ids. */
	uint64_t (*random)(void *ctx);
	/* Would a segment of this flow, as it arrives here (remote -> local), be steered to this
	 * core? Used to choose source ports of active opens. NULL: yes to all. */
	bool (*lands_here)(void *ctx, uint16_t port, const struct zl_endpoint_addr *local,
			   const struct zl_endpoint_addr *remote);
};

struct zl_tcp_config {
	uint32_t rcvbuf;          /* bytes of receive window offered at most (256 KiB .. 1 GiB) */
	uint32_t min_rto_ms;      /* 200 */
	uint32_t max_rto_ms;      /* 60000 */
	uint32_t delayed_ack_ms;  /* 40 */
	uint32_t msl_ms;          /* TIME_WAIT is twice this; 1000 by default on an appliance */
	uint32_t user_timeout_ms; /* unacknowledged data this long closes the connection; 60000 */
	uint32_t syn_retries;     /* 5 */
	uint32_t keepalive_idle_ms, keepalive_interval_ms, keepalive_probes; /* idle 0: off */
	uint32_t backlog;         /* half-open connections a listener may hold */
	uint32_t max_connections; /* in all, per core */
};

struct zl_net_config {
	const struct zl_net_ops *ops;
	void *ctx;
	struct rte_mempool *frames;   /* direct buffers with headroom: headers and small payloads */
	struct rte_mempool *indirect; /* buffers without room of their own, to attach slices to */
	struct rte_mempool *blocks;   /* objects of ZL_SLICE_BLOCK_SIZE */
	struct zl_tcp_config tcp;
	int socket_id; /* NUMA node for the tables */
};

/* Fills in the defaults named above. */
void zl_tcp_config_default(struct zl_tcp_config *c);

/* Bytes of the tables for so many TCP connections, which are nearly all that a stack takes. */
size_t zl_tcp_bytes(uint32_t connections);
/* Allocates tables (start-up only). NULL with errno set on failure. */
struct zl_net *zl_net_create(const struct zl_net_config *config);
/* Resets every connection without events, frees everything. */
void zl_net_destroy(struct zl_net *net);

struct zl_net_port {
	struct rte_ether_addr mac;
	uint16_t mtu; /* IP bytes a frame: 1500 */
	uint64_t
		tx_offload; /* RTE_ETH_TX_OFFLOAD_* that the port will honour; 0: all in software */
	uint64_t rx_checked; /* RTE_MBUF_F_RX_{IP,L4}_CKSUM_GOOD are to be trusted if set */
	bool copies;         /* the device copies what it sends: references gain nothing */
	uint32_t ip;         /* host order; 0: none */
	uint8_t prefix_len;
	uint32_t gateway; /* host order; 0: none */
};
int zl_net_port_add(struct zl_net *net, uint16_t port, const struct zl_net_port *p);
/* Its address, host order; 0: none. */
uint32_t zl_net_address(const struct zl_net *net, uint16_t port);
/* The port whose address this is, or -1. */
int zl_net_port_of(const struct zl_net *net, uint32_t ip);
/* The port by which that host is reached, or -1. */
int zl_net_route(const struct zl_net *net, uint32_t ip);

/* A vector of received frames of one port; the stack owns them from here on. */
void zl_net_input(struct zl_net *net, uint16_t port, struct rte_mbuf **frames, unsigned n,
		  uint64_t now_ns);
/* From another core's zl_net_ops.hand_on: packets of one port, which this core has as well. */
void zl_net_handed_on(struct zl_net *net, uint16_t port, struct rte_mbuf **packets, unsigned n,
		      uint64_t now_ns);
/* Run timers that are due. */
void zl_net_timers(struct zl_net *net, uint64_t now_ns);
/* End of the turn: give sockets what was sent to their group here, call readable events that are
 * due, emit ACKs and data of streams marked for output, flush frames to ops->transmit. Call after
 * everything that may have appended. */
void zl_net_output(struct zl_net *net, uint64_t now_ns);
/* When the next timer is due, or at once, if another turn has work; UINT64_MAX: never. */
uint64_t zl_net_next_timer(const struct zl_net *net);

/* From another core's zl_net_ops.neighbor. */
void zl_net_neighbor_set(struct zl_net *net, uint16_t port, uint32_t ip,
			 const struct rte_ether_addr *mac, uint64_t now_ns);
/* Announce our addresses (gratuitous ARP): once the ports are up; one core only. */
void zl_net_announce(struct zl_net *net, uint64_t now_ns);

/* ip 0: every address of every port. -EADDRINUSE, -EADDRNOTAVAIL, -ENOSPC. */
int zl_tcp_listen(struct zl_net *net, uint32_t ip, uint16_t port, uint64_t cookie);
void zl_tcp_unlisten(struct zl_net *net, uint32_t ip, uint16_t port);
/* Active open; events->established or ->closed follows. -ENETUNREACH, -EADDRNOTAVAIL, -ENOBUFS. */
int zl_tcp_connect(struct zl_net *net, const struct zl_endpoint_addr *remote,
		   const struct zl_stream_events *events, void *owner, struct zl_stream **out,
		   uint64_t now_ns);

/* At once after zl_tcp_connect. */
void zl_tcp_set(struct zl_stream *s, const struct zl_tcp_settings *settings);
/* For connections that the listener opens from now on. -ENOENT: there is no such listener. */
int zl_tcp_listen_set(struct zl_net *net, uint32_t ip, uint16_t port,
		      const struct zl_tcp_settings *settings);
/* How many connections were shut down here and have something unacknowledged, if only that they
 * have no more to send: looks at all. */
uint32_t zl_tcp_sending(const struct zl_net *net);

/* Smoothed round-trip time of a stream of this stack in microseconds, 0 if none was measured. */
uint32_t zl_tcp_srtt_us(const struct zl_stream *s);

/* Counters (net_counters.def): one array per stack, read by anyone, written here. */
enum zl_net_counter {
#define X(name, text) ZL_NET_##name,
#include "dataplane/net/net_counters.def"
#undef X
	ZL_NET_COUNTERS
};
extern const char *const zl_net_counter_name[ZL_NET_COUNTERS]; /* "tcp_rx_segments" ... */
extern const char *const zl_net_counter_text[ZL_NET_COUNTERS];
const uint64_t *zl_net_counters(const struct zl_net *net);

#endif
