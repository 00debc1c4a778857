/* REQ (RFC 28): one request to one peer, in turn, then its reply; anything else is -EFSM. Requests
 * go out with an empty part before them (ZMQ_REQ_CORRELATE: and an id before that), and a reply
 * must come back from the same peer with the same. Whatever else comes is dropped and counted.
 * ZMQ_REQ_RELAXED: a new request may be sent at any time, and the one before is forgotten. */
#include "dataplane/router/balance.h"
#include "dataplane/router/fan.h" /* zl_fan_rest */
#include "dataplane/router/greet.h"
#include "dataplane/router/inbox.h"
#include "dataplane/router/patterns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum req_state {
	IDLE,
	ASKING,    /* a request has begun */
	WAITING,   /* for a reply */
	RECEIVING, /* its body has begun */
};

struct req {
	enum req_state state;
	struct zl_balance balance;
	struct zl_inbox inbox;
	struct zl_pipe *replier; /* who was asked; NULL: gone */
	uint32_t id;             /* of the request */
	unsigned matched;        /* parts of the reply's envelope that came in earlier calls */
	bool *skips;             /* by slot: parts are passed over until the message's last */
};

static int req_open(struct zl_socket *s)
{
	struct req *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->skips = calloc(s->pipes_max, sizeof(*r->skips));
	if (!r->skips || zl_balance_open(&r->balance, s->pipes_max) < 0) {
		free(r->skips);
		free(r);
		return -ENOMEM;
	}
	s->state = r;
	return 0;
}

static void req_close(struct zl_socket *s)
{
	struct req *r = s->state;

	zl_balance_close(&r->balance);
	free(r->skips);
	free(r);
	s->state = NULL;
}

static void req_pipe_added(struct zl_socket *s, struct zl_pipe *p)
{
	struct req *r = s->state;

	r->skips[p->slot] = false;
	zl_greet(s, p, true);
	if (p->kind == ZL_PIPE_PEER)
		zl_balance_add(&r->balance, p);
}

/* A reply that has begun is not wanted any more, or will have no end. */
static void give_up_reply(struct zl_socket *s, struct req *r)
{
	if (r->state == RECEIVING && r->replier) {
		r->skips[r->replier->slot] = true;
		zl_inbox_forget(s, &r->inbox, r->replier);
	} else if (r->inbox.mid) {
		r->skips[r->inbox.mid->slot] = true;
	}
	r->inbox.mid = NULL;
	r->matched = 0;
}

static void req_pipe_removed(struct zl_socket *s, struct zl_pipe *p)
{
	struct req *r = s->state;

	if (r->replier == p) {
		give_up_reply(s, r);
		/* half a reply was no reply; but the next request may be sent */
		if (r->state == RECEIVING)
			r->state = IDLE;
		r->replier = NULL;
	}
	zl_balance_forget(s, &r->balance, p);
}

/* --- requests --- */

/* What goes before a request: how many parts, 0: no memory. A reference is held on each. */
static unsigned make_envelope(struct zl_socket *s, struct req *r, struct zl_msg *out)
{
	unsigned n = 0;

	if (s->options->req_correlate) {
		uint32_t id = r->id + 1;

		out[n] = (struct zl_msg){.len = sizeof(id), .flags = ZL_MSG_MORE};
		out[n].buf = s->ops->buffer(s->ctx, &id, sizeof(id), &out[n].data);
		if (!out[n].buf)
			return 0;
		n++;
	}
	out[n] = (struct zl_msg){.flags = ZL_MSG_MORE};
	out[n].buf = s->ops->buffer(s->ctx, "", 0, &out[n].data);
	if (out[n].buf)
		return n + 1;
	if (n)
		zl_buf_unref(out[0].buf, 1);
	return 0;
}

/* To the next peer in turn: 1, or 0: none has room now. */
static int begin_request(struct zl_socket *s, struct req *r)
{
	struct zl_msg envelope[2];
	unsigned n;
	int sent;

	if (!zl_balance_can_send(s, &r->balance))
		return 0;
	n = make_envelope(s, r, envelope);
	sent = n ? zl_balance_send(s, &r->balance, envelope, n) : 0;
	for (unsigned i = 0; i < n; i++)
		zl_buf_unref(envelope[i].buf, 1);
	if (sent <= 0)
		return 0;
	give_up_reply(s, r);
	r->id++;
	r->replier = r->balance.mid;
	r->state = ASKING;
	return 1;
}

static int req_send(struct zl_socket *s, const struct zl_msg *msgs, unsigned n, bool local)
{
	struct req *r = s->state;
	unsigned parts;

	(void)local;
	if (r->state >= WAITING && !s->options->req_relaxed)
		return -EFSM;
	if (n == 0 || (r->state != ASKING && begin_request(s, r) == 0))
		return 0;
	parts = zl_fan_rest(msgs, n);
	zl_balance_send(s, &r->balance, msgs, parts);
	if (!(msgs[parts - 1].flags & ZL_MSG_MORE))
		r->state = WAITING;
	return (int)parts;
}

static bool req_can_send(const struct zl_socket *s)
{
	const struct req *r = s->state;

	if (r->state >= WAITING && !s->options->req_relaxed)
		return false;
	return zl_balance_can_send(s, &r->balance);
}

static void req_broken(struct zl_socket *s)
{
	struct req *r = s->state;

	zl_balance_broken(s, &r->balance);
	if (r->state != ASKING)
		return;
	r->state = IDLE;
	r->replier = NULL;
}

static void req_released(struct zl_socket *s, struct zl_pipe *p)
{
	struct req *r = s->state;

	zl_balance_released(s, &r->balance, p);
}

/* --- replies --- */

/* A message that nobody waits for, or what of it is here, is passed over. */
static unsigned pass_over(struct zl_socket *s, struct req *r, const struct zl_pipe *p,
			  const struct zl_msg *msgs, unsigned n, enum zl_router_counter why)
{
	unsigned rest = zl_fan_rest(msgs, n);

	if (!r->skips[p->slot]) {
		s->counter[why]++;
		if (r->inbox.mid == p) {
			r->inbox.mid = NULL;
			r->matched = 0;
		}
	}
	r->skips[p->slot] = msgs[rest - 1].flags & ZL_MSG_MORE;
	return rest;
}

static bool is_id(const struct req *r, const struct zl_msg *part)
{
	uint32_t id;

	return part->len == sizeof(id) &&
	       zl_msg_peek(part, (uint8_t *)&id, sizeof(id)) == sizeof(id) && id == r->id;
}

/* The envelope of a reply from its part `matched` on: how many parts here are of it. *why: this is
 * no reply, or not to what was asked. */
static unsigned match_envelope(const struct zl_socket *s, const struct req *r,
			       const struct zl_msg *msgs, unsigned n, enum zl_router_counter *why)
{
	unsigned parts = s->options->req_correlate ? 2 : 1, k = 0;

	for (; k < n && r->matched + k < parts; k++) {
		bool delimiter = r->matched + k == parts - 1;

		*why = delimiter ? ZL_ROUTER_bad_envelopes : ZL_ROUTER_dropped_late;
		if (!(msgs[k].flags & ZL_MSG_MORE))
			return 0;
		if (delimiter ? msgs[k].len != 0 : !is_id(r, &msgs[k]))
			return 0;
	}
	return k;
}

static unsigned begin_reply(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
			    unsigned n)
{
	struct req *r = s->state;
	enum zl_router_counter why = ZL_ROUTER_bad_envelopes;
	unsigned envelope = match_envelope(s, r, msgs, n, &why), body, taken;

	if (envelope == 0 && r->matched < (s->options->req_correlate ? 2u : 1u))
		return pass_over(s, r, p, msgs, n, why);
	if (envelope == n) {
		r->matched += envelope;
		zl_inbox_took(s, &r->inbox, p, msgs, envelope, envelope);
		return envelope;
	}
	body = zl_fan_rest(msgs + envelope, n - envelope);
	r->state = msgs[envelope + body - 1].flags & ZL_MSG_MORE ? RECEIVING : IDLE;
	taken = s->ops->receive(s->ctx, msgs + envelope, body);
	if (taken == 0) {
		s->counter[ZL_ROUTER_stalls_receive]++;
		r->state = WAITING;
		return 0;
	}
	r->matched = 0;
	zl_inbox_took(s, &r->inbox, p, msgs, envelope + taken, envelope + body);
	return envelope + taken;
}

static unsigned go_on(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs, unsigned n)
{
	struct req *r = s->state;
	unsigned body = zl_fan_rest(msgs, n), taken;
	bool ends = !(msgs[body - 1].flags & ZL_MSG_MORE);

	r->state = ends ? IDLE : RECEIVING;
	taken = s->ops->receive(s->ctx, msgs, body);
	if (taken < body)
		r->state = RECEIVING;
	zl_inbox_took(s, &r->inbox, p, msgs, taken, body);
	return taken;
}

static unsigned req_input(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
			  unsigned n)
{
	struct req *r = s->state;
	unsigned done = 0;

	while (done < n) {
		unsigned taken;

		if (r->skips[p->slot] || p != r->replier || r->state < WAITING)
			taken = pass_over(s, r, p, msgs + done, n - done, ZL_ROUTER_dropped_late);
		else if (r->state == RECEIVING)
			taken = go_on(s, p, msgs + done, n - done);
		else
			taken = begin_reply(s, p, msgs + done, n - done);
		done += taken;
		if (taken == 0)
			break;
	}
	return done;
}

const struct zl_pattern zl_req_pattern = {
	.type = ZL_REQ,
	.peers = 1u << ZL_REP | 1u << ZL_ROUTER,
	.open = req_open,
	.close = req_close,
	.pipe_added = req_pipe_added,
	.pipe_removed = req_pipe_removed,
	.input = req_input,
	.send = req_send,
	.can_send = req_can_send,
	.broken = req_broken,
	.released = req_released,
	.subscribe = zl_never_subscribes,
};
