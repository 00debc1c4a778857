/* The bed: one kernel object, a few streams, plain peers. */
#include "tests/unit/kernel_bed.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "dataplane/ring/msg.h"

#define IN_MAX (16u << 20)
#define TURNS  2000000

struct zl_kernel *kernel;
struct eal_pools pools;
struct owned owned[STREAMS];
unsigned n_owned;
uint64_t now_ns;
struct zl_tcp_settings bed_settings;
static uint64_t queued[STREAMS];

/* --- the pattern --- */

void pattern(uint8_t *to, uint64_t from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)((from + i) * 2654435761u >> 13);
}

void pattern_check(const uint8_t *at, uint64_t from, size_t n)
{
	uint8_t due[4096];

	for (size_t i = 0; i < n; i += sizeof(due)) {
		size_t part = n - i < sizeof(due) ? n - i : sizeof(due);

		pattern(due, from + i, part);
		assert_memory_equal(at + i, due, part);
	}
}

/* --- an owner --- */

static struct owned *owner_of(struct zl_stream *s)
{
	return s->owner;
}

static void take_all(struct owned *o)
{
	struct rte_mbuf *m;

	while ((m = o->stream->ops->take(o->stream))) {
		assert_true(o->n_in + m->data_len <= IN_MAX);
		memcpy(o->in + o->n_in, rte_pktmbuf_mtod(m, void *), m->data_len);
		o->n_in += m->data_len;
		o->unconsumed += m->data_len;
		rte_pktmbuf_free(m);
	}
	if (o->greedy)
		o->stream->ops->consumed(o->stream, (uint32_t)o->unconsumed);
	if (o->greedy)
		o->unconsumed = 0;
}

static void on_established(struct zl_stream *s)
{
	owner_of(s)->established = true;
}

static void on_readable(struct zl_stream *s)
{
	struct owned *o = owner_of(s);

	o->readable++;
	if (o->greedy || o->keeps)
		take_all(o);
	if (s->peer_closed && o->hangs_up)
		s->ops->shutdown(s);
}

static void on_released(struct zl_stream *s, uint32_t bytes, uint32_t msgs)
{
	owner_of(s)->released_bytes += bytes;
	owner_of(s)->released_msgs += msgs;
}

static void on_closed(struct zl_stream *s, const char *reason)
{
	struct owned *o = owner_of(s);

	if (o->greedy)
		take_all(o);
	o->closed = reason;
	o->stream = NULL;
}

static const struct zl_stream_events events = {
	.established = on_established,
	.readable = on_readable,
	.released = on_released,
	.closed = on_closed,
};

static bool on_accept(void *ctx, uint64_t cookie, struct zl_stream *s)
{
	(void)ctx;
	assert_int_equal(cookie, 7);
	if (n_owned == STREAMS)
		return false;
	s->events = &events;
	s->owner = &owned[n_owned];
	owned[n_owned++].stream = s;
	return true;
}

/* --- the object --- */

void bed_start(unsigned frames)
{
	const struct zl_kernel_config config = {
		.accept = on_accept,
		.max_streams = 3,
		.backlog = 16,
		.rcvbuf = RCVBUF,
		.directory = "/tmp",
	};
	struct zl_kernel_config with = config;

	eal_start(64);
	eal_pools_create(&pools, frames, 64, 512);
	with.frames = pools.frames;
	with.blocks = pools.blocks;
	kernel = zl_kernel_create(&with);
	assert_non_null(kernel);
	bed_settings = (struct zl_tcp_settings){0};
	n_owned = 0;
	now_ns = 1000000000;
	for (unsigned i = 0; i < STREAMS; i++) {
		owned[i] = (struct owned){.greedy = true, .hangs_up = true, .in = malloc(IN_MAX)};
		queued[i] = 0;
	}
}

void bed_stop(void)
{
	zl_kernel_destroy(kernel);
	assert_true(eal_pools_full(&pools));
	eal_pools_free(&pools);
	for (unsigned i = 0; i < STREAMS; i++)
		free(owned[i].in);
}

void bed_turn(void)
{
	now_ns += 1000;
	zl_kernel_input(kernel, now_ns);
	zl_kernel_output(kernel, now_ns);
}

void bed_await(bed_is is, const void *context, const char *what)
{
	for (unsigned i = 0; i < TURNS; i++) {
		if (is(context))
			return;
		bed_turn();
	}
	fail_msg("it never came about that %s", what);
}

uint64_t bed_counter(enum zl_kernel_counter k)
{
	return zl_kernel_counters(kernel)[k];
}

/* --- peers --- */

struct zl_ipc_endpoint bed_ipc(const char *name, bool connect)
{
	struct zl_ipc_endpoint at = {.carrier = ZL_CARRIER_IPC, .connect = connect};
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int n = snprintf(a.sun_path, sizeof(a.sun_path), "%czl-bed-%d-%s", '@', getpid(), name);

	if (name[0] == '/')
		n = snprintf(a.sun_path, sizeof(a.sun_path), "%s", name);
	else
		a.sun_path[0] = '\0';
	at.address.bytes = (uint32_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n);
	memcpy(at.address.at, &a, at.address.bytes);
	snprintf(at.text, sizeof(at.text), "ipc://%s", name);
	return at;
}

static bool accepted(const void *context)
{
	return n_owned > *(const unsigned *)context;
}

static int knock(const struct zl_ipc_sockaddr *bound)
{
	struct sockaddr_storage a = {0};
	unsigned before = n_owned;
	int fd;

	memcpy(&a, bound->at, bound->bytes);
	fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, bound->bytes), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	bed_await(accepted, &before, "the peer is let in");
	return fd;
}

int bed_peer(void)
{
	static struct zl_ipc_sockaddr bound;
	struct zl_ipc_endpoint at = bed_ipc("in", false);

	zl_kernel_unlisten(kernel, 7);
	assert_int_equal(zl_kernel_listen(kernel, &at, &bed_settings, 7, &bound), 0);
	return knock(&bound);
}

static int peer_at(const void *address, uint32_t bytes)
{
	struct zl_ipc_endpoint at = {.carrier = ZL_CARRIER_TCP, .address.bytes = bytes};
	struct zl_ipc_sockaddr bound;

	memcpy(at.address.at, address, bytes);
	zl_kernel_unlisten(kernel, 7);
	assert_int_equal(zl_kernel_listen(kernel, &at, &bed_settings, 7, &bound), 0);
	return knock(&bound);
}

int bed_peer_tcp(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	return peer_at(&a, sizeof(a));
}

int bed_peer_tcp6(void)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};

	return peer_at(&a, sizeof(a));
}

int bed_dial(const struct zl_ipc_endpoint *at)
{
	struct owned *o = &owned[n_owned];
	int error = zl_kernel_connect(kernel, at, &bed_settings, &events, o, &o->stream);

	n_owned += !error;
	return error;
}

/* --- what is sent --- */

void bed_queue(struct owned *o, size_t n, unsigned slice)
{
	uint64_t *at = &queued[o - owned];

	while (n) {
		unsigned part = (unsigned)(n < slice ? n : slice);
		struct rte_mbuf *m = rte_pktmbuf_alloc(pools.frames);
		struct zl_slice s = {.head = m, .seg = m, .len = part, .msgs = 1};

		assert_non_null(m);
		pattern((uint8_t *)rte_pktmbuf_append(m, (uint16_t)part), *at, part);
		assert_int_equal(zl_sendq_append(&o->stream->sendq, &s), 0);
		zl_buf_unref((struct zl_buf *)m, 1);
		*at += part;
		n -= part;
	}
	o->stream->ops->output(o->stream);
}
