/* What of sockets' policies needs a clock. A core that has a socket with such a policy looks at its
 * pipes every few milliseconds: those whose rate is limited get their credit, and those that do not
 * keep up are closed when their grace is over. Other cores and sockets pay nothing. */
#include "dataplane/lcore.h"
#include "dataplane/router/backlog.h"
#include "dataplane/rate.h"

#define TICK_NS 5000000ull

static bool limits_out(const struct zl_ipc_policy *p)
{
	return p->out.msgs_per_s || p->out.bytes_per_s || p->own_out;
}

static bool needs_clock(const struct zl_shard *s)
{
	const struct zl_ipc_policy *p = &s->config.policy;

	return s->socket.matcher && (limits_out(p) || p->slow.policy == ZL_SLOW_DISCONNECT);
}

static void refill(struct zl_shard *s, uint64_t now_ns)
{
	uint64_t ns = now_ns - s->clock.last_ns;

	for (uint32_t i = 0; i < s->socket.pipes_used; i++) {
		struct zl_pipe *p = s->socket.pipes[i];
		struct zl_backlog *of = p ? p->backlog : NULL;

		if (!of || !of->limited)
			continue;
		zl_rate_add_credit(&of->msgs_credit,
				   zl_rate_earned(of->rate.msgs_per_s, ns, &of->msgs_rest),
				   zl_rate_burst(of->rate.msgs_per_s));
		zl_rate_add_credit(&of->bytes_credit,
				   zl_rate_earned(of->rate.bytes_per_s, ns, &of->bytes_rest),
				   zl_rate_burst(of->rate.bytes_per_s));
		if (of->first)
			zl_backlog_drain(&s->socket, p);
	}
}

/* Over its HWM, and for how long? */
static bool over(struct zl_shard *s, struct zl_peer *p, uint64_t now_ns, uint64_t grace_ns)
{
	uint64_t queued = p->pipe.queued_msgs + (p->pipe.backlog ? p->pipe.backlog->n : 0);

	if (!s->config.sndhwm || queued <= s->config.sndhwm) {
		p->slow.over_since_ns = 0;
		return false;
	}
	if (!p->slow.over_since_ns)
		p->slow.over_since_ns = now_ns;
	return now_ns - p->slow.over_since_ns >= grace_ns;
}

/* Is a byte still there that was queued a grace ago? */
static bool aged(struct zl_peer *p, unsigned sample)
{
	bool late = p->slow.queued[sample] > zl_session_acked_total(&p->session);

	p->slow.queued[sample] = zl_session_queued_total(&p->session);
	return late;
}

static void close_slow(struct zl_shard *s, uint64_t now_ns)
{
	uint64_t grace_ns = s->config.policy.slow.grace_ms * 1000000ull;
	bool samples = grace_ns && now_ns >= s->clock.sample_at_ns;

	if (samples) {
		s->clock.sample = (s->clock.sample + 1) % ZL_SLOW_SAMPLES;
		s->clock.sample_at_ns = now_ns + grace_ns / ZL_SLOW_SAMPLES;
	}
	for (uint32_t i = 0; i < s->socket.pipes_used; i++) {
		struct zl_pipe *pipe = s->socket.pipes[i];
		struct zl_peer *p;
		bool late;

		if (!pipe || pipe->kind != ZL_PIPE_PEER)
			continue;
		p = pipe->end;
		if (p->state != ZL_PEER_READY)
			continue;
		late = over(s, p, now_ns, grace_ns);
		if (samples && aged(p, s->clock.sample))
			late = true;
		if (late)
			zl_socket_too_slow(&s->socket, pipe);
	}
}

static void on_tick(struct zl_timer *t, uint64_t now_ns)
{
	struct zl_lcore *c = (struct zl_lcore *)((char *)t - offsetof(struct zl_lcore, clock));

	for (unsigned i = 0; i < ZL_SHARDS_MAX; i++) {
		struct zl_shard *s = c->shard[i];

		if (!s || !needs_clock(s))
			continue;
		if (limits_out(&s->config.policy))
			refill(s, now_ns);
		if (s->config.policy.slow.policy == ZL_SLOW_DISCONNECT)
			close_slow(s, now_ns);
		s->clock.last_ns = now_ns;
	}
	if (c->clocked)
		zl_timer_arm(&c->timers, &c->clock, now_ns + TICK_NS);
}

static bool publish_rules(const struct zl_ipc_policy *p)
{
	for (uint32_t i = 0; i < p->n_topics; i++)
		if (p->topic[i].verb == ZL_TOPIC_PUBLISH)
			return true;
	return false;
}

void zl_policy_added(struct zl_lcore *c, struct zl_shard *s)
{
	const struct zl_ipc_policy *p = &s->config.policy;

	s->checks_input = p->in.msgs_per_s || p->in.bytes_per_s || publish_rules(p);
	if (!needs_clock(s))
		return;
	s->clock.last_ns = c->now_ns;
	if (c->clocked++)
		return;
	zl_timer_init(&c->clock, on_tick);
	zl_timer_arm(&c->timers, &c->clock, c->now_ns + TICK_NS);
}

void zl_policy_removed(struct zl_lcore *c, struct zl_shard *s)
{
	if (needs_clock(s))
		c->clocked--;
}
