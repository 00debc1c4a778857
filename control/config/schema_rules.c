/* The rules under `policy`: which addresses may connect ("allow 10.0.0.0/8"), and which topics may
 * be published and subscribed to, by whom. */
#include "control/config/schema.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "10.0.0.0/8" or "10.0.0.1". */
static bool parse_network(const char *text, uint32_t *ip, uint8_t *prefix_len)
{
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	char address[16], *end = NULL;
	unsigned long len = slash ? strtoul(slash + 1, &end, 10) : 32;
	struct in_addr a;

	if (n >= sizeof(address) || (slash && (end == slash + 1 || *end)) || len > 32)
		return false;
	memcpy(address, text, n);
	address[n] = '\0';
	if (inet_pton(AF_INET, address, &a) != 1)
		return false;
	*ip = ntohl(a.s_addr);
	*prefix_len = (uint8_t)len;
	return true;
}

static bool read_address(struct zl_yaml *y, yaml_node_t *node, struct zl_ipc_address_rule *rule)
{
	const char *s = zl_yaml_text(y, node);
	bool allow;

	if (!s)
		return false;
	allow = strncmp(s, "allow ", 6) == 0;
	if ((allow || strncmp(s, "deny ", 5) == 0) &&
	    parse_network(s + (allow ? 6 : 5), &rule->ip, &rule->prefix_len)) {
		rule->deny = !allow;
		return true;
	}
	return zl_yaml_fail(y, zl_yaml_line(node),
			    "\"%.64s\" is not a rule, such as \"allow 10.0.0.0/8\" or \"deny "
			    "10.1.2.3\"",
			    s);
}

bool zl_address_rules(struct zl_yaml *y, yaml_node_t *node, void *field,
		      const struct zl_yaml_key *key)
{
	struct zl_ipc_policy *p = (void *)((char *)field - key->offset);
	int n = zl_yaml_items(y, node, true, "rules");

	if (n > ZL_ADDRESS_RULES_MAX)
		return zl_yaml_fail(y, zl_yaml_line(node), "has %d rules; there may be %d", n,
				    ZL_ADDRESS_RULES_MAX);
	for (int i = 0; i < n; i++) {
		size_t was = zl_yaml_enter(y, NULL, i);

		if (!read_address(y, zl_yaml_item(y, node, i), &p->address[i]))
			return false;
		zl_yaml_leave(y, was);
	}
	p->n_addresses = n > 0 ? (uint32_t)n : 0;
	return n >= 0;
}

/* --- topics --- */

#define TOPIC(field) ZL_YAML_AT(struct topic, field)

/* A rule as it is read. */
struct topic {
	uint32_t deny[ZL_TOPIC_VERBS]; /* 0: not given; 1: allow; 2: deny */
	struct zl_ipc_topic_rule rule;
};

static bool read_verdict(struct zl_yaml *y, yaml_node_t *node, void *field,
			 const struct zl_yaml_key *key)
{
	static const char *const words[] = {"", "allow", "deny", NULL};
	struct zl_yaml_key with = *key;

	with.more = words;
	return zl_yaml_enum(y, node, field, &with);
}

static bool read_from(struct zl_yaml *y, yaml_node_t *node, void *field,
		      const struct zl_yaml_key *key)
{
	struct topic *t = (void *)((char *)field - key->offset);
	const char *s = zl_yaml_text(y, node);

	if (!s)
		return false;
	if (parse_network(s, &t->rule.ip, &t->rule.prefix_len))
		return true;
	return zl_yaml_fail(y, zl_yaml_line(node),
			    "\"%.64s\" is not an address or network, such as 10.0.0.0/8", s);
}

static bool read_bytes(struct zl_yaml *y, yaml_node_t *node, uint8_t *bytes, size_t max,
		       uint8_t *len)
{
	const char *s = zl_yaml_text(y, node);

	if (!s)
		return false;
	if (strlen(s) > max)
		return zl_yaml_fail(y, zl_yaml_line(node), "\"%.80s\" is longer than %zu bytes", s,
				    max);
	*len = (uint8_t)strlen(s);
	memcpy(bytes, s, *len);
	return true;
}

static bool read_prefix(struct zl_yaml *y, yaml_node_t *node, void *field,
			const struct zl_yaml_key *key)
{
	struct topic *t = (void *)((char *)field - key->offset);

	return read_bytes(y, node, t->rule.prefix, sizeof(t->rule.prefix), &t->rule.bytes);
}

static bool read_identity(struct zl_yaml *y, yaml_node_t *node, void *field,
			  const struct zl_yaml_key *key)
{
	struct topic *t = (void *)((char *)field - key->offset);

	return read_bytes(y, node, t->rule.identity, sizeof(t->rule.identity),
			  &t->rule.identity_len);
}

static bool read_user(struct zl_yaml *y, yaml_node_t *node, void *field,
		      const struct zl_yaml_key *key)
{
	const char *s = zl_yaml_text(y, node);

	(void)key;
	if (!s)
		return false;
	if (!*s)
		return zl_yaml_fail(y, zl_yaml_line(node), "is empty");
	if (strlen(s) > ZL_RULE_USER_MAX)
		return zl_yaml_fail(y, zl_yaml_line(node), "\"%.80s\" is longer than %d bytes", s,
				    ZL_RULE_USER_MAX);
	strcpy(field, s);
	return true;
}

static const struct zl_yaml_key topic_keys[] = {
	{"publish", read_verdict, TOPIC(deny[ZL_TOPIC_PUBLISH])},
	{"subscribe", read_verdict, TOPIC(deny[ZL_TOPIC_SUBSCRIBE])},
	{"prefix", read_prefix, TOPIC(rule), .required = true},
	{"from", read_from, TOPIC(rule)},
	{"identity", read_identity, TOPIC(rule)},
	{"user", read_user, TOPIC(rule.user)},
	{0},
};

static bool read_topic(struct zl_yaml *y, yaml_node_t *node, struct zl_ipc_topic_rule *rule)
{
	struct topic t = {0};

	if (!zl_yaml_read_map(y, node, &t, topic_keys))
		return false;
	if (!t.deny[ZL_TOPIC_PUBLISH] == !t.deny[ZL_TOPIC_SUBSCRIBE])
		return zl_yaml_fail(
			y, zl_yaml_line(node),
			"a rule has one of \"publish\" and \"subscribe\": allow or deny");
	t.rule.verb = t.deny[ZL_TOPIC_PUBLISH] ? ZL_TOPIC_PUBLISH : ZL_TOPIC_SUBSCRIBE;
	t.rule.deny = t.deny[t.rule.verb] == 2;
	*rule = t.rule;
	return true;
}

bool zl_topic_rules(struct zl_yaml *y, yaml_node_t *node, void *field,
		    const struct zl_yaml_key *key)
{
	struct zl_ipc_policy *p = (void *)((char *)field - key->offset);
	int n = zl_yaml_items(y, node, false, "rules");

	if (n > ZL_TOPIC_RULES_MAX)
		return zl_yaml_fail(y, zl_yaml_line(node), "has %d rules; there may be %d", n,
				    ZL_TOPIC_RULES_MAX);
	for (int i = 0; i < n; i++) {
		size_t was = zl_yaml_enter(y, NULL, i);

		if (!read_topic(y, zl_yaml_item(y, node, i), &p->topic[i]))
			return false;
		zl_yaml_leave(y, was);
	}
	p->n_topics = n > 0 ? (uint32_t)n : 0;
	return n >= 0;
}

/* --- users --- */

#define USER(field) ZL_YAML_AT(struct zl_user_rule, field)

static const char *const allow_words[] = {"allow", "deny", NULL};

static bool read_rate(struct zl_yaml *y, yaml_node_t *node, void *field,
		      const struct zl_yaml_key *key)
{
	(void)key;
	return zl_yaml_read_map(y, node, field, zl_rate_keys);
}

static const struct zl_yaml_key user_keys[] = {
	{"connect", zl_yaml_enum, USER(deny), .required = true, .more = allow_words},
	{"user", read_user, USER(user)},
	{"endpoint", zl_yaml_string, USER(endpoint), .min = 1},
	{"rate_in", read_rate, USER(in)},
	{"rate_out", read_rate, USER(out)},
	{0},
};

bool zl_user_rules(struct zl_yaml *y, yaml_node_t *node, struct zl_user_rules *rules)
{
	int n = zl_yaml_items(y, node, false, "rules");

	if (n > ZL_USER_RULES_MAX)
		return zl_yaml_fail(y, zl_yaml_line(node), "has %d rules; there may be %d", n,
				    ZL_USER_RULES_MAX);
	if (n <= 0)
		return n == 0;
	rules->at = calloc((size_t)n, sizeof(*rules->at));
	if (!rules->at)
		return zl_yaml_fail(y, zl_yaml_line(node), "no memory");
	for (int i = 0; i < n; i++) {
		size_t was = zl_yaml_enter(y, NULL, i);

		if (!zl_yaml_read_map(y, zl_yaml_item(y, node, i), &rules->at[i], user_keys))
			return false;
		zl_yaml_leave(y, was);
	}
	rules->n = (uint32_t)n;
	return true;
}
