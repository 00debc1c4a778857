/* What a socket's policy lets its peers send: so many messages and bytes a second, beyond which a
 * peer is not read, so that TCP holds it back; and only what begins with a prefix that it may
 * publish. Sockets without either pay one test a call. */
#include "dataplane/lcore.h"
#include "dataplane/rate.h"
#include "dataplane/router/backlog.h" /* zl_rate_burst */
#include "dataplane/router/fan.h"     /* zl_fan_rest */

#define WAIT_MIN_NS 1000000ull /* a rate is kept in steps of this */

static void read_again(struct zl_timer *t, uint64_t now_ns)
{
	struct zl_peer *p = (struct zl_peer *)((char *)t - offsetof(struct zl_peer, rate.again));

	(void)now_ns;
	zl_peer_read(p);
}

static void begin(struct zl_peer *p)
{
	p->rate.last_ns = p->core->now_ns;
	p->rate.msgs = zl_rate_burst(p->rate.in.msgs_per_s);
	p->rate.bytes = zl_rate_burst(p->rate.in.bytes_per_s);
}

void zl_admit_new(struct zl_peer *p)
{
	zl_timer_init(&p->rate.again, read_again);
	p->rate.in = p->shard->config.policy.in;
	begin(p);
}

void zl_admit_ready(struct zl_peer *p)
{
	p->topic_rules = zl_policy_rules_of(&p->shard->config.policy, ZL_TOPIC_PUBLISH,
					    zl_ipc_end_ip(&p->remote), p->ready.identity,
					    p->ready.identity_len, p->ready.user);
	if (!p->ready.in.msgs_per_s && !p->ready.in.bytes_per_s)
		return;
	p->rate.in = p->ready.in;
	begin(p);
	p->shard->checks_input = true;
}

void zl_admit_gone(struct zl_peer *p)
{
	zl_timer_disarm(&p->core->timers, &p->rate.again);
}

static void earn(struct zl_peer *p)
{
	const struct zl_ipc_rate *in = &p->rate.in;
	uint64_t ns = p->core->now_ns - p->rate.last_ns;

	p->rate.last_ns = p->core->now_ns;
	zl_rate_add_credit(&p->rate.msgs, zl_rate_earned(in->msgs_per_s, ns, &p->rate.msgs_rest),
			   zl_rate_burst(in->msgs_per_s));
	zl_rate_add_credit(&p->rate.bytes, zl_rate_earned(in->bytes_per_s, ns, &p->rate.bytes_rest),
			   zl_rate_burst(in->bytes_per_s));
}

/* When there will be credit again. */
static uint64_t wait_ns(const struct zl_peer *p)
{
	const struct zl_ipc_rate *in = &p->rate.in;
	uint64_t msgs = 0, bytes = 0;

	if (in->msgs_per_s && p->rate.msgs <= 0)
		msgs = (uint64_t)(1 - p->rate.msgs) * ZL_RATE_S_NS / in->msgs_per_s;
	if (in->bytes_per_s && p->rate.bytes <= 0)
		bytes = (uint64_t)((double)(1 - p->rate.bytes) * ZL_RATE_S_NS /
				   (double)in->bytes_per_s);
	return RTE_MAX(RTE_MAX(msgs, bytes), WAIT_MIN_NS);
}

/* Has its socket the beginning of a message whose rest comes next? */
static bool in_message(const struct zl_peer *p)
{
	return p->away.state == ZL_AWAY_NOT ? p->mid_message : p->away.mid;
}

/* As many as its rates allow now; for more it is read again in time. */
static unsigned some(struct zl_peer *p, const struct zl_msg *msgs, unsigned n)
{
	const struct zl_ipc_rate *in = &p->rate.in;
	int64_t left_msgs, left_bytes;
	unsigned i = 0;

	if (!in->msgs_per_s && !in->bytes_per_s)
		return n;
	earn(p);
	left_msgs = in->msgs_per_s ? p->rate.msgs : INT64_MAX;
	left_bytes = in->bytes_per_s ? p->rate.bytes : INT64_MAX;
	if (in_message(p) || p->denying)
		i = zl_fan_rest(msgs, n);
	while (i < n && left_msgs > 0 && left_bytes > 0) {
		unsigned end = i + zl_fan_rest(msgs + i, n - i);

		for (; i < end; i++)
			left_bytes -= msgs[i].len;
		left_msgs--;
	}
	if (i < n) {
		zl_core_count(p->core, ZL_CORE_stalls_rate);
		zl_timer_arm(&p->core->timers, &p->rate.again, p->core->now_ns + wait_ns(p));
	}
	return i;
}

static void spend(struct zl_peer *p, const struct zl_msg *msgs, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		p->rate.bytes -= msgs[i].len;
		p->rate.msgs -= !(msgs[i].flags & ZL_MSG_MORE);
	}
}

static bool may_publish(const struct zl_peer *p, const struct zl_msg *first)
{
	uint8_t start[ZL_RULE_PREFIX_MAX];
	uint32_t len = RTE_MIN(first->len, (uint32_t)sizeof(start));
	const uint8_t *topic = first->data;

	if (first->flags & ZL_MSG_CHAIN) {
		len = zl_msg_peek(first, start, len);
		topic = start;
	}
	return zl_policy_publishes(&p->shard->config.policy, p->topic_rules, topic, len);
}

/* Parts of messages at the front that the peer may publish, or of one that was begun. */
static unsigned allowed(const struct zl_peer *p, const struct zl_msg *msgs, unsigned n)
{
	unsigned i = in_message(p) ? zl_fan_rest(msgs, n) : 0;

	while (i < n && may_publish(p, &msgs[i]))
		i += zl_fan_rest(msgs + i, n - i);
	return i;
}

static unsigned deny(struct zl_peer *p, const struct zl_msg *msgs, unsigned n)
{
	unsigned rest = zl_fan_rest(msgs, n);

	if (!p->denying)
		zl_core_count(p->core, ZL_CORE_dropped_topic);
	p->denying = msgs[rest - 1].flags & ZL_MSG_MORE;
	return rest;
}

unsigned zl_admit_input(struct zl_peer *p, const struct zl_msg *msgs, unsigned n, uint32_t parts)
{
	unsigned done = 0, run, taken, may = some(p, msgs, n);

	while (done < may) {
		run = p->denying ? 0 : allowed(p, msgs + done, may - done);
		if (!run) {
			done += deny(p, msgs + done, may - done);
			continue;
		}
		taken = zl_peer_hand_on(p, msgs + done, run, done + run < n ? run : parts - done);
		done += taken;
		if (taken < run)
			break;
	}
	spend(p, msgs, done);
	return done;
}
