/* Poll cores that the test turns by hand. */
#include "tests/unit/core_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PEERS 32

struct zl_lcore core[CORES];
static struct rte_mempool *letters;
static struct zl_doorbell bell;
static struct zl_peer peers[CORES][PEERS];
static struct zl_lcore *all[CORES];
static struct zl_letter *writing, *heard;
static const bool never;

static void open_core(unsigned id)
{
	struct zl_lcore *c = &core[id];
	struct zl_net_config net = {.ops = &zl_core_net_ops,
				    .ctx = c,
				    .frames = pools.frames,
				    .indirect = pools.indirect,
				    .blocks = pools.blocks,
				    .socket_id = SOCKET_ID_ANY};
	char name[32];

	*c = (struct zl_lcore){
		.id = id, .cores = CORES, .poll_cores = CORES, .mid_lane = -1, .control = true};
	all[id] = c;
	c->all = all;
	c->frames = pools.frames;
	c->indirect = pools.indirect;
	c->blocks = pools.blocks;
	c->letters = letters;
	c->stop = &never;
	c->handshake_ms = 1000;
	c->pipe_bytes_max = UINT64_MAX;
	c->now_ns = 1000000000;
	c->peers = peers[id];
	c->peers_max = PEERS;
	for (uint32_t i = PEERS; i-- > 0;) {
		peers[id][i] = (struct zl_peer){.index = i, .next_free = c->free_peers};
		c->free_peers = &peers[id][i];
	}
	zl_tcp_config_default(&net.tcp);
	net.tcp.max_connections = 64;
	c->net = zl_net_create(&net);
	assert_non_null(c->net);
	zl_timer_wheel_init(&c->timers, c->now_ns);
	zl_door_init(&c->door);
	zl_zmtp_init(&c->zmtp, &zl_core_session_ops, c->frames, c->indirect);
	assert_int_equal(zl_doorbell_open(&c->bell), 0);
	snprintf(name, sizeof(name), "to_core%u", id);
	assert_int_equal(zl_mailbox_open(&c->to_core, name, 256, &c->bell), 0);
	snprintf(name, sizeof(name), "to_host%u", id);
	assert_int_equal(zl_mailbox_open(&c->to_host, name, 1024, &bell), 0);
}

void *order_begin(struct zl_lcore *c, enum zl_ipc_type type)
{
	(void)c;
	writing = zl_letter_new(letters);
	assert_non_null(writing);
	writing->object = NULL;
	return memset(zl_ipc_begin(writing->packet, type, 77), 0, zl_ipc_size(type));
}

void order_send(struct zl_lcore *c, uint32_t tail_bytes)
{
	uint16_t type = zl_letter_header(writing)->type;

	zl_letter_header(writing)->length += tail_bytes;
	assert_int_equal(zl_ipc_check(writing->packet, zl_letter_header(writing)->length), 0);
	assert_true(zl_mailbox_post(&c->to_core, writing));
	zl_core_orders(c);
	if (type >= ZL_IPC_SOCKET_ADD && type <= ZL_IPC_DIAL)
		assert_int_equal(((struct zl_ipc_result *)hear(c, ZL_IPC_RESULT))->error, 0);
}

void control_gone(struct zl_lcore *c)
{
	struct zl_letter *letter = zl_letter_new(letters);

	letter->object = NULL;
	*zl_letter_header(letter) = (struct zl_ipc_header){.type = ZL_NOTICE_CONTROL_GONE};
	assert_true(zl_mailbox_post(&c->to_core, letter));
	zl_core_orders(c);
}

void *hear(struct zl_lcore *c, uint16_t type)
{
	if (heard)
		zl_letter_free(heard);
	heard = zl_mailbox_take(&c->to_host);
	assert_non_null(heard);
	assert_int_equal(zl_letter_header(heard)->type, type);
	if (type < ZL_IPC_TYPE_COUNT)
		assert_int_equal(zl_ipc_check(heard->packet, zl_letter_header(heard)->length), 0);
	return zl_ipc_body(heard->packet);
}

void hear_nothing(struct zl_lcore *c)
{
	assert_true(rte_ring_empty(c->to_host.ring));
}

static void add_socket(struct zl_lcore *c, uint32_t id, const struct zl_ipc_socket *like)
{
	struct zl_ipc_socket at = *like;

	at.id = id;
	strcpy(at.name, "s");
	*(struct zl_ipc_socket *)order_begin(c, ZL_IPC_SOCKET_ADD) = at;
	writing->object = zl_shard_new(c, &at, 1 << 20);
	assert_non_null(writing->object);
	order_send(c, 0);
}

static void add_endpoint(struct zl_lcore *c, uint32_t id, uint32_t socket)
{
	*(struct zl_ipc_endpoint *)order_begin(c, ZL_IPC_ENDPOINT_ADD) = (struct zl_ipc_endpoint){
		.id = id, .socket = socket, .port = (uint16_t)(5000 + id), .text = "tcp://*"};
	order_send(c, 0);
}

void cores_start(void)
{
	cores_start_device(
		ZL_FORWARDER,
		&(struct zl_ipc_socket){.type = ZL_XSUB, .sndhwm = 100000, .sndbuf = 1 << 20},
		&(struct zl_ipc_socket){.type = ZL_XPUB, .sndhwm = 100000, .sndbuf = 1 << 20});
}

static void add_device(struct zl_lcore *c, enum zl_device_kind kind)
{
	struct zl_ipc_device *m = order_begin(c, ZL_IPC_DEVICE_ADD);

	*m = (struct zl_ipc_device){
		.id = DEVICE, .kind = kind, .name = "d", .frontend = FRONT, .backend = BACK};
	writing->object = calloc(1, sizeof(struct zl_device));
	order_send(c, 0);
	free(heard->object); /* what lives on another core is not made here */
	heard->object = NULL;
}

void cores_start_device(enum zl_device_kind kind, const struct zl_ipc_socket *front,
			const struct zl_ipc_socket *back)
{
	char name[32];

	wires_start(256, 30000);
	letters = zl_letter_pool(2048);
	assert_non_null(letters);
	assert_int_equal(zl_doorbell_open(&bell), 0);
	for (unsigned i = 0; i < CORES; i++)
		open_core(i);
	for (unsigned i = 0; i < CORES; i++) {
		snprintf(name, sizeof(name), "lane%u", i);
		assert_int_equal(zl_lane_open(&core[i].lane[!i], name, pools.blocks, &core[!i].bell,
					      SOCKET_ID_ANY),
				 0);
		core[!i].inbound[i] = core[i].lane[!i].ring;
	}
	for (struct zl_lcore *c = core; c < core + CORES; c++) {
		add_socket(c, FRONT, front);
		add_socket(c, BACK, back);
		add_device(c, kind);
		add_endpoint(c, IN, FRONT);
		add_endpoint(c, OUT, BACK);
	}
}

static void close_peers(struct zl_lcore *c)
{
	for (uint32_t i = 0; i < PEERS; i++)
		zl_peer_close(&peers[c->id][i], "test", false);
	c->control = false;
	zl_zmtp_poll(&c->zmtp);
}

static void release_peers(struct zl_lcore *c)
{
	for (uint32_t i = 0; i < PEERS; i++)
		if (peers[c->id][i].state != ZL_PEER_FREE)
			zl_peer_release(&peers[c->id][i]);
	assert_int_equal(c->peers_open, 0);
	assert_null(c->waits_relay);
	assert_int_equal(c->waits_deliver, 0);
	assert_null(c->waits_lane);
	assert_null(c->dues);
}

static void close_core(struct zl_lcore *c)
{
	for (unsigned i = 0; i < ZL_SHARDS_MAX; i++) {
		if (c->shard[i] && c->shard[i]->config.id == BACK)
			free(c->shard[i]->device);
		if (c->shard[i])
			c->shard[i]->device = NULL;
	}
	for (unsigned i = 0; i < ZL_SHARDS_MAX; i++)
		zl_shard_free(c->shard[i]);
	zl_net_destroy(c->net);
	zl_zmtp_fini(&c->zmtp);
	zl_mailbox_close(&c->to_core);
	zl_mailbox_close(&c->to_host);
	zl_doorbell_close(&c->bell);
}

void cores_stop(void)
{
	if (heard)
		zl_letter_free(heard);
	heard = NULL;
	for (unsigned i = 0; i < CORES; i++)
		close_peers(&core[i]);
	cores_turn(4); /* those whose socket is on the other core leave it */
	for (unsigned i = 0; i < CORES; i++)
		release_peers(&core[i]);
	for (unsigned i = 0; i < CORES; i++)
		close_core(&core[i]);
	for (unsigned i = 0; i < CORES; i++)
		zl_lane_close(&core[i].lane[!i]);
	assert_true(rte_mempool_full(letters));
	rte_mempool_free(letters);
	zl_doorbell_close(&bell);
	wires_stop();
}

void core_turn(struct zl_lcore *c)
{
	c->now_ns += 10000;
	zl_core_turn(c);
}

void cores_turn(unsigned times)
{
	while (times--)
		for (unsigned i = 0; i < CORES; i++)
			core_turn(&core[i]);
}

static void read_slice(const struct zl_slice *slice, uint32_t from, struct bytes *out, uint32_t n)
{
	const struct rte_mbuf *seg = slice->seg;

	for (uint32_t off = slice->off + from; n; seg = seg->next, off = 0) {
		uint32_t here;

		for (; off >= seg->data_len; seg = seg->next)
			off -= seg->data_len;
		here = RTE_MIN(n, seg->data_len - off);
		bytes_add(out, rte_pktmbuf_mtod_offset(seg, uint8_t *, off), here);
		n -= here;
	}
}

void peer_reads(struct wire *w, struct bytes *out, uint64_t most)
{
	struct zl_sendq *q = &w->stream.sendq;
	uint32_t n = (uint32_t)RTE_MIN(q->bytes, most), left = n, msgs;
	uint32_t from = q->una.block ? q->una.block->slice[q->una.idx].len - q->una.left : 0;

	for (struct zl_slice_block *b = q->una.block; left && b; b = b->next)
		for (uint32_t i = b == q->una.block ? q->una.idx : b->first; left && i < b->count;
		     i++, from = 0) {
			uint32_t here = RTE_MIN(left, b->slice[i].len - from);

			read_slice(&b->slice[i], from, out, here);
			left -= here;
		}
	if (!n)
		return;
	msgs = zl_sendq_ack(q, n);
	w->stream.events->released(&w->stream, n, msgs);
}

void peer_accept(struct zl_lcore *c, struct wire *w, uint32_t endpoint)
{
	wire_open(w, 0);
	assert_true(zl_peer_accept(c, endpoint, &w->stream));
}

void peer_say(struct zl_lcore *c, struct wire *w, const struct bytes *b)
{
	(void)c;
	wire_feed(w, b->at, b->n, 1500);
	wire_readable(w);
}

uint64_t peer_join(struct zl_lcore *c, struct wire *w, uint32_t endpoint, enum zl_socket_type type)
{
	uint8_t greeting[64] = {0xff, [9] = 0x7f, [10] = 3, 1, 'N', 'U', 'L', 'L'};
	struct zl_ipc_stream_ready *ready;
	struct zl_ipc_stream_open *open;
	struct bytes b = {0};
	uint64_t id;

	peer_accept(c, w, endpoint);
	open = hear(c, ZL_IPC_STREAM_OPEN);
	id = open->stream;
	assert_int_equal(open->endpoint, endpoint);
	bytes_add(&b, greeting, sizeof(greeting));
	naive_command(&b, "READY", "meta", 4);
	peer_say(c, w, &b);
	bytes_free(&b);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(
			((struct zl_ipc_stream_bytes *)hear(c, ZL_IPC_STREAM_BYTES))->bytes,
			i == 0   ? 10
			: i == 1 ? 1
				 : 53);
	assert_int_equal(((struct zl_ipc_stream_bytes *)hear(c, ZL_IPC_STREAM_BYTES))->kind,
			 ZL_RELAY_COMMAND);
	ready = order_begin(c, ZL_IPC_STREAM_READY);
	ready->stream = id;
	ready->peer_type = type;
	ready->zmtp = ZL_ZMTP_V3_1;
	order_send(c, 0);
	hear_nothing(c);
	return id;
}

void match(struct zl_lcore *c, uint64_t target, const char *prefix)
{
	struct zl_ipc_match *m = order_begin(c, ZL_IPC_MATCH);
	struct zl_ipc_match_prefix r = {
		.target = target, .len = (uint16_t)strlen(prefix), .op = ZL_SUBSCRIBE};

	m->core = c->id;
	m->socket = BACK;
	m->count = 1;
	m->bytes = sizeof(r) + r.len;
	memcpy(m + 1, &r, sizeof(r));
	memcpy((char *)(m + 1) + sizeof(r), prefix, r.len);
	order_send(c, m->bytes);
}
