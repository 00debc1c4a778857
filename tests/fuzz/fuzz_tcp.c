/* TCP against a peer that the input plays: listening, dialling and established connections.
 * Segments have flags, options, a window and payload of the input's, and sequence and
 * acknowledgement numbers that are the input's distance from what would be right. The owner writes,
 * takes slowly or fast, shuts down and aborts; time goes on.
 *
 * Both directions carry a byte pattern: what is delivered must be the peer's, from its first byte
 * on and without a gap, and what is sent must be the owner's. */
#include <netinet/in.h>

#include "dataplane/net/tcp/tcp.h"
#include "tests/fuzz/net_bed.h"

#define FLOWS     4
#define PEER_ISN  0xffffff00u /* soon past 2^32 */
#define DIAL_PORT 7777

static struct flow {
	uint16_t our_port, peer_port;
	uint32_t our_isn, our_max; /* of what we have sent */
	uint32_t expects;          /* what our last segment acknowledged: where the peer goes on */
	uint32_t ts_seen;
	bool begun;
} flow[FLOWS];

static struct owner {
	struct zl_stream *stream;
	bool hold, late; /* takes nothing; takes, and lets go later */
	uint32_t got, wrote, not_consumed;
} owner[8];
static unsigned owners;

static uint8_t peer_byte(uint32_t seq)
{
	return (uint8_t)(seq * 7 + (seq >> 8));
}

static uint8_t our_byte(uint32_t at)
{
	return (uint8_t)(at * 5 + (at >> 7));
}

/* --- the owner --- */

static void take(struct owner *o)
{
	struct zl_stream *s = o->stream;
	uint32_t irs = conn_of(s)->irs;
	struct rte_mbuf *m;

	while (!o->hold && (m = s->ops->take(s))) {
		const uint8_t *at = rte_pktmbuf_mtod(m, const uint8_t *);

		require(m->nb_segs == 1 && m->data_len > 0);
		for (unsigned i = 0; i < m->data_len; i++)
			require(at[i] == peer_byte(irs + 1 + o->got + i));
		o->got += m->data_len;
		if (o->late)
			o->not_consumed += m->data_len;
		else
			s->ops->consumed(s, m->data_len);
		rte_pktmbuf_free(m);
	}
}

static void on_established(struct zl_stream *s)
{
	(void)s;
}

static void on_readable(struct zl_stream *s)
{
	take(s->owner);
}

static void on_released(struct zl_stream *s, uint32_t bytes, uint32_t msgs)
{
	(void)s, (void)bytes, (void)msgs;
}

static void on_closed(struct zl_stream *s, const char *reason)
{
	struct owner *o = s->owner;

	require(reason && o->stream == s);
	o->stream = NULL;
}

static const struct zl_stream_events events = {.established = on_established,
					       .readable = on_readable,
					       .released = on_released,
					       .closed = on_closed};

static struct owner *new_owner(void)
{
	for (unsigned i = 0; i < RTE_DIM(owner); i++)
		if (!owner[i].stream) {
			owner[i] = (struct owner){0};
			owners++;
			return &owner[i];
		}
	return NULL;
}

static bool on_accept(void *ctx, uint64_t cookie, struct zl_stream *s)
{
	struct owner *o = new_owner();

	(void)ctx;
	require(cookie == 77);
	if (!o || owners % 8 == 7)
		return false;
	o->stream = s;
	s->events = &events;
	s->owner = o;
	return true;
}

/* --- what we send --- */

static void on_sent(const uint8_t *frame, unsigned n)
{
	const struct rte_ipv4_hdr *ip = (const void *)(frame + sizeof(struct rte_ether_hdr));
	const struct rte_tcp_hdr *h = (const void *)(ip + 1);
	unsigned header = (unsigned)(h->data_off >> 4) * 4;
	const uint8_t *payload = (const uint8_t *)h + header;
	uint32_t seq = rte_be_to_cpu_32(h->sent_seq), len;

	if (n < NET_HEADERS + sizeof(*h) || ip->next_proto_id != IPPROTO_TCP)
		return;
	require(header >= sizeof(*h) && NET_HEADERS + header <= n);
	len = n - (unsigned)NET_HEADERS - header;
	for (unsigned i = 0; i < FLOWS; i++) {
		struct flow *f = &flow[i];

		if (rte_be_to_cpu_16(h->dst_port) != f->peer_port ||
		    (f->our_port && rte_be_to_cpu_16(h->src_port) != f->our_port))
			continue;
		if (h->tcp_flags & RTE_TCP_SYN_FLAG) {
			f->our_isn = f->our_max = seq;
			f->our_port = rte_be_to_cpu_16(h->src_port);
			f->begun = true;
		}
		if (h->tcp_flags & RTE_TCP_RST_FLAG || !f->begun)
			return;
		for (uint32_t k = 0; k < len; k++)
			require(payload[k] == our_byte(seq - f->our_isn - 1 + k));
		len += !!(h->tcp_flags & (RTE_TCP_SYN_FLAG | RTE_TCP_FIN_FLAG));
		f->our_max = seq_max(f->our_max, seq + len);
		if (h->tcp_flags & RTE_TCP_ACK_FLAG)
			f->expects = rte_be_to_cpu_32(h->recv_ack);
		if (header >= 32 && ((const uint8_t *)(h + 1))[2] == 1)
			memcpy(&f->ts_seen, (const uint8_t *)(h + 1) + 8, 4);
		return;
	}
}

/* --- what the input does --- */

static unsigned put_options(struct feed *in, struct flow *f, uint8_t *to)
{
	static const uint8_t of_syn[] = {2, 4, 3, 0xe8, 1, 3, 3, 4, 1, 1, 8, 10};
	uint8_t how = feed_u8(in);
	unsigned n = 0;

	if (how & 1) { /* MSS, window scale, timestamps */
		memcpy(to, of_syn, sizeof(of_syn));
		memset(to + 12, 0, 8);
		to[15] = feed_u8(in);
		return 20;
	}
	if (how & 2) {
		uint32_t ts = rte_cpu_to_be_32(feed_u16(in));

		memcpy(to, "\1\1\10\12", 4);
		memcpy(to + 4, &ts, 4);
		memcpy(to + 8, &f->ts_seen, 4);
		n = 12;
	}
	if (how & 4) {
		const uint8_t *bytes;
		unsigned more = (unsigned)feed_take(in, how >> 3 & 31, &bytes);

		more = RTE_MIN(more, 40 - n) & ~3u;
		memcpy(to + n, bytes, more);
		n += more;
	}
	return n;
}

/* A distance that is mostly none or small, and sometimes any. */
static uint32_t distance(struct feed *in, uint8_t how)
{
	switch (how & 3) {
	case 0:
		return 0;
	case 1:
		return (uint32_t)(int8_t)feed_u8(in);
	case 2:
		return (uint32_t)(int16_t)feed_u16(in);
	default:
		return feed_u32(in);
	}
}

static void segment(struct feed *in)
{
	static uint8_t frame[2048];
	struct flow *f = &flow[feed_u8(in) % FLOWS];
	struct rte_tcp_hdr *h = (void *)(frame + NET_HEADERS);
	uint8_t flags = feed_u8(in), how = feed_u8(in);
	uint32_t seq, ack;
	unsigned options, len, total, n;

	if (!f->our_port)
		f->our_port = LISTEN_PORT;
	if (flags & 0x40) /* what mostly comes */
		flags = flags & RTE_TCP_SYN_FLAG ? RTE_TCP_SYN_FLAG : RTE_TCP_ACK_FLAG;
	seq = f->expects + distance(in, how);
	ack = f->our_max + distance(in, how >> 2);
	memset(h, 0, sizeof(*h));
	options = put_options(in, f, (uint8_t *)(h + 1));
	len = how & 0x10 ? feed_u16(in) % 1461 : how & 0x20 ? feed_u8(in) : 0;
	len = RTE_MIN(len, 1460 - options);
	*h = (struct rte_tcp_hdr){.src_port = rte_cpu_to_be_16(f->peer_port),
				  .dst_port = rte_cpu_to_be_16(f->our_port),
				  .sent_seq = rte_cpu_to_be_32(seq),
				  .recv_ack = rte_cpu_to_be_32(ack),
				  .data_off = (uint8_t)((sizeof(*h) + options) / 4 << 4),
				  .tcp_flags = flags & 0x3f,
				  .rx_win = rte_cpu_to_be_16(how & 0x40 ? feed_u16(in) : 0xffff)};
	if (how & 0x80)
		h->data_off = feed_u8(in) | 0x40;
	total = (unsigned)sizeof(*h) + options + len;
	/* From where the header ends by its own word, whatever was meant. */
	for (unsigned at = (unsigned)(h->data_off >> 4) * 4, i = 0; at + i < total; i++)
		if (at >= sizeof(*h))
			((uint8_t *)h)[at + i] = peer_byte(seq + i + !!(flags & RTE_TCP_SYN_FLAG));
	n = net_wrap(frame, PEER_IP, OUR_IP, IPPROTO_TCP, total);
	if (how & 0x80)
		n = NET_HEADERS + 20 + feed_u8(in) % 24; /* shorter than it says */
	net_give(frame, n, flags & 0x80 ? 34 + 20 + feed_u8(in) : n, flags & 0x80);
}

/* SYN, SYN-ACK, ACK of a peer that behaves. */
static void connect_well(struct feed *in)
{
	static const uint8_t steps[] = {0, 0x40 | RTE_TCP_SYN_FLAG, 0, 0,
					0, 0x40 | RTE_TCP_ACK_FLAG, 0, 0};
	uint8_t which = feed_u8(in);

	for (unsigned i = 0; i < 2; i++) {
		uint8_t bytes[4];

		memcpy(bytes, steps + 4 * i, 4);
		bytes[0] = which;
		segment(&(struct feed){bytes, i ? 3 : 4});
		net_turn();
	}
}

static struct owner *some_owner(struct feed *in)
{
	struct owner *o = &owner[feed_u8(in) % 4];

	return o->stream ? o : NULL;
}

static void write_some(struct feed *in)
{
	struct owner *o = some_owner(in);
	uint32_t n = feed_u16(in) % 8000;

	if (!o || conn_of(o->stream)->flags & CONN_FIN_WANTED || o->stream->sendq.bytes > 60000)
		return;
	while (n) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(net_frames);
		uint32_t len = RTE_MIN(n, 1900u);
		struct zl_slice slice = {.head = m, .seg = m, .len = len, .msgs = 1};
		uint8_t *at;

		if (!m)
			return;
		at = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)len);
		for (uint32_t i = 0; i < len; i++)
			at[i] = our_byte(o->wrote + i);
		if (zl_sendq_append(&o->stream->sendq, &slice) == 0)
			o->wrote += len;
		else
			n = len;
		rte_pktmbuf_free(m);
		n -= len;
	}
	o->stream->ops->output(o->stream);
}

static void behave(struct feed *in)
{
	struct owner *o = some_owner(in);
	uint8_t how = feed_u8(in);

	if (!o)
		return;
	if (o->not_consumed)
		o->stream->ops->consumed(o->stream, o->not_consumed);
	o->not_consumed = 0;
	o->hold = how & 1;
	o->late = how & 2;
	if (!o->hold)
		take(o);
}

static void end(struct feed *in)
{
	struct owner *o = some_owner(in);
	uint8_t how = feed_u8(in);

	if (!o)
		return;
	if (how & 1) {
		o->stream->linger_ms = how & 2 ? how : 0;
		o->stream->ops->shutdown(o->stream);
		return;
	}
	o->stream->ops->abort(o->stream);
	o->stream = NULL;
}

/* The dialled flow is the last one: its peer's port is the one that listens there. */
static void dial(struct feed *in)
{
	const struct zl_endpoint_addr remote = {.ip = PEER_IP, .port = DIAL_PORT};
	struct zl_tcp_settings settings = {.connect_timeout_ms = feed_u8(in) * 10u,
					   .user_timeout_ms = 2000};
	struct owner *o = new_owner();

	if (!o || zl_tcp_connect(net, &remote, &events, o, &o->stream, now_ns))
		return;
	zl_tcp_set(o->stream, &settings);
	flow[FLOWS - 1] = (struct flow){.peer_port = DIAL_PORT, .expects = PEER_ISN};
}

static void forget_flow(struct feed *in)
{
	struct flow *f = &flow[feed_u8(in) % (FLOWS - 1)];

	*f = (struct flow){.peer_port = f->peer_port, .expects = PEER_ISN + feed_u16(in)};
}

static void turn(struct feed *in)
{
	net_set_port_full(feed_u8(in) == 1);
	net_turn();
}

static void wait_some(struct feed *in)
{
	uint8_t ms = feed_u8(in);

	net_wait((uint64_t)ms * ms * MS);
	zl_net_neighbor_set(net, 0, PEER_IP, &peer_mac, now_ns);
}

static void finish(void)
{
	for (unsigned i = 0; i < RTE_DIM(owner); i++)
		if (owner[i].stream && i % 2)
			owner[i].stream->ops->abort(owner[i].stream);
	net_turn();
	net_end();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static void (*const steps[])(struct feed * in) = {
		segment,    segment, segment, segment, connect_well, turn,     turn,
		write_some, behave,  end,     dial,    forget_flow,  wait_some};
	struct feed in = {data, n};

	net_begin(on_accept, on_sent);
	memset(owner, 0, sizeof(owner));
	owners = 0;
	for (unsigned i = 0; i < FLOWS; i++)
		flow[i] = (struct flow){
			.peer_port = (uint16_t)(i == FLOWS - 1 ? DIAL_PORT : 40000 + i),
			.expects = PEER_ISN};
	while (in.left)
		steps[feed_u8(&in) % RTE_DIM(steps)](&in);
	finish();
	return 0;
}
