/* The dataplane as control speaks to it: the host core's requests and catalogue, and behind them
 * two poll cores with their sockets, devices, peers and matchers, turned by hand. Packets are
 * plausible but for what the input changes in them; only those that pass zl_ipc_check() are taken,
 * as those off the socket are. Streams come in by fake ones, and say what the input has them say.
 * What the cores tell control is checked. After each input all is taken down, and every buffer and
 * letter must be back. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/dataplane.h"
#include "tests/fuzz/exact.h"
#include "tests/unit/eal.h"

#define POLL_CORES 2
#define CORES      3 /* and the host core, here without the kernel's sockets */
#define PEERS      24
#define STREAMS    8
#define WIRE_MAX   4096

static struct zl_dataplane d;
static struct zl_lcore core[CORES];
static struct zl_peer peers[CORES][PEERS];
static struct eal_pools pools;
static int control = -1; /* its end of the socket */
static unsigned blocks_of_lanes;
static const bool never;

static struct stream {
	struct zl_stream stream; /* first */
	struct zl_lcore *core;
	uint64_t id;
	uint8_t wire[WIRE_MAX];
	size_t n, at;
	bool open, shut;
} streams[STREAMS];

void zl_say(const char *format, ...)
{
	(void)format; /* main.c's */
}

/* --- streams --- */

static struct rte_mbuf *stream_take(struct zl_stream *s)
{
	struct stream *w = (struct stream *)s;
	size_t n = RTE_MIN(w->n - w->at, (size_t)1000);
	struct rte_mbuf *m;

	if (!n)
		return NULL;
	m = exact_segment(pools.frames, w->wire + w->at, n);
	w->at += n;
	return m;
}

static void stream_consumed(struct zl_stream *s, uint32_t n)
{
	(void)s, (void)n;
}

static void stream_output(struct zl_stream *s)
{
	require(((struct stream *)s)->open);
}

static void stream_shutdown(struct zl_stream *s)
{
	((struct stream *)s)->shut = true;
}

static void stream_abort(struct zl_stream *s)
{
	zl_sendq_clear(&s->sendq);
	((struct stream *)s)->open = false;
}

static const struct zl_stream_ops stream_ops = {.take = stream_take,
						.consumed = stream_consumed,
						.output = stream_output,
						.shutdown = stream_shutdown,
						.abort = stream_abort};

/* The peer acknowledges all; a stream that was shut down is over then. */
static void acknowledge(struct stream *w)
{
	uint32_t bytes = (uint32_t)w->stream.sendq.bytes, msgs;

	if (!w->open)
		return;
	if (bytes) {
		msgs = zl_sendq_ack(&w->stream.sendq, bytes);
		w->stream.events->released(&w->stream, bytes, msgs);
	}
	if (w->open && w->shut) {
		w->open = false;
		w->stream.events->closed(&w->stream, "closed");
	}
}

/* --- the cores --- */

static void hear_control(void)
{
	uint64_t packet[ZL_IPC_PACKET_MAX / 8];
	const struct zl_ipc_stream_open *m = zl_ipc_body(packet);
	int fd;
	long n;

	while ((n = zl_ipc_recv(control, packet, &fd)) > 0) {
		if (((struct zl_ipc_header *)packet)->type != ZL_IPC_STREAM_OPEN)
			continue;
		for (unsigned i = 0; i < STREAMS; i++)
			if (streams[i].open && !streams[i].id &&
			    streams[i].core == &core[m->stream >> 56]) {
				streams[i].id = m->stream;
				break;
			}
	}
	require(n == -EAGAIN); /* -EBADMSG: what control is told is malformed */
}

/* As host.c has it. */
static void from_core(unsigned id, struct zl_letter *letter)
{
	if (zl_letter_header(letter)->type == ZL_IPC_RESULT)
		zl_request_answer(&d, id, letter);
	else
		zl_host_send(&d, letter);
}

static void turns(unsigned n)
{
	struct zl_letter *letter;

	while (n--) {
		for (unsigned i = 0; i < CORES; i++) {
			core[i].now_ns += 10000;
			zl_core_turn(&core[i]);
			while ((letter = zl_mailbox_take(&core[i].to_host)))
				from_core(i, letter);
		}
		hear_control();
	}
}

static void open_core(unsigned id)
{
	struct zl_lcore *c = &core[id];
	const struct zl_net_config net = {.ops = &zl_core_net_ops,
					  .ctx = c,
					  .frames = pools.frames,
					  .indirect = pools.indirect,
					  .blocks = pools.blocks,
					  .socket_id = SOCKET_ID_ANY,
					  .tcp = {.max_connections = 16, .backlog = 2}};
	char name[32];

	*c = (struct zl_lcore){.id = id,
			       .cores = CORES,
			       .poll_cores = POLL_CORES,
			       .mid_lane = -1,
			       .control = true,
			       .all = d.core,
			       .frames = pools.frames,
			       .indirect = pools.indirect,
			       .blocks = pools.blocks,
			       .letters = d.letters,
			       .stop = &never,
			       .handshake_ms = 1000,
			       .pipe_bytes_max = UINT64_MAX,
			       .now_ns = 1000000000,
			       .stats = d.stats,
			       .peers = peers[id],
			       .peers_max = PEERS};
	d.core[id] = c;
	for (uint32_t i = PEERS; i-- > 0;) {
		peers[id][i] = (struct zl_peer){.index = i, .next_free = c->free_peers};
		c->free_peers = &peers[id][i];
	}
	require(zl_strangers_open(&c->strangers, 6, 4) == 0);
	c->net = zl_net_create(&net);
	require(c->net);
	zl_timer_wheel_init(&c->timers, c->now_ns);
	zl_door_init(&c->door);
	zl_zmtp_init(&c->zmtp, &zl_core_session_ops, c->frames, c->indirect);
	require(zl_doorbell_open(&c->bell) == 0);
	snprintf(name, sizeof(name), "to_core%u", id);
	require(zl_mailbox_open(&c->to_core, name, 256, &c->bell) == 0);
	snprintf(name, sizeof(name), "to_host%u", id);
	require(zl_mailbox_open(&c->to_host, name, 1024, &d.bell) == 0);
}

static void start(void)
{
	int pair[2];
	char name[32];

	if (control >= 0)
		return;
	eal_start(256);
	eal_pools_create(&pools, 4095, 1023, 1023);
	d.letters = zl_letter_pool(1024);
	require(d.letters && zl_doorbell_open(&d.bell) == 0);
	require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) == 0);
	d.control = pair[0];
	control = pair[1];
	d.epoll = d.listener = d.signals = -1;
	d.has_setup = d.running = true;
	d.setup = (struct zl_ipc_setup){.poll_cores = POLL_CORES, .matcher_mb = 1};
	d.stats_fd = zl_publish_create(CORES, 0, PEERS, &d.stats);
	require(d.stats_fd >= 0);
	for (unsigned i = 0; i < CORES; i++)
		open_core(i);
	for (unsigned from = 0; from < CORES; from++)
		for (unsigned to = 0; to < CORES; to++) {
			if (from == to)
				continue;
			snprintf(name, sizeof(name), "lane%uto%u", from, to);
			require(zl_lane_open(&core[from].lane[to], name, pools.blocks,
					     &core[to].bell, SOCKET_ID_ANY) == 0);
			core[to].inbound[from] = core[from].lane[to].ring;
		}
	blocks_of_lanes = rte_mempool_in_use_count(pools.blocks);
}

/* --- what control says --- */

static uint64_t packet[ZL_IPC_PACKET_MAX / 8];
static struct zl_ipc_header *const header = (void *)packet;
static uint64_t seq;

/* Sizes that only control's limits hold in check are held in check here. */
static void hold_in_check(void)
{
	struct zl_ipc_socket *s = zl_ipc_body(packet);
	struct zl_ipc_endpoint *e = zl_ipc_body(packet);

	if (header->type == ZL_IPC_SOCKET_ADD) {
		s->policy.last.bytes %= 1 << 20;
		s->policy.last.topics %= 256;
		s->policy.last.message_bytes %= 1 << 16;
		s->policy.slow.waiting %= 1 << 12;
	}
	if (header->type == ZL_IPC_ENDPOINT_ADD) {
		e->carrier = ZL_CARRIER_STACK;
		e->ip = 0; /* of what port there is none */
	}
}

static void deliver(struct feed *f)
{
	uint8_t how = feed_u8(f), *bytes = (uint8_t *)packet;
	struct zl_letter *letter;

	for (unsigned i = 0; i < (how & 3); i++)
		bytes[sizeof(*header) + feed_u16(f) % (header->length - sizeof(*header))] = feed_u8(
			f);
	hold_in_check();
	if (zl_ipc_check(packet, header->length) || !(letter = zl_letter_new(d.letters)))
		return;
	letter->object = NULL;
	memcpy(letter->packet, packet, header->length);
	zl_request_take(&d, letter);
	turns(how >> 2 & 3);
}

static uint32_t some_id(struct feed *f)
{
	return 1 + feed_u8(f) % 12;
}

static void socket_add(struct feed *f)
{
	struct zl_ipc_socket *m = zl_ipc_begin(packet, ZL_IPC_SOCKET_ADD, ++seq);
	uint8_t how = feed_u8(f);

	zl_options_default(&m->options);
	m->id = some_id(f);
	m->type = feed_u8(f) % ZL_SOCKET_TYPES;
	m->home = feed_u8(f) % CORES;
	strcpy(m->name, "s");
	m->sndhwm = how & 15;
	m->rcvhwm = how >> 4;
	m->sndbuf = 1 << 16;
	m->max_msg_bytes = 1 << 16;
	deliver(f);
}

static void device_add(struct feed *f)
{
	struct zl_ipc_device *m = zl_ipc_begin(packet, ZL_IPC_DEVICE_ADD, ++seq);

	m->id = some_id(f);
	m->kind = feed_u8(f) % ZL_DEVICE_KINDS;
	strcpy(m->name, "d");
	m->frontend = some_id(f);
	m->backend = some_id(f);
	m->capture = feed_u8(f) & 1 ? some_id(f) : 0;
	deliver(f);
}

/* What `say` below begins with is for it. */
static const uint8_t null_3_1[ZL_GREETING_BYTES] = {0xff, [9] = 0x7f, 3, 1, 'N', 'U', 'L', 'L'};

static void opening(uint32_t endpoint, bool at_greeting)
{
	struct zl_ipc_endpoint_set *m = zl_ipc_begin(packet, ZL_IPC_ENDPOINT_SET, ++seq);
	const uint8_t quiet[] = {4};

	m->id = endpoint;
	m->at_greeting = at_greeting;
	m->bytes = sizeof(null_3_1) + (at_greeting ? 0 : 8);
	memcpy(m->opening, null_3_1, sizeof(null_3_1));
	memcpy(m->opening + sizeof(null_3_1), "\4\6\5READY", 8);
	deliver(&(struct feed){quiet, 1});
}

/* Two sockets that fit, a device and its endpoints: 1 and 2, 3, 4 and 5. */
static void device_whole(struct feed *f)
{
	static const struct {
		enum zl_device_kind kind;
		enum zl_socket_type front, back;
	} fit[] = {{ZL_FORWARDER, ZL_XSUB, ZL_XPUB},   {ZL_STREAMER, ZL_PULL, ZL_PUSH},
		   {ZL_QUEUE, ZL_ROUTER, ZL_DEALER},   {ZL_BRIDGE, ZL_PAIR, ZL_PAIR},
		   {ZL_BRIDGE, ZL_DISH, ZL_RADIO},     {ZL_BRIDGE, ZL_SERVER, ZL_PEER},
		   {ZL_BRIDGE, ZL_GATHER, ZL_SCATTER}, {ZL_BRIDGE, ZL_CLIENT, ZL_CHANNEL}};
	uint8_t how = feed_u8(f);
	unsigned which = how % RTE_DIM(fit), home = feed_u8(f) % CORES;
	const uint8_t quiet[] = {4};

	for (unsigned i = 0; i < 2; i++) {
		struct zl_ipc_socket *m = zl_ipc_begin(packet, ZL_IPC_SOCKET_ADD, ++seq);

		zl_options_default(&m->options);
		m->id = 1 + i;
		m->type = i ? fit[which].back : fit[which].front;
		m->home = home;
		strcpy(m->name, "s");
		m->sndhwm = m->rcvhwm = 10;
		m->sndbuf = 1 << 16;
		m->max_msg_bytes = 1 << 16;
		deliver(&(struct feed){quiet, 1});
	}
	struct zl_ipc_device *m = zl_ipc_begin(packet, ZL_IPC_DEVICE_ADD, ++seq);

	*m = (struct zl_ipc_device){
		.id = 3, .kind = fit[which].kind, .name = "d", .frontend = 1, .backend = 2};
	deliver(&(struct feed){quiet, 1});
	for (unsigned i = 0; i < 2; i++) {
		struct zl_ipc_endpoint *e = zl_ipc_begin(packet, ZL_IPC_ENDPOINT_ADD, ++seq);

		*e = (struct zl_ipc_endpoint){
			.id = 4 + i, .socket = 1 + i, .port = (uint16_t)(5 + i), .text = "tcp://*"};
		deliver(&(struct feed){quiet, 1});
		if (how & 0x80)
			opening(4 + i, how & 0x40);
	}
}

static void endpoint_add(struct feed *f)
{
	struct zl_ipc_endpoint *m = zl_ipc_begin(packet, ZL_IPC_ENDPOINT_ADD, ++seq);

	m->id = some_id(f);
	m->socket = some_id(f);
	m->connect = feed_u8(f) & 1;
	m->port = feed_u8(f) % 8;
	strcpy(m->text, "tcp://*");
	deliver(f);
}

static void by_id(struct feed *f)
{
	static const uint16_t types[] = {ZL_IPC_SOCKET_DEL, ZL_IPC_DEVICE_DEL, ZL_IPC_ENDPOINT_DEL,
					 ZL_IPC_DIAL,       ZL_IPC_DEVICE_SET, ZL_IPC_ENDPOINT_SET};
	struct zl_ipc_id *m = zl_ipc_begin(packet, types[feed_u8(f) % RTE_DIM(types)], ++seq);

	m->id = some_id(f);
	m->reserved = header->type == ZL_IPC_DEVICE_SET && feed_u8(f) & 1; /* paused */
	deliver(f);
}

static struct stream *some_stream(struct feed *f)
{
	return &streams[feed_u8(f) % STREAMS];
}

static void ready(struct feed *f)
{
	struct zl_ipc_stream_ready *m = zl_ipc_begin(packet, ZL_IPC_STREAM_READY, 0);
	static const uint32_t versions[] = {ZL_ZMTP_V3_1, ZL_ZMTP_V3_0, ZL_ZMTP_V2_0, ZL_ZMTP_V1_0};

	m->stream = some_stream(f)->id;
	m->peer_type = feed_u8(f) % ZL_SOCKET_TYPES;
	m->zmtp = versions[feed_u8(f) & 3];
	m->identity_len = feed_u8(f) % 4;
	feed_over(f, m->identity, m->identity_len);
	deliver(f);
}

static void stream_send(struct feed *f)
{
	struct zl_ipc_stream_send *m = zl_ipc_begin(packet, ZL_IPC_STREAM_SEND, 0);
	static const char frames[] = "\4\12\11SUBSCRIBE\0\3abc";

	m->stream = some_stream(f)->id;
	m->bytes = feed_u8(f) & 1 ? 12 : sizeof(frames) - 1;
	memcpy(m + 1, frames, m->bytes);
	header->length += m->bytes;
	deliver(f);
}

static void stream_close(struct feed *f)
{
	struct zl_ipc_stream_close *m = zl_ipc_begin(packet, ZL_IPC_STREAM_CLOSE, 0);

	m->stream = some_stream(f)->id;
	strcpy(m->reason, "revoked");
	deliver(f);
}

static void match(struct feed *f)
{
	struct zl_ipc_match *m = zl_ipc_begin(packet, ZL_IPC_MATCH, 0);
	unsigned n = feed_u8(f) % 6;

	m->core = feed_u8(f) % CORES;
	m->socket = some_id(f);
	for (unsigned i = 0; i < n; i++) {
		uint8_t how = feed_u8(f);
		const uint8_t *prefix;
		size_t bytes = feed_take(f, how & 7, &prefix);
		struct zl_ipc_match_prefix r = {.len = (uint16_t)bytes, .op = how >> 3 & 1};

		r.target = how & 0x10 ? ZL_MATCH_CORE | (how >> 5) % CORES : some_stream(f)->id;
		memcpy((uint8_t *)packet + header->length, &r, sizeof(r));
		memcpy((uint8_t *)packet + header->length + sizeof(r), prefix, bytes);
		header->length += (uint32_t)(sizeof(r) + bytes);
		m->bytes += (uint32_t)(sizeof(r) + bytes);
		m->count++;
	}
	deliver(f);
}

static void other(struct feed *f)
{
	static const uint16_t types[] = {ZL_IPC_DUMP, ZL_IPC_COUNT,   ZL_IPC_SUBS_ACK, ZL_IPC_SETUP,
					 ZL_IPC_PORT, ZL_IPC_ELEMENT, ZL_IPC_START};
	uint16_t type = types[feed_u8(f) % RTE_DIM(types)];
	uint64_t *body = zl_ipc_begin(packet, type, ++seq);

	*body = feed_u8(f);
	deliver(f);
}

/* --- what strangers do --- */

static void accept_one(struct feed *f)
{
	struct stream *w = some_stream(f);
	struct zl_lcore *c = &core[feed_u8(f) % POLL_CORES];
	uint32_t endpoint = some_id(f);

	if (w->open)
		return;
	memset(w, 0, sizeof(*w));
	w->stream.ops = &stream_ops;
	w->stream.remote.ip = 0x0a000000 | feed_u8(f) % 4;
	zl_sendq_init(&w->stream.sendq, pools.blocks);
	w->core = c;
	w->open = true;
	w->open = zl_peer_accept(c, endpoint, &w->stream) && w->open;
	turns(1);
}

static void hear(struct stream *w)
{
	if (w->open)
		w->stream.events->readable(&w->stream);
}

static void say(struct feed *f)
{
	struct stream *w = some_stream(f);
	uint8_t how = feed_u8(f);
	const uint8_t *bytes;
	size_t n = feed_some(f, &bytes);

	if (!w->open || w->n + 64 + 8 + n > WIRE_MAX)
		return;
	if (how & 1) { /* a greeting and a READY, before */
		memcpy(w->wire + w->n, null_3_1, 64);
		memcpy(w->wire + w->n + 64, "\4\6\5READY", 8);
		w->n += 72;
	}
	memcpy(w->wire + w->n, bytes, n);
	w->n += n;
	hear(w);
	if (how & 2)
		turns(1);
}

static void end(struct feed *f)
{
	struct stream *w = some_stream(f);
	uint8_t how = feed_u8(f);

	if (!w->open)
		return;
	if (how & 1) {
		w->open = false;
		w->stream.events->closed(&w->stream, "reset");
		zl_sendq_clear(&w->stream.sendq);
	} else {
		w->stream.peer_closed = true;
		hear(w);
	}
}

static void go_on(struct feed *f)
{
	uint8_t how = feed_u8(f);

	if (how & 1)
		for (unsigned i = 0; i < STREAMS; i++)
			acknowledge(&streams[i]);
	if (how & 2)
		for (unsigned i = 0; i < CORES; i++)
			core[i].now_ns += (uint64_t)feed_u8(f) * 10000000;
	for (unsigned i = 0; how & 0x80 && i < CORES; i++)
		zl_publish(&core[i]);
	turns(1 + (how >> 2) % 4);
}

/* --- the end --- */

static void drop_peers(void)
{
	for (unsigned i = 0; i < CORES; i++)
		for (unsigned k = 0; k < PEERS; k++)
			if (peers[i][k].state != ZL_PEER_FREE && peers[i][k].state != ZL_PEER_GONE)
				zl_peer_close(&peers[i][k], "end", false);
	turns(6);
	for (unsigned i = 0; i < STREAMS; i++)
		if (streams[i].open) {
			streams[i].shut = true;
			acknowledge(&streams[i]);
		}
	turns(6);
	for (unsigned i = 0; i < CORES; i++)
		require(core[i].peers_open == 0);
}

static void drop_all(uint16_t del, const uint32_t *ids, size_t each, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint32_t id = *(const uint32_t *)((const char *)ids + i * each);
		struct zl_letter *letter = zl_letter_new(d.letters);
		struct zl_ipc_id *m;

		require(letter);
		letter->object = NULL;
		m = zl_ipc_begin(letter->packet, del, ++seq);
		m->id = id;
		if (!id) {
			zl_letter_free(letter);
			continue;
		}
		zl_request_take(&d, letter);
		turns(2);
		require(*(const uint32_t *)((const char *)ids + i * each) == 0);
	}
}

static void take_down(void)
{
	struct zl_letter *letter;

	turns(8);
	drop_peers();
	drop_all(ZL_IPC_DEVICE_DEL, &d.catalog.device[0].id, sizeof(d.catalog.device[0]),
		 ZL_DEVICES_MAX);
	drop_all(ZL_IPC_ENDPOINT_DEL, &d.catalog.endpoint[0].id, sizeof(d.catalog.endpoint[0]),
		 ZL_ENDPOINTS_MAX);
	drop_all(ZL_IPC_SOCKET_DEL, &d.catalog.socket[0].id, sizeof(d.catalog.socket[0]),
		 ZL_SHARDS_MAX);
	turns(4);
	while ((letter = zl_letter_pop(&d.journal)))
		zl_letter_free(letter);
	for (unsigned i = 0; i < ZL_REQUESTS_MAX; i++)
		require(!d.request[i].seq);
	for (unsigned i = 0; i < CORES; i++) {
		zl_count_stop(&core[i]);
		zl_zmtp_fini(&core[i].zmtp);
		require(core[i].strangers.n == 0 && core[i].strangers.top == 0);
		require(!core[i].waits_relay && !core[i].waits_deliver && !core[i].waits_lane &&
			!core[i].dues);
	}
	require(!d.to_control.head && rte_mempool_full(d.letters));
	require(rte_mempool_full(pools.frames) && rte_mempool_full(pools.indirect) &&
		rte_mempool_in_use_count(pools.blocks) == blocks_of_lanes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static void (*const steps[])(struct feed * f) = {
		socket_add,   device_add, device_whole, device_whole, endpoint_add,
		by_id,        accept_one, accept_one,   say,          say,
		ready,        ready,      match,        match,        stream_send,
		stream_close, other,      end,          go_on,        go_on};
	struct feed f = {data, n};

	start();
	memset(streams, 0, sizeof(streams));
	d.journal_acked = 0;
	d.quit = false;
	while (f.left)
		steps[feed_u8(&f) % RTE_DIM(steps)](&f);
	take_down();
	return 0;
}
