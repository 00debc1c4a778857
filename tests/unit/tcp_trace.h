/* TCP tests as traces: segments in, segments out, under a clock that the test turns. Sequence
 * numbers count from each side's initial one (the SYN is 0, the first byte 1). We are 10.0.0.1, the
 * peer is 10.0.0.2. Header of tcp_trace.c. */
#ifndef ZL_TESTS_UNIT_TCP_TRACE_H
#define ZL_TESTS_UNIT_TCP_TRACE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <rte_tcp.h>

#include "dataplane/net/net.h"
#include "tests/unit/eal.h"

#define MS UINT64_C(1000000)

#define OUR_IP      0x0a000001u
#define PEER_IP     0x0a000002u
#define LISTEN_PORT 5555
#define PEER_PORT   40000
#define PEER_ISN    0xfffff000u /* so that every longer trace crosses 2^32 */

enum {
	F = RTE_TCP_FIN_FLAG,
	S = RTE_TCP_SYN_FLAG,
	R = RTE_TCP_RST_FLAG,
	P = RTE_TCP_PSH_FLAG,
	A = RTE_TCP_ACK_FLAG,
};

struct trace_segment {
	uint32_t seq, ack, len;
	uint16_t wnd;
	uint8_t flags, tos;
	int mss, wscale; /* -1: not there */
	bool has_ts;
	uint32_t ts_val, ts_ecr;
	char payload[2048];
};

struct trace {
	struct zl_net *net;
	struct eal_pools pools;
	uint64_t now_ns;
	struct rte_mbuf *sent[512];
	unsigned sent_first, sent_n;
	/* The peer */
	uint32_t our_isn, peer_isn;
	uint16_t our_port, peer_port;
	bool ts;                                /* it sends timestamps */
	uint32_t ts_val;                        /* its clock */
	uint32_t ts_seen;                       /* our last */
	bool port_full;                         /* frames wait at our port */
	const struct zl_tcp_settings *settings; /* of what we dial; NULL: none */
	/* The owner */
	struct zl_stream *stream;
	bool refuse;      /* do not accept */
	bool hold;        /* do not take */
	bool not_consume; /* take, but do not say that it was consumed */
	void (*on_readable)(struct trace *t);
	unsigned accepted, established, readable;
	uint32_t released_bytes, released_msgs;
	const char *reason;
	char got[65536];
	uint32_t got_n;
};

/* `change` may alter the defaults (rcvbuf 65535, no keepalive, user timeout 10 s, backlog 2). */
struct trace *trace_open(void (*change)(struct zl_tcp_config *c));
/* Asserts that no buffer was lost. */
void trace_close(struct trace *t);

/* A segment from the peer and the end of the turn. `options` are hexadecimal digits or NULL. */
void trace_in(struct trace *t, uint8_t flags, uint32_t seq, uint32_t ack, uint16_t wnd,
	      const char *options, const char *payload, uint32_t len);
/* The same, but the turn goes on. */
void trace_in_more(struct trace *t, uint8_t flags, uint32_t seq, uint32_t ack, uint16_t wnd,
		   const char *options, const char *payload, uint32_t len);
void trace_turn(struct trace *t);
/* The clock goes on, timers run as they are due. */
void trace_after(struct trace *t, uint64_t ns);

/* The next segment that we sent is this one (PSH is not looked at). */
struct trace_segment trace_out(struct trace *t, uint8_t flags, uint32_t seq, uint32_t ack,
			       uint32_t len);
void trace_silence(struct trace *t);
void trace_forget(struct trace *t);

/* Handshakes. The peer offers MSS 1000, no scaling; timestamps if t->ts. */
void trace_accept(struct trace *t, uint16_t wnd);
/* Only the SYN goes out, and is taken. */
void trace_dial(struct trace *t);
void trace_connect(struct trace *t, uint16_t wnd);
/* Append n bytes of a pattern that begins with `first`, as one message, and end the turn. */
void trace_write(struct trace *t, char first, uint32_t n);
uint64_t trace_count(const struct trace *t, enum zl_net_counter c);

#endif
