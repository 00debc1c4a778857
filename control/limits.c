/* Who may connect, and how many: by the socket's rules for addresses, and by its limits. Peers are
 * counted by socket, and by socket and source address, in one table of open addressing. */
#include <stdlib.h>
#include <string.h>

#include "control/control.h"

struct zl_limit_count {
	uint32_t socket, ip;
	uint32_t peers; /* 0: a free place */
};

/* All of a socket's peers are counted as those of this address, which none can have. */
#define ANYWHERE 0

static uint32_t place_of(const struct zl_control *c, uint32_t socket, uint32_t ip)
{
	uint64_t h = ((uint64_t)socket << 32 | ip) * 0x9e3779b97f4a7c15ull;
	uint32_t i = (uint32_t)(h >> 32) & c->counts_mask;

	while (c->counts[i].peers && (c->counts[i].socket != socket || c->counts[i].ip != ip))
		i = (i + 1) & c->counts_mask;
	return i;
}

static bool grow(struct zl_control *c)
{
	uint32_t slots = c->counts ? c->counts_mask + 1 : 0, more = slots ? slots * 2 : 64;
	struct zl_limit_count *was = c->counts;

	if (c->n_counts * 2 + 2 < slots)
		return true;
	c->counts = calloc(more, sizeof(*c->counts));
	if (!c->counts) {
		c->counts = was;
		return false;
	}
	c->counts_mask = more - 1;
	for (uint32_t i = 0; i < slots; i++)
		if (was[i].peers)
			c->counts[place_of(c, was[i].socket, was[i].ip)] = was[i];
	free(was);
	return true;
}

static uint32_t count_of(const struct zl_control *c, uint32_t socket, uint32_t ip)
{
	return c->counts ? c->counts[place_of(c, socket, ip)].peers : 0;
}

static void count_up(struct zl_control *c, uint32_t socket, uint32_t ip)
{
	struct zl_limit_count *at = &c->counts[place_of(c, socket, ip)];

	c->n_counts += at->peers == 0;
	*at = (struct zl_limit_count){socket, ip, at->peers + 1};
}

/* What lies behind a place that becomes free may have to move into it. */
static void count_down(struct zl_control *c, uint32_t socket, uint32_t ip)
{
	uint32_t i = place_of(c, socket, ip);
	struct zl_limit_count moved;

	if (!c->counts[i].peers || --c->counts[i].peers)
		return;
	c->n_counts--;
	for (i = (i + 1) & c->counts_mask; c->counts[i].peers; i = (i + 1) & c->counts_mask) {
		moved = c->counts[i];
		c->counts[i].peers = 0;
		c->counts[place_of(c, moved.socket, moved.ip)] = moved;
	}
}

enum zl_reason zl_limits_take(struct zl_control *c, struct zl_stream *s)
{
	const struct zl_ipc_policy *p = &s->socket->at.policy;
	uint32_t socket = s->socket->at.id, ip = zl_ipc_end_ip(&s->open.remote);

	if (s->open.outgoing)
		return ZL_REASONS; /* we asked for it */
	if (!zl_policy_lets_in(p, ip))
		return ZL_REASON_address_denied;
	if (p->limits.peers && count_of(c, socket, ANYWHERE) >= p->limits.peers)
		return ZL_REASON_too_many_peers;
	if (p->limits.peers_an_address && ip &&
	    count_of(c, socket, ip) >= p->limits.peers_an_address)
		return ZL_REASON_too_many_from_address;
	if (!p->limits.peers && !p->limits.peers_an_address)
		return ZL_REASONS;
	if (!grow(c))
		return ZL_REASON_no_memory;
	count_up(c, socket, ANYWHERE);
	count_up(c, socket, ip);
	s->counted = socket;
	return ZL_REASONS;
}

void zl_limits_give(struct zl_control *c, struct zl_stream *s)
{
	if (!s->counted)
		return;
	count_down(c, s->counted, ANYWHERE);
	count_down(c, s->counted, zl_ipc_end_ip(&s->open.remote));
	s->counted = 0;
}

void zl_limits_free(struct zl_control *c)
{
	free(c->counts);
	c->counts = NULL;
	c->counts_mask = c->n_counts = 0;
}

/* --- subscriptions --- */

/* The socket's own one, to everything, is nobody's (subscribe.c). */
static uint64_t subscriptions_of_peers(const struct zl_socket *socket)
{
	return zl_subs_count(socket->subs) - (socket->at.policy.last.topics > 0);
}

bool zl_limits_subscribe(struct zl_control *c, struct zl_stream *s, const uint8_t *prefix,
			 unsigned bytes)
{
	const struct zl_ipc_policy *p = &s->socket->at.policy;
	struct zl_subs *subs = s->socket->subs;

	if (p->n_topics) {
		uint32_t rules = zl_policy_rules_of(p, ZL_TOPIC_SUBSCRIBE,
						    zl_ipc_end_ip(&s->open.remote), s->identity,
						    s->identity_bytes, s->user);

		if (!zl_policy_subscribes(p, rules, prefix, bytes)) {
			c->counters[ZL_COUNT_subscriptions_denied]++;
			return false;
		}
	}
	if ((!p->limits.subscriptions ||
	     subscriptions_of_peers(s->socket) < p->limits.subscriptions) &&
	    (!p->limits.subscriptions_a_peer ||
	     zl_subs_peer_count(subs, s->subscriber) < p->limits.subscriptions_a_peer))
		return true;
	if (zl_subs_has(subs, s->subscriber, prefix, bytes))
		return true; /* nothing new */
	c->counters[ZL_COUNT_subscriptions_over_limit]++;
	if (p->limits.closes)
		zl_stream_close(c, s, ZL_REASON_too_many_subscriptions);
	return false;
}
