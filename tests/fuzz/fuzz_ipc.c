/* Packets between the two processes, of every type and in both directions, as zl_ipc_recv() gets
 * them off a socket: a struct of the type's size with the input over it, and a tail. What is found
 * good is looked at as its receivers look at it: strings, addresses, records, rules. And a segment
 * of counters, which control maps. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/ipc/ipc.h"
#include "control/ipc/stats.h"
#include "tests/fuzz/feed.h"

static volatile size_t seen;

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void read_address(const void *at, uint32_t bytes)
{
	char text[ZL_ENDPOINT_MAX];

	memset(text, 'x', sizeof(text));
	zl_ipc_address_text(at, bytes, text);
	require(memchr(text, '\0', sizeof(text)));
}

static void read_rules(const struct zl_ipc_policy *p)
{
	static const uint8_t topic[ZL_RULE_PREFIX_MAX] = "EUR";

	zl_policy_lets_in(p, 0x0a000001);
	for (unsigned verb = 0; verb < ZL_TOPIC_VERBS; verb++) {
		uint32_t rules = zl_policy_rules_of(p, verb, 0x0a000001, topic, 3, "alice");

		zl_policy_publishes(p, rules, topic, sizeof(topic));
		zl_policy_subscribes(p, rules, topic, 2);
	}
}

static void read_options(const struct zl_ipc_options *o)
{
	const struct zl_ipc_properties *p = &o->metadata;

	zl_options_admit(o, 0x0a000001);
	for (unsigned id = 0; id < ZL_OPTION_IDS; id++)
		if (zl_option_table[id].kind == ZL_OPTION_BYTES_KIND)
			require(zl_option_bytes((struct zl_ipc_options *)(uintptr_t)o, id)->len <=
				ZL_OPTION_BYTES);
	for (uint32_t at = 0; at < p->bytes;) {
		uint32_t name = p->data[at];
		const uint8_t *value = p->data + at + 1 + name;

		at += 1 + name + 4 +
		      ((uint32_t)value[0] << 24 | value[1] << 16 | value[2] << 8 | value[3]);
		require(at <= p->bytes);
	}
}

static void read_subs(const struct zl_ipc_subs *m)
{
	const uint8_t *p = (const uint8_t *)(m + 1), *end = p + m->bytes;
	struct zl_ipc_prefix r;
	uint32_t count = 0;

	for (; p < end; p += sizeof(r) + r.len, count++) {
		memcpy(&r, p, sizeof(r));
		for (unsigned i = 0; i < r.len; i++)
			seen += p[sizeof(r) + i];
	}
	require(p == end && count == m->count);
}

static void read_match(const struct zl_ipc_match *m)
{
	const uint8_t *p = (const uint8_t *)(m + 1), *end = p + m->bytes;
	struct zl_ipc_match_prefix r;
	uint32_t count = 0;

	for (; p < end; p += sizeof(r) + r.len, count++) {
		memcpy(&r, p, sizeof(r));
		require((r.target & ZL_MATCH_CORE) == ZL_MATCH_CORE
				? (uint32_t)r.target < ZL_CORES_MAX
				: r.target >> 56 < ZL_CORES_MAX);
		for (unsigned i = 0; i < r.len; i++)
			seen += p[sizeof(r) + i];
	}
	require(p == end && count == m->count);
}

static void read_one(const struct zl_ipc_header *h)
{
	const void *body = h + 1;
	const struct zl_ipc_stream_bytes *b = body;
	const struct zl_ipc_endpoint *e = body;

	switch (h->type) {
	case ZL_IPC_RESULT:
		seen += strlen(((const struct zl_ipc_result *)body)->text);
		break;
	case ZL_IPC_PORT:
		seen += strlen(((const struct zl_ipc_port *)body)->device) +
			strlen(zl_port_kind_name[((const struct zl_ipc_port *)body)->kind]);
		break;
	case ZL_IPC_SOCKET_ADD:
		seen += strlen(zl_socket_type_name[((const struct zl_ipc_socket *)body)->type]);
		read_options(&((const struct zl_ipc_socket *)body)->options);
		read_rules(&((const struct zl_ipc_socket *)body)->policy);
		break;
	case ZL_IPC_ENDPOINT_ADD:
		seen += strlen(e->text) + strlen(zl_carrier_scheme[e->carrier]);
		require(e->filters <= ZL_FILTERS_MAX);
		read_address(e->address.at, e->address.bytes);
		read_address(e->source.at, e->source.bytes);
		read_address(e->bound.at, e->bound.bytes);
		break;
	case ZL_IPC_STREAM_OPEN:
		read_address(((const struct zl_ipc_stream_open *)body)->remote.at,
			     ((const struct zl_ipc_stream_open *)body)->remote.bytes);
		zl_ipc_end_ip(&((const struct zl_ipc_stream_open *)body)->remote);
		break;
	case ZL_IPC_STREAM_BYTES:
		for (unsigned i = 0; i < b->bytes; i++)
			seen += ((const uint8_t *)(b + 1))[i];
		break;
	case ZL_IPC_STREAM_CLOSE:
		seen += strlen(((const struct zl_ipc_stream_close *)body)->reason);
		break;
	case ZL_IPC_STREAM_SUBS:
		read_subs(body);
		break;
	case ZL_IPC_MATCH:
	case ZL_IPC_MATCH_STATE:
		read_match(body);
		break;
	default:
		break;
	}
	seen += strlen(zl_ipc_name(h->type));
}

/* A body that a check would find good, for the input to spoil. */
static void make_good(uint16_t type, void *body)
{
	uint32_t *id = body;

	switch (type) {
	case ZL_IPC_SOCKET_ADD:
		zl_options_default(&((struct zl_ipc_socket *)body)->options);
		strcpy(((struct zl_ipc_socket *)body)->name, "s");
		break;
	case ZL_IPC_DEVICE_ADD:
		strcpy(((struct zl_ipc_device *)body)->name, "d");
		((struct zl_ipc_device *)body)->frontend = 1;
		((struct zl_ipc_device *)body)->backend = 2;
		break;
	case ZL_IPC_PORT:
		strcpy(((struct zl_ipc_port *)body)->name, "p");
		return;
	case ZL_IPC_ELEMENT:
		strcpy(((struct zl_ipc_element *)body)->name, "e");
		((struct zl_ipc_element *)body)->ports = 3;
		((struct zl_ipc_element *)body)->groups = 1;
		((struct zl_ipc_element *)body)->group[0] = 0xefc00101;
		return;
	case ZL_IPC_SETUP:
		((struct zl_ipc_setup *)body)->poll_cores = 1;
		return;
	case ZL_IPC_ENDPOINT_ADD:
		((struct zl_ipc_endpoint *)body)->socket = 1;
		break;
	case ZL_IPC_STREAM_READY:
		((struct zl_ipc_stream_ready *)body)->zmtp = ZL_ZMTP_V3_1;
		break;
	case ZL_IPC_STREAM_STATE:
		((struct zl_ipc_stream_state *)body)->ready.zmtp = ZL_ZMTP_V3_1;
		((struct zl_ipc_stream_state *)body)->ready.stream = 1;
		break;
	case ZL_IPC_STREAM_CLOSE:
		strcpy(((struct zl_ipc_stream_close *)body)->reason, "r");
		break;
	case ZL_IPC_STREAM_CLOSED:
		strcpy(((struct zl_ipc_stream_closed *)body)->reason, "r");
		break;
	case ZL_IPC_MATCH:
	case ZL_IPC_MATCH_STATE:
		((struct zl_ipc_match *)body)->socket = 1;
		return;
	case ZL_IPC_RESULT:
	case ZL_IPC_HELLO:
		return;
	}
	*id = 1; /* ids come first, of streams too */
}

static void packet(struct feed *f)
{
	static uint64_t bytes[ZL_IPC_PACKET_MAX / 8];
	struct zl_ipc_header *h = (void *)bytes;
	uint8_t how = feed_u8(f), *exact;
	uint16_t type = how % ZL_IPC_TYPE_COUNT;
	void *body = zl_ipc_begin(bytes, type, 1);
	const uint8_t *tail;
	size_t size = zl_ipc_size(type), n;

	if (size)
		make_good(type, body);
	for (unsigned changes = feed_u8(f) % 8; size && changes > 0; changes--) {
		size_t at = feed_u16(f) % size;

		feed_over(f, (uint8_t *)body + at, least(feed_u8(f) % 33u, size - at));
	}
	n = feed_take(f, f->left, &tail);
	n = n < sizeof(bytes) - h->length ? n : sizeof(bytes) - h->length;
	memcpy((uint8_t *)bytes + h->length, tail, n);
	h->length += (uint32_t)n;
	/* What says how long the tail is is mostly right. */
	if (type == ZL_IPC_STREAM_BYTES)
		((struct zl_ipc_stream_bytes *)body)->bytes = (uint32_t)n;
	else if (type == ZL_IPC_STREAM_SEND)
		((struct zl_ipc_stream_send *)body)->bytes = (uint32_t)n;
	else if (type == ZL_IPC_STREAM_SUBS)
		((struct zl_ipc_subs *)body)->bytes = (uint32_t)n;
	else if (type == ZL_IPC_MATCH || type == ZL_IPC_MATCH_STATE)
		((struct zl_ipc_match *)body)->bytes = (uint32_t)n;
	if (how & 0x80)
		h->length = feed_u16(f);
	/* In a buffer without a byte behind it. */
	n = h->length < sizeof(bytes) ? h->length : sizeof(bytes);
	exact = aligned_alloc(8, (n + 7) & ~(size_t)7);
	require(exact);
	memcpy(exact, bytes, n);
	if (zl_ipc_check(exact, n) == 0)
		read_one((const struct zl_ipc_header *)exact);
	free(exact);
}

static void over_a_socket(struct feed *f)
{
	uint64_t bytes[ZL_IPC_PACKET_MAX / 8];
	int pair[2], fd = -1, rides = feed_u8(f) & 1;
	long n;

	require(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
	zl_ipc_send(pair[0], f->at, f->left, rides ? STDERR_FILENO : -1);
	n = zl_ipc_recv(pair[1], bytes, &fd);
	require(n == -EBADMSG || n == 0 || n == -EAGAIN || n == (long)f->left);
	require(fd < 0 || (rides && n > 0));
	if (n > 0)
		read_one((const struct zl_ipc_header *)bytes);
	if (fd >= 0)
		close(fd);
	close(pair[0]);
	close(pair[1]);
}

static void segment(struct feed *f)
{
	struct zl_stats_header shape = {.magic = ZL_STATS_MAGIC, .version = ZL_STATS_VERSION};
	int fd = memfd_create("stats", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	const struct zl_stats_header *h;
	uint8_t how = feed_u8(f);

	shape.cores = how & 3;
	shape.ports = how >> 2 & 3;
	shape.counters = how >> 4 & 3;
	shape.peers = how >> 6;
	zl_stats_layout(&shape);
	require(fd >= 0 && ftruncate(fd, (off_t)shape.bytes - (feed_u8(f) == 1)) == 0);
	for (unsigned changes = feed_u8(f) % 4; changes > 0; changes--) {
		size_t at = feed_u8(f) % sizeof(shape);

		feed_over(f, (uint8_t *)&shape + at, least(8, sizeof(shape) - at));
	}
	require(pwrite(fd, &shape, sizeof(shape), 0) == sizeof(shape));
	if (feed_u8(f) != 1)
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	h = zl_stats_map(fd);
	close(fd);
	for (unsigned core = 0; h && core < h->cores; core++) {
		for (unsigned i = 0; i < h->counters; i++)
			seen += zl_stats_values(h, core)[i] + zl_stats_counters(h)[i].name[0];
		for (unsigned i = 0; i < h->ports; i++)
			seen += zl_stats_port(h, core, i)->rx_bytes;
		for (unsigned i = 0; i < h->peers; i++)
			seen += zl_stats_peer(h, core, i)->stream;
		for (unsigned i = 0; i < ZL_STATS_SOCKETS; i++)
			seen += zl_stats_socket(h, core, i)->peers;
		seen += zl_stats_core(h, core)->turns;
	}
	zl_stats_unmap(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static void (*const kinds[])(struct feed * f) = {packet, packet, over_a_socket, segment};
	struct feed f = {data, n};

	kinds[feed_u8(&f) % 4](&f);
	return 0;
}
