/* A session fed by a stranger, of any version of ZMTP. The first byte of the input says how bytes
 * are cut and how willing the owner is; the rest is what the peer sends, from the greeting on,
 * which is judged by control's own handshake. What is taken goes back to the stranger, and to a
 * second one of ZMTP 1.0. After each input every buffer must be back in its pool: a leak is as bad
 * as a crash.
 */
#include "control/handshake/handshake.h"
#include "dataplane/zmtp/session.h"
#include "tests/fuzz/exact.h"
#include "tests/unit/eal.h"

static struct eal_pools pools;
static struct zl_zmtp zmtp;
/* `old` sends nothing: its verdict is in when it opens. */
static struct peer {
	struct zl_stream stream;
	struct zl_session session;
	const uint8_t *at;
	size_t left;
	unsigned cut, take, offered;
	bool reluctant, exact; /* exact.h */
	struct zl_handshake handshake;
} peer, old;

static struct rte_mbuf *stream_take(struct zl_stream *s)
{
	struct peer *p = (struct peer *)s; /* its first member */
	size_t n = RTE_MIN(p->left, (size_t)p->cut);
	struct rte_mbuf *m;

	if (!n)
		return NULL;
	if (p->exact) {
		m = exact_segment(pools.frames, p->at, n);
	} else {
		m = rte_pktmbuf_alloc(pools.frames);
		require(m);
		memcpy(rte_pktmbuf_append(m, (uint16_t)n), p->at, n);
	}
	p->at += n;
	p->left -= n;
	return m;
}

static void stream_consumed(struct zl_stream *s, uint32_t n)
{
	(void)s;
	(void)n;
}

static void stream_event(struct zl_stream *s)
{
	(void)s;
}

static void stream_abort(struct zl_stream *s)
{
	zl_sendq_clear(&s->sendq);
}

static const struct zl_stream_ops stream_ops = {
	.take = stream_take,
	.consumed = stream_consumed,
	.output = stream_event,
	.shutdown = stream_event,
	.abort = stream_abort,
};

static bool owner_relay(struct zl_session *s, enum zl_relay kind, const uint8_t *bytes, uint32_t n)
{
	struct zl_handshake *h = &peer.handshake;

	require(n > 0);
	if (kind == ZL_RELAY_COMMAND && n >= 6 && !memcmp(bytes, "\5READY", 6))
		zl_session_ready(s, n & 1, h->zmtp);
	if (kind != ZL_RELAY_GREETING)
		return true;
	/* The session says where a greeting ends, control whether it is one. */
	switch (zl_handshake_greeting(h, bytes, n)) {
	case ZL_HANDSHAKE_MORE:
		require(!s->held);
		break;
	case ZL_HANDSHAKE_READY:
		require(s->held && h->zmtp < ZL_ZMTP_V3_0);
		zl_session_ready(s, true, h->zmtp);
		break;
	case ZL_HANDSHAKE_REFUSED:
		zl_session_close(s, zl_reason_name[h->reason], true);
		break;
	case ZL_HANDSHAKE_ASK: /* there is no ZAP handler */
		require(false);
		break;
	}
	h->output_bytes = 0;
	return true;
}

static volatile uint8_t seen;

/* Reads every byte, as an owner would. */
static void read_all(const struct zl_msg *m)
{
	const struct rte_mbuf *seg = (const struct rte_mbuf *)m->buf;
	uint32_t off = (uint32_t)(m->data - rte_pktmbuf_mtod(seg, const uint8_t *)), left = m->len;

	while (left) {
		uint32_t k = RTE_MIN(left, seg->data_len - off);

		require(k > 0 || seg->next);
		for (uint32_t i = 0; i < k; i++)
			seen = *rte_pktmbuf_mtod_offset(seg, const uint8_t *, off + i);
		left -= k;
		seg = seg->next;
		off = 0;
	}
}

static unsigned owner_deliver(struct zl_session *s, const struct zl_msg *msgs, unsigned n)
{
	struct zl_session *both[] = {s, &old.session};
	unsigned taken = 0, most = peer.reluctant ? peer.offered++ % 5 : n;

	for (unsigned i = 0; i < n; i++) {
		read_all(&msgs[i]);
		if (i < most && !(msgs[i].flags & ZL_MSG_MORE))
			taken = i + 1;
	}
	if (!taken && peer.offered > 10)
		taken = n; /* a message of many parts must get through at last */
	zl_session_write(&zmtp, both, 2, msgs, taken);
	return taken;
}

static void owner_released(struct zl_session *s, uint32_t msgs, uint32_t bytes)
{
	(void)s;
	(void)msgs;
	(void)bytes;
}

static void owner_established(struct zl_session *s)
{
	(void)s;
}

static void owner_closed(struct zl_session *s, const char *reason)
{
	require(reason && !s->stream);
}

static const struct zl_session_ops owner_ops = {
	.relay = owner_relay,
	.deliver = owner_deliver,
	.released = owner_released,
	.established = owner_established,
	.closed = owner_closed,
};

static void start(void)
{
	static bool started;

	if (started)
		return;
	started = true;
	eal_start(64);
	eal_pools_create(&pools, 8192, 2048, 256);
	zl_zmtp_init(&zmtp, &owner_ops, pools.frames, pools.indirect);
}

static void open_session(struct peer *p, uint64_t max_msg_bytes)
{
	memset(p, 0, sizeof(*p));
	p->stream.ops = &stream_ops;
	zl_sendq_init(&p->stream.sendq, pools.blocks);
	zl_session_open(&p->session, &zmtp, &p->stream, p, max_msg_bytes);
}

static void close_session(struct peer *p)
{
	zl_session_close(&p->session, "end of input", false);
	zl_zmtp_poll(&zmtp);
	zl_sendq_clear(&p->stream.sendq);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const unsigned cuts[] = {1, 7, 300, 1448, 2048};

	start();
	if (!n || n > 65536)
		return 0;
	open_session(&old, 0);
	zl_session_ready(&old.session, false, ZL_ZMTP_V1_0);
	open_session(&peer, 1 << 20);
	zl_handshake_start(&peer.handshake, ZL_XPUB, true, NULL, NULL);
	peer.handshake.output_bytes = 0;
	peer.cut = cuts[(data[0] & 0x3f) % RTE_DIM(cuts)];
	peer.exact = data[0] & 0x40;
	peer.reluctant = data[0] & 0x80;
	peer.at = data + 1;
	peer.left = n - 1;
	peer.stream.events->readable(&peer.stream);
	for (unsigned i = 0; i < 2000 && peer.session.stalled; i++)
		zl_session_input(&peer.session);
	peer.stream.peer_closed = true;
	peer.stream.events->readable(&peer.stream);
	close_session(&peer);
	close_session(&old);
	zl_zmtp_fini(&zmtp);
	require(eal_pools_full(&pools));
	return 0;
}
