/* The keys `policy` of a socket and `last_values` of a device: what the appliance does for and
 * against peers beyond ZeroMQ (control/ipc/policy.h). */
#include "control/config/schema.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define POLICY(field) ZL_YAML_AT(struct zl_ipc_policy, field)

/* --- topics --- */

/* One byte that ends a topic, kept as its value + 1. */
static bool read_until(struct zl_yaml *y, yaml_node_t *node, void *field,
		       const struct zl_yaml_key *key)
{
	const char *s = zl_yaml_text(y, node);
	uint32_t until;

	(void)key;
	if (!s)
		return false;
	if (strlen(s) != 1)
		return zl_yaml_fail(y, zl_yaml_line(node),
				    "\"%.80s\" is not one character, such as \".\"", s);
	until = (uint8_t)s[0] + 1u;
	memcpy(field, &until, sizeof(until));
	return true;
}

static bool check_topic(struct zl_yaml *y, unsigned line, const struct zl_ipc_topic *topic)
{
	if (!topic->bytes || !topic->until)
		return true;
	return zl_yaml_fail(y, line, "topic_bytes and topic_until are both given; keep one");
}

/* --- last values --- */

static const struct zl_yaml_key last_keys[] = {
	{"topics", zl_yaml_number, POLICY(last.topics), .min = 1, .max = 16u << 20},
	{"memory", zl_yaml_number, POLICY(last.bytes), .unit = ZL_UNIT_BYTES, .min = 64 << 10,
	 .max = 256ull << 30, .more = "64KiB to 256GiB"},
	{"message", zl_yaml_number, POLICY(last.message_bytes), .unit = ZL_UNIT_BYTES, .min = 64,
	 .max = 16 << 20, .more = "64B to 16MiB"},
	{"topic_bytes", zl_yaml_number, POLICY(last.topic.bytes), .min = 1,
	 .max = ZL_TOPIC_KEY_MAX},
	{"topic_until", read_until, POLICY(last.topic.until)},
	{0},
};

bool zl_last_values(struct zl_yaml *y, yaml_node_t *node, void *field,
		    const struct zl_yaml_key *key)
{
	struct zl_ipc_policy *p = field;

	(void)key;
	p->last = (struct zl_ipc_last){
		.topics = 65536, .bytes = 16 << 20, .message_bytes = 64 << 10};
	if (!zl_yaml_read_map(y, node, p, last_keys) ||
	    !check_topic(y, zl_yaml_line(node), &p->last.topic))
		return false;
	if (p->last.message_bytes <= p->last.bytes / 4)
		return true;
	return zl_yaml_fail(y, zl_yaml_line(node),
			    "message (%u bytes) is more than a quarter of memory; set more memory",
			    p->last.message_bytes);
}

/* --- slow subscribers --- */

static bool read_slow(struct zl_yaml *y, yaml_node_t *node, void *field,
		      const struct zl_yaml_key *key)
{
	const char *words[ZL_SLOWS + 1] = {0};
	struct zl_yaml_key with = *key;

	memcpy(words, zl_slow_name, sizeof(zl_slow_name));
	with.more = words;
	return zl_yaml_enum(y, node, field, &with);
}

static const struct zl_yaml_key slow_keys[] = {
	{"do", read_slow, POLICY(slow.policy), .required = true},
	{"mark", zl_yaml_number, POLICY(slow.mark), .max = UINT32_MAX},
	{"topic_bytes", zl_yaml_number, POLICY(slow.topic.bytes), .min = 1,
	 .max = ZL_TOPIC_KEY_MAX},
	{"topic_until", read_until, POLICY(slow.topic.until)},
	{"grace", zl_yaml_number, POLICY(slow.grace_ms), .unit = ZL_UNIT_MS, .max = 3600000,
	 .more = "0 to 1h"},
	{"waiting", zl_yaml_number, POLICY(slow.waiting), .min = 16, .max = 16u << 20},
	{0},
};

static bool read_slow_map(struct zl_yaml *y, yaml_node_t *node, void *field,
			  const struct zl_yaml_key *key)
{
	struct zl_ipc_policy *p = (void *)((char *)field - key->offset);
	const struct zl_ipc_slow *s = &p->slow;

	if (!zl_yaml_read_map(y, node, p, slow_keys) ||
	    !check_topic(y, zl_yaml_line(node), &s->topic))
		return false;
	if (s->policy != ZL_SLOW_CONFLATE && (s->mark || s->topic.bytes || s->topic.until))
		return zl_yaml_fail(
			y, zl_yaml_line(node),
			"mark and topic_... belong to \"do: conflate\"; take them away");
	if (s->policy != ZL_SLOW_DISCONNECT && s->grace_ms)
		return zl_yaml_fail(y, zl_yaml_line(node),
				    "grace belongs to \"do: disconnect\"; take it away");
	return true;
}

/* --- rates and limits --- */

#define RATE(field) ZL_YAML_AT(struct zl_ipc_rate, field)
#define RATE_MAX    10000000000ull
const struct zl_yaml_key zl_rate_keys[] = {
	{"messages", zl_yaml_number, RATE(msgs_per_s), .min = 1, .max = RATE_MAX},
	{"bytes", zl_yaml_number, RATE(bytes_per_s), .unit = ZL_UNIT_BYTES, .min = 1,
	 .max = RATE_MAX, .more = "1B to 10GB (a second)"},
	{0},
};

static bool read_rate(struct zl_yaml *y, yaml_node_t *node, void *field,
		      const struct zl_yaml_key *key)
{
	(void)key;
	return zl_yaml_read_map(y, node, field, zl_rate_keys);
}

static bool read_some(struct zl_yaml *y, yaml_node_t *node, void *field,
		      const struct zl_yaml_key *key)
{
	return zl_yaml_read_map(y, node, (char *)field - key->offset, key->more);
}

static const char *const over_words[] = {"refuse", "close", NULL};

static const struct zl_yaml_key limit_keys[] = {
	{"peers", zl_yaml_number, POLICY(limits.peers), .min = 1, .max = UINT32_MAX},
	{"peers_an_address", zl_yaml_number, POLICY(limits.peers_an_address), .min = 1,
	 .max = UINT32_MAX},
	{"subscriptions", zl_yaml_number, POLICY(limits.subscriptions), .min = 1,
	 .max = UINT32_MAX},
	{"subscriptions_a_peer", zl_yaml_number, POLICY(limits.subscriptions_a_peer), .min = 1,
	 .max = UINT32_MAX},
	{"over", zl_yaml_enum, POLICY(limits.closes), .more = over_words},
	{0},
};

/* --- the policy of a socket --- */

/* Control's alone, beside the policy that the dataplane is given; but it must know that there may
 * be rates in READY. */
static bool read_users(struct zl_yaml *y, yaml_node_t *node, void *field,
		       const struct zl_yaml_key *key)
{
	struct zl_ipc_policy *p = (void *)((char *)field - key->offset);
	struct zl_config_socket *s = (void *)((char *)p -
					      offsetof(struct zl_config_socket, at.policy));

	if (!zl_user_rules(y, node, &s->users))
		return false;
	for (uint32_t i = 0; i < s->users.n; i++)
		if (s->users.at[i].out.msgs_per_s || s->users.at[i].out.bytes_per_s)
			p->own_out = 1;
	return true;
}

static const struct zl_yaml_key policy_keys[] = {
	{"slow", read_slow_map, POLICY(slow)},
	{"rate_in", read_rate, POLICY(in)},
	{"rate_out", read_rate, POLICY(out)},
	{"limits", read_some, POLICY(limits), .more = limit_keys},
	{"addresses", zl_address_rules, POLICY(address)},
	{"topics", zl_topic_rules, POLICY(topic)},
	{"users", read_users, POLICY(own_out)},
	{0},
};

bool zl_policy(struct zl_yaml *y, yaml_node_t *node, void *field, const struct zl_yaml_key *key)
{
	(void)key;
	return zl_yaml_read_map(y, node, field, policy_keys);
}

/* --- all of it --- */

/* Peers have names where a file or a ZAP handler gives them some. */
static bool has_names(const struct zl_config_security *s)
{
	return s->zap[0] || s->users[0] || (s->allow[0] && strcmp(s->allow, "any") != 0);
}

static bool binds(const struct zl_config_socket *s, const char *endpoint)
{
	for (unsigned i = 0; i < s->n_endpoints; i++)
		if (!s->endpoints[i].at.connect && strcmp(s->endpoints[i].at.text, endpoint) == 0)
			return true;
	return false;
}

static bool settle_users(struct zl_yaml *y, const struct zl_config_socket *s)
{
	const struct zl_ipc_policy *p = &s->at.policy;
	const char *user = NULL;

	for (uint32_t i = 0; i < p->n_topics; i++)
		if (p->topic[i].user[0])
			user = p->topic[i].user;
	for (uint32_t i = 0; i < s->users.n; i++) {
		const struct zl_user_rule *r = &s->users.at[i];

		if (r->user[0])
			user = r->user;
		if (r->endpoint[0] && !binds(s, r->endpoint))
			return zl_yaml_fail(y, s->line,
					    "policy.users[%u]: \"%s\" is not under the socket's "
					    "bind; write it as it stands there",
					    i, r->endpoint);
		if (r->deny && (r->in.msgs_per_s || r->in.bytes_per_s || r->out.msgs_per_s ||
				r->out.bytes_per_s))
			return zl_yaml_fail(y, s->line,
					    "policy.users[%u]: who is denied has no rate; take it "
					    "away",
					    i);
	}
	if (!user || has_names(&s->secured))
		return true;
	return zl_yaml_fail(
		y, s->line,
		"policy: a rule is for the user \"%s\", but nobody proves a name to this "
		"socket; give it security: a plain server, a curve server with a folder "
		"to allow, or zap",
		user);
}

static bool takes_subscriptions(const struct zl_config_socket *s)
{
	return s->at.type == ZL_XPUB || s->at.type == ZL_PUB;
}

static bool settle_slow(struct zl_yaml *y, const struct zl_config_socket *s)
{
	const struct zl_ipc_slow *slow = &s->at.policy.slow;
	const char *what = zl_slow_name[slow->policy];

	if (slow->policy == ZL_SLOW_DROP_NEWEST)
		return true;
	if (!takes_subscriptions(s))
		return zl_yaml_fail(y, s->line,
				    "policy.slow: %s is for XPUB and PUB, but this socket is %s; "
				    "take it away",
				    what, zl_socket_type_name[s->at.type]);
	if (!s->at.sndhwm && (slow->policy != ZL_SLOW_DISCONNECT || !slow->grace_ms))
		return zl_yaml_fail(y, s->line,
				    "policy.slow: %s begins at the high-water mark, and hwm is 0; "
				    "set hwm",
				    what);
	if (slow->mark > s->at.sndhwm)
		return zl_yaml_fail(y, s->line,
				    "policy.slow: mark (%u) is more than hwm (%u); set it lower",
				    slow->mark, s->at.sndhwm);
	return true;
}

/* What only a socket that subscribers, or dishes, are connected to can do. */
static bool settle_publisher(struct zl_yaml *y, const struct zl_config_socket *s)
{
	const struct zl_ipc_policy *p = &s->at.policy;
	const char *what = NULL;

	if ((p->out.msgs_per_s || p->out.bytes_per_s || p->own_out) && !takes_subscriptions(s))
		return zl_yaml_fail(y, s->line,
				    "policy: rate_out is for XPUB and PUB, but this socket is %s; "
				    "take it away",
				    zl_socket_type_name[s->at.type]);
	if (p->limits.subscriptions || p->limits.subscriptions_a_peer)
		what = "limits of subscriptions are";
	for (uint32_t i = 0; i < p->n_topics; i++)
		if (p->topic[i].verb == ZL_TOPIC_SUBSCRIBE)
			what = "rules with \"subscribe\" are";
	if (!what || takes_subscriptions(s) || s->at.type == ZL_RADIO)
		return true;
	return zl_yaml_fail(y, s->line,
			    "policy: %s for XPUB, PUB and RADIO, but this socket is %s; take them "
			    "away",
			    what, zl_socket_type_name[s->at.type]);
}

static bool settle_rules(struct zl_yaml *y, const struct zl_config_socket *s)
{
	const struct zl_ipc_policy *p = &s->at.policy;

	if (p->n_topics && zl_ipc_raw(s->at.type, &s->at.options))
		return zl_yaml_fail(y, s->line,
				    "policy: rules for topics are not for bytes without ZMTP; take "
				    "them away");
	for (uint32_t i = 0; i < p->n_topics; i++)
		if (p->topic[i].verb == ZL_TOPIC_PUBLISH &&
		    (takes_subscriptions(s) || s->at.type == ZL_RADIO))
			return zl_yaml_fail(y, s->line,
					    "policy: rules with \"publish\" are for sockets that "
					    "receive messages, but this socket is %s; give them to "
					    "the other one",
					    zl_socket_type_name[s->at.type]);
	if (!p->out.msgs_per_s && !p->out.bytes_per_s && !p->own_out)
		return true;
	if (!s->at.sndhwm)
		return zl_yaml_fail(y, s->line,
				    "policy.rate_out: what is too much waits up to the high-water "
				    "mark, and hwm is 0; set hwm");
	return true;
}

bool zl_policy_settle(struct zl_yaml *y, const struct zl_config_socket *s)
{
	if (s->at.policy.last.topics && !takes_subscriptions(s))
		return zl_yaml_fail(y, s->line,
				    "last_values are for subscribers, but this socket is %s; take "
				    "them away, or let the backend be XPUB or PUB",
				    zl_socket_type_name[s->at.type]);
	return settle_slow(y, s) && settle_publisher(y, s) && settle_rules(y, s) &&
	       settle_users(y, s);
}
