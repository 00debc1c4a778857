/* A session in traffic: the input is its version and options, and a row of frames, each of a kind,
 * flags and a body; of a boxed session (CURVE) each is sealed here first, so that what is in a box
 * is the input's. Subscriptions and groups go on to a matcher, as does the topic of each message.
 * What the session says is read back, and opened; heartbeats run by a clock that the input turns.
 *
 * Messages that nothing is wrong with must come up as they were sent, in order. */
#include <sys/uio.h>

#include <sodium.h>

#include "dataplane/router/matcher.h"
#include "dataplane/zmtp/session.h"
#include "tests/fuzz/exact.h"
#include "tests/unit/eal.h"

#define BODY_MAX 70000
#define EXPECTED 512

static struct eal_pools pools;
static struct zl_zmtp zmtp;
static struct zl_matcher *matcher;
static const struct zl_ipc_boxes boxes = {
	.on = 1, .server = 1, .sent = 2, .received = 2, .key = "of two short-term pairs"};

static struct peer {
	struct zl_stream stream;
	struct zl_session session;
	bool gone;
} peer, other; /* other: of ZMTP 1.0, to whom all is written, too */

/* What is on its way to the session. */
static uint8_t wire[1 << 18];
static size_t wire_n, wire_at;
static unsigned cut;
static bool exact, boxed, old_frames;
static uint64_t sent_nonce, heard_nonce, now_ns;

/* Parts that must come up; once something doubtful was sent, no more are added. */
static struct {
	uint32_t hash, len;
	bool more;
} expected[EXPECTED];
static unsigned expected_n, expected_at;
static bool doubtful;
static unsigned reluctance, offered;

static uint32_t hash_of(uint32_t hash, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	return hash;
}

/* --- the stream --- */

static struct rte_mbuf *stream_take(struct zl_stream *s)
{
	/* However it is cut, there are buffers for all of it. */
	size_t n = RTE_MIN(wire_n - wire_at, RTE_MAX((size_t)cut, wire_n / 2000 + 1));
	struct rte_mbuf *m;

	if (s != &peer.stream || !n)
		return NULL;
	if (exact) {
		m = exact_segment(pools.frames, wire + wire_at, n);
	} else {
		m = rte_pktmbuf_alloc(pools.frames);
		require(m);
		memcpy(rte_pktmbuf_append(m, (uint16_t)n), wire + wire_at, n);
	}
	wire_at += n;
	return m;
}

static void stream_consumed(struct zl_stream *s, uint32_t n)
{
	(void)s, (void)n;
}

static void stream_event(struct zl_stream *s)
{
	(void)s;
}

static void stream_abort(struct zl_stream *s)
{
	zl_sendq_clear(&s->sendq);
}

static const struct zl_stream_ops stream_ops = {.take = stream_take,
						.consumed = stream_consumed,
						.output = stream_event,
						.shutdown = stream_event,
						.abort = stream_abort};

/* --- the owner --- */

/* The part's bytes in one piece, good until the next call. */
static const uint8_t *flatten(const struct zl_msg *m)
{
	static uint8_t flat[BODY_MAX + 64];
	const struct rte_mbuf *seg = (const struct rte_mbuf *)m->buf;
	uint32_t off = (uint32_t)(m->data - rte_pktmbuf_mtod(seg, const uint8_t *)), at = 0;

	require(m->len <= sizeof(flat));
	while (at < m->len) {
		uint32_t k = RTE_MIN(m->len - at, seg->data_len - off);

		require(k > 0 || seg->next);
		memcpy(flat + at, rte_pktmbuf_mtod_offset(seg, const uint8_t *, off), k);
		at += k;
		seg = seg->next;
		off = 0;
	}
	return flat;
}

static void check_expected(const struct zl_msg *m, const uint8_t *flat)
{
	if (m->flags & (ZL_MSG_SUBSCRIBE | ZL_MSG_CANCEL) || (m->len && flat[0] < 2) ||
	    expected_at == expected_n)
		return;
	require(expected[expected_at].len == m->len);
	require(expected[expected_at].hash == hash_of(0, flat, m->len));
	require(expected[expected_at].more == (m->flags & ZL_MSG_MORE));
	expected_at++;
}

static void match(const struct zl_msg *m, const uint8_t *flat)
{
	struct zl_match found;

	if (m->flags & (ZL_MSG_SUBSCRIBE | ZL_MSG_CANCEL)) {
		require(peer.session.takes_subscriptions || peer.session.takes_joins);
		if (m->flags & ZL_MSG_SUBSCRIBE)
			zl_matcher_add(matcher, flat, m->len, 0);
		else
			zl_matcher_remove(matcher, flat, m->len, 0);
		return;
	}
	found = zl_matcher_match(matcher, flat, RTE_MIN(m->len, 1000u));
	require(found.n <= 1);
}

static unsigned owner_deliver(struct zl_session *s, const struct zl_msg *msgs, unsigned n)
{
	struct zl_session *both[] = {s, &other.session};
	unsigned taken = 0, most = reluctance ? offered++ % reluctance : n;

	if (offered > 200)
		most = n;
	for (unsigned i = 0; i < n && i < most; i++)
		if (!(msgs[i].flags & ZL_MSG_MORE) || n == ZL_ZMTP_PARTS_A_CALL)
			taken = i + 1;
	if (!taken && offered > 20)
		taken = n; /* a message of many parts must get through at last */
	for (unsigned i = 0; i < taken; i++) {
		const uint8_t *flat = flatten(&msgs[i]);

		check_expected(&msgs[i], flat);
		match(&msgs[i], flat);
	}
	zl_session_write(&zmtp, both, 2, msgs, taken);
	return taken;
}

static bool owner_relay(struct zl_session *s, enum zl_relay kind, const uint8_t *bytes, uint32_t n)
{
	(void)s, (void)bytes;
	require(n > 0 && kind <= ZL_RELAY_MESSAGE);
	return true;
}

static void owner_released(struct zl_session *s, uint32_t msgs, uint32_t bytes)
{
	(void)s, (void)msgs, (void)bytes;
}

static void owner_event(struct zl_session *s)
{
	(void)s;
}

static void owner_closed(struct zl_session *s, const char *reason)
{
	require(reason && !s->stream);
	((struct peer *)s->owner)->gone = true;
}

static const struct zl_session_ops owner_ops = {.relay = owner_relay,
						.deliver = owner_deliver,
						.released = owner_released,
						.established = owner_event,
						.expected = owner_event,
						.closed = owner_closed};

/* --- what the session says --- */

static void open_box(const uint8_t *body, size_t n)
{
	static uint8_t plain[BODY_MAX + 64];
	uint8_t nonce[24] = "CurveZMQMESSAGES";
	uint64_t number = 0;

	require(n >= 33 && memcmp(body, "\7MESSAGE", 8) == 0);
	memcpy(nonce + 16, body + 8, 8);
	for (unsigned i = 0; i < 8; i++)
		number = number << 8 | body[8 + i];
	require(number > heard_nonce);
	heard_nonce = number;
	require(crypto_box_open_easy_afternm(plain, body + 16, n - 16, nonce, boxes.key) == 0);
}

/* All that is queued is read, and acknowledged. */
static void read_back(struct peer *p)
{
	static uint8_t said[1 << 20];
	struct iovec v[64];
	size_t n = 0;

	while (p->stream.sendq.bytes && !p->gone) {
		unsigned pieces = zl_sendq_peek(&p->stream.sendq, v, RTE_DIM(v));
		size_t here = 0;

		require(pieces > 0);
		for (unsigned i = 0; i < pieces; i++) {
			require(n + here + v[i].iov_len <= sizeof(said));
			memcpy(said + n + here, v[i].iov_base, v[i].iov_len);
			here += v[i].iov_len;
		}
		n += here;
		uint32_t msgs = zl_sendq_ack(&p->stream.sendq, (uint32_t)here);
		if (p->session.stream)
			p->stream.events->released(&p->stream, (uint32_t)here, msgs);
	}
	for (size_t at = 0; boxed && p == &peer && at < n;) {
		size_t head = said[at] & 2 ? 9 : 2, body = 0;

		require(n - at >= head);
		for (size_t i = 1; i < head; i++)
			body = body << 8 | said[at + i];
		require(n - at - head >= body);
		open_box(said + at + head, body);
		at += head + body;
	}
}

/* --- what the peer says --- */

static void put(const void *bytes, size_t n)
{
	if (n > sizeof(wire) - wire_n) {
		doubtful = true;
		return;
	}
	memcpy(wire + wire_n, bytes, n);
	wire_n += n;
}

static void put_frame(uint8_t flags, const uint8_t *body, size_t n, bool force_long)
{
	uint64_t length = old_frames ? n + 1 : n;
	bool is_long = force_long || length > (old_frames ? 254 : 255);
	uint8_t head[10];
	unsigned at = 0;

	if (sizeof(wire) - wire_n < n + sizeof(head)) {
		doubtful = true;
		return;
	}
	if (!old_frames)
		head[at++] = flags | (is_long ? 2 : 0);
	else if (is_long)
		head[at++] = 0xff;
	for (int i = is_long ? 7 : 0; i >= 0; i--)
		head[at++] = (uint8_t)(length >> (8 * i));
	if (old_frames)
		head[at++] = flags & 1;
	put(head, at);
	put(body, n);
}

/* how: 1 another nonce, 2 altered, 4 in a frame of a command. */
static void put_box(uint8_t flags, const uint8_t *body, size_t n, uint8_t how, struct feed *f)
{
	static uint8_t plain[BODY_MAX + 1], box[BODY_MAX + 64];
	uint8_t nonce[24] = "CurveZMQMESSAGEC";

	plain[0] = (uint8_t)((flags & 1) | (flags & 4 ? 2 : 0) | (flags & 0xf0));
	memcpy(plain + 1, body, n);
	sent_nonce += how & 1 ? (uint64_t)(int8_t)feed_u8(f) : 1;
	for (unsigned i = 0; i < 8; i++)
		nonce[16 + i] = (uint8_t)(sent_nonce >> (56 - 8 * i));
	memcpy(box, "\7MESSAGE", 8);
	memcpy(box + 8, nonce + 16, 8);
	crypto_box_easy_afternm(box + 16, plain, n + 1, nonce, boxes.key);
	n += 33;
	if (how & 2)
		box[feed_u8(f) % n] ^= feed_u8(f);
	put_frame(how & 4 ? 4 : 0, box, n, how & 8);
	doubtful |= how & 7;
}

static void say(struct feed *f, uint8_t flags, const uint8_t *body, size_t n, uint8_t how)
{
	if (boxed)
		put_box(flags, body, n, how, f);
	else
		put_frame(flags, body, n, how & 8);
}

/* A body: as it is, or with a run of one byte behind it that makes it long. */
static size_t take_body(struct feed *f, uint8_t to[BODY_MAX], uint8_t how)
{
	const uint8_t *bytes;
	size_t n = feed_some(f, &bytes), run = how & 0x10 ? feed_u16(f) : 0;

	n = RTE_MIN(n, (size_t)4000);
	memcpy(to, bytes, n);
	memset(to + n, 'r', run);
	return n + run;
}

static uint8_t body[BODY_MAX];

static void message(struct feed *f)
{
	uint8_t how = feed_u8(f), more = how >> 7;
	size_t n = take_body(f, body, how);

	how &= how & 0x40 ? 0x1f : 0x18; /* mostly nothing is wrong */
	say(f, more, body, n, how);
	doubtful |= expected_n == EXPECTED || (boxed && how & 7) || n > peer.session.max_msg_bytes;
	if (doubtful || (n && body[0] < 2))
		return;
	expected[expected_n].len = (uint32_t)n;
	expected[expected_n].hash = hash_of(0, body, n);
	expected[expected_n++].more = more;
}

static void command(struct feed *f)
{
	static const char *const names[] = {"\11SUBSCRIBE", "\6CANCEL", "\4JOIN",  "\5LEAVE",
					    "\4PING",       "\4PONG",   "\5READY", "\5ERROR"};
	uint8_t which = feed_u8(f), how = feed_u8(f);
	const char *name = names[which % 8];
	size_t n = strlen(name);

	memcpy(body, name, n);
	n += take_body(f, body + n, how & 0x10 ? how & 0xf & feed_u8(f) : how);
	say(f, 4, body, n, how & 0x40 ? how & 0x1f : how & 0x18);
	/* Inside of a message, of what it asks, or after an ERROR: who knows. */
	doubtful |= old_frames || which % 8 == 7 || which % 8 < 6 ||
		    (expected_n && expected[expected_n - 1].more);
}

static void subscribe(struct feed *f)
{
	uint8_t how = feed_u8(f);
	size_t n;

	body[0] = how & 1;
	n = 1 + take_body(f, body + 1, how);
	doubtful |= n > peer.session.max_msg_bytes;
	say(f, how & 2 ? 1 : 0, body, n, how & 8);
	doubtful |= how & 2;
}

static void as_it_is(struct feed *f)
{
	const uint8_t *bytes;
	size_t n = feed_some(f, &bytes);

	doubtful = true;
	put(bytes, n);
}

static void odd_frame(struct feed *f)
{
	uint8_t flags = feed_u8(f), how = feed_u8(f);
	size_t n = take_body(f, body, how);

	doubtful = true;
	say(f, flags, body, n, how & 0x1f);
}

/* --- what else happens --- */

static void hear(struct feed *f)
{
	uint8_t how = feed_u8(f);

	if (peer.session.stream)
		peer.stream.events->readable(&peer.stream);
	if (how & 1)
		zl_zmtp_poll(&zmtp);
	if (how & 2)
		read_back(&peer);
	if (how & 4)
		read_back(&other);
}

static void go_on(struct feed *f)
{
	reluctance = feed_u8(f) % 8;
	if (peer.session.stream)
		zl_session_input(&peer.session);
}

static void control_says(struct feed *f)
{
	static const uint8_t frame[] = "\4\12\11SUBSCRIBE\4\7\6CANCEL";

	(void)f;
	if (peer.session.stream && peer.session.version >= ZL_ZMTP_V3_1)
		zl_session_send(&peer.session, frame, sizeof(frame) - 1);
}

static void beat(struct feed *f)
{
	uint8_t how = feed_u8(f);
	const struct zl_heartbeats ours = {
		.interval_ms = how & 0xf, .timeout_ms = how >> 4, .ttl_ds = how};

	now_ns += feed_u16(f) * UINT64_C(1000000);
	if (!peer.session.stream)
		return;
	if (feed_u8(f) & 1)
		zl_session_heartbeats(&peer.session, &ours, now_ns);
	else
		zl_session_heartbeat(&peer.session, now_ns);
}

static void open_session(struct peer *p, uint64_t max, bool subscriptions,
			 enum zl_zmtp_version version)
{
	memset(p, 0, sizeof(*p));
	p->stream.ops = &stream_ops;
	zl_sendq_init(&p->stream.sendq, pools.blocks);
	zl_session_open(&p->session, &zmtp, &p->stream, p, max);
	if (p == &peer && boxed)
		zl_session_box(&p->session, &boxes);
	zl_session_ready(&p->session, subscriptions, version);
}

static void close_session(struct peer *p)
{
	if (p->session.stream)
		zl_session_close(&p->session, "end of input", false);
	zl_zmtp_poll(&zmtp);
	zl_sendq_clear(&p->stream.sendq);
}

static void start(void)
{
	if (matcher)
		return;
	eal_start(64);
	require(sodium_init() >= 0);
	eal_pools_create(&pools, 8191, 2047, 511);
	zl_zmtp_init(&zmtp, &owner_ops, pools.frames, pools.indirect);
	matcher = zl_matcher_create(1 << 20, 1);
	require(matcher);
}

static void begin(struct feed *f)
{
	static const enum zl_zmtp_version versions[] = {ZL_ZMTP_V3_1, ZL_ZMTP_V3_0, ZL_ZMTP_V2_0,
							ZL_ZMTP_V1_0};
	static const unsigned cuts[] = {1460, 1, 7, 300, 2048, 64, 1448, 33};
	uint8_t kind = feed_u8(f), how = feed_u8(f);
	enum zl_zmtp_version version = versions[kind & 3];

	boxed = kind & 4 && version >= ZL_ZMTP_V3_0;
	old_frames = version == ZL_ZMTP_V1_0;
	exact = kind & 8;
	cut = cuts[how & 7];
	reluctance = how >> 4 & 7;
	offered = 0;
	wire_n = wire_at = 0;
	expected_n = expected_at = 0;
	doubtful = false;
	sent_nonce = heard_nonce = 2;
	now_ns = 1;
	open_session(&other, 0, false, ZL_ZMTP_V1_0);
	open_session(&peer, how & 8 ? 3000 : 1 << 17, kind & 16, version);
	peer.session.takes_joins = !(kind & 16) && kind & 32;
	peer.session.only_first_subscribes = kind & 64;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static void (*const steps[])(struct feed * f) = {
		message,   message, message, command, command,      subscribe, as_it_is,
		odd_frame, hear,    hear,    go_on,   control_says, beat};
	struct feed f = {data, n};

	start();
	begin(&f);
	while (f.left)
		steps[feed_u8(&f) % RTE_DIM(steps)](&f);
	hear(&f);
	for (unsigned i = 0; i < 2000 && peer.session.stream && peer.session.stalled; i++)
		zl_session_input(&peer.session);
	/* Parts of a message whose last was not sent stay below. */
	if (!doubtful && peer.session.stream && (!expected_n || !expected[expected_n - 1].more))
		require(expected_at == expected_n);
	peer.stream.peer_closed = true;
	if (peer.session.stream)
		peer.stream.events->readable(&peer.stream);
	read_back(&other);
	close_session(&peer);
	close_session(&other);
	zl_zmtp_fini(&zmtp);
	zl_matcher_remove_slot(matcher, 0);
	while (!zl_matcher_sweep(matcher, 1000))
		;
	require(eal_pools_full(&pools));
	return 0;
}
