/* Control as the dataplane speaks to it: attaching, setting up or taking over, streams and their
 * handshakes, subscriptions, messages upstream, and connections that break. Packets are plausible
 * but for what the input changes in them, or bytes as they are; a client asks in between. */
#include <errno.h>

#include "tests/fuzz/control_bed.h"

static uint64_t packet[ZL_IPC_PACKET_MAX / 8];
static struct zl_ipc_header *const header = (void *)packet;

static uint64_t some_stream(struct feed *f)
{
	uint8_t which = feed_u8(f);

	return (uint64_t)(which % 3) << 56 | (1 + which / 3 % 12);
}

static uint32_t some_id(struct feed *f, const uint32_t *ids, unsigned n)
{
	uint8_t which = feed_u8(f);

	return which < 200 && n ? ids[which % n] : which;
}

/* Then some of it may be changed, and off it goes. */
static void deliver(struct feed *f)
{
	uint8_t how = feed_u8(f);
	uint8_t *bytes = (uint8_t *)packet;
	uint32_t n = header->length;

	for (unsigned i = 0; i < (how & 3); i++)
		bytes[feed_u16(f) % n] = feed_u8(f);
	bed_send(packet, n, -1);
	if (how & 4)
		bed_turn();
}

static void append(const void *bytes, size_t n)
{
	if (n > sizeof(packet) - header->length)
		n = sizeof(packet) - header->length;
	memcpy((uint8_t *)packet + header->length, bytes, n);
	header->length += (uint32_t)n;
}

/* Its core may have met it. */
static void met(struct zl_ipc_stream_open *m, uint8_t how)
{
	static const uint8_t g[64] = {0xff, [8] = 1, [9] = 0x7f, [10] = 3, 1, 'N', 'U', 'L', 'L'};
	static const uint8_t cut[] = {0, 10, 11, 64};

	m->said = how >> 2;
	m->bytes = cut[how & 3];
	append(g, m->bytes);
}

static void fill_open(struct zl_ipc_stream_open *m, struct feed *f)
{
	m->stream = some_stream(f);
	m->core = (uint32_t)(m->stream >> 56);
	m->endpoint = some_id(f, endpoint_id, endpoints);
	m->socket = some_id(f, socket_id, sockets);
	m->outgoing = feed_u8(f) & 1;
	m->carrier = feed_u8(f) % ZL_CARRIERS;
	m->remote = zl_ipc_end_ipv4(0x0a000040u + feed_u8(f) % 8, 4000);
}

static void stream_open(struct feed *f)
{
	struct zl_ipc_stream_open *m = zl_ipc_begin(packet, ZL_IPC_STREAM_OPEN, 0);
	uint8_t how;

	fill_open(m, f);
	how = feed_u8(f);
	if (how & 0x80)
		met(m, how & 0x7f);
	deliver(f);
}

static void give_bytes(uint64_t stream, enum zl_relay kind, const void *bytes, size_t n, bool more)
{
	struct zl_ipc_stream_bytes *m = zl_ipc_begin(packet, ZL_IPC_STREAM_BYTES, 0);

	m->stream = stream;
	m->kind = kind;
	m->more = more;
	append(bytes, n);
	m->bytes = header->length - (uint32_t)(sizeof(*header) + sizeof(*m));
}

static void stream_bytes(struct feed *f)
{
	uint64_t stream = some_stream(f);
	uint8_t how = feed_u8(f);
	const uint8_t *bytes;
	size_t n = feed_some(f, &bytes);

	give_bytes(stream, how % 3, bytes, n, how & 4);
	deliver(f);
}

/* Greeting and READY of a peer of a type that fits, with the input's identity. */
static void handshake(struct feed *f)
{
	static const uint8_t types[] = {ZL_XPUB, ZL_SUB, ZL_PUB,  ZL_XSUB,  ZL_DEALER,
					ZL_REQ,  ZL_REP, ZL_DISH, ZL_RADIO, ZL_ROUTER};
	uint64_t stream = some_stream(f);
	uint8_t how = feed_u8(f), g[64] = {0xff, [8] = 1, [9] = 0x7f, [10] = 3, [11] = how >> 7};
	const char *type = zl_socket_type_name[types[how % sizeof(types)]];
	uint8_t ready[600] = "\5READY\13Socket-Type\0\0\0";
	const uint8_t *identity;
	size_t n = 21, id_bytes = feed_some(f, &identity);

	strcpy((char *)g + 12, how & 0x40 ? "PLAIN" : "NULL");
	give_bytes(stream, ZL_RELAY_GREETING, g, 64, false);
	bed_send(packet, header->length, -1);
	if (how & 0x40) {
		give_bytes(stream, ZL_RELAY_COMMAND, "\5HELLO\5alice\6secret", 19, false);
		bed_send(packet, header->length, -1);
		memcpy(ready, "\10INITIATE", 9);
		memcpy(ready + 9, "\13Socket-Type\0\0\0", 15);
		n = 24;
	}
	ready[n++] = (uint8_t)strlen(type);
	memcpy(ready + n, type, strlen(type));
	n += strlen(type);
	id_bytes = id_bytes < 255 ? id_bytes : 255;
	if (id_bytes) {
		memcpy(ready + n, "\10Identity\0\0\0", 12);
		ready[n + 12] = (uint8_t)id_bytes;
		memcpy(ready + n + 13, identity, id_bytes);
		n += 13 + id_bytes;
	}
	give_bytes(stream, ZL_RELAY_COMMAND, ready, n, false);
	deliver(f);
}

/* Greeting and a HELLO of CURVE, which takes keys to look at; or what may follow. */
static void curve(struct feed *f)
{
	uint64_t stream = some_stream(f);
	uint8_t how = feed_u8(f), body[300] = "\5HELLO\1\0";
	uint8_t g[64] = {0xff, [8] = 1, [9] = 0x7f, [10] = 3, [11] = 1};

	strcpy((char *)g + 12, "CURVE");
	if (how & 1) {
		give_bytes(stream, ZL_RELAY_GREETING, g, 64, false);
		bed_send(packet, header->length, -1);
	}
	if (how & 2)
		memcpy(body, "\10INITIATE", 9);
	memset(body + 9, how, sizeof(body) - 9);
	feed_over(f, body + 80, 40);
	give_bytes(stream, ZL_RELAY_COMMAND, body, how & 2 ? 9 + 248 : 6 + 194, false);
	deliver(f);
}

static void stream_closed(struct feed *f)
{
	struct zl_ipc_stream_closed *m = zl_ipc_begin(packet, ZL_IPC_STREAM_CLOSED, 0);
	const uint8_t *reason;
	uint8_t how = feed_u8(f);
	size_t n = feed_take(f, how & 0x1f, &reason);

	m->stream = how & 0x80 ? 0 : some_stream(f);
	m->endpoint = some_id(f, endpoint_id, endpoints);
	memcpy(m->reason, reason, n);
	if (!n)
		strcpy(m->reason, how & 0x40 ? "refused" : "reset_by_peer");
	deliver(f);
}

static void stream_sent(struct feed *f)
{
	struct zl_ipc_stream_sent *m = zl_ipc_begin(packet, ZL_IPC_STREAM_SENT, 0);

	m->stream = some_stream(f);
	m->total = feed_u8(f) & 1 ? feed_u32(f) : 64 + feed_u8(f);
	deliver(f);
}

static void stream_subs(struct feed *f)
{
	struct zl_ipc_subs *m = zl_ipc_begin(packet, ZL_IPC_STREAM_SUBS, 0);
	unsigned n = feed_u8(f) % 8;

	m->stream = some_stream(f);
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *prefix;
		size_t bytes = feed_some(f, &prefix);
		struct zl_ipc_prefix r = {.len = (uint16_t)bytes, .op = feed_u8(f) & 1};

		if (header->length + sizeof(r) + bytes > sizeof(packet))
			break;
		append(&r, sizeof(r));
		append(prefix, bytes);
		m->count++;
		m->bytes += (uint32_t)(sizeof(r) + bytes);
	}
	deliver(f);
}

/* What a running dataplane tells, between DUMP and its RESULT. */
static void state(struct feed *f)
{
	static const uint16_t types[] = {ZL_IPC_STREAM_STATE, ZL_IPC_MATCH_STATE, ZL_IPC_SOCKET_ADD,
					 ZL_IPC_DEVICE_ADD, ZL_IPC_ENDPOINT_ADD};
	uint16_t type = types[feed_u8(f) % 5];
	void *body = zl_ipc_begin(packet, type, feed_u8(f));

	if (type == ZL_IPC_STREAM_STATE) {
		struct zl_ipc_stream_state *m = body;

		fill_open(&m->open, f);
		m->ready.stream = m->open.stream;
		m->ready.peer_type = feed_u8(f) % ZL_SOCKET_TYPES;
		m->ready.zmtp = feed_u8(f) & 1 ? ZL_ZMTP_V3_1 : ZL_ZMTP_V3_0;
		m->ready.identity_len = feed_u8(f);
		feed_over(f, m->ready.identity, feed_u8(f));
		feed_over(f, m->ready.user, feed_u8(f) % 8);
		m->sent_total = feed_u8(f);
	} else if (type == ZL_IPC_MATCH_STATE) {
		struct zl_ipc_match *m = body;
		struct zl_ipc_match_prefix r = {.op = 1};
		const uint8_t *prefix;
		size_t n = feed_take(f, feed_u8(f), &prefix);

		m->core = feed_u8(f) % 3;
		m->socket = some_id(f, socket_id, sockets);
		r.target = feed_u8(f) & 1 ? ZL_MATCH_CORE | feed_u8(f) % 3 : some_stream(f);
		r.len = (uint16_t)n;
		m->count = 1;
		m->bytes = (uint32_t)(sizeof(r) + n);
		append(&r, sizeof(r));
		append(prefix, n);
	} else if (type == ZL_IPC_SOCKET_ADD) {
		struct zl_ipc_socket *m = body;
		static const char *const names[] = {"feed.frontend", "feed.backend",
						    "work.frontend", "radio.backend", "else"};

		zl_options_default(&m->options);
		m->id = feed_u8(f);
		m->type = feed_u8(f) % ZL_SOCKET_TYPES;
		strcpy(m->name, names[feed_u8(f) % 5]);
		if (sockets < SOCKETS)
			socket_id[sockets++] = m->id;
	} else if (type == ZL_IPC_DEVICE_ADD) {
		struct zl_ipc_device *m = body;

		m->id = feed_u8(f);
		m->kind = feed_u8(f) % ZL_DEVICE_KINDS;
		strcpy(m->name, feed_u8(f) & 1 ? "feed" : "work");
		m->frontend = some_id(f, socket_id, sockets);
		m->backend = some_id(f, socket_id, sockets);
		m->capture = feed_u8(f) & 1 ? some_id(f, socket_id, sockets) : 0;
	} else {
		struct zl_ipc_endpoint *m = body;

		m->id = feed_u8(f);
		m->socket = some_id(f, socket_id, sockets);
		m->connect = feed_u8(f) & 1;
		m->port = feed_u8(f) % 12;
		m->ip = feed_u8(f) & 1 ? 0x0a000009 : 0;
		strcpy(m->text, m->connect ? "tcp://10.0.0.9:2" : "tcp://*:1");
		if (endpoints < ENDPOINTS)
			endpoint_id[endpoints++] = m->id;
	}
	deliver(f);
}

static void as_it_is(struct feed *f)
{
	const uint8_t *bytes;
	size_t n = feed_some(f, &bytes);

	n = n < sizeof(packet) ? n : sizeof(packet);
	memcpy(packet, bytes, n);
	if (n)
		bed_send(packet, n, -1);
}

/* A RESULT of the input's; or how requests are answered from now on. */
static void result(struct feed *f)
{
	struct zl_ipc_result *m;
	uint8_t how = feed_u8(f);

	if (how & 1) {
		answers = how & 2;
		answer_with = how & 4 ? -EADDRINUSE : 0;
		return;
	}
	m = zl_ipc_begin(packet, ZL_IPC_RESULT, feed_u8(f));
	m->error = -(int32_t)(how >> 4);
	feed_over(f, m->text, feed_u8(f) % 64);
	deliver(f);
}

static void turn(struct feed *f)
{
	(void)f;
	bed_turn();
}

static void tick(struct feed *f)
{
	(void)f;
	bed_tick();
}

static void lose(struct feed *f)
{
	if (!bed_attached()) {
		for (unsigned i = 0; i < 4; i++)
			bed_tick();
		bed_attach(feed_u8(f) & 1);
	} else if (feed_u8(f) & 1) {
		bed_detach();
	}
	bed_turn();
}

static void hello(struct feed *f)
{
	if (feed_u8(f) & 1)
		bed_send_stats(f);
	else
		bed_attach(feed_u8(f) & 1);
}

static void ask(struct feed *f)
{
	static const char *const lines[] = {
		"{\"cmd\":\"status\"}\n",
		"{\"cmd\":\"peers\"}\n",
		"{\"cmd\":\"subscriptions\"}\n",
		"{\"cmd\":\"sockets\"}\n",
		"{\"cmd\":\"stats\"}\n",
		"{\"cmd\":\"cores\"}\n",
		"{\"cmd\":\"ports\"}\n",
		"{\"cmd\":\"cycles\"}\n",
		"{\"cmd\":\"devices\"}\n",
		"{\"cmd\":\"bind\",\"socket\":\"feed.backend\",\"endpoint\":\"tcp://*:77\"}\n",
		"{\"cmd\":\"connect\",\"socket\":\"feed.frontend\",\"endpoint\":\"ipc://@x\"}\n",
		"{\"cmd\":\"unbind\",\"socket\":\"feed.backend\",\"endpoint\":\"tcp://*:77\"}\n",
		"{\"cmd\":\"disconnect\",\"socket\":\"feed.frontend\",\"endpoint\":\"ipc://@x\"}\n",
		"{\"cmd\":\"pause\",\"device\":\"feed\"}\n",
		"{\"cmd\":\"count\",\"ms\":5}\n",
	};
	const char *line = lines[feed_u8(f) % (sizeof(lines) / sizeof(lines[0]))];

	bed_ask(0, line, strlen(line));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static void (*const steps[])(struct feed * f) = {
		stream_open, stream_open, handshake,   curve, stream_bytes, stream_closed,
		stream_sent, stream_subs, stream_subs, state, as_it_is,     result,
		turn,        tick,        lose,        hello, ask,          turn};
	struct feed f = {data, n};
	uint8_t how = feed_u8(&f);

	bed_begin();
	bed_attach(how & 1);
	answers = !(how & 2);
	bed_turn();
	while (f.left)
		steps[feed_u8(&f) % (sizeof(steps) / sizeof(steps[0]))](&f);
	bed_turn();
	bed_end();
	return 0;
}
