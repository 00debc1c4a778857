/* What a poll core tells the host core, and through it control: letters, as the contract has them.
 */
#include <string.h>

#include <rte_mbuf.h>

#include "dataplane/lcore.h"
#include "dataplane/ring/chain.h"

#define TAIL_MAX(st) (ZL_IPC_PACKET_MAX - sizeof(struct zl_ipc_header) - sizeof(struct st))

struct zl_letter *zl_notify_begin(struct zl_lcore *c, enum zl_ipc_type type, uint64_t seq)
{
	struct zl_letter *letter;

	/* A dump may take what is kept: while it lasts the host core has the less to say. */
	if (!zl_mailbox_room(&c->to_host) ||
	    (!c->dump.active && rte_mempool_avail_count(c->letters) < ZL_LETTERS_KEPT))
		return NULL;
	letter = zl_letter_new(c->letters);
	if (!letter)
		return NULL;
	letter->object = NULL;
	memset(zl_ipc_begin(letter->packet, type, seq), 0, zl_ipc_size(type));
	return letter;
}

void zl_notify_post(struct zl_lcore *c, struct zl_letter *letter, uint32_t tail_bytes)
{
	zl_letter_header(letter)->length += tail_bytes;
	zl_mailbox_post(&c->to_host, letter); /* zl_notify_begin saw room, and we alone write */
}

bool zl_notify_open(struct zl_peer *p)
{
	struct zl_letter *letter = zl_notify_begin(p->core, ZL_IPC_STREAM_OPEN, 0);
	struct zl_ipc_stream_open *m;

	if (!letter)
		return false;
	m = zl_ipc_body(letter->packet);
	zl_peer_describe(p, m);
	m->said = p->visitor.said;
	m->bytes = p->visitor.bytes;
	memcpy(zl_ipc_tail(letter->packet), p->visitor.greeting, m->bytes);
	zl_notify_post(p->core, letter, m->bytes);
	return true;
}

bool zl_notify_closed(struct zl_lcore *c, uint64_t stream, uint32_t endpoint, const char *reason,
		      uint32_t count)
{
	struct zl_letter *letter = zl_notify_begin(c, ZL_IPC_STREAM_CLOSED, 0);
	struct zl_ipc_stream_closed *m;

	if (!letter)
		return false;
	m = zl_ipc_body(letter->packet);
	m->stream = stream;
	m->endpoint = endpoint;
	m->count = count;
	strncpy(m->reason, reason, sizeof(m->reason) - 1);
	zl_notify_post(c, letter, 0);
	return true;
}

bool zl_notify_bytes(struct zl_peer *p, enum zl_relay kind, const uint8_t *bytes, uint32_t len,
		     bool more)
{
	struct zl_letter *letter = zl_notify_begin(p->core, ZL_IPC_STREAM_BYTES, 0);
	struct zl_ipc_stream_bytes *m;

	if (!letter)
		return false;
	m = zl_ipc_body(letter->packet);
	*m = (struct zl_ipc_stream_bytes){
		.stream = p->id, .kind = kind, .bytes = len, .more = more};
	memcpy(zl_ipc_tail(letter->packet), bytes, len);
	zl_notify_post(p->core, letter, len);
	return true;
}

bool zl_notify_sent(struct zl_peer *p)
{
	struct zl_letter *letter = zl_notify_begin(p->core, ZL_IPC_STREAM_SENT, 0);
	struct zl_ipc_stream_sent *m;

	if (!letter)
		return false;
	m = zl_ipc_body(letter->packet);
	*m = (struct zl_ipc_stream_sent){.stream = p->id, .total = p->sent_total};
	zl_notify_post(p->core, letter, 0);
	return true;
}

bool zl_notify_message(struct zl_peer *p, const struct zl_msg *msg)
{
	struct zl_letter *letter;
	struct zl_ipc_stream_bytes *m;

	if (msg->len > TAIL_MAX(zl_ipc_stream_bytes)) {
		zl_session_close(&p->session, "upstream_too_long", false);
		return true;
	}
	letter = zl_notify_begin(p->core, ZL_IPC_STREAM_BYTES, 0);
	if (!letter)
		return false;
	m = zl_ipc_body(letter->packet);
	*m = (struct zl_ipc_stream_bytes){
		.stream = p->id,
		.kind = ZL_RELAY_MESSAGE,
		.bytes = msg->len,
		.more = msg->flags & ZL_MSG_MORE,
	};
	zl_msg_copy(msg, zl_ipc_tail(letter->packet), msg->len);
	zl_notify_post(p->core, letter, msg->len);
	return true;
}

/* As many records as one letter holds; a prefix that no letter holds is control's to refuse, so it
 * is cut to what does fit, which is more than control allows. */
unsigned zl_notify_subs(struct zl_peer *p, const struct zl_msg *msgs, unsigned n)
{
	struct zl_letter *letter = zl_notify_begin(p->core, ZL_IPC_STREAM_SUBS, 0);
	struct zl_ipc_subs *m;
	uint32_t room = TAIL_MAX(zl_ipc_subs), used = 0;
	uint8_t *tail;
	unsigned i;

	if (!letter)
		return 0;
	m = zl_ipc_body(letter->packet);
	tail = zl_ipc_tail(letter->packet);
	for (i = 0; i < n; i++) {
		uint32_t most = room - sizeof(struct zl_ipc_prefix);
		struct zl_msg part = msgs[i];
		struct zl_ipc_prefix r = {.op = part.flags & ZL_MSG_SUBSCRIBE ? ZL_SUBSCRIBE
									      : ZL_CANCEL};

		part.len = part.len < most ? part.len : most;
		r.len = (uint16_t)part.len;
		if (used + sizeof(r) + part.len > room)
			break;
		memcpy(tail + used, &r, sizeof(r));
		zl_msg_copy(&part, tail + used + sizeof(r), part.len);
		used += sizeof(r) + part.len;
	}
	m->stream = p->id;
	m->bytes = used;
	m->count = i;
	zl_notify_post(p->core, letter, used);
	return i;
}
