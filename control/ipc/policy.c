/* Rules of who may connect, publish and subscribe, decided by the first that fits (policy.h); by
 * control for subscriptions and for what it shows, by the dataplane for the rest. */
#include "control/ipc/policy.h"

#include <string.h>

const char *const zl_slow_name[ZL_SLOWS] = {
	[ZL_SLOW_DROP_NEWEST] = "drop_newest",
	[ZL_SLOW_DROP_OLDEST] = "drop_oldest",
	[ZL_SLOW_CONFLATE] = "conflate",
	[ZL_SLOW_DISCONNECT] = "disconnect",
};

static bool topic_good(const struct zl_ipc_topic *t)
{
	return t->bytes <= ZL_TOPIC_KEY_MAX && t->until <= 256 && !(t->bytes && t->until);
}

static bool rules_good(const struct zl_ipc_policy *p)
{
	if (p->n_addresses > ZL_ADDRESS_RULES_MAX || p->n_topics > ZL_TOPIC_RULES_MAX)
		return false;
	for (uint32_t i = 0; i < p->n_addresses; i++)
		if (p->address[i].prefix_len > 32 || p->address[i].deny > 1)
			return false;
	for (uint32_t i = 0; i < p->n_topics; i++) {
		const struct zl_ipc_topic_rule *r = &p->topic[i];

		if (r->prefix_len > 32 || r->deny > 1 || r->verb >= ZL_TOPIC_VERBS ||
		    r->bytes > ZL_RULE_PREFIX_MAX || r->identity_len > ZL_RULE_IDENTITY_MAX ||
		    !memchr(r->user, '\0', sizeof(r->user)))
			return false;
	}
	return true;
}

bool zl_ipc_policy_good(const struct zl_ipc_policy *p)
{
	return topic_good(&p->last.topic) && topic_good(&p->slow.topic) &&
	       p->slow.policy < ZL_SLOWS && p->limits.closes <= 1 && p->own_out <= 1 &&
	       rules_good(p);
}

static bool inside(uint32_t ip, uint32_t net, uint32_t prefix_len)
{
	return prefix_len == 0 || (ip ^ net) >> (32 - prefix_len) == 0;
}

bool zl_policy_lets_in(const struct zl_ipc_policy *p, uint32_t ip)
{
	bool otherwise = true;

	for (uint32_t i = 0; i < p->n_addresses; i++) {
		const struct zl_ipc_address_rule *r = &p->address[i];

		if (inside(ip, r->ip, r->prefix_len))
			return !r->deny;
		otherwise = otherwise && r->deny;
	}
	return otherwise;
}

uint32_t zl_policy_rules_of(const struct zl_ipc_policy *p, enum zl_topic_verb verb, uint32_t ip,
			    const uint8_t *identity, uint32_t identity_len, const char *user)
{
	uint32_t rules = 0;

	for (uint32_t i = 0; i < p->n_topics; i++) {
		const struct zl_ipc_topic_rule *r = &p->topic[i];

		if (r->verb != verb || !inside(ip, r->ip, r->prefix_len))
			continue;
		if (r->identity_len && (r->identity_len != identity_len ||
					memcmp(r->identity, identity, identity_len) != 0))
			continue;
		if (r->user[0] && strcmp(r->user, user) != 0)
			continue;
		rules |= 1u << i;
	}
	return rules;
}

/* What no rule decides: an allow for anybody means that only what is allowed goes. */
static bool otherwise(const struct zl_ipc_policy *p, enum zl_topic_verb verb)
{
	for (uint32_t i = 0; i < p->n_topics; i++)
		if (p->topic[i].verb == verb && !p->topic[i].deny)
			return false;
	return true;
}

bool zl_policy_publishes(const struct zl_ipc_policy *p, uint32_t rules, const uint8_t *topic,
			 uint32_t len)
{
	for (; rules; rules &= rules - 1) {
		const struct zl_ipc_topic_rule *r = &p->topic[__builtin_ctz(rules)];

		if (r->bytes <= len && memcmp(r->prefix, topic, r->bytes) == 0)
			return !r->deny;
	}
	return otherwise(p, ZL_TOPIC_PUBLISH);
}

/* A rule about some of what begins with the prefix decides if it denies; what it allows is not all
 * of it. */
bool zl_policy_subscribes(const struct zl_ipc_policy *p, uint32_t rules, const uint8_t *prefix,
			  uint32_t len)
{
	for (; rules; rules &= rules - 1) {
		const struct zl_ipc_topic_rule *r = &p->topic[__builtin_ctz(rules)];
		uint32_t n = r->bytes < len ? r->bytes : len;

		if (n && memcmp(r->prefix, prefix, n) != 0)
			continue;
		if (r->bytes <= len)
			return !r->deny;
		if (r->deny)
			return false;
	}
	return otherwise(p, ZL_TOPIC_SUBSCRIBE);
}
