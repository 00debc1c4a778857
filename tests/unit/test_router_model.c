/* A queue in memory, driven at random: clients ask a ROUTER, workers answer a DEALER, the device
 * between passes on what there is room for. Peers come and go in the middle of messages, messages
 * come in pieces, queues fill up. A plain model holds the two to their word: a client that stays
 * gets the answers to its own requests, whole, and from one worker in the order asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/router/device.h"
#include "dataplane/router/socket.h"

enum {
	CLIENTS = 12,
	WORKERS = 5,
	STEPS = 60000,
	BACKLOG = 64,  /* requests that a worker holds */
	PARTS = 4,     /* most of a request, after its delimiter */
	PIECES = 1024, /* descriptors of one call */
};

struct zl_buf {
	unsigned refs;
	uint8_t bytes[];
};
static unsigned buffers;

void zl_buf_ref(struct zl_buf *buf, uint16_t n)
{
	buf->refs += n;
}

void zl_buf_unref(struct zl_buf *buf, uint16_t n)
{
	assert_true(buf->refs >= n);
	buf->refs -= n;
	if (buf->refs)
		return;
	buffers--;
	free(buf);
}

uint32_t zl_msg_peek(const struct zl_msg *msg, uint8_t *into, uint32_t max)
{
	uint32_t n = max < msg->len ? max : msg->len;

	memcpy(into, msg->data, n);
	return n;
}

static struct zl_buf *on_buffer(void *ctx, const void *bytes, uint32_t len, const uint8_t **data)
{
	struct zl_buf *buf = malloc(sizeof(*buf) + len);

	(void)ctx;
	assert_non_null(buf);
	buffers++;
	buf->refs = 1;
	memcpy(buf->bytes, bytes, len);
	*data = buf->bytes;
	return buf;
}

/* A part of a request: who asked, in which life, which request, which part of how many. */
struct word {
	uint32_t client, life, request, part, parts, pad;
};

/* One end of a pipe: what the socket has written to it and the peer has not looked at. */
struct wire {
	struct {
		uint8_t bytes[sizeof(struct word)];
		uint32_t len;
		bool more;
	} part[4096];
	unsigned n;
};

struct client {
	struct zl_pipe pipe;
	struct wire in;
	uint8_t name[5];
	bool here;
	uint32_t life, asked, part, parts; /* part: of the request under way, 0: none */
	uint32_t last[WORKERS]; /* request + 1 of the last answer from each worker's life */
	uint32_t worker_life[WORKERS];
};

struct worker {
	struct zl_pipe pipe;
	struct wire in;
	bool here;
	uint32_t life, out_part; /* of the answer under way, which is the front of in */
};

static struct client client[CLIENTS];
static struct worker worker[WORKERS];
static struct zl_socket front, back;
static struct zl_device device;
static uint64_t counter[ZL_ROUTER_COUNTERS];
static unsigned answers, broken_pipes;
static uint64_t seed;

static uint32_t rnd(uint32_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % n;
}

static struct wire *wire_of(const struct zl_pipe *p)
{
	if (p->socket == &front)
		return &((struct client *)p->end)->in;
	return &((struct worker *)p->end)->in;
}

static void on_write(void *ctx, struct zl_pipe *const *pipes, unsigned n_pipes,
		     const struct zl_msg *msgs, unsigned n)
{
	struct wire *w = wire_of(pipes[0]);

	(void)ctx;
	assert_int_equal(n_pipes, 1);
	for (unsigned i = 0; i < n; i++) {
		assert_true(w->n < 4096 && msgs[i].len <= sizeof(struct word));
		memcpy(w->part[w->n].bytes, msgs[i].data, msgs[i].len);
		w->part[w->n].len = msgs[i].len;
		w->part[w->n++].more = msgs[i].flags & ZL_MSG_MORE;
	}
}

static unsigned on_receive(void *ctx, const struct zl_msg *msgs, unsigned n)
{
	return zl_device_forward(&device, ctx, msgs, n);
}

static void leave(struct zl_pipe *p)
{
	if (p->socket == &front)
		((struct client *)p->end)->here = false;
	else
		((struct worker *)p->end)->here = false;
	wire_of(p)->n = 0;
	zl_socket_remove_pipe(p->socket, p);
}

static struct zl_pipe *doomed[CLIENTS + WORKERS];
static unsigned n_doomed;

/* Peers that were sent half a message end, once the call that said so has returned. */
static void on_broken(void *ctx, struct zl_pipe *p)
{
	if (!p) {
		zl_device_broken(&device, ctx);
		return;
	}
	broken_pipes++;
	doomed[n_doomed++] = p;
}

static void bury(void)
{
	while (n_doomed)
		leave(doomed[--n_doomed]);
}

static void take(struct wire *w, unsigned n)
{
	w->n -= n;
	memmove(w->part, w->part + n, w->n * sizeof(w->part[0]));
}

static void join_client(struct client *c)
{
	uint32_t number = (uint32_t)(c - client) + CLIENTS * ++c->life;

	c->asked = c->part = 0;
	memset(c->last, 0, sizeof(c->last));
	memset(c->worker_life, 0, sizeof(c->worker_life));
	memcpy(c->name + 1, &number, 4);
	c->pipe = (struct zl_pipe){.end = c, .routing_id = c->name, .routing_id_len = 5};
	assert_int_equal(zl_socket_add_pipe(&front, &c->pipe), 0);
	c->here = true;
}

static void join_worker(struct worker *w)
{
	w->life++;
	w->out_part = 0;
	w->pipe = (struct zl_pipe){.end = w};
	assert_int_equal(zl_socket_add_pipe(&back, &w->pipe), 0);
	w->here = true;
}

/* A few parts further with the request under way, or with a new one: [empty][word]... */
static void ask(struct client *c)
{
	struct word words[PARTS + 1];
	struct zl_msg msgs[PARTS + 1];
	static struct zl_buf none;
	unsigned n = 0, to, taken;

	if (c->part == 0)
		c->parts = 1 + rnd(PARTS);
	to = rnd(3) ? c->parts + 1 : c->part + 1;
	for (unsigned i = c->part; i < to; i++, n++) {
		msgs[n] = (struct zl_msg){.buf = &none,
					  .data = (const uint8_t *)"",
					  .flags = i < c->parts ? ZL_MSG_MORE : 0};
		if (i == 0)
			continue;
		words[n] = (struct word){(uint32_t)(c - client), c->life, c->asked, i, c->parts, 0};
		msgs[n].data = (const uint8_t *)&words[n];
		msgs[n].len = sizeof(struct word);
	}
	taken = zl_socket_input(&c->pipe, msgs, n);
	assert_true(taken == 0 || taken == n);
	c->part += taken;
	if (c->part == c->parts + 1) {
		c->part = 0;
		c->asked++;
	}
}

/* Parts of the oldest request come back as they were, with the worker's name at the end. */
static void reply(struct worker *w)
{
	struct zl_msg msgs[PARTS + 3];
	static struct zl_buf none;
	struct word mine = {.client = (uint32_t)(w - worker), .life = w->life};
	unsigned whole = 0, n, taken;

	while (whole < w->in.n && w->in.part[whole].more)
		whole++;
	if (whole >= w->in.n)
		return;
	whole += 2; /* its parts, and the worker's */
	n = rnd(3) ? whole - w->out_part : 1;
	for (unsigned i = 0; i < n; i++) {
		unsigned at = w->out_part + i;

		msgs[i] = (struct zl_msg){.buf = &none,
					  .data = w->in.part[at].bytes,
					  .len = w->in.part[at].len,
					  .flags = ZL_MSG_MORE};
		if (at == whole - 1) {
			msgs[i].data = (const uint8_t *)&mine;
			msgs[i].len = sizeof(mine);
			msgs[i].flags = 0;
		}
	}
	taken = zl_socket_input(&w->pipe, msgs, n);
	assert_true(taken == 0 || taken == n);
	w->out_part += taken;
	if (w->out_part < whole)
		return;
	w->out_part = 0;
	take(&w->in, whole - 1);
	zl_socket_released(&w->pipe, 1, (whole - 1) * sizeof(struct word));
}

/* An answer is [empty][word]...[worker]: whole, mine, and later than that worker's last. */
static void read_answer(struct client *c)
{
	unsigned whole = 0;
	struct word first, word;

	while (whole < c->in.n && c->in.part[whole].more)
		whole++;
	if (whole++ >= c->in.n)
		return;
	assert_true(whole >= 3);
	assert_int_equal(c->in.part[0].len, 0);
	memcpy(&first, c->in.part[1].bytes, sizeof(first));
	assert_int_equal(whole, first.parts + 2);
	for (uint32_t i = 1; i <= first.parts; i++) {
		memcpy(&word, c->in.part[i].bytes, sizeof(word));
		assert_int_equal(word.client, c - client);
		assert_int_equal(word.life, c->life);
		assert_int_equal(word.request, first.request);
		assert_int_equal(word.part, i);
	}
	assert_true(first.request < c->asked);
	memcpy(&word, c->in.part[whole - 1].bytes, sizeof(word));
	if (c->worker_life[word.client] == word.life)
		assert_true(first.request >= c->last[word.client]);
	c->worker_life[word.client] = word.life;
	c->last[word.client] = first.request + 1;
	take(&c->in, whole);
	zl_socket_released(&c->pipe, 1, whole * sizeof(struct word));
	answers++;
}

static void step(void)
{
	struct client *c = &client[rnd(CLIENTS)];
	struct worker *w = &worker[rnd(WORKERS)];
	uint32_t what = rnd(100);

	if (what < 40 && c->here)
		ask(c);
	else if (what < 65 && w->here)
		reply(w);
	else if (what < 98 && c->here)
		read_answer(c);
	else if (what == 98)
		c->here ? leave(&c->pipe) : join_client(c);
	else if (what == 99 && rnd(4) == 0)
		w->here ? leave(&w->pipe) : join_worker(w);
	bury();
}

static void run(uint64_t with)
{
	static const struct zl_socket_ops ops = {
		.write = on_write,
		.receive = on_receive,
		.broken = on_broken,
		.buffer = on_buffer,
	};
	struct zl_socket_config config = {
		.type = ZL_ROUTER,
		.sndhwm = 5,
		.pipes_max = CLIENTS,
		.ops = &ops,
		.ctx = &front,
		.counter = counter,
	};

	seed = with;
	memset(client, 0, sizeof(client));
	memset(worker, 0, sizeof(worker));
	assert_int_equal(zl_socket_open(&front, &config), 0);
	config.type = ZL_DEALER;
	config.pipes_max = WORKERS;
	config.ctx = &back;
	assert_int_equal(zl_socket_open(&back, &config), 0);
	assert_int_equal(zl_device_open(&device, ZL_QUEUE, &front, &back), 0);
	for (unsigned i = 0; i < STEPS; i++)
		step();
	for (unsigned i = 0; i < CLIENTS; i++, bury())
		if (client[i].here)
			leave(&client[i].pipe);
	for (unsigned i = 0; i < WORKERS; i++, bury())
		if (worker[i].here)
			leave(&worker[i].pipe);
	zl_socket_close(&front);
	zl_socket_close(&back);
	assert_int_equal(buffers, 0);
}

static void test_answers_come_back_to_who_asked(void **state)
{
	(void)state;
	for (uint64_t with = 1; with <= 20; with++)
		run(with);
	assert_true(answers > 40000); /* else the run was no test */
	assert_true(counter[ZL_ROUTER_dropped_hwm] > 0);
	assert_true(counter[ZL_ROUTER_dropped_unroutable] > 0);
	assert_true(counter[ZL_ROUTER_stalls_send] > 0);
	assert_true(broken_pipes > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_come_back_to_who_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
