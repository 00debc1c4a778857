/* One run to many pipes (fan.h). The pipes that have room for all of it, nearly always all, cost a
 * look at their accounts each and share one write. The others are written in groups of like room,
 * so that a thousand subscribers at their high-water marks are a few writes and not a thousand. */
#include "dataplane/router/fan.h"
#include "dataplane/router/backlog.h"

#include <errno.h>
#include <stdlib.h>

/* What a run is made of. */
struct run {
	const struct zl_msg *msgs;
	unsigned n;
	unsigned rest;   /* parts at its front that belong to a message begun before */
	uint32_t starts; /* messages that begin in it */
	uint64_t bytes;
	bool open; /* its last message goes on after it */
};

int zl_fan_open(struct zl_fan *f, uint32_t pipes_max)
{
	*f = (struct zl_fan){.key = ZL_FAN_STALE};
	f->set = calloc(pipes_max, sizeof(struct zl_pipe *));
	f->whole = calloc(pipes_max, sizeof(struct zl_pipe *));
	f->cut = calloc(pipes_max, sizeof(*f->cut));
	if (f->set && f->whole && f->cut)
		return 0;
	zl_fan_close(f);
	return -ENOMEM;
}

void zl_fan_close(struct zl_fan *f)
{
	free(f->set);
	free(f->whole);
	free(f->cut);
	*f = (struct zl_fan){0};
}

static struct run survey(const struct zl_msg *msgs, unsigned n, bool mid)
{
	struct run r = {.msgs = msgs, .n = n, .rest = mid ? zl_fan_rest(msgs, n) : 0};
	unsigned ends = 0;

	for (unsigned i = 0; i < n; i++) {
		r.bytes += msgs[i].len;
		ends += !(msgs[i].flags & ZL_MSG_MORE);
	}
	r.open = (msgs[n - 1].flags & ZL_MSG_MORE) != 0;
	r.starts = ends + r.open - mid;
	return r;
}

/* What its HWM leaves, and for a pipe that may drop no more than memory does. */
static uint32_t room_of(const struct zl_socket *s, const struct zl_pipe *p, const struct run *r)
{
	uint32_t bytes_a_msg = (uint32_t)(r->bytes / (r->starts ? r->starts : 1));
	uint32_t room, by_memory;

	if (p->backlog)
		return zl_backlog_room(s, p, bytes_a_msg);
	room = zl_pipe_room(p, bytes_a_msg);
	if (p->hwm_msgs == 0 || p->kind == ZL_PIPE_CORE)
		return room;
	by_memory = zl_pipe_room_bytes(p, s->pipe_bytes_max, bytes_a_msg);
	return room < by_memory ? room : by_memory;
}

static inline void account(struct zl_pipe *p, uint32_t messages, uint32_t parts, uint64_t bytes)
{
	p->queued_msgs += messages;
	p->queued_bytes += bytes;
	p->msgs_out += parts;
	p->bytes_out += bytes;
}

/* Has the pipe room without much arithmetic? Nearly always. */
static inline bool roomy(const struct zl_socket *s, const struct zl_pipe *p, const struct run *r)
{
	if (p->skipping || p->backlog)
		return false;
	if (p->hwm_msgs == 0 || p->kind == ZL_PIPE_CORE)
		return true;
	return (uint64_t)p->queued_msgs + r->starts <= p->hwm_msgs &&
	       p->queued_bytes + r->bytes <= s->pipe_bytes_max;
}

/* Part the set: f->whole gets the run as it is, f->cut less than that. */
static uint32_t part_set(struct zl_socket *s, struct zl_fan *f, const struct run *r, bool local,
			 uint32_t *cut)
{
	uint32_t whole = 0;

	*cut = 0;
	for (uint32_t i = 0; i < f->n; i++) {
		struct zl_pipe *p = f->set[i];
		uint32_t room;

		if (local && p->kind == ZL_PIPE_CORE)
			continue;
		if (!roomy(s, p, r)) {
			room = room_of(s, p, r);
			if (p->skipping || p->backlog || room < r->starts) {
				f->cut[(*cut)++] = (struct zl_fan_short){
					p, room < r->starts ? room : r->starts,
					p->backlog ? zl_backlog_mid(p) : p->skipping};
				continue;
			}
		}
		account(p, r->starts, r->n, r->bytes);
		f->whole[whole++] = p;
	}
	return whole;
}

/* The run is `room` of its messages for this pipe, which end before part `to`; the others wait or
 * are dropped. */
static void leave_out(struct zl_socket *s, struct zl_pipe *p, const struct run *r, uint32_t room,
		      bool late, unsigned to)
{
	if (p->backlog) {
		if (late)
			zl_backlog_put(s, p, r->msgs, r->rest);
		zl_backlog_put(s, p, r->msgs + to, r->n - to);
		return;
	}
	if (room < r->starts && s->policy->slow.policy == ZL_SLOW_DISCONNECT)
		zl_socket_too_slow(s, p);
	p->skipping = r->open && (room < r->starts || (late && r->starts == 0));
	p->msgs_dropped += r->starts - room;
	s->counter[ZL_ROUTER_dropped_hwm] += r->starts - room;
}

/* Write the pipes that want the same as the first of f->cut, and forget them. How many are left. */
static uint32_t write_alike(struct zl_socket *s, struct zl_fan *f, const struct run *r,
			    uint32_t n_cut)
{
	const struct zl_fan_short like = f->cut[0];
	unsigned from = like.late ? r->rest : 0, to = r->rest;
	uint32_t n = 0, left = 0;
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < like.room; i++)
		to += zl_fan_rest(r->msgs + to, r->n - to);
	for (unsigned i = from; i < to; i++)
		bytes += r->msgs[i].len;
	for (uint32_t i = 0; i < n_cut; i++) {
		struct zl_pipe *p = f->cut[i].pipe;

		if (f->cut[i].room != like.room || f->cut[i].late != like.late) {
			f->cut[left++] = f->cut[i];
			continue;
		}
		account(p, like.room, to - from, bytes);
		if (p->backlog)
			zl_backlog_spend(p, like.room, bytes);
		leave_out(s, p, r, like.room, like.late, to);
		f->whole[n++] = p;
	}
	if (to > from) {
		s->counter[ZL_ROUTER_deliveries] += (uint64_t)n * (to - from);
		s->ops->write(s->ctx, f->whole, n, r->msgs + from, to - from);
	}
	return left;
}

void zl_fan_write(struct zl_socket *s, struct zl_fan *f, const struct zl_msg *msgs, unsigned n,
		  bool local)
{
	struct run r = survey(msgs, n, f->mid);
	uint32_t whole, cut;

	s->counter[ZL_ROUTER_messages_sent] += r.starts;
	f->mid = r.open;
	f->local = local;
	if (f->n == 0) {
		s->counter[ZL_ROUTER_messages_unmatched] += r.starts;
		return;
	}
	whole = part_set(s, f, &r, local, &cut);
	if (whole) {
		s->counter[ZL_ROUTER_deliveries] += (uint64_t)whole * n;
		s->ops->write(s->ctx, f->whole, whole, msgs, n);
	}
	while (cut)
		cut = write_alike(s, f, &r, cut);
}

void zl_fan_forget(struct zl_fan *f, const struct zl_pipe *p)
{
	f->key = ZL_FAN_STALE;
	for (uint32_t i = 0; i < f->n; i++) {
		if (f->set[i] == p)
			f->set[i--] = f->set[--f->n];
	}
}

void zl_fan_broken(struct zl_socket *s, struct zl_fan *f)
{
	if (!f->mid)
		return;
	s->counter[ZL_ROUTER_broken_messages]++;
	f->mid = false;
	f->key = ZL_FAN_STALE;
	for (uint32_t i = 0; i < f->n; i++) {
		struct zl_pipe *p = f->set[i];

		if (p->backlog && zl_backlog_broken(s, p))
			continue;
		if (!p->skipping && !(f->local && p->kind == ZL_PIPE_CORE) && s->ops->broken)
			s->ops->broken(s->ctx, p);
		p->skipping = false;
	}
	f->n = 0;
}
