/* What patterns cost a message, by themselves: a device of two sockets is offered runs as sessions
 * offer them, and what it writes is taken off its pipes at once. Nanoseconds of CPU time, the least
 * of several rounds; for instructions run it under valgrind --tool=callgrind with
 * --toggle-collect=offer. Nothing is judged here. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/router/device.h"
#include "dataplane/router/socket.h"

enum {
	PIPES = 8,
	RUN = 128, /* parts that a session hands up at once */
	HWM = 1000,
	NAME = 5, /* of a ROUTER's peer */
	ROUNDS = 7,
	OFFERS = 20000,
};

struct end {
	struct zl_socket socket;
	struct zl_pipe pipe[PIPES];
	uint8_t name[PIPES][NAME];
	struct zl_device *device;
};

struct bench {
	struct end front, back;
	struct zl_device device;
	struct zl_msg down[RUN], up[RUN]; /* of requests; of replies, labels first */
	unsigned down_n, up_n;
	uint64_t counter[ZL_ROUTER_COUNTERS];
};

static uint64_t written;
static uint8_t bytes[4096];

void zl_buf_ref(struct zl_buf *buf, uint16_t n)
{
	(void)buf;
	(void)n;
}

void zl_buf_unref(struct zl_buf *buf, uint16_t n)
{
	(void)buf;
	(void)n;
}

uint32_t zl_msg_peek(const struct zl_msg *msg, uint8_t *into, uint32_t max)
{
	memcpy(into, msg->data, msg->len < max ? msg->len : max);
	return msg->len < max ? msg->len : max;
}

/* What a session has queued is the truth: nothing. */
static void on_write(void *ctx, struct zl_pipe *const *pipes, unsigned n_pipes,
		     const struct zl_msg *msgs, unsigned n)
{
	(void)ctx;
	(void)msgs;
	for (unsigned i = 0; i < n_pipes; i++) {
		pipes[i]->queued_msgs = 0;
		pipes[i]->queued_bytes = 0;
	}
	written += n;
}

static unsigned on_receive(void *ctx, const struct zl_msg *msgs, unsigned n)
{
	struct end *e = ctx;

	return zl_device_forward(e->device, &e->socket, msgs, n);
}

static struct zl_buf *on_buffer(void *ctx, const void *from, uint32_t len, const uint8_t **data)
{
	static uint8_t room[2 * PIPES * NAME];
	static uint32_t used;

	(void)ctx;
	if (used + len > sizeof(room))
		return NULL;
	*data = memcpy(room + used, from, len);
	used += len;
	return (struct zl_buf *)room;
}

static const struct zl_socket_ops ops = {
	.write = on_write, .receive = on_receive, .buffer = on_buffer};

static void open_end(struct bench *b, struct end *e, enum zl_socket_type type,
		     enum zl_socket_type peers, unsigned pipes)
{
	struct zl_socket_config config = {.type = type,
					  .sndhwm = HWM,
					  .rcvhwm = HWM,
					  .sndbuf = 65536,
					  .pipes_max = PIPES,
					  .ops = &ops,
					  .ctx = e,
					  .counter = b->counter};

	e->device = &b->device;
	if (zl_socket_open(&e->socket, &config))
		exit(EXIT_FAILURE);
	for (unsigned i = 0; i < pipes; i++) {
		e->name[i][1] = (uint8_t)(i + 1);
		e->pipe[i] = (struct zl_pipe){.kind = ZL_PIPE_PEER,
					      .id = i,
					      .peer_type = (uint8_t)peers,
					      .routing_id = e->name[i],
					      .routing_id_len = NAME};
		if (zl_socket_add_pipe(&e->socket, &e->pipe[i]))
			exit(EXIT_FAILURE);
	}
}

static struct zl_msg part(const uint8_t *data, uint32_t len, bool more)
{
	return (struct zl_msg){.buf = (struct zl_buf *)bytes,
			       .data = data,
			       .len = len,
			       .flags = more ? ZL_MSG_MORE : 0,
			       .wire = 2};
}

/* Replies come in as long rows for one requester as requests went down in. */
static void lay(struct bench *b, bool queue, unsigned pipes)
{
	unsigned k = 0;

	for (b->down_n = 0; b->down_n + 2 <= RUN;) {
		if (queue)
			b->down[b->down_n++] = part(bytes, 0, true);
		b->down[b->down_n++] = part(bytes + 64, 64, false);
	}
	for (b->up_n = 0; queue && b->up_n + 3 <= RUN; k++) {
		b->up[b->up_n++] = part(b->front.name[k / 8 % pipes], NAME, true);
		b->up[b->up_n++] = part(bytes, 0, true);
		b->up[b->up_n++] = part(bytes + 64, 64, false);
	}
}

static uint64_t messages(const struct zl_msg *msgs, unsigned n)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < n; i++)
		count += !(msgs[i].flags & ZL_MSG_MORE);
	return count;
}

/* How many messages went through. Not inlined, to be found by callgrind. */
static __attribute__((noinline)) uint64_t offer(struct bench *b, unsigned pipes, unsigned times)
{
	uint64_t down = messages(b->down, b->down_n), up = messages(b->up, b->up_n), taken = 0;

	for (unsigned i = 0; i < times; i++) {
		if (zl_socket_input(&b->front.pipe[i % pipes], b->down, b->down_n) == b->down_n)
			taken += down;
		if (b->up_n && zl_socket_input(&b->back.pipe[i % pipes], b->up, b->up_n) == b->up_n)
			taken += up;
	}
	return taken;
}

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void measure(const char *name, enum zl_device_kind kind, unsigned pipes, unsigned times)
{
	bool queue = kind == ZL_QUEUE;
	struct bench *b = calloc(1, sizeof(*b));
	double least = 1e9;

	if (!b)
		exit(EXIT_FAILURE);
	open_end(b, &b->front, queue ? ZL_ROUTER : ZL_PULL, queue ? ZL_DEALER : ZL_PUSH, pipes);
	open_end(b, &b->back, queue ? ZL_DEALER : ZL_PUSH, queue ? ZL_REP : ZL_PULL, pipes);
	if (zl_device_open(&b->device, kind, &b->front.socket, &b->back.socket))
		exit(EXIT_FAILURE);
	lay(b, queue, pipes);
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t begun = cpu_ns(), n = offer(b, pipes, times);
		double each = (double)(cpu_ns() - begun) / (double)n;

		least = each < least ? each : least;
	}
	printf("%-16s %6.2f ns a message\n", name, least);
	zl_socket_close(&b->front.socket);
	zl_socket_close(&b->back.socket);
	free(b);
}

int main(int argc, char **argv)
{
	unsigned times = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : OFFERS;

	if (argc <= 2 || !strcmp(argv[2], "streamer1"))
		measure("streamer, 1 to 1", ZL_STREAMER, 1, times);
	if (argc <= 2 || !strcmp(argv[2], "streamer8"))
		measure("streamer, 1 to 8", ZL_STREAMER, PIPES, times);
	if (argc <= 2 || !strcmp(argv[2], "queue1"))
		measure("queue, 1 to 1", ZL_QUEUE, 1, times);
	if (argc <= 2 || !strcmp(argv[2], "queue8"))
		measure("queue, 8 to 8", ZL_QUEUE, PIPES, times);
	return 0;
}
