/* The keys `policy` of a socket and `last_values` of a device: what the appliance does for and
 * against peers beyond ZeroMQ (control/ipc/policy.h). */
#include "control/config/schema.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define LAST(field) ZL_YAML_AT(struct zl_ipc_policy, last.field)
#define SLOW(field) ZL_YAML_AT(struct zl_ipc_policy, slow.field)

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
				    "\"%s\" is not one character, such as \".\"", s);
	until = (uint8_t)s[0] + 1u;
	memcpy(field, &until, sizeof(until));
	return true;
}

#define TOPIC_KEYS(of)                                                                             \
	{"topic_bytes", zl_yaml_number, of(topic.bytes), .min = 1, .max = ZL_TOPIC_KEY_MAX},       \
	{                                                                                          \
		"topic_until", read_until, of(topic.until)                                         \
	}

static bool check_topic(struct zl_yaml *y, unsigned line, const struct zl_ipc_topic *topic)
{
	if (!topic->bytes || !topic->until)
		return true;
	return zl_yaml_fail(y, line, "topic_bytes and topic_until are both given; keep one");
}

static const struct zl_yaml_key last_keys[] = {
	{"topics", zl_yaml_number, LAST(topics), .min = 1, .max = 16u << 20},
	{"memory", zl_yaml_number, LAST(bytes), .unit = ZL_UNIT_BYTES, .min = 64 << 10,
	 .max = 256ull << 30, .more = "64KiB to 256GiB"},
	{"message", zl_yaml_number, LAST(message_bytes), .unit = ZL_UNIT_BYTES, .min = 64,
	 .max = 16 << 20, .more = "64B to 16MiB"},
	TOPIC_KEYS(LAST),
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

bool zl_policy_settle(struct zl_yaml *y, const struct zl_config_socket *s)
{
	bool publishes = s->at.type == ZL_XPUB || s->at.type == ZL_PUB;

	if (s->at.policy.last.topics && !publishes)
		return zl_yaml_fail(y, s->line,
				    "last_values are for subscribers, but this socket is %s; take "
				    "them away, or let the backend be XPUB or PUB",
				    zl_socket_type_name[s->at.type]);
	return true;
}
