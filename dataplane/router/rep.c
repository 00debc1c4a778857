/* REP (RFC 28): receives one request, then sends one reply to whoever asked; anything else is
 * -EFSM, or waits. The parts of a request up to and with the first empty one, its envelope, are
 * kept from the user and go before the reply. A reply to a peer that has gone, or is full, is
 * dropped. */
#include "dataplane/router/fan.h" /* zl_fan_rest */
#include "dataplane/router/inbox.h"
#include "dataplane/router/outbox.h"
#include "dataplane/router/patterns.h"

#include <errno.h>
#include <stdlib.h>

enum {
	HOPS_MAX = 255 /* parts of an envelope; a longer one is no envelope */
};

enum rep_state {
	IDLE,      /* or in the middle of an envelope: inbox.mid */
	RECEIVING, /* a request's body has begun */
	ASKED,     /* a reply is due */
	REPLYING,  /* it has begun */
};

struct rep {
	enum rep_state state;
	struct zl_inbox inbox;
	struct zl_outbox outbox;
	struct zl_pipe *asker; /* NULL: gone */
	unsigned hops;
	struct zl_msg envelope[HOPS_MAX]; /* a reference is held on each buffer */
	bool *skips;                      /* by slot: the rest of a bad request is passed over */
};

static int rep_open(struct zl_socket *s)
{
	struct rep *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->skips = calloc(s->pipes_max, sizeof(*r->skips));
	if (!r->skips) {
		free(r);
		return -ENOMEM;
	}
	s->state = r;
	return 0;
}

static void cut_envelope(struct rep *r, unsigned hops)
{
	while (r->hops > hops)
		zl_buf_unref(r->envelope[--r->hops].buf, 1);
}

static void rep_close(struct zl_socket *s)
{
	struct rep *r = s->state;

	cut_envelope(r, 0);
	free(r->skips);
	free(r);
	s->state = NULL;
}

static void rep_pipe_added(struct zl_socket *s, struct zl_pipe *p)
{
	struct rep *r = s->state;

	r->skips[p->slot] = false;
}

static void rep_pipe_removed(struct zl_socket *s, struct zl_pipe *p)
{
	struct rep *r = s->state;

	zl_outbox_forget(s, &r->outbox, p);
	if (r->inbox.mid == p) {
		cut_envelope(r, 0);
		if (r->state == RECEIVING)
			zl_inbox_forget(s, &r->inbox, p);
		r->inbox.mid = NULL;
		r->state = IDLE;
	}
	if (r->asker == p)
		r->asker = NULL;
}

/* --- requests --- */

/* A request without an envelope, or what of it is here, is passed over. */
static unsigned pass_over(struct zl_socket *s, struct rep *r, const struct zl_pipe *p,
			  const struct zl_msg *msgs, unsigned n)
{
	unsigned rest = zl_fan_rest(msgs, n);

	if (!r->skips[p->slot]) {
		s->counter[ZL_ROUTER_bad_envelopes]++;
		r->inbox.mid = NULL;
		cut_envelope(r, 0);
	}
	r->skips[p->slot] = msgs[rest - 1].flags & ZL_MSG_MORE;
	return rest;
}

/* Keeps the envelope, or what of it is here; its length here, 0: it is none. *whole: its end is
 * here too. */
static unsigned keep_envelope(struct rep *r, const struct zl_msg *msgs, unsigned n, bool *whole)
{
	*whole = false;
	for (unsigned k = 0; k < n; k++) {
		if (!(msgs[k].flags & ZL_MSG_MORE) || r->hops == HOPS_MAX)
			return 0;
		zl_buf_ref(msgs[k].buf, 1);
		r->envelope[r->hops] = msgs[k];
		r->envelope[r->hops++].wire = 0;
		if (msgs[k].len == 0) {
			*whole = true;
			return k + 1;
		}
	}
	return n;
}

/* A request from its first part, or from where its envelope was cut. How many parts were taken. */
static unsigned begin_request(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
			      unsigned n)
{
	struct rep *r = s->state;
	unsigned had = r->hops, taken = 0, body = 0;
	bool whole;
	unsigned envelope = keep_envelope(r, msgs, n, &whole);

	if (envelope == 0)
		return pass_over(s, r, p, msgs, n);
	if (!whole || envelope == n) {
		r->state = whole ? RECEIVING : IDLE;
		r->asker = p;
		zl_inbox_took(s, &r->inbox, p, msgs, envelope, envelope);
		return envelope;
	}
	body = zl_fan_rest(msgs + envelope, n - envelope);
	r->asker = p;
	r->state = msgs[envelope + body - 1].flags & ZL_MSG_MORE ? RECEIVING : ASKED;
	taken = s->ops->receive(s->ctx, msgs + envelope, body);
	if (taken == 0) {
		s->counter[ZL_ROUTER_stalls_receive]++;
		cut_envelope(r, had);
		r->state = IDLE;
		return 0;
	}
	zl_inbox_took(s, &r->inbox, p, msgs, envelope + taken, envelope + body);
	return envelope + taken;
}

static unsigned go_on(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs, unsigned n)
{
	struct rep *r = s->state;
	unsigned body = zl_fan_rest(msgs, n), taken;
	bool ends = !(msgs[body - 1].flags & ZL_MSG_MORE);

	r->state = ends ? ASKED : RECEIVING;
	taken = s->ops->receive(s->ctx, msgs, body);
	if (taken < body)
		r->state = RECEIVING;
	zl_inbox_took(s, &r->inbox, p, msgs, taken, body);
	return taken;
}

static unsigned rep_input(struct zl_socket *s, struct zl_pipe *p, const struct zl_msg *msgs,
			  unsigned n)
{
	struct rep *r = s->state;
	unsigned done = 0, taken;

	while (done < n) {
		if (r->skips[p->slot]) {
			done += pass_over(s, r, p, msgs + done, n - done);
			continue;
		}
		if (!zl_inbox_turn_of(s, &r->inbox, p))
			break;
		if (r->state >= ASKED) {
			s->counter[ZL_ROUTER_stalls_turn]++;
			break;
		}
		taken = r->state == RECEIVING ? go_on(s, p, msgs + done, n - done)
					      : begin_request(s, p, msgs + done, n - done);
		done += taken;
		if (taken == 0)
			break;
	}
	return done;
}

/* --- replies --- */

static void begin_reply(struct zl_socket *s, struct rep *r)
{
	struct zl_pipe *to = r->asker;

	if (!to) {
		s->counter[ZL_ROUTER_dropped_unroutable]++;
	} else if (!zl_socket_has_room(s, to)) {
		to->msgs_dropped++;
		s->counter[ZL_ROUTER_dropped_hwm]++;
		to = NULL;
	}
	zl_outbox_begin(s, &r->outbox, to);
	for (unsigned i = 0; i < r->hops; i++)
		zl_outbox_part(s, &r->outbox, &r->envelope[i]);
}

/* Without a HWM nothing is dropped: memory is short, and whoever sends waits. */
static bool must_wait(const struct zl_socket *s, const struct zl_pipe *to)
{
	return to && to->hwm_msgs == 0 && !zl_socket_has_room(s, to);
}

static int rep_send(struct zl_socket *s, const struct zl_msg *msgs, unsigned n, bool local)
{
	struct rep *r = s->state;
	unsigned parts;

	(void)local;
	if (r->state < ASKED)
		return -EFSM;
	if (n == 0)
		return 0;
	if (r->state == ASKED && must_wait(s, r->asker)) {
		s->counter[ZL_ROUTER_stalls_send]++;
		return 0;
	}
	if (r->state == ASKED)
		begin_reply(s, r);
	parts = zl_fan_rest(msgs, n);
	for (unsigned i = 0; i < parts; i++)
		zl_outbox_part(s, &r->outbox, &msgs[i]);
	zl_outbox_flush(s, &r->outbox);
	cut_envelope(r, 0);
	r->state = r->outbox.mid ? REPLYING : IDLE;
	if (r->state == IDLE)
		r->asker = NULL;
	return (int)parts;
}

static bool rep_can_send(const struct zl_socket *s)
{
	const struct rep *r = s->state;

	return r->state >= ASKED;
}

static void rep_broken(struct zl_socket *s)
{
	struct rep *r = s->state;

	zl_outbox_broken(s, &r->outbox);
	if (r->state != REPLYING)
		return;
	r->state = IDLE;
	r->asker = NULL;
}

const struct zl_pattern zl_rep_pattern = {
	.type = ZL_REP,
	.peers = 1u << ZL_REQ | 1u << ZL_DEALER,
	.open = rep_open,
	.close = rep_close,
	.pipe_added = rep_pipe_added,
	.pipe_removed = rep_pipe_removed,
	.input = rep_input,
	.send = rep_send,
	.can_send = rep_can_send,
	.broken = rep_broken,
	.released = zl_never_waits,
	.subscribe = zl_never_subscribes,
};
