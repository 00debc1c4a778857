/* A stack, a peer made of hand-written segments, and an owner that notes what it is told. */
#include "tests/unit/tcp_trace.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ip.h>

static const struct rte_ether_addr our_mac = {{2, 0, 0, 0, 0, 1}};
static const struct rte_ether_addr peer_mac = {{2, 0, 0, 0, 0, 2}};

static void transmit(void *ctx, uint16_t port, struct rte_mbuf **frames, unsigned n)
{
	struct trace *t = ctx;

	(void)port;
	assert_true(t->sent_n + n <= RTE_DIM(t->sent));
	memcpy(t->sent + t->sent_n, frames, n * sizeof(*frames));
	t->sent_n += n;
}

static bool tx_waits(void *ctx, uint16_t port)
{
	const struct trace *t = ctx;

	(void)port;
	return t->port_full;
}

static uint64_t random_bits(void *ctx)
{
	(void)ctx;
	return 0x123456789abcdef1ull;
}

static void on_established(struct zl_stream *s)
{
	((struct trace *)s->owner)->established++;
}

static void on_readable(struct zl_stream *s)
{
	struct trace *t = s->owner;
	struct rte_mbuf *m;

	t->readable++;
	if (t->on_readable) {
		t->on_readable(t);
		return;
	}
	while (!t->hold && (m = s->ops->take(s))) {
		assert_int_equal(m->nb_segs, 1);
		assert_true(m->data_len > 0 && t->got_n + m->data_len <= sizeof(t->got));
		memcpy(t->got + t->got_n, rte_pktmbuf_mtod(m, char *), m->data_len);
		t->got_n += m->data_len;
		if (!t->not_consume)
			s->ops->consumed(s, m->data_len);
		rte_pktmbuf_free(m);
	}
}

static void on_released(struct zl_stream *s, uint32_t bytes, uint32_t msgs)
{
	struct trace *t = s->owner;

	t->released_bytes += bytes;
	t->released_msgs += msgs;
}

static void on_closed(struct zl_stream *s, const char *reason)
{
	struct trace *t = s->owner;

	assert_null(t->reason);
	t->reason = reason;
	t->stream = NULL;
}

static const struct zl_stream_events events = {.established = on_established,
					       .readable = on_readable,
					       .released = on_released,
					       .closed = on_closed};

static bool on_accept(void *ctx, uint64_t cookie, struct zl_stream *s)
{
	struct trace *t = ctx;

	assert_int_equal(cookie, 77);
	t->accepted++;
	if (t->refuse)
		return false;
	s->events = &events;
	s->owner = t;
	t->stream = s;
	return true;
}

struct trace *trace_open(void (*change)(struct zl_tcp_config *c))
{
	static const struct zl_net_ops ops = {.transmit = transmit,
					      .tx_waits = tx_waits,
					      .accept = on_accept,
					      .random = random_bits};
	struct trace *t = calloc(1, sizeof(*t));
	struct zl_net_config config = {.ops = &ops, .ctx = t, .socket_id = SOCKET_ID_ANY};
	struct zl_net_port port = {.mac = our_mac, .mtu = 1500, .ip = OUR_IP, .prefix_len = 24};

	eal_pools_create(&t->pools, 511, 255, 63);
	config.frames = t->pools.frames;
	config.indirect = t->pools.indirect;
	config.blocks = t->pools.blocks;
	zl_tcp_config_default(&config.tcp);
	config.tcp.rcvbuf = 65535;
	config.tcp.user_timeout_ms = 10000;
	config.tcp.backlog = 2;
	config.tcp.max_connections = 16;
	if (change)
		change(&config.tcp);
	t->now_ns = 1000 * MS;
	t->net = zl_net_create(&config);
	assert_non_null(t->net);
	assert_int_equal(zl_net_port_add(t->net, 0, &port), 0);
	zl_net_neighbor_set(t->net, 0, PEER_IP, &peer_mac, t->now_ns);
	assert_int_equal(zl_tcp_listen(t->net, 0, LISTEN_PORT, 77), 0);
	t->peer_isn = PEER_ISN;
	t->our_port = LISTEN_PORT;
	t->peer_port = PEER_PORT;
	t->ts_val = 1000;
	return t;
}

void trace_forget(struct trace *t)
{
	while (t->sent_first < t->sent_n)
		rte_pktmbuf_free(t->sent[t->sent_first++]);
	t->sent_first = t->sent_n = 0;
}

void trace_close(struct trace *t)
{
	zl_net_destroy(t->net);
	trace_forget(t);
	assert_true(eal_pools_full(&t->pools));
	eal_pools_free(&t->pools);
	free(t);
}

static uint8_t hex(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static unsigned put_options(struct trace *t, uint8_t *out, const char *text)
{
	unsigned n = 0;

	for (; text && *text; text += 2)
		out[n++] = (uint8_t)(hex(text[0]) << 4 | hex(text[1]));
	if (t->ts && !text) {
		uint32_t ts[3] = {RTE_BE32(0x0101080a), rte_cpu_to_be_32(t->ts_val),
				  rte_cpu_to_be_32(t->ts_seen)};

		memcpy(out, ts, sizeof(ts));
		n = sizeof(ts);
	}
	return n;
}

void trace_in_more(struct trace *t, uint8_t flags, uint32_t seq, uint32_t ack, uint16_t wnd,
		   const char *options, const char *payload, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(t->pools.frames);
	struct rte_ether_hdr *eth = (void *)rte_pktmbuf_append(m, sizeof(*eth));
	struct rte_ipv4_hdr *ip = (void *)rte_pktmbuf_append(m, sizeof(*ip));
	struct rte_tcp_hdr *h = (void *)rte_pktmbuf_append(m, sizeof(*h));
	uint8_t bytes[40];
	unsigned n = put_options(t, bytes, options);

	memcpy(rte_pktmbuf_append(m, (uint16_t)n), bytes, n);
	if (len)
		memcpy(rte_pktmbuf_append(m, (uint16_t)len), payload, len);
	*eth = (struct rte_ether_hdr){our_mac, peer_mac, RTE_BE16(RTE_ETHER_TYPE_IPV4)};
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16((uint16_t)(m->pkt_len - sizeof(*eth))),
		.time_to_live = 64,
		.next_proto_id = IPPROTO_TCP,
		.src_addr = RTE_BE32(PEER_IP),
		.dst_addr = RTE_BE32(OUR_IP)};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	*h = (struct rte_tcp_hdr){.src_port = rte_cpu_to_be_16(t->peer_port),
				  .dst_port = rte_cpu_to_be_16(t->our_port),
				  .sent_seq = rte_cpu_to_be_32(t->peer_isn + seq),
				  .recv_ack = flags & A ? rte_cpu_to_be_32(t->our_isn + ack) : 0,
				  .data_off = (uint8_t)((sizeof(*h) + n) / 4 << 4),
				  .tcp_flags = flags,
				  .rx_win = rte_cpu_to_be_16(wnd)};
	h->cksum = rte_ipv4_udptcp_cksum(ip, h);
	zl_net_input(t->net, 0, &m, 1, t->now_ns);
}

void trace_turn(struct trace *t)
{
	zl_net_output(t->net, t->now_ns);
}

void trace_in(struct trace *t, uint8_t flags, uint32_t seq, uint32_t ack, uint16_t wnd,
	      const char *options, const char *payload, uint32_t len)
{
	trace_in_more(t, flags, seq, ack, wnd, options, payload, len);
	trace_turn(t);
}

void trace_after(struct trace *t, uint64_t ns)
{
	uint64_t until = t->now_ns + ns;

	while (t->now_ns < until) {
		uint64_t next = zl_net_next_timer(t->net);

		next = RTE_MAX(next, t->now_ns + 1);
		t->now_ns = RTE_MIN(until, next);
		zl_net_neighbor_set(t->net, 0, PEER_IP, &peer_mac, t->now_ns);
		zl_net_timers(t->net, t->now_ns);
		zl_net_output(t->net, t->now_ns);
	}
}

static void parse_options(struct trace_segment *s, const uint8_t *p, const uint8_t *end)
{
	uint32_t ts[2];

	s->mss = s->wscale = -1;
	while (p < end && *p) {
		if (*p == 1) {
			p++;
			continue;
		}
		if (*p == 2)
			s->mss = p[2] << 8 | p[3];
		if (*p == 3)
			s->wscale = p[2];
		if (*p == 8) {
			memcpy(ts, p + 2, sizeof(ts));
			s->has_ts = true;
			s->ts_val = rte_be_to_cpu_32(ts[0]);
			s->ts_ecr = rte_be_to_cpu_32(ts[1]);
		}
		p += p[1];
	}
}

/* A frame as it leaves us, its checksums verified. */
static void parse(struct rte_mbuf *m, struct rte_tcp_hdr *h, struct trace_segment *s)
{
	uint8_t frame[2048];
	const uint8_t *bytes = rte_pktmbuf_read(m, 0, m->pkt_len, frame);
	const struct rte_ipv4_hdr *ip = (const void *)(bytes + sizeof(struct rte_ether_hdr));
	const struct rte_tcp_hdr *tcp = (const void *)(ip + 1);
	unsigned header = (unsigned)(tcp->data_off >> 4) * 4;

	assert_int_equal(ip->next_proto_id, IPPROTO_TCP);
	assert_int_equal((uint16_t)(rte_ipv4_udptcp_cksum(ip, tcp) + 1) <= 1, 1); /* 0 or -0 */
	*h = *tcp;
	memset(s, 0, sizeof(*s));
	s->len = rte_be_to_cpu_16(ip->total_length) - (uint32_t)sizeof(*ip) - header;
	s->wnd = rte_be_to_cpu_16(tcp->rx_win);
	s->flags = tcp->tcp_flags & (uint8_t)~P;
	s->tos = ip->type_of_service;
	memcpy(s->payload, (const uint8_t *)tcp + header, s->len);
	parse_options(s, (const uint8_t *)(tcp + 1), (const uint8_t *)tcp + header);
}

struct trace_segment trace_out(struct trace *t, uint8_t flags, uint32_t seq, uint32_t ack,
			       uint32_t len)
{
	struct trace_segment s;
	struct rte_tcp_hdr h;

	assert_true(t->sent_first < t->sent_n);
	parse(t->sent[t->sent_first], &h, &s);
	rte_pktmbuf_free(t->sent[t->sent_first++]);
	if (t->sent_first == t->sent_n)
		t->sent_first = t->sent_n = 0;
	if (flags & S) {
		t->our_isn = rte_be_to_cpu_32(h.sent_seq);
		t->our_port = rte_be_to_cpu_16(h.src_port);
		t->peer_port = rte_be_to_cpu_16(h.dst_port);
	}
	s.seq = rte_be_to_cpu_32(h.sent_seq) - t->our_isn;
	s.ack = rte_be_to_cpu_32(h.recv_ack) - t->peer_isn;
	assert_int_equal(s.flags, flags);
	assert_int_equal(s.seq, seq);
	if (flags & A)
		assert_int_equal(s.ack, ack);
	assert_int_equal(s.len, len);
	if (s.has_ts)
		t->ts_seen = s.ts_val;
	return s;
}

void trace_silence(struct trace *t)
{
	assert_int_equal(t->sent_n - t->sent_first, 0);
}

/* MSS 1000, and NOP NOP timestamps 1000 */
static const char *peer_options(const struct trace *t)
{
	return t->ts ? "020403e80101080a000003e800000000" : "020403e8";
}

void trace_accept(struct trace *t, uint16_t wnd)
{
	trace_in(t, S, 0, 0, wnd, peer_options(t), NULL, 0);
	trace_out(t, S | A, 0, 1, 0);
	trace_in(t, A, 1, 1, wnd, NULL, NULL, 0);
	assert_non_null(t->stream);
	trace_silence(t);
}

void trace_dial(struct trace *t)
{
	struct zl_endpoint_addr remote = {.ip = PEER_IP, .port = 7777};

	assert_int_equal(zl_tcp_connect(t->net, &remote, &events, t, &t->stream, t->now_ns), 0);
	if (t->settings)
		zl_tcp_set(t->stream, t->settings);
	trace_turn(t);
	trace_out(t, S, 0, 0, 0);
}

void trace_connect(struct trace *t, uint16_t wnd)
{
	trace_dial(t);
	trace_in(t, S | A, 0, 1, wnd, peer_options(t), NULL, 0);
	trace_out(t, A, 1, 1, 0);
	assert_int_equal(t->established, 1);
}

void trace_write(struct trace *t, char first, uint32_t n)
{
	while (n) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(t->pools.frames);
		uint32_t len = RTE_MIN(n, 1500u), i;
		struct zl_slice slice = {.head = m, .seg = m, .len = len, .msgs = n == len};
		char *p = rte_pktmbuf_append(m, (uint16_t)len);

		for (i = 0; i < len; i++)
			p[i] = (char)(first++);
		assert_int_equal(zl_sendq_append(&t->stream->sendq, &slice), 0);
		rte_pktmbuf_free(m);
		n -= len;
	}
	t->stream->ops->output(t->stream);
	trace_turn(t);
}

uint64_t trace_count(const struct trace *t, enum zl_net_counter c)
{
	return zl_net_counters(t->net)[c];
}
