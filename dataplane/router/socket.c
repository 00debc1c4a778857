/* A socket's life and its pipes: open, close, add, remove, released. What it does with messages is
 * its pattern's. A slot that was used is given again once nothing of it is left in the matcher. */
#include "dataplane/router/socket.h"

#include <errno.h>
#include <stdlib.h>

#include "dataplane/router/backlog.h"
#include "dataplane/router/conflate.h"
#include "dataplane/router/last.h"
#include "dataplane/router/matcher.h"

static const struct zl_ipc_policy no_policy;
const struct zl_socket_options zl_socket_options_default = {0};

enum {
	SWEEP_FOR_A_SLOT = 1000 /* tree nodes looked at when a pipe finds no free slot */
};

static void give_back(struct zl_socket *s)
{
	zl_conflate_close(s);
	zl_backlogs_close(s->backlogs);
	zl_last_close(s->last);
	zl_matcher_destroy(s->matcher);
	free(s->free_slots);
	free(s->pipes);
	s->backlogs = NULL;
	s->last = NULL;
	s->matcher = NULL;
	s->free_slots = NULL;
	s->pipes = NULL;
}

/* What a publishing socket keeps for late and for slow subscribers. */
static int open_policy(struct zl_socket *s)
{
	if (s->policy->last.topics) {
		s->last = zl_last_open(&s->policy->last, s->counter);
		if (!s->last)
			return -ENOMEM;
	}
	if (zl_backlogs_wanted(s->policy)) {
		s->backlogs = zl_backlogs_open(s->policy, s->sndhwm, s->pipes_max);
		if (!s->backlogs)
			return -ENOMEM;
	}
	return 0;
}

int zl_socket_open(struct zl_socket *s, const struct zl_socket_config *config)
{
	*s = (struct zl_socket){
		.pattern = zl_pattern(config->type),
		.ops = config->ops,
		.ctx = config->ctx,
		.id = config->id,
		.sndhwm = config->sndhwm,
		.rcvhwm = config->rcvhwm,
		.sndbuf = config->sndbuf,
		.max_msg_bytes = config->max_msg_bytes,
		.matcher_bytes = config->matcher_bytes,
		.pipe_bytes_max = UINT64_MAX,
		.pipes_max = config->pipes_max,
		.options = config->options ? config->options : &zl_socket_options_default,
		.policy = config->policy ? config->policy : &no_policy,
		.counter = config->counter,
	};
	if (!s->pattern)
		return -EPROTONOSUPPORT;
	s->pipes = calloc(s->pipes_max, sizeof(struct zl_pipe *));
	s->free_slots = calloc(s->pipes_max, sizeof(*s->free_slots));
	if (!s->pipes || !s->free_slots)
		goto no_memory;
	if (s->pattern->matches) {
		s->matcher = zl_matcher_create(config->matcher_bytes, s->pipes_max);
		if (!s->matcher)
			goto no_memory;
	}
	if (s->matcher && open_policy(s) < 0)
		goto no_memory;
	if (s->options->conflate && zl_conflate_open(s) < 0)
		goto no_memory;
	if (s->pattern->open(s) == 0)
		return 0;
no_memory:
	give_back(s);
	return -ENOMEM;
}

void zl_socket_close(struct zl_socket *s)
{
	for (uint32_t i = 0; i < s->pipes_used; i++) {
		if (s->pipes[i])
			zl_socket_remove_pipe(s, s->pipes[i]);
	}
	s->pattern->close(s);
	give_back(s);
}

static bool clean(const struct zl_socket *s, uint32_t slot)
{
	return !s->matcher || zl_matcher_slot_clean(s->matcher, slot);
}

static int take_free_slot(struct zl_socket *s, uint32_t *slot)
{
	*slot = s->free_slots[s->free_first];
	if (!clean(s, *slot))
		return -EBUSY;
	s->free_first = (s->free_first + 1) % s->pipes_max;
	s->free_n--;
	return 0;
}

/* The slot that was free for longest if it is clean, for it most likely is and low slots keep sets
 * dense; else one that was never used; else any that is clean. */
static int take_slot(struct zl_socket *s, uint32_t *slot)
{
	if (s->free_n && take_free_slot(s, slot) == 0)
		return 0;
	if (s->pipes_used < s->pipes_max) {
		*slot = s->pipes_used++;
		return 0;
	}
	(void)zl_socket_sweep(s, SWEEP_FOR_A_SLOT);
	for (uint32_t i = 0; i < s->free_n; i++) {
		if (take_free_slot(s, slot) == 0)
			return 0;
		/* to the end of the ring */
		s->free_slots[(s->free_first + s->free_n) % s->pipes_max] = *slot;
		s->free_first = (s->free_first + 1) % s->pipes_max;
	}
	return -ENOSPC;
}

int zl_socket_add_pipe(struct zl_socket *s, struct zl_pipe *p)
{
	uint32_t slot;

	*p = (struct zl_pipe){
		.end = p->end,
		.id = p->id,
		.kind = p->kind,
		.peer_type = p->peer_type,
		.dialled = p->dialled,
		.routing_id = p->routing_id,
		.routing_id_len = p->routing_id_len,
	};
	if (take_slot(s, &slot) < 0) {
		s->counter[ZL_ROUTER_pipes_refused]++;
		return -ENOSPC;
	}
	p->socket = s;
	p->slot = slot;
	p->hwm_msgs = s->conflate ? 0 : s->sndhwm;
	p->sndbuf_bytes = s->sndbuf;
	if (s->backlogs && p->kind == ZL_PIPE_PEER)
		zl_backlog_join(s, p);
	else if (s->policy->slow.policy == ZL_SLOW_DISCONNECT && p->hwm_msgs)
		p->hwm_msgs = UINT32_MAX; /* who has a clock looks at the HWM; memory bounds it */
	s->pipes[slot] = p;
	s->pattern->pipe_added(s, p);
	return 0;
}

void zl_socket_remove_pipe(struct zl_socket *s, struct zl_pipe *p)
{
	s->pattern->pipe_removed(s, p);
	if (p->backlog)
		zl_backlog_leave(s, p);
	if (s->conflate)
		zl_conflate_forget(s, p);
	if (s->matcher)
		zl_matcher_remove_slot(s->matcher, p->slot);
	s->pipes[p->slot] = NULL;
	s->free_slots[(s->free_first + s->free_n++) % s->pipes_max] = p->slot;
	p->socket = NULL;
}

bool zl_socket_sweep(struct zl_socket *s, uint32_t budget)
{
	if (s->last)
		zl_late_turn(s);
	if (s->pattern && s->pattern->turn) /* none: it lives on another core */
		s->pattern->turn(s);
	return !s->matcher || zl_matcher_sweep(s->matcher, budget);
}

void zl_socket_released(struct zl_pipe *p, uint32_t msgs, uint64_t bytes)
{
	p->queued_msgs -= msgs < p->queued_msgs ? msgs : p->queued_msgs;
	p->queued_bytes -= bytes < p->queued_bytes ? bytes : p->queued_bytes;
	if (p->backlog)
		zl_backlog_drain(p->socket, p);
	if (p->socket->conflate && p->queued_msgs == 0)
		zl_conflate_released(p->socket, p);
	p->socket->pattern->released(p->socket, p);
}

void zl_socket_too_slow(struct zl_socket *s, struct zl_pipe *p)
{
	if (p->too_slow)
		return;
	p->too_slow = true;
	s->counter[ZL_ROUTER_closed_slow]++;
	if (s->ops->misbehaved)
		s->ops->misbehaved(s->ctx, p, "slow_consumer");
}

bool zl_socket_keeps(const struct zl_pipe *p)
{
	return p->socket && p->socket->conflate && p->socket->conflate->at[p->slot].in.data;
}
