/* A session fed by a stranger. The first byte of the input says how bytes are cut and how willing
 * the owner is; the rest is what the peer sends, from the greeting on. After each input every
 * buffer must be back in its pool: a leak is as bad as a crash. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/zmtp/session.h"
#include "tests/unit/eal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct eal_pools pools;
static struct zl_zmtp zmtp;
static struct peer {
	struct zl_stream stream;
	struct zl_session session;
	const uint8_t *at;
	size_t left;
	unsigned cut, take, offered;
	bool reluctant;
} peer;

static void require(bool yes)
{
	if (!yes)
		abort();
}

static struct rte_mbuf *stream_take(struct zl_stream *s)
{
	struct rte_mbuf *m;
	size_t n = RTE_MIN(peer.left, (size_t)peer.cut);

	(void)s;
	if (!n)
		return NULL;
	m = rte_pktmbuf_alloc(pools.frames);
	require(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)n), peer.at, n);
	peer.at += n;
	peer.left -= n;
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
	require(n > 0);
	if (kind == ZL_RELAY_COMMAND && n >= 6 && !memcmp(bytes, "\5READY", 6))
		zl_session_ready(s, n & 1, 1);
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
	struct zl_session *self = s;
	unsigned taken = 0, most = peer.reluctant ? peer.offered++ % 5 : n;

	for (unsigned i = 0; i < n; i++) {
		read_all(&msgs[i]);
		if (i < most && !(msgs[i].flags & ZL_MSG_MORE))
			taken = i + 1;
	}
	if (!taken && peer.offered > 10)
		taken = n; /* a message of many parts must get through at last */
	zl_session_write(&zmtp, &self, 1, msgs, taken);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const unsigned cuts[] = {1, 7, 300, 1448, 2048};

	start();
	if (!n || n > 65536)
		return 0;
	memset(&peer, 0, sizeof(peer));
	peer.cut = cuts[(data[0] & 0x7f) % RTE_DIM(cuts)];
	peer.reluctant = data[0] & 0x80;
	peer.at = data + 1;
	peer.left = n - 1;
	peer.stream.ops = &stream_ops;
	zl_sendq_init(&peer.stream.sendq, pools.blocks);
	zl_session_open(&peer.session, &zmtp, &peer.stream, &peer, 1 << 20);
	peer.stream.events->readable(&peer.stream);
	for (unsigned i = 0; i < 2000 && peer.session.stalled; i++)
		zl_session_input(&peer.session);
	peer.stream.peer_closed = true;
	peer.stream.events->readable(&peer.stream);
	zl_session_close(&peer.session, "end of input", false);
	zl_zmtp_poll(&zmtp);
	zl_sendq_clear(&peer.stream.sendq);
	zl_zmtp_fini(&zmtp);
	require(eal_pools_full(&pools));
	return 0;
}
