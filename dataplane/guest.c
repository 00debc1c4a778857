/* A peer of a socket that lives here, whose stream is on another core: its pipe, and what came from
 * it and was not taken yet. */
#include <string.h>

#include "dataplane/lcore.h"

static struct zl_shard *home_of(const struct zl_peer *p)
{
	return p->pipe.socket->ctx;
}

static bool has_pipe(const struct zl_peer *p)
{
	return p->guest.state != ZL_GUEST_NOT && p->guest.state != ZL_GUEST_SHUT_OUT;
}

/* --- coming and going --- */

void zl_guest_open(struct zl_lcore *c, struct zl_peer *p, uint32_t socket)
{
	struct zl_shard *s = zl_shard_find(c, socket);
	unsigned core = p->core->id;

	p->mid_message = p->waits_deliver = false;
	p->guest = (struct zl_guest){
		.state = ZL_GUEST_JOINED,
		.due = {.peer = p, .to = (uint8_t)core},
	};
	p->pipe.socket = NULL;
	if (s && !s->away) {
		s->lanes |= 1u << core;
		s->guests[core]++;
		if (zl_peer_join(p, s) == 0)
			return;
		if (--s->guests[core] == 0)
			s->lanes &= ~(1u << core);
	}
	p->guest.state = ZL_GUEST_SHUT_OUT;
	p->guest.reason = "no_pipe";
	zl_core_count(c, ZL_CORE_guests_refused);
	zl_due_add(c, &p->guest.due, ZL_PARCEL_CLOSE);
}

/* It has no pipe from here on. */
static void unjoin(struct zl_peer *p)
{
	struct zl_shard *s = home_of(p);
	unsigned core = p->core->id;

	s->core->counter[ZL_CORE_lane_parts_lost] += p->guest.untaken.n;
	zl_untaken_drop(&p->guest.untaken, p->guest.untaken.n);
	zl_peer_unjoin(p);
	if (--s->guests[core] == 0)
		s->lanes &= ~(1u << core);
}

static void leave(struct zl_peer *p)
{
	struct zl_lcore *c = home_of(p)->core;

	unjoin(p);
	p->guest.state = ZL_GUEST_NOT;
	zl_due_cancel(&p->guest.due);
	zl_due_add(c, &p->guest.due, ZL_PARCEL_LEFT);
}

/* Until its last messages have been taken it is one of the socket's peers, but one without room. */
static void fill(struct zl_pipe *pipe)
{
	pipe->hwm_msgs = pipe->queued_msgs = 1;
	pipe->sndbuf_bytes = 0;
}

/* whole: everything that it sent is to be taken; else what can be at once, as on one core. */
void zl_guest_closed(struct zl_lcore *c, struct zl_peer *p, bool whole)
{
	if (!has_pipe(p)) {
		p->guest.state = ZL_GUEST_NOT;
		zl_due_cancel(&p->guest.due);
		zl_due_add(c, &p->guest.due, ZL_PARCEL_LEFT);
		return;
	}
	p->guest.state = ZL_GUEST_LEAVING;
	fill(&p->pipe);
	zl_guest_deliver(p);
	if (has_pipe(p) && !whole)
		leave(p);
}

static void close_with(struct zl_lcore *c, struct zl_peer *p, const char *reason)
{
	p->guest.reason = reason;
	zl_due_add(c, &p->guest.due, ZL_PARCEL_CLOSE);
}

void zl_guest_close(struct zl_shard *s, struct zl_peer *p, const char *reason)
{
	if (p->guest.state != ZL_GUEST_JOINED)
		return;
	p->guest.state = ZL_GUEST_CLOSING;
	close_with(s->core, p, reason);
}

void zl_guest_finish(struct zl_shard *s, struct zl_peer *p)
{
	p->guest.finish = p->guest.state == ZL_GUEST_JOINED;
	zl_guest_close(s, p, "closed_by_user");
}

void zl_guests_shut_out(struct zl_shard *s)
{
	for (uint32_t i = 0; i < s->socket.pipes_used; i++) {
		struct zl_pipe *pipe = s->socket.pipes[i];
		struct zl_peer *p = pipe && pipe->kind == ZL_PIPE_PEER ? pipe->end : NULL;

		if (!p || p->core == s->core)
			continue;
		if (p->guest.state == ZL_GUEST_LEAVING) {
			leave(p);
			continue;
		}
		unjoin(p);
		p->guest.state = ZL_GUEST_SHUT_OUT;
		close_with(s->core, p, "socket_closed");
	}
}

void zl_guests_drop(struct zl_shard *s)
{
	for (uint32_t i = 0; i < s->socket.pipes_used; i++) {
		struct zl_pipe *pipe = s->socket.pipes[i];
		struct zl_peer *p = pipe && pipe->kind == ZL_PIPE_PEER ? pipe->end : NULL;

		if (p && p->core != s->core)
			zl_untaken_drop(&p->guest.untaken, p->guest.untaken.n);
	}
}

/* --- in --- */

/* Grants are told a good part of the window at a time. */
static void taken(struct zl_peer *p, const struct zl_msg *msgs, unsigned n)
{
	struct zl_guest *g = &p->guest;
	uint32_t worth = (zl_away_window(home_of(p)) + 3) / 4;

	g->taken_parts += n;
	for (unsigned i = 0; i < n; i++)
		g->taken_bytes += msgs[i].len;
	if (g->state != ZL_GUEST_LEAVING && (g->taken_parts - g->told_parts >= worth ||
					     g->taken_bytes - g->told_bytes >= ZL_AWAY_BYTES / 4))
		zl_due_add(home_of(p)->core, &g->due, ZL_PARCEL_GRANT);
}

void zl_guest_deliver(struct zl_peer *p)
{
	struct zl_untaken *b = &p->guest.untaken;
	struct zl_msg run[ZL_ZMTP_PARTS_A_CALL];

	while (b->whole) {
		unsigned n = zl_untaken_peek(b, run, ZL_ZMTP_PARTS_A_CALL);
		unsigned took = zl_peer_offer(p, run, n, b->whole);

		taken(p, run, took);
		zl_untaken_drop(b, took);
		if (took < n)
			break;
	}
	if (p->guest.state == ZL_GUEST_LEAVING && !b->whole)
		leave(p);
}

/* Parts up to the end of the last whole message. */
static unsigned whole_parts(const struct zl_msg *msgs, unsigned n)
{
	while (n && msgs[n - 1].flags & ZL_MSG_MORE)
		n--;
	return n;
}

static void keep(struct zl_peer *p, const struct zl_msg *msgs, unsigned n)
{
	struct zl_shard *s = home_of(p);
	unsigned kept = zl_untaken_push(&p->guest.untaken, s->core->blocks, msgs, n);

	if (kept == n)
		return;
	s->core->counter[ZL_CORE_lane_parts_lost] += n - kept;
	zl_msgs_unref(msgs + kept, n - kept);
	zl_core_count(s->core, ZL_CORE_close_backlog);
	unjoin(p);
	p->guest.state = ZL_GUEST_SHUT_OUT;
	close_with(s->core, p, "no_memory");
}

void zl_guest_input(struct zl_lcore *c, struct zl_peer *p, const struct zl_msg *msgs, unsigned n)
{
	bool empty = p->guest.untaken.n == 0;
	unsigned whole, took = 0;

	if (!has_pipe(p)) {
		c->counter[ZL_CORE_lane_parts_lost] += n;
		zl_msgs_unref(msgs, n);
		return;
	}
	whole = empty ? whole_parts(msgs, n) : 0;
	if (whole) {
		took = zl_peer_offer(p, msgs, whole, whole);
		taken(p, msgs, took);
		zl_msgs_unref(msgs, took);
	}
	if (took < n)
		keep(p, msgs + took, n - took);
	if (!empty && has_pipe(p) && !p->waits_deliver)
		zl_guest_deliver(p);
}

/* --- out --- */

void zl_guest_write(struct zl_shard *s, struct zl_pipe *pipe, const struct zl_msg *msgs, unsigned n)
{
	struct zl_peer *p = pipe->end;
	struct zl_lane *lane = &s->core->lane[p->guest.due.to];

	if (p->guest.state != ZL_GUEST_JOINED)
		return;
	/* A pattern's own words, a greeting, come without a reservation. */
	if (lane->promised < n && !zl_lane_reserve(lane, n)) {
		zl_core_count(s->core, ZL_CORE_close_lane_full);
		zl_guest_close(s, p, "lane_full");
		return;
	}
	zl_lane_write(lane, ZL_PARCEL_OUT, p->index, msgs, n);
	s->core->counter[ZL_CORE_lane_messages] += n;
	for (unsigned i = 0; i < n; i++) {
		p->guest.sent_msgs += !(msgs[i].flags & ZL_MSG_MORE);
		p->guest.sent_bytes += msgs[i].len;
	}
}

/* What is queued is what the stream has, and what was on its way to it. */
void zl_guest_credit(struct zl_peer *p, const struct zl_credit *credit)
{
	if (p->guest.state != ZL_GUEST_JOINED && p->guest.state != ZL_GUEST_CLOSING)
		return;
	p->pipe.queued_msgs = credit->queued_msgs + (p->guest.sent_msgs - credit->got_msgs);
	p->pipe.queued_bytes = credit->queued_bytes + (p->guest.sent_bytes - credit->got_bytes);
	zl_socket_released(&p->pipe, 0, 0);
}

void zl_guest_parcel(struct zl_peer *p, struct zl_parcel *v)
{
	struct zl_guest *g = &p->guest;

	if (v->kind == ZL_PARCEL_GRANT) {
		v->taken.parts = g->told_parts = g->taken_parts;
		v->taken.bytes = g->told_bytes = g->taken_bytes;
	} else if (v->kind == ZL_PARCEL_CLOSE) {
		v->end.reason = g->reason;
		v->end.finish = g->finish;
	}
}
