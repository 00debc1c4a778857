/* What a new control process is told of this core: its ready streams and what their matchers hold.
 * Goes in small steps, one a turn, so that traffic hardly notices; nothing else is sent to control
 * meanwhile, so it first learns what is and then what changes. */
#include <string.h>

#include "dataplane/lcore.h"
#include "dataplane/router/matcher.h"

#define RECORDS_A_TURN 128 /* some ten microseconds */
#define PEERS_A_TURN   16
#define ROOM           (ZL_IPC_PACKET_MAX - sizeof(struct zl_ipc_header) - sizeof(struct zl_ipc_match))

void zl_dump_begin(struct zl_lcore *c, uint64_t seq)
{
	c->dump.active = true;
	c->dump.seq = seq;
	c->dump.cursor = 0;
	c->dump.peer = 0;
	c->dump.shard = 0;
	c->control = true;
}

/* Streams that ended in between are told of as they were, and after the dump as closed. */
static bool dump_peer(struct zl_lcore *c, struct zl_peer *p)
{
	struct zl_letter *letter = zl_notify_begin(c, ZL_IPC_STREAM_STATE, 0);
	struct zl_ipc_stream_state *m;

	if (!letter)
		return false;
	m = zl_ipc_body(letter->packet);
	zl_peer_describe(p, &m->open);
	m->ready = p->ready;
	m->sent_total = p->sent_total;
	p->sent_told = 0; /* so that the new one hears how far it may go on */
	p->announced = true;
	zl_peer_wait_relay(p);
	zl_notify_post(c, letter, 0);
	return true;
}

static bool dump_peers(struct zl_lcore *c)
{
	unsigned told = 0;

	for (; c->dump.peer < c->peers_max; c->dump.peer++) {
		struct zl_peer *p = &c->peers[c->dump.peer];

		if (!p->shard ||
		    (p->state != ZL_PEER_READY && (p->state != ZL_PEER_GONE || !zl_peer_joined(p))))
			continue;
		if (told++ == PEERS_A_TURN || !dump_peer(c, p))
			return false;
	}
	return true;
}

struct packing {
	struct zl_shard *shard;
	uint8_t *tail;
	uint32_t used, count;
};

static int pack(void *ctx, const uint8_t *prefix, uint32_t len, uint32_t slot)
{
	struct packing *k = ctx;
	static const uint8_t all_groups[ZL_ALL_GROUPS];
	uint32_t marks = k->shard->socket.pattern->marks;
	bool all = len < marks; /* of a RADIO */
	struct zl_ipc_match_prefix r = {
		.target = k->shard->socket.pipes[slot]->id,
		.len = (uint16_t)(all ? ZL_ALL_GROUPS : len - marks),
		.op = ZL_SUBSCRIBE,
	};

	if (k->used + sizeof(r) + r.len > ROOM || k->count == RECORDS_A_TURN)
		return 1;
	memcpy(k->tail + k->used, &r, sizeof(r));
	memcpy(k->tail + k->used + sizeof(r), all ? all_groups : prefix + marks, r.len);
	k->used += sizeof(r) + r.len;
	k->count++;
	return 0;
}

/* One letter of a shard's subscriptions. */
static bool dump_matcher(struct zl_lcore *c, struct zl_shard *s)
{
	struct zl_letter *letter = zl_notify_begin(c, ZL_IPC_MATCH_STATE, 0);
	struct packing k = {.shard = s};
	struct zl_ipc_match *m;

	if (!letter)
		return false;
	k.tail = zl_ipc_tail(letter->packet);
	zl_matcher_each(s->socket.matcher, &c->dump.cursor, pack, &k);
	m = zl_ipc_body(letter->packet);
	*m = (struct zl_ipc_match){
		.core = c->id, .socket = s->config.id, .bytes = k.used, .count = k.count};
	zl_notify_post(c, letter, k.used);
	return true;
}

static bool dump_shards(struct zl_lcore *c)
{
	for (; c->dump.shard < ZL_SHARDS_MAX; c->dump.shard++) {
		struct zl_shard *s = c->shard[c->dump.shard];

		if (!s || !s->socket.matcher) {
			c->dump.cursor = 0; /* it may have been removed half told */
			continue;
		}
		if (!dump_matcher(c, s) || c->dump.cursor)
			return false;
	}
	return true;
}

bool zl_dump_step(struct zl_lcore *c)
{
	bool room = zl_mailbox_room(&c->to_host);
	struct zl_letter *letter;

	if (!dump_peers(c) || !dump_shards(c))
		return room;
	letter = zl_notify_begin(c, ZL_IPC_RESULT, c->dump.seq);
	if (!letter)
		return room;
	zl_notify_post(c, letter, 0);
	c->dump.active = false;
	return true;
}
